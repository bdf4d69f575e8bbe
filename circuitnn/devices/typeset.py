"""A device's equations as LaTeX, in the names of its declaration."""

from __future__ import annotations

from typing import Any

from circuitnn.devices.declare import Device, Equations
from circuitnn.devices.derive import frame_of

#: Characters; a longer equation is no help to a reader, and the device's file has it.
LONGEST = 1500


def equations_latex(device: type[Device]) -> list[str]:
    """Return the equations of a device, one LaTeX formula each: currents, states, what they use, noise.

    Equations of a state hold between its bounds; where a rate points outwards there, the state stops. A formula of
    over `LONGEST` characters is left out with what it depends on.

    Examples
    --------
    >>> from circuitnn.registry import catalog
    >>> equations_latex(catalog("devices").get("resistor"))[0].startswith("i_{p}")
    True
    """
    frame, unknown, known = frame_of(device)
    frame.state_rows = lambda rates: _free_rows(frame, rates)
    equations = frame.equations()
    noises = frame.noise()
    names = {symbol: _latex_name(_shown(device, name)) for name, symbol in unknown.items()}
    names |= {symbol: _latex_name(name) for name, symbol in known.items()}
    names |= {frame.gmin: r"g_{\mathrm{min}}", frame.time: "t"}
    names |= {item.symbol: _latex_name(str(item.symbol).partition("_")[2]) for item in frame.lets}
    import sympy

    for item in frame.limits:
        names[sympy.Symbol(f"lim_{item.name}", real=True)] = _latex_name(item.name)
    printer = _printer(names)
    found: list[str] = []
    done: set[str] = set()
    for name in device.locals:
        f, q = (sympy.sympify(part.get(name, 0)) for part in (equations.f, equations.q))
        if name in done or (f == 0 and q == 0):
            continue
        if name in device.states and q == unknown[name]:
            found.append(_rule(printer, rf"\frac{{\mathrm{{d}} {names[unknown[name]]}}}{{\mathrm{{d}} t}}", -f))
            continue
        left = rf"i_{{{_latex_name(name)}}}" if name in device.terminals else "0"
        opposite = [other for other in device.terminals if other != name and _cancels(equations, name, other)]
        if name in device.terminals and opposite:
            left += rf" = -i_{{{_latex_name(opposite[0])}}}"
            done.add(opposite[0])
        found.append(_rule(printer, left, f, q))
    for item in frame.lets:
        found.append(_rule(printer, names[item.symbol], sympy.sympify(item.value)))
    for item in frame.limits:
        symbol = names[sympy.Symbol(f"lim_{item.name}", real=True)]
        if item.kind == "switch":
            on, off = (printer.doprint(sympy.sympify(arg)) for arg in item.args)
            raw = printer.doprint(sympy.sympify(item.raw))
            found.append(rf"{symbol} = 1 \text{{ once }} {raw} > {on},\; 0 \text{{ once it is}} < {off}")
        elif item.kind == "jump":
            up, down = (printer.doprint(sympy.sympify(arg)) for arg in item.args[:2])
            found.append(rf"{symbol}: 0 \to 1 \text{{ at the rate }} {up},\; 1 \to 0 \text{{ at the rate }} {down}")
        else:
            found.append(_rule(printer, symbol, sympy.sympify(item.raw)))
    for noise in noises:
        if noise.density == 0:
            continue
        label = rf"S_{{{_latex_name(noise.name or 'i')}}}"
        falls = "" if noise.exponent == 0 else rf" \cdot f^{{-{printer.doprint(sympy.sympify(noise.exponent))}}}"
        found.append(_rule(printer, label, sympy.sympify(noise.density)) + falls)
    return found


def _free_rows(frame: Any, rates: dict[str, Any]) -> Equations:
    """Return the rows of states without what stops them at their bounds."""
    return Equations({name: -rate for name, rate in rates.items()}, {name: getattr(frame, name) for name in rates})


def _cancels(equations: Equations, name: str, other: str) -> bool:
    return all(part.get(name, 0) + part.get(other, 0) == 0 for part in (equations.f, equations.q))


def _rule(printer: Any, left: str, f: Any, q: Any = 0) -> str:
    parts = [printer.doprint(f)] if f != 0 or q == 0 else []
    if q != 0:
        parts.append(rf"\frac{{\mathrm{{d}}}}{{\mathrm{{d}} t}} \left( {printer.doprint(q)} \right)")
    text = f"{left} = {' + '.join(parts)}"
    if len(text) <= LONGEST:
        return text
    free = sorted({printer.doprint(s) for e in (f, q) for s in getattr(e, "free_symbols", ())})
    return rf"{left} = \mathrm{{function\ of}}\; {', '.join(free)}"


def _shown(device: type[Device], name: str) -> str:
    if name in (*device.terminals, *device.internals) and name not in device.flows:
        return f"v_{name}"
    return name if name == "i" or name in device.states or name in device.auxiliaries else f"i_{name}"


_GREEK = frozenset((
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "rho",
    "sigma", "tau", "phi", "chi", "psi", "omega",
))  # fmt: skip


def _latex_name(name: str) -> str:
    head, _, tail = name.partition("_")
    if head.lower() in _GREEK:
        head = f"\\{head[0].lower()}{head[1:]}" if head[0].islower() else f"\\{head}"
    elif len(head) > 1:
        head = rf"\mathrm{{{head}}}"
    return head + (rf"_{{\mathrm{{{tail.replace('_', ',')}}}}}" if tail else "")


def _printer(names: dict[Any, str]) -> Any:
    from sympy.printing.latex import LatexPrinter

    class Printer(LatexPrinter):
        """LaTeX with cases as they are declared."""

        def _print_Cases(self, expr: Any, exp: Any = None) -> str:
            rows = [
                rf"{self._print(value)} & \text{{for }} {self._print(condition)}"
                for condition, value in zip(expr.conditions, expr.values, strict=False)
            ]
            rows.append(rf"{self._print(expr.values[-1])} & \text{{otherwise}}")
            text = r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"
            return text if exp is None else rf"\left( {text} \right)^{{{exp}}}"

        def _print_Power(self, expr: Any, exp: Any = None) -> str:
            base, exponent = (self._print(arg) for arg in expr.args)
            text = rf"\left( {base} \right)^{{{exponent}}}"
            return text if exp is None else rf"\left( {text} \right)^{{{exp}}}"

    return Printer({"symbol_names": names, "mul_symbol": None, "ln_notation": True, "fold_short_frac": False})
