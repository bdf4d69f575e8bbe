"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil

import pytest

import circuitnn

# setup-time and table modules without examples are imported too: an import error is a failure.
MODULES = sorted(m.name for m in pkgutil.walk_packages(circuitnn.__path__, "circuitnn."))


@pytest.mark.parametrize("name", ["circuitnn", *MODULES])
def test_docstring_examples(name):
    module = importlib.import_module(name)
    outcome = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert outcome.failed == 0
