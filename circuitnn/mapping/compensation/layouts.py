"""Layouts with compensated cells, lines in a better order, or calibrated outputs, and reports of what that gains."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.mapping.compensation.calibration import Calibration, fit_outputs
from circuitnn.mapping.compensation.fidelity import energies_of, linear, matrix_errors, vectors_of
from circuitnn.mapping.compensation.permutation import permuted
from circuitnn.mapping.compensation.wires import Compensation, compensate
from circuitnn.mapping.matrix import MappedMatrix, tile_label
from circuitnn.mapping.ranges import typical_samples
from circuitnn.mapping.tiles import Tile

if TYPE_CHECKING:
    from circuitnn.mapping.layout import Layout

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """What was done to a matrix.

    Attributes
    ----------
    label : str
    what : str
        In words.
    before, after : tuple of (float, float)
        Relative error of the matrix in the circuit, rows weighted by the size of their inputs: as it is, and after the
        common gain that makes it least.
    """

    label: str
    what: str
    before: tuple[float, float]
    after: tuple[float, float]


@dataclass(frozen=True)
class Changes:
    """What was done to all matrices of a layout; prints as a table."""

    matrices: tuple[Change, ...]

    def __str__(self) -> str:
        lines = [f"{'matrix':<20}{'error':>9}{'scaled':>9}   {'now':>9}{'scaled':>9}   what"]
        for c in self.matrices:
            numbers = [f"{100.0 * e:>7.3f} %" for e in (*c.before, *c.after)]
            lines.append(f"{c.label:<20}{''.join(numbers[:2])}   {''.join(numbers[2:])}   {c.what}")
        return "\n".join(lines)


def compensate_layout(layout: Layout, samples: ArrayLike | None, tolerance: float) -> tuple[Layout, Changes]:
    """See ``Layout.compensate``."""
    x, window = _samples(layout, samples), (layout.g_min, layout.g_max)
    energies = energies_of(layout.graph, x)
    matrices, changes = [], []
    for matrix in layout.matrices:
        energy = energies[matrix.label]
        # From what the encoding has: corrections that are there already would make up for the same wires once more.
        plain = matrix.encoded([tile.place for tile in matrix.tiles], window)
        done = _compensated_tiles(plain, energy, window, tolerance)
        gain = done[0].gain
        tiles = []
        for k, (tile, found) in enumerate(zip(plain.tiles, done, strict=True), 1):
            cells = matrix.effects.of_array(tile_label(matrix.label, k)).written(found.G)
            tiles.append(replace(tile, target=found.G, G=cells))
        new = replace(plain, tiles=tuple(tiles), scale=plain.scale / gain)
        saturated = max(found.saturated for found in done)
        what = f"gain {gain:.3f}, cells at g_max {100.0 * saturated:.2f} %, {sum(f.steps for f in done)} steps"
        changes.append(_change(matrix, new, energy, what))
        matrices.append(new)
    return _with_ranges(replace(layout, matrices=tuple(matrices)), x), Changes(tuple(changes))


def _compensated_tiles(
    matrix: MappedMatrix, energy: Array, window: tuple[float, float], tolerance: float
) -> list[Compensation]:
    """Return the cells of all tiles at one gain, the largest that all of them reach."""

    def of(tile: Tile, **known: Any) -> Compensation:
        readout = matrix.encoding.analogue(len(tile.place.outputs))
        return compensate(
            tile.target,
            readout,
            matrix.r_word,
            matrix.r_bit,
            window=window,
            energy=energy[tile.place.inputs],
            tolerance=tolerance,
            r_source=matrix.r_source,
            r_sense=matrix.r_sense,
            **known,
        )

    free = [of(tile) for tile in matrix.tiles]
    gain = min(found.gain for found in free)
    return [
        found if found.gain == gain else of(tile, gain=gain, start=found.G)
        for tile, found in zip(matrix.tiles, free, strict=True)
    ]


def permute_layout(layout: Layout, samples: ArrayLike | None) -> tuple[Layout, Changes]:
    """See ``Layout.permute``."""
    x = _samples(layout, samples)
    energies = energies_of(layout.graph, x)
    matrices, changes = [], []
    for matrix in layout.matrices:
        energy = energies[matrix.label]
        new, order = permuted(matrix, energy, layout.tile, (layout.g_min, layout.g_max))
        changes.append(_change(matrix, new, energy, f"order of {order}" if new is not matrix else order))
        matrices.append(new)
    return _with_ranges(replace(layout, matrices=tuple(matrices)), x), Changes(tuple(changes))


def calibrate_layout(layout: Layout, samples: ArrayLike) -> tuple[Layout, dict[str, Calibration]]:
    """See ``Layout.calibrate``."""
    x = _samples(layout, samples)
    assert x is not None
    vectors = vectors_of(layout.graph, x)
    matrices, done = [], {}
    for matrix in layout.matrices:
        inputs = vectors[matrix.label]
        found = matrix.decode(matrix.answer(inputs, layout.periphery)[1], layout.periphery)
        fit = fit_outputs(found, inputs @ matrix.weights)
        done[matrix.label] = fit
        matrices.append(matrix.keeping(gain=fit.gain * matrix.gain, offset=fit(matrix.offset)))
    return replace(layout, matrices=tuple(matrices)), done


def _samples(layout: Layout, samples: ArrayLike | None) -> Array | None:
    if samples is None:
        return None
    return typical_samples(layout.graph, samples)


def _change(old: MappedMatrix, new: MappedMatrix, energy: Array, what: str) -> Change:
    return Change(old.label, what, matrix_errors(old, energy), matrix_errors(new, energy))


def _with_ranges(layout: Layout, samples: Array | None) -> Layout:
    """Return a layout whose converters end at the largest currents of samples, or at the largest possible ones."""
    limits = {matrix.label: [0.0] * len(matrix.tiles) for matrix in layout.matrices}
    if samples is not None:
        exact = replace(layout, periphery=replace(layout.periphery, adc_bits=None))
        for read in exact.reads(samples):
            kept = limits[read.matrix.label]
            limits[read.matrix.label] = [
                max(old, float(np.abs(i).max())) for old, i in zip(kept, read.currents, strict=True)
            ]
    matrices = []
    for matrix in layout.matrices:
        possible = [
            layout.periphery.read_voltage * float(np.abs(t).sum(axis=0).max()) for t in linear(matrix).transfers
        ]
        ends = [seen or most or layout.g_max for seen, most in zip(limits[matrix.label], possible, strict=True)]
        matrices.append(matrix.with_adc_limits(ends))
    return replace(layout, matrices=tuple(matrices))
