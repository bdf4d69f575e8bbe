"""From a declaration to symbolic f, q and their exact Jacobians."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from circuitnn.devices.declare import Device, Equations, Let, Limited, Noise, Variant
from circuitnn.devices.symbolic import cases_class, quantity_class, substitute
from circuitnn.errors import DeviceError, nearest

#: Kinds of limits that are no voltages, in their order after these.
_DISCRETE = {"switch": 1, "jump": 2}


@dataclass
class Model:
    """The derived equations of a device, with sympy expressions.

    ``jf`` and ``jq`` map (row, column) of local unknowns to structurally nonzero derivatives. f and q are already
    corrected for limiting: f(lim) + df/dlim (raw - lim). ``definitions`` gives the symbols of intermediate values and
    of their slopes, in an order in which each uses only earlier ones. ``locals`` are the unknowns that are left. The
    densities and exponents of ``noise`` are expressions too.
    """

    device: type[Device]
    locals: tuple[str, ...]
    params: list[str]
    definitions: dict[Any, Any]
    f: list[Any]
    q: list[Any]
    jf: dict[tuple[int, int], Any]
    jq: dict[tuple[int, int], Any]
    limits: list[Limited]
    linear: bool
    unknowns: list[Any]
    symbols: dict[str, Any]
    raw_f: list[Any]
    raw_q: list[Any]
    noise: list[Noise]

    @property
    def discrete(self) -> int:
        """How many of the limited voltages are switch positions."""
        return sum(item.kind in _DISCRETE for item in self.limits)

    @property
    def timed(self) -> bool:
        """Whether f or q depend on the time."""
        return any(str(symbol) == "env_time" for e in (*self.f, *self.q) for symbol in e.free_symbols)


def derive(device: type[Device], variant: Variant | None = None, *, readings: bool = False) -> Model:
    """Return the equations of a device class, or those of a variant with fewer unknowns and parameters.

    With ``readings`` they are those of the readings instead: each, an unknown after the device's, equals its value.
    Slopes of currents and charges count as constants there, so that Newton's method has them one iteration late.

    Raises
    ------
    DeviceError
        When an equation names a row that is no local unknown, or uses a symbol that nothing declares.

    Examples
    --------
    >>> from circuitnn.registry import catalog
    >>> model = derive(catalog("devices").get("resistor"))
    >>> model.linear, sorted(model.jf)
    (True, [(0, 0), (0, 1), (1, 0), (1, 1)])
    """
    import sympy

    frame, unknown, known = frame_of(device)
    equations, noises = equations_of(frame, device)
    for row in (*equations.f, *equations.q):
        if row not in device.locals:
            raise DeviceError(
                f"{device.name}: an equation is given for {row!r}, which is no unknown of the device",
                expected=", ".join(device.locals),
                hint=nearest(row, device.locals),
                names=(device.name, row),
            )
    kept, replaced = _reduce(device, variant, unknown, known)
    if readings:
        equations, noises = _readings(frame, unknown), ()
        kept = tuple(unknown)

    def reduced(value: Any) -> Any:
        value = sympy.sympify(value, strict=True)
        numbers = {s: sympy.Float(s.value) for s in value.atoms(quantity_class())}
        value = value.xreplace(numbers) if numbers else value
        return substitute(value, replaced) if replaced else value

    def rows(given: dict[str, Any]) -> list[Any]:
        total = dict.fromkeys(kept, sympy.Integer(0))
        for name, value in given.items():
            place = variant.merged.get(name, name) if variant else name
            if place is not None:
                total[place] = total[place] + reduced(value)
        # where rows fall together, what flows from one into the other cancels
        return [_multiplied_out(value) for value in total.values()] if variant else list(total.values())

    lets = []
    for item in frame.lets:
        value = reduced(item.value)
        if variant and value.is_Number:
            replaced[item.symbol] = value
        else:
            lets.append(Let(item.symbol, value, item.pivot))
    raw_f, raw_q = rows(equations.f), rows(equations.q)
    shared = _shared_cases([*raw_f, *raw_q])
    noise = [_noise(device, item, variant, reduced) for item in noises]
    needed = _symbols([*raw_f, *raw_q, *(e for item in noise for e in (item.density, item.exponent))])
    needed |= _symbols([item.value for item in lets])
    needed |= _symbols([rate for item in frame.limits if item.kind == "jump" for rate in map(reduced, item.args)])

    def raw(item: Limited) -> Any:
        value = reduced(item.raw)
        if item.kind not in _DISCRETE:  # the Jacobian has its slopes by the unknowns
            for let in reversed(lets):
                value = value.xreplace({let.symbol: let.value})
        return value

    limits = [
        Limited(item.name, item.kind, raw(item), tuple(map(reduced, item.args)), reduced(item.start))
        for item in sorted(frame.limits, key=lambda item: _DISCRETE.get(item.kind, 0))
        if not variant or item.kind != "pn" or sympy.Symbol(f"lim_{item.name}", real=True) in needed
    ]
    lim = {item.name: sympy.Symbol(f"lim_{item.name}", real=True) for item in limits}
    noisy = [e for item in noise for e in (item.density, item.exponent)]
    limiting = [e for item in limits for e in (item.raw, *item.args, item.start)]
    lets = _used_lets(lets, [*raw_f, *raw_q, *noisy, *limiting, *(of for _, of, _ in frame.slopes)])
    used = _symbols([*raw_f, *raw_q, *noisy, *limiting, *(item.value for item in lets)])
    unknowns = [unknown[name] for name in kept]
    env = {frame.gmin, frame.time}
    named = {node: symbol for symbol, node in shared.items()}
    lets += [Let(symbol, _renamed(node, named, node), False) for symbol, node in shared.items()]
    own = {item.symbol for item in lets} | {symbol for symbol, _, _ in frame.slopes}
    undeclared = used - set(unknowns) - set(known.values()) - env - set(lim.values()) - own
    if undeclared:
        symbol = min(undeclared, key=str)
        places = {f"row of {name}": f + q for name, f, q in zip(kept, raw_f, raw_q, strict=True)}
        places |= {item.shown: item.value for item in lets}
        where = next((what for what, value in places.items() if symbol in value.free_symbols), "noise")
        raise DeviceError(
            f"{device.name}: undeclared symbol {str(symbol)!r} in the {where}",
            expected="the attributes of self, which hold the symbols",
            hint=nearest(str(symbol), [*device.locals, *device.attributes, *device.derived]),
            names=(device.name, str(symbol)),
        )
    smooth = [(lim[item.name], item.raw) for item in limits if item.kind not in _DISCRETE]
    chain = _Chain(lets, unknowns, smooth, _signs(device, known))
    chain.name_slopes(frame.slopes)
    f, jf = chain.rows([_renamed(row, named) for row in raw_f])
    q, jq = chain.rows([_renamed(row, named) for row in raw_q])
    params = [name for name, symbol in known.items() if symbol in used]
    linear = not (limits or lets or used & env) and _is_linear(device, raw_f, raw_q, jf, jq, unknowns, known)
    definitions = chain.definitions
    return Model(
        device, kept, params, definitions, f, q, jf, jq, limits, linear, unknowns, known, raw_f, raw_q, noise
    )  # fmt: skip


def frame_of(device: type[Device]) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Return an instance of the device whose attributes are symbols; its unknowns and parameters by name."""
    import sympy

    frame: Any = object.__new__(device)
    frame.limits, frame.lets, frame.slopes = [], [], []
    frame.gmin, frame.time = sympy.Symbol("env_gmin", real=True), sympy.Symbol("env_time", real=True)
    unknown = {name: sympy.Symbol(f"u_{name}", real=True) for name in device.locals}
    known = {name: sympy.Symbol(f"p_{name}", real=True) for name in (*device.params, *device.derived)}
    for name, symbol in unknown.items():
        setattr(frame, name, symbol)
    for attribute, name in device.attributes.items():
        setattr(frame, attribute, known[name])
    for name in device.derived:
        setattr(frame, name, known[name])
    return frame, unknown, known


