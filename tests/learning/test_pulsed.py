"""Devices under pulses: exact coincidences, laws against formulas, statistics of trains and noise, whole states."""

import numpy as np
import pytest
from circuitnn.learning.synapses._pulses import Pulses

from circuitnn.errors import ConvergenceError, UsageError
from circuitnn.learning.rule import rule_of
from circuitnn.learning.synapses.pulsed import Pulsed, PulsedSynapses, Steps
from circuitnn.learning.synapses.synapse import synapses_of

EXACT = {"noise": 0.0, "spread": 0.0, "bound_spread": 0.0, "asymmetry_spread": 0.0}


def built(weights, seed=0, signed=True, largest=1.0, **numbers):
    return Pulsed(**(EXACT | numbers)).build(weights, np.random.default_rng(seed), signed=signed, largest=largest)


def philox(counter, key):
    """Philox 4x32-10 on arrays (Salmon et al. 2011); counter (4, n), key of two numbers."""
    c = [np.asarray(x, np.uint64) for x in counter]
    low = np.uint64(0xFFFFFFFF)
    k0, k1 = key
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), b & low, (a >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), a & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c


def trains(probability, seed, count, purpose, slots):
    """Slots in which drivers fire, (n, slots) of bool: 24 random digits a slot, that of the first word the last."""
    n = len(probability)
    key = (seed & 0xFFFFFFFF, (seed >> 32) ^ purpose)
    words = []
    for block in range(6):
        words += philox([np.arange(n), np.full(n, block), np.full(n, count), np.zeros(n)], key)
    value = np.zeros((n, slots))
    for word in words:  # a later word is a more significant digit
        value = 0.5 * (value + (word[:, None] >> np.arange(slots, dtype=np.uint64)) % 2)
    return value < np.floor(probability * 2.0**24 + 0.5)[:, None] * 2.0**-24


def test_coincidences_are_those_of_the_trains():
    """Every step of 30 updates follows from trains that are made here anew, of columns and rows that know no other."""
    rng = np.random.default_rng(3)
    held = built(np.zeros((37, 21)), steps=2000.0, manage=False, slots=19)
    wanted = np.zeros((37, 21))
    for count in range(30):
        x, d = rng.uniform(-1, 1, 37) * (rng.random(37) < 0.6), rng.uniform(-1, 1, 21) * 4e-3
        x, d = x.astype(np.float32), d.astype(np.float32)
        top = np.sqrt(np.abs(x).max() * np.abs(d).max() / held.step / 19)
        p, q = np.abs(x) * top / np.abs(x).max(), np.abs(d) * top / np.abs(d).max()
        fired = trains(p, held._seed, count, 0, 19), trains(q, held._seed, count, 1, 19)
        wanted += np.sign(np.outer(x, d)) * (fired[0].astype(int) @ fired[1].T.astype(int)) * held.step
        held.update(x[None], d[None])
    # float32 sums of 1e-3; a probability may be rounded to a neighbouring digit of 2^-24, which moves no slot here
    assert np.abs(held.weights - wanted).max() < 1e-6
    assert held.cost.pulses > 3000


@pytest.mark.parametrize("manage", [True, False])
@pytest.mark.parametrize("slots", [1, 10, 31])
def test_mean_and_variance_of_random_trains(manage, slots):
    """E[dW] = x d; variance of independent drivers: sum over slots of p q (1 - p q) (Gokmen and Vlasov, eq. 2)."""
    rng = np.random.default_rng(5)
    x, d = rng.uniform(-1, 1, (1, 12)).astype(np.float32), rng.uniform(-1, 1, (1, 9)).astype(np.float32)
    d *= np.float32(0.8 * slots * 1e-3 / (np.abs(x).max() * np.abs(d).max()))
    held = built(np.zeros((12, 9)), steps=2000.0, slots=slots, manage=manage, noise=0.4)
    n, step = 3000, held.step
    sums, squares = np.zeros((12, 9)), np.zeros((12, 9))
    for _ in range(n):
        held._states[0][...] = 0.0
        held.update(x, d)
        sums += held.weights
        squares += held.weights.astype(float) ** 2
    mean, product = sums / n, x.T.astype(float) @ d
    used = min(slots, max(1, int(np.ceil(np.abs(product).max() / step)))) if manage else slots
    pq = np.abs(product) / (used * step)
    variance = used * step**2 * (pq * (1 - pq) + pq * 0.4**2)
    z = (mean - product) / np.sqrt(variance / n)
    assert np.abs(z).max() < 4.5  # of 108 cells, by chance 1e-3
    assert np.sqrt(np.mean(z**2)) == pytest.approx(1.0, abs=0.35)  # cells of a row share its trains
    found = squares / n - mean**2
    assert np.sum(found) / np.sum(variance) == pytest.approx(1.0, abs=0.05)


