"""Coupled learning: node voltages beside the engine, updates beside gradients, devices with taps and with offsets."""

import networkx as nx
import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import TopologyError, UsageError
from circuitnn.learning.resistors import LEAK, ResistorNetwork, edges_of
from circuitnn.learning.rules.coupled import Coupled
from circuitnn.learning.synapses.potentiometer import Potentiometer


def sixteen(seed=0):
    """Return a network of 9 nodes and 16 edges, three of the nodes sources, and conductances."""
    rng = np.random.default_rng(seed)
    return ResistorNetwork(9, edges_of("random:16", 3, (5,), 1, rng)), rng.uniform(0.1, 1.0, 16)


def test_voltages_are_those_of_the_engine():
    network, w = sixteen()
    circuit = cn.Circuit()
    for k, (i, j) in enumerate(network.edges):
        circuit.R(f"r{k}", f"n{i}", f"n{j}", 1e3 / w[k])
    volts = np.array([1.0, -0.3, 0.2])
    for k in range(3):
        circuit.V(f"v{k}", f"n{k}", "0", volts[k])
    circuit.I("i", "0", "n8", 0.25e-3)
    solved = circuit.op()
    injected = np.zeros((1, 9))
    injected[0, 8] = 0.25
    mine = network.solve(w, np.arange(3), volts[None], injected=injected)[0]
    # both solve the same linear equations; the engine's gmin of 1e-12 S beside 1 mS is 1e-9
    np.testing.assert_allclose(mine, [solved[f"v(n{k})"] for k in range(9)], atol=1e-8)


def test_transistor_edges_are_those_of_the_engine():
    rng = np.random.default_rng(1)
    network = ResistorNetwork(9, edges_of("random:16", 3, (5,), 1, rng), "transistor")
    w = rng.uniform(0.1, 1.2, 16)
    circuit = cn.Circuit()
    for k, (i, j) in enumerate(network.edges):
        on = [f"max({w[k]:.17g} - v(n{n}), 0)" for n in (i, j)]
        current = f"1e-3*(0.5*({on[1]}*{on[1]} - {on[0]}*{on[0]}) + {LEAK}*v(n{i},n{j}))"
        circuit.B(f"b{k}", f"n{i}", f"n{j}", i=current)
    for k, volts in enumerate((1.0, 0.0, 0.4)):
        circuit.V(f"v{k}", f"n{k}", "0", volts)
    solved = circuit.op()
    mine = network.solve(w, np.arange(3), np.array([[1.0, 0.0, 0.4]]))[0]
    # the engine stops at a relative tolerance of 1e-3 of a step; Newton's last step is far below
    np.testing.assert_allclose(mine, [solved[f"v(n{k})"] for k in range(9)], atol=1e-6)
    assert np.ptp(mine[3:]) > 0.05


def example(outputs=1):
    network = Coupled(network=(2, 5, outputs), edges=f"random:{15 + outputs}", rails=(0.5,), seed=3)
    rng = np.random.default_rng(0)
    return network, rng.random((6, 2)), rng.random((6, outputs))


def contrast(rule, x, t, clamp):
    rule.clamp = clamp
    free, clamped = rule.settle(rule.w, x, t)
    drops = rule.resistors.drops
    return (drops(free) ** 2 - drops(clamped) ** 2).mean(axis=0) / (2 * clamp)


def by_currents(rule, x, t, beta):
    """Return the update of equilibrium propagation whose nudging currents are what the clamps would take.

    Small clamps shift the outputs by eta (t - V) and take the currents S eta (t - V), with S the conductances that the
    outputs see (the Schur complement of all other free nodes).
    """
    w, free = rule.w, rule.settle(rule.w, x, t)[0]
    outputs = np.arange(rule.resistors.nodes - t.shape[1], rule.resistors.nodes)
    inner = np.setdiff1d(np.arange(rule.resistors.nodes), rule._clamped)
    laplacian = np.zeros((rule.resistors.nodes,) * 2)
    for g, (i, j) in zip(w, rule.resistors.edges, strict=True):
        laplacian[[i, j], [i, j]] += g
        laplacian[[i, j], [j, i]] -= g
    across = laplacian[np.ix_(outputs, inner)]
    seen = laplacian[np.ix_(outputs, outputs)] - across @ np.linalg.solve(laplacian[np.ix_(inner, inner)], across.T)
    injected = np.zeros_like(free)
    injected[:, outputs] = beta * (t - free[:, outputs]) @ seen
    nudged = rule.resistors.solve(w, rule._sources, rule._drive(x), injected=injected)
    drops = rule.resistors.drops
    return (drops(free) ** 2 - drops(nudged) ** 2).mean(axis=0) / (2 * beta), seen


@pytest.mark.parametrize("outputs", [1, 3])
def test_tends_to_equilibrium_propagation(outputs):
    rule, x, t = example(outputs)
    limit, _ = by_currents(rule, x, t, 1e-6)
    gaps = [np.abs(contrast(rule, x, t, clamp) - limit).max() for clamp in (1e-2, 1e-3)]
    assert gaps[1] < 0.01 * np.abs(limit).max()
    assert abs(np.log10(gaps[0] / gaps[1]) - 1) < 0.01  # first order in the clamp


