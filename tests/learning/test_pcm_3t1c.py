"""PCM cells that hold weights, capacitors that learn, and training with both (Ambrogio et al. 2018)."""

import numpy as np
import pytest

from circuitnn.errors import UsageError
from circuitnn.learning.arrays import SynapseArray
from circuitnn.learning.rule import rule_of
from circuitnn.learning.rules.pcm_3t1c import Pcm3t1c
from circuitnn.learning.synapses.pcm_capacitor import PcmCapacitor
from circuitnn.learning.synapses.pcm_pair import PcmPair

ALIKE = {"packet_spread": 0.0, "slope_spread": 0.0, "offset_spread": 0.0}


def rng(seed=0):
    return np.random.default_rng(seed)


# -- pairs of PCM cells


def test_partial_set_pulses_saturate():
    """n pulses at G+ from RESET: G = g_max (1 - (1 - g_step / g_max)^n), the sum of its law's steps."""
    kind = PcmPair(noise=0.0, step_spread=0.0)
    held = kind.build(np.zeros((1, 1)), rng(), largest=1.0)
    one, found = np.ones((1, 1)), []
    for _ in range(60):
        held.update(one, 2.0 * one)  # more than 31 steps are asked for: each slot fires
        found.append(float(held.state[0, 0, 0]))
    expected = 1.0 - (1.0 - 0.04) ** (31.0 * np.arange(1, 61))
    # float32 sums of at most 1
    assert np.array(found) == pytest.approx(expected, abs=1e-5)
    assert held.cost.count("set pulses") == 60 * 31
    assert held.state[1].max() == 0.0


def test_falling_weights_raise_the_other_cell():
    held = PcmPair().build(np.zeros((3, 4)), rng())
    held.update(np.array([[1.0, 0.0, -1.0]]), np.array([[0.4, -0.4, 0.4, -0.4]]))
    up = held.state[0] > 0.0
    down = held.state[1] > 0.0
    assert np.array_equal(up, [[1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 1]])
    assert np.array_equal(down, [[0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 1, 0]])


def test_updates_are_the_product_on_average():
    kind = PcmPair(g_step=0.02e-6, step_spread=0.0)
    held = kind.build(np.zeros((5, 4)), rng(), largest=1.0)
    x, d = rng(1).uniform(0, 1, (1, 5)), rng(2).uniform(-1, 1, (1, 4)) * 1e-3
    times = 400
    held.update(np.repeat(x, times, 0), np.repeat(d, times, 0))
    # steps of 0.0008 shrink by a third on the way to 0.4 of the range; each of some 500 scatters by about its size
    exact = times * (x.T @ d)
    saturated = np.sign(exact) * -np.expm1(-np.abs(exact))
    assert held.weights == pytest.approx(saturated, abs=5 * 0.0008 * np.sqrt(times * 2))


def test_programming_comes_within_half_a_step():
    kind = PcmPair(noise=0.0, step_spread=0.0)
    wanted = rng(1).uniform(-0.75, 0.75, (20, 20))
    held = kind.build(wanted, rng(), largest=1.0)
    # a step from RESET is 0.04 of the range, and they shrink from there
    assert np.abs(held.weights - wanted).max() <= 0.02 + 1e-6
    # pairs move by their other cell as long as that is not full, then start anew
    for seed in range(2, 30):
        wanted = rng(seed).uniform(-0.75, 0.75, (20, 20))
        held.change(wanted - held.weights)
        assert np.abs(held.weights - wanted).max() <= 0.02 + 1e-6
    assert held.cost.count("reset pulses") > 0


def test_full_pairs_are_refreshed():
    held = PcmPair().build(np.zeros((10, 10)), rng(), largest=1.0)
    held.restore(held.arrays() | {"state": rng(3).uniform(0.5, 0.95, (2, 10, 10)).astype(np.float32)})
    full = (held.state > 0.8).any(axis=0)
    before, untouched = held.weights.copy(), held.state[:, ~full].copy()
    held.refresh()
    assert full.any() and not full.all()
    assert held.state[:, full].max() < 0.6
    # half a step of 0.04 that noise of 0.7 and a spread of 0.2 may stretch, on top of which the last pulse overshoots
    assert np.abs(held.weights - before).max() < 0.12
    assert np.array_equal(held.state[:, ~full], untouched)


def test_cells_of_one_sign_are_refused():
    for kind in (PcmPair(), PcmCapacitor()):
        with pytest.raises(UsageError, match="pairs"):
            kind.build(np.ones((2, 2)), rng(), signed=False)


