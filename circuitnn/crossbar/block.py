"""A crossbar as an element of a circuit: ``.model NAME crossbar (...)`` and the A elements that use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from circuitnn.crossbar.array_block import ArrayBlock
from circuitnn.crossbar.card import REFERENCES, read_conductances, read_values
from circuitnn.crossbar.device_block import device_block
from circuitnn.crossbar.linear_block import LinearBlock
from circuitnn.errors import CircuitError, CrossbarError, UsageError
from circuitnn.netlist.flat import Element, Model
from circuitnn.nonidealities.engine import chain_of

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit


class CrossbarKind:
    """What the catalog of blocks knows as ``crossbar``; see `circuitnn.mna.block.BlockKind`."""

    references: ClassVar[tuple[str, ...]] = REFERENCES

    @staticmethod
    def from_element(element: Element, model: Model, circuit: Circuit) -> ArrayBlock:
        """Return the block of an element.

        Raises
        ------
        CircuitError, DeviceError
            For parameters that there are not, or out of their range.
        CrossbarError, FileError
            For conductances that are missing, negative or of another shape, and cells that cannot be made.
        """
        if len(element.vectors) != 2 or sum(element.vectors) != len(element.nodes) or 0 in element.vectors:
            raise CircuitError(
                f"{element.name} has node vectors of {', '.join(map(str, element.vectors)) or 'no'} nodes",
                place=element.place,
                names=(element.name,),
                expected="two, of its word lines and of its bit lines",
            )
        values = read_values(element, model)
        G = read_conductances(element, values, (element.vectors[0], element.vectors[1]))
        chain = chain_of(circuit, element, model.references.get("device"))
        if "device" in model.references:
            return device_block(element, model, circuit, G, values, chain)
        if "selector" in model.references:
            raise CircuitError(
                f"{element.name}, model {model.name}: a selector beside conductances",
                place=model.place or element.place,
                names=(element.name, "selector"),
                expected="device=model, of which the selector is in series",
            )
        if G is None:
            raise CrossbarError(
                f"{element.name} has no conductances",
                place=element.place,
                names=(element.name,),
                expected='g=siemens or g="file.npz:array" on the element, or g=siemens or device=model in the card',
            )
        try:
            cells = chain.written(G)
        except UsageError as error:
            raise CircuitError(
                f"{element.name}: {error.message}", place=element.place, expected=error.expected, names=(element.name,)
            ) from None
        return LinearBlock(element.name, cells, values["rword"], values["rbit"])


EXPORT = CrossbarKind
