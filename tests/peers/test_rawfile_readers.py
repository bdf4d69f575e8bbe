"""Raw files that we write load in ngspice; raw files that ngspice writes load here."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from circuitnn.results.rawfile import read_raw, write_raw
from circuitnn.results.result import Result, Variable
from circuitnn.results.results import Results

ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")


def run(folder, text):
    deck = folder / "deck.cir"
    deck.write_text(text)
    done = subprocess.run(["ngspice", "-b", deck], capture_output=True, text=True, timeout=60, cwd=folder, check=False)
    return done.stdout + done.stderr


def ours():
    time, freq = Variable("time", "time"), Variable("frequency", "frequency")
    out, state = Variable("v(x1.out)", "voltage"), Variable("@n1[w]", "state")
    return Results(
        [
            Result(
                "", "tran", "ours", [time, out, state], [[0.0, 1 / 3, 0.1], [1e-9, -2 / 3, 0.2], [3e-9, 1e-30, 0.3]]
            ),
            Result("", "ac", "ours", [freq, out], [[10.0, 1 / 3 - 2j / 7], [20.0, 1e-9j]]),
            Result("", "op", "ours", [out, Variable("i(v1)", "current")], [[0.125, -1e-3]]),
        ]
    )


@ngspice
@pytest.mark.parametrize("text", [False, True])
def test_ngspice_prints_our_numbers(tmp_path, text):
    write_raw(tmp_path / "a.raw", ours(), ascii=text)
    said = run(
        tmp_path,
        "* t\n.control\nset numdgt=15\nset width=200\nload a.raw\nsetplot\n"
        "setplot tran1\nprint time v(x1.out) @n1[w]\nsetplot ac1\nprint v(x1.out)\n"
        "setplot op1\nprint v(x1.out) i(v1)\nquit\n.endc\n.end\n",
    )
    rows = re.findall(r"^(\d+)\t(.+)$", said, re.MULTILINE)
    numbers = [[float(x) for x in re.findall(r"[-+0-9.e]+", row.replace(",", " "))] for _, row in rows]
    tran, ac = np.array(numbers[:3]), np.array(numbers[3:5])
    # What is printed is rounded to 15 digits.
    np.testing.assert_allclose(tran, ours().tran.data, rtol=1e-14, err_msg=said)
    np.testing.assert_allclose(ac[:, 0] + 1j * ac[:, 1], ours().ac["x1.out"], rtol=1e-14, err_msg=said)
    assert float(re.search(r"v\(x1.out\) = (\S+)", said)[1]) == 0.125
    assert float(re.search(r"i\(v1\) = (\S+)", said)[1]) == -1e-3


@ngspice
@pytest.mark.parametrize("form", ["binary", "ascii"])
def test_we_read_what_ngspice_writes(tmp_path, form):
    run(
        tmp_path,
        "divider and filter\nv1 in 0 dc 2 ac 1\nr1 in out 1k\nr2 out 0 3k\nc1 out 0 1u\n.control\n"
        f"set filetype={form}\nset appendwrite\n"
        "op\nwrite a.raw\ndc v1 0 4 1\nwrite a.raw\nac dec 2 10 1k\nwrite a.raw\ntran 1u 5u\nwrite a.raw\n"
        "quit\n.endc\n.end\n",
    )
    results = read_raw(tmp_path / "a.raw")
    assert list(results) == ["op1", "dc1", "ac1", "tran1"]
    assert results.op.title == "divider and filter"
    # Linear circuits: ngspice solves them to rounding; 1e-12 S of gmin does not enter resistors.
    np.testing.assert_allclose(results.op["out"], 1.5, rtol=1e-9)
    np.testing.assert_allclose(results.dc["v(v-sweep)"], np.arange(5.0), atol=1e-12)
    np.testing.assert_allclose(results.dc["v(out)"], 0.75 * np.arange(5.0), atol=1e-9)
    w = 2j * np.pi * results.ac.frequency
    np.testing.assert_allclose(results.ac["out"], 0.75 / (1 + w * 1e-6 * 750), rtol=1e-9)
    np.testing.assert_allclose(results.tran["v1#branch"], -0.5e-3, rtol=1e-6)
    assert results.tran.time[0] == 0.0
    assert results.tran.time[-1] == pytest.approx(5e-6)


@ngspice
def test_our_phases_are_those_of_ngspice(tmp_path):
    said = run(
        tmp_path,
        "t\nv1 in 0 ac 1\nr1 in out 1k\nc1 out 0 1u\n.control\nset numdgt=12\nac lin 1 1k 1k\n"
        "print vp(out) vdb(out) vm(out)\nwrite a.raw\nquit\n.endc\n.end\n",
    )
    ac = read_raw(tmp_path / "a.raw").ac
    for name in ("vp(out)", "vdb(out)", "vm(out)"):
        printed = re.search(re.escape(name) + r" = (\S+)", said)
        assert printed, said
        assert float(printed[1]) == pytest.approx(ac[name][0], rel=1e-11)


def test_spicelib_reads_our_file(tmp_path):
    spicelib = pytest.importorskip("spicelib")
    write_raw(tmp_path / "a.raw", Results([ours().tran]))
    raw = spicelib.RawRead(tmp_path / "a.raw")
    assert [name.lower() for name in raw.get_trace_names()] == ["time", "v(x1.out)", "@n1[w]"]
    np.testing.assert_array_equal(raw.get_wave("v(x1.out)"), ours().tran["x1.out"])


def test_peers_read_a_stream(tmp_path):
    """Numbers of points are padded there, and a second plot follows."""
    import circuitnn as cn

    deck = (
        "filter\nv1 in 0 ac 1 pulse(0 1 0 1u 1u 1 2)\nr1 in out 1k\nc1 out 0 1u\n.op\n.tran 0.1u 1m 0 0.1u\n"
        ".ac dec 2 10 1k\n.end\n"
    )
    results = cn.parse(deck).run(stream=tmp_path / "a.raw")
    tran = results.tran
    if shutil.which("ngspice"):
        said = run(
            tmp_path,
            "* t\n.control\nset numdgt=15\nload a.raw\nsetplot tran1\n"
            "print length(time) v(out)[10000] time[10000]\nsetplot ac1\nprint length(frequency)\nquit\n.endc\n.end\n",
        )
        found = dict(re.findall(r"^(\S+) = (\S+)$", said, re.MULTILINE))
        assert float(found["length(time)"]) == len(tran) > 10_000
        assert float(found["v(out)[10000]"]) == pytest.approx(tran["v(out)"][10000], rel=1e-14, abs=0.0)
        assert float(found["length(frequency)"]) == len(results.ac)
    spicelib = pytest.importorskip("spicelib")
    results.tran.save(tmp_path / "b.raw")
    cn.parse(deck.replace(".op\n", "").replace(".ac dec 2 10 1k\n", "")).run(stream=tmp_path / "c.raw")
    for name in ("b.raw", "c.raw"):
        raw = spicelib.RawRead(tmp_path / name)
        np.testing.assert_array_equal(raw.get_wave("v(out)"), tran["v(out)"])
