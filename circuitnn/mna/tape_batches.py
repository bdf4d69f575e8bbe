"""Batches of tapes: behavioural elements, meters of currents, unknowns that equal what is asked of elements."""

from __future__ import annotations

import numpy as np

from circuitnn.mna._tape import TapeKernel
from circuitnn.mna.observe import Observed
from circuitnn.mna.plan import INTEGRAL_TOLERANCE, SLOPE_TOLERANCE, STATE, Batch
from circuitnn.mna.tape import Member, Tape, compile_tape
from circuitnn.mna.unknowns import Unknowns
from circuitnn.netlist.expression import Expression
from circuitnn.netlist.flat import Element


def behavioural_batches(
    elements: list[Element], groups: list[tuple[TapeKernel, list[Member]]], unknowns: Unknowns
) -> list[Batch]:
    """Return the batches of elements whose tapes are compiled, and note their initial conditions."""
    plan, batches = unknowns.plan, []
    in_time: dict[str, int] = {}
    for kernel, members in groups:
        for member in members if kernel.kind in ("ddt", "idt") else ():
            tolerance = SLOPE_TOLERANCE if kernel.kind == "ddt" else INTEGRAL_TOLERANCE
            row = in_time[member.name] = plan.unknown(f"v({member.name})", STATE, tolerance, hidden=True)
            if kernel.kind == "idt":
                plan.held_row.append(row)
                plan.held_value.append(member.start)
                plan.start[row] = member.start
    for kernel, members in groups:
        rows = []
        for member in members:
            element = member.element
            if kernel.kind in ("ddt", "idt"):
                local = [in_time[member.name]]
            else:
                local = [plan.node_index.get(n, -1) for n in element.nodes[:2]]
                local[0] = unknowns.meters.get((element.name, 0), local[0])
            if kernel.kind == "v":
                local.append(plan.branch_index[element.name])
            for what, name in member.sensed:
                if what == "x":
                    local.append(in_time[name])
                else:
                    local.append(unknowns.probed(element, name) if what == "v" else unknowns.sensed(element, name))
            rows.append(local)
        param = (
            np.array([kernel_params for _, kernel_params in kernel.instances], dtype=float).reshape(len(members), -1).T
        )
        batches.append(Batch(kernel, [m.name for m in members], np.array(rows, dtype=np.int64).T, param))
    for element in elements:
        if "ic" in element.params and element.kind == "l":
            plan.start[plan.branch_index[element.name]] = element.params["ic"]
        elif "ic" in element.params:
            ends = [plan.node_index.get(node, -1) for node in element.nodes[:2]]
            plan.charge_ic.append((ends[0], ends[1], 0.0, element.params["ic"]))
    return batches


def meter_batches(unknowns: Unknowns) -> list[Batch]:
    """Return the batch of all meters, none without any."""
    if not unknowns.meters:
        return []
    kernel = TapeKernel("v", Tape((), 0, (), (0.0,)))
    plan, elements = unknowns.plan, unknowns.circuit.elements
    rows = [
        [plan.node_index.get(elements[name].nodes[k], -1) for name, k in unknowns.meters],
        [*unknowns.meters.values()],
        [plan.branch_index.get(f"{name}#{k}", plan.branch_index.get(name, -1)) for name, k in unknowns.meters],
    ]
    names = [name for name, _ in unknowns.meters]
    return [Batch(kernel, names, np.array(rows, dtype=np.int64), np.zeros((1, len(names))))]


def observed_batch(vector: Observed, tree: Expression, unknowns: Unknowns) -> Batch:
    """Make an unknown that equals what was asked for."""
    element = unknowns.circuit.elements[vector.element]
    tape = compile_tape(tree, temperature=unknowns.circuit.options.temp, place=element.place)
    local = [unknowns.output(vector)]
    for what, name in tape.sensed:
        local.append(unknowns.probed(element, name) if what == "v" else unknowns.sensed(element, name))
    param = np.array(tape.constants, dtype=float).reshape(-1, 1)
    return Batch(TapeKernel("is", tape), [vector.element], np.array(local, dtype=np.int64)[:, None], param)
