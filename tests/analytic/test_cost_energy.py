"""Energy of reads against a nodal analysis written here, against integrals in time, and against published figures."""

import numpy as np
import pytest
from scipy.linalg import expm

import circuitnn as cn
from circuitnn.errors import UsageError
from circuitnn.mapping.cost.energy import (
    adc_energy,
    array_energy,
    dac_energy,
    energy,
    ideal_array_energy,
    time_constant,
)
from circuitnn.mapping.cost.technology import Technology
from circuitnn.mapping.cost.work import ArrayWork, Work


def close(value, rel=1e-9):
    return pytest.approx(value, rel=rel, abs=0.0)  # by itself it takes anything below 1e-12 for the same


def network(G, r_word, r_bit):
    """Resistors (node, node, siemens) of an array; nodes -1-i are the sources, None is ground."""
    rows, cols = G.shape
    parts = []
    for i in range(rows):
        before = -1 - i
        for j in range(cols):
            parts.append((i * cols + j, before, 1.0 / r_word))
            before = i * cols + j
    for j in range(cols):
        before = None
        for i in reversed(range(rows)):
            node = rows * cols + i * cols + j
            parts.append((node, before, 1.0 / r_bit))
            before = node
    for i, j in np.ndindex(G.shape):
        parts.append((i * cols + j, rows * cols + i * cols + j, G[i, j]))
    return parts


def nodal(G, r_word, r_bit, v):
    """Node matrix, and currents into the nodes from the sources."""
    size = 2 * G.size
    A, b = np.zeros((size, size)), np.zeros(size)
    for p, q, g in network(G, r_word, r_bit):
        A[p, p] += g
        if q is None:
            continue
        if q < 0:
            b[p] += g * v[-1 - q]
        else:
            A[q, q] += g
            A[p, q] -= g
            A[q, p] -= g
    return A, b


ARRAYS = [((3, 4), 50.0, 80.0), ((5, 2), 1.0, 300.0), ((6, 6), 20.0, 20.0)]


@pytest.mark.parametrize(("shape", "r_word", "r_bit"), ARRAYS)
def test_energy_is_the_sum_over_all_resistors(shape, r_word, r_bit):
    rng = np.random.default_rng(5)
    G, v = rng.uniform(1e-6, 1e-3, shape), rng.uniform(-0.3, 0.3, shape[0])
    A, b = nodal(G, r_word, r_bit, v)
    x = np.linalg.solve(A, b)
    losses = {True: 0.0, False: 0.0}
    for k, (p, q, g) in enumerate(network(G, r_word, r_bit)):
        at = 0.0 if q is None else v[-1 - q] if q < 0 else x[q]
        losses[k >= 2 * G.size] += g * (x[p] - at) ** 2
    found = array_energy(cn.Crossbar(G, r_word, r_bit), v, 1e-7, 2e-15, 3e-15)
    # Two direct solutions of one well-conditioned system of at most 72 unknowns.
    assert float(found.cells[0]) == close(1e-7 * losses[True], rel=1e-9)
    assert float(found.wires[0]) == close(1e-7 * losses[False], rel=1e-9)
    charge = 2e-15 * (x[: G.size] ** 2).sum() + 3e-15 * (x[G.size :] ** 2).sum()
    assert float(found.charge[0]) == close(charge, rel=1e-9)


def test_charge_is_the_integral_of_what_sources_deliver_beyond_the_settled_power():
    rng = np.random.default_rng(6)
    G, v = rng.uniform(1e-6, 1e-4, (3, 3)), rng.uniform(-0.3, 0.3, 3)
    A, b = nodal(G, 400.0, 300.0, v)
    C = np.repeat([2e-15, 5e-15], G.size)
    x = np.linalg.solve(A, b)
    # Sources deliver b.(v - node) through their first segments; the departure of nodes decays as exp(-C^-1 A t).
    rate = A / C[:, None]
    step = 0.02 / np.linalg.eigvals(rate).real.max()
    advance, e, times, powers = expm(-rate * step), x.copy(), 0.0, []
    while np.abs(e).max() > 1e-9:
        powers.append(b @ e)
        e, times = advance @ e, times + step
    beyond = np.trapezoid(powers, dx=step)
    found = array_energy(cn.Crossbar(G, 400.0, 300.0), v, 1e-7, 2e-15, 5e-15)
    # The trapezoidal rule with steps of 0.02 of the fastest time constant errs by 0.02^2 / 12 = 3e-5.
    assert float(found.charge[0]) == close(beyond, rel=1e-4)


@pytest.mark.parametrize("sense", ["bottom", "top", "both"])
def test_time_constants_are_bounded(sense):
    rng = np.random.default_rng(9)
    for g in (1e-9, 1e-5, 1e-3):
        G = g * rng.uniform(0.5, 1.0, (5, 7))
        A, _ = nodal(G, 300.0, 500.0, np.zeros(5))
        slowest = 1.0 / np.linalg.eigvals(A / np.repeat([2e-15, 3e-15], G.size)[:, None]).real.min()
        bound = time_constant(cn.Crossbar(G, 300.0, 500.0), 2e-15, 3e-15)
        assert slowest < bound
        if g == 1e-9:  # lines alone: of an RC line, 4 / pi^2 of R C, against half of it
            assert bound < 1.5 * slowest
        # Lines that are tied at another end, or at both, are no slower.
        assert time_constant(cn.Crossbar(G, 300.0, 500.0, sense=sense), 2e-15, 3e-15) <= bound
    broken = np.full((5, 8), 300.0)
    broken[2, 4] = np.inf  # between its fourth and fifth cells
    assert time_constant(cn.Crossbar(G, broken, 500.0), 2e-15, 0.0) == close(300.0 * 28 * 2e-15)


