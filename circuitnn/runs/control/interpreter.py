"""Runs a script, command by command."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from circuitnn.circuit.circuit import Circuit
from circuitnn.circuit.options import SimOptions
from circuitnn.errors import (
    AnalysisError,
    CircuitError,
    CircuitnnError,
    Mistakes,
    NetlistError,
    Place,
    UsageError,
    nearest,
)
from circuitnn.netlist.flat import AnalysisCard, Command, FlatNetlist
from circuitnn.netlist.netlist import parse
from circuitnn.registry import catalog
from circuitnn.results.atomic import replacing
from circuitnn.results.results import Results
from circuitnn.results.stream import RawStream
from circuitnn.runs.control.plots import Plot, Plots, Vector
from circuitnn.runs.control.script import MARKS, Block, read_script

if TYPE_CHECKING:
    from circuitnn.netlist.netlist import Netlist

Progress = Callable[[float], None]
Action = Callable[["Interpreter", str], None]

#: Commands that a script may execute in all, so that no loop runs for ever.
MAX_COMMANDS = 1_000_000
#: Commands that an analysis counts for.
_ANALYSIS_COST = 10
#: Lines that a script may print.
MAX_LINES = 1_000_000
_WORDS = ("if", "while", "dowhile", "repeat", "foreach", "break", "continue", "quit", "exit")
#: Commands whose lines ``> file`` and ``>> file`` put into a file.
_PRINTING = ("print", "echo", "display", "listing", "setplot", "meas", "measure", "fourier")
_REDIRECTED = re.compile(r"(.*?)\s*(>>?)\s*([^\s<>=]+|\"[^\"]+\")\s*")
_VECTOR = r"[A-Za-z_@][\w.#]*(?:\([^()\s]*\))?(?:\[[^\]\s]*\])?"
_DOLLAR = re.compile(
    rf"\$&(?:\{{({_VECTOR})\}}|({_VECTOR}))|\{{\$&({_VECTOR})\}}|\{{\$([?#]?)(\w+)\}}|\$([?#]?)(\w+)(?:\[(\d+)(?:-(\d+))?\])?"
)


class Leave(Exception):
    """Carries ``break`` and ``continue`` out of loops, and ``quit`` out of the script."""

    def __init__(self, word: str, levels: int = 1) -> None:
        self.word, self.levels = word, levels


class Interpreter:
    """The state of a script that runs.

    Parameters
    ----------
    netlist : Netlist
    flat : FlatNetlist
    results : Results
        Where results, measures, printed lines and warnings go.
    progress : callable, optional
    stream : RawStream, optional
        Where results are written to as they come.

    Attributes
    ----------
    circuit : Circuit
        With what ``alter`` has changed; ``reset`` makes it anew.
    plots : Plots
    variables : dict of str to list of str
        Those of ``set``.
    params : dict of str to float
        Those of ``alterparam``.
    place : Place or None
        Of the command that runs.
    """

    def __init__(
        self,
        netlist: Netlist,
        flat: FlatNetlist,
        results: Results,
        progress: Progress | None = None,
        stream: RawStream | None = None,
    ) -> None:
        self.netlist, self.flat, self.results, self.progress, self.stream = netlist, flat, results, progress, stream
        self.circuit = Circuit.from_flat(flat)
        self.plots = Plots()
        self.variables: dict[str, list[str]] = {}
        self.params: dict[str, float] = {}
        self.place: Place | None = None
        self._count = 0
        self._sample = 0
        self.plots.const.vectors.update({name: np.asarray(value) for name, value in flat.csparams.items()})

    # ------------------------------------------------------------------ running
    def run(self) -> None:
        """Run the script of the netlist.

        Raises
        ------
        NetlistError
            For an unknown command or a loop that is not closed, before anything runs; when too many commands run.
        CircuitnnError
            When an analysis fails.
        """
        blocks = checked_script(self.flat.script)
        try:
            self._blocks(blocks)
        except Leave as leave:
            if leave.word != "quit":
                raise NetlistError(f"{leave.word} outside a loop", place=self.place) from None
        except CircuitnnError as error:
            error.place = error.place or self.place
            raise
        finally:
            self.results.warnings += [w for w in self.circuit.warnings if w not in self.results.warnings]

    def _blocks(self, blocks: Sequence[Block]) -> None:
        for block in blocks:
            self._count += 1
            if self._count > MAX_COMMANDS:
                raise NetlistError("the script runs too many commands", place=block.place, expected=f"{MAX_COMMANDS}")
            self.place = block.place
            control = getattr(self, f"_{block.word}", None) if block.word in _WORDS else None
            if control is not None:
                control(block)
                continue
            try:
                self._command(block.word, self.substitute(block.rest))
            except (AnalysisError, UsageError, NetlistError) as error:
                if getattr(error, "result", None) is not None or isinstance(error, NetlistError):
                    raise
                # As in ngspice, a command that cannot be done does not end the script.
                self.warn(error.message + (f" ({error.hint})" if error.hint else ""))

    def _command(self, word: str, text: str) -> None:
        sent = _REDIRECTED.fullmatch(text) if word in _PRINTING else None
        if sent is None:
            commands()[word](self, text)
            return
        target, start = self.file(sent[3]), len(self.results.printed)
        commands()[word](self, sent[1])
        lines = self.results.printed[start:]
        del self.results.printed[start:]
        old = target.read_text(encoding="utf-8") if sent[2] == ">>" and target.is_file() else ""
        with replacing(target) as temporary:
            temporary.write_text(old + "".join([f"{line}\n" for line in lines]), encoding="utf-8")

    def warn(self, message: str) -> None:
        """Note what the deck's author should know of the command that runs."""
        text = f"{self.place}: {message}" if self.place else message
        if text not in self.results.warnings:
            self.results.warnings.append(text)

    def fail(self, message: str, expected: str | None = None, hint: str | None = None) -> NoReturn:
        """Give the command up; the script goes on."""
        raise UsageError(message, place=self.place, expected=expected, hint=hint)

    def say(self, line: str) -> None:
        """Print a line."""
        if len(self.results.printed) >= MAX_LINES:
            raise NetlistError("the script prints too much", place=self.place, expected=f"at most {MAX_LINES} lines")
        self.results.printed.append(line)

    # ------------------------------------------------------------------ loops and conditions
    def _if(self, block: Block) -> None:
        self._blocks(block.body if self.holds(block.rest) else block.otherwise)

    def _while(self, block: Block) -> None:
        while self.holds(block.rest) and self._pass(block):
            self._tick(block)

    def _dowhile(self, block: Block) -> None:
        while self._pass(block) and self.holds(block.rest):
            self._tick(block)

    def _repeat(self, block: Block) -> None:
        times = self.number(self.substitute(block.rest)) if block.rest else np.inf
        done = 0
        while done < times and self._pass(block):
            self._tick(block)
            done += 1

    def _foreach(self, block: Block) -> None:
        name, *values = [unquoted(word) for word in split_words(self.substitute(block.rest))] or [""]
        if not name:
            raise NetlistError("foreach without a variable", place=block.place, expected="foreach NAME VALUE ...")
        for value in [v for v in values if v not in ("(", ")")]:
            self.variables[name] = [value]
            if not self._pass(block):
                break

    def _tick(self, block: Block) -> None:
        self._count += 1
        if self._count > MAX_COMMANDS:
            raise NetlistError("the loop does not end", place=block.place, expected=f"at most {MAX_COMMANDS} commands")

    def _pass(self, block: Block) -> bool:
        """Run a loop's body once; return whether the loop goes on."""
        try:
            self._blocks(block.body)
        except Leave as leave:
            if leave.word == "quit":
                raise
            if leave.levels > 1:
                raise Leave(leave.word, leave.levels - 1) from None
            return leave.word == "continue"
        return True

    def _break(self, block: Block) -> None:
        raise Leave("break", int(block.rest) if block.rest.isdigit() else 1)

    def _continue(self, block: Block) -> None:
        raise Leave("continue", int(block.rest) if block.rest.isdigit() else 1)

    def _quit(self, block: Block) -> None:
        raise Leave("quit")

    _exit = _quit

    def holds(self, condition: str) -> bool:
        """Whether a condition is true: any point of it is not zero; words that are no vectors compare as texts."""
        try:
            text = self.substitute(condition)
        except (AnalysisError, UsageError) as error:
            self.warn(f"the condition {condition!r} counts as false: {error.message}")
            return False
        try:
            return bool(np.any(self.plots.evaluate(text) != 0))
        except CircuitnnError as error:
            sides = re.fullmatch(r"\s*\"?([\w.+-]*)\"?\s*(=|==|eq|!=|<>|ne)\s*\"?([\w.+-]*)\"?\s*", text)
            if sides is None:
                self.warn(f"the condition {text!r} counts as false: {error.message}")
                return False
            return (sides[1] == sides[3]) == (sides[2] in ("=", "==", "eq"))

    # ------------------------------------------------------------------ words and values
    def substitute(self, text: str) -> str:
        """Return a line with its variables as their values: ``$name``, ``$name[2]``, ``$&vector``, ``$#``, ``$?``."""
        return _DOLLAR.sub(self._value_of, text) if "$" in text else text

    def _value_of(self, found: re.Match[str]) -> str:
        vector = found[1] or found[2] or found[3]
        if vector:
            values = np.atleast_1d(self.plots.evaluate(vector))
            return " ".join(_short(value) for value in values.tolist())
        name, what = found[5] or found[7], found[4] or found[6]
        special = self._special(name)
        if what == "?":
            return "1" if name in self.variables or special is not None else "0"
        values_of = self.variables.get(name, special)
        if values_of is None:
            self.fail(f"there is no variable {name!r}", hint=nearest(name, self.variables))
        if what == "#":
            return str(len(values_of))
        if found[8]:
            first = int(found[8])
            values_of = values_of[first - 1 : int(found[9]) if found[9] else first]
        return " ".join(values_of)

    def _special(self, name: str) -> list[str] | None:
        plot = self.plots.current
        return {
            "batchmode": ["true"],
            "curplot": [plot.name],
            "curplottitle": [self.flat.title],
            "curplotname": [plot.title],
            "plots": [*self.plots.all],
        }.get(name)

    def number(self, text: str) -> float:
        """Return a number or an expression's real value."""
        value = np.atleast_1d(self.plots.evaluate(text.strip().strip("'\"{}") or "?"))
        if value.size != 1:
            self.fail(f"{text!r} is not one number")
        return float(np.real(value[0]))

    def flag(self, name: str) -> bool:
        """Whether a variable is set to anything but false."""
        return name in self.variables and self.variables[name] not in (["false"], ["0"])

    def file(self, name: str, suffix: str = "") -> Path:
        """Return the path of a file that a command writes: inside the working folder."""
        name = unquoted(name)
        path = Path(name)
        target = path.resolve()
        if not name or path.is_absolute() or not target.is_relative_to(Path().resolve()):
            self.fail(f"{name!r} is not written", expected="a file inside the working folder")
        if not target.parent.is_dir():
            self.fail(f"{name!r} is not written: there is no folder {path.parent}")
        return path.with_name(path.name + suffix) if suffix and not path.suffix else path

    # ------------------------------------------------------------------ analyses
    def analyse(self, cards: Sequence[AnalysisCard], *, whole: bool = False) -> Plot:
        """Run analyses; each makes a plot. ``whole`` is true for all of the deck's cards: then ``.four`` counts."""
        from circuitnn.runs.session import Requests, analyses_of, run_analyses

        self._count += _ANALYSIS_COST * len(cards)
        asked = analyses_of([replace(card, place=card.place or self.place) for card in cards])
        for one in asked:
            done = Results()
            try:
                run_analyses(self.circuit, [one], done, stream=self.stream, progress=self.progress)
            except CircuitError as error:
                error.place = error.place or self.place
                raise
            finally:
                for result in done.values():
                    name = self.results.add(replace_totals(result))
                    plot = self.plots.add(result.kind, result.title, self.results[name])
                    plot.step = getattr(one[0], "step", None)
                    Requests(self.flat).fulfil(self.results[name], self.results, harmonics=whole)
        return self.plots.current

    def set_options(self, given: dict[str, float | str]) -> None:
        """Change simulator options."""
        options, warnings = SimOptions.from_netlist({**self.circuit.options.changed(), **given})
        self.circuit.options = options
        for warning in warnings:
            self.warn(warning)

    def reset(self) -> None:
        """Make the circuit anew: with what ``alterparam`` did, without ``alter``; random numbers are drawn again."""
        self._sample += 1
        self.flat = self.netlist.expand(self.params, sample=self._sample)
        fresh = Circuit.from_flat(self.flat)
        fresh.adopt(self.circuit)
        self.circuit = fresh


