"""Kernels of Python functions: NumPy's evaluation of a device, and what numba's shares with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from circuitnn.devices._callbacks import (
    LIMIT_HOLD,
    LIMIT_START,
    Callbacks,
    limit_voltages,
    quartic_root,
    switch_positions,
)
from circuitnn.devices._kernels import Kernel
from circuitnn.devices.derive import Model
from circuitnn.devices.emit_python import arrays_source
from circuitnn.errors import DeviceError


def _setter(n: int) -> Callable[[Any], np.ndarray]:
    return lambda value: np.full(n, float(value))


#: What the statements of `arrays_source` call, on arrays of shape (n,).
FUNCTIONS: dict[str, Any] = {
    "setter": _setter,
    "select": np.where,
    "square": np.square,
    "cube": lambda x: x * x * x,
    "fabs": np.abs,
    "pow": np.power,
    "sign": np.sign,
    "atan": np.arctan,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "quartic_root": quartic_root,
    "CN_ENV_GMIN": 0,
    "CN_ENV_TIME": 1,
    "M_PI": np.pi,
    **{name: getattr(np, name) for name in ("sqrt", "exp", "log", "sinh", "cosh", "tanh", "tan")},
}


class PythonKernel(Kernel):
    """A kernel that Python evaluates; attributes as `Kernel`'s.

    What a function of it raises becomes a DeviceError of the analysis that called it.
    """

    def __init__(self, callbacks: Callbacks, backend: str) -> None:
        super().__init__(callbacks.address, callbacks, backend)
        self._callbacks = callbacks

    def raise_fatal(self) -> None:
        """Raise, once, what a function has raised."""
        error, self._callbacks.error = self._callbacks.error, None
        if isinstance(error, Exception):
            raise DeviceError(
                f"the device {self.name!r} could not be evaluated: {type(error).__name__}: {error}", names=(self.name,)
            ) from error
        if error is not None:
            raise error

    def refusal(self) -> None:
        """Nothing that the engine may come round."""

    def forget(self) -> None:
        """Nothing to forget."""

    def evaluate(self, *args: Any, **keywords: Any) -> Any:
        """Evaluate as `Kernel.evaluate`; raise DeviceError when that is not possible."""
        found = super().evaluate(*args, **keywords)
        self.raise_fatal()
        return found

    def noise(self, *args: Any, **keywords: Any) -> Any:
        """Return the noise as `Kernel.noise`; raise DeviceError when that is not possible."""
        found = super().noise(*args, **keywords)
        self.raise_fatal()
        return found


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """Cases that do not count may overflow, and are not looked at."""

    def call(*args: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*args)

    return call


def _limiter(values: Callable[..., list[tuple[str, Any, list[Any], Any]]]) -> Callable[..., int]:
    """The limitation of all voltages, from what each is to become, the arguments of its limit and its start."""

    def limit(n: int, u: Any, p: Any, env: Any, acc: Any, lim: Any, init: int) -> int:
        items = values(n, u, p, env, lim)
        held = np.zeros(n, np.int32)
        for k, (kind, raw, args, start) in enumerate(items):
            if kind == "switch" and init == LIMIT_HOLD:
                continue
            if kind == "switch":
                position = switch_positions(raw, *args, np.ascontiguousarray(acc[k]))
                held |= position != lim[k]
                lim[k] = position
            elif init == LIMIT_START:
                lim[k] = start
            elif kind:  # without one, the leader of the group before it has set it
                size = next((m for m, item in enumerate(items[k + 1 :], 1) if item[0]), len(items) - k)
                limit_voltages(kind, [item[1] for item in items[k : k + size]], args, lim[k : k + size], held)
        return int(np.count_nonzero(held))

    return limit


def python_kernel(model: Model, name: str, backend: str = "numpy", evaluate: int = 0) -> PythonKernel:
    """Return the kernel of a model on NumPy, or with ``evaluate``, the address of a function, in place of NumPy's."""
    space = dict(FUNCTIONS)
    exec(compile(arrays_source(model), f"<equations of {name}>", "exec"), space)
    local = model.locals.index
    callbacks = Callbacks(
        name,
        (model.linear, model.timed),
        (len(model.limits), model.discrete),
        (model.params, list(model.locals), [item.name for item in model.noise]),
        (
            [i for i, _ in model.jf],
            [j for _, j in model.jf],
            [i for i, _ in model.jq],
            [j for _, j in model.jq],
            [local(item.plus) for item in model.noise],
            [local(item.minus) if item.minus else -1 for item in model.noise],
        ),
        (
            _quiet(space["evaluate"]),
            _quiet(_limiter(space["limit"])) if model.limits else None,
            _quiet(space["noise"]) if model.noise else None,
        ),
        evaluate,
    )
    return PythonKernel(callbacks, backend)
