"""Weights and activities of few values, and the slopes that stand for theirs in training.

A function of few values has no slope. A straight-through estimate puts that of a function nearby in its place: of
clip(a, -1, 1) for the sign (Courbariaux et al., "Binarized neural networks", NIPS 2016, section 1.3; Bengio, Leonard and
Courville, arXiv 1308.3432). The gradient in training is then exact for a network whose values are those of the few and
whose changes are those of the function nearby.
"""

from __future__ import annotations

import numpy as np

from circuitnn.errors import UsageError


def sign(a: np.ndarray) -> np.ndarray:
    """Return +1 where ``a`` is at least 0, else -1.

    Examples
    --------
    >>> sign(np.array([-0.2, 0.0, 3.0]))
    array([-1.,  1.,  1.])
    """
    return np.where(a >= 0.0, 1.0, -1.0).astype(a.dtype)


def sign_slope(a: np.ndarray) -> np.ndarray:
    """Return the slope of clip(a, -1, 1): 1 where |a| is at most 1, else 0.

    Examples
    --------
    >>> sign_slope(np.array([-1.5, -0.2, 1.0]))
    array([0., 1., 1.])
    """
    return (np.abs(a) <= 1.0).astype(a.dtype)


def scaled_signs(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return signs B and scale alpha of each column, whose product is the nearest to its weights.

    alpha = sum |W| / n over the n inputs of an output (Rastegari et al., "XNOR-Net", ECCV 2016, equation 6).

    Parameters
    ----------
    weights : ndarray, shape (inputs, outputs)

    Returns
    -------
    signs : ndarray, shape (inputs, outputs)
    alpha : ndarray, shape (outputs,)

    Examples
    --------
    >>> signs, alpha = scaled_signs(np.array([[0.5, -1.0], [-0.1, 0.0]]))
    >>> signs
    array([[ 1., -1.],
           [-1.,  1.]])
    >>> alpha
    array([0.3, 0.5])
    """
    return sign(weights), np.abs(weights).mean(axis=0)


def scaled_gradient(gradient: np.ndarray, weights: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return dC/dW from the gradient with respect to the scaled signs alpha B.

    dC/dW = dC/d(alpha B) (1/n + alpha [|W| <= 1]) (Rastegari et al. 2016, section 3.1): the first term stands for the
    change of the scale, the second for that of the sign.

    Examples
    --------
    >>> scaled_gradient(np.array([[2.0], [2.0]]), np.array([[0.5], [-3.0]]), np.array([0.25]))
    array([[1.5],
           [1. ]])
    """
    return gradient * (1.0 / weights.shape[0] + alpha * sign_slope(weights))


def quantised(weights: np.ndarray, bits: int) -> np.ndarray:
    """Return the nearest of 2^bits - 1 equidistant levels from -1 to 1, zero among them; bits = 1: the sign.

    Raises
    ------
    UsageError
        If ``bits`` is no whole number from 1 to 16.

    Examples
    --------
    >>> quantised(np.array([-1.7, -0.4, 0.1, 0.8]), 2)
    array([-1.,  0.,  0.,  1.])
    """
    if bits != int(bits) or not 1 <= bits <= 16:
        raise UsageError(f"weights cannot have {bits} bits", hint="1 to 16")
    if bits == 1:
        return sign(weights)
    half = 2 ** (int(bits) - 1) - 1
    return np.rint(np.clip(weights, -1.0, 1.0) * half) / half + 0.0
