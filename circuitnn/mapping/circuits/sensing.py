"""Sense amplifiers: from the currents of bit lines to a voltage.

``tia``: the bit line ends in the inverting input of an amplifier with a resistor R around it. With an amplifier of
gain A and input offset Vos (v(out) = A (Vos - v(in))), and a bit line that looks like a source of current I with the
conductance G,

    v(out) = - (R I - (1 + G R) Vos) A / (A + 1 + G R),      input resistance R / (1 + A):

gain error (1 + G R) / A, noise gain 1 + G R for the offset (and for the amplifier's noise).

``difference``: two of them. The first turns the current of ``minus`` into a voltage, which a second resistor R takes
to the input of the other, which is ``plus``:

    v(out) = - R (I_plus - I_minus).

``integrator`` has a capacitor in place of the resistor, for inputs that are times. While the output moves its input
lies by (d v(out) / dt) / (2 pi GBW) off ground, so cells of the conductance G together lose a part
G / (2 pi GBW C) of the charge.
"""

from __future__ import annotations

from circuitnn.mapping.circuits.blocks import Block
from circuitnn.mapping.circuits.opamps import NMOS

DIFFERENCE = ("plus", "minus", "out", "vdd", "vss")


def tia(name: str, opamp: Block, r: float) -> Block:
    """Return a transimpedance amplifier: v(out) = -r times the current into ``in``; ports in out vdd vss."""
    amplifier = opamp.instance("1", inp="0", inn="in", out="out", vdd="vdd", vss="vss")
    return Block(name, ("in", "out", "vdd", "vss"), (amplifier, f"rf in out {r:.15g}"), (opamp,))


def difference(name: str, opamp: Block, r: float) -> Block:
    """Return a differential sense amplifier: v(out) = -r (current into ``plus`` - current into ``minus``)."""
    return Block(
        name,
        DIFFERENCE,
        (
            opamp.instance("1", inp="0", inn="minus", out="m", vdd="vdd", vss="vss"),
            f"rm minus m {r:.15g}",
            f"rx m plus {r:.15g}",
            opamp.instance("2", inp="0", inn="plus", out="out", vdd="vdd", vss="vss"),
            f"rp plus out {r:.15g}",
        ),
        (opamp,),
    )


def integrator(name: str, opamp: Block, c: float) -> Block:
    """Return an amplifier that integrates charge: v(out) = -(charge into ``in``) / c; ports in reset out vdd vss.

    While ``reset`` is at vdd a transistor empties the capacitor.
    """
    amplifier = opamp.instance("1", inp="0", inn="in", out="out", vdd="vdd", vss="vss")
    switch = "mr out reset in vss nch w=20u l=1u"
    return Block(name, ("in", "reset", "out", "vdd", "vss"), (amplifier, f"cf in out {c:.15g}", switch, NMOS), (opamp,))
