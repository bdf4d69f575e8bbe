"""How well a layout classifies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import UsageError
from circuitnn.mapping.graph import Graph

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation:
    """How well a layout classifies.

    Attributes
    ----------
    accuracy, ideal_accuracy : float
        Share of samples that the circuit, and the network in double precision, put into the right class.
    agreement : float
        Share of samples that both put into the same class.
    samples : int
    clipped_inputs, clipped_currents : int
        Values outside the range of the converters, all layers and samples together.
    """

    accuracy: float
    ideal_accuracy: float
    agreement: float
    samples: int
    clipped_inputs: int
    clipped_currents: int

    def __str__(self) -> str:
        lines = [
            f"samples           {self.samples}",
            f"accuracy          {100.0 * self.accuracy:.2f} %",
            f"ideal network     {100.0 * self.ideal_accuracy:.2f} %",
            f"same class        {100.0 * self.agreement:.2f} %",
        ]
        if self.clipped_inputs or self.clipped_currents:
            lines.append(f"clipped           {self.clipped_inputs} inputs, {self.clipped_currents} currents")
        return "\n".join(lines)


def labels_of(y: ArrayLike, samples: int, graph: Graph) -> NDArray[np.int64]:
    """Return ``y`` as classes of the network; raise UsageError when it is anything else."""
    labels = np.asarray(y)
    classes = max(graph.outputs, 2)
    if len(graph.output_shape) != 1:
        raise UsageError(f"outputs of shape {graph.output_shape} are no classes", hint="compare layout(x) yourself")
    if graph.outputs == 1 and getattr(graph.nodes[-1], "activation", "") != "sigmoid":
        raise UsageError(
            "a network with one output that is no sigmoid has no classes", hint="compare layout(x) yourself"
        )
    if labels.shape != (samples,) or samples == 0 or labels.dtype.kind not in "biu":
        raise UsageError(
            f"labels of shape {labels.shape} and type {labels.dtype} for {samples} samples",
            expected="one integer a sample, and at least one sample",
        )
    labels = labels.astype(np.int64)
    if labels.min() < 0 or labels.max() >= classes:
        raise UsageError(f"labels from {labels.min()} to {labels.max()}", expected=f"classes 0 to {classes - 1}")
    return labels


def classes_of(outputs: Array) -> NDArray[np.int64]:
    """Return the class of each sample: the largest output, or a single one above 0.5."""
    return outputs.argmax(axis=1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0.5).astype(np.int64)
