"""The base of populations: parameters by name, drives, and what runs refuse."""

import numpy as np
import pytest

from circuitnn.errors import AnalysisError, ConvergenceError, UsageError
from circuitnn.oscillators.drives import Samples, Sine, channels
from circuitnn.oscillators.macrospins import Macrospins

GIVEN = {"ms": 8e5, "alpha": 0.02, "thickness": 2e-9, "area": 3e-15}
X = (1.0, 0.0, 0.0)


def spins(n=2, **parameters):
    return Macrospins(n, **GIVEN | parameters)


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"alhpa": 0.1}, "no parameter 'alhpa'"),
        ({"alpha": -0.1}, "alpha"),
        ({"ms": 0.0}, "ms"),
        ({"ms": np.nan}, "ms"),
        ({"ms": [1e6, 1e6, 1e6]}, "shape"),
        ({"axis": (0.0, 0.0, 0.0)}, "not usable"),
        ({"axis": 1.0}, "axis"),
        ({"field": (0.0, np.inf, 0.0)}, "not usable"),
        ({"chi": 1.0}, "infinite at m = -p"),
        ({"chi": -1.0}, "chi"),
        ({"n": 0}, "0 oscillators"),
        ({"n": 1.5}, "1.5 oscillators"),
    ],
)
def test_parameters_that_are_refused(parameters, problem):
    with pytest.raises(UsageError, match=problem):
        spins(**parameters)


def test_a_parameter_that_must_be_given():
    with pytest.raises(UsageError, match="needs the parameter 'area'") as caught:
        Macrospins(ms=8e5, alpha=0.1, thickness=2e-9)
    assert "area" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"stop": 0.0}, "a run of 0 s"),
        ({"stop": 1.5e-12}, "1.5 steps"),
        ({"step": -1e-12}, "a step of"),
        ({"every": 0}, "every 0 steps"),
        ({"threads": 0}, "0 threads"),
        ({"method": "rk5"}, "unknown method 'rk5'"),
        ({"temp": 300.0}, "needs a seed"),
        ({"temp": -1.0, "seed": 1}, "temperature"),
        ({"temp": 300.0, "seed": 1, "method": "rk4"}, "rk4 has no noise"),
        ({"seed": -1}, "the seed -1"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"start": None}, "needs the state"),
        ({"start": (0.0, 0.0, 0.0)}, "length 0"),
        ({"start": (1.0, 0.0)}, "shape"),
        ({"start": {"n": X}}, "no 'm'"),
        ({"start": (np.nan, 0.0, 1.0)}, "not finite"),
        ({"drive": Sine(1.0, 1e9, on="voltage")}, "acts on 'voltage'"),
        ({"drive": "sine"}, "no drive"),
        ({"drive": Sine(1.0, -1e9)}, "negative"),
        ({"drive": Sine((1.0, 2.0, 3.0), 1e9)}, "shape"),
        ({"drive": Samples([0.0, 1.0], 0.0)}, "spacing"),
        ({"drive": Samples([[0.0, 1.0, 2.0]], 1e-9)}, "shape"),
        ({"drive": Samples([np.nan], 1e-9)}, "not finite"),
    ],
)
def test_runs_that_are_refused(arguments, problem):
    with pytest.raises(UsageError, match=problem):
        spins().run(**{"stop": 1e-11, "step": 1e-12, "start": X} | arguments)


def test_a_run_that_goes_astray_says_which_oscillator():
    # a turn of 1e94 in a step
    with pytest.raises(AnalysisError, match="oscillator 1 is no longer finite"):
        spins(field=[(0.0, 0.0, 0.0), (0.0, 0.0, 1e100)]).run(1e-11, 1e-12, start=X)


def test_an_implicit_step_that_is_too_long():
    with pytest.raises(ConvergenceError, match="no solution found"):
        spins(alpha=1.0, hk=2e6).run(1e-8, 1e-10, method="midpoint", start=(1.0, 0.1, 1.0))


def test_going_on_needs_the_same_step():
    run = spins().run(1e-11, 1e-12, start=X)
    with pytest.raises(UsageError, match="steps of 1e-12 s"):
        spins().run(1e-11, 2e-12, start=run.final)


def test_points_and_names():
    run = spins().run(1e-11, 1e-12, start=X, every=4)
    np.testing.assert_allclose(run.time, [0.0, 4e-12, 8e-12])
    assert run["m"].shape == (3, 2, 3)
    assert run.final.time == pytest.approx(1e-11, rel=1e-6, abs=0.0)
    assert (run.final.steps, run.stats["steps"]) == (10, 10)
    with pytest.raises(UsageError, match="no 'n'"):
        run["n"]
    result = run.to_result(oscillators=[1])
    np.testing.assert_array_equal(result["@o1[mx]"], run["m"][:, 1, 0])


def test_taking_oscillators():
    pop = spins(3, alpha=(0.1, 0.2, 0.3))
    assert pop.take([2, 0]).alpha.tolist() == [0.3, 0.1]
    assert pop.take([2, 0]).streams.tolist() == [2, 0]
    for wrong, problem in (([3], "oscillator 3"), ([], "whole numbers"), ([0.5], "whole numbers")):
        with pytest.raises(UsageError, match=problem):
            pop.take(wrong)


def test_drives_have_their_values():
    inputs = {"current": (1, "A"), "field": (3, "A/m")}
    line = channels(Samples([0.0, 2.0, 1.0], 1.0, start=1.0), inputs, 2)[0]
    assert [line.at(t)[0] for t in (0.0, 1.0, 1.5, 2.5, 9.0)] == [0.0, 0.0, 1.0, 1.5, 1.0]
    held = channels(Samples([[0.0, 5.0], [2.0, 6.0]], 1.0, hold=True), inputs, 2)[0]
    assert held.at(0.9).tolist() == [0.0, 5.0]
    assert held.at(1.0).tolist() == [2.0, 6.0]
    field = channels(Sine((0.0, 3.0, 4.0), 1.0, np.pi / 2.0, on="field"), inputs, 2)
    assert [(c.input, c.at(1.0).tolist()) for c in field] == [(2, [3.0, 3.0]), (3, [4.0, 4.0])]
