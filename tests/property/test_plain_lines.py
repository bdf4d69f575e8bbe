"""Plain lines read into columns say what the grammar of element lines says of each of them."""

import copy
import pickle
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from circuitnn.errors import CircuitnnError
from circuitnn.netlist import expand
from circuitnn.netlist.flat import Element
from circuitnn.netlist.netlist import parse
from circuitnn.netlist.parser import Parser
from circuitnn.netlist.plain import PlainRun, Statements
from circuitnn.netlist.table import ElementTable

NODES = st.sampled_from(["0", "a", "b", "A", "gnd", "GND", "n1", "n$2", "x1.a", "n<3>", "r1", "1", "dc", "+1", "a/b"])
GOOD = st.one_of(
    st.sampled_from(
        [
            "1",
            "-1",
            "+2.5",
            ".5",
            "5.",
            "1k",
            "1K",
            "2meg",
            "1M",
            "1m",
            "3mil",
            "1e3",
            "1e",
            "1e-3k",
            "1u",
            "1a",
            "0",
            "-0",
            "1kohm",
            "1_",
            "1e00001",
            "1e-400",
        ]
    ),
    st.sampled_from(
        ["123456789012345678901234567890", "0.1234567890123456789", "9007199254740993", "1e22", "1e23", "3e-23"]
    ),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1e200, 1e200).map(lambda x: f"{x:.6g}k"),
)
ODD = st.sampled_from(
    ["1x0k", "2k2", "1d3", "1D-3", "1k.", "5%", "1µ", "1e400", "1e10000", "abc", "{1+1}", "1.2.3", "1e+", "--1", "rmod"]
)
NAMES = st.builds(
    lambda letter, rest: letter + rest,
    st.sampled_from("rRcClvVi"),
    st.one_of(st.integers(5, 10**6).map(str), st.integers(5, 10**6).map(str), st.integers(1, 4).map(str)),
)
GOOD_ENDS = st.sampled_from(["", "", " ", " ; note", "; note", " $ note", " // c", "\n*c\n\n+", "\n\n* c", "\n ; c"])
ODD_ENDS = st.sampled_from(["$", " m=2", " tc=1", "\n+ m=2", "\n*c\n+ m=3", " 5", ' "', " dc", ",", " 1k ; \u00e9"])


@st.composite
def element_lines(draw):
    odd = draw(st.integers(0, 19))
    gap = draw(st.sampled_from([" ", "  ", "\t", " \t "])) if odd != 1 else ", "
    name = draw(NAMES) if odd != 2 else draw(st.sampled_from(["r", "r.x", "r\N{MICRO SIGN}", "c.x1.c1", "rr.r"]))
    words = [name, draw(NODES), draw(NODES), draw(GOOD if odd != 3 else ODD)]
    if words[0][0] in "vVi":
        words[3:3] = draw(st.sampled_from([[], ["dc"], ["DC"]]))
    end = draw(GOOD_ENDS if odd != 4 else ODD_ENDS)
    return draw(st.sampled_from(["", "", "", " ", "\t"])) + gap.join(words) + end


OTHERS = st.sampled_from(
    [
        "*r9 a b 1",
        "d1 a b dm",
        ".model dm d",
        "x1 a b sub",
        "x2 b 0 sub m=3",
        "x1 a gnd other",
        "r7 a b {q}",
        ".param q=2",
        "e1 a 0 b 0 2",
        "",
        "+",
        "b1 a 0 v=1",
        "x1.x2 a b sub",
        "x9 a sub",
        "v9 a 0 sin(0 1 1)",
        ".global b",
        "r8 a b rmod",
        ".model rmod r",
    ]
)


@st.composite
def subcircuits(draw):
    body, more = draw(st.lists(element_lines(), max_size=4)), draw(st.lists(element_lines(), max_size=3))
    lines = [".subckt sub p q", *body, ".ends", ".subckt other a p", *more, "x2 p a sub", ".ends", "x5 a 0 sub"]
    return "\n".join([*lines, draw(st.sampled_from(["x6 a b other m=2", "x5 b 0 sub", "x7 b 0 other"]))])


