"""Devices whose equations do not close are refused when they are declared, and the message says which equation."""

import re
import time

import numpy as np
import pytest

from circuitnn.devices.closing import check
from circuitnn.devices.declare import Device, Environment, Equations, Memristor, Noise, Param, State, require
from circuitnn.devices.derive import derive
from circuitnn.devices.dimensions import parse_unit
from circuitnn.devices.load import register
from circuitnn.devices.symbolic import boltzmann, clip, elementary_charge, exp, log, power, quantity, sqrt, where
from circuitnn.errors import DeviceError
from circuitnn.registry import catalog

DEVICES = catalog("devices").all()


def memristor(current, rate, **members):
    """A class with the state x and the parameters r, tau, e, n."""
    body = {
        "__doc__": "under test",
        "name": "demo",
        "r": Param(1e3, "ohm", low=1.0, doc="resistance"),
        "tau": Param(1e-6, "s", low=0.0, exclusive=True, doc="time constant"),
        "e": Param(0.5, "eV", low=0.0, doc="barrier"),
        "k": Param(2.0, "1", low=1.0, doc="exponent"),
        "t": Param(300.0, "K", low=1.0, doc="temperature"),
        "l": Param(1e-9, "m", doc="length"),
        "x": State(0.2, "1", low=0.0, high=1.0, doc="state"),
        "current": current,
        "rates": lambda self, v: {"x": rate(self, v)},
    }
    return type("Demo", (Memristor,), body | members)


def ohm(self, v):
    return v / self.r


def slow(self, v):
    return v / quantity(1.0, "V") / self.tau


@pytest.mark.parametrize("name", DEVICES)
def test_library_devices_close(name):
    start = time.process_time()
    check(DEVICES[name])
    assert time.process_time() - start < 60.0  # a bound against search without end, far from what any machine takes


@pytest.mark.parametrize("name", [name for name, device in DEVICES.items() if device.unitless])
def test_who_is_not_examined_says_why(name):
    assert len(DEVICES[name].unitless) > 20


# -------------------------------------------------------------------------------------------------------------- units
@pytest.mark.parametrize(
    ("current", "rate", "match"),
    [
        (lambda s, v: v * s.r, slow, r"demo: the current of p: .* is in V\^2/A, where A belongs"),
        (lambda s, v: v / s.r + s.x, slow, r"the current of p: x in 1 \+ .*v\(p\)\)/r in A|in A \+ x in 1"),
        (lambda s, v: v / s.r * exp(v), slow, r"current of p: exp\(.*\): exp of something in V, not of a number"),
        (ohm, lambda s, v: v / s.tau, r"the rate of x: it is in V/s, where 1/s belongs"),
        (ohm, lambda s, v: where(v > 1, 1 / s.tau, 0), r"the rate of x: .* in V compared with 1 in 1"),
        (ohm, lambda s, v: where(s.x > 1, 1 / s.tau, 1), r"the rate of x: 1/tau in 1/s .* 1 in 1"),
        (lambda s, v: v**s.k / s.r, slow, r"which is in V, to the power k, which is no fixed number"),
        (ohm, lambda s, v: 2 ** (v) / s.tau, r"to the power .*, which is in V"),
        (ohm, lambda s, v: exp(-s.e / (boltzmann() * s.t)) / s.tau, r"of something in 1\.60218e-19, not of a number"),
        (ohm, lambda s, v: s.l / quantity(1.0, "nm") * log(s.l) / s.tau, r"log of something in m"),
    ],
)  # fmt: skip
def test_units_that_do_not_agree(current, rate, match):
    with pytest.raises(DeviceError, match=match) as caught:
        check(memristor(current, rate))
    assert caught.value.names[0] == "demo" or caught.value.names[0] == memristor(current, rate).name
    assert caught.value.expected


@pytest.mark.parametrize(
    "rate",
    [
        lambda s, v: exp(-s.e * quantity(1.602176634e-19, "J/eV") / (boltzmann() * s.t)) / s.tau,
        lambda s, v: exp(-s.e / (quantity(8.617333262e-5, "eV/K") * s.t)) / s.tau,
        lambda s, v: exp(elementary_charge() * v / (boltzmann() * s.t) * 1e-9) / s.tau,
        lambda s, v: where(v > 0, 1 / s.tau, 0) * power(clip(s.x, 0, 1), s.k),
        lambda s, v: (v / quantity(2.0, "V")) ** 2 / s.tau,
        lambda s, v: sqrt(v**2 + quantity(1e-6, "V^2")) / quantity(1.0, "mV") * 1e-3 / s.tau,
    ],
)  # fmt: skip
def test_units_that_agree(rate):
    unit = memristor(ohm, rate)
    if rate(unit_frame(unit), unit_frame(unit).p).has(quantity(1.0, "mV")):
        with pytest.raises(DeviceError, match=r"in 1000 1/s"):
            check(unit)  # the factor of a prefix counts
    else:
        check(unit)


def unit_frame(device):
    from circuitnn.devices.derive import frame_of

    return frame_of(device)[0]


