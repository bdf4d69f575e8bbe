"""A circuit linearised at its operating point: what ac, noise, tf, sens and pz have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.physics import BOLTZMANN, ZERO_CELSIUS
from circuitnn.errors import CircuitError, SingularMatrixError, UsageError, nearest
from circuitnn.mna._block import BlockKernel
from circuitnn.mna._lu import LU
from circuitnn.mna.plan import NODE, Batch
from circuitnn.netlist.flat import GROUND
from circuitnn.netlist.probes import split_arguments

if TYPE_CHECKING:
    from circuitnn.mna.system import System

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

_OUTPUT = re.compile(r"([vi])\((.+)\)")


@dataclass(frozen=True)
class Output:
    """A voltage or a current as a linear function of the unknowns.

    Parameters
    ----------
    name : str
        Lower case without blanks: ``v(out)``, ``v(out,ref)``, ``i(v1)``.
    kind : {"voltage", "current"}
    weights : ndarray, shape (n,)
    branch : str
        The source whose current it is; empty for a voltage.
    """

    name: str
    kind: str
    weights: Real
    branch: str = ""


@dataclass(frozen=True)
class NoiseSources:
    """All noise currents of a circuit; ground is the unknown ``n``.

    Parameters
    ----------
    names : list of (str, str)
        Element and source.
    plus, minus : ndarray of int, shape (sources,)
        Unknowns of the nodes that the current flows from and to.
    density, exponent : ndarray, shape (sources,)
        One-sided, ``density / f**exponent``, A^2/Hz.
    networks : list of (str, ndarray, ndarray)
        Resistive networks with several ports: element, unknowns of the ports (ports,), and the spectral densities of
        their short-circuit currents with the correlations between them, A^2/Hz, shape (ports, ports).
    silent : list of str
        Elements whose noise is not known here.
    """

    names: list[tuple[str, str]]
    plus: NDArray[np.int64]
    minus: NDArray[np.int64]
    density: Real
    exponent: Real
    networks: list[tuple[str, NDArray[np.int64], Real]]
    silent: list[str]

    def labels(self) -> list[tuple[str, str]]:
        """Return element and source of each contribution, in the order of ``contributions``."""
        return [*self.names, *((name, "thermal") for name, _, _ in self.networks)]

    def contributions(self, adjoint: Complex, frequency: float) -> Real:
        """Return the density at an output that each source makes, (contributions,), in V^2/Hz or A^2/Hz.

        ``adjoint`` (n,) is what 1 A into each unknown makes of the output.
        """
        y = np.append(adjoint, 0.0)
        transfer = np.abs(y[self.minus] - y[self.plus]) ** 2
        with np.errstate(divide="ignore"):
            own = transfer * self.density * np.where(self.exponent == 0.0, 1.0, float(frequency) ** -self.exponent)
        networks = [float((y[ports].conj() @ matrix @ y[ports]).real) for _, ports, matrix in self.networks]
        return np.append(own, networks)


class SmallSignal:
    """The equations ``(G + s C) x = b`` about an operating point.

    Attributes
    ----------
    point : ndarray, shape (n,)
        The operating point.
    conductance, capacitance : ndarray, shape (nnz,)
        G and C on the pattern of the plan, S and F (and what states make of them).
    dc_conductance : ndarray, shape (nnz,)
        G with the rows of states that hold replaced by those of the unit matrix.

    Raises
    ------
    ConvergenceError, SingularMatrixError, TopologyError
        When there is no operating point.

    Examples
    --------
    >>> import circuitnn as cn
    >>> c = cn.Circuit("divider")
    >>> c.V("in", "a", 0, dc=2.0); c.R("1", "a", "b", "1k"); c.R("2", "b", 0, "1k")
    >>> linear = SmallSignal(c.system())
    >>> float((linear.adjoint(0.0, linear.output("v(b)").weights) * linear.drive("vin")).sum().real)
    0.5
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self.plan = system.plan
        self.point: Real = system.operating_point()
        self.conductance, self.capacitance = system.jacobians(self.point)
        self._lu = LU(self.plan.ap, self.plan.ai, self.plan.perm, complex=True)
        self._frequency: float | None = None
        self._by_frequency = system.depends_on_frequency

    # ------------------------------------------------------------------ solving
    def _factor(self, frequency: float) -> None:
        if self._frequency == frequency:
            return
        conductance, capacitance = self.conductance, self.capacitance
        if self._by_frequency:
            conductance, capacitance = self.system.jacobians(self.point, frequency)
        matrix = self.system.small_signal_matrix(conductance, capacitance, frequency)
        try:
            if self._frequency is None:
                self._lu.factor(matrix)
            else:
                self._lu.refactor(matrix)
        except SingularMatrixError as error:
            self._frequency = None
            raise self._singular(error, f"at {frequency:g} Hz") from None
        self._frequency = frequency

    def _singular(self, error: SingularMatrixError, where: str) -> SingularMatrixError:
        unknown = error.names[0] if error.names else None
        name = self.system.names[int(unknown)] if unknown is not None else "an unknown"
        return SingularMatrixError(f"{where} the equations do not determine {name}", names=(name,))

    def solve(self, frequency: float, b: Any) -> Complex:
        """Return x with ``(G + j 2 pi f C) x = b``, shape (n,)."""
        self._factor(frequency)
        x: Complex = self._lu.solve(b)
        return x

    def adjoint(self, frequency: float, weights: Any) -> Complex:
        """Return y with ``(G + j 2 pi f C)^T y = weights``: y . b is what a drive b makes of the output."""
        self._factor(frequency)
        y: Complex = self._lu.solve_transposed(weights)
        return y

    @cached_property
    def dc_conductance(self) -> Real:
        """G as in an operating point, where states hold."""
        values = self.conductance.copy()
        held = np.zeros(self.plan.n, bool)
        held[self.plan.held_row] = True
        values[held[self.plan.ai]] = 0.0
        values[self.plan.diagonal[held]] = 1.0
        return values

    @cached_property
    def dc(self) -> LU:
        """Factors of ``dc_conductance``."""
        lu = LU(self.plan.ap, self.plan.ai, self.plan.perm)
        try:
            lu.factor(self.dc_conductance)
        except SingularMatrixError as error:
            raise self._singular(error, "at the operating point") from None
        return lu

    # ------------------------------------------------------------------ inputs and outputs
    def drive(self, source: str) -> Real:
        """Return the right-hand side of 1 V or 1 A of an independent source, shape (n,)."""
        self.system.source(source)
        which = [element.name for element in self.plan.sources].index(source)
        chosen = self.plan.drive_source == which
        found = np.zeros(self.plan.n + 1)
        np.add.at(found, self.plan.drive_row[chosen], self.plan.drive_value[chosen])
        return found[:-1]

    def output(self, text: str) -> Output:
        """Return what ``v(a)``, ``v(a,b)`` or ``i(v1)`` is made of.

        Raises
        ------
        UsageError
            When the text has another form.
        CircuitError
            When there is no such node or branch current.
        """
        return read_output(self.system, text)

    # ------------------------------------------------------------------ noise
    def noise_sources(self) -> NoiseSources:
        """Return the noise currents of all elements at the operating point.

        Resistive networks at one temperature have 4kT times the symmetric part of their admittance (Twiss, J. Appl.
        Phys. 26, 599, 1955).
        """
        x = np.append(self.point, 0.0)
        env = np.array([self.system.options.gmin, 0.0])
        names: list[tuple[str, str]] = []
        columns: list[list[Any]] = [[], [], [], []]
        networks = []
        silent = []
        for batch, limits in batches(self.system):
            if isinstance(batch.kernel, BlockKernel):
                if not batch.kernel.linear:
                    silent += batch.names
                    continue
                ports = batch.kernel.n_ports
                slopes = batch.kernel.evaluate(x[batch.index])[2][: ports * ports].reshape(ports, ports)
                matrix = 2.0 * BOLTZMANN * (self.system.options.temp + ZERO_CELSIUS) * (slopes + slopes.T)
                networks.append((batch.names[0], batch.index[:ports, 0].astype(np.int64), matrix))
            labels = getattr(batch.kernel, "noise_names", ())
            if not labels:
                continue
            values = batch.kernel.noise(x[batch.index], batch.param, limits, env)
            minus = batch.kernel.noise_minus
            into = np.where(minus[:, None] < 0, self.system.plan.n, batch.index[minus])
            where = batch.index[batch.kernel.noise_plus], into
            for kept, rows in zip(columns, (*where, *values), strict=True):
                kept.append(rows.T.ravel())
            names += [(element, label) for element in batch.names for label in labels]
        plus, minus, density, exponent = (np.concatenate(c) if c else np.zeros(0) for c in columns)
        return NoiseSources(names, plus.astype(np.int64), minus.astype(np.int64), density, exponent, networks, silent)


