"""Expressions: values, precedence, messages, text."""

import math
import re
import shutil
import subprocess

import pytest

from circuitnn.errors import NetlistError
from circuitnn.netlist.expression import (
    Binary,
    Call,
    Name,
    Number,
    Probe,
    Ternary,
    Unary,
    evaluate,
    parse_expression,
    substitute,
    to_text,
    walk,
)

NAMES = {"a": 3.0, "b": -2.0, "x1": 0.5}


def value(text, **keywords):
    return evaluate(parse_expression(text), NAMES.__getitem__, **keywords)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1+2*3", 7.0),
        ("2**3**2", 64.0),  # to the left, as ngspice
        ("-2**2", -4.0),
        ("2^-1", 0.5),
        ("2-3-4", -5.0),
        ("12/3/2", 2.0),
        ("7%4", 3.0),
        ("-7%3", -1.0),
        ("2*-3", -6.0),
        ("--3", 3.0),
        ("+3", 3.0),
        ("(1+2)*{3}", 9.0),
        ("1k*2", 2000.0),
        ("10MEG", 1e7),
        ("100n", 1e-7),
        (".5", 0.5),
        ("1.", 1.0),
        ("1 ? 2 : 0 ? 4 : 5", 2.0),
        ("0 ? 2 : 0 ? 4 : 5", 5.0),
        ("a>b && b<0", 1.0),
        ("a<b || !b", 0.0),
        ("a==3", 1.0),
        ("a<>3", 0.0),
        ("a!=3", 0.0),
        ("3<=3", 1.0),
        ("3>=4", 0.0),
        ("min(a,b,1)", -2.0),
        ("max(a,b,1)", 3.0),
        ("abs(b)", 2.0),
        ("sgn(b)", -1.0),
        ("sgn(0)", 0.0),
        ("sign(b)", -1.0),
        ("sign(a,b)", -3.0),
        ("sqrt(16)", 4.0),
        ("exp(1)", math.e),
        ("ln(a)", math.log(3)),
        ("log(a)", math.log(3)),
        ("log10(1000)", 3.0),
        ("pow(b,3)", -8.0),
        ("pwr(b,3)", 8.0),
        ("sin(a)", math.sin(3)),
        ("cos(a)", math.cos(3)),
        ("tan(a)", math.tan(3)),
        ("asin(x1)", math.asin(0.5)),
        ("acos(x1)", math.acos(0.5)),
        ("atan(a)", math.atan(3)),
        ("arctan(a)", math.atan(3)),
        ("atan2(a,b)", math.atan2(3, -2)),
        ("sinh(a)", math.sinh(3)),
        ("cosh(a)", math.cosh(3)),
        ("tanh(x1)", math.tanh(0.5)),
        ("asinh(a)", math.asinh(3)),
        ("acosh(a)", math.acosh(3)),
        ("atanh(x1)", math.atanh(0.5)),
        ("u(1)", 1.0),
        ("u(-1)", 0.0),
        ("u(0)", 0.5),
        ("uramp(a)", 3.0),
        ("uramp(b)", 0.0),
        ("u2(0.25)", 0.25),
        ("sqr(b)", 4.0),
        ("ternary_fcn(1,2,3)", 2.0),
        ("if(0,2,3)", 3.0),
        ("limit(5,1,3)", 3.0),
        ("int(-2.7)", -2.0),
        ("nint(2.5)", 2.0),
        ("nint(3.5)", 4.0),
        ("floor(-1.2)", -2.0),
        ("ceil(1.2)", 2.0),
        ("table(0.5, 0,0, 1,4)", 2.0),
        ("table(9, 0,0, 1,4)", 4.0),
        ("table(-9, 0,1, 1,4)", 1.0),
        ("pwl(1.5, 0,0, 1,4)", 6.0),
        ("pwl(-2, 0,1, 1,4)", -5.0),
        ("pwl(0.5, 0,0, 1,4)", 2.0),
        ("0 ? 1/0 : 7", 7.0),
        ("0 && 1/0", 0.0),
        ("1 || 1/0", 1.0),
    ],
)
def test_value(text, expected):
    # Both sides are the same IEEE operations.
    assert value(text) == pytest.approx(expected, rel=1e-15, abs=0.0)


