"""Activation functions of real circuits, and the driver of a word line.

``relu`` is the inverting precision rectifier: the amplifier's gain makes the diodes' voltage vanish,

    v(out) = max(-v(in), 0).

``pair`` is a pair of bipolar transistors with a tail current I, whose collector currents differ by
I alpha tanh(v / (2 V_T)), alpha = beta / (1 + beta) (P. R. Gray et al., "Analysis and Design of Analog Integrated
Circuits", 5th ed., eq. 3.156); a difference amplifier refers that to ground. ``softmax`` is the same with n
transistors: alpha I exp(v_k / V_T) / sum_j exp(v_j / V_T) in collector k. One volt at their inputs so stands for
1 / (2 V_T) (tanh) or 1 / V_T (sigmoid, softmax), with V_T = k T / q = 25.86 mV at 27 degC: `VOLTS`.

With load resistors r_l at the collectors and the difference amplifier's r_1 and r_2, exactly,

    v(out) = v_ref + (r_2 / r_1) (r_l r_1 / (r_l + r_1)) (I_a - I_b).
"""

from __future__ import annotations

from circuitnn.devices.physics import BOLTZMANN, CHARGE
from circuitnn.mapping.circuits.blocks import Block

V_T = BOLTZMANN * 300.15 / CHARGE  # V
VOLTS = {"tanh": 2.0 * V_T, "sigmoid": V_T, "softmax": V_T}  # at the input, for a net input of 1
TAIL = 100e-6  # A
LOAD = 5e3  # ohm
AROUND = 50e3  # ohm, the difference amplifier's r_1
_BETA = 200.0
_NPN = f".model npn npn (is=1e-16 bf={_BETA:g})"
DIODE_CURRENT = 1e-15  # A, saturation current of the rectifier's diodes
RECTIFIER = 10e3  # ohm
_DIODE = f".model dio d (is={DIODE_CURRENT:g})"


def driver(name: str, opamp: Block) -> Block:
    """Return a follower that drives a word line; ports in out vdd vss."""
    return Block(
        name,
        ("in", "out", "vdd", "vss"),
        (opamp.instance("1", inp="in", inn="out", out="out", vdd="vdd", vss="vss"),),
        (opamp,),
    )


def relu(name: str, opamp: Block) -> Block:
    """Return an inverting precision rectifier; ports in out vdd vss."""
    return Block(
        name,
        ("in", "out", "vdd", "vss"),
        (
            f"ri in n {RECTIFIER:.15g}",
            opamp.instance("1", inp="0", inn="n", out="o", vdd="vdd", vss="vss"),
            "d1 n o dio",
            "d2 o out dio",
            f"rf out n {RECTIFIER:.15g}",
            _DIODE,
        ),
        (opamp,),
    )


def pair(name: str, opamp: Block, swing: float, reference: float = 0.0) -> Block:
    """Return v(out) = reference + swing tanh(v(in) / (2 V_T)), in volts; ports in out vdd vss.

    A sigmoid of v(in) / V_T from 0 to ``top`` is ``swing = reference = top / 2``.
    """
    lines = [
        "qb b in e npn",
        "qa a 0 e npn",
        f"itail e vss dc {TAIL:.15g}",
        f"vref r 0 dc {reference:.15g}",
        *_difference(opamp, swing, "r"),
        _NPN,
    ]
    return Block(name, ("in", "out", "vdd", "vss"), tuple(lines), (opamp,))


def softmax(name: str, opamp: Block, outputs: int, top: float) -> Block:
    """Return v(out<k>) = top exp(v(in<k>) / V_T) / (their sum), in volts; ports in0 .. out0 .. vdd vss."""
    lines = [f"itail e vss dc {TAIL:.15g}", _NPN]
    stage = Block(
        f"{name}_stage",
        ("b", "out", "vdd", "vss"),
        tuple(_difference(opamp, top, "0")),  # its node a carries no transistor's current
        (opamp,),
    )
    for k in range(outputs):
        lines.append(f"q{k} c{k} in{k} e npn")
        lines.append(stage.instance(str(k), b=f"c{k}", out=f"out{k}", vdd="vdd", vss="vss"))
    ports = (*(f"in{k}" for k in range(outputs)), *(f"out{k}" for k in range(outputs)), "vdd", "vss")
    return Block(name, ports, tuple(lines), (stage,))


def feedback(swing: float) -> float:
    """Return the difference amplifier's r_2, ohm, that makes ``swing`` volts of the whole tail current."""
    together = LOAD * AROUND / (LOAD + AROUND)
    return swing * AROUND / (together * TAIL * _BETA / (1.0 + _BETA))


def _difference(opamp: Block, swing: float, reference: str) -> list[str]:
    """Return loads of the nodes a and b, and an amplifier with v(out) = ... + (current from b - current from a)."""
    r2 = feedback(swing)
    return [
        f"rla vdd a {LOAD:.15g}",
        f"rlb vdd b {LOAD:.15g}",
        f"r1a a p {AROUND:.15g}",
        f"r2a p {reference} {r2:.15g}",
        f"r1b b n {AROUND:.15g}",
        f"r2b n out {r2:.15g}",
        opamp.instance("1", inp="p", inn="n", out="out", vdd="vdd", vss="vss"),
    ]
