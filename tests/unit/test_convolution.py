"""Convolutions as matrices: against scipy's correlation, and on tiles."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate

import circuitnn as cn
from circuitnn.errors import MappingError, UsageError
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.operators.convolution import Conv
from circuitnn.mapping.operators.dense import Dense


def plain(x, w, b, stride, padding, dilation, groups):
    """Convolution by its definition: dilated kernels, full correlation of every channel, then every stride-th place."""
    n, axes, deep, wide = len(x), w.ndim - 2, w.shape[1], w.shape[0] // groups
    x = np.pad(x, ((0, 0), (0, 0), *padding))
    sizes = [(k - 1) * d + 1 for k, d in zip(w.shape[2:], dilation, strict=True)]
    spread = np.zeros((*w.shape[:2], *sizes))
    spread[(..., *(slice(None, None, d) for d in dilation))] = w
    out = []
    for s, o in itertools.product(range(n), range(w.shape[0])):
        first = o // wide * deep
        total = sum(correlate(x[s, first + c], spread[o, c], mode="valid", method="direct") for c in range(deep))
        out.append(total[tuple(slice(None, None, k) for k in stride)] + b[o])
    return np.array(out).reshape(n, w.shape[0], *out[0].shape) if axes else None


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_any_convolution_by_its_definition(data):
    axes, groups = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    draw = lambda low, high: tuple(data.draw(st.integers(low, high)) for _ in range(axes))  # noqa: E731
    kernel, stride, dilation = draw(1, 3), draw(1, 3), draw(1, 2)
    padding = tuple(zip(draw(0, 2), draw(0, 2), strict=True))
    deep, wide = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    size = [(k - 1) * d + 1 + int(rng.integers(0, 4)) for k, d in zip(kernel, dilation, strict=True)]
    w, b = rng.normal(size=(groups * wide, deep, *kernel)), rng.normal(size=groups * wide)
    x = rng.normal(size=(2, groups * deep, *size))
    expected = plain(x, w, b, stride, padding, dilation, groups)
    for unrolling, merged in itertools.product(("im2col", "kernel"), range(1, groups + 1)):
        node = Conv(w, b, "linear", stride, padding, dilation, groups, unrolling, merged)
        net = Graph([node], x.shape[1:])
        np.testing.assert_allclose(net(x), expected, atol=1e-12)
        assert net.output_shape == expected.shape[1:]
        layout = cn.compile(net, tile=(5, 6), unrolling=unrolling)
        np.testing.assert_allclose(layout(x), expected, atol=1e-9)  # weights from differences of conductances
        assert set(layout.graph.reads().values()) == {expected[0, 0].size}


def lenet(rng):
    return Graph(
        [
            Conv(rng.normal(size=(4, 1, 3, 3)), rng.normal(size=4), "relu", padding=((1, 1), (1, 1)), name="c1"),
            Conv(rng.normal(size=(4, 1, 3, 3)), None, "relu", (2, 2), groups=4, name="depthwise"),
            Dense(rng.normal(size=(3, 5)), None, "softmax", name="along the last axis"),
        ],
        (1, 8, 8),
    )


def test_convolutions_on_tiles_with_every_encoding_and_file(tmp_path):
    rng = np.random.default_rng(1)
    net, x = lenet(rng), rng.uniform(0, 1, (3, 1, 8, 8))
    for unrolling in ("im2col", "kernel"):
        for encoding in ("differential", "offset"):
            layout = cn.compile(net, (8, 8), encoding=encoding, unrolling=unrolling)
            np.testing.assert_allclose(layout(x), net(x), atol=1e-10)
        layout = cn.compile(net, (8, 8), r_wire=2.0, unrolling=unrolling, dac_bits=8, adc_bits=8, calibration=x)
        layout.save(tmp_path / "c.h5")
        np.testing.assert_array_equal(cn.Layout.load(tmp_path / "c.h5")(x), layout(x))
        gap = np.abs(layout(x) - net(x)).max()
        assert 1e-6 < gap < 0.2
    np.testing.assert_array_equal(layout(x.reshape(3, -1)), layout(x))  # samples may be flat
    np.testing.assert_array_equal(layout(x[0]), layout(x)[0])


def test_groups_share_a_tile_where_they_fit():
    layout = cn.compile(lenet(np.random.default_rng(2)), (18, 8))
    blocks = [m for m in layout.matrices if m.label.startswith("depthwise")]
    assert [m.weights.shape for m in blocks] == [(18, 2), (18, 2)]
    assert [(m.weights != 0).sum() for m in blocks] == [18, 18]  # block diagonal


def test_reads_of_noisy_cells_go_on_from_batch_to_batch(monkeypatch):
    rng = np.random.default_rng(3)
    net, x = lenet(rng), rng.uniform(0, 1, (5, 1, 8, 8))
    noise = cn.nonidealities.ReadNoise(0.05)
    layout = cn.compile(net, (8, 8), nonidealities=noise, seed=1)
    whole = layout(x)
    assert not np.array_equal(whole, layout.graph(x))
    monkeypatch.setattr("circuitnn.mapping.inference._NUMBERS", 1)  # a sample at a time
    np.testing.assert_allclose(layout(x), whole, rtol=1e-9)


def test_calibration_sees_every_batch(monkeypatch):
    rng = np.random.default_rng(4)
    net, x = lenet(rng), rng.uniform(0, 1, (6, 1, 8, 8)) * np.arange(1, 7)[:, None, None, None]
    options = {"tile": (8, 8), "dac_bits": 8, "adc_bits": 8, "calibration": x}
    whole = cn.compile(net, **options)
    monkeypatch.setattr("circuitnn.mapping.inference._NUMBERS", 1)
    parts = cn.compile(net, **options)
    for a, b in zip(whole.matrices[:1], parts.matrices[:1], strict=True):
        assert a.x_limit == b.x_limit
        # The same currents but for the DAC's steps, which were finer at the smaller ranges of earlier batches.
        np.testing.assert_allclose([t.adc_limit for t in a.tiles], [t.adc_limit for t in b.tiles], rtol=0.01)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Conv(np.ones((2, 2))), "shape (2, 2)"),
        (lambda: Conv(np.ones((2, 1, 3)), stride=(0,)), "stride"),
        (lambda: Conv(np.ones((2, 1, 3)), stride=(1, 1)), "stride"),
        (lambda: Conv(np.ones((2, 1, 3)), padding=((-1, 0),)), "padding"),
        (lambda: Conv(np.ones((3, 1, 3)), groups=2), "groups"),
        (lambda: Conv(np.ones((2, 1, 3)), np.ones(3)), "bias"),
        (lambda: Conv(np.ones((2, 1, 3)), activation="relu7"), "relu7"),
        (lambda: Conv(np.ones((2, 1, 3)), unrolling="fft"), "fft"),
        (lambda: Graph([Conv(np.ones((2, 1, 3)))]), "input_shape"),
        (lambda: Graph([Conv(np.ones((2, 1, 3)))], (2, 9)), "takes 1 channels"),
        (lambda: Graph([Conv(np.ones((2, 1, 3)))], (1, 2)), "kernel larger"),
        (lambda: Graph([Dense([[1.0]], name="a"), Dense([[1.0]], name="a")]), "two nodes"),
        (lambda: Graph([Dense([[1.0]], name="a", inputs=("b",))]), "reads 'b'"),
        (lambda: Graph([Dense([[1.0]], inputs=("input", "input"))]), "2 inputs"),
    ],
)
def test_bad_nodes_and_graphs(make, words):
    with pytest.raises(MappingError) as caught:
        make()
    assert words in str(caught.value)


def test_outputs_that_are_no_classes():
    net = lenet(np.random.default_rng(5))
    with pytest.raises(UsageError, match="no classes"):
        cn.compile(net).evaluate(np.zeros((1, 1, 8, 8)), [0])


def test_a_drawing_has_every_edge():
    drawing = lenet(np.random.default_rng(6)).drawing()
    assert list(drawing.edges) == [("input", "c1"), ("c1", "depthwise"), ("depthwise", "along the last axis")]
    assert drawing.nodes["c1"]["shape"] == (4, 8, 8)
