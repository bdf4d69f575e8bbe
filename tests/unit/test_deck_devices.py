"""Devices that a deck writes itself: what they compute, and what is said of their mistakes."""

# ruff: noqa: E501 - a table reads best so
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import circuitnn as cn
from circuitnn.circuit.circuit import Circuit
from circuitnn.devices.declare import Environment
from circuitnn.devices.derive import derive
from circuitnn.devices.load import kernel_of
from circuitnn.devices.written import device_class
from circuitnn.errors import CircuitError, CircuitnnError, DeckErrors
from circuitnn.registry import catalog

DRIFT = """\
.device drift p n doc="linear drift"
param ron=100 unit=ohm above=0 doc="resistance when doped"
param roff=16k unit=ohm above=0
param d=10n unit=m above=0
param mu=1e-14 unit="m^2/(V s)" low=0
state x=0.3 low=0 high=1 doc="doped part"
let y = limit(x, 0, 1)
let r = ron*y + roff*(1 - y)
current p n = v(p,n)/r
rate x = mu*ron/d**2 * v(p,n)/r
noise p n = 4*boltz*temperature/r
.enddevice
"""


def deck(body, device=DRIFT):
    return cn.parse(f"title\n{device}{body}")


def value_of(expression, x=0.0, declared=""):
    """The current of a device with an expression of the voltage ``u`` (a number of volts) at x volts."""
    text = f"""
.device f p n
param one=1 unit=V above=0
param s=1 unit=A
{declared}
let u = v(p,n)/one
current p n = s*({expression})
.enddevice
"""
    c = cn.parse(f"t\n{text}v1 a 0 {x!r}\nn1 a 0 f\n").circuit()
    return -float(c.op()["i(v1)"])


# ------------------------------------------------------------------------------------------------------------- values
@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


def test_a_transient_is_that_of_the_device_of_the_library():
    rest = "v1 a 0 sin(0 1.5 1)\nn1 a 0 hp x=0.4\n.tran 2m 2\n"
    ours = deck(f".model hp drift (ron=120 mu=3e-14)\n{rest}").run().tran
    other = cn.parse(f"t\n.model hp linear_drift (ron=120 mu=3e-14)\n{rest}").run().tran
    assert ours["@n1[x]"].max() - ours["@n1[x]"].min() > 0.3
    # The same formula in another order of operations: rounding, which the choice of steps passes on.
    np.testing.assert_allclose(ours.time, other.time, rtol=1e-9)
    np.testing.assert_allclose(ours["@n1[x]"], other["@n1[x]"], rtol=1e-9)
    np.testing.assert_allclose(ours["i(v1)"], other["i(v1)"], rtol=1e-9, atol=1e-15)


def test_a_transient_against_an_integration_of_its_own():
    tran = deck("v1 a 0 sin(0 1.5 1)\nn1 a 0 drift x=0.4\n.options reltol=1e-6\n.tran 0.2m 0.9 0 0.2m\n").run().tran

    def rate(t, x):
        r = 100.0 * x + 16e3 * (1.0 - x)
        return 1e-14 * 100.0 / 1e-16 * 1.5 * np.sin(2 * np.pi * t) / r

    exact = solve_ivp(rate, (0.0, 0.9), [0.4], rtol=1e-10, atol=1e-12, t_eval=[0.25, 0.5, 0.9])
    for t, x in zip(exact.t, exact.y[0], strict=True):
        # steps of 1 ms leave 1.2e-5; the error falls with the square of the step
        assert np.interp(t, tran.time, tran["@n1[x]"]) == pytest.approx(x, abs=1e-6)


def test_noise_is_johnsons_at_the_temperature_of_the_instance():
    rest = "v1 a 0 0 ac 1\nr1 a b 1k\nn1 b 0 drift x=1{}\n.noise v(b) v1 dec 1 1 10\n"
    r = 1e3 * 100 / 1100
    for more, kelvin in (("", 300.15), (" temp=77", 350.15), (" dtemp=10", 310.15)):
        found = deck(rest.format(more)).run()
        spectrum = next(x for x in found.values() if "onoise_spectrum" in x)["onoise_spectrum"]
        density = 4 * 1.380649e-23 * r**2 * (kelvin / 100 + 300.15 / 1000)
        # SPICE's value of Boltzmann's constant in the resistor is 1e-7 off that of the SI in the device
        np.testing.assert_allclose(spectrum**2, density, rtol=1e-6)


