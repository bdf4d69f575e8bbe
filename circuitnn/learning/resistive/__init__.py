"""Networks of resistors and diodes that equilibrium propagation trains."""