def test_charges_and_noise_have_units():
    class Charged(Device):
        """A capacitor that forgets its capacitance."""

        c = Param(1e-12, "F", low=0.0, doc="capacitance")

        def equations(self):
            return Equations(q={"p": self.p - self.n, "n": self.n - self.p})

        def noise(self):
            return (Noise("shot", "p", "n", self.c),)

    with pytest.raises(DeviceError, match=r"charge of p: .* is in V, where C belongs"):
        check(Charged)
    Charged.equations = lambda self: Equations(q={"p": self.c * (self.p - self.n), "n": self.c * (self.n - self.p)})
    with pytest.raises(DeviceError, match=r"the noise 'shot': c is in F, where A\^2 s belongs"):
        check(Charged)


@pytest.mark.parametrize(
    ("text", "same"),
    [("ohm", "V/A"), ("F", "A s/V"), ("A/(m V^2)", "A/m/V^2"),
     ("S", "1/ohm"), ("Wb", "V s"), ("Hz", "1/s"), ("m^2/(V s)", "m^2/V/s"), ("W", "V*A"),
     ("V^(1/2)", "V^0.5"), ("degC", "K"), ("uA", "1 uA"), ("kJ/mol", "kV A s/mol"), ("T", "V s/m^2"), ("Pa", "N/m^2")],
)  # fmt: skip
def test_units_that_are_the_same(text, same):
    assert parse_unit(text).agrees(parse_unit(same))
    assert parse_unit(str(parse_unit(text)).replace("0.001 ", "").replace("1000 ", "").replace("1e-06 ", "")).powers


@pytest.mark.parametrize("text", ["", "furlong", "V//s", "V/", "^2", "(V", "V^", "2 V", "V s)"])
def test_what_is_no_unit(text):
    with pytest.raises(DeviceError, match="is no unit"):
        parse_unit(text)


# ---------------------------------------------------------------------------------------------------------- divisions
@pytest.mark.parametrize(
    ("current", "rate", "match"),
    [
        (lambda s, v: v / s.r / (s.x - 0.5), slow, r"the current of p: 1/\(x - 0\.5\) is infinite at x = 0\.5"),
        (lambda s, v: v / (s.r * s.x), slow, r"1/\(x\) is infinite at x = 0"),
        (ohm, lambda s, v: quantity(1.0, "V") / v / s.tau, r"the rate of x: 1/\(.*v\(p\)\) is infinite at"),
        (ohm, lambda s, v: quantity(1.0, "m") / s.l / s.tau, r"the rate of x: 1/\(l\) is infinite at l = 0"),
        (ohm, lambda s, v: log(s.x) / s.tau, r"the rate of x: log\(x\) has no value at x = 0"),
        (ohm, lambda s, v: sqrt(s.x - 0.75) / s.tau, r"\(x - 0\.75\)\^\(1/2\) has no value at x = "),
        (ohm, lambda s, v: (s.x - 0.5) ** s.k / s.tau, r"\(x - 0\.5\)\^\(k\) has no value at"),
        (ohm, lambda s, v: where(s.x > 0.25, 1 / (s.x - 0.5), 0) / s.tau, r"1/\(x - 0\.5\) is infinite at x = 0\.5"),
        (ohm, lambda s, v: 1 / (s.x**3 - 0.3) / s.tau, r"1/\(x\^3 - 0\.3\) is infinite at x = 0\.669433"),
    ],
)  # fmt: skip
def test_divisions_by_zero_come_with_a_witness(current, rate, match):
    with pytest.raises(DeviceError, match=match) as caught:
        check(memristor(current, rate))
    assert "domain" in caught.value.expected


def test_the_witness_is_one():
    """Put into the equation, the printed point makes the divisor zero to the digits that are printed."""
    with pytest.raises(DeviceError) as caught:
        check(memristor(ohm, lambda s, v: 1 / (s.x * s.k - 0.7) / s.tau))
    found = dict(re.findall(r"(\w+) = ([\d.e+-]+)", str(caught.value.message).split(" at ")[1]))
    assert float(found["x"]) * float(found["k"]) == pytest.approx(0.7, rel=1e-5)


@pytest.mark.parametrize(
    "rate",
    [
        lambda s, v: where(s.x > 0.6, 1 / (s.x - 0.5), 0) / s.tau,
        lambda s, v: 1 / (s.x + 0.001) / s.tau,
        lambda s, v: sqrt(s.x + 0.1) / s.tau,
        lambda s, v: log(1 + s.x) / s.tau,
        lambda s, v: where(s.x > 0, log(where(s.x > 0, s.x, 1)), 0) / s.tau,
        lambda s, v: 1 / where(s.x > 0.5, 1, -1) / s.tau,  # changes its sign without a zero
        lambda s, v: 1 / (1 + 1 / (s.x + 0.1)) / s.tau,
        lambda s, v: (
            where(s.l > quantity(0.0, "m"), quantity(1.0, "m") / where(s.l > 0, s.l, quantity(1.0, "m")), 0) / s.tau
        ),
        lambda s, v: power(clip(s.x, 0, 1), s.k) / s.tau,
        lambda s, v: 1 / exp(-700 * s.x) / s.tau,
    ],
)
def test_guarded_divisions_are_no_mistake(rate):
    check(memristor(ohm, rate))


