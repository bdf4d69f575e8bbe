"""CMOS inverter and change-over switch: what joins logic levels, the two supplies, to analogue voltages.

A conducting transistor is a resistor of 1 / (K' (W/L) (v_gs - V_T)): 28 ohm at `WIDTH` and 0.2 V on a supply of 2.5 V.
"""

from __future__ import annotations

from circuitnn.mapping.circuits.blocks import Block
from circuitnn.mapping.circuits.opamps import NMOS, PMOS

WIDTH = 200  # of a switch, um at a length of 1 um


def inverter(name: str = "inverter") -> Block:
    """Return an inverter; ports in out vdd vss."""
    return Block(
        name,
        ("in", "out", "vdd", "vss"),
        ("mp out in vdd vdd pch w=11u l=1u", "mn out in vss vss nch w=5u l=1u", NMOS, PMOS),
    )


def changeover(name: str = "changeover") -> Block:
    """Return a switch that joins ``out`` to ``high`` where ``control`` is at vdd, and to ``low`` where at vss.

    Two n-channel transistors, so the voltages that it switches must stay a volt below vdd.
    """
    inverse = inverter()
    return Block(
        name,
        ("control", "high", "low", "out", "vdd", "vss"),
        (
            inverse.instance("1", **{"in": "control"}, out="not", vdd="vdd", vss="vss"),
            f"mh out control high vss nch w={WIDTH}u l=1u",
            f"ml out not low vss nch w={WIDTH}u l=1u",
            "co out 0 20f",  # of both drains; without one the node jumps while neither conducts
            NMOS,
        ),
        (inverse,),
    )
