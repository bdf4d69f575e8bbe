"""The sparse LU against dense numpy and SuperLU on the matrices that circuits give."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla
from circuitnn.mna._lu import LU

from circuitnn.errors import SingularMatrixError, UsageError
from circuitnn.mna.ordering import fill_reducing_order

EPS = np.finfo(float).eps


def ladder(sections, r=100.0, load=1e4):
    """MNA of a resistor ladder driven by a voltage source; the source's branch is the last unknown."""
    n = sections + 1
    i = np.arange(sections)
    rows, columns, values = [], [], []

    def conductance(a, b, g):
        rows.extend([a, b, a, b])
        columns.extend([a, b, b, a])
        values.extend([g, g, -g, -g])

    conductance(i, i + 1, np.full(sections, 1 / r))
    rows.append(i + 1)
    columns.append(i + 1)
    values.append(np.full(sections, 1 / load))
    rows.extend([np.array([0]), np.array([n])])
    columns.extend([np.array([n]), np.array([0])])
    values.extend([np.ones(1), np.ones(1)])
    return sp.csc_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(n + 1, n + 1))


def crossbar(n, seed=0, wire=1.0, low=1e-6, high=1e-4):
    """MNA of an n by n crossbar: word lines driven by voltage sources through one segment, bit lines to ground."""
    rng = np.random.default_rng(seed)
    g = np.exp(rng.uniform(np.log(low), np.log(high), (n, n)))
    word = np.arange(n * n).reshape(n, n)
    bit = word + n * n
    source_node = 2 * n * n + np.arange(n)
    branch = source_node + n
    rows, columns, values = [], [], []

    def conductance(a, b, value):
        a, b = np.ravel(a), np.ravel(b)
        value = np.broadcast_to(np.ravel(value), a.shape)
        rows.extend([a, b, a, b])
        columns.extend([a, b, b, a])
        values.extend([value, value, -value, -value])

    conductance(word, bit, g)
    conductance(word[:, :-1], word[:, 1:], 1 / wire)
    conductance(bit[:-1], bit[1:], 1 / wire)
    conductance(source_node, word[:, 0], 1 / wire)
    rows.extend([bit[-1], source_node, branch])
    columns.extend([bit[-1], branch, source_node])
    values.extend([np.full(n, 1 / wire), np.ones(n), np.ones(n)])
    size = 2 * n * n + 2 * n
    return sp.csc_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(size, size))


def random_matrix(n, density, seed, dtype=float):
    """Random unsymmetric matrix with a zero-free but not dominant diagonal."""
    rng = np.random.default_rng(seed)
    a = sp.random_array((n, n), density=density, rng=rng, format="csc")
    a = a + sp.diags_array(rng.uniform(0.1, 1.0, n))
    a = sp.csc_array(a)
    a.data = rng.standard_normal(a.nnz).astype(dtype)
    if dtype is complex:
        a.data = a.data + 1j * rng.standard_normal(a.nnz)
    a.sort_indices()
    return a


def prepared(a, **keywords):
    a = sp.csc_array(a)
    a.sum_duplicates()
    lu = LU(a.indptr, a.indices, **keywords)
    lu.factor(a.data)
    return lu, a


