"""Circuits built by hand: names, values, models, what is refused, and how analyses are run."""

import dataclasses

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.circuit.options import SimOptions
from circuitnn.errors import (
    AnalysisError,
    CircuitError,
    DeviceError,
    FileError,
    NetlistError,
    UsageError,
)
from circuitnn.netlist.flat import AnalysisCard, Element, Place, Waveform
from circuitnn.registry import catalog


@pytest.fixture
def circuit():
    c = cn.Circuit("t")
    c.V("in", "a", 0, dc=1.0)
    c.R("1", "a", "b", "1k")
    c.R("2", "b", 0, "3k")
    return c


# ---------------------------------------------------------------------- building
def test_names_get_their_letter_and_nodes_are_lower_case(circuit):
    circuit.R("Load", "OUT", "GND", "4.7k", tc1="1m")
    assert circuit.elements["rload"] == Element("rload", ("out", "0"), {"resistance": 4700.0, "tc1": 1e-3})
    circuit.C(3, 1, 0, "10p")
    assert circuit.elements["c3"].nodes == ("1", "0")


def test_every_letter_builds_its_element():
    c = cn.Circuit("all")
    c.V("1", "a", 0, dc="1k", ac=2, phase=90, waveform=("PULSE", 0, "5", "1n"))
    c.I("1", "a", 0, dc=1e-3)
    c.L("1", "a", "b", "1u", ic=1e-3)
    c.L("2", "b", 0, "1u")
    c.K("1", "L1", "l2", 0.9)
    c.E("1", "c", 0, "a", "b", 2)
    c.G("1", "c", 0, "a", "b", "1m")
    c.F("1", "c", 0, "V1", 3)
    c.H("1", "d", 0, "v1", 4)
    c.B("1", "e", 0, v="2*V(A)")
    c.B("2", "e", 0, i="v(a,GND)")
    c.D("1", "a", 0, "DX", area=2)
    c.S("1", "a", 0, "b", 0, "sx", on=1)
    c.W("1", "a", 0, "v1", "wx")
    c.M("1", "d", "g", "s", "b", "mn", w="1u", as_=1e-12)
    c.N("m1", "b", 0, model="hfo2", w0=1e-9)
    assert list(c.elements) == "v1 i1 l1 l2 k1 e1 g1 f1 h1 b1 b2 d1 s1 w1 m1 nm1".split()  # noqa: SIM905
    assert c.elements["v1"].waveform == Waveform("pulse", (0.0, 5.0, 1e-9))
    assert c.elements["v1"].params == {"dc": 1000.0, "acmag": 2.0, "acphase": 90.0}
    assert c.elements["k1"].controls == ("l1", "l2")
    assert (c.elements["f1"].controls, c.elements["w1"].controls) == (("v1",), ("v1",))
    assert c.elements["e1"].nodes == ("c", "0", "a", "b")
    assert c.elements["b1"].kind == "v" and c.elements["b2"].kind == "i"
    assert c.elements["b2"].expression.names == ("a", "0")
    assert c.elements["d1"].model == "dx"
    assert c.elements["m1"].params["as"] == 1e-12


@pytest.mark.parametrize("value", [np.float64(50.0), np.float32(50.0), np.int64(50), 50, "50", "0.05k"])
def test_values_of_all_kinds_of_number(value):
    c = cn.Circuit("t")
    c.R("1", "a", 0, value)
    assert c.elements["r1"].params == {"resistance": 50.0}
    assert type(c.elements["r1"].params["resistance"]) is float


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1x0k", "", [5], 1j, {}])
def test_what_is_no_value_is_refused_with_the_element(circuit, value):
    with pytest.raises(UsageError, match=r"r9: resistance = .* is not a finite value"):
        circuit.R("9", "a", "b", value)
    assert "r9" not in circuit.elements


@pytest.mark.parametrize("node", [None, 1.0, "", "a b", "a)", "v=1", True, ("a",)])
def test_what_is_no_node_is_refused(circuit, node):
    with pytest.raises(CircuitError, match=r"r9: .* cannot name a node"):
        circuit.R("9", "a", node, 1)


