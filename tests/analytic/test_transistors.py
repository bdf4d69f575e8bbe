"""Bipolar and junction field-effect transistors against their own equations, solved by hand or by SciPy."""

import dataclasses

import numpy as np
import pytest
from scipy.constants import elementary_charge, k
from scipy.optimize import brentq

import circuitnn as cn

VT = k * 300.15 / elementary_charge
#: Physical constants of different CODATA years move kT/q by 6e-7, an exponential of 30 thermal voltages by 2e-5.
CONSTANTS = 3e-5


def run(*lines):
    return cn.parse("\n".join(["title", ".options reltol=1e-9 abstol=1e-16 vntol=1e-12", *lines, ".end"])).run()


def test_gummel_and_poon_by_hand():
    """Transport current over the base charge: Early effect and high injection, in one quadratic."""
    card = ".model n npn is=1e-15 bf=120 br=3 vaf=60 var=12 ikf=5m ikr=2m ise=1e-13 ne=1.6 isc=2e-13 nc=1.9"
    dc = run("vb b 0 0", "vc c 0 0.4", "q1 c b 0 n", card, ".dc vb 0.3 0.9 0.05").dc
    vbe = dc["v(b)"]
    vbc = vbe - 0.4
    forward, reverse = 1e-15 * np.expm1(vbe / VT), 1e-15 * np.expm1(vbc / VT)
    q1 = 1 / (1 - vbc / 60 - vbe / 12)
    qb = q1 * (1 + np.sqrt(1 + 4 * (forward / 5e-3 + reverse / 2e-3))) / 2
    base_c = reverse / 3 + 2e-13 * np.expm1(vbc / (1.9 * VT)) + 1e-12 * vbc
    base = forward / 120 + 1e-13 * np.expm1(vbe / (1.6 * VT)) + 1e-12 * vbe + base_c
    # the collector's substrate leaks by gmin
    np.testing.assert_allclose(
        -dc["i(vc)"], (forward - reverse) / qb - base_c + 1e-12 * 0.4, rtol=CONSTANTS, atol=1e-18
    )
    np.testing.assert_allclose(-dc["i(vb)"], base, rtol=CONSTANTS, atol=1e-18)


def test_saturation_voltage_follows_ebers_and_moll():
    """VCE = VT ln((1/alpha_r + (ic/ib)/beta_r) / (1 - (ic/ib)/beta_f)) (Ebers and Moll, Proc. IRE 42, 1761, 1954)."""
    op = run("ib 0 b 100u", "ic 0 c 2m", "q1 c b 0 n", ".model n npn is=1e-15 bf=100 br=2", ".op").op
    forced = 20.0
    expected = VT * np.log((1 + (1 + forced) / 2) / (1 - forced / 100))
    assert op["v(c)"] == pytest.approx(expected, rel=1e-5)


def test_ptat_voltage_of_two_areas():
    """Two junctions of areas 1 and 8 at one current differ by VT ln 8."""
    dc = run(
        "i1 0 a 10u", "i2 0 b 10u", "q1 a a 0 n", "q2 b b 0 n area=8", ".model n npn is=1e-16", ".options gmin=1e-18",
        ".dc temp -40 120 40",
    ).dc  # fmt: skip
    kelvin = np.arange(-40, 121, 40) + 273.15
    # the 1 of exp(v/VT) - 1 counts where the saturation current is largest
    np.testing.assert_allclose(dc["v(a)"] - dc["v(b)"], k * kelvin / elementary_charge * np.log(8), rtol=5e-6)


def test_transition_frequency():
    """|ic/ib| = 1 near gm / (2 pi (cpi + cmu)), with cpi = tf gm + cje at the bias."""
    card = ".model n npn is=1e-15 bf=100 tf=0.5n cje=2p mje=0 cjc=1p mjc=0"
    bias = ["ib 0 b 10u ac 1", "vc c 0 3", "q1 c b 0 n", card]
    ac = run(*bias, ".ac lin 2 300meg 320meg").ac
    gm = 1e-3 / VT
    expected = gm / (2 * np.pi * (0.5e-9 * gm + 2e-12 * 1.0 + 1e-12))
    gain = np.abs(ac["i(vc)"][0]) * 300e6
    # far above the corner the gain falls as 1/f; below 1 % from 1/beta and the feed through cmu
    assert gain == pytest.approx(expected, rel=0.02)


