"""A circuit with A elements equals the same circuit with every cell and every segment of wire written out."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import circuitnn as cn
from circuitnn.results.rawfile import read_raw

# Two direct solutions of one linear system: rounding, amplified by conductances over five decades.
CLOSE = {"rtol": 1e-9, "atol": 1e-15}


def written_out(name, words, bits, G, r_word, r_bit):
    """Return the array as resistors; a wire of 0 ohm is one node."""
    rows, cols = G.shape

    def word(i, j):
        return words[i] if r_word == 0.0 or j < 0 else f"{name}_w{i}_{j}"

    def bit(i, j):
        return bits[j] if r_bit == 0.0 or i == rows else f"{name}_b{i}_{j}"

    lines = []
    for i in range(rows):
        for j in range(cols):
            if r_word:
                lines.append(f"r{name}w{i}_{j} {word(i, j - 1)} {word(i, j)} {r_word:.17g}")
            if r_bit:
                lines.append(f"r{name}b{i}_{j} {bit(i, j)} {bit(i + 1, j)} {r_bit:.17g}")
            if G[i, j]:
                lines.append(f"r{name}c{i}_{j} {word(i, j)} {bit(i, j)} {1.0 / G[i, j]:.17g}")
    return "\n".join(lines)


# Two arrays share the word lines; the bit lines of the first end in op-amps, and their outputs feed the second array's
# word lines beside the inputs; the second one's bit lines carry capacitors.
AROUND = """
v0 in0 0 dc 0.3 ac 1 pulse(0 0.3 10n 5n 5n 100n 1u)
v1 in1 0 dc -0.2 pwl(0 0 20n -0.2 60n 0.1)
v2 in2 0 dc 0.1 ac 0.5 90
rs0 in0 w0 50
rs1 in1 w1 50
rs2 in2 w2 50
e0 s0 0 0 c0 1e5
rf0 c0 s0 2k
e1 s1 0 0 c1 1e5
rf1 c1 s1 2k
rd0 d0 0 1k
cd0 d0 0 20p
rd1 d1 d0 1k
cd1 d1 0 5p
rd2 d2 0 500
lq d2 0 1u
"""
RUNS = """
.options trtol=1e9
.op
.dc v0 -0.4 0.4 0.1
.ac dec 3 1k 10g
.tran 1n 200n 0 0.5n
"""
RNG = np.random.default_rng(3)
G1 = 10.0 ** RNG.uniform(-6, -3, (3, 2))
G2 = 10.0 ** RNG.uniform(-6, -3, (5, 3))
G2[1, 2] = G2[4, 0] = 0.0
WORDS, SUMS, NEXT = ["w0", "w1", "w2"], ["c0", "c1"], ["d0", "d1", "d2"]
WIRES = [(2.0, 3.0), (0.0, 3.0), (2.0, 0.0), (0.0, 0.0)]


@pytest.fixture
def decks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("g.npz", G1=G1, G2=G2)

    def make(r_word, r_bit):
        arrays = f"""
