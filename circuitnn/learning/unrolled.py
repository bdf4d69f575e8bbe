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
from circuitnn.learning.rules.hopfield import step

Array = NDArray[Any]


def free_states(arrays: list[SynapseArray], x: Array, steps: int) -> tuple[Array, list[Array]]:
    """Return what the inputs give to the first layer, and the states of all layers after free steps from 0."""
    drive = arrays[0].forward(with_ones(x))
    states = [np.zeros((len(x), array.shape[1]), x.dtype) for array in arrays]
    for _ in range(steps):
        states = step(arrays, drive, states)
    return drive, states


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
        Of the free and of the nudged phase.
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
        for _ in range(steps):
            states = step(arrays, drive, states, signed, t)
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
        How many steps back to go; at most ``free_steps``.

    Returns
    -------
    list of list of ndarray, shape (inputs + 1, outputs)
        For the last step, the one before it, ..., a matrix each, summed over the samples.
    """
    drive, states = free_states(arrays, x, free_steps - steps)
    trajectory = [states]
    for _ in range(steps):
        trajectory.append(step(arrays, drive, trajectory[-1]))
    gradients = []
    # by the potentials a of the step that is looked at; its activities are trajectory[k + 1]
    by_potential = [np.zeros_like(s) for s in trajectory[-1][:-1]] + [trajectory[-1][-1] - t]
    for k in reversed(range(steps)):
        before = [x, *trajectory[k]]
        gradients.append(
            [
                with_ones(before[m]).T @ by_potential[m]
                + (_padded(by_potential[m - 1].T @ before[m + 1]) if m else 0.0)
                for m in range(len(arrays))
            ]
        )
        by_state = []
        for layer, s in enumerate(trajectory[k]):
            g = np.zeros_like(s)
            if layer:
                g += arrays[layer].forward(np.hstack([by_potential[layer - 1], np.zeros((len(s), 1))]))
            if layer + 1 < len(arrays):
                g += arrays[layer + 1].backward(by_potential[layer + 1])[:, :-1]
            by_state.append(g)
        by_potential = [4.0 * s * (1.0 - s) * g for s, g in zip(trajectory[k], by_state, strict=True)]
    return gradients


def _slopes(x: Array, states: list[Array]) -> list[Array]:
    """Return ``dPhi/dW`` of all matrices."""
    return [with_ones(below).T @ above for below, above in zip([x, *states], states, strict=False)]


def _padded(gradient: Array) -> Array:
    """Return the gradient of a transposed read, in which biases have no part."""
    return np.vstack([gradient, np.zeros((1, gradient.shape[1]))])
