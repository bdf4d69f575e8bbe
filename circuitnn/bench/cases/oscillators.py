"""Oscillators: macrospins against cmtj, one in a circuit against ngspice, periodic states against settling."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any

from circuitnn.bench.periodic import settling
from circuitnn.bench.runner import Case, Row, median_time, median_times
from circuitnn.bench.spintronic import oscillator_into_load
from circuitnn.oscillators.macrospins import Macrospins

#: A film of 1 T and 2 nm that turns about its perpendicular polariser, 1 ps a step, a point each 0.1 ns.
_START = (0.479425538604203, 0.0, 0.8775825618903728)
_STEP, _EVERY = 1e-12, 100
_HOT = 300.0
_MANY = 10_000
#: Steps of one oscillator here and in cmtj, and of each of many.
_LONG, _PEER, _SHORT = 500_000, 100_000, 2_000


def _there() -> bool:
    return importlib.util.find_spec("cmtj") is not None


def _population(n: int) -> Macrospins:
    return Macrospins(n, ms=795_774.7, alpha=0.01, thickness=2e-9, area=1e-14, eta=0.5, current=1e-4)


def _run(n: int, steps: int, method: str, hot: bool, threads: int | None = None) -> Callable[[], object]:
    noise: dict[str, Any] = {"temp": _HOT, "seed": 1} if hot else {}
    pop = _population(n)
    return partial(pop.run, steps * _STEP, _STEP, method=method, start=_START, every=_EVERY, threads=threads, **noise)


def _cmtj(steps: int, method: str, hot: bool) -> Callable[[], object]:
    """Return a run of one oscillator in cmtj."""
    cmtj = importlib.import_module("cmtj")
    vector, constant = cmtj.CVector, cmtj.ScalarDriver.getConstantDriver

    def run() -> None:
        layer = cmtj.Layer.createSTTLayer(
            id="free", mag=vector(*_START), anis=vector(0, 0, 1), Ms=1.0, thickness=2e-9, cellSurface=1e-14,
            demagTensor=[vector(0, 0, 0), vector(0, 0, 0), vector(0, 0, 1)], damping=0.01,
            SlonczewskiSpacerLayerParameter=1.0, beta=0.0, spinPolarisation=0.5,
        )  # fmt: skip
        layer.setReferenceLayer(vector(0, 0, 1))
        junction = cmtj.Junction([layer])
        junction.setLayerCurrentDriver("free", constant(1e10))
        if hot:
            junction.setLayerTemperatureDriver("free", constant(_HOT))
        mode = getattr(cmtj.SolverMode, {"rk4": "RK4", "heun": "Heun"}[method])
        junction.runSimulation(steps * _STEP, _STEP, _EVERY * _STEP, solverMode=mode)

    return run


def _compare(name: str, method: str, hot: bool, rounds: int) -> list[Row]:
    """Return nanoseconds that a step of an oscillator takes: one on one thread, many on all."""
    calls = [_run(1, _LONG, method, hot, 1), _run(_MANY, _SHORT, method, hot)]
    # cmtj has no call for many oscillators: one after the other, each takes what one takes
    calls += [_cmtj(_PEER, method, hot)] if _there() else []
    taken = median_times(calls, rounds)
    one, many = 1e9 * taken[0] / _LONG, 1e9 * taken[1] / (_MANY * _SHORT)
    peer = 1e9 * taken[2] / _PEER if _there() else None

    def row(which: str, ours: float, goal: float) -> Row:
        beside: dict[str, float | str] = {"million steps/s": 1e3 / ours}
        if peer is not None:
            beside["cmtj's"] = 1e3 / peer
        return Row(f"{name}, {which}: a step", ours, "ns", baseline=peer, goal=goal, details=beside)

    return [row("one", one, 4.0), row(f"{_MANY:,}", many, 20.0)]


def _threads(rounds: int) -> list[Row]:
    rows = []
    for name, method, hot in (("RK4", "rk4", False), ("Heun at 300 K", "heun", True)):
        one, two = (1e3 * median_time(_run(_MANY, _SHORT, method, hot, threads), rounds) for threads in (1, 2))
        rows.append(Row(f"{name}, {_MANY:,}: two threads against one", two, "ms", baseline=one, goal=1.8))
    return rows


def _periodic(rounds: int) -> list[Row]:
    """Return what a periodic state takes beside a transient that settles as well; each is the best of three."""
    rows = []
    for name in ("lc", "ring", "sto"):
        found = settling(name)
        beside: dict[str, float | str] = {"periods": found.periods, "steps": found.steps, "error": found.error}
        rows.append(
            Row(
                f"periodic state, {name}",
                1e3 * found.pss,
                "ms",
                baseline=1e3 * found.transient,
                goal=10.0,
                details=beside,
            )
        )
    return rows


EXPORT = Case(
    {
        "rk4": partial(_compare, "RK4", "rk4", False),
        "heat": partial(_compare, "Heun at 300 K", "heun", True),
        "threads": _threads,
        "circuit": oscillator_into_load,
        "periodic": _periodic,
    },
    peers={"cmtj": _there},
)
