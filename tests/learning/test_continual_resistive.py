"""The circuit's form of continual equilibrium propagation: first order in the rate, and learning."""

import numpy as np
import pytest

from circuitnn.errors import UsageError
from circuitnn.learning.rule import rule_of


def changes(name, rate, sides, nudging, **more):
    rng = np.random.default_rng(0)
    x, t = rng.random((6, 5)), np.eye(3)[rng.integers(0, 3, 6)]
    # 3000 sweeps: equilibria, of negative nudges too, to rounding, so that differences are those of the rules
    rule = rule_of(
        name,
        network=(5, 8, 3),
        gain=4.0,
        beta=0.3,
        batch=6,
        precision="double",
        sweeps=3000,
        rates=(rate,),
        sides=sides,
        nudging=nudging,
        **more,
    )
    rule.synchronise()
    before = [a.copy() for a in (*rule.resistive.conductances, *rule.resistive.currents)]
    rule.learn(x, t)
    rule.synchronise()
    after = (*rule.resistive.conductances, *rule.resistive.currents)
    # those that begin at 0, where they are cut off, may go by steps of one sign alone
    free = [(b > 0.01) | (k >= 2) for k, b in enumerate(before)]
    return [((a - b) / rate)[f] for a, b, f in zip(after, before, free, strict=True)]


@pytest.mark.parametrize(
    ("sides", "nudging"), [("plus", "exact"), ("minus", "exact"), ("centred", "exact"), ("plus", "current")]
)
def test_tends_to_the_update_of_two_equilibria(sides, nudging):
    gaps = []
    for rate in (1e-4, 1e-5):
        one = changes("continual_resistive", rate, sides, nudging, ramp=4)
        two = changes("equilibrium", rate, sides, nudging)
        gaps.append(max(np.abs(a - b).max() for a, b in zip(one, two, strict=True)))
    size = max(np.abs(a).max() for a in two)
    assert 0 < gaps[1] < 2e-3 * size
    assert abs(np.log10(gaps[0] / gaps[1]) - 1) < 0.05  # first order in the rate


def test_learns_digits():
    data = pytest.importorskip("sklearn.datasets").load_digits()
    order = np.random.default_rng(0).permutation(len(data.data))
    x, t = (data.data / 16)[order], np.eye(10)[data.target[order]]
    rule = rule_of("continual_resistive", network=(64, 64, 10), gain=60.0, batch=4, ramp=3)
    rng = np.random.default_rng(1)
    for _ in range(6):
        order = rng.permutation(1400)
        rule.learn(x[order], t[order])
        rule.end_epoch()
    # 0.90 with this seed, one of 397 images is 0.25 %
    assert (rule.outputs(x[1400:]).argmax(1) == t[1400:].argmax(1)).mean() > 0.87


def test_counts_the_settlings_of_the_ramp():
    rule = rule_of("continual_resistive", network=(5, 8, 3), gain=4.0, beta=0.3, ramp=5, sides="plus")
    rng = np.random.default_rng(0)
    rule.learn(rng.random((8, 5)), np.eye(3)[rng.integers(0, 3, 8)])
    assert rule.cost.count("settlings") == 8 * (1 + 5)


def test_refuses_no_ramp():
    with pytest.raises(UsageError, match="ramp is 0"):
        rule_of("continual_resistive", ramp=0)
