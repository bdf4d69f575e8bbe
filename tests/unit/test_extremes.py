"""Values and counts that no circuit has: refused, or kept within bounds, with the element or the line named."""

import warnings

import pytest

from circuitnn.errors import CircuitnnError, DeviceError, UsageError
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


def test_conductance_out_of_range():
    error = fails("title\nv1 a 0 1\nr1 a 0 1e-300 m=1e300\n.op\n")
    assert isinstance(error, DeviceError) and error.names == ("r1",) and error.place.line == 3


def test_coupling_of_inductors_of_unlike_signs():
    error = fails("title\ni1 0 a 1\nl1 a 0 1n\nl2 b 0 -1n\nr1 b 0 1\nk1 l1 l2 0.5\n.op\n")
    assert isinstance(error, CircuitnnError) and error.names[0] == "k1" and error.place.line == 6


def test_sensitivity_with_a_measured_current():
    """The source of 0 V that measures i(r1) bears its name, and is none of the parameters."""
    with_meter = parse(RC + "r2 b 0 1k\nc2 b 0 c={1n*(1+i(r1))}\n.sens v(b)\n").run()
    without = parse(RC + "r2 b 0 1k\nc2 b 0 1n\n.sens v(b)\n").run()
    assert with_meter.sens["r1"] == pytest.approx(without.sens["r1"], rel=1e-6)
