"""What evaluates devices that are registered at run time: all back ends give the same numbers, and the cache holds."""

import importlib.util
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.devices import backends, load
from circuitnn.devices.backends import BACKENDS, compiler, jit, make_kernel
from circuitnn.devices.declare import Device, Equations, Memristor, Noise, Param, State
from circuitnn.devices.emit import model_of
from circuitnn.devices.load import kernel_of, register
from circuitnn.devices.symbolic import clip, exp, limexp, log, power, quartic_root, sinh, where
from circuitnn.errors import DeviceError, MissingExtraError, UsageError
from circuitnn.registry import catalog

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed")
ALL = [pytest.param(name, marks=needs_numba if name == "numba" else ()) for name in BACKENDS]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """A cache of its own, and a catalog without this test's devices afterwards."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    known, registered = set(catalog("devices")._objects), set(load._registered)
    yield tmp_path / "cache" / "circuitnn"
    for name in set(catalog("devices")._objects) - known:
        del catalog("devices")._objects[name]
    for device in set(load._registered) - registered:
        del load._registered[device]


def make_memristor():
    class Cell(Memristor):
        """A filament with a threshold, a power and an exponential."""

        unitless = "numbers of a test carry no units"
        g = Param(1e-3, "S", low=0.0, doc="largest conductance")
        a = Param(2.5, "1", low=1.0, doc="exponent")
        vt = Param(0.3, "V", low=0.0, exclusive=True, doc="threshold")
        x0 = Param(0.25, "1", doc="initial state")
        x = State("x0", "1", low=0.0, high=1.0, doc="open part")

        def current(self, v):
            return self.g * (0.01 + power(clip(self.x, 0, 1) ** 2, self.a)) * sinh(v)

        def rates(self, v):
            return {"x": where(v > self.vt, 1e5 * exp(v) * (v - self.vt), v < -self.vt, 1e5 * (v + self.vt), 0)}

    return Cell


def make_junction():
    class Junction(Device):
        """A diode with limiting, charge and noise."""

        unitless = "numbers of a test carry no units"
        terminals = ("p", "n")
        links = (("p", "n", "resistive"),)
        i0 = Param(1e-14, "A", low=0.0, doc="saturation current")
        c0 = Param(1e-12, "F", low=0.0, doc="capacitance at 0 V")
        letter = "n"

        def equations(self):
            v = self.limited("v", self.p - self.n, "pn", 0.0258, 0.6, start=0.6)
            i = self.i0 * (limexp(v / 0.0258) - 1) + self.gmin * v
            q = self.c0 * where(v < 0.4, 2 * (1 - (1 - v) ** 0.5), v + log(1 + v))
            return Equations(f={"p": i, "n": -i}, q={"p": q, "n": -q})

        def noise(self):
            return (Noise("shot", "p", "n", 3.2e-19 * self.i0 * limexp(self.p - self.n), 0),)

    return Junction


def evaluated(device, backend, u, p, lim=None):
    return make_kernel(model_of(device), device.name, backend).evaluate(u, p, lim)


@pytest.mark.parametrize(
    ("backend", "name"),
    [
        *(("numpy", name) for name in ("vteam", "linear_drift", "diode", "bjt", "mos1", "vswitch")),
        # numba takes seconds for a transistor
        *(pytest.param("numba", name, marks=needs_numba) for name in ("vteam", "linear_drift", "vswitch")),
    ],
)
def test_library_devices_are_the_same_on_every_back_end(backend, name):
    device = catalog("devices").get(name)
    compiled, rng = kernel_of(device), np.random.default_rng(1)
    u, p = rng.uniform(-1.0, 1.0, (compiled.n_local, 37)), rng.uniform(0.1, 1.0, (compiled.n_param, 37))
    lim = rng.uniform(-0.5, 0.5, (compiled.n_limit, 37))
    kernel = make_kernel(model_of(device), name, backend)
    assert (kernel.backend, compiled.backend) == (backend, "compiled")
    assert (kernel.param_names, kernel.local_names) == (compiled.param_names, compiled.local_names)
    for found, expected in zip(kernel.evaluate(u, p, lim), compiled.evaluate(u, p, lim), strict=True):
        # the functions differ by 4 units in the last place, and terms of a sum cancel
        scale = np.abs(np.where(np.isfinite(expected), expected, 0.0)).max(axis=1, initial=0.0, keepdims=True)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13 * max(scale.max(initial=0.0), 1e-300))
    if compiled.n_limit:
        held = kernel.limit(u, p, lim)
        expected = compiled.limit(u, p, lim)
        np.testing.assert_allclose(held[0], expected[0], rtol=1e-12, atol=1e-15)
        assert held[1] == expected[1]
    if compiled.noise_names:
        for found, expected in zip(kernel.noise(u, p, lim), compiled.noise(u, p, lim), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-11)


@pytest.mark.parametrize("backend", ALL[1:])
def test_analyses_are_the_same_on_every_back_end(backend):
    def measured(how):
        cell, junction = make_memristor(), make_junction()
        cell.name, junction.name = f"cell_{how}", f"junction_{how}"
        register(cell, backend=how), register(junction, backend=how)
        c = cn.Circuit("both")
        c.V("1", "a", 0, dc=1.0, ac=1.0, waveform=("sin", 0.2, 0.8, 1e5))
        c.R("1", "a", "b", 100.0)
        c.N("1", "b", "c", model=cell.name)
        c.N("2", "c", 0, model=junction.name)
        op, ac, tran = c.op(), c.ac(1e3, 1e9, 2), c.tran(1e-7, 2e-5)
        grid = np.linspace(0.0, 2e-5, 50)
        return (
            float(op["v(c)"]),
            np.asarray(ac["v(c)"]),
            np.interp(grid, np.asarray(tran["time"]), np.asarray(tran["v(c)"])),
        )

    expected, found = measured("compiled"), measured(backend)
    assert found[0] == pytest.approx(expected[0], rel=1e-9)  # Newton's method ends within reltol of it, the same way
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-9)
    np.testing.assert_allclose(found[2], expected[2], rtol=1e-6, atol=1e-9)  # steps may differ in the last place


@pytest.mark.parametrize("backend", ALL)
def test_a_crossbar_runs_on_every_back_end(backend):
    cell = register(make_memristor(), backend=backend)
    v = np.linspace(0.1, 0.3, 64)  # large enough to be shared among threads
    xb = cn.Crossbar(cn.Cells(cell.name, (64, 8)), 1e-3, 1e-3)
    currents = np.asarray(xb.solve(v).currents)
    # wires of 1 mohm a segment beside cells of 90 kohm
    np.testing.assert_allclose(currents, 1e-3 * (0.01 + 0.25**5) * np.sinh(v).sum(), rtol=1e-4)


def test_an_instance_is_the_same_alone_and_at_any_place():
    for name in ("vteam", "linear_drift"):
        kernel, rng = kernel_of(catalog("devices").get(name)), np.random.default_rng(2)
        u, p = rng.uniform(-1.0, 1.0, (kernel.n_local, 23)), rng.uniform(0.1, 1.0, (kernel.n_param, 23))
        whole = np.concatenate(kernel.evaluate(u, p))
        assert np.isfinite(whole).mean() > 0.5
        for first in range(5):
            for last in range(first + 1, 23):
                part = np.concatenate(kernel.evaluate(u[:, first:last], p[:, first:last]))
                np.testing.assert_array_equal(part, whole[:, first:last])


def test_a_quartic_root_is_numpys_without_a_compiler():
    class Root(Device):
        """Solves an equation."""

        terminals = ("p", "n")

        def equations(self):
            i = quartic_root(0.0, 0.0, 0.0, -1.0 - 0 * self.p, 2.0) + self.p - self.n
            return Equations(f={"p": i, "n": -i})

    model = model_of(Root)
    u = [[0.5, 1.0], [0.0, 0.2]]
    expected = make_kernel(model, "root", "compiled").evaluate(u, np.zeros((0, 2)))[0]
    np.testing.assert_allclose(make_kernel(model, "root", "numpy").evaluate(u, np.zeros((0, 2)))[0], expected)
    assert not jit.supports(model)


# ------------------------------------------------------------------------------------------------------------- choice
def test_a_machine_without_a_compiler_says_once_what_it_uses(monkeypatch, caplog):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(jit, "available", lambda: False)
    backends._tell.cache_clear()
    with caplog.at_level(logging.WARNING, logger="circuitnn"):
        first = register(make_memristor())
        second = make_memristor()
        second.name = "second"
        register(second)
    assert kernel_of(first).backend == kernel_of(second).backend == "numpy"
    assert [record.message for record in caplog.records] == [
        "there is no C compiler 'cc' for devices that are registered: NumPy evaluates them, several times slower"
    ]
    c = cn.Circuit("runs")
    c.V("1", "a", 0, dc=0.2)
    c.N("1", "a", 0, model="cell")
    assert float(c.op()["i(v1)"]) == pytest.approx(-1e-3 * (0.01 + 0.25**5) * np.sinh(0.2), rel=1e-9, abs=0.0)


@needs_numba
def test_numba_comes_before_numpy(monkeypatch, caplog):
    monkeypatch.setenv("PATH", "")
    backends._tell.cache_clear()
    with caplog.at_level(logging.WARNING, logger="circuitnn"):
        assert kernel_of(register(make_memristor())).backend == "numba"
    assert "numba compiles them" in caplog.text


@needs_numba
def test_numbas_code_comes_from_the_cache_too(own_cache):
    model, u, p = model_of(make_memristor()), [[0.5], [0.0], [0.5]], [[1e-3], [2.5], [0.3]]
    first = make_kernel(model, "cell", "numba").evaluate(u, p)
    assert list((own_cache / "__pycache__").glob("cell-*.nbi"))
    np.testing.assert_array_equal(make_kernel(model, "cell", "numba").evaluate(u, p)[0], first[0])


def test_a_back_end_that_is_not_there_is_refused(monkeypatch):
    with pytest.raises(UsageError, match="no back end 'fortran'") as caught:
        register(make_memristor(), backend="fortran")
    assert "numpy" in str(caught.value)
    monkeypatch.setattr(jit, "available", lambda: False)
    with pytest.raises(MissingExtraError, match=r"circuitnn\[jit\]"):
        register(make_memristor(), backend="numba")


def test_what_goes_wrong_in_an_evaluation_is_an_error_of_the_device(monkeypatch):
    from circuitnn.devices.backends import arrays

    def broken(x):
        raise MemoryError("no room")

    monkeypatch.setitem(arrays.FUNCTIONS, "sinh", broken)
    register(make_memristor(), backend="numpy")
    c = cn.Circuit("fails")
    c.V("1", "a", 0, dc=0.2)
    c.N("1", "a", 0, model="cell")
    with pytest.raises(DeviceError, match="'cell' could not be evaluated: MemoryError: no room"):
        c.op()
    with pytest.raises(DeviceError, match="'cell' could not be evaluated"):
        cn.Crossbar(cn.Cells("cell", (2, 2)), 1.0, 1.0).solve([0.1, 0.2])


# -------------------------------------------------------------------------------------------------------------- cache
def test_a_damaged_entry_of_the_cache_is_made_anew(own_cache):
    register(make_memristor())
    (entry,) = own_cache.iterdir()
    good = entry.read_bytes()
    for damaged in (b"", good[: len(good) // 2], good[:-1000] + bytes(1000)):
        entry.unlink()  # the library in use stays as it is
        entry.write_bytes(damaged)
        assert kernel_of(register(make_memristor())).backend == "compiled"
        assert entry.read_bytes() == good or len(entry.read_bytes()) == len(good)


_REGISTER = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
import circuitnn as cn
from circuitnn.devices.backends import compiler
from test_backends import make_memristor
build = compiler._build

def counted(*args):
    with open({log!r}, "a") as file:
        file.write("built\\n")
    time.sleep({wait})
    return build(*args)

compiler._build = counted
cn.register(make_memristor())
"""


