"""Parameters from measurements: known ones are found again from noisy ones, and the errors say how far off they are.

The "measurements" are solutions of the devices' published equations by scipy's solve_ivp, written out here, with noise.
"""

import json
import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import circuitnn as cn
from circuitnn.errors import AnalysisError, FileError, UsageError
from circuitnn.fitting.measured import read_measured

T = np.linspace(0.0, 1.0, 101)
V = 0.5 * np.sin(2.0 * np.pi * T)
DRIFT = {"ron": 120.0, "roff": 12e3, "mu": 1.5e-14, "x0": 0.2}
KNOWN = {"ron": 120.0, "x0": 0.2}
BOUNDS = {"roff": (2e3, 1e5), "mu": (1e-15, 1e-13)}


def drift_current(time, voltage):
    """Strukov's linear ion drift, d = 10 nm: dx/dt = mu ron i / d^2, i = v / (ron x + roff (1 - x))."""
    p = DRIFT

    def current(v, x):
        return v / (p["ron"] * x + p["roff"] * (1.0 - x))

    def rate(t, x):
        return p["mu"] * p["ron"] / 1e-16 * current(np.interp(t, time, voltage), x)

    solved = solve_ivp(rate, (time[0], time[-1]), [p["x0"]], t_eval=time, rtol=1e-9, atol=1e-12, max_step=2e-3)
    return current(voltage, solved.y[0])


CLEAN = drift_current(T, V)
RMS = math.sqrt(np.mean(CLEAN**2))


def noisy(seed, part=0.02):
    return cn.Loop(T, V, CLEAN + np.random.default_rng(seed).normal(0.0, part * RMS, len(T)))


def test_the_engine_gives_the_currents_of_the_equations():
    found = cn.fit("linear_drift", cn.Loop(T, V, CLEAN), BOUNDS, start=KNOWN)
    # exact currents leave the errors of discretisation alone: interpolation between steps of a thousandth, 1e-5
    assert found.goodness["rms"] < 1e-4
    assert found.parameters["roff"].value == pytest.approx(12e3, rel=1e-3)
    assert found.parameters["mu"].value == pytest.approx(1.5e-14, rel=1e-3, abs=0.0)
    assert found.model.params["ron"] == 120.0
    assert found.model.type == "linear_drift"


def test_intervals_hold_the_truth_as_often_as_they_say():
    inside, scores = 0, []
    for seed in range(100, 116):
        found = cn.fit("linear_drift", noisy(seed), BOUNDS, start=KNOWN | {"roff": 11e3, "mu": 1.4e-14})
        assert not found.warnings
        for name, one in found.parameters.items():
            inside += one.low < DRIFT[name] < one.high
            scores.append((one.value - DRIFT[name]) / one.error)
            assert abs(scores[-1]) < 4.0  # standard errors
    # 32 intervals of 95 % in pairs that go together: 25 or fewer inside has a probability below 1e-3
    assert inside >= 26
    # rms of 32 normal scores is 1 +- 0.13 (0.18 for pairs that go together); within 3 of these
    assert 0.5 < np.sqrt(np.mean(np.square(scores))) < 1.55


def test_the_fitted_card_simulates_as_fitted(tmp_path):
    found = cn.fit("linear_drift", noisy(1), BOUNDS, start=KNOWN)
    points = " ".join(f"{t:.17g} {v:.17g}" for t, v in zip(T, V, strict=True))
    deck = cn.parse(f"card\n{found.card('cell')}\nv1 a 0 pwl({points})\nn1 a 0 cell\n.tran 1m 1\n")
    run = deck.run().tran
    current = np.interp(T, run.time, -run["i(v1)"])
    # the deck's step control, reltol 1e-3, against that of the fit
    assert current == pytest.approx(found.currents[0], abs=3e-3 * np.abs(current).max())
    found.save(tmp_path / "fit.json")
    held = json.loads((tmp_path / "fit.json").read_text())
    assert held["parameters"]["roff"]["value"] == found.parameters["roff"].value
    assert held["model"]["params"] == found.model.params
    assert "roff" in found.report() and "R^2" in found.report()
    with pytest.raises(UsageError, match="json"):
        found.save(tmp_path / "fit.txt")


def vteam_after(pulses, w, p):
    """Kvatinsky's VTEAM without a window: the state after rectangular pulses, by its explicit solution."""
    found = []
    for amplitude, width in pulses:
        if amplitude > p["v_off"]:
            w += p["k_off"] * (amplitude / p["v_off"] - 1.0) ** p["alpha_off"] * width
        elif amplitude < p["v_on"]:
            w += p["k_on"] * (amplitude / p["v_on"] - 1.0) ** p["alpha_on"] * width
        w = min(max(w, 0.0), 3e-9)
        found.append(0.1 / (p["ron"] + (p["roff"] - p["ron"]) * w / 3e-9))
    return np.array(found)


