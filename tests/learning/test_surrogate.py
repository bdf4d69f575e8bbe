"""Spiking networks with surrogate gradients: values and slopes against plain Python, and the circuit they stand for."""

import numpy as np
import pytest
from circuitnn.learning.spiking._surrogate import Layer, spikes

from circuitnn.errors import UsageError
from circuitnn.learning.layered import softmax
from circuitnn.learning.rule import rule_of
from circuitnn.learning.spiking.lif_circuit import lif_circuit

SIZES = (5, 7, 6, 3)


def rule(**keywords):
    return rule_of("surrogate_gradient", network=SIZES, steps=12, tau_syn=3e-3, initial=15.0, seed=4, **keywords)


def problem(samples=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((samples, SIZES[0])), np.eye(SIZES[-1])[rng.integers(0, SIZES[-1], samples)]


def plain(one, weights, x, smooth):
    """The network once more, a neuron, step and example at a time; membranes and spikes of all layers."""
    found = []
    for example in x:
        sent = np.zeros((one.steps, len(example)))
        for i, value in enumerate(example):
            if value >= one.least:
                sent[int(np.rint((1 - value) * one.latest * (one.steps - 1))), i] = 1.0
        layers = []
        for k, w in enumerate(weights):
            u, s = np.zeros((one.steps, w.shape[1])), np.zeros((one.steps, w.shape[1]))
            current = np.zeros(w.shape[1])
            for n in range(one.steps):
                fired = u[n] >= 1.0 if k < len(weights) - 1 else np.zeros(w.shape[1], bool)
                s[n] = 0.5 + (u[n] - 1) / (1 + one.sharpness * np.abs(u[n] - 1)) if smooth else fired
                current = one.alpha * current + sent[n] @ w
                if n + 1 < one.steps:
                    u[n + 1] = np.where(fired, 0.0, one.beta * u[n] + current)
            layers.append((u, s))
            sent = s
        found.append(layers)
    return [(np.stack([e[k][0] for e in found]), np.stack([e[k][1] for e in found])) for k in range(len(weights))]


@pytest.mark.parametrize("smooth", [False, True])
def test_forward_is_the_equations(smooth):
    one = rule()
    x, _ = problem()
    found = one.forward(one.weights, x, smooth=smooth)
    for layer, (u, s) in zip(found, plain(one, one.weights, x, smooth), strict=True):
        # sums in another order
        np.testing.assert_allclose(layer.u, u, rtol=0, atol=1e-12)
        if layer.s is not None:
            np.testing.assert_allclose(layer.s, s, rtol=0, atol=1e-12)
    assert one.forward(one.weights, x)[0].s.sum() > 10


def test_gradient_is_that_of_the_smoothed_network():
    """Spikes replaced by the integral of their surrogate slope; resets stay where they are."""
    one = rule()
    one.weights[-1] += 0.2  # smoothed spikes never rest: outputs are to have a peak after the first step
    x, t = problem()
    found = one.gradients(x, t, smooth=True)
    assert all(np.abs(g).max() > 1e-3 for g in found)

    def loss(weights):
        u = plain(one, weights, x, True)[-1][0]
        return -np.sum(t * np.log(softmax(u.max(axis=1)))) / len(x)

    # resets take place, and no membrane is so near to the threshold that a difference moves one
    u = plain(one, one.weights, x, True)[0][0]
    assert np.any(u >= 1.0) and np.abs(u - 1.0).min() > 1e-5
    step = 1e-6
    for w, g in zip(one.weights, found, strict=True):
        for at in np.ndindex(*w.shape):
            kept = w[at]
            w[at] = kept + step
            up = loss(one.weights)
            w[at] = kept - step
            down = loss(one.weights)
            w[at] = kept
            # central differences: rounding 1e-16 / 1e-6 and third derivatives of up to k^2 = 100 times 1e-12
            assert g[at] == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-8)


def test_gradient_of_spikes_uses_the_surrogate_slope():
    """With real spikes, against backpropagation through time written out."""
    one = rule()
    x, t = problem()
    found = one.gradients(x, t)
    layers = plain(one, one.weights, x, False)
    u = layers[-1][0]
    at = one.steps - 1 - u[:, ::-1].argmax(axis=1)
    d_u = np.zeros_like(u)
    for e in range(len(x)):
        p = softmax(u[e].max(axis=0))
        for j in range(SIZES[-1]):
            d_u[e, at[e, j], j] = (p[j] - t[e, j]) / len(x)
    d_s = None
    inputs = np.zeros((len(x), one.steps, SIZES[0]))
    for e, i in zip(*np.nonzero(x >= one.least), strict=True):
        inputs[e, int(np.rint((1 - x[e, i]) * one.latest * (one.steps - 1))), i] = 1.0
    for k in (2, 1, 0):
        u, s = layers[k]
        sent = layers[k - 1][1] if k else inputs
        total = np.zeros_like(one.weights[k])
        back = np.zeros_like(sent)
        for e in range(len(x)):
            later = current = np.zeros(u.shape[2])
            for n in range(one.steps - 1, -1, -1):
                passed = later * (1.0 if k == 2 else 1.0 - s[e, n])
                current = passed + one.alpha * current
                total += np.outer(sent[e, n], current)
                back[e, n] = one.weights[k] @ current
                later = one.beta * passed + (d_u[e, n] if d_u is not None else 0.0)
                if d_s is not None:
                    later = later + d_s[e, n] / (1 + one.sharpness * np.abs(u[e, n] - 1)) ** 2
        np.testing.assert_allclose(found[k], total, rtol=1e-10, atol=1e-13)
        d_s, d_u = back, None


