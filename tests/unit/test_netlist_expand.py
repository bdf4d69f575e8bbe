"""Expansion: scopes, parameters, subcircuits, models, directives."""

# ruff: noqa: E501 - a table reads best with a case a line
import pytest

from circuitnn.errors import NetlistError
from circuitnn.netlist.expression import parse_expression, to_text
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.netlist.netlist import parse


def flat(text):
    return parse("title\n" + text).expand()


def elements(text):
    return {e.name: e for e in flat(text).elements}


def test_parameters_in_any_order():
    found = elements(".param c={a+b}\nr1 x 0 {c}\n.param b={2*a}\n.param a=1\n")
    assert found["r1"].params == {"resistance": 3.0}


def test_long_chains_of_parameters():
    text = "".join([f".param p{k}={{p{k + 1}+1}}\n" for k in range(3000)]) + ".param p3000=0\nr1 a 0 {p0}\n"
    assert elements(text)["r1"].params["resistance"] == 3000.0


def test_a_second_definition_of_a_model_or_subcircuit_is_left_out_with_a_warning():
    found = flat(
        ".model m d is=1e-12\n.model m d is=1e-10\n.subckt s a\nr1 a 0 1\n.ends\n.subckt s a\nr1 a 0 2\n.ends\nx1 b s\n"
    )
    assert found.models["m"].params["is"] == 1e-12
    assert {e.name: e for e in found.elements}["x1.r1"].params["resistance"] == 1.0
    assert [("second model" in w, "second subcircuit" in w) for w in found.warnings] == [(False, True), (True, False)]


def test_models_that_are_a_kind_of_another():
    found = flat(
        ".model a ako:b pnp(bf=20)\n.model b ako:c\n.model c pnp is=1e-15 bf=50 bf=60\n"
        ".subckt s p\n.model d ako:c (bf=1)\n.ends\nx1 1 s\n"
    ).models
    assert found["a"].type == "pnp" and found["a"].params == {"is": 1e-15, "bf": 20.0}
    assert found["b"].params == {"is": 1e-15, "bf": 60.0} and found["x1.d"].params["bf"] == 1.0
    with pytest.raises(NetlistError, match="is a kind of 'nix', which is not defined"):
        flat(".model a ako:nix pnp\n")
    with pytest.raises(NetlistError, match="is a kind of 'a', which is not defined"):
        flat(".model a ako:b npn\n.model b ako:a\n")
    with pytest.raises(NetlistError, match="is a kind of 'b', a 'd'"):
        flat(".model a ako:b npn\n.model b d\n")


def test_parameters_of_subcircuits_may_be_expressions_without_braces():
    found = elements(
        ".param w=2\n.subckt s a l=w*3 k=-1\nr1 a 0 {l}\nr2 a 0 {k}\n.ends\nx1 a s\nx2 a s l=w/(w+2) k = 2*w\n"
    )
    assert [found[name].params["resistance"] for name in ("x1.r1", "x1.r2", "x2.r1", "x2.r2")] == [6.0, -1.0, 0.5, 4.0]


def test_names_that_pspice_knows_are_weaker_than_parameters():
    text = ".options temp=50\nr1 a 0 {temp}\nr2 a 0 {vt*1e6}\nr3 a 0 {gmin*1e15}\n"
    found = elements(text)
    assert found["r1"].params["resistance"] == 50.0
    assert found["r2"].params["resistance"] == pytest.approx(8.617333262e-5 * 323.15 * 1e6, rel=1e-12)
    assert found["r3"].params["resistance"] == pytest.approx(1e3, rel=1e-12)
    assert elements(".param temp=3 vt=4\n" + text)["r1"].params["resistance"] == 3.0


def test_pspice_switches_with_a_threshold_are_those_that_turn_at_once():
    found = flat(".model a vswitch vt=1 vh=0.1\n.model b vswitch von=1\n.model c iswitch it=1m\n").models
    assert [found[name].type for name in "abc"] == ["sw", "vswitch", "csw"]


