"""What elements stand for: device classes with their parameters, and blocks, found by letter and model."""

from __future__ import annotations

import importlib
import weakref
from typing import TYPE_CHECKING, Any

from circuitnn.errors import CircuitError, ConsequenceError, DeviceError, nearest
from circuitnn.netlist.flat import Element, Model
from circuitnn.registry import catalog

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit
    from circuitnn.mna.block import Block
    from circuitnn.netlist.statements import DeviceDefinition

#: Device files of the elements whose letter alone decides; the others' model types do.
_BY_LETTER = {
    "r": "resistor", "c": "capacitor", "l": "inductor", "k": "mutual", "v": "vsource", "i": "isource", "e": "vcvs",
    "f": "cccs", "g": "vccs", "h": "ccvs", "t": "tline",
}  # fmt: skip


#: Letters whose cards come from vendors, for simulators that know parameters which change nothing here; as in ngspice,
#: what is unknown is left out with a warning.
_LENIENT = frozenset("cdjlmqrsw")


class Lookup:
    """Finds what the elements of one circuit stand for, and remembers it until a model changes.

    Parameters
    ----------
    circuit : Circuit
    known : Lookup, optional
        Of a circuit that this one is a copy of: its blocks serve as long as nothing they are made of changes.
    """

    def __init__(self, circuit: Circuit, known: Lookup | None = None) -> None:
        self._circuit: Circuit = weakref.proxy(circuit)  # which owns this: no cycle, so that both go at once
        self._devices: dict[tuple[str, str], tuple[Model | None, Any, dict[str, float]]] = {}
        self._imperfect: dict[tuple[str, str | None, str | None], tuple[Any, Any]] = {}
        self._targets: tuple[tuple[Any, ...], set[str]] = ((), set())
        self._sound: dict[tuple[str, str | None], dict[str, float]] = {}  # values of cards that were checked
        self._blocks: dict[str, tuple[tuple[Any, ...], Block]] = dict(known._blocks) if known else {}

    def block_of(self, element: Element) -> Block:
        """Return the subsystem that an A element stands for, made anew only after a change.

        Raises
        ------
        CircuitnnError
            When its model is missing or of another type, or what it is made of is wrong.
        """
        card = self._circuit.models.get(element.model or "")
        blocks = catalog("blocks")
        if card is None or card.type not in blocks:
            place = element.place if card is None else card.place or element.place
            what = "which is not defined" if card is None else f"a {card.type!r}, which is none of the letter A"
            raise CircuitError(
                f"{element.name} uses the model {element.model!r}, {what}",
                place=place,
                names=(element.name, element.model or ""),
                expected=f".model {element.model} {'|'.join(blocks.names())} (...)",
                hint=nearest(element.model or "", self._circuit.models) if card is None else None,
            )
        used = [self._circuit.models.get(name) for name in card.references.values()]
        stamp = (element, card, self._circuit.options, *self._circuit.imperfections, *used)
        kept = self._blocks.get(element.name)
        if kept is None or len(kept[0]) != len(stamp) or any(a is not b for a, b in zip(kept[0], stamp, strict=True)):
            block = blocks.get(card.type).from_element(element, card, self._circuit)
            kept = self._blocks[element.name] = (stamp, block)
        return kept[1]

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
        # Those of a card are sound or not for all its elements. Those that its type or level gives are not the user's;
        # what is said of them is said of the card.
        if self._sound.get((element.letter, element.model)) != values:
            for name, value in values.items():
                self._check_param(element, device, name, value, "model")
            self._sound[element.letter, element.model] = values
        for name, value in element.params.items():
            self._check_param(element, device, name, value, "instance")
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
        param = device.params.get(name)
        if param is not None and param.on != "system" and not (where == "instance" and param.on == "model"):
            try:
                param.check(device.name, name, value)
                return
            except DeviceError as error:
                refused = error
        card = self._circuit.models.get(element.model or "") if where == "model" else None
        place = card.place if card is not None and card.place is not None else element.place
        place = place.at(name) if place else None
        owner = f"{element.name}, model {element.model}" if where == "model" else element.name
        if param is None or param.on == "system":
            known = [key for key, other in device.params.items() if other.on in ("both", where)]
            raise CircuitError(
                f"{owner}: {device.name} has no parameter {name!r}",
                place=place,
                names=(element.name, name),
                hint=nearest(name, known) or f"'circuitnn devices {device.name}' lists them",
            )
        if where == "instance" and param.on == "model":
            raise CircuitError(
                f"{owner}: {name!r} ({param.doc}) does not belong here",
                place=place,
                names=(element.name, name),
                expected="in the model card",
            )
        raise DeviceError(
            f"{owner}: {refused.message}", place=place, expected=refused.expected, names=(element.name, name)
        )

    def _known_only(self, card: Model, device: Any, values: dict[str, float]) -> dict[str, float]:
        """Return the values that the device knows, within their ranges where it clamps; the rest are warnings."""
        kept = {}
        for name, value in values.items():
            param = device.params.get(name)
            if param is None or param.on == "system":
                known = [key for key, other in device.params.items() if other.on != "system"]
                hint = nearest(name, known)
                self._warn(card, f"has no parameter {name!r}, which is left out" + (f"; {hint}" if hint else ""))
                continue
            kept[name] = param.moved(value)
            if kept[name] != value:
                self._warn(card, f"has {name}={value:g}, which is taken for {kept[name]:g} ({param.doc})")
        return kept

    def _warn(self, card: Model, what: str) -> None:
        text = (f"{card.place}: " if card.place else "") + f"the model {card.name!r} ({card.type}) {what}"
        if text not in self._circuit.warnings:
            self._circuit.warnings.append(text)

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
        kept = self._devices.get(key)
        card = self._circuit.models.get(element.model)
        if kept is None or kept[0] is not card:
            kept = self._devices[key] = (card, *self._resolve_model(element, element.model, card))
        device = self._with_effects(element, kept[1]) if self._circuit.imperfections else kept[1]
        return device, dict(kept[2])

    def _with_effects(self, element: Element, device: Any) -> Any:
        """Return the device class of an element with the non-idealities that change its equations."""
        items = tuple(self._circuit.imperfections)
        if len(items) != len(self._targets[0]) or any(a is not b for a, b in zip(items, self._targets[0], strict=True)):
            self._targets = items, {item.target for item in items}
            self._imperfect.clear()
        named, targets = element.name if element.name in self._targets[1] else None, self._targets[1]
        if named is None and element.model not in targets:
            return device
        key = (element.letter, element.model, named)
        if key not in self._imperfect or self._imperfect[key][0] is not device:
            # The effects lie above: reached by name, so that imports keep pointing down.
            engine = importlib.import_module("circuitnn.nonidealities.engine")
            self._imperfect[key] = (device, engine.device_with_effects(self._circuit, element, device))
        return self._imperfect[key][1]

    def _resolve_model(self, element: Element, name: str, card: Model | None) -> tuple[Any, dict[str, float]]:
        devices = catalog("devices")
        letter = element.letter
        own = self._circuit.devices if letter == "n" else {}
        kind = name if card is None else card.type
        if kind in own:
            return self._written(element, own[kind]), {} if card is None else dict(card.params)
        ready = _ready_made() if letter == "n" else {}
        if card is None and name in ready:
            card = ready[name]
        elif card is None and letter == "n" and name in devices and devices.get(name).letter == "n":
            return devices.get(name), {}
        if card is None:
            other = [key for key, device in devices.all().items() if device.letter == "n"] if letter == "n" else []
            raise CircuitError(
                f"{element.name} uses the model {name!r}, which is not defined",
                place=element.place,
                names=(element.name, name),
                expected=f".model {name} TYPE (...)" + (", a ready-made card or a device" if letter == "n" else ""),
                hint=nearest(name, [*self._circuit.models, *ready, *own, *other]),
            )
        level = card.params.get("level", 1.0)
        fitting = [device for device in devices.all().values() if device.letter == letter]
        of_type = [device for device in fitting if card.type in device.model_types]
        if letter == "d" and of_type and not any(level in device.levels for device in of_type):
            self._warn(card, f"asks for level {level:g}, which is taken for 1")
            level = 1.0
        for device in of_type:
            if not device.levels or level in device.levels:
                given = {k: v for k, v in card.params.items() if k != "level" or "level" in device.params}
                given.update({"level": level} if "level" in given else {})
                values = {device.aliases.get(k, k): v for k, v in given.items()}
                if letter in _LENIENT:
                    values = self._known_only(card, device, values)
                return device, {**values, **device.type_values.get(card.type, {})}
        compiled = self._compiled(element, card, level)
        if compiled is not None:
            given = {compiled.aliases.get(k, k): v for k, v in card.params.items() if k != "level"}
            return compiled, {**self._known_only(card, compiled, given), **compiled.type_values.get(card.type, {})}
        place = card.place or element.place
        if of_type:
            levels = ", ".join(str(k) for device in of_type for k in device.levels)
            named = next((device.other_levels[level] for device in of_type if level in device.other_levels), None)
            raise CircuitError(
                f"{element.name}: the model {card.name!r} ({card.type}) asks for level {level:g}"
                + (f", {named}, which is not built in" if named else ""),
                place=place,
                names=(element.name, card.name),
                expected=f"level {levels}",
                hint="use a card of such a level for that process, or register a device of your own" if named else None,
            )
        types = [*own, *(t for device in fitting for t in device.model_types)]
        raise CircuitError(
            f"{element.name}: the model {card.name!r} is a {card.type!r}, which is none of the letter {letter.upper()}",
            place=place,
            names=(element.name, card.name),
            expected=", ".join(types) or "an element without a model",
            hint=nearest(card.type, types),
        )

    @staticmethod
    def _written(element: Element, definition: DeviceDefinition) -> Any:
        """Return the class of a device that the netlist defines itself."""
        if definition.broken:
            raise ConsequenceError(f"{element.name} cannot be made")
        # Devices lie a layer above: reached by name, so that imports keep pointing down.
        return importlib.import_module("circuitnn.devices.written").device_class(definition)

    @staticmethod
    def _compiled(element: Element, card: Model, level: float) -> Any:
        """Return the device class of a compiled model, None when no such model serves the card."""
        # Devices lie a layer above: reached by name, so that imports keep pointing down.
        models = importlib.import_module("circuitnn.devices.compiled")
        name = models.known(element.letter, card.type, level)
        try:
            return None if name is None else models.compiled_device(name)
        except DeviceError as error:
            raise DeviceError(
                f"{element.name}: the model {card.name!r} ({card.type}) asks for level {level:g}: {error.message}",
                place=card.place or element.place,
                expected=error.expected,
                hint=error.hint,
                names=(element.name, card.name),
            ) from None


def _required(device: Any) -> tuple[str, ...]:
    # A positional value without a default must be given, unless a model card can stand in for it (R, C).
    name = device.positional
    if name and device.params[name].default is None and not device.model_types and not device.waveform:
        return (name,)
    return ()


def _ready_made() -> dict[str, Model]:
    # Devices lie a layer above: reached by name, so that imports keep pointing down.
    return {name: card.model for name, card in importlib.import_module("circuitnn.devices.cards").CARDS.items()}
