"""Benchmarks: their decks run at small size and mean the same in every program; parts are chosen by name."""

import shutil

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.bench import decks, runner
from circuitnn.bench.cases import devices, spice
from circuitnn.bench.cases.scale_out import shapes, write_network
from circuitnn.bench.ngspice import Ngspice
from circuitnn.bench.peers import TimeLimitError, run_child
from circuitnn.bench.vacask import Vacask, translate
from circuitnn.bench.versus import Observed, versus
from circuitnn.errors import AnalysisError, UsageError
from circuitnn.mapping.tensors import read_tensors

STATES, TIMES, LEVELS = decks.write_and_read(4, 4)


def array(cells: str) -> str:
    # steps of 0.1 ns: both programs' read currents are then within 0.2 % of the converged ones
    return decks.memristor_array(STATES, TIMES, LEVELS, max_step=0.1e-9, cells=cells)


#: deck, a vector that is compared at the last point, tolerance.  Steps are forced, and short against every time
#: constant, so that what is left is the first steps from uic (rings), and ngspice's reltol of 1e-3 (memristors).
SMALL = {
    "rc": (decks.rc_pulses(3000), "v(out)", 1e-4),
    "bridge": (decks.bridge(6000), "v(outp)", 1e-4),
    "multiplier": (decks.multiplier(3000), "v(20)", 1e-3),
    "ring_op": (decks.ring(5, analysis="op"), "v(n0)", 1e-6),
    # 100 sections: their slowest time constant is 40 ns, so that the end still sees the last pulse, 100 ns before
    "ladder": (decks.rc_ladder(100), "v(n100)", 1e-3),
    "crossbar": (decks.crossbar(8), "i(vo3)", 1e-6),
    "flat": (array("flat"), "i(vo1)", 1e-2),
    "subcircuits": (array("subcircuits"), "i(vo1)", 1e-2),
}


def last(deck: str, vector: str) -> float:
    (result,) = cn.parse(deck).run().values()
    return float(np.atleast_1d(result[vector])[-1])


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")
def test_small_decks_agree_with_ngspice(name):
    deck, vector, tolerance = SMALL[name]
    theirs = float(np.atleast_1d(Ngspice().run(deck, [vector]).vectors[vector])[-1])
    assert last(deck, vector) == pytest.approx(theirs, rel=tolerance, abs=0.0)


@pytest.mark.parametrize("name", [*SMALL, "elements"])
@pytest.mark.skipif(shutil.which("vacask") is None, reason="VACASK not installed")
def test_small_decks_agree_with_vacask(name):
    deck, vector, tolerance = SMALL.get(name, (array("elements"), "i(vo1)", 1e-2))
    theirs = array("elements") if name in ("flat", "subcircuits") else deck
    found = float(np.atleast_1d(Vacask().run(theirs, [vector]).vectors[vector])[-1])
    assert last(deck, vector) == pytest.approx(found, rel=max(tolerance, 1e-3 if ".tran" in deck else 0.0), abs=0.0)


def test_all_forms_of_a_memristor_array_are_one_circuit():
    flat, subcircuits, elements = (last(array(cells), "i(vo1)") for cells in ("flat", "subcircuits", "elements"))
    assert subcircuits == pytest.approx(flat, rel=1e-9, abs=0.0)
    assert elements == pytest.approx(flat, rel=1e-4, abs=0.0)


def test_rings_oscillate_with_a_period_in_proportion_to_their_length():
    found = {}
    for stages in (5, 11):
        run = cn.parse(decks.ring(stages, 8 * stages * 38.5e-12)).run().tran
        found[stages] = spice.period(run.time, run["v(n0)"])
    assert found[11] / found[5] == pytest.approx(11 / 5, rel=0.01)
    with pytest.raises(AnalysisError, match="no two periods"):
        spice.period(np.arange(3.0), np.zeros(3))


