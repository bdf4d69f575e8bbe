"""Monte Carlo runs and corners: distributions against their moments, reproducible numbers, work that goes on."""

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sampled import area, dying

import circuitnn as cn
from circuitnn.errors import AnalysisError, CircuitnnError, FileError, NetlistError, UsageError
from circuitnn.results.samples import Record, Samples, Waves
from circuitnn.runs.store import RunStore

RC = """\
rc
.param tau={agauss(1m,0.1m,1)}
v1 a 0 pulse(0 1 0 1n 1n 1)
r1 a b {tau/1u}
c1 b 0 1u dev/gauss=5%
.tran 10u 3m
.measure tran end find v(b) at=1m
.print tran v(b)
.mc 24 seed=4
"""


@pytest.mark.parametrize(
    ("value", "mean", "sigma"),
    [
        ("{agauss(1k,30,3)}", 1000.0, 10.0),
        ("{gauss(1k,0.03,3)}", 1000.0, 10.0),
        ("{aunif(1k,30)}", 1000.0, 30.0 / math.sqrt(3.0)),
        ("{unif(1k,0.03)}", 1000.0, 30.0 / math.sqrt(3.0)),
        ("1k dev=5%", 1000.0, 50.0 / math.sqrt(3.0)),
        ("1k dev=50", 1000.0, 50.0 / math.sqrt(3.0)),
        ("1k dev/gauss=5%", 1000.0, 50.0),
        ("1k dev/gauss=3% lot/gauss=4%", 1000.0, 50.0),
        ("1k dev/lognormal=10%", 1000.0 * math.exp(0.005), 1000.0 * math.exp(0.005) * math.sqrt(math.expm1(0.01))),
        ("1k dev/lognormal=0.1", 1000.0 * math.exp(0.005), 1000.0 * math.exp(0.005) * math.sqrt(math.expm1(0.01))),
    ],
)
def test_mean_and_sigma_are_those_of_the_distribution(value, mean, sigma):
    deck = cn.parse(f"resistance\nv1 a 0 1\nr1 a 0 {value}\n.op\n")
    count = 1000
    found = np.array([deck.expand(run=k, seed=2).elements[1].params["resistance"] for k in range(count)])
    # three standard errors of the mean, and of the standard deviation: that of a normal distribution, the widest of
    # these but for the log-normal one, whose kurtosis of 3.16 adds 4 %
    assert abs(found.mean() - mean) < 3.0 * sigma / math.sqrt(count)
    assert abs(found.std(ddof=1) - sigma) < 3.2 * sigma / math.sqrt(2.0 * count)


def test_a_measured_quantity_has_the_mean_and_sigma_that_follow():
    deck = cn.parse(
        "divider\nv1 a 0 1\nr1 a b 1k dev/gauss=1%\nr2 b 0 1k dev/gauss=1%\n.op\n.measure op vb find v(b)\n.mc 300\n"
    )
    samples = cn.monte_carlo(deck, seed=6, workers=1)
    # to first order v(b) = 1/2 + (e2 - e1) / 4; the next order moves the mean by 1e-8 and sigma by parts of 1e-4
    sigma = 0.25 * math.sqrt(2.0) * 0.01
    assert abs(samples.mean("vb") - 0.5) < 3.0 * sigma / math.sqrt(300)
    assert abs(samples.std("vb") - sigma) < 3.0 * sigma / math.sqrt(600)
    assert (samples["vb"] == samples["v(b)"]).all()  # what an operating point keeps is a number of the run


def test_lots_go_together_and_devs_do_not():
    deck = cn.parse(
        "pair\nv1 a 0 1\nr1 a 0 rm 1k\nr2 a 0 rm 2k\nx1 a cell\nx2 a cell\n"
        ".model rm res(r=1 dev/gauss=2% lot/gauss=5%)\n"
        ".subckt cell p\nr1 p 0 inner 1k\n.model inner res(r=1 lot/gauss=3%)\n.ends\n.op\n"
    )
    flats = [deck.expand(run=k, seed=9) for k in range(600)]
    rows = [{e.name: e.params["resistance"] for e in f.elements if e.letter == "r"} for f in flats]
    r1, r2 = (np.array([row[name] for row in rows]) for name in ("r1", "r2"))
    # correlation of two values that share 5 % and have 2 % each alone: 25 / 29
    expected = 25.0 / 29.0
    error = (1.0 - expected**2) / math.sqrt(len(rows))
    assert abs(np.corrcoef(r1, r2)[0, 1] - expected) < 3.0 * error
    assert r2.mean() == pytest.approx(2000.0, rel=3 * 0.054 / math.sqrt(600))
    # the instances of one card's lot are the same
    assert all(row["x1.r1"] == row["x2.r1"] for row in rows)
    assert len({row["x1.r1"] for row in rows}) == 600


