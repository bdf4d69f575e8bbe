"""Layered rules: updates against finite differences, random feedback, reads of arrays with wires, whole states."""

import numpy as np
import pytest

from circuitnn.errors import UsageError
from circuitnn.learning.arrays import SynapseArray
from circuitnn.learning.rule import rule_of
from circuitnn.learning.synapses.ideal import Ideal
from circuitnn.mapping.operators.activations import softmax

SIZES = "6-5-4-3"


def problem(seed=0, samples=7):
    rng = np.random.default_rng(seed)
    return rng.random((samples, 6)), np.eye(3)[rng.integers(0, 3, samples)]


def loss_of(weights, x, t, loss, f):
    h = x
    for k, w in enumerate(weights):
        a = np.hstack([h, np.ones((len(h), 1))]) @ w
        h = a if k == len(weights) - 1 else f(a)
    if loss == "squared":
        return 0.5 * np.sum((h - t) ** 2) / len(x)
    return -np.sum(t * np.log(softmax(h))) / len(x)


def differences(weights, x, t, loss, f, step=1e-6):
    found = []
    for w in weights:
        g = np.empty_like(w)
        for at in np.ndindex(*w.shape):
            kept = w[at]
            w[at] = kept + step
            up = loss_of(weights, x, t, loss, f)
            w[at] = kept - step
            down = loss_of(weights, x, t, loss, f)
            w[at] = kept
            g[at] = (up - down) / (2 * step)
        found.append(g)
    return found


@pytest.mark.parametrize("loss", ["cross_entropy", "squared"])
@pytest.mark.parametrize(
    ("activation", "f"),
    [("tanh", np.tanh), ("sigmoid", lambda a: 1 / (1 + np.exp(-a))), ("relu", lambda a: a * (a > 0))],
)
def test_backpropagation_is_the_gradient(loss, activation, f):
    x, t = problem()
    rule = rule_of(
        "backpropagation",
        network=SIZES,
        loss=loss,
        activation=activation,
        precision="double",
        rate=0.5,
        batch=7,
        seed=4,
    )
    before = [array.weights.copy() for array in rule.layers]
    expected = differences([w.copy() for w in before], x, t, loss, f)
    rule.learn(x, t)
    for array, old, g in zip(rule.layers, before, expected, strict=True):
        # central differences of step 1e-6 are right to about 1e-10 of values of order 1
        np.testing.assert_allclose(array.weights, old - 0.5 * g, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["feedback_alignment", "direct_feedback_alignment"])
def test_the_last_layer_of_random_feedback_learns_by_its_gradient(name):
    x, t = problem()
    rule = rule_of(name, network=SIZES, precision="double", rate=0.5, batch=7, seed=4)
    before = [array.weights.copy() for array in rule.layers]
    g = differences([w.copy() for w in before], x, t, "cross_entropy", np.tanh)
    rule.learn(x, t)
    np.testing.assert_allclose(rule.layers[-1].weights, before[-1] - 0.5 * g[-1], rtol=0, atol=1e-9)
    # the first layer's update is no gradient as long as nothing is aligned
    moved = rule.layers[0].weights - before[0]
    cosine = np.sum(-moved * g[0]) / np.linalg.norm(moved) / np.linalg.norm(g[0])
    assert abs(cosine) < 0.9


@pytest.mark.parametrize("name", ["feedback_alignment", "direct_feedback_alignment"])
def test_random_feedback_aligns(name):
    """The angle between what goes back and what backpropagation would send falls (Lillicrap 2016, Fig. 3)."""
    from circuitnn.demos.digits import load_digits

    digits = load_digits()
    x, t = digits.x_train, np.eye(10)[digits.y_train]
    rule = rule_of(name, network="64-40-30-10", rate=0.2, batch=16, seed=2, precision="double")
    before = rule.angles(x, t)
    for _ in range(15):
        rule.learn(x, t)
    after = rule.angles(x, t)
    assert all(abs(angle - 90.0) < 25.0 for angle in before)  # random directions in tens of dimensions
    assert all(new < old - 15.0 for new, old in zip(after, before, strict=True))
    assert all(angle < 65.0 for angle in after)
    assert np.mean(rule.outputs(digits.x_test).argmax(1) == digits.y_test) > 0.93


def test_deltas_of_feedback_alignment_with_the_right_matrix_are_backpropagation():
    x, t = problem()
    fa = rule_of("feedback_alignment", network=SIZES, precision="double", rate=0.5, batch=7, seed=4)
    bp = rule_of("backpropagation", network=SIZES, precision="double", rate=0.5, batch=7, seed=9)
    for mine, other, random in zip(bp.layers, fa.layers, [None, *fa.feedback_arrays], strict=True):
        mine.change(other.weights - mine.weights)
        if random is not None:
            random.change(other.weights[:-1] - random.weights)
    fa.learn(x, t)
    bp.learn(x, t)
    for mine, other in zip(bp.layers, fa.layers, strict=True):
        np.testing.assert_allclose(mine.weights, other.weights, rtol=0, atol=1e-14)  # the same sums


def test_sent_errors():
    x, t = problem()
    rule = rule_of("direct_feedback_alignment", network=SIZES, sent="ternary", threshold=0.4, batch=7)
    assert rule.driven(np.array([[0.5, -0.6, 0.3]])).tolist() == [[1.0, -1.0, 0.0]]
    rule = rule_of("direct_feedback_alignment", network=SIZES, sent="target", batch=7)
    rule.learn(x, t)
    assert rule.driven(t).tolist() == (-t).tolist()