def backward_error(a, x, b):
    """Componentwise scaled residual |Ax-b| / (|A||x| + |b|), which a stable solver keeps near the rounding unit."""
    residual = np.abs(a @ x - b)
    return np.max(residual / (abs(a) @ np.abs(x) + np.abs(b) + 1e-300))


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize(("n", "density"), [(1, 1.0), (2, 0.9), (7, 0.4), (60, 0.05), (200, 0.02)])
def test_random_matrices_solve_like_dense_ones(n, density, dtype):
    for seed in range(5):
        a = random_matrix(n, density, seed, dtype)
        if np.linalg.cond(a.toarray()) > 1e8:
            continue
        lu, a = prepared(a, complex=dtype is complex)
        b = np.random.default_rng(seed + 99).standard_normal(n).astype(dtype)
        # condition below 1e8 and pivots above 1e-3 of their columns leave at least five digits
        np.testing.assert_allclose(lu.solve(b), np.linalg.solve(a.toarray(), b), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(lu.solve_transposed(b), np.linalg.solve(a.toarray().T, b), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "matrix", [ladder(300), crossbar(12), ladder(2), crossbar(2)], ids=["ladder", "crossbar", "3", "2x2"]
)
def test_circuit_matrices_are_solved_to_rounding(matrix):
    lu, a = prepared(matrix)
    b = np.random.default_rng(1).standard_normal(a.shape[0])
    # threshold 1e-3: growth may cost three digits of the sixteen, hardly ever more
    assert backward_error(a, lu.solve(b), b) < 1e4 * EPS
    assert backward_error(a.T, lu.solve_transposed(b), b) < 1e4 * EPS
    np.testing.assert_allclose(lu.solve(b), spla.spsolve(a, b), rtol=1e-8)


def test_wires_of_a_ladder_carry_the_exact_voltage():
    # two equal resistors: the middle of a divider stands at half the source, and the source carries V/(2R)
    a = sp.csc_array([[1e-3, -1e-3, 1.0], [-1e-3, 2e-3, 0.0], [1.0, 0.0, 0.0]])
    lu, a = prepared(a)
    np.testing.assert_allclose(lu.solve(np.array([0.0, 0.0, 2.0])), [2.0, 1.0, -1e-3], rtol=1e-15)


def test_every_diagonal_zero():
    # a ring of controlled sources: no entry on the diagonal at all
    n = 50
    a = sp.csc_array((np.full(n, 2.0), (np.arange(n), (np.arange(n) + 1) % n)), shape=(n, n))
    lu, a = prepared(a)
    b = np.arange(1.0, n + 1)
    np.testing.assert_array_equal(a @ lu.solve(b), b)


def test_badly_scaled_equations():
    # conductances 1e-12..1e9 and one row in other units (a state's equation, 1/s)
    rng = np.random.default_rng(3)
    a = random_matrix(80, 0.05, 3)
    dense = a.toarray()
    exact = rng.standard_normal(80)
    scale = 10.0 ** rng.uniform(-12, 9, 80)
    lu, scaled = prepared(sp.csc_array(dense * scale[:, None]))
    x = lu.solve(scaled @ exact)
    # row scaling leaves the solution's condition as it was; pivots of 1e-3 may cost up to three digits
    np.testing.assert_allclose(x, exact, rtol=0, atol=1e3 * EPS * np.linalg.cond(dense))
    assert lu.nnz == prepared(a)[0].nnz  # and the pivots too


def test_many_right_sides_match_single_ones():
    lu, a = prepared(crossbar(6))
    b = np.random.default_rng(0).standard_normal((a.shape[0], 11))
    together = lu.solve(b)
    assert together.shape == b.shape
    for k in range(11):
        np.testing.assert_allclose(together[:, k], lu.solve(b[:, k].copy()), rtol=1e-12, atol=1e-14)
    assert lu.solve(np.zeros((a.shape[0], 0))).shape == (a.shape[0], 0)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("matrix", [ladder(200), crossbar(16)], ids=["ladder", "crossbar"])
def test_refactor_follows_new_values(matrix, dtype):
    lu, a = prepared(matrix, complex=dtype is complex)
    rng = np.random.default_rng(5)
    b = rng.standard_normal(a.shape[0]).astype(dtype)
    for _ in range(3):
        changed = sp.csc_array((a.data * rng.uniform(0.5, 2.0, a.nnz), a.indices, a.indptr), shape=a.shape, dtype=dtype)
        assert lu.refactor(changed.data)
        x = lu.solve(b)
        assert backward_error(changed, x, b) < 1e5 * EPS
    fresh, _ = prepared(changed, complex=dtype is complex)
    np.testing.assert_allclose(x, fresh.solve(b), rtol=1e-7, atol=1e-12)


def test_refactor_chooses_new_pivots_when_the_old_ones_fail():
    a = sp.csc_array([[1.0, 2.0, 0.0], [3.0, 1.0, 1.0], [0.0, 1.0, 5.0]])
    lu, a = prepared(a, perm=np.arange(3))
    changed = a.copy()
    changed[0, 0] = 1e-9  # far below 1e-5 of its column
    assert not lu.refactor(changed.data)
    b = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(lu.solve(b), np.linalg.solve(changed.toarray(), b), rtol=1e-14)
    assert lu.refactor(changed.data)


def test_refactor_of_a_matrix_that_became_singular():
    a = sp.csc_array([[2.0, 1.0], [1.0, 1.0]])
    lu, a = prepared(a)
    with pytest.raises(SingularMatrixError):
        lu.refactor(np.ones(4))
    with pytest.raises(UsageError, match="no factors"):
        lu.solve(np.ones(2))
    lu.factor(a.data)
    np.testing.assert_allclose(lu.solve(np.array([3.0, 2.0])), [1.0, 1.0])


def test_singular_matrices_name_the_unknown():
    loop = np.array([[1e-3, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])  # two sources in parallel
    with pytest.raises(SingularMatrixError) as caught:
        prepared(sp.csc_array(loop))
    assert caught.value.names[0] in {"0", "1", "2"}
    with pytest.raises(SingularMatrixError) as caught:
        prepared(sp.csc_array((np.ones(2), ([0, 1], [0, 1])), shape=(3, 3)))  # an empty column
    assert caught.value.names == ("2",)


def test_a_floating_group_of_resistors_is_singular():
    # thirds are not exact: the last pivot is rounding, not zero
    n = 9
    g = np.zeros((n, n))
    for k in range(n):
        for j in ((k + 1) % n, (k + 4) % n):
            value = (k + 1) / 3
            g[k, k] += value
            g[j, j] += value
            g[k, j] -= value
            g[j, k] -= value
    with pytest.raises(SingularMatrixError):
        prepared(sp.csc_array(g))


def test_small_conductance_to_ground_is_not_taken_for_rounding():
    a = sp.csc_array([[1e-12, 0.0], [0.0, 1e9]])
    lu, _ = prepared(a)
    np.testing.assert_allclose(lu.solve(np.array([1e-12, 1e9])), [1.0, 1.0])


def test_values_that_are_not_finite():
    a = sp.csc_array([[2.0, 1.0], [1.0, 3.0]])
    lu, a = prepared(a)
    for bad in (np.nan, np.inf):
        data = a.data.copy()
        data[2] = bad
        with pytest.raises(SingularMatrixError, match="unknown 1"):
            lu.factor(data)
        lu.factor(a.data)
        with pytest.raises(SingularMatrixError, match="unknown 1"):
            lu.refactor(data)
        lu.factor(a.data)
        with pytest.raises(SingularMatrixError, match="right-hand side"):
            lu.solve(np.array([1.0, bad]))


def test_no_unknowns():
    lu = LU([0], [])
    lu.factor([])
    assert lu.solve(np.zeros(0)).shape == (0,)
    assert lu.solve_transposed(np.zeros(0)).shape == (0,)
    assert lu.nnz == 0


@pytest.mark.parametrize(
    ("ap", "ai", "perm", "said"),
    [
        ([0, 2], [0, 0], None, "malformed|ap"),
        ([0, 2, 4], [1, 0, 0, 1], None, "malformed"),
        ([0, 2, 4], [0, 0, 0, 1], None, "malformed"),
        ([0, 1, 2], [0, 5], [0, 1], "malformed"),
        ([0, 1, 2], [0, -1], [0, 1], "malformed"),
        ([0, 1, 2], [0, 1], [0, 0], "malformed"),
        ([0, 1, 2], [0, 1], [0], "perm"),
        ([0, 1, 3], [0, 1], None, "ap"),
        ([1, 2], [0], None, "ap"),
        ([0, 2, 1, 2], [0, 1], None, "ap"),
        ([], [], None, "ap"),
        ([0.0, 1.0], [0], None, "integers"),
        ([[0, 1]], [0], None, "1-D"),
        ([0, 2**40], [0], None, "32-bit"),
    ],
)
def test_malformed_patterns_are_refused(ap, ai, perm, said):
    with pytest.raises(UsageError, match=said):
        LU(ap, ai, perm)


def test_wrong_shapes_are_refused():
    lu, _ = prepared(sp.csc_array([[2.0, 1.0], [1.0, 3.0]]))
    with pytest.raises(UsageError, match="ax"):
        lu.factor(np.ones(3))
    with pytest.raises(UsageError, match="b has shape"):
        lu.solve(np.ones(3))
    with pytest.raises(UsageError, match="b has shape"):
        lu.solve_transposed(np.ones((2, 1)))
    with pytest.raises(UsageError, match="no factors"):
        LU([0, 1], [0]).refactor([1.0])


def with_states(a, effect, seed=0):
    """A state beside each unknown of a: its equation is in other units (1/s), its effect on currents too (A/m)."""
    rng = np.random.default_rng(seed)
    n = a.shape[0]
    rates = sp.diags_array(np.where(rng.random(n) < 0.5, 1e9 * rng.standard_normal(n), 0.0))
    effects = sp.diags_array(np.where(rates.diagonal() != 0.0, effect * rng.standard_normal(n), 0.0))
    whole = sp.block_array([[a, effects], [rates, sp.diags_array(np.full(n, 4e12))]], format="csc")
    whole.sort_indices()
    return whole


@pytest.mark.parametrize("wire", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("states", [False, True])
def test_matrices_that_fill_in(wire, states):
    # large enough to go by fronts: solutions, transposed ones and several at once keep what rounding allows
    a = crossbar(24, seed=3, wire=wire)
    if states:
        a = with_states(a, 1e4 / wire)
    a.sum_duplicates()
    n = a.shape[0]
    rng = np.random.default_rng(1)
    lu = LU(a.indptr, a.indices)
    for k in range(3):
        values = a.data * (1.0 + 1e-3 * k)
        (lu.refactor if k == 1 else lu.factor)(values)
        scaled = sp.csc_array((values, a.indices, a.indptr), shape=a.shape)
        b = rng.standard_normal((n, 5))
        for x, matrix, right in (
            (lu.solve(b), scaled, b),
            (lu.solve(b[:, 0])[:, None], scaled, b[:, :1]),
            (lu.solve_transposed(b[:, 0])[:, None], scaled.T, b[:, :1]),
        ):
            # backward stable: the residual is rounding of |A||x|, with room for the growth of a thousand operations
            assert np.all(np.abs(matrix @ x - right) <= 1e4 * EPS * (abs(matrix) @ np.abs(x) + np.abs(right)))


def test_pivots_that_no_longer_serve_a_matrix_that_fills_in():
    a = crossbar(20)
    a.sum_duplicates()
    lu = LU(a.indptr, a.indices)
    lu.factor(a.data)
    assert lu.refactor(a.data * 3.0)
    values = a.data.copy()
    column = np.repeat(np.arange(a.shape[0]), np.diff(a.indptr))
    node = 5 * 20 + 7
    values[(a.indices == node) & (column == node)] *= 1e-9  # no longer a diagonal that may be a pivot
    assert not lu.refactor(values)
    b = np.random.default_rng(0).standard_normal(a.shape[0])
    broken = sp.csc_array((values, a.indices, a.indptr), shape=a.shape)
    assert lu.solve(b) == pytest.approx(spla.spsolve(broken, b), rel=1e-8)
    values[(a.indices == node) | (column == node)] = 0.0
    with pytest.raises(SingularMatrixError) as error:
        lu.refactor(values)
    assert error.value.names == (str(node),)
    values[0] = np.nan
    with pytest.raises(SingularMatrixError, match="not finite"):
        lu.factor(values)


def test_order_keeps_the_fill_of_superlu():
    for a in (ladder(400), crossbar(12)):
        n = a.shape[0]
        a.sum_duplicates()
        perm = fill_reducing_order(n, a.indptr, a.indices)
        assert sorted(perm) == list(range(n))
        # zeroes on the diagonal make pivots leave it; a tenth more fill than on a dominant matrix is usual
        dominant = sp.csc_array(abs(a) + sp.diags_array(np.full(n, 100.0)))
        reference = spla.splu(
            dominant, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )
        dominant.sum_duplicates()
        lu = LU(dominant.indptr, dominant.indices, perm)
        lu.factor(dominant.data)
        assert lu.nnz <= reference.L.nnz + reference.U.nnz - n
        shuffled = LU(dominant.indptr, dominant.indices, np.random.default_rng(0).permutation(n))
        shuffled.factor(dominant.data)
        assert lu.nnz < shuffled.nnz


def test_order_does_not_mind_asymmetry_or_an_empty_pattern():
    assert list(fill_reducing_order(0, [0], [])) == []
    assert list(fill_reducing_order(1, [0, 0], [])) == [0]
    assert sorted(fill_reducing_order(3, [0, 0, 2, 2], [0, 2])) == [0, 1, 2]
    with pytest.raises(UsageError, match="outside"):
        fill_reducing_order(2, [0, 1, 1], [7])
