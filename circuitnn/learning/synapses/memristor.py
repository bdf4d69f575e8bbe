"""Synapses whose steps are those of a memristor's model: its equations under each pulse, from every conductance."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.apart import CellsApart, Feed
from circuitnn.crossbar.cells import Cells
from circuitnn.errors import ConvergenceError, UsageError
from circuitnn.learning.settings import number, whole
from circuitnn.learning.synapses.pulsed import Pulsed, PulsedSynapses, Steps
from circuitnn.learning.synapses.synapse import SynapseKind

Array = NDArray[Any]

_SCAN = 2001  # states whose conductances are looked at first
_READS = 4  # voltages at which a read is tried
_ROUNDS = 4  # of drawing states nearer to the conductances that are asked for


class StepTable(NamedTuple):
    """What a pulse changes a device's conductance by.

    Attributes
    ----------
    g : ndarray, shape (nodes,), S
        Conductances, evenly spaced, read at ``Memristor.v_read``.
    up, down : ndarray, shape (nodes,), S
        Gain by a pulse of ``v_up``, loss by one of ``v_down``.
    half_up, half_down : ndarray, shape (nodes,), S
        The same of half the voltage, which a device sees beside one that is meant.
    joules_up, joules_down : ndarray, shape (nodes,), J
        Dissipated by a pulse in the device.
    """

    g: Array
    up: Array
    down: Array
    half_up: Array
    half_down: Array
    joules_up: Array
    joules_down: Array


@dataclass(frozen=True)
class Memristor(SynapseKind):
    """Devices of the library, moved by pulses as their equations say.

    Parameters
    ----------
    device : str
        A two-terminal card with a bounded state, such as ``"hfo2"``, ``"jart_v1b"`` or ``"stanford_rram"``.
    v_up, v_down : float, V
        Pulses that raise and lower the conductance, from word to bit line.
    width, edge : float, s
        Of the top of a pulse, and of its rise and fall each.
    r_series : float, ohm
        In series while pulses act, as a transistor or driver is: it tames a SET that would run away.
    v_read : float, V
        At which conductances are read.
    g_min, g_max : float, S
        Range that is used; 0: what the bounds of the state give.
    nodes : int
        Conductances at which a pulse is simulated; in between, steps are interpolated.
    noise, spread, asymmetry_spread, stuck_low, stuck_high, update, slots, manage, partial, pair
        As of ``Pulsed``.

    Notes
    -----
    A pulse starts from the device at rest: whatever warms up within one has cooled down before the next. Half-selected
    devices take the steps that half the voltage makes in the model.

    Examples
    --------
    >>> kind = Memristor(device="hfo2", v_up=-0.8, v_down=0.8, width=20e-9, g_max=50e-6, nodes=17)
    >>> table = kind.table()
    >>> (table.g[[0, -1]] * 1e6).round(3).tolist(), (table.up[[0, 8]] * 1e6).round(3).tolist()
    ([1.0, 50.0], [0.012, 0.294])
    >>> float(table.half_up.max())
    0.0
    """

    device: str = "hfo2"
    v_up: float = -0.8
    v_down: float = 0.8
    width: float = 20e-9
    edge: float = 1e-9
    r_series: float = 0.0
    v_read: float = 0.2
    g_min: float = 0.0
    g_max: float = 0.0
    nodes: int = 129
    noise: float = 0.0
    spread: float = 0.0
    asymmetry_spread: float = 0.0
    stuck_low: float = 0.0
    stuck_high: float = 0.0
    update: str = "stochastic"
    slots: int = 31
    manage: bool = True
    partial: bool = False
    pair: str = "opposed"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("width", "edge", "v_read"):
            number(name, getattr(self, name), 0.0, open_low=True)
        for name in ("v_up", "v_down"):
            number(name, getattr(self, name))
        number("r_series", self.r_series, 0.0)
        number("g_min", self.g_min, 0.0)
        number("g_max", self.g_max, 0.0)
        whole("nodes", self.nodes, 2)
        if self.v_up * self.v_down >= 0.0:
            raise UsageError("pulses up and down of one polarity", expected="v_up and v_down of opposite signs")

    def table(self) -> StepTable:
        """Return steps and energies of pulses, from simulations of the device.

        Raises
        ------
        UsageError
            When the range is not one of the device's, or a pulse moves the conductance the wrong way.
        """
        return _table(self)

    def build(
        self, weights: Array, rng: np.random.Generator, *, signed: bool = True, largest: float = 1.0
    ) -> PulsedSynapses:
        """Return synapses; see ``SynapseKind.build``."""
        table = self.table()
        low, high = float(table.g[0]), float(table.g[-1])
        mean = 0.5 * float(table.up.mean() + table.down.mean())
        shared = {f.name for f in fields(Pulsed)} & {f.name for f in fields(self)} - {"width", "g_min", "g_max"}
        kind = Pulsed(
            **{name: getattr(self, name) for name in shared},
            steps=max((high - low) / mean, 1.0),
            bound_spread=0.0,
            g_min=low,
            g_max=high,
            volts=max(abs(self.v_up), abs(self.v_down)),
            width=self.width + 2.0 * self.edge,
        )
        half = np.stack([table.half_up, table.half_down]) / (high - low)
        scaled = np.stack([table.up, table.down]) / ((high - low) * kind.stride)
        joules = np.stack([table.joules_up, table.joules_down])
        return PulsedSynapses(kind, weights, rng, signed, largest, Steps(scaled, half, joules))


@lru_cache(maxsize=64)
def _table(kind: Memristor) -> StepTable:
    states, low, high = _states_of(kind)
    pulse = _Pulse(kind, states)
    g = np.linspace(low, high, kind.nodes)
    found = []
    for volts, sign, part in ((kind.v_up, 1, 1.0), (kind.v_down, -1, 1.0), (kind.v_up, 1, 0.5), (kind.v_down, -1, 0.5)):
        moved, joules = pulse(part * volts)
        step = sign * (moved - pulse.before)
        if part == 1.0 and step.min() < -1e-3 * np.abs(step).max():
            raise UsageError(
                f"a pulse of {volts:g} V moves the conductance of {kind.device!r} the wrong way",
                hint="swap the signs of v_up and v_down",
                names=["v_up", "v_down"],
            )
        found.append((np.interp(g, pulse.before, np.maximum(step, 0.0)), np.interp(g, pulse.before, joules)))
    (up, joules_up), (down, joules_down), (half_up, _), (half_down, _) = found
    if not up.max() > 0.0 or not down.max() > 0.0:
        raise UsageError(
            f"pulses of {kind.v_up:g} and {kind.v_down:g} V leave {kind.device!r} as it is",
            hint="higher voltages or a longer width",
        )
    return StepTable(g, up, down, half_up, half_down, joules_up, joules_down)


class _Pulse:
    """Devices at given states, one pulse each."""

    def __init__(self, kind: Memristor, states: Array) -> None:
        self._kind, self._states = kind, states
        self.before = self._read(self._apart())

    def _apart(self) -> CellsApart:
        name = memory_of(self._kind.device)
        return CellsApart(Cells(self._kind.device, (1, len(self._states)), state={name: self._states[None, :]}))

    def _read(self, apart: CellsApart) -> Array:
        at = np.arange(len(self._states))
        # Newton's method may run in a circle at isolated voltages; a conductance is the same a thousandth beside them
        for volts in self._kind.v_read * (1.0 - 1e-3 * np.arange(_READS)):
            try:
                return apart.currents(at, Feed(volts, 0.0, 0.0, 0.0, 0.0)) / volts
            except ConvergenceError as error:
                last = error
        raise last

    def __call__(self, volts: float) -> tuple[Array, Array]:
        """Return conductances after a pulse, and what it dissipated."""
        apart = self._apart()
        kind, at = self._kind, np.arange(len(self._states))
        feed = Feed(volts, 0.0, kind.r_series, 0.0, 0.0)
        joules, _ = apart.pulse(at, feed, (kind.edge, kind.width, kind.edge), tolerance=1e-6)
        after = apart.states[memory_of(kind.device)].ravel().copy()
        return _Pulse(kind, after).before, joules


@lru_cache(maxsize=64)
def memory_of(device: str) -> str:
    """Return the name of the state that a device remembers by: its first one between finite bounds.

    Raises
    ------
    UsageError
        When it has none.

    Examples
    --------
    >>> memory_of("jart_v1b")
    'n_disc'
    """
    cells = Cells(device, (1, 1))
    low, high, _ = cells.made.bounds()
    for k, name in enumerate(cells.states):
        if np.isfinite(low[k, 0]) and np.isfinite(high[k, 0]):
            return name
    raise UsageError(f"{device!r} has no state between bounds", expected="a memristor", names=["device"])


def _states_of(kind: Memristor) -> tuple[Array, float, float]:
    """Return states whose conductances are nearly even over the range, and its ends."""
    name = memory_of(kind.device)
    cells = Cells(kind.device, (1, 1))
    low, high, _ = cells.made.bounds()
    k = cells.states.index(name)
    states = np.linspace(low[k, 0], high[k, 0], _SCAN)
    pulse = _Pulse(kind, states)
    ends = float(pulse.before.min()), float(pulse.before.max())
    g_min, g_max = kind.g_min or ends[0], kind.g_max or ends[1]
    if not ends[0] * (1.0 - 1e-6) <= g_min < g_max <= ends[1] * (1.0 + 1e-6):
        raise UsageError(
            f"g_min, g_max are {g_min:g}, {g_max:g} S",
            expected=f"a range within {ends[0]:g} to {ends[1]:g} S of {kind.device!r}",
            names=["g_min", "g_max"],
        )
    wanted = np.linspace(g_min, g_max, kind.nodes)
    for _ in range(_ROUNDS):
        order = np.argsort(pulse.before)
        states = np.interp(wanted, pulse.before[order], pulse._states[order])
        nearer = _Pulse(kind, states)
        order = np.argsort(np.r_[pulse.before, nearer.before])
        pulse = _Pulse(kind, np.r_[pulse._states, states][order])
    return states, g_min, g_max


EXPORT = Memristor
