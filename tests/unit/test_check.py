"""All mistakes of a deck at once: what each stage goes on with, and what is left out as a consequence."""

import json

import pytest

import circuitnn as cn
from circuitnn.cli.main import main
from circuitnn.errors import MOST, SHOWN, CircuitnnError, DeckErrors, FileError, Mistakes, NetlistError, UsageError

MANY = """many
v1 in 0 5
r1 in a 1*0k
.foo 1 2
x1 a b nosuch
d1 b 0 dnone
r2 b 0 {rload}
.tran 1n
.subckt two p q
r1 p q 1k
.ends
x2 a b c two
.include "missing.lib"
r3 b 0 1k
r3 b 0 2k
c7 float 0 1n
f1 b 0 vx 2
.dc v9 0 1 0.1
.print tran v(nonode)
"""
PLACES = {3: "1*0k", 4: ".foo", 5: "nosuch", 6: "dnone", 7: "rload", 8: ".tran", 12: "two", 13: "missing.lib",
          15: "r3", 16: "float", 17: "vx", 18: "v9", 19: "nonode"}  # fmt: skip


def lines(text):
    return [error.place.line for error in cn.check(text=text).errors]


def test_every_kind_of_mistake_is_told_of_with_its_line():
    report = cn.check(text=MANY)
    assert [error.place.line for error in report.errors] == list(PLACES)
    for error in report.errors:
        assert PLACES[error.place.line] in error.message
        assert error.place.text == MANY.splitlines()[error.place.line - 1]
        # the caret stands at what is meant, or at the line's first word
        rest = error.place.text[error.place.column - 1 :]
        assert rest.startswith(PLACES[error.place.line]) or error.place.column == 1


def test_a_sound_deck_has_none():
    report = cn.check(text="t\nv1 a 0 1\nr1 a 0 1k\n.op\n")
    assert (report.errors, report.warnings, report.elements, report.nodes, report.analyses) == ((), (), 2, 1, 1)
    report.throw()


@pytest.mark.parametrize(
    ("deck", "told"),
    [
        # a value that cannot be read: neither its node floats nor what senses it is without a source
        ("v1 a 0 1*0\nf1 b 0 v1 2\nr1 b 0 1\nb1 c 0 v=i(v1)\nr2 c 0 1\n.dc v1 0 1 1\n.print dc v(a)", [2]),
        ("v1 a 0 1\nr1 a b 1*0\nc1 b q 1n\nr3 q 0 1\n.op", [2 + 1]),
        # a model, a parameter, a function, a subcircuit that cannot be read
        (".model dm d (is=1*0)\nv1 a 0 1\nd1 a 0 dm\nd2 a 0 dm\n.op", [2]),
        (".param p=1x0 q={2*p}\nv1 a 0 {q}\nr1 a 0 {p}\n.step param p 1 2 1\n.op", [2]),
        (".func f(x) {x+}\nv1 a 0 1\nr1 a 0 {f(2)}\n.op", [2]),
        (".subckt s a a\nr1 a 0 {u}\n.ends\nv1 a 0 1\nx1 a b s\nx2 b s\n.op", [2]),
        (".param p={nosuch} q={p}\nv1 a 0 {q}\nr1 a 0 {p}\n.op", [2]),
        # an unknown subcircuit may join anything; its parameters are another matter
        ("v1 a 0 1\nx1 a b c nosuch\nr1 b 0 1\nc1 c 0 1\n.op", [3]),
        # of a conditional whose condition is unknown neither branch is missed
        ("v1 a 0 1\n.if (nosuch)\nr1 a b 1\n.model dm d\n.endif\nc1 b 0 1\nd1 b 0 dm\n.op", [3]),
        # a call whose parameter has no value: the body is looked at all the same
        (".subckt s a r=1\nr1 a 0 {r}\nr2 a 0 {other}\n.ends\nv1 a 0 1\nx1 a s r={nosuch}\n.op", [4, 7]),
        # one mistake in a subcircuit is one, however many instances
        (".subckt s a\nr1 a b {u}\nr2 b 0 1\n.ends\nv1 a 0 1\nx1 a s\nx2 a s\nx3 a s\n.op", [3]),
        (".subckt s a\nr1 a 0 1 bad=3\n.ends\nv1 a 0 1\nx1 a s\nx2 a s\n.op", [3]),
        # brackets of every kind that stay open
        (".subckt s a\n.if (1)\nr1 a 0 1\n.control\nrun", [2, 3]),
    ],
)
def test_consequences_are_left_out(deck, told):
    assert lines("t\n" + deck + "\n") == told


