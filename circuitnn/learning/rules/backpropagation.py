"""Backpropagation of errors, with the same arrays read forwards and transposed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from circuitnn.learning.layered import Layered

Array = NDArray[Any]


@dataclass(kw_only=True, eq=False)
class Backpropagation(Layered):
    """Gradient descent (Rumelhart, Hinton and Williams, Nature 323, 533 (1986)): errors return through the same cells.

    Driven: word lines with activities, then bit lines with errors. Measured: the currents at the other ends. Pulses:
    on word lines in proportion to activities, on bit lines to errors. The hyper-parameters are those of ``Layered``.

    Examples
    --------
    >>> import numpy as np
    >>> rule = Backpropagation(network=(2, 4, 2), rate=1.0, batch=4, seed=3)
    >>> x, t = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.eye(2)[[0, 1, 1, 0]]
    >>> for _ in range(300):
    ...     rule.learn(x, t)
    >>> rule.outputs(x).argmax(axis=1).tolist()
    [0, 1, 1, 0]
    """

    title = "backpropagation with forward and transposed reads"
    source = "Rumelhart, Hinton and Williams, Nature 323, 533 (1986)"

    def deltas(self, activities: list[Array], error: Array) -> list[Array]:
        """Return errors of each layer, read back through the arrays themselves."""
        return self.transposed(activities, error)


EXPORT = Backpropagation
