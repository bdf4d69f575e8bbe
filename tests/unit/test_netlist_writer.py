"""Flat netlists as text: read back, and run by ngspice."""

import re
import shutil
import subprocess

import pytest

from circuitnn.netlist.netlist import load, parse
from circuitnn.netlist.writer import flat_name, flat_to_text

DECK = """hierarchy
.param gain=2
v1 in 0 dc 2 ac 1 90 pulse(2 3 1n 1n 1n 5n 10n)
.subckt amp p q r=1k
.model dm d (is=1e-14)
r1 p n {r}
d1 n 0 dm area=2 off
b1 q 0 v=v(n)*gain + i(vs)*1k
vs n n2 0
r2 n2 0 1k
e1 t 0 table {v(p)} = (0,0) (1,{gain})
r3 t 0 1
.ends
x1 in out amp r=500
g1 out2 0 poly(2) in 0 out 0 0 1 0 0.5
r4 out2 0 1
r5 out 0 1
b2 lim 0 v=limit(v(in),0,1.5)+int(2.7)+max(1,v(in),0)+table(v(in),0,0,1,4)+min(1,2)
r6 lim 0 1
f1 0 cur x1.vs 3
r7 cur 0 1
h1 pol 0 poly(2) v1 x1.vs 0 1 2 3
r8 pol 0 1
.ic v(out)=1
.options reltol=1e-4
.op
"""
PROBES = ["out", "out2", "lim", "x1.n", "x1.t", "cur", "pol"]


def test_flat_names():
    assert [flat_name(n) for n in ("r1", "x1.r1", "x1.x2.vs")] == ["r1", "r.x1.r1", "v.x1.x2.vs"]


def test_flat_text_reads_back():
    first = parse(DECK).expand()
    text = flat_to_text(first)
    second = parse(text).expand()
    assert flat_to_text(second) == text
    assert [e.nodes for e in first.elements] == [e.nodes for e in second.elements]
    assert [e.params for e in first.elements] == [e.params for e in second.elements]


def test_write_and_load(tmp_path):
    deck = parse(DECK)
    deck.write(tmp_path / "deck.cir")
    again = load(tmp_path / "deck.cir")
    assert again == deck
    assert again.path == tmp_path / "deck.cir"
    assert deck != parse("other\n")
    assert "hierarchy" in repr(deck)


def test_long_lines_are_continued():
    deck = parse("t\nv1 a 0 pwl(" + " ".join([f"{k}m {k}" for k in range(500)]) + ")\n")
    text = deck.to_text()
    assert max(map(len, text.splitlines())) <= 110
    assert parse(text) == deck


def voltages(folder, text, probes):
    control = [".control", "op", *[f"print v({p})" for p in probes], ".endc", ".end", ""]
    (folder / "t.cir").write_text(re.sub(r"\.end\n*$", "", text) + "\n".join(control))
    run = subprocess.run(
        ["ngspice", "-b", "t.cir"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    found = {name: float(value) for name, value in re.findall(r"v\((\S+)\) = (\S+)", run.stdout)}
    assert set(found) == set(probes), run.stdout + run.stderr
    return found


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")
def test_ngspice_runs_flat_text(tmp_path):
    found = voltages(tmp_path, flat_to_text(parse(DECK).expand()), PROBES)
    # By hand: table is level beyond 1 V; limit(2, 0, 1.5) + 2 + 2 + 4 + 1; the diode's node from ngspice itself.
    assert found["x1.t"] == pytest.approx(2.0, rel=1e-6)
    assert found["lim"] == pytest.approx(10.5, rel=1e-6)
    n = found["x1.n"]
    assert 0.5 < n < 0.8
    assert found["out"] == pytest.approx(n * 2 + n, rel=1e-6)
    assert found["cur"] == pytest.approx(3 * n / 1000, rel=1e-6)
    # -(x + 0.5 x^2) A in 1 ohm, x = 2 V
    assert found["out2"] == pytest.approx(-(2.0 + 0.5 * 4.0), rel=1e-6)


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")
def test_ngspice_runs_written_netlists_alike(tmp_path):
    deck = re.sub(r"(?m)^(b2|r6|f1|r7|h1|r8).*\n", "", DECK)  # functions and paths that ngspice does not have
    probes = ["out", "out2", "x1.n", "x1.t"]
    assert voltages(tmp_path, deck, probes) == voltages(tmp_path, parse(deck).to_text(), probes)
