"""A device's equations as LaTeX, in the names of its declaration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from circuitnn.devices.declare import Device, Equations
from circuitnn.devices.derive import frame_of
from circuitnn.devices.notation import hoist, latex_name, printer, readable
from circuitnn.devices.symbolic import cases_class

#: Characters; a longer equation is no help to a reader, and the device's file has it.
LONGEST = 1500
#: Characters above which what occurs twice in a formula gets a symbol, and how long that has to be.
_LONG, _WORTH = 450, 45


@dataclass
class Typeset:
    """The equations of a device, one LaTeX formula each.

    Parameters
    ----------
    laws : list of str
        Currents at the terminals, and the rates of states.
    parts : list of str
        What these use: intermediate values, cases, what is limited or jumps.
    noise : list of str
        Spectral densities.
    voltage : str
        What the symbol v stands for, or nothing.
    """

    laws: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)
    voltage: str = ""


def equations_latex(device: type[Device]) -> list[str]:
    """Return the equations of a device, one LaTeX formula each: currents, states, what they use, noise.

    See `typeset`.

    Examples
    --------
    >>> from circuitnn.registry import catalog
    >>> equations_latex(catalog("devices").get("resistor"))[0].startswith("i_{p}")
    True
    """
    found = typeset(device)
    return found.laws + found.parts + found.noise


def typeset(device: type[Device]) -> Typeset:
    """Return the equations of a device as a reader wants them.

    Equations of a state hold between its bounds; where a rate points outwards there, the state stops. Cases that only
    guard an iteration are left out (`notation.readable`), and cases within a formula have a symbol and a formula of
    their own. Of two terminals, only the voltage between them counts, v. A formula of over `LONGEST` characters is left
    out with what it depends on.

    Examples
    --------
    >>> from circuitnn.registry import catalog
    >>> found = typeset(catalog("devices").get("vcvs"))
    >>> found.voltage, len(found.laws)
    ('', 2)
    >>> typeset(catalog("devices").get("yakopcic")).laws[0]
    'i_{p} = -i_{n} = c_{1} \\\\, x \\\\, \\\\sinh{\\\\left(b \\\\, v \\\\right)}'
    """
    return _Writer(device).write()


class _Writer:
    """Writes the equations of one device."""

    def __init__(self, device: type[Device]) -> None:
        import sympy

        self.device, self.found = device, Typeset()
        self.frame, self.unknown, known = frame_of(device)
        taken = {*self.unknown, *device.params, *device.derived}
        if len(device.terminals) == 2 and "v" not in taken:
            first, second = device.terminals
            setattr(self.frame, first, sympy.Symbol("v", real=True))
            setattr(self.frame, second, sympy.Integer(0))
            self.found.voltage = rf"v = v_{{{latex_name(first)}}} - v_{{{latex_name(second)}}}"
        self.frame.state_rows = self._free_rows
        self.equations = self.frame.equations()
        self.noises = self.frame.noise()
        self.names = {symbol: latex_name(_shown(device, name)) for name, symbol in self.unknown.items()}
        self.names |= {symbol: latex_name(name) for name, symbol in known.items()}
        self.names |= {self.frame.gmin: r"g_{\mathrm{min}}", self.frame.time: "t"}
        self.names |= {item.symbol: latex_name(str(item.symbol).partition("_")[2]) for item in self.frame.lets}
        for item in self.frame.limits:
            self.names[sympy.Symbol(f"lim_{item.name}", real=True)] = latex_name(item.name)
        self.printer = printer(self.names)
        if "T" not in self.names.values():  # no rate reads dt/dt
            self.names |= {symbol: "T" for name, symbol in self.unknown.items() if name == "t" in device.states}
        self.states = {
            self.unknown[name]: state.low is not None and state.high is not None
            for name, state in device.states.items()
        }
        #: What has a symbol of its own: cases within formulas and what occurs twice, by their expression.
        self.named: dict[Any, Any] = {}
        letters = {text.partition("_")[0] for text in self.names.values()}
        self.letter = next(letter for letter in "chykusqz" if letter not in letters)

    def write(self) -> Typeset:
        """Return the equations."""
        import sympy

        device, names = self.device, self.names
        done: set[str] = set()
        for name in device.locals:
            f, q = (sympy.sympify(part.get(name, 0)) for part in (self.equations.f, self.equations.q))
            if name in done or (f == 0 and q == 0):
                continue
            if name in device.states and q == self.unknown[name] and name not in device.relaxing:
                self.found.laws.append(
                    self._rule(rf"\frac{{\mathrm{{d}} {names[self.unknown[name]]}}}{{\mathrm{{d}} t}}", -f)
                )
                continue
            if name in device.relaxing:
                own, tau = self.unknown[name], q / self.unknown[name]
                rate = rf"{self._print(tau)} \frac{{\mathrm{{d}} {names[own]}}}{{\mathrm{{d}} t}}"
                self.found.laws.append(self._rule(rate, -f))
                continue
            left = rf"i_{{{latex_name(name)}}}" if name in device.terminals else "0"
            opposite = [other for other in device.terminals if other != name and self._cancels(name, other)]
            if name in device.terminals and opposite:
                left += rf" = -i_{{{latex_name(opposite[0])}}}"
                done.add(opposite[0])
            self.found.laws.append(self._rule(left, f, q))
        for item in self.frame.lets:
            self.found.parts.append(self._rule(names[item.symbol], sympy.sympify(item.value)))
        for item in self.frame.limits:
            self.found.parts.append(self._limit(item))
        for noise in self.noises:
            if noise.density == 0:
                continue
            label = rf"S_{{{latex_name(noise.name or 'i')}}}"
            falls = "" if noise.exponent == 0 else rf" \cdot f^{{-{self._print(sympy.sympify(noise.exponent))}}}"
            self.found.noise.append(self._rule(label, sympy.sympify(noise.density)) + falls)
        written = 0
        while written < len(self.named):  # a formula may name others
            value, symbol = list(self.named.items())[written]
            self.found.parts.append(self._rule(self.names[symbol], value))
            written += 1
        return self.found

    def _free_rows(self, rates: dict[str, Any]) -> Equations:
        """Return the rows of states without what stops them at their bounds."""
        rows = Equations()
        for name, rate in rates.items():
            here, tau = getattr(self.frame, name), self.device.relaxing.get(name)
            rows.f[name] = -rate if tau is None else here - rate
            rows.q[name] = here if tau is None else getattr(self.frame, tau) * here
        return rows

    def _cancels(self, name: str, other: str) -> bool:
        return all(part.get(name, 0) + part.get(other, 0) == 0 for part in (self.equations.f, self.equations.q))

    def _limit(self, item: Any) -> str:
        import sympy

        symbol = self.names[sympy.Symbol(f"lim_{item.name}", real=True)]
        if item.kind == "switch":
            on, off = (self._print(sympy.sympify(arg)) for arg in item.args)
            raw = self._print(sympy.sympify(item.raw))
            return rf"{symbol} = 1 \text{{ once }} {raw} > {on},\; 0 \text{{ once it is}} < {off}"
        if item.kind == "jump":
            up, down = (self._print(sympy.sympify(arg)) for arg in item.args[:2])
            return rf"{symbol}: 0 \to 1 \text{{ at the rate }} {up},\; 1 \to 0 \text{{ at the rate }} {down}"
        return self._rule(symbol, sympy.sympify(item.raw))

    def _symbol(self, expr: Any) -> Any:
        """Return the symbol of an expression with a formula of its own."""
        import sympy

        if expr not in self.named:
            symbol = sympy.Symbol(f"named_{len(self.named)}", real=True)
            self.names[symbol] = f"{self.letter}_{{{1 + len(self.named)}}}"
            self.printer = printer(self.names)
            self.named[expr] = symbol
        return self.named[expr]

    def _shorter(self, expr: Any) -> Any:
        """Return an expression with symbols for what is long and occurs twice, and for long cases of it."""
        import sympy

        parts, (rest,) = sympy.cse([expr])
        back: dict[Any, Any] = {}
        for symbol, value in parts:
            whole = value.xreplace(back)
            back[symbol] = self._symbol(whole) if len(self.printer.doprint(whole)) > _WORTH else whole
        rest = rest.xreplace(back)
        if isinstance(rest, cases_class()) and len(self.printer.doprint(rest)) > LONGEST:
            rest = rest.by([value if value.is_Atom else self._symbol(value) for value in rest.values])
        return rest

    def _print(self, expr: Any) -> str:
        shown = hoist(readable(expr, self.states), self._symbol)
        text = str(self.printer.doprint(shown))
        return text if len(text) <= _LONG else str(self.printer.doprint(self._shorter(shown)))

    def _rule(self, left: str, f: Any, q: Any = 0) -> str:
        parts = [self._print(f)] if f != 0 or q == 0 else []
        if q != 0:
            parts.append(rf"\frac{{\mathrm{{d}}}}{{\mathrm{{d}} t}} \left( {self._print(q)} \right)")
        text = f"{left} = {' + '.join(parts)}"
        if len(text) <= LONGEST:
            return text
        symbols = {s for e in (f, q) for s in getattr(e, "free_symbols", ()) if s in self.names}
        return rf"{left} = \mathrm{{function\ of}}\; {', '.join(sorted(self.names[s] for s in symbols))}"


def _shown(device: type[Device], name: str) -> str:
    if name in (*device.terminals, *device.internals) and name not in device.flows:
        return f"v_{name}"
    return name if name == "i" or name in device.states or name in device.auxiliaries else f"i_{name}"
