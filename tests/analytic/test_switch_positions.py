"""Switches whose turning moves their own control, and controls that are intermediate values: positions of solutions."""

import importlib.util

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.devices.declare import Device, Equations, Memristor, Param, State
from circuitnn.devices.load import register
from circuitnn.devices.symbolic import limexp, magnitude

BACKENDS = [
    "compiled",
    "numpy",
    pytest.param("numba", marks=pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="not installed")),
]
G_ON, G_OFF, V_ON, V_OFF, PEAK, STEP = 1e-2, 1e-5, 1.0, 0.5, 1.5, 2e-6


class Snap(Device):
    """A resistance that closes above V_ON across itself, and opens below V_OFF."""

    name = "test_snap"
    model_types = ("test_snap",)
    unitless = "numbers of a test carry no units"

    def equations(self):
        v = self.p - self.n
        closed = self.discrete("closed", v, on=V_ON, off=V_OFF)
        i = v * (G_OFF + (G_ON - G_OFF) * closed)
        return Equations(f={"p": i, "n": -i})


class Both(Device):
    """The same for either sign of the voltage, its size an intermediate value."""

    name = "test_both"
    unitless = "numbers of a test carry no units"

    def equations(self):
        v = self.p - self.n
        size = self.let("size", magnitude(v))
        on = self.let("on", 0.5 * V_ON + 0.5 * V_ON)
        closed = self.discrete("closed", size, on=on, off=V_OFF)
        i = v * (G_OFF + (G_ON - G_OFF) * closed)
        return Equations(f={"p": i, "n": -i})


class Limb(Device):
    """A junction whose limited voltage is made of an intermediate value."""

    name = "test_limb"
    links = (("p", "n", "resistive"),)
    unitless = "numbers of a test carry no units"

    def equations(self):
        across = self.let("across", 0.5 * (self.p - self.n))
        v = self.limited("v", across, "pn", 0.025, 0.6)
        i = 1e-12 * (limexp(v / 0.025) - 1)
        return Equations(f={"p": i, "n": -i})


class Rest(Memristor):
    """A state that goes to k v within 1 us: to its lower bound, and to no voltage at it."""

    name = "test_rest"
    unitless = "numbers of a test carry no units"
    tau = Param(1e-6, "s", low=0.0, exclusive=True, doc="time in which the state follows")
    x = State(0.5, "1", low=0.0, high=1.0, doc="a state", settles=True)

    def current(self, v):
        return 1e-3 * (1 + self.x) * v

    def rates(self, v):
        return {"x": (0.1 * v - self.x) / self.tau}


@pytest.fixture
def known(monkeypatch):
    """Return what registers devices for one test."""
    from circuitnn.devices import load
    from circuitnn.registry import catalog

    objects, registered = catalog("devices")._objects, load._registered
    before = dict(objects), dict(registered)
    yield register
    for now, then in zip((objects, registered), before, strict=True):
        now.clear()
        now.update(then)


def driven(model, resistance):
    """Return a sine behind a resistance: time, source, voltage across the device and its current."""
    circuit = cn.Circuit("driven")
    circuit.V("1", "a", 0, waveform=("sin", 0.0, PEAK, 1e3))
    circuit.R("1", "a", "b", resistance)
    circuit.N("1", "b", 0, model=model)
    run = circuit.tran(stop=2e-3, step=STEP)
    return run.time, run["v(a)"], run["v(b)"], -run["i(v1)"]


def turned(t, closed):
    """Return the times around each change of a position."""
    at = np.flatnonzero(np.diff(closed.astype(int)))
    return np.column_stack([t[at], t[at + 1]])


def instants(resistance):
    """When the source has the control at the thresholds, worked out by hand: up before closing, down while closed."""
    rise = np.arcsin(V_ON * (1 + resistance * G_OFF) / PEAK)
    fall = np.pi - np.arcsin(V_OFF * (1 + resistance * G_ON) / PEAK)
    return np.array([rise, fall, 2 * np.pi + rise, 2 * np.pi + fall]) / (2e3 * np.pi)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("resistance", [10.0, 60.0])
