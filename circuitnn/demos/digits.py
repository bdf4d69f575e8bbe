"""Handwritten digits on imperfect crossbars: a 64-32-10 network, from shipped data to accuracy and a figure."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.compile import compile
from circuitnn.mapping.layout import Layout
from circuitnn.nonidealities.variability import Variability
from circuitnn.results.atomic import new_folder

Array = NDArray[np.float64]
TILE = (64, 32)
WIRES = (1.0, 5.0, 20.0)
SIGMAS = (0.05, 0.1, 0.2)
BAND_SIGMA = 0.1


@dataclass(frozen=True)
class DemoRow:
    """One line of the report: accuracy and its standard deviation over seeds in percent, and seconds taken."""

    label: str
    accuracy: float
    spread: float
    seconds: float


@dataclass(frozen=True)
class DemoReport:
    """What a demonstration found.

    Attributes
    ----------
    rows : tuple of DemoRow
    files : tuple of Path
        What it wrote.
    nodal_difference : float
        Largest difference of a bit-line current between the transfer matrices that inference uses and full nodal
        solutions, relative to the largest current.
    """

    rows: tuple[DemoRow, ...]
    files: tuple[Path, ...]
    nodal_difference: float


@dataclass(frozen=True, eq=False)
class Digits:
    """The shipped images, 64 pixels from 0 to 1 each, and network (see ``circuitnn/data/README.md``)."""

    x_train: Array
    y_train: NDArray[np.int64]
    x_test: Array
    y_test: NDArray[np.int64]
    network: list[tuple[Array, Array, str]]


def load_digits() -> Digits:
    """Return images and network.

    Examples
    --------
    >>> load_digits().x_test.shape
    (360, 64)
    """
    with (
        files("circuitnn").joinpath("data", "digits.npz").open("rb") as stream,
        np.load(stream, allow_pickle=False) as data,
    ):
        x = data["images"].reshape(-1, 64) / 16.0
        held_out = data["held_out"].astype(np.int64)
        return Digits(
            np.delete(x, held_out, axis=0),
            np.delete(data["labels"], held_out).astype(np.int64),
            x[held_out],
            data["labels"][held_out].astype(np.int64),
            [(data["w1"], data["b1"], "relu"), (data["w2"], data["b2"], "softmax")],
        )


def run_digits(
    out_dir: str | os.PathLike[str], *, progress: Callable[[float], None] | None = None, quick: bool = False
) -> DemoReport:
    """Run the shipped network in the circuit under growing imperfections and draw what happens.

    Parameters
    ----------
    out_dir : path-like
        Folder, made when absent, for ``layout.h5``, ``tile.cir`` (a tile driven by the first image, as plain SPICE) and
        ``digits.png``.
    progress : callable, optional
        Called with the fraction done.
    quick : bool
        Three seeds instead of twenty, and fewer points in the figure.

    Returns
    -------
    DemoReport

    Raises
    ------
    FileError
        When the folder or a file cannot be written.
    """
    folder = new_folder(out_dir)
    seeds = range(3 if quick else 20)
    resistances = np.geomspace(0.1, 100.0, 4 if quick else 10)
    band_seeds = range(2 if quick else 5)
    total = 4 + len(WIRES) + len(SIGMAS) * len(seeds) + len(resistances) * (1 + len(band_seeds))
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done / total)

    digits = load_digits()
    rows: list[DemoRow] = []

    def measure(label: str, layouts: Sequence[Callable[[], Layout]]) -> None:
        start, found = time.perf_counter(), []
        for make in layouts:
            found.append(100.0 * make().evaluate(digits.x_test, digits.y_test).accuracy)
            advance()
        spread = float(np.std(found, ddof=1)) if len(found) > 1 else 0.0
        rows.append(DemoRow(label, float(np.mean(found)), spread, time.perf_counter() - start))

    start = time.perf_counter()
    ideal = compile(digits.network, tile=TILE)
    right = ideal.graph(digits.x_test).argmax(axis=1) == digits.y_test
    rows.append(DemoRow("network in double precision", 100.0 * float(right.mean()), 0.0, time.perf_counter() - start))
    advance()
    measure("ideal crossbars", [lambda: ideal])
    converters = {"dac_bits": 8, "adc_bits": 8, "calibration": digits.x_train}
    measure("DAC and ADC of 8 bits", [lambda: compile(digits.network, TILE, **converters)])  # type: ignore[call-overload]
    for r in WIRES:
        measure(f"wires of {r:g} ohm a segment", [lambda r=r: ideal.with_wires(r)])  # type: ignore[misc]
    wired = ideal.with_wires(1.0)
    for sigma in SIGMAS:
        label = f"conductances off by {100 * sigma:g} %, wires of 1 ohm"
        measure(label, [lambda s=sigma, k=k: wired.with_nonidealities(Variability("g", s), k) for k in seeds])  # type: ignore[misc]

    x, y = digits.x_test, digits.y_test
    exact, varied = [], []
    for r in resistances:
        exact.append(100.0 * ideal.with_wires(r).evaluate(x, y).accuracy)
        advance()
        found = []
        for k in band_seeds:
            found.append(
                100.0 * ideal.with_wires(r).with_nonidealities(Variability("g", BAND_SIGMA), k).evaluate(x, y).accuracy
            )
            advance()
        varied.append(found)

    names = ("layout.h5", "tile.cir", "digits.png")
    layout_file, netlist, picture = (folder / name for name in names)
    wired.save(layout_file)
    voltages = wired.reads(x[0])[0].voltages[0]
    first = wired.matrices[0]
    first.crossbar(0).to_netlist(netlist, v=voltages[first.tiles[0].place.inputs])
    _draw(picture, ideal.with_wires(WIRES[-1]), x[0], resistances, np.array(exact), np.array(varied))
    difference = nodal_difference(wired, x[:3])
    advance()
    return DemoReport(tuple(rows), (layout_file, netlist, picture), difference)


def nodal_difference(layout: Layout, x: Array) -> float:
    """Return how far inference is from full nodal solutions, relative to the largest differential current."""
    worst = 0.0
    for read in layout.reads(x):
        for k, (tile, currents) in enumerate(zip(read.matrix.tiles, read.currents, strict=True)):
            crossbar = read.matrix.crossbar(k)
            for v, expected in zip(read.voltages[:, tile.place.inputs], currents, strict=True):
                nodal = crossbar.solve(v).currents
                gap = np.abs(nodal[0::2] - nodal[1::2] - expected).max()
                worst = max(worst, float(gap / np.abs(nodal).max()))
    return worst


def _draw(path: Path, layout: Layout, image: Array, resistances: Array, exact: Array, varied: Array) -> None:
    """Draw a tile's conductances, its voltage drop for one image, and the accuracy against wire resistance."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from circuitnn.results.atomic import replacing

    matrix = layout.matrices[0]
    tile = matrix.tiles[0]
    voltages = layout.reads(image)[0].voltages[0][tile.place.inputs]
    solution = matrix.crossbar(0).solve(voltages)
    drop = 1e3 * (voltages[:, None] - (solution.v_word - solution.v_bit))

    figure = Figure(figsize=(14.0, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.0, 1.0, 1.5))
    for axes, values, colours, title, unit in (
        (left, 1e6 * tile.G, "viridis", "conductances of a tile", "conductance (µS)"),
        (middle, drop, "magma", f"voltage lost in wires of {layout.r_word:g} Ω a segment", "source minus cell (mV)"),
    ):
        shown = axes.imshow(values, cmap=colours, aspect="auto", interpolation="nearest")
        figure.colorbar(shown, ax=axes, label=unit, pad=0.02)
        axes.set(title=title, xlabel="bit line (output pairs)", ylabel="word line (pixel)")
    mean, spread = varied.mean(axis=1), varied.std(axis=1, ddof=1)
    right.semilogx(resistances, exact, "o-", color="C0", label="exact conductances")
    right.semilogx(
        resistances, mean, "s--", color="C1", label=f"conductances off by {100 * BAND_SIGMA:g} %, mean ± deviation"
    )
    right.fill_between(resistances, mean - spread, mean + spread, color="C1", alpha=0.25, linewidth=0)
    right.set(title="360 images not seen in training", xlabel="wire resistance (Ω a segment)", ylabel="accuracy (%)")
    right.set_ylim(top=101.0)
    right.grid(alpha=0.3, which="both")
    right.legend(loc="lower left")
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130)
