"""Sense amplifiers: from the currents of bit lines to a voltage.

``tia``: the bit line ends in the inverting input of an amplifier with a resistor R around it. With an amplifier of
gain A and input offset Vos (v(out) = A (Vos - v(in))), and a bit line that looks like a source of current I with the
conductance G,

    v(out) = - (R I - (1 + G R) Vos) A / (A + 1 + G R),      input resistance R / (1 + A):

gain error (1 + G R) / A, noise gain 1 + G R for the offset (and for the amplifier's noise).

``difference``: two of them. The first turns the current of ``minus`` into a voltage, which a second resistor R takes
to the input of the other, which is ``plus``:

    v(out) = - R (I_plus - I_minus).

With lines of the conductances G_p and G_m, resistors at the temperature T and amplifiers of white noise e, its noise
is that of a current at its input, of the density (derived from the circuit; each resistor has 4 k T / R)

    i^2 = 4 k T (3 / R + G_p + G_m) + e^2 ((1 / R + G_m)^2 + (2 / R + G_p)^2).

``integrator`` has a capacitor in place of the resistor, for inputs that are times. While the output moves its input
lies by (d v(out) / dt) / (2 pi GBW) off ground, so cells of the conductance G together lose a part
G / (2 pi GBW C) of the charge.
"""

from __future__ import annotations

import numpy as np

from circuitnn.devices.physics import BOLTZMANN
from circuitnn.mapping.circuits.blocks import Block
from circuitnn.mapping.circuits.opamps import NMOS

DIFFERENCE = ("plus", "minus", "out", "vdd", "vss")


def noise_current(
    r: float, g_plus: float, g_minus: float, amplifier: float, bandwidth: float, temp: float = 300.15
) -> float:
    """Return the noise of a read by a differential sense amplifier, A (standard deviation), at its input.

    Parameters
    ----------
    r : float, ohm
        Its feedback resistors.
    g_plus, g_minus : float, S
        Conductance of the two bit lines.
    amplifier : float, V/sqrt(Hz)
        Noise voltage of its amplifiers.
    bandwidth : float, Hz
        Of noise: pi / 2 times the corner frequency behind one pole.
    temp : float, K

    Examples
    --------
    >>> f"{noise_current(10e3, 1e-3, 1e-3, 5e-9, 10e6):.2e}"
    '3.23e-08'
    """
    thermal = 4.0 * BOLTZMANN * temp * (3.0 / r + g_plus + g_minus)
    density = thermal + amplifier**2 * ((1.0 / r + g_minus) ** 2 + (2.0 / r + g_plus) ** 2)
    return float(np.sqrt(density * bandwidth))


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
