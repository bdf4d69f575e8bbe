"""Few-valued weights: straight-through gradients, what cells hold, bit errors in closed form, the sense amplifier."""

import numpy as np
import pytest
from scipy.stats import norm

import circuitnn as cn
from circuitnn.errors import UsageError
from circuitnn.learning.binary_memory import BinaryMemory, flipped
from circuitnn.learning.layered import softmax
from circuitnn.learning.rule import rule_of
from circuitnn.learning.straight_through import quantised, scaled_signs

SIZES = (6, 5, 4, 3)

RULES = {
    "BinaryConnect": ("binary", {"scaled": False, "activation": "relu"}),
    "binary weights": ("binary", {"activation": "tanh"}),
    "binary neurons": ("binary", {"activation": "sign"}),
    "XNOR": ("xnor", {}),
    "2 bits": ("quantised", {"bits": 2, "activation": "relu"}),
    "4 bits": ("quantised", {"bits": 4, "activation": "sign"}),
}


def problem(seed=0, samples=9):
    rng = np.random.default_rng(seed)
    return rng.random((samples, SIZES[0])), np.eye(SIZES[-1])[rng.integers(0, SIZES[-1], samples)]


class Surrogate:
    """The network whose gradient training is to follow: at the first call few-valued functions have their own values,
    later ones change as the functions that stand for them."""

    def __init__(self, rule, name):
        self.name, self.rule, self.base = name, rule, {}

    def _like(self, key, x, value, slope_of):
        if key not in self.base:
            self.base[key] = value - slope_of(x)
        return self.base[key] + slope_of(x)

    def loss(self, parameters, x, t):
        weights, gammas, betas = parameters
        h = x
        for k, (w, gamma, beta) in enumerate(zip(weights, gammas, betas, strict=True)):
            if self.name == "quantised":
                w = self._like(("w", k), w, quantised(w, self.rule.bits), lambda v: np.clip(v, -1, 1))
            else:
                alpha = self.base.setdefault(("alpha", k), np.abs(w).mean(axis=0) if self.rule.scaled else 1.0)
                part = 1.0 / len(w) if self.rule.scaled else 0.0
                signs = alpha * np.where(w >= 0, 1.0, -1.0)
                w = self._like(("w", k), w, signs, lambda v: part * v + alpha * np.clip(v, -1, 1))  # noqa: B023
            factor = 1.0
            if self.name == "xnor":
                if k == 0:
                    h = np.where(h >= 0.5, 1.0, -1.0)
                else:
                    factor = self.base.setdefault(("K", k), np.abs(h).mean(axis=1, keepdims=True))
                    h = self._like(("h", k), h, np.where(h >= 0, 1.0, -1.0), lambda v: np.clip(v, -1, 1))
            a = factor * (h @ w)
            a = gamma * (a - a.mean(axis=0)) / np.sqrt(a.var(axis=0) + 1e-4) + beta
            if k == len(weights) - 1 or self.name == "xnor":
                h = a
            elif self.rule.activation == "sign":
                h = self._like(("a", k), a, np.where(a >= 0, 1.0, -1.0), lambda v: np.clip(v, -1, 1))
            else:
                h = np.tanh(a) if self.rule.activation == "tanh" else np.maximum(a, 0.0)
        return -np.sum(t * np.log(softmax(h))) / len(x)


