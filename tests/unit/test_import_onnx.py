"""ONNX networks against the reference implementation of ONNX, in double precision, one sample at a time."""

import base64
import json
from importlib import util
from pathlib import Path

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import MappingError
from circuitnn.mapping.folding import fold
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.importers.onnx_file import EXPORT as ONNX
from circuitnn.mapping.importers.onnx_operators import OPERATORS
from circuitnn.mapping.operators.external import External
from circuitnn.mapping.operators.pooling import Pool
from circuitnn.registry import catalog

onnx = pytest.importorskip("onnx")
RNG = np.random.default_rng(11)


def model(nodes, constants, shape, outputs=("y",), opset=17, batch="n", kind=onnx.TensorProto.DOUBLE):
    """Return a model of (operator, inputs, outputs, attributes) whose input is x."""
    helper = onnx.helper
    dims = ([batch] if batch is not None else []) + list(shape)
    graph = helper.make_graph(
        [helper.make_node(*n[:3], name=f"n{k}", **(n[3] if len(n) > 3 else {})) for k, n in enumerate(nodes)],
        "net",
        [helper.make_tensor_value_info("x", kind, dims)],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def reference(proto, x, output=0):
    from onnx.reference import ReferenceEvaluator

    with np.errstate(all="ignore"):
        evaluator = ReferenceEvaluator(proto)
        return np.concatenate([evaluator.run(None, {"x": row[None]})[output].reshape(1, -1) for row in x])


def check(proto, shape, *, x=None, output=0, digital=(), tolerance=1e-12, **options):
    """Compare both graphs, as imported and folded, with the reference; return the folded one."""
    x = RNG.normal(size=(3, *shape)) if x is None else x
    expected = reference(proto, x, output)
    name = proto.graph.output[output].name
    for folded in (False, True):
        graph = ONNX.read(proto, output=name, digital=digital, folded=folded, **options)
        found = graph(x)
        assert found.shape == (3, *graph.output_shape)
        # Sums of up to some hundred products of numbers around one, in double precision.
        np.testing.assert_allclose(found.reshape(3, -1), expected, rtol=tolerance, atol=tolerance)
        low, high = enclosing(graph, x)
        assert low - 1e-9 <= found.min() and found.max() <= high + 1e-9
    if graph.matrices:  # on small tiles, with ideal wires and converters, the circuit is the network
        layout = cn.compile(graph, tile=(24, 16), calibration=x)
        np.testing.assert_allclose(layout(x).reshape(3, -1), expected, rtol=1e-6, atol=1e-8)
    return graph


def enclosing(graph, x):
    """Return the bounds of the last node, following every node's, and check that they hold all values between."""
    bounds = {"input": (float(x.min()), float(x.max()))}
    matrices = graph.matrices
    for node, value in graph.run(lambda label, v: v @ matrices[label], x):
        try:
            low, high = node.bounds(*(bounds[name] for name in node.inputs))
        except MappingError as error:  # operators of ONNX, and divisors that may be zero
            assert "no bound" in str(error)
            low, high = float(value.min()), float(value.max())
        slack = 1e-9 * max(1.0, abs(value).max())
        assert low <= value.min() + slack, node
        assert value.max() <= high + slack, node
        bounds[node.name] = (low, high)
    return bounds[graph.nodes[-1].name]


W = {
    "w": RNG.normal(size=(6, 5)),
    "b": RNG.normal(size=5),
    "k": RNG.normal(size=(4, 3, 3, 3)),
    "kb": RNG.normal(size=4),
    "dw": RNG.normal(size=(6, 1, 3, 3)),
    "gk": RNG.normal(size=(4, 2, 3, 3)),
    "k1": RNG.normal(size=(4, 3, 5)),
    "k3": RNG.normal(size=(2, 2, 2, 2, 2)),
    "tk": RNG.normal(size=(4, 3, 3, 3)),
    "c3": RNG.normal(size=3),
    "d3": RNG.normal(size=3),
    "m3": RNG.normal(size=3),
    "v3": RNG.uniform(0.5, 2.0, size=3),
    "s31": RNG.normal(size=(3, 1, 1)),
    "six": np.array(6.0),
    "two": np.array(2.0),
    "half": np.array([0.5]),
    "zero": np.array(0.0),
    "i1": np.array(1),
    "i02": np.array([2, 0, -1]),
    "axes": np.array([2, 3]),
    "axis1": np.array([1]),
    "mone": np.array([-1]),
    "flat": np.array([0, -1]),
}
IMAGE = (3, 8, 7)
UNARY = {
    "Relu": {}, "Sigmoid": {}, "Tanh": {}, "LeakyRelu": {"alpha": 0.2}, "Elu": {"alpha": 0.7}, "Celu": {"alpha": 1.5},
    "Selu": {}, "HardSigmoid": {"alpha": 0.3, "beta": 0.4}, "HardSwish": {}, "Softplus": {}, "Softsign": {}, "Exp": {},
    "Erf": {}, "Abs": {}, "Sign": {}, "Floor": {}, "Ceil": {}, "Round": {}, "Neg": {}, "Reciprocal": {}, "Mish": {},
    "ThresholdedRelu": {"alpha": 0.4}, "Softmax": {"axis": 1}, "LogSoftmax": {"axis": -1}, "Identity": {},
    "Gelu": {"approximate": "tanh"}, "Dropout": {}, "Flatten": {}, "ReduceL2": {"keepdims": 0, "axes": [1, 2]},
    "ReduceSumSquare": {"axes": [1]}, "ReduceL1": {"axes": [-1]}, "ReduceMax": {"axes": [2], "keepdims": 0},
    "ReduceMin": {"axes": [2, 3]}, "ReduceMean": {"axes": [1, 3]}, "GlobalAveragePool": {}, "GlobalMaxPool": {},
    "Clip": {}, "DepthToSpace": None, "Transpose": {"perm": [0, 2, 3, 1]},
}  # fmt: skip


@pytest.mark.parametrize("kind", [k for k, a in UNARY.items() if a is not None])
def test_operators_of_one_input(kind):
    opset = {"Gelu": 20, "Mish": 18}.get(kind, 17)
    # The reference computes these in single precision, or with parameters of single precision.
    tolerance = 1e-6 if kind in ("Selu", "Gelu", "HardSwish", "Erf", "Softplus") else 1e-12
    check(model([(kind, ["x"], ["y"], UNARY[kind])], {}, IMAGE, opset=opset), IMAGE, tolerance=tolerance)


GRAPHS = {
    "gemm": ([("Flatten", ["x"], ["f"]), ("Gemm", ["f", "w", "b"], ["y"])], (6,)),
    "vector": ([("MatMul", ["x", "c3"], ["y"])], (4, 3)),
    "matmul over steps": ([("MatMul", ["x", "w"], ["a"]), ("Add", ["a", "b"], ["y"])], (3, 6)),
    "matmul from the left": ([("Transpose", ["w"], ["t"]), ("MatMul", ["t", "x"], ["y"])], (6, 4)),
    "attention": ([("Transpose", ["x"], ["t"], {"perm": [0, 2, 1]}), ("MatMul", ["x", "t"], ["s"]),
                   ("Softmax", ["s"], ["p"]), ("MatMul", ["p", "x"], ["y"])], (4, 3)),
    "conv": ([("Conv", ["x", "k", "kb"], ["y"], {"pads": [1, 0, 2, 1], "strides": [2, 1], "dilations": [1, 2]})],
             IMAGE),
    "conv same": ([("Conv", ["x", "k"], ["y"], {"auto_pad": "SAME_UPPER", "strides": [2, 3]})], IMAGE),
    "conv same lower": ([("Conv", ["x", "k"], ["y"], {"auto_pad": "SAME_LOWER", "strides": [2, 2]})], IMAGE),
    "depthwise": ([("Conv", ["x", "dw"], ["y"], {"group": 6, "pads": [1] * 4})], (6, 5, 5)),
    "depthwise, two each": ([("Conv", ["x", "dw"], ["y"], {"group": 3})], IMAGE),
    "grouped": ([("Conv", ["x", "gk", "kb"], ["y"], {"group": 2})], (4, 5, 5)),
    "conv of a line": ([("Conv", ["x", "k1"], ["y"], {"strides": [2]})], (3, 12)),
    "conv of a volume": ([("Conv", ["x", "k3"], ["y"], {"pads": [1, 0, 0, 0, 1, 0]})], (2, 4, 3, 3)),
    "transposed": ([("ConvTranspose", ["x", "tk", "c3"], ["y"],
                     {"strides": [2, 3], "pads": [1, 0, 2, 1], "output_padding": [1, 0]})], (4, 4, 3)),
    "transposed, cut": ([("ConvTranspose", ["x", "tk"], ["y"], {"pads": [3, 0, 0, 0], "strides": [2, 2]})], (4, 4, 3)),
    "max pool": ([("MaxPool", ["x"], ["y"], {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1]})], IMAGE),
    "max pool, ceil": ([("MaxPool", ["x"], ["y"],
                         {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1})], IMAGE),
    "max pool, dilated": ([("MaxPool", ["x"], ["y"], {"kernel_shape": [2, 2], "dilations": [3, 2]})], IMAGE),
    "mean pool": ([("AveragePool", ["x"], ["y"], {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1]})],
                  IMAGE),
    "mean pool, padding": ([("AveragePool", ["x"], ["y"],
                             {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1})], IMAGE),
    "mean pool, ceil": ([("AveragePool", ["x"], ["y"], {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1})],
                        IMAGE),
    "mean pool of a line": ([("AveragePool", ["x"], ["y"], {"kernel_shape": [4], "strides": [3]})], (2, 10)),
    "batch norm": ([("BatchNormalization", ["x", "c3", "d3", "m3", "v3"], ["y"], {"epsilon": 1e-3})], IMAGE),
    "instance norm": ([("InstanceNormalization", ["x", "c3", "d3"], ["y"])], IMAGE),
    "layer norm": ([("LayerNormalization", ["x", "c3", "d3"], ["y"])], (4, 3)),
    "parametric": ([("PRelu", ["x", "s31"], ["y"])], IMAGE),
    "arithmetic": ([("Mul", ["x", "s31"], ["a"]), ("Sub", ["six", "a"], ["b_"]), ("Div", ["b_", "two"], ["c"]),
                    ("Max", ["c", "x"], ["d"]), ("Min", ["d", "six"], ["e"]), ("Pow", ["e", "two"], ["f"]),
                    ("Add", ["f", "x"], ["g"]), ("Sum", ["g", "x", "a"], ["h"]), ("Mean", ["h", "c", "a"], ["y"])],
                   IMAGE),
    "hard swish in parts": ([("Conv", ["x", "k"], ["c"]), ("Add", ["c", "three"], ["a"]),
                             ("Clip", ["a", "zero", "six"], ["p"]), ("Mul", ["c", "p"], ["m"]),
                             ("Div", ["m", "six"], ["y"])], IMAGE),
    "one sided clip": ([("Clip", ["x", "", "half0"], ["y"])], IMAGE),
    "squeeze and excite": ([("GlobalAveragePool", ["x"], ["g"]), ("Conv", ["g", "k11"], ["c"]),
                            ("HardSigmoid", ["c"], ["s"]), ("Mul", ["x", "s"], ["y"])], IMAGE),
    "residual": ([("Conv", ["x", "kk"], ["c"], {"pads": [1] * 4}), ("BatchNormalization",
                  ["c", "c3", "d3", "m3", "v3"], ["n"]), ("Add", ["n", "x"], ["a"]), ("Relu", ["a"], ["y"])], IMAGE),
    "shapes at run time": ([("Shape", ["x"], ["s"]), ("Gather", ["s", "zero_i"], ["n_"]),
                            ("Unsqueeze", ["n_", "zero_a"], ["u"]), ("Concat", ["u", "mone"], ["to"], {"axis": 0}),
                            ("Reshape", ["x", "to"], ["r"]), ("MatMul", ["r", "w168"], ["y"])], IMAGE),
    "merged samples": ([("Reshape", ["x", "rows"], ["r"]), ("MatMul", ["r", "w"], ["m"]),
                        ("Reshape", ["m", "back"], ["y"])], (4, 6)),
    "concat and split": ([("Split", ["x", "sizes"], ["a", "b_"], {"axis": 1}), ("Relu", ["a"], ["c"]),
                          ("Concat", ["b_", "c", "b_"], ["y"], {"axis": 1})], IMAGE),
    "slices": ([("Slice", ["x", "st", "en", "ax", "sp"], ["y"])], IMAGE),
    "gather": ([("Gather", ["x", "i02"], ["a"], {"axis": 2}), ("Gather", ["a", "i1"], ["y"], {"axis": 1})], IMAGE),
    "padding": ([("Pad", ["x", "pads", "two"], ["y"])], IMAGE),
    "reflected": ([("Pad", ["x", "mirror"], ["y"], {"mode": "reflect"})], IMAGE),
    "edges": ([("Pad", ["x", "pads"], ["y"], {"mode": "edge"})], IMAGE),
    "nearest": ([("Resize", ["x", "", "scales"], ["y"],
                  {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"})], IMAGE),
    "nearest, half pixel": ([("Resize", ["x", "", "", "sizes4"], ["y"], {})], IMAGE),
    "squeezes": ([("Unsqueeze", ["x", "axis1"], ["a"]), ("Transpose", ["a"], ["b_"], {"perm": [1, 0, 3, 2]}),
                  ("Squeeze", ["b_", "zero_a"], ["y"])], (4, 3)),
    "expand and tile": ([("Expand", ["x", "to3"], ["a"]), ("Tile", ["a", "times"], ["y"])], (1, 3)),
    "to channels": ([("DepthToSpace", ["x"], ["a"], {"blocksize": 2}), ("SpaceToDepth", ["a"], ["y"],
                     {"blocksize": 2})], (8, 2, 3)),
    "column row column": ([("DepthToSpace", ["x"], ["y"], {"blocksize": 2, "mode": "CRD"})], (8, 2, 3)),
    "shuffled": ([("Reshape", ["x", "to5"], ["a"]), ("Transpose", ["a"], ["b_"], {"perm": [0, 2, 1, 3, 4]}),
                  ("Reshape", ["b_", "to4"], ["y"])], (6, 4, 4)),
    "joined with one row": ([("Mul", ["x", "row"], ["y"])], (4, 3)),
}  # fmt: skip
MORE = {
    "three": np.array(3.0), "half0": np.array(0.5), "k11": RNG.normal(size=(3, 3, 1, 1)),
    "kk": RNG.normal(size=(3, 3, 3, 3)), "zero_i": np.array(0), "zero_a": np.array([0]),
    "w168": RNG.normal(size=(168, 4)), "rows": np.array([-1, 6]), "back": np.array([-1, 4, 5]),
    "sizes": np.array([1, 2]), "st": np.array([-1, 1]), "en": np.array([-100, 100]), "ax": np.array([2, 3]),
    "sp": np.array([-2, 3]), "pads": np.array([0, 0, 1, 2, 0, 1, 0, 0]), "mirror": np.array([0, 0, 2, 1, 0, 0, 1, 3]),
    "scales": np.array([1.0, 1.0, 2.0, 1.5], np.float32), "sizes4": np.array([1, 3, 11, 5]), "to3": np.array([1, 5, 3]),
    "times": np.array([1, 2, 3]), "to5": np.array([0, 2, 3, 4, 4]), "to4": np.array([0, 6, 4, 4]),
    "row": RNG.normal(size=(1, 4, 3)),
}  # fmt: skip


@pytest.mark.parametrize("kind", GRAPHS)
def test_graphs_against_the_reference(kind):
    nodes, shape = GRAPHS[kind]
    read = {name for n in nodes for name in n[1]}
    constants = {k: v for k, v in {**W, **MORE}.items() if k in read}
    # epsilon, and numbers of HardSigmoid, are attributes in single precision.
    graph = check(model(nodes, constants, shape), shape, tolerance=1e-7 if "x" in kind or "norm" in kind else 1e-12)
    for node in graph.nodes:  # what a layout file keeps is enough to make them again
        plain, arrays = node.stored()
        again = type(node)(**{k: tuples(v) for k, v in json.loads(json.dumps(plain)).items()}, **arrays)
        assert again.stored()[0] == plain
        assert again.shape(*(graph.shapes[n] for n in node.inputs)) == graph.shapes[node.name]


def tuples(value):
    return tuple(map(tuples, value)) if isinstance(value, list) else value


def test_windows_that_begin_beyond_the_input_do_not_count():
    """As PyTorch's MaxPool2d states for ceil_mode; eight positions with padding, and a fifth window in the padding."""
    pool = Pool(kernel=(2,), stride=(2,), padding=((1, 1),), ceil=True)
    assert pool.shape((1, 7)) == (1, 4)
    assert pool.run(None, np.arange(7.0).reshape(1, 1, 7)).ravel().tolist() == [0.0, 2.0, 4.0, 6.0]
    assert pool.shape((1, 8)) == (1, 5)


def test_quantised_networks():
    """Eight-bit weights and activations, as quantisers write them: numbers between pairs of operators."""
    weights = RNG.integers(-127, 128, size=(6, 5)).astype(np.int8)
    constants = {"w": weights, "ws": np.arange(1, 6) / 100, "s": np.array(0.05),
                 "z": np.array(120, np.uint8), "ys": np.array(0.1), "yz": np.array(3, np.int8)}  # fmt: skip
    nodes = [
        ("QuantizeLinear", ["x", "s", "z"], ["q"]),
        ("DequantizeLinear", ["q", "s", "z"], ["a"]),
        ("DequantizeLinear", ["w", "ws"], ["f"], {"axis": -1}),
        ("MatMul", ["a", "f"], ["m"]),
        ("Relu", ["m"], ["r"]),
        ("QuantizeLinear", ["r", "ys", "yz"], ["p"]),
        ("DequantizeLinear", ["p", "ys", "yz"], ["y"]),
    ]
    x = 4.0 * RNG.normal(size=(20, 6))  # some beyond the range of eight bits

    def levels(v, step, zero, low, high):
        return (np.clip(np.rint(v / step) + zero, low, high) - zero) * step

    hidden = np.maximum(levels(x, 0.05, 120, 0, 255) @ (np.arange(1, 6) / 100 * weights), 0.0)
    graph = ONNX.read(model(nodes, constants, (6,)))
    np.testing.assert_allclose(graph(x), levels(hidden, 0.1, 3, -128, 127), rtol=1e-9, atol=1e-12)
    assert graph.matrices.keys() == {"n3"}
    low, high = enclosing(graph, x)
    assert low >= -13.1 and high <= 12.4  # (-128 - 3) and (127 - 3) steps of 0.1


def test_old_operator_versions():
    """Attributes that are inputs today, and softmax over all axes behind the first."""
    nodes = [
        ("Clip", ["x"], ["a"], {"min": -1.0, "max": 1.0}),
        ("Unsqueeze", ["a"], ["b"], {"axes": [1]}),
        ("Squeeze", ["b"], ["c"], {"axes": [1]}),
        ("Slice", ["c"], ["d"], {"axes": [1], "starts": [1], "ends": [3]}),
        ("Pad", ["d"], ["e"], {"pads": [0, 0, 1, 0, 0, 1], "mode": "constant", "value": 0.25}),
        ("Softmax", ["e"], ["y"]),
    ]
    shape = (3, 4)
    x = RNG.normal(size=(3, *shape))
    e = np.pad(np.clip(x, -1, 1)[:, 1:3], ((0, 0), (0, 0), (1, 1)), constant_values=0.25)
    expected = np.exp(e) / np.exp(e).sum(axis=(1, 2), keepdims=True)
    found = ONNX.read(model(nodes, {}, shape, opset=9))(x)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


# Recurrent layers


def recurrent(kind, direction, gates, with_bias=True, batch_at=1, **attributes):
    ways, features, hidden = (2 if direction == "bidirectional" else 1), 3, 4
    constants = {
        "w": RNG.normal(size=(ways, gates * hidden, features)),
        "r": 0.5 * RNG.normal(size=(ways, gates * hidden, hidden)),
        "b": RNG.normal(size=(ways, 2 * gates * hidden)),
        "h0": RNG.normal(size=(ways, 1, hidden)),
    }
    inputs = ["s", "w", "r", "b" if with_bias else "", "", "h0"]
    if kind == "LSTM":
        constants["c0"] = RNG.normal(size=(ways, 1, hidden))
        inputs.append("c0")
    nodes = [
        ("Transpose", ["x"], ["s"], {"perm": [1, 0, 2]}),
        (kind, inputs, ["all", "last"], {"hidden_size": hidden, "direction": direction, **attributes}),
    ]
    return model(nodes, constants, (5, features), outputs=("all", "last"), opset=14)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(
    ("kind", "gates", "attributes"),
    [("LSTM", 4, {}), ("GRU", 3, {"linear_before_reset": 0}), ("GRU", 3, {"linear_before_reset": 1}), ("RNN", 1, {})],
)
def test_recurrent_layers(kind, gates, attributes, direction):
    """Against the recurrences of the ONNX specification, written out here for each direction."""
    proto = recurrent(kind, direction, gates, **attributes)
    numbers = {t.name: onnx.numpy_helper.to_array(t) for t in proto.graph.initializer}
    x = RNG.normal(size=(3, 5, 3))
    for folded in (False, True):
        every = ONNX.read(proto, folded=folded)(x)
        last = ONNX.read(proto, output="last", folded=folded)(x)
        for n in range(3):
            expected, ends = by_hand(kind, numbers, direction, x[n], attributes.get("linear_before_reset", 0))
            np.testing.assert_allclose(every[n], expected, rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(last[n].reshape(ends.shape), ends, rtol=1e-12, atol=1e-12)


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def by_hand(kind, numbers, direction, x, after):
    ways = {"forward": [1], "reverse": [-1], "bidirectional": [1, -1]}[direction]
    hidden = numbers["r"].shape[2]
    out, ends = np.zeros((len(x), len(ways), hidden)), []
    for way, sign in enumerate(ways):
        w, r, b = numbers["w"][way], numbers["r"][way], numbers["b"][way]
        wb, rb = np.split(b, 2)
        h = numbers["h0"][way, 0]
        c = numbers["c0"][way, 0] if kind == "LSTM" else None
        for t in range(len(x))[::sign]:
            a, u = w @ x[t] + wb, r @ h + rb
            if kind == "RNN":
                h = np.tanh(a + u)
            elif kind == "LSTM":
                i, o, f, g = np.split(a + u, 4)
                c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                h = sigmoid(o) * np.tanh(c)
            else:
                z, reset, _ = np.split(sigmoid(a + u), 3)
                n = 2 * hidden
                inner = reset * (r[n:] @ h + rb[n:]) if after else r[n:] @ (reset * h) + rb[n:]
                h = (1 - z) * np.tanh(a[n:] + inner) + z * h
            out[t, way] = h
        ends.append(h)
    return out, np.array(ends)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_recurrent_layers_against_the_reference(kind):
    proto = recurrent(kind, "forward", {"LSTM": 4, "GRU": 3, "RNN": 1}[kind])
    check(proto, (5, 3))
    check(proto, (5, 3), output=1)


@pytest.mark.parametrize(
    ("attributes", "inputs", "word"),
    [
        ({"clip": 1.0}, 0, "clip"),
        ({"activations": ["Relu", "Tanh", "Tanh"]}, 0, "Relu Tanh Tanh"),
        ({"input_forget": 1}, 0, "input_forget"),
        ({}, 8, "peepholes"),
    ],
)
def test_recurrent_forms_that_are_refused(attributes, inputs, word):
    proto = recurrent("LSTM", "forward", 4, **attributes)
    if inputs == 8:
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((1, 12)), "p"))
        proto.graph.node[1].input.append("p")
    with pytest.raises(MappingError, match=rf"n1 \(LSTM\): .*{word}"):
        ONNX.read(proto)


def test_cells_of_an_lstm_are_no_output():
    proto = recurrent("LSTM", "forward", 4)
    proto.graph.node[1].output.append("cells")
    proto.graph.output.append(onnx.helper.make_empty_tensor_value_info("cells"))
    ONNX.read(proto)  # nobody asks for them
    with pytest.raises(MappingError, match="its output 3"):
        ONNX.read(proto, output="cells")


# Whole networks


def resnet18(width=2, classes=5):
    """A ResNet-18 (He et al. 2016, table 1) with few channels and random weights, as exporters write it."""
    rng = np.random.default_rng(4)
    nodes, numbers = [], {}

    def conv(at, name, ins, outs, size, stride):
        numbers[f"{name}.w"] = rng.normal(size=(outs, ins, size, size)) * np.sqrt(2 / (ins * size**2))
        pads = [size // 2] * 4
        nodes.append(("Conv", [at, f"{name}.w"], [name], {"strides": [stride] * 2, "pads": pads}))
        for key, value in zip("gbmv", rng.uniform(0.5, 1.5, size=(4, outs)), strict=True):
            numbers[f"{name}.{key}"] = value
        nodes.append(("BatchNormalization", [name, *(f"{name}.{k}" for k in "gbmv")], [f"{name}n"]))
        return f"{name}n"

    def relu(at):
        nodes.append(("Relu", [at], [f"{at}r"]))
        return f"{at}r"

    at = relu(conv("x", "stem", 3, width, 7, 2))
    nodes.append(("MaxPool", [at], ["pool"], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1] * 4}))
    at, ins = "pool", width
    for stage in range(4):
        outs = width * 2**stage
        for block in range(2):
            stride = 2 if stage and not block else 1
            name = f"s{stage}b{block}"
            inner = conv(relu(conv(at, f"{name}a", ins, outs, 3, stride)), f"{name}c", outs, outs, 3, 1)
            other = conv(at, f"{name}d", ins, outs, 1, stride) if ins != outs else at
            nodes.append(("Add", [inner, other], [f"{name}s"]))
            at, ins = relu(f"{name}s"), outs
    numbers["fc.w"], numbers["fc.b"] = rng.normal(size=(classes, ins)), rng.normal(size=classes)
    nodes.append(("GlobalAveragePool", [at], ["gap"]))
    nodes.append(("Flatten", ["gap"], ["flat"]))
    nodes.append(("Gemm", ["flat", "fc.w", "fc.b"], ["y"], {"transB": 1}))
    return nodes, numbers


def test_resnet18():
    shape = (3, 32, 32)
    nodes, numbers = resnet18()
    x = RNG.normal(size=(3, *shape))
    graph = check(model(nodes, numbers, shape), shape, x=x, tolerance=1e-9)  # eighteen layers deep
    kinds = [node.kind for node in graph.nodes]
    assert kinds.count("Conv") == 20 and kinds.count("Dense") == 1 and kinds.count("Combine") == 8
    assert "Scale" not in kinds  # all of batch normalisation is in the convolutions
    assert len(graph.matrices) == 21


# Options and errors


def test_open_shapes_and_constant_inputs():
    nodes = [("Add", ["x", "h"], ["a"]), ("Relu", ["a"], ["y"])]
    proto = model(nodes, {}, ("rows", "cols"))
    proto.graph.input.append(onnx.helper.make_tensor_value_info("h", onnx.TensorProto.DOUBLE, [3]))
    with pytest.raises(MappingError, match=r"inputs \['x', 'h'\]"):
        ONNX.read(proto, input_shape=(2, 3))
    with pytest.raises(MappingError, match=r"(?s)open.*input_shape=\(\.\.\., \.\.\.\)"):
        ONNX.read(proto, constants={"h": [0.0] * 3})
    with pytest.raises(MappingError, match="no input 'g'"):
        ONNX.read(proto, constants={"g": 0.0})
    graph = ONNX.read(proto, input_shape=(2, 3), constants={"h": [1.0, 0.0, -9.0]})
    assert graph([[[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]]).tolist() == [[[2.0, 2.0, 0.0], [1.0, 0.0, 0.0]]]


@pytest.mark.parametrize("given", [(4,), (3, 9), (0, 3), (2, 3, 1)])
def test_input_shapes_that_do_not_fit(given):
    proto = model([("Relu", ["x"], ["y"])], {}, ("rows", 3))
    with pytest.raises(MappingError, match="in the model"):
        ONNX.read(proto, input_shape=given)


def test_a_chosen_output_needs_only_its_own_operators():
    nodes = [("Relu", ["x"], ["a"]), ("NonZero", ["x"], ["b"])]
    proto = model(nodes, {}, (3,), outputs=("b", "a"))
    assert [n.kind for n in ONNX.read(proto, output="a").nodes] == ["Function"]
    with pytest.raises(MappingError, match="NonZero"):
        ONNX.read(proto)
    with pytest.raises(MappingError, match=r"(?s)no output 'c'.*expected: b a"):
        ONNX.read(proto, output="c")


UNSUPPORTED = [
    ("Relu", ["x"], ["a"]),
    ("TopK", ["a", "k"], ["b", "i"]),
    ("Cos", ["b"], ["c"]),
    ("Tanh", ["c"], ["d"]),
    ("Hardmax", ["d"], ["e"]),
    ("Cos", ["e"], ["y"]),
]


def test_all_unsupported_operators_are_named_at_once():
    with pytest.raises(MappingError) as caught:
        ONNX.read(model(UNSUPPORTED, {"k": np.array([2])}, (3,)))
    assert caught.value.names == ("n1 (TopK)", "n2 (Cos)", "n4 (Hardmax)", "n5 (Cos)")
    assert 'digital="unsupported"' in str(caught.value)


def test_unsupported_operators_run_digitally():
    proto = model(UNSUPPORTED, {"k": np.array([2])}, (3,))
    graph = check(proto, (3,), digital="unsupported")
    assert [n.kind for n in graph.nodes].count("External") == 4
    with pytest.raises(MappingError, match=r"n4 \(Hardmax\)"):
        ONNX.read(proto, digital=["n1", "n2"])
    graph = ONNX.read(proto, digital=["n1", "n2", "n4", "n5", "n0"])
    assert [n.kind for n in graph.nodes].count("External") == 5
    with pytest.raises(MappingError, match=r"(?s)'n44'.*did you mean"):
        ONNX.read(proto, digital=["n44"])


def external(proto):
    return External(name="e", model=base64.b64encode(proto.SerializeToString()).decode(), operator="?", to=(3,))


def test_external_nodes_run_nothing_but_one_operator_of_onnx():
    helper, info = onnx.helper, onnx.helper.make_empty_tensor_value_info
    good = model([("Cos", ["x0"], ["y"])], {}, (3,))
    del good.graph.input[:]
    good.graph.input.append(info("x0"))
    x = RNG.normal(size=(2, 3))
    np.testing.assert_allclose(external(good).run(None, x), np.cos(x), rtol=1e-15)
    two = type(good)()
    two.CopyFrom(good)
    two.graph.node.append(helper.make_node("Cos", ["y"], ["z"]))
    foreign = type(good)()
    foreign.CopyFrom(good)
    foreign.graph.node[0].domain = "somebody"
    branch = type(good)()
    branch.CopyFrom(good)
    inner = helper.make_graph([helper.make_node("Cos", ["x0"], ["q"])], "g", [], [info("q")])
    branch.graph.node[0].CopyFrom(helper.make_node("If", ["x0"], ["y"], then_branch=inner, else_branch=inner))
    elsewhere = type(good)()
    elsewhere.CopyFrom(good)
    tensor = onnx.numpy_helper.from_array(np.ones(3), "t")
    tensor.external_data.add(key="location", value="passwords")
    elsewhere.graph.initializer.append(tensor)
    for bad in (two, foreign, branch, elsewhere, type(good)()):
        with pytest.raises(MappingError):
            external(bad).run(None, x)
    with pytest.raises(MappingError, match="no ONNX operator"):
        External(name="e", model="?", operator="Cos", to=(3,)).run(None, x)
    with pytest.raises(MappingError, match="no bound"):
        external(good).bounds((0.0, 1.0))


@pytest.mark.parametrize(
    ("nodes", "constants", "word"),
    [
        ([("ConstantOfShape", ["s"], ["c"]), ("Add", ["x", "c"], ["y"])], {"s": np.array([10**6, 10**6])}, "more num"),
        ([("Expand", ["x", "s"], ["y"])], {"s": np.array([10**9, 10**9, 3])}, "repeats"),
        ([("Resize", ["x", "", "s"], ["y"])], {"s": np.array([1.0, 1e12], np.float32)}, "resizes"),
        ([("Pad", ["x", "s"], ["y"])], {"s": np.array([0, 0, 0, 2**40])}, "at most"),
        ([("Reshape", ["x", "s"], ["y"])], {"s": np.array([0, -1, -1])}, "turns"),
        ([("Transpose", ["x"], ["y"], {"perm": [0, 0]})], {}, "order"),
        ([("Conv", ["x", "s"], ["y"])], {"s": np.ones((2, 3, 3))}, "window"),
        ([("MatMul", ["x", "s"], ["y"])], {"s": np.ones((4, 3))}, "multiplies"),
        ([("Relu", ["nothing"], ["y"])], {}, "'nothing'"),
        ([("Relu", [], ["y"])], {}, "n0"),
        ([("Slice", ["x", "s", "s", "s", "s"], ["y"])], {"s": np.array([0])}, "n0"),
        ([("Gather", ["x", "s"], ["y"], {"axis": 1})], {"s": np.array([7])}, "n0"),
        ([("Squeeze", ["x", "s"], ["y"])], {"s": np.array([1])}, "squeezes"),
        ([("Softmax", ["x"], ["y"], {"axis": 0})], {}, "that of samples"),
        ([("Concat", ["x", "s"], ["y"], {"axis": 1})], {"s": np.ones((1, 3))}, "constant"),
        ([("RandomUniform", [], ["r"], {"shape": [3]}), ("Add", ["x", "r"], ["y"])], {}, "RandomUniform"),
        ([("Cast", ["x"], ["y"], {"to": 7})], {}, "floating"),
    ],
)
def test_wrong_models_are_explained(nodes, constants, word):
    with pytest.raises(MappingError, match=word):
        ONNX.read(model(nodes, constants, (3,)))


def test_damaged_networks_are_refused_or_still_networks():
    nodes, numbers = resnet18(width=1)
    data = model(nodes[:9], {k: v for k, v in numbers.items() if k.startswith(("stem", "s0"))}, (3, 8, 8),
                 outputs=(nodes[8][2][0],)).SerializeToString()  # fmt: skip
    rng = np.random.default_rng(2)
    read = 0
    for _ in range(150):
        broken = bytearray(data)
        for position in rng.integers(0, len(data), 2):
            broken[position] = int(rng.integers(256))
        try:
            proto = onnx.load_model_from_string(bytes(broken))
        except Exception:  # protobuf itself refuses it
            continue
        try:
            assert ONNX.read(proto).nodes
            read += 1
        except MappingError:
            continue
    assert read  # some changes touch but a weight


def test_every_operator_has_a_test():
    """Each that is listed as known occurs above."""
    used = {n[0] for nodes, _ in GRAPHS.values() for n in nodes} | set(UNARY)
    others = {"LSTM", "GRU", "RNN", "Cast", "CastLike", "Log", "Sqrt", "ReduceSum", "Swish", "GroupNormalization",
              "RMSNormalization", "Upsample", "LRN", "QuantizeLinear", "DequantizeLinear"}  # fmt: skip
    assert set(OPERATORS) - used <= others


def local_response(x):
    """By equation (1) of the operator's specification; the reference implementation leaves out channels."""
    squares = [(x[:, max(0, c - 1) : c + 3] ** 2).sum(axis=1) for c in range(5)]
    return x / (1.5 + 0.5 / 4 * np.stack(squares, axis=1)) ** 0.75


def test_grouped_transposed_convolution():
    """By its definition: every input adds the kernel, times itself, to the output."""
    weights, x = RNG.normal(size=(4, 3, 3, 2)), RNG.normal(size=(2, 4, 4, 3))
    expected = np.zeros((2, 6, 11, 8))
    for c, i, j in np.ndindex(4, 4, 3):
        group = slice(c // 2 * 3, c // 2 * 3 + 3)
        expected[:, group, 2 * i : 2 * i + 5 : 2, 3 * j : 3 * j + 2] += np.multiply.outer(x[:, c, i, j], weights[c])
    expected = expected[:, :, 1:-1]
    attributes = {"group": 2, "dilations": [2, 1], "strides": [2, 3], "pads": [1, 0, 1, 0]}
    node = ("ConvTranspose", ["x", "w"], ["y"], attributes)
    found = ONNX.read(model([node], {"w": weights}, (4, 4, 3)))(x)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("nodes", "constants", "shape", "opset", "expected"),
    [
        ([("Abs", ["x"], ["a"]), ("Sqrt", ["a"], ["b"]), ("Add", ["b", "one"], ["c"]), ("Log", ["c"], ["y"])],
         {"one": np.array(1.0)}, (3,), 17, lambda x: np.log(1 + np.sqrt(abs(x)))),
        ([("ReduceSum", ["x", "one"], ["y"], {"keepdims": 0})], {"one": np.array([1])}, (4, 3), 17,
         lambda x: x.sum(axis=1)),
        ([("Cast", ["x"], ["a"], {"to": 1}), ("CastLike", ["a", "one"], ["y"])], {"one": np.array(1.0)}, (3,), 17,
         lambda x: x),
        ([("Upsample", ["x", "s"], ["y"], {"mode": "nearest"})], {"s": np.array([1, 1, 2], np.float32)}, (2, 3), 9,
         lambda x: np.repeat(x, 2, axis=2)),
        ([("GroupNormalization", ["x", "g", "b"], ["y"], {"num_groups": 2})],
         {"g": np.arange(4.0), "b": np.ones(4)}, (4, 3), 21,
         lambda x: ((x.reshape(-1, 2, 6) - x.reshape(-1, 2, 6).mean(-1, keepdims=True))
                    / np.sqrt(x.reshape(-1, 2, 6).var(-1, keepdims=True) + 1e-5)).reshape(-1, 4, 3)
         * np.arange(4.0)[:, None] + 1.0),
        ([("RMSNormalization", ["x", "g"], ["y"])], {"g": np.array([1.0, 2.0, 3.0])}, (3,), 23,
         lambda x: x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) * [1.0, 2.0, 3.0]),
        ([("LRN", ["x"], ["y"], {"size": 4, "alpha": 0.5, "bias": 1.5})], {}, (5, 3), 17, local_response),
        ([("Swish", ["x"], ["y"])], {}, (3,), 24, lambda x: x / (1.0 + np.exp(-x))),
    ],
)  # fmt: skip
def test_operators_against_their_formulae(nodes, constants, shape, opset, expected):
    x = RNG.normal(size=(3, *shape))
    found = ONNX.read(model(nodes, constants, shape, opset=opset))(x)
    # epsilon is an attribute in single precision.
    np.testing.assert_allclose(found, expected(x), rtol=1e-6)


def test_folding_twice_changes_nothing():
    nodes, numbers = resnet18(width=1)
    graph = ONNX.read(model(nodes, numbers, (3, 32, 32)))
    assert [n.name for n in fold(graph).nodes] == [n.name for n in graph.nodes]


def test_operator_families_name_their_classes():
    for family in catalog("mapping.operators").all().values():
        assert isinstance(family, tuple)


def test_calibration_bounds_what_has_no_bound():
    """Behind a division, or an operator that is run digitally, ranges can only come from samples."""
    nodes = [("Gemm", ["x", "w", "b"], ["a"]), ("Hardmax", ["a"], ["h"]), ("Div", ["h", "a"], ["d"]),
             ("Gemm", ["d", "v"], ["y"])]  # fmt: skip
    proto = model(nodes, {"w": W["w"], "b": W["b"], "v": RNG.normal(size=(5, 2))}, (6,))
    x = RNG.normal(size=(20, 6))
    with pytest.raises(MappingError, match=r"(?s)n1 is the operator Hardmax.*calibration="):
        cn.compile(proto, digital="unsupported")
    layout = cn.compile(proto, digital="unsupported", calibration=x)
    np.testing.assert_allclose(layout(x).reshape(20, -1), reference(proto, x), rtol=1e-9, atol=1e-9)


def test_layouts_of_networks_are_files(tmp_path):
    """Every kind of node that a network of these has is there again."""
    nodes, numbers = resnet18(width=1)
    nodes[-1:] = [("Gemm", ["flat", "fc.w", "fc.b"], ["g"], {"transB": 1}), ("Hardmax", ["g"], ["y"])]
    proto = model(nodes, numbers, (3, 16, 16))
    layout = cn.compile(proto, digital="unsupported", tile=(32, 32))
    layout.save(tmp_path / "a.h5")
    again = cn.Layout.load(tmp_path / "a.h5")
    x = RNG.normal(size=(2, 3, 16, 16))
    np.testing.assert_array_equal(again(x), layout(x))
    np.testing.assert_array_equal(again(x), layout.graph(x).round(9))  # one class


def light(name):
    """Return a network that the onnx package ships without weights, with random ones, cut before its softmax."""
    proto = onnx.load(Path(onnx.__file__).parent / "backend" / "test" / "data" / "light" / f"light_{name}.onnx")
    rng = np.random.default_rng(0)
    shapes = {t.name: onnx.numpy_helper.to_array(t) for t in proto.graph.initializer}
    for node in list(proto.graph.node):
        if node.op_type == "ConstantOfShape":
            shape = tuple(shapes[node.input[0]])
            values = rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else None
            values = rng.uniform(0.5, 1.5, size=shape) if values is None else values
            proto.graph.initializer.append(onnx.numpy_helper.from_array(values, node.output[0]))
            proto.graph.node.remove(node)
    proto.graph.output[0].name = proto.graph.node[-1].input[0]
    proto.opset_import[0].version = 15  # the reference normalises batches of opset 9 by their own statistics
    return proto


def test_shufflenet_that_the_onnx_package_ships():
    """ShuffleNet (Zhang et al. 2018): grouped and depthwise convolutions, channels shuffled, means joined."""
    proto = light("shufflenet")
    graph = ONNX.read(proto)
    x = RNG.uniform(size=(1, 3, 224, 224))
    given = {t.name for t in proto.graph.initializer}
    name = next(i.name for i in proto.graph.input if i.name not in given)
    expected = onnx.reference.ReferenceEvaluator(proto).run(None, {name: x})[0]
    # Fifty normalisations deep, each with an epsilon that the reference adds in single precision.
    np.testing.assert_allclose(graph(x), expected, rtol=0.0, atol=1e-6 * abs(expected).max())
    kinds = [node.kind for node in graph.nodes]
    assert kinds.count("Conv") == 49 and "Scale" not in kinds


def shipped(package, path):
    pytest.importorskip("onnxruntime")
    found = util.find_spec(package)  # itself it may need libraries that are not here
    if found is None or found.origin is None:
        pytest.skip(f"{package} is not installed")
    return str(Path(found.origin).parent / path)


def test_speech_detector_of_silero():
    """A sequence of frames through convolutions and an LSTM, whose first states are numbers."""
    path = shipped("silero_vad", "data/silero_vad_16k_sequence.onnx")
    import onnxruntime

    states = {name: np.zeros((1, 1, 128), np.float32) for name in ("h", "c")}
    x = RNG.normal(scale=0.1, size=(12, 576)).astype(np.float32)
    expected = onnxruntime.InferenceSession(path).run(None, {"input": x, **states})[0]
    graph = ONNX.read(path, input_shape=(12, 576), batched=False, constants=states)
    np.testing.assert_allclose(graph(x[None])[0], expected, atol=2e-6)
    assert graph.matrices["/recurrent/LSTM, state"].shape == (128, 512)


FOREIGN = [None, -1, 0, 2, 10**12, 1.5, np.nan, "relu", "x", [], [1], [0, 0], [[1, 10**9]], [[-1]], ["a"], {}, True]


def test_fields_of_stored_nodes_are_right_or_refused():
    """As a file from a stranger may have them: what a graph accepts, it runs, or refuses by an error of ours."""
    seen = set()
    for nodes, shape in GRAPHS.values():
        read = {name for n in nodes for name in n[1]}
        graph = ONNX.read(model(nodes, {k: v for k, v in {**W, **MORE}.items() if k in read}, shape))
        for k, node in enumerate(graph.nodes):
            plain, arrays = node.stored()
            for field in sorted(plain.keys() - {"name", "inputs"}):
                if (node.kind, field) in seen:
                    continue
                seen.add((node.kind, field))
                for value in FOREIGN:
                    fields = {key: tuples(v) for key, v in json.loads(json.dumps({**plain, field: value})).items()}
                    try:
                        made = type(node)(**fields, **arrays)
                        other = Graph([*graph.nodes[:k], made, *graph.nodes[k + 1 :]], graph.input_shape)
                    except (MappingError, TypeError, ValueError, AttributeError):  # which the reader of files reports
                        continue
                    if max(np.prod(s, dtype=float) for s in other.shapes.values()) > 1e6:
                        continue  # as large as it says
                    try:
                        found = other(RNG.normal(size=(2, *shape)))
                    except MappingError:
                        continue
                    assert np.isfinite(found).all()
    assert len(seen) > 30
