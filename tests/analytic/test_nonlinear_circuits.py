"""Diodes, MOSFETs, switches and behavioural sources against their own equations, solved by hand or by SciPy."""

import math

import numpy as np
import pytest
from scipy.constants import elementary_charge, k
from scipy.special import lambertw

import circuitnn as cn

#: Thermal voltage at 27 degrees Celsius.
VT = k * 300.15 / elementary_charge
#: Physical constants of different CODATA years move kT/q by 6e-7, an exponential of 30 thermal voltages by 2e-5.
CONSTANTS = 3e-5


def run(*lines):
    return cn.parse("\n".join(["title", ".options reltol=1e-9 abstol=1e-16 vntol=1e-12", *lines, ".end"])).run()


# ---------------------------------------------------------------------- diode
def test_diode_equation():
    dc = run("v1 a 0 0", "d1 a 0 dx 2", ".model dx d is=1e-14 n=1.2", ".dc v1 -0.05 0.75 0.05").dc
    v = dc["v(a)"]
    exact = 2e-14 * np.expm1(v / (1.2 * VT)) + 1e-12 * v
    # A solved voltage source's current carries rounding of the largest term, 1e-16 of it.
    np.testing.assert_allclose(-dc["i(v1)"], exact, rtol=CONSTANTS, atol=1e-20)


def test_diode_far_in_reverse_is_saturation_and_gmin():
    op = run("v1 a 0 -5", "d1 a 0 dx", ".model dx d is=1e-13", ".op").op
    assert op["i(v1)"] == pytest.approx(1e-13 + 5e-12, rel=1e-6, abs=0.0)


def test_diode_with_series_resistor_is_a_lambert_function():
    op = run("v1 a 0 5", "r1 a b 1k", "d1 b 0 dx", ".model dx d is=1e-14", ".options gmin=1e-15", ".op").op
    x = 1e-14 * 1e3 / VT
    # exp(5 V / VT) fits in double precision: 1e84.
    current = VT / 1e3 * float(lambertw(x * math.exp((5.0 + 1e-14 * 1e3) / VT)).real) - 1e-14
    assert -op["i(v1)"] == pytest.approx(current, rel=1e-7)


def test_internal_resistance_equals_external_resistor():
    inside = run("v1 a 0 2", "d1 a 0 dx", ".model dx d is=1e-14 rs=47", ".op").op
    outside = run("v1 a 0 2", "r1 a b 47", "d1 b 0 dx", ".model dx d is=1e-14", ".op").op
    assert inside["i(v1)"] == pytest.approx(outside["i(v1)"], rel=1e-9)


def test_saturation_current_against_temperature():
    """IS(T) = IS (T/T0)^(XTI/N) exp((T/T0 - 1) EG / (N VT(T)))."""
    dc = run("v1 a 0 0.5", "d1 a 0 dx", ".model dx d is=1e-14 eg=1.11 xti=3", ".dc temp 0 100 25").dc
    kelvin = np.arange(0, 101, 25) + 273.15
    vt = k * kelvin / elementary_charge
    ratio = kelvin / 300.15
    saturation = 1e-14 * ratio**3 * np.exp((ratio - 1.0) * 1.11 / vt)
    np.testing.assert_allclose(-dc["i(v1)"], saturation * np.expm1(0.5 / vt) + 5e-13, rtol=CONSTANTS)


def test_depletion_and_diffusion_capacitance():
    model = ".model dx d is=1e-14 cjo=4p vj=0.8 m=0.4 tt=10n fc=0.5"
    for bias in (-5.0, -1.0, 0.0, 0.3, 0.6):
        ac = run(f"v1 a 0 dc {bias} ac 1", "d1 a 0 dx", model, ".ac lin 1 1meg 1meg").ac
        if bias < 0.4:
            junction = 4e-12 * (1.0 - bias / 0.8) ** -0.4
        else:  # beyond fc*vj the square root is continued by its tangent
            junction = 4e-12 / 0.5**1.4 * (1.0 - 0.5 * 1.4 + 0.4 * bias / 0.8)
        # The current has gmin, which stores no charge.
        conductance = 1e-14 / VT * math.exp(bias / VT)
        capacitance = -ac["i(v1)"][0].imag / (2e6 * math.pi)
        assert capacitance == pytest.approx(junction + 10e-9 * conductance, rel=CONSTANTS, abs=0), bias


