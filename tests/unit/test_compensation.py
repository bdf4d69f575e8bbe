"""Conductances that make up for wires, lines in a better order, gains and offsets from samples."""

import numpy as np
import pytest
import scipy.sparse as sp
from nodal import nodal_transfer, relative

from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.errors import MappingError
from circuitnn.mapping.compensation.wires import compensate

LOW, HIGH = 1e-6, 1e-4


def pairs(weights):
    """Cells of differential pairs, bit lines 2j and 2j+1 of output j, and their read-out."""
    share = weights / np.abs(weights).max()
    cells = np.empty((len(weights), 2 * weights.shape[1]))
    cells[:, 0::2] = LOW + (HIGH - LOW) * np.maximum(share, 0.0)
    cells[:, 1::2] = LOW + (HIGH - LOW) * np.maximum(-share, 0.0)
    return cells, sp.kron(sp.eye(weights.shape[1]), [[1.0], [-1.0]]).tocsr()


@pytest.mark.parametrize(
    ("shape", "r_word", "r_bit"), [((40, 20), 5.0, 5.0), ((24, 30), 2.0, 20.0), ((1, 3), 9.0, 9.0)]
)
def test_compensated_cells_compute_the_matrix_by_nodal_analysis(shape, r_word, r_bit):
    cells, readout = pairs(np.random.default_rng(1).standard_normal(shape))
    done = compensate(cells, readout, r_word, r_bit, window=(LOW, HIGH), tolerance=1e-8)
    wanted = cells @ readout
    wired = nodal_transfer(done.G, r_word, r_bit) @ readout
    # the tolerance asked for, and 1e-10 of the engine's transfer matrix
    assert relative(wired, done.gain * wanted) < 2e-8
    assert 0.3 < done.gain < 1.0
    assert done.before == pytest.approx(relative(nodal_transfer(cells, r_word, r_bit) @ readout, wanted), rel=1e-6)
    assert done.before > done.before_scaled > 1e-3 or shape[0] == 1
    assert done.recovered > 0.999


def test_cells_stay_in_range_and_the_gain_uses_it():
    cells, readout = pairs(np.random.default_rng(2).standard_normal((64, 32)))
    done = compensate(cells, readout, 5.0, 5.0, window=(LOW, HIGH), tolerance=1e-6)
    assert done.G.min() >= LOW
    assert done.G.max() <= HIGH
    # A larger gain is not reachable: the limiting cell stands at the end of its range, to the search's 2 %.
    assert done.G.max() > 0.95 * HIGH
    more = compensate(cells, readout, 5.0, 5.0, window=(LOW, HIGH), gain=min(1.0, 1.1 * done.gain), tolerance=1e-6)
    assert more.error > 1e-4
    # Of each pair one cell stays near g_min: no current that cancels.
    lesser = np.minimum(done.G[:, 0::2], done.G[:, 1::2])
    assert lesser.mean() < 1.2 * LOW


def test_without_wires_nothing_changes():
    cells, readout = pairs(np.random.default_rng(3).standard_normal((8, 4)))
    done = compensate(cells, readout, 0.0, 0.0, window=(LOW, HIGH))
    assert np.array_equal(done.G, cells)
    assert (done.gain, done.before, done.steps) == (1.0, 0.0, 1)


def test_a_range_that_is_too_small_is_reported():
    cells, readout = pairs(np.random.default_rng(4).standard_normal((64, 32)))
    done = compensate(cells, readout, 20.0, 20.0, window=(LOW, HIGH), gain=1.0)
    assert done.saturated > 0.0
    assert done.error > 0.05
    assert done.error == pytest.approx(
        relative(nodal_transfer(done.G, 20.0, 20.0) @ readout, cells @ readout), rel=1e-6
    )


@pytest.mark.parametrize(
    "readout",
    [
        np.vstack([np.eye(9), -np.ones((1, 9))]),  # a column that all outputs share
        np.kron(np.eye(5), [[1.0], [-1.0]]),
        np.kron(np.eye(2), [[1.0], [-1.0], [4.0], [-4.0], [0.0]]),  # two slices in base 4, and a line that is not used
    ],
)
def test_any_read_out(readout):
    rng = np.random.default_rng(5)
    cells = rng.uniform(2e-5, 8e-5, (32, 10))
    done = compensate(cells, readout, 3.0, 3.0, window=(LOW, HIGH), tolerance=1e-6)
    assert relative(nodal_transfer(done.G, 3.0, 3.0) @ readout, done.gain * (cells @ readout)) < 2e-6


def test_rows_without_energy_take_no_part():
    weights = np.random.default_rng(6).standard_normal((48, 24))
    weights[:8] *= 3.0  # rows that would need most room, farthest from the sense circuits
    cells, readout = pairs(weights)
    energy = np.ones(48)
    energy[:8] = 0.0
    window = (LOW, HIGH)
    all_alike = compensate(cells, readout, 10.0, 10.0, window=window)
    weighted = compensate(cells, readout, 10.0, 10.0, window=window, energy=energy)
    assert all_alike.gain < 0.9 < weighted.gain
    wired, wanted = nodal_transfer(weighted.G, 10.0, 10.0) @ readout, weighted.gain * (cells @ readout)
    assert relative(wired[8:], wanted[8:]) < 1.1e-3


def test_the_gradient_by_adjoints_vanishes_where_cells_have_room():
    """At fixed gain with saturated cells the diagonal Newton method stops near the bound-constrained minimum."""
    cells, readout = pairs(np.random.default_rng(7).standard_normal((48, 24)))
    wanted = 0.9 * (cells @ readout)
    done = compensate(cells, readout, 5.0, 5.0, window=(LOW, HIGH), gain=0.9, tolerance=1e-9)
    assert done.saturated > 0.0

    def slope(G):
        array = Crossbar(G, 5.0, 5.0)
        miss = array.transfer_matrix() @ readout - wanted
        by_g = array.vjp(np.eye(48), miss @ readout.T).G
        stuck = ((G <= LOW) & (by_g > 0.0)) | ((G >= HIGH) & (by_g < 0.0))
        return np.linalg.norm(np.where(stuck, 0.0, by_g))

    assert slope(done.G) < 0.02 * slope(cells)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"window": (1e-4, 1e-6)}, "g_min < g_max"),
        ({"window": (1e-5, 1e-4)}, "within the window"),
        ({"readout": np.ones((3, 1))}, "2 bit lines"),
        ({"readout": [[np.nan], [1.0]]}, "finite"),
        ({"gain": 0.0}, "above 0"),
        ({"gain": 1.5}, "at most 1"),
        ({"tolerance": 0.0}, "between 0 and 1"),
        ({"energy": [1.0, 1.0]}, "(1,)"),
        ({"energy": [0.0]}, "not all zero"),
        ({"energy": [-1.0]}, "mean squares"),
    ],
)
def test_wrong_input_is_refused(change, words):
    given = {"readout": [[1.0], [-1.0]], "window": (LOW, HIGH), **change}
    readout = given.pop("readout")
    with pytest.raises(MappingError) as caught:
        compensate([[5e-5, 1e-6]], readout, 1.0, 1.0, **given)
    assert words in str(caught.value)
