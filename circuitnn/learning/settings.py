"""Numbers of rules and kinds of synapses: which there are, of what type, and from what text they are read."""

from __future__ import annotations

import math
import operator
import types
from dataclasses import fields
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from circuitnn.errors import UsageError, nearest
from circuitnn.units import parse_value

#: Largest size, count of steps, ... that the kernels' indices hold, and largest seed.
MOST, MOST_SEED = 2**31 - 1, 2**63 - 1
_WORDS = {int: "a whole number", float: "a number", bool: "True or False", str: "text", type(None): "None"} | {
    tuple[int, ...]: "whole numbers",
    tuple[float, ...]: "numbers",
}
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def converted(made: type, given: dict[str, Any], what: str) -> dict[str, Any]:
    """Return ``given`` with text turned into what the fields of a dataclass are annotated as.

    Parameters
    ----------
    made : type
        A dataclass whose fields are numbers, names, truth values, or tuples of numbers.
    given : dict
        Values by field name; text such as ``"4.7k"``, ``"true"`` or ``"0.1,0.2"`` is read, other values are kept.
    what : str
        What it is called in messages.

    Raises
    ------
    UsageError
        When a name is unknown or a text cannot be read.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Made:
    ...     rate: float = 0.1
    ...     rates: tuple[float, ...] = ()
    ...     sizes: tuple[int, ...] = ()
    >>> converted(Made, {"rate": "1m", "rates": "0.5,2", "sizes": "784-100-10"}, "rule")
    {'rate': 0.001, 'rates': (0.5, 2.0), 'sizes': (784, 100, 10)}
    """
    hints = get_type_hints(made)
    known = [f.name for f in fields(made) if f.init]
    for name in given:
        if name not in known:
            raise UsageError(
                f"the {what} takes no {name!r}", expected=", ".join(known) or "nothing", hint=nearest(name, known)
            )
    return {
        name: _read(value, hints[name], f"{name} of the {what}") if isinstance(value, str) else value
        for name, value in given.items()
    }


def _read(text: str, kind: Any, what: str) -> Any:
    text = text.strip()
    if get_origin(kind) in (Union, types.UnionType):
        plain = [one for one in get_args(kind) if one in (int, float, bool, str) or get_origin(one) is tuple]
        choices = plain or [one for one in get_args(kind) if one is not type(None)]
        if text.lower() == "none" and type(None) in get_args(kind):
            return None
        # of several, numbers are tried before text
        choices.sort(key=lambda one: one is str)
        for one in choices:
            try:
                return _read(text, one, what)
            except UsageError:
                if one is choices[-1]:
                    raise
        return text
    if kind is str:
        return text
    if kind is bool:
        if text.lower() in (*_TRUE, *_FALSE):
            return text.lower() in _TRUE
        raise UsageError(f"{what} is {text!r}", expected="true or false")
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        parts = text.replace("-", ",") if inner is int else text
        return tuple(_read(part, inner, what) for part in parts.split(",") if part.strip())
    try:
        value = parse_value(text)
    except UsageError as error:
        raise UsageError(f"{what} is {text!r}", expected="a number") from error
    if kind is int:
        if value != round(value):
            raise UsageError(f"{what} is {text!r}", expected="a whole number")
        return round(value)
    return float(value)


def described(text: str) -> tuple[str, dict[str, str]]:
    """Return the name and the texts of ``"name:key=value,key=value"``.

    Raises
    ------
    UsageError
        When a part is no ``key=value``.

    Examples
    --------
    >>> described("pulsed:steps=1200,noise=0.3")
    ('pulsed', {'steps': '1200', 'noise': '0.3'})
    """
    name, _, rest = text.partition(":")
    values: dict[str, str] = {}
    for part in rest.split(",") if rest else ():
        key, equals, value = part.partition("=")
        if not (equals and key.strip() and value.strip()):
            raise UsageError(f"{part!r} in {text!r}", expected="name=value")
        values[key.strip()] = value.strip()
    return name.strip(), values


