"""Programming of a whole layout: every tile, from blank cells or from what they hold now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.cells import Cells, Spec
from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.errors import UsageError, nearest
from circuitnn.mapping.matrix import MappedMatrix, tile_label
from circuitnn.mapping.programming.engine import states_for
from circuitnn.mapping.programming.plan import PLANS, Plan
from circuitnn.mapping.programming.report import ProgrammingReport, TileProgramming
from circuitnn.mapping.programming.write_verify import program
from circuitnn.nonidealities.nonideality import Nonideality

if TYPE_CHECKING:
    from circuitnn.mapping.layout import Layout

Array = NDArray[np.float64]
#: What cells are made of: a device, or what makes the cells of an array of (rows, cols).
Device = Spec | Callable[[tuple[int, int]], Cells]
_LEAST_WIRE = 1e-3  # ohm a segment, as good as none


def plan_for(layout: Layout, device: Device | None = None) -> Plan:
    """Return the ready-made plan of a device, by the name of its card, with a hundredth of the layout's range.

    Raises
    ------
    UsageError
        When there is none.
    """
    name = layout.device if device is None else device
    if not isinstance(name, str) or name.lower() not in PLANS:
        raise UsageError(
            f"there is no ready-made plan for {name!r}",
            expected=", ".join(PLANS),
            hint=(nearest(name.lower(), PLANS) if isinstance(name, str) else None) or "give a Plan",
        )
    return replace(PLANS[name.lower()], tolerance=0.01 * (layout.g_max - layout.g_min))


def program_layout(
    layout: Layout,
    plan: Plan | None = None,
    *,
    device: Device | None = None,
    fidelity: str = "fast",
    seed: int | None = None,
    blank: bool = True,
    nonidealities: Iterable[Nonideality] = (),
    progress: Callable[[float], None] | None = None,
) -> tuple[Layout, ProgrammingReport]:
    """Program the cells of every tile towards its targets, by write and verify with the device's own equations.

    Parameters
    ----------
    layout : Layout
    plan : Plan, optional
        The ready-made one of the device (``plan_for``) when not given.
    device : str, Model, device class or callable, optional
        Of the cells; the layout's when not given. A callable takes the shape of a tile and returns its ``Cells``, such
        as those with transistors.
    fidelity, seed
        As of ``write_verify.program``.
    blank : bool
        True: cells begin as the device says. False: at the tile's present conductances, or the nearest that the device
        reaches.
    nonidealities : sequence of Nonideality
        Of the devices: variability, stuck cells and others that do not act on reads.
    progress : callable, optional
        Called with the share of tiles that is done.

    Returns
    -------
    layout : Layout
        With the conductances reached; non-idealities that act on reads stay, others are no more in it.
    report : ProgrammingReport

    Raises
    ------
    UsageError, CrossbarError, ConvergenceError
        As ``write_verify.program``; and when there is no plan, or the device is unknown.

    Examples
    --------
    >>> import circuitnn as cn
    >>> layout = cn.compile([([[1.0, -0.5]], None, "linear")], tile=(8, 8), device="hfo2")
    >>> done, report = program_layout(layout)
    >>> len(report.failures), report.cells, bool(report.worst < 1e-6)
    (0, 4, True)
    >>> bool(abs(done([1.0]) - layout([1.0])).max() < 0.03)
    True
    """
    plan = plan_for(layout, device) if plan is None else plan
    kind: Device = layout.device if device is None else device
    if kind == "custom":
        raise UsageError("the layout was made for a range of conductance alone", expected="device= of the cells")
    effects, reads = tuple(nonidealities), layout.effects.at_reads
    count = sum(len(matrix.tiles) for matrix in layout.matrices)
    matrices, found = [], list[TileProgramming]()
    for matrix in layout.matrices:
        tiles = []
        for k, tile in enumerate(matrix.tiles, 1):
            shape, label = (tile.G.shape[0], tile.G.shape[1]), tile_label(matrix.label, k)
            cells = kind(shape) if callable(kind) and not isinstance(kind, type) else Cells(kind, shape)
            wires = (max(r, _LEAST_WIRE) for r in (matrix.r_word, matrix.r_bit))
            xb = Crossbar(cells, *wires, nonidealities=effects, seed=seed, name=label)
            if not blank:
                xb.set_states(**states_for(xb.cells, plan.verify, tile.G))
            scale = line_scales(matrix, len(tile.place.outputs))
            done = program(xb, tile.target, plan, fidelity=fidelity, seed=seed, name=label, scale=scale)
            found.append(done)
            tiles.append(replace(tile, G=done.reached))
            if progress is not None:
                progress(len(found) / count)
        matrices.append(replace(matrix, tiles=tuple(tiles), effects=reads))
    return replace(layout, matrices=tuple(matrices), effects=reads), ProgrammingReport(tuple(found))


def line_scales(matrix: MappedMatrix, outputs: int) -> Array:
    """Return the weight of one siemens on each bit line of a tile of so many outputs, shape (lines,), 1/S."""
    combined = np.abs((matrix.encoding.analogue(outputs) @ matrix.encoding.digital(outputs)).toarray())
    return np.asarray(matrix.scale * combined.max(axis=1))
