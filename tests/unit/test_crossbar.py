"""Crossbar: currents, voltages and powers against independent solutions; bad input against its messages."""

import math
import pickle
from itertools import pairwise, product

import numpy as np
import pytest

import circuitnn.crossbar.direct as direct
from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.errors import CrossbarError, FileError

WIRES = [
    {"r_word": 2.0, "r_bit": 3.0},
    {"r_word": 2.0, "r_bit": 3.0, "r_source": 50.0, "r_sense": 20.0},
    {"r_word": 0.0, "r_bit": 3.0},
    {"r_word": 2.0, "r_bit": 0.0},
    {"r_word": 0.0, "r_bit": 3.0, "r_source": 50.0, "r_sense": 20.0},
    {"r_word": 2.0, "r_bit": 0.0, "r_source": 50.0, "r_sense": 20.0},
    {"r_word": 0.0, "r_bit": 0.0, "r_source": 50.0},
    {"r_word": 0.0, "r_bit": 0.0, "r_sense": 20.0},
    {"r_word": 0.0, "r_bit": 0.0, "r_source": 50.0, "r_sense": 20.0},
    {"r_word": 0.0, "r_bit": 0.0},
]


def dense_solution(G, v, r_word, r_bit, r_source=0.0, r_sense=0.0):
    """Modified nodal analysis by loops and a dense solve: every source, wire and ammeter is a row of its own."""
    m, n = G.shape
    names = {}

    def node(*key):
        return names.setdefault(key, len(names))

    resistors, voltages = [], []
    for i in range(m):
        voltages.append((node("in", i), None, v[i]))
        ends = [node("in", i), node("s", i), *[node("w", i, j) for j in range(n)]]
        for k, (a, b) in enumerate(pairwise(ends)):
            resistors.append((a, b, r_source if k == 0 else r_word))
    for j in range(n):
        ends = [*[node("b", i, j) for i in range(m)], node("t", j), node("out", j)]
        for k, (a, b) in enumerate(pairwise(ends)):
            resistors.append((a, b, r_sense if k == m else r_bit))
        voltages.append((node("out", j), None, 0.0))
    wires = [(a, b, 0.0) for a, b, r in resistors if r == 0.0]  # an ideal wire is a source of 0 V
    branches = [(a, b, value) for a, b, value in voltages + wires]
    size = len(names) + len(branches)
    A, rhs = np.zeros((size, size)), np.zeros(size)

    def stamp(a, b, g):
        for p, q in ((a, b), (b, a)):
            A[p, p] += g
            A[p, q] -= g

    for a, b, r in resistors:
        if r > 0.0:
            stamp(a, b, 1.0 / r)
    for i in range(m):
        for j in range(n):
            stamp(node("w", i, j), node("b", i, j), G[i, j])
    for k, (a, b, value) in enumerate(branches, start=len(names)):
        A[a, k] = A[k, a] = 1.0
        if b is not None:
            A[b, k] = A[k, b] = -1.0
        rhs[k] = value
    x = np.linalg.solve(A, rhs)
    currents = np.array([x[len(names) + voltages.index((node("out", j), None, 0.0))] for j in range(n)])
    word = np.array([[x[node("w", i, j)] for j in range(n)] for i in range(m)])
    bit = np.array([[x[node("b", i, j)] for j in range(n)] for i in range(m)])
    return currents, word, bit


def riccati_transfer(G, g_word, g_bit):
    """Transfer matrix by eliminating columns from the last to the first, with dense inverses.

    ``K_j`` is the conductance matrix that column j shows to its word nodes, ``h_j`` its output per word voltage.
    """
    m, n = G.shape
    line = np.diag(np.r_[g_bit, np.full(m - 1, 2 * g_bit)]) - g_bit * (np.eye(m, k=1) + np.eye(m, k=-1))
    seen, outputs = np.zeros((m, m)), np.zeros((m, 0))
    for j in reversed(range(n)):
        D = np.diag(G[:, j])
        inverse = np.linalg.inv(line + D)
        seen = seen + D - D @ inverse @ D
        outputs = np.column_stack([g_bit * inverse[-1] @ D, outputs])
        X = np.linalg.inv(g_word * np.eye(m) + seen)
        outputs = g_word * X @ outputs
        seen = g_word * np.eye(m) - g_word**2 * X
    return outputs


def random_array(rows, cols, seed=1):
    return np.random.default_rng(seed).uniform(1e-6, 1e-3, (rows, cols))


