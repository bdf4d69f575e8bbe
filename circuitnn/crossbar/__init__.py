"""Crossbars: conductances between word and bit lines whose wires have resistance.

Owns ``Crossbar`` (assembly, exact solution, transfer matrix), its solution object and its SPICE netlist.
May import ``errors``, ``units``, ``registry`` and ``results``; nothing of it knows networks, tiles or devices.
To add an effect on the wires: ``assembly.py`` holds the circuit's equations, ``spice.py`` the same circuit as text.
"""
