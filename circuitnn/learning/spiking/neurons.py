"""How often a noisy leaky integrate-and-fire neuron fires, from the statistics of its first passage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from circuitnn.learning.settings import number

Array = NDArray[Any]

_SUM = BSpline.basis_element(np.arange(9.0), extrapolate=False)  # density of eight numbers' sum, each even in 0 to 1
_POINTS = 150  # of the potential below threshold; twice as many move the rates by less than 1e-4 of themselves


@dataclass(frozen=True)
class NoisyNeuron:
    """A leaky integrate-and-fire neuron with white noise, in steps of a clock.

    ``C dV/dt = -g V + I + sigma xi``; at the threshold it fires, and stays at 0 V for the refractory time. Defaults are
    those of Neftci et al., Front. Neurosci. 7, 272 (2014), table 1 and the authors' program (whose noise is sqrt(2)
    times the table's), with steps of 0.2 ms instead of 0.05 ms.

    Parameters
    ----------
    step : float, s
    capacitance : float, F
    leak : float, S
    sigma : float, A s^0.5
    threshold : float, V
    refractory : float, s

    Examples
    --------
    >>> neuron = NoisyNeuron()
    >>> unit, rest = neuron.logistic()
    >>> chance = neuron.firing(rest + unit * np.array([-2.0, 0.0, 2.0]))
    >>> bool(np.abs(chance - [0.119, 0.5, 0.881]).max() < 0.1)  # 1 / (1 + exp(-x)), which has heavier tails
    True
    """

    step: float = 0.2e-3
    capacitance: float = 1e-12
    leak: float = 1e-9
    sigma: float = 4.24e-11
    threshold: float = 0.1
    refractory: float = 4e-3

    def __post_init__(self) -> None:
        for name in ("step", "capacitance", "leak", "sigma", "threshold", "refractory"):
            number(name, getattr(self, name), 0.0, open_low=True)
        number("refractory", self.refractory, self.step)

    @property
    def keep(self) -> float:
        """What a step leaves of the potential."""
        return float(np.exp(-self.step * self.leak / self.capacitance))

    @property
    def noise(self) -> float:
        """Standard deviation of the noise of one step, V."""
        stationary = self.sigma / self.capacitance * np.sqrt(0.5 * self.capacitance / self.leak)
        return float(stationary * np.sqrt(1.0 - self.keep**2))

    @property
    def steps(self) -> int:
        """Steps of the refractory time; a neuron can fire again in the last of them."""
        return round(self.refractory / self.step)

    def firing(self, level: Array) -> Array:
        """Return the fraction of refractory periods in which the neuron fires, for potentials that it relaxes to, V.

        The mean number of steps from 0 V to the threshold solves ``n(v) = 1 + integral of p(u | v) n(u) du`` over
        ``u`` below the threshold, with the noise's density ``p``: that of eight even numbers' sum, as in the kernel.
        """
        spread = self.noise / np.sqrt(8.0 / 12.0)
        found = []
        for one in np.atleast_1d(level):
            low = min(0.0, one) - 8.0 * self.noise / np.sqrt(1.0 - self.keep**2)
            width = (self.threshold - low) / _POINTS
            v = low + (np.arange(_POINTS) + 0.5) * width
            start = np.append(v, 0.0)
            mean = self.keep * start + (1.0 - self.keep) * one
            chance = _density((v[None, :] - mean[:, None]) / spread + 4.0) / spread * width
            n = np.linalg.solve(np.eye(_POINTS) - chance[:-1], np.ones(_POINTS))
            found.append(self.steps / (self.steps + chance[-1] @ n))
        return np.array(found)

    @cache  # noqa: B019 (few neurons are ever made)
    def logistic(self) -> tuple[float, float]:
        """Return the volts of a unit of input and the resting potential that make ``firing`` nearest to logistic.

        At rest it fires in half of the refractory periods; the unit is the least-squares slope of ``log(p / (1 - p))``
        where that is between -2.5 and 2.5.
        """
        scale = self.noise / np.sqrt(1.0 - self.keep**2)
        level = np.linspace(-3.5 * scale, 3.5 * scale, 21)
        odds = self._odds(level)
        rest = float(np.interp(0.0, odds, level))
        kept = np.abs(odds) < 2.5
        level = level[kept] - rest
        return float(level @ level / (level @ odds[kept])), rest

    def _odds(self, level: Array) -> Array:
        p = self.firing(level)
        return np.asarray(np.log(p / (1.0 - p)))


def _density(x: Array) -> Array:
    return np.nan_to_num(_SUM(x))
