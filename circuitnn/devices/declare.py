"""How a device is declared: terminals, parameters with unit and source, states, and symbolic equations.

A device contributes f(u) + d/dt q(u) to the equations of its local unknowns u: terminal and internal node voltages,
own branch currents, states, and branch currents of other elements that it senses, in this order. From the one
declaration come the C kernel with its exact Jacobian, the ``.model`` check, the documentation and the contract tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from circuitnn.errors import DeviceError

Values = dict[str, np.ndarray]
Collapse = dict[str, tuple[str | None, np.ndarray]]


@dataclass(frozen=True)
class Param:
    """A parameter of a device.

    Parameters
    ----------
    default : float or None
        Value when not given; None leaves it to ``prepare`` (NaN arrives there).
    unit : str
        SI unit; ``"1"`` for a number.
    low, high : float, optional
        Range, both ends allowed.
    doc : str
        What it is, one line.
    source : str
        Paper or program that the default comes from.
    on : {"both", "instance", "model"}
        Where it may be given.
    name : str
        Name in netlists where it cannot be a Python name (``is``).
    exclusive : bool
        The lower end of the range itself is not allowed.
    """

    default: float | None
    unit: str
    low: float | None = None
    high: float | None = None
    doc: str = ""
    source: str = ""
    on: str = "both"
    name: str = ""
    exclusive: bool = False

    def check(self, device: str, name: str, value: float) -> None:
        """Raise DeviceError when a value is not finite or out of range.

        Examples
        --------
        >>> Param(1.0, "ohm", low=0.0, doc="resistance").check("resistor", "r", 2.0)
        """
        low = self.low is not None and (value <= self.low if self.exclusive else value < self.low)
        if not np.isfinite(value) or low or (self.high is not None and value > self.high):
            bounds = f"{'above' if self.exclusive else 'at least'} {self.low:g}" if self.low is not None else "finite"
            if self.high is not None:
                bounds += f", at most {self.high:g}"
            raise DeviceError(
                f"parameter {name!r} of {device} is {value:g} {'' if self.unit == '1' else self.unit}".rstrip(),
                expected=f"{bounds}{'' if self.unit == '1' else ' ' + self.unit} ({self.doc})",
                names=(name,),
            )


@dataclass(frozen=True)
class State:
    """An inner state of a device, one more unknown of the circuit.

    ``init`` is a number or the name of the model parameter that gives it (an instance parameter with the state's own
    name goes before both); ``scale`` is a typical size, which sets the
    tolerance; a state that ``settles`` has an equilibrium of its own in dc (a temperature), others keep ``init`` there.
    """

    init: float | str
    unit: str
    low: float | None = None
    high: float | None = None
    doc: str = ""
    scale: float = 1.0
    settles: bool = False


@dataclass(frozen=True)
class Environment:
    """Temperatures in kelvin and the junction conductance in siemens."""

    temp: float = 300.15
    tnom: float = 300.15
    gmin: float = 1e-12


@dataclass
class Equations:
    """f and q by local unknown; those left out are zero."""

    f: dict[str, Any] = field(default_factory=dict)
    q: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Limited:
    """A voltage at which the model is linearised with SPICE's limiting, or a switch position."""

    name: str
    kind: str
    raw: Any
    args: tuple[Any, ...]
    start: Any


