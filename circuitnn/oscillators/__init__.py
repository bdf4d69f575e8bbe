"""Networks of oscillators: macrospins, auto-oscillators, vortices and phases with their couplings, thousands at a time."""
