"""Spectra, spectrograms, phases and linewidths of waveforms that are known."""

import matplotlib as mpl
import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import AnalysisError, UsageError
from circuitnn.measure.linewidth import diffusion_of, lorentzian
from circuitnn.measure.phase import crossings, demodulate, oscillation, phase_of
from circuitnn.measure.sampling import Wave, resample, wave_of
from circuitnn.measure.spectrum import WINDOWS, spectrogram, spectrum
from circuitnn.runs.locking import LockingRange

mpl.use("Agg")
TIME = np.arange(4096) / 4096.0


def tone(frequency, amplitude=1.0, time=TIME):
    return amplitude * np.cos(2.0 * np.pi * frequency * time + 0.3)


# --------------------------------------------------------------------------------------------------------- amplitudes
@pytest.mark.parametrize("window", [*WINDOWS, ("kaiser", 9.0)])
def test_amplitude_at_the_middle_of_a_bin(window):
    found = spectrum((TIME, 1.5 + tone(300.0, 0.7)), window=window)
    assert found.amplitude[300] == pytest.approx(0.7, rel=1e-6)
    assert found.amplitude[0] == pytest.approx(1.5, rel=1e-6)
    assert found.dbm[300] == pytest.approx(10.0 * np.log10(0.5 * 0.7**2 / 50.0 / 1e-3), abs=1e-5)
    assert found.enbw >= 1.0 - 1e-12 and found.resolution == 1.0


def test_scalloping():
    """Half way between two bins a flattop window loses less than 1 %, Hann's 15 %."""
    flat, hann = (spectrum((TIME, tone(300.5)), window=w).amplitude[300] for w in ("flattop", "hann"))
    assert abs(flat - 1.0) < 0.01
    assert hann == pytest.approx(8.0 / (3.0 * np.pi), rel=1e-3)  # of the continuous window, 4096 samples


@pytest.mark.parametrize("window", [*WINDOWS, ("kaiser", 9.0)])
def test_tones_between_bins_are_placed(window):
    for offset in (0.0, 0.21, -0.44):
        found = spectrum((TIME, tone(400.0 + offset, 0.25)), window=window).peaks(1)[0]
        assert found.frequency == pytest.approx(400.0 + offset, abs=2e-3)  # negative frequencies leak through a boxcar
        assert found.amplitude == pytest.approx(0.25, rel=2e-3)
        assert found.power == pytest.approx(0.5 * 0.25**2, rel=4e-3)


def test_two_tones_80_db_apart():
    strong, weak = spectrum((TIME, tone(300.3) + tone(320.7, 1e-4)), window="blackman-harris").peaks(2, floor=90.0)
    assert (strong.frequency, weak.frequency) == pytest.approx((300.3, 320.7), abs=0.05)
    assert weak.amplitude == pytest.approx(
        1e-4, rel=0.2
    )  # side lobes of the strong one, at -92 dB, are a quarter of it
    assert len(spectrum((TIME, tone(300.3) + tone(320.7, 1e-4)), window="blackman-harris").peaks(floor=70.0)) == 1


def test_complex_waveforms_have_two_sides():
    found = spectrum((TIME, 0.5 * np.exp(-2j * np.pi * 100.0 * TIME)))
    best = found.peaks(1)[0]
    assert best.frequency == pytest.approx(-100.0, abs=1e-6) and best.amplitude == pytest.approx(0.5, rel=1e-6)
    assert found.amplitude[np.isclose(found.frequency, 100.0)] < 1e-9


# -------------------------------------------------------------------------------------------------------------- noise
@pytest.mark.parametrize(("window", "shared"), [("hann", 1.0 / 6.0), ("boxcar", 1.0 / 2.0)])
def test_density_of_white_noise(window, shared):
    """2 sigma^2 / rate, and its scatter: neighbours that overlap by half are correlated by shared^2 (Welch 1967)."""
    rate, sigma = 1e6, 0.3
    noise = np.random.default_rng(5).normal(0.0, sigma, 1 << 18)
    found = spectrum((np.arange(len(noise)) / rate, noise), window=window, segment=1024 / rate)
    inner = found.density[4:-4] / (2.0 * sigma**2 / rate)
    assert found.averages == 511
    # of 2^18 samples, less what the window makes of the last ones
    assert inner.mean() == pytest.approx(1.0, abs=4.0 * np.sqrt(1.0 / (1 << 17)))
    scatter = np.sqrt((1.0 + 2.0 * shared**2) / found.averages)
    assert inner.std() == pytest.approx(scatter, rel=4.0 / np.sqrt(len(inner)))  # bins of Hann's are pairwise alike
    assert found.total() == pytest.approx(sigma**2, rel=0.02)


