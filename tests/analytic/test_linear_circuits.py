"""Linear circuits against closed forms: resistances, step and frequency responses, two-ports, breakpoints, signs."""

import math

import numpy as np
import pytest

import circuitnn as cn

#: Transients run at reltol = 1e-6; the truncation errors of a hundred steps in a time constant may add up to this part
#: of the swing.
TRANSIENT = 1e-4


def run(*lines):
    return cn.parse("\n".join(["title", *lines, ".end"])).run()


def accurate(*lines):
    return run(".options reltol=1e-6 abstol=1e-15 vntol=1e-9", *lines)


def ladder(series, shunt):
    """Lines of a ladder fed by one ampere at n0; v(n0) is its input resistance."""
    lines = ["i1 0 n0 1"]
    for k, (rs, rp) in enumerate(zip(series, shunt, strict=True)):
        lines += [f"rs{k} n{k} n{k + 1} {rs!r}", f"rp{k} n{k + 1} 0 {rp!r}"]
    return lines


# ---------------------------------------------------------------------- resistances
@pytest.mark.parametrize("sections", [1, 2, 5, 12, 30])
def test_unit_ladder_is_a_ratio_of_fibonacci_numbers(sections):
    fibonacci = [0, 1]
    while len(fibonacci) < 2 * sections + 2:
        fibonacci.append(sum(fibonacci[-2:]))
    op = run(*ladder([1.0] * sections, [1.0] * sections), ".op").op
    # A solve of a well-conditioned matrix: rounding only.
    assert op["v(n0)"] == pytest.approx(fibonacci[2 * sections + 1] / fibonacci[2 * sections], rel=1e-13, abs=0.0)


def test_ladder_is_a_continued_fraction():
    rng = np.random.default_rng(7)
    series, shunt = 10 ** rng.uniform(0, 6, (2, 40))
    expected = 0.0
    conductance = 0.0
    for rs, rp in zip(series[::-1], shunt[::-1], strict=True):
        expected = rs + 1.0 / (1.0 / rp + conductance)
        conductance = 1.0 / expected
    op = run(*ladder(series.tolist(), shunt.tolist()), ".op").op
    # Conductances over six decades: cancellation in the diagonal may cost them times rounding, 1e6 * 1e-16.
    assert op["v(n0)"] == pytest.approx(expected, rel=1e-10)


def test_cube_of_resistors():
    """Across the body diagonal 5/6, a face diagonal 3/4, an edge 7/12 of one resistor."""
    corners = [f"{x}{y}{z}" for x in "01" for y in "01" for z in "01"]
    edges = [(a, b) for a in corners for b in corners if a < b and sum(p != q for p, q in zip(a, b, strict=True)) == 1]
    lines = [f"r{a}{b} n{a} {'n' + b if b != '111' else '0'} 1k" for a, b in edges]
    for corner, part in (("000", 5 / 6), ("001", 3 / 4), ("011", 7 / 12)):
        op = run(*lines, f"i1 0 n{corner} 1m", ".op").op
        assert op[f"v(n{corner})"] == pytest.approx(part, rel=1e-13, abs=0.0)


def test_currents_into_positive_terminals_are_positive():
    op = run("v1 a 0 10", "r1 a b 1k", "v2 b 0 4", "l1 a c 1m", "r2 c 0 2k", ".op").op
    assert op["i(v1)"] == pytest.approx(-(6e-3 + 5e-3), rel=1e-12, abs=0.0)
    assert op["i(v2)"] == pytest.approx(6e-3, rel=1e-12, abs=0.0)
    assert op["i(l1)"] == pytest.approx(5e-3, rel=1e-12, abs=0.0)


def test_controlled_sources():
    op = run(
        "v1 a 0 2", "vs a b 0", "r1 b 0 1k",
        "e1 e 0 a 0 3", "re e 0 1k", "g1 0 g a 0 1m", "rg g 0 500",
        "f1 0 f vs 10", "rf f 0 100", "h1 h 0 vs 250", "rh h 0 1k", ".op",
    ).op  # fmt: skip
    assert [op[f"v({n})"] for n in "egfh"] == pytest.approx([6.0, 1.0, 2.0, 0.5], rel=1e-12, abs=0.0)