PULSES = [(0.5, 1e-6)] * 10 + [(-0.8, 1e-6)] * 12
VTEAM = {
    "ron": 1e3, "roff": 20e3, "k_on": -4e-5, "k_off": 5e-5, "v_on": -0.3, "v_off": 0.2, "alpha_on": 3.0,
    "alpha_off": 3.0, "w0": 0.6e-9,
}  # fmt: skip


def test_pulse_trains_give_the_speeds_of_vteam():
    clean = vteam_after(PULSES, VTEAM["w0"], VTEAM)
    assert len({*clean.round(12).tolist()}) > 15  # most reads lie between the ends
    noise = 1.0 + 0.01 * np.random.default_rng(5).normal(size=len(clean))
    train = cn.PulseTrain([a for a, _ in PULSES], 1e-6, clean * noise, edge=1e-10)
    kept = {key: value for key, value in VTEAM.items() if key not in ("k_on", "k_off", "roff")}
    bounds = {"k_on": (-1e-3, -1e-6), "k_off": (1e-6, 1e-3), "roff": (5e3, 1e5)}
    found = cn.fit("vteam", train, bounds, start=kept, scale="relative", starts=2)
    for name in bounds:
        one = found.parameters[name]
        assert abs(one.value - VTEAM[name]) < 3.5 * one.error, name
        assert one.error < 0.1 * abs(one.value)
    assert found.goodness["rms"] == pytest.approx(0.01, rel=0.4)  # 22 points: 15 %, within 3 sigma


def test_two_measurements_at_once_and_a_series_resistance():
    v = np.linspace(0.3, 0.7, 41)
    # Shockley's diode behind a resistance is explicit in the current: v = n vt log(i / is + 1) + r i
    vt = 0.025864925
    current = np.geomspace(1e-9, 1e-3, 60)
    first = cn.Loop(np.arange(60.0), 1.2 * vt * np.log1p(current / 1e-14) + 50.0 * current, current, series=50.0)
    second = cn.Loop(np.arange(41.0), v, 1e-14 * np.expm1(v / (1.2 * vt)))
    found = cn.fit("diode", [first, second], ["is", "n"], scale="log", floor=1e-6)
    # gmin of 1 pS beside the junction carries 1e-3 of the smallest current
    assert found.parameters["is"].value == pytest.approx(1e-14, rel=5e-3, abs=0.0)
    assert found.parameters["n"].value == pytest.approx(1.2, rel=5e-4)
    assert [len(part) for part in found.residuals] == [60, 41]


def test_what_is_not_determined_is_said():
    loop = cn.Loop(T, V, V / 4e3)
    found = cn.fit("linear_drift", loop, {"roff": (1e3, 9e3), "p": (1.0, 3.0)}, start={"mu": 0.0, "x0": 0.0})
    assert math.isinf(found.parameters["p"].error)
    assert any("p is not determined" in text for text in found.warnings)
    assert found.parameters["roff"].value == pytest.approx(4e3, rel=1e-6)
    assert json.loads(found.to_json())["parameters"]["p"]["error"] is None
    at_end = cn.fit("linear_drift", loop, {"roff": (5e3, 9e3)}, start={"mu": 0.0, "x0": 0.0})
    assert at_end.parameters["roff"].at_bound and any("bound" in text for text in at_end.warnings)


def test_correlated_parameters_are_named():
    # without motion only the initial resistance is seen, roff (1 - x0) + ron x0
    loop = cn.Loop(T, V, V / 8e3 + np.random.default_rng(1).normal(0, 1e-7, len(T)))
    found = cn.fit("linear_drift", loop, {"roff": (5e3, 5e4), "x0": (0.0, 0.9)}, start={"mu": 0.0})
    assert any("not determined" in text or "together" in text for text in found.warnings)


VT = 0.025864925
VOLTS = np.linspace(0.45, 0.55, 21)


def noisy_diode(seed):
    """Shockley's current with noise of its logarithm."""
    noise = np.random.default_rng(seed).normal(0.0, 0.5, len(VOLTS))
    return cn.Loop(np.arange(21.0), VOLTS, 1e-14 * np.expm1(VOLTS / (1.2 * VT)) * np.exp(noise))