def test_a_generator_is_shared_by_models():
    deck = cn.parse(
        "two\nv1 a 0 1\nr1 a 0 m1 1k\nr2 a 0 m2 1k\n.model m1 res(r=1 lot/1/gauss=5%)\n"
        ".model m2 res(r=1 lot/1/gauss=10%)\n.op\n"
    )
    for k in range(5):
        one, two = (e.params["resistance"] / 1e3 - 1.0 for e in deck.expand(run=k).elements if e.letter == "r")
        assert two == pytest.approx(2.0 * one, rel=1e-12, abs=0.0) and one != 0.0


def test_parameters_of_any_model_deviate_and_a_plain_run_does_not():
    deck = cn.parse("d\nv1 a 0 0.5\nd1 a 0 dm\nd2 a 0 dm\n.model dm d(is=1e-14 dev=50% n=1.1)\n.op\n")
    flat = deck.expand(run=0, seed=1)
    values = [flat.models[e.model].params for e in flat.elements if e.letter == "d"]
    assert values[0]["is"] != values[1]["is"] and values[0]["n"] == 1.1
    assert deck.expand().models["dm"].params["is"] == 1e-14
    assert [e.model for e in deck.expand().elements if e.letter == "d"] == ["dm", "dm"]
    assert cn.parse(deck.to_text()) == deck


def test_each_run_has_a_seed_of_its_own():
    deck = cn.parse("noise\ni1 0 a trnoise(1u 1u 0 0)\nr1 a 0 1k\n.tran 1u 20u\n.options seed=5\n")
    seeds = [deck.expand(run=k).options["seed"] for k in range(20)]
    assert len({*seeds}) == 20 and deck.expand().options["seed"] == 5.0
    assert deck.expand(run=3).options == deck.expand(run=3).options
    assert deck.expand(run=3, seed=6).options != deck.expand(run=3).options
    samples = cn.monte_carlo(deck, 4, workers=1)
    assert len({*samples["v(a)"][:, 500].tolist()}) == 4


# ---------------------------------------------------------------------- the same numbers
@pytest.fixture(scope="module")
def alone():
    return cn.monte_carlo(cn.parse(RC), workers=1)


def equal(a, b):
    return all((a[name] == b[name]).all() for name in ("end", "v(b)")) and a.names() == b.names()


def test_two_processes_give_the_numbers_of_one(alone):
    assert equal(alone, cn.monte_carlo(cn.parse(RC), workers=2))
    assert equal(alone, cn.monte_carlo(cn.parse(RC)))
    other = cn.monte_carlo(cn.parse(RC), seed=5, workers=1)
    assert not (alone["end"] == other["end"]).any()


def test_the_deck_itself_runs_with_the_same_numbers(alone):
    results = cn.parse(RC).run()
    assert results.steps[3] == {"run": 3.0}
    assert (results.measures["end"] == alone["end"]).all()


def test_finished_runs_are_kept_and_gone_on_with(alone, tmp_path):
    store = tmp_path / "runs"
    deck = cn.parse(RC)
    first = cn.monte_carlo(deck, 10, workers=1, store=store)
    assert len(first) == 10 and list(store.glob("runs-*.npz"))
    before = {path: path.stat().st_mtime_ns for path in store.iterdir()}
    assert equal(alone, cn.monte_carlo(deck, store=store, workers=1))
    assert all(path.stat().st_mtime_ns == then for path, then in before.items())
    done = []
    assert equal(alone, cn.monte_carlo(deck, store=store, progress=done.append))
    assert not done  # nothing was left
    with pytest.raises(UsageError, match="seed"):
        cn.monte_carlo(deck, seed=9, store=store)
    with pytest.raises(UsageError, match="deck"):
        cn.monte_carlo(cn.parse(RC.replace("3m", "4m")), store=store)
    next(store.glob("runs-*.npz")).write_bytes(b"damaged")
    with pytest.raises(FileError, match="delete it"):
        cn.monte_carlo(deck, store=store)
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="other files"):
        cn.monte_carlo(deck, store=other)