def test_dc_sweep_of_two_sources_is_a_plane():
    dc = run("v1 a 0 0", "v2 b 0 0", "r1 a m 1k", "r2 b m 2k", "r3 m 0 2k", ".dc v1 -1 1 0.5 v2 0 3 1").dc
    first, second = np.meshgrid(np.linspace(-1, 1, 5), np.arange(4.0))
    np.testing.assert_allclose(dc["v(m)"], ((2 * first + second) / 4.0).ravel(), rtol=1e-12, atol=1e-12)


# ---------------------------------------------------------------------- step responses
def ramp_response(kernel_integral, rise):
    """Response to a unit ramp of finite rise time, from the integral of the unit step's response."""

    def response(t):
        return (kernel_integral(np.maximum(t, 0.0)) - kernel_integral(np.maximum(t - rise, 0.0))) / rise

    return response


@pytest.mark.parametrize("method", ["trap", "gear"])
def test_rc_step(method):
    tau, rise = 1e-6, 1e-8
    tran = accurate(
        f".options method={method}", "v1 in 0 pulse(0 1 1u 10n 10n 1 2)", "r1 in out 1k", "c1 out 0 1n", ".tran 20n 8u"
    ).tran
    exact = ramp_response(lambda t: t - tau * (1.0 - np.exp(-t / tau)), rise)(tran.time - 1e-6)
    np.testing.assert_allclose(tran["v(out)"], exact, atol=TRANSIENT, rtol=0)
    np.testing.assert_allclose(-tran["i(v1)"], (tran["v(in)"] - exact) / 1e3, atol=TRANSIENT * 1e-3, rtol=0)


def test_rl_step():
    tau, rise = 50e-3 / 100.0, 1e-6
    tran = accurate("v1 in 0 pulse(0 10 0 1u 1u 1 2)", "r1 in a 100", "l1 a 0 50m", ".tran 10u 3m").tran
    exact = 0.1 * ramp_response(lambda t: t - tau * (1.0 - np.exp(-t / tau)), rise)(tran.time)
    np.testing.assert_allclose(tran["i(l1)"], exact, atol=0.1 * TRANSIENT, rtol=0)


@pytest.mark.parametrize("resistance", [20.0, 200.0, 1000.0], ids=["underdamped", "critical", "overdamped"])
def test_rlc_step(resistance):
    inductance, capacitance, rise = 1e-3, 1e-7, 1e-6
    # v'' + (R/L) v' + v/LC = u/LC from rest, integrated: partial fractions of 1/(s^2 p(s)), p with two roots.
    a, b = np.roots([1.0, resistance / inductance, 1.0 / (inductance * capacitance)]).astype(complex)
    if resistance == 200.0:
        a, b = a * (1 + 1e-4), b * (1 - 1e-4)  # apart by enough for the formula, by less than the tolerance

    def integral(t):
        return (t + (a + b) / (a * b) - (b * np.exp(a * t) / a - a * np.exp(b * t) / b) / (b - a)).real

    tran = accurate(
        "v1 in 0 pulse(0 1 0 1u 1u 1 2)",
        f"r1 in a {resistance}",
        "l1 a out 1m",
        "c1 out 0 100n",
        ".tran 0.5u 300u 0 0.1u",
    ).tran
    exact = ramp_response(integral, rise)(tran.time)
    np.testing.assert_allclose(tran["v(out)"], exact, atol=2 * TRANSIENT, rtol=0)


def test_discharge_with_uic_and_ic():
    tran = accurate("r1 a 0 1k", "c1 a 0 1u ic=5", ".tran 10u 3m uic").tran
    assert tran.time[0] == 0.0 and tran["v(a)"][0] == 5.0
    np.testing.assert_allclose(tran["v(a)"], 5.0 * np.exp(-tran.time / 1e-3), atol=5 * TRANSIENT, rtol=0)


