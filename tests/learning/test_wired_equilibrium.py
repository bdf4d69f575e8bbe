"""The rule of equilibrium propagation with wires: limits without them, and updates against differences."""

import numpy as np
import pytest

from circuitnn.errors import UsageError
from circuitnn.learning.resistive.wires import WiredRelaxation
from circuitnn.learning.rule import rule_of

OPTIONS = {"network": (5, 6, 3), "gain": 3.0, "beta": 1e-3, "rates": (0.02,), "batch": 4, "seed": 2}


def data(samples=8):
    rng = np.random.default_rng(3)
    return rng.random((samples, 5)), np.eye(3)[rng.integers(0, 3, samples)]


def test_without_resistance_it_is_the_rule_without_wires():
    x, t = data()
    wired = rule_of("wired_equilibrium", **OPTIONS, r_wire=0.0)
    plain = rule_of("equilibrium", **OPTIONS, precision="double", sweeps=60)
    before = plain.resistive.conductances[0].copy()
    for rule in (wired, plain):
        rule.learn(x, t)
        rule.synchronise()
    for a, b in zip(wired.resistive.conductances, plain.resistive.conductances, strict=True):
        # both relax to 1e-10 of voltages; differences of squares over beta = 1e-3 lose three digits of that
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-7)
    assert np.abs(plain.resistive.conductances[0] - before).max() > 1e-4
    np.testing.assert_allclose(wired.outputs(x), plain.outputs(x), rtol=0, atol=1e-7)


def test_the_update_is_the_gradient_with_wires():
    """Finite differences of the loss by single cells; exact where word lines are ideal, so here within their drop."""
    x, t = data(4)
    rule = rule_of("wired_equilibrium", **OPTIONS, r_wire=2e3)
    network = rule.resistive
    before = [g.copy() for g in network.conductances]
    lines = {"r_word": 2e-3, "r_bit": 2e-3}

    def loss(layer, at, change):
        g = network.conductances[layer]
        kept = g[at]
        g[at] = kept + change
        found = WiredRelaxation(network, **lines).solve(x)[-1]
        g[at] = kept
        return 0.5 * np.mean(np.sum((found - t) ** 2, axis=1))

    places = [(k, tuple(at)) for k, g in enumerate(before) for at in np.argwhere(g > 0.1)[:4].tolist()]
    slopes = [(loss(layer, at, 1e-6) - loss(layer, at, -1e-6)) / 2e-6 for layer, at in places]
    rule.learn(x, t)
    moved = [(before[layer][at] - network.conductances[layer][at]) / 0.02 for layer, at in places]
    assert len(places) == 8
    # what a cell's current does to its own word line is left out: a drop of 2e-3 ohm times some 0.5 S, 1 %
    np.testing.assert_allclose(moved, slopes, rtol=0.03, atol=1e-3)


@pytest.mark.parametrize("wrong", [{"r_wire": -1.0}, {"tile": -1}, {"sides": "plus"}, {"nudging": "current"}])
def test_refusals(wrong):
    with pytest.raises(UsageError):
        rule_of("wired_equilibrium", **{**OPTIONS, **wrong})
