"""The layers of a network as analogue stages: what their resistors are, and which bit line ends where.

A net input z is a current of ``z read_voltage / (scale x_limit)``, so a sense amplifier of

    R = u scale x_limit / read_voltage

gives u volts for a net input of 1 (times the output's gain, where the matrix corrects it). A bias b is a resistor of
``scale x_limit / abs(b)`` from a reference at the read voltage to one of the two inputs. For ``linear`` and ``relu``, u
is what the next layer takes for 1, its ``read_voltage / x_limit``; for ``tanh``, ``sigmoid`` and ``softmax`` it is what
their transistors take (`activations.VOLTS`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.mapping.circuits.activations import VOLTS
from circuitnn.mapping.matrix import MappedMatrix
from circuitnn.mapping.operators.dense import Dense

if TYPE_CHECKING:
    from circuitnn.mapping.layout import Layout

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stage:
    """A layer.

    Attributes
    ----------
    number : int
        From 1.
    dense : Dense
    matrix : MappedMatrix
    read_voltage : float, V
    unit : float, V
        Output voltage for an output of 1.
    """

    number: int
    dense: Dense
    matrix: MappedMatrix
    read_voltage: float
    unit: float

    @property
    def resistors(self) -> Array:
        """Feedback resistors of the sense amplifiers, shape (outputs,), ohm."""
        volts = VOLTS.get(self.dense.activation, self.unit)
        return volts * self.matrix.scale * self.matrix.x_limit / self.read_voltage * self.matrix.gain

    @property
    def biases(self) -> Array:
        """Conductances from the reference, to the positive or the negative input as their sign says, (outputs,), S."""
        bias = (self.dense.bias + self.matrix.offset) / self.matrix.gain
        return np.asarray(bias / (self.matrix.scale * self.matrix.x_limit))

    def ends(self, k: int) -> list[tuple[int, bool]]:
        """Return for each bit line of tile ``k`` its output, and whether it ends at the positive input.

        Raises
        ------
        UsageError
            When the encoding needs logic, or one bit line for several outputs.
        """
        encoding, outputs = self.matrix.encoding, self.matrix.tiles[k].place.outputs
        signs = np.asarray(encoding.analogue(len(outputs)).todense())
        logic = np.asarray(encoding.digital(len(outputs)).todense())
        if not np.array_equal(logic, np.eye(len(outputs))) or (np.abs(signs).sum(axis=1) != 1.0).any():
            raise UsageError(
                f"{encoding!r} needs logic, or a bit line for several outputs: not as one analogue circuit",
                expected="bit lines that each belong to one output, as with encoding='differential'",
            )
        return [(int(outputs[row.nonzero()[0][0]]), bool(row.sum() > 0.0)) for row in signs]


def stages_of(layout: Layout) -> list[Stage]:
    """Return the layers of a layout.

    Raises
    ------
    UsageError
        When non-idealities act on reads, cells are devices, inputs come bit by bit or an output has a gain that is not
        above zero, which these stages do not have, or a layer runs in logic.
    MappingError
        When the network is no chain of dense layers.
    """
    layers = layout.graph.dense_layers()
    if layout.effects.reads:
        raise UsageError(
            "non-idealities act on reads, and a fixed circuit has none of them", hint="layout.with_nonidealities(())"
        )
    if any(matrix.cells is not None for matrix in layout.matrices):
        raise UsageError("cells that are devices have no resistance", hint="layout.with_cells(None)")
    if layout.periphery.coding == "serial":
        raise UsageError(
            "inputs come bit by bit, and only logic adds up what was read of each", expected="coding amplitude or width"
        )
    for matrix in layout.matrices:
        if (matrix.gain <= 0.0).any():
            output = int(np.argmax(matrix.gain <= 0.0))
            raise UsageError(
                f"output {output} of {matrix.label} has the gain {matrix.gain[output]:.3g}, as no resistor gives",
                expected="gains above 0",
                hint="an output without weights, or one that calibration found to be noise",
                names=[matrix.label],
            )
    known = {matrix.label: matrix for matrix in layout.matrices}
    if missing := [dense.name for dense in layers if dense.name not in known]:
        raise UsageError(f"{', '.join(missing)} run in logic, not on tiles", expected="all layers on tiles")
    matrices = [known[dense.name] for dense in layers]
    read_voltage = layout.periphery.read_voltage
    limits = [*(matrix.x_limit for matrix in matrices[1:]), _bound(layers[-1], matrices[-1])]
    return [
        Stage(n, dense, matrix, read_voltage, read_voltage / limit)
        for n, (dense, matrix, limit) in enumerate(zip(layers, matrices, limits, strict=True), 1)
    ]


def _bound(dense: Dense, matrix: MappedMatrix) -> float:
    """Return the largest magnitude that the last layer's outputs can have."""
    if dense.activation not in ("linear", "relu"):
        return 1.0
    return float((matrix.x_limit * np.abs(dense.weights).sum(axis=0) + np.abs(dense.bias)).max()) or 1.0
