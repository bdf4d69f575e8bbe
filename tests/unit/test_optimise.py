"""Choosing among layouts."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import UsageError
from circuitnn.mapping.optimise import Choice, Choices, optimise


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(0)
    w, x = rng.normal(size=(40, 6)), rng.normal(size=(900, 40))
    return [(w, None, "linear")], x, (x @ w).argmax(axis=1)


def test_all_are_tried_and_the_best_are_not_beaten(case, tmp_path):
    net, x, y = case
    shares = []
    found = optimise(
        net,
        x,
        y,
        {"adc_bits": [1, 4, 8], "tile": [(8, 12), (40, 12), (40, 1)]},
        first=300,
        progress=shares.append,
        dac_bits=8,
        r_wire=1.0,
        calibration=x,
    )
    assert len(found.all) == 9
    assert [c.failure != "" for c in found.all] == [False, False, True] * 3
    assert "tile is (40, 1)" in found.all[2].failure
    assert shares == sorted(shares) and shares[-1] == 1.0
    best = found.best
    assert best and all(c.samples == 900 for c in best)
    for c in found.all:
        assert c in best or c.failure or c.samples == 300 or any(other.beats(c) for other in best)
    # What is claimed of a choice is what its layout does.
    top = best[0]
    layout = cn.compile(net, **top.settings, dac_bits=8, r_wire=1.0, calibration=x)
    assert layout.evaluate(x, y).accuracy == top.accuracy and layout.report().tiles == top.tiles
    text = str(found)
    assert text.count("*") == len(best) and "tile is (40, 1)" in text
    assert found.plot(tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_seeds_average(case):
    net, x, y = case
    options = {"encoding": ["differential", "offset"]}
    spread = {"nonidealities": cn.nonidealities.Variability("g", 0.3), "dac_bits": 8, "adc_bits": 8}
    found = optimise(net, x, y, options, runs=3, seed=5, **spread)
    single = [cn.compile(net, **spread, seed=5 + k).evaluate(x, y).accuracy for k in range(3)]
    assert found.all[0].accuracy == pytest.approx(np.mean(single), rel=1e-12, abs=0.0)


def test_beating_is_a_partial_order():
    a, b, c = Choice({}, 0.9, 5, 1.0, 10), Choice({}, 0.9, 6, 1.0, 10), Choice({}, 0.95, 9, 2.0, 10)
    assert a.beats(b) and not b.beats(a) and not a.beats(a)
    assert not a.beats(c) and not c.beats(a)
    assert Choices((a, b, c)).best == (c, a)


@pytest.mark.parametrize(
    ("options", "fixed", "word"),
    [
        ({"adc_bit": [3]}, {}, "adc_bits"),
        ({"seed": [3]}, {}, "seed"),
        ({"adc_bits": [3]}, {"adc_bits": 4}, "twice"),
        ({"adc_bits": []}, {}, "0 combinations"),
        ({"tile": [(8, 1)]}, {}, "can be compiled"),
        ({"adc_bits": [4]}, {"runs": 0}, "runs"),
    ],
)
def test_bad_options(case, options, fixed, word):
    with pytest.raises(UsageError) as caught:
        optimise(*case, options, **fixed)
    assert word in str(caught.value)


def test_settings_may_be_arrays(case):
    net, x, y = case
    found = optimise(net, x, y, {"calibration": [None, x[:50]]}, first=50, dac_bits=4, adc_bits=4)
    assert "* " in str(found) and "calibration=array(50, 40)" in str(found)
    with pytest.raises(UsageError, match="encoding has 'offset' to try"):
        optimise(net, x, y, {"encoding": "offset"}, dac_bits=4, adc_bits=4)
    with pytest.raises(UsageError, match="dac_bits has 4 to try"):
        optimise(net, x, y, {"dac_bits": 4}, adc_bits=4)


def test_networks_whose_input_is_open(tmp_path):
    onnx = pytest.importorskip("onnx")
    w = np.random.default_rng(0).normal(size=(3, 2, 3, 3)).astype(np.float32)
    info = onnx.helper.make_tensor_value_info
    nodes = [
        onnx.helper.make_node("Conv", ["x", "w"], ["a"], name="conv"),
        onnx.helper.make_node("GlobalAveragePool", ["a"], ["b"]),
        onnx.helper.make_node("Flatten", ["b"], ["y"]),
    ]
    shapes = info("x", 1, ["n", 2, "h", "w"]), info("y", 1, ["n", 3])
    graph = onnx.helper.make_graph(nodes, "g", shapes[:1], shapes[1:], [onnx.numpy_helper.from_array(w, "w")])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]), tmp_path / "n.onnx")
    x, y = np.random.default_rng(1).normal(size=(20, 2, 5, 5)), np.zeros(20, int)
    tried = {"adc_bits": [4, 8]}
    found = optimise(tmp_path / "n.onnx", x, y, tried, dac_bits=8, input_shape=(2, 5, 5), digital="unsupported")
    assert not any(choice.failure for choice in found.all)
