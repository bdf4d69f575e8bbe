"""Transfer functions, poles and zeros against their formulas."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import CircuitError, CircuitnnError, NetlistError, SingularMatrixError, UsageError


def values(result, what):
    return np.array([result[name] for name in result if name.startswith(what)])


def ladder(count, r=1e3, c=1e-9):
    circuit = cn.Circuit("ladder")
    circuit.V("in", "n0", 0)
    for k in range(count):
        circuit.R(str(k), f"n{k}", f"n{k + 1}", r)
        circuit.C(str(k), f"n{k + 1}", 0, c)
    return circuit


# ---------------------------------------------------------------------- tf
def test_a_diode_has_its_slope():
    c = cn.Circuit("diode")
    c.I("1", 0, "a", dc=1e-3)
    c.D("1", "a", 0, model="dm")
    c.model("dm", "d", is_=1e-14)
    slope = 1.38064852e-23 * 300.15 / 1.6021766208e-19 / 1e-3
    tf = c.tf("v(a)", "i1")
    for name in ("transfer_function", "i1#input_impedance", "output_impedance_at_v(a)"):
        assert tf[name] == pytest.approx(slope, rel=1e-9)


def test_currents_and_differences():
    c = cn.Circuit("loop")
    c.V("1", "in", 0, dc=2.0)
    c.R("1", "in", "a", 1e3)
    c.V("m", "a", "b", dc=0.0)
    c.R("2", "b", 0, 3e3)
    c.I("1", "b", 0, dc=1e-3)
    tf = c.tf("i(vm)", "v1")
    assert [tf[name] for name in tf] == pytest.approx([2.5e-4, 4e3, 4e3], rel=1e-12, abs=0.0)
    tf = c.tf("i(vm)", "i1")
    assert [tf[name] for name in tf] == pytest.approx([0.75, 750.0, 4e3], rel=1e-12, abs=0.0)
    tf = c.tf("v(b,in)", "i1")
    assert tf["transfer_function"] == pytest.approx(-750.0, rel=1e-12)


def test_an_open_input_has_no_finite_resistance():
    c = cn.Circuit("open")
    c.V("1", "a", 0, dc=1.0)
    c.E("1", "b", 0, "a", 0, 10.0)
    c.R("1", "b", 0, 1e3)
    tf = c.tf("v(b)", "v1")
    assert tf["v1#input_impedance"] == 1e20
    assert tf["transfer_function"] == pytest.approx(10.0)
    assert tf["output_impedance_at_v(b)"] == pytest.approx(0.0, abs=1e-12)


def test_current_sources_in_parallel_see_one_resistance():
    deck = cn.parse("t\ni1 0 a 1m m=3\nr1 a 0 1k\n.tf v(a) i1\n").run()
    assert deck.tf["i1#input_impedance"] == pytest.approx(1e3)


# ---------------------------------------------------------------------- pz
def test_a_series_resonance():
    c = cn.Circuit("rlc")
    c.V("in", "a", 0)
    c.R("1", "a", "b", 10.0)
    c.L("1", "b", "d", 1e-3)
    c.C("1", "d", 0, 1e-9)
    pz = c.pz("a", 0, "d", 0)
    damping, resonance = 10.0 / 2e-3, 1 / np.sqrt(1e-12)
    ring = 1j * np.sqrt(resonance**2 - damping**2)
    np.testing.assert_allclose(values(pz, "pole"), [-damping + ring, -damping - ring], rtol=1e-12)
    assert len(values(pz, "zero")) == 0
    # over the inductor both zeros are at zero; they are exact
    np.testing.assert_array_equal(values(c.pz("a", 0, "b", "d"), "zero"), [0.0, 0.0])


@pytest.mark.parametrize("count", [1, 5, 60])
def test_a_ladder(count):
    pz = ladder(count).pz("n0", 0, f"n{count}", 0)
    k = np.arange(count)
    expected = -4e6 * np.sin((2 * k + 1) * np.pi / (2 * (2 * count + 1))) ** 2
    np.testing.assert_allclose(values(pz, "pole"), expected, rtol=1e-10)
    assert len(values(pz, "zero")) == 0


def test_the_slowest_poles_of_a_long_ladder():
    count = 800
    pz = ladder(count).pz("n0", 0, f"n{count}", 0, wanted="pol")
    k = np.arange(40)
    expected = -4e6 * np.sin((2 * k + 1) * np.pi / (2 * (2 * count + 1))) ** 2
    np.testing.assert_allclose(values(pz, "pole"), expected, rtol=1e-6)
    with pytest.raises(CircuitnnError, match="too many"):
        ladder(count).pz("n0", 0, f"n{count}", 0)


def test_equal_poles_stay_equal():
    """Five buffered stages: ngspice gives up after its iterations."""
    c = cn.Circuit("buffered")
    c.V("in", "n0", 0)
    for k in range(5):
        c.E(str(k), f"e{k}", 0, f"n{k}", 0, 1.0)
        c.R(str(k), f"e{k}", f"n{k + 1}", 1e3)
        c.C(str(k), f"n{k + 1}", 0, 1e-9)
    np.testing.assert_allclose(values(c.pz("n0", 0, "n5", 0), "pole"), np.full(5, -1e6), rtol=1e-12)


def test_time_constants_over_fifteen_decades():
    c = cn.Circuit("wide")
    c.V("in", "a", 0)
    for k in range(6):
        c.R(f"{k}", "a", f"b{k}", 1e3)
        c.C(f"{k}", f"b{k}", 0, 10.0 ** (-15 + 3 * k))
    np.testing.assert_allclose(
        values(c.pz("a", 0, "b0", 0, wanted="pol"), "pole").real, -(10.0 ** np.arange(-3.0, 13.0, 3.0)), rtol=1e-12
    )


def test_loops_of_capacitors_and_sources_have_no_poles_at_infinity():
    c = cn.Circuit("loop")
    c.V("in", "a", 0)
    c.C("1", "a", "b", 1e-9)
    c.C("2", "b", "d", 2e-9)
    c.C("3", "d", 0, 1e-9)
    c.R("1", "b", 0, 1e3)
    c.R("2", "d", 0, 1e3)
    pz = c.pz("a", 0, "d", 0)
    # equal branches: the sum and the difference of both voltages
    np.testing.assert_allclose(values(pz, "pole"), [-1 / (1e3 * 5e-9), -1 / (1e3 * 1e-9)], rtol=1e-12)
    np.testing.assert_allclose(values(pz, "zero"), [0.0, 0.0], atol=1e-9)


def test_a_miller_amplifier_has_its_zero_on_the_right():
    c = cn.Circuit("miller")
    c.I("in", 0, "g", dc=0.0)
    c.R("s", "g", 0, 10e3)
    c.C("gd", "g", "d", 1e-12)
    c.G("m", "d", 0, "g", 0, 1e-3)
    c.R("o", "d", 0, 10e3)
    c.C("l", "d", 0, 1e-12)
    pz = c.pz("g", 0, "d", 0, "cur")
    np.testing.assert_allclose(values(pz, "zero"), [1e-3 / 1e-12], rtol=1e-12)
    # det = (1e-4 + s 1p) (1e-4 + s 2p) + s 1p (1e-3 - s 1p)
    expected = np.roots([1e-24, 1.3e-15, 1e-8])
    np.testing.assert_allclose(np.sort(values(pz, "pole").real), np.sort(expected.real), rtol=1e-10)


def test_two_stages_agree_with_their_response():
    """H(s) from ac is a constant times the product of zeros over that of poles."""
    c = cn.Circuit("two stages")
    c.V("in", "a", 0, ac=1.0)
    c.R("s", "a", "g", 5e3)
    c.C("gd", "g", "d", 0.3e-12)
    c.C("gs", "g", 0, 2e-12)
    c.G("m", "d", 0, "g", 0, 2e-3)
    c.R("o", "d", 0, 20e3)
    c.C("o", "d", "e", 10e-12)
    c.R("e", "e", 0, 1e6)
    c.G("m2", "f", 0, "e", 0, 1e-3)
    c.R("f", "f", 0, 5e3)
    c.L("f", "f", "out", 1e-6)
    c.C("f", "out", 0, 3e-12)
    pz, ac = c.pz("a", 0, "out", 0), c.ac(1e2, 1e10, 5)
    s = 2j * np.pi * ac.frequency
    poles, zeros = values(pz, "pole"), values(pz, "zero")
    model = np.prod(s[:, None] - zeros, axis=1) / np.prod(s[:, None] - poles, axis=1)
    np.testing.assert_allclose(ac["v(out)"] / model, (ac["v(out)"] / model)[0], rtol=1e-8)


def test_a_source_without_ac_that_holds_the_input_drives_it():
    a, b = ladder(3), ladder(3)
    del b.elements["vin"]
    b.V("in", "n0", 0, ac=1.0)
    one, two = (c.pz("n0", 0, "n2", 0) for c in (a, b))
    np.testing.assert_allclose(one.data, two.data, rtol=1e-12)


@pytest.mark.parametrize(
    ("args", "error", "match"),
    [
        (("nowhere", 0, "n2", 0), CircuitError, "nowhere"),
        (("n0", "n0", "n2", 0), UsageError, "input"),
        (("n0", 0, "n2", "n2"), UsageError, "output"),
        (("n0", 0, "n2", 0, "power"), UsageError, "power"),
    ],
)
def test_what_cannot_be_asked_is_refused(args, error, match):
    with pytest.raises(error, match=match):
        ladder(3).pz(*args)


def test_an_output_without_input_has_no_zeros():
    c = ladder(2)
    c.R("apart", "z", 0, 1e3)
    c.C("apart", "z", 0, 1e-9)
    with pytest.raises(SingularMatrixError, match="does not depend on the input"):
        c.pz("n0", 0, "z", 0)


@pytest.mark.parametrize(
    "card", [".tf v(b)", ".pz a 0 b 0 vol", ".pz a 0 b 0 volt pz", ".pz a 0 b 0 vol all", ".disto dec 10 1 10"]
)
def test_malformed_cards_are_refused(card):
    with pytest.raises(NetlistError):
        cn.parse(f"t\nvin a 0 1\nr1 a b 1k\nr2 b 0 1k\n{card}\n").run()