def replace_totals(result: Any) -> Any:
    """Return a result without its totals, which are a result of their own."""
    copy = result.__class__.__new__(result.__class__)
    copy.__dict__.update(result.__dict__, totals=None)
    return copy


@cache
def commands() -> dict[str, Action]:
    """Return all commands by name."""
    found: dict[str, Action] = {}
    for group in catalog("runs.control.commands").all().values():
        found.update(group)
    return found


def checked_script(script: Sequence[Command]) -> list[Block]:
    """Return the tree of a script; raise what `check_script` finds in it."""
    mistakes = Mistakes()
    blocks = check_script(script, mistakes)
    mistakes.throw()
    return blocks


def check_script(script: Sequence[Command], mistakes: Mistakes) -> list[Block]:
    """Return the tree of a script; note unknown commands, malformed analyses and loops that are not closed."""
    known = {*commands(), *_WORDS, *MARKS}
    for command in script:
        word, _, rest = command.text.partition(" ")
        word = word.lower()
        if word not in known:
            mistakes.add(
                NetlistError(
                    f"there is no command {word!r}",
                    place=command.place,
                    expected="run, op, dc, ac, tran, let, print, meas or another command",
                    hint=nearest(word, known),
                )
            )
        elif word in catalog("analyses") and "$" not in rest:
            try:
                analysis_card(word, rest, command.place)
            except NetlistError as error:
                mistakes.add(error)
    try:
        return read_script(script)
    except NetlistError as error:
        mistakes.add(error)
    return []


