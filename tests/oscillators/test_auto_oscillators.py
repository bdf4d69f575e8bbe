"""Auto-oscillators against the closed solutions of Slavin and Tiberkevich's equation."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.integrate import solve_ivp

from circuitnn.errors import UsageError
from circuitnn.oscillators.auto_oscillators import AutoOscillators
from circuitnn.oscillators.drives import Sine
from circuitnn.oscillators.waves import Common, Linear

GAMMA = 2 * np.pi * 5e6
KIND = {"f0": 300e6, "shift": -60e6, "damping": 5e6, "nonlinear_damping": 2.0}


def _power(t, zeta, start):
    a, b = 2 * (zeta - 1) * GAMMA, 2 * (zeta + 2.0) * GAMMA
    return a / (b + (a / start - b) * np.exp(-a * t))


def _rate(run, k=0):
    """Mean angular frequency of the second half, relative to 285 MHz, from the envelope there."""
    turned = run["c"][:, k] * np.exp(2j * np.pi * 285e6 * run.time)
    phase = -np.unwrap(np.angle(turned))
    half = len(phase) // 2
    return (phase[-1] - phase[half]) / (run.time[-1] - run.time[half])


def test_power_frequency_and_nu():
    pop = AutoOscillators(5, current=[1.2, 1.5, 2, 3, 4], frame=285e6, **KIND)
    # a steady state of RK4 is off by (w h)^4 times some: at 15 MHz from the frame 1e-5 at 1 ns, 256 times less here
    run = pop.run(4e-6, 0.25e-9, start=0.1)
    assert abs(run["c"][-1]) ** 2 == pytest.approx([0.0625, 1 / 7, 0.25, 0.4, 0.5], rel=1e-6)
    found = np.array([_rate(run, k) / (2 * np.pi) + 285e6 for k in range(5)])
    assert found == pytest.approx([296.25e6, 291.428571e6, 285e6, 276e6, 270e6], rel=1e-6)
    assert pop.nu == pytest.approx([-3.75, -3.428571, -3, -2.4, -2], rel=1e-6)


# Errors at a step and at half of it, against the closed solution; 0.3 is what the next order adds at these steps.
@pytest.mark.parametrize(("method", "order"), [("rk4", 4), ("heun", 2), ("midpoint", 2)])
def test_order(method, order):
    pop = AutoOscillators(current=2.0, frame=295e6, **KIND)
    errors = []
    for step in (1e-9, 0.5e-9):
        run = pop.run(100e-9, step, method=method, start=0.01, tolerance=1e-13)
        errors.append(abs(abs(run["c"][-1, 0]) ** 2 - _power(100e-9, 2.0, 1e-4)))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.3)


def test_adaptive():
    """The error falls with the tolerance of a step, and is that of 1000 steps, grown 20 times with the amplitude."""
    pop, exact = AutoOscillators(current=2.0, **KIND), _power(100e-9, 2.0, 1e-4)
    assert exact == pytest.approx(0.0441170809, abs=1e-10)
    errors = []
    for tolerance in (1e-8, 1e-11):
        run = pop.run(100e-9, 1e-9, method="rk45", start=0.01, tolerance=tolerance)
        errors.append(abs(abs(run["c"][-1, 0]) ** 2 - exact))
    assert errors[1] < 2e4 * 1e-11 * 2 * 0.21
    assert errors[1] < 0.02 * errors[0]


def test_laboratory_frame_is_that_of_the_turning_one():
    runs = [
        AutoOscillators(current=2.0, frame=frame, **KIND).run(50e-9, step, start=0.3, every=every)["c"][:, 0]
        for frame, step, every in ((0.0, 1e-11, 50), (285e6, 5e-10, 1))
    ]
    assert np.abs(runs[0] - runs[1]).max() < 2e-5  # RK4 in the laboratory frame: (w h)^5 / 120 a step


@pytest.mark.parametrize(("over", "beat"), [(1.05, 0.3157), (2.0, 1.7312), (0.9, 0.0)])
def test_adler(over, beat):
    half = 1e-3 * GAMMA / 0.5 * np.sqrt(10.0)
    assert half / (2 * np.pi) == pytest.approx(31622.78, rel=1e-6)
    pop = AutoOscillators(current=2.0, frame=285e6, **KIND)
    tone = pop.tone(1e-3 * GAMMA, 285e6 - over * half / (2 * np.pi))
    run = pop.run(800e-6, 5e-9, start=0.5, drive=tone, every=20)
    found = abs(_rate(run) + over * half) / half
    # over a window of 400 us, 4 to 22 beats, a beat that is cut counts for up to one turn
    assert found == pytest.approx(beat, abs=2 * np.pi / (400e-6 * half))


@pytest.mark.parametrize(("coupling", "threshold"), [(1.0, 2.0), (1j, 6.0)])
def test_mutual_locking(coupling, threshold):
    """Real K: 2 |K|; imaginary K: 2 |K nu|, nu = -3."""
    k = 1e-3 * GAMMA
    for over, locked in ((0.9, True), (1.3, False)):
        spread = over * threshold * k / (2 * np.pi)
        link = Linear(k * coupling * np.array([[0, 1], [1, 0]]))
        pop = AutoOscillators(2, current=2.0, **{**KIND, "f0": [300e6, 300e6 + spread]}, frame=285e6, links=[link])
        run = pop.run(600e-6, 5e-9, start=[0.5, 0.5j], every=20)
        apart = abs(_rate(run, 1) - _rate(run, 0))
        assert (apart < 1e-3 * k) == locked


def test_common_is_a_matrix_of_one_row():
    n = 300  # two blocks
    rng = np.random.default_rng(1)
    gain, weight = (rng.standard_normal(n) + 1j * rng.standard_normal(n) for _ in range(2))
    runs = []
    common, full = Common(1e4 * gain, weight), Linear(1e4 * np.outer(gain, weight))
    for link, threads in ((common, 1), (common, 2), (full, 1)):
        pop = AutoOscillators(n, current=2.0, frame=285e6, links=[link], **KIND)
        runs.append(pop.run(50e-9, 1e-9, start=0.5, threads=threads)["c"])
    assert np.array_equal(runs[0], runs[1])
    assert np.abs(runs[0] - runs[2]).max() < 1e-12  # order of 300 summands


def test_noise_below_threshold_and_threads():
    """<p> = D / (G - G I/I_th) (equipartition); 4000 independent values of relative deviation 1."""
    noise = 1e-6 * GAMMA
    pop = AutoOscillators(4000, current=0.5, noise=noise, frame=300e6, f0=300e6, damping=5e6)
    runs = [pop.run(400e-9, 1e-9, method="heun", seed=3, start=0.0, every=400, threads=t)["c"] for t in (1, 2)]
    assert np.array_equal(*runs)
    assert np.mean(abs(runs[0][-1]) ** 2) == pytest.approx(noise / (0.5 * GAMMA), rel=4 / np.sqrt(4000))


def test_refusals():
    pop = AutoOscillators(current=2.0, **KIND)
    with pytest.raises(UsageError, match="energy"):
        pop.run(1e-9, 1e-9, temp=300.0, seed=1, start=0.1)
    with pytest.raises(UsageError, match="seed"):
        AutoOscillators(noise=1.0, **KIND).run(1e-9, 1e-9, start=0.1)
    with pytest.raises(UsageError, match="couples"):
        AutoOscillators(3, links=[Linear(np.eye(2))], **KIND)


@pytest.mark.parametrize("apart", [5.4, 6.3])
def test_drift_beyond_mutual_locking(apart):
    """sqrt(d^2 - 4 K^2) for real K: 5.0160 K and 5.9741 K; the amplitudes, moved by K / Gamma_p, change 1e-3 of it."""
    k = 1e-3 * GAMMA
    exact = np.sqrt(apart**2 - 4)
    assert exact == pytest.approx({5.4: 5.0160, 6.3: 5.9741}[apart], abs=5e-5)
    kind = {**KIND, "f0": [300e6, 300e6 + apart * k / (2 * np.pi)]}
    pop = AutoOscillators(2, current=2.0, frame=285e6, links=[Linear([[0, k], [k, 0]])], **kind)
    run = pop.run(300e-6, 5e-9, start=[0.5, 0.5j], every=10)
    phase = -np.unwrap(np.angle(run["c"]), axis=0)
    ahead = phase[:, 1] - phase[:, 0]
    whole = np.interp(ahead[400] + 2 * np.pi * np.array([0, 5]), ahead, run.time)  # whole beats, after the start
    assert 10 * np.pi / (whole[1] - whole[0]) == pytest.approx(exact * k, rel=1e-3)


@pytest.mark.parametrize(("phase", "threshold"), [(-3.0, 2 * np.sqrt(10)), (1 / 3, 0.0)])
def test_best_and_worst_phase_of_a_coupling(phase, threshold):
    """2 |K| |cos b + nu sin b|: most, sqrt(1 + nu^2), where tan b = nu = -3; nothing where tan b = 1/3."""
    k = 1e-3 * GAMMA
    link = Linear(k * np.exp(1j * np.arctan(phase)) * np.array([[0, 1], [1, 0]]))
    # at the worst phase amplitudes of the second order leave 1e-2 K; 0.2 K is far from it and from 2 K
    for spread, locked in ((0.95 * threshold, threshold > 0), (1.05 * threshold + 0.2, False)):
        kind = {**KIND, "f0": [300e6, 300e6 + spread * k / (2 * np.pi)]}
        pop = AutoOscillators(2, current=2.0, frame=285e6, links=[link], **kind)
        run = pop.run(600e-6, 5e-9, start=[0.5, 0.5j], every=20)
        apart = abs(_rate(run, 1) - _rate(run, 0))
        assert spread == 0.0 or (apart < 1e-3 * k) == locked


def test_against_an_integrator_of_the_equation():
    """Links, a tone, a drive of the current and their own currents at once; DOP853 in the laboratory frame."""
    rng = np.random.default_rng(8)
    k = 2e6 * (rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3)))
    f0, current, force = np.array([290e6, 300e6, 310e6]), np.array([1.5, 2.0, 2.5]), np.array([1e6, 2e6j, 3e6])

    def slope(t, c):
        p = np.abs(c) ** 2
        pumped = (current + 0.3 * np.sin(2 * np.pi * 20e6 * t + 0.4)) * GAMMA * (1 - p)
        rate = -2j * np.pi * (f0 - 60e6 * p) - GAMMA * (1 + 2 * p) + pumped
        return rate * c + k @ c + force * np.exp(-2j * np.pi * 280e6 * t)

    start = np.array([0.3, 0.5j, -0.2])
    exact = solve_ivp(slope, (0, 60e-9), start, "DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    runs = {}
    for name, link in (("dense", Linear(k)), ("sparse", Linear(sp.csr_array(k)))):
        pop = AutoOscillators(3, current=current, frame=295e6, links=[link], **{**KIND, "f0": f0})
        drive = [*pop.tone(force, 280e6), Sine(0.3, 20e6, 0.4)]
        runs[name] = {m: pop.run(60e-9, 0.1e-9, start=start, drive=drive, method=m) for m in ("rk4", "rk45")}
        for run in runs[name].values():
            assert np.abs(run["c"][-1] - exact).max() < 1e-7  # RK4: (15 MHz 2 pi 0.1 ns)^4 600 steps / 120 = 4e-8
    assert np.abs(runs["dense"]["rk4"]["c"] - runs["sparse"]["rk4"]["c"]).max() < 1e-13


def test_goes_on_from_the_end():
    pop = AutoOscillators(3, current=2.0, frame=290e6, noise=1e4, **KIND)
    drive = pop.tone(1e6, 285e6)
    whole = pop.run(100e-9, 1e-9, start=0.3, seed=5, drive=drive)
    half = pop.run(50e-9, 1e-9, start=0.3, seed=5, drive=drive)
    rest = pop.run(50e-9, 1e-9, start=half.final, seed=5, drive=drive)
    assert rest.time[-1] == pytest.approx(100e-9, rel=1e-12, abs=0.0)
    # turned into the frame and back once more, by angles that round at 1e-16 of 30 turns
    assert np.abs(rest["c"] - whole["c"][50:]).max() < 1e-12


def test_multiplicative_noise_is_stratonovichs():
    """Without current, D = D0 (1 + Q p): P(p) ~ (1 + Q p)^(-1/2) exp(-p G / D0); Ito's exponent would be -1.

    From dc = -G+ c dt + sqrt(D) o dW, whose stationary flux vanishes where G+ r P = -sqrt(D)/2 d(sqrt(D) P)/dr.
    """
    ratio, q, n = 0.5, 4.0, 20000
    kind = {**KIND, "nonlinear_damping": q, "energy": 1.380649e-23 * 300.0 / ratio}
    run = AutoOscillators(n, frame=300e6, **kind).run(200e-9, 0.25e-9, start=0.4, temp=300.0, seed=2, every=800)
    found = (np.abs(run["c"][-1]) ** 2).mean()
    p = np.linspace(0, 20 * ratio, 200001)
    mean = {}
    for power in (0.5, 1.0):
        weight = (1 + q * p) ** -power * np.exp(-p / ratio)
        mean[power] = (p * weight).sum() / weight.sum()
    assert found == pytest.approx(mean[0.5], rel=4 * 1.2 / np.sqrt(n))  # p deviates by 1.2 of its mean
    assert abs(mean[1.0] / mean[0.5] - 1) > 2 * 4 * 1.2 / np.sqrt(n)


def _normals(seed, stream, number):
    """The pair of `cn_random_normals`, written anew: Philox 4x32-10, and Box and Muller."""
    word = 0xFFFFFFFF
    c, k = [number & word, number >> 32, stream & word, stream >> 32], [seed & word, seed >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & word, (a >> 32) ^ c[3] ^ k[1], a & word]
        k = [(k[0] + 0x9E3779B9) & word, (k[1] + 0xBB67AE85) & word]
    u, v = ((((c[j] << 32) | c[j + 1]) >> 12) + 0.5 for j in (0, 2))
    return np.sqrt(-2.0 * np.log(u * 2.0**-52)) * np.exp(2j * np.pi * v * 2.0**-52)


def test_noise_is_that_of_its_counter():
    """Nothing but noise: steps of sqrt(D h) times two standard normals, which lanes of vectors compute alike."""
    pop = AutoOscillators(37, noise=2.0, f0=0.0, damping=1e-30)
    c = pop.run(3e-3, 1e-3, method="heun", start=0.0, seed=(5 << 40) + 7)["c"]
    steps = np.diff(c, axis=0) / np.sqrt(2.0 * 1e-3)
    expected = np.array([[_normals((5 << 40) + 7, i, t) for i in range(37)] for t in range(3)])
    # a few roundings of numbers up to 4, and those of their sums
    assert np.abs(steps - expected).max() < 1e-14