def test_what_is_not_closed_at_the_end_is_read_with_a_warning():
    found = flat("r1 a 0 1\n.model m d (is=1p\n)\n.ic\n.model p d(is=1p)\n+ n=2)\n.control\nop\n")
    assert found.models["p"].params == {"is": 1e-12, "n": 2.0}
    assert found.models["m"].params == {"is": 1e-12} and [c.text for c in found.script] == ["op"]
    said = "\n".join(found.warnings)
    assert "the model 'm' is not closed" in said and ".control is not closed" in said and "only closes" in said


def test_redefinition_warns():
    found = flat(".param a=1\n.param a=2\nr1 x 0 {a}\n")
    assert found.elements[0].params["resistance"] == 2.0
    assert "defined again" in found.warnings[0]


def test_names_and_nodes_of_subcircuits():
    found = elements(
        ".global vdd\n.subckt in a\nr1 a n 1\nr2 n vdd 1\nr3 n gnd 1\n.ends\n"
        ".subckt out p\nx1 p in\nx2 m in\nv1 m 0 1\nf1 m 0 v1 2\n.ends\nxa top out\n"
    )
    assert found["xa.x1.r1"].nodes == ("top", "xa.x1.n")
    assert found["xa.x2.r1"].nodes == ("xa.m", "xa.x2.n")
    assert found["xa.x1.r2"].nodes == ("xa.x1.n", "vdd")
    assert found["xa.x1.r3"].nodes == ("xa.x1.n", "0")
    assert found["xa.f1"].controls == ("xa.v1",)
    assert found["xa.f1"].letter == "f"


def test_parameters_of_subcircuits():
    found = elements(
        ".param r=5 g=7\n.subckt s a r=1k c={r*2}\n.param d={c+g}\nr1 a 0 {r}\nr2 a 0 {c}\nr3 a 0 {d}\n.ends\n"
        "x1 n s\nx2 n s r=10\nx3 n s c={r}\n"
    )
    values = {name: e.params["resistance"] for name, e in found.items()}
    assert [values[f"x1.r{k}"] for k in (1, 2, 3)] == [1000.0, 2000.0, 2007.0]
    assert [values[f"x2.r{k}"] for k in (1, 2, 3)] == [10.0, 20.0, 27.0]
    assert [values[f"x3.r{k}"] for k in (1, 2, 3)] == [1000.0, 5.0, 12.0]


def test_scopes_are_lexical():
    # s does not see the parameters of its caller t.
    with pytest.raises(NetlistError, match="undefined parameter 'k'"):
        flat(".subckt s a\nr1 a 0 {k}\n.ends\n.subckt t a\n.param k=1\nx1 a s\n.ends\nx1 n t\n")


def test_nested_definitions_are_local():
    text = ".subckt o a k=2\n.subckt i b\nr1 b 0 {k}\n.ends\nx1 a i\n.ends\n"
    assert elements(text + "x1 n o k=3\n")["x1.x1.r1"].params == {"resistance": 3.0}
    with pytest.raises(NetlistError, match="there is no subcircuit 'i'"):
        flat(text + "x1 n i\n")


def test_multiplier_of_calls():
    found = elements(".subckt s a\nr1 a 0 1 m=3\nb1 a 0 i=v(a)\nv1 b 0 1\n.ends\nx1 n s m=2\n")
    assert found["x1.r1"].params == {"resistance": 1.0, "m": 6.0}
    assert found["x1.b1"].params == {"m": 2.0}
    assert found["x1.v1"].params == {"dc": 1.0}


def test_models():
    found = flat(
        ".model d1 d(is={2*k})\n.param k=1\n.subckt s a\n.model d1 d(is=5)\nd1 a 0 d1\nd2 a 0 d2\n.ends\n.model d2 d\nx1 n s\nd1 n 0 d1\n"
    )
    assert found.models["d1"].params == {"is": 2.0}
    assert found.models["x1.d1"].params == {"is": 5.0}
    assert {e.name: e.model for e in found.elements} == {"x1.d1": "x1.d1", "x1.d2": "d2", "d1": "d1"}