def equations_of(frame: Any, device: type[Device]) -> tuple[Any, tuple[Noise, ...]]:
    """Return what a device states of its frame's symbols; raise DeviceError for what is no equation."""
    try:
        equations = frame.equations()
        limits = len(frame.limits)
        noise = frame.noise()
    except AttributeError as error:
        if error.obj is not frame:
            raise
        raise DeviceError(
            f"the equations of {device.name} use self.{error.name}, which is not declared (in {_within(error)})",
            hint=nearest(str(error.name), [*device.locals, *device.attributes, *device.derived]),
            names=(device.name, str(error.name)),
        ) from None
    except ZeroDivisionError as error:
        raise DeviceError(f"the equations of {device.name} divide by the number 0 (in {_within(error)})") from None
    except TypeError as error:
        text = str(error)
        if "truth value" in text:
            hint = "an equation has all its cases at once: where(condition, value, otherwise)"
        elif "to float" in text or "loop of ufunc" in text:
            hint = "functions of equations are those of circuitnn.devices.symbolic, not of math or numpy"
        else:
            raise
        raise DeviceError(f"{device.name}: {text} (in {_within(error)})", hint=hint, names=(device.name,)) from None
    if len(frame.limits) > limits:
        raise DeviceError(f"{device.name}: its noise limits a voltage that its equations do not")
    return equations, noise


