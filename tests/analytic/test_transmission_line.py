"""Lossless lines against their closed forms."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.circuit.options import SimOptions
from circuitnn.errors import CircuitnnError

Z0, TD = 50.0, 1e-9


def line(source, rs=50.0, rl=50.0, **options):
    circuit = cn.Circuit("line", SimOptions(reltol=1e-6, vntol=1e-9, **options))
    circuit.V("1", "a", 0, **source)
    circuit.R("s", "a", "b", rs)
    circuit.T("1", "b", 0, "c", 0, Z0, TD)
    circuit.R("l", "c", 0, rl)
    return circuit


def test_a_matched_line_delays_and_does_nothing_else():
    run = line({"waveform": ("sin", 0, 1, "200meg")}).tran(stop=2e-8, max_step=5e-11)
    time = run["time"]
    sine = np.where(time > TD, 0.5 * np.sin(2 * np.pi * 2e8 * (time - TD)), 0.0)
    # Waves are parabolas between points 50 ps apart: (2 pi 2e8 5e-11)^3 / (9 sqrt 3) / 2 of the amplitude.
    np.testing.assert_allclose(run["v(c)"], sine, atol=1e-3 * 0.5)
    np.testing.assert_allclose(run["i(t1)"], run["v(b)"] / Z0, atol=1e-9)


def bounces(time, rs, rl, rise):
    """Voltage at the load of a ramp of height 1: a sum of delayed ramps, each a reflection smaller."""
    at_source, at_load = (rs - Z0) / (rs + Z0), (rl - Z0) / (rl + Z0)
    first = Z0 / (rs + Z0) * (1 + at_load)
    ramp = lambda t: np.clip(t / rise, 0.0, 1.0)  # noqa: E731
    return sum(first * (at_source * at_load) ** k * ramp(time - (2 * k + 1) * TD) for k in range(60))


@pytest.mark.parametrize(("rs", "rl"), [(10.0, 1e4), (25.0, 100.0), (200.0, 5.0), (50.0, 1e9)])
@pytest.mark.parametrize("method", ["trap", "gear", "trbdf2"])
def test_reflections_of_a_ramp(rs, rl, method):
    run = line({"waveform": ("pulse", 0, 1, 0, "0.1n", "0.1n", "1u", "2u")}, rs, rl, method=method).tran(stop=4e-8)
    # Corners are met exactly and waves are straight lines: only corners below the tolerances go unseen.
    np.testing.assert_allclose(run["v(c)"], bounces(run["time"], rs, rl, 1e-10), atol=2e-5)


def test_a_jump_arrives_as_one():
    run = line({"waveform": ("pwl", 0, 0, "2n", 0, "2n", 1)}, 25.0, 100.0).tran(stop=1e-8)
    sent = np.interp([2.9e-9, 3.001e-9, 5.1e-9], run["time"], run["v(c)"])
    np.testing.assert_allclose(sent, [0.0, 8 / 9, 8 / 9 * (1 - 1 / 9)], atol=1e-6)


def test_corners_die_out_with_their_reflections():
    # 400 corners, each reflected for ever: were all followed, the run would take some 400,000 points.
    run = line({"waveform": ("pulse", 0, 1, 0, "0.1n", "0.1n", "1.37n", "4.03n")}, 25.0, 100.0)
    assert len(run.tran(stop=4e-7, step=1e-9, max_step=1e-9)["time"]) < 40_000


def test_impedance_of_a_shorted_and_an_open_line():
    for rl, tangent in ((1e-3, True), (1e9, False)):
        circuit = cn.Circuit("stub")
        circuit.I("1", 0, "b", ac=1.0)
        circuit.T("1", "b", 0, "c", 0, Z0, TD)
        circuit.R("l", "c", 0, rl)
        circuit.R("b", "b", 0, 1e12)
        result = circuit.ac(1e7, 2e8, 7, "lin")
        angle = 2 * np.pi * result["frequency"].real * TD
        expected = 1j * Z0 * np.tan(angle) if tangent else -1j * Z0 / np.tan(angle)
        np.testing.assert_allclose(result["v(b)"], expected, rtol=1e-4, atol=2e-3)


def test_a_line_at_rest_is_a_pair_of_wires():
    point = line({"dc": 3.0}, 20.0, 40.0).op()
    assert point["v(b)"] == pytest.approx(2.0) and point["v(c)"] == pytest.approx(2.0)
    assert point["i(t1)"] == pytest.approx(0.05)


def test_a_delay_has_no_finite_set_of_poles():
    with pytest.raises(CircuitnnError, match="t1"):
        line({"dc": 1.0, "ac": 1.0}).pz("b", 0, "c", 0)


def test_runs_leave_nothing_behind():
    circuit = line({"dc": 1.0, "waveform": ("sin", 0, 1, "200meg")}, 25.0, 100.0)
    first = circuit.tran(stop=5e-9)
    assert circuit.op()["v(c)"] == pytest.approx(0.8)
    np.testing.assert_array_equal(circuit.tran(stop=5e-9)["v(c)"], first["v(c)"])


def test_a_thousand_delays_of_a_lossless_resonator_keep_their_energy():
    circuit = cn.Circuit("resonator", SimOptions(reltol=1e-6, vntol=1e-9))
    circuit.T("1", "b", 0, "c", 0, Z0, TD, ic_v1=1.0, ic_v2=1.0)
    circuit.R("b", "b", 0, 1e12)
    circuit.R("c", "c", 0, 1e12)
    run = circuit.tran(stop=1e-6, uic=True)
    np.testing.assert_allclose(run["v(c)"][1:], 1.0, atol=1e-6)


@pytest.mark.parametrize(
    "text", ["t1 a 0 b 0 td=1n", "t1 a 0 b 0 z0=50 td=0", "t1 a 0 b 0 z0=-1", "t1 a 0 b z0=1", "t1 a 0 b 0 z0=50 m=2"]
)
def test_lines_that_cannot_be(text):
    with pytest.raises(CircuitnnError):
        cn.parse(f"t\nv1 a 0 1\nr1 b 0 1\n{text}\n.op\n.end\n").run()


def test_lines_round_trip():
    circuit = line({"dc": 1.0})
    circuit.T("2", "c", 0, "d", "e", 75, f="100meg", nl=0.5, ic_v1=1, ic_i1=0.5, ic_v2=2, ic_i2=0.25)
    again = cn.parse(circuit.to_netlist()).circuit()
    assert again.elements["t1"].params == circuit.elements["t1"].params
    assert again.elements["t2"].params == circuit.elements["t2"].params
