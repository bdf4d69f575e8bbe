"""Macrospins against closed forms of Landau, Lifshitz, Gilbert and Slonczewski's equation, and of Fokker and Planck's.

`gilbert` in this file is that equation in its implicit form, solved for dm/dt by a linear system: nothing of the
explicit form of the kernels is in it.
"""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from circuitnn.devices.physics import BOLTZMANN
from circuitnn.oscillators.drives import Samples, Sine
from circuitnn.oscillators.macrospins import Macrospins

MU0 = 4e-7 * np.pi
GAMMA0 = 2.21276147e5
AREA, THICKNESS, MS = 3.1416e-16, 2e-9, 8e5
VOLUME = AREA * THICKNESS
FILM, NONE = (0.0, 0.0, 1.0), (0.0, 0.0, 0.0)
X, Z = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)


def spins(n=1, a=None, **parameters):
    """Return macrospins with these numbers, whose current makes the torque a (A/m)."""
    given = {"ms": MS, "alpha": 0.01, "thickness": THICKNESS, "area": AREA, "gamma0": GAMMA0} | parameters
    if a is None:
        return Macrospins(n, **given)
    return Macrospins(n, **given, current=np.asarray(a) / Macrospins(n, **given).torque)


def direction(theta, phi=0.0):
    return np.array([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)])


def mode(signal, spacing):
    """Return frequency and growth rate of one damped oscillation about zero, from x[k+1] = c x[k] - d x[k-1]."""
    table = np.column_stack([signal[1:-1], -signal[:-2]])
    c, d = np.linalg.lstsq(table, signal[2:], rcond=None)[0]
    return np.arccos(0.5 * c / np.sqrt(d)) / (2.0 * np.pi * spacing), 0.5 * np.log(d) / spacing


def turns(m, time):
    """Return the frequency of the turning about z over a record."""
    phase = np.unwrap(np.arctan2(m[:, 1], m[:, 0]))
    return (phase[-1] - phase[0]) / (2.0 * np.pi * (time[-1] - time[0]))


# ------------------------------------------------------------------ S1, S2: relaxation in a field along p
def relaxed(alpha, field, a, theta, time):
    """tan(theta / 2) decays with tau = (1 + alpha^2) / (gamma0 (alpha H + a)), phi turns by gamma0 (H - alpha a)."""
    tau = (1.0 + alpha**2) / (GAMMA0 * (alpha * field + a))
    end = 2.0 * np.arctan(np.tan(0.5 * theta) * np.exp(-time / tau))
    return direction(end, GAMMA0 * (field - alpha * a) * time / (1.0 + alpha**2))


def relaxing(a=0.0):
    return spins(a=a, alpha=0.1, demag=NONE, field=(0.0, 0.0, 1e5))


def test_the_closed_form_has_the_numbers_of_the_reference():
    expected = (-0.33689708579, 0.02789764903, 0.94112808619)
    # gamma0 is rounded by 2e-9 here: that of a phase of 22 rad, whose sine is 1/3 of it
    np.testing.assert_allclose(relaxed(0.1, 1e5, 0.0, 2.0, 1e-9), expected, atol=2e-8)


@pytest.mark.parametrize("method", ["rk4", "heun", "midpoint", "rk45"])
@pytest.mark.parametrize("a", [0.0, 3e4, -2e3])
def test_relaxation_in_a_field(method, a):
    run = relaxing(a).run(1e-9, 5e-14, method=method, start=direction(2.0), tolerance=1e-12, every=2000)
    exact = [relaxed(0.1, 1e5, a, 2.0, t) for t in run.time]
    # second order: 1.57e-2 of Heun at 5 ps, over 100^2; half that of the midpoint
    np.testing.assert_allclose(run["m"][:, 0], exact, atol=2e-9 if method.startswith("rk") else 3e-6)


