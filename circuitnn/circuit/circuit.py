"""The flat circuit: elements and models, built by hand or from a deck, and the way to run analyses on it."""

from __future__ import annotations

import copy
import importlib
import inspect
import numbers
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from circuitnn.circuit.options import SimOptions
from circuitnn.circuit.topology import Findings, examine, raise_faults
from circuitnn.errors import CircuitError, CircuitnnError, DeviceError, UsageError, nearest
from circuitnn.netlist.expression import Expression, Probe, parse_expression, substitute
from circuitnn.netlist.flat import GROUND, AnalysisCard, Element, FlatNetlist, Model, Waveform
from circuitnn.netlist.writer import flat_to_text
from circuitnn.registry import catalog
from circuitnn.units import parse_value

if TYPE_CHECKING:
    from circuitnn.results.result import Results

Node = str | int
Value = str | float | int

#: Device files of the elements whose letter alone decides; the others' model types do.
_BY_LETTER = {
    "r": "resistor", "c": "capacitor", "l": "inductor", "k": "mutual", "v": "vsource", "i": "isource", "e": "vcvs",
    "f": "cccs", "g": "vccs", "h": "ccvs",
}  # fmt: skip
_WAVEFORMS = ("pulse", "sin", "exp", "pwl")
#: What would end a name in a netlist's text.
_SEPARATOR = re.compile(r"[\s(){}=,;'\"]")


