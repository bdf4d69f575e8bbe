"""The fast solver of resistive networks against other ways to the same equilibria; gradients against differences."""

import copy

import numpy as np
import pytest
from scipy.optimize import lsq_linear, root

from circuitnn.errors import AnalysisError, ConvergenceError, UsageError
from circuitnn.learning.resistive.network import ResistiveNetwork
from circuitnn.learning.resistive.relaxation import Relaxation


def made(sizes, seed=1, **parameters):
    rng = np.random.default_rng(seed)
    network = ResistiveNetwork(sizes=sizes, **parameters)
    network.randomise(rng)
    network.currents = [0.1 * rng.normal(size=current.shape) for current in network.currents]
    return network


def examples(network, n, seed=2, pixels=0.6):
    rng = np.random.default_rng(seed)
    features, outputs = network.sizes[0], network.sizes[-1]
    return rng.random((n, features)) * (rng.random((n, features)) < pixels), rng.random((n, outputs))


def sources(network, x):
    return np.concatenate([network.gain * x, -network.gain * x], axis=1)


def residuals(network, x, voltages):
    """Kirchhoff's current law at every node of exponential networks, divided by the conductance there: V."""
    found, lower = [], sources(network, x)
    for layer, (g, v) in enumerate(zip(network.conductances, voltages, strict=True)):
        total = g.sum(axis=0)
        current = lower @ g - total * v + network.currents[layer]
        lower = network.amplification * v
        if layer < len(voltages) - 1:
            above = network.conductances[layer + 1]
            total = total + above.sum(axis=1)
            current -= (lower * above.sum(axis=1) - voltages[layer + 1] @ above.T) / network.amplification
            low, high = network.limits(layer)
            for source, sign in ((low, 1.0), (high, -1.0)):
                there = np.isfinite(source)
                forward = np.where(there, sign * (np.where(there, source, 0.0) - v), 0.0) / network.thermal
                current += sign * np.where(there, network.saturation * np.expm1(np.minimum(forward, 600.0)), 0.0)
        found.append(current / total)
    return found


def swept(network, x, target, beta, start, sweeps, nudged):
    """Scellier's sweeps written with whole layers; ideal diodes."""
    v = [layer.copy() for layer in start]
    halves = [range(0, len(v), 2), range(1, len(v), 2)]
    if nudged and len(v) % 2 == 0:  # begins where the outputs are
        halves.reverse()
    for _ in range(sweeps):
        for layer in (*halves[0], *halves[1]):
            g = network.conductances[layer]
            lower = sources(network, x) if layer == 0 else network.amplification * v[layer - 1]
            current, total = lower @ g + network.currents[layer], g.sum(axis=0)
            if layer < len(v) - 1:
                above = network.conductances[layer + 1]
                current = current + v[layer + 1] @ above.T / network.amplification
                v[layer] = np.clip(current / (total + above.sum(axis=1)), *network.limits(layer))
            else:
                v[layer] = (current + beta * target) / (total + beta) if nudged else current / total
    return v


def gradients(network, x, plus, minus, span):
    """Squares of voltage differences, cell by cell."""
    found, lower = [], (sources(network, x),) * 2
    for m, p, q in zip(network.amplifiers, plus, minus, strict=True):
        squares = (lower[0][:, :, None] - p[:, None, :]) ** 2 - (lower[1][:, :, None] - q[:, None, :]) ** 2
        by = network.amplification ** (2 * m) / span
        found.append((0.5 * by * squares.mean(axis=0), -by * (p - q).mean(axis=0)))
        lower = network.amplification * p, network.amplification * q
    return [g for g, _ in found], [b for _, b in found]


SHAPES = [((20, 30, 5), 1.0), ((19, 33, 18), 3.0), ((20, 33, 40, 18), 1.0), ((20, 17, 21, 19, 7), 2.0)]


@pytest.mark.parametrize(("precision", "tolerance"), [("double", 1e-13), ("single", 2e-6)])
@pytest.mark.parametrize(("sizes", "amplification"), SHAPES)
def test_sweeps_are_those_of_whole_layers(sizes, amplification, precision, tolerance):
    # tolerances: rounding, some tens of the precision's, of voltages of order 1
    network = made(sizes, gain=3.0, amplification=amplification)
    x, t = examples(network, 11)
    solver = Relaxation(network, precision=precision)
    free = solver.solve(x, sweeps=3, tolerance=0.0)
    expected = swept(network, x, t, 0.0, [np.zeros_like(v) for v in free], 3, False)
    for mine, other in zip(free, expected, strict=True):
        np.testing.assert_allclose(mine, other, atol=tolerance * amplification**3, rtol=0)
    nudged = solver.solve(x, t, 0.2, start=free, sweeps=2, tolerance=0.0)
    for mine, other in zip(nudged, swept(network, x, t, 0.2, free, 2, True), strict=True):
        np.testing.assert_allclose(mine, other, atol=tolerance * amplification**3, rtol=0)


