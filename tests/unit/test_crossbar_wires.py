"""Lines of every kind: by segment, broken, driven at either end, floating, fed by currents; and gradients."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import CrossbarError


class Network:
    """A list of resistors and ends, solved densely: nothing of the package in it."""

    def __init__(self, G, r_word, r_bit, r_source, r_sense, drive, sense):
        m, n = G.shape
        self.m, self.n = m, n
        r_word, r_bit = (np.broadcast_to(r, s) if np.ndim(r) != 1 else np.repeat(r[:, None], s[1], 1)
                         for r, s in ((r_word, (m, n + 1)), (r_bit, (n, m + 1))))  # fmt: skip
        r_source, r_sense = np.broadcast_to(r_source, m), np.broadcast_to(r_sense, n)
        self.A = np.zeros((2 * m * n, 2 * m * n))
        self.ends = []  # kind, line, node, conductance
        for i in range(m):
            for j in range(n):
                self.join(self.word(i, j), self.bit(i, j), G[i, j])
                if j:
                    self.join(self.word(i, j - 1), self.word(i, j), 1 / r_word[i, j])
                if i:
                    self.join(self.bit(i - 1, j), self.bit(i, j), 1 / r_bit[j, i])
        for i in range(m):
            if drive in ("left", "both"):
                self.tie("word", i, self.word(i, 0), 1 / (r_word[i, 0] + r_source[i]))
            if drive in ("right", "both"):
                self.tie("word", i, self.word(i, n - 1), 1 / (r_word[i, n] + r_source[i]))
        for j in range(n):
            if sense in ("top", "both"):
                self.tie("bit", j, self.bit(0, j), 1 / (r_bit[j, 0] + r_sense[j]))
            if sense in ("bottom", "both"):
                self.tie("bit", j, self.bit(m - 1, j), 1 / (r_bit[j, m] + r_sense[j]))

    def word(self, i, j):
        return i * self.n + j

    def bit(self, i, j):
        return self.m * self.n + i * self.n + j

    def join(self, a, b, g):
        for p, q in ((a, b), (b, a)):
            self.A[p, p] += g
            self.A[p, q] -= g

    def tie(self, kind, line, node, g):
        self.A[node, node] += g
        self.ends.append((kind, line, node, g))

    def solve(self, v, v_bit, i_word, i_bit):
        """Return currents out of the bit lines, word and bit voltages."""
        held, fed = {"word": v, "bit": v_bit}, {"word": i_word, "bit": i_bit}
        rhs = np.zeros(len(self.A))
        count = {kind: sum(e[0] == kind for e in self.ends) / len(held[kind]) for kind in held}
        for kind, line, node, g in self.ends:
            rhs[node] += g * held[kind][line] + fed[kind][line] / count[kind]
        x = np.linalg.solve(self.A, rhs)
        currents = -np.asarray(i_bit, dtype=float)
        for kind, line, node, g in self.ends:
            if kind == "bit":
                currents[line] += g * (x[node] - v_bit[line])
        return currents, x[: self.m * self.n].reshape(self.m, self.n), x[self.m * self.n :].reshape(self.m, self.n)


def array(shape, seed=3):
    return 10 ** np.random.default_rng(seed).uniform(-6, -3, shape)


def per_segment(lines, cells, seed, broken=0):
    rng = np.random.default_rng(seed)
    r = rng.uniform(0.5, 30.0, (lines, cells + 1))
    for _ in range(broken):
        r[rng.integers(lines), rng.integers(1, cells)] = np.inf
    return r


SHAPE = (9, 7)
CASES = {
    "left": {},
    "right and top": {"drive": "right", "sense": "top"},
    "both ends": {"drive": "both", "sense": "both", "r_source": 100.0, "r_sense": 50.0},
    "by line": {"r_word": np.linspace(1, 9, 9), "r_bit": np.linspace(2, 3, 7)},
    "by segment": {"r_word": per_segment(9, 7, 0), "r_bit": per_segment(7, 9, 1)},
    "broken": {"r_word": per_segment(9, 7, 0, 5), "r_bit": per_segment(7, 9, 1, 5), "drive": "both"},
    "one side by segment": {"r_word": per_segment(9, 7, 0), "r_bit": 2.0, "sense": "both"},
    "floating lines": {
        "r_source": np.where(np.arange(9) % 3 == 1, np.inf, 20.0),
        "r_sense": np.where(np.arange(7) % 2, np.inf, 5.0),
    },
}
BIASES = {
    "volts": ("v",),
    "bit volts": ("v", "v_bit"),
    "currents": ("i_word",),
    "all": ("v", "v_bit", "i_word", "i_bit"),
}


def bias(names, shape, seed=4):
    rng = np.random.default_rng(seed)
    made = {"v": rng.uniform(-1, 1, shape[0]), "v_bit": rng.uniform(-1, 1, shape[1]),
            "i_word": rng.uniform(-1e-4, 1e-4, shape[0]), "i_bit": rng.uniform(-1e-4, 1e-4, shape[1])}  # fmt: skip
    return {name: value if name in names else np.zeros_like(value) for name, value in made.items()}


@pytest.mark.parametrize("solver", ["direct", "lines"])
@pytest.mark.parametrize("names", BIASES.values(), ids=BIASES)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_agrees_with_a_dense_solution(case, names, solver, monkeypatch):
    monkeypatch.setattr("circuitnn.crossbar.linear._SMALL", 1 if solver == "lines" else 10**9)
    G = array(SHAPE)
    wires = {"r_word": 3.0, "r_bit": 2.0, "r_source": 0.0, "r_sense": 0.0, "drive": "left", "sense": "bottom"} | case
    held = bias(names, SHAPE)
    currents, word, bit = Network(G, **wires).solve(**held)
    sol = cn.Crossbar(G, **wires).solve(held.pop("v"), **held, tolerance=1e-12)
    assert sol.info.method == ("sparse direct" if solver == "direct" else sol.info.method)
    assert solver == "direct" or sol.info.method in ("lines", "conjugate gradients")
    # the oracle is conditioned like 1e6; the tolerance counts against the largest current, at a thousandth
    np.testing.assert_allclose(sol.currents, currents, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(sol.v_word, word, atol=1e-9)
    np.testing.assert_allclose(sol.v_bit, bit, atol=1e-9)
    power = sol.power
    assert power.total == pytest.approx(power.cells + power.word + power.bit, rel=1e-8, abs=0.0)


@pytest.mark.parametrize("shape", [(64, 64), (40, 130), (1, 60), (60, 1)])
@pytest.mark.parametrize("case", ["both ends", "by segment", "broken"])
def test_larger_arrays_by_lines_equal_direct_ones(shape, case, monkeypatch):
    G = array(shape)
    wires = {"drive": "both", "sense": "both", "r_source": 10.0}
    if case != "both ends":
        broken = 12 if case == "broken" and min(shape) > 1 else 0
        wires |= {"r_word": per_segment(*shape, 0, broken), "r_bit": per_segment(*shape[::-1], 1, broken)}
    v = np.random.default_rng(0).uniform(-1, 1, shape[0])
    monkeypatch.setattr("circuitnn.crossbar.linear._SMALL", 10**9)
    exact = cn.Crossbar(G, **wires).solve(v)
    monkeypatch.setattr("circuitnn.crossbar.linear._SMALL", 1)
    xb = cn.Crossbar(G, **wires)
    found = xb.solve(v)
    assert found.info.method in ("lines", "conjugate gradients")
    size = np.abs(exact.currents).max()
    np.testing.assert_allclose(found.currents, exact.currents, rtol=1e-8, atol=1e-12 * size)
    np.testing.assert_allclose(xb.transfer_matrix().T @ v, exact.currents, rtol=1e-8, atol=1e-11 * size)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_transposed_read_and_the_admittance_are_reciprocal(case):
    xb = cn.Crossbar(array(SHAPE), **case)
    T = xb.transfer_matrix()
    np.testing.assert_allclose(cn.Crossbar(xb.G, **case).T.transfer_matrix(), T.T, rtol=1e-9, atol=1e-15)
    Y = xb.admittance()
    np.testing.assert_allclose(Y, Y.T, atol=1e-15)
    np.testing.assert_allclose(-Y[:9, 9:], T, atol=1e-15)
    assert np.linalg.eigvalsh(Y).min() > -1e-15  # passive


def test_a_transfer_matrix_is_kept_current_when_cells_change():
    rng = np.random.default_rng(5)
    xb = cn.Crossbar(array((40, 50)), 3.0, 2.0, r_source=10.0)
    before = xb.transfer_matrix()
    row, column, g = rng.integers(0, 40, 6), np.arange(6) * 8, rng.uniform(0, 2e-3, 6)
    new = xb.replaced(row, column, g)
    assert new._linear.transfer is not None and xb.transfer_matrix() is before
    again = cn.Crossbar(new.G, 3.0, 2.0, r_source=10.0).transfer_matrix()
    np.testing.assert_allclose(new.transfer_matrix(), again, rtol=1e-8, atol=1e-11 * again.max())
    assert np.abs(again - before).max() > 1e-2 * before.max()
    many = xb.replaced(rng.integers(0, 40, 30), np.arange(30), 1e-4)
    assert many._linear.transfer is None  # made anew when asked for


def test_a_large_batch_is_not_copied_and_watched(monkeypatch):
    monkeypatch.setattr("circuitnn.crossbar.bias._COPIED", 100)
    v = np.random.default_rng(0).uniform(-1, 1, (50, 9))
    kept = v.copy()
    xb = cn.Crossbar(array(SHAPE))
    sol, other = xb.solve(v), xb.solve(v)
    np.testing.assert_array_equal(sol.v_word, xb.solve(kept[:]).v_word)
    v[[3, 4]] = v[[4, 3]]
    with pytest.raises(CrossbarError, match="changed after the solution"):
        _ = other.v_word
    v[7, 2] = np.nan
    with pytest.raises(CrossbarError, match=r"\[7, 2\] is nan"):
        xb.solve(v)


@pytest.mark.parametrize("cells", [(40, 0), (0, -1), ([0, 0], [1, 1]), (0.5, 1), ([0, 1], [0, 1, 2])])
def test_cells_to_replace_are_checked(cells):
    with pytest.raises(CrossbarError, match="cells to replace"):
        cn.Crossbar(array((40, 50))).replaced(*cells, 1e-3)
    with pytest.raises(CrossbarError, match="conductance of cell"):
        cn.Crossbar(array((4, 5))).replaced(1, 2, -1.0)


def test_single_storage_is_right_to_its_floor():
    G = 10 ** np.random.default_rng(0).uniform(-6, -4, (150, 170))
    v = np.random.default_rng(1).uniform(0, 0.2, 150)
    exact = cn.Crossbar(G).solve(v).currents
    xb = cn.Crossbar(G, storage="single")
    sol = xb.solve(v)
    error = np.abs(sol.currents - exact).max() / exact.max()
    assert 1e-12 < error < 1e-6  # not double, and within what is promised
    np.testing.assert_allclose(sol.v_word, cn.Crossbar(G).solve(v).v_word, atol=1e-6)


def loss_by_differences(make, weights, v, name, value, at, step):
    """Central difference of sum(weights * currents) by one entry of one argument."""
    up, down = np.array(value, dtype=float), np.array(value, dtype=float)
    up[at] += step
    down[at] -= step
    found = [float((weights * make(**{name: x}).solve(v, tolerance=1e-13).currents).sum()) for x in (up, down)]
    return (found[0] - found[1]) / (2 * step)


@pytest.mark.parametrize("solver", ["direct", "lines"])
@pytest.mark.parametrize("case", ["by segment", "both ends", "floating lines"])
def test_gradients_equal_finite_differences(case, solver, monkeypatch):
    monkeypatch.setattr("circuitnn.crossbar.linear._SMALL", 1 if solver == "lines" else 10**9)
    rng = np.random.default_rng(8)
    G = 10 ** rng.uniform(-5, -3, SHAPE)
    arguments = {"G": G, "r_word": per_segment(9, 7, 0), "r_bit": per_segment(7, 9, 1),
                 "r_source": np.full(9, 15.0), "r_sense": np.full(7, 25.0)} | CASES[case]  # fmt: skip
    if case == "both ends":
        arguments |= {"r_source": np.full(9, 100.0), "r_sense": np.full(7, 50.0)}

    def make(**changed):
        return cn.Crossbar(**(arguments | changed))

    v, weights = rng.uniform(-1, 1, (3, 9)), rng.uniform(-1, 1, (3, 7))
    found = make().vjp(v, weights)
    for name in ("G", "r_word", "r_bit", "r_source", "r_sense"):
        derivative = getattr(found, name)
        value = np.asarray(arguments[name], dtype=float)
        for _ in range(3):
            at = tuple(rng.integers(n) for n in value.shape)
            if np.isinf(value[at]):
                assert derivative[at] == 0.0
                continue
            expected = loss_by_differences(make, weights, v, name, value, at, 1e-4 * value[at])
            # central differences of step 1e-4: 1e-8 relative, and rounding of the loss over the step
            assert derivative[at] == pytest.approx(expected, rel=1e-5, abs=1e-9 * abs(derivative).max()), (name, at)
    np.testing.assert_allclose(found.v, weights @ make().transfer_matrix().T, rtol=1e-8, atol=1e-13)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"r_source": np.inf, "r_sense": np.inf}, "word line 0 floats"),
        ({"G": [[0.0, 0.0], [1e-3, 1e-3]], "r_source": [np.inf, 0.0]}, "word line 0 floats from cell 0"),
        ({"G": [[1e-3, 0.0], [1e-3, 0.0]], "r_word": [[1, np.inf, 1]] * 2, "r_sense": [0.0, np.inf]},
         "word line 0 floats from cell 1"),
        ({"r_word": [1.0, 0.0]}, r"r_word\[1\] is .*0"),
        ({"r_word": np.ones((2, 2))}, "r_word is an array of shape"),
        ({"r_bit": [1.0, np.inf]}, r"r_bit\[1\] is .*inf"),
        ({"r_word": 0.0, "r_source": [0.0, 5.0]}, "r_source is 0 ohm for some"),
        ({"drive": "top"}, "drive is 'top'"),
        ({"sense": 3}, "sense is 3"),
        ({"storage": "half"}, "storage is 'half'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(arguments, message):
    with pytest.raises(CrossbarError, match=message):
        cn.Crossbar(**({"G": [[1e-3, 1e-3], [1e-3, 1e-3]]} | arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"v_bit": [1.0]}, "bit-line voltages of shape"),
        ({"i_word": [1.0, np.nan]}, "word-line current .1. is nan"),
        ({"v": np.ones((2, 2)), "i_bit": np.ones((3, 2))}, "batches of"),
        ({"v": 1.0}, "source voltages of shape"),
    ],
)
def test_bad_biases_are_named(arguments, message):
    with pytest.raises(CrossbarError, match=message):
        cn.Crossbar([[1e-3, 1e-3], [1e-3, 1e-3]]).solve(**arguments)


def test_an_interrupt_ends_a_solution(monkeypatch):
    import signal

    xb = cn.Crossbar(array((300, 300)))
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, 0.02)  # once: a second one could hit the lines after the loop
            for _ in range(10_000):
                xb.solve(np.ones(300))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    assert np.isfinite(xb.solve(np.ones(300)).currents).all()
