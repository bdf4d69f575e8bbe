"""A crossbar as plain SPICE text: sources, wire segments, cells and ammeters, nothing of ours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.assembly import Wires

Array = NDArray[np.float64]
_PER_PRINT = 8
_OPEN = 1e-300  # siemens; the resistance of less overflows
Node = Callable[[int, int], str]


def write_netlist(conductances: Array, wires: Wires, v: Array) -> str:
    """Return the netlist of an array driven by ``v``; ``i(vsenseJ)`` is the current of bit line J into ground.

    Every value has 17 significant digits. Wires without resistance are left out (their nodes are one), and so are open
    cells. The options ask for more than SPICE's default accuracy, which stops at a relative 1e-3.
    """
    rows, cols = conductances.shape
    word, bit = _word_node(wires), _bit_node(rows, wires)
    lines = [f"* crossbar {rows} x {cols}, circuitnn"]
    lines += [f"vin{i} in{i} 0 dc {volts:.17g}" for i, volts in enumerate(v.tolist())]
    if wires.r_source > 0.0:
        lines += [f"rs{i} in{i} {_source_end(i, wires)} {wires.r_source:.17g}" for i in range(rows)]
    if wires.r_word > 0.0:
        for i in range(rows):
            ends = [_source_end(i, wires), *[word(i, j) for j in range(cols)]]
            lines += [f"rw{i}_{j} {ends[j]} {ends[j + 1]} {wires.r_word:.17g}" for j in range(cols)]
    for i, row in enumerate(conductances.tolist()):
        lines += [f"rc{i}_{j} {word(i, j)} {bit(i, j)} {1.0 / g:.17g}" for j, g in enumerate(row) if g > _OPEN]
    if wires.r_bit > 0.0:
        for j in range(cols):
            ends = [*[bit(i, j) for i in range(rows)], _sense_end(j, wires)]
            lines += [f"rb{i}_{j} {ends[i]} {ends[i + 1]} {wires.r_bit:.17g}" for i in range(rows)]
    if wires.r_sense > 0.0:
        lines += [f"rt{j} {_sense_end(j, wires)} out{j} {wires.r_sense:.17g}" for j in range(cols)]
    lines += [f"vsense{j} out{j} 0 dc 0" for j in range(cols)]
    lines += [".options reltol=1e-9 abstol=1e-18 vntol=1e-15", ".op"]
    for k in range(0, cols, _PER_PRINT):
        lines.append(".print op " + " ".join(f"i(vsense{j})" for j in range(k, min(k + _PER_PRINT, cols))))
    return "\n".join([*lines, ".end", ""])


def _source_end(i: int, wires: Wires) -> str:
    """Return the node between source resistance and word line."""
    return f"s{i}" if wires.r_source > 0.0 else f"in{i}"


def _sense_end(j: int, wires: Wires) -> str:
    """Return the node between bit line and sense resistance."""
    return f"t{j}" if wires.r_sense > 0.0 else f"out{j}"


def _word_node(wires: Wires) -> Node:
    if wires.r_word > 0.0:
        return lambda i, j: f"w{i}_{j}"
    return lambda i, j: _source_end(i, wires)


def _bit_node(rows: int, wires: Wires) -> Node:
    if wires.r_bit > 0.0:
        return lambda i, j: f"b{i}_{j}"
    return lambda i, j: _sense_end(j, wires)