def _within(error: BaseException) -> str:
    """The method of a device in which an exception was raised."""
    trace = error.__traceback__
    inner = "equations"
    while trace is not None:
        if "self" in trace.tb_frame.f_locals:
            inner = trace.tb_frame.f_code.co_name
        trace = trace.tb_next
    return inner


def _readings(frame: Any, unknown: dict[str, Any]) -> Equations:
    import sympy

    shown = frame.readings()
    unknown |= {name: sympy.Symbol(f"u_{name}", real=True) for name in shown.f}
    return Equations(
        f={name: unknown[name] - value for name, value in shown.f.items()},
        q={name: -charge for name, charge in shown.q.items()},
    )


def _noise(device: type[Device], item: Noise, variant: Variant | None, reduced: Any) -> Noise:
    for name in (item.plus, item.minus or item.plus):
        if name not in device.locals:
            raise DeviceError(
                f"{device.name}: the noise {item.name!r} is at {name!r}, which is no unknown of the device"
            )
    merged = variant.merged if variant else {}
    plus, minus = (merged.get(name) or name for name in (item.plus, item.minus))
    return Noise(item.name, plus, minus, reduced(item.density), reduced(item.exponent))


def _reduce(
    device: type[Device], variant: Variant | None, unknown: dict[str, Any], known: dict[str, Any]
) -> tuple[tuple[str, ...], dict[Any, Any]]:
    """The unknowns that a variant keeps, and what stands in for the other symbols."""
    import sympy

    if variant is None:
        return device.locals, {}
    replaced = {known[name]: sympy.Integer(0) for name in variant.zero}
    for name, target in variant.merged.items():
        replaced[unknown[name]] = sympy.Integer(0) if target is None else unknown[target]
    return tuple(name for name in device.locals if name not in variant.merged), replaced


def _multiplied_out(value: Any) -> Any:
    import sympy

    return sympy.Add(*(sympy.expand_mul(term, deep=False) for term in sympy.Add.make_args(value)))


def _symbols(exprs: list[Any]) -> set[Any]:
    return set().union(*(e.free_symbols for e in exprs), set())


def _shared_cases(rows: list[Any]) -> dict[Any, Any]:
    """Cases that a condition of other cases needs and that are used elsewhere too, by a symbol each, inner ones first.

    They are computed anyway, and once only when they have a name; a model with a rate that stops at bounds has its
    rate among them.
    """
    import sympy

    users: dict[Any, set[Any]] = {}
    decisive: set[Any] = set()
    order: list[Any] = []

    def visit(expr: Any, deciding: bool) -> None:
        if isinstance(expr, cases_class()) and deciding:
            decisive.add(expr)
        if (expr, deciding) in seen:
            return
        seen.add((expr, deciding))
        for k, arg in enumerate(expr.args):
            users.setdefault(arg, set()).add(expr)
            condition = isinstance(expr, cases_class()) and k % 2 == 0 and k < len(expr.args) - 1
            visit(arg, condition if isinstance(expr, cases_class()) else deciding)
        if isinstance(expr, cases_class()) and expr not in order:
            order.append(expr)

    seen: set[tuple[Any, bool]] = set()
    for row in rows:
        visit(row, False)
    found = [node for node in order if node in decisive and len(users[node]) > 1]
    return {sympy.Symbol(f"let_case{k}", real=True): node for k, node in enumerate(found, 1)}


def _renamed(expr: Any, named: dict[Any, Any], whole: Any = None) -> Any:
    """Return the expression with the cases that have names replaced; the one that is being defined stays."""
    return expr.xreplace({node: symbol for node, symbol in named.items() if node != whole})


def _used_lets(lets: list[Let], rows: list[Any]) -> list[Let]:
    wanted, kept = _symbols(rows), []
    for item in reversed(lets):
        if item.symbol in wanted:
            kept.append(item)
            wanted |= item.value.free_symbols
    return kept[::-1]


def _signs(device: type[Device], known: dict[str, Any]) -> dict[Any, Any]:
    """Squares of parameters that are 1 or -1."""
    import sympy

    return {
        known[name] ** 2: sympy.Integer(1) for name, p in device.params.items() if sorted(p.choices) == [-1.0, 1.0]
    }  # fmt: skip


