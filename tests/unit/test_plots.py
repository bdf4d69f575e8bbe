"""Plots: what stands at their axes, which panels they have, what is drawn."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import AnalysisError, UsageError
from circuitnn.results.axes import COLOURS, prefix_of
from circuitnn.results.plot import families
from circuitnn.results.result import Result, Variable
from circuitnn.results.results import Results

matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def wave(points=200, end=2e-3, scale=1.0):
    t = np.linspace(0.0, end, points)
    v = scale * np.sin(2e3 * np.pi * t / (end / 2e-3))
    names = [
        Variable("time", "time"),
        Variable("v(a)", "voltage"),
        Variable("v(b)", "voltage"),
        Variable("i(v1)", "current"),
    ]
    return Result("tran1", "tran", "a wave", names, np.column_stack([t, v, 0.5 * v, 2e-6 * v]))


def response(tau=1e-4):
    f = np.geomspace(1.0, 1e6, 121)
    h = 1.0 / (1.0 + 2j * np.pi * f * tau)
    return Result(
        "ac1", "ac", "low pass", [Variable("frequency", "frequency"), Variable("v(o)", "voltage")], np.c_[f, h]
    )


def texts(axis):
    axis.axes.figure.canvas.draw()
    return [label.get_text() for label in axis.get_ticklabels()]


def test_units_have_the_prefix_that_suits_the_range():
    ax = wave().plot("v(a)", "v(b)")
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("time (ms)", "voltage (V)", "a wave")
    assert texts(ax.xaxis) == ["0.00", "0.25", "0.50", "0.75", "1.00", "1.25", "1.50", "1.75", "2.00"]
    assert [line.get_color() for line in ax.get_lines()] == list(COLOURS[:2])
    small = wave(end=4e-9, scale=3e-3).plot("v(a)")
    assert (small.get_xlabel(), small.get_ylabel()) == ("time (ns)", "voltage (mV)")
    assert prefix_of("A", [1e-20]) == (1.0, "A") and prefix_of("V", [999.9999999999]) == (1e3, "kV")


def test_unlike_units_have_a_panel_each():
    axes = wave().plot("v(a)", "i(v1)", "v(a)-v(b)", "v(a)*i(v1)")
    assert [ax.get_ylabel() for ax in axes] == ["voltage (V)", "current (µA)", "power (µW)"]
    assert [line.get_label() for line in axes[0].get_lines()] == ["v(a)", "v(a)-v(b)"]
    np.testing.assert_allclose(axes[2].get_lines()[0].get_ydata(), wave()["a"] * wave()["i(v1)"])
    _, mine = plt.subplots()
    assert wave().plot("v(a)", "i(v1)", ax=mine) is mine and len(mine.get_lines()) == 2


def test_bode_plots_unwrap_the_phase():
    h = response()
    data = h.data.copy()
    data[:, 1] = data[:, 1] ** 4  # turns by 360 degrees
    gain, phase = Result("ac1", "ac", "t", h.variables, data).plot()
    assert (gain.get_xscale(), gain.get_ylabel(), phase.get_ylabel()) == ("log", "magnitude (dB)", "phase (deg)")
    assert phase.get_xlabel() == "frequency (Hz)"
    assert phase.get_lines()[0].get_ydata()[-1] == pytest.approx(-360.0, abs=1.0)
    assert "100k" in texts(phase.xaxis)
    real = h.plot("vdb(o)", "vp(o)")
    assert [ax.get_ylabel() for ax in real] == ["magnitude (dB)", "phase (rad)"]


def test_logarithmic_axes_by_choice():
    noise = Result(
        "noise1", "noise", "t", [Variable("frequency", "frequency"), Variable("onoise_spectrum", "voltage-density")],
        np.c_[np.geomspace(1, 1e3, 9), np.geomspace(1e-9, 1e-8, 9)],
    )  # fmt: skip
    ax = noise.plot()
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_ylabel()) == ("log", "log", "noise density (V/√Hz)")
    linear = noise.plot(log="none")
    assert (linear.get_xscale(), linear.get_yscale(), linear.get_ylabel()) == (
        "linear",
        "linear",
        "noise density (nV/√Hz)",
    )
    assert wave().plot("mag(v(a))+1", log="y").get_yscale() == "log"


def test_ranges():
    ax = wave().plot("v(a)", x_range=(0.5e-3, 1e-3), y_range=(-2.0, 2.0))
    assert ax.get_xlim() == (0.5e-3, 1e-3) and ax.get_ylim() == (-2.0, 2.0)
    x = ax.get_lines()[0].get_xdata()
    assert 0.45e-3 < x[0] < 0.5e-3 and 1e-3 < x[-1] < 1.05e-3


def test_nyquist():
    ax = response().plot("v(o)", nyquist=True)
    line = ax.get_lines()[0]
    np.testing.assert_allclose(np.hypot(line.get_xdata() - 0.5, line.get_ydata()), 0.5, atol=1e-12)  # a half circle
    assert ax.get_aspect() == 1.0
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("real part (V)", "imaginary part (V)") or "mV" in ax.get_ylabel()
    with pytest.raises(UsageError, match="real"):
        wave().plot("v(a)", nyquist=True)


def test_eyes_fold_a_wave_over_two_periods():
    """Ten periods make nine stretches of two; each is a whole sine twice."""
    run = wave(points=2001, end=10e-3)
    values = np.sin(2e3 * np.pi * run.time)
    run = Result("tran1", "tran", "t", run.variables[:2], np.c_[run.time, values])
    ax = run.plot("v(a)", eye=1e-3)
    (bundle,) = ax.collections
    traces = bundle.get_segments()
    assert len(traces) == 9
    for trace in traces:
        np.testing.assert_allclose(trace[:, 1], np.sin(2e3 * np.pi * trace[:, 0]), atol=1e-9)
        assert trace[0, 0] == 0.0 and trace[-1, 0] == pytest.approx(2e-3)
    shifted = run.plot("v(a)", eye=1e-3, offset=0.25e-3).collections[0].get_segments()
    assert len(shifted) == 8 and shifted[0][0, 1] == pytest.approx(1.0)
    for bad in ({"eye": 0.0}, {"eye": 9e-3}, {"eye": 1e-9}):
        with pytest.raises(UsageError):
            run.plot("v(a)", **bad)


def test_steps_are_a_family():
    results = Results()
    for tau in (1e-4, 1e-3, 1e-2):
        one = response(tau)
        one.step = {"tau": tau}
        results.add(one)
    gain, phase = results.plot("ac", "v(o)")
    assert len(gain.get_lines()) == len(phase.get_lines()) == 3
    assert [text.get_text() for text in gain.get_legend().get_texts()] == ["tau = 100 u", "tau = 1 m", "tau = 10 m"]
    assert (
        len(
            {
                line.get_color() if isinstance(line.get_color(), str) else tuple(line.get_color())
                for line in gain.get_lines()
            }
        )
        == 3
    )
    assert [[r.name for r in family] for family in families(results)] == [["ac1", "ac2", "ac3"]]


def test_long_waves_keep_their_extremes():
    """A line of a million points becomes some thousands, and no spike is lost."""
    t = np.linspace(0.0, 1.0, 1_000_000)
    v = np.sin(40.0 * t)
    v[123_457] = 7.0
    run = Result("tran1", "tran", "t", [Variable("time", "time"), Variable("v(a)", "voltage")], np.c_[t, v])
    x, y = run.plot("v(a)").get_lines()[0].get_data()
    assert len(x) < 20_000 and y.max() == 7.0 and x[np.argmax(y)] == t[123_457]
    assert (x[0], x[-1]) == (0.0, 1.0) and np.all(np.diff(x) > 0.0)


def test_what_cannot_be_drawn():
    for bad in ({"log": "z"}, {"x_range": (1.0, 0.0)}, {"y_range": (0.0, np.nan)}, {"eye": 1.0, "nyquist": True}):
        with pytest.raises(UsageError):
            wave().plot("v(a)", **bad)
    with pytest.raises(UsageError, match="logarithmic"):
        response().plot("v(o)", x_range=(0.0, 10.0))
    with pytest.raises(UsageError, match="no waveform"):
        wave().plot("mean(v(a))")
    with pytest.raises(AnalysisError):
        wave().plot("v(zz)-v(a)")
    with pytest.raises(AnalysisError):
        Results([wave()]).plot("ac")


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")])
def test_the_suffix_chooses_the_format(tmp_path, monkeypatch, capsys, suffix, start):
    from circuitnn.cli.main import main

    monkeypatch.chdir(tmp_path)
    results = cn.parse(
        "eye\n.param r=1k\nv1 a 0 ac 1 sin(0 1 1meg)\nr1 a b {r}\nc1 b 0 100p\n.step param r list 1k 2k\n"
        ".tran 20n 10u\n.ac dec 5 1k 1g\n.end\n"
    ).run()
    results.save("a.raw")
    for options, made in (
        (["v(b)", "v(a)-v(b)", "--analysis", "tran", "--x-range", "1u", "2u"], 1),
        (["v(b)", "--eye", "1u", "--offset", "0.25u"], 1),
        (["v(b)", "--nyquist"], 1),
        (["v(b)", "db(v(b)/v(a))", "--log", "x"], 2),
    ):
        with pytest.raises(SystemExit) as end:
            main(["plot", "a.raw", *options, "-o", f"p{suffix}"])
        out, err = capsys.readouterr()
        assert (end.value.code or 0, err) == (0, "")
        files = out.split()
        assert len(files) == made and all(Path(name).read_bytes().startswith(start) for name in files)


def test_command_line_draws_spectra(tmp_path, monkeypatch, capsys):
    from circuitnn.cli.main import main

    monkeypatch.chdir(tmp_path)
    cn.parse("tone\nv1 a 0 sin(0 1 1meg)\nr1 a 0 1k\n.tran 20n 20u\n.end\n").run().save("a.raw")
    for options in (["--spectrum", "v(a)", "--x-range", "2u", "18u"], ["--spectrogram", "2*v(a)"]):
        with pytest.raises(SystemExit) as end:
            main(["plot", "a.raw", *options, "-o", "s.png"])
        out, err = capsys.readouterr()
        assert (end.value.code or 0, err, out.strip()) == (0, "", "s.png")
        assert Path("s.png").read_bytes().startswith(b"\x89PNG")
        Path("s.png").unlink()
    for options, said in ((["--spectrum", "v(b)"], "no vector"), (["v(a)", "--spectrum", "v(a)"], "one vector alone")):
        with pytest.raises(SystemExit) as end:
            main(["plot", "a.raw", *options, "-o", "s.png"])
        assert end.value.code and said in capsys.readouterr().err
        assert not Path("s.png").exists()
