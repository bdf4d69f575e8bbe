"""Laws that every crossbar obeys, whatever its conductances and wires."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.crossbar.lines import LineSolver

CELL = st.one_of(st.just(0.0), st.floats(1e-9, 1e-2))
WIRE = st.floats(1e-3, 1e3)
OHMS = st.one_of(st.just(0.0), WIRE)
ARRAYS = st.tuples(st.integers(1, 6), st.integers(1, 6)).flatmap(lambda shape: arrays(np.float64, shape, elements=CELL))
# Every number comes from a direct solution of at most 72 unknowns, or from lines whose tolerance counts for a
# thousandth of the largest; resistances span 1e-3 to 1e9 ohm. Lines forced onto arrays as small as these, which a
# direct solution serves otherwise, may stop a little early: 1.01e-8 was found once in thousands.
RTOL, ATOL = 5e-8, 1e-16


@st.composite
def crossbars(draw, wire=OHMS):
    G = draw(ARRAYS)
    xb = Crossbar(G, draw(wire), draw(wire), r_source=draw(OHMS), r_sense=draw(OHMS))
    if not (xb.wires.word.ideal or xb.wires.bit.ideal) and draw(st.booleans()):
        xb._linear._solver = LineSolver(xb._linear.stored, xb.wires)  # which otherwise serves larger arrays only
    return xb


def ohms(xb):
    """Resistances of a segment of word and bit lines, of sources and of sense circuits."""
    word, bit = xb.wires.word, xb.wires.bit
    return word.first[0], bit.first[0], word.beyond[0], bit.beyond[0]


def volts(rows, seed, batch=()):
    return np.random.default_rng(seed).uniform(-1, 1, (*batch, rows))


@given(crossbars())
def test_reciprocity(xb):
    """Exchange sources and ammeters: both ends of the array turn round and T becomes its transpose."""
    r_word, r_bit, r_source, r_sense = ohms(xb)
    turned = Crossbar(xb.G[::-1, ::-1].T, r_bit, r_word, r_source=r_sense, r_sense=r_source)
    T = xb.transfer_matrix()
    np.testing.assert_allclose(turned.transfer_matrix()[::-1, ::-1].T, T, rtol=RTOL, atol=ATOL + 1e-14 * T.max())


@given(crossbars(), st.integers(0, 99), st.floats(-3, 3))
def test_superposition(xb, seed, factor):
    one, two = volts(xb.rows, seed, (2,))
    both = xb.solve(one + factor * two).currents
    np.testing.assert_allclose(
        both, xb.solve(one).currents + factor * xb.solve(two).currents, rtol=RTOL, atol=1e-12 * xb.G.sum() + ATOL
    )


@given(crossbars())
def test_wires_only_take_away(xb):
    T = xb.transfer_matrix()
    assert T.min() >= -1e-15 * T.max()
    assert (T.sum(axis=1) <= xb.G.sum(axis=1) * (1 + RTOL)).all()


@given(crossbars(), st.integers(0, 99))
def test_voltages_stay_between_ground_and_the_largest_source(xb, seed):
    sol = xb.solve(np.abs(volts(xb.rows, seed)))
    for voltages in (sol.v_word, sol.v_bit):
        assert voltages.min() >= -1e-12
        assert voltages.max() <= sol.v.max() + 1e-12


@given(st.integers(1, 8), st.integers(1, 8), CELL, OHMS, OHMS)
def test_voltage_drops_grow_along_the_wires_of_an_even_array(rows, cols, g, r_word, r_bit):
    sol = Crossbar(np.full((rows, cols), g), r_word, r_bit).solve(np.ones(rows))
    # Every cell passes current from word to bit line, so word lines fall to the right and bit lines downwards.
    assert (np.diff(sol.v_word, axis=1) <= 1e-12).all()
    assert (np.diff(sol.v_bit, axis=0) <= 1e-12).all()
    assert (np.diff(sol.currents) <= 1e-9 * g).all()
    assert (sol.currents <= rows * g * (1 + RTOL)).all()


@given(crossbars(), st.integers(0, 99))
def test_passivity_and_energy_balance(xb, seed):
    power = xb.solve(volts(xb.rows, seed)).power
    assert min(power.cells, power.word, power.bit) >= 0.0
    np.testing.assert_allclose(power.total, power.cells + power.word + power.bit, rtol=RTOL, atol=1e-18)


@given(crossbars(WIRE), st.integers(0, 99))
def test_kirchhoff_at_every_node(xb, seed):
    r_word, r_bit, r_source, r_sense = ohms(xb)
    v = volts(xb.rows, seed)
    sol = xb.solve(v, tolerance=1e-12)
    cell = xb.G * (sol.v_word - sol.v_bit)
    left = np.column_stack([(v - sol.v_word[:, 0]) / (r_word + r_source), -np.diff(sol.v_word, axis=1) / r_word])
    right = np.column_stack([left[:, 1:], np.zeros(xb.rows)])
    below = np.vstack([-np.diff(sol.v_bit, axis=0) / r_bit, sol.v_bit[-1:] / (r_bit + r_sense)])
    above = np.vstack([np.zeros(xb.cols), below[:-1]])
    # A node voltage of 1 V is known to 1e-16, its segment's current to that over the segment's resistance; lines stop
    # at the tolerance asked for.
    most = 1e-11 * np.abs(cell).max()
    np.testing.assert_allclose(left - right, cell, atol=1e-14 * (1 / r_word + 1.0) + most, rtol=0)
    np.testing.assert_allclose(below - above, cell, atol=1e-14 * (1 / r_bit + 1.0) + most, rtol=0)
    np.testing.assert_allclose(sol.currents, below[-1], rtol=RTOL, atol=ATOL)


@given(crossbars(), st.sampled_from([2.0**-20, 2.0**10]))
def test_scaling_of_units(xb, factor):
    """Siemens times f with ohms over f is the same circuit, its currents times f."""
    r_word, r_bit, r_source, r_sense = (r / factor for r in ohms(xb))
    scaled = Crossbar(xb.G * factor, r_word, r_bit, r_source=r_source, r_sense=r_sense)
    T = factor * xb.transfer_matrix()
    np.testing.assert_allclose(scaled.transfer_matrix(), T, rtol=RTOL, atol=ATOL + 1e-14 * T.max())


@given(ARRAYS, st.floats(1e-3, 1e2), st.floats(1e-3, 1e2))
@settings(max_examples=50)
def test_total_current_falls_as_wires_grow(G, r, more):
    thin = Crossbar(G, r + more, r + more).solve(np.ones(len(G))).power.total
    thick = Crossbar(G, r, r).solve(np.ones(len(G))).power.total
    # Rayleigh's monotonicity law: a larger resistance never raises the conductance between terminals.
    assert thin <= thick * (1 + RTOL)
