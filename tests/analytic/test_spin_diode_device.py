"""The spin diode in a circuit against the line shape of linear response."""

import numpy as np
import pytest

import circuitnn as cn

GAMMA0 = 2.21276147e5
F, ALPHA = 3.52171926e9, 0.01
MODEL = {"f_res": F, "alpha": ALPHA, "r0": 1e3, "mr": 1.0, "torque_d": GAMMA0 * 5e6, "torque_f": GAMMA0 * 3e6}


def rectified(f, **changed):
    """The dc voltage at 10 uA of RF, by an integral over whole periods."""
    c = cn.Circuit("diode")
    c.I("1", 0, "a", dc=0.0, waveform=("sin", 0.0, 1e-5, f))
    c.model("d", "spin_diode", **{**MODEL, **changed})
    c.N("1", "a", 0, model="d")
    r = c.tran(stop=110 / f, max_step=1.0 / f / 400)
    grid = np.linspace(90 / f, 110 / f, 8001)[:-1]
    return np.mean(np.interp(grid, r.time, r["v(a)"]))


@pytest.mark.parametrize(("f", "volts"), [(F, -62.5e-6), (F * 1.01, -12.5e-6), (F * 0.99, -50e-6)])
def test_line_shape(f, volts):
    """S14; the counter-rotating term that linear response leaves out is of order alpha: 0.4 uV in the reference."""
    # of the transient exp(-2 pi 0.01 90) = 0.4 % is left, which 20 periods average further
    assert rectified(f) == pytest.approx(volts, abs=0.7e-6)


def test_reversed_junction_reverses_the_voltage():
    assert rectified(F, polarity=-1.0) == pytest.approx(-rectified(F), rel=1e-2)  # second harmonics of the resistance


def test_small_signal_resonance():
    """The state in .ac is (torque_d - j torque_f) through the pole pair at (+-j - alpha) w."""
    c = cn.Circuit("resonance")
    c.I("1", 0, "a", dc=1e-4, ac=1.0)
    c.model("d", "spin_diode", **{**MODEL, "torque_f": 0.0})
    c.N("1", "a", 0, model="d")
    ac = c.ac(0.97 * F, 1.03 * F, points=7, spacing="lin")
    s, w = 2j * np.pi * ac.frequency.real, 2 * np.pi * F
    x = MODEL["torque_d"] * (s + ALPHA * w) / ((s + ALPHA * w) ** 2 + w**2)
    # v = r0 (1 - x/2) i: the resistance at rest has x = torque_d i alpha / w, which is 5e-5
    np.testing.assert_allclose(ac["v(a)"], 1e3 * (1.0 - 0.5e-4 * x), rtol=1e-4)


def test_thermal_motion_has_kt():
    """The random force alone gives <|m|^2> = kT/energy: the noise of a state acts on its own row."""
    f, alpha, fmax, stop = 1e8, 0.1, 2e9, 20e-6
    c = cn.Circuit("thermal")
    c.R("1", "a", 0, "1k")
    c.model("d", "spin_diode", f_res=f, alpha=alpha, torque_f=0.0, energy=1e-19)
    c.N("1", "a", 0, model="d")
    r = c.tran(stop=stop, noise_fmax=fmax, noise_seed=1)
    grid = np.arange(0.1e-6, stop, 0.5 / fmax)
    x, y = (np.interp(grid, r.time, r[f"@n1[{name}]"]) for name in "xy")
    kt = 1.380649e-23 * 300.15
    # three deviations of stop times the rate alpha w = 1257 independent values; straight lines take 1 % at 2 fmax/40,
    # and the wings above fmax are (2/pi) alpha f/fmax = 0.3 %
    tolerance = 3.0 / np.sqrt(2 * np.pi * f * alpha * stop) + 0.02
    assert np.mean(x**2 + y**2) == pytest.approx(kt / 1e-19, rel=tolerance)
    assert abs(np.corrcoef(x, y)[0, 1]) < tolerance  # two forces, not one that is shared
