"""Conditionals, functions of .param, statistical functions, binned models."""

import numpy as np
import pytest

from circuitnn.errors import NetlistError
from circuitnn.netlist.netlist import parse


def values(text, **params):
    flat = parse("title\n" + text).expand(params)
    return {element.name: next(iter(element.params.values())) for element in flat.elements}


class TestConditionals:
    @pytest.mark.parametrize(("mode", "value"), [(1, 10.0), (2, 20.0), (3, 30.0)])
    def test_one_branch_counts(self, mode, value):
        text = ".param m=1\n.if (m==1)\nr1 a 0 10\n.elseif (m==2)\nr1 a 0 20\n.else\nr1 a 0 30\n.endif\n"
        assert values(text, m=mode) == {"r1": value}

    def test_no_branch_may_count(self):
        assert values(".if (0)\nr1 a 0 1\n.endif\nr2 a 0 2\n") == {"r2": 2.0}

    def test_else_if_in_two_words(self):
        assert values(".if 0\nr1 a 0 1\n.else if 1\nr1 a 0 2\n.endif\n") == {"r1": 2.0}

    def test_parameters_of_a_branch_reach_those_outside_and_later_conditions(self):
        text = ".param g={2*f}\n.if (1)\n.param f=3\n.else\n.param f=4\n.endif\n.if (f==3)\nr1 a 0 {g}\n.endif\n"
        assert values(text) == {"r1": 6.0}

    def test_each_instance_chooses(self):
        text = ".subckt s a k=1\n.if (k>1)\nr1 a 0 {k}\n.else\nr2 a 0 7\n.endif\n.ends\nx1 a s\nx2 a s k=5\n"
        assert values(text) == {"x1.r2": 7.0, "x2.r1": 5.0}

    def test_a_subcircuit_of_a_branch(self):
        text = ".if (1)\n.subckt s a\nr1 a 0 1\n.ends\n.else\n.subckt s a b\nr1 a b 2\n.ends\n.endif\nx1 n s\n"
        assert values(text) == {"x1.r1": 1.0}

    def test_long_branches_of_plain_lines(self):
        lines = "".join([f"r{k} a 0 1\n" for k in range(40)])
        other = lines.replace(" 1\n", " 2\n")
        assert set(values(f".if (0)\n{lines}.else\n{other}.endif\n").values()) == {2.0}
        with pytest.raises(NetlistError, match="second element"):
            values(f"{lines}.if (1)\n{other}.endif\n")

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (".if (1)\nr1 a 0 1\n", "not closed"),
            (".else\n", "no .if is open"),
            (".endif\n", "no .if is open"),
            (".if (1)\n.else\n.else\n.endif\n", "after .else"),
            (".subckt s a\n.if (1)\n.ends\n.endif\n", "not closed before"),
            (".if (q)\n.endif\n", "undefined parameter 'q'"),
            (".if (1)\n.subckt s a\n.endif\n.ends\n", "no .if is open"),
            (".if ()\n.endif\n", "where an expression belongs"),
        ],
    )
    def test_mistakes(self, text, words):
        with pytest.raises(NetlistError, match=words) as caught:
            values(text)
        assert caught.value.place is not None

    def test_written_and_read_again(self):
        text = (
            "t\n.param m=1\n.if (m==1)\nr1 a 0 10\n.elseif (m>2)\n.if (m)\nr2 a 0 1\n.endif\n.else\nr1 a 0 3\n.endif\n"
        )
        deck = parse(text)
        assert parse(deck.to_text()) == deck


def test_functions_in_param():
    assert values(".param f(x)={x*k} k=3 g(a,b)='f(a)+b'\nr1 a 0 {g(2,1)}\n") == {"r1": 7.0}


