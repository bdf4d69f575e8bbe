"""Tiki-Taka and mixed precision: bookkeeping against twins; what asymmetric devices do to descent and not to them."""

import numpy as np
import pytest

from circuitnn.errors import UsageError
from circuitnn.learning.rule import rule_of

UNEVEN = "pulsed:law=soft,steps=600,asymmetry=0.3,asymmetry_spread=0.1"


def digits():
    data = pytest.importorskip("sklearn.datasets").load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    return data.data[order] / 16.0, np.eye(10)[data.target[order]]


def accuracy(name, x, t, epochs, **numbers):
    rule = rule_of(name, network="64-16-10", batch=1, **numbers)
    found = []
    for epoch in range(epochs):
        order = np.random.default_rng(epoch).permutation(1200)
        rule.learn(x[order], t[order])
        found.append(np.mean(rule.outputs(x[1200:]).argmax(1) == t[1200:].argmax(1)))
    return np.mean(found[-2:])


@pytest.mark.slow
def test_uneven_devices_fail_plain_descent_and_not_tiki_taka():
    """Gokmen and Haensch 2020, figures 3 and 4: soft bounds with unequal steps, the same devices in both."""
    x, t = digits()
    plain = accuracy("backpropagation", x, t, 4, rate=0.1, synapses=UNEVEN)
    even = accuracy("backpropagation", x, t, 4, rate=0.1, synapses="pulsed")
    taka = accuracy("tiki_taka", x, t, 4, rate=0.1, synapses=UNEVEN)
    mixed = accuracy("mixed_precision", x, t, 4, rate=0.02, synapses=UNEVEN)
    # 597 test images, standard error 1 %: plain 65 to 88 % in trials, the others 92 to 97 %
    assert plain < 0.89
    assert min(even, taka, mixed) > plain + 0.03
    assert taka > 0.90 and mixed > 0.90


def test_symmetry_is_what_tiki_taka_stands_on():
    """Without gradient, coincidences of random signs drive a shifted array to 0, and one that is not to its offset."""
    rng = np.random.default_rng(2)
    device = "pulsed:law=soft,steps=60,asymmetry=0.4,noise=0,spread=0,bound_spread=0,asymmetry_spread=0"
    found = {}
    for shift in (True, False):
        rule = rule_of("tiki_taka", network="10-8-2", synapses=device, shift=shift, transfer=1e-9)
        fast = rule.layers[0].fast
        for _ in range(1500):
            fast.update(rng.choice([-1.0, 1.0], (1, 11)), 0.03 * rng.choice([-1.0, 1.0], (1, 8)))
        found[shift] = float(fast.weights.mean())
    # a random walk of steps 1/30 that decay by 1/15 a pair: deviation 0.13, 88 cells share drivers of rows and columns
    assert abs(found[True]) < 0.06
    assert found[False] == pytest.approx(0.4, abs=0.06)


@pytest.mark.parametrize("gamma", [0.0, 0.5])
def test_lines_pass_on_in_turn(gamma):
    """Ideal arrays: fast takes every update, slow a tenth of one line of it after each second one."""
    rng = np.random.default_rng(1)
    x, t = rng.random((30, 3)), np.eye(2)[rng.integers(0, 2, 30)]
    rule = rule_of(
        "tiki_taka", network="3-2", synapses="ideal", shift=False, gamma=gamma, every=2, transfer=0.1, rate=0.3,
        precision="double",
    )  # fmt: skip
    slow, fast = rule.layers[0].synapses.weights.copy(), np.zeros((4, 2))
    rule.learn(x, t)
    for k in range(30):
        h = np.append(x[k], 1.0)
        a = h @ (slow + gamma * fast)
        y = np.exp(a) / np.exp(a).sum()
        fast += -0.3 * np.outer(h, y - t[k])
        if k % 2:
            line = (k + 1) // 2 % 4
            slow[line] += 0.1 * fast[line]
    # transfers are read and driven as float32
    assert np.abs(rule.layers[0].synapses.weights - slow).max() < 1e-6
    assert np.abs(rule.layers[0].fast.weights - fast).max() < 1e-6
    assert np.allclose(rule.layers[0].backward(np.eye(2)), (slow + gamma * fast).T, atol=1e-6)


