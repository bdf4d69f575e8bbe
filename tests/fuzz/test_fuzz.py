"""No input crashes, hangs, eats memory, gives numbers that are none, or fails without saying where.

`judge` has the property, `targets` makes the inputs, `campaign` runs them in processes of their own. A seed and a number
name an input: what a failure prints is what ``python -m fuzz`` takes to show it again.
"""

import os

import pytest
from fuzz import campaign, corpus

#: Inputs of each target: 100,000 in all, of which decks take nearly all of the time.
COUNTS = {
    "generated": 6000, "mutated": 5000, "scripts": 1500, "corpus": 4000, "numbers": 30_000, "vectors": 15_000,
    "expressions": 20_000, "points": 8000, "raw": 6000, "hdf5": 3000, "layout": 1500,
}  # fmt: skip
JOBS = min(os.cpu_count() or 1, 4)


def told(found):
    return "\n".join(
        f"input {indices[0]} and {len(indices) - 1} more: {what}" for what, indices in found.alike().items()
    )


def test_some_of_everything():
    found = campaign.run("mixed", seed=1, first=0, count=400, jobs=JOBS)
    assert not found.broken, told(found)
    assert found.count == 400 and len(found.outcomes) > 60


@pytest.mark.slow
@pytest.mark.parametrize("target", COUNTS)
def test_target(target):
    found = campaign.run(target, seed=0, first=0, count=COUNTS[target], jobs=JOBS)
    assert not found.broken, told(found)
    assert found.count == COUNTS[target] and len(found.outcomes) > 2


@pytest.mark.slow
def test_the_corpus():
    """One deck for each outcome of longer runs."""
    found = campaign.run("saved", seed=0, first=0, count=len(corpus.saved()), jobs=JOBS)
    assert not found.broken, told(found)


def test_inputs_are_the_same_each_time():
    from fuzz.targets import DECKS

    for make in DECKS.values():
        assert make(campaign.rng_of("x", 3, 14)) == make(campaign.rng_of("x", 3, 14))


@pytest.mark.parametrize(
    "what, ends",
    [
        ("raise", "ZeroDivisionError"),
        pytest.param("spin", "Hang", marks=pytest.mark.slow),
        ("crash", "the process ended with -11"),
    ],
)
def test_what_breaks_is_found(what, ends):
    """A target that fails on purpose: the next input is judged all the same."""
    found = campaign.run(what, seed=0, first=0, count=3)
    assert found.count == 3 and [index for index, _ in found.broken] == [1]
    assert ends in found.broken[0][1]