def test_every_wrong_parameter_is_told_of():
    deck = (
        "t\nv1 a 0 1\nd1 a 0 dm foo=1 bar=2 area=-1\nm1 a a 0 0 nm w=-1 l=-1\n.model dm d\n.model nm nmos tox=-1\n.op\n"
    )
    errors = cn.check(text=deck).errors
    assert [(e.place.line, e.names[-1]) for e in errors] == [
        (3, "foo"), (3, "bar"), (3, "area"), (4, "w"), (4, "l"), (6, "tox"),
    ]  # fmt: skip


def test_an_unknown_name_is_told_of_once_with_the_count():
    (error,) = cn.check(text="t\nv1 a 0 1\nr1 a 0 {x}\nr2 a 0 {x}\nr3 a 0 {2*x}\n.op\n").errors
    assert str(error).endswith("2 more uses of 'x'")


def test_what_is_unknown_may_stand_in_a_file_that_is_missing():
    report = cn.check(text='t\n.include "no.lib"\nv1 a 0 1\nd1 a 0 dm\n.op\n')
    assert [error.place.line for error in report.errors] == [2, 4]
    assert report.errors[1].hint == "it may stand in 'no.lib', which could not be read"


def test_mistakes_of_files_keep_their_files(tmp_path):
    (tmp_path / "part.inc").write_text("r1 a 0 1*0\nr2 a 0 {u}\n")
    (tmp_path / "deck.cir").write_text("t\nv1 a 0 1\n.include part.inc\nr3 a 0 {w}\n.op\n")
    errors = cn.check(tmp_path / "deck.cir").errors
    assert [(error.place.file.rpartition("/")[2], error.place.line) for error in errors] == [
        ("part.inc", 1), ("part.inc", 2), ("deck.cir", 4),
    ]  # fmt: skip


def test_reading_raises_all_that_it_finds():
    with pytest.raises(DeckErrors) as caught:
        cn.parse("t\nr1 a 0 1*0\n.foo\n")
    assert [error.place.line for error in caught.value.errors] == [2, 3]
    with pytest.raises(DeckErrors) as caught:
        cn.parse("t\nv1 a 0 {x}\nr1 a 0 {y}\n").expand()
    assert caught.value.place.line == 2 and caught.value.names == ("x", "y")
    # a single one is raised as it is
    with pytest.raises(NetlistError) as caught:
        cn.parse("t\nr1 a 0 1*0\n")
    assert type(caught.value) is NetlistError


def test_netlists_and_texts_are_checked_alike():
    text = "t\nv1 a 0 1\nd1 a 0 dm\nr1 a 0 {x}\n.op\n"
    assert [str(e) for e in cn.parse(text).check().errors] == [str(e) for e in cn.check(text=text).errors]
    with pytest.raises(UsageError):
        cn.check()
    with pytest.raises(FileError):
        cn.check("nosuch.cir")


def test_there_is_an_end_to_it():
    text = "t\n" + "".join(f"r{k} a 0 1*0\n" for k in range(3 * MOST))
    report = cn.check(text=text)
    assert len(report.errors) == MOST
    with pytest.raises(DeckErrors) as caught:
        report.throw()
    shown = str(caught.value)
    assert shown.count("is not a number") == SHOWN
    assert shown.endswith(f"{MOST} mistakes, or more, of which these are the first {SHOWN}")
    with pytest.raises(DeckErrors):
        cn.parse(text)


