"""What an analysis returns: columns with names and units, found the way that SPICE users name them."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import AnalysisError, UsageError, nearest
from circuitnn.results.checkpoint import Checkpoint
from circuitnn.results.stored import column_of

UNITS = {
    "voltage": "V",
    "current": "A",
    "time": "s",
    "frequency": "Hz",
    "state": "",
    "resistance": "ohm",
    "temperature": "degC",
    "voltage-density": "V/sqrt(Hz)",
    "current-density": "A/sqrt(Hz)",
    "impedance": "ohm",
    "angular-frequency": "rad/s",
    "notype": "",
}
KINDS = ("op", "dc", "ac", "tran", "noise", "noise_total", "tf", "sens", "pz", "pss")
#: Kinds of results that are one point; one of sensitivities may be that or have an axis of frequencies.
_ONE_POINT = ("op", "noise_total", "tf", "pz")
_CALL = re.compile(r"([vi])(m|p|db|r|i)?\((.+)\)")
_COMMA = re.compile(r",(?![^\[]*\])")
_PARTS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "m": np.abs,
    "p": np.angle,
    "r": np.real,
    "i": np.imag,
}


@dataclass(frozen=True, slots=True)
class Variable:
    """A column of a result.

    Parameters
    ----------
    name : str
        ``v(node)``, ``i(v1)``, ``@n1[w]``, ``time``, ``frequency``, ``v(v-sweep)``; without blanks.
    kind : str
        One of ``voltage current time frequency state resistance temperature voltage-density current-density impedance
        angular-frequency notype``.

    Raises
    ------
    UsageError
        When the name is empty or has blanks, or the kind is unknown.

    Examples
    --------
    >>> Variable("v(out)", "voltage").unit
    'V'
    """

    name: str
    kind: str

    def __post_init__(self) -> None:
        if self.name.split() != [self.name] or "\0" in self.name:
            raise UsageError(f"{self.name!r} cannot name a variable", expected="a name without blanks, such as v(out)")
        if self.kind not in UNITS:
            raise UsageError(
                f"unknown kind {self.kind!r} of variable {self.name}",
                expected=f"one of {', '.join(UNITS)}",
                hint=nearest(self.kind, UNITS),
            )

    @property
    def unit(self) -> str:
        """SI unit of the column, or an empty string."""
        return UNITS[self.kind]


class Result:
    """The columns that one analysis computed.

    Parameters
    ----------
    name : str
        Name within its ``Results``, such as ``"tran1"``.
    kind : str
        ``"op"``, ``"dc"``, ``"ac"``, ``"tran"``, ``"noise"``, ``"noise_total"``, ``"tf"``, ``"sens"`` or ``"pz"``.
    title : str
        First line of the deck.
    variables : sequence of Variable
        One a column. The first is the axis (time, frequency, swept value); a single point has none.
    data : ndarray, shape (points, variables), float64 or complex128
        SI units. A ``numpy.memmap`` stays on disk, and columns are read when they are asked for.
    statistics : mapping, optional
        Counts of the run: steps, rejected steps, iterations, ...
    command : str, optional
        The card or command that asked for the analysis.
    sweeps : mapping of str to array, optional
        Outer sweeps of a nested dc analysis, outermost first: name to values. The inner sweep runs fastest.
    totals : Result, optional
        Of a noise analysis: what the densities amount to over its band; among ``Results`` it stands on its own.

    Attributes
    ----------
    step : dict of str to float
        Where a deck's ``.step`` cards stood: what was stepped, to its value.
    checkpoint : Checkpoint or None
        Where a transient stopped, to go on from there.

    Raises
    ------
    UsageError
        When the kind is unknown, or the data do not fit the variables.

    Examples
    --------
    >>> r = Result("op1", "op", "divider", [Variable("v(a)", "voltage"), Variable("v(b)", "voltage")], [[2.0, 0.5]])
    >>> float(r["v(b)"]), float(r["V(a, b)"]), float(r["b"])
    (0.5, 1.5, 0.5)
    """

    def __init__(
        self,
        name: str,
        kind: str,
        title: str,
        variables: Sequence[Variable],
        data: ArrayLike,
        statistics: Mapping[str, Any] | None = None,
        command: str = "",
        *,
        sweeps: Mapping[str, ArrayLike] | None = None,
        totals: Result | None = None,
    ) -> None:
        if kind not in KINDS:
            raise UsageError(f"unknown kind of result {kind!r}", expected=f"one of {', '.join(KINDS)}")
        array = data if isinstance(data, np.memmap) else np.asarray(data)
        array = array.astype(np.complex128 if np.iscomplexobj(array) else np.float64, copy=False)
        if array.ndim != 2 or array.shape[1] != len(variables):
            raise UsageError(
                f"data of shape {array.shape} for {len(variables)} variables", expected="(points, variables)"
            )
        has_axis = kind not in _ONE_POINT
        if kind == "sens":
            has_axis = bool(variables) and variables[0].kind == "frequency"
        if not has_axis and len(array) != 1:
            raise UsageError(f"a result of kind {kind} with {len(array)} points", expected="one point")
        if has_axis and not variables:
            raise UsageError(f"a {kind} result without its axis", expected="the swept variable as the first column")
        self.name = name
        self.kind = kind
        self.has_axis = has_axis
        self.title = title
        self.variables = tuple(variables)
        self.data: NDArray[Any] = array
        self.statistics: dict[str, Any] = dict(statistics or {})
        self.command = command
        self.sweeps = {key: np.asarray(values, dtype=np.float64) for key, values in (sweeps or {}).items()}
        self.totals = totals
        self.step: dict[str, float] = {}
        self.checkpoint: Checkpoint | None = None
        self._index: dict[str, int] = {}
        for k, variable in enumerate(self.variables):
            self._index.setdefault(_plain(variable.name), k)

    def __repr__(self) -> str:
        return f"<Result {self.name}: {len(self)} points of {len(self.variables)} variables>"

    def __len__(self) -> int:
        return len(self.data)

    def keys(self) -> list[str]:
        """Return the names of all columns, the axis first."""
        return [variable.name for variable in self.variables]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._find(name) is not None

    def __getitem__(self, name: str) -> Any:
        """Return a column, shape (points,); of a result without an axis one number.

        Parameters
        ----------
        name : str
            Case and blanks do not matter. ``v(out)`` or plain ``out``; ``v(a,b)`` is the difference; ``v(0)`` is zero;
            ``i(v1)`` or ``v1#branch``; ``@n1[w]``. In ac also ``vm vp vdb vr vi`` and ``im ip idb ir ii`` of the same:
            magnitude, phase in radians, decibels, real and imaginary part.

        Raises
        ------
        AnalysisError
            When there is no such column; the hint names the nearest.
        """
        if not isinstance(name, str):
            raise UsageError(f"{name!r} is not the name of a variable", expected="a name such as 'v(out)'")
        column = self._find(name)
        if column is None:
            raise AnalysisError(
                f"{self.name} has no variable {name!r}",
                names=[name],
                hint=nearest(_plain(name), self._index) or f"it has {', '.join(self.keys()[:8])}",
            )
        return column if self.has_axis else column[0]

    def _find(self, name: str) -> NDArray[Any] | None:
        key = _plain(name)
        k = self._index.get(key)
        if k is None and key.endswith("#branch"):
            k = self._index.get(f"i({key.removesuffix('#branch')})")
        if k is None:
            k = self._index.get(f"v({key})")
        if k is None and key.startswith("i(@"):
            k = self._index.get(key[2:-1])
        if k is not None:
            column = column_of(self.data, k)
            return column.real if k == 0 and self.has_axis else column
        call = _CALL.fullmatch(key)
        if call is None:
            return self._node(key) if key in ("0", "gnd") else None
        letter, part, inside = call.groups()
        if part and self.kind != "ac":
            return None
        quantity = self._difference(inside) if letter == "v" else self._column(f"i({inside})")
        if quantity is None:
            return None
        if part == "db":
            with np.errstate(divide="ignore"):  # no signal at all is -inf dB
                return 20.0 * np.log10(np.abs(quantity))
        return _PARTS[part](quantity) if part else quantity

    def _difference(self, nodes: str) -> NDArray[Any] | None:
        # A comma inside brackets is part of a name: v(a1.word[3,17]).
        parts = _COMMA.split(nodes)
        plus = self._node(parts[0])
        if len(parts) == 1 or plus is None:
            return plus
        minus = self._node(parts[1]) if len(parts) == 2 else None
        return None if minus is None else plus - minus

    def _node(self, node: str) -> NDArray[Any] | None:
        if node in ("0", "gnd"):
            return np.zeros(len(self.data), self.data.dtype)
        return self._column(f"v({node})")

    def _column(self, key: str) -> NDArray[Any] | None:
        k = self._index.get(key)
        return None if k is None else column_of(self.data, k)

    @property
    def axis(self) -> NDArray[np.float64]:
        """Values of the first variable, shape (points,), real; a single point has none (AnalysisError)."""
        if not self.has_axis:
            raise AnalysisError(f"{self.name} is a single point and has no axis", hint="use result['v(node)']")
        return column_of(self.data, 0).real

    @property
    def time(self) -> NDArray[np.float64]:
        """Times of a transient analysis, shape (points,), seconds."""
        return self._axis_of("time")

    @property
    def frequency(self) -> NDArray[np.float64]:
        """Frequencies of an ac or a noise analysis, shape (points,), hertz."""
        return self._axis_of("frequency")

    def _axis_of(self, kind: str) -> NDArray[np.float64]:
        if not self.has_axis or self.variables[0].kind != kind:
            raise AnalysisError(f"{self.name} has no {kind}", hint=f"it has {', '.join(self.keys()[:8])}")
        return self.axis

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression on the columns, real or complex, shape (points,) or a number.

        Parameters
        ----------
        expression : str
            As ``.print`` takes it: ``"v(a)*i(v1)"``, ``"db(v(out)/v(in))"``, ``"vecmax(deriv(v(out)))"``.

        Raises
        ------
        AnalysisError
            When a vector does not exist.
        UsageError
            When the expression is malformed.

        Examples
        --------
        >>> axis, a = Variable("time", "time"), Variable("v(a)", "voltage")
        >>> Result("tran1", "tran", "t", [axis, a], [[0, 1], [1, 3]]).evaluate("v(a)^2").tolist()
        [1.0, 9.0]
        """
        if expression in self:  # some names, such as output_impedance_at_v(out), are no expressions
            return self[expression]
        return _upward("expression").evaluate_on(self, expression)

    def measure(self, text: str) -> float:
        """Return what a ``.measure`` of this result gives.

        Parameters
        ----------
        text : str
            What follows the measure's name: ``"when v(out)=0.5 rise=2"``, ``"avg v(out) from=1m to=2m"``.

        Raises
        ------
        AnalysisError
            When it cannot be measured; the message says why.
        UsageError
            When the text is malformed.

        Examples
        --------
        >>> axis, a = Variable("time", "time"), Variable("v(a)", "voltage")
        >>> Result("tran1", "tran", "t", [axis, a], [[0, 1], [1, 3]]).measure("when v(a)=2")
        0.5
        """
        value: float = _upward("reading").read_measure(f"{self.kind} value {text}").evaluate(self)
        return value

    def fourier(self, name: str, frequency: float, *, harmonics: int = 10, grid: int = 200, degree: int = 1) -> Any:
        """Return the harmonics of a vector over the last period; see `circuitnn.measure.fourier.fourier`."""
        return _upward("fourier").fourier(self, name, frequency, harmonics=harmonics, grid=grid, degree=degree)

    def spectrum(self, name: str, **options: Any) -> Any:
        """Return the spectrum of a vector of a transient; see `circuitnn.measure.spectrum.spectrum`."""
        return _upward("spectrum").spectrum(self, name, **options)

    def spectrogram(self, name: str, **options: Any) -> Any:
        """Return spectra of stretches one after the other; see `circuitnn.measure.spectrum.spectrogram`."""
        return _upward("spectrum").spectrogram(self, name, **options)

    def oscillation(self, name: str, **options: Any) -> Any:
        """Return frequency, amplitude and harmonics of a vector; see `circuitnn.measure.phase.oscillation`."""
        return _upward("phase").oscillation(self, name, **options)

    def grid(self, name: str) -> NDArray[Any]:
        """Return a column of a nested dc sweep, shape (outer values, ..., inner values).

        Raises
        ------
        AnalysisError
            When the sweep was not finished, so that the points do not fill the grid.

        Examples
        --------
        >>> axis, out = Variable("v(v-sweep)", "voltage"), Variable("v(out)", "voltage")
        >>> r = Result("dc1", "dc", "t", [axis, out], [[0, 1], [1, 2], [0, 3], [1, 4]], sweeps={"v2": [5, 6]})
        >>> r.grid("out").tolist()
        [[1.0, 2.0], [3.0, 4.0]]
        """
        outer = [len(values) for values in self.sweeps.values()]
        block = int(np.prod(outer, dtype=np.int64))
        if not self.has_axis or block == 0 or len(self) % block:
            raise AnalysisError(f"the {len(self)} points of {self.name} do not fill a grid of {block} outer values")
        return self[name].reshape(*outer, len(self) // block)

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame indexed by the axis; one unindexed row for a single point."""
        from circuitnn.results.frames import to_pandas

        return to_pandas(self)

    def to_xarray(self) -> Any:
        """Return an xarray Dataset with units as attributes; outer sweeps become dimensions."""
        from circuitnn.results.frames import to_xarray

        return to_xarray(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to a ``.raw``, ``.h5`` or ``.csv`` file; see `Results.save`."""
        from circuitnn.results.results import Results

        Results([self]).save(path)

    def plot(self, *vectors: str, **options: Any) -> Any:
        """Plot vectors against the axis with matplotlib; see `circuitnn.results.plot.plot` for what can be chosen."""
        from circuitnn.results.plot import plot

        return plot(self, *vectors, **options)


def _upward(module: str) -> Any:
    # What computes on results lies a layer above: reached by name, so that imports keep pointing down.
    return importlib.import_module(f"circuitnn.measure.{module}")


def _plain(name: str) -> str:
    return "".join(name.split()).lower()
