"""What a subsystem with ports must offer to be one element of a circuit: an A element.

A block sees the voltages of its ports and gives the currents that flow into them; what it is made of enters no matrix
but its own. Blocks lie above this layer: `circuitnn.registry.catalog("blocks")` finds them by the type of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit
    from circuitnn.netlist.flat import Element, Model
    from circuitnn.netlist.probes import InnerVector

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Output:
    """Something inside a block that results show.

    Parameters
    ----------
    kind : {"voltage", "current", "state"}
    where : object
        What the block knows it by.
    scale : float
        Typical size of a state, which sets its tolerance.
    """

    kind: Literal["voltage", "current", "state"]
    where: Any
    scale: float = 1.0


class BlockKind(Protocol):
    """What a package's ``block`` module exports: how the elements of a type of model become blocks.

    Attributes
    ----------
    references : tuple of str
        Parameters of the model card that name other models.
    """

    references: ClassVar[tuple[str, ...]]

    @staticmethod
    def from_element(element: Element, model: Model, circuit: Circuit) -> Block:
        """Return the block of an element, whose model may refer to others of the circuit.

        Errors name the element and its place.
        """
        ...


class Block(Protocol):
    """A subsystem with ports.

    Attributes
    ----------
    ports : int
        Number of ports, the nodes of its element in their order.
    linear : bool
        Currents are a constant matrix times the voltages; it is evaluated once.
    links : sequence of (int, int)
        Pairs of ports that direct current can flow between, enough of them to join all that hang together.
    """

    ports: int
    linear: bool
    links: Sequence[tuple[int, int]]

    def start(self) -> Array:
        """Return the initial states, shape (states,); none for a block without memory."""
        ...

    def evaluate(self, v: Array, state: Array) -> tuple[Array, Array]:
        """Return the currents into the ports and their derivatives, shapes (ports,) and (ports, ports), A and S.

        ``v`` (ports,) are volts against ground. Called once an iteration of Newton's method; a CircuitnnError makes
        the iterate count as one that cannot be evaluated.
        """
        ...

    def advance(self, v0: Array, v1: Array, h: float, state: Array) -> Array:
        """Return the states ``h`` seconds later, the port voltages going straight from ``v0`` to ``v1`` meanwhile.

        Must not change anything: the step may be rejected, or asked for again with other voltages.
        """
        ...

    def output(self, vector: InnerVector) -> Output:
        """Return what a name stands for; raise CircuitError when there is no such thing inside."""
        ...

    def observe(self, outputs: Sequence[Output], v: Array, state: Array) -> tuple[Array, Array]:
        """Return the values of outputs and their derivatives by the port voltages, shapes (k,) and (k, ports)."""
        ...