def test_reads_must_let_lines_settle():
    tile = ArrayWork(cn.Crossbar(np.full((3, 4), 1e-5), 1e3, 1e3), [[0.2, 0.0, 0.1]], 2)
    work = Work("m", [tile], 3, 2, 8, 8)
    with pytest.raises(UsageError, match="too short for the lines of m") as raised:
        energy(work, Technology(c_word=1e-12, read_time=1e-8))
    assert "10 ns" in str(raised.value) and raised.value.names == ("m",)
    assert energy(work, Technology(c_word=1e-12, read_time=1e-7)).charge > 0.0
    assert energy(work, Technology(c_word=1e-12, read_time=1e-8), wires=False).charge > 0.0


def test_ideal_wires_give_the_fast_formula():
    rng = np.random.default_rng(7)
    G, v = rng.uniform(1e-6, 1e-4, (8, 5)), rng.uniform(-0.2, 0.2, (6, 8))
    solved, formula = (
        array_energy(cn.Crossbar(G, 0.0, 0.0), v, 1e-7, 1e-15, 1e-15),
        ideal_array_energy(G, v, 1e-7, 1e-15),
    )
    for ours, theirs in zip(solved, formula, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=0.0)
    lossy = array_energy(cn.Crossbar(G, 50.0, 50.0), v, 1e-7, 1e-15, 1e-15)
    assert (lossy.total < formula.total).all()  # resistance in series takes current away


def test_a_large_batch_is_solved_in_pieces(monkeypatch):
    rng = np.random.default_rng(8)
    xb, v = cn.Crossbar(rng.uniform(1e-6, 1e-4, (8, 5)), 5.0, 5.0), rng.uniform(-0.2, 0.2, (11, 8))
    whole = array_energy(xb, v, 1e-7, 1e-15, 1e-15)
    monkeypatch.setattr("circuitnn.mapping.cost.energy._MOST_NODES", 4 * 40)
    # A batch of fewer vectors may be solved by another method, to 1e-10 of the currents.
    for ours, theirs in zip(array_energy(xb, v, 1e-7, 1e-15, 1e-15), whole, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_reads_that_differ_keep_their_numbers(monkeypatch):
    G = np.full((4, 3), 1e-5)
    xb = cn.Crossbar(G, 1.0, 1.0, nonidealities=cn.nonidealities.ReadNoise(0.1), seed=3)
    whole = array_energy(xb, np.full((6, 4), 0.2), 1e-7)
    assert np.ptp(whole.cells) > 0.0
    monkeypatch.setattr("circuitnn.mapping.cost.energy._MOST_NODES", 2 * 12)
    np.testing.assert_allclose(array_energy(xb, np.full((6, 4), 0.2), 1e-7).cells, whole.cells, rtol=1e-9)


def test_periphery_is_counted():
    t = Technology()
    tiles = [ArrayWork(cn.Crossbar(np.full((3, 4), 1e-5), 0.0, 0.0), [[0.2, 0.0, 0.1], [0.0, 0.0, 0.0]], 2)] * 2
    work = Work("m", tiles, inputs=6, outputs=2, dac_bits=4, adc_bits=6, activation="relu", reads=5)
    found = energy(work, t, length=1e-3)
    assert found.cells == close(5 * 2 * 0.5 * 4e-5 * (0.04 + 0.01) * t.read_time)
    assert found.spread == close(found.array)  # of two reads of which one takes nothing: mean = deviation
    assert found.drivers == close(5 * 6 * (0.39e-12 + 18e-15 * 16))
    assert found.adc == close(5 * 4 * 33.9e-15 * 64)
    assert found.sense == close(5 * 4 * (20e-6 * 100e-9 + 1e-15))
    assert found.buffers == close(5 * (6 * 4 + 2 * 4) * 10e-12 / 64)
    assert found.digital == close(5 * (4 * 0.1e-12 + 2 * (3.1e-12 + 0.1e-12)))
    assert found.interconnect == close(5 * (6 * 4 + 4 * 6) * 240e-15)
    assert found.total == close(sum(found.parts().values()))


def test_published_figures():
    t = Technology()
    # ISAAC (Shafiee 2016), Table I: 1024 one-bit drivers of an IMA take 4 mW at a read each 100 ns.
    assert 1024 * dac_energy(1, t) / 100e-9 == close(4e-3, rel=0.01)
    # Kull 2013: 3.06 mW at 1.2 GS/s with an SNDR of 39.3 dB, so ENOB = (39.3 - 1.76) / 6.02.
    assert adc_energy((39.3 - 1.76) / 6.02, t) == close(3.06e-3 / 1.2e9, rel=0.01)
