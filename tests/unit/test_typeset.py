"""Equations as LaTeX: every device has them, with balanced braces, in the names of its declaration."""

import numpy as np
import pytest

from circuitnn.devices import symbolic
from circuitnn.devices.derive import frame_of
from circuitnn.devices.notation import latex_name, latex_number, latex_quantity, readable
from circuitnn.devices.typeset import LONGEST, equations_latex, typeset
from circuitnn.registry import catalog

DEVICES = catalog("devices").all()


@pytest.mark.parametrize("name", DEVICES)
def test_every_device_is_typeset(name):
    formulas = equations_latex(DEVICES[name])
    assert formulas or name == "mutual"
    for text in formulas:
        assert text.count("{") == text.count("}") and text.count(r"\left") == text.count(r"\right"), text
        assert r"\begin{cases}" not in text or text.count(r"\begin{cases}") == text.count(r"\end{cases}")
        # names of the derivation, of functions that are only shown, and guards that a reader has no use for
        for raw in ("u_", "p_", "lim_", "let_", "case_", "Cases", "Power", "within", "largest", "least"):
            assert f" {raw}" not in text, text
        assert len(text) < 3 * LONGEST


def test_a_drift_reads_as_in_the_paper():
    found = typeset(DEVICES["linear_drift"])
    (current, rate), window = found.laws, found.parts
    assert current.startswith("i_{p} = -i_{n} = ") and r"\mathrm{roff}" in current
    # cases have a formula of their own, and v is the voltage between the terminals
    assert "cases" not in current + rate and "cases" in window[-1] and found.voltage == "v = v_{p} - v_{n}"
    # what stops the state at its bounds is no part of the formula
    assert rate.startswith(r"\frac{\mathrm{d} x}{\mathrm{d} t} = ") and "0.0001" not in rate


@pytest.mark.parametrize("name", DEVICES)
def test_no_two_names_look_alike(name):
    device = DEVICES[name]
    names = {*device.params, *device.derived, *device.states}
    assert len({latex_name(each) for each in names}) == len(names)


@pytest.mark.parametrize("name", DEVICES)
def test_formulas_are_whole(name):
    """No formula is cut, no guard's number shows, and what has a symbol of its own is defined once."""
    formulas = equations_latex(DEVICES[name])
    assert not any("function" in text or "10^{34}" in text for text in formulas)
    defined = [text.partition(" = ")[0] for text in typeset(DEVICES[name]).parts]
    assert len(set(defined)) == len(defined)


def test_a_filament_reads_as_in_the_paper():
    current, gap, rise = typeset(DEVICES["stanford"]).laws
    assert current.endswith(
        r"i_{0} \, \exp\left( - \frac{\mathrm{gap}}{g_{0}} \right) \, \sinh{\left(\frac{v}{v_{0}} \right)}"
    )
    assert gap.startswith(r"\frac{\mathrm{d} \mathrm{gap}}{\mathrm{d} t}")
    # a temperature relaxes with its time constant
    assert rise.startswith(r"\tau_{\mathrm{th}} \frac{\mathrm{d} \mathrm{rise}}{\mathrm{d} t} = ")
    assert rise.endswith(r"- \mathrm{rise}")


def test_guards_are_left_out_and_meaning_is_kept():
    import sympy

    x, y = sympy.symbols("x y", real=True)
    assert readable(symbolic.limexp(x)) == sympy.exp(x)
    assert readable(symbolic.limsinh(x / y)) == sympy.sinh(x / y)
    assert readable(symbolic.clip(x, 0, y), {x: True}) == x
    assert str(readable(symbolic.clip(x, 0, y))) == "within(x, 0, y)"
    # of a state without bounds, limits that are parameters mean something
    assert str(readable(symbolic.clip(x, 0, y), {x: False})) == "within(x, 0, y)"
    assert readable(symbolic.clip(x, 0, symbolic.quantity(1e4, "K")), {x: False}) == x
    assert readable(symbolic.where(x >= 0, x, -x)) == abs(x)
    assert readable(symbolic.where(x >= 0, y, -y)) == y * sympy.sign(x)
    assert str(readable(symbolic.maximum(x, y))) == "largest(x, y)"
    assert str(readable(symbolic.where(x >= y, y, x))) == "least(x, y)"
    assert str(readable(symbolic.where(x <= y, x, y))) == "least(x, y)"
    # two forms of one value are one, two values are two
    assert readable(symbolic.soft_positive(x, y)) == (x + sympy.sqrt(x**2 + 4 * y**2)) / 2
    kept = symbolic.where(x > y, x**2, y)
    assert readable(kept) == kept


def test_numbers_and_quantities():
    assert latex_number(-1e5) == "- 10^{5}" and latex_number(2.5e-7) == r"2.5 \cdot 10^{-7}"
    assert latex_number(float(np.pi)) == r"\pi" and latex_number(0.0) == "0"
    assert latex_quantity("8.617330337217213e-05 eV/K") == r"k_{\mathrm{B}}"
    assert latex_quantity("10000.0 K") == r"10^{4}\,\mathrm{K}"
    assert latex_quantity("2.0 m^2/(V s)") == r"2\,\mathrm{m^{2}/(V\,s)}"


def value(expr, at):
    """The value of an expression of the derivation or of one made readable."""
    import sympy

    at = at | {each: each.value for each in expr.atoms(symbolic.quantity_class())}
    shown = {"within": lambda x, a, b: min(max(x, a), b), "largest": max, "least": min, "Power": lambda x, n: x**n}
    found = symbolic.substitute(expr, {symbol: sympy.Float(number) for symbol, number in at.items()})
    return float(found.replace(lambda e: type(e).__name__ in shown, lambda e: shown[type(e).__name__](*e.args)))


@pytest.mark.parametrize("volts", [0.3, -0.3])
@pytest.mark.parametrize("name", ["linear_drift", "vteam", "team", "yakopcic", "stanford", "bocquet", "ftj", "ovonic"])
def test_what_is_shown_has_the_value_of_what_is_solved(name, volts):
    """At the defaults and within the bounds, where no guard acts; rounding is all that may differ."""
    import sympy

    device = DEVICES[name]
    frame, unknown, known = frame_of(device)
    defaults = {key: p.default for key, p in device.params.items() if p.default is not None}
    numbers = {known[key]: number for key, number in {**dict.fromkeys(device.derived, 300.0), **defaults}.items()}
    states = {}
    for key, state in device.states.items():
        ends = [defaults[end] if isinstance(end, str) else end for end in (state.low, state.high)]
        numbers[unknown[key]] = 10.0 if None in ends else 0.4 * ends[0] + 0.6 * ends[1]
        states[unknown[key]] = None not in ends
    numbers |= {unknown[device.terminals[0]]: volts, unknown[device.terminals[1]]: 0.0}
    equations = frame.equations()
    for item in frame.lets:
        numbers[item.symbol] = value(item.value, numbers)
        assert value(readable(item.value, states), numbers) == pytest.approx(numbers[item.symbol], rel=1e-9, abs=0.0)
    for row in (*equations.f.values(), *equations.q.values()):
        whole = sympy.sympify(row)
        assert value(readable(whole, states), numbers) == pytest.approx(value(whole, numbers), rel=1e-9, abs=0.0)
