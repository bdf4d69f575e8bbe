"""Converters and sense amplifiers as behaviour: codings of inputs, errors of amplifiers, their random numbers."""

from dataclasses import replace

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import UsageError
from circuitnn.mapping.cost.of_layout import works_of
from circuitnn.mapping.inference import Inference
from circuitnn.mapping.periphery import Periphery, Sense
from circuitnn.mapping.quantise import quantise

RNG = np.random.default_rng(1)
WEIGHTS = RNG.normal(size=(9, 5))
X = RNG.uniform(-1.2, 1.2, (40, 9))


def layout(**options):
    return cn.compile([(WEIGHTS, None, "linear")], tile=(6, 6), r_wire=2.0, **options)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("bits", [1, 2, 5, 12])
def test_serial_reads_add_to_the_level(bits, signed):
    """Bits times their weights are the amplitude that the converter would give, clipping included."""
    serial = Periphery(bits, coding="serial")
    volts = serial.voltages(X, 1.0, signed).reshape(serial.reads(signed), *X.shape)
    assert set(np.unique(volts)) <= {-0.2, 0.0, 0.2}
    assert serial.reads(signed) == (max(bits - 1, 1) if signed else bits)
    weights = 2.0 ** np.arange(len(volts)) / (2 ** len(volts) - 1)
    level = quantise(0.2 * X, bits, 0.2, signed=signed)
    np.testing.assert_allclose(np.tensordot(weights, volts, 1), level, atol=1e-15)


@pytest.mark.parametrize("coding", ["width", "serial"])
def test_codings_agree_without_losses_of_conversion(coding):
    """Arrays are linear: exact converters of currents give the same products whatever carries the level."""
    one = layout(dac_bits=6)
    other = one.with_periphery(Periphery(6, coding=coding))
    np.testing.assert_allclose(other(X), one(X), rtol=1e-12, atol=1e-12)


def test_serial_conversion_is_after_each_read():
    """Against the definition: every bit's currents are converted, then shifted and added."""
    made = layout(dac_bits=4, adc_bits=5).with_periphery(Periphery(4, 5, coding="serial"))
    matrix = made.matrices[0]
    levels = np.clip(np.rint(X * 7), -7, 7)
    expected = np.zeros((len(X), 5))
    for bit in range(3):
        volts = 0.2 * np.sign(levels) * (np.abs(levels).astype(int) >> bit & 1)
        for tile, transfer in zip(matrix.tiles, matrix.transfers, strict=True):
            found = quantise(volts[:, tile.place.inputs] @ transfer, 5, tile.adc_limit, signed=True)
            expected[:, tile.place.outputs] += found * 2**bit / 7
    np.testing.assert_allclose(made(X), expected * matrix.scale / 0.2, rtol=1e-12)
    assert np.abs(made(X) - layout(dac_bits=4, adc_bits=5)(X)).max() > 1e-3


def test_serial_reads_are_reads_of_their_own():
    """Cells that differ at each read do so at each bit: a read more for each."""
    noisy = layout(dac_bits=3, nonidealities=cn.nonidealities.ReadNoise(0.02), seed=1)
    serial = noisy.with_periphery(Periphery(3, coding="serial"))
    matrix, first = serial.matrices[0], serial.reads(X[:2])[0]
    np.testing.assert_array_equal(first.voltages[:2], Periphery(3, coding="serial").voltages(X[:2], 1.0, True)[:2])
    second, other = (matrix.currents(first.voltages[2:], first_read=n) for n in (2, 3))
    for whole, part, wrong in zip(first.currents, second, other, strict=True):
        np.testing.assert_allclose(whole[2:], part, rtol=1e-12)  # a solve of more vectors rounds differently
        assert (np.abs(wrong - part) > 1e-6 * np.abs(part)).any()


