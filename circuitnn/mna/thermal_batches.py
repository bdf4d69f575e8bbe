"""The thermal network between cells that heat each other: conductances between their temperatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from circuitnn.devices.load import kernel_of
from circuitnn.mna.plan import Batch
from circuitnn.nonidealities.thermal import neighbours
from circuitnn.registry import catalog

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit

_TEMPERATURE = "temperature"


def thermal_batches(circuit: Circuit, batches: Sequence[Batch]) -> list[Batch]:
    """Return what joins the temperatures among the batches of devices, whose rows are in watts."""
    rows = {
        name: int(row)
        for batch in batches
        if _TEMPERATURE in batch.kernel.local_names
        for name, row in zip(batch.names, batch.index[batch.kernel.local_names.index(_TEMPERATURE)], strict=True)
    }
    models = {name: circuit.elements[name].model for name in rows}
    pairs = list(neighbours(circuit, list(rows), models))
    if not pairs:
        return []
    kernel = kernel_of(catalog("devices").get("resistor"))
    param = np.zeros((kernel.n_param, len(pairs)))
    param[kernel.param_names.index("conductance")] = [1.0 / resistance for _, _, resistance in pairs]
    index = np.array([[rows[a] for a, _, _ in pairs], [rows[b] for _, b, _ in pairs]], dtype=np.int64)
    return [Batch(kernel, [f"{a}~{b}" for a, b, _ in pairs], index, param)]
