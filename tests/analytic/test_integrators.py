"""The integrators: order of convergence, energy, no ringing, tolerance proportionality."""

import numpy as np
import pytest

import circuitnn as cn


def run(*lines):
    return cn.parse("\n".join(["title", *lines, ".end"])).run()


def tank(method, step, stop, options=""):
    """LC tank of 1 MHz (to rounding of L), 1 V at the start; trtol so large that max_step alone sets the step."""
    inductance = 1.0 / ((2e6 * np.pi) ** 2 * 1e-9)
    return run(
        f".options method={method} trtol=1e12 {options}", "c1 a 0 1n ic=1", f"l1 a 0 {inductance!r} ic=0",
        f".tran {step!r} {stop!r} 0 {step!r} uic",
    ).tran, inductance  # fmt: skip


@pytest.mark.parametrize("method", ["trap", "gear", "trbdf2"])
def test_second_order(method):
    """Halving the step divides the error by four: a forced RC, whose exact solution is known."""
    tau, omega = 1e-4, 2e4
    # Started on the forced solution's own value at t = 0, there is no transient of its own.
    amplitude = 1.0 / (1.0 + (omega * tau) ** 2)
    errors = []
    for step in (2e-6, 1e-6, 5e-7):
        tran = run(
            f".options method={method} trtol=1e12", f"v1 in 0 sin(0 1 {omega / (2 * np.pi)!r})", "r1 in a 1k",
            f"c1 a 0 100n ic={-amplitude * omega * tau!r}", f".tran {step!r} 1m 0 {step!r} uic",
        ).tran  # fmt: skip
        exact = amplitude * (np.sin(omega * tran.time) - omega * tau * np.cos(omega * tran.time))
        late = tran.time > 2e-4
        errors.append(np.abs(tran["v(a)"] - exact)[late].max())
    ratios = np.array(errors[:-1]) / errors[1:]
    # 4 in the limit; the start-up steps and the third-order term move it by some percent.
    assert np.all((ratios > 3.6) & (ratios < 4.4)), ratios


def test_second_order_for_oscillation():
    """Phase of a tank after ten periods: the trapezoidal rule's error is (omega h)^2/12 a radian."""
    for step in (2e-8, 1e-8):
        tran, _ = tank("trap", step, 1e-5)
        uniform = np.diff(tran.time)
        assert np.median(uniform) == pytest.approx(step, rel=1e-6, abs=0.0)
        up = np.flatnonzero((tran["v(a)"][:-1] < 0) & (tran["v(a)"][1:] >= 0))
        v, t = tran["v(a)"], tran.time
        zero = t[up] - v[up] * (t[up + 1] - t[up]) / (v[up + 1] - v[up])
        period = (zero[-1] - zero[0]) / (len(zero) - 1)
        omega_h = 2e6 * np.pi * step
        # Next term is (omega h)^4/80; interpolating the zero linearly costs (omega h)^3/16 over nine periods.
        assert period * 1e6 - 1.0 == pytest.approx(omega_h**2 / 12, rel=0.05)


def test_trapezoidal_rule_conserves_the_energy_of_a_tank():
    tran, inductance = tank("trap", 1e-8, 1e-4)
    energy = 0.5e-9 * tran["v(a)"] ** 2 + 0.5 * inductance * tran["i(l1)"] ** 2
    # The two Euler steps of the start lose some; after them the rule keeps it exactly, rounding of 1e4 steps apart.
    settled = energy[4:]
    assert np.ptp(settled) / settled[0] < 1e-9
    assert settled[0] == pytest.approx(0.5e-9, rel=5e-4, abs=0.0)


