"""Phase noise against the theory of weakly nonlinear oscillators."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import AnalysisError

K, T = 1.38064852e-23, 300.15


@pytest.fixture(scope="module")
def tank():
    """A tank of Z = 31.6 ohm with R = 1 kohm, held up by a noiseless cubic conductance."""
    g = 2e-3
    text = f"l1 a 0 1u\nc1 a 0 1n ic=1\nr1 a 0 1k\nb1 a 0 i={-g!r}*v(a)+1m*v(a)*v(a)*v(a)"
    return cn.parse(f"lc\n{text}\n.end\n").circuit().pss(frequency=5e6, tstab=2e-5, uic=True)


def test_tank_of_sines(tank):
    """v = A cos w t: alpha' = -sin(w t) i_n / (C A w), so c = (4kT/R)/2 / (2 (C A w)^2)."""
    amplitude, omega = abs(tank.fundamental("v(a)")), 2.0 * np.pi * tank.frequency
    assert amplitude == pytest.approx(2.0 * np.sqrt(1e-3 / 3e-3), rel=1e-3)  # net 1 mS against 1 mA/V^3
    c = 2.0 * K * T / 1e3 / (2.0 * (1e-9 * amplitude * omega) ** 2)
    # mu = 0.03: corrections are of the order of its square
    assert tank.diffusion == pytest.approx(c, rel=2e-3, abs=0.0)
    assert tank.linewidth == pytest.approx(2.0 * np.pi * tank.frequency**2 * c, rel=2e-3)
    assert tank.contributions() == {"r1": tank.diffusion}


def test_lorentzian(tank):
    f, c = tank.frequency, tank.diffusion
    assert tank.phase_noise(1e5) == pytest.approx(10.0 * np.log10(f**2 * c / 1e10), abs=1e-6)
    assert tank.phase_noise(1e-9) == pytest.approx(-10.0 * np.log10(np.pi**2 * f**2 * c), abs=1e-3)
    # the line holds the whole power of the carrier
    offset = np.geomspace(1e-6, 1e9, 20001) * tank.linewidth
    line = 10.0 ** (tank.phase_noise(offset) / 10.0)
    assert 2.0 * np.trapezoid(line, offset) == pytest.approx(1.0, abs=1e-4)


def test_driven_circuits_have_no_free_phase():
    driven = cn.parse("r\nv1 a 0 sin(0 1 1k)\nr1 a b 1k\nc1 b 0 1u\n.end\n").circuit().pss(frequency=1e3)
    with pytest.raises(AnalysisError, match="does not diffuse"):
        driven.phase_noise(1.0)


def test_diffusion_as_in_transients_with_noise():
    """Zero crossings of 40 runs of a small hot tank: the variance of 5 periods' length is 5 T c.

    There are about 2000 independent stretches, so that the variance is good to sqrt(2/2000) = 3 %; four times that.
    Shorter steps change the mean period by 5e-4, and nothing at random.
    """
    text = "l1 a 0 1p\nc1 a 0 1f ic=0.11547\nr1 a 0 1k\nb1 a 0 i=-2m*v(a)+100m*v(a)*v(a)*v(a)"

    def tank(seed):
        return cn.parse(f"lc\n.options seed={seed}\n{text}\n.end\n").circuit()

    found = tank(1).pss(frequency=5e12, tstab=2e-11, uic=True)
    period, stretches = found.period, []
    for seed in range(1, 41):
        run = tank(seed).tran(
            stop=300 * period, step=period / 60, max_step=period / 60, noise_fmax=20 / period, uic=True
        )
        t, v = run.time, run["v(a)"]
        k = np.flatnonzero((v[:-1] < 0.0) & (v[1:] >= 0.0))
        zero = (t[k] - v[k] * (t[k + 1] - t[k]) / (v[k + 1] - v[k]))[20:280]
        stretches.append(zero[5:] - zero[:-5])
    assert np.var(np.concatenate(stretches)) == pytest.approx(5.0 * period * found.diffusion, rel=0.12, abs=0.0)
