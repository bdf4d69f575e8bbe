"""1T1R cells that two blind pulses set, and training with them in the crossbar (Li et al. 2018)."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve

from circuitnn.errors import UsageError
from circuitnn.learning.arrays import SynapseArray
from circuitnn.learning.rule import rule_of
from circuitnn.learning.rules.in_situ import InSitu
from circuitnn.learning.synapses.gated import Gated

EXACT = {"noise": 0.0, "slope_spread": 0.0, "gate_spread": 0.0}


def test_conductance_is_linear_in_the_gate_voltage():
    held = Gated(**EXACT).build(np.zeros((1, 11)), np.random.default_rng(0))
    held.change(np.linspace(-0.9, 0.9, 11)[None])
    volts = np.linspace(1.1 - 0.45, 1.1 + 0.45, 11)
    # the line through (0.6 V, 2 uS) with 98 uS/V; both cells of a pair, mirrored; roundings only
    assert held.gate[0, :, 0] == pytest.approx(volts, rel=1e-12)
    assert held.conductance[0, :, 0] == pytest.approx(2e-6 + 98e-6 * (volts - 0.6), rel=1e-12)
    assert held.conductance[0, :, 1] == pytest.approx(2e-6 + 98e-6 * (volts[::-1] - 0.6), rel=1e-12)


def test_pulses_and_energies_follow_the_table():
    """A table and its pulses written anew, with stuck devices and limits, against the cells' and their cost."""
    rng = np.random.default_rng(1)
    kind = Gated(**EXACT, stuck_low=0.1, stuck_high=0.1, stuck_random=0.1)
    held = kind.build(rng.uniform(-0.8, 0.8, (6, 5)), np.random.default_rng(2))
    gate, g, stuck = held.gate.copy(), held.conductance.copy(), held.stuck.copy()
    assert 5 < stuck.sum() < 35
    built = {name: held.cost.kinds[name].joules for name in ("set pulses", "reset pulses")}
    counted = {name: held.cost.count(name) for name in built}
    sets = resets = joules_set = joules_reset = 0.0
    for _ in range(30):
        dw = rng.normal(0.0, 0.2, (6, 5)) * (rng.random((6, 5)) < 0.7)
        held.change(dw)
        for i, j, k in np.ndindex(gate.shape):
            volts = (0.5 if k == 0 else -0.5) * dw[i, j]  # 98 uS of a volt are a weight of 1
            new = min(max(gate[i, j, k] + volts, 0.6), 1.6)
            before = g[i, j, k]
            if volts < 0.0:
                resets += 1
                joules_reset += 1.7**2 * before * 100e-9
            if volts < 0.0 or new != gate[i, j, k]:
                sets += 1
                if not stuck[i, j, k]:
                    meant = 2e-6 + 98e-6 * (new - 0.6)
                    g[i, j, k] = meant if volts < 0.0 else max(before, meant)
                joules_set += 2.5**2 * g[i, j, k] * 100e-9
            gate[i, j, k] = new
    assert held.conductance == pytest.approx(g, rel=1e-9)
    assert held.weights == pytest.approx((g[..., 0] - g[..., 1]) / 98e-6, abs=1e-9)
    assert held.cost.count("set pulses") - counted["set pulses"] == sets
    assert held.cost.count("reset pulses") - counted["reset pulses"] == resets
    assert held.cost.kinds["set pulses"].joules - built["set pulses"] == pytest.approx(joules_set, rel=1e-9)
    assert held.cost.kinds["reset pulses"].joules - built["reset pulses"] == pytest.approx(joules_reset, rel=1e-9)


def test_set_alone_never_lowers_a_conductance():
    held = Gated(noise=5e-6).build(np.zeros((40, 40)), np.random.default_rng(3))
    before = held.conductance.copy()
    held.change(np.full((40, 40), 0.01))
    rose = held.conductance[..., 0] - before[..., 0]
    # half of the noises of 5 uS lie below the conductance that is there, and such a pulse does nothing
    assert rose.min() == 0.0 and 0.3 < np.mean(rose > 0.0) < 0.7


