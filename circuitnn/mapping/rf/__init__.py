"""Neural layers that talk through radio waves: oscillators as neurons, chains of spin-diode resonators as synapses.

Owns ``RfNetwork`` (the fast physical model and its gradients), its training, and ``RfLayout`` with the mapping of
trained weights onto resonance frequencies. May import what ``mapping`` may. Data flow: powers of tones ->
``resonators`` (voltage of a chain) -> ``neurons`` (power that an oscillator emits) -> the next layer's tones;
``detuning`` and ``placement`` turn wanted weights into frequencies, ``target`` is ``compile(..., target="rf")``.
"""
