"""Crossbars of device cells against the same circuits written out flat and solved by the general engine."""

import pickle

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.circuit.options import SimOptions
from circuitnn.errors import ConvergenceError, CrossbarError

SHAPE = (5, 4)
R = {"r_word": 20.0, "r_bit": 30.0}
DIODE = cn.Model("sel", "d", {"is": 1e-9, "n": 2.0, "rs": 200.0})
FET = cn.Model("access", "nmos", {"level": 1.0, "vto": 0.5, "kp": 2e-4, "lambda": 0.02})
SIZE = {"w": 2e-6, "l": 1e-6}


@pytest.fixture(scope="module")
def sinh_device():
    """A memristor of sinh(a v), with a state that drifts without bounds in its rate."""
    from circuitnn.devices.symbolic import sinh

    class SinhCell(cn.Memristor):
        """i = g s sinh(a v) / a."""

        name = "sinhcell"
        model_types = ("sinhcell",)
        g = cn.Param(1e-5, "S", low=0.0, doc="conductance at zero volts")
        a = cn.Param(4.0, "1/V", low=0.0, exclusive=True, doc="curvature")
        speed = cn.Param(1e6, "1/(V s)", doc="drift of the state")
        s = cn.State(0.5, "1", low=0.01, high=1.0, doc="part that conducts")

        def current(self, v):
            """Return the current."""
            return self.g * self.s * sinh(self.a * v) / self.a

        def rates(self, v):
            """Return the drift."""
            return {"s": self.speed * v}

    return cn.register(SinhCell)


def flat(kind, w, v, gate=None, sources=None):
    """The same array as a circuit of resistors and devices; ``sources`` gives waveforms instead of dc."""
    m, n = w.shape
    c = cn.Circuit("flat", SimOptions(reltol=1e-6))
    c.model("hfo2x", "vteam", **HFO2)
    for name, model in (("sel", DIODE), ("access", FET)):
        c.model(name, model.type, **model.params)
    for i in range(m):
        if sources is None:
            c.V(f"in{i}", f"in{i}", 0, dc=float(v[i]))
        else:
            c.V(f"in{i}", f"in{i}", 0, waveform=("pwl", *sources[i]))
        if gate is not None:
            c.V(f"g{i}", f"g{i}", 0, dc=float(gate[i]))
        c.R(f"w{i}_0", f"in{i}", f"w{i}_0", R["r_word"])
        for j in range(1, n):
            c.R(f"w{i}_{j}", f"w{i}_{j - 1}", f"w{i}_{j}", R["r_word"])
    for j in range(n):
        for i in range(1, m):
            c.R(f"b{i}_{j}", f"b{i - 1}_{j}", f"b{i}_{j}", R["r_bit"])
        c.R(f"b{m}_{j}", f"b{m - 1}_{j}", f"o{j}", R["r_bit"])
        c.V(f"o{j}", f"o{j}", 0, dc=0.0)
        for i in range(m):
            word, bit, middle = f"w{i}_{j}", f"b{i}_{j}", f"x{i}_{j}"
            if kind == "1S1R":
                c.D(f"d{i}_{j}", word, middle, "sel")
                word = middle
            elif kind == "1T1R":
                c.M(f"t{i}_{j}", middle, f"g{i}", bit, bit, "access", **SIZE)
                bit = middle
            c.N(f"m{i}_{j}", word, bit, model="hfo2x", w=float(w[i, j]))
    return c


HFO2 = {"ron": 10e3, "roff": 1e6, "v_on": -0.6, "v_off": 0.6, "k_on": -1e-2, "k_off": 1e-2, "alpha_on": 3.0,
        "alpha_off": 3.0, "w_off": 3e-9, "w0": 1.5e-9, "iv": 1.0}  # fmt: skip


def cells(kind, w):
    more = {"1R": {}, "1S1R": {"selector": DIODE}, "1T1R": {"transistor": FET, "transistor_params": SIZE}}[kind]
    return cn.Cells("hfo2", w.shape, state={"w": w}, **more)


