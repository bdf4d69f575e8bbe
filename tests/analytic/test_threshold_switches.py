"""Volatile switches against their static curves and against scipy's integration of the papers' equations."""

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq, minimize_scalar

import circuitnn as cn
from circuitnn.devices.cards import CARDS
from circuitnn.devices.declare import Environment
from circuitnn.devices.load import kernel_of
from circuitnn.registry import catalog

#: CODATA 2014, as SPICE programs have them: in exp(-ea / kT) the newer ones would show.
KB, Q, EPS0 = 1.38064852e-23, 1.6021766208e-19, 8.8541878128e-12

MOTT = {
    "nbo2": {"ri": 1e-2, "rm": 1e-4, "kappa": 1.5, "cp": 2.6e6, "dh": 1.6e8, "dt": 785.0, "l": 20e-9, "r": 30e-9},
    "vo2": {"ri": 1e-2, "rm": 3e-6, "kappa": 3.5, "cp": 3.3e6, "dh": 2.35e8, "dt": 43.0, "l": 50e-9, "r": 36e-9},
}
NBOX = {"r0": 150.0, "ea": 0.2, "eps": 45.0, "d": 20e-9, "r_th": 1.2e6, "c_th": 1e-15, "t_amb": 300.0}
OVONIC = {
    "roff": 20e6,
    "ron": 1e3,
    "vs": 0.25,
    "vth": 1.5,
    "ih": 50e-6,
    "width": 0.03,
    "tau_on": 20e-9,
    "tau_off": 10e-9,
}


# ------------------------------------------------------------------------- the papers' equations, as they are written
def mott_resistance(m, u):
    return m["ri"] * m["l"] / (np.pi * m["r"] ** 2) / (1 + (m["ri"] / m["rm"] - 1) * u**2)


def mott_loss(m, u):
    """Gamma_th delta_T."""
    return 2 * np.pi * m["l"] * m["kappa"] / np.log(1 / u) * m["dt"]


def mott_dh_du(m, u):
    ln = np.log(u)
    shell = m["cp"] * m["dt"] * (1 - u**2 + 2 * u**2 * ln) / (2 * u * ln**2)
    return np.pi * m["l"] * m["r"] ** 2 * (shell + 2 * m["dh"] * u)


def nbox_current(v, t):
    """Hartke's integral, done by quadrature instead of in closed form: 1/2 from behind, and over the forward angles."""
    y = Q * np.sqrt(Q * abs(v) / NBOX["d"] / (np.pi * EPS0 * NBOX["eps"])) / (KB * t)
    x, w = np.polynomial.legendre.leggauss(24)
    x, w = 0.5 * (x + 1), 0.5 * w  # x^2 is the cosine of the angle, 2 x dx its measure, of which half is forward
    forward = np.sum(w * x * np.exp(y * x))
    return v / NBOX["r0"] * np.exp(-NBOX["ea"] * Q / (KB * t)) * (forward + 0.5)


def ovonic_current(v, x):
    o = OVONIC
    return (1 - x) * o["vs"] / o["roff"] * np.sinh(v / o["vs"]) + x * v / o["ron"]


def ovonic_rate(v, x):
    o = OVONIC
    m = 1 / (1 + np.exp(-(abs(v) / o["vth"] + abs(ovonic_current(v, x)) / o["ih"] - 1) / o["width"]))
    return m * (1 - x) / o["tau_on"] - (1 - m) * x / o["tau_off"]


def sweep(model, largest, points):
    """Return current and voltage of a sweep driven by current."""
    results = cn.parse(
        f"""s curve
        .options reltol=1e-9 abstol=1e-15 vntol=1e-12
        i1 0 a 0
        n1 a 0 {model}
        .dc i1 {largest / points} {largest} {largest / points}
        .end"""
    ).run()
    return np.linspace(largest / points, largest, points), results.dc["v(a)"]