@pytest.mark.parametrize("name", ["", "a b", None, "x1.r", "a\n.op"])
def test_what_is_no_name_is_refused(circuit, name):
    with pytest.raises(UsageError, match="cannot name an element"):
        circuit.R(name, "a", "b", 1)


def test_titles_are_one_line():
    with pytest.raises(UsageError, match="title"):
        cn.Circuit("a\nr1 1 0 1")


@pytest.mark.parametrize("waveform", [(), ("pulse",), ("pulze", 0, 1), "pulse", 5])
def test_what_is_no_waveform_is_refused(circuit, waveform):
    with pytest.raises(UsageError, match=r"v9: .* is not a waveform"):
        circuit.V("9", "c", 0, waveform=waveform)


def test_a_waveform_of_no_numbers_names_the_source(circuit):
    with pytest.raises(UsageError, match="v9: sin = 'fast' is not a finite value"):
        circuit.V("9", "c", 0, waveform=("sin", 0, 1, "fast"))


def test_behavioural_source_needs_one_expression(circuit):
    for given in ({}, {"v": "1", "i": "1"}):
        with pytest.raises(UsageError, match="b1 needs either v or i"):
            circuit.B("1", "c", 0, **given)
    with pytest.raises(NetlistError):
        circuit.B("1", "c", 0, v="2*(")


def test_a_name_is_taken_once(circuit):
    with pytest.raises(CircuitError, match="two elements are called 'r1'"):
        circuit.R("1", "x", "y", 1)
    circuit.model("dx", "d")
    with pytest.raises(CircuitError, match="two models are called 'dx'"):
        circuit.model("DX", "d")


def test_a_name_that_is_taken_in_a_deck_says_where():
    with pytest.raises((CircuitError, NetlistError)) as caught:
        cn.parse("t\nr1 a 0 1\nr1 a 0 2\n.op\n", "deck.cir").circuit()
    assert "deck.cir:3:1" in str(caught.value) and "deck.cir:2:1" in str(caught.value)


def test_a_copy_is_independent(circuit):
    circuit.ic["b"] = 1.0
    other = circuit.copy()
    other.R("3", "b", 0, 1)
    other.ic["b"] = 2.0
    assert "r3" not in circuit.elements and circuit.ic == {"b": 1.0}
    assert circuit.op()["v(b)"] == pytest.approx(0.75)  # of 1 V over 1k and 3k


# ---------------------------------------------------------------------- devices
@pytest.mark.parametrize(("letter", "name"), [("r", "resistor"), ("c", "capacitor"), ("v", "vsource"), ("e", "vcvs")])
def test_device_by_letter(letter, name):
    c = cn.Circuit("t")
    element = Element(
        f"{letter}1", ("a", "b", "c", "d")[: 4 if letter == "e" else 2], {"gain": 1.0} if letter == "e" else {}
    )
    assert c.device_of(element)[0] is catalog("devices").get(name)


def test_device_by_model_type_and_level(circuit):
    circuit.model("mp", "pmos", level=1, vto=-1)
    device, values = circuit.device_of(Element("m1", ("a", "b", "0", "0"), {"w": 1e-6}, "mp"))
    assert device.name == "mos1"
    assert values["polarity"] == -1.0 and values["vto"] == -1.0 and values["w"] == 1e-6


def test_an_alias_of_a_card_is_not_the_element_s_own_parameter(circuit):
    # m is the grading coefficient on a diode's card and the number in parallel on the element
    circuit.model("dx", "d", m=0.3, is_=1e-15)
    _, values = circuit.device_of(Element("d1", ("a", "0"), {"m": 4.0}, "dx"))
    assert (values["mj"], values["m"], values["is"]) == (0.3, 4.0, 1e-15)


def test_what_device_of_returns_belongs_to_the_caller(circuit):
    circuit.model("dx", "d", n=2)
    element = Element("d1", ("a", "0"), {}, "dx")
    circuit.device_of(element)[1]["n"] = 5.0
    assert circuit.device_of(element)[1]["n"] == 2.0
    circuit.models["dx"] = dataclasses.replace(circuit.models["dx"], params={"n": 3.0})
    assert circuit.device_of(element)[1]["n"] == 3.0


