"""The system of equations as analyses see it: what it refuses, what it names, what stops it."""

import signal
import threading

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import ConvergenceError, DeviceError, TopologyError


def test_a_node_tied_by_ic_needs_no_path_to_ground():
    circuit = cn.Circuit("integrator")
    circuit.I("1", 0, "a", dc=1e-3)
    circuit.C("1", "a", 0, "1u")
    circuit.ic["a"] = 2.0
    tran = circuit.tran(stop=1e-3)
    # a constant current charges the capacitor linearly, which the trapezoidal rule follows exactly
    np.testing.assert_allclose(tran["v(a)"], 2.0 + 1e3 * tran.time, rtol=1e-9)
    with pytest.raises(TopologyError, match="no path for direct current"):
        circuit.op()


def test_a_failure_names_where_currents_do_not_balance_and_what_was_tried():
    """A current that jumps past the only balance: no solution exists, 1.5 mA are missing at best."""
    deck = ["jump", "v1 a 0 1", "r1 a b 1k", "b1 b 0 i=v(b)>0.5 ? 1m : -1m", ".op", ".end"]
    circuit = cn.parse("\n".join(deck)).circuit()
    with pytest.raises(
        ConvergenceError, match=r"no operating point.*out of balance: v\(b\) by 1\.\d+ mA \(b1"
    ) as caught:
        circuit.op()
    assert caught.value.names[:2] == ("v(b)", "b1")
    for method in ("newton", "line search", "gmin stepping", "source stepping", "pseudo-transient"):
        assert f"{method} (" in caught.value.message


def test_a_value_that_is_not_finite_is_laid_at_its_device():
    deck = ["root", "v1 a 0 -1", "r1 a b 1k", "b1 b 0 i=1e300*sqrt(v(b)-1)*1e300", ".op", ".end"]
    with pytest.raises(ConvergenceError, match=r"v\(b\) by what is not finite \(b1 what is not finite") as caught:
        cn.parse("\n".join(deck)).circuit().op()
    assert caught.value.names[:2] == ("v(b)", "b1")


def test_errors_of_device_parameters_name_the_element():
    circuit = cn.Circuit("pair")
    circuit.V("1", "a", 0, dc=1.0)
    circuit.N("1", "a", 0, model="vteam")
    circuit.N("2", "a", 0, model="vteam", w=5e-9)
    with pytest.raises(DeviceError, match="n2: the initial state 'w'") as caught:
        circuit.op()
    assert caught.value.names[0] == "n2"


@pytest.mark.parametrize("deck", ["v1 a 0 value=3\nr1 a 0 1", "v1 a 0 1\nl1 a b 1m\nl2 b 0 1m\nk1 l1 l2 0.5 mutual=2"])
def test_what_the_circuit_sets_cannot_be_given(deck):
    with pytest.raises(cn.CircuitnnError, match=r"value|mutual"):
        cn.parse(f"t\n{deck}\n.op\n.end").run()


def test_an_interrupt_stops_a_long_transient():
    """The loop runs in C; it must still look for signals when no progress is asked for."""
    circuit = cn.Circuit("long")
    circuit.V("1", "a", 0, dc=0.0, waveform=("sin", 0.0, 1.0, 1e6))
    circuit.R("1", "a", "b", 1e3)
    circuit.C("1", "b", 0, 1e-9)
    timer = threading.Timer(0.3, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        circuit.tran(stop=1e3, start=999.9, max_step=1e-8)  # 1e11 steps, most of them not recorded
    timer.join()


def test_resistor_and_nested_sweeps():
    circuit = cn.Circuit("divider")
    circuit.V("1", "a", 0, dc=1.0)
    circuit.R("1", "a", "b", 1e3)
    circuit.R("2", "b", 0, 1e3)
    alone = circuit.dc("r2", 1e3, 3e3, 1e3)
    assert alone.variables[0].name == "res-sweep" and alone.variables[0].unit == "ohm"
    np.testing.assert_allclose(alone["v(b)"], [1 / 2, 2 / 3, 3 / 4], rtol=1e-9)
    nested = circuit.dc("v1", 0, 2, 1, "r2", 1e3, 3e3, 1e3)
    assert nested.sweeps["r2"].tolist() == [1e3, 2e3, 3e3]
    np.testing.assert_allclose(nested.grid("v(b)"), np.outer([1 / 2, 2 / 3, 3 / 4], [0, 1, 2]), rtol=1e-9, atol=1e-15)
    both = circuit.dc("r1", 1e3, 2e3, 1e3, "temp", 0, 50, 50)
    np.testing.assert_allclose(both["v(b)"], [1 / 2, 1 / 3, 1 / 2, 1 / 3], rtol=1e-9)
    assert circuit.op()["v(b)"] == pytest.approx(0.5, rel=1e-9)  # a sweep leaves the circuit as it was


@pytest.mark.parametrize(("off", "low"), [("m1", "b"), ("m2", "a")])
def test_off_chooses_the_state_of_a_latch(off, low):
    """The other transistor finds its gate high while one is held, and keeps it so when that one is released."""
    c = cn.Circuit("latch")
    c.model("nm", "nmos", vto=1.0, kp=50e-6)
    c.V("cc", "c", 0, dc=5)
    for name, drain, gate in (("1", "a", "b"), ("2", "b", "a")):
        c.R(name, "c", drain, "10k")
        c.M(name, drain, gate, 0, 0, model="nm", w=10e-6, l=1e-6, off=float(off == f"m{name}"))
    op = c.op()
    high = {"a": "b", "b": "a"}[low]
    assert op[f"v({low})"] < 0.3 and op[f"v({high})"] > 4.9