def test_noise_is_normal():
    """Moments of a step's noise within five standard errors, and as many beyond 1, 2 and 3 deviations."""
    held = built(np.zeros((400, 500)), steps=2000.0, update="sign", noise=0.25)
    held.update(np.ones((1, 400)), np.ones((1, 500)))
    z = ((held.weights.astype(np.float64) / held.step - 1.0) / 0.25).ravel()
    n = z.size
    for power, moment, deviation in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)):
        assert abs(np.mean(z**power) - moment) < 5.0 * np.sqrt(deviation / n)
    for far, part in ((1.0, 0.3173105), (2.0, 0.0455003), (3.0, 0.0026998), (4.0, 6.334e-5)):
        assert abs(np.mean(np.abs(z) > far) - part) < 5.0 * np.sqrt(part / n)
    square = z.reshape(400, 500)
    for other in (np.roll(square, 1, 0), np.roll(square, 1, 1), np.roll(square, 16, 1), np.roll(square, 64, 1)):
        assert abs(np.mean(square * other)) < 5.0 / np.sqrt(n)


def test_partial_steps_of_the_linear_law_are_the_product():
    rng = np.random.default_rng(1)
    x, d = rng.uniform(-1, 1, (20, 33)), rng.uniform(-1, 1, (20, 70)) * 0.01
    start = rng.uniform(-0.3, 0.3, (33, 70))
    held = built(start, update="deterministic", partial=True)
    held.update(x, d)
    # 20 updates of up to 6 steps each, every one rounded to float32 near 0.5
    assert np.abs(held.weights - (start + x.T @ d)).max() < 2e-6
    held.change(-x.T @ d)
    assert np.abs(held.weights - start).max() < 4e-6


def test_rounding_at_random_keeps_the_mean():
    held = built(np.zeros((64, 500)), steps=2000.0, update="deterministic")
    held.update(np.full((1, 64), 0.5), np.full((1, 500), 5.2e-3))  # 2.6 steps
    found = np.rint(held.weights / held.step)
    assert set(np.unique(found)) == {2.0, 3.0}
    assert np.mean(found) == pytest.approx(2.6, abs=5.0 * np.sqrt(0.24 / found.size))


def twin(state, steps, kind, low, high, stride):
    """Steps one after the other, in doubles."""
    for _ in range(abs(steps)):
        m = (2 * state - low - high) / (high - low)
        state += stride * (1 - kind.slope * m) if steps > 0 else -stride * (1 + kind.slope * m)
        state = np.clip(state, low, high)
    return state


@pytest.mark.parametrize(
    "numbers",
    [
        {"law": "linear", "steps": 50.0},
        {"law": "soft", "steps": 50.0},
        {"law": "exponential", "nonlinearity": 3.0, "steps": 50.0},
    ],
)
def test_laws_step_by_step(numbers):
    held = built(np.linspace(-0.9, 0.9, 40).reshape(2, 20), update="sign", **numbers)
    kind, wanted = Pulsed(**(EXACT | numbers)), np.linspace(-0.9, 0.9, 40).reshape(2, 20)
    for steps in (3, -7, 20, -2):
        for _ in range(abs(steps)):
            held.update(np.ones((1, 2)), np.full((1, 20), np.sign(steps)))
        wanted = twin(wanted, steps, kind, -1.0, 1.0, 2.0 * kind.stride)
    assert np.abs(held.weights - wanted).max() < 4e-6  # 32 roundings of float32 near 1


