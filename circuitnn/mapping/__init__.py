"""Trained networks on crossbars: import, tiles, conductances, periphery, inference in the circuit, layout files.

Owns ``compile`` and ``Layout``. May import everything up to ``crossbar``. Data flow: network -> ``Graph`` (importers)
-> ``Layout`` (tiles of conductances, periphery) -> currents (``inference``). A new network format is one file in
``importers``; ``conductance.py`` says what a weight becomes.
"""
