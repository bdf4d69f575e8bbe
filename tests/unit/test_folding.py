"""Folding leaves outputs as they are, whatever the graph, and takes in what it can."""

import numpy as np
import pytest

from circuitnn.mapping.folding import fold
from circuitnn.mapping.graph import INPUT, Graph
from circuitnn.mapping.operators.combining import Combine, WithConstant
from circuitnn.mapping.operators.convolution import Conv
from circuitnn.mapping.operators.dense import Dense
from circuitnn.mapping.operators.functions import Function, Softmax
from circuitnn.mapping.operators.pooling import Pool
from circuitnn.mapping.operators.scaling import Scale
from circuitnn.mapping.operators.shaping import Reshape, Transpose

OPERATIONS = ("add", "subtract", "multiply", "divide", "maximum", "minimum")


def random_graph(rng):
    """Return a graph of up to thirty nodes over images of six channels, each reading a recent one."""
    shapes = {INPUT: (6, 5, 4)}
    nodes = []

    def put(cls, *args, read=None, **fields):
        recent = list(shapes)[-4:]
        inputs = read or (recent[-1 if rng.random() < 0.8 else rng.integers(len(recent))],)
        node = cls(*args, name=f"n{len(nodes)}", inputs=inputs, **fields)
        shapes[node.name] = node.shape(*(shapes[name] for name in inputs))
        nodes.append(node)

    for _ in range(rng.integers(3, 30)):
        last = list(shapes)[-1]
        shape = shapes[last]
        one = (last,)
        kind = rng.integers(10)
        if kind <= 1 and len(shape) == 3:
            groups = int(rng.choice([g for g in (1, 2, 3, 6) if shape[0] % g == 0]))
            pad = int(rng.integers(2))
            weights = rng.normal(size=(6, shape[0] // groups, 3 if pad else 1, 1))
            put(Conv, weights, rng.normal(size=6), padding=((pad, pad), (0, 0)), groups=groups, read=one)
        elif kind <= 3 and len(shape) < 3:
            put(Dense, rng.normal(size=(shape[-1], 6)), rng.normal(size=6), read=one)
        elif kind == 4:
            axis = int(rng.integers(-1, len(shape)))
            size = shape[axis]
            put(Scale, scale=rng.normal(size=size), offset=rng.normal(size=size), axis=axis, read=one)
        elif kind == 5:
            along = [1] * len(shape)
            for axis in range(len(shape)):
                along[axis] = shape[axis] if rng.random() < 0.3 else 1
            constant = rng.uniform(0.5, 2.0, size=along if rng.random() < 0.8 else ())
            operation = str(rng.choice(OPERATIONS))
            reverse = bool(rng.random() < 0.3) and operation != "divide"
            put(WithConstant, operation=operation, constant=constant, reverse=reverse, read=one)
        elif kind == 6:
            put(Function, function=str(rng.choice(["relu", "tanh", "sigmoid", "gelu"])), read=one)
        elif kind == 7:
            equal = [name for name, found in shapes.items() if found == shape]
            put(Combine, operation="add", read=(last, str(rng.choice(equal))))
        elif kind == 8 and len(shape) > 1:
            put(Transpose, order=tuple(rng.permutation(len(shape)).tolist()), read=one)
        elif kind == 9:
            put(Softmax, axis=int(rng.integers(len(shape))), read=one)
        elif len(shape) == 3 and rng.random() < 0.3:
            put(Reshape, to=(shape[0], -1), read=one)
        else:
            put(Reshape, to=shape, read=one)
    return Graph(nodes, shapes[INPUT])


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs_keep_their_outputs(seed):
    rng = np.random.default_rng(seed)
    graph = random_graph(rng)
    x = rng.normal(size=(4, 6, 5, 4))
    folded = fold(graph)
    expected = graph(x)
    # Rounding differs where factors are multiplied into weights first; it grows with the numbers in between.
    largest = max(float(np.abs(v).max()) for _, v in graph.run(lambda label, v: v @ graph.matrices[label], x))
    np.testing.assert_allclose(folded(x), expected, rtol=0.0, atol=1e-12 * max(1.0, largest))
    assert len(folded.nodes) <= len(graph.nodes)
    assert [n.name for n in fold(folded).nodes] == [n.name for n in folded.nodes]


def conv(**fields):
    return Conv(np.ones((4, 3, 3, 3)), np.ones(4), name="conv", **fields)


def scale(size, name="bn"):
    return Scale(scale=np.arange(1.0, size + 1), offset=np.ones(size), name=name)


@pytest.mark.parametrize(
    ("nodes", "names"),
    [
        ([conv(), scale(4), Function(name="relu")], ["conv"]),
        ([conv(activation="relu"), scale(4), Function(name="relu")], ["conv", "bn", "relu"]),
        ([scale(3), conv()], ["conv"]),
        ([scale(3), conv(padding=((1, 1), (1, 1)))], ["bn", "conv"]),  # the offset would change the padded zeros
        ([WithConstant(constant=2.0, operation="multiply", name="two"), conv(padding=((1, 1), (1, 1)))], ["conv"]),
        ([conv(), WithConstant(constant=np.ones((4, 1, 1)), name="bias"), Function(name="act", function="tanh")],
         ["conv"]),
        ([conv(), WithConstant(constant=np.ones((1, 1, 6)), name="columns")], ["conv", "columns"]),
        ([conv(), WithConstant(constant=2.0, operation="divide", reverse=True, name="over")], ["conv", "over"]),
        ([conv(), Softmax(name="soft", axis=0)], ["conv"]),
        ([conv(), Softmax(name="soft", axis=-1)], ["conv", "soft"]),
        ([conv(), Function(name="gelu", function="gelu")], ["conv", "gelu"]),
        ([scale(3, "a"), scale(3, "b"), Pool(name="pool")], ["a", "pool"]),
        ([conv(), scale(4), Combine(name="sum", inputs=("conv", "bn"))], ["conv", "bn", "sum"]),
        ([Reshape(to=(3, 64), name="r"), Transpose(order=(1, 0), name="t"), Transpose(order=(1, 0), name="u"),
          Function(name="last")], ["r", "last"]),
    ],
)  # fmt: skip
def test_what_is_taken_in(nodes, names):
    graph = Graph(nodes, (3, 8, 8))
    assert [node.name for node in fold(graph).nodes] == names
    x = np.random.default_rng(0).normal(size=(2, 3, 8, 8))
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(fold(graph)(x), graph(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_a_scale_before_a_grouped_convolution(groups):
    rng = np.random.default_rng(groups)
    weights = rng.normal(size=(6, 6 // groups, 3, 2))
    graph = Graph([scale(6), Conv(weights, rng.normal(size=6), groups=groups, stride=(2, 1), name="conv")], (6, 7, 5))
    assert [node.name for node in fold(graph).nodes] == ["conv"]
    x = rng.normal(size=(2, 6, 7, 5))
    np.testing.assert_allclose(fold(graph)(x), graph(x), rtol=1e-12, atol=1e-12)
