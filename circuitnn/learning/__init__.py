"""Learning in the circuit: rules, the synapses that they move, and the trainer that runs them."""