def test_clipped_bits_are_counted():
    """Single bits of inputs can carry more current than the inputs for which ranges were calibrated."""
    made = cn.compile([(WEIGHTS, None, "linear")], tile=(16, 16), calibration=X, dac_bits=4, adc_bits=8)
    labels = made.graph(X).argmax(axis=1)
    assert made.evaluate(X, labels).clipped_currents == 0
    serial = made.with_periphery(Periphery(4, 8, coding="serial"))
    assert serial.evaluate(X, labels).clipped_currents > 0
    calibrated = made.with_periphery(Periphery(4, 8, coding="serial"), calibration=X)
    assert calibrated.evaluate(X, labels).clipped_currents == 0
    seen = np.abs(calibrated.reads(X)[0].currents[0]).max()
    assert calibrated.matrices[0].tiles[0].adc_limit == pytest.approx(seen, rel=1e-12, abs=0.0)


def test_gain_and_offset_belong_to_a_converter():
    sense = Sense(gain=0.02, offset=1e-7)
    p = Periphery(sense=sense, seed=5)
    i = RNG.normal(scale=1e-5, size=(30, 2000))
    found = p.amplified(i, "a, tile 1")
    slope = (found[0] - found[1]) / (i[0] - i[1])
    offset = found[0] - slope * i[0]
    np.testing.assert_allclose(found, slope * i + offset, atol=1e-12)
    # Moments of 2000 numbers: 4 standard errors of 1/sqrt(2 * 2000) of a deviation, 1/sqrt(2000) of a mean.
    for values, deviation in ((slope - 1.0, 0.02), (offset, 1e-7)):
        assert np.std(values) == pytest.approx(deviation, rel=4 / np.sqrt(4000))
        assert abs(np.mean(values)) < 4 * deviation / np.sqrt(2000)
    assert abs(np.corrcoef(slope, offset)[0, 1]) < 4 / np.sqrt(2000)
    np.testing.assert_array_equal(p.amplified(i[:, :3], "a, tile 1"), found[:, :3])  # nor on how many others there are
    assert (p.amplified(i, "a, tile 2") != found).all()
    assert (replace(p, seed=6).amplified(i, "a, tile 1") != found).all()


def test_noise_is_new_at_each_read():
    p = Periphery(sense=Sense(noise=3e-8), seed=2)
    found = p.amplified(np.zeros((400, 50)), "t", first_read=100)
    assert found.std() == pytest.approx(3e-8, rel=4 / np.sqrt(40000))
    np.testing.assert_array_equal(p.amplified(np.zeros((1, 50)), "t", first_read=130)[0], found[30])
    assert abs(np.corrcoef(found[:200].ravel(), found[200:].ravel())[0, 1]) < 4 / 100.0


def test_errors_reach_the_products():
    """The offset of a converter is that offset times the scale, whatever the input."""
    made = layout()
    off = made.with_periphery(Periphery(sense=Sense(offset=1e-7), seed=3))
    difference = off(X) - made(X)
    np.testing.assert_allclose(difference, np.broadcast_to(difference[0], difference.shape), atol=1e-9)
    assert 1e-9 < np.abs(difference[0] / made.matrices[0].scale * 0.2).max() < 1e-6
    np.testing.assert_array_equal(off(X), off(X))


def test_resistances_at_the_ends_are_solved_with_the_array():
    """Without wires a bit line of conductance G behind r carries 1 / (1 + r G) of its current."""
    made = cn.compile([(WEIGHTS, None, "linear")], tile=(16, 16))
    G = made.matrices[0].tiles[0].G
    lossy = made.with_periphery(Periphery(sense=Sense(resistance=50.0)))
    share = G / (1.0 + 50.0 * G.sum(axis=0))
    expected = X @ (share[:, 0::2] - share[:, 1::2]) * made.matrices[0].scale
    np.testing.assert_allclose(lossy(X), expected, rtol=1e-9, atol=1e-12)
    driven = made.with_periphery(Periphery(sense=Sense(drive_resistance=80.0)))
    share = G / (1.0 + 80.0 * G.sum(axis=1, keepdims=True))
    expected = X @ (share[:, 0::2] - share[:, 1::2]) * made.matrices[0].scale
    np.testing.assert_allclose(driven(X), expected, rtol=1e-9, atol=1e-12)