@pytest.mark.parametrize("wires", WIRES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1), (3, 5), (5, 3)])
def test_agrees_with_dense_nodal_analysis(shape, wires):
    G = random_array(*shape)
    G.flat[0] = 0.0  # an open cell
    v = np.random.default_rng(2).uniform(-1, 1, shape[0])
    currents, word, bit = dense_solution(G, v, **wires)
    sol = Crossbar(G, **wires).solve(v)
    # The dense oracle mixes 1 S wires with 1e-6 S cells: condition 1e6 times rounding.
    scale = np.abs(G).sum() or 1e-3
    np.testing.assert_allclose(sol.currents, currents, rtol=1e-9, atol=1e-12 * scale)
    np.testing.assert_allclose(sol.v_word, word, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(sol.v_bit, bit, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("wires", WIRES)
@pytest.mark.parametrize("shape", [(3, 5), (5, 3)])
def test_transfer_matrix_and_batches_agree_with_single_vectors(shape, wires):
    G = random_array(*shape)
    v = np.random.default_rng(2).uniform(0, 1, (7, shape[0]))
    singles = np.array([Crossbar(G, **wires).solve(one).currents for one in v])
    xb = Crossbar(G, **wires)
    batch = xb.solve(v)
    # All are direct solutions of one system, all terms positive: a few dozen roundings.
    np.testing.assert_allclose(batch.currents, singles, rtol=1e-12)
    np.testing.assert_allclose(v @ xb.transfer_matrix(), singles, rtol=1e-12)
    np.testing.assert_allclose(Crossbar(G, **wires).solve(v[:2]).currents, singles[:2], rtol=1e-12)
    assert batch.v_word.shape == batch.v_bit.shape == (7, *shape)
    np.testing.assert_allclose(batch.v_bit[3], Crossbar(G, **wires).solve(v[3]).v_bit, rtol=1e-11, atol=1e-18)


@pytest.mark.parametrize(("r_word", "r_bit"), [(1.0, 1.0), (0.1, 20.0)])
def test_64_by_64_agrees_with_column_recursion(r_word, r_bit):
    G = np.random.default_rng(3).uniform(1e-6, 1e-4, (64, 64))
    T = Crossbar(G, r_word, r_bit).transfer_matrix()
    # The recursion forms differences of 1/r_word against 64 cells of 1e-6 S: 1e-16 * 1e7 at worst.
    np.testing.assert_allclose(T, riccati_transfer(G, 1 / r_word, 1 / r_bit), rtol=1e-9)


def test_power_closed_form_and_balance():
    sol = Crossbar([[1e-3]], r_word=100.0, r_bit=300.0, r_source=50.0, r_sense=50.0).solve([1.5])
    # 1.5 V over 1500 ohm in series: 1 mA, so each ohm takes 1 uW.
    np.testing.assert_allclose(sol.power.total, 1.5e-3, rtol=1e-12)
    np.testing.assert_allclose(sol.power.cells, 1e-3, rtol=1e-12)
    np.testing.assert_allclose(sol.power.word, 150e-6, rtol=1e-12)
    np.testing.assert_allclose(sol.power.bit, 350e-6, rtol=1e-12)


@pytest.mark.parametrize("wires", WIRES)
def test_energy_balance(wires):
    v = np.random.default_rng(5).uniform(-1, 1, (4, 6))
    power = Crossbar(random_array(6, 5), **wires).solve(v).power
    assert power.total.shape == (4,)
    # Both sides follow from one set of cell currents; Kirchhoff's laws hold to rounding.
    np.testing.assert_allclose(power.total, power.cells + power.word + power.bit, rtol=1e-11)


def test_ideal_wires_are_exact():
    G = random_array(4, 3)
    xb = Crossbar(G, 0, 0)
    assert np.array_equal(xb.transfer_matrix(), G)
    assert xb.solve(np.ones(4)).info.method == "ideal wires"
    assert np.array_equal(xb.solve(np.ones(4)).v_word, np.ones((4, 3)))


@pytest.mark.parametrize("r", [1e-3, 1e-9, 1e-15])
def test_vanishing_wires_tend_to_ideal(r):
    G = random_array(8, 8)
    # First-order drop: at most the total conductance of a line times its 16 segments; below that, rounding.
    np.testing.assert_allclose(Crossbar(G, r, r).transfer_matrix(), G, rtol=8e-3 * 16 * r + 1e-12)


def test_wire_resistances_far_below_the_sense_resistance_keep_their_digits():
    G = random_array(6, 6)
    limit = Crossbar(G, 0.0, 0.0, r_source=1e3, r_sense=1e3).transfer_matrix()
    near = Crossbar(G, 1e-9, 1e-9, r_source=1e3, r_sense=1e3).transfer_matrix()
    # The segments change T by 1e-12; adding 1e-6 S to 1e9 S costs half the digits when it is not refined.
    np.testing.assert_allclose(near, limit, rtol=1e-9)


def test_open_column_carries_exactly_nothing():
    G = random_array(4, 3)
    G[:, 1] = 0.0
    xb = Crossbar(G, 5.0, 5.0)
    assert xb.solve(np.ones(4)).currents[1] == 0.0
    assert not xb.transfer_matrix()[:, 1].any()
    assert not Crossbar(np.zeros((2, 2))).transfer_matrix().any()


def test_shapes_types_and_copies():
    G = np.asfortranarray(random_array(3, 2))
    xb = Crossbar(G)
    G[:] = 0.0
    assert xb.G.any(), "the conductances are copied"
    assert xb.shape == (3, 2)
    assert xb.solve([1, 0, 1]).currents.shape == (2,)
    assert xb.solve(np.zeros((0, 3))).currents.shape == (0, 2)
    assert xb.solve(np.ones((1, 3), dtype=np.float32)).currents.shape == (1, 2)
    assert not xb.solve(np.zeros(3)).currents.any()
    with pytest.raises(ValueError, match="read-only"):
        xb.G[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        xb.transfer_matrix()[0, 0] = 1.0
    assert "3 x 2" in repr(xb)


def test_pickle_gives_the_same_answers():
    xb = Crossbar(random_array(3, 2), r_sense=4.0)
    first = xb.solve([1.0, 2.0, 3.0]).currents
    again = pickle.loads(pickle.dumps(xb))
    assert np.array_equal(again.solve([1.0, 2.0, 3.0]).currents, first)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1.0, -2e-6], [3.0, 4.0]], r"cell \(0, 1\) is -2e-06 S"),
        ([[1.0, 2.0], [math.nan, math.inf]], r"cell \(1, 0\) is nan S; 2 cells"),
        ([1.0, 2.0], r"shape \(2,\)"),
        (np.zeros((0, 3)), r"shape \(0, 3\)"),
        (np.ones((2, 2, 2)), r"shape \(2, 2, 2\)"),
        ([[1j]], "complex128"),
        ([["a"]], "type <U1"),
        ([[1.0], [1.0, 2.0]], "not an array"),
        ([[None]], "object"),
    ],
)
def test_bad_conductances_are_named(values, message):
    with pytest.raises(CrossbarError, match=message):
        Crossbar(values)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *product(["r_word", "r_bit", "r_source", "r_sense"], [-1.0, math.nan, "x", None, 1e-310, 1j]),
        *product(["r_word", "r_bit"], [math.inf]),  # an infinite source or sense resistance leaves a line floating
    ],
)
def test_bad_resistances_are_named(name, value):
    with pytest.raises(CrossbarError, match=name):
        Crossbar([[1e-3]], **{name: value})


