"""Write and verify: cells of an array are read and pulsed until they conduct what they should."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.checks import real
from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.crossbar.ladders import sensed_shares
from circuitnn.errors import UsageError
from circuitnn.mapping.programming.engine import Engine, reach
from circuitnn.mapping.programming.exact import ExactEngine
from circuitnn.mapping.programming.fast import FastEngine
from circuitnn.mapping.programming.plan import Plan
from circuitnn.mapping.programming.report import Failure, TileProgramming
from circuitnn.nonidealities.sites import Sites

Array = NDArray[np.float64]
Index = NDArray[np.int64]
ENGINES: dict[str, type[Engine]] = {"fast": FastEngine, "exact": ExactEngine}
_STUCK = 0.1  # tolerances by which a cell that is not stuck moves


def program(
    xb: Crossbar,
    targets: ArrayLike,
    plan: Plan,
    *,
    fidelity: str = "fast",
    seed: int | None = None,
    name: str = "",
    scale: float | Array = 0.0,
) -> TileProgramming:
    """Program the device cells of a crossbar, and leave their states where that ends.

    Parameters
    ----------
    xb : Crossbar
        Of device cells. Its states are where programming begins.
    targets : array_like, shape (rows, cols), S
        What each cell is to conduct at the voltage of verification.
    plan : Plan
    fidelity : {"fast", "exact"}
        ``"exact"`` solves the whole array, wires included, at every step of every pulse; ``"fast"`` integrates cells
        one by one behind what their lines let through (see ``fast``).
    seed : int, optional
        Of the noise of verification, for which it must be given. The same cells get the same noise in both fidelities.
    name : str
        Of the tile.
    scale : float or ndarray, shape (cols,), 1/S
        Weight of one siemens, for the report.

    Returns
    -------
    TileProgramming
        Cells that did not reach their targets are in its ``failures``.

    Raises
    ------
    UsageError
        For targets of another shape, negative or infinite; a fidelity or a seed that is none; a scheme with floating
        lines in the fast fidelity.
    CrossbarError
        For a crossbar of conductances.
    ConvergenceError
        When a pulse cannot be integrated, or a read does not converge.

    Notes
    -----
    What is verified is the current of the cell's bit line through the wires, corrected for these where the plan says
    so; what a cell is said to have reached is what it conducts by itself. Reads do not move states.

    References
    ----------
    F. Alibart et al., "High precision tuning of state for memristive devices by adaptable variation-tolerant
    algorithm", Nanotechnology 23, 075201 (2012).

    Examples
    --------
    >>> import circuitnn as cn
    >>> from circuitnn.mapping.programming.plan import PLANS
    >>> xb = cn.Crossbar(cn.Cells("hfo2", (2, 2), state={"w": 3e-9}))             # all at 1 Mohm
    >>> done = program(xb, [[1e-4, 1e-6], [2e-5, 5e-5]], PLANS["hfo2"])
    >>> bool(np.abs(done.error).max() < 1.1e-6), len(done.failures)
    (True, 0)
    """
    if fidelity not in ENGINES:
        raise UsageError(f"fidelity is {fidelity!r}", expected=" or ".join(map(repr, ENGINES)), names=["fidelity"])
    wanted = real("targets", targets)
    if wanted.shape != xb.shape or not (np.isfinite(wanted) & (wanted >= 0.0)).all():
        raise UsageError(
            f"targets of shape {wanted.shape}" if wanted.shape != xb.shape else "a target is negative or infinite",
            expected=f"conductances of shape {xb.shape}, S",
            names=["targets"],
        )
    seeded = isinstance(seed, int | np.integer) and not isinstance(seed, bool) and seed >= 0
    if not seeded and (plan.verify.noise or seed is not None):
        raise UsageError(f"seed is {seed!r}", expected="an integer from 0 on, for the noise of verification")
    engine = ENGINES[fidelity](xb, plan)
    loop = _Loop(engine, wanted, Sites.of_array((xb.rows, xb.cols), name, seed=seed, stream="programming"))
    before = engine.conductances()
    passes = 0
    while passes < plan.passes:
        passes += 1
        if not loop.once(passes):
            break
    reached = engine.conductances()
    failures = _failures(xb, plan, wanted, before, reached, loop)
    shape = xb.shape
    return TileProgramming(
        name,
        wanted,
        reached,
        loop.pulses.reshape(shape),
        loop.reads.reshape(shape),
        passes,
        loop.time,
        engine.energy,
        plan.tolerance,
        failures,
        scale,
    )


class _Loop:
    """Reads and pulses of all cells."""

    def __init__(self, engine: Engine, targets: Array, sites: Sites) -> None:
        self._engine, self._plan = engine, engine.plan
        self._targets, self._sites = targets.ravel(), sites.flat
        self.pulses, self.reads = np.zeros((2, targets.size), np.int64)
        self.verified = np.zeros(targets.size, bool)
        self.time = 0.0
        corrected = self._plan.verify.corrected
        self._shares = sensed_shares(engine.xb.wires, targets).ravel() if corrected else np.ones(targets.size)

    def once(self, number: int) -> bool:
        """Go through all cells; return whether any got a pulse."""
        before = int(self.pulses.sum())
        for cells in self._engine.batches():
            self._engine.begin(cells)
            self._tune(cells, number)
            self._engine.end(cells)
        self._engine.settle()
        return int(self.pulses.sum()) > before

    def _tune(self, cells: Index, number: int) -> None:
        """Pulse some cells until they are read within the tolerance."""
        train, k = np.full(len(cells), -1), np.zeros(len(cells), int)
        left = np.arange(len(cells))
        for turn in range(self._plan.most_pulses + 1):
            found = self._read(cells[left], number, turn)
            off = self._targets[cells[left]] - found
            self.verified[cells[left]] = np.abs(off) <= self._plan.tolerance
            out = ~self.verified[cells[left]]
            left, off = left[out], off[out]
            if not len(left) or turn == self._plan.most_pulses:
                return
            wanted = np.where(off > 0.0, 0, 1)
            k[left] = np.where(wanted == train[left], k[left] + 1, 0)
            train[left] = wanted
            level = self._engine.level_of(wanted, k[left])
            self._engine.pulse(cells[left], level)
            self.pulses[cells[left]] += 1
            self.time += self._engine.durations(level)

    def _read(self, cells: Index, number: int, turn: int) -> Array:
        self.reads[cells] += 1
        self.time += len(cells) * self._plan.verify.time
        found = self._plan.verify.measured(self._engine.read(cells), self._sites.where(cells), (number, turn))
        return np.asarray(found / self._shares[cells])


def _failures(
    xb: Crossbar, plan: Plan, targets: Array, before: Array, reached: Array, loop: _Loop
) -> tuple[Failure, ...]:
    """Return the cells that are not at their targets, and why."""
    verified, pulses = (values.reshape(xb.shape) for values in (loop.verified, loop.pulses))
    bad = ~verified | (np.abs(reached - targets) > plan.tolerance)
    *_, low, high = reach(xb.cells, plan.verify, xb.states)
    least, most = np.minimum(low, high), np.maximum(low, high)
    found = []
    for row, col in np.argwhere(bad).tolist():
        target, got = float(targets[row, col]), float(reached[row, col])
        if not least[row, col] - plan.tolerance <= target <= most[row, col] + plan.tolerance:
            reason = "out of range"
        elif verified[row, col]:
            reason = "not held"
        elif abs(got - before[row, col]) < _STUCK * plan.tolerance:
            reason = "stuck"
        else:
            reason = "not reached"
        found.append(Failure(row, col, target, got, int(pulses[row, col]), reason))
    return tuple(found)
