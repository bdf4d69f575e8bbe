"""Packing of matrices with zeros, and nodes that stay digital."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import circuitnn as cn
from circuitnn.errors import MappingError
from circuitnn.mapping.encodings.differential import Differential
from circuitnn.mapping.packing import pack
from circuitnn.mapping.tiles import split


@settings(deadline=None, max_examples=80)
@given(st.integers(1, 30), st.integers(1, 20), st.floats(0.0, 1.0), st.integers(1, 9), st.integers(2, 12), st.data())
def test_every_weight_lies_on_one_tile_and_never_more_tiles_are_taken(rows, cols, density, height, width, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    w = rng.normal(size=(rows, cols)) * (rng.random((rows, cols)) < density)
    places = pack(w, (height, width), Differential())
    seen = np.zeros(w.shape, int)
    for place in places:
        assert 1 <= len(place.inputs) <= height and 1 <= len(place.outputs) <= width // 2
        seen[np.ix_(place.inputs, place.outputs)] += 1
    assert seen.max() <= 1 and (seen[w != 0] == 1).all()
    assert len(places) <= len(split(np.arange(rows), np.arange(cols), (height, width), Differential()))


def test_blocks_whose_rows_and_columns_are_shuffled_are_found_again():
    rng = np.random.default_rng(0)
    w = np.kron(np.eye(8), rng.normal(size=(16, 8)))
    w = w[rng.permutation(128)][:, rng.permutation(64)]
    places = pack(w, (16, 16), Differential())
    assert len(places) == 8  # a tile a block; unpacked it takes 64
    x = rng.normal(size=(5, 128))
    packed = cn.compile([(w, None, "relu")], (16, 16), packed=True)
    assert packed.report().tiles == 8
    np.testing.assert_allclose(packed(x), packed.graph(x), atol=1e-9)


def test_a_packed_layout_is_saved(tmp_path):
    rng = np.random.default_rng(1)
    w = np.kron(np.eye(3), rng.normal(size=(5, 4)))[:, rng.permutation(12)]
    layout = cn.compile([(w, None, "relu"), (np.zeros((12, 2)), [1.0, 2.0], "linear")], (5, 8), r_wire=2.0, packed=True)
    layout.save(tmp_path / "p.h5")
    x = rng.normal(size=(4, 15))
    np.testing.assert_array_equal(cn.Layout.load(tmp_path / "p.h5")(x), layout(x))
    # Both cells of a pair are at g_min; the wire between them makes its currents differ by 2 ohm * 1 uS, at most.
    np.testing.assert_allclose(layout(x), np.tile([1.0, 2.0], (4, 1)), atol=1e-5)


def test_digital_nodes_take_no_tile_and_no_error(tmp_path):
    rng = np.random.default_rng(2)
    net = [(rng.normal(size=(6, 5)), None, "relu"), (rng.normal(size=(5, 3)), None, "linear")]
    x = rng.normal(size=(20, 6))
    part = cn.compile(net, r_wire=50.0, digital=["layer 2"], dac_bits=6, calibration=x)
    assert [m.label for m in part.matrices] == ["layer 1"]
    first = cn.compile(net[:1], r_wire=50.0, dac_bits=6, calibration=x)
    np.testing.assert_allclose(part(x), first(x) @ net[1][0], rtol=1e-12)
    part.save(tmp_path / "d.h5")
    np.testing.assert_array_equal(cn.Layout.load(tmp_path / "d.h5")(x), part(x))
    with pytest.raises(MappingError, match="no node has the name 'layer 3'"):
        cn.compile(net, digital=["layer 3"])
    with pytest.raises(MappingError, match="no matrix"):
        cn.compile(net, digital=["layer 1", "layer 2"])
