"""What users see of the command line: words, streams, exit statuses, files."""

import importlib
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import click
import numpy as np
import pytest

import circuitnn as cn
from circuitnn.bench.runner import Case, Row
from circuitnn.cli.main import main
from circuitnn.registry import catalog

#: The tested package, also from another folder.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(cn.__file__).parents[1])}
RC = """\
RC low pass
v1 in 0 dc 1 ac 1 pulse(0 1 0 1u 1u 1 2)
r1 in out 1k
c1 out 0 1u
.op
.ac dec 5 10 10k
.tran 50u 5m
.end
"""
#: v + vin (1 + v^2) = 0 has no real solution for vin > 0.5 V, which the ramp reaches at half time.
LATE = """\
no solution after 0.5 ms
v1 in 0 pwl(0 0 1m 1)
r1 a 0 1
b1 a 0 i=v(in)*(1+v(a)*v(a))
.op
.tran 10u 1m
.end
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rc.cir").write_text(RC)
    return tmp_path


@pytest.fixture
def run(capfd):
    """Return a function that runs a command line and returns (status, standard output, standard error)."""

    def call(*argv):
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in argv])
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        return end.value.code, out, err

    return call


def child(*argv, env=None):
    """Return a process that runs a command line."""
    return subprocess.Popen(
        [sys.executable, "-m", "circuitnn.cli", *map(str, argv)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env or ENVIRONMENT,
    )  # fmt: skip


# ---------------------------------------------------------------------- the whole
def test_help_lists_every_command(run):
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    listed = re.findall(r"^  ([a-z]+)  ", out.partition("Commands:")[2], re.MULTILINE)
    assert listed == catalog("cli.commands").names()
    assert {"run", "check", "compile", "infer", "export", "learn", "devices", "plot", "demo", "bench"} <= set(listed)
    assert "..." not in out.partition("Commands:")[2]  # every first line fits


@pytest.mark.parametrize("name", catalog("cli.commands").names())
def test_each_command_has_help(run, name):
    assert isinstance(catalog("cli.commands").get(name), click.Command)
    status, out, err = run(name, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"Usage: circuitnn {name} ")


def test_version(run):
    assert run("--version") == (0, f"circuitnn {cn.__version__}\n", "")


def test_help_imports_nothing_heavy():
    code = """
        import sys
        from circuitnn.cli.main import main
        try:
            main(["--help"])
        except SystemExit:
            heavy = {"numpy", "scipy", "sympy", "rich", "matplotlib", "h5py", "onnx"}
            print(sorted(heavy & set(sys.modules)), file=sys.stderr)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["rnu"], "did you mean 'run'"),
        (["run"], "Missing argument 'DECK'"),
        (["run", "a.cir", "--nosuch"], "No such option"),
        (["compile", "n.onnx", "-o", "d", "--tile", "128"], "is not a tile size such as 128x128"),
        (["compile", "n.onnx", "-o", "d", "--tile", "0x8"], "is not a tile size such as 128x128"),
        (["compile", "n.onnx", "-o", "d", "--r-wire", "1..2"], "--r-wire"),
        (["compile", "n.onnx", "-o", "d", "--dac-bits", "1.5"], "--dac-bits"),
        (["demo", "nosuch"], "'digits'"),
        (["bench", "luu"], "did you mean 'lu'"),
        (["bench", "lu", "--only", "rink"], "did you mean 'ring'"),
        (["devices", "restor"], "did you mean 'resistor'"),
    ],
)
def test_bad_usage_is_status_2(run, folder, argv, words):
    status, out, err = run(*argv)
    assert (status, out) == (2, "")
    assert words in err
    assert [path.name for path in folder.iterdir()] == ["rc.cir"]


