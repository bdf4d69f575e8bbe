"""Netlists: text to statements, statements to a flat circuit description, and back to text.

``lexer`` (lines, places) -> ``expression``, ``elements``, ``cards`` (grammar) -> ``parser`` (files, subcircuits) ->
``statements`` -> ``expand`` -> ``flat.FlatNetlist``; ``writer`` goes back. A new directive is one file in ``cards``.
Imports errors, units, registry and results only; the analyses and the circuit above are reached by name.
"""
