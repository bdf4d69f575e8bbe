"""The A element: its grammar, its places in errors, what can be asked for inside, and its way back to text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import circuitnn as cn
from circuitnn.errors import CircuitError, CircuitnnError, CrossbarError, FileError, NetlistError, UsageError
from circuitnn.netlist.probes import InnerVector, vectors_in
from circuitnn.netlist.vectors import expand_range, write_vector

G = np.array([[1e-4, 2e-5, 0.0], [3e-5, 5e-5, 1e-4]])
DRIVE = "v1 r<0> 0 dc 0.5\nv2 r<1> 0 dc 0.2\nr1 c<0> 0 1k\nr2 c<1> 0 1k\nr3 c<2> 0 1k\n"


def deck(element, *, model=".model xb crossbar (rword=2 rbit=3)", more=".op"):
    return f"title\n{model}\n{element}\n{DRIVE}{more}\n.end\n"


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("g.npy", G)
    np.save("transposed.npy", np.asfortranarray(G.T))
    np.save("fortran.npy", np.asfortranarray(G))
    np.save("words.npy", np.array([["a", "b", "c"]] * 2))
    np.save("objects.npy", np.array([[None] * 3] * 2), allow_pickle=True)
    np.savez("two.npz", W1=G, W2=2.0 * G)
    np.savez_compressed("one.npz", W=G)
    np.savetxt("g.csv", G, delimiter=",")
    np.save("negative.npy", -G)
    (tmp_path / "no.npy").write_text("hello")
    (tmp_path / "no.npz").write_text("hello")
    (tmp_path / "short.npy").write_bytes((tmp_path / "g.npy").read_bytes()[:-8])
    return tmp_path


# ---------------------------------------------------------------------- node vectors
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["r", "c", "x.y"]), st.integers(0, 300), st.integers(0, 300)).map(
                lambda t: f"{t[0]}<{t[1]}:{t[2]}>"
            ),
            st.tuples(st.sampled_from(["r", "c"]), st.integers(0, 5)).map(lambda t: f"{t[0]}<{t[1]}>"),
            st.sampled_from(["a", "0", "r<x>", "b<01>", "n_1", "p+"]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_vectors_read_back(words):
    nodes = [node for word in words for node in expand_range(word)]
    text = write_vector(nodes)
    assert [node for word in text[1:-1].split() for node in expand_range(word)] == nodes
    statement = cn.parse(f"t\na1 {text} [{' '.join(words)}] xb g=1u\n").statements[0]
    assert statement.nodes == (*nodes, *nodes)
    assert statement.vectors == (len(nodes), len(nodes))
    again = cn.parse(cn.parse(f"t\na1 {text} [b] xb g=1u\n").to_text())
    assert again.statements[0].nodes == (*nodes, "b")


def test_ranges():
    assert expand_range("r<3:1>") == ["r<3>", "r<2>", "r<1>"]
    assert expand_range("r<7:7>") == ["r<7>"]
    assert write_vector(["r<1>", "r<0>"]) == "[r<1> r<0>]"
    assert write_vector(["r<5>", "r<4>", "r<3>", "r<4>"]) == "[r<5:3> r<4>]"


# ---------------------------------------------------------------------- reading
def test_the_element_and_its_way_back(files):
    text = deck('a1 [r<0:1>] [c<0>, c<1:2>] xb g="two.npz:W1" m=2')
    netlist = cn.parse(text)
    element = netlist.expand().elements[0]
    assert element.nodes == ("r<0>", "r<1>", "c<0>", "c<1>", "c<2>")
    assert element.vectors == (2, 3)
    assert element.data.key == "W1"
    assert cn.parse(netlist.to_text()) == netlist
    results, circuit = netlist.run(), netlist.circuit()
    again = cn.parse(circuit.to_netlist()).circuit().op()
    assert again["v(c<1>)"] == results.op["v(c<1>)"]


@pytest.mark.parametrize("name", ["g.npy", "fortran.npy", "two.npz:W1", "one.npz", "one.npz:W", "g.csv"])
def test_files_of_conductances(files, name):
    np.testing.assert_allclose(
        cn.parse(deck(f'a1 [r<0:1>] [c<0:2>] xb g="{name}"')).run().op["v(c<2>)"],
        by_hand(G).op()["v(c<2>)"],
        rtol=1e-12,
    )


def by_hand(g):
    circuit = cn.Circuit("by hand")
    circuit.V("1", "r<0>", 0, dc=0.5)
    circuit.V("2", "r<1>", 0, dc=0.2)
    for k in range(3):
        circuit.R(f"{k + 1}", f"c<{k}>", 0, "1k")
    circuit.model("xb", "crossbar", rword=2, rbit=3)
    circuit.A("1", "r<0:1>", ["c<0>", "c<1>", "c<2>"], "xb", g=g)
    return circuit


def test_files_lie_beside_the_deck_that_names_them(files):
    folder = files / "nets" / "inner"
    folder.mkdir(parents=True)
    np.save(folder / "my weights.npy", G)
    (folder / "tile.cir").write_text('a1 [r<0:1>] [c<0:2>] xb g="my weights.npy"\n')
    (files / "nets" / "top.cir").write_text(deck(".include inner/tile.cir"))
    netlist = cn.load("nets/top.cir")
    expected = by_hand(G).op()["v(c<0>)"]
    assert netlist.run().op["v(c<0>)"] == pytest.approx(expected, rel=1e-12, abs=0.0)
    netlist.write("elsewhere.cir")
    assert cn.load("elsewhere.cir").run().op["v(c<0>)"] == pytest.approx(expected, rel=1e-12, abs=0.0)


def test_one_conductance_for_all_cells():
    uniform = np.full((2, 3), 1e-4)
    expected = by_hand(uniform).op()["v(c<0>)"]
    assert by_hand(1e-4).op()["v(c<0>)"] == expected
    assert by_hand("100u").op()["v(c<0>)"] == pytest.approx(expected, rel=1e-12, abs=0.0)
    card = ".model xb crossbar (rword=2 rbit=3 g=100u)"
    assert cn.parse(deck("a1 [r<0:1>] [c<0:2>] xb", model=card)).run().op["v(c<0>)"] == pytest.approx(expected)
    override = cn.parse(deck("a1 [r<0:1>] [c<0:2>] xb g={2*50u}", model=card)).run()
    assert override.op["v(c<0>)"] == pytest.approx(expected)


# ---------------------------------------------------------------------- errors
GRAMMAR = [
    ("a1 r<0:1> [c<0:2>] xb", 4, "'r<0:1>' where the [ of its word lines belongs", "brackets"),
    ("a1 [r<0:1>] c<0:2> xb", 13, "'c<0:2>' where the [ of its bit lines belongs", "brackets"),
    ("a1 [r<0:1> [c<0:2>] xb", 12, "'[' among its word lines", None),
    ("a1 [r<0:1>] [c<0:2> xb", 13, "the [ of its bit lines is not closed", None),
    ("a1 [] [c<0:2>] xb", 4, "a1 has no word lines", None),
    ("a1 [r<0:a>] [c<0:2>] xb", 5, "'r<0:a>' is no range of nodes", None),
    ("a1 [r<0:999999>] [c<0:2>] xb", 5, "stands for 1000000 nodes", None),
    ("a1 [r<0:1>] [c<0:2>]", 21, "a1 names no model", None),
    ("a1 [r<0:1>] [c<0:2>] g=1", 22, "a1 names no model", None),
    ("a1 [r<0:1>] [c<0:2>] [d] xb", 22, "more than two node vectors", None),
    ("a1 [r<0:1>] [c<0:2>] xb off", 25, "'off' is not name=value", None),
    ("a1 [r<0:1>] [c<0:2>] xb g=1u g=2u", 30, "g is given twice", None),
    ("a1 [r<0:1>] [c<0:2>] xb g=w.npy", 27, "is not in quotes", 'g="w.npy"'),
    ('a1 [r<0:1>] [c<0:2>] xb g="w.npy', 27, 'a quote " that is not closed', None),
]


@pytest.mark.parametrize(("line", "column", "message", "hint"), GRAMMAR, ids=[g[0] for g in GRAMMAR])
def test_what_is_no_element(line, column, message, hint):
    with pytest.raises(NetlistError) as caught:
        cn.parse(deck(line))
    error = caught.value
    assert message in error.message
    assert (error.place.line, error.place.column) == (3, column)
    assert error.expected
    assert hint is None or hint in error.hint


REFUSED = [
    ('xb g="missing.npy"', FileError, 27, "cannot read", "No such file"),
    ('xb g="no.npy"', FileError, 27, "cannot read", "magic"),
    ('xb g="no.npz"', FileError, 27, "cannot read", "zip"),
    ('xb g="short.npy"', FileError, 27, "cannot read", "short"),
    ('xb g="g.txt"', FileError, 27, "is no file of numbers", ".npy"),
    ('xb g="two.npz:W3"', FileError, 27, "has no array 'W3'", "W1"),
    ('xb g="two.npz"', FileError, 27, "has 2 arrays", "W1, W2"),
    ('xb g="transposed.npy"', FileError, 27, "shape (3, 2)", "transpose"),
    ('xb g="words.npy"', FileError, 27, "holds <U1", "real numbers"),
    ('xb g="objects.npy"', FileError, 27, "holds object", "real numbers"),
    ('xb g="negative.npy"', CrossbarError, 27, "the conductance of cell (0, 0)", "siemens"),
    ("xb g=-1u", CircuitnnError, 1, "'g' of a crossbar is -1e-06", "at least 0"),
    ("xb", CrossbarError, 1, "a1 has no conductances", "g=siemens"),
    ("xb g=1u rword=3", CircuitError, 1, "no element parameter 'rword'", "g, m"),
    ("xbb g=1u", NetlistError, 22, "there is no model 'xbb'", "did you mean 'xb'"),
]


@pytest.mark.parametrize(("rest", "kind", "column", "message", "more"), REFUSED, ids=[r[0] for r in REFUSED])
def test_what_it_cannot_be_made_of(files, rest, kind, column, message, more):
    with pytest.raises(kind) as caught:
        cn.parse(deck(f"a1 [r<0:1>] [c<0:2>] {rest}")).circuit().check()
    error = caught.value
    assert message in error.message
    assert more in str(error)
    assert (error.place.file, error.place.line, error.place.column) == ("<text>", 3, column)
    assert error.expected


CARDS = [
    (".model xb crossbar (rwrd=2)", CircuitError, "no parameter 'rwrd'", "rword"),
    (".model xb crossbar (rword=-2)", CircuitnnError, "'rword' of a crossbar is -2 ohm", "at least 0 ohm"),
    (".model xb vteam (ron=1)", CircuitError, "a 'vteam', which is none of the letter A", "crossbar"),
]


@pytest.mark.parametrize(("card", "kind", "message", "more"), CARDS, ids=[c[0] for c in CARDS])
def test_what_is_no_card_of_a_crossbar(card, kind, message, more):
    with pytest.raises(kind) as caught:
        cn.parse(deck("a1 [r<0:1>] [c<0:2>] xb g=1u", model=card)).circuit().check()
    assert message in caught.value.message
    assert more in str(caught.value)
    assert caught.value.place.line == 2


def test_by_hand():
    circuit = by_hand(G.T)
    with pytest.raises(CrossbarError, match="shape") as caught:
        circuit.op()
    assert "transpose" in caught.value.hint
    with pytest.raises(UsageError, match="in memory"):
        by_hand(G).to_netlist()
    with pytest.raises(UsageError, match="names no nodes"):
        circuit.A("2", "", "b", "xb", g=1.0)
    with pytest.raises(CircuitError, match="not defined"):
        bare = cn.Circuit("bare")
        bare.A("1", "a", "b", "xb", g=1e-3)
        bare.op()


def test_an_open_word_line_is_found_before_the_numbers():
    circuit = by_hand(np.array([[0.0, 0.0, 0.0], [1e-4, 1e-4, 1e-4]]))
    circuit.elements.pop("v1")
    circuit.R("s", "r<0>", "x", 1.0)
    with pytest.raises(cn.CircuitnnError, match="'r<0>', 'x'") as caught:
        circuit.op()
    assert "floating" in caught.value.message


# ---------------------------------------------------------------------- what is asked for inside
def test_only_what_is_asked_for_is_there(files):
    quiet = cn.parse(deck('a1 [r<0:1>] [c<0:2>] xb g="g.npy"')).run().op
    assert not [name for name in quiet if "a1" in name]
    printed = ".print op vm(A1.word[1, 2]) v(a1.word[0,0],a1.bit[0,0])\n.op"
    op = cn.parse(deck('a1 [r<0:1>] [c<0:2>] xb g="g.npy"', more=printed)).run().op
    assert {"v(a1.word[1,2])", "v(a1.word[0,0])", "v(a1.bit[0,0])", "v(c<0>)"} <= set(op.keys())
    assert op["V(a1.word[0,0], a1.bit[0,0])"] == op["v(a1.word[0,0])"] - op["v(a1.bit[0,0])"]
    saved = ".save i(a1.bit[2]) v(a1.bit[1,2])\n.op"
    op = cn.parse(deck('a1 [r<0:1>] [c<0:2>] xb g="g.npy"', more=saved)).run().op
    assert op.keys() == ["i(a1.bit[2])", "v(a1.bit[1,2])"]
    # One segment of 3 ohm between the lowest crossing and the port.
    assert op["i(a1.bit[2])"] == pytest.approx((quiet["v(c<2>)"] - op["v(a1.bit[1,2])"]) / 3.0, rel=1e-9, abs=0.0)
    everything = ".save all v(a1.bit[1,2])\n.op"
    op = cn.parse(deck('a1 [r<0:1>] [c<0:2>] xb g="g.npy"', more=everything)).run().op
    assert {"v(a1.bit[1,2])", "v(c<0>)", "i(v1)"} <= set(op.keys())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("v(a1.word[2,0])", "v(a1.word[0..1,0..2])"),
        ("v(a1.bit[0])", "v(a1.bit[0..1,0..2])"),
        ("i(a1.bit[3])", "i(a1.bit[0..2])"),
        ("v(a1.cell[0,0])", "v(a1.word[i,j])"),
        ("@a1[w[0,0]]", "v(a1.word[i,j])"),
    ],
)
def test_what_is_not_inside(name, expected):
    with pytest.raises(CircuitError) as caught:
        cn.parse(deck("a1 [r<0:1>] [c<0:2>] xb g=1u", more=f".print op {name}\n.op")).run()
    assert name in caught.value.message
    assert expected in caught.value.expected
    assert caught.value.place.line == 9


def test_names_inside():
    assert vectors_in("tran v(a, b) @n1[w] VDB(x1.a1.bit[0,1])") == ["v(a)", "v(b)", "@n1[w]", "v(x1.a1.bit[0,1])"]
    for name in ("v(a1.word[1,2])", "i(x1.a1.bit[5])", "@a1[w[3,17]]"):
        assert str(InnerVector.from_text(name)) == name
    for name in ("v(a)", "v(x[1])", "@n1[w]", "v(a1.word[1,2]]", "@a1[w[1])"):
        assert InnerVector.from_text(name) is None
    with pytest.raises(UsageError):
        vectors_in(3)


def test_asking_later_makes_a_new_system():
    circuit = by_hand(G)
    circuit.op()
    circuit.probes.append("v(a1.word[0,1])")
    assert "v(a1.word[0,1])" in circuit.op()
    assert "v(a1.word[0,1])" in circuit.copy().op()