def test_models_without_a_card(circuit):
    ready = circuit.device_of(Element("n1", ("a", "0"), {}, "hfo2"))
    assert ready[0].name == "vteam" and ready[1]["ron"] == 10e3
    assert circuit.device_of(Element("n1", ("a", "0"), {}, "linear_drift"))[0].name == "linear_drift"
    circuit.model("hfo2", "linear_drift")  # the deck's own card goes before the ready-made one
    assert circuit.device_of(Element("n1", ("a", "0"), {}, "hfo2"))[0].name == "linear_drift"


PLACE = Place("d.cir", 7, 1, "x1 a b")


@pytest.mark.parametrize(
    ("element", "kind", "words"),
    [
        (Element("n1", ("a", "0"), {}, "hfo"), CircuitError, ["n1", "'hfo'", "did you mean 'hfo2'?"]),
        (Element("d1", ("a", "0"), {}, "dxx"), CircuitError, ["d1", "'dxx'", ".model dxx", "did you mean 'dx'?"]),
        (Element("n1", ("a", "0"), {}, "resistor"), CircuitError, ["n1", "'resistor'", "not defined"]),
        (Element("d1", ("a", "0")), CircuitError, ["d1 names no model"]),
        (Element("m1", ("a", "a", "0", "0"), {}, "m73"), CircuitError, ["m1", "level 73", "expected: level 1"]),
        (Element("m1", ("a", "a", "0", "0"), {}, "dx"), CircuitError, ["m1", "'dx'", "nmos, pmos"]),
        (Element("r1", ("a", "0", "b"), {"resistance": 1.0}), CircuitError, ["r1 has 3 nodes", "2: p n"]),
        (Element("r1", ("a", "0"), {"resistence": 1.0}), CircuitError, ["r1", "no parameter", "'resistance'"]),
        (Element("r1", ("a", "0"), {"zzz": 1.0}), CircuitError, ["'zzz'", "circuitnn devices resistor"]),
        (Element("r1", ("a", "0"), {"resistance": 1.0, "m": 0.0}), DeviceError, ["r1", "'m'", "is 0", "above 0"]),
        (Element("r1", ("a", "0"), {"resistance": float("nan")}), DeviceError, ["r1", "'resistance'", "nan"]),
        (Element("d1", ("a", "0"), {"n": 2.0}, "dx"), CircuitError, ["d1", "'n'", "in the model card"]),
        (Element("d1", ("a", "0"), {}, "dneg"), DeviceError, ["d1", "dneg", "'n'", "is -1", "above 0"]),
        (Element("k1", (), {"coupling": 1.5}), DeviceError, ["k1", "1.5", "at most 1"]),
        (Element("g1", ("a", "0", "a", "0")), DeviceError, ["g1 has no gain"]),
    ],
)
def test_device_of_refuses(circuit, element, kind, words):
    circuit.model("dx", "d")
    circuit.model("m73", "nmos", level=73)
    circuit.model("doff", "d", off=1)
    circuit.model("dneg", "d", n=-1)
    with pytest.raises(kind) as caught:
        circuit.device_of(dataclasses.replace(element, place=PLACE))
    assert str(caught.value).startswith("d.cir:7:1: ")
    for word in words:
        assert word in str(caught.value)
    assert element.name in caught.value.names


# ---------------------------------------------------------------------- running
def test_every_analysis_is_a_method(circuit):
    for name in catalog("analyses").names():
        assert callable(getattr(circuit, name)) and name in dir(circuit)
    assert circuit.op()["v(b)"] == pytest.approx(0.75)  # of 1 V over 1k and 3k
    with pytest.raises(AttributeError, match="trann"):
        circuit.trann()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({}, "stop"), ({"stop": 1.0, "stp": 1.0}, "did you mean 'stop'"), ({"stop": 1.0, "uics": True}, "'uic'")],
)
def test_wrong_arguments_of_an_analysis(circuit, arguments, words):
    with pytest.raises(UsageError) as caught:
        circuit.tran(**arguments)
    assert "circuit.tran" in str(caught.value) and words in str(caught.value)