def test_reads_of_a_wired_array_are_transposes_of_each_other():
    """Reciprocity: with the same ends, what goes back through the wires is the transpose of what goes forward."""
    rng = np.random.default_rng(5)
    held = Ideal().build(rng.uniform(-1, 1, (9, 6)), rng)
    array = SynapseArray(held, r_word=30.0, r_bit=20.0)
    forward, backward = array.forward(np.eye(9)), array.backward(np.eye(6))
    np.testing.assert_allclose(backward.T, forward, rtol=0, atol=1e-9)  # the solver's tolerance
    assert np.abs(forward - held.weights).max() > 0.01  # and the wires are felt


def test_reads_without_wires_are_those_of_a_crossbar_with_next_to_none():
    rng = np.random.default_rng(6)
    held = Ideal().build(rng.uniform(-1, 1, (9, 6)), rng)
    ideal, wired = SynapseArray(held), SynapseArray(held, r_word=1e-6, r_bit=1e-6)
    x, d = rng.uniform(-1, 1, (3, 9)), rng.uniform(-1, 1, (3, 6))
    # 1e-6 ohm times 1e-4 S times 9 cells: 1e-9
    np.testing.assert_allclose(wired.forward(x), ideal.forward(x), rtol=0, atol=1e-7)
    np.testing.assert_allclose(wired.backward(d), ideal.backward(d), rtol=0, atol=1e-7)


def test_energy_of_a_read():
    held = Ideal(g_min=0.0, g_max=1e-4).build(np.array([[1.0, 0.5]]), np.random.default_rng(0))
    array = SynapseArray(held, v_read=0.2)
    array.forward(np.array([[0.5]]))
    assert array.cost.kinds["forward reads"].joules == pytest.approx(0.2**2 * 1.5e-4 * 100e-9, rel=1e-9, abs=0.0)
    array.backward(np.array([[1.0, 0.5]]))
    assert array.cost.kinds["transposed reads"].joules == pytest.approx(
        0.2**2 * (1e-4 + 0.25 * 0.5e-4) * 100e-9, rel=1e-9, abs=0.0
    )


@pytest.mark.parametrize("name", ["backpropagation", "feedback_alignment", "direct_feedback_alignment"])
def test_wired_arrays_learn(name):
    x, t = problem(samples=12)
    rule = rule_of(name, network="6-5-3", r_wire=50.0, rate=0.5, batch=12, seed=1, precision="double")
    before = np.mean(np.sum((softmax(rule.outputs(x)) - t) ** 2, axis=1))
    for _ in range(80):
        rule.learn(x, t)
    assert np.mean(np.sum((softmax(rule.outputs(x)) - t) ** 2, axis=1)) < 0.7 * before


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rate": -1.0}, "rate"),
        ({"rate": "fast"}, "rate"),
        ({"network": "64"}, "network"),
        ({"network": (64, 0, 10)}, "layer of the network"),
        ({"activation": "tan"}, "activation"),
        ({"synapses": "perfect"}, "perfect"),
        ({"synapses": "ideal:g_mux=1"}, "g_mux"),
        ({"batch": 0}, "batch"),
        ({"speed": 1}, "speed"),
        ({"precision": "half"}, "precision"),
    ],
)
def test_refusals(wrong, said):
    with pytest.raises(UsageError, match=said):
        rule_of("backpropagation", **wrong)


def test_what_was_learnt_compiles_to_a_layout():
    import circuitnn as cn

    x, t = problem(samples=12)
    rule = rule_of("backpropagation", network=SIZES, precision="double", batch=4, seed=1)
    rule.learn(x, t)
    layout = cn.compile(rule.as_layers(), tile=(16, 16), r_wire=0.0)
    # an ideal layout computes the network exactly: rounding of some tens of operations
    np.testing.assert_allclose(layout(x), softmax(rule.outputs(x)), rtol=0, atol=1e-12)


def test_a_rule_of_ones_own_is_one_class():
    """What CONTRIBUTING promises: a class with ``deltas`` learns, is counted, and is kept in checkpoints."""
    from dataclasses import dataclass

    import circuitnn as cn
    from circuitnn.learning.layered import Layered
    from circuitnn.registry import catalog

    @dataclass(kw_only=True, eq=False)
    class OnlyTheLast(Layered):
        """Only the last layer learns."""

        title = "only the last layer learns"
        source = "a test"

        def deltas(self, activities, error):
            return [0 * a[:, :-1] for a in activities[1:-1]] + [error]

    catalog("learning.rules").register("only_the_last", OnlyTheLast)
    try:
        x, t = problem(samples=40)
        x[:, :3] += t
        trainer = cn.Trainer("only_the_last", network=(6, 20, 3), epochs=60, batch=8, rate=0.2)
        assert trainer.fit(x, t.argmax(axis=1)).score(x, t.argmax(axis=1)) > 0.8
        fresh = rule_of("only_the_last", network="6-20-3")
        np.testing.assert_array_equal(trainer.rule.layers[0].weights, fresh.layers[0].weights)
    finally:
        del catalog("learning.rules")._objects["only_the_last"]
