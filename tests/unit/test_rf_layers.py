"""RF layers: physics against closed formulas, gradients against differences, compiled weights against wanted ones."""

import itertools

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import circuitnn as cn
from circuitnn.errors import FileError, LayoutError, MappingError, UsageError
from circuitnn.mapping.rf.combs import comb
from circuitnn.mapping.rf.layout import RfLayout
from circuitnn.mapping.rf.network import RfLayer, RfNetwork
from circuitnn.mapping.rf.neurons import Neurons
from circuitnn.mapping.rf.resonators import Resonators
from circuitnn.mapping.rf.training import Training, initial_network, train


def small(seed=0):
    return initial_network((6, 4, 3), (100e6, 130e6), spread=1.0, seed=seed)


def dense(rng, *sizes):
    layers = []
    for n, (a, b) in enumerate(itertools.pairwise(sizes)):
        last = n == len(sizes) - 2
        layers.append(
            (rng.standard_normal((a, b)) / np.sqrt(a), 0.1 * rng.standard_normal(b), "linear" if last else "relu")
        )
    return layers


def test_weights_are_the_published_sum_over_resonators():
    r = Resonators()
    tones, chains = np.array([100e6, 103e6, 110e6]), np.array([[99e6, 104e6, 111e6], [101e6, 102.5e6, 109e6]])
    expected = np.zeros((2, 3))
    for j in range(2):
        for i in range(3):
            for k in range(3):
                f, g = tones[i], chains[j, k]
                line = 2 * r.damping * g * (f - g) / ((r.damping * g) ** 2 + (f - g) ** 2)
                expected[j, i] += (-1) ** k * r.sensitivity * line
    np.testing.assert_allclose(r.weights(tones, chains), expected, rtol=1e-12)  # rounding only


def test_line_has_its_extremes_one_half_width_from_resonance():
    r = Resonators(damping=0.02)
    f = 100e6 * (1 + 0.02 * np.array([-1.0, 0.0, 1.0]))
    np.testing.assert_allclose(r.line(f, 100e6) / r.sensitivity, [-1.0, 0.0, 1.0], atol=1e-12)


def test_oscillator_emits_the_power_of_the_reference():
    n = Neurons(gain=1.0)
    z = np.array([1.0, 1.2, 1.5, 2.0, 3.0])
    p = np.array([0.0, 0.0625, 1 / 7, 0.25, 0.4])  # reference page, S10
    np.testing.assert_allclose(n.power(z * 1e-5), p * 1e3 * (z * 1e-5) ** 2, rtol=1e-12)
    i, h = np.array([12e-6, 25e-6, 39e-6]), 1e-11
    np.testing.assert_allclose(n.slope(i), (n.power(i + h) - n.power(i - h)) / (2 * h), rtol=1e-6)  # h^2 and rounding
    assert n.slope(np.array([5e-6, 50e-6])).tolist() == [0.0, 0.0]


def test_combs():
    f = comb("geometric", 5, 20e6, 120e6)
    np.testing.assert_allclose(f[1:] / f[:-1], 6**0.25, rtol=1e-12)
    np.testing.assert_allclose(np.diff(comb("linear", 5, 20e6, 120e6)), 25e6)
    with pytest.raises(UsageError):
        comb("random", 3, 1.0, 2.0)
    with pytest.raises(UsageError):
        comb("linear", 3, 2.0, 1.0)


def test_gradients_are_those_of_differences():
    rng = np.random.default_rng(3)
    net = small()
    x, up = 1e-6 * rng.random((5, 6)), rng.standard_normal((5, 3))
    found = net.gradients(net.steps(x), up)

    def loss(n, name, place, h):
        layers = list(net.layers)
        values = np.array(getattr(layers[n], name))
        values[place] += h
        a = {"resonances": layers[n].resonances, "bias": layers[n].bias, name: values}
        layers[n] = RfLayer(layers[n].tones, a["resonances"], a["bias"], layers[n].transconductance)
        return float((up * RfNetwork(layers)(x)).sum())

    for n, name, place, h in [
        (0, "resonances", (1, 2), 10.0),
        (0, "bias", (2,), 1e-7),
        (1, "resonances", (2, 3), 10.0),
    ]:
        expected = (loss(n, name, place, h) - loss(n, name, place, -h)) / (2 * h)
        # Central differences: h^2 of the curvature, and rounding of a loss of 1e-2 over h.
        assert getattr(found[n], name)[place] == pytest.approx(expected, rel=1e-5, abs=0.0)


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-3, 1e3), st.integers(0, 5))
def test_one_layer_is_linear_in_power_and_lines_scale_with_frequency(factor, seed):
    net = initial_network((5, 3), (100e6, 120e6), seed=seed)
    x = 1e-6 * np.random.default_rng(seed).random(5)
    np.testing.assert_allclose(net(factor * x), factor * net(x), rtol=1e-9, atol=1e-18)
    layer = net.layers[0]
    moved = RfNetwork([RfLayer(factor * layer.tones, factor * layer.resonances, layer.bias)])
    # 1/a = 100 magnifies the rounding of f / f_r.
    np.testing.assert_allclose(moved(x), net(x), rtol=1e-9, atol=1e-13)


