"""Values and counts that no circuit has: refused, or kept within bounds, with the element or the line named."""

import os
import warnings

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import AnalysisError, CircuitnnError, DeviceError, FileError, SingularMatrixError, UsageError
from circuitnn.netlist.netlist import parse
from circuitnn.results.hdf5 import read_hdf5
from circuitnn.results.rawfile import read_raw

RC = "title\nv1 a 0 dc 1 ac 1\nr1 a b 1k\nc1 b 0 1n\n"


def fails(text):
    """Return the error that a deck ends in; a warning of numpy counts as another error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CircuitnnError) as caught:
            parse(text, "deck").run()
    return caught.value


@pytest.mark.parametrize("card", [".options reltol=-1", ".option\n+ reltol=2", ".options method=foo", ".temp -300"])
def test_options_are_refused_where_they_stand(card):
    error = fails(RC + card + "\n.op\n")
    assert isinstance(error, UsageError) and (error.place.file, error.place.line) == ("deck", 5)


def test_conductance_out_of_range():
    error = fails("title\nv1 a 0 1\nr1 a 0 1e-300 m=1e300\n.op\n")
    assert isinstance(error, DeviceError) and error.names == ("r1",) and error.place.line == 3


def test_coupling_of_inductors_of_unlike_signs():
    error = fails("title\ni1 0 a 1\nl1 a 0 1n\nl2 b 0 -1n\nr1 b 0 1\nk1 l1 l2 0.5\n.op\n")
    assert isinstance(error, CircuitnnError) and error.names[0] == "k1" and error.place.line == 6


@pytest.mark.parametrize("card", [".dc v1 0 1 1e-12", ".dc v1 -1e308 1e308 1e-300", ".dc v1 0 1 1e-7 r1 1 2 1e-7"])
def test_dc_of_too_many_points(card):
    error = fails(RC + card + "\n")
    assert isinstance(error, UsageError) and error.place.line == 5


@pytest.mark.parametrize(
    "spacing", ["lin 1e12 1 2", "dec 1e12 1 1e6", "oct 1e300 1e-300 1e300", "dec 1e308 1e-300 1e300"]
)
@pytest.mark.parametrize("card", [".ac {}", ".noise v(b) v1 {}", ".sens v(b) ac {}"])
def test_sweeps_of_too_many_frequencies(card, spacing):
    error = fails(RC + card.format(spacing) + "\n")
    assert isinstance(error, UsageError) and error.place.line == 5 and "points" in error.message


@pytest.mark.parametrize(
    "card", [".step r1 -1e308 1e308 1e-300", ".step r1 1 2 1e-300", ".step dec r1 1e-200 1e200 1e305"]
)
def test_steps_of_too_many_points(card):
    assert fails(RC + card + "\n.op\n").place.line == 5


def test_ac_that_fills_the_memory(monkeypatch):
    monkeypatch.setattr("circuitnn.results.memory.physical_memory", lambda: 1e4)
    error = fails(RC + ".ac lin 1000 1 2\n")
    assert error.place.line == 5 and "1e+03 points of 4 vectors" in error.message


@pytest.mark.parametrize("card", [".tran 1n 1meg", ".tran 1n 1meg 999999", ".tran 1n 50"])
def test_transients_that_would_fill_the_memory_are_refused(card, monkeypatch):
    monkeypatch.setattr("circuitnn.results.memory.physical_memory", lambda: 1e10)
    error = fails(RC + card + "\n")
    assert isinstance(error, UsageError) and error.place.line == 5


def test_a_transient_that_fills_the_memory_keeps_what_it_has(monkeypatch):
    """Its largest step promises 50 points, its source has 4 corners a microsecond."""
    circuit = cn.Circuit("fast")
    circuit.V("1", "a", 0, waveform=("pulse", 0, 1, 0, 1e-7, 1e-7, 4e-7, 1e-6))
    circuit.R("1", "a", "b", "1k")
    circuit.C("1", "b", 0, "1n")
    monkeypatch.setattr("circuitnn.mna.system.physical_memory", lambda: 24.0 * 4 * 1000)
    with pytest.raises(AnalysisError, match="fill the memory") as caught:
        circuit.tran(stop=1.0, step=1.0)
    kept = caught.value.result
    assert 1000 < len(kept) < 1e6 and np.isfinite(kept.data).all() and kept.axis[-1] < 1.0


def test_singular_inside_an_element():
    """With vto = 0 and rd = 0+ nothing but rd holds the drain inside, and it drowns what is in parallel."""
    error = fails("title\nv1 a 0 1\nr1 b 0 1meg\nm1 d b 0 0 mp\nr2 d 0 1meg\n.model mp pmos (level=3 rd=1e-320)\n.op\n")
    assert isinstance(error, SingularMatrixError | DeviceError) and "m1" in error.names


def test_sensitivity_with_a_measured_current():
    """The source of 0 V that measures i(r1) bears its name, and is none of the parameters."""
    with_meter = parse(RC + "r2 b 0 1k\nc2 b 0 c={1n*(1+i(r1))}\n.sens v(b)\n").run()
    without = parse(RC + "r2 b 0 1k\nc2 b 0 1n\n.sens v(b)\n").run()
    assert with_meter.sens["r1"] == pytest.approx(without.sens["r1"], rel=1e-6)


def test_script_settings_that_are_no_numbers():
    deck = RC + ".control\nset nfreqs=abc\ntran 1n 2u\nfourier 1meg v(b)\nset nfreqs=1e30\nfourier 1meg v(b)\n.endc\n"
    results = parse(deck, "deck").run()
    assert [w.split(":")[1] for w in results.warnings if "deck:" in w] == ["8", "10"]


def test_noise_of_a_resistor_of_negative_length():
    deck = "title\nv1 a 0 dc 1 ac 1\nr1 a 0 rp l=0.1u w=2u\n.model rp r (rsh=150 kf=1e-12 af=2 short=0.2u)\n"
    error = fails(deck + ".noise i(v1) v1 dec 1 1 10 1\n")
    assert isinstance(error, AnalysisError) and error.names == ("r1",)


def test_sensitivity_of_an_infinite_slope():
    """The conductance of i = v sqrt(v) is finite at 0 V, and its slope there is not."""
    error = fails("title\nv1 a 0 dc 0 ac 1\nb1 a 0 i={v(a)*sqrt(v(a))}\nr1 a b 1\nr2 b 0 1\n.sens v(b) ac lin 1 1 1\n")
    assert isinstance(error, AnalysisError) and "a sensitivity is not finite" in error.message


@pytest.mark.parametrize(
    "reader", [cn.load, cn.Layout.load, read_raw, read_hdf5], ids=["deck", "layout", "raw", "hdf5"]
)
@pytest.mark.parametrize("kind", ["a folder", "not a regular file"])
def test_what_is_no_file_is_not_read(tmp_path, reader, kind):
    """A pipe would wait for someone to write into it."""
    path = tmp_path / "made.h5"
    path.mkdir() if kind == "a folder" else os.mkfifo(path)
    with pytest.raises(FileError, match=kind):
        reader(path)


@pytest.mark.parametrize("name", ["g.csv", "g.npy", "g.npz"])
def test_a_pipe_of_conductances(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    os.mkfifo(name)
    error = fails(f'title\nv1 a 0 1\n.model xb crossbar\na1 [a] [b] xb g="{name}"\nr1 b 0 1\n.op\n')
    assert isinstance(error, FileError) and error.place.line == 4 and "regular" in error.message


def test_a_measure_of_a_vector_of_another_length():
    deck = RC + ".control\ntran 1n 20n\nlet x = vector(3)\nmeas tran m max x\nmeas tran n find v(b) when x=1\n.endc\n"
    results = parse(deck, "deck").run()
    assert not results.measures and len([w for w in results.warnings if "3 points does not run along" in w]) == 2


def test_a_loop_that_counts_to_no_number():
    error = fails(RC + ".control\nrepeat \N{ARABIC-INDIC DIGIT THREE}\nop\nend\n.endc\n")
    assert isinstance(error, UsageError) and error.place.line == 6


@pytest.mark.parametrize(
    "line",
    ["l1 a 0 l={1n*v(a)} m=0", "r2 a 0 r={1+v(a)} tc1=-1 dtemp=1", "c2 a 0 c={1n*v(a)} m=1e300 tc1=1e300 dtemp=1"],
)
def test_scaled_behaviour_without_a_value(line):
    error = fails(RC + line + "\n.tran 1n 2n\n")
    assert error.names[0] == line[:2] and error.place.line == 5
