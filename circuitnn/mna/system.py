"""The system of equations of one circuit: what analyses run on, without ever seeing a device."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

import circuitnn.mna._engine as _engine
import circuitnn.mna._transient as _transient
from circuitnn.circuit.topology import raise_faults
from circuitnn.errors import CircuitError, ConvergenceError, SingularMatrixError, UsageError, nearest
from circuitnn.mna._block import BlockKernel
from circuitnn.mna.plan import BRANCH, NODE, Plan
from circuitnn.mna.planner import make_plan
from circuitnn.mna.streams import NoiseBand
from circuitnn.mna.waveforms import drive_of
from circuitnn.netlist.flat import Element
from circuitnn.results.checkpoint import Checkpoint
from circuitnn.results.memory import physical_memory
from circuitnn.units import format_si

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit

#: Rows that the message of a failure shows.
_SHOWN = 3
#: Points that a transient holds; the engine counts them by 32 bits.
_MOST_POINTS = 1 << 30
_VECTOR_KINDS = ("voltage", "current", "state")


class System:
    """Unknowns, matrices and sources of a circuit, ready to be solved.

    Parameters
    ----------
    circuit : circuitnn.Circuit
        Its topology must have been checked; it is read once and not kept in step with later changes.
    dc_faults : list of (str, names)
        Faults of the topology that forbid an operating point (no path for direct current) and nothing else.
    like : System, optional
        Of a circuit that differs in numbers: pattern, order of elimination and pivots are taken from it. It still
        serves, but has to find its pivots again.

    Raises
    ------
    CircuitError, DeviceError
        For elements that refer to what does not exist, or parameters without a usable value.

    Examples
    --------
    >>> import circuitnn as cn
    >>> c = cn.Circuit("divider")
    >>> c.V("in", "a", 0, dc=2.0); c.R("1", "a", "b", "1k"); c.R("2", "b", 0, "1k")
    >>> system = System(c)
    >>> system.names
    ['v(a)', 'v(b)', 'i(vin)']
    >>> system.operating_point().round(9).tolist()
    [2.0, 1.0, -0.001]
    """

    def __init__(
        self,
        circuit: Circuit,
        dc_faults: Sequence[tuple[str, tuple[str, ...]]] = (),
        like: System | None = None,
    ) -> None:
        self._dc_faults = list(dc_faults)
        self.circuit = circuit
        self.options = circuit.options
        self.plan: Plan = make_plan(circuit, like.plan if like is not None else None)
        self.engine = _engine.Engine(self.plan, self.options)
        if like is not None and self.plan.ap is like.plan.ap:
            self.engine.swap_factors(like.engine)
        self._source_index = {element.name: k for k, element in enumerate(self.plan.sources)}
        self.reset_waveforms()

    @property
    def n(self) -> int:
        """Number of unknowns."""
        return self.plan.n

    @property
    def names(self) -> list[str]:
        """Vector name of each unknown: ``v(node)``, ``i(element)``, ``@element[state]``."""
        return self.plan.names

    def vectors(self) -> list[tuple[int, str, str]]:
        """Return ``(unknown, name, kind)`` of what an analysis reports; kind is voltage, current or state."""
        wanted = {_normal(name) for name in self.circuit.save}
        found = []
        for k, name in enumerate(self.plan.names):
            if not self.plan.hidden[k] and (not wanted or name in wanted or k in self.plan.outputs):
                found.append((k, name, _VECTOR_KINDS[self.plan.kind[k]]))
        return found

    # ------------------------------------------------------------------ sources
    def set_waveforms(self, step: float, stop: float) -> None:
        """Give all sources their time functions; SPICE's defaults depend on the transient's step and stop time."""
        for k, element in enumerate(self.plan.sources):
            self.engine.set_source(k, *drive_of(element, step, stop, self.options.seed))

    def reset_waveforms(self) -> None:
        """Give all sources what operating points and sweeps take: dc values, or time functions at t = 0."""
        self.set_waveforms(step=1.0, stop=0.0)

    def source(self, name: str) -> Element:
        """Return the independent source of that name; raise CircuitError when there is none."""
        if name not in self._source_index:
            raise CircuitError(
                f"there is no independent source {name!r}",
                names=(name,),
                expected=", ".join([*self._source_index][:12]) or "a circuit with sources",
                hint=nearest(name, self._source_index),
            )
        return self.circuit.elements[name]

    def set_dc(self, name: str, value: float) -> None:
        """Set the dc value of a source (volts or amperes)."""
        self.source(name)
        self.engine.set_dc(self._source_index[name], value)

    def ac_drive(self) -> np.ndarray:
        """Return the small-signal excitation, complex, shape (n,)."""
        plan = self.plan
        phasor = np.zeros(plan.n_sources, complex)
        for k, element in enumerate(plan.sources):
            phase = math.radians(element.params.get("acphase", 0.0))
            phasor[k] = element.params.get("acmag", 0.0) * complex(math.cos(phase), math.sin(phase))
        drive = np.zeros(plan.n + 1, complex)
        np.add.at(drive, plan.drive_row, plan.drive_value * phasor[plan.drive_source])
        return drive[:-1]

    # ------------------------------------------------------------------ solving
    def operating_point(
        self, start: np.ndarray | None = None, *, at_time_zero: bool = False, use_ic: bool = False
    ) -> np.ndarray:
        """Return the operating point, shape (n,).

        Parameters
        ----------
        start : ndarray, shape (n,), optional
            A solution nearby (a neighbouring sweep point); the homotopies serve when it does not lead there.
        at_time_zero : bool
            Sources at their t = 0 values instead of their dc values.
        use_ic : bool
            Tie the nodes of ``.ic`` to their voltages.

        Raises
        ------
        ConvergenceError, SingularMatrixError, TopologyError
        """
        tied = set(self.circuit.ic) if use_ic else set()  # a node tied by .ic needs no other path to ground
        raise_faults(self.circuit, [fault for fault in self._dc_faults if tied.isdisjoint(fault[1])])
        x = np.zeros(self.n + 1)
        if start is not None:
            x[:-1] = start
            if self.engine.operating_point(x, at_time_zero=at_time_zero, warm=True) == _engine.OK:
                return x[:-1]
        guesses = dict(self.circuit.nodeset)
        fixed = self._rows(self.circuit.ic) if use_ic else ({}, {})
        status = _engine.OK
        if guesses:
            rows, values = self._rows(guesses)
            self.engine.set_forced(list(rows), list(values))
            status = self.engine.operating_point(x, at_time_zero=at_time_zero, forcing=True)
        warm = bool(guesses) and status == _engine.OK
        self.engine.set_forced(list(fixed[0]), list(fixed[1]))
        status = self.engine.operating_point(x, at_time_zero=at_time_zero, warm=warm, forcing=use_ic)
        if status != _engine.OK:
            self.fail(status, "no operating point was found")
        return x[:-1]

    def _rows(self, voltages: dict[str, float]) -> tuple[Any, Any]:
        for node in voltages:
            if node not in self.plan.node_index:
                raise CircuitError(
                    f".ic or .nodeset names the node {node!r}, which no element touches",
                    names=(node,),
                    hint=nearest(node, self.plan.node_index),
                )
        return [self.plan.node_index[n] for n in voltages], list(voltages.values())

    def initial_conditions(self) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(x, q)`` at t = 0 as ``uic`` asks: .ic voltages, ``ic=`` of elements, states; the rest zero."""
        x = np.zeros(self.n + 1)
        rows, values = self._rows(self.circuit.ic)
        x[rows] = values
        for row, value in self.plan.start.items():
            x[row] = value
        for plus, minus, _, ic in self.plan.charge_ic:
            # A capacitor with one end on ground fixes its node, so that the first point shown is the asked one.
            if minus < 0 <= plus and x[plus] == 0.0:
                x[plus] = ic
            elif plus < 0 <= minus and x[minus] == 0.0:
                x[minus] = -ic
        q = self.engine.charges(x)
        for plus, minus, capacitance, ic in self.plan.charge_ic:
            missing = capacitance * (ic - ((x[plus] if plus >= 0 else 0.0) - (x[minus] if minus >= 0 else 0.0)))
            if plus >= 0:
                q[plus] += missing
            if minus >= 0:
                q[minus] -= missing
        for started in self.plan.starts:
            started.add_to(q, x)
        return x, q

    @property
    def depends_on_frequency(self) -> bool:
        """Whether an expression holds ``hertz``."""
        return any(getattr(batch.kernel, "by_frequency", False) for batch in self.plan.batches)

    def jacobians(self, x: np.ndarray, frequency: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Return df/dx and dq/dx at ``x`` (n,) as values on the pattern ``plan.ap``, ``plan.ai``.

        ``frequency`` is that of a small signal, Hz, for expressions that hold ``hertz``.
        """
        kernels = [batch.kernel for batch in self.plan.batches if getattr(batch.kernel, "by_frequency", False)]
        for kernel in kernels:
            kernel.set_frequency(frequency)
        try:
            return self.engine.jacobians(np.append(x, 0.0))
        finally:
            for kernel in kernels:
                kernel.set_frequency(0.0)

    def small_signal_matrix(self, g: np.ndarray, c: np.ndarray, frequency: float) -> np.ndarray:
        """Return g + j 2 pi f c with the phases of transmission lines, from the Jacobians and a frequency in Hz."""
        matrix = g + 2j * math.pi * frequency * c
        matrix[self.plan.delays.slot] += self.plan.delays.lag(frequency)
        return matrix

    def transient(
        self,
        x: np.ndarray,
        q: np.ndarray,
        saved: list[int],
        *,
        start: float,
        stop: float,
        record_from: float,
        max_step: float,
        first_step: float,
        inconsistent: bool,
        noise: NoiseBand | None = None,
        resume: Checkpoint | None = None,
        sink: Callable[[int, np.ndarray], None] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> tuple[int, np.ndarray, dict[str, Any], Checkpoint]:
        """Integrate from ``x`` (n+1,) with charges ``q`` (n+1,), or on from where another run has stopped.

        With a ``noise`` band the noise currents of all devices act, as far as they are known.

        Returns status, points (len, 1 + saved) with the time first, counts and where it stopped; a ``sink`` is given
        the points instead, in portions with the number of those before. An interrupt has all that as attribute
        ``computed``. The status is ``CONTINUE`` when there were more points than the memory holds.

        Raises
        ------
        UsageError
            When the checkpoint is of another circuit.
        """
        devices, values = self._devices() + (noise.text if noise else ""), self._values()
        state, changed = None, False
        if resume is not None:
            self._require_same(resume, devices)
            state, changed = resume.state, resume.values != values

        def stopped(outcome: Any) -> tuple[int, np.ndarray, dict[str, Any], Checkpoint]:
            status, points, counts, state = outcome
            names = tuple(self.plan.names)
            return status, points, counts, Checkpoint(self.circuit.title, counts["time"], names, devices, values, state)

        try:
            outcome = _transient.run(
                self.engine,
                x,
                q,
                saved,
                self.plan.dynamic,
                method=self.options.method,
                max_order=self.options.maxord,
                start=start,
                stop=stop,
                record_from=record_from,
                max_step=max_step,
                # Below this the time cannot be told from its neighbour in double precision over the whole run.
                min_step=max(1e-11 * max_step, 8.0 * np.spacing(stop)),
                first_step=first_step,
                inconsistent=inconsistent,
                seed=self.options.seed,
                noise=self._noise(noise),
                # They are copied once more into a result.
                most_points=min(_MOST_POINTS, physical_memory() / (24.0 * (len(saved) + 1))),
                state=state,
                changed=changed,
                sink=sink,
                progress=progress,
            )
        except KeyboardInterrupt as interrupt:
            if hasattr(interrupt, "computed"):
                interrupt.computed = stopped(interrupt.computed)
            raise
        return stopped(outcome)

    def _noise(self, band: NoiseBand | None) -> Any:
        """Return the noise currents for the engine, None when there are to be none; warn of unknown ones."""
        if band is None:
            return None
        for batch in self.plan.batches:
            if isinstance(batch.kernel, BlockKernel):
                for name in batch.names:
                    text = f"the noise of {name} is left out: that of blocks acts in .noise alone"
                    if text not in self.circuit.warnings:
                        self.circuit.warnings.append(text)
        seed = self.options.seed if band.seed is None else band.seed
        return _transient.Noise(self.engine, self.plan, band.highest, band.lowest, seed)

    def _devices(self) -> str:
        """Return what stands for the devices in a checkpoint: their kernels and names, in the order of the state."""
        text = "\n".join([f"{batch.kernel.name} {' '.join(batch.names)}" for batch in self.plan.batches])
        return hashlib.sha256(text.encode()).hexdigest()

    def _values(self) -> str:
        """Return what stands for the values in a checkpoint: those of matrices, devices, sources and lines."""
        found = hashlib.sha256()
        for array in (self.plan.g0, self.plan.c0, self.plan.delays.td, *(batch.param for batch in self.plan.batches)):
            found.update(np.ascontiguousarray(array).tobytes())
        for element in self.plan.sources:
            wave = element.waveform
            found.update(f"{element.params} {wave and (wave.kind, wave.repeat, wave.delay)}\n".encode())
            found.update(np.asarray(wave.args if wave else (), dtype=float).tobytes())
        return found.hexdigest()

    def _require_same(self, checkpoint: Checkpoint, devices: str) -> None:
        same_names = checkpoint.names == tuple(self.names)
        if same_names and checkpoint.devices == devices:
            return
        if same_names and checkpoint.devices.partition(" ")[0] == devices.partition(" ")[0]:
            told = [text.partition(" ")[2] or "without noise" for text in (checkpoint.devices, devices)]
            raise UsageError(
                f"the checkpoint is of a run {told[0]}, and this one is {told[1]}",
                expected="noise between the same frequencies",
                hint="give noise_fmax and noise_fmin to both; noise_fmin depends on the stop time otherwise",
            )
        odd = sorted(set(checkpoint.names) ^ set(self.names))
        what = f"; {odd[0]} is in one of them alone" if odd else "; their devices differ"
        raise UsageError(
            f"the checkpoint is of another circuit, {checkpoint.title!r}{what}",
            names=tuple(odd[:1]),
            expected=f"one of {self.circuit.title!r}, with the same nodes, elements and saved vectors",
            hint="values may differ, the structure may not",
        )

    # ------------------------------------------------------------------ failure
    def elements_at(self, unknown: int) -> list[str]:
        """Return the names of the elements that touch an unknown, at most eight."""
        name = self.plan.names[unknown]
        if unknown in self.plan.outputs:
            return [self.plan.outputs[unknown]]
        if self.plan.kind[unknown] == NODE and name.startswith("v("):
            node = name[2:-1]
            columns = self.circuit.elements.columns()
            if node not in columns.index:  # inside an element
                return [node.partition("#")[0]]
            places = columns.owner[columns.terminals == columns.index[node]]
            return [self.circuit.elements.name_at(place) for place in np.unique(places)[:8].tolist()]
        if self.plan.kind[unknown] == BRANCH:
            return [name[2:-1].partition("#")[0]]
        return [name.strip("@v()").partition("[")[0].partition("#")[0]]

    def fail(self, status: int, what: str, result: Any = None) -> NoReturn:
        """Raise the error that a status code of the engine stands for."""
        report = self.engine.report()
        if status == _engine.SINGULAR:
            unknown = self.engine.singular_unknown()
            elements = self.elements_at(unknown)
            raise SingularMatrixError(
                f"{what}: the equations do not determine {self.names[unknown]} (elements there: {', '.join(elements)})",
                names=(self.names[unknown], *elements),
                hint="look for a node held by nothing, or two sources that contradict each other",
                result=result,
            )
        refusal = self.engine.refusal()
        if refusal is not None and status != _engine.NO_CONVERGENCE:
            element, error = refusal
            raise ConvergenceError(
                f"{what}: {element} could not be evaluated: {error.message}",
                place=self.circuit.elements[element].place,
                names=(element, *error.names),
                expected=error.expected,
                hint=error.hint,
                result=result,
            ) from error
        reason = {
            _engine.NOT_FINITE: "a device gave a value that is not finite",
            _engine.STEP_TOO_SMALL: "the time step became too small",
        }.get(status, "Newton's method did not settle")
        where, names = self._worst(report)
        tried = ", ".join(f"{method} ({count} iterations)" for method, count in report["tried"].items())
        if report["method"] == "none" and tried:
            where.append(f"tried: {tried}")
        raise ConvergenceError(
            "; ".join([f"{what}: {reason}", *where]),
            names=names,
            hint="try .nodeset or .ic for bistable nodes, a larger reltol or gmin, or resistance at infinite slopes",
            result=result,
        )

    def _worst(self, report: dict[str, Any]) -> tuple[list[str], tuple[str, ...]]:
        """Return sentences on where the last failure was worst, and the names in them."""
        if not self.n:
            return ["no unknowns"], ()
        # Rows of nodes sum currents, those of branches voltages; those of states have the states' own units.
        floors = {NODE: self.options.abstol, BRANCH: self.options.vntol}
        tolerance = np.array([floors.get(kind, tol) for kind, tol in zip(self.plan.kind, self.plan.tol, strict=True)])
        names, faults = [], []
        for unknown, lack, parts in self.engine.imbalance(tolerance, _SHOWN):
            unit = {NODE: "A", BRANCH: "V"}.get(self.plan.kind[unknown], "")
            parts = [(value, self.plan.batches[batch].names[k]) for value, batch, k in parts if value != 0.0]
            names += [self.names[unknown], *(name for _, name in parts)]
            shown = ", ".join(f"{name} {_amount(value, unit)}" for value, name in parts)
            faults.append(f"{self.names[unknown]} by {_amount(lack, unit)}" + (f" ({shown})" if shown else ""))
        moving = report["worst"]
        where = [f"out of balance: {', '.join(faults)}"] if faults else []
        if report["worst_step"] != 0.0:
            elements = ", ".join(self.elements_at(moving))
            where.append(f"{self.names[moving]} still moves by {report['worst_step']:.3g} (elements there: {elements})")
        return where, tuple(dict.fromkeys([*names, self.names[moving]]))


def _amount(value: float, unit: str) -> str:
    return format_si(value, unit) if math.isfinite(value) else "what is not finite"


def _normal(name: str) -> str:
    text = name.lower().replace(" ", "")
    if text.endswith("#branch"):
        return f"i({text[:-7]})"
    return text