def test_inductor_current_with_uic_and_ic():
    tran = accurate("r1 a 0 100", "l1 a 0 10m ic=20m", ".tran 1u 400u uic").tran
    exact = 20e-3 * np.exp(-tran.time / 1e-4)
    np.testing.assert_allclose(tran["i(l1)"], exact, atol=20e-3 * TRANSIENT, rtol=0)
    np.testing.assert_allclose(tran["v(a)"][1:], -100.0 * exact[1:], atol=2 * TRANSIENT, rtol=0)


def test_ic_of_nodes_holds_the_operating_point_then_lets_go():
    tran = accurate("v1 in 0 5", "r1 in a 1k", "c1 a 0 1u", ".ic v(a)=1", ".tran 10u 5m").tran
    # Nodes are tied with 1e10 S, so 4 mA bend the condition by 4e-13 V.
    assert tran["v(a)"][0] == pytest.approx(1.0, abs=1e-11)
    np.testing.assert_allclose(tran["v(a)"], 5.0 - 4.0 * np.exp(-tran.time / 1e-3), atol=4 * TRANSIENT, rtol=0)


def test_flat_run():
    """Nothing happens without a stimulus."""
    tran = accurate("v1 in 0 3", "r1 in a 1k", "l1 a b 1m", "c1 b 0 1n", "r2 b 0 2k", ".tran 1u 100u").tran
    np.testing.assert_allclose(tran["v(b)"], 2.0, rtol=1e-12)
    np.testing.assert_allclose(tran["i(l1)"], 1e-3, rtol=1e-9)


# ---------------------------------------------------------------------- frequency responses
def test_rc_frequency_response():
    ac = run("v1 in 0 ac 2 30", "r1 in out 1k", "c1 out 0 1n", ".ac dec 10 1k 100meg").ac
    exact = 2.0 * np.exp(1j * math.pi / 6) / (1.0 + 2j * np.pi * ac.frequency * 1e-6)
    np.testing.assert_allclose(ac["v(out)"], exact, rtol=1e-12)


def test_rlc_resonance():
    ac = run("v1 in 0 ac 1", "r1 in a 10", "l1 a b 1m", "c1 b 0 100n", ".ac lin 201 10k 22k").ac
    s = 2j * np.pi * ac.frequency
    impedance = 10.0 + s * 1e-3 + 1.0 / (s * 1e-7)
    np.testing.assert_allclose(ac["i(v1)"], -1.0 / impedance, rtol=1e-11)
    np.testing.assert_allclose(ac["v(b)"], 1.0 / (s * 1e-7 * impedance), rtol=1e-11)


def test_transformer_frequency_response():
    l1, l2, k, rp, rl = 1e-2, 4e-2, 0.95, 10.0, 600.0
    ac = run(f"v1 p 0 ac 1\nr1 p a {rp}\nl1 a 0 {l1}\nl2 b 0 {l2}\nk1 l1 l2 {k}\nr2 b 0 {rl}", ".ac dec 5 10 1meg").ac
    for f, primary, secondary in zip(ac.frequency, ac["i(l1)"], ac["i(l2)"], strict=True):
        s = 2j * np.pi * f
        m = k * math.sqrt(l1 * l2)
        expected = np.linalg.solve(np.array([[rp + s * l1, s * m], [s * m, rl + s * l2]]), [1.0, 0.0])
        np.testing.assert_allclose([primary, secondary], expected, rtol=1e-11)


