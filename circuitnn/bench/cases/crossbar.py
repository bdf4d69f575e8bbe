"""Crossbars by lines: against a sparse direct solution, other programs, the speed of memory, and themselves."""

from __future__ import annotations

import importlib
import logging
import os
import time
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import scipy.linalg

from circuitnn.bench.decks import memristor_array, write_and_read
from circuitnn.bench.ngspice import Ngspice
from circuitnn.bench.runner import Case, Row, median_time
from circuitnn.crossbar.assembly import number_nodes
from circuitnn.crossbar.bias import make_bias
from circuitnn.crossbar.cells import Cells
from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.crossbar.direct import DirectSolver
from circuitnn.crossbar.ensemble import CrossbarEnsemble
from circuitnn.crossbar.nonlinear import Waveforms
from circuitnn.crossbar.wires import make_wires

Array = np.ndarray[Any, np.dtype[np.float64]]
_TOLERANCE = 1e-6


def _once(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _array(size: int, low: float = 1e-6, high: float = 1e-4) -> tuple[Array, Array]:
    """Return cells of log-uniform conductance and source voltages."""
    rng = np.random.default_rng(0)
    return 10.0 ** rng.uniform(np.log10(low), np.log10(high), (size, size)), rng.uniform(0.0, 0.2, size)


def _direct(g: Array) -> DirectSolver:
    rows, cols = g.shape
    wires = make_wires((rows, cols), 1.0, 1.0, 0.0, 0.0, "left", "bottom")
    return DirectSolver(g, wires, number_nodes(rows, cols, wires), "baseline")


def _solver(g: Array, v: Array, **arguments: Any) -> Callable[[], object]:
    """Return the whole job: an array made, factored and solved for one vector."""
    return lambda: Crossbar(g, **arguments).solve(v, tolerance=_TOLERANCE)


def _triad(cells: int, rounds: int) -> float:
    """Return the time of one pass y = y + a x over arrays of so many doubles, 24 bytes a cell, s."""
    x, y = np.ones(cells), np.ones(cells)
    return median_time(lambda: scipy.linalg.blas.daxpy(x, y, a=3.0), rounds)


def _against_direct(rounds: int) -> list[Row]:
    rows = []
    for size in (64, 128, 256):
        g, v = _array(size)
        ours = median_time(_solver(g, v), rounds)
        began = time.perf_counter()
        exact = _direct(g).currents(make_bias((size, size), v))[0]
        direct = time.perf_counter() - began
        error = float(np.abs(Crossbar(g).solve(v, tolerance=_TOLERANCE).currents / exact - 1.0).max())
        goal = 2000.0 if size == 256 else None
        rows.append(Row(f"{size} x {size}: against SuperLU", 1e3 * ours, "ms", baseline=1e3 * direct, goal=goal))
        rows.append(Row(f"{size} x {size}: distance of the two", error, "relative"))
    return rows


def _against_badcrossbar(rounds: int) -> list[Row]:
    try:
        peer = importlib.import_module("badcrossbar")
    except ImportError:
        return []
    logging.getLogger().setLevel(logging.WARNING)  # it tells of every step
    rows = []
    for size, goal in ((128, 1000.0), (256, 3000.0), (512, 6000.0)):
        g, v = _array(size)
        theirs = _once(partial(peer.compute, v[:, None], 1.0 / g, 1.0))
        ours = median_time(_solver(g, v), rounds)
        rows.append(Row(f"{size} x {size}: against badcrossbar", 1e3 * ours, "ms", baseline=1e3 * theirs, goal=goal))
    return rows


def _against_memory(rounds: int) -> list[Row]:
    rows = []
    for size in (512, 1024, 2048):
        g, v = _array(size)
        taken = {storage: median_time(_solver(g, v, storage=storage), rounds) for storage in ("double", "single")}
        triad = _triad(size**2, rounds)  # last: the threads of BLAS go on spinning for a while
        for storage, ours in taken.items():
            goal = 1.0 / 15.0 if size >= 1024 else None
            name = f"{size} x {size}: against a pass of memory" + (", float32 storage" if storage == "single" else "")
            rows.append(Row(name, 1e3 * ours, "ms", baseline=1e3 * triad, goal=goal))
    before = _resident()
    xb = Crossbar(g)
    xb.solve(v, tolerance=_TOLERANCE)
    rows.append(Row("2048 x 2048: memory", (_resident() - before) / g.size, "B/cell", baseline=60.0, goal=1.0))
    return rows


def _resident() -> float:
    """Return the memory of this process, bytes."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return float(file.read().split()[1]) * float(os.sysconf("SC_PAGE_SIZE"))


def _growth(rounds: int) -> list[Row]:
    sizes = (64, 128, 256, 512, 1024, 2048, 4096)
    taken = []
    for size in sizes:
        g, v = _array(size)
        taken.append(median_time(_solver(g, v), rounds))
    # from 1024 x 1024 on, where the arrays of a solution no longer fit in a core's cache
    large = [k for k, size in enumerate(sizes) if size >= 1024]
    slope = np.polyfit(np.log([sizes[k] ** 2 for k in large]), np.log([taken[k] for k in large]), 1)[0]
    g, v = _array(4096, 1e-5, 1e-3)
    xb = Crossbar(g, 20.0, 20.0)
    hard = _once(lambda: xb.solve(v, tolerance=_TOLERANCE))
    info = xb.solve(v, tolerance=_TOLERANCE).info
    cycles = float(info.cycles) if info.method == "lines" else float("inf")
    return [
        Row("4096 x 4096", 1e3 * taken[-1], "ms"),
        Row("slope of log time over log cells, 1024 to 4096", float(slope), "", baseline=1.05, goal=1.0),
        Row("4096 x 4096, 1 to 100 kohm, 20 ohm: time", 1e3 * hard, "ms"),
        Row("4096 x 4096, 1 to 100 kohm, 20 ohm: cycles", cycles, "cycles", baseline=15.0, goal=1.0),
    ]


def _transfer(g: Array) -> Array:
    return Crossbar(g).transfer_matrix()


def _many_vectors(rounds: int) -> list[Row]:
    rows = []
    for size in (128, 256, 512):
        g, v = _array(size)
        ours = median_time(partial(_transfer, g), rounds)
        # *: its factors and 16 of its solutions, scaled to all of them
        bias, began = make_bias((size, size), np.tile(v, (16, 1))), time.perf_counter()
        solver = _direct(g)
        factor = time.perf_counter() - began
        peer = factor + size / 16 * _once(partial(solver.currents, bias))
        goal = 30.0 if size == 512 else None
        name = f"{size} x {size}: transfer matrix, against SuperLU*"
        rows.append(Row(name, 1e3 * ours, "ms", baseline=1e3 * peer, goal=goal))
    xb = Crossbar(g)
    T = xb.transfer_matrix()
    batch = np.random.default_rng(1).uniform(0.0, 0.2, (10_000, 512))
    ours, gemm = median_time(lambda: xb.solve(batch), rounds), median_time(lambda: batch @ T, rounds)
    rows.append(Row("10,000 vectors on 512 x 512: against GEMM", 1e3 * ours, "ms", baseline=1e3 * gemm, goal=1.0 / 1.3))
    return rows


def _in_time(rounds: int) -> list[Row]:
    """Return a SET and a read of 32 x 32 memristor cells, against a whole process of ngspice."""
    w, times, levels = write_and_read(32, 32)
    waves = Waveforms(times, levels)
    ours = median_time(lambda: Crossbar(Cells("hfo2", (32, 32), state={"w": w}), 1.0, 1.0).tran(waves), rounds)
    peer = Ngspice()
    longest = times[-1] / 50.0  # the longest step of both
    theirs = peer.run(memristor_array(w, times, levels, max_step=longest)).child.seconds if peer.there() else None
    baseline = None if theirs is None else 1e3 * theirs
    return [Row("32 x 32 memristors, SET and read: against ngspice", 1e3 * ours, "ms", baseline=baseline, goal=300.0)]


def _ensemble(rounds: int) -> list[Row]:
    cells = 10.0 ** np.random.default_rng(0).uniform(-6.0, -4.0, (1000, 64, 64))
    v = np.random.default_rng(1).uniform(0.0, 0.2, 64)

    def of(count: int) -> float:
        chips = CrossbarEnsemble(cells[:count])
        return median_time(lambda: chips.solve(v, tolerance=_TOLERANCE), rounds)

    with _one_core():
        one = (of(101) - of(1)) / 100.0
    return [
        Row("1000 arrays of 64 x 64: against 1000 of one", 1e3 * of(1000), "ms", baseline=1e6 * one, goal=1.0 / 1.5),
    ]


@contextmanager
def _one_core() -> Any:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _threads(rounds: int) -> list[Row]:
    g, v = _array(2048)
    both = median_time(_solver(g, v), rounds)
    found = Crossbar(g).solve(v, tolerance=_TOLERANCE).currents
    with _one_core():
        one = median_time(_solver(g, v), rounds)
        alone = Crossbar(g).solve(v, tolerance=_TOLERANCE).currents
    difference = float(np.abs(found / alone - 1.0).max())
    return [
        Row("2048 x 2048: all cores against one", 1e3 * both, "ms", baseline=1e3 * one, goal=1.7),
        Row("2048 x 2048: difference of the two", difference, "relative"),
    ]


#: One vector, 1 ohm a segment, relative error 1e-6, setup included, where nothing else is said.
EXPORT = Case(
    {
        "direct": _against_direct,
        "badcrossbar": _against_badcrossbar,
        "memory": _against_memory,
        "growth": _growth,
        "vectors": _many_vectors,
        "time": _in_time,
        "ensemble": _ensemble,
        "threads": _threads,
    },
    {"ngspice": Ngspice().there},
)