# ---------------------------------------------------------------------- run
def test_run_prints_tables(run, folder):
    status, out, err = run("run", "rc.cir")
    assert (status, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "op1: operating point" in lines
    assert "v(out) 1 V" in lines
    assert "ac1: 16 points, frequency from 10 to 10000 Hz (magnitudes)" in lines
    assert any(re.fullmatch(r"tran1: \d+ points, time from 0 to 0.005 s", line) for line in lines)
    # exp(-5) = 0.0067 of the step is left; 1e-3 is the tolerance of the run
    last = next(line for line in reversed(lines) if line.startswith("v(out) "))
    assert float(last.split()[3]) == pytest.approx(1.0 - np.exp(-5.0), abs=2e-3)


def test_run_prints_what_the_deck_prints(run, folder):
    (folder / "p.cir").write_text(RC.replace(".end", ".print tran v( out ) V(in,out) v(zz)\n.print ac vdb(out)\n"))
    status, out, err = run("run", "p.cir")
    assert status == 0
    assert err == "warning: tran1 has no v(zz), which .print names\n"
    tran = out.partition("tran1")[2]
    assert "v(out)" in tran and "v(in,out)" in tran.lower() and "i(v1)" not in tran
    assert re.search(r"vdb\(out\) .* dB", out)


@pytest.mark.parametrize("suffix", [".raw", ".h5"])
def test_run_writes_results(run, folder, suffix):
    status, _, err = run("run", "rc.cir", "-o", f"out{suffix}")
    assert (status, err) == (0, f"wrote out{suffix}\n")
    if suffix == ".raw":
        from circuitnn.results.rawfile import read_raw as read
    else:
        from circuitnn.results.hdf5 import read_hdf5 as read
    assert list(read(f"out{suffix}")) == ["op1", "ac1", "tran1"]


def test_run_json(run, folder):
    status, out, err = run("run", "rc.cir", "--json")
    assert (status, err) == (0, "")
    answer = json.loads(out)
    assert answer["title"] == "RC low pass"
    assert answer["measures"] == {}
    assert list(answer["analyses"]) == ["op1", "ac1", "tran1"]
    assert answer["analyses"]["tran1"]["statistics"]["accepted"] > 10
    assert answer["analyses"]["op1"]["values"]["v(out)"] == 1.0
    assert answer["analyses"]["ac1"]["points"] == 16


def test_run_plots_one_picture_an_analysis(run, folder):
    status, _, err = run("run", "rc.cir", "--plot")
    assert (status, err) == (0, "wrote rc.ac1.png\nwrote rc.tran1.png\n")
    for name in ("rc.ac1.png", "rc.tran1.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_run_plots_currents_where_no_voltage_is_saved(run, folder):
    (folder / "i.cir").write_text("t\nv1 a 0 1\nr1 a 0 1\n.save i(v1)\n.dc v1 0 1 0.5\n")
    status, _, err = run("run", "i.cir", "--plot")
    assert (status, err) == (0, "wrote i.png\n")


def test_run_has_nothing_to_plot_in_an_operating_point(run, folder):
    (folder / "op.cir").write_text("t\nv1 a 0 1\nr1 a 0 1\n.op\n")
    status, _, err = run("run", "op.cir", "--plot")
    assert status == 2
    assert "nothing to plot" in err


def test_a_failed_run_keeps_what_was_computed(run, folder):
    (folder / "late.cir").write_text(LATE)
    status, out, err = run("run", "late.cir", "-o", "late.raw")
    assert (status, out) == (1, "")
    assert re.search(r"wrote late.raw, which holds what was computed: op1 with 1 point, tran1 with \d+ points", err)
    assert re.search(r"the transient stopped at 0.0005 s of 0.001 s after \d+ steps, \d+ more refused, the last ", err)
    assert "v(a)" in err and "hint:" in err
    from circuitnn.results.rawfile import read_raw

    partial = read_raw("late.raw")
    assert 0.4e-3 < partial.tran.time[-1] < 0.501e-3
    v, drive = partial.tran["v(a)"], partial.tran["v(in)"]
    # The equation itself, to the run's reltol on a voltage of at most 1 V, steep near the end.
    np.testing.assert_allclose(v + drive * (1.0 + v * v), 0.0, atol=5e-3)


def test_a_run_that_fails_at_once_writes_no_file(run, folder):
    (folder / "none.cir").write_text(LATE.replace("pwl(0 0 1m 1)", "1"))
    status, out, err = run("run", "none.cir", "-o", "none.raw")
    assert (status, out) == (1, "")
    assert "nothing was computed: none.raw is not written" in err
    assert sorted(path.name for path in folder.iterdir()) == ["none.cir", "rc.cir"]


@pytest.mark.parametrize(
    ("output", "words"),
    [("out.txt", "ends in .raw, .h5, .hdf5, .csv"), ("nowhere/out.raw", "folder 'nowhere' does not exist")],
)
def test_an_output_that_cannot_be_is_refused_before_the_work(run, folder, output, words):
    (folder / "late.cir").write_text(LATE)
    status, out, err = run("run", "late.cir", "-o", output)
    assert (status, out) == (2, "")
    assert words in err and "stopped" not in err


# ---------------------------------------------------------------------- bad decks
@pytest.mark.parametrize("command", ["run", "check"])
def test_a_malformed_deck_is_shown_with_its_place(run, folder, command):
    (folder / "bad.cir").write_text("bad deck\nv1 a 0 1\nr1 a b 1*0k\n.op\n")
    status, out, err = run(command, "bad.cir")
    assert (status, out) == (2, "")
    assert err.startswith("bad.cir:3:8: ")
    lines = err.splitlines()
    assert lines[1] == "  r1 a b 1*0k"
    assert lines[2] == "  " + " " * 7 + "^"


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bytes(range(256)) * 8, "text"),
        (None, "nosuch.cir"),
        (b"loop\nv1 a 0 1\nv2 a 0 2\n.op\n", "v2"),
        (b"unknown model\nv1 a 0 1\nd1 a 0 dx\n.op\n", "dx"),
        (b"unknown parameter\nv1 a 0 1\nr1 a 0 1k nosuch=3\n.op\n", "nosuch"),
        (b"bad card\nv1 a 0 1\nr1 a 0 1\n.tran 1n\n", ".tran"),
        (b"bad sense\nv1 a 0 1\nr1 a 0 1\nf1 a 0 vx 2\n.op\n", "vx"),
    ],
)
def test_bad_decks_are_status_2(run, folder, command, content, words):
    path = folder / ("nosuch.cir" if content is None else "deck.cir")
    if content is not None:
        path.write_bytes(content)
    status, out, err = run(command, path.name)
    assert (status, out) == (2, "")
    assert words in err and "internal error" not in err


