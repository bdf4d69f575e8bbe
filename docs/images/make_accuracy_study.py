"""Accuracy against wire resistance, tile size and spread of conductances: the picture and tables of accuracy_study.md.

    python docs/images/make_accuracy_study.py [--network mlp lenet5] [--seeds 8] [--results study.json] [--draw]

The images are MNIST's (``mnist.npz`` in the folder CIRCUITNN_DATA). What is found goes to the file of results as it is
found, so that an interrupted study goes on where it was; ``--draw`` only draws and prints what that file holds. It
takes about ten minutes.
"""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image
from scipy.stats import t

import circuitnn as cn
from circuitnn.demos.mnist import NETWORKS, mnist_images, mnist_network

HERE = Path(__file__).resolve().parent
WIRES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
TILES = (32, 64, 128, 256)
SPREADS = (0.0, 0.1, 0.2, 0.4)
IMAGES = {"mlp": 10_000, "lenet5": 1_000}
TITLES = {"mlp": "784-128-10", "lenet5": "LeNet-5"}


def key(network: str, tile: int, wire: float, spread: float) -> str:
    return f"{network} {tile} {wire:g} {spread:g}"


def study(network: str, seeds: int, found: dict[str, list[float]], results: Path) -> None:
    """Add accuracies in percent, a seed each, one alone where nothing is random."""
    x, y = mnist_images()
    x, y = x[: IMAGES[network]].reshape(-1, *NETWORKS[network]), y[: IMAGES[network]]
    for tile in TILES:
        ideal = cn.compile(mnist_network(network), tile=(tile, tile), device=(1e-6, 100e-6))
        for wire in WIRES:
            wired = ideal.with_wires(wire)
            for spread in SPREADS:
                values = found.setdefault(key(network, tile, wire, spread), [])
                for seed in range(len(values), seeds if spread else 1):
                    effects = [cn.nonidealities.Variability("g", sigma=spread)] if spread else []
                    layout = wired.with_nonidealities(effects, seed)
                    right = sum(  # 32 images at a time stay in the cache
                        int((layout(x[k : k + 32]).argmax(axis=1) == y[k : k + 32]).sum()) for k in range(0, len(x), 32)
                    )
                    values.append(100.0 * right / len(x))
                results.write_text(json.dumps(found), encoding="utf-8")


def interval(values: list[float]) -> tuple[float, float]:
    """Return the mean and half of its 95 % confidence interval over seeds (Student's t)."""
    if len(values) < 2:
        return values[0], 0.0
    deviation = np.std(values, ddof=1) / np.sqrt(len(values))
    return float(np.mean(values)), float(t.ppf(0.975, len(values) - 1) * deviation)


def table(network: str, found: dict[str, list[float]]) -> str:
    """Return accuracies as a Markdown table, a row for each tile and spread."""
    lines = ["| tile | spread | " + " | ".join(f"{wire:g} ohm" for wire in WIRES) + " |"]
    lines.append("| --- " * (2 + len(WIRES)) + "|")
    for tile in TILES:
        for spread in SPREADS:
            cells = []
            for wire in WIRES:
                mean, half = interval(found[key(network, tile, wire, spread)])
                cells.append(f"{mean:.2f} ± {half:.2f}" if spread else f"{mean:.2f}")
            lines.append(f"| {tile} × {tile} | {100 * spread:g} % | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(networks: list[str], found: dict[str, list[float]]) -> None:
    """Write the picture with a palette of 64 colours, which keeps it small."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    shape = len(networks), len(SPREADS)
    figure, axes = plt.subplots(
        *shape, figsize=(10.0, 0.6 + 2.4 * len(networks)), sharey="row", sharex=True, squeeze=False
    )
    for network, row in zip(networks, axes, strict=True):
        for spread, ax in zip(SPREADS, row, strict=True):
            for tile in TILES:
                points = [interval(found[key(network, tile, wire, spread)]) for wire in WIRES]
                mean, half = np.array(points).T
                ax.errorbar(range(len(WIRES)), mean, half, marker="o", ms=3, lw=1, capsize=2, label=f"{tile} × {tile}")
            ax.set_title(f"{TITLES[network]}, spread {100 * spread:g} %", fontsize=9)
            ax.set_xticks(range(len(WIRES)), [f"{wire:g}" for wire in WIRES])
            ax.spines[["top", "right"]].set_visible(False)
        row[0].set_ylabel("accuracy (%)")
    for ax in axes[-1]:
        ax.set_xlabel("wire (ohm a segment)")
    axes[0, 0].legend(frameon=False, fontsize=8, title="tile", title_fontsize=8)
    figure.tight_layout()
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100)
    Image.open(drawn).convert("RGB").quantize(64).save(HERE / "accuracy_study.png", optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--results", type=Path, default=Path("accuracy_study.json"))
    parser.add_argument("--draw", action="store_true")
    options = parser.parse_args()
    found = json.loads(options.results.read_text(encoding="utf-8")) if options.results.is_file() else {}
    for network in options.network:
        if not options.draw:
            study(network, options.seeds, found, options.results)
        print(f"\n{TITLES[network]}, {IMAGES[network]} images\n\n{table(network, found)}")
    draw(options.network, found)


if __name__ == "__main__":
    main()
