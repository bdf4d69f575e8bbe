"""From a circuit to its plan: one stage after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from circuitnn.mna.block_batches import block_batch
from circuitnn.mna.device_batches import DeviceBatches
from circuitnn.mna.group import grouped
from circuitnn.mna.observe import observed
from circuitnn.mna.pattern import assemble
from circuitnn.mna.plan import Plan
from circuitnn.mna.tape import compile_behavioural
from circuitnn.mna.tape_batches import behavioural_batches, meter_batches, observed_batch
from circuitnn.mna.thermal_batches import thermal_batches
from circuitnn.mna.unknowns import Unknowns
from circuitnn.netlist.expression import Probe, walk
from circuitnn.nonidealities.engine import require_targets

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit


def make_plan(circuit: Circuit, like: Plan | None = None) -> Plan:
    """Return the plan of a circuit whose topology has been checked.

    It shares pattern and ordering with the plan ``like`` where its equations have the same structure: then
    ``plan.ap is like.ap``.
    """
    # A number that is none, or too large, is refused by the name of its element.
    with np.errstate(all="ignore"):
        return _plan(circuit, like)


def _plan(circuit: Circuit, like: Plan | None) -> Plan:
    plan, options = Plan(), circuit.options
    require_targets(circuit)
    groups, behavioural, blocks = grouped(circuit)
    unknowns = Unknowns(circuit, plan)
    for group in groups:
        unknowns.number_branches(group)
    for element in behavioural:
        if element.kind in ("v", "l"):
            unknowns.branch(element.name)
    asked = observed(circuit)
    compiled = compile_behavioural(behavioural, temperature=options.temp, tnom=options.tnom)
    sensed = [name for _, members in compiled for member in members for what, name in member.sensed if what == "i"]
    equal = [(v, v.expression) for v in asked if v.expression is not None]
    sensed += [p.names[0] for _, tree in equal for p in walk(tree) if isinstance(p, Probe) and p.kind == "i"]
    unknowns.add_meters(sensed, {v.name for v in asked})
    devices = DeviceBatches(circuit, unknowns, {(v.element, v.param): v for v in asked if v.expression is None})
    batches = [batch for group in groups for batch in devices.of(group)]
    if circuit.imperfections:
        batches += thermal_batches(circuit, batches)
    batches += behavioural_batches(behavioural, compiled, unknowns)
    batches += meter_batches(unknowns)
    batches += [observed_batch(v, tree, unknowns) for v, tree in equal if not v.name.startswith("i(")]
    ports = [block_batch(element, unknowns) for element in blocks]
    linear = [*devices.linear, *((batch, False) for batch in ports if batch.kernel.linear)]
    assemble(plan, [*batches, *ports], linear, like)
    return plan
