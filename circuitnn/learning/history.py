"""What a training has come to, epoch by epoch: accuracy, energy, pulses; as a table, a file and a picture."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from circuitnn.results.atomic import replacing


@dataclass(frozen=True)
class Epoch:
    """A training's state after an epoch.

    Attributes
    ----------
    epoch : int
        Epochs done.
    examples : int
        Examples learnt in all.
    score : float or None
        Of the validation data: the fraction of classes found, or R^2 of values; None without such data.
    joules, pulses, seconds : float
        Energy, programming pulses and time of the hardware in all.
    took : float
        Seconds that computing this epoch took.
    """

    epoch: int
    examples: int
    score: float | None
    joules: float
    pulses: float
    seconds: float
    took: float


def write_csv(history: Sequence[Epoch], path: str | os.PathLike[str]) -> None:
    """Write a line an epoch, whole or not at all; raise FileError when that fails."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([f.name for f in fields(Epoch)])
        writer.writerows(["" if value is None else value for value in astuple(row)] for row in history)


def draw(history: Sequence[Epoch], title: str = "") -> Any:
    """Return a matplotlib figure: the score, and energy and pulses an example, against examples learnt."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    examples = [row.examples for row in history]
    scored = [(row.examples, 100.0 * row.score) for row in history if row.score is not None]
    if scored:
        left.plot(*zip(*scored, strict=True), marker="o", markersize=3)
        left.annotate(f"{scored[-1][1]:.2f}", scored[-1], textcoords="offset points", xytext=(-4, -14), ha="right")
    left.set(xlabel="examples", ylabel="score of the validation data (%)")
    if title:
        figure.suptitle(title)
    joules = [row.joules / max(row.examples, 1) for row in history]
    right.plot(examples, joules, marker="o", markersize=3)
    right.set(xlabel="examples", ylabel="energy an example (J)")
    if any(row.pulses for row in history):
        twin = right.twinx()
        pulses = [row.pulses / max(row.examples, 1) for row in history]
        twin.plot(examples, pulses, color="tab:orange", marker="s", markersize=3)
        twin.set_ylabel("pulses an example", color="tab:orange")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    return figure


def write_picture(history: Sequence[Epoch], path: str | os.PathLike[str], title: str = "") -> None:
    """Write the picture of ``draw`` in the format that the suffix names; raise FileError when that fails."""
    with replacing(path) as temporary:
        draw(history, title).savefig(temporary, format=Path(path).suffix[1:].lower() or "png", dpi=150)