@pytest.mark.slow
def test_a_killed_process_loses_only_what_was_running(alone, tmp_path):
    deck, store = tmp_path / "rc.cir", tmp_path / "runs"
    # long runs first: killed in their middle
    deck.write_text(RC.replace("10u 3m", "0.2u 3m 0 0.2u"))
    call = f"cn.monte_carlo({str(deck)!r}, 400, workers=2, store={str(store)!r})"
    script = tmp_path / "script.py"
    script.write_text(f"import circuitnn as cn\nif __name__ == '__main__':\n    {call}\n")
    environment = {**os.environ, "PYTHONPATH": str(Path(cn.__file__).parents[1])}
    child = subprocess.Popen([sys.executable, str(script)], env=environment)
    try:
        until = time.monotonic() + 60.0
        while not list(store.glob("runs-*.npz")) and time.monotonic() < until and child.poll() is None:
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.wait()
    kept = RunStore(store, _about(deck)).load()
    assert len(kept) > 0
    count = max(kept) + 2
    left = cn.monte_carlo(deck, count, store=store, workers=1)
    fresh = cn.monte_carlo(deck, 2, workers=1)
    assert len(left) == count and (left["end"][:2] == fresh["end"]).all()


def _about(deck):
    from circuitnn.runs.tasks import DeckTask

    return DeckTask(cn.load(deck).to_text(), str(deck), 4, None, 1001).about()


def test_an_interrupt_keeps_what_is_done(tmp_path):
    def stop(part):
        if part > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        cn.monte_carlo(cn.parse(RC), workers=1, store=tmp_path / "runs", progress=stop)
    assert len(caught.value.result) == 10
    assert len(cn.monte_carlo(cn.parse(RC), 10, store=tmp_path / "runs", workers=1, progress=stop)) == 10


# ---------------------------------------------------------------------- functions
def test_functions_run_in_other_processes_too():
    one, two = cn.monte_carlo(area, 8, seed=1, workers=1), cn.monte_carlo(area, 8, seed=1, workers=2)
    assert (one["x"] == two["x"]).all() and one["x"].mask.tolist() == [k == 2 for k in range(8)]
    assert one.errors == {2: "ValueError: an unlucky run"} == two.errors
    assert one["wave"].shape == (8, 2) and len({*one["seed"].compressed().tolist()}) == 7
    assert one.yield_of({"x": (-100.0, None)}).passed == 7
    assert len(cn.monte_carlo(lambda run: 1.0, 3)) == 3
    with pytest.raises(UsageError, match="other processes"):
        cn.monte_carlo(lambda run: 1.0, 3, workers=2)
    with pytest.raises(UsageError, match="how many"):
        cn.monte_carlo(area)
    with pytest.raises(UsageError, match="returned"):
        cn.monte_carlo(lambda run: "text", 3)


def test_a_process_that_dies_is_told_of(tmp_path):
    with pytest.raises(AnalysisError, match="has died"):
        cn.monte_carlo(dying, 5, workers=2, store=tmp_path / "runs")


def test_an_interrupt_lets_other_processes_end(tmp_path):
    def stop(part):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        cn.monte_carlo(area, 40, workers=2, store=tmp_path / "runs", progress=stop)
    done = len(caught.value.result)
    assert 0 < done < 40 and len(cn.monte_carlo(area, 40, store=tmp_path / "runs", workers=1)) == 40


def test_runs_that_fail():
    def failing(run):
        raise ValueError("always")

    with pytest.raises(AnalysisError, match=r"all 3 runs failed.*always"):
        cn.monte_carlo(failing, 3)
    assert cn.monte_carlo(lambda run: math.nan if run.index else 1.0, 3).errors[1] == "value is not finite"
    # zero ohms is refused in some of the runs
    deck = cn.parse("r\nv1 a 0 1\nr1 a 0 {limit(50,50)}\n.op\n.measure op i find i(v1)\n")
    samples = cn.monte_carlo(deck, 30, seed=1, workers=1)
    assert 0 < len(samples.errors) < 30 and "zero" in next(iter(samples.errors.values()))
    assert samples["i"].count() == 30 - len(samples.errors)


