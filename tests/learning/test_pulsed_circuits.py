"""Backpropagation whose every update is a transient: pulses on rows and columns of an array of memristor models.

Weights that the library's tables of steps lead to, beside those of ``.tran`` of the whole array, here and in ngspice.
"""

import shutil
import subprocess

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.learning.rule import rule_of
from circuitnn.learning.synapses.memristor import Memristor
from circuitnn.results.rawfile import read_raw

WIDTH, EDGE, GAP = 20e-9, 1e-9, 1e-9
UP, DOWN = -0.8, 0.8
# Of the card hfo2: 10 kohm exp(4.605... w / 3 nm)
RON, THICKNESS, LOG = 10e3, 3e-9, np.log(100.0)
KIND = Memristor(
    device="hfo2", v_up=UP, v_down=DOWN, width=WIDTH, edge=EDGE, g_max=50e-6, nodes=257, update="sign", pair="opposed"
)


def phases(x, d):
    """Yield volts of rows and lines: rows of one sign of x at a time, lines whose cells are to rise, then to fall."""
    for row_sign in (1.0, -1.0):
        rows = np.sign(x) == row_sign
        rising = np.stack([np.sign(d) == row_sign, np.sign(d) == -row_sign], axis=1).ravel()  # G+, G- of each output
        for volts, lines in ((UP, rising), (DOWN, rising.reshape(-1, 2)[:, ::-1].ravel())):
            if rows.any() and lines.any():
                yield 0.5 * volts * rows, -0.5 * volts * lines


def circuit_of(states, x, d):
    """Return an array of devices at given states whose lines get the pulses of an update by signs, and its length."""
    rows, cols = states.shape
    waves = [[(0.0, 0.0)] for _ in range(rows + cols)]
    time = GAP
    for word, bit in phases(x, d):
        for wave, top in zip(waves, np.concatenate([word, bit]), strict=True):
            if top:
                wave += [(time, 0.0), (time + EDGE, top), (time + EDGE + WIDTH, top), (time + 2 * EDGE + WIDTH, 0.0)]
        time += WIDTH + 2 * EDGE + GAP
    circuit = cn.Circuit("update")
    for k, wave in enumerate(waves):
        node = f"w{k}" if k < rows else f"b{k - rows}"
        flat = [float(value) for pair in [*wave, (time, 0.0)] for value in pair]
        circuit.V(node, node, 0, dc=0.0, waveform=("pwl", *flat))
    for i in range(rows):
        for j in range(cols):
            circuit.N(f"{i}_{j}", f"w{i}", f"b{j}", model="hfo2", w0=float(states[i, j]))
    return circuit, time


def here(circuit, stop, shape, folder):
    circuit.set_options(reltol=1e-6)
    tran = circuit.tran(stop=stop, step=stop / 200, max_step=EDGE / 10)  # edges cross a threshold
    return np.array([[tran[f"@n{i}_{j}[w]"][-1] for j in range(shape[1])] for i in range(shape[0])])


def ngspice(circuit, stop, shape, folder):
    names = [f"v(n{i}_{j}#w)" for i in range(shape[0]) for j in range(shape[1])]
    text = circuit.to_plain().to_netlist().replace(".end\n", ".options reltol=1e-6\n")
    text += f".tran {stop / 200!r} {stop!r} 0 {stop / 400!r} uic\n"
    text += f".control\nrun\nwrite out.raw {' '.join(names)}\nquit\n.endc\n.end\n"
    (folder / "update.cir").write_text(text)
    subprocess.run(["ngspice", "-b", "update.cir"], cwd=folder, capture_output=True, check=True)
    (tran,) = read_raw(folder / "out.raw").values()
    return THICKNESS * np.array([tran[name][-1] for name in names]).reshape(shape)


class TransientSynapses:
    """Devices of one array; reads are their conductances at rest, updates transients of the array."""

    def __init__(self, like, engine, folder):
        self.engine, self.folder, self.shape = engine, folder, like.shape
        G = like.cells()
        self.states = THICKNESS / LOG * np.log(1.0 / (RON * G))
        held = np.abs(like.weights) > 1e-3
        self.scale = np.mean(like.weights[held] / (G[:, ::2] - G[:, 1::2])[held])

    @property
    def weights(self):
        G = np.exp(-self.states * LOG / THICKNESS) / RON
        return (G[:, ::2] - G[:, 1::2]) * self.scale

    def update(self, x, d):
        for one, change in zip(x, d, strict=True):
            circuit, stop = circuit_of(self.states, one, change)
            self.states = self.engine(circuit, stop, self.states.shape, self.folder)


def trained(network, x, t, steps, engine=None, folder=None):
    rule = rule_of("backpropagation", network=network, synapses=KIND, precision="double", batch=1, seed=3)
    if engine is not None:
        for array in rule.layers:
            array._count = lambda *_: None
            array.synapses = TransientSynapses(array.synapses, engine, folder)
    found = []
    for k in range(steps):
        at = k % len(x)
        rule.learn(x[at : at + 1], t[at : at + 1])
        found.append(np.concatenate([a.weights.ravel() for a in rule.layers]))
    return np.array(found)


# Inputs of both signs: with zeros, activities hang on biases alone, whose signs a hair could turn.
XOR = np.array([[-1.0, -1], [-1, 1], [1, -1], [1, 1]]), np.eye(2)[[0, 1, 1, 0]]


def sixteen():
    rng = np.random.default_rng(2)
    return rng.random((4, 16)) * (rng.random((4, 16)) > 0.4), np.eye(4)


def held_to_each_other(fast, slow, part=5e-3):
    # Tables of 257 conductances interpolate steps to 1e-4 of themselves; a step of 1 % of the range is passed by two
    # integrators whose own steps cross the threshold within edges of 1 ns: 0.3 % of what weights moved were seen
    moved = np.abs(fast[-1] - fast[0]).max()
    assert moved > 0.01
    np.testing.assert_allclose(slow, fast, rtol=0, atol=part * moved)


@pytest.mark.parametrize(("network", "data", "steps"), [("2-3-2", lambda: XOR, 12), ("16-8-4", sixteen, 4)])
def test_updates_by_transients_lead_to_the_weights_of_the_tables(network, data, steps, tmp_path):
    x, t = data()
    held_to_each_other(trained(network, x, t, steps), trained(network, x, t, steps, here, tmp_path))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")
def test_updates_by_ngspice_lead_to_the_weights_of_the_tables(tmp_path):
    x, t = XOR
    # ngspice steps over the threshold, 0.6 V within an edge of 1 ns, by steps of its own: 0.3 % of a pulse were seen
    held_to_each_other(trained("2-3-2", x, t, 4), trained("2-3-2", x, t, 4, ngspice, tmp_path), part=1e-2)
