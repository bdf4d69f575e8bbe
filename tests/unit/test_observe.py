"""Vectors of elements, ``@element[name]`` and ``i(element)``."""

import numpy as np
import pytest

import circuitnn as cn

DECK = """vectors of elements
v1 a 0 dc 5 sin(5 1 1meg)
r1 a b 1k
d1 b 0 dm
.model dm d (is=1e-14 cjo=1p)
c1 b 0 1n
m1 a b 0 0 nm
.model nm nmos (vto=0.2 kp=1e-4)
x1 a cell
.subckt cell p
r2 p 0 2k
.ends
i1 0 b 1m
"""


def test_operating_point():
    point = cn.parse(
        DECK
        + ".save @r1[i] @r1[p] @r1[resistance] @d1[id] @m1[id] @m1[is] @m1[vgs] @r.x1.r2[i] @i1[v] v(b) i(v1)\n.op\n"
    ).run()["op"]
    assert set(point) == {
        "@r1[i]", "@r1[p]", "@r1[resistance]", "@d1[id]", "@m1[id]", "@m1[is]", "@m1[vgs]", "@x1.r2[i]", "@i1[v]",
        "v(b)", "i(v1)",
    }  # fmt: skip
    vb, ir = float(point["v(b)"]), float(point["@r1[i]"])
    assert ir == pytest.approx((5 - vb) / 1e3, rel=1e-9)
    assert point["@r1[p]"] == pytest.approx(ir**2 * 1e3) and point["@r1[resistance]"] == 1e3
    assert point["@d1[id]"] == pytest.approx(ir + 1e-3, rel=1e-9)  # KCL at b; ngspice has the same signs
    assert point["@m1[id]"] == pytest.approx(0.5e-4 * (vb - 0.2) ** 2, rel=1e-5)  # level 1, saturated; gmin is left out
    assert point["@m1[is]"] == pytest.approx(-point["@m1[id]"], rel=1e-6)
    assert point["@m1[vgs]"] == pytest.approx(vb) and point["@i1[v]"] == pytest.approx(vb)
    assert point["@x1.r2[i]"] == pytest.approx(2.5e-3)
    assert point["i(v1)"] == pytest.approx(-(ir + point["@m1[id]"] + 2.5e-3), rel=1e-9)


def test_in_time_the_current_of_a_capacitor_is_its_charge_s_slope():
    run = cn.parse(DECK + ".print tran @c1[i] i(r1)\n.options reltol=1e-6\n.tran 1n 2u\n").run()["tran"]
    time, vb = run["time"], run["v(b)"]
    middle = 0.5 * (run["@c1[i]"][1:] + run["@c1[i]"][:-1])
    # trapezoidal integration: the mean of two points is the difference quotient; a few steps are of another rule
    error = np.abs(middle - 1e-9 * np.diff(vb) / np.diff(time))
    assert np.median(error) < 1e-6 * np.abs(middle).max() + 1e-9
    np.testing.assert_allclose(run["i(r1)"], (run["v(a)"] - vb) / 1e3, atol=1e-9)


def test_what_no_element_has_is_a_warning():
    results = cn.parse(DECK + ".save v(b) @r1[curent] @m1[nothing]\n.op\n").run()
    assert set(results["op"]) == {"v(b)"}
    assert [w for w in results.warnings if "curent" in w] and [w for w in results.warnings if "nothing" in w]


def test_a_coil_without_an_inductance_is_named():
    with pytest.raises(cn.errors.DeviceError, match="l1: an inductor has no inductance"):
        cn.parse("t\nv1 a 0 ac 1\nr1 a b 1\nl1 b 0 lm\n.model lm l (tc1=1)\n.op\n").run()


TRANSISTOR = """a saturated transistor
.model nm nmos (level=1 vto=0.5 kp=1e-4 tox=20n cgso=1n cgdo=2n cgbo=3n cbd=1p pb=0.8 mj=0.5)
vd d 0 2
vg g 0 {gate}
m1 d g 0 0 nm w=10u l=2u
"""


def test_slopes_and_capacitances_of_a_transistor():
    names = ("gm", "gds", "von", "vdsat", "cgs", "cgd", "cgb", "cbd", "id")
    deck = TRANSISTOR.format(gate=1.5) + ".save " + " ".join(f"@m1[{n}]" for n in names) + "\n.op\n"
    point = cn.parse(deck).run()["op"]
    found = {n: float(point[f"@m1[{n}]"]) for n in names}
    oxide = 3.9 * 8.854214871e-12 / 20e-9 * 10e-6 * 2e-6
    assert found["gm"] == pytest.approx(1e-4 * 5 * 1.0) and found["gds"] == 0.0
    assert found["von"] == pytest.approx(0.5) and found["vdsat"] == pytest.approx(1.0)
    assert found["id"] == pytest.approx(0.5 * 1e-4 * 5)
    # Meyer: two thirds of the oxide at the source, nothing at the drain, beside the overlaps
    assert found["cgs"] == pytest.approx(2 / 3 * oxide + 10e-6 * 1e-9, rel=1e-6, abs=0.0)
    assert found["cgd"] == pytest.approx(10e-6 * 2e-9, rel=1e-6, abs=0.0)
    assert found["cgb"] == pytest.approx(2e-6 * 3e-9, rel=1e-6, abs=0.0)
    assert found["cbd"] == pytest.approx(1e-12 / np.sqrt(1 + 2 / 0.8), rel=1e-4, abs=0.0)  # pb at 27 degC


def test_what_is_shown_changes_nothing_else():
    plain = cn.parse(TRANSISTOR.format(gate="pulse(0 2 0 1n 1n 5n 20n)") + ".save i(vd)\n.tran 0.1n 10n\n").run()[
        "tran"
    ]
    shown = cn.parse(
        TRANSISTOR.format(gate="pulse(0 2 0 1n 1n 5n 20n)") + ".save i(vd) @m1[id] @m1[ib]\n.tran 0.1n 10n\n"
    ).run()["tran"]
    drain = np.interp(plain["time"], shown["time"], shown["i(vd)"])
    np.testing.assert_allclose(drain, plain["i(vd)"], atol=2e-3 * np.abs(plain["i(vd)"]).max())
