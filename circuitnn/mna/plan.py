"""From a circuit to the plan of its equations: unknowns, sparsity pattern, constant matrices, kernel batches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from circuitnn.devices.compiled import CompiledKernel
from circuitnn.devices.declare import READINGS, Device, Environment
from circuitnn.devices.load import Built, build, kernel_of
from circuitnn.errors import CircuitError, DeviceError
from circuitnn.mna._block import BlockKernel
from circuitnn.mna._tape import TapeKernel
from circuitnn.mna.delays import Delays
from circuitnn.mna.observe import Observed, observed
from circuitnn.mna.ordering import fill_reducing_order
from circuitnn.mna.starts import StartCharges
from circuitnn.mna.tape import Member, Tape, compile_behavioural, compile_tape
from circuitnn.netlist.expression import Expression, Probe, walk
from circuitnn.netlist.flat import GROUND, Element
from circuitnn.netlist.plain import PLAIN

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit
    from circuitnn.mna.block import Block, Output
    from circuitnn.netlist.probes import InnerVector
    from circuitnn.netlist.table import Part

NODE, BRANCH, STATE = 0, 1, 2
ZERO_CELSIUS = 273.15
#: Absolute tolerance of a state, as a part of its declared scale.
STATE_TOLERANCE = 1e-6
#: Absolute tolerance of an auxiliary dv/dt: with 1 pF it stands for SPICE's abstol of 1 pA.
SLOPE_TOLERANCE = 1.0
#: Absolute tolerance of an integral in time: that of 1 uV or 1 uA over 1 us.
INTEGRAL_TOLERANCE = 1e-12
#: Letters of elements whose current flows between their first two nodes.
_METERED = "rcdifgbsw"
#: Kind of the unknown and name of the tolerance of what is asked of an element.
_OBSERVED_KINDS = {"voltage": (NODE, "vntol"), "current": (BRANCH, "abstol"), "state": (STATE, "abstol")}


@dataclass(slots=True)
class Batch:
    """All elements that share one kernel; arrays as in ``csrc/cn_system.h``."""

    kernel: Any
    names: list[str]
    index: np.ndarray
    param: np.ndarray
    discrete_start: np.ndarray | None = None
    jf_slot: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    jq_slot: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))

    @property
    def n(self) -> int:
        """Number of elements."""
        return len(self.names)


@dataclass(slots=True)
class Plan:
    """Everything that the engine needs to know of a circuit; unknown ``n`` stands for ground.

    ``batches`` are evaluated at every iterate; ``folded``, linear, are part of ``g0``, ``c0`` and the drive.
    ``outputs`` are the unknowns that show what is inside an element, and its name.
    """

    n: int = 0
    names: list[str] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    tol: list[float] = field(default_factory=list)
    hidden: list[bool] = field(default_factory=list)
    node_index: dict[str, int] = field(default_factory=dict)
    branch_index: dict[str, int] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list)
    folded: list[Batch] = field(default_factory=list)
    sources: list[Element] = field(default_factory=list)
    n_sources: int = 0
    drive_row: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    drive_source: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    drive_value: np.ndarray = field(default_factory=lambda: np.zeros(0))
    held_row: list[int] = field(default_factory=list)
    held_value: list[float] = field(default_factory=list)
    bounded: tuple[list[int], list[float], list[float]] = field(default_factory=lambda: ([], [], []))
    start: dict[int, float] = field(default_factory=dict)
    outputs: dict[int, str] = field(default_factory=dict)
    delays: Delays = field(default_factory=Delays)
    charge_ic: list[tuple[int, int, float, float]] = field(default_factory=list)
    starts: list[StartCharges] = field(default_factory=list)
    ap: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int32))
    ai: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    g0: np.ndarray = field(default_factory=lambda: np.zeros(1))
    c0: np.ndarray = field(default_factory=lambda: np.zeros(1))
    diagonal: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    dynamic: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    perm: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    assembled: list[Batch] = field(default_factory=list)  # all batches, in the order in which they made the pattern
    line_slots: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))

    def unknown(self, name: str, kind: int, tol: float, hidden: bool = False) -> int:
        """Add an unknown and return its index."""
        self.names.append(name)
        self.kind.append(kind)
        self.tol.append(tol)
        self.hidden.append(hidden)
        self.n += 1
        return self.n - 1


class _Group:
    """Elements of one device class, in order, before they become a batch.

    Parameters
    ----------
    device : Device class
    circuit : Circuit
    """

    def __init__(self, device: Any, circuit: Circuit) -> None:
        self.device = device
        self.elements: list[Element] = []  # those that are objects
        self.values: list[dict[str, float]] = []
        self._places: list[int] = []
        self._table, self._index = circuit.elements, circuit.elements.columns().index
        self._part: Part | None = None
        self.places = np.zeros(0, np.int64)
        self._sequence: Any = slice(None)

    def add(self, place: int, element: Element, values: dict[str, float]) -> None:
        """Add an element that is an object."""
        self._places.append(place)
        self.elements.append(element)
        self.values.append(values)

    def close(self, part: Part | None) -> None:
        """Add the plain elements and put all in order."""
        self._part = part
        self.places = np.array(self._places, dtype=np.int64)
        if part is not None:
            self.places = np.concatenate([part.order, self.places])
            if self.elements:
                self._sequence = np.argsort(self.places)
                self.places = self.places[self._sequence]

    def __len__(self) -> int:
        return len(self.places)

    def element(self, k: int) -> Element:
        """Return the k-th element."""
        return self._table.at(int(self.places[k]))

    def find(self, name: str) -> int:
        """Return which element has a name, or -1."""
        place = self._table.place(name)
        k = int(np.searchsorted(self.places, place))
        return k if k < len(self.places) and self.places[k] == place else -1

    def names(self) -> list[str]:
        """Return the names of all."""
        if not self.elements:
            return self._table.names_at(self.places)
        return [self._table.name_at(place) for place in self.places.tolist()]

    def given(self) -> set[str]:
        """Return the names of the parameters that any element has a value of."""
        plain = set() if self._part is None else {PLAIN[self._part.letter], "m"}
        return plain.union(*self.values)

    def column(self, name: str, default: float) -> np.ndarray:
        """Return a parameter of all."""
        others = np.array([values.get(name, default) for values in self.values], dtype=float)
        part = self._part
        if part is None:
            return others
        given = part.values if name == PLAIN[part.letter] else part.multipliers if name == "m" else None
        plain = np.full(len(part.order), default) if given is None else given
        return np.concatenate([plain, others])[self._sequence] if self.elements else plain

    def nodes(self, terminal: int) -> np.ndarray:
        """Return the node of a terminal of all, by its number in the circuit's columns."""
        others = np.array([self._index[e.nodes[terminal]] for e in self.elements], dtype=np.int64)
        if self._part is None:
            return others
        return np.concatenate([self._part.nodes[terminal], others])[self._sequence]


