"""e-prop beside its definition by traces, and beside backpropagation through time; tasks that need memory."""

import numpy as np
import pytest

from circuitnn.errors import UsageError
from circuitnn.learning.rules.eprop import EProp

SETTINGS = {"network": (15, 12, 3), "steps": 5, "ticks": 4, "answer": 6, "precision": "double", "membrane": 8.0}


def example(seed=0, **settings):
    rng = np.random.default_rng(seed)
    rule = EProp(seed=seed, **{**SETTINGS, "adaptation": 20.0, "strength": 0.3, **settings})
    x, t = 1.5 * rng.random((7, 15)), np.eye(3)[rng.integers(0, 3, 7)]
    driven = rule.sequence(x)
    ran = rule.run(driven)
    assert 0.02 < ran.spikes.mean() < 0.5  # neither silent nor always firing
    errors = rule.errors(ran.outputs, t)
    return rule, driven, ran, errors


def by_traces(rule, driven, ran, errors):
    """Return gradients of inputs and recurrences, a trace a synapse (Bellec et al. 2020, equations 21 to 25)."""
    alpha, rho, kappa = rule._alpha, rule._rho, rule._kappa
    count, batch, n = ran.spikes.shape
    w_out = rule.outward.weights[:-1]
    found = []
    for before in (driven, np.concatenate([np.zeros((1, batch, n)), ran.spikes[:-1]])):
        inputs = before.shape[2]
        of_v, of_a, filtered = (np.zeros((batch, inputs, n)) for _ in range(3))
        total = np.zeros((inputs, n))
        psi_before = np.zeros((batch, n))
        for t in range(count):
            of_a = psi_before[:, None] * of_v + (rho - psi_before * rule.beta)[:, None] * of_a
            of_v = alpha * of_v + before[t][:, :, None]
            psi_before = ran.slopes[t]
            filtered = kappa * filtered + psi_before[:, None] * (of_v - rule.beta * of_a)
            k = t - (count - rule.answer)
            if k >= 0:
                total += ((errors[k] @ w_out.T)[:, None] * filtered).sum(axis=0)
        found.append(total)
    np.fill_diagonal(found[1], 0.0)
    return found


def through_time(rule, driven, ran, errors, *, cut):
    """Return gradients by backpropagation through time; ``cut`` leaves out what spikes do to other neurons."""
    alpha, rho, kappa = rule._alpha, rule._rho, rule._kappa
    count, batch, n = ran.spikes.shape
    w_out, w_rec = rule.outward.weights[:-1], rule.recurrent.weights
    gv, ga, gy = np.zeros((batch, n)), np.zeros((batch, n)), np.zeros((batch, errors.shape[2]))
    inward, recurrent, outward = np.zeros(rule.inward.shape), np.zeros((n, n)), np.zeros(rule.outward.shape)
    for t in reversed(range(count)):
        k = t - (count - rule.answer)
        gy = kappa * gy + (errors[k] if k >= 0 else 0.0)
        gz = gy @ w_out.T + ga + (0.0 if cut else gv @ w_rec.T)
        ga = rho * ga - rule.beta * ran.slopes[t] * gz
        gv = alpha * gv + ran.slopes[t] * gz
        inward += driven[t].T @ gv
        if t:
            recurrent += ran.spikes[t - 1].T @ gv
        outward += np.hstack([ran.spikes[t], np.ones((batch, 1))]).T @ gy
    np.fill_diagonal(recurrent, 0.0)
    return inward, recurrent, outward


def cosine(a, b):
    return np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b))


def signals(rule, errors):
    return errors @ rule.outward.weights[:-1].T


@pytest.mark.parametrize("adaptive", [0.0, 0.5, 1.0])
def test_update_is_the_sum_over_traces(adaptive):
    rule, driven, ran, errors = example(adaptive=adaptive)
    inward, recurrent, _ = rule.gradients(driven, ran, errors, signals(rule, errors))
    for mine, wanted in zip((inward, recurrent), by_traces(rule, driven, ran, errors), strict=True):
        assert np.abs(wanted).max() > 1e-3
        np.testing.assert_allclose(mine, wanted, rtol=0, atol=1e-12 * np.abs(wanted).max() * 100)  # order of sums


@pytest.mark.parametrize("adaptive", [0.0, 0.5])
def test_is_backpropagation_through_time_when_spikes_reach_no_other_neuron(adaptive):
    rule, driven, ran, errors = example(1, adaptive=adaptive)
    found = rule.gradients(driven, ran, errors, signals(rule, errors))
    for mine, wanted in zip(found, through_time(rule, driven, ran, errors, cut=True), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=0, atol=1e-10 * np.abs(wanted).max())


