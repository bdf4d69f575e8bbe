"""Bits in oxide memories: how often a read errs with one device a bit and with two, and what a sense amplifier does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from circuitnn.learning.settings import number

Array = NDArray[Any]


@dataclass(frozen=True)
class BinaryMemory:
    """Two log-normal states of a device, and reads of it alone or of a pair (Bocquet et al., IEDM 2018).

    Parameters
    ----------
    lrs, hrs : float, ohm
        Medians of the low and the high resistance.
    lrs_spread, hrs_spread : float
        Deviations of ln R.
    offset : float
        Deviation of a sense amplifier's decision, as a difference of ln R.

    Examples
    --------
    The errors of a pair are far fewer than those of one device against the best reference:

    >>> memory = BinaryMemory(lrs=5e3, hrs=50e3, lrs_spread=0.2, hrs_spread=0.7)
    >>> f"{memory.single():.2e} {memory.differential():.2e}"
    '5.26e-03 7.81e-04'
    """

    lrs: float = 5e3
    hrs: float = 50e3
    lrs_spread: float = 0.2
    hrs_spread: float = 0.7
    offset: float = 0.0

    def __post_init__(self) -> None:
        number("lrs", self.lrs, 0.0, open_low=True)
        number("hrs", self.hrs, self.lrs, open_low=True)
        for name in ("lrs_spread", "hrs_spread", "offset"):
            number(name, getattr(self, name), 0.0)

    @property
    def reference(self) -> float:
        """Resistance at which both states are mistaken equally often, ohm."""
        low, high = np.hypot(self.lrs_spread, self.offset), np.hypot(self.hrs_spread, self.offset)
        part = low / (low + high) if low + high else 0.5
        return float(self.lrs * (self.hrs / self.lrs) ** part)

    def single(self, reference: float | None = None) -> float:
        """Return the bit error rate of one device a bit, compared with a reference, both states equally frequent.

        (Phi(-(ln R_ref - ln R_L) / s_L) + Phi(-(ln R_H - ln R_ref) / s_H)) / 2, s^2 = spread^2 + offset^2.

        Parameters
        ----------
        reference : float, ohm, optional
            ``self.reference`` if it is not given.
        """
        ln_ref = np.log(number("reference", self.reference if reference is None else reference, 0.0, open_low=True))
        low = _tail(ln_ref - np.log(self.lrs), float(np.hypot(self.lrs_spread, self.offset)))
        high = _tail(np.log(self.hrs) - ln_ref, float(np.hypot(self.hrs_spread, self.offset)))
        return 0.5 * (low + high)

    def differential(self) -> float:
        """Return the bit error rate of pairs: Phi(-ln(R_H / R_L) / sqrt(s_L^2 + s_H^2 + offset^2))."""
        spread = float(np.sqrt(self.lrs_spread**2 + self.hrs_spread**2 + self.offset**2))
        return _tail(float(np.log(self.hrs / self.lrs)), spread)

    def pairs(self, bits: Array, rng: np.random.Generator) -> Array:
        """Return resistances, shape (2, ...), of BL and BLb of pairs that were programmed to bits +1 and -1.

        +1 is LRS on BL and HRS on BLb, -1 the other way round.
        """
        low = self.lrs * np.exp(self.lrs_spread * rng.standard_normal(bits.shape))
        high = self.hrs * np.exp(self.hrs_spread * rng.standard_normal(bits.shape))
        return np.where(bits > 0, np.stack([low, high]), np.stack([high, low]))

    def sensed(self, pairs: Array, inputs: Array | float = 1.0, rng: np.random.Generator | None = None) -> Array:
        """Return what sense amplifiers give for pairs (2, ...): +1 where BL is lower, times an input of +1 or -1.

        Inputs cross the two branches, which makes it the XNOR of weight and input. With ``rng``, each decision has its
        own offset.

        Examples
        --------
        >>> BinaryMemory().sensed(np.array([[5e3, 5e3], [50e3, 50e3]]), np.array([1.0, -1.0])).tolist()
        [1.0, -1.0]
        """
        difference = np.log(pairs[1]) - np.log(pairs[0])
        difference = difference * np.sign(inputs)
        if rng is not None:
            difference = difference + self.offset * rng.standard_normal(difference.shape)
        return np.where(difference >= 0.0, 1.0, -1.0)


def flipped(bits: Array, rate: float, rng: np.random.Generator) -> Array:
    """Return bits +1 and -1, each with the other sign at a bit error rate.

    Raises
    ------
    UsageError
        If the rate is not from 0 to 1.
    """
    return np.where(rng.random(bits.shape) < number("rate", rate, 0.0, 1.0), -bits, bits)


def _tail(distance: float, spread: float) -> float:
    """Return Phi(-distance / spread), for a spread of 0 as well."""
    if spread == 0.0:
        return 0.0 if distance > 0.0 else 1.0 if distance < 0.0 else 0.5
    return float(ndtr(-distance / spread))
