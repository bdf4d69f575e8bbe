"""Inference in the circuit: voltages in, currents out, layer after layer.

A layer's input ``x`` becomes word-line voltages ``V = x read_voltage / x_limit``. A tile answers with the differences
of its pairs of bit-line currents, ``I = V (T[:, 0::2] - T[:, 1::2])``, with ``T`` the exact transfer matrix of the
crossbar, wires included. Digitised currents of tiles that share outputs are added; times
``scale x_limit / read_voltage`` they are the products ``x W``. Bias and activation are digital.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.mapping.graph import Dense, require_finite
from circuitnn.mapping.periphery import Periphery
from circuitnn.mapping.tiles import Tile
from circuitnn.nonidealities.chain import Chain

Array = NDArray[np.float64]


def tile_label(layer: str, number: int) -> str:
    """Return the name of a tile's array, to which its random numbers belong; tiles count from 1."""
    return f"{layer}, tile {number}"


@dataclass(frozen=True, eq=False)
class MappedLayer:
    """A dense layer on its tiles.

    Attributes
    ----------
    dense : Dense
    tiles : tuple of Tile
    scale : float, 1/S
        Weight of one siemens of difference in a pair.
    x_limit : float
        End of the range of the inputs; there the word line is at the read voltage.
    signed : bool
        Whether the inputs may be negative.
    r_wire : float, ohm
        Resistance of a segment of word and bit lines.
    effects : Chain
        Non-idealities; those on reads act at each sample.
    """

    dense: Dense
    tiles: tuple[Tile, ...]
    scale: float
    x_limit: float
    signed: bool
    r_wire: float
    effects: Chain = field(default_factory=Chain)

    def crossbar(self, k: int) -> Crossbar:
        """Return tile ``k`` as a crossbar."""
        reads = self.effects.at_reads.of_array(tile_label(self.dense.name, k + 1))
        return Crossbar(self.tiles[k].G, self.r_wire, self.r_wire, nonidealities=reads)

    @cached_property
    def transfers(self) -> list[Array]:
        """Differential transfer matrix of each tile, shape (inputs, outputs), S."""
        found = []
        for k in range(len(self.tiles)):
            transfer = self.crossbar(k).transfer_matrix()
            found.append(transfer[:, 0::2] - transfer[:, 1::2])
        return found

    def with_adc_limits(self, limits: Sequence[float]) -> MappedLayer:
        """Return the layer with other ends of the converters' ranges, A, one a tile."""
        tiles = tuple(replace(tile, adc_limit=limit) for tile, limit in zip(self.tiles, limits, strict=True))
        layer = replace(self, tiles=tiles)
        if not self.effects.reads:
            layer.__dict__["transfers"] = self.transfers  # they do not depend on the limits, and cost most of the time
        return layer

    def currents(self, voltages: Array) -> list[Array]:
        """Return each tile's differential currents, A, for word-line voltages of shape (samples, inputs).

        Where non-idealities act on reads, sample k is read k.
        """
        if self.effects.reads:
            parts = [self.crossbar(k).solve(voltages[:, t.place.inputs]).currents for k, t in enumerate(self.tiles)]
            return [part[:, 0::2] - part[:, 1::2] for part in parts]
        return [voltages[:, tile.place.inputs] @ d for tile, d in zip(self.tiles, self.transfers, strict=True)]

    def products(self, currents: Sequence[Array], periphery: Periphery) -> Array:
        """Return ``x W`` as the circuit finds it, from the tiles' currents."""
        total = np.zeros((len(currents[0]), self.dense.outputs))
        for tile, i in zip(self.tiles, currents, strict=True):
            total[:, tile.place.outputs] += periphery.digitise(i, tile.adc_limit)
        return total * (self.scale * (self.x_limit / periphery.read_voltage))


@dataclass(frozen=True, eq=False)
class Step:
    """What happened in one layer: its inputs, voltages (V), currents by tile (A) and outputs."""

    layer: MappedLayer
    x: Array
    voltages: Array
    currents: list[Array]
    outputs: Array


def propagate(layers: Sequence[MappedLayer], periphery: Periphery, x: Array) -> Iterator[Step]:
    """Yield what happens in each layer for inputs of shape (samples, inputs)."""
    for layer in layers:
        with np.errstate(over="ignore", invalid="ignore"):
            voltages = periphery.voltages(x, layer.x_limit, layer.signed)
            currents = layer.currents(voltages)
            outputs = layer.dense.activate(layer.products(currents, periphery))
        require_finite(outputs, layer.dense.name)
        yield Step(layer, x, voltages, currents, outputs)
        x = outputs


def clipped(step: Step, periphery: Periphery) -> tuple[int, int]:
    """Return how many inputs and currents of a layer lay outside the converters' ranges."""
    slack = 1.0 + 1e-9  # a value at the end of the range, after rounding
    inputs = currents = 0
    if periphery.dac_bits is not None:
        low = -step.layer.x_limit if step.layer.signed else 0.0
        inputs = int(((step.x > slack * step.layer.x_limit) | (step.x < slack * low)).sum())
    if periphery.adc_bits is not None:
        for tile, i in zip(step.layer.tiles, step.currents, strict=True):
            currents += int((np.abs(i) > slack * tile.adc_limit).sum())
    return inputs, currents
