"""Subsystems with ports in the engine: what they remember, what they refuse, and where their errors go."""

from dataclasses import replace

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import CircuitError, ConvergenceError, CrossbarError
from circuitnn.mna.block import Output
from circuitnn.registry import catalog

G0, K = 1e-3, 40.0  # S, S per volt second


class Fluxer:
    """Between each port and ground i = v (G0 + K w), dw/dt = v: the state is the port's flux."""

    references = ()
    linear = False

    def __init__(self, ports):
        self.ports = ports
        self.links = [(k, k + 1) for k in range(ports - 1)]
        self.calls = 0
        self.advanced = {}
        self.trouble = None

    @classmethod
    def from_element(cls, element, model, circuit):
        return cls(len(element.nodes))

    def start(self):
        return np.full(self.ports, 0.01 / K * G0)

    def evaluate(self, v, state):
        self.calls += 1
        if self.trouble is not None:
            self.trouble(v)
        g = G0 + K * state
        return g * v, np.diag(g)

    def advance(self, v0, v1, h, state):
        assert h > 0.0
        after = state + 0.5 * h * (v0 + v1)
        self.advanced[v0.tobytes(), v1.tobytes()] = state, after
        return after

    def output(self, vector):
        if vector.kind != "@":
            raise CircuitError(f"{vector} is not there", expected="@NAME[w[k]]")
        return Output("state", vector.index[0], 1e-6)

    def observe(self, outputs, v, state):
        return state[[output.where for output in outputs]], np.zeros((len(outputs), self.ports))


class Cubic(Fluxer):
    """Between each port and ground i = G0 (v + v^3): no states."""

    def start(self):
        return np.zeros(0)

    def evaluate(self, v, state):
        super().evaluate(v, np.zeros(self.ports))
        return G0 * (v + v**3), np.diag(G0 * (1.0 + 3.0 * v**2))


@pytest.fixture(autouse=True, scope="module")
def kinds():
    blocks = catalog("blocks")
    for name, kind in (("fluxer", Fluxer), ("cubic", Cubic)):
        if name not in blocks:
            blocks.register(name, kind)


def around(circuit):
    """A pulse and a sine behind resistors, with a capacitor, at nodes a and b."""
    circuit.V("1", "s", 0, dc=0.3, ac=1.0, waveform=("pulse", 0.3, -0.4, "3u", "10n", "10n", "4u", "10u"))
    circuit.V("2", "t", 0, dc=0.2, waveform=("sin", 0.2, 0.5, "200k"))
    circuit.R("1", "s", "a", 500)
    circuit.R("2", "t", "b", 300)
    circuit.C("1", "a", 0, "1n")


def with_block(kind="fluxer"):
    circuit = cn.Circuit("block")
    around(circuit)
    circuit.model("m", kind)
    circuit.A("1", "a", "b", "m", g=1.0)
    if kind == "fluxer":
        circuit.probes = ["@a1[w[0]]", "@a1[w[1]]"]
    return circuit


def block_in(circuit):
    return circuit.block_of(circuit.elements["a1"])


def with_sources():
    """The same from behavioural sources: the flux is the voltage of 1 F fed with v amperes."""
    circuit = cn.Circuit("sources")
    around(circuit)
    for node in "ab":
        circuit.B(f"i{node}", node, 0, i=f"v({node})*({G0}+{K}*v(w{node}))")
        circuit.B(f"w{node}", 0, f"w{node}", i=f"v({node})*u(time)")
        circuit.C(f"w{node}", f"w{node}", 0, 1.0, ic=0.01 / K * G0)
    circuit.ic = {f"w{node}": 0.01 / K * G0 for node in "ab"}
    return circuit


@pytest.mark.parametrize("capacitance", ["1n", "5p"])
def test_states_follow_the_accepted_points_alone(capacitance):
    circuit = with_block()
    circuit.elements.pop("c1")
    circuit.C("1", "a", 0, capacitance)
    circuit.options = replace(circuit.options, trtol=1.0)
    circuit.system()
    block = block_in(circuit)
    tran = circuit.tran(stop=20e-6)
    # With 5 pF the first step after a corner is too long, which shows after it was accepted: it is taken back.
    assert tran.statistics["rejected_error"] > 0
    assert tran.statistics["accepted"] == len(tran) - 1
    state = block.start()
    points = np.column_stack([tran["v(a)"], tran["v(b)"]])
    for k in range(1, len(tran)):
        before, after = block.advanced[points[k - 1].tobytes(), points[k].tobytes()]
        np.testing.assert_array_equal(before, state)
        state = after
    assert len(block.advanced) > len(tran)
    # What is shown belongs to Newton's last iterate, within reltol of the solution.
    assert tran["@a1[w[0]]"][-1] == pytest.approx(state[0], rel=1e-4)


def test_same_as_behavioural_sources():
    ours = with_block().tran(stop=20e-6, max_step=50e-9)
    theirs = with_sources().tran(stop=20e-6, max_step=50e-9)
    for a, b in (("v(a)", "v(a)"), ("v(b)", "v(b)"), ("@a1[w[0]]", "v(wa)"), ("@a1[w[1]]", "v(wb)")):
        other = np.interp(ours.time, theirs.time, theirs[b])
        # Both within reltol of the truth, and linear interpolation between their points.
        np.testing.assert_allclose(ours[a], other, atol=3e-3 * np.max(np.abs(other)))