def test_parseval():
    noise = np.random.default_rng(1).normal(1.0, 1.0, 4096)
    found = spectrum((TIME, noise), window="boxcar")
    assert found.total() == pytest.approx(np.mean(noise**2), rel=1e-12)
    assert found.total(100.0, 200.0) < found.total()
    turning = noise * np.exp(1j * TIME)
    assert spectrum((TIME, turning), window="boxcar").total() == pytest.approx(np.mean(np.abs(turning) ** 2), rel=1e-12)


# ----------------------------------------------------------------------------------------------------------- sampling
def test_aliasing_is_refused():
    t = np.linspace(0.0, 1.0, 40001) ** 1.2
    wave = (t, tone(100.0, 1.0, t) + tone(3000.0, 0.1, t))
    with pytest.raises(AnalysisError, match="folded below"):
        spectrum(wave, rate=4000.0)
    folded = spectrum(wave, rate=4000.0, alias=1.0)
    assert folded.folded == pytest.approx(0.1, rel=0.05)
    assert folded.amplitude[np.argmin(np.abs(folded.frequency - 1000.0))] > 0.05  # 4000 - 3000
    fine = spectrum(wave, rate=8000.0, window="flattop")
    assert fine.amplitude[np.argmin(np.abs(fine.frequency - 3000.0))] == pytest.approx(0.1, rel=0.02)


def test_grids_of_uneven_points():
    t = np.linspace(0.0, 1.0, 4001) ** 1.3
    found = resample(Wave(t, tone(40.0, 1.0, t)))
    # Pieces of third degree through 4000 points: h^3 f'''/ 15 or so of 1000 points a second at the sparse end
    assert np.abs(found.values - tone(40.0, 1.0, found.time)).max() < 2e-3
    assert spectrum((t, tone(40.0, 1.0, t))).peaks(1)[0].frequency == pytest.approx(40.0, abs=1e-3)
    even = resample(Wave(TIME, tone(40.0)))
    np.testing.assert_array_equal(even.values, tone(40.0))


def test_transients_have_spectra():
    circuit = cn.parse("two tones\nv1 a 0 sin(0.5 1 1k)\nv2 b a sin(0 0.01 3k)\nr1 b 0 1k\n.end\n").circuit()
    run = circuit.tran(stop=20e-3, step=5e-6)
    one, two = run.spectrum("v(b)", window="blackman-harris").peaks(2)
    assert (one.frequency, two.frequency) == pytest.approx((1e3, 3e3), rel=1e-3)
    assert (one.amplitude, two.amplitude) == pytest.approx((1.0, 0.01), rel=2e-3)
    found = run.spectrum("i(v1)")
    assert found.unit == "A" and found.peaks(1)[0].dbm == pytest.approx(10.0 * np.log10(0.5e-6 * 50.0 / 1e-3), abs=0.02)
    seen = run.oscillation("v(b)", start=5e-3)
    assert seen.oscillates and seen.frequency == pytest.approx(1e3, rel=1e-4)
    assert seen.mean == pytest.approx(0.5, abs=1e-3)
    assert run.spectrogram("v(b)", segment=4e-3).ridge() == pytest.approx(1e3, rel=0.02)


# ------------------------------------------------------------------------------------------------------- spectrograms
def test_ridge_of_a_chirp():
    t = np.arange(40000) / 4e4
    picture = spectrogram((t, np.cos(2.0 * np.pi * (2e3 * t + 3e3 * t**2))), segment=0.02)
    expected = 2e3 + 6e3 * picture.time
    # a bin is 50 Hz, and the tone moves by 120 Hz in a stretch
    assert np.abs(picture.ridge() - expected).max() < 5.0
    assert picture.power.shape == (len(picture.time), len(picture.frequency))
    # a steady tone: each stretch has its power
    steady = spectrogram((t, tone(2e3, 0.5, t)), segment=0.02)
    assert steady.dbm.max(axis=1) == pytest.approx(10.0 * np.log10(0.125 / 50.0 / 1e-3), abs=1e-6)


# -------------------------------------------------------------------------------------------------------------- phase
def test_crossings_pass_over_ripple():
    t = np.linspace(0.0, 10.0, 20001)
    found = crossings(Wave(t, -np.cos(2.0 * np.pi * t) + 0.1 * np.cos(2.0 * np.pi * 37.0 * t)))
    assert len(found) == 10
    np.testing.assert_allclose(np.diff(found), 1.0, atol=0.05)


def test_demodulation_follows_frequency_and_amplitude():
    t = np.arange(40000) / 1e5
    phase = 2.0 * np.pi * (5e3 * t + 2.0 * np.sin(2.0 * np.pi * 20.0 * t))
    seen = demodulate((t, (1.0 + 0.2 * np.cos(60.0 * t)) * np.cos(phase)), frequency=5e3, bandwidth=4e3)
    np.testing.assert_allclose(seen.amplitude, 1.0 + 0.2 * np.cos(60.0 * seen.time), atol=5e-3)
    rate = 5e3 + 80.0 * np.pi * np.cos(2.0 * np.pi * 20.0 * seen.time)
    np.testing.assert_allclose(seen.frequency[1:-1], rate[1:-1], atol=2.0)


