"""Initial voltages of devices (``ic=`` of diodes and transistors): the charges with which ``uic`` starts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from circuitnn.mna.plan import Batch

#: Passes after which the voltages that a device limits have reached any start.
_SETTLED = 200


@dataclass(frozen=True)
class StartCharges:
    """The instances of one device class that are given voltages to start with.

    Parameters
    ----------
    kernel : Kernel
    index : ndarray of int, shape (locals, n)
        Their unknowns; ground is -1.
    param : ndarray, shape (parameters, n)
    moved : list of (plus, minus, volts)
        Local unknowns and the voltage between them, (n,), NaN where none is given.
    inner : list of (inner, outer)
        Local unknowns that start at the voltage of a terminal.
    """

    kernel: Any
    index: np.ndarray
    param: np.ndarray
    moved: list[tuple[int, int, np.ndarray]]
    inner: list[tuple[int, int]]

    @classmethod
    def of(
        cls, device: Any, whole: Batch, columns: dict[str, np.ndarray], merged: list[tuple[str, str | None, np.ndarray]]
    ) -> StartCharges | None:
        """Return those of a batch, None when no instance is given any."""
        volts = {name: columns[name] for name in device.start_voltages}
        chosen = np.any([np.isfinite(v) for v in volts.values()], axis=0) if volts else np.zeros(0, bool)
        if not chosen.any():
            return None
        place = device.locals.index
        ends = [
            (place(plus), place(minus), volts[name][chosen]) for name, (plus, minus) in device.start_voltages.items()
        ]
        inner = [(place(name), place(outer)) for name, outer, _ in merged if outer]
        return cls(whole.kernel, whole.index[:, chosen], np.ascontiguousarray(whole.param[:, chosen]), ends, inner)

    def add_to(self, q: np.ndarray, x: np.ndarray) -> None:
        """Add to the charges ``q`` (n + 1,) at ``x`` (n + 1,) what the given voltages make of them."""
        at_rest = x[self.index]
        moved = at_rest.copy()
        for plus, minus, volts in self.moved:
            moved[plus] = np.where(np.isfinite(volts), moved[minus] + volts, moved[plus])
        for inner, outer in self.inner:
            moved[inner] = moved[outer]
        np.add.at(q, self.index, self._charges(moved) - self._charges(at_rest))

    def _charges(self, u: np.ndarray) -> np.ndarray:
        limited = np.zeros((self.kernel.n_limit, u.shape[1]))
        for _ in range(_SETTLED):
            before = limited
            limited, held = self.kernel.limit(u, self.param, limited)
            if not held and np.array_equal(before, limited):
                break
        charges: np.ndarray = self.kernel.evaluate(u, self.param, limited)[1]
        return charges
