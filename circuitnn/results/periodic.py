"""What a periodic steady state is: one period of all vectors, its harmonics, its stability, its phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import AnalysisError, UsageError
from circuitnn.results.result import Result, Variable


class PeriodicResult(Result):
    """One period of a circuit.

    The columns are those of a transient: ``time`` from 0 to the period, s, both ends included.

    Parameters
    ----------
    title : str
    variables, data, statistics
        As of `Result`; the first column is the time.
    period : float
        s.
    weights : array, shape (points,)
        Of the points in integrals over the period, s.
    floquet : array of complex
        Floquet multipliers, largest first.
    autonomous : bool
        Whether the circuit oscillates by itself.
    begins : float
        Time of the sources at the first point, s.
    ppv : mapping of str to array, shape (points,)
        For an oscillation, the perturbation projection vector by unknown: see `ppv`.

    noise : sequence of (element, source, amount, exponent)
        What each noise current of an oscillation does to its phase: variance of the phase in s^2/s for white noise
        (exponent 0), that over f^exponent for flicker noise.

    Attributes
    ----------
    ppv : dict of str to ndarray
        How much a small injection advances the phase: ``ppv["v(a)"]`` times a current into node a (A) is what the
        oscillation gains on its clock, s/s; ``ppv["i(v1)"]`` belongs to a voltage in series with v1.
        Empty for driven circuits.

    Examples
    --------
    >>> import circuitnn as cn, numpy as np
    >>> c = cn.Circuit("van der pol")
    >>> c.L("1", "a", 0, 1.0); c.C("1", "a", 0, 1.0, ic=1.0); c.B("1", "a", 0, i="-v(a)+v(a)*v(a)*v(a)/3")
    >>> pss = c.pss(frequency=0.15, uic=True)
    >>> round(pss.period, 5), pss.stable
    (6.66329, True)
    """

    def __init__(
        self,
        title: str,
        variables: Sequence[Variable],
        data: ArrayLike,
        statistics: Mapping[str, Any],
        *,
        period: float,
        weights: ArrayLike,
        floquet: ArrayLike,
        autonomous: bool,
        begins: float = 0.0,
        ppv: Mapping[str, ArrayLike] | None = None,
        noise: Sequence[tuple[str, str, float, float]] = (),
    ) -> None:
        super().__init__("pss1", "pss", title, variables, data, statistics)
        self.period = period
        self.weights: NDArray[np.float64] = np.asarray(weights, dtype=float)
        self.floquet: NDArray[np.complex128] = np.asarray(floquet, dtype=complex)
        self.autonomous = autonomous
        self.begins = begins
        self.ppv: dict[str, NDArray[np.float64]] = {k: np.asarray(v) for k, v in (ppv or {}).items()}
        self.noise = list(noise)

    @property
    def frequency(self) -> float:  # type: ignore[override]
        """Of the period, Hz."""
        return 1.0 / self.period

    @property
    def stable(self) -> bool:
        """Whether small perturbations die away, but for the phase of an oscillation.

        An oscillation has one multiplier of 1 that belongs to its phase; it is set aside.
        """
        size = np.abs(self.floquet)
        if self.autonomous and len(size):
            size = np.delete(size, int(np.abs(self.floquet - 1.0).argmin()))
        return bool((size < 1.0).all())

    def harmonics(self, name: str, count: int = 10) -> NDArray[np.complex128]:
        """Return the complex amplitudes of a vector from order 0 to ``count``, (count + 1,).

        x(t) = h[0] + sum of the real parts of h[k] exp(2 pi j k t / period).

        Raises
        ------
        AnalysisError
            When there is no such vector.
        UsageError
            For a count below 1.
        """
        if count < 1:
            raise UsageError(f"{count} harmonics", expected="1 or more")
        order = np.arange(count + 1)
        turn = np.exp(-2j * np.pi * order[:, None] * self.time / self.period)
        found: NDArray[np.complex128] = 2.0 / self.period * (turn * self.weights) @ self._real(name)
        found[0] *= 0.5
        return found

    def fundamental(self, name: str) -> complex:
        """Return the complex amplitude of a vector at the frequency of the period."""
        return complex(self.harmonics(name, 1)[1])

    def power(self, voltage: str, current: str, count: int = 10) -> NDArray[np.float64]:
        """Return the mean power of a voltage times a current by order, from 0 to ``count``, W."""
        v, i = self.harmonics(voltage, count), self.harmonics(current, count)
        found: NDArray[np.float64] = 0.5 * (v * i.conj()).real
        found[0] *= 2.0
        return found

    # ------------------------------------------------------------------ phase noise
    @property
    def diffusion(self) -> float:
        """Variance that white noise adds to the phase, as a time, s^2/s (Demir's c)."""
        self._require_oscillation()
        return float(sum(amount for _, _, amount, exponent in self.noise if exponent == 0.0))

    @property
    def linewidth(self) -> float:
        """Full width at half maximum of the line that white noise makes, 2 pi f^2 c, Hz."""
        return 2.0 * np.pi * self.frequency**2 * self.diffusion

    def phase_noise(self, offsets: ArrayLike) -> NDArray[np.float64]:
        """Return the noise at offsets (Hz, positive) from the fundamental in 1 Hz over its power, dBc/Hz.

        f^2 (c + sum of flicker parts / offset^e) / (pi^2 f^4 c^2 + offset^2): a Lorentzian line of white noise (Demir,
        Mehrotra and Roychowdhury, IEEE Trans. Circuits Syst. I 47, 655, 2000, equation 41), with flicker noise as in
        its skirts: not closer to the line than its width.

        Raises
        ------
        AnalysisError
            For a driven circuit.
        UsageError
            For offsets that are not positive.
        """
        offset = np.asarray(offsets, dtype=float)
        if not (offset > 0.0).all():
            raise UsageError("offsets of phase noise must be positive", expected="Hz from the fundamental")
        c, f = self.diffusion, self.frequency
        acting = c + sum(amount / offset**e for _, _, amount, e in self.noise if e != 0.0)
        with np.errstate(divide="ignore"):  # no noise at all is -inf dB
            return np.asarray(10.0 * np.log10(f**2 * acting / ((np.pi * f**2 * c) ** 2 + offset**2)))

    def contributions(self) -> dict[str, float]:
        """Return the part of each element in the diffusion by white noise, s^2/s, largest first."""
        self._require_oscillation()
        found: dict[str, float] = {}
        for element, _, amount, exponent in self.noise:
            if exponent == 0.0:
                found[element] = found.get(element, 0.0) + amount
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def _require_oscillation(self) -> None:
        if not self.autonomous:
            raise AnalysisError("the phase of a driven circuit does not diffuse", hint="noise belongs to oscillators")

    def _real(self, name: str) -> NDArray[np.float64]:
        column = self[name]
        if np.iscomplexobj(column):
            raise AnalysisError(f"{name} is complex", expected="a vector in time")
        return np.asarray(column, dtype=float)
