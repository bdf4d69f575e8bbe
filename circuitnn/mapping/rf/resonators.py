"""What a chain of spin-diode resonators rectifies, and how that depends on its resonance frequencies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.mapping.rf.checks import positive

Array = NDArray[np.float64]
_BLOCK = 1 << 16  # numbers a temporary array: 512 KiB, which stays in a core's cache


@dataclass(frozen=True)
class Resonators:
    """Spin-diode resonators of one kind; all chains of a network are made of them.

    A tone of power P (W) at frequency f gives a resonator of frequency f_r the dc voltage

        v = +-P K 2 a f_r (f - f_r) / ((a f_r)^2 + (f - f_r)^2),    K = (dR/R) tan(gamma_p) beta_s / (8 sqrt(2) I_th),

    the antisymmetric line of a field-like torque; the sign is that of its place in the chain (head to tail). The line
    depends on y = (f / f_r - 1) / a alone: v = +-P K 2 y / (1 + y^2), at most P K where y = +-1.

    Parameters
    ----------
    damping : float, 0 to 1
        Gilbert's a; a f_r is half the width of the line at half its maximum.
    threshold : float, A
        I_th, the current at which the junction would oscillate by itself.
    tmr : float
        dR/R, relative change of resistance.
    angle : float, rad, 0 to pi/2
        gamma_p, between polariser and precession axis.
    shape : float
        beta_s, share of the magnetisation that precesses in phase.

    Notes
    -----
    Leroux et al., Phys. Rev. Applied 15, 034067 (2021); defaults are those of the code published with Ross et al.,
    Nature Nanotechnology (2023) (neurophysics-cnrsthales/rf_spintronic_nn, ``src/networks.py``), in SI units.

    Examples
    --------
    >>> round(Resonators().sensitivity, 2)                # V/W: 8.84 mV for a microwatt
    8838.83
    """

    damping: float = 0.01
    threshold: float = 10e-6
    tmr: float = 1.0
    angle: float = np.pi / 4.0
    shape: float = 1.0

    def __post_init__(self) -> None:
        for name in ("damping", "threshold", "tmr", "angle", "shape"):
            object.__setattr__(self, name, positive(name, getattr(self, name)))
        if self.damping >= 1.0:
            raise UsageError(f"damping is {self.damping:g}", expected="between 0 and 1")
        if self.angle >= np.pi / 2.0:
            raise UsageError(f"angle is {self.angle:g} rad", expected="between 0 and pi/2")

    @property
    def sensitivity(self) -> float:
        """K, the largest voltage of one resonator for one watt, V/W."""
        return float(self.tmr * np.tan(self.angle) * self.shape / (8.0 * np.sqrt(2.0) * self.threshold))

    def line(self, tone: Array, resonance: Array) -> Array:
        """Return the rectified voltage of one resonator for one watt, V/W, before the sign of its place; broadcasts.

        Examples
        --------
        >>> r = Resonators(damping=0.01)
        >>> round(float(r.line(101e6, 100e6)) / r.sensitivity, 9)       # f = f_r (1 + a): its maximum
        1.0
        """
        y = (np.asarray(tone) / resonance - 1.0) / self.damping
        return np.asarray(self.sensitivity * 2.0 * y / (1.0 + y * y))

    def weights(self, tones: Array, resonances: Array) -> Array:
        """Return what each chain makes of each tone, V/W, all resonators and so all crosstalk included.

        Parameters
        ----------
        tones : ndarray, shape (inputs,), Hz
        resonances : ndarray, shape (chains, resonators), Hz

        Returns
        -------
        ndarray, shape (chains, inputs)
        """
        signs = head_to_tail(resonances.shape[1]) * (2.0 * self.sensitivity)
        out = np.empty((len(resonances), len(tones)))
        for chain, part, y in self._offsets(tones, resonances):
            q = np.square(y)
            q += 1.0
            np.divide(y, q, out=q)
            out[chain, part] = q @ signs
        return out

    def gradient(self, tones: Array, resonances: Array, upstream: Array) -> Array:
        """Return d(sum(upstream * weights))/d(resonances), 1/Hz, shape (chains, resonators); memory is bounded."""
        grad = np.zeros_like(resonances)
        for chain, part, y in self._offsets(tones, resonances):
            y *= y
            y += 1.0
            q = np.reciprocal(y, out=y)  # (1 - y^2)/(1 + y^2)^2 = q (2 q - 1)
            slope = 2.0 * q
            slope -= 1.0
            slope *= q
            grad[chain] += (upstream[chain, part] * tones[part]) @ slope
        grad *= head_to_tail(resonances.shape[1]) * (-2.0 * self.sensitivity / self.damping)
        grad /= np.square(resonances)
        return grad

    def jacobian(self, tones: Array, chain: Array) -> Array:
        """Return the derivatives of one chain's weights by its frequencies, shape (inputs, resonators)."""
        y = (tones[:, None] / chain - 1.0) / self.damping
        q = 1.0 / (1.0 + y * y)
        scale = head_to_tail(len(chain)) * (-2.0 * self.sensitivity / self.damping) / np.square(chain)
        return np.asarray(q * (2.0 * q - 1.0) * tones[:, None] * scale)

    def _offsets(self, tones: Array, resonances: Array) -> Iterator[tuple[int, slice, Array]]:
        """Yield y of blocks, shape (tones, resonators), which the caller may overwrite."""
        rows = max(1, _BLOCK // resonances.shape[1])
        inverse = 1.0 / (self.damping * resonances)
        for chain in range(len(resonances)):
            for start in range(0, len(tones), rows):
                part = slice(start, min(start + rows, len(tones)))
                y = np.multiply.outer(tones[part], inverse[chain])
                y -= 1.0 / self.damping
                yield chain, part, y


def head_to_tail(count: int) -> Array:
    """Return the signs of ``count`` resonators in series: +, -, +, ... (the published (-1)^(k+1), k from 1).

    Examples
    --------
    >>> head_to_tail(4).tolist()
    [1.0, -1.0, 1.0, -1.0]
    """
    signs = np.ones(count)
    signs[1::2] = -1.0
    return signs
