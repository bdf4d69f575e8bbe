"""The line solver against the sparse direct solution, which it must equal to the tolerance asked for."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.crossbar.assembly import number_nodes
from circuitnn.crossbar.bias import make_bias
from circuitnn.crossbar.direct import DirectSolver
from circuitnn.crossbar.lines import LineSolver
from circuitnn.crossbar.stored import Stored
from circuitnn.crossbar.wires import make_wires
from circuitnn.errors import CrossbarError


def cells(rows, cols, low=1e-6, high=1e-4, seed=0):
    return 10 ** np.random.default_rng(seed).uniform(np.log10(low), np.log10(high), (rows, cols))


def wires_of(G, r_word, r_bit, r_source=0.0, r_sense=0.0):
    return make_wires(G.shape, r_word, r_bit, r_source, r_sense, "left", "bottom")


def direct_solver(G, wires):
    return DirectSolver(G, wires, number_nodes(*G.shape, wires), "oracle")


def exact_currents(G, wires, v):
    return direct_solver(G, wires).currents(make_bias(G.shape, v))


def drives(rows, count=2):
    return np.random.default_rng(rows).uniform(-0.3, 0.3, (count, rows))


@pytest.mark.parametrize(
    "shape", [(1, 40), (40, 1), (3, 700), (700, 3), (9, 9), (16, 17), (33, 31), (64, 64), (127, 65), (64, 1024)]
)
@pytest.mark.parametrize("r", [1e-3, 1.0, 20.0])
def test_shapes(shape, r):
    G = cells(*shape)
    wires, v = wires_of(G, r, 0.7 * r), drives(shape[0])
    exact = exact_currents(G, wires, v)
    found = LineSolver(Stored(G), wires).currents(make_bias(shape, v), 1e-10)
    # the tolerance counts for currents down to a thousandth of the largest; 10: the estimate is one of a series' rest
    size = np.maximum(np.abs(exact), 1e-3 * np.abs(exact).max(axis=1, keepdims=True))
    assert np.max(np.abs(found - exact) / size) < 1e-9


@pytest.mark.parametrize("r_word", [1e-6, 1e-2, 1e2, 1e4])
@pytest.mark.parametrize("r_bit", [1e-6, 1.0, 1e4])
@pytest.mark.parametrize("ends", [(0.0, 0.0), (50.0, 1e3), (1e6, 1e6)])
def test_wires_and_ends_of_all_sizes(r_word, r_bit, ends):
    """Whatever the resistances, the answer is right: by lines, or by the direct solution when they are too slow."""
    xb = cn.Crossbar(cells(40, 40), r_word, r_bit, r_source=ends[0], r_sense=ends[1])
    v = drives(40, 1)[0]
    exact = exact_currents(xb.G, xb.wires, v)[0]
    # 1e-6 ohm beside 1 Mohm: the nodal equations themselves are conditioned like 1e12
    np.testing.assert_allclose(xb.solve(v).currents, exact, rtol=1e-7, atol=1e-10 * np.abs(exact).max())


def nasty(name, n=64):
    rng = np.random.default_rng(5)
    G = cells(n, n)
    if name == "shorts":
        G[rng.random((n, n)) < 0.01] = 1e-2
    elif name == "hard shorts":
        G.flat[rng.choice(n * n, 5, replace=False)] = 1.0
    elif name == "checkerboard":
        G = np.where((np.add.outer(np.arange(n) // 16, np.arange(n) // 16)) % 2, 1e-3, 1e-6)
    elif name == "binary":
        G = np.where(rng.random((n, n)) < 0.5, 1e-3, 1e-6)
    elif name == "columns":
        G = np.where(np.arange(n) % 2, 1e-3, 1e-6) * np.ones((n, 1))
    elif name == "row and column":
        G = np.full((n, n), 1e-6)
        G[n // 3], G[:, n // 2] = 1e-3, 1e-3
    elif name == "open":
        G[rng.random((n, n)) < 0.3] = 0.0
        G[:, 7] = 0.0
    return G


@pytest.mark.parametrize("r", [1.0, 20.0])
@pytest.mark.parametrize(
    "name", ["shorts", "hard shorts", "checkerboard", "binary", "columns", "row and column", "open"]
)
def test_nasty_patterns(name, r):
    xb = cn.Crossbar(nasty(name), r, r)
    v = drives(64, 1)[0]
    exact = exact_currents(xb.G, xb.wires, v)[0]
    solution = xb.solve(v)
    np.testing.assert_allclose(solution.currents, exact, rtol=1e-9, atol=1e-12 * np.abs(exact).max())
    info = solution.info
    assert info.method == "lines" or (info.method == "conjugate gradients" and "converged slowly" in info.reason)


@pytest.mark.parametrize("r", [1e-6, 1e-2, 1.0, 1e2, 1e4])
def test_cells_over_eight_decades(r):
    xb = cn.Crossbar(cells(64, 64, 1e-10, 1e-2), r, r)
    v = drives(64, 1)[0]
    exact = exact_currents(xb.G, xb.wires, v)[0]
    solution = xb.solve(v)
    assert solution.info.method in ("lines", "conjugate gradients")
    np.testing.assert_allclose(solution.currents, exact, rtol=1e-8, atol=1e-10 * np.abs(exact).max())


def test_voltages_and_transfer_matrix():
    G = cells(50, 70)
    wires = wires_of(G, 2.0, 3.0, 10.0, 20.0)
    exact, found = direct_solver(G, wires), LineSolver(Stored(G), wires)
    bias = make_bias(G.shape, drives(50, 3))
    for a, b in zip(found.voltages(bias, 1e-11), exact.voltages(bias), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-11)
    np.testing.assert_allclose(found.transfer(1e-11), exact.transfer(), rtol=1e-8)
    # fewer columns than rows: by unit voltages on the bit lines
    turned = np.ascontiguousarray(G.T)
    wires = wires_of(turned, 2.0, 3.0, 10.0, 20.0)
    np.testing.assert_allclose(
        LineSolver(Stored(turned), wires).transfer(1e-11), direct_solver(turned, wires).transfer(), rtol=1e-8
    )


def test_the_number_of_threads_changes_nothing(monkeypatch):
    G, v = cells(400, 300), drives(400, 1)[0]
    answers = []
    for threads in (1, 2, 3):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, n=threads: range(n))
        answers.append(cn.Crossbar(G).solve(v).currents)
    assert np.array_equal(answers[0], answers[1]) and np.array_equal(answers[0], answers[2])


def test_crossbars_choose_lines_and_say_so():
    big = cn.Crossbar(cells(40, 40))
    info = big.solve(drives(40, 1)[0]).info
    assert (info.method, info.reason, info.unknowns) == ("lines", "wires on both sides; 2 grids", 3200)
    assert 1 < info.cycles < 10 and info.defect < 1e-10
    assert cn.Crossbar(cells(40, 40), r_word=0.0).solve(np.ones(40)).info.reason == "one side has ideal wires"
    assert cn.Crossbar(cells(8, 8)).solve(np.ones(8)).info.reason == "a small array"


def test_three_grids_where_wires_are_long():
    """Cells that conduct almost as well as the wires need a coarse grid that is itself solved by lines."""
    G = cells(1030, 30, 1e-5, 1e-3)
    wires, v = wires_of(G, 60.0, 60.0), drives(1030, 1)
    xb = cn.Crossbar(G, 60.0, 60.0)
    solution = xb.solve(v[0])
    assert "3 grids" in solution.info.reason
    exact = exact_currents(G, wires, v)[0]
    np.testing.assert_allclose(solution.currents, exact, rtol=1e-8, atol=1e-11 * np.abs(exact).max())


def test_a_large_array_in_bounded_memory_and_time():
    """1024 x 1024, for which a direct solution would take gigabytes: Kirchhoff's law closes the books."""
    xb = cn.Crossbar(cells(1024, 1024))
    v = drives(1024, 1)[0]
    solution = xb.solve(v, tolerance=1e-8)
    into = (v - solution.v_word[:, 0]) / 1.0  # amperes into each word line, 1 ohm to the first cell
    cell = (xb.G * (solution.v_word - solution.v_bit)).sum()
    assert into.sum() == pytest.approx(solution.currents.sum(), rel=1e-6)
    assert cell == pytest.approx(solution.currents.sum(), rel=1e-6)


@pytest.mark.parametrize("tolerance", [0.0, -1.0, 1.0, float("nan"), "x"])
def test_bad_tolerances_are_refused(tolerance):
    with pytest.raises(CrossbarError, match="tolerance"):
        cn.Crossbar(cells(4, 4)).solve(np.ones(4), tolerance=tolerance)


def test_an_array_beyond_memory_is_refused(monkeypatch):
    monkeypatch.setattr("circuitnn.crossbar.lines.physical_memory", lambda: 1e4)
    with pytest.raises(CrossbarError, match="50 x 50 does not fit in memory"):
        cn.Crossbar(cells(50, 50)).solve(np.ones(50))


def test_zero_drive_gives_zero():
    assert not cn.Crossbar(cells(40, 40)).solve(np.zeros(40)).currents.any()
