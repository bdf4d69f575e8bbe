"""What every encoding of weights answers: cells for weights, and how bit-line currents become products."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.registry import catalog

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Encoding:
    """Rules from weights to conductances and back; frozen dataclasses of plain numbers derive from it.

    A tile's bit-line currents ``I``, shape (..., lines), are added and subtracted in the analogue domain,
    ``I @ analogue``, converted, and combined in logic, ``@ digital``; times ``scale`` they are the products.
    """

    def lines(self, outputs: int) -> int:
        """Return how many bit lines so many outputs take."""
        raise NotImplementedError

    def outputs(self, lines: int) -> int:
        """Return how many outputs fit on so many bit lines."""
        raise NotImplementedError

    def conductances(self, weights: Array, largest: float, g_min: float, g_max: float) -> Array:
        """Return the cells, shape (inputs, lines), S, of weights of magnitude at most ``largest``."""
        raise NotImplementedError

    def analogue(self, outputs: int) -> Any:
        """Return the sparse matrix (lines, channels) from bit-line currents to what the converters see."""
        raise NotImplementedError

    def digital(self, outputs: int) -> Any:
        """Return the sparse matrix (channels, outputs) from converted currents to outputs; one channel each here."""
        return sp.identity(outputs, format="csr")

    def combined(self, converted: Array, outputs: int) -> Array:
        """Return ``converted @ digital(outputs)``, without a product where each channel is an output."""
        own = type(self).digital is not Encoding.digital
        return np.asarray(converted @ self.digital(outputs)) if own else converted

    def scale(self, largest: float, g_min: float, g_max: float) -> float:
        """Return the weight of one siemens of an output."""
        raise NotImplementedError

    def gains(self, weights: Array, largest: float) -> Array:
        """Return the factor by which logic multiplies each output, shape (outputs,): ones, but for binary weights."""
        return np.ones(weights.shape[1])

    def represented(self, weights: Array, largest: float) -> Array:
        """Return the weights that the cells stand for when they hold exactly what ``conductances`` gives.

        Examples
        --------
        >>> from circuitnn.mapping.encodings.differential import Differential
        >>> Differential().represented(np.array([[0.5, -1.0]]), 1.0).round(12).tolist()
        [[0.5, -1.0]]
        """
        n = weights.shape[1]
        return np.asarray(
            self.conductances(weights, largest, 0.0, 1.0)
            @ self.analogue(n)
            @ self.digital(n)
            * self.scale(largest, 0.0, 1.0)
            * self.gains(weights, largest)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return its name and numbers, as ``encoding_of`` reads them back."""
        return {
            "kind": type(self).__name__.lower(),
            **{f.name: getattr(self, f.name) for f in fields(self)},
        }


def encoding_of(described: Any) -> Encoding:
    """Return an encoding from its name, with numbers as in ``"sliced:bits=4,cell_bits=1"``, its ``to_dict``, or itself.

    Raises
    ------
    UsageError
        When the name is unknown, or a number is out of range.

    Examples
    --------
    >>> encoding_of("differential").lines(3)
    6
    >>> encoding_of("sliced:bits=4,cell_bits=1")
    Sliced(bits=4, cell_bits=1)
    """
    if isinstance(described, Encoding):
        return described
    values = _parsed(described) if isinstance(described, str) else described
    values = dict(values) if isinstance(values, dict) else {}
    kind = values.pop("kind", None)
    if not isinstance(kind, str):
        raise UsageError(
            f"encoding is {described!r}",
            expected="an Encoding or one of " + " ".join(catalog("mapping.encodings").names()),
        )
    made = catalog("mapping.encodings").get(kind)
    known = {f.name for f in fields(made)}
    if unknown := sorted(values.keys() - known):
        raise UsageError(
            f"the encoding {kind} takes no {', '.join(unknown)}", expected=" ".join(sorted(known)) or "nothing"
        )
    encoding: Encoding = made(**values)
    return encoding


def _parsed(text: str) -> dict[str, Any]:
    kind, _, rest = text.partition(":")
    values: dict[str, Any] = {"kind": kind}
    for part in rest.split(",") if rest else ():
        name, equals, number = part.partition("=")
        if not (equals and number.strip().isdecimal()):
            raise UsageError(f"{part!r} of the encoding {text!r}", expected="name=whole number")
        values[name.strip()] = int(number)
    return values


# Tiles by the thousand have the same few sizes, and scipy takes longer to make these than to multiply by them.
@lru_cache(maxsize=64)
def pairs(outputs: int, each: int = 1) -> Any:
    """Return the sparse (2 * each * outputs, outputs) that adds ``each`` differences of lines an output; not to be written to."""
    signs = np.tile([1.0, -1.0], each * outputs)
    columns = np.repeat(np.arange(outputs), 2 * each)
    return sp.csr_matrix((signs, (np.arange(2 * each * outputs), columns)), shape=(2 * each * outputs, outputs))


def whole(what: str, value: Any, low: int, high: int) -> int:
    """Return a whole number of an encoding, or raise UsageError."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise UsageError(f"{what} is {value!r}", expected=f"a whole number from {low} to {high}", names=[what])
    return int(value)