# ---------------------------------------------------------------------- statistics
def test_percentiles_histogram_and_yield():
    axis = np.arange(3.0)
    records = [
        Record(
            k, measures={"a": float(k)}, waves={"tran1": Waves("time", "s", axis, ("v(a)",), ("V",), k * axis[None])}
        )
        for k in range(101)
    ]
    records[50] = Record(50, "failed")
    samples = Samples(reversed(records), "t")
    assert samples.percentiles("a", (0, 50, 100)).tolist() == [0.0, 50.0, 100.0]
    bands = samples.percentiles("v(a)")
    assert bands.shape == (3, 3) and bands[2].tolist() == pytest.approx(
        np.percentile(np.delete(np.arange(101), 50), 95) * axis
    )
    assert samples["tran1.v(a)"][7].tolist() == [0.0, 7.0, 14.0] and samples.unit("V(A)") == "V"
    counts, edges = samples.histogram("a", 10)
    assert counts.sum() == 100 and len(edges) == 11
    good = samples.yield_of({"a": (10.0, 89.0)})
    assert (good.passed, good.runs) == (79, 101) and good.low < good.fraction < good.high
    # Wilson's interval for 79 of 101, from its formula in closed form: 0.692 .. 0.852
    assert (good.low, good.high) == pytest.approx((0.692, 0.852), abs=1e-3)
    for bad in (lambda: samples["b"], lambda: samples.find("tran2.v(a)")):
        with pytest.raises(AnalysisError):
            bad()
    for bad in (
        lambda: samples.percentiles("a", (5, 101)),
        lambda: samples.histogram("v(a)"),
        lambda: samples.yield_of({"v(a)": (0, 1)}),
        lambda: samples.plot("a", q=(50, 5)),
    ):
        with pytest.raises(UsageError):
            bad()
    moved = Record(101, waves={"tran1": Waves("time", "s", axis + 1.0, ("v(a)",), ("V",), axis[None])})
    assert 101 in Samples([*records, moved]).errors


def test_pictures_hold_the_bands(alone):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    axes = alone.plot("v(b)", "end", limits={"end": (0.5, None)})
    lines = axes[0].get_lines()
    assert lines[0].get_ydata() == pytest.approx(np.median(alone.sound("v(b)"), axis=0), abs=1e-15)
    corners = axes[0].collections[0].get_paths()[0].vertices[:, 1]
    assert corners.max() == pytest.approx(alone.percentiles("v(b)", 95.0).max())
    plt.close("all")


# ---------------------------------------------------------------------- corners
CORNERS = """\
corners
.param vdd=1
.model rm res(tc1=1m)
v1 a 0 {vdd}
r1 a b rm 1k
r2 b 0 1k
.op
.measure op vb find v(b)
"""


def test_corners_change_parameters_temperature_models_and_elements():
    cards = ".corner nom\n.corner hot temp=127 vdd=1.1\n.corner odd rm.tc1=2m r2=3k temp=127\n"
    deck = cn.parse(CORNERS + cards)
    results = deck.run()
    # r1 is 1k (1 + tc1 (T - 27)): 1.1 k and 1.2 k at 127 degrees
    expected = [0.5, 1.1 * 1.0 / 2.1, 3.0 / 4.2]
    assert results.corners == ["nom", "hot", "odd"]
    assert results.measures["vb"].tolist() == pytest.approx(expected, rel=1e-6)  # reltol of Newton's method
    values = {"nom": {}, "hot": {"temp": 127, "vdd": 1.1}, "odd": {"rm.tc1": "2m", "r2": "3k", "temp": 127}}
    same = cn.corners(cn.parse(CORNERS), values)
    assert same.measures["vb"].tolist() == results.measures["vb"].tolist()
    assert cn.parse(deck.to_text()) == deck
    both = cn.parse(CORNERS.replace("1k\n.op", "1k dev=5%\n.op") + cards + ".mc 2\n").run()
    assert len(both.steps) == 6 and both.steps[1] == {"run": 0.0, "corner": 2.0}
    for bad in ({}, {"a b": {}}, {"hot": {"nothing": 1.0}}, {"hot": {"r2": "x"}}):
        with pytest.raises(CircuitnnError):
            cn.corners(cn.parse(CORNERS), bad)


