"""One oscillator as reservoir: its envelope, what it adds to a linear read-out, and the documented figures."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from circuitnn.demos.reservoir import Reservoir, chaos, readout, run_reservoir, waveform, waves


def test_envelope_is_the_solution_of_thieles_equation():
    # ds/dt = s d w0 (I/I_th - 1 - 0.75 s^2) with 1 / (d w0) = 63.16 ns for this disk of FeB.
    masked, device = np.array([[1.0, -0.5, -1.0, 0.3, 0.0, 0.7]]), Reservoir(theta=25e-9)
    s, expected = np.sqrt(0.35 / 0.75), []
    for value in masked[0]:
        z = 1.35 + 0.3 * value
        run = solve_ivp(lambda t, s, z=z: s * (z - 1 - 0.75 * s * s) / 63.16e-9, (0.0, 25e-9), [s], rtol=1e-10)
        s = run.y[0, -1]
        expected.append(z * s)
    found = device.envelope(masked, None)[0] / (20.0 * device.population(1).threshold[0])
    # the current changes half a step, a tenth of a neuron, late: 2.5 of 63 ns times changes of up to 0.45
    assert found == pytest.approx(expected, rel=0.03)


def test_next_input_is_not_in_a_state():
    device, masked = Reservoir(), np.array([[0.5, -0.5, 1.0, -1.0]])
    other = masked.copy()
    other[0, 2:] = 0.0
    one, two = device.envelope(masked, 3)[0], device.envelope(other, 3)[0]
    assert np.array_equal(one[:2], two[:2]) and abs(one[2] - two[2]) > 1e-3


def test_noise_is_that_of_the_disk():
    # Far below threshold the core keeps kT/2 in each direction: <s^2> = 2 k T / (kappa R^2), kappa = 4.392265e-4 J/m^2.
    device = Reservoir(bias=0.0, theta=200e-9)
    disk = device.population(4000)
    run = disk.run(400e-9, 4e-9, method="heun", temp=300.0, seed=1, start=0.0, every=100)
    expected = 2.0 * 1.380649e-23 * 300.0 / (4.392265e-4 * 187.5e-9**2)
    # 4000 exponentially distributed values: 1.6 %; Heun's steps of 0.06 time constants: 0.2 %
    assert np.mean(np.abs(run["c"][-1]) ** 2) == pytest.approx(expected, rel=0.06)


def test_series_solves_the_equation():
    # An integrator with another way to the delay: steps of 17 units, in each of which the past is a known curve.
    from scipy.interpolate import CubicSpline

    past, times, values = (lambda t: 1.2), [], []
    for k in range(30):
        run = solve_ivp(
            lambda t, x, past=past: 0.2 * past(t - 17) / (1 + past(t - 17) ** 10) - 0.1 * x, (17 * k, 17 * k + 17),
            [1.2 if k == 0 else values[-1][-1]], rtol=1e-9, atol=1e-12, t_eval=np.linspace(17 * k, 17 * k + 17, 171),
        )  # fmt: skip
        times.append(run.t)
        values.append(run.y[0])
        past = CubicSpline(run.t, run.y[0])
    t, x = np.concatenate(times), np.concatenate(values)
    found = chaos(20)
    # second order in 0.1 over 300 to 360 units of a chaotic series (Lyapunov exponent 0.006)
    assert found == pytest.approx(np.interp(300.0 + 3.0 * np.arange(20), t, x), abs=5e-3)


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
    found = [waves(Reservoir(), seed) for seed in range(3)]
    mean = {which: np.mean([one[which] for one in found]) for which in found[0]}
    assert mean["oscillator", None] > 98.0
    assert mean["static", None] < 90.0  # 2 of 16 points are the same in both waveforms
    assert mean["linear", None] < 65.0 and mean["none", None] < 65.0
    # Thermal noise covers most of the memory, and more of what has none.
    assert mean["static", 16] + 3.0 < mean["oscillator", 16] < 92.0


@pytest.mark.slow
def test_quick_run(tmp_path):
    report = run_reservoir(tmp_path, quick=True)
    rows = {(row.task, row.label): row.scores for row in report.rows}
    assert rows["digits", "oscillator"][0] > rows["digits", "no oscillator"][0] + 1.0
    assert rows["digits", "oscillator"][1] > rows["digits", "no oscillator"][1] + 1.0
    assert rows["digits", "oscillator"][1] > 92.0
    assert rows["series", "oscillator"][0] < 0.8 * rows["series", "no oscillator"][0]
    assert report.files[0].read_bytes().startswith(b"\x89PNG")
