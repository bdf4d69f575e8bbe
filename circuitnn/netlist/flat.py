"""The flat circuit description: what a netlist expands to, and what a circuit is built from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from circuitnn.errors import Place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from circuitnn.netlist.expression import Expression
    from circuitnn.netlist.statements import DeviceDefinition

GROUND = "0"
# m parallel voltage sources hold the same voltage; a coupling has no terminals.
NO_MULTIPLIER = frozenset("vehk")
_ARCHIVE = re.compile(r"(.+\.npz)(?::(.*))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Waveform:
    """The time function of an independent source.

    Parameters
    ----------
    kind : str
        ``pulse``, ``sin``, ``exp``, ``pwl``, ``sffm``, ``am``, ``trnoise`` or ``trrandom``.
    args : tuple of float
        In SPICE's order; those left out take SPICE's defaults, some of which
        depend on the transient analysis (rise time, period).
    repeat : float, optional
        For PWL: the time of the point at which it begins again after its last one, s.
    delay : float
        For PWL, s.
    """

    kind: str
    args: tuple[float, ...]
    repeat: float | None = None
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class DataFile:
    """A matrix in a file: ``"weights.npy"``, ``"weights.csv"``, or an array of an archive, ``"weights.npz:W1"``.

    Parameters
    ----------
    path : str
    key : str
        Name of the array; empty where the file holds one alone.
    place : Place, optional
        Where a netlist names it.
    """

    path: str
    key: str = ""
    place: Place | None = field(default=None, compare=False)

    @classmethod
    def from_text(cls, text: str, place: Place | None = None) -> DataFile:
        """Return the file that a text names.

        Examples
        --------
        >>> DataFile.from_text("nets/a.npz:W1")
        DataFile(path='nets/a.npz', key='W1', place=None)
        """
        found = _ARCHIVE.fullmatch(text)
        return cls(found[1], found[2] or "", place) if found else cls(text, "", place)

    def __str__(self) -> str:
        return f"{self.path}:{self.key}" if self.key else self.path


@dataclass(frozen=True, slots=True, eq=False)
class DataArray:
    """A matrix in memory, of an element built by hand; equal to itself alone."""

    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a flat circuit.

    Parameters
    ----------
    name : str
        Lower case, with the letter of its kind first in the last part: ``"r1"``, ``"x1.r2"``.
    nodes : tuple of str
        Node names, lower case; ground is ``"0"``.
    params : dict of str to float
        Instance parameters, the positional value under its parameter's name
        (``resistance``, ``capacitance``, ``inductance``, ``gain``, ``coupling``), sources with
        ``dc``, ``acmag``, ``acphase`` (degrees).
    model : str, optional
        Name of its ``.model`` card, or of a registered device.
    controls : tuple of str
        Names of the elements whose branch current it senses (F, H, W: a V; K: inductors).
    waveform : Waveform, optional
        For V and I.
    expression : Expression, optional
        For B: the tree with node and element names already flat.
    kind : str
        For B: ``"v"`` or ``"i"``.
    place : Place, optional
        Where it was written.
    vectors : tuple of int
        For A: lengths of the node vectors that ``nodes`` is made of.
    data : DataFile or DataArray, optional
        For A: the conductances of its cells.
    """

    name: str
    nodes: tuple[str, ...]
    params: dict[str, float] = field(default_factory=dict)
    model: str | None = None
    controls: tuple[str, ...] = ()
    waveform: Waveform | None = None
    expression: Expression | None = None
    kind: str = ""
    place: Place | None = None
    vectors: tuple[int, ...] = ()
    data: DataFile | DataArray | None = None

    @property
    def letter(self) -> str:
        """The SPICE letter of its kind, lower case."""
        return self.name.rpartition(".")[2][0]

    def with_params(self, **params: float) -> Element:
        """Return a copy with some parameters changed."""
        return replace(self, params={**self.params, **params})


