"""Noise in transients against kT/C, .noise of the same circuit, and what theory says of spectra."""

import numpy as np
import pytest
from scipy import signal

import circuitnn as cn
from circuitnn.devices.declare import Device, Equations, Noise, Param
from circuitnn.errors import UsageError

KT = 1.38064852e-23 * 300.15


def on_grid(r, name, fmax):
    """A vector at the points between which noise runs straight."""
    spacing = 0.5 / fmax
    grid = np.arange(1, int(r["time"][-1] / spacing)) * spacing
    return np.interp(grid, r["time"], r[name])


def spectrum(values, fmax, segment):
    """Welch's estimate, and how many of its segments count as independent (Hann windows that overlap by half)."""
    f, s = signal.welch(values, fs=2.0 * fmax, nperseg=segment)
    return f, s, 0.947 * (2 * len(values) / segment - 1)


def low_pass(seed=1, stop=200e-6, fmax=5e9, **options):
    c = cn.Circuit("kT/C")
    c.R("1", "a", 0, "1k")
    c.C("1", "a", 0, "1p")
    return c.tran(stop=stop, noise_fmax=fmax, noise_seed=seed, **options)


def test_kt_over_c():
    fmax, tau, stop = 5e9, 1e-9, 200e-6
    v = on_grid(low_pass(stop=stop), "v(a)", fmax)
    # straight lines between white samples, through the RC: v_k = a v_(k-1) + b0 i_k + b1 i_(k-1), exactly
    a, k = np.exp(-0.5 / fmax / tau), tau * 2.0 * fmax
    b0, b1 = 1.0 - k * (1.0 - a), k * (1.0 - a) - a
    variance = 4.0 * KT * 1e3 * fmax * (b0**2 + b1**2 + 2.0 * a * b0 * b1) / (1.0 - a**2)
    assert variance == pytest.approx(KT / 1e-12, rel=0.06)  # what lies above 5 GHz is lost: that band is 2/pi 159/5000
    # the estimate's own deviation is sqrt(2 tau/stop) = 0.3 %; steps of one or two a grid spacing make another 0.5 %
    assert np.var(v) == pytest.approx(variance, rel=3.0 * np.sqrt(2.0 * tau / stop) + 0.005)
    assert abs(np.mean(v)) < 3.0 * np.sqrt(variance * 2.0 * tau / stop)
    # normal: the fourth moment is 3, of so many independent values
    assert np.mean(v**4) / np.var(v) ** 2 == pytest.approx(3.0, abs=3.0 * np.sqrt(24.0 * 2.0 * tau / stop))


