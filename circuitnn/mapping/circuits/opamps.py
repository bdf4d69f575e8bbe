"""Operational amplifiers: a macro model, and a two-stage CMOS amplifier of transistors. Ports: inp inn out vdd vss.

The macro model is the usual one pole: a transconductance into a resistor and a capacitor, and a buffer,

    A(s) = A0 / (1 + s A0 / (2 pi GBW)),      v(out) = A(s) (v(inp) - v(inn) + offset) - r_out i.

The transistors are those of a published design: P. E. Allen and D. R. Holberg, "CMOS Analog Circuit Design", 2nd ed.
(Oxford 2002), example 6.3-1, with its model parameters (table 3.1-2: K' = 110 and 50 uA/V^2, |VT| = 0.7 V, lambda =
0.04 and 0.05 1/V at 1 um, here without bulk effect) and supplies of +-2.5 V. Its low-frequency gain is

    A0 = 2 gm2 gm6 / (I5 (lambda_n + lambda_p) I6 (lambda_n + lambda_p)),     GBW = gm1 / (2 pi Cc).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

from circuitnn.devices.physics import BOLTZMANN
from circuitnn.errors import UsageError
from circuitnn.mapping.circuits.blocks import Block

PORTS = ("inp", "inn", "out", "vdd", "vss")
SUPPLY = 2.5  # V, either side of ground
NMOS = ".model nch nmos (level=1 vto=0.7 kp=110u lambda=0.04)"
PMOS = ".model pch pmos (level=1 vto=-0.7 kp=50u lambda=0.05)"


@dataclass(frozen=True)
class MacroOpAmp:
    """An operational amplifier as a macro model that never saturates.

    Parameters
    ----------
    gain : float
        At low frequencies.
    gbw : float, Hz
        Product of gain and bandwidth.
    offset : float, V
        At the input: v(out) = gain (v(inp) - v(inn) + offset).
    r_out : float, ohm
        Output resistance without feedback.
    noise : float, V/sqrt(Hz)
        White noise voltage at the input, at 27 degC: that of a resistor of noise^2 / (4 k T) before ``inp``.

    Raises
    ------
    UsageError
        When one of them is out of range.
    """

    gain: float = 1e5
    gbw: float = 10e6
    offset: float = 0.0
    r_out: float = 100.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        for name, low, high in (("gain", 1.0, 1e9), ("gbw", 1.0, 1e12), ("r_out", 1e-3, 1e6)):
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"{name} of an amplifier is {getattr(self, name)!r}", expected=f"{low:g} to {high:g}")
        if not abs(self.offset) <= 1.0:
            raise UsageError(f"offset of an amplifier is {self.offset!r}", expected="volts, -1 to 1")
        if not 0.0 <= self.noise <= 1e-3:
            raise UsageError(f"noise of an amplifier is {self.noise!r}", expected="V/sqrt(Hz), 0 to 1e-3")

    def block(self, name: str = "opamp") -> Block:
        """Return the amplifier as a subcircuit."""
        source = () if self.noise == 0.0 else (f"rn i inp {self.noise**2 / (4.0 * BOLTZMANN * 300.15):.15g}",)
        return Block(
            name,
            PORTS,
            (
                *source,
                f"voff p {'i' if source else 'inp'} dc {self.offset:.15g}",
                "g1 0 g p inn 1m",
                f"r1 g 0 {self.gain / 1e-3:.15g}",
                f"c1 g 0 {1e-3 / (2.0 * pi * self.gbw):.15g}",
                "e1 b 0 g 0 1",
                f"ro b out {self.r_out:.15g}",
            ),
        )


@dataclass(frozen=True)
class TwoStageOpAmp:
    """A Miller-compensated two-stage CMOS amplifier of transistors (level 1), see the module.

    Parameters
    ----------
    buffered : bool
        With a source follower behind the second stage. Without one a load of R ohm takes the gain of the second stage
        from gm6 / (I6 (lambda_n + lambda_p)), 117 kohm, to gm6 times both in parallel; the follower's 1/gm is 110 ohm,
        and it sinks at most its bias of 0.5 mA.
    compensation : float or None, F
        Capacitor Cc over the second stage; none in a comparator.
    """

    buffered: bool = True
    compensation: float | None = 3e-12

    def block(self, name: str = "opamp") -> Block:
        """Return the amplifier as a subcircuit."""
        second = "s" if self.buffered else "out"
        lines = [
            NMOS,
            PMOS,
            # The pair: inn drives the mirror's diode side, so that inp is the non-inverting input.
            "m1 d1 inn t vss nch w=3u l=1u",
            "m2 d2 inp t vss nch w=3u l=1u",
            "m3 d1 d1 vdd vdd pch w=15u l=1u",
            "m4 d2 d1 vdd vdd pch w=15u l=1u",
            "m5 t bias vss vss nch w=4.5u l=1u",
            "m8 bias bias vss vss nch w=4.5u l=1u",
            "ibias vdd bias dc 30u",
            f"m6 {second} d2 vdd vdd pch w=94u l=1u",
            f"m7 {second} bias vss vss nch w=14u l=1u",
        ]
        if self.compensation is not None:
            lines.append(f"cc d2 {second} {self.compensation:.15g}")
        if self.buffered:
            lines += [
                "m9 vdd s out out nch w=400u l=1u",
                "m10 out bias vss vss nch w=75u l=1u",
            ]
        return Block(name, PORTS, tuple(lines))


OpAmp = MacroOpAmp | TwoStageOpAmp
