"""From derived equations to Python: on arrays for NumPy, on one instance after the other for numba.

The functions have the arguments of the C kernel (``csrc/cn_kernel.h``) and write into its rows.
"""

from __future__ import annotations

from typing import Any

from circuitnn.devices.blocks import Block, scalar_printer
from circuitnn.devices.derive import Model
from circuitnn.devices.emit import loads, outputs
from circuitnn.devices.vectors import PYTHON, VectorBlock, vector_printer


class _ArrayBlock(VectorBlock):
    words = PYTHON


def _function(model: Model, head: str, pairs: list[tuple[str, Any]], definitions: dict[Any, Any]) -> list[str]:
    block = _ArrayBlock(vector_printer(PYTHON), [0], "    ", definitions, frozenset())
    block.assign(pairs)
    return [head, "    set = setter(n)", *("    " + line for line in loads(model, block).values()), *block.lines]


def arrays_source(model: Model) -> str:
    """Return Python functions ``evaluate``, ``limit`` and ``noise`` on rows of arrays, for NumPy.

    ``limit`` returns, for each limited voltage, its value, the arguments of its limitation and its start.
    """
    import sympy

    lines = _function(model, "def evaluate(n, u, lim, p, env, f, q, jf, jq):", outputs(model), model.definitions)
    if model.limits:
        pairs, result = [], []
        for k, item in enumerate(model.limits):
            named = [(f"raw{k}", item.raw), *((f"arg{k}_{m}", a) for m, a in enumerate(item.args))]
            pairs += [(name, sympy.sympify(value, strict=True)) for name, value in (*named, (f"start{k}", item.start))]
            result.append(f"({item.kind!r}, raw{k}, [{', '.join(name for name, _ in named[1:])}], start{k})")
        lines += _function(model, "def limit(n, u, p, env, lim):", pairs, model.definitions)
        lines.append(f"    return [{', '.join(result)}]")
    if model.noise:
        count = len(model.noise)
        noise = [(f"out[{k}*n+i]", item.density) for k, item in enumerate(model.noise)]
        noise += [(f"out[{count + k}*n+i]", item.exponent) for k, item in enumerate(model.noise)]
        lines += _function(model, "def noise(n, u, lim, p, env, out):", noise, model.definitions)
    return "\n".join([*lines, ""])


def _loop_printer() -> Any:
    """A printer of C's expressions in which what Python writes otherwise is Python."""
    printer = scalar_printer()

    class Printer(type(printer)):  # type: ignore[misc]
        """Python on numbers."""

        def _print_And(self, expr: Any) -> str:
            return "(" + " and ".join(self._print(arg) for arg in expr.args) + ")"

        def _print_Or(self, expr: Any) -> str:
            return "(" + " or ".join(self._print(arg) for arg in expr.args) + ")"

        def _print_Not(self, expr: Any) -> str:
            return f"(not {self._print(expr.args[0])})"

        def _print_sign(self, expr: Any) -> str:
            return f"sign({self._print(expr.args[0])})"

    return Printer({"contract": False})


class _LoopBlock(Block):
    def load(self, name: str, place: str) -> str:
        return f"{name} = {place.replace('CN_ENV_GMIN', '0').replace('CN_ENV_TIME', '1')}"

    def _set(self, target: str, expr: Any) -> str:
        value = self.printer.doprint(expr)
        return f"{target} = {value if expr.free_symbols else f'float({value})'}"

    def _define(self, symbol: Any, expr: Any) -> str:
        return self._set(str(symbol), expr)

    def _if(self, conditions: tuple[Any, ...], members: dict[Any, Any]) -> None:
        for k in range(len(conditions) + 1):
            word = "if" if k == 0 else "elif" if k < len(conditions) else "else"
            condition = f" {self.printer.doprint(conditions[k])}" if k < len(conditions) else ""
            self.lines.append(f"{self.indent}{word}{condition}:")
            inner = type(self)(self.printer, self.counter, self.indent + "    ", self.definitions, frozenset(self.done))
            inner.assign([(str(symbol), node.values[k]) for symbol, node in members.items()])
            self.lines += inner.lines
            self.used |= inner.used


def loop_source(model: Model) -> str:
    """Return a Python function ``evaluate`` on pointers to the rows, for numba."""
    block = _LoopBlock(_loop_printer(), [0], "        ", model.definitions, frozenset())
    block.assign(outputs(model))
    head = ["def evaluate(self, n, u, lim, p, env, f, q, jf, jq):", "    for i in range(n):"]
    reads = ("        " + line for line in loads(model, block).values())
    return "\n".join([*head, *reads, *block.lines, ""])
