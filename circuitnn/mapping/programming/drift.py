"""A programmed layout hours to years later, and what brings its accuracy back.

Drift and retention are those of the ``nonidealities``, whose time is set. Against them: gains in logic, found by
reading all word lines at once as before (drift compensation), and programming of what is out of tolerance again
(``of_layout.program_layout`` with ``blank=False``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import UsageError
from circuitnn.mapping.matrix import MappedMatrix, tile_label
from circuitnn.mapping.programming.of_layout import Device, program_layout
from circuitnn.mapping.programming.plan import Plan
from circuitnn.mapping.programming.report import ProgrammingReport
from circuitnn.nonidealities.chain import Chain
from circuitnn.nonidealities.nonideality import Nonideality

if TYPE_CHECKING:
    from circuitnn.mapping.layout import Layout

Array = NDArray[np.float64]
#: Times that are usual in tables, s.
TIMES = {"1 hour": 3600.0, "1 day": 86400.0, "1 month": 2.63e6, "1 year": 3.156e7, "10 years": 3.156e8}


def aged(
    layout: Layout,
    seconds: float,
    effects: Iterable[Nonideality] | Nonideality,
    *,
    seed: int | None = None,
    temp: float = 27.0,
) -> Layout:
    """Return a layout as it is a time after it was programmed.

    Parameters
    ----------
    layout : Layout
        As programmed: what its tiles hold is what ages.
    seconds : float
    effects : sequence of Nonideality
        Such as ``Drift`` and ``Retention``; their own ``time`` does not count.
    seed : int, optional
        Of the effects; a cell has the same exponent at all times.
    temp : float, degC

    Raises
    ------
    UsageError
        For a negative time, or effects that are not of ageing or have no time.

    Examples
    --------
    >>> import circuitnn as cn
    >>> layout = cn.compile([([[1.0, -1.0]], None, "linear")], tile=(8, 8))
    >>> later = aged(layout, 86400.0, cn.nonidealities.Drift(nu=0.05, nu_sigma=0.0), seed=1)
    >>> round(float(later([1.0])[0]), 4)                                               # (86400 / 20)^-0.05
    0.658
    """
    if not (np.isfinite(seconds) and seconds >= 0.0):
        raise UsageError(f"seconds is {seconds!r}", expected="a time since programming, not negative")
    given = (effects,) if isinstance(effects, Nonideality) else tuple(effects)
    for effect in given:
        if effect.stage != "age" or "time" not in effect.params:
            raise UsageError(f"{effect.kind} is not what time does to cells", expected="drift or retention")
    dated = [type(effect)(**{**effect.given(), "time": float(seconds)}) for effect in given]
    chain = Chain.of(dated, seed, window=(layout.g_min, layout.g_max), temp=temp + 273.15)
    matrices = []
    for matrix in layout.matrices:
        tiles = [
            replace(tile, G=chain.of_array(tile_label(matrix.label, k)).written(tile.G))
            for k, tile in enumerate(matrix.tiles, 1)
        ]
        matrices.append(replace(matrix, tiles=tuple(tiles)))
    return replace(layout, matrices=tuple(matrices))


def compensated(layout: Layout, reference: Layout, by: str = "matrix") -> Layout:
    """Return a layout whose gains in logic make up for what its reference reads have lost.

    A reference read has all word lines at the read voltage and adds up the currents of bit lines: of a whole matrix, or
    of each output. The gain is what it was over what it is.

    Parameters
    ----------
    layout : Layout
    reference : Layout
        The same just after it was programmed.
    by : {"matrix", "output"}
        One gain for each matrix, or one for each of its outputs.

    Raises
    ------
    UsageError
        For layouts of different matrices, and where a current has gone altogether.

    References
    ----------
    V. Joshi et al., "Accurate deep neural network inference using computational phase-change memory", Nat. Commun. 11,
    2473 (2020): global drift compensation, a gain for each layer.

    Examples
    --------
    >>> import circuitnn as cn
    >>> layout = cn.compile([([[1.0, -1.0]], None, "linear")], tile=(8, 8))
    >>> later = aged(layout, 86400.0, cn.nonidealities.Drift(nu=0.05, nu_sigma=0.0), seed=1)
    >>> compensated(later, layout)([1.0]).round(9).tolist()
    [1.0, -1.0]
    """
    if by not in ("matrix", "output"):
        raise UsageError(f"by is {by!r}", expected="'matrix' or 'output'", names=["by"])
    shapes = [[(m.label, m.weights.shape) for m in each.matrices] for each in (layout, reference)]
    if shapes[0] != shapes[1]:
        raise UsageError("the reference is a layout of another network", expected="the same, as it was programmed")
    matrices = []
    for now, before in zip(layout.matrices, reference.matrices, strict=True):
        then, today = (_reference_read(matrix, layout.periphery.read_voltage) for matrix in (before, now))
        if by == "matrix":
            then, today = np.full_like(then, then.sum()), np.full_like(today, today.sum())
        if not (today > 0.0).all():
            raise UsageError(f"a reference read of {now.label} gives no current", hint="program it anew")
        matrices.append(now.keeping(gain=before.gain * (then / today)))
    return replace(layout, matrices=tuple(matrices))


def _reference_read(matrix: MappedMatrix, voltage: float) -> Array:
    """Return the currents of all bit lines of each output together, in the weight that they have, (outputs,)."""
    total = np.zeros(matrix.weights.shape[1])
    for k, tile in enumerate(matrix.tiles):
        outputs = len(tile.place.outputs)
        currents = matrix.crossbar(k).solve(np.full(tile.G.shape[0], voltage)).currents
        weight = abs(matrix.encoding.analogue(outputs) @ matrix.encoding.digital(outputs))
        total[tile.place.outputs] += currents @ weight
    return total


@dataclass(frozen=True)
class Later:
    """A layout after a time.

    Attributes
    ----------
    seconds : float
    left, global_gain, output_gain, programmed : float
        Accuracy as it is, with a gain for each matrix, with one for each output, and programmed again.
    report : ProgrammingReport
        Of programming again: cells that were still within the tolerance took no pulse.
    """

    seconds: float
    left: float
    global_gain: float
    output_gain: float
    programmed: float
    report: ProgrammingReport


def over_time(
    layout: Layout,
    x: ArrayLike,
    y: ArrayLike,
    effects: Iterable[Nonideality] | Nonideality,
    times: Iterable[float] = tuple(TIMES.values()),
    *,
    plan: Plan | None = None,
    device: Device | None = None,
    seed: int | None = None,
    temp: float = 27.0,
) -> tuple[Later, ...]:
    """Return accuracies after some times, without and with each kind of re-calibration.

    Parameters
    ----------
    layout : Layout
        As programmed.
    x, y : array_like
        As of ``Layout.evaluate``.
    effects, seed, temp
        As of ``aged``.
    times : sequence of float, s
    plan, device
        Of programming again, as of ``program_layout``.
    """
    found = []
    given = (effects,) if isinstance(effects, Nonideality) else tuple(effects)
    for seconds in times:
        later = aged(layout, seconds, given, seed=seed, temp=temp)
        again, report = program_layout(later, plan, device=device, seed=seed, blank=False)
        calibrated = compensated(later, layout), compensated(later, layout, "output")
        left, each, outputs, programmed = (one.evaluate(x, y).accuracy for one in (later, *calibrated, again))
        found.append(Later(seconds, left, each, outputs, programmed, report))
    return tuple(found)
