"""A graph or file of NIR, the neuromorphic intermediate representation, as a graph over a number of time steps."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import CircuitnnError, FileError, MappingError, missing_extra
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.importers.builder import Builder, UnsupportedError, Value
from circuitnn.mapping.operators.spiking import Neuron

Array = NDArray[np.float64]
_METHODS = ("euler", "exact")
_LEAKY = {"LI": False, "LIF": True, "CubaLI": False, "CubaLIF": True}
_KNOWN = (
    "Affine AvgPool2d Conv1d Conv2d CubaLI CubaLIF Delay Flatten I IF Input LI LIF Linear NIRGraph Output Scale "
    "SumPool2d Threshold"
)


class NirGraph:
    """Reads a ``nir.NIRGraph``, or a path that ends in ``.nir``."""

    def matches(self, network: Any) -> bool:
        """Return whether it is a graph of NIR, or the path of one."""
        if isinstance(network, str | os.PathLike):
            return os.fspath(network).endswith(".nir")
        return type(network).__name__ == "NIRGraph" and type(network).__module__.split(".")[0] == "nir"

    def read(
        self, network: Any, *, steps: int = 1, dt: float = 1e-4, method: str = "euler", folded: bool = True
    ) -> Graph:
        """Return the network, over samples of shape (steps, *input).

        NIR states neurons as differential equations; these are their steps, from zero on::

            euler    v <- v + dt / tau (v_leak - v + r i)
            exact    v <- v_leak + r i + (v - v_leak - r i) exp(-dt / tau)

        and likewise for the current of a synapse, which is updated first. Neurons without leak integrate: ``v <- v + dt
        r i``. A spike has the value 1. What reaches a node from several others is added.

        Parameters
        ----------
        network : nir.NIRGraph or path
            Without cycles.
        steps : int
        dt : float, s
            Duration of a step.
        method : str
            ``"euler"`` or ``"exact"``.
        folded : bool
            Whether constants are joined with matrices (see ``fold``).

        Raises
        ------
        FileError
            When the file cannot be read.
        MappingError
            When the graph has a cycle or nodes that have no counterpart (all of them are named).
        MissingExtraError
            When a path is given and the nir library is not installed.
        """
        if method not in _METHODS:
            raise MappingError(f"neurons are stepped by {method!r}", expected=" ".join(_METHODS))
        if steps < 1 or not 0.0 < dt < float("inf"):
            raise MappingError(f"{steps} steps of {dt} s", expected="at least one step, longer than 0 s")
        graph = _load(network) if isinstance(network, str | os.PathLike) else network
        return _Reader(graph, int(steps), float(dt), method).graph(folded)


def _load(path: str | os.PathLike[str]) -> Any:
    try:
        import nir
    except ImportError:
        raise missing_extra("nir", "nir", "reading NIR files") from None
    try:
        return nir.read(path)
    except Exception as error:  # what the library and HDF5 raise for damaged files is their own affair
        raise FileError(f"cannot read {str(path)!r}: {error}", expected="a file of NIR") from error


class _Reader:
    def __init__(self, network: Any, steps: int, dt: float, method: str) -> None:
        self._nodes: dict[str, Any] = {}
        self._edges: list[tuple[str, str]] = []
        self._steps, self._dt, self._method = steps, dt, method
        self._flatten(network, "")

    def _flatten(self, network: Any, prefix: str) -> tuple[str, str]:
        """Collect the nodes of a graph and those inside of it; return the names of its input and output."""
        ends: dict[str, tuple[str, str]] = {}
        for name, node in network.nodes.items():
            label = f"{prefix}{name}"
            if type(node).__name__ == "NIRGraph":
                ends[name] = self._flatten(node, f"{label}.")
            else:
                self._nodes[label] = node
                ends[name] = (label, label)
        for a, b in network.edges:
            for name in (a, b):
                if name not in ends:
                    raise MappingError(f"an edge names the node {name!r}, which the graph lacks", names=[name])
            self._edges.append((ends[a][1], ends[b][0]))
        found = []
        for kind in ("Input", "Output"):
            names = [f"{prefix}{n}" for n, node in network.nodes.items() if type(node).__name__ == kind]
            if len(names) != 1:
                raise MappingError(
                    f"{prefix.rstrip('.') or 'the graph'} has {len(names)} nodes {kind}", expected="one", names=names
                )
            found.append(names[0])
        return found[0], found[1]

    def _ordered(self) -> Iterator[tuple[str, list[str]]]:
        """Yield nodes, each after those that it reads, with the names of these."""
        order: nx.DiGraph = nx.DiGraph()
        order.add_nodes_from(self._nodes)
        order.add_edges_from(self._edges)
        if not nx.is_directed_acyclic_graph(order):
            cycle = [a for a, _ in nx.find_cycle(order)]
            raise MappingError(
                f"the graph has a cycle: {' -> '.join([*cycle, cycle[0]])}",
                expected="a network without feedback, or one within neurons",
                names=cycle,
            )
        position = {name: k for k, name in enumerate(self._nodes)}
        for name in nx.lexicographical_topological_sort(order, key=position.__getitem__):
            yield name, [a for a, b in self._edges if b == name]

    def graph(self, folded: bool) -> Graph:
        """Return the network."""
        unsupported = []
        values: dict[str, Value | None] = {}
        output = next(n for n, node in reversed(self._nodes.items()) if type(node).__name__ == "Output")
        build: Builder | None = None
        for name, sources in self._ordered():
            node = self._nodes[name]
            kind = type(node).__name__
            if not sources:
                if kind != "Input" or build is not None:
                    raise MappingError(f"nothing reaches {name} ({kind})", expected="edges to it", names=[name])
                shape = tuple(int(n) for n in np.ravel(node.input_type["input"]))
                build = Builder((self._steps, *shape), None)
                values[name] = build.input
                continue
            assert build is not None
            read = [values[source] for source in sources]
            try:
                if kind not in _KNOWN.split():
                    raise UnsupportedError("")
                known = [v for v in read if v is not None]
                if len(known) < len(read):
                    values[name] = None
                    continue
                total = known[0]
                for value in known[1:]:
                    total = build.combine("add", total, value, f"{name}, sum")
                values[name] = self._apply(build, name, kind, node, total)
            except UnsupportedError as error:
                unsupported.append(f"{name} ({kind})" + (f": {error}" if str(error) else ""))
                values[name] = None
            except CircuitnnError:
                raise
            except (ValueError, TypeError, AttributeError, ArithmeticError, IndexError, KeyError) as error:
                raise MappingError(
                    f"{name} ({kind}) is wrong: {error}", expected="a node as NIR has it", names=[name]
                ) from error
        if unsupported:
            raise MappingError(
                f"nodes that cannot be mapped: {', '.join(unsupported)}", expected=_KNOWN, names=unsupported
            )
        found = values[output]
        assert build is not None and found is not None
        return build.graph(found, folded)

    def _apply(self, build: Builder, name: str, kind: str, node: Any, value: Value) -> Value:
        if kind in ("Input", "Output"):
            return value
        if kind in ("Affine", "Linear"):
            weights = np.asarray(node.weight)
            if weights.ndim != 2:
                raise UnsupportedError(f"with weights of shape {weights.shape}")
            return build.dense(value, weights.T, node.bias if kind == "Affine" else None, name)
        if kind == "Scale":
            return build.combine("multiply", value, np.asarray(node.scale, dtype=np.float64), name)
        if kind in ("Conv1d", "Conv2d"):
            return self._conv(build, name, node, value)
        if kind in ("SumPool2d", "AvgPool2d"):
            pads = _numbers(node.padding, 2)
            return build.pool(
                value,
                name,
                mode="sum" if kind == "SumPool2d" else "average",
                kernel=_numbers(node.kernel_size, 2),
                stride=_numbers(node.stride, 2),
                padding=tuple((n, n) for n in pads),
                count_padding=True,
            )
        if kind == "Flatten":
            return self._flat(build, name, node, value)
        if kind == "Delay":
            return self._delay(build, name, node, value)
        return build.put(Neuron, name, [value], None, **self._coefficients(kind, node, name))

    def _conv(self, build: Builder, name: str, node: Any, value: Value) -> Value:
        weights = np.asarray(node.weight)
        axes = weights.ndim - 2
        hole = _numbers(node.dilation, axes)
        if isinstance(node.padding, str):
            total = [d * (k - 1) if node.padding == "same" else 0 for d, k in zip(hole, weights.shape[2:], strict=True)]
            padding = tuple((n // 2, n - n // 2) for n in total)
        else:
            padding = tuple((n, n) for n in _numbers(node.padding, axes))
        return build.conv(
            value,
            weights,
            node.bias,
            name,
            stride=_numbers(node.stride, axes),
            padding=padding,
            dilation=hole,
            groups=int(node.groups),
        )

    def _flat(self, build: Builder, name: str, node: Any, value: Value) -> Value:
        """Flatten axes, which NIR counts without that of time; 1 is the first one in files that count with it."""
        shape = value.shape
        inner = list(shape[1:])
        declared = node.output_type["output"]
        wanted = None if declared is None else tuple(int(n) for n in np.ravel(declared))
        if wanted is None or prod(wanted) != prod(inner):
            raise UnsupportedError(f"of samples of shape {tuple(inner)} to {wanted}")
        return build.reshape(build.form(value, None, name), (shape[0], *wanted), name)

    def _delay(self, build: Builder, name: str, node: Any, value: Value) -> Value:
        count = np.unique(np.rint(np.asarray(node.delay, dtype=np.float64) / self._dt))
        if len(count) != 1 or count[0] < 0:
            raise UnsupportedError("with different delays, or with negative ones")
        late = int(min(count[0], value.shape[0]))
        if late == value.shape[0]:
            return build.combine("multiply", value, np.array(0.0), name)
        value = build.form(value, None, name)
        return build.pad(value, [(late, -late), *[(0, 0)] * (len(value.shape) - 1)], name)

    def _coefficients(self, kind: str, node: Any, name: str) -> Mapping[str, Any]:
        """Return those of a ``Neuron``."""
        if kind == "Threshold":
            return _fields(0.0, 1.0, 0.0, threshold=node.threshold)
        if kind in ("I", "IF"):
            spiking = {"threshold": node.v_threshold, "reset": node.v_reset} if kind == "IF" else {}
            return _fields(1.0, self._dt * np.asarray(node.r), 0.0, **spiking)
        cuba = kind.startswith("Cuba")
        keep, step = self._step(node.tau_mem if cuba else node.tau, name)
        fields: dict[str, Any] = {}
        if cuba:
            fields["syn_keep"], syn = self._step(node.tau_syn, name)
            fields["syn_gain"] = syn * np.asarray(node.w_in)
        if _LEAKY[kind]:
            fields |= {"threshold": node.v_threshold, "reset": node.v_reset}
        return _fields(keep, step * np.asarray(node.r), step * np.asarray(node.v_leak), **fields)

    def _step(self, tau: Any, name: str) -> tuple[Array, Array]:
        """Return what is kept of a state over a step, and what of its goal is added."""
        tau = np.asarray(tau, dtype=np.float64)
        if not (tau > 0.0).all():
            raise MappingError(
                f"{name} has time constants down to {tau.min():g} s", expected="more than 0", names=[name]
            )
        if self._method == "exact":
            return np.exp(-self._dt / tau), -np.expm1(-self._dt / tau)
        if (self._dt > tau).any():
            raise MappingError(
                f"a step of {self._dt:g} s is longer than the time constant {tau.min():g} s of {name}",
                expected="a shorter dt, in seconds",
                hint='or method="exact"',
                names=[name],
            )
        return 1.0 - self._dt / tau, self._dt / tau


def _fields(keep: Any, gain: Any, rest: Any, **others: Any) -> dict[str, Any]:
    spiking = "threshold" in others
    return {"keep": keep, "gain": gain, "rest": rest, "syn_keep": 0.0, "syn_gain": 1.0, "threshold": 0.0, "reset": 0.0,
            "spikes": spiking, **others}  # fmt: skip


def _numbers(given: Any, axes: int) -> tuple[int, ...]:
    found = tuple(int(n) for n in np.ravel(given))
    return found * axes if len(found) == 1 else found


EXPORT = NirGraph()
