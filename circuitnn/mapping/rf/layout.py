"""A trained network on resonance frequencies: inference beside the ideal network, report, files."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import UsageError
from circuitnn.mapping.evaluation import Evaluation, classes_of, labels_of
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.operators.dense import Dense
from circuitnn.mapping.rf.network import RfNetwork
from circuitnn.mapping.rf.placement import Trial
from circuitnn.units import format_si

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RfMapped:
    """How a dense layer sits on its chains.

    Attributes
    ----------
    dense : Dense
        What it shall compute.
    order : ndarray of int, shape (inputs,)
        Input of each tone, by rising frequency.
    taken : Trial
        The arrangement of its tones; ``trials`` are those that were tried.
    scale : float, V
        Voltage of a chain for one unit of ``x @ weights + bias``.
    low : float
        Input that is no power; ``step`` is the input that one watt more means.
    peak : float
        Largest output that the layer is laid out for.
    """

    dense: Dense
    order: NDArray[np.int64]
    taken: Trial
    trials: tuple[Trial, ...]
    scale: float
    low: float
    step: float
    peak: float

    @property
    def wanted(self) -> Array:
        """The weights that its chains shall have, V/W, shape (chains, inputs), in the order of the inputs."""
        return self.dense.weights.T * (self.scale * self.step)


@dataclass(frozen=True)
class RfLayerReport:
    """One layer of a report; errors are of the effective weights, relative to the largest wanted."""

    name: str
    inputs: int
    outputs: int
    resonators: int
    taken: Trial
    tried: int
    worst_error: float
    largest: float


@dataclass(frozen=True)
class RfReport:
    """What an RF layout consists of and how near its weights come; prints as a table.

    Attributes
    ----------
    layers : tuple of RfLayerReport
    per_input : int
        Resonators a tone in each chain.
    resonators, neurons : int
    reach : float, V/W
        Largest weight that the resonators of one tone can have.
    relu_error : float
        Largest distance of an oscillator's power from the straight line that stands for ``relu``, relative to the
        largest power; 0 without hidden layers.
    gain : float
        Of the amplifiers behind oscillators.
    """

    layers: tuple[RfLayerReport, ...]
    per_input: int
    resonators: int
    neurons: int
    reach: float
    relu_error: float
    gain: float

    def __str__(self) -> str:
        head = f"{self.resonators} resonators, {self.per_input} a weight, {self.neurons} oscillators; "
        lines = [head + f"weights reach {format_si(self.reach, 'V/W', 4)}"]
        if self.neurons:
            lines.append(f"oscillators differ from relu by at most {100 * self.relu_error:.1f} %, gain {self.gain:.4g}")
        lines.append(
            f"{'layer':<14}{'inputs':>7}{'chains':>7}  {'tones':<22}{'comb':<11}{'apart':>6}{'alone':>9}{'error':>10}"
            f"{'worst':>10}"
        )
        for a in self.layers:
            t = a.taken
            tones = f"{format_si(t.low, 'Hz', 4)} to {format_si(t.high, 'Hz', 4)}"
            lines.append(
                f"{a.name:<14}{a.inputs:>7}{a.outputs:>7}  {tones:<22}{t.kind:<11}{t.separation:>6.2f}"
                f"{100 * t.error_alone:>7.2f} %{100 * t.error:>8.3f} %{100 * a.worst_error:>8.3f} %"
            )
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class RfLayout:
    """A network on resonators and oscillators; made by ``circuitnn.compile(..., target="rf")``. Calling it runs it.

    Attributes
    ----------
    network : RfNetwork
        The hardware, in volts, watts and hertz.
    layers : tuple of RfMapped
        What each layer stands for.
    per_input : int
        Resonators a tone in each chain.

    Examples
    --------
    >>> import circuitnn as cn
    >>> layout = cn.compile([([[1.0, -1.0], [0.5, 0.25]], None, "linear")], target="rf")
    >>> bool(abs(layout([0.4, 0.8]) - [0.8, -0.2]).max() < 1e-3)
    True
    """

    network: RfNetwork
    layers: tuple[RfMapped, ...]
    per_input: int

    def __repr__(self) -> str:
        sizes = "-".join(map(str, [self.graph.inputs, *(layer.dense.fan_out for layer in self.layers)]))
        return f"<RfLayout {sizes}: {self.network.resonator_count()} resonators>"

    @property
    def graph(self) -> Graph:
        """The network itself, in double precision."""
        return Graph([layer.dense for layer in self.layers])

    def powers(self, x: ArrayLike) -> Array:
        """Return the powers of the first layer's tones, W, for inputs of shape (inputs,) or (samples, inputs).

        Raises
        ------
        UsageError
            When the inputs have another shape, or one lies below what no power stands for.
        """
        first = self.layers[0]
        values = self.graph.check_inputs(x)
        if (values < first.low).any():
            raise UsageError(
                f"the input {values.min():g} is below {first.low:g}, which is no power already",
                hint="compile with calibration=, typical inputs, which sets the range",
            )
        return np.asarray(((values - first.low) / first.step)[..., first.order])

    def __call__(self, x: ArrayLike) -> Array:
        """Return the outputs of the hardware: voltages of the last chains, scaled back, and the last activation.

        Raises
        ------
        UsageError
            When the inputs have another shape, or lie below the range.
        """
        last = self.layers[-1]
        products = self.network(self.powers(x)) / last.scale
        return last.dense.activate(products - last.dense.bias)

    def evaluate(self, x: ArrayLike, y: ArrayLike, progress: Callable[[float], None] | None = None) -> Evaluation:
        """Return the accuracy of the hardware beside the ideal network's; arguments as of ``Layout.evaluate``."""
        values = np.atleast_2d(self.graph.check_inputs(x))
        labels = labels_of(y, len(values), self.graph)
        found, ideal = classes_of(self(values)), classes_of(self.graph(values))
        if progress is not None:
            progress(1.0)
        share = [float((a == b).mean()) for a, b in ((found, labels), (ideal, labels), (found, ideal))]
        return Evaluation(share[0], share[1], share[2], len(labels), 0, 0)

    def effective(self) -> list[Array]:
        """Return each layer's weights as the chains give them, crosstalk included, V/W, in the order of the inputs."""
        found = []
        rows = [*(after.order for after in self.layers[1:]), np.arange(self.graph.outputs)]
        for layer, chains, weights in zip(self.layers, rows, self.network.weights(), strict=True):
            natural = np.empty_like(weights)
            natural[np.ix_(chains, layer.order)] = weights
            found.append(natural)
        return found

    def report(self) -> RfReport:
        """Return what the layout consists of and how near its weights come to those wanted."""
        rows = []
        for layer, hardware, weights in zip(self.layers, self.network.layers, self.effective(), strict=True):
            largest = float(np.abs(layer.wanted).max())
            worst = float(np.abs(weights - layer.wanted).max()) / largest
            count = hardware.resonances.size
            rows.append(
                RfLayerReport(
                    layer.dense.name,
                    layer.dense.fan_in,
                    layer.dense.fan_out,
                    count,
                    layer.taken,
                    len(layer.trials),
                    worst,
                    largest,
                )
            )
        hidden = self.layers[:-1]
        return RfReport(
            tuple(rows),
            self.per_input,
            self.network.resonator_count(),
            sum(layer.dense.fan_out for layer in hidden),
            self.per_input * self.network.resonators.sensitivity,
            self._relu_error() if hidden else 0.0,
            self.network.neurons.gain,
        )

    def _relu_error(self) -> float:
        """Return how far an oscillator's power is from the line, up to the largest output of the first layer."""
        neurons, gain = self.network.neurons, self.network.layers[0].transconductance * self.layers[0].scale
        z = np.linspace(0.0, self.layers[0].peak, 65)
        off = neurons.power(neurons.threshold + gain * z) * self.layers[1].step - z
        return float(np.abs(off).max() / z[-1])

    def with_errors(self, frequency: float = 0.0, power: float = 0.0, seed: int = 0) -> RfLayout:
        """Return the layout with resonance frequencies and oscillator powers off by relative deviations (F19)."""
        return replace(self, network=self.network.with_errors(frequency, power, seed))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an HDF5 file (see ``rf.layout_file``), whole or not at all; raise FileError when that fails."""
        from circuitnn.mapping.rf.layout_file import write_rf_layout

        write_rf_layout(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> RfLayout:
        """Read a file that ``save`` wrote; raise FileError or LayoutError when it is none."""
        from circuitnn.mapping.rf.layout_file import read_rf_layout

        return read_rf_layout(path)

    def to_netlist(self, folder: str | os.PathLike[str], x: ArrayLike) -> list[Path]:
        """Write every layer as a netlist of N elements, driven as it is for one input, and of a network with hidden
        layers the whole as ``network.cir``; return the files (see ``rf.netlist``)."""
        from circuitnn.mapping.rf.netlist import write_netlists

        return write_netlists(self.network, self.powers(x), folder)