def batches(system: System) -> list[tuple[Batch, Real | None]]:
    """Return all elements by kernel with their limited voltages, those folded into the constant matrix first.

    The limited voltages are those of the last call of ``system.jacobians``.
    """
    own = [(batch, system.engine.limits(k)) for k, batch in enumerate(system.plan.batches)]
    return [*((batch, None) for batch in system.plan.folded), *own]


def read_output(system: System, text: str) -> Output:
    """Return what ``v(a)``, ``v(a,b)`` or ``i(v1)`` is made of; see `SmallSignal.output`."""
    name = "".join(str(text).split()).lower()
    match = _OUTPUT.fullmatch(name)
    words = split_arguments(match[2]) if match else []
    if match is None or not 1 <= len(words) <= (2 if match[1] == "v" else 1):
        raise UsageError(f"{text!r} names no output", expected="v(node), v(node,reference) or i(source)")
    weights = np.zeros(system.plan.n)
    if match[1] == "i":
        branch = system.plan.branch_index.get(words[0])
        if branch is None:
            raise CircuitError(
                f"{name}: there is no branch current of {words[0]!r}",
                names=(words[0],),
                expected="a voltage source or an inductor",
                hint=nearest(words[0], system.plan.branch_index),
            )
        weights[branch] = 1.0
        return Output(name, "current", weights, words[0])
    for node, sign in zip(words, (1.0, -1.0), strict=False):
        if node in (GROUND, "gnd"):
            continue
        weights[node_index(system, node, name)] += sign
    return Output(name, "voltage", weights)


def node_index(system: System, node: str, where: str) -> int:
    """Return the unknown of a node; raise CircuitError with ``where`` it is named when there is none."""
    index = system.plan.node_index.get(node)
    if index is None or system.plan.kind[index] != NODE:
        raise CircuitError(
            f"{where}: there is no node {node!r}", names=(node,), hint=nearest(node, system.plan.node_index)
        )
    return index
