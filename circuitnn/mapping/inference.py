"""Inference in the circuit: a graph whose matrices are multiplied by their tiles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.graph import Graph
from circuitnn.mapping.matrix import MappedMatrix
from circuitnn.mapping.periphery import Periphery

Array = NDArray[np.float64]
_NUMBERS = 2**21  # held at a time by a batch of samples, in the widest part of a network


@dataclass(frozen=True, eq=False)
class Read:
    """What happened at one matrix: its vectors, word-line voltages (V), currents by tile (A) and products.

    Where a vector takes several reads, voltages and currents have all vectors of the first read, then of the second.
    """

    matrix: MappedMatrix
    x: Array
    voltages: Array
    currents: list[Array]
    products: Array


class Inference:
    """Runs samples through a network in its circuit, and counts what the converters clip.

    Parameters
    ----------
    graph : Graph
    matrices : sequence of MappedMatrix
        Matrices of the graph that are on tiles; the others are multiplied exactly.
    periphery : Periphery

    Attributes
    ----------
    clipped_inputs, clipped_currents : int
        Values so far that lay outside the converters' ranges.
    """

    def __init__(self, graph: Graph, matrices: Sequence[MappedMatrix], periphery: Periphery) -> None:
        self._graph, self._periphery, self._exact = graph, periphery, graph.matrices
        self._matrices = {matrix.label: matrix for matrix in matrices}
        self._reads: Counter[str] = Counter()
        self._kept: list[Read] | None = None
        self.clipped_inputs = self.clipped_currents = 0

    def read(self, label: str, x: Array) -> Read:
        """Return what a matrix makes of vectors, shape (vectors, inputs), which are its next reads."""
        matrix = self._matrices[label]
        first = self._reads[label]
        voltages, currents = matrix.answer(x, self._periphery, first)
        self._reads[label] += len(voltages)
        return Read(matrix, x, voltages, currents, matrix.decode(currents, self._periphery, first))

    def _multiply(self, label: str, x: Array) -> Array:
        if label not in self._matrices:
            return x @ self._exact[label]
        matrix, p = self._matrices[label], self._periphery
        if p.exact and not matrix.solved and self._kept is None:
            return x @ matrix.effective + matrix.offset  # the same in one product
        done = self.read(label, x)
        inputs, currents = clipped(done, p)
        self.clipped_inputs += inputs
        self.clipped_currents += currents
        if self._kept is not None:
            self._kept.append(done)
        return done.products

    def outputs(self, x: Array) -> Iterator[Array]:
        """Yield the outputs of samples, shape (samples,) + input_shape, a batch at a time."""
        size = batch_size(self._graph)
        for start in range(0, len(x), size):
            *_, (_, out) = self._graph.run(self._multiply, x[start : start + size])
            yield out

    def all_reads(self, x: Array) -> list[Read]:
        """Return every read for samples, in order."""
        self._kept = []
        try:
            for _ in self._graph.run(self._multiply, x):
                pass
            return self._kept
        finally:
            self._kept = None


def batch_size(graph: Graph) -> int:
    """Return how many samples may run at a time in bounded memory."""
    reads = graph.reads()
    widest = max(
        *(prod(shape) for shape in graph.shapes.values()),
        *(reads[label] * sum(matrix.shape) for label, matrix in graph.matrices.items()),
        1,
    )
    return max(1, _NUMBERS // widest)


def clipped(done: Read, periphery: Periphery) -> tuple[int, int]:
    """Return how many inputs and currents of a read lay outside the converters' ranges."""
    slack = 1.0 + 1e-9  # a value at the end of the range, after rounding
    inputs = currents = 0
    matrix = done.matrix
    if periphery.dac_bits is not None:
        low = -matrix.x_limit if matrix.signed else 0.0
        inputs = int(((done.x > slack * matrix.x_limit) | (done.x < slack * low)).sum())
    if periphery.adc_bits is not None:
        for tile, i in zip(matrix.tiles, done.currents, strict=True):
            currents += int((np.abs(i) > slack * tile.adc_limit).sum())
    return inputs, currents
