"""Blocks of the periphery as circuits beside their fast models: the figure of docs/periphery.md, and its numbers.

python docs/images/make_periphery.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import circuitnn as cn
from circuitnn.mapping.circuits.activations import V_T, pair, relu
from circuitnn.mapping.circuits.blocks import Block, library
from circuitnn.mapping.circuits.dacs import codes, r2r, references
from circuitnn.mapping.circuits.opamps import MacroOpAmp, TwoStageOpAmp
from circuitnn.mapping.circuits.sensing import difference
from circuitnn.mapping.quantise import quantise

RAILS = {"vdd": "vdd", "vss": "vss"}
AMPLIFIERS = {"macro, gain 1e5": MacroOpAmp().block(), "CMOS": TwoStageOpAmp().block()}
COLOURS = dict(zip(AMPLIFIERS, ("tab:blue", "tab:orange"), strict=True))


def run(block: Block, lines: list[str], *cards: str) -> cn.Results:
    """Return the results of one instance of a block and what drives it."""
    text = ["* periphery", library([block]), "vdd vdd 0 2.5", "vss vss 0 -2.5", *lines]
    return cn.parse("\n".join([*text, ".options reltol=1e-6 abstol=1e-13 vntol=1e-9", *cards, ".end", ""])).run()


def main() -> None:
    """Draw docs/images/periphery.png and print the largest differences."""
    figure, axes = plt.subplots(2, 2, figsize=(9.0, 6.5), layout="constrained")
    rectified, squashed, levels, settled = axes.ravel()
    v = np.linspace(-0.25, 0.25, 101)
    for name, opamp in AMPLIFIERS.items():
        for axis, block, expected in (
            (rectified, relu("relu", opamp), np.maximum(-v, 0.0)),
            (squashed, pair("pair", opamp, 0.2), 0.2 * np.tanh(v / (2.0 * V_T))),
        ):
            instance = block.instance("1", **{"in": "a"}, out="out", **RAILS)
            found = run(block, ["va a 0 0", instance], ".dc va -0.25 0.25 0.005").dc["v(out)"]
            axis.plot(v, 1e6 * (found - expected), color=COLOURS[name], label=name)
            print(f"{block.name}, {name}: off by at most {1e6 * np.abs(found - expected).max():.1f} uV")
        bits, limit = 6, 0.2
        low, high = references(bits, limit, True)
        wanted = np.unique(quantise(np.linspace(-limit, limit, 999), bits, limit, signed=True).round(12))
        chosen = codes(wanted, bits, limit, True)
        block = r2r("dac", opamp, bits)
        numbers = range(1, len(wanted) + 2)
        lines = ["vs sample 0 1", f"vl low 0 {low!r}", f"vh high 0 {high!r}"]
        for k in range(bits):
            column = np.where(chosen >> k & 1, 2.5, -2.5).tolist()
            points = ",".join(f"{n},{volts}" for n, volts in zip(numbers, [*column, column[-1]], strict=True))
            lines.append(f"bb{k} b{k} 0 v=pwl(v(sample),{points})")
        pins = {f"b{k}": f"b{k}" for k in range(bits)}
        lines.append(block.instance("1", low="low", high="high", out="out", **pins, **RAILS))
        found = run(block, lines, f".dc vs 1 {len(wanted)} 1").dc["v(out)"]
        step = limit / 31
        levels.plot(wanted, (found - wanted) / step, ".", color=COLOURS[name], label=name)
        print(f"r2r, {name}: off by at most {np.abs(found - wanted).max() / step:.3f} of a step")
        block = difference("sense", opamp, 20e3)
        lines = ["ip 0 a pulse(0 5u 0.1u 1n 1n 1 2)", "im 0 b 0", "ra a 0 20k", "rb b 0 20k", "cl out 0 2p"]
        lines.append(block.instance("1", plus="a", minus="b", out="out", **RAILS))
        response = run(block, lines, ".tran 2n 1.2u 0 2n").tran
        settled.plot(1e6 * response.time, 1e3 * response["v(out)"], color=COLOURS[name], label=name)
        late = np.abs(response["v(out)"] - response["v(out)"][-1]) > 1e-2 * 0.1
        print(f"sense, {name}: within 1 % {1e9 * (response.time[late][-1] - 0.1e-6):.0f} ns after the step")
    for axis, title, horizontal, vertical in (
        (rectified, "rectifier", "input, V", "circuit - equation, uV"),
        (squashed, "pair, 0.2 V tanh(v / 2 V_T)", "input, V", "circuit - equation, uV"),
        (levels, "R-2R converter, 6 bits", "level, V", "circuit - level, steps"),
        (settled, "differential sense, 20 kohm, step of 5 uA", "time, us", "output, mV"),
    ):
        axis.set(title=title, xlabel=horizontal, ylabel=vertical)
        axis.legend()
    figure.savefig(Path(__file__).with_name("periphery.png"), dpi=110)


if __name__ == "__main__":
    main()