@dataclass(frozen=True, slots=True)
class Model:
    """A ``.model`` card: a name, a type (``d``, ``nmos``, ``vteam``) and its parameters.

    ``references`` are parameters that name other models (``device`` of a crossbar).
    """

    name: str
    type: str
    params: dict[str, float] = field(default_factory=dict)
    place: Place | None = None
    references: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AnalysisCard:
    """An analysis directive: its name and its words, numbers already evaluated."""

    name: str
    words: tuple[float | str, ...] = ()
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Imperfection:
    """A non-ideality of an element, or of all that use a model.

    Parameters
    ----------
    target : str
        Name of the element or model.
    kind : str
        Name of the effect.
    params : dict of str to float or str
    place : Place, optional
    """

    target: str
    kind: str
    params: Mapping[str, float | str] = field(default_factory=dict)
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class MonteCarlo:
    """A ``.mc`` card: how many runs, their seed (that of ``.options`` without one), and which analyses (empty: all)."""

    runs: int
    seed: int | None = None
    kinds: tuple[str, ...] = ()
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """One line of a ``.control`` block, as written."""

    text: str
    place: Place | None = field(default=None, compare=False)


@dataclass(slots=True)
class FlatNetlist:
    """Everything that a netlist says, subcircuits expanded and expressions evaluated.

    ``devices`` are those that the netlist itself writes (``.device``), by name, ``imperfections`` the ``.nonideal``
    cards;
    ``options`` holds lower-case names with numbers or words (``temp`` in degrees Celsius; ``.temp`` sets it too), and
    ``option_places`` where each is set;
    ``ic`` and ``nodeset`` map nodes to volts; ``save`` holds vector names such as ``v(out)`` or ``i(v1)``;
    ``probes`` those that are asked for beside the others, and ``asked_at`` where each was asked for; ``needed``
    those that ``requests`` (``.measure`` and ``.four``) take from the results, whatever is saved; ``steps`` and
    ``tables`` are the ``.step`` and ``.data`` cards,
    ``corners`` those of ``.corner``, ``monte_carlo`` that of ``.mc``, ``params`` the parameters of the top level,
    ``csparams``
    those of ``.csparam``, ``script`` the commands of ``.control``; ``broken`` are elements, subcircuits and
    parameters that could not be made because of a mistake, and the nodes that they may touch.
    """

    title: str = ""
    elements: Sequence[Element] = field(default_factory=list)
    models: dict[str, Model] = field(default_factory=dict)
    imperfections: list[Imperfection] = field(default_factory=list)
    devices: dict[str, DeviceDefinition] = field(default_factory=dict)
    options: dict[str, float | str] = field(default_factory=dict)
    option_places: dict[str, Place] = field(default_factory=dict)
    ic: dict[str, float] = field(default_factory=dict)
    nodeset: dict[str, float] = field(default_factory=dict)
    save: list[str] = field(default_factory=list)
    probes: list[str] = field(default_factory=list)
    asked_at: dict[str, Place] = field(default_factory=dict)
    needed: list[str] = field(default_factory=list)
    analyses: list[AnalysisCard] = field(default_factory=list)
    requests: list[AnalysisCard] = field(default_factory=list)
    steps: list[AnalysisCard] = field(default_factory=list)
    tables: dict[str, AnalysisCard] = field(default_factory=dict)
    corners: list[AnalysisCard] = field(default_factory=list)
    monte_carlo: MonteCarlo | None = None
    params: dict[str, float] = field(default_factory=dict)
    csparams: dict[str, float] = field(default_factory=dict)
    script: list[Command] = field(default_factory=list)
    globals: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    broken: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def wanted(self) -> list[AnalysisCard]:
        """Return the analyses of a run: those that ``.mc`` names, or all."""
        kinds = self.monte_carlo.kinds if self.monte_carlo else ()
        return [card for card in self.analyses if not kinds or card.name in kinds]
