"""Texts of cards that ask something of the results: parameters in them become numbers, vectors stay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from circuitnn.errors import NetlistError, Place
from circuitnn.netlist.expression import Number, format_number, parse_expression, substitute, to_text
from circuitnn.netlist.probes import ask, vectors_in

if TYPE_CHECKING:
    from circuitnn.netlist.scope import Scope

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|\{[^{}]*\}")
_ASSIGNED = re.compile(r"(=\s*)([^\W\d][\w.]*)(?![\w(.#])")
_PIECE = re.compile(r"@[^\s\[\]]+\[[^\]]*\]?\]|[vi][a-z]*\([^()]*\)|[\d.]+\w*|[^\W\d][\w.#$]*(\s*\()?")


def resolve(text: str, scope: Scope, place: Place | None) -> str:
    """Return a card's text with the parameters of its scope as numbers.

    Parameters count after ``=`` and within quotes or braces: ``val='vdd/2'``, ``at=td``, ``par('gain*v(a)')``.
    """

    def valued(name: str) -> str:
        number = format_number(scope.param(name, place))
        return f"({number})" if number.startswith("-") else number

    def piece(found: re.Match[str]) -> str:
        is_name = found[1] is None and (found[0][0].isalpha() or found[0][0] == "_") and "(" not in found[0]
        return valued(found[0]) if is_name and scope.knows(found[0]) else found[0]

    def quoted(found: re.Match[str]) -> str:
        inside = found[0][1:-1]
        try:  # calls of .func are inlined where the text is an expression of the netlist's kind too
            tree = scope.inline(parse_expression(inside), place)
            tree = substitute(tree, lambda name: Number(scope.param(name)) if scope.knows(name) else None)
            return f"'{to_text(tree)}'"
        except NetlistError:
            return f"'{_PIECE.sub(piece, inside)}'"

    def assigned(found: re.Match[str]) -> str:
        return found[1] + valued(found[2]) if scope.knows(found[2]) else found[0]

    parts: list[str] = []
    last = 0
    for found in _QUOTED.finditer(text):
        parts += [_ASSIGNED.sub(assigned, text[last : found.start()]), quoted(found)]
        last = found.end()
    return "".join([*parts, _ASSIGNED.sub(assigned, text[last:])])


def need(text: str, scope: Scope, place: Place | None) -> None:
    """Note which vectors a text needs: inside blocks, and beside those of ``.save``."""
    ask(scope.flat, text, place)
    scope.flat.needed += [name for name in vectors_in(text) if name not in scope.flat.needed]
