"""Locking ranges: Adler's equation, auto-oscillators, projection vectors, relaxation oscillators."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import AnalysisError, UsageError
from circuitnn.measure.phase import oscillation
from circuitnn.oscillators.auto_oscillators import AutoOscillators
from circuitnn.runs.locking import InjectedCircuit, beat_frequency

#: A tank of quality 10 and its active element: G v - K v^3.
L, C, G, K = 1e-6, 1e-9, 3.16e-3, 3.16e-3
TANK = {"source": "i1", "output": "v(a)", "step": 8e-9, "settle": 2e-5, "span": 0.03}


def tank():
    return cn.parse(
        f"van der Pol\nl1 a 0 {L}\nc1 a 0 {C} ic=1.1\nb1 a 0 i={-G}*v(a)+{K}*v(a)*v(a)*v(a)\ni1 0 a 0\n.end\n"
    ).circuit()


def half_width(free, tone):
    """A current i into a tank of amplitude A: f0 Z i / (2 A), Z = sqrt(L / C), A = 2 sqrt(G / 3 K) (Adler 1946)."""
    return free * np.sqrt(L / C) * tone / (4.0 * np.sqrt(G / (3.0 * K)))


def test_van_der_pol_locks_as_adler_says():
    tones = [1e-4, 3e-4]
    found = cn.locking_range(tank(), tones, **TANK)
    # The search is told to be right to 2 %; a quality of 10 and a tone of 8 % of the active current change less.
    np.testing.assert_allclose(found.half_width, [half_width(found.free, tone) for tone in tones], rtol=0.03)
    assert found.free == pytest.approx(1.0 / (2.0 * np.pi * np.sqrt(L * C)), rel=0.01)  # trapezoids of 25 a period
    assert (found.lower_error < 0.03 * found.half_width).all() and (found.upper_error < 0.03 * found.half_width).all()


@pytest.mark.parametrize(("harmonic", "tone"), [(1, 1e-4), (3, 3e-3)])
def test_projection_vector_agrees_with_runs(harmonic, tone):
    setting = {**TANK, "step": 4e-9, "harmonic": harmonic}
    runs = cn.locking_range(tank(), tone, **setting)
    projected = cn.locking_range(tank(), tone, **setting, method="ppv")
    # runs are right to 2 %, the projection to first order in the tone
    assert projected.half_width[0] == pytest.approx(runs.half_width[0], rel=0.03)
    assert (projected.upper_error < 1e-5 * projected.half_width).all()  # those of the orbit
    if harmonic == 1:
        assert projected.half_width[0] == pytest.approx(half_width(projected.free, tone), rel=0.01)


def test_second_harmonic_does_not_hold_an_odd_oscillator():
    setting = {**TANK, "span": 0.01, "harmonic": 2}
    assert cn.locking_range(tank(), 1e-3, **setting, method="ppv").half_width[0] < 1.0  # Hz of 5 MHz: rounding
    with pytest.raises(AnalysisError, match="does not hold"):
        cn.locking_range(tank(), 1e-3, **setting, least=1e-3)


def test_projection_vector_of_a_series_voltage():
    """A voltage in series with the coil acts as the current that it drives through the coil's impedance: i = u / Z."""
    circuit = cn.parse(
        f"series\nv1 b 0 0\nl1 a b {L}\nc1 a 0 {C} ic=1.1\nb1 a 0 i={-G}*v(a)+{K}*v(a)*v(a)*v(a)\n.end\n"
    ).circuit()
    u = 3e-3
    found = cn.locking_range(circuit, u, **{**TANK, "source": "v1"}, method="ppv")
    assert found.half_width[0] == pytest.approx(half_width(found.free, u / np.sqrt(L / C)), rel=0.02)  # 1/Q^2


# ------------------------------------------------------------------------------------------------- auto-oscillators
#: zeta = 2, Q = 2, nu = -3, p0 = 1/4; only f0, which is turned away by a frame, is not that of the device reference.
POPULATION = AutoOscillators(f0=16e6, shift=-60e6, damping=5e6, nonlinear_damping=2.0, current=2.0, frame=1e6)
FREE, DELTA = 1e6, 31622.78