@pytest.mark.parametrize(
    ("method", "order", "first", "drift"),
    [("heun", 2, 1.5704e-2, 2.27e-3), ("rk4", 4, 9.310e-6, 4.4e-7), ("midpoint", 2, 7.663e-3, 1e-13)],
)
def test_orders_of_the_methods(method, order, first, drift):
    exact = relaxed(0.1, 1e5, 0.0, 2.0, 1e-9)
    errors = []
    for steps in (200, 400, 800):
        arguments = {"method": method, "start": direction(2.0), "renormalise": False, "tolerance": 1e-14}
        run = relaxing().run(1e-9, 1e-9 / steps, **arguments)
        errors.append(np.linalg.norm(run.final["m"][0] - exact))
        if steps == 200:
            norm = abs(np.linalg.norm(run.final["m"][0]) - 1.0)
            assert norm <= run.stats["norm drift"] + 1e-14
            assert norm == pytest.approx(drift, rel=0.01) if method != "midpoint" else norm < drift
    # the first is the number of an independent program (midpoint: this one), printed to four digits
    assert errors[0] == pytest.approx(first, rel=2e-3)
    # the next order's share of the error is that much: 2.02 and 4.02 with the coarsest steps
    np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), order, atol=0.03)


def test_renormalised_steps_end_on_the_sphere():
    # each Heun step of 50 ps strays by more than the series of the kernel covers
    for step in (1e-12, 1e-11, 5e-11):
        run = relaxing().run(1e-9, step, method="heun", start=direction(2.0))
        np.testing.assert_allclose(np.linalg.norm(run["m"], axis=2), 1.0, rtol=0.0, atol=4e-16)
    assert run.stats["norm drift"] > 1e-2


def test_adaptive_steps_keep_to_their_tolerance():
    errors = []
    for tolerance in (1e-5, 1e-7, 1e-9):
        run = relaxing().run(1e-9, 1e-10, method="rk45", start=direction(2.0), tolerance=tolerance)
        errors.append(np.abs(run.final["m"][0] - relaxed(0.1, 1e5, 0.0, 2.0, 1e-9)).max())
    # of each step; the errors of some hundred steps add, or cancel
    assert all(error < 100.0 * t for error, t in zip(errors, (1e-5, 1e-7, 1e-9), strict=True))
    assert errors[0] > 100.0 * errors[2]
    assert run.stats["rejected steps"] > 0


# ------------------------------------------------------------------ S3 to S9: magnets of one domain
def test_perpendicular_polariser():
    """f = gamma0 a / (2 pi alpha), m_z = a / (alpha M_eff): 3.52171926 GHz and 1/8."""
    run = spins(a=1000.0).run(2e-8, 1e-12, start=direction(1.4), every=10)
    late = run.time > 1.5e-8
    # what is left of the transient has decayed with alpha gamma0 M_eff, to exp(-26)
    assert abs(turns(run["m"][late, 0], run.time[late])) == pytest.approx(3.52171926e9, rel=1e-7)
    assert run.final["m"][0, 2] == pytest.approx(0.125, rel=1e-7)


def test_kittel():
    """In the plane (gamma0 / 2 pi) sqrt((H + Hk)(H + Hk + M)), and out of it (gamma0 / 2 pi)(H - M)."""
    flat = spins(alpha=0.0, field=(4e4, 0.0, 0.0), hk=1e4, axis=X)
    run = flat.run(2e-9, 5e-13, start=(1.0, 1e-5, 0.0), every=40)
    # the next term is the square of an amplitude of 1e-5, the error of RK4 (omega h)^4 / 120 = 2e-9
    assert mode(run["m"][:, 0, 1], 2e-11)[0] == pytest.approx(7.26021026e9, rel=1e-8)
    run = spins(alpha=0.0, field=(0.0, 0.0, 1e6)).run(2e-9, 5e-13, start=(1e-5, 0.0, 1.0), every=10)
    assert abs(turns(run["m"][:, 0], run.time)) == pytest.approx(GAMMA0 * 2e5 / (2.0 * np.pi), rel=1e-8)


def pinned(n=1, **parameters):
    """A film in a field along its easy axis, with the polariser opposite: a > 0 takes its damping away."""
    return spins(n, field=(4e4, 0.0, 0.0), hk=1e4, axis=X, polariser=(-1.0, 0.0, 0.0), **parameters)


