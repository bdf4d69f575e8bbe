"""Resistive networks as circuits: Kirchhoff's laws, ngspice, and the amplifiers' reciprocity."""

import itertools
import shutil
import subprocess

import numpy as np
import pytest

from circuitnn.errors import UsageError
from circuitnn.learning.resistive.netlist import Diode, resistive_circuit, settings
from circuitnn.results.rawfile import read_raw

SIZES = (6, 4, 4, 3)


def network(scale=1e-5, seed=1):
    rng = np.random.default_rng(seed)
    pairs = list(itertools.pairwise(SIZES))
    conductances = [scale * rng.uniform(0.05, 1.0, pair) / np.sqrt(pair[0]) for pair in pairs]
    biases = [scale * rng.normal(0.0, 0.3, n) for n in SIZES[1:]]
    return conductances, biases, rng.normal(0.0, 2.0, SIZES[0])


def nodes_of(op):
    hidden = [f"v(h{layer}_{j})" for layer in (1, 2) for j in range(4)]
    return np.array([float(op[name]) for name in [*hidden, "v(o0)", "v(o1)", "v(o2)"]])


@pytest.mark.parametrize("gain", [1.0, 4.0])
def test_currents_into_every_node_add_up_to_nothing(gain):
    # Kirchhoff's current law written out by hand, diodes by their formula; currents of 1e-5 A to rounding of voltages
    (G1, G2, G3), (b1, b2, b3), x = network()
    diode, beta, t = Diode(saturation=1e-12, slope=0.05, offset=0.2), 1e-6, np.array([1.0, 0.0, 0.5])
    op = resistive_circuit([G1, G2, G3], [b1, b2, b3], x, diode=diode, gain=gain, nudge=beta, target=t).op()
    v = nodes_of(op)
    h1, h2, o = v[:4], v[4:8], v[8:]

    def into(before, G, nodes):
        return before @ G - nodes * G.sum(axis=0)

    def diodes(nodes):
        low = 1e-12 * np.expm1(-(nodes[:2] + 0.2) / 0.05)
        high = -1e-12 * np.expm1((nodes[2:] - 0.2) / 0.05)
        return np.concatenate([low, high])

    sums = [
        into(x, G1, h1) + b1 + diodes(h1) + into(h2, G2.T, gain * h1) / gain,
        into(gain * h1, G2, h2) + b2 + diodes(h2) + into(o, G3.T, gain * h2) / gain,
        into(gain * h2, G3, o) + b3 + beta * (t - o),
    ]
    # SPICE's diode in reverse approaches its saturation current by a cubic law, at most 5 % of it away from the formula
    np.testing.assert_allclose(np.concatenate(sums), 0.0, atol=5e-14 + 1e-10 * 1e-5)


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")
@pytest.mark.parametrize("slope", [25.85e-3, 1e-4], ids=["exponential", "all but ideal"])
@pytest.mark.parametrize("wires", [{}, {"r_word": 40.0, "r_bit": 90.0}], ids=["no wires", "wires"])
def test_ngspice_finds_the_same_node_voltages(tmp_path, slope, wires):
    G, b, x = network(seed=3)
    circuit = resistive_circuit(G, b, x, diode=Diode(slope=slope), gain=4.0, nudge=-1e-6, target=1.0, **wires)
    deck, raw = tmp_path / "a.cir", tmp_path / "a.raw"
    deck.write_text(circuit.to_netlist().replace(".end\n", ".op\n.end\n"))
    subprocess.run(["ngspice", "-b", "-r", raw, deck], capture_output=True, timeout=60, check=True)
    # both stop at relative Newton steps of 1e-10; the raw file holds all digits
    np.testing.assert_allclose(nodes_of(circuit.op()), nodes_of(read_raw(raw).op), rtol=1e-9, atol=1e-10)


def test_altered_circuit_is_the_circuit_of_the_other_numbers():
    G, b, x = network()
    circuit = resistive_circuit(G, b, x, diode=Diode(), gain=2.0)
    G2, b2, x2 = network(seed=9)
    circuit.alter(settings(G2, b2, x2, 1e-6, [1.0, 0.0, 2.0]))
    again = resistive_circuit(G2, b2, x2, diode=Diode(), gain=2.0, nudge=1e-6, target=[1.0, 0.0, 2.0])
    np.testing.assert_allclose(nodes_of(circuit.op()), nodes_of(again.op()), rtol=1e-9)


def test_layers_that_do_not_fit_are_refused():
    G, b, x = network()
    with pytest.raises(UsageError, match="inputs"):
        resistive_circuit(G, b, x[:-1], diode=Diode())
