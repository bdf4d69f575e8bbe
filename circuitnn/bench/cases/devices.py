"""Device kernels: against NumPy and C by hand, compiled at run time, and in arrays."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from circuitnn.bench.runner import Case, Row, median_time, median_times
from circuitnn.bench.twins import KB, TWINS
from circuitnn.crossbar.cells import Cells
from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.crossbar.nonlinear import Waveforms
from circuitnn.devices import physics
from circuitnn.devices.backends import BACKENDS, compiler, jit, make_kernel
from circuitnn.devices.declare import Device, Environment, Memristor, Param, State
from circuitnn.devices.emit import model_of
from circuitnn.devices.load import build
from circuitnn.devices.symbolic import exp, where
from circuitnn.errors import CircuitnnError
from circuitnn.registry import catalog

Array = np.ndarray[Any, np.dtype[np.float64]]
_COUNT = 100_000


def _values(device: type[Device], n: int) -> dict[str, Array]:
    """User parameters and states of n elements, as they are when none is given."""
    found = {name: np.full(n, np.nan if p.default is None else p.default) for name, p in device.params.items()}
    return found | {name: np.full(n, np.nan) for name in device.states}


def _instances(device: type[Device], n: int) -> tuple[Any, Array, Array]:
    """The kernel, unknowns at random within +-1 V and the states' bounds, and parameters."""
    rng, values = np.random.default_rng(0), _values(device, n)
    built = build(device, values, Environment())
    given = {**values, **built.values}
    p = np.array([given[name] for name in built.kernel.param_names])
    bounds = device.state_bounds(values)
    u = []
    for name in built.kernel.local_names:
        if name not in bounds:
            u.append(rng.uniform(-0.5, 0.5, n))
            continue
        low, high = bounds[name]
        low, high = (np.where(np.isfinite(x), x, end) for x, end in ((low, 0.0), (high, device.states[name].scale)))
        u.append(rng.uniform(low, high))
    return built.kernel, np.array(u), p


def _distance(found: Array, expected: Array) -> float:
    """The largest difference over the largest value of its row."""
    size = np.abs(expected).max(axis=1, keepdims=True)
    return float((np.abs(found - expected) / np.where(size > 0.0, size, 1.0)).max())


def _evaluator(kernel: Any, u: Array, p: Array) -> tuple[Any, list[Array]]:
    """A call of a kernel's C function into arrays that exist, and the arrays."""
    n = u.shape[1]
    sizes = (kernel.n_local, kernel.n_local, len(kernel.jf_row), len(kernel.jq_row))
    out = [np.zeros((rows, n)) for rows in sizes]
    return partial(kernel.evaluate_into, u, p, *out), out


def _by_hand(folder: Path, name: str, u: Array, p: Array, out: list[Array]) -> Any:
    """A call of the C function by hand, or None without a compiler."""
    cc = shutil.which("cc")
    if cc is None:
        return None
    library = folder / "twins.so"
    if not library.exists():
        source = Path(__file__).parents[1] / "c" / "twins.c"
        constants = [f"-DKB={KB!r}", f"-DCHARGE={physics.CHARGE!r}"]
        subprocess.run(
            [cc, *compiler.FLAGS, "-ffp-contract=fast", "-fopenmp", *constants, str(source), "-o", str(library), "-lm"],
            check=True,
        )
    function = ctypes.CDLL(str(library))[name]
    pointers = [ctypes.c_void_p(x.ctypes.data) for x in (u, p, *out)]
    return partial(function, ctypes.c_int(u.shape[1]), *pointers)


def _kernels(rounds: int) -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, twin in TWINS.items():
            kernel, u, p = _instances(catalog("devices").get(name), _COUNT)
            named = dict(zip(kernel.param_names, p, strict=True))
            call, out = _evaluator(kernel, u, p)
            hand_out = [np.zeros_like(x) for x in out]
            mine = np.array([named[key] for key in twin.order])  # held here: C has its address alone
            hand = _by_hand(Path(folder), name, u, mine, hand_out)
            # in turn, so that what disturbs one disturbs the others
            calls = [call, partial(twin.numpy, u, named), *([] if hand is None else [hand])]
            ours, arrays, *by_hand = (1e9 * time / _COUNT for time in median_times(calls, rounds))
            title = f"{name}: ns an instance"
            rows.append(Row(f"{title}, against NumPy", ours, "ns", baseline=arrays, goal=5.0))
            f, jf = twin.numpy(u, named)
            rows.append(Row(f"{name}: distance from NumPy, f", _distance(out[0], np.array(f)), "relative"))
            rows.append(Row(f"{name}: distance from NumPy, df/du", _distance(out[2], np.array(jf)), "relative"))
            if by_hand:
                rows.append(Row(f"{title}, against C by hand", ours, "ns", baseline=by_hand[0], goal=1.0 / 1.2))
                rows.append(Row(f"{name}: distance from C by hand", _distance(out[2], hand_out[2]), "relative"))
    return rows