def test_ring_down_and_critical_current():
    """Growth gamma0 (a - a_c) / (1 + alpha^2) with a_c = alpha (H + Hk + M_eff / 2) = 4500 A/m."""
    parts = np.array([0.0, 0.5, 0.95, 1.05])
    run = pinned(4, a=4500.0 * parts).run(2e-9, 5e-13, start=(1.0, 1e-5, 0.0), every=40)
    rates = [mode(run["m"][:, k, 1], 2e-11)[1] for k in range(4)]
    np.testing.assert_allclose(rates, [-9.956431e8, -4.97822e8, -4.97822e7, 4.97822e7], rtol=3e-6)
    # the current of it: 431.844 uA through a disk of 100 nm with eta = 1/2
    disk = Macrospins(ms=8e5, alpha=0.01, thickness=2e-9, area=np.pi / 4.0 * 1e-14, eta=0.5)
    assert 4500.0 / disk.torque[0] == pytest.approx(431.844e-6, rel=2e-6)


def test_frequency_falls_with_current_above_the_threshold():
    """In the plane: numbers of an independent integration, five digits."""
    parts, expected = np.array([1.1, 1.2, 1.5]), [6.3845e9, 5.7627e9, 4.5420e9]
    run = pinned(3, a=4500.0 * parts).run(1.2e-7, 1e-12, start=direction(0.5 * np.pi, 0.5), every=5)
    for k in range(3):
        late, y = run.time > 1e-7, run["m"][:, k, 1]
        t, y = run.time[late], y[late]
        up = np.flatnonzero((y[:-1] < 0.0) & (y[1:] >= 0.0))
        zero = t[up] - y[up] * (t[up + 1] - t[up]) / (y[up + 1] - y[up])
        # zeros between points 5 ps apart, over a hundred periods
        assert (len(zero) - 1) / (zero[-1] - zero[0]) == pytest.approx(expected[k], rel=1e-4)


def test_perpendicular_switching():
    """With a = 2 alpha Hk: from pi - 0.1 to pi / 2 in 2.86554752 ns; none at 0.9 alpha Hk."""
    pop = spins(2, a=(8000.0, 3600.0), alpha=0.02, demag=NONE, hk=2e5)
    run = pop.run(3e-9, 1e-12, start=direction(np.pi - 0.1))
    z = run["m"][:, :, 2]
    k = np.flatnonzero(z[:, 0] < 0.0)[-1]
    crossing = run.time[k] - 1e-12 * z[k, 0] / (z[k + 1, 0] - z[k, 0])
    assert crossing == pytest.approx(2.86554752e-9, rel=1e-6, abs=0.0)
    assert (np.diff(z[:, 1]) < 0.0).all()


# ------------------------------------------------------------------ all parameters and drives, by another solver
def gilbert(t, m, p):
    """dm/dt from dm/dt - alpha m x dm/dt = the rest."""
    m = np.asarray(m)
    axis = np.asarray(p["axis"]) / np.linalg.norm(p["axis"])
    polariser = np.asarray(p["polariser"]) / np.linalg.norm(p["polariser"])
    field = np.asarray(p["field"](t)) + p["hk"] * (m @ axis) * axis - p["ms"] * np.asarray(p["demag"]) * m
    planck, charge = 1.054571817e-34, 1.602176634e-19
    efficiency = p["eta"] / (1.0 + p["chi"] * (m @ polariser))
    a = planck * efficiency * p["current"](t) / (2.0 * charge * MU0 * p["ms"] * p["thickness"] * p["area"])
    right = -GAMMA0 * np.cross(m, field) - GAMMA0 * a * np.cross(m, np.cross(m, polariser))
    right -= GAMMA0 * p["beta"] * a * np.cross(m, polariser)
    x, y, z = m
    turn = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.linalg.solve(np.eye(3) - p["alpha"] * turn, right)


GENERAL = {
    "ms": 1.1e6, "alpha": 0.03, "thickness": 1.6e-9, "area": 5e-15, "demag": (0.02, 0.05, 0.93), "hk": 3e5,
    "axis": (0.3, -0.2, 1.0), "field": (2e4, -3e4, 5e4), "polariser": (1.0, 0.4, 0.2), "eta": 0.6, "chi": 0.35,
    "beta": 0.25, "current": 2e-4, "gamma0": GAMMA0,
}  # fmt: skip


