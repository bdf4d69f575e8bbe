"""Backpropagation on circuits alone: reads both ways by operating points, updates by transients of pulses.

Each weight is a VTEAM memristor beside a reference line of fixed resistors. A cell is moved by a pulse of 1 V, half of
it from its word line and half from its bit line, as long as the wanted change is large; half-selected cells stay below
their threshold of 0.6 V. The fast path has the devices' equation in closed form.
"""

import shutil
import subprocess

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.learning.rules.backpropagation import Backpropagation
from circuitnn.results.rawfile import read_raw

R_ON, R_OFF, THRESHOLD, SPEED, RANGE = 1e4, 1e5, 0.6, 1e-3, 3e-9  # ohm, ohm, V, m/s, m
DEVICE = {
    "ron": R_ON, "roff": R_OFF, "v_on": -THRESHOLD, "v_off": THRESHOLD, "alpha_on": 1.0, "alpha_off": 1.0,
    "k_on": -SPEED, "k_off": SPEED,
}  # fmt: skip
REFERENCE, UNIT = 5.5e-5, 3e-5  # S, of the weight 0 and a weight of 1
READ, PULSE = 0.1, 1.0  # V
EDGE, WIDTH = 1e-10, 5e-7  # s; of a change of weight by 1


class FastArray:
    """Weights from states (inputs, outputs), m; ``update`` moves them as pulses of full height do."""

    def __init__(self, weights):
        self.w = RANGE * (1.0 / (REFERENCE + UNIT * weights) - R_ON) / (R_OFF - R_ON)

    @property
    def weights(self):
        return (1.0 / (R_ON + (R_OFF - R_ON) * self.w / RANGE) - REFERENCE) / UNIT

    def forward(self, x):
        return x @ self.weights

    def backward(self, d):
        return d @ self.weights.T

    def update(self, x, d):
        change = x.T @ d
        flat = WIDTH * np.abs(change)
        # of an edge the part above the threshold counts, half as high on average
        edges = 2.0 * EDGE * (PULSE - THRESHOLD) ** 2 / (2.0 * PULSE * THRESHOLD)
        path = SPEED * ((PULSE / THRESHOLD - 1.0) * flat + edges)
        self.w = np.clip(self.w - np.sign(change) * path, 0.0, RANGE)


class CircuitArray(FastArray):
    """The same by circuits of this engine; states are what transients leave."""

    def circuit(self):
        circuit = cn.Circuit("array")
        circuit.set_options(reltol=1e-6)
        circuit.model("cell", "vteam", **DEVICE)
        rows, cols = self.w.shape
        for i in range(rows):
            for j in range(cols):
                circuit.N(f"{i}_{j}", f"w{i}", f"b{j}", model="cell", w=float(self.w[i, j]))
            circuit.R(f"{i}", f"w{i}", f"b{cols}", 1.0 / REFERENCE)
        return circuit

    def read(self, driven, sensed, volts):
        """Return currents out of the sensed lines for volts (batch, driven lines)."""
        circuit = self.circuit()
        for name in driven:
            circuit.V(name, name, 0, dc=0.0)
        for name in sensed:
            circuit.V(name, name, 0, dc=0.0)
        found = []
        for one in volts:
            circuit.alter({f"v{name}": float(value) for name, value in zip(driven, one, strict=True)})
            op = circuit.op()
            found.append([float(op[f"i(v{name})"]) for name in sensed])
        return np.array(found)

    def lines(self):
        rows, cols = self.w.shape
        return [f"w{i}" for i in range(rows)], [f"b{j}" for j in range(cols + 1)]

    def forward(self, x):
        words, bits = self.lines()
        currents = self.read(words, bits, READ * x)
        return (currents[:, :-1] - currents[:, -1:]) / (READ * UNIT)

    def backward(self, d):
        words, bits = self.lines()
        largest = np.abs(d).max()  # reads stay far below the threshold
        both = np.concatenate([d, -d.sum(axis=1, keepdims=True)], axis=1)
        return self.read(bits, words, READ * both / largest) * largest / (READ * UNIT)

    def pulses(self, change):
        """Return the circuit under one pulse after the other, and when all are over."""
        circuit, (words, bits) = self.circuit(), self.lines()
        shapes = {name: [0.0, 0.0] for name in (*words, *bits)}
        now = EDGE
        for (i, j), wanted in np.ndenumerate(change):
            if wanted == 0.0:
                continue
            end = now + 2.0 * EDGE + WIDTH * abs(wanted)
            for name, side in ((words[i], -1.0), (bits[j], 1.0)):
                top = side * np.sign(wanted) * PULSE / 2.0
                shapes[name] += [now, 0.0, now + EDGE, top, end - EDGE, top, end, 0.0]
            now = end + EDGE
        for name, shape in shapes.items():
            circuit.V(name, name, 0, waveform=("pwl", *shape, now, 0.0))
        return circuit, now

    def update(self, x, d):
        change = x.T @ d
        circuit, end = self.pulses(change)
        result = circuit.tran(end)
        for i, j in np.ndindex(*self.w.shape):
            self.w[i, j] = result[f"@n{i}_{j}[w]"][-1]