def test_the_system_is_kept_until_the_circuit_changes(circuit):
    first = circuit.system()
    assert circuit.system() is first
    circuit.R("3", "b", 0, "3k")
    second = circuit.system()
    assert second is not first
    circuit.elements["r3"] = circuit.elements["r3"].with_params(resistance=1.0)
    third = circuit.system()
    assert third is not second
    circuit.options = SimOptions(temp=50)
    assert circuit.system() is not third
    assert circuit.system() is circuit.system()


def test_cards_run_in_order(circuit):
    cards = [
        AnalysisCard("op"),
        AnalysisCard("dc", ("vin", 0.0, 1.0, 0.5)),
        AnalysisCard("tran", (1e-6, 1e-5)),
        AnalysisCard("op"),
    ]
    results = circuit.run_cards(cards)
    assert list(results) == ["op1", "dc1", "tran1", "op2"]


def test_a_malformed_card_stops_before_anything_runs(circuit):
    with pytest.raises(NetlistError) as caught:
        circuit.run_cards([AnalysisCard("op"), AnalysisCard("tran", ("soon",))])
    assert not hasattr(caught.value, "result")


def test_a_failed_card_carries_the_results_so_far(circuit):
    circuit.V("r", "in", 0, waveform=("pwl", 0, 0, 1e-3, 1))
    circuit.R("9", "y", 0, 1)
    # v + vin (1 + v^2) = 0 has no real solution for vin > 0.5 V, which the ramp reaches at half time
    circuit.B("1", "y", 0, i="v(in)*(1+v(y)*v(y))")
    with pytest.raises(AnalysisError) as caught:
        circuit.run_cards([AnalysisCard("op"), AnalysisCard("tran", (1e-5, 1e-3)), AnalysisCard("op")])
    assert list(caught.value.result) == ["op1", "tran1"]
    assert 0.4e-3 < caught.value.result.tran.time[-1] < 0.501e-3


def test_any_error_carries_the_results_so_far(circuit):
    with pytest.raises(CircuitError, match="vx") as caught:
        circuit.run_cards([AnalysisCard("op"), AnalysisCard("dc", ("vx", 0.0, 1.0, 0.5))])
    assert list(caught.value.result) == ["op1"]


# ---------------------------------------------------------------------- text
def test_netlist_round_trip(circuit):
    circuit.options = SimOptions(reltol=1e-5, temp=85, method="gear")
    circuit.model("dx", "d", is_=1e-15)
    circuit.D("1", "b", 0, "dx")
    circuit.B("1", "c", 0, v="2*v(a)")
    circuit.R("c", "c", 0, 1)
    circuit.ic["b"], circuit.nodeset["b"] = 0.25, 0.5
    circuit.save.append("v(b)")
    again = cn.parse(circuit.to_netlist()).circuit()
    assert again.options == circuit.options
    assert (again.ic, again.nodeset, again.save) == (circuit.ic, circuit.nodeset, circuit.save)
    assert again.models["dx"].params == circuit.models["dx"].params
    without_place = {n: dataclasses.replace(e, place=None) for n, e in again.elements.items()}
    # a source's zero ac magnitude may be left out or written
    for name, element in circuit.elements.items():
        assert without_place[name].nodes == element.nodes
        assert without_place[name].expression == element.expression
        given = {k: v for k, v in element.params.items() if v}
        assert {k: v for k, v in without_place[name].params.items() if v} == given


def test_netlist_to_a_file(circuit, tmp_path):
    text = circuit.to_netlist(tmp_path / "a.cir")
    assert (tmp_path / "a.cir").read_text() == text
    with pytest.raises(FileError, match="nowhere"):
        circuit.to_netlist(tmp_path / "nowhere" / "a.cir")


# ---------------------------------------------------------------------- options
def test_options_of_a_deck():
    given = {"reltol": 1e-4, "itl1": 200.0, "method": "Trapezoidal", "maxord": 2.0, "acct": 1.0, "pivtol": 1e-13}
    options, warnings = SimOptions.from_netlist(given)
    assert (options, warnings) == (SimOptions(reltol=1e-4, itl1=200), [])
    assert options.changed() == {"reltol": 1e-4, "itl1": 200}
    assert type(options.itl1) is int


