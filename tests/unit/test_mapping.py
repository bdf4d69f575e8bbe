"""Graphs, quantisation, tiles, conductances, periphery, compile and Layout."""

from itertools import pairwise

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.devices.cards import CARDS
from circuitnn.errors import CrossbarError, FileError, MappingError, UsageError
from circuitnn.mapping.encodings.differential import Differential
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.operators.activations import ACTIVATIONS
from circuitnn.mapping.operators.dense import Dense
from circuitnn.mapping.quantise import quantise
from circuitnn.mapping.tiles import split
from circuitnn.netlist.flat import Model

RNG = np.random.default_rng(5)
NET = [
    (RNG.normal(size=(20, 12)), RNG.normal(size=12), "relu"),
    (RNG.normal(size=(12, 5)), RNG.normal(size=5), "softmax"),
]
X = RNG.uniform(0.0, 1.0, (40, 20))


def test_activations_hold_at_the_ends_of_double_precision():
    z = np.array([[-1e300, -700.0, 0.0, 700.0, 1e300]])
    for name, function in ACTIVATIONS.items():
        assert np.isfinite(function(z)).all(), name
    assert ACTIVATIONS["sigmoid"](np.array([0.0, 1e300, -1e300])).tolist() == [0.5, 1.0, 0.0]
    assert ACTIVATIONS["softmax"](z).sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([], ["no layer"]),
        ([(np.ones((2, 3)), None, "relu"), (np.ones((2, 1)), None, "relu")], ["layer 2 takes 2", "layer 1 has 3"]),
        ([(np.ones((2, 3)), np.ones(2), "relu")], ["bias of layer 1", "(3,)"]),
        ([(np.ones(3), None, "relu")], ["weights of layer 1", "(3,)"]),
        ([(np.ones((2, 3)), None, "rleu")], ["unknown activation 'rleu'", "did you mean 'relu'"]),
        ([(np.full((2, 3), np.nan), None, "relu")], ["weights of layer 1", "[0, 0] is not finite"]),
        ([(np.ones((2, 3)) * 1j, None, "relu")], ["complex128"]),
        ([([[1.0, 2.0], [3.0]], None, "relu")], ["weights of layer 1 are no array"]),
        ([(np.ones((2, 3)), "relu")], ["layer 1 is not (weights, bias, activation)"]),
        ([(np.zeros((0, 3)), None, "relu")], ["shape (0, 3)"]),
        ([(np.full((2, 2), 1e300), None, "linear"), (np.full((2, 2), 1e300), None, "linear")], ["layer 2", "overflow"]),
        (42, ["type int", "scikit-learn"]),
    ],
)
def test_bad_networks_name_the_layer(layers, words):
    with pytest.raises(MappingError) as caught:
        cn.compile(layers)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("options", "error", "word"),
    [
        ({"tile": (0, 8)}, UsageError, "tile is"),
        ({"tile": (8, 1)}, UsageError, "at least (1, 2)"),
        ({"tile": 128}, UsageError, "tile is"),
        ({"tile": (8.0, 8)}, UsageError, "tile is"),
        ({"device": "hfo3"}, UsageError, "hfo2"),
        ({"device": (1e-4, 1e-6)}, UsageError, "g_min < g_max"),
        ({"device": 3}, UsageError, "siemens"),
        ({"r_wire": -1.0}, CrossbarError, "r_wire"),
        ({"dac_bits": 0}, UsageError, "dac_bits"),
        ({"adc_bits": 8.0}, UsageError, "adc_bits"),
        ({"adc_bits": 25}, UsageError, "adc_bits"),
        ({"read_voltage": 0.0}, UsageError, "read_voltage"),
        ({"read_voltage": float("nan")}, UsageError, "read_voltage"),
        ({"nonidealities": cn.nonidealities.Variability("g")}, UsageError, "seed"),
        ({"nonidealities": [0.1], "seed": 1}, UsageError, "0.1 is no non-ideality"),
        ({"nonidealities": cn.nonidealities.Variability("g"), "seed": -1}, UsageError, "seed"),
        ({"unrolling": "columns"}, UsageError, "im2col kernel"),
        ({"calibration": np.ones((3, 7))}, UsageError, "(samples, 20)"),
        ({"calibration": np.empty((0, 20))}, UsageError, "no sample"),
    ],
)
def test_bad_options(options, error, word):
    with pytest.raises(error) as caught:
        cn.compile(NET, **options)
    assert word in str(caught.value)


def test_a_periphery_is_one():
    with pytest.raises(UsageError, match="periphery is 8"):
        cn.compile(NET).with_periphery(8)


