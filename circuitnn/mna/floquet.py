"""Small signals about a periodic solution: Floquet multipliers, and what an injection does to the phase."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitnn.mna.orbit import SLOPES, STAGES, START_SLOPES, WEIGHTS, Discretised, Orbit, Problem
from circuitnn.mna.pointwise import Values

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

#: Intervals that are solved together.
_TOGETHER = 64


def multipliers(problem: Problem, orbit: Orbit) -> Complex:
    """Return the Floquet multipliers, largest first, as many as the circuit has degrees of freedom.

    They are the eigenvalues of the monodromy matrix of the charges q, by the linearised formulas of each interval in
    turn. Where a switch turns, the duration of the segment follows the perturbation, which is the jump (saltation)
    matrix of the event (Leine and Nijmeijer, Dynamics and Bifurcations of Non-Smooth Mechanical Systems, 2004,
    section 7); what the events shift in time is taken back at the end.
    """
    discretised = Discretised(problem, orbit.segments)
    values = discretised.residual(orbit)[1]
    n, plan = discretised.n, problem.equations.system.plan
    rows, columns = plan.ai, np.repeat(np.arange(n), np.diff(plan.ap))
    slopes = discretised.by_durations(orbit, values)
    events = len(orbit.segments) > 1 or orbit.segments[0].event is not None
    held = np.unique(rows[problem.equations.charged])  # the equations with a charge
    states = len(held)
    forcing = np.zeros((discretised.count, STAGES, n, 2))
    if events:
        forcing[..., 0] = -np.stack(slopes)[orbit.owner, np.arange(discretised.count)]
        # an earlier segment's duration moves the start of this one
        forcing[..., 1] = np.where((orbit.owner > 0)[:, None, None], -slopes[0], 0.0)
    perturbed, late, j = np.eye(states), np.zeros(states), 0
    charge = np.zeros((states, n))
    for k, segment in enumerate(orbit.segments):
        by_duration, by_start = np.zeros(states), np.zeros(states)
        end: Real = np.zeros((n, states))
        of_duration: Real = np.zeros(n)
        of_start: Real = np.zeros(n)
        for first in range(j, j + segment.intervals, _TOGETHER):
            chosen = np.arange(first, min(first + _TOGETHER, j + segment.intervals))
            for one, solved in zip(chosen, _responses(discretised, orbit, values, held, forcing, chosen), strict=True):
                end = solved[:, :states] @ perturbed
                of_duration = solved[:, :states] @ by_duration + solved[:, states]
                of_start = solved[:, :states] @ by_start + solved[:, states + 1]
                charge = np.zeros((n, n))
                charge[rows, columns] = values.c[:, one * STAGES + STAGES - 1]
                charge = charge[held]
                perturbed, by_duration, by_start = charge @ end, charge @ of_duration, charge @ of_start
        j += segment.intervals
        if not events:
            continue
        # the segment's end moves with its condition; `late` is by how much it began later
        if segment.end is not None:
            longer = -late
        else:
            slope = discretised.condition_slope(k, orbit.stages[j - 1, -1])
            longer = -(slope @ end + (slope @ of_start) * late) / (slope @ of_duration)
        perturbed = perturbed + np.outer(by_duration, longer) + np.outer(by_start, late)
        late = late + longer
    if events and not problem.moving:
        first_rates = discretised.rates(values.q.T.reshape(discretised.count, STAGES, n), orbit)[0]
        perturbed = perturbed - np.outer(_at_start(first_rates)[held], late)
    degrees = int(np.linalg.matrix_rank(charge))
    found = np.linalg.eigvals(perturbed).astype(complex)
    return found[np.argsort(-np.abs(found), kind="stable")][:degrees]


def _responses(
    discretised: Discretised,
    orbit: Orbit,
    values: Values,
    held: NDArray[np.intp],
    forcing: Real,
    chosen: NDArray[np.int64],
) -> Real:
    """Return how the ends of intervals follow the charges at their starts and the forcing, (chosen, n, states + 2)."""
    n, plan = discretised.n, discretised.problem.equations.system.plan
    rows, columns = plan.ai, np.repeat(np.arange(n), np.diff(plan.ap))
    states, steps = len(held), orbit.steps[chosen, None]
    g, c = (v.T.reshape(discretised.count, STAGES, -1)[chosen] for v in (values.g, values.c))
    matrix = np.zeros((len(chosen), STAGES, n, STAGES, n))
    right = np.zeros((len(chosen), STAGES, n, states + 2))
    right[..., states:] = forcing[chosen]
    for i in range(STAGES):
        for m in range(STAGES):
            matrix[:, i, rows, m, columns] = SLOPES[i, m] / steps * c[:, m] + (g[:, i] if i == m else 0.0)
        right[:, i, held, np.arange(states)] = -START_SLOPES[i] / steps
    shape = (len(chosen), STAGES * n, -1)
    return np.asarray(np.linalg.solve(matrix.reshape(shape), right.reshape(shape))[:, -n:], dtype=np.float64)


def _at_start(stages: Real) -> Real:
    """Return what the parabola through three stages is at the start of their interval."""
    from circuitnn.mna.meshes import lagrange
    from circuitnn.mna.orbit import NODES

    return np.asarray(lagrange(NODES, np.zeros(1))[0] @ stages)


def projection(problem: Problem, orbit: Orbit) -> tuple[Real, float]:
    """Return the perturbation projection vector at the stages, (intervals, 3, n), and by how much it misses one.

    A small injection b(t) on the right-hand side of the equations advances the phase of an oscillation by the time
    alpha with alpha' = v(t) . b(t) (Demir, Mehrotra and Roychowdhury, IEEE Trans. Circuits Syst. I 47, 655, 2000). v is
    the row of the inverse Jacobian that tells the period: an injection in one period shortens it by the integral of
    v . b. The second value is the largest |v . q' - 1| over the stages.
    """
    discretised = Discretised(problem, orbit.segments)
    lu, largest, values = discretised.factors(orbit)
    right = np.zeros(discretised.size + len(orbit.segments))
    right[discretised.size :] = orbit.durations  # the period by the logarithms of its durations
    by_row = lu.solve(right, trans="T") / largest
    shape = (discretised.count, STAGES, discretised.n)
    v: Real = -by_row[: discretised.size].reshape(shape) / (orbit.steps[:, None, None] * WEIGHTS[:, None])
    rates = discretised.rates(values.q.T.reshape(shape), orbit)
    miss = float(np.abs(np.einsum("jin,jin->ji", v, rates) - 1.0).max())
    return v, miss


@dataclass(frozen=True)
class Diffusion:
    """What the noise of one source does to the phase.

    Parameters
    ----------
    element, source : str
    amount : float
        Variance that the phase gains, s^2/s; of flicker noise its part per Hz^exponent.
    exponent : float
        0 for white noise.
    """

    element: str
    source: str
    amount: float
    exponent: float


def diffusion(problem: Problem, orbit: Orbit, v: Real) -> list[Diffusion]:
    """Return how the phase diffuses by each noise current, with ``v`` of `projection`.

    White noise of the one-sided density S(t) gives c = 1/T int v^2 S/2 dt (Demir, Mehrotra and Roychowdhury, 2000,
    equation 29); flicker noise S(t)/f^e gives (1/T int v sqrt(S) dt)^2 / (2 f^e) (Demir, IEEE Trans. Circuits Syst. I
    49, 1782, 2002): slow noise is seen by the average alone.
    """
    equations, plan = problem.equations, problem.equations.system.plan
    x = np.ascontiguousarray(orbit.stages.reshape(-1, equations.n).T)
    by_row = np.vstack([v.reshape(-1, equations.n).T, np.zeros(x.shape[1])])
    weights = (orbit.steps[:, None] * WEIGHTS).ravel() / orbit.period
    positions = orbit.positions(len(plan.batches))
    found = []
    for batch, own in [*((b, None) for b in plan.folded), *zip(plan.batches, positions, strict=True)]:
        labels = getattr(batch.kernel, "noise_names", ())
        if not labels:
            continue
        density, exponent = equations.noise(batch, x, own)
        gain = by_row[batch.index[batch.kernel.noise_plus]] - by_row[batch.index[batch.kernel.noise_minus]]
        white = exponent.max(axis=2) == 0.0
        amount = np.where(white, 0.5 * (gain**2 * density) @ weights, 0.5 * ((gain * np.sqrt(density)) @ weights) ** 2)
        for k, label in enumerate(labels):
            for i, name in enumerate(batch.names):
                found.append(Diffusion(name, label, float(amount[k, i]), float(exponent[k, i].mean())))
    return found
