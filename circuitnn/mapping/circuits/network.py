"""A complete small network as one deck: input voltages in, output voltages out, nothing digital in between.

Each layer is drivers, crossbars with their wires, differential sense amplifiers and activations. Drivers repeat the
voltages ``x read_voltage / x_limit`` on the word lines of all its tiles; bit lines of tiles that share outputs meet at
the sense amplifier's inputs, virtual grounds, where their currents add (see `stages` for the values of resistors).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.spice import array_lines
from circuitnn.mapping.circuits.activations import driver, pair, relu, softmax
from circuitnn.mapping.circuits.blocks import Block, library
from circuitnn.mapping.circuits.opamps import SUPPLY, MacroOpAmp, OpAmp
from circuitnn.mapping.circuits.sensing import difference
from circuitnn.mapping.circuits.stages import Stage, stages_of
from circuitnn.netlist.netlist import parse
from circuitnn.results.atomic import replacing
from circuitnn.results.results import Results

if TYPE_CHECKING:
    from circuitnn.mapping.layout import Layout

Array = NDArray[np.float64]
_PER_LINE = 4
_RAILS = {"vdd": "vdd", "vss": "vss"}


@dataclass(frozen=True)
class NetworkDeck:
    """A network's circuit and how to read it.

    Attributes
    ----------
    text : str
        The deck, plain SPICE; an ``.op`` for one input, a ``.dc`` over the number of the sample, from 1, for several.
    outputs : tuple of str
        The voltages that are the network's outputs.
    unit : float, V
        Output voltage for an output of 1.
    batch : bool
        Whether it holds several samples.
    """

    text: str
    outputs: tuple[str, ...]
    unit: float
    batch: bool

    def read(self, results: Results) -> Array:
        """Return the network's outputs, shape (outputs,) or (samples, outputs), from the deck's results."""
        found = results.dc if self.batch else results.op
        volts = np.stack([np.ravel(found[name]) for name in self.outputs], axis=-1)
        return np.asarray(volts if self.batch else volts[0]) / self.unit

    def run(self) -> Array:
        """Return the network's outputs as the circuit engine finds them."""
        return self.read(parse(self.text).run())


def network_deck(layout: Layout, x: ArrayLike, opamp: OpAmp | None = None) -> NetworkDeck:
    """Return a layout as one circuit, driven by inputs.

    Parameters
    ----------
    layout : Layout
    x : array_like, shape (inputs,) or (samples, inputs)
        The first layer's word lines get the voltages that its converters give for it.
    opamp : MacroOpAmp or TwoStageOpAmp, optional
        Every amplifier; a macro model of gain 1e5 when not given.

    Returns
    -------
    NetworkDeck

    Raises
    ------
    UsageError
        When ``x`` has another shape, non-idealities act on reads, which a netlist cannot hold, or the encoding needs
        logic or one bit line for several outputs.
    MappingError
        When the network is no chain of dense layers.

    Notes
    -----
    Converters between layers are left out: that is the point. A last layer that is linear or a relu gives the read
    voltage for the largest output that its weights allow.

    Examples
    --------
    >>> import circuitnn as cn
    >>> layout = cn.compile([([[1.0, -1.0]], [0.25, 0.5], "relu")], tile=(8, 8))
    >>> network_deck(layout, [[0.2], [-0.2]]).run().round(3).tolist()
    [[0.45, 0.3], [0.05, 0.7]]
    """
    values = layout.graph.check_inputs(x)
    stages = stages_of(layout)
    amplifier = (opamp or MacroOpAmp()).block()
    first = stages[0].matrix
    volts = layout.periphery.voltages(np.atleast_2d(values), first.x_limit, first.signed)
    blocks: list[Block] = [driver("driver", amplifier)]
    lines = _inputs(volts, values.ndim == 2)
    for stage in stages:
        lines += _stage(stage, amplifier, blocks)
    outputs = tuple(f"v(y{len(stages)}_{j})" for j in range(layout.graph.outputs))
    head = [
        f"* {layout.graph.inputs}-{'-'.join(str(stage.dense.fan_out) for stage in stages)} network, circuitnn",
        library(blocks),
        f"vdd vdd 0 dc {SUPPLY:.15g}",
        f"vss vss 0 dc {-SUPPLY:.15g}",
        f"vref ref 0 dc {layout.periphery.read_voltage:.15g}",
    ]
    tail = [".options reltol=1e-6 abstol=1e-13 vntol=1e-9", f".save {' '.join(outputs)}"]
    tail.append(f".dc vsample 1 {len(volts)} 1" if values.ndim == 2 else ".op")
    return NetworkDeck("\n".join([*head, *lines, *tail, ".end", ""]), outputs, stages[-1].unit, values.ndim == 2)


