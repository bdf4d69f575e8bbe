"""Measures, vector expressions and Fourier analysis on waveforms whose answers are known in closed form."""

import re

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import AnalysisError, NetlistError, UsageError
from circuitnn.measure.expression import evaluate_on, split_expressions
from circuitnn.results.result import Result, Variable

T = np.linspace(0.0, 2.0, 2001)
SINE = np.sin(2 * np.pi * T)
RAMP = T / 2.0
TRAN = Result(
    "tran1",
    "tran",
    "waves",
    [
        Variable("time", "time"),
        *(Variable(f"v({n})", "voltage") for n in ("s", "r", "sq")),
        Variable("i(v1)", "current"),
    ],
    np.column_stack([T, SINE, RAMP, np.where(np.mod(T, 1.0) < 0.5, 1.0, -1.0), -SINE / 50.0]),
)
F = np.logspace(0, 6, 601)
LOWPASS = 1.0 / (1.0 + 1j * F / 1e3)
AC = Result(
    "ac1",
    "ac",
    "filter",
    [Variable("frequency", "frequency"), Variable("v(out)", "voltage")],
    np.column_stack([F, LOWPASS]),
)
#: Lines between 1000 points a period: their sagitta is pi^2/2 * 1e-6 of the amplitude, and of instants as much.
LINES = 1e-5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("when v(s)=0.5", 1 / 12),
        ("when v(s)=0.5 cross=2", 5 / 12),
        ("when v(s)=0.5 rise=2", 1 + 1 / 12),
        ("when v(s)=0.5 fall=last", 1 + 5 / 12),
        ("when v(s)=0.5 cross=last", 1 + 5 / 12),
        ("when v(s)=0.5 last", 1 + 5 / 12),
        ("when v(s)=0.5 td=0.2", 5 / 12),
        ("when v(s)=0.5 from=0.5 to=1.3", 1 + 1 / 12),
        ("when v(r) = v(s) cross=2", 1.0919172),  # sin(2 pi t) = t/2
        ("find v(r) at=0.3331", 0.16655),
        ("find v(r) when v(s)=-0.5", 7 / 24),
        ("find par('v(r)*2') when v(s)=-0.5 cross=2", 11 / 12),
        ("deriv v(s) at=0.5", -2 * np.pi),
        ("derivative v(s) when v(r)=0.5", 2 * np.pi),
        ("trig v(s) val=0.5 rise=1 targ v(s) val=0.5 fall=1", 1 / 3),
        ("trig at=0.25 targ v(s) val=0 fall=1", 0.25),
        ("trig v(s) val=0.5 rise=1 targ at=1", 11 / 12),
        ("trig v(s) val=0 fall=1 td=0.6 targ v(s) val=0 rise=1 td=0.7", -0.5),
        ("avg v(s) from=0 to=0.5", 2 / np.pi),
        ("avg v(r) from=0.0503 to=0.3137", 0.091),
        ("rms v(s)", np.sqrt(0.5)),
        ("integ v(s) from=0.25 to=0.5", 0.5 / np.pi),
        ("integral v(r)", 1.0),
        ("min v(s) from=0.1 to=0.2", np.sin(0.2 * np.pi)),
        ("max v(s)", 1.0),
        ("pp v(s) goal=3", 2.0),
        ("max_at v(s) from=0 to=1", 0.25),
        ("min_at v(s) from=0 to=1", 0.75),
        ("max v(s,r)", 0.878168),
        ("max v(s)*v(s)", 1.0),
        ("avg v(s)*i(v1)", -0.01),
        ("max i(v1)", 0.02),
        ("max v1#branch", 0.02),
        ("max -v(s)", 1.0),
        ("param='2*pi+max(1,3)'", 2 * np.pi + 3),
    ],
)
def test_measures_of_sines_and_ramps(text, expected):
    assert TRAN.measure(text) == pytest.approx(expected, abs=LINES * max(1.0, abs(expected)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("when vdb(out)=-3.0103", 1e3),
        ("when vp(out)=-0.785398163", 1e3),
        ("find vdb(out) at=1e6", -60.0),
        ("find vm(out) at=1e3", np.sqrt(0.5)),
        ("find v(out) at=1e3", 0.5),  # of a complex vector the real part, as in ngspice
        ("find vi(out) at=1e3", -0.5),
        ("min db(v(out))", -60.0),
        ("trig vdb(out) val=-20 fall=1 targ vdb(out) val=-40 fall=1", 1e5 - 9949.87),
    ],
)
def test_measures_of_a_low_pass(text, expected):
    # 100 points a decade: lines in a logarithmic axis miss by (ln(10)/100)^2/8
    assert AC.measure(text) == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("when v(s)=2", "there are none"),
        ("when v(s)=0.5 rise=3", "number 3 of its rises, and there are 2"),
        ("find v(s) at=3", "3 lies outside 0 .. 2"),
        ("avg v(s) from=3 to=4", "lies outside"),
        ("avg v(s) from=1 to=0.5", "ends at 0.5 before it begins"),
        ("rms v(s) from=1 to=1", "no width"),
        ("max v(zz)", "has no variable 'v(zz)'"),
        ("max db(v(s)-v(s))", "not finite"),
        ("param='nosuch*2'", "'nosuch' is neither"),
        ("when v(r)-v(r)=0", "never leaves its level"),
    ],
)
def test_what_cannot_be_measured_says_why(text, why):
    with pytest.raises(AnalysisError, match=re.escape(why)):
        TRAN.measure(text)


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ("tran x maxx v(a)", "did you mean 'max'"),
        ("tran x", "there is no measurement"),
        ("tran x when v(a)", "when without ="),
        ("tran x when v(a)=1 rise=0", "counts nothing"),
        ("tran x find v(a)", "without when or at="),
        ("tran x trig v(a) val=1 rise=1", "trig without targ"),
        ("tran x max v(a) form=1", "did you mean 'from'"),
        ("tran x max v(a)+", "where an operand belongs"),
        ("tran x max nosuch(v(a))", "no function 'nosuch'"),
        ("tran x avg v(a) from=abc", "abc"),
        ("tran x param='(1'", "where ',' belongs"),
    ],
)
def test_malformed_cards_are_located(card, words):
    deck = cn.parse(f"t\nv1 a 0 1\nr1 a 0 1\n.tran 1u 1m\n.meas {card}\n")
    with pytest.raises(NetlistError, match="measure") as error:
        deck.run()
    assert words in str(error.value) and error.value.place.line == 5