def test_same_seed_same_noise():
    one, two, other = (low_pass(seed, stop=1e-6)["v(a)"] for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert np.std(other[: len(one)] - one[: len(other)]) > np.std(one)


def test_noise_is_an_elements_own():
    """With another resistor elsewhere in the deck, the same noise."""
    c = cn.Circuit("two")
    c.R("0", "b", 0, "5k")
    c.C("0", "b", 0, "1p")
    c.R("1", "a", 0, "1k")
    c.C("1", "a", 0, "1p")
    r = c.tran(stop=1e-6, noise_fmax=5e9, noise_seed=1)
    both = on_grid(r, "v(a)", 5e9), on_grid(low_pass(stop=1e-6), "v(a)", 5e9)
    assert np.std(both[0] - both[1]) < 0.02 * np.std(both[0])  # steps of one or two a grid spacing
    assert abs(np.corrcoef(both[0], on_grid(r, "v(b)", 5e9))[0, 1]) < 0.2


def test_without_noise_nothing_changes():
    c = cn.Circuit("kT/C")
    c.V("1", "s", 0, dc=1.0)
    c.R("1", "s", "a", "1k")
    c.C("1", "a", 0, "1p", ic=0.0)
    before = c.tran(stop=1e-8, uic=True)
    c.tran(stop=1e-8, noise_fmax=1e9)
    assert np.array_equal(c.tran(stop=1e-8, uic=True).data, before.data)


AMPLIFIERS = {
    "divider and diode": "v1 s 0 1\nr1 s out 10k\nd1 out 0 dm\n.model dm d is=1e-14 rs=10 cjo=1n\n",
    "bipolar stage": (
        "v1 s 0 5\nrb s b 430k\nrc s out 1k\nq1 out b 0 qm\ncl out 0 20n\n.model qm npn bf=100 vaf=50 kf=1e-15 af=1\n"
    ),
    "mos stage": (
        "v1 s 0 3\nvg g 0 1.2\nrg g gg 100k\nrd s out 10k\nm1 out gg 0 0 mm w=20u l=2u\ncl out 0 2n\n"
        ".model mm nmos vto=0.7 kp=100u lambda=0.02 tox=20n kf=1e-26 af=1\n"
    ),
}


@pytest.mark.parametrize("deck", AMPLIFIERS.values(), ids=AMPLIFIERS)
def test_spectrum_is_that_of_noise(deck):
    """Welch's estimate in bands of the spectrum against .noise, within three deviations."""
    fmax, stop, segment = 1e6, 0.1, 2048
    results = cn.parse(
        f"amplifier\n{deck}.tran 10u {stop} noisefmax={fmax} noisefmin=100 noiseseed=7\n"
        f".noise v(out) v1 dec 20 100 1meg\n.end\n"
    ).run()
    noise = results.noise
    values = on_grid(results.tran, "v(out)", fmax)
    f, s, segments = spectrum(values - values.mean(), fmax, segment)
    exact = np.exp(np.interp(np.log(f[1:]), np.log(noise["frequency"]), 2.0 * np.log(noise["onoise_spectrum"])))
    for low, high in ((3e3, 1e4), (1e4, 3e4), (3e4, 1e5), (1e5, 2e5)):
        band = (f[1:] >= low) & (f[1:] < high)
        share = np.mean(s[1:][band] / exact[band])
        # straight lines take sinc^4 off, 6.5 % at the last band's end; three deviations of so many values beside
        assert abs(share - 1.0) < 3.0 / np.sqrt(segments * band.sum()) + 0.07 * (high / 2e5) ** 2 + 0.01


@pytest.mark.parametrize("exponent", [0.7, 1.0, 1.4])
def test_flicker_falls_as_its_power(exponent):
    """A voltage source drives 1 mA through a device whose noise current is 1e-12 A^2/Hz / f^e."""
    fmax, stop = 1e5, 2.0
    name = f"test_flicker_{round(10 * exponent)}"
    cn.register(flicker_device(name, exponent))
    c = cn.parse(f"flicker\nv1 a 0 1\nn1 a 0 m\n.model m {name}\n.end\n").circuit()
    r = c.tran(stop=stop, noise_fmax=fmax, noise_fmin=10.0, noise_seed=3, max_step=stop)
    values = on_grid(r, "i(v1)", fmax)
    f, s, segments = spectrum(values - values.mean(), fmax, 8192)
    band = (f > 100.0) & (f < 2e4)
    ratio = np.log(s[band] * f[band] ** exponent / 1e-12)
    slope, level = np.polyfit(np.log(f[band]) - np.log(1e3), ratio, 1, w=np.ones(band.sum()))
    deviation = 1.0 / np.sqrt(segments * band.sum())
    spread = np.std(np.log(f[band]))
    # the mean of the logarithm of an average of n exponentials is -1/(2 n)
    assert abs(slope) < 3.0 * deviation / spread + 0.005
    assert abs(level + 0.5 / segments) < 3.0 * deviation * 2.5 + 0.01


def flicker_device(name, exponent):
    class Flicker(Device):
        """A conductance of 1 mS with flicker noise."""

        model_types = (name,)
        g = Param(1e-3, "S", low=0.0, doc="conductance")
        level = Param(1e-12, "A^2/Hz", low=0.0, doc="density at 1 Hz")

        def equations(self):
            i = self.g * (self.p - self.n)
            return Equations(f={"p": i, "n": -i})

        def noise(self):
            return (Noise("flicker", "p", "n", self.level, exponent),)

    Flicker.name = name
    return Flicker


def test_flicker_stays_below_its_lowest_frequency():
    """The variance of 1/f noise is the logarithm of its band and some more: the rise ends near noise_fmin."""
    fmax, fmin = 1e5, 1e3
    cn.register(flicker_device("test_flicker_end", 1.0))
    c = cn.parse("flicker\nv1 a 0 1\nn1 a 0 m\n.model m test_flicker_end\n.end\n").circuit()
    r = c.tran(stop=2.0, noise_fmax=fmax, noise_fmin=fmin, noise_seed=3, max_step=2.0)
    values = on_grid(r, "i(v1)", fmax)
    f, s, _ = spectrum(values - values.mean(), fmax, 32768)
    flat = np.mean(s[(f > 15.0) & (f < 60.0)])
    assert 1e-12 / fmin < flat < 1e-11 / fmin  # the ladder's lowest pole lies at noise_fmin/5.6
    whole = np.var(values)
    assert 1e-12 * np.log(fmax / fmin) < whole < 1e-12 * (np.log(fmax / fmin) + 3.5)


def test_noise_follows_the_signal():
    """Shot noise of a diode with a 1 kHz current: its variance in each phase is 2 q i fmax, as the current is there."""
    fmax, periods = 5e5, 200
    deck = (
        "cyclostationary\ni1 0 a sin(1m 0.9m 1k)\nd1 a b dm\nv2 b 0 0\n"
        f".model dm d is=1e-15\n.tran 10u {periods}m noisefmax={fmax} noiseseed=5\n.end\n"
    )
    # all current is forced through the diode: its noise shows in its voltage, v = sqrt(S) rd
    r = cn.parse(deck).run().tran
    quiet = cn.parse(deck.replace(f" noisefmax={fmax} noiseseed=5", "").replace(f"{periods}m", "1m")).run().tran
    v = on_grid(r, "v(a)", fmax)
    spacing = 0.5 / fmax
    phase = (np.arange(1, len(v) + 1) * spacing * 1e3) % 1.0
    current = 1e-3 + 0.9e-3 * np.sin(2.0 * np.pi * phase)
    vt = 1.38064852e-23 * 300.15 / 1.6021766208e-19
    reference = vt * np.log1p(current / 1e-15)
    assert np.max(np.abs(np.interp(phase / 1e3, quiet["time"], quiet["v(a)"]) - reference)) < 2e-3 * reference.max()
    unit = np.diff(v - reference) / np.sqrt(2.0 * 1.6021766208e-19 * current[1:] * fmax) * current[1:] / vt
    # differences of neighbours, twice the variance, are free of what the model of the mean leaves out
    for low in np.arange(0.0, 1.0, 0.1):
        own = unit[(phase[1:] >= low) & (phase[1:] < low + 0.1)]
        assert np.mean(own**2) / 2.0 == pytest.approx(1.0, abs=3.0 * np.sqrt(3.0 / len(own)) + 0.02)


def test_a_checkpoint_goes_on():
    c = cn.Circuit("kT/C")
    c.R("1", "a", 0, "1k")
    c.C("1", "a", 0, "1p")
    given = {"noise_fmax": 5e9, "noise_fmin": 1e6, "noise_seed": 1, "step": 1e-8}
    whole = c.tran(stop=2e-7, **given)
    half = c.tran(stop=1e-7, **given)
    rest = c.tran(stop=2e-7, resume=half.checkpoint, **given)
    at = rest["time"]
    assert np.allclose(np.interp(at, whole["time"], whole["v(a)"]), rest["v(a)"], rtol=0, atol=1e-6)
    with pytest.raises(cn.CircuitnnError, match="without noise"):
        c.tran(stop=2e-7, resume=half.checkpoint)
    with pytest.raises(cn.CircuitnnError, match="noise from"):
        c.tran(stop=2e-7, resume=half.checkpoint, **{**given, "noise_fmin": 2e6})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"noise_fmin": 1e3}, "noise_fmax"),
        ({"noise_fmax": -1.0}, "positive"),
        ({"noise_fmax": 1e3, "noise_fmin": 1e4}, "no band"),
        ({"noise_fmax": 1e20}, "samples"),
        ({"noise_fmax": 1e6, "noise_seed": -1}, "noise_seed"),
    ],
)
def test_bad_numbers_are_refused(given, message):
    c = cn.Circuit("one")
    c.R("1", "a", 0, "1k")
    c.I("1", "a", 0, dc=1e-3)
    with pytest.raises(UsageError, match=message) as caught:
        c.tran(stop=1e-3, **given)
    assert caught.value.expected


@pytest.mark.parametrize("word", ["noisefmax=abc", "noisefmix=1g", "noisefmax=1g noiseseed=1.5"])
def test_bad_words_are_refused(word):
    with pytest.raises(cn.CircuitnnError, match="noise"):
        cn.parse(f"one\nr1 a 0 1k\ni1 a 0 1m\n.tran 1n 1u {word}\n.end\n").run()