STEPPED = """\
stepped
.param vdd=1 rc=1k
v1 a 0 pulse(0 {vdd} 0 1n 1n 1)
r1 a b rm {rc}
.model rm res(tc1=1m)
c1 b 0 {agauss(1u,0.05u,1)}
.tran 20u 3m
.measure tran end find v(b) at=1m
.four 1k v(b)
.step param rc list 1k 2k 1k
.corner nom
.corner hot temp=127 vdd=1.1
"""


def same_results(one, two):
    assert [*one] == [*two] and one.corners == two.corners and one.steps == two.steps
    assert all((one[name].data == two[name].data).all() and one[name].step == two[name].step for name in one)
    assert one.measures["end"].tolist() == two.measures["end"].tolist()
    assert {k: [h.thd for h in v] for k, v in one.harmonics.items()} == {
        k: [h.thd for h in v] for k, v in two.harmonics.items()
    }
    assert one.warnings == two.warnings


def test_points_across_processes_are_those_of_one_and_are_gone_on_with(tmp_path):
    deck, store = cn.parse(STEPPED), tmp_path / "points"
    plain = deck.run()
    assert len(plain) == 6 and plain.harmonics
    same_results(plain, deck.run(workers=2, store=store))
    kept = {path: path.stat().st_mtime_ns for path in store.glob("point-*.h5")}
    assert len(kept) == 6
    sorted(kept)[2].unlink()
    same_results(plain, deck.run(workers=1, store=store))  # the lost one is done again, the others are not
    assert sum(path.stat().st_mtime_ns != then for path, then in kept.items()) == 1
    with pytest.raises(UsageError, match="another analysis"):
        cn.parse(STEPPED.replace("3m", "4m")).run(store=store)
    with pytest.raises(UsageError, match="no points"):
        cn.parse(CORNERS).run(workers=2)
    values = {"nom": {}, "high": {"vdd": 2.0}}
    assert cn.corners(cn.parse(CORNERS), values, workers=1).measures["vb"].tolist() == pytest.approx([0.5, 1.0])


def test_a_corner_that_fails_leaves_the_others_their_results():
    deck = cn.parse(CORNERS + ".corner bad r1=0\n.corner good vdd=2\n")
    with pytest.raises(CircuitnnError, match="r1") as caught:
        deck.run(workers=1)
    assert caught.value.result.measures["vb"].tolist() == pytest.approx([1.0])


def test_corners_have_runs_and_bands_of_their_own(tmp_path):
    deck = cn.parse(STEPPED.replace(".step param rc list 1k 2k 1k\n", "") + ".mc 12 seed=3\n")
    store = tmp_path / "runs"
    few = cn.monte_carlo_corners(deck, 5, workers=1, store=store)
    family = cn.monte_carlo_corners(deck, workers=2, store=store)
    assert [*family] == ["nom", "hot"] and family.steps == [{"corner": 1.0}, {"corner": 2.0}]
    assert (few["hot"]["end"] == family["hot"]["end"][:5]).all()
    # the deck itself has all runs at all corners, the corner changing slower than the first card and faster than runs
    measured = deck.run().measures["end"].reshape(12, 2)
    for k, samples in enumerate(family.values()):
        assert samples.runs.tolist() == [*range(12)]
        assert (samples["end"] == measured[:, k]).all()
    # a member is what the deck at that corner alone gives; this corner leaves parameters, and so draws, as they are
    alone = cn.parse(STEPPED.split(".step")[0] + ".mc 12 seed=3\n")
    assert (cn.monte_carlo(alone, workers=1)["end"] == family["nom"]["end"]).all()
    bands = family.percentiles("v(b)", (5, 95))
    assert bands.shape == (2, 2, 1001)
    assert bands[1, :, 500] == pytest.approx(np.percentile(np.asarray(family["hot"]["v(b)"])[:, 500], (5, 95)))
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    axis = family.plot("v(b)")
    assert [line.get_label() for line in axis.get_lines()] == ["nom", "hot"]
    highest = [axis.collections[k].get_paths()[0].vertices[:, 1].max() for k in (0, 2)]
    assert highest == pytest.approx([family[name].percentiles("v(b)", 95.0).max() for name in family])
    plt.close("all")
    with pytest.raises(AnalysisError, match="no runs at"):
        family["cold"]


