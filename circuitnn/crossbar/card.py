"""What the model card and the line of a crossbar element say: parameters, and the conductances of its cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.checks import conductances
from circuitnn.crossbar.matrix_file import read_matrix
from circuitnn.devices.declare import Param
from circuitnn.errors import CircuitError, CrossbarError, DeviceError, nearest
from circuitnn.netlist.flat import DataArray, Element, Model

Array = NDArray[np.float64]

#: Parameters of a crossbar, and where each may be given.
PARAMS = {
    "rword": Param(1.0, "ohm", low=0.0, doc="resistance of a segment of a word line", on="model"),
    "rbit": Param(1.0, "ohm", low=0.0, doc="resistance of a segment of a bit line", on="model"),
    "g": Param(None, "S", low=0.0, doc="conductance of all cells"),
    "m": Param(1.0, "1", low=0.0, exclusive=True, doc="arrays in parallel", on="instance"),
}
#: Parameters of the card that name models of what cells are made of.
REFERENCES = ("device", "selector")


def read_values(element: Element, model: Model) -> dict[str, float]:
    """Return the parameters of a card and an element, the element's before the card's.

    Raises
    ------
    CircuitError, DeviceError
        For one that there is not, or out of its range.
    """
    values = {name: param.default for name, param in PARAMS.items() if param.default is not None}
    for where, given, owner, place in (
        ("model", model.params, f"{element.name}, model {model.name}", model.place or element.place),
        ("instance", element.params, element.name, element.place),
    ):
        for name, value in given.items():
            param = PARAMS.get(name)
            if param is None or param.on not in ("both", where):
                known = [key for key, other in PARAMS.items() if other.on in ("both", where)]
                raise CircuitError(
                    f"{owner}: a crossbar has no {'element ' if where == 'instance' else ''}parameter {name!r}",
                    place=place,
                    names=(element.name, name),
                    expected=f"one of {', '.join([*known, *(REFERENCES if where == 'model' else ())])}",
                    hint=nearest(name, known),
                )
            try:
                param.check("a crossbar", name, value)
            except DeviceError as error:
                raise DeviceError(
                    f"{owner}: {error.message}", place=place, expected=error.expected, names=(element.name, name)
                ) from None
            values[name] = value
    return values


def read_conductances(element: Element, values: dict[str, float], shape: tuple[int, int]) -> Array | None:
    """Return the conductances of the cells, shape ``shape``, S; None where nothing gives them.

    Raises
    ------
    CrossbarError, FileError
        When they are negative, not numbers or of another shape, or their file cannot be read.
    """
    if isinstance(element.data, DataArray):
        given, place = element.data.values, element.place
    elif element.data is not None:
        given, place = read_matrix(element.data, shape), element.data.place or element.place
    elif "g" in values:
        given, place = np.full(shape, values["g"]), element.place
    else:
        return None
    try:
        G = conductances(given)
    except CrossbarError as error:
        raise CrossbarError(
            f"{element.name}: {error.message}", place=place, expected=error.expected, names=(element.name,)
        ) from None
    if G.shape != shape:
        raise CrossbarError(
            f"{element.name}: conductances of shape {G.shape}",
            place=place,
            names=(element.name,),
            expected=f"{shape}: a row for each word line, a column for each bit line",
            hint="transpose them" if G.shape == shape[::-1] else None,
        )
    return G
