"""The grammar of element lines and cards, and files."""

# ruff: noqa: E501 - a table reads best with a case a line
import time

import pytest

from circuitnn.errors import FileError, NetlistError
from circuitnn.netlist.expression import Call, Name, Number, Probe, parse_expression
from circuitnn.netlist.netlist import load, parse
from circuitnn.netlist.statements import (
    Assignment,
    Directive,
    ElementStatement,
    FuncStatement,
    ModelStatement,
    ParamStatement,
    SourceFunction,
    SubcktDefinition,
)


def one(line):
    (statement,) = parse(f"title\n{line}\n").statements
    return statement


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("R1 A B 4.7k", ElementStatement("r1", ("a", "b"), {"resistance": 4700.0})),
        ("r1 a b {2*x} rmod l=1u", ElementStatement("r1", ("a", "b"), {"resistance": parse_expression("2*x"), "l": 1e-6}, "rmod")),
        ("r1 a b rmod w=2u", ElementStatement("r1", ("a", "b"), {"w": 2e-6}, "rmod")),
        ("r1 a b r='x' tc=1m,2u", ElementStatement("r1", ("a", "b"), {"resistance": Name("x"), "tc1": 1e-3, "tc2": 2e-6})),
        ("c1 a 0 1p ic = 0.5", ElementStatement("c1", ("a", "0"), {"capacitance": 1e-12, "ic": 0.5})),
        ("l1 a 0 10uH", ElementStatement("l1", ("a", "0"), {"inductance": 1e-5})),
        ("k1 l1 l2 0.9", ElementStatement("k1", (), {"coupling": 0.9}, controls=("l1", "l2"))),
        ("v1 a 0", ElementStatement("v1", ("a", "0"))),
        ("v1 a 0 5", ElementStatement("v1", ("a", "0"), {"dc": 5.0})),
        ("v1 a 0 DC {x} AC", ElementStatement("v1", ("a", "0"), {"dc": Name("x"), "acmag": 1.0})),
        ("v1 a 0 ac 2 90 dc 1", ElementStatement("v1", ("a", "0"), {"acmag": 2.0, "acphase": 90.0, "dc": 1.0})),
        ("v1 a 0 dc=1 ac=2", ElementStatement("v1", ("a", "0"), {"dc": 1.0, "acmag": 2.0})),
        (
            "i1 a 0 PULSE (0 1, 1n {t} 1n) ac 1 dc 3",
            ElementStatement(
                "i1",
                ("a", "0"),
                {"acmag": 1.0, "dc": 3.0},
                function=SourceFunction("pulse", (0.0, 1.0, 1e-9, Name("t"), 1e-9)),
            ),
        ),
        ("v1 a 0 sin 0 1 1k ac 1", ElementStatement("v1", ("a", "0"), {"acmag": 1.0}, function=SourceFunction("sin", (0.0, 1.0, 1e3)))),
        ("v1 a 0 pwl(0 0, 1u 1)", ElementStatement("v1", ("a", "0"), function=SourceFunction("pwl", (0.0, 0.0, 1e-6, 1.0)))),
        ("v1 a 0 exp(0 1)", ElementStatement("v1", ("a", "0"), function=SourceFunction("exp", (0.0, 1.0)))),
        ("v1 a 0 0v (sin 0 1 1k)", ElementStatement("v1", ("a", "0"), {"dc": 0.0}, function=SourceFunction("sin", (0.0, 1.0, 1e3)))),
        ("v1 a 0 distof1 0 1 dc 2", ElementStatement("v1", ("a", "0"), {"dc": 2.0})),
        ("e1 a 0 c d 10", ElementStatement("e1", ("a", "0", "c", "d"), {"gain": 10.0})),
        ("g1 a 0 (c,d) 1m m=2", ElementStatement("g1", ("a", "0", "c", "d"), {"gain": 1e-3, "m": 2.0})),
        ("e1 a 0 value={v(c)^2}", ElementStatement("e1", ("a", "0"), expression=parse_expression("v(c)^2"), kind="v")),
        ("e1 a 0 vol = 'v(c)*2'", ElementStatement("e1", ("a", "0"), expression=parse_expression("v(c)*2"), kind="v")),
        ("g1 a 0 cur='v(c)*2'", ElementStatement("g1", ("a", "0"), expression=parse_expression("v(c)*2"), kind="i")),
        (
            "e1 a 0 poly(2) (c,0) (d,e) 1 2 {k} 4 5",
            ElementStatement("e1", ("a", "0", "c", "0", "d", "e"), kind="v", poly=(1.0, 2.0, Name("k"), 4.0, 5.0)),
        ),
        ("g1 a 0 poly(1) c 0 3", ElementStatement("g1", ("a", "0", "c", "0"), kind="i", poly=(0.0, 3.0))),
        ("h1 a 0 poly(1) vs 0 1 2", ElementStatement("h1", ("a", "0"), controls=("vs",), kind="v", poly=(0.0, 1.0, 2.0))),
        ("f1 a 0 poly(2) vs vt 1 m=2", ElementStatement("f1", ("a", "0"), {"m": 2.0}, controls=("vs", "vt"), kind="i", poly=(1.0,))),
        (
            "e1 a 0 table {v(c)} = (0,0) (1,{k})",
            ElementStatement(
                "e1",
                ("a", "0"),
                expression=Call("table", (Probe("v", ("c",)), Number(0.0), Number(0.0), Number(1.0), Name("k"))),
                kind="v",
            ),
        ),
        ("f1 a 0 vs 2", ElementStatement("f1", ("a", "0"), {"gain": 2.0}, controls=("vs",))),
        ("h1 a 0 vs {g}", ElementStatement("h1", ("a", "0"), {"gain": Name("g")}, controls=("vs",))),
        ("b1 a 0 v=v(c) * i(vs) + 1", ElementStatement("b1", ("a", "0"), expression=parse_expression("v(c)*i(vs)+1"), kind="v")),
        ("b1 a 0 i = {v(c)} m=3", ElementStatement("b1", ("a", "0"), {"m": 3.0}, expression=Probe("v", ("c",)), kind="i")),
        ("d1 a 0 dm", ElementStatement("d1", ("a", "0"), {}, "dm")),
        ("d1 a 0 dm 2 off ic=0.5", ElementStatement("d1", ("a", "0"), {"area": 2.0, "off": 1.0, "ic": 0.5}, "dm")),
        ("s1 a 0 c d sm ON", ElementStatement("s1", ("a", "0", "c", "d"), {"on": 1.0}, "sm")),
        ("w1 a 0 vs wm off", ElementStatement("w1", ("a", "0"), {"off": 1.0}, "wm", controls=("vs",))),
        (
            "m1 d g s b nm l=1u w={w} off ic=1,2,3",
            ElementStatement(
                "m1",
                ("d", "g", "s", "b"),
                {"l": 1e-6, "w": Name("w"), "off": 1.0, "ic_vds": 1.0, "ic_vgs": 2.0, "ic_vbs": 3.0},
                "nm",
            ),
        ),
        ("n1 a b c hfo2 x0=0.1", ElementStatement("n1", ("a", "b", "c"), {"x0": 0.1}, "hfo2")),
        ("x1 a b sub params: r=1k", ElementStatement("x1", ("a", "b"), {"r": 1e3}, "sub")),
        ("x1 a b sub r = 1k m=2", ElementStatement("x1", ("a", "b"), {"r": 1e3, "m": 2.0}, "sub")),
        (".param a=1 b={a*2} c = 'a+b' d=a*b", ParamStatement(dict(zip("abcd", [1.0, *map(parse_expression, ("a*2", "a+b", "a*b"))], strict=True)))),
        (".model dm d (is=1e-14 n={x})", ModelStatement("dm", "d", {"is": 1e-14, "n": Name("x")})),
        (".model dm d is=1e-14, n=2", ModelStatement("dm", "d", {"is": 1e-14, "n": 2.0})),
        (".model dm d(is=1)", ModelStatement("dm", "d", {"is": 1.0})),
        (".func f(x, y) {x*y}", FuncStatement("f", ("x", "y"), parse_expression("x*y"))),
        (".func f(x) = 'x'", FuncStatement("f", ("x",), Name("x"))),
        (".op", Directive("op")),
        (".tran 1n {t} UIC", Directive("tran", (1e-9, Name("t"), "uic"))),
        (".dc v1 0 5 0.1", Directive("dc", ("v1", 0.0, 5.0, 0.1))),
        (".ac dec 10 1 1Meg", Directive("ac", ("dec", 10.0, 1.0, 1e6))),
        (".options reltol=1e-4 method=gear noacct", Directive("options", (Assignment("reltol", 1e-4), Assignment("method", "gear"), "noacct"))),
        (".opt gmin={g}", Directive("options", (Assignment("gmin", Name("g")),))),
        (".temp 50", Directive("temp", (50.0,))),
        (".global vdd 1", Directive("global", ("vdd", "1"))),
        (".ic v(1)=2 V( a )={x}", Directive("ic", (Assignment("v(1)", 2.0), Assignment("v(a)", Name("x"))))),
        (".nodeset v(a)=1", Directive("nodeset", (Assignment("v(a)", 1.0),))),
        (".save v(a) i(v1) @n1[w] v(a, b) 3", Directive("save", ("v(a)", "i(v1)", "@n1[w]", "v(a,b)", "3"))),
        (".probe alli", Directive("print", ("alli",))),
        (".print tran v(a)  i(v1)", Directive("print", ("tran v(a) i(v1)",))),
    ],
)  # fmt: skip
def test_statement_and_its_text(line, expected):
    assert one(line) == expected
    deck = parse(f"title\n{line}\n")
    assert parse(deck.to_text()) == deck


