"""A matrix on its tiles: voltages in, currents out, products after the converters.

Inputs ``x`` become word-line voltages ``V = x read_voltage / x_limit``. A tile answers with the currents ``V T`` of its
bit lines, ``T`` being the exact transfer matrix of the crossbar, wires included. Its encoding says which of them sense
amplifiers add and subtract, and what logic makes of the converted currents; those of tiles that share outputs are
added. Times ``scale x_limit / read_voltage`` they are the products ``x W``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.cells import Cells
from circuitnn.crossbar.checks import resistance
from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.crossbar.programmed import programmed_states
from circuitnn.mapping.encodings.encoding import Encoding
from circuitnn.mapping.periphery import Periphery
from circuitnn.mapping.tiles import Place, Tile
from circuitnn.netlist.flat import Model
from circuitnn.nonidealities.chain import Chain

Array = NDArray[np.float64]


def tile_label(matrix: str, number: int) -> str:
    """Return the name of a tile's array, to which its random numbers belong; tiles count from 1."""
    return f"{matrix}, tile {number}"


@dataclass(frozen=True, eq=False)
class MappedMatrix:
    """A matrix on its tiles.

    Attributes
    ----------
    label : str
        Name of its node, with the node's name for it where it has several.
    weights : ndarray, shape (inputs, outputs)
        What it should compute, ``x @ weights``.
    tiles : tuple of Tile
    encoding : Encoding
    scale : float, 1/S
        Weight of one siemens of an output.
    x_limit : float
        End of the range of the inputs; there the word line is at the read voltage.
    signed : bool
        Whether the inputs may be negative.
    r_word, r_bit : float, ohm
        Resistance of a segment of word and bit lines.
    gain, offset : ndarray, shape (outputs,)
        Corrections in logic: products are ``gain * found + offset``.
    effects : Chain
        Non-idealities; those on reads act at each read.
    cells : str or Model, optional
        Device of the cells, whose current then follows its equations at every voltage. None: Ohm's law.
    r_source, r_sense : float, ohm
        Output resistance of the word lines' drivers, and input resistance of the sense amplifiers.
    """

    label: str
    weights: Array
    tiles: tuple[Tile, ...]
    encoding: Encoding
    scale: float
    x_limit: float
    signed: bool
    r_word: float
    r_bit: float
    gain: Array
    offset: Array
    effects: Chain = field(default_factory=Chain)
    cells: str | Model | None = None
    r_source: float = 0.0
    r_sense: float = 0.0

    def crossbar(self, k: int) -> Crossbar:
        """Return tile ``k`` as a crossbar; cells that are devices have the states at which they conduct its ``G``.

        A conductance that the device does not reach stands for the nearest one that it does.
        """
        reads = self.effects.at_reads.of_array(tile_label(self.label, k + 1))
        cells: Array | Cells = self.tiles[k].G if self.cells is None else self._devices[k]
        ends = {"r_source": self.r_source, "r_sense": self.r_sense}
        return Crossbar(cells, self.r_word, self.r_bit, nonidealities=reads, **ends)  # type: ignore[arg-type]

    @cached_property
    def _devices(self) -> list[Cells]:
        found = []
        for tile in self.tiles:
            cells = Cells(self.cells, (tile.G.shape[0], tile.G.shape[1]))  # type: ignore[arg-type]
            found.append(replace(cells, state=programmed_states(cells, tile.G, clip=True)))
        return found

    @property
    def solved(self) -> bool:
        """Whether every vector needs a solution of its own: reads differ, or cells do not obey Ohm's law."""
        return self.effects.reads or self.cells is not None

    @cached_property
    def transfers(self) -> list[Array]:
        """Matrix of each tile from word-line voltages to what its converters see, shape (inputs, channels), S."""
        return [
            self.crossbar(k).transfer_matrix() @ self.encoding.analogue(len(tile.place.outputs))
            for k, tile in enumerate(self.tiles)
        ]

    @cached_property
    def effective(self) -> Array:
        """Matrix that the circuit computes with exact converters, shape (inputs, outputs), in the unit of weights."""
        total = np.zeros(self.weights.shape)
        for tile, transfer in zip(self.tiles, self.transfers, strict=True):
            place = tile.place
            total[np.ix_(place.inputs, place.outputs)] += self.encoding.combined(transfer, len(place.outputs))
        return total * self.scale * self.gain

    def encoded(self, places: Sequence[Place], window: tuple[float, float]) -> MappedMatrix:
        """Return the matrix programmed anew onto tiles at places, as its encoding has it: no corrections are left.

        Parameters
        ----------
        places : sequence of Place
        window : (float, float), S
            Range of the cells.

        Returns
        -------
        MappedMatrix
            All converters have the largest range of those before.
        """
        weights, coding, most = self.weights, self.encoding, max(tile.adc_limit for tile in self.tiles)
        largest = float(np.abs(weights).max())
        tiles = []
        for k, place in enumerate(places, 1):
            target = coding.conductances(weights[np.ix_(place.inputs, place.outputs)], largest, *window)
            tiles.append(Tile(place, target, self.effects.of_array(tile_label(self.label, k)).written(target), most))
        gain, zeros = coding.gains(weights, largest), np.zeros(weights.shape[1])
        return replace(self, tiles=tuple(tiles), scale=coding.scale(largest, *window), gain=gain, offset=zeros)

    def with_adc_limits(self, limits: Sequence[float]) -> MappedMatrix:
        """Return the matrix with other ends of the converters' ranges, A, one a tile."""
        tiles = tuple(replace(tile, adc_limit=limit) for tile, limit in zip(self.tiles, limits, strict=True))
        return self.keeping(tiles=tiles)

    def keeping(self, **changes: object) -> MappedMatrix:
        """Return the matrix with changes that leave its transfer matrices, which cost most of the time, as they are."""
        matrix = replace(self, **changes)  # type: ignore[arg-type]
        if not self.solved:
            matrix.__dict__["transfers"] = self.transfers
        return matrix

    def currents(self, voltages: Array, first_read: int = 0) -> list[Array]:
        """Return what the converters of each tile see, A, for word-line voltages of shape (vectors, inputs).

        Where non-idealities act on reads, vector k is read ``first_read + k``.
        """
        if not self.solved:
            return [voltages[:, t.place.rows] @ d for t, d in zip(self.tiles, self.transfers, strict=True)]
        found = []
        for k, tile in enumerate(self.tiles):
            solved = self.crossbar(k).solve(voltages[:, tile.place.rows], first_read=first_read)
            found.append(solved.currents @ self.encoding.analogue(len(tile.place.outputs)))
        return found

    def answer(self, x: Array, periphery: Periphery, first_read: int = 0) -> tuple[Array, list[Array]]:
        """Return word-line voltages for vectors, and what the converters of each tile see of them, A.

        Pulses of a width are mean voltages where cells obey Ohm's law; else each step of time is solved, and the mean
        is that of currents.
        """
        voltages = periphery.voltages(x, self.x_limit, self.signed)
        if periphery.coding != "width" or self.cells is None:
            return voltages, self.currents(voltages, first_read)
        slots = [self.currents(slot, first_read) for slot in periphery.slots(x, self.x_limit, self.signed)]
        return voltages, [sum(parts) / len(slots) for parts in zip(*slots, strict=True)]

    def decode(self, currents: Sequence[Array], periphery: Periphery, first_read: int = 0) -> Array:
        """Return ``x @ weights`` as the circuit finds it, from the tiles' currents at all reads of each vector."""
        total = np.zeros((len(currents[0]) // periphery.reads(self.signed), self.weights.shape[1]))
        for k, (tile, i) in enumerate(zip(self.tiles, currents, strict=True), 1):
            place = tile.place
            digits = periphery.convert(i, tile.adc_limit, self.signed, tile_label(self.label, k), first_read)
            total[:, place.columns] += self.encoding.combined(digits, len(place.outputs))
        return total * (self.scale * self.x_limit / periphery.read_voltage) * self.gain + self.offset


def wire_pair(r_wire: float | tuple[float, float]) -> tuple[float, float]:
    """Return the resistances of a segment of word and bit line, ohm, of one number for both or of a pair.

    Examples
    --------
    >>> wire_pair(2.0), wire_pair((1.0, 3.0))
    ((2.0, 2.0), (1.0, 3.0))
    """
    if isinstance(r_wire, tuple | list) and len(r_wire) == 2:
        return resistance("r_wire of word lines", r_wire[0]), resistance("r_wire of bit lines", r_wire[1])
    both = resistance("r_wire", r_wire)
    return both, both
