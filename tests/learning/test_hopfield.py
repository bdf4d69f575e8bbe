"""Equilibrium propagation of Hopfield energies: beside backpropagation through time, continual, and learning digits."""

import numpy as np
import pytest

from circuitnn.errors import UsageError
from circuitnn.learning.arrays import SynapseArray
from circuitnn.learning.rule import rule_of
from circuitnn.learning.rules.hopfield import Hopfield, free_states
from circuitnn.learning.synapses.ideal import Ideal
from circuitnn.learning.unrolled import equilibrium_updates, time_gradients

SIZES = (6, 8, 7, 4)
SETTLED = 400  # free steps after which states move by less than rounding


def problem(seed=1, samples=5):
    rng = np.random.default_rng(seed)
    arrays = [
        SynapseArray(Ideal().build(rng.uniform(-1, 1, (a + 1, b)) / np.sqrt(a), rng))
        for a, b in zip(SIZES[:-1], SIZES[1:], strict=True)
    ]
    return arrays, rng.random((samples, SIZES[0])), np.eye(SIZES[-1])[rng.integers(0, SIZES[-1], samples)]


def loss(arrays, x, t):
    """Return a quarter of the binary cross-entropy of settled outputs, found by steps written anew."""
    w = [a.weights for a in arrays]
    states = [np.zeros((len(x), n)) for n in SIZES[1:]]
    for _ in range(SETTLED):
        below = [x, *states[:-1]]
        a = [b @ m[:-1] + m[-1] for b, m in zip(below, w, strict=True)]
        for layer in range(len(a) - 1):
            a[layer] = a[layer] + states[layer + 1] @ w[layer + 1][:-1].T
        states = [1 / (1 + np.exp(-4 * (p - 0.5))) for p in a]
    return -0.25 * np.sum(t * np.log(states[-1]) + (1 - t) * np.log(1 - states[-1]))


def test_gradients_through_time_are_differences_of_the_loss():
    arrays, x, t = problem()
    # far enough back, so that all of the gradient is there: steps before these changed nothing above 1e-12
    whole = [sum(g) for g in zip(*time_gradients(arrays, x, t, free_steps=SETTLED, steps=200), strict=True)]
    h = 1e-5
    for m, array in enumerate(arrays):
        for at in ((0, 1), (3, 2), (-1, 0)):
            w = array.synapses._w
            w[at] += h
            up = loss(arrays, x, t)
            w[at] -= 2 * h
            down = loss(arrays, x, t)
            w[at] += h
            # central differences: error h^2 times third derivatives of order 1, and rounding 1e-16 / h
            assert abs((up - down) / (2 * h) - whole[m][at]) < 2e-8


@pytest.mark.parametrize(("centred", "order"), [(False, 1), (True, 2)])
def test_every_nudged_step_is_a_gradient_through_time(centred, order):
    arrays, x, t = problem()
    steps = 10
    wanted = time_gradients(arrays, x, t, free_steps=SETTLED, steps=steps)
    errors = []
    for beta in (0.02, 0.002):
        found = equilibrium_updates(arrays, x, t, beta, free_steps=SETTLED, steps=steps, centred=centred)
        errors.append(
            [max(np.abs(u + g).max() for u, g in zip(found[k], wanted[k], strict=True)) for k in range(steps)]
        )
    size = max(np.abs(g).max() for g in wanted[0])
    # the first step moves outputs alone, by exactly beta (t - s): equal to rounding over beta
    assert errors[1][0] < 1e-12
    for k in range(1, steps):
        assert 0 < errors[1][k] < 0.01 * size
        measured = np.log10(errors[0][k] / errors[1][k])
        assert abs(measured - order) < 0.05  # the next order is one more power of beta, at most 2 %


def test_deeper_layers_learn_later():
    # a layer k below the outputs moves in step k for the first time
    arrays, x, t = problem()
    found = equilibrium_updates(arrays, x, t, 1e-3, free_steps=SETTLED, steps=3)
    assert np.abs(found[0][2]).max() > 0.1
    assert [np.abs(found[k][0]).max() > 1e-6 for k in range(3)] == [False, False, True]


def test_update_is_the_sum_of_the_steps():
    arrays, x, t = problem()
    rule = Hopfield(network=SIZES, batch=len(x), rates=(0.3, 0.2, 0.1), beta=0.5, free_steps=60, nudged_steps=8)
    for mine, other in zip(rule._arrays, arrays, strict=True):
        mine.synapses._w[...] = other.weights
    before = [a.weights.copy() for a in rule._arrays]
    rule.learn(x, t)
    steps = equilibrium_updates(arrays, x, t, 0.5, free_steps=60, steps=8)
    for rate, old, array, parts in zip((0.3, 0.2, 0.1), before, rule._arrays, zip(*steps, strict=True), strict=True):
        wanted = rate / len(x) * sum(parts)
        # single precision: weights of order 1 change in units of 6e-8
        np.testing.assert_allclose(array.weights - old, wanted, atol=3e-7)


