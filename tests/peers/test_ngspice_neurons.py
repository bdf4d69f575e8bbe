"""Decks of netlists/neurons through ngspice, NbO2 switches as subcircuits of behavioural sources.

Not the VO2 ones: their core grows to within 1/600 of the radius, where ngspice 39 comes to a standstill.
"""

import math
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.devices.cards import CARDS
from circuitnn.results.rawfile import read_raw

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")

FOLDER = Path(__file__).resolve().parents[2] / "netlists" / "neurons"


def mott_subcircuit(name):
    """The equations of Pickett and Williams in s = 1 / ln(1/u), the voltage of a capacitor of 1 nF."""
    m = CARDS[name].model.params
    cold = m["rho_ins"] * m["l"] / (math.pi * m["r"] ** 2)
    channel = f"(1+{m['rho_ins'] / m['rho_met'] - 1!r}*exp(-2/max(v(s),2.5e-3)))/{cold!r}"
    loss = f"{2 * math.pi * m['l'] * m['kappa'] * m['delta_t']!r}*v(s)"
    core = "exp(-2/max(v(s),2.5e-3))"
    heat = f"({0.5 * m['c_p'] * m['delta_t']!r}*(1-{core}-2*{core}/max(v(s),2.5e-3))"
    heat += f"+{2 * m['dh']!r}*{core}/max(v(s),2.5e-3)/max(v(s),2.5e-3))"
    volume = math.pi * m["l"] * m["r"] ** 2
    return f""".subckt {name}_channel p n
b1 p n i=v(p,n)*{channel}
b2 0 s i=1e-9*(v(p,n)*v(p,n)*{channel}-{loss})/({volume!r}*{heat})
c1 s 0 1n
.ends
"""


def spikes(result, node, level):
    t, v = result.time, result[node]
    k = np.flatnonzero((v[:-1] < level) & (v[1:] >= level))
    return t[k] + (level - v[k]) / (v[k + 1] - v[k]) * (t[k + 1] - t[k])


def both(name, step, stop, folder, method="trap"):
    """Run a deck, with small tolerances and steps, here and in ngspice."""
    text = (FOLDER / f"{name}.cir").read_text(encoding="utf-8")
    text = text.replace(".include cmos_models.inc", (FOLDER / "cmos_models.inc").read_text(encoding="utf-8"))
    text = re.sub(r"(?m)^\.options.*\n", "", text)
    text = re.sub(r"(?m)^\.tran.*$", f".options reltol=1e-5 method={method}\n.tran {step} {stop} 0 {step}", text)
    there = re.sub(r"(?m)^n(\d+ \w+ \w+ )nbo2$", r"xn\1nbo2_channel", text)
    there = there.replace(".end\n", mott_subcircuit("nbo2") + ".end\n")
    deck, raw = folder / "deck.cir", folder / "deck.raw"
    deck.write_text(there, encoding="utf-8")
    subprocess.run(["ngspice", "-b", "-r", raw, deck], capture_output=True, timeout=120, check=True)
    return cn.parse(text).run().tran, read_raw(raw).tran


@pytest.mark.parametrize(
    ("name", "node", "level", "step", "stop", "count"),
    [
        ("nbo2_oscillator", "v(a)", 1.2, "0.05n", "200n", 2),
        ("neuristor", "v(b)", 0.4, "0.05n", "260n", 4),
    ],
)
def test_mott_switches_spike_as_their_subcircuit_does(name, node, level, step, stop, count, tmp_path):
    ours, theirs = both(name, step, stop, tmp_path)
    here, there = spikes(ours, node, level), spikes(theirs, node, level)
    assert len(here) == len(there) == count
    # reltol of 1e-5 a step in both programs, over some thousand steps of which the switching amplifies the errors
    np.testing.assert_allclose(here, there, rtol=1e-4)
    assert ours[node].max() == pytest.approx(theirs[node].max(), rel=1e-3)


def test_axon_hillock_fires_as_in_ngspice(tmp_path):
    """With gear: after each spike the trapezoidal rule of ngspice lets the output ring through the level again."""
    ours, theirs = both("cmos_axon_hillock", "0.5u", "2m", tmp_path, method="gear")
    here, there = spikes(ours, "v(out)", 0.9), spikes(theirs, "v(out)", 0.9)
    assert len(here) == len(there) == 6
    np.testing.assert_allclose(here, there, rtol=1e-4)
