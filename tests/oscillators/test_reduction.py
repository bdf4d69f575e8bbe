"""Limit cycles against closed solutions, and reduced models against what they were reduced from."""

import numpy as np
import pytest
import scipy.sparse as sp

from circuitnn.devices.magnetism import GAMMA0
from circuitnn.errors import ConvergenceError, UsageError
from circuitnn.oscillators.auto_oscillators import AutoOscillators
from circuitnn.oscillators.cycles import limit_cycle
from circuitnn.oscillators.reduction import reduce_to_amplitude, reduce_to_phase
from circuitnn.oscillators.synchrony import locked, mean_frequencies, phases
from circuitnn.oscillators.vortices import Vortices
from circuitnn.oscillators.waves import Common, Linear

GAMMA = 2 * np.pi * 5e6
KIND = {"f0": 300e6, "shift": -60e6, "damping": 5e6, "nonlinear_damping": 2.0, "current": 2.0}
DISK = {"ms": 1.28e6, "radius": 187.5e-9, "thickness": 6e-9, "alpha": 0.005, "zeta": 0.25, "xi": 0.35}


def _squares(states):
    return (states**2).sum(axis=1)


# ------------------------------------------------------------------ cycles
def test_skewed_circle():
    """c' = (1 - |c|^2) c - i (1 + N (|c|^2 - 1)) c seen as y = A c: all is known, and v goes by the inverse of A^T."""
    a, n = np.array([[1.0, 0.7], [-0.2, 2.0]]), 0.8

    def field(y):
        c = y @ np.linalg.inv(a).T
        p = _squares(c)[:, None]
        turn = (1 + n * (p - 1)) * np.stack([c[:, 1], -c[:, 0]], axis=1)
        return ((1 - p) * c + turn) @ a.T

    cycle = limit_cycle(field, [0.5, 0.1], settle=10.0, longest=20.0)
    assert cycle.period == pytest.approx(2 * np.pi, rel=1e-9)
    assert cycle.multipliers[1] == pytest.approx(np.exp(-4 * np.pi), rel=1e-5)  # differences err by 1e-10 of it and 1
    c = cycle.states @ np.linalg.inv(a).T
    assert _squares(c) == pytest.approx(1.0, abs=1e-9)
    # the phase, -arg c + n/2 ln p with p' = 2 (1 - p) p, turned by dc is (dc . (c turned) + n dc . c) / |c|^2
    exact = (np.stack([c[:, 1], -c[:, 0]], axis=1) + n * c) @ np.linalg.inv(a)
    assert cycle.projection == pytest.approx(exact, abs=1e-7)


def test_relaxation_oscillation():
    """Van der Pol, mu = 1: the period is 6.66328686, the multiplier the exponential of the divergence."""
    cycle = limit_cycle(
        lambda y: np.stack([y[:, 1], (1 - y[:, 0] ** 2) * y[:, 1] - y[:, 0]], axis=1), [2.0, 0.0],
        settle=30.0, longest=20.0, points=512,
    )  # fmt: skip
    assert cycle.period == pytest.approx(6.66328686, rel=1e-8)
    divergence = np.mean(1 - cycle.states[:, 0] ** 2) * cycle.period
    assert cycle.multipliers[1].real == pytest.approx(np.exp(divergence), rel=1e-5)
    # the series, summed at the phases of the states, is what the projection has there, but for harmonics from 40 on
    mean, cosines, sines = np.split(cycle.response([0.0, 1.0], 39), [1, 40])
    angles = 2 * np.pi * np.outer(np.arange(512) / 512, np.arange(1, 40))
    assert mean + np.cos(angles) @ cosines + np.sin(angles) @ sines == pytest.approx(cycle.projection[:, 1], abs=1e-5)
    assert (cycle.projection * cycle.velocity).sum(axis=1) == pytest.approx(2 * np.pi / cycle.period, rel=1e-6)


