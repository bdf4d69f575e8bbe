"""Coupled macrospins against scipy's integration of Gilbert's equation with the coupling written out here."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from circuitnn.errors import UsageError
from circuitnn.oscillators.drives import Sine
from circuitnn.oscillators.links import Dipolar, Electrical
from circuitnn.oscillators.macrospins import Macrospins

GAMMA0, MU0, HBAR, CHARGE = 2.21276147e5, 4e-7 * np.pi, 1.054571817e-34, 1.602176634e-19
MS, ALPHA, THICKNESS, AREA = np.array([8e5, 1.1e6]), np.array([0.02, 0.05]), 2e-9, 4e-15
POSITIONS = np.array([[0.0, 0.0, 0.0], [6e-8, 3e-8, 2e-8]])
POLARISER, START = np.array([1.0, 0.0, 0.0]), np.array([[0.8, 0.6, 0.0], [0.0, -0.6, 0.8]])
RP, TMR = 900.0, 0.8


def pair(links, **parameters):
    return Macrospins(
        2, links=links, ms=MS, alpha=ALPHA, thickness=THICKNESS, area=AREA, polariser=POLARISER, gamma0=GAMMA0, r_p=RP,
        tmr=TMR, **parameters,
    )  # fmt: skip


def slopes(m, fields, currents):
    """dm/dt of both from dm/dt - alpha m x dm/dt = -gamma0 m x H - gamma0 a m x (m x p)."""
    out = np.empty((2, 3))
    for k in range(2):
        field = fields[k] - MS[k] * np.array([0.0, 0.0, m[k, 2]])
        a = HBAR * 0.5 * currents[k] / (2.0 * CHARGE * MU0 * MS[k] * THICKNESS * AREA)
        right = -GAMMA0 * np.cross(m[k], field) - GAMMA0 * a * np.cross(m[k], np.cross(m[k], POLARISER))
        x, y, z = m[k]
        turn = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        out[k] = np.linalg.solve(np.eye(3) - ALPHA[k] * turn, right)
    return out


def dipole(m, k):
    """Return the field at one of the other."""
    apart = POSITIONS[k] - POSITIONS[1 - k]
    distance = np.linalg.norm(apart)
    e, moment = apart / distance, MS[1 - k] * THICKNESS * AREA * m[1 - k]
    return (3.0 * (moment @ e) * e - moment) / (4.0 * np.pi * distance**3)


@pytest.mark.parametrize(("method", "tolerance"), [("rk4", 1e-9), ("heun", 3e-4)])
def test_two_dipoles(method, tolerance):
    def right(t, y):
        m = y.reshape(2, 3)
        outside = np.array([1e4, 0.0, 2e3 * np.sin(2.0 * np.pi * 5e9 * t)])
        return slopes(m, [dipole(m, k) + outside for k in range(2)], (0.0, 0.0)).ravel()

    # heun: (omega h)^2 / 6 = 4e-6 of a phase of some 50 rad
    exact = solve_ivp(right, (0.0, 1e-9), START.ravel(), method="DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    pop = pair([Dipolar(POSITIONS)], field=(1e4, 0.0, 0.0))
    drive = Sine((0.0, 0.0, 2e3), 5e9, on="field")
    run = pop.run(1e-9, 1e-13, method=method, start=START, drive=drive)
    np.testing.assert_allclose(run.final["m"], exact.reshape(2, 3), atol=tolerance)
    alone = pair([], field=(1e4, 0.0, 0.0)).run(1e-9, 1e-13, method=method, start=START, drive=drive)
    assert np.abs(alone.final["m"] - run.final["m"]).max() > 0.05  # the coupling is seen


def test_two_junctions_in_series():
    dc, load, capacitance = 2e-3, 50.0, 1e-12
    low, high = 1.0 / RP, 1.0 / (RP * (1.0 + TMR))
    rest = 2.0 * dc / (0.5 * (low + high))  # across p

    def string(m, v):
        resistance = (1.0 / (0.5 * (low + high) + 0.5 * (low - high) * (m @ POLARISER))).sum()
        return (load * dc + v) / (load + resistance)

    def right(t, y):
        m = y[:6].reshape(2, 3)
        current = string(m, y[6])
        rates = slopes(m, np.tile([1e4, 0.0, 0.0], (2, 1)), (current, current))
        return np.append(rates.ravel(), (dc - current) / capacitance)

    begin = np.append(START.ravel(), rest)
    exact = solve_ivp(right, (0.0, 1e-9), begin, method="DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    pop = pair([Electrical(dc, load, capacitance)], field=(1e4, 0.0, 0.0))
    run = pop.run(1e-9, 1e-13, start=START, every=100)
    np.testing.assert_allclose(run.final["m"], exact[:6].reshape(2, 3), atol=1e-9)
    assert run.final.links[0] + rest == pytest.approx(exact[6], rel=1e-9)
    current = string(exact[:6].reshape(2, 3), exact[6])
    assert run["string_current"][-1] == pytest.approx(current, rel=1e-8)
    assert run["string_output"][-1] == pytest.approx(load * (dc - current), rel=1e-6)
    half = pop.run(4e-10, 1e-13, start=START)
    again = pop.run(6e-10, 1e-13, start=half.final)
    np.testing.assert_array_equal(again.final["m"], run.final["m"])


def test_links_that_do_nothing_leave_results_as_they_are():
    """Far apart, with noise: the numbers of the kernel without links, which renormalises by a series."""
    rng = np.random.default_rng(0)
    n, start = 70, rng.normal(size=(70, 3))
    start /= np.linalg.norm(start, axis=1)[:, None]
    given = {"ms": 8e5, "alpha": 0.05, "thickness": 2e-9, "area": 3e-15, "current": 1e-4, "chi": 0.2}
    far = Macrospins(n, links=[Dipolar(rng.normal(size=(n, 3)))], **given)
    for method, noise in (("rk4", {}), ("heun", {"temp": 300.0, "seed": 3})):
        run = far.run(1e-10, 1e-12, method=method, start=start, every=20, threads=1, **noise)
        alone = Macrospins(n, **given).run(1e-10, 1e-12, method=method, start=start, every=20, **noise)
        np.testing.assert_allclose(run["m"], alone["m"], atol=1e-13)
        more = far.run(1e-10, 1e-12, method=method, start=start, every=20, threads=2, **noise)
        np.testing.assert_array_equal(more["m"], run["m"])


def test_a_dipole_acts_as_its_moment_says():
    """Along the axis 2 M / (4 pi r^3), across it -M / (4 pi r^3)."""
    pop = Macrospins(2, ms=1e6, alpha=0.1, thickness=1e-9, area=1e-15)
    tensor = Dipolar([[0, 0, 0], [0, 0, 1e-7]]).bind(pop)
    one = 1e6 * 1e-24 / (4.0 * np.pi * 1e-21)
    np.testing.assert_allclose(tensor[:, 0, :, 1], one * np.diag([-1.0, -1.0, 2.0]), rtol=1e-12)
    assert not tensor[:, 0, :, 0].any()


@pytest.mark.parametrize(
    ("links", "problem"),
    [
        (lambda: [Dipolar([[0, 0, 0]])], "1 positions of 2"),
        (lambda: [Dipolar([[0, 0, 0], [0, 0, 0]])], "same position"),
        (lambda: [Dipolar([0, 0, 0])], "positions of dipoles"),
        (lambda: [Electrical(1e-3, 0.0, 1e-12)], "no such circuit"),
        (lambda: [Electrical(1e-3, 50.0, 1e-12, members=[0, 2])], "not there"),
        (lambda: [Electrical(1e-3, 50.0, 1e-12, members=[0, 0])], "not usable"),
        (lambda: ["near"], "no link"),
    ],
)
def test_links_that_do_not_fit(links, problem):
    with pytest.raises(UsageError, match=problem):
        pair(links())


def test_runs_that_do_not_go_with_links():
    pop = pair([Electrical(1e-3, 50.0, 1e-12)])
    with pytest.raises(UsageError, match="midpoint goes with no links"):
        pop.run(1e-12, 1e-12, method="midpoint", start=START)
    twice = pair([Electrical(1e-3, 50.0, 1e-12), Electrical(1e-3, 50.0, 1e-12, name="other")])
    with pytest.raises(UsageError, match="in two strings"):
        twice.run(1e-12, 1e-12, start=START)
    with pytest.raises(UsageError, match="cannot be taken"):
        pop.take([0])