def test_spikes_of_pixels():
    one = rule_of("surrogate_gradient", network=(4, 2), steps=11, latest=0.5, least=0.2)
    start, neuron, value = one.coded(np.array([[1.0, 0.19, 0.6, 0.2], [0.0, 0.0, 1.0, 0.0]]))
    # steps (1 - x) 5, rounded: 0, none, 2, 4; then 0
    assert [(int(np.searchsorted(start, k, "right")) - 1, int(n)) for k, n in enumerate(neuron)] == [
        (0, 0), (2, 2), (4, 3), (11, 2)]  # fmt: skip
    assert value.tolist() == [1.0] * 4
    assert np.all(one.outputs(np.zeros((1, 4))) == 0.0)


@pytest.mark.parametrize("tau_syn", [0.0, 5e-3, 10e-3])
def test_the_circuit_does_the_same(tau_syn):
    """Row pulses, cells, capacitors and sampled comparators in the general engine: every spike in its step."""
    rng = np.random.default_rng(3)
    steps, dt, tau = 15, 1e-3, 10e-3
    x = (rng.random((steps, 5)) < 0.3) * 1.0
    weights = [rng.normal(0.25, 0.4, (5, 6)), rng.normal(0.1, 0.5, (6, 3))]
    alpha = np.exp(-dt / tau_syn) if tau_syn else 0.0
    first = Layer(weights[0], spikes(x[None]), steps, alpha, np.exp(-dt / tau), 1.0, 5.0)
    second = Layer(weights[1], spikes(first.s), steps, alpha, np.exp(-dt / tau), fires=False)
    tran = lif_circuit(weights, x, dt=dt, tau_mem=tau, tau_syn=tau_syn).tran(stop=(steps - 1) * dt, uic=True)
    # no membrane decides within what the sampling at 0.99 of a step may change
    assert first.s.sum() > 10 and np.abs(first.u[:, :-1] - 1.0).min() > 0.02
    middles = (np.arange(steps - 1) + 0.5) * dt
    for j in range(6):
        fired = np.interp(middles, tran.time, tran[f"v(s0_{j})"]) > 0.5
        np.testing.assert_array_equal(fired, first.s[0, :-1, j] > 0.5)
    for j in range(3):
        u = np.interp(np.arange(steps) * dt, tran.time, tran[f"v(u1_{j})"]) / 0.5
        # decisions reach the rows 0.5 to 1 % of a step early: so much of each of up to three currents of about 1
        np.testing.assert_allclose(u, second.u[0, :, j], rtol=0, atol=0.03)
    with pytest.raises(UsageError, match="rows"):
        lif_circuit(weights, x[:, :4], dt=dt, tau_mem=tau)


def test_arrays_are_programmed_when_outputs_are_asked_for():
    x, t = problem()
    one = rule(batch=3)
    held = [array.synapses.weights.copy() for array in one.layers]
    one.learn(x, t)
    for array, old in zip(one.layers, held, strict=True):
        np.testing.assert_array_equal(array.synapses.weights, old)
    one.outputs(x)
    for array, w in zip(one.layers, one.weights, strict=True):
        # the difference is added: rounding of one sum
        np.testing.assert_allclose(array.synapses.weights, w, rtol=0, atol=1e-14)
    wired = rule(r_wire=20.0)
    wired.load_weights([w.copy() for w in one.weights])
    assert not np.allclose(wired.outputs(x), one.outputs(x), rtol=0, atol=1e-4)
    with pytest.raises(UsageError, match="weights given"):
        one.load_weights([w.T.copy() for w in one.weights])


def test_states_go_on_bit_by_bit():
    x, t = problem(20)
    one, other = rule(batch=4), rule_of("surrogate_gradient", network=SIZES, steps=12, tau_syn=3e-3, batch=4, seed=7)
    one.learn(x, t)
    one.end_epoch()
    other.restore(one.arrays())
    for each in (one, other):
        each.learn(x, t)
        each.outputs(x)
    for (key, a), b in zip(one.arrays().items(), other.arrays().values(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=key)


def test_digits():
    images, labels = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    x, labels = images[order] / 16.0, labels[order]
    one = rule_of("surrogate_gradient", network=(64, 50, 10), batch=40, steps=15, rate=0.01, decay=0.9, seed=1)
    for _ in range(10):
        one.learn(x[:1200], np.eye(10)[labels[:1200]])
        one.end_epoch()
    assert np.mean(one.outputs(x[1200:]).argmax(axis=1) == labels[1200:]) > 0.93
