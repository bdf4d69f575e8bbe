"""Statements and flat netlists back to SPICE text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

from circuitnn.errors import UsageError
from circuitnn.netlist.cards.card import Card, write_params, write_value
from circuitnn.netlist.cursor import simplest
from circuitnn.netlist.definition import device_lines
from circuitnn.netlist.elements import INITIAL, PRIMARY
from circuitnn.netlist.expression import Binary, Call, Expression, Name, Probe, format_number, substitute, to_text
from circuitnn.netlist.flat import DataArray, DataFile, Element, FlatNetlist, Waveform
from circuitnn.netlist.probes import InnerVector
from circuitnn.netlist.statements import (
    Conditional,
    ControlBlock,
    DeviceDefinition,
    Directive,
    ElementStatement,
    FuncStatement,
    ModelStatement,
    ParamStatement,
    SourceFunction,
    Statement,
    SubcktDefinition,
    Tolerance,
    Value,
)
from circuitnn.netlist.tolerance import write_tolerance
from circuitnn.netlist.vectors import write_vector
from circuitnn.registry import catalog

WIDTH = 100
_PLAIN_CARD = Card()
_UNSPLIT = re.compile(r'(?:"[^"]*"|[^ ])+')


def write_statements(title: str, statements: Sequence[Statement]) -> str:
    """Return a netlist as text whose parse gives the same statements."""
    lines = [title, *_lines(statements), ".end", ""]
    return "\n".join(lines)


def _lines(statements: Sequence[Statement]) -> Iterator[str]:
    cards = catalog("netlist.cards")
    for statement in statements:
        match statement:
            case ElementStatement():
                yield from _fold(_element(statement))
            case ModelStatement(name, kind, params, _, base, tolerances):
                whole = f"ako:{base} {kind}".rstrip() if base else kind
                yield from _fold(_model(name, whole, params, tolerances))
            case ParamStatement(params):
                yield from _fold(f".param{write_params(params)}")
            case FuncStatement(name, args, body):
                yield from _fold(f".func {name}({','.join(args)}) {{{to_text(body)}}}")
            case SubcktDefinition(name, ports, params, inner):
                yield from _fold(" ".join([".subckt", name, *ports]) + write_params(params))
                yield from _lines(inner)
                yield f".ends {name}"
            case DeviceDefinition():
                for line in device_lines(statement):
                    yield from _fold(line)
            case ControlBlock(commands):
                yield from (".control", *[command.text for command in commands], ".endc")
            case Conditional(branches):
                for k, (condition, inner) in enumerate(branches):
                    test = "" if condition is None else f" ({to_text(condition)})"
                    yield from _fold(("." + ("if" if k == 0 else "elseif") if test else ".else") + test)
                    yield from _lines(inner)
                yield ".endif"
            case Directive(name):
                card: Card = cards.get(name) if name in cards else _PLAIN_CARD
                yield from _fold(card.write(statement))


def _fold(line: str) -> Iterator[str]:
    """Yield a line, continued at blanks where it is long, but not inside quotes."""
    if len(line) <= WIDTH:
        yield line
        return
    piece = ""
    for word in _UNSPLIT.findall(line):
        if piece and len(piece) + len(word) >= WIDTH:
            yield piece
            piece = "+ " + word
        else:
            piece = f"{piece} {word}" if piece else word
    yield piece


def _model(name: str, kind: str, params: dict[str, Value], tolerances: Sequence[Tolerance] = ()) -> str:
    words = []
    for key, value in params.items():
        words.append(f"{key}={value.name if isinstance(value, Name) else write_value(value)}")
        words += [write_tolerance(tolerance) for tolerance in tolerances if tolerance.param == key]
    return f".model {name} {kind} ({' '.join(words)})"


def _element(s: ElementStatement) -> str:
    params = dict(s.params)
    letter = s.name[0]
    words = [s.name, *(_vectors(s) if s.vectors else s.nodes)]
    if s.poly:
        count = len(s.controls) or len(s.nodes) // 2 - 1
        words[3:] = [f"poly({count})", *s.nodes[2:], *s.controls, *[write_value(c) for c in s.poly]]
        return " ".join(words) + write_params(params)
    if s.expression is not None:
        return " ".join([*words, _behaviour(letter, s.kind, s.expression)]) + write_params(params)
    words += s.controls
    if letter in PRIMARY:
        value = params.pop(PRIMARY[letter], None)
        words += [write_value(value)] if value is not None else []
        words += [s.model] if s.model is not None else []
    elif letter in "vi":
        words += _source(params, s.function)
    elif letter in "efghk":
        words.append(write_value(params.pop("coupling" if letter == "k" else "gain")))
    elif s.model is not None:
        words.append(s.model)
    words += _flags(letter, params)
    words += [f'g="{s.data}"'] if s.data is not None else []
    spread = "".join([f" {write_tolerance(tolerance)}" for tolerance in s.tolerances])
    return " ".join(words) + write_params(params) + spread


def _vectors(s: ElementStatement) -> list[str]:
    ends = list(accumulate(s.vectors))
    return [write_vector(s.nodes[end - count : end]) for end, count in zip(ends, s.vectors, strict=True)]


def _behaviour(letter: str, kind: str, tree: Expression) -> str:
    if letter in "eg" and isinstance(tree, Call) and tree.name == "table":
        # ngspice knows tables as a form of E and G, not as a function.
        points = [write_value(simplest(a)) for a in tree.args[1:]]
        pairs = [f"({x},{y})" for x, y in zip(points[0::2], points[1::2], strict=True)]
        return " ".join([f"table {{{to_text(tree.args[0])}}} =", *pairs])
    return f"{'value' if letter in 'eg' else kind}={{{to_text(tree)}}}"


def _source(params: dict[str, Value], function: SourceFunction | None) -> list[str]:
    words = []
    if "dc" in params:
        words += ["dc", write_value(params.pop("dc"))]
    if "acmag" in params:
        words += ["ac", write_value(params.pop("acmag"))]
        if "acphase" in params:
            words.append(write_value(params.pop("acphase")))
    if function is not None:
        given = [f'file="{function.data.path}"'] if function.data is not None else map(write_value, function.args)
        words.append(f"{function.kind}({' '.join(given)})")
        words += [f"{key}={write_value(value)}" for key, value in function.options.items()]
    return words


def _flags(letter: str, params: dict[str, Value]) -> list[str]:
    """Return the flags, and the initial values of a transistor or a line, which are one vector."""
    words = [flag for flag in ("on", "off") if letter in "dswmnqj" and params.get(flag) == 1.0]
    for flag in words:
        del params[flag]
    known = [key for key in INITIAL.get(letter, ()) if key in params]
    if known:
        words.append("ic=" + ",".join([write_value(params.pop(key)) for key in known]))
    return words


# ---------------------------------------------------------------------- flat netlists
def flat_to_text(flat: FlatNetlist) -> str:
    """Return a flat netlist as SPICE text that ngspice runs to the same results.

    Elements of subcircuits are named as ngspice names them: ``x1.r2`` is ``r.x1.r2``. Functions that it lacks are
    written by those that it has, and a current-controlled polynomial as an E or G source.
    """
    names = {element.name: _flat_name_of(element) for element in flat.elements}
    lines = [flat.title]
    for device in flat.devices.values():
        for line in device_lines(device):
            lines += _fold(line)
    for model in flat.models.values():
        params: dict[str, Value] = {**model.params, **{key: Name(name) for key, name in model.references.items()}}
        lines += _fold(_model(model.name, model.type, params))
    for element in flat.elements:
        lines += _fold(_flat_element(element, names))
    for item in flat.imperfections:
        words = [f"{key}={_plain(value)}" for key, value in item.params.items()]
        lines += _fold(" ".join([f".nonideal {names.get(item.target, item.target)} {item.kind}", *words]))
    if flat.options:
        lines += _fold(".options" + "".join([f" {k}={_plain(v)}" for k, v in flat.options.items()]))
    for name, voltages in (("ic", flat.ic), ("nodeset", flat.nodeset)):
        if voltages:
            lines += _fold(f".{name} " + " ".join([f"v({node})={format_number(v)}" for node, v in voltages.items()]))
    for directive, vectors in (("save", flat.save), ("probe", flat.probes)):
        if vectors:
            lines += _fold(" ".join([f".{directive}", *[_renamed(vector, names) for vector in vectors]]))
    for name, table in flat.tables.items():
        lines += _fold(" ".join([f".data {name}", *[_plain(w) for w in table.words]]))
    for card in flat.steps:
        lines += _fold(" ".join([f".{card.name}", *[names.get(str(w), _plain(w)) for w in card.words]]))
    if flat.script:
        lines += [".control", *[_renamed_all(command.text, names) for command in flat.script], ".endc"]
    for card in flat.requests:
        lines += _fold(_renamed_all(f".{card.name} {card.words[0]}", names))
    for card in flat.analyses:
        lines += _fold(" ".join([f".{card.name}", *[names.get(str(w), _plain(w)) for w in card.words]]))
    return "\n".join([*lines, ".end", ""])


_ANY_SAVED = re.compile(r"(\bi\(|@)([^)\[\s,]+)")
_SAVED = re.compile(r"^(i\(|@)([^)\[]+)")


def _renamed_all(text: str, names: dict[str, str]) -> str:
    return _ANY_SAVED.sub(lambda found: found[1] + names.get(found[2], found[2]), text)


def _renamed(vector: str, names: dict[str, str]) -> str:
    inner = InnerVector.from_text(vector)
    if inner is not None and inner.element in names:
        return str(inner.renamed(names[inner.element]))
    return _SAVED.sub(lambda found: found[1] + names.get(found[2], found[2]), vector)


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else format_number(value)


def flat_name(name: str) -> str:
    """Return a name whose first letter is the element's kind.

    Examples
    --------
    >>> flat_name("x1.r2"), flat_name("r2")
    ('r.x1.r2', 'r2')
    """
    letter = name.rpartition(".")[2][0]
    return name if name[0] == letter else f"{letter}.{name}"


def _flat_name_of(element: Element) -> str:
    if element.expression is not None and element.letter in "fh":
        path, dot, last = element.name.rpartition(".")
        return flat_name(f"{path}{dot}{'e' if element.kind == 'v' else 'g'}_{last}")
    return flat_name(element.name)


def _flat_element(element: Element, names: dict[str, str]) -> str:
    def probed(probe: Probe) -> Expression:
        return Probe("i", (names.get(probe.names[0], probe.names[0]),)) if probe.kind == "i" else probe

    tree = element.expression
    if tree is not None:
        tree = substitute(tree, lambda _: None, probed, _common)
    function = element.waveform
    statement = ElementStatement(
        names[element.name],
        element.nodes,
        dict(element.params),
        element.model,
        tuple([names.get(c, c) for c in element.controls]),
        _function(function) if function else None,
        tree,
        element.kind,
        vectors=element.vectors,
        data=_file_of(element),
    )
    return _element(statement)


def _function(waveform: Waveform) -> SourceFunction:
    options: dict[str, Value] = {} if waveform.repeat is None else {"r": waveform.repeat}
    if waveform.delay:
        options["td"] = waveform.delay
    return SourceFunction(waveform.kind, waveform.args, options)


def _file_of(element: Element) -> DataFile | None:
    if isinstance(element.data, DataArray):
        raise UsageError(
            f"{element.name}: its conductances are in memory, and a netlist refers to a file",
            names=(element.name,),
            expected='g="weights.npy"',
            hint="numpy.save them, and give the file's name as g",
        )
    return element.data


def _common(call: Call) -> Expression:
    """Return a call in functions that ngspice has in B sources."""
    name, args = call.name, call.args
    if name in ("min", "max"):
        tree = args[0]
        for arg in args[1:]:
            tree = Call(name, (tree, arg))
        return tree
    if name == "hypot":
        squares = [Binary("*", arg, arg) for arg in args]
        return Call("sqrt", (Binary("+", *squares),))
    if name == "limit":
        return Call("min", (Call("max", args[:2]), args[2]))
    if name == "int":
        return Binary("*", Call("sgn", args), Call("floor", (Call("abs", args),)))
    if name == "sign":
        return Binary("*", Call("abs", args[:1]), Call("sgn", args[1:]))
    if name == "table":
        # ngspice's pwl goes on beyond its ends.
        return Call("pwl", (Call("min", (Call("max", (args[0], args[1])), args[-2])), *args[1:]))
    return call