def test_subcircuits_nest():
    deck = parse("t\n.subckt a p params: r=1\n.subckt b q\nr1 q 0 1\n.ends b\nx1 p b\n.ends\n")
    inner = SubcktDefinition("b", ("q",), {}, (ElementStatement("r1", ("q", "0"), {"resistance": 1.0}),))
    assert deck.statements == (
        SubcktDefinition("a", ("p",), {"r": 1.0}, (inner, ElementStatement("x1", ("p",), {}, "b"))),
    )
    assert parse(deck.to_text()) == deck


def test_first_line_is_the_title():
    deck = parse("r1 a 0 1k\nr2 a 0 1k\n")
    assert deck.title == "r1 a 0 1k"
    assert len(deck.statements) == 1
    assert "the first line is the title" in deck.warnings[0]
    assert parse("").title == ""
    assert parse("t\n.title My Circuit\n").title == "My Circuit"


def test_nothing_after_end():
    assert len(parse("t\nr1 a 0 1\n.end\nthis is not read\n").statements) == 1


def test_mega_warning():
    (warning,) = parse("t\nr1 a 0 1M\nr2 a 0 1m\nr3 a 0 1MEG\nc1 a 0 1M\nr4 n1M 0 1k\n").warnings
    assert warning == "<text>:2:8: r1: 1M is milli; write 1Meg for mega"