def test_a_deck_without_an_analysis_is_status_2(run, folder):
    (folder / "deck.cir").write_text("title alone\nv1 a 0 1\nr1 a 0 1\n")
    status, out, err = run("run", "deck.cir")
    assert (status, out) == (2, "")
    assert "asks for no analysis" in err


def test_check_counts(run, folder):
    assert run("check", "rc.cir") == (0, "rc.cir: 3 elements, 2 nodes, 3 analyses; no mistakes found\n", "")


def test_check_judges_a_deck_by_its_analyses(run, folder):
    """A current into a capacitor has no operating point, and needs none when the transient starts from given ones."""
    text = "integrator\ni1 0 a 1m\nc1 a 0 1u ic=0\n.tran 1u 1m"
    (folder / "uic.cir").write_text(f"{text} uic\n")
    (folder / "op.cir").write_text(f"{text}\n")
    assert run("check", "uic.cir")[0] == 0 == run("run", "uic.cir")[0]
    for command in ("check", "run"):
        status, _, err = run(command, "op.cir")
        assert status == 2
        assert "'a'" in err


def test_check_sees_a_sweep_of_what_is_not_there(run, folder):
    (folder / "sweep.cir").write_text("t\nv1 a 0 1\nr1 a 0 1k\n.dc v2 0 1 0.1\n.end\n", encoding="utf-8")
    status, out, err = run("check", folder / "sweep.cir")
    assert (status, out) == (2, "")
    assert "no independent source 'v2'" in err and "v1" in err


def test_check_prints_warnings(run, folder):
    (folder / "w.cir").write_text("dangling\nv1 a 0 1\nr1 a 0 1\nr2 a b 1\n.op\n")
    status, out, err = run("check", "w.cir")
    assert status == 0
    assert err.startswith("warning: ") and "'b'" in err
    assert out.endswith("no mistakes found\n")