def test_all_parameters_and_drives_at_once():
    samples = np.array([0.0, 1e4, -5e3, 2e4, 0.0])
    drive = [
        Sine(1e-4, 4e9, 0.7),
        Samples(np.outer(samples, (1.0, 0.0, -0.5)), 2.5e-10, on="field"),
        Sine((0.0, 3e3, 0.0), 7e9, on="field"),
    ]
    knots = np.arange(5) * 2.5e-10

    def field(t):
        wave = np.interp(t, knots, samples)
        return np.array([2e4 + wave, -3e4 + 3e3 * np.sin(2.0 * np.pi * 7e9 * t), 5e4 - 0.5 * wave])

    def current(t):
        return 2e-4 + 1e-4 * np.sin(2.0 * np.pi * 4e9 * t + 0.7)

    known = GENERAL | {"field": field, "current": current}
    start = direction(0.4, 1.0)
    exact = start
    for piece in pairwise(knots):  # no step goes over a corner of the samples
        kind = {"method": "DOP853", "rtol": 1e-11, "atol": 1e-12}
        exact = solve_ivp(gilbert, piece, exact, args=(known,), **kind).y[:, -1]
    # heun and midpoint: second order, at (omega h)^2 ~ 1e-5
    for method, tolerance in (("rk4", 1e-9), ("rk45", 1e-9), ("heun", 2e-5), ("midpoint", 2e-5)):
        step = 2.5e-10 if method == "rk45" else 1e-13
        arguments = {"method": method, "start": start, "drive": drive, "tolerance": 1e-11}
        run = Macrospins(**GENERAL).run(1e-9, step, **arguments)
        np.testing.assert_allclose(run.final["m"][0], exact, atol=tolerance, err_msg=method)


def test_held_samples_keep_the_order_of_the_method():
    """A current that jumps between steps of RK4: as good as runs between the jumps."""
    levels = np.array([0.0, 3e-4, -1e-4, 2e-4])
    whole = Macrospins(**GENERAL).run(4e-10, 1e-12, start=X, drive=Samples(levels, 1e-10, hold=True))
    state = X
    for level in levels:
        state = Macrospins(**GENERAL | {"current": 2e-4 + level}).run(1e-10, 1e-12, start=state).final["m"]
    np.testing.assert_allclose(whole.final["m"], state, atol=1e-12)


# ------------------------------------------------------------------ S20: energy
def energy(pop, m):
    """Of one macrospin over mu0 Ms V, A/m."""
    return -0.5 * np.einsum("...i,ij,...j", m, pop._tensor()[0], m) - m @ pop.field[0]


def test_energy_falls_with_damping_and_stays_without():
    known = GENERAL | {"current": 0.0}
    pop = Macrospins(**known)
    falling = energy(pop, pop.run(2e-9, 1e-12, start=direction(2.0, 1.0))["m"][:, 0])
    assert (np.diff(falling) <= 1e-10 * np.abs(falling[0])).all()
    assert falling[-1] < falling[0] - 1e4
    free = Macrospins(**known | {"alpha": 0.0})
    drift = {}
    for method, step in (("rk4", 1e-12), ("rk4", 5e-13), ("midpoint", 1e-12)):
        run = free.run(2e-9, step, method=method, start=direction(2.0, 1.0), tolerance=1e-15)
        drift[method, step] = np.abs(energy(free, run["m"][:, 0]) - energy(free, direction(2.0, 1.0))).max()
    # RK4 loses energy with its fifth order, over a time with the fourth; the midpoint keeps quadratic forms
    assert drift["rk4", 1e-12] < 1e-3 * abs(falling[0])
    assert drift["rk4", 1e-12] / drift["rk4", 5e-13] > 14.0
    assert drift["midpoint", 1e-12] < 1e-11 * abs(falling[0])


