"""Random expressions, decks and bytes: what is written reads back, and nothing but our errors is raised."""

# ruff: noqa: E501 - a table reads best so
import operator
import string
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuitnn.errors import CircuitnnError
from circuitnn.netlist.expression import evaluate, parse_expression, to_text
from circuitnn.netlist.functions import FUNCTIONS
from circuitnn.netlist.netlist import load, parse
from circuitnn.netlist.writer import flat_to_text

OPERATORS = ["+", "-", "*", "/", "%", "**", "^", "==", "!=", "<>", "<", "<=", ">", ">=", "&&", "||"]
NAMES = ["a", "bx", "c_2", "time", "pi"]
numbers = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=0, allow_nan=False, allow_infinity=False)


def combine(parts):
    names = [n for n in FUNCTIONS if n.isidentifier() and n not in ("table", "pwl")]
    return st.one_of(
        st.builds("{}{}{}".format, parts, st.sampled_from(OPERATORS), parts),
        st.builds("({})".format, parts),
        st.builds("{{{}}}".format, parts),
        st.builds("{}({})".format, st.sampled_from("-!+"), parts),
        st.builds("({}) ? {} : {}".format, parts, parts, parts),
        st.builds("table({},0,1,{},3)".format, parts, parts),
        st.builds(
            lambda name, args: f"{name}({','.join(args[: FUNCTIONS[name].high or 3])})",
            st.sampled_from(names),
            st.lists(parts, min_size=3, max_size=3),
        ),
    )


leaves = st.one_of(
    st.sampled_from(NAMES),
    st.sampled_from(["v(a)", "V(A, b.c)", "i(x1.v2)", "1k", "2.5MEG", ".5u", "1e-3", "7"]),
    positive.map(repr),
)
expressions = st.recursive(leaves, combine, max_leaves=25)


@given(expressions)
def test_expression_text_reads_back(text):
    tree = parse_expression(text)
    again = to_text(tree)
    assert parse_expression(again) == tree
    assert to_text(parse_expression(again)) == again


@given(expressions, st.booleans())
def test_expression_has_a_value_or_an_error(text, behavioural):
    try:
        value = evaluate(parse_expression(text), dict.fromkeys(NAMES, 0.75).__getitem__, behavioural=behavioural)
    except CircuitnnError:
        return
    assert abs(value) < float("inf")


@given(st.integers(-5, 5), st.integers(-5, 5), st.integers(1, 5), st.sampled_from("+-*/"), st.sampled_from("+-*/"))
def test_arithmetic_is_exact_for_fractions_of_small_numbers(a, b, c, first, second):
    operations = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
    tight = second in "*/" and first in "+-"
    try:
        if tight:
            expected = operations[first](Fraction(a), operations[second](Fraction(b), c))
        else:
            expected = operations[second](operations[first](Fraction(a), Fraction(b)), c)
    except ZeroDivisionError:
        return
    # Two rounded operations; cancellation of a sum of numbers up to 25 costs no more than that in absolute terms.
    assert abs(evaluate(parse_expression(f"{a}{first}({b}){second}{c}"), {}.__getitem__) - float(expected)) < 1e-13


words = st.text(string.ascii_lowercase + string.digits + "_", min_size=1, max_size=5)
nodes = st.one_of(words, st.sampled_from(["0", "gnd", "a.b", "n<3>", "x[1]", "p+", "q-", "a/b", "#1"]))
values = st.one_of(numbers.map(repr), st.sampled_from(["4.7k", "{a}", "{2*bx+1}", "'c_2**2'", "10uF"]))
keywords = st.dictionaries(st.sampled_from(["m", "tc1", "temp", "ic", "l", "w"]), values, max_size=3).map(
    lambda d: " ".join([f"{k}={v}" for k, v in d.items() if k not in ("l",)])
)
functions = st.one_of(
    st.just(""),
    st.lists(values, min_size=2, max_size=6).map(lambda v: f"pulse({' '.join(v)})"),
    st.lists(values, min_size=2, max_size=5).map(lambda v: f"sin {' '.join(v)}"),
    st.lists(st.tuples(values, values), min_size=1, max_size=4).map(
        lambda p: f"pwl({', '.join([f'{t} {v}' for t, v in p])})"
    ),
)