# ---------------------------------------------------------------------- plot
def test_plot_draws_a_file_of_results(run, folder):
    run("run", "rc.cir", "-o", "rc.raw")
    assert run("plot", "rc.raw", "v(out)", "-o", "a.png") == (0, "a.ac1.png\na.tran1.png\n", "")
    assert (folder / "a.tran1.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["rc.cir"], "rc.cir"),
        (["nosuch.raw"], "nosuch.raw"),
        (["nosuch.h5"], "nosuch.h5"),
        (["rc.raw", "v(zz)"], "no vector 'v(zz)'"),
        (["rc.raw", "-o", "a.gif"], ".png"),
    ],
)
def test_plot_refuses(run, folder, argv, words):
    run("run", "rc.cir", "-o", "rc.raw")
    status, out, err = run("plot", *argv)
    assert (status, out) == (2, "")
    assert words in err
    assert not list(folder.glob("*.png"))


# ---------------------------------------------------------------------- devices
def test_devices_lists_all(run):
    status, out, err = run("devices")
    assert (status, err) == (0, "")
    for name in (*catalog("devices").names(), "hfo2"):
        assert re.search(rf"^ {name} .*[A-Za-z]", out, re.MULTILINE), name
    assert "Linear capacitor" in out


@pytest.mark.parametrize("name", catalog("devices").names())
def test_devices_shows_each(run, name):
    status, out, err = run("devices", name)
    assert (status, err) == (0, "")
    device = catalog("devices").get(name)
    for key, param in device.params.items():
        assert re.search(rf"^ {re.escape(key)} .*{re.escape(param.doc[:20])}", out, re.MULTILINE), key
        assert param.source in out
    for row in (*device.terminals, *device.states):
        assert re.search(rf"[fq]\[{row}\] = \S", out) or row in device.terminals
    assert not re.search(r"\b(u|p|lim|env)_\w", out.partition("equations")[2].partition("parameter")[0])


def test_devices_shows_equations_with_the_declared_names(run):
    out = run("devices", "vcvs")[1]
    assert "f[p] = i" in out and "gain" in out
    assert "junction = -v_cathode + v_inner" in run("devices", "diode")[1]


def test_devices_shows_a_ready_made_card(run):
    status, out, _ = run("devices", "hfo2")
    assert status == 0
    card = next(line for line in out.splitlines() if line.startswith(".model"))
    deck = cn.parse(f"t\n{card}\nv1 a 0 0.1\nn1 a 0 hfo2\n.op\n")
    assert -1e-4 < deck.run().op["i(v1)"] / 0.1 < -1e-6


# ---------------------------------------------------------------------- networks
WEIGHTS = (np.array([[1.0, -1.0, 0.5], [0.25, 1.0, -0.5]]), np.array([0.0, 0.125, -0.25]))
X = np.array([[0.5, 0.25], [-0.5, 0.75], [1.0, -1.0], [0.0, 1.0]])


@pytest.fixture
def network(folder):
    """Write a network of two inputs and three outputs as an ONNX file, with inputs and labels; return the folder."""
    import onnx
    from onnx import helper, numpy_helper

    weights, bias = (array.astype(np.float32) for array in WEIGHTS)
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w", "b"], ["s"]), helper.make_node("Relu", ["s"], ["y"])],
        "two_to_three",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None, 3])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), "net.onnx")
    np.save("x.npy", X)
    np.savez("xy.npz", x=X, y=ideal().argmax(axis=1))
    return folder


def ideal():
    return np.maximum(X @ WEIGHTS[0] + WEIGHTS[1], 0.0)


@pytest.mark.parametrize(
    ("argv", "written", "said"),
    [
        (["--no-netlists"], 0, "netlists: 'circuitnn export made/layout.h5 --spice DIR' writes them"),
        ([], 0, "the netlists of 3 tiles are not written: 'circuitnn export made/layout.h5 --spice DIR' writes them"),
        (["--netlists"], 3, "3 netlists in made"),
    ],
)
def test_compile_of_many_tiles_writes_netlists_on_demand(run, network, monkeypatch, argv, written, said):
    command = importlib.import_module("circuitnn.cli.commands.compile")
    monkeypatch.setattr(command, "_FEW", 2)
    status, _, err = run("compile", "net.onnx", "-o", "made", "--tile", "2x2", *argv)
    assert status == 0 and err.startswith("wrote made/layout.h5") and err.rstrip().endswith(said)
    assert len(list((network / "made").glob("*.cir"))) == written


