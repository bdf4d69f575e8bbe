"""Tapes of behavioural sources against plain Python, finite differences, and ngspice."""

import math
import re
import shutil
import subprocess

import numpy as np
import pytest
from circuitnn.mna._tape import TapeKernel
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from circuitnn.errors import CircuitError, NetlistError, UsageError
from circuitnn.mna.tape import Tape, compile_behavioural, compile_tape
from circuitnn.netlist.expression import Call, Number, Probe, parse_expression
from circuitnn.netlist.flat import Element


def run(text, values=None, time=0.0, **keywords):
    """Return value and gradient (by sensed quantity) of an expression, given as text or as a tree."""
    tape = compile_tape(parse_expression(text) if isinstance(text, str) else text, **keywords)
    kernel = TapeKernel("i", tape)
    values = values or {}
    u = np.array([0.0, 0.0] + [values[s] for s in tape.sensed])[:, None]
    f, q, jf, jq = kernel.evaluate(u, np.array(tape.constants).reshape(-1, 1), np.array([1e-12, time]))
    assert f[1, 0] == -f[0, 0] or math.isnan(f[0, 0])
    assert not q.any() and jq.shape == (0, 1)
    k = len(tape.sensed)
    np.testing.assert_array_equal(jf[:k], -jf[k:])
    return f[0, 0], dict(zip(tape.sensed, jf[:k, 0], strict=True))


A, B = ("v", "a"), ("v", "b")


@pytest.mark.parametrize(
    ("text", "x", "value", "slope"),
    [
        ("v(a)**2", -3.0, 9.0, -6.0),
        ("v(a)^2", -3.0, 9.0, -6.0),
        ("pow(v(a),2)", -3.0, 9.0, -6.0),
        ("v(a)**3", -2.0, 8.0, -12.0),  # |x|^3
        ("pow(v(a),3)", -2.0, 8.0, -12.0),
        ("pwr(v(a),3)", -2.0, -8.0, 12.0),
        ("pwr(v(a),2)", -2.0, -4.0, 4.0),
        ("2**v(a)", 3.0, 8.0, 8.0 * math.log(2.0)),
        ("v(a)**1", 0.0, 0.0, 1.0),
        ("v(a)**2.5", 0.0, 0.0, 0.0),
        ("abs(v(a))", -2.0, 2.0, -1.0),
        ("sgn(v(a))", -2.0, -1.0, 0.0),
        ("sgn(v(a))", 0.0, 0.0, 0.0),
        ("u(v(a))", 0.0, 0.5, 0.0),
        ("u(v(a))", 1.0, 1.0, 0.0),
        ("u2(v(a))", 0.4, 0.4, 1.0),
        ("u2(v(a))", 1.4, 1.0, 0.0),
        ("u2(v(a))", -0.4, 0.0, 0.0),
        ("uramp(v(a))", -1.0, 0.0, 0.0),
        ("uramp(v(a))", 2.0, 2.0, 1.0),
        ("log(v(a))", math.e, 1.0, 1.0 / math.e),
        ("ln(v(a))", math.e, 1.0, 1.0 / math.e),
        ("log10(v(a))", 100.0, 2.0, 0.01 / math.log(10.0)),
        ("ln(v(a))", 0.0, -1e99, 1e32),
        ("1/v(a)", 0.0, 1e32, -1e64),
        ("v(a)/v(a)", 0.0, 0.0, 1e32),
        ("sqrt(v(a))", 4.0, 2.0, 0.25),
        ("exp(v(a))", 800.0, 1e99, 1e99),
        ("min(v(a),2)", 1.0, 1.0, 1.0),
        ("min(v(a),2)", 3.0, 2.0, 0.0),
        ("max(v(a),2)", 1.0, 2.0, 0.0),
        ("limit(v(a),0,1)", 0.3, 0.3, 1.0),
        ("limit(v(a),0,1)", 7.0, 1.0, 0.0),
        ("v(a) > 1 ? v(a)*3 : v(a)*5", 2.0, 6.0, 3.0),
        ("v(a) > 1 ? v(a)*3 : v(a)*5", 0.5, 2.5, 5.0),
        ("v(a) > 0 ? sqrt(v(a)) : 0", -1.0, 0.0, 0.0),  # the root of the branch not taken is NaN
        ("ternary_fcn(v(a) == 0, 0, 1/v(a))", 0.0, 0.0, 0.0),
        ("v(a)*v(a) + v(a)", 3.0, 12.0, 7.0),
        ("-v(a)", 3.0, -3.0, -1.0),
        ("v(a,b)", 3.0, 3.0, 1.0),
        ("v(0,a)", 3.0, -3.0, -1.0),
        ("v(a,0)", 3.0, 3.0, 1.0),
        ("nint(v(a))", 2.5, 2.0, 0.0),
        ("floor(v(a))+10*ceil(v(a))", -2.6, -23.0, 0.0),
        ("pwl(v(a),0,1,2,5,4,9)", 3.0, 7.0, 2.0),
        ("pwl(v(a),-1,1,2,5)", -1.0, 1.0, 4.0 / 3.0),
        ("v(a)%4", 7.0, 3.0, 1.0),
        ("atan2(v(a),v(b))", 3.0, math.pi / 2, 0.0),
        ("sign(v(a),-1)", -3.0, -3.0, 1.0),
        ("min(v(a),4,2)", 1.0, 1.0, 1.0),
        ("int(v(a))", -2.6, -2.0, 0.0),
        ("if(v(a)>2,v(a),0)", 3.0, 3.0, 1.0),
        ("table(v(a),0,1,2,5,4,9)", 7.0, 9.0, 0.0),
        ("tanh(v(a))", 0.5, math.tanh(0.5), 1.0 - math.tanh(0.5) ** 2),
        ("acosh(v(a))", 3.0, math.acosh(3.0), 1.0 / math.sqrt(8.0)),
        ("(v(a)>0 && 1) + 10*(v(a)<0 || 0) + 100*(!v(a))", 2.0, 1.0, 0.0),
        ("eq0(v(a))+10*ne0(v(a))+100*gt0(v(a))+1000*lt0(v(a))+1e4*ge0(v(a))+1e5*le0(v(a))", -2.0, 101010.0, 0.0),
    ],
)
def test_values_and_slopes(text, x, value, slope):
    found, gradient = run(text, {A: x, B: 0.0})
    # a few operations, each within one rounding
    assert found == pytest.approx(value, rel=1e-14, abs=1e-14)
    assert gradient[A] == pytest.approx(slope, rel=1e-13, abs=1e-14)


