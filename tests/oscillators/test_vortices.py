"""Vortices: figures of one disk, the closed solution of their normal form, and equipartition."""

import numpy as np
import pytest

from circuitnn.devices.physics import BOLTZMANN
from circuitnn.errors import UsageError
from circuitnn.oscillators.drives import Samples
from circuitnn.oscillators.vortices import Vortices

DISK = {"ms": 1.28e6, "radius": 187.5e-9, "thickness": 6e-9, "exchange": 1.5e-11, "alpha": 0.005}


def test_figures_of_a_disk():
    """Worked from the formulas by hand, to the digits given there."""
    pop = Vortices(**DISK)
    assert pop.gyration[0] == pytest.approx(255.089e6, rel=2e-6)
    assert pop.gyrovector[0] == pytest.approx(2.740415e-13, rel=2e-7, abs=0.0)
    assert pop.stiffness[0] == pytest.approx(4.392265e-4, rel=2e-7)
    assert pop.stiffness[0] == pytest.approx(10 / 9 * 4e-7 * np.pi * 1.28e6**2 * 6e-9**2 / 187.5e-9, rel=1e-12, abs=0.0)
    assert pop.exchange_length[0] == pytest.approx(3.8172e-9, rel=2e-5, abs=0.0)
    assert pop.drag[0] == pytest.approx(9.87778e-3, rel=1e-6)
    assert pop.critical_torque[0] == pytest.approx(143.096, rel=4e-6)
    assert 1 / (pop.drag[0] * 2 * np.pi * pop.gyration[0]) == pytest.approx(63.16e-9, rel=1e-4)


def test_threshold_is_the_current_of_the_critical_torque():
    pop = Vortices(efficiency=0.3, polariser=0.2, **DISK)
    density = pop.threshold[0] / (np.pi * 187.5e-9**2)
    torque = 1.054571817e-34 * 0.3 * density / (2 * 1.602176634e-19 * 4e-7 * np.pi * 1.28e6 * 6e-9)
    assert 0.2 * torque == pytest.approx(pop.critical_torque[0], rel=1e-7)  # the constants above have 9 and 10 digits
    assert np.isinf(Vortices(polariser=0.0, **DISK).threshold[0])


@pytest.mark.parametrize("over", [0.7, 1.3])
def test_closed_solution(over):
    """ds/dt = s (A + B s^2): s^2 = s8^2 / (1 + ((s8/s0)^2 - 1) exp(-2 A t)), s8^2 = -A/B."""
    one = Vortices(**DISK)
    rate = one.drag[0] * 2 * np.pi * one.gyration[0]
    a, b = rate * (over - 1), -rate * 0.6
    pop = Vortices(current=over * one.threshold[0], zeta=0.25, xi=0.35, frame=260e6, **DISK)
    run = pop.run(1000e-9, 0.25e-9, start=0.05)
    end = -a / b
    exact = np.sqrt(end / (1 + (end / 0.05**2 - 1) * np.exp(-2 * a * run.time)))
    # RK4 at up to 27 MHz from the frame shrinks by (w h)^6 / 144 = 4e-11 a step, of which it holds 1 / (2 A h) = 400,
    # and errs in the growing start, where it gains 20 of them
    assert np.abs(run["c"][:, 0]) == pytest.approx(exact, rel=1e-6)
    assert pop.power[0] == pytest.approx(max(end, 0.0), rel=1e-12, abs=0.0)


def test_frequency_follows_radius_and_current():
    one = Vortices(**DISK)
    strong = 1.3 * one.threshold[0]
    pop = Vortices(current=strong, zeta=0.25, xi=0.35, oersted=2e9, frame=290e6, **DISK)
    run = pop.run(3000e-9, 1e-9, start=np.sqrt(0.5))
    turned = np.unwrap(np.angle(run["c"][2000:, 0] * np.exp(2j * np.pi * 290e6 * run.time[2000:])))
    found = 290e6 - (turned[-1] - turned[0]) / (2 * np.pi * 1000e-9)
    assert found == pytest.approx(one.gyration[0] * (1 + 0.25 * 0.5) + 2e9 * strong, rel=1e-7)
    assert pop.frequency[0] == pytest.approx(found, rel=1e-7)


def test_a_driven_current_is_a_constant_one():
    """A drive of 0.2 thresholds added to 1.1 is 1.3, gain and frequency alike, by each method."""
    one = Vortices(**DISK)
    unit = one.threshold[0]
    kind = {"zeta": 0.25, "xi": 0.35, "oersted": 2e9, "frame": 290e6, **DISK}
    for method in ("rk4", "midpoint"):
        whole = Vortices(current=1.3 * unit, **kind).run(100e-9, 1e-9, start=0.3, method=method)["c"]
        driven = Vortices(current=1.1 * unit, **kind)
        found = driven.run(100e-9, 1e-9, start=0.3, drive=Samples([0.2 * unit], 1e-9), method=method)["c"]
        assert np.abs(found - whole).max() < 1e-8  # what the sweeps of the midpoint leave a step is 1e-9 at most


def test_equipartition():
    """<s^2> = 2 k T / (kappa R^2): 4000 independent values of relative deviation 1, after 6 relaxation times."""
    pop = Vortices(4000, frame=255e6, **DISK)
    run = pop.run(400e-9, 1e-9, start=0.0, temp=300.0, seed=7, every=400)
    exact = 2 * BOLTZMANN * 300.0 / (pop.stiffness[0] * 187.5e-9**2)
    assert np.mean(np.abs(run["c"][-1]) ** 2) == pytest.approx(exact, rel=4 / np.sqrt(4000))


def test_refusals():
    with pytest.raises(UsageError, match="so small"):
        Vortices(**{**DISK, "radius": 3e-9})
    with pytest.raises(UsageError, match="without bound"):
        _ = Vortices(current=1.0, **DISK).power