def test_options_that_are_unknown_warn():
    options, warnings = SimOptions.from_netlist({"retol": 1e-4, "xyzzy": 1.0})
    assert options == SimOptions()
    assert warnings == [
        "unknown option 'retol' is ignored; did you mean 'reltol'?",
        "unknown option 'xyzzy' is ignored",
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"reltol": 0.0}, {"reltol": 1.0}, {"reltol": "tight"}, {"abstol": -1.0}, {"vntol": float("nan")},
        {"gmin": float("inf")}, {"gmin": -1e-12}, {"temp": -274.0}, {"tnom": float("inf")}, {"itl1": 0.0},
        {"itl4": 2.5}, {"method": "euler"}, {"maxord": "two"}, {"maxord": 7.0},
    ],
)  # fmt: skip
def test_options_that_are_wrong(given):
    name = next(iter(given))
    with pytest.raises(UsageError, match=f"option {name} = ") as caught:
        SimOptions.from_netlist(given)
    assert caught.value.names == (name,) and caught.value.expected


def test_warnings_of_a_deck_reach_its_circuit():
    c = cn.parse("t\nv1 a 0 1\nr1 a 0 1\n.options retol=1e-4\n.op\n").circuit()
    assert any("'retol'" in text for text in c.warnings)
    assert any("'retol'" in text for text in c.run_cards([AnalysisCard("op")]).warnings)


def test_an_external_source_takes_arrays():
    times = np.linspace(0, 1e-6, 11)
    c = cn.Circuit("external")
    c.V("1", "a", 0, waveform=("external", times, np.sin(1e6 * times)))
    c.R("1", "a", 0, 50)
    run = c.tran(stop=1e-6)
    np.testing.assert_allclose(run["v(a)"], np.interp(run["time"], times, np.sin(1e6 * times)), atol=1e-12)
    for wrong in (("external", [0, 1]), ("external", [0, 1], [1]), ("external", [1, 0], [1, 2])):
        with pytest.raises(UsageError, match="v2: external takes"):
            c.V("2", "b", 0, waveform=wrong)


# ---------------------------------------------------------------------- what a deck can say
def by_hand_and_from_text(build, text, vectors):
    """Return the operating points of a circuit built by hand and of a deck; they must be the same circuit."""
    c = cn.Circuit("t")
    c.V("1", "a", 0, dc=2.0)
    c.V("2", "b", 0, dc=3.0)
    build(c)
    op = cn.parse(f"t\nv1 a 0 2\nv2 b 0 3\n{text}\n.op\n").run().op
    mine = c.op()
    assert [float(mine[v]) for v in vectors] == pytest.approx([float(op[v]) for v in vectors], rel=1e-9, abs=1e-15)
    return c


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda c: c.E("1", "x", 0, "a", "b", 2), "e1 x 0 a b 2"),
        (lambda c: c.E("1", "x", 0, value="v(a)*v(b)+1"), "e1 x 0 value={v(a)*v(b)+1}"),
        (lambda c: c.E("1", "x", 0, poly=([("a", 0), ("b", 0)], [1, 2, 3, 4])), "e1 x 0 poly(2) a 0 b 0 1 2 3 4"),
        (lambda c: c.E("1", "x", 0, poly=([("a", 0)], [5])), "e1 x 0 poly(1) a 0 5"),
        (lambda c: c.E("1", "x", "gnd", table=("v(a,b)", [(-2, 1), (0, 5)])), "e1 x 0 table {v(a,b)} = (-2,1) (0,5)"),
        (lambda c: c.G("1", 0, "x", value="v(a)*1m", m=3), "g1 0 x value={v(a)*1m} m=3"),
        (lambda c: c.G("1", 0, "x", "a", 0, "1m", m=2), "g1 0 x a 0 1m m=2"),
        (lambda c: c.F("1", 0, "x", poly=(["v1", "v2"], [1e-3, 2, 3])), "f1 0 x poly(2) v1 v2 1m 2 3"),
        (lambda c: c.H("1", "x", 0, poly=(["v1"], [1, 2, 300])), "h1 x 0 poly(1) v1 1 2 300"),
        (lambda c: c.B("1", 0, "x", i="1m*v(a)", m=2, tc1=1e-3), "b1 0 x i={1m*v(a)} m=2 tc1=1m"),
    ],
)
def test_sources_by_hand_are_those_of_a_deck(build, text):
    def whole(c):
        c.R("1", "a", 0, 1e3), c.R("2", "b", 0, 2e3), c.R("x", "x", 0, 500)
        build(c)

    by_hand_and_from_text(whole, f"r1 a 0 1k\nr2 b 0 2k\nrx x 0 500\n{text}", ["v(x)", "i(v1)"])