@pytest.mark.parametrize("pairs", [False, True])
def test_ideal_equilibrium_minimises_the_cocontent(pairs):
    network = made((6, 8, 7, 3), gain=2.0, amplification=2.0, pairs=pairs, low=-0.2, high=0.1)
    (x,), _ = examples(network, 1)
    # rows of a least-squares problem: every conductance, weighted as beyond so many amplifiers; biases complete squares
    nodes = np.cumsum([0, *network.nodes])
    rows, wanted = [], []
    for layer, g in enumerate(network.conductances):
        weight = network.amplification ** (-2.0 * layer)
        for i, j in np.ndindex(*g.shape):
            row = np.zeros(nodes[-1])
            row[nodes[layer] + j] = 1.0
            if layer > 0:
                row[nodes[layer - 1] + i] = -network.amplification
            rows.append(np.sqrt(weight * g[i, j]) * row)
            wanted.append(np.sqrt(weight * g[i, j]) * sources(network, x[None])[0, i] if layer == 0 else 0.0)
    matrix, right = np.array(rows), np.array(wanted)
    bias = np.concatenate([network.amplification ** (-2.0 * k) * c for k, c in enumerate(network.currents)])
    hessian = matrix.T @ matrix
    root_of = np.linalg.cholesky(hessian).T
    limits = [network.limits(k) for k in range(2)] + [(np.full(3, -np.inf), np.full(3, np.inf))]
    bounds = tuple(np.concatenate([pair[k] for pair in limits]) for k in range(2))
    best = lsq_linear(root_of, np.linalg.solve(root_of.T, matrix.T @ right + bias), bounds, tol=1e-14)
    found = np.concatenate([v[0] for v in Relaxation(network).solve([x], tolerance=1e-13)])
    # the optimiser stops at a relative 1e-14 of its objective, the square of 1e-7 of the voltages
    np.testing.assert_allclose(found, best.x, atol=1e-6)
    free = np.concatenate([pair[0] < pair[1] for pair in limits])
    assert free.all()


DIODES = [
    {"pairs": False},
    {"pairs": False, "low": 0.1, "high": -0.2},
    {"pairs": True, "low": -0.3, "high": 0.5},
    {"pairs": True},
]


@pytest.mark.parametrize("diodes", DIODES)
@pytest.mark.parametrize(("saturation", "gain"), [(1e-12, 3.0), (1e-3, 100.0), (1e-6, 0.01)])
@pytest.mark.parametrize(("sizes", "amplification"), SHAPES[1:])
def test_exponential_equilibrium_obeys_kirchhoff(sizes, amplification, saturation, gain, diodes):
    network = made(sizes, diodes="exponential", saturation=saturation, gain=gain, amplification=amplification, **diodes)
    x, _ = examples(network, 5)
    for precision, tolerance in (("double", 1e-13), ("single", 2e-6)):
        voltages = Relaxation(network, precision=precision).solve(x, tolerance=tolerance, sweeps=3000)
        worst = max(np.abs(r).max() for r in residuals(network, x, voltages))
        # sweeps stop at the tolerance times the gain; a diode's slope, at most 1e3 times a node's conductance in
        # these networks, turns what is left and rounding into current
        assert worst < (1e-10 if precision == "double" else 2e-3) * max(1.0, gain)


def test_exponential_equilibrium_is_that_of_a_root_finder():
    network = made((4, 6, 5, 2), diodes="exponential", gain=2.0, amplification=3.0)
    x, _ = examples(network, 1)
    cuts = np.cumsum(network.nodes)[:-1]

    def law(flat):
        return np.concatenate(residuals(network, x, [v[None] for v in np.split(flat, cuts)]), axis=1)[0]

    mine = np.concatenate([v[0] for v in Relaxation(network).solve(x, tolerance=1e-14)])
    other = root(law, mine + 0.01, tol=1e-13)
    assert np.abs(other.fun).max() < 1e-11
    np.testing.assert_allclose(mine, other.x, atol=1e-10)  # the root finder's own residual


