"""Tables of steps against the device models that they were made of, pulse by pulse, and against the general engine."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.crossbar.apart import CellsApart, Feed
from circuitnn.crossbar.cells import Cells
from circuitnn.errors import UsageError
from circuitnn.learning.synapses.memristor import Memristor, memory_of
from circuitnn.learning.synapses.synapse import synapses_of

HFO2 = {"device": "hfo2", "g_max": 50e-6}
JART = {"device": "jart_v1b", "v_up": -0.9, "v_down": 1.7, "width": 20e-9, "r_series": 10e3, "g_max": 80e-6}
FTJ = {"device": "ftj", "v_up": 2.6, "v_down": -2.6, "width": 20e-9}


class Simulated:
    """Devices under true pulses, all cells the same ones."""

    def __init__(self, kind, g):
        self.kind, self.memory = kind, memory_of(kind.device)
        cells = Cells(kind.device, (1, 1))
        low, high, _ = (b[cells.states.index(self.memory), 0] for b in cells.made.bounds())
        states = np.linspace(low, high, 4001)
        read = self._read(states)
        order = np.argsort(read)
        for _ in range(3):  # between neighbours again
            found = np.interp(g, read[order], states[order])
            states, read = np.r_[states, found], np.r_[read, self._read(found)]
            order = np.argsort(read)
        self.states = found

    def _apart(self, states):
        return CellsApart(Cells(self.kind.device, (1, len(states)), state={self.memory: states[None, :]}))

    def _read(self, states):
        return self._apart(states).currents(np.arange(len(states)), Feed(0.199, 0.0, 0.0, 0.0, 0.0)) / 0.199

    def pulse(self, up, part=1.0):
        kind, apart = self.kind, self._apart(self.states)
        feed = Feed(part * (kind.v_up if up else kind.v_down), 0.0, kind.r_series, 0.0, 0.0)
        joules, _ = apart.pulse(
            np.arange(len(self.states)), feed, (kind.edge, kind.width, kind.edge), steps=40, tolerance=1e-7
        )
        self.states = apart.states[self.memory].ravel().copy()
        return joules

    @property
    def g(self):
        return self._read(self.states)


def starts(kind, n=6):
    g = kind.table().g
    return g[0] + np.linspace(0.1, 0.9, n) * (g[-1] - g[0])


def held_at(kind, g):
    """One row of single conductances whose weights are places in the range."""
    table = kind.table().g
    held = kind.build((g[None, :] - table[0]) / (table[-1] - table[0]), np.random.default_rng(0), signed=False)
    return held


@pytest.mark.parametrize("numbers", [HFO2, JART, FTJ], ids=["hfo2", "jart", "ftj"])
def test_a_hundred_pulses_follow_the_equations(numbers):
    """Interpolation errs as the square of the distance of nodes, over and over in 100 pulses: 2e-3 of the range."""
    rng, kind = np.random.default_rng(6), Memristor(**numbers, update="sign")
    g = starts(kind)
    true, held = Simulated(kind, g), held_at(kind, g)
    table = kind.table().g
    low, wide = table[0], table[-1] - table[0]
    far, joules = 0.0, 0.0
    for up in rng.random(100) < 0.5:
        joules += true.pulse(up).sum()
        held.update(np.ones((1, 1)), np.full((1, len(g)), 1.0 if up else -1.0))
        place = (np.clip(true.g, low, low + wide) - low) / wide
        far = max(far, np.abs(held.weights[0] - place).max())
    assert far < 2e-3
    assert np.abs(held.weights[0] * wide + low - g).max() > 0.03 * wide  # they did move
    # every pulse's energy, interpolated, and none of half-selected ones: all cells are hit
    assert held.cost.joules == pytest.approx(joules, rel=0.01)


def test_finer_tables_come_nearer():
    errors = []
    for nodes in (9, 17, 33):
        kind = Memristor(**JART, nodes=nodes, update="sign")
        g = starts(kind, 9)[2:6]
        true, held = Simulated(kind, g), held_at(kind, g)
        for k in range(8):
            true.pulse(k % 2 > 0)
            held.update(np.ones((1, 1)), np.full((1, len(g)), 1.0 if k % 2 else -1.0))
        table = kind.table().g
        errors.append(np.abs(held.weights[0] * (table[-1] - table[0]) + table[0] - true.g).max())
    assert errors[0] > 2.5 * errors[1] > 6.0 * errors[2], errors  # towards a fourth each


def test_half_selected_devices_creep_as_half_pulses_say():
    """128 updates of one cell; its row and its column see half a pulse each time, the fourth cell none."""
    kind = Memristor(**(JART | {"v_up": -1.3}), update="sign", nodes=257)
    g = np.full(2, 40e-6)
    held = held_at(kind, g)
    two = kind.build(np.repeat(held.weights, 2, axis=0), np.random.default_rng(0), signed=False)
    for _ in range(128):
        two.update(np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]]))
    true = Simulated(kind, g)
    for _ in range(128):
        true.pulse(True, 0.5)
    table = kind.table().g
    found = two.weights * (table[-1] - table[0]) + table[0]
    gain = true.g[0] - 40e-6
    assert gain > 1e-9  # and what is compared is far above rounding of float32
    assert found[1, 1] == pytest.approx(40e-6, rel=1e-6)
    # two portions of 64, in each of which the step is taken as constant
    assert found[0, 1] - 40e-6 == pytest.approx(gain, rel=0.03)
    assert found[1, 0] - 40e-6 == pytest.approx(gain, rel=0.03)


@pytest.mark.parametrize("numbers", [HFO2, JART], ids=["hfo2", "jart"])
def test_a_transient_of_the_general_engine(numbers):
    """Eight pulses and a read after each, in one .tran of the device behind its resistor."""
    kind = Memristor(**numbers, update="sign")
    g = starts(kind)[3:4]
    true, held = Simulated(kind, g), held_at(kind, g)
    sequence = [True, True, False, True, False, False, True, True]
    points, reads, t = [0.0, 0.0], [], 0.0
    for up in sequence:
        volts = kind.v_up if up else kind.v_down
        gap = 50e-9  # what warmed up is cold again
        for wait, level in ((gap, 0.0), (kind.edge, volts), (kind.width, volts), (kind.edge, 0.0), (gap, 0.0),
                            (kind.edge, 0.199), (gap, 0.199), (kind.edge, 0.0)):  # fmt: skip
            t += wait
            points += [t, level]
            if level == 0.199:
                reads.append(t)
    wave = " ".join(f"{v:.12g}" for v in points)
    series = f"r1 a b {kind.r_series}" if kind.r_series else "v2 a b 0"
    cell = f"n1 b 0 {kind.device} {true.memory}={float(true.states[0])!r}"
    deck = f"pulses\nv1 a 0 pwl({wave})\n{series}\n{cell}\n.options reltol=1e-6\n.tran 0.5n {t!r}\n.end\n"
    tran = cn.parse(deck).run().tran
    table, found, wanted = kind.table().g, [], []
    for k, up in enumerate(sequence):
        held.update(np.ones((1, 1)), np.full((1, 1), 1.0 if up else -1.0))
        wanted.append(float(held.weights[0, 0]) * (table[-1] - table[0]) + table[0])
        at = reads[2 * k + 1] - 1e-9
        across = np.interp(at, tran.time, tran["v(b)"])
        found.append(-np.interp(at, tran.time, tran["i(v1)"]) / across)
    assert np.ptp(found) > 0.01 * g[0]
    # reads are at a little less than 0.2 V behind the resistor; the engine's own error is below 1e-3
    assert np.abs(np.array(found) / wanted - 1.0).max() < 4e-3


def test_weights_learn_on_memristors():
    """A linear map of four inputs by stochastic pulses on pairs of hfo2 cells."""
    rng = np.random.default_rng(1)
    held = synapses_of("memristor:device=hfo2,g_max=50u").build(np.zeros((4, 3)), rng)
    goal = rng.uniform(-0.3, 0.3, (4, 3))
    for _ in range(4000):
        x = rng.uniform(-1, 1, (1, 4))
        held.update(x, 0.02 * x @ (goal - held.weights))
    assert np.abs(held.weights - goal).max() < 0.06  # a step is about 0.01
    assert held.cost.joules > 0.0


@pytest.mark.parametrize(
    ("numbers", "match"),
    [
        ({"v_up": 0.8, "v_down": -0.8}, "wrong way"),
        ({"v_up": -0.3, "v_down": 0.3}, "leave 'hfo2' as it is"),
        ({"g_max": 2e-3}, "g_min, g_max"),
        ({"v_up": 0.8}, "one polarity"),
        ({"device": "mtj_perpendicular"}, "no state between bounds"),
    ],
)
def test_what_cannot_be(numbers, match):
    with pytest.raises(UsageError, match=match):
        Memristor(**numbers).table()
