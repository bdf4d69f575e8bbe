"""Sense amplifiers: from the currents of bit lines to a voltage.

``tia``: the bit line ends in the inverting input of an amplifier with a resistor R around it. With an amplifier of
gain A and input offset Vos (v(out) = A (Vos - v(in))), and a bit line that looks like a source of current I with the
conductance G,

    v(out) = - (R I - (1 + G R) Vos) A / (A + 1 + G R),      input resistance R / (1 + A):

gain error (1 + G R) / A, noise gain 1 + G R for the offset (and for the amplifier's noise).

``difference``: two of them. The first turns the current of ``minus`` into a voltage, which a second resistor R takes
to the input of the other, which is ``plus``:

    v(out) = - R (I_plus - I_minus).
"""

from __future__ import annotations

from circuitnn.mapping.circuits.blocks import Block

DIFFERENCE = ("plus", "minus", "out", "vdd", "vss")


def tia(name: str, opamp: Block, r: float) -> Block:
    """Return a transimpedance amplifier: v(out) = -r times the current into ``in``; ports in out vdd vss."""
    amplifier = opamp.instance("1", inp="0", inn="in", out="out", vdd="vdd", vss="vss")
    return Block(name, ("in", "out", "vdd", "vss"), (amplifier, f"rf in out {r!r}"), (opamp,))


def difference(name: str, opamp: Block, r: float) -> Block:
    """Return a differential sense amplifier: v(out) = -r (current into ``plus`` - current into ``minus``)."""
    return Block(
        name,
        DIFFERENCE,
        (
            opamp.instance("1", inp="0", inn="minus", out="m", vdd="vdd", vss="vss"),
            f"rm minus m {r!r}",
            f"rx m plus {r!r}",
            opamp.instance("2", inp="0", inn="plus", out="out", vdd="vdd", vss="vss"),
            f"rp plus out {r!r}",
        ),
        (opamp,),
    )
