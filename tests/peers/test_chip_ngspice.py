"""The hierarchical netlist of a whole layout runs in ngspice and here, and gives what conductances say."""

import shutil
import subprocess

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.mapping.physical.netlist import write_netlist
from circuitnn.results.rawfile import read_raw

READ = 0.15


def deck_of(layout, path):
    write_netlist(layout.sites(), path, [t.G for m in layout.matrices for t in m.tiles], READ)
    tiles = [tile for matrix in layout.matrices for tile in matrix.tiles]
    return [(site.name, READ * tile.G.sum(axis=0)) for site, tile in zip(layout.sites(), tiles, strict=True)]


@pytest.fixture
def layout():
    rng = np.random.default_rng(5)
    network = [(rng.normal(size=(10, 6)), None, "relu"), (rng.normal(size=(6, 3)), None, "softmax")]
    return cn.compile(network, tile=(6, 8))


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")
def test_ngspice_gives_the_currents(layout, tmp_path):
    expected = deck_of(layout, tmp_path / "chip.cir")
    command = ["ngspice", "-b", "-r", tmp_path / "chip.raw", tmp_path / "chip.cir"]
    subprocess.run(command, capture_output=True, timeout=300, check=True)
    op = read_raw(tmp_path / "chip.raw").op
    for name, currents in expected:
        found = [op[f"i(v.x{name}.xsense.vb{j})"] for j in range(len(currents))]
        # No wires: sums of conductances times volts, up to ngspice's default reltol of 1e-3 and in fact its gmin.
        np.testing.assert_allclose(np.ravel(found), currents, rtol=1e-6)


def test_the_engine_gives_the_currents(layout, tmp_path):
    expected = deck_of(layout, tmp_path / "chip.cir")
    op = cn.load(tmp_path / "chip.cir").run().op
    for name, currents in expected:
        found = [op[f"i(x{name}.xsense.vb{j})"] for j in range(len(currents))]
        np.testing.assert_allclose(np.ravel(found), currents, rtol=1e-9)
