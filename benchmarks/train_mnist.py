"""Train the networks for MNIST and write ``mnist_mlp.onnx`` and ``mnist_lenet5.onnx`` in ``circuitnn/data``.

    python benchmarks/train_mnist.py

784-128-10, and LeNet-5 (Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
recognition", Proc. IEEE 86 (1998) 2278-2324) with relu and max-pooling in the places of its tanh and averages. Pixels
are divided by 255. Adam on the cross-entropy with a linearly falling rate; nothing looks at the test images before the
end. One thread and fixed seeds, so that the same version of torch makes the same files again. Needs torch, onnx, and
``mnist.npz`` in the folder CIRCUITNN_DATA (default ``../shared/data``).
"""

from __future__ import annotations

import time

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from circuitnn.demos.mnist import NETWORKS, mnist_images, mnist_network

EPOCHS, BATCH, RATE = 12, 128, 2e-3
DECAY = {"mlp": 1e-5, "lenet5": 0.0}


def networks() -> dict[str, nn.Sequential]:
    """Return the untrained networks, without the final softmax."""
    torch.manual_seed(7)
    mlp = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    lenet = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    return {"mlp": mlp, "lenet5": lenet}


def train(network: nn.Sequential, x: torch.Tensor, y: torch.Tensor, decay: float) -> None:
    """Train in place."""
    shuffle = torch.Generator().manual_seed(7)
    optimiser = torch.optim.Adam(network.parameters(), RATE, weight_decay=decay)
    steps = EPOCHS * -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.01, steps)
    for _ in range(EPOCHS):
        for pick in torch.randperm(len(x), generator=shuffle).split(BATCH):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(x[pick]), y[pick]).backward()
            optimiser.step()
            schedule.step()


def to_onnx(network: nn.Sequential, name: str, shape: tuple[int, ...]) -> onnx.ModelProto:
    """Return the network followed by a softmax, with operators written one by one: the file depends on no exporter."""
    nodes, tensors, flow = [], [], "pixels"
    count: dict[str, int] = {}

    def add(operator: str, *parameters: torch.Tensor, **attributes: object) -> None:
        nonlocal flow
        count[operator] = count.get(operator, 0) + 1
        label = f"{operator.lower()}{count[operator]}"
        inputs = [flow]
        for what, values in zip(("weights", "bias"), parameters, strict=False):
            tensors.append(numpy_helper.from_array(values.detach().numpy(), f"{label}_{what}"))
            inputs.append(tensors[-1].name)
        nodes.append(helper.make_node(operator, inputs, [label], name=label, **attributes))
        flow = label

    for layer in network:
        if isinstance(layer, nn.Linear):
            add("Gemm", layer.weight, layer.bias, transB=1)
        elif isinstance(layer, nn.Conv2d):
            add("Conv", layer.weight, layer.bias, kernel_shape=layer.kernel_size, pads=[*layer.padding, *layer.padding])
        elif isinstance(layer, nn.MaxPool2d):
            add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        else:
            add({nn.ReLU: "Relu", nn.Flatten: "Flatten"}[type(layer)])
    add("Softmax", axis=1)
    graph = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", *shape])],
        [helper.make_tensor_value_info(flow, TensorProto.FLOAT, ["n", 10])],
        tensors,
    )  # fmt: skip
    model = helper.make_model(
        graph, producer_name="circuitnn", ir_version=8, opset_imports=[helper.make_opsetid("", 13)]
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """Train both and write their files."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    x, y, x_test, y_test = (torch.from_numpy(a) for part in ("train", "test") for a in mnist_images(part))
    for name, network in networks().items():
        start = time.perf_counter()
        shape = NETWORKS[name]
        train(network, x.reshape(-1, *shape).float(), y, DECAY[name])
        with torch.no_grad():
            right = network(x_test.reshape(-1, *shape).float()).argmax(1) == y_test
        path = mnist_network(name)
        path.write_bytes(to_onnx(network, name, shape).SerializeToString(deterministic=True))
        print(
            f"{name}: {100.0 * np.mean(right.numpy()):.2f} % of the test images, {path.stat().st_size} bytes, "
            f"{time.perf_counter() - start:.0f} s"
        )


if __name__ == "__main__":
    main()
