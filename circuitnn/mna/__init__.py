"""The system of equations of a circuit: unknowns, sparsity, constant matrices, kernel batches, and the C engine.

Owns modified nodal analysis: ``system.py`` plans, ``_engine.pyx`` solves, ``_lu.pyx`` factors, ``tape.py`` turns
behavioural expressions into kernels. Imports circuit, devices and below; an analysis sees only ``System``.
"""
