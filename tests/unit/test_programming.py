"""Write and verify against closed forms, an ODE solver, the general engine, and the two engines against each other."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.integrate

import circuitnn as cn
from circuitnn.circuit.options import SimOptions
from circuitnn.crossbar.ladders import ladder, sensed_shares
from circuitnn.errors import ProgrammingFailedError, UsageError
from circuitnn.mapping.programming.exact import ExactEngine
from circuitnn.mapping.programming.fast import FastEngine
from circuitnn.mapping.programming.plan import PLANS, Plan, Train, Verify
from circuitnn.mapping.programming.report import ProgrammingReport
from circuitnn.mapping.programming.write_verify import program

HFO2 = {"ron": 10e3, "roff": 1e6, "v_on": -0.6, "v_off": 0.6, "k_on": -1e-2, "k_off": 1e-2, "alpha_on": 3.0,
        "alpha_off": 3.0, "w_off": 3e-9, "w0": 1.5e-9, "iv": 1.0}  # fmt: skip
NO_WIRE = 1e-3  # ohm a segment, 1e-7 of the least resistance of a cell and less
PLAN = PLANS["hfo2"]
BOTH = pytest.mark.parametrize("fidelity", ["fast", "exact"])


def targets(n, seed=1):
    """Pairs as of weights: half of the cells at the least conductance, the others up to the largest."""
    return 1e-6 + 99e-6 * np.clip(np.random.default_rng(seed).normal(0.0, 0.3, (n, n)), 0.0, 1.0)


def fresh(n, r=1.0, **more):
    return cn.Crossbar(cn.Cells("hfo2", (n, n), state={"w": 3e-9}), r, r, **more)


# ---------------------------------------------------------------------------------------------------- pulses by count
@BOTH
def test_the_number_of_pulses_of_a_cell_of_linear_resistance(fidelity):
    """R falls by the same step with every pulse: how many it takes to come within the tolerance is known."""
    ron, roff, width, edge, volts = 1e4, 1e6, 10e-9, 1e-9, -1.2
    linear = cn.Model(
        "linear", "vteam",
        {"ron": ron, "roff": roff, "v_on": -0.7, "v_off": 0.7, "k_on": -1e-2, "k_off": 1e-2, "alpha_on": 1.0,
         "alpha_off": 1.0, "w_off": 3e-9, "iv": 0.0},
    )  # fmt: skip
    over = 1.2 / 0.7 - 1.0
    ramp = over**2 / 2 * 0.7 / 1.2  # of the speed above the threshold, over a ramp of length 1
    per_pulse = 1e-2 * (over * width + 2 * ramp * edge) / 3e-9 * (roff - ron)  # ohm
    plan = Plan(Train(volts, width, edge=edge), Train(-volts, width, edge=edge), tolerance=1e-7)
    wanted = 1.0 / (roff - per_pulse * np.array([[3.0, 7.0], [11.0, 16.0]]))
    xb = cn.Crossbar(cn.Cells(linear, (2, 2), state={"w": 3e-9}), NO_WIRE, NO_WIRE)
    done = program(xb, wanted, plan, fidelity=fidelity)
    after = 1.0 / (roff - per_pulse * np.arange(20))
    expected = [[int(np.flatnonzero(np.abs(after - g) <= 1e-7)[0]) for g in row] for row in wanted]
    assert expected[1][1] > 10  # the tolerance does not swallow it
    assert done.pulses.tolist() == expected
    # cells stop where they are, so what they reached is known too: steps are integrated to 1e-4 of the range
    np.testing.assert_allclose(done.reached, after[np.array(expected)], rtol=2e-3)
    assert done.reads.sum() == done.pulses.sum() + 4 * done.passes
    one = width + 2 * edge
    assert done.time == pytest.approx(done.pulses.sum() * one + done.reads.sum() * plan.verify.time, rel=1e-12, abs=0.0)


def test_ramps_of_amplitude_and_of_width():
    ramp = Train(-0.7, 50e-9, step=0.2, most=1.0, growth=2.0, longest=150e-9)
    np.testing.assert_allclose(ramp.amplitudes(9), [-0.7, -0.9, -1.0], rtol=1e-12)
    np.testing.assert_allclose(ramp.widths(9), [50e-9, 100e-9, 150e-9], rtol=1e-12)
    assert len(Train(1.0, 1e-9).amplitudes(50)) == 1
    engine = FastEngine(fresh(2), replace(PLAN, set=ramp, reset=Train(1.0, 1e-9)))
    assert engine.level_of(np.array([0, 0, 0, 1, 1]), np.array([0, 1, 99, 0, 5])).tolist() == [0, 1, 2, 3, 3]


# ---------------------------------------------------------------------------------------------------- disturb
def vteam(volts, w0, pulses, width, edge):
    """The state after pulses, from the published equations alone."""

    def rate(t, w):
        v = volts * np.interp(t % (width + 2 * edge), [0.0, edge, edge + width, width + 2 * edge], [0, 1, 1, 0])
        over = abs(v) / 0.6 - 1.0
        return [np.sign(v) * 1e-2 * over**3 if over > 0.0 else 0.0]

    end = pulses * (width + 2 * edge)
    found = scipy.integrate.solve_ivp(rate, (0.0, end), [w0], rtol=1e-9, atol=1e-16, max_step=edge / 4)
    return found.y[0, -1]


@BOTH
def test_half_selected_cells_drift_as_one_device_does_at_half_the_voltage(fidelity):
    amplitude, width, edge, start = 1.5, 20e-9, 2e-9, 0.2e-9
    plan = replace(PLAN, reset=Train(amplitude, width, edge=edge))
    xb = cn.Crossbar(cn.Cells("hfo2", (3, 3), state={"w": start}), NO_WIRE, NO_WIRE)
    engine = {"fast": FastEngine, "exact": ExactEngine}[fidelity](xb, plan)
    level = engine.level_of(np.array([1]), np.array([0]))
    for _ in range(3):
        engine.pulse(np.array([4]), level)
    engine.settle()
    moved = vteam(amplitude / 2, start, 3, width, edge) - start
    assert moved > 5e-12
    w = xb.states["w"]
    for cell in ((1, 0), (1, 2), (0, 1), (2, 1)):
        # few steps a ramp, where the cube of the overdrive is integrated as if it were straight
        assert w[cell] - start == pytest.approx(moved, rel=0.02, abs=0.0)
    for cell in ((0, 0), (0, 2), (2, 0), (2, 2)):
        assert w[cell] == pytest.approx(start, rel=1e-12, abs=0.0)
    assert w[1, 1] == pytest.approx(vteam(amplitude, start, 3, width, edge), rel=2e-3, abs=0.0)


def test_under_a_third_of_the_voltage_unselected_cells_drift_the_other_way():
    plan = replace(PLAN, reset=Train(2.1, 20e-9), scheme="V/3")
    states = []
    for engine_of in (FastEngine, ExactEngine):
        xb = cn.Crossbar(cn.Cells("hfo2", (3, 3), state={"w": 1.5e-9}), NO_WIRE, NO_WIRE)
        engine = engine_of(xb, plan)
        engine.pulse(np.array([0]), engine.level_of(np.array([1]), np.array([0])))
        engine.settle()
        states.append(xb.states["w"] - 1.5e-9)
        assert states[-1][1, 2] == pytest.approx(-states[-1][0, 1], rel=0.02, abs=0.0)
    # 1e-3 of the larger drift: the exact engine's steps, and voltages of cells that neighbours move
    np.testing.assert_allclose(states[0], states[1], rtol=0.02)


# ---------------------------------------------------------------------------------------- the general engine
def general(w, r, amplitude, width, edge, row, col):
    """States and delivered energy of one V/2 pulse on a circuit written out flat."""
    m, n = w.shape
    c = cn.Circuit("flat", SimOptions(reltol=1e-6))
    c.model("hfo2x", "vteam", **HFO2)
    times = [0.0, edge, edge + width, width + 2 * edge]
    levels = {f"in{i}": amplitude * (1.0 if i == row else 0.5) for i in range(m)}
    levels |= {f"o{j}": amplitude * (0.0 if j == col else 0.5) for j in range(n)}
    for name, volts in levels.items():
        c.V(name, name, 0, waveform=("pwl", *np.column_stack([times, [0.0, volts, volts, 0.0]]).ravel().tolist()))
    for i in range(m):
        for j in range(n):
            c.R(f"w{i}_{j}", f"w{i}_{j - 1}" if j else f"in{i}", f"w{i}_{j}", r)
            c.R(f"b{i}_{j}", f"b{i}_{j}", f"b{i + 1}_{j}" if i + 1 < m else f"o{j}", r)
            c.N(f"m{i}_{j}", f"w{i}_{j}", f"b{i}_{j}", model="hfo2x", w=float(w[i, j]))
    tran = c.tran(stop=times[-1], max_step=times[-1] / 400)
    states = np.array([[tran[f"@nm{i}_{j}[w]"][-1] for j in range(n)] for i in range(m)])
    power = sum(-tran[f"i(v{name})"] * tran[f"v({name})"] for name in levels)
    return states, float(scipy.integrate.trapezoid(power, tran.time))


@pytest.mark.parametrize("engine_of", [FastEngine, ExactEngine])
def test_a_pulse_moves_states_and_takes_energy_as_in_the_general_engine(engine_of):
    w = np.array([[1.0e-9, 2.0e-9], [0.4e-9, 1.5e-9]])
    r, amplitude, width, edge = 50.0, 1.4, 30e-9, 2e-9
    states, energy = general(w, r, amplitude, width, edge, 0, 1)
    xb = cn.Crossbar(cn.Cells("hfo2", (2, 2), state={"w": w}), r, r)
    engine = engine_of(xb, replace(PLAN, reset=Train(amplitude, width, edge=edge)))
    engine.pulse(np.array([1]), engine.level_of(np.array([1]), np.array([0])))
    engine.settle()
    moved = np.abs(states - w).max()
    # steps of 1e-4 of the range; the fast engine leaves currents between unselected lines out
    np.testing.assert_allclose(xb.states["w"], states, atol=2e-3 * moved)
    # sum of v i dt at the terminals against the sum of what cells and wires took
    assert engine.energy.total == pytest.approx(energy, rel=5e-3, abs=0.0)
    assert engine.energy.wires > 0.002 * energy and engine.energy.half_selected > 0.05 * energy


# ---------------------------------------------------------------------------------------------------- both engines
ACCESS = cn.Model("access", "nmos", {"level": 1.0, "vto": 0.5, "kp": 2e-3, "is": 0.0})
GATED = Plan(
    Train(-0.8, 50e-9, step=0.02, most=1.4, gate=3.0), Train(0.8, 50e-9, step=0.02, most=1.4, gate=3.0),
    tolerance=1e-6, verify=Verify(gate=3.0), scheme="inhibit",
)  # fmt: skip


def cells_of(kind, w):
    more = {"transistor": ACCESS, "transistor_params": {"w": 2e-6, "l": 1e-6}} if kind == "1T1R" else {}
    return cn.Cells("hfo2", w.shape, state={"w": w}, **more)


@pytest.mark.parametrize(
    ("kind", "plan"), [("1R", PLAN), ("1R", replace(PLAN, scheme="V/3")), ("1T1R", GATED)], ids=["V/2", "V/3", "1T1R"]
)
def test_the_same_pulses_do_the_same_in_both_engines(kind, plan):
    """Thirty pulses on cells by chance, the array's wires about a thousandth of its cells."""
    rng = np.random.default_rng(5)
    w = rng.uniform(0.5e-9, 2.5e-9, (4, 4))
    found = []
    for engine_of in (FastEngine, ExactEngine):
        chance = np.random.default_rng(6)
        xb = cn.Crossbar(cells_of(kind, w), 5.0, 5.0)
        engine = engine_of(xb, plan)
        for _ in range(30):
            cell, train = np.array([chance.integers(16)]), np.array([chance.integers(2)])
            engine.begin(cell)
            engine.pulse(cell, engine.level_of(train, np.array([chance.integers(20)])))
            engine.end(cell)
        cells = np.array([2, 9])
        engine.begin(cells)
        currents = engine.read(cells)
        engine.settle()
        found.append((xb.states["w"] - w, currents, engine.energy))
    (fast, fast_read, fast_energy), (exact, exact_read, exact_energy) = found
    # errors of 1e-4 of the range a step, 0.3 pm, in both
    np.testing.assert_allclose(fast, exact, atol=0.01 * np.abs(exact).max())
    np.testing.assert_allclose(fast_read, exact_read, rtol=5e-3)
    assert fast_energy.total == pytest.approx(exact_energy.total, rel=0.02, abs=0.0)
    for part in ("selected", "half_selected", "unselected", "reads"):
        # what is shut out by transistors or at 0 V but for the wires is left out by the fast engine
        expected = pytest.approx(getattr(exact_energy, part), rel=0.03, abs=1e-3 * exact_energy.total)
        assert getattr(fast_energy, part) == expected


