"""From derived equations to a C kernel behind the ABI of ``csrc/cn_kernel.h``.

Cases become real ``if`` blocks with subexpressions of their own: a power or exponential in a case that is not taken
costs nothing and raises no floating-point exception.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from circuitnn.devices.declare import Device
from circuitnn.devices.derive import Model, derive
from circuitnn.devices.symbolic import cases_class

_HEADERS = ("cn_types.h", "cn_kernel.h", "cn_limit.h")
_HELPERS = """\
static inline double cn_square(double x) { return x * x; }
static inline double cn_cube(double x) { return x * x * x; }
"""


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

        def _print_sign(self, expr: Any) -> str:
            x = self._print(expr.args[0])
            return f"((double)(({x}) > 0.0) - (double)(({x}) < 0.0))"

    return Printer({"contract": False})


class _Block:
    """Statements of one C scope: hoists cases, shares subexpressions."""

    def __init__(self, printer: Any, counter: list[int], indent: str) -> None:
        self.printer = printer
        self.counter = counter
        self.indent = indent
        self.lines: list[str] = []
        self.hoisted: dict[Any, Any] = {}

    def fresh(self, prefix: str) -> Any:
        """Return a new symbol."""
        import sympy

        self.counter[0] += 1
        return sympy.Symbol(f"{prefix}{self.counter[0]}", real=True)

    def assign(self, outputs: list[tuple[str, Any]]) -> None:
        """Emit ``target = expression;`` for every pair."""
        import sympy

        plain = self.without_cases([expr for _, expr in outputs])
        shared, reduced = sympy.cse(plain, symbols=iter(lambda: self.fresh("t"), None), optimizations="basic")
        for symbol, expr in shared:
            self.lines.append(f"{self.indent}const double {symbol} = {self.printer.doprint(expr)};")
        for (target, _), expr in zip(outputs, reduced, strict=True):
            self.lines.append(f"{self.indent}{target} = {self.printer.doprint(expr)};")

    def without_cases(self, exprs: list[Any]) -> list[Any]:
        """Return the expressions with every Cases replaced by a variable that an if block sets."""
        found: list[Any] = []
        for expr in exprs:
            for node in _outermost_cases(expr):
                if node not in self.hoisted and node not in found:
                    found.append(node)
        groups: dict[tuple[Any, ...], list[Any]] = {}
        for node in found:
            groups.setdefault(node.conditions, []).append(node)
        for conditions, nodes in groups.items():
            tests = self.without_cases(list(conditions))
            targets = [self.fresh("c") for _ in nodes]
            self.lines.append(f"{self.indent}double {', '.join(str(t) for t in targets)};")
            for k in range(len(conditions) + 1):
                opening = "" if k == 0 else "} else "
                opening += f"if ({self.printer.doprint(tests[k])}) {{" if k < len(tests) else "{"
                self.lines.append(self.indent + opening)
                inner = _Block(self.printer, self.counter, self.indent + "    ")
                inner.hoisted = dict(self.hoisted)
                inner.assign([(str(t), node.values[k]) for t, node in zip(targets, nodes, strict=True)])
                self.lines += inner.lines
            self.lines.append(self.indent + "}")
            self.hoisted.update(zip(nodes, targets, strict=True))
        return [expr.xreplace({n: self.hoisted[n] for n in _outermost_cases(expr)}) for expr in exprs]


def _outermost_cases(expr: Any) -> list[Any]:
    if isinstance(expr, cases_class()):
        return [expr]
    found: list[Any] = []
    for arg in expr.args:
        for node in _outermost_cases(arg):
            if node not in found:
                found.append(node)
    return found


def _array(name: str, values: Iterable[int]) -> str:
    text = ", ".join(str(v) for v in values)
    return f"static const cn_idx {name}[] = {{{text or '0'}}};"


def _strings(name: str, values: Iterable[str]) -> str:
    text = ", ".join(f'"{v}"' for v in values)
    return f"static const char *const {name}[] = {{{text or '0'}}};"


def _loads(model: Model, used: set[Any], indent: str) -> list[str]:
    lines = []
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
    block = _Block(printer, [0], "        ")
    block.assign(outputs)
    used = set().union(*(e.free_symbols for _, e in outputs), set())
    return [
        "static void eval(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,",
        "                 const double *env, double *f, double *q, double *jf, double *jq)",
        "{",
        "    (void)self, (void)u, (void)lim, (void)p, (void)env, (void)f, (void)q, (void)jf, (void)jq;",
        "    for (cn_idx i = 0; i < n; i++) {",
        *_loads(model, used, "        "),
        *block.lines,
        "    }",
        "}",
    ]


def _limit(model: Model, printer: Any) -> list[str]:
    if not model.limits:
        return []
    import sympy

    block = _Block(printer, [0], "        ")
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
        args = "".join(f", arg{k}_{m}" for m in range(len(item.args)))
        block.lines.append(f"        {place} = init ? start{k} : cn_limit_{item.kind}(raw{k}, {place}{args}, &held);")
    used = set().union(*(e.free_symbols for _, e in pairs), set())
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
        *_loads(model, used, "        "),
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
    block = _Block(printer, [0], "        ")
    block.assign(outputs)
    used = set().union(*(e.free_symbols for _, e in outputs), set())
    where = [(model.device.locals.index(item.plus), model.device.locals.index(item.minus)) for item in model.noise]
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
        *_loads(model, used, "        "),
        *block.lines,
        "    }",
        "}",
    ]


def kernel_source(device: type[Device], symbol: str) -> str:
    """Return the C source of a device's kernel, exported as ``const cn_kernel symbol``.

    Examples
    --------
    >>> from circuitnn.registry import catalog
    >>> "CN_KERNEL_LINEAR" in kernel_source(catalog("devices").get("resistor"), "k")
    True
    """
    model = derive(device)
    printer = _printer()
    noise = "noise_plus, noise_minus, noise_names, noise" if model.noise else "0, 0, 0, 0"
    discrete = sum(item.kind == "switch" for item in model.limits)
    timed = any(str(symbol) == "env_time" for e in (*model.f, *model.q) for symbol in e.free_symbols)
    flags = "CN_KERNEL_LINEAR" if model.linear else "CN_KERNEL_TIMED" if timed else "0"
    return "\n".join(
        [
            f"/* Generated from the equations of {device.name}. */",
            '#include "cn_kernel.h"',
            '#include "cn_limit.h"',
            "#include <math.h>",
            "",
            _HELPERS,
            _array("jf_row", (i for i, _ in model.jf)),
            _array("jf_col", (j for _, j in model.jf)),
            _array("jq_row", (i for i, _ in model.jq)),
            _array("jq_col", (j for _, j in model.jq)),
            _strings("param_names", model.params),
            _strings("local_names", device.locals),
            "",
            *_eval(model, printer),
            *_limit(model, printer),
            *_noise(model, printer),
            "",
            f"extern const cn_kernel {symbol};",
            f"const cn_kernel {symbol} = {{",
            f'    CN_KERNEL_ABI, {flags}, "{device.name}",',
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


def generate_builtin(folder: Path) -> list[Path]:
    """Write the kernels of all library devices, their table and the embedded headers; return the C files."""
    from circuitnn.registry import catalog

    folder.mkdir(parents=True, exist_ok=True)
    devices = catalog("devices").all()
    written = []
    for name, device in devices.items():
        written.append(_write_if_changed(folder / f"{name}.c", kernel_source(device, f"cn_kernel_{name}")))
    header = header_text(Path(__file__).resolve().parents[2] / "csrc")
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in header.splitlines())
    quoted = "\n".join(f'    "{line}\\n"' for line in escaped)
    table = [
        '#include "cn_kernel.h"',
        *(f"extern const cn_kernel cn_kernel_{name};" for name in devices),
        "extern const cn_kernel *const cn_builtin_kernels[];",
        "extern const cn_idx cn_builtin_count;",
        "extern const char cn_builtin_headers[];",
        "const cn_kernel *const cn_builtin_kernels[] = {" + ", ".join(f"&cn_kernel_{name}" for name in devices) + "};",
        f"const cn_idx cn_builtin_count = {len(devices)};",
        f"const char cn_builtin_headers[] =\n{quoted};",
        "",
    ]
    written.append(_write_if_changed(folder / "cn_builtin.c", "\n".join(table)))
    return written
