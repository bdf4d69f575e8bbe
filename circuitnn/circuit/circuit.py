"""The flat circuit: elements and models, built by hand or from a deck, and the way to run analyses on it."""

from __future__ import annotations

import copy
import importlib
import inspect
import numbers
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from circuitnn.circuit.alter import alter
from circuitnn.circuit.lookup import Lookup
from circuitnn.circuit.options import SimOptions
from circuitnn.circuit.topology import Findings, examine, raise_faults
from circuitnn.errors import CircuitError, Place, UsageError, nearest
from circuitnn.netlist.cursor import number
from circuitnn.netlist.expression import Expression, Probe, parse_expression, substitute
from circuitnn.netlist.flat import (
    GROUND,
    AnalysisCard,
    DataArray,
    DataFile,
    Element,
    FlatNetlist,
    Model,
    Waveform,
)
from circuitnn.netlist.probes import InnerVector, vectors_in
from circuitnn.netlist.table import ElementList, ElementTable
from circuitnn.netlist.vectors import expand_range
from circuitnn.netlist.writer import flat_to_text
from circuitnn.registry import catalog
from circuitnn.units import parse_value

if TYPE_CHECKING:
    from circuitnn.mna.block import Block
    from circuitnn.results.result import Results

Node = str | int
Value = str | float | int

