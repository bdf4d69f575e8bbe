"""What a netlist says is joined: subcircuits, their ports, and the instances in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from circuitnn.errors import NetlistError, Place


@dataclass(frozen=True)
class Instance:
    """An instance of a subcircuit, and the nets at its ports."""

    child: str
    nets: tuple[str, ...]


@dataclass
class Subcircuit:
    """A subcircuit of a netlist, names in lower case; ``instances`` are without their x. Parameters are left out."""

    name: str
    ports: tuple[str, ...]
    instances: dict[str, Instance] = field(default_factory=dict)


def read_subcircuits(lines: Iterable[str], file: str = "<text>") -> dict[str, Subcircuit]:
    """Return the subcircuits of a netlist such as ``netlist_text`` writes; the top has the name ``""``.

    Parameters
    ----------
    lines : iterable of str
        The first one is a title.
    file : str
        For messages.

    Raises
    ------
    NetlistError
        For ``.ends`` too many, an instance that comes twice, or one whose subcircuit is unknown or has another number
        of ports.

    Examples
    --------
    >>> found = read_subcircuits(["title", ".subckt cell w b", "r1 w b 1k", ".ends", "xc in out cell"])
    >>> found[""].instances
    {'c': Instance(child='cell', nets=('in', 'out'))}
    """
    found = {"": Subcircuit("", ())}
    open_ones = [found[""]]
    places: dict[tuple[str, str], Place] = {}
    for number, line in _logical(lines):
        words = line.lower().split()
        place = Place(file, number, 1, line[:200])
        if words[0] == ".subckt":
            open_ones.append(Subcircuit(words[1], tuple(word for word in words[2:] if "=" not in word)))
            found[words[1]] = open_ones[-1]
        elif words[0] == ".ends":
            if len(open_ones) == 1:
                raise NetlistError(".ends without .subckt", place=place)
            open_ones.pop()
        elif words[0].startswith("x"):
            owner, name = open_ones[-1], words[0][1:]
            words = [word for word in words if "=" not in word]
            if name in owner.instances:
                raise NetlistError(f"{words[0]!r} comes twice", place=place, names=[words[0]])
            owner.instances[name] = Instance(words[-1], tuple(words[1:-1]))
            places[owner.name, name] = place
    for owner in found.values():
        for name, instance in owner.instances.items():
            child = found.get(instance.child)
            if child is None or len(child.ports) != len(instance.nets):
                what = "is unknown" if child is None else f"has {len(child.ports)} ports, not {len(instance.nets)}"
                raise NetlistError(
                    f"the subcircuit {instance.child!r} {what}", place=places[owner.name, name], names=[instance.child]
                )
    return found


def _logical(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield lines with those that continue them, and where they begin; without title and comments."""
    start, parts = 0, [""]
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if number == 1 or not line or line.startswith("*"):
            continue
        if line.startswith("+"):
            parts.append(line[1:])
            continue
        if parts[0]:
            yield start, " ".join(parts)
        start, parts = number, [line]
    if parts[0]:
        yield start, " ".join(parts)
