"""Parameters of devices from measurements: loops and pulse trains, their simulation, least squares, uncertainties.

Imports analyses and below.
"""
