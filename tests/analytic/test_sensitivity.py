"""Sensitivities against formulas, and against finite differences of whole solutions."""

from dataclasses import replace

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import CircuitError, NetlistError, UsageError

AMPLIFIER = """two transistors, a diode, a switch, a transformer
.options reltol=1e-12 abstol=1e-18 vntol=1e-15 temp=40
vdd d 0 5
vin in 0 dc 1.1 ac 2 30
rin in g 10k tc1=1e-3
rd d out 10k
m1 out g s 0 nm w=10u l=1u
rs s 0 500
cs s 0 1n
m2 o2 out 0 0 nm w=2u l=2u
r2 d o2 20k
d1 o2 a dm area=2
r3 a 0 5k
e1 b 0 o2 0 0.5
r4 b c 1k
s1 c 0 in 0 sw
f1 0 out vin 0.1
b1 c 0 i=1e-5*v(out)*v(a)
l1 b p 1m
l2 q 0 4m
k1 l1 l2 0.7
rp p 0 300
rq q 0 400
.model nm nmos (level=1 kp=100u vto=0.7 gamma=0.4 phi=0.65 lambda=0.02 tox=20n cgso=0.2n cgdo=0.3n cj=0.3m rd=20)
.model dm d (is=1e-14 n=1.2 rs=5 cjo=3p tt=2n)
.model sw sw (vt=0.5 ron=700 roff=1meg)
"""


def changed(circuit, name, factor):
    """The circuit with one parameter, named as in a sensitivity, multiplied; and the parameter's value."""
    other = circuit.copy()
    element, _, model_param = name.partition(":")
    if not model_param and name not in other.elements:
        element, _, param = name.rpartition("_")
        model_param = ""
    else:
        param = model_param
    old = other.elements[element]
    if model_param:
        card = other.models[old.model]
        alias = {"mj": "mj"}.get(param, param)
        value = card.params.get(alias)
        if value is None:
            value = other.device_of(old)[0].params[param].default
        own = replace(card, name=f"own_{element}", params={**card.params, alias: value * factor})
        other.models[own.name] = own
        other.elements[element] = replace(old, model=own.name)
        return other, value
    device, values = other.device_of(old)
    param = param or device.positional
    value = values.get(param, device.params[param].default)
    other.elements[element] = replace(old, params={**old.params, param: value * factor})
    return other, value


def output(circuit, frequency):
    if frequency is None:
        return circuit.op()["v(c)"]
    return circuit.ac(frequency, frequency, 1, "lin")["v(c)"][0]


@pytest.mark.parametrize("frequency", [None, 3e5])
def test_every_parameter_agrees_with_differences_of_whole_solutions(frequency):
    circuit = cn.parse(AMPLIFIER).circuit()
    sens = circuit.sens("v(c)") if frequency is None else circuit.sens("v(c)", frequency, frequency, 1, "lin")
    names = [name for name in sens if name != "frequency"]
    assert {"rin", "m1:kp", "m1_w", "d1_area", "d1:is", "e1_gain", "rd", "s1:ron", "rin_tc1"} <= set(names)
    largest = max(abs(np.atleast_1d(sens[n])[0] * changed(circuit, n, 1.0)[1]) for n in names)
    step = 1e-4
    for name in names:
        (up, value), (down, _) = (changed(circuit, name, 1.0 + s) for s in (step, -step))
        expected = (output(up, frequency) - output(down, frequency)) / (2.0 * step)
        found = np.atleast_1d(sens[name])[0] * value
        # a step of 1e-4 leaves 1e-8 of curvature, solutions to 1e-12 another 1e-8 of the largest
        assert abs(found - expected) <= 1e-5 * abs(expected) + 3e-8 * largest, (name, found, expected)


def test_a_divider():
    c = cn.Circuit("divider")
    c.V("in", "a", 0, dc=4.0)
    c.R("1", "a", "b", 1e3)
    c.R("2", "b", 0, 3e3, m=2)
    sens = c.sens("v(b)")
    # v = 4 R2' / (R1 + R2'), R2' = R2 / 2
    assert sens["r1"] == pytest.approx(-4 * 1500 / 2500**2, rel=1e-9, abs=0.0)
    assert sens["r2"] == pytest.approx(4 * 1000 / 2500**2 / 2, rel=1e-9, abs=0.0)
    assert sens["r2_m"] == pytest.approx(-4 * 1000 / 2500**2 * 750, rel=1e-9)
    assert sens["vin"] == pytest.approx(0.6, rel=1e-12, abs=0.0)


@pytest.mark.parametrize("name", ["ron", "roff", "w0", "w_off"])
def test_a_memristor_counts_where_its_state_holds(name):
    params = {"ron": 100.0, "roff": 16e3, "w0": 1e-9, "w_off": 3e-9}

    def circuit(**other):
        c = cn.Circuit("memristor")
        c.V("in", "a", 0, dc=0.01)
        c.model("vt", "vteam", **{**params, **other})
        c.N("1", "a", "b", model="vt")
        c.R("1", "b", 0, 1e3)
        return c

    step = 1e-4 * params[name]
    up, down = (circuit(**{name: params[name] + s}).op()["v(b)"] for s in (step, -step))
    assert circuit().sens("v(b)")[f"n1:{name}"] == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=0.0)


def test_currents_and_differences_are_outputs():
    c = cn.Circuit("loop")
    c.V("in", "a", 0, dc=1.0)
    c.R("1", "a", "b", 1e3)
    c.R("2", "b", 0, 1e3)
    assert c.sens("i(vin)")["r1"] == pytest.approx(1.0 / 2e3**2, rel=1e-9, abs=0.0)
    assert c.sens("v(a,b)")["r1"] == pytest.approx(1e3 / 2e3**2, rel=1e-9, abs=0.0)


def test_phase_and_magnitude_of_a_source():
    c = cn.Circuit("rc")
    c.V("in", "a", 0, ac=2.0, phase=30.0)
    c.R("1", "a", "b", 1e3)
    c.C("1", "b", 0, 1e-9)
    sens, ac = (run(1e5, 1e6, 1) for run in (lambda *a: c.sens("v(b)", *a), c.ac))
    np.testing.assert_allclose(sens["vin_acmag"], ac["v(b)"] / 2.0, rtol=1e-12)
    np.testing.assert_allclose(sens["vin_acphase"], 1j * np.pi / 180 * ac["v(b)"], rtol=1e-12)


@pytest.mark.parametrize(
    ("args", "error"), [(("v(x)",), CircuitError), (("b",), UsageError), (("v(b)", 1.0), UsageError)]
)
def test_what_cannot_be_asked_is_refused(args, error):
    c = cn.Circuit("divider")
    c.V("in", "a", 0, dc=4.0)
    c.R("1", "a", "b", 1e3)
    c.R("2", "b", 0, 3e3)
    with pytest.raises(error):
        c.sens(*args)


@pytest.mark.parametrize("card", [".sens", ".sens v(b) ac dec 1 1", ".sens v(b) ac log 1 1 10"])
def test_malformed_cards_are_refused(card):
    with pytest.raises(NetlistError, match=r"AC DEC"):
        cn.parse(f"t\nvin a 0 1\nr1 a b 1k\nr2 b 0 1k\n{card}\n").run()