@pytest.mark.parametrize("largest", [0.2, 2.0])
@pytest.mark.parametrize("kind", ["1R", "1S1R", "1T1R"])
def test_operating_points_equal_the_general_engine(kind, largest):
    rng = np.random.default_rng(1)
    w, v = rng.uniform(0, 3e-9, SHAPE), rng.uniform(-largest if kind == "1R" else 0.0, largest, SHAPE[0])
    gate = rng.uniform(0.8, 3.0, SHAPE[0]) if kind == "1T1R" else None
    op = flat(kind, w, v, gate).op()
    expected = np.array([float(op[f"i(vo{j})"]) for j in range(SHAPE[1])])
    sol = cn.Crossbar(cells(kind, w), **R).solve(v, gate=0.0 if gate is None else gate)
    # the general engine stops at reltol 1e-6
    np.testing.assert_allclose(sol.currents, expected, rtol=2e-6, atol=1e-12)
    word = np.array([[float(op[f"v(w{i}_{j})"]) for j in range(SHAPE[1])] for i in range(SHAPE[0])])
    np.testing.assert_allclose(sol.v_word, word, atol=1e-6)
    np.testing.assert_allclose(sol.word_currents.sum(), sol.currents.sum(), rtol=1e-8)
    power = sol.power
    assert power.total == pytest.approx(power.cells + power.word + power.bit, rel=1e-8, abs=0.0)


@pytest.mark.parametrize("kind", ["1R", "1S1R", "1T1R"])
def test_write_pulses_equal_the_general_engine(kind):
    rng = np.random.default_rng(2)
    w = rng.uniform(0.5e-9, 2.5e-9, SHAPE)
    high = {"1R": 1.4, "1S1R": 2.6, "1T1R": 1.6}[kind]
    times = np.array([0.0, 2e-9, 60e-9, 62e-9, 80e-9])
    levels = np.zeros((5, SHAPE[0]))
    levels[1:3] = rng.uniform(0.5, 1.0, SHAPE[0]) * high
    gate = np.full(SHAPE[0], 2.5)
    xb = cn.Crossbar(cells(kind, w), **R)
    done = xb.tran(cn.Waveforms(times, levels, gate=gate), tolerance=1e-5)
    sources = [np.column_stack([times, levels[:, i]]).ravel().tolist() for i in range(SHAPE[0])]
    circuit = flat(kind, w, None, gate if kind == "1T1R" else None, sources)
    tran = circuit.tran(stop=80e-9, max_step=0.2e-9)
    moved = np.abs(xb.states["w"] - w).max()
    assert moved > 1e-10  # there is something to agree on
    for (i, j), state in np.ndenumerate(xb.states["w"]):
        assert state == pytest.approx(tran[f"@nm{i}_{j}[w]"][-1], abs=2e-3 * moved)
    currents = np.array([np.interp(done.time, tran.time, tran[f"i(vo{j})"]) for j in range(SHAPE[1])]).T
    np.testing.assert_allclose(done.currents, currents, atol=5e-3 * np.abs(currents).max())


@pytest.mark.parametrize("n", [4, 8, 32])
@pytest.mark.parametrize("r", [1e-3, 5.0])
def test_a_sneak_path_through_floating_lines(n, r):
    """All lines but one row and one column float: cycles of lines are slow there, and double precision is strained."""
    w = np.zeros((n, n))
    w[0], w[:, -1] = 3e-9, 3e-9
    source, sense = np.full(n, np.inf), np.full(n, np.inf)
    source[0] = sense[-1] = 0.0
    v = np.r_[1.5, np.zeros(n - 1)]
    xb = cn.Crossbar(cn.Cells("hfo2", (n, n), state={"w": w}), r, r, r_source=source, r_sense=sense)
    sol = xb.solve(v)
    # the cells are linear in their voltage: a linear array, solved directly or by conjugate gradients, must agree
    linear = cn.Crossbar(xb.linearised(v).G, r, r, r_source=source, r_sense=sense).solve(v)
    np.testing.assert_allclose(sol.currents[-1], linear.currents[-1], rtol=1e-10)
    assert sol.info.cycles < 20