@pytest.mark.parametrize("which", RULES)
def test_gradient_is_that_of_the_network_with_slopes_replaced(which):
    name, keywords = RULES[which]
    rule = rule_of(name, network=SIZES, precision="double", seed=4, **keywords)
    rng = np.random.default_rng(1)
    for gamma, beta in zip(rule.gamma, rule.beta, strict=True):
        gamma *= rng.uniform(0.5, 1.5, gamma.shape)
        beta += rng.uniform(-0.3, 0.3, beta.shape)
    x, t = problem()
    found = rule.gradients(x, t)
    weights = [rule.to_real(g, w, rule.gain(k)) for k, (g, w) in enumerate(zip(found.weights, rule.real, strict=True))]
    parameters = [[v.copy() for v in group] for group in (rule.real, rule.gamma, rule.beta)]
    # real weights within 1e-6 of +-1 would cross a corner of clip
    assert all(np.abs(np.abs(w) - 1.0).min() > 1e-5 for w in parameters[0])
    surrogate = Surrogate(rule, name)
    surrogate.loss(parameters, x, t)
    step = 1e-6
    for group, expected in zip(parameters, (weights, found.gamma, found.beta), strict=True):
        for value, g in zip(group, expected, strict=True):
            for at in np.ndindex(*value.shape):
                kept = value[at]
                value[at] = kept + step
                up = surrogate.loss(parameters, x, t)
                value[at] = kept - step
                down = surrogate.loss(parameters, x, t)
                value[at] = kept
                # central differences: rounding 1e-16 / 1e-6, and the third derivative times 1e-12
                assert g[at] == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=2e-9)


def test_scaled_signs_are_the_nearest():
    """Rastegari et al. 2016, section 3.1: no other signs or scale are nearer to the weights of an output."""
    rng = np.random.default_rng(0)
    w = rng.normal(size=(40, 3))
    signs, alpha = scaled_signs(w)
    least = np.square(w - alpha * signs).sum(axis=0)
    for _ in range(200):
        other = np.where(rng.random(w.shape) < 0.05, -signs, signs)
        best = (w * other).mean(axis=0)
        assert np.all(np.square(w - best * other).sum(axis=0) >= least - 1e-12)
    for factor in (0.99, 1.01):
        assert np.all(np.square(w - factor * alpha * signs).sum(axis=0) > least)


@pytest.mark.parametrize("bits", [1, 2, 3, 8])
def test_levels(bits):
    x = np.linspace(-1.2, 1.2, 4801)
    q = quantised(x, bits)
    levels = np.array([-1.0, 1.0]) if bits == 1 else np.linspace(-1.0, 1.0, 2**bits - 1)
    np.testing.assert_allclose(np.unique(q), levels, rtol=0, atol=1e-15)
    nearest = np.abs(np.clip(x, -1, 1)[:, None] - levels).min(axis=1)
    np.testing.assert_allclose(np.abs(np.clip(x, -1, 1) - q), nearest, rtol=0, atol=1e-12)
    with pytest.raises(UsageError, match="bits"):
        quantised(x, 0)


