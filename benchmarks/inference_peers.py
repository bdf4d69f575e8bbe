"""The same trained networks in circuitnn, CrossSim and aihwkit, with equal settings, in one run: accuracy and time.

    python benchmarks/inference_peers.py [--network mlp lenet5] [--images 10000] [--wired-images 200] [--seeds 5]

Needs MNIST (see ``circuitnn.demos.mnist``), torch and onnx, and of the peers those that it finds: CrossSim as a folder
on PYTHONPATH (https://github.com/sandialabs/cross-sim), aihwkit as a package.

Settings, the same for all: cells of 10 to 100 uS; a pair of cells a weight, of which one stays at 10 uS; the largest
weight of a matrix at 100 uS; tiles that split every matrix evenly, so that all programs split it alike; digital biases;
8-bit converters of fixed ranges (the inputs from 0 to the largest, the currents from minus to plus the largest of 500
training images); programming errors normal with a deviation of 3 uS; wires of so many ohm a segment in both directions,
a segment before the first and one behind the last cell of each line. circuitnn puts the two cells of a pair side by
side in one array, CrossSim in two arrays; "two arrays" is circuitnn with CrossSim's arrays.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

import circuitnn as cn
from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.demos.mnist import NETWORKS, mnist_images, mnist_network
from circuitnn.mapping.layout import Layout
from circuitnn.mapping.matrix import MappedMatrix

Array = NDArray[np.float64]
Run = Callable[[Array], Array]

G_MIN, G_MAX = 10e-6, 100e-6
SPREAD = 0.03
BITS = 8
#: Word lines, and weights that a word line drives, of a tile: they divide the matrices of each network evenly.
TILES = {"mlp": (196, 64), "lenet5": (200, 120)}
OHMS = (0.5, 2.0)
TIGHT = "CrossSim, to 1e-7"


@dataclass(frozen=True)
class Setting:
    """What is not ideal: resolution of converters, deviation over g_max of programming, ohm a segment."""

    label: str
    bits: int | None = None
    spread: float = 0.0
    r_wire: float = 0.0


SETTINGS = (
    Setting("ideal"),
    Setting("8-bit converters", bits=BITS),
    Setting("programming error 3 %", spread=SPREAD),
    *(Setting(f"wires of {r:g} ohm", r_wire=r) for r in OHMS),
    Setting(f"all three, {OHMS[0]:g} ohm", BITS, SPREAD, OHMS[0]),
)


@dataclass(frozen=True)
class Ranges:
    """Ends of the converters' ranges of a matrix: its inputs, and the sums of a tile's products, in their units."""

    inputs: float
    products: float


@dataclass(frozen=True, eq=False)
class TwoArrays(MappedMatrix):
    """A matrix whose pairs of cells lie in two arrays, positive and negative, as CrossSim has them."""

    @cached_property
    def transfers(self) -> list[Array]:
        """Difference of the two arrays' matrices, a tile each."""
        halves = [[Crossbar(t.G[:, k::2], self.r_word, self.r_bit) for k in (0, 1)] for t in self.tiles]
        return [plus.transfer_matrix() - minus.transfer_matrix() for plus, minus in halves]


def ours(name: str, setting: Setting, ranges: list[Ranges], seed: int, *, two: bool = False) -> Layout:
    """Return the compiled network, transfer matrices included."""
    rows, outs = TILES[name]
    error = cn.nonidealities.ProgrammingError(fit="none", c0=setting.spread)
    layout = cn.compile(
        mnist_network(name), (rows, 2 * outs), (G_MIN, G_MAX), setting.r_wire,
        dac_bits=setting.bits, adc_bits=setting.bits, seed=seed, nonidealities=[error] if setting.spread else [],
    )  # fmt: skip
    made = []
    for matrix, ends in zip(layout.matrices, ranges, strict=True):
        if two:
            matrix = TwoArrays(**{f.name: getattr(matrix, f.name) for f in fields(matrix)})
        limit = ends.products * layout.periphery.read_voltage / (matrix.scale * ends.inputs)
        matrix = replace(matrix, x_limit=ends.inputs, signed=False)
        made.append(matrix.with_adc_limits([limit] * len(matrix.tiles)))
    return replace(layout, matrices=tuple(made))


def calibrate(name: str, x: Array) -> list[Ranges]:
    """Return the ranges of all matrices from typical inputs, exact converters and ideal wires."""
    rows, outs = TILES[name]
    layout = cn.compile(mnist_network(name), (rows, 2 * outs), (G_MIN, G_MAX))
    found: dict[str, list[Ranges]] = {}
    for read in layout.reads(x):
        unit = read.matrix.scale * read.matrix.x_limit / layout.periphery.read_voltage
        largest = max(float(np.abs(i).max()) for i in read.currents) * unit
        found.setdefault(read.matrix.label, []).append(Ranges(float(read.x.max()), largest))
    return [
        Ranges(max(r.inputs for r in found[m.label]), max(r.products for r in found[m.label])) for m in layout.matrices
    ]


