"""Ensembles of crossbars against the same crossbars one by one."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.crossbar.ensemble import CrossbarEnsemble
from circuitnn.errors import CrossbarError


def chips(count, rows, cols, seed=0):
    return 10 ** np.random.default_rng(seed).uniform(-6, -4, (count, rows, cols))


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (16, 9), (40, 33)])
@pytest.mark.parametrize(
    "wires", [{}, {"r_word": 20.0, "r_source": 30.0, "drive": "both", "sense": "top"}, {"r_bit": 0.0}]
)
def test_equal_to_one_by_one(shape, wires):
    G = chips(7, *shape)
    v = np.random.default_rng(1).uniform(-1, 1, (7, 3, shape[0]))
    chip = CrossbarEnsemble(G, **wires)
    each = np.array([cn.Crossbar(g, **wires).solve(x, tolerance=1e-12).currents for g, x in zip(G, v, strict=True)])
    # the tolerance counts against the largest current, at a thousandth
    size = np.abs(each).max()
    np.testing.assert_allclose(chip.solve(v), each, rtol=1e-9, atol=1e-12 * size)
    one = np.array([cn.Crossbar(g, **wires).solve(v[0, 0], tolerance=1e-12).currents for g in G])
    np.testing.assert_allclose(chip.solve(v[0, 0]), one, rtol=1e-9, atol=1e-12 * size)
    T = np.array([cn.Crossbar(g, **wires).transfer_matrix() for g in G])
    np.testing.assert_allclose(chip.transfer_matrices(), T, rtol=1e-8, atol=1e-12 * T.max())
    np.testing.assert_allclose(chip[2].G, G[2])


def test_arrays_with_shorts_are_solved_by_another_method():
    G = chips(5, 64, 64)
    G[3].flat[np.random.default_rng(2).choice(64 * 64, 5, replace=False)] = 1.0
    v = np.ones(64)
    exact = cn.Crossbar(G[3], 20.0, 20.0).solve(v).currents
    found = CrossbarEnsemble(G, 20.0, 20.0).solve(v)
    np.testing.assert_allclose(found[3], exact, rtol=1e-8)


def test_the_number_of_threads_changes_nothing(monkeypatch):
    chip = CrossbarEnsemble(chips(20, 30, 30))
    answers = []
    for threads in (1, 3):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, n=threads: range(n))
        answers.append((chip.solve(np.ones(30)), chip.transfer_matrices()))
    assert np.array_equal(answers[0][0], answers[1][0]) and np.array_equal(answers[0][1], answers[1][1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CrossbarEnsemble(np.ones((2, 3))), "shape"),
        (lambda: CrossbarEnsemble([[[1.0]], [[-1.0]]]), r"cell \(0, 0\) of array 1"),
        (lambda: CrossbarEnsemble([[[1.0]]]).solve([1.0, 2.0]), "source voltages"),
        (lambda: CrossbarEnsemble([[[1.0]]]).solve(np.ones((2, 1, 1))), "voltages of shape"),
        (lambda: CrossbarEnsemble([[[1.0]]]).solve([[[np.nan]]]), "nan"),
        (lambda: CrossbarEnsemble([[[1.0]]]).solve([1.0], tolerance=0.0), "tolerance"),
    ],
)
def test_misuse_is_named(call, message):
    with pytest.raises(CrossbarError, match=message):
        call()
