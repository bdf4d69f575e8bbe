"""Devices that a netlist writes itself: the grammar of their lines, whether their names fit, and the lines as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from circuitnn.errors import Mistakes, NetlistError, Place, nearest
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.expression import Call, Name, Number, Probe, format_number, to_text, walk
from circuitnn.netlist.functions import CONSTANTS, FUNCTIONS
from circuitnn.netlist.statements import DeviceDefinition, DeviceEquation, DeviceParam, DeviceState
from circuitnn.registry import catalog

#: Names that every device's equations know: absolute temperature in K, time in s, the junction conductance in S.
KNOWN = ("temperature", "time", "gmin")
#: Functions of expressions that equations of a device do without, and why.
_REFUSED = {
    **dict.fromkeys(("int", "nint", "floor", "ceil", "%"), "an expression without jumps that come again and again"),
    "ddt": "a charge or a rate is what changes in time",
    "idt": "a state is what adds up in time: state x=0, rate x = ...",
    **dict.fromkeys(("agauss", "gauss", "aunif", "unif"), "random numbers belong into the parameters of a model card"),
}
_NAME = re.compile(r"[a-z_]\w*", re.ASCII)
_USAGE = {
    "param": 'param name=default [unit=ohm] [low=0 | above=0] [high=1] [doc="text"] [source="text"]',
    "state": 'state name=initial [unit=1] [low=0] [high=1] [scale=1] [doc="text"]',
    "let": "let name = expression",
    "current": "current from to = expression",
    "charge": "charge from to = expression",
    "rate": "rate state = expression",
    "noise": "noise [name] from to = expression",
    "flicker": "flicker [name] from to = expression",
}
_TEXTS = ("unit", "doc", "source")
_NUMBERS = {"param": ("low", "above", "high"), "state": ("low", "high", "scale")}


class DeviceReader:
    """Reads the lines of one device.

    Parameters
    ----------
    name : str
    terminals : tuple of str
    doc : str
    place : Place
    """

    def __init__(self, name: str, terminals: tuple[str, ...], doc: str, place: Place) -> None:
        self.name, self.terminals, self.doc, self.place = name, terminals, doc, place
        self._parts: list[DeviceParam | DeviceState | DeviceEquation] = []
        self._taken = dict.fromkeys(terminals, "a terminal")
        self._lost: set[str] = set()
        self._broken = False
        self._skipped = not terminals

    def lose(self, *names: str) -> None:
        """Note that a line could not be read, and what it may have defined."""
        self._broken = True
        self._lost |= {*names}

    def check_name(self, cursor: Cursor) -> None:
        """Refuse a name that something has, or that is none; the cursor has just read it."""
        for word in (self.name, *self.terminals):
            if not _NAME.fullmatch(word):
                cursor.error(f"{word!r} cannot name a device or a terminal", last=True, expected="letters, digits, _")
        devices = catalog("devices")
        types = {t for device in devices.all().values() if device.letter == "n" for t in device.model_types}
        if self.name in devices or self.name in types:
            cursor.error(f"there is a device {self.name!r} already", last=True, hint="choose another name")

    # ------------------------------------------------------------------ lines
    def read(self, cursor: Cursor) -> None:
        """Read one line; those of a device whose first line could not be read are left out."""
        if self._skipped:
            return
        place = cursor.place
        kind = cursor.word("a line of a device")
        if kind not in _USAGE:
            cursor.error(
                f"{kind!r} begins no line of a device",
                last=True,
                expected=", ".join(_USAGE),
                hint=nearest(kind, [*_USAGE, ".enddevice"]),
            )
        try:
            part = self._declared(cursor, kind, place) if kind in _NUMBERS else self._equation(cursor, kind, place)
        except NetlistError as error:
            error.expected = error.expected or _USAGE[kind]
            raise
        self._parts.append(part)

    def _declared(self, cursor: Cursor, kind: str, place: Place) -> DeviceParam | DeviceState:
        name = cursor.assignment()
        if name is None:
            cursor.error(f"{cursor.found()} where name=value belongs")
        self._define(cursor, name, "a parameter" if kind == "param" else "a state")
        first = self._number(cursor, name, names=kind == "state")
        found: dict[str, Any] = {}
        while not cursor.done:
            key = cursor.assignment()
            known = (*_NUMBERS[kind], "unit", "doc", *(("source",) if kind == "param" else ()))
            if key is None or key not in known:
                what = cursor.found() if key is None else f"{key}="
                cursor.error(
                    f"{what} is nothing that a {kind} has", last=key is not None, hint=nearest(key or "", known)
                )
            if key in found:
                cursor.error(f"{key} is given twice", last=True)
            if key in _TEXTS:
                found[key] = cursor.raw_word("a text")
            else:
                found[key] = self._number(cursor, key, names=kind == "state" and key != "scale")
        if kind == "state":
            return DeviceState(name, first, place=place, **found)
        assert isinstance(first, float)
        if "low" in found and "above" in found:
            cursor.error("low and above are both given", last=True)
        return DeviceParam(name, first, place=place, **found)

    def _number(self, cursor: Cursor, key: str, names: bool) -> Any:
        value = cursor.value(f"the value of {key}")
        if isinstance(value, Name) and names:
            return value.name
        if not isinstance(value, float):
            what = "a number or the name of a parameter of the device" if names else "a number"
            cursor.error(f"{key} is {to_text(value)!r}", last=True, expected=what)
        return value

    def _define(self, cursor: Cursor, name: str, what: str) -> None:
        if not _NAME.fullmatch(name) or name in KNOWN:
            hint = f"{name} has a meaning of its own" if _NAME.fullmatch(name) else None
            cursor.error(f"{name!r} cannot name {what}", last=True, expected="letters, digits, _", hint=hint)
        if name in self._taken:
            cursor.error(f"{name!r} is {self._taken[name]} already", last=True, expected="names of their own")
        self._taken[name] = what

    def _equation(self, cursor: Cursor, kind: str, place: Place) -> DeviceEquation:
        names: list[str] = []
        while not cursor.done and cursor.char != "=":
            names.append(cursor.word("a name"))
        low, high = {"let": (1, 1), "rate": (1, 1), "current": (2, 2), "charge": (2, 2)}.get(kind, (2, 3))
        if not cursor.take("=") or not low <= len(names) <= high:
            cursor.error(f"{kind} of {len(names)} names" if names else f"{kind} of nothing", expected=_USAGE[kind])
        if kind == "let":
            self._define(cursor, names[0], "an intermediate value")
        ends = names[-2:] if high > 1 else []
        for end in ends:
            if end not in self.terminals:
                cursor.error(
                    f"{end!r} is no terminal of {self.name!r}",
                    last=True,
                    expected=" ".join(self.terminals),
                    hint=nearest(end, self.terminals),
                )
        if len({*ends}) < len(ends):
            cursor.error(f"a {kind} from {ends[0]!r} to itself", last=True)
        tree = cursor.expression()
        cursor.finish()
        return DeviceEquation(kind, tuple(names), tree, place)

    # ------------------------------------------------------------------ the whole
    def finished(self, mistakes: Mistakes) -> DeviceDefinition:
        """Return the definition, and note what is wrong with it as a whole."""
        found = [] if self._skipped else [*self._faults()]
        for error in found:
            mistakes.add(error)
        whole = DeviceDefinition(self.name, self.terminals, tuple(self._parts), self.doc, self.place)
        return replace(whole, broken=self._broken or bool(found))

    def _faults(self) -> Iterator[NetlistError]:
        states = {part.name: part for part in self._parts if isinstance(part, DeviceState)}
        params = {part.name for part in self._parts if isinstance(part, DeviceParam)}
        lets = {part.names[0] for part in self._parts if isinstance(part, DeviceEquation) and part.kind == "let"}
        known = {*params, *states, *KNOWN, *CONSTANTS}
        rates: dict[str, DeviceEquation] = {}
        sources: set[str] = set()
        for part in self._parts:
            if isinstance(part, DeviceState):
                yield from self._bounds(part, params)
            if not isinstance(part, DeviceEquation):
                continue
            yield from self._names(part, known, lets)
            if part.kind == "let":
                known.add(part.names[0])
            if part.kind == "rate":
                yield from self._rate(part, states, rates)
            if part.kind in ("noise", "flicker"):
                name = part.names[0] if len(part.names) == 3 else ""
                if name in sources:
                    yield _fault(
                        part.place, name or part.kind, "two noise sources have the same name", _USAGE[part.kind]
                    )
                sources.add(name)
        if self._broken:
            return
        for name, state in states.items():
            if name not in rates:
                yield _fault(state.place, name, f"the state {name!r} has no rate", f"rate {name} = expression")
        if not any(isinstance(part, DeviceEquation) and part.kind in ("current", "charge") for part in self._parts):
            text = f"the device {self.name!r} has neither a current nor a charge"
            yield _fault(self.place, self.name, text, _USAGE["current"])

    def _bounds(self, state: DeviceState, params: set[str]) -> Iterator[NetlistError]:
        for given in (state.init, state.low, state.high):
            if isinstance(given, str) and given not in params and given not in self._lost:
                yield _fault(
                    state.place,
                    given,
                    f"the state {state.name!r} refers to {given!r}, which is no parameter",
                    "a number, or a parameter of the device",
                    nearest(given, params),
                )

    def _rate(
        self, part: DeviceEquation, states: dict[str, DeviceState], rates: dict[str, DeviceEquation]
    ) -> Iterator[NetlistError]:
        name = part.names[0]
        if name in rates:
            yield _fault(part.place, name, f"a second rate of {name!r}", "one rate for each state")
        elif name not in states and name not in self._lost:
            text = f"{name!r} is no state of {self.name!r}"
            yield _fault(part.place, name, text, _USAGE["state"], nearest(name, states))
        rates.setdefault(name, part)

    def _names(self, part: DeviceEquation, known: set[str], lets: set[str]) -> Iterator[NetlistError]:
        for node in walk(part.tree):
            if isinstance(node, Probe):
                yield from self._probe(part, node)
            elif isinstance(node, Name) and node.name not in known and node.name not in self._lost:
                later = node.name in lets
                yield _fault(
                    part.place,
                    node.name,
                    f"{node.name!r} is defined further down" if later else f"{node.name!r} is nothing of {self.name!r}",
                    "a parameter, a state, a let above, v(terminal,terminal), " + ", ".join(KNOWN),
                    None if later else nearest(node.name, known),
                    behind_equals=True,
                )
            else:
                name = node.name if isinstance(node, Call) else getattr(node, "op", "")
                if name in _REFUSED:
                    text = f"{name} does not stand in an equation of a device"
                    yield _fault(part.place, name, text, _REFUSED[name], behind_equals=True)
                elif isinstance(node, Call) and name not in FUNCTIONS:
                    text = f"unknown function {name!r}"
                    yield _fault(
                        part.place,
                        name,
                        text,
                        "a function of expressions",
                        nearest(name, FUNCTIONS),
                        behind_equals=True,
                    )
                elif isinstance(node, Call) and name in ("table", "pwl"):
                    points = [arg.value for arg in node.args[1:] if isinstance(arg, Number)]
                    steps = zip(points[0::2], points[2::2], strict=False)
                    if len(points) < max(4, len(node.args) - 1) or any(b <= a for a, b in steps):
                        text = f"the points of {name} are not two or more numbers x, y with x increasing"
                        yield _fault(part.place, name, text, f"{name}(x, 0,0, 1,2, 3,5)", behind_equals=True)
                elif isinstance(node, Call) and name == "limit" and len(node.args) == 2:
                    yield _fault(part.place, name, "limit of two arguments draws at random", "limit(x, low, high)")

    def _probe(self, part: DeviceEquation, probe: Probe) -> Iterator[NetlistError]:
        text = to_text(probe)
        if probe.kind == "i":
            yield _fault(part.place, "i", f"{text}: a device senses no currents", "a let that both equations use")
            return
        for name in probe.names:
            if name not in self.terminals:
                hint = nearest(name, self.terminals)
                expected = " ".join(self.terminals)
                yield _fault(
                    part.place, name, f"{name!r} is no terminal of {self.name!r}", expected, hint, behind_equals=True
                )
        if len(probe.names) == 1 and probe.names[0] in self.terminals:
            other = next(t for t in self.terminals if t != probe.names[0])
            yield _fault(
                part.place, probe.names[0], f"{text} is the voltage to ground, which is no terminal of the device",
                f"v({probe.names[0]},{other}), for example", behind_equals=True,
            )  # fmt: skip


def _fault(
    place: Place | None,
    word: str,
    message: str,
    expected: str,
    hint: str | None = None,
    *,
    behind_equals: bool = False,
) -> NetlistError:
    if place is not None:
        start = place
        if behind_equals and "=" in place.text:
            start = replace(place, column=place.text.index("=") + 2)
        found = start.at(word)
        place = found if found != start else place.at(word)
    return NetlistError(message, place=place, expected=expected, hint=hint, names=(word,))


def device_lines(device: DeviceDefinition) -> Iterator[str]:
    """Yield the lines of a device, whose parse is equal to it.

    Examples
    --------
    >>> from circuitnn.netlist.netlist import parse
    >>> text = "d\\n.device ohmic p n\\nparam r=1k unit=ohm above=0\\ncurrent p n = v(p,n)/r\\n.enddevice\\n"
    >>> print(*device_lines(parse(text).statements[0]), sep="\\n")
    .device ohmic p n
    param r=1000 unit="ohm" above=0
    current p n = v(p,n)/r
    .enddevice
    """
    yield f".device {device.name} {' '.join(device.terminals)}" + _text("doc", device.doc)
    for part in device.parts:
        if isinstance(part, DeviceEquation):
            yield f"{part.kind} {' '.join(part.names)} = {to_text(part.tree)}"
            continue
        start = part.default if isinstance(part, DeviceParam) else part.init
        line = f"{'param' if isinstance(part, DeviceParam) else 'state'} {part.name}={_plain(start)}"
        line += "" if part.unit == "1" else _text("unit", part.unit)
        for key in _NUMBERS["param" if isinstance(part, DeviceParam) else "state"]:
            value = getattr(part, key)
            if value is not None and not (key == "scale" and value == 1.0):
                line += f" {key}={_plain(value)}"
        yield line + _text("doc", part.doc) + _text("source", getattr(part, "source", ""))
    yield ".enddevice"


def _text(key: str, text: str) -> str:
    if not text:
        return ""
    quote = "'" if '"' in text else '"'
    return f" {key}={quote}{text}{quote}"


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else format_number(value)
