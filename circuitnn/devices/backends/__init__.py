"""What evaluates a device that is registered at run time: the system's C compiler, numba, or NumPy."""

from __future__ import annotations

import logging
from functools import cache

from circuitnn.devices._kernels import Kernel
from circuitnn.devices.backends import compiler, jit
from circuitnn.devices.backends.arrays import python_kernel
from circuitnn.devices.derive import Model
from circuitnn.errors import DeviceError, UsageError, missing_extra

#: From the fastest on: the first one that is there is used.
BACKENDS = ("compiled", "numba", "numpy")
_log = logging.getLogger("circuitnn")


def make_kernel(model: Model, name: str, backend: str | None = None) -> Kernel:
    """Return a model's kernel on the back end that is asked for, or on the best that this machine has.

    Raises
    ------
    UsageError
        For a back end that does not exist, or one that does not know a function of the model.
    MissingExtraError
        For ``"numba"`` when it is not installed.
    DeviceError, FileError
        As `circuitnn.devices.backends.compiler.compiled_kernel` does.
    """
    if backend not in (None, *BACKENDS):
        raise UsageError(f"there is no back end {backend!r}", expected=", ".join(BACKENDS))
    if backend == "compiled" or (backend is None and compiler.find() is not None):
        return compiler.compiled_kernel(model, name)
    if any(item.kind == "jump" for item in model.limits):
        raise DeviceError(
            f"the device {name!r} jumps at random, which takes a C compiler 'cc'", hint="install gcc or clang"
        )
    if backend == "numba" or (backend is None and jit.available() and jit.supports(model)):
        if not jit.available():
            raise missing_extra("numba", "jit", "the back end 'numba'")
        if not jit.supports(model):
            raise UsageError(f"numba does not know all functions of {name!r}", expected="compiled or numpy")
        kernel = jit.numba_kernel(model, name)
    else:
        kernel = python_kernel(model, name)
    if backend is None:
        _tell(kernel.backend)
    return kernel


@cache
def _tell(backend: str) -> None:
    """Say, once, what is used in place of a compiler."""
    how = "numba compiles them" if backend == "numba" else "NumPy evaluates them, several times slower"
    _log.warning("there is no C compiler 'cc' for devices that are registered: %s", how)
