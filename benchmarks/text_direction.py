"""A network that nobody here trained, on crossbars: RapidOCR's classifier of text direction, on rendered lines of text.

    pip install rapidocr-onnxruntime
    python benchmarks/text_direction.py [--seeds 5]

Sixteen texts, upright and upside down, with PIL's own font. The table has the share of the 32 lines that the circuit
puts into the right class, with the mean and the deviation over seeds where conductances are spread.
"""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import circuitnn as cn
from circuitnn.mapping.importers.onnx_file import OnnxFile

Array = NDArray[np.float64]
MODEL = "models/ch_ppocr_mobile_v2.0_cls_infer.onnx"
SHAPE = (3, 48, 192)
TEXTS = (
    "In the beginning", "Resistance", "Kirchhoff 1845", "crossbar array", "memristor", "3.14159", "Hello world",
    "Voltage source", "Conductance", "neuron 42", "Perceptron", "Hopfield", "Ohm's law", "synapse", "current", "GND",
)  # fmt: skip


def line(text: str, turned: bool) -> Array:
    """Return a line of text as the classifier takes it: -1 to 1, 0 beyond its end."""
    font = ImageFont.load_default(40)
    image = Image.new("RGB", (int(font.getlength(text)) + 16, SHAPE[1]), "white")
    ImageDraw.Draw(image).text((8, 0), text, fill="black", font=font)
    if turned:
        image = image.rotate(180)
    image = image.resize((min(SHAPE[2], image.width), SHAPE[1]), Image.Resampling.BILINEAR)
    found = np.zeros(SHAPE)
    found[:, :, : image.width] = (np.asarray(image) / 255.0 - 0.5).transpose(2, 0, 1) / 0.5
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    package = find_spec("rapidocr_onnxruntime")
    if package is None or not package.submodule_search_locations:
        sys.exit("rapidocr-onnxruntime is not installed")
    graph = OnnxFile().read(Path(package.submodule_search_locations[0]) / MODEL, input_shape=SHAPE)
    x = np.array([line(text, turned) for text in TEXTS for turned in (False, True)])
    y = np.tile([0, 1], len(TEXTS))
    layout = cn.compile(graph, tile=(128, 128), device=(1e-6, 100e-6))
    report = layout.report()
    print(f"{len(report.matrices)} matrices on {report.tiles} tiles, {report.cells} cells\n")
    print("| wires, ohm | spread | right, % |\n| --- | --- | --- |")
    for wire, spread in (*((w, 0.0) for w in (0.0, 0.5, 1.0, 2.0, 5.0)), *((0.5, s) for s in (0.02, 0.05, 0.1, 0.2))):
        wired, found = layout.with_wires(wire), []
        for seed in range(seeds if spread else 1):
            effects = [cn.nonidealities.Variability("g", sigma=spread)] if spread else []
            found.append(100.0 * np.mean(wired.with_nonidealities(effects, seed)(x).argmax(axis=1) == y))
        deviation = f" ± {np.std(found, ddof=1):.1f}" if len(found) > 1 else ""
        print(f"| {wire:g} | {100 * spread:g} % | {np.mean(found):.1f}{deviation} |", flush=True)


if __name__ == "__main__":
    main()
