"""The decks of netlists/spintronics: oscillators radiate, lock and synchronise, diodes multiply and add."""

from pathlib import Path

import numpy as np
import pytest

import circuitnn as cn

FOLDER = Path(__file__).resolve().parents[2] / "netlists" / "spintronics"


def run(name, **replaced):
    text = (FOLDER / f"{name}.cir").read_text()
    for old, new in replaced.items():
        assert f"{old}=" in text
        text = "\n".join(
            " ".join(f"{old}={new}" if word.startswith(f"{old}=") else word for word in line.split(" "))
            for line in text.split("\n")
        )
    return cn.parse(text).run()


def frequency(tran, element, late):
    """Slope of the phase after a time, Hz."""
    phase = np.unwrap(np.arctan2(tran[f"@{element}[y]"], tran[f"@{element}[x]"]))
    return abs(np.polyfit(tran.time[tran.time > late], phase[tran.time > late], 1)[0]) / (2 * np.pi)


def test_vortex_oscillator_radiates():
    """s^2 = (1.3 - 1)/(zeta + xi) = 0.4; f = f0 (1 + zeta s^2); P = (I dR)^2 R_L/(2 (R + R_L)^2), dR = R mr 2/3 s."""
    results = run("vortex_oscillator")
    tran = results.tran
    s2 = tran["@n1[x]"][-1] ** 2 + tran["@n1[y]"][-1] ** 2
    assert s2 == pytest.approx(0.4, rel=0.03)  # the current through the conductance that moves, second order in mr s
    # 1e-3: s^2 above, and 195 points a period (1e-4)
    assert frequency(tran, "n1", 300e-9) == pytest.approx(255.0893e6 * (1 + 0.25 * s2), rel=1e-3)
    swing = 6.03e-3 * 100.0 * 0.3 * 2.0 / 3.0 * np.sqrt(s2)
    # the choke and the capacitor take 2 % of the voltage, and the conductance moves by a tenth: second harmonic
    assert results.measures["power"] == pytest.approx(swing**2 * 50.0 / (2 * 150.0**2), rel=0.05)


def test_vortices_synchronise():
    tran = run("vortices_in_series").tran
    # locked, their frequencies are one; 1e-5 is what a phase that still settles by 0.1 rad in 0.8 us makes
    assert frequency(tran, "n1", 1.2e-6) == pytest.approx(frequency(tran, "n2", 1.2e-6), rel=1e-5)
    alone = run("vortices_in_series", force_x="1e7").tran
    apart = frequency(alone, "n2", 1.2e-6) - frequency(alone, "n1", 1.2e-6)
    assert apart == pytest.approx((257.6e6 - 255.0893e6) * 1.1, rel=0.1)  # 1 + zeta s^2, s^2 = 0.4


def test_injection_locks():
    """Adler's half range is F sqrt(1 + nu^2)/sqrt(p0)/2pi = 2.0 MHz at 20 uA: inside locked, at a quarter beating."""
    late = 0.4e-6
    assert frequency(run("injection_locking").tran, "n1", late) == pytest.approx(286e6, abs=2e4)
    free = run("injection_locking", amplitude="5u").tran
    # beats of sqrt(1 - 0.5^2) = 0.87 MHz are not yet averaged over half of one: the mean is far from the tone
    phase = np.unwrap(np.arctan2(free["@n1[y]"], free["@n1[x]"])) + 2 * np.pi * 286e6 * free.time
    assert np.ptp(phase[free.time > 0.1e-6]) > np.pi


def test_chains_multiply_and_add():
    """A diode gives mr r0 I^2/8 torque_f (w_e - w)/((alpha w)^2 + (w_e - w)^2) for each tone, times its polarity."""
    results = run("rf_synapses")

    def weight(resonance, tone):
        w, e = 2e6 * np.pi * resonance, 2e6 * np.pi * tone
        return 1e3 * (20e-6) ** 2 / 8.0 * 1e11 * (e - w) / ((0.01 * w) ** 2 + (e - w) ** 2)

    for name, chain in (("out1", [(99.0, 1), (131.3, -1)]), ("out2", [(101.0, 1), (130.0, -1)])):
        wanted = sum(sign * weight(f, tone) for f, sign in chain for tone in (100.0, 130.0))
        # counter-rotating terms are alpha = 1 % of the largest weight (0.4 mV), of four of them;
        # exp(-0.01 w 1 us) = 0.2 % is left of what begins
        assert results.measures[name] == pytest.approx(wanted, abs=0.04 * weight(99.0, 100.0))


def test_field_line_shows_kittels_resonance():
    ac = cn.load(FOLDER / "field_line_resonance.cir").run().ac
    peak = ac["frequency"].real[np.argmax(np.abs(ac["v(a)"]))]
    # S4 of the device reference; the grid is 14 MHz, and damping moves the peak by alpha^2 and less
    assert peak == pytest.approx(7.26021026e9, abs=20e6)


def test_memory_is_written_both_ways():
    tran = cn.load(FOLDER / "mtj_switching.cir").run().tran
    mz, ohm = (np.interp([0.9e-9, 19e-9, 34e-9], tran.time, tran[f"@n1[{name}]"]) for name in ("mz", "resistance"))
    assert mz[0] > 0.9 and mz[1] < -0.9 and mz[2] > 0.9
    # 4 kohm and twice that, by the cosine at rest
    assert ohm == pytest.approx([4e3, 8e3, 4e3], rel=0.05)
