"""Results that stay on disk: streamed transients, mapped files, what is left of a run that ends early."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import ConvergenceError, FileError, UsageError
from circuitnn.results import hdf5, rawfile
from circuitnn.results.rawfile import read_raw
from circuitnn.results.stored import column_of, ranges_of
from circuitnn.results.stream import RawStream

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(cn.__file__).parents[1])}


def low_pass():
    c = cn.Circuit("low pass")
    c.V("1", "a", 0, dc=0.0, waveform=("pulse", 0, 1, 0, "1u", "1u", "4u", "10u"))
    c.R("1", "a", "b", 1e3)
    c.C("1", "b", 0, 1e-9)
    return c


@pytest.mark.parametrize("stop", [1e-4, 1e-3])
def test_a_streamed_transient_is_the_same(tmp_path, stop):
    """The longer run has 150 000 points, so that several blocks are written."""
    asked = {"stop": stop, "step": 1e-8, "max_step": 1e-8}
    held = low_pass().tran(**asked)
    streamed = low_pass().tran(**asked, stream=tmp_path / "a.raw")
    assert isinstance(streamed.data, np.memmap)
    np.testing.assert_array_equal(streamed.data, held.data)
    assert streamed.statistics == held.statistics
    for text in ("v(b)", "v(a,b)", "i(v1)", "time"):
        np.testing.assert_array_equal(streamed[text], held[text])
    assert streamed.measure("avg v(b) from=20u to=40u") == held.measure("avg v(b) from=20u to=40u")
    again = read_raw(tmp_path / "a.raw").tran
    np.testing.assert_array_equal(again.data, held.data)
    assert [p.name for p in tmp_path.iterdir()] == ["a.raw"]


def test_what_leads_back_to_the_start_of_a_stretch_is_not_written(tmp_path):
    """The first steps after each of 20 000 corners are too long for the fast part and are taken back."""
    deck = (
        "corners\nv1 a 0 pulse(0 1 0 1n 1n 1u 2u)\nr1 a b 1\nc1 b 0 1n\nr2 b c 1k\nc2 c 0 1n\n"
        ".save v(c)\n.tran 1u 5m 0 1u\n"
    )
    held = cn.parse(deck).run()
    streamed = cn.parse(deck).run(stream=tmp_path / "a.raw")
    assert held.tran.statistics["rejected_error"] > 1000
    np.testing.assert_array_equal(streamed.tran.data, held.tran.data)
    assert streamed.tran.keys() == ["time", "v(c)"]


DECK = """\
all sorts
.param r=1k
v1 a 0 dc 1 ac 1 pulse(0 1 0 1u 1u 20u 50u)
r1 a b {r}
c1 b 0 1n
.step param r list 1k 2k
.op
.tran 1u 100u
.ac dec 2 1k 1meg
.noise v(b) v1 dec 2 1k 1meg
.measure tran top max v(b)
.end
"""


def test_a_stream_holds_all_results_of_a_stepped_deck(tmp_path):
    held = cn.parse(DECK).run()
    streamed = cn.parse(DECK).run(stream=tmp_path / "a.raw")
    np.testing.assert_array_equal(held.measures["top"], streamed.measures["top"])
    back = read_raw(tmp_path / "a.raw")
    assert [r.kind for r in back.values()] == [r.kind for r in held.values()]
    assert [r.step for r in back.values()] == [r.step for r in held.values()]
    for one, other in zip(back.values(), held.values(), strict=True):
        np.testing.assert_array_equal(one.data, other.data)
    assert back.steps == [{"r": 1e3}, {"r": 2e3}] and back.tran.title == "all sorts"


def test_sweeps_share_a_stream(tmp_path):
    swept = low_pass().sweep("tran", {"r1": [1e3, 2e3]}, stop=2e-5, stream=tmp_path / "a.raw")
    held = low_pass().sweep("tran", {"r1": [1e3, 2e3]}, stop=2e-5)
    back = read_raw(tmp_path / "a.raw")
    assert [r.step for r in back.values()] == swept.steps == held.steps
    for name, result in held.items():
        np.testing.assert_array_equal(back[name].data, result.data)
        np.testing.assert_array_equal(swept[name].data, result.data)


def test_scripts_stream_too(tmp_path):
    deck = cn.parse("s\nv1 a 0 1\nr1 a b 1k\nc1 b 0 1n ic=0\n.control\nop\ntran 1u 10u uic\n.endc\n.end\n")
    results = deck.run(stream=tmp_path / "a.raw")
    assert list(read_raw(tmp_path / "a.raw")) == list(results) == ["op1", "tran1"]
    assert isinstance(results.tran.data, np.memmap)


def test_a_failed_transient_leaves_its_points(tmp_path):
    deck = "stops\nb1 a 0 v='time < 5u ? time : 1/(5.5u-time)*1e300*1e300'\nr1 a 0 1\nc1 a 0 1n\n.tran 0.1u 10u\n"
    with pytest.raises(ConvergenceError) as caught:
        cn.parse(deck).run(stream=tmp_path / "a.raw")
    kept = caught.value.result.tran
    assert len(kept) > 40
    np.testing.assert_array_equal(read_raw(tmp_path / "a.raw").tran.data, kept.data)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_a_whole_file(tmp_path, how):
    """Also where nothing of ours can run any more."""
    (tmp_path / "long.cir").write_text("long\nv1 in 0 sin(0 1 1meg)\nr1 in a 1k\nc1 a 0 1n\n.tran 1n 10 0 1n\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "circuitnn.cli", "run", "long.cir", "-o", "long.raw"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, cwd=tmp_path,
    )  # fmt: skip
    try:
        target = tmp_path / "long.raw"
        until = time.monotonic() + 60.0
        while not (target.exists() and target.stat().st_size > 1 << 21) and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(how)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    tran = read_raw(target).tran
    assert len(tran) > 50_000 and np.all(np.diff(tran.time) > 0.0)
    if how == signal.SIGINT:
        assert f"wrote long.raw, which holds what was computed: tran1 with {len(tran)} points" in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["long.cir", "long.raw"]


def test_an_interrupt_while_a_block_is_written(tmp_path, monkeypatch):
    """The block comes once more, and takes the same place."""
    write, calls = RawStream.write, []

    def interrupted(self, before, points):
        write(self, before, points)
        calls.append(before)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(RawStream, "write", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        low_pass().tran(stop=1e-2, step=1e-8, max_step=1e-8, stream=tmp_path / "a.raw")
    kept = caught.value.result
    assert calls[2] == calls[1] > 0
    held = low_pass().tran(stop=1e-2, step=1e-8, max_step=1e-8).data[: len(kept)]
    np.testing.assert_array_equal(kept.data, held)
    np.testing.assert_array_equal(read_raw(tmp_path / "a.raw").tran.data, held)


def test_points_behind_the_last_noted_number_count(tmp_path):
    """What a kill between the two writes of a block leaves: points without their number, the last one cut."""
    whole = low_pass().tran(stop=1e-4, stream=tmp_path / "a.raw").data
    content = (tmp_path / "a.raw").read_bytes()
    noted = f"No. Points: {len(whole)}".encode()
    assert noted in content
    fewer = content.replace(noted, f"No. Points: {len(whole) - 7}".ljust(len(noted)).encode())
    (tmp_path / "b.raw").write_bytes(fewer[:-5])
    np.testing.assert_array_equal(read_raw(tmp_path / "b.raw").tran.data, whole[:-1])


def test_memory_does_not_grow_with_the_points(tmp_path):
    """A million points of four columns are 32 MB; a block is half a megabyte."""
    code = """
        import resource, circuitnn as cn
        c = cn.Circuit("low pass")
        c.V("1", "a", 0, dc=0.0, waveform=("sin", 0, 1, 1e5)); c.R("1", "a", "b", 1e3); c.C("1", "b", 0, 1e-9)
        c.tran(stop=1e-5, stream="warm.raw")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        run = c.tran(stop=1e-2, step=1e-8, max_step=1e-8, stream="a.raw")
        middle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        largest = run["v(b)"].max()
        print(len(run), middle - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True, cwd=tmp_path,
        env=ENVIRONMENT,
    )  # fmt: skip
    points, grown, with_a_column = map(int, done.stdout.split())
    assert points > 1_000_000
    assert grown < 8_000 and with_a_column < 30_000  # kB: a column of a million points is 8 MB, a block of reading, too


