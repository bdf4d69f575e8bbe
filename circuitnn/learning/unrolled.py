"""Equilibrium propagation step by step, beside backpropagation through the steps that led to equilibrium.

Ernoult et al. (2019, theorem 1): when a network has come to rest, the change of ``dPhi/dW`` in step ``t`` of the nudged
phase, over the nudge, is the negative gradient of the loss with respect to the weights as step ``T - t`` of the free
phase used them.  Backpropagation through time goes backwards over stored states, the nudged phase forwards.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.learning.arrays import SynapseArray
from circuitnn.learning.layered import with_ones
from circuitnn.learning.rules.hopfield import free_states, step

Array = NDArray[Any]


def equilibrium_updates(
    arrays: list[SynapseArray], x: Array, t: Array, beta: float, *, free_steps: int, steps: int, centred: bool = False
) -> list[list[Array]]:
    """Return what each step of the nudged phase contributes to the updates of all matrices.

    Parameters
    ----------
    arrays : list of SynapseArray
        Matrices with a last row of biases.
    x, t : ndarray, shape (samples, inputs) and (samples, outputs)
    beta : float
    free_steps, steps : int
        Of the free and of the nudged phase; every second layer moves in each.
    centred : bool
        Half the difference of a phase with ``beta`` and one with ``-beta``.

    Returns
    -------
    list of list of ndarray, shape (inputs + 1, outputs)
        ``(dPhi/dW(s_(t+1)) - dPhi/dW(s_t)) / beta`` for t = 0, 1, ..., a matrix each, summed over the samples.
    """
    drive, free = free_states(arrays, x, free_steps)
    runs = []
    for signed in (beta, -beta) if centred else (beta,):
        states, run = free, [_slopes(x, free)]
        for turn in range(steps):
            states = step(arrays, drive, states, turn, signed, t)
            run.append(_slopes(x, states))
        runs.append([[(b - a) / signed for a, b in zip(*pair, strict=True)] for pair in pairwise(run)])
    return [[sum(parts) / len(runs) for parts in zip(*at, strict=True)] for at in zip(*runs, strict=True)]


def time_gradients(arrays: list[SynapseArray], x: Array, t: Array, *, free_steps: int, steps: int) -> list[list[Array]]:
    """Return gradients of the loss with respect to the weights as the last free steps used them.

    The loss is a quarter of the binary cross-entropy of the outputs after the last step, whose gradient for the
    potentials is ``s - t``: the one that a nudge of activities follows (see ``circuitnn.learning.rules.hopfield``).

    Parameters
    ----------
    arrays, x, t, free_steps
        As ``equilibrium_updates`` takes them.
    steps : int
        How many more free steps follow, to go back through.

    Returns
    -------
    list of list of ndarray, shape (inputs + 1, outputs)
        For the last step, the one before it, ..., a matrix each, summed over the samples.
    """
    last = len(arrays) - 1
    drive, states = free_states(arrays, x, free_steps)
    trajectory = [states]
    for turn in reversed(range(steps)):
        trajectory.append(step(arrays, drive, trajectory[-1], turn))
    gradients = []
    by_state = [np.zeros_like(s) for s in trajectory[-1]]
    s = trajectory[-1][last]
    by_state[last] = (s - t) / (4.0 * s * (1.0 - s))
    for turn in range(steps):
        after, before = trajectory[steps - turn], [x, *trajectory[steps - turn - 1]]
        found = [np.zeros(array.shape) for array in arrays]
        moved = range((last + turn) % 2, last + 1, 2)
        by_potential = {k: 4.0 * after[k] * (1.0 - after[k]) * by_state[k] for k in moved}
        for k, g in by_potential.items():
            by_state[k] = np.zeros_like(g)
            found[k] += with_ones(before[k]).T @ g
            if k:
                by_state[k - 1] += arrays[k].backward(g)[:, :-1]
            if k < last:
                found[k + 1][:-1] += g.T @ before[k + 2]
                by_state[k + 1] += arrays[k + 1].forward(np.hstack([g, np.zeros((len(g), 1))]))
        gradients.append(found)
    return gradients


def _slopes(x: Array, states: list[Array]) -> list[Array]:
    """Return ``dPhi/dW`` of all matrices."""
    return [with_ones(below).T @ above for below, above in zip([x, *states], states, strict=False)]
