"""Simulation options with SPICE's names and defaults."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass, fields
from typing import Any, Self

from circuitnn.errors import UsageError, nearest
from circuitnn.units import parse_value

#: Options of SPICE decks that ask for other output or for another program's inner workings: they change no result here.
IGNORED = frozenset(
    (
        *("acct", "noacct", "list", "nolist", "nomod", "nopage", "node", "nonode", "opts", "noopts", "savecurrents"),
        *("numdgt", "ingold", "warn", "post", "probe", "filetype", "width", "limpts", "lvltim", "cptime"),
        *("nfreqs", "fourgridsize", "polydegree"),
        *("klu", "sparse", "pivtol", "pivrel", "itl3", "itl5", "itl6"),
    )
)
_ABOVE_ZERO = ("reltol", "abstol", "vntol", "trtol")
_AT_LEAST_ZERO = ("gmin", "chgtol")
_DEGREES = ("temp", "tnom")
_COUNTS = ("itl1", "itl2", "itl4", "maxord")
_MOST_ORDER = 6
_METHODS = {"trap": "trap", "trapezoidal": "trap", "gear": "gear", "trbdf2": "trbdf2"}
_WHOLE = ("seed",)
_ABSOLUTE_ZERO = -273.15  # degrees Celsius


@dataclass(frozen=True)
class SimOptions:
    """Options of a simulation.

    Parameters
    ----------
    reltol, abstol, vntol : float
        Relative tolerance, below 1; absolute tolerances of currents (A) and voltages (V).
    gmin : float
        Conductance across each junction, S.
    chgtol : float
        Kept for decks that set it: errors are controlled on voltages and states here.
    trtol : float
        Scales the allowed local truncation error: ``trtol / 2`` times the tolerance of the unknown.
    temp, tnom : float
        Temperature of the circuit and of the parameters, degrees Celsius.
    itl1, itl2, itl4 : int
        Newton iterations of an operating point, a sweep point, a time point.
    method : {"trap", "gear", "trbdf2"}
        Integration formula: the trapezoidal rule, Gear's backward differentiation, or the trapezoidal rule and
        backward differentiation in one step, both of second order.
    maxord : int
        Highest order of Gear's formulas, 1 to 6.
    seed : int
        Of random waveforms (TRNOISE, TRRANDOM): the same seed gives the same run.

    Raises
    ------
    UsageError
        For a value that is not finite or out of its range.

    Examples
    --------
    >>> SimOptions.from_netlist({"reltol": 1e-4, "method": "gear", "acct": 1.0})[0].method
    'gear'
    """

    reltol: float = 1e-3
    abstol: float = 1e-12
    vntol: float = 1e-6
    gmin: float = 1e-12
    chgtol: float = 1e-14
    trtol: float = 7.0
    temp: float = 27.0
    tnom: float = 27.0
    itl1: int = 100
    itl2: int = 50
    itl4: int = 10
    method: str = "trap"
    maxord: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for name in (*_ABOVE_ZERO, *_AT_LEAST_ZERO, *_DEGREES, *_COUNTS, *_WHOLE):
            number = _finite(name, getattr(self, name))
            if name in _WHOLE:
                if number != int(number) or number < 0:
                    raise _refuse(name, number, "a whole number from 0")
                number = int(number)
            elif name in _COUNTS:
                if number != int(number) or number < 1:
                    raise _refuse(name, number, "a whole number from 1")
                number = int(number)
            elif name in _ABOVE_ZERO and not number > 0.0:
                raise _refuse(name, number, "a number above zero")
            elif name in _AT_LEAST_ZERO and not number >= 0.0:
                raise _refuse(name, number, "zero or a number above it")
            elif name in _DEGREES and not number > _ABSOLUTE_ZERO:
                raise _refuse(name, number, f"degrees Celsius above {_ABSOLUTE_ZERO}")
            object.__setattr__(self, name, number)
        if self.maxord > _MOST_ORDER:
            raise _refuse("maxord", self.maxord, f"1 to {_MOST_ORDER}")
        if not self.reltol < 1.0:
            raise _refuse("reltol", self.reltol, "a number below 1")
        method = _METHODS.get(str(self.method).lower())
        if method is None:
            raise _refuse("method", self.method, "trap, gear or trbdf2", nearest(str(self.method).lower(), _METHODS))
        object.__setattr__(self, "method", method)

    @classmethod
    def from_netlist(cls, options: dict[str, float | str]) -> tuple[Self, list[str]]:
        """Return the options that a deck sets, and warnings for those that are not known.

        Raises
        ------
        UsageError
            For a known option with a value that it cannot have.
        """
        known = {f.name for f in fields(cls)}
        chosen: dict[str, Any] = {}
        warnings = []
        for name, value in options.items():
            if name in known:
                chosen[name] = value
            elif name not in IGNORED:
                hint = nearest(name, known)
                warnings.append(f"unknown option {name!r} is ignored" + (f"; {hint}" if hint else ""))
        return cls(**chosen), warnings

    def changed(self) -> dict[str, float | str]:
        """Return the options that differ from SPICE's defaults.

        Examples
        --------
        >>> SimOptions(reltol=1e-4, itl1=200).changed()
        {'reltol': 0.0001, 'itl1': 200}
        """
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}


def _finite(name: str, value: Any) -> float:
    try:
        number = float(value) if isinstance(value, numbers.Real) else parse_value(value)
    except (UsageError, OverflowError):  # an int may have any size
        raise _refuse(name, value, "a number") from None
    if not math.isfinite(number):
        raise _refuse(name, value, "a finite number")
    return number


def _refuse(name: str, value: Any, expected: str, hint: str | None = None) -> UsageError:
    shown = f"{value:g}" if isinstance(value, float) else repr(value)
    return UsageError(f"option {name} = {shown} is not possible", expected=expected, hint=hint, names=(name,))