_WAVEFORMS = ("pulse", "sin", "exp", "pwl", "sffm", "am", "trnoise", "trrandom")
#: What would end a name in a netlist's text.
_SEPARATOR = re.compile(r"[\s(){}=,;'\"]")
#: What makes the text of a value one that depends on the circuit.
_VARIES = re.compile(r"\b[vi]\s*\(|\b(?:time|hertz)\b")


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
    elements : mapping of str to Element
    models : dict of str to Model
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
        self.ic: dict[str, float] = {}
        self.nodeset: dict[str, float] = {}
        self.save: list[str] = []
        self.probes: list[str] = []
        self.asked_at: dict[str, Place] = {}
        self.warnings: list[str] = []
        self._system: tuple[Any, Any] | None = None
        self._lookup = Lookup(self)

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
        for name in ("models", "ic", "nodeset", "asked_at"):
            setattr(other, name, dict(getattr(self, name)))
        other.save, other.probes, other.warnings = list(self.save), list(self.probes), list(self.warnings)
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

    def model(self, name: str, type: str, **params: Value) -> None:
        """Add a model card; ``device`` of a crossbar is the name of another model."""
        key, kind = _word("model", name), _word("type", type)
        if key in self.models:
            raise CircuitError(f"two models are called {key!r}", names=(key,), hint="rename one of them")
        blocks = catalog("blocks")
        referring = blocks.get(kind).references if kind in blocks else ()
        references = {name: _word("model", params.pop(name)) for name in referring if name in params}
        self.models[key] = Model(key, kind, _numbers(key, params), references=references)
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
        """Add a resistor of ``value`` ohms, a number or an expression such as ``"1k*(1+v(a)**2)"``."""
        self._passive("r", name, n1, n2, "resistance", value, model, params)

    def C(
        self, name: str, n1: Node, n2: Node, value: Value | None = None, *, model: str | None = None,
        charge: str | None = None, **params: Value,
    ) -> None:  # fmt: skip
        """Add a capacitor of ``value`` farads, a number or an expression, or of a ``charge``; ``ic`` in volts.

        Examples
        --------
        >>> c = Circuit("varactor")
        >>> c.V("1", "a", 0, dc=2.0, ac=1.0); c.R("1", "a", "b", "1k"); c.C("1", "b", 0, charge="1n*v(b)*v(b)/2")
        >>> round(float(abs(c.ac(1e5, 1e5, 1, "lin")["v(b)"][0])), 6)  # 2 nF at 2 V
        0.622677
        """
        if charge is not None:
            if value is not None or model is not None:
                raise UsageError(f"c{name} has a charge and a value", expected="one of the two", names=(f"c{name}",))
            tree = _grounded(parse_expression(str(charge)))
            self._element("c", name, (n1, n2), params, expression=tree, kind="q")
            return
        self._passive("c", name, n1, n2, "capacitance", value, model, params)

    def L(
        self, name: str, n1: Node, n2: Node, value: Value | None = None, *, model: str | None = None, **params: Value
    ) -> None:
        """Add an inductor of ``value`` henries, a number or an expression; ``ic`` in amperes."""
        self._passive("l", name, n1, n2, "inductance", value, model, params)

    def _passive(
        self, letter: str, name: str, n1: Node, n2: Node, primary: str, value: Value | None, model: str | None,
        params: dict[str, Value],
    ) -> None:  # fmt: skip
        if isinstance(value, str) and _VARIES.search(value.lower()):
            if model is not None:
                raise UsageError(
                    f"{letter}{name} has an expression and a model", expected="one of the two", names=(letter + name,)
                )
            tree = _grounded(parse_expression(value))
            self._element(letter, name, (n1, n2), params, expression=tree, kind=letter)
            return
        self._element(
            letter, name, (n1, n2), _with(params, **{primary: value}),
            model=None if model is None else _word("model", model),
        )  # fmt: skip

    def K(self, name: str, l1: str, l2: str, coupling: Value) -> None:
        """Couple two inductors, named with their letter (``"l1"``)."""
        self._element("k", name, (), {"coupling": coupling}, controls=(_word("element", l1), _word("element", l2)))

    def T(
        self, name: str, p1: Node, n1: Node, p2: Node, n2: Node, z0: Value, td: Value | None = None, **params: Value
    ) -> None:
        """Add a lossless transmission line of ``z0`` ohms and ``td`` seconds, or ``nl`` wavelengths at ``f`` hertz."""
        self._element("t", name, (p1, n1, p2, n2), _with({"z0": z0, **params}, td=td))

    def V(
        self, name: str, plus: Node, minus: Node, dc: Value | None = None, *, ac: Value = 0.0, phase: Value = 0.0,
        waveform: Sequence[Any] | None = None, repeat: Value | None = None, delay: Value = 0.0,
    ) -> None:  # fmt: skip
        """Add a voltage source.

        ``waveform`` is ``("pulse", v1, v2, ...)``, or so ``sin``, ``exp``, ``pwl``, ``sffm``, ``am``, ``trnoise`` or
        ``trrandom``; a ``pwl`` may begin again at its time ``repeat``, and come ``delay`` seconds later.
        ``("external", times, values)`` takes two arrays, straight lines between their points.
        """
        self._source("v", name, plus, minus, dc, ac, phase, waveform, repeat, delay)

    def I(  # noqa: E743 the letter is SPICE's
        self, name: str, plus: Node, minus: Node, dc: Value | None = None, *, ac: Value = 0.0, phase: Value = 0.0,
        waveform: Sequence[Any] | None = None, repeat: Value | None = None, delay: Value = 0.0, m: Value | None = None,
    ) -> None:  # fmt: skip
        """Add a current source; its current flows from ``plus`` through the source to ``minus``."""
        self._source("i", name, plus, minus, dc, ac, phase, waveform, repeat, delay, m=m)

    def _source(
        self, letter: str, name: str, plus: Node, minus: Node, dc: Any, ac: Any, phase: Any, waveform: Any,
        repeat: Any, delay: Any, **more: Any,
    ) -> None:  # fmt: skip
        params = _with({"acmag": ac, "acphase": phase}, dc=dc, **more)
        shape = None
        if waveform is not None:
            shape = _waveform(f"{letter}{name}", waveform, repeat, delay)
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

    def Q(
        self, name: str, collector: Node, base: Node, emitter: Node, model: str, substrate: Node = 0, **params: Value
    ) -> None:
        """Add a bipolar transistor."""
        self._element("q", name, (collector, base, emitter, substrate), params, model=_word("model", model))

    def J(self, name: str, drain: Node, gate: Node, source: Node, model: str, **params: Value) -> None:
        """Add a junction field-effect transistor."""
        self._element("j", name, (drain, gate, source), params, model=_word("model", model))

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

    def A(
        self, name: str, word: str | Sequence[Node], bit: str | Sequence[Node], model: str, g: Any = None,
        **params: Value,
    ) -> None:  # fmt: skip
        """Add a crossbar between word lines and bit lines.

        Parameters
        ----------
        word, bit : str or sequence of nodes
            Left ends of the word lines and lower ends of the bit lines; ``"r<0:3>"`` stands for four nodes.
        model : str
            A card of type ``crossbar``.
        g : float, str or array_like, shape (word lines, bit lines), optional
            Conductances, S: of all cells, a file (``"weights.npz:W1"``), or a matrix. Initial ones where the card
            names a device.

        Examples
        --------
        >>> c = Circuit("dot product")
        >>> c.model("xb", "crossbar", rword=0, rbit=0)
        >>> c.V("1", "r<0>", 0, dc=0.1); c.V("2", "r<1>", 0, dc=0.2); c.V("sense", "c", 0, dc=0.0)
        >>> c.A("1", "r<0:1>", ["c"], "xb", g=[[1e-3], [2e-3]])
        >>> round(float(c.op()["i(vsense)"]), 9)
        0.0005
        """
        lines = [_vector(f"a{name}: word", word), _vector(f"a{name}: bit", bit)]
        data: DataFile | DataArray | None = None
        if g is None or isinstance(g, float | int) or (isinstance(g, str) and number(g.strip().lower()) is not None):
            params = _with(params, g=g)
        elif isinstance(g, str | Path):
            given = DataFile.from_text(str(g))
            data = replace(given, path=str(Path(given.path).resolve()))
        else:
            data = DataArray(g)
        self._element(
            "a", name, [*lines[0], *lines[1]], params, model=_word("model", model),
            vectors=(len(lines[0]), len(lines[1])), data=data,
        )  # fmt: skip

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
            tuple(self.probes),
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
        """Let go of the system of equations, which refers back here: memory is free at once, not when Python collects."""
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
                raise UsageError(
                    f"circuit.{name}: {error}",
                    expected=", ".join(str(p.replace(annotation=p.empty)) for p in form.parameters.values())
                    or "no arguments",
                    hint=nearest(unknown, form.parameters) if unknown else None,
                ) from None
            return analysis(*args, **keywords).run(self.system(), progress)

        run.__name__, run.__doc__ = name, analysis.__doc__
        return run

    def _alterable(self, name: str) -> bool:
        low = name.lower()
        return low == "temp" or low in self.elements

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

    def to_netlist(self, path: str | Path | None = None) -> str:
        """Return the circuit as plain SPICE text, and write it to ``path`` when one is given.

        Raises
        ------
        FileError
            When the file cannot be written; none is left half-written.
        """
        flat = FlatNetlist(
            title=self.title, elements=[*self.elements.values()], models=dict(self.models),
            options=self.options.changed(), ic=dict(self.ic), nodeset=dict(self.nodeset), save=list(self.save),
            probes=list(self.probes),
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


def _vector(what: str, nodes: str | Sequence[Node]) -> list[Node]:
    words = nodes.split() if isinstance(nodes, str) else []
    found: list[Node] = [node for word in words for node in expand_range(word)] or [*nodes]
    if not found:
        raise UsageError(f"{what} names no nodes", expected="nodes, such as 'r<0:127>' or a list")
    return found


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


def _waveform(owner: str, waveform: Sequence[Any], repeat: Any, delay: Any) -> Waveform:
    kind = str(waveform[0]).lower() if isinstance(waveform, list | tuple) and len(waveform) > 1 else ""
    if kind == "external":
        kind, waveform = "pwl", ("pwl", *_samples(owner, waveform[1:]))
    if kind not in _WAVEFORMS:
        raise UsageError(
            f"{owner}: {waveform!r} is not a waveform",
            expected="a kind and its numbers, such as ('pulse', 0, 1, ...); kinds are " + " ".join(_WAVEFORMS),
            hint=nearest(kind, _WAVEFORMS),
            names=(owner,),
        )
    again = None if repeat is None else _number(f"{owner}: repeat", repeat)
    return Waveform(
        kind,
        tuple([_number(f"{owner}: {kind}", value) for value in waveform[1:]]),
        again,
        _number(f"{owner}: delay", delay),
    )


def _samples(owner: str, arrays: Sequence[Any]) -> list[float]:
    """Return the times and values of two arrays by turns."""
    times, values = (list(array) for array in arrays) if len(arrays) == 2 else ([], [])
    if len(times) < 2 or len(times) != len(values) or any(not a <= b for a, b in pairwise(times)):
        raise UsageError(
            f"{owner}: external takes times that increase and as many values",
            expected="('external', times, values), two arrays of the same length, at least 2",
            names=(owner,),
        )
    return [float(number) for pair in zip(times, values, strict=True) for number in pair]


def _same(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    return a[0][0] is b[0][0] and a[1:] == b[1:]
