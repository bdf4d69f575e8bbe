"""Periodic steady states against settling by a transient to the same accuracy of the period."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

import circuitnn as cn
from circuitnn.bench.decks import ring
from circuitnn.results.result import Result


@dataclass(frozen=True)
class Settling:
    """What one oscillator took.

    Parameters
    ----------
    name : str
    pss, transient : float
        Wall time, s.
    error : float
        Part by which the transient's period is off.
    steps : int
        That the transient took.
    """

    name: str
    pss: float
    transient: float
    error: float
    steps: int


def tank() -> str:
    """Return an LC oscillator with a cubic conductance, whose amplitude settles over 50 periods."""
    return "\n".join(
        [
            "lc oscillator",
            "l1 n0 0 1u",
            "c1 n0 0 1n ic=0.1",
            "r1 n0 0 1k",
            "b1 n0 0 i=-1.2m*v(n0)+0.1m*v(n0)*v(n0)*v(n0)",
            ".end",
            "",
        ]
    )


def settling(name: str, accuracy: float = 1e-6) -> Settling:
    """Return how long the periodic state of ``ring`` (five stages) or ``lc`` takes, and a transient as accurate.

    The transient is made finer by 2, and longer by 1.5, until its last period lies within ``accuracy`` of one computed
    to a hundredth of that. Only the last of these runs counts. Times are the best of three.
    """
    text, guess, level = (ring(5, 1e-9), 5e9, 1.5) if name == "ring" else (tank(), 5e6, 0.0)
    circuit = cn.parse(text).circuit()
    exact = circuit.pss(frequency=guess, uic=True, tolerance=accuracy / 100.0).period
    pss = _fastest(lambda: circuit.pss(frequency=guess, uic=True, tolerance=accuracy))

    def settle(step: float, periods: float) -> Result:
        return circuit.tran(stop=periods * exact, step=step, max_step=step, start=(periods - 3.0) * exact, uic=True)

    step, periods = exact / 200.0, 10.0
    while True:
        run = settle(step, periods)
        error = abs(_last_period(run.time, run["v(n0)"] - level) / exact - 1.0)
        if error <= accuracy or len(run) > 2_000_000:
            took = _fastest(partial(settle, step, periods))
            return Settling(name, pss, took, error, int(run.statistics["accepted"]))
        step, periods = 0.5 * step, 1.5 * periods


def _fastest(run: Callable[[], Result]) -> float:
    took = []
    for _ in range(3):
        begun = time.perf_counter()
        run()
        took.append(time.perf_counter() - begun)
    return min(took)


def _last_period(t: np.ndarray, v: np.ndarray) -> float:
    k = np.flatnonzero((v[:-1] < 0.0) & (v[1:] >= 0.0))
    zero = t[k] - v[k] * (t[k + 1] - t[k]) / (v[k + 1] - v[k])
    return float(zero[-1] - zero[-2])
