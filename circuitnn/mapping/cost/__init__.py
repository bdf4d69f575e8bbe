"""What a network on crossbars costs: energy, time and area of an inference, kWh and CO2e, beside measured digital ones.

Owns ``Technology`` (the numbers, each with its unit and source), ``energy.py`` (arrays by the circuit's own solution,
and what surrounds them), ``latency.py``, ``area.py``, ``report.py`` (``cost``, ``Cost``) and ``references.py``
(measured machines, carbon intensity of electricity). Works on ``Work``, a matrix on its arrays and how often it is
read; nothing of it knows graphs or files of layouts. Units are those of SI throughout.
"""