def test_compile_infer_export(run, network):
    status, out, err = run("compile", "net.onnx", "-o", "made/net", "--tile", "1x4", "--device", "hp")
    assert status == 0
    assert "device hp" in out and "tiles of at most 1 x 4" in out
    files = sorted(path.name for path in (network / "made/net").iterdir())
    assert "layout.h5" in files and len(files) == 5  # 2 inputs by 3 outputs of 2 lines each: 4 tiles of 1 x 4
    assert err == "wrote made/net/layout.h5 and 4 netlists in made/net\n"

    status, out, err = run("infer", "made/net/layout.h5", "x.npy")
    assert (status, err) == (0, "")
    # no wires and no converters: exact, but for the six digits that are printed
    np.testing.assert_allclose(np.loadtxt(out.splitlines()), ideal(), rtol=1e-5, atol=1e-9)

    status, out, err = run("infer", "made/net/layout.h5", "xy.npz", "-o", "y.npy")
    assert (status, err) == (0, "wrote y.npy\n")
    assert re.search(r"^accuracy +100.00 %$", out, re.MULTILINE)
    # weights pass through conductances and back: rounding only
    np.testing.assert_allclose(np.load("y.npy"), ideal(), rtol=1e-6, atol=1e-12)

    status, out, err = run("export", "made/net/layout.h5", "--spice", "decks")
    assert (status, err) == (0, "")
    assert len(out.splitlines()) == 5  # four tiles, and all of them in one
    for path in out.splitlines():
        assert run("check", path)[0] == 0
        assert run("run", path)[0] == 0


def test_export_of_layout_and_floorplan(run, network):
    pytest.importorskip("gdstk", reason="layouts are written by gdstk")
    pytest.importorskip("klayout.db", reason="layouts are checked by klayout")
    cn.compile("net.onnx", tile=(2, 4)).save("layout.h5")
    status, out, err = run("export", "layout.h5", "--svg", "a.svg", "--gds", "a.oas", "--check")
    assert (status, out.splitlines()) == (0, ["a.svg", "a.oas"])
    # 2 inputs by 3 outputs of 2 lines each, in tiles of 2 x 4 and 2 x 2: 12 cells, 6 + 4 lines
    assert err.splitlines() == [
        "the layout matches its netlist",
        "2 of 2 tiles, 12 of 12 devices, 10 of 10 nets, 10 of 10 ports",
    ]
    assert (network / "a.svg").read_text().startswith("<svg")
    assert (network / "a.oas").read_bytes().startswith(b"%SEMI-OASIS")


def test_export_in_another_technology(run, network):
    pytest.importorskip("gdstk", reason="layouts are written by gdstk")
    documented = (Path(__file__).parents[2] / "docs/physical_layout.md").read_text(encoding="utf-8")
    stack = documented.split("```toml\n")[1].split("```")[0]
    (network / "mine.toml").write_text(stack.replace("pitch_x = 0.5", "pitch_x = 2.0"))
    cn.compile("net.onnx").save("layout.h5")
    for name in ("a.svg", "b.svg"):
        assert run("export", "layout.h5", "--svg", name, *(["--stack", "mine.toml"] if name == "b.svg" else []))[0] == 0
    assert "4 um</text>" in (network / "b.svg").read_text()
    assert (network / "a.svg").read_text() != (network / "b.svg").read_text()


def test_compile_for_radio(run, network):
    np.save(network / "unit.npy", X)
    status, out, err = run("compile", "net.onnx", "-o", "radio", "--target", "rf", "--calibration", "unit.npy")
    assert (status, err) == (0, "wrote radio/layout.h5\n")
    assert "resonators" in out
    status, out, err = run("infer", "radio/layout.h5", "unit.npy")
    assert (status, err) == (0, "")
    # The tolerance of weights, 1e-3, and the threshold's curve where the network has hidden layers.
    np.testing.assert_allclose(np.loadtxt(out.splitlines()), ideal(), atol=0.02 * ideal().max())
    status, _, err = run("compile", "net.onnx", "-o", "no", "--target", "rf", "--dac-bits", "4")
    assert status != 0 and "dac_bits" in err