def test_auto_oscillators_cycle():
    found = reduce_to_phase(AutoOscillators(5, **{**KIND, "current": [1.2, 1.5, 2, 3, 4]}))
    cycles = found.cycles
    assert [c.frequency for c in cycles] == pytest.approx([296.25e6, 2040e6 / 7, 285e6, 276e6, 270e6], rel=1e-9)
    # exp(-2 Gamma_p T) is 1 - 0.04 at the least: 1e-10 of it is 3e-9 of the rate
    assert [c.rate for c in cycles] == pytest.approx(GAMMA * np.array([0.2, 0.5, 1, 2, 3]), rel=1e-6)
    nu = np.array([-3.75, -24 / 7, -3, -2.4, -2])
    assert [c.nu(_squares) for c in cycles] == pytest.approx(nu, rel=1e-6)
    p = np.array([0.0625, 1 / 7, 0.25, 0.4, 0.5])
    assert found.force == pytest.approx((1 + 1j * nu) / np.sqrt(p), rel=1e-6)
    # the frequency falls by N dp0 / dI: nu G (1 - p) / I_th
    assert found.population.response[:, 0] == pytest.approx(nu * GAMMA * (1 - p), rel=1e-6)


def test_vortex_cycle():
    one = Vortices(**DISK)
    pop = Vortices(current=1.3 * one.threshold, oersted=1e9, **DISK)
    found = reduce_to_phase(pop, temp=300.0)
    cycle, loss = found.cycles[0], one.drag[0] * 2 * np.pi * one.gyration[0]
    assert cycle.frequency == pytest.approx(pop.frequency[0], rel=1e-9)
    assert cycle.rate == pytest.approx(0.3 * loss, rel=1e-6)
    nu = 0.25 / (one.drag[0] * 0.6)
    assert cycle.nu(_squares) == pytest.approx(nu, rel=1e-6)
    gain = loss / one.threshold[0]
    assert found.population.response[0, 0] == pytest.approx(nu * gain + 2 * np.pi * 1e9, rel=1e-6)
    d = 2 * 1.380649e-23 * 300 * one.drag[0] / (one.gyrovector[0] * 187.5e-9**2) * (1 + 0.35 * 0.5)
    assert found.population.noise[0] == pytest.approx(d * (1 + nu**2) / (2 * 0.5), rel=1e-6)


# ------------------------------------------------------------------ phases against amplitudes
def test_locking_range():
    """Reduced, full and (F / sqrt(p0)) sqrt(1 + nu^2) agree within 2 %: the amplitude moves by F / Gamma_p = 1e-3."""
    force, n = 1e-3 * GAMMA, 4
    half = force / 0.5 * np.sqrt(10.0) / (2 * np.pi)
    off = np.array([-1.02, -0.98, 0.98, 1.02]) * half
    tone = 285e6 - off
    full = AutoOscillators(n, frame=285e6, **KIND)
    found = reduce_to_phase(full)
    phase = found.population
    runs = [
        full.run(1600e-6, 5e-9, start=0.5, drive=full.tone(force, tone), every=40),
        phase.run(1600e-6, 5e-9, start=0.0, drive=phase.tone(found.force * np.conj(force), tone), every=40),
    ]
    for run in runs:
        assert list(abs(mean_frequencies(run, tone) - tone) < 0.05 * half) == [False, True, True, False]
    # locked at the same phase to the tone, within F / Gamma_p sqrt(1 + nu^2)
    at = [np.exp(1j * (phases(run, tone)[-1, 1:3])) for run in runs]
    assert np.abs(at[0] - at[1]).max() < 0.1