def torch_network(name: str) -> nn.Sequential:
    """Return the network in torch from the same file."""
    model = onnx.load(mnist_network(name))
    tensors = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in model.graph.initializer}
    layers: list[nn.Module] = []
    for node in model.graph.node:
        parameters = [tensors[i] for i in node.input[1:]]
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Gemm":
            layer: nn.Module = nn.Linear(*reversed(parameters[0].shape))
        elif node.op_type == "Conv":
            out, into, size, _ = parameters[0].shape
            layer = nn.Conv2d(into, out, size, padding=attributes["pads"][0])
        else:
            layer = {"Relu": nn.ReLU(), "MaxPool": nn.MaxPool2d(2), "Flatten": nn.Flatten(), "Softmax": nn.Softmax(1)}[
                node.op_type
            ]
        if parameters:
            layer.load_state_dict(dict(zip(("weight", "bias"), parameters, strict=True)))
        layers.append(layer)
    return nn.Sequential(*layers).eval()


def crosssim(name: str, setting: Setting, ranges: list[Ranges], seed: int, *, error: float | None = None) -> Run:
    """Return the network in CrossSim; ``error`` is where its iterations for wires end, else its own 1e-3."""
    from simulator import CrossSimParameters
    from simulator.algorithms.dnn.torch.convert import from_torch

    rows, outs = TILES[name]
    network = torch_network(name)
    largest = [float(p.detach().abs().max()) for n, p in network.named_parameters() if n.endswith("weight")]
    every = []
    for ends, weight in zip(ranges, largest, strict=True):
        p = CrossSimParameters()
        p.core.rows_max, p.core.cols_max = rows, outs
        p.xbar.device.Rmin, p.xbar.device.Rmax = 1.0 / G_MAX, 1.0 / G_MIN
        inputs = p.core.mapping.inputs.mvm
        inputs.min, inputs.max = 0.0, 2.0 * ends.inputs  # it divides by half of the range
        if setting.bits:
            p.xbar.dac.mvm.model, p.xbar.dac.mvm.bits, p.xbar.dac.mvm.signed = "QuantizerDAC", setting.bits, False
            inputs.max = ends.inputs
            p.xbar.adc.mvm.model, p.xbar.adc.mvm.bits = "SignMagnitudeADC", setting.bits
            end = ends.products / (weight * ends.inputs) * (1.0 - G_MIN / G_MAX)
            p.xbar.adc.mvm.calibrated_range = [-end, end]
        if setting.spread:
            program = p.xbar.device.programming_error
            program.enable, program.model, program.magnitude = True, "NormalIndependentDevice", setting.spread
        if setting.r_wire:
            wires = p.xbar.array.parasitics
            wires.enable, wires.Rp_row, wires.Rp_col = True, setting.r_wire, setting.r_wire
            p.simulation.hide_convergence_msg = True
            if error:  # with about the relaxation that it would find by itself, try after try
                solver = p.simulation
                solver.Verr_th_mvm, solver.relaxation_gamma, solver.Niters_max_parasitics = error, 0.45, 1000
        every.append(p)
    np.random.seed(seed)  # noqa: NPY002 - it draws from the global generator
    network = from_torch(network, every)
    return lambda x: _torch_run(network, x)


def aihwkit(name: str, setting: Setting, ranges: list[Ranges], seed: int) -> Run:
    """Return the network in aihwkit."""
    from aihwkit.inference import SinglePairConductanceConverter
    from aihwkit.inference.noise.custom import StateIndependentNoiseModel
    from aihwkit.nn.conversion import convert_to_analog
    from aihwkit.simulator.configs import InferenceRPUConfig
    from aihwkit.simulator.parameters.enums import BoundManagementType, NoiseManagementType

    rows, outs = TILES[name]

    def config(ends: Ranges, weight: float) -> InferenceRPUConfig:
        c = InferenceRPUConfig()
        io = c.forward
        io.inp_noise = io.out_noise = io.w_noise = 0.0
        io.bound_management = BoundManagementType.NONE
        io.noise_management, io.nm_thres = NoiseManagementType.CONSTANT, ends.inputs
        if not setting.bits and not setting.r_wire:
            io.nm_thres *= 4.0  # it clips inputs in any case; the scale is one of its wires' drop, too
        io.inp_bound = 1.0
        io.inp_res = 0.5 / (2**setting.bits - 1) if setting.bits else -1.0  # its range goes down to -1
        io.out_bound = ends.products / (weight * ends.inputs) if setting.bits else 0.0
        io.out_res = 1.0 / (2**setting.bits - 2) if setting.bits else -1.0
        if setting.r_wire:
            io.ir_drop, io.ir_drop_g_ratio = 1.0, 1.0 / (setting.r_wire * G_MAX)
        c.mapping.max_input_size, c.mapping.max_output_size = rows, outs
        c.mapping.weight_scaling_omega, c.mapping.digital_bias = 1.0, True
        c.modifier.std_dev = 0.0
        c.drift_compensation = None
        c.noise_model = StateIndependentNoiseModel(
            SinglePairConductanceConverter(g_max=1e6 * G_MAX, g_min=1e6 * G_MIN),
            prog_coeff=[1e6 * G_MAX * setting.spread, 0.0, 0.0], drift_scale=0.0, read_noise_scale=0.0,
        )  # fmt: skip
        return c

    network = torch_network(name)
    torch.manual_seed(seed)
    made: list[nn.Module] = []
    left = iter(ranges)
    for layer in network:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            weight = float(layer.weight.detach().abs().max())
            made.append(convert_to_analog(nn.Sequential(layer), config(next(left), weight)))
        else:
            made.append(layer)
    analogue = nn.Sequential(*made).eval()
    if setting.spread:
        for module in analogue.modules():
            if hasattr(module, "analog_tiles") and not isinstance(module, nn.Sequential):
                for tile in module.analog_tiles():
                    tile.program_weights()
    return lambda x: _torch_run(analogue, x)


