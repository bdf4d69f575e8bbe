"""What programming came to: pulses, time, energy, what was reached, and which cells were not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import ProgrammingFailedError
from circuitnn.mapping.programming.engine import Energy
from circuitnn.units import format_si

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
_SHOWN = 10  # failed cells in a text


@dataclass(frozen=True)
class Failure:
    """A cell that is not at its target.

    Attributes
    ----------
    word, bit : int
        Its lines, from 0.
    target, reached : float, S
    pulses : int
    reason : str
        ``"out of range"``: no state of the device conducts so; ``"stuck"``: its pulses moved it by less than a tenth of
        the tolerance; ``"not reached"`` within its pulses; ``"not held"``: it was read within the tolerance and is not,
        because of pulses on other cells, of noise, or of what the correction for the wires leaves.
    """

    word: int
    bit: int
    target: float
    reached: float
    pulses: int
    reason: str

    def __str__(self) -> str:
        return (
            f"word line {self.word}, bit line {self.bit}: {self.reason}, {format_si(self.reached, 'S', 4)} for "
            f"{format_si(self.target, 'S', 4)} after {self.pulses} pulses"
        )


@dataclass(frozen=True, eq=False)
class TileProgramming:
    """One tile.

    Attributes
    ----------
    name : str
    target, reached : ndarray, shape (rows, cols), S
        Reached is what the cell conducts by itself at the voltage of verification.
    pulses, reads : ndarray of int, shape (rows, cols)
        Of each cell.
    passes : int
        That were needed, the last of which only read if all was well.
    time : float, s
        Of all pulses and reads, one after the other.
    energy : Energy
    tolerance : float, S
    failures : tuple of Failure
        Cells that are not within the tolerance, by word line and bit line.
    scale : float or ndarray, shape (cols,), 1/S
        Weight of one siemens of the cell; 0 where no weights are known.
    """

    name: str
    target: Array
    reached: Array
    pulses: Counts
    reads: Counts
    passes: int
    time: float
    energy: Energy
    tolerance: float
    failures: tuple[Failure, ...]
    scale: float | Array = 0.0

    @property
    def error(self) -> Array:
        """What cells conduct too much, S."""
        return np.asarray(self.reached - self.target)


@dataclass(frozen=True, eq=False)
class ProgrammingReport:
    """All tiles of a layout, or one; prints as a table.

    Attributes
    ----------
    tiles : tuple of TileProgramming
    """

    tiles: tuple[TileProgramming, ...]

    def _all(self, name: str) -> Array:
        return np.concatenate([getattr(tile, name).ravel() for tile in self.tiles])

    @property
    def cells(self) -> int:
        """How many."""
        return sum(tile.target.size for tile in self.tiles)

    @property
    def pulses(self) -> Counts:
        """Of all cells, (cells,)."""
        return self._all("pulses").astype(np.int64)

    @property
    def time(self) -> float:
        """Of all tiles one after the other, s."""
        return sum(tile.time for tile in self.tiles)

    @property
    def energy(self) -> Energy:
        """Of all tiles."""
        return sum((tile.energy for tile in self.tiles), Energy())

    @property
    def failures(self) -> tuple[tuple[str, Failure], ...]:
        """Cells that are not within the tolerance, with the name of their tile."""
        return tuple((tile.name, failure) for tile in self.tiles for failure in tile.failures)

    @property
    def rms(self) -> float:
        """Root of the mean square of the error, S."""
        return float(np.sqrt(np.mean(self._all("error") ** 2)))

    @property
    def worst(self) -> float:
        """Largest magnitude of the error, S."""
        return float(np.abs(self._all("error")).max())

    @property
    def rms_weight(self) -> float:
        """Root of the mean square of the error in weights of single cells; 0 where no weights are known."""
        return float(np.sqrt(np.mean(np.concatenate([(tile.scale * tile.error).ravel() for tile in self.tiles]) ** 2)))

    @property
    def worst_weight(self) -> float:
        """Largest magnitude of the error in weights."""
        return max(float(np.abs(tile.scale * tile.error).max()) for tile in self.tiles)

    def histogram(self, bins: int = 10) -> tuple[Counts, Array]:
        """Return how many cells took how many pulses: counts (bins,) and edges (bins + 1,)."""
        counts, edges = np.histogram(self.pulses, bins)
        return counts.astype(np.int64), edges

    def require(self, *, failed: int | None = None, rms: float | None = None, worst: float | None = None) -> None:
        """Raise unless what came of it is within bounds.

        Parameters
        ----------
        failed : int, optional
            Most cells out of tolerance.
        rms, worst : float, optional, S

        Raises
        ------
        ProgrammingFailedError
            With the failed cells.
        """
        listed = "\n".join(f"{name + ', ' if name else ''}{failure}" for name, failure in self.failures[:_SHOWN])
        for what, found, bound in (
            ("cells out of tolerance", len(self.failures), failed),
            ("S of error, root mean square", self.rms, rms),
            ("S of error at worst", self.worst, worst),
        ):
            if bound is not None and found > bound:
                raise ProgrammingFailedError(
                    f"{found:.4g} {what}" + (f":\n{listed}" if listed else ""),
                    expected=f"at most {bound:.4g}",
                    hint="more pulses or passes, finer steps, a larger tolerance, or a scheme that disturbs less",
                    names=[f"{name}:{failure.word},{failure.bit}" for name, failure in self.failures],
                )

    def __str__(self) -> str:
        pulses, energy = self.pulses, self.energy
        share = 100.0 / (energy.total or 1.0)
        lines = [
            f"cells             {self.cells} on {len(self.tiles)} tile{'s' if len(self.tiles) > 1 else ''}",
            f"pulses a cell     {pulses.mean():.2f} on average, {pulses.max()} at most",
            f"time              {format_si(self.time, 's', 3)}",
            f"energy            {format_si(energy.total, 'J', 3)}: selected {share * energy.selected:.1f} %, "
            f"half-selected {share * energy.half_selected:.1f} %, unselected {share * energy.unselected:.1f} %, "
            f"wires {share * energy.wires:.1f} %, reads {share * energy.reads:.1f} %",
            f"error             {format_si(self.rms, 'S', 3)} rms, {format_si(self.worst, 'S', 3)} at most",
        ]
        if any(np.any(tile.scale) for tile in self.tiles):
            lines.append(f"in weights        {self.rms_weight:.3g} rms, {self.worst_weight:.3g} at most")
        lines.append(f"out of tolerance  {len(self.failures)}")
        lines += [f"  {name + ', ' if name else ''}{failure}" for name, failure in self.failures[:_SHOWN]]
        if len(self.failures) > _SHOWN:
            lines.append(f"  and {len(self.failures) - _SHOWN} more")
        return "\n".join(lines)