def test_points_go_on_beyond_their_ends_or_stay_level():
    # ngspice 39: pwl(-2,0,1,2,5,4,9) is -3 and pwl(6,...) is 13
    points = [Number(x) for x in (0.0, 1.0, 2.0, 5.0, 4.0, 9.0)]
    for x, straight, level in ((-2.0, -3.0, 1.0), (6.0, 13.0, 9.0)):
        assert run(Call("pwl", (Probe("v", ("a",)), *points)), {A: x}) == (straight, {A: 2.0})
        assert run(Call("table", (Probe("v", ("a",)), *points)), {A: x}) == (level, {A: 0.0})


@pytest.mark.parametrize(
    "text", ["sqrt(v(a))", "ln(v(a))", "max(sqrt(v(a)),0)", "sgn(ln(v(a)))", "sqrt(v(a))>0 ? 1 : 2"]
)
def test_arguments_out_of_range_are_not_hidden(text):
    assert math.isnan(run(text, {A: -1.0})[0])


def test_time_and_temperature():
    assert run("2*time", time=0.25)[0] == 0.5
    assert run("temper+1", temperature=50.0)[0] == 51.0
    assert run("pi-e")[0] == math.pi - math.e


def test_currents_are_sensed():
    value, gradient = run("3*i(v1)*v(a)", {("i", "v1"): 2.0, A: 5.0})
    assert value == 30.0
    assert gradient == {("i", "v1"): 15.0, A: 6.0}