def number(what: str, value: Any, low: float = -math.inf, high: float = math.inf, *, open_low: bool = False) -> float:
    """Return a finite number between bounds, or raise UsageError; ``open_low`` excludes the lower one.

    Examples
    --------
    >>> number("rate", 0.1, 0.0)
    0.1
    """
    try:
        good = _real(value) and math.isfinite(value) and low <= value <= high
    except OverflowError:
        good = False
    if not good or (open_low and value == low):
        above = f"above {low:g}" if open_low else f"at least {low:g}"
        wanted = " and ".join([above] * math.isfinite(low) + [f"at most {high:g}"] * math.isfinite(high))
        raise UsageError(f"{what} is {value!r}", expected=f"a finite number {wanted}".rstrip(), names=[what])
    return float(value)


def whole(what: str, value: Any, low: int = 1, high: int = MOST) -> int:
    """Return a whole number from ``low`` to ``high``, or raise UsageError."""
    try:
        found = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        found = None
    if found is None or not low <= found <= high:
        raise UsageError(
            f"{what} is {value!r}", expected=f"a whole number of at least {low} and at most {high}", names=[what]
        )
    return found


def typed(made: Any) -> None:
    """Replace the fields of a dataclass by plain values of the types that they are annotated as.

    NumPy's numbers become Python's, lists become tuples, and a number becomes a tuple where several may be given.

    Raises
    ------
    UsageError
        When one is of another type, or not a number; names it.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Made:
    ...     rates: tuple[float, ...] = (1.0,)
    ...     steps: int = 3
    >>> one = Made([np.float32(0.5)], np.int64(7))
    >>> typed(one)
    >>> one
    Made(rates=(0.5,), steps=7)
    """
    hints = get_type_hints(type(made))
    for f in fields(made):
        if f.init:  # frozen ones too
            object.__setattr__(made, f.name, _typed(f.name, getattr(made, f.name), hints[f.name]))


def _typed(what: str, value: Any, kind: Any) -> Any:
    choices = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    for one in choices:
        if get_origin(one) is tuple:
            inner = get_args(one)[0]
            if isinstance(value, tuple | list) or (isinstance(value, np.ndarray) and value.ndim == 1):
                return tuple(_typed(what, part, inner) for part in value)
            if isinstance(value, int | float | np.number) and not isinstance(value, bool):
                return (_typed(what, value, inner),)
        elif one is int:
            return whole(what, value, -MOST, MOST_SEED if what == "seed" else MOST)
        elif one is float:
            if _real(value):
                return float(value)
        elif one is bool and isinstance(value, bool | np.bool_):
            return bool(value)
        elif isinstance(value, one):
            return value
    raise UsageError(
        f"{what} is {value!r}",
        expected=" or ".join(_WORDS.get(c, getattr(c, "__name__", "")) for c in choices),
        names=[what],
    )


def _real(value: Any) -> bool:
    """Whether something is one number, be it infinite."""
    if isinstance(value, bool | np.bool_ | str | bytes | complex | np.complexfloating) or np.ndim(value):
        return False
    try:
        return not math.isnan(float(value))
    except (TypeError, ValueError, OverflowError):
        return False


def by_layers(what: str, given: float | tuple[float, ...], layers: int) -> tuple[float, ...]:
    """Return a number of at least 0 for each layer, from one for all or one each, or raise UsageError.

    Examples
    --------
    >>> by_layers("rates", (0.1,), 2)
    (0.1, 0.1)
    """
    values = tuple(number(what, value, 0.0) for value in (given if isinstance(given, tuple | list) else (given,)))
    if len(values) not in (1, layers):
        raise UsageError(f"{len(values)} {what}: {values}", expected=f"1 number or {layers}", names=[what])
    return values * layers if len(values) == 1 else values


def one_of(what: str, value: Any, known: tuple[str, ...]) -> str:
    """Return a name out of several, or raise UsageError."""
    if not isinstance(value, str) or value not in known:
        raise UsageError(
            f"{what} is {value!r}",
            expected=" or ".join(map(repr, known)),
            hint=nearest(str(value), list(known)),
            names=[what],
        )
    return str(value)


def float_type(precision: str) -> type[np.float32] | type[np.float64]:
    """Return the type of numbers that ``"single"`` or ``"double"`` names, or raise UsageError."""
    return np.float32 if one_of("precision", precision, ("single", "double")) == "single" else np.float64
