"""A crossbar of memristors through SET and read, and the same deck in ngspice."""

import shutil
import subprocess

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.bench.decks import memristor_array, write_and_read
from circuitnn.results.rawfile import read_raw

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")


@pytest.mark.parametrize(("r", "sign"), [(1.0, 1.0), (20.0, 1.0), (20.0, -1.0)], ids=["1 ohm", "20 ohm", "RESET"])
def test_write_and_read(tmp_path, r, sign):
    w, times, levels = write_and_read(4, 4)
    if sign < 0:
        levels[1:3] *= sign
        w = 3e-9 - w  # 0.1 to 1.2 nm: as far from the bound above as a SET from the one below
    deck, raw = tmp_path / "a.cir", tmp_path / "a.raw"
    deck.write_text(memristor_array(w, times, levels, r), encoding="ascii")
    subprocess.run(["ngspice", "-b", "-r", raw, deck], capture_output=True, timeout=120, check=True)
    theirs = read_raw(raw).tran
    xb = cn.Crossbar(cn.Cells("hfo2", (4, 4), state={"w": w}), r, r)
    ours = xb.tran(cn.Waveforms(times, levels), tolerance=1e-5)
    change = sign * (w - xb.states["w"])
    assert change[:2].min() > 0.3e-9 and np.abs(change[2:]).max() < 1e-15
    for (i, j), state in np.ndenumerate(xb.states["w"]):
        # ngspice works to reltol 1e-3, with steps of at most 0.5 ns in 50; a run of steps of 20 ps finds the change
        # of a SET 0.13 % from its own, and 0.02 % from ours
        assert 3e-9 * theirs[f"v(x{i}_{j})"][-1] == pytest.approx(state, abs=0.01 * change[:2].min())
    read = np.array([theirs[f"i(vo{j})"][-1] for j in range(4)])
    # current goes as exp(-4.6 w / 3 nm): 0.13 % of a change of 1.1 nm are 0.2 %
    np.testing.assert_allclose(ours.currents[-1], read, rtol=0.01)