def test_repeated_parts_are_computed_once():
    tape = compile_tape(parse_expression("exp(v(a,b)) + 1/exp(v(a,b))"))
    assert len(tape.code) == 4  # sub, exp, div, add
    assert tape.sensed == (A, B)


def test_long_sums_do_not_exhaust_the_stack():
    n = 300
    value, gradient = run(" + ".join(["v(a)"] * n), {A: 2.0})
    assert value == 2.0 * n
    assert gradient[A] == n


_UNARY = {
    "sin": math.sin, "cos": math.cos, "atan": math.atan, "tanh": math.tanh, "abs": abs, "exp": math.exp,
    "asinh": math.asinh, "uramp": lambda x: max(x, 0.0), "sgn": lambda x: float((x > 0) - (x < 0)),
    "u": lambda x: 0.5 + 0.5 * ((x > 0) - (x < 0)), "cosh": math.cosh, "ln": math.log, "sqrt": math.sqrt,
}  # fmt: skip
_BINARY = {
    "({} + {})": lambda x, y: x + y,
    "({} - {})": lambda x, y: x - y,
    "({} * {})": lambda x, y: x * y,
    "({} / {})": lambda x, y: x / (y + math.copysign(1e-32, y)),
    "min({}, {})": min,
    "max({}, {})": max,
    "pow({}, {})": lambda x, y: abs(x) ** y,
    "pwr({}, {})": lambda x, y: -(abs(x) ** y) if x < 0 else x**y,
    "(({} > {}) + 0.5)": lambda x, y: (x > y) + 0.5,
}


def _leaves():
    numbers = st.floats(0.125, 4.0).map(lambda x: (repr(x), lambda a, b, x=x: x))
    return st.one_of(
        numbers,
        st.just(("v(a)", lambda a, b: a)),
        st.just(("v(b)", lambda a, b: b)),
        st.just(("v(a,b)", lambda a, b: a - b)),
    )


def _grow(parts):
    unary = st.tuples(st.sampled_from(sorted(_UNARY)), parts).map(
        lambda p: (f"{p[0]}({p[1][0]})", lambda a, b: _UNARY[p[0]](p[1][1](a, b)))
    )
    binary = st.tuples(st.sampled_from(sorted(_BINARY)), parts, parts).map(
        lambda p: (p[0].format(p[1][0], p[2][0]), lambda a, b: _BINARY[p[0]](p[1][1](a, b), p[2][1](a, b)))
    )
    ternary = st.tuples(parts, parts, parts).map(
        lambda p: (
            f"(({p[0][0]}) > 0.25 ? ({p[1][0]}) : ({p[2][0]}))",
            lambda a, b: p[1][1](a, b) if p[0][1](a, b) > 0.25 else p[2][1](a, b),
        )
    )
    return st.one_of(unary, binary, ternary)


@settings(deadline=None, max_examples=200)
@given(st.recursive(_leaves(), _grow, max_leaves=10), st.floats(-2, 2), st.floats(-2, 2))
def test_random_expressions_match_python_and_differences(tree, a, b):
    text, function = tree
    h = 1e-6
    # at zero the slopes of abs, sgn and powers are conventions; they have their own tests above
    assume(min(abs(a), abs(b), abs(a - b)) > 1e-3)

    def slopes(along_a, along_b):
        """Differences to the right and the left, and a central one of a quarter of the step."""
        right, left, above, below = (function(a + k * h * along_a, b + k * h * along_b) for k in (1, -1, 0.25, -0.25))
        return (right - expected) / h, (expected - left) / h, (above - below) / (h / 2)

    try:
        expected = function(a, b)
        assume(isinstance(expected, (int, float)) and abs(expected) < 1e6)
        differences = {A: slopes(1, 0), B: slopes(0, 1)}
    except (ValueError, ZeroDivisionError, OverflowError):
        assume(False)
    value, gradient = run(text, {A: a, B: b})
    # at most ten rounded operations, amplified where differences cancel
    assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)
    for sensed, (right, left, fine) in differences.items():
        # skip kinks, steps, poles and strong curvature, where a difference is no slope
        spread = max(right, left, fine) - min(right, left, fine)
        if spread < 1e-3 * (1 + abs(fine)) and abs(fine) < 1e4:
            # the difference's own error: curvature h and rounding eps/h
            assert gradient.get(sensed, 0.0) == pytest.approx(fine, rel=2e-3, abs=2e-3)


