"""The results of all analyses of a deck, by name, and as files."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from circuitnn.errors import AnalysisError, UsageError
from circuitnn.results.formats import format_of
from circuitnn.results.result import KINDS, Result


class Results(Mapping[str, Result]):
    """The results of a deck's analyses in their order, by name (``tran1``, ``tran2``, ``ac1``, ...).

    Parameters
    ----------
    results : iterable of Result
        They are renamed by kind and order.

    Attributes
    ----------
    measures : dict of str to float
        Values of the deck's ``.measure`` cards; one that failed is absent, and a warning says why. With ``.step``
        masked arrays over the steps.
    steps : list of dict of str to float
        Values of what is stepped, one a step.
    corners : list of str
        Names of the deck's ``.corner`` cards; ``corner`` in ``steps`` counts them from 1.
    harmonics : dict of str to list of Harmonics
        Of each transient result what the deck's ``.four`` cards ask for.
    printed : list of str
        Lines that the deck's ``.control`` script printed.
    warnings : list of str
        What the deck's author should know about.

    Examples
    --------
    >>> from circuitnn.results.result import Variable
    >>> op = Result("", "op", "t", [Variable("v(a)", "voltage")], [[2.0]])
    >>> results = Results([op, op])
    >>> list(results), float(results.op["a"])
    (['op1', 'op2'], 2.0)
    """

    def __init__(self, results: Iterable[Result] = ()) -> None:
        self._results: dict[str, Result] = {}
        self.measures: dict[str, Any] = {}
        self.harmonics: dict[str, list[Any]] = {}
        self.steps: list[dict[str, float]] = []
        self.corners: list[str] = []
        self.printed: list[str] = []
        self.warnings: list[str] = []
        for result in results:
            self.add(result)

    def add(self, result: Result) -> str:
        """Append a result under the next free name of its kind and return that name; its totals follow it."""
        name = f"{result.kind}{1 + sum(r.kind == result.kind for r in self._results.values())}"
        copy = Result.__new__(Result)
        copy.__dict__.update(result.__dict__, name=name)
        self._results[name] = copy
        if result.totals is not None:
            copy.totals = self[self.add(result.totals)]
        return name

    def __getitem__(self, name: str) -> Result:
        """Return a result by name; the kind alone (``"tran"``) is the first of it."""
        key = name.lower() if isinstance(name, str) else name
        if key in KINDS:
            return self._first(key)
        if key not in self._results:
            raise AnalysisError(f"there is no result {name!r}", hint=self._known())
        return self._results[key]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a result by name, or ``default`` when there is none."""
        try:
            return self[name]
        except AnalysisError:
            return default

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (
            name.lower() in self._results or any(r.kind == name.lower() for r in self._results.values())
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)

    def __repr__(self) -> str:
        return f"<Results: {', '.join(self._results) or 'none'}>"

    def _known(self) -> str:
        return f"there are {', '.join(self._results)}" if self._results else "no analysis was run"

    def _first(self, kind: str) -> Result:
        for result in self._results.values():
            if result.kind == kind:
                return result
        raise AnalysisError(f"there is no {kind} result", hint=self._known())

    @property
    def op(self) -> Result:
        """The first operating point."""
        return self._first("op")

    @property
    def dc(self) -> Result:
        """The first dc sweep."""
        return self._first("dc")

    @property
    def ac(self) -> Result:
        """The first ac analysis."""
        return self._first("ac")

    @property
    def tran(self) -> Result:
        """The first transient analysis."""
        return self._first("tran")

    @property
    def noise(self) -> Result:
        """The first noise analysis."""
        return self._first("noise")

    @property
    def tf(self) -> Result:
        """The first transfer function."""
        return self._first("tf")

    @property
    def sens(self) -> Result:
        """The first sensitivity analysis."""
        return self._first("sens")

    @property
    def pz(self) -> Result:
        """The first poles and zeros."""
        return self._first("pz")

    @property
    def pss(self) -> Result:
        """The first periodic steady state."""
        return self._first("pss")

    def stack(self, kind: str) -> Any:
        """Return the results of one kind at all steps as one pandas DataFrame, indexed by step and axis.

        Raises
        ------
        AnalysisError
            When there is no such result.
        MissingExtraError
            When pandas is not installed.
        """
        from circuitnn.results.frames import stack

        self._first(kind)
        return stack([result for result in self._results.values() if result.kind == kind])

    def plot(self, kind: str, *vectors: str, **options: Any) -> Any:
        """Plot the results of one kind, of all steps, as a family; see `circuitnn.results.plot.plot`.

        Raises
        ------
        AnalysisError
            When there is no such result.
        """
        from circuitnn.results.plot import plot

        self._first(kind)
        return plot([result for result in self._results.values() if result.kind == kind], *vectors, **options)

    def save(self, path: str | os.PathLike[str], *, ascii: bool = False) -> None:
        """Write all results to a file; it appears whole or not at all, and points on disk are not taken into memory.

        Parameters
        ----------
        path : path-like
            ``.raw`` (SPICE raw file), ``.h5``/``.hdf5``, or ``.csv``; of several analyses a CSV file each.
        ascii : bool
            Of a raw file: text in place of binary numbers.

        Raises
        ------
        UsageError
            When the suffix is another, or there is nothing to save.
        FileError
            When the file cannot be written.
        """
        if not self._results:
            raise UsageError("there are no results to save", hint="run an analysis first")
        form = format_of(path)
        write = getattr(importlib.import_module(f"circuitnn.results.{form.module}"), f"write_{form.name}")
        write(path, self, **({"ascii": ascii} if form.name == "raw" else {}))

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Results:
        """Read results from a ``.raw``, ``.h5``/``.hdf5`` or ``.csv`` file.

        Raises
        ------
        UsageError
            When the suffix is another.
        FileError
            When the file is missing or damaged.
        """
        form = format_of(path)
        read = getattr(importlib.import_module(f"circuitnn.results.{form.module}"), f"read_{form.name}")
        found: Results = read(path)
        return found
