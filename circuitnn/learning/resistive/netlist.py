"""A resistive network as a circuit of SPICE's elements: the oracle of the fast solvers, in this engine and in others.

A layer is a crossbar: its word lines are the nodes of the layer before (inputs are voltage sources), its bit lines end
at its own nodes. At each hidden node there are a diode to ground, a current source as bias, and a bidirectional
amplifier: a voltage source of A times the node's voltage drives the next crossbar, and the current that this crossbar
takes flows back into the node divided by A (Kendall et al., arXiv 2006.01981, 2020). An output is nudged through a
conductance to a source at its target.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.circuit.circuit import Circuit
from circuitnn.crossbar.wires import Side, make_wires
from circuitnn.devices.physics import REFERENCE, thermal_voltage
from circuitnn.errors import UsageError

Array = NDArray[np.float64]
#: Newton steps far beyond print precision; nothing across junctions that the network does not have.
_OPTIONS = {"reltol": 1e-10, "abstol": 1e-18, "vntol": 1e-12, "gmin": 1e-18}


@dataclass(frozen=True, kw_only=True)
class Diode:
    """Diodes between hidden nodes and ground: ``saturation * (exp(v / slope) - 1)``.

    The first half of a layer's nodes have theirs from ground to the node, which keeps it from going far below
    ``-offset``; the others from the node to ground, which keeps them from going far above ``offset``.

    Parameters
    ----------
    saturation : float, A
    slope : float, V
        Emission coefficient times thermal voltage. Far below the node voltages it is an ideal diode.
    offset : float, V
        Voltage of the source in series.
    """

    saturation: float = 1e-14
    slope: float = 25.85e-3
    offset: float = 0.0


def resistive_circuit(
    conductances: Sequence[Array],
    biases: Sequence[Array],
    x: ArrayLike,
    *,
    diode: Diode,
    gain: float = 1.0,
    nudge: float = 0.0,
    target: ArrayLike = 0.0,
    r_word: float = 0.0,
    r_bit: float = 0.0,
) -> Circuit:
    """Return the circuit of a network.

    Parameters
    ----------
    conductances : sequence of ndarray, shape (nodes before, nodes), S
        A layer each; 0 is no cell.
    biases : sequence of ndarray, shape (nodes,), A
        Currents into the nodes of each layer.
    x : array_like, shape (inputs,), V
    diode : Diode
    gain : float
        Of the amplifiers behind hidden nodes; 1 is none.
    nudge : float, S
        Conductance between each output and its target's source, of either sign.
    target : float or array_like, shape (outputs,), V
    r_word, r_bit : float, ohm
        A segment of a word or bit line, as of ``Crossbar``: word lines begin at the node of the layer before, bit
        lines end behind their last cell at the layer's node.

    Returns
    -------
    Circuit
        Nodes: ``x0, ...``, hidden ``h1_0, ...`` of the first layer, behind its amplifiers ``a1_0, ...``, outputs
        ``o0, ...``. Elements to alter: sources ``vx0, ...`` and ``vt0, ...`` (targets), nudges ``gn0, ...``, cells
        ``rg1_0_0, ...`` (layer, row, column), biases ``ib1_0, ...``.

    Raises
    ------
    UsageError
        When the shapes do not make a network.

    Examples
    --------
    >>> circuit = resistive_circuit([np.full((2, 1), 1e-3)], [np.zeros(1)], [1.0, 0.5], diode=Diode())
    >>> round(float(circuit.op()["v(o0)"]), 9)
    0.75
    """
    x = np.asarray(x, dtype=np.float64)
    sizes = [len(x), *(G.shape[1] for G in conductances)]
    shapes = [G.shape for G in conductances]
    if shapes != list(itertools.pairwise(sizes)) or [b.shape for b in biases] != [(n,) for n in sizes[1:]]:
        raise UsageError(
            f"conductances of shapes {shapes} and biases of shapes {[b.shape for b in biases]} for {len(x)} inputs",
            expected="layers that follow each other, and a bias current for each of their nodes",
        )
    circuit = Circuit("resistive network")
    circuit.set_options(**_OPTIONS)
    circuit.model("dnode", "d", is_=diode.saturation, n=diode.slope / float(thermal_voltage(REFERENCE)))
    for i, volts in enumerate(x.tolist()):
        circuit.V(f"x{i}", f"x{i}", 0, dc=volts)
    before = [f"x{i}" for i in range(len(x))]
    for layer, (G, bias) in enumerate(zip(conductances, biases, strict=True), 1):
        last = layer == len(conductances)
        nodes = [f"o{j}" if last else f"h{layer}_{j}" for j in range(G.shape[1])]
        _crossbar(circuit, layer, G, before, nodes, r_word, r_bit)
        for j, (node, amperes) in enumerate(zip(nodes, bias.tolist(), strict=True)):
            circuit.I(f"b{layer}_{j}", 0, node, dc=amperes)
        if not last:
            before = [_hidden(circuit, layer, j, node, 2 * j < len(nodes), diode, gain) for j, node in enumerate(nodes)]
    for k, volts in enumerate(np.broadcast_to(target, sizes[-1:]).tolist()):
        circuit.V(f"t{k}", f"t{k}", 0, dc=volts)
        circuit.G(f"n{k}", f"o{k}", f"t{k}", f"o{k}", f"t{k}", nudge)
    return circuit


def _hidden(circuit: Circuit, layer: int, j: int, node: str, rising: bool, diode: Diode, gain: float) -> str:
    """Add the diode and the amplifier of a hidden node; return the node that drives the next crossbar."""
    name, rail = f"{layer}_{j}", 0
    if diode.offset:
        rail = f"d{name}"
        circuit.V(f"d{name}", rail, 0, dc=-diode.offset if rising else diode.offset)
    circuit.D(name, *((rail, node) if rising else (node, rail)), model="dnode")
    if gain == 1.0:
        return node
    circuit.E(name, f"e{name}", 0, node, 0, gain)
    # The source without volts measures the current into the next crossbar.
    circuit.V(f"s{name}", f"e{name}", f"a{name}", dc=0.0)
    circuit.F(name, node, 0, f"vs{name}", 1.0 / gain)
    return f"a{name}"


def _crossbar(
    circuit: Circuit, layer: int, G: Array, words: list[str], bits: list[str], r_word: float, r_bit: float
) -> None:
    wires = make_wires((len(words), len(bits)), r_word, r_bit, 0.0, 0.0, "left", "bottom")
    word = [_line(circuit, f"w{layer}_{i}", node, wires.word, i, len(bits)) for i, node in enumerate(words)]
    bit = [_line(circuit, f"y{layer}_{j}", node, wires.bit, j, len(words)) for j, node in enumerate(bits)]
    for i, row in enumerate(G.tolist()):
        for j, g in enumerate(row):
            if g > 0.0:
                circuit.R(f"g{layer}_{i}_{j}", word[i][j], bit[j][i], 1.0 / g)


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


def settings(
    conductances: Sequence[Array], biases: Sequence[Array], x: ArrayLike, nudge: float, target: ArrayLike
) -> dict[str, float]:
    """Return the values of elements that a network's circuit has at other numbers, for ``Circuit.alter``.

    Parameters
    ----------
    conductances, biases, x, nudge, target
        As of ``resistive_circuit``, whose cells those of a conductance above 0 are.

    Examples
    --------
    >>> settings([np.full((1, 1), 1e-3)], [np.zeros(1)], [1.0], 0.0, [0.5])
    {'vx0': 1.0, 'rg1_0_0': 1000.0, 'ib1_0': 0.0, 'vt0': 0.5, 'gn0': 0.0}
    """
    values = {f"vx{i}": float(volts) for i, volts in enumerate(np.asarray(x))}
    for layer, (G, bias) in enumerate(zip(conductances, biases, strict=True), 1):
        values |= {f"rg{layer}_{i}_{j}": 1.0 / float(G[i, j]) for i, j in zip(*np.nonzero(G), strict=True)}
        values |= {f"ib{layer}_{j}": float(amperes) for j, amperes in enumerate(bias)}
    for k, volts in enumerate(np.broadcast_to(target, conductances[-1].shape[1:])):
        values |= {f"vt{k}": float(volts), f"gn{k}": nudge}
    return values