def test_exponential_law_is_neurosims_curve():
    """n steps up from the lower end: B (1 - exp(-n / A)), B = 1 / (1 - exp(-n_max / A)), and back down its mirror."""
    n_max, nu = 64, 4.0
    held = built(np.zeros((1, 1)), law="exponential", nonlinearity=nu, steps=float(n_max), update="sign", signed=False)
    up = []
    for _ in range(n_max):
        held.update(np.ones((1, 1)), np.ones((1, 1)))
        up.append(float(held.weights[0, 0]))
    b, n = 1 / (1 - np.exp(-nu)), np.arange(1, n_max + 1)
    assert np.abs(up - b * (1 - np.exp(-n * nu / n_max))).max() < 2e-6
    down = []
    for _ in range(n_max):
        held.update(np.ones((1, 1)), -np.ones((1, 1)))
        down.append(float(held.weights[0, 0]))
    assert np.abs(down - (1 - b * (1 - np.exp(-n * nu / n_max)))).max() < 2e-6


def test_a_table_of_a_law_is_the_law():
    """Soft bounds are linear in the state, so that interpolation between nodes is exact."""
    kind = Pulsed(**EXACT, law="soft", steps=30.0)
    m = np.linspace(-1.0, 1.0, 9)
    rng = np.random.default_rng(2)
    start = rng.uniform(-1, 1, (5, 50))
    tabled = PulsedSynapses(kind, start, np.random.default_rng(0), True, 1.0, Steps(np.array([1 - m, 1 + m])))
    law = kind.build(start, np.random.default_rng(0))
    for k in range(20):
        x, d = rng.uniform(-1, 1, (2, 5)), rng.uniform(-1, 1, (2, 50)) * 0.2
        tabled.update(x, d)
        law.update(x, d)
        assert np.abs(tabled.weights - law.weights).max() < 1e-6 * (k + 1)
    assert np.abs(law.weights - start).max() > 0.3


def test_bounds_hold_whatever_the_noise():
    held = Pulsed(steps=10.0, noise=1.0).build(np.zeros((40, 40)), np.random.default_rng(0))
    device = held._devices[0]
    for k in range(60):
        held.update(np.ones((1, 40)), np.full((1, 40), 0.5 if k < 30 else -0.5))
        assert np.all((held.weights >= device["low"]) & (held.weights <= device["high"]))
    assert np.mean(held.weights == device["low"]) > 0.5
    assert np.std(device["high"]) == pytest.approx(0.3, rel=0.1)  # of 1600, four standard errors
    assert np.std(device["up"]) / held.step == pytest.approx(np.hypot(0.3, 0.02), rel=0.1)


def test_alternating_pulses_find_the_symmetry_point():
    """up (1 - m) = down (1 + m) at m = asymmetry of soft bounds; pairs of pulses contract to it."""
    held = built(np.zeros((3, 4)), law="soft", steps=200.0, asymmetry=0.4, update="sign")
    for k in range(2400):
        held.update(np.ones((1, 3)), np.full((1, 4), (-1.0) ** k))
    # the cycle spans one step of stride (1 - 0.4^2) about the point
    assert np.abs(held.weights - 0.4).max() < held.step
    assert np.allclose(held.symmetry_points(), 0.4, atol=1e-6)
    held.shift_to_symmetry()
    assert np.abs(held.weights).max() < 1e-6
    held.update(np.ones((1, 3)), np.ones((1, 4)))
    assert np.allclose(held.weights, held.step * (1 - 0.4**2), rtol=1e-4)
    assert np.allclose(held.fold(np.array([1.0, -2.0, 0.5]) @ held.cells()), [1.0, -2.0, 0.5] @ held.weights, atol=1e-6)


