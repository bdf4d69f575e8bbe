"""The cost of a layout: its matrices and typical reads of them as ``Work``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.mapping.cost.report import Cost, cost
from circuitnn.mapping.cost.technology import Technology
from circuitnn.mapping.cost.work import ArrayWork, Work, whole
from circuitnn.mapping.graph import matrix_label
from circuitnn.mapping.inference import Inference, batch_size
from circuitnn.mapping.operators.convolution import Conv
from circuitnn.mapping.ranges import typical_samples

if TYPE_CHECKING:
    from circuitnn.mapping.layout import Layout
    from circuitnn.mapping.matrix import MappedMatrix
    from circuitnn.mapping.operators.node import Node
    from circuitnn.mapping.periphery import Periphery

Array = NDArray[np.float64]


def cost_of(
    layout: Layout,
    x: ArrayLike | None = None,
    technology: Technology | Mapping[str, float] | str | os.PathLike[str] | None = None,
    *,
    dac_bits: int | None = None,
    adc_bits: int | None = None,
    most_reads: int = 64,
    adc_share: int | None = None,
    replicas: int | Mapping[str, int] = 1,
    wires: bool = True,
    grid: str | float = "world",
) -> Cost:
    """Return the cost of an inference in a layout.

    Parameters
    ----------
    layout : Layout
    x : array_like, shape (samples,) + input_shape, optional
        Typical samples: the arrays' energy is a mean over them. Without them all word lines are at the read voltage,
        which is the most that arrays can take.
    technology, adc_share, replicas, wires, grid
        See ``report.cost``.
    dac_bits, adc_bits : int, optional
        Those of the layout's converters when None; they must be given where these are exact.
    most_reads : int
        Reads of each matrix, evenly chosen from those of the samples, for which its arrays are solved.

    Raises
    ------
    UsageError
        When an option is out of range, or ``x`` has another shape.
    FileError
        When a file of numbers cannot be read.
    """
    found = cost(
        works_of(layout, x, dac_bits=dac_bits, adc_bits=adc_bits, most_reads=most_reads),
        technology,
        adc_share=adc_share,
        replicas=replicas,
        wires=wires,
        grid=grid,
    )
    on_arrays, reads = {matrix.label for matrix in layout.matrices}, layout.graph.reads()
    outside = {
        label: matrix.size * reads[label] for label, matrix in layout.graph.matrices.items() if label not in on_arrays
    }
    return replace(found, outside=outside)


def works_of(
    layout: Layout,
    x: ArrayLike | None = None,
    *,
    dac_bits: int | None = None,
    adc_bits: int | None = None,
    most_reads: int = 64,
) -> list[Work]:
    """Return the matrices of a layout as ``Work``; arguments are those of ``cost_of``.

    What nodes without matrices do, such as pooling, is not in it; nor are products of the gates of a recurrent layer.
    A serial coding takes a read a bit, of a converter of one bit.
    """
    p, reads = layout.periphery, _reads(layout)
    own = 1 if p.coding == "serial" else p.dac_bits
    drives = _drives(layout, x, whole("most_reads", most_reads))
    nodes = {matrix_label(node.name, key): node for node in layout.graph.nodes for key in node.matrices}
    works: list[Work] = []
    seen: set[str] = set()
    for matrix in layout.matrices:
        node = nodes[matrix.label]
        # Its activation is done once, on the sums of all of its matrices.
        # Nodes that name none and have matrices are recurrent, with gates.
        activation = "linear" if node.name in seen else getattr(node, "activation", "gates")
        seen.add(node.name)
        works.append(
            Work(
                matrix.label,
                _arrays(matrix, drives[matrix.label]),
                inputs=matrix.weights.shape[0],
                outputs=matrix.weights.shape[1],
                dac_bits=own if dac_bits is None else dac_bits,
                adc_bits=p.adc_bits if adc_bits is None else adc_bits,
                activation=activation,
                reads=reads[matrix.label],
                stage=node.name,
                weights=_weights(node, matrix.weights.size),
            )
        )
    return works


def _effective(voltages: Array, periphery: Periphery) -> Array:
    """Return the voltages whose squares are the mean squares over a read.

    A pulse of a width has its height for a part of the read. Steady lines of no resistance then take the same energy.
    """
    if periphery.coding != "width":
        return voltages
    return np.asarray(np.sign(voltages) * np.sqrt(np.abs(voltages) * periphery.read_voltage))


def _reads(layout: Layout) -> dict[str, int]:
    """Return how often a sample is read from the tiles of each matrix, by label."""
    vectors = layout.graph.reads()
    return {m.label: vectors[m.label] * layout.periphery.reads(m.signed) for m in layout.matrices}


def _arrays(matrix: MappedMatrix, voltages: Array) -> list[ArrayWork]:
    return [
        ArrayWork(
            matrix.crossbar(k),
            voltages[:, tile.place.inputs],
            matrix.encoding.analogue(len(tile.place.outputs)).shape[1],
        )
        for k, tile in enumerate(matrix.tiles)
    ]


def _weights(node: Node, size: int) -> int:
    """Return how many of a matrix's numbers are weights: groups of channels may share one, block after block."""
    if not isinstance(node, Conv):
        return size
    return max(1, round(size * node.weights.size / sum(matrix.size for matrix in node.matrices.values())))


def _drives(layout: Layout, x: ArrayLike | None, most: int) -> dict[str, Array]:
    """Return word-line voltages of some reads of every matrix, shape (reads, inputs), by label."""
    if x is None:
        volts = layout.periphery.read_voltage
        return {matrix.label: np.full((1, len(matrix.weights)), volts) for matrix in layout.matrices}
    samples = typical_samples(layout.graph, x)
    chosen = {
        label: np.unique(np.linspace(0, count * len(samples) - 1, most).astype(np.int64))
        for label, count in _reads(layout).items()
    }
    found: dict[str, list[Array]] = {matrix.label: [] for matrix in layout.matrices}
    done: Counter[str] = Counter()
    inference = Inference(layout.graph, layout.matrices, layout.periphery)
    step = batch_size(layout.graph)
    for start in range(0, len(samples), step):
        for read in inference.all_reads(samples[start : start + step]):
            label = read.matrix.label
            places = chosen[label] - done[label]
            places = places[(places >= 0) & (places < len(read.voltages))]
            found[label].append(_effective(read.voltages[places], layout.periphery))
            done[label] += len(read.voltages)
    return {label: np.concatenate(parts) for label, parts in found.items()}
