"""From a trained network to a layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.checks import resistance
from circuitnn.devices.cards import Card
from circuitnn.errors import MappingError, UsageError, nearest
from circuitnn.mapping.conductance import conductance_range, to_conductances, weight_scale
from circuitnn.mapping.graph import UNSIGNED, Dense, Graph
from circuitnn.mapping.inference import MappedLayer, tile_label
from circuitnn.mapping.layout import Layout
from circuitnn.mapping.periphery import Periphery
from circuitnn.mapping.tiles import Tile, check_tile, split
from circuitnn.netlist.flat import Model
from circuitnn.nonidealities.chain import Chain
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.registry import catalog

if TYPE_CHECKING:
    from circuitnn.mapping.rf.layout import RfLayout

Array = NDArray[np.float64]


def to_graph(network: Any) -> Graph:
    """Return a network of any known format as a graph.

    Raises
    ------
    MappingError
        When no importer knows the object.
    """
    if isinstance(network, Graph):
        return network
    importers = catalog("mapping.importers")
    for importer in importers.all().values():
        if importer.matches(network):
            graph: Graph = importer.read(network)
            return graph
    raise MappingError(
        f"cannot import a network of type {type(network).__name__}",
        expected="a list of (weights, bias, activation), an ONNX file or model, a torch nn.Sequential "
        "or a scikit-learn MLP",
        names=importers.names(),
    )


@overload
def compile(
    network: Any,
    tile: tuple[int, int] = ...,
    device: str | Card | Model | tuple[float, float] = ...,
    r_wire: float = ...,
    *,
    target: Literal["crossbar"] = ...,
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
    network : Graph, list of (weights, bias, activation), ONNX file or model, torch nn.Sequential, scikit-learn MLP
        Weights of shape (inputs, outputs), as in ``x @ weights + bias``.
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
    graph = to_graph(network)
    if target == "crossbar":
        return compile_crossbar(graph, *args, **options)
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
    return compile_rf(graph, **options)


def compile_crossbar(
    network: Any,
    tile: tuple[int, int] = (128, 128),
    device: str | Card | Model | tuple[float, float] = "hfo2",
    r_wire: float = 0.0,
    *,
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
    network : Graph, list of (weights, bias, activation), ONNX file or model, torch nn.Sequential, scikit-learn MLP
        Weights of shape (inputs, outputs), as in ``x @ weights + bias``.
    tile : (int, int)
        Word and bit lines of a crossbar. An output takes two neighbouring bit lines, one for positive and one for
        negative weights. Larger layers are split; a tile that is not full has only the lines that it uses.
    device : str, Card, Model or (float, float)
        A ready-made card or its name, a memristor model's name or ``.model`` card, or the range of conductance
        ``(g_min, g_max)`` that programming reaches, S.
    r_wire : float, ohm
        Resistance of a segment of word or bit line between neighbouring cells.
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
    calibration : array_like, shape (samples, inputs), optional
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
    graph = to_graph(network)
    size = check_tile(tile)
    periphery = Periphery(dac_bits, adc_bits, read_voltage)
    name, g_min, g_max = conductance_range(device, periphery.read_voltage)
    wire = resistance("r_wire", r_wire)
    effects = Chain.of(nonidealities, seed, window=(g_min, g_max), temp=temp + 273.15)
    samples = None if calibration is None else _calibration(graph, calibration)

    layers: list[MappedLayer] = []
    for dense, limit, signed in _ranges(graph):
        largest = float(np.abs(dense.weights).max())
        scale = weight_scale(dense.weights, g_min, g_max, dense.name)
        tiles = []
        for k, place in enumerate(split(dense.inputs, dense.outputs, size), 1):
            target = to_conductances(dense.weights[place.inputs, place.outputs], largest, g_min, g_max)
            cells = effects.of_array(tile_label(dense.name, k)).written(target)
            tiles.append(Tile(place, cells, _full_scale(cells, periphery.read_voltage, g_max)))
        layer = MappedLayer(dense, tuple(tiles), scale, limit, signed, wire, effects)
        if samples is not None:
            layer, samples = _calibrate(layer, periphery, samples)
        layers.append(layer)
    return Layout(tuple(layers), periphery, size, name, g_min, g_max, wire, effects)


def _calibration(graph: Graph, calibration: ArrayLike) -> Array:
    samples = np.atleast_2d(graph.check_inputs(calibration))
    if len(samples) == 0:
        raise UsageError("calibration holds no sample", expected=f"shape (samples, {graph.inputs})")
    return samples


def _ranges(graph: Graph) -> Iterator[tuple[Dense, float, bool]]:
    """Yield each layer with the largest magnitude of its inputs, when the network's own reach from -1 to 1."""
    limit, signed = 1.0, True
    for dense in graph.layers:
        yield dense, limit, signed
        with np.errstate(over="ignore"):
            bound = float((limit * np.abs(dense.weights).sum(axis=0) + np.abs(dense.bias)).max()) or 1.0
        limit, signed = (bound if dense.activation in ("linear", "relu") else 1.0), dense.activation not in UNSIGNED
        if not np.isfinite(limit):
            raise MappingError(
                f"the outputs of {dense.name} overflow double precision", hint="scale the weights", names=[dense.name]
            )


def _full_scale(cells: Array, read_voltage: float, g_max: float) -> float:
    """Return the largest differential current that a tile without wires can give."""
    difference = np.abs(cells[:, 0::2] - cells[:, 1::2]).sum(axis=0)
    return read_voltage * (float(difference.max()) or g_max)


def _calibrate(layer: MappedLayer, periphery: Periphery, x: Array) -> tuple[MappedLayer, Array]:
    """Return the layer with its converters' ranges set by typical inputs, and its outputs for them."""
    layer = replace(layer, x_limit=float(np.abs(x).max()) or 1.0, signed=bool((x < 0.0).any()))
    currents = layer.currents(periphery.voltages(x, layer.x_limit, layer.signed))
    layer = layer.with_adc_limits(
        [float(np.abs(i).max()) or tile.adc_limit for tile, i in zip(layer.tiles, currents, strict=True)]
    )
    return layer, layer.dense.activate(layer.products(currents, periphery))
