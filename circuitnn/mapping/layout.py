"""A network laid out on crossbars: inference, accuracy, report, files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import UsageError
from circuitnn.mapping.compensation.calibration import Calibration
from circuitnn.mapping.compensation.layouts import Changes, calibrate_layout, compensate_layout, permute_layout
from circuitnn.mapping.evaluation import Evaluation, classes_of, labels_of
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.inference import Inference, Read
from circuitnn.mapping.matrix import MappedMatrix, tile_label, wire_pair
from circuitnn.mapping.periphery import Periphery
from circuitnn.mapping.physical.floorplan import Floorplan, make_floorplan
from circuitnn.mapping.physical.gds import write_layout
from circuitnn.mapping.physical.lvs import Report as LvsReport
from circuitnn.mapping.physical.lvs import check_layout
from circuitnn.mapping.physical.macro import Site
from circuitnn.mapping.physical.sites import sites_of
from circuitnn.mapping.physical.stack import Stack
from circuitnn.mapping.physical.svg import write_svg
from circuitnn.mapping.ranges import calibrate_ranges, typical_samples
from circuitnn.mapping.report import LayoutReport, MatrixReport
from circuitnn.netlist.flat import Model
from circuitnn.nonidealities.chain import Chain
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.results.atomic import new_folder

if TYPE_CHECKING:
    from circuitnn.mapping.cost.report import Cost
    from circuitnn.mapping.programming.plan import Plan
    from circuitnn.mapping.programming.report import ProgrammingReport
    from circuitnn.mapping.trials import Trials

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Layout:
    """A network on crossbars; made by ``circuitnn.compile``. Calling it runs the network in the circuit.

    Attributes
    ----------
    graph : Graph
        The network itself, in double precision.
    matrices : tuple of MappedMatrix
        All of its matrices, each with its tiles, whose ``G`` are the conductances as programmed.
    periphery : Periphery
        Converters and read voltage.
    tile : (int, int)
        Word and bit lines of a crossbar.
    device : str
        Name of the cells' device; ``g_min`` and ``g_max``, S, are the range used.
    r_word, r_bit : float, ohm
        Resistance of a segment of word and of bit line.
    effects : Chain
        Non-idealities, of which those that do not act on reads are in ``G``; with their seed, window and temperature.

    Examples
    --------
    >>> import circuitnn as cn
    >>> layout = cn.compile([([[1.0, -1.0]], None, "relu")], tile=(8, 8), r_wire=1.0)
    >>> layout.evaluate([[0.5], [-0.5]], [0, 1]).accuracy
    1.0
    """

    graph: Graph
    matrices: tuple[MappedMatrix, ...]
    periphery: Periphery
    tile: tuple[int, int]
    device: str
    g_min: float
    g_max: float
    r_word: float
    r_bit: float
    effects: Chain

    def __repr__(self) -> str:
        shapes = [self.graph.input_shape, *(self.graph.shapes[node.name] for node in self.graph.nodes)]
        sizes = " -> ".join("x".join(map(str, shape)) for shape in (shapes[0], shapes[-1]))
        tiles = sum(len(matrix.tiles) for matrix in self.matrices)
        what = f"{tiles} tile{'s' if tiles > 1 else ''} of at most {self.tile[0]} x {self.tile[1]}"
        return f"<Layout {sizes}, {len(self.matrices)} matrices: {what}, wires {self.r_word:g} and {self.r_bit:g} ohm>"

    def _inference(self) -> Inference:
        return Inference(self.graph, self.matrices, self.periphery)

    def reads(self, x: ArrayLike) -> list[Read]:
        """Return every read of every matrix for samples, in order: vectors, voltages, currents and products."""
        return self._inference().all_reads(self.graph.samples(x))

    def __call__(self, x: ArrayLike) -> Array:
        """Return the outputs of the circuit.

        Parameters
        ----------
        x : array_like, shape input_shape or (samples,) + input_shape

        Returns
        -------
        ndarray, shape output_shape or (samples,) + output_shape

        Raises
        ------
        UsageError
            When ``x`` has another shape or is not finite.
        """
        values = self.graph.check_inputs(x)
        outputs = np.concatenate([*self.outputs(values)] or [np.empty((0, *self.graph.output_shape))])
        return outputs[0] if values.ndim == len(self.graph.input_shape) else outputs

    def outputs(self, x: ArrayLike) -> Iterator[Array]:
        """Yield the outputs of samples a batch at a time, each of bounded size, as they are found."""
        return self._inference().outputs(self.graph.samples(x))

    def evaluate(self, x: ArrayLike, y: ArrayLike, progress: Callable[[float], None] | None = None) -> Evaluation:
        """Return the accuracy of the circuit beside the ideal network's.

        Parameters
        ----------
        x : array_like, shape (samples,) + input_shape
        y : array_like of int, shape (samples,)
            Classes: the index of the largest output; 0 or 1 for a single sigmoid output, split at 0.5.
        progress : callable, optional
            Called with the share that is done.

        Raises
        ------
        UsageError
            When shapes do not match, or labels are no classes of the network.
        """
        graph = self.graph
        values = graph.samples(x)
        labels = labels_of(y, len(values), graph)
        inference = self._inference()
        parts: list[NDArray[np.int64]] = []
        for out in inference.outputs(values):
            parts.append(classes_of(out))
            if progress is not None:
                progress(sum(map(len, parts)) / len(values))
        found = np.concatenate(parts)
        exact = Inference(graph, (), self.periphery)
        ideal = np.concatenate([classes_of(out) for out in exact.outputs(values)])
        return Evaluation(
            float((found == labels).mean()),
            float((ideal == labels).mean()),
            float((found == ideal).mean()),
            len(labels),
            inference.clipped_inputs,
            inference.clipped_currents,
        )

    def monte_carlo(
        self,
        x: ArrayLike,
        y: ArrayLike,
        nonidealities: Iterable[Nonideality] | Nonideality | None = None,
        *,
        runs: int = 20,
        seed: int = 0,
        temp: float | None = None,
        workers: int | None = None,
        cluster: str | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Trials:
        """Return the accuracy of the circuit over many chips: programmed again with other random numbers each time.

        Parameters
        ----------
        x, y : array_like
            As of ``evaluate``.
        nonidealities : sequence of Nonideality, optional
            Those of the layout when None.
        runs : int
        seed : int
            From 0; run k has numbers of its own, whoever does it.
        temp : float, degC
            That of the layout when None.
        workers : int, optional
            Processes; one for each core where that is worth it when None.
        cluster : str, optional
            ``"local"`` or a Dask scheduler's address (extra ``distributed``); see ``circuitnn.monte_carlo``.
        progress : callable, optional
            Called with the share that is done.

        Returns
        -------
        Trials
            With confidence intervals.

        Raises
        ------
        UsageError
            When an argument is out of range.

        Examples
        --------
        >>> import circuitnn as cn
        >>> layout = cn.compile([([[1.0, -1.0]], None, "relu")], tile=(8, 8))
        >>> found = layout.monte_carlo([[0.5], [-0.5]], [0, 1], cn.nonidealities.Variability("g", 0.1), runs=5)
        >>> found.mean, found.interval()
        (1.0, (1.0, 1.0))
        """
        from circuitnn.mapping.trials import program_often

        return program_often(self, x, y, nonidealities, runs, seed, temp, workers, cluster, progress)

    def report(self) -> LayoutReport:
        """Return what the layout consists of.

        Examples
        --------
        >>> import circuitnn as cn
        >>> print(cn.compile([([[1.0, -1.0]], None, "relu")], tile=(8, 8)).report())
        1 tile of at most 8 x 8, 4 cells
        Differential(), device hfo2, 1 uS to 100 uS
        wires 0 ohm a segment, read voltage 0.2 V, DAC exact, ADC exact
        matrix                    inputs outputs  reads  tiles     cells   filled
        layer 1                        1       2      1      1         4    6.2 %
        """
        reads = self.graph.reads()
        matrices = tuple(
            MatrixReport(
                matrix.label,
                len(matrix.weights),
                matrix.weights.shape[1],
                reads[matrix.label],
                len(matrix.tiles),
                sum(tile.G.size for tile in matrix.tiles),
                len(matrix.tiles) * self.tile[0] * self.tile[1],
            )
            for matrix in self.matrices
        )
        return LayoutReport(
            matrices,
            self.tile,
            self.device,
            self.g_min,
            self.g_max,
            self.r_word,
            self.r_bit,
            self.matrices[0].encoding,
            self.effects.effects,
            self.periphery,
        )

    def with_wires(self, r_wire: float | tuple[float, float]) -> Layout:
        """Return the same conductances and converters on wires of ``r_wire`` ohm a segment, or (word, bit).

        Raises
        ------
        UsageError
            When a resistance is out of range.
        CrossbarError
            When cells are devices that need wires, and there are none.
        """
        word, bit = wire_pair(r_wire)
        matrices = tuple(replace(matrix, r_word=word, r_bit=bit) for matrix in self.matrices)
        if matrices[0].cells is not None:
            matrices[0].crossbar(0)  # devices need wires, and that is said now
        return replace(self, matrices=matrices, r_word=word, r_bit=bit)

    def with_periphery(self, periphery: Periphery, calibration: ArrayLike | None = None) -> Layout:
        """Return the same conductances behind other converters.

        Parameters
        ----------
        periphery : Periphery
        calibration : array_like, shape (samples,) + input_shape, optional
            Typical inputs that set the converters' ranges anew. Without them they stay as they are; reads of single
            bits can carry more current than those of amplitudes, and `evaluate` counts what is clipped.

        Raises
        ------
        UsageError
            When it is no Periphery, or ``calibration`` has another shape or no sample.

        Examples
        --------
        >>> import circuitnn as cn
        >>> layout = cn.compile([([[1.0, -1.0]], None, "linear")], tile=(8, 8))
        >>> layout.with_periphery(Periphery(dac_bits=3, coding="serial"))([0.4]).round(12).tolist()
        [0.333333333333, -0.333333333333]
        """
        if not isinstance(periphery, Periphery):
            raise UsageError(f"periphery is {periphery!r}", expected="a Periphery")
        source, sense = periphery.sense.drive_resistance, periphery.sense.resistance
        matrices = {m.label: replace(m, r_source=source, r_sense=sense) for m in self.matrices}
        if calibration is not None:
            calibrate_ranges(self.graph, matrices, periphery, typical_samples(self.graph, calibration))
        return replace(self, matrices=tuple(matrices.values()), periphery=periphery)

    def with_cells(self, device: str | Model | None) -> Layout:
        """Return the layout with devices as cells, which are solved at every read; None: conductances, Ohm's law.

        Parameters
        ----------
        device : str, Model or None
            A ready-made card, a registered device or a model card: of one state, at which each cell conducts its ``G``
            at 0.1 V. Its current at other voltages is what its equations say.

        Raises
        ------
        CrossbarError
            When the device is of another kind.

        Examples
        --------
        >>> import circuitnn as cn
        >>> layout = cn.compile([([[1.0, -1.0]], None, "linear")], tile=(8, 8), r_wire=0.01)
        >>> layout.with_cells("hfo2")([0.5]).round(3).tolist()      # obeys Ohm's law
        [0.5, -0.5]
        """
        matrices = tuple(replace(matrix, cells=device) for matrix in self.matrices)
        if device is not None:
            matrices[0].crossbar(0)  # what is wrong with the device is said now
        return replace(self, matrices=matrices)

    def with_nonidealities(
        self, nonidealities: Iterable[Nonideality] | Nonideality, seed: int | None = None, temp: float | None = None
    ) -> Layout:
        """Return the layout programmed anew towards its targets, with other non-idealities.

        Arguments are those of ``circuitnn.compile``; the temperature stays as it is when None. So do the converters'
        ranges. The same seed gives the same conductances.

        Examples
        --------
        >>> import circuitnn as cn
        >>> layout = cn.compile([([[1.0, -1.0]], None, "linear")], tile=(8, 8))
        >>> layout.with_nonidealities(cn.nonidealities.Levels(2))([0.4]).round(12).tolist()
        [0.4, -0.4]
        """
        window = self.g_min, self.g_max
        kelvin = self.effects.temp if temp is None else temp + 273.15
        effects = Chain.of(nonidealities, seed, window=window, temp=kelvin)
        matrices = []
        for matrix in self.matrices:
            tiles = [
                replace(tile, G=effects.of_array(tile_label(matrix.label, k)).written(tile.target))
                for k, tile in enumerate(matrix.tiles, 1)
            ]
            matrices.append(replace(matrix, tiles=tuple(tiles), effects=effects))
        return replace(self, matrices=tuple(matrices), effects=effects)

    def cost(self, x: ArrayLike | None = None, technology: Any = None, **options: Any) -> Cost:
        """Return energy, time and area of an inference, kWh and CO2e; arguments as of ``cost.of_layout.cost_of``.

        Examples
        --------
        >>> import circuitnn as cn
        >>> layout = cn.compile([([[1.0, -1.0]], None, "relu")], tile=(8, 8), dac_bits=8, adc_bits=8)
        >>> print(layout.cost([[0.5]]).energies["cells"] < layout.cost().energies["cells"])
        True
        """
        from circuitnn.mapping.cost.of_layout import cost_of

        return cost_of(self, x, technology, **options)

    def program(self, plan: Plan | None = None, **options: Any) -> tuple[Layout, ProgrammingReport]:
        """Return the layout with its cells programmed by write and verify, and what that took.

        Arguments are those of ``programming.of_layout.program_layout``.

        Examples
        --------
        >>> import circuitnn as cn
        >>> done, report = cn.compile([([[1.0, -1.0]], None, "relu")], tile=(8, 8)).program()
        >>> len(report.failures)
        0
        """
        from circuitnn.mapping.programming.of_layout import program_layout

        return program_layout(self, plan, **options)

    def after(self, seconds: float, effects: Iterable[Nonideality] | Nonideality, **options: Any) -> Layout:
        """Return the layout a time after it was programmed; arguments as of ``programming.drift.aged``."""
        from circuitnn.mapping.programming.drift import aged

        return aged(self, seconds, effects, **options)

    def compensate(self, samples: ArrayLike | None = None, *, tolerance: float = 1e-3) -> tuple[Layout, Changes]:
        """Return the layout with cells that make up for its wires, and what that gains.

        The cells are those with which the circuit, wires included, computes its matrices (see
        ``compensation.wires.compensate``), all tiles of a matrix with one gain, by which ``scale`` grows. They take the
        place of all that made up for wires before, gains and offsets in logic too: ``calibrate`` comes after it.

        Parameters
        ----------
        samples : array_like, shape (samples,) + input_shape, optional
            Typical inputs. Errors count by the sizes of the inputs that they give each matrix, and the converters'
            ranges end at the largest currents that they cause; at the largest possible ones when not given.
        tolerance : float
            Relative error of a matrix that is good enough.

        Examples
        --------
        >>> import circuitnn as cn
        >>> wired = cn.compile([([[1.0, -0.5], [0.5, 1.0]], None, "linear")], tile=(8, 8), r_wire=200.0)
        >>> wired([1.0, 1.0]).round(2).tolist()
        [1.4, 0.45]
        >>> wired.compensate(tolerance=1e-6)[0]([1.0, 1.0]).round(4).tolist()
        [1.5, 0.5]
        """
        return compensate_layout(self, samples, tolerance)

    def permute(self, samples: ArrayLike | None = None) -> tuple[Layout, Changes]:
        """Return the layout with its lines in an order in which wires lose less, and what that gains.

        See ``compensation.permutation``; parameters are those of ``compensate``. Cells are encoded and programmed anew,
        so this comes before ``compensate`` and ``calibrate``.
        """
        return permute_layout(self, samples)

    def calibrate(self, samples: ArrayLike) -> tuple[Layout, dict[str, Calibration]]:
        """Return the layout with a gain and an offset of each output, in logic, from what it makes of a few samples.

        Parameters
        ----------
        samples : array_like, shape (samples,) + input_shape
            Typical inputs, at least 8. Each matrix is read with the vectors that they give it in the network itself.

        Returns
        -------
        Layout
        dict of str to Calibration
            By the label of the matrix.
        """
        return calibrate_layout(self, samples)

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

    def to_netlist(
        self, folder: str | os.PathLike[str], x: ArrayLike | None = None, complete: bool = False
    ) -> list[Path]:
        """Write every tile as a plain SPICE netlist that prints its bit-line currents.

        Parameters
        ----------
        folder : path-like
            Made when absent. The files are ``matrix1_tile1.cir`` and so on, tiles row by row.
        x : array_like, shape input_shape, optional
            A sample: every tile is driven as at its first read for it, its inputs coming from the circuit before.
            Without it all word lines are at the read voltage.
        complete : bool
            Write ``network.cir`` too, the whole network as one analogue circuit for ``x``, which must be given (see
            ``circuits.network``).

        Returns
        -------
        list of Path
            The files, in order.

        Raises
        ------
        FileError
            When the folder or a file cannot be written.
        """
        if complete and x is None:
            raise UsageError("a complete network is driven by an input, and x is None", expected="x=sample")
        target = new_folder(folder)
        drives = {m.label: np.full(len(m.weights), self.periphery.read_voltage) for m in self.matrices}
        if x is not None:
            sample = self.graph.check_inputs(x)
            if sample.ndim != len(self.graph.input_shape):
                raise UsageError(
                    f"a netlist holds one input, not shape {np.shape(x)}", expected=f"shape {self.graph.input_shape}"
                )
            for read in reversed(self.reads(sample)):
                drives[read.matrix.label] = read.voltages[0]
        files = []
        for n, matrix in enumerate(self.matrices, 1):
            for k, tile in enumerate(matrix.tiles):
                files.append(target / f"matrix{n}_tile{k + 1}.cir")
                matrix.crossbar(k).to_netlist(files[-1], v=drives[matrix.label][tile.place.inputs])
        if complete:
            from circuitnn.mapping.circuits.network import write_network

            files.append(target / "network.cir")
            write_network(self, files[-1], np.asarray(x))
        return files

    def sites(self) -> tuple[Site, ...]:
        """Return the tiles as things to lay out, in order, named as ``to_netlist`` names its files."""
        return sites_of(self.graph, self.matrices)

    def floorplan(self, stack: Stack | None = None) -> Floorplan:
        """Return where the tiles stand, in a technology: the default one of `physical.stack` when not given."""
        return make_floorplan(sorted(self.sites(), key=lambda site: site.stage), stack)

    def to_gds(self, path: str | os.PathLike[str], stack: Stack | None = None) -> None:
        """Write the layout as GDSII (``.gds``) or OASIS (``.oas``); see `physical.gds` for cells and errors."""
        write_layout(self.floorplan(stack), path)

    def to_svg(self, path: str | os.PathLike[str], stack: Stack | None = None) -> None:
        """Write the floorplan as a picture; raise FileError when that fails."""
        write_svg(self.floorplan(stack), path, title=f"{len(self.sites())} tiles, {self.device}")

    def check_layout(self, path: str | os.PathLike[str], stack: Stack | None = None) -> LvsReport:
        """Compare what is joined in a GDSII or OASIS file with the layout's netlist; see `physical.lvs` for errors."""
        return check_layout(path, self.sites(), stack)
