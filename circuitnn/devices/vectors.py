"""Statements on vectors of instances, one in each lane: C on those of ``csrc/cn_vector.h``, or Python on arrays.

A case becomes a block that is left out where no lane is in it; else all lanes go through it, and those that are in it
take its values. Arguments of functions are replaced by 1 in the other lanes: functions are slow at the edge of their
domain, and raise floating-point exceptions beyond it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from circuitnn.devices.blocks import Block
from circuitnn.devices.derive import Model
from circuitnn.devices.symbolic import cases_class

#: Functions of csrc/cn_vector.h by the name of sympy's class.
_FUNCTIONS = {
    "Abs": "fabs",
    "sign": "sign",
    **{name: name for name in ("exp", "log", "sinh", "cosh", "tanh", "tan", "atan", "asin", "asinh")},
}
_CHEAP = ("Abs", "sign")


_TARGETS = {"avx2": (4, '__attribute__((target("avx2,fma")))'), "plain": (2, "")}


def target_text(processor: str) -> str:
    """Return what csrc/cn_vector_targets.h would define for a processor, for a kernel compiled where it runs."""
    width, attribute = _TARGETS[processor]
    return f"#define WIDTH {width}\n#define NAME(x) x##_{processor}\n#define TARGET {attribute}\n"


@dataclass(frozen=True)
class Words:
    """What a language writes: formats of a function's name, of statements, and of the ends of a block."""

    call: str = "V({})"
    vector: str = "const vec {} = {};"
    variable: str = "vec {} = {};"
    mask: str = "const mask {} = {};"
    change: str = "{} = {};"
    load: str = "V(load)({} + {}*n+i, count)"
    store: str = "V(store)({} + {}*n+i, count, {});"
    when: str = "if (V(any)({})) {{"
    end: tuple[str, ...] = ("}",)


C = Words()
#: The functions, beside numpy's, are `circuitnn.devices.backends.arrays.FUNCTIONS`.
PYTHON = Words(
    call="{}",
    vector="{} = {}",
    variable="{} = {}",
    mask="{} = {}",
    change="{} = {}",
    load="{}[{}]",
    store="{}[{}] = {}",
    when="if {}.any():",
    end=(),
)


def vector_printer(words: Words = C) -> Any:
    """Return a printer of expressions on vectors; ``lanes`` is the mask of those whose values count."""
    from sympy.printing.c import C99CodePrinter

    class Printer(C99CodePrinter):
        """Numbers stand as they are beside vectors, and are made vectors where a whole vector is asked for."""

        lanes: str | None = None

        def call(self, name: str, *args: str) -> str:
            """Print the call of a function on vectors."""
            return f"{words.call.format(name)}({', '.join(args)})"

        def vector(self, expr: Any) -> str:
            """Print as a vector, whatever it is."""
            text = str(self._print(expr))
            return text if expr.free_symbols else self.call("set", text)

        def _guarded(self, expr: Any) -> str:
            text = self.vector(expr)
            return text if self.lanes is None else self.call("select", self.lanes, text, self.call("set", "1.0"))

        def _print_Pow(self, expr: Any) -> str:
            power = expr.exp
            if not expr.free_symbols:
                return repr(float(expr))
            if power in (2, 3, 4):
                base = self.call("cube" if power == 3 else "square", self.vector(expr.base))
                return self.call("square", base) if power == 4 else base
            if power == -1:
                return f"(1.0/({self._print(expr.base)}))"
            if power == -2:
                return f"(1.0/{self.call('square', self.vector(expr.base))})"
            if power.is_number and abs(float(power)) == 0.5:
                root = self.call("sqrt", self._guarded(expr.base))
                return root if power > 0 else f"(1.0/{root})"
            return self.call("pow", self._guarded(expr.base), self.vector(power))

        def _print_Power(self, expr: Any) -> str:
            return self.call("pow", self._guarded(expr.args[0]), self.vector(expr.args[1]))

        def _print_QuarticRoot(self, expr: Any) -> str:
            return self.call("quartic_root", *(self.vector(arg) for arg in expr.args))

        def _print_Function(self, expr: Any) -> str:
            name = type(expr).__name__
            if not expr.free_symbols:
                return repr(float(expr))
            argument = (self.vector if name in _CHEAP else self._guarded)(expr.args[0])
            return self.call(_FUNCTIONS[name], argument)

        _print_Abs = _print_sign = _print_exp = _print_log = _print_sinh = _print_cosh = _print_Function
        _print_tanh = _print_tan = _print_atan = _print_asin = _print_asinh = _print_Function

        def _print_Relational(self, expr: Any) -> str:
            return f"(({self._print(expr.lhs)}) {expr.rel_op} ({self._print(expr.rhs)}))"

        def _print_And(self, expr: Any) -> str:
            return "(" + " & ".join(self._print(arg) for arg in expr.args) + ")"

        def _print_Or(self, expr: Any) -> str:
            return "(" + " | ".join(self._print(arg) for arg in expr.args) + ")"

        def _print_Not(self, expr: Any) -> str:
            return f"(~{self._print(expr.args[0])})"

    return Printer({"contract": False})


