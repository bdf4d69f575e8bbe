"""Backpropagation on circuits alone: forward and transposed reads of wired arrays as operating points of plain decks.

The fast path, this engine's ``.op`` and ngspice must lead to the same weights: XOR, and a 16-8-4 network.
"""

import shutil
import subprocess

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.demos.digits import load_digits
from circuitnn.learning.arrays import SynapseArray
from circuitnn.learning.rule import rule_of
from circuitnn.results.rawfile import read_raw

R_WIRE = 20.0


def deck(G, v, turned):
    """Return a deck of an array of cells: sources at one end of the lines of one side, grounds at that of the other.

    Sources are at the left end of word lines, grounds at the lower end of bit lines; or, turned, the other way about.
    """
    rows, cols = G.shape
    lines = ["array"]
    for i in range(rows):
        for j in range(cols):
            left = f"w{i}" if j == 0 else f"w{i}_{j - 1}"
            below = f"b{j}" if i == rows - 1 else f"b{i + 1}_{j}"
            lines.append(f"Rw{i}_{j} {left} w{i}_{j} {R_WIRE}")
            lines.append(f"Rb{i}_{j} {below} b{i}_{j} {R_WIRE}")
            lines.append(f"Rc{i}_{j} w{i}_{j} b{i}_{j} {1.0 / float(G[i, j])!r}")
    word, bit = (np.zeros(rows), v) if turned else (v, np.zeros(cols))
    lines += [f"Vw{i} w{i} 0 {float(value)!r}" for i, value in enumerate(word)]
    lines += [f"Vb{j} b{j} 0 {float(value)!r}" for j, value in enumerate(bit)]
    return "\n".join(lines)


def sensed(turned, rows, cols):
    return [f"i(vw{i})" for i in range(rows)] if turned else [f"i(vb{j})" for j in range(cols)]


def by_this_engine(text, names, folder):
    op = cn.parse(text + "\n.op\n.end\n").run().op
    return np.array([float(op[name]) for name in names])


def by_ngspice(text, names, folder):
    (folder / "read.cir").write_text(f"{text}\n.op\n.control\nrun\nwrite read.raw\nquit\n.endc\n.end\n")
    subprocess.run(["ngspice", "-b", "read.cir"], cwd=folder, capture_output=True, check=True)
    (op,) = read_raw(folder / "read.raw").values()
    return np.array([float(np.real(op[name]).squeeze()) for name in names])


class CircuitArray(SynapseArray):
    """Reads are operating points of decks, one a vector; nothing is shared with the solver of crossbars."""

    def _read(self, v, turned):
        G = self.synapses.cells()
        names = sensed(turned, *G.shape)
        return np.array([self.engine(deck(G, one, turned), names, self.folder) for one in v])

    def forward(self, x):
        return self.synapses.fold(self._read(x, False))

    def backward(self, d):
        return self._read(self.synapses.spread(d), True)


def trained(network, x, t, steps, engine=None, folder=None):
    rule = rule_of(
        "backpropagation", network=network, r_wire=R_WIRE, precision="double", rate=0.5, batch=len(x), seed=3
    )
    if engine is not None:
        for array in rule.layers:
            array.__class__, array.engine, array.folder = CircuitArray, engine, folder
    trajectory = []
    for _ in range(steps):
        rule.learn(x, t)
        trajectory.append(np.concatenate([a.weights.ravel() for a in rule.layers]))
    return np.array(trajectory)


def xor():
    return np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.eye(2)[[0, 1, 1, 0]]


def four_digits():
    """Four images of 4 by 4 pixels, one of each of four digits."""
    digits = load_digits()
    pooled = digits.x_train.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)
    first = [int(np.flatnonzero(digits.y_train == k)[0]) for k in range(4)]
    return pooled[first], np.eye(4)


CASES = {"xor": ("2-3-2", xor, 12), "16-8-4": ("16-8-4", four_digits, 4)}


@pytest.mark.parametrize("case", CASES)
def test_weights_by_operating_points_are_those_of_the_fast_path(case, tmp_path):
    network, data, steps = CASES[case]
    x, t = data()
    fast, slow = trained(network, x, t, steps), trained(network, x, t, steps, by_this_engine, tmp_path)
    # both solve linear circuits: rounding of 1e-12 of sums, times the steps
    np.testing.assert_allclose(slow, fast, rtol=0, atol=1e-9)
    assert np.abs(fast[-1] - fast[0]).max() > 0.05  # and weights have moved


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")
@pytest.mark.parametrize("case", CASES)
def test_weights_by_ngspice_are_those_of_the_fast_path(case, tmp_path):
    network, data, steps = CASES[case]
    x, t = data()
    steps = min(steps, 4)
    fast, slow = trained(network, x, t, steps), trained(network, x, t, steps, by_ngspice, tmp_path)
    # ngspice adds gmin = 1e-12 S at nodes; beside 1e-6 S and over some steps that is 1e-6
    np.testing.assert_allclose(slow, fast, rtol=0, atol=2e-6)