def test_charge_and_energy_of_a_tank_over_100_000_periods(tmp_path):
    """Two capacitors and an inductor between them: four million steps, whose points stay on disk."""
    c1, c2, inductance, step, stop = 1e-9, 3e-9, 25e-6, 25e-9, 0.1
    omega = np.sqrt((c1 + c2) / (inductance * c1 * c2))
    assert stop * omega / (2.0 * np.pi) > 1e5
    deck = "\n".join(
        ["tank", ".options trtol=1e12", f"c1 a 0 {c1!r} ic=1", f"c2 b 0 {c2!r} ic=0", f"l1 a b {inductance!r} ic=0",
         f".tran {step!r} {stop!r} 0 {step!r} uic", ".end"]
    )  # fmt: skip
    tran = cn.parse(deck).run(stream=tmp_path / "tank.raw").tran
    assert len(tran) > 4_000_000
    charge = c1 * tran["v(a)"] + c2 * tran["v(b)"]
    # Kirchhoff's law holds to the rounding of currents at each step, some 1e-16 of the charge each.
    assert np.abs(charge / c1 - 1.0).max() < 1e-9
    energy = 0.5 * (c1 * tran["v(a)"] ** 2 + c2 * tran["v(b)"] ** 2 + inductance * tran["i(l1)"] ** 2)
    settled = energy[4:]  # behind Euler's first steps the trapezoidal rule keeps it, rounding apart
    assert np.ptp(settled) / settled[0] < 1e-8
    # The rule's own frequency is exact: tan(w' h / 2) = w h / 2. The phase after 1e5 periods is that of it.
    turning = 2.0 / step * np.arctan(0.5 * omega * step)
    wave = tran["v(a)"] - tran["v(b)"]
    up = np.flatnonzero((wave[:-1] < 0.0) & (wave[1:] >= 0.0))
    time = tran.time
    zero = time[up] - wave[up] * (time[up + 1] - time[up]) / (wave[up + 1] - wave[up])
    # A zero is read off a line over (w h)^2 / 8 of a sine at worst; that counts at both ends alone.
    assert (zero[-1] - zero[0]) / (len(zero) - 1) == pytest.approx(2.0 * np.pi / turning, rel=1e-8, abs=0.0)


def test_gear_loses_energy_slowly_and_steadily():
    tran, inductance = tank("gear", 1e-8, 1e-5)
    energy = 0.5e-9 * tran["v(a)"] ** 2 + 0.5 * inductance * tran["i(l1)"] ** 2
    assert np.all(np.diff(energy[4:]) < 1e-4 * energy[0])
    # Damping of BDF2 on y' = j omega y is (omega h)^4/4 a step in amplitude, twice that in energy; the start and the
    # next term, (omega h)^2 times as large, take some percent.
    steps = len(energy) - 1 - 12
    expected = steps * (2e6 * np.pi * 1e-8) ** 4 / 2
    assert -np.log(energy[-1] / energy[12]) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("method", ["trap", "gear", "trbdf2", "gear maxord=6"])
def test_no_ringing_after_a_corner(method):
    """A capacitor straight across a ramp: its current is a rectangle, and stays one."""
    tran = run(f".options method={method}", "v1 a 0 pwl(0 0 1u 0 3u 2 5u 2)", "c1 a 0 1n", ".tran 0.1u 5u").tran
    t, current = tran.time, -tran["i(v1)"]
    # The slope is constant within each stretch, so any consistent formula gives it to rounding.
    np.testing.assert_allclose(current[(t > 1e-6 * (1 + 1e-9)) & (t <= 3e-6)], 1e-3, rtol=1e-6)
    np.testing.assert_allclose(current[t > 3e-6 * (1 + 1e-9)], 0.0, atol=1e-9)
    np.testing.assert_allclose(current[t <= 1e-6], 0.0, atol=1e-9)


