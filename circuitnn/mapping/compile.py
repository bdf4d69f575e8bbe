"""From a trained network to a layout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.devices.cards import Card
from circuitnn.errors import MappingError, UsageError, nearest
from circuitnn.mapping.conductance import conductance_range
from circuitnn.mapping.encodings.encoding import Encoding, encoding_of
from circuitnn.mapping.graph import Graph, matrix_label
from circuitnn.mapping.importing import UNSUPPORTED, to_graph
from circuitnn.mapping.layout import Layout
from circuitnn.mapping.matrix import MappedMatrix, tile_label, wire_pair
from circuitnn.mapping.operators.convolution import UNROLLINGS, Conv
from circuitnn.mapping.packing import pack
from circuitnn.mapping.periphery import Periphery
from circuitnn.mapping.ranges import calibrate_ranges, full_scale, limit_of, typical_samples
from circuitnn.mapping.tiles import Tile, check_tile, split
from circuitnn.netlist.flat import Model
from circuitnn.nonidealities.chain import Chain
from circuitnn.nonidealities.nonideality import Nonideality

if TYPE_CHECKING:
    from circuitnn.mapping.rf.layout import RfLayout

Array = NDArray[np.float64]


@overload
def compile(
    network: Any,
    tile: tuple[int, int] = ...,
    device: str | Card | Model | tuple[float, float] = ...,
    r_wire: float | tuple[float, float] = ...,
    *,
    target: Literal["crossbar"] = ...,
    encoding: str | Encoding = ...,
    unrolling: str = ...,
    packed: bool = ...,
    digital: Iterable[str] = ...,
    input_shape: Sequence[int] | None = ...,
    dac_bits: int | None = ...,
    adc_bits: int | None = ...,
    read_voltage: float = ...,
    nonidealities: Iterable[Nonideality] | Nonideality = ...,
    seed: int | None = ...,
    temp: float = ...,
    calibration: ArrayLike | None = ...,
) -> Layout: ...


@overload
def compile(network: Any, *, target: Literal["rf"], **options: Any) -> RfLayout: ...


def compile(network: Any, *args: Any, target: str = "crossbar", **options: Any) -> Layout | RfLayout:
    """Map a trained network onto hardware.

    Parameters
    ----------
    network : Graph, list of (weights, bias, activation), ONNX file or model, PyTorch module, NIR graph, MLP of sklearn
        Weights in a list have the shape (inputs, outputs), as in ``x @ weights + bias``. See also ``to_graph``.
    target : str
        ``"crossbar"``, with the options of ``compile_crossbar``; ``"rf"``, oscillators and resonators, with those of
        ``rf.target.compile_rf``.

    Returns
    -------
    Layout or RfLayout

    Raises
    ------
    MappingError
        When the network cannot be imported or mapped; names the layer or operator.
    UsageError
        When the target or an option is unknown or out of range.

    Examples
    --------
    >>> compile([([[1.0, -2.0], [0.5, 1.0]], [0.0, 0.25], "relu")], tile=(2, 4))([1.0, 2.0]).round(9).tolist()
    [2.0, 0.25]
    >>> compile([([[1.0, -2.0]], None, "linear")], target="rf")([0.5]).round(3).tolist()
    [0.5, -1.0]
    """
    if target == "crossbar":
        return compile_crossbar(network, *args, **options)
    if target != "rf":
        raise UsageError(
            f"unknown target {target!r}", expected="crossbar or rf", hint=nearest(target, ("crossbar", "rf"))
        )
    from circuitnn.mapping.rf.target import compile_rf

    known = signature(compile_rf).parameters
    if args or (unknown := [name for name in options if name not in known]):
        raise UsageError(
            f"the target rf takes no {', '.join(unknown) if not args else 'options without a name'}",
            expected=" ".join(list(known)[1:]),
        )
    return compile_rf(to_graph(network), **options)


def compile_crossbar(
    network: Any,
    tile: tuple[int, int] = (128, 128),
    device: str | Card | Model | tuple[float, float] = "hfo2",
    r_wire: float | tuple[float, float] = 0.0,
    *,
    encoding: str | Encoding = "differential",
    unrolling: str = "im2col",
    packed: bool = False,
    digital: Iterable[str] = (),
    input_shape: Sequence[int] | None = None,
    dac_bits: int | None = None,
    adc_bits: int | None = None,
    read_voltage: float = 0.2,
    nonidealities: Iterable[Nonideality] | Nonideality = (),
    seed: int | None = None,
    temp: float = 27.0,
    calibration: ArrayLike | None = None,
) -> Layout:
    """Map a trained network onto crossbars.

    Parameters
    ----------
    network : Graph, list of (weights, bias, activation), ONNX file or model, PyTorch module, NIR graph, MLP of sklearn
        Weights in a list have the shape (inputs, outputs), as in ``x @ weights + bias``. See also ``to_graph``.
    tile : (int, int)
        Word and bit lines of a crossbar. Larger matrices are split; a tile that is not full has only the lines that it
        uses.
    device : str, Card, Model or (float, float)
        A ready-made card or its name, a memristor model's name or ``.model`` card, or the range of conductance
        ``(g_min, g_max)`` that programming reaches, S.
    r_wire : float or (float, float), ohm
        Resistance of a segment of word or bit line between neighbouring cells; of each, where two are given.
    encoding : str or Encoding
        From weights to cells: ``"differential"`` pairs, an ``"offset"`` column, ``"complementary"`` pairs of binary
        weights, ``Sliced(bits, cell_bits)``, ``Parallel(devices)``.
    unrolling : str
        How convolutions become matrices, ``"im2col"`` or ``"kernel"`` (see ``Conv``). As many groups of a grouped
        convolution as fit share a tile.
    packed : bool
        Whether matrices with zeros leave out lines that carry nothing, and group outputs that read the same inputs
        (see ``packing``).
    digital : sequence of str
        Names of nodes whose matrices stay in digital logic. ``"unsupported"``: operators of an ONNX file that have no
        counterpart here run in logic, too.
    input_shape : tuple of int, optional
        Shape of a sample, where the network leaves it open.
    dac_bits, adc_bits : int, optional
        Resolution of the converters; exact, without clipping, when None.
    read_voltage : float, V
        Voltage for an input at the end of its range.
    nonidealities : sequence of Nonideality
        Faults and non-idealities of the cells, such as ``[cn.nonidealities.Stuck(on=0.01)]``. Their window is that of
        the device. Where they act on reads, every sample is a read of its own.
    seed : int, optional
        Of random effects, for which it must be given.
    temp : float, degC
        For effects that depend on it.
    calibration : array_like, shape (samples,) + input_shape, optional
        Typical inputs. They set the converters' ranges: the largest input and current that each sees, in the circuit as
        compiled. Without them the first layer's range is -1 to 1, later ranges are the largest values that weights
        allow, and a current's range ends where all inputs of a tile are at the end of theirs, with the worst signs.

    Returns
    -------
    Layout

    Raises
    ------
    MappingError
        When the network cannot be imported or mapped; names the layer or operator.
    UsageError
        When an option is out of range.

    Notes
    -----
    The bias is added digitally, together with the partial sums of tiles, and takes no word line.

    Examples
    --------
    >>> layout = compile([([[1.0, -2.0], [0.5, 1.0]], [0.0, 0.25], "relu")], tile=(2, 4))
    >>> layout([1.0, 2.0]).round(9).tolist()
    [2.0, 0.25]
    >>> bool(compile(layout.graph, r_wire=50.0)([1.0, 2.0])[0] < 2.0)      # wires lose voltage
    True
    """
    coding = encoding_of(encoding)
    size = check_tile(tile, coding)
    graph, left_out = read_network(network, digital, input_shape)
    graph = _unrolled(graph, unrolling, size, coding)
    periphery = Periphery(dac_bits, adc_bits, read_voltage)
    name, g_min, g_max = conductance_range(device, periphery.read_voltage)
    wires = wire_pair(r_wire)
    effects = Chain.of(nonidealities, seed, window=(g_min, g_max), temp=temp + 273.15)
    samples = None if calibration is None else typical_samples(graph, calibration)

    intervals = graph.intervals() if samples is None else graph.observed(samples)
    matrices = {}
    for label, weights in _on_tiles(graph, left_out).items():
        largest = float(np.abs(weights).max())
        with np.errstate(over="ignore"):
            scale = coding.scale(largest, g_min, g_max)
        if not np.isfinite(scale):
            raise MappingError(
                f"the weights of {label} are too large for conductances", hint="scale them", names=[label]
            )
        tiles = []
        places = (
            pack(weights, size, coding)
            if packed
            else split(np.arange(len(weights)), np.arange(weights.shape[1]), size, coding)
        )
        for k, place in enumerate(places, 1):
            target = coding.conductances(weights[np.ix_(place.inputs, place.outputs)], largest, g_min, g_max)
            cells = effects.of_array(tile_label(label, k)).written(target)
            full = full_scale(cells @ coding.analogue(len(place.outputs)), periphery.read_voltage, g_max)
            tiles.append(Tile(place, target, cells, full))
        limit, signed = limit_of(intervals[label])
        gain, zeros = coding.gains(weights, largest), np.zeros(weights.shape[1])
        matrices[label] = MappedMatrix(
            label, weights, tuple(tiles), coding, scale, limit, signed, *wires, gain, zeros, effects
        )
    if samples is not None:
        calibrate_ranges(graph, matrices, periphery, samples)
    return Layout(graph, tuple(matrices.values()), periphery, size, name, g_min, g_max, *wires, effects)


def read_network(
    network: Any, digital: Iterable[str] = (), input_shape: Sequence[int] | None = None
) -> tuple[Graph, set[str]]:
    """Return a network as a graph, and the names of nodes that stay in logic; options as of ``compile_crossbar``."""
    left_out = {digital} if isinstance(digital, str) else set(digital)
    reading: dict[str, Any] = {} if input_shape is None else {"input_shape": input_shape}
    if UNSUPPORTED in left_out:
        left_out.remove(UNSUPPORTED)
        reading["digital"] = UNSUPPORTED
    return to_graph(network, **reading), left_out


def _unrolled(graph: Graph, unrolling: str, tile: tuple[int, int], encoding: Encoding) -> Graph:
    """Return the graph with its convolutions as the given matrices, as many groups in one as fit a tile."""
    if unrolling not in UNROLLINGS:
        raise UsageError(f"unrolling is {unrolling!r}", expected=" ".join(UNROLLINGS), names=["unrolling"])
    nodes = []
    for node in graph.nodes:
        if isinstance(node, Conv):
            whole = replace(node, unrolling=unrolling, merged=1)
            rows, outs = next(iter(whole.matrices.values())).shape
            fits = min(node.groups, tile[0] // rows, encoding.outputs(tile[1]) // outs)
            node = replace(whole, merged=max(1, fits))
        nodes.append(node)
    return Graph(nodes, graph.input_shape)


def _on_tiles(graph: Graph, left_out: set[str]) -> dict[str, Array]:
    """Return the matrices that go onto tiles, by label."""
    names = [node.name for node in graph.nodes]
    if unknown := sorted(left_out - set(names)):
        raise MappingError(
            f"no node has the name {', '.join(map(repr, unknown))}",
            expected=", ".join(names),
            hint=nearest(unknown[0], names),
            names=unknown,
        )
    found = {
        matrix_label(node.name, key): weights
        for node in graph.nodes
        if node.name not in left_out
        for key, weights in node.matrices.items()
    }
    if not found:
        raise MappingError("the network has no matrix to put onto tiles", expected="at least one")
    return found