def test_is_the_gradient_of_the_squared_error_with_one_output():
    rule, x, t = example(1)
    _, seen = by_currents(rule, x, t, 1e-3)
    w = rule.w

    def loss(w):
        free = rule.resistors.solve(w, rule._sources, rule._drive(x))
        return 0.5 * np.mean((free[:, -1:] - t) ** 2)

    h = 1e-6
    slopes = np.array([(loss(w + h * one) - loss(w - h * one)) / (2 * h) for one in np.eye(len(w))])
    # clamp 1e-5: error 1e-5 of first order, and differences of squares good to 1e-16 / 1e-5
    np.testing.assert_allclose(contrast(rule, x, t, 1e-5), -slopes * seen[0, 0], atol=1e-4 * np.abs(slopes).max())


def test_sixteen_edges_learn_a_regression():
    # with potentiometers whose edges see only which voltage is larger (Dillavou et al. 2022), and with exact edges
    rng = np.random.default_rng(0)
    x = rng.random((100, 2))
    t = 0.2 * x[:, :1] + 0.5 * x[:, 1:] + 0.1
    errors = {}
    for synapses, clamp in (("ideal", 0.1), ("potentiometer", 1.0)):
        rule = Coupled(network=(2, 4, 1), edges="random:16", rate=0.5, clamp=clamp, synapses=synapses, seed=1)
        for _ in range(20):
            rule.learn(x, t)
        errors[synapses] = np.sqrt(np.mean((rule.outputs(x) - t) ** 2))
    assert errors["ideal"] < 1e-4  # 1e-5 and falling
    assert errors["potentiometer"] < 0.04  # taps of 128 that never rest: 0.007 to 0.02
    assert rule.cost.pulses > 0


def swings(clamp, offset):
    """Return the error at the end, V, and how far a conductance goes in the last of 21 epochs."""
    rng = np.random.default_rng(1)
    x = rng.random((100, 2))
    t = 0.3 * x[:, :1] + 0.4 * x[:, 1:] + 0.1
    rule = Coupled(network=(2, 4, 1), edges="random:16", rate=clamp, clamp=clamp, offset=offset, seed=1)
    for _ in range(20):
        rule.learn(x, t)
    before = rule.w.copy()
    rule.learn(x, t)
    return np.sqrt(np.mean((rule.outputs(x) - t) ** 2)), np.abs(rule.w - before).max()


def test_offsets_leave_an_error_that_harder_clamps_cure():
    # every edge adds the same error to each comparison (Dillavou et al. 2025): conductances drift on along what outputs
    # do not see, and outputs are held against it by an error of their own; a clamp of 2 makes the signal larger, not
    # the offset. The rate per comparison is the same in all runs.
    perfect, soft, hard = swings(0.2, 0.0), swings(0.2, 1e-3), swings(2.0, 1e-3)
    assert perfect[0] < 0.5 * soft[0]
    assert soft[1] > 3 * perfect[1]
    assert hard[0] < 0.5 * soft[0]


def test_graphs():
    rng = np.random.default_rng(0)
    for text, nodes, count in (
        ("layered", 9, 3 * 4 + 4 * 2),
        ("complete", 9, 36 - 3),
        ("lattice", 9, 18),
        ("random:16", 9, 16),
    ):
        edges = edges_of(text, 3, (4,), 2, rng)
        assert len({tuple(sorted(e)) for e in edges.tolist()}) == len(edges) == count
        graph = nx.Graph(edges.tolist())
        assert nx.is_connected(graph) and len(graph) == nodes
    assert edges_of("0-3 1-3", 3, (), 1, rng).tolist() == [[0, 3], [1, 3]]


def test_node_without_path_is_named():
    with pytest.raises(TopologyError, match="node 4, 5"):
        Coupled(network=(2, 1, 1), edges="0-3 1-3 4-5", rails=(0.0, 1.0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"edges": "ring"}, "edges are 'ring'"),
        ({"edges": "random:3"}, "random edges"),
        ({"edges": "lattice"}, "a lattice of 8 nodes"),
        ({"clamp": 0.0}, "clamp is"),
        ({"law": "diode"}, "law is"),
        ({"lowest": 0.5, "highest": 0.5}, "highest is"),
    ],
)
def test_refuses_what_makes_no_sense(settings, message):
    with pytest.raises(UsageError, match=message):
        Coupled(**{"network": (2, 3, 1), **settings})


def test_taps_stay_within_their_ends():
    one = Potentiometer(taps=4).build(np.array([[1.0], [0.25]]), np.random.default_rng(0), signed=False)
    one.change(np.array([[1.0], [-1.0]]))
    assert one.weights.tolist() == [[1.0], [0.25]]
    assert one.cost.pulses == 0
    with pytest.raises(UsageError, match="no signed weight"):
        Potentiometer().build(np.ones((2, 2)), np.random.default_rng(0))


def test_a_stored_state_goes_on_as_if_nothing_had_happened():
    rng = np.random.default_rng(0)
    x, t = rng.random((40, 2)), rng.random((40, 1))
    settings = {"network": (2, 4, 1), "edges": "random:16", "synapses": "potentiometer"}
    whole, first, second = (Coupled(**settings) for _ in range(3))
    whole.learn(x, t)
    first.learn(x[:20], t[:20])
    second.restore({k: v.copy() for k, v in first.arrays().items()})
    second.learn(x[20:], t[20:])
    for name, array in whole.arrays().items():
        assert np.array_equal(array, second.arrays()[name]), name