def test_small_signals_see_charges():
    text = ".device rc p n\nparam g=1m unit=S low=0\nparam c=1u unit=F low=0\ncurrent p n = g*v(p,n)\ncharge p n = c*v(p,n)\n.enddevice\n"
    ac = cn.parse(f"t\n{text}v1 a 0 0 ac 1\nn1 a 0 rc g=2m\n.ac lin 1 100 100\n").run().ac
    assert complex(ac["i(v1)"][0]) == pytest.approx(-(2e-3 + 2j * np.pi * 100 * 1e-6), rel=1e-12, abs=0.0)


def test_three_terminals():
    """A gate that integrates: dg/dt = k v(g,s), and the drain's current is g v(d,s)."""
    text = """.device gated d g s
param k=1 unit="S/(V s)"
state gc=1u unit=S low=0 high=1m scale=1u
current d s = gc*v(d,s)
rate gc = k*v(g,s)
.enddevice
"""
    tran = cn.parse(f"t\n{text}v1 d 0 0.5\nv2 g 0 2u\nn1 d g 0 gated gc=3u\n.tran 1m 1\n").run().tran
    np.testing.assert_allclose(tran["@n1[gc]"], 3e-6 + 2e-6 * tran.time, rtol=1e-9)
    np.testing.assert_allclose(tran["i(v1)"][1:], -0.5 * tran["@n1[gc]"][1:], rtol=1e-9)
    assert np.all(tran["i(v2)"] == 0.0)


@pytest.mark.parametrize(
    ("text", "x", "expected"),
    [
        ("u > 1 ? 2 : 3", 2.0, 2.0), ("u > 1 ? 2 : 3", 0.5, 3.0), ("u >= 0.5 && u < 1", 0.5, 1.0),
        ("u < 0 || u > 1", 0.5, 0.0), ("!(u < 0)", 0.5, 1.0), ("if(u == 0.5, 4, 5)", 0.5, 4.0), ("u != 0.5", 0.5, 0.0),
        ("exp(u)", 1.5, np.exp(1.5)), ("exp(u)", 90.0, np.exp(80) * 11), ("ln(abs(u) + 2)", 1.0, np.log(3)),
        ("log10(abs(u) + 2)", 1.0, np.log10(3)), ("pow(u, 3)", -2.0, -8.0), ("u**2", -3.0, 9.0), ("u^3", -2.0, -8.0),
        ("-u**2", 3.0, -9.0), ("pwr(u, 1.5)", -4.0, -8.0), ("pow(abs(u), k)", 4.0, 8.0), ("abs(u)", -4.0, 4.0),
        ("sgn(u)", -4.0, -1.0), ("sign(3, u)", -4.0, -3.0), ("sqrt(u*u + 5)", 2.0, 3.0), ("min(u, 1, 2)", 3.0, 1.0),
        ("max(u, 1, 2)", 3.0, 3.0), ("limit(u, -1, 1)", 3.0, 1.0), ("u(u)", 3.0, 1.0), ("u(u)", 0.0, 0.5),
        ("u2(u)", 0.3, 0.3), ("uramp(u)", -1.0, 0.0), ("uramp(u)", 2.0, 2.0), ("eq0(u)", 0.0, 1.0), ("ge0(u)", -1.0, 0.0),
        ("sin(u)", 1.0, np.sin(1)), ("cos(u)", 1.0, np.cos(1)), ("tan(u)", 1.0, np.tan(1)), ("atan(u)", 1.0, np.arctan(1)),
        ("atan2(u, 2)", -1.0, np.arctan2(-1, 2)), ("asinh(u)", 2.0, np.arcsinh(2)), ("tanh(u)", 1.0, np.tanh(1)),
        ("sinh(u)", 1.5, np.sinh(1.5)), ("cosh(u)", -1.5, np.cosh(1.5)), ("sinh(u)", -90.0, -np.sinh(80) - 10 * np.cosh(80)),
        ("hypot(u, 4)", 3.0, 5.0), ("table(u, 0,0, 1,2, 3,3)", 2.0, 2.5), ("table(u, 0,0, 1,2)", 5.0, 2.0),
        ("table(u, 0,1, 1,2)", -5.0, 1.0), ("pwl(u, 0,0, 1,2, 2,3)", 5.0, 6.0), ("pwl(u, 0,0, 1,2, 2,3)", -2.0, -4.0),
        ("pi", 0.0, np.pi), ("asin(limit(u,-0.9,0.9))", 0.5, np.arcsin(0.5)), ("acos(limit(u,-0.9,0.9))", 0.5, np.arccos(0.5)),
    ],
)  # fmt: skip
def test_functions_of_equations(text, x, expected):
    assert value_of(text, x, "param k=1.5 low=1") == pytest.approx(expected, rel=1e-12, abs=1e-300)