def test_files_keep_it(tmp_path):
    p = Periphery(5, 7, 0.1, "serial", Sense(0.01, 1e-8, 2e-9, 10.0, 20.0), 9)
    made = layout(dac_bits=5).with_periphery(p)
    made.save(tmp_path / "net.h5")
    loaded = cn.Layout.load(tmp_path / "net.h5")
    assert loaded.periphery == p
    np.testing.assert_array_equal(loaded(X), made(X))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"coding": "seriel"}, "unknown coding"),
        ({"coding": "serial"}, "dac_bits is None"),
        ({"coding": "width"}, "dac_bits is None"),
        ({"sense": 0.1}, "sense is 0.1"),
        ({"sense": Sense(noise=1e-9)}, "seed of the periphery is None"),
        ({"seed": -1}, "seed of the periphery is -1"),
        ({"seed": True}, "seed of the periphery is True"),
    ],
)
def test_mistakes(wrong, message):
    with pytest.raises(UsageError, match=message):
        Periphery(**wrong)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf, "1", True, None])
def test_mistakes_of_amplifiers(value):
    with pytest.raises(UsageError, match="gain of the sense amplifiers"):
        Sense(gain=value)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("bits", [1, 3, 6])
def test_steps_of_pulses_mean_the_level(bits, signed):
    p = Periphery(bits, coding="width")
    slots = p.slots(X, 1.0, signed)
    assert len(slots) == (max(2 ** (bits - 1) - 1, 1) if signed else 2**bits - 1)
    assert set(np.unique(slots)) <= {-0.2, 0.0, 0.2}
    assert (np.abs(np.diff(slots, axis=0)).sum(axis=0) <= 0.2 + 1e-12).all()  # one pulse: on, then off
    np.testing.assert_allclose(slots.mean(axis=0), p.voltages(X, 1.0, signed), atol=1e-15)


def test_widths_are_linear_where_cells_are_not():
    """A tunnel junction's current grows faster than its voltage: a level of amplitude n / top gives less than that
    part of the whole, a width exactly that."""
    made = cn.compile([([[1.0]], None, "linear")], device="ftj", r_wire=1e-3, read_voltage=0.5, dac_bits=4)
    devices = made.with_cells("ftj")
    x = np.arange(8)[:, None] / 7
    amplitude, width = (
        layout(x)[:, 0] for layout in (devices, devices.with_periphery(Periphery(4, None, 0.5, coding="width")))
    )
    np.testing.assert_allclose(width, x[:, 0] * width[-1], rtol=1e-6, atol=1e-12)
    assert amplitude[-1] == pytest.approx(width[-1], rel=1e-9)
    assert np.abs(amplitude - x[:, 0] * amplitude[-1]).max() > 0.02 * amplitude[-1]


def test_no_read_number_comes_twice():
    """Two vectors of three bits take reads 0 to 5; the next vectors begin at 6."""
    p = Periphery(4, coding="serial", sense=Sense(noise=1e-7), seed=4)
    made = layout(dac_bits=4).with_periphery(p)
    running = Inference(made.graph, made.matrices, p)
    first, second = (running.read(made.matrices[0].label, X[:2]) for _ in range(2))
    matrix = made.matrices[0]
    np.testing.assert_array_equal(second.products, matrix.decode(second.currents, p, 6))
    assert (first.products != second.products).all()


def test_reports_and_costs_know_the_coding():
    """Three reads of bits, and the mean energy of ideal arrays over all of them: V^2 times the conductances."""
    made = cn.compile([(WEIGHTS, None, "linear")], tile=(16, 16), dac_bits=4)
    serial = made.with_periphery(Periphery(4, coding="serial", sense=Sense(noise=1e-9), seed=1))
    assert "serial coding" in str(serial.report()) and "noise=1e-09" in str(serial.report())
    assert "coding" not in str(made.report())
    work = works_of(serial, X[:4], adc_bits=8, most_reads=1000)[0]
    assert (work.reads, work.dac_bits) == (3, 1)
    planes = serial.periphery.voltages(X[:4], serial.matrices[0].x_limit, True)
    np.testing.assert_array_equal(work.arrays[0].voltages, planes)
    p = Periphery(4, coding="width")
    work = works_of(made.with_periphery(p), X[:4], adc_bits=8)[0]
    assert (work.reads, work.dac_bits) == (1, 4)
    steps = p.slots(X[:4], made.matrices[0].x_limit, True)
    np.testing.assert_allclose(work.arrays[0].voltages ** 2, (steps**2).mean(axis=0), atol=1e-15)
