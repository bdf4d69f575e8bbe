"""Kernels that the system's C compiler builds."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from circuitnn.devices._kernels import Kernel, headers, processor
from circuitnn.devices.backends.files import kept
from circuitnn.devices.derive import Model
from circuitnn.devices.emit import kernel_source
from circuitnn.devices.vectors import target_text
from circuitnn.errors import DeviceError

#: Contraction is off as in setup.py: multiplications and additions are not joined where the compiler sees fit.
FLAGS = ("-std=gnu11", "-O3", "-fPIC", "-shared", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off")
_SYMBOL = "cn_user_kernel"


def find() -> str | None:
    """Return the path of the system's C compiler."""
    return shutil.which("cc")


def compiled_kernel(model: Model, name: str) -> Kernel:
    """Return the kernel of a model, built by the compiler unless the cache has it.

    Its key is a hash of the source, the flags and the compiler's version.

    Raises
    ------
    DeviceError
        When there is no compiler, or it refuses the source.
    FileError
        When the cache folder cannot be written.
    """
    compiler = find()
    if compiler is None:
        raise DeviceError(
            f"the device {name!r} cannot be compiled: there is no C compiler 'cc'", hint="install gcc or clang"
        )
    source = kernel_source(model, name, _SYMBOL)
    text = "\n".join(line for line in source.splitlines() if not line.startswith('#include "'))
    text = target_text(processor()) + headers() + text
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout
    digest = hashlib.sha256("\0".join([text, *FLAGS, version]).encode()).hexdigest()[:32]
    handle = kept(f"{name}-{digest}.so", lambda: _build(compiler, name, text), ctypes.CDLL)
    return Kernel(ctypes.addressof(ctypes.c_char.in_dll(handle, _SYMBOL)), handle)


def _build(compiler: str, name: str, text: str) -> bytes:
    with tempfile.TemporaryDirectory() as work:
        source, built = Path(work) / f"{name}.c", Path(work) / "kernel.so"
        source.write_text(text, encoding="utf-8")
        command = [compiler, *FLAGS, str(source), "-o", str(built), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise DeviceError(f"the compiler refused the equations of {name!r}: {done.stderr.strip()[:500]}")
        return built.read_bytes()