def line_intervals(current):
    """The logarithm is a straight line, log is + v / (n vt): the interval of its slope is exact, and so are these."""
    from scipy.stats import t as student

    design = np.column_stack([np.ones(21), VOLTS])
    found = np.linalg.lstsq(design, np.log(current), rcond=None)
    inverse = np.linalg.inv(design.T @ design)
    half = student.ppf(0.975, 19) * np.sqrt(found[1][0] / 19 * np.diag(inverse))
    (a, b), (da, db) = found[0], half
    return {"is": (math.exp(a - da), math.exp(a + da)), "n": (1.0 / VT / (b + db), 1.0 / VT / (b - db))}


def test_profile_intervals_are_exact_where_the_linear_ones_are_not():
    bounds = {"is": (1e-22, 1e-6), "n": (0.4, 8.0)}
    for seed in range(2):
        loop = noisy_diode(seed)
        found = cn.fit("diode", loop, bounds, start={"is": 1e-14, "n": 1.2}, scale="log", floor=1e-9)
        assert abs(found.correlation[0, 1]) > 0.99
        for name, expected in line_intervals(loop.current).items():
            low, high = found.interval(name)
            # ends are found to 0.3 % of the way in u, of some 12 in log(is)
            assert math.log(low / expected[0]) == pytest.approx(0.0, abs=0.05 if name == "is" else 5e-3)
            assert math.log(high / expected[1]) == pytest.approx(0.0, abs=0.05 if name == "is" else 5e-3)
    linear = found.interval("n", method="linear")
    assert linear == pytest.approx((found.parameters["n"].low, found.parameters["n"].high))
    narrow = found.interval("n", confidence=0.5)
    assert low < narrow[0] < found.parameters["n"].value < narrow[1] < high
    for options in ({"method": "guess"}, {"confidence": 1.0}):
        with pytest.raises(UsageError):
            found.interval("n", **options)
    with pytest.raises(UsageError, match="not fitted"):
        found.interval("rs")


def test_failing_simulations_are_a_penalty(monkeypatch):
    from circuitnn.fitting import fit as module

    current = module.Bench.current
    failed = []

    def sometimes(self, params):
        if params["roff"] < 10e3:
            failed.append(params["roff"])
            raise AnalysisError("no convergence")
        return current(self, params)

    monkeypatch.setattr(module.Bench, "current", sometimes)
    found = cn.fit("linear_drift", noisy(2), BOUNDS, start=KNOWN | {"roff": 10.02e3}, starts=3)
    assert failed and abs(found.parameters["roff"].value - 12e3) < 4 * found.parameters["roff"].error
    assert any("failed" in text for text in found.warnings)
    with pytest.raises(AnalysisError, match="no convergence"):
        cn.fit("linear_drift", noisy(2), BOUNDS, start=KNOWN | {"roff": 5e3})


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("time,voltage,current\n0,0,0\n1,x,1\n", 3, "no row of numbers"),
        ("0 0 0\n1 1\n2 1 1\n", 2, "2 numbers"),
        ("0 0 0\n1 1 nan\n2 1 1\n", 2, "not finite"),
        ("time,volts,current\n0,0,0\n", 1, "names no column"),
        ("time,voltage (kg),current\n0,0,0\n", 1, "no unit"),
        ("v,v\n0,0\n", 1, "two columns"),
    ],
)
def test_bad_files_name_the_line(tmp_path, text, line, message):
    path = tmp_path / "data.csv"
    path.write_text(text)
    with pytest.raises(FileError, match=message) as caught:
        read_measured(path)
    assert f"line {line}" in str(caught.value)


