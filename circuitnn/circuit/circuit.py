"""The flat circuit: elements and models, built by hand or from a deck, and the way to run analyses on it."""

from __future__ import annotations

import copy
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from circuitnn.circuit.alter import alter
from circuitnn.circuit.building import Building
from circuitnn.circuit.lookup import Lookup
from circuitnn.circuit.options import IGNORED, SimOptions
from circuitnn.circuit.topology import Findings, examine, raise_faults
from circuitnn.circuit.values import Value, numbers_of, word_of
from circuitnn.errors import CircuitError, Place, UsageError, nearest
from circuitnn.netlist.flat import (
    AnalysisCard,
    Element,
    FlatNetlist,
    Imperfection,
    Model,
)
from circuitnn.netlist.probes import InnerVector, vectors_in
from circuitnn.netlist.statements import DeviceDefinition, Statement
from circuitnn.netlist.table import ElementList, ElementTable
from circuitnn.netlist.writer import flat_to_text
from circuitnn.registry import catalog
from circuitnn.units import parse_value

if TYPE_CHECKING:
    from circuitnn.mna.block import Block
    from circuitnn.results.results import Results


class Circuit(Building):
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
    elements : mapping of str to Element
    models : dict of str to Model
    imperfections : list of Imperfection
        What `nonideal` and a deck's ``.nonideal`` cards say.
    devices : dict of str to DeviceDefinition
        Devices that the circuit's netlist writes itself.
    options : SimOptions
    ic, nodeset : dict of str to float
        Node voltages, V.
    save : list of str
        Vectors to report; all when empty.
    probes : list of str
        Vectors inside A elements to report beside the others, such as ``v(a1.word[3,17])``.
    asked_at : dict of str to Place
        Where a deck asks for such a vector.
    warnings : list of str
    definitions : list of Statement
        Subcircuits, models, parameters and functions of `add_text`.

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
        self.elements = ElementTable()
        self.models: dict[str, Model] = {}
        self.devices: dict[str, DeviceDefinition] = {}
        self.ic: dict[str, float] = {}
        self.nodeset: dict[str, float] = {}
        self.imperfections: list[Imperfection] = []
        self.save: list[str] = []
        self.probes: list[str] = []
        self.asked_at: dict[str, Place] = {}
        self.warnings: list[str] = []
        self.definitions: list[Statement] = []
        self._system: tuple[Any, Any] | None = None
        self._lookup = Lookup(self)

    def __repr__(self) -> str:
        return f"Circuit({self.title!r}, {len(self.elements)} elements)"

    @classmethod
    def from_flat(cls, flat: FlatNetlist) -> Self:
        """Return the circuit of an expanded netlist."""
        try:
            options, warnings = SimOptions.from_netlist(flat.options)
        except UsageError as error:
            error.place = next((flat.option_places[name] for name in error.names if name in flat.option_places), None)
            raise
        circuit = cls(flat.title, options)
        circuit.warnings = [*flat.warnings, *warnings]
        circuit.models, circuit.devices = dict(flat.models), dict(flat.devices)
        circuit.imperfections = list(flat.imperfections)
        circuit.ic, circuit.nodeset, circuit.save = dict(flat.ic), dict(flat.nodeset), list(flat.save)
        circuit.probes, circuit.asked_at = list(flat.probes), dict(flat.asked_at)
        if isinstance(flat.elements, ElementList):
            circuit.elements = flat.elements.table.copy()
        else:
            for element in flat.elements:
                circuit.add(element)
        return circuit

    def copy(self) -> Self:
        """Return a copy that can be changed without changing this one."""
        other = copy.copy(self)
        other.elements = self.elements.copy()
        for name in ("models", "devices", "ic", "nodeset", "asked_at"):
            setattr(other, name, dict(getattr(self, name)))
        other.imperfections = list(self.imperfections)
        other.save, other.probes, other.warnings = list(self.save), list(self.probes), list(self.warnings)
        other.definitions = list(self.definitions)
        other._lookup = Lookup(other, self._lookup)
        return other

    def adopt(self, other: Circuit) -> None:
        """Keep the structure of another circuit's equations where they differ in numbers alone."""
        self._system = other._system
        self._lookup = Lookup(self, other._lookup)

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

    def set_options(self, **options: Any) -> None:
        """Change simulation options: ``circuit.set_options(reltol=1e-4, method="gear", temp=50)``.

        Raises
        ------
        UsageError
            For an unknown option, or a value that it cannot have.

        Examples
        --------
        >>> c = Circuit("hot"); c.set_options(temp=85, reltol="100u")
        >>> c.options.changed()
        {'reltol': 0.0001, 'temp': 85.0}
        """
        known = [field.name for field in fields(SimOptions)]
        for name in options:
            if name not in known and name not in IGNORED:
                raise UsageError(f"there is no option {name!r}", hint=nearest(name, known), expected=", ".join(known))
        self.options = replace(self.options, **{k: v for k, v in options.items() if k in known})

    def model(self, name: str, type: str, **params: Value) -> None:
        """Add a model card; ``device`` of a crossbar is the name of another model."""
        key, kind = word_of("model", name), word_of("type", type)
        if key in self.models:
            raise CircuitError(f"two models are called {key!r}", names=(key,), hint="rename one of them")
        blocks = catalog("blocks")
        referring = blocks.get(kind).references if kind in blocks else ()
        references = {name: word_of("model", params.pop(name)) for name in referring if name in params}
        self.models[key] = Model(key, kind, numbers_of(key, params), references=references)
        self._system = None

    def nonideal(self, target: str, *effects: Any) -> None:
        """Give an element, or all that use a model, faults and non-idealities.

        Parameters
        ----------
        target : str
            Name of an element, or of a model or ready-made card.
        *effects : Nonideality
            Such as ``cn.nonidealities.Stuck(on=0.01)``; their seed is the option ``seed`` where they have none.

        Raises
        ------
        UsageError
            When an effect is none. Where it cannot act is a CircuitError when the circuit runs.

        Examples
        --------
        >>> import circuitnn as cn
        >>> c = Circuit("two cells of one kind")
        >>> c.V("1", "a", 0, dc=0.1)
        >>> c.N("0_0", "a", 0, model="hfo2"); c.N("0_1", "a", 0, model="hfo2")
        >>> c.nonideal("hfo2", cn.nonidealities.Variability("ron", sigma=0.1, seed=1))
        >>> round(float(c.op()["i(v1)"]), 9)
        -1.958e-06
        """
        for effect in importlib.import_module("circuitnn.nonidealities.chain").check_effects(effects):
            described = effect.to_dict()
            self.imperfections.append(Imperfection(word_of("target", target), described.pop("kind"), described))
        self._system = None

    # ------------------------------------------------------------------ devices
    def device_of(self, element: Element) -> tuple[Any, dict[str, float]]:
        """Return the device class of an element and its parameters, checked; see `circuitnn.circuit.lookup`."""
        return self._lookup.device_of(element)

    def resolve(self, element: Element) -> tuple[Any, dict[str, float]]:
        """Return the device class of an element and its model card's parameters; see `circuitnn.circuit.lookup`."""
        return self._lookup.resolve(element)

    def block_of(self, element: Element) -> Block:
        """Return the subsystem that an A element stands for; see `circuitnn.circuit.lookup`."""
        return self._lookup.block_of(element)

    def asked_inside(self, name: str) -> list[InnerVector]:
        """Return what ``save`` and ``probes`` ask for inside an A element."""
        named = [vector for text in (*self.save, *self.probes) for vector in vectors_in(text)]
        found = [vector for vector in map(InnerVector.from_text, dict.fromkeys(named)) if vector is not None]
        return [vector for vector in found if vector.element == name]

    # ------------------------------------------------------------------ running
    def check(self) -> None:
        """Check the topology; raise TopologyError that lists every fault, and note warnings."""
        found = self._examine()
        raise_faults(self, found.faults + found.dc_faults)

    def _examine(self) -> Findings:
        found = examine(self)
        self.warnings += [w for w in found.warnings if w not in self.warnings]
        return found

    def system(self) -> Any:
        """Return the system of equations, made anew after a change; what only the structure decides is kept."""
        stamp = (
            (self.elements,), self.elements.version, tuple(self.models.items()), self.options, tuple(self.save),
            tuple(self.probes), tuple(self.devices.items()), tuple(self.imperfections),
        )  # fmt: skip
        if self._system is None or not _same(self._system[0], stamp):
            found = self._examine()
            raise_faults(self, found.faults)
            # The equations lie a layer above: reached by name, so that imports keep pointing down.
            made = importlib.import_module("circuitnn.mna.system").System(
                self, found.dc_faults, self._system[1] if self._system else None
            )
            self._system = (stamp, made)
        return self._system[1]

    def release(self) -> None:
        """Let go of the system of equations, which refers back here, so that memory is free at once."""
        self._system = None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in catalog("analyses"):
            raise AttributeError(f"a circuit has no attribute {name!r}", name=name, obj=self)
        analysis = catalog("analyses").get(name)

        def run(*args: Any, progress: Callable[[float], None] | None = None, **keywords: Any) -> Any:
            form = inspect.signature(analysis)
            changes = {k: keywords.pop(k) for k in [*keywords] if k not in form.parameters and self._alterable(k)}
            if changes:
                other = self.copy()
                other.alter(**changes)
                result = getattr(other, name)(*args, progress=progress, **keywords)
                self._system = self._system or other._system
                return result
            try:
                form.bind(*args, **keywords)
            except TypeError as error:
                unknown = next((key for key in keywords if key not in form.parameters), None)
                known = [*form.parameters, *self.elements]
                raise UsageError(
                    f"circuit.{name}: {unknown!r} is neither an argument nor an element"
                    if unknown
                    else f"circuit.{name}: {error}",
                    expected=", ".join(str(p.replace(annotation=p.empty)) for p in form.parameters.values())
                    or "no arguments",
                    hint=nearest(unknown, known) if unknown else None,
                ) from None
            return analysis(*args, **keywords).run(self.system(), progress)

        run.__name__, run.__doc__ = name, analysis.__doc__
        return run

    def _alterable(self, name: str) -> bool:
        low = name.lower()
        return low == "temp" or low in self.elements or ":" in low or "(" in low

    def alter(self, changes: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """Give elements, models or the temperature other numbers; the structure of the equations is kept.

        Parameters
        ----------
        changes : mapping of str to number
            ``"r1"`` (its value), ``"m1:w"`` (a parameter), ``"nm(vto)"`` (of a model), ``"temp"`` (degrees Celsius),
            ``"a1"`` (conductances, a matrix or a number); also as keywords where the names allow. An analysis takes
            such keywords too, for one run: ``circuit.op(r1=2e3)``.

        Raises
        ------
        CircuitError, DeviceError
            When there is no such thing, or the value is out of range.

        Examples
        --------
        >>> c = Circuit("divider")
        >>> c.V("1", "a", 0, dc=1.0); c.R("1", "a", "b", "1k"); c.R("2", "b", 0, "1k")
        >>> c.alter(r2="3k")
        >>> round(float(c.op()["v(b)"]), 9), round(float(c.op(r1=3e3)["v(b)"]), 9), round(float(c.op()["v(b)"]), 9)
        (0.75, 0.5, 0.75)
        """
        given = {**(changes or {}), **more}
        numbers = {name: value if np.ndim(value) else parse_value(value) for name, value in given.items()}
        alter(self, numbers)

    def sweep(
        self, analysis: str, changes: Mapping[str, Iterable[Any]] | None = None, /, *args: Any, **keywords: Any
    ) -> Results:
        """Run an analysis at each combination of values, on one structure of equations.

        Parameters
        ----------
        analysis : str
            ``"op"``, ``"tran"``, ...; its own arguments follow.
        changes : mapping of str to sequence of numbers
            What `alter` takes, to its values; the last name runs fastest. Also as keywords where the names allow.

        Returns
        -------
        Results
            One result a point; ``result.step`` says where it stands, ``results.steps`` lists all, and
            ``results.stack("op")`` is one table.

        Raises
        ------
        CircuitnnError
            The first failure; its ``result`` holds what was computed.

        Examples
        --------
        >>> c = Circuit("divider")
        >>> c.V("1", "a", 0, dc=1.0); c.R("1", "a", "b", "1k"); c.R("2", "b", 0, "1k")
        >>> swept = c.sweep("op", r2=[1e3, 3e3])
        >>> [(step["r2"], round(float(op["v(b)"]), 9)) for step, op in zip(swept.steps, swept.values())]
        [(1000.0, 0.5), (3000.0, 0.75)]
        """
        # What runs many lies above: reached by name, so that imports keep pointing down.
        run = importlib.import_module("circuitnn.runs.sweep").run_sweep
        done: Results = run(self, analysis, changes or {}, args, keywords)
        return done

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *catalog("analyses").names()})

    def run_cards(self, cards: Iterable[AnalysisCard], progress: Callable[[float], None] | None = None) -> Results:
        """Run analyses in order; an error, or an interrupt, carries what was computed until then as ``result``.

        Raises
        ------
        CircuitnnError
            Before anything runs for a malformed card; else the first failure, its ``result`` a ``Results``.
        """
        # What runs decks lies above: reached by name, so that imports keep pointing down.
        done: Results = importlib.import_module("circuitnn.runs.session").run_cards(self, cards, progress)
        return done

    def to_plain(self) -> Circuit:
        """Return a circuit of plain SPICE elements: compact models (N elements) become behavioural sources.

        Each of their states is the voltage of a node ``element#state`` in units of its range, and starts there by
        ``.ic``; in a transient the circuit does what this one does, in every SPICE.

        Raises
        ------
        DeviceError
            When a device has no such form: a compiled model, or one that jumps at random.

        Examples
        --------
        >>> c = Circuit("memristor")
        >>> c.V("1", "a", 0, dc=1.0); c.N("1", "a", 0, model="linear_drift", x=0.5)
        >>> sorted(c.to_plain().elements), c.to_plain().ic
        (['b_n1#p', 'b_n1#x', 'c_n1#x', 'v1'], {'n1#x': 0.5})
        """
        # Devices lie above: reached by name, so that imports keep pointing down.
        plain: Circuit = importlib.import_module("circuitnn.devices.behavioural").plain_circuit(self)
        return plain

    def to_netlist(self, path: str | Path | None = None) -> str:
        """Return the circuit as plain SPICE text, and write it to ``path`` when one is given.

        Raises
        ------
        FileError
            When the file cannot be written; none is left half-written.
        """
        flat = FlatNetlist(
            title=self.title, elements=[*self.elements.values()], models=dict(self.models), devices=dict(self.devices),
            imperfections=list(self.imperfections), options=self.options.changed(), ic=dict(self.ic),
            nodeset=dict(self.nodeset), save=list(self.save), probes=list(self.probes),
        )  # fmt: skip
        text = flat_to_text(flat)
        if path is not None:
            with importlib.import_module("circuitnn.results.atomic").replacing(Path(path)) as temporary:
                Path(temporary).write_text(text, encoding="utf-8")
        return text


def _same(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    return a[0][0] is b[0][0] and a[1:] == b[1:]