@pytest.mark.parametrize("differential", [False, True])
@pytest.mark.parametrize("nudging", ["exact", "current", "cross-entropy"])
def test_gradient_is_that_of_the_loss_to_second_order(nudging, differential):
    network = made((5, 6, 4, 3), diodes="exponential", gain=2.0, amplification=3.0, differential=differential, seed=4)
    x, t = examples(network, 4)
    t /= t.sum(axis=1, keepdims=True)
    solver = Relaxation(network)

    def loss():
        solver.load()
        o = network.outputs(solver.solve(x, tolerance=1e-14)[-1])
        if nudging == "cross-entropy":
            return -(t * (o - np.log(np.exp(o).sum(axis=1, keepdims=True)))).sum() / len(x)
        return 0.5 * ((o - t) ** 2).sum() / len(x)

    def difference(array, place, step=1e-5):
        kept = array[place]
        ends = []
        for sign in (1.0, -1.0):
            array[place] = kept + sign * step
            ends.append(loss())
        array[place] = kept
        return (ends[0] - ends[1]) / (2.0 * step)

    rng = np.random.default_rng(0)
    errors = {}
    for beta in (1e-2, 1e-3):
        solver.load()
        phases = solver.phases(x, t, beta, nudging=nudging, tolerance=1e-14)
        mine = solver.gradient(x, phases)
        exact = gradients(network, x, phases.plus, phases.minus, phases.span)
        worst, largest = 0.0, 0.0
        for ours, theirs, arrays in zip(mine, exact, (network.conductances, network.currents), strict=True):
            for one, other, array in zip(ours, theirs, arrays, strict=True):
                # both halve differences of squares: rounding over the span
                np.testing.assert_allclose(one, other, atol=1e-10 / beta)
                scale = np.abs(one).max()
                for flat in rng.choice(array.size, min(6, array.size), replace=False):
                    place = np.unravel_index(flat, array.shape)
                    if array[place] > 2e-5 or array.ndim == 1:
                        worst = max(worst, abs(one[place] - difference(array, place)) / scale)
                        largest = max(largest, scale)
        errors[beta] = worst
    # beta^2: a hundred times less for a tenth, down to where the differences themselves round (1e-16 / 1e-5)
    assert errors[1e-2] < 5e-2
    assert errors[1e-3] < 0.02 * errors[1e-2] + 1e-7


@pytest.mark.parametrize(("sides", "order"), [("plus", 1), ("minus", 1), ("centred", 2)])
def test_order_of_the_nudge(sides, order):
    # the error of a gradient by one side falls with beta, that by two with its square (Laborieux et al. 2021)
    network = made((5, 6, 3), diodes="exponential", gain=2.0)
    x, t = examples(network, 4)
    solver = Relaxation(network)

    def gradient(beta, which):
        return solver.gradient(x, solver.phases(x, t, beta, sides=which, tolerance=1e-14))[0][0]

    exact = gradient(1e-4, "centred")  # within 1e-8 relative
    errors = [np.abs(gradient(beta, sides) - exact).max() for beta in (2e-2, 1e-2)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)  # the next order's part


@pytest.mark.parametrize(("precision", "tolerance"), [("double", 1e-13), ("single", 3e-6)])
@pytest.mark.parametrize(("sizes", "amplification"), SHAPES)
@pytest.mark.parametrize("batch", [1, 3, 4, 8, 13])
def test_training_is_sweeps_and_gradients(batch, sizes, amplification, precision, tolerance):
    network = made(sizes, gain=3.0, amplification=amplification, g_min=1e-3, g_max=0.2)
    x, t = examples(network, 26, pixels=0.2)
    expected = copy.deepcopy(network)
    rates = [0.01 * (k + 1) / amplification**4 for k in range(len(network.nodes))]
    bias_rates = [2.0 * rate for rate in rates]
    for first in range(0, len(x), batch):
        some, wanted = x[first : first + batch], t[first : first + batch]
        cold = [np.zeros((len(some), n)) for n in network.nodes]
        free = swept(expected, some, wanted, 0.0, cold, 4, False)
        plus, minus = (swept(expected, some, wanted, beta, free, 4, True) for beta in (0.1, -0.1))
        conductances, currents = gradients(expected, some, plus, minus, 0.2)
        for k, rate in enumerate(rates):
            expected.conductances[k] = np.clip(expected.conductances[k] - rate * conductances[k], 1e-3, 0.2)
            expected.currents[k] = expected.currents[k] - bias_rates[k] * currents[k]
    Relaxation(network, batch=batch, precision=precision).train(x, t, 0.1, rates, bias_rates=bias_rates, sweeps=4)
    for mine, other in zip(
        network.conductances + network.currents, expected.conductances + expected.currents, strict=True
    ):
        np.testing.assert_allclose(mine, other, atol=tolerance, rtol=0)  # rounding of tens of updates


