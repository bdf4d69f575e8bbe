"""The examples of the page on amplitude and phase models print what it says."""

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "oscillator_models.md"


def test_examples():
    outcome = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.attempted > 30
    assert outcome.failed == 0
