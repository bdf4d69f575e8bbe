"""Order parameters and frequencies of runs whose phases are known."""

import numpy as np
import pytest

from circuitnn.errors import UsageError
from circuitnn.oscillators.auto_oscillators import AutoOscillators
from circuitnn.oscillators.phase_oscillators import PhaseOscillators
from circuitnn.oscillators.run import Run, State
from circuitnn.oscillators.synchrony import locked, mean_frequencies, order_parameter, phases

F = np.array([100e6, 101.3e6, 97.2e6])
FIRST = np.array([0.1, 0.9, -2.0])


def _run(name):
    time = np.arange(1001) * 1e-9
    exact = FIRST + 2 * np.pi * F * time[:, None]
    array = exact if name == "phase" else np.array([0.5, 2.0, 1e-3]) * np.exp(-1j * exact)
    return Run(time, {name: array}, {name: "1"}, State(1e-6, 1000, {}), {}), exact


@pytest.mark.parametrize("name", ["phase", "c"])
def test_known_phases(name):
    run, exact = _run(name)
    # rounding of phases of 600 rad
    assert phases(run, 99e6) == pytest.approx(exact - 2 * np.pi * 99e6 * run.time[:, None], abs=1e-11)
    assert order_parameter(run) == pytest.approx(np.exp(1j * exact).mean(axis=1), abs=1e-11)
    for near in (0.0, 99e6, F):
        assert mean_frequencies(run, near) == pytest.approx(F, rel=1e-12)
    assert mean_frequencies(run, 99e6, (0.2e-6, 0.3e-6)) == pytest.approx(F, rel=1e-12)


def test_locked_takes_the_nearest_within_the_tolerance():
    run, _ = _run("c")
    assert list(locked(run, [97.3e6, 100.2e6, 101e6], tolerance=0.25e6)) == [1, -1, 0]
    assert list(locked(run, [97.3e6, 100.2e6, 101e6], tolerance=0.35e6)) == [1, 2, 0]
    # half a turn in the 0.5 us of the second half is 1 MHz
    assert list(locked(run, [99.1e6])) == [0, -1, -1]


def test_a_tone_takes_those_within_its_range():
    """Adler: those and only those less than |F| away from the tone have its frequency."""
    off = np.array([-1.1, -0.9, 0.0, 0.9, 1.1])
    pop = PhaseOscillators(5, f0=1e9 + off * 1e6, frame=1e9)
    run = pop.run(40e-6, 5e-9, start=0.0, drive=pop.tone(2e6 * np.pi, 1e9))
    assert list(locked(run, 1e9)) == [-1, 0, 0, 0, -1]
    beat = np.sign(off) * np.sqrt(np.maximum(off**2 - 1, 0)) * 1e6
    # a cut beat counts for up to a turn in 20 us
    assert mean_frequencies(run) - 1e9 == pytest.approx(beat, abs=5e4)


def test_amplitudes_of_zero_do_not_count():
    pop = AutoOscillators(2, f0=1e8, damping=1e6, current=[0.0, 1.0])
    run = pop.run(1e-9, 1e-9, start=[0.0, 1.0])
    assert abs(order_parameter(run)) == pytest.approx([0.5, 0.5])


def test_refusals():
    run, _ = _run("c")
    with pytest.raises(UsageError, match="fewer than two points"):
        mean_frequencies(run, window=(0.5e-9, 0.7e-9))
    with pytest.raises(UsageError, match="no phases"):
        phases(Run(run.time, {}, {}, run.final, {}))