# ----------------------------------------------------------------------------------------------------- static curves
@pytest.mark.parametrize(
    ("name", "largest", "threshold", "hold"),
    [
        ("nbo2", 1e-3, (1.67688, 28.218e-6), (0.747801, 384.86e-6)),
        ("vo2", 3e-3, (1.00693, 9.0766e-6), (0.0972885, 971.13e-6)),
    ],
)
def test_mott_traces_its_s_curve(name, largest, threshold, hold):
    """V(u) = sqrt(Gamma dT R), I = V / R; its extremes are the numbers of our device reference (a scan of u)."""
    m = MOTT[name]

    def volts(u):
        return np.sqrt(mott_loss(m, u) * mott_resistance(m, u))

    top = minimize_scalar(lambda u: -volts(u), bounds=(1e-4, 0.2), method="bounded", options={"xatol": 1e-12}).x
    low = minimize_scalar(volts, bounds=(0.3, 0.9), method="bounded", options={"xatol": 1e-12}).x
    for u, (v, i) in ((top, threshold), (low, hold)):
        assert volts(u) == pytest.approx(v, rel=1e-5)  # six digits are given
        assert volts(u) / mott_resistance(m, u) == pytest.approx(i, rel=1e-4)  # at an extreme of V, I is less sure
    current, found = sweep(name, largest, 400)
    logs = [brentq(lambda x, i=i: volts(np.exp(-x)) - i * mott_resistance(m, np.exp(-x)), 5e-3, 700) for i in current]
    # Newton to reltol 1e-9, brentq to 2e-12
    np.testing.assert_allclose(found, volts(np.exp(-np.array(logs))), rtol=1e-7)
    falling = np.diff(found) < 0
    assert falling.sum() > 50, "there is no negative resistance"


@pytest.mark.parametrize(("name", "expected"), [("vo2", 3.52835e-14), ("nbo2", 1.04553e-13)])
def test_mott_heat_of_the_core(name, expected):
    """dH/du at u = 0.1 (our device reference), from the rate that the kernel has at 1 V."""
    m, u, v = MOTT[name], 0.1, 1.0
    device = catalog("devices").get("mott")
    kernel = kernel_of(device)
    given = CARDS[name].model.params
    columns = {
        k: np.array([given.get(k, np.nan if p.default is None else p.default)]) for k, p in device.params.items()
    }
    prepared = device.prepare(columns, Environment())
    p = np.array([prepared[k] for k in kernel.param_names])
    s = 1 / np.log(1 / u)
    f, _, _, _ = kernel.evaluate(np.array([[v], [0.0], [s]]), p)
    speed = -f[2, 0] * u / s**2  # du/dt = du/ds ds/dt
    assert (v * f[0, 0] - mott_loss(m, u)) / speed == pytest.approx(expected, rel=1e-5, abs=0.0)
    assert mott_dh_du(m, u) == pytest.approx(expected, rel=1e-5, abs=0.0)


def test_mott_shows_its_core():
    """``@name[u]`` is exp(-1/s), and the channel's conductance follows from it."""
    results = cn.parse("core\ni1 0 a 100u\nn1 a 0 nbo2\n.save v(a) @n1[u] @n1[s]\n.op\n.end").run()
    u = float(results.op["@n1[u]"])
    assert u == pytest.approx(np.exp(-1.0 / results.op["@n1[s]"]), rel=1e-9)
    assert results.op["v(a)"] == pytest.approx(100e-6 * mott_resistance(MOTT["nbo2"], u), rel=1e-6)


def test_nbox_traces_its_s_curve():
    """Each point of the sweep is in balance: v i (t - t_amb) / r_th, with Hartke's integral by quadrature."""
    current, found = sweep("nbox", 1e-3, 300)
    for i, v in zip(current[::23], found[::23], strict=True):
        t = NBOX["t_amb"] + NBOX["r_th"] * v * i
        assert nbox_current(v, t) == pytest.approx(i, rel=3e-6)  # the rounding of sqrt(|v|) below 1 mV, (1 mV / v)^2
    top = found.argmax()
    assert found[top] == pytest.approx(1.10, abs=0.005) and 60e-6 < current[top] < 80e-6
    assert np.all(np.diff(found[top:]) < 0)


