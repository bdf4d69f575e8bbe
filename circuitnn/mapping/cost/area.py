"""Area of a matrix: cells, drivers, amplifiers, ADCs, buffers, logic. Wires, pads and what holds them apart not."""

from __future__ import annotations

import math
from dataclasses import dataclass

from circuitnn.mapping.cost.latency import conversions_a_converter
from circuitnn.mapping.cost.technology import Technology
from circuitnn.mapping.cost.work import Work


@dataclass(frozen=True)
class Area:
    """Areas of a matrix with its replicas, m^2, and how many ADCs it has."""

    cells: float
    drivers: float
    sense: float
    adc: float
    buffers: float
    logic: float
    converters: int

    def parts(self) -> dict[str, float]:
        """Return the areas by name."""
        return {name: value for name, value in vars(self).items() if name != "converters"}

    @property
    def total(self) -> float:
        """Everything."""
        return sum(self.parts().values())


def adc_area(bits: int, technology: Technology) -> float:
    """Return the area of an ADC, m^2: that of an 8-bit one, in the proportion of NeuroSim's SAR converter.

    Examples
    --------
    >>> adc_area(8, Technology()) == Technology().adc_area
    True
    """
    return technology.adc_area * (160.0 + 109.0 * bits) / (160.0 + 109.0 * 8)


def area(work: Work, technology: Technology, *, adc_share: int | None = None, replicas: int = 1) -> Area:
    """Return the area of a matrix on its arrays, of which only lines in use count."""
    t = technology
    share = conversions_a_converter(work, t, adc_share)
    converters = replicas * sum(math.ceil(array.conversions / share) for array in work.arrays)
    cells = sum(array.crossbar.rows * array.crossbar.cols for array in work.arrays)
    return Area(
        cells=replicas * cells * t.cell_area * t.feature**2,
        drivers=replicas * work.word_lines * t.driver_area * 2.0 ** (work.dac_bits - 1),
        sense=replicas * work.conversions * t.sense_area,
        adc=converters * adc_area(work.adc_bits, t),
        buffers=replicas * (work.inputs + work.outputs) * work.dac_bits * t.buffer_area,
        logic=converters * t.logic_area + replicas * t.activation_area,
        converters=converters,
    )