@pytest.mark.parametrize("which", RULES)
def test_cells_hold_the_rounded_weights_and_states_go_on_bit_by_bit(which):
    name, keywords = RULES[which]
    x, t = problem(3, 40)
    rule = rule_of(name, network=SIZES, batch=8, seed=4, rate=0.05, **keywords)
    before = [array.synapses.weights.copy() for array in rule.layers]
    rule.learn(x, t)
    for array, real in zip(rule.layers, rule.real, strict=True):
        np.testing.assert_array_equal(array.synapses.weights, rule.rounded(real)[0])
    assert any(np.any(old != array.synapses.weights) for old, array in zip(before, rule.layers, strict=True))
    other = rule_of(name, network=SIZES, batch=8, seed=9, rate=0.05, **keywords)
    other.restore(rule.arrays())
    for one in (rule, other):
        one.learn(x[:16], t[:16])
    for (key, a), b in zip(rule.arrays().items(), other.arrays().values(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=key)


@pytest.mark.parametrize("name", ["binary", "quantised"])
def test_what_was_learnt_leaves_as_plain_layers(name):
    x, t = problem(3, 40)
    rule = rule_of(name, network=SIZES, batch=8, seed=4, rate=0.05, activation="relu", precision="double")
    rule.learn(x, t)
    h = x
    for w, b, f in rule.as_layers():
        h = h @ w + b
        h = np.maximum(h, 0.0) if f == "relu" else h
    # the same products in another order
    np.testing.assert_allclose(h, rule.outputs(x), rtol=1e-10, atol=1e-10)
    with pytest.raises(UsageError, match="binary neurons"):
        rule_of("xnor", network=SIZES).as_layers()


def test_xnor_sums_are_counts():
    rule = rule_of("xnor", network=(33, 7, 2), precision="double", seed=1)
    x = np.random.default_rng(2).random((5, 33))
    u, factor = rule.driven(0, x)
    bits, held = u > 0, rule.layers[0].synapses.weights > 0
    counts = np.array([[np.count_nonzero(row == held[:, j]) for j in range(7)] for row in bits])
    np.testing.assert_array_equal(rule.layers[0].forward(u) * factor, 2 * counts - 33)


def digits():
    images, labels = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return images[order] / 16.0, np.eye(10)[labels[order]], labels[order]


@pytest.mark.parametrize(("name", "least"), [("binary", 0.93), ("xnor", 0.85), ("quantised", 0.93)])
def test_digits(name, least):
    """8x8 digits, 1200 to learn and 597 to test."""
    x, t, labels = digits()
    rule = rule_of(name, network=(64, 64, 10), batch=50, seed=1, rate=0.02)
    for _ in range(8):
        rule.learn(x[:1200], t[:1200])
        rule.end_epoch()
    assert np.mean(rule.outputs(x[1200:]).argmax(axis=1) == labels[1200:]) > least


def test_bit_errors_in_closed_form():
    """States 4 deviations apart: Phi(-2) for one device, Phi(-4/sqrt(2)) for a pair."""
    memory = BinaryMemory(lrs=1e4, hrs=1e4 * np.exp(4 * 0.3), lrs_spread=0.3, hrs_spread=0.3)
    assert memory.single() == pytest.approx(2.275013e-2, rel=1e-6)
    assert memory.differential() == pytest.approx(2.338867e-3, rel=1e-6)


def test_bit_errors_of_drawn_devices():
    memory = BinaryMemory(lrs=5e3, hrs=30e3, lrs_spread=0.25, hrs_spread=0.6, offset=0.2)
    rng = np.random.default_rng(3)
    bits = np.where(rng.random(400_000) < 0.5, 1.0, -1.0)
    pairs = memory.pairs(bits, rng)
    errors = np.mean(memory.sensed(pairs, 1.0, rng) != bits)
    expected = memory.differential()
    # four deviations of a binomial proportion
    assert errors == pytest.approx(expected, abs=4 * np.sqrt(expected / bits.size))
    offsets = memory.offset * rng.standard_normal(bits.size)
    alone = np.mean((np.log(pairs[0] / memory.reference) + offsets < 0) != (bits > 0))
    assert alone == pytest.approx(memory.single(), abs=4 * np.sqrt(memory.single() / bits.size))
    # at the reference both states err equally often
    for ratio, spread in ((memory.reference / 5e3, 0.25), (30e3 / memory.reference, 0.6)):
        assert memory.single() == pytest.approx(norm.sf(np.log(ratio) / np.hypot(spread, 0.2)), rel=1e-9)


def test_inputs_cross_the_branches():
    memory = BinaryMemory()
    weight, x = np.array([1.0, 1.0, -1.0, -1.0]), np.array([1.0, -1.0, 1.0, -1.0])
    pairs = np.where(weight > 0, [[5e3]], [[50e3]]), np.where(weight > 0, [[50e3]], [[5e3]])
    np.testing.assert_array_equal(memory.sensed(np.concatenate(pairs), x), weight * x)


AMPLIFIER = """precharge sense amplifier: sen low charges both outputs, sen high lets them fall through the pair
.model nch nmos (level=1 vto=0.45 kp=300u lambda=0.05 cgso=0.3n cgdo=0.3n)
.model pch pmos (level=1 vto=-0.45 kp=100u lambda=0.05 cgso=0.3n cgdo=0.3n)
vdd vdd 0 1.2
vsen sen 0 pulse(0 1.2 10n 0.1n 0.1n 9.8n 20n)
mp1 q sen vdd vdd pch w=1u l=0.13u
mp2 qb sen vdd vdd pch w=1u l=0.13u
mp3 q qb vdd vdd pch w=0.5u l=0.13u
mp4 qb q vdd vdd pch w=0.5u l=0.13u
mn1 q qb bl 0 nch w=0.5u l=0.13u
mn2 qb q blb 0 nch w=0.5u l=0.13u
r1 bl s {bl}
r2 blb s {blb}
mn3 s sen 0 0 nch w=2u l=0.13u
cq q 0 2f
cqb qb 0 2f
cbl bl 0 5f
cblb blb 0 5f
.tran 0.1n 40n 0 0.1n
.end
"""


@pytest.mark.parametrize(("bl", "blb"), [(5e3, 50e3), (20e3, 4e3), (10e3, 10.5e3), (10.5e3, 10e3), (120e3, 100e3)])
def test_a_sense_amplifier_falls_on_the_side_of_the_lower_resistance(bl, blb):
    tran = cn.parse(AMPLIFIER.replace("{bl}", str(bl)).replace("{blb}", str(blb))).run()
    tran = getattr(tran, "tran", tran)
    at = np.searchsorted(tran.time, 19.5e-9)
    low, high = (tran["v(q)"][at], tran["v(qb)"][at]) if bl < blb else (tran["v(qb)"][at], tran["v(q)"][at])
    # latched to the rails: settled for many time constants of femtofarads and tens of kilo-ohms
    assert low < 0.01 and high > 1.19
    expected = BinaryMemory().sensed(np.array([[bl], [blb]]))[0]
    assert np.sign(tran["v(qb)"][at] - tran["v(q)"][at]) == expected
    period = (tran.time >= 20e-9) & (tran.time <= 40e-9)
    energy = np.trapezoid(-1.2 * tran["i(vdd)"][period], tran.time[period])
    # of the size that SensedArray assumes, 30 fJ
    assert 5e-15 < energy < 60e-15


def test_few_bit_errors_do_no_harm():
    """Hirtzlin et al. (arXiv:1904.03652): up to 1e-4 without loss; half of all bits wrong leave chance."""
    x, t, labels = digits()
    rule = rule_of("binary", network=(64, 64, 10), batch=50, seed=1, rate=0.02, activation="sign")
    for _ in range(6):
        rule.learn(x[:1200], t[:1200])
        rule.end_epoch()
    good = [array.synapses.weights.copy() for array in rule.layers]
    found = {}
    for rate in (0.0, 1e-3, 0.5):
        rng = np.random.default_rng(5)
        for array, w in zip(rule.layers, good, strict=True):
            array.change(flipped(w, rate, rng) - array.synapses.weights)
        found[rate] = np.mean(rule.outputs(x[1200:]).argmax(axis=1) == labels[1200:])
    # 597 digits: one of 1e-3 of 4736 bits or so moves few of them
    assert found[1e-3] > found[0.0] - 0.02 and found[0.5] < 0.3 < 0.9 < found[0.0]
    with pytest.raises(UsageError, match="rate"):
        flipped(good[0], 1.5, np.random.default_rng(0))


def test_devices_that_err_hold_levels_nearly():
    """On pulsed devices cells come near to their levels, and the network learns with what it reads."""
    x, t, labels = digits()
    rule = rule_of("quantised", network=(64, 64, 10), batch=50, seed=1, rate=0.02, bits=3, synapses="pulsed:steps=1200")
    for _ in range(5):
        rule.learn(x[:1200], t[:1200])
        rule.end_epoch()
    for array, real in zip(rule.layers, rule.real, strict=True):
        off = np.abs(array.synapses.weights - rule.rounded(real)[0])
        assert 0.0 < off.mean() < 0.1
    assert rule.cost.pulses > 0
    assert np.mean(rule.outputs(x[1200:]).argmax(axis=1) == labels[1200:]) > 0.88