def test_states_stop_at_their_bounds_and_stay():
    xb = cn.Crossbar(cn.Cells("hfo2", (3, 3), state={"w": 1e-9}), **R)
    done = xb.tran(cn.Waveforms([0, 1e-9, 2e-6, 2.001e-6], [[0] * 3, [-2] * 3, [-2] * 3, [0] * 3]), save_states=True)
    assert np.abs(xb.states["w"]).max() < 1e-4 * 3e-9  # the layer in which the rate fades
    assert done.states["w"].min() > -2e-6 * 3e-9
    assert done.energy > 0.0 and done.states["w"].shape == (len(done.time), 3, 3)
    read = xb.solve([0.1] * 3).currents
    np.testing.assert_allclose(read, xb.linearised().solve([0.1] * 3).currents, rtol=1e-6)


@pytest.mark.parametrize(("a", "top"), [(2.0, 0.5), (5.0, 1.0), (10.0, 1.0), (20.0, 1.0)])
@pytest.mark.parametrize("r", [1.0, 20.0])
def test_steep_cells_converge_and_obey_their_law(sinh_device, a, top, r):
    rng = np.random.default_rng(0)
    G = 10 ** rng.uniform(-6, -4, (40, 30))
    xb = cn.Crossbar(cn.Cells(sinh_device, (40, 30), params={"g": G, "a": a}, state={"s": 1.0}), r, r)
    v = rng.uniform(0, top, 40)
    sol = xb.solve(v)
    np.testing.assert_allclose(sol.cell_currents, G * np.sinh(a * (sol.v_word - sol.v_bit)) / a, rtol=1e-9, atol=1e-20)
    # Kirchhoff's law at every inner node, in volts over r: rounding of 1 V over r
    word, bit = sol.v_word, sol.v_bit
    inner = (2 * word[:, 1:-1] - word[:, :-2] - word[:, 2:]) / r + sol.cell_currents[:, 1:-1]
    assert np.abs(inner).max() < 1e-6 * np.abs(sol.cell_currents).max() + 1e-14 / r
    inner = (2 * bit[1:-1] - bit[:-2] - bit[2:]) / r - sol.cell_currents[1:-1]
    assert np.abs(inner).max() < 1e-6 * np.abs(sol.cell_currents).max() + 1e-14 / r
    assert sol.info.cycles < 40


def test_the_number_of_threads_changes_nothing(monkeypatch):
    w = np.random.default_rng(0).uniform(0, 3e-9, (120, 100))
    answers = []
    for threads in (1, 3):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, n=threads: range(n))
        answers.append(cn.Crossbar(cells("1S1R", w), **R).solve(np.ones(120)).currents)
    assert np.array_equal(*answers)


def test_ports_give_currents_their_slopes_and_states_in_time():
    rng = np.random.default_rng(3)
    w, v = rng.uniform(0, 3e-9, SHAPE), rng.uniform(0, 2, 9)
    xb = cn.Crossbar(cells("1S1R", w), **R)
    current, slope = xb.ports(v, w.ravel())
    assert current.sum() == pytest.approx(0.0, abs=1e-15)
    for k in range(9):
        step = np.eye(9)[k] * 1e-5
        difference = (xb.ports(v + step, w.ravel())[0] - xb.ports(v - step, w.ravel())[0]) / 2e-5
        np.testing.assert_allclose(slope[:, k], difference, rtol=1e-4, atol=1e-5 * np.abs(slope).max())
    later = xb.advance(np.zeros(9), v, 50e-9, w.ravel())
    other = cn.Crossbar(cells("1S1R", w), **R)
    other.tran(cn.Waveforms([0, 50e-9], [np.zeros(5), v[:5]], [np.zeros(4), v[5:]]), tolerance=1e-6)
    np.testing.assert_allclose(later, other.states["w"].ravel(), atol=1e-3 * np.abs(later - w.ravel()).max())


