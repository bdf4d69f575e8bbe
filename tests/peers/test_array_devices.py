"""A crossbar element of device cells equals the same array of N elements between resistors."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import CircuitnnError, CrossbarError, NetlistError

SHAPE = (2, 3)
W = np.array([[1e-9, 2e-9, 3e-9], [0.5e-9, 1.5e-9, 2.5e-9]])
# hfo2: 10 kohm at w = 0, 1 Mohm at w = 3 nm, an exponential between.
G = 1e-4 * np.exp(-np.log(100.0) * W / 3e-9)

AROUND = """
v0 s0 0 dc 0.1 ac 1 pulse(0 -1.3 10n 5n 5n 60n 1u)
v1 s1 0 dc 0.2 pulse(0 0.9 20n 5n 5n 60n 1u)
r0 s0 w0 100
r1 s1 w1 100
rl0 b0 0 50
cl0 b0 0 1p
rl1 b1 0 50
e2 o 0 0 b2 1e4
rl2 b2 o 1k
"""
RUNS = ".op\n.dc v0 -0.4 0.4 0.2\n.ac dec 2 1k 10g\n.tran 1n 120n\n"
INSIDE = {
    "v(a1.word[1,2])": "v(x1_2)",
    "v(a1.bit[0,1])": "v(y0_1)",
    "@a1[w[0,0]]": "@n0_0[w]",
    "@a1[w[1,2]]": "@n1_2[w]",
}


def array(*, card="device=hfo2 rword=5 rbit=5", element='xb g="g.npy"', more=""):
    line = f".model xb crossbar ({card})\na1 [w0 w1] [b0 b1 b2] {element}\n"
    return f"array\n{line}{more}{AROUND}.print op {' '.join(INSIDE)} i(a1.bit[2])\n{RUNS}.end\n"


def written_out(cell="n{i}_{j} x{i}_{j} y{i}_{j} hfo2 w={w:.17g}"):
    lines = []
    for i in range(SHAPE[0]):
        for j in range(SHAPE[1]):
            lines.append(f"rw{i}_{j} {f'x{i}_{j - 1}' if j else f'w{i}'} x{i}_{j} 5")
            lines.append(f"rb{i}_{j} y{i}_{j} {f'y{i + 1}_{j}' if i + 1 < SHAPE[0] else f'b{j}'} 5")
            lines.append(cell.format(i=i, j=j, w=W[i, j]))
    return "written out\n" + "\n".join(lines) + AROUND + RUNS + ".end\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("g.npy", G)


def compare(ours, theirs, rtol, atol):
    compared = 0
    for name in ours:
        other = INSIDE.get(name, name)
        if other in theirs and (name != "time"):
            np.testing.assert_allclose(ours[name], theirs[other], rtol=rtol, atol=atol, err_msg=name)
            compared += 1
    assert compared >= 12


@pytest.mark.usefixtures("here")
def test_at_rest_and_small_signals():
    ours, theirs = cn.parse(array()).run(), cn.parse(written_out()).run()
    for kind in ("op", "dc", "ac"):
        # Newton's method goes on to rounding in both; currents of the array are solved to 1e-10 of the largest.
        compare(ours[kind], theirs[kind], 1e-8, 1e-13)
    np.testing.assert_allclose(ours.op["@a1[w[0,0]]"], W[0, 0], rtol=1e-12)


@pytest.mark.usefixtures("here")
def test_states_move_in_time():
    ours, theirs = cn.parse(array()).run().tran, cn.parse(written_out()).run().tran
    for name, other in {**INSIDE, "v(w0)": "v(w0)", "v(b0)": "v(b0)", "v(o)": "v(o)"}.items():
        expected = theirs[other]
        scale = 3e-9 if name[0] == "@" else np.max(np.abs(expected))
        # Steps of both are right to reltol = 1e-3; between points the signals are taken as straight.
        np.testing.assert_allclose(np.interp(theirs.time, ours.time, ours[name]), expected, rtol=0, atol=3e-3 * scale)
    assert ours["@a1[w[0,0]]"][-1] < 0.2 * W[0, 0]
    assert ours["@a1[w[1,2]]"][-1] > W[1, 2] + 1e-11


@pytest.mark.usefixtures("here")
def test_runs_repeat_and_states_begin_anew():
    circuit = cn.parse(array()).circuit()
    first, second = circuit.tran(stop=40e-9), circuit.tran(stop=40e-9)
    np.testing.assert_allclose(first.data, second.data, rtol=1e-9, atol=1e-15)
    assert circuit.op()["@a1[w[0,0]]"] == pytest.approx(W[0, 0], rel=1e-12, abs=0.0)


@pytest.mark.usefixtures("here")
def test_a_model_of_the_subcircuit():
    inner = ".subckt tile p q a b c\n.model own vteam (ron=10k roff=1meg v_on=-0.6 v_off=0.6 k_on=-1e-2 k_off=1e-2 "
    inner += "alpha_on=3 alpha_off=3 w_off=3n w0=1.5n iv=1)\n.model xb crossbar (device=own rword=5 rbit=5)\n"
    inner += 'a1 [p q] [a b c] xb g="g.npy"\n.ends\nx1 w0 w1 b0 b1 b2 tile\n'
    nested = cn.parse(f"nested\n{inner}{AROUND}.print op @x1.a1[w[1,2]]\n.op\n")
    plain = cn.parse(array()).run().op
    op = nested.run().op
    for name in ("v(w0)", "v(b2)", "v(o)"):
        assert op[name] == pytest.approx(plain[name], rel=1e-9, abs=0.0)
    assert op["@x1.a1[w[1,2]]"] == pytest.approx(W[1, 2], rel=1e-9, abs=0.0)
    again = cn.parse(nested.circuit().to_netlist()).circuit().op()
    assert again["v(o)"] == pytest.approx(op["v(o)"], rel=1e-12, abs=0.0)
    assert again["@a.x1.a1[w[1,2]]"] == op["@x1.a1[w[1,2]]"]


def test_without_g_states_are_the_device_s():
    op = cn.parse(array(element="xb")).run().op
    assert op["@a1[w[0,0]]"] == op["@a1[w[1,2]]"] == pytest.approx(1.5e-9, rel=1e-6, abs=0.0)


def test_selectors_in_series():
    diodes = ".model sel d (is=1e-12 n=1.5)\n"
    op = cn.parse(array(card="device=hfo2 selector=sel rword=5 rbit=5", element="xb", more=diodes)).run().op
    cell = "d{i}_{j} x{i}_{j} m{i}_{j} sel\nn{i}_{j} m{i}_{j} y{i}_{j} hfo2"
    flat = cn.parse(written_out(cell).replace("written out\n", "written out\n" + diodes)).run().op
    for name in ("v(w1)", "v(b0)", "v(o)"):
        assert op[name] == pytest.approx(flat[name], rel=1e-6, abs=0.0)


REFUSED = [
    ("device=hfo2x rword=5 rbit=5", "xb", CircuitnnError, 2, "hfo2x", "hfo2"),
    ("device=5", "xb", NetlistError, 2, "device is no name", "device=model"),
    ("device=hfo2 rword=0 rbit=5", "xb", CrossbarError, 2, "ideal word lines", "r_word above 0"),
    ("device=hfo2", "xb g=1m", CrossbarError, 3, "the conductance of cell (0, 0) is 0.001 S", "1e-06 to 0.0001"),
    ("selector=hfo2", "xb g=1u", CircuitnnError, 2, "a selector beside conductances", "device=model"),
]


@pytest.mark.parametrize(("card", "element", "kind", "line", "message", "more"), REFUSED, ids=[r[0] for r in REFUSED])
def test_what_cells_cannot_be_made_of(card, element, kind, line, message, more):
    with pytest.raises(kind) as caught:
        cn.parse(array(card=card, element=element)).circuit().check()
    assert message in caught.value.message
    assert more in str(caught.value)
    assert caught.value.place.line == line
