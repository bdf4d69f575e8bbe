"""Large networks with random weights, as ONNX models: what compilers are measured with where no trained one is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from circuitnn.errors import missing_extra

if TYPE_CHECKING:
    import onnx


class _Writer:
    """Nodes and weights of a model in the making; weights after He et al., ICCV 2015, doi:10.1109/ICCV.2015.123."""

    def __init__(self, seed: int) -> None:
        try:
            from onnx import helper, numpy_helper
        except ImportError:
            raise missing_extra("onnx", "onnx", "making an ONNX model") from None
        self._helper, self._numpy = helper, numpy_helper
        self._rng = np.random.default_rng(seed)
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        name = f"{kind.lower()}{len(self._nodes) + 1}"
        self._nodes.append(self._helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(self, values: Any) -> str:
        """Add weights, and return their name."""
        name = f"w{len(self._constants) + 1}"
        self._constants.append(self._numpy.from_array(np.asarray(values, dtype=np.float32), name))
        return name

    def conv(self, x: str, ins: int, outs: int, size: int, stride: int = 1, groups: int = 1, gain: float = 1.0) -> str:
        """Add a convolution that keeps the size, but for its stride, and its batch normalisation."""
        fan_in = ins // groups * size * size
        weights = self._rng.normal(0.0, np.sqrt(2.0 / fan_in), (outs, ins // groups, size, size))
        pads = [size // 2] * 4
        out = self.node("Conv", x, self.constant(weights), strides=[stride] * 2, pads=pads, group=groups)
        scale, var = gain * self._rng.uniform(0.8, 1.2, outs), self._rng.uniform(0.8, 1.2, outs)
        offset, mean = self._rng.normal(0.0, 0.1, (2, outs))
        return self.node("BatchNormalization", out, *map(self.constant, (scale, offset, mean, var)))

    def head(self, x: str, ins: int, classes: int) -> str:
        """Add the mean over all pixels and a dense layer."""
        x = self.node("Flatten", self.node("GlobalAveragePool", x))
        weights = self._rng.normal(0.0, np.sqrt(1.0 / ins), (ins, classes))
        return self.node("Gemm", x, self.constant(weights), self.constant(self._rng.normal(0.0, 0.1, classes)))

    def model(self, out: str, size: int, classes: int) -> onnx.ModelProto:
        """Return the model of images of ``size`` by ``size``."""
        h = self._helper
        x = h.make_tensor_value_info("x", 1, ["n", 3, size, size])
        y = h.make_tensor_value_info(out, 1, ["n", classes])
        graph = h.make_graph(self._nodes, "random", [x], [y], self._constants)
        model: onnx.ModelProto = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)
        return model


def resnet18(size: int = 224, width: int = 64, classes: int = 1000, seed: int = 0) -> onnx.ModelProto:
    """Return ResNet-18 with random weights: 11.7 million of them as published.

    Parameters
    ----------
    size : int
        Rows and columns of an image of three channels.
    width : int
        Channels of the first stage; the last one has eight times as many.
    classes : int
    seed : int

    References
    ----------
    K. He et al., "Deep residual learning for image recognition", CVPR 2016, doi:10.1109/CVPR.2016.90, table 1.

    Examples
    --------
    >>> model = resnet18()
    >>> sum(int(np.prod(w.dims)) for w in model.graph.initializer if len(w.dims) > 1)
    11678912
    """
    w = _Writer(seed)
    x = w.node("Relu", w.conv("x", 3, width, 7, 2))
    x = w.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    ins = width
    for stage, outs in enumerate(width * 2**k for k in range(4)):
        for stride in (1 if stage == 0 else 2, 1):
            inner = w.node("Relu", w.conv(x, ins, outs, 3, stride))
            branch = w.conv(inner, outs, outs, 3, gain=0.5)
            x = x if ins == outs else w.conv(x, ins, outs, 1, stride, gain=np.sqrt(0.5))
            x = w.node("Relu", w.node("Add", branch, x))
            ins = outs
    return w.model(w.head(x, ins, classes), size, classes)


def mobilenet(size: int = 224, width: int = 32, classes: int = 1000, seed: int = 0) -> onnx.ModelProto:
    """Return MobileNet with random weights: depthwise convolutions between those of single pixels, 4.2 million weights.

    Parameters are those of `resnet18`; ``width`` is the number of channels of the first layer.

    References
    ----------
    A. G. Howard et al., "MobileNets: Efficient convolutional neural networks for mobile vision applications",
    arXiv:1704.04861, table 1.

    Examples
    --------
    >>> model = mobilenet()
    >>> sum(int(np.prod(w.dims)) for w in model.graph.initializer if len(w.dims) > 1)
    4209088
    """
    w = _Writer(seed)
    x = w.node("Relu", w.conv("x", 3, width, 3, 2))
    ins = width
    for wider, stride in [(2, 1), (4, 2), (4, 1), (8, 2), (8, 1), (16, 2), *[(16, 1)] * 5, (32, 2), (32, 1)]:
        x = w.node("Relu", w.conv(x, ins, ins, 3, stride, groups=ins))
        x = w.node("Relu", w.conv(x, ins, wider * width, 1))
        ins = wider * width
    return w.model(w.head(x, ins, classes), size, classes)
