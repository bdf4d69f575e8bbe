"""Weights of few bits, pruned weights, and quantised guided pruning in a training loop."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import UsageError
from circuitnn.mapping.compression import GuidedPruning, prune_weights, pruned, quantise_weights, quantised
from circuitnn.mapping.encodings.complementary import Complementary
from circuitnn.mapping.encodings.sliced import Sliced
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.operators.convolution import Conv
from circuitnn.mapping.operators.dense import Dense


@pytest.mark.parametrize("bits", range(2, 9))
def test_a_network_of_so_many_bits_is_exact_on_slices_of_them(bits):
    rng = np.random.default_rng(bits)
    net = quantised(Graph([Dense(rng.normal(size=(9, 7)), rng.normal(size=7), "relu")]), bits)
    assert len(np.unique(net.nodes[0].weights)) <= 2**bits - 1
    x = rng.normal(size=(4, 9))
    layout = cn.compile(net, (8, 28), encoding=Sliced(bits, 1))
    np.testing.assert_allclose(layout(x), net(x), rtol=1e-9, atol=1e-9)


def test_a_binary_network_is_exact_on_complementary_cells():
    rng = np.random.default_rng(0)
    net = quantised(Graph([Dense(rng.normal(size=(9, 7)), None, "linear")]), 1)
    w = net.nodes[0].weights
    for column in w.T:
        assert len(np.unique(np.abs(column))) == 1
    x = rng.choice([-1.0, 1.0], (4, 9))
    layout = cn.compile(net, (8, 6), encoding=Complementary())
    np.testing.assert_allclose(layout(x), x @ w, rtol=1e-9, atol=1e-9)


def test_a_binary_output_is_the_best_in_least_squares():
    w = np.random.default_rng(1).normal(size=(50, 3))
    found = quantise_weights(w, 1)
    error = ((w - found) ** 2).sum(axis=0)
    for factor in (0.99, 1.01):
        assert (((w - factor * found) ** 2).sum(axis=0) > error).all()


def test_pruning_takes_the_least_and_packing_wins_from_it():
    rng = np.random.default_rng(2)
    # Rows of very different size, as sparse training leaves them: the least fifths of the weights fill whole rows.
    w = rng.uniform(0.5, 1.0, (40, 10)) * np.repeat([1.0, 1e-3], 20)[rng.permutation(40)][:, None]
    net = pruned(Graph([Dense(w)]), 0.5)
    assert (net.nodes[0].weights == 0).sum() == 200
    assert np.abs(w[net.nodes[0].weights == 0]).max() < np.abs(net.nodes[0].weights[net.nodes[0].weights != 0]).min()
    assert cn.compile(net, (10, 20)).report().tiles == 4
    assert cn.compile(net, (10, 20), packed=True).report().tiles == 2
    assert prune_weights([[1.0, 2.0]], 0.0).tolist() == [[1.0, 2.0]]
    assert prune_weights([[1.0, 2.0]], 1.0).tolist() == [[0.0, 0.0]]


def test_kernels_keep_the_largest_and_end_binary():
    rng = np.random.default_rng(3)
    w = rng.normal(size=(4, 3, 3, 3))
    guided = GuidedPruning(kept=1, bits=1)
    last = np.ones(w.shape, bool)
    for progress in np.linspace(0, 1, 21):
        mask = guided.mask(w, progress)
        assert (mask <= last).all()  # what is gone stays gone while weights stay as they are
        last = mask
    assert (last.reshape(4, 3, 9).sum(axis=2) == 1).all()
    np.testing.assert_array_equal(np.abs(w * last).max(axis=(2, 3)), np.abs(w).max(axis=(2, 3)))
    final = guided.weights(w, 1.0)
    for output in final:
        assert len(np.unique(np.abs(output[output != 0]))) == 1
    net = Graph([Conv(final)], (3, 6, 6))
    x = rng.normal(size=(2, 3, 6, 6))
    np.testing.assert_allclose(cn.compile(net, packed=True)(x), net(x), atol=1e-9)
    two = GuidedPruning(kept=2, bits=3).weights(w, 1.0)
    assert ((two != 0).reshape(4, 3, 9).sum(axis=2) <= 2).all() and len(np.unique(two)) <= 7


def test_a_filter_learns_through_guided_pruning():
    """A target that a single binary weight a kernel can compute: training through the pruned weights must find it."""
    rng = np.random.default_rng(4)
    target = np.zeros((1, 2, 3))
    target[0, 0, 2], target[0, 1, 0] = 0.8, -0.8
    x = rng.normal(size=(400, 2, 3))
    y = (x * target).sum(axis=(1, 2))
    w, guided = rng.normal(size=(1, 2, 3)) * 0.3, GuidedPruning()
    for step in range(300):
        now = guided.weights(w, step / 300)
        error = (x * now).sum(axis=(1, 2)) - y
        w -= 0.1 * np.einsum("n,nck->ck", error, x) / len(x)  # straight through
    found = guided.weights(w, 1.0)
    np.testing.assert_allclose(found, target, atol=0.05)


@pytest.mark.parametrize(
    "make",
    [
        lambda: quantise_weights([[1.0]], 0),
        lambda: quantise_weights([[1.0]], 2.0),
        lambda: prune_weights([[1.0]], 1.5),
        lambda: GuidedPruning(kept=0),
        lambda: GuidedPruning(bits=17),
        lambda: GuidedPruning(settled=0.0),
        lambda: GuidedPruning().mask(np.ones((2, 2)), 0.0),
        lambda: GuidedPruning().mask(np.ones((2, 2, 2)), 1.5),
    ],
)
def test_bad_numbers(make):
    with pytest.raises(UsageError):
        make()
