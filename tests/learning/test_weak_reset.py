"""Pairs moved by weak RESET pulses: the law of a pulse, its statistics, SETs, and learning with nothing else."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import UsageError
from circuitnn.learning.rule import rule_of
from circuitnn.learning.synapses.synapse import synapses_of
from circuitnn.learning.synapses.weak_reset import WeakReset


def pairs(shape=(200, 100), seed=0, **keywords):
    rng = np.random.default_rng(seed)
    return WeakReset(**keywords).build(rng.choice([-1.0, 1.0], shape), rng)


def test_fresh_pairs_read_as_wanted():
    wanted = np.random.default_rng(5).choice([-1.0, 1.0], (40, 30))
    held = WeakReset(set_noise=0.3).build(wanted, np.random.default_rng(1))
    np.testing.assert_array_equal(held.weights, wanted)
    np.testing.assert_array_equal(np.sign(held.hidden), wanted)
    # cells are BLb and BL of a pair side by side; the one on BL of a positive weight conducts better
    cells = held.cells().reshape(40, 30, 2)
    np.testing.assert_array_equal(np.sign(cells[..., 1] - cells[..., 0]), wanted)
    np.testing.assert_allclose(np.log(cells[..., 1] / cells[..., 0]), held.hidden, rtol=0, atol=1e-12)


def test_change_is_as_wanted_in_the_mean():
    """A pulse of 0.05 with the probability |w| / 0.05: mean w, and one pulse at most, on one device."""
    held = pairs(step=0.05, noise=0.3, r_max=1e9)
    before, pulses = held.logs.copy(), held.pulses.copy()
    wanted = np.repeat([0.02, -0.03, 0.0, 0.2], 5000).reshape(200, 100)
    held.change(wanted)
    moved = (held.logs - before).reshape(2, 4, 5000)
    given = (held.pulses - pulses).reshape(2, 4, 5000)
    assert given.max() == 1
    for k, (device, p) in enumerate([(1, 0.4), (0, 0.6), (0, 0.0), (1, 1.0)]):
        assert not given[1 - device, k].any() and not moved[1 - device, k].any()
        # four deviations of 5000 draws, of the number of pulses and of their mean size
        assert given[device, k].mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 5000))
        steps = moved[device, k][given[device, k] > 0]
        if p:
            assert steps.mean() == pytest.approx(0.05, abs=4 * 0.015 / np.sqrt(steps.size))
            # the deviation of n normal numbers is known to 1/sqrt(2 n)
            assert steps.std() == pytest.approx(0.015, rel=4 / np.sqrt(2 * steps.size))


def test_the_soft_law_climbs_with_the_logarithm_of_pulses():
    held = pairs((1, 1), step=0.09, soft=0.09, noise=0.0, set_noise=0.0, restored=1)
    side = int(held.pulses[1, 0] > 0)
    x = held.logs[side, 0]
    assert x == pytest.approx(0.09, rel=1e-12)
    for _ in range(500):
        held.change(np.array([[0.09 if side else -0.09]]))
        x += 0.09 * np.exp(-x / 0.09)
    assert held.logs[side, 0] == pytest.approx(x, rel=1e-12)
    # dx/dn = step exp(-x/soft): x = soft ln(e^1 + n), from the first pulse on; the step is 1/e of soft at first
    assert x == pytest.approx(0.09 * np.log(np.e + 500.0), rel=0.01)


def test_energy_of_pulses():
    held = pairs((3, 2), noise=0.0, set_noise=0.0, restored=1, step=0.1)
    first = held.cost.kinds["weak RESET pulses"].joules
    # six pulses at r_set: V^2 t / R
    assert held.cost.pulses == 6 and first == pytest.approx(6 * 1.6**2 * 1e-6 / 5e3, rel=1e-12)
    held.change(np.full((3, 2), 1.0))
    up = np.count_nonzero(held.pulses[1] == 2)
    added = (up * np.exp(-0.1) + 6 - up) * 1.6**2 * 1e-6 / 5e3
    assert held.cost.kinds["weak RESET pulses"].joules == pytest.approx(first + added, rel=1e-12)


def test_a_pair_beyond_its_range_is_set_and_reads_as_before():
    held = pairs((50, 40), step=0.3, noise=0.2, set_noise=0.2, r_set=5e3, r_max=40e3, restored=2)
    for _ in range(40):
        before = held.weights.copy()
        n = held.sets.copy()
        # the device that is higher already climbs on: no pair may turn, SET or not
        held.change(0.3 * before)
        np.testing.assert_array_equal(held.weights, before)
        assert held.logs.max() <= np.log(8.0)
        fresh = held.sets > n
        high = np.maximum(*held.logs)[fresh]
        assert not fresh.any() or high.max() < np.log(8.0)
    assert held.sets.min() >= 2
    assert held.cost.count("SET pulses") == 2 * held.sets.sum()
    assert held.cost.count("weak RESET pulses") == held.pulses.sum()


def test_numbers_are_checked_and_currents_refused():
    with pytest.raises(UsageError, match="do not part"):
        pairs((2, 2), step=1e-9)
    for wrong in ({"step": 0.0}, {"noise": -1.0}, {"r_max": 1e3}, {"restored": 0}):
        with pytest.raises(UsageError):
            WeakReset(**wrong)
    with pytest.raises(UsageError, match="both signs"):
        WeakReset().build(np.ones((2, 2)), np.random.default_rng(0), signed=False)
    with pytest.raises(UsageError, match="sense amplifiers"):
        pairs((2, 2)).fold(np.ones(4))
    with pytest.raises(UsageError, match="weak_reset"):
        rule_of("weak_reset", network=(3, 2), synapses="ideal")
    with pytest.raises(UsageError, match="r_wire"):
        rule_of("weak_reset", network=(3, 2), r_wire=1.0)
    assert synapses_of("weak_reset:step=0.05,r_max=1meg").r_max == 1e6


def test_hidden_weights_follow_the_gradient():
    """The mean of many updates from one gradient is in its direction: rate |g| / mean |g| pulses, against its sign."""
    rule = rule_of("weak_reset", network=(12, 6, 3), batch=30, precision="double", rate=0.1, neuron_rate=0.0, seed=2,
                   synapses="weak_reset:step=1n,noise=0.2,set_noise=0,r_max=1t")  # fmt: skip
    for array in rule.layers:  # far from turning: the gradient stays what it was
        array.synapses.logs[1] += np.where(array.synapses.hidden.ravel() > 0, 1.0, -1.0)
    rng = np.random.default_rng(0)
    x, t = rng.random((30, 12)), np.eye(3)[rng.integers(0, 3, 30)]
    g = rule.gradients(x, t).weights
    signs = [array.synapses.weights.copy() for array in rule.layers]
    before = [array.synapses.hidden.copy() for array in rule.layers]
    for _ in range(1000):
        rule.learn(x, t)
    for k, (array, old) in enumerate(zip(rule.layers, before, strict=True)):
        np.testing.assert_array_equal(array.synapses.weights, signs[k])
        p = np.minimum(0.1 * np.abs(g[k]) / np.abs(g[k]).mean(), 1.0)
        found = (array.synapses.hidden - old) / 1e-9 / 1000
        # five deviations of a mean of 1000 draws, noise included
        tolerance = 5 * np.sqrt(p * (1 - p + 0.04) / 1000) + 1e-6
        assert np.all(np.abs(found + np.sign(g[k]) * p) < tolerance)


def test_states_go_on_bit_by_bit():
    rng = np.random.default_rng(0)
    x, t = rng.random((40, 8)), np.eye(3)[rng.integers(0, 3, 40)]
    setting = {"network": (8, 6, 3), "batch": 10, "rate": 0.5, "synapses": "weak_reset:step=0.3,r_max=20k"}
    rule, other = rule_of("weak_reset", seed=1, **setting), rule_of("weak_reset", seed=2, **setting)
    rule.learn(x, t)
    other.restore(rule.arrays())
    for one in (rule, other):
        one.learn(x, t)
    assert rule.endurance["most SETs"] > 0
    for (key, a), b in zip(rule.arrays().items(), other.arrays().values(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=key)


def test_digits():
    images, labels = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    x, t, labels = images[order] / 16.0, np.eye(10)[labels[order]], labels[order]
    rule = rule_of("weak_reset", network=(64, 128, 10), batch=100, seed=1, rate=0.3, decay=0.95)
    given = sum(array.synapses.pulses.sum() for array in rule.layers)
    for _ in range(25):
        rule.learn(x[:1200], t[:1200])
        rule.end_epoch()
    assert np.mean(rule.outputs(x[1200:]).argmax(axis=1) == labels[1200:]) > 0.93
    # only pulses have moved anything: weights are signs of the pairs, and every pulse was counted
    for array in rule.layers:
        np.testing.assert_array_equal(array.synapses.weights, np.where(array.synapses.hidden > 0, 1, -1))
    given = sum(array.synapses.pulses.sum() for array in rule.layers) - given
    assert rule.cost.count("weak RESET pulses") == given


def test_a_model_of_hafnium_oxide_climbs_as_the_soft_law():
    """JART VCM v1b from a strong RESET on, pulses of 1.6 V and 1 us: step = 0.09, soft = 0.12 (40 kohm to 55 kohm)."""
    width, pulses = 1e-6, 20
    points = [0.0, 0.1, 0.2 * width, 0.1]
    for n in range(pulses + 1):
        start = (0.2 + 2 * n) * width
        points += [start + 0.02 * width, 1.6, start + 1.02 * width, 1.6, start + 1.04 * width, 0.1]
        points += [start + 2 * width, 0.1]
    circuit = cn.Circuit("weak RESET")
    circuit.V("1", "a", 0, dc=0.1, waveform=("pwl", *points))
    circuit.N("1", "a", 0, model="jart", n0=1.9e27)
    tran = circuit.tran(stop=points[-2])
    at = (0.2 + 2 * np.arange(1, pulses + 2) - 0.01) * width
    ln = np.log(0.1 / np.interp(at, tran.time, -tran["i(v1)"]))
    law, x = [], 0.0
    for _ in range(pulses):
        x += 0.09 * np.exp(-x / 0.12)
        law.append(x)
    # a law of two numbers for a model of many: within 0.015 of the 0.33 that 20 pulses climb
    np.testing.assert_allclose(ln[1:] - ln[0], law, rtol=0, atol=0.015)
