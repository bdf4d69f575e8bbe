"""How a device is declared: terminals, parameters with unit and source, states, and symbolic equations.

A device contributes f(u) + d/dt q(u) to the equations of its local unknowns u: terminal and internal node voltages,
own branch currents, states, and branch currents of other elements that it senses, in this order. From the one
declaration come the C kernel with its exact Jacobian, the ``.model`` check, the documentation and the contract tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from circuitnn.devices.symbolic import clip, quantity, stop_at_bounds, where
from circuitnn.errors import DeviceError, nearest

Values = dict[str, np.ndarray]
Collapse = dict[str, tuple[str | None, np.ndarray]]


def require(holds: np.ndarray, message: str, expected: str, hint: str | None = None) -> None:
    """Raise DeviceError unless a condition holds for every instance; for use in ``prepare``.

    Examples
    --------
    >>> require(np.array([True, True]), "a length is negative", expected="l > 0")
    """
    if not np.all(holds):
        raise DeviceError(message, expected=expected, hint=hint)


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
    on : {"both", "instance", "model", "system"}
        Where it may be given; the circuit itself sets those of ``"system"``.
    name : str
        Name in netlists where it cannot be a Python name (``is``).
    exclusive : bool
        The lower end of the range itself is not allowed.
    clamped : bool
        A value out of the range is taken for the nearer end, with a warning, as in ngspice.
    choices : tuple of float
        The only values allowed, where a number selects something.
    integer : bool
        Whole numbers only.
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
    clamped: bool = False
    choices: tuple[float, ...] = ()
    integer: bool = False

    if TYPE_CHECKING:
        # `derive` puts a symbol in its place
        def __get__(self, instance: Any, owner: Any) -> Any: ...

    def moved(self, value: float) -> float:
        """Return the value, or the nearer end of the range where the parameter is clamped.

        Examples
        --------
        >>> Param(0.5, "1", low=0.0, high=0.9, doc="grading coefficient", clamped=True).moved(1.2)
        0.9
        """
        if not self.clamped:
            return value
        lowest = value if self.low is None else max(value, self.low)
        return lowest if self.high is None else min(lowest, self.high)

    def _described(self) -> str:
        return f"{self.doc}; source: {self.source}" if self.source else self.doc

    def check(self, device: str, name: str, value: float) -> None:
        """Raise DeviceError when a value is not finite, out of range or none of the choices.

        Examples
        --------
        >>> Param(1.0, "ohm", low=0.0, doc="resistance").check("resistor", "r", 2.0)
        """
        if self.choices and value not in self.choices:
            raise DeviceError(
                f"parameter {name!r} of {device} is {value:g}",
                expected=f"one of {', '.join(f'{c:g}' for c in self.choices)} ({self._described()})",
                names=(name,),
            )
        if self.integer and not (abs(value) < 2.0**31 and value == round(value)):
            raise DeviceError(
                f"parameter {name!r} of {device} is {value:g}",
                expected=f"a whole number ({self._described()})",
                names=(name,),
            )
        low = self.low is not None and (value <= self.low if self.exclusive else value < self.low)
        if not np.isfinite(value) or low or (self.high is not None and value > self.high):
            bounds = f"{'above' if self.exclusive else 'at least'} {self.low:g}" if self.low is not None else "finite"
            if self.high is not None:
                bounds += f", at most {self.high:g}"
            raise DeviceError(
                f"parameter {name!r} of {device} is {value:g} {'' if self.unit == '1' else self.unit}".rstrip(),
                expected=f"{bounds}{'' if self.unit == '1' else ' ' + self.unit} ({self._described()})",
                names=(name,),
            )


@dataclass(frozen=True)
class State:
    """An inner state of a device, one more unknown of the circuit.

    ``init``, ``low`` and ``high`` are numbers or names of the model parameters that give them (an instance parameter
    with the state's own name goes before ``init``). A memristor's rate is stopped at these bounds. ``scale`` is a
    typical size, which sets the tolerance; a state that ``settles`` has an equilibrium of its own in dc (a
    temperature), others keep ``init`` there.
    """

    init: float | str
    unit: str
    low: float | str | None = None
    high: float | str | None = None
    doc: str = ""
    scale: float = 1.0
    settles: bool = False

    if TYPE_CHECKING:

        def __get__(self, instance: Any, owner: Any) -> Any: ...


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
class Noise:
    """A noise current that flows from one local unknown through the device to another, or a random rate of a state.

    Parameters
    ----------
    name : str
        What follows the element's name in results, ``thermal`` in ``onoise_r1_thermal``; empty where a device has one
        source alone.
    plus, minus : str
        Local unknowns; without ``minus`` (empty) the noise is in the row of ``plus`` alone.
    density : expression
        One-sided spectral density at 1 Hz, A^2/Hz (of a state its unit squared over s^2 Hz), not negative; of unknowns,
        parameters and limited voltages.
    exponent : expression
        The density falls as ``1 / f**exponent``.
    """

    name: str
    plus: str
    minus: str
    density: Any
    exponent: Any = 0.0


@dataclass(frozen=True)
class Limited:
    """A voltage at which the model is linearised with SPICE's limiting, a switch position, or what jumps at random.

    An empty ``kind`` is limited together with the one before it. Of a ``"jump"``, ``args`` are its two rates.
    """

    name: str
    kind: str
    raw: Any
    args: tuple[Any, ...]
    start: Any


@dataclass(frozen=True)
class Let:
    """An intermediate value of the equations; slopes are taken by a pivot as by an unknown."""

    symbol: Any
    value: Any
    pivot: bool = False

    @property
    def shown(self) -> str:
        """What it is in a message."""
        name = str(self.symbol).partition("_")[2]
        return f"rate of {name[5:]}" if name.startswith("rate_") else f"intermediate value {name!r}"


#: Name of the kernel whose unknowns are those of the device and, after them, its readings.
READINGS = "readings"


@dataclass(frozen=True)
class Variant:
    """A kernel of its own for the instances whose parameters ``zero`` are zero, and whose unknowns ``merged`` lie on
    another one (None: ground): it evaluates and stamps only what is left."""

    zero: tuple[str, ...]
    merged: dict[str, str | None]


class Device:
    """Base of all devices; see ``passives/resistor.py`` for a short one.

    Class attributes to set: ``letter``, ``model_types``, ``terminals``; where needed ``internals``, ``branches``
    (``auxiliaries`` of them are unknowns that are no currents), ``flows`` (internals that are no voltages but
    currents), ``controls``, ``positional``, ``links``, ``derived``
    (kernel parameters that ``prepare`` computes; ``derived_units`` gives the units of those that are examined),
    ``levels``, ``type_values``, ``waveform``, ``aliases`` (other names
    of parameters in model cards), ``start_voltages`` (parameters that give the voltage between two terminals at the
    start of a transient with ``uic``), ``variants`` (the leanest one first), ``other_levels`` (names of levels that
    SPICE has and we do not), ``passive`` (no energy comes out: the currents f of its terminals take power at any
    voltages and states), ``unitless`` (why units are not examined: equations that are published with numbers
    without units). A declaration that is incomplete or ambiguous is a DeviceError at once.
    """

    name: ClassVar[str] = ""
    letter: ClassVar[str] = "n"
    model_types: ClassVar[tuple[str, ...]] = ()
    levels: ClassVar[tuple[int, ...]] = ()
    other_levels: ClassVar[dict[int, str]] = {}
    type_values: ClassVar[dict[str, dict[str, float]]] = {}
    terminals: ClassVar[tuple[str, ...]] = ("p", "n")
    internals: ClassVar[tuple[str, ...]] = ()
    flows: ClassVar[tuple[str, ...]] = ()
    branches: ClassVar[tuple[str, ...]] = ()
    auxiliaries: ClassVar[tuple[str, ...]] = ()
    controls: ClassVar[tuple[str, ...]] = ()
    derived: ClassVar[tuple[str, ...]] = ()
    derived_units: ClassVar[dict[str, str]] = {}
    positional: ClassVar[str] = ""
    waveform: ClassVar[bool] = False
    passive: ClassVar[bool] = False
    confined: ClassVar[bool] = False
    relaxing: ClassVar[dict[str, str]] = {}
    unitless: ClassVar[str] = ""
    links: ClassVar[tuple[tuple[str, str, str], ...]] = ()
    params: ClassVar[dict[str, Param]] = {}
    states: ClassVar[dict[str, State]] = {}
    locals: ClassVar[tuple[str, ...]] = ()
    attributes: ClassVar[dict[str, str]] = {}
    aliases: ClassVar[dict[str, str]] = {}
    start_voltages: ClassVar[dict[str, tuple[str, str]]] = {}
    variants: ClassVar[dict[str, Variant]] = {}

    # set on the instance that `derive` makes
    gmin: Any
    time: Any
    limits: list[Limited]
    lets: list[Let]
    slopes: list[tuple[Any, Any, Any]]

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        params, states, attributes = dict(cls.params), dict(cls.states), dict(cls.attributes)
        for key, value in list(vars(cls).items()):
            if not isinstance(value, Param | State):
                continue
            what = f"{'parameter' if isinstance(value, Param) else 'state'} {key!r} of {cls.__name__}"
            if not value.unit or not value.doc:
                raise DeviceError(f"{what} lacks a unit or a doc", names=(key,))
            if hasattr(Device, key) or key in ("gmin", "time", "limits", "lets", "slopes"):
                raise DeviceError(
                    f"{what} has a name that every device uses itself",
                    names=(key,),
                    hint=f"{key}_ = Param(..., name={key!r})",
                )
            if isinstance(value, Param):
                params[value.name or key] = value
                attributes[key] = value.name or key
            else:
                states[key] = value
                low, high = (b if isinstance(b, int | float) else None for b in (value.low, value.high))
                params[key] = Param(None, value.unit, low, high, f"initial value: {value.doc}", on="instance")
        cls.params, cls.states, cls.attributes = params, states, attributes
        cls.name = vars(cls).get("name") or cls.__module__.rpartition(".")[2]
        cls.locals = cls.terminals + cls.internals + cls.branches + tuple(states) + cls.controls
        cls._check_names()

    @classmethod
    def _check_names(cls) -> None:
        """Refuse names that are no identifiers, unknowns that hide each other or a parameter, and bounds of nothing."""
        for name in (*cls.locals, *cls.params, *cls.derived):
            if not (name.isidentifier() and name.isascii()):
                raise DeviceError(
                    f"{cls.__name__}: {name!r} is no name", expected="letters, digits and _", names=(name,)
                )
        for name in (*cls.terminals, *cls.internals, *cls.branches, *cls.controls):
            if hasattr(Device, name):
                raise DeviceError(
                    f"{cls.__name__}: {name!r} is a name that every device uses itself",
                    expected="another name",
                    names=(name,),
                )
        twice = {name for name in cls.locals if cls.locals.count(name) > 1}
        hidden = twice | set(cls.locals) & {*cls.attributes, *cls.derived}
        if hidden:
            name = min(hidden)
            raise DeviceError(
                f"{cls.__name__}: {name!r} names two things",
                expected="terminals, branches, states and parameters with names of their own",
                hint=f"give a parameter another attribute: {name}_ = Param(..., name={name!r})",
                names=(name,),
            )
        for key, state in cls.states.items():
            for given in (state.init, state.low, state.high):
                if isinstance(given, str) and given not in cls.params:
                    raise DeviceError(
                        f"state {key!r} of {cls.__name__} refers to {given!r}, which is no parameter",
                        hint=nearest(given, cls.params),
                        names=(key, given),
                    )

    if TYPE_CHECKING:
        # inside `equations`, every declared name is an attribute that holds a symbol
        def __getattr__(self, name: str) -> Any: ...

    def equations(self) -> Equations:
        """Return the equations; inside, attributes are symbols."""
        raise NotImplementedError

    def noise(self) -> tuple[Noise, ...]:
        """Return the noise currents; inside, attributes are symbols as in ``equations``."""
        return ()

    def readings(self) -> Equations:
        """Return what ``@element[name]`` shows, f + dq/dt by name; attributes are symbols as in ``equations``."""
        return Equations()

    def limited(self, name: str, raw: Any, kind: str, *args: Any, start: Any = 0.0) -> Any:
        """Return the symbol of a voltage that Newton's method may change only so far at a time.

        ``kind``: ``"pn"`` with (vt, vcrit), ``"diode"`` with (vt, vcrit, bv, nbvt), ``"gate"`` with (vt, vcrit, vto),
        ``"fet"`` with (vto,), ``"vds"`` without arguments; ``start`` is its value in the first iteration of an
        operating point. Asked for again under its name, it is the same symbol.
        """
        return self._limit(Limited(name, kind, raw, args, start))

    def limited_mosfet(
        self,
        vgs: Any,
        vds: Any,
        vbs: Any,
        *,
        threshold: Callable[[Any, Any], Any],
        vt: Any,
        vcrit: tuple[Any, Any],
        start: tuple[Any, Any],
    ) -> tuple[Any, Any, Any]:
        """Return the symbols of a MOSFET's vgs, vds and vbs, limited together: the drain takes the source's part
        where the voltages are reversed.

        ``threshold(vds, vbs)`` is the gate voltage around which steps are small, in the direction of the current;
        ``vcrit`` those of the source and drain junctions; ``start`` gives vgs and vbs of the first iteration.
        """
        import sympy

        names = ("vgs", "vds", "vbs")
        symbols = tuple(sympy.Symbol(f"lim_{name}", real=True) for name in names)
        _, old_vds, old_vbs = symbols
        near = where(old_vds >= 0, threshold(old_vds, old_vbs), threshold(-old_vds, old_vbs - old_vds))
        args = ((near, vt, *vcrit), (), ())
        starts = (start[0], 0.0, start[1])
        kinds = ("mosfet", "", "")
        for name, kind, raw, arg, first in zip(names, kinds, (vgs, vds, vbs), args, starts, strict=True):
            self._limit(Limited(name, kind, raw, arg, first))
        return symbols

    def let(self, name: str, value: Any, *, pivot: bool = False) -> Any:
        """Return a symbol for an intermediate value, computed once and differentiated once however often it is used.

        Slopes of what follows are taken by a ``pivot`` itself, and by what the pivot depends on only at the end.
        """
        import sympy

        value = sympy.sympify(value, strict=True)
        if value.is_Atom:
            return value
        symbol = sympy.Symbol(f"let_{name}", real=True)
        if any(item.symbol == symbol for item in self.lets):
            raise DeviceError(f"{self.name}: the intermediate value {name!r} is given twice", names=(name,))
        self.lets.append(Let(symbol, value, pivot))
        return symbol

    def discrete(self, name: str, control: Any, on: Any, off: Any) -> Any:
        """Return the symbol of a switch position: 1 above ``on``, 0 below ``off``, as it was in between.

        It turns at a solution whose control has passed a threshold, and stays if the turning brings that in between.
        """
        return self._limit(Limited(name, "switch", control, (on, off), 0.0))

    def jump(self, name: str, up: Any, down: Any, start: Any = 0) -> Any:
        """Return the symbol of a two-state Markov process: 0 or 1, which in transients flips at random.

        It leaves 0 at the rate ``up`` and 1 at the rate ``down``, in 1/s: expressions of unknowns, parameters and
        limited voltages, not negative. They may change over decades within a run. ``start``, of parameters, is what it
        keeps in all other analyses and begins a transient with. Which random numbers an element draws depends on
        ``.options seed`` and its own name alone.
        """
        return self._limit(Limited(name, "jump", 0, (up, down), start))

    def _limit(self, limit: Limited) -> Any:
        import sympy

        if limit not in self.limits:
            self.limits.append(limit)
        return sympy.Symbol(f"lim_{limit.name}", real=True)

    def slope(self, of: Any, by: Any) -> Any:
        """Return the symbol of the derivative of an intermediate value by a pivot, a limited voltage or an unknown."""
        import sympy

        symbol = sympy.Symbol(f"slope_{of}_{by}", real=True)
        self.slopes.append((symbol, of, by))
        return symbol

    def channel(self, i: Any) -> Any:
        """Return the current between the ends of the first link, as non-idealities leave it: here as it is.

        A device of more than two terminals passes it through here once, so that effects act on it alone.
        """
        return i

    def state_rows(self, rates: dict[str, Any]) -> Equations:
        """Return the rows of the states, q = state and f = -rate, for a device of any number of terminals.

        A rate of a state with both bounds is stopped there where it points outwards.

        Parameters
        ----------
        rates : dict of str to expression
            The time derivative of each state, in the state's unit per second.

        Raises
        ------
        DeviceError
            When a state has no rate, or a rate is given for something else.

        Examples
        --------
        A gate that moves a conductance between drain and source:

        >>> from circuitnn.devices.derive import derive
        >>> class Gated(Device):
        ...     '''dg/dt = k v(gate, s), i = g v(d, s).'''
        ...     terminals = ("d", "gate", "s")
        ...     k = Param(1e-3, "S/(V s)", low=0.0, doc="speed of the conductance")
        ...     g = State(1e-6, "S", low=1e-7, high=1e-5, doc="conductance of the channel", scale=1e-6)
        ...     def equations(self):
        ...         rows = self.state_rows({"g": self.k * (self.gate - self.s)})
        ...         i = self.g * (self.d - self.s)
        ...         return Equations(f={"d": i, "s": -i, **rows.f}, q=rows.q)
        >>> derive(Gated).locals
        ('d', 'gate', 's', 'g')
        """
        import sympy

        if set(rates) != set(self.states):
            odd = min(set(rates) ^ set(self.states))
            what = "is missing" if odd in self.states else "is that of no state"
            raise DeviceError(
                f"{self.name}: the rate of {odd} {what}: rates are given for {sorted(rates)}, but the states are "
                f"{sorted(self.states)}",
                expected="a rate for each state",
                hint=None if odd in self.states else nearest(odd, self.states),
                names=(self.name, odd),
            )
        rows = Equations()
        for name, state in self.states.items():
            here, rate = getattr(self, name), sympy.sympify(rates[name], strict=True)
            if rate.has(sympy.zoo, sympy.nan, sympy.oo):
                raise DeviceError(
                    f"{self.name}: the rate of {name} has no finite value",
                    expected="an expression without a division by the number 0",
                    names=(self.name, name),
                )
            if name in self.relaxing:
                rows.f[name], rows.q[name] = here - rate, getattr(self, self.relaxing[name]) * here
                continue
            if state.low is not None and state.high is not None and not self.confined:
                rate = self.let(f"rate_{name}", rate)  # its sign and its value from one evaluation
                low, high = (self._bound(state, end) for end in (state.low, state.high))
                rate = stop_at_bounds(rate, here, low, high)
                if state.settles:
                    # a rate that is 0 just at a bound has no slope there: any will do, and it acts outside alone
                    rate = rate + quantity(1.0, "1/s") * (clip(here, low, high) - here)
            rows.f[name], rows.q[name] = -rate, here
        return rows

    def _bound(self, state: State, bound: float | str) -> Any:
        if not isinstance(bound, str):
            return bound if bound == 0 or state.unit == "1" else quantity(bound, state.unit)
        return getattr(self, next(key for key, name in self.attributes.items() if name == bound))

    @classmethod
    def kernel_names(cls) -> dict[str, str]:
        """Return the names of the kernels by variant; ``""`` is the whole device, ``READINGS`` its readings."""
        own = (READINGS,) if cls.readings is not Device.readings else ()
        return {"": cls.name} | {variant: f"{cls.name}_{variant}" for variant in (*cls.variants, *own)}

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return kernel parameters by name, from user parameters (NaN where not given), each shape (n,)."""
        return values

    @classmethod
    def collapse(cls, values: Values) -> Collapse:
        """Return which internal unknowns fall onto another local one (None: ground), with a mask (n,)."""
        return {}

    @classmethod
    def state_bounds(cls, values: Values) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return the lowest and the highest value of each state, shape (n,), infinite where it has no bound."""

        def given(what: float | str | None, otherwise: float) -> Any:
            return values[what] if isinstance(what, str) else otherwise if what is None else float(what)

        found = {}
        for name, state in cls.states.items():
            shape = values[name].shape
            low = np.broadcast_to(given(state.low, -np.inf), shape)
            high = np.broadcast_to(given(state.high, np.inf), shape)
            require(
                low < high,
                f"the bounds of the state {name!r} of {cls.name} are in the wrong order",
                expected=f"{state.low} below {state.high}",
            )
            found[name] = (low, high)
        return found

    @classmethod
    def state_init(cls, values: Values) -> Values:
        """Return the initial value of each state, shape (n,); raise DeviceError for one outside its bounds."""
        start = {}
        for name, (low, high) in cls.state_bounds(values).items():
            state = cls.states[name]
            usual = values[state.init] if isinstance(state.init, str) else float(state.init)
            start[name] = np.where(np.isnan(values[name]), usual, values[name])
            require(
                (low <= start[name]) & (start[name] <= high),
                f"the initial state {name!r} of {cls.name} is out of its bounds",
                expected=f"{state.low} to {state.high}",
                hint=f"set {name} on the element, or {state.init} in the model"
                if isinstance(state.init, str)
                else None,
            )
        return start


class Memristor(Device):
    """A two-terminal resistance with states: give ``current(v)`` and ``rates(v)``.

    Inside both, parameters and states are attributes that hold symbols; v = v(p) - v(n), and a positive current flows
    from p to n. Where a state has bounds, a rate that points outwards is stopped there, unless the rates are
    ``confined``.
    """

    links = (("p", "n", "resistive"),)
    passive = True

    def current(self, v: Any) -> Any:
        """Return the current in amperes at ``v`` volts."""
        raise NotImplementedError

    def rates(self, v: Any) -> dict[str, Any]:
        """Return the time derivative of each state."""
        raise NotImplementedError

    def equations(self) -> Equations:
        """Assemble currents and state rows: q = w, f = -dw/dt, or of a relaxing state q = tau w, f = w - target."""
        v = self.p - self.n
        i = self.current(v)
        rows = self.state_rows(self.rates(v))
        return Equations(f={"p": i, "n": -i, **rows.f}, q=rows.q)
