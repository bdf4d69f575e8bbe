"""Other numbers in a circuit that exists, for good, for one run, and for many."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import CircuitError, CircuitnnError, UsageError


def divider():
    c = cn.Circuit("divider")
    c.V("1", "a", 0, dc=1.0, ac=1.0), c.R("1", "a", "b", "1k"), c.R("2", "b", 0, "1k")
    return c


def test_alter_keeps_the_pattern():
    c = divider()
    c.op()
    before = c.system().plan
    c.alter({"r1": "3k"}, v1=4.0)
    assert c.op()["v(b)"] == pytest.approx(1.0)
    assert c.system().plan is not before and c.system().plan.ap is before.ap
    assert c.op().statistics["factorisations"] == 0


def test_one_run_leaves_the_circuit_alone():
    c = divider()
    assert c.op(r2=3e3)["v(b)"] == pytest.approx(0.75)
    assert c.ac(1.0, 1.0, 1, "lin", R2="3k")["v(b)"][0] == pytest.approx(0.75)
    assert c.op()["v(b)"] == pytest.approx(0.5)


def test_models_parameters_and_temperature():
    c = cn.Circuit("diode")
    c.V("1", "a", 0, dc=1.0), c.R("1", "a", "b", "1k"), c.model("dm", "d", is_=1e-14), c.D("1", "b", 0, "dm")
    cold = float(c.op()["v(b)"])
    assert float(c.op(temp=75)["v(b)"]) < cold - 0.05
    c.alter({"dm(is)": 1e-12, "d1:area": 2.0})
    assert float(c.op()["v(b)"]) < cold - 0.1
    assert c.elements["d1"].params["area"] == 2.0


def test_conductances_of_an_array():
    c = cn.Circuit("dot product")
    c.model("xb", "crossbar", rword=0, rbit=0)
    c.V("1", "r<0>", 0, dc=0.1), c.V("2", "r<1>", 0, dc=0.2), c.V("s", "c", 0, dc=0.0)
    c.A("1", "r<0:1>", ["c"], "xb", g=[[1e-3], [2e-3]])
    assert c.op(a1=np.array([[2e-3], [4e-3]]))["i(vs)"] == pytest.approx(1e-3)
    assert c.op()["i(vs)"] == pytest.approx(5e-4)


def test_sweep():
    c = divider()
    results = c.sweep("op", {"r1": [1e3, 3e3]}, r2=["1k", "3k"])
    assert results.steps[1] == {"r1": 1e3, "r2": 3e3}
    assert [float(r["v(b)"]) for r in results.values()] == pytest.approx([0.5, 0.75, 0.25, 0.5])
    assert [r.statistics["factorisations"] for r in results.values()][1:] == [0, 0, 0]
    swept = c.sweep("dc", {"r2": [1e3]}, "v1", 0, 2, 1)
    assert swept["dc1"]["v(b)"][2] == pytest.approx(1.0)
    assert c.op()["v(b)"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"r9": 1.0}, "no element 'r9'"),
        ({"r1:nosuch": 1.0}, "nosuch"),
        ({"nm(vto)": 1.0}, "no model 'nm'"),
        ({"r1": float("nan")}, "finite"),
        ({"k1": 1.0}, "no element 'k1'"),
    ],
)
def test_mistakes(changes, words):
    c = divider()
    with pytest.raises(CircuitnnError) as caught:
        c.alter(changes)
    assert words in str(caught.value)
    assert c.op()["v(b)"] == pytest.approx(0.5)


def test_mistakes_of_sweeps():
    c = divider()
    with pytest.raises(UsageError, match="no or too many"):
        c.sweep("op")
    with pytest.raises(UsageError, match="takes a list"):
        c.sweep("op", r1=1e3)
    with pytest.raises(UsageError, match="no analysis 'opp'"):
        c.sweep("opp", r1=[1e3])
    with pytest.raises(CircuitError) as caught:
        c.sweep("op", {"r1": [1e3], "r9": [1e3]})
    assert not caught.value.result
