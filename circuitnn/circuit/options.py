"""Simulation options with SPICE's names and defaults."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

from circuitnn.errors import UsageError, nearest
from circuitnn.units import parse_value

#: Options of SPICE decks that change nothing here.
IGNORED = frozenset(
    "acct noacct list nolist nomod nopage node nonode opts noopts savecurrents numdgt ingold warn klu sparse "
    "post probe filetype width limpts lvltim itl3 itl5 itl6 cptime".split()
)
_AT_LEAST_ZERO = ("gmin", "chgtol")


@dataclass(frozen=True)
class SimOptions:
    """Options of a simulation.

    Parameters
    ----------
    reltol, abstol, vntol : float
        Relative tolerance; absolute tolerances of currents (A) and voltages (V).
    gmin : float
        Conductance across each junction, S.
    chgtol : float
        Kept for decks that set it: errors are controlled on voltages and states here.
    trtol : float
        Scales the allowed local truncation error; 7 stands for one ``reltol``.
    temp, tnom : float
        Temperature of the circuit and of the parameters, degrees Celsius.
    itl1, itl2, itl4 : int
        Newton iterations of an operating point, a sweep point, a time point.
    method : {"trap", "gear"}
        Integration formula, both of second order.

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

    def __post_init__(self) -> None:
        for name in ("reltol", "abstol", "vntol", "trtol"):
            if not getattr(self, name) > 0.0:
                raise UsageError(f"option {name} = {getattr(self, name)} must be above zero", names=(name,))
        for name in _AT_LEAST_ZERO:
            if not getattr(self, name) >= 0.0:
                raise UsageError(f"option {name} = {getattr(self, name)} must not be negative", names=(name,))
        for name in ("temp", "tnom"):
            if not getattr(self, name) > -273.15:
                raise UsageError(f"option {name} = {getattr(self, name)} degrees lies below absolute zero", names=(name,))
        for name in ("itl1", "itl2", "itl4"):
            if getattr(self, name) < 1:
                raise UsageError(f"option {name} = {getattr(self, name)} must be at least 1", names=(name,))
        if self.method not in ("trap", "gear"):
            raise UsageError(f"unknown integration method {self.method!r}", expected="trap or gear")

    @classmethod
    def from_netlist(cls, options: dict[str, float | str]) -> tuple[Self, list[str]]:
        """Return the options that a deck sets, and warnings for those that are not known."""
        known = {f.name: f.type for f in fields(cls)}
        chosen: dict[str, float | str | int] = {}
        warnings = []
        for name, value in options.items():
            if name == "method":
                chosen[name] = {"trapezoidal": "trap"}.get(str(value).lower(), str(value).lower())
            elif name == "maxord":
                if value not in (1.0, 2.0):
                    warnings.append(f"option maxord = {value}: formulas of second order are used")
            elif name in known:
                number = parse_value(value)
                chosen[name] = int(number) if known[name] == "int" else number
            elif name not in IGNORED:
                hint = nearest(name, known)
                warnings.append(f"unknown option {name!r} is ignored" + (f"; {hint}" if hint else ""))
        return replace(cls(), **chosen), warnings  # type: ignore[arg-type]