@pytest.mark.parametrize(
    "rate",
    [
        lambda s, v: sqrt(s.x) / s.tau,
        lambda s, v: s.x ** (s.k - 0.5) * 0.0 + s.x**s.k / s.tau,  # sympy's slope is k x^k / x, 0/0 at x = 0
        lambda s, v: power(s.x, s.k - 0.5) / s.tau,
    ],
)
def test_infinite_slopes_are_refused(rate):
    with pytest.raises(DeviceError, match=r"the row of x: its derivative by x is infinite: .* at .*x = 0\b"):
        check(memristor(ohm, rate))


def test_a_power_with_a_slope_is_no_mistake():
    check(memristor(ohm, lambda s, v: power(s.x, s.k) / s.tau))


def test_what_prepare_refuses_is_no_domain():
    class Span(Memristor):
        """Two ends that must differ."""

        a = Param(0.0, "V", doc="one end")
        b = Param(1.0, "V", doc="other end")
        x = State(0.0, "1", doc="unused")

        def current(self, v):
            return v * quantity(1e-3, "S")

        def rates(self, v):
            return {"x": v / (self.a - self.b) * quantity(1.0, "1/s")}

    with pytest.raises(DeviceError, match=r"1/\(a - b\) is infinite"):
        check(Span)

    @classmethod
    def prepare(cls, values, env: Environment):
        require(values["a"] < values["b"], "the ends are the same", expected="a below b")
        return values

    Span.prepare = prepare
    check(Span)


def test_a_constant_division_by_zero():
    import sympy

    with pytest.raises(DeviceError, match=r"demo: the rate of x has no finite value"):
        check(memristor(ohm, lambda s, v: sympy.Integer(1) / sympy.Integer(0)))
    with pytest.raises(DeviceError, match=r"divide by the number 0 \(in <lambda>\)|divide by the number 0"):
        check(memristor(ohm, lambda s, v: 1 / 0))


# ------------------------------------------------------------------------------------------------ rows and names
def test_a_state_without_an_equation():
    class Still(Device):
        """A state that nothing moves."""

        g = State(1e-6, "S", doc="conductance")

        def equations(self):
            return Equations(f={"p": self.g * (self.p - self.n), "n": -self.g * (self.p - self.n)})

    with pytest.raises(DeviceError, match="the state 'g' has no equation") as caught:
        register(Still)
    assert "a rate for g" in str(caught.value)


def test_an_inner_node_without_an_equation():
    class Loose(Device):
        """An inner node that nothing joins."""

        internals = ("m",)

        def equations(self):
            return Equations()

    with pytest.raises(DeviceError, match="the unknown 'm' has no equation"):
        register(Loose)


def test_a_rate_of_no_state_has_the_nearest_name():
    wrong = memristor(ohm, slow)
    wrong.rates = lambda self, v: {"xx": v}
    with pytest.raises(DeviceError, match=r"rate of xx is that of no state|rate of x is missing"):
        check(wrong)


def test_an_equation_of_no_unknown_has_the_nearest_name():
    class Astray(Device):
        """Wrong."""

        terminals = ("drain", "source")

        def equations(self):
            return Equations(f={"drian": self.drain})

    with pytest.raises(DeviceError, match="'drian', which is no unknown") as caught:
        register(Astray)
    assert "'drain'" in caught.value.hint


def test_a_foreign_symbol_is_named_with_its_row():
    import sympy

    wrong = memristor(ohm, lambda s, v: sympy.Symbol("tauu") * s.x)
    with pytest.raises(DeviceError, match=r"undeclared symbol 'tauu' in the rate of x") as caught:
        derive(wrong)
    assert "'tau'" in caught.value.hint


@pytest.mark.parametrize(
    ("rate", "hint"),
    [
        (lambda s, v: 1 if v > 0 else 2, "where"),
        (lambda s, v: np.exp(s.x), "symbolic"),
        (lambda s, v: float(s.x), "symbolic"),
    ],
)  # fmt: skip
def test_functions_of_numbers_get_a_hint(rate, hint):
    with pytest.raises(DeviceError) as caught:
        check(memristor(ohm, rate))
    assert hint in caught.value.hint


def test_a_parameter_out_of_range_names_its_source():
    with pytest.raises(DeviceError) as caught:
        DEVICES["linear_drift"].params["ron"].check("linear_drift", "ron", -1.0)
    assert "resistance with x = 1; source: Joglekar and Wolf" in caught.value.expected


def test_register_refuses_before_anything_is_built(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DeviceError, match="is infinite at x = 0"):
        register(memristor(lambda s, v: v / (s.r * s.x), slow))
    assert not list(tmp_path.iterdir()) and "demo" not in catalog("devices")


def test_a_quantity_is_its_number():
    one = derive(memristor(lambda s, v: v * quantity(2e-3, "S"), slow))
    other = derive(memristor(lambda s, v: v * 2e-3, slow))
    assert one.f[0] == other.f[0] and not one.f[0].has(quantity(2e-3, "S"))