def test_junction_charge_at_the_start_is_that_of_the_given_voltages():
    """With uic a reverse voltage far beyond what Newton's limiting allows in a step must not bend the charge."""
    tran = run("c1 k 0 1u ic=5", "d1 a k dx", "r1 a 0 1meg", ".model dx d is=1e-14 cjo=50p", ".tran 10n 1u uic").tran
    # Nothing has moved within the first step, far shorter than 1 megohm * 20 pF: the anode is where it was given, at 0.
    assert tran["v(a)"][1] == pytest.approx(0.0, abs=1e-3)


def test_breakdown_holds_the_voltage():
    op = run("v1 a 0 12", "r1 a b 1k", "d1 0 b dz", ".model dz d bv=5.1 ibv=1m", ".op").op
    # At ibv the voltage is bv by definition; at 7 mA it is VT ln 7 higher.
    assert op["v(b)"] == pytest.approx(5.1 + VT * math.log(6.9), abs=2e-3)


# ---------------------------------------------------------------------- MOSFET
@pytest.mark.parametrize(
    ("vgs", "vds", "vbs"), [(1.0, 0.1, 0.0), (1.0, 2.0, 0.0), (3.0, 1.0, -2.0), (2.0, 5.0, -1.0), (0.5, 1.0, 0.0)]
)
def test_mos_level_1(vgs, vds, vbs):
    """Shichman and Hodges: cut-off, triode and saturation with body effect and channel-length modulation."""
    card = ".model mn nmos level=1 vto=0.7 kp=100u gamma=0.5 phi=0.6 lambda=0.03 is=0"
    op = run(
        f"vd d 0 {vds}",
        f"vg g 0 {vgs}",
        f"vb b 0 {vbs}",
        "m1 d g 0 b mn w=10u l=2u",
        card,
        ".options gmin=1e-15",
        ".op",
    ).op
    threshold = 0.7 + 0.5 * (math.sqrt(0.6 - vbs) - math.sqrt(0.6))
    over, beta = vgs - threshold, 100e-6 * 5
    if over <= 0:
        current = 0.0
    elif vds < over:
        current = beta * vds * (over - vds / 2) * (1 + 0.03 * vds)
    else:
        current = beta / 2 * over**2 * (1 + 0.03 * vds)
    assert -op["i(vd)"] == pytest.approx(current, rel=1e-9, abs=2e-14)


def test_pmos_mirrors_nmos():
    common = "level=1 kp=50u gamma=0.4 phi=0.65 lambda=0.05"
    n = run(
        "vd d 0 1.3", "vg g 0 2", "vb b 0 -0.7", "m1 d g 0 b m w=5u l=1u", f".model m nmos vto=0.6 {common}", ".op"
    ).op
    p = run(
        "vd d 0 -1.3", "vg g 0 -2", "vb b 0 0.7", "m1 d g 0 b m w=5u l=1u", f".model m pmos vto=-0.6 {common}", ".op"
    ).op
    assert n["i(vd)"] == pytest.approx(-p["i(vd)"], rel=1e-12, abs=0.0)


def test_mos_is_symmetric_in_drain_and_source():
    card = ".model m nmos vto=0.6 kp=50u gamma=0.4 phi=0.65 lambda=0.05"
    a = run("v1 x 0 1.5", "v2 y 0 0.2", "vg g 0 2.2", "vb b 0 -0.5", "m1 x g y b m w=5u l=1u", card, ".op").op
    b = run("v1 x 0 1.5", "v2 y 0 0.2", "vg g 0 2.2", "vb b 0 -0.5", "m1 y g x b m w=5u l=1u", card, ".op").op
    assert a["i(v1)"] == pytest.approx(b["i(v1)"], rel=1e-9, abs=0.0)


