"""An exported tile gives in ngspice the currents that inference uses."""

import shutil
import subprocess

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.results.rawfile import read_raw

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")


def check(layout, x, folder):
    files = iter(layout.to_netlist(folder, x=x))
    for step in layout.reads(x):
        for tile, expected in zip(step.matrix.tiles, step.currents, strict=True):
            deck = next(files)
            raw = deck.with_suffix(".raw")
            subprocess.run(["ngspice", "-b", "-r", raw, deck], capture_output=True, timeout=300, check=True)
            op = read_raw(raw).op
            found = np.array([op[f"i(vsense{j})"] for j in range(tile.G.shape[1])]).reshape(-1)
            # Both solve the same linear system; what is left is rounding of 1/G in the netlist and pivoting, relative
            # to the currents of which inference takes differences.
            np.testing.assert_allclose(
                found[0::2] - found[1::2], expected[0], rtol=1e-6, atol=1e-9 * np.abs(found).max()
            )


def test_all_tiles_of_a_small_network(tmp_path):
    rng = np.random.default_rng(3)
    network = [(rng.normal(size=(10, 6)), None, "relu"), (rng.normal(size=(6, 3)), rng.normal(size=3), "softmax")]
    layout = cn.compile(
        network, tile=(6, 8), r_wire=3.0, nonidealities=cn.nonidealities.Variability("g", 0.1), seed=1, dac_bits=6
    )
    check(layout, rng.uniform(-1.0, 1.0, 10), tmp_path)


@pytest.mark.slow
def test_a_64_by_64_tile(tmp_path):
    rng = np.random.default_rng(4)
    layout = cn.compile([(rng.normal(size=(64, 32)), None, "linear")], tile=(64, 64), r_wire=5.0)
    assert layout.matrices[0].tiles[0].G.shape == (64, 64)
    check(layout, rng.uniform(0.0, 1.0, 64), tmp_path)
