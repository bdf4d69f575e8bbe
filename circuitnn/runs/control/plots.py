"""The plots of a script: results, and the vectors that ``let`` adds to them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import AnalysisError, nearest
from circuitnn.measure.expression import Defined, evaluate_vectors, parse_vectors
from circuitnn.measure.functions import CONSTANTS
from circuitnn.netlist.expression import Expression
from circuitnn.results.result import Result, Variable

Vector = NDArray[Any]
#: ``vdb(tran1.v(a))``: a part of an expression, not of a node's voltage.
_PART = re.compile(r"[vi](db|[mpri])\((.+\(.*)\)")
_FUNCTION_OF = {"db": "db", "m": "mag", "p": "ph", "r": "real", "i": "imag"}
_ABBREVIATIONS = {"noise_total": "noise"}


@dataclass(slots=True)
class Plot:
    """A set of vectors; ``result`` is absent where a script makes the plot itself (``setplot new``, ``fft``)."""

    name: str
    title: str
    result: Result | None = None
    vectors: dict[str, Vector] = field(default_factory=dict)
    axis_name: str = ""
    step: float | None = None

    @property
    def axis(self) -> Vector | None:
        """What the vectors run along."""
        if self.result is not None:
            return self.result.axis if self.result.has_axis else None
        return self.vectors.get(self.axis_name)

    def find(self, name: str) -> Vector | None:
        """Return a vector, or None."""
        found = self.vectors.get(name)
        if found is not None:
            return found
        if self.result is None:
            return None
        if self.result.has_axis and name == _axis_word(self.result):
            return self.result.axis
        try:
            return np.asarray(self.result[_as_current(name)])
        except AnalysisError:
            return None

    def names(self) -> list[str]:
        """Return the names of all vectors."""
        return [*(self.result.keys() if self.result is not None else ()), *self.vectors]

    def as_result(self) -> Result | None:
        """Return the result with the vectors of the script that lie along its axis as more columns."""
        base = self.result
        if base is None or not self.vectors:
            return base
        more = {k: v for k, v in self.vectors.items() if np.shape(v) == (len(base),) and k not in base}
        if not more:
            return base
        variables = [*base.variables, *(Variable(name, "notype") for name in more)]
        data = np.column_stack([base.data, *more.values()])
        return Result(base.name, base.kind, base.title, variables, data, base.statistics, base.command)


class Plots:
    """All plots, the newest last, numbered as ngspice numbers them."""

    def __init__(self) -> None:
        self.const = Plot("const", "Constant values")
        self.const.vectors.update({name: np.asarray(value) for name, value in CONSTANTS.items()})
        self.all: dict[str, Plot] = {"const": self.const}
        self.current = self.const
        self._number = 1
        self.functions: dict[str, Defined] = {}
        self._draws = np.random.default_rng(0)

    def add(self, kind: str, title: str, result: Result | None = None) -> Plot:
        """Make a plot and let it be the current one."""
        kind = _ABBREVIATIONS.get(kind, kind)
        while f"{kind}{self._number}" in self.all:
            self._number += 1
        plot = Plot(f"{kind}{self._number}", title, result)
        self.all[plot.name] = self.current = plot
        return plot

    def remove(self, name: str) -> None:
        """Remove a plot; the newest one that is left becomes the current one."""
        gone = self.all.pop(name)
        if gone is self.current:
            self.current = [*self.all.values()][-1]

    def lookup(self, name: str) -> Vector:
        """Return a vector of the current plot, a constant, or ``plot.vector``.

        Raises
        ------
        AnalysisError
            When there is none.
        """
        for plot in (self.current, self.const):
            found = plot.find(name)
            if found is not None:
                return found
        prefix, dot, rest = name.partition(".")
        if dot and prefix in self.all:
            found = self.all[prefix].find(rest)
            if found is not None:
                return found
        part = _PART.fullmatch(name)
        if part is not None:
            return self.evaluate(f"{_FUNCTION_OF[part[1]]}({part[2]})")
        known = [n for n in self.current.names() if n] + [*self.const.vectors]
        raise AnalysisError(
            f"the plot {self.current.name} has no vector {name!r}", names=(name,), hint=nearest(name, known)
        )

    def evaluate(self, text: str | Expression) -> Vector:
        """Return the value of an expression on vectors."""
        tree = parse_vectors(text, self.functions) if isinstance(text, str) else text
        return np.asarray(evaluate_vectors(tree, self.lookup, self.current.axis, self._draws))


def _axis_word(result: Result) -> str:
    return {"tran": "time", "pss": "time", "ac": "frequency", "noise": "frequency", "sens": "frequency"}.get(
        result.kind, "sweep"
    )


def _as_current(name: str) -> str:
    return f"i({name[:-7]})" if name.endswith("#branch") else name