def test_snapback(known, backend, resistance):
    """Closing pulls the voltage from 1 V to 0.91 V or 0.63 V, between the thresholds, where it stays closed."""
    known(Snap, backend=backend)
    t, source, v, i = driven("test_snap", resistance)
    closed = i > 2e-3 * np.abs(source) * G_ON / 1e-2  # the conductances are three decades apart
    expected = instants(resistance)
    found = turned(t, closed & (source > 0) & (i > 1e-4))
    assert found.shape == (4, 2)
    # a switch turns within 1e-4 of the longest step, which is STEP, and the step's own error is none: all is resistive
    np.testing.assert_allclose(found.mean(axis=1), expected, atol=2e-4 * STEP)
    g = np.where(closed & (source > 0) & (i > 1e-4), G_ON, G_OFF)
    np.testing.assert_allclose(v, source / (1 + resistance * g), atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_controls_of_intermediate_values(known, backend):
    known(Both, backend=backend)
    t, _, _, i = driven("test_both", 10.0)
    found = turned(t, np.abs(i) > 1e-4)
    expected = np.concatenate([[rise, fall] for rise, fall in (instants(10.0)[:2] + k * 5e-4 for k in range(4))])
    np.testing.assert_allclose(found.mean(axis=1), expected, atol=2e-4 * STEP)


def test_operating_point_beyond_the_threshold(known):
    """The open state is no solution at 1.2 V, the closed one is: 1.2 V / (1 + R G_ON)."""
    known(Snap)
    circuit = cn.Circuit("op")
    circuit.V("1", "a", 0, dc=1.2)
    circuit.R("1", "a", "b", 60.0)
    circuit.N("1", "b", 0, model="test_snap")
    assert circuit.op()["v(b)"] == pytest.approx(1.2 / 1.6, rel=1e-9)  # linear: to rounding
    circuit = cn.Circuit("below")
    circuit.V("1", "a", 0, dc=0.9)
    circuit.R("1", "a", "b", 60.0)
    circuit.N("1", "b", 0, model="test_snap")
    assert circuit.op()["v(b)"] == pytest.approx(0.9 / (1 + 60.0 * G_OFF), rel=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
def test_limited_voltage_of_an_intermediate_value(known, backend):
    """Two junctions' worth of voltage at the current of one: v = 2 vt ln(i / is + 1)."""
    known(Limb, backend=backend)
    circuit = cn.Circuit("limb")
    circuit.I("1", 0, "a", dc=1e-3)
    circuit.N("1", "a", 0, model="test_limb")
    assert circuit.op()["v(a)"] == pytest.approx(0.05 * np.log(1e9 + 1.0), rel=1e-7)


@pytest.mark.parametrize(("ron", "roff", "reltol"), [(10.0, 1e9, 1e-4), (1.0, 1e9, 1e-6), (100.0, 1e6, 1e-6)])
def test_relaxation_oscillator(ron, roff, reltol):
    """A switch across a capacitance that is charged through R: it closes at 1 V and opens at 0.5 V."""
    r, c, supply = 10e3, 1e-9, 2.0
    run = (
        cn.parse(
            f"relaxation\n.options reltol={reltol!r}\nv1 s 0 {supply!r}\nr1 s a {r!r}\nc1 a 0 {c!r}\ns1 a 0 a 0 sw\n"
            f".model sw sw(vt=0.75 vh=0.25 ron={ron!r} roff={roff!r})\n.tran 100n 100u uic\n.end\n"
        )
        .run()
        .tran
    )
    late = run.time > 2e-5
    t, v = run.time[late], run["v(a)"][late]
    k = np.flatnonzero((v[:-1] > 0.75) & (v[1:] <= 0.75))
    at = t[k] + (v[k] - 0.75) * (t[k + 1] - t[k]) / (v[k] - v[k + 1])

    def time(switch, begin, end):
        target, tau = supply * switch / (switch + r), r * c * switch / (switch + r)
        return tau * np.log((begin - target) / (end - target))

    # the rules' own error, and the instants of switching: a part of 1e-4 of the longest step, 100 ns, twice in 4 us
    assert np.diff(at).mean() == pytest.approx(time(roff, 0.5, 1.0) + time(ron, 1.0, 0.5), rel=5e-4)
    assert len(at) > 15


@pytest.mark.parametrize("volts", [0.0, -1.0, 1.0])
def test_operating_point_at_a_bound(known, volts):
    """At 0 V the state comes to rest just at its lower bound, with a rate of nothing; at -1 V it is stopped there."""
    known(Rest)
    circuit = cn.Circuit("rest")
    circuit.V("1", "a", 0, dc=volts)
    circuit.N("1", "a", 0, model="test_rest")
    x = circuit.op()["@n1[x]"]
    # Newton's method halves what is left at the bound; its tolerance for a state is 1e-6 of its scale
    assert x == pytest.approx(max(0.1 * volts, 0.0), abs=2e-6) and x >= -2e-6


def test_chain_of_switches():
    """Each closes the next one without a delay: the first turns at v(s) = 1.2 V and 0.8 V, and the run goes on."""
    count = 20
    links = "".join(f"s{k} p n{k} {'s' if k == 0 else f'n{k - 1}'} 0 sw\nr{k} n{k} 0 1k\n" for k in range(count))
    deck = f"chain\nv1 s 0 sin(0 2 1k)\nvp p 0 2\n{links}.model sw sw(vt=1 vh=0.2 ron=1 roff=1g)\n"
    run = cn.parse(deck + ".tran 1u 1m 0 1u\n.end\n").run().tran
    expected = np.array([np.arcsin(0.6), np.pi - np.arcsin(0.4)]) / (2e3 * np.pi)
    # measured: the chain takes some 20 ns, short steps that turn one after the other
    found = turned(run.time, run[f"v(n{count - 1})"] > 1.0).mean(axis=1)
    np.testing.assert_allclose(found, expected, atol=5e-8)