class Circuit:
    """A circuit of named elements between named nodes.

    Element methods are named by SPICE's letters and put the letter before the name: ``circuit.R("1", ...)`` makes
    ``r1``. Values may carry SPICE suffixes (``"4.7k"``); a parameter whose name Python reserves takes an underscore
    after it (``is_=1e-14``). Every registered analysis is a method: ``circuit.op()``, ``.dc(...)``, ``.ac(...)``,
    ``.tran(...)`` with the fields of its class.

    Parameters
    ----------
    title : str

    Attributes
    ----------
    elements : dict of str to Element
    models : dict of str to Model
    options : SimOptions
    ic, nodeset : dict of str to float
        Node voltages, V.
    save : list of str
        Vectors to report; all when empty.
    warnings : list of str

    Examples
    --------
    >>> c = Circuit("divider")
    >>> c.V("in", "a", 0, dc=1.0)
    >>> c.R("1", "a", "b", "1k")
    >>> c.R("2", "b", 0, "1k")
    >>> round(float(c.op()["v(b)"]), 9)
    0.5
    """

    def __init__(self, title: str = "circuit", options: SimOptions | None = None) -> None:
        if not isinstance(title, str) or "\n" in title:
            raise UsageError(f"{title!r} cannot be the title of a circuit", expected="text of one line")
        if not isinstance(options, SimOptions | None):
            raise UsageError(f"options are {options!r}", expected="circuitnn.circuit.options.SimOptions(...)")
        self.title = title
        self.options = options or SimOptions()
        self.elements: dict[str, Element] = {}
        self.models: dict[str, Model] = {}
        self.ic: dict[str, float] = {}
        self.nodeset: dict[str, float] = {}
        self.save: list[str] = []
        self.warnings: list[str] = []
        self._system: tuple[Any, Any] | None = None
        self._resolved: dict[tuple[str, str], tuple[Model | None, Any, dict[str, float]]] = {}

    def __repr__(self) -> str:
        return f"Circuit({self.title!r}, {len(self.elements)} elements)"

    @classmethod
    def from_flat(cls, flat: FlatNetlist) -> Self:
        """Return the circuit of an expanded netlist."""
        options, warnings = SimOptions.from_netlist(flat.options)
        circuit = cls(flat.title, options)
        circuit.warnings = [*flat.warnings, *warnings]
        circuit.models = dict(flat.models)
        circuit.ic, circuit.nodeset, circuit.save = dict(flat.ic), dict(flat.nodeset), list(flat.save)
        for element in flat.elements:
            circuit.add(element)
        return circuit

    def copy(self) -> Self:
        """Return a copy that can be changed without changing this one."""
        other = copy.copy(self)
        for name in ("elements", "models", "ic", "nodeset"):
            setattr(other, name, dict(getattr(self, name)))
        other.save, other.warnings = list(self.save), list(self.warnings)
        other._system, other._resolved = None, {}
        return other

    # ------------------------------------------------------------------ building
    def add(self, element: Element) -> None:
        """Add an element; a name that is taken is refused."""
        before = self.elements.get(element.name)
        if before is not None:
            where = f", first at {before.place}" if before.place else ""
            raise CircuitError(
                f"two elements are called {element.name!r}{where}",
                place=element.place,
                names=(element.name,),
                hint="rename one of them",
            )
        self.elements[element.name] = element
        self._system = None

    def model(self, name: str, type: str, **params: Value) -> None:
        """Add a model card."""
        key = _word("model", name)
        if key in self.models:
            raise CircuitError(f"two models are called {key!r}", names=(key,), hint="rename one of them")
        self.models[key] = Model(key, _word("type", type), _numbers(key, params))
        self._system = None

    def _element(self, letter: str, name: str, nodes: Iterable[Node], params: dict[str, Value], **rest: Any) -> None:
        full = letter + _word("element", name)
        if "." in full:
            raise UsageError(
                f"{name!r} cannot name an element", expected="a name without a dot, which marks subcircuits"
            )
        self.add(Element(full, tuple([_node(n, full) for n in nodes]), _numbers(full, params), **rest))

    def R(
        self, name: str, n1: Node, n2: Node, value: Value | None = None, *, model: str | None = None, **params: Value
    ) -> None:
        """Add a resistor of ``value`` ohms."""
        self._element(
            "r", name, (n1, n2), _with(params, resistance=value), model=None if model is None else _word("model", model)
        )

    def C(
        self, name: str, n1: Node, n2: Node, value: Value | None = None, *, model: str | None = None, **params: Value
    ) -> None:
        """Add a capacitor of ``value`` farads; ``ic`` in volts."""
        self._element(
            "c",
            name,
            (n1, n2),
            _with(params, capacitance=value),
            model=None if model is None else _word("model", model),
        )

    def L(self, name: str, n1: Node, n2: Node, value: Value, **params: Value) -> None:
        """Add an inductor of ``value`` henries; ``ic`` in amperes."""
        self._element("l", name, (n1, n2), _with(params, inductance=value))

    def K(self, name: str, l1: str, l2: str, coupling: Value) -> None:
        """Couple two inductors, named with their letter (``"l1"``)."""
        self._element("k", name, (), {"coupling": coupling}, controls=(_word("element", l1), _word("element", l2)))

    def V(
        self, name: str, plus: Node, minus: Node, dc: Value | None = None, *, ac: Value = 0.0, phase: Value = 0.0,
        waveform: Sequence[Any] | None = None,
    ) -> None:  # fmt: skip
        """Add a voltage source; ``waveform`` is ``("pulse", v1, v2, ...)``, or ``sin``, ``exp`` or ``pwl`` so."""
        self._source("v", name, plus, minus, dc, ac, phase, waveform)

    def I(  # noqa: E743 the letter is SPICE's
        self, name: str, plus: Node, minus: Node, dc: Value | None = None, *, ac: Value = 0.0, phase: Value = 0.0,
        waveform: Sequence[Any] | None = None,
    ) -> None:  # fmt: skip
        """Add a current source; its current flows from ``plus`` through the source to ``minus``."""
        self._source("i", name, plus, minus, dc, ac, phase, waveform)

    def _source(
        self, letter: str, name: str, plus: Node, minus: Node, dc: Any, ac: Any, phase: Any, waveform: Any
    ) -> None:
        params = _with({"acmag": ac, "acphase": phase}, dc=dc)
        shape = None
        if waveform is not None:
            shape = _waveform(f"{letter}{name}", waveform)
        self._element(letter, name, (plus, minus), params, waveform=shape)

    def E(self, name: str, plus: Node, minus: Node, cplus: Node, cminus: Node, gain: Value) -> None:
        """Add a voltage-controlled voltage source."""
        self._element("e", name, (plus, minus, cplus, cminus), {"gain": gain})

    def G(self, name: str, plus: Node, minus: Node, cplus: Node, cminus: Node, gain: Value) -> None:
        """Add a voltage-controlled current source of ``gain`` siemens."""
        self._element("g", name, (plus, minus, cplus, cminus), {"gain": gain})

    def F(self, name: str, plus: Node, minus: Node, sense: str, gain: Value) -> None:
        """Add a current-controlled current source that senses the voltage source ``sense``."""
        self._element("f", name, (plus, minus), {"gain": gain}, controls=(_word("element", sense),))

    def H(self, name: str, plus: Node, minus: Node, sense: str, gain: Value) -> None:
        """Add a current-controlled voltage source of ``gain`` ohms."""
        self._element("h", name, (plus, minus), {"gain": gain}, controls=(_word("element", sense),))

    def B(self, name: str, plus: Node, minus: Node, *, v: str | None = None, i: str | None = None) -> None:
        """Add a behavioural source: ``v`` or ``i`` is an expression such as ``"2*v(a)*v(b)"``."""
        if (v is None) == (i is None):
            raise UsageError(f"b{name} needs either v or i", expected="v=... or i=..., not both", names=(f"b{name}",))
        tree = _grounded(parse_expression(str(v if v is not None else i)))
        self._element("b", name, (plus, minus), {}, expression=tree, kind="v" if v is not None else "i")

    def D(self, name: str, anode: Node, cathode: Node, model: str, **params: Value) -> None:
        """Add a diode."""
        self._element("d", name, (anode, cathode), params, model=_word("model", model))

    def S(self, name: str, n1: Node, n2: Node, cplus: Node, cminus: Node, model: str, **params: Value) -> None:
        """Add a voltage-controlled switch."""
        self._element("s", name, (n1, n2, cplus, cminus), params, model=_word("model", model))

    def W(self, name: str, n1: Node, n2: Node, sense: str, model: str, **params: Value) -> None:
        """Add a current-controlled switch that senses the voltage source ``sense``."""
        self._element("w", name, (n1, n2), params, model=_word("model", model), controls=(_word("element", sense),))

    def M(self, name: str, drain: Node, gate: Node, source: Node, bulk: Node, model: str, **params: Value) -> None:
        """Add a MOSFET."""
        self._element("m", name, (drain, gate, source, bulk), params, model=_word("model", model))

    def N(self, name: str, *nodes: Node, model: str, **params: Value) -> None:
        """Add a compact model, for example a memristor; ``model`` names a card, a ready-made card or a device."""
        self._element("n", name, nodes, params, model=_word("model", model))

    # ------------------------------------------------------------------ devices
    def device_of(self, element: Element) -> tuple[Any, dict[str, float]]:
        """Return the device class of an element and its parameter values, those of its model card included.

        Raises
        ------
        CircuitError
            For an unknown model, a wrong number of nodes or an unknown parameter.
        DeviceError
            For a value out of its range.
        """
        device, values = self.resolve(element)
        if len(element.nodes) != len(device.terminals):
            raise CircuitError(
                f"{element.name} has {len(element.nodes)} nodes",
                place=element.place,
                names=(element.name,),
                expected=f"{len(device.terminals)}: {' '.join(device.terminals)}",
            )
        # type_values and the card's level are not the user's; what is said of them is said of the card.
        for given, where in ((values, "model"), (element.params, "instance")):
            for name, value in given.items():
                self._check_param(element, device, name, value, where)
        values = {**values, **element.params}
        for name in _required(device):
            if name not in values:
                raise DeviceError(
                    f"{element.name} has no {name}",
                    place=element.place,
                    expected=f"{device.params[name].doc}, {device.params[name].unit}",
                    names=(element.name, name),
                )
        return device, values

    def _check_param(self, element: Element, device: Any, name: str, value: float, where: str) -> None:
        card = self.models.get(element.model or "") if where == "model" else None
        place = card.place if card is not None and card.place is not None else element.place
        owner = f"{element.name}, model {element.model}" if where == "model" else element.name
        param = device.params.get(name)
        if param is None or param.on == "system":
            known = [key for key, other in device.params.items() if other.on in ("both", where)]
            raise CircuitError(
                f"{owner}: {device.name} has no parameter {name!r}",
                place=place,
                names=(element.name, name),
                hint=nearest(name, known) or f"'circuitnn devices {device.name}' lists them",
            )
        if param.on not in ("both", where):
            other = "on the element" if where == "model" else "in the model card"
            raise CircuitError(
                f"{owner}: {name!r} ({param.doc}) does not belong here",
                place=place,
                names=(element.name, name),
                expected=other,
            )
        try:
            param.check(device.name, name, value)
        except DeviceError as error:
            raise DeviceError(
                f"{owner}: {error.message}", place=place, expected=error.expected, names=(element.name, name)
            ) from None

    def resolve(self, element: Element) -> tuple[Any, dict[str, float]]:
        """Return the device class of an element and the parameter values of its model card.

        Raises
        ------
        CircuitError
            When the element needs a model and names none, or one that does not exist or does not fit.
        """
        letter = element.letter
        if element.model is None:
            if letter in _BY_LETTER:
                return catalog("devices").get(_BY_LETTER[letter]), {}
            raise CircuitError(
                f"{element.name} names no model",
                place=element.place,
                names=(element.name,),
                expected="a model after the nodes",
            )
        key = (letter, element.model)
        kept = self._resolved.get(key)
        card = self.models.get(element.model)
        if kept is None or kept[0] is not card:
            kept = self._resolved[key] = (card, *self._resolve_model(element, element.model, card))
        return kept[1], dict(kept[2])

    def _resolve_model(self, element: Element, name: str, card: Model | None) -> tuple[Any, dict[str, float]]:
        devices = catalog("devices")
        letter = element.letter
        ready = _ready_made() if letter == "n" else {}
        if card is None and name in ready:
            card = ready[name]
        elif card is None and letter == "n" and name in devices and devices.get(name).letter == "n":
            return devices.get(name), {}
        if card is None:
            own = [key for key, device in devices.all().items() if device.letter == "n"] if letter == "n" else []
            raise CircuitError(
                f"{element.name} uses the model {name!r}, which is not defined",
                place=element.place,
                names=(element.name, name),
                expected=f".model {name} TYPE (...)" + (", a ready-made card or a device" if letter == "n" else ""),
                hint=nearest(name, [*self.models, *ready, *own]),
            )
        level = card.params.get("level", 1.0)
        fitting = [device for device in devices.all().values() if device.letter == letter]
        of_type = [device for device in fitting if card.type in device.model_types]
        for device in of_type:
            if not device.levels or level in device.levels:
                given = {k: v for k, v in card.params.items() if k != "level" or "level" in device.params}
                values = {device.aliases.get(k, k): v for k, v in given.items()}
                return device, {**values, **device.type_values.get(card.type, {})}
        place = card.place or element.place
        if of_type:
            levels = ", ".join(str(k) for device in of_type for k in device.levels)
            raise CircuitError(
                f"{element.name}: the model {card.name!r} ({card.type}) asks for level {level:g}",
                place=place,
                names=(element.name, card.name),
                expected=f"level {levels}",
            )
        types = [t for device in fitting for t in device.model_types]
        raise CircuitError(
            f"{element.name}: the model {card.name!r} is a {card.type!r}, which is none of the letter {letter.upper()}",
            place=place,
            names=(element.name, card.name),
            expected=", ".join(types) or "an element without a model",
            hint=nearest(card.type, types),
        )

    # ------------------------------------------------------------------ running
    def check(self) -> None:
        """Check the topology; raise TopologyError that lists every fault, and note warnings."""
        found = self._examine()
        raise_faults(self.title, found.faults + found.dc_faults)

    def _examine(self) -> Findings:
        found = examine(self)
        self.warnings += [w for w in found.warnings if w not in self.warnings]
        return found

    def system(self) -> Any:
        """Return the system of equations, made anew only after a change."""
        stamp = (tuple(self.elements.values()), tuple(self.models.items()), self.options)
        if self._system is None or not _same(self._system[0], stamp):
            found = self._examine()
            raise_faults(self.title, found.faults)
            # The equations lie a layer above: reached by name, so that imports keep pointing down.
            made = importlib.import_module("circuitnn.mna.system").System(self, found.dc_faults)
            self._system = (stamp, made)
        return self._system[1]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in catalog("analyses"):
            raise AttributeError(f"a circuit has no attribute {name!r}", name=name, obj=self)
        analysis = catalog("analyses").get(name)

        def run(*args: Any, progress: Callable[[float], None] | None = None, **keywords: Any) -> Any:
            form = inspect.signature(analysis)
            try:
                form.bind(*args, **keywords)
            except TypeError as error:
                unknown = next((key for key in keywords if key not in form.parameters), None)
                raise UsageError(
                    f"circuit.{name}: {error}",
                    expected=", ".join(str(p.replace(annotation=p.empty)) for p in form.parameters.values())
                    or "no arguments",
                    hint=nearest(unknown, form.parameters) if unknown else None,
                ) from None
            return analysis(*args, **keywords).run(self.system(), progress)

        run.__name__, run.__doc__ = name, analysis.__doc__
        return run

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *catalog("analyses").names()})

    def run_cards(self, cards: Iterable[AnalysisCard], progress: Callable[[float], None] | None = None) -> Results:
        """Run analyses in order; an error, or an interrupt, carries what was computed until then as ``result``.

        Raises
        ------
        CircuitnnError
            Before anything runs for a malformed card; else the first failure, its ``result`` a ``Results``.
        """
        results: Results = importlib.import_module("circuitnn.results.result").Results()
        analyses = [catalog("analyses").get(card.name).from_card(card) for card in cards]
        try:
            for analysis in analyses:
                results.add(analysis.run(self.system(), progress))
        except (CircuitnnError, KeyboardInterrupt) as error:
            partial = getattr(error, "result", None)
            if partial is not None:
                results.add(partial)
            vars(error)["result"] = results
            raise
        finally:
            results.warnings.extend(self.warnings)
        return results

    def to_netlist(self, path: str | Path | None = None) -> str:
        """Return the circuit as plain SPICE text, and write it to ``path`` when one is given.

        Raises
        ------
        FileError
            When the file cannot be written; none is left half-written.
        """
        flat = FlatNetlist(
            title=self.title, elements=list(self.elements.values()), models=dict(self.models),
            options=self.options.changed(), ic=dict(self.ic), nodeset=dict(self.nodeset), save=list(self.save),
        )  # fmt: skip
        text = flat_to_text(flat)
        if path is not None:
            with importlib.import_module("circuitnn.results.atomic").replacing(Path(path)) as temporary:
                Path(temporary).write_text(text, encoding="utf-8")
        return text


