"""One oscillator as reservoir: its envelope, what it adds to a linear read-out, and the documented figures."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from circuitnn.demos.reservoir import KINDS, THETA, Envelope, readout, run_reservoir, waveform, waves


def test_envelope_is_the_solution_of_the_equation_of_power():
    quiet = Envelope(temp=0.0)
    current = np.array([7e-3, 4e-3, 3e-3, 8e-3, 5e-3])
    p, expected = float(quiet.rest(np.array(quiet.bias))), []
    for value in current:
        z = value / quiet.threshold
        rates = 2.0 * quiet.damping * (z - 1.0), 2.0 * quiet.damping * (quiet.q + z)
        run = solve_ivp(lambda t, p, r=rates: r[0] * p - r[1] * p * p, (0.0, THETA), [p], rtol=1e-10, atol=1e-14)
        p = float(run.y[0, -1])
        expected.append(p)
    found = quiet.powers(current, THETA, np.random.default_rng(0))
    assert found == pytest.approx(expected, rel=1e-8)  # closed form against an integrator of rtol 1e-10


def test_noise_below_threshold_is_equipartition():
    # At I = 0 and small p: <p> = k T / beta, exponentially distributed.
    device = Envelope(bias=4e-3, q=0.0)
    p = device.powers(np.zeros((4000, 40)), 100e-9, np.random.default_rng(0), pieces=8)[:, -1]
    # 4000 independent samples: 1.6 %; kicks eight times in 100 ns at 2 Gamma = 1e7 / s: 6 % too much at most.
    assert p.mean() == pytest.approx(1.380649e-23 * 300.0 / 7.7e-18, rel=0.1)


def test_a_point_alone_does_not_tell_sine_from_square():
    points, square = waveform(np.random.default_rng(0), 20)
    assert square.mean() == 0.5
    sine = points[square == 0.0]
    assert np.isclose(np.abs(sine), 1.0).mean() == 0.25 and np.allclose(np.abs(points[square == 1.0]), 1.0)


def test_readout_recovers_a_linear_map():
    x = np.random.default_rng(0).standard_normal((50, 3))
    target = x @ np.array([[1.0], [-2.0], [0.5]]) + 3.0
    assert readout(x, target, 1e-12)(x) == pytest.approx(target)


def test_waveforms_need_memory_and_nonlinearity():
    quiet = Envelope(temp=0.0)
    found = {kind: np.mean([waves(quiet, seed, kind, 1) for seed in range(3)]) for kind in KINDS}
    assert found["oscillator"] > 99.0
    assert found["static"] < 90.0  # 2 of 16 points are the same in both waveforms
    assert found["linear"] < 65.0 and found["none"] < 65.0
    # Thermal noise covers most of the memory: measured 81 % with one presentation.
    assert 60.0 < np.mean([waves(Envelope(), seed, "oscillator", 1) for seed in range(3)]) < 90.0


@pytest.mark.slow
def test_quick_run(tmp_path):
    report = run_reservoir(tmp_path, quick=True)
    rows = {(row.task, row.label): row.accuracy for row in report.rows}
    assert rows["digits", "oscillator"] > 92.0  # measured 94.1, deviation 0.7
    assert rows["digits", "oscillator without noise"] > rows["digits", "no oscillator"] + 1.0
    assert report.files[0].read_bytes().startswith(b"\x89PNG")