def test_suspicious_numbers_do_not_flood():
    text = "t\nv1 a 0 1\n" + "".join(f"r{k} a 0 1M\n" for k in range(50)) + ".op\n"
    warnings = cn.check(text=text).warnings
    assert len(warnings) == 11 and warnings[-1] == "40 more numbers like those above"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("r1 a 0 1M", "1M is milli"),
        ("v2 a 0 sin(0 1 10M)", "10M is milli"),
        (".ac dec 10 1u 1M", "1M is milli"),
        ("c1 a 0 2aF", "no suffix for atto"),
        ("r1 a 0 -5", "is negative"),
        ("c1 a 0 0", "is zero"),
        ("r1 a 0 2k2", "r1: '2k2' is 2000, as ngspice reads it: write 2.2k"),
        ("r1 a 0 1x0k", "'1x0k' is 1,"),
        ("r1 a 0 1 tc1=1.2.3", "'1.2.3' is 1.2,"),
        (".model dm d(is=1f5)", ".model: '1f5' is 1e-15, as ngspice reads it: write 1.5f"),
        ("r1 a 0 1d3", None),
        ("r1 a 0 {1D-3}", None),
        ("r1 1M 0 5", None),
        ("r1 a 0 1m", None),
        ("i1 0 a 1A", None),
        ("v2 b 0 sin(0 1M 10)", None),
    ],
)
def test_suspicious_numbers(line, words):
    said = [text for text in cn.check(text=f"t\nv1 a 0 1\nr9 a 0 1\n{line}\n.op\n").warnings if "dangling" not in text]
    assert len(said) == (words is not None)
    assert words is None or (words in said[0] and said[0].startswith("<text>:4:"))


def test_an_ampere_is_no_atto():
    """ngspice has no suffix for 1e-18: 1A is one ampere."""
    op = cn.parse("t\ni1 0 a 1A\nr1 a 0 2\ni2 0 b dc {2A}\nr2 b 0 1 m=1\n.op\n").run().op
    assert (op["v(a)"], op["v(b)"]) == (2.0, 2.0)


def test_json_for_programs(tmp_path, capsys):
    deck = tmp_path / "d.cir"
    deck.write_text("t\nv1 a 0 1\nr1 a 0 1*0\nd1 a 0 dm\n.op\n")
    with pytest.raises(SystemExit) as end:
        main(["check", str(deck), "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert end.value.code == 2
    assert [(entry["line"], entry["column"], entry["text"]) for entry in answer["mistakes"]] == [
        (3, 8, "r1 a 0 1*0"), (4, 8, "d1 a 0 dm"),
    ]  # fmt: skip
    deck.write_text("t\nv1 a 0 1\nr1 a 0 1\n.op\n")
    with pytest.raises(SystemExit) as end:
        main(["check", str(deck), "--json"])
    assert end.value.code == 0
    assert json.loads(capsys.readouterr().out)["mistakes"] == []


@pytest.mark.parametrize("command", ["run", "check"])
def test_the_commands_print_all(command, tmp_path, capsys):
    deck = tmp_path / "d.cir"
    deck.write_text("t\nv1 a 0 1\nr1 a 0 1*0\nd1 a 0 dm\n.op\n")
    with pytest.raises(SystemExit) as end:
        main([command, str(deck)])
    err = capsys.readouterr().err
    assert end.value.code == 2
    assert err.count("  ^") == 2 and err.rstrip().endswith("2 mistakes")


def test_errors_travel_between_processes():
    import pickle

    report = cn.check(text=MANY)
    with pytest.raises(DeckErrors) as caught:
        report.throw()
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_consequences_are_no_mistakes():
    mistakes = Mistakes()
    mistakes.throw()
    assert not mistakes
    with pytest.raises(CircuitnnError):
        cn.parse("t\n.param a={b}\nr1 x 0 {a}\n").expand()
