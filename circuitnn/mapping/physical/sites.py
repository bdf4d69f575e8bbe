"""The tiles of a layout as things to lay out."""

from __future__ import annotations

from collections.abc import Iterable

from circuitnn.mapping.graph import Graph, matrix_label
from circuitnn.mapping.matrix import MappedMatrix
from circuitnn.mapping.physical.macro import Site


def stages(graph: Graph) -> dict[str, int]:
    """Return the stage of each matrix, by label: on the longest way to it from the input, how many there are before.

    Matrices of one node share a stage, as do those of branches that run side by side.

    Examples
    --------
    >>> from circuitnn.mapping.operators.dense import Dense
    >>> stages(Graph([Dense([[2.0]], name="a"), Dense([[3.0]], name="b", inputs=("input",)), Dense([[1.0]], name="c")]))
    {'a': 0, 'b': 0, 'c': 1}
    """
    found: dict[str, int] = {}
    after: dict[str, int] = {}
    for node in graph.nodes:
        before = max((after.get(name, 0) for name in node.inputs), default=0)
        found.update((matrix_label(node.name, key), before) for key in node.matrices)
        after[node.name] = before + bool(node.matrices)
    return found


def sites_of(graph: Graph, matrices: Iterable[MappedMatrix]) -> tuple[Site, ...]:
    """Return the tiles in order, named ``matrix1_tile1`` and so on, as `Layout.to_netlist` names its files.

    Examples
    --------
    >>> import circuitnn as cn
    >>> layout = cn.compile([([[1.0, -1.0]], None, "relu")], tile=(1, 2))
    >>> [site.name for site in sites_of(layout.graph, layout.matrices)]
    ['matrix1_tile1', 'matrix1_tile2']
    """
    stage = stages(graph)
    return tuple(
        Site(f"matrix{n}_tile{k}", stage[matrix.label], (tile.G.shape[0], tile.G.shape[1]))
        for n, matrix in enumerate(matrices, 1)
        for k, tile in enumerate(matrix.tiles, 1)
    )
