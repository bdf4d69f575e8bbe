"""Periodic steady states against closed forms, published numbers and long transients."""

import re
from pathlib import Path

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.bench import decks
from circuitnn.errors import AnalysisError, ConvergenceError, UsageError

ROOT = Path(__file__).parents[2]


def circuit(text):
    return cn.parse(f"periodic\n{text}\n.end\n").circuit()


def van_der_pol(mu):
    return circuit(f"l1 a 0 1\nc1 a 0 1 ic=1\nb1 a 0 i={mu!r}*(-v(a)+v(a)*v(a)*v(a)/3)")


def test_van_der_pol_at_mu_one():
    """The period for mu = 1 is 6.6632868593 (computed many times over); the multiplier is exp(-int mu (x^2 - 1) dt)."""
    found = van_der_pol(1.0).pss(frequency=0.15, uic=True)
    assert found.period == pytest.approx(6.66328686, rel=1e-6)  # the tolerance asked for
    other = np.exp(-(found.weights @ (found["v(a)"] ** 2 - 1.0)))
    trivial, second = found.floquet
    assert trivial == pytest.approx(1.0, abs=1e-5)
    assert second == pytest.approx(other, rel=1e-3)  # the monodromy matrix has the local errors of all intervals
    assert found.stable and found.autonomous


@pytest.mark.parametrize("mu", [0.1, 0.3])
def test_van_der_pol_series(mu):
    """T = 2 pi (1 + mu^2/16 - 5 mu^4/3072 + O(mu^6)), the next term below 1e-3 mu^6."""
    found = van_der_pol(mu).pss(frequency=0.16, tstab=20.0 / mu, uic=True)
    series = 2.0 * np.pi * (1.0 + mu**2 / 16.0 - 5.0 * mu**4 / 3072.0)
    assert found.period == pytest.approx(series, rel=2e-6)
    assert abs(found.fundamental("v(a)")) == pytest.approx(2.0, rel=mu**2 / 50.0 + 1e-5)


def test_driven_resonator_is_as_in_ac():
    """A linear RLC: the fundamental is the phasor of ac, referred to the sine, and all else is nothing."""
    c = circuit("v1 s 0 dc 0 ac 1 sin(0 1 1meg)\nr1 s a 50\nl1 a b 10u\nc1 b 0 2n")
    found = c.pss(frequency=1e6, tstab=1e-6)
    expected = c.ac(1e6, 1e6, points=1, spacing="lin")["v(b)"][0] / 1j
    h = found.harmonics("v(b)", 3)
    assert h[1] == pytest.approx(expected, rel=1e-5)
    assert abs(h[[0, 2, 3]]).max() < 1e-6 * abs(expected)
    assert found.stable and not found.autonomous


def test_rectifier_as_after_a_long_transient():
    """After 20 periods of a fine transient; its window is a step off a period, and the rule good to 1e-5."""
    text = ".options reltol=1e-6\n.model dm d(is=1e-14)\nv1 a 0 sin(0 5 1k)\nd1 a b dm\nr1 b 0 1k\nc1 b 0 10u"
    found = circuit(text).pss(frequency=1e3, tstab=2e-3)
    run = circuit(text).tran(stop=0.02, step=2e-7, start=0.019, max_step=2e-7)
    mean = np.trapezoid(run["v(b)"], run.time) / (run.time[-1] - run.time[0])
    assert found.harmonics("v(b)")[0].real == pytest.approx(mean, rel=1e-5)
    assert 0.0 < abs(found.floquet[0]) < 1.0


def test_ring_oscillator_as_in_a_fine_transient():
    found = cn.parse(decks.ring(5, 1e-9)).circuit().pss(frequency=5e9, uic=True)
    c = cn.parse(decks.ring(5, 1e-9).replace(".end\n", ".options reltol=1e-7\n.end\n")).circuit()
    run = c.tran(stop=6e-9, step=1e-13, max_step=1e-13, start=3e-9, uic=True)
    t, v = run.time, run["v(n0)"] - 1.5
    k = np.flatnonzero((v[:-1] < 0.0) & (v[1:] >= 0.0))
    zero = t[k] - v[k] * (t[k + 1] - t[k]) / (v[k + 1] - v[k])
    period = (zero[-1] - zero[0]) / (len(zero) - 1)
    # the trapezoidal rule's (omega h)^2 / 12 on its edges
    assert found.period == pytest.approx(period, rel=2e-5, abs=0.0)
    assert found.stable


def test_vo2_neuristor_with_its_turning_branches():
    """Warming and cooling: two turns in a period; the transient settles within a few periods."""
    text = "v1 s 0 12\nr1 s a 12k\nc1 a 0 150p\n.model m vo2_thermal\nn1 a 0 m\n.options reltol=1e-6"
    found = circuit(text).pss(frequency=3e5, uic=True)
    assert found.statistics["switchings"] == 2
    run = circuit(text).tran(stop=3e-5, step=2e-9, max_step=2e-9, start=1.5e-5, uic=True)
    t, v = run.time, run["v(a)"] - 0.5 * (run["v(a)"].max() + run["v(a)"].min())
    k = np.flatnonzero((v[:-1] < 0.0) & (v[1:] >= 0.0))
    zero = t[k] - v[k] * (t[k + 1] - t[k]) / (v[k + 1] - v[k])
    assert found.period == pytest.approx((zero[-1] - zero[0]) / (len(zero) - 1), rel=1e-4)
    assert found.floquet[0] == pytest.approx(1.0, abs=1e-4)
    assert found.stable