# ------------------------------------------------------------------ random numbers
def philox(counter, key):
    """Philox 4x32-10 in whole numbers of any size (Salmon et al., SC 2011)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def test_philox_of_this_file_has_the_published_answer():
    """From the known answers that come with Random123: counter and key of all ones."""
    ones = [0xFFFFFFFF] * 4
    assert philox(ones, ones[:2]) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


def test_the_noise_of_a_step():
    """One Heun step by hand, from the numbers of Philox and Box and Muller."""
    seed, step, first = 0x123456789ABCDEF0, 1e-12, 3
    pop = spins(20, alpha=0.1, demag=NONE)
    before = pop.run(first * step, step, method="heun", start=X, temp=300.0, seed=seed)
    after = pop.run(step, step, method="heun", start=before.final, temp=300.0, seed=seed)
    for k in (0, 7, 8, 19):
        words = philox((first, 0x5350 << 16, k, 0), (seed & 0xFFFFFFFF, seed >> 32))
        u = (np.array(words) + 0.5) / 2.0**32
        radius = np.sqrt(-2.0 * np.log(u[::2]))
        normal = [radius[0] * np.cos(2 * np.pi * u[1]), radius[0] * np.sin(2 * np.pi * u[1])]
        normal.append(radius[1] * np.cos(2 * np.pi * u[3]))
        field = np.sqrt(2.0 * 0.1 * BOLTZMANN * 300.0 / (GAMMA0 * MU0 * MS * VOLUME * step)) * np.array(normal)
        m = before.final["m"][k]

        def slope(m, field=field):  # the explicit form: off the sphere, where the predictor is, forms differ
            turn = np.cross(m, field)
            return -GAMMA0 / (1.0 + 0.1**2) * (turn + 0.1 * np.cross(m, turn))

        one = slope(m)
        two = slope(m + step * one)
        end = m + 0.5 * step * (one + two)
        np.testing.assert_allclose(after.final["m"][k], end / np.linalg.norm(end), atol=1e-12)


def test_results_depend_neither_on_threads_nor_on_places():
    """Bit for bit: more threads, another order, one alone, and a run in two pieces."""
    rng = np.random.default_rng(4)
    n = 100
    pop = Macrospins(
        n,
        **GENERAL
        | {
            "axis": rng.normal(size=(n, 3)),
            "field": 1e5 * rng.normal(size=(n, 3)),
            "alpha": rng.uniform(0.005, 0.1, n),
            "chi": rng.uniform(0.0, 0.5, n),
        },
    )
    start = rng.normal(size=(n, 3))
    start /= np.linalg.norm(start, axis=1)[:, None]
    order = rng.permutation(n)
    for method, temp in (("rk4", None), ("heun", 300.0), ("midpoint", 300.0), ("rk45", None)):
        noise = {} if temp is None else {"temp": temp, "seed": 5}

        def end(of, begin, stop=2e-10, method=method, noise=noise, **more):
            return of.run(stop, 1e-12, method=method, start=begin, every=10, **noise, **more).final

        whole = end(pop, start, threads=1)["m"]
        np.testing.assert_array_equal(end(pop, start, threads=3)["m"], whole)
        np.testing.assert_array_equal(end(pop.take(order), start[order])["m"], whole[order])
        np.testing.assert_array_equal(end(pop.take([37]), start[[37]])["m"], whole[[37]])
        if method != "rk45":  # which forgets its step
            np.testing.assert_array_equal(end(pop, end(pop, start, 5e-11), 1.5e-10)["m"], whole)


def test_a_plain_oscillator_among_general_ones_rounds_as_alone():
    """Kernels leave out what no oscillator has: anisotropy off the axes, and chi."""
    axis, chi = np.tile(Z, (9, 1)), np.zeros(9)
    axis[3], chi[4] = (1.0, 1.0, 0.2), 0.3
    pop = Macrospins(9, **GENERAL | {"axis": axis, "chi": chi})
    whole = pop.run(2e-10, 1e-12, start=direction(0.4, 1.0)).final["m"]
    alone = pop.take([0]).run(2e-10, 1e-12, start=direction(0.4, 1.0)).final["m"]
    np.testing.assert_array_equal(alone, whole[[0]])


# ------------------------------------------------------------------ heat: Fokker and Planck's equation
TAU_D = (1.0 + 0.1**2) * MU0 * MS * VOLUME / (2.0 * 0.1 * GAMMA0 * BOLTZMANN * 300.0)


def test_the_time_of_free_diffusion_has_the_number_of_the_reference():
    # there the volume is pi / 4 (20 nm)^2 2 nm
    tau = TAU_D * (np.pi / 4.0 * 20e-9**2 * 2e-9) / VOLUME
    # seven digits are given (1.4e-7), with the exact Boltzmann constant; that of 2014 here is 3.5e-7 lower
    assert tau == pytest.approx(3.480422e-9, rel=6e-7, abs=0.0)


@pytest.mark.parametrize("method", ["heun", "midpoint"])
def test_free_diffusion_on_the_sphere(method):
    """<P1> decays with 1 / tau_D, <P2> three times as fast; the norm stays, as Stratonovich's calculus has it."""
    n = 40_000
    hot = spins(n, alpha=0.1, demag=NONE)
    run = hot.run(2e-9, 5e-12, method=method, start=Z, temp=300.0, seed=11, every=200, renormalise=False)
    z = run["m"][1:, :, 2]
    time = run.time[1:, None]
    # steps of 5 ps: the noise of Heun has the second moment right within (sigma h)^2 ~ 1e-3
    for value, decay in ((z, 1.0), (1.5 * z**2 - 0.5, 3.0)):
        error = value.std(axis=1) / np.sqrt(n)
        assert (np.abs(value.mean(axis=1) - np.exp(-decay * time[:, 0] / TAU_D)) < 4.0 * error + 1e-3).all()
        assert (error < 4e-3).all()
    # in Ito's calculus |m|^2 would grow as exp(2 t / tau_D), to 3.2
    # Heun's grows with (sigma h)^4 / 4 a step for each component across m: 2e-3 in 400 steps
    square = (run.final["m"] ** 2).sum(axis=1).mean()
    assert square == pytest.approx(1.0, abs=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "n"), [("heun", 4000), ("midpoint", 1500)])
