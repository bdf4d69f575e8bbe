"""The base of all populations: parameters of many oscillators checked by name, the grid of times, seeds, and links.

A kind of oscillator is a subclass: it declares its parameters as class attributes (`Param`, or `Vector` for a direction
or a field of each oscillator), the inputs that drives may act on, the arrays that make up its state, and its methods
with the kernel behind them (`_integrate`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.devices.declare import Param
from circuitnn.errors import DeviceError, UsageError, nearest
from circuitnn.oscillators.drives import Channel, Drive, channels
from circuitnn.oscillators.run import Array, Run, State
from circuitnn.results.memory import core_count, require_memory

__all__ = ["Job", "Link", "Param", "Population", "Vector"]

#: A stop that is this near to a whole number of steps, in steps, is one.
_WHOLE = 1e-6
_MOST_STEPS = 1 << 47


@dataclass(frozen=True)
class Vector:
    """A parameter that has three components in each oscillator, given as (3,) or (n, 3).

    Parameters
    ----------
    default : tuple of float or None
        None: it must be given.
    unit : str
        ``"1"`` for a direction, which need not have the length 1 and is brought to it.
    doc, source : str
    direction : bool
        Only the direction counts; a zero vector is refused.
    """

    default: tuple[float, float, float] | None
    unit: str
    doc: str = ""
    source: str = ""
    direction: bool = False

    if TYPE_CHECKING:
        # a population puts its values in its place
        def __get__(self, instance: Any, owner: Any) -> Any: ...


@runtime_checkable
class Link(Protocol):
    """A coupling between the oscillators of one population."""

    def states(self) -> int:
        """Return how many numbers of its own it integrates."""

    def bind(self, population: Population) -> Any:
        """Return what the kernels of the population take; raise UsageError where it does not fit."""

    def observe(
        self, population: Population, arrays: Mapping[str, Array], states: Array
    ) -> dict[str, tuple[Array, str]]:
        """Return arrays of its own with their units, from recorded arrays (t, n, ...) and its states (t, states)."""


@dataclass
class Job:
    """One run, as `_integrate` gets it.

    Parameters
    ----------
    method : str
    step : float
        Seconds.
    first : int
        Number of the step that comes next: the run begins at first * step.
    steps, every : int
        Steps to go, and how many lie between recorded points; the start is recorded.
    state : dict of str to ndarray (n, ...)
        Where it begins; `_integrate` leaves the end there.
    links : ndarray
        States of links, likewise.
    records : dict of str to ndarray (t, n, ...)
        To be filled; the start is there.
    link_records : ndarray (t, states)
    channels : list of Channel
    temp : ndarray (n,)
        Kelvin; zero without noise.
    seed : int
    streams : ndarray (n,), uint64
        The random numbers of an oscillator are those of its stream, wherever it stands in the population.
    tolerance : float
        Relative, of methods that control their error or solve equations.
    renormalise : bool
    threads : int
    """

    method: str
    step: float
    first: int
    steps: int
    every: int
    state: dict[str, Array]
    links: Array
    records: dict[str, Array]
    link_records: Array
    channels: list[Channel]
    temp: Array
    seed: int
    streams: NDArray[np.uint64]
    tolerance: float
    renormalise: bool
    threads: int


class Population(ABC):
    """Many oscillators of one kind.

    Parameters
    ----------
    n : int
        Oscillators.
    links : sequence of Link
        Couplings.
    **parameters : float or array
        Those that the class declares, in SI units: a number for all or one an oscillator, (n,); a `Vector` is (3,) or
        (n, 3).

    Attributes
    ----------
    streams : ndarray (n,)
        Numbers of the random streams, from 0 on.

    Raises
    ------
    UsageError
        For an unknown or missing parameter, a shape that does not fit, a value out of its range.
    """

    #: Inputs of drives: number of components and unit.
    inputs: ClassVar[Mapping[str, tuple[int, str]]] = {}
    #: Arrays of the state: components of an oscillator and unit.
    arrays: ClassVar[Mapping[str, tuple[int, str]]] = {}
    #: Methods of integration, the default first.
    methods: ClassVar[tuple[str, ...]] = ()
    #: Those of them that can have noise.
    noisy: ClassVar[tuple[str, ...]] = ()

    def __init__(self, n: int = 1, *, links: Sequence[Link] = (), **parameters: ArrayLike) -> None:
        if not isinstance(n, int | np.integer) or n < 1:
            raise UsageError(f"a population of {n!r} oscillators", expected="a whole number from 1 on")
        self.n = int(n)
        self.streams = np.arange(self.n, dtype=np.uint64)
        declared = self.parameters()
        for name in parameters:
            if name not in declared:
                raise UsageError(
                    f"{type(self).__name__} has no parameter {name!r}",
                    expected=", ".join(declared),
                    hint=nearest(name, declared),
                    names=(name,),
                )
        for name, what in declared.items():
            setattr(self, name, self._values(name, what, parameters.get(name)))
        self._prepare()
        self.links = tuple(links)
        for link in self.links:
            if not isinstance(link, Link):
                raise UsageError(f"{link!r} is no link", expected="one such as Dipolar, Electrical, Linear or Common")
            link.bind(self)

    @classmethod
    def parameters(cls) -> dict[str, Param | Vector]:
        """Return the declared parameters by name, with unit, range, meaning and source."""
        found: dict[str, Param | Vector] = {}
        for kind in reversed(cls.__mro__):
            found |= {name: what for name, what in vars(kind).items() if isinstance(what, Param | Vector)}
        return found

    def _values(self, name: str, what: Param | Vector, given: ArrayLike | None) -> Array:
        if given is None:
            if what.default is None:
                raise UsageError(
                    f"{type(self).__name__} needs the parameter {name!r}",
                    expected=f"{what.doc}{'' if what.unit == '1' else ', ' + what.unit}",
                    names=(name,),
                )
            given = what.default
        shape = (self.n, 3) if isinstance(what, Vector) else (self.n,)
        try:
            array = np.asarray(given, dtype=np.float64)
            spread = np.array(np.broadcast_to(array, shape), order="C")
        except (TypeError, ValueError):
            raise UsageError(
                f"the parameter {name!r} of {type(self).__name__} has the shape {np.shape(given)}",
                expected=f"numbers of the shape {shape[1:]} or {shape}" if len(shape) > 1 else f"a number or {shape}",
                names=(name,),
            ) from None
        if isinstance(what, Vector) and array.ndim == 0:
            raise UsageError(f"the parameter {name!r} is {array:g}", expected=f"(3,) or {shape}", names=(name,))
        if isinstance(what, Vector):
            length = np.linalg.norm(spread, axis=1)
            if not np.isfinite(length).all() or (what.direction and not (length > 0.0).all()):
                raise UsageError(
                    f"the parameter {name!r} of {type(self).__name__} has a vector that is not usable",
                    expected="finite components" + (", not all of them zero" if what.direction else ""),
                    names=(name,),
                )
            return spread / length[:, None] if what.direction else spread
        try:
            for value in (spread.min(), spread.max()):
                what.check(type(self).__name__, name, float(value))
        except DeviceError as error:
            raise UsageError(error.message, expected=error.expected, names=(name,)) from None
        return spread

    def _prepare(self) -> None:  # noqa: B027  kinds may have nothing to prepare
        """Check what belongs together, and compute what follows from the parameters."""

    def take(self, which: ArrayLike) -> Self:
        """Return the oscillators of these numbers, each with its parameters and its random stream; without links.

        Parameters
        ----------
        which : array of int
            In the order in which they shall stand; a permutation, or some.

        Raises
        ------
        UsageError
            For numbers out of range, and for a population that has links, whose places would be lost.
        """
        numbers = np.atleast_1d(np.asarray(which))
        if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or len(numbers) == 0:
            raise UsageError("oscillators are taken by their numbers", expected="whole numbers, one at least")
        if (numbers < 0).any() or (numbers >= self.n).any():
            raise UsageError(f"oscillator {numbers.max()} of {self.n}", expected=f"0 to {self.n - 1}")
        if self.links:
            raise UsageError("oscillators of a population with links cannot be taken alone")
        other = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) and value.shape[:1] == (self.n,):
                setattr(other, name, value[numbers])
        other.n = len(numbers)
        return other

    # ------------------------------------------------------------------ running
    def run(
        self,
        stop: float,
        step: float,
        *,
        method: str | None = None,
        start: State | Mapping[str, ArrayLike] | ArrayLike | None = None,
        drive: Drive | Sequence[Drive] = (),
        temp: ArrayLike | None = None,
        seed: int | None = None,
        every: int = 1,
        tolerance: float = 1e-9,
        renormalise: bool = True,
        threads: int | None = None,
    ) -> Run:
        """Integrate until a time.

        Parameters
        ----------
        stop : float
            Seconds from the start of the run, a whole number of steps.
        step : float
            Seconds; of methods that choose their own steps, the spacing of points.
        method : str, optional
            One of `methods`; the first of them when absent, or the first of `noisy` at a temperature.
        start : State, mapping of str to array, or array, optional
            ``final`` of an earlier run to go on from; or the state at time 0, (n, ...) or one for all. Where the class
            has a state of rest, that when absent.
        drive : Sine, Samples or a sequence of them
        temp : float or array (n,), optional
            Kelvin: with thermal noise. None is without.
        seed : int, optional
            From 0 to 2**64 - 1; needed at a temperature.
        every : int
            Every so many steps a point is recorded, from the start on.
        tolerance : float
            Of adaptive and implicit methods, relative to a state of size 1.
        renormalise : bool
            Bring states that have a norm back to it after each step; False shows what the method does alone.
        threads : int, optional
            Most threads; as many as there are processors when absent. Results do not depend on it.

        Returns
        -------
        Run

        Raises
        ------
        UsageError
            For arguments that are out of range or do not go together.
        ConvergenceError
            When an implicit equation has no solution found, or a step falls below what numbers resolve.
        AnalysisError
            When the state is no longer finite.
        """
        steps = _whole_steps(stop, step)
        if not isinstance(every, int | np.integer) or every < 1:
            raise UsageError(f"a point every {every!r} steps", expected="a whole number from 1 on")
        if threads is not None and threads < 1:
            raise UsageError(f"{threads} threads", expected="1 or more")
        kelvin = self._kelvin(temp)
        method = self._method(method, kelvin)
        if kelvin.any() and seed is None:
            raise UsageError("thermal noise needs a seed", expected="seed=, a whole number from 0 on")
        if seed is not None and not 0 <= seed < 2**64:
            raise UsageError(f"the seed {seed}", expected="a whole number from 0 to 2**64 - 1")
        if not 0.0 < tolerance < 1.0:
            raise UsageError(f"the tolerance {tolerance:g}", expected="between 0 and 1")
        state, links, first = self._start(start, step)
        points = steps // every + 1
        per_point = self.n * sum(count for count, _ in self.arrays.values()) + len(links)
        require_memory("the run", float(points), per_point)
        records = {name: np.empty((points, *array.shape)) for name, array in state.items()}
        for name, array in state.items():
            records[name][0] = array
        link_records = np.empty((points, len(links)))
        link_records[0] = links
        found = channels(drive, self.inputs, self.n)  # type: ignore[arg-type]
        job = Job(
            method, float(step), first, steps, int(every), state, links, records, link_records, found, kelvin,
            seed or 0, self.streams, tolerance, renormalise, threads or core_count(),
        )  # fmt: skip
        stats = self._integrate(job)
        time = (first + np.arange(points, dtype=np.float64) * every) * step
        arrays = dict(records)
        units = {name: unit for name, (_, unit) in self.arrays.items()}
        place = 0
        for link in self.links:
            own = link_records[:, place : place + link.states()]
            place += link.states()
            for name, (array, unit) in link.observe(self, records, own).items():
                if name in arrays:
                    raise UsageError(f"two links show {name!r}", hint="give one of them another name")
                arrays[name], units[name] = array, unit
        return Run(time, arrays, units, State((first + steps) * step, first + steps, state, links), stats)

    @abstractmethod
    def _integrate(self, job: Job) -> dict[str, float | int | str]:
        """Do the run, and return its statistics."""

    def _rest(self) -> dict[str, Array]:
        """Return the state at which runs begin when none is given."""
        raise UsageError(f"a run of {type(self).__name__} needs the state that it starts from", expected="start=")

    def _checked(self, state: dict[str, Array]) -> dict[str, Array]:
        """Return a state that somebody gave as the kernels need it; raise UsageError where it cannot be."""
        return state

    def _kelvin(self, temp: ArrayLike | None) -> Array:
        try:
            kelvin = np.array(np.broadcast_to(np.asarray(0.0 if temp is None else temp, dtype=np.float64), (self.n,)))
        except ValueError:
            raise UsageError("temperatures have another shape", expected=f"a number or ({self.n},)") from None
        if not (np.isfinite(kelvin).all() and (kelvin >= 0.0).all()):
            raise UsageError("a temperature is negative or not finite", expected="kelvin, 0 or more")
        return kelvin

    def _method(self, method: str | None, kelvin: Array) -> str:
        known = self.noisy if kelvin.any() else self.methods
        if method is None:
            if not known:
                raise UsageError(f"{type(self).__name__} has no noise", expected="temp=None")
            return known[0]
        if method not in self.methods:
            raise UsageError(
                f"unknown method {method!r}", expected=", ".join(self.methods), hint=nearest(method, self.methods)
            )
        if method not in known:
            raise UsageError(f"the method {method} has no noise", expected=", ".join(known))
        return method

    def _start(self, start: Any, step: float) -> tuple[dict[str, Array], Array, int]:
        links = np.zeros(sum(link.states() for link in self.links))
        if isinstance(start, State):
            if not isfinite(start.time) or abs(start.steps * step - start.time) > _WHOLE * step:
                raise UsageError(
                    f"the run to go on from has steps of {start.time / max(start.steps, 1):g} s",
                    expected="the same step",
                )
            if start.links.shape != links.shape:
                raise UsageError("the run to go on from had other links")
            given: Mapping[str, ArrayLike] = start.arrays
            links, first = start.links.copy(), start.steps
        else:
            first = 0
            if start is None:
                given = self._rest()
            elif isinstance(start, Mapping):
                given = start
            else:
                if len(self.arrays) != 1:
                    raise UsageError("a start of several arrays is given by name", expected=", ".join(self.arrays))
                given = {next(iter(self.arrays)): start}
        return self._checked({name: self._state(name, given) for name in self.arrays}), links, first

    def _state(self, name: str, given: Mapping[str, ArrayLike]) -> Array:
        count = self.arrays[name][0]
        shape = (self.n,) if count == 1 else (self.n, count)
        if name not in given:
            raise UsageError(f"the start has no {name!r}", expected=", ".join(self.arrays))
        try:
            array = np.array(np.broadcast_to(np.asarray(given[name], dtype=np.float64), shape), order="C")
        except ValueError:
            raise UsageError(
                f"{name!r} of the start has the shape {np.shape(given[name])}", expected=f"one that fits {shape}"
            ) from None
        if not np.isfinite(array).all():
            raise UsageError(f"{name!r} of the start is not finite", expected="finite numbers")
        return array


def _whole_steps(stop: float, step: float) -> int:
    if not (isfinite(step) and step > 0.0):
        raise UsageError(f"a step of {step:g} s", expected="above 0")
    if not (isfinite(stop) and stop > 0.0):
        raise UsageError(f"a run of {stop:g} s", expected="above 0")
    steps = round(stop / step)
    if steps < 1 or steps > _MOST_STEPS or abs(stop / step - steps) > max(_WHOLE, 1e-12 * steps):
        raise UsageError(f"{stop:g} s are {stop / step:g} steps of {step:g} s", expected="a whole number of steps")
    return steps
