"""Digital-to-analogue converters of word lines.

``r2r`` gives pulse amplitudes: a ladder of R and 2R whose legs a bit each joins to one of two references, and a
follower, so that

    v(out) = v(low) + (v(high) - v(low)) code / 2^bits.

The switches' resistance adds to the 2R of the legs but not to the ladder's end: an error of at most about
r_on / 2R of the references' difference, 7e-4 at the default R.

``pulse_width`` gives pulses of one height: a comparator keeps the word line at the read voltage until a ramp passes the
input.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.mapping.circuits.adcs import comparator
from circuitnn.mapping.circuits.blocks import Block
from circuitnn.mapping.circuits.switches import changeover
from circuitnn.mapping.quantise import check_bits

Array = NDArray[np.float64]


def references(bits: int, limit: float, signed: bool) -> tuple[float, float]:
    """Return the voltages ``low`` and ``high``, V, for the levels of `mapping.quantise.quantise`.

    Examples
    --------
    >>> references(2, 0.3, False), references(3, 0.3, True)
    ((0.0, 0.4), (-0.4, 0.4))
    """
    if not signed:
        return 0.0, round(limit * 2**bits / (2**bits - 1), 15)
    if bits == 1:
        return -limit, 3.0 * limit  # its two levels are the ends of the range, and ``high`` lies a step beyond
    end = round(limit * 2 ** (bits - 1) / (2 ** (bits - 1) - 1), 15)
    return -end, end


def codes(voltages: Array, bits: int, limit: float, signed: bool) -> NDArray[np.int64]:
    """Return the codes, 0 to ``2^bits - 1``, that give voltages which are levels of the converter."""
    low, high = references(bits, limit, signed)
    return np.asarray(np.rint((voltages - low) / (high - low) * 2**bits), dtype=np.int64)


def r2r(name: str, opamp: Block, bits: int, r: float = 20e3) -> Block:
    """Return a converter of ``bits`` bits; ports b0 (the least bit) and on, low high out vdd vss.

    Raises
    ------
    UsageError
        When ``bits`` is out of range.
    """
    if check_bits("bits", bits) is None:
        raise UsageError("a ladder of no bits", expected="1 to 24")
    switch = changeover()
    lines = [f"rend n0 low {2.0 * r:.15g}"]
    for k in range(bits):
        lines.append(
            switch.instance(f"{k}", control=f"b{k}", high="high", low="low", out=f"s{k}", vdd="vdd", vss="vss")
        )
        lines.append(f"rleg{k} s{k} n{k} {2.0 * r:.15g}")
        if k:
            lines.append(f"rl{k} n{k - 1} n{k} {r:.15g}")
    lines.append(opamp.instance("out", inp=f"n{bits - 1}", inn="out", out="out", vdd="vdd", vss="vss"))
    ports = (*(f"b{k}" for k in range(bits)), "low", "high", "out", "vdd", "vss")
    return Block(name, ports, tuple(lines), (switch, opamp))


def pulse_width(name: str) -> Block:
    """Return a modulator: ``out`` is at ``high`` while v(in) > v(ramp), else at ``low``."""
    compare, switch = comparator(), changeover()
    return Block(
        name,
        ("in", "ramp", "high", "low", "out", "vdd", "vss"),
        (
            compare.instance("c", inp="in", inn="ramp", out="on", vdd="vdd", vss="vss"),
            switch.instance("s", control="on", high="high", low="low", out="out", vdd="vdd", vss="vss"),
        ),
        (compare, switch),
    )
