"""Cells that are devices: a memristor, alone or in series with a selector or with a transistor gated by its row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.circuit.circuit import Circuit
from circuitnn.crossbar._array import MOST_OWN
from circuitnn.devices.cards import CARDS
from circuitnn.devices.compiled import Compiled
from circuitnn.devices.declare import Device, Environment
from circuitnn.devices.load import kernel_of
from circuitnn.errors import CircuitnnError, CrossbarError
from circuitnn.netlist.flat import Element, Model
from circuitnn.nonidealities.chain import Chain, extended, gained
from circuitnn.nonidealities.sites import Sites

Array = NDArray[np.float64]
#: What a device of a cell may be given as: a ready-made card, a registered device or its class, or a model card.
Spec = str | Model | type[Device]
WORD, BIT, GATE, _FIRST = 0, 1, 2, 3
_GROUND = -1


@dataclass(frozen=True)
class Cells:
    """Device cells of a crossbar, the first argument of ``Crossbar`` instead of conductances.

    From word to bit line a cell is the device; the selector and then the device; or the device and then the
    transistor, whose source and bulk are on the bit line and whose gate is on a line of its row.

    Parameters
    ----------
    device : str, Model or device class
        A ready-made card such as ``"hfo2"``, the name of a registered device, its class, or a model card.
    shape : tuple of int
        Word lines and bit lines.
    params : mapping of str to float or array_like of that shape
        Parameters of the device, for all cells or one a cell.
    state : mapping of str to float or array_like of that shape
        Initial states; what is not named starts as the device says.
    selector : str, Model or device class, optional
        A device of two terminals, such as a diode: a 1S1R cell.
    selector_params : mapping
    transistor : Model, optional
        A MOSFET: a 1T1R cell.
    transistor_params : mapping
    temp : float, degC
    effects : Chain
        Non-idealities of the device but those of reads, as ``Crossbar`` was given them.
    gain : array_like of that shape, optional
        What the device's currents are multiplied by: what a read finds of them.

    Examples
    --------
    >>> Cells("hfo2", (2, 3), state={"w": 0.0}).states
    ('w',)
    >>> Cells("hfo2", (2, 3), transistor=Model("access", "nmos", {"vto": 0.5, "kp": 1e-3})).gated
    True
    """

    device: Spec
    shape: tuple[int, int]
    params: Mapping[str, ArrayLike] = field(default_factory=dict)
    state: Mapping[str, ArrayLike] = field(default_factory=dict)
    selector: Spec | None = None
    selector_params: Mapping[str, ArrayLike] = field(default_factory=dict)
    transistor: Spec | None = None
    transistor_params: Mapping[str, ArrayLike] = field(default_factory=dict)
    temp: float = 27.0
    effects: Chain = field(default_factory=Chain, repr=False)
    gain: ArrayLike | None = field(default=None, repr=False)
    made: _Maker = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rows, cols = self.shape if isinstance(self.shape, tuple) and len(self.shape) == 2 else (0, 0)
        if not all(isinstance(n, int | np.integer) and n >= 1 for n in (rows, cols)):
            raise CrossbarError(f"cells of shape {self.shape!r}", expected="(word lines, bit lines), both at least 1")
        if self.selector is not None and self.transistor is not None:
            raise CrossbarError("a cell with a selector and a transistor", expected="one of them")
        if not np.isfinite(self.temp) or self.temp <= -273.15:
            raise CrossbarError(f"temp is {self.temp!r}", expected="degrees Celsius above absolute zero")
        object.__setattr__(self, "made", _Maker(self))

    def __reduce__(self) -> Any:
        return type(self), tuple(getattr(self, part.name) for part in fields(self) if part.init)

    @property
    def gated(self) -> bool:
        """Whether each row has a gate line."""
        return self.transistor is not None

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states of a cell."""
        return tuple(self.made.states)