def make_plan(circuit: Circuit, like: Plan | None = None) -> Plan:
    """Return the plan of a circuit whose topology has been checked.

    It shares pattern and ordering with the plan ``like`` where its equations have the same structure: then
    ``plan.ap is like.ap``.
    """
    # A number that is none, or too large, is refused by the name of its element.
    with np.errstate(all="ignore"):
        return _Planner(circuit, like).plan


def _same_pattern(old: Plan, new: Plan) -> bool:
    """Whether two plans put their entries in the same places."""
    if old.names != new.names or old.kind != new.kind or len(old.assembled) != len(new.assembled):
        return False
    return np.array_equal(old.delays.node, new.delays.node) and all(
        (a.kernel is b.kernel or type(a.kernel) is type(b.kernel))
        and np.array_equal(a.index, b.index)
        and all(
            np.array_equal(getattr(a.kernel, rows), getattr(b.kernel, rows))
            for rows in (("jf_row", "jf_col", "jq_row", "jq_col") if a.kernel is not b.kernel else ())
        )
        for a, b in zip(old.assembled, new.assembled, strict=True)
    )


class _Planner:
    """Holds what is known half-way; each method is one stage."""

    def __init__(self, circuit: Circuit, like: Plan | None) -> None:
        self.circuit = circuit
        self.like = like
        self.options = circuit.options
        self.environment = Environment(
            temp=self.options.temp + ZERO_CELSIUS, tnom=self.options.tnom + ZERO_CELSIUS, gmin=self.options.gmin
        )
        self.plan = Plan()
        self.linear: list[tuple[Batch, _Group | None]] = []
        self.entries: list[tuple[Batch, Any]] = []
        groups, behavioural, blocks = self._group()
        self._node_rows = self._number_nodes()
        for group in groups:
            self._number_own(group)
        for element in behavioural:
            if element.kind in ("v", "l"):
                self._branch(element.name)
        asked = observed(circuit)
        compiled = compile_behavioural(behavioural, temperature=self.options.temp, tnom=self.options.tnom)
        sensed = [name for _, members in compiled for member in members for what, name in member.sensed if what == "i"]
        equal = [(v, v.expression) for v in asked if v.expression is not None]
        sensed += [p.names[0] for _, tree in equal for p in walk(tree) if isinstance(p, Probe) and p.kind == "i"]
        self.meters = self._meters(sensed, {v.name for v in asked})
        self.read = {(v.element, v.param): v for v in asked if v.expression is None}
        batches = [batch for group in groups for batch in self._batches(group)]
        batches += self._behavioural(behavioural, compiled)
        batches += self._meter_batch()
        batches += [self._observed(v, tree) for v, tree in equal if not v.name.startswith("i(")]
        batches += [self._block(element) for element in blocks]
        self._assemble(batches)

    # ------------------------------------------------------------------ elements
    def _group(self) -> tuple[list[_Group], list[Element], list[Element]]:
        columns = self.circuit.elements.columns()
        groups: dict[Any, _Group] = {}
        behavioural, blocks = [], []
        for place, element in columns.others:
            if element.expression is not None:
                behavioural.append(element)
                continue
            if element.letter == "a":
                blocks.append(element)
                continue
            device, values = self.circuit.device_of(element)
            if device not in groups:
                groups[device] = _Group(device, self.circuit)
            groups[device].add(place, element, values)
        parts: dict[Any, Part] = {}
        for part in columns.parts:
            device = self._device_of_part(part)
            parts[device] = part
            groups.setdefault(device, _Group(device, self.circuit))
        for device, group in groups.items():
            group.close(parts.get(device))
        return sorted(groups.values(), key=lambda group: int(group.places[0])), behavioural, blocks

    def _device_of_part(self, part: Part) -> Any:
        """Return the device of plain elements, having checked those of the smallest and the largest number."""
        columns = [part.values] if part.multipliers is None else [part.values, part.multipliers]
        ends = {int(end) for column in columns for end in (column.argmin(), column.argmax())}
        found = [self.circuit.device_of(self.circuit.elements.at(int(part.order[k]))) for k in sorted(ends)]
        return found[0][0]

    def _number_nodes(self) -> np.ndarray:
        """Make an unknown of each node; return the unknown of each node of the circuit's columns, -1 for ground."""
        plan, nodes = self.plan, self.circuit.elements.columns().nodes
        names = [node for node in nodes if node != GROUND]
        plan.node_index = dict(zip(names, range(plan.n, plan.n + len(names)), strict=True))
        plan.names += [f"v({node})" for node in names]
        plan.kind += [NODE] * len(names)
        plan.tol += [self.options.vntol] * len(names)
        plan.hidden += [False] * len(names)
        plan.n += len(names)
        get = plan.node_index.get
        return np.array([get(node, -1) for node in nodes], dtype=np.int64)

    def _branch(self, name: str) -> int:
        index = self.plan.branch_index[name] = self.plan.unknown(f"i({name})", BRANCH, self.options.abstol)
        return index

    def _number_own(self, group: _Group) -> None:
        """Number internal nodes, branches and states, so that later elements can refer to them."""
        branches = [(k, name) for k, name in enumerate(group.device.branches) if name not in group.device.auxiliaries]
        for owner in group.names() if branches else ():
            for k, name in branches:
                if k == 0:
                    self._branch(owner)
                else:
                    second = f"{owner}#{name}"
                    self.plan.branch_index[second] = self.plan.unknown(
                        f"i({second})", BRANCH, self.options.abstol, hidden=True
                    )

    def _columns(self, group: _Group) -> dict[str, np.ndarray]:
        """User parameters as arrays over the instances, NaN where not given."""
        columns = {}
        given = group.given()
        for name, param in group.device.params.items():
            default = np.nan if param.default is None else param.default
            columns[name] = group.column(name, default) if name in given else np.full(len(group), default)
        return columns

    def _batches(self, group: _Group) -> list[Batch]:
        device, plan, n = group.device, self.plan, len(group)
        if device.name == "mutual":
            self._couple(group)
        columns = self._columns(group)
        try:
            built, states = build(device, columns, self.environment), device.state_init(columns)
        except DeviceError as error:
            raise _named(error, group, columns, self.environment) from None
        kernel, prepared = built.kernel, built.values
        if isinstance(kernel, CompiledKernel):
            kernel.attend(group.names(), self._warn)
        param = np.empty((kernel.n_param, n))
        for row, name in enumerate(kernel.param_names):
            param[row] = prepared[name] if name in prepared else columns[name]
        bad = ~np.isfinite(param)
        if device.waveform:
            bad[kernel.param_names.index("value")] = False
        if bad.any():
            row, which = np.argwhere(bad)[0]
            element = group.element(which)
            raise DeviceError(
                f"{element.name}: {kernel.param_names[row]!r} of {device.name} has no finite value",
                place=element.place,
                names=(element.name,),
                hint="give it a value on the element or in its model card",
            )
        index = self._index(group, built)
        start = None
        if kernel.n_discrete:
            start = np.repeat(np.nan_to_num(columns["on"])[None, :], kernel.n_discrete, axis=0)
        whole = Batch(kernel, group.names(), index, param, start)
        self._initial_values(group, columns, states, index)
        started = StartCharges.of(device, whole, columns, built.merged)
        if started is not None:
            plan.starts.append(started)
        if device.name == "tline":
            plan.delays = Delays.of(device, prepared, index)
            for branch, name in enumerate(("ic_i1", "ic_i2")):
                plan.start.update(zip(plan.delays.branch[:, branch].tolist(), prepared[name].tolist(), strict=True))
        if device.waveform:
            plan.sources += [group.element(k) for k in range(n)]
        if kernel.linear:
            self.linear.append((whole, group))
        return [*_by_variant(device, whole), *self._readings(device, whole)]

    def _readings(self, device: type[Device], whole: Batch) -> list[Batch]:
        """A kernel of its own gives what is asked of elements; readings that nobody asks for fall on ground."""
        asked = {name for name, _ in self.read}
        chosen = np.array([name in asked for name in whole.names], bool)
        if not chosen.any():
            return []
        own = whole.kernel
        kernel = own.readings if isinstance(own, CompiledKernel) else kernel_of(device, READINGS)
        names = [name for name in whole.names if name in asked]
        rows = [whole.index[:, chosen]]
        for reading in kernel.local_names[len(device.locals) :]:
            rows.append(np.array([[self._reading(name, reading) for name in names]], dtype=np.int64))
        param = whole.param[[whole.kernel.param_names.index(name) for name in kernel.param_names]]
        return [Batch(kernel, names, np.concatenate(rows), np.ascontiguousarray(param[:, chosen]))]

    def _reading(self, element: str, name: str) -> int:
        vector = self.read.get((element, name))
        return -1 if vector is None else self._output_row(vector)

    def _output_row(self, vector: Observed) -> int:
        """Give what was asked of an element an unknown."""
        kind, tolerance = _OBSERVED_KINDS[vector.kind]
        row = self.plan.unknown(vector.name, kind, getattr(self.options, tolerance))
        self.plan.outputs[row] = vector.element
        return row

    def _couple(self, group: _Group) -> None:
        for element, values in zip(group.elements, group.values, strict=True):
            inductance = []
            for name in element.controls:
                other = self.circuit.elements.get(name)
                if other is None or other.letter != "l" or other.expression is not None:
                    raise CircuitError(
                        f"{element.name} couples {name!r}, which is not an inductor of constant value",
                        place=element.place,
                        names=(element.name, name),
                    )
                device, own = self.circuit.device_of(other)
                alone = _Group(device, self.circuit)
                alone.add(0, other, {**own, "m": 1.0})
                alone.close(None)
                coil = device.prepare(self._columns(alone), self.environment)
                inductance.append(float(coil["effective"][0]))
            values["mutual"] = values["coupling"] * float(np.sqrt(inductance[0] * inductance[1]))

    def _warn(self, text: str) -> None:
        if text not in self.circuit.warnings:
            self.circuit.warnings.append(text)

    def _index(self, group: _Group, built: Built) -> np.ndarray:
        """Unknown of each local unknown of each instance, shape (n_local, n); ground is -1 until numbering is done."""
        device, plan = group.device, self.plan
        rows: dict[str, np.ndarray] = {}
        for k, name in enumerate(device.terminals):
            rows[name] = self._node_rows[group.nodes(k)]
        for (owner, terminal), row in self.meters.items():
            k = group.find(owner)
            if k >= 0:
                rows[device.terminals[terminal]][k] = row
        gone = {name: np.zeros(len(group), bool) for name in (*device.internals, *device.branches)}
        for name, _, mask in built.merged:
            gone[name] |= mask
        for name in device.internals:
            kind, tol = (BRANCH, self.options.abstol) if name in device.flows else (NODE, self.options.vntol)
            rows[name] = self._own_unknowns(group, name, gone[name], kind, tol)
        for k, name in enumerate(device.branches):
            if name in device.auxiliaries:
                rows[name] = self._own_unknowns(group, name, gone[name], STATE, SLOPE_TOLERANCE)
            else:
                end = "" if k == 0 else f"#{name}"
                rows[name] = np.array([plan.branch_index[owner + end] for owner in group.names()], dtype=np.int64)
        for name, state in device.states.items():
            rows[name] = np.array(
                [plan.unknown(f"@{owner}[{name}]", STATE, STATE_TOLERANCE * state.scale) for owner in group.names()]
            )
        for k, name in enumerate(device.controls):
            rows[name] = np.array([self._sensed(e, e.controls[k]) for e in group.elements], dtype=np.int64)
        for name, target, mask in built.merged:
            rows[name] = np.where(mask, -1 if target is None else rows[target], rows[name])
        return np.stack([rows[name] for name in device.locals])

    def _own_unknowns(self, group: _Group, name: str, gone: np.ndarray, kind: int, tol: float) -> np.ndarray:
        return np.array(
            [
                -1 if gone[k] else self.plan.unknown(f"v({owner}#{name})", kind, tol, hidden=True)
                for k, owner in enumerate(group.names())
            ],
            dtype=np.int64,
        )

    def _sensed(self, element: Element, name: str) -> int:
        index = self.plan.branch_index.get(name)
        if index is None:
            raise CircuitError(
                f"{element.name} senses the current of {name!r}, which has no branch current",
                place=element.place,
                names=(element.name, name),
                hint="sense the current of a voltage source; one of 0 V in series will do",
            )
        return index

    def _initial_values(
        self, group: _Group, columns: dict[str, np.ndarray], states: dict[str, np.ndarray], index: np.ndarray
    ) -> None:
        """States start at their initial values; ``ic`` of capacitors and inductors matter to ``uic`` only."""
        device, plan = group.device, self.plan
        for name, value in states.items():
            rows = index[device.locals.index(name)]
            held = not device.states[name].settles
            for row, w in zip(rows.tolist(), np.broadcast_to(value, rows.shape).tolist(), strict=True):
                plan.start[row] = w
                if held:
                    plan.held_row.append(row)
                    plan.held_value.append(w)
        for name, (low, high) in device.state_bounds(columns).items():
            inside = np.isfinite(low) & np.isfinite(high)
            rows = index[device.locals.index(name)]
            for kept, values in zip(plan.bounded, (rows, low, high), strict=True):
                kept += values[inside].tolist()
        if "ic" not in columns or device.letter not in "cl":
            return
        for k in np.flatnonzero(np.isfinite(columns["ic"])).tolist():
            ic = float(columns["ic"][k])
            if device.letter == "l":
                plan.start[plan.branch_index[group.element(k).name]] = ic
            else:
                plan.charge_ic.append((int(index[0, k]), int(index[1, k]), float(columns["capacitance"][k]), ic))

    def _behavioural(self, elements: list[Element], groups: list[tuple[TapeKernel, list[Member]]]) -> list[Batch]:
        plan, batches = self.plan, []
        in_time: dict[str, int] = {}
        for kernel, members in groups:
            for member in members if kernel.kind in ("ddt", "idt") else ():
                tolerance = SLOPE_TOLERANCE if kernel.kind == "ddt" else INTEGRAL_TOLERANCE
                row = in_time[member.name] = plan.unknown(f"v({member.name})", STATE, tolerance, hidden=True)
                if kernel.kind == "idt":
                    plan.held_row.append(row)
                    plan.held_value.append(member.start)
                    plan.start[row] = member.start
        for kernel, members in groups:
            rows = []
            for member in members:
                element = member.element
                if kernel.kind in ("ddt", "idt"):
                    local = [in_time[member.name]]
                else:
                    local = [plan.node_index.get(n, -1) for n in element.nodes[:2]]
                    local[0] = self.meters.get((element.name, 0), local[0])
                if kernel.kind == "v":
                    local.append(plan.branch_index[element.name])
                for what, name in member.sensed:
                    if what == "x":
                        local.append(in_time[name])
                    else:
                        local.append(self._probe_node(element, name) if what == "v" else self._sensed(element, name))
                rows.append(local)
            param = (
                np.array([kernel_params for _, kernel_params in kernel.instances], dtype=float)
                .reshape(len(members), -1)
                .T
            )
            batches.append(Batch(kernel, [m.name for m in members], np.array(rows, dtype=np.int64).T, param))
        for element in elements:
            if "ic" in element.params and element.kind == "l":
                plan.start[plan.branch_index[element.name]] = element.params["ic"]
            elif "ic" in element.params:
                ends = [plan.node_index.get(node, -1) for node in element.nodes[:2]]
                plan.charge_ic.append((ends[0], ends[1], 0.0, element.params["ic"]))
        return batches

    def _meters(self, sensed: Iterable[str], shown: set[str]) -> dict[tuple[str, int], int]:
        """Give terminals whose current an expression asks for a branch: a source of 0 V in front of them.

        ``i(r1)`` is the current into the first terminal, ``i(m1#2)`` that into the third one. Results show those of
        ``shown``.
        """
        meters: dict[tuple[str, int], int] = {}
        for of in sensed:
            if of in self.plan.branch_index:
                continue
            name, _, terminal = of.partition("#")
            other = self.circuit.elements.get(name)
            two = other is not None and (other.letter in _METERED or len(other.nodes) == 2)
            if other is None or not (two or terminal):
                continue  # reported where it is sensed
            hidden = self.plan.unknown(f"v({of}#meter)", NODE, self.options.vntol, hidden=True)
            meters[name, int(terminal or 0)] = hidden
            row = self._branch(of)
            self.plan.hidden[row] = f"i({name})" not in shown
        return meters

    def _meter_batch(self) -> list[Batch]:
        if not self.meters:
            return []
        kernel = TapeKernel("v", Tape((), 0, (), (0.0,)))
        plan, elements = self.plan, self.circuit.elements
        rows = [
            [plan.node_index.get(elements[name].nodes[k], -1) for name, k in self.meters],
            [*self.meters.values()],
            [plan.branch_index.get(f"{name}#{k}", plan.branch_index.get(name, -1)) for name, k in self.meters],
        ]
        names = [name for name, _ in self.meters]
        return [Batch(kernel, names, np.array(rows, dtype=np.int64), np.zeros((1, len(names))))]

    def _observed(self, vector: Observed, tree: Expression) -> Batch:
        """Make an unknown that equals what was asked for."""
        element = self.circuit.elements[vector.element]
        tape = compile_tape(tree, temperature=self.options.temp, place=element.place)
        local = [self._output_row(vector)]
        for what, name in tape.sensed:
            local.append(self._probe_node(element, name) if what == "v" else self._sensed(element, name))
        param = np.array(tape.constants, dtype=float).reshape(-1, 1)
        return Batch(TapeKernel("is", tape), [vector.element], np.array(local, dtype=np.int64)[:, None], param)

    def _probe_node(self, element: Element, name: str) -> int:
        if name == GROUND:
            return -1
        index = self.plan.node_index.get(name)
        if index is None:
            raise CircuitError(
                f"{element.name} uses v({name}), but no element touches the node {name!r}",
                place=element.place,
                names=(element.name, name),
            )
        return index

    def _block(self, element: Element) -> Batch:
        """A subsystem with ports; each output that is asked for is an unknown that equals it."""
        plan, block = self.plan, self.circuit.block_of(element)
        asked = self.circuit.asked_inside(element.name)
        outputs = [self._output(block, vector) for vector in asked]
        kernel = BlockKernel(element.name, block, outputs, element.params.get("m", 1.0))
        index = [plan.node_index.get(node, -1) for node in element.nodes]
        tolerance = {
            "voltage": (NODE, self.options.vntol),
            "current": (BRANCH, self.options.abstol),
            "state": (STATE, STATE_TOLERANCE),
        }
        for vector, output in zip(asked, outputs, strict=True):
            kind, tol = tolerance[output.kind]
            row = plan.unknown(str(vector), kind, tol * output.scale)
            plan.outputs[row] = element.name
            index.append(row)
            if output.kind == "state":
                value, _ = block.observe([output], np.zeros(block.ports), block.start())
                plan.start[row] = float(value[0])
        batch = Batch(kernel, [element.name], np.array(index, dtype=np.int64)[:, None], np.empty((0, 1)))
        if kernel.linear:
            self.linear.append((batch, None))
        return batch

    def _output(self, block: Block, vector: InnerVector) -> Output:
        try:
            return block.output(vector)
        except CircuitError as error:
            error.place = error.place or self.circuit.asked_at.get(str(vector))
            raise

    # ------------------------------------------------------------------ matrix
    def _assemble(self, batches: list[Batch]) -> None:
        plan = self.plan
        n = plan.n
        for batch in batches:
            batch.index = np.where(batch.index < 0, n, batch.index).astype(np.int32)
        plan.assembled = batches
        entries = plan.delays.entries(n) if len(plan.delays.td) else None
        if self.like is not None and _same_pattern(self.like, plan):
            self._take_pattern(self.like)
        else:
            self._make_pattern(entries)
        nnz = len(plan.ai)
        plan.g0, plan.c0 = np.zeros(nnz + 1), np.zeros(nnz + 1)
        plan.dynamic = np.zeros(n + 1, np.uint8)
        folded = {id(batch) for batch, _ in self.linear}
        self._fold_linear()
        plan.folded = [batch for batch, _ in self.linear]
        plan.batches = [b for b in batches if id(b) not in folded]
        for batch in plan.batches:
            plan.dynamic[batch.index[batch.kernel.jq_col].ravel()] = 1
            if isinstance(batch.kernel, BlockKernel) and batch.kernel.memory:
                # A block integrates its states along straight port voltages: these must be nearly so in each step.
                plan.dynamic[batch.index[: batch.kernel.n_ports].ravel()] = 1
        if len(plan.delays.td):
            plan.delays.keep(plan.line_slots, nnz)
            plan.g0[plan.delays.slot] += plan.delays.coupling
            # What leaves an end is read between the points: it must be nearly straight there.
            plan.dynamic[plan.delays.node.ravel()] = plan.dynamic[plan.delays.branch.ravel()] = 1
        plan.dynamic = plan.dynamic[:n]
        plan.n_sources = len(plan.sources)

    def _make_pattern(self, lines: tuple[np.ndarray, np.ndarray] | None) -> None:
        """Find the places of all entries and the order of elimination; ``lines`` are rows and columns of delays."""
        plan = self.plan
        n = plan.n
        keys = [np.arange(n, dtype=np.int64) * (n + 1)]  # the whole diagonal: held states and gmin stepping need it
        wheres = []
        for batch in plan.assembled:
            for rows, columns in (
                (batch.kernel.jf_row, batch.kernel.jf_col),
                (batch.kernel.jq_row, batch.kernel.jq_col),
            ):
                row, column = batch.index[rows].astype(np.int64), batch.index[columns].astype(np.int64)
                key = np.where((row == n) | (column == n), -1, column * n + row)
                wheres.append(key)
                keys.append(key.ravel())
        if lines is not None:
            row, column = lines
            wheres.append(np.where((row == n) | (column == n), -1, column * n + row))
            keys.append(wheres[-1])
        pattern = np.concatenate(keys)
        pattern.sort()
        pattern = pattern[np.diff(pattern, prepend=-1) > 0]  # each once, without what belongs to ground
        nnz = len(pattern)
        plan.ai = (pattern % n).astype(np.int32) if n else np.zeros(0, np.int32)
        plan.ap = np.searchsorted(pattern, np.arange(n + 1, dtype=np.int64) * n).astype(np.int32)
        plan.diagonal = np.searchsorted(pattern, keys[0]).astype(np.int32)
        slots = [np.where(key < 0, nnz, np.searchsorted(pattern, key)).astype(np.int32) for key in wheres]
        for k, batch in enumerate(plan.assembled):
            batch.jf_slot, batch.jq_slot = slots[2 * k], slots[2 * k + 1]
        if lines is not None:
            plan.line_slots = slots[-1]
        plan.perm = fill_reducing_order(n, plan.ap, plan.ai)

    def _take_pattern(self, like: Plan) -> None:
        """Put all entries where another plan has them."""
        plan = self.plan
        plan.ap, plan.ai, plan.diagonal, plan.perm = like.ap, like.ai, like.diagonal, like.perm
        plan.line_slots = like.line_slots
        for batch, other in zip(plan.assembled, like.assembled, strict=True):
            batch.jf_slot, batch.jq_slot = other.jf_slot, other.jq_slot

    def _fold_linear(self) -> None:
        """Add the constant Jacobians of linear devices to g0 and c0, and their sources to the drive."""
        plan = self.plan
        row, source, value = [], [], []
        first = 0
        for batch, group in self.linear:
            kernel = batch.kernel
            param = batch.param.copy()
            driven = group is not None and group.device.waveform
            if driven:
                param[kernel.param_names.index("value")] = 1.0
            f, _, jf, jq = kernel.evaluate(np.zeros((kernel.n_local, batch.n)), param)
            np.add.at(plan.g0, batch.jf_slot, jf)
            np.add.at(plan.c0, batch.jq_slot, jq)
            plan.dynamic[batch.index[kernel.jq_col][jq != 0.0]] = 1
            if group is not None and driven:
                local, which = np.nonzero(f)
                row.append(batch.index[local, which])
                source.append(first + which)
                value.append(-f[local, which])
                first += len(group)
        plan.g0, plan.c0 = plan.g0[:-1], plan.c0[:-1]  # the last slot gathered what belongs to ground
        if row:
            plan.drive_row = np.concatenate(row).astype(np.int32)
            plan.drive_source = np.concatenate(source).astype(np.int32)
            plan.drive_value = np.concatenate(value)