@pytest.mark.parametrize("method", ["trap", "gear", "trbdf2", "gear maxord=6"])
def test_error_follows_reltol(method):
    def error(reltol):
        tran = run(
            f".options method={method} reltol={reltol} vntol=1e-12", "v1 in 0 pulse(0 1 1u 1n 1n 1 2)", "r1 in a 1k",
            "c1 a 0 1n", ".tran 10u 10u",
        ).tran  # fmt: skip
        tau, rise = 1e-6, 1e-9

        def integral(t):
            return t - tau * (1 - np.exp(-t / tau))

        t = tran.time - 1e-6
        exact = (integral(np.maximum(t, 0)) - integral(np.maximum(t - rise, 0))) / rise
        return np.abs(tran["v(a)"] - exact).max(), len(t)

    (coarse, few), (fine, many) = error(1e-4), error(1e-7)
    # Local errors of 3.5 reltol each; their number grows as reltol^(-1/3), so errors go as reltol^(2/3) at least.
    assert coarse < 2e-3 and fine < 2e-5 and fine < coarse / 50
    assert few < many < 40 * few


def test_stiff_circuit_takes_few_steps():
    """A time constant of 1 ns beside a run of 1 ms must not set the step."""
    tran = run(
        "v1 a 0 pulse(0 1 0.1m 1u 1u 0.4m 2m)", "r1 a b 1k", "c1 b 0 1p", "r2 b c 1k", "c2 c 0 10n", ".tran 10u 1m"
    ).tran
    assert len(tran.time) < 600
    last = np.searchsorted(tran.time, 0.4e-3)
    assert tran["v(c)"][last] == pytest.approx(1.0 - np.exp(-(tran.time[last] - 0.1005e-3) / 20e-6), abs=2e-3)


@pytest.mark.parametrize("order", [3, 4, 5, 6])
def test_higher_orders_of_gear_need_fewer_steps(order):
    """A sine through an RC at a tight tolerance: each order takes fewer steps than the one below, at the same error."""

    def steps(maxord):
        tran = run(
            f".options method=gear maxord={maxord} reltol=1e-7 vntol=1e-12 trtol=2", "v1 in 0 sin(0 1 1k)",
            "r1 in a 1k", "c1 a 0 100n", ".tran 0.1m 10m 0 0.1m",
        ).tran  # fmt: skip
        omega, tau = 2e3 * np.pi, 1e-4
        amplitude = 1.0 / (1.0 + (omega * tau) ** 2)
        own = amplitude * omega * tau * np.exp(-tran.time / tau)
        exact = amplitude * (np.sin(omega * tran.time) - omega * tau * np.cos(omega * tran.time)) + own
        # Local errors of one reltol add up over a time constant, the more the shorter the steps.
        assert np.abs(tran["v(a)"] - exact).max() < 1e-5
        return len(tran)

    assert steps(order) < steps(order - 1)


def test_trapezoidal_ringing_is_found_and_damped():
    """A voltage step on a capacitor with 1 uohm: the current is a spike that the rule alone would carry on for ever."""
    tran = run("b1 a 0 v='time > 0.5u ? 1 : 0'", "r1 a b 1m", "c1 b 0 1n", ".tran 10n 4u 0 10n").tran
    assert tran.statistics["ringing"] <= 5
    late = tran.time > 1e-6
    # 1 V behind 1 mohm: rounding alone is 1e-13 A; a rule that rings keeps a part of 1 kA.
    np.testing.assert_allclose(tran["i(b1)"][late], 0.0, atol=1e-6)


def test_charge_of_a_nonlinear_capacitance_is_conserved():
    """A diode's junction charge between two current pulses of opposite sign comes back to where it was."""
    tran = run(
        ".model dj d(is=1e-30 cjo=10p vj=0.7 m=0.4)", "d1 0 a dj", "r1 a 0 1t", "v1 a b 0",
        "i1 0 b pulse(-10n 10n 5u 1n 1n 4.999u 10u)", ".options reltol=1e-5", ".tran 20n 1m uic",
    ).tran  # fmt: skip
    ends = [float(np.interp(1e-5 * k, tran.time, tran["v(a)"])) for k in range(1, 100)]
    assert np.ptp(ends) < 0.02 * np.ptp(tran["v(a)"])
