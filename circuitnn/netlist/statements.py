"""What a netlist says, one frozen object a statement; equality ignores places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from circuitnn.errors import Place
from circuitnn.netlist.expression import Expression
from circuitnn.netlist.flat import Command, DataFile

Value = float | Expression


@dataclass(frozen=True, slots=True)
class SourceFunction:
    """The time function of a V or I: its name, its arguments in SPICE's order, ``r`` and ``td`` of PWL, its file."""

    kind: str
    args: tuple[Value, ...]
    options: dict[str, Value] = field(default_factory=dict)
    data: DataFile | None = None


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a value may be off: ``dev=5%`` of each element by itself, ``lot=10%`` of all of a model together.

    Parameters
    ----------
    param : str
        What it belongs to; of an element its value.
    kind : {"dev", "lot"}
    value : float or Expression
    percent : bool
        The value is in percent of the nominal one.
    distribution : {"uniform", "gauss", "lognormal"}
    generator : int, optional
        Tolerances of one generator share the numbers that are drawn for lots.
    """

    param: str
    kind: str
    value: Value
    percent: bool = False
    distribution: str = "uniform"
    generator: int | None = None


@dataclass(frozen=True, slots=True)
class ElementStatement:
    """An element line, or a subcircuit call (letter ``x``).

    Parameters
    ----------
    name : str
        Lower case, its letter first.
    nodes : tuple of str
        As written, lower case.
    params : dict of str to float or Expression
        With the positional value under its name (``resistance``, ``dc``, ``gain``, ...), flags such as ``off`` as 1.
    model : str, optional
        The model, or the subcircuit; for R, L and C perhaps the name of a parameter that stands for the value.
    controls : tuple of str
        Elements whose current is sensed, or inductors that are coupled.
    function : SourceFunction, optional
        For V and I.
    expression : Expression, optional
        For B, and for E and G given by VALUE or TABLE.
    kind : str
        ``"v"`` or ``"i"`` where ``expression`` or ``poly`` is given.
    poly : tuple of float or Expression
        Coefficients of POLY of E, F, G and H; the controlling nodes follow the two terminals in ``nodes``.
    vectors : tuple of int
        For A: lengths of the node vectors that ``nodes`` is made of, their ranges expanded.
    data : DataFile, optional
        For A: the file of ``g="file"``.
    place : Place, optional
        Where it was written.
    tolerances : tuple of Tolerance
        Of the value of an R, C or L.
    """

    name: str
    nodes: tuple[str, ...]
    params: dict[str, Value] = field(default_factory=dict)
    model: str | None = None
    controls: tuple[str, ...] = ()
    function: SourceFunction | None = None
    expression: Expression | None = None
    kind: str = ""
    poly: tuple[Value, ...] = ()
    vectors: tuple[int, ...] = ()
    data: DataFile | None = None
    place: Place | None = field(default=None, compare=False)
    tolerances: tuple[Tolerance, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelStatement:
    """``.model name type (a=1 b={x})``; ``base`` is the model of which it is a kind (``ako:base``), whose type counts
    when ``type`` is empty."""

    name: str
    type: str
    params: dict[str, Value] = field(default_factory=dict)
    place: Place | None = field(default=None, compare=False)
    base: str = ""
    tolerances: tuple[Tolerance, ...] = ()


@dataclass(frozen=True, slots=True)
class ParamStatement:
    """``.param a=1 b={2*a}``."""

    params: dict[str, Value] = field(default_factory=dict)
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class FuncStatement:
    """``.func f(x,y) {x*y}``."""

    name: str
    args: tuple[str, ...]
    body: Expression
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class SubcktDefinition:
    """``.subckt name ports params: a=1`` ... ``.ends``; the body may hold definitions too."""

    name: str
    ports: tuple[str, ...]
    params: dict[str, Value] = field(default_factory=dict)
    body: Sequence[Statement] = ()
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class DeviceParam:
    """``param ron=100 unit=ohm low=0 doc="..."`` of a device; ``above`` is a lower end that is not allowed itself."""

    name: str
    default: float
    unit: str = "1"
    low: float | None = None
    above: float | None = None
    high: float | None = None
    doc: str = ""
    source: str = ""
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class DeviceState:
    """``state x=0.3 unit=1 low=0 high=1`` of a device; numbers, or names of its parameters."""

    name: str
    init: float | str
    unit: str = "1"
    low: float | str | None = None
    high: float | str | None = None
    scale: float = 1.0
    doc: str = ""
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class DeviceEquation:
    """A line ``kind names = expression`` of a device: ``let name``, ``current p n``, ``charge p n``, ``rate state``,
    ``noise [name] p n``, ``flicker [name] p n``."""

    kind: str
    names: tuple[str, ...]
    tree: Expression
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class DeviceDefinition:
    """``.device name terminals`` ... ``.enddevice``; one that is ``broken`` holds mistakes that were told of."""

    name: str
    terminals: tuple[str, ...]
    parts: tuple[DeviceParam | DeviceState | DeviceEquation, ...] = ()
    doc: str = ""
    place: Place | None = field(default=None, compare=False)
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Assignment:
    """``name=value`` among the words of a directive; the value is a word where it is no number or expression."""

    name: str
    value: Value | str


@dataclass(frozen=True, slots=True)
class Directive:
    """Any other dot card: the name of its file in ``cards``, or of an analysis, and its words."""

    name: str
    words: tuple[Value | str | Assignment, ...] = ()
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ControlBlock:
    """``.control`` ... ``.endc``: a script; what its commands are, the runs layer knows."""

    commands: tuple[Command, ...]
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Conditional:
    """``.if`` ... ``.elseif`` ... ``.else`` ... ``.endif``: conditions and what they guard; ``.else`` has None."""

    branches: tuple[tuple[Expression | None, Sequence[Statement]], ...]
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Broken:
    """What a line that could not be read would have defined, so that its uses are not taken for mistakes.

    Parameters
    ----------
    kind : {"element", "model", "parameter", "function", "subcircuit"}
    name : str
    nodes : tuple of str
        Of an element: the words that may be nodes.
    """

    kind: str
    name: str
    nodes: tuple[str, ...] = ()


Statement = (
    ElementStatement
    | ModelStatement
    | ParamStatement
    | FuncStatement
    | SubcktDefinition
    | DeviceDefinition
    | Directive
    | ControlBlock
    | Conditional
    | Broken
)


def broken(statement: Statement) -> Iterator[Statement]:
    """Yield what a statement would have defined.

    Examples
    --------
    >>> list(broken(ParamStatement({"a": 1.0})))
    [Broken(kind='parameter', name='a', nodes=())]
    """
    match statement:
        case ElementStatement(name, nodes):
            yield Broken("element", name, nodes)
        case ModelStatement(name):
            yield Broken("model", name)
        case ParamStatement(params):
            yield from (Broken("parameter", name) for name in params)
        case FuncStatement(name):
            yield Broken("function", name)
        case SubcktDefinition(name):
            yield Broken("subcircuit", name)
        case Conditional(branches):
            for _, body in branches:
                for inner in body:
                    yield from broken(inner)
        case DeviceDefinition():
            yield replace(statement, broken=True)
        case Broken():
            yield statement