def test_and_and_or_guard():
    assert value_of("u > 0 && 1/u > 2 ? 1/u : 0", 0.25, "") == pytest.approx(4.0, rel=1e-12)
    assert value_of("u > 0 && 1/u > 2 ? 1/u : 0", 0.0, "") == 0.0


def test_names_of_variables_that_functions_have():
    assert value_of("u*i*min", 2.0, "param i=3\nparam min=5") == pytest.approx(30.0)


# ------------------------------------------------------------------------------------------------- where they are known
def test_decks_keep_their_devices_apart():
    one = cn.parse("t\n.device same p n\nparam g=1 unit=S\ncurrent p n = g*v(p,n)\n.enddevice\nv1 a 0 1\nn1 a 0 same\n")
    two = cn.parse("t\n.device same p n\nparam g=2 unit=S\ncurrent p n = g*v(p,n)\n.enddevice\nv1 a 0 1\nn1 a 0 same\n")
    a, b = one.circuit(), two.circuit()
    for _ in range(2):
        assert (float(a.op()["i(v1)"]), float(b.op()["i(v1)"])) == (-1.0, -2.0)
    assert "same" not in catalog("devices")
    with pytest.raises(CircuitError, match="'same', which is not defined"):
        cn.parse("t\nv1 a 0 1\nn1 a 0 same\n").circuit().op()


def test_equal_definitions_are_built_once():
    first, second = (deck("v1 a 0 1\nn1 a 0 drift\n").statements[0] for _ in range(2))
    assert first == second and device_class(first) is device_class(second)


def test_included_files_bring_devices(tmp_path):
    (tmp_path / "drift.lib").write_text(DRIFT)
    (tmp_path / "main.cir").write_text(
        'main\n.include "drift.lib"\n.include "drift.lib"\nx1 a c\n.subckt c a\nn1 a 0 drift x=1\n.ends\nv1 a 0 1\n.op\n'
    )
    op = cn.load(tmp_path / "main.cir").run().op
    assert float(op["i(v1)"]) == pytest.approx(-0.01, rel=1e-9)


def test_another_device_of_the_same_name_is_refused():
    with pytest.raises(CircuitnnError, match="a second device 'drift'"):
        deck(DRIFT.replace("100", "200")).expand()


def test_circuits_and_subcircuits_from_text():
    c = Circuit("text")
    c.add_text(DRIFT)
    c.V("1", "a", 0, dc=1.0)
    c.N("1", "a", 0, model="drift", x=1.0)
    assert float(c.op()["i(v1)"]) == pytest.approx(-0.01, rel=1e-9)
    again = cn.parse(c.to_netlist()).circuit()
    assert again.devices == c.devices
    assert float(again.op()["i(v1)"]) == float(c.op()["i(v1)"])


def test_the_writer_keeps_devices():
    netlist = deck(".model hp drift (ron=120)\nv1 a 0 1\nn1 a 0 hp\n.op\n")
    again = cn.parse(netlist.to_text())
    assert again == netlist
    assert derive(device_class(again.statements[0])).f == derive(device_class(netlist.statements[0])).f


