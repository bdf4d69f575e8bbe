"""Accuracy over many chips."""

import numpy as np
import pytest
from scipy import stats

import circuitnn as cn
from circuitnn.errors import UsageError
from circuitnn.mapping.trials import Trial, Trials, wilson


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(0)
    w = rng.normal(size=(10, 4))
    x = rng.normal(size=(300, 10))
    return cn.compile([(w, None, "linear")]), x, (x @ w).argmax(axis=1)


def test_runs_are_programmings_with_numbers_of_their_own(case):
    layout, x, y = case
    spread = cn.nonidealities.Variability("g", 0.2)
    found = layout.monte_carlo(x, y, spread, runs=6, seed=3)
    assert len(set(found.accuracies.tolist())) > 1 and found.ideal_accuracy == 1.0
    again = layout.monte_carlo(x, y, spread, runs=8, seed=3, workers=2)
    assert again.runs[:6] == found.runs  # whoever does it, and however many there are
    assert layout.monte_carlo(x, y, spread, runs=6, seed=4).runs != found.runs
    seed = int(np.random.SeedSequence(3, spawn_key=(2,)).generate_state(1, np.uint32)[0])
    assert found.runs[2].accuracy == layout.with_nonidealities(spread, seed).evaluate(x, y).accuracy
    kept = layout.with_nonidealities(spread, 1).monte_carlo(x, y, runs=6, seed=3)
    assert kept.runs == found.runs
    assert "95 % over chips" in str(found)


def test_the_temperature_is_the_layouts(case):
    exact, x, y = case
    layout = cn.compile(exact.graph, adc_bits=4)  # whose converters see less of smaller currents
    aged = cn.nonidealities.Retention(1e3, activation=1.0, time=1e3)  # hours or years, by temperature
    hot = layout.with_nonidealities(aged, 1, temp=127.0)
    assert hot.effects.temp == pytest.approx(400.15)
    cells = hot.matrices[0].tiles[0].G
    assert np.array_equal(hot.with_nonidealities(aged, 1).matrices[0].tiles[0].G, cells)
    assert not np.array_equal(layout.with_nonidealities(aged, 1).matrices[0].tiles[0].G, cells)
    assert hot.monte_carlo(x, y, runs=1).runs == layout.monte_carlo(x, y, aged, runs=1, temp=127.0).runs
    assert hot.monte_carlo(x, y, runs=1).runs != layout.monte_carlo(x, y, aged, runs=1).runs
    for temp in (-300.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="above absolute zero"):
            layout.with_nonidealities(aged, 1, temp=temp)


def test_intervals_are_those_of_the_textbooks():
    values = [0.90, 0.92, 0.93, 0.95]
    trials = Trials(tuple(Trial(k, a, 1.0) for k, a in enumerate(values)), 1000, 0.96)
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert trials.interval() == pytest.approx((low, high), rel=1e-12, abs=0.0)
    # 81 of 263: 0.2553 to 0.3662, Newcombe, Stat. Med. 17 (1998) 857, table I, method 3.
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize("options", [{"runs": 0}, {"runs": 2.0}, {"seed": -1}, {"workers": 0}])
def test_bad_numbers(case, options):
    layout, x, y = case
    with pytest.raises(UsageError):
        layout.monte_carlo(x, y, **options)
