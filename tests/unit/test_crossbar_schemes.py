"""Operation schemes against closed forms and against the same circuits written out flat."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import circuitnn as cn
from circuitnn.circuit.options import SimOptions
from circuitnn.crossbar.margins import BACKGROUNDS, background, farthest_cell, largest_array, read_margin
from circuitnn.crossbar.schemes import SCHEMES, bias_for, read
from circuitnn.crossbar.writing import Pulse, write
from circuitnn.errors import CrossbarError

DIODE = cn.Model("sel", "d", {"is": 1e-9, "n": 2.0, "rs": 200.0})
FET = cn.Model("access", "nmos", {"level": 1.0, "vto": 0.5, "kp": 2e-4, "lambda": 0.02})
SIZE = {"w": 2e-6, "l": 1e-6}
HFO2 = {"ron": 10e3, "roff": 1e6, "v_on": -0.6, "v_off": 0.6, "k_on": -1e-2, "k_off": 1e-2, "alpha_on": 3.0,
        "alpha_off": 3.0, "w_off": 3e-9, "w0": 1.5e-9, "iv": 1.0}  # fmt: skip
NO_WIRE = 1e-3  # ohm a segment, 1e-7 of the least resistance of a cell and less
CELLS = {"1R": {}, "1S1R": {"selector": DIODE}, "1T1R": {"transistor": FET, "transistor_params": SIZE}}
RESET = Pulse(1.4, 100e-9, 2e-9, 2e-9)
SET = Pulse(-1.4, 100e-9, 2e-9, 2e-9)


def near(value, rel=1e-9):
    """Approximately, without the absolute tolerance of 1e-12, in which joules and metres would get lost."""
    return pytest.approx(value, rel=rel, abs=0.0)


def device_array(w, kind="1R", r=20.0, **ends):
    w = np.asarray(w, dtype=float)
    return cn.Crossbar(cn.Cells("hfo2", w.shape, state={"w": w}, **CELLS[kind]), r, r, **ends)


def flat(kind, w, r, bias, gate=None, pulse=None):
    """The array and what its lines are tied to, as a circuit of its own; ``pulse`` gives waveforms."""
    m, n = w.shape
    c = cn.Circuit("flat", SimOptions(reltol=1e-6))
    c.model("hfo2x", "vteam", **HFO2)
    for name, model in (("sel", DIODE), ("access", FET)):
        c.model(name, model.type, **model.params)

    def tie(name, node, volts):
        if pulse is None:
            c.V(name, node, 0, dc=float(volts))
        else:
            wave = np.column_stack([pulse.times, [0.0, volts, volts, 0.0]]).ravel().tolist()
            c.V(name, node, 0, waveform=("pwl", *wave))

    for i in range(m):
        if not bias.word_floating[i]:
            tie(f"in{i}", f"in{i}", bias.word[i])
            c.R(f"w{i}_0", f"in{i}", f"w{i}_0", r)
        if kind == "1T1R":
            c.V(f"g{i}", f"g{i}", 0, dc=gate if i in bias.rows else 0.0)
        for j in range(1, n):
            c.R(f"w{i}_{j}", f"w{i}_{j - 1}", f"w{i}_{j}", r)
    for j in range(n):
        for i in range(1, m):
            c.R(f"b{i}_{j}", f"b{i - 1}_{j}", f"b{i}_{j}", r)
        if not bias.bit_floating[j]:
            c.R(f"b{m}_{j}", f"b{m - 1}_{j}", f"o{j}", r)
            tie(f"o{j}", f"o{j}", bias.bit[j])
        for i in range(m):
            word, bit, middle = f"w{i}_{j}", f"b{i}_{j}", f"x{i}_{j}"
            if kind == "1S1R":
                c.D(f"d{i}_{j}", word, middle, "sel")
                word = middle
            elif kind == "1T1R":
                c.M(f"t{i}_{j}", middle, f"g{i}", bit, bit, "access", **SIZE)
                bit = middle
            c.N(f"m{i}_{j}", word, bit, model="hfo2x", w=float(w[i, j]))
    return c


# ---------------------------------------------------------------------------------------------- biasing
@given(
    st.sampled_from(["grounded", "V/2", "V/3"]),
    st.integers(1, 6),
    st.integers(1, 6),
    st.floats(-3.0, 3.0),
    st.data(),
)
def test_every_cell_has_its_part_of_the_voltage(scheme, m, n, volts, data):
    rows = data.draw(st.lists(st.integers(0, m - 1), min_size=1, unique=True))
    cols = data.draw(st.lists(st.integers(0, n - 1), min_size=1, unique=True))
    bias = bias_for(scheme, (m, n), (rows, cols), volts)
    across = bias.word[:, None] - bias.bit[None, :]
    parts = {"grounded": (1, 0, 0), "V/2": (1 / 2, 1 / 2, 0), "V/3": (1 / 3, 1 / 3, -1 / 3)}[scheme]
    assert across[bias.classes["selected"]] == near(volts)
    for name, part in zip(("row", "column", "unselected"), parts, strict=True):
        np.testing.assert_allclose(across[bias.classes[name]], part * volts, atol=1e-15)
    assert sum(mask.astype(int) for mask in bias.classes.values()).tolist() == np.ones((m, n)).tolist()
    assert bias.classes["selected"].sum() == len(rows) * len(cols)


def test_lines_are_chosen_by_index_sequence_or_slice():
    bias = bias_for("floating", (4, 5), (-1, slice(1, None, 2)), 1.0)
    assert (bias.rows.tolist(), bias.cols.tolist()) == ([3], [1, 3])
    assert bias.word_floating.tolist() == [True, True, True, False]
    assert bias.bit_floating.tolist() == [True, False, True, False, True]
    assert bias_for("grounded", (4, 5), ([2, 0], 0), [0.1, 0.2]).word.tolist() == [0.2, 0.0, 0.1, 0.0]


@pytest.mark.parametrize("kind", ["linear", "1R"])
@pytest.mark.parametrize("scheme", ["V/2", "V/3"])
def test_half_selected_cells_see_their_part_through_the_solution(kind, scheme):
    w = np.random.default_rng(0).uniform(0, 3e-9, (4, 5))
    xb = device_array(w, r=NO_WIRE) if kind == "1R" else cn.Crossbar(1e-4 * 100 ** (-w / 3e-9), NO_WIRE, NO_WIRE)
    found = read(xb, (1, 2), 0.3, scheme)
    expected = {"V/2": (0.15, 0.15, 0.0), "V/3": (0.1, 0.1, -0.1)}[scheme]
    for name, volts in zip(("row", "column", "unselected"), expected, strict=True):
        # the wires' share, of a few segments in 1e4 ohm
        np.testing.assert_allclose(found.cell_voltages[found.bias.classes[name]], volts, atol=1e-5)
    G = 1e-4 * np.exp(-np.log(100) * w / 3e-9)
    np.testing.assert_allclose(found.half_select["column"], expected[1] * G[[0, 2, 3], 2], rtol=1e-4)
    np.testing.assert_allclose(found.half_select["row"], expected[0] * G[1, [0, 1, 3, 4]], rtol=1e-4)


# ---------------------------------------------------------------------------------------------- reads
@pytest.mark.parametrize("kind", ["linear", "1R"])
def test_the_sneak_path_of_two_by_two_is_three_cells_in_series(kind):
    w = np.array([[3e-9, 0.5e-9], [1e-9, 2e-9]])
    G = 1e-4 * np.exp(-np.log(100) * w / 3e-9)
    xb = device_array(w, r=NO_WIRE) if kind == "1R" else cn.Crossbar(G, NO_WIRE, NO_WIRE)
    found = read(xb, (0, 0), 0.2, "floating")
    around = 0.2 / (1 / G[0, 1] + 1 / G[1, 1] + 1 / G[1, 0])
    assert found.sneak[0] == near(around, rel=2e-5)
    assert found.own[0, 0] == near(0.2 * G[0, 0], rel=1e-6)
    assert found.sensed[0] == near(around + 0.2 * G[0, 0], rel=2e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), st.floats(1e4, 1e6), st.data())
def test_sneak_network_of_equal_cells(m, n, R, data):
    cell = data.draw(st.integers(0, m - 1)), data.draw(st.integers(0, n - 1))
    xb = cn.Crossbar(np.full((m, n), 1 / R), NO_WIRE, NO_WIRE)
    network = R / (n - 1) + R / ((m - 1) * (n - 1)) + R / (m - 1)
    found = read(xb, cell, 1.0, "floating")
    assert found.sneak[0] == near(1.0 / network, rel=1e-4)  # wires: tens of mohm in 1e4 / 12 ohm


@pytest.mark.parametrize("scheme", list(SCHEMES))
@pytest.mark.parametrize("kind", list(CELLS))
def test_reads_equal_the_general_engine(kind, scheme):
    w = np.random.default_rng(5).uniform(0, 3e-9, (3, 4))
    volts, gate, r = {"1R": 0.3, "1S1R": 1.2, "1T1R": 0.3}[kind], 2.0, 50.0
    found = read(device_array(w, kind, r), (1, [2, 0]), volts, scheme, gate=gate)
    op = flat(kind, w, r, found.bias, gate).op()
    expected = np.array([float(op[f"i(vo{j})"]) for j in (2, 0)])
    # the general engine stops at reltol 1e-6
    np.testing.assert_allclose(found.sensed, expected, rtol=5e-6, atol=1e-13)
    bit = np.array([[float(op[f"v(b{i}_{j})"]) for j in range(4)] for i in range(3)])
    np.testing.assert_allclose(found.solution.v_bit, bit, atol=2e-6 * volts)


def test_a_vector_times_a_matrix_is_a_read_of_all_lines():
    rng = np.random.default_rng(1)
    xb = cn.Crossbar(10 ** rng.uniform(-6, -4, (6, 5)), 5.0, 3.0)
    v = rng.uniform(-0.2, 0.2, 6)
    found = read(xb, (slice(None), slice(None)), v)
    np.testing.assert_allclose(found.sensed, v @ xb.transfer_matrix(), rtol=1e-9)
    np.testing.assert_allclose(found.sneak, 0.0, atol=1e-12 * np.abs(found.sensed).max())
    some = read(xb, ([4, 1], [3, 0, 2, 1]), [0.2, 0.1])
    full = np.zeros(6)
    full[[4, 1]] = 0.2, 0.1
    np.testing.assert_allclose(some.sensed, (full @ xb.transfer_matrix())[[3, 0, 2, 1]], rtol=1e-9)
    np.testing.assert_allclose(some.differential, [some.sensed[0] - some.sensed[1], some.sensed[2] - some.sensed[3]])
    assert some.own.shape == (2, 4)


@pytest.mark.parametrize("r_sense", [0.0, 40.0])
def test_sensing_at_both_ends(r_sense):
    G = np.full((6, 3), 1e-4)
    xb = cn.Crossbar(G, 20.0, 20.0, r_sense=r_sense, sense="both", drive="both")
    found = read(xb, (slice(None), 1), 0.2)
    np.testing.assert_allclose(found.ends.sum(axis=0), found.sensed, rtol=1e-12)
    np.testing.assert_allclose(*found.ends, rtol=1e-9)  # the array is its own mirror image
    single = read(xb.rewired(sense="bottom"), (slice(None), 1), 0.2)
    assert single.ends[0, 0] == 0.0 and single.sensed[0] < found.sensed[0] < 0.2 * 6e-4
    lonely = read(xb, (5, 1), 0.2)
    assert lonely.ends[1, 0] > lonely.ends[0, 0] > 0.0  # more where the cell is
    np.testing.assert_allclose(found.foot, r_sense * found.ends[1], atol=1e-18)
    ideal = read(cn.Crossbar(G, 20.0, 0.0, sense="both"), (0, 1), 0.2)
    np.testing.assert_allclose(ideal.ends, 0.5 * np.stack([ideal.sensed] * 2))


@pytest.mark.parametrize("sense", ["bottom", "top", "both"])
def test_voltages_of_floating_columns_are_weighted_means(sense):
    G = 10 ** np.random.default_rng(2).uniform(-6, -4, (5, 4))
    v = np.array([0.3, 0.1])
    found = read(cn.Crossbar(G, NO_WIRE, NO_WIRE, sense=sense), ([3, 0], [1, 2]), v, load=np.inf)
    np.testing.assert_allclose(found.foot, v @ G[[3, 0]][:, [1, 2]] / G[:, [1, 2]].sum(axis=0), rtol=1e-4)
    np.testing.assert_allclose(found.ends, 0.0, atol=1e-12)
    device = read(device_array([[0.0, 3e-9], [1e-9, 1e-9]], r=NO_WIRE), (0, 0), 0.3, load=np.inf)
    G = 1e-4 * 100 ** -np.array([0.0, 1 / 3])
    assert device.foot[0] == near(0.3 * G[0] / G.sum(), rel=1e-4)


def test_the_foot_is_at_the_end_that_is_sensed():
    xb = cn.Crossbar([[1e-4], [1e-4]], NO_WIRE, 5e3)  # 10 kohm, 5 kohm of bit line, 10 kohm to ground
    for sense, volts in (("bottom", 0.4), ("top", 0.6), ("both", 0.4)):
        assert read(xb.rewired(sense=sense), (0, 0), 1.0, load=np.inf).foot[0] == near(volts, rel=1e-6)
    loaded = read(xb.rewired(sense="top"), (0, 0), 1.0, load=1e3)
    assert loaded.foot[0] == near(1e3 * loaded.sensed[0])


@pytest.mark.parametrize("load", [100.0, 1e4])
def test_a_load_divides_the_voltage(load):
    found = read(cn.Crossbar(np.full((3, 3), 1e-4), NO_WIRE, NO_WIRE), (2, 0), 0.6, load=load)
    # 10 kohm from the source; the load and two grounded cells to ground
    ground = 1.0 / (1.0 / load + 2e-4)
    assert found.foot[0] == near(0.6 * ground / (ground + 1e4), rel=1e-5)
    assert found.foot[0] == near(load * found.sensed[0])


def test_power_of_a_read_adds_up():
    power = read(device_array(np.full((4, 4), 1e-9), "1S1R", 50.0), (0, 0), 1.5, "floating").power
    # lines that float are out of balance by the solver's tolerance
    assert power.total == near(power.cells + power.word + power.bit, rel=1e-7)


# ---------------------------------------------------------------------------------------------- read margin
def sneak_free(n, lrs, hrs, load):
    """Margin of the floating scheme without wires, all other cells in LRS."""
    network = 1.0 / lrs * (2.0 / (n - 1) + 1.0 / (n - 1) ** 2)
    out = [load / (load + 1.0 / (g + 1.0 / network)) for g in (lrs, hrs)]
    return out[0] - out[1]


@pytest.mark.parametrize("n", [2, 3, 8, 16])
def test_margin_over_a_load_has_its_closed_form(n):
    xb = cn.Crossbar(np.ones((n, n)), NO_WIRE, NO_WIRE)
    found = read_margin(xb, 0.5, "floating", lrs=1e-4, hrs=1e-6, load=2e3)
    assert found.worst == ("LRS", "LRS", "LRS")
    assert found.margin == near(sneak_free(n, 1e-4, 1e-6, 2e3), rel=1e-4)


@pytest.mark.parametrize("scheme", list(SCHEMES))
@pytest.mark.parametrize("load", [None, 1e3])
def test_margins_fall_with_size_and_no_fixed_reference_does_better(scheme, load):
    found = [
        read_margin(cn.Crossbar(np.ones((n, n)), 10.0, 10.0), 0.2, scheme, lrs=1e-4, hrs=1e-6, load=load)
        for n in (2, 4, 8, 16, 32)
    ]
    assert all(a.margin > b.margin for a, b in itertools.pairwise(found))
    assert all(a.window > b.window for a, b in itertools.pairwise(found))
    assert all(a.window <= a.margin + 1e-12 for a in found)
    mirrored = read_margin(cn.Crossbar(np.ones((8, 8)), 10.0, 10.0), -0.2, scheme, lrs=1e-4, hrs=1e-6, load=load)
    assert mirrored.margin == near(found[2].margin, rel=1e-9)


@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_no_other_pattern_is_worse_than_the_backgrounds(scheme):
    xb = cn.Crossbar(np.ones((3, 3)), 30.0, 30.0)
    found = read_margin(xb, 0.2, scheme, lrs=1e-4, hrs=1e-6, cell=(1, 1))
    others = [cell for cell in np.ndindex(3, 3) if cell != (1, 1)]
    readings = {1e-4: [], 1e-6: []}
    for own, held in itertools.product(readings, itertools.product((1e-4, 1e-6), repeat=8)):
        G = np.full((3, 3), own)
        G[tuple(zip(*others, strict=True))] = held
        readings[own].append(read(cn.Crossbar(G, 30.0, 30.0), (1, 1), 0.2, scheme).sensed[0])
    low, high = np.array(readings[1e-4]), np.array(readings[1e-6])
    assert found.margin == near(((low - high) / low).min(), rel=1e-9)
    assert found.window == near(1.0 - high.max() / low.min(), rel=1e-9)


@pytest.mark.parametrize("scheme", ["floating", "V/2"])
def test_selectors_widen_the_margin(scheme):
    states = {"lrs": {"w": 0.0}, "hrs": {"w": 3e-9}}
    plain = read_margin(device_array(np.full((4, 4), 1e-9), "1R", 5.0), 1.5, scheme, **states)
    xb = device_array(np.full((4, 4), 1e-9), "1S1R", 5.0)
    with_selector = read_margin(xb, 1.5, scheme, **states)
    assert with_selector.window > plain.window + 0.1
    assert np.all(xb.states["w"] == 1e-9)  # a margin leaves the data alone
    linear = read_margin(cn.Crossbar(np.ones((4, 4)), 5.0, 5.0), 1.5, scheme, lrs=1e-4, hrs=1e-6)
    assert plain.margin == near(linear.margin, rel=1e-6)


def test_the_largest_array_has_the_margin_and_the_next_has_not():
    def make(n):
        return cn.Crossbar(np.ones((n, n)), NO_WIRE, NO_WIRE)

    how = {"lrs": 1e-4, "hrs": 1e-6, "load": 2e3}
    n = largest_array(make, 0.1, 1.0, "floating", **how)
    assert sneak_free(n, *how.values()) >= 0.1 > sneak_free(n + 1, *how.values())
    assert largest_array(make, 0.1, 1.0, "floating", **how, limit=3) == 3
    assert largest_array(make, 0.999, 1.0, "floating", **how) == 0
    by_wires = largest_array(lambda n: cn.Crossbar(np.ones((n, n)), 10.0, 10.0), 0.6, 1.0, lrs=1e-4, hrs=1e-6)
    worse = largest_array(lambda n: cn.Crossbar(np.ones((n, n)), 20.0, 20.0), 0.6, 1.0, lrs=1e-4, hrs=1e-6)
    assert worse < by_wires


def test_the_farthest_cell_follows_the_ends():
    xb = cn.Crossbar(np.ones((5, 7)))
    assert farthest_cell(xb) == (0, 6)
    assert farthest_cell(xb.rewired(drive="right", sense="top")) == (4, 0)
    assert farthest_cell(xb.rewired(drive="both", sense="both")) == (2, 3)
    bias = bias_for("grounded", (2, 2), (0, 0), 1.0)
    assert len(BACKGROUNDS) == len({background(bias, holds).tobytes() for holds in BACKGROUNDS}) == 8


# ---------------------------------------------------------------------------------------------- writes
@pytest.mark.parametrize(("kind", "scheme"), [("1R", s) for s in SCHEMES] + [("1S1R", "V/2"), ("1T1R", "grounded")])
def test_writes_equal_the_general_engine(kind, scheme):
    w = np.random.default_rng(7).uniform(0.5e-9, 2.5e-9, (3, 3))
    pulse = Pulse({"1R": 1.4, "1S1R": 2.6, "1T1R": 1.6}[kind], 40e-9, 2e-9, 2e-9)
    xb = device_array(w, kind, 50.0)
    done = write(xb, (1, 2), pulse, scheme, gate=2.5, tolerance=1e-5)
    tran = flat(kind, w, 50.0, done.bias, 2.5, pulse).tran(stop=pulse.times[-1], max_step=0.2e-9)
    moved = np.abs(done.states["w"][-1] - w).max()
    assert moved > 1e-10  # there is something to agree on
    for (i, j), state in np.ndenumerate(xb.states["w"]):
        assert state == pytest.approx(tran[f"@nm{i}_{j}[w]"][-1], abs=2e-3 * moved)
    assert np.array_equal(done.states["w"], [w, xb.states["w"]])


@pytest.mark.parametrize("scheme", list(SCHEMES))
@pytest.mark.parametrize("kind", list(CELLS))
def test_energy_of_the_sources_is_that_of_cells_and_wires(kind, scheme):
    w = np.random.default_rng(8).uniform(0.5e-9, 2.5e-9, (4, 5))
    xb = device_array(w, kind, 100.0, r_source=300.0, r_sense=200.0)
    energy = write(xb, ([0, 2], [1, 3]), Pulse(2.0, 40e-9, 2e-9, 2e-9), scheme, gate=2.5, pulses=2).energy
    # the solver's tolerance in a transient is a thousandth of 1e-4
    assert energy.sources == near(energy.cells.sum() + energy.word + energy.bit, rel=1e-5)
    assert min(energy.word, energy.bit, energy.selected, energy.half_selected) > 0.0
    parts = energy.selected + energy.half_selected + energy.unselected
    assert parts == near(energy.cells.sum(), rel=1e-12)


def test_energy_of_a_cell_at_its_bound_has_its_closed_form():
    xb = device_array([[0.0]], r=500.0)  # 10 kohm, which a SET leaves as it is, and 1 kohm of wire
    energy = write(xb, (0, 0), Pulse(-1.5, 50e-9, 4e-9, 6e-9), "grounded", max_step=0.05e-9).energy
    # a trapezoid's square over its ramps is a third of that over its top; steps of 1/80 of a ramp
    total = 1.5**2 / 11e3 * (50e-9 + 10e-9 / 3)
    assert energy.sources == near(total, rel=1e-4)
    assert energy.selected == near(total / 1.1, rel=1e-4)
    assert [energy.word, energy.bit] == near([total / 22] * 2, rel=1e-4)


def drift(volts, pulse):
    """Change of a VTEAM state while a voltage follows the pulse's shape."""
    over = abs(volts) / 0.6 - 1.0
    ramp = over**4 / 4 * 0.6 / abs(volts)  # of the cube, over a ramp of length 1
    return np.sign(volts) * 1e-2 * (over**3 * pulse.width + ramp * (pulse.rise + pulse.fall))


