"""Memory cells as subcircuits: they write, read and hold what they are told to, and their neighbours do not notice."""

from pathlib import Path

import numpy as np
import pytest

import circuitnn as cn

NETLISTS = Path(__file__).resolve().parents[2] / "netlists"
CELLS = NETLISTS / "cells"
CRYSTAL = 1e-4  # S, of the default phase change memory


def measured(name):
    results = cn.load(CELLS / f"{name}.cir").run()
    return results.measures, results.tran


# ------------------------------------------------------------------------------------------------------------- 1T1R
def test_1t1r_levels_and_neighbours():
    """A RESET lowers the conductance by more than 100, each SET pulse raises it, and no other cell changes."""
    found, tran = measured("1t1r")
    levels = [found[name] for name in ("g_reset", "g_1", "g_2", "g_3", "g_4")]
    assert levels[0] < CRYSTAL / 200 and np.all(np.diff(levels) > 0.5 * np.array(levels[:-1]))
    for name in ("01", "10", "11"):
        assert np.abs(tran[f"@x{name}.n1[x]"]).max() < 1e-6
        # the transistor of 100 ohm stands in series: 1 %
        assert found[f"g{name}"] == pytest.approx(CRYSTAL, rel=0.02)


def test_1t1r_with_another_device():
    """The card `memory` decides what the cell is made of."""
    circuit = cn.Circuit("vteam cell")
    circuit.add_text(f'.include "{CELLS / "1t1r.lib"}"')
    circuit.model(
        "memory", "vteam", **cn.parse("t\n.model m vteam (ron=10k roff=1meg w0=3n iv=1)").circuit().models["m"].params
    )
    circuit.V("b", "bl", 0, dc=0.01)
    circuit.V("w", "wl", 0, dc=3.0)
    circuit.X("1", "bl", "wl", 0, subckt="cell_1t1r")
    assert -circuit.op()["i(vb)"] / 0.01 == pytest.approx(1e-6, rel=1e-3)


# ------------------------------------------------------------------------------------------------------------- 1S1R
def test_1s1r_writes_one_cell_and_reads_it():
    found, tran = measured("1s1r")
    assert tran["@x11.n1[x]"][-1] > 0.99
    for name in ("00", "01", "10", "12", "21"):
        assert np.abs(tran[f"@x{name}.n1[x]"]).max() < 1e-6
    assert tran["@x10.n1[theta]"].max() < 1.0  # the half-selected cell is not even warm
    # 70 mV are left of the read voltage for a megohm; a crystalline cell would draw some 9 uA
    assert found["i_read"] < 0.5e-6


def test_1s1r_reads_a_crystalline_cell():
    deck = (CELLS / "1s1r.cir").read_text().replace("vw=3.3", "vw=0").replace('"1s1r.lib"', f'"{CELLS / "1s1r.lib"}"')
    assert cn.parse(deck).run().measures["i_read"] > 5e-6


# ------------------------------------------------------------------------------------------------------------- 2T2R
def test_2t2r_bits_are_sensed():
    found, tran = measured("2t2r")
    states = [tran[f"@{name}.n1[x]"][-1] for name in ("x0.xp", "x0.xn", "x1.xp", "x1.xn")]
    assert states[0] > 0.99 and states[3] > 0.99 and states[1] < 1e-6 and states[2] < 1e-6
    assert (found["q0"] > 1.1, found["qb0"] < 0.1, found["q1"] < 0.1, found["qb1"] > 1.1) == (True,) * 4
    # the sensing itself, at 1.2 V across the bit lines, moves nothing
    quiet = np.searchsorted(tran.time, 395e-9)
    assert tran["@x0.xp.n1[x]"][-1] == pytest.approx(tran["@x0.xp.n1[x]"][quiet], abs=1e-6)


