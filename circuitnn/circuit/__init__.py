"""The flat circuit as a graph: elements, models, options, and the checks of its topology before any numbers.

Owns ``Circuit`` (built by hand or from a deck), ``SimOptions`` and ``topology``. Imports netlist and below; devices
and analyses lie above and are found by name through the catalog.
"""
