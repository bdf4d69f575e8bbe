"""What running a population returns: recorded arrays, the state at the end, and what it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError, nearest
from circuitnn.results.result import Result, Variable

Array = NDArray[np.float64]


@dataclass(frozen=True)
class State:
    """Where a run stopped, to go on from there.

    Parameters
    ----------
    time : float
        Seconds.
    steps : int
        Time steps until there: which random numbers come next depends on it.
    arrays : mapping of str to ndarray (n, ...)
    links : ndarray
        States of the links, one after the other.
    """

    time: float
    steps: int
    arrays: Mapping[str, NDArray[np.float64]]
    links: Array = field(default_factory=lambda: np.zeros(0))

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return _named(self.arrays, name)


@dataclass(frozen=True)
class Run:
    """Recorded points of a population.

    Parameters
    ----------
    time : ndarray (t,)
        Seconds.
    arrays : mapping of str to ndarray (t, n, ...)
        ``run[name]`` is the same as ``run.arrays[name]``.
    units : mapping of str to str
    final : State
        The last time step, recorded or not.
    stats : mapping
        Counts of the run and how exact it was.
    """

    time: Array
    arrays: Mapping[str, NDArray[np.float64]]
    units: Mapping[str, str]
    final: State
    stats: Mapping[str, float | int | str]

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return _named(self.arrays, name)

    def to_result(self, title: str = "oscillators", oscillators: Sequence[int] | None = None) -> Result:
        """Return columns ``time`` and ``@o0[name]`` as the result of a transient, for files and analyses.

        Components of a vector are ``@o0[mx]``, ``[my]``, ``[mz]``.

        Parameters
        ----------
        title : str
        oscillators : sequence of int, optional
            Those to take; all when absent.
        """
        variables, columns = [Variable("time", "time")], [self.time]
        kinds = {"V": "voltage", "A": "current", "ohm": "resistance"}
        for name, array in self.arrays.items():
            table = array if array.ndim > 1 else array[:, None]
            chosen = range(table.shape[1]) if oscillators is None or array.ndim == 1 else oscillators
            kind = kinds.get(self.units[name], "state")
            for k in chosen:
                parts = table[:, k].reshape(len(table), -1)
                for axis in range(parts.shape[1]):
                    variables.append(Variable(f"@o{k}[{name}{'xyz'[axis] if parts.shape[1] > 1 else ''}]", kind))
                    columns.append(parts[:, axis])
        return Result("oscillators1", "tran", title, variables, np.column_stack(columns), dict(self.stats))


def _named(arrays: Mapping[str, NDArray[np.float64]], name: str) -> NDArray[np.float64]:
    if name not in arrays:
        raise UsageError(f"the run has no {name!r}", expected=", ".join(arrays), hint=nearest(name, arrays))
    return arrays[name]
