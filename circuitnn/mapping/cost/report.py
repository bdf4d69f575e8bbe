"""The cost of a network: matrices, their sum, and what a million inferences take beside measured machines."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from circuitnn.errors import UsageError, nearest
from circuitnn.mapping.cost.area import Area, area
from circuitnn.mapping.cost.energy import Energy, energy
from circuitnn.mapping.cost.latency import Timing, pipeline, timing
from circuitnn.mapping.cost.references import MACHINES, Grid, Machine, grid_of, kwh_per_million, machine_table
from circuitnn.mapping.cost.technology import Technology, technology_of
from circuitnn.mapping.cost.work import Work, whole
from circuitnn.units import format_si

_MEAN_DISTANCE = 2.0 / 3.0  # of two points in a unit square, along its sides


@dataclass(frozen=True)
class MatrixCost:
    """Cost of a matrix: how often an inference reads it, on how many arrays, with how many replicas."""

    label: str
    stage: str
    macs: int
    reads: int
    arrays: int
    replicas: int
    energy: Energy
    timing: Timing
    area: Area


@dataclass(frozen=True)
class Cost:
    """Cost of an inference; prints as a table.

    Attributes
    ----------
    matrices : tuple of MatrixCost
    technology : Technology
    length : float, m
        Distance that a bit travels on chip.
    wires : bool
        Whether arrays were solved as circuits with their wires.
    grid : Grid
    outside : dict of str to int
        Multiplications of an inference by matrices that are on no array, by label; nothing of them is counted.
    """

    matrices: tuple[MatrixCost, ...]
    technology: Technology
    length: float
    wires: bool
    grid: Grid
    outside: Mapping[str, int] = field(default_factory=dict)

    @property
    def macs(self) -> int:
        """Multiplications of an inference."""
        return sum(one.macs for one in self.matrices)

    @property
    def energy(self) -> float:
        """Energy of an inference, J."""
        return sum(one.energy.total for one in self.matrices)

    @property
    def energies(self) -> dict[str, float]:
        """Energy of an inference by what takes it, J."""
        return _sums([one.energy.parts() for one in self.matrices])

    @property
    def energy_per_mac(self) -> float:
        """Energy of a multiplication with its addition, J."""
        return self.energy / self.macs

    @property
    def tops_per_watt(self) -> float:
        """10^12 operations a joule, two a MAC."""
        return 2.0 / self.energy_per_mac / 1e12

    @property
    def latency(self) -> float:
        """From an input to its outputs, s."""
        return self._pipeline[0]

    @property
    def inferences_per_second(self) -> float:
        """Of a full pipeline: as fast as the slowest matrix."""
        return 1.0 / self._pipeline[1]

    @property
    def _pipeline(self) -> tuple[float, float]:
        return pipeline([one.stage for one in self.matrices], [one.timing for one in self.matrices])

    @property
    def power(self) -> float:
        """Power of a full pipeline, W."""
        return self.energy * self.inferences_per_second

    @property
    def area(self) -> float:
        """Area, m^2."""
        return sum(one.area.total for one in self.matrices)

    @property
    def areas(self) -> dict[str, float]:
        """Area by what takes it, m^2."""
        return _sums([one.area.parts() for one in self.matrices])

    @property
    def kwh_per_million(self) -> float:
        """kWh of a million inferences."""
        return kwh_per_million(self.energy)

    @property
    def co2e_per_million(self) -> float:
        """Grams of CO2e of a million inferences, from the electricity of the grid."""
        return self.kwh_per_million * self.grid.intensity

    def __str__(self) -> str:
        name = max(len("total"), *(len(one.label) for one in self.matrices)) + 2
        lines = [
            f"{'matrix':<{name}}{'reads':>7}{'arrays':>7}{'energy':>11}{'arrays take':>12}"
            f"{'latency':>11}{'area mm2':>10}"
        ]
        for one in self.matrices:
            share = 100.0 * one.energy.array / one.energy.total
            lines.append(
                f"{one.label:<{name}}{one.reads:>7}{one.arrays * one.replicas:>7}"
                f"{format_si(one.energy.total, 'J', 3):>11}{share:>10.1f} %"
                f"{format_si(one.timing.latency, 's', 3):>11}{one.area.total * 1e6:>10.3g}"
            )
        arrays = sum(one.arrays * one.replicas for one in self.matrices)
        share = 100.0 * sum(one.energy.array for one in self.matrices) / self.energy
        lines.append(
            f"{'total':<{name}}{sum(one.reads for one in self.matrices):>7}{arrays:>7}"
            f"{format_si(self.energy, 'J', 3):>11}{share:>10.1f} %{format_si(self.latency, 's', 3):>11}"
            f"{self.area * 1e6:>10.3g}"
        )
        lines.append(f"{'':<14}{'energy':>11}{'':>9}{'area mm2':>12}")
        energies, areas = self.energies, self.areas
        for part in dict.fromkeys([*energies, *areas]):
            joules = (
                f"{format_si(energies[part], 'J', 3):>11}{100.0 * energies[part] / self.energy:>7.1f} %"
                if part in energies
                else " " * 20
            )
            mm2 = f"{areas[part] * 1e6:>12.3g}{100.0 * areas[part] / self.area:>7.1f} %" if part in areas else ""
            lines.append(f"{part:<14}{joules}{mm2}".rstrip())
        lines.append(
            f"{format_si(self.energy_per_mac, 'J', 3)} a MAC, {self.tops_per_watt:.3g} TOPS/W; "
            f"{self.inferences_per_second:.3g} inferences/s at {format_si(self.power, 'W', 3)}"
        )
        lines.append(
            f"a million inferences: {self.kwh_per_million:.3g} kWh, {self.co2e_per_million:.3g} g CO2e "
            f"({self.grid.name}, {self.grid.intensity:g} g/kWh)"
        )
        if self.outside:
            lines.append(
                f"not counted: {sum(self.outside.values())} MACs of {', '.join(self.outside)}, which are on no array"
            )
        return "\n".join(lines)

    def compared(self, machines: Sequence[Machine] = MACHINES) -> str:
        """Return this cost beside machines that were measured, as a table.

        This one is a model of chip parts: it leaves out leakage, clocks, pads, supplies and all that surrounds a chip.
        """
        ours = Machine("this model", f"{self.macs} MACs", self.macs, self.energy, "arrays and periphery", "", "", True)
        return machine_table((ours, *machines), self.grid)

    def to_dict(self) -> dict[str, Any]:
        """Return everything, in SI units, ready for JSON."""
        return {
            "matrices": [
                {
                    "label": one.label,
                    "stage": one.stage,
                    "macs": one.macs,
                    "reads": one.reads,
                    "arrays": one.arrays,
                    "replicas": one.replicas,
                    "energy": {**one.energy.parts(), "spread": one.energy.spread, "total": one.energy.total},
                    "time": dict(vars(one.timing)),
                    "area": {**one.area.parts(), "total": one.area.total},
                    "converters": one.area.converters,
                }
                for one in self.matrices
            ],
            "energy": {**self.energies, "total": self.energy},
            "area": {**self.areas, "total": self.area},
            "macs": self.macs,
            "macs_outside": dict(self.outside),
            "energy_per_mac": self.energy_per_mac,
            "tops_per_watt": self.tops_per_watt,
            "latency": self.latency,
            "inferences_per_second": self.inferences_per_second,
            "power": self.power,
            "kwh_per_million": self.kwh_per_million,
            "co2e_per_million": self.co2e_per_million,
            "grid": dict(vars(self.grid)),
            "length": self.length,
            "wires": self.wires,
            "technology": self.technology.to_dict(),
        }


def cost(
    works: Sequence[Work],
    technology: Technology | Mapping[str, float] | str | os.PathLike[str] | None = None,
    *,
    adc_share: int | None = None,
    replicas: int | Mapping[str, int] = 1,
    wires: bool = True,
    grid: str | float = "world",
) -> Cost:
    """Return the cost of an inference.

    Parameters
    ----------
    works : sequence of Work
        Matrices in the order of the network.
    technology : Technology, mapping, file or None
        Numbers to use; a mapping or a TOML or JSON file replaces some of the ready-made ones.
    adc_share : int, optional
        Conversions of a read that one ADC does; as many as fit into a read when None.
    replicas : int or mapping
        Copies of each matrix, or by label, 1 for those not named. They share the reads of an inference; its
        energy grows with the longer wires alone.
    wires : bool
        Solve the arrays as circuits with their wires; False takes the formula for ideal wires, which is fast.
    grid : str or float
        Carbon intensity: a name of ``references.GRIDS``, or g CO2e a kWh.

    Raises
    ------
    UsageError
        When there is no matrix, or an option is out of range.
    FileError
        When a file of numbers cannot be read.

    Notes
    -----
    Bits travel two thirds of the side of a square of the whole area, the mean distance along the sides of two points
    in a square.

    Examples
    --------
    >>> from circuitnn.crossbar.crossbar import Crossbar
    >>> from circuitnn.mapping.cost.work import ArrayWork
    >>> tile = ArrayWork(Crossbar([[1e-5, 1e-6]], 0.0, 0.0), [[0.2]], conversions=1)
    >>> found = cost([Work("fc", [tile], inputs=1, outputs=1, dac_bits=1, adc_bits=4)])
    >>> round(found.energies["cells"] * 1e15, 6)            # 0.2^2 V^2 * 11 uS * 100 ns
    44.0
    """
    if not works:
        raise UsageError("there is no matrix", expected="at least one")
    numbers, place = technology_of(technology), grid_of(grid)
    share = None if adc_share is None else whole("adc_share", adc_share)
    copies = _replicas(works, replicas)
    areas = [area(work, numbers, adc_share=share, replicas=n) for work, n in zip(works, copies, strict=True)]
    length = _MEAN_DISTANCE * math.sqrt(sum(one.total for one in areas))
    matrices = tuple(
        MatrixCost(
            work.label,
            work.stage,
            work.macs,
            work.reads,
            len(work.arrays),
            n,
            energy(work, numbers, length=length, wires=wires),
            timing(work, numbers, adc_share=share, replicas=n),
            taken,
        )
        for work, n, taken in zip(works, copies, areas, strict=True)
    )
    return Cost(matrices, numbers, length, wires, place)


def _replicas(works: Sequence[Work], given: int | Mapping[str, int]) -> list[int]:
    if not isinstance(given, Mapping):
        return [whole("replicas", given)] * len(works)
    labels = [work.label for work in works]
    for label in given:
        if label not in labels:
            raise UsageError(
                f"replicas of {label!r}, which is no matrix", expected=", ".join(labels), hint=nearest(label, labels)
            )
    return [whole(f"replicas of {label}", given.get(label, 1)) for label in labels]


def _sums(parts: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: sum(one[name] for one in parts) for name in parts[0]}