def test_all_runs_of_a_corner_failing_is_told_of():
    deck = cn.parse(CORNERS + ".corner bad r1=0\n.corner good\n.mc 3\n")
    with pytest.raises(AnalysisError, match="failed at bad") as caught:
        cn.monte_carlo_corners(deck, workers=1)
    assert [*caught.value.result] == ["good"]


def test_steps_of_one_value_keep_their_places():
    deck = cn.parse(CORNERS + ".step param vdd list 1 2 1\n.mc 2\n")
    family = cn.monte_carlo_corners(deck, workers=1)
    assert [*family] == ["vdd = 1", "vdd = 2", "vdd = 1 #2"]
    assert [one["vb"][0] for one in family.values()] == pytest.approx([0.5, 1.0, 0.5])


# ---------------------------------------------------------------------- files
@pytest.fixture(scope="module")
def some():
    axis = np.linspace(0.0, 1.0, 4)
    spectrum = Waves("frequency", "Hz", axis, ("v(a)",), ("V",), (1.0 + 2.0j) * axis[None])
    step = Waves("time", "s", axis, ("v(a)", "i(v1)"), ("V", "A"), np.array([axis, -axis]))
    good = [Record(k, "", {"a": k + 0.1}, {"tran1": step, "ac1": spectrum}, ["mind"]) for k in (0, 2, 7)]
    good[1].measures["only"] = 1.0 / 3.0
    return Samples([*good, Record(5, 'it said: "no", and left')], "some", 3, 9)


def test_samples_come_back_from_files(some, tmp_path):
    some.save(tmp_path / "a.h5")
    again = Samples.load(tmp_path / "a.h5")
    for name in ("title", "seed", "asked", "errors", "warnings"):
        assert getattr(again, name) == getattr(some, name)
    assert (
        again.runs.tolist() == some.runs.tolist() and again.names() == some.names() and [*again.waves] == [*some.waves]
    )
    for name in ("a", "only", "tran1.v(a)", "i(v1)", "ac1.v(a)"):
        assert again[name].tolist() == some[name].tolist() and again[name].dtype == some[name].dtype
        assert again.unit(name) == some.unit(name)
    some.save(tmp_path / "a.csv")
    table = Samples.load(tmp_path / "a.csv")
    assert table.measures.keys() == some.measures.keys() and table.errors == some.errors
    assert all(table[name].tolist() == some[name].tolist() for name in some.measures)
    family = cn.SampleFamily({"cold": some, "hot": some}, [{"corner": 1.0}, {"corner": 2.0}], "both")
    for name in ("f.h5", "f.csv"):
        family.save(tmp_path / name)
        held = cn.SampleFamily.load(tmp_path / name)
        assert [*held] == ["cold", "hot"] and held["hot"]["only"].tolist() == some["only"].tolist()
        with pytest.raises(FileError, match="several points"):
            Samples.load(tmp_path / name)
        with pytest.raises(FileError, match="no family"):
            cn.SampleFamily.load(tmp_path / name.replace("f", "a"))
    assert cn.SampleFamily.load(tmp_path / "f.h5").steps == family.steps


def test_bad_files_of_samples(some, tmp_path):
    from circuitnn.results.result import Result, Variable

    some.save(tmp_path / "a.h5")
    whole = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    cn.Results([Result("", "op", "t", [Variable("v(a)", "voltage")], [[1.0]])]).save(tmp_path / "other.h5")
    (tmp_path / "text.csv").write_text("time,v(a)\n0,1\n")
    (tmp_path / "short.csv").write_text("run,a,error\n0,1\n")
    for name in ("cut.h5", "other.h5", "absent.h5", "absent.csv", "text.csv", "short.csv"):
        with pytest.raises(FileError):
            Samples.load(tmp_path / name)
    with pytest.raises(UsageError, match="raw"):
        some.save(tmp_path / "a.raw")
    with pytest.raises(UsageError, match="measures"):
        Samples([Record(0)]).save(tmp_path / "b.csv")