def test_couplings_of_three_coils():
    def build(c):
        for k in (1, 2, 3):
            c.L(k, k, 0, 1e-3), c.R(k, "a", k, 10)
        c.K("1", "l1", "L2", "l3", coupling=0.5)

    text = "l1 1 0 1m\nl2 2 0 1m\nl3 3 0 1m\nr1 a 1 10\nr2 a 2 10\nr3 a 3 10\nk1 l1 l2 l3 0.5"
    c = by_hand_and_from_text(build, text, ["i(l1)"])
    assert [e.controls for n, e in c.elements.items() if n[0] == "k"] == [("l1", "l2"), ("l1", "l3"), ("l2", "l3")]


def test_initial_voltages_in_one():
    c = cn.Circuit("t")
    c.M("1", "d", "g", "s", 0, "mn", ic=(1, 2, 0))
    c.T("1", "a", 0, "b", 0, 50, "1n", ic=[1])
    assert c.elements["m1"].params == {"ic_vds": 1.0, "ic_vgs": 2.0, "ic_vbs": 0.0}
    assert c.elements["t1"].params == {"z0": 50.0, "td": 1e-9, "ic_v1": 1.0}
    with pytest.raises(UsageError, match="ic has 3 values"):
        c.Q("1", "c", "b", "e", "qm", ic=(1, 2, 3))


def test_a_waveform_from_a_file(tmp_path):
    (tmp_path / "points.txt").write_text("0 0\n1m 2\n")
    c = cn.Circuit("t")
    c.V("1", "a", 0, waveform=("pwl", tmp_path / "points.txt"))
    assert c.elements["v1"].waveform == Waveform("pwl", (0.0, 0.0, 1e-3, 2.0))
    with pytest.raises(FileError, match="cannot read"):
        c.V("2", "a", 0, waveform=("pwl", "nosuch.txt"))


def test_options_by_name(circuit):
    circuit.set_options(reltol="1m", temp=50, method="gear", acct=1)
    assert circuit.options == SimOptions(reltol=1e-3, temp=50.0, method="gear")
    with pytest.raises(UsageError, match="no option 'reltool'") as caught:
        circuit.set_options(reltool=1e-3)
    assert caught.value.hint == "did you mean 'reltol'?"


