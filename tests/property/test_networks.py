"""Random resistive networks: Kirchhoff's laws, superposition, reciprocity, Tellegen, scaling."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import circuitnn as cn

#: Resistances over four decades: the solve loses at most that much of double precision, and a little for size.
RTOL = 1e-9


@st.composite
def networks(draw):
    """Edges (node, node, ohms) of a connected network whose node 0 is ground, and how many nodes it has."""
    size = draw(st.integers(2, 9))
    ohms = st.floats(1.0, 1e4)
    edges = [(draw(st.integers(0, node - 1)), node, draw(ohms)) for node in range(1, size)]
    extra = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1), ohms).filter(lambda e: e[0] != e[1])
    return size, edges + draw(st.lists(extra, max_size=10))


def build(network, currents=(), voltages=(), scale=1.0):
    """Build a circuit: currents are (into node, amperes); voltages (node, volts) act through 100 ohms and a node t."""
    circuit = cn.Circuit("network")
    for k, (a, b, ohms) in enumerate(network[1]):
        circuit.R(str(k), str(a), str(b), ohms / scale)
    for k, (node, amperes) in enumerate(currents):
        circuit.I(str(k), "0", str(node), dc=amperes)
    for k, (node, volts) in enumerate(voltages):
        circuit.V(str(k), f"t{k}", "0", dc=volts)
        circuit.R(f"t{k}", f"t{k}", str(node), 100.0 / scale)
    return circuit


def voltages_of(result, size):
    return np.array([result[f"v({node})"] if node else 0.0 for node in range(size)])


def nodes_of(data, size):
    return data.draw(st.integers(1, size - 1))


amperes = st.floats(-1.0, 1.0).map(lambda x: round(x, 6))
bounded = settings(deadline=None, max_examples=40)


@bounded
@given(networks(), st.data())
def test_kirchhoff(network, data):
    """Currents recomputed from the node voltages balance at every node."""
    size, edges = network
    drive = [(nodes_of(data, size), data.draw(amperes)) for _ in range(3)]
    v = voltages_of(build(network, currents=drive).op(), size)
    balance = np.zeros(size)
    largest = 1e-12
    for a, b, ohms in edges:
        current = (v[a] - v[b]) / ohms
        balance[a] -= current
        balance[b] += current
        # Rounding of a voltage, seen through the smallest resistance beside it.
        largest = max(largest, abs(current), np.abs(v).max() / ohms)
    for node, value in drive:
        balance[node] += value
    np.testing.assert_allclose(balance[1:], 0.0, atol=1e-11 * largest)


@bounded
@given(networks(), st.data())
def test_superposition(network, data):
    size = network[0]
    first = nodes_of(data, size), data.draw(amperes)
    second = nodes_of(data, size), data.draw(amperes)
    # The second is a voltage behind 100 ohms; switched off it is 0 V, the resistor stays.
    both = voltages_of(build(network, [first], [second]).op(), size)
    one = voltages_of(build(network, [first], [(second[0], 0.0)]).op(), size)
    other = voltages_of(build(network, [(first[0], 0.0)], [second]).op(), size)
    np.testing.assert_allclose(both, one + other, rtol=RTOL, atol=RTOL * (np.abs(one).max() + np.abs(other).max()))


@bounded
@given(networks(), st.data())
def test_reciprocity(network, data):
    size = network[0]
    here, there = nodes_of(data, size), nodes_of(data, size)
    forward = build(network, [(here, 1.0)]).op()[f"v({there})"]
    backward = build(network, [(there, 1.0)]).op()[f"v({here})"]
    scale = build(network, [(here, 1.0)]).op()[f"v({here})"]
    np.testing.assert_allclose(forward, backward, rtol=RTOL, atol=RTOL * abs(scale))


@bounded
@given(networks(), st.data(), st.floats(1e-6, 1e6))
def test_scaling_of_conductances(network, data, scale):
    """Conductances times s: voltages behind voltage sources stay, those from current sources shrink by s."""
    size = network[0]
    where, value = nodes_of(data, size), data.draw(amperes)
    plain = voltages_of(build(network, voltages=[(where, value)]).op(), size)
    scaled = voltages_of(build(network, voltages=[(where, value)], scale=scale).op(), size)
    np.testing.assert_allclose(scaled, plain, rtol=RTOL, atol=RTOL * abs(value) + 1e-300)
    plain = voltages_of(build(network, [(where, value)]).op(), size)
    scaled = voltages_of(build(network, [(where, value)], scale=scale).op(), size)
    np.testing.assert_allclose(scaled * scale, plain, rtol=RTOL, atol=RTOL * np.abs(plain).max() + 1e-300)


@bounded
@given(networks(), st.data())
def test_power_of_sources_is_the_heat_of_resistors(network, data):
    size, edges = network
    where, value = nodes_of(data, size), data.draw(amperes)
    result = build(network, voltages=[(where, value)]).op()
    v = voltages_of(result, size)
    current = -result["i(v0)"]
    heat = sum((v[a] - v[b]) ** 2 / ohms for a, b, ohms in edges) + 100.0 * current**2
    np.testing.assert_allclose(value * current, heat, rtol=1e-8, atol=1e-11 * (value**2 / 100.0) + 1e-300)


@bounded
@given(networks(), st.data())
def test_order_of_elements_does_not_matter(network, data):
    size, edges = network
    drive = [(nodes_of(data, size), data.draw(amperes))]
    shuffled = size, data.draw(st.permutations(edges))
    one = voltages_of(build(network, drive).op(), size)
    other = voltages_of(build(shuffled, drive).op(), size)
    np.testing.assert_allclose(other, one, rtol=RTOL, atol=RTOL * np.abs(one).max() + 1e-300)
