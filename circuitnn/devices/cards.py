"""Ready-made model cards: a name for a device with cited parameters and its usable range of conductance."""

from __future__ import annotations

from dataclasses import dataclass

from circuitnn.netlist.flat import Model


@dataclass(frozen=True)
class Card:
    """A named device.

    Parameters
    ----------
    model : Model
        As a ``.model`` card.
    g_min, g_max : float
        Range of conductance that programming reaches, S.
    doc, source : str
    """

    model: Model
    g_min: float
    g_max: float
    doc: str
    source: str


CARDS = {
    "hfo2": Card(
        Model(
            "hfo2",
            "vteam",
            {
                "ron": 10e3, "roff": 1e6, "v_on": -0.6, "v_off": 0.6, "k_on": -1e-2, "k_off": 1e-2, "alpha_on": 3.0,
                "alpha_off": 3.0, "w_off": 3e-9, "w0": 1.5e-9, "iv": 1.0,
            },
        ),
        1e-6,
        1e-4,
        "HfO2-like filamentary cell, 10 kohm to 1 Mohm",
        "range as is usual for HfO2 cells (Ielmini, Semicond. Sci. Technol. 31, 063002, 2016); thresholds and speeds "
        "are round numbers chosen for a stable read at 0.2 V, not a fit to one device",
    ),
    "hp": Card(
        Model("hp", "linear_drift", {"ron": 100.0, "roff": 16e3, "d": 10e-9, "mu": 1e-14}),
        1.0 / 16e3,
        1.0 / 100.0,
        "TiO2 linear ion drift",
        "Strukov et al., Nature 453, 80 (2008); values as in public SPICE models of it",
    ),
}  # fmt: skip
