"""A network laid out on crossbars: inference, accuracy, report, files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.checks import resistance
from circuitnn.errors import UsageError
from circuitnn.mapping.conductance import to_conductances
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.inference import MappedLayer, Step, clipped, propagate, tile_label
from circuitnn.mapping.periphery import Periphery
from circuitnn.nonidealities.chain import Chain
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.results.atomic import new_folder
from circuitnn.units import format_si

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation:
    """How well a layout classifies.

    Attributes
    ----------
    accuracy, ideal_accuracy : float
        Share of samples that the circuit, and the network in double precision, put into the right class.
    agreement : float
        Share of samples that both put into the same class.
    samples : int
    clipped_inputs, clipped_currents : int
        Values outside the range of the converters, all layers and samples together.
    """

    accuracy: float
    ideal_accuracy: float
    agreement: float
    samples: int
    clipped_inputs: int
    clipped_currents: int

    def __str__(self) -> str:
        lines = [
            f"samples           {self.samples}",
            f"accuracy          {100.0 * self.accuracy:.2f} %",
            f"ideal network     {100.0 * self.ideal_accuracy:.2f} %",
            f"same class        {100.0 * self.agreement:.2f} %",
        ]
        if self.clipped_inputs or self.clipped_currents:
            lines.append(f"clipped           {self.clipped_inputs} inputs, {self.clipped_currents} currents")
        return "\n".join(lines)


@dataclass(frozen=True)
class LayerReport:
    """One layer: shape of its weights, tiles, cells in use, cells in those tiles if each were full."""

    name: str
    inputs: int
    outputs: int
    activation: str
    tiles: int
    cells: int
    capacity: int


@dataclass(frozen=True)
class LayoutReport:
    """What a layout consists of; prints as a table."""

    layers: tuple[LayerReport, ...]
    tile: tuple[int, int]
    device: str
    g_min: float
    g_max: float
    r_wire: float
    nonidealities: tuple[Nonideality, ...]
    periphery: Periphery

    @property
    def tiles(self) -> int:
        """Number of crossbars."""
        return sum(layer.tiles for layer in self.layers)

    @property
    def cells(self) -> int:
        """Number of cells in use, two a weight."""
        return sum(layer.cells for layer in self.layers)

    def __str__(self) -> str:
        p = self.periphery
        bits = ["exact" if b is None else f"{b} bit" for b in (p.dac_bits, p.adc_bits)]
        lines = [
            f"{self.tiles} tile{'s' if self.tiles > 1 else ''} of at most {self.tile[0]} x {self.tile[1]}, "
            f"{self.cells} cells",
            f"device {self.device}, {format_si(self.g_min, 'S', 3)} to {format_si(self.g_max, 'S', 3)}",
            *(f"non-ideality {effect!r}" for effect in self.nonidealities),
            f"wires {self.r_wire:g} ohm a segment, read voltage {p.read_voltage:g} V, DAC {bits[0]}, ADC {bits[1]}",
            f"{'layer':<16}{'inputs':>8}{'outputs':>8}  {'activation':<11}{'tiles':>6}{'cells':>9}{'filled':>9}",
        ]
        lines += [
            f"{a.name:<16}{a.inputs:>8}{a.outputs:>8}  {a.activation:<11}{a.tiles:>6}{a.cells:>9}"
            f"{100.0 * a.cells / a.capacity:>7.1f} %"
            for a in self.layers
        ]
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Layout:
    """A network on crossbars; made by ``circuitnn.compile``. Calling it runs the network in the circuit.

    Attributes
    ----------
    layers : tuple of MappedLayer
        Each with its tiles, whose ``G`` are the conductances as programmed.
    periphery : Periphery
        Converters and read voltage.
    tile : (int, int)
        Word and bit lines of a crossbar.
    device : str
        Name of the cells' device; ``g_min`` and ``g_max``, S, are the range used.
    r_wire : float, ohm
        Resistance of a wire segment.
    effects : Chain
        Non-idealities, of which those that do not act on reads are in ``G``; with their seed, window and temperature.

    Examples
    --------
    >>> import circuitnn as cn
    >>> layout = cn.compile([([[1.0, -1.0]], None, "relu")], tile=(8, 8), r_wire=1.0)
    >>> layout.evaluate([[0.5], [-0.5]], [0, 1]).accuracy
    1.0
    """

    layers: tuple[MappedLayer, ...]
    periphery: Periphery
    tile: tuple[int, int]
    device: str
    g_min: float
    g_max: float
    r_wire: float
    effects: Chain

    def __repr__(self) -> str:
        sizes = "-".join(map(str, [self.graph.inputs, *(layer.dense.outputs for layer in self.layers)]))
        tiles = sum(len(layer.tiles) for layer in self.layers)
        what = f"{tiles} tile{'s' if tiles > 1 else ''} of at most {self.tile[0]} x {self.tile[1]}"
        return f"<Layout {sizes}: {what}, r_wire={self.r_wire:g} ohm>"

    @property
    def graph(self) -> Graph:
        """The network itself, in double precision."""
        return Graph([layer.dense for layer in self.layers])

    def steps(self, x: ArrayLike) -> list[Step]:
        """Return inputs, voltages, currents and outputs of every layer for ``x``, shape (samples, inputs)."""
        return list(propagate(self.layers, self.periphery, np.atleast_2d(self.graph.check_inputs(x))))

    def __call__(self, x: ArrayLike) -> Array:
        """Return the outputs of the circuit.

        Parameters
        ----------
        x : array_like, shape (inputs,) or (samples, inputs)

        Returns
        -------
        ndarray, shape (outputs,) or (samples, outputs)

        Raises
        ------
        UsageError
            When ``x`` has another shape or is not finite.
        """
        values = self.graph.check_inputs(x)
        outputs = np.atleast_2d(values)
        for step in propagate(self.layers, self.periphery, outputs):
            outputs = step.outputs
        return outputs[0] if values.ndim == 1 else outputs

    def evaluate(self, x: ArrayLike, y: ArrayLike) -> Evaluation:
        """Return the accuracy of the circuit beside the ideal network's.

        Parameters
        ----------
        x : array_like, shape (samples, inputs)
        y : array_like of int, shape (samples,)
            Classes: the index of the largest output; 0 or 1 for a single sigmoid output, split at 0.5.

        Raises
        ------
        UsageError
            When shapes do not match, or labels are no classes of the network.
        """
        graph = self.graph
        values = np.atleast_2d(graph.check_inputs(x))
        labels = labels_of(y, len(values), graph)
        inputs = currents = 0
        outputs = values
        for step in propagate(self.layers, self.periphery, values):
            counts = clipped(step, self.periphery)
            inputs, currents = inputs + counts[0], currents + counts[1]
            outputs = step.outputs
        found, ideal = classes_of(outputs), classes_of(graph(values))
        return Evaluation(
            float((found == labels).mean()),
            float((ideal == labels).mean()),
            float((found == ideal).mean()),
            len(labels),
            inputs,
            currents,
        )

    def report(self) -> LayoutReport:
        """Return what the layout consists of.

        Examples
        --------
        >>> import circuitnn as cn
        >>> print(cn.compile([([[1.0, -1.0]], None, "relu")], tile=(8, 8)).report())
        1 tile of at most 8 x 8, 4 cells
        device hfo2, 1 uS to 100 uS
        wires 0 ohm a segment, read voltage 0.2 V, DAC exact, ADC exact
        layer             inputs outputs  activation  tiles    cells   filled
        layer 1                1       2  relu            1        4    6.2 %
        """
        layers = tuple(
            LayerReport(
                layer.dense.name,
                layer.dense.inputs,
                layer.dense.outputs,
                layer.dense.activation,
                len(layer.tiles),
                sum(tile.G.size for tile in layer.tiles),
                len(layer.tiles) * self.tile[0] * self.tile[1],
            )
            for layer in self.layers
        )
        return LayoutReport(
            layers, self.tile, self.device, self.g_min, self.g_max, self.r_wire, self.effects.effects, self.periphery
        )

    def with_wires(self, r_wire: float) -> Layout:
        """Return the same conductances and converters on wires of ``r_wire`` ohm a segment."""
        wire = resistance("r_wire", r_wire)
        return replace(self, layers=tuple(replace(layer, r_wire=wire) for layer in self.layers), r_wire=wire)

    def with_nonidealities(
        self, nonidealities: Iterable[Nonideality] | Nonideality, seed: int | None = None, temp: float = 27.0
    ) -> Layout:
        """Return the layout programmed anew from its weights, with other non-idealities.

        Arguments are those of ``circuitnn.compile``. The converters' ranges stay as they are. The same seed gives the
        same conductances.

        Examples
        --------
        >>> import circuitnn as cn
        >>> layout = cn.compile([([[1.0, -1.0]], None, "linear")], tile=(8, 8))
        >>> layout.with_nonidealities(cn.nonidealities.Levels(2))([0.4]).round(12).tolist()
        [0.4, -0.4]
        """
        window = self.g_min, self.g_max
        effects = Chain.of(nonidealities, seed, window=window, temp=temp + 273.15)
        layers = []
        for layer in self.layers:
            weights = layer.dense.weights
            largest = float(np.abs(weights).max())
            tiles = []
            for k, tile in enumerate(layer.tiles, 1):
                cells = to_conductances(weights[tile.place.inputs, tile.place.outputs], largest, *window)
                tiles.append(replace(tile, G=effects.of_array(tile_label(layer.dense.name, k)).written(cells)))
            layers.append(replace(layer, tiles=tuple(tiles), effects=effects))
        return replace(self, layers=tuple(layers), effects=effects)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an HDF5 file (see ``layout_file``), whole or not at all; raise FileError when that fails."""
        from circuitnn.mapping.layout_file import write_layout

        write_layout(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Layout:
        """Read a file that ``save`` wrote.

        Raises
        ------
        FileError
            When there is no such file, or it cannot be read.
        LayoutError
            When it is damaged, something else, or of an unknown version.
        """
        from circuitnn.mapping.layout_file import read_layout

        return read_layout(path)

    def to_netlist(self, folder: str | os.PathLike[str], x: ArrayLike | None = None) -> list[Path]:
        """Write every tile as a plain SPICE netlist that prints its bit-line currents.

        Parameters
        ----------
        folder : path-like
            Made when absent. The files are ``layer1_tile1.cir`` and so on, tiles row by row.
        x : array_like, shape (inputs,), optional
            An input: every tile is driven as for it, its layer's inputs coming from the circuit before. Without it all
            word lines are at the read voltage.

        Returns
        -------
        list of Path
            The files, in order.

        Raises
        ------
        FileError
            When the folder or a file cannot be written.
        """
        target = new_folder(folder)
        if x is not None and np.ndim(x) != 1:
            raise UsageError(
                f"a netlist holds one input, not shape {np.shape(x)}", expected=f"shape ({self.graph.inputs},)"
            )
        drives = [np.full(layer.dense.inputs, self.periphery.read_voltage) for layer in self.layers]
        if x is not None:
            drives = [step.voltages[0] for step in self.steps(x)]
        files = []
        for n, (layer, drive) in enumerate(zip(self.layers, drives, strict=True), 1):
            for k, tile in enumerate(layer.tiles):
                files.append(target / f"layer{n}_tile{k + 1}.cir")
                layer.crossbar(k).to_netlist(files[-1], v=drive[tile.place.inputs])
        return files


def labels_of(y: ArrayLike, samples: int, graph: Graph) -> NDArray[np.int64]:
    """Return ``y`` as classes of the network; raise UsageError when it is anything else."""
    labels = np.asarray(y)
    classes = max(graph.outputs, 2)
    if graph.outputs == 1 and graph.layers[-1].activation != "sigmoid":
        raise UsageError(
            "a network with one output that is no sigmoid has no classes", hint="compare layout(x) yourself"
        )
    if labels.shape != (samples,) or samples == 0 or labels.dtype.kind not in "biu":
        raise UsageError(
            f"labels of shape {labels.shape} and type {labels.dtype} for {samples} samples",
            expected="one integer a sample, and at least one sample",
        )
    labels = labels.astype(np.int64)
    if labels.min() < 0 or labels.max() >= classes:
        raise UsageError(f"labels from {labels.min()} to {labels.max()}", expected=f"classes 0 to {classes - 1}")
    return labels


def classes_of(outputs: Array) -> NDArray[np.int64]:
    """Return the class of each sample: the largest output, or a single one above 0.5."""
    return outputs.argmax(axis=1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0.5).astype(np.int64)