.model xb crossbar (rword={r_word} rbit={r_bit})
.subckt tile a b c y<0> y<1>
a1 [a b c] [y<0:1>] xb g="g.npz:G1"
.ends
xt w0 w1 w2 c0 c1 tile
a2 [w<0> s<1:0> w2 0] [d0 d1 d2] xb g="g.npz:G2"
rj w<0> w0 0.001
rk0 s<0> s0 0.001
rk1 s<1> s1 0.001
.print op v(a2.word[1,2]) v(a2.bit[0,1]) i(a2.bit[2]) i(a2.word[3]) v(xt.a1.word[2,0]) v(xt.a1.bit[1,1])
"""
        joints = "rj wj w0 0.001\nrk0 sk0 s0 0.001\nrk1 sk1 s1 0.001\n"
        flat = written_out("p", WORDS, SUMS, G1, r_word, r_bit) + "\n"
        flat += written_out("q", ["wj", "sk1", "sk0", "w2", "0"], NEXT, G2, r_word, r_bit) + "\n" + joints
        return "arrays\n" + arrays + AROUND + RUNS + ".end\n", "written out\n" + flat + AROUND + RUNS + ".end\n"

    return make


def inside(r_word, r_bit):
    """Return where the flat circuit has what the other asks for inside."""
    return {
        "v(a2.word[1,2])": "v(q_w1_2)" if r_word else "v(sk1)",
        "v(a2.bit[0,1])": "v(q_b0_1)" if r_bit else "v(d1)",
        "v(xt.a1.word[2,0])": "v(p_w2_0)" if r_word else "v(w2)",
        "v(xt.a1.bit[1,1])": "v(p_b1_1)" if r_bit else "v(c1)",
    }


@pytest.mark.parametrize(("r_word", "r_bit"), WIRES)
def test_all_analyses(decks, r_word, r_bit):
    arrays, flat = [cn.parse(text).run() for text in decks(r_word, r_bit)]
    same = inside(r_word, r_bit)
    for kind in ("op", "dc", "ac", "tran"):
        ours, theirs = arrays[kind], flat[kind]
        compared = 0
        # what Newton's last step leaves: of voltages 1e-11 of the largest, of currents 1e-9 of the largest
        floor = {
            letter: part * max(np.max(np.abs(theirs[name])) for name in theirs if name.startswith(f"{letter}("))
            for letter, part in (("v", 1e-11), ("i", 1e-9))
        }
        for name in ours:
            other = same.get(name, name)
            if other in theirs:
                np.testing.assert_allclose(
                    ours[name], theirs[other], rtol=1e-9, atol=floor.get(name[0], 0.0), err_msg=name
                )
                compared += 1
        assert compared > 15
    if r_bit:
        segment = (arrays.ac["v(d2)"] - flat.ac["v(q_b4_2)"]) / r_bit
        np.testing.assert_allclose(arrays.ac["i(a2.bit[2])"], segment, rtol=1e-6)


def test_internal_nodes_are_no_unknowns(decks):
    arrays, flat = [cn.parse(text).circuit().system().n for text in decks(2.0, 3.0)]
    cells = 2 * (G1.size + G2.size)
    assert flat - arrays == cells - 6  # six things are asked for


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")
@pytest.mark.parametrize(("r_word", "r_bit"), WIRES[:2])
def test_against_ngspice(decks, tmp_path, r_word, r_bit):
    arrays, flat = decks(r_word, r_bit)
    ours = cn.parse(arrays).run()
    tight = ".options reltol=1e-9 abstol=1e-16 vntol=1e-14 gmin=1e-18"
    deck = re.sub(r"\.options.*", tight, flat).replace(".tran 1n 200n 0 0.5n\n", "")
    (tmp_path / "flat.cir").write_text(deck)
    subprocess.run(
        ["ngspice", "-b", "-r", "flat.raw", "flat.cir"], capture_output=True, text=True, timeout=120, check=True
    )
    theirs = read_raw("flat.raw")
    for kind in ("op", "ac"):
        for name in ("v(d0)", "v(d2)", "v(s0)", "v(w1)", "i(v0)"):
            np.testing.assert_allclose(ours[kind][name], theirs[kind][name], rtol=1e-6, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 4),
    cols=st.integers(1, 4),
    r_word=st.sampled_from([0.0, 1e-3, 5.0]),
    r_bit=st.sampled_from([0.0, 1e-2, 20.0]),
    seed=st.integers(0, 1000),
)
def test_any_array(rows, cols, r_word, r_bit, seed):
    rng = np.random.default_rng(seed)
    G = 10.0 ** rng.uniform(-7, -2, (rows, cols)) * (rng.random((rows, cols)) < 0.9)
    words, bits = [f"w{i}" for i in range(rows)], [f"b{j}" for j in range(cols)]
    sources = [f"v{i} u{i} 0 {rng.uniform(-1, 1):.17g}\nrs{i} u{i} w{i} 10" for i in range(rows)]
    loads = [f"rl{j} b{j} 0 {10 ** rng.uniform(0, 4):.17g}" for j in range(cols)]
    around = "\n".join([*sources, *loads])
    flat = cn.parse(f"flat\n{written_out('p', words, bits, G, r_word, r_bit)}\n{around}\n.op\n").run().op
    circuit = cn.parse(f"array\n{around}\n.op\n").circuit()
    circuit.model("xb", "crossbar", rword=r_word, rbit=r_bit)
    circuit.A("1", words, bits, "xb", g=G)
    circuit.probes = [f"v(a1.{side}[{rows - 1},0])" for side in ("word", "bit")]
    op = circuit.op()
    for node in (*words, *bits):
        np.testing.assert_allclose(op[f"v({node})"], flat[f"v({node})"], **CLOSE)
    if r_word and r_bit:
        np.testing.assert_allclose(op[circuit.probes[0]], flat[f"v(p_w{rows - 1}_0)"], **CLOSE)
        np.testing.assert_allclose(op[circuit.probes[1]], flat[f"v(p_b{rows - 1}_0)"], **CLOSE)