def test_reads_lose_as_much_to_wires_in_both_engines():
    w = np.random.default_rng(8).uniform(0.0, 2e-9, (6, 6))
    found = []
    for engine_of in (FastEngine, ExactEngine):
        engine = engine_of(cn.Crossbar(cells_of("1R", w), 20.0, 20.0), PLAN)
        found.append(engine.read(np.arange(36)).reshape(6, 6))
    fast, exact = found
    lost = 0.2 * engine.conductances() - exact
    assert lost.min() > 0.0 and (lost / exact).max() > 0.02
    # currents between unselected lines are left out: of second order
    np.testing.assert_allclose(fast, exact, atol=0.03 * lost.max())


@pytest.mark.slow
def test_programming_takes_as_much_in_both_engines():
    done = {kind: program(fresh(4, 20.0), targets(4), PLAN, fidelity=kind) for kind in ("fast", "exact")}
    fast, exact = done["fast"], done["exact"]
    assert not fast.failures and not exact.failures
    # a read beside the tolerance may fall to either side, and then a cell takes another way
    assert (np.abs(fast.pulses - exact.pulses) <= 2).mean() >= 0.9
    assert fast.pulses.sum() == pytest.approx(exact.pulses.sum(), rel=0.05)
    assert fast.time == pytest.approx(exact.time, rel=0.05)
    assert fast.energy.total == pytest.approx(exact.energy.total, rel=0.1, abs=0.0)


