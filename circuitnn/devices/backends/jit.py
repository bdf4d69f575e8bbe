"""Kernels whose evaluation numba compiles (the extra ``jit``); limits and noise, which are rare, are NumPy's."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from types import ModuleType

from circuitnn.devices.backends.arrays import PythonKernel, python_kernel
from circuitnn.devices.backends.files import kept
from circuitnn.devices.derive import Model
from circuitnn.devices.emit_python import loop_source

_HEAD = """\
from math import acos, asin, asinh, atan, cosh, exp, fabs, log, pi as M_PI, sinh, sqrt, tan, tanh

import numba
from numba import types

inline = numba.njit(inline="always", error_model="numpy")
rows = types.CPointer(types.double)


@inline
def cn_square(x):
    return x * x


@inline
def cn_cube(x):
    return x * x * x


@inline
def pow(x, y):
    return x**y


@inline
def sign(x):
    return float(x > 0.0) - float(x < 0.0)


signature = types.void(types.voidptr, types.int32, rows, rows, rows, rows, rows, rows, rows, rows)


@numba.cfunc(signature, cache=True, error_model="numpy")
"""


def available() -> bool:
    """Return whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


def supports(model: Model) -> bool:
    """Return whether numba knows all functions of a model."""
    return "quartic_root" not in loop_source(model)


def numba_kernel(model: Model, name: str) -> PythonKernel:
    """Return the kernel of a model, compiled by numba; its code is kept in the cache of compiled devices."""
    text = _HEAD + loop_source(model)
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    module = kept(f"{name}-{digest}.py", lambda: text.encode(), _import)
    return python_kernel(model, name, "numba", module.evaluate.address)


def _import(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_circuitnn_{hashlib.sha256(path.encode()).hexdigest()[:16]}", path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # numba looks for it there
    spec.loader.exec_module(module)
    return module