def test_many_instances_of_one_kernel():
    tape = compile_tape(parse_expression("3*v(a)**1.5 + exp(-v(b)) + time"))
    for n in (0, 1, 7, 8, 9, 40):
        rng = np.random.default_rng(n)
        u = rng.uniform(0.1, 2.0, (4, n))
        p = rng.uniform(0.5, 2.0, (2, n))
        f, _, jf, _ = TapeKernel("i", tape).evaluate(u, p, np.array([0.0, 0.5]))
        # pow and exp of two libraries agree to a few units in the last place
        np.testing.assert_allclose(f[0], p[0] * u[2] ** p[1] + np.exp(-u[3]) + 0.5, rtol=1e-13)
        np.testing.assert_allclose(jf[0], p[0] * p[1] * u[2] ** (p[1] - 1), rtol=1e-13)
        np.testing.assert_allclose(jf[1], -np.exp(-u[3]), rtol=1e-13)


def test_voltage_sources_have_a_branch():
    kernel = TapeKernel("v", compile_tape(parse_expression("2*v(a)")))
    assert kernel.local_names == ("p", "n", "branch", "s0")
    u = np.array([[5.0], [1.0], [0.25], [3.0]])
    f, _, jf, _ = kernel.evaluate(u, np.array([[2.0]]))
    np.testing.assert_array_equal(f[:, 0], [0.25, -0.25, 5.0 - 1.0 - 6.0, 0.0])
    dense = np.zeros((4, 4))
    np.add.at(dense, (kernel.jf_row, kernel.jf_col), jf[:, 0])
    np.testing.assert_array_equal(dense, [[0, 0, 1, 0], [0, 0, -1, 0], [1, -1, 0, -2], [0, 0, 0, 0]])


def source(name, kind, text):
    return Element(name, ("p", "n"), kind=kind, expression=parse_expression(text))


def test_sources_of_one_shape_share_a_kernel():
    groups = compile_behavioural(
        [
            source("b1", "i", "2*v(a)"),
            source("b2", "i", "3*v(c)"),
            source("b3", "v", "2*v(a)"),
            source("b4", "i", "v(a)*2"),
            source("b5", "i", "4*i(v1)"),
        ]
    )
    names = [[member.element.name for member in members] for _, members in groups]
    assert names == [["b1", "b2", "b5"], ["b3"], ["b4"]]
    kernel, members = groups[0]
    assert kernel.instances == [("b1", (2.0,)), ("b2", (3.0,)), ("b5", (4.0,))]
    assert [member.sensed for member in members] == [(("v", "a"),), (("v", "c"),), (("i", "v1"),)]
    assert kernel.address != 0 and not kernel.linear
    assert compile_behavioural([]) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("v(a)*gain", "gain"),
        ("idt(v(a), v(b))", "idt"),
        ("sinus(v(a))", "sinus"),
        ("sin(v(a),2)", "sin"),
        ("pow(v(a))", "pow"),
        ("limit(v(a),1)", "limit"),
        ("ternary_fcn(v(a),1)", "ternary_fcn"),
        ("table(v(a),0,1)", "table"),
        ("table(v(a),0,1,2)", "table"),
        ("table(v(a),0,1,0,2)", "table"),
        ("table(v(a),0,1,v(b),2)", "table"),
    ],
)
def test_what_cannot_be_compiled_is_named(text, said):
    with pytest.raises(NetlistError, match=re.escape(said)):
        compile_tape(parse_expression(text))


