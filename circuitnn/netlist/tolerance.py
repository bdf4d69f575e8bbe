"""Tolerances of values, ``dev=5% lot/gauss=10%``: how they are read and written.

PSpice's notation (PSpice A/D Reference Guide, ``.MODEL``): ``dev`` is the deviation of each element by itself, ``lot``
that of all elements of a model together; behind it may follow the number of a generator, which several models then
share, and a distribution: ``dev/gauss=5%``, ``lot/3/uniform=0.1``. ``lognormal`` is ours.
"""

from __future__ import annotations

from circuitnn.netlist.cursor import Cursor, number
from circuitnn.netlist.expression import Expression, Name, format_number, to_text
from circuitnn.netlist.statements import Tolerance

#: Uniform within the tolerance, normal with the tolerance as sigma, log-normal with it as sigma of the logarithm.
DISTRIBUTIONS = ("uniform", "gauss", "lognormal")
_KINDS = ("dev", "lot")
_USAGE = "dev[/NUMBER][/DISTRIBUTION]=VALUE[%] or lot..., the distribution one of " + ", ".join(DISTRIBUTIONS)


def is_tolerance(key: str) -> bool:
    """Whether the name of an assignment is that of a tolerance.

    Examples
    --------
    >>> is_tolerance("dev/gauss"), is_tolerance("device")
    (True, False)
    """
    return key.partition("/")[0] in _KINDS


def read_tolerance(cursor: Cursor, key: str, param: str) -> Tolerance:
    """Read the value of a tolerance whose ``name=`` was read; ``param`` is what it belongs to."""
    at = cursor.last
    kind, *rest = key.split("/")
    generator = int(rest.pop(0)) if rest and rest[0].isdecimal() and len(rest[0]) < 9 else None
    distribution = rest.pop(0) if rest else "uniform"
    if rest or distribution not in DISTRIBUTIONS:
        raise cursor.failure(at, f"{key} is no tolerance", expected=_USAGE)
    if not param:
        raise cursor.failure(at, f"{key} follows no parameter", expected=f"name=value {key}=...")
    if cursor.char in ("{", "'", '"'):
        value = cursor.braced()
        percent = cursor.take("%")
    else:
        word = cursor.word("a tolerance")
        percent = word.endswith("%")
        found = number(word.removesuffix("%"))
        value = Name(word.removesuffix("%")) if found is None else found
        if isinstance(value, Name) and not value.name.isidentifier():
            cursor.error(f"{word} is no tolerance", last=True, expected=_USAGE)
    return Tolerance(param, kind, value, percent, distribution, generator)


def write_tolerance(tolerance: Tolerance) -> str:
    """Return a tolerance as text."""
    parts = [tolerance.kind]
    parts += [] if tolerance.generator is None else [str(tolerance.generator)]
    parts += [] if tolerance.distribution == "uniform" else [tolerance.distribution]
    value = tolerance.value
    text = "{" + to_text(value) + "}" if isinstance(value, Expression) else format_number(value)
    return f"{'/'.join(parts)}={text}{'%' if tolerance.percent else ''}"