class _Maker:
    """Unknowns of a cell, kernels and their parameters; see ``Array``."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self._count = cells.shape[0] * cells.shape[1]
        self.nodes = 0
        self.states: dict[str, tuple[Array, Array, Array, float]] = {}  # start, low, high, scale
        self.parts: list[tuple[Any, list[Any], Array]] = []
        if cells.selector is not None:
            middle = self._node()
            self._add("selector", cells.selector, cells.selector_params, {}, (WORD, middle))
            self._add("device", cells.device, cells.params, cells.state, (middle, BIT))
        elif cells.transistor is not None:
            middle = self._node()
            self._add("device", cells.device, cells.params, cells.state, (WORD, middle))
            self._add("transistor", cells.transistor, cells.transistor_params, {}, (middle, GATE, BIT, BIT))
        else:
            self._add("device", cells.device, cells.params, cells.state, (WORD, BIT))
        # States come after all nodes.
        for k, (kernel, where, param) in enumerate(self.parts):
            numbered = [_FIRST + self.nodes + [*self.states].index(w) if isinstance(w, str) else w for w in where]
            self.parts[k] = kernel, numbered, param
        if self.nodes + len(self.states) > MOST_OWN:
            raise CrossbarError(
                f"a cell of {self.nodes} inner nodes and {len(self.states)} states", expected=f"at most {MOST_OWN}"
            )

    def _node(self) -> int:
        self.nodes += 1
        return _FIRST + self.nodes - 1

    def start(self) -> Array:
        """Return own nodes (zero) and states at the start, (nodes + states, rows * cols)."""
        return np.concatenate([np.zeros((self.nodes, self._count)), self._table(0)])

    def bounds(self) -> tuple[Array, Array, Array]:
        """Return bounds and typical sizes of the states, each (states, rows * cols)."""
        return self._table(1), self._table(2), self._table(3)

    def _table(self, k: int) -> Array:
        rows = [np.broadcast_to(values[k], (self._count,)) for values in self.states.values()]
        return np.array(rows, dtype=float).reshape(len(rows), self._count)

    def _add(
        self,
        what: str,
        spec: Spec,
        params: Mapping[str, ArrayLike],
        state: Mapping[str, ArrayLike],
        at: tuple[int, ...],
    ) -> None:
        device, fixed = _resolve(what, spec, len(at))
        if what == "device":
            device = extended(device, self._cells.effects.effects)
            if self._cells.gain is not None:
                device, params = gained(device), {**params, "read_gain": self._cells.gain}
        for name in state:
            if name not in device.states:
                raise CrossbarError(
                    f"the {what} has no state {name!r}", expected=", ".join(device.states) or "none", names=[name]
                )
        columns = {
            name: np.full(self._count, np.nan if param.default is None else param.default)
            for name, param in device.params.items()
        }
        for name, values in {**fixed, **params, **state}.items():
            columns[name] = self._column(what, device, name, values)
        environment = Environment(temp=self._cells.temp + 273.15, tnom=300.15)
        try:
            if what == "device":
                columns = self._imperfect(device, columns, environment)
            prepared, started = device.prepare(columns, environment), device.state_init(columns)
            bounds = device.state_bounds(columns)
        except CircuitnnError as error:
            raise CrossbarError(f"the {what}: {error.message}", expected=error.expected, hint=error.hint) from None
        kernel = kernel_of(device)
        if kernel.n_discrete:
            raise CrossbarError(
                f"the {what} is a switch with hysteresis or jumps at random",
                expected="a device without jumps in its cells",
            )
        rows = [prepared[name] if name in prepared else columns[name] for name in kernel.param_names]
        param = np.array(rows, dtype=float).reshape(len(rows), self._count)
        bad = np.argwhere(~np.isfinite(param))
        if len(bad):
            raise CrossbarError(
                f"{kernel.param_names[bad[0][0]]!r} of the {what} has no finite value",
                hint="give it in the params",
                names=[kernel.param_names[bad[0][0]]],
            )
        for name, state_of in device.states.items():
            low, high = bounds[name]
            width = high - low
            self.states[name] = started[name], low, high, np.where(np.isfinite(width), width, state_of.scale)
        self.parts.append((kernel, self._where(device, columns, at), param))

    def _imperfect(self, device: Any, columns: dict[str, Array], environment: Environment) -> dict[str, Array]:
        """Return the device's parameters and initial states as the non-idealities leave them."""
        chain = self._cells.effects
        reads = next((effect.kind for effect in chain.effects if effect.stage == "read"), None)
        if reads:
            raise CrossbarError(
                f"{reads} acts on reads, which cells alone do not have",
                expected="nonidealities=[...] of the Crossbar",
            )
        sites = Sites.of_array(self._cells.shape, chain.label).flat
        return chain.set_up(device, columns, sites, environment)

    def _column(self, what: str, device: Any, name: str, values: ArrayLike) -> Array:
        if name not in device.params:
            raise CrossbarError(
                f"the {what} ({device.name}) has no parameter {name!r}",
                expected=", ".join(device.params),
                names=[name],
            )
        try:
            array = np.asarray(values, dtype=float)
        except (TypeError, ValueError):
            array = np.full((), np.nan)
        if array.shape not in ((), self._cells.shape):
            raise CrossbarError(f"{name} of shape {array.shape}", expected=f"a number or shape {self._cells.shape}")
        for value in {float(array.min()), float(array.max())} if np.isfinite(array).all() else {float("nan")}:
            try:
                device.params[name].check(device.name, name, value)
            except CircuitnnError as error:
                raise CrossbarError(error.message, expected=error.expected, names=[name]) from None
        return np.broadcast_to(array, self._cells.shape).ravel()

    def _where(self, device: Any, columns: dict[str, Array], at: tuple[int, ...]) -> list[Any]:
        """Return the cell's unknown of each local one; a state's name until all nodes are known."""
        where: dict[str, Any] = dict(zip(device.terminals, at, strict=True))
        collapsed = device.collapse(columns)
        for name in (*device.internals, *device.branches):
            if name in collapsed:
                target, mask = collapsed[name]
                if mask.all():
                    where[name] = target
                    continue
                if mask.any():
                    raise CrossbarError(
                        f"the node {name!r} of {device.name} is there in some cells and not in others",
                        hint="let resistances and capacitances be zero in all cells, or in none",
                    )
            elif name in device.branches and name not in device.auxiliaries:
                raise CrossbarError(f"{device.name} has a branch current", expected="a device without one in its cells")
            where[name] = self._node()
        for name in device.states:
            where[name] = name
        for name, target in where.items():  # what fell onto another local unknown
            if name in collapsed and (target is None or isinstance(target, str)):
                where[name] = _GROUND if target is None else where[target]
        if device.controls:
            raise CrossbarError(f"{device.name} senses another element", expected="a device that stands for itself")
        return [where[name] for name in device.locals]


def _resolve(what: str, spec: Spec, terminals: int) -> tuple[Any, dict[str, float]]:
    """Return a device class and the parameters of its card."""
    if isinstance(spec, str) and spec in CARDS:
        spec = CARDS[spec].model
    known = isinstance(spec, Model | str) or (isinstance(spec, type) and issubclass(spec, Device))
    name = spec if isinstance(spec, str) else getattr(spec, "name", "")
    if not known:
        raise CrossbarError(
            f"the {what} is {spec!r}", expected="a card's or device's name, a model card or a device class"
        )
    circuit = Circuit("cell")
    letters = "nmd"
    for letter in letters:
        try:
            if isinstance(spec, Model):
                circuit.models[spec.name] = spec
            element = Element(f"{letter}cell", ("a", "b", "c", "d")[:terminals], model=name)
            device, values = circuit.device_of(element)
        except CircuitnnError as error:
            last = error
            continue
        if issubclass(device, Compiled):
            raise CrossbarError(
                f"the {what} {name!r} is a compiled model, {device.title}", expected="a device with kernels of its own"
            )
        if len(device.terminals) == terminals:
            return device, values
    raise CrossbarError(f"the {what}: {last.message}", expected=last.expected, hint=last.hint, names=[name])