@pytest.mark.parametrize(
    ("coupling", "threshold", "sparse"),
    [(1.0, 2.0, True), (1j, 6.0, False), ((1 - 3j) / np.sqrt(10), np.sqrt(40), False)],
)
def test_mutual_locking(coupling, threshold, sparse):
    """|cos b + nu sin b| 2 |K|, largest at the phase tan b = nu; above it the drift is sqrt(d^2 - threshold^2)."""
    k = 1e-3 * GAMMA
    matrix = k * coupling * np.array([[0, 1], [1, 0]])
    apart = np.array([0.9, 1.3]) * threshold * k / (2 * np.pi)
    for spread, locks in zip(apart, (True, False), strict=True):
        link = Linear(sp.csr_array(matrix) if sparse else matrix)
        pop = AutoOscillators(2, **{**KIND, "f0": [300e6, 300e6 + spread]}, frame=285e6, links=[link])
        run = reduce_to_phase(pop).population.run(600e-6, 5e-9, start=[0.0, 1.0], every=20)
        found = np.diff(mean_frequencies(run, 285e6))[0]
        exact = 0.0 if locks else np.sqrt(1.3**2 - 1) * threshold * k / (2 * np.pi)
        assert found == pytest.approx(exact, abs=1.0 / 300e-6)  # a cut beat


def test_common_coupling_is_that_of_its_matrix():
    rng = np.random.default_rng(2)
    gain, weight = (rng.standard_normal(4) + 1j * rng.standard_normal(4) for _ in range(2))
    kind = {**KIND, "current": [1.5, 2.0, 2.0, 2.0]}
    ends = []
    for link in (Common(1e4 * gain, weight), Linear(1e4 * np.outer(gain, weight))):
        found = reduce_to_phase(AutoOscillators(4, frame=285e6, links=[link], **kind))
        ends.append(found.population.run(1e-6, 1e-9, start=[0.0, 1.0, 2.0, 3.0]).final["phase"])
    assert ends[0] == pytest.approx(ends[1], abs=1e-9)
    assert found.cycles[1] is found.cycles[3] is not found.cycles[0]


def test_linewidth():
    """Phases of the full model spread by 2 D t, D = noise (1 + nu^2) / (2 p0): ten times what nu = 0 makes.

    Taken from 5 to 25 relaxation times; 2000 oscillators know it to sqrt(2 / 2000), and the noise moves p by 2 %.
    """
    pop = AutoOscillators(2000, frame=285e6, noise=1e-4 * GAMMA, **KIND)
    reduced = reduce_to_phase(pop).population
    assert reduced.noise[0] == pytest.approx(1e-4 * GAMMA * 10 / 0.5, rel=1e-6)
    run = pop.run(800e-9, 1e-9, start=0.5, seed=4, every=1)
    spread = phases(run, 285e6)
    grown = (spread[-1] - spread[160]).var() / (run.time[-1] - run.time[160])
    # a phase that goes on from settled deviations of p spreads less by nu^2 D / (2 p0 Gamma_p) (1 - ...): 1/20 of it
    assert grown == pytest.approx(2 * reduced.noise[0], rel=4 * np.sqrt(2 / 2000) + 0.07)
    assert grown > 5 * 2 * reduced.noise[0] / 10


# ------------------------------------------------------------------ macrospins
ALPHA, M_EFF, FIELD = 0.01, 8e5, 1e6


def _macrospin(torque):
    """Gilbert's equation solved for dm/dt: field along z, easy plane, polariser along z."""

    def field(m):
        h = np.zeros_like(m)
        h[:, 2] = FIELD - M_EFF * m[:, 2]
        z = np.broadcast_to([0.0, 0.0, 1.0], m.shape)
        rest = -GAMMA0 * np.cross(m, h) - GAMMA0 * torque * np.cross(m, np.cross(m, z))
        return (rest + ALPHA * np.cross(m, rest)) / (1 + ALPHA**2)

    return field


def _tilt(m):
    return (1 - m[:, 2]) / 2


