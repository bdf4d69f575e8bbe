"""The plan of a circuit's equations, as the engine takes it: unknowns, kernel batches, pattern, constant matrices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from circuitnn.mna.delays import Delays
from circuitnn.mna.starts import StartCharges
from circuitnn.netlist.flat import Element

NODE, BRANCH, STATE = 0, 1, 2
ZERO_CELSIUS = 273.15
#: Absolute tolerance of a state, as a part of its declared scale.
STATE_TOLERANCE = 1e-6
#: Absolute tolerance of an auxiliary dv/dt: with 1 pF it stands for SPICE's abstol of 1 pA.
SLOPE_TOLERANCE = 1.0
#: Absolute tolerance of an integral in time: that of 1 uV or 1 uA over 1 us.
INTEGRAL_TOLERANCE = 1e-12


@dataclass(slots=True)
class Batch:
    """All elements that share one kernel; arrays as in ``csrc/cn_system.h``.

    ``off``: an operating point is sought with these at their start first, and they take part when it is found.
    """

    kernel: Any
    names: list[str]
    index: np.ndarray
    param: np.ndarray
    discrete_start: np.ndarray | None = None
    off: bool = False
    jf_slot: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    jq_slot: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))

    @property
    def n(self) -> int:
        """Number of elements."""
        return len(self.names)


@dataclass(slots=True)
class Plan:
    """Everything that the engine needs to know of a circuit; unknown ``n`` stands for ground.

    ``batches`` are evaluated at every iterate; ``folded``, linear, are part of ``g0``, ``c0`` and the drive.
    ``outputs`` are the unknowns that show what is inside an element, and its name.
    """

    n: int = 0
    names: list[str] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    tol: list[float] = field(default_factory=list)
    hidden: list[bool] = field(default_factory=list)
    node_index: dict[str, int] = field(default_factory=dict)
    branch_index: dict[str, int] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list)
    folded: list[Batch] = field(default_factory=list)
    sources: list[Element] = field(default_factory=list)
    n_sources: int = 0
    drive_row: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    drive_source: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    drive_value: np.ndarray = field(default_factory=lambda: np.zeros(0))
    held_row: list[int] = field(default_factory=list)
    held_value: list[float] = field(default_factory=list)
    bounded: tuple[list[int], list[float], list[float]] = field(default_factory=lambda: ([], [], []))
    start: dict[int, float] = field(default_factory=dict)
    outputs: dict[int, str] = field(default_factory=dict)
    delays: Delays = field(default_factory=Delays)
    charge_ic: list[tuple[int, int, float, float]] = field(default_factory=list)
    starts: list[StartCharges] = field(default_factory=list)
    ap: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int32))
    ai: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    g0: np.ndarray = field(default_factory=lambda: np.zeros(1))
    c0: np.ndarray = field(default_factory=lambda: np.zeros(1))
    diagonal: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    dynamic: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    perm: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    assembled: list[Batch] = field(default_factory=list)  # all batches, in the order in which they made the pattern
    line_slots: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))

    def unknown(self, name: str, kind: int, tol: float, hidden: bool = False) -> int:
        """Add an unknown and return its index."""
        self.names.append(name)
        self.kind.append(kind)
        self.tol.append(tol)
        self.hidden.append(hidden)
        self.n += 1
        return self.n - 1