texts = st.text("abc XYZ.,()^/", min_size=1, max_size=12).filter(str.strip)
numbers = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False)
names = st.sampled_from(["ron", "k2", "alpha", "u", "i", "min"])


@st.composite
def devices(draw):
    lines = [f'.device dev p g n doc="{draw(texts)}"']
    params = draw(st.lists(names, unique=True, min_size=1, max_size=4))
    for name in params:
        end = draw(st.sampled_from(["", " low={}", " above={}", " high={}", " low={} high=2e9"]))
        lines.append(
            f'param {name}={draw(numbers)!r} unit="{draw(st.sampled_from(["1", "ohm", "m^2/(V s)"]))}"'
            + end.format(draw(numbers))
        )
    lines.append(f"state x={draw(st.sampled_from(params))} low={draw(numbers)!r} scale=2 doc='it is \"x\"'")
    expression = st.recursive(
        st.sampled_from([*params, "x", "v(p,n)", "v(g, n)", "2", "temperature"]),
        lambda e: st.one_of(
            st.builds("({}{}{})".format, e, st.sampled_from("+-*/^<"), e), st.builds("exp({})".format, e),
            st.builds("({} > 1 && {} ? {} : {})".format, e, e, e, e),
        ),
        max_leaves=8,
    )  # fmt: skip
    for head in ("let a =", "current p n =", "charge g n =", "rate x =", "noise p n =", "flicker f p n ="):
        lines.append(f"{head} {draw(expression)}")
    return "\n".join([*lines, ".enddevice", ""])


@settings(deadline=None, max_examples=60)
@given(devices())
def test_what_is_written_reads_back(text):
    netlist = cn.parse(f"t\n{text}r1 a 0 1\n")
    again = cn.parse(netlist.to_text())
    assert again == netlist and again.to_text() == netlist.to_text()


# ------------------------------------------------------------------------------------------------------------- mistakes
def wrong(old, new):
    assert old in DRIFT
    return DRIFT.replace(old, new)