def test_transistors_shut_out_all_but_the_selected_cell():
    wanted = np.array([[2e-5, 5e-5], [1e-5, 6e-5]])
    done = program(cn.Crossbar(cells_of("1T1R", np.full((2, 2), 3e-9)), 2.0, 2.0), wanted, GATED)
    assert not done.failures and done.passes == 2
    assert done.energy.half_selected < 1e-3 * done.energy.selected


def test_noise_belongs_to_the_seed():
    plan = replace(PLAN, verify=Verify(noise=2e-7))
    first, again, other = (program(fresh(4), targets(4), plan, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first.reached, again.reached) and np.array_equal(first.pulses, again.pulses)
    assert not np.array_equal(first.pulses, other.pulses)
    with pytest.raises(UsageError, match="seed is None"):
        program(fresh(2), targets(2), plan)
    # without noise a cell is within the tolerance where it is read so
    assert np.abs(first.error).max() > np.abs(program(fresh(4), targets(4), PLAN).error).max()


def test_a_converter_stops_no_finer_than_its_steps():
    coarse = replace(PLAN, verify=Verify(bits=4, full_scale=20e-6), tolerance=3.4e-6)
    done = program(fresh(4), targets(4), coarse)
    assert not [f for f in done.failures if f.reason != "not held"]
    assert 3e-6 < np.abs(done.error).max() < 3.4e-6 + 100e-6 / 15 / 2 + 1e-8  # half a step beside the tolerance


# ---------------------------------------------------------------------------------------------------- lines
def test_a_ladder_is_the_line_that_it_stands_for():
    G = np.random.default_rng(0).uniform(1e-6, 1e-3, (3, 7))
    xb = cn.Crossbar(G, 30.0, 0.0, r_source=10.0)  # ideal bit lines at 0 V: word lines are ladders
    open_, resistance = ladder(xb.wires.word, slice(None), [0.2, 0.3, 0.4], G, 0.0)
    own = xb.solve([0.2, 0.3, 0.4]).v_word
    np.testing.assert_allclose(open_ / (1.0 + resistance * G), own, rtol=1e-9)


@pytest.mark.parametrize("r", [1.0, 10.0])
def test_what_is_sensed_of_a_cell(r):
    G = targets(8)
    xb = cn.Crossbar(G, r, r)
    shares = sensed_shares(xb.wires, G)
    found = xb.transfer_matrix() / G
    # currents from unselected to unselected lines are left out: of second order in wires over cells
    lost = 1.0 - found.min()
    np.testing.assert_allclose(shares, found, atol=0.03 * lost)


# ---------------------------------------------------------------------------------------------------- failures
@BOTH
def test_cells_that_do_not_get_there_are_named(fidelity):
    wanted = np.array([[5e-5, 3e-4], [2e-5, 1e-6]])
    xb = fresh(2, NO_WIRE)
    done = program(xb, wanted, replace(PLAN, most_pulses=3, passes=1), fidelity=fidelity)
    reasons = {(f.word, f.bit): f.reason for f in done.failures}
    assert reasons[0, 1] == "out of range" and reasons[1, 0] in ("stuck", "not reached") and (1, 1) not in reasons
    assert done.pulses.tolist() == [[3, 3], [3, 0]]
    report = ProgrammingReport((done,))
    assert "word line 0, bit line 1: out of range" in str(report)
    report.require(failed=3)
    with pytest.raises(ProgrammingFailedError, match=r"3 cells out of tolerance(.|\n)*word line 0, bit line 1"):
        report.require(failed=2)
    with pytest.raises(ProgrammingFailedError, match="root mean square"):
        report.require(rms=1e-7)


def test_stuck_cells_are_found():
    xb = fresh(6, nonidealities=[cn.nonidealities.Stuck(on=0.1, off=0.1)], seed=5)
    states = xb.states["w"].copy()
    done = program(xb, np.full((6, 6), 3e-5), replace(PLAN, passes=2, most_pulses=40))
    stuck = [(f.word, f.bit) for f in done.failures if f.reason in ("stuck", "out of range")]
    expected = np.argwhere(np.abs(xb.states["w"] - states) < 1e-15)
    assert len(expected) > 1 and [tuple(cell) for cell in expected.tolist()] == stuck
    assert done.passes == 2 and done.pulses[tuple(expected[0])] == 80  # it went on trying, and said so


def test_reports_add_up():
    done = replace(program(fresh(4), targets(4), PLAN, name="one"), scale=1e4)
    report = ProgrammingReport((done, replace(done, name="two")))
    assert report.cells == 32 and report.energy.total == pytest.approx(2 * done.energy.total, rel=1e-6, abs=0.0)
    counts, edges = report.histogram(5)
    assert counts.sum() == 32 and edges[-1] == done.pulses.max()
    assert report.rms_weight == pytest.approx(1e4 * np.sqrt(np.mean(done.error**2)))
    assert report.worst == np.abs(done.error).max() and report.time == 2 * done.time


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Train(0.0, 1e-9), "amplitude is 0.0"),
        (lambda: Train(1.0, -1e-9), "width is -1e-09"),
        (lambda: Train(1.0, 1e-9, most=0.5), "most is 0.5"),
        (lambda: Train(1.0, 1e-9, growth=0.5), "growth is 0.5"),
        (lambda: Train(1.0, float("nan")), "width is nan"),
        (lambda: Verify(bits=8), "bits and a full_scale"),
        (lambda: Verify(noise=-1.0), "noise is -1.0"),
        (lambda: replace(PLAN, scheme="V/4"), "no scheme 'V/4'"),
        (lambda: replace(PLAN, order="random"), "order is 'random'"),
        (lambda: replace(PLAN, passes=0), "passes is 0"),
        (lambda: replace(PLAN, tolerance=0.0), "tolerance is 0.0"),
        (lambda: program(fresh(2), np.ones((3, 2)), PLAN), "targets of shape"),
        (lambda: program(fresh(2), -np.ones((2, 2)), PLAN), "negative or infinite"),
        (lambda: program(fresh(2), targets(2), PLAN, fidelity="quick"), "fidelity is 'quick'"),
        (lambda: program(fresh(2), targets(2), PLAN, seed=-1), "seed is -1"),
        (lambda: program(fresh(2), targets(2), replace(PLAN, scheme="floating")), "depends on all cells"),
        (lambda: program(cn.Crossbar(np.ones((2, 2))), targets(2), PLAN), "they have no states"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(cn.errors.CircuitnnError, match=message):
        make()
