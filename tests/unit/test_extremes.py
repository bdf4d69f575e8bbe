"""Values and counts that no circuit has: refused, or kept within bounds, with the element or the line named."""

import warnings

import pytest

from circuitnn.errors import CircuitnnError, UsageError
from circuitnn.netlist.netlist import parse

RC = "title\nv1 a 0 dc 1 ac 1\nr1 a b 1k\nc1 b 0 1n\n"


def fails(text):
    """Return the error that a deck ends in; a warning of numpy counts as another error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CircuitnnError) as caught:
            parse(text, "deck").run()
    return caught.value


@pytest.mark.parametrize("card", [".options reltol=-1", ".option\n+ reltol=2", ".options method=foo", ".temp -300"])
def test_options_are_refused_where_they_stand(card):
    error = fails(RC + card + "\n.op\n")
    assert isinstance(error, UsageError) and (error.place.file, error.place.line) == ("deck", 5)
