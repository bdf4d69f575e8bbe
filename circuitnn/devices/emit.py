"""From derived equations to a C kernel behind the ABI of ``csrc/cn_kernel.h``.

Cases become real ``if`` blocks with subexpressions of their own: a power or exponential in a case that is not taken
costs nothing and raises no floating-point exception.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from circuitnn.devices.declare import READINGS, Device
from circuitnn.devices.derive import Model, derive
from circuitnn.devices.symbolic import cases_class
from circuitnn.registry import catalog

_HEADERS = ("cn_types.h", "cn_kernel.h", "cn_limit.h", "cn_math.h")


def _printer() -> Any:
    from sympy.printing.c import C99CodePrinter

    class Printer(C99CodePrinter):
        """C with small powers as products: pow() is dear and loses digits."""

        def _print_Pow(self, expr: Any) -> str:
            base, power = self._print(expr.base), expr.exp
            if power == 2:
                return f"cn_square({base})"
            if power == 3:
                return f"cn_cube({base})"
            if power == 4:
                return f"cn_square(cn_square({base}))"
            if power == -1:
                return f"(1.0/({base}))"
            if power == -2:
                return f"(1.0/cn_square({base}))"
            return super()._print_Pow(expr)

        def _print_Power(self, expr: Any) -> str:
            return f"pow({self._print(expr.args[0])}, {self._print(expr.args[1])})"

        def _print_QuarticRoot(self, expr: Any) -> str:
            return f"cn_quartic_root({', '.join(self._print(arg) for arg in expr.args)})"

        def _print_sign(self, expr: Any) -> str:
            x = self._print(expr.args[0])
            return f"((double)(({x}) > 0.0) - (double)(({x}) < 0.0))"

    return Printer({"contract": False})


class _Scope:
    """Statements of one C block.

    A definition is computed in the block that needs it: outside all cases, or inside the one case that uses it. Cases
    under the same conditions share one ``if``.
    """

    def __init__(
        self, printer: Any, counter: list[int], indent: str, definitions: dict[Any, Any], done: frozenset[Any]
    ) -> None:
        self.printer = printer
        self.counter = counter
        self.indent = indent
        self.definitions = definitions
        self.done = set(done)
        self.used: set[Any] = set()
        self.lines: list[str] = []

    def fresh(self, prefix: str) -> Any:
        """Return a new symbol."""
        import sympy

        self.counter[0] += 1
        return sympy.Symbol(f"{prefix}{self.counter[0]}", real=True)

    def assign(self, outputs: list[tuple[str, Any]]) -> None:
        """Emit ``target = expression;`` for every pair, and before it what the expressions need."""
        import sympy

        values = [value for _, value in outputs]
        here = self._own_definitions(values)
        exprs = [*(self.definitions[symbol] for symbol in here), *values]
        self.used |= set().union(*(expr.free_symbols for expr in exprs), set())
        cases = self._name_cases(exprs)
        plain = [_replace_cases(expr, cases) for expr in exprs]
        shared, reduced = sympy.cse(plain, symbols=iter(lambda: self.fresh("t"), None), optimizations="basic")
        statements = dict([*shared, *zip(here, reduced, strict=False)])
        self._schedule(statements, cases)
        for (target, _), expr in zip(outputs, reduced[len(here) :], strict=True):
            self.lines.append(f"{self.indent}{target} = {self.printer.doprint(expr)};")

    def _own_definitions(self, values: list[Any]) -> list[Any]:
        """Definitions of this block: needed outside all cases, or by several of its ifs, in their order."""
        here: set[Any] = set()
        while True:
            wanted = list(values) + [self.definitions[symbol] for symbol in here]
            found = set().union(*(self._undone(_surface(expr)) for expr in wanted), set())
            if not found <= here:
                here |= found
                continue
            users: dict[Any, Any] = {}
            for node in {node: None for expr in wanted for node in _outermost_cases(expr)}:
                for symbol in self._inner_needs(node, here):
                    if users.setdefault(symbol, node.conditions) != node.conditions:
                        found.add(symbol)
            if found <= here:
                return [symbol for symbol in self.definitions if symbol in here]
            here |= found

    def _undone(self, symbols: set[Any]) -> set[Any]:
        return (symbols & self.definitions.keys()) - self.done

    def _inner_needs(self, node: Any, here: set[Any]) -> set[Any]:
        """Definitions that the values of a case need, at any depth, and that this block does not make."""
        needs: set[Any] = set()
        more = self._undone(node.free_symbols) - here
        while more:
            needs |= more
            more = set().union(*(self._undone(self.definitions[symbol].free_symbols) for symbol in more)) - here - needs
        return needs

    def _name_cases(self, exprs: list[Any]) -> dict[Any, Any]:
        cases: dict[Any, Any] = {}

        def name(expr: Any) -> None:
            for node in _outermost_cases(expr):
                if node not in cases:
                    for condition in node.conditions:
                        name(condition)
                    cases[node] = self.fresh("c")

        for expr in exprs:
            name(expr)
        return cases

    def _schedule(self, statements: dict[Any, Any], cases: dict[Any, Any]) -> None:
        """Emit statements and ifs, each after what it needs; an if as late as it may be, so that more fall into it."""
        own = statements.keys() | set(cases.values())
        ifs: dict[Any, dict[Any, Any]] = {}
        for node, symbol in cases.items():
            conditions = tuple(_replace_cases(condition, cases) for condition in node.conditions)
            ifs.setdefault(conditions, {})[symbol] = node
        needs = {symbol: expr.free_symbols & own for symbol, expr in statements.items()}
        for conditions, members in ifs.items():
            tested = set().union(*(condition.free_symbols for condition in conditions))
            for symbol, node in members.items():
                inner = node.free_symbols | self._inner_needs(node, own)
                deep = set().union(*(self.definitions[s].free_symbols for s in inner & self.definitions.keys() - own))
                needs[symbol] = (tested | inner | deep) & own - {symbol}
        waiting = dict(statements)
        while waiting or ifs:
            ready = [symbol for symbol in waiting if not needs[symbol] & own]
            for symbol in ready:
                self.lines.append(f"{self.indent}const double {symbol} = {self.printer.doprint(waiting.pop(symbol))};")
                self.done.add(symbol)
                own = own - {symbol}
            if ready:
                continue
            conditions = max(ifs, key=lambda key: self._share(ifs[key], needs, own))
            members = {symbol: node for symbol, node in ifs[conditions].items() if not needs[symbol] & own}
            self._if(conditions, members)
            for symbol in members:
                del ifs[conditions][symbol]
                own = own - {symbol}
            if not ifs[conditions]:
                del ifs[conditions]

    @staticmethod
    def _share(members: dict[Any, Any], needs: dict[Any, set[Any]], own: set[Any]) -> float:
        return sum(not needs[symbol] & own for symbol in members) / len(members)

    def _if(self, conditions: tuple[Any, ...], members: dict[Any, Any]) -> None:
        self.lines.append(f"{self.indent}double {', '.join(str(symbol) for symbol in members)};")
        for k in range(len(conditions) + 1):
            opening = "" if k == 0 else "} else "
            opening += f"if ({self.printer.doprint(conditions[k])}) {{" if k < len(conditions) else "{"
            self.lines.append(self.indent + opening)
            inner = _Scope(self.printer, self.counter, self.indent + "    ", self.definitions, frozenset(self.done))
            inner.assign([(str(symbol), node.values[k]) for symbol, node in members.items()])
            self.lines += inner.lines
            self.used |= inner.used
        self.lines.append(self.indent + "}")


def _outermost_cases(expr: Any) -> list[Any]:
    if isinstance(expr, cases_class()):
        return [expr]
    found: list[Any] = []
    for arg in expr.args:
        for node in _outermost_cases(arg):
            if node not in found:
                found.append(node)
    return found


def _surface(expr: Any) -> set[Any]:
    """Symbols that are needed whichever cases are taken; all conditions count."""
    if isinstance(expr, cases_class()):
        return set().union(*(_surface(condition) for condition in expr.conditions), set())
    if not expr.args:
        return set(expr.free_symbols)
    return set().union(*(_surface(arg) for arg in expr.args))


def _replace_cases(expr: Any, names: dict[Any, Any]) -> Any:
    return expr.xreplace({node: names[node] for node in _outermost_cases(expr)})


def _array(name: str, values: Iterable[int]) -> str:
    text = ", ".join(str(v) for v in values)
    return f"static const cn_idx {name}[] = {{{text or '0'}}};"


def _strings(name: str, values: Iterable[str]) -> str:
    text = ", ".join(f'"{v}"' for v in values)
    return f"static const char *const {name}[] = {{{text or '0'}}};"


def _loads(model: Model, block: _Scope, indent: str) -> list[str]:
    used, lines = block.used, []
    for k, symbol in enumerate(model.unknowns):
        if symbol in used:
            lines.append(f"{indent}const double {symbol} = u[{k}*n+i];")
    for k, name in enumerate(model.params):
        if model.symbols[name] in used:
            lines.append(f"{indent}const double p_{name} = p[{k}*n+i];")
    names = {str(s) for s in used}
    for k, item in enumerate(model.limits):
        if f"lim_{item.name}" in names:
            lines.append(f"{indent}const double lim_{item.name} = lim[{k}*n+i];")
    if "env_gmin" in names:
        lines.append(f"{indent}const double env_gmin = env[CN_ENV_GMIN];")
    if "env_time" in names:
        lines.append(f"{indent}const double env_time = env[CN_ENV_TIME];")
    return lines


def _eval(model: Model, printer: Any) -> list[str]:
    outputs = [(f"f[{k}*n+i]", e) for k, e in enumerate(model.f)]
    outputs += [(f"q[{k}*n+i]", e) for k, e in enumerate(model.q)]
    outputs += [(f"jf[{k}*n+i]", e) for k, e in enumerate(model.jf.values())]
    outputs += [(f"jq[{k}*n+i]", e) for k, e in enumerate(model.jq.values())]
    block = _Scope(printer, [0], "        ", model.definitions, frozenset())
    block.assign(outputs)
    return [
        "static void eval(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,",
        "                 const double *env, double *f, double *q, double *jf, double *jq)",
        "{",
        "    (void)self, (void)u, (void)lim, (void)p, (void)env, (void)f, (void)q, (void)jf, (void)jq;",
        "    for (cn_idx i = 0; i < n; i++) {",
        *_loads(model, block, "        "),
        *block.lines,
        "    }",
        "}",
    ]


def _limit(model: Model, printer: Any) -> list[str]:
    if not model.limits:
        return []
    import sympy

    block = _Scope(printer, [0], "        ", {}, frozenset())
    pairs: list[tuple[str, Any]] = []
    for k, item in enumerate(model.limits):
        pairs.append((f"const double raw{k}", sympy.sympify(item.raw, strict=True)))
        pairs += [(f"const double arg{k}_{m}", sympy.sympify(a, strict=True)) for m, a in enumerate(item.args)]
        pairs.append((f"const double start{k}", sympy.sympify(item.start, strict=True)))
    block.assign(pairs)
    for k, item in enumerate(model.limits):
        place = f"lim[{k}*n+i]"
        if item.kind == "switch":
            block.lines += [
                f"        const double position{k} = cn_switch(raw{k}, arg{k}_0, arg{k}_1, acc[{k}*n+i]);",
                f"        if (position{k} != {place}) held = 1;",
                f"        {place} = position{k};",
            ]
            continue
        if not item.kind:
            continue  # its leader has set it
        args = "".join(f", arg{k}_{m}" for m in range(len(item.args)))
        together = 1 + next(
            (m for m, other in enumerate(model.limits[k + 1 :]) if other.kind), len(model.limits) - k - 1
        )
        if together > 1:
            group = range(k, k + together)
            raws, places = (", ".join(x) for x in ([f"raw{m}" for m in group], [f"&lim[{m}*n+i]" for m in group]))
            block.lines += [
                "        if (init) {",
                *[f"            lim[{m}*n+i] = start{m};" for m in group],
                "        } else {",
                f"            cn_limit_{item.kind}({raws}{args}, {places}, &held);",
                "        }",
            ]
            continue
        block.lines.append(f"        {place} = init ? start{k} : cn_limit_{item.kind}(raw{k}, {place}{args}, &held);")
    unused = [f"(void)start{k};" for k, item in enumerate(model.limits) if item.kind == "switch"]
    return [
        "",
        "static cn_idx limit(const cn_kernel *self, cn_idx n, const double *u, const double *p, const double *env,",
        "                    const double *acc, double *lim, int init)",
        "{",
        "    cn_idx count = 0;",
        "    (void)self, (void)u, (void)p, (void)env, (void)acc, (void)init;",
        "    for (cn_idx i = 0; i < n; i++) {",
        "        int held = 0;",
        *_loads(model, block, "        "),
        *block.lines,
        *["        " + line for line in unused],
        "        count += held;",
        "    }",
        "    return count;",
        "}",
    ]


def _noise(model: Model, printer: Any) -> list[str]:
    if not model.noise:
        return []
    count = len(model.noise)
    outputs = [(f"out[{k}*n+i]", item.density) for k, item in enumerate(model.noise)]
    outputs += [(f"out[{count + k}*n+i]", item.exponent) for k, item in enumerate(model.noise)]
    block = _Scope(printer, [0], "        ", model.definitions, frozenset())
    block.assign(outputs)
    where = [(model.locals.index(item.plus), model.locals.index(item.minus)) for item in model.noise]
    return [
        "",
        _array("noise_plus", (plus for plus, _ in where)),
        _array("noise_minus", (minus for _, minus in where)),
        _strings("noise_names", (item.name for item in model.noise)),
        "static void noise(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,",
        "                  const double *env, double *out)",
        "{",
        "    (void)self, (void)u, (void)lim, (void)p, (void)env;",
        "    for (cn_idx i = 0; i < n; i++) {",
        *_loads(model, block, "        "),
        *block.lines,
        "    }",
        "}",
    ]


def kernel_source(device: type[Device], symbol: str, variant: str = "") -> str:
    """Return the C source of a device's kernel, or of one of its variants, exported as ``const cn_kernel symbol``.

    Examples
    --------
    >>> from circuitnn.registry import catalog
    >>> "CN_KERNEL_LINEAR" in kernel_source(catalog("devices").get("resistor"), "k")
    True
    """
    model = derive(device, device.variants.get(variant), readings=variant == READINGS)
    name = device.kernel_names()[variant]
    printer = _printer()
    noise = "noise_plus, noise_minus, noise_names, noise" if model.noise else "0, 0, 0, 0"
    discrete = sum(item.kind == "switch" for item in model.limits)
    timed = any(str(symbol) == "env_time" for e in (*model.f, *model.q) for symbol in e.free_symbols)
    flags = "CN_KERNEL_LINEAR" if model.linear else "CN_KERNEL_TIMED" if timed else "0"
    return "\n".join(
        [
            f"/* Generated from the equations of {name}. */",
            '#include "cn_kernel.h"',
            '#include "cn_limit.h"',
            '#include "cn_math.h"',
            "#include <math.h>",
            "",
            _array("jf_row", (i for i, _ in model.jf)),
            _array("jf_col", (j for _, j in model.jf)),
            _array("jq_row", (i for i, _ in model.jq)),
            _array("jq_col", (j for _, j in model.jq)),
            _strings("param_names", model.params),
            _strings("local_names", model.locals),
            "",
            *_eval(model, printer),
            *_limit(model, printer),
            *_noise(model, printer),
            "",
            f"extern const cn_kernel {symbol};",
            f"const cn_kernel {symbol} = {{",
            f'    CN_KERNEL_ABI, {flags}, "{name}",',
            f"    {len(model.unknowns)}, {len(model.params)}, {len(model.limits)}, {discrete},",
            f"    {len(model.jf)}, {len(model.jq)}, jf_row, jf_col, jq_row, jq_col, param_names, local_names,",
            f"    eval, {'limit' if model.limits else '0'}, 0,",
            f"    {len(model.noise)}, {noise},",
            "};",
            "",
        ]
    )


def header_text(csrc: Path) -> str:
    """Return the kernel ABI's headers as one text, for compiling a user's device away from the source tree."""
    text = "".join((csrc / name).read_text(encoding="utf-8") for name in _HEADERS)
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith('#include "'))


def _write_if_changed(path: Path, text: str) -> Path:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    return path


def _origin(device: type[Device], machinery: str) -> str:
    """Return a first line that tells from which sources a kernel was generated."""
    files = {str(sys.modules[base.__module__].__file__) for base in device.__mro__ if base is not object}
    digest = hashlib.sha256(machinery.encode())
    for name in sorted(files):
        digest.update(Path(name).read_bytes())
    return f"/* sources {digest.hexdigest()} */"


def _machinery() -> str:
    """Return the text of all that turns a declaration into C, beside the declaration's own file."""
    here, entries = Path(__file__).parent, catalog("devices").names()
    return "".join(path.read_text(encoding="utf-8") for path in sorted(here.glob("*.py")) if path.stem not in entries)