def test_half_select_disturb_is_the_drift_at_half_the_voltage():
    xb = device_array(np.full((3, 4), 1.5e-9), r=NO_WIRE)
    done = write(xb, (1, 2), Pulse(1.4, 10e-9, 2e-9, 2e-9), "V/2", pulses=5, tolerance=1e-5)
    expected = drift(0.7, Pulse(0.7, 10e-9, 2e-9, 2e-9))
    for k in range(6):
        worst = done.disturb("w", k)
        assert worst["row"].change == pytest.approx(k * expected, rel=1e-2, abs=0.0)
        assert worst["column"].change == pytest.approx(k * expected, rel=1e-2, abs=0.0)
        assert worst["unselected"].change == 0.0
    assert worst["row"].cell[0] == 1 and worst["column"].cell[1] == 2
    selected = 1.5e-9 + 5 * drift(1.4, Pulse(1.4, 10e-9, 2e-9, 2e-9))
    assert xb.states["w"][1, 2] == near(selected, rel=1e-3)


def test_under_a_third_unselected_cells_drift_the_other_way():
    xb = device_array(np.full((3, 3), 1.5e-9), r=NO_WIRE)
    pulse = Pulse(2.1, 10e-9, 2e-9, 2e-9)
    worst = write(xb, (0, 0), pulse, "V/3", tolerance=1e-5).disturb("w")
    assert worst["row"].change == near(drift(0.7, pulse), rel=1e-2)
    assert worst["unselected"].change == near(drift(-0.7, pulse), rel=1e-2)
    gentle = write(device_array(np.full((3, 3), 1.5e-9)), (0, 0), RESET, "V/3").disturb("w")
    assert [d.change for d in gentle.values()] == [0.0, 0.0, 0.0]  # 0.47 V is below the threshold


