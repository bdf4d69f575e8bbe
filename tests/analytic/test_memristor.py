"""The linear ion drift memristor without window against its closed form (Strukov et al., Nature 453, 80, 2008).

Without a window the resistance follows the flux: R^2 = R0^2 - 2 mu Ron (Roff - Ron) / D^2 * phi.
"""

import numpy as np
import pytest
from scipy.integrate import quad

import circuitnn as cn

RON, ROFF, LENGTH, MOBILITY = 100.0, 16e3, 10e-9, 1e-14
X0 = 0.31446541
R0 = RON * X0 + ROFF * (1 - X0)
SLOPE = 2.0 * MOBILITY * RON * (ROFF - RON) / LENGTH**2
#: reltol = 1e-7 over some thousand steps; R has no large derivatives here.
RTOL = 1e-5


def sine(frequency=1.0, amplitude=1.0, periods=1.0, nodes="a 0", points=2000):
    """Drive the memristor with a sine and return the transient."""
    step = periods / frequency / points
    return (
        cn.parse(
            f"""memristor
        .options reltol=1e-7 abstol=1e-16 vntol=1e-12
        v1 a 0 sin(0 {amplitude} {frequency})
        n1 {nodes} hp x0={X0}
        .model hp linear_drift (ron={RON} roff={ROFF} d={LENGTH} mu={MOBILITY})
        .tran {step} {periods / frequency} 0 {step}
        .end"""
        )
        .run()
        .tran
    )


def resistance(time, frequency=1.0, amplitude=1.0):
    flux = amplitude * (1.0 - np.cos(2 * np.pi * frequency * time)) / (2 * np.pi * frequency)
    return np.sqrt(R0**2 - SLOPE * flux)


def lobe_area(tran):
    """Integral of i dv over the first half period."""
    v, i = tran["v(a)"], -tran["i(v1)"]
    half = tran.time <= 0.5 * tran.time[-1] * (1 + 1e-9)
    v, i = v[half], i[half]
    return abs(float(np.sum(0.5 * (i[1:] + i[:-1]) * np.diff(v))))


def exact_lobe_area(frequency, amplitude=1.0):
    omega = 2 * np.pi * frequency

    def integrand(t):
        return (
            amplitude * np.sin(omega * t) / resistance(t, frequency, amplitude) * amplitude * omega * np.cos(omega * t)
        )

    return abs(quad(integrand, 0.0, 0.5 / frequency, epsabs=0, epsrel=1e-10)[0])


def test_resistance_follows_the_flux():
    tran = sine()
    state = tran["@n1[x]"]
    np.testing.assert_allclose(RON * state + ROFF * (1 - state), resistance(tran.time), rtol=RTOL)


@pytest.mark.parametrize(("time", "expected"), [(0.25, 8389.79905), (0.5, 4447.18520), (0.75, 8389.79905)])
def test_resistance_at_quarter_periods(time, expected):
    tran = sine()
    state = np.interp(time, tran.time, tran["@n1[x]"])
    assert RON * state + ROFF * (1 - state) == pytest.approx(expected, rel=RTOL)


def test_largest_current():
    # Sampled 2000 times a period, a parabola's top is missed by at most (pi/2000)^2/2 of it.
    assert (-sine()["i(v1)"]).max() == pytest.approx(1.294734e-4, rel=RTOL)


def test_current_is_voltage_over_resistance():
    tran = sine()
    np.testing.assert_allclose(-tran["i(v1)"] * resistance(tran.time), tran["v(a)"], atol=RTOL, rtol=0)


def test_hysteresis_is_pinched():
    """Without voltage there is no current, whatever the state; and between, two branches differ."""
    tran = sine()
    v, i = tran["v(a)"], -tran["i(v1)"]
    # |i| <= |v| / Ron at any instant, to the last bit but a few of the largest current.
    assert np.all(np.abs(i) <= np.abs(v) / RON + 1e-15)
    assert i[0] == 0.0
    rising = np.interp(0.1, tran.time, i)
    falling = np.interp(0.4, tran.time, i)
    assert falling > 1.5 * rising > 0


def test_lobe_area():
    # Trapezoids over 1000 points: (pi/1000)^2/12 and the integrator's own error.
    assert lobe_area(sine(points=4000)) == pytest.approx(3.661575e-5, rel=2e-5)
    assert exact_lobe_area(1.0) == pytest.approx(3.661575e-5, rel=1e-6)


def test_lobe_shrinks_with_frequency():
    """Chua's fingerprint: at high frequency the lobe goes as 1/f, to a resistor in the limit."""
    frequencies = (1.0, 4.0, 16.0, 64.0)
    areas = [lobe_area(sine(f, points=4000)) for f in frequencies]
    for f, area in zip(frequencies, areas, strict=True):
        assert area == pytest.approx(exact_lobe_area(f), rel=1e-3)
    ratios = np.array(areas[:-1]) / areas[1:]
    assert np.all(np.diff(ratios) < 0) and ratios[-1] == pytest.approx(4.0, rel=0.05)


def test_turned_around_it_moves_the_other_way():
    tran = sine(nodes="0 a", amplitude=-1.0)
    state = tran["@n1[x]"]
    np.testing.assert_allclose(RON * state + ROFF * (1 - state), resistance(tran.time), rtol=RTOL)


def test_state_comes_back_after_whole_periods():
    tran = sine(periods=3.0, points=6000)
    assert tran["@n1[x]"][-1] == pytest.approx(X0, abs=RTOL)


def test_operating_point_holds_the_state():
    results = cn.parse(
        f"""memristor
        v1 a 0 1
        n1 a 0 hp x0={X0}
        .model hp linear_drift (ron={RON} roff={ROFF} d={LENGTH} mu={MOBILITY})
        .op
        .dc v1 -1 1 0.5
        .end"""
    ).run()
    assert -results.op["i(v1)"] == pytest.approx(1.0 / R0, rel=1e-9, abs=0.0)
    np.testing.assert_allclose(-results.dc["i(v1)"], results.dc["v(a)"] / R0, rtol=1e-9, atol=1e-18)
    assert results.op["@n1[x]"] == pytest.approx(X0, rel=1e-12, abs=0.0)


def test_compact_model_equals_its_subcircuit():
    """The same equations from behavioural sources and a capacitor, as SPICE users write them."""
    subcircuit = (
        cn.parse(
            f"""memristor
        .options reltol=1e-7 abstol=1e-16 vntol=1e-12
        .param rate={MOBILITY * RON / LENGTH**2}
        v1 a 0 sin(0 1 1)
        vs a b 0
        b1 b 0 v=i(vs)*({RON}*v(x)+{ROFF}*(1-v(x)))
        b2 0 x i={{rate}}*1e-3*i(vs)
        c1 x 0 1m ic={X0}
        .tran 0.5m 1 0 0.5m uic
        .end"""
        )
        .run()
        .tran
    )
    compact = sine()
    state = np.interp(compact.time, subcircuit.time, subcircuit["v(x)"])
    np.testing.assert_allclose(state, compact["@n1[x]"], atol=RTOL)
