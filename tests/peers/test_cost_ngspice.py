"""The energy of a read is what the sources deliver in a transient of the exported array, here and in ngspice."""

import shutil
import subprocess

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.mapping.cost.energy import array_energy
from circuitnn.results.rawfile import read_raw

READ, EDGE, STEP = 2e-9, 2e-14, 2e-13
C_WORD, C_BIT = 12e-15, 7e-15


def close(value, rel):
    return pytest.approx(value, rel=rel, abs=0.0)  # by itself it takes anything below 1e-12 for the same


def tile():
    rng = np.random.default_rng(11)
    return cn.Crossbar(rng.uniform(1e-6, 2e-5, (3, 4)), 900.0, 700.0), np.array([0.2, 0.13, -0.17])


def deck(xb, v):
    """The exported netlist with pulses for its sources, capacitors at its nodes, and an integrator of their power."""
    lines = xb.to_netlist(v=v).splitlines()
    kept = [line for line in lines if not line.startswith((".op", ".print", ".end", ".options", "vin"))]
    for i, volts in enumerate(v):
        kept.append(f"vin{i} in{i} 0 pulse(0 {volts:.17g} 0 {EDGE} {EDGE} {READ - EDGE} 1)")
    for i, j in np.ndindex(xb.shape):
        kept += [f"cw{i}_{j} w{i}_{j} 0 {C_WORD}", f"cb{i}_{j} b{i}_{j} 0 {C_BIT}"]
    power = "+".join(f"v(in{i})*i(vin{i})" for i in range(len(v)))
    kept += [f"bp 0 e i=-1e3*({power})", "ce e 0 1e-9", "re e 0 1e12"]  # 1 fJ is 1 mV
    kept += [
        ".options reltol=1e-6 abstol=1e-18 vntol=1e-12 chgtol=1e-20",
        f".tran {STEP} {1.5 * READ} 0 {STEP}",
        ".end",
    ]
    return "\n".join([*kept, ".end", ""])


def expected(xb, v):
    energy = array_energy(xb, v, READ, C_WORD, C_BIT)
    # Neither part is small against the other, or one of them would not be tested.
    assert 0.3 < float(energy.charge[0]) / float((energy.cells + energy.wires)[0]) < 3.0
    return float(energy.total[0])


def delivered(result):
    e = np.asarray(result["v(e)"]) * 1e-12
    # After the pulse the sources are at zero and deliver nothing more.
    after = np.asarray(result["time"]) > 1.01 * READ
    assert after.sum() > 10 and np.ptp(e[after]) < 1e-3 * e[-1]
    return float(e[-1])


# Steps of 0.2 ps against a fastest time constant of 5 ps: the trapezoidal rule errs by (h / tau)^2 / 12 = 1.3e-4 of the
# charge; edges of 0.02 ps against it add 2e-3 / 2 of the first segment's current, about 1e-4 of the energy.
TOLERANCE = 1e-3


def test_our_transient():
    xb, v = tile()
    result = cn.parse(deck(xb, v)).run()
    assert delivered(result.tran) == close(expected(xb, v), rel=TOLERANCE)


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")
def test_ngspice(tmp_path):
    xb, v = tile()
    path, raw = tmp_path / "a.cir", tmp_path / "a.raw"
    path.write_text(deck(xb, v), encoding="ascii")
    subprocess.run(["ngspice", "-b", "-r", raw, path], capture_output=True, timeout=120, check=True)
    assert delivered(read_raw(raw).tran) == close(expected(xb, v), rel=TOLERANCE)
