"""Layouts whose cells are devices: solved at every read."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.devices.cards import CARDS
from circuitnn.errors import CrossbarError

RNG = np.random.default_rng(0)
W, X = RNG.normal(size=(12, 5)), RNG.uniform(-1.0, 1.0, (6, 12))


def test_a_linear_device_is_ohms_law():
    layout = cn.compile([(W, None, "tanh")], (8, 6), device="hfo2", r_wire=3.0)
    np.testing.assert_allclose(layout.with_cells("hfo2")(X), layout(X), rtol=1e-8, atol=1e-8)


def test_a_nonlinear_device_is_found_by_newtons_method_and_agrees_with_the_circuit_engine(tmp_path):
    """A tunnel junction's current grows faster than its voltage; one tile of them is built as elements of a circuit."""
    layout = cn.compile([(W, None, "linear")], (12, 10), device="ftj", r_wire=2000.0, read_voltage=0.3)
    devices = layout.with_cells("ftj")
    gap = np.abs(devices(X) - layout(X)).max()
    assert gap > 0.01 * np.abs(layout(X)).max()
    (read,) = devices.reads(X[0])
    crossbar = read.matrix.crossbar(0)
    (name,) = crossbar.states
    circuit = cn.Circuit("tile")
    rows, cols = layout.matrices[0].tiles[0].G.shape
    for i in range(rows):
        circuit.V(f"in{i}", f"w{i}_0", 0, dc=float(read.voltages[0, i]))
        for j in range(cols):
            circuit.R(f"w{i}_{j}", f"w{i}_{j}", f"w{i}_{j + 1}", 2000.0)
            circuit.N(f"{i}_{j}", f"w{i}_{j + 1}", f"b{i}_{j}", model="ftj", **{name: crossbar.states[name][i, j]})
            circuit.R(f"b{i}_{j}", f"b{i}_{j}", f"b{i + 1}_{j}", 2000.0)
    for j in range(cols):
        circuit.V(f"out{j}", f"b{rows}_{j}", 0, dc=0.0)
    op = circuit.op()
    currents = np.array([float(op[f"i(vout{j})"]) for j in range(cols)])
    # The engine's reltol of 1e-3 stops on steps of voltages; Newton's last step leaves far less in the currents.
    np.testing.assert_allclose(read.currents[0][0], currents[0::2] - currents[1::2], rtol=1e-4, atol=1e-12)
    devices.save(tmp_path / "d.h5")
    np.testing.assert_array_equal(cn.Layout.load(tmp_path / "d.h5")(X), devices(X))


def test_model_cards_are_saved_and_what_is_out_of_reach_is_at_its_bound(tmp_path):
    card = CARDS["hfo2"].model
    layout = cn.compile(
        [(W, None, "linear")], device="hfo2", r_wire=0.01, nonidealities=cn.nonidealities.Variability("g", 0.3), seed=1
    )
    assert layout.matrices[0].tiles[0].G.max() > 1e-4
    devices = layout.with_cells(card)
    devices.save(tmp_path / "d.h5")
    loaded = cn.Layout.load(tmp_path / "d.h5")
    assert loaded.matrices[0].cells == card
    np.testing.assert_array_equal(loaded(X), devices(X))
    assert devices.reads(X[:1])[0].matrix.crossbar(0).solve(np.full(12, 0.1)).currents.max() <= 12 * 0.1 * 1.001e-4


def test_devices_whose_conductance_says_no_state_are_refused():
    with pytest.raises(CrossbarError, match="conductances do not say"):
        cn.compile([(W, None, "linear")], r_wire=1.0).with_cells("jart")
    assert cn.compile([(W, None, "linear")]).with_cells(None).matrices[0].cells is None


def test_devices_are_not_moved_onto_wires_without_resistance():
    devices = cn.compile([(W, None, "linear")], device="hfo2", r_wire=1.0).with_cells("hfo2")
    with pytest.raises(CrossbarError, match="ideal word lines"):
        devices.with_wires((0.0, 1.0))
