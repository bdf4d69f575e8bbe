"""How the equations of a circuit depend on the parameters of its elements, and its Jacobians on the operating point.

Kernels know their derivatives by unknowns. Those by parameters go through ``prepare``, which is Python: central
differences of kernels at the operating point, all elements of a kernel at once. With a step of 1e-5 of the parameter
they are right to about 1e-9; beside a bound of the parameter, from one side alone, to about 1e-5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.compiled import CompiledKernel
from circuitnn.devices.declare import Environment
from circuitnn.devices.load import build
from circuitnn.errors import DeviceError
from circuitnn.mna._block import BlockKernel
from circuitnn.mna._tape import TapeKernel
from circuitnn.mna.plan import BRANCH, STATE, ZERO_CELSIUS, Batch
from circuitnn.mna.smallsignal import SmallSignal, batches
from circuitnn.mna.system import System

Real = NDArray[np.float64]

#: Step of a parameter, as a part of it.
_STEP = 1e-5
#: Steps of voltages (V) and currents (A); those of states are a part of their scale.
_VOLT, _AMPERE = 1e-6, 1e-9
#: Parameters that no small signal depends on: initial values and switches.
_NO_NUMBERS = ("ic", "on", "off", "level", "acmag", "acphase", "dc")


@dataclass(frozen=True)
class Slopes:
    """Derivatives of some elements' equations by one parameter each.

    Parameters
    ----------
    names : list of str
        Of the parameters: ``r1`` the value itself, ``r1_scale`` an instance's, ``d1:is`` a model's for that instance.
    index : ndarray of int, shape (n_local, k)
        Unknowns; ground is ``n``.
    kernel : Kernel
    f : ndarray, shape (n_local, k)
    jf, jq : ndarray, shape (n_jf, k), (n_jq, k)
    """

    names: list[str]
    index: NDArray[np.int32]
    kernel: Any
    f: Real
    jf: Real
    jq: Real


class Point:
    """The operating point as kernels see it."""

    def __init__(self, linear: SmallSignal) -> None:
        self.linear = linear
        self.system: System = linear.system
        self.x = np.append(linear.point, 0.0)
        self.env = np.array([self.system.options.gmin, 0.0])
        self.batches = [
            (batch, limits, self._param(batch)) for batch, limits in batches(self.system)
        ]  # before anything evaluates anew

    def _param(self, batch: Batch) -> Real:
        """Kernel parameters with sources at their dc values."""
        names = list(getattr(batch.kernel, "param_names", ()))
        if "value" not in names:
            return batch.param
        param = batch.param.copy()
        given = [self.system.circuit.elements[name].params.get("dc") for name in batch.names]
        param[names.index("value")] = [dc or 0.0 for dc in given]
        return param

    def evaluate(self, batch: Batch, u: Real, p: Real, limits: Real | None) -> tuple[Real, Real, Real]:
        """Return f, jf and jq of a batch."""
        kernel = batch.kernel
        if isinstance(kernel, BlockKernel):
            f, _, jf, jq = kernel.evaluate(u)
        elif limits is None or not len(limits):
            f, _, jf, jq = kernel.evaluate(u, p, env=self.env)
        else:
            settled = limits
            for _ in range(50):  # limiting holds back a change of a microvolt hardly ever
                settled, held = kernel.limit(u, p, settled, limits, self.env)
                if not held:
                    break
            f, _, jf, jq = kernel.evaluate(u, p, settled, self.env)
        return f, jf, jq

    # ------------------------------------------------------------------ by unknowns
    def curvatures(self) -> list[tuple[Batch, list[tuple[int, Real, Real]]]]:
        """Return for each nonlinear batch the derivatives of jf and jq by each of its unknowns."""
        plan = self.system.plan
        step = np.full(plan.n + 1, _VOLT)
        kind, tol = np.array(plan.kind), np.array(plan.tol)
        step[:-1][kind == BRANCH] = _AMPERE
        step[:-1][kind == STATE] = tol[kind == STATE]
        step = np.maximum(step, _VOLT * np.abs(self.x))
        found = []
        for batch, limits, param in self.batches:
            if any(batch is folded for folded in plan.folded):
                continue
            u, slopes = self.x[batch.index], []
            for k in range(len(batch.index)):
                moved = []
                for sign in (1.0, -1.0):
                    at = u.copy()
                    at[k] += sign * step[batch.index[k]]
                    moved.append((at[k], *self.evaluate(batch, at, param, limits)[1:]))
                width = moved[0][0] - moved[1][0]
                jf, jq = ((moved[0][w] - moved[1][w]) / width for w in (1, 2))
                if jf.any() or jq.any():
                    slopes.append((k, jf, jq))
            found.append((batch, slopes))
        return found

    # ------------------------------------------------------------------ by parameters
    def slopes(self) -> Iterator[Slopes]:
        """Return the derivatives by all parameters that have a value other than zero."""
        circuit, held = self.system.circuit, set(self.system.plan.held_row)
        mutual: list[tuple[Batch, int]] = []
        for batch, limits, param in self.batches:
            elements = [circuit.elements.get(name) for name in batch.names]
            # A tape computes for an expression, also where it bears the name of the element that it measures.
            taped = isinstance(batch.kernel, BlockKernel | TapeKernel)
            if taped or any(e is None or e.expression is not None for e in elements):
                continue
            devices = [circuit.device_of(e) for e in elements if e is not None]
            device, values = devices[0][0], [v for _, v in devices]
            if device.name == "mutual":
                mutual += [(batch, k) for k in range(batch.n)]
                continue
            if device.waveform:
                yield self._by_value(batch, param)
            columns = {
                name: np.array([v.get(name, np.nan if p.default is None else p.default) for v in values], dtype=float)
                for name, p in device.params.items()
            }
            for name, declared in device.params.items():
                if (
                    declared.on == "system"
                    or declared.choices
                    or declared.integer
                    or name in (*_NO_NUMBERS, *device.states)
                ):
                    continue
                value = columns[name]
                names = [self._label(device, name, declared.on, e) for e in elements]
                listed = np.isfinite(value) & (value != 0.0) & np.array([n is not None for n in names])
                if not listed.any():
                    continue
                found = self._by_parameter(batch, limits, param, device, columns, name, listed)
                if found is None:
                    continue
                f, jf, jq, start = found
                for state, slope in start.items():
                    row = device.locals.index(state)
                    f[row] = np.where([int(i) in held for i in batch.index[row]], -slope, f[row])
                which = np.flatnonzero(listed)
                labels = [names[k] or "" for k in which]
                yield Slopes(labels, batch.index[:, which], batch.kernel, f[:, which], jf[:, which], jq[:, which])
        yield from self._by_couplings(mutual)

    def _label(self, device: Any, name: str, on: str, element: Any) -> str | None:
        if name == device.positional and name not in ("area", "gain"):  # as ngspice names them
            return str(element.name)
        if on == "instance" or name in element.params:
            return f"{element.name}_{name}"
        if element.model is not None:
            return f"{element.name}:{name}"
        return f"{element.name}_{name}" if on == "both" else None

    def _by_value(self, batch: Batch, param: Real) -> Slopes:
        """Independent sources by their dc values; those at zero are listed neither by ngspice."""
        row = list(batch.kernel.param_names).index("value")
        which = np.flatnonzero(param[row] != 0.0)
        more = param.copy()
        more[row] += 1.0
        u = self.x[batch.index]
        (f0, jf, jq), (f1, _, _) = (self.evaluate(batch, u, p, None) for p in (param, more))
        none = (np.zeros_like(j)[:, which] for j in (jf, jq))
        return Slopes([batch.names[k] for k in which], batch.index[:, which], batch.kernel, (f1 - f0)[:, which], *none)

    def _by_parameter(
        self, batch: Batch, limits: Real | None, param: Real, device: Any, columns: dict[str, Real], name: str,
        listed: NDArray[np.bool_],
    ) -> tuple[Real, Real, Real, dict[str, Real]] | None:  # fmt: skip
        """Return slopes of f, jf, jq and of the states' initial values; None when ``prepare`` refuses both sides."""
        declared, value = device.params[name], columns[name]
        low = -np.inf if declared.low is None else declared.low
        high = np.inf if declared.high is None else declared.high
        ends: list[tuple[Real, ...]] = []
        starts: list[dict[str, Real]] = []
        for sign in (1.0, -1.0):
            moved = np.where(listed, np.clip(value + sign * _STEP * np.abs(value), low, high), value)
            given = {**columns, name: moved}
            try:
                prepared = self._prepared(batch, device, given, param)
                start = device.state_init(given) if device.states else {}
            except DeviceError:  # beyond what the parameters allow together: from one side alone
                moved, prepared, start = value, batch, device.state_init(columns) if device.states else {}
            starts.append(start)
            ends.append((moved, *self.evaluate(prepared, self.x[batch.index], prepared.param, limits)))
        width = ends[0][0] - ends[1][0]
        if not width[listed].all():
            return None
        width = np.where(listed, width, 1.0)
        f, jf, jq = ((ends[0][k] - ends[1][k]) / width for k in (1, 2, 3))
        return f, jf, jq, {state: (starts[0][state] - starts[1][state]) / width for state in device.states}

    def _prepared(self, batch: Batch, device: Any, columns: dict[str, Real], param: Real) -> Batch:
        """Return a batch with other parameters."""
        options = self.system.options
        environment = Environment(temp=options.temp + ZERO_CELSIUS, tnom=options.tnom + ZERO_CELSIUS, gmin=options.gmin)
        built = build(device, columns, environment)
        kernel = batch.kernel  # perhaps a variant, or that of readings
        if isinstance(built.kernel, CompiledKernel):
            kernel = built.kernel if isinstance(kernel, CompiledKernel) else built.kernel.readings
        rows = []
        for k, name in enumerate(kernel.param_names):
            is_value = device.waveform and name == "value"
            rows.append(param[k] if is_value else built.values[name] if name in built.values else columns[name])
        return replace(batch, kernel=kernel, param=np.array(rows, dtype=float).reshape(param.shape))

    def _by_couplings(self, mutual: list[tuple[Batch, int]]) -> Iterator[Slopes]:
        """M = k sqrt(L1 L2) depends on the coupling and on both inductances."""
        circuit = self.system.circuit
        for batch, k in mutual:
            element = circuit.elements[batch.names[k]]
            row = list(batch.kernel.param_names).index("mutual")
            m = float(batch.param[row, k])
            if m == 0.0:
                continue
            one = batch.param[:, [k]].copy()
            one[row] = 1.0
            f, _, jf, jq = batch.kernel.evaluate(self.x[batch.index[:, [k]]], one)
            by = {element.name: m / circuit.device_of(element)[1]["coupling"]}
            for other in element.controls:
                by[other] = 0.5 * m / circuit.device_of(circuit.elements[other])[1]["inductance"]
            for name, slope in by.items():
                yield Slopes([name], batch.index[:, [k]], batch.kernel, slope * f, slope * jf, slope * jq)
