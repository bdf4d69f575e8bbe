"""What surrounds the crossbars: converters and the voltage that reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.mapping.quantise import check_bits, quantise

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Periphery:
    """Converters of every tile.

    Parameters
    ----------
    dac_bits, adc_bits : int or None
        Resolution; None is exact and never clips.
    read_voltage : float, V
        Voltage on a word line at the end of the input's range; a negative input gives a negative voltage.

    Raises
    ------
    UsageError
        When a resolution or the voltage is out of range.
    """

    dac_bits: int | None = None
    adc_bits: int | None = None
    read_voltage: float = 0.2

    def __post_init__(self) -> None:
        object.__setattr__(self, "dac_bits", check_bits("dac_bits", self.dac_bits))
        object.__setattr__(self, "adc_bits", check_bits("adc_bits", self.adc_bits))
        try:
            volts = float(self.read_voltage)
        except (TypeError, ValueError):
            volts = 0.0
        if not 1e-6 <= volts <= 1e3:
            raise UsageError(f"read_voltage is {self.read_voltage!r}", expected="volts, 1e-6 to 1e3")
        object.__setattr__(self, "read_voltage", volts)

    def voltages(self, x: Array, limit: float, signed: bool) -> Array:
        """Return the word-line voltages, V, of inputs whose range ends at ``limit``."""
        return quantise(x * (self.read_voltage / limit), self.dac_bits, self.read_voltage, signed=signed)

    def digitise(self, currents: Array, limit: float) -> Array:
        """Return the currents, A, as the converters of a tile read them."""
        return quantise(currents, self.adc_bits, limit, signed=True)