def test_elements_and_arrays_that_do_not_fit_are_refused():
    with pytest.raises(CircuitError, match="b1"):
        compile_behavioural([Element("b1", ("p", "n"), kind="v")])
    with pytest.raises(CircuitError, match="b1"):
        compile_behavioural([source("b1", "w", "1")])
    tape = compile_tape(parse_expression("2*v(a)"))
    with pytest.raises(UsageError, match="kind"):
        TapeKernel("x", tape)
    with pytest.raises(UsageError, match="malformed"):
        TapeKernel("i", Tape(((0, 7, 0, 0),), 3, (A,), (2.0,)))
    kernel = TapeKernel("i", tape)
    with pytest.raises(UsageError, match="shape"):
        kernel.evaluate(np.zeros((2, 1)), np.zeros((1, 1)))
    with pytest.raises(UsageError, match="env"):
        kernel.evaluate(np.zeros((3, 1)), np.zeros((1, 1)), np.zeros(1))


PEER_EXPRESSIONS = [
    "pow(v(a),v(b))", "v(a)**v(b)", "v(a)^v(b)", "pwr(v(a),v(b))", "pwr(v(a),2)", "v(a)^2", "-v(b)^2", "1/v(z)",
    "v(z)/v(z)", "u(v(a))+10*u(v(b))+100*u(v(z))", "u2(v(h))+10*u2(v(b))+100*u2(v(a))", "uramp(v(a))+10*uramp(v(b))",
    "sgn(v(a))+10*sgn(v(z))", "floor(v(a)*1.3)+100*ceil(v(a)*1.3)+1000*nint(v(a)*1.3)", "nint(2.5)+10*nint(3.5)",
    "v(a) > v(b) ? 5 : 7", "ternary_fcn(v(b) > 1, 5, 7)", "exp(v(b))", "log(v(b))", "ln(v(b))", "log10(v(b))",
    "pwl(v(b),0,1,2,5,4,9)", "asinh(v(a))+atanh(v(h))",
    "eq0(v(a))+10*ne0(v(a))+100*gt0(v(a))+1000*lt0(v(a))+1e4*ge0(v(a))+1e5*le0(v(a))",
    "(v(a)>0 || v(b)>0) + 10*(v(a)>0 && v(b)>0) + 100*(!v(a))", "v(z)^v(z)", "pwr(v(z),v(z))", "v(a)^v(h)", "temper",
    "pi*e", "min(v(a),v(b))+10*max(v(a),v(b))", "tanh(v(h))+cosh(v(h))+sinh(v(h))+sin(v(h))+cos(v(h))+tan(v(h))",
    "asin(v(h))+acos(v(h))*atan(v(a))", "abs(v(a))*sqrt(v(b))",
    "(v(a) == -2) + 10*(v(a) != -2) + 100*(v(a)<>v(b)) + 1000*(v(a)>=-2)", "v(a)-v(b)-1", "6/3/2", "2^v(b)^2",
]  # fmt: skip


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")
def test_meaning_is_that_of_ngspice(tmp_path):
    inputs = {"a": -2.0, "b": 3.0, "z": 0.0, "h": 0.5}
    lines = ["peers", *(f"v{n} {n} 0 {x}" for n, x in inputs.items())]
    lines += [f"b{k} o{k} 0 v={text}" for k, text in enumerate(PEER_EXPRESSIONS)]
    lines += [
        ".control",
        "set numdgt=12",
        "op",
        *(f"print v(o{k})" for k in range(len(PEER_EXPRESSIONS))),
        ".endc",
        ".end",
    ]
    deck = tmp_path / "peers.cir"
    deck.write_text("\n".join(lines))
    done = subprocess.run(["ngspice", "-b", str(deck)], capture_output=True, text=True, timeout=60, check=False)
    found = {int(k): float(x) for k, x in re.findall(r"v\(o(\d+)\) = (\S+)", done.stdout)}
    assert len(found) == len(PEER_EXPRESSIONS), done.stdout + done.stderr
    for k, text in enumerate(PEER_EXPRESSIONS):
        value, _ = run(text, {("v", n): x for n, x in inputs.items()})
        # twelve digits printed
        assert value == pytest.approx(found[k], rel=1e-10, abs=1e-10), text