def test_lines_and_mixed_decks():
    flat = cn.parse(decks.flat_lines(1001)).expand()
    assert len(flat.elements) == 1001
    assert list(cn.parse(decks.mixed(3)).run()) == ["op1", "ac1", "tran1"]


def test_a_deck_in_vacasks_language():
    text = translate(cn.parse(decks.ring(3, 1e-9)).expand())
    assert "model mp sp_mos1 (type=-1 vto=-0.7 kp=5e-05 gamma=0.57 lambda=0.05 phi=0.65)" in text.splitlines()
    assert "mn0 (n1 n0 0 0) mn w=1e-05 l=1e-06" in text.splitlines()
    assert 'maxstep=1e-11 icmode="uic" ic={"vdd", 3.0, "n0", 0.0, "n1", 3.0, "n2", 0.0}' in text
    for deck, word in (("t\nl1 a 0 1\n.op\n", "l1"), ("t\nr1 a 0 1\n.ac dec 1 1 10\n", ".ac")):
        with pytest.raises(UsageError, match=word):
            translate(cn.parse(deck).expand())


def test_a_child_has_times_and_a_limit():
    child = run_child(["sh", "-c", "echo done"])
    assert child.output == "done\n" and child.seconds > 0.0 and child.megabytes > 0.0
    with pytest.raises(TimeLimitError):
        run_child(["sleep", "5"], limit=0.05)
    with pytest.raises(AnalysisError, match="status 3"):
        run_child(["sh", "-c", "exit 3"])


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")
def test_a_deck_that_ngspice_cannot_finish_is_a_failure():
    with pytest.raises(AnalysisError, match="ngspice failed"):
        Ngspice().run("loop\nv1 a 0 1\nv2 a 0 2\nc1 a 0 1\n.tran 1 2\n.end\n")


def test_rows_of_a_comparison():
    deck = decks.rc_pulses(200)
    observed = Observed("last voltage", ["v(out)"], lambda found: float(found["v(out)"][-1]), lambda: 0.1813, most=5.0)
    rows = {
        row.name.partition(": ")[2]: row for row in versus("rc", deck, {}, 2, {"best": 2.0, "VACASK": 3.0}, observed)
    }
    assert list(rows) == [
        "time", "time, against VACASK", "of it in the analysis", "points", "rejected", "iterations",
        "peak memory of the process", "error of the last voltage",
    ]  # fmt: skip
    assert rows["time"].baseline is None and rows["time"].holds is None
    assert list(rows["of it in the analysis"].details) == ["parse", "expand", "plan"]
    assert rows["points"].value >= 200
    assert rows["error of the last voltage"].holds


def test_parts_are_run_by_name(monkeypatch):
    seen = []
    parts = {name: lambda rounds, name=name: seen.append((name, rounds)) or [] for name in "abc"}
    monkeypatch.setattr(runner, "case", lambda name: runner.Case(parts))
    assert runner.run("made_up", ["c", "a"], rounds=2) == []
    assert seen == [("a", 2), ("c", 2)]
    with pytest.raises(UsageError, match="no part 'd'"):
        runner.run("made_up", ["d"])


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_models_by_hand_mean_the_same_as_the_generated_ones(monkeypatch):
    monkeypatch.setattr(devices, "_COUNT", 999)
    distances = [row for row in devices.EXPORT.parts["kernels"](1) if "distance" in row.name]
    assert any("C by hand" in row.name for row in distances)
    for row in distances:  # functions differ by units in the last place, and exponents of 50 make them 50 times larger
        assert row.value < 1e-12, row.name


def test_the_network_of_the_scale_out_benchmark_is_a_weights_file(tmp_path):
    write_network(tmp_path / "net.safetensors", shapes(1, 8, 1030))
    found = {name: tensor.shape for name, tensor in read_tensors(tmp_path / "net.safetensors").items()}
    assert found == shapes(1, 8, 1030) and found["h.0.mlp.c_fc.weight"] == (8, 32)
