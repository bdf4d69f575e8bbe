"""Phase oscillators against closed solutions: Adler's beat, Kuramoto's transition, diffusion, averages of responses."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from circuitnn.errors import UsageError
from circuitnn.oscillators.drives import Sine
from circuitnn.oscillators.phase_oscillators import PhaseOscillators
from circuitnn.oscillators.waves import Common, Linear


@pytest.mark.parametrize(("method", "close"), [("rk4", 1e-9), ("rk45", 1e-8), ("midpoint", 1e-4), ("heun", 1e-4)])
@pytest.mark.parametrize("frame", [0.999e9, 1.0002e9])
def test_adler_beat(method, close, frame):
    """After each 2 pi / sqrt(d^2 - D^2) the phase to the tone has gone one turn, from any start (Adler, 1946).

    `close` is (w h)^order over a beat of 400 steps of about 1/60 of a radian, in the frame that turns fastest.
    """
    lock = 2 * np.pi * 1e6
    off = np.array([1.25, 1.25, 2.0]) * lock
    beat = 2 * np.pi / np.sqrt(off**2 - lock**2)
    for k, start in enumerate((0.3, 4.0, 1.0)):
        pop = PhaseOscillators(f0=1e9 + off[k] / (2 * np.pi), frame=frame)
        step = beat[k] / 2000
        run = pop.run(3 * beat[k], step, start=start, drive=pop.tone(lock, 1e9), method=method, tolerance=1e-12)
        against = run["phase"][:, 0] - 2 * np.pi * 1e9 * run.time
        assert against[[2000, 4000, 6000]] - start == pytest.approx(2 * np.pi * np.array([1, 2, 3]), abs=40 * close)


def test_locked_phase():
    """sin(a - 2 pi f t) = d / D, and the force's angle is a phase; a lag b of a pair shifts its balance."""
    lock = 2 * np.pi * 1e6
    pop = PhaseOscillators(f0=1.0006e9, frame=1e9)
    # no whole number of half turns in a step, so that a force that turned the other way would not look the same
    run = pop.run(4.9e-6, 4.9e-9, start=0.0, drive=pop.tone(lock * np.exp(0.4j), 1e9))
    # relaxes by exp(-0.8 lock 4.9 us) = 1e-11
    assert run["phase"][-1, 0] - 2 * np.pi * 1e9 * run.time[-1] == pytest.approx(0.4 + np.arcsin(0.6), abs=1e-9)
    lag = 0.5  # d(a2 - a1)/dt = off - 2 K cos(lag) sin(a2 - a1), both faster by -K sin(lag) cos(a2 - a1)
    link = Linear(lock * np.exp(-1j * lag) * np.array([[0, 1], [1, 0]]))
    run = PhaseOscillators(2, f0=[1e9, 1.001e9], frame=1e9, links=[link]).run(5e-6, 5e-9, start=0.0)
    apart = run["phase"][-1, 1] - run["phase"][-1, 0]
    assert np.sin(apart) == pytest.approx(0.5 / np.cos(lag), abs=1e-9)
    rate = (run["phase"][-1] - run["phase"][-2]) / 5e-9 / (2 * np.pi) - 1e9
    assert rate == pytest.approx(0.5e6 - 1e6 * np.sin(lag) * np.cos(apart), abs=100)  # phases of 3e4 rad, 5e-12 each


