"""What a network on crossbars costs: energy, time and area of an inference, kWh and CO2e, beside measured machines.

Owns ``Technology`` (the numbers, each with its unit and source), ``energy.py`` (arrays by the circuit's own solution,
and what surrounds them), ``latency.py``, ``area.py``, ``report.py`` (``cost``, ``Cost``) and ``references.py``
(measured machines, carbon intensity of electricity). They work on ``Work``, a matrix on its arrays and how often it is
read; ``of_layout.py`` alone knows layouts and graphs. Units are those of SI throughout.
"""