def test_a_bare_word_is_a_model_or_a_parameter():
    found = elements(".param rv=2k\n.model rm r(rsh=1)\nr1 a 0 rv\nr2 a 0 rm l=1 w=1\nn1 a 0 hfo2\n")
    assert (found["r1"].params, found["r1"].model) == ({"resistance": 2000.0}, None)
    assert found["r2"].model == "rm"
    assert found["n1"].model == "hfo2"


def test_behavioural_expressions_are_flat():
    found = elements(
        ".func sq(x) {x*x*k}\n.param k=3\n.subckt s p q\nb1 p 0 v=sq(v(q,n)) + i(v1)*time + pi*temper\nv1 n 0 0\n.ends\nx1 a 0 s\n"
    )
    expected = parse_expression("v(0,x1.n)*v(0,x1.n)*3 + i(x1.v1)*time + 3.141592653589793*temper")
    assert found["x1.b1"].expression == expected
    assert found["x1.b1"].kind == "v"


def test_order_of_polynomials():
    found = elements(".subckt s c d\ne1 a 0 poly(2) (c,0) (d,gnd) 1 2 3 4 5 6 7\n.ends\nx1 p q s\n")["x1.e1"]
    expected = parse_expression(
        "1+2*v(p,0)+3*v(q,0)+4*v(p,0)*v(p,0)+5*v(p,0)*v(q,0)+6*v(q,0)*v(q,0)+7*v(p,0)*v(p,0)*v(p,0)"
    )
    assert (found.expression, found.nodes) == (expected, ("x1.a", "0"))
    found = elements("h1 a 0 poly(2) va vb 0 1 0 0 2\n")["h1"]
    assert (to_text(found.expression), found.controls, found.kind) == ("1*i(va)+2*i(va)*i(vb)", (), "v")


def test_sources_of_polynomials_keep_their_name():
    found = elements("g1 a 0 poly(1) c 0 0 2\ne1 b 0 value={v(a)}\n")
    assert (found["g1"].kind, to_text(found["g1"].expression)) == ("i", "2*v(c,0)")
    assert found["e1"].kind == "v"


def test_directives():
    found = flat(
        ".param t=1u\n.options reltol=1e-4 method=gear noacct\n.temp {20+30}\n.ic v(a)=1\n.nodeset v(b)={t}\n"
        ".save v(a) b i(v1)\n.save v(a)\n.tran {t/10} {t} uic\n.ac dec 10 1 1k\n.subckt s p\n.ic v(n)=2 v(p)=3\nr1 p n 1\n.ends\nx1 q s\n"
    )
    assert found.options == {"reltol": 1e-4, "method": "gear", "noacct": 1.0, "temp": 50.0}
    assert found.ic == {"a": 1.0, "x1.n": 2.0, "q": 3.0}
    assert found.nodeset == {"b": 1e-6}
    assert found.save == ["v(a)", "v(b)", "i(v1)"]
    assert [(c.name, c.words) for c in found.analyses] == [
        ("tran", (1e-7, 1e-6, "uic")),
        ("ac", ("dec", 10.0, 1.0, 1000.0)),
    ]
    assert isinstance(found.analyses[0], AnalysisCard)
    assert flat(".save v(a)\n.save all\n").save == []


def test_temper_is_the_temperature():
    assert elements(".temp 50\nr1 a 0 {temper}\n")["r1"].params["resistance"] == 50.0
    assert elements("r1 a 0 {temper}\n")["r1"].params["resistance"] == 27.0


