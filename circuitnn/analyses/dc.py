"""DC sweep: operating points along one or two swept sources, resistances or the temperature."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from circuitnn.analyses.analysis import MAX_POINTS, Analysis, Progress, columns, require_finite, statistics
from circuitnn.errors import AnalysisError, CircuitError, UsageError, nearest
from circuitnn.mna.system import System
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.results.memory import require_memory
from circuitnn.results.result import Result, Variable


@dataclass(frozen=True)
class Dc(Analysis):
    """DC sweep.

    Parameters
    ----------
    source : str
        A voltage or current source, a resistor (ohms) or ``"temp"`` (degrees Celsius).
    start, stop, step : float
        Swept values; both ends are included when the step divides the range.
    source2, start2, stop2, step2 : optional
        An outer sweep.

    Examples
    --------
    >>> import circuitnn as cn
    >>> c = cn.Circuit("divider")
    >>> c.V("in", "a", 0, dc=0.0); c.R("1", "a", "b", 1e3); c.R("2", "b", 0, 1e3)
    >>> c.dc("vin", 0, 2, 1)["v(b)"].round(9).tolist()
    [0.0, 0.5, 1.0]
    """

    source: str
    start: float
    stop: float
    step: float
    source2: str | None = None
    start2: float = 0.0
    stop2: float = 0.0
    step2: float = 1.0

    name: ClassVar[str] = "dc"
    usage: ClassVar[str] = ".dc SOURCE START STOP STEP [SOURCE2 START2 STOP2 STEP2]"

    @classmethod
    def from_card(cls, card: AnalysisCard) -> Self:
        """Read ``.dc v1 0 5 0.1 [v2 0 3 1]``."""
        if len(card.words) not in (4, 8):
            raise cls.miscounted(card, "4 or 8")

        def swept(k: int) -> tuple[str, float, float, float]:
            return str(card.words[k]).lower(), cls.number(card, k + 1), cls.number(card, k + 2), cls.number(card, k + 3)

        return cls(*swept(0)) if len(card.words) == 4 else cls(*swept(0), *swept(4))

    def validate(self) -> None:
        """Raise UsageError for a step of zero, or one that never arrives."""
        _values("sweep", self.start, self.stop, self.step)
        if self.source2 is not None:
            _values("outer sweep", self.start2, self.stop2, self.step2)

    def check(self, system: System) -> None:
        """Raise CircuitError when a swept source is not there."""
        for name in (self.source, self.source2):
            if name is None or name == "temp" or _is_resistor(system, name):
                continue
            try:
                system.source(name)
            except CircuitError:
                known = ["temp", *(other for other in system.circuit.elements if other.rpartition(".")[2][0] in "vir")]
                raise CircuitError(
                    f"there is no independent source {name!r} to sweep",
                    names=(name,),
                    expected="a source, a resistor or temp: " + ", ".join(known[1:13]),
                    hint=nearest(name, known),
                ) from None

    def run(self, system: System, progress: Progress | None = None) -> Result:
        """Return one row a point; the inner sweep runs fastest."""
        inner = _values("sweep", self.start, self.stop, self.step)
        outer = (
            np.array([np.nan]) if self.source2 is None else _values("outer sweep", self.start2, self.stop2, self.step2)
        )
        system.engine.reset_report()
        self.check(system)
        sweep = _Sweep(system)
        chosen, variables = columns(system)
        require_memory("the sweep", len(outer) * len(inner), len(chosen) + 1)
        rows = np.empty((len(outer) * len(inner), len(chosen) + 1))
        done = 0

        def result() -> Result:
            return Result(
                "dc1",
                "dc",
                system.circuit.title,
                [sweep.axis(self.source), *variables],
                rows[:done].copy(),
                statistics(system, points=done),
                sweeps={self.source2: outer} if self.source2 is not None and done == len(rows) else None,
            )

        try:
            for second in outer:
                if self.source2 is not None:
                    sweep.set(self.source2, float(second))
                for value in inner:
                    sweep.set(self.source, float(value))
                    rows[done, 0] = value
                    rows[done, 1:] = sweep.solve()[chosen]
                    done += 1
                    if progress is not None:
                        progress(done / len(rows))
        except AnalysisError as error:
            error.result = result()
            raise
        finally:
            sweep.restore()
        return result()


class _Sweep:
    """Sets swept quantities and solves, each point from the last one's solution."""

    def __init__(self, system: System) -> None:
        self.first = self.system = system
        self.last: np.ndarray | None = None
        self.swept: dict[str, float] = {}

    def axis(self, name: str) -> Variable:
        """Return the axis under the name that SPICE gives it."""
        if name == "temp":
            return Variable("temp-sweep", "temperature")
        if _is_resistor(self.first, name):
            return Variable("res-sweep", "resistance")
        letter = self.first.source(name).letter
        return Variable(f"{letter}({letter}-sweep)", "voltage" if letter == "v" else "current")

    def set(self, name: str, value: float) -> None:
        self.swept[name] = value
        if name == "temp" or _is_resistor(self.first, name):
            # Temperature and resistances enter device parameters: a new system on the old structure.
            circuit = self.first.circuit.copy()
            circuit.adopt(self.system.circuit)
            for other, number in self.swept.items():
                if other == "temp":
                    circuit.options = replace(circuit.options, temp=number)
                elif _is_resistor(self.first, other):
                    circuit.elements[other] = circuit.elements[other].with_params(resistance=number)
            self.system = circuit.system()
            for other, number in self.swept.items():
                if other != "temp" and not _is_resistor(self.first, other):
                    self.system.set_dc(other, number)
        else:
            self.system.set_dc(name, value)

    def solve(self) -> np.ndarray:
        self.last = self.system.operating_point(self.last)
        return self.last

    def restore(self) -> None:
        self.first.reset_waveforms()


def _is_resistor(system: System, name: str) -> bool:
    element = system.circuit.elements.get(name)
    return element is not None and element.letter == "r"


def _values(what: str, start: float, stop: float, step: float) -> np.ndarray:
    start, stop, step = (
        require_finite(f"{what} {n}", v) for n, v in (("start", start), ("stop", stop), ("step", step))
    )
    if step == 0.0:
        if start == stop:
            return np.array([start])
        raise UsageError(f"the step of the {what} is zero", expected="a step other than zero")
    steps = (stop - start) / step * (1.0 + 1e-12) + 1e-9
    if steps < 0.0:
        raise UsageError(
            f"the {what} from {start:g} to {stop:g} never arrives with a step of {step:g}",
            hint="change the step's sign",
        )
    if not steps < MAX_POINTS:
        raise UsageError(
            f"the {what} has {steps:.3g} points", expected=f"at most {MAX_POINTS}", hint="use a larger step"
        )
    return start + step * np.arange(math.floor(steps) + 1)


EXPORT = Dc