class TestStatistics:
    def draws(self, expression, count=400, seed=1, sample=0):
        lines = "".join([f"r{k} a 0 {{{expression}}}\n" for k in range(count)])
        flat = parse(f"title\n.options seed={seed}\n{lines}").expand(sample=sample)
        return np.array([element.params["resistance"] for element in flat.elements])

    @pytest.mark.parametrize(
        ("expression", "mean", "spread"),
        [
            ("agauss(100,6,3)", 100.0, 2.0),
            ("gauss(100,0.06,3)", 100.0, 2.0),
            ("aunif(100,6)", 100.0, 6 / 3**0.5),
            ("unif(100,0.06)", 100.0, 6 / 3**0.5),
            ("limit(100,6)", 100.0, 6.0),
        ],
    )
    def test_moments(self, expression, mean, spread):
        # of n draws the mean is within 4 s/sqrt(n), the deviation within 4 s/sqrt(2n), for all seeds but one of 10^4
        found = self.draws(expression, 4000)
        assert abs(found.mean() - mean) < 4 * spread / 4000**0.5
        assert abs(found.std() / spread - 1) < 4 / 8000**0.5

    def test_bounds(self):
        assert np.abs(self.draws("aunif(100,6)") - 100).max() <= 6
        assert set(self.draws("limit(100,6)")) == {94.0, 106.0}

    def test_the_seed_decides(self):
        first = self.draws("agauss(1,1,1)")
        assert np.array_equal(first, self.draws("agauss(1,1,1)"))
        assert not np.array_equal(first, self.draws("agauss(1,1,1)", seed=2))
        assert not np.array_equal(first, self.draws("agauss(1,1,1)", sample=1))

    def test_a_parameter_is_drawn_once_and_an_instance_on_its_own(self):
        text = ".param p=agauss(1,1,1)\n.subckt s a\nr1 a 0 {agauss(1,1,1)}\n.ends\n"
        text += "r1 a 0 {p}\nr2 a 0 {p}\nx1 a s\nx2 a s\n"
        found = values(text)
        assert found["r1"] == found["r2"]
        assert found["x1.r1"] != found["x2.r1"]

    def test_a_condition_sees_the_number_that_counts(self):
        for seed in range(8):
            text = f".options seed={seed}\n.param p=aunif(0,1)\n.if (p>0)\nr1 a 0 {{p}}\n.else\nr1 a 0 {{-p}}\n.endif\n"
            assert values(text)["r1"] > 0

    def test_a_seed_from_a_parameter(self):
        text = ".param run=1\n.options seed={run}\nr1 a 0 {agauss(1,1,1)}\n"
        assert values(text)["r1"] == values(text, run=1.0)["r1"] != values(text, run=2.0)["r1"]


class TestBins:
    CARDS = ".model n.1 nmos lmin=0.1u lmax=1u wmin=0 wmax=1 vto=0.5\n.model n.2 nmos lmin=1u lmax=10u wmin=0 wmax=1\n"

    def test_by_length(self):
        flat = parse(f"t\n{self.CARDS}m1 d g s b n l=0.5u w=1u\nm2 d g s b n l=1u w=1u\n").expand()
        assert [element.model for element in flat.elements] == ["n.1", "n.2"]

    def test_none_fits(self):
        with pytest.raises(NetlistError, match="l=2e-05"):
            parse(f"t\n{self.CARDS}m1 d g s b n l=20u w=1u\n").expand()


def test_what_vendors_say_beside_a_model_is_left_out():
    flat = parse("t\n.model d d(is=1f Iave=200m Vpk=75 mfg=Some type=silicon)\nd1 a 0 d\n").expand()
    assert flat.models["d"].params == {"is": 1e-15}


def test_latin_1(tmp_path):
    import circuitnn as cn

    path = tmp_path / "a.cir"
    path.write_bytes(b"title\nr1 a 0 1k ; gr\xf6\xdfer\nc1 a 0 1\xb5F\n")
    assert [next(iter(e.params.values())) for e in cn.load(path).expand().elements] == [1e3, 1e-6]