def start(tmp_path, wait):
    script = _REGISTER.format(tests=str(Path(__file__).parent), log=str(tmp_path / "log"), wait=wait)
    # not from the folder of the sources, which the process would take instead of what is installed
    return subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, cwd=tmp_path)


def built(tmp_path):
    log = tmp_path / "log"
    return log.read_text().count("built") if log.exists() else 0


def wait_for(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("never happened")


def test_two_processes_build_once(tmp_path, own_cache):
    first = start(tmp_path, 1.0)
    wait_for(lambda: built(tmp_path) == 1)
    second = start(tmp_path, 0.0)
    for process in (first, second):
        assert process.communicate()[1] == "" and process.returncode == 0
    assert built(tmp_path) == 1
    assert [path.suffix for path in own_cache.iterdir()] == [".so"]


def test_a_builder_that_is_killed_holds_nobody_up(tmp_path, own_cache):
    first = start(tmp_path, 600.0)
    wait_for(lambda: built(tmp_path) == 1)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    second = start(tmp_path, 0.0)
    assert second.communicate()[1] == "" and second.returncode == 0
    assert [path.suffix for path in own_cache.iterdir()] == [".so"]


def test_the_compilers_flags_are_part_of_the_key(own_cache, monkeypatch):
    register(make_memristor())
    monkeypatch.setattr(compiler, "FLAGS", (*compiler.FLAGS, "-DOTHER"))
    register(make_memristor())
    assert len(list(own_cache.iterdir())) == 2