LINES = st.lists(st.one_of(element_lines(), element_lines(), element_lines(), OTHERS), max_size=7)
DECKS = st.builds(
    lambda before, inner, after: "\n".join(["title", *before, *inner, *after, ""]),
    LINES,
    st.lists(subcircuits(), max_size=1),
    LINES,
)


def read(text):
    """Return everything that a text means, or the error that it ends in."""
    try:
        deck = parse(text)
        said = (list(deck.statements), [s.place for s in deck.statements], deck.warnings)
        flat = deck.expand()
        return (*said, list(flat.elements), flat.warnings)
    except CircuitnnError as error:
        return type(error), str(error)


def without_columns(text):
    with mock.patch.object(Parser, "_plain_lines", lambda self, source, first: first):
        return read(text)


@settings(max_examples=600, deadline=None)
@given(DECKS)
def test_columns_and_grammar_agree(text):
    with mock.patch.object(expand, "_SHORT", 1):
        assert read(text) == without_columns(text)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.builds(lambda n, g: f"{n} a b 1{g}".rstrip(), NAMES, st.sampled_from(["", "k", "e2"])), max_size=8))
def test_written_text_reads_back(lines):
    deck = parse("\n".join(["title", *lines, ""]))
    assert parse(deck.to_text()) == deck
    assert Statements(list(deck.statements)) == deck.statements == tuple(deck.statements)


PLAIN = "title\n" + "".join(f"r{k} n{k} n{k + 1} {k + 1}\nc{k} n{k} gnd 1p\n" for k in range(20)) + "d1 n0 0 dm\n"


def table_of(text=PLAIN + ".model dm d\n"):
    return parse(text).circuit().elements


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["set", "delete", "add"]), st.integers(0, 45)), max_size=12))
def test_the_table_behaves_as_a_dict(changes):
    table = table_of()
    plain = dict(table.items())
    for k, (what, which) in enumerate(changes):
        name = list(plain)[which % len(plain)]
        if what == "delete":
            del table[name], plain[name]
        else:
            key = name if what == "set" else f"rnew{k}"
            table[key] = plain[key] = Element(key, ("n3", f"m{k}"), {"resistance": float(k)})
        assert list(table.items()) == list(plain.items())
    assert len(table) == len(plain) and list(table) == list(plain) and table == plain
    assert [table[name] for name in plain] == list(plain.values())
    assert pickle.loads(pickle.dumps(table)) == copy.deepcopy(table) == table.copy() == plain
    # The columns of what is plain still and of what is not are those of a table of objects alone.
    made, whole = table.columns(), ElementTable(plain).columns()
    assert made.nodes == whole.nodes and made.terminals.tolist() == whole.terminals.tolist()
    seen = dict(made.others)
    for part in made.parts:
        for place, a, b, value in zip(part.order.tolist(), *part.nodes.tolist(), part.values.tolist(), strict=True):
            element = seen[place] = table.at(place)
            assert element.nodes == (made.nodes[a], made.nodes[b]) and value in element.params.values()
        assert table.names_at(part.order) == [table.at(place).name for place in part.order.tolist()]
    assert [seen[place] for place in sorted(seen)] == list(plain.values())


def test_plain_lines_make_no_objects():
    """A run of lines is one part of the statements, whatever stands between them that says nothing."""
    deck = parse("title\nr1 a b 1 ; one\n\n* two\nc1 a 0 1p $ three\n V1 a 0 DC 5\n.op\n")
    run, op = deck.statements.parts
    assert isinstance(run, PlainRun) and len(run) == 3 and op.name == "op"
    assert [s.place.line for s in run] == [2, 5, 6] and run[2].place.column == 2


def test_memory_of_a_plain_line():
    """Text, columns and index of 100,000 lines stay below 250 bytes a line."""
    import tracemalloc

    text = "title\n" + "".join(f"r{k} n{k} n{k + 1} 1k\n" for k in range(100_000))
    tracemalloc.start()
    elements = parse(text).expand().elements
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(elements) == 100_000 and peak < 250 * 100_000
