"""Training with phase-change cells that hold weights and capacitors that learn (Ambrogio et al. 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.learning.layered import Layered
from circuitnn.learning.settings import number, whole
from circuitnn.learning.synapses.pcm_capacitor import PcmCapacitorSynapses
from circuitnn.learning.synapses.pcm_pair import PcmPairSynapses
from circuitnn.learning.synapses.synapse import SynapseKind

Array = NDArray[Any]


@dataclass(kw_only=True, eq=False)
class Pcm3t1c(Layered):
    """Backpropagation on 2 PCM + 3T1C cells, Ambrogio et al., Nature 558, 60 (2018).

    Driven: word lines with activities, then bit lines with errors, an example at a time. Measured: currents at the
    other ends. Pulses: trains on rows and columns at once, which move capacitors where they meet; every ``transfer``
    examples closed-loop pulses write weights to the PCM cells, and the polarity of capacitors is inverted.

    Parameters
    ----------
    transfer : int
        Examples between transfers; 0 for none. 8000 is the publication's. For ``synapses="pcm_pair"``, PCM cells that
        take the updates themselves, pairs with a full cell are refreshed every so many examples.
    example_time : float, s
        What an example takes, while capacitors leak. An assumption.

    The other hyper-parameters are those of ``Layered``. The network is the publication's: images of 22 x 24 pixels, and
    164,885 weights, biases included; its activation and rate are not told where we could read it.

    Examples
    --------
    >>> rule = Pcm3t1c(seed=1)
    >>> sum(array.synapses.weights.size for array in rule.layers)
    164885
    """

    network: tuple[int, ...] = (528, 250, 125, 10)
    batch: int = 1
    rate: float = 0.01
    decay: float = 0.85
    activation: str = "relu"
    synapses: str | SynapseKind = "pcm_capacitor"
    largest: float = 1.5
    transfer: int = 8000
    example_time: float = 240e-9

    title = "PCM pairs and 3T1C capacitors, transfer and polarity inversion"
    source = "Ambrogio et al., Nature 558, 60 (2018)"

    def build(self) -> None:
        """Make arrays, whose synapses must be of a kind that transfers or refreshes."""
        self.transfer = whole("transfer", self.transfer, 0)
        number("example_time", self.example_time, 0.0)
        super().build()
        self.seen = 0  # examples, in all
        if not all(isinstance(a.synapses, PcmCapacitorSynapses | PcmPairSynapses) for a in self.layers):
            raise UsageError(f"synapses {self.synapses!r}", expected="pcm_capacitor or pcm_pair", names=["synapses"])

    def deltas(self, activities: list[Array], error: Array) -> list[Array]:
        """Return the errors of each layer, read back through the arrays above."""
        return self.transposed(activities, error)

    def learn(self, x: Array, t: Array) -> None:
        """Learn examples in order, with leaks in between, and transfers where they are due."""
        pause = self.pause
        first = 0
        while first < len(x):
            # leaks come after a fixed count of examples, whatever the portions in which these arrive
            last = min(first + pause - self.seen % pause, len(x))
            super().learn(x[first:last], t[first:last])
            self.seen += last - first
            first = last
            if self.seen % pause == 0:
                self.wait(pause * self.example_time)
            if self.transfer and self.seen % self.transfer == 0:
                self.consolidate()

    @property
    def pause(self) -> int:
        """Examples after which the leak of all of them is taken at once; a divisor of ``transfer``."""
        return int(np.gcd(self.transfer, 100 * self.batch)) if self.transfer else 100 * self.batch

    def wait(self, seconds: float) -> None:
        """Let capacitors leak."""
        for array in self.layers:
            array.synapses.pass_time(seconds)
            array.moved()

    def consolidate(self) -> None:
        """Transfer weights to PCM cells; refresh pairs without capacitors."""
        for array in self.layers:
            held = array.synapses
            if isinstance(held, PcmCapacitorSynapses):
                held.transfer()
            elif isinstance(held, PcmPairSynapses):
                held.refresh()
            array.moved()

    def arrays(self) -> dict[str, Array]:
        """Return the state of layers, and how many examples have been seen."""
        return super().arrays() | {"seen": np.array([self.seen])}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        super().restore(arrays)
        self.seen = int(arrays["seen"][0])


EXPORT = Pcm3t1c
