"""Importers against the libraries whose networks they read."""

import warnings

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import FileError, MappingError, MissingExtraError
from circuitnn.mapping.importing import to_graph
from circuitnn.registry import catalog

RNG = np.random.default_rng(8)
X = RNG.normal(size=(9, 6)).astype(np.float32)
W1, B1 = RNG.normal(size=(6, 5)).astype(np.float32), RNG.normal(size=5).astype(np.float32)
W2, B2 = RNG.normal(size=(5, 3)).astype(np.float32), RNG.normal(size=3).astype(np.float32)


def test_every_importer_has_the_form():
    assert catalog("mapping.importers").names() == ["layers", "nir_graph", "onnx_file", "sklearn_mlp", "torch_module"]
    for importer in catalog("mapping.importers").all().values():
        assert importer.matches(3.5) is False
        assert callable(importer.read)


def test_a_graph_passes_through():
    graph = to_graph([(W1, B1, "relu")])
    assert to_graph(graph) is graph


# ONNX


@pytest.fixture
def onnx():
    return pytest.importorskip("onnx")


def model(onnx, nodes, constants, output="y"):
    helper, tensor = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node(*n[:3], name=f"n{k}", **(n[3] if len(n) > 3 else {})) for k, n in enumerate(nodes)],
        "net",
        [helper.make_tensor_value_info("x", tensor, ["batch", 6])],
        [helper.make_tensor_value_info(output, tensor, ["batch", "outputs"])],
        [onnx.numpy_helper.from_array(v, k) for k, v in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


CONSTANTS = {"w1": W1, "b1": B1, "w2": W2, "b2": B2, "w1t": np.ascontiguousarray(W1.T)}
MODELS = {
    "gemm": [
        ("Gemm", ["x", "w1", "b1"], ["a"]),
        ("Relu", ["a"], ["b"]),
        ("Gemm", ["b", "w2", "b2"], ["c"]),
        ("Softmax", ["c"], ["y"], {"axis": 1}),
    ],
    "transposed": [
        ("Flatten", ["x"], ["f"]),
        ("Gemm", ["f", "w1t", "b1"], ["y"], {"transB": 1, "alpha": 0.5, "beta": 2.0}),
    ],
    "matmul": [
        ("MatMul", ["x", "w1"], ["a"]),
        ("Add", ["b1", "a"], ["b"]),
        ("Identity", ["b"], ["i"]),
        ("Tanh", ["i"], ["c"]),
        ("MatMul", ["c", "w2"], ["d"]),
        ("Add", ["d", "b2"], ["e"]),
        ("Sigmoid", ["e"], ["y"]),
    ],
    "no bias": [("MatMul", ["x", "w1"], ["a"]), ("MatMul", ["a", "w2"], ["y"])],
}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("as_file", [False, True])
def test_onnx_against_the_reference_evaluator(onnx, tmp_path, kind, as_file):
    from onnx.reference import ReferenceEvaluator

    proto = model(onnx, MODELS[kind], CONSTANTS)
    onnx.checker.check_model(proto)
    expected = ReferenceEvaluator(proto).run(None, {"x": X})[0]
    network = proto
    if as_file:
        network = tmp_path / "net.onnx"
        onnx.save(proto, network)
    found = cn.compile(network)(X)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)  # the evaluator computes in single precision


def test_onnx_constant_node(onnx):
    tensor = onnx.numpy_helper.from_array(W1, "w")
    proto = model(onnx, [("Constant", [], ["k"], {"value": tensor}), ("MatMul", ["x", "k"], ["y"])], {})
    np.testing.assert_allclose(cn.compile(proto)(X), X.astype(float) @ W1.astype(float), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([("NonZero", ["x"], ["a"]), ("Hardmax", ["a"], ["y"])], ["n0 (NonZero)", "n1 (Hardmax)"]),
        ([("Gemm", ["x", "w1"], ["a"]), ("Softmax", ["a"], ["y"], {"axis": 0})], ["n1", "axis 0"]),
        ([("Gemm", ["x", "w1"], ["a"]), ("Add", ["a", "b2"], ["y"])], ["n1", "(1, 5)", "(3,)"]),
        ([("Gemm", ["x", "w1"], ["z"])], ["'y'"]),
        ([("Gemm", ["x", "w2"], ["a"]), ("Gemm", ["a", "w2"], ["y"])], ["n0 takes 5 inputs"]),
        ([("Gemm", ["x", "w1"], ["a"], {"transA": 1}), ("Relu", ["a"], ["y"])], ["n0", "takes 6 inputs"]),
    ],
)
def test_onnx_models_that_cannot_be_mapped(onnx, nodes, words):
    with pytest.raises(MappingError) as caught:
        cn.compile(model(onnx, nodes, CONSTANTS))
    for word in words:
        assert word in str(caught.value)


def test_damaged_onnx_files(onnx, tmp_path):
    path = tmp_path / "net.onnx"
    data = model(onnx, MODELS["gemm"], CONSTANTS).SerializeToString()
    with pytest.raises(FileError, match="cannot read"):
        cn.compile(str(path))
    for broken in (b"", b"not a model at all", data[:-5], data[: len(data) // 2], bytes(100)):
        path.write_bytes(broken)
        with pytest.raises((FileError, MappingError)):
            cn.compile(path)
    rng = np.random.default_rng(1)
    for _ in range(200):
        broken = bytearray(data)
        for position in rng.integers(0, len(data), 3):
            broken[position] = int(rng.integers(256))
        path.write_bytes(broken)
        try:
            graph = to_graph(path)
        except (FileError, MappingError):
            continue
        assert graph.nodes  # a changed weight is still a network


def test_onnx_absent(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    (tmp_path / "a.onnx").write_bytes(b"")
    with pytest.raises(MissingExtraError, match=r"circuitnn\[onnx\]"):
        cn.compile(tmp_path / "a.onnx")


# scikit-learn


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("classes", [2, 3])
def test_sklearn_classifier(activation, classes):
    MLPClassifier = pytest.importorskip("sklearn.neural_network").MLPClassifier
    y = np.arange(len(X)) % classes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged in a few steps, which is enough here
        net = MLPClassifier((7, 4), activation=activation, max_iter=5, random_state=0).fit(X.astype(float), y)
    probabilities = net.predict_proba(X.astype(float))
    expected = probabilities if classes > 2 else probabilities[:, 1:]
    layout = cn.compile(net, tile=(4, 6))
    np.testing.assert_allclose(layout(X), expected, rtol=1e-9)
    assert layout.evaluate(X, net.predict(X.astype(float))).accuracy == 1.0


def test_sklearn_regressor_and_unfitted():
    MLPRegressor = pytest.importorskip("sklearn.neural_network").MLPRegressor
    with pytest.raises(MappingError, match="not fitted"):
        cn.compile(MLPRegressor())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = MLPRegressor(hidden_layer_sizes=(5,), max_iter=5, random_state=0).fit(
            X.astype(float), X[:, :2].astype(float)
        )
    np.testing.assert_allclose(cn.compile(net)(X), net.predict(X.astype(float)), rtol=1e-9, atol=1e-12)
