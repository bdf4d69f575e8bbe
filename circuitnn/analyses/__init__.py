"""Analyses, one file each: a frozen dataclass whose fields are the card, the Python and the command-line arguments.

Each has ``run(system) -> Result`` and ``from_card(card)``; it sees a ``System`` and no device. Imports mna, results
and below. To add one, write ``NAME.py`` with ``EXPORT = YourAnalysis``: ``.NAME``, ``circuit.NAME()`` find it.
"""
