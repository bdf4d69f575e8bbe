"""C statements of derived equations: one block, with blocks of their own for cases."""

from __future__ import annotations

from typing import Any

from circuitnn.devices.symbolic import cases_class


def scalar_printer() -> Any:
    """Return a printer of expressions as C on doubles."""
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


class Block:
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
            self.lines.append(self.indent + self._set(target, expr))

    def load(self, name: str, place: str) -> str:
        """Return the statement that reads a row of the batch, ``row[k*n+i]``, or a number that all instances share."""
        return f"const double {name} = {place};"

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
                self.lines.append(self.indent + self._define(symbol, waiting.pop(symbol)))
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

    def _set(self, target: str, expr: Any) -> str:
        return f"{target} = {self.printer.doprint(expr)};"

    def _define(self, symbol: Any, expr: Any) -> str:
        return f"const double {symbol} = {self.printer.doprint(expr)};"

    def _if(self, conditions: tuple[Any, ...], members: dict[Any, Any]) -> None:
        self.lines.append(f"{self.indent}double {', '.join(str(symbol) for symbol in members)};")
        for k in range(len(conditions) + 1):
            opening = "" if k == 0 else "} else "
            opening += f"if ({self.printer.doprint(conditions[k])}) {{" if k < len(conditions) else "{"
            self.lines.append(self.indent + opening)
            inner = type(self)(self.printer, self.counter, self.indent + "    ", self.definitions, frozenset(self.done))
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