def test_training_lowers_the_loss_and_repeats():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = 1e-6 * (0.1 + 0.2 * rng.random((60, 6)) + 0.7 * (np.arange(6)[None] // 2 == y[:, None]))
    options = Training(epochs=100, batch=20, rate=0.05, volts_per_logit=0.3e-3, loudness=0.1)
    net, history = train(small(), x, y, options)
    assert history[-1].loss < 0.1 * history[0].loss
    assert (net(x).argmax(axis=1) == y).all()  # the classes differ by which two tones are strong
    np.testing.assert_array_equal(train(small(), x, y, options)[0].layers[0].resonances, net.layers[0].resonances)


@pytest.mark.parametrize("per_input", [1, 2])
def test_compiled_weights_are_those_wanted_despite_crosstalk(per_input):
    rng = np.random.default_rng(1)
    layout = cn.compile(dense(rng, 12, 5), target="rf", per_input=per_input, tolerance=1e-3)
    row = layout.report().layers[0]
    assert row.taken.error <= 1e-3  # what was asked for
    assert row.taken.error_alone > 10e-3  # without correction crosstalk is far more than that
    wanted = layout.layers[0].wanted
    found = layout.effective()[0]
    assert np.sqrt(np.mean((found - wanted) ** 2)) <= 1e-3 * np.abs(wanted).max()
    x = rng.random((20, 12))
    # Twelve inputs of at most 1, each weight off by at most 12 times the mean: far below 5 % of the largest weight.
    assert np.abs(layout(x) - layout.graph(x)).max() < 0.05 * np.abs(layout.layers[0].dense.weights).max()


def test_hidden_layers_stay_near_relu_and_keep_their_order():
    rng = np.random.default_rng(2)
    x = rng.random((200, 8))
    layout = cn.compile(dense(rng, 8, 6, 4), target="rf", calibration=x, overdrive=0.05)
    ideal = layout.graph(x)
    error = np.abs(layout(x) - ideal).max() / np.abs(ideal).max()
    assert error < 2.0 * 6 * layout.report().relu_error / np.sqrt(6)  # six oscillators, each off by that at most
    assert layout.report().relu_error < 0.03  # (z - 1)/3 of the slope: about 1 % at an overdrive of 5 %


def test_negative_inputs_need_calibration():
    layout = cn.compile([([[1.0], [2.0]], [0.5], "linear")], target="rf", calibration=[[-1.0, 1.0]])
    np.testing.assert_allclose(layout([-0.5, 0.5]), [1.0], atol=5e-3)
    with pytest.raises(UsageError, match="below"):
        layout([-1.5, 0.0])


def test_errors_of_parts():
    rng = np.random.default_rng(4)
    layout = cn.compile(dense(rng, 8, 6, 4), target="rf")
    off = layout.with_errors(frequency=0.01, power=0.05, seed=3)
    shift = np.concatenate(
        [
            (a.resonances / b.resonances - 1).ravel()
            for a, b in zip(off.network.layers, layout.network.layers, strict=True)
        ]
    )
    assert abs(shift.std() / 0.01 - 1) < 4 / np.sqrt(2 * shift.size)  # four standard errors
    np.testing.assert_array_equal(layout.with_errors(0.01, 0.05, 3)(rng.random(8) * 0 + 0.5), off(np.full(8, 0.5)))
    assert np.array_equal(layout.with_errors()(np.full(8, 0.5)), layout(np.full(8, 0.5)))


def test_files(tmp_path):
    rng = np.random.default_rng(5)
    layout = cn.compile(dense(rng, 5, 4, 3), target="rf").with_errors(0.001, 0.01, 1)
    layout.save(tmp_path / "net.h5")
    x = rng.random((4, 5))
    loaded = RfLayout.load(tmp_path / "net.h5")
    np.testing.assert_array_equal(loaded(x), layout(x))
    assert str(loaded.report()) == str(layout.report())
    with pytest.raises(FileError):
        RfLayout.load(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(LayoutError):
        RfLayout.load(tmp_path / "text.h5")
    with h5py.File(tmp_path / "net.h5", "r+") as file:
        file["layer1"].attrs["scale"] = -1.0
    with pytest.raises(LayoutError):
        RfLayout.load(tmp_path / "net.h5")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"tile": (8, 8)}, UsageError, "tile"),
        ({"per_input": 3}, UsageError, "per_input"),
        ({"overdrive": 5.0}, UsageError, "overdrive"),
        ({"band": (2e8, 1e8)}, UsageError, "band"),
        ({"band": (1e8, 1.001e8)}, MappingError, "fit"),
    ],
)
def test_refusals(options, error, words):
    with pytest.raises(error, match=words):
        cn.compile([(np.eye(4), None, "linear")], target="rf", **options)


def test_refuses_activations_that_no_oscillator_has_and_unknown_targets():
    with pytest.raises(MappingError, match="tanh"):
        cn.compile([(np.eye(2), None, "tanh"), (np.eye(2), None, "linear")], target="rf")
    with pytest.raises(UsageError, match="target"):
        cn.compile([(np.eye(2), None, "linear")], target="optical")
    with pytest.raises(UsageError):
        small()([-1e-6] * 6)


def test_links_into_other_files_are_refused(tmp_path):
    radio = cn.compile([([[1.0, -2.0]], None, "linear")], target="rf")
    radio.save(tmp_path / "net.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = np.ones((1, 2))
    with h5py.File(tmp_path / "net.h5", "r+") as file:
        del file["layer1/weights"]
        file["layer1/weights"] = h5py.ExternalLink("other.h5", "/a")
    with pytest.raises(LayoutError, match="is a link"):
        cn.RfLayout.load(tmp_path / "net.h5")
