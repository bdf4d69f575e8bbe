"""Crossbars by lines: against a sparse direct solution, and against the speed of memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from circuitnn.bench.runner import Row
from circuitnn.crossbar.assembly import number_nodes
from circuitnn.crossbar.bias import make_bias
from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.crossbar.direct import DirectSolver
from circuitnn.crossbar.wires import make_wires

_DIRECT = (64, 128, 256)
_LARGE = (512, 1024, 2048)


def _median(call: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _array(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return cells of 10 kohm to 1 Mohm, log-uniform, and source voltages."""
    rng = np.random.default_rng(0)
    return 10.0 ** rng.uniform(-6.0, -4.0, (size, size)), rng.uniform(0.0, 0.2, size)


def _direct(g: np.ndarray) -> DirectSolver:
    wires = make_wires(g.shape, 1.0, 1.0, 0.0, 0.0, "left", "bottom")
    return DirectSolver(g, wires, number_nodes(g.shape[0], g.shape[1], wires), "baseline")


def _triad(cells: int) -> float:
    """Return the time of one pass a = b + s c over arrays of so many doubles, 24 bytes a cell."""
    a, b, c = np.zeros(cells), np.ones(cells), np.ones(cells)

    def one_pass() -> None:
        np.multiply(c, 3.0, out=a)
        np.add(a, b, out=a)

    # numpy makes two passes, over 16 and 24 bytes, where one over 24 would do
    return _median(one_pass, 7) * 24.0 / 40.0


def run() -> list[Row]:
    """Return the rows; one vector, 1 ohm a segment, relative error 1e-6, setup included."""
    rows = []
    for size in _DIRECT:
        g, v = _array(size)
        ours = _median(lambda g=g, v=v: Crossbar(g).solve(v, tolerance=1e-6), 9)  # type: ignore[misc]
        began = time.perf_counter()
        exact = _direct(g).currents(make_bias(g.shape, v))[0]
        direct = time.perf_counter() - began
        error = float(np.abs(Crossbar(g).solve(v, tolerance=1e-6).currents / exact - 1.0).max())
        goal = 2000.0 if size == 256 else None
        rows.append(Row(f"{size} x {size}: against SuperLU", 1e3 * ours, "ms", baseline=1e3 * direct, goal=goal))
        rows.append(Row(f"{size} x {size}: distance of the two", error, "relative"))
    for size in _LARGE:
        g, v = _array(size)
        ours = _median(lambda g=g, v=v: Crossbar(g).solve(v, tolerance=1e-6), 5)  # type: ignore[misc]
        goal = 1.0 / 15.0 if size >= 1024 else None
        rows.append(
            Row(
                f"{size} x {size}: against a pass of memory",
                1e3 * ours,
                "ms",
                baseline=1e3 * _triad(size**2),
                goal=goal,
            )
        )
    for size in (128, 256):
        g, _ = _array(size)
        ours = _median(lambda g=g: Crossbar(g).transfer_matrix(), 3)  # type: ignore[misc]
        solver = _direct(g)
        rows.append(
            Row(f"{size} x {size}: transfer matrix", 1e3 * ours, "ms", baseline=1e3 * _median(solver.transfer, 1))
        )
    return rows


EXPORT = run
