"""Spintronic devices, written as plain elements, in ngspice: the same oscillation, resonance and rectified voltage."""

import shutil
import subprocess

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.results.rawfile import read_raw

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")

#: Model: current (A), amplitude and frequency of the tone (A, Hz), time (s), step (s), first values of states. The
#: trapezoidal rule of both programs shifts frequencies by (w h)^2/12, 2e-5 at 400 steps a period; their phases part by
#: the difference of their steps, which a tolerance of 2 % of the swing allows for over 10 to 40 periods.
CASES = {
    "vortex": (6.03e-3, 0.0, 255e6, 40e-9, 1e-11, {"x": 0.3}),
    "auto_oscillator": (2e-3, 1e-4, 285e6, 40e-9, 1e-11, {"x": 0.3}),
    "spin_diode": (0.0, 2e-5, 101e6, 400e-9, 2.5e-11, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_model(tmp_path, name):
    dc, amplitude, frequency, stop, step, states = CASES[name]
    c = cn.Circuit(name)
    c.I("1", 0, "a", dc=dc, waveform=("sin", dc, amplitude, frequency))
    c.C("1", "a", "l", 1e-9, ic=dc * 100.0)
    c.R("l", "l", 0, 50.0)
    c.N("1", "a", 0, model=name, **states)
    c.set_options(reltol=1e-5)
    ours = c.tran(step=step, stop=stop, max_step=step, uic=True)
    deck, raw = tmp_path / "a.cir", tmp_path / "a.raw"
    deck.write_text(c.to_plain().to_netlist().replace(".end\n", f".tran {step} {stop} 0 {step} uic\n.end\n"))
    subprocess.run(["ngspice", "-b", "-r", raw, deck], capture_output=True, timeout=120, check=True)
    theirs = read_raw(raw).tran
    t = np.linspace(0.1 * stop, stop, 4000)
    a, b = (np.interp(t, r.time, r["v(l)"]) for r in (ours, theirs))
    assert np.ptp(a) > 0.0
    assert np.abs(a - b).max() < 0.02 * np.ptp(a)
