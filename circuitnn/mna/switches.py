"""The controls of switches as functions of the unknowns, and where the switches stand along a run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.backends.arrays import FUNCTIONS
from circuitnn.devices.derive import frame_of
from circuitnn.mna.plan import Batch

Real = NDArray[np.float64]
#: Steps of unknowns for the slopes of a control, as a part of their size.
_STEP = 1e-6
#: How near a control comes to its threshold in a run whose switch has turned, as a part of the hysteresis.
_REACHED = 1e-3


@dataclass(frozen=True)
class Event:
    """A switch that turns.

    Parameters
    ----------
    batch, switch, instance : int
        Batch of the plan, number of the switch in a device, number of the element in the batch.
    position : float
        What it turns to, 0 or 1.
    """

    batch: int
    switch: int
    instance: int
    position: float


class Controls:
    """The controls of all switches of one batch, from the declaration of its device.

    Parameters
    ----------
    batch : Batch
    device : type
        Its device class.
    """

    def __init__(self, batch: Batch, device: Any) -> None:
        self.batch = batch
        self.functions = [_control(device, k) for k in range(_count(device))]

    def margin(self, switch: int, x: Real, position: float) -> Real:
        """Return what is missing for a switch to turn to ``position``, (instances, P), at ``x`` (n, P): zero there.

        It is negative before, positive beyond the threshold.
        """
        control, on, off = self._numbers(switch, x)
        return control - on if position else off - control

    def _numbers(self, switch: int, x: Real) -> tuple[Real, Real, Real]:
        whole = np.vstack([x, np.zeros(x.shape[1])])
        names, functions = self.functions[switch]
        kernel = self.batch.kernel
        given = {f"u_{name}": whole[self.batch.index[k]] for k, name in enumerate(kernel.local_names)}
        given |= {f"p_{name}": self.batch.param[k][:, None] for k, name in enumerate(kernel.param_names)}
        arguments = [given.get(name, 0.0) for name in names]
        shape = (self.batch.n, x.shape[1])
        control, on, off = (np.broadcast_to(np.asarray(f(*arguments), float), shape) for f in functions)
        return control, on, off

    def slope(self, event: Event, x: Real) -> Real:
        """Return the derivatives of a margin by all unknowns (n,), at ``x`` (n,)."""
        found = np.zeros(len(x) + 1)
        for unknown in np.unique(self.batch.index[:, event.instance]):
            if unknown == len(x):
                continue
            step = _STEP * max(abs(x[unknown]), 1e-3)
            both = np.stack([x, x], axis=1)
            both[unknown] += [step, -step]
            high, low = self.margin(event.switch, both, event.position)[event.instance]
            found[unknown] = (high - low) / (2.0 * step)
        return found[:-1]

    def along(self, x: Real, start: Real) -> Real:
        """Return the positions (switches, instances, P) along the points of a run that begins with ``start``."""
        found = np.empty((len(self.functions), self.batch.n, x.shape[1]))
        for k in range(len(self.functions)):
            control, on, off = self._numbers(k, x)
            near = _REACHED * (on - off)  # the step ends where the switch turns, and not beyond
            told = np.where(control > on - near, 1.0, np.where(control < off + near, 0.0, np.nan))
            told[:, 0] = np.where(np.isnan(told[:, 0]), start[k], told[:, 0])
            last = np.maximum.accumulate(np.where(np.isnan(told), 0, np.arange(x.shape[1])), axis=1)
            found[k] = np.take_along_axis(told, last, axis=1)
        return found


def _switches(device: Any) -> list[Any]:
    frame, _, _ = frame_of(device)
    frame.equations()
    return [(frame, item) for item in frame.limits if item.kind == "switch"]


def _count(device: Any) -> int:
    return len(_switches(device))


def _cases(*cases: Any) -> Any:
    """Return the first value whose condition holds, else the last one."""
    found = cases[-1]
    for condition, value in zip(cases[-3::-2], cases[-2::-2], strict=True):
        found = np.where(condition, value, found)
    return found


@cache
def _control(device: Any, k: int) -> tuple[list[str], list[Any]]:
    """Return the symbols, and the functions of them: control and both thresholds."""
    import sympy

    from circuitnn.devices.symbolic import quantity_class

    frame, item = _switches(device)[k]
    expressions = []
    for value in (item.raw, *item.args):
        expression = sympy.sympify(value)
        for let in reversed(frame.lets):
            expression = expression.xreplace({let.symbol: sympy.sympify(let.value)})
        numbers = {s: sympy.Float(s.value) for s in expression.atoms(quantity_class())}
        expressions.append(expression.xreplace(numbers))
    symbols = sorted(set().union(*(e.free_symbols for e in expressions)), key=str)
    modules = [{name: f for name, f in FUNCTIONS.items() if callable(f)} | {"Cases": _cases}, "numpy"]
    return [str(s) for s in symbols], [sympy.lambdify(symbols, e, modules) for e in expressions]
