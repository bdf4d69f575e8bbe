"""Scale-out: what a tile costs when weights are streamed, 10^9 weights by that measure, and what Dask costs."""

from __future__ import annotations

import json
import os
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from circuitnn.bench.runner import Case, Row
from circuitnn.mapping.stream import compile_weights
from circuitnn.results.memory import core_count, peak_memory
from circuitnn.runs.montecarlo import monte_carlo
from circuitnn.runs.tasks import Run

_BILLION = 1e9
#: GPT-2 small: 12 layers of width 768, 50257 words; the embedding is also the last layer, 768 inputs and 50257 outputs.
_LAYERS, _WIDTH, _WORDS = 12, 768, 50257


def shapes(layers: int = _LAYERS, width: int = _WIDTH, words: int = _WORDS) -> dict[str, tuple[int, int]]:
    """Return the matrices of a network like GPT-2, by the names that its files have.

    Examples
    --------
    >>> sum(rows * columns for rows, columns in shapes().values())
    123532032
    """
    found = {"wte.weight": (words, width)}
    for k in range(layers):
        found[f"h.{k}.attn.c_attn.weight"] = (width, 3 * width)
        found[f"h.{k}.attn.c_proj.weight"] = (width, width)
        found[f"h.{k}.mlp.c_fc.weight"] = (width, 4 * width)
        found[f"h.{k}.mlp.c_proj.weight"] = (4 * width, width)
    return found


def write_network(path: Path, matrices: dict[str, tuple[int, int]]) -> None:
    """Write a safetensors file of normal random weights, of a deviation of 0.02, a band of rows at a time."""
    rng, head, at = np.random.default_rng(0), {}, 0
    for name, (rows, columns) in matrices.items():
        head[name] = {"dtype": "F32", "shape": [rows, columns], "data_offsets": [at, at + 4 * rows * columns]}
        at += 4 * rows * columns
    text = json.dumps(head).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for rows, columns in matrices.values():
            for first in range(0, rows, 1024):
                band = rng.standard_normal((min(1024, rows - first), columns), np.float32)
                file.write((np.float32(0.02) * band).astype("<f4").tobytes())


def _gpt2(rounds: int) -> list[Row]:
    """Return the cost of all tiles of GPT-2 small, once: it takes 1.5 GB of disk."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_network(folder / "net.safetensors", shapes())
        before, cores, spent = peak_memory(), core_count(), sum(os.times()[:4])
        report = compile_weights(
            folder / "net.safetensors", folder / "tiles", transposed="wte.*", r_wire=1.0, workers=cores
        )
        spent = sum(os.times()[:4]) - spent
        mine, stored = peak_memory(), sum(path.stat().st_size for path in (folder / "tiles").rglob("*.h5"))
    plan = report.plan
    processes = f" in {cores} processes"
    share = _BILLION / plan.weights
    return [
        Row("GPT-2 small: weights", plan.weights, "", details={"matrices": len(plan.tensors), "tiles": plan.tiles}),
        Row("a tile of 128 x 128, 8192 weights", 1e3 * report.seconds_per_tile, "ms", details={
            "processor time": 1e3 * spent / plan.tiles}),
        Row(f"all tiles{processes}", report.seconds, "s", details={"weights a second": plan.weights / report.seconds}),
        Row("on disk", stored / 1e9, "GB", details={"bytes a weight": stored / plan.weights}),
        Row("peak memory of a process", report.peak / 1e6, "MB", details={"of the one that asked": mine / 1e6,
            "of that before": before / 1e6}),
        Row(f"10^9 weights{processes}, in proportion", share * report.seconds / 60.0, "min", details={
            "processor time": share * spent / 60.0, "tiles": share * plan.tiles, "GB": share * stored / 1e9}),
    ]  # fmt: skip


def _verified(rounds: int) -> list[Row]:
    """Return what the circuit's solution of a tile costs beside its compilation."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_network(folder / "net.safetensors", {"w": (768, 768)})
        plain = compile_weights(folder / "net.safetensors", folder / "a", r_wire=1.0, workers=1)
        solved = compile_weights(folder / "net.safetensors", folder / "b", r_wire=1.0, verify=1.0, workers=1)
    errors = np.array([*solved.errors.values()])
    most = float(errors.max())
    cost = 1e3 * (solved.seconds_per_tile - plain.seconds_per_tile)
    return [
        Row("a tile solved with its wires", cost, "ms", details={"its compilation": 1e3 * plain.seconds_per_tile}),
        Row("its error, 1 ohm a segment, median", float(np.median(errors)), "relative", details={"largest": most}),
    ]


def wait(run: Run) -> float:
    """Take 50 ms; a run that processes of all kinds can find."""
    time.sleep(0.05)
    return run.rng.normal()


def _executors(rounds: int) -> list[Row]:
    """Return what 200 runs of 50 ms cost, starts included, with two processes of each kind."""
    took = {}
    kinds: dict[str, dict[str, Any]] = {"this process": {"workers": 1}, "processes": {"workers": 2}}
    if find_spec("distributed") is not None:
        kinds["Dask, a local cluster"] = {"workers": 2, "cluster": "local"}
    for name, options in kinds.items():
        began = time.perf_counter()
        monte_carlo(wait, 200, **options)
        took[name] = time.perf_counter() - began
    return [Row(f"200 runs of 50 ms: {name}", seconds, "s") for name, seconds in took.items()]


#: Reading and writing included; the disk is that of the folder for temporary files.
EXPORT = Case(
    {"gpt2": _gpt2, "verified": _verified, "executors": _executors},
    {"Dask": lambda: find_spec("distributed") is not None},
)
