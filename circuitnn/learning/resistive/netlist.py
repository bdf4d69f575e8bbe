"""A resistive network as a circuit of SPICE's elements: the oracle of the fast solvers, in this engine and in others.

A layer is a crossbar: its word lines are the nodes of the layer before (inputs are voltage sources), its bit lines end
at its own nodes. At each hidden node there are a diode to ground, a current source as bias, and a bidirectional
amplifier: a voltage source of A times the node's voltage drives the next crossbar, and the current that this crossbar
takes flows back into the node divided by A (Kendall et al., arXiv 2006.01981, 2020). An output is nudged through a
conductance to a source at its target.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.circuit.circuit import Circuit
from circuitnn.crossbar.wires import Side, make_wires
from circuitnn.devices.physics import REFERENCE, thermal_voltage
from circuitnn.errors import UsageError
from circuitnn.learning.resistive.network import Array, ResistiveNetwork

#: Newton steps far beyond print precision; nothing across junctions that the network does not have.
_OPTIONS = {"reltol": 1e-10, "abstol": 1e-18, "vntol": 1e-12, "gmin": 1e-18}
#: V, slope of an exponential diode that stands for an ideal one: it lets some thirty times that much through.
_IDEAL = 1e-9


def resistive_circuit(
    network: ResistiveNetwork,
    x: ArrayLike,
    *,
    nudge: float = 0.0,
    target: ArrayLike = 0.0,
    r_word: float = 0.0,
    r_bit: float = 0.0,
) -> Circuit:
    """Return the circuit of a network at one example.

    Parameters
    ----------
    network : ResistiveNetwork
        A conductance of 0 is no cell. An ideal diode becomes an exponential one with a slope of 1 nV.
    x : array_like, shape (features,)
    nudge : float, S
        Conductance between each output and its target's source, of either sign; of differential outputs between their
        first node and a source on their second one.
    target : float or array_like, shape (outputs,), V
    r_word, r_bit : float, ohm
        A segment of a word or bit line, as of ``Crossbar``: word lines begin at the node of the layer before, bit
        lines pass them in the order of ``network.places`` and end behind their last cell at the layer's node.

    Returns
    -------
    Circuit
        Nodes: sources ``x0, ...``, hidden ones ``h1_0, ...`` of the first layer, behind its amplifiers ``a1_0, ...``,
        outputs ``o0, ...``. Elements to alter: sources ``vx0, ...`` and ``vt0, ...`` (targets), nudges ``gn0, ...``,
        cells ``rg1_0_0, ...`` (layer, row, column), biases ``ib1_0, ...``.

    Raises
    ------
    UsageError
        When the example has another number of features than the network.

    Examples
    --------
    >>> network = ResistiveNetwork(sizes=(1, 1), conductances=[[[3e-3], [1e-3]]])
    >>> round(float(resistive_circuit(network, [1.0]).op()["v(o0)"]), 9)
    0.5
    """
    circuit = Circuit("resistive network")
    circuit.set_options(**_OPTIONS)
    slope = _IDEAL if network.diodes == "ideal" else network.thermal
    circuit.model("dnode", "d", is_=network.saturation, n=slope / float(thermal_voltage(REFERENCE)))
    volts = _sources(network, x)
    for i, drive in enumerate(volts.tolist()):
        circuit.V(f"x{i}", f"x{i}", 0, dc=drive)
    before = [f"x{i}" for i in range(len(volts))]
    last = len(network.nodes)
    for layer, (G, currents) in enumerate(zip(network.conductances, network.currents, strict=True), 1):
        nodes = [f"{'o' if layer == last else f'h{layer}_'}{j}" for j in range(G.shape[1])]
        _crossbar(circuit, layer, G, network.places(layer - 1), before, nodes, r_word, r_bit)
        for j, (node, amperes) in enumerate(zip(nodes, currents.tolist(), strict=True)):
            circuit.I(f"b{layer}_{j}", 0, node, dc=amperes)
        if layer < last:
            before = _hidden(circuit, network, layer, nodes)
    for k, wanted in enumerate(np.broadcast_to(target, network.sizes[-1:]).tolist()):
        plus, minus = (f"o{2 * k}", f"o{2 * k + 1}") if network.differential else (f"o{k}", 0)
        circuit.V(f"t{k}", f"t{k}", minus, dc=wanted)
        circuit.G(f"n{k}", plus, f"t{k}", plus, f"t{k}", nudge)
    return circuit


def settings(network: ResistiveNetwork, x: ArrayLike, nudge: float, target: ArrayLike) -> dict[str, float]:
    """Return the values of elements that a network's circuit has at other numbers, for ``Circuit.alter``.

    Parameters
    ----------
    network, x, nudge, target
        As of ``resistive_circuit``; cells are those with a conductance above 0.

    Examples
    --------
    >>> settings(ResistiveNetwork(sizes=(1, 1), conductances=[[[1e-3], [0.0]]]), [2.0], 1e-3, [0.5])
    {'vx0': 2.0, 'vx1': -2.0, 'rg1_0_0': 1000.0, 'ib1_0': 0.0, 'vt0': 0.5, 'gn0': 0.001}
    """
    values = {f"vx{i}": volts for i, volts in enumerate(_sources(network, x).tolist())}
    for layer, (G, currents) in enumerate(zip(network.conductances, network.currents, strict=True), 1):
        values |= {f"rg{layer}_{i}_{j}": 1.0 / float(G[i, j]) for i, j in zip(*np.nonzero(G), strict=True)}
        values |= {f"ib{layer}_{j}": amperes for j, amperes in enumerate(currents.tolist())}
    for k, wanted in enumerate(np.broadcast_to(target, network.sizes[-1:]).tolist()):
        values |= {f"vt{k}": wanted, f"gn{k}": nudge}
    return values


def _sources(network: ResistiveNetwork, x: ArrayLike) -> Array:
    """Return the voltages of all sources, shape (2 features,)."""
    given = np.asarray(x, dtype=np.float64)
    if given.shape != network.sizes[:1]:
        raise UsageError(f"an example of shape {given.shape}", expected=f"shape ({network.sizes[0]},)")
    return np.concatenate([network.gain * given, -network.gain * given])


def _hidden(circuit: Circuit, network: ResistiveNetwork, layer: int, nodes: list[str]) -> list[str]:
    """Add diodes and amplifiers of a hidden layer; return the nodes that drive the next crossbar."""
    rails: list[Any] = []
    for name, volts in (("low", network.low), ("high", network.high)):
        rails.append(f"{name}{layer}" if volts else 0)
        if volts:
            circuit.V(rails[-1], rails[-1], 0, dc=volts)
    low, high = network.limits(layer - 1)
    for j, node in enumerate(nodes):
        if np.isfinite(low[j]):
            circuit.D(f"l{layer}_{j}", rails[0], node, model="dnode")
        if np.isfinite(high[j]):
            circuit.D(f"u{layer}_{j}", node, rails[1], model="dnode")
    if network.amplification == 1.0:
        return nodes
    for name, node in ((node[1:], node) for node in nodes):
        circuit.E(name, f"e{name}", 0, node, 0, network.amplification)
        # The source without volts measures the current into the next crossbar.
        circuit.V(f"s{name}", f"e{name}", f"a{name}", dc=0.0)
        circuit.F(name, node, 0, f"vs{name}", 1.0 / network.amplification)
    return [f"a{node[1:]}" for node in nodes]


def _crossbar(
    circuit: Circuit, layer: int, G: Array, places: NDArray[np.intp], words: list[str], bits: list[str],
    r_word: float, r_bit: float,
) -> None:  # fmt: skip
    wires = make_wires((len(words), len(bits)), r_word, r_bit, 0.0, 0.0, "left", "bottom")
    word = [_line(circuit, f"w{layer}_{i}", node, wires.word, i, len(bits)) for i, node in enumerate(words)]
    bit = [_line(circuit, f"y{layer}_{j}", node, wires.bit, j, len(words)) for j, node in enumerate(bits)]
    for place, i in enumerate(places.tolist()):
        for j, g in enumerate(G[i].tolist()):
            if g > 0.0:
                circuit.R(f"g{layer}_{i}_{j}", word[i][j], bit[j][place], 1.0 / g)


def _line(circuit: Circuit, name: str, terminal: str, side: Side, line: int, cells: int) -> list[str]:
    """Add the segments of a line; return the nodes of its cells."""
    if side.ideal:
        return [terminal] * cells
    nodes = [f"{name}_{k}" for k in range(cells)]
    for k, (one, two) in enumerate(itertools.pairwise(nodes)):
        circuit.R(f"{name}_{k + 1}", one, two, float(side.segment[line]))
    low = side.ends[0]
    circuit.R(f"{name}_{0 if low else cells}", terminal, nodes[0 if low else -1], float(side.first[line]))
    return nodes