def _torch_run(network: nn.Module, x: Array) -> Array:
    with torch.no_grad():
        return network(torch.from_numpy(x.astype(np.float32))).numpy().astype(np.float64)


def _in_batches(run: Run, x: Array, size: int) -> Array:
    return np.concatenate([run(x[k : k + size]) for k in range(0, len(x), size)])


def programs() -> dict[str, Callable[..., Run]]:
    """Return the programs that are there."""
    found: dict[str, Callable[..., Run]] = {
        "circuitnn": ours,
        "circuitnn, two arrays": lambda *a: ours(*a, two=True),
    }
    if importlib.util.find_spec("simulator"):
        found["CrossSim"] = crosssim
        found[TIGHT] = lambda *a: crosssim(*a, error=1e-7)
    if importlib.util.find_spec("aihwkit"):
        found["aihwkit"] = aihwkit
    return found


def main() -> None:
    """Print a table a network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", nargs="+", default=["mlp"], choices=NETWORKS)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--wired-images", type=int, default=200, help="for CrossSim with wires, which takes long")
    parser.add_argument("--seeds", type=int, default=5, help="of programming errors")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.filterwarnings("ignore")
    versions = {p: importlib.metadata.version(p) for p in ("numpy", "torch") if importlib.util.find_spec(p)}
    if importlib.util.find_spec("aihwkit"):
        versions["aihwkit"] = importlib.metadata.version("aihwkit")
    print(versions, f"{options.threads} thread(s)")
    x, y = mnist_images()
    train, _ = mnist_images("train")
    for name in options.network:
        shape = NETWORKS[name]
        images = x[: options.images].reshape(-1, *shape)
        labels = y[: options.images]
        exact = cn.compile(mnist_network(name)).graph(images)
        ranges = calibrate(name, train[:500].reshape(-1, *shape))
        print(f"\n{name}, tiles of {TILES[name]}: {100 * np.mean(exact.argmax(1) == labels):.2f} % in double precision")
        heads = "setting", "program", "images", "accuracy, %", "same class, %", "apart", "setup, s", "1000 images, s"
        print("| " + " | ".join(heads) + " |\n" + "| --- " * len(heads) + "|")
        for setting in SETTINGS:
            reference: dict[int, Array] = {}
            for program, make in programs().items():
                if program == TIGHT and (setting.spread or not setting.r_wire):
                    continue
                slow = program.startswith("CrossSim") and setting.r_wire > 0.0
                n = options.wired_images if slow else len(images)
                right, same, apart, setup, taken = [], [], [], [], []
                for seed in range(options.seeds if setting.spread else 1):
                    began = time.process_time()
                    run = make(name, setting, ranges, seed)
                    if isinstance(run, Layout):
                        run(images[:1])  # makes the transfer matrices
                    setup.append(time.process_time() - began)
                    began = time.process_time()
                    found = _in_batches(run, images[:n], 20 if slow else 1000)
                    taken.append((time.process_time() - began) * 1000.0 / n)
                    if program == "circuitnn, two arrays":
                        reference[seed] = found
                    right.append(100.0 * np.mean(found.argmax(1) == labels[:n]))
                    same.append(100.0 * np.mean(found.argmax(1) == exact[:n].argmax(1)))
                    if program not in ("circuitnn", "circuitnn, two arrays") and not setting.spread:
                        apart.append(float(np.abs(found - reference[seed][:n]).max()))
                spread = f" ± {np.std(right, ddof=1):.2f}" if len(right) > 1 else ""
                print(
                    f"| {setting.label} | {program} | {n} | {np.mean(right):.2f}{spread} | {np.mean(same):.2f} | "
                    f"{f'{max(apart):.1e}' if apart else ''} | {np.mean(setup):.2f} | {np.mean(taken):.3f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