# ------------------------------------------------------------------------------------------------------------- 6T2R
def test_6t2r_weight_moves_both_ways_and_reads_alike():
    found, tran = measured("6t2r")
    assert found["w0_hidden"] == found["w0_visible"] == 0.0
    assert found["w1_hidden"] > 5e-6
    for k in (1, 2):  # gates of equal height in both directions; the drain voltages differ by microvolts
        assert found[f"w{k}_hidden"] == pytest.approx(found[f"w{k}_visible"], rel=1e-3)
    assert abs(found["w2_hidden"]) < 0.01 * found["w1_hidden"]  # equal pulses on the other memory take it back
    # writing one memory leaves the other
    first = np.searchsorted(tran.time, 600e-9)
    assert tran["@x1.nn[x]"][first] == pytest.approx(0.9, abs=1e-6)
    assert tran["@x1.np[x]"][-1] == pytest.approx(tran["@x1.np[x]"][first], abs=1e-6)
    for line, gate in (("vhp", "vis"), ("vvp", "hid")):  # a direction conducts with its own spike alone
        assert np.abs(tran[f"i({line})"][(tran[f"v({gate})"] == 0.0) & (tran.time > 1.2e-6)]).max() < 1e-9


# ------------------------------------------------------------------------------------------------------------- 3T1C
def test_3t1c_deck_transfers():
    found, tran = measured("3t1c")
    assert found["w_learnt"] > 4e-6 and abs(found["w_start"]) < 1e-9
    assert abs(found["g_kept"]) < 1e-9  # the capacitor is back in its middle
    assert found["w_kept"] == pytest.approx(found["w_learnt"], rel=0.05)  # three pulses, chosen by hand
    assert tran["@x1.xn.n1[x]"].min() > 0.75 - 1e-6  # and G- has not noticed
    up = np.interp(50e-9 + 5e-9 * np.arange(21), tran.time, tran["v(cap)"])
    np.testing.assert_allclose(
        np.diff(up), (0.82 - 0.5) ** 2 * 1e-5 * 1.05e-9 / 1e-13, rtol=0.05
    )  # kp w/l/2 over^2 t/c


@pytest.mark.parametrize("updates", [-12, 6, 18])
def test_3t1c_transfer_with_verification(updates):
    """Reading after each pulse, a controller carries the capacitor's value to G+ or G- to a tenth, whatever it is."""
    factor, ref = 3.0, 7e-6
    state = {"p": 0.75, "n": 0.75}

    def cell(row, wp, wn, v0, stop, up=0):
        circuit = cn.Circuit("3t1c")
        circuit.add_text(f'.include "{CELLS / "3t1c.lib"}"')
        # pulses of the number of updates, on the gate of their sign
        on = (
            ("pulse", 1.8, 0.98, 5e-9, 1e-10, 1e-10, 1e-9, 5e-9, up),
            ("pulse", 0.0, 0.82, 5e-9, 1e-10, 1e-10, 1e-9, 5e-9, -up),
        )
        circuit.V("up", "up", 0, dc=1.8, waveform=on[0] if up > 0 else None)
        circuit.V("dn", "dn", 0, dc=0.0, waveform=on[1] if up < 0 else None)
        circuit.V("dd", "vdd", 0, dc=1.8)
        circuit.V("row", "row", 0, dc=0.0, waveform=row)
        for name, v in (("wp", wp), ("wn", wn), ("bc", 0.0), ("bp", 0.0), ("bn", 0.0)):
            circuit.V(name, name, 0, dc=v)
        for side in "pn":  # each side begins in its own state, for which the cell with both has no parameter
            circuit.model(f"memory{side}", "pcm", x0=state[side])
        circuit.X("c", "row", "bc", "up", "dn", "vdd", "cap", subckt="cell_3t1c", v0=v0)
        for side in "pn":
            circuit.N(side, "row", f"m{side}", model=f"memory{side}")
            circuit.S(side, f"m{side}", f"b{side}", f"w{side}", 0, model="open")
        circuit.model("open", "sw", vt=1.5, ron=100, roff=1e12)
        return circuit.tran(stop=stop, uic=True)

    read = ("pwl", 0, 0, 1e-9, 0.1, 20e-9, 0.1)

    def conductances(v0):
        tran = cell(read, 3.0, 3.0, v0, 10e-9)
        return [tran[f"i(v{line})"][-1] / 0.1 for line in ("bp", "bn", "bc")]

    learnt = cell(None, 0.0, 0.0, 0.9, 150e-9, updates)["v(cap)"][-1]
    plus, minus, small = conductances(learnt)
    target = factor * (plus - minus) + small - ref
    side, pulse = "p" if target > 0 else "n", 1.21
    for _ in range(100):
        plus, minus, _ = conductances(0.9)
        if abs(factor * (plus - minus)) >= abs(target):
            break
        row = ("pwl", 0, 0, 2e-9, pulse, 42e-9, pulse, 44e-9, 0)
        tran = cell(row, 3.0 * (side == "p"), 3.0 * (side == "n"), 0.9, 60e-9)
        state = {key: float(tran[f"@n{key}[x]"][-1]) for key in "pn"}
    plus, minus, small = conductances(0.9)
    kept = factor * (plus - minus) + small - ref
    assert abs(target) > 1e-6
    assert kept == pytest.approx(target, rel=0.1, abs=0.2e-6)


