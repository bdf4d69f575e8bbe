"""How far the matrix that a circuit computes is from the one that it should compute."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.graph import Graph
from circuitnn.mapping.matrix import MappedMatrix
from circuitnn.nonidealities.chain import Chain

Array = NDArray[np.float64]
_FLOOR = 1e-3  # of the mean energy: inputs that samples leave at zero may be others tomorrow


def relative_errors(found: Array, wanted: Array, weight: Array) -> tuple[float, float]:
    """Return ``|found - wanted| / |wanted|`` with weighted rows, as it is and after the factor that makes it least.

    Examples
    --------
    >>> ones = np.ones((1, 2))
    >>> [round(e, 9) for e in relative_errors(0.8 * ones, ones, np.ones(1))]
    [0.2, 0.0]
    """
    unit = power_of_two(found, wanted)  # squares of what is left neither overflow nor vanish
    found, wanted = weight[:, None] * (found / unit), weight[:, None] * (wanted / unit)
    size = float(np.linalg.norm(wanted)) or 1.0
    own = float((found * found).sum())
    factor = float((found * wanted).sum()) / own if own > 0.0 else 1.0
    return float(np.linalg.norm(found - wanted)) / size, float(np.linalg.norm(factor * found - wanted)) / size


def power_of_two(*arrays: Array) -> float:
    """Return a power of two near the largest magnitude in arrays, by which nothing is rounded; 1 where all are zero.

    Examples
    --------
    >>> power_of_two(np.array([0.0, -3.0]), np.array([1.0]))
    2.0
    """
    largest = max(float(np.abs(array).max()) for array in arrays)
    return float(np.ldexp(1.0, int(np.frexp(largest)[1]) - 1)) if largest > 0.0 else 1.0


def matrix_errors(matrix: MappedMatrix, energy: Array) -> tuple[float, float]:
    """Return the errors of a matrix in the circuit, rows weighted by the roots of their inputs' energies.

    Wanted is what the encoding stands for, quantised where it quantises: errors are those of the wires.
    """
    wanted = matrix.encoding.represented(matrix.weights, float(np.abs(matrix.weights).max()))
    return relative_errors(linear(matrix).effective, wanted, np.sqrt(energy))


def linear(matrix: MappedMatrix) -> MappedMatrix:
    """Return a matrix whose cells are the conductances that it was programmed to, at every read and voltage."""
    return replace(matrix, cells=None, effects=Chain()) if matrix.solved else matrix


def vectors_of(graph: Graph, samples: Array) -> dict[str, Array]:
    """Return the vectors, shape (reads, inputs), that each matrix multiplies for samples in the network itself."""
    weights = graph.matrices
    found: dict[str, list[Array]] = {label: [] for label in weights}

    def multiply(label: str, vectors: Array) -> Array:
        found[label].append(vectors)
        return np.asarray(vectors @ weights[label])

    for _ in graph.run(multiply, samples):
        pass
    return {label: np.concatenate(parts) for label, parts in found.items()}


def energies_of(graph: Graph, samples: Array | None) -> dict[str, Array]:
    """Return the mean square of each input of every matrix, by label; ones where there are no samples."""
    if samples is None:
        return {label: np.ones(len(weights)) for label, weights in graph.matrices.items()}
    found = {}
    for label, vectors in vectors_of(graph, samples).items():
        energy = (vectors**2).mean(axis=0)
        found[label] = energy + (_FLOOR * float(energy.mean()) or 1.0)
    return found