@pytest.mark.parametrize("p", [0.05, 0.2, 0.6])
def test_macrospin(p):
    """p = (1 - m_z) / 2: f = g0 (H - M_eff m_z) / 2 pi where alpha (H - M_eff m_z) = -a; Gamma_p = alpha N p (1 - p),
    N = 2 g0 M_eff / (1 + alpha^2), nu = 1 / (alpha (1 - p))."""
    up = 1 - 2 * p
    torque = -ALPHA * (FIELD - M_EFF * up)
    start = [np.sqrt(1 - up**2), 0.0, up]
    cycle = limit_cycle(_macrospin(torque), start, settle=1e-9, longest=1e-9, sphere=True)
    rate = GAMMA0 * (FIELD - M_EFF * up)
    # on the cycle two large torques cancel: 1e-10 of the state is 1e-10 / alpha of a tilt
    assert cycle.frequency == pytest.approx(rate / (2 * np.pi), rel=1e-7)
    shift = 2 * GAMMA0 * M_EFF / (1 + ALPHA**2)
    assert cycle.rate == pytest.approx(ALPHA * shift * p * (1 - p), rel=1e-5)
    assert cycle.power(_tilt) == pytest.approx(p, rel=1e-6)
    assert cycle.nu(_tilt) == pytest.approx(1 / (ALPHA * (1 - p)), rel=1e-5)
    # tangent, of size nu / (2 p) dp/dtheta along theta, of which sin(theta) is along z: 2 p (1 - p) nu / (2 p)
    assert cycle.projection @ [0, 0, 1] == pytest.approx(-1 / ALPHA, rel=1e-5)

    pop = reduce_to_amplitude([cycle], _tilt, -torque, ALPHA * (FIELD - M_EFF))
    assert pop.power[0] == pytest.approx(p, rel=1e-6)
    assert pop.frequency[0] == pytest.approx(cycle.frequency, rel=1e-9)
    assert pop.nu[0] == pytest.approx(cycle.nu(_tilt), rel=1e-9)
    assert pop.shift[0] == pytest.approx(shift / (2 * np.pi), rel=1e-5)
    # what is lost is the curvature of the damping: near the threshold f0 is g0 (H - M_eff), up to alpha^2
    assert pop.f0[0] == pytest.approx(GAMMA0 * (FIELD - M_EFF) / (2 * np.pi), rel=3e-4 * (1 + 10 * p))


# ------------------------------------------------------------------ refusals
def test_refusals():
    with pytest.raises(UsageError, match="oscillator 1 is below"):
        reduce_to_phase(AutoOscillators(2, **{**KIND, "current": [2.0, 0.5]}))
    with pytest.raises(ConvergenceError, match="nothing turns"):
        limit_cycle(lambda y: -y, [1.0, 0.5], longest=5.0)
    with pytest.raises(ConvergenceError):  # a spiral into rest
        limit_cycle(lambda y: np.stack([y[:, 1], -y[:, 0] - 0.1 * y[:, 1]], axis=1), [1.0, 0.0], longest=20.0)
    with pytest.raises(ConvergenceError, match="not stable"):  # centres: a cycle beside each
        limit_cycle(lambda y: np.stack([y[:, 1], -y[:, 0]], axis=1) * 1.0, [1.0, 0.0], longest=20.0)
    cycle = reduce_to_phase(AutoOscillators(**KIND)).cycles[0]
    with pytest.raises(UsageError, match="above 1"):
        reduce_to_amplitude([cycle], _squares, 1.0, 1.0)
    with pytest.raises(UsageError, match="harmonics"):
        cycle.response([1.0, 0.0], 64)


def test_reduced_phases_know_their_tones():
    pop = AutoOscillators(3, frame=285e6, **{**KIND, "f0": [299.98e6, 300e6, 300.3e6]})
    found = reduce_to_phase(pop)
    force = 2e-3 * GAMMA
    run = found.population.run(
        200e-6, 5e-9, start=0.0, drive=found.population.tone(found.force * force, 285e6), every=10
    )
    assert list(locked(run, [285e6])) == [0, 0, -1]
