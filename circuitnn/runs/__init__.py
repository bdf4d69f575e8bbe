"""Whole decks: analyses in order, steps over parameters, ``.measure`` and ``.four``, control scripts.

Imports analyses and below; the netlist reaches it by name.
"""