# -- capacitors


def test_reads_of_cells_add_up_to_weights():
    """F (G+ - G-) + p (g+ - g-) from the conductances themselves, with spreads, a leak and either polarity."""
    held = PcmCapacitor().build(rng(1).uniform(-1, 1, (7, 5)), rng(), largest=1.5)
    for _ in range(3):
        held.update(rng(2).random((20, 7)), rng(3).normal(0, 0.02, (20, 5)))
        held.pass_time(1e-3)
        g = held.cells().reshape(7, 5, 4)
        assert g.min() >= 0.0
        read = 3.0 * (g[..., 0] - g[..., 1]) + held.polarity * (g[..., 2] - g[..., 3])
        # 25 uS, F times, are a weight of 1.5; float32
        assert held.weights == pytest.approx(read * 1.5 / 75e-6, abs=2e-6)
        array = SynapseArray(held, r_word=1e-6, r_bit=1e-6)
        assert array.forward(np.eye(7)) == pytest.approx(held.weights, abs=1e-5)
        assert array.backward(np.eye(5)) == pytest.approx(held.weights.T, abs=1e-5)
        held.transfer()


def test_a_capacitor_sums_products():
    """Pulses of one sign: the law of its packets, dV = step (1 - curvature (V - 0.5) / 0.4), solved here."""
    kind = PcmCapacitor(**ALIKE)
    held = kind.build(np.zeros((1, 1)), rng(), largest=1.5)
    one, v = np.ones((1, 1)), 0.5
    for n in range(1, 6):
        held.update(one, one)  # 31 packets, more than which an update cannot send
        for _ in range(31):
            v += 1e-3 * (1.0 - 0.2 * (v - 0.5) / 0.4)
        assert held.cost.count("capacitor pulses") == 31 * n
        # packets of an update may all be as large as the first: 31 of 1 mV times 31 parts in 2000 of curvature
        assert float(held.voltage[0, 0]) == pytest.approx(v, abs=n * 31e-3 * 31 / 2000)
    for _ in range(100):
        held.update(one, one)
    assert float(held.voltage[0, 0]) == pytest.approx(0.9, abs=1e-6)


def test_updates_of_capacitors_are_the_product_on_average():
    held = PcmCapacitor(**ALIKE, curvature=0.0).build(np.zeros((6, 5)), rng(), largest=1.5)
    x, d = rng(1).random((1, 6)), rng(2).normal(0.0, 2e-3, (1, 5))
    x[0, 2] = 0.0
    before = held.weights.copy()
    held.update(np.repeat(x, 100, 0), np.repeat(d, 100, 0))
    # 100 examples of up to 5 packets of 1e-3 each: deviations stay below five times sqrt(100 * 5) packets
    assert held.weights - before == pytest.approx(100 * (x.T @ d), abs=5 * np.sqrt(500) * 1e-3)
    assert np.array_equal(held.weights[2], before[2])


def test_the_leak_is_exponential():
    held = PcmCapacitor(**ALIKE).build(np.zeros((2, 2)), rng(), largest=1.5)
    held.change(np.full((2, 2), 0.2))
    start = held.voltage.copy()
    for _ in range(10):
        held.pass_time(0.5e-3)
    # towards 0.8 V in 5 ms, float32
    assert held.voltage == pytest.approx(0.8 + (start - 0.8) * np.exp(-1.0), abs=1e-5)
    # the reference leaks as well: what is left of the weight is its part above that
    assert held.weights == pytest.approx(0.2 * np.exp(-1.0) * np.ones((2, 2)), abs=2e-3)


def test_transfer_keeps_weights_and_empties_capacitors():
    held = PcmCapacitor().build(rng(1).uniform(-0.8, 0.8, (40, 30)), rng(), largest=1.5)
    for seed in range(3):
        held.update(rng(seed).random((200, 40)), rng(seed + 9).normal(0, 0.01, (200, 30)))
        before = held.weights.copy()
        held.transfer()
        # within half a packet: at most 1e-3 with both spreads, unless PCM cells missed by more than capacitors hold
        assert np.abs(held.weights - before).max() < 2e-3
        # PCM cells come within a step of 0.02 or so, with their noise, which counts three times
        assert np.abs(held.voltage - 0.5).mean() < 0.05
    assert held.polarity == -1


