"""The power that a spin-torque oscillator emits, against the current through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.mapping.rf.checks import positive

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Neurons:
    """Spin-torque oscillators of one kind, each behind an amplifier.

    With z = I / I_th, an oscillator emits P = A R I^2 p, p = (z - 1) / (z + Q) above threshold, and nothing below: a
    rectifier whose slope grows. The current is held below ``clamp`` so that the junction survives.

    Parameters
    ----------
    threshold, clamp : float, A
        I_th, and the largest current.
    q : float
        Nonlinear damping.
    resistance : float, ohm
    gain : float
        A, of the amplifier that makes up for what a layer loses.

    Notes
    -----
    Slavin and Tiberkevich, IEEE Trans. Magn. 45, 1875 (2009); scaling and defaults are those of the code published
    with Ross et al. (2023). (dR/R)^2 and the shape factor are taken as 1, as there.

    Examples
    --------
    >>> n = Neurons()
    >>> (1e6 * n.power(np.array([5e-6, 10e-6, 40e-6, 1.0]))).round(9).tolist()  # uW; clamped at 4 I_th
    [0.0, 0.0, 1.0, 1.0]
    """

    threshold: float = 10e-6
    clamp: float = 40e-6
    q: float = 2.0
    resistance: float = 1e3
    gain: float = 1.25

    def __post_init__(self) -> None:
        for name in ("threshold", "clamp", "q", "resistance", "gain"):
            object.__setattr__(self, name, positive(name, getattr(self, name)))
        if self.clamp <= self.threshold:
            raise UsageError(
                f"clamp is {self.clamp:g} A", expected=f"a current above the threshold {self.threshold:g} A"
            )

    def power(self, current: Array) -> Array:
        """Return the emitted power after the amplifier, W."""
        i = np.clip(current, self.threshold, self.clamp)
        return np.asarray(self.gain * self.resistance * i * i * (i - self.threshold) / (i + self.q * self.threshold))

    def slope(self, current: Array) -> Array:
        """Return dP/dI, W/A; zero below threshold and above the clamp."""
        i_th = self.threshold
        i = np.clip(current, i_th, self.clamp)
        d = i + self.q * i_th
        whole = self.gain * self.resistance * i * (2.0 * (i - i_th) * d + i * (1.0 + self.q) * i_th) / (d * d)
        return np.where((current > i_th) & (current < self.clamp), whole, 0.0)

    def drawn(self, current: Array) -> Array:
        """Return the dc power R I^2 that the junction takes, W; the current is clamped from 0 to ``clamp``."""
        return np.asarray(self.resistance * np.square(np.clip(current, 0.0, self.clamp)))
