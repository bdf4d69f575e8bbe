"""Time functions of independent sources: random ones, files, corners, and what is refused."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import CircuitError, CircuitnnError, FileError
from circuitnn.mna.waveforms import MAX_SAMPLES, drive_of
from circuitnn.netlist.flat import Element, Waveform
from circuitnn.netlist.writer import flat_to_text


def run(source: str, extra: str = "", seed: int = 0):
    return (
        cn.parse(f"t\nv1 a 0 {source}\nr1 a 0 1\n.options seed={seed}\n{extra}\n.tran 1u 400u 0 1u\n.end\n").run().tran
    )


def sampled(result, times):
    return np.interp(times, result["time"], result["v(a)"])


def test_white_noise_goes_straight_between_gaussian_points():
    result = run("dc 2 trnoise(0.5 1u)")
    points = sampled(result, np.arange(401) * 1e-6)
    assert points[0] == 2.0  # ngspice's first point is not random
    between = sampled(result, (np.arange(400) + 0.5) * 1e-6)
    np.testing.assert_allclose(between, 0.5 * (points[1:] + points[:-1]), atol=1e-12)
    # 400 values: the standard error of the mean is 0.025, of the deviation 0.018; four of them.
    assert abs(points[1:].mean() - 2.0) < 0.1
    assert abs(points[1:].std() - 0.5) < 0.072


def test_flicker_noise_has_the_spectrum_of_its_exponent():
    element = Element("v1", ("a", "0"), waveform=Waveform("trnoise", (0.0, 1.0, 1.0, 1.0)))
    values = np.asarray(drive_of(element, 1.0, 2.0**17)[3])[3:-1]
    power = np.abs(np.fft.rfft(values[: 2**17] - values.mean())) ** 2
    bands = np.array([power[2**k : 2 ** (k + 1)].mean() for k in range(4, 15)])
    # 1/f: half the power an octave. The lowest band averages 16 lines of an exponential distribution.
    slope = np.polyfit(np.arange(len(bands)), np.log2(bands), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.1)


def test_telegraph_noise_waits_as_long_as_its_means_say():
    element = Element("v1", ("a", "0"), waveform=Waveform("trnoise", (0.0, 0.0, 0.0, 0.0, 1.5, 2.0, 5.0)))
    args = np.asarray(drive_of(element, 1.0, 70_000.0)[3])
    waits = np.diff(np.concatenate([[0.0], args[4:]]))
    # 10,000 exponential waits of each kind: 1 % is the standard error.
    assert waits[0::2].mean() == pytest.approx(2.0, rel=0.04)
    assert waits[1::2].mean() == pytest.approx(5.0, rel=0.04)
    result = run("trnoise(0 0 0 0 1.5 20u 50u)")
    assert {*np.unique(result["v(a)"]).round(12)} == {0.0, 1.5}


@pytest.mark.parametrize(
    ("kind", "first", "mean", "deviation"),
    [(1, 0.5, 0.0, 0.5 / 3**0.5), (2, 0.5, 0, 0.5), (3, 2, 2, 2), (4, 3, 3, 3**0.5)],
)
def test_random_steps_have_their_distribution(kind, first, mean, deviation):
    element = Element("i1", ("a", "0"), waveform=Waveform("trrandom", (kind, 1.0, 0.0, first, 10.0)))
    values = np.asarray(drive_of(element, 1.0, 40_000.0)[3])[3:]
    assert values.mean() == pytest.approx(10.0 + mean, abs=4 * deviation / 200)
    assert values.std() == pytest.approx(deviation, rel=0.05)


def test_random_steps_hold_from_the_delay_on():
    result = run("dc 1 trrandom(2 10u 25u 0.3 0.5)")
    held = sampled(result, np.array([0, 10, 20, 25]) * 1e-6)
    np.testing.assert_array_equal(held, 1.5)
    one, other = (sampled(result, np.array([t, t + 4, t + 8]) * 1e-6) for t in (26, 36))
    np.testing.assert_allclose(one, one[0], rtol=1e-12)
    assert other[0] != one[0]


def test_a_seed_decides_and_other_sources_do_not():
    again = run("trnoise(1 2u 1 0.5 0.2 30u 40u)", seed=3)["v(a)"]
    more = run("trnoise(1 2u 1 0.5 0.2 30u 40u)", "v0 b 0 trnoise(1 2u)\nr2 b 0 1", seed=3)["v(a)"]
    np.testing.assert_array_equal(again, run("trnoise(1 2u 1 0.5 0.2 30u 40u)", seed=3)["v(a)"])
    np.testing.assert_array_equal(again, more)
    assert not np.array_equal(again, run("trnoise(1 2u 1 0.5 0.2 30u 40u)", seed=4)["v(a)"])


def test_points_from_a_file(tmp_path):
    (tmp_path / "Points.txt").write_text("* time, value\n0, 0\n100u 1 # up\n\n200u, 0.5\n")
    expected = np.array([0.0, 0.5, 1.0, 0.75, 0.5])
    for form in (
        'pwl file="Points.txt"',
        "PWL(file=Points.txt)",
        'pwl("Points.txt")',
        'pwlfile="Points.txt"',
        "pwl file Points.txt",
    ):
        (tmp_path / "deck.cir").write_text(f"t\nv1 a 0 {form}\nr1 a 0 1\n.tran 1u 300u\n.end\n")
        deck = cn.load(tmp_path / "deck.cir")
        np.testing.assert_allclose(
            sampled(deck.run().tran, np.array([0, 50, 100, 150, 300]) * 1e-6), expected, atol=1e-9
        )
    assert cn.parse(flat_to_text(deck.expand())).circuit().elements["v1"].waveform.args == (0, 0, 1e-4, 1, 2e-4, 0.5)


@pytest.mark.parametrize(
    ("text", "message"), [("0 0 1", "3 numbers"), ("", "0 numbers"), ("0 x", "no number"), ("1 0 0 1", "go back")]
)
def test_a_file_without_points_is_refused(tmp_path, text, message):
    (tmp_path / "p.txt").write_text(text)
    (tmp_path / "deck.cir").write_text('t\nv1 a 0 pwl(file="p.txt")\nr1 a 0 1\n.tran 1u 3u\n.end\n')
    with pytest.raises(FileError, match=message):
        cn.load(tmp_path / "deck.cir").run()


def test_sources_round_trip():
    circuit = cn.Circuit("t")
    circuit.V("1", "a", 0, waveform=("pwl", 0, 0, 1, 1, 2, 0), repeat=1, delay="10m")
    circuit.I("1", "a", 0, waveform=("sffm", 0, 1, "1k", 2, 100), m=2)
    circuit.R("1", "a", 0, 1)
    again = cn.parse(circuit.to_netlist()).circuit()
    assert again.elements["v1"].waveform == Waveform("pwl", (0, 0, 1, 1, 2, 0), 1.0, 0.01)
    assert again.elements["i1"].waveform == circuit.elements["i1"].waveform
    assert again.elements["i1"].params["m"] == 2.0


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (("trrandom", 5, 1), "none of 1"),
        (("trrandom", 1, 0), "spacing"),
        (("trnoise", 1, -1), "negative"),
        (("trnoise", 1, 1, 3, 1), "0 .. 2"),
        (("trnoise", 0, 0, 0, 0, 1), "RTSCAPT"),
        (("trnoise", 1, 1 / MAX_SAMPLES), "random values"),
        (("sffm", 1), "SFFM takes"),
        (("am", 1), "AM takes"),
        (("pwl", 0, 0, 2, 1, 1, 0), "go back"),
    ],
)
def test_arguments_that_make_no_waveform(waveform, message):
    circuit = cn.Circuit("t")
    circuit.V("1", "a", 0, waveform=waveform)
    circuit.R("1", "a", 0, 1)
    with pytest.raises(CircuitError, match=message):
        circuit.tran(stop=1.5)


@pytest.mark.parametrize(
    "line", ["pwl(0 0 1 1) q=1", "pwl(0 0 1 1 x=2)", 'pwl(0 0 file="a")', "pat(1 0)", "pwl file", "sin(r=1)"]
)
def test_malformed_sources_are_refused(line):
    with pytest.raises(CircuitnnError):
        cn.parse(f"t\nv1 a 0 {line}\nr1 a 0 1\n.end\n").expand()


def test_arguments_do_not_pile_up():
    circuit = cn.parse("t\nv1 a 0 trnoise(1 1u)\nr1 a 0 1\n.end\n").circuit()
    first = [circuit.tran(stop=1e-5)["v(a)"] for _ in range(3)]
    np.testing.assert_array_equal(first[0], first[2])
