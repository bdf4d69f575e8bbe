"""Names of what can be asked for inside a block (an A element), and the vectors that a text asks for.

``v(a1.word[3,17])`` is a voltage, ``i(a1.bit[5])`` the current into a port, ``@a1[w[3,17]]`` a state of a cell. In
results all are ordinary names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from circuitnn.errors import Place, UsageError
from circuitnn.netlist.flat import FlatNetlist

_INSIDE = re.compile(r"(?:([vi])\((.+)\.|@([^\[\]]+)\[)(\w+)\[(\d{1,9}(?:,\d{1,9})*)\][)\]]")
_VECTOR = re.compile(r"@[^\s\[\](),]+\[[^\[\]]*(?:\[[^\[\]]*\])?\]|[vi](?:m|p|db|r|i)?\([^()]*\)")
_OUTSIDE_BRACKETS = re.compile(r",(?![^\[]*\])")


@dataclass(frozen=True, slots=True)
class InnerVector:
    """Something inside a block.

    Parameters
    ----------
    kind : {"v", "i", "@"}
        Voltage, current into a port, or state.
    element : str
    part : str
        ``word`` or ``bit``, or the name of a state.
    index : tuple of int
        Counted from 0.
    """

    kind: str
    element: str
    part: str
    index: tuple[int, ...]

    @classmethod
    def from_text(cls, name: str) -> InnerVector | None:
        """Return what a name stands for, None when it has not the form.

        Examples
        --------
        >>> InnerVector.from_text("v(x1.a1.word[3,17])")
        InnerVector(kind='v', element='x1.a1', part='word', index=(3, 17))
        >>> str(InnerVector.from_text("@a1[w[0,2]]"))
        '@a1[w[0,2]]'
        """
        found = _INSIDE.fullmatch(name)
        if found is None or name[-1] != (")" if found[1] else "]"):
            return None
        index = tuple([int(word) for word in found[5].split(",")])
        return cls(found[1] or "@", found[2] or found[3], found[4], index)

    def __str__(self) -> str:
        inner = f"{self.part}[{','.join(map(str, self.index))}]"
        return f"@{self.element}[{inner}]" if self.kind == "@" else f"{self.kind}({self.element}.{inner})"

    def renamed(self, element: str) -> InnerVector:
        """Return the same of an element under another name."""
        return replace(self, element=element)


def ask(flat: FlatNetlist, text: str, place: Place | None) -> None:
    """Note what a text asks for inside blocks and of elements; whether there is such a thing, the circuit knows."""
    for name in vectors_in(text):
        vector = InnerVector.from_text(name)
        if vector is not None or name[0] in "@i":
            flat.probes.append(str(vector or name))
            if place is not None:
                flat.asked_at.setdefault(str(vector or name), place)


def split_arguments(text: str) -> list[str]:
    """Return the parts of ``a,b`` where a comma inside brackets separates nothing.

    Examples
    --------
    >>> split_arguments("a1.word[0,1],out")
    ['a1.word[0,1]', 'out']
    """
    return _OUTSIDE_BRACKETS.split(text)


def vectors_in(text: str) -> list[str]:
    """Return the vectors that a text names, each alone: of differences both, of ``vdb(a)`` and the like ``v(a)``.

    Examples
    --------
    >>> vectors_in("ac vdb(out) V(A1.word[0,1], a1.bit[0,1]) @n1[w]")
    ['v(out)', 'v(a1.word[0,1])', 'v(a1.bit[0,1])', '@n1[w]']
    """
    if not isinstance(text, str):
        raise UsageError(f"{text!r} names no vector", expected="a name such as 'v(out)'")
    found = []
    for match in _VECTOR.finditer(text.lower()):
        name = "".join(match[0].split())
        if name[0] == "@":
            found.append(name)
        else:
            inside = name[name.index("(") + 1 : -1]
            found += [f"{name[0]}({part})" for part in split_arguments(inside)]
    return found
