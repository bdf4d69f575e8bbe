"""Transmission lines in the plan: what ``csrc/cn_delay.h`` takes, and the coupling of their ends at a frequency."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from circuitnn.devices.declare import Values

_PORTS = ("p1", "n1", "p2", "n2")
_ENDS = ("i1", "i2")


@dataclass(slots=True)
class Delays:
    """The lines of a circuit; unknown ``n`` of the plan stands for ground.

    Parameters
    ----------
    td, z0 : ndarray, shape (lines,)
        Seconds, ohms.
    node : ndarray of int, shape (lines, 4)
        Unknowns of both ports.
    branch : ndarray of int, shape (lines, 2)
        Unknowns of the currents into them, and rows of their equations.
    ic : ndarray, shape (lines, 4)
        v1, i1, v2, i2 at the start, with ``uic``.
    slot : ndarray of int
        Entries of the matrix by which one end sees the other.
    coupling : ndarray
        Their values without delay.
    delay : ndarray
        Their delays, s.
    """

    td: np.ndarray = field(default_factory=lambda: np.zeros(0))
    z0: np.ndarray = field(default_factory=lambda: np.zeros(0))
    node: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    branch: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    ic: np.ndarray = field(default_factory=lambda: np.zeros(0))
    slot: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    coupling: np.ndarray = field(default_factory=lambda: np.zeros(0))
    delay: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(cls, device: Any, prepared: Values, index: np.ndarray) -> Delays:
        """Return the lines of one group; ``index`` (locals, lines) says which unknowns are theirs, -1 is ground."""
        rows = {name: index[device.locals.index(name)] for name in (*_PORTS, *_ENDS)}
        return cls(
            np.asarray(prepared["delay"]),
            np.asarray(prepared["z0"]),
            np.stack([rows[name] for name in _PORTS], axis=1),
            np.stack([rows[name] for name in _ENDS], axis=1),
            np.stack([prepared[name] for name in ("ic_v1", "ic_i1", "ic_v2", "ic_i2")], axis=1),
        )

    def entries(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Set couplings and delays of all entries, and return their rows and columns; ``n`` is ground."""
        self.node = np.where(self.node < 0, n, self.node).astype(np.int32).reshape(-1, 4)
        self.branch = self.branch.astype(np.int32).reshape(-1, 2)
        row, column, value, delay = [], [], [], []
        for end in (0, 1):
            other = 1 - end
            for seen, factor in (
                (self.node[:, 2 * other], -np.ones(len(self.td))),
                (self.node[:, 2 * other + 1], np.ones(len(self.td))),
                (self.branch[:, other], -self.z0),
            ):
                row.append(self.branch[:, end])
                column.append(seen)
                value.append(factor)
                delay.append(self.td)
        self.coupling, self.delay = np.concatenate(value), np.concatenate(delay)
        return np.concatenate(row).astype(np.int64), np.concatenate(column).astype(np.int64)

    def keep(self, slot: np.ndarray, nnz: int) -> None:
        """Note where the entries are; those of ground, ``nnz``, are dropped."""
        inside = slot < nnz
        self.slot = slot[inside].astype(np.int32)
        self.coupling, self.delay = self.coupling[inside], self.delay[inside]

    def lag(self, frequency: float) -> np.ndarray:
        """Return what the entries change by at a frequency in Hz: coupling (exp(-j 2 pi f td) - 1)."""
        return self.coupling * (np.exp(-2j * np.pi * frequency * self.delay) - 1.0)