def write_network(
    layout: Layout, path: str | os.PathLike[str], x: ArrayLike, opamp: OpAmp | None = None
) -> NetworkDeck:
    """Write what `network_deck` returns to a file, whole or not at all.

    Raises
    ------
    FileError
        When the file cannot be written.
    """
    deck = network_deck(layout, x, opamp)
    with replacing(path) as temporary:
        Path(temporary).write_text(deck.text, encoding="ascii")
    return deck


def _inputs(volts: Array, batch: bool) -> list[str]:
    """Return the sources of the first layer; those of a batch follow the number of the sample."""
    if not batch:
        return [f"vx{i} y0_{i} 0 dc {v:.15g}" for i, v in enumerate(volts[0].tolist())]
    lines = ["vsample sample 0 dc 1"]
    for i, column in enumerate(volts.T.tolist()):
        points = [f"{k},{v:.15g}" for k, v in enumerate([*column, column[-1]], 1)]  # two points at least
        lines.append(f"bx{i} y0_{i} 0 v=pwl(v(sample),")
        lines += ["+ " + ",".join(points[k : k + _PER_LINE]) + "," for k in range(0, len(points), _PER_LINE)]
        lines[-1] = lines[-1].removesuffix(",") + ")"
    return lines


def _stage(stage: Stage, amplifier: Block, blocks: list[Block]) -> list[str]:
    """Return a layer's elements, from the nodes ``y<n-1>_i`` to ``y<n>_j``; add its blocks to the library."""
    n, dense = stage.number, stage.dense
    lines = [f"* layer {n}, {dense.fan_in} to {dense.fan_out}, {dense.activation}"]
    lines += [f"xdriver{n}_{i} y{n - 1}_{i} w{n}_{i} vdd vss driver" for i in range(dense.fan_in)]
    for k, tile in enumerate(stage.matrix.tiles):
        crossbar = stage.matrix.crossbar(k)
        nodes = {f"in{i}": f"w{n}_{source}" for i, source in enumerate(tile.place.inputs.tolist())}
        for line, (output, positive) in enumerate(stage.ends(k)):
            nodes[f"out{line}"] = f"{'p' if positive else 'm'}{n}_{output}"
        block = Block(f"array{n}_{k + 1}", tuple(nodes), tuple(array_lines(crossbar.G, crossbar.wires)))
        blocks.append(block)
        lines.append(block.instance(f"array{n}_{k + 1}", **nodes))
    lines += [
        f"rbias{n}_{j} ref {'p' if g > 0.0 else 'm'}{n}_{j} {1.0 / abs(g):.15g}"
        for j, g in enumerate(stage.biases.tolist())
        if g != 0.0
    ]
    after = "y" if dense.activation == "linear" else "z"
    made: dict[float, Block] = {}
    for j, r in enumerate(stage.resistors.tolist()):
        if r not in made:
            made[r] = difference(f"sense{n}_{len(made) + 1}", amplifier, r)
        plus, minus = f"p{n}_{j}", f"m{n}_{j}"
        if dense.activation != "relu":  # which inverts, as the sense amplifier does
            plus, minus = minus, plus
        lines.append(made[r].instance(f"sense{n}_{j}", plus=plus, minus=minus, out=f"{after}{n}_{j}", **_RAILS))
    blocks += made.values()
    return lines + _activation(n, dense.activation, dense.fan_out, stage.unit, amplifier, blocks)


def _activation(n: int, name: str, outputs: int, unit: float, amplifier: Block, blocks: list[Block]) -> list[str]:
    """Return the activation circuits of layer ``n``, from ``z<n>_j`` to ``y<n>_j``."""
    if name == "linear":
        return []
    if name == "softmax":
        block = softmax(f"softmax{n}", amplifier, outputs, unit)
        blocks.append(block)
        nodes = {f"in{j}": f"z{n}_{j}" for j in range(outputs)} | {f"out{j}": f"y{n}_{j}" for j in range(outputs)}
        return [block.instance(f"act{n}", **nodes, **_RAILS)]
    if name == "relu":
        block = relu(f"relu{n}", amplifier)
    else:
        block = pair(f"{name}{n}", amplifier, *((unit, 0.0) if name == "tanh" else (unit / 2.0, unit / 2.0)))
    blocks.append(block)
    return [block.instance(f"act{n}_{j}", **{"in": f"z{n}_{j}", "out": f"y{n}_{j}"}, **_RAILS) for j in range(outputs)]