def test_gate_capacitance_in_saturation():
    """Meyer: 2/3 of the oxide between gate and source, none between gate and drain, beside the overlaps."""
    card = ".model m nmos vto=0.6 kp=50u tox=20n cgso=0.3n cgdo=0.2n"
    ac = run("vd d 0 5", "vg g 0 dc 2 ac 1", "m1 d g 0 0 m w=10u l=1u", card, ".ac lin 1 1meg 1meg").ac
    oxide = 3.9 * 8.854214871e-12 / 20e-9 * 10e-6 * 1e-6
    expected = 2 / 3 * oxide + 0.3e-9 * 10e-6 + 0.2e-9 * 10e-6
    assert -ac["i(vg)"][0].imag / (2e6 * math.pi) == pytest.approx(expected, rel=1e-4, abs=0.0)


# ---------------------------------------------------------------------- switches
def test_switch_resistances_and_hysteresis():
    dc = run(
        "v1 c 0 0",
        "v2 a 0 1",
        "s1 a b c 0 sx",
        "r1 b 0 1k",
        ".model sx sw vt=1 vh=0.25 ron=10 roff=99k",
        ".dc v1 0 2 0.1",
    ).dc
    control = dc["v(c)"]
    # Rising, it closes above vt + vh.
    np.testing.assert_allclose(dc["v(b)"], np.where(control > 1.25, 1e3 / 1010.0, 0.01), rtol=1e-9)
    dc = run(
        "v1 c 0 0",
        "v2 a 0 1",
        "s1 a b c 0 sx",
        "r1 b 0 1k",
        ".model sx sw vt=1 vh=0.25 ron=10 roff=99k",
        ".dc v1 2 0 -0.1",
    ).dc
    np.testing.assert_allclose(dc["v(b)"], np.where(dc["v(c)"] < 0.75 - 1e-9, 0.01, 1e3 / 1010.0), rtol=1e-9)


def test_switch_turns_at_its_threshold():
    tran = run(
        "v1 c 0 pwl(0 0 1m 1 2m 0)", "v2 a 0 1", "s1 a b c 0 sx", "r1 b 0 1k",
        ".model sx sw vt=0.5 vh=0.2 ron=1 roff=1g", ".tran 10u 2m",
    ).tran  # fmt: skip
    on = tran["v(b)"] > 0.5
    closes, opens = tran.time[on][0], tran.time[on][-1]
    # An event is met to 1e-4 of the largest step, after the threshold and never before.
    assert 0.7e-3 <= closes <= 0.7e-3 + 2e-9
    assert 1.7e-3 - 10e-6 <= opens <= 1.7e-3 + 2e-9
    first_open = tran.time[np.flatnonzero(on)[-1] + 1]
    assert 1.7e-3 <= first_open <= 1.7e-3 + 2e-9


def test_relaxation_oscillator():
    """T = tau_i ln((V_i - V_h)/(V_i - V_th)) + tau_m ln((V_th - V_m)/(V_h - V_m))."""
    vdd, load, capacitance, high, low, v_on, v_off = 3.0, 10e3, 1e-9, 100e3, 500.0, 1.5, 0.5
    tran = (
        cn.parse(
            f"""relaxation
        .options reltol=1e-5
        vdd vdd 0 {vdd}
        r1 vdd a {load}
        c1 a 0 {capacitance} ic=0
        s1 a 0 a 0 sx
        .model sx sw vt=1.0 vh=0.5 ron={low} roff={high}
        .tran 0.1u 60u 0 0.1u uic
        .end"""
        )
        .run()
        .tran
    )

    def stretch(device, start, end):
        final, tau = vdd * device / (device + load), capacitance * device * load / (device + load)
        return tau * math.log((final - start) / (final - end))

    expected = stretch(high, v_off, v_on) + stretch(low, v_on, v_off)
    v, t = tran["v(a)"], tran.time
    up = np.flatnonzero((v[:-1] < 1.0) & (v[1:] >= 1.0))
    instants = t[up] + (1.0 - v[up]) / (v[up + 1] - v[up]) * (t[up + 1] - t[up])
    # Linear interpolation over a step of 0.1 us leaves 1e-4 of it; events are met to 1e-5 us.
    assert np.diff(instants[1:]) == pytest.approx(expected, rel=2e-4)


