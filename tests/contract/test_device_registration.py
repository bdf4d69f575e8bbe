"""A user's device from its declaration to its kernel, and what is said when something is wrong with it."""

import subprocess

import numpy as np
import pytest

from circuitnn.devices import load
from circuitnn.devices.backends import compiler
from circuitnn.devices.declare import Device, Environment, Equations, Memristor, Param, State
from circuitnn.devices.load import kernel_of, register
from circuitnn.devices.symbolic import clip, exp, limexp, power, where
from circuitnn.errors import DeviceError, FileError, UsageError
from circuitnn.registry import catalog


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """A cache of its own, and a catalog without this test's devices afterwards."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    known = set(catalog("devices")._objects)
    registered = set(load._registered)
    yield tmp_path / "cache" / "circuitnn"
    for name in set(catalog("devices")._objects) - known:
        del catalog("devices")._objects[name]
    for device in set(load._registered) - registered:
        del load._registered[device]


def make_soft():
    class Soft(Memristor):
        """A conductance that follows the voltage slowly."""

        g = Param(1e-3, "S", low=0.0, doc="largest conductance")
        tau = Param(1e-6, "V s", low=0.0, exclusive=True, doc="time constant")
        x0 = Param(0.25, "1", doc="initial state")
        x = State("x0", "1", low=0.0, high=1.0, doc="open part")

        def current(self, v):
            return self.g * self.x * v

        def rates(self, v):
            return {"x": v / self.tau}

    return Soft


def prepared(device, **given):
    values = {key: np.array([np.nan if p.default is None else p.default]) for key, p in device.params.items()}
    values.update({key: np.array([value]) for key, value in given.items()})
    kernel = kernel_of(device)
    kernel_values = device.prepare(values, Environment())
    return values, np.array([kernel_values[key] for key in kernel.param_names]).reshape(kernel.n_param, 1)


def test_a_registered_device_evaluates(own_cache):
    soft = register(make_soft())
    assert soft.name == "soft" and soft.model_types == ("soft",)
    assert catalog("devices").get("soft") is soft
    kernel = kernel_of(soft)
    assert (kernel.param_names, kernel.local_names) == (["g", "tau"], ["p", "n", "x"])
    _, p = prepared(soft)
    f, q, _, _ = kernel.evaluate([[2.0], [0.5], [0.4]], p)
    np.testing.assert_allclose(f[:, 0], [1e-3 * 0.4 * 1.5, -1e-3 * 0.4 * 1.5, -1.5e6], rtol=1e-15)
    assert q[2, 0] == 0.4
    # at the bound the rate that points outwards is stopped, though the model does not say so itself
    assert kernel.evaluate([[2.0], [0.5], [1.0]], p)[0][2, 0] == 0.0
    assert kernel.evaluate([[0.5], [2.0], [1.0]], p)[0][2, 0] == 1.5e6


def test_a_registered_device_runs_in_a_circuit():
    import circuitnn as cn

    cn.register(make_soft())
    c = cn.Circuit("soft")
    c.V("1", "a", 0, dc=2.0)
    c.N("1", "a", 0, model="soft")
    assert float(c.op()["i(v1)"]) == pytest.approx(-2.0 * 1e-3 * 0.25, rel=1e-9, abs=0.0)


def test_the_library_is_built_once(own_cache, monkeypatch):
    register(make_soft())
    (built,) = own_cache.glob("soft-*.so")
    assert [path.name for path in own_cache.iterdir()] == [built.name]  # no temporary folder stays behind
    monkeypatch.setattr(compiler, "_build", lambda *_: pytest.fail("was built again"))
    register(make_soft())


def test_other_equations_are_another_library(own_cache):
    register(make_soft())
    other = make_soft()
    other.current = lambda self, v: 2 * self.g * self.x * v
    register(other)
    assert len(list(own_cache.glob("soft-*.so"))) == 2


def test_each_class_keeps_its_own_kernel():
    first = register(make_soft())
    second = make_soft()
    second.current = lambda self, v: 2 * self.g * self.x * v
    register(second)
    u = [[1.0], [0.0], [0.5]]
    assert kernel_of(first).evaluate(u, prepared(first)[1])[0][0, 0] == 0.5e-3
    assert kernel_of(second).evaluate(u, prepared(second)[1])[0][0, 0] == 1e-3


def test_the_name_is_in_the_library_key_free_of_paths():
    bad = make_soft()
    bad.name = "../../soft"
    with pytest.raises(DeviceError, match="no name for a device"):
        register(bad)


def test_functions_of_equations(own_cache):
    class Functions(Device):
        """One of each."""

        terminals = ("p", "n")
        a = Param(3.0, "1", low=1.0, doc="exponent")

        def equations(self):
            v = self.p - self.n
            i = power(v**2, self.a) + clip(v, -1, 2) + limexp(100 * v) * 1e-40 + where(v > 0, exp(-v), 1)
            return Equations(f={"p": i, "n": -i})

        unitless = "its numbers stand for no physics, they only exercise the functions"

    register(Functions)
    kernel, (_, p) = kernel_of(Functions), prepared(Functions)

    def current(v):
        line = np.exp(100 * v) if 100 * v < 80 else np.exp(80) * (1 + 100 * v - 80)
        return v**6 + min(max(v, -1), 2) + line * 1e-40 + (np.exp(-v) if v > 0 else 1)

    for v in (-3.0, -0.5, 0.3, 0.79, 0.81, 7.0):
        f, _, jf, _ = kernel.evaluate([[v], [0.0]], p)
        assert f[0, 0] == pytest.approx(current(v), rel=1e-14, abs=0.0)
        # three-point formula at h = 1e-6: 1e-9 of the slope
        assert jf[0, 0] == pytest.approx((current(v + 1e-6) - current(v - 1e-6)) / 2e-6, rel=1e-6)


def test_a_power_has_a_slope_at_zero():
    class Even(Memristor):
        """Grows from zero."""

        a = Param(1.0, "1", low=1.0, doc="exponent")
        g = Param(1.0, "S", doc="conductance")
        x = State(0.0, "1", doc="unused")

        def current(self, v):
            return self.g * v * power(self.x**2, self.a)

        def rates(self, v):
            return {"x": 0 * v}

    register(Even)
    _, _, jf, _ = kernel_of(Even).evaluate([[1.0], [0.0], [0.0]], prepared(Even)[1])
    np.testing.assert_array_equal(jf, 0.0)


# ------------------------------------------------------------------------------------------------------------ errors
def test_unit_and_doc_are_demanded():
    for param in (Param(1.0, "", doc="x"), Param(1.0, "ohm")):
        with pytest.raises(DeviceError, match="'r' of Bare lacks a unit or a doc"):
            type("Bare", (Memristor,), {"r": param, "__doc__": "x"})


@pytest.mark.parametrize(
    ("members", "match"),
    [
        ({"p": Param(1.0, "1", doc="exponent")}, "'p' names two things"),
        ({"links": Param(1.0, "1", doc="number")}, "every device uses itself"),
        ({"gmin": Param(1.0, "S", doc="number")}, "every device uses itself"),
        ({"r": Param(1.0, "ohm", doc="x", name="r; x")}, "is no name"),
        ({"w": State("w0", "1", doc="x")}, "refers to 'w0', which is no parameter"),
        ({"w": State(0.0, "1", low="lo", high=1.0, doc="x")}, "refers to 'lo', which is no parameter"),
    ],
)
def test_ambiguous_declarations_are_refused(members, match):
    with pytest.raises(DeviceError, match=match):
        type("Wrong", (Memristor,), {**members, "__doc__": "x"})


def test_an_undeclared_name_in_the_equations_gets_a_hint():
    class Typo(Memristor):
        """Wrong."""

        ron = Param(1.0, "ohm", doc="x")

        def current(self, v):
            return v / self.rom

        def rates(self, v):
            return {}

    with pytest.raises(DeviceError, match=r"use self\.rom, which is not declared") as caught:
        register(Typo)
    assert "'ron'" in str(caught.value)
    assert "typo" not in catalog("devices")


@pytest.mark.parametrize("rates", [{}, {"x": 1, "y": 2}])
def test_every_state_needs_its_rate(rates):
    wrong = make_soft()
    wrong.rates = lambda self, v: {key: value * v for key, value in rates.items()}
    with pytest.raises(DeviceError, match="rates are given for"):
        register(wrong)


def test_equations_of_no_unknown_are_refused():
    class Astray(Device):
        """Wrong."""

        def equations(self):
            return Equations(f={"z": self.p})

    with pytest.raises(DeviceError, match="'z', which is no unknown"):
        register(Astray)


def test_taken_and_foreign_names():
    taken = make_soft()
    taken.name = "resistor"
    with pytest.raises(UsageError, match="exists already"):
        register(taken)
    with pytest.raises(UsageError, match="is no device"):
        register(42)


def test_without_a_compiler_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DeviceError, match="no C compiler 'cc'") as caught:
        register(make_soft(), backend="compiled")
    assert "gcc" in str(caught.value)
    assert "soft" not in catalog("devices")


def test_a_compiler_that_fails_is_reported(monkeypatch):
    real = subprocess.run

    def run(command, **keywords):
        return real([*command, "-DNAN=", "--no-such-flag"] if "-o" in command else command, **keywords)

    monkeypatch.setattr(compiler.subprocess, "run", run)
    with pytest.raises(DeviceError, match="refused the equations of 'soft'"):
        register(make_soft())


def test_a_cache_that_cannot_be_written_is_reported(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(FileError, match="cannot be kept") as caught:
        register(make_soft())
    assert "XDG_CACHE_HOME" in str(caught.value)


def test_what_the_compiler_makes_and_cannot_be_loaded_is_reported(own_cache, monkeypatch):
    monkeypatch.setattr(compiler, "_build", lambda *_: b"not a library")
    with pytest.raises(FileError, match="cannot be kept or loaded") as caught:
        register(make_soft())
    assert "delete" in str(caught.value) and str(own_cache) in str(caught.value)


def test_a_device_that_is_not_registered_has_no_kernel():
    with pytest.raises(DeviceError, match="has no kernel"):
        kernel_of(make_soft())


# ----------------------------------------------------------------------------------------------------- values, shapes
def test_values_are_checked_against_range_and_choices():
    params = catalog("devices").get("vteam").params
    with pytest.raises(DeviceError, match=r"parameter 'ron' of vteam is 0 ohm"):
        params["ron"].check("vteam", "ron", 0.0)
    with pytest.raises(DeviceError, match=r"parameter 'window' of vteam is 1\.5") as caught:
        params["window"].check("vteam", "window", 1.5)
    assert "one of 0, 1" in str(caught.value)
    with pytest.raises(DeviceError, match="is nan"):
        params["ron"].check("vteam", "ron", float("nan"))


@pytest.mark.parametrize(
    ("name", "given"), [("vteam", {"w0": 4e-9}), ("vteam", {"w": -1e-12}), ("linear_drift", {"x": 1.5})]
)
def test_initial_states_out_of_bounds_are_refused(name, given):
    device = catalog("devices").get(name)
    values, _ = prepared(device, **given)
    with pytest.raises(DeviceError, match="is out of its bounds"):
        device.state_init(values)


def test_bounds_in_the_wrong_order_are_refused():
    device = catalog("devices").get("vteam")
    values, _ = prepared(device, w_on=3e-9, w_off=0.0)
    with pytest.raises(DeviceError, match="wrong order"):
        device.state_init(values)


@pytest.mark.parametrize(
    ("name", "given", "match"),
    [
        ("resistor", {}, "no resistance"),
        ("resistor", {"resistance": 0.0}, "a resistance is zero"),
        ("resistor", {"rsh": 10.0, "l": 1e-6, "w": 1e-6, "narrow": 1e-6}, "no resistance"),
        ("resistor", {"resistance": 1.0, "temp": -273.15}, "absolute zero"),
        ("capacitor", {}, "no capacitance"),
        ("diode", {"dtemp": -400.0}, "absolute zero"),
        ("bjt", {"dtemp": 100.0, "tne1": -0.02}, "ne of a bipolar transistor is not positive"),
        ("diode", {"temp": 1500.0, "cjo": 1e-12}, "junction potential of a diode"),
        ("mos1", {"l": 1e-6, "ld": 0.5e-6}, "twice its lateral diffusion"),
        ("mos1", {"tox": 1e-8, "nsub": 1e9}, "substrate doping"),
        ("mos1", {"temp": 1500.0}, "a potential of a MOSFET"),
        ("linear_drift", {"window": 1.0, "p": 0.5}, "exponent p is below 1"),
    ],
)  # fmt: skip
def test_impossible_values_are_refused(name, given, match):
    with np.errstate(all="raise"), pytest.raises(DeviceError, match=match):
        prepared(catalog("devices").get(name), **given)


def test_kernels_refuse_arrays_of_other_shapes():
    kernel = kernel_of(catalog("devices").get("diode"))
    u, p, lim = np.zeros((3, 2)), np.ones((kernel.n_param, 2)), np.zeros((1, 2))
    for call in (
        lambda: kernel.evaluate(u[:2], p),
        lambda: kernel.evaluate(u, p[:, :1]),
        lambda: kernel.evaluate(u, p, lim[:, :1]),
        lambda: kernel.evaluate(u, p, lim, [1e-12]),
        lambda: kernel.evaluate(u[0], p),
        lambda: kernel.limit(u, p, lim, acc=lim[:, :1]),
        lambda: kernel.limit(u, p, lim[:0]),
    ):
        with pytest.raises(UsageError, match="has the shape"):
            call()
    for out in kernel.evaluate(u[:, :0], p[:, :0]):
        assert out.shape[1] == 0