@pytest.mark.parametrize(
    ("text", "line", "column", "match", "more"),
    [
        (wrong("param ron=100", "parm ron=100"), 3, 1, "'parm' begins no line of a device", "'param'"),
        (wrong("ron=100", "ron={2*a}"), 3, 11, r"ron is '2\*a'", "a number"),
        (wrong("above=0 doc", "abov=0 doc"), 3, 24, "abov= is nothing that a param has", "'above'"),
        (wrong("unit=ohm above=0 doc", "unit=om above=0 doc"), 3, 20, "'om' is no unit", "'ohm'"),
        (wrong("param roff", "param ron"), 4, 7, "'ron' is a parameter already", "names of their own"),
        (wrong("param roff", "param p"), 4, 7, "'p' is a terminal already", ""),
        (wrong("param roff", "param time"), 4, 7, "'time' cannot name a parameter", "a meaning of its own"),
        (wrong("high=1", "high=top"), 7, 24, "refers to 'top', which is no parameter", "a number, or a parameter"),
        (wrong("let r = ron", "let r = rom"), 9, 9, "'rom' is nothing of 'drift'", "'ron'"),
        (wrong("let y = limit(x, 0, 1)", "let y = r + limit(x,0,1)"), 8, 9, "'r' is defined further down", ""),
        (wrong("current p n =", "current p m ="), 10, 11, "'m' is no terminal of 'drift'", "p n"),
        (wrong("current p n =", "current p p ="), 10, 11, "from 'p' to itself", ""),
        (wrong("current p n =", "current p ="), 10, 13, "current of 1 names", "current from to"),
        (wrong("v(p,n)/r\nrate", "v(p,q)/r\nrate"), 10, 19, "'q' is no terminal", "p n"),
        (wrong("v(p,n)/r\nrate", "v(p)/r\nrate"), 10, 17, "voltage to ground", "v(p,n)"),
        (wrong("v(p,n)/r\nrate", "i(v1)\nrate"), 10, 15, "senses no currents", ""),
        (wrong("v(p,n)/r\nrate", "floor(v(p,n))\nrate"), 10, 15, "floor does not stand", "jumps"),
        (wrong("v(p,n)/r\nrate", "sinn(v(p,n))\nrate"), 10, 15, "unknown function 'sinn'", "'sin'"),
        (wrong("v(p,n)/r\nrate", "v(p,n)/r)\nrate"), 10, 23, r"unexpected '\)'", ""),
        (wrong("v(p,n)/r\nrate", "v(p,n)/\nrate"), 10, 22, "where an expression belongs", ""),
        (wrong("v(p,n)/r\nrate", "table(x, 0,1, 0,2)\nrate"), 10, 15, "x increasing", ""),
        (wrong("rate x =", "rate z ="), 11, 6, "'z' is no state of 'drift'", "state name"),
        (wrong("rate x =", "* rate x ="), 7, 7, "the state 'x' has no rate", "rate x ="),
        (wrong("noise p n", "rate x = 0\nnoise p n"), 12, 6, "a second rate of 'x'", "one rate"),
        (wrong("noise p n", "noise p n = 0\nnoise p n"), 13, 1, "the same name", ""),
        (wrong(".enddevice", ".model a b"), 2, 1, "the device 'drift' is not closed before <text>:13:1", ".enddevice"),
        (wrong("drift p n", "drift p p"), 2, 17, "the terminal 'p' twice", ""),
        (wrong("drift p n", "drift p"), 2, 9, "has 1 terminals", ".device name"),
        (wrong("drift p n", "vteam p n"), 2, 9, "a device 'vteam' already", "choose another name"),
        (wrong("drift p n", "hp p n"), 2, 9, "a device 'hp' already", ""),
        (wrong("drift p n", "2x p n"), 2, 9, "'2x' cannot name a device", ""),
        (".device bare p n\nparam r=1 unit=ohm\n.enddevice\n", 2, 9, "neither a current nor a charge", "current from to"),
        (".enddevice\n", 2, 1, ".enddevice without .device", ""),
        (wrong(".enddevice\n", ""), 2, 1, "the device 'drift' is not closed", ".enddevice"),
        (wrong(".enddevice", ".enddevice drft"), 13, 12, "'drft' ends the device 'drift'", ".enddevice drift"),
        # what needs the equations, not only the names
        (wrong("v(p,n)/r\nrate", "v(p,n)*r\nrate"), 10, 1, r"the current p n: .* is in V\^2/A, where A belongs", "unit"),
        (wrong("let r = ron*y", "let r = y"), 9, 1, r"the intermediate value 'r': .* in", "unit"),
        (wrong("* v(p,n)/r\n", "* v(p,n)\n"), 11, 1, r"the rate x: .* where 1/s belongs", "unit"),
        (wrong("4*boltz*temperature/r", "4*boltz*temperature"), 12, 1, r"the noise p n: .* A\^2 s belongs", "unit"),
        (wrong("rate x =", "rate x = (x > 0.25 ? 1/(x - 0.5) : 0) *"), 11, 1, r"1/\(x - 0\.5\) is infinite at x = 0\.5", "domain"),
        (wrong("ron*y + roff*(1 - y)", "ron*sqrt(y) + roff*(1-y) + ron"), 10, 1, r"row of p: its derivative by x is infinite: .* at x = 0", "slope"),
        (wrong("param d=10n unit=m above=0", "param d=10n unit=m low=0"), 11, 1, r"1/\(d\) is infinite at d = 0", "range"),
        (wrong("state x=0.3", "state name=0.3").replace("rate x", "rate name").replace("limit(x", "limit(name"),
         7, 7, "'name' of drift has a name that every device uses", ""),
    ],
)  # fmt: skip
def test_mistakes_are_placed(text, line, column, match, more):
    whole = f"title\n{text}v1 a 0 1\nn1 a 0 drift\n.op\n"
    for attempt in (lambda: cn.parse(whole).circuit().op(), lambda: cn.check(text=whole).throw()):
        with pytest.raises(CircuitnnError, match=match) as caught:
            attempt()
        error = caught.value
        if isinstance(error, DeckErrors):
            error = next(e for e in error.errors if (e.place.line, e.place.column) == (line, column))
        assert (error.place.line, error.place.column) == (line, column)
        assert more in str(error)


