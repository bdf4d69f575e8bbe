"""A flash converter of transistors: comparators on the taps of a resistor string.

Thresholds lie halfway between the levels of `mapping.quantise.quantise`: with top = 2^(bits-1) - 1 and one step
q = limit / top, at (k + 1/2) q for k from -top to top - 1. The level is the number of comparators that are high, less
top. A comparator switches within its input-referred error, which here is 0.1 mV (2.5 V over its gain).
"""

from __future__ import annotations

from circuitnn.errors import UsageError
from circuitnn.mapping.circuits.blocks import Block
from circuitnn.mapping.circuits.opamps import TwoStageOpAmp
from circuitnn.mapping.circuits.switches import inverter

_MOST_BITS = 8  # 254 comparators


def comparator(name: str = "comparator") -> Block:
    """Return a comparator: the two-stage amplifier without its capacitor, and two inverters; ports of an amplifier."""
    core = TwoStageOpAmp(buffered=False, compensation=None).block(f"{name}_core")
    inverse = inverter()
    rails = {"vdd": "vdd", "vss": "vss"}
    return Block(
        name,
        core.ports,
        (
            core.instance("1", inp="inp", inn="inn", out="a", **rails),
            "ca a 0 20f",  # of gates, which the transistors' models leave out: a comparator takes time
            "cb b 0 20f",
            "cout out 0 20f",
            inverse.instance("2", **{"in": "a"}, out="b", **rails),
            inverse.instance("3", **{"in": "b"}, out="out", **rails),
        ),
        (core, inverse),
    )


def flash(name: str, bits: int, r: float = 1e3) -> Block:
    """Return a converter of 2 to 8 bits; ports in low high t1 t2 ... vdd vss.

    ``low`` and ``high`` are the ends of the range, -limit and limit; ``t<k>`` is at vdd where the input lies above
    threshold k, else at vss.

    Raises
    ------
    UsageError
        For another number of bits.
    """
    if not 2 <= bits <= _MOST_BITS:
        raise UsageError(f"a flash converter of {bits} bits", expected=f"2 to {_MOST_BITS}")
    compare = comparator()
    count = 2**bits - 2
    lines = [f"r0 low s1 {r / 2.0:.15g}"]
    for k in range(1, count + 1):
        lines.append(compare.instance(f"{k}", inp="in", inn=f"s{k}", out=f"t{k}", vdd="vdd", vss="vss"))
        lines.append(f"r{k} s{k} {f's{k + 1}' if k < count else 'high'} {r if k < count else r / 2.0:.15g}")
    return Block(
        name, ("in", "low", "high", *(f"t{k}" for k in range(1, count + 1)), "vdd", "vss"), tuple(lines), (compare,)
    )
