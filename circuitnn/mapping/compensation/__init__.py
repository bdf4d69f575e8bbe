"""Making a circuit with resistive wires compute the wanted matrix.

``wires`` chooses conductances, ``permutation`` the order of lines, ``calibration`` gains and offsets of the digital
side. All work on arrays; ``Layout`` calls them for its matrices.
"""
