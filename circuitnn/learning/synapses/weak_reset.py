"""Binary weights of two resistances each, moved by weak RESET pulses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.learning.cost import Cost
from circuitnn.learning.rule import copy_into
from circuitnn.learning.settings import number, whole
from circuitnn.learning.synapses._weak_reset import pulse_round
from circuitnn.learning.synapses.synapse import SynapseKind, Synapses

Array = NDArray[Any]

#: Pulses in a row after a SET, at most.
_MOST = 4096


@dataclass(frozen=True)
class WeakReset(SynapseKind):
    """Pairs (2T2R) of oxide memories whose resistances climb by weak RESET pulses (Hirtzlin et al., IEDM 2019).

    The hidden weight is ln(R_BLb / R_BL), the weight its sign, which a precharge sense amplifier reads. A pulse
    multiplies one resistance by exp(step exp(-ln(R / r_set) / soft) (1 + noise N(0, 1))): log-normal, and with
    ``soft`` = 0 the same factor everywhere. When a resistance has passed ``r_max``, both devices are SET, to r_set
    times a log-normal number, and the one that was higher gets weak pulses until the pair reads as before,
    ``restored`` at least.

    A pulse is given or not: with the probability of the wanted change over ``step``, so that hidden weights change as
    wanted in the mean; at most one a device and round.

    Parameters
    ----------
    step : float
        ln of the factor of a pulse at ``r_set``.
    soft : float
        Nepers of resistance over which it falls by e; 0: it does not. The end of RESET grows with the logarithm of the
        number of pulses, which is such a law: a model of HfO2 cells (JART VCM v1b) at 1.6 V, 1 us from 40 kohm on
        follows ``step = 0.09, soft = 0.12`` (docs/learning_binary.md).
    noise : float
        Deviation of a pulse's step from pulse to pulse, of the step.
    set_noise : float
        Deviation of ln R after a SET.
    r_set, r_max : float, ohm
        Median after a SET; above which a pair is SET anew.
    restored : int
        Least pulses after a SET on the device that was higher.
    v_reset : float, V
    width : float, s
        Of a weak RESET pulse and of a SET.
    set_energy : float, J
        Of one SET of one device.

    Notes
    -----
    The publication's constants are not public. Orders of magnitude only: LRS of some kilo-ohms and HRS of some ten to a
    hundred, 2 V and 0.1 mA to 0.2 mA for 1 us as in the 130 nm test chips of the same group (Bocquet et al., IEDM 2018;
    Hirtzlin et al., Front. Neurosci. 13, 1383 (2020)). Check them against the devices at hand.

    Examples
    --------
    >>> pair = WeakReset(noise=0.0, set_noise=0.0).build(np.array([[1.0, -1.0]]), np.random.default_rng(0))
    >>> pair.weights.tolist(), pair.hidden.round(3).tolist()
    ([[1.0, -1.0]], [[0.1, -0.1]])
    >>> for _ in range(12):
    ...     pair.change(np.array([[-0.02, 0.0]]))
    >>> pair.weights.tolist(), pair.hidden.round(3).tolist()
    ([[-1.0, -1.0]], [[-0.14, -0.1]])
    """

    step: float = 0.02
    soft: float = 0.0
    noise: float = 0.3
    set_noise: float = 0.1
    r_set: float = 5e3
    r_max: float = 100e3
    restored: int = 5
    v_reset: float = 1.6
    width: float = 1e-6
    set_energy: float = 200e-12

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("step", "r_set", "v_reset", "width"):
            number(name, getattr(self, name), 0.0, open_low=True)
        for name in ("soft", "noise", "set_noise", "set_energy"):
            number(name, getattr(self, name), 0.0)
        number("r_max", self.r_max, self.r_set, open_low=True)
        whole("restored", self.restored)

    def build(
        self, weights: Array, rng: np.random.Generator, *, signed: bool = True, largest: float = 1.0
    ) -> WeakResetSynapses:
        """Return pairs, SET, that got ``restored`` pulses or more until they read as the signs of ``weights``."""
        if not signed:
            raise UsageError("weak_reset synapses for weights of one conductance", expected="weights of both signs")
        return WeakResetSynapses(self, weights, rng, largest)


class WeakResetSynapses(Synapses):
    """Pairs of resistances; see ``WeakReset``.

    Attributes
    ----------
    logs : ndarray, shape (2, pairs)
        ln(R / r_set) on BL and BLb.
    pulses : ndarray of uint32, shape (2, pairs)
        Weak RESETs that each device has had.
    sets : ndarray of uint32, shape (pairs,)
        SETs that each pair has had.
    """

    def __init__(self, kind: WeakReset, weights: Array, rng: np.random.Generator, largest: float) -> None:
        self.kind, self.shape, self.signed, self.cost = kind, weights.shape, True, Cost()
        self._largest, self._dtype = largest, weights.dtype
        self._seed = int(rng.integers(2**63))
        self.logs = kind.set_noise * rng.standard_normal((2, weights.size))
        self.pulses = np.zeros((2, weights.size), np.uint32)
        self.sets = np.zeros(weights.size, np.uint32)
        self._rounds = np.zeros(1, np.uint64)
        upper = weights.ravel() >= 0.0
        due, given = np.ones(weights.size, bool), 0
        while due.any():
            if given == _MOST:
                raise UsageError(
                    f"{_MOST} pulses do not part devices that a SET leaves {kind.set_noise:g} apart",
                    expected="a larger step, a larger soft, or a smaller set_noise",
                )
            self._round(np.where(due, np.where(upper, math.inf, -math.inf), 0.0))
            given += 1
            due = ((self.logs[1] > self.logs[0]) != upper) | (given < kind.restored)
        self._read()

    def _read(self) -> None:
        above = (self.logs[1] > self.logs[0]).reshape(self.shape)
        self._weights = np.where(above, self._largest, -self._largest).astype(self._dtype)

    @property
    def weights(self) -> Array:
        """Signs of the pairs, times what the largest weight stands for."""
        return self._weights

    @property
    def hidden(self) -> Array:
        """ln(R_BLb / R_BL), shape (inputs, outputs)."""
        return (self.logs[1] - self.logs[0]).reshape(self.shape)

    def cells(self) -> Array:
        """Return conductances, S, shape (inputs, 2 outputs): BLb and BL of each pair side by side."""
        g = np.exp(-self.logs[::-1]) / self.kind.r_set
        return g.T.reshape(self.shape[0], -1)

    def fold(self, currents: Array) -> NoReturn:
        """Raise: sense amplifiers compare the two devices of a pair; their currents are not added up."""
        raise self._refused()

    def spread(self, d: Array) -> NoReturn:
        """Raise, as ``fold`` does."""
        raise self._refused()

    @staticmethod
    def _refused() -> UsageError:
        return UsageError(
            "currents of weak_reset pairs cannot be added up",
            expected="reads by sense amplifiers, without wires",
            hint="leave out r_wire, or use other synapses",
        )

    def change(self, dW: Array) -> None:
        """Give each pair a pulse with the probability |dW| / step, dW a wanted change of the hidden weight."""
        self._round(np.asarray(dW, np.float64).ravel())
        self._read()

    def _round(self, wanted: Array) -> None:
        k = self.kind
        pulses, sets, conductance = pulse_round(
            k.step,
            k.soft,
            k.noise,
            k.set_noise,
            math.log(k.r_max / k.r_set),
            k.restored,
            self._seed,
            int(self._rounds[0]),
            np.ascontiguousarray(wanted),
            self.logs,
            self.pulses,
            self.sets,
        )
        self._rounds += np.uint64(1)
        rows = self.shape[0]  # addressed one after the other, BL and BLb of a row in turn
        self.cost.add("weak RESET pulses", pulses, 2 * rows * k.width, conductance / k.r_set * k.v_reset**2 * k.width)
        if sets:
            self.cost.add("SET pulses", 2 * sets, rows * k.width, 2 * sets * k.set_energy)

    def arrays(self) -> dict[str, Array]:
        """Return resistances, counters and the place in the random numbers."""
        seed = np.array([self._seed], np.uint64)
        return {name: value.copy() for name, value in self._state().items()} | {"seed": seed}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        for name, value in self._state().items():
            copy_into(value, arrays[name], f"{name} of weak_reset synapses")
        self._seed = int(arrays["seed"][0])
        self._read()

    def _state(self) -> dict[str, Array]:
        return {"logs": self.logs, "pulses": self.pulses, "sets": self.sets, "rounds": self._rounds}


EXPORT = WeakReset