def test_what_dies_away_does_not_oscillate():
    t = np.linspace(0.0, 1.0, 20001)
    assert oscillation((t, tone(50.0, 1.0, t))).oscillates
    assert not oscillation((t, np.exp(-2.0 * t) * tone(50.0, 1.0, t))).oscillates
    assert not oscillation((t, 5.0 + 1e-8 * tone(50.0, 1.0, t))).oscillates
    assert not oscillation((t, tone(2.0, 1.0, t))).oscillates  # two periods


# ---------------------------------------------------------------------------------------------------------- linewidth
def walk(seed, constant=20.0 * np.pi, rate=1e4, count=400_000, frequency=2e3):
    """A phase that diffuses: its variance grows by 2 D t, and the line is D / pi wide, 20 Hz."""
    steps = np.random.default_rng(seed).normal(0.0, np.sqrt(2.0 * constant / rate), count)
    t = np.arange(count) / rate
    return t, 2.0 * np.pi * frequency * t + np.cumsum(steps)


def test_linewidth_of_a_diffusing_phase():
    t, phase = walk(3)
    wave = wave_of((t, 0.5 * np.exp(1j * phase)))
    found = cn.phase_diffusion(wave)
    assert abs(found.linewidth - 20.0) < 4.0 * found.linewidth_error and found.linewidth_error < 3.0
    assert found.frequency == pytest.approx(2e3, abs=4.0 * np.sqrt(2.0 * found.constant / t[-1]) / (2.0 * np.pi))
    line = lorentzian(spectrum((t, 0.5 * np.cos(phase)), segment=1.0))
    # Hann's window of 1 s adds about 1 Hz to a line of 20 Hz in squares: 3 %
    assert abs(line.linewidth - 20.0) < 4.0 * line.linewidth_error + 0.6 and line.linewidth_error < 2.0
    assert abs(line.frequency - found.frequency) < 4.0 * line.frequency_error
    assert line.power == pytest.approx(0.125, rel=0.05)


def test_error_bars_are_as_wide_as_the_scatter():
    constant = 20.0 * np.pi
    pulls = []
    for seed in range(40):
        found = diffusion_of(walk(seed, count=20_000), lag=0.01)
        pulls.append((found.constant - constant) / found.constant_error)
    assert abs(np.mean(pulls)) < 4.0 / np.sqrt(40.0)
    assert 0.7 < np.std(pulls) < 1.5  # of 40, each with 20 blocks; student's t


def test_many_runs_give_one_linewidth():
    runs = [wave_of((t, np.cos(phase))) for t, phase in (walk(seed, count=40_000) for seed in range(8))]
    found = cn.phase_diffusion(runs)
    assert found.blocks == 8
    assert abs(found.linewidth - 20.0) < 4.0 * found.linewidth_error


def test_sinusoids_have_no_linewidth():
    with pytest.raises(AnalysisError, match="no wider"):
        lorentzian(spectrum((TIME, tone(300.0)), segment=0.25))
    with pytest.raises(AnalysisError, match="four"):
        phase_of(Wave(TIME, tone(2.0)))


# ----------------------------------------------------------------------------------------------------------- pictures
def test_pictures():
    import matplotlib.pyplot as plt

    found = spectrum((TIME, tone(300.0)))
    for scale, label in (("dbm", "dBm"), ("amplitude", "V"), ("density", "V²/Hz")):
        ax = found.plot(scale=scale)
        assert label in ax.get_ylabel() and len(ax.lines[0].get_xdata()) > 1000
    picture = spectrogram((TIME, tone(300.0)), segment=0.05).plot()
    assert picture.get_ylabel().startswith("frequency")
    tongue = LockingRange(*(np.array([1.0, 2.0]) for _ in range(5)), free=1.0, harmonic=1, subharmonic=1, runs=0)
    assert tongue.plot().get_ylabel() == "amplitude of the tone"
    plt.close("all")


def test_bad_requests_are_refused():
    with pytest.raises(UsageError, match="no window") as caught:
        spectrum((TIME, tone(300.0)), window="han")
    assert "hann" in str(caught.value)
    with pytest.raises(UsageError, match="segment"):
        spectrum((TIME, tone(300.0)), segment=2.0)
    with pytest.raises(UsageError, match="load"):
        spectrum((TIME, tone(300.0)), load=0.0)
    with pytest.raises(AnalysisError, match="not finite"):
        spectrum((TIME, np.full(len(TIME), np.nan)))
    with pytest.raises(UsageError, match="scale"):
        spectrum((TIME, tone(300.0))).plot(scale="decibels")
