"""What surrounds the crossbars: how inputs become voltages, and currents numbers.

An input is a pulse on a word line, in one of three codings of its level, a whole number n of steps of 1/top:

    amplitude   one read at the voltage (n / top) V
    width       one read at V for the part n / top of a read's time; the converter takes the mean current. Where cells
                obey Ohm's law that is the current of the mean voltage, and the numbers are those of ``amplitude``;
                others are linear in n all the same, for they see no voltage but V
    serial      a read for each bit of abs(n), at V, 0 or -V, least bit first; logic adds what the converter found in
                read k times 2^k / top. Shafiee et al., "ISAAC", ISCA 2016, doi:10.1145/3007787.3001139, section IV

and a sense amplifier stands before each converter:

    I' = (1 + gain) I + offset + noise,      gain and offset fixed for each converter, noise new at each read.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError, nearest
from circuitnn.mapping.quantise import check_bits, quantise
from circuitnn.nonidealities.sites import Sites

Array = NDArray[np.float64]
CODINGS = ("amplitude", "width", "serial")


@dataclass(frozen=True)
class Sense:
    """Errors of the sense amplifiers, all referred to their input.

    Parameters
    ----------
    gain : float
        Standard deviation of the relative error of gain, from converter to converter.
    offset : float, A
        Standard deviation of the offset, from converter to converter. An amplifier with the feedback resistor R at a
        line of the conductance G makes ``(G + 1/R)`` times its input offset voltage of it.
    noise : float, A
        Standard deviation of the noise of a read (see `circuits.sensing.noise_current`).
    resistance : float, ohm
        Input resistance of the virtual ground, R / (1 + A) with an amplifier of gain A; solved with the array.
    drive_resistance : float, ohm
        Output resistance of the word lines' drivers; solved with the array.

    Raises
    ------
    UsageError
        When one is negative or not finite.
    """

    gain: float = 0.0
    offset: float = 0.0
    noise: float = 0.0
    resistance: float = 0.0
    drive_resistance: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            good = not isinstance(value, bool) and isinstance(value, float | int | np.floating | np.integer)
            if not good or not 0.0 <= value < np.inf:
                raise UsageError(f"{name} of the sense amplifiers is {value!r}", expected="a number from 0 on")
            object.__setattr__(self, name, float(value))

    @property
    def random(self) -> bool:
        """Whether it draws random numbers."""
        return self.gain > 0.0 or self.offset > 0.0 or self.noise > 0.0


@dataclass(frozen=True)
class Periphery:
    """Converters of every tile.

    Parameters
    ----------
    dac_bits, adc_bits : int or None
        Resolution; None is exact and never clips.
    read_voltage : float, V
        Voltage on a word line at the end of the input's range; a negative input gives a negative voltage.
    coding : str
        ``amplitude``, ``width`` or ``serial``; the last two need ``dac_bits``.
    sense : Sense
        Errors of the sense amplifiers.
    seed : int, optional
        Of these, for which it must be given.

    Raises
    ------
    UsageError
        When a number is out of range, the coding is unknown, or a seed is missing.

    Examples
    --------
    >>> bits = Periphery(dac_bits=2, coding="serial")
    >>> bits.voltages(np.array([[3.0, 2.0]]), 3.0, signed=False).tolist()      # 11 and 10, a read a bit
    [[0.2, 0.0], [0.2, 0.2]]
    """

    dac_bits: int | None = None
    adc_bits: int | None = None
    read_voltage: float = 0.2
    coding: str = "amplitude"
    sense: Sense = field(default_factory=Sense)
    seed: int | None = None

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
        if self.coding not in CODINGS:
            raise UsageError(
                f"unknown coding {self.coding!r}", expected=" ".join(CODINGS), hint=nearest(str(self.coding), CODINGS)
            )
        if self.coding != "amplitude" and self.dac_bits is None:
            raise UsageError(f"the coding {self.coding} counts bits, and dac_bits is None", expected="1 to 24")
        if not isinstance(self.sense, Sense):
            raise UsageError(f"sense is {self.sense!r}", expected="a Sense")
        seeded = isinstance(self.seed, int | np.integer) and not isinstance(self.seed, bool) and self.seed >= 0
        if not seeded and (self.seed is not None or self.sense.random):
            raise UsageError(f"seed of the periphery is {self.seed!r}", expected="an integer from 0 on")

    @property
    def exact(self) -> bool:
        """Whether numbers pass as they are, as if there were no periphery but for its resistances."""
        return self.dac_bits is None and self.adc_bits is None and not self.sense.random

    def reads(self, signed: bool) -> int:
        """Return how many reads a vector takes.

        Examples
        --------
        >>> Periphery(8).reads(True), Periphery(8, coding="serial").reads(True)
        (1, 7)
        """
        return len(self._weights(signed))

    def _weights(self, signed: bool) -> Array:
        """Return what a converted current counts, read by read."""
        if self.coding != "serial" or self.dac_bits is None:
            return np.ones(1)
        bits = max(self.dac_bits - 1, 1) if signed else self.dac_bits
        return 2.0 ** np.arange(bits) / (2**bits - 1)

    def voltages(self, x: Array, limit: float, signed: bool) -> Array:
        """Return the word-line voltages, V, of inputs whose range ends at ``limit``.

        Parameters
        ----------
        x : ndarray, shape (vectors, inputs)

        Returns
        -------
        ndarray, shape (reads * vectors, inputs)
            All vectors in the first read, then in the second; of ``width``, mean values over the read.
        """
        levels = quantise(x * (self.read_voltage / limit), self.dac_bits, self.read_voltage, signed=signed)
        if self.coding != "serial":
            return levels
        bits = self.reads(signed)
        steps = np.rint(np.abs(levels) * ((2**bits - 1) / self.read_voltage)).astype(np.int64)
        planes = (steps >> np.arange(bits)[:, None, None]) & 1
        return (planes * np.sign(levels) * self.read_voltage).reshape(-1, x.shape[-1])

    def slots(self, x: Array, limit: float, signed: bool) -> Array:
        """Return the word-line voltages of pulses of a width, V, in each of the steps of a read's time.

        Returns
        -------
        ndarray, shape (steps, vectors, inputs)
            All pulses begin with the first step; the mean over the steps is `voltages`.

        Examples
        --------
        >>> Periphery(2, coding="width").slots(np.array([[2.0, 3.0]]), 3.0, signed=False)[:, 0].tolist()
        [[0.2, 0.2], [0.2, 0.2], [0.0, 0.2]]
        """
        levels = quantise(x / limit, self.dac_bits, 1.0, signed=signed)
        top = 2 ** (self.dac_bits or 1) - 1
        if signed:
            top = max((top - 1) // 2, 1)
        on = np.rint(np.abs(levels) * top) > np.arange(top)[:, None, None]
        return np.asarray(on * np.sign(levels) * self.read_voltage)

    def digitise(self, currents: Array, limit: float) -> Array:
        """Return the currents, A, as the converters of a tile read them."""
        return quantise(currents, self.adc_bits, limit, signed=True)

    def amplified(self, currents: Array, label: str, first_read: int = 0) -> Array:
        """Return currents as sense amplifiers pass them on to the converters.

        Parameters
        ----------
        currents : ndarray, shape (reads, channels), A
        label : str
            Of the tile. Its converters have the same errors in every call with the same seed.
        first_read : int
            Number of the first read; each has noise of its own.
        """
        if not self.sense.random:
            return currents
        amplifiers = Sites.of_array((1, currents.shape[1]), label, seed=self.seed, stream="sense")
        found = currents * (1.0 + self.sense.gain * amplifiers.normal("gain"))
        found += self.sense.offset * amplifiers.normal("offset")
        if self.sense.noise > 0.0:
            at = Sites.of_array((currents.shape[0], currents.shape[1]), label, seed=self.seed, stream="sense")
            found += self.sense.noise * replace(at, rows=at.rows + first_read).normal("noise")
        return found

    def convert(self, currents: Array, limit: float, signed: bool, label: str, first_read: int = 0) -> Array:
        """Return the numbers, A, that logic has of a tile's currents after all reads of each vector.

        Parameters
        ----------
        currents : ndarray, shape (reads * vectors, channels), A
            As the array answers to `voltages`.
        limit : float, A
            End of the converters' range.

        Returns
        -------
        ndarray, shape (vectors, channels), A
        """
        digits = self.digitise(self.amplified(currents, label, first_read), limit)
        if self.coding != "serial":
            return digits
        weights = self._weights(signed)
        return np.tensordot(weights, digits.reshape(len(weights), -1, digits.shape[1]), 1)
