"""What is computed from results after an analysis: vector expressions, ``.measure``, Fourier analysis.

Pure functions of a ``Result``; imports the netlist's expression trees, results and below.
"""