@pytest.mark.parametrize(
    ("text", "expected"), [("b**3", 8.0), ("pow(b,3)", 8.0), ("pwr(b,3)", -8.0), ("(-8)**0.5", math.sqrt(8))]
)
def test_powers_in_behavioural_sources(text, expected):
    assert value(text, behavioural=True) == pytest.approx(expected, rel=1e-15, abs=0.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1/0", "division by zero"),
        ("1%0", "divisor other than zero"),
        ("sqrt(b)", "numbers >= 0"),
        ("log(0)", "numbers > 0"),
        ("log10(b)", "numbers > 0"),
        ("asin(2)", "-1 .. 1"),
        ("acosh(0)", "numbers >= 1"),
        ("exp(1000)", "too large"),
        ("1e300*1e300", "too large"),
        ("10**400", "too large"),
        ("0**-1", "division by zero"),
        ("b**3", "programs differ"),
        ("pow(b,0.5)", "whole exponent"),
        ("table(1, 1,1, 0,0)", "must increase"),
        ("v(a)", "before the simulation"),
        ("foo(1)", "unknown function 'foo'"),
    ],
)
def test_no_value(text, words):
    with pytest.raises(NetlistError, match=re.escape(words)):
        value(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the end of the line"),
        ("1+", "the end of the line"),
        ("1 2", "does not continue"),
        ("(1", "to close '('"),
        ("{1)", "to close '{'"),
        ("1?2", "':' of '?'"),
        ("sqrt()", "sqrt takes 1 argument, not 0"),
        ("min(1)", "min takes at least 2 arguments"),
        ("if(1,2)", "if takes 3 arguments"),
        ("table(1,2,3,4)", "pairs"),
        ("2k2", "2.2k"),
        ("4r7", "4.7"),
        ("v()", "without a name"),
        ("v(a,b,c)", "3 names"),
        ("i(a,b)", "2 names"),
        ("v(a", "not closed"),
        ("ddx(1,2,3)", "not supported"),
        ("1e999", "finite"),
        ("1e" + "9" * 5000 + "k", "finite"),
        ("a $ b", "does not continue"),
        ("@m1[id]", "where an expression belongs"),
    ],
)
def test_malformed(text, words):
    with pytest.raises(NetlistError, match=re.escape(words)):
        parse_expression(text)


def test_error_points_to_the_character():
    with pytest.raises(NetlistError) as caught:
        parse_expression("1 + * 2")
    assert caught.value.place.column == 5


def test_tree():
    assert parse_expression("IF(V(a,b)>i(Vx), -k, !c)") == Ternary(
        Binary(">", Probe("v", ("a", "b")), Probe("i", ("vx",))), Unary("-", Name("k")), Unary("!", Name("c"))
    )
    assert parse_expression("ln(-3)^2") == Binary("**", Call("log", (Number(-3.0),)), Number(2.0))


@pytest.mark.parametrize("opening", ["(", "-", "!", "sqrt(", "1?1:", "1+(", "2**-"])
def test_depth_is_limited(opening):
    deep = parse_expression(opening * 60 + "x" + ")" * 60 * opening.count("("))
    assert parse_expression(to_text(deep)) == deep
    with pytest.raises(NetlistError, match="too deeply"):
        parse_expression(opening * 100_000 + "1")


@pytest.mark.parametrize("op", ["+", "*"])
def test_long_sums_stay_shallow(op):
    tree = parse_expression(op.join(["1"] * 5000))
    assert sum(isinstance(node, Number) for node in walk(tree)) == 5000
    assert evaluate(tree, NAMES.__getitem__) == (5000.0 if op == "+" else 1.0)
    assert parse_expression(to_text(tree)) == tree


def test_long_differences_are_refused():
    with pytest.raises(NetlistError, match="too deeply"):
        parse_expression("-".join(["1"] * 5000))


def test_too_many_terms():
    with pytest.raises(NetlistError, match="too many terms"):
        parse_expression("+".join(["1"] * 200_000))


def test_substitute():
    tree = parse_expression("a*v(p) + f(a, i(vx))")
    new = substitute(tree, {"a": Number(2.0)}.get, lambda p: Probe(p.kind, ("x1." + p.names[0],)))
    assert to_text(new) == "2*v(x1.p)+f(2,i(x1.vx))"


NGSPICE = [
    "2**3**2",
    "-2**2",
    "log(10)",
    "ln(10)",
    "log10(50)",
    "nint(2.5)",
    "int(-2.7)",
    "5%3",
    "sgn(-2)",
    "2<1||3",
    "1?2:0?4:5",
]
NGSPICE_B = [
    "2**3**2",
    "-2**2",
    "log(10)",
    "pwr(-2,3)",
    "pow(-2,3)",
    "(-2)**3",
    "u(0)",
    "uramp(-1)",
    "nint(2.5)",
    "pwl(1.5,0,0,1,4)",
]


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")
@pytest.mark.parametrize("behavioural", [False, True])
def test_values_are_ngspice_values(tmp_path, behavioural):
    texts = NGSPICE_B if behavioural else NGSPICE
    lines = ["values"]
    for k, text in enumerate(texts):
        lines.append(f"b{k} n{k} 0 v={text}" if behavioural else f".param p{k}={{{text}}}\nv{k} n{k} 0 {{p{k}}}")
        lines.append(f"r{k} n{k} 0 1")
    lines += [".control", "op", *[f"print v(n{k})" for k in range(len(texts))], ".endc", ".end", ""]
    (tmp_path / "t.cir").write_text("\n".join(lines))
    out = subprocess.run(
        ["ngspice", "-b", "t.cir"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    ).stdout
    found = {int(k): float(v) for k, v in re.findall(r"v\(n(\d+)\) = (\S+)", out)}
    for k, text in enumerate(texts):
        # ngspice prints seven digits.
        assert value(text, behavioural=behavioural) == pytest.approx(found[k], rel=1e-6, abs=1e-12), text
