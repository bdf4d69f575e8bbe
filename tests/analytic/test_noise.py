"""Noise against its formulas: 4kTR, shot noise, kT/C, flicker noise, and networks with several ports."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import CircuitError, NetlistError, UsageError

K, Q, T = 1.38064852e-23, 1.6021766208e-19, 300.15


def test_a_divider_has_the_noise_of_its_parallel_resistance():
    c = cn.Circuit("divider")
    c.V("in", "a", 0, dc=1.0)
    c.R("1", "a", "b", 1e3)
    c.R("2", "b", 0, 3e3)
    noise = c.noise("v(b)", "vin", 1.0, 1e6, 2, summary=1)
    np.testing.assert_allclose(noise["onoise_spectrum"], np.sqrt(4 * K * T * 750.0), rtol=1e-12)
    np.testing.assert_allclose(noise["inoise_spectrum"], np.sqrt(4 * K * T * 750.0) / 0.75, rtol=1e-12)
    np.testing.assert_allclose(noise["onoise_r1"], np.sqrt(4 * K * T / 1e3) * 750.0, rtol=1e-12)
    np.testing.assert_allclose(noise["onoise_r1_thermal"], noise["onoise_r1"])
    # a white density over the band: the integral is exact
    assert noise.totals["onoise_total"] == pytest.approx(np.sqrt(4 * K * T * 750.0 * (1e6 - 1.0)), rel=1e-12, abs=0.0)
    assert noise.totals["onoise_total_r2"] ** 2 + noise.totals["onoise_total_r1"] ** 2 == pytest.approx(
        noise.totals["onoise_total"] ** 2, rel=1e-12, abs=0.0
    )


@pytest.mark.parametrize("resistance", [10.0, 1e6])
def test_a_capacitor_gathers_kt_over_c_whatever_the_resistance(resistance):
    c = cn.Circuit("kT/C")
    c.V("in", "a", 0)
    c.R("1", "a", "b", resistance)
    c.C("1", "b", 0, 1e-12)
    corner = 1 / (2 * np.pi * resistance * 1e-12)
    noise = c.noise("v(b)", "vin", 1e-5 * corner, 1e6 * corner, 100)
    # beyond the ends of the band 1e-5 and 1e-6 of the power are missing; chords in log-log make 1e-5 at this density
    assert noise.totals["onoise_total"] ** 2 == pytest.approx(K * T / 1e-12, rel=5e-5, abs=0.0)


def test_a_diode_is_half_as_loud_as_its_resistance():
    """Shot noise 2qI across r = kT/(qI) is that of a resistance r at half the temperature."""
    c = cn.Circuit("shot")
    c.I("1", 0, "a", dc=1e-3)
    c.D("1", "a", 0, model="dm")
    c.model("dm", "d", is_=1e-14)
    r = K * T / Q / 1e-3
    noise = c.noise("v(a)", "i1", 1.0, 10.0, 1)
    # Newton's method stops at reltol = 1e-3, which leaves the square of the last step: below 1e-7
    np.testing.assert_allclose(noise["onoise_spectrum"] ** 2, 2 * K * T * r, rtol=1e-7)
    np.testing.assert_allclose(noise["inoise_spectrum"] ** 2, 2 * Q * 1e-3, rtol=1e-7)
    assert noise.variables[2].unit == "A/sqrt(Hz)"


def test_many_diodes_in_series_are_as_loud_as_all_together():
    """The mean squares of independent sources in series add; each diode is half as loud as its r = kT/(qI)."""
    count = 11
    c = cn.Circuit("chain")
    c.I("1", 0, "n0", dc=1e-3)
    for k in range(count):
        c.D(str(k), f"n{k}", f"n{k + 1}" if k + 1 < count else 0, model="dm")
    c.model("dm", "d", is_=1e-14)
    noise = c.noise("v(n0)", "i1", 1.0, 10.0, 1)
    r = K * T / Q / 1e-3
    # within the square of the last Newton step, as above
    np.testing.assert_allclose(noise["onoise_spectrum"] ** 2, count * 2 * K * T * r, rtol=1e-6)


def test_flicker_noise_gains_as_much_in_each_decade():
    c = cn.Circuit("flicker")
    c.I("1", 0, "a", dc=1e-3)
    c.R("1", "a", 0, 1e3, model="rm", noisy=1)
    c.model("rm", "r", kf=1e-10)
    noise = c.noise("v(a)", "i1", 1.0, 1e3, 3, summary=1)
    expected = 1e-10 * 1e-3 * 1e6
    np.testing.assert_allclose(noise["onoise_r1_1overf"] ** 2, expected / noise.frequency, rtol=1e-12)
    assert noise.totals["onoise_total_r1_1overf"] ** 2 == pytest.approx(expected * np.log(1e3), rel=1e-12, abs=0.0)


def test_a_current_is_an_output_too():
    c = cn.Circuit("current")
    c.V("in", "a", 0)
    c.R("1", "a", 0, 1e3)
    noise = c.noise("i(vin)", "vin", 1.0, 1.0, 1, "lin")
    assert noise["onoise_spectrum"][0] == pytest.approx(np.sqrt(4 * K * T / 1e3), rel=1e-12, abs=0.0)


def test_a_crossbar_has_the_noise_of_its_resistors():
    """One element against the same array resistor by resistor."""
    g = np.array([[1e-4, 3e-4, 2e-5], [2e-4, 1e-5, 4e-4]])
    whole, apart = cn.Circuit("block"), cn.Circuit("resistors")
    for c in (whole, apart):
        c.V("in", "x", 0, dc=0.1)
        c.R("in", "x", "r<0>", 200.0)
        c.R("other", "r<1>", 0, 500.0)
        for k in range(3):
            c.R(f"load{k}", f"c<{k}>", 0, 1e3 * (k + 1))
            c.C(f"load{k}", f"c<{k}>", 0, 1e-9)
    whole.model("xb", "crossbar", rword=10.0, rbit=20.0)
    whole.A("1", "r<0:1>", "c<0:2>", "xb", g=g)
    for i in range(2):
        for j in range(3):
            apart.R(f"w{i}{j}", f"r<{i}>" if j == 0 else f"w{i}{j - 1}", f"w{i}{j}", 10.0)
            apart.R(f"g{i}{j}", f"w{i}{j}", f"b{i}{j}", 1 / g[i, j])
            apart.R(f"b{i}{j}", f"b{i}{j}", f"c<{j}>" if i == 1 else f"b{i + 1}{j}", 20.0)
    ours, theirs = (c.noise("v(c<1>,c<0>)", "vin", 1.0, 1e7, 1) for c in (whole, apart))
    np.testing.assert_allclose(ours["onoise_spectrum"], theirs["onoise_spectrum"], rtol=1e-9)
    np.testing.assert_allclose(ours["inoise_spectrum"], theirs["inoise_spectrum"], rtol=1e-9)
    assert "onoise_a1_thermal" in whole.noise("v(c<1>)", "vin", 1.0, 1.0, 1, "lin", 1)
    assert not whole.warnings


def test_arrays_of_devices_are_named_where_their_noise_is_left_out():
    c = cn.Circuit("cells")
    c.V("in", "r<0>", 0, dc=0.1)
    c.R("1", "c<0>", 0, 1e3)
    c.model("xb", "crossbar", device="hfo2", rword=1.0, rbit=1.0)
    c.A("1", "r<0>", "c<0>", "xb")
    c.noise("v(c<0>)", "vin", 1.0, 10.0, 1)
    assert any("a1" in w and "noise" in w for w in c.warnings)


def rc():
    c = cn.Circuit("rc")
    c.V("in", "a", 0)
    c.R("1", "a", "b", 1e3)
    c.C("1", "b", 0, 1e-9)
    return c


def test_each_so_many_points_are_shown_and_all_are_summed():
    every, some = (rc().noise("v(b)", "vin", 1.0, 1e6, 10, summary=k) for k in (1, 4))
    np.testing.assert_array_equal(some.frequency, every.frequency[::4])
    assert some.totals["onoise_total"] == every.totals["onoise_total"]
    assert rc().noise("v(b)", "vin", 1.0, 1e6, 10).keys() == ["frequency", "onoise_spectrum", "inoise_spectrum"]


@pytest.mark.parametrize(
    ("args", "error", "match"),
    [
        (("v(nowhere)", "vin", 1.0, 10.0), CircuitError, "nowhere"),
        (("b", "vin", 1.0, 10.0), UsageError, "names no output"),
        (("v(b)", "vother", 1.0, 10.0), CircuitError, "vother"),
        (("v(b)", "vin", 10.0, 1.0), UsageError, "sweep"),
        (("v(b)", "vin", 1.0, 10.0, 10, "log"), UsageError, "spacing"),
        (("v(b)", "vin", 1.0, 10.0, 10, "dec", -1), UsageError, "summary"),
    ],
)
def test_what_cannot_be_asked_is_refused(args, error, match):
    with pytest.raises(error, match=match):
        rc().noise(*args)


@pytest.mark.parametrize("card", [".noise v(b) vin", ".noise v(b) vin log 1 1 10", ".noise v(b) vin dec x 1 10"])
def test_a_malformed_card_is_refused_with_its_grammar(card):
    with pytest.raises(NetlistError, match=r"POINTS_PER_SUMMARY"):
        cn.parse(f"t\nvin a 0 1\nr1 a b 1k\nr2 b 0 1k\n{card}\n").run()


def test_results_survive_a_raw_file(tmp_path):
    results = cn.parse("t\nvin a 0 1\nr1 a b 1k\nr2 b 0 1k\n.noise v(b) vin dec 1 1 100 1\n.tf v(b) vin\n").run()
    assert list(results) == ["noise1", "noise_total1", "tf1"]
    for name in ("a.raw", "a.h5"):
        results.save(tmp_path / name)
    from circuitnn.results.hdf5 import read_hdf5
    from circuitnn.results.rawfile import read_raw

    for back in (read_raw(tmp_path / "a.raw"), read_hdf5(tmp_path / "a.h5")):
        assert list(back) == list(results)
        for name, result in results.items():
            assert back[name].keys() == result.keys()
            np.testing.assert_array_equal(back[name].data, result.data)