def _by_variant(device: type[Device], whole: Batch) -> list[Batch]:
    """Split a batch by the leanest kernel that serves each instance."""
    kernel, left, batches = whole.kernel, np.ones(whole.n, bool), []
    for name, variant in device.variants.items():
        fits = left.copy()
        for param in variant.zero:
            fits &= whole.param[kernel.param_names.index(param)] == 0.0
        for local, target in variant.merged.items():
            other = -1 if target is None else whole.index[kernel.local_names.index(target)]
            fits &= whole.index[kernel.local_names.index(local)] == other
        if fits.any():
            batches.append(_some(whole, kernel_of(device, name), fits))
            left &= ~fits
    return [*batches, _some(whole, kernel, left)] if batches and left.any() else batches or [whole]


def _some(whole: Batch, kernel: Any, chosen: np.ndarray) -> Batch:
    """Return the chosen instances with what a kernel needs of their unknowns and parameters."""
    names = [name for name, c in zip(whole.names, chosen, strict=True) if c]
    index = whole.index[[whole.kernel.local_names.index(name) for name in kernel.local_names]]
    param = whole.param[[whole.kernel.param_names.index(name) for name in kernel.param_names]]
    start = None if whole.discrete_start is None else np.ascontiguousarray(whole.discrete_start[:, chosen])
    return Batch(kernel, names, np.ascontiguousarray(index[:, chosen]), np.ascontiguousarray(param[:, chosen]), start)


def _named(error: DeviceError, group: _Group, columns: dict[str, np.ndarray], environment: Environment) -> DeviceError:
    """Return the error of a whole group with the name and place of the first element that causes it."""

    def refused(start: int, stop: int) -> DeviceError | None:
        some = {name: column[start:stop] for name, column in columns.items()}
        try:
            build(group.device, some, environment)
            group.device.state_init(some)
        except DeviceError as own:
            return own
        return None

    low, high = 0, len(group)  # the first one that is refused lies in between
    while high - low > 1:
        middle = (low + high) // 2
        if refused(0, middle) is not None:
            high = middle
        else:
            low = middle
    element, own = group.element(low), refused(low, low + 1)
    if own is None:
        return error
    return DeviceError(
        f"{element.name}: {own.message}",
        place=element.place,
        expected=own.expected,
        hint=own.hint,
        names=(element.name, *own.names),
    )
