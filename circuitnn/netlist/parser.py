"""Netlist texts to statements: files and includes, library sections, subcircuits, element lines and cards."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from circuitnn.errors import CircuitnnError, FileError, Mistakes, NetlistError, Place, nearest
from circuitnn.netlist._plain import PlainTable
from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.definition import DeviceReader
from circuitnn.netlist.elements import parse_element
from circuitnn.netlist.expression import Expression
from circuitnn.netlist.flat import Command
from circuitnn.netlist.lexer import LogicalLine, LogicalLines, Source, read_source
from circuitnn.netlist.plain import PlainRun, Statements
from circuitnn.netlist.statements import (
    Broken,
    Conditional,
    ControlBlock,
    Directive,
    ElementStatement,
    Statement,
    SubcktDefinition,
    Value,
    broken,
)
from circuitnn.netlist.suspicious import SUSPECTED, suspicions
from circuitnn.registry import catalog

MAX_INCLUDES = 100
MAX_NESTING = 100
_WORDS = re.compile(r"[^\s=(),{}'\"\[\]]+")
_DEFINED = re.compile(r"(?<!\w)([^\W\d]\w*+)\s*+(?:(\([^()=]*\))\s*+)?=(?!=)")
#: Stands for the name of a subcircuit that has none.
_NAMELESS = "?"
#: Suspicious numbers that are told of.
_MOST_SUSPECTED = 10
# Cards that only look at results or serve .control scripts: a run without them is the same run.
_SKIPPED = frozenset(("width", "backanno"))
_LATER = frozenset(
    (
        *(
            "noise",
            "tf",
            "sens",
            "pz",
            "disto",
            "hdl",
            "osdi",
        ),
        *(
            "hb",
            "sp",
            "alter",
            "lin",
            "load",
            "loadbias",
            "savebias",
            "connect",
            "distribution",
        ),
        *("dcmatch", "global_param", "preprocess"),
    )
)


@dataclass(slots=True)
class File:
    """A file that is being read: its library section and its control block, where it is in one."""

    source: Source
    folder: Path
    key: str
    wanted: str | None = None
    active: bool = True
    section: str | None = None
    sections: dict[str, Place] = field(default_factory=dict)
    control: Place | None = None
    commands: list[Command] = field(default_factory=list)
    device: DeviceReader | None = None
    ended: bool = False


@dataclass(slots=True)
class _Frame:
    """A subcircuit that is being read, or the top level."""

    name: str | None
    body: list[Statement | PlainRun]
    number: int
    ports: tuple[str, ...] = ()
    params: dict[str, Value] = field(default_factory=dict)
    place: Place | None = None
    branches: list[tuple[Expression | None, Statements]] | None = None
    condition: Expression | None = None
    broken: bool = False


class Parser:
    """Reads a netlist.

    Parameters
    ----------
    source : Source
        The text.
    folder : Path
        What relative file names in it are relative to.
    key : str
        The absolute path of the text's file, to find files that include each other; empty when it has none.
    mistakes : Mistakes
        Where lines that cannot be read are noted.

    Attributes
    ----------
    title : str
    statements : list of Statement
    warnings : list of str
    """

    def __init__(self, source: Source, folder: Path, key: str, mistakes: Mistakes) -> None:
        self.mistakes = mistakes
        self.warnings: list[str] = []
        self._suspected = 0
        self.title = source.line(0).strip()
        self._plain = PlainTable()
        self._bodies = 0
        self._frames = [_Frame(None, [], 0)]
        self._files: list[File] = []
        self._cards: dict[str, tuple[str, Card]] = {}
        for stem, card in catalog("netlist.cards").all().items():
            for name in (stem, *card.aliases):
                self._cards[name] = (stem, card)
        self._analyses = catalog("analyses")
        if PlainTable().read(source.data, source.starts[:2], 0, 0):
            self.warn("the first line is the title; it is not read as an element", source.place(1))
        self._read(File(source, folder, key), 1)
        self._close_all(1, "")
        if self._suspected > _MOST_SUSPECTED:
            self.warn(f"{self._suspected - _MOST_SUSPECTED} more numbers like those above", None)

    # ------------------------------------------------------------------ for cards
    @property
    def file(self) -> File:
        """The file that is being read."""
        return self._files[-1]

    @property
    def inside(self) -> str | None:
        """The name of the subcircuit that is being read, or None."""
        return next((frame.name for frame in reversed(self._frames) if frame.name not in (None, _NAMELESS)), None)

    def stem(self, name: str) -> str:
        """Return the directive's own name for an alias."""
        return self._cards[name][0] if name in self._cards else name

    @property
    def statements(self) -> Statements:
        """What was read."""
        return Statements(self._frames[0].body)

    def add(self, statement: Statement) -> None:
        """Add a statement to the subcircuit that is being read, or to the netlist."""
        frame = self._frames[-1]
        frame.body.append(statement)
        if isinstance(statement, ElementStatement):
            self._plain.claim(frame.number, statement.name)

    def warn(self, message: str, place: Place | None) -> None:
        """Record a warning."""
        self.warnings.append(f"{place}: {message}" if place else message)

    def open(self, name: str, ports: tuple[str, ...], params: dict[str, Value], place: Place) -> None:
        """Begin a subcircuit."""
        if len(self._frames) > MAX_NESTING:
            raise NetlistError("subcircuits nested too deeply", place=place, expected=f"at most {MAX_NESTING} levels")
        self._bodies += 1
        self._frames.append(_Frame(name, [], self._bodies, ports, params, place))

    def close(self, cursor: Cursor, name: str) -> None:
        """End the subcircuit."""
        while self._frames[-1].branches is not None:
            self._close_open(f" before {cursor.place}")
        if len(self._frames) == 1:
            cursor.error(".ends without .subckt", last=True)
        frame = self._frames[-1]
        if name and name != frame.name:
            text = f".ends {name} closes the subcircuit {frame.name!r}"
            error = cursor.failure(cursor.last, text, expected=f".ends {frame.name}")
            if any(name == outer.name for outer in self._frames):
                error.hint = f"the subcircuit {frame.name!r} of {frame.place} is not closed before"
            self.mistakes.add(error)
            while error.hint and self._frames[-1].name != name:  # those inside lack their .ends
                self._end()
        self._end()

    def _end(self) -> None:
        """Leave the innermost subcircuit or conditional, and add what it holds."""
        frame = self._frames.pop()
        made: Statement
        if frame.name is not None:
            made = SubcktDefinition(frame.name, frame.ports, frame.params, Statements(frame.body), frame.place)
        else:
            assert frame.branches is not None
            made = Conditional(tuple(frame.branches), frame.place)
        if frame.broken:
            for what in broken(made):
                self.add(what)
        else:
            self.add(made)

    def _close_open(self, where: str) -> None:
        """Note that the innermost subcircuit or conditional is not closed, and close it."""
        frame = self._frames[-1]
        if frame.branches is not None:
            text, expected = ".if is not closed", ".endif"
            frame.branches.append((frame.condition, Statements(frame.body)))
        else:
            text, expected = f"the subcircuit {frame.name!r} is not closed", ".ends"
        if frame.name != _NAMELESS:
            self.mistakes.add(NetlistError(text + where, place=frame.place, expected=expected))
        self._end()

    def _close_all(self, depth: int, where: str) -> None:
        while len(self._frames) > depth:
            self._close_open(where)

    def open_branch(self, first: bool, condition: Expression | None, place: Place) -> None:
        """Begin a conditional, or its next branch."""
        if len(self._frames) > MAX_NESTING:
            raise NetlistError(".if nested too deeply", place=place, expected=f"at most {MAX_NESTING} levels")
        if first:
            self._frames.append(_Frame(None, [], 0, place=place, branches=[]))
        # Branches may hold elements of the same names: each is a body of its own.
        frame = self._frames[-1]
        self._bodies += 1
        frame.number, frame.body, frame.condition = self._bodies, [], condition

    def close_branch(self, place: Place, *, last: bool) -> None:
        """End a branch, and with the last one the conditional."""
        frame = self._frames[-1]
        if frame.branches is None:
            raise NetlistError("no .if is open here", place=place, expected=".if (condition) above")
        if frame.condition is None and not last and not frame.broken:
            raise NetlistError("a branch after .else", place=place, expected=".endif")
        frame.branches.append((frame.condition, Statements(frame.body)))
        if last:
            self._end()

    def include(self, name: str, place: Place, section: str | None = None) -> None:
        """Read another file, or one section of it, at this point."""
        path, key = self._locate(name, place, "a netlist file")
        if section is not None:
            section = section.lower()
        # A library may call its own sections, so a cycle is the same file and the same section.
        chain = [(file.key, file.wanted) for file in self._files]
        if (key, section) in chain:
            names = [file.source.name for file in self._files[chain.index((key, section)) :]] + [name]
            raise NetlistError(
                f"files include each other: {' -> '.join(names)}",
                place=place,
                expected="files that include others, not themselves",
                names=names,
            )
        if len(chain) >= MAX_INCLUDES:
            raise NetlistError("files included too deeply", place=place, expected=f"at most {MAX_INCLUDES} levels")
        file = File(read_source(path, str(path), place), path.parent, key, section, section is None)
        depth = len(self._frames)
        self._read(file, 0)
        self._close_all(depth, " in its file")
        if section is not None and section not in file.sections:
            raise NetlistError(
                f"{name!r} has no section {section!r}",
                place=place,
                names=(section,),
                expected=f"one of {', '.join(sorted(file.sections))}"
                if file.sections
                else ".lib section ... .endl in it",
                hint=nearest(section, file.sections),
            )

    def _locate(self, name: str, place: Place | None, what: str) -> tuple[Path, str]:
        """Return a file named in the text, and its absolute path."""
        try:
            path = Path(name).expanduser() if name.startswith("~") else Path(name)
            path = path if path.is_absolute() else self.file.folder / path
            return path, str(path.resolve())
        except (OSError, ValueError, RuntimeError) as error:
            raise FileError(f"cannot read {name!r}: {error}", place=place, expected=what) from None

    # ------------------------------------------------------------------ lines
    def _read(self, file: File, first: int) -> None:
        self._files.append(file)
        lines = LogicalLines(file.source, first)
        while not file.ended:
            if file.active and file.control is None and file.device is None:
                lines.position = self._plain_lines(file.source, lines.position)
            lines.script = file.control is not None
            line = None
            try:
                line = next(lines, None)
                if line is None:
                    break
                if file.control is not None:
                    self._command(line)
                elif file.device is not None:
                    self._device_line(file.device, line)
                elif file.active:
                    self._line(line)
                elif line.text.lstrip().startswith((".lib", ".endl")):
                    self._card(line)
            except (NetlistError, FileError) as error:
                self._refuse(error, line)
        if file.control is not None:
            self.warn(".control is not closed: everything down to the file's end belongs to it", file.control)
            self.add(ControlBlock(tuple(file.commands), file.control))
            file.control = None
        if file.device is not None:
            self._unclosed(file.device, "")
        if file.section is not None:
            place = file.sections[file.section]
            self.mistakes.add(
                NetlistError(f"the section {file.section!r} is not closed", place=place, expected=".endl")
            )
        self._files.pop()

    def _refuse(self, error: CircuitnnError, line: LogicalLine | None) -> None:
        """Note a line that cannot be read, and what it would have defined."""
        self.mistakes.add(error)
        first, *words = _WORDS.findall(line.text if line else "") or [""]
        stem = self.stem(first[1:]) if first.startswith(".") else ""
        if self.file.device is not None:
            self.file.device.lose(*words[:1])
            return
        if not line or not first or self.file.control is not None:
            return
        if stem == "device" and first == ".device":
            self.file.device = DeviceReader(words[0] if words else _NAMELESS, (), "", line.start)
            self.file.device.lose()
            return
        if not stem:
            self.add(Broken("element", first, tuple(words)))
        elif stem == "subckt" and first not in (".ends", ".eom"):
            self._bodies += 1
            frame = _Frame(words[0] if words else _NAMELESS, [], self._bodies, place=line.start, broken=True)
            self._frames.append(frame)
        elif stem == "if" and first == ".if":
            self.open_branch(True, None, line.start)
            self._frames[-1].broken = True
        elif stem == "if" and self._frames[-1].branches is not None:
            self._frames[-1].broken = True
        elif stem in ("model", "func") and words:
            self.add(Broken("model" if stem == "model" else "function", words[0]))
        elif stem == "param":
            for name, call in _DEFINED.findall(line.text):
                self.add(Broken("function" if call else "parameter", name))
        elif stem in ("include", "lib"):
            self.mistakes.unread.append(error.names[0] if error.names else words[0] if words else "a file")

    def _plain_lines(self, source: Source, first: int) -> int:
        """Read the plain element lines from a physical line on; return the line that is none."""
        frame, start = self._frames[-1], len(self._plain)
        following = self._plain.read(source.data, source.starts, first, frame.number)
        if len(self._plain) > start:
            frame.body.append(PlainRun(self._plain, source, frame.number, start, len(self._plain)))
        return following

    def _line(self, line: LogicalLine) -> None:
        cursor = Cursor(line)
        if cursor.char == ".":
            self._card(line)
            return
        if line.text.strip() == ")":
            self.warn("a line that only closes a parenthesis is left out", cursor.place)
            return
        statement = parse_element(cursor)
        self._doubt(cursor, statement.name)
        if statement.name[0] in SUSPECTED:
            self._suspect(line, statement.name[0], statement.name)
        if statement.data is not None:
            # Absolute, so that the netlist means the same wherever it is written to.
            data = statement.data
            _, path = self._locate(data.path, data.place, "a matrix in a .npy, .npz or .csv file")
            statement = replace(statement, data=replace(data, path=path))
        elif statement.function is not None and statement.function.data is not None:
            points = statement.function.data
            _, path = self._locate(points.path, points.place, "a file of times and values")
            statement = replace(statement, function=replace(statement.function, data=replace(points, path=path)))
        self.add(statement)

    def _suspect(self, line: LogicalLine, first: str, owner: str) -> None:
        """Warn of numbers that are surely meant otherwise."""
        for offset, number, meaning in suspicions(line.raw, first):
            self._suspicion(f"{owner}: {number} is {meaning}", line.place(offset))

    def _doubt(self, cursor: Cursor, owner: str) -> None:
        """Warn of numbers that a line holds and that are read otherwise than they look."""
        for offset, text in cursor.doubts:
            self._suspicion(f"{owner}: {text}", cursor.line.place(offset))

    def _suspicion(self, text: str, place: Place) -> None:
        """Warn, but in a deck full of such numbers of a few only."""
        self._suspected += 1
        if self._suspected <= _MOST_SUSPECTED:
            self.warn(text, place)

    def _card(self, line: LogicalLine) -> None:
        cursor = Cursor(line)
        name = cursor.word("a directive")[1:]
        known = self._cards.get(name)
        if known is not None:
            card: Card = known[1]
        elif name in self._analyses:
            card = ANALYSIS
            self._suspect(line, f".{name}", f".{name}")
        elif name in _SKIPPED:
            self.warn(f".{name} is not supported yet and was skipped", cursor.place)
            return
        elif name in _LATER:
            cursor.error(f".{name} is not supported yet", last=True)
        else:
            every: list[Any] = [*self._cards, *self._analyses.names()]
            cursor.error(
                f"unknown directive .{name}",
                last=True,
                expected=".op, .dc, .ac, .tran, .model, .param, .subckt or another directive",
                hint=nearest(name, every),
            )
        try:
            card.read(name, cursor, self)
            self._doubt(cursor, f".{name}")
        except NetlistError as error:
            if error.expected is None and card.usage:
                error.expected = card.usage
            raise

    def close_device(self) -> None:
        """End the device that is being read, and note what it lacks."""
        reader = self.file.device
        assert reader is not None
        self.file.device = None
        self.add(reader.finished(self.mistakes))

    def _device_line(self, device: DeviceReader, line: LogicalLine) -> None:
        """Read a line of a device; a directive ends it."""
        cursor = Cursor(line)
        if cursor.char != ".":
            device.read(cursor)
        elif cursor.peek() in (".enddevice", ".ends", ".eom"):
            self._card(line)
        else:
            self._unclosed(device, f" before {cursor.place}")
            self._line(line)

    def _unclosed(self, device: DeviceReader, where: str) -> None:
        """Note that a device lacks its end, and end it."""
        text = f"the device {device.name!r} is not closed{where}"
        self.mistakes.add(NetlistError(text, place=device.place, expected=".enddevice"))
        device.lose()
        self.close_device()

    def _command(self, line: LogicalLine) -> None:
        """Keep a line of a control block."""
        if line.text.split(None, 1)[0] == ".endc":
            self._card(line)
        else:
            self.file.commands.append(Command(line.raw.strip(), line.start))


class _Analysis(Card):
    """The card of any analysis: words, which the analysis itself checks."""

    def read(self, name: str, cursor: Cursor, parser: Parser) -> None:
        """Read the words."""
        if parser.inside is not None:
            cursor.error(
                f".{name} inside the subcircuit {parser.inside!r}", last=True, hint="move it out of .subckt ... .ends"
            )
        parser.add(Directive(name, self.words(cursor), cursor.place))


ANALYSIS = _Analysis()