# --------------------------------------------------------------------------------------------------- single devices
def test_drift_deck():
    found = cn.load(NETLISTS / "memristors" / "pcm_drift.cir").run().measures
    exponent = np.log10(found["r_end"] / found["r_1s"]) / 6
    assert exponent == pytest.approx(0.1, rel=0.01)


def test_levels_deck():
    tran = cn.load(NETLISTS / "memristors" / "pcm_levels.cir").run().tran
    states = np.interp(200e-9 + 300e-9 * np.arange(21) - 1e-9, tran.time, tran["@n1[x]"])
    assert states[0] > 0.99 and np.all(np.diff(states) < -0.01)


def test_fefet_deck():
    """The gate voltage of 1 uA, on the way up and down."""
    tran = cn.load(NETLISTS / "memristors" / "fefet.cir").run().tran
    i, v, t = -tran["i(vd)"], tran["v(g)"], tran.time
    crossed = []
    for first, last in ((1.5e-6, 2.8e-6), (3.2e-6, 4.8e-6)):
        part = np.flatnonzero((t > first) & (t < last) & (i > 1e-8) & (i < 1e-5))
        part = part[np.argsort(i[part])]
        crossed.append(np.interp(0.0, np.log(i[part] / 1e-6), v[part]))
    assert crossed[0] - crossed[1] == pytest.approx(1.0, abs=0.1)


def test_fefet_preisach_deck():
    """The loop within closes, lies inside, and is forgotten by the whole loop."""
    tran = cn.load(NETLISTS / "memristors" / "fefet_preisach.cir").run().tran

    def p(t):
        return np.interp(np.asarray(t) * 1e-6, tran.time, tran["@n1[p]"])

    # both lag by 1 ns, 0.3 and 0.4 V/us: p by less than 0.4 mV / 0.3 V
    assert p(46) == pytest.approx(p(62), abs=2e-3) and p(38) == pytest.approx(p(54), abs=2e-3)
    assert p(38) - p(46) > 0.2 and p(38) < p(20) and p(46) > p(10)
    assert p(74) == pytest.approx(p(20), abs=2e-3) and p(90) == pytest.approx(p(10), abs=2e-3)


def test_ecram_deck():
    tran = cn.load(NETLISTS / "memristors" / "ecram.cir").run().tran
    x = np.interp([0.05e-6, 5.09e-6, 10.19e-6], tran.time, tran["@n1[x]"])
    np.testing.assert_allclose(x, [0.5, 0.55, 0.5], atol=1e-4)