def test_text_joins_what_was_built_by_hand(circuit):
    circuit.model("dm", "d", is_=1e-14)
    circuit.add_text(".param r=2k\n.func twice(x) {2*x}\n.subckt load a r=1k\nr1 a 0 {twice(r)}\n.ends\n.ic v(b)=0.5")
    circuit.add_text("r3 b 0 {r}\nd1 b 0 dm\nx1 b load\n.nodeset v(b)=0.4\n.options temp=30")
    circuit.X("2", "b", subckt="load", r="3k")
    values = {name: circuit.elements[name].params for name in ("r3", "x1.r1", "x2.r1")}
    assert [v["resistance"] for v in values.values()] == [2e3, 2e3, 6e3]
    assert (circuit.ic, circuit.nodeset, circuit.options.temp) == ({"b": 0.5}, {"b": 0.4}, 30.0)
    assert circuit.copy().op()["v(b)"] == pytest.approx(float(circuit.op()["v(b)"]))


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda c: c.add_text("r9 a 0 1*0"), NetlistError, "'1*0' is not a number"),
        (lambda c: c.add_text(".tran 1n 1u"), NetlistError, "circuit.tran(...)"),
        (lambda c: c.add_text("r1 a 0 1"), CircuitError, "two elements are called 'r1'"),
        (lambda c: c.add_text(3), UsageError, "expected: a str"),
        (lambda c: c.X("1", "a", subckt="nosuch"), NetlistError, "no subcircuit 'nosuch'"),
        (lambda c: c.X("1", "a", subckt=cn.Circuit("c")), UsageError, "has no ports"),
        (lambda c: c.X("1", "a", subckt=cn.Subcircuit("s", "p", "q")), CircuitError, "joins 1 nodes to 's'"),
        (lambda c: c.X("1", "a", subckt=cn.Subcircuit("s", "p"), r=2), CircuitError, "no parameter 'r'"),
        (lambda c: cn.Subcircuit("s", "p", 0), UsageError, "ground not among them"),
        (lambda c: c.E("1", "x", 0), UsageError, "e1 has no value"),
        (lambda c: c.E("1", "x", 0, gain=2), UsageError, "no controlling nodes"),
        (lambda c: c.E("1", "x", 0, value="1", poly=([], [])), UsageError, "value and poly"),
        (lambda c: c.G("1", "x", 0, poly=([("a",)], [1])), UsageError, "poly of 1 controls"),
        (lambda c: c.K("1", "l1", 0.5), UsageError, "couples 1 inductors"),
        (lambda c: c.op(r9="1k"), UsageError, "neither an argument nor an element"),
    ],
)
def test_what_is_refused_is_named(circuit, call, kind, words):
    before = list(circuit.elements)
    with pytest.raises(kind) as caught:
        call(circuit)
    assert words in str(caught.value)
    assert list(circuit.elements) == before


def test_subcircuits_by_hand_are_those_of_a_deck():
    def inner():
        sub = cn.Subcircuit("stage", "in", "out")
        sub.model("dm", "d", is_=1e-12)
        sub.R("1", "in", "mid", "1k"), sub.D("1", "mid", "out", "dm"), sub.R("2", "out", 0, "2k")
        sub.V("s", "mid", "sensed", dc=0.0), sub.R("3", "sensed", 0, "10k")
        sub.F("1", "out", 0, "vs", 0.5), sub.B("1", "out", 0, i="1m*v(in,mid)+i(vs)")
        return sub

    outer = cn.Subcircuit("two", "a", "c")
    outer.X("1", "a", "b", subckt=inner()), outer.X("2", "b", "c", subckt=inner(), m=2)

    def build(c):
        c.X("9", "a", "y", subckt=outer), c.R("y", "y", 0, "1k")

    text = """
.subckt stage in out
.model dm d is=1e-12
r1 in mid 1k
d1 mid out dm
r2 out 0 2k
vs mid sensed 0
r3 sensed 0 10k
f1 out 0 vs 0.5
b1 out 0 i={1m*v(in,mid)+i(vs)}
.ends
.subckt two a c
x1 a b stage
x2 b c stage m=2
.ends
x9 a y two
ry y 0 1k
"""
    vectors = ["v(y)", "v(x9.b)", "v(x9.x1.mid)", "v(x9.x2.sensed)", "i(v1)"]
    c = by_hand_and_from_text(build, text, vectors)
    assert "x9.x2.d1" in c.elements and c.elements["x9.x2.d1"].model == "x9.x2.dm"


def test_model_cards_may_hold_parameters_of_the_element():
    deck = "t\nvd d 0 2\nm1 d d 0 0 n\nm2 d d 0 0 n w=20u\n.model n nmos kp=1e-5 vto=1 l=1u w=10u\n.op\n"
    # kp/2 W/L (vgs - vto)^2 = 5e-6 (10 + 20), beside what leaks through the junctions
    assert -cn.parse(deck).run().op["i(vd)"] == pytest.approx(150e-6, rel=1e-6)


def test_some_parameters_are_moved_into_their_range_with_a_warning():
    circuit = cn.parse("t\nv1 a 0 0.5\nd1 a 0 dm\n.model dm d(mj=1.2 fc=1 cjo=1p level=2)\n").circuit()
    circuit.op()
    said = "\n".join(circuit.warnings)
    assert "level 2, which is taken for 1" in said
    assert "mj=1.2, which is taken for 0.9" in said and "fc=1, which is taken for 0.95" in said
