"""A crossbar's netlist in ngspice gives the crossbar's currents."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.results.rawfile import read_raw

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")


def ngspice_currents(xb, v, folder):
    deck, raw = folder / "xb.cir", folder / "xb.raw"
    xb.to_netlist(deck, v=v)
    done = subprocess.run(["ngspice", "-b", "-r", raw, deck], capture_output=True, text=True, timeout=120, check=True)
    assert "singular" not in (done.stdout + done.stderr).lower()
    op = read_raw(raw).op
    return np.array([op[f"i(vsense{j})"] for j in range(xb.cols)]), op


def agree(xb, folder):
    v = np.random.default_rng(11).uniform(0.1, 1.0, xb.rows)
    currents, op = ngspice_currents(xb, v, folder)
    # Both factorise the same linear system; ngspice adds rounding of 1/G and its own pivoting.
    # 1e-15 A: what a floating column's ammeter shows instead of nothing
    np.testing.assert_allclose(xb.solve(v).currents, currents, rtol=1e-6, atol=1e-15)
    return op, v


@pytest.mark.parametrize(
    "wires",
    [
        {"r_word": 1.0, "r_bit": 2.0},
        {"r_word": 1.0, "r_bit": 2.0, "r_source": 30.0, "r_sense": 10.0},
        {"r_word": 0.0, "r_bit": 2.0},
        {"r_word": 1.0, "r_bit": 0.0, "r_sense": 5.0},
        {"r_word": 0.0, "r_bit": 0.0},
    ],
)
def test_8_by_6_currents_and_voltages(tmp_path, wires):
    G = np.random.default_rng(4).uniform(1e-6, 1e-4, (8, 6))
    G[2, 3] = 0.0
    xb = Crossbar(G, **wires)
    op, v = agree(xb, tmp_path)
    if wires["r_word"]:
        np.testing.assert_allclose(xb.solve(v).v_word[5, 3], op["v(w5_3)"], rtol=1e-9)
    if wires["r_bit"]:
        np.testing.assert_allclose(xb.solve(v).v_bit[5, 3], op["v(b5_3)"], rtol=1e-6)


@pytest.mark.parametrize(
    "wires",
    [
        {"drive": "both", "sense": "both", "r_source": 5.0, "r_sense": 3.0},
        {"drive": "right", "sense": "top"},
        {"r_word": 0.0, "drive": "both", "sense": "both", "r_source": 5.0},
        {"r_word": np.linspace(1.0, 2.0, 56).reshape(8, 7), "r_bit": np.linspace(1.0, 3.0, 54).reshape(6, 9)},
        {"r_word": np.where(np.arange(56).reshape(8, 7) == 24, np.inf, 2.0), "drive": "both"},
        {"r_source": np.where(np.arange(8) == 3, np.inf, 10.0), "r_sense": np.where(np.arange(6) == 2, np.inf, 1.0)},
    ],
    ids=["both ends", "right and top", "ideal word lines", "by segment", "broken", "floating"],
)
def test_ends_and_segments_of_all_kinds(tmp_path, wires):
    agree(Crossbar(np.random.default_rng(5).uniform(1e-5, 1e-4, (8, 6)), **wires), tmp_path)


def test_ngspice_prints_the_currents(tmp_path):
    xb = Crossbar(np.full((2, 3), 1e-4), 10.0, 10.0)
    xb.to_netlist(tmp_path / "a.cir", v=[1.0, 0.5])
    out = subprocess.run(["ngspice", "-b", tmp_path / "a.cir"], capture_output=True, text=True, timeout=60, check=True)
    printed = re.search(r"^Index +vsense0#branch.*\n-+\n0\t(.+)$", out.stdout, re.MULTILINE)
    assert printed, out.stdout
    currents = [float(word) for word in printed[1].split()]
    assert currents == pytest.approx(xb.solve([1.0, 0.5]).currents, rel=1e-6)  # seven digits are printed


@pytest.mark.slow
def test_64_by_64(tmp_path):
    agree(Crossbar(np.random.default_rng(6).uniform(1e-6, 1e-4, (64, 64)), 1.0, 1.0), tmp_path)