def test_compile_passes_its_options_on(run, network):
    argv = ["--r-wire", "0.05k", "--dac-bits", "6", "--adc-bits", "8", "--calibration", "x.npy"]
    status, out, _ = run("compile", "net.onnx", "-o", "net", *argv)
    assert status == 0
    assert "wires 50 ohm a segment" in out and "DAC 6 bit, ADC 8 bit" in out
    layout = cn.Layout.load("net/layout.h5")
    calibrated = cn.compile("net.onnx", r_wire=50.0, dac_bits=6, adc_bits=8, calibration=X)
    np.testing.assert_array_equal(layout(X), calibrated(X))
    assert not np.array_equal(layout(X), cn.compile("net.onnx", r_wire=50.0, dac_bits=6, adc_bits=8)(X))


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["compile", "nosuch.onnx", "-o", "new"], "nosuch.onnx"),
        (["compile", "rc.cir", "-o", "new"], "rc.cir"),
        (["compile", "net.onnx", "-o", "new", "--device", "hfo"], "did you mean 'hfo2'"),
        (["compile", "net.onnx", "-o", "new", "--r-wire", "-1"], "r_wire"),
        (["compile", "net.onnx", "-o", "new", "--tile", "4x1"], "tile"),
        (["compile", "net.onnx", "-o", "new", "--dac-bits", "0"], "dac_bits"),
        (["compile", "net.onnx", "-o", "rc.cir/new"], "cannot make the folder 'rc.cir/new'"),
        (["infer", "nosuch.h5", "x.npy"], "nosuch.h5"),
        (["infer", "rc.cir", "x.npy"], "rc.cir"),
        (["infer", "layout.h5", "nosuch.npz"], "cannot read 'nosuch.npz': No such file"),
        (["infer", "layout.h5", "rc.cir"], "cannot read 'rc.cir': it is no file of numeric arrays"),
        (["infer", "layout.h5", "objects.npy"], "cannot read 'objects.npy': it is no file of numeric arrays"),
        (["infer", "layout.h5", "z.npz"], "z.npz has no array x"),
        (["infer", "layout.h5", "three.npy"], "shape"),
        (["infer", "layout.h5", "x.npy", "-o", "y.txt"], "ends in .npy"),
        (["export", "rc.cir", "--spice", "new"], "rc.cir"),
        (["export", "layout.h5"], "--spice"),
        (["export", "layout.h5", "--gds", "a.png"], "ends in .gds"),
        (["export", "layout.h5", "--gds", "no/a.gds"], "'no' does not exist"),
        (["export", "layout.h5", "--svg", "a.svg", "--check"], "--gds"),
        (["export", "layout.h5", "--svg", "a.svg", "--stack", "rc.cir"], "rc.cir"),
    ],
)
def test_networks_and_data_that_do_not_fit_are_status_2(run, network, argv, words):
    cn.compile("net.onnx").save("layout.h5")
    np.save("three.npy", np.ones((4, 3)))
    np.savez("z.npz", z=X)
    np.save("objects.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    status, out, err = run(*argv)
    assert (status, out) == (2, "")
    assert words in err and "internal error" not in err
    assert not (network / "new").exists()


# ---------------------------------------------------------------------- demo
def test_demo_digits(run, folder):
    status, out, err = run("demo", "digits", "--quick", "-o", "new/d")
    assert (status, err) == (0, "")
    accuracy = dict(re.findall(r"^ (\S.*\S)   +(\d+\.\d\d) +\d+\.\d\d +\d+\.\d\d$", out, re.MULTILINE))
    assert len(accuracy) >= 5
    assert accuracy["ideal crossbars"] == accuracy["network in double precision"]
    assert 90.0 < float(accuracy["ideal crossbars"]) < 100.0
    written = re.findall(r"^wrote (.+)$", out, re.MULTILINE)
    assert sorted(str(path.relative_to(folder)) for path in (folder / "new/d").iterdir()) == sorted(written)
    assert len(written) == 3


def test_demo_writes_to_a_folder_of_its_own_name(run):
    assert "NAME_demo when absent" in " ".join(run("demo", "--help")[1].split())


# ---------------------------------------------------------------------- bench
@pytest.fixture
def made_up_benchmark(monkeypatch):
    rows = [
        Row("fast", 0.5, "s", baseline=1.0, goal=1.0),
        Row("slow", 2.0, "s", baseline=1.0, goal=1.0),
        Row("alone", 3.0, "MB", details={"ngspice": 4.0, "VACASK": "failed"}),
    ]
    monkeypatch.setattr("circuitnn.bench.runner.run", lambda name, only, rounds, progress: rows)
    monkeypatch.setattr("circuitnn.bench.runner.case", lambda name: Case({}, {"nosuch": lambda: False}))
    return rows


def test_bench_lists_names(run):
    status, out, err = run("bench")
    assert (status, err) == (0, "")
    assert [line.partition(":")[0] for line in out.splitlines()] == catalog("bench.cases").names()
    assert "lu: ladder ring crossbar64 crossbar128" in out.splitlines()


def test_bench_table(run, made_up_benchmark):
    status, out, err = run("bench", "made_up")
    assert (status, err) == (0, "nosuch is not installed: its figures are left out\n")
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line.split()}
    assert lines["fast"] == ["fast", "0.5", "s", "1", "s", "2", "1", "[..........|>>>.......]", "yes"]
    assert lines["slow"] == ["slow", "2", "s", "1", "s", "0.5", "1", "[.......<<<|..........]", "NO"]
    assert " ".join(lines["alone"]) == "alone 3 MB ngspice 4, VACASK failed"