def test_states_travel_and_are_kept_apart():
    xb = cn.Crossbar(cells("1R", np.full(SHAPE, 1e-9)), **R)
    xb.set_states(w=2e-9)
    again = pickle.loads(pickle.dumps(xb))
    assert (again.states["w"] == 2e-9).all() and (xb.rewired(r_sense=5.0).states["w"] == 2e-9).all()
    again.set_states(w=1e-9)
    assert (xb.states["w"] == 2e-9).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"device": "hfo3"}, "hfo3"),
        ({"device": 3}, "the device is 3"),
        ({"device": int}, "the device is <class 'int'>"),
        ({"shape": (0, 3)}, "cells of shape"),
        ({"state": {"x": 1.0}}, "no state 'x'"),
        ({"state": {"w": 1.0}}, "out of its bounds"),
        ({"params": {"rom": 1.0}}, "no parameter 'rom'"),
        ({"params": {"ron": -1.0}}, "ron"),
        ({"params": {"ron": np.ones(3)}}, "ron of shape"),
        ({"selector": DIODE, "transistor": FET}, "a selector and a transistor"),
        ({"selector": FET}, "selector"),
        ({"temp": -300.0}, "temp is"),
    ],
)
def test_what_cells_cannot_be_is_named(arguments, message):
    with pytest.raises(CrossbarError, match=message):
        cn.Cells(**({"device": "hfo2", "shape": SHAPE} | arguments))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda xb: xb.transfer_matrix(), "cells are devices"),
        (lambda xb: xb.G, "cells are devices"),
        (lambda xb: xb.set_states(w=1.0), "state 'w' of cell"),
        (lambda xb: xb.set_states(z=1.0), "no state 'z'"),
        (lambda xb: xb.tran(cn.Waveforms([0, 0], [[0] * 5] * 2)), "do not rise"),
        (lambda xb: xb.tran(cn.Waveforms([0, 1], [[0] * 4] * 2)), "v of shape"),
        (lambda xb: xb.tran(cn.Waveforms([0, 1], [0] * 5), max_step=0.0), "max_step"),
        (lambda xb: xb.rewired(r_foo=1.0), "no end 'r_foo'"),
        (lambda _: cn.Crossbar(cn.Cells("hfo2", SHAPE), r_word=0.0), "ideal word lines"),
        (lambda _: cn.Crossbar([[1e-3]]).states, "conductances"),
        (lambda _: cn.Crossbar([[1e-3]]).tran(cn.Waveforms([0, 1], [0])), "conductances"),
    ],
)
def test_misuse_is_named(call, message):
    with pytest.raises(CrossbarError, match=message):
        call(cn.Crossbar(cells("1R", np.full(SHAPE, 1e-9)), **R))


def test_a_transient_that_fails_keeps_what_it_has(monkeypatch):
    xb = cn.Crossbar(cells("1R", np.full(SHAPE, 1e-9)), **R)
    from circuitnn.crossbar import nonlinear

    class Failing(nonlinear.CellArray):
        def step(self, h, tolerance):
            return super().step(h, tolerance) if self.time < 3e-9 else (False, h / 10)

    monkeypatch.setattr(nonlinear, "CellArray", Failing)
    xb = cn.Crossbar(cells("1R", np.full(SHAPE, 1e-9)), **R)
    with pytest.raises(ConvergenceError, match="time step of the crossbar fell") as error:
        xb.tran(cn.Waveforms([0, 1e-9, 20e-9], [[0] * 5, [-1] * 5, [-1] * 5]))
    assert error.value.result.time[-1] >= 3e-9