@pytest.mark.parametrize("x", [np.ones(19), np.ones((2, 2, 20)), np.full(20, np.nan), ["a"] * 20, [[1.0], [1.0, 2.0]]])
def test_bad_inputs(x):
    with pytest.raises(UsageError):
        cn.compile(NET)(x)


@pytest.mark.parametrize(
    "y", [np.zeros(39, int), np.full(40, 5), np.full(40, -1), np.zeros(40), np.zeros((40, 5), int)]
)
def test_bad_labels(y):
    with pytest.raises(UsageError):
        cn.compile(NET).evaluate(X, y)


def test_evaluate_counts_right_classes():
    layout = cn.compile(NET, r_wire=2.0)
    y = layout.graph(X).argmax(axis=1)
    assert layout.evaluate(X, y).ideal_accuracy == 1.0
    wrong = y.copy()
    wrong[:10] = (wrong[:10] + 1) % 5
    found = layout.evaluate(X, wrong)
    assert found.ideal_accuracy == 0.75
    assert found.accuracy == (layout(X).argmax(axis=1) == wrong).mean()
    assert "75.00 %" in str(found)


def test_a_single_sigmoid_output_is_two_classes_and_a_linear_one_none():
    layout = cn.compile([([[1.0]], None, "sigmoid")])
    assert layout.evaluate([[1.0], [-1.0]], [1, 0]).accuracy == 1.0
    with pytest.raises(UsageError, match="no classes"):
        cn.compile([([[1.0]], None, "linear")]).evaluate([[1.0]], [0])


def test_one_input_vector_gives_one_output_vector():
    layout = cn.compile(NET, tile=(7, 6))
    assert layout(X[0]).shape == (5,)
    np.testing.assert_allclose(layout(X[0]), layout(X)[0], rtol=1e-12)


def test_quantiser_levels():
    values = np.linspace(-2.0, 2.0, 1001)
    assert len(np.unique(quantise(values, 3, 1.0, signed=False))) == 8
    signed = np.unique(quantise(values, 3, 1.0, signed=True))
    np.testing.assert_allclose(signed, np.arange(-3, 4) / 3.0)
    assert np.unique(quantise(values, 1, 1.0, signed=True)).tolist() == [-1.0, 1.0]
    inside = values[np.abs(values) <= 1.0]
    assert np.abs(quantise(inside, 6, 1.0, signed=True) - inside).max() <= 0.5 / 31 + 1e-12


def test_tiles_cover_every_weight_once():
    seen = np.zeros((20, 12), int)
    for place in split(np.arange(20), np.arange(12), (7, 9), Differential()):
        assert len(place.inputs) <= 7 and 2 * len(place.outputs) <= 9
        seen[np.ix_(place.inputs, place.outputs)] += 1
    assert (seen == 1).all()


def test_conductances_stay_in_the_device_range_and_give_the_weights_back():
    w = RNG.normal(size=(6, 4))
    g = Differential().conductances(w, np.abs(w).max(), 1e-6, 1e-4)
    assert g.min() >= 1e-6 and g.max() <= 1e-4 * (1 + 1e-15)
    np.testing.assert_allclose((g[:, 0::2] - g[:, 1::2]) * np.abs(w).max() / 99e-6, w, rtol=1e-9)


def test_the_same_seed_gives_the_same_cells():
    spread = cn.nonidealities.Variability("g", 0.1)
    direct = cn.compile(NET, nonidealities=spread, seed=3)
    later = cn.compile(NET).with_nonidealities(spread, seed=3)
    other = cn.compile(NET).with_nonidealities(spread, seed=4)
    np.testing.assert_array_equal(direct(X), later(X))
    assert not np.array_equal(later(X), other(X))
    np.testing.assert_array_equal(other.with_nonidealities(())(X), cn.compile(NET)(X))


def test_wires_lose_more_the_more_they_resist():
    layout = cn.compile(NET, r_wire=1.0)
    gaps = [np.abs(layout.with_wires(r)(X) - layout.graph(X)).max() for r in (0.0, 1.0, 10.0, 100.0)]
    assert gaps[0] < 1e-12
    assert gaps == sorted(gaps)
    np.testing.assert_array_equal(layout.with_wires(1.0)(X), layout(X))


def test_inference_is_the_full_nodal_solution():
    layout = cn.compile(NET, tile=(9, 8), r_wire=20.0)
    for step in layout.reads(X[:3]):
        for k, tile in enumerate(step.matrix.tiles):
            crossbar = cn.Crossbar(tile.G, 20.0, 20.0)
            for v, i in zip(step.voltages[:, tile.place.inputs], step.currents[k], strict=True):
                nodal = crossbar.solve(v).currents
                # Both solve one linear system; the difference of a pair loses digits of the larger currents.
                np.testing.assert_allclose(nodal[0::2] - nodal[1::2], i, atol=1e-10 * np.abs(nodal).max(), rtol=0)


