"""Benchmarks: one case a file in ``cases/``, run by ``circuitnn bench NAME``; speed is claimed here and nowhere else."""
