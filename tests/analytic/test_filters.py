"""Filters and amplifiers whose responses have a closed form."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.circuit.options import SimOptions

W = np.logspace(-1.5, 1.5, 61)


def response(circuit, name):
    """Return the response at the angular frequencies W (rad/s)."""
    run = circuit.ac(W[0] / (2.0 * np.pi), W[-1] / (2.0 * np.pi), 20)
    np.testing.assert_allclose(2.0 * np.pi * run.frequency, W, rtol=1e-9)
    return run[name]


def ladder(order, values):
    """A doubly terminated low pass of 1 ohm, capacitors first."""
    c = cn.Circuit("ladder", SimOptions(reltol=1e-6, vntol=1e-9))
    c.V("1", "s", 0, dc=0.0, ac=1.0, waveform=("pulse", 0, 2, 0, 1e-6, 1e-6, 1e3, 2e3))
    c.R("s", "s", "n0", 1.0)
    node = 0
    for k, value in enumerate(values):
        if k % 2 == 0:
            c.C(f"{k}", f"n{node}", 0, value)
        else:
            c.L(f"{k}", f"n{node}", f"n{node + 1}", value)
            node += 1
    c.R("l", f"n{node}", 0, 1.0)
    return c, f"v(n{node})"


@pytest.mark.parametrize("order", [3, 5, 7])
def test_butterworth(order):
    values = [2.0 * np.sin((2 * k - 1) * np.pi / (2 * order)) for k in range(1, order + 1)]
    gain = np.abs(response(*ladder(order, values)))
    np.testing.assert_allclose(gain, 0.5 / np.sqrt(1.0 + W ** (2 * order)), rtol=1e-9)


@pytest.mark.parametrize("order", [3, 5])
def test_chebyshev(order):
    """Element values for 1 dB of ripple by the usual recursion; the response is 1 / (1 + eps^2 T_n^2)."""
    ripple = 1.0
    beta = np.log(1.0 / np.tanh(ripple * np.log(10.0) / 40.0))
    gamma = np.sinh(beta / (2 * order))
    a = [np.sin((2 * k - 1) * np.pi / (2 * order)) for k in range(1, order + 1)]
    b = [gamma**2 + np.sin(k * np.pi / order) ** 2 for k in range(1, order + 1)]
    values = [2.0 * a[0] / gamma]
    for k in range(1, order):
        values.append(4.0 * a[k - 1] * a[k] / (b[k - 1] * values[k - 1]))
    gain = np.abs(response(*ladder(order, values)))
    with np.errstate(invalid="ignore"):
        polynomial = np.where(W <= 1.0, np.cos(order * np.arccos(W)), np.cosh(order * np.arccosh(W)))
    expected = 0.5 / np.sqrt(1.0 + (10.0 ** (ripple / 10.0) - 1.0) * polynomial**2)
    np.testing.assert_allclose(gain, expected, rtol=1e-9)


@pytest.mark.parametrize("method", ["trap", "gear", "trbdf2"])
def test_step_response_of_a_third_order_butterworth(method):
    c, name = ladder(3, [1.0, 2.0, 1.0])
    c.options = SimOptions(reltol=1e-6, vntol=1e-9, method=method)
    run = c.tran(stop=20.0, max_step=0.1)
    t = run.time
    half = np.sqrt(3.0) / 2.0
    exact = 1.0 - np.exp(-t) - 2.0 / np.sqrt(3.0) * np.exp(-t / 2.0) * np.sin(half * t)
    # Local errors of 3.5e-6 add up over the filter's memory of a few seconds; the ramp of 1 us delays by half of it.
    np.testing.assert_allclose(run[name], exact, atol=2e-4)


def test_twin_t_notch():
    c = cn.Circuit("twin T")
    c.V("1", "a", 0, ac=1.0)
    c.R("1", "a", "b", 1.0)
    c.R("2", "b", "out", 1.0)
    c.C("3", "b", 0, 2.0)
    c.C("1", "a", "c", 1.0)
    c.C("2", "c", "out", 1.0)
    c.R("3", "c", 0, 0.5)
    s = 1j * W
    # atol: at the notch itself nothing is left but rounding.
    np.testing.assert_allclose(response(c, "v(out)"), (1 + s**2) / (1 + 4 * s + s**2), rtol=1e-9, atol=1e-12)


def test_sallen_and_key():
    """Unity gain, R = 1, C1 = 2 Q, C2 = 1 / 2 Q: a pair of poles of quality Q, and the same from .pz."""
    q = 3.0
    c = cn.Circuit("Sallen and Key")
    c.V("1", "in", 0, ac=1.0)
    c.R("1", "in", "a", 1.0)
    c.R("2", "a", "b", 1.0)
    c.C("1", "a", "out", 2.0 * q)
    c.C("2", "b", 0, 0.5 / q)
    c.E("1", "out", 0, "b", 0, 1.0)
    np.testing.assert_allclose(response(c, "v(out)"), 1.0 / (1.0 - W**2 + 1j * W / q), rtol=1e-9)
    poles = c.pz("in", 0, "out", 0)
    expected = -0.5 / q + 1j * np.sqrt(1.0 - 0.25 / q**2)
    found = [poles[name] for name in poles if name.startswith("pole")]
    np.testing.assert_allclose(sorted(found, key=lambda p: p.imag), [np.conj(expected), expected], rtol=1e-9)


@pytest.mark.parametrize("gain", [1e2, 1e5])
def test_inverting_amplifier_of_finite_gain_and_bandwidth(gain):
    """-R2/R1 / (1 + (1 + R2/R1) / A), with A = A0 / (1 + s A0 / w1): the product of gain and bandwidth is shared."""
    c = cn.Circuit("inverting")
    c.V("1", "in", 0, ac=1.0)
    c.R("1", "in", "x", 1.0)
    c.R("2", "x", "out", 10.0)
    c.G("1", 0, "p", 0, "x", gain)  # into 1 ohm beside the capacitor that makes the pole
    c.R("3", "p", 0, 1.0)
    c.C("3", "p", 0, gain / 10.0)
    c.E("1", "out", 0, "p", 0, 1.0)
    a = gain / (1.0 + 1j * W * gain / 10.0)
    np.testing.assert_allclose(response(c, "v(out)"), -10.0 / (1.0 + 11.0 / a), rtol=1e-8)


def test_common_emitter_and_cascode():
    """Gains of -gm (ro || RC), and of -gm RC where a cascode shields the collector from the Early effect."""
    model = ".model qn npn(is=1e-16 bf=200 vaf=50)"
    deck = f"stage\nvcc v 0 12\nvb b 0 0.7 ac 1\nrc v c 2k\nq1 c b 0 qn\n{model}\n.end"
    circuit = cn.parse(deck).circuit()
    circuit.save = ["all", "@q1[gm]", "@q1[go]", "v(c)"]
    point = circuit.op()
    gain = circuit.ac(1.0, 1.0, 1, "lin")["v(c)"][0]
    # gmin beside the junctions is 1e-8 of the conductances there.
    assert gain == pytest.approx(-point["@q1[gm]"] / (point["@q1[go]"] + 1.0 / 2e3), rel=1e-7)
    shielded = cn.parse(
        f"cascode\nvcc v 0 12\nvb b 0 0.7 ac 1\nvk k 0 3\nrc v c 2k\nq1 e b 0 qn\nq2 c k e qn\n{model}\n.end"
    ).circuit()
    shielded.save = ["v(c)", "@q1[gm]"]
    gm = shielded.op()["@q1[gm]"]
    # The second transistor passes beta / (1 + beta) of the current and lends its own Early resistance times gain.
    assert shielded.ac(1.0, 1.0, 1, "lin")["v(c)"][0].real == pytest.approx(-gm * 2e3, rel=1e-2)
