"""Networks with fewer bits and fewer weights: what quantised and pruned training applies to its weights.

Functions from arrays to arrays, so that a training loop of any framework can call them; ``quantised`` and ``pruned``
apply them to a whole graph after training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import UsageError
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.operators.convolution import Conv
from circuitnn.mapping.operators.dense import Dense
from circuitnn.mapping.operators.node import Node

Array = NDArray[np.float64]


def quantise_weights(weights: ArrayLike, bits: int) -> Array:
    """Return weights of so many bits: whole multiples of a step, or, with one bit, a sign times the mean magnitude.

    Parameters
    ----------
    weights : array_like, shape (..., outputs)
        The last axis is that of the outputs, as in ``x @ weights``.
    bits : int
        1 to 16, the sign among them. One bit: ``sign(w) mean|w|`` an output (Rastegari et al., "XNOR-Net", ECCV 2016,
        eq. 6). More: ``2^(bits - 1) - 1`` steps on either side of zero, up to the largest magnitude.

    Raises
    ------
    UsageError
        When ``bits`` is out of range.

    Examples
    --------
    >>> quantise_weights([[0.5, -0.9], [-0.1, 1.0]], 1).round(12).tolist()
    [[0.3, -0.95], [-0.3, 0.95]]
    >>> quantise_weights([[0.5, -0.9], [-0.1, 1.0]], 3).round(12).tolist()     # steps of 1/3
    [[0.666666666667, -1.0], [0.0, 1.0]]
    """
    if isinstance(bits, bool) or not isinstance(bits, int | np.integer) or not 1 <= bits <= 16:
        raise UsageError(f"bits is {bits!r}", expected="a whole number from 1 to 16", names=["bits"])
    w = np.asarray(weights, dtype=np.float64)
    if bits == 1:
        return np.where(w >= 0.0, 1.0, -1.0) * np.abs(w).mean(axis=tuple(range(w.ndim - 1)))
    step = float(np.abs(w).max(initial=0.0)) / (2 ** (bits - 1) - 1)
    return np.rint(w / step) * step + 0.0 if step else w.copy()


def prune_weights(weights: ArrayLike, share: float) -> Array:
    """Return weights of which the given share, those of least magnitude, is zero.

    Examples
    --------
    >>> prune_weights([[0.5, -0.9], [-0.1, 1.0]], 0.5).tolist()
    [[0.0, -0.9], [0.0, 1.0]]
    """
    w = np.array(weights, dtype=np.float64)
    if not 0.0 <= share <= 1.0:
        raise UsageError(f"share is {share!r}", expected="0 to 1", names=["share"])
    smallest = np.argsort(np.abs(w), axis=None, kind="stable")[: round(share * w.size)]
    w.reshape(-1)[smallest] = 0.0
    return w


@dataclass(frozen=True)
class GuidedPruning:
    """Quantised guided pruning: during training each kernel loses its least weights one after the other; the rest
    are binary.

    After Boukli Hacene et al., "Quantized guided pruning for efficient hardware implementations of convolutional
    neural networks", NEWCAS 2020: kernels pruned down to single binary weights, so that a convolution becomes a choice
    of inputs. The paper's own schedule was not at hand; here weights go at even intervals over the first part of the
    training, and those left train on until its end.

    A training loop keeps full-precision weights, computes with ``guided.weights(w, progress)``, and gives the gradient
    found there to the full-precision ones (straight through).

    Parameters
    ----------
    kept : int
        Weights that a kernel keeps.
    bits : int
        Of the weights that are kept, 1 to 16; ``None`` leaves them as they are.
    settled : float
        Share of the training after which no more weights go.

    Examples
    --------
    >>> kernels = np.array([[[3.0, -1.0, 2.0, 0.5]]])              # (outputs, channels, kernel)
    >>> guided = GuidedPruning(kept=1, bits=None)
    >>> [int((guided.weights(kernels, t) != 0).sum()) for t in (0.0, 0.3, 0.6, 1.0)]
    [4, 3, 1, 1]
    """

    kept: int = 1
    bits: int | None = 1
    settled: float = 0.6

    def __post_init__(self) -> None:
        if isinstance(self.kept, bool) or not isinstance(self.kept, int) or self.kept < 1:
            raise UsageError(f"kept is {self.kept!r}", expected="a whole number from 1 on", names=["kept"])
        if not 0.0 < self.settled <= 1.0:
            raise UsageError(f"settled is {self.settled!r}", expected="more than 0, at most 1", names=["settled"])
        if self.bits is not None:
            quantise_weights(np.zeros((1, 1)), self.bits)

    def mask(self, weights: ArrayLike, progress: float) -> NDArray[np.bool_]:
        """Return which weights are left at a share ``progress`` of the training, shape of ``weights``.

        Parameters
        ----------
        weights : array_like, shape (outputs, channels) + kernel
        progress : float
            0 to 1.
        """
        w = np.abs(np.asarray(weights, dtype=np.float64))
        if w.ndim < 3:
            raise UsageError(f"weights of shape {w.shape} have no kernels", expected="(outputs, channels, *kernel)")
        if not 0.0 <= progress <= 1.0:
            raise UsageError(f"progress is {progress!r}", expected="0 to 1", names=["progress"])
        flat = w.reshape(*w.shape[:2], -1)
        size = flat.shape[-1]
        kept = min(self.kept, size)
        left = max(kept, size - int((size - kept) * min(1.0, progress / self.settled)))
        order = np.argsort(-flat, axis=-1, kind="stable")
        chosen = np.zeros(flat.shape, dtype=bool)
        np.put_along_axis(chosen, order[..., :left], True, axis=-1)
        return chosen.reshape(w.shape)

    def weights(self, weights: ArrayLike, progress: float) -> Array:
        """Return the weights with which the network computes, shape of ``weights``; see ``mask``."""
        w, mask = np.asarray(weights, dtype=np.float64), self.mask(weights, progress)
        if self.bits is None:
            return np.asarray(np.where(mask, w, 0.0))
        if self.bits > 1:
            return np.where(mask, np.moveaxis(quantise_weights(np.moveaxis(w * mask, 0, -1), self.bits), -1, 0), 0.0)
        # The mean magnitude of what is left, an output each.
        axes = tuple(range(1, w.ndim))
        mean = (np.abs(w) * mask).sum(axis=axes, keepdims=True) / mask.sum(axis=axes, keepdims=True)
        return np.asarray(np.where(mask, np.where(w >= 0.0, mean, -mean), 0.0))


def quantised(graph: Graph, bits: int) -> Graph:
    """Return the network with the weights of every dense layer and convolution quantised; biases stay.

    Examples
    --------
    >>> from circuitnn.mapping.operators.dense import Dense
    >>> net = quantised(Graph([Dense([[0.5, -0.9], [-0.1, 1.0]])]), 3)
    >>> net([1.0, 0.0]).round(6).tolist()
    [0.666667, -1.0]
    """
    return _changed(graph, lambda w: quantise_weights(w, bits))


def pruned(graph: Graph, share: float) -> Graph:
    """Return the network without the given share of the weights, the least ones of every dense layer and convolution.

    Compile it with ``packed=True``, which leaves out what has become empty.

    Examples
    --------
    >>> from circuitnn.mapping.operators.dense import Dense
    >>> pruned(Graph([Dense([[0.5, -0.9], [-0.1, 1.0]])]), 0.25)([0.0, 1.0]).tolist()
    [0.0, 1.0]
    """
    return _changed(graph, lambda w: prune_weights(w, share))


def _changed(graph: Graph, change: Callable[[Array], Array]) -> Graph:
    nodes: list[Node] = []
    for node in graph.nodes:
        if isinstance(node, Dense):
            node = replace(node, weights=change(node.weights))
        elif isinstance(node, Conv):  # its outputs come first
            node = replace(node, weights=np.moveaxis(change(np.moveaxis(node.weights, 0, -1)), -1, 0))
        nodes.append(node)
    return Graph(nodes, graph.input_shape)
