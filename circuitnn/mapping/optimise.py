"""Choosing a layout: accuracy, tiles and energy of many settings, and those that no other beats in all three.

Every combination of the given settings is compiled. A first part of the samples is enough to drop those that are
beaten clearly: another one takes no more tiles and no more energy, and its accuracy is higher by more than chance
explains. The rest is judged on all samples.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import CircuitnnError, UsageError, nearest
from circuitnn.mapping.compile import compile_crossbar, read_network
from circuitnn.mapping.evaluation import labels_of
from circuitnn.mapping.layout import Layout

Array = NDArray[np.float64]
_MOST = 10_000
_CLEARLY = 3.0  # standard errors by which an accuracy must be lower to be dropped after the first samples


@dataclass(frozen=True, eq=False)  # settings may be arrays
class Choice:
    """One setting and what it gives; choices are different however alike they are.

    Attributes
    ----------
    settings : dict
        The varied options of ``circuitnn.compile``.
    accuracy : float
        Share of ``samples`` in the right class, over all ``runs``.
    tiles : int
    energy : float, J
        Of an inference, arrays and periphery (see ``Layout.cost``).
    samples : int
        Samples of the test; fewer than all where it was dropped early.
    failure : str
        Why there is no layout; empty where there is one.
    """

    settings: dict[str, Any]
    accuracy: float
    tiles: int
    energy: float
    samples: int
    failure: str = ""

    def beats(self, other: Choice) -> bool:
        """Return whether it is as good in accuracy, tiles and energy, and better in one."""
        mine, its = ((c.accuracy, -c.tiles, -c.energy) for c in (self, other))
        return mine != its and all(a >= b for a, b in zip(mine, its, strict=True))


@dataclass(frozen=True)
class Choices:
    """All settings that were tried; prints as a table, the best ones marked.

    Attributes
    ----------
    all : tuple of Choice
    """

    all: tuple[Choice, ...]

    @property
    def best(self) -> tuple[Choice, ...]:
        """Those that were judged on all samples and that no other beats, by falling accuracy."""
        samples = max(choice.samples for choice in self.all)
        judged = [c for c in self.all if c.samples == samples and not c.failure]
        front = [c for c in judged if not any(other.beats(c) for other in judged)]
        return tuple(sorted(front, key=lambda c: (-c.accuracy, c.energy, c.tiles)))

    def __str__(self) -> str:
        best = self.best
        lines = [f"  {'accuracy':>9}{'tiles':>7}{'energy':>12}  settings"]
        for c in sorted(self.all, key=lambda c: (bool(c.failure), -c.samples, -c.accuracy, c.energy)):
            settings = " ".join(f"{name}={_shown(value)}" for name, value in c.settings.items())
            if c.failure:
                lines.append(f"  {'':>28}  {settings}: {c.failure}")
                continue
            mark = "*" if c in best else " "
            early = "" if c.samples == max(one.samples for one in self.all) else f" ({c.samples} samples)"
            lines.append(f"{mark} {100 * c.accuracy:>7.2f} %{c.tiles:>7}{1e9 * c.energy:>9.3f} nJ  {settings}{early}")
        return "\n".join(lines)

    def plot(self, path: str | os.PathLike[str]) -> Path:
        """Draw the share of wrong classes against energy, tiles as colour, the best ones joined; write a PNG.

        No wrong class among so many samples is drawn as half of one.

        Raises
        ------
        FileError
            When the file cannot be written.
        """
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.colors import LogNorm
        from matplotlib.figure import Figure

        from circuitnn.results.atomic import replacing

        def wrong(choices: Sequence[Choice]) -> list[float]:
            return [100.0 * max(1.0 - c.accuracy, 0.5 / c.samples) for c in choices]

        shown = [c for c in self.all if not c.failure]
        figure = Figure(figsize=(7.0, 4.6), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        points = axes.scatter(
            [1e9 * c.energy for c in shown],
            wrong(shown),
            c=[c.tiles for c in shown],
            norm=LogNorm() if len({c.tiles for c in shown}) > 1 else None,
            cmap="viridis",
        )
        figure.colorbar(points, ax=axes, label="tiles")
        front = sorted(self.best, key=lambda c: c.energy)
        axes.plot(
            [1e9 * c.energy for c in front],
            wrong(front),
            "o-",
            color="C3",
            markerfacecolor="none",
            markersize=11,
            label="not beaten in accuracy, tiles and energy",
        )
        axes.set(xlabel="energy (nJ an inference)", ylabel="wrong class (%)", xscale="log", yscale="log")
        axes.yaxis.set_minor_formatter("{x:g}")
        axes.grid(alpha=0.3, which="both")
        axes.legend(loc="upper right")
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png", dpi=130)
        return Path(path)


def optimise(
    network: Any,
    x: ArrayLike,
    y: ArrayLike,
    options: Mapping[str, Sequence[Any]],
    *,
    runs: int = 1,
    seed: int | None = None,
    technology: Any = None,
    first: int = 500,
    progress: Callable[[float], None] | None = None,
    **fixed: Any,
) -> Choices:
    """Compile a network in many ways, and find those that trade accuracy, tiles and energy best.

    Parameters
    ----------
    network : Any
        As of ``circuitnn.compile``.
    x, y : array_like
        Test samples and their classes, as of ``Layout.evaluate``.
    options : dict from str to sequence
        Options of ``circuitnn.compile``, each with the values to try, all of which are combined.
    runs : int
        Programmings a setting, with seeds ``seed``, ``seed + 1``, ...; their accuracies are averaged.
    seed : int, optional
        Needed where non-idealities are random.
    technology
        As of ``Layout.cost``.
    first : int
        Samples for the first look. All samples where there are fewer.
    progress : callable, optional
        Called with the share that is done.
    **fixed
        Further options of ``circuitnn.compile``, the same in all.

    Returns
    -------
    Choices
        A combination that cannot be compiled is among them with its reason.

    Raises
    ------
    UsageError
        When an option is unknown, or nothing can be compiled.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> w, x = rng.normal(size=(8, 3)), rng.normal(size=(200, 8))
    >>> found = optimise([(w, None, "linear")], x, (x @ w).argmax(axis=1), {"adc_bits": [2, 8]}, dac_bits=8)
    >>> [choice.settings["adc_bits"] for choice in found.best]       # eight bits are better, two are cheaper
    [8, 2]
    """
    known = [name for name in signature(compile_crossbar).parameters if name not in ("network", "seed")]
    for name in (*options, *fixed):
        if name not in known or (name in fixed and name in options):
            raise UsageError(
                f"{name!r} is no option of compile, or given twice", expected=" ".join(known), hint=nearest(name, known)
            )
    for name, tried in options.items():
        if isinstance(tried, str) or not isinstance(tried, Sequence | np.ndarray):
            raise UsageError(f"{name} has {tried!r} to try", expected="a sequence of values", names=[name])
    count = prod(len(values) for values in options.values())
    if not 1 <= count <= _MOST:
        raise UsageError(f"{count} combinations of the options", expected=f"1 to {_MOST}")
    if isinstance(runs, bool) or not isinstance(runs, int) or runs < 1:
        raise UsageError(f"runs = {runs!r}", expected="a whole number from 1 on", names=("runs",))
    graph, left_out = read_network(network, fixed.pop("digital", ()), fixed.pop("input_shape", None))
    if "digital" not in options:
        fixed["digital"] = left_out
    values = graph.samples(x)
    labels = labels_of(y, len(values), graph)
    part = min(max(first, 1), len(values))
    step = _counter(progress, count * (2 if part < len(values) else 1))

    found: list[tuple[list[Layout], Choice]] = []
    for combination in product(*options.values()):
        settings = dict(zip(options, combination, strict=True))
        try:
            layouts = [
                compile_crossbar(graph, **settings, **fixed, seed=None if seed is None else seed + k)
                for k in range(runs)
            ]
            found.append((layouts, _judged(layouts, settings, values[:part], labels[:part], technology)))
        except CircuitnnError as error:
            found.append(([], Choice(settings, 0.0, 0, np.inf, 0, error.message)))
        next(step)
    working = [choice for layouts, choice in found if layouts]
    if not working:
        raise UsageError(
            f"none of the {count} combinations can be compiled; one says: {found[0][1].failure}", names=tuple(options)
        )
    if part < len(values):
        for k, (layouts, choice) in enumerate(found):
            if layouts and not any(_beats_clearly(other, choice) for other in working):
                found[k] = layouts, _judged(layouts, choice.settings, values, labels, technology)
            next(step)
    return Choices(tuple(choice for _, choice in found))


def _judged(
    layouts: Sequence[Layout], settings: dict[str, Any], x: Array, y: NDArray[np.int64], technology: Any
) -> Choice:
    accuracy = float(np.mean([layout.evaluate(x, y).accuracy for layout in layouts]))
    tiles = sum(len(matrix.tiles) for matrix in layouts[0].matrices)
    return Choice(settings, accuracy, tiles, layouts[0].cost(x[:64], technology).energy, len(y))


def _shown(value: Any) -> str:
    return f"array{value.shape}" if isinstance(value, np.ndarray) else str(value)


def _beats_clearly(one: Choice, other: Choice) -> bool:
    """Return whether one is as small, and better by more than the samples' chance explains."""
    error = (max(one.accuracy * (1 - one.accuracy), 1.0 / one.samples) / one.samples) ** 0.5
    small = one.tiles <= other.tiles and one.energy <= other.energy
    return small and one.accuracy - other.accuracy > _CLEARLY * error


def _counter(progress: Callable[[float], None] | None, count: int) -> Iterator[None]:
    for k in range(1, count + 1):
        if progress is not None:
            progress(k / count)
        yield