def test_control_block():
    deck = parse("t\n.control\nrun\nTran 1n 1u $ comment\necho $x\nset x=1\n.endc\n")
    (block,) = deck.statements
    assert [command.text for command in block.commands] == ["run", "Tran 1n 1u", "echo $x", "set x=1"]
    assert [command.place.line for command in block.commands] == [3, 4, 5, 6]
    assert parse(deck.to_text()) == deck


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "part.inc").write_text('* no title here\n.param a=1\n.include "More.inc"\n.end\nnot read\n')
    (tmp_path / "sub" / "More.inc").write_text("r1 a 0 {a}\n")
    (tmp_path / "models.lib").write_text(
        ".lib tt\n.param corner=1\n.lib 'models.lib' common\n.endl tt\n.lib ff\n.param corner=2\n.endl\n"
        ".lib common\n.param vt=0.4\n.endl\n"
    )
    return tmp_path


def test_includes_are_relative_to_the_including_file(folder):
    (folder / "main.cir").write_text('main\n.include "sub/part.inc"\nr2 a 0 1\n')
    deck = load(folder / "main.cir")
    assert [e.name for e in deck.expand().elements] == ["r1", "r2"]
    assert deck.expand().elements[0].place.file.endswith("More.inc")
    assert parse(deck.to_text()) == deck


