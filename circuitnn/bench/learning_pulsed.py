"""Training by pulses, and the same network, devices and rates in aihwkit where it is installed."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.bench.runner import Row, median_times
from circuitnn.errors import UsageError
from circuitnn.learning.rule import rule_of
from circuitnn.learning.synapses.synapse import synapses_of

Array = NDArray[Any]

NETWORK = (784, 256, 128, 10)
RATE, TRANSFER = 0.05, 0.1
#: Steps of 0.001 in +-0.6, the baseline of Gokmen and Vlasov (2016) with aihwkit's spread of asymmetry.
DEVICE = "pulsed:steps=1200,asymmetry_spread=0.01"
SOFT = f"{DEVICE},law=soft"
LARGEST = 0.6
#: What trains, by name: a rule and devices of ours, and aihwkit's devices.
CASES = {
    "constant steps": ("backpropagation", DEVICE, "ConstantStepDevice"),
    "soft bounds": ("backpropagation", SOFT, "SoftBoundsDevice"),
    "Tiki-Taka, soft bounds": ("tiki_taka", SOFT, "TransferCompound"),
}
_GOAL = 1.0
_EXAMPLES = 200


def installed() -> bool:
    """Return whether aihwkit and torch can be imported."""
    return all(importlib.util.find_spec(name) for name in ("aihwkit", "torch"))


def configuration(device: str) -> Any:
    """Return a configuration of aihwkit's, whose reads are ideal and whose updates are stochastic trains.

    Raises
    ------
    UsageError
        When aihwkit is not installed.
    """
    if not installed():
        raise UsageError("aihwkit is not installed", expected="aihwkit 1.1.0 and a torch that it was built for")
    configs: Any = importlib.import_module("aihwkit.simulator.configs")
    perfect = configs.IOParameters(is_perfect=True)
    update = configs.UpdateParameters(desired_bl=31, update_management=True, update_bl_management=True)
    shared = {"forward": perfect, "backward": perfect, "update": update}
    shared["mapping"] = configs.MappingParameter(digital_bias=False, max_input_size=0, max_output_size=0)
    if device != "TransferCompound":
        return configs.SingleRPUConfig(device=getattr(configs, device)(), **shared)
    pair = configs.TransferCompound(
        unit_cell_devices=[configs.SoftBoundsDevice(), configs.SoftBoundsDevice()], transfer_every=1.0,
        units_in_mbatch=False, gamma=0.0, fast_lr=RATE, scale_transfer_lr=False, transfer_lr=TRANSFER,
        transfer_forward=perfect, transfer_update=update,
    )  # fmt: skip
    return configs.UnitCellRPUConfig(device=pair, **shared)


class Theirs:
    """A network of aihwkit's on one thread: sigmoid layers, softmax, a plain loop of torch.

    Parameters
    ----------
    device : str
        Name of aihwkit's device.
    """

    def __init__(self, device: str) -> None:
        config = partial(configuration, device)
        config()
        self._torch: Any = importlib.import_module("torch")
        nn: Any = importlib.import_module("aihwkit.nn")
        optim: Any = importlib.import_module("aihwkit.optim")
        self._torch.set_num_threads(1)
        self._torch.manual_seed(1)
        layers: list[Any] = []
        for inputs, outputs in pairwise(NETWORK):
            layers += [nn.AnalogLinear(inputs, outputs, bias=True, rpu_config=config()), self._torch.nn.Sigmoid()]
        self._model = nn.AnalogSequential(*layers[:-1], self._torch.nn.LogSoftmax(dim=1))
        self._sgd = optim.AnalogSGD(self._model.parameters(), lr=RATE)
        self._sgd.regroup_param_groups(self._model)
        self._loss = self._torch.nn.NLLLoss()

    def learn(self, x: Array, y: Array) -> None:
        """Learn images (samples, 784) and their digits one by one."""
        images, labels = self._torch.tensor(x, dtype=self._torch.float32), self._torch.tensor(y)
        for k in range(len(x)):
            self._sgd.zero_grad()
            self._loss(self._model(images[k : k + 1]), labels[k : k + 1]).backward()
            self._sgd.step()

    def right(self, x: Array, y: Array) -> float:
        """Return the part of the images whose digit it finds."""
        with self._torch.no_grad():
            found = self._model(self._torch.tensor(x, dtype=self._torch.float32)).argmax(1).numpy()
        return float(np.mean(found == y))


class Ours:
    """The same here.

    Parameters
    ----------
    rule, synapses : str
    """

    def __init__(self, rule: str, synapses: str) -> None:
        more = {"transfer": TRANSFER} if rule == "tiki_taka" else {}
        numbers = {"rate": RATE, "batch": 1, "activation": "sigmoid", "largest": LARGEST} | more
        self._rule = rule_of(rule, network=NETWORK, synapses=synapses, **numbers)

    def learn(self, x: Array, y: Array) -> None:
        """Learn images (samples, 784) and their digits one by one."""
        self._rule.learn(x, np.eye(10)[y])

    def right(self, x: Array, y: Array) -> float:
        """Return the part of the images whose digit it finds."""
        return float(np.mean(self._rule.outputs(x).argmax(1) == y))


def strokes(samples: int) -> tuple[Array, Array]:
    """Return images as sparse as MNIST's, a fifth of whose pixels are not 0, and digits."""
    rng = np.random.default_rng(0)
    x = rng.random((samples, NETWORK[0])) * (rng.random((samples, NETWORK[0])) < 0.19)
    return x, rng.integers(0, 10, samples)


def _update(samples: int) -> Callable[[], object]:
    """Return an update of 784 x 256 cells by 150 rows, a tenth of a step a cell on average."""
    held = synapses_of(DEVICE).build(np.zeros(NETWORK[:2]), np.random.default_rng(0), largest=LARGEST)
    x, _ = strokes(samples)
    d = 3e-4 * np.random.default_rng(1).standard_normal((samples, NETWORK[1]))
    pairs = [(x[k : k + 1].astype(np.float32), d[k : k + 1].astype(np.float32)) for k in range(samples)]

    def run() -> None:
        for row, column in pairs:
            held.update(row, column)

    return run


def pulsed(rounds: int) -> list[Row]:
    """Return what an example takes here and in aihwkit, and an update of one matrix."""
    x, y = strokes(_EXAMPLES)
    rows = []
    for name, (rule, synapses, device) in CASES.items():
        made: list[Any] = [Ours(rule, synapses)] + ([Theirs(device)] if installed() else [])
        taken = [1e6 * t / _EXAMPLES for t in median_times([partial(one.learn, x, y) for one in made], rounds)]
        peer = taken[1] if len(taken) > 1 else None
        beside: dict[str, float | str] = {"examples/s": 1e6 / taken[0]}
        if peer is not None:
            beside["aihwkit's"] = 1e6 / peer
        rows.append(Row(f"{name}: an example", taken[0], "us", baseline=peer, goal=_GOAL, details=beside))
    (taken_update,) = median_times([_update(_EXAMPLES)], rounds)
    rows.append(Row("update of 784 x 256 by pulses", 1e6 * taken_update / _EXAMPLES, "us"))
    return rows
