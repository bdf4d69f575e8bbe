"""How weights are held and moved by pulses, one kind a file."""