def test_expansion_is_kept():
    deck = parse("t\nr1 a 0 1\n")
    assert deck.expand() is deck.expand()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (".subckt s a\nx1 a s\n.ends\nx1 n s\n", "s -> s"),
        (".subckt s a\nx1 a t\n.ends\n.subckt t a\nx1 a s\n.ends\nx1 n s\n", "s -> t -> s"),
        (
            "".join([f".subckt s{k} a\nx1 a s{k + 1}\n.ends\n" for k in range(150)])
            + ".subckt s150 a\n.ends\nx1 n s0\n",
            "too deep",
        ),
        (
            "".join([f".subckt s{k} a\nx1 a s{k + 1}\nx2 a s{k + 1}\n.ends\n" for k in range(40)])
            + ".subckt s40 a\nr1 a 0 1\n.ends\nx1 n s0\n",
            "expands to 1099511627776 elements",
        ),
        (
            "".join([f".func f{k}(x) {{f{k + 1}(x)+f{k + 1}(x)}}\n" for k in range(40)])
            + ".func f40(x) {x}\nr1 a 0 {f0(1)}\n",
            "too large",
        ),
        (".func f(x) {x*x*x*x}\nr1 a 0 {" + "f(" * 30 + "1" + ")" * 30 + "}\n", "too large"),
        (".func f(x) {x}\nr1 a 0 {f(1,2)}\n", "f takes 1 arguments, not 2"),
        (".param a={b}\n.param b={a}\n", "a -> b -> a"),
        (".param a={a+1}\n", "a -> a"),
        ("r1 a 0 1\nr1 a 0 1\n", "a second element 'r1'"),
        (".subckt s gnd\nr1 gnd 0 1\n.ends\nx1 n s\n", "ground everywhere"),
        ("r1 a 0 {e}\n", "undefined parameter 'e'"),
    ],
)
def test_refused(text, words):
    with pytest.raises(NetlistError) as caught:
        flat(text)
    assert words in caught.value.message
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize("name", ["r.1", "r4..", "r..5"])
def test_a_dot_in_a_name_marks_a_subcircuit(name):
    with pytest.raises(NetlistError, match="has a dot"):
        parse(f"t\nv1 a 0 1\n{name} a 0 1k\n.op\n.end").run()
    assert "r.x1.r2" in parse("t\nv1 a 0 1\nr.x1.r2 a 0 1k\n.end").circuit().elements


def test_a_coupling_of_several_coils_is_one_of_each_pair():
    found = elements("l1 a 0 1u\nl2 b 0 1u\nl3 c 0 1u\nk1 l1 l2 l3 0.9\n")
    pairs = {found[name].controls for name in found if name.startswith("k")}
    assert pairs == {("l1", "l2"), ("l1", "l3"), ("l2", "l3")}
    assert all(found[name].params == {"coupling": 0.9} for name in found if name.startswith("k"))


@pytest.mark.parametrize(
    ("line", "nodes", "params"),
    [
        ("q1 1 2 3 m", ("1", "2", "3", "0"), {}),
        ("q1 1 2 3 4 m", ("1", "2", "3", "4"), {}),
        ("q1 1 2 3 m 4", ("1", "2", "3", "0"), {"area": 4.0}),
        ("q1 1 2 3 2n2222", ("1", "2", "3", "0"), {}),
        ("q1 1 2 3 5 2n2222 0.5 off", ("1", "2", "3", "5"), {"area": 0.5, "off": 1.0}),
        ("q1 (1 2 3) m area={2*3} ic=0.6,2", ("1", "2", "3", "0"), {"area": 6.0, "ic_vbe": 0.6, "ic_vce": 2.0}),
        ("q1 1 2 3 m {2*3}", ("1", "2", "3", "0"), {"area": 6.0}),
    ],
)
def test_words_of_a_bipolar_transistor(line, nodes, params):
    """A substrate before the model and an area after it are told apart by which word is a model."""
    element = elements("\n".join([line, ".model m npn", ".model 2n2222 npn"]))["q1"]
    assert element.nodes == nodes
    assert element.params == params


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q1 1 2 3 4 5 m", "q1 has 5 nodes"),
        ("q1 1 2 3 m 4 5", "'4 5' after its model"),
        ("q1 1 2 3 m 4 area=5", "'4' after its model"),
        ("q1 1 2 3 n", "there is no model 'n'"),
    ],
)
def test_words_that_make_no_bipolar_transistor(line, message):
    with pytest.raises(NetlistError, match=message):
        flat("\n".join([line, ".model m npn"]))