def lines(k):
    return st.one_of(
        st.builds(f"r{k} {{}} {{}} {{}} {{}}".format, nodes, nodes, values, keywords),
        st.builds(f"C{k} {{}} {{}} {{}} {{}}".format, nodes, nodes, values, keywords),
        st.builds(f"v{k} {{}} {{}} dc {{}} ac {{}} {{}}".format, nodes, nodes, values, values, functions),
        st.builds(f"e{k} {{}} {{}} {{}} {{}} {{}}".format, nodes, nodes, nodes, nodes, values),
        st.builds(f"g{k} {{}} {{}} poly(2) {{}} 0 {{}} 0 {{}} {{}}".format, nodes, nodes, nodes, nodes, values, values),
        st.builds(f"f{k} {{}} {{}} v1 {{}}".format, nodes, nodes, values),
        st.builds(f"b{k} {{}} {{}} i = {{}}".format, nodes, nodes, expressions),
        st.builds(f"m{k} {{}} {{}} {{}} 0 nm w={{}} ic={{}}".format, nodes, nodes, nodes, values, values),
        st.builds(f"n{k} {{}} {{}} hfo2 x={{}}".format, nodes, nodes, values),
        st.builds(f"x{k} {{}} {{}} sub r={{}}".format, nodes, nodes, values),
        st.builds(f"a{k} [w<2:0> q] [b<0:{{}}>, p] xb g={{}} m={{}}".format, st.integers(0, 9), values, values),
        st.builds(f'a{k} [w q] [b] xb g="a {{}}.npz:K{{}}"'.format, words, words),
        st.builds(".ic v({})={}".format, nodes, values),
        st.builds(f".param p{k}={{}}".format, values),
        st.builds(".options reltol={} method=gear".format, values),
        st.builds(".tran {} {} uic".format, values, values),
    )


decks = (
    st.integers(0, 12)
    .flatmap(lambda n: st.tuples(*[lines(k + 2) for k in range(n)]))
    .map(
        lambda body: "\n".join(
            [
                *("random deck", ".param a=1 bx=2 c_2=3", "v1 in 0 1", ".model nm nmos (level=1)", *body),
                *(".subckt sub p q r=1", "rs p q {r}", "cs p n 1p", ".ends", ""),
            ]
        )
    )
)


@given(decks)
@settings(deadline=None)
def test_deck_reads_back(text):
    deck = parse(text)
    assert parse(deck.to_text()) == deck
    try:
        flat = deck.expand()
    except CircuitnnError:
        return
    again = parse(deck.to_text()).expand()
    assert [(e.name, e.nodes, e.params, e.expression) for e in again.elements] == [
        (e.name, e.nodes, e.params, e.expression) for e in flat.elements
    ]
    written = parse(flat_to_text(flat)).expand()
    assert [e.nodes for e in written.elements] == [e.nodes for e in flat.elements]
    assert [e.params for e in written.elements] == [e.params for e in flat.elements]


fragments = st.sampled_from(
    [
        "r1 a b 1k", "v1 a 0", ".param", ".model m d", ".subckt s a b", ".ends", ".lib x", ".endl", ".control", ".endc", "+", "*", ";",
        "$ ", "{", "}", "'", '"', "(", ")", "=", ",", "\n", "\n", "\n", " ", "poly(2)", "table", "value=", "pwl", "ac", "e1 a 0", "b1 a 0 v=",
        ".ic v(a)=", ".include", "1e", "4k7", "x1 a b s", "k1 l1 l2", "m1 d g s b", ".end", ".options", ".tran 1n", "-", "i(v1)", "\t",
    ]
)  # fmt: skip


@given(
    st.one_of(st.text(), st.lists(fragments, max_size=40).map("".join), st.lists(fragments, max_size=40).map(" ".join))
)
@settings(deadline=None)
def test_any_text_is_read_or_refused(text):
    try:
        deck = parse("title\n" + text)
        assert parse(deck.to_text()) == deck
        deck.expand()
    except CircuitnnError as error:
        assert str(error)


@given(data=st.binary(max_size=200))
@settings(deadline=None, max_examples=50)
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("bytes") / "deck.cir"
    path.write_bytes(data)
    try:
        load(path).expand()
    except CircuitnnError as error:
        assert str(error)


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_truncated_decks(cut):
    text = (
        "deck\n.param a=1 b={a*2}\n.subckt s p q r=1k\nr1 p q {r}\n.model dm d (is=1e-14)\nd1 p q dm\n.ends s\n"
        "v1 a 0 dc 1 ac 1 sin(0 1 1k)\nx1 a 0 s r={b}\ne1 b 0 poly(1) a 0 0 1 2\nb1 c 0 v={v(a)*2}\n.tran 1n {a*1u}\n"
        ".ic v(a)=1\n.options reltol=1e-4\n.control\nrun\n.endc\n.end\n"
    )
    try:
        parse(text[:cut]).expand()
    except CircuitnnError as error:
        assert str(error)