def test_a_plateau_at_the_level_is_one_crossing():
    time = np.arange(8.0)
    wave = np.array([0, 1, 1, 1, 0, 1, 2, 1.0])
    r = Result(
        "tran1", "tran", "t", [Variable("time", "time"), Variable("v(a)", "voltage")], np.column_stack([time, wave])
    )
    assert [r.measure(f"when v(a)=1 {which}") for which in ("rise=1", "fall=1", "rise=2")] == [1.0, 3.0, 5.0]
    assert r.measure("when v(a)=0 rise=1") == 0.0  # it begins there, and rises
    assert r.measure("when v(a)=0 fall=1") == 4.0


def test_measures_of_sweeps_that_go_down():
    x = np.linspace(4.0, 0.0, 41)
    r = Result(
        "dc1", "dc", "t", [Variable("v(v-sweep)", "voltage"), Variable("v(a)", "voltage")], np.column_stack([x, x**2])
    )
    assert r.measure("when v(a)=4") == pytest.approx(2.0, abs=1e-12)
    assert r.measure("find v(a) at=1.95") == pytest.approx((1.9**2 + 2.0**2) / 2)
    assert r.measure("max v(a) from=1 to=2") == pytest.approx(4.0)
    assert r.measure("avg v(a) from=0 to=4") == pytest.approx(16 / 3, abs=2e-3)


def test_cards_use_parameters_and_each_other():
    results = cn.parse(
        "rc\n.param level=0.5 tau={1k*1u}\n.func twice(x) {2*x}\nv1 a 0 pulse(0 1 0 1n 1n 1 2)\nr1 a b 1k\nc1 b 0 1u\n"
        ".tran 10u 5m\n.meas tran late param='twice(1)*t50/tau'\n.meas tran t50 when v(b)=level\n"
        ".meas tran t75 when v(b)='level+0.25'\n.meas tran ratio param='t75/t50'\n.meas tran gone max v(zz)\n"
        ".meas tran never param='gone+1'\n.meas ac other max vdb(b)\n"
    ).run()
    assert results.measures["t50"] == pytest.approx(1e-3 * np.log(2), rel=2e-3)
    assert results.measures["ratio"] == pytest.approx(2.0, rel=2e-3)
    assert results.measures["late"] == pytest.approx(2 * np.log(2), rel=2e-3)
    assert "gone" not in results.measures and "never" not in results.measures and "other" not in results.measures
    said = "\n".join(results.warnings)
    assert "'gone' failed" in said and "'never' failed" in said and "asks for a .ac analysis" in said


def test_measured_vectors_are_kept_beside_saved_ones():
    results = cn.parse("t\nv1 a 0 1\nr1 a b 1\nr2 b 0 1\n.save v(a)\n.dc v1 0 1 1\n.meas dc top max v(b)\n").run()
    assert results.measures["top"] == pytest.approx(0.5)