def test_files_are_read_with_units_and_rates(tmp_path):
    path = tmp_path / "loop.csv"
    path.write_text("# a device\ntime (ms); voltage (mV); current (uA)\n0; 0; 0\n1; 100; 5\n2; 0; 0\n")
    loop = read_measured(path, series=10.0)
    assert (loop.time.tolist(), loop.series) == ([0.0, 1e-3, 2e-3], 10.0)
    assert loop.voltage == pytest.approx([0.0, 0.1, 0.0]) and loop.current == pytest.approx([0.0, 5e-6, 0.0])
    path.write_text("0 0\n1 1e-3\n1 1e-3\n0 0\n")
    assert read_measured(path, rate=4.0).time.tolist() == [0.0, 0.25, 0.5]
    with pytest.raises(UsageError, match="no times"):
        read_measured(path)
    path.write_text("amplitude width conductance(uS)\n1 1e-6 10\n-1 2e-6 5\n1 1e-6 10\n")
    train = read_measured(path, read_voltage=0.2)
    assert train.current == pytest.approx([2e-6, 1e-6, 2e-6])
    assert train.samples() == pytest.approx(np.cumsum([4.04e-6, 5.04e-6, 4.04e-6]) - 1e-8)
    for bad in ("1 2 3\n", "1 2 3 4\n" * 3, "time current\n" + "1 2\n" * 3):
        path.write_text(bad)
        with pytest.raises(FileError):
            read_measured(path)
    with pytest.raises(FileError):
        read_measured(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("vteamm", ["ron"]), {}, "no device"),
        (("mos1", ["vto"]), {}, "two-terminal"),
        ((3, ["ron"]), {}, "is no device"),
        (("linear_drift", ["rom"]), {}, "no model parameter 'rom'"),
        (("linear_drift", ["window"]), {}, "selects something"),
        (("linear_drift", []), {}, "no parameter"),
        (("linear_drift", "roff"), {}, "a list of names"),
        (("linear_drift", ["roff", "roff"]), {}, "twice"),
        (("linear_drift", {"roff": (2.0, 1.0)}), {}, "bounds"),
        (("linear_drift", {"roff": (-2.0, -1.0)}), {}, "outside"),
        (("linear_drift", ["roff"]), {"start": {"roof": 1.0}}, "no parameter 'roof'"),
        (("linear_drift", ["roff"]), {"start": {"roff": -1.0}}, "starts at"),
        (("linear_drift", ["roff"]), {"scale": "cubic"}, "scale"),
        (("linear_drift", ["roff"]), {"floor": 0.0}, "floor"),
        (("linear_drift", ["roff"]), {"starts": 0}, "starts"),
        (("linear_drift", ["roff"]), {"confidence": 1.0}, "confidence"),
    ],
)
def test_bad_requests(arguments, options, message):
    model, parameters = arguments
    with pytest.raises(UsageError, match=message):
        cn.fit(model, cn.Loop(T, V, CLEAN), parameters, **options)


@pytest.mark.parametrize(
    "make",
    [
        lambda: cn.Loop([0, 1, 1], [0, 1, 2], [0, 1, 2]),
        lambda: cn.Loop([0, 1], [0, 1], [0, 1]),
        lambda: cn.Loop([0, 1, 2], [0, 1], [0, 1, 2]),
        lambda: cn.Loop([0, 1, 2], [0, 1, math.nan], [0, 1, 2]),
        lambda: cn.Loop([0, 1, 2], [0, 1, 2], ["a", 1, 2]),
        lambda: cn.Loop([0, 1, 2], [0, 1, 2], [0, 1, 2], series=-1.0),
        lambda: cn.Loop.at_rate([0, 1, 2], [0, 1, 2], 0.0),
        lambda: cn.PulseTrain([1, 1, 1], 0.0, [1, 1, 1]),
        lambda: cn.PulseTrain([1, 1, 1], 1e-6, [1, 1, 1], read_voltage=0.0),
        lambda: cn.PulseTrain([1, 1, 1], 1e-6, [1, 1, 1], gap=-1.0),
        lambda: cn.fit("linear_drift", 7, ["roff"]),
        lambda: cn.fit("linear_drift", cn.Loop([0, 1, 2], [0, 1, 2], [0, 0, 0]), ["roff"]),
        lambda: cn.fit("linear_drift", cn.Loop([0, 1, 2], [0, 1, 2], [0, 1, 0]), ["roff", "ron", "mu"]),
    ],
)
def test_bad_measurements(make):
    with pytest.raises(UsageError):
        make()


def test_the_command(tmp_path, monkeypatch, capsys):
    from circuitnn.cli.main import main

    def run(*words):
        monkeypatch.setattr("sys.argv", ["circuitnn", "fit", *words])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code or 0, capsys.readouterr()

    monkeypatch.chdir(tmp_path)
    rows = [f"{t},{v},{i}" for t, v, i in zip(T, V, noisy(3).current, strict=True)]
    (tmp_path / "loop.csv").write_text("\n".join(["time,voltage,current", *rows]))
    line = "linear_drift loop.csv --param roff=2k:100k --param mu=1e-15:1e-13 --start ron=120 --start x0=0.2"
    code, said = run(*line.split(), "-o", "card.cir", "--plot", "fit.png", "--name", "cell")
    assert code == 0, said.err
    assert "roff" in said.out and ".model cell linear_drift" in said.out
    assert (tmp_path / "fit.png").stat().st_size > 5000
    deck = cn.parse("t\n" + (tmp_path / "card.cir").read_text() + "v1 a 0 1\nn1 a 0 cell\n.op\n")
    assert deck.run().op["i(v1)"] < 0
    for wrong in ("--param roff=3", "--param nothing", "", "--param roff -o a.txt", "--param roff --start x"):
        code, said = run("linear_drift", "loop.csv", *wrong.split())
        assert code != 0 and said.err and "Traceback" not in said.err
