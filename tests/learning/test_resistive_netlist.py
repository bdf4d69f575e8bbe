"""Resistive networks as circuits: Kirchhoff's laws, the fast solver, ngspice."""

import shutil
import subprocess

import numpy as np
import pytest

from circuitnn.errors import UsageError
from circuitnn.learning.resistive.netlist import resistive_circuit, settings
from circuitnn.learning.resistive.network import ResistiveNetwork
from circuitnn.learning.resistive.relaxation import Relaxation
from circuitnn.results.rawfile import read_raw

SIZES = (3, 4, 4, 3)


def network(seed=1, sizes=SIZES, **more):
    rng = np.random.default_rng(seed)
    given = {"diodes": "exponential", "saturation": 1e-14, "thermal": 0.02585, "amplification": 4.0, "gain": 2.0}
    made = ResistiveNetwork(sizes=sizes, **{**given, **more})
    for G, currents in zip(made.conductances, made.currents, strict=True):
        G[...] = 1e-5 * rng.uniform(0.05, 1.0, G.shape) / np.sqrt(G.shape[0])
        currents[...] = 1e-5 * rng.normal(0.0, 0.3, currents.shape)
    return made, rng.normal(0.0, 1.0, sizes[0])


def nodes_of(op, net):
    hidden = [f"v(h{layer}_{j})" for layer, n in enumerate(net.nodes[:-1], 1) for j in range(n)]
    return np.array([float(op[name]) for name in [*hidden, *(f"v(o{k})" for k in range(net.nodes[-1]))]])


@pytest.mark.parametrize("amplification", [1.0, 4.0])
def test_currents_into_every_node_add_up_to_nothing(amplification):
    # Kirchhoff's current law written out by hand, diodes by their formula
    given = {"amplification": amplification, "saturation": 1e-12, "thermal": 0.05, "low": -0.2, "high": 0.3}
    net, x = network(**given)
    (G1, G2, G3), (b1, b2, b3) = net.conductances, net.currents
    beta, t = 1e-6, np.array([1.0, 0.0, 0.5])
    v = nodes_of(resistive_circuit(net, x, nudge=beta, target=t).op(), net)
    h1, h2, o = v[:4], v[4:8], v[8:]

    def into(before, G, nodes):
        return before @ G - nodes * G.sum(axis=0)

    def diodes(nodes):
        low = 1e-12 * np.expm1((-0.2 - nodes[:2]) / 0.05)
        high = -1e-12 * np.expm1((nodes[2:] - 0.3) / 0.05)
        return np.concatenate([low, high])

    sums = [
        into(2.0 * np.concatenate([x, -x]), G1, h1)
        + b1
        + diodes(h1)
        + into(h2, G2.T, amplification * h1) / amplification,
        into(amplification * h1, G2, h2) + b2 + diodes(h2) + into(o, G3.T, amplification * h2) / amplification,
        into(amplification * h2, G3, o) + b3 + beta * (t - o),
    ]
    # SPICE's diode in reverse approaches its saturation current by a cubic law, at most 5 % of it away from the formula
    np.testing.assert_allclose(np.concatenate(sums), 0.0, atol=5e-14 + 1e-10 * 1e-5)


CASES = {
    "one bias": {},
    "pairs": {"pairs": True, "low": -0.3, "high": 0.2},
    "differential": {"differential": True, "amplification": 1.0},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("nudge", [0.0, 1e-6, -5e-7])
def test_the_fast_solver_finds_the_same_node_voltages(case, nudge):
    net, x = network(seed=2, **CASES[case])
    t = np.array([1.0, 0.0, 0.5])
    fast = np.concatenate([v[0] for v in Relaxation(net).solve([x], [t], nudge, tolerance=1e-14)])
    slow = nodes_of(resistive_circuit(net, x, nudge=nudge, target=t).op(), net)
    # The diodes differ in reverse: 5 % of a saturation current of 1e-14 A over some 1e-6 S is 5e-10 V.
    np.testing.assert_allclose(fast, slow, rtol=1e-9, atol=1e-9)


def test_ideal_diodes_are_the_limit_of_steep_ones():
    net, x = network(seed=2, diodes="ideal")
    fast = np.concatenate([v[0] for v in Relaxation(net).solve([x], tolerance=1e-14)])
    held = np.count_nonzero(fast[:8] == 0.0)
    assert held >= 2
    # 1 nV of slope times ln(1e-6 A / 1e-14 A) is 2e-8 V
    np.testing.assert_allclose(fast, nodes_of(resistive_circuit(net, x).op(), net), rtol=0.0, atol=1e-7)


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("wires", [{}, {"r_word": 40.0, "r_bit": 90.0}], ids=["no wires", "wires"])
def test_ngspice_finds_the_same_node_voltages(tmp_path, case, wires):
    net, x = network(seed=3, **CASES[case])
    circuit = resistive_circuit(net, x, nudge=-5e-7, target=1.0, **wires)
    deck, raw = tmp_path / "a.cir", tmp_path / "a.raw"
    deck.write_text(circuit.to_netlist().replace(".end\n", ".op\n.end\n"))
    subprocess.run(["ngspice", "-b", "-r", raw, deck], capture_output=True, timeout=60, check=True)
    # both stop at relative Newton steps of 1e-10; the raw file holds all digits
    np.testing.assert_allclose(nodes_of(circuit.op(), net), nodes_of(read_raw(raw).op, net), rtol=1e-9, atol=1e-10)


def test_altered_circuit_is_the_circuit_of_the_other_numbers():
    (net, x), (other, x2) = network(), network(seed=9)
    circuit = resistive_circuit(net, x)
    circuit.alter(settings(other, x2, 1e-6, [1.0, 0.0, 2.0]))
    again = resistive_circuit(other, x2, nudge=1e-6, target=[1.0, 0.0, 2.0])
    np.testing.assert_allclose(nodes_of(circuit.op(), net), nodes_of(again.op(), net), rtol=1e-9)


def test_an_example_of_another_size_is_refused():
    net, x = network()
    with pytest.raises(UsageError, match="example"):
        resistive_circuit(net, x[:-1])
