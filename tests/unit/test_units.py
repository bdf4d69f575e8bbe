import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuitnn.errors import UsageError
from circuitnn.units import format_si, parse_value, scale_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4.7k", 4700.0),
        ("10MEG", 1e7),
        ("1M", 1e-3),
        ("1d3", 1e3),
        ("1.5D-3k", 1.5),
        ("2d", 2.0),
        ("100n", 1e-7),
        ("3mil", 76.2e-6),
        ("5uF", 5e-6),
        ("2.5V", 2.5),
        (".5", 0.5),
        ("1e-9", 1e-9),
        ("-3f", -3e-15),
        ("7\N{MICRO SIGN}", 7e-6),
    ],
)
def test_values_as_spice_reads_them(text, value):
    # mil is not a power of ten: one rounding more
    assert parse_value(text) == pytest.approx(value, rel=1e-15, abs=0.0)


@pytest.mark.parametrize("text", ["", "k", "1..2", "abc", "nan", "inf", "1 2", "4k7", "1e999"])
def test_what_is_no_value_is_refused(text):
    with pytest.raises(UsageError):
        parse_value(text)


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(UsageError):
        parse_value(math.nan)


@given(st.floats(1e-14, 1e13), st.sampled_from([1.0, -1.0]))
def test_formatting_keeps_the_digits_it_promises(size, sign):
    number, _, prefix = format_si(sign * size, digits=6).partition(" ")
    # SPICE reads M as milli, so mega is put back by hand; six digits are what was asked for.
    assert float(number) * scale_of({"M": "meg"}.get(prefix, prefix)) == pytest.approx(sign * size, rel=1e-5, abs=0.0)


def test_long_numbers_are_read_in_no_time_and_huge_exponents_refused():
    # quadratic backtracking would take minutes for a line of this length
    with pytest.raises(UsageError):
        parse_value("1" * 200_000 + "!")
    for text in ("1e" + "9" * 5000 + "k", "1e99999k", "1" * 400):
        with pytest.raises(UsageError, match="finite"):
            parse_value(text)
    assert parse_value("1e-" + "9" * 5000 + "k") == 0.0
