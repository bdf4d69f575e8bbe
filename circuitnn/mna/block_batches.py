"""Batches of blocks, subsystems with ports: one for each, with unknowns for the outputs that are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from circuitnn.errors import CircuitError
from circuitnn.mna._block import BlockKernel
from circuitnn.mna.plan import BRANCH, NODE, STATE, STATE_TOLERANCE, Batch
from circuitnn.mna.unknowns import Unknowns
from circuitnn.netlist.flat import Element

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit
    from circuitnn.mna.block import Block, Output
    from circuitnn.netlist.probes import InnerVector


def block_batch(element: Element, unknowns: Unknowns) -> Batch:
    """A subsystem with ports; each output that is asked for is an unknown that equals it."""
    circuit, plan = unknowns.circuit, unknowns.plan
    block = circuit.block_of(element)
    asked = circuit.asked_inside(element.name)
    outputs = [_output(circuit, block, vector) for vector in asked]
    kernel = BlockKernel(element.name, block, outputs, element.params.get("m", 1.0))
    index = [plan.node_index.get(node, -1) for node in element.nodes]
    tolerance = {
        "voltage": (NODE, circuit.options.vntol),
        "current": (BRANCH, circuit.options.abstol),
        "state": (STATE, STATE_TOLERANCE),
    }
    for vector, output in zip(asked, outputs, strict=True):
        kind, tol = tolerance[output.kind]
        row = plan.unknown(str(vector), kind, tol * output.scale)
        plan.outputs[row] = element.name
        index.append(row)
        if output.kind == "state":
            value, _ = block.observe([output], np.zeros(block.ports), block.start())
            plan.start[row] = float(value[0])
    return Batch(kernel, [element.name], np.array(index, dtype=np.int64)[:, None], np.empty((0, 1)))


def _output(circuit: Circuit, block: Block, vector: InnerVector) -> Output:
    try:
        return block.output(vector)
    except CircuitError as error:
        error.place = error.place or circuit.asked_at.get(str(vector))
        raise
