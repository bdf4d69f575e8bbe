"""Training by pulses beside aihwkit: the same network, devices and rates in one run; times and statistics.

    python benchmarks/learning_peers.py [--images 2000] [--rounds 3] [--statistics]

Needs MNIST (see ``circuitnn.demos.mnist``) and aihwkit with torch, in one environment with circuitnn. Both use one
thread; times are those of the processor, so that other jobs do not count, and the best of the rounds, in turn.

The network is 784-256-128-10 of sigmoid layers and softmax (Gokmen and Vlasov 2016; Gokmen and Haensch 2020), batch 1,
reads are ideal in both, biases are cells. Devices are those authors' baseline: steps of 0.001 in +-0.6, 30 % spread of
steps and bounds, 30 % noise, 1 % spread of asymmetry, trains of up to 31 slots with update management.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")

from circuitnn.demos.mnist import mnist_images
from circuitnn.learning.rule import rule_of
from circuitnn.learning.synapses.synapse import synapses_of

NETWORK = (784, 256, 128, 10)
RATE, TRANSFER = 0.05, 0.1
DEVICE = "pulsed:steps=1200,asymmetry_spread=0.01"
SOFT = f"{DEVICE},law=soft"
#: What trains, by name: a rule and devices of ours, and aihwkit's devices.
CASES = {
    "constant steps": ("backpropagation", DEVICE, "ConstantStepDevice"),
    "soft bounds": ("backpropagation", SOFT, "SoftBoundsDevice"),
    "Tiki-Taka, soft bounds": ("tiki_taka", SOFT, "TransferCompound"),
}


def peer() -> Any:
    """Return aihwkit's configurations, or stop with a message."""
    try:
        import aihwkit.simulator.configs as configs
        import torch
    except ImportError as error:
        raise SystemExit(f"{error}: aihwkit 1.1.0 and a torch that it was built for are needed") from error
    torch.set_num_threads(1)
    return configs


def configuration(configs: Any, device: str) -> Any:
    """Return a configuration of aihwkit's whose reads are ideal."""
    perfect = configs.IOParameters(is_perfect=True)
    update = configs.UpdateParameters(desired_bl=31, update_management=True, update_bl_management=True)
    shared = {"forward": perfect, "backward": perfect, "update": update}
    shared["mapping"] = configs.MappingParameter(digital_bias=False, max_input_size=0, max_output_size=0)
    if device != "TransferCompound":
        return configs.SingleRPUConfig(device=getattr(configs, device)(), **shared)
    pair = configs.TransferCompound(
        unit_cell_devices=[configs.SoftBoundsDevice(), configs.SoftBoundsDevice()], transfer_every=1.0,
        units_in_mbatch=False, gamma=0.0, fast_lr=RATE, scale_transfer_lr=False, transfer_lr=TRANSFER, transfer_forward=perfect,
        transfer_update=update,
    )  # fmt: skip
    return configs.UnitCellRPUConfig(device=pair, **shared)


class Theirs:
    """A network of aihwkit's."""

    def __init__(self, configs: Any, device: str) -> None:
        import torch
        from aihwkit.nn import AnalogLinear, AnalogSequential
        from aihwkit.optim import AnalogSGD

        torch.manual_seed(1)
        layers: list[Any] = []
        for inputs, outputs in pairwise(NETWORK):
            made = AnalogLinear(inputs, outputs, bias=True, rpu_config=configuration(configs, device))
            layers += [made, torch.nn.Sigmoid()]
        self._model = AnalogSequential(*layers[:-1], torch.nn.LogSoftmax(dim=1))
        self._sgd = AnalogSGD(self._model.parameters(), lr=RATE)
        self._sgd.regroup_param_groups(self._model)
        self._loss, self._torch = torch.nn.NLLLoss(), torch

    def learn(self, x: Any, y: Any) -> None:
        images, labels = self._torch.tensor(x, dtype=self._torch.float32), self._torch.tensor(y)
        for k in range(len(x)):
            self._sgd.zero_grad()
            self._loss(self._model(images[k : k + 1]), labels[k : k + 1]).backward()
            self._sgd.step()

    def right(self, x: Any, y: Any) -> float:
        with self._torch.no_grad():
            found = self._model(self._torch.tensor(x, dtype=self._torch.float32)).argmax(1).numpy()
        return float(np.mean(found == y))


