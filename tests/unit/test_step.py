"""Stepped decks: every analysis at each point, on one structure, and measures as arrays over the points."""

import json

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.cli.main import main
from circuitnn.errors import CircuitnnError
from circuitnn.results.hdf5 import read_hdf5
from circuitnn.results.rawfile import read_raw

DIVIDER = "divider\n.param r=1k\nv1 a 0 1\nr1 a b {r}\nr2 b 0 {2*r}\nr3 b 0 {x}\n.param x=1meg\n"
DIODE = "diode\nv1 a 0 1\nr1 a k 1k\nd1 k 0 dx\n.model dx d(is=1e-14)\n.op\n"
RC = (
    "rc\nv1 a 0 pulse(0 1 0 1n 1n 1 2)\nr1 a b 1k\nc1 b 0 1u\n.step r1 list 1k 4k\n.tran 10u 5m\n"
    ".meas tran t75 when v(b)=0.75\n"
)


def outputs(deck, name="v(b)"):
    results = cn.parse(deck).run()
    return results.steps, np.array([float(r[name]) for r in results.values() if r.kind == "op"])


def divided(x, v=1.0):
    lower = 1.0 / (1.0 / 2e3 + 1.0 / np.asarray(x))
    return v * lower / (lower + 1e3)


@pytest.mark.parametrize(
    ("card", "values"),
    [
        (".step param x 1k 3k 1k", [1e3, 2e3, 3e3]),
        (".step param x list 1k 5k 2k", [1e3, 5e3, 2e3]),
        (".step dec param x 1k 10k 2", [1e3, 1e3 * 10**0.5, 1e4]),
        (".step param x oct 1k 4k 1", [1e3, 2e3, 4e3]),
        (".step x 3k 1k 1k", [3e3, 2e3, 1e3]),
        (".step lin x 3k 1k -1k", [3e3, 2e3, 1e3]),
        (".step r3 1k 3k 1k", [1e3, 2e3, 3e3]),
        (".step r3:r list 1k 3k", [1e3, 3e3]),
        (".data t x v1 1k 1 4k 1\n.enddata\n.step data=t", [1e3, 4e3]),
        (".step param x {r} '3*r' r", [1e3, 2e3, 3e3]),
    ],
)
def test_resistances(card, values):
    steps, found = outputs(DIVIDER + ".op\n" + card + "\n")
    assert [next(iter(step.values())) for step in steps] == pytest.approx(values)
    np.testing.assert_allclose(found, divided(values), rtol=1e-9)


def test_a_parameter_that_only_the_step_defines():
    _, found = outputs("t\nv1 a 0 1\nr1 a b {k*1k}\nr2 b 0 1k\n.op\n.step param k list 1 3\n")
    np.testing.assert_allclose(found, [0.5, 0.25], rtol=1e-9)


def test_the_first_card_runs_fastest():
    steps, found = outputs(DIVIDER + ".op\n.step v1 1 2 1\n.step param x list 1k 2k\n")
    assert steps == [{"v1": v, "x": x} for x in (1e3, 2e3) for v in (1.0, 2.0)]
    np.testing.assert_allclose(found, [divided(x, v) for x in (1e3, 2e3) for v in (1.0, 2.0)], rtol=1e-9)


@pytest.mark.parametrize("card", [".step temp 0 50 25", ".step temp list 0 25 50", ".temp 0 25 50"])
def test_temperatures_are_those_of_separate_runs(card):
    _, found = outputs(DIODE + card, "v(k)")
    alone = [cn.parse(DIODE + f".temp {t}\n").run().op["v(k)"] for t in (0, 25, 50)]
    np.testing.assert_allclose(found, alone, rtol=1e-9)


@pytest.mark.parametrize("card", [".step d dx(is) list 1e-14 1e-12", ".step dx:is list 1e-14 1e-12"])
def test_model_parameters(card):
    _, found = outputs(DIODE + card, "v(k)")
    alone = [cn.parse(DIODE.replace("1e-14", text)).run().op["v(k)"] for text in ("1e-14", "1e-12")]
    np.testing.assert_allclose(found, alone, rtol=1e-9)