def test_one_mistake_is_told_of_once():
    """A line that cannot be read defines its name; a device that is wrong exists, and so do its models."""
    for text in (
        wrong("param ron=100", "param ron={a}"), wrong("let r = ron", "let r = rom"),
        wrong("v(p,n)/r\nrate", "v(p,n)*r\nrate"), wrong("drift p n doc", "drift p n dok"),
        wrong("let y = limit(x, 0, 1)", "let y = limit(x, 0, 1"),
    ):  # fmt: skip
        report = cn.check(text=f"title\n{text}.model hp drift (ron=120)\nv1 a 0 1\nr1 a 0 1k\nn1 a 0 hp\n.op\n")
        assert len(report.errors) == 1, [str(error) for error in report.errors]


def test_check_lists_all_mistakes():
    text = (
        wrong("let r = ron", "let r = rom")
        .replace("v(p,n)/r\nrate", "v(p,q)/r\nrate")
        .replace("d=10n unit=m", "d=10n unitt=m")
    )
    report = cn.check(text=f"title\n{text}v1 a 0 {{vdd}}\n.op\n")
    assert [error.place.line for error in report.errors] == [5, 9, 10, 14]


def test_every_line_that_does_not_close_is_listed():
    text = wrong("v(p,n)/r\nrate", "v(p,n)*r\nrate").replace("temperature/r", "temperature")
    report = cn.check(text=f"title\n{text}v1 a 0 1\nn1 a 0 drift\n.op\n")
    assert [error.place.line for error in report.errors] == [10, 12]


def test_a_device_in_a_subcircuit_is_refused():
    with pytest.raises(CircuitnnError, match="a device inside the subcircuit 'cell'") as caught:
        cn.parse(f"t\n.subckt cell a\n{DRIFT}n1 a 0 drift\n.ends\n")
    assert not isinstance(caught.value, DeckErrors)


def test_parameters_and_nodes_are_checked_as_for_any_device():
    with pytest.raises(CircuitnnError, match="parameter 'ron' of drift is -1 ohm"):
        deck(".model hp drift (ron=-1)\nv1 a 0 1\nn1 a 0 hp\n").circuit().op()
    with pytest.raises(CircuitnnError, match="n1 has 3 nodes"):
        deck("v1 a 0 1\nn1 a 0 0 drift\n").circuit().op()
    with pytest.raises(CircuitnnError, match="drift has no parameter 'rom'") as caught:
        deck("v1 a 0 1\nn1 a 0 drift rom=2\n").circuit().op()
    assert "'ron'" in str(caught.value)
    with pytest.raises(CircuitnnError, match="absolute zero"):
        deck("v1 a 0 1\nn1 a 0 drift dtemp=-400\n").circuit().op()


def test_the_command_shows_devices_of_a_deck(tmp_path):
    from click.testing import CliRunner

    from circuitnn.cli.commands.devices import devices

    path = tmp_path / "a.cir"
    path.write_text(f"title\n{DRIFT}v1 a 0 1\nn1 a 0 drift\n.op\n")
    listed = CliRunner().invoke(devices, ["--deck", str(path)])
    assert "drift" in listed.output and "linear drift" in listed.output
    shown = CliRunner().invoke(devices, ["drift", "--deck", str(path)])
    assert "resistance when doped" in shown.output and "f[x]" in shown.output and "m^2/(V s)" in shown.output
    wrong = CliRunner().invoke(devices, ["drft", "--deck", str(path)])
    assert "'drift'" in str(wrong.exception)


@pytest.mark.parametrize(
    ("expression", "match"),
    [
        ("1/0", "1/0 divides by zero"), ("x/(1-1)", "x/(1-1) divides by zero"), ("1/(x-x)", "divides by zero"),
        ("log(0)", "log(0) has no finite real value"), ("sqrt(-1)*x", "sqrt(-1) has no finite real value"),
        ("asin(2)", "has no finite real value"), ("9**9**9**9**9", "too large|no finite real value"),
        ("pow(0-8, 0.5)", "no finite real value"), ("1e300*1e300", "no finite real value"),
        ("+".join(["x"] * 3000), "is too large"),
    ],
)  # fmt: skip
def test_numbers_without_a_value(expression, match):
    text = wrong("mu*ron/d**2 * v(p,n)/r", expression)
    (error,) = cn.check(text=f"title\n{text}v1 a 0 1\nn1 a 0 drift\n.op\n").errors
    assert error.place.line == 11
    import re

    assert any(part in error.message for part in match.split("|")), re.sub("\n.*", "", str(error))