def test_two_port_ladder():
    """The transfer of a ladder of R, L and C sections is 1/A of its chain matrix; its input current is C/A."""
    rng = np.random.default_rng(11)
    series, shunt = rng.uniform(10.0, 1e3, 8).tolist(), rng.uniform(1e-10, 1e-8, 8).tolist()
    inductance = rng.uniform(1e-6, 1e-4, 8).tolist()
    lines = ["v1 n0 0 ac 1"]
    for k in range(8):
        lines += [
            f"r{k} n{k} m{k} {series[k]!r}",
            f"l{k} m{k} n{k + 1} {inductance[k]!r}",
            f"c{k} n{k + 1} 0 {shunt[k]!r}",
        ]
    ac = run(*lines, ".ac dec 4 1k 10meg").ac
    for f, out, current in zip(ac.frequency, ac["v(n8)"], ac["i(v1)"], strict=True):
        s = 2j * np.pi * f
        chain = np.eye(2, dtype=complex)
        for k in range(8):
            chain = chain @ [[1.0, series[k] + s * inductance[k]], [0.0, 1.0]] @ [[1.0, 0.0], [s * shunt[k], 1.0]]
        assert out == pytest.approx(1.0 / chain[0, 0], rel=1e-9, abs=0.0)
        assert current == pytest.approx(-chain[1, 0] / chain[0, 0], rel=1e-9, abs=0.0)


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("dec 3 10 1k", 10.0 * 10 ** (np.arange(7) / 3)),
        ("oct 2 100 800", 100.0 * 2 ** (np.arange(7) / 2)),
        ("lin 5 100 300", np.linspace(100.0, 300.0, 5)),
    ],
)
def test_frequencies(card, expected):
    ac = run("v1 a 0 ac 1", "r1 a 0 1", f".ac {card}").ac
    np.testing.assert_allclose(ac.frequency, expected, rtol=1e-12)


# ---------------------------------------------------------------------- breakpoints
def test_corners_of_waveforms_are_time_points():
    tran = run(
        "v1 a 0 pulse(0 1 1.1u 0.3u 0.2u 1.7u 5u)", "r1 a 0 1k",
        "v2 b 0 pwl(0 0 0.77u 1 2.345u -1 9.1u 0)", "r2 b c 1k", "c2 c 0 1n", ".tran 1u 10u",
    ).tran  # fmt: skip
    corners = [1.1, 1.4, 3.1, 3.3, 6.1, 6.4, 8.1, 8.3, 0.77, 2.345, 9.1, 10.0]
    for corner in corners:
        # A landed step is the corner itself, to the rounding of td + k*per.
        assert np.abs(tran.time - corner * 1e-6).min() < 1e-12 * 1e-5, corner
    assert tran["v(a)"][np.abs(tran.time - 1.4e-6).argmin()] == pytest.approx(1.0, abs=1e-12)


def test_time_points_increase_and_respect_the_largest_step():
    tran = run("v1 a 0 sin(0 1 1k)", "r1 a b 1k", "c1 b 0 10n", ".tran 1m 5m 1m 20u").tran
    assert tran.time[0] == pytest.approx(1e-3, abs=20e-6) and tran.time[0] >= 1e-3 * (1 - 1e-9)
    assert tran.time[-1] == 5e-3
    steps = np.diff(tran.time)
    assert steps.min() > 0.0 and steps.max() <= 20e-6 * (1 + 1e-9)


@pytest.mark.parametrize(
    ("card", "wave"),
    [
        ("sin(0.5 2 1k 0.1m 300)", lambda t: np.where(
            t < 1e-4, 0.5, 0.5 + 2 * np.sin(2e3 * np.pi * (t - 1e-4)) * np.exp(-300 * np.maximum(t - 1e-4, 0)))),
        ("exp(1 3 0.2m 0.1m 1m 0.4m)", lambda t: 1
            + 2 * (1 - np.exp(-np.maximum(t - 2e-4, 0) / 1e-4)) - 2 * (1 - np.exp(-np.maximum(t - 1e-3, 0) / 4e-4))),
        ("pulse(-1 2 0.1m 0.05m 0.1m 0.3m 0.6m)", lambda t: np.interp(
            np.where(t < 1e-4, 0.0, (t - 1e-4) % 6e-4), [0, 5e-5, 3.5e-4, 4.5e-4, 6e-4], [-1, 2, 2, -1, -1])),
        ("pwl(0.1m 1 0.5m -2 0.6m 0)", lambda t: np.interp(t, [1e-4, 5e-4, 6e-4], [1, -2, 0])),
    ],
    ids=["sin", "exp", "pulse", "pwl"],
)  # fmt: skip
def test_waveforms(card, wave):
    tran = run(f"v1 a 0 {card}", "r1 a 0 1k", ".tran 10u 2m").tran
    # At a corner the rounding of the time is seen through the slope: 1e-19 s * 6e4 V/s.
    np.testing.assert_allclose(tran["v(a)"], wave(tran.time), atol=1e-10, rtol=0)
