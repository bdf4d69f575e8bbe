"""Any network, on tiles of any size, without imperfections is the network itself."""

import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import circuitnn as cn
from circuitnn.mapping.operators.activations import ACTIVATIONS

TILES = st.tuples(st.integers(1, 12), st.integers(2, 12))


@st.composite
def networks(draw):
    sizes = draw(st.lists(st.integers(1, 14), min_size=2, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layers = []
    for a, b in pairwise(sizes):
        magnitude = 10.0 ** draw(st.integers(-3, 2))
        w = rng.normal(size=(a, b)) * magnitude * (rng.random((a, b)) < draw(st.sampled_from([1.0, 0.3])))
        bias = draw(st.sampled_from([None, rng.normal(size=b) * magnitude]))
        layers.append((w, bias, draw(st.sampled_from(sorted(ACTIVATIONS)))))
    return layers, rng.uniform(-2.0, 2.0, (draw(st.integers(1, 5)), sizes[0]))


def scale(layout, x):
    """Return the largest sum of magnitudes in any layer: what rounding is relative to when terms cancel."""
    largest, values = 0.0, np.asarray(x)
    for layer in layout.graph.nodes:
        largest = max(largest, float((np.abs(values) @ np.abs(layer.weights) + np.abs(layer.bias)).max()))
        values = layer(values)
    return largest


@settings(deadline=None, max_examples=150)
@given(networks(), TILES, st.sampled_from(["hfo2", "hp", (0.0, 1e-4)]))
def test_ideal_layout_equals_the_network(case, tile, device):
    network, x = case
    layout = cn.compile(network, tile=tile, device=device)
    expected = layout.graph(x)
    # Relative to the outputs, or to the terms whose sum cancels, where that is less than 1.
    tolerance = 1e-9 * max(np.abs(expected).max(), min(1.0, scale(layout, x)))
    np.testing.assert_allclose(layout(x), expected, rtol=1e-9, atol=tolerance)


@settings(deadline=None, max_examples=40)
@given(networks(), TILES, st.sampled_from([0.0, 3.0]), st.sampled_from([None, 6]), st.sampled_from([0.0, 0.2]))
def test_saved_and_loaded_layout_answers_the_same(case, tile, r_wire, bits, sigma):
    network, x = case
    layout = cn.compile(
        network,
        tile=tile,
        r_wire=r_wire,
        dac_bits=bits,
        adc_bits=bits,
        nonidealities=cn.nonidealities.Variability("g", sigma),
        seed=1,
        calibration=x,
    )
    with tempfile.TemporaryDirectory() as folder:
        layout.save(Path(folder, "a.h5"))
        again = cn.Layout.load(Path(folder, "a.h5"))
    np.testing.assert_array_equal(again(x), layout(x))
    assert again.report() == layout.report()


@settings(deadline=None, max_examples=30)
@given(networks(), TILES)
def test_quantised_network_with_many_bits_is_near_the_network(case, tile):
    network, x = case
    network = [
        (w, b, "linear") for w, b, _ in network
    ]  # a step through relu's corner has no bound that is easy to state
    fine = cn.compile(network, tile=tile, dac_bits=24, adc_bits=24, calibration=x)
    # 24 bits: 1.2e-7 a converter, times at most 14 inputs, times up to 14 row tiles and 14 * 14 later weights of the
    # largest magnitude; measured against the scale that contains those.
    bound = 1.0
    for layer in fine.graph.nodes:
        bound = bound * np.abs(layer.weights).sum(axis=0).max() + np.abs(layer.bias).max()
    limit = max(1.0, np.abs(x).max())
    assert np.abs(fine(x) - fine.graph(x)).max() <= 1e-4 * max(bound * limit, 1e-30)
