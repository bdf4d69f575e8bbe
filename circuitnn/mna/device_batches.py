"""Batches of the elements of one device: parameters, unknowns, where states and initial conditions start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from circuitnn.devices.compiled import CompiledKernel
from circuitnn.devices.declare import READINGS, Device, Environment
from circuitnn.devices.load import build, kernel_of
from circuitnn.errors import CircuitError, DeviceError
from circuitnn.mna.delays import Delays
from circuitnn.mna.group import Group
from circuitnn.mna.observe import Observed
from circuitnn.mna.plan import ZERO_CELSIUS, Batch
from circuitnn.mna.starts import StartCharges
from circuitnn.mna.unknowns import Unknowns
from circuitnn.nonidealities.engine import varied

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit


class DeviceBatches:
    """Makes the batches of one group after the other.

    ``linear`` are those of constant Jacobians, each with whether its value is that of a source.

    Parameters
    ----------
    circuit : Circuit
    unknowns : Unknowns
        With the branches of all groups.
    read : dict of (str, str) to Observed
        Readings of devices that are asked for, by the element and the reading's name.
    """

    def __init__(self, circuit: Circuit, unknowns: Unknowns, read: dict[tuple[str, str], Observed]) -> None:
        options = circuit.options
        self.linear: list[tuple[Batch, bool]] = []
        self._circuit = circuit
        self._unknowns = unknowns
        self._plan = unknowns.plan
        self._read = read
        self._environment = Environment(
            temp=options.temp + ZERO_CELSIUS, tnom=options.tnom + ZERO_CELSIUS, gmin=options.gmin
        )

    def of(self, group: Group) -> list[Batch]:
        """Return the batches of a group: a kernel each."""
        device, plan, n = group.device, self._plan, len(group)
        if device.name == "mutual":
            self._couple(group)
        columns = group.columns()
        if self._circuit.imperfections:
            names = group.names()
            columns = varied(self._circuit, device, columns, names, group.models(), self._environment)
        try:
            built, states = build(device, columns, self._environment), device.state_init(columns)
        except DeviceError as error:
            raise _named(error, group, columns, self._environment) from None
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
        index = self._unknowns.local_rows(group, built)
        start = None
        if kernel.n_discrete > kernel.n_jump:
            closed = np.nan_to_num(columns["on"]) if "on" in columns else np.zeros(n)
            start = np.repeat(closed[None, :], kernel.n_discrete - kernel.n_jump, axis=0)
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
            self.linear.append((whole, device.waveform))
        parts = _by_off(whole, columns["off"]) if "off" in columns else [whole]
        return [*(batch for part in parts for batch in _by_variant(device, part)), *self._readings(device, whole)]

    def _readings(self, device: type[Device], whole: Batch) -> list[Batch]:
        """A kernel of its own gives what is asked of elements; readings that nobody asks for fall on ground."""
        asked = {name for name, _ in self._read}
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
        vector = self._read.get((element, name))
        return -1 if vector is None else self._unknowns.output(vector)

    def _couple(self, group: Group) -> None:
        for element, values in zip(group.elements, group.values, strict=True):
            inductance = []
            for name in element.controls:
                other = self._circuit.elements.get(name)
                if other is None or other.letter != "l" or other.expression is not None:
                    raise CircuitError(
                        f"{element.name} couples {name!r}, which is not an inductor of constant value",
                        place=element.place,
                        names=(element.name, name),
                    )
                device, own = self._circuit.device_of(other)
                alone = Group(device, self._circuit)
                alone.add(0, other, {**own, "m": 1.0})
                alone.close(None)
                coil = device.prepare(alone.columns(), self._environment)
                inductance.append(float(coil["effective"][0]))
            values["mutual"] = values["coupling"] * float(np.sqrt(inductance[0] * inductance[1]))

    def _warn(self, text: str) -> None:
        if text not in self._circuit.warnings:
            self._circuit.warnings.append(text)

    def _initial_values(
        self, group: Group, columns: dict[str, np.ndarray], states: dict[str, np.ndarray], index: np.ndarray
    ) -> None:
        """States start at their initial values; ``ic`` of capacitors and inductors matter to ``uic`` only."""
        device, plan = group.device, self._plan
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


def _by_off(whole: Batch, off: np.ndarray) -> list[Batch]:
    """Split a batch by which instances are held off at first; switches and compiled models know no such thing."""
    kernel, held = whole.kernel, off != 0.0
    if not held.any() or kernel.n_limit == kernel.n_discrete or isinstance(kernel, CompiledKernel):
        return [whole]
    parts = [_some(whole, kernel, held)] if held.all() else [_some(whole, kernel, ~held), _some(whole, kernel, held)]
    parts[-1].off = True
    return parts


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
    chosen_index, chosen_param = np.ascontiguousarray(index[:, chosen]), np.ascontiguousarray(param[:, chosen])
    return Batch(kernel, names, chosen_index, chosen_param, start, whole.off)


def _named(error: DeviceError, group: Group, columns: dict[str, np.ndarray], environment: Environment) -> DeviceError:
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
