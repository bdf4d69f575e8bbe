"""The flat circuit: elements and models, built by hand or from a deck, and the way to run analyses on it."""

from __future__ import annotations

import copy
import importlib
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from circuitnn.circuit.options import SimOptions
from circuitnn.circuit.topology import Findings, examine, raise_faults
from circuitnn.errors import AnalysisError, CircuitError, DeviceError, UsageError, nearest
from circuitnn.netlist.expression import Expression, parse_expression
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


class Circuit:
    """A circuit of named elements between named nodes.

    Element methods are named by SPICE's letters and put the letter before the name: ``circuit.R("1", ...)`` makes
    ``r1``. Values may carry SPICE suffixes (``"4.7k"``). Every registered analysis is a method: ``circuit.op()``,
    ``.dc(...)``, ``.ac(...)``, ``.tran(...)`` with the fields of its class.

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
        self.title = title
        self.options = options or SimOptions()
        self.elements: dict[str, Element] = {}
        self.models: dict[str, Model] = {}
        self.ic: dict[str, float] = {}
        self.nodeset: dict[str, float] = {}
        self.save: list[str] = []
        self.warnings: list[str] = []
        self._system: tuple[Any, Any] | None = None

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
        other.save, other.warnings, other._system = list(self.save), list(self.warnings), None
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
        key = name.lower()
        if key in self.models:
            raise CircuitError(f"two models are called {key!r}", names=(key,), hint="rename one of them")
        self.models[key] = Model(key, type.lower(), _numbers(params))
        self._system = None

    def _element(self, letter: str, name: str, nodes: Iterable[Node], params: dict[str, Value], **rest: Any) -> None:
        self.add(Element(letter + str(name).lower(), tuple(_node(n) for n in nodes), _numbers(params), **rest))

    def R(self, name: str, n1: Node, n2: Node, value: Value | None = None, *, model: str | None = None, **params: Value) -> None:
        """Add a resistor of ``value`` ohms."""
        self._element("r", name, (n1, n2), _with(params, resistance=value), model=_lower(model))

    def C(self, name: str, n1: Node, n2: Node, value: Value | None = None, *, model: str | None = None, **params: Value) -> None:
        """Add a capacitor of ``value`` farads; ``ic`` in volts."""
        self._element("c", name, (n1, n2), _with(params, capacitance=value), model=_lower(model))

    def L(self, name: str, n1: Node, n2: Node, value: Value, **params: Value) -> None:
        """Add an inductor of ``value`` henries; ``ic`` in amperes."""
        self._element("l", name, (n1, n2), _with(params, inductance=value))

    def K(self, name: str, l1: str, l2: str, coupling: Value) -> None:
        """Couple two inductors, named with their letter (``"l1"``)."""
        self._element("k", name, (), {"coupling": coupling}, controls=(l1.lower(), l2.lower()))

    def V(
        self, name: str, plus: Node, minus: Node, dc: Value | None = None, *, ac: Value = 0.0, phase: Value = 0.0,
        waveform: Sequence[Any] | None = None,
    ) -> None:  # fmt: skip
        """Add a voltage source; ``waveform`` is ``("pulse", v1, v2, ...)``, ``("sin", ...)``, ``("exp", ...)`` or ``("pwl", ...)``."""
        self._source("v", name, plus, minus, dc, ac, phase, waveform)

    def I(
        self, name: str, plus: Node, minus: Node, dc: Value | None = None, *, ac: Value = 0.0, phase: Value = 0.0,
        waveform: Sequence[Any] | None = None,
    ) -> None:  # fmt: skip
        """Add a current source; its current flows from ``plus`` through the source to ``minus``."""
        self._source("i", name, plus, minus, dc, ac, phase, waveform)

    def _source(self, letter: str, name: str, plus: Node, minus: Node, dc: Any, ac: Any, phase: Any, waveform: Any) -> None:
        params = _with({"acmag": ac, "acphase": phase}, dc=dc)
        shape = None
        if waveform is not None:
            shape = Waveform(str(waveform[0]).lower(), tuple(parse_value(v) for v in waveform[1:]))
        self._element(letter, name, (plus, minus), params, waveform=shape)

    def E(self, name: str, plus: Node, minus: Node, cplus: Node, cminus: Node, gain: Value) -> None:
        """Add a voltage-controlled voltage source."""
        self._element("e", name, (plus, minus, cplus, cminus), {"gain": gain})

    def G(self, name: str, plus: Node, minus: Node, cplus: Node, cminus: Node, gain: Value) -> None:
        """Add a voltage-controlled current source of ``gain`` siemens."""
        self._element("g", name, (plus, minus, cplus, cminus), {"gain": gain})

    def F(self, name: str, plus: Node, minus: Node, sense: str, gain: Value) -> None:
        """Add a current-controlled current source that senses the voltage source ``sense``."""
        self._element("f", name, (plus, minus), {"gain": gain}, controls=(sense.lower(),))

    def H(self, name: str, plus: Node, minus: Node, sense: str, gain: Value) -> None:
        """Add a current-controlled voltage source of ``gain`` ohms."""
        self._element("h", name, (plus, minus), {"gain": gain}, controls=(sense.lower(),))

    def B(self, name: str, plus: Node, minus: Node, *, v: str | None = None, i: str | None = None) -> None:
        """Add a behavioural source: ``v`` or ``i`` is an expression such as ``"2*v(a)*v(b)"``."""
        if (v is None) == (i is None):
            raise UsageError(f"b{name} needs either v or i", names=(f"b{name}",))
        tree: Expression = parse_expression(v if v is not None else str(i))
        self._element("b", name, (plus, minus), {}, expression=tree, kind="v" if v is not None else "i")

    def D(self, name: str, anode: Node, cathode: Node, model: str, **params: Value) -> None:
        """Add a diode."""
        self._element("d", name, (anode, cathode), params, model=model.lower())

    def S(self, name: str, n1: Node, n2: Node, cplus: Node, cminus: Node, model: str, **params: Value) -> None:
        """Add a voltage-controlled switch."""
        self._element("s", name, (n1, n2, cplus, cminus), params, model=model.lower())

    def W(self, name: str, n1: Node, n2: Node, sense: str, model: str, **params: Value) -> None:
        """Add a current-controlled switch that senses the voltage source ``sense``."""
        self._element("w", name, (n1, n2), params, model=model.lower(), controls=(sense.lower(),))

    def M(self, name: str, drain: Node, gate: Node, source: Node, bulk: Node, model: str, **params: Value) -> None:
        """Add a MOSFET."""
        self._element("m", name, (drain, gate, source, bulk), params, model=model.lower())

    def N(self, name: str, *nodes: Node, model: str, **params: Value) -> None:
        """Add a compact model, for example a memristor; ``model`` names a card, a ready-made card or a device."""
        self._element("n", name, nodes, params, model=model.lower())

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
        device, values = self._resolve(element)
        if len(element.nodes) != len(device.terminals):
            raise CircuitError(
                f"{element.name} has {len(element.nodes)} nodes",
                place=element.place,
                names=(element.name,),
                expected=f"{len(device.terminals)}: {' '.join(device.terminals)}",
            )
        values.update(element.params)
        for name, value in values.items():
            param = device.params.get(name)
            if param is None:
                raise CircuitError(
                    f"{element.name}: {device.name} has no parameter {name!r}",
                    place=element.place,
                    names=(element.name, name),
                    hint=nearest(name, device.params) or f"circuitnn devices {device.name}",
                )
            try:
                param.check(device.name, name, value)
            except DeviceError as error:
                raise DeviceError(
                    f"{element.name}: {error.message}", place=element.place, expected=error.expected, names=(element.name, name)
                ) from None
        for name in _required(device):
            if name not in values:
                raise DeviceError(
                    f"{element.name} has no {name}",
                    place=element.place,
                    expected=f"{device.params[name].doc}, {device.params[name].unit}",
                    names=(element.name, name),
                )
        return device, values

    def _resolve(self, element: Element) -> tuple[Any, dict[str, float]]:
        devices = catalog("devices")
        letter = element.letter
        if element.model is None:
            if letter in _BY_LETTER:
                return devices.get(_BY_LETTER[letter]), {}
            raise CircuitError(f"{element.name} names no model", place=element.place, names=(element.name,))
        card = self.models.get(element.model)
        if card is None and letter == "n":
            ready = _ready_made(element.model)
            if ready is not None:
                card = ready
            elif element.model in devices:
                return devices.get(element.model), {}
        if card is None:
            known = [*self.models, *(devices.names() if letter == "n" else [])]
            raise CircuitError(
                f"{element.name} uses the model {element.model!r}, which is not defined",
                place=element.place,
                names=(element.name, element.model),
                expected=f".model {element.model} TYPE (...)",
                hint=nearest(element.model, known),
            )
        level = int(card.params.get("level", 1))
        for device in _candidates(card.type):
            if device.letter == letter and (not device.levels or level in device.levels):
                values = {device.aliases.get(k, k): v for k, v in card.params.items() if k != "level" or "level" in device.params}
                return device, {**values, **device.type_values.get(card.type, {})}
        raise CircuitError(
            f"{element.name}: no device for letter {letter.upper()!r} has the model type {card.type!r}"
            + (f" at level {level}" if "level" in card.params else ""),
            place=card.place or element.place,
            names=(element.name, card.name),
            hint=nearest(card.type, [t for d in devices.all().values() if d.letter == letter for t in d.model_types]),
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
            return analysis(*args, **keywords).run(self.system(), progress)

        run.__name__, run.__doc__ = name, analysis.__doc__
        return run

    def run_cards(self, cards: Iterable[AnalysisCard], progress: Callable[[float], None] | None = None) -> Results:
        """Run analyses in order; an error carries the results so far as ``result``."""
        results = importlib.import_module("circuitnn.results.result").Results()
        analyses = [catalog("analyses").get(card.name).from_card(card) for card in cards]
        for analysis in analyses:
            try:
                results.add(analysis.run(self.system(), progress))
            except AnalysisError as error:
                if error.result is not None:
                    results.add(error.result)
                error.result = results
                raise
        results.warnings.extend(self.warnings)
        return results

    def to_netlist(self, path: str | Path | None = None) -> str:
        """Return the circuit as plain SPICE text, and write it to ``path`` when one is given."""
        flat = FlatNetlist(
            title=self.title, elements=list(self.elements.values()), models=dict(self.models),
            options={"temp": self.options.temp}, ic=dict(self.ic), nodeset=dict(self.nodeset), save=list(self.save),
        )  # fmt: skip
        text = flat_to_text(flat)
        if path is not None:
            with importlib.import_module("circuitnn.results.atomic").replacing(Path(path)) as temporary:
                Path(temporary).write_text(text, encoding="utf-8")
        return text


def _node(node: Node) -> str:
    name = str(node).lower()
    if not name or any(c.isspace() for c in name):
        raise CircuitError(f"{node!r} cannot name a node", expected="text without spaces, or a number")
    return GROUND if name == "gnd" else name


def _lower(name: str | None) -> str | None:
    return None if name is None else name.lower()


def _with(params: dict[str, Value], **more: Value | None) -> dict[str, Value]:
    return {**params, **{k: v for k, v in more.items() if v is not None}}


def _numbers(params: dict[str, Value]) -> dict[str, float]:
    numbers = {name.lower(): parse_value(value) for name, value in params.items()}
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise UsageError(f"{name} = {value} is not finite", names=(name,))
    return numbers


def _same(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    return len(a[0]) == len(b[0]) and all(x is y for x, y in zip(a[0], b[0], strict=True)) and a[1:] == b[1:]


def _required(device: Any) -> tuple[str, ...]:
    # A positional value without a default must be given, unless a model card can stand in for it (R, C).
    name = device.positional
    if name and device.params[name].default is None and not device.model_types and not device.waveform:
        return (name,)
    return ()


def _candidates(type_name: str) -> list[Any]:
    return [d for d in catalog("devices").all().values() if type_name in d.model_types]


def _ready_made(name: str) -> Model | None:
    cards = importlib.import_module("circuitnn.devices.cards")
    return cards.CARDS[name].model if name in cards.CARDS else None