@pytest.mark.parametrize("v", [[1.0], [1.0, math.nan], [[1.0, 2.0, 3.0]], 1.0, [1j, 0], np.ones((1, 1, 2)), ["a", "b"]])
def test_bad_voltages_are_refused(v):
    with pytest.raises(CrossbarError):
        Crossbar([[1e-3], [1e-3]]).solve(v)


def test_overflow_is_an_error_not_a_nan():
    with pytest.raises(CrossbarError):
        Crossbar([[1e300, 1e300], [1e300, 1e308]], 1e-290, 1e-300).solve([1e308, 1e308])


def test_too_large_an_array_is_refused_with_an_estimate(monkeypatch):
    monkeypatch.setattr(direct, "physical_memory", lambda: 1e5)
    with pytest.raises(CrossbarError, match=r"50 x 50 does not fit in memory: .* about 870 kB"):
        Crossbar(np.ones((50, 50)), r_word=0, r_source=1.0).solve(np.ones(50))


def test_a_batch_larger_than_one_block_is_solved_in_parts(monkeypatch):
    monkeypatch.setattr(direct.DirectSolver, "_block", lambda self: 2)
    G, v = random_array(8, 9), np.random.default_rng(8).uniform(0, 1, (5, 8))
    sol = Crossbar(G).solve(v)
    assert sol.info.method == "sparse direct"
    # The same factors and the same right-hand sides as one at a time.
    np.testing.assert_allclose(sol.currents, [Crossbar(G).solve(one).currents for one in v], rtol=1e-13)
    assert sol.v_bit.shape == (5, 8, 9)
    np.testing.assert_allclose(sol.currents, sol.v_bit[:, -1], rtol=1e-13)  # 1 ohm to ground


def test_netlist_text_and_file(tmp_path):
    xb = Crossbar([[1e-3, 0.0]], r_word=2.0, r_bit=0.0, r_source=5.0, r_sense=7.0)
    text = xb.to_netlist(v=[1 / 3])
    assert "vin0 in0 0 dc 0.33333333333333331" in text
    assert "rc0_1" not in text, "an open cell is left out"
    xb.to_netlist(tmp_path / "a.cir", v=[1 / 3])
    assert (tmp_path / "a.cir").read_text() == text
    with pytest.raises(CrossbarError):
        xb.to_netlist(v=[[1.0]])
    with pytest.raises(FileError):
        xb.to_netlist(tmp_path / "none" / "a.cir", v=[1.0])
