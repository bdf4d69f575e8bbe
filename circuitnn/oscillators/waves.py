"""What amplitude and phase models share: their linear links, and runs of the kernels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import UsageError
from circuitnn.oscillators._waves import Waves
from circuitnn.oscillators.population import Job, Link, Population
from circuitnn.oscillators.run import Array, Run

METHODS = ("rk4", "rk45", "midpoint", "heun")


class _Linear:
    """A link without states and without arrays to show."""

    def states(self) -> int:
        """Return 0."""
        return 0

    def observe(
        self, population: Population, arrays: Mapping[str, Array], states: Array
    ) -> dict[str, tuple[Array, str]]:
        """Return nothing."""
        return {}


@dataclass(frozen=True)
class Linear(_Linear):
    """A coupling by a matrix: oscillator j gets sum_k K_jk u_k, u the amplitudes c, or exp(i phase).

    Parameters
    ----------
    matrix : array or sparse matrix (n, n), rad/s
        Complex. Of amplitudes a real entry is dissipative, an imaginary one conservative; of phases
        K exp(-i lag) is K sin(phase_k - phase_j - lag).

    Examples
    --------
    >>> Linear([[0, 1e6], [1e6, 0]]).states()
    0
    """

    matrix: Any

    def bind(self, population: Population) -> Any:
        """Return the matrix, dense or by rows."""
        matrix = self.matrix if sp.issparse(self.matrix) else np.asarray(self.matrix, dtype=np.complex128)
        if matrix.shape != (population.n, population.n):
            raise UsageError(
                f"a matrix {matrix.shape} couples {population.n} oscillators",
                expected=f"({population.n}, {population.n})",
            )
        values = matrix.data if sp.issparse(matrix) else matrix
        if not np.isfinite(values).all():
            raise UsageError("a coupling is not finite", expected="finite numbers")
        return sp.csr_array(matrix, dtype=np.complex128) if sp.issparse(matrix) else matrix


@dataclass(frozen=True)
class Common(_Linear):
    """A coupling of all to all through one signal, as a shared current: oscillator j gets K_j sum_k w_k u_k.

    The sum takes in the oscillator itself. Its cost is that of n numbers, not n^2.

    Parameters
    ----------
    strength : complex or array (n,), rad/s
        K; a delay t of the line at the angular frequency w is a factor exp(i w t) for amplitudes, exp(-i w t) for
        phases.
    weight : complex or array (n,)
        What each gives to the signal.

    Examples
    --------
    >>> Common(1e6).weight
    1.0
    """

    strength: ArrayLike
    weight: ArrayLike = 1.0

    def bind(self, population: Population) -> Any:
        """Return strength and weight, (2, n) real and imaginary parts each."""
        found = []
        for what, given in (("strength", self.strength), ("weight", self.weight)):
            try:
                values = np.broadcast_to(np.asarray(given, dtype=np.complex128), (population.n,))
            except ValueError:
                raise UsageError(f"the {what} has another shape", expected=f"a number or ({population.n},)") from None
            if not np.isfinite(values).all():
                raise UsageError(f"the {what} of a common coupling is not finite", expected="finite numbers")
            found.append(np.ascontiguousarray([values.real, values.imag]))
        return tuple(found)


class Turning(Population):
    """Oscillators that the kernels integrate in a turning frame, with noise of their own.

    Parameters
    ----------
    n : int
    frame : float
        Hz, of that frame: near the oscillators' frequencies, steps need not resolve these. What is recorded does not
        depend on it.
    links : sequence of Linear, Common
    **parameters
        Those of the class.
    """

    methods: ClassVar[tuple[str, ...]] = METHODS
    noisy: ClassVar[tuple[str, ...]] = ("heun",)

    def __init__(self, n: int = 1, *, frame: float = 0.0, links: Sequence[Link] = (), **parameters: ArrayLike) -> None:
        if not np.isfinite(frame):
            raise UsageError(f"a frame of {frame:g} Hz", expected="a finite number")
        self.frame = float(frame)
        super().__init__(n, links=links, **parameters)

    @abstractmethod
    def diffusion(self, temp: ArrayLike | None = None) -> Array:
        """Return the strength of the white noise, (3, n): D0 + D1 p + D2 p^2 at a temperature."""

    def run(self, *args: Any, **options: Any) -> Run:
        """Integrate until a time, as `Population.run`."""
        if options.get("seed") is None and self.diffusion(options.get("temp")).any():
            raise UsageError("noise needs a seed", expected="seed=, a whole number from 0 on")
        return super().run(*args, **options)

    def _method(self, method: str | None, kelvin: Array) -> str:
        return super()._method(method, self.diffusion(kelvin)[0])


def kernel(
    population: Turning, job: Job, phases: bool, coefficients: NDArray[np.float64],
    response: NDArray[np.float64] | None = None,
) -> Waves:  # fmt: skip
    """Return the kernels of a population, set up for a run."""
    sums, dense, sparse = [], None, None
    for link in population.links:
        bound = link.bind(population)
        if isinstance(link, Common):
            sums.append(bound)
        elif sp.issparse(bound):
            sparse = bound if sparse is None else sparse + bound
        elif isinstance(link, Linear):
            dense = bound if dense is None else dense + bound
        else:
            raise UsageError(f"{type(link).__name__} does not couple {type(population).__name__}",
                             expected="Linear, Common")  # fmt: skip
    rows = None
    if sparse is not None:
        rows = (
            sparse.indptr.astype(np.int64), sparse.indices.astype(np.int32),
            np.ascontiguousarray(sparse.data.real), np.ascontiguousarray(sparse.data.imag),
        )  # fmt: skip
    full = None if dense is None else (np.ascontiguousarray(dense.real), np.ascontiguousarray(dense.imag))
    noise = population.diffusion(job.temp)
    return Waves(
        phases, METHODS.index(job.method), population.n, job.step, 2.0 * np.pi * population.frame,
        job.tolerance, np.ascontiguousarray(coefficients), np.ascontiguousarray(noise) if noise.any() else None,
        job.seed, job.streams, response, job.channels, sums, full, rows, job.threads,
    )  # fmt: skip