# ---------------------------------------------------------------------- expressions
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2^3^2", 512.0), ("-2^2", -4.0), ("5/2*2", 5.0), ("1-2-3", -4.0), ("7%3", 1.0), ("(1,2)*(3,4)", -5 + 10j),
        ("real((3,4))+imag((3,4))", 7.0), ("mag((3,4))", 5.0), ("ph((0,1))", np.pi / 2), ("db(10)", 20.0),
        ("log(100)", np.log(100)), ("log10(100)", 2.0), ("sqrt(-4)", 2j), ("1=1&2<>3", 1.0), ("1 ? 5 : 6", 5.0),
        ("not 0", 1.0), ("3 gt 2 and 1 le 1", 1.0), ("mean(vector(5))", 2.0), ("length(unitvec(3))", 3.0),
        ("vecmax(vector(5))", 4.0), ("vector(5)[2]", 2.0), ("stddev(vector(5))", np.sqrt(2.5)), ("1k+2meg", 2.001e6),
        ("max(1,2)+min(1,2)", 3.0), ("vecmax(v(s))", 1.0), ("integ(v(r))[2000]", 1.0), ("v(s)[500]", 0.0),
        ("vecmin(deriv(v(r)))", 0.5), ("nint(2.5)+floor(-2.5)", -1.0), ("par('v(s)[250]*2')", 2.0), ("2*pi", 2 * np.pi),
    ],
)  # fmt: skip
def test_expressions_have_the_values_that_ngspice_gives_them(text, expected):
    assert evaluate_on(TRAN, text) == pytest.approx(expected, abs=1e-9)


def test_phase_and_delay_of_a_low_pass():
    np.testing.assert_allclose(AC.evaluate("cph(v(out))"), -np.arctan(F / 1e3), atol=1e-12)
    delay = 1.0 / (2e3 * np.pi * (1.0 + (F / 1e3) ** 2))
    # second differences on 100 points a decade
    np.testing.assert_allclose(AC.evaluate("group_delay(v(out))")[1:-1], delay[1:-1], rtol=2e-3)


@pytest.mark.parametrize(
    "text", ["", "v(a)+", "(1", "foo(1)", "v(s)+vector(3)", "v(s)[1,2,3]", "v(s)[9999]", "1 2", "((" * 200 + "1", "a$%"]
)
def test_malformed_expressions_are_refused(text):
    with pytest.raises((UsageError, AnalysisError)):
        TRAN.evaluate(text)


def test_lists_of_expressions():
    assert split_expressions("v(a)-v(b), v(c , d) 2 * par('x + y')") == ["v(a)-v(b)", "v(c,d)", "2*par('x+y')"]


# ---------------------------------------------------------------------- fourier
@pytest.mark.parametrize("degree", [1, 2, 3])
def test_harmonics_of_a_known_wave(degree):
    wave = 0.5 + 2 * np.sin(2 * np.pi * T + 0.3) + 0.2 * np.cos(6 * np.pi * T)
    r = Result(
        "tran1", "tran", "t", [Variable("time", "time"), Variable("v(a)", "voltage")], np.column_stack([T, wave])
    )
    h = r.fourier("v(a)", 1.0, degree=degree)
    np.testing.assert_allclose(h.magnitude[:4], [0.5, 2.0, 0.0, 0.2], atol=2e-5)
    assert h.phase[1] == pytest.approx(np.degrees(0.3), abs=1e-3) and h.phase[3] == pytest.approx(90.0, abs=1e-3)
    assert h.thd == pytest.approx(10.0, rel=1e-4)
    assert h.normalised_phase[3] == pytest.approx(90.0 - np.degrees(0.3), abs=1e-3)


def test_harmonics_of_a_square_wave():
    h = TRAN.fourier("v(sq)", 1.0, harmonics=6, grid=1000)
    # 4/(k pi) for odd k, on samples that do not straddle the edges: k pi / grid of it is lost
    np.testing.assert_allclose(h.magnitude[[1, 3, 5]], 4 / np.pi / np.array([1, 3, 5]), rtol=1e-2)
    assert h.magnitude[[2, 4]].max() < 5e-3


def test_fourier_refuses_what_it_cannot_do():
    with pytest.raises(AnalysisError, match="less than a period"):
        TRAN.fourier("v(s)", 0.1)
    with pytest.raises(UsageError, match="fundamental"):
        TRAN.fourier("v(s)", 0.0)
    with pytest.raises(AnalysisError, match="no transient"):
        AC.fourier("v(out)", 1.0)
    with pytest.raises(NetlistError, match="without a vector"):
        cn.parse("t\nv1 a 0 1\nr1 a 0 1\n.tran 1u 1m\n.four 1k\n").run()


def test_four_card_obeys_its_options():
    options = ".options nfreqs=5 fourgridsize=64 polydegree=2"
    results = cn.parse(f"t\nv1 a 0 sin(0 1 1k)\nr1 a 0 1\n.tran 10u 3m\n{options}\n.four 1k v(a) v(a)*2\n").run()
    first, second = results.harmonics["tran1"]
    assert len(first.magnitude) == 5 and second.name == "v(a)*2"
    assert second.magnitude[1] == pytest.approx(2.0, rel=1e-4)
    assert results.warnings == []
