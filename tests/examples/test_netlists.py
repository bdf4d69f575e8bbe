"""The decks of netlists/examples, cells, memristors and spintronics run, and show what they say."""

from pathlib import Path

import numpy as np
import pytest

import circuitnn as cn

NETLISTS = Path(__file__).resolve().parents[2] / "netlists"
FOLDER = NETLISTS / "examples"
#: Memristors under a sine or a triangle: ``v1`` drives ``a``.
HYSTERESIS = [
    NETLISTS / "memristors" / f"{name}.cir"
    for name in (
        "bocquet", "bocquet_unipolar", "jart", "linear_drift", "simmons", "stanford", "stanford_pku", "team", "vteam",
        "yakopcic",
    )
]  # fmt: skip
DECKS = [
    path
    for name in ("examples", "cells", "memristors", "spintronics")
    for path in sorted((NETLISTS / name).glob("*.cir"))
]


@pytest.mark.parametrize("path", DECKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_deck(path):
    for result in cn.load(path).run().values():
        assert len(result) and np.isfinite(result.data).all()


def test_written_device():
    """The gate's current moves the conductance: dg = k C dV + k v t / R, with k = 30 S/C, 1 V, 10 Mohm."""
    tran = cn.load(FOLDER / "written_device.cir").run().tran
    # eight pulses of 1 V for 20 us and two edges of 1 us of half of it, through 10 Mohm: 2.1 pC each
    moved = tran["@n1[gc]"][-1] - tran["@n1[gc]"][0]
    assert moved == pytest.approx(30.0 * 8 * 2.1e-12, rel=1e-3, abs=0.0)  # the reltol of the steps
    np.testing.assert_allclose(tran["i(vread)"][1:], -0.1 * tran["@n1[gc]"][1:], rtol=1e-9)


def test_crossbar_tile():
    results = cn.load(FOLDER / "crossbar_tile.cir").run()
    # All cells 100 uS: ideal wires give -5k * 100u * 0.25 V; 2 ohm a segment beside 10 kohm takes a few parts in 1e3.
    for k in range(3):
        assert results.op[f"v(out{k})"] == pytest.approx(-0.125, rel=5e-3)
        assert abs(results.op[f"v(out{k})"]) < 0.125
    assert results.op["i(a1.bit[0])"] == pytest.approx(results.op["v(out0)"] / 5e3, rel=1e-3)
    settled = results.tran["v(out1)"][np.searchsorted(results.tran.time, 18e-9)]
    assert settled == pytest.approx(results.op["v(out1)"], rel=1e-2)


@pytest.mark.parametrize("path", HYSTERESIS, ids=lambda path: path.stem)
def test_memristor_shows_its_hysteresis(path):
    """Within a fortieth of the voltages, conductances differ by a fifth at least, and none is negative."""
    tran = cn.load(path).run().tran
    v, i = tran["v(a)"], -tran["i(v1)"]
    live = np.abs(v) > 0.05 * np.abs(v).max()
    g = i[live] / v[live]
    assert np.all(g > 0)
    bins = np.digitize(v[live], np.linspace(v.min(), v.max(), 41))
    assert max(g[bins == k].max() / g[bins == k].min() for k in set(bins)) > 1.2
    assert np.all(np.abs(i[v == 0.0]) < 1e-4 * np.abs(i).max())


def test_nonideal_tile():
    results = cn.load(FOLDER / "nonideal_tile.cir").run()
    op = results.op
    # the stuck cell carries 0.2 V over 10 kohm, give or take the spread of ron and an hour's drift, and is the hottest
    assert op["i(vc1)"] == pytest.approx(2e-5 * (3600.0 / 20.0) ** -0.05, rel=0.3)
    heat = {name: float(op[f"@{name}[temperature]"]) for name in ("n0_0", "n0_1", "n1_0", "n1_1")}
    assert max(heat, key=heat.__getitem__) == "n1_1"
    # what the sources deliver flows off through four thermal resistances of 1 MK/W
    power = -0.1 * op["i(v0)"] - 0.2 * op["i(v1)"]
    assert sum(heat.values()) - 4 * 300.15 == pytest.approx(1e6 * power, rel=1e-6)


def test_spin_torque_oscillator_behind_a_bias_tee():
    """The load sees the precession alone, and what the source gives is what resistances take."""
    tran = cn.load(NETLISTS / "spintronics" / "sto_bias_tee.cir").run().tran
    grid = np.linspace(10e-9, 20e-9, 10001)
    out, v, r = (np.interp(grid, tran.time, tran[name]) for name in ("v(out)", "v(a)", "@n1[resistance]"))
    wave = out - out.mean()
    turns = np.count_nonzero((wave[:-1] < 0) & (wave[1:] >= 0))
    assert 40 < turns < 80  # 4 to 8 GHz
    assert np.std(wave) > 2e-3
    assert abs(out.mean()) < 0.1 * np.std(wave)
    # currents at the junction, at each time: 0.65 mA from a source behind the inductor, and what interpolation adds
    assert np.abs(v / r + out / 50.0 - 0.65e-3).max() < 1e-7