def test_bench_json(run, made_up_benchmark):
    status, out, _ = run("bench", "made_up", "--json")
    assert status == 0
    assert json.loads(out)[0] == {
        "name": "fast", "value": 0.5, "unit": "s", "baseline": 1.0, "ratio": 2.0, "goal": 1.0, "holds": True,
        "details": {},
    }  # fmt: skip


# ---------------------------------------------------------------------- ends of all kinds
@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (RuntimeError("boom"), 1, "internal error: RuntimeError: boom; please report"),
        (RecursionError(), 1, "internal error: RecursionError; please report"),
        (MemoryError(), 1, "out of memory"),
        (OSError(28, "No space left on device"), 1, "No space left on device"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (cn.CircuitnnError("base"), 1, "base"),
    ],
)
def test_unexpected_ends(run, folder, monkeypatch, error, status, words):
    def fail(path):
        raise error

    monkeypatch.setattr("circuitnn.netlist.netlist.load", fail)
    monkeypatch.setattr(os, "dup2", lambda *descriptors: None)  # the test's own standard output must live on
    got, out, err = run("run", "rc.cir")
    assert (got, out) == (status, "")
    assert words in err


def test_debug_prints_the_traceback(folder):
    process = child("--debug", "run", "nosuch.cir")
    _, err = process.communicate()
    assert process.returncode == 2
    assert err.startswith("Traceback") and "FileError" in err


def test_a_closed_pipe_is_quiet(folder):
    nodes = "".join(f"r{k} n{k} n{k + 1} 1\n" for k in range(50))
    (folder / "many.cir").write_text(f"many\nv1 n0 0 1\n{nodes}rl n50 0 1\n.op\n")
    process = child("run", "many.cir")
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), err) == (1, "")


def test_tables_survive_a_terminal_without_the_letters(folder):
    (folder / "u.cir").write_text("µ\nvα a 0 1\nr1 a 0 1\n.op\n", encoding="utf-8")
    process = child("run", "u.cir", env={**ENVIRONMENT, "PYTHONIOENCODING": "ascii"})
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert "v(a)" in out


def test_effects_lists_non_idealities_and_shows_one(run):
    status, out, err = run("effects")
    assert (status, err) == (0, "")
    assert all(name in out for name in catalog("nonidealities").names())
    status, out, err = run("effects", "drift")
    assert (status, err) == (0, "")
    assert "nu_sigma" in out
    assert "Nandakumar" in out
    assert run("effects", "rust")[0] != 0


def test_a_compact_model_as_plain_elements(run):
    status, out, err = run("devices", "hp", "--spice")
    assert (status, err) == (0, "") and "b_n1#x n1#x 0" in out and ".ic v(n1#x)" in out
    status, _, err = run("devices", "diode", "--spice")
    assert status == 2 and "diode is an element D of SPICE already" in err
