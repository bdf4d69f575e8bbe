"""What can be said about a deck without running it: all of its mistakes at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from circuitnn.circuit.circuit import Circuit
from circuitnn.circuit.options import SimOptions
from circuitnn.circuit.topology import examine, faults_of
from circuitnn.devices.written import faults
from circuitnn.errors import CircuitnnError, DeckErrors, Mistakes, Place, UsageError
from circuitnn.measure.fourier import Fourier
from circuitnn.measure.reading import measure_of
from circuitnn.mna.system import System
from circuitnn.netlist.conditions import every_part
from circuitnn.netlist.expression import Number, Probe, walk
from circuitnn.netlist.flat import GROUND
from circuitnn.netlist.lexer import Source, read_source
from circuitnn.netlist.netlist import Netlist, read
from circuitnn.netlist.plain import PLAIN
from circuitnn.netlist.statements import Assignment, Directive
from circuitnn.registry import catalog
from circuitnn.runs.control.interpreter import check_script
from circuitnn.runs.step import Steps
from circuitnn.runs.vectors import check_vectors

if TYPE_CHECKING:
    from circuitnn.analyses.analysis import Analysis
    from circuitnn.netlist.flat import AnalysisCard, Element, FlatNetlist

#: Parameters of an element, or elements of a circuit, that are left out one by one to find what else is wrong.
_MOST_TRIES = 20
#: Values that a warning is given of, and the units of the elements looked at.
_MOST_WARNED = 10
_PASSIVE = {"r": "ohm", "c": "F", "l": "H"}
#: Plain elements of one letter with a value out of range that are told of.
_MOST_PLAIN = 50


@dataclass(frozen=True)
class Report:
    """What was found in a deck.

    Attributes
    ----------
    errors : tuple of CircuitnnError
        All mistakes, in the order of their places; empty for a sound deck.
    warnings : tuple of str
    elements, nodes, analyses : int
        What the deck expands to, ground not counted.

    Examples
    --------
    >>> report = check(text="two mistakes\\nr1 a 0 1*0k\\nd1 a 0 dx\\nv1 a 0 1\\n.op\\n")
    >>> [(error.place.line, error.message) for error in report.errors]
    [(2, "'1*0k' is not a number"), (3, "d1: there is no model 'dx'")]
    """

    errors: tuple[CircuitnnError, ...]
    warnings: tuple[str, ...]
    elements: int = 0
    nodes: int = 0
    analyses: int = 0

    def throw(self) -> None:
        """Raise the mistakes as one error; do nothing when there are none."""
        if self.errors:
            raise self.errors[0] if len(self.errors) == 1 else DeckErrors(self.errors)


def check(path: str | Path | None = None, *, text: str | None = None) -> Report:
    """Return all mistakes of a deck, without running it.

    Read are the lines, then subcircuits and expressions, models and parameters, how the elements are joined, the cards
    of analyses and measures, the script; each goes on with what is sound, and what only follows from a mistake that
    was told of before is left out.

    Parameters
    ----------
    path : str or Path, optional
        The deck's file.
    text : str, optional
        The deck itself, in place of a file.

    Raises
    ------
    FileError
        When the file cannot be read or is no text.
    UsageError
        When neither or both are given.

    Examples
    --------
    >>> check(text="divider\\nv1 a 0 1\\nr1 a b 1k\\nr2 b 0 1k\\n.op\\n").errors
    ()
    """
    if (path is None) == (text is None):
        raise UsageError("check takes a file or a text", expected="one of the two")
    mistakes = Mistakes()
    source = Source(text, "<text>") if text is not None else read_source(Path(str(path)), str(path))
    try:
        netlist = read(source, None if path is None else Path(path), mistakes)
    except DeckErrors:  # there are too many
        return Report(tuple(mistakes.listed()), ())
    return check_netlist(netlist, mistakes)


def check_netlist(netlist: Netlist, mistakes: Mistakes | None = None) -> Report:
    """Return all mistakes of a netlist that has been read; see `check`."""
    found = Mistakes() if mistakes is None else mistakes
    checker = _Checker(netlist, found)
    with suppress(DeckErrors):  # there are too many
        checker.run()
    circuit = checker.circuit
    if circuit is None:  # there are too many mistakes
        return Report(tuple(found.listed()), netlist.warnings)
    warnings = tuple(circuit.warnings)
    if not checker.asks and not found:
        name = netlist.path or f"the netlist {netlist.title!r}"
        warnings += (f"{name} asks for no analysis, and 'circuitnn run' needs one, such as .op",)
    nodes = {*circuit.elements.columns().nodes} - {"0"}
    return Report(tuple(found.listed()), warnings, len(circuit.elements), len(nodes), checker.analyses)


@contextmanager
def _noting(mistakes: Mistakes) -> Iterator[None]:
    """Note an error and go on behind."""
    try:
        yield
    except CircuitnnError as error:
        mistakes.add(error)


class _Checker:
    """The stages behind reading, each on what the ones before have left."""

    def __init__(self, netlist: Netlist, mistakes: Mistakes) -> None:
        self.netlist, self.mistakes = netlist, mistakes
        self.circuit: Circuit | None = None
        self.analyses = 0
        self.asks = False
        self._broken: dict[str, tuple[str, ...]] = {}

    def run(self) -> None:
        """Go through all stages."""
        flat = self.netlist.expand(mistakes=self.mistakes)
        self.analyses, self.asks = len(flat.analyses), bool(flat.analyses or flat.script)
        self._broken = dict(flat.broken)
        analyses = self._cards(flat)
        self._options(flat)
        self.circuit = Circuit.from_flat(flat)
        self.circuit.warnings += suspicious_values(self.circuit)
        self._devices(self.circuit)
        self._elements(self.circuit)
        self._topology(self.circuit, [analysis for analysis, _ in analyses])
        system = self._system(self.circuit)
        unsure = self._unsure()
        check_vectors(self.netlist, flat, self.circuit, system, unsure, self.mistakes)
        if system is None:
            return
        for analysis, card in analyses:
            with self._sure(unsure, card):
                analysis.check(system)

    def _unsure(self) -> set[str]:
        """Return the nodes and elements that may exist, had there been no mistake."""
        return {*self._broken, *(node for nodes in self._broken.values() for node in nodes)}

    @contextmanager
    def _sure(self, unsure: set[str], card: AnalysisCard) -> Iterator[None]:
        """Note an error at its card, unless it names what is missing because of another one."""
        with _noting(self.mistakes):
            try:
                yield
            except CircuitnnError as error:
                if unsure.isdisjoint(error.names):
                    place = error.place or card.place
                    error.place = place.at(error.names[0]) if place and error.names else place
                    raise

    # ------------------------------------------------------------------ cards
    def _cards(self, flat: FlatNetlist) -> list[tuple[Analysis, AnalysisCard]]:
        analyses: list[tuple[Analysis, AnalysisCard]] = []
        unsure = self._unsure()
        for card in flat.analyses:
            with self._sure(unsure, card):
                analyses.append((catalog("analyses").get(card.name).from_card(card), card))
                analyses[-1][0].validate()
        readers: dict[str, Callable[[AnalysisCard], object]] = {"measure": measure_of, "four": Fourier.from_card}
        for card in flat.requests:
            with self._sure(unsure, card):
                readers[card.name](card)
        for card in flat.steps:
            with self._sure(unsure, card):
                Steps(self.netlist, replace(flat, steps=[card], corners=[], monte_carlo=None))
        for card in flat.corners:
            with self._sure(unsure, card):
                Steps(self.netlist, replace(flat, steps=[], corners=[card], monte_carlo=None))
        check_script(flat.script, self.mistakes)
        return analyses

    def _options(self, flat: FlatNetlist) -> None:
        """Check the options one by one; those that are refused are left out."""
        cards = [s for s in every_part(self.netlist.statements) if isinstance(s, Directive)]
        for name, value in [*flat.options.items()]:
            try:
                SimOptions.from_netlist({name: value})
            except UsageError as error:
                where = [
                    c.place.at(name) for c in cards if c.place and c.name in ("options", "temp") and _sets(c, name)
                ]
                error.place = where[-1] if where else None
                self.mistakes.add(error)
                del flat.options[name]

    # ------------------------------------------------------------------ the circuit
    def _devices(self, circuit: Circuit) -> None:
        """Check the equations of the devices that the deck writes; uses of one that is wrong are no mistakes."""
        for name, device in circuit.devices.items():
            found = [] if device.broken else [*faults(device)]
            for error in found:
                self.mistakes.add(error)
            if found:
                circuit.devices[name] = replace(device, broken=True)

    def _elements(self, circuit: Circuit) -> None:
        """Check models, pins and parameters; what is refused is taken out."""
        columns = circuit.elements.columns()
        refused: set[Place] = set()
        for _, element in columns.others:
            if element.expression is not None:
                continue
            if element.place in refused:  # another instance of the same line
                self._take_out(circuit, element)
                continue
            if not self._is_sound(circuit, element):
                self._take_out(circuit, element)
                if element.place is not None:
                    refused.add(element.place)
        for part in columns.parts:
            for column in (part.values, part.multipliers):
                if column is not None:
                    ordered = np.argsort(column, kind="stable")
                    for order in (ordered[:_MOST_PLAIN], ordered[::-1][:_MOST_PLAIN]):
                        self._plain(circuit, [circuit.elements.at(int(part.order[k])) for k in order])

    def _is_sound(self, circuit: Circuit, element: Element) -> bool:
        """Note what is wrong with an element and its model, parameter by parameter."""
        for tries in range(_MOST_TRIES):
            try:
                circuit.block_of(element) if element.letter == "a" else circuit.device_of(element)
            except CircuitnnError as error:
                error.place = error.place or element.place
                self.mistakes.add(error)
                key = error.names[-1] if error.names else ""
                model = circuit.models.get(element.model or "")
                if key in element.params:
                    element = replace(element, params={k: v for k, v in element.params.items() if k != key})
                elif model is not None and key in model.params:
                    left = {k: v for k, v in model.params.items() if k != key}
                    circuit.models[model.name] = replace(model, params=left)
                else:
                    return False
            else:
                return tries == 0
        return False

    def _plain(self, circuit: Circuit, elements: Iterable[Element]) -> None:
        """Check plain elements from one end of their values, up to the first that is sound."""
        for element in elements:
            if self._is_sound(circuit, element):
                return
            if element.name in circuit.elements:
                self._take_out(circuit, element)

    def _take_out(self, circuit: Circuit, element: Element) -> None:
        self._broken[element.name] = element.nodes
        del circuit.elements[element.name]

    def _topology(self, circuit: Circuit, analyses: list[Analysis]) -> None:
        if self.mistakes and not circuit.elements:
            return
        found = examine(circuit, self._broken)
        circuit.warnings += [warning for warning in found.warnings if warning not in circuit.warnings]
        wrong = found.faults
        # What only an operating point cannot bear is no mistake in a deck that never asks for one.
        if not (analyses and all(getattr(analysis, "uic", False) for analysis in analyses)):
            wrong = wrong + found.dc_faults
        for error in faults_of(circuit, wrong):
            # Only a circuit without elements has no place: its first line is all that there is.
            error.place = error.place or Place(str(self.netlist.path or "<text>"), 1, 1, self.netlist.title)
            self.mistakes.add(error)

    def _system(self, circuit: Circuit) -> System | None:
        """Return the system of equations, and note what its making refuses; None where it cannot be made."""
        for _ in range(_MOST_TRIES):
            if self.mistakes:
                self._take_out_lost(circuit)
            try:
                return System(circuit)  # how the elements are joined has been looked at
            except CircuitnnError as error:
                named = [circuit.elements[name] for name in error.names if name in circuit.elements]
                if self._unsure().isdisjoint(error.names):
                    self.mistakes.add(error)
                if not named:
                    return None
                self._take_out(circuit, named[0])
        return None

    def _take_out_lost(self, circuit: Circuit) -> None:
        """Take out the elements that refer to what is not there."""
        while True:
            columns = circuit.elements.columns()
            lost = [element for _, element in columns.others if not _is_whole(element, circuit, columns.index)]
            if not lost:
                return
            for element in lost:
                self._take_out(circuit, element)


def _sets(card: Directive, option: str) -> bool:
    return card.name == option or any((w.name if isinstance(w, Assignment) else w) == option for w in card.words)


def suspicious_values(circuit: Circuit) -> list[str]:
    """Return warnings of resistances below zero, and of capacitances and inductances that are not above it.

    Examples
    --------
    >>> circuit = Circuit("active")
    >>> circuit.R("1", "a", 0, -50)
    >>> suspicious_values(circuit)
    ['r1: a resistance of -50 ohm is negative']
    """
    found: list[str] = []
    columns = circuit.elements.columns()
    for part in columns.parts:
        if part.letter in _PASSIVE:
            rows = np.flatnonzero(part.values < 0.0 if part.letter == "r" else part.values <= 0.0)
            found += [_suspicion(circuit.elements.at(int(part.order[k]))) for k in rows[: _MOST_WARNED + 1]]
    for _, element in columns.others:
        value = element.params.get(PLAIN[element.letter]) if element.letter in _PASSIVE else None
        if value is not None and (value < 0.0 or (value == 0.0 and element.letter != "r")):
            found.append(_suspicion(element))
    more = len(found) > _MOST_WARNED
    return [*found[:_MOST_WARNED], *(["and more values that are zero or negative"] if more else [])]


def _suspicion(element: Element) -> str:
    key = PLAIN[element.letter]
    value, unit = element.params[key], _PASSIVE[element.letter]
    what = "zero" if value == 0.0 else "negative"
    text = f"{element.name}: {'an' if key[0] == 'i' else 'a'} {key} of {value:g} {unit} is {what}"
    return f"{element.place}: {text}" if element.place else text


def _is_whole(element: Element, circuit: Circuit, nodes: Mapping[str, int]) -> bool:
    """Whether all that an element refers to is there."""
    if any(name not in circuit.elements for name in element.controls):
        return False
    probes = [part for part in walk(element.expression or Number(0.0)) if isinstance(part, Probe)]
    return all(
        name in (nodes if p.kind == "v" else circuit.elements) for p in probes for name in p.names if name != GROUND
    )