def _node(node: Node, element: str) -> str:
    if (
        isinstance(node, bool)
        or not isinstance(node, str | numbers.Integral)
        or str(node) == ""
        or _SEPARATOR.search(str(node))
    ):
        raise CircuitError(
            f"{element}: {node!r} cannot name a node",
            expected="a number, or text without blanks and ( ) { } = , ;",
            names=(element,),
        )
    return _ground(str(node).lower())


def _ground(name: str) -> str:
    return GROUND if name == "gnd" else name


def _grounded(tree: Expression) -> Expression:
    def named(probe: Probe) -> Expression:
        return Probe("v", tuple([_ground(name) for name in probe.names])) if probe.kind == "v" else probe

    return substitute(tree, lambda _: None, named)


def _word(what: str, name: Any) -> str:
    text = str(name).lower()
    if isinstance(name, bool) or not isinstance(name, str | numbers.Integral) or not text or _SEPARATOR.search(text):
        raise UsageError(
            f"{name!r} cannot name {'an' if what[0] in 'aeiou' else 'a'} {what}", expected="a word such as 'm1'"
        )
    return text


def _with(params: dict[str, Value], **more: Value | None) -> dict[str, Value]:
    return {**params, **{k: v for k, v in more.items() if v is not None}}


def _numbers(owner: str, params: dict[str, Value]) -> dict[str, float]:
    found = {}
    for name, value in params.items():
        key = name.lower().removesuffix("_")
        found[key] = _number(f"{owner}: {key}", value)
    return found