def analysis_card(name: str, text: str, place: Place | None) -> AnalysisCard:
    """Return the card of an analysis that a command asks for; raise NetlistError when it is malformed."""
    try:
        (card,) = parse(f"command\n.{name} {text}\n").expand().analyses
        catalog("analyses").get(name).from_card(card)
    except NetlistError as error:
        error.place = place
        raise
    return replace(card, place=place)


def _short(value: complex | float) -> str:
    """Return a number as ngspice puts it into a line."""
    return f"{value.real:g},{value.imag:g}" if isinstance(value, complex) else f"{value:g}"


def split_words(text: str) -> list[str]:
    """Return the words of a line; quotes keep blanks together.

    Examples
    --------
    >>> split_words('a "b c" ( 1 2 )')
    ['a', '"b c"', '(', '1', '2', ')']
    """
    return re.findall(r'"[^"]*"|\'[^\']*\'|[^\s"\']+', text)


def unquoted(word: str) -> str:
    """Return a word without its quotes."""
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"" else word


def digits(value: complex | float | Vector, count: int) -> str:
    """Return a number as ngspice's ``print`` writes it: the sign takes the place of a digit.

    Examples
    --------
    >>> digits(0.5, 6), digits(-1.0, 6), digits(1 + 2j, 6)
    ('5.000000e-01', '-1.00000e+00', '1.000000e+00,2.000000e+00')
    """
    number: Any = value.item() if isinstance(value, np.ndarray | np.generic) else value
    if isinstance(number, complex):
        return f"{digits(number.real, count)},{digits(number.imag, count)}"
    return f"{number:.{count - (number < 0)}e}"