def test_ovonic_traces_its_s_curve():
    current, found = sweep("ovonic", 300e-6, 300)
    for i, v in zip(current[::17], found[::17], strict=True):
        o = OVONIC
        m = 1 / (1 + np.exp(-(v / o["vth"] + i / o["ih"] - 1) / o["width"]))
        x = m / o["tau_on"] / (m / o["tau_on"] + (1 - m) / o["tau_off"])
        assert ovonic_current(v, x) == pytest.approx(i, rel=1e-6)
    hold = found.argmin()
    assert found[: hold + 1].max() > 1.1 and found[hold] < 0.06 and 50e-6 < current[hold] < 60e-6


@pytest.mark.parametrize(("model", "supply", "series"), [("nbo2", 2.0, 5e3), ("vo2", 1.5, 3e3), ("nbox", 2.0, 5e3)])
def test_operating_point_where_the_resistance_is_negative(model, supply, series):
    """With a series resistance larger than the negative one there is one solution, and it is on the sweep's curve."""
    results = cn.parse(
        f"""op
        .options reltol=1e-9 abstol=1e-15 vntol=1e-12
        v1 s 0 {supply}
        r1 s a {series}
        n1 a 0 {model}
        .op
        .end"""
    ).run()
    v = float(results.op["v(a)"])
    current, curve = sweep(model, 1e-3, 4000)
    at = np.interp((supply - v) / series, current, curve)
    assert v == pytest.approx(at, rel=1e-3)  # the sweep's points are 0.25 uA apart
    assert np.interp((supply - v) / series, current[1:], np.diff(curve)) < 0


# -------------------------------------------------------------------------------------------- independent integration
def circuit_run(element, stop, step, extra=""):
    """A source of 3 V, 10 kohm and 1 pF beside the element, from the start values on."""
    return (
        cn.parse(
            f"""switch
        .options reltol=1e-9 abstol=1e-16 vntol=1e-12 {extra}
        v1 s 0 3
        r1 s a 10k
        c1 a 0 1p ic=0
        {element}
        .tran {step} {stop} 0 {step} uic
        .end"""
        )
        .run()
        .tran
    )


def test_mott_against_scipy():
    """The paper's equation in u, up to and through a spike, whose edge makes 1 fs into 5 uV."""
    m = MOTT["nbo2"]

    def slope(t, y):
        v, u = y[0], np.exp(min(y[1], -1e-9))  # ln u, as u falls to 1e-15 between the spikes
        i = v / mott_resistance(m, u)
        return [((3.0 - v) / 1e4 - i) / 1e-12, (v * i - mott_loss(m, u)) / mott_dh_du(m, u) / u]

    s0 = 0.3
    tran = circuit_run(f"n1 a 0 nbo2 s={s0}", 13e-9, 0.0002e-9)
    exact = solve_ivp(
        slope,
        (0, 13e-9),
        [0.0, -1 / s0],
        method="DOP853",
        rtol=1e-12,
        atol=1e-14,
        first_step=1e-13,
        max_step=5e-10,
        dense_output=True,
    )
    v, _ = exact.sol(tran.time)
    assert v.max() > 1.5 and v[tran.time > 12e-9].min() < 1.3  # it has switched
    np.testing.assert_allclose(tran["v(a)"], v, atol=1e-6 * 3.0)


def integrated(slope, until, start, atol):
    """scipy's solution, good to far below what it is compared to."""
    steps = {"first_step": 1e-13, "max_step": 5e-10, "dense_output": True}
    return solve_ivp(slope, (0, until), start, method="DOP853", rtol=1e-11, atol=atol, **steps)


def test_nbox_against_scipy():
    def slope(t, y):
        v, temp = y
        i = nbox_current(v, temp)
        return [((3.0 - v) / 1e4 - i) / 1e-12, (v * i - (temp - 300.0) / NBOX["r_th"]) / NBOX["c_th"]]

    tran = circuit_run("n1 a 0 m\n.model m nbox (v_smooth=1e-6)", 20e-9, 0.002e-9)
    exact = integrated(slope, 20e-9, [0.0, 300.0], 1e-13)
    v, temp = exact.sol(tran.time)
    assert temp.max() > 500.0
    np.testing.assert_allclose(tran["v(a)"], v, atol=1e-6 * 3.0)
    np.testing.assert_allclose(tran["@n1[t]"], temp, rtol=1e-6)


