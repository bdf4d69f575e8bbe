"""Crossbars against badcrossbar 1.1 (Joksas and Mehonic, SoftwareX 12, 100617, 2020): nodal analysis by a sparse LU.

Its conventions are the defaults here: word lines driven at the left, bit lines grounded at the bottom, one segment
between source and first device and one between last device and ground.
"""

import numpy as np
import pytest

import circuitnn as cn

# The array of the example in badcrossbar's documentation; the numbers are what badcrossbar 1.1.0 answers to
# compute([[1.5], [2.3], [1.7]], RESISTANCES, 0.5), printed with all digits.
RESISTANCES = [[345, 903, 755, 257, 646], [652, 401, 508, 166, 454], [442, 874, 190, 244, 635]]
OUTPUT = [0.011585025421546973, 0.009190641636252413, 0.015115681173257949, 0.025833208221257207, 0.009811792882657442]
DEVICES = [
    [0.0042906538900727605, 0.0016359909880976468, 0.0019466232911942534, 0.005650515338389805, 0.0022704029442431675],
    [0.0034882961961060772, 0.00563993286928002, 0.004424641953281405, 0.013414698299221362, 0.004930215452058747],
    [0.00380607533536813, 0.0019147177788747492, 0.008744415928782293, 0.006767994583646045, 0.002611174486355524],
]
WORD = [
    [1.4921029067740015, 1.486351140493039, 1.4814173697061253, 1.477456910564809, 1.4763217090926875],
    [2.284051107615025, 2.269846363328103, 2.2584615854758208, 2.2492891286001804, 2.246824020874151],
    [1.6880778109434869, 1.678058659554657, 1.6689968670552646, 1.6643072825202636, 1.6630016952770863],
]


def test_the_example_of_its_documentation():
    sol = cn.Crossbar(1.0 / np.array(RESISTANCES), 0.5, 0.5).solve([1.5, 2.3, 1.7])
    # two direct solutions of one linear system of condition 1e4
    np.testing.assert_allclose(sol.currents, OUTPUT, rtol=1e-11)
    np.testing.assert_allclose(sol.cell_currents, DEVICES, rtol=1e-11)
    np.testing.assert_allclose(sol.v_word, WORD, rtol=1e-12)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (5, 3), (24, 40), (64, 64)])
def test_random_arrays(shape):
    badcrossbar = pytest.importorskip("badcrossbar")
    rng = np.random.default_rng(shape[0])
    R = 10 ** rng.uniform(4, 6, shape)
    if min(shape) > 1:
        R[1, 2] = np.inf  # a missing device
    v = rng.uniform(0.1, 0.5, (3, shape[0]))
    theirs = badcrossbar.compute(v.T, R, r_i_word_line=2.0, r_i_bit_line=5.0)
    ours = cn.Crossbar(1.0 / R, 2.0, 5.0).solve(v, tolerance=1e-12)
    np.testing.assert_allclose(ours.currents, theirs.currents.output, rtol=1e-9)
    # (rows, columns, vectors) there
    scale = np.abs(ours.cell_currents).max()
    np.testing.assert_allclose(
        np.moveaxis(ours.cell_currents, 0, -1), theirs.currents.device, rtol=1e-8, atol=1e-12 * scale
    )
    np.testing.assert_allclose(np.moveaxis(ours.v_word, 0, -1), theirs.voltages.word_line, rtol=1e-10)
    np.testing.assert_allclose(np.moveaxis(ours.v_bit, 0, -1), theirs.voltages.bit_line, rtol=1e-7, atol=1e-12)