def test_opposed_pairs_cancel_asymmetry_and_alternate_ones_saturate():
    opposed = built(np.zeros((2, 3)), law="soft", steps=100.0, asymmetry=0.5, update="sign", pair="opposed")
    one = np.ones((1, 2)), np.ones((1, 3))
    opposed.update(*one)
    assert np.allclose(opposed.weights, 2 * 0.01)  # (1 + 0.5) + (1 - 0.5) strides
    rises = built(np.zeros((2, 3)), law="soft", steps=20.0, update="sign", pair="alternate")
    for k in range(200):
        rises.update(one[0], one[1] * (-1.0) ** k)
    assert np.all(rises._states[0] > 0.98) and np.all(rises._states[1] > 0.98)
    assert np.abs(rises.weights).max() < 0.02


def test_stuck_devices_stay_and_others_relax():
    held = built(np.full((100, 100), 0.25), stuck_low=0.1, stuck_high=0.05, retention=10.0, rest=-0.5)
    low, high = held.weights == -1.0, held.weights == 1.0
    assert np.mean(low) == pytest.approx(0.1, abs=0.012) and np.mean(high) == pytest.approx(0.05, abs=0.009)
    held.update(np.ones((1, 100)), np.full((1, 100), -0.01))
    held.pass_time(7.0)
    assert np.all(held.weights[low] == -1.0) and np.all(held.weights[high] == 1.0)
    others = held.weights[~(low | high)]
    before = 0.25 - 0.01
    assert others.mean() == pytest.approx(-0.5 + (before + 0.5) * np.exp(-0.7), abs=1e-3)


def test_one_conductance_a_weight():
    held = built(np.array([[0.0, 0.5]]), signed=False, steps=100.0, update="sign", g_min=1e-6, g_max=11e-6)
    held.update(np.ones((1, 1)), np.array([[-1.0, 1.0]]))
    assert np.allclose(held.weights, [[0.0, 0.51]])
    assert np.allclose(held.cells(), [[1e-6, 6.1e-6]], atol=1e-12)
    with pytest.raises(UsageError, match="negative"):
        built(np.array([[-0.1]]), signed=False)


def kernel(threads, way):
    rng = np.random.default_rng(8)
    shape = 300, 130
    state = rng.uniform(-0.5, 0.5, shape).astype(np.float32)
    ends = {"up": (1e-3, 3e-3), "down": (1e-3, 3e-3), "low": (-1.0, -0.6), "high": (0.6, 1.0)}
    device = {"state": state, "slopes": (-0.5, 0.5), "about_zero": True, "noise": 0.3, "falls": False, "only_up": False}
    device |= {name: rng.uniform(*between, shape).astype(np.float32) for name, between in ends.items()}
    device["table"] = None
    pulses = Pulses([device], None, None, way, 31, True, False, 2e-3, 77, threads)
    for _ in range(3):
        x, d = rng.uniform(-1, 1, (20, 300)), 0.02 * rng.standard_normal((20, 130))
        pulses.update(x.astype(np.float32), d.astype(np.float32))
    return state, pulses.taken()


@pytest.mark.parametrize("way", ["stochastic", "deterministic"])
def test_threads_do_not_matter(way):
    alone, together = kernel(1, way), kernel(4, way)
    assert np.array_equal(alone[0], together[0])
    assert alone[1] == together[1]


def test_energy_and_time_of_one_update():
    """Two devices step up at G = 50.5 uS (middle of 1 to 100), five see half of the voltage, by hand."""
    held = built(np.zeros((3, 3)), update="sign", volts=2.0, width=1e-8)
    held.update(np.array([[1.0, 0, 0]]), np.array([[1.0, 1.0, 0]]))
    # row: 3 devices, columns: 2 x 3; two of them are hit, so 3 + 6 - 4 see half
    assert held.cost.count("pulses") == 2
    assert held.cost.joules == pytest.approx(50.5e-6 * 1e-8 * (2 * 4.0 + 5 * 1.0), rel=1e-3)  # mean after the step
    assert held.cost.seconds == pytest.approx(2e-8)


