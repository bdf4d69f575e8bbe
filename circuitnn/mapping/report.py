"""What a layout consists of, as a table."""

from __future__ import annotations

from dataclasses import dataclass

from circuitnn.mapping.encodings.encoding import Encoding
from circuitnn.mapping.periphery import Periphery, Sense
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.units import format_si


@dataclass(frozen=True)
class MatrixReport:
    """One matrix: its shape, vectors it multiplies a sample, tiles, cells in use, cells in those tiles if all full."""

    label: str
    inputs: int
    outputs: int
    reads: int
    tiles: int
    cells: int
    capacity: int


@dataclass(frozen=True)
class LayoutReport:
    """What a layout consists of; prints as a table."""

    matrices: tuple[MatrixReport, ...]
    tile: tuple[int, int]
    device: str
    g_min: float
    g_max: float
    r_word: float
    r_bit: float
    encoding: Encoding
    nonidealities: tuple[Nonideality, ...]
    periphery: Periphery

    @property
    def tiles(self) -> int:
        """Number of crossbars."""
        return sum(matrix.tiles for matrix in self.matrices)

    @property
    def cells(self) -> int:
        """Number of cells in use."""
        return sum(matrix.cells for matrix in self.matrices)

    def __str__(self) -> str:
        p = self.periphery
        bits = ["exact" if b is None else f"{b} bit" for b in (p.dac_bits, p.adc_bits)]
        wires = f"{self.r_word:g}" if self.r_word == self.r_bit else f"{self.r_word:g} (word) and {self.r_bit:g} (bit)"
        lines = [
            f"{self.tiles} tile{'s' if self.tiles > 1 else ''} of at most {self.tile[0]} x {self.tile[1]}, "
            f"{self.cells} cells",
            f"{self.encoding!r}, device {self.device}, {format_si(self.g_min, 'S', 3)} to "
            f"{format_si(self.g_max, 'S', 3)}",
            *(f"non-ideality {effect!r}" for effect in self.nonidealities),
            f"wires {wires} ohm a segment, read voltage {p.read_voltage:g} V, DAC {bits[0]}, ADC {bits[1]}"
            + ("" if p.coding == "amplitude" else f", {p.coding} coding"),
            *([] if p.sense == Sense() else [f"{p.sense!r}, seed {p.seed}"]),
            f"{'matrix':<24}{'inputs':>8}{'outputs':>8}{'reads':>7}{'tiles':>7}{'cells':>10}{'filled':>9}",
        ]
        lines += [
            f"{a.label:<24}{a.inputs:>8}{a.outputs:>8}{a.reads:>7}{a.tiles:>7}{a.cells:>10}"
            f"{100.0 * a.cells / a.capacity:>7.1f} %"
            for a in self.matrices
        ]
        return "\n".join(lines)