def test_library_sections(folder):
    (folder / "main.cir").write_text("main\n.lib models.lib TT\nr1 a 0 {corner*vt}\n")
    assert load(str(folder / "main.cir")).expand().elements[0].params == {"resistance": 0.4}
    (folder / "whole.cir").write_text("main\n.include models.lib\nr1 a 0 1\n")
    assert len(load(folder / "whole.cir").statements) == 1
    (folder / "bad.cir").write_text("main\n.lib models.lib fff\n")
    with pytest.raises(NetlistError, match="has no section 'fff'") as caught:
        load(folder / "bad.cir")
    assert caught.value.hint == "did you mean 'ff'?"


def test_include_cycles_name_the_chain(folder):
    (folder / "a.inc").write_text(".include b.inc\n")
    (folder / "b.inc").write_text("\n.include a.inc\n")
    (folder / "main.cir").write_text("main\n.include a.inc\n")
    with pytest.raises(NetlistError, match=r"include each other: .*a\.inc -> .*b\.inc -> a\.inc") as caught:
        load(folder / "main.cir")
    assert caught.value.place.line == 2
    (folder / "self.cir").write_text("main\n.include self.cir\n")
    with pytest.raises(NetlistError, match="include each other"):
        load(folder / "self.cir")


def test_missing_include_has_the_line(folder):
    (folder / "main.cir").write_text('main\n\n  .include "nosuch.inc"\n')
    with pytest.raises(FileError, match="nosuch") as caught:
        load(folder / "main.cir")
    assert (caught.value.place.line, caught.value.place.column) == (3, 3)


def test_a_subcircuit_ends_in_its_file(folder):
    (folder / "a.inc").write_text(".subckt s a\n")
    (folder / "main.cir").write_text("main\n.include a.inc\n.ends\n")
    with pytest.raises(NetlistError, match="not closed in its file"):
        load(folder / "main.cir")


def test_speed_of_flat_decks():
    # 12,000 lines take about 0.1 s on one 2-core machine; the bound leaves room for a busy one.
    text = "t\n" + "".join([f"r{k} n{k} n{k + 1} 1k\n" for k in range(12_000)])
    start = time.process_time()
    assert len(parse(text).expand().elements) == 12_000
    assert time.process_time() - start < 1.0


@pytest.mark.parametrize(
    "line",
    ["r1 a b " + "1" * 900_000 + "x", "{" * 900_000, "+" * 900_000, "r1 a b " + "(" * 900_000, "v1 a 0 " + "a=" * 400_000,
     "b1 a 0 v=" + "-" * 900_000 + "1", ".param " + "a" * 900_000, ".save " + "v(" * 400_000, "r1 a" + " " * 900_000 + "{", '"' * 900_001],
)  # fmt: skip
def test_hostile_lines_end_quickly(line):
    start = time.process_time()
    with pytest.raises(NetlistError) as caught:
        parse("t\n" + line)
    assert time.process_time() - start < 3.0  # all are linear: about 0.1 s
    assert len(str(caught.value)) < 2000
