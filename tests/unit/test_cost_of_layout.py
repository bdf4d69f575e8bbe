"""A layout's cost: which reads are counted, which are solved, and what the command line says of it."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import circuitnn as cn
from circuitnn.cli.main import cli
from circuitnn.errors import CrossbarError, UsageError
from circuitnn.mapping.cost.energy import array_energy
from circuitnn.mapping.cost.of_layout import cost_of, works_of
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.operators.convolution import Conv
from circuitnn.mapping.operators.dense import Dense
from circuitnn.mapping.operators.recurrent import LSTM


def close(value, rel=1e-9):
    return pytest.approx(value, rel=rel, abs=0.0)


@pytest.fixture(scope="module")
def dense():
    rng = np.random.default_rng(0)
    network = [(rng.normal(size=(20, 8)), None, "relu"), (rng.normal(size=(8, 3)), None, "softmax")]
    return cn.compile(network, tile=(8, 6), r_wire=3.0, dac_bits=8, adc_bits=6), rng.uniform(0.0, 1.0, (12, 20))


def conv():
    rng = np.random.default_rng(1)
    nodes = [
        Conv(rng.normal(size=(4, 2, 3, 3)), activation="relu", name="conv"),
        Conv(rng.normal(size=(4, 1, 2, 2)), groups=4, merged=4, name="depthwise"),
    ]
    return Graph(nodes, (2, 6, 6)), rng.uniform(0.0, 1.0, (3, 2, 6, 6))


def test_arrays_are_those_of_the_inference(dense):
    layout, x = dense
    found = cost_of(layout, x, most_reads=100)
    for one, read in zip(found.matrices, layout.reads(x), strict=True):
        expected = 0.0
        for k, tile in enumerate(read.matrix.tiles):
            volts = read.voltages[:, tile.place.inputs]
            t = found.technology
            expected += array_energy(read.matrix.crossbar(k), volts, t.read_time, t.c_word, t.c_bit).total.mean()
        assert one.energy.array == close(expected)
        assert one.energy.wires > 0.0 and one.energy.spread > 0.0
    assert [one.arrays for one in found.matrices] == [9, 1]
    # three tiles of word lines, three of outputs: 20 inputs on each of three, 8 outputs from each of three
    assert works_of(layout, x)[0].word_lines == 60 and works_of(layout, x)[0].conversions == 24
    assert layout.cost(x, most_reads=100).to_dict() == found.to_dict()


def test_no_sample_is_the_most_that_arrays_can_take(dense):
    layout, x = dense
    assert layout.cost().matrices[0].energy.array > layout.cost(x).matrices[0].energy.array
    works = works_of(layout)
    assert all((array.voltages == layout.periphery.read_voltage).all() for work in works for array in work.arrays)


def test_some_reads_are_chosen_evenly(dense):
    layout, x = dense
    voltages = [read.voltages for read in layout.reads(x)]
    few = works_of(layout, x, most_reads=3)
    np.testing.assert_array_equal(
        few[1].arrays[0].voltages, voltages[1][[0, 5, 11]][:, layout.matrices[1].tiles[0].place.inputs]
    )
    with pytest.raises(UsageError, match="most_reads"):
        layout.cost(x, most_reads=0)
    with pytest.raises(UsageError, match="no sample"):
        layout.cost(np.empty((0, 20)))


def test_batches_do_not_change_the_choice(dense, monkeypatch):
    layout, x = dense
    whole = works_of(layout, x, most_reads=5)
    monkeypatch.setattr("circuitnn.mapping.cost.of_layout.batch_size", lambda graph: 2)
    for one, other in zip(works_of(layout, x, most_reads=5), whole, strict=True):
        for a, b in zip(one.arrays, other.arrays, strict=True):
            np.testing.assert_array_equal(a.voltages, b.voltages)


def test_a_convolution_is_read_once_an_output_position():
    graph, x = conv()
    layout = cn.compile(graph, tile=(16, 16), dac_bits=4, adc_bits=6)
    found = layout.cost(x)
    assert [one.reads for one in found.matrices] == [16, 9]
    # 4 x 2 x 3 x 3 weights at 4 x 4 positions; 4 x 1 x 2 x 2 at 3 x 3, though their matrix has zeros off its blocks
    assert [one.macs for one in found.matrices] == [72 * 16, 16 * 9]
    assert layout.matrices[1].weights.size == 64
    assert found.inferences_per_second == close(1.0 / (16 * 100e-9))
    assert layout.cost(x, replicas={found.matrices[0].label: 4}).inferences_per_second == close(1.0 / (9 * 100e-9))


def test_matrices_of_one_layer_are_read_at_once():
    graph, x = conv()
    layout = cn.compile(graph, tile=(16, 16), dac_bits=4, adc_bits=6, unrolling="kernel")
    found = layout.cost(x)
    assert len(found.matrices) == 9 + 4 and {one.stage for one in found.matrices} == {"conv", "depthwise"}
    assert found.latency == close(found.matrices[0].timing.latency + found.matrices[9].timing.latency)
    assert sum(one.macs for one in found.matrices[:9]) == 72 * 16
    assert sum(one.macs for one in found.matrices[9:]) == 16 * 9
    # The activation is done on the sums: nine matrices do one.
    assert found.matrices[0].energy.digital - found.matrices[1].energy.digital == close(16 * 4 * 0.1e-12)


def test_a_recurrent_layer_is_read_once_a_step():
    rng = np.random.default_rng(3)
    graph = Graph([LSTM(rng.normal(size=(1, 3, 20)), rng.normal(size=(1, 5, 20)), name="lstm")], (7, 3))
    layout = cn.compile(graph, tile=(16, 64), dac_bits=6, adc_bits=6)
    found = layout.cost(rng.uniform(-1.0, 1.0, (2, 7, 3)))
    assert [(one.reads, one.macs, one.stage) for one in found.matrices] == [(7, 420, "lstm"), (7, 700, "lstm")]
    # Gates are done once, on the sum of both products: 20 a step, by the unit for nonlinear activations.
    first, second = (one.energy.digital for one in found.matrices)
    assert first - second == close(7 * 20 * found.technology.activation_energy)


def test_matrices_that_are_on_no_array_are_named():
    graph, x = conv()
    layout = cn.compile(graph, tile=(16, 16), dac_bits=4, adc_bits=6, digital=["depthwise"])
    found = layout.cost(x)
    assert [one.stage for one in found.matrices] == ["conv"]
    assert sum(found.outside.values()) == found.to_dict()["macs_outside"]["depthwise"]
    assert "not counted" in str(found).splitlines()[-1] and "depthwise" in str(found).splitlines()[-1]
    assert "not counted" not in str(cn.compile(graph, tile=(16, 16), dac_bits=4, adc_bits=6).cost(x))


def test_other_encodings_have_other_conversions():
    rng = np.random.default_rng(2)
    graph = Graph([Dense(rng.normal(size=(6, 4)))])
    plain, sliced = (
        works_of(cn.compile(graph, tile=(8, 32), encoding=encoding, dac_bits=8, adc_bits=8))[0].conversions
        for encoding in ("differential", "sliced")
    )
    assert plain == 4 and sliced > 4


def test_cells_that_are_devices_are_solved(dense):
    layout, x = dense
    ohmic = layout.cost(x[:2])
    # hfo2 obeys Ohm's law at small voltages: the same network, solved by Newton's method to 1e-10 of the currents.
    assert layout.with_cells("hfo2").cost(x[:2]).energies["cells"] == close(ohmic.energies["cells"], rel=1e-6)
    with pytest.raises(CrossbarError, match="devices"):
        layout.with_cells("hfo2").cost(x[:2], wires=False)


def test_exact_converters_have_no_cost(dense):
    layout = cn.compile([([[1.0, -1.0]], None, "relu")], tile=(8, 8))
    with pytest.raises(UsageError, match="exact converters") as raised:
        layout.cost()
    assert "dac_bits" in raised.value.hint
    assert layout.cost(dac_bits=8, adc_bits=8).energy > 0.0


def test_command_line(dense, tmp_path):
    layout, x = dense
    path, data, numbers = (str(tmp_path / name) for name in ("net.h5", "x.npy", "mine.toml"))
    layout.save(path)
    np.save(data, x)
    (tmp_path / "mine.toml").write_text("adc_fom = 1e-15\n")
    run = CliRunner().invoke
    plain = run(cli, ["cost", path, data], obj={})
    assert plain.exit_code == 0, plain.output
    assert str(layout.cost(x)) in plain.output and "MLPerf" not in plain.output and "DNN Engine" in plain.output
    found = run(cli, ["cost", path, data, "--technology", numbers, "--grid", "20", "--ideal-wires", "--json"], obj={})
    expected = layout.cost(x, {"adc_fom": 1e-15}, grid=20.0, wires=False).to_dict()
    assert json.loads(found.output) == json.loads(json.dumps(expected))
    assert "Murmann" in run(cli, ["cost", path, "--numbers"], obj={}).output
    wrong = run(cli, ["cost", path, "--grid", "wrld"], obj={})
    assert isinstance(wrong.exception, UsageError) and "did you mean 'world'" in str(wrong.exception)