def _number(what: str, value: Any) -> float:
    try:
        return parse_value(value)
    except UsageError:
        raise UsageError(
            f"{what} = {value!r} is not a finite value",
            expected="a finite number, or text such as '4.7k'",
            names=(what.partition(":")[0],),
        ) from None


def _waveform(owner: str, waveform: Sequence[Any]) -> Waveform:
    kind = str(waveform[0]).lower() if isinstance(waveform, list | tuple) and len(waveform) > 1 else ""
    if kind not in _WAVEFORMS:
        raise UsageError(
            f"{owner}: {waveform!r} is not a waveform",
            expected="a kind and its numbers, such as ('pulse', 0, 1, ...); kinds are " + " ".join(_WAVEFORMS),
            hint=nearest(kind, _WAVEFORMS),
            names=(owner,),
        )
    return Waveform(kind, tuple([_number(f"{owner}: {kind}", value) for value in waveform[1:]]))


def _same(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    return len(a[0]) == len(b[0]) and all(x is y for x, y in zip(a[0], b[0], strict=True)) and a[1:] == b[1:]


def _required(device: Any) -> tuple[str, ...]:
    # A positional value without a default must be given, unless a model card can stand in for it (R, C).
    name = device.positional
    if name and device.params[name].default is None and not device.model_types and not device.waveform:
        return (name,)
    return ()


def _ready_made() -> dict[str, Model]:
    # Devices lie a layer above: reached by name, so that imports keep pointing down.
    return {name: card.model for name, card in importlib.import_module("circuitnn.devices.cards").CARDS.items()}
