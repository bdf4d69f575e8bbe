"""A crossbar of synapses as learning uses it: read forwards, read transposed, updated by pulses; what reads take."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.errors import UsageError
from circuitnn.learning.cost import Cost
from circuitnn.learning.settings import number
from circuitnn.learning.synapses.synapse import Synapses
from circuitnn.mapping.cost.technology import Technology

Array = NDArray[Any]

_BITS = 8  # of the converters whose energies are counted
_FRESH = 256  # updates for which sums of conductances are good enough for energies


def conversion_energy(driven: int, sensed: int) -> float:
    """Return what 8-bit converters at so many driven and sensed lines take, J: ``Technology``'s figures of merit.

    Examples
    --------
    >>> round(conversion_energy(784, 10) * 1e9, 2)
    3.7
    """
    technology = Technology()
    return 2**_BITS * (driven * technology.dac_fom + sensed * technology.adc_fom)


class SynapseArray:
    """One matrix of synapses between word lines (inputs) and bit lines (outputs).

    Parameters
    ----------
    synapses : Synapses
    r_word, r_bit : float, ohm
        Resistance of a segment of a word or bit line; with both 0 a read is a product of matrices.
    v_read : float, V
        Voltage of the largest input of a batch of reads.
    cost : Cost, optional
        To which work is added.

    Notes
    -----
    Energies of reads are those of the cells, ``V^2 G`` for ``Technology().read_time``, and of 8-bit converters at both
    sides; a vector after the other. Wires lower the currents, which is not counted; sums of conductances are taken anew
    every 256 updates: a conductance moves little in between.

    Examples
    --------
    >>> from circuitnn.learning.synapses.ideal import Ideal
    >>> held = Ideal().build(np.array([[0.5, -0.5], [1.0, 0.25]]), np.random.default_rng(0))
    >>> array = SynapseArray(held)
    >>> array.forward(np.array([[1.0, 2.0]])).tolist(), array.backward(np.array([[1.0, 2.0]])).tolist()
    ([[2.5, 0.0]], [[-0.5, 1.5]])
    >>> wired = SynapseArray(held, r_word=10.0, r_bit=10.0)
    >>> wired.forward(np.array([[1.0, 2.0]])).round(3).tolist()
    [[2.493, 0.001]]
    """

    def __init__(
        self,
        synapses: Synapses,
        *,
        r_word: float = 0.0,
        r_bit: float = 0.0,
        v_read: float = 0.2,
        cost: Cost | None = None,
    ) -> None:
        self.synapses = synapses
        self.cost = synapses.cost = cost if cost is not None else synapses.cost
        self._wires = number("r_word", r_word, 0.0), number("r_bit", r_bit, 0.0)
        self._v_read = number("v_read", v_read, 0.0, open_low=True)
        self._read_time = Technology().read_time
        self._crossbar: Crossbar | None = None
        self._turned: Crossbar | None = None
        self._sums: tuple[Array, Array] | None = None  # conductances of a word line, and of an output's lines
        self._stale = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Inputs and outputs."""
        return self.synapses.shape

    @property
    def weights(self) -> Array:
        """Weights as the cells hold them, shape (inputs, outputs)."""
        return self.synapses.weights

    def forward(self, x: Array) -> Array:
        """Return ``x @ W``, shape (batch, outputs): bit lines sensed, word lines driven with ``x``, (batch, inputs)."""
        self._count("forward reads", x, 0)
        if not any(self._wires):
            return np.asarray(x @ self.synapses.weights)
        return self.synapses.fold(self._wired().solve(x).currents).astype(x.dtype)

    def backward(self, d: Array) -> Array:
        """Return ``d @ W.T``, shape (batch, inputs): word lines sensed, bit lines driven with ``d``."""
        self._count("transposed reads", d, 1)
        if not any(self._wires):
            return np.asarray(d @ self.synapses.weights.T)
        wired = self._wired()
        if self._turned is None:
            self._turned = wired.T
        return self._turned.solve(self.synapses.spread(d)).currents.astype(d.dtype)

    def update(self, x: Array, d: Array) -> None:
        """Change weights by ``x.T @ d`` with the pulses of these synapses."""
        self.synapses.update(x, d)
        self.moved()

    def change(self, dW: Array) -> None:
        """Change each weight by its own pulses."""
        self.synapses.change(dW)
        self.moved()

    def moved(self) -> None:
        """Note that conductances have moved: after anything done to ``synapses`` itself."""
        self._crossbar = self._turned = None
        self._stale += 1

    def arrays(self) -> dict[str, Array]:
        """Return the whole state, that of the synapses included."""
        found = self.synapses.arrays() | {"stale": np.array([self._stale])}
        if self._sums is not None:
            found |= {"sums0": self._sums[0], "sums1": self._sums[1]}
        return found

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a state that ``arrays`` gave."""
        self.synapses.restore(arrays)
        self._crossbar = self._turned = None
        self._stale = int(arrays["stale"][0])
        self._sums = None
        if "sums0" in arrays:
            sums = arrays["sums0"], arrays["sums1"]
            if [a.shape for a in sums] != [(n,) for n in self.shape] or any(a.dtype.kind != "f" for a in sums):
                raise UsageError("stored sums of conductances are of another array")
            self._sums = sums

    def _wired(self) -> Crossbar:
        if self._crossbar is None:
            r_word, r_bit = self._wires
            self._crossbar = Crossbar(self.synapses.cells(), r_word, r_bit)
        return self._crossbar

    def _count(self, kind: str, driven: Array, side: int) -> None:
        """Add reads of so many vectors on one side of the array."""
        if self._sums is None or self._stale >= _FRESH:
            cells = self.synapses.cells()
            lines = cells.sum(axis=0).reshape(self.shape[1], -1).sum(axis=1)
            self._sums, self._stale = (cells.sum(axis=1), lines), 0
        largest = float(np.abs(driven).max(initial=0.0)) or 1.0
        power = float(np.square(driven).sum(axis=0, dtype=np.float64) @ self._sums[side])
        joules = power * (self._v_read / largest) ** 2 * self._read_time
        ends = self.shape if side == 0 else self.shape[::-1]
        self.cost.add(kind, len(driven), len(driven) * self._read_time, joules)
        self.cost.add("conversions", len(driven), 0.0, len(driven) * conversion_energy(*ends))
