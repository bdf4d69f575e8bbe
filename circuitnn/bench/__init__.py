"""Benchmarks: one case a file in ``cases/``, run by ``circuitnn bench NAME``; no speed is claimed elsewhere."""