def test_inversion_cancels_what_is_asymmetric():
    """As many pulses up as down, a transfer, and as many again: weights drift without inversion, hardly with it."""
    drift = {}
    for inversion in (True, False):
        kind = PcmCapacitor(inversion=inversion, curvature=0.0, offset_spread=0.0)
        held = kind.build(np.zeros((30, 30)), rng(), largest=1.5)
        start = held.weights.copy()
        one = np.ones((1, 30))
        for _ in range(2):
            for _ in range(4):
                held.update(one, 0.03 * one)
                held.update(one, -0.03 * one)
            held.pass_time(0.5e-3)
            held.transfer()
        drift[inversion] = float(np.std(held.weights - start))
    # 240 pulses each way with packets that differ by 1e-3 sqrt(2) 0.2, and by what pulses of chance add
    assert drift[False] == pytest.approx(240e-3 * np.sqrt(2) * 0.2, rel=0.15)
    assert drift[True] < 0.1 * drift[False]


def test_transfers_cost_pulses_and_energy():
    held = PcmCapacitor().build(np.zeros((20, 20)), rng(), largest=1.5)
    held.change(np.full((20, 20), 0.3))
    before = held.cost.count("set pulses")
    held.transfer()
    pulses = held.cost.count("set pulses") - before
    # 0.3 / 3 of a range of 0.5 by steps of 0.02 that shrink: five to seven pulses and what noise adds or saves
    assert 4 * 400 < pulses < 9 * 400
    work = held.cost.kinds["set pulses"]
    # a volt for 50 ns at cells of up to 25 uS, some 3 uS on average
    assert 0.2 * work.count * 3e-6 * 50e-9 < work.joules < 2.0 * work.count * 3e-6 * 50e-9


# -- the rule


def test_other_synapses_are_refused():
    with pytest.raises(UsageError, match="pcm_capacitor"):
        rule_of("pcm_3t1c", network="8-4-2", synapses="ideal")


@pytest.mark.parametrize("synapses", ["pcm_capacitor", "pcm_pair"])
def test_a_stored_state_goes_on_as_if_nothing_had_happened(synapses):
    x, t = rng(1).random((130, 12)), np.eye(3)[rng(2).integers(3, size=130)]
    made = {"network": (12, 8, 3), "transfer": 40, "rate": 0.1, "seed": 5, "synapses": synapses}
    straight = Pcm3t1c(**made)
    straight.learn(x[:70], t[:70])
    stored = {name: value.copy() for name, value in straight.arrays().items()}
    straight.learn(x[70:], t[70:])
    again = Pcm3t1c(**made)
    again.restore(stored)
    again.learn(x[70:], t[70:])
    for name, value in straight.arrays().items():
        assert np.array_equal(value, again.arrays()[name]), name


def test_portions_of_examples_do_not_matter():
    x, t = rng(1).random((95, 12)), np.eye(3)[rng(2).integers(3, size=95)]
    made = {"network": (12, 8, 3), "transfer": 40, "rate": 0.1, "seed": 5}
    whole, parts = Pcm3t1c(**made), Pcm3t1c(**made)
    whole.learn(x, t)
    for first in (0, 7, 50, 52):
        last = {0: 7, 7: 50, 50: 52, 52: 95}[first]
        parts.learn(x[first:last], t[first:last])
    assert np.array_equal(whole.outputs(x), parts.outputs(x))


def trained(name, epochs, **parameters):
    data = pytest.importorskip("sklearn.datasets").load_digits()
    x, t = data.data / 16.0, np.eye(10)[data.target]
    rule = rule_of(name, network=(64, 30, 10), batch=1, activation="relu", rate=0.05, decay=0.7, **parameters)
    order, learnt = rng(1), np.delete(np.arange(len(x)), np.s_[::5])
    for _ in range(epochs):
        chosen = order.permutation(learnt)
        rule.learn(x[chosen], t[chosen])
        rule.end_epoch()
    return float(np.mean(rule.outputs(x[::5]).argmax(axis=1) == data.target[::5]))


def test_capacitors_learn_what_floating_point_does():
    """Digits of 8 x 8 pixels: as good as exact weights; PCM cells alone, with a step of 0.06 of weight, are worse."""
    exact = trained("backpropagation", 5)
    both = trained("pcm_3t1c", 5, transfer=1000)
    alone = trained("pcm_3t1c", 5, transfer=1000, synapses="pcm_pair")
    assert exact > 0.93
    # 360 digits to test with: 0.3 % is one of them
    assert both > exact - 0.02
    assert alone < both - 0.03
