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
    ) -> None:
        super().__init__("pss1", "pss", title, variables, data, statistics)
        self.period = period
        self.weights: NDArray[np.float64] = np.asarray(weights, dtype=float)
        self.floquet: NDArray[np.complex128] = np.asarray(floquet, dtype=complex)
        self.autonomous = autonomous
        self.begins = begins
        self.ppv: dict[str, NDArray[np.float64]] = {k: np.asarray(v) for k, v in (ppv or {}).items()}

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

    def _real(self, name: str) -> NDArray[np.float64]:
        column = self[name]
        if np.iscomplexobj(column):
            raise AnalysisError(f"{name} is complex", expected="a vector in time")
        return np.asarray(column, dtype=float)