@pytest.mark.parametrize("over", [0.8, 1.2, 2.0, 4.0])
def test_kuramoto_transition(over):
    """Frequencies spread as a Lorentzian of half-width g: K_c = 2 g, r = sqrt(1 - K_c / K) above it, 0 below (1975)."""
    n, width = 5000, 2 * np.pi * 1e6
    spread = np.tan(np.pi * ((np.arange(n) + 0.5) / n - 0.5))  # even quantiles: r errs by about 1/n, not 1/sqrt(n)
    pop = PhaseOscillators(n, f0=300e6 + 1e6 * spread, frame=300e6, links=[Common(over * 2 * width / n)])
    start = np.random.default_rng(5).uniform(0, 2 * np.pi, n)
    run = pop.run(80 / width, 0.05 / width, start=start, every=10)
    order = np.abs(np.exp(1j * run["phase"]).mean(axis=1))[len(run.time) // 2 :]
    # starts at random leave 1/sqrt(n) = 0.014 of fluctuation, 1/sqrt(1 - K/K_c) times that near the transition
    assert order.mean() == pytest.approx(np.sqrt(max(1 - 1 / over, 0)), abs=0.04)


def test_diffusion():
    """The variance is 2 D t; of 4000 phases it is known to sqrt(2 / 4000), four times which is asked."""
    noise = 1e6
    pop = PhaseOscillators(4000, f0=1e9, noise=noise, frame=1e9)
    runs = [pop.run(2e-6, 1e-8, start=0.0, seed=11, every=100, threads=t) for t in (1, 2)]
    assert np.array_equal(runs[0]["phase"], runs[1]["phase"])
    for k in (1, 2):
        against = runs[0]["phase"][k] - 2 * np.pi * 1e9 * runs[0].time[k]
        assert against.var() == pytest.approx(2 * noise * runs[0].time[k], rel=4 * np.sqrt(2 / 4000))
        assert abs(against.mean()) < 4 * np.sqrt(2 * noise * runs[0].time[k] / 4000)


def test_response_is_averaged_at_its_harmonic():
    """Under x = sin(2 pi k f t) what locks is the k-th harmonic: half range |Z_k| / 2, in units of da/dt."""
    response = np.array([0.0, 3e6, 0.0, 4e6, 1.5e6])  # cosines 3e6, 0; sines 4e6, 1.5e6
    for k, size in ((1, 5e6), (2, 1.5e6)):
        for over, locked in ((0.93, True), (1.07, False)):
            # averaging over a cycle errs by |Z| / w = 5e6 / 6e9, and Z's other terms pull by as much
            pop = PhaseOscillators(f0=1e9 + over * size / 2 / (2 * np.pi * k) * 1.0, response=response)
            run = pop.run(40e-6, 20e-12, start=0.0, drive=Sine(k**-1.0, k * 1e9, on="input"), every=10000)
            against = (run["phase"][:, 0] - 2 * np.pi * 1e9 * run.time)[len(run.time) // 2 :]
            assert (np.ptp(against) < 1e-2) == locked


def test_response_against_an_integrator():
    """Three terms of Z with their signs, two oscillators with their own; RK4 errs by (w h)^5 / 120 a step."""
    z = 1e9 * np.array([[0.5, 1.0, -0.4, 2.0, 0.7], [-1.0, 0.3, 0.8, -0.6, 1.1]])

    def slope(t, a):
        response = (
            z[:, 0] + z[:, 1] * np.cos(a) + z[:, 2] * np.cos(2 * a) + z[:, 3] * np.sin(a) + z[:, 4] * np.sin(2 * a)
        )
        return 2 * np.pi * 1e9 + response * np.sin(2 * np.pi * 0.7e9 * t + 0.3)

    exact = solve_ivp(slope, (0, 5e-9), [0.2, 1.0], "DOP853", rtol=1e-12, atol=1e-12).y[:, -1]
    run = PhaseOscillators(2, f0=1e9, response=z).run(
        5e-9, 5e-12, start=[0.2, 1.0], drive=Sine(1.0, 0.7e9, 0.3, "input")
    )
    assert run["phase"][-1] == pytest.approx(exact, abs=1e-6)


def test_goes_on_and_keeps_to_itself():
    pop = PhaseOscillators(3, f0=[1e9, 1.1e9, 0.9e9], noise=1e5, frame=1e9, response=np.ones((3, 3)))
    whole = pop.run(100e-9, 1e-9, start=0.0, seed=1)
    half = pop.run(50e-9, 1e-9, start=0.0, seed=1)
    rest = pop.run(50e-9, 1e-9, start=half.final, seed=1)
    # phases of 600 rad are brought to the frame and back once more
    assert rest["phase"][-1] == pytest.approx(whole["phase"][-1], abs=1e-10)
    alone = pop.take([2]).run(100e-9, 1e-9, start=0.0, seed=1)
    assert np.array_equal(alone["phase"][:, 0], whole["phase"][:, 2])


def test_refusals():
    with pytest.raises(UsageError, match="response has the shape"):
        PhaseOscillators(2, f0=1e9, response=[1.0, 2.0])
    with pytest.raises(UsageError, match="response is not finite"):
        PhaseOscillators(2, f0=1e9, response=[np.nan])
    with pytest.raises(UsageError, match="no temperature"):
        PhaseOscillators(f0=1e9).run(1e-9, 1e-9, start=0.0, temp=300.0, seed=1)
    with pytest.raises(UsageError, match="needs a seed"):
        PhaseOscillators(f0=1e9, noise=1.0).run(1e-9, 1e-9, start=0.0)
