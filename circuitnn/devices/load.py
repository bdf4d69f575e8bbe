"""Kernels for device classes: the library's from the build, a user's own compiled when it is registered."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np

from circuitnn.devices._kernels import Kernel, builtin_kernels
from circuitnn.devices.compiled import Compiled
from circuitnn.devices.declare import READINGS, Device, Environment, Values
from circuitnn.errors import DeviceError, UsageError
from circuitnn.registry import catalog

_registered: dict[tuple[type[Device], str], Kernel] = {}
D = TypeVar("D", bound=type[Device])


@cache
def _builtin() -> dict[str, Kernel]:
    return builtin_kernels()


def kernel_of(device: type[Device], variant: str = "") -> Kernel:
    """Return the compiled kernel of a device class, or of one of its variants.

    Examples
    --------
    >>> kernel_of(catalog("devices").get("resistor")).linear
    True
    """
    if (device, variant) in _registered:
        return _registered[device, variant]
    kernel = _builtin().get(device.kernel_names()[variant])
    if kernel is None:
        hint = "cn.register(...) it, or build the package again"
        raise DeviceError(f"the device {device.name!r} has no kernel", hint=hint, names=(device.name,))
    return kernel


@dataclass(frozen=True, slots=True)
class Built:
    """Some elements of one device class, ready to be evaluated.

    Parameters
    ----------
    kernel : Kernel
    values : dict of str to ndarray, shape (n,)
        Kernel parameters that are not the user's.
    merged : list of (str, str or None, ndarray)
        Internal unknowns that fall onto another local one (None: ground), with a mask of the elements, (n,).
    """

    kernel: Kernel
    values: Values
    merged: list[tuple[str, str | None, np.ndarray]]


def build(device: type[Device], values: Values, env: Environment) -> Built:
    """Return the kernel of some elements and what it needs, from user parameters (NaN where not given), shape (n,).

    Raises
    ------
    DeviceError
        When parameters are not usable together.
    """
    if issubclass(device, Compiled):
        kernel, prepared = device.instances(values, env)
        return Built(kernel, prepared, kernel.merged)
    prepared = device.prepare(values, env)
    merged = [(name, target, mask) for name, (target, mask) in device.collapse(values).items()]
    return Built(kernel_of(device), prepared, merged)


def readings_of(device: type[Device]) -> list[str]:
    """Return the names of what ``@element[name]`` shows of a device.

    Examples
    --------
    >>> "gm" in readings_of(catalog("devices").get("mos1"))
    True
    """
    if issubclass(device, Compiled):
        return device.reading_names()
    if READINGS not in device.kernel_names():
        return []
    return kernel_of(device, READINGS).local_names[len(device.locals) :]


def register(device: D, backend: str | None = None) -> D:
    """Make a device class of the user's known by its name, in decks and in Python.

    Its equations become C, which the system's compiler ``cc`` builds once; the result is kept in a cache under a hash
    of source, flags and compiler. Without a compiler numba compiles them, when it is installed (the extra ``jit``), and
    else NumPy evaluates them: slower, with the same numbers to rounding. A warning of the log ``circuitnn`` says which.

    Parameters
    ----------
    device : type
        Subclass of ``cn.Device`` or ``cn.Memristor``; its ``name``, or the class name in lower case, is registered.
    backend : {"compiled", "numba", "numpy"}, optional
        What evaluates it; the first of them that this machine has when not given.

    Returns
    -------
    type
        The class itself, so that this serves as a decorator.

    Raises
    ------
    DeviceError
        When the equations do not close (a state without a rate, units that disagree, a division by zero on the domain;
        see ``docs/writing_models.md``), or there is no compiler though ``"compiled"`` is asked for.
    UsageError
        When it is no device class, the name is taken, or there is no such back end.
    MissingExtraError
        When ``"numba"`` is asked for and not installed.
    FileError
        When the cache folder cannot be written.

    Examples
    --------
    >>> import circuitnn as cn
    >>> class Cubic(cn.Memristor):
    ...     '''A resistance whose current grows with the cube of the voltage.'''
    ...     k = cn.Param(1e-3, "A/V^3", low=0.0, doc="coefficient")
    ...     x = cn.State(0.0, "1", doc="unused state")
    ...     def current(self, v):
    ...         return self.k * v**3
    ...     def rates(self, v):
    ...         return {"x": 0 * v}
    >>> c = cn.Circuit("cubic")
    >>> _ = cn.register(Cubic)
    >>> c.V("1", "a", 0, dc=2.0); c.N("1", "a", 0, model="cubic")
    >>> round(float(c.op()["i(v1)"]), 9)
    -0.008
    """
    from circuitnn.devices.closing import check

    if not (isinstance(device, type) and issubclass(device, Device)):
        raise UsageError(f"{device!r} is no device", expected="a subclass of cn.Device or cn.Memristor")
    if device.name == device.__module__.rpartition(".")[2]:
        device.name = device.__name__.lower()
    if not (device.name.isidentifier() and device.name.isascii()):
        raise DeviceError(f"{device.name!r} is no name for a device", expected="letters, digits and _")
    if not device.model_types:
        device.model_types = (device.name,)
    check(device)
    kernels = _kernels_of(device, backend)
    catalog("devices").register(device.name, device)
    _registered.update(kernels)
    return device


def compile_kernels(device: type[Device]) -> None:
    """Give a device class its kernels without a name in the catalog: one that a deck writes for itself."""
    _registered.update(_kernels_of(device, None))


def _kernels_of(device: type[Device], backend: str | None) -> dict[tuple[type[Device], str], Kernel]:
    from circuitnn.devices.backends import make_kernel
    from circuitnn.devices.emit import model_of

    return {
        (device, variant): make_kernel(model_of(device, variant), name, backend)
        for variant, name in device.kernel_names().items()
    }