class _Chain:
    """The chain rule over intermediate values, one definition a slope, so that nothing grows with the depth.

    Slopes are taken by the unknowns, the limited voltages and the pivots; what a pivot depends on enters last.
    """

    def __init__(self, lets: list[Let], unknowns: list[Any], limits: list[tuple[Any, Any]], signs: Any) -> None:
        self._unknowns, self._limits, self._signs = unknowns, limits, signs
        self._slopes: dict[Any, dict[Any, Any]] = {}  # of lets that are no pivots, by base or pivot
        self._pivots: dict[Any, dict[Any, Any]] = {}  # of pivots, by base
        self._corrections: dict[Any, Any] = {}
        self.definitions: dict[Any, Any] = {}
        base = {*unknowns, *(symbol for symbol, _ in limits)}
        for item in lets:
            self.definitions[item.symbol] = item.value
            by: set[Any] = set()
            for symbol in item.value.free_symbols:
                by |= {symbol} & (base | self._pivots.keys())
                by |= self._slopes.get(symbol, {}).keys()
            slopes = {v: self._define(item.symbol, v, self._total(item.value, v)) for v in sorted(by, key=str)}
            slopes = {v: slope for v, slope in slopes.items() if slope != 0}
            if item.pivot:
                self._pivots[item.symbol] = self._through_pivots(slopes)
            else:
                self._slopes[item.symbol] = slopes

    def _define(self, of: Any, by: Any, value: Any) -> Any:
        import sympy

        if value.is_Atom:
            return value
        symbol = sympy.Symbol(f"d_{of}_{by}", real=True)
        self.definitions[symbol] = value
        return symbol

    def _total(self, expr: Any, by: Any) -> Any:
        """Derivative of an expression, case by case so that slopes of cases that are not taken cost nothing."""
        import sympy

        if isinstance(expr, cases_class()):
            return expr.by([self._total(value, by) for value in expr.values])
        if expr.is_Add:
            return sympy.Add(*(self._total(arg, by) for arg in expr.args))
        found = sympy.diff(expr, by)
        for symbol in sorted(expr.free_symbols & self._slopes.keys(), key=str):
            slope = self._slopes[symbol].get(by, 0)
            if slope != 0:
                found = found + sympy.diff(expr, symbol) * slope
        return found

    def _through_pivots(self, slopes: dict[Any, Any]) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for by, slope in slopes.items():
            for v, inner in self._pivots.get(by, {by: 1}).items():
                found[v] = found.get(v, 0) + slope * inner
        return found

    def _by_base(self, symbol: Any) -> dict[Any, Any]:
        """Slopes of an intermediate value by unknowns and limited voltages."""
        if symbol in self._pivots:
            return self._pivots[symbol]
        return self._through_pivots(self._slopes[symbol])

    def _correction(self, symbol: Any) -> Any:
        """What limiting adds to an intermediate value: its slopes times (raw - lim)."""
        if symbol not in self._corrections:
            slopes = self._by_base(symbol)
            terms = [slopes[lim] * (raw - lim) for lim, raw in self._limits if lim in slopes]
            total = sum(terms)
            self._corrections[symbol] = self._define(symbol, "limited", total) if terms else 0
        return self._corrections[symbol]

    def name_slopes(self, asked: list[tuple[Any, Any, Any]]) -> None:
        """Define the symbols of slopes that a device asks for by name: (symbol, of, by)."""
        import sympy

        for symbol, of, by in asked:
            slopes = self._slopes.get(of, {})
            value = slopes[by] if by in slopes else self._by_base(of).get(by, 0)
            self.definitions[symbol] = sympy.sympify(value)

    def rows(self, rows: list[Any]) -> tuple[list[Any], dict[tuple[int, int], Any]]:
        """Return corrected rows and their derivatives by the unknowns, zeros left out."""
        import sympy

        corrected, jacobian = [], {}
        for i, row in enumerate(rows):
            slopes: dict[Any, Any] = {}
            total = row
            for lim, raw in self._limits:
                if row.has(lim):
                    slopes[lim] = sympy.diff(row, lim)
                    total = total + slopes[lim] * (raw - lim)
            for symbol in sorted(row.free_symbols & {*self._slopes, *self._pivots}, key=str):
                outer = sympy.diff(row, symbol)
                total = total + outer * self._correction(symbol)
                for v, slope in self._by_base(symbol).items():
                    slopes[v] = slopes.get(v, 0) + outer * slope
            corrected.append(total)
            for j, u in enumerate(self._unknowns):
                derivative = sympy.diff(row, u) + slopes.get(u, 0)
                for lim, raw in self._limits:
                    if lim in slopes:
                        derivative = derivative + slopes[lim] * sympy.diff(raw, u)
                derivative = (
                    sympy.expand_mul(derivative, deep=False).xreplace(self._signs) if self._signs else derivative
                )
                if derivative != 0:
                    jacobian[i, j] = derivative
        return corrected, jacobian


def _is_linear(device: type[Device], f: Any, q: Any, jf: Any, jq: Any, unknowns: Any, known: Any) -> bool:
    if any(e.free_symbols & set(unknowns) for e in (*jf.values(), *jq.values())):
        return False
    at_rest = dict.fromkeys(unknowns, 0)
    if device.waveform:
        at_rest[known["value"]] = 0
    return all(e.subs(at_rest) == 0 for e in (*f, *q))