class Device:
    """Base of all devices; see ``passives/resistor.py`` for a short one.

    Class attributes to set: ``letter``, ``model_types``, ``terminals``; where needed ``internals``, ``branches``
    (``auxiliaries`` of them are unknowns that are no currents), ``controls``, ``positional``, ``links``, ``derived``
    (kernel parameters that ``prepare`` computes), ``levels``, ``type_values``, ``waveform``, ``aliases`` (other names of
    parameters in model cards).
    """

    name: ClassVar[str] = ""
    letter: ClassVar[str] = "n"
    model_types: ClassVar[tuple[str, ...]] = ()
    levels: ClassVar[tuple[int, ...]] = ()
    type_values: ClassVar[dict[str, dict[str, float]]] = {}
    terminals: ClassVar[tuple[str, ...]] = ("p", "n")
    internals: ClassVar[tuple[str, ...]] = ()
    branches: ClassVar[tuple[str, ...]] = ()
    auxiliaries: ClassVar[tuple[str, ...]] = ()
    controls: ClassVar[tuple[str, ...]] = ()
    derived: ClassVar[tuple[str, ...]] = ()
    positional: ClassVar[str] = ""
    waveform: ClassVar[bool] = False
    links: ClassVar[tuple[tuple[str, str, str], ...]] = ()
    params: ClassVar[dict[str, Param]] = {}
    states: ClassVar[dict[str, State]] = {}
    locals: ClassVar[tuple[str, ...]] = ()
    attributes: ClassVar[dict[str, str]] = {}
    aliases: ClassVar[dict[str, str]] = {}

    # set on the instance that `derive` makes
    gmin: Any
    time: Any
    limits: list[Limited]

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        params, states, attributes = dict(cls.params), dict(cls.states), dict(cls.attributes)
        for key, value in list(vars(cls).items()):
            if isinstance(value, Param):
                if not value.unit or not value.doc:
                    raise DeviceError(f"parameter {key!r} of {cls.__name__} lacks a unit or a doc", names=(key,))
                params[value.name or key] = value
                attributes[key] = value.name or key
            elif isinstance(value, State):
                if not value.unit or not value.doc:
                    raise DeviceError(f"state {key!r} of {cls.__name__} lacks a unit or a doc", names=(key,))
                states[key] = value
                params[key] = Param(None, value.unit, value.low, value.high, f"initial value: {value.doc}", on="instance")
        cls.params, cls.states, cls.attributes = params, states, attributes
        cls.name = vars(cls).get("name") or cls.__module__.rpartition(".")[2]
        cls.locals = cls.terminals + cls.internals + cls.branches + tuple(states) + cls.controls

    def equations(self) -> Equations:
        """Return the equations; inside, attributes are symbols."""
        raise NotImplementedError

    def limited(self, name: str, raw: Any, kind: str, *args: Any, start: Any = 0.0) -> Any:
        """Return the symbol of a voltage that Newton's method may change only so far at a time.

        ``kind``: ``"pn"`` with (vt, vcrit), ``"fet"`` with (vto,), ``"vds"`` without arguments; ``start`` is its
        value in the first iteration of an operating point.
        """
        import sympy

        self.limits.append(Limited(name, kind, raw, args, start))
        return sympy.Symbol(f"lim_{name}", real=True)

    def discrete(self, name: str, control: Any, on: Any, off: Any) -> Any:
        """Return the symbol of a switch position: 1 above ``on``, 0 below ``off``, as it was in between."""
        import sympy

        self.limits.append(Limited(name, "switch", control, (on, off), 0.0))
        return sympy.Symbol(f"lim_{name}", real=True)

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return kernel parameters by name, from user parameters (NaN where not given), each shape (n,)."""
        return values

    @classmethod
    def collapse(cls, values: Values) -> Collapse:
        """Return which internal unknowns fall onto another local one (None: ground), with a mask (n,)."""
        return {}

    @classmethod
    def state_init(cls, values: Values) -> Values:
        """Return the initial value of each state, shape (n,)."""
        start = {}
        for name, state in cls.states.items():
            usual = values[state.init] if isinstance(state.init, str) else float(state.init)
            start[name] = np.where(np.isnan(values[name]), usual, values[name])
        return start


class Memristor(Device):
    """A two-terminal resistance with states: give ``current(v)`` and ``rates(v)``.

    Inside both, parameters and states are attributes that hold symbols; v = v(p) - v(n), and a positive current flows
    from p to n. A rate must vanish at a bound of its state when it points outwards.
    """

    links = (("p", "n", "resistive"),)
    p: Any
    n: Any

    def current(self, v: Any) -> Any:
        """Return the current in amperes at ``v`` volts."""
        raise NotImplementedError

    def rates(self, v: Any) -> dict[str, Any]:
        """Return the time derivative of each state."""
        raise NotImplementedError

    def equations(self) -> Equations:
        """Assemble currents and state rows: q = w, f = -dw/dt."""
        v = self.p - self.n
        i = self.current(v)
        rates = self.rates(v)
        return Equations(
            f={"p": i, "n": -i, **{name: -rate for name, rate in rates.items()}},
            q={name: getattr(self, name) for name in rates},
        )
