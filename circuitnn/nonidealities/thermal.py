"""The thermal network between the cells of a circuit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from circuitnn.nonidealities.engine import acting
from circuitnn.nonidealities.sites import Sites
from circuitnn.nonidealities.thermal_crosstalk import ThermalCrosstalk

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit


def neighbours(
    circuit: Circuit, names: Sequence[str], models: Mapping[str, str | None]
) -> Iterator[tuple[str, str, float]]:
    """Yield pairs of elements with the thermal resistance between them, K/W, each pair once an effect.

    Parameters
    ----------
    circuit : Circuit
    names : sequence of str
        Elements that have a temperature.
    models : mapping
        Their models.
    """
    for target, effect, _ in acting(circuit):
        if not isinstance(effect, ThermalCrosstalk):
            continue
        chosen = [name for name in names if target in (name, models[name])]
        sites = Sites.of_elements(chosen)
        places = zip(sites.bases.tolist(), sites.rows.tolist(), sites.cols.tolist(), strict=True)
        at = dict(zip(places, chosen, strict=True))
        beside = {(0, 1): effect.r_th, (1, 0): effect.r_th}
        if effect.r_diagonal is not None:
            beside |= {(1, 1): effect.r_diagonal, (1, -1): effect.r_diagonal}
        for (base, row, col), name in at.items():
            for (down, right), resistance in beside.items():
                other = at.get((base, row + down, col + right))
                if other is not None:
                    yield name, other, float(resistance)