class Ours:
    """The same of ours."""

    def __init__(self, rule: str, synapses: str) -> None:
        more = {"transfer": TRANSFER} if rule == "tiki_taka" else {}
        self._rule = rule_of(
            rule, network=NETWORK, synapses=synapses, rate=RATE, batch=1, activation="sigmoid", largest=0.6, **more
        )

    def learn(self, x: Any, y: Any) -> None:
        self._rule.learn(x, np.eye(10)[y])

    def right(self, x: Any, y: Any) -> float:
        return float(np.mean(self._rule.outputs(x).argmax(1) == y))


def speeds(configs: Any, images: int, rounds: int) -> None:
    """Print microseconds an example and accuracies."""
    x, y = mnist_images("train")
    test = mnist_images("test")
    print(f"{'':<24}{'aihwkit':>12}{'circuitnn':>12}{'ratio':>8}{'accuracy of both after the rounds':>36}")
    for name, (rule, synapses, device) in CASES.items():
        made: list[Any] = [Theirs(configs, device), Ours(rule, synapses)]
        best = [np.inf, np.inf]
        for one in made:
            one.learn(x[-100:], y[-100:])
        for k in range(rounds):
            part = slice(k * images, (k + 1) * images)
            for i, one in enumerate(made):
                began = time.process_time()
                one.learn(x[part], y[part])
                best[i] = min(best[i], (time.process_time() - began) / images * 1e6)
        right = [one.right(*test) for one in made]
        print(
            f"{name:<24}{best[0]:>9.0f} us{best[1]:>9.0f} us{best[0] / best[1]:>8.1f}"
            f"{100 * right[0]:>28.1f} %{100 * right[1]:>6.1f} %",
            flush=True,
        )


def walks(configs: Any, shape: tuple[int, int] = (200, 100)) -> None:
    """Print mean and deviation of weights after the same 1000 pulses, 600 of them up, of both."""
    import torch
    from aihwkit.nn import AnalogLinear

    signs = np.random.default_rng(0).permutation(np.repeat([1.0, -1.0], [600, 400]))
    print(f"\n{'weights after 1000 pulses':<28}{'aihwkit':>26}{'circuitnn':>26}")
    for name in ("constant steps", "soft bounds"):
        _, synapses, device = CASES[name]
        layer = AnalogLinear(shape[0], shape[1], bias=False, rpu_config=configuration(configs, device))
        tile = next(layer.analog_tiles())
        tile.set_weights(torch.zeros(shape[1], shape[0]))
        tile.set_learning_rate(0.001)  # with inputs of 1 and management, a train of one sure slot
        ours = synapses_of(synapses).build(np.zeros(shape), np.random.default_rng(1), largest=0.6)
        for sign in signs:
            # aihwkit subtracts the gradient
            tile.update(torch.ones(1, shape[0]), torch.full((1, shape[1]), -float(sign)))
            ours.update(np.ones((1, shape[0])), np.full((1, shape[1]), 0.001 * sign))
        theirs = np.asarray(tile.get_weights()[0])
        describe: Callable[[Any], str] = lambda w: f"{w.mean():.4f} +- {w.std():.4f}"  # noqa: E731
        print(f"{name:<28}{describe(theirs):>26}{describe(ours.weights):>26}", flush=True)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=2000, help="examples of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--statistics", action="store_true", help="only the comparison of pulses")
    given = parser.parse_args()
    configs = peer()
    if not given.statistics:
        speeds(configs, given.images, given.rounds)
    walks(configs)


if __name__ == "__main__":
    main()
