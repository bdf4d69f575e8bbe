"""Building a circuit by hand: one method a letter of SPICE."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

from circuitnn.circuit.values import (
    Node,
    Value,
    grounded,
    node_name,
    node_vector,
    number_of,
    numbers_of,
    waveform_of,
    with_given,
    word_of,
)
from circuitnn.errors import NetlistError, UsageError
from circuitnn.netlist.cursor import number
from circuitnn.netlist.elements import INITIAL, polynomial
from circuitnn.netlist.expand import expand
from circuitnn.netlist.expression import Call, Expression, Number, parse_expression
from circuitnn.netlist.flat import DataArray, DataFile, Element, Imperfection, Model
from circuitnn.netlist.netlist import parse
from circuitnn.netlist.statements import (
    DeviceDefinition,
    Directive,
    ElementStatement,
    FuncStatement,
    ModelStatement,
    ParamStatement,
    Statement,
    SubcktDefinition,
)
from circuitnn.registry import catalog

#: What controls a polynomial source (pairs of nodes, or voltage sources), and its coefficients.
Polynomial = tuple[Sequence[Any], Sequence[Value]]
#: An expression, and points (x, y).
Table = tuple[str, Sequence[tuple[Value, Value]]]

#: What makes the text of a value one that depends on the circuit.
_VARIES = re.compile(r"\b[vi]\s*\(|\b(?:time|hertz)\b")
#: Statements of a piece of netlist that later pieces see.
_KEPT = (SubcktDefinition, DeviceDefinition, ModelStatement, ParamStatement, FuncStatement)


class Building:
    """What ``Circuit`` and ``Subcircuit`` share: methods that add elements, models and pieces of netlist."""

    title: str
    models: dict[str, Model]
    imperfections: list[Imperfection]
    devices: dict[str, DeviceDefinition]
    ic: dict[str, float]
    nodeset: dict[str, float]
    save: list[str]
    definitions: list[Statement]

    def add(self, element: Element) -> None:
        """Add an element; a name that is taken is refused."""
        raise NotImplementedError

    def set_options(self, **options: Any) -> None:
        """Change simulation options."""
        raise NotImplementedError

    def place_into(self, circuit: Building, name: str, nodes: tuple[str, ...], params: dict[str, float]) -> None:
        """Add all elements to another circuit as the instance ``name``."""
        raise UsageError(f"{name}: {self!r} has no ports", expected="a Subcircuit, or the name of one", names=(name,))

    def _element(self, letter: str, name: str, nodes: Iterable[Node], params: dict[str, Value], **rest: Any) -> None:
        full = letter + word_of("element", name)
        if "." in full:
            raise UsageError(
                f"{name!r} cannot name an element", expected="a name without a dot, which marks subcircuits"
            )
        if not isinstance(params.get("ic", 0.0), str | int | float) and letter in INITIAL:
            params = {**params, **_initial(full, letter, params["ic"])}
            del params["ic"]
        self.add(Element(full, tuple([node_name(n, full) for n in nodes]), numbers_of(full, params), **rest))

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
        >>> import circuitnn as cn
        >>> c = cn.Circuit("varactor")
        >>> c.V("1", "a", 0, dc=2.0, ac=1.0); c.R("1", "a", "b", "1k"); c.C("1", "b", 0, charge="1n*v(b)*v(b)/2")
        >>> round(float(abs(c.ac(1e5, 1e5, 1, "lin")["v(b)"][0])), 6)  # 2 nF at 2 V
        0.622677
        """
        if charge is not None:
            if value is not None or model is not None:
                raise UsageError(f"c{name} has a charge and a value", expected="one of the two", names=(f"c{name}",))
            tree = grounded(parse_expression(str(charge)))
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
            tree = grounded(parse_expression(value))
            self._element(letter, name, (n1, n2), params, expression=tree, kind=letter)
            return
        self._element(
            letter, name, (n1, n2), with_given(params, **{primary: value}),
            model=None if model is None else word_of("model", model),
        )  # fmt: skip

    def K(self, name: str, *inductors: Any, coupling: Value | None = None) -> None:
        """Couple inductors, named with their letter: ``K("1", "l1", "l2", 0.9)``; of more than two each with each.

        Examples
        --------
        >>> import circuitnn as cn
        >>> c = cn.Circuit("transformer")
        >>> for k in (1, 2, 3):
        ...     c.L(k, k, 0, "1m")
        >>> c.K("1", "l1", "l2", "l3", coupling=0.9)
        >>> [name for name in c.elements if name[0] == "k"]
        ['k1_l1_l2', 'k1_l1_l3', 'k1_l2_l3']
        """
        names, value = (inductors[:-1], inductors[-1]) if coupling is None and inductors else (inductors, coupling)
        if len(names) < 2 or value is None:
            raise UsageError(
                f"k{name} couples {len(names)} inductors", expected="two or more inductors and their coupling",
                names=(f"k{name}",),
            )  # fmt: skip
        coils = [word_of("element", coil) for coil in names]
        for pair in combinations(coils, 2):
            own = str(name) if len(coils) == 2 else f"{name}_{pair[0]}_{pair[1]}"
            self._element("k", own, (), {"coupling": value}, controls=pair)

    def T(
        self, name: str, p1: Node, n1: Node, p2: Node, n2: Node, z0: Value, td: Value | None = None, **params: Value
    ) -> None:
        """Add a lossless transmission line of ``z0`` ohms and ``td`` seconds, or ``nl`` wavelengths at ``f`` hertz."""
        self._element("t", name, (p1, n1, p2, n2), with_given({"z0": z0, **params}, td=td))

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
        params = with_given({"acmag": ac, "acphase": phase}, dc=dc, **more)
        shape = None
        if waveform is not None:
            shape = waveform_of(f"{letter}{name}", waveform, repeat, delay)
        self._element(letter, name, (plus, minus), params, waveform=shape)

    def E(
        self, name: str, plus: Node, minus: Node, cplus: Node | None = None, cminus: Node | None = None,
        gain: Value | None = None, *, value: str | None = None, poly: Polynomial | None = None,
        table: Table | None = None, **params: Value,
    ) -> None:  # fmt: skip
        """Add a voltage-controlled voltage source.

        Parameters
        ----------
        name : str
        plus, minus : node
        cplus, cminus : node
            Controlling nodes of a linear source, with its ``gain``.
        gain : float or str
        value : str, optional
            In place of these: an expression such as ``"2*v(a,b)"``.
        poly : tuple, optional
            Controlling pairs of nodes and coefficients: ``([("a", 0), ("b", 0)], [0, 1, 2])`` is v(a) + 2 v(b).
        table : tuple, optional
            An expression and points: ``("v(a)", [(0, 0), (1, 5)])``; straight lines between, level outside.

        Examples
        --------
        >>> import circuitnn as cn
        >>> c = cn.Circuit("controlled")
        >>> c.V("1", "a", 0, dc=2.0)
        >>> c.E("1", "b", 0, "a", 0, 3); c.E("2", "c", 0, value="v(a)**2")
        >>> c.E("3", "d", 0, poly=([("a", 0)], [1, 2, 3]))
        >>> c.E("4", "e", 0, table=("v(a)", [(0, 0), (1, 5)]))
        >>> point = c.op()
        >>> [round(float(point[f"v({node})"]), 6) for node in "bcde"]
        [6.0, 4.0, 17.0, 5.0]
        """
        self._controlled("e", name, (plus, minus), (cplus, cminus), gain, value, poly, table, params)

    def G(
        self, name: str, plus: Node, minus: Node, cplus: Node | None = None, cminus: Node | None = None,
        gain: Value | None = None, *, value: str | None = None, poly: Polynomial | None = None,
        table: Table | None = None, **params: Value,
    ) -> None:  # fmt: skip
        """Add a voltage-controlled current source of ``gain`` siemens, or of what `E` takes, in amperes."""
        self._controlled("g", name, (plus, minus), (cplus, cminus), gain, value, poly, table, params)

    def F(
        self, name: str, plus: Node, minus: Node, sense: str | None = None, gain: Value | None = None, *,
        poly: Polynomial | None = None, **params: Value,
    ) -> None:  # fmt: skip
        """Add a current-controlled current source that senses the voltage source ``sense``, or several.

        ``poly`` is the sources and the coefficients: ``(["v1", "v2"], [0, 1, 2])``.
        """
        self._sensing("f", name, (plus, minus), sense, gain, poly, params)

    def H(
        self, name: str, plus: Node, minus: Node, sense: str | None = None, gain: Value | None = None, *,
        poly: Polynomial | None = None, **params: Value,
    ) -> None:  # fmt: skip
        """Add a current-controlled voltage source of ``gain`` ohms, or of a polynomial as `F` takes it."""
        self._sensing("h", name, (plus, minus), sense, gain, poly, params)

    def _controlled(
        self, letter: str, name: str, nodes: tuple[Node, Node], controls: tuple[Node | None, Node | None],
        gain: Value | None, value: str | None, poly: Polynomial | None, table: Table | None, params: dict[str, Value],
    ) -> None:  # fmt: skip
        self._one_of(f"{letter}{name}", gain=gain, value=value, poly=poly, table=table)
        full = letter + word_of("element", name)
        if gain is not None:
            if None in controls:
                raise UsageError(f"{full} has a gain and no controlling nodes", expected="cplus, cminus", names=(full,))
            self._element(letter, name, (*nodes, *controls), {"gain": gain, **params})  # type: ignore[arg-type]
            return
        if poly is not None:
            pairs = [node_name(node, full) for pair in poly[0] for node in pair]
            tree = _polynomial(full, poly, tuple(pairs), ())
        elif table is not None:
            points = [number_of(f"{full}: table", number) for point in table[1] for number in point]
            tree = grounded(Call("table", (parse_expression(table[0]), *map(Number, points))))
        else:
            tree = grounded(parse_expression(str(value)))
        self._element(letter, name, nodes, params, expression=tree, kind="v" if letter == "e" else "i")

    def _sensing(
        self, letter: str, name: str, nodes: tuple[Node, Node], sense: str | None, gain: Value | None,
        poly: Polynomial | None, params: dict[str, Value],
    ) -> None:  # fmt: skip
        full = letter + word_of("element", name)
        self._one_of(full, gain=gain, poly=poly)
        if gain is not None:
            self._element(letter, name, nodes, {"gain": gain, **params}, controls=(word_of("element", sense),))
            return
        assert poly is not None
        tree = _polynomial(full, poly, (), tuple([word_of("element", one) for one in poly[0]]))
        self._element(letter, name, nodes, params, expression=tree, kind="v" if letter == "h" else "i")

    def _one_of(self, owner: str, **given: Any) -> None:
        found = [name for name, value in given.items() if value is not None]
        if len(found) != 1:
            what = " and ".join(found) or "no value"
            raise UsageError(f"{owner} has {what}", expected=f"one of {', '.join(given)}", names=(owner,))

    def B(
        self, name: str, plus: Node, minus: Node, *, v: str | None = None, i: str | None = None, **params: Value
    ) -> None:
        """Add a behavioural source: ``v`` or ``i`` is an expression such as ``"2*v(a)*v(b)"``."""
        if (v is None) == (i is None):
            raise UsageError(f"b{name} needs either v or i", expected="v=... or i=..., not both", names=(f"b{name}",))
        tree = grounded(parse_expression(str(v if v is not None else i)))
        self._element("b", name, (plus, minus), params, expression=tree, kind="v" if v is not None else "i")

    def D(self, name: str, anode: Node, cathode: Node, model: str, **params: Value) -> None:
        """Add a diode."""
        self._element("d", name, (anode, cathode), params, model=word_of("model", model))

    def Q(
        self, name: str, collector: Node, base: Node, emitter: Node, model: str, substrate: Node = 0, **params: Value
    ) -> None:
        """Add a bipolar transistor."""
        self._element("q", name, (collector, base, emitter, substrate), params, model=word_of("model", model))

    def J(self, name: str, drain: Node, gate: Node, source: Node, model: str, **params: Value) -> None:
        """Add a junction field-effect transistor."""
        self._element("j", name, (drain, gate, source), params, model=word_of("model", model))

    def S(self, name: str, n1: Node, n2: Node, cplus: Node, cminus: Node, model: str, **params: Value) -> None:
        """Add a voltage-controlled switch."""
        self._element("s", name, (n1, n2, cplus, cminus), params, model=word_of("model", model))

    def W(self, name: str, n1: Node, n2: Node, sense: str, model: str, **params: Value) -> None:
        """Add a current-controlled switch that senses the voltage source ``sense``."""
        self._element("w", name, (n1, n2), params, model=word_of("model", model), controls=(word_of("element", sense),))

    def M(self, name: str, drain: Node, gate: Node, source: Node, bulk: Node, model: str, **params: Value) -> None:
        """Add a MOSFET."""
        self._element("m", name, (drain, gate, source, bulk), params, model=word_of("model", model))

    def N(self, name: str, *nodes: Node, model: str, **params: Value) -> None:
        """Add a compact model, for example a memristor; ``model`` names a card, a ready-made card or a device."""
        self._element("n", name, nodes, params, model=word_of("model", model))

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
        >>> import circuitnn as cn
        >>> c = cn.Circuit("dot product")
        >>> c.model("xb", "crossbar", rword=0, rbit=0)
        >>> c.V("1", "r<0>", 0, dc=0.1); c.V("2", "r<1>", 0, dc=0.2); c.V("sense", "c", 0, dc=0.0)
        >>> c.A("1", "r<0:1>", ["c"], "xb", g=[[1e-3], [2e-3]])
        >>> round(float(c.op()["i(vsense)"]), 9)
        0.0005
        """
        lines = [node_vector(f"a{name}: word", word), node_vector(f"a{name}: bit", bit)]
        data: DataFile | DataArray | None = None
        if g is None or isinstance(g, float | int) or (isinstance(g, str) and number(g.strip().lower()) is not None):
            params = with_given(params, g=g)
        elif isinstance(g, str | Path):
            given = DataFile.from_text(str(g))
            data = replace(given, path=str(Path(given.path).resolve()))
        else:
            data = DataArray(g)
        self._element(
            "a", name, [*lines[0], *lines[1]], params, model=word_of("model", model),
            vectors=(len(lines[0]), len(lines[1])), data=data,
        )  # fmt: skip

    def X(self, name: str, *nodes: Node, subckt: Any, **params: Value) -> None:
        """Add an instance of a subcircuit.

        Parameters
        ----------
        name : str
        *nodes : node
            One a port, in order.
        subckt : str or Subcircuit
            The name of one that `add_text` has defined, or one built by hand.
        **params : float or str
            Parameters of a subcircuit from text; of one built by hand ``m`` alone.

        Raises
        ------
        NetlistError, CircuitError
            When there is no such subcircuit, or for a wrong number of nodes or an unknown parameter.

        Examples
        --------
        >>> import circuitnn as cn
        >>> c = cn.Circuit("ladder")
        >>> c.V("1", "in", 0, dc=1.0)
        >>> c.add_text(".subckt half a b r=1k\\nr1 a b {r}\\nr2 b 0 {r}\\n.ends")
        >>> c.X("1", "in", "out", subckt="half", r="2k")
        >>> round(float(c.op()["v(out)"]), 9), list(c.elements)
        (0.5, ['v1', 'x1.r1', 'x1.r2'])
        """
        full = "x" + word_of("element", name)
        at = tuple([node_name(node, full) for node in nodes])
        if isinstance(subckt, Building):
            subckt.place_into(self, full, at, numbers_of(full, params))
            return
        call = ElementStatement(full, at, dict(numbers_of(full, params)), word_of("subcircuit", subckt))
        self._expand([call])

    def add_text(self, text: str) -> None:
        """Add what a piece of netlist says: elements, models, subcircuits, parameters, functions, ``.ic`` and the like.

        Parameters and definitions stay known to later pieces and to `X`. Analyses are methods of a circuit, and refused
        here.

        Parameters
        ----------
        text : str
            Lines of a netlist, without a title.

        Raises
        ------
        NetlistError
            With the place in the text.

        Examples
        --------
        >>> import circuitnn as cn
        >>> c = cn.Circuit("from text")
        >>> c.add_text(".param r=1k\\nv1 a 0 1\\nr1 a b {r}\\nr2 b 0 {3*r}")
        >>> round(float(c.op()["v(b)"]), 9)
        0.75
        """
        if not isinstance(text, str):
            raise UsageError(f"a {type(text).__name__} is no piece of netlist", expected="a str")
        statements = [*parse(f"{self.title}\n{text}").statements]
        for statement in statements:
            if isinstance(statement, Directive) and statement.name in catalog("analyses"):
                raise NetlistError(
                    f".{statement.name} in a piece of netlist", place=statement.place,
                    expected=f"circuit.{statement.name}(...)",
                )  # fmt: skip
        self._expand(statements)
        self.definitions += [s for s in statements if isinstance(s, _KEPT)]

    def _expand(self, statements: Sequence[Statement]) -> None:
        """Add what statements expand to, among the definitions so far."""
        defined = {s.name for s in (*self.definitions, *statements) if isinstance(s, ModelStatement)}
        own = [m for m in self.models.values() if m.name not in defined and "." not in m.name and not m.references]
        models = [ModelStatement(model.name, model.type, dict(model.params)) for model in own]
        flat = expand(self.title, [*models, *self.definitions, *statements])
        self.devices.update(flat.devices)
        for model in flat.models.values():
            self.models.setdefault(model.name, model)
        for element in flat.elements:
            self.add(element)
        self.imperfections += flat.imperfections
        self.ic.update(flat.ic)
        self.nodeset.update(flat.nodeset)
        self.save += [name for name in flat.save if name not in self.save]
        if flat.options:
            self.set_options(**{key: value for key, value in flat.options.items() if key != "seed" or value})


def _polynomial(owner: str, poly: Polynomial, nodes: tuple[str, ...], controls: tuple[str, ...]) -> Expression:
    coefficients = tuple([number_of(f"{owner}: poly", value) for value in poly[1]])
    if not coefficients or not (nodes or controls) or len(nodes) != 2 * len(poly[0]) * bool(nodes):
        raise UsageError(
            f"{owner}: poly of {len(poly[0])} controls and {len(coefficients)} coefficients",
            expected="controls and at least one coefficient: ([('a', 0)], [0, 2])",
            names=(owner,),
        )
    if len(coefficients) == 1 and len(poly[0]) == 1:
        coefficients = (0.0, *coefficients)
    return polynomial(ElementStatement(owner, ("0", "0", *nodes), controls=controls, poly=coefficients))


def _initial(owner: str, letter: str, values: Any) -> dict[str, Value]:
    names = INITIAL[letter]
    given = [*values]
    if len(given) > len(names):
        raise UsageError(
            f"{owner}: ic has {len(given)} values", expected=", ".join(names).replace("ic_", ""), names=(owner,)
        )
    return dict(zip(names, given, strict=False))