def auto_oscillator(frequency, force, duration):
    """Force in units of Gamma_G."""
    drive = POPULATION.tone(force * 2.0 * np.pi * 5e6, frequency)
    step = 5e-9  # amplitudes return at 2 pi 10 MHz
    run = POPULATION.run(step * round(duration / step), step, start=0.5, drive=drive, every=20, method="rk4")
    return run.time, run["c"][:, 0]


def test_auto_oscillator_locks_over_the_range_of_the_device_reference():
    """Delta = F sqrt(1 + nu^2) / sqrt(p0) / 2 pi = 31 622.78 Hz for F = 1e-3 Gamma_G."""
    assert [POPULATION.frequency[0], POPULATION.nu[0], POPULATION.power[0]] == pytest.approx([FREE, -3.0, 0.25])
    found = cn.locking_range(auto_oscillator, 1e-3, free=FREE, span=0.12, tolerance=0.005)
    # The full amplitude equation differs from the phase's by first order in F / Gamma_p sqrt(p0), some 0.3 %.
    assert found.half_width[0] == pytest.approx(DELTA, rel=0.01)
    assert found.runs < 20


@pytest.mark.parametrize(("detuning", "beat", "full"), [(1.05, 0.32016, 0.3157), (2.0, 1.73205, 1.7312)])
def test_auto_oscillator_beats(detuning, beat, full):
    """sqrt(detuning^2 - 1) by the phase equation; the full equation's numbers are the device reference's."""
    found = beat_frequency(auto_oscillator, FREE + detuning * DELTA, 1e-3, free=FREE) / DELTA
    assert found == pytest.approx(full, rel=0.01)
    assert found == pytest.approx(beat, rel=0.03)


def test_tone_that_holds_everywhere_is_refused():
    with pytest.raises(AnalysisError, match="still holds"):
        cn.locking_range(auto_oscillator, 1e-3, free=FREE, span=0.01)


# ------------------------------------------------------------------------------------------- relaxation oscillators
def test_vo2_neuristor_locks():
    """Its spikes follow a small current: held inside the range that was found, and slipping outside."""
    circuit = cn.parse(
        """neuristor
        .options reltol=1e-4
        v1 s 0 12
        r1 s a 12k
        c1 a 0 145.34619293p ic=0
        n1 a 0 film
        i1 0 a 0
        .model film vo2_thermal
        .end"""
    ).circuit()
    setting = {"source": "i1", "output": "v(a)", "step": 10e-9, "settle": 2e-5}
    tone = 4e-5
    found = cn.locking_range(circuit, tone, **setting, span=0.3, tolerance=0.05)
    assert found.free == pytest.approx(1.0 / 3.04e-6, rel=0.01)  # Zhang et al.'s code, see netlists/neurons
    projected = cn.locking_range(circuit, tone, **setting, method="ppv")
    assert found.half_width[0] == pytest.approx(projected.half_width[0], rel=0.06)  # runs are right to 5 %
    assert found.half_width[0] > 0.01 * found.free
    run = InjectedCircuit(circuit, **setting)
    margin = 0.15 * found.half_width[0]
    for inside, outside in ((found.lower[0] + margin, found.lower[0] - margin),
                            (found.upper[0] - margin, found.upper[0] + margin)):  # fmt: skip
        assert beat_frequency(run, inside, tone, free=found.free) == 0.0
        assert beat_frequency(run, outside, tone, free=found.free) > 0.0
    time, wave = run(found.upper[0] - margin, tone, 2e-4)
    assert oscillation((time, wave), start=time[-1] - 1e-4).frequency == pytest.approx(
        found.upper[0] - margin, rel=1e-3
    )


def test_bad_requests_are_refused():
    with pytest.raises(UsageError, match="tone of its own"):
        cn.locking_range(tank(), 1e-5)
    with pytest.raises(UsageError, match="amplitudes"):
        cn.locking_range(auto_oscillator, -1.0, free=FREE)
    with pytest.raises(UsageError, match="how fast"):
        cn.locking_range(auto_oscillator, 1e-3)
    with pytest.raises(UsageError, match="method 'ppv'"):
        cn.locking_range(auto_oscillator, 1e-3, free=FREE, method="ppv")
    with pytest.raises(UsageError, match="no source"):
        cn.locking_range(tank(), 1e-5, **{**TANK, "source": "v9"})
    with pytest.raises(UsageError, match="beside the frequency"):
        beat_frequency(auto_oscillator, FREE, 1e-3, free=FREE)
