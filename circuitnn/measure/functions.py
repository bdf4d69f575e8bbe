"""Functions and operators of vector expressions, with the values that ngspice gives them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.netlist.functions import CONSTANTS as _CONSTANTS

Vector = NDArray[Any]
_MOST_POINTS = 10_000_000


@dataclass(frozen=True, slots=True)
class VectorFunction:
    """How many arguments a function takes; ``body(axis, *arguments)`` gives its value."""

    low: int
    high: int
    body: Callable[..., Any]


def _same_length(a: Vector, b: Vector) -> tuple[Vector, Vector]:
    if a.ndim and b.ndim and len(a) != len(b):
        if len(a) == 1 or len(b) == 1:
            return a, b
        raise UsageError(
            f"vectors of {len(a)} and {len(b)} points meet in an expression", expected="vectors of one analysis"
        )
    return a, b


def binary(op: str, a: Vector, b: Vector) -> Vector:
    """Return the value of ``a op b``, point by point; comparisons and logic give 1 or 0."""
    a, b = _same_length(a, b)
    with np.errstate(all="ignore"):
        return np.asarray(_OPERATORS[op](a, b))


def _power(a: Vector, b: Vector) -> Vector:
    if not np.iscomplexobj(a) and np.any((a < 0) & (np.real(b) != np.floor(np.real(b)))):
        return np.power(a.astype(complex), b)
    return np.power(np.asarray(a, dtype=complex if np.iscomplexobj(a) else float), b)


def _truth(function: Callable[..., Any]) -> Callable[[Vector, Vector], Vector]:
    return lambda a, b: np.asarray(function(np.real(a), np.real(b)), dtype=float)


_OPERATORS: dict[str, Callable[[Vector, Vector], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": lambda a, b: np.fmod(np.real(a), np.real(b)),
    "**": _power,
    "==": lambda a, b: np.asarray(a == b, dtype=float),
    "!=": lambda a, b: np.asarray(a != b, dtype=float),
    "<": _truth(np.less),
    "<=": _truth(np.less_equal),
    ">": _truth(np.greater),
    ">=": _truth(np.greater_equal),
    "&&": lambda a, b: np.asarray((a != 0) & (b != 0), dtype=float),
    "||": lambda a, b: np.asarray((a != 0) | (b != 0), dtype=float),
}


def _needs_axis(axis: Vector | None, values: Vector, what: str) -> Vector:
    if axis is None or values.ndim == 0 or len(axis) != len(values):
        raise UsageError(f"{what}() wants a vector along the axis of one analysis")
    return axis


def _derivative(axis: Vector | None, values: Vector) -> Vector:
    x = _needs_axis(axis, values, "deriv")
    if len(values) < 2:
        return np.zeros_like(values)
    return np.gradient(values, x, edge_order=2 if len(values) > 2 else 1)


def _integral(axis: Vector | None, values: Vector) -> Vector:
    x = _needs_axis(axis, values, "integ")
    parts = 0.5 * (values[1:] + values[:-1]) * np.diff(x)
    return np.concatenate([np.zeros(1, values.dtype), np.cumsum(parts)])


def _group_delay(axis: Vector | None, values: Vector) -> Vector:
    phase = np.unwrap(np.angle(np.atleast_1d(values)))
    return -_derivative(axis, phase) / (2.0 * np.pi)


def _root(x: Vector) -> Vector:
    return np.sqrt(x.astype(complex)) if not np.iscomplexobj(x) and np.any(x < 0) else np.sqrt(x)


def _vector_of(count: Vector, what: str) -> int:
    n = int(np.real(count).item()) if count.size == 1 and np.isfinite(count).all() else 0
    if not 1 <= n <= _MOST_POINTS:
        raise UsageError(f"{what}() takes a number of points", expected=f"1 .. {_MOST_POINTS}")
    return n


def _plain(body: Callable[[Vector], Any]) -> VectorFunction:
    return VectorFunction(1, 1, lambda _, x: body(x))


def _real(body: Callable[[Vector], Any]) -> VectorFunction:
    return VectorFunction(1, 1, lambda _, x: body(np.real(x)))


def _pair(body: Callable[[Vector, Vector], Any]) -> VectorFunction:
    return VectorFunction(2, 2, lambda _, a, b: body(*_same_length(a, b)))


def _magnitude_order(x: Vector) -> Vector:
    return np.abs(x) if np.iscomplexobj(x) else x


def _running_mean(x: Vector) -> Vector:
    flat = np.atleast_1d(x)
    return np.cumsum(flat) / np.arange(1, len(flat) + 1)


def _undrawn(*_: Any) -> Vector:
    raise UsageError("random numbers are drawn by the evaluation itself")


def _spectrum(x: Vector) -> Vector:
    """Return the discrete Fourier transform of a padded vector as ngspice scales it: of a real one amplitudes, the mean
    twice; of a complex one what `_inverse_spectrum` turns back."""
    flat = np.atleast_1d(x)
    padded = 1 << max(len(flat) - 1, 0).bit_length()
    return np.fft.fft(flat, padded) / padded if np.iscomplexobj(flat) else np.fft.rfft(flat, padded) * (2.0 / padded)


def _inverse_spectrum(x: Vector) -> Vector:
    flat = np.atleast_1d(x)
    padded = 1 << max(len(flat) - 1, 0).bit_length()
    return np.fft.ifft(flat, padded) * padded


FUNCTIONS: dict[str, VectorFunction] = {
    "complex": VectorFunction(2, 2, lambda _, a, b: np.real(a) + 1j * np.real(b)),
    "j": _plain(lambda x: 1j * x),
    "real": _plain(np.real),
    "re": _plain(np.real),
    "imag": _plain(np.imag),
    "im": _plain(np.imag),
    "img": _plain(np.imag),
    "conj": _plain(np.conj),
    "mag": _plain(np.abs),
    "m": _plain(np.abs),
    "magnitude": _plain(np.abs),
    "abs": _plain(np.abs),
    "ph": _plain(np.angle),
    "phase": _plain(np.angle),
    "cph": _plain(lambda x: np.unwrap(np.atleast_1d(np.angle(x)))),
    "cphase": _plain(lambda x: np.unwrap(np.atleast_1d(np.angle(x)))),
    "unwrap": _real(lambda x: np.unwrap(np.atleast_1d(x))),
    "db": _plain(lambda x: 20.0 * np.log10(np.abs(x))),
    "log": _plain(np.log),
    "ln": _plain(np.log),
    "log10": _plain(np.log10),
    "exp": _plain(np.exp),
    "sqrt": _plain(_root),
    "sin": _plain(np.sin),
    "cos": _plain(np.cos),
    "tan": _plain(np.tan),
    "asin": _real(np.arcsin),
    "acos": _real(np.arccos),
    "atan": _real(np.arctan),
    "atan2": _pair(lambda a, b: np.arctan2(np.real(a), np.real(b))),
    "sinh": _plain(np.sinh),
    "cosh": _plain(np.cosh),
    "tanh": _plain(np.tanh),
    "floor": _real(np.floor),
    "ceil": _real(np.ceil),
    "int": _real(np.trunc),
    "nint": _real(np.rint),
    "sgn": _real(np.sign),
    "u": _real(lambda x: np.heaviside(x, 0.5)),
    "uramp": _real(lambda x: np.maximum(x, 0.0)),
    "pow": _pair(_power),
    "pwr": _pair(lambda a, b: np.sign(np.real(a)) * np.abs(a) ** b),
    "max": _pair(lambda a, b: np.maximum(np.real(a), np.real(b))),
    "min": _pair(lambda a, b: np.minimum(np.real(a), np.real(b))),
    "if": VectorFunction(3, 3, lambda _, c, a, b: np.where(c != 0, a, b)),
    "limit": VectorFunction(3, 3, lambda _, x, a, b: np.clip(np.real(x), np.minimum(a, b), np.maximum(a, b))),
    "mean": _plain(np.mean),
    "avg": _plain(_running_mean),
    "stddev": _real(lambda x: np.std(x, ddof=1) if x.size > 1 else 0.0),
    "maximum": _plain(lambda x: np.max(_magnitude_order(x))),
    "vecmax": _plain(lambda x: np.max(_magnitude_order(x))),
    "minimum": _plain(lambda x: np.min(_magnitude_order(x))),
    "vecmin": _plain(lambda x: np.min(_magnitude_order(x))),
    "length": _plain(lambda x: float(np.size(x))),
    "vector": _plain(lambda x: np.arange(float(_vector_of(x, "vector")))),
    "unitvec": _plain(lambda x: np.ones(_vector_of(x, "unitvec"))),
    "norm": _plain(lambda x: x / np.max(np.abs(x))),
    "deriv": VectorFunction(1, 1, _derivative),
    "ddt": VectorFunction(1, 1, _derivative),
    "integ": VectorFunction(1, 1, _integral),
    "group_delay": VectorFunction(1, 1, _group_delay),
    "fft": _plain(_spectrum),
    "ifft": _plain(_inverse_spectrum),
    **{name: VectorFunction(1, 1, _undrawn) for name in ("sgauss", "sunif", "rnd", "poisson", "exponential")},
}

#: Functions that draw random numbers, as many as their argument is long: ``sgauss`` of the normal distribution,
#: ``sunif`` evenly from -1 to 1, ``rnd`` a whole number below the argument, ``poisson`` and ``exponential`` of a mean.
DRAWN: dict[str, Callable[..., Any]] = {
    "sgauss": lambda draws, x: draws.normal(size=np.shape(x)),
    "sunif": lambda draws, x: draws.uniform(-1.0, 1.0, size=np.shape(x)),
    "rnd": lambda draws, x: np.floor(draws.uniform(size=np.shape(x)) * np.maximum(np.real(x), 0.0)),
    "poisson": lambda draws, x: draws.poisson(np.clip(np.real(x), 0.0, 1e9), size=np.shape(x)).astype(float),
    "exponential": lambda draws, x: draws.exponential(np.maximum(np.real(x), 0.0), size=np.shape(x)),
}

#: Names that a vector of the same name hides.
CONSTANTS: dict[str, float] = {
    **{
        name: _CONSTANTS[name]
        for name in ("pi", "e", "c", "boltz", "echarge", "planck", "kelvin")
        if name in _CONSTANTS
    },
    "yes": 1.0,
    "no": 0.0,
    "true": 1.0,
    "false": 0.0,
}