def test_is_exact_without_recurrent_weights():
    rule, _, _, _ = example(2)
    rule.recurrent.change(-rule.recurrent.weights)
    driven = rule.sequence(1.5 * np.random.default_rng(2).random((7, 15)))
    ran = rule.run(driven)
    errors = rule.errors(ran.outputs, np.eye(3)[[0, 1, 2, 0, 1, 2, 0]])
    found = rule.gradients(driven, ran, errors, signals(rule, errors))
    for mine, wanted in zip(found, through_time(rule, driven, ran, errors, cut=False), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=0, atol=1e-10 * np.abs(wanted).max())


def test_points_along_the_whole_gradient_with_recurrences():
    cosines = []
    for seed in range(6):
        rule, driven, ran, errors = example(seed)
        found = rule.gradients(driven, ran, errors, signals(rule, errors))
        whole = through_time(rule, driven, ran, errors, cut=False)
        cosines.append([cosine(a, b) for a, b in zip(found, whole, strict=True)])
    cosines = np.array(cosines)
    # outputs' gradients have no recurrences in them; the others, 0.81 to 0.99 here, are far above chance, which is a
    # standard deviation of 1 / sqrt(132) = 0.09 for 132 recurrent weights
    assert np.allclose(cosines[:, 2], 1.0, atol=1e-12)
    assert np.all(cosines[:, :2] < 0.9999) and np.all(cosines[:, :2].mean(axis=0) > 0.85)


def test_learns_by_the_gradients():
    rule, driven, ran, errors = example(3, feedback="symmetric", rate=0.4, batch=7)
    before = rule.inward.weights.copy(), rule.recurrent.weights.copy(), rule.outward.weights.copy()
    wanted = rule.gradients(driven, ran, errors, signals(rule, errors))
    x = driven[::4, :, :-1].transpose(1, 0, 2).reshape(7, 15)
    rng = np.random.default_rng(3)
    rng.random((7, 15))
    rule.learn(x, np.eye(3)[rng.integers(0, 3, 7)])
    for old, array, g in zip(before, (rule.inward, rule.recurrent, rule.outward), wanted, strict=True):
        np.testing.assert_allclose(array.weights - old, -0.4 / 7 * g, atol=1e-12)


def store_recall(rng, samples):
    """Two values at the first instant; whether they differ is asked for four steps later."""
    bits = rng.integers(0, 2, (samples, 2))
    x = np.zeros((samples, 6, 4))
    x[np.arange(samples), 0, bits[:, 0]] = x[np.arange(samples), 0, 2 + bits[:, 1]] = 1.0
    return x.reshape(samples, 24), np.eye(2)[bits[:, 0] ^ bits[:, 1]]


@pytest.mark.parametrize("feedback", ["symmetric", "random", "adaptive"])
def test_remembers(feedback):
    # exclusive or of two values that are gone when the answer is due; guessing is right half the time
    rng = np.random.default_rng(0)
    x, t = store_recall(rng, 3000)
    rule = EProp(network=(24, 40, 2), steps=6, ticks=4, answer=4, batch=20, rate=0.05, feedback=feedback)
    for _ in range(2):
        rule.learn(x, t)
    x, t = store_recall(rng, 400)
    assert (rule.outputs(x).argmax(1) == t.argmax(1)).mean() > 0.95


def test_a_stored_state_goes_on_as_if_nothing_had_happened():
    rng = np.random.default_rng(0)
    x, t = store_recall(rng, 80)
    settings = {"network": (24, 10, 2), "steps": 6, "batch": 20, "feedback": "adaptive"}
    whole, first, second = (EProp(**settings) for _ in range(3))
    whole.learn(x, t)
    first.learn(x[:40], t[:40])
    second.restore({k: v.copy() for k, v in first.arrays().items()})
    second.learn(x[40:], t[40:])
    for name, array in whole.arrays().items():
        assert np.array_equal(array, second.arrays()[name]), name


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"network": (24, 10, 10, 2)}, "network is"),
        ({"steps": 5}, "24 features in 5 steps"),
        ({"answer": 7}, "answers than"),
        ({"feedback": "none"}, "feedback is"),
        ({"membrane": 0.0}, "membrane is"),
    ],
)
def test_refuses_what_makes_no_sense(settings, message):
    with pytest.raises(UsageError, match=message):
        EProp(**{"network": (24, 10, 2), "steps": 6, **settings})