def test_excess_phase_is_a_delay():
    """PTF degrees at 1/(2 pi TF): the collector's current lags by that phase more than without."""
    card = "is=1e-15 bf=100 tf=1n"
    bias = ["vb b 0 0.7 ac 1", "vc c 0 3", "q1 c b 0 n", ".ac lin 1 10meg 10meg"]
    plain = run(*bias, f".model n npn {card}").ac["i(vc)"][0]
    lagging = run(*bias, f".model n npn {card} ptf=30").ac["i(vc)"][0]
    # PTF/360 of a period of 1/(2 pi TF); Bessel's phase leaves a straight line with the fifth power only
    assert np.angle(plain / lagging) == pytest.approx(np.deg2rad(30) * 2 * np.pi * 10e6 * 1e-9, rel=1e-6)


def test_charge_is_conserved_round_a_cycle():
    """What a swing of both junctions moves into the base comes back: charges are functions of the voltages."""
    c = cn.Circuit("cycle")
    c.options = dataclasses.replace(c.options, reltol=1e-6)
    c.model(
        "n", "npn", **{"is": 1e-30}, cje=2e-12, cjc=1e-12, tf=1e-9, xtf=3, vtf=2, itf=1e-3, xcjc=0.5, cjs=1e-12, mjs=0.3
    )
    c.V("b", "b", 0, waveform=("sin", 0, 0.4, 1e6))
    c.V("c", "c", 0, waveform=("sin", 2, 1, 2e6))
    c.Q("1", "c", "b", 0, "n")
    run_ = c.tran(stop=2e-6, max_step=1e-9)
    assert not c.warnings
    t = np.linspace(1e-6, 2e-6, 4001)
    for name in ("i(vb)", "i(vc)"):
        i = np.interp(t, run_["time"], run_[name])
        # gmin conducts 1e-12 S times a volt or two over a microsecond; straight lines of 1 ns leave 1e-5 of the rest
        assert abs(np.trapezoid(i, t)) < 2e-5 * np.trapezoid(np.abs(i), t)


def test_jfet_square_law_and_its_source_resistance():
    op = run("vd d 0 6", "j1 d 0 s j", "rs s 0 500", ".model j njf vto=-2 beta=1m lambda=0", ".op").op
    exact = brentq(lambda i: i - 1e-3 * (2 - 500 * i) ** 2, 0, 4e-3, xtol=1e-18)
    # the gate leaks 1e-14 A and gmin
    assert -op["i(vd)"] == pytest.approx(exact, rel=1e-8)


def test_jfet_backwards_is_the_mirror_image():
    forwards = run("vd d 0 3", "vg g 0 -0.5", "j1 d g 0 j", ".model j njf vto=-2 beta=1m lambda=0.02", ".op").op
    backwards = run("vd d 0 3", "vg g 0 -0.5", "j1 0 g d j", ".model j njf vto=-2 beta=1m lambda=0.02", ".op").op
    assert forwards["i(vd)"] == pytest.approx(backwards["i(vd)"], rel=1e-12, abs=0.0)


@pytest.mark.parametrize(
    ("element", "model", "plus"),
    [
        ("d1 x 0 m ic=0.3", "d cjo=10p m=0.4 vj=0.8", 0.3),
        ("q1 0 x 0 m ic=0.3,0", "npn cje=10p", 0.3),
        ("j1 0 x 0 m ic=0,-0.7", "njf cgs=10p vto=-5", -0.7),
        ("m1 x 0 0 0 m ic=0.6,0,0", "nmos cbd=10p", 0.6),
    ],
)
def test_initial_voltages_start_the_charges(element, model, plus):
    """With uic a junction starts charged, behind a resistor that hardly discharges it within the first steps."""
    tran = run(element, "r1 x 0 1g", f".model m {model}", ".tran 1p 10p uic").tran
    assert tran["v(x)"][-1] == pytest.approx(plus, rel=2e-4)


def test_initial_voltages_of_a_p_transistor_have_its_sign():
    tran = run("q1 0 x 0 m ic=-0.3,0", "r1 x 0 1g", ".model m pnp cje=10p", ".tran 1p 10p uic").tran
    assert tran["v(x)"][-1] == pytest.approx(-0.3, rel=2e-4)


def test_currents_noisier_than_the_tolerance_still_converge():
    """100 S between nodes at 10 V round currents by 1e-13 A: no tolerance below that can be met."""
    op = run(
        "v1 a 0 10", "r1 a b 10m", "q1 b c 0 n", "vb c 0 0.6", ".model n npn rc=10m", ".options abstol=1e-18", ".op"
    )
    assert -op.op["i(v1)"] == pytest.approx(1e-16 * np.exp(0.6 / VT), rel=CONSTANTS)