def test_equipartition_in_a_field(method, n):
    """Langevin: <m_z> = coth(2) - 1/2 and <m_z^2> = 1 - 2 L / xi at xi = mu0 Ms V H / kT = 2."""
    field = 2.0 * BOLTZMANN * 300.0 / (MU0 * MS * VOLUME)
    assert field == pytest.approx(13_114.593, rel=1e-4)
    pop = spins(n, alpha=0.1, demag=NONE, field=(0.0, 0.0, field))
    start = np.random.default_rng(2).normal(size=(n, 3))
    run = pop.run(3e-8, 2e-12, method=method, start=start, temp=300.0, seed=12, every=250, tolerance=1e-6)
    z = run["m"][run.time >= 1.2e-8, :, 2]  # after four correlation times, from a start without order
    langevin = 1.0 / np.tanh(2.0) - 0.5
    for value, expected in ((z, langevin), (z**2, 1.0 - langevin)):
        means = value.mean(axis=0)  # of independent oscillators
        error = means.std() / np.sqrt(n)
        assert error < 8e-3
        # 4e-4: what is left of the start, 0.54 exp(-12 / 1.7)
        assert means.mean() == pytest.approx(expected, abs=4.0 * error + 4e-4)


@pytest.mark.slow
def test_escape_over_a_barrier_of_three_kt():
    """The lowest rate of the Fokker-Planck equation is 0.2357012 / tau_D; Brown's asymptote is 24 % above that."""
    n, barrier = 10_000, 3.0
    hk = 2.0 * barrier * BOLTZMANN * 300.0 / (MU0 * MS * VOLUME)
    run = spins(n, alpha=0.1, demag=NONE, hk=hk).run(
        2e-8, 2e-12, method="heun", start=Z, temp=300.0, seed=13, every=500
    )
    window = run.time >= 2.5e-9
    mean = run["m"][window, :, 2].mean(axis=1)
    # means of the same oscillators at later times: their errors grow from 0.5 to 4 %
    rate = -np.polyfit(run.time[window], np.log(mean), 1, w=mean)[0]
    assert rate * TAU_D == pytest.approx(0.2357012, rel=0.1)