def generate_builtin(folder: Path) -> list[Path]:
    """Write the kernels of all library devices, their table and the embedded headers; return the C files.

    A kernel whose sources have not changed is left as it is: deriving all of them takes half a minute.
    """
    folder.mkdir(parents=True, exist_ok=True)
    devices = catalog("devices").all()
    machinery = _machinery()
    written, names = [], []
    for device in devices.values():
        origin = _origin(device, machinery)
        for variant, name in device.kernel_names().items():
            path = folder / f"{name}.c"
            if not (path.exists() and path.read_text(encoding="utf-8").startswith(origin)):
                path.write_text(f"{origin}\n{kernel_source(device, f'cn_kernel_{name}', variant)}", encoding="utf-8")
            written.append(path)
            names.append(name)
    header = header_text(Path(__file__).resolve().parents[2] / "csrc")
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in header.splitlines())
    quoted = "\n".join(f'    "{line}\\n"' for line in escaped)
    table = [
        '#include "cn_kernel.h"',
        *(f"extern const cn_kernel cn_kernel_{name};" for name in names),
        "extern const cn_kernel *const cn_builtin_kernels[];",
        "extern const cn_idx cn_builtin_count;",
        "extern const char cn_builtin_headers[];",
        "const cn_kernel *const cn_builtin_kernels[] = {" + ", ".join(f"&cn_kernel_{name}" for name in names) + "};",
        f"const cn_idx cn_builtin_count = {len(names)};",
        f"const char cn_builtin_headers[] =\n{quoted};",
        "",
    ]
    written.append(_write_if_changed(folder / "cn_builtin.c", "\n".join(table)))
    return written