def test_noise_and_spreads_have_their_sizes():
    quiet = Gated(noise=0.0, slope_spread=0.0, gate_spread=0.02).build(np.zeros((100, 100)), np.random.default_rng(4))
    # 20,000 devices: the estimate of a deviation scatters by 0.5 %
    assert np.std(quiet.conductance) == pytest.approx(98e-6 * 0.02, rel=0.03)
    noisy = Gated(noise=3e-6, slope_spread=0.0, gate_spread=0.0).build(np.zeros((100, 100)), np.random.default_rng(4))
    noisy.change(np.full((100, 100), -0.2))
    assert np.std(noisy.conductance[..., 0]) == pytest.approx(3e-6, rel=0.03)


def test_stuck_devices_stay_where_they_are():
    kind = Gated(stuck_low=0.06, stuck_high=0.03, stuck_random=0.02)
    held = kind.build(np.zeros((100, 100)), np.random.default_rng(5))
    # 2200 +- 44 of 20,000 are expected: five deviations
    assert abs(held.stuck.sum() - 2200) < 220
    before = held.conductance[held.stuck].copy()
    assert np.mean(before == 2e-6) == pytest.approx(6 / 11, abs=0.06)
    assert np.mean(np.isclose(before, 100e-6, rtol=1e-9)) == pytest.approx(3 / 11, abs=0.06)
    for sign in (1.0, -1.0, 1.0):
        held.change(np.full((100, 100), 0.3 * sign))
    assert np.array_equal(held.conductance[held.stuck], before)
    assert not np.any(held.conductance[~held.stuck] == 2e-6)


def test_one_conductance_a_weight():
    held = Gated(**EXACT).build(np.array([[0.25, 1.0]]), np.random.default_rng(0), signed=False)
    held.change(np.array([[-0.5, -0.5]]))
    assert held.weights == pytest.approx(np.array([[0.0, 0.5]]), abs=1e-12)
    assert held.cells() == pytest.approx(np.array([[2e-6, 51e-6]]), rel=1e-12)


@pytest.mark.parametrize(
    "text", ["gated:stuck_low=0.7,stuck_high=0.4", "gated:noise=-1", "gated:gate_max=0.5", "gated:slope=0"]
)
def test_numbers_out_of_range_are_refused(text):
    with pytest.raises(UsageError):
        rule_of("in_situ", synapses=text)


# -- reads through wires


def ladder(cells, r, driven):
    """Currents out of bit lines, at virtual ground, for volts on word lines: nodal equations written out here."""
    n, m = cells.shape
    word, bit = np.arange(n * m).reshape(n, m), n * m + np.arange(n * m).reshape(n, m)
    a, b = sp.lil_matrix((2 * n * m, 2 * n * m)), np.zeros((2 * n * m, len(driven)))

    def join(p, q, g):
        a[p, p] += g
        a[q, q] += g
        a[p, q] -= g
        a[q, p] -= g

    for i in range(n):
        for j in range(m):
            join(word[i, j], bit[i, j], cells[i, j])
            if j:
                join(word[i, j - 1], word[i, j], 1 / r)
            if i:
                join(bit[i - 1, j], bit[i, j], 1 / r)
        a[word[i, 0], word[i, 0]] += 1 / r
        b[word[i, 0]] += driven[:, i] / r
    for j in range(m):
        a[bit[-1, j], bit[-1, j]] += 1 / r
    v = spsolve(a.tocsc(), b)
    return (v[bit[-1]] / r).T