def test_pulses_one_by_one_are_the_pulses_together():
    w = np.random.default_rng(3).uniform(0.5e-9, 2.5e-9, (3, 3))
    together, apart = device_array(w), device_array(w)
    done = write(together, (0, [0, 2]), RESET, "V/2", pulses=3)
    single = [write(apart, (0, [0, 2]), RESET, "V/2") for _ in range(3)]
    assert len(done.transients) == 3 and done.states["w"].shape == (4, 3, 3)
    np.testing.assert_allclose(together.states["w"], apart.states["w"], rtol=1e-7)
    assert done.energy.sources == near(sum(one.energy.sources for one in single), rel=1e-6)
    np.testing.assert_allclose(done.energy.cells, sum(one.energy.cells for one in single), rtol=1e-6)


def test_set_and_reset_of_a_word():
    xb = device_array(np.full((4, 4), 3e-9))
    write(xb, (2, [0, 3]), Pulse(-1.15, 400e-9, 1e-9, 1e-9))
    assert (xb.states["w"] < 0.1e-9).tolist() == [[i == 2 and j in (0, 3) for j in range(4)] for i in range(4)]
    before = read(xb, (2, [0, 1]), 0.2).differential[0]
    write(xb, (2, 0), Pulse(1.15, 400e-9, 1e-9, 1e-9))
    assert xb.states["w"][2, 0] > 2.9e-9
    assert before > 1.8e-5 and abs(read(xb, (2, [0, 1]), 0.2).differential[0]) < 1e-7


