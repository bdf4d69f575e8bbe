"""Properties of the sparse LU on random patterns."""

import numpy as np
import scipy.sparse as sp
from circuitnn.mna._lu import LU
from hypothesis import given, settings
from hypothesis import strategies as st

from circuitnn.errors import SingularMatrixError
from circuitnn.mna.ordering import fill_reducing_order


@st.composite
def matrices(draw):
    """Draw a square sparse matrix, often without a diagonal, sometimes singular, with scales 1e-6..1e6."""
    n = draw(st.integers(1, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dense = np.where(rng.random((n, n)) < draw(st.floats(0.02, 0.6)), rng.standard_normal((n, n)), 0.0)
    shape = draw(st.sampled_from(["plain", "permuted", "symmetric"]))
    if shape == "permuted":
        dense += np.eye(n)[rng.permutation(n)] * 3
    elif shape == "symmetric":
        dense = dense + dense.T + np.diag(rng.uniform(0.5, 3, n) * (rng.random(n) < 0.7))
    dense *= 10.0 ** rng.integers(-6, 7, n)[:, None]
    if draw(st.booleans()):
        dense = dense * np.exp(1j * rng.uniform(0, 6.28, (n, n)))
    return dense


@settings(deadline=None, max_examples=150)
@given(dense=matrices(), seed=st.integers(0, 2**32 - 1))
def test_factors_solve_or_say_singular(dense, seed):
    n = dense.shape[0]
    rng = np.random.default_rng(seed)
    a = sp.csc_array(dense)
    lu = LU(a.indptr, a.indices, rng.permutation(n), complex=np.iscomplexobj(dense))
    largest = np.max(np.abs(dense), axis=1)
    balanced = dense / np.where(largest > 0, largest, 1.0)[:, None]
    condition = np.linalg.cond(balanced) if np.all(largest > 0) else np.inf
    try:
        lu.factor(a.data)
    except SingularMatrixError as error:
        assert condition > 1e10  # only numerically singular matrices may be refused
        assert 0 <= int(error.names[0]) < n
        return
    if condition > 1e8:
        return
    exact = rng.standard_normal(n)
    # each pivot may be 1e-3 of its column: two such in a row amplify rounding a million times beyond the condition
    bound = 1e-9 * condition
    np.testing.assert_allclose(lu.solve(dense @ exact), exact, rtol=0, atol=bound)
    # the transposed system sees the row scales as column scales: measure it in its own units
    np.testing.assert_allclose(
        lu.solve_transposed(balanced.T @ exact) * np.where(largest > 0, largest, 1.0), exact, rtol=0, atol=bound
    )
    first = lu.solve(dense @ exact)
    assert lu.refactor(a.data)
    np.testing.assert_allclose(lu.solve(dense @ exact), first, rtol=0, atol=bound)


@settings(deadline=None, max_examples=50)
@given(n=st.integers(0, 30), density=st.floats(0, 0.5), seed=st.integers(0, 2**32 - 1))
def test_order_is_a_permutation(n, density, seed):
    rng = np.random.default_rng(seed)
    a = sp.csc_array(np.where(rng.random((n, n)) < density, 1.0, 0.0)) if n else None
    ap, ai = (a.indptr, a.indices) if a is not None else (np.zeros(1, dtype=int), np.zeros(0, dtype=int))
    perm = fill_reducing_order(n, ap, ai)
    assert perm.dtype == np.int32
    np.testing.assert_array_equal(np.sort(perm), np.arange(n))
