"""Networks of any known format as graphs."""

from __future__ import annotations

from inspect import signature
from typing import Any

from circuitnn.errors import MappingError, UsageError, nearest
from circuitnn.mapping.graph import Graph
from circuitnn.registry import catalog

UNSUPPORTED = "unsupported"  # of an importer's option ``digital``: all operators without a counterpart


def to_graph(network: Any, **options: Any) -> Graph:
    """Return a network of any known format as a graph.

    Parameters
    ----------
    network : Graph, list of (weights, bias, activation), ONNX file or model, PyTorch module, NIR graph, MLP of sklearn
    **options
        Those of the format's importer, such as ``input_shape`` where a network leaves the shape of a sample open.

    Raises
    ------
    MappingError
        When no importer knows the object, or something in the network cannot be mapped.
    UsageError
        When the importer has no such option.

    Examples
    --------
    >>> to_graph([([[1.0, 2.0]], None, "relu")]).output_shape
    (2,)
    """
    if isinstance(network, Graph):
        _require_known("a graph", (), options)
        return network
    importers = catalog("mapping.importers")
    for name, importer in importers.all().items():
        if importer.matches(network):
            _require_known(name, [key for key in signature(importer.read).parameters if key != "network"], options)
            graph: Graph = importer.read(network, **options)
            return graph
    raise MappingError(
        f"cannot import a network of type {type(network).__name__}",
        expected="a list of (weights, bias, activation), an ONNX file or model, a PyTorch module, a NIR graph "
        "or a scikit-learn MLP",
        names=importers.names(),
    )


def _require_known(what: str, known: Any, options: dict[str, Any]) -> None:
    for name in options:
        if name not in known:
            raise UsageError(
                f"{what} takes no {name}", expected=", ".join(known) or "no options", hint=nearest(name, known)
            )
