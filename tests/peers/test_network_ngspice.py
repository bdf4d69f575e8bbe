"""Complete networks as one deck: the same voltages in ngspice, and the same classes as the network itself."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import UsageError
from circuitnn.mapping.circuits.behaviour import analogue_outputs
from circuitnn.mapping.circuits.network import network_deck, write_network
from circuitnn.mapping.circuits.opamps import MacroOpAmp, TwoStageOpAmp
from circuitnn.mapping.encodings.parallel import Parallel
from circuitnn.mapping.encodings.sliced import Sliced
from circuitnn.results.rawfile import read_raw

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")


def in_ngspice(layout, x, path, opamp=None):
    deck = write_network(layout, path, x, opamp)
    raw = path.with_suffix(".raw")
    subprocess.run(["ngspice", "-b", "-r", raw, path], capture_output=True, timeout=300, check=True)
    return deck.read(read_raw(raw)), deck


def trained(inputs, hidden, classes):
    """A network trained on iris (4 inputs) or on 3 digits of 4 x 4 pixels, and samples."""
    datasets, neural = pytest.importorskip("sklearn.datasets"), pytest.importorskip("sklearn.neural_network")
    if inputs == 4:
        x, y = datasets.load_iris(return_X_y=True)
    else:
        x, y = datasets.load_digits(n_class=classes, return_X_y=True)
        x = x.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)  # 8 x 8 pixels to 4 x 4
    x = (x - x.min(axis=0)) / np.maximum(x.max(axis=0) - x.min(axis=0), 1e-9)
    net = neural.MLPClassifier((hidden,), solver="lbfgs", max_iter=300, random_state=0, alpha=0.01)
    return net.fit(x, y), x, y


@pytest.mark.parametrize(
    ("sizes", "opamp", "count"),
    [
        pytest.param((4, 3, 3), MacroOpAmp(), 30, id="iris, macro"),
        pytest.param((4, 3, 3), TwoStageOpAmp(), 15, id="iris, transistors"),
        pytest.param((16, 8, 3), MacroOpAmp(), 30, id="digits, macro"),
        pytest.param((16, 8, 3), TwoStageOpAmp(), 6, id="digits, transistors", marks=pytest.mark.slow),
    ],
)
def test_trained_networks_give_the_same_classes(sizes, opamp, count, tmp_path):
    """The second is split into 2 x 2 tiles.  Tolerances: a stage is off by its noise gain and its diodes' voltage over
    the amplifiers' gain, some 1e-4 of a range (1e5) or 1e-3 (7.7e3), and iris's last net inputs reach 20 of a range of
    100, so probabilities are off by a few 1e-3 and 1e-2.  The simulators stop at 1e-9 V."""
    net, x, y = trained(*sizes)
    layout = cn.compile(net, tile=(8, 8), r_wire=1.0, calibration=x)
    samples = x[:: len(x) // count]
    expected = layout(samples)
    found, deck = in_ngspice(layout, samples, tmp_path / "network.cir", opamp)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()
    assert (expected.argmax(axis=1) == y[:: len(x) // count]).mean() > 0.9
    np.testing.assert_allclose(found, expected, atol=3e-3 if isinstance(opamp, MacroOpAmp) else 3e-2)
    np.testing.assert_allclose(deck.run(), found, atol=1e-6)


@pytest.mark.parametrize("hidden", ["linear", "relu", "tanh", "sigmoid", "softmax"])
def test_every_activation(hidden, tmp_path):
    """One sample, an ``.op``; biases of both signs; three tiles share the outputs of a layer.  Errors are
    some 10 uV a stage: 5e-4 of the range of 0.2 V."""
    rng = np.random.default_rng(4)
    net = [(rng.normal(size=(7, 3)), [0.5, -0.3, 0.0], hidden), (rng.normal(size=(3, 2)), [0.2, -0.1], "linear")]
    layout = cn.compile(net, tile=(3, 4), r_wire=3.0)
    x = rng.uniform(-1.0, 1.0, 7)
    found, deck = in_ngspice(layout, x, tmp_path / "network.cir")
    np.testing.assert_allclose(found, layout(x), atol=1e-4 / deck.unit)
    np.testing.assert_allclose(deck.run(), found, atol=1e-9 / deck.unit)


def test_wires_are_in_the_deck(tmp_path):
    """50 ohm a segment change the outputs by far more than the tolerance, in the deck as in the fast model."""
    rng = np.random.default_rng(5)
    layout = cn.compile([(rng.normal(size=(8, 4)), None, "linear")], tile=(8, 8), r_wire=50.0)
    x = rng.uniform(0.0, 1.0, (3, 8))
    ideal, found = layout.graph(x), in_ngspice(layout, x, tmp_path / "network.cir")[0]
    assert np.abs(layout(x) - ideal).max() > 0.03
    np.testing.assert_allclose(found, layout(x), atol=1e-3)


@pytest.mark.parametrize("encoding", [Parallel(2), "complementary"], ids=str)
def test_other_encodings_and_corrections(encoding, tmp_path):
    """Gains and offsets of a matrix become resistors."""
    rng = np.random.default_rng(7)
    layout = cn.compile([(rng.normal(size=(5, 3)), [0.1, -0.2, 0.3], "linear")], tile=(4, 8), encoding=encoding)
    corrected = layout.matrices[0].keeping(gain=np.array([1.1, 0.9, 1.0]), offset=np.array([-0.3, 0.1, 0.2]))
    layout = replace(layout, matrices=(corrected,))
    x = rng.uniform(-1.0, 1.0, 5)
    found, deck = in_ngspice(layout, x, tmp_path / "network.cir")
    np.testing.assert_allclose(found, layout(x), atol=1e-4 / deck.unit)


@pytest.mark.parametrize("encoding", ["offset", Sliced(4, 2)], ids=["offset", "sliced"])
def test_encodings_with_logic_are_refused(encoding):
    layout = cn.compile([([[1.0, -0.5]], None, "linear")], encoding=encoding)
    with pytest.raises(UsageError, match="logic"):
        network_deck(layout, [1.0])


def test_layouts_write_it_beside_their_tiles(tmp_path):
    layout = cn.compile([([[1.0], [-0.5]], None, "relu")])
    files = layout.to_netlist(tmp_path, x=[0.4, 0.2], complete=True)
    assert [file.name for file in files] == ["matrix1_tile1.cir", "network.cir"]
    assert files[-1].read_text() == network_deck(layout, [0.4, 0.2]).text
    with pytest.raises(UsageError, match="x is None"):
        layout.to_netlist(tmp_path, complete=True)


def test_reads_are_refused():
    layout = cn.compile([([[1.0]], None, "linear")], nonidealities=cn.nonidealities.ReadNoise(0.02), seed=1)
    with pytest.raises(UsageError, match="act on reads"):
        network_deck(layout, [1.0])


@pytest.mark.parametrize("hidden", ["linear", "relu", "tanh", "sigmoid", "softmax"])
def test_the_fast_model_has_the_amplifiers_errors(hidden, tmp_path):
    """Gains of 2000 and offsets of 1 mV change outputs by about 1 mV of the range of 0.2 V; the fast model agrees with
    the deck to a part in 300 of that: it leaves out wires in the lines' conductance and the output resistance."""
    rng = np.random.default_rng(8)
    net = [(rng.normal(size=(7, 3)), [0.5, -0.3, 0.0], hidden), (rng.normal(size=(3, 2)), [0.2, -0.1], "linear")]
    layout = cn.compile(net, tile=(4, 4), r_wire=1.0)
    x = rng.uniform(-1.0, 1.0, (6, 7))
    amplifier = MacroOpAmp(gain=2e3, offset=1e-3, r_out=1.0)
    found, deck = in_ngspice(layout, x, tmp_path / "network.cir", amplifier)
    change = np.abs(found - layout(x)).max()
    assert change * deck.unit > 8e-4
    np.testing.assert_allclose(analogue_outputs(layout, x, amplifier), found, atol=change / 300.0)
    np.testing.assert_allclose(analogue_outputs(layout, x, MacroOpAmp(1e9)), layout(x), atol=1e-6 / deck.unit)