pieces = st.sampled_from(
    [
        "x",
        "v(p,n)",
        "ron",
        "r",
        "0",
        "2",
        "1e200",
        "temperature",
        "-",
        "exp(",
        "log(",
        ")",
        "(",
        "/",
        "**",
        " < 1 ? ",
        ":",
        "*",
        "+",
    ]
)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(pieces, min_size=1, max_size=9), st.sampled_from(["let r =", "current p n =", "rate x =", "noise p n ="])
)
def test_any_line_is_read_or_refused(parts, head):
    """Nothing but our errors, each with its line."""
    lines = [f"{head} {''.join(parts)}" if line.startswith(head) else line for line in DRIFT.splitlines()]
    report = cn.check(text="\n".join(["title", *lines, "r1 a 0 1", ".op", ""]))
    for error in report.errors:
        assert isinstance(error, CircuitnnError) and error.place is not None and 2 <= error.place.line <= 13


def test_cells_of_a_crossbar_are_no_devices_of_the_deck():
    rest = ".model xb crossbar (device=drift rword=1 rbit=1)\nv1 r<0> 0 1\nr2 c<0> 0 1k\na1 [r<0:1>] [c<0:1>] xb\n.op\n"
    with pytest.raises(CircuitnnError, match="one that the deck writes itself"):
        deck(rest).run()


def test_what_flows_in_flows_out_and_slopes_are_those_of_the_values():
    """Kirchhoff's current law at the kernel, currents and charges, and the Jacobian against central differences."""
    text = """.device tri a b c
param g=1m unit=S low=0
param v0=1 unit=V above=0
param q0=1p unit=F low=0
state z=0.5 low=0 high=1
let u = v(a,b)/v0
current a b = g*v0*sinh(u)*z
current b c = g*v(a,c)
charge a c = q0*v(a,c)*(1 + z)
rate z = 1/(boltz*temperature)*q0*v(a,b)*v(a,b)*g/q0*(u > 0 ? u*u : -u*u)
.enddevice
"""
    device = device_class(cn.parse(f"t\n{text}").statements[0])
    kernel = kernel_of(device)
    values = {key: np.array([np.nan if p.default is None else p.default]) for key, p in device.params.items()}
    prepared = device.prepare(values, Environment())
    p = np.array([prepared[name] for name in kernel.param_names])
    u = np.array([[0.7], [-0.4], [0.2], [0.3]])
    f, q, jf, jq = kernel.evaluate(u, p)
    for row in (f[:3], q[:3]):
        assert abs(row.sum()) <= 1e-15 * np.abs(row).sum() and np.abs(row).sum() > 0
    assert f[0, 0] == pytest.approx(1e-3 * np.sinh(1.1) * 0.3, rel=1e-13, abs=0.0)
    assert q[0, 0] == pytest.approx(1e-12 * 0.5 * 1.3, rel=1e-13, abs=0.0)
    for out, entries, rows, cols in ((0, jf, kernel.jf_row, kernel.jf_col), (1, jq, kernel.jq_row, kernel.jq_col)):
        for k, (i, j) in enumerate(zip(rows, cols, strict=True)):
            h = np.zeros_like(u)
            h[j] = 1e-6
            slope = (kernel.evaluate(u + h, p)[out][i, 0] - kernel.evaluate(u - h, p)[out][i, 0]) / 2e-6
            # h^2 f'''/6 is 1e-12 of the value, cancellation 1e-16 f / h 1e-10
            assert entries[k, 0] == pytest.approx(slope, rel=1e-7, abs=1e-9 * np.abs((f, q)[out][i, 0]) + 1e-30)
