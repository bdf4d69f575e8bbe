"""A trained network as a graph of operators, in double precision: what a layout must compute."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import MappingError, UsageError
from circuitnn.mapping.graph_svg import graph_svg
from circuitnn.mapping.operators.dense import Dense
from circuitnn.mapping.operators.node import Interval, Node, Shape
from circuitnn.results.atomic import replacing

Array = NDArray[np.float64]
INPUT = "input"  # the network's input, as nodes read it


def matrix_label(node: str, key: str) -> str:
    """Return the name of a matrix of a node: the node's own where it has but one."""
    return f"{node}, {key}" if key else node


@dataclass(frozen=True, eq=False)
class Graph:
    """A network; calling it gives its outputs in double precision.

    Parameters
    ----------
    nodes : sequence of Node
        Each after those that it reads. One without inputs reads the node before it, the first one the network's input;
        ``"input"`` reads this anywhere. The last node is the network's output.
    input_shape : tuple of int, optional
        Shape of a sample. Not needed where the first node is a ``Dense``.

    Raises
    ------
    MappingError
        When there is no node, names repeat or are unknown, or shapes do not fit together.

    Examples
    --------
    >>> net = Graph([Dense([[2.0]], None, "relu"), Dense([[3.0, -1.0]], [0.0, 1.0], name="last")])
    >>> net([[1.0]]).tolist()
    [[6.0, -1.0]]
    >>> net.input_shape, net.output_shape
    ((1,), (2,))
    """

    nodes: tuple[Node, ...]
    input_shape: Shape

    def __init__(self, nodes: Sequence[Node], input_shape: Sequence[int] | None = None) -> None:
        if not nodes:
            raise MappingError("the network has no layer with weights", expected="at least one")
        first = nodes[0]
        if input_shape is None:
            if not isinstance(first, Dense):
                raise MappingError(f"the shape of what {first.name} reads is not known", expected="input_shape")
            input_shape = (first.fan_in,)
        if min(input_shape, default=1) < 1:
            raise MappingError(f"samples have the shape {tuple(input_shape)}", expected="at least 1 along each axis")
        found: list[Node] = []
        shapes: dict[str, Shape] = {INPUT: tuple(int(n) for n in input_shape)}
        before = INPUT
        for node in nodes:
            linked = node if node.inputs else replace(node, inputs=(before,))
            if linked.name in shapes:
                raise MappingError(f"two nodes have the name {node.name!r}", expected="a name each", names=[node.name])
            least, most = linked.arity
            if len(linked.inputs) < least or (most is not None and len(linked.inputs) > most):
                raise linked.refuse(f"has {len(linked.inputs)} inputs", f"{least}" if most == least else f"{least} on")
            for name in linked.inputs:
                if name not in shapes:
                    raise linked.refuse(f"reads {name!r}, which no node before it gives", ", ".join(shapes))
            self._check(linked, found, shapes)
            shapes[linked.name] = linked.shape(*(shapes[name] for name in linked.inputs))
            found.append(linked)
            before = linked.name
        object.__setattr__(self, "nodes", tuple(found))
        object.__setattr__(self, "input_shape", shapes[INPUT])
        self.__dict__["shapes"] = shapes

    @staticmethod
    def _check(node: Node, before: Sequence[Node], shapes: Mapping[str, Shape]) -> None:
        """Raise MappingError naming both dense layers that do not fit together."""
        if not isinstance(node, Dense) or len(shapes[node.inputs[0]]) != 1:
            return
        source = next((other for other in before if other.name == node.inputs[0]), None)
        (given,) = shapes[node.inputs[0]]
        if source is not None and given != node.fan_in:
            raise MappingError(
                f"{node.name} takes {node.fan_in} inputs, but {source.name} has {given} outputs",
                expected="weights of shape (inputs, outputs)",
                names=[source.name, node.name],
            )

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Shape of a sample's output of every node, and of the input."""
        raise AssertionError("set when made")

    @property
    def output_shape(self) -> Shape:
        """Shape of a sample's output."""
        return self.shapes[self.nodes[-1].name]

    @property
    def inputs(self) -> int:
        """Numbers in a sample."""
        return prod(self.input_shape)

    @property
    def outputs(self) -> int:
        """Numbers in a sample's output."""
        return prod(self.output_shape)

    @property
    def matrices(self) -> dict[str, Array]:
        """Every matrix of every node, shape (inputs, outputs) each, by label."""
        return {matrix_label(n.name, key): m for n in self.nodes for key, m in n.matrices.items()}

    def reads(self) -> dict[str, int]:
        """Return how often a sample is multiplied by each matrix, by label."""
        return {
            matrix_label(node.name, key): count
            for node in self.nodes
            for key, count in node.reads(*(self.shapes[name] for name in node.inputs)).items()
        }

    def dense_layers(self) -> tuple[Dense, ...]:
        """Return the nodes of a network that is a chain of dense layers; raise MappingError for any other.

        Examples
        --------
        >>> [layer.name for layer in Graph([Dense([[1.0]], name="only")]).dense_layers()]
        ['only']
        """
        layers, before = [], INPUT
        for node in self.nodes:
            if not isinstance(node, Dense) or node.inputs != (before,):
                raise node.refuse(f"is {node.kind}, not the next of a chain of dense layers", "dense layers alone")
            layers.append(node)
            before = node.name
        return tuple(layers)

    def drawing(self) -> nx.DiGraph:
        """Return the network as a directed graph; its nodes have ``kind``, ``does``, ``shape`` and ``matrices``.

        Examples
        --------
        >>> sorted(Graph([Dense([[1.0]], name="only")]).drawing().edges)
        [('input', 'only')]
        """
        graph = nx.DiGraph()
        graph.add_node(INPUT, kind="Input", does="input", shape=self.input_shape, matrices=0)
        for node in self.nodes:
            does = next((getattr(node, a) for a in ("function", "operation", "mode") if hasattr(node, a)), node.kind)
            shape = self.shapes[node.name]
            graph.add_node(node.name, kind=node.kind, does=does, shape=shape, matrices=len(node.matrices))
            graph.add_edges_from((name, node.name) for name in node.inputs)
        return graph

    def to_svg(self, path: str | os.PathLike[str]) -> None:
        """Write the network as a picture, nodes with matrices in blue; raise FileError when that fails."""
        with replacing(path) as temporary:
            temporary.write_text(graph_svg(self.drawing()), encoding="utf-8")

    def check_inputs(self, x: ArrayLike) -> Array:
        """Return ``x`` as float64, shape (samples,) + input_shape, or a sample as it is.

        Samples of several axes may also be given flat, shape (samples, inputs) or (inputs,).

        Raises
        ------
        UsageError
            When it is anything else.
        """
        try:
            array = np.asarray(x)
        except ValueError as error:
            raise UsageError(f"the inputs are no array: {error}", expected="rows of equal length") from None
        shape = self.input_shape
        real = array.dtype.kind in "biuf"
        flat = len(shape) > 1 and array.ndim in (1, 2) and array.shape[-1] == self.inputs and array.shape != shape
        if real and flat:
            array = array.reshape(*array.shape[:-1], *shape)
        extra = array.ndim - len(shape)
        if not real or extra not in (0, 1) or array.shape[extra:] != shape:
            sizes = ", ".join(map(str, shape))
            raise UsageError(
                f"inputs of shape {array.shape} and type {array.dtype}",
                expected=f"real numbers of shape ({sizes}{',' if len(shape) == 1 else ''}) or (samples, {sizes})",
            )
        array = array.astype(np.float64)
        if not np.isfinite(array).all():
            place = np.argwhere(~np.isfinite(array))[0].tolist()
            raise UsageError(f"input {place} is not finite", expected="finite numbers")
        return array

    def samples(self, x: ArrayLike) -> Array:
        """Return ``x`` as samples, shape (samples,) + input_shape; raise UsageError when it is anything else."""
        values = self.check_inputs(x)
        return values[None] if values.ndim == len(self.input_shape) else values

    def run(self, multiply: Callable[[str, Array], Array], x: Array) -> Iterator[tuple[Node, Array]]:
        """Yield each node and its outputs for samples, shape (samples,) + input_shape.

        ``multiply`` takes the label of a matrix and vectors. Outputs that no later node reads are forgotten.
        """
        last = {name: k for k, node in enumerate(self.nodes) for name in node.inputs}
        values = {INPUT: x}
        for k, node in enumerate(self.nodes):
            read = [values[name] for name in node.inputs]
            with np.errstate(over="ignore", invalid="ignore"):
                out = node.run(lambda key, v, n=node.name: multiply(matrix_label(n, key), v), *read)  # type: ignore[misc]
            require_finite(out, node.name)
            values[node.name] = out
            for name in set(node.inputs):
                if last[name] == k:
                    del values[name]
            yield node, out

    def __call__(self, x: ArrayLike) -> Array:
        """Return the outputs for a sample or for samples, shape ``output_shape`` or (samples,) + output_shape."""
        values = self.check_inputs(x)
        matrices = self.matrices
        *_, (_, out) = self.run(lambda label, v: v @ matrices[label], self.samples(values))
        return out[0] if values.ndim == len(self.input_shape) else out

    def intervals(self, low: float = -1.0, high: float = 1.0) -> dict[str, Interval]:
        """Return the interval in which the inputs of every matrix lie, by label, for inputs from ``low`` to ``high``.

        Raises
        ------
        MappingError
            When the outputs of a node on which a matrix depends have no bound, or it overflows.
        """
        found: dict[str, Any] = {}
        bounds: dict[str, Interval] = {INPUT: (low, high)}
        wanted: set[str] = set()  # what a matrix reads, or has given
        for node in reversed(self.nodes):
            if node.name in wanted or node.matrices:
                wanted.update((node.name, *node.inputs))
        for node in self.nodes:
            if node.name not in wanted:
                continue
            read = [bounds[name] for name in node.inputs]
            for key, drive in node.drives(*read).items():
                found[matrix_label(node.name, key)] = drive
            bounds[node.name] = node.bounds(*read)
            require_finite(np.array(bounds[node.name]), node.name)
        return found

    def observed(self, x: Array) -> dict[str, Interval]:
        """Return the interval of the inputs of every matrix for samples, by label; raise UsageError without any."""
        if len(x) == 0:
            raise UsageError("there is no sample", expected=f"shape (samples, {self.inputs})")
        matrices = self.matrices
        found: dict[str, Interval] = {}

        def multiply(label: str, v: Array) -> Array:
            low, high = found.get(label, (np.inf, -np.inf))
            found[label] = min(low, float(v.min())), max(high, float(v.max()))
            return v @ matrices[label]

        for _ in self.run(multiply, x):
            pass
        return found


def require_finite(values: Array, name: str) -> None:
    """Raise MappingError when a node's outputs have overflowed."""
    if not np.isfinite(values).all():
        raise MappingError(
            f"the outputs of {name} overflow double precision", hint="scale the inputs or weights", names=[name]
        )