@pytest.mark.parametrize("nudging", ["one-sided", "centred"])
def test_continual_updates_tend_to_those_of_two_phases(nudging):
    arrays, x, t = problem()
    settings = {"network": SIZES, "batch": len(x), "beta": 0.3, "free_steps": 60, "nudged_steps": 8, "nudging": nudging}
    gaps = []
    for rate in (0.02, 0.002):
        changes = []
        for name in ("hopfield", "continual_equilibrium"):
            rule = rule_of(name, rates=(rate,), **settings)
            for mine, other in zip(rule._arrays, arrays, strict=True):
                mine.synapses = Ideal().build(other.weights, rule.rng)  # double precision
            rule._learn_batch(x, t)
            changes.append([(a.weights - o.weights) / rate for a, o in zip(rule._arrays, arrays, strict=True)])
        gaps.append(max(np.abs(a - b).max() for a, b in zip(*changes, strict=True)))
    if nudging == "centred":
        # on its way from -beta to beta the network starts at the same state: the two-phase rule starts both at 0
        assert gaps[1] < gaps[0]
    else:
        assert abs(np.log10(gaps[0] / gaps[1]) - 1) < 0.1  # first order in the rate


def digits():
    data = pytest.importorskip("sklearn.datasets").load_digits()
    order = np.random.default_rng(0).permutation(len(data.data))
    return (data.data / 16)[order], np.eye(10)[data.target[order]]


@pytest.mark.parametrize(
    ("name", "settings", "wanted"),
    [
        ("hopfield", {"rates": (0.25, 0.12), "nudging": "centred"}, 0.955),
        ("hopfield", {"rates": (0.25, 0.12), "nudging": "random-sign"}, 0.955),
        ("continual_equilibrium", {"rates": (0.05, 0.025), "nudging": "centred"}, 0.93),
    ],
)
def test_learns_digits(name, settings, wanted):
    # 0.97 to 0.985 and 0.95 after these epochs with several seeds: a standard deviation of 397 test images is 0.8 %
    x, t = digits()
    rule = rule_of(name, network=(64, 64, 10), free_steps=20, nudged_steps=8, **settings)
    rng = np.random.default_rng(1)
    for _ in range(5):
        order = rng.permutation(1400)
        rule.learn(x[order], t[order])
    assert (rule.outputs(x[1400:]).argmax(1) == t[1400:].argmax(1)).mean() > wanted


def test_a_stored_state_goes_on_as_if_nothing_had_happened():
    rng = np.random.default_rng(0)
    x, t = rng.random((40, 5)), np.eye(3)[rng.integers(0, 3, 40)]
    settings = {"network": (5, 6, 3), "nudging": "random-sign", "rates": (0.3,)}
    whole, first, second = (Hopfield(**settings) for _ in range(3))
    whole.learn(x, t)
    first.learn(x[:20], t[:20])
    second.restore({k: v.copy() for k, v in first.arrays().items()})
    second.learn(x[20:], t[20:])
    for name, array in whole.arrays().items():
        assert np.array_equal(array, second.arrays()[name]), name


def test_reads_are_counted():
    rule = Hopfield(network=(5, 6, 3), free_steps=7, nudged_steps=4)
    rng = np.random.default_rng(0)
    rule.learn(rng.random((20, 5)), np.eye(3)[rng.integers(0, 3, 20)])
    # the first array once an example; the second is read by outputs in turns 6, 4, 2, 0 and 0, 2, by neurons in between
    assert rule.cost.count("forward reads") == 20 * (1 + 4 + 2)
    assert rule.cost.count("transposed reads") == 20 * (3 + 2)


def test_lines_with_resistance_change_what_settles():
    x = np.random.default_rng(0).random((3, 5))
    plain, wired = (Hopfield(network=(5, 6, 3), r_wire=r).outputs(x) for r in (0.0, 20.0))
    gap = np.abs(plain - wired).max()
    assert 1e-5 < gap < 0.05


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"network": (5, 3)}, "network is"),
        ({"rates": (0.1, 0.1, 0.1)}, "3 rates"),
        ({"beta": 0.0}, "beta is"),
        ({"nudging": "both"}, "nudging is"),
        ({"free_steps": 0}, "free_steps is"),
    ],
)
def test_refuses_what_makes_no_sense(settings, message):
    with pytest.raises(UsageError, match=message):
        Hopfield(**{"network": (5, 6, 3), **settings})


def test_the_free_states_rest():
    arrays, x, _ = problem()
    one, other = (free_states(arrays, x, n)[1] for n in (SETTLED, SETTLED + 1))
    assert max(np.abs(a - b).max() for a, b in zip(one, other, strict=True)) < 1e-14
