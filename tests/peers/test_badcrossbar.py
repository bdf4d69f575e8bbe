"""Crossbars against badcrossbar 1.1 (Joksas and Mehonic, SoftwareX 12, 100617, 2020): nodal analysis by a sparse LU.

Its conventions are the defaults here: word lines driven at the left, bit lines grounded at the bottom, one segment
between source and first device and one between last device and ground, ``numpy.inf`` for a missing device.

Three kinds of numbers: what its own tests expect, which Qucs 0.0.20 computed (``tests/qucs`` of its repository, tag
v1.1.0); the one its README prints; and, with more digits and of all nodes, what badcrossbar 1.1.0 itself answers. The
last tests run it where it is installed.
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
    # two direct solutions of one linear system of condition 45
    np.testing.assert_allclose(sol.currents, OUTPUT, rtol=1e-11)
    np.testing.assert_allclose(sol.cell_currents, DEVICES, rtol=1e-11)
    np.testing.assert_allclose(sol.v_word, WORD, rtol=1e-12)


def test_the_current_that_its_readme_prints():
    v = np.array([[1.5, 4.1, 2.6, 2.1], [2.3, 4.5, 1.1, 0.8], [1.7, 4.0, 3.3, 1.1]])
    sol = cn.Crossbar(1.0 / np.array(RESISTANCES), 0.5, 0.5).solve(v.T)
    assert f"{sol.cell_currents[2, 0, 3]:.3g}" == "0.00986"


# 10 to 200 ohm, and the same with eleven devices missing, under the two vectors of voltages of 5x4-X-1 and 5x4-X-2.
FULL = np.arange(10.0, 201.0, 10.0).reshape(5, 4)
BROKEN = np.where(np.isin(FULL, [20, 40, 80, 100, 120, 140, 150, 170, 190]), FULL, np.inf)
VOLTS = np.array([[0.0, 1.0, 2.0, 3.0, 4.0], [3.0, 2.0, -1.0, 2.0, 3.0]])
QUCS = {  # output currents, A
    "5x4-a": (
        FULL, 0.0, 0.0,
        [[0.08882855706385118, 0.08031746031746032, 0.07352016404647983, 0.06791666666666667],
         [0.3619205630970337, 0.2042857142857143, 0.14860332649806335, 0.11916666666666667]],
    ),
    "5x4-b": (
        FULL, 1.0, 2.0,
        [[0.060570196651101416, 0.059327610716747844, 0.05634873882925334, 0.05335235457510154],
         [0.15274675287437675, 0.10872370543516569, 0.08719952841122902, 0.07446608444256336]],
    ),
    "5x4-c": (
        BROKEN, 0.0, 0.0,
        [[0.023529411764705882, 0.041428571428571426, 0.04105263157894737, 0.029166666666666667],
         [0.01764705882352941, 0.1542857142857143, 0.029122807017543863, 0.09166666666666667]],
    ),
    "5x4-d": (
        BROKEN, 0.0, 2.0,
        [[0.023255813953488372, 0.03253230157603294, 0.03984575835475578, 0.022600121045716903],
         [0.01744186046511628, 0.09747266789720291, 0.028277634961439587, 0.06509159617967908]],
    ),
    "5x4-e": (
        BROKEN, 1.0, 0.0,
        [[0.02327131688988546, 0.04015212389767439, 0.03994004799568497, 0.0277225410885645],
         [0.017453487667414096, 0.1349595044177086, 0.028343766316255493, 0.07814129811803747]],
    ),
    "5x4-f": (np.full((5, 4), np.inf), 1.0, 2.0, np.zeros((2, 4))),
}  # fmt: skip
# 5x4-b-2: devices' currents, A, and the voltages of word and bit lines, V
B2_DEVICES = [
    [0.13027890975793147, 0.07920488581291177, 0.056671940433842334, 0.04449339967907432],
    [0.016097601400342765, 0.018523208089506547, 0.017843675117289366, 0.01665149815466044],
    [-0.01973655637841783, -0.014768318173861148, -0.012078553197111326, -0.010377423097519],
    [0.010598800018167426, 0.010865224458477853, 0.010567333526868509, 0.010153624289919963],
    [0.01550799807635291, 0.014898705248130664, 0.014195132530340127, 0.01354498541642764],
]
B2_WORD = [
    [2.6893508643162396, 2.508980638390411, 2.407815298277494, 2.3633218985984197],
    [1.9308840172382011, 1.877865635876745, 1.8433704626047953, 1.826718964450135],
    [-0.9430391491530907, -0.9058148546845993, -0.8833588783899691, -0.8729814552924501],
    [1.9578150177065665, 1.9262288354313004, 1.905507877614512, 1.895354253324592],
    [2.9418531787287487, 2.8992143555338505, 2.8714742375870825, 2.857929252170655],
]
B2_BIT = [
    [1.3865617667369254, 0.9248829221321759, 0.7076570852622246, 0.5835859114354479],
    [1.1260039472210626, 0.7664731505063523, 0.5943132043945399, 0.4945991120772993],
    [0.833250924904514, 0.5710169627015158, 0.4452819732922766, 0.3723093164098298],
    [0.5799710153448011, 0.4050974112444014, 0.3204078485842358, 0.2707743669373982],
    [0.3054935057487535, 0.21744741087033137, 0.17439905682245804, 0.14893216888512673],
]


@pytest.mark.parametrize("name", QUCS)
def test_currents_that_qucs_gave(name):
    R, r_word, r_bit, currents = QUCS[name]
    # 40 equations of condition below 100: rounding alone is between two direct solutions
    np.testing.assert_allclose(cn.Crossbar(1.0 / R, r_word, r_bit).solve(VOLTS).currents, currents, rtol=1e-12)


def test_devices_and_nodes_that_qucs_gave():
    sol = cn.Crossbar(1.0 / FULL, 1.0, 2.0).solve(VOLTS[1])
    np.testing.assert_allclose(sol.cell_currents, B2_DEVICES, rtol=1e-12)
    np.testing.assert_allclose(sol.v_word, B2_WORD, rtol=1e-12)
    np.testing.assert_allclose(sol.v_bit, B2_BIT, rtol=1e-12)


@pytest.mark.parametrize(
    ("shape", "r_word", "r_bit", "method"),
    [
        ((1, 1), 2.0, 5.0, "sparse direct"),
        ((1, 7), 2.0, 5.0, "sparse direct"),
        ((7, 1), 2.0, 5.0, "sparse direct"),
        ((5, 3), 2.0, 5.0, "sparse direct"),
        ((24, 40), 2.0, 5.0, "sparse direct"),
        ((40, 24), 0.0, 5.0, None),
        ((40, 24), 2.0, 0.0, None),
        ((32, 40), 2.0, 5.0, "lines"),
        ((64, 64), 2.0, 5.0, "lines"),
        ((64, 64), 50.0, 0.1, "lines"),
    ],
)
def test_random_arrays(shape, r_word, r_bit, method):
    badcrossbar = pytest.importorskip("badcrossbar")
    rng = np.random.default_rng(shape[0])
    R = 10 ** rng.uniform(4, 6, shape)
    if min(shape) > 1:
        R[1, 2] = np.inf  # a missing device, and a part of a column
        R[: shape[0] // 2, 0] = np.inf
    v = rng.uniform(0.1, 0.5, (3, shape[0]))
    theirs = badcrossbar.compute(v.T, R, r_i_word_line=r_word, r_i_bit_line=r_bit)
    ours = cn.Crossbar(1.0 / R, r_word, r_bit).solve(v, tolerance=1e-12)
    assert method in (None, ours.info.method)
    # measured: 5e-13 and less of LU's rounding; devices whose ends are nearly at one voltage lose digits by it
    np.testing.assert_allclose(ours.currents, theirs.currents.output, rtol=1e-9)
    # (rows, columns, vectors) there
    cells = np.moveaxis(ours.cell_currents, 0, -1)
    np.testing.assert_allclose(cells, theirs.currents.device, rtol=1e-9, atol=1e-12 * cells.max())
    np.testing.assert_allclose(np.moveaxis(ours.v_word, 0, -1), theirs.voltages.word_line, rtol=1e-9)
    np.testing.assert_allclose(np.moveaxis(ours.v_bit, 0, -1), theirs.voltages.bit_line, rtol=1e-9)