class _Cell(Memristor):
    """A filament with a threshold."""

    name = "bench_cell"
    g = Param(1e-3, "S", low=0.0, doc="largest conductance")
    vt = Param(0.3, "V", low=0.0, exclusive=True, doc="threshold")
    x0 = Param(0.25, "1", doc="initial state")
    x = State("x0", "1", low=0.0, high=1.0, doc="open part")

    def current(self, v: Any) -> Any:
        """Return the current."""
        return self.g * (0.01 + self.x) * v

    def rates(self, v: Any) -> dict[str, Any]:
        """Return the speed of the state."""
        return {"x": where(v > self.vt, 1e5 * exp(v) * (v - self.vt), v < -self.vt, 1e5 * (v + self.vt), 0)}


def _compilation(rounds: int) -> list[Row]:
    """From a class to its kernel, with the cache empty and with the kernel in it."""
    rows, kept = [], os.environ.get("XDG_CACHE_HOME")
    there = {"compiled": compiler.find() is not None, "numba": jit.available(), "numpy": True}
    try:
        for backend in (name for name in BACKENDS if there[name]):
            cold = []
            for _ in range(rounds + 1):  # the first one imports
                with tempfile.TemporaryDirectory() as folder:
                    os.environ["XDG_CACHE_HOME"] = folder
                    began = time.perf_counter()
                    make_kernel(model_of(_Cell), _Cell.name, backend)
                    cold.append(time.perf_counter() - began)
                    cached = median_time(lambda b=backend: make_kernel(model_of(_Cell), _Cell.name, b), rounds)  # type: ignore[misc]
            rows.append(Row(f"a user's model, {backend}: cold", 1e3 * float(np.median(cold[1:])), "ms"))
            if backend != "numpy":
                rows.append(Row(f"a user's model, {backend}: cached", 1e3 * cached, "ms"))
    finally:
        if kept is None:
            os.environ.pop("XDG_CACHE_HOME", None)
        else:
            os.environ["XDG_CACHE_HOME"] = kept
    return rows


#: Volts and seconds of a pulse in which the states of a selected cell begin to move; 1 V and 10 ns where none is given.
_PULSES = {
    "bocquet": (1.0, 1e-6),
    "bocquet_unipolar": (1.5, 10e-9),
    "ftj": (2.0, 100e-6),
    "jart": (-1.0, 10e-9),
    "linear_drift": (1.0, 10e-3),
    "ovonic": (1.5, 10e-9),
    "pcm": (1.5, 10e-9),
    "simmons": (1.5, 10e-9),
    "stanford": (2.0, 10e-9),
    "team": (2.0, 10e-9),
    "yakopcic": (1.0, 100e-6),
}


def _arrays(rounds: int) -> list[Row]:
    """A write pulse on one word line of 64 x 64 cells, V/2 scheme, 1 ohm a segment, for each memristor."""
    rows, size = [], 64
    for name, device in catalog("devices").all().items():
        if not issubclass(device, Memristor):
            continue

        volts, seconds = _PULSES.get(name, (1.0, 10e-9))
        times = seconds * np.array([0.0, 0.1, 1.0, 1.1, 1.5])
        level = np.zeros((5, size))
        level[1:3] = 0.5 * volts
        level[1:3, 0] = volts
        wave = Waveforms(times, level)

        def pulse(name: str = name, wave: Waveforms = wave) -> Any:
            return Crossbar(Cells(name, (size, size)), 1.0, 1.0).tran(wave)

        try:
            taken = 1e3 * median_time(pulse, min(rounds, 3))
            steps = float(len(pulse().time) - 1)
        except CircuitnnError as error:
            rows.append(Row(f"64 x 64 {name}: a write pulse", 0.0, "ms", details={"refused": error.message}))
            continue
        rows.append(
            Row(f"64 x 64 {name}: a write pulse", taken, "ms", details={"steps": steps, "V": volts, "s": seconds})
        )
    return rows


#: Kernels alone: f, q and their Jacobians of 10^5 instances into arrays that exist, one core.
EXPORT = Case({"kernels": _kernels, "compilation": _compilation, "arrays": _arrays})