def test_state_goes_on_bit_by_bit():
    rng = np.random.default_rng(4)
    x, d = rng.uniform(-1, 1, (40, 30)), rng.uniform(-1, 1, (40, 20)) * 0.01
    for pair in ("reference", "opposed", "alternate"):
        numbers = {"noise": 0.3, "spread": 0.2, "pair": pair}
        whole, half, again = (built(np.zeros((30, 20)), **numbers) for _ in range(3))
        whole.update(x, d)
        half.update(x[:17], d[:17])
        again.restore({k: v.copy() for k, v in half.arrays().items()})
        again.update(x[17:], d[17:])
        assert np.array_equal(whole.weights, again.weights)
    other = built(np.zeros((30, 20)), seed=1)
    with pytest.raises(UsageError, match="other devices"):
        other.restore(built(np.zeros((30, 20))).arrays())


def test_backpropagation_on_pulsed_devices_learns_and_resumes():
    rng = np.random.default_rng(0)
    x = rng.random((200, 8))
    t = np.eye(2)[(x[:, 0] + x[:, 1] > x[:, 2] + x[:, 3]).astype(int)]
    make = {"network": "8-10-2", "synapses": "pulsed:steps=1200", "rate": 0.1, "batch": 1, "seed": 2}
    rule, again = rule_of("backpropagation", **make), rule_of("backpropagation", **make)
    for _ in range(5):
        rule.learn(x, t)
    again.restore({k: np.array(v) for k, v in rule.arrays().items()})
    rule.learn(x, t)
    again.learn(x, t)
    assert np.mean(rule.outputs(x).argmax(1) == t.argmax(1)) > 0.85
    assert np.array_equal(rule.layers[0].weights, again.layers[0].weights)
    assert rule.cost.pulses == again.cost.pulses > 1000


def test_exact_steps_train_as_ideal_weights_do():
    rng = np.random.default_rng(6)
    x, t = rng.random((100, 8)), np.eye(3)[rng.integers(0, 3, 100)]
    numbers = ",".join(f"{name}={value}" for name, value in EXACT.items())
    exact = f"pulsed:steps=2000,update=deterministic,partial=true,{numbers}"
    rules = [
        rule_of("backpropagation", network="8-6-3", batch=1, rate=0.1, largest=10.0, synapses=synapses)
        for synapses in ("ideal", exact)
    ]
    before = rules[0].layers[0].weights.copy()
    for ideal, pulsed in zip(rules[0].layers, rules[1].layers, strict=True):
        pulsed.synapses._states[0][...] = ideal.weights  # devices draw from the generator too, before the next weights
    for rule in rules:
        rule.learn(x, t)
    for ideal, pulsed in zip(rules[0].layers, rules[1].layers, strict=True):
        # 100 updates, each rounded to float32 near 1
        assert np.abs(ideal.weights - pulsed.weights).max() < 2e-5
    assert np.abs(rules[0].layers[0].weights - before).max() > 0.05


@pytest.mark.parametrize(
    ("numbers", "names"),
    [({"steps": 0}, "steps"), ({"law": "cubic"}, "law"), ({"nonlinearity": 2}, "nonlin"), ({"slots": 40}, "slots"),
     ({"stuck_low": 0.7, "stuck_high": 0.7}, "stuck_high"), ({"g_max": 0.0}, "g_max"), ({"pair": "none"}, "pair")],
)  # fmt: skip
def test_numbers_out_of_range(numbers, names):
    with pytest.raises(UsageError, match=names):
        Pulsed(**numbers)


def test_texts_and_numbers_that_are_not_finite():
    kind = synapses_of("pulsed:law=soft,steps=31,update=sign,width=20n")
    assert kind.law == "soft" and kind.width == 20e-9
    held = kind.build(np.zeros((2, 2)), np.random.default_rng(0))
    with pytest.raises(ConvergenceError, match="finite"):
        held.update(np.array([[np.nan, 0.0]]), np.ones((1, 2)))
    with pytest.raises(ConvergenceError, match="finite"):
        held.change(np.full((2, 2), np.inf))
