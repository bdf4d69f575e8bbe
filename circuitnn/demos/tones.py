"""Auto-oscillators in series under injected tones, many copies of the network side by side: which of them lock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from circuitnn.oscillators.auto_oscillators import AutoOscillators
from circuitnn.oscillators.waves import Linear

Array = NDArray[np.float64]

#: Step, s, and steps between recorded points. Where the turning frame is 30 MHz off, a step of Heun's method of 1 ns is
#: 0.19 rad, and the frequency is wrong by 0.6 % of these 30 MHz; a turn of 0.75 rad between points tells its sense.
STEP, EVERY = 1e-9, 4
#: Oscillators of one run: as many as keep its records small.
MOST = 4000


@dataclass(frozen=True)
class Oscillators:
    """A few auto-oscillators in series, all in the field of the same injected tones.

    They are those of `AutoOscillators`; each also gets K sum_l c_l, the field of the common current (as in Talatchian
    et al., Phys. Rev. Applied 13, 024073, 2020), and F exp(-2 pi i f t) of each tone.

    Parameters
    ----------
    base : tuple of float
        Frequencies at zero power, Hz, one an oscillator.
    shift : float
        Hz: how the frequency rises with power.
    damping : float
        Hz, Gamma / 2 pi.
    q : float
        Nonlinearity of the damping.
    threshold : float
        A.
    coupling : complex
        K, 1/s.
    force : float
        F, 1/s: the amplitude of each tone.
    energy : float
        J, at p = 1.
    temp : float
        K.
    """

    base: tuple[float, ...]
    shift: float = 100e6
    damping: float = 5e6
    q: float = 2.0
    threshold: float = 2e-3
    coupling: complex = 2.0 * np.pi * 0.1e6
    force: float = 2.0 * np.pi * 0.5e6
    energy: float = 7.7e-18
    temp: float = 300.0

    def current(self, frequency: Array) -> Array:
        """Return the currents at which free oscillators have these frequencies, A; the inverse of their tuning curve.

        Examples
        --------
        >>> pair = Oscillators((300e6, 310e6))
        >>> pair.current(np.array([325e6, 335e6]))
        array([0.004, 0.004])
        >>> pair.population(np.array([[4e-3, 4e-3]])).frequency
        array([3.25e+08, 3.35e+08])
        """
        p = (frequency - np.array(self.base)) / self.shift
        return np.asarray(self.threshold * (1.0 + self.q * p) / (1.0 - p))

    def population(self, current: Array) -> AutoOscillators:
        """Return networks side by side, one for each row of currents (networks, oscillators), coupled within each."""
        networks, size = current.shape
        middle = float(np.mean(self.base)) + 0.2 * self.shift  # near the frequencies, where the frame should turn
        return AutoOscillators(
            networks * size, f0=np.tile(self.base, networks), shift=self.shift, damping=self.damping,
            nonlinear_damping=self.q, threshold=self.threshold, current=current.ravel(), energy=self.energy,
            frame=middle,
            links=[Linear(sp.kron(sp.eye_array(networks), np.full((size, size), self.coupling), format="csr"))],
        )  # fmt: skip

    def drift(
        self, current: Array, tones: Array, random: np.random.Generator, *, settle: float = 1e-6, listen: float = 2e-6
    ) -> Array:
        """Return by how much each oscillator's mean frequency differs from each tone's, Hz.

        Parameters
        ----------
        current : ndarray (..., oscillators), A
        tones : ndarray (..., tones), Hz
            Leading axes are networks side by side.
        random : numpy.random.Generator
            For the phases at the start and the seeds of thermal noise.
        settle, listen : float
            Seconds without and with the counting of phase.

        Returns
        -------
        ndarray (..., oscillators, tones)
        """
        size, kinds = current.shape[-1], tones.shape[-1]
        currents, sent = current.reshape(-1, size), tones.reshape(-1, kinds)
        share = max(1, MOST // size)
        found = [
            self._mean(currents[k : k + share], sent[k : k + share], random, settle, listen)
            for k in range(0, len(currents), share)
        ]
        mean = np.concatenate(found).reshape(current.shape)
        return np.asarray(mean[..., :, None] - tones[..., None, :])

    def _mean(self, current: Array, tones: Array, random: np.random.Generator, settle: float, listen: float) -> Array:
        """Return the mean frequencies (networks, oscillators) of networks under tones (networks, tones)."""
        population = self.population(current)
        drives = [drive for tone in tones.T for drive in population.tone(self.force, np.repeat(tone, current.shape[1]))]
        phases = np.exp(2j * np.pi * random.random(population.n))
        start = np.sqrt(np.maximum(population.power, 1e-3)) * phases
        options = {"drive": drives, "method": "heun", "temp": self.temp, "seed": int(random.integers(2**63))}
        settled = population.run(settle, STEP, start=start, every=round(settle / STEP), **options)
        run = population.run(listen, STEP, start=settled.final, every=EVERY, **options)
        c, spacing = run["c"], EVERY * STEP
        turned = np.angle(c[1:] * c[:-1].conj() * np.exp(2j * np.pi * population.frame * spacing)).sum(axis=0)
        mean = population.frame - turned / (2.0 * np.pi * spacing * (len(c) - 1))
        return np.asarray(mean.reshape(current.shape))
