"""A crossbar as plain SPICE text: sources, wire segments, cells and ammeters, nothing of ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.wires import Side, Wires
from circuitnn.results.atomic import replacing

Array = NDArray[np.float64]
_PER_PRINT = 8
_OPEN = 1e-300  # siemens; the resistance of less overflows


def write_netlist(
    conductances: Array, wires: Wires, v: Array, path: str | os.PathLike[str] | None = None
) -> str | None:
    """Write the netlist of an array driven by ``v`` to ``path``, or return it when there is none.

    ``i(vsenseJ)`` is the current of bit line J into ground.

    Every value has 17 significant digits. Wires without resistance are left out (their nodes are one), and so are open
    cells, broken segments and ends that nothing is tied to. The options ask for more than SPICE's default accuracy,
    which stops at a relative 1e-3.
    """
    rows, cols = conductances.shape
    lines = [f"* crossbar {rows} x {cols}, circuitnn"]
    lines += [f"vin{i} in{i} 0 dc {volts:.17g}" for i, volts in enumerate(v.tolist())]
    lines += array_lines(conductances, wires)
    lines += [f"vsense{j} out{j} 0 dc 0" for j in range(cols)]
    lines += [".options reltol=1e-9 abstol=1e-18 vntol=1e-15", ".op"]
    for k in range(0, cols, _PER_PRINT):
        lines.append(".print op " + " ".join(f"i(vsense{j})" for j in range(k, min(k + _PER_PRINT, cols))))
    text = "\n".join([*lines, ".end", ""])
    if path is None:
        return text
    with replacing(path) as temporary:
        Path(temporary).write_text(text, encoding="ascii")
    return None


def array_lines(conductances: Array, wires: Wires) -> Iterator[str]:
    """Yield the resistors of an array, wires and cells, between the nodes ``inI`` and ``outJ`` of its terminals."""
    rows, cols = conductances.shape
    word, bit = wires.word, wires.bit
    word_lines = [_Names(f"in{i}", f"rs{i}", f"s{i}", f"rw{i}_%d", f"w{i}_%d") for i in range(rows)]
    bit_lines = [_Names(f"out{j}", f"rt{j}", f"t{j}", f"rb%d_{j}", f"b%d_{j}") for j in range(cols)]
    for i in range(rows):
        yield from _line(word, i, cols, word_lines[i])
    for i, row in enumerate(conductances.tolist()):
        for j, g in enumerate(row):
            if g > _OPEN:
                nodes = f"{_node(word, i, j, word_lines[i])} {_node(bit, j, i, bit_lines[j])}"
                yield f"rc{i}_{j} {nodes} {1.0 / g:.17g}"
    for j in range(cols):
        yield from _line(bit, j, rows, bit_lines[j])


@dataclass(frozen=True, slots=True)
class _Names:
    """Of one line: its terminal, what lies between it and the wire, and segments and nodes with a %d for the number."""

    terminal: str
    source: str
    tied: str
    wire: str
    node: str


def _node(side: Side, line: int, cell: int, names: _Names) -> str:
    """Return the node of a cell; an ideal wire is its terminal, or what lies behind the terminal's resistance."""
    if not side.ideal:
        return names.node % cell
    return names.terminal if side.beyond[line] == 0.0 else names.tied


def _line(side: Side, line: int, cells: int, names: _Names) -> Iterator[str]:
    """Yield the resistors of one line; a second end repeats the names of the first with an h."""
    beyond = float(side.beyond[line])
    if side.ideal:
        if 0.0 < beyond < np.inf:  # two ends of one node are two such resistances in parallel
            yield f"{names.source} {names.terminal} {names.tied} {beyond / sum(side.ends):.17g}"
        return
    segment = np.broadcast_to(side.segment[line], (cells - 1,)).tolist()
    for k, (end, at, r) in enumerate(((side.ends[0], 0, side.first[line]), (side.ends[1], cells - 1, side.last[line]))):
        if end and np.isfinite(beyond) and np.isfinite(r):
            mark = "h" if k and side.ends[0] else ""
            if beyond > 0.0:
                yield f"{names.source}{mark} {names.terminal} {names.tied}{mark} {beyond:.17g}"
            start = f"{names.tied}{mark}" if beyond > 0.0 else names.terminal
            yield f"{names.wire % (cells if k else 0)} {start} {names.node % at} {r:.17g}"
    for j, r in enumerate(segment):
        if np.isfinite(r):
            yield f"{names.wire % (j + 1)} {names.node % j} {names.node % (j + 1)} {r:.17g}"