# ---------------------------------------------------------------------- behavioural sources
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("v(a)*v(b)-2", 0.7 * -1.5 - 2),
        ("exp(v(a))+ln(2.5)", math.exp(0.7) + math.log(2.5)),
        ("sqrt(v(a))*sin(v(b))", math.sqrt(0.7) * math.sin(-1.5)),
        ("v(a)>v(b) ? 3 : 4", 3.0),
        ("v(a)<v(b) ? 3 : 4", 4.0),
        ("min(v(a),v(b))+max(v(a),2)", 0.5),
        ("tanh(v(b))/cosh(v(a))", math.tanh(-1.5) / math.cosh(0.7)),
        ("abs(v(b))**2", 2.25),
        ("v(a,b)", 2.2),
        ("1000*i(vs)", 0.7),
    ],
)
def test_behavioural_values(expression, value):
    op = run("va a 0 0.7", "vb b 0 -1.5", "vs a x 0", "rx x 0 1k", f"b1 o 0 v={{{expression}}}", "ro o 0 1k", ".op").op
    assert op["v(o)"] == pytest.approx(value, rel=1e-12, abs=0.0)


def test_behavioural_resistor_is_solved_with_its_own_derivative():
    """A cubic conductance: 2 V = v + 1k * 1m * v^3 has the root 1."""
    op = run("v1 a 0 2", "r1 a b 1k", "b1 b 0 i=1m*v(b)*v(b)*v(b)", ".op").op
    assert op["v(b)"] == pytest.approx(1.0, rel=1e-12)


def test_behavioural_small_signal_gain_is_the_derivative():
    ac = run("v1 a 0 dc 0.4 ac 1", "b1 o 0 v=exp(v(a))*v(a)", "ro o 0 1k", ".ac lin 1 1k 1k").ac
    assert ac["v(o)"][0] == pytest.approx(math.exp(0.4) * 1.4, rel=1e-12)


def test_time_in_a_behavioural_source():
    tran = run("b1 a 0 v=3*time+1", "r1 a 0 1k", ".tran 1m 10m").tran
    np.testing.assert_allclose(tran["v(a)"], 3.0 * tran.time + 1.0, rtol=1e-12)


def test_a_start_far_from_what_the_sources_hold():
    """A latch with uic whose supply is not among its initial conditions: the first step moves charges alone."""
    tran = (
        cn.parse(
            "t\n"
            ".model n nmos level=1 vto=0.45 kp=180u lambda=0.06 tox=4n cgso=0.3n cgdo=0.3n\n"
            ".model p pmos level=1 vto=-0.45 kp=60u lambda=0.06 tox=4n cgso=0.3n cgdo=0.3n\n"
            "vdd vdd 0 1.8\nven en 0 pwl(0 0 5n 0 5.2n 1.8)\nvenb enb 0 pwl(0 1.8 5n 1.8 5.2n 0)\n"
            "mp1 a b top vdd p w=4u l=0.18u\nmp2 b a top vdd p w=4u l=0.18u\n"
            "mn1 a b bot 0 n w=2u l=0.18u\nmn2 b a bot 0 n w=2u l=0.18u\n"
            "mt top enb vdd vdd p w=8u l=0.18u\nmb bot en 0 0 n w=8u l=0.18u\n"
            "ca a 0 20f ic=0.95\ncb b 0 20f ic=0.85\n"
            ".ic v(a)=0.95 v(b)=0.85 v(top)=1 v(bot)=0.5\n.tran 10p 10n uic\n"
        )
        .run()
        .tran
    )
    # the side that starts higher wins, as in ngspice
    assert tran["v(a)"][-1] == pytest.approx(1.8, abs=1e-3) and tran["v(b)"][-1] == pytest.approx(0.0, abs=1e-3)