def vectorised(model: Model) -> bool:
    """Return whether a kernel is evaluated on vectors: it has functions to compute, all of them known there.

    Not where voltages are limited: junctions and transistors stand in circuits by the few, of different kinds, for
    which vectors do not pay.
    """
    import sympy

    if model.limits:
        return False

    known = (sympy.Pow, cases_class())
    calls = 0
    for row in (*model.f, *model.q, *model.jf.values(), *model.jq.values(), *model.definitions.values()):
        for node in row.atoms(sympy.Function, sympy.Pow):
            if isinstance(node, sympy.Function) and not isinstance(node, known):
                name = type(node).__name__
                if name not in _FUNCTIONS and name != "Power":
                    return False
                calls += name not in _CHEAP
            elif isinstance(node, sympy.Pow):
                calls += not node.exp.is_Integer
    return calls > 0


class VectorBlock(Block):
    """Statements of a block of vectors.

    ``lanes`` is the mask of the lanes that are in it, None when all are; ``over`` says that what it sets has values
    already, of other lanes.
    """

    words = C
    lanes: str | None = None
    over = False

    def load(self, name: str, place: str) -> str:
        """Return the statement that reads the lanes' part of a row, or a number for all of them."""
        row, index = _row(place)
        value = self.printer.call("set", place) if index is None else self.words.load.format(row, index)
        return self.words.vector.format(name, value)

    def _set(self, target: str, expr: Any) -> str:
        text = self._text(expr)
        row, index = _row(target)
        if index is not None:
            return self.words.store.format(row, index, text)
        return self.words.change.format(
            target, self.printer.call("select", self.lanes, text, target) if self.over else text
        )

    def _define(self, symbol: Any, expr: Any) -> str:
        return self.words.vector.format(symbol, self._text(expr))

    def _text(self, expr: Any) -> str:
        self.printer.lanes = self.lanes
        return str(self.printer.vector(expr))

    def _if(self, conditions: tuple[Any, ...], members: dict[Any, Any]) -> None:
        start = self.printer.call("set", "0.0")
        self.lines += [self.indent + self.words.variable.format(symbol, start) for symbol in members]
        rest = self.lanes
        for k in range(len(conditions) + 1):
            if k == len(conditions):
                self._case(str(rest), k, members)
                return
            lanes, others = str(self.fresh("m")), str(self.fresh("m"))
            self.printer.lanes = self.lanes
            both = "" if rest is None else f" & {rest}"
            self.lines += [
                self.indent + self.words.mask.format(lanes, self.printer.doprint(conditions[k]) + both),
                self.indent + self.words.mask.format(others, f"~{lanes}{both}"),
            ]
            rest = others
            self._case(lanes, k, members)

    def _case(self, lanes: str, k: int, members: dict[Any, Any]) -> None:
        """Emit what the lanes of a case do: a block of its own, unless there is nothing to compute."""
        values = [node.values[k] for node in members.values()]
        there = all(value.is_Atom and (value not in self.definitions or value in self.done) for value in values)
        indent = self.indent if there else self.indent + "    "
        inner = type(self)(self.printer, self.counter, indent, self.definitions, frozenset(self.done))
        inner.lanes, inner.over = lanes, k > 0
        inner.assign([(str(symbol), value) for symbol, value in zip(members, values, strict=True)])
        self.used |= inner.used
        if there:
            self.lines += inner.lines
        else:
            self.lines += [self.indent + self.words.when.format(lanes), *inner.lines]
            self.lines += [self.indent + end for end in self.words.end]


def with_loads(lines: list[str], loads: dict[str, str]) -> list[str]:
    """Return C statements with each load, by the name that it sets, before its first use in every block that needs it.

    A row that only some cases read costs nothing where no lane is in them.
    """
    names = [set(re.findall(r"\w+", line)) & loads.keys() for line in lines]
    loaded: list[set[str]] = [set()]  # in the blocks around a line
    out = []
    for k, line in enumerate(lines):
        if line.endswith("}"):
            loaded.pop()
        indent = line[: len(line) - len(line.lstrip())]
        for name in (name for name in loads if name in names[k] and not any(name in block for block in loaded)):
            loaded[-1].add(name)
            out.append(indent + loads[name])
        out.append(line)
        if line.endswith("{"):
            loaded.append(set())
    return out


def _row(place: str) -> tuple[str, int | None]:
    """The array and the row of ``array[row*n+i]``; no row of anything else."""
    array, _, index = place.partition("[")
    row, _, rest = index.partition("*")
    return (array, int(row)) if rest == "n+i]" else (array, None)
