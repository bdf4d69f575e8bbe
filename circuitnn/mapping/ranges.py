"""Ranges of converters: by what weights allow, or by typical samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import UsageError
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.inference import batch_size
from circuitnn.mapping.matrix import MappedMatrix
from circuitnn.mapping.operators.node import Interval
from circuitnn.mapping.periphery import Periphery

Array = NDArray[np.float64]


def typical_samples(graph: Graph, calibration: ArrayLike) -> Array:
    """Return typical inputs, shape (samples,) + input_shape; raise UsageError when it is anything else, or none."""
    samples = graph.samples(calibration)
    if len(samples) == 0:
        raise UsageError("there is no sample", expected=f"shape (samples, {graph.inputs})")
    return samples


def limit_of(interval: Interval) -> tuple[float, bool]:
    """Return the largest magnitude in an interval, and whether it holds negative numbers."""
    return max(-interval[0], interval[1]) or 1.0, interval[0] < 0.0


def full_scale(differences: Array, read_voltage: float, g_max: float) -> float:
    """Return the largest current that a converter of a tile without wires can see."""
    return read_voltage * (float(np.abs(differences).sum(axis=0).max()) or g_max)


def calibrate_ranges(graph: Graph, matrices: dict[str, MappedMatrix], periphery: Periphery, x: Array) -> None:
    """Set the converters' ranges by typical inputs, shape (samples,) + input_shape, in place of the matrices.

    They become the largest values that each converter sees in the circuit.
    """
    seen: set[str] = set()
    exact = graph.matrices

    def multiply(label: str, vectors: Array) -> Array:
        if label not in matrices:
            return vectors @ exact[label]
        matrix, again = matrices[label], label in seen
        seen.add(label)
        limit = float(np.abs(vectors).max())
        signed = bool((vectors < 0.0).any())
        kept = [0.0] * len(matrix.tiles)
        if again:  # the same current is a smaller one where the inputs' range has grown
            grown = max(limit, matrix.x_limit)
            kept = [tile.adc_limit * (matrix.x_limit / grown) for tile in matrix.tiles]
            limit, signed = grown, signed or matrix.signed
        matrix = matrix.keeping(x_limit=limit or 1.0, signed=signed)
        _, currents = matrix.answer(vectors, periphery)
        limits = [
            max(float(np.abs(i).max()), least) or tile.adc_limit
            for tile, i, least in zip(matrix.tiles, currents, kept, strict=True)
        ]
        matrices[label] = matrix.with_adc_limits(limits)
        return matrices[label].decode(currents, periphery)

    size = batch_size(graph)
    for start in range(0, len(x), size):
        for _ in graph.run(multiply, x[start : start + size]):
            pass