def test_a_second_run_begins_anew():
    circuit = with_block()
    first, second = circuit.tran(stop=20e-6), circuit.tran(stop=20e-6)
    np.testing.assert_array_equal(first.data, second.data)
    ac, op = circuit.ac(1e3, 1e6, 1), circuit.op()
    fresh = with_block()
    np.testing.assert_array_equal(ac.data, fresh.ac(1e3, 1e6, 1).data)
    assert op["@a1[w[0]]"] == pytest.approx(0.01 / K * G0, rel=1e-6, abs=0.0)


def test_uic_begins_at_the_given_voltages():
    circuit = with_block()
    circuit.ic = {"a": 0.1}
    runs = [circuit.tran(stop=5e-6, uic=True) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].data, runs[1].data)
    assert runs[0]["v(a)"][0] == 0.1
    assert runs[0]["@a1[w[0]]"][0] == pytest.approx(0.01 / K * G0, rel=1e-6, abs=0.0)


def test_at_rest_and_small_signals():
    circuit = with_block()
    g = G0 * 1.01
    op = circuit.op()
    assert op["v(a)"] == pytest.approx(0.3 / (1.0 + 500 * g), rel=1e-9)
    np.testing.assert_allclose(
        circuit.ac(1e3, 1e9, 2)["v(a)"],
        1.0 / (1.0 + 500 * (g + 2j * np.pi * circuit.ac(1e3, 1e9, 2).frequency * 1e-9)),
        rtol=1e-9,
    )
    sweep = circuit.dc("v1", -1.0, 1.0, 0.5)
    np.testing.assert_allclose(sweep["v(a)"], sweep.axis / (1.0 + 500 * g), rtol=1e-9, atol=1e-12)


def test_nonlinear_without_states():
    circuit = with_block("cubic")
    op = circuit.op()
    v = op["v(a)"]
    assert (0.3 - v) / 500 == pytest.approx(G0 * (v + v**3), rel=1e-9, abs=0.0)
    slope = G0 * (1.0 + 3.0 * v**2)
    assert abs(circuit.ac(1.0, 1.0, 1, "lin")["v(a)"][0]) == pytest.approx(1.0 / (1.0 + 500 * slope), rel=1e-6)
    assert len(circuit.tran(stop=20e-6)) > 50


def test_one_call_an_iteration():
    circuit = with_block("cubic")
    system, block = circuit.system(), block_in(circuit)
    block.calls = 0
    system.operating_point()
    assert block.calls == system.engine.report()["iterations"]


def test_arrays_in_parallel():
    one, two = with_block("cubic"), with_block("cubic")
    two.elements["a1"] = two.elements["a1"].with_params(m=2.0)
    v = two.op()["v(a)"]
    assert (0.3 - v) / 500 == pytest.approx(2.0 * G0 * (v + v**3), rel=1e-9, abs=0.0)
    assert v < one.op()["v(a)"]


def refuse(v):
    raise CrossbarError("cells that melt", expected="less heat", hint="add a heat sink")


def test_what_a_block_refuses_ends_the_analysis():
    circuit = with_block("cubic")
    block_in(circuit).trouble = refuse
    with pytest.raises(ConvergenceError, match="a1 could not be evaluated: cells that melt") as caught:
        circuit.op()
    assert "a1" in caught.value.names
    assert caught.value.hint == "add a heat sink"
    assert isinstance(caught.value.__cause__, CrossbarError)


def test_a_transient_keeps_what_was_computed():
    circuit = with_block()
    system = circuit.system()
    block = block_in(circuit)

    def later(v):
        if v[0] < -0.05:
            refuse(v)

    block.trouble = later
    with pytest.raises(ConvergenceError, match=r"the transient stopped at .* cells that melt") as caught:
        circuit.tran(stop=20e-6)
    assert len(caught.value.result) > 3
    block.trouble = None
    assert len(circuit.tran(stop=20e-6)) > 50
    assert system is circuit.system()


def test_iterates_that_are_refused_on_the_way_do_no_harm():
    circuit = with_block("cubic")

    def wild(v):
        if abs(v[0]) > 0.25:
            refuse(v)

    block_in(circuit).trouble = wild
    assert circuit.dc("v1", 0.3, 0.31, 0.01)["v(a)"][0] < 0.25


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ZeroDivisionError, MemoryError])
@pytest.mark.parametrize("analysis", ["op", "tran", "ac"])
def test_other_exceptions_come_through_as_they_are(kind, analysis):
    circuit = with_block("cubic")
    circuit.system()

    def fail(v):
        raise kind("inside")

    block_in(circuit).trouble = fail
    arguments = {"op": {}, "tran": {"stop": 1e-6}, "ac": {"start": 1.0, "stop": 10.0}}[analysis]
    with pytest.raises(kind, match="inside") as caught:
        getattr(circuit, analysis)(**arguments)
    assert "while evaluating a1" in caught.value.__notes__
    block_in(circuit).trouble = None
    assert "v(a)" in circuit.op()


def test_blocks_stand_beside_behavioural_sources():
    circuit = with_block("cubic")
    circuit.B("x", "x", 0, v="v(a)*2")
    circuit.R("x", "x", 0, 1.0)
    op = circuit.op()
    assert op["v(x)"] == pytest.approx(2.0 * op["v(a)"], rel=1e-9)