class NgspiceArray(CircuitArray):
    """Circuits of plain elements in ngspice; reads are the first points of transients, where states are given."""

    def __init__(self, weights, folder):
        super().__init__(weights)
        self.folder = folder

    def run(self, circuit, step, stop):
        deck, raw = self.folder / "a.cir", self.folder / "a.raw"
        text = circuit.to_plain().to_netlist().replace(".end\n", f".tran {step} {stop}\n.end\n")
        deck.write_text(text)
        subprocess.run(["ngspice", "-b", "-r", raw, deck], capture_output=True, timeout=120, check=True)
        return read_raw(raw).tran

    def read(self, driven, sensed, volts):
        circuit = self.circuit()
        # one example after the other, a nanosecond each
        times = np.arange(len(volts))[:, None] * 1e-9 + np.array([1e-10, 1e-9])
        for name, values in zip(driven, volts.T, strict=True):
            shape = np.stack([times, np.repeat(values[:, None], 2, axis=1)], axis=2)
            circuit.V(name, name, 0, waveform=("pwl", 0.0, 0.0, *shape.ravel()))
        for name in sensed:
            circuit.V(name, name, 0, dc=0.0)
        result = self.run(circuit, 1e-11, times[-1, -1])
        at = times.mean(axis=1)
        return np.array([np.interp(at, result.axis, result[f"i(v{name})"]) for name in sensed]).T

    def update(self, x, d):
        circuit, end = self.pulses(x.T @ d)
        result = self.run(circuit, end / 50, end)
        for i, j in np.ndindex(*self.w.shape):
            self.w[i, j] = RANGE * result[f"v(n{i}_{j}#w)"][-1]


def path(make, network, data, steps, rate):
    x, t = data
    rule = Backpropagation(network=network, rate=rate, batch=4, seed=3, precision="double")
    rule.layers = [make(layer.weights) for layer in rule.layers]
    found = []
    for k in range(steps):
        part = np.arange(4 * k, 4 * k + 4) % len(x)
        rule.learn(x[part], t[part])
        found.append(np.concatenate([layer.weights.ravel() for layer in rule.layers]))
    return np.array(found), rule


def xor():
    x = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    return x, np.eye(2)[[0, 1, 1, 0]]


def digits():
    images, labels = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    pooled = images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)[labels < 4]
    return pooled / 16.0, np.eye(4)[labels[labels < 4]]


CASES = {"xor": ((2, 4, 2), xor, 3, 1.0), "digits": ((16, 8, 4), digits, 3, 2.0)}


def same(case, make):
    network, data, steps, rate = CASES[case]
    fast, _ = path(FastArray, network, data(), steps, rate)
    slow, _ = path(make, network, data(), steps, rate)
    moved = np.abs(fast[-1] - fast[0]).max()
    assert moved > 0.05
    return np.abs(slow - fast).max() / moved


def test_the_device_learns_xor():
    x, t = xor()
    outputs = path(FastArray, (2, 4, 2), (x, t), 150, 1.0)[1].outputs(x)
    assert (outputs.argmax(axis=1) == t.argmax(axis=1)).all()


@pytest.mark.parametrize("case", CASES)
def test_circuits_take_the_same_weights_the_same_way(case):
    # Seen: 1e-3. A pulse ends within a time step of where its edge crosses the threshold.
    assert same(case, CircuitArray) < 4e-3


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")
def test_ngspice_takes_the_same_weights_the_same_way(tmp_path):
    assert same("xor", lambda weights: NgspiceArray(weights, tmp_path)) < 4e-3