def test_ovonic_against_scipy():
    def slope(t, y):
        v, x = y
        return [((3.0 - v) / 1e4 - ovonic_current(v, x)) / 1e-12, ovonic_rate(v, x)]

    tran = circuit_run("n1 a 0 ovonic", 30e-9, 0.003e-9)
    exact = integrated(slope, 30e-9, [0.0, 0.0], 1e-14)
    v, x = exact.sol(tran.time)
    assert x.max() > 0.05
    np.testing.assert_allclose(tran["v(a)"], v, atol=1e-6 * 3.0)
    np.testing.assert_allclose(tran["@n1[x]"], x, atol=1e-6)


# ------------------------------------------------------------------------------------------------------------ ovonic
def test_ovonic_delay_falls_exponentially():
    """With tau_off out of the way dx/dt = m(x) (1 - x) / tau_on: the delay is a quadrature, and its slope the law's."""
    o = OVONIC | {"ron": 10e3, "roff": 1e12}
    volts, delays, exact = np.array([1.2, 1.25, 1.3]), [], []
    for volt in volts:

        def pace(x, volt=volt):
            m = 1 / (1 + np.exp(-(volt / o["vth"] + x * volt / o["ron"] / o["ih"] - 1) / o["width"]))
            return o["tau_on"] / (m * (1 - x))

        exact.append(quad(pace, 0.0, 0.2, epsrel=1e-10)[0])
        tran = (
            cn.parse(
                f"""delay
            .options reltol=1e-7
            v1 a 0 {volt}
            n1 a 0 sel x=0
            .model sel ovonic (ron=10k roff=1e12 tau_off=1)
            .tran 0.1n 800n 0 0.1n uic
            .end"""
            )
            .run()
            .tran
        )
        delays.append(np.interp(0.2, tran["@n1[x]"], tran.time))
    np.testing.assert_allclose(delays, exact, rtol=1e-4)  # the trapezoidal rule with steps of 0.1 ns
    # takeoff x is a factor 1 / v, and beyond it follow some nanoseconds more
    slopes = -np.diff(np.log(delays)) / np.diff(volts)
    np.testing.assert_allclose(slopes, 1.0 / (o["width"] * o["vth"]), rtol=0.1)


# ---------------------------------------------------------------------------------- oscillator with ideal thresholds
def test_hysteretic_relaxation_oscillator():
    """T = tau_i ln((V_i - V_h) / (V_i - V_th)) + tau_m ln((V_th - V_m) / (V_h - V_m)), of a switch with hysteresis."""
    tran = (
        cn.parse(
            """oscillator
        .options reltol=1e-4
        vdd s 0 3
        r1 s a 10k
        c1 a 0 1n ic=0
        s1 a 0 a 0 sw1
        .model sw1 sw (vt=1.0 vh=0.5 ron=500 roff=100k)
        .tran 10n 60u 0 10n uic
        .end"""
        )
        .run()
        .tran
    )
    v_i, r_i = 3.0 * 100 / 110, 100e3 * 10e3 / 110e3
    v_m, r_m = 3.0 * 0.5 / 10.5, 500.0 * 10e3 / 10.5e3
    charge = 1e-9 * r_i * np.log((v_i - 0.5) / (v_i - 1.5))
    discharge = 1e-9 * r_m * np.log((1.5 - v_m) / (0.5 - v_m))
    assert 1.0 / (charge + discharge) == pytest.approx(165186.977, rel=1e-8)
    v, t = tran["v(a)"], tran.time
    k = np.flatnonzero((v[:-1] < 1.0) & (v[1:] >= 1.0))
    up = t[k] + (1.0 - v[k]) / (v[k + 1] - v[k]) * (t[k + 1] - t[k])
    # each of two turns is located within 1e-4 of the largest step, and the run's reltol is 1e-4
    assert np.diff(up[1:]).mean() == pytest.approx(charge + discharge, rel=1e-4)
