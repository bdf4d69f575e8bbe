"""Auto-oscillators in series under injected tones, many copies of the network side by side: which of them lock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.physics import BOLTZMANN

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Oscillators:
    """A few auto-oscillators of Slavin and Tiberkevich in series, all in the field of the same injected tones.

    With power p = abs(c)^2, supercriticality z = I / I_th, and c in a frame that turns at ``reference``:

    dc_j/dt = -[2 pi i (f_j + N p_j - reference) + Gamma (1 + Q p_j) - Gamma z_j (1 - p_j)] c_j
    + K sum_l c_l + F sum_k exp(-2 pi i (f_k - reference) t) + noise of strength 2 D = 2 Gamma k T / beta

    (Slavin and Tiberkevich, IEEE Trans. Magn. 45, 1875, 2009; the coupling by a common current as in Talatchian et
    al., Phys. Rev. Applied 13, 024073, 2020). The noise is that at low power, where it does not depend on p.

    Parameters
    ----------
    base : tuple of float
        Frequencies f_j at threshold, Hz, one an oscillator.
    shift : float
        N / (2 pi), Hz: how the frequency rises with power.
    damping : float
        Gamma, 1/s.
    q : float
        Nonlinearity of the damping.
    threshold : float
        I_th, A.
    coupling : complex
        K, 1/s.
    force : float
        F, 1/s: the amplitude of each tone.
    energy : float
        beta, J: the energy at p = 1.
    temp : float
        K.
    reference : float
        Hz.
    """

    base: tuple[float, ...]
    shift: float = 100e6
    damping: float = 2.0 * np.pi * 5e6
    q: float = 2.0
    threshold: float = 2e-3
    coupling: complex = 2.0 * np.pi * 0.1e6
    force: float = 2.0 * np.pi * 0.5e6
    energy: float = 7.7e-18
    temp: float = 300.0
    reference: float = 345e6

    def frequency(self, current: Array) -> Array:
        """Return the frequencies of free oscillators at these currents (..., oscillators), Hz: f + N (z - 1) / (z + Q).

        Examples
        --------
        >>> Oscillators((300e6,)).frequency(np.array([4e-3]))
        array([3.25e+08])
        """
        z = current / self.threshold
        return np.asarray(np.array(self.base) + self.shift * (z - 1.0) / (z + self.q))

    def current(self, frequency: Array) -> Array:
        """Return the currents at which free oscillators have these frequencies, A; the inverse of `frequency`."""
        p = (frequency - np.array(self.base)) / self.shift
        return np.asarray(self.threshold * (1.0 + self.q * p) / (1.0 - p))

    def drift(
        self,
        current: Array,
        tones: Array,
        random: np.random.Generator,
        *,
        settle: float = 1e-6,
        listen: float = 2e-6,
        step: float = 2e-9,
    ) -> Array:
        """Return by how much each oscillator's mean frequency differs from each tone's, Hz.

        Parameters
        ----------
        current : ndarray (..., oscillators), A
        tones : ndarray (..., tones), Hz
            Leading axes are networks side by side.
        random : numpy.random.Generator
            For the phases at the start and the thermal noise.
        settle, listen : float
            Seconds without and with the counting of phase.
        step : float
            Of a Runge-Kutta step of fourth order in the deterministic part, between independent kicks of noise; in the
            turning frame 2 ns turn 30 MHz by 0.38 rad, an error of 1e-4 of a step.

        Returns
        -------
        ndarray (..., oscillators, tones)
        """
        z = current / self.threshold
        p = np.maximum((z - 1.0) / (z + self.q), 1e-3)
        linear = -2j * np.pi * (np.array(self.base) - self.reference) + self.damping * (z - 1.0)
        square = -2j * np.pi * self.shift - self.damping * (self.q + z)
        turn = -2j * np.pi * (tones - self.reference)
        half = np.exp(turn * 0.5 * step)
        kick = np.sqrt(self.damping * BOLTZMANN * self.temp / self.energy * step)
        c: Complex = np.sqrt(p) * np.exp(2j * np.pi * random.random(p.shape))
        wave: Complex = np.broadcast_to(self.force + 0j, tones.shape).copy()

        def slope(c: Complex, field: Complex) -> Complex:
            common = field + self.coupling * c.sum(axis=-1, keepdims=True)
            return (linear + square * (c.real**2 + c.imag**2)) * c + common

        quiet, counted = round(settle / step), round(listen / step)
        turned = np.zeros(p.shape)
        begin = wave.sum(axis=-1, keepdims=True)
        for k in range(quiet + counted):
            wave = wave * half
            middle = wave.sum(axis=-1, keepdims=True)
            wave = wave * half
            end = wave.sum(axis=-1, keepdims=True)
            a = slope(c, begin)
            b = slope(c + 0.5 * step * a, middle)
            d = slope(c + 0.5 * step * b, middle)
            e = slope(c + step * d, end)
            new = c + step / 6.0 * (a + 2.0 * (b + d) + e)
            if kick > 0.0:
                noise = random.standard_normal((*p.shape, 2))
                new = new + kick * (noise[..., 0] + 1j * noise[..., 1])
            if k >= quiet:
                turned -= np.angle(new * c.conj())
            c, begin = new, end
        mean = self.reference + turned / (2.0 * np.pi * counted * step)
        return np.asarray(mean[..., :, None] - tones[..., None, :])
