"""Compact models, written as plain elements, in ngspice: the same currents through SET, RESET and switching."""

import shutil
import subprocess

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.results.rawfile import read_raw

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")

#: Model: amplitude (V), frequency (Hz), series resistance (ohm), tolerance, parameters. Both programs take about a
#: thousand steps a period, each with its own choice and reltol = 1e-5. Where nothing jumps they agree to 1e-4 of the
#: largest current; where a state runs away (a threshold switch, a filament that heats itself), the instant at which it
#: does so differs by a part of a step, which is a percent of the swing beside the edge.
CASES = {
    "linear_drift": (1.0, 1.0, 10.0, 1e-3, {"window": 1.0, "p": 2.0}),
    "vteam": (1.0, 2e8, 50.0, 1e-3, {"k_on": -1e-1, "k_off": 5e-3, "v_off": 0.2, "w": 1e-9}),
    "yakopcic": (0.25, 100.0, 1.0, 1e-3, {}),
    "stanford": (2.0, 1e5, 1e3, 1e-3, {}),
    "bocquet": (1.2, 1e3, 200.0, 3e-2, {}),
    "mott": (2.5, 1e6, 2e3, 2e-2, {}),
    "nbox": (2.0, 1e6, 2e3, 1e-3, {}),
    "ovonic": (3.0, 1e6, 5e3, 2e-2, {}),
    "macrospin": (0.5, 2e8, 200.0, 1e-3, {"rp": 200.0, "hx": 4e4, "hk": 1e4, "px": 0.5, "py": 0.87, "beta": 0.2}),
}


@pytest.mark.parametrize("name", CASES)
def test_model(tmp_path, name):
    amplitude, frequency, series, tolerance, params = CASES[name]
    period = 1.0 / frequency
    c = cn.Circuit(name)
    c.V("1", "a", 0, waveform=("sin", 0, amplitude, frequency))
    c.R("s", "a", "b", series)
    c.C("p", "b", 0, 1e-4 * period / series)
    c.N("1", "b", 0, model=name, **params)
    c.set_options(reltol=1e-5)
    ours = c.tran(step=period / 1000, stop=period, max_step=period / 1000)
    deck, raw = tmp_path / "a.cir", tmp_path / "a.raw"
    text = c.to_plain().to_netlist()
    deck.write_text(text.replace(".end\n", f".tran {period / 1000} {period} 0 {period / 1000}\n.end\n"))
    subprocess.run(["ngspice", "-b", "-r", raw, deck], capture_output=True, timeout=120, check=True)
    theirs = read_raw(raw).tran
    assert theirs.time[-1] == pytest.approx(period, rel=1e-6, abs=0.0)
    t = np.linspace(0, period, 2000)
    a, b = (np.interp(t, r.time, r["i(v1)"]) for r in (ours, theirs))
    assert np.abs(a - b).max() < tolerance * np.abs(a).max()
    states = [v.name for v in ours.variables if name.startswith("@n1[")]
    assert not states or any(np.ptp(ours[s]) > 0.0 for s in states)  # the state did move