def test_the_transposed_read_is_the_transpose_with_wires():
    """Reciprocity: a volt on one line gives the current at another that a volt on the other gives at the one."""
    rng = np.random.default_rng(6)
    held = Gated(stuck_low=0.1).build(rng.uniform(-1, 1, (12, 9)), rng)
    array = SynapseArray(held, r_word=20.0, r_bit=20.0)
    forward, backward = array.forward(np.eye(12)), array.backward(np.eye(9))
    assert backward == pytest.approx(forward.T, abs=1e-12)
    # the wires matter: products differ from the weights by far more
    assert np.abs(forward - held.weights).max() > 0.02
    own = held.fold(ladder(held.cells(), 20.0, np.eye(12)))
    assert forward == pytest.approx(own, abs=1e-9)


# -- the rule


def loss(weights, x, t):
    h = np.maximum(x @ weights[0], 0.0)
    a = h @ weights[1]
    a = a - a.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(a).sum(axis=1)) - (a * t).sum(axis=1)))


def test_pulses_follow_the_gradient():
    """A batch moves weights down the numerical gradient of the cross-entropy: by it exactly, with exact devices."""
    rng = np.random.default_rng(7)
    rule = InSitu(network=(6, 5, 3), rate=0.05, seed=8, precision="double", synapses=Gated(**EXACT))
    x, t = rng.random((4, 6)), np.eye(3)[[0, 1, 2, 1]]
    before = [array.weights.copy() for array in rule.layers]
    rule.learn(x, t)
    for k, array in enumerate(rule.layers):
        slope = np.zeros_like(before[k])
        for at in np.ndindex(slope.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [w.copy() for w in before]
                moved[k][at] += step
                ends.append(loss(moved, x, t))
            slope[at] = (ends[0] - ends[1]) / 2e-5
        # central differences of this loss are good to 1e-9
        assert array.weights - before[k] == pytest.approx(-0.05 * slope, abs=1e-8)


def test_a_stored_state_goes_on_as_if_nothing_had_happened():
    rng = np.random.default_rng(9)
    x, t = rng.random((60, 16)), np.eye(4)[rng.integers(4, size=60)]
    made = {"network": (16, 8, 4), "batch": 10, "seed": 3}
    straight = InSitu(**made)
    straight.learn(x[:30], t[:30])
    stored = {name: value.copy() for name, value in straight.arrays().items()}
    straight.learn(x[30:], t[30:])
    again = InSitu(**made)
    again.restore(stored)
    again.learn(x[30:], t[30:])
    for name, value in straight.arrays().items():
        assert np.array_equal(value, again.arrays()[name]), name


def digits():
    data = pytest.importorskip("sklearn.datasets").load_digits()
    return data.data / 16.0, np.eye(10)[data.target]


def accuracy(rule, x, t):
    return float(np.mean(rule.outputs(x).argmax(axis=1) == t.argmax(axis=1)))


def trained(x, t, epochs, **parameters):
    rule = InSitu(rate=1.0, **parameters)
    order = np.random.default_rng(1)
    for _ in range(epochs):
        chosen = order.permutation(len(x))
        rule.learn(x[chosen], t[chosen])
    return rule


def test_training_in_place_lives_with_stuck_devices():
    """With 11 % of the devices stuck, digits of 8 x 8 pixels are learnt nearly as well as with exact weights.

    What is trained elsewhere and programmed into the same devices loses more, and the more of them are stuck.
    """
    x, t = digits()
    test, x, t = (x[::5], t[::5]), np.delete(x, np.s_[::5], 0), np.delete(t, np.s_[::5], 0)
    exact = trained(x, t, 12, synapses="ideal")
    best = accuracy(exact, *test)
    assert best > 0.95
    assert accuracy(trained(x, t, 12, synapses="gated:stuck_low=0.11"), *test) > best - 0.02
    half = trained(x, t, 12, synapses="gated:stuck_low=0.5")
    moved = InSitu(synapses="gated:stuck_low=0.5")
    for array, own in zip(moved.layers, exact.layers, strict=True):
        array.change(own.weights - array.weights)
    # Li et al. report above 60 % with half of the devices stuck low, in place
    assert accuracy(half, *test) > max(0.85, accuracy(moved, *test) + 0.05)
