"""Our sparse LU against scipy's SuperLU: first factorisation, refactorisation, solution."""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from circuitnn.bench import decks, peers
from circuitnn.bench.runner import Case, Row, median_time
from circuitnn.mna._lu import LU
from circuitnn.mna.plan import Plan
from circuitnn.mna.system import System
from circuitnn.netlist.netlist import parse

_CHILD = """
import sys, numpy as np, scipy.sparse as sp
from scipy.sparse.linalg import splu
from circuitnn.mna._lu import LU
with np.load(sys.argv[1], allow_pickle=False) as file:
    ap, ai, perm, values = (file[key] for key in ("ap", "ai", "perm", "values"))
if sys.argv[2] == "ours":
    LU(ap, ai, perm).factor(values)
elif sys.argv[2] == "peer":
    splu(sp.csc_matrix((values, ai, ap)), permc_spec="MMD_AT_PLUS_A")
"""


def _memory(plan: Plan, values: np.ndarray) -> dict[str, float]:
    """Return what a factorisation adds to the peak memory of a process, MB, by ours and the peer's."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "matrix.npz"
        np.savez(path, ap=plan.ap, ai=plan.ai, perm=plan.perm, values=values)
        peak = {
            who: peers.run_child([sys.executable, "-c", _CHILD, str(path), who]).megabytes
            for who in ("nobody", "ours", "peer")
        }
    return {who: peak[who] - peak["nobody"] for who in ("ours", "peer")}


def compare(name: str, deck: str, alpha: float, rounds: int) -> list[Row]:
    """Return rows for the matrix G + alpha C of a deck's circuit."""
    system = System(parse(deck).circuit())
    conductance, capacitance = system.jacobians(np.zeros(system.n))
    plan, values = system.plan, conductance + alpha * capacitance
    matrix = sp.csc_matrix((values, plan.ai, plan.ap), shape=(system.n, system.n))
    b = np.random.default_rng(0).standard_normal(system.n)
    lu = LU(plan.ap, plan.ai, plan.perm)
    # Both orders are tried for the peer and the better one is taken.
    orders = ("COLAMD", "MMD_AT_PLUS_A")
    peer_first = min(median_time(partial(splu, matrix, permc_spec=order), rounds) for order in orders)
    peer = splu(matrix)
    first = median_time(lambda: lu.factor(values), rounds)
    again = median_time(lambda: lu.refactor(values), rounds)
    ours, theirs = lu.solve(b), peer.solve(b)
    memory = _memory(plan, values)
    error = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    return [
        Row(f"{name}: first factorisation", first * 1e3, "ms", baseline=peer_first * 1e3),
        Row(
            f"{name}: refactorisation (SuperLU has none: it factors anew)",
            again * 1e3,
            "ms",
            baseline=peer_first * 1e3,
            goal=1.0,
        ),
        Row(
            f"{name}: solution",
            median_time(lambda: lu.solve(b), rounds) * 1e3,
            "ms",
            baseline=median_time(lambda: peer.solve(b), rounds) * 1e3,
        ),
        Row(f"{name}: nonzeros of L and U", float(lu.nnz), "", baseline=float(peer.L.nnz + peer.U.nnz)),
        Row(f"{name}: peak memory of a factorisation", memory["ours"], "MB", baseline=memory["peer"]),
        Row(f"{name}: distance of the two solutions", error, "relative"),
    ]


EXPORT = Case(
    {
        "ladder": lambda rounds: compare("ladder 1000", decks.rc_ladder(), 1e9, rounds),
        "ring": lambda rounds: compare("ring 51", decks.ring(), 1e11, rounds),
        "crossbar64": lambda rounds: compare("crossbar 64x64", decks.crossbar(), 0.0, rounds),
        "crossbar128": lambda rounds: compare("crossbar 128x128", decks.crossbar(128), 0.0, rounds),
    }
)