def test_a_buffer_passes_whole_steps():
    rule = rule_of(
        "tiki_taka", network="2-2", buffer=True, transfer=1.0,
        synapses="pulsed:law=linear,steps=100,noise=0,spread=0,bound_spread=0,asymmetry_spread=0",
    )  # fmt: skip
    pair = rule.layers[0]
    before, line = pair.synapses.weights.copy(), np.array([[1.0, 0, 0]])
    pair.fast.synapses._states[0][...] = 0.0075  # a step is 0.02
    pair.fast.synapses._read_out()
    still = np.zeros((1, 2))
    for _ in range(3 * 8):
        pair.update(line, still)
    # eight reads of 0.0075 are three steps
    assert np.allclose(pair.synapses.weights - before, 0.06, atol=1e-6)
    assert np.allclose(pair._buffer, 8 * 0.0075 - 0.06, atol=1e-6)


def test_memory_and_devices_hold_the_sum_of_gradients():
    """Ideal devices take exactly what leaves the memory, steps of 0.02; a twin in doubles."""
    rng = np.random.default_rng(3)
    x, t = rng.random((40, 5)), np.eye(3)[rng.integers(0, 3, 40)]
    rule = rule_of("mixed_precision", network="5-3", synapses="ideal", threshold=0.02, rate=0.05, precision="double")
    array = rule.layers[0]
    w, chi = array.weights.copy(), np.zeros((6, 3))
    rule.learn(x, t)
    for k in range(40):
        h = np.append(x[k], 1.0)
        a = h @ w
        y = np.exp(a) / np.exp(a).sum()
        chi += -0.05 * np.outer(h, y - t[k])
        steps = np.trunc(chi / 0.02)
        w, chi = w + 0.02 * steps, chi - 0.02 * steps
    assert np.abs(array.weights - w).max() < 1e-6
    assert np.abs(array.waiting - chi).max() < 1e-6
    assert np.abs(w).max() > 0.1 and np.abs(array.waiting).max() < 0.02


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("tiki_taka", {"every": 3}), ("tiki_taka", {"buffer": True, "gamma": 0.3}), ("mixed_precision", {"every": 4})],
)
def test_whole_states(name, numbers):
    rng = np.random.default_rng(4)
    x, t = rng.random((50, 6)), np.eye(3)[rng.integers(0, 3, 50)]
    whole, half, again = (rule_of(name, network="6-5-3", seed=5, rate=0.1, **numbers) for _ in range(3))
    whole.learn(x, t)
    half.learn(x[:23], t[:23])
    again.restore({k: np.array(v) for k, v in half.arrays().items()})
    again.learn(x[23:], t[23:])
    for one, other in zip(whole.layers, again.layers, strict=True):
        assert np.array_equal(one.weights, other.weights)
    assert whole.cost.to_dict() == again.cost.to_dict()


@pytest.mark.parametrize(
    ("name", "numbers", "match"),
    [
        ("tiki_taka", {"synapses": "ideal"}, "references"),
        ("tiki_taka", {"synapses": "pulsed:pair=opposed"}, "reference"),
        ("tiki_taka", {"synapses": "ideal", "fast": "pulsed", "buffer": True}, "no steps"),
        ("tiki_taka", {"every": 0}, "every"),
        ("mixed_precision", {"synapses": "ideal"}, "threshold"),
        ("mixed_precision", {"threshold": -1.0}, "threshold"),
    ],
)
def test_what_cannot_be(name, numbers, match):
    with pytest.raises(UsageError) as caught:
        rule_of(name, network="3-2", **numbers)
    assert match in f"{caught.value}"
