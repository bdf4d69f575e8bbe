"""Recurrent layers over samples of shape (steps, features): every step's products go through the matrices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import MappingError
from circuitnn.mapping.operators.activations import sigmoid
from circuitnn.mapping.operators.axes import unbounded
from circuitnn.mapping.operators.node import Interval, Multiply, Node, Shape, numbers, product_bounds

Array = NDArray[np.float64]
DIRECTIONS = {"forward": ("forward",), "reverse": ("reverse",), "bidirectional": ("forward", "reverse")}


@dataclass(frozen=True, eq=False, kw_only=True)
class Recurrent(Node):
    """What LSTM, GRU and RNN share: matrices for inputs and for the state, in one or both directions of time.

    The output has the shape (steps, directions, hidden): the state after every step, at the step's place in time.

    Parameters
    ----------
    weights : array_like, shape (directions, features, gates * hidden)
    recurrent : array_like, shape (directions, hidden, gates * hidden)
    bias, recurrent_bias : array_like, shape (directions, gates * hidden), optional
        Added to the products with ``weights`` and with ``recurrent``; zero when None.
    initial : array_like, shape (directions, hidden), optional
        State before the first step; zero when None.
    direction : str
        ``"forward"``, ``"reverse"`` or ``"bidirectional"``.
    name, inputs
        See ``Node``.

    Raises
    ------
    MappingError
        When numbers or shapes are wrong.
    """

    weights: Array
    recurrent: Array
    bias: Array
    recurrent_bias: Array
    initial: Array
    direction: str = "forward"
    gates: ClassVar[int] = 1

    def __init__(
        self,
        weights: ArrayLike,
        recurrent: ArrayLike,
        bias: ArrayLike | None = None,
        recurrent_bias: ArrayLike | None = None,
        initial: ArrayLike | None = None,
        direction: str = "forward",
        name: str = "layer",
        inputs: tuple[str, ...] = (),
    ) -> None:
        if direction not in DIRECTIONS:
            raise MappingError(f"{name} has the direction {direction!r}", expected=" ".join(DIRECTIONS), names=[name])
        ways = len(DIRECTIONS[direction])
        w, r = numbers(weights, f"the weights of {name}", name), numbers(recurrent, f"the weights of {name}", name)
        hidden = r.shape[1] if r.ndim == 3 else 0
        wide = self.gates * hidden
        if w.ndim != 3 or not w.size or not r.size or w.shape[::2] != (ways, wide) or r.shape != (ways, hidden, wide):
            raise MappingError(
                f"{name} has weights of shape {w.shape} for inputs and {r.shape} for the state",
                expected=f"({ways}, features, {self.gates} hidden) and ({ways}, hidden, {self.gates} hidden)",
                names=[name],
            )
        for field, given, shape in (
            ("bias", bias, (ways, wide)),
            ("recurrent_bias", recurrent_bias, (ways, wide)),
            ("initial", initial, (ways, hidden)),
        ):
            found = numbers(np.zeros(shape) if given is None else given, f"the {field} of {name}", name)
            if found.shape != shape:
                raise MappingError(f"the {field} of {name} has shape {found.shape}", expected=str(shape), names=[name])
            object.__setattr__(self, field, found)
        values = {"weights": w, "recurrent": r, "direction": direction, "name": name, "inputs": tuple(inputs)}
        for field, value in values.items():
            object.__setattr__(self, field, value)

    @property
    def hidden(self) -> int:
        """Numbers of the state."""
        return self.recurrent.shape[1]

    def _state_matrices(self, way: int) -> dict[str, Array]:
        """Matrices that multiply the state in a direction, by key."""
        return {"state": self.recurrent[way]}

    @property
    def matrices(self) -> Mapping[str, Array]:
        """Matrices for inputs and for the state, in every direction."""
        found = {}
        for way, label in enumerate(DIRECTIONS[self.direction]):
            prefix = "" if self.direction == "forward" else f"{label} "
            found[f"{prefix}input"] = self.weights[way]
            for key, matrix in self._state_matrices(way).items():
                found[f"{prefix}{key}"] = matrix
        return found

    def shape(self, *shapes: Shape) -> Shape:
        """Return (steps, directions, hidden)."""
        (shape,) = shapes
        if len(shape) != 2 or shape[1] != self.weights.shape[1]:
            raise self.refuse(
                f"takes steps of {self.weights.shape[1]} features, not samples of shape {shape}",
                f"(steps, {self.weights.shape[1]})",
            )
        return (shape[0], len(self.weights), self.hidden)

    def reads(self, *shapes: Shape) -> Mapping[str, int]:
        """Return one read a step."""
        return dict.fromkeys(self.matrices, shapes[0][0])

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the states after every step."""
        (x,) = values
        samples, steps, features = x.shape
        out = np.empty((samples, steps, len(self.weights), self.hidden))
        for way, label in enumerate(DIRECTIONS[self.direction]):
            prefix = "" if self.direction == "forward" else f"{label} "
            products = multiply(f"{prefix}input", x.reshape(-1, features)) + self.bias[way]
            products = products.reshape(samples, steps, -1)
            state = self._first(way, samples)
            for t in range(steps) if label == "forward" else range(steps - 1, -1, -1):
                state = self._step(
                    way,
                    products[:, t],
                    state,
                    lambda key, v, p=prefix: multiply(p + key, v),  # type: ignore[misc]
                )
                out[:, t, way] = state[0]
        return out

    def _first(self, way: int, samples: int) -> tuple[Array, ...]:
        """Return the states before the first step."""
        return (np.repeat(self.initial[way][None], samples, axis=0),)

    def _step(self, way: int, products: Array, state: tuple[Array, ...], multiply: Multiply) -> tuple[Array, ...]:
        """Return the next states; ``products`` are those of the inputs, with their bias."""
        raise NotImplementedError

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the states: that of tanh, and of the state before the first step."""
        return min(-1.0, float(self.initial.min())), max(1.0, float(self.initial.max()))

    def drives(self, *intervals: Interval) -> Mapping[str, Interval]:
        """Return the interval of the inputs for their matrices, of the states for theirs."""
        state = self.bounds(*intervals)
        return {key: intervals[0] if key.endswith("input") else state for key in self.matrices}


@dataclass(frozen=True, eq=False, kw_only=True, init=False)
class LSTM(Recurrent):
    """Long short-term memory, gates in the order input, output, forget, cell (that of ONNX).

    ``i, o, f = sigmoid(...)``, ``g = tanh(...)``, ``c = f c + i g``, ``h = o tanh(c)`` (Hochreiter and Schmidhuber 1997
    with the forget gate of Gers, Schmidhuber and Cummins 2000), without peepholes.

    Parameters
    ----------
    initial_cell : array_like, shape (directions, hidden), optional
        Cells before the first step; zero when None.
    weights, recurrent, bias, recurrent_bias, initial, direction, name, inputs
        See ``Recurrent``.

    Examples
    --------
    >>> layer = LSTM([[[0.0, 0.0, 0.0, 0.0]]], [[[0.0, 0.0, 0.0, 0.0]]])
    >>> layer.shape((7, 1)), sorted(layer.matrices)
    ((7, 1, 1), ['input', 'state'])
    """

    initial_cell: Array
    gates = 4

    def __init__(self, *args: ArrayLike | None, initial_cell: ArrayLike | None = None, **keywords: object) -> None:
        super().__init__(*args, **keywords)  # type: ignore[arg-type]
        shape = self.initial.shape
        cell = numbers(np.zeros(shape) if initial_cell is None else initial_cell, f"cells of {self.name}", self.name)
        if cell.shape != shape:
            raise self.refuse(f"has first cells of shape {cell.shape}", str(shape))
        object.__setattr__(self, "initial_cell", cell)

    def _first(self, way: int, samples: int) -> tuple[Array, ...]:
        return (*super()._first(way, samples), np.repeat(self.initial_cell[way][None], samples, axis=0))

    def _step(self, way: int, products: Array, state: tuple[Array, ...], multiply: Multiply) -> tuple[Array, ...]:
        h, cell = state
        z = products + multiply("state", h) + self.recurrent_bias[way]
        i, o, f, g = np.split(z, 4, axis=1)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(cell), cell


@dataclass(frozen=True, eq=False, kw_only=True, init=False)
class GRU(Recurrent):
    """Gated recurrent unit, gates in the order update, reset, new (that of ONNX).

    ``z, r = sigmoid(...)`` and ``h = (1 - z) n + z h`` with ``n = tanh(W x + b + r (R h + c))`` where the reset comes
    after the product (``reset_after``, as cuDNN and PyTorch), or ``n = tanh(W x + b + R (r h) + c)`` where it comes
    before (Cho et al., EMNLP 2014, eq. 7-8).

    Parameters
    ----------
    reset_after : bool
    weights, recurrent, bias, recurrent_bias, initial, direction, name, inputs
        See ``Recurrent``.

    Examples
    --------
    >>> sorted(GRU([[[0.0] * 3]], [[[0.0] * 3]], reset_after=False).matrices)
    ['input', 'reset state', 'state']
    """

    reset_after: bool = True
    gates = 3

    def __init__(self, *args: ArrayLike | None, reset_after: bool = True, **keywords: object) -> None:
        super().__init__(*args, **keywords)  # type: ignore[arg-type]
        object.__setattr__(self, "reset_after", bool(reset_after))

    def _state_matrices(self, way: int) -> dict[str, Array]:
        if self.reset_after:
            return super()._state_matrices(way)
        gates, new = np.split(self.recurrent[way], [2 * self.hidden], axis=1)
        return {"state": gates, "reset state": new}

    def _step(self, way: int, products: Array, state: tuple[Array, ...], multiply: Multiply) -> tuple[Array, ...]:
        (h,) = state
        n = 2 * self.hidden
        bias = self.recurrent_bias[way]
        own = multiply("state", h)
        z, r = np.split(sigmoid(products[:, :n] + own[:, :n] + bias[:n]), 2, axis=1)
        if self.reset_after:
            new = np.tanh(products[:, n:] + r * (own[:, n:] + bias[n:]))
        else:
            new = np.tanh(products[:, n:] + multiply("reset state", r * h) + bias[n:])
        return ((1.0 - z) * new + z * h,)


@dataclass(frozen=True, eq=False, kw_only=True, init=False)
class RNN(Recurrent):
    """Elman's network: ``h = activation(W x + b + R h + c)``.

    Parameters
    ----------
    activation : str
        ``"tanh"`` or ``"relu"``.
    weights, recurrent, bias, recurrent_bias, initial, direction, name, inputs
        See ``Recurrent``.

    Examples
    --------
    >>> RNN([[[1.0]]], [[[0.5]]], activation="relu").run(lambda key, v: v, np.ones((1, 2, 1)))[0, :, 0, 0].tolist()
    [1.0, 2.0]
    """

    activation: str = "tanh"

    def __init__(self, *args: ArrayLike | None, activation: str = "tanh", **keywords: object) -> None:
        super().__init__(*args, **keywords)  # type: ignore[arg-type]
        if activation not in ("tanh", "relu"):
            raise self.refuse(f"has the activation {activation!r}", "tanh or relu")
        object.__setattr__(self, "activation", activation)

    def _step(self, way: int, products: Array, state: tuple[Array, ...], multiply: Multiply) -> tuple[Array, ...]:
        z = products + multiply("state", state[0]) + self.recurrent_bias[way]
        return (np.tanh(z) if self.activation == "tanh" else np.maximum(z, 0.0),)

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the states; with relu the one that a step maps into itself."""
        if self.activation == "tanh":
            return super().bounds(*intervals)
        top = max(0.0, float(self.initial.max()))
        low = min(0.0, float(self.initial.min()))
        most = -float("inf")
        for way in range(len(self.weights)):
            bias = self.bias[way] + self.recurrent_bias[way]
            drive = product_bounds(self.weights[way], bias, intervals[0])[1]
            gain = float(np.maximum(self.recurrent[way], 0.0).sum(axis=0).max())
            loss = float(-np.minimum(self.recurrent[way], 0.0).sum(axis=0).min()) * -low
            # A state x becomes at most drive + loss + gain x, which stays below the fixed point of that.
            if gain >= 1.0:
                raise unbounded(self, "adds up its states")
            most = max(most, (drive + loss) / (1.0 - gain))
        return low, max(top, most)


EXPORT = (LSTM, GRU, RNN)
