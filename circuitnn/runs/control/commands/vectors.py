"""Commands on vectors and plots: ``let print echo display setplot ...``."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from circuitnn.errors import CircuitnnError
from circuitnn.measure.expression import Defined, parse_vectors, split_expressions
from circuitnn.measure.functions import CONSTANTS
from circuitnn.runs.control.interpreter import Interpreter, digits, split_words, unquoted
from circuitnn.runs.control.plots import Plot, Vector

_NAME = re.compile(r"[a-z_][\w.#]*(?:\([^()]*\))?")
_INDEXED = re.compile(r"([a-z_][\w.#]*)\s*\[([^\]]*)\]$")
_DEFINITION = re.compile(r"([a-z_]\w*)\s*\(([^()]*)\)\s*(?:=\s*)?(\S.*)")
_MOST_ROWS = 100_000


def let(run: Interpreter, text: str) -> None:
    """``let name = expression``, ``let name[index] = expression``."""
    if not text:
        display(run, "")
        return
    name, equals, value = text.partition("=")
    name = name.strip().lower()
    if not equals or not value.strip():
        run.fail("let without a value", expected="let NAME = EXPRESSION")
    found = np.asarray(run.plots.evaluate(value))
    indexed = _INDEXED.fullmatch(name)
    if indexed is not None:
        vector = np.array(run.plots.lookup(indexed[1]), ndmin=1)
        at = int(run.number(indexed[2]))
        if not 0 <= at < len(vector) or found.size != 1:
            run.fail(f"{name} does not exist" if found.size == 1 else f"{name} takes one number")
        vector = vector.astype(np.result_type(vector, found))
        vector[at] = found.reshape(-1)[0]
        plots = (run.plots.current, run.plots.const)
        owner = next((plot for plot in plots if indexed[1] in plot.vectors), run.plots.current)
        owner.vectors[indexed[1]] = vector
        return
    if name not in run.plots.current.vectors and name in run.plots.const.vectors and name not in CONSTANTS:
        run.plots.const.vectors[name] = found  # what a script sets before any analysis serves all plots
        return
    plot, dot, rest = name.partition(".")
    into = run.plots.all[plot] if dot and plot in run.plots.all else run.plots.current
    name = rest if into is not run.plots.current or (dot and plot in run.plots.all) else name
    if not _NAME.fullmatch(name):
        run.fail(f"{name!r} cannot name a vector")
    into.vectors[name] = found


def unlet(run: Interpreter, text: str) -> None:
    """``unlet name ...``."""
    for name in text.lower().split():
        if run.plots.current.vectors.pop(name, None) is None:
            run.warn(f"there is no vector {name!r} to remove")


def print_(run: Interpreter, text: str) -> None:
    """``print expression ...``: numbers a line each, longer vectors as a table along the axis."""
    words = split_expressions(text)
    if words and words[0].lower() in ("col", "line"):
        words = words[1:]
    plot = run.plots.current
    words = [name for word in words for name in (plot.names() if word.lower() == "all" else [word])]
    if not words:
        run.fail("nothing to print", expected="print EXPRESSION ...")
    count = _digits(run)
    found = []
    for word in words:
        try:
            found.append((word, np.atleast_1d(run.plots.evaluate(word))))
        except CircuitnnError as error:
            run.warn(error.message + (f" ({error.hint})" if error.hint else ""))
    if all(len(value) == 1 for _, value in found):
        for word, value in found:
            run.say(f"{word} = {digits(value[0], count)}")
        return
    _table(run, plot, found, count)


def _table(run: Interpreter, plot: Plot, found: list[tuple[str, Vector]], count: int) -> None:
    rows = max(len(value) for _, value in found)
    axis = plot.axis
    columns = list(found)
    if axis is not None and len(axis) == rows and not any(value is axis for _, value in found):
        name = plot.result.variables[0].name if plot.result is not None else plot.axis_name
        columns.insert(0, (name, np.real(axis)))
    run.say("Index\t" + "\t".join(name for name, _ in columns))
    for k in range(min(rows, _MOST_ROWS)):
        run.say(f"{k}\t" + "\t".join(digits(value[k], count) if k < len(value) else "" for _, value in columns))
    if rows > _MOST_ROWS:
        run.warn(f"print shows {_MOST_ROWS} of {rows} points; wrdata writes all of them")


def _digits(run: Interpreter) -> int:
    words = run.variables.get("numdgt", ["6"])
    return min(max(int(words[0]), 1), 16) if words and words[0].isdigit() else 6


def echo(run: Interpreter, text: str) -> None:
    """``echo words``."""
    words = split_words(text)
    if words[:1] == ["-n"]:
        words = words[1:]
    run.say(" ".join([unquoted(word) for word in words]))


def display(run: Interpreter, text: str) -> None:
    """``display``: the vectors of the current plot."""
    plot = run.plots.current
    run.say(f"Name: {plot.name} ({plot.title})")
    for name in sorted(text.lower().split() or plot.names()):
        value = plot.find(name)
        if value is not None:
            kind = "complex" if np.iscomplexobj(value) else "real"
            run.say(f"    {name:<20}: {kind}, {np.size(value)} long")


def setplot(run: Interpreter, text: str) -> None:
    """``setplot name``, ``setplot new``, ``setplot previous|next``; alone it lists all plots."""
    name = text.strip().lower()
    names = [*run.plots.all]
    if not name:
        for plot in reversed(run.plots.all.values()):
            mark = "Current " if plot is run.plots.current else "\t"
            run.say(f"{mark}{plot.name}\t{plot.title}")
        return
    if name == "new":
        run.plots.add("unknown", "anonymous")
        return
    if name in ("previous", "next"):
        at = names.index(run.plots.current.name) + (1 if name == "next" else -1)
        name = names[at] if 0 <= at < len(names) else ""
    if name not in run.plots.all:
        run.fail(f"there is no plot {text.strip()!r}", expected=", ".join(names))
    run.plots.current = run.plots.all[name]


def destroy(run: Interpreter, text: str) -> None:
    """``destroy [name ...|all]``: forget plots; the results of the run keep them."""
    names = text.lower().split() or [run.plots.current.name]
    if names == ["all"]:
        names = [name for name in run.plots.all if name != "const"]
    for name in names:
        if name == "const" or name not in run.plots.all:
            run.warn(f"there is no plot {name!r} to destroy")
        else:
            run.plots.remove(name)


def compose(run: Interpreter, text: str) -> None:
    """``compose name values x ...`` or ``compose name start=x stop=x step=x|lin=n|log=n``."""
    name, _, rest = text.lower().partition(" ")
    words = rest.split()
    if words[:1] == ["values"]:
        vector: Any = np.array([run.number(word) for word in words[1:] if word not in "()"])
    else:
        given = {key: run.number(value) for key, value in re.findall(r"(\w+)\s*=\s*(\S+)", rest)}
        start, stop = given.get("start", 0.0), given.get("stop", 0.0)
        if given.get("lin", 0) >= 1:
            vector = np.linspace(start, stop, _count(run, given["lin"]))
        elif given.get("log", 0) >= 1 and start * stop > 0.0:
            vector = np.geomspace(start, stop, _count(run, given["log"]))
        elif given.get("step", 0.0) * (stop - start) > 0.0:
            vector = start + given["step"] * np.arange(_count(run, (stop - start) / given["step"] * (1 + 1e-9) + 1))
        else:
            vector = np.zeros(0)
    if not len(vector) or not _NAME.fullmatch(name):
        run.fail("a malformed compose", expected="compose NAME values X ... or compose NAME start=X stop=X step=X")
    run.plots.current.vectors[name] = vector


def _count(run: Interpreter, number: float) -> int:
    if not 1 <= number <= 10_000_000:
        run.fail(f"{number:g} points")
    return int(number)


def set_(run: Interpreter, text: str) -> None:
    """``set name``, ``set name = value``, ``set name = ( value ... )``."""
    name, equals, value = text.partition("=")
    name = name.strip()
    if not name:
        return
    if not equals:
        name, _, value = name.partition(" ")
    words = [unquoted(word) for word in split_words(value) if word not in ("(", ")")]
    words = [word.strip("()") if not equals or "(" in value else word for word in words]
    if name.lower() == "curplot" and words:
        setplot(run, words[0])
        return
    if name.lower() == "temp" and words:
        run.set_options({"temp": run.number(words[0])})
    run.variables[name] = [word for word in words if word] or ([""] if equals else ["true"])


def define(run: Interpreter, text: str) -> None:
    """``define name(a, b) expression``: a function for the expressions of the script."""
    found = _DEFINITION.fullmatch(text.lower())
    if found is None:
        run.fail("a malformed define", expected="define NAME(ARGUMENT, ...) EXPRESSION")
    args = tuple(word.strip() for word in found[2].split(",")) if found[2].strip() else ()
    if len(set(args)) != len(args) or not all(_NAME.fullmatch(arg) for arg in args):
        run.fail("define wants unlike names as arguments", expected="define NAME(ARGUMENT, ...) EXPRESSION")
    run.plots.functions[found[1]] = Defined(args, parse_vectors(found[3], run.plots.functions))


def undefine(run: Interpreter, text: str) -> None:
    """``undefine name ...`` or ``undefine *``."""
    names = [*run.plots.functions] if text.strip() == "*" else text.lower().split()
    for name in names:
        run.plots.functions.pop(name, None)


def strcmp(run: Interpreter, text: str) -> None:
    """``strcmp variable a b``: 0 when two texts are the same, -1 or 1 otherwise."""
    words = [unquoted(word) for word in split_words(text)]
    if len(words) != 3:
        run.fail("strcmp wants a variable and two texts", expected="strcmp VARIABLE TEXT TEXT")
    name, a, b = words
    run.variables[name] = [str((a > b) - (a < b))]


def unset(run: Interpreter, text: str) -> None:
    """``unset name ...``."""
    for name in text.split():
        run.variables.pop(name, None)


EXPORT = {
    "let": let, "unlet": unlet, "print": print_, "echo": echo, "display": display, "setplot": setplot,
    "destroy": destroy, "compose": compose, "set": set_, "setcs": set_, "unset": unset, "define": define,
    "undefine": undefine, "strcmp": strcmp,
}  # fmt: skip