def test_an_old_result_survives_a_new_stream_to_its_file(tmp_path):
    first = low_pass().tran(stop=1e-4, stream=tmp_path / "a.raw")
    before = np.array(first.data)
    low_pass().tran(stop=2e-5, stream=tmp_path / "a.raw")
    np.testing.assert_array_equal(first.data, before)


def test_streams_that_cannot_be(tmp_path):
    with pytest.raises(UsageError, match=r"ends in \.raw|cannot stream"):
        low_pass().tran(stop=1e-5, stream=tmp_path / "a.h5")
    (tmp_path / "d.raw").mkdir()
    for path in (tmp_path / "none" / "a.raw", tmp_path / "d.raw", f"{tmp_path}/a\0.raw"):
        with pytest.raises(FileError):
            low_pass().tran(stop=1e-5, stream=path)
    with pytest.raises(cn.CircuitnnError):  # nothing is computed, nothing is written
        cn.parse("t\nv1 a 0 1\nv2 a 0 2\n.tran 1u 1m\n").run(stream=tmp_path / "b.raw")
    assert [p.name for p in tmp_path.iterdir()] == ["d.raw"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full disk")
def test_a_full_disk_is_an_error_of_ours(tmp_path, monkeypatch):
    stream = RawStream(tmp_path / "a.raw")
    stream._file = open("/dev/full", "r+b", buffering=0)  # noqa: SIM115
    with pytest.raises(FileError, match="No space left"):
        low_pass().tran(stop=1e-5, stream=stream)
    stream.close()


@pytest.mark.parametrize(("module", "suffix"), [(rawfile, ".raw"), (hdf5, ".h5")])
def test_large_files_are_mapped(tmp_path, monkeypatch, module, suffix):
    results = cn.parse(DECK).run()
    results.save(tmp_path / f"a{suffix}")
    monkeypatch.setattr(module, "_LARGE", 0)
    back = cn.Results.load(tmp_path / f"a{suffix}")
    for name, result in results.items():
        assert isinstance(back[name].data, np.memmap)
        np.testing.assert_array_equal(back[name].data, result.data)
        np.testing.assert_array_equal(ranges_of(back[name].data), ranges_of(result.data))
    # From there to every other format, over the file itself too.
    for other in (".raw", ".h5", ".csv"):
        back.save(tmp_path / f"b{other}")
    back.save(tmp_path / f"a{suffix}")
    again = cn.Results.load(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(again.ac.data, results.ac.data)


def test_columns_of_arrays_on_disk(tmp_path):
    values = np.arange(12.0).reshape(4, 3)
    values.tofile(tmp_path / "a.bin")
    mapped = np.memmap(tmp_path / "a.bin", np.float64, "r", 0, (4, 3))
    for k in range(3):
        np.testing.assert_array_equal(column_of(mapped, k), values[:, k])
    assert not isinstance(column_of(mapped, 0), np.memmap)


def test_run_prints_the_same_with_and_without_a_stream(tmp_path, monkeypatch, capsys):
    from circuitnn.cli.main import main

    monkeypatch.chdir(tmp_path)
    Path("d.cir").write_text(DECK.replace(".end\n", ".print tran v(b) v(a)-v(b) i(v1)\n.four 20k v(b)\n.end\n"))
    said = []
    for output in ([], ["-o", "d.raw"], ["-o", "d.h5"], ["-o", "d.csv"]):
        with pytest.raises(SystemExit) as end:
            main(["run", "d.cir", *output])
        assert end.value.code in (0, None)
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] == said[2] == said[3]
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "d.ac1.csv", "d.cir", "d.h5", "d.noise1.csv", "d.noise_total1.csv", "d.op1.csv", "d.raw", "d.tran1.csv",
    ]  # fmt: skip


def test_limits_of_the_test_machine():
    """The memory test reads kilobytes, as Linux gives them."""
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 10_000