@pytest.mark.parametrize(
    "card",
    [
        ".mc", ".mc x", ".mc 0", ".mc 2.5", ".mc 5 tran v(5) ymax", ".mc 5 seed=-1", ".mc 5 size=2", ".mc 5\n.mc 6",
        ".corner", ".corner a b", ".corner 3", ".corner a q=1", ".corner a r2=zz", ".corner a r2=1 r2=2",
        ".corner a\n.corner a", ".corner a temp=-300", "r9 b 0 1k dev/foo=3%", "r9 b 0 1k dev=-3%", "r9 b 0 1k dev=x%",
        "r9 b 0 1k dev/1/gauss/2=3%", "r9 b 0 {v(b)} dev=3%", ".model q res(dev=3% r=1)"
    ],
)  # fmt: skip
def test_bad_cards(card):
    with pytest.raises(CircuitnnError) as caught:
        cn.parse(CORNERS + card + "\n").run()
    assert caught.value.message


@pytest.mark.parametrize(
    ("deck", "options", "message"),
    [
        (RC, {"runs": 0}, "runs"),
        (RC, {"runs": 2.0}, "runs"),
        (RC, {"runs": True}, "runs"),
        (RC, {"seed": -1}, "seed"),
        (RC, {"workers": 0}, "workers"),
        (RC, {"points": 1}, "points"),
        (RC, {"vectors": "v(b)"}, "vectors"),
        (RC, {"workers": True}, "workers"),
        (RC + ".step param tau list 1m 2m\n", {}, "has .step"),
        (RC + ".corner hot temp=100\n", {}, "has .corner"),
        (RC + ".control\nrun\n.endc\n", {}, "script"),
        (RC.replace(".mc 24", ".mc 24 ac"), {}, "no analysis"),
        (CORNERS, {}, "how many"),
        ("t\nv1 a 0 1\nr1 a 0 {x}\n.op\n.mc 3\n", {}, "undefined"),
    ],
)
def test_bad_requests(deck, options, message):
    with pytest.raises((UsageError, NetlistError), match=message):
        cn.monte_carlo(cn.parse(deck), **options)


def test_check_finds_mistakes_in_corners():
    report = cn.check(text=CORNERS + ".corner a q=1\n.corner b rr.tc1=2\n.corner good r2=2k\n")
    assert len(report.errors) == 2
    assert not cn.check(text=RC).errors


# ---------------------------------------------------------------------- command line
def test_the_command(tmp_path, monkeypatch, capsys):
    from circuitnn.cli.main import main

    def run(*words):
        monkeypatch.setattr("sys.argv", ["circuitnn", "run", *words])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code or 0, capsys.readouterr()

    monkeypatch.chdir(tmp_path)
    Path("rc.cir").write_text(RC)
    code, said = run("rc.cir", "--runs", "12", "--store", "kept", "-o", "all.csv", "--plot", "--workers", "1")
    assert code == 0, said.err
    assert "rc: 12 runs, seed 4" in said.out and "median" in said.out
    assert Path("all.png").stat().st_size > 5000 and len(Path("all.csv").read_text().splitlines()) == 13
    code, said = run("rc.cir", "--store", "kept", "--json", "--workers", "1")
    assert code == 0 and '"runs": 24' in said.out
    Path("corners.cir").write_text(CORNERS + ".corner cold temp=-40\n.corner hot temp=127\n")
    code, said = run("corners.cir")
    assert code == 0 and "op2, corner = hot" in said.out
    code, plain = run("corners.cir", "--workers", "1", "--store", "points", "-o", "corners.raw")
    assert code == 0 and plain.out == said.out and len(cn.Results.load("corners.raw")) == 2
    Path("both.cir").write_text(CORNERS.replace("1k\n.op", "1k dev=5%\n.op") + ".corner a\n.corner b r1=2k\n.mc 5\n")
    code, said = run("both.cir", "--plot", "-o", "both.h5", "--workers", "1")
    assert code == 0 and "corners: a: 5 runs" in said.out and "corners: b: 5 runs" in said.out, said.err
    assert Path("both.png").stat().st_size > 5000 and [*cn.SampleFamily.load("both.h5")] == ["a", "b"]
    Path("plain.cir").write_text(CORNERS)
    for wrong in (
        ("rc.cir", "-o", "all.raw"),
        ("corners.cir", "--seed", "3"),
        ("plain.cir", "--workers", "2"),
        ("rc.cir", "--runs", "0"),
    ):
        code, said = run(*wrong)
        assert code != 0 and said.err and "Traceback" not in said.err
