"""Encodings of weights: what cells hold, what currents mean, and layouts that use them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import circuitnn as cn
from circuitnn.errors import UsageError
from circuitnn.mapping.encodings.complementary import Complementary
from circuitnn.mapping.encodings.differential import Differential
from circuitnn.mapping.encodings.encoding import encoding_of
from circuitnn.mapping.encodings.offset import Offset
from circuitnn.mapping.encodings.parallel import Parallel
from circuitnn.mapping.encodings.sliced import Sliced
from circuitnn.registry import catalog

ALL = [Differential(), Offset(), Complementary(), Sliced(8, 2), Sliced(4, 1), Sliced(8, 3), Parallel(2), Parallel(5)]
RNG = np.random.default_rng(0)


def test_every_file_is_an_encoding_that_its_name_and_its_dictionary_give_back():
    assert catalog("mapping.encodings").names() == ["complementary", "differential", "offset", "parallel", "sliced"]
    for encoding in ALL:
        assert encoding_of(encoding.to_dict()) == encoding
    for name in catalog("mapping.encodings").names():
        assert encoding_of(name).to_dict()["kind"] == name


@pytest.mark.parametrize("encoding", ALL, ids=repr)
def test_cells_lie_in_the_range_and_mean_the_weights(encoding):
    w = RNG.normal(size=(7, 5))
    largest = np.abs(w).max()
    g = encoding.conductances(w, largest, 1e-6, 1e-4)
    assert g.shape == (7, encoding.lines(5))
    assert g.min() >= 1e-6 * (1 - 1e-12) and g.max() <= 1e-4 * (1 + 1e-12)
    decoded = g @ encoding.analogue(5) @ encoding.digital(5) * encoding.scale(largest, 1e-6, 1e-4)
    decoded = decoded * encoding.gains(w, largest)
    # The same weights whatever the range: differences of rounded conductances.
    np.testing.assert_allclose(decoded, encoding.represented(w, largest), rtol=0, atol=1e-13)
    if isinstance(encoding, Sliced):
        step = largest / (2 ** (encoding.bits - 1) - 1)
        np.testing.assert_allclose(decoded, np.rint(w / step) * step, rtol=0, atol=1e-12)
    elif isinstance(encoding, Complementary):
        np.testing.assert_allclose(decoded, np.sign(w) * np.abs(w).mean(axis=0), rtol=0, atol=1e-12)
    else:
        np.testing.assert_allclose(decoded, w, rtol=0, atol=1e-12)


def test_slices_hold_digits_alone():
    coding = Sliced(8, 2)
    g = coding.conductances(RNG.normal(size=(20, 10)), 2.0, 0.0, 3.0)
    assert set(np.unique(np.rint(g))) <= {0.0, 1.0, 2.0, 3.0}
    np.testing.assert_allclose(g, np.rint(g), atol=1e-12)
    assert (g.reshape(20, -1, 2).min(axis=2) == 0.0).all()  # one cell of a pair carries the digit


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(ALL),
    st.integers(1, 20),
    st.integers(1, 9),
    st.tuples(st.integers(1, 12), st.integers(10, 40)),
    st.integers(0, 2**32 - 1),
)
def test_an_ideal_layout_computes_the_represented_weights(encoding, rows, cols, tile, seed):
    rng = np.random.default_rng(seed)
    w, b, x = rng.normal(size=(rows, cols)), rng.normal(size=cols), rng.normal(size=(3, rows))
    layout = cn.compile([(w, b, "relu")], tile=tile, encoding=encoding)
    expected = np.maximum(x @ encoding.represented(w, np.abs(w).max()) + b, 0.0)
    np.testing.assert_allclose(layout(x), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("encoding", ALL, ids=repr)
def test_saved_with_its_layout(encoding, tmp_path):
    rng = np.random.default_rng(5)
    layout = cn.compile([(rng.normal(size=(9, 4)), None, "tanh")], (5, 24), r_wire=(1.0, 4.0), encoding=encoding)
    layout.save(tmp_path / "a.h5")
    x = rng.normal(size=(3, 9))
    again = cn.Layout.load(tmp_path / "a.h5")
    np.testing.assert_array_equal(again(x), layout(x))
    assert again.matrices[0].encoding == encoding
    assert again.report() == layout.report()


def test_parallel_devices_average_their_spread():
    rng = np.random.default_rng(6)
    w, x = rng.uniform(-1, 1, (64, 32)), rng.uniform(0, 1, (200, 64))
    spread = cn.nonidealities.Variability("g", 0.1)
    errors = []
    for encoding in (Differential(), Parallel(4), Parallel(16)):
        layout = cn.compile([(w, None, "linear")], (64, 2048), encoding=encoding, nonidealities=spread, seed=2)
        errors.append(float(np.std(layout(x) - layout.graph(x))))
    # Independent errors: a factor 2 from 4 pairs and 2 again from 16; about 1000 cells an estimate, 10 % allowed.
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(2.0, rel=0.1)


def test_both_wires_count_as_such():
    w = np.full((6, 4), 0.7)
    layout = cn.compile([(w, None, "linear")], r_wire=(2.0, 7.0))
    G = layout.matrices[0].tiles[0].G
    expected = cn.Crossbar(G, 2.0, 7.0).transfer_matrix()
    swapped = cn.Crossbar(G, 7.0, 2.0).transfer_matrix()
    found = layout.matrices[0].transfers[0]
    np.testing.assert_allclose(found, expected[:, 0::2] - expected[:, 1::2], rtol=1e-12)
    assert np.abs(found - (swapped[:, 0::2] - swapped[:, 1::2])).max() > 1e-9
    assert "2 (word) and 7 (bit)" in str(layout.report())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"encoding": "morse"}, "unknown encoding 'morse'"),
        ({"encoding": 3}, "expected"),
        ({"encoding": "sliced:bits"}, "name=whole number"),
        ({"encoding": "sliced:bits=4.5"}, "name=whole number"),
        ({"encoding": {"kind": "sliced", "bytes": 1}}, "takes no bytes"),
        ({"encoding": {"kind": "sliced", "bits": 1}}, "bits is 1"),
        ({"encoding": "sliced", "tile": (8, 6)}, "at least (1, 8)"),
    ],
)
def test_bad_encodings(options, words):
    with pytest.raises(UsageError) as caught:
        cn.compile([([[1.0]], None, "linear")], **options)
    assert words in str(caught.value)


def test_bad_numbers_of_slices_and_devices():
    for make in (lambda: Sliced(4, 4), lambda: Sliced(2.0, 1), lambda: Parallel(1), lambda: Parallel(True)):
        with pytest.raises(UsageError):
            make()