def test_gates_keep_the_other_rows_from_disturb():
    xb = device_array(np.full((3, 3), 1.5e-9), "1T1R", 5.0)
    worst = write(xb, (1, 1), Pulse(1.6, 40e-9, 1e-9, 1e-9), "grounded", gate=2.5).disturb("w")
    assert xb.states["w"][1, 1] > 1.6e-9
    assert worst["row"].change > 1e-10  # columns at 0 V: the whole row is written
    assert worst["column"].change == worst["unselected"].change == 0.0
    shut = device_array(np.full((3, 3), 1.5e-9), "1T1R", 5.0)
    assert np.all(write(shut, (1, 1), Pulse(1.6, 40e-9, 1e-9, 1e-9), "grounded").states["w"] == 1.5e-9)


def test_a_single_row_has_no_other_classes():
    done = write(device_array(np.full((1, 3), 1.5e-9)), (0, 1), SET)
    assert list(done.disturb("w")) == ["row"]


# ---------------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bias_for("V/4", (2, 2), (0, 0), 1.0), "no scheme 'V/4'"),
        (lambda: bias_for("V/2", (2, 2), 3, 1.0), "cells are 3"),
        (lambda: bias_for("V/2", (2, 2), (2, 0), 1.0), "row 2 of an array with 2 rows"),
        (lambda: bias_for("V/2", (2, 2), (0, -3), 1.0), "column -3"),
        (lambda: bias_for("V/2", (2, 2), (0, [1, -1]), 1.0), "name a line twice"),
        (lambda: bias_for("V/2", (2, 2), (0.5, 0), 1.0), "rows are 0.5"),
        (lambda: bias_for("V/2", (2, 2), (True, 0), 1.0), "rows are True"),
        (lambda: bias_for("V/2", (2, 2), ([], 0), 1.0), r"rows are \[\]"),
        (lambda: bias_for("V/2", (2, 2), (slice(5, 9), 0), 1.0), "rows are slice"),
        (lambda: bias_for("V/2", (2, 2), (0, 0), np.nan), "the voltage is nan"),
        (lambda: bias_for("V/2", (2, 2), (0, 0), [1.0, 1.0]), "voltages of shape"),
        (lambda: bias_for("V/2", (2, 2), ([0, 1], 0), [1.0, 1.0]), "one voltage a row"),
        (lambda: read(cn.Crossbar(np.ones((2, 2))), (0, 0), 0.1, load=-1.0), "load is -1.0"),
        (lambda: read(cn.Crossbar(np.ones((2, 2))), (0, 0), 0.1, load=np.nan), "load is nan"),
        (lambda: read(cn.Crossbar(np.ones((2, 2)), 0.0, 1.0), (0, 0), 0.1, "floating"), "ideal word lines"),
        (lambda: read(cn.Crossbar(np.ones((2, 2)), 1.0, 0.0), (0, 0), 0.1, load=5.0), "ideal bit lines"),
        (lambda: read(cn.Crossbar(np.eye(2)), (0, 0), 0.1, "floating"), "floats"),
        (lambda: read(cn.Crossbar(np.ones((2, 3))), (0, slice(3)), 0.1).differential, "no pairs"),
        (lambda: read_margin(cn.Crossbar(np.ones((2, 2))), 0.1, lrs=1e-6, hrs=1e-4), "lrs is 1e-06"),
        (lambda: read_margin(cn.Crossbar(np.ones((2, 2))), 0.1, lrs={"w": 0}, hrs={"w": 1}), "lrs is"),
        (lambda: read_margin(cn.Crossbar(np.ones((2, 2))), 0.0, lrs=1e-4, hrs=1e-6), "the voltage 0.0"),
        (lambda: read_margin(cn.Crossbar(np.ones((2, 2))), 1, lrs=1, hrs=0.1, cell=([0, 1], 0)), "the cell is"),
        (lambda: read_margin(device_array([[0.0]]), 0.1, lrs=1e-4, hrs=1e-6), "states w"),
        (lambda: read_margin(device_array([[0.0]]), 0.1, lrs={"w": 0.0}, hrs={}), "states w"),
        (lambda: read_margin(device_array([[0.0]]), 0.1, lrs={"x": 0.0}, hrs={"x": 1.0}), "no state 'x'"),
        (lambda: largest_array(cn.Crossbar, 0.1, 1.0, lrs=1e-4, hrs=1e-6, limit=0), "limit is 0"),
        (lambda: Pulse(0.0, 1e-9, 1e-9, 1e-9), "amplitude of the pulse is 0.0"),
        (lambda: Pulse(1.0, np.inf, 1e-9, 1e-9), "width of the pulse is inf"),
        (lambda: Pulse(1.0, 1e-9, 0.0, 1e-9), "rise of the pulse is 0.0"),
        (lambda: Pulse(1.0, 1e-9, 1e-9, "1n"), "fall of the pulse is '1n'"),
        (lambda: write(cn.Crossbar(np.ones((2, 2))), (0, 0), SET), "conductances"),
        (lambda: write(device_array([[0.0]]), (0, 0), SET, pulses=0), "pulses is 0"),
        (lambda: write(device_array([[0.0]]), (0, 0), SET).disturb("x"), "no state 'x'"),
        (lambda: write(device_array([[0.0]]), (0, 0), SET).disturb("w", 2), "after 2 pulses"),
    ],
)
def test_misuse_is_named(call, message):
    with pytest.raises(CrossbarError, match=message) as error:
        call()
    assert error.value.expected or error.value.hint


def test_a_write_that_fails_leaves_the_states(monkeypatch):
    from circuitnn.errors import ConvergenceError

    xb = device_array(np.full((2, 2), 1.5e-9))
    kind = type(xb._cells())
    done, whole = [], kind.tran

    def second_fails(self, *args, **kwargs):
        if done:
            raise ConvergenceError("no more")
        done.append(1)
        return whole(self, *args, **kwargs)

    monkeypatch.setattr(kind, "tran", second_fails)
    with pytest.raises(ConvergenceError):
        write(xb, (0, 0), RESET, pulses=2)
    assert np.all(xb.states["w"] == 1.5e-9)
