"""Numbers with SPICE scale suffixes, in and out."""

from __future__ import annotations

import math
import numbers
import re

from circuitnn.errors import UsageError

_SCALES = (
    ("meg", 1e6),
    ("mil", 25.4e-6),
    ("t", 1e12),
    ("g", 1e9),
    ("k", 1e3),
    ("m", 1e-3),
    ("u", 1e-6),
    ("\N{MICRO SIGN}", 1e-6),
    ("\N{GREEK SMALL LETTER MU}", 1e-6),
    ("n", 1e-9),
    ("p", 1e-12),
    ("f", 1e-15),
)
_NUMBER = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eEdD][+-]?[0-9]+)?)([^\W\d]*|%)")
_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


def scale_of(suffix: str) -> float:
    """Return the factor of a SPICE suffix; letters that follow a scale are a unit and are ignored.

    Examples
    --------
    >>> scale_of("meg"), scale_of("kohm"), scale_of("V")
    (1000000.0, 1000.0, 1.0)
    """
    low = suffix.lower()
    for name, factor in _SCALES:
        if low.startswith(name):
            return factor
    return 1.0


def parse_value(text: str | float | int) -> float:
    """Return the number that a SPICE value stands for.

    Parameters
    ----------
    text : str, float or int
        ``"4.7k"``, ``"10MEG"``, ``"1e-9"``, Fortran's ``"1d-9"``, ``"5uF"``; a number is returned as float.

    Raises
    ------
    UsageError
        When the text is not a finite number with an optional suffix.

    Examples
    --------
    >>> parse_value("4.7k"), parse_value("10MEG"), parse_value("100n")
    (4700.0, 10000000.0, 1e-07)
    """
    if isinstance(text, numbers.Real):
        try:
            number = float(text)
        except OverflowError:  # an int may have any size
            number = math.inf
    else:
        match = _NUMBER.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise UsageError(
                f"{text!r} is not a value", expected="a number with an optional suffix, such as 4.7k or 10MEG"
            )
        scale = scale_of(match[2])
        # "100n" must be the double nearest to 1e-7: scale in decimal where the suffix is a power of ten.
        digits = match[1].lower().replace("d", "e")
        number = float(digits) * scale if scale in (1.0, 25.4e-6) else _decimal_scaled(digits, scale)
    if not math.isfinite(number):
        shown = f"{type(text).__name__} out of range" if isinstance(text, int) else repr(text)
        raise UsageError(f"{shown} is not a finite value", expected="a finite number")
    return number


def _decimal_scaled(digits: str, scale: float) -> float:
    mantissa, _, exponent = digits.partition("e")
    if len(exponent.lstrip("+-0")) > 4:  # int() refuses thousands of digits, and a double has an exponent of three
        return float(digits) * scale
    return float(f"{mantissa}e{int(exponent or 0) + round(math.log10(scale))}")


def format_si(value: float, unit: str = "", digits: int = 4) -> str:
    """Return a value with an engineering prefix.

    Examples
    --------
    >>> format_si(4700.0, "ohm"), format_si(3.3e-6, "A"), format_si(0.0, "V")
    ('4.7 kohm', '3.3 uA', '0 V')
    """
    if value == 0.0 or not math.isfinite(value):
        return f"{value:g} {unit}".rstrip()
    exponent = min(12, max(-15, 3 * math.floor(math.log10(abs(value)) / 3)))
    scaled = float(f"{value / 10.0**exponent:.{digits}g}")
    if abs(scaled) >= 1000.0 and exponent < 12:
        exponent, scaled = exponent + 3, scaled / 1000.0
    return f"{scaled:.{digits}g} {_PREFIXES[exponent]}{unit}".rstrip()
