"""Sparsity pattern, order of elimination and constant matrices of a plan whose batches are known."""

from __future__ import annotations

import numpy as np

from circuitnn.mna._block import BlockKernel
from circuitnn.mna.ordering import fill_reducing_order
from circuitnn.mna.plan import Batch, Plan


def assemble(plan: Plan, batches: list[Batch], linear: list[tuple[Batch, bool]], like: Plan | None) -> None:
    """Complete a plan of all unknowns.

    Parameters
    ----------
    plan : Plan
    batches : list of Batch
        All of them; the unknowns of their index get their last numbers.
    linear : list of (Batch, bool)
        Those of constant Jacobians, each with whether its value is that of a source.
    like : Plan, optional
        One whose pattern serves again where the structure is the same.
    """
    n = plan.n
    for batch in batches:
        batch.index = np.where(batch.index < 0, n, batch.index).astype(np.int32)
    plan.assembled = batches
    entries = plan.delays.entries(n) if len(plan.delays.td) else None
    if like is not None and _same_pattern(like, plan):
        _take_pattern(plan, like)
    else:
        _make_pattern(plan, entries)
    nnz = len(plan.ai)
    plan.g0, plan.c0 = np.zeros(nnz + 1), np.zeros(nnz + 1)
    plan.dynamic = np.zeros(n + 1, np.uint8)
    folded = {id(batch) for batch, _ in linear}
    _fold_linear(plan, linear)
    plan.folded = [batch for batch, _ in linear]
    plan.batches = [b for b in batches if id(b) not in folded]
    for batch in plan.batches:
        plan.dynamic[batch.index[batch.kernel.jq_col].ravel()] = 1
        if isinstance(batch.kernel, BlockKernel) and batch.kernel.memory:
            # A block integrates its states along straight port voltages: these must be nearly so in each step.
            plan.dynamic[batch.index[: batch.kernel.n_ports].ravel()] = 1
    if len(plan.delays.td):
        plan.delays.keep(plan.line_slots, nnz)
        plan.g0[plan.delays.slot] += plan.delays.coupling
        # What leaves an end is read between the points: it must be nearly straight there.
        plan.dynamic[plan.delays.node.ravel()] = plan.dynamic[plan.delays.branch.ravel()] = 1
    plan.dynamic = plan.dynamic[:n]
    plan.n_sources = len(plan.sources)


def _same_pattern(old: Plan, new: Plan) -> bool:
    """Whether two plans put their entries in the same places."""
    if old.names != new.names or old.kind != new.kind or len(old.assembled) != len(new.assembled):
        return False
    return np.array_equal(old.delays.node, new.delays.node) and all(
        (a.kernel is b.kernel or type(a.kernel) is type(b.kernel))
        and np.array_equal(a.index, b.index)
        and all(
            np.array_equal(getattr(a.kernel, rows), getattr(b.kernel, rows))
            for rows in (("jf_row", "jf_col", "jq_row", "jq_col") if a.kernel is not b.kernel else ())
        )
        for a, b in zip(old.assembled, new.assembled, strict=True)
    )


def _make_pattern(plan: Plan, lines: tuple[np.ndarray, np.ndarray] | None) -> None:
    """Find the places of all entries and the order of elimination; ``lines`` are rows and columns of delays."""
    n = plan.n
    keys = [np.arange(n, dtype=np.int64) * (n + 1)]  # the whole diagonal: held states and gmin stepping need it
    wheres = []
    for batch in plan.assembled:
        for rows, columns in (
            (batch.kernel.jf_row, batch.kernel.jf_col),
            (batch.kernel.jq_row, batch.kernel.jq_col),
        ):
            row, column = batch.index[rows].astype(np.int64), batch.index[columns].astype(np.int64)
            key = np.where((row == n) | (column == n), -1, column * n + row)
            wheres.append(key)
            keys.append(key.ravel())
    if lines is not None:
        row, column = lines
        wheres.append(np.where((row == n) | (column == n), -1, column * n + row))
        keys.append(wheres[-1])
    pattern = np.concatenate(keys)
    pattern.sort()
    pattern = pattern[np.diff(pattern, prepend=-1) > 0]  # each once, without what belongs to ground
    nnz = len(pattern)
    plan.ai = (pattern % n).astype(np.int32) if n else np.zeros(0, np.int32)
    plan.ap = np.searchsorted(pattern, np.arange(n + 1, dtype=np.int64) * n).astype(np.int32)
    plan.diagonal = np.searchsorted(pattern, keys[0]).astype(np.int32)
    slots = [np.where(key < 0, nnz, np.searchsorted(pattern, key)).astype(np.int32) for key in wheres]
    for k, batch in enumerate(plan.assembled):
        batch.jf_slot, batch.jq_slot = slots[2 * k], slots[2 * k + 1]
    if lines is not None:
        plan.line_slots = slots[-1]
    plan.perm = fill_reducing_order(n, plan.ap, plan.ai)


def _take_pattern(plan: Plan, like: Plan) -> None:
    """Put all entries where another plan has them."""
    plan.ap, plan.ai, plan.diagonal, plan.perm = like.ap, like.ai, like.diagonal, like.perm
    plan.line_slots = like.line_slots
    for batch, other in zip(plan.assembled, like.assembled, strict=True):
        batch.jf_slot, batch.jq_slot = other.jf_slot, other.jq_slot


def _fold_linear(plan: Plan, linear: list[tuple[Batch, bool]]) -> None:
    """Add the constant Jacobians of linear devices to g0 and c0, and their sources to the drive."""
    row, source, value = [], [], []
    first = 0
    for batch, driven in linear:
        kernel = batch.kernel
        param = batch.param.copy()
        if driven:
            param[kernel.param_names.index("value")] = 1.0
        f, _, jf, jq = kernel.evaluate(np.zeros((kernel.n_local, batch.n)), param)
        np.add.at(plan.g0, batch.jf_slot, jf)
        np.add.at(plan.c0, batch.jq_slot, jq)
        plan.dynamic[batch.index[kernel.jq_col][jq != 0.0]] = 1
        if driven:
            local, which = np.nonzero(f)
            row.append(batch.index[local, which])
            source.append(first + which)
            value.append(-f[local, which])
            first += batch.n
    plan.g0, plan.c0 = plan.g0[:-1], plan.c0[:-1]  # the last slot gathered what belongs to ground
    if row:
        plan.drive_row = np.concatenate(row).astype(np.int32)
        plan.drive_source = np.concatenate(source).astype(np.int32)
        plan.drive_value = np.concatenate(value)