def test_astable_with_hysteresis():
    """C through R towards v1 and v0, the levels of a comparator with thresholds +-beta, as dividers give them."""
    r, c, beta = 1e3, 1e-8, 0.5
    found = circuit(
        f"r1 o a {r!r}\nc1 a 0 {c!r} ic=0.1\nv1 p 0 1\nv2 n 0 -1\nr2 p o 1\ns1 o n a 0 sw\n"
        f".model sw sw(vt=0 vh={beta!r} ron=1m roff=1g)"
    ).pss(frequency=45e3, uic=True)
    high, low = (1.0 - 1e-9) / (1.0 + 1e-9), (1.0 - 1e3) / (1.0 + 1e3)  # of conductances 1 S, and 1 nS or 1 kS
    times = [
        (r + 1.0) * np.log((high + beta) / (high - beta)),
        (r + 1.0 / 1001.0) * np.log((beta - low) / (-beta - low)),
    ]
    assert found.period == pytest.approx(c * sum(times), rel=1e-6)  # the tolerance asked for
    assert found.statistics["switchings"] == 2


@pytest.mark.parametrize(("deck", "frequency"), [("nbo2", 13.11e6), ("nbox", 27.8e6), ("ovonic", 1.726e6)])
def test_relaxation_oscillators_as_in_their_decks(deck, frequency):
    """The frequencies of transients in tests/analytic/test_neurons.py; those steps are good to half a percent."""
    text = (ROOT / "netlists" / "neurons" / f"{deck}_oscillator.cir").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines()[1:] if not line.startswith((".tran", ".end"))]
    found = circuit(re.sub(r"pulse\(0 (\d).*\)", r"\1", "\n".join(lines))).pss(frequency=frequency, uic=True)
    assert found.frequency == pytest.approx(frequency, rel=5e-3)
    assert found.stable


def test_an_oscillation_that_still_grows():
    """Q is about 30 and the growth takes 50 periods; ten of them tell where it goes: to 2 sqrt(g / 3 b)."""
    found = circuit("l1 a 0 1u\nc1 a 0 1n ic=0.1\nb1 a 0 i=-0.2m*v(a)+0.1m*v(a)*v(a)*v(a)").pss(frequency=5e6, uic=True)
    assert abs(found.fundamental("v(a)")) == pytest.approx(2.0 * np.sqrt(0.2 / 0.3), rel=1e-4)  # mu^2 is 4e-5
    assert found.statistics["newton"] < 12


def test_cross_coupled_pair_of_transistors():
    """An LC oscillator of two MOS: both sides swing in opposition, at the resonance within what the pair adds."""
    found = circuit(
        ".model nm nmos(level=1 vto=0.5 kp=2m lambda=0.05)\nvdd d 0 1.5\nl1 d a 5n\nl2 d b 5n ic=0.2m\n"
        "c1 a 0 1p\nc2 b 0 1p\nr1 d a 1k\nr2 d b 1k\nm1 a b s 0 nm w=20u l=1u\nm2 b a s 0 nm w=20u l=1u\n"
        "i1 s 0 2m\nc3 s 0 0.1p"
    ).pss(frequency=2.2e9, uic=True)
    assert found.fundamental("v(a)") == pytest.approx(-found.fundamental("v(b)"), rel=1e-5)
    assert found.frequency == pytest.approx(1.0 / (2.0 * np.pi * np.sqrt(5e-9 * 1e-12)), rel=0.01)


def test_mixer_with_two_tones():
    """10 MHz and 11 MHz repeat with 1 MHz; the diode makes the difference, as after a transient."""
    c = circuit(
        "b1 s 0 v=v(lo)+v(rf)\nv1 lo 0 sin(0 1 10meg)\nv2 rf 0 sin(0 10m 11meg)\n.model dm d(is=1e-14)\n"
        "d1 s o dm\nr1 o 0 1k\nc1 o 0 10p"
    )
    found = c.pss(frequency=1e6, tolerance=1e-5)
    run = c.tran(stop=3e-6, step=1e-10, start=2e-6, max_step=1e-10)
    turn = np.exp(-2e6j * np.pi * run.time)
    expected = 2e6 * np.trapezoid(turn * run["v(o)"], run.time)
    assert abs(found.fundamental("v(o)")) == pytest.approx(abs(expected), rel=5e-3)


def test_refusals():
    decaying = circuit("l1 a 0 1\nc1 a 0 1 ic=1\nr1 a 0 1")
    with pytest.raises(ConvergenceError, match="no oscillation"):
        decaying.pss(frequency=0.16, uic=True)
    with pytest.raises(AnalysisError, match="do not repeat"):
        circuit("v1 a 0 sin(0 1 1k)\nr1 a 0 1").pss(frequency=700.0)
    with pytest.raises(UsageError, match="frequency"):
        circuit("v1 a 0 sin(0 1 1k)\nr1 a 0 1").pss(tstab=1e-3)


def test_projection_is_one_along_the_orbit():
    """v . q' = 1 at every instant (Demir 2000): what the adjoint solution and the orbit must satisfy together."""
    found = van_der_pol(1.0).pss(frequency=0.15, uic=True, tolerance=1e-8)
    slope = np.gradient(found["v(a)"], found.time)  # q' of the node; that of the inductor is -v(a) times its row
    total = found.ppv["v(a)"] * slope + found.ppv["i(l1)"] * -found["v(a)"]
    inner = slice(5, -5)
    # differences of the waveform on its uneven points are good to a percent
    assert np.abs(np.abs(total[inner]) - 1.0).max() < 0.05
    assert found.statistics["projection_error"] < 1e-3
