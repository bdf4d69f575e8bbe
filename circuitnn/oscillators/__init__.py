"""Networks of oscillators: macrospins, auto-oscillators, vortices and phases, thousands at a time, with couplings."""
