"""Layout versus schematic: what is joined in a layout file against what its netlist says.

The layout's connectivity is what `extract` finds in the shapes. Instances are known by their places: cells of an array
by its pitches, tiles by the text at their corner, the blocks of a tile by their cells. Nets of arrays and of blocks are
known by the texts on them. So a difference has a place: the tile, the word line, the bit line.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from circuitnn.errors import FileError
from circuitnn.mapping.physical.extract import Extracted, extract
from circuitnn.mapping.physical.macro import Site
from circuitnn.mapping.physical.netlist import OF_TILE, netlist_text
from circuitnn.mapping.physical.reference import Subcircuit, read_subcircuits
from circuitnn.mapping.physical.stack import Stack

#: Differences that a report prints.
SHOWN = 20
_CELL = "cell"

#: Where a device's or block's pin is: instance and pin.
Pin = tuple[str, str]


@dataclass(frozen=True)
class Difference:
    """Something that layout and netlist do not agree on.

    Attributes
    ----------
    kind : str
        ``open``, ``short``, ``wired``, ``missing`` or ``extra``.
    where : str
        The cell of the layout.
    text : str
        What is wrong, with word and bit lines.
    """

    kind: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


@dataclass(frozen=True)
class Report:
    """What the comparison of a layout with its netlist found.

    Attributes
    ----------
    devices, nets, ports : (int, int)
        How many of the netlist's the layout has as they should be, and how many the netlist has, all tiles together.
        Ports are those of driver and sense blocks, where they meet the array.
    tiles : (int, int)
        Likewise.
    differences : tuple of Difference
        One for each cell of the layout, not for each of its instances.

    Examples
    --------
    >>> print(Report((15, 16), (10, 11), (11, 11), (2, 2), (Difference("open", "array_3x4", "word line 2 is cut"),)))
    the layout differs from its netlist: 1 difference
    2 of 2 tiles, 15 of 16 devices, 10 of 11 nets, 11 of 11 ports
      array_3x4: word line 2 is cut
    """

    devices: tuple[int, int]
    nets: tuple[int, int]
    ports: tuple[int, int]
    tiles: tuple[int, int]
    differences: tuple[Difference, ...]

    @property
    def ok(self) -> bool:
        """Whether the layout is what the netlist says."""
        return not self.differences

    def __str__(self) -> str:
        many = f"{len(self.differences)} difference{'' if len(self.differences) == 1 else 's'}"
        verdict = "matches its netlist" if self.ok else f"differs from its netlist: {many}"
        counts = ", ".join(
            f"{have} of {want} {name}"
            for name, (have, want) in (
                ("tiles", self.tiles),
                ("devices", self.devices),
                ("nets", self.nets),
                ("ports", self.ports),
            )
        )
        hidden = len(self.differences) - SHOWN
        more = [f"  and {hidden} more"] if hidden > 0 else []
        return "\n".join([f"the layout {verdict}", counts, *(f"  {d}" for d in self.differences[:SHOWN]), *more])


def check_layout(
    path: str | os.PathLike[str], netlist: Iterable[Site] | str | os.PathLike[str], stack: Stack | None = None
) -> Report:
    """Compare a layout file with a netlist.

    Parameters
    ----------
    path : path-like
        GDSII or OASIS.
    netlist : sequence of Site, or path-like
        Tiles, whose netlist is then that of ``netlist_text``; or a netlist file of the same form.
    stack : Stack, optional
        With the layers and pitches of the layout; the default stack when not given.

    Returns
    -------
    Report

    Raises
    ------
    FileError
        When a file cannot be read.
    LayoutError
        When the layout has several top cells, none of them named ``chip``, or none at all.
    NetlistError
        When the netlist is malformed.
    MissingExtraError
        Without klayout.
    """
    stack = Stack() if stack is None else stack
    wanted = _read_netlist(netlist)
    try:
        return _Comparison(wanted, extract(path, stack), stack).report()
    except RuntimeError as error:  # of klayout: names that are no UTF-8 fail where they are asked for
        raise FileError(f"cannot read the layout {str(path)!r}: {error}", expected="GDSII or OASIS") from error


def _read_netlist(netlist: Iterable[Site] | str | os.PathLike[str]) -> dict[str, Subcircuit]:
    if not isinstance(netlist, str | os.PathLike):
        return read_subcircuits(netlist_text(netlist).splitlines())
    try:
        with Path(netlist).open(encoding="utf-8") as stream:
            return read_subcircuits(stream, str(netlist))
    except (OSError, ValueError) as error:
        raise FileError(f"cannot read the netlist {str(netlist)!r}: {error}", expected="a SPICE netlist") from error


@dataclass
class _Counts:
    """Of one shape of tile: what it should have, and what is wrong."""

    devices: int = 0
    nets: int = 0
    ports: int = 0
    bad_devices: set[str] = field(default_factory=set)
    bad_nets: set[str] = field(default_factory=set)
    bad_ports: set[Pin] = field(default_factory=set)
    joined: set[frozenset[str]] = field(default_factory=set)


class _Comparison:
    def __init__(self, wanted: Mapping[str, Subcircuit], found: Extracted, stack: Stack) -> None:
        self.wanted, self.found, self.stack = wanted, found, stack
        self.netlist = found.netlist
        #: Cells of the layout by the subcircuits that tell what they hold.
        self.drawn_as = {name: name.partition(OF_TILE)[0] for name in wanted}
        self.cells = {*self.drawn_as.values(), found.top.name.lower()}
        self.differences: list[Difference] = []
        self._flatten_strangers()
        self.circuits = {circuit.name.lower(): circuit for circuit in self.netlist.each_circuit()}
        self.top = found.top.name.lower()

    def _flatten_strangers(self) -> None:
        """Dissolve cells that the netlist does not have into those that hold them, so that their contents count."""
        while True:
            strangers = [
                circuit
                for circuit in self.netlist.each_circuit_bottom_up()
                if not self._known(circuit) and any(True for _ in circuit.each_ref())
            ]
            if not strangers:
                return
            self.netlist.flatten_circuit(strangers[0])

    def _known(self, circuit: Any) -> bool:
        name = circuit.name.lower()
        if name == _CELL:
            return sum(1 for _ in circuit.each_device()) == 1 and not any(True for _ in circuit.each_subcircuit())
        return name in self.cells

    def report(self) -> Report:
        top = self.wanted[""]
        counts = {name: self._compare_tile(name) for name in {i.child for i in top.instances.values()}}
        matched = self._compare_top(top)
        kinds = Counter(instance.child for instance in top.instances.values())

        def total(what: str) -> tuple[int, int]:
            want = sum(n * getattr(counts[kind], what) for kind, n in kinds.items())
            bad = sum(n * len(getattr(counts[kind], f"bad_{what}")) for kind, n in matched.items())
            return sum(n * getattr(counts[kind], what) for kind, n in matched.items()) - bad, want

        return Report(
            total("devices"),
            total("nets"),
            total("ports"),
            (sum(matched.values()), len(top.instances)),
            tuple(dict.fromkeys(self.differences)),  # tiles of one shape share a cell
        )

    def _note(self, kind: str, where: str, text: str) -> None:
        self.differences.append(Difference(kind, where, text))

    def _compare_top(self, top: Subcircuit) -> Counter[str]:
        """Compare the instances of tiles; return how many of each kind there are as they should be."""
        circuit, matched = self.circuits[self.top], Counter[str]()
        texts = dict(self._texts())
        names: dict[int, str] = {}
        for sub in circuit.each_subcircuit():
            child = sub.circuit_ref().name.lower()
            if not child.startswith("tile_"):
                continue
            at = sub.trans.disp
            name = texts.get((round(at.x, 3), round(at.y, 3)), f"at {at.x:g}, {at.y:g} um").lower()
            names[sub.id()] = name
            wanted = top.instances.get(name)
            if wanted is None:
                self._note("extra", circuit.name, f"a tile {name!r} of {child}, which the netlist does not have")
            elif self.drawn_as[wanted.child] != child:
                self._note("wired", circuit.name, f"tile {name!r} is {child}, not {self.drawn_as[wanted.child]}")
            else:
                matched[wanted.child] += 1
        for name, instance in top.instances.items():
            if name not in names.values():
                self._note("missing", circuit.name, f"tile {name!r} of {self.drawn_as[instance.child]} is missing")
        for net in circuit.each_net():
            pins = [
                f"{_line(pin)} of tile {names[ref.subcircuit().id()]!r}"
                for ref in net.each_subcircuit_pin()
                if ref.subcircuit().id() in names
                for pin in sorted(_inner_names(ref))
            ]
            if len(set(pins)) > 1:
                self._note("short", circuit.name, f"{' and '.join(sorted(set(pins)))} are joined")
        return matched

    def _texts(self) -> Iterator[tuple[tuple[float, float], str]]:
        top = self.found.top
        layer = top.layout().find_layer(*self.stack.outline)
        if layer is not None:
            for shape in top.each_shape(layer):
                if shape.is_text():
                    at = shape.dtext.trans.disp
                    yield (round(at.x, 3), round(at.y, 3)), shape.text_string

    def _compare_tile(self, name: str) -> _Counts:
        wanted, counts = self.wanted[name], _Counts()
        array = next((i.child for i in wanted.instances.values() if i.child.startswith("array_")), None)
        counts.nets = len({net for i in wanted.instances.values() for net in i.nets})
        if array is not None:
            counts.devices = len(self.wanted[array].instances)
            counts.ports = sum(len(i.nets) for i in wanted.instances.values() if i.child != array)
            if self.drawn_as[array] in self.circuits:
                self._compare_array(array, counts)
        drawn = self.drawn_as[name]
        circuit = self.circuits.get(drawn)
        if circuit is None:
            return counts  # the top tells that its instances are missing
        pins: dict[Pin, set[int]] = {}
        there: set[str] = set()
        nets = list(circuit.each_net())
        for k, net in enumerate(nets):
            for ref in net.each_subcircuit_pin():
                block = _block(ref.subcircuit())
                for inner in _inner_names(ref):
                    pins.setdefault((block, inner), set()).add(k)
        there |= {_block(sub) for sub in circuit.each_subcircuit()}
        wants: dict[Pin, str] = {}
        for block, instance in wanted.instances.items():
            if block not in there:
                self._note("missing", drawn, f"the block {self.drawn_as[instance.child]} is missing")
                counts.bad_nets |= set(instance.nets)
                if block == "array":
                    counts.bad_devices |= set(self.wanted[instance.child].instances)
                else:
                    counts.bad_ports |= {(block, port) for port in self.wanted[instance.child].ports}
                continue
            wants.update(
                ((block, port), net) for port, net in zip(self.wanted[instance.child].ports, instance.nets, strict=True)
            )
        self._compare_ends(drawn, wants, pins, counts)
        return counts

    def _compare_ends(
        self, where: str, wants: Mapping[Pin, str], pins: Mapping[Pin, set[int]], counts: _Counts
    ) -> None:
        """Compare where lines of the array meet the blocks around it."""
        of_net: dict[str, list[Pin]] = {}
        for pin, net in wants.items():
            of_net.setdefault(net, []).append(pin)
        on_piece: dict[int, set[str]] = {}
        for pin, net in wants.items():
            for k in pins.get(pin, ()):
                on_piece.setdefault(k, set()).add(net)
        for joined in sorted({tuple(sorted(nets)) for nets in on_piece.values() if len(nets) > 1}):
            if frozenset(joined) not in counts.joined:  # not already in the array
                self._note("short", where, f"{_lines(joined)} are joined")
                counts.bad_nets |= set(joined)
        for net, ends in of_net.items():
            array = next((pins.get(pin, set()) for pin in ends if pin[0] == "array"), set())
            for pin in ends:
                if pin[0] != "array" and not (pins.get(pin, set()) & array):
                    self._note("open", where, f"{_line(net)} does not reach the {pin[0]} circuit")
                    counts.bad_nets.add(net)
                    counts.bad_ports.add(pin)

    def _compare_array(self, subcircuit: str, counts: _Counts) -> None:
        wanted, name = self.wanted[subcircuit], self.drawn_as[subcircuit]
        ports = self.wanted[_CELL].ports
        wants = {
            (cell, port): net
            for cell, instance in wanted.instances.items()
            for port, net in zip(ports, instance.nets, strict=True)
        }
        rows = sum(port.startswith("w") for port in wanted.ports)
        labels: set[str] = set()
        seen: Counter[Pin] = Counter()
        shorts: set[tuple[str, ...]] = set()
        pieces: dict[str, list[str]] = {}
        for net in self.circuits[name].each_net():
            names = _labels(net)
            labels |= names
            if len(names) > 1:
                shorts.add(tuple(sorted(names, key=_natural)))
            for pin in self._cell_pins(net, rows):
                seen[pin] += 1
                want = wants.get(pin)
                if want is None or want in names:
                    continue
                counts.bad_devices.add(pin[0])
                if names:
                    self._note("wired", name, f"{_cell(pin[0])} is on {_lines(names)}, not on {_line(want)}")
                else:
                    pieces.setdefault(want, []).append(pin[0])
        for joined in sorted(shorts):
            self._note("short", name, f"{_lines(joined)} are joined")
            counts.bad_nets |= set(joined)
            counts.joined.add(frozenset(joined))
        for cell in wanted.instances:
            times = max(seen[cell, port] for port in ports)
            if times != 1:
                text = "is missing" if times == 0 else f"is there {times} times"
                self._note("missing" if times == 0 else "extra", name, f"{_cell(cell)} {text}")
                counts.bad_devices.add(cell)
            for port in ports if times else ():
                if not seen[cell, port]:  # nothing leads there from the cell
                    pieces.setdefault(wants[cell, port], []).append(cell)
                    counts.bad_devices.add(cell)
        for net_name, cells in sorted(pieces.items(), key=lambda item: _natural(item[0])):
            self._note("open", name, f"{_line(net_name)} does not reach {_cells(net_name, cells)}")
            counts.bad_nets.add(net_name)
        for port in wanted.ports:
            if port not in labels:
                self._note("missing", name, f"{_line(port)} is missing, or has no text")
                counts.bad_nets.add(port)
        for cell in sorted({pin[0] for pin in seen} - set(wanted.instances), key=_natural):
            self._note("extra", name, f"{_cell(cell)}, which the netlist does not have")

    def _cell_pins(self, net: Any, rows: int) -> Iterator[Pin]:
        for ref in net.each_subcircuit_pin():
            sub = ref.subcircuit()
            if sub.circuit_ref().name.lower() == _CELL:
                yield self._cell_name(sub.trans.disp, rows), self._cell_port(ref.pin_id())
        for ref in net.each_terminal():
            yield self._cell_name(ref.device().trans.disp, rows), ref.terminal_def().name

    def _cell_name(self, at: Any, rows: int) -> str:
        row, col = rows - 1 - round(at.y / self.stack.pitch_y - 0.5), round(at.x / self.stack.pitch_x - 0.5)
        return f"c{row}_{col}"

    def _cell_port(self, pin: int) -> str:
        if not hasattr(self, "_ports"):
            cell = self.circuits[_CELL]
            device = next(cell.each_device())
            self._ports = {}
            for terminal in device.device_class().terminal_definitions():
                net = device.net_for_terminal(terminal.id())
                for ref in net.each_pin():
                    self._ports[ref.pin().id()] = terminal.name
        return self._ports.get(pin, "")


def _block(sub: Any) -> str:
    return str(sub.circuit_ref().name.lower().partition("_")[0])


def _labels(net: Any) -> set[str]:
    return {name.lower() for name in net.name.split(",")} if net.name else set()


def _inner_names(ref: Any) -> set[str]:
    """Return the texts on a net inside the subcircuit that one of its pins leads to; those of its blocks for a tile."""
    inner = ref.subcircuit().circuit_ref().net_for_pin(ref.pin_id())
    if inner is None:
        return set()
    found = _labels(inner)
    if _block(ref.subcircuit()) == "tile":
        for deeper in inner.each_subcircuit_pin():
            found |= _inner_names(deeper)
    return found


def _natural(name: str) -> tuple[Any, ...]:
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name))


def _line(net: str) -> str:
    kinds = {"w": "word", "b": "bit"}
    if net[:1] in kinds and net[1:].isdigit():
        return f"{kinds[net[0]]} line {net[1:]}"
    return f"net {net!r}"


def _lines(nets: Iterable[str]) -> str:
    return " and ".join(_line(net) for net in sorted(nets, key=_natural))


def _cell(name: str) -> str:
    row, _, col = name[1:].partition("_")
    return f"the cell at word line {row}, bit line {col}"


def _cells(net: str, cells: Iterable[str]) -> str:
    """Return which cells of a line are meant, as ranges of the lines that cross it."""
    across = sorted(int(cell[1:].partition("_")[2 if net.startswith("w") else 0]) for cell in cells)
    ranges: list[list[int]] = []
    for k in across:
        if ranges and k == ranges[-1][1] + 1:
            ranges[-1][1] = k
        else:
            ranges.append([k, k])
    kind = "bit" if net.startswith("w") else "word"
    many = "s" if len(across) > 1 else ""
    spans = ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in ranges)
    return f"its cell{many} at {kind} line{many} {spans}"