def test_measures_over_steps_mask_what_failed(tmp_path):
    results = cn.parse(RC).run()
    t75 = results.measures["t75"]
    assert t75.mask.tolist() == [False, True]
    assert t75[0] == pytest.approx(1e-3 * np.log(4), rel=1e-3)  # reltol
    assert list(results) == ["tran1", "tran2"] and results["tran2"].step == {"r1": 4e3}
    assert any("t75" in warning for warning in results.warnings)
    results.save(tmp_path / "a.h5")
    back = read_hdf5(tmp_path / "a.h5")
    assert back.steps == results.steps and back["tran2"].step == {"r1": 4e3}
    assert back.measures["t75"].mask.tolist() == [False, True]
    results.save(tmp_path / "a.raw")
    assert (tmp_path / "a.raw").read_bytes().count(b"Title: rc r1=4000\n") == 1
    assert read_raw(tmp_path / "a.raw")["tran2"].step == {"r1": 4e3}


def test_steps_as_a_data_frame():
    pytest.importorskip("pandas")
    frame = cn.parse(DIVIDER + ".dc v1 0 1 0.5\n.step param x list 1k 2k\n").run().stack("dc")
    assert frame.index.names == ["x", "v(v-sweep)"] and frame.shape[0] == 6
    assert frame.loc[(2e3, 1.0), "v(b)"] == pytest.approx(0.5)


def test_the_structure_is_used_again(monkeypatch):
    import circuitnn.mna.pattern as module

    made = []
    order = module.fill_reducing_order
    monkeypatch.setattr(module, "fill_reducing_order", lambda *args: made.append(1) or order(*args))
    results = cn.parse(DIVIDER + ".op\n.step param x 1k 100k 1k\n").run()
    assert len(made) == 1
    # The pivots serve again: only the first step looks for them.
    assert [result.statistics["factorisations"] for result in results.values()][1:] == [0] * 99


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (".step", "nothing is stepped"),
        (".step param x", "no values"),
        (".step yy 1 2 1", "'yy' is no parameter"),
        (".step param x 1 2", "2 numbers"),
        (".step param x 1 2 0", "a step of 0"),
        (".step dec param x 0 2 1", "dec from 0"),
        (".step param x list a", "'a'"),
        (".step d nosuch(is) 1 2 1", "there is no model 'nosuch'"),
        (".step data=nosuch", "there is no .data nosuch"),
        (".step param x 0 1 1e-12", "a step of 1e-12"),
        (".step r3:nosuch 1 2 1", "no parameter 'nosuch'"),
    ],
)
def test_wrong_cards(card, words):
    with pytest.raises(CircuitnnError) as error:
        cn.parse(DIVIDER + ".op\n" + card + "\n").run()
    assert words in str(error.value)


def test_a_failing_step_keeps_those_before_it():
    deck = (
        DIVIDER
        + "r4 b 0 {y}\n.op\n.step param y list 1k 2k -1\n.meas op vb find v(b)\nm1 a a 0 0 n w={y}\n.model n nmos\n"
    )
    with pytest.raises(CircuitnnError) as error:
        cn.parse(deck).run()
    kept = error.value.result
    assert len(kept) == 2 and kept.measures["vb"].shape == (2,)


def test_the_command_prints_measures_by_step(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.cir").write_text(RC)
    for options in ([], ["--json"]):
        with pytest.raises(SystemExit) as end:
            main(["run", "s.cir", *options])
        assert not end.value.code
        out = capsys.readouterr().out
        if options:
            answer = json.loads(out)
            assert answer["steps"] == [{"r1": 1e3}, {"r1": 4e3}] and answer["measures"]["t75"][1] is None
        else:
            assert "failed" in out and "tran2, r1 = 4000" in out


def test_a_sweep_of_what_is_not_there_names_its_line():
    with pytest.raises(CircuitnnError) as caught:
        cn.parse(DIVIDER + ".op\n.dc v9 0 1 1\n").run()
    assert caught.value.place.text == ".dc v9 0 1 1" and "v9" in caught.value.message
    assert list(caught.value.result) == ["op1"]
