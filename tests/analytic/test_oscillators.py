"""Oscillators whose frequency has a closed form."""

import numpy as np
import pytest

import circuitnn as cn


def oscillation(deck, vector, stop, step, options="reltol=1e-5"):
    """Return the mean period and the amplitude over the later half of a run."""
    run = cn.parse(f"oscillator\n.options {options}\n{deck}\n.tran {step!r} {stop!r} 0 {step!r} uic\n.end\n").run().tran
    late = run.time > 0.5 * stop
    t, v = run.time[late], run[vector][late]
    k = np.flatnonzero((v[:-1] < 0.0) & (v[1:] >= 0.0))
    zero = t[k] - v[k] * (t[k + 1] - t[k]) / (v[k + 1] - v[k])
    assert len(zero) > 10
    return (zero[-1] - zero[0]) / (len(zero) - 1), 0.5 * (v.max() - v.min())


def test_van_der_pol():
    """A tank with i = -g v + k v^3: amplitude 2 sqrt(g / 3k), frequency 1 - eps^2 / 16 (eps = g sqrt(L / C))."""
    inductance, capacitance, g, k = 1e-6, 1e-9, 3e-3, 1e-3
    eps = g * np.sqrt(inductance / capacitance)
    period, amplitude = oscillation(
        f"l1 a 0 {inductance!r}\nc1 a 0 {capacitance!r} ic=0.1\nb1 a 0 i={-g!r}*v(a)+{k!r}*v(a)*v(a)*v(a)",
        "v(a)",
        1e-5,
        1e-9,
    )
    natural = 2.0 * np.pi * np.sqrt(inductance * capacitance)
    # The next terms are eps^4 / 3072 in the frequency and eps^2 / 96 in the amplitude; the trapezoidal rule adds
    # (omega h)^2 / 12 = 8e-5 to the period.
    assert period == pytest.approx(natural / (1.0 - eps**2 / 16.0), rel=3e-4)
    assert abs(1.0 - eps**2 / 16.0 - 1.0) > 5e-4  # the shift is seen
    assert amplitude == pytest.approx(2.0 * np.sqrt(g / (3.0 * k)), rel=5e-3)


def test_colpitts():
    """At the onset, gm R = C2 / C1, the frequency is that of L with C1 and C2 in series, whatever R is."""
    inductance, c1, c2, resistance = 1e-6, 1e-9, 2e-9, 500.0
    gm = 1.01 * c2 / c1 / resistance
    period, _ = oscillation(
        f"l1 d g {inductance!r}\nc1 d 0 {c1!r} ic=0.2\nc2 g 0 {c2!r}\nr1 d 0 {resistance!r}\n"
        f"b1 d 0 i={gm!r}*tanh(v(g))", "v(d)", 2e-5, 1e-9,
    )  # fmt: skip
    expected = 2.0 * np.pi * np.sqrt(inductance * c1 * c2 / (c1 + c2))
    # 1 % above the onset the harmonics move the frequency by their squares, some 1e-4 at most; the rule 1e-4 more.
    assert period == pytest.approx(expected, rel=4e-4)


@pytest.mark.parametrize(
    ("gain", "ratio", "sections"),
    [
        (29.0, 1.0 / np.sqrt(6.0), "r1 o a {r}\nc1 a 0 {c}\nr2 a b {r}\nc2 b 0 {c}\nr3 b x {r}\nc3 x 0 {c} ic=0.01"),
        (-3.0, 1.0, "r1 o a {r}\nc1 a x {c}\nr2 x 0 {r}\nc2 x 0 {c} ic=0.01"),
    ],
    ids=["phase shift", "Wien bridge"],
)
def test_rc_oscillators(gain, ratio, sections):
    """Three low passes turn the phase by 180 degrees at sqrt(6) / (2 pi R C) and take 29; Wien's bridge 0 and 3."""
    r, c = 10e3, 1e-9
    period, _ = oscillation(
        f"{sections.format(r=r, c=c)}\nb1 o 0 v=-tanh({1.01 * gain!r}*v(x))", "v(x)", 4e-3, 2e-7
    )  # fmt: skip
    # As above; the step is 1/150 of the period.
    assert period == pytest.approx(2.0 * np.pi * r * c * ratio, rel=1.5e-3)


def test_astable_with_hysteresis():
    """A comparator with the thresholds +-beta charges C through R: T = 2 R C ln((1 + beta) / (1 - beta))."""
    r, c, beta = 1e3, 1e-8, 0.5
    period, _ = oscillation(
        f"r1 o a {r!r}\nc1 a 0 {c!r} ic=0.1\nv1 p 0 1\nv2 n 0 -1\nr2 p o 1m\ns1 o n a 0 sw\n"
        f".model sw sw(vt=0 vh={beta!r} ron=1u roff=1g)", "v(a)", 8e-4, 1e-7,
    )  # fmt: skip
    # The low side is -1 V behind a divider of 1 mohm and 1 uohm; switching is found to 1e-4 of a step.
    assert period == pytest.approx(2.0 * r * c * np.log((1.0 + beta) / (1.0 - beta)), rel=2e-3)