@pytest.mark.parametrize("nudging", ["exact", "current", "cross-entropy"])
@pytest.mark.parametrize("sides", ["plus", "minus", "centred", "random"])
@pytest.mark.parametrize("diodes", ["ideal", "exponential"])
def test_training_takes_the_gradient_of_its_phases(diodes, sides, nudging):
    network = made((6, 9, 4, 3), gain=2.0, differential=True, diodes=diodes, g_min=0.05)
    x, t = examples(network, 3)
    before = copy.deepcopy(network)
    solver = Relaxation(before)
    Relaxation(network, batch=3).train(x, t, 0.05, [0.01] * 3, sides=sides, nudging=nudging, sweeps=300)
    found = []
    for side in ("plus", "minus") if sides == "random" else (sides,):
        gradient, _ = solver.gradient(x, solver.phases(x, t, 0.05, sides=side, nudging=nudging, tolerance=1e-14))
        found.append(
            max(
                np.abs(np.maximum(g - 0.01 * d, 0.05) - new).max()
                for g, d, new in zip(before.conductances, gradient, network.conductances, strict=True)
            )
        )
    assert min(found) < 1e-11  # both settled to 1e-14, over the nudge


@pytest.mark.parametrize("precision", ["single", "double"])
def test_threads_change_nothing(precision):
    found = []
    for threads in (1, 2, 3):
        network = made((20, 70, 40, 4), gain=3.0)
        x, t = examples(network, 53)
        solver = Relaxation(network, batch=7, precision=precision, threads=threads)
        solver.train(x, t, 0.05, [0.01] * 3)
        found.append(network.conductances + network.currents + solver.solve(x, sweeps=5, tolerance=0.0))
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_portions_change_nothing():
    whole, parts = made((5, 6, 3)), made((5, 6, 3))
    x, t = examples(whole, 40)
    Relaxation(whole).train(x, t, 0.1, [0.01] * 2, sides="random", seed=3)
    solver = Relaxation(parts)
    for first in (0, 12):
        some = slice(first, 12 if first == 0 else 40)
        solver.train(x[some], t[some], 0.1, [0.01] * 2, sides="random", seed=3, minibatch=first // 4, store=False)
    solver.store()
    for one, two in zip(whole.conductances, parts.conductances, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-15)  # sums of columns are taken anew: rounding


def test_a_negative_nudge_beyond_the_outputs_conductance_is_refused():
    network = ResistiveNetwork(sizes=(1, 1), conductances=[[[0.75], [0.25]]])
    solver = Relaxation(network, batch=1)
    with pytest.raises(ConvergenceError, match="no stable state"):
        solver.solve([[1.0]], [[1.0]], -1.0)
    with pytest.raises(ConvergenceError, match="no stable state"):
        solver.train([[1.0]], [[1.0]], 1.0, [0.1])
    assert solver.solve([[1.0]], [[1.0]], -0.5)[0][0, 0] == pytest.approx(0.0)  # (0.5 - 0.5) / (1 - 0.5)


def test_unsettled_networks_are_refused():
    network = made((5, 6, 6, 3), diodes="exponential")
    x, _ = examples(network, 20)
    with pytest.raises(ConvergenceError, match="not settled"):
        Relaxation(network).solve(x, sweeps=1)


def test_what_is_no_number_is_refused():
    network = made((5, 6, 3))
    x, t = examples(network, 20)
    solver = Relaxation(network)
    with pytest.raises(UsageError, match="finite"):
        solver.solve(np.full((1, 5), np.nan))
    with pytest.raises(UsageError, match="shape"):
        solver.solve(np.zeros((1, 4)))
    with pytest.raises(AnalysisError, match="lost all"):
        solver.train(x, t, 0.1, [1e300, 1e300])
    growing = made((1, 1))
    growing.conductances[0][:] = 1.0
    with pytest.raises(AnalysisError, match="finite numbers"):
        Relaxation(growing).train([[1.0]] * 8, [[1e3]] * 8, 0.1, [1e308])
    network.conductances[0][:] = 0.0
    network.conductances[1][:] = 0.0
    with pytest.raises(UsageError, match="no conductance"):
        solver.load()