def test_converter_resolution_and_clipping():
    ideal = cn.compile(NET)
    gaps = []
    for bits in (4, 8, 12, 16):
        layout = cn.compile(NET, tile=(16, 16), dac_bits=bits, adc_bits=bits, calibration=X)
        gaps.append(np.abs(layout(X) - ideal(X)).max())
        assert layout.evaluate(X, np.zeros(len(X), int)).clipped_inputs == 0
    # Each four bits divide the step by 16; a factor of 4 is asked for, as a maximum over few samples scatters.
    assert all(b < a / 4 for a, b in pairwise(gaps))
    found = cn.compile(NET, dac_bits=8, adc_bits=8, calibration=0.1 * X).evaluate(X, np.zeros(len(X), int))
    assert found.clipped_inputs > 0 and found.clipped_currents > 0
    assert "clipped" in str(found)


def test_calibration_learns_that_inputs_are_signed():
    signed = cn.compile(NET, dac_bits=8, calibration=X - 0.5).matrices
    unsigned = cn.compile(NET, dac_bits=8, calibration=X).matrices
    assert [layer.signed for layer in signed] == [True, False]
    assert [layer.signed for layer in unsigned] == [False, False]
    assert unsigned[0].x_limit == X.max()


def test_uncalibrated_ranges_never_clip_inputs_up_to_one():
    layout = cn.compile(NET, tile=(8, 8), dac_bits=10, adc_bits=10)
    x = np.random.default_rng(2).choice([-1.0, 1.0], (50, 20))
    found = layout.evaluate(x, np.zeros(50, int))
    assert (found.clipped_inputs, found.clipped_currents) == (0, 0)


def test_all_zero_weights_and_bias_alone():
    layout = cn.compile(
        [(np.zeros((3, 2)), [1.0, -1.0], "linear")], adc_bits=8, dac_bits=8, calibration=np.zeros((1, 3))
    )
    assert layout([1.0, 2.0, 3.0]).tolist() == [1.0, -1.0]


@pytest.mark.parametrize("device", [*CARDS, (0.0, 1e-3)])
def test_every_device_gives_the_network(device):
    layout = cn.compile(NET, device=device)
    np.testing.assert_allclose(layout(X), layout.graph(X), rtol=1e-9)


def test_report_counts_tiles_and_cells():
    report = cn.compile(NET, tile=(10, 10)).report()
    assert [layer.tiles for layer in report.matrices] == [2 * 3, 2 * 1]
    assert report.cells == 2 * (20 * 12 + 12 * 5)
    assert report.tiles == 8
    text = str(report)
    assert "8 tiles of at most 10 x 10" in text and "Differential()" in text


def test_netlists_one_a_tile(tmp_path):
    layout = cn.compile(NET, tile=(10, 16), r_wire=1.0)
    files = layout.to_netlist(tmp_path / "new" / "folder")
    assert [f.name for f in files] == [f"matrix1_tile{k}.cir" for k in (1, 2, 3, 4)] + [
        f"matrix2_tile{k}.cir" for k in (1, 2)
    ]
    assert "vin0 in0 0 dc 0.2" in files[0].read_text().replace("0.20000000000000001", "0.2")
    layout.to_netlist(tmp_path, x=X[0])
    volts = float(
        next(
            line for line in (tmp_path / "matrix1_tile1.cir").read_text().splitlines() if line.startswith("vin0")
        ).split()[-1]
    )
    assert volts == pytest.approx(0.2 * X[0, 0], rel=1e-15, abs=0.0)
    with pytest.raises(UsageError, match="one input"):
        layout.to_netlist(tmp_path, x=X)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot make the folder"):
        layout.to_netlist(tmp_path / "file" / "x")


def test_weights_cannot_be_changed_behind_the_layout():
    w = np.ones((2, 2))
    dense = Dense(w, None)
    w[0, 0] = 5.0
    assert dense.weights[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        Graph([dense]).nodes[0].weights[0, 0] = 2.0


def test_any_memristor_model_serves_as_a_device():
    network = [([[1.0]], None, "linear")]
    named = cn.compile(network, device="linear_drift").report()
    assert (named.g_min, named.g_max) == pytest.approx((1 / 16e3, 1 / 100.0), rel=1e-12, abs=0.0)
    card = cn.compile(network, device=Model("mine", "vteam", {"ron": 1e4, "roff": 1e5, "iv": 1.0})).report()
    assert (card.device, card.g_min, card.g_max) == ("mine", pytest.approx(1e-5), pytest.approx(1e-4))
    with pytest.raises(UsageError, match="no parameter 'ro'"):
        cn.compile(network, device=Model("mine", "vteam", {"ro": 1e4}))
