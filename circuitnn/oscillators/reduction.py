"""Models of fewer numbers that come from those of more: amplitudes to phases, and any oscillator to an amplitude."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import UsageError
from circuitnn.oscillators.amplitudes import Amplitudes
from circuitnn.oscillators.auto_oscillators import AutoOscillators
from circuitnn.oscillators.cycles import Cycle, Field, limit_cycle
from circuitnn.oscillators.drives import Samples
from circuitnn.oscillators.phase_oscillators import PhaseOscillators
from circuitnn.oscillators.population import Link
from circuitnn.oscillators.run import Array
from circuitnn.oscillators.waves import Common, Linear


@dataclass(frozen=True)
class Phases:
    """A population of phases that stands for one of amplitudes.

    Parameters
    ----------
    population : PhaseOscillators
        Its drive ``"input"`` is the current of the amplitudes, A. A phase is minus the argument of the amplitude that
        belongs to it.
    force : ndarray (n,), complex
        h: a force F exp(-2 pi i f t) on the amplitude is the tone h conj(F) at f on the phase. On circular cycles it is
        (1 + i nu) / sqrt(p0).
    amplitude : ndarray (n,)
        Size of the first harmonic of c.
    cycles : tuple of Cycle
        One for each oscillator; those alike share one.
    """

    population: PhaseOscillators
    force: NDArray[np.complex128]
    amplitude: Array
    cycles: tuple[Cycle, ...]


def reduce_to_phase(pop: Amplitudes, temp: ArrayLike | None = None) -> Phases:
    """Return the phases of oscillators above threshold, with their links and noise.

    Parameters
    ----------
    pop : AutoOscillators or Vortices
        Each above its threshold.
    temp : float or array (n,), optional
        Kelvin, at which the noise is taken.

    Returns
    -------
    Phases

    Raises
    ------
    UsageError
        For oscillators below threshold.
    ConvergenceError
        Where a limit cycle is not found.

    Notes
    -----
    The cycle is found by shooting and the projection vector v from the adjoint equation (`limit_cycle`): what acts
    is averaged over a period, to first order in forces, couplings and noise. With pushes g, Re(conj(v) g) averaged with
    the first harmonic gives h, and half the mean of ``|v|**2 D`` the diffusion; the line of a circular cycle is then
    D (1 + nu^2) / (2 pi p0) hertz wide (Slavin and Tiberkevich 2009). Amplitudes must change little and slowly against
    Gamma_p for this to hold.

    Examples
    --------
    >>> pop = AutoOscillators(f0=300e6, shift=-60e6, damping=5e6, nonlinear_damping=2.0, current=2.0, noise=1e3)
    >>> found = reduce_to_phase(pop)
    >>> round(float(found.population.f0[0]) / 1e6, 6), complex(found.force[0].round(4))
    (285.0, (2-6j))
    >>> round(float(found.population.noise[0]), 2)  # 1e3 (1 + 9) / (2 * 0.25)
    20000.0
    """
    if not (pop.power > 0.0).all():
        raise UsageError(f"oscillator {int(np.argmin(pop.power))} is below its threshold", expected="a larger current")
    free = copy(pop)
    free.links = ()
    table = np.column_stack([*(getattr(pop, name) for name in pop.parameters())])
    _, first, which = np.unique(table, axis=0, return_index=True, return_inverse=True)
    which = which.reshape(-1)
    kinds = [_circle(free.take([k])) for k in first]
    phase = 2.0 * np.pi * np.arange(len(kinds[0].states)) / len(kinds[0].states)
    force, amplitude = np.empty(len(kinds), dtype=np.complex128), np.empty(len(kinds))
    response, spread = np.empty((len(kinds), 1)), np.empty(len(kinds))
    noise = pop.diffusion(temp)
    for k, cycle in enumerate(kinds):
        one = free.take(np.full(len(phase), first[k]))
        harmonic = np.mean((cycle.states[:, 0] + 1j * cycle.states[:, 1]) * np.exp(1j * phase))
        turned = phase - np.angle(harmonic)
        kappa = np.mean((cycle.projection[:, 0] - 1j * cycle.projection[:, 1]) * np.exp(-1j * turned))
        force[k], amplitude[k] = 1j * np.conj(kappa), abs(harmonic)
        push = one.slope(cycle.states, Samples([1.0], 1.0)) - one.slope(cycle.states)
        response[k] = cycle.response(push)
    for k, cycle in enumerate(kinds):
        spread[k] = np.mean((cycle.projection**2).sum(axis=1))
    power = amplitude[which] ** 2
    strength = noise[0] + power * (noise[1] + power * noise[2])
    links = [_phase_link(link, pop, force[which], amplitude[which]) for link in pop.links]
    reduced = PhaseOscillators(
        pop.n, f0=np.array([cycle.frequency for cycle in kinds])[which], noise=0.5 * spread[which] * strength,
        response=response[which], frame=pop.frame, links=links,
    )  # fmt: skip
    reduced.streams = pop.streams
    return Phases(reduced, force[which], amplitude[which], tuple(kinds[k] for k in which))


def _circle(one: Amplitudes) -> Cycle:
    many = [one.take(np.zeros(m, dtype=int)) for m in range(1, 6)]

    def field(states: Array) -> Array:
        pop = many[len(states) - 1] if len(states) <= len(many) else one.take(np.zeros(len(states), dtype=int))
        return pop.slope(states)

    return limit_cycle(field, [float(np.sqrt(one.power[0])), 0.0], longest=10.0 / abs(float(one.frequency[0])))


def _phase_link(link: Link, pop: Amplitudes, force: NDArray[np.complex128], amplitude: Array) -> Link:
    bound = link.bind(pop)
    if isinstance(link, Common):
        strength, weight = (part[0] + 1j * part[1] for part in bound)
        return Common(force * np.conj(strength), np.conj(weight) * amplitude)
    if sp.issparse(bound):
        return Linear(sp.csr_array(sp.diags_array(force) @ bound.conj() @ sp.diags_array(amplitude)))
    return Linear(force[:, None] * np.conj(bound) * amplitude)


def reduce_to_amplitude(
    cycles: Sequence[Cycle], measure: Field, current: ArrayLike, threshold: ArrayLike, frame: float = 0.0
) -> AutoOscillators:
    """Return auto-oscillators that have the frequencies, powers, rates and nonlinearities of limit cycles.

    Parameters
    ----------
    cycles : sequence of Cycle
        One an oscillator.
    measure : callable (k, d) to (k,)
        The power p of states, as ``|c|**2``, or (1 - m.z) / 2 of macrospins about z.
    current, threshold : float or array (n,), A
        Of each cycle, and where its oscillation begins.
    frame : float, Hz

    Raises
    ------
    UsageError
        For currents that are not above the threshold, and cycles whose power is none.

    Notes
    -----
    With z the current over its threshold, p0, Gamma_p, nu and f of the cycle: G = Gamma_p / (z - 1), Q = (z - 1) / p0 -
    z, N = nu Gamma_p / p0, f0 = f - N p0 / 2 pi. The model is exact at the cycle to first order, and as good elsewhere
    as damping is linear in p.

    Examples
    --------
    >>> import numpy as np
    >>> pop = AutoOscillators(f0=300e6, shift=-60e6, damping=5e6, nonlinear_damping=2.0, current=2.0)
    >>> power = lambda states: (states**2).sum(axis=1)
    >>> back = reduce_to_amplitude(reduce_to_phase(pop).cycles, power, 2.0, 1.0)
    >>> [round(float(x[0]), 4) for x in (back.f0 / 1e6, back.shift / 1e6, back.damping / 1e6, back.nonlinear_damping)]
    [300.0, -60.0, 5.0, 2.0]
    """
    n = len(cycles)
    z = np.broadcast_to(np.asarray(current, dtype=np.float64) / np.asarray(threshold, dtype=np.float64), (n,))
    power = np.array([cycle.power(measure) for cycle in cycles])
    if not (z > 1.0).all():
        raise UsageError(f"a current of {z.min():g} thresholds", expected="above 1")
    if not (power > 0.0).all():
        raise UsageError("a cycle has no power by this measure", expected="above 0")
    rate = np.array([cycle.rate for cycle in cycles])
    shift = np.array([cycle.nu(measure) for cycle in cycles]) * rate / power
    frequency = np.array([cycle.frequency for cycle in cycles])
    return AutoOscillators(
        n, f0=frequency - shift * power / (2.0 * np.pi), shift=shift / (2.0 * np.pi), frame=frame,
        damping=rate / (z - 1.0) / (2.0 * np.pi), nonlinear_damping=(z - 1.0) / power - z,
        threshold=threshold, current=current,
    )  # fmt: skip
