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
        Part by which the transient's last period, or the effective value in it, is off.
    steps : int
        That the transient took.
    periods : float
        That it lasted.
    """

    name: str
    pss: float
    transient: float
    error: float
    steps: int
    periods: float


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


def junction() -> str:
    """Return a spin-torque oscillator that a capacitor joins to its load."""
    return "\n".join(
        [
            "junction into 50 ohm",
            "i1 0 a dc 0.65m",
            "n1 a 0 mtj mx=1 my=0.3",
            "c1 a n0 2p",
            "r1 n0 0 50",
            ".model mtj macrospin (rp=50 tmr=1 hx=4e4 hk=1e4 px=-0.866 py=0.5)",
            ".end",
            "",
        ]
    )


def _known(name: str) -> tuple[str, float, float]:
    """Return the deck of an oscillator, its frequency roughly and what its node n0 crosses."""
    if name == "ring":
        return ring(5, 1e-9), 5e9, 1.5
    return (tank(), 5e6, 0.0) if name == "lc" else (junction(), 5e9, 0.0)


def settling(name: str, accuracy: float = 1e-6) -> Settling:
    """Return how long the periodic state of ``ring`` (five stages), ``lc`` or ``sto`` takes, and as exact a transient.

    The transient is made finer by 1.5 or longer by 1.5, whichever brings it nearer, until its last period and the
    effective value there lie within ``accuracy`` of those computed to a hundredth of that. Only the last of these runs
    counts. Times are the best of three.
    """
    text, guess, level = _known(name)
    circuit = cn.parse(text).circuit()
    found = circuit.pss(frequency=guess, uic=True, tolerance=accuracy / 100.0)
    exact = found.period
    effective = float(np.sqrt(found.weights @ (found["v(n0)"] - level) ** 2 / exact))
    pss = _fastest(lambda: circuit.pss(frequency=guess, uic=True, tolerance=accuracy))

    def settle(step: float, periods: float) -> Result:
        return circuit.tran(stop=periods * exact, step=step, max_step=step, start=(periods - 3.0) * exact, uic=True)

    def error(step: float, periods: float) -> float:
        run = settle(step, periods)
        period, value = _last_period(run.time, run["v(n0)"] - level)
        return max(abs(period / exact - 1.0), abs(value / effective - 1.0))

    step, periods = exact / 200.0, 10.0
    off = error(step, periods)
    while off > accuracy and periods * exact / step < 5e6:
        finer, longer = error(step / 1.5, periods), error(step, periods * 1.5)
        off = min(finer, longer)
        step, periods = (step / 1.5, periods) if finer < longer else (step, periods * 1.5)
    took = _fastest(partial(settle, step, periods))
    return Settling(name, pss, took, off, round(periods * exact / step), periods)


def _fastest(run: Callable[[], Result]) -> float:
    took = []
    for _ in range(3):
        begun = time.perf_counter()
        run()
        took.append(time.perf_counter() - begun)
    return min(took)


def _last_period(t: np.ndarray, v: np.ndarray) -> tuple[float, float]:
    """Return the last period between crossings of zero and the effective value in it; infinite without any."""
    k = np.flatnonzero((v[:-1] < 0.0) & (v[1:] >= 0.0))
    if len(k) < 2:
        return np.inf, np.inf  # too early: the load's mean is not yet gone
    zero = t[k] - v[k] * (t[k + 1] - t[k]) / (v[k + 1] - v[k])
    first, last = slice(k[-2] + 1, k[-1] + 1), float(zero[-1] - zero[-2])
    times = np.concatenate([zero[-2:-1], t[first], zero[-1:]])
    values = np.concatenate([[0.0], v[first], [0.0]])
    return last, float(np.sqrt(np.trapezoid(values**2, times) / last))
