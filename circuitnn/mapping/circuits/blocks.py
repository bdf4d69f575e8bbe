"""A block of a circuit: a ``.subckt`` with named ports, and the blocks that it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from circuitnn.errors import UsageError


@dataclass(frozen=True)
class Block:
    """A subcircuit as plain SPICE text.

    Parameters
    ----------
    name : str
        Of the ``.subckt``.
    ports : tuple of str
    lines : tuple of str
        Its elements and models.
    parts : tuple of Block
        Blocks of which it holds instances.

    Examples
    --------
    >>> half = Block("half", ("a", "b"), ("r1 a b 1k", "r2 b 0 1k"))
    >>> half.instance("1", b="out", a="in")
    'x1 in out half'
    >>> print(library([half]))
    .subckt half a b
    r1 a b 1k
    r2 b 0 1k
    .ends
    """

    name: str
    ports: tuple[str, ...]
    lines: tuple[str, ...]
    parts: tuple[Block, ...] = ()

    def instance(self, name: str, **nodes: str) -> str:
        """Return the line of an instance ``x<name>`` whose ports are joined to ``nodes``.

        Raises
        ------
        UsageError
            When a port is missing, or a node is given for none.
        """
        if {*nodes} != {*self.ports}:
            raise UsageError(
                f"x{name} joins {' '.join(sorted(nodes))} of {self.name}",
                expected=f"a node for each of {' '.join(self.ports)}",
                names=(self.name,),
            )
        return " ".join([f"x{name}", *(nodes[port] for port in self.ports), self.name])

    def needed(self) -> Iterator[Block]:
        """Yield the block and all that it is made of, parts first; some may come more than once."""
        for part in self.parts:
            yield from part.needed()
        yield self


def library(blocks: Iterable[Block]) -> str:
    """Return the definitions of blocks and of their parts, each once.

    Raises
    ------
    UsageError
        When two that differ have one name.
    """
    known: dict[str, Block] = {}
    for block in blocks:
        for one in block.needed():
            if known.setdefault(one.name, one) != one:
                raise UsageError(f"two blocks are called {one.name!r}", names=(one.name,), hint="rename one of them")
    return "\n".join(
        "\n".join([f".subckt {one.name} {' '.join(one.ports)}", *one.lines, ".ends"]) for one in known.values()
    )
