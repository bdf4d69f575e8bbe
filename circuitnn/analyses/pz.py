"""Poles and zeros of the transfer from one pair of nodes to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from circuitnn.analyses.analysis import Analysis, Progress, statistics
from circuitnn.errors import AnalysisError, ConvergenceError, SingularMatrixError, UsageError
from circuitnn.mna.pencil import SingularPencil, finite_eigenvalues, nearest_eigenvalues
from circuitnn.mna.smallsignal import SmallSignal, node_index
from circuitnn.mna.system import System
from circuitnn.netlist.flat import GROUND, AnalysisCard
from circuitnn.results.result import Result, Variable

#: Unknowns up to which all poles are computed, by dense matrices.
DENSE_LIMIT = 600
#: How many poles of a larger circuit are computed: those nearest to zero.
NEAREST = 40
_INPUTS = ("cur", "vol")
_WANTED = ("pol", "zer", "pz")


@dataclass(frozen=True)
class Pz(Analysis):
    """Poles and zeros, rad/s, of output voltage over input voltage (``vol``) or input current (``cur``).

    Poles are the s where G + s C is singular, with the input's voltage held at zero for ``vol``; zeros are those of the
    same matrix with a column for the input and a row for the output (Rosenbrock, State-space and Multivariable Theory,
    1970). A voltage source with an ac value counts as the generator and is taken out, as in ngspice. Of circuits of
    more than 600 unknowns only poles are computed, the 40 nearest to zero. The result holds ``pole(1)`` ... and
    ``zero(1)`` ..., by magnitude.

    Parameters
    ----------
    inp, inm, outp, outm : str
        Nodes of the input and of the output.
    input : {"cur", "vol"}
    wanted : {"pol", "zer", "pz"}

    Examples
    --------
    >>> import circuitnn as cn
    >>> c = cn.Circuit("lead")
    >>> c.V("in", "a", 0); c.R("1", "a", "b", 9e3); c.C("1", "a", "b", 1e-9); c.R("2", "b", 0, 1e3)
    >>> pz = c.pz("a", 0, "b", 0)
    >>> {name: complex(pz[name].round(3)) for name in pz}
    {'pole(1)': (-1111111.111+0j), 'zero(1)': (-111111.111+0j)}
    """

    inp: str
    inm: str
    outp: str
    outm: str
    input: str = "vol"
    wanted: str = "pz"

    name: ClassVar[str] = "pz"
    usage: ClassVar[str] = ".pz IN+ IN- OUT+ OUT- CUR|VOL POL|ZER|PZ"

    @classmethod
    def from_card(cls, card: AnalysisCard) -> Self:
        """Read ``.pz in 0 out 0 vol pz``."""
        if len(card.words) != 6:
            raise cls.miscounted(card, "6")
        inp, inm, outp, outm, driven, wanted = (_word(word) for word in card.words)
        if driven not in _INPUTS:
            raise cls.refuse(card, f"{driven!r} is neither cur nor vol", driven)
        if wanted not in _WANTED:
            raise cls.refuse(card, f"{wanted!r} is none of pol, zer and pz", wanted)
        return cls(inp, inm, outp, outm, driven, wanted)

    def check(self, system: System) -> None:
        """Raise what is wrong with the request.

        CircuitError for nodes that are not there, UsageError for an input or output between one node, AnalysisError for
        a circuit with transmission lines.
        """
        lines = [element.name for element in system.circuit.elements.values() if element.letter == "t"]
        if lines:
            raise AnalysisError(
                f".pz cannot go with the transmission line {lines[0]}: the poles of a delay have no end",
                names=tuple(lines[:8]),
                hint="an ac analysis shows its resonances",
            )
        nodes = self._nodes()
        for node in nodes:
            if node != GROUND:
                node_index(system, node, ".pz")
        for what, pair in (("input", nodes[:2]), ("output", nodes[2:])):
            if pair[0] == pair[1]:
                raise UsageError(f"both ends of the {what} are the node {pair[0]!r}", expected="two nodes", names=pair)
        if self.input not in _INPUTS or self.wanted not in _WANTED:
            raise UsageError(
                f"pz cannot compute {self.wanted!r} of a {self.input!r} input",
                expected=f"input {' or '.join(_INPUTS)}; wanted {', '.join(_WANTED)}",
            )

    def _nodes(self) -> tuple[str, ...]:
        words = (_word(node) for node in (self.inp, self.inm, self.outp, self.outm))
        return tuple([GROUND if word == "gnd" else word for word in words])

    def run(self, system: System, progress: Progress | None = None) -> Result:
        """Return one point of complex numbers."""
        self.check(system)
        system.engine.reset_report()
        linear = SmallSignal(system)
        inp, inm, outp, outm = self._nodes()
        g, c, drive = self._equations(linear, inp, inm)
        found: dict[str, NDArray[np.complex128]] = {}
        if self.wanted != "zer":
            found["pole"] = self._values(g, c, "the circuit has no unique solution at any frequency")
        if self.wanted != "pol":
            if g.shape[0] > DENSE_LIMIT:
                raise AnalysisError(
                    f"the zeros of {g.shape[0]} unknowns are too many to compute",
                    expected=f"at most {DENSE_LIMIT} unknowns",
                    hint="ask for poles alone: pol",
                )
            from scipy.sparse import block_array, csc_array

            seen = np.zeros((1, g.shape[0]))
            for node, sign in ((outp, 1.0), (outm, -1.0)):
                if node != GROUND:
                    seen[0, system.plan.node_index[node]] += sign
            both = block_array([[g, csc_array(-drive[:, None])], [csc_array(seen), None]])
            empty = csc_array((1, 1))
            found["zero"] = self._values(
                both, block_array([[c, None], [None, empty]]), "the output does not depend on the input"
            )
        names = [
            Variable(f"{what}({k + 1})", "angular-frequency")
            for what, values in found.items()
            for k in range(len(values))
        ]
        row = np.concatenate([*found.values()])[None, :].astype(complex)
        return Result("pz1", "pz", system.circuit.title, names, row, statistics(system, unknowns=g.shape[0]))

    def _equations(self, linear: SmallSignal, inp: str, inm: str) -> tuple[Any, Any, NDArray[np.float64]]:
        """Return G, C and the input's column.

        A generator's equation becomes i = 0. An input voltage that no other source holds has a current of its own.
        """
        from scipy.sparse import block_array, csc_array

        plan = linear.plan
        shape = (plan.n, plan.n)
        values = linear.conductance.copy()
        voltages = [e for e in linear.system.circuit.elements.values() if e.letter == "v"]
        generators = [plan.branch_index[e.name] for e in voltages if e.params.get("acmag", 0.0) != 0.0]
        values[np.isin(plan.ai, generators)] = 0.0
        values[plan.diagonal[generators]] = 1.0
        g = csc_array((values, plan.ai, plan.ap), shape=shape)
        c = csc_array((linear.capacitance, plan.ai, plan.ap), shape=shape)
        across = np.zeros(plan.n)
        for node, sign in ((inp, 1.0), (inm, -1.0)):
            if node != GROUND:
                across[plan.node_index[node]] += sign
        if self.input == "cur":
            return g, c, across
        for element in voltages:
            branch = plan.branch_index[element.name]
            if branch not in generators and set(element.nodes) == {inp, inm}:
                drive = np.zeros(plan.n)
                drive[branch] = 1.0
                return g, c, drive
        column = csc_array(across[:, None])
        g = block_array([[g, column], [column.T, None]])
        c = block_array([[c, None], [None, csc_array((1, 1))]])
        return g, c, np.append(np.zeros(plan.n), 1.0)

    def _values(self, g: Any, c: Any, singular: str) -> NDArray[np.complex128]:
        try:
            if g.shape[0] <= DENSE_LIMIT:
                return finite_eigenvalues(g.toarray(), c.toarray())
            return nearest_eigenvalues(g, c, NEAREST)
        except SingularPencil:
            raise SingularMatrixError(
                f"poles and zeros cannot be found: {singular}", names=tuple(map(str, (self.inp, self.outp)))
            ) from None
        except ArithmeticError:
            raise ConvergenceError(
                f"the {NEAREST} poles nearest to zero of {g.shape[0]} unknowns did not settle",
                hint=f"circuits of up to {DENSE_LIMIT} unknowns are solved directly",
            ) from None


def _word(word: object) -> str:
    """Return a node or keyword; netlists hand over a node's number as a float."""
    return f"{word:g}" if isinstance(word, float) else str(word).lower()


EXPORT = Pz
