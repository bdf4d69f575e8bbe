"""Electrochemical synapse: charges, linearity, open-circuit voltage, retention, energy a step."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import circuitnn as cn
from circuitnn.circuit.options import SimOptions
from circuitnn.devices.cards import CARDS


def driven(waveform, stop, x=0.5, current=False, options=None, max_step=None, **model):
    """Gate driven by a voltage or a current, drain and source grounded."""
    circuit = cn.Circuit("ecram", options or SimOptions(reltol=1e-6, abstol=1e-18))
    if current:
        circuit.I("g", 0, "g", dc=0.0, waveform=waveform)
    else:
        circuit.V("g", "g", 0, dc=0.0, waveform=waveform)
    circuit.V("d", "d", 0, dc=0.0)
    circuit.model("li", "ecram", **model)
    circuit.N("1", "d", "g", 0, model="li", x=x)
    return circuit.tran(stop=stop, max_step=max_step)


def steps(tran, period, count):
    return np.diff(np.interp(np.arange(count + 1) * period, tran.time, tran["@n1[x]"]))


def test_current_pulses_are_linear_and_symmetric():
    """Up to 1000 states, linear in the charge (Tang et al., IEDM 2018): each pulse of 10 fC is 1/1000 of the range."""
    up = driven(("pulse", 0.0, 1e-6, 1e-9, 1e-9, 1e-9, 9e-9, 100e-9), 40 * 100e-9, x=0.2, current=True, tau=1e30)
    down = driven(("pulse", 0.0, -1e-6, 1e-9, 1e-9, 1e-9, 9e-9, 100e-9), 40 * 100e-9, x=0.8, current=True, tau=1e30)
    # the charge of a trapezium of 1 uA, 9 ns and edges of 1 ns is 10 fC; reltol in each step
    np.testing.assert_allclose(steps(up, 100e-9, 40), 1e-3, rtol=1e-4)
    np.testing.assert_allclose(steps(down, 100e-9, 40), -1e-3, rtol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(1e-6, 5e-9), (2e-6, 5e-9), (1e-6, 50e-9)])
def test_steps_scale_with_height_and_width(height, width):
    """Linear in amplitude, width and charge, down to 5 ns (abstract of Tang et al. 2018)."""
    tran = driven(("pulse", 0.0, height, 1e-9, 1e-11, 1e-11, width, 1.0), 10 * width, current=True)
    assert tran["@n1[x]"][-1] - 0.5 == pytest.approx(height * (width + 1e-11) / 1e-11, rel=1e-4)


def test_voltage_pulses_shrink_with_the_state():
    """Steps by voltage are those of a linear-step device: dx = step (1 - slope x), up and down of different slopes."""
    period, height = 1e-6, 1.0
    tran = driven(("pulse", 0.0, height, 0.0, 1e-9, 1e-9, 100e-9, period), 20 * period, x=0.2, tau=1e30)
    taken = steps(tran, period, 20)
    # between pulses the gate stands at 0 V, and the cell runs back towards 0 V through its electrolyte
    assert taken[0] > taken[-1]
    slope, step = np.polyfit(np.interp(np.arange(20) * period, tran.time, tran["@n1[x]"]), taken, 1)
    cell = 1e7 * 1e-11 / 0.1  # rion qmax/span: the time constant of the cell at a fixed gate voltage
    assert slope == pytest.approx(-period / cell, rel=2e-3)
    assert step == pytest.approx(height * 101e-9 / (1e7 * 1e-11) + 0.5 * period / cell, rel=2e-3)


def test_against_an_independent_integration():
    period, top = 1e-6, 30.0

    def rate(t, x):
        cell = (top * np.sin(2 * np.pi * t / period) - 0.1 * (x - 0.5)) / 1e7
        return cell / 1e-11 + (0.5 - x) / 2e-6

    reference = solve_ivp(rate, (0, 2.3 * period), [0.4], rtol=1e-11, atol=1e-13, max_step=1e-8)
    tran = driven(
        ("sin", 0.0, top, 1 / period),
        2.3 * period,
        x=0.4,
        tau=2e-6,
        options=SimOptions(reltol=1e-9),
        max_step=period / 20000,
    )
    # trapezoidal rule: (2 pi/20000)^2/12 = 1e-8 of slopes of order 1
    assert tran["@n1[x]"][-1] == pytest.approx(reference.y[0, -1], abs=1e-6)


def test_retention_without_a_gate_circuit():
    """An open gate holds the charge but for the cell's own discharge, x - xr ~ exp(-t/tau)."""
    tran = driven(("pwl", 0.0, 0.0), 3e7, x=0.9, current=True)
    np.testing.assert_allclose(tran["@n1[x]"] - 0.5, 0.4 * np.exp(-tran.time / 1e7), atol=1e-4)


def test_gate_shows_the_state_at_rest():
    """The open-circuit voltage rises with the charge: span from bound to bound."""
    for x in (0.0, 0.25, 1.0):
        tran = driven(("pwl", 0.0, 0.0), 1e-6, x=x, current=True)
        # its own discharge of qmax/tau through the electrolyte is (x - 1/2) rion qmax/tau = 5 pV
        assert tran["v(g)"][-1] == pytest.approx(0.1 * (x - 0.5), abs=1e-9)


def test_channel_reads_the_state():
    circuit = cn.Circuit("read")
    circuit.V("d", "d", 0, dc=0.1)
    circuit.R("g", "g", 0, 1e12)
    circuit.N("1", "d", "g", 0, model="ecram", x=0.3)
    # the state lets the gate float near its open-circuit voltage: what it draws is that over 1 Tohm
    assert -circuit.op()["i(vd)"] / 0.1 == pytest.approx(1e-6 + 9e-6 * 0.3, rel=1e-6)


@pytest.mark.parametrize("reltol", [1e-5, 1e-2])
@pytest.mark.parametrize("height", [1e-6, 1e-3])
def test_full_and_empty_cells_take_no_more(reltol, height):
    """At the bounds the gate's current is what is left of it: charge in is charge stored, at any step size."""
    circuit = cn.Circuit("full", SimOptions(reltol=reltol))
    circuit.V("g", "s", 0, dc=0.0, waveform=("pulse", -1e7 * height, 1e7 * height, 0.0, 1e-9, 1e-9, 30e-6, 60e-6))
    circuit.V("m", "s", "g", dc=0.0)
    circuit.N("1", 0, "g", 0, model="ecram", x=0.5)
    tran = circuit.tran(stop=120e-6)
    assert tran["@n1[x]"].min() >= -1.001e-6 and tran["@n1[x]"].max() <= 1 + 1.001e-6
    assert tran["@n1[x]"].max() > 0.99 and tran["@n1[x]"].min() < 0.01
    full = np.searchsorted(tran.time, 25e-6)
    assert abs(tran["i(vm)"][full]) < 0.01 * height


def test_organic_synapse_of_the_card():
    """More than 500 states within about 1 V at below 10 pJ each (van de Burgt et al., Nat. Mater. 16, 414, 2017)."""
    card = CARDS["enode"].model.params
    states, period = 500, 1e-3
    circuit = cn.Circuit("enode", SimOptions(reltol=1e-6))
    circuit.I(
        "g", 0, "g", dc=0.0, waveform=("pulse", 0.0, card["qmax"] / states / 20e-6, 0.0, 1e-9, 1e-9, 20e-6, period)
    )
    circuit.N("1", 0, "g", 0, model="enode", x=0.1)
    tran = circuit.tran(stop=100 * period)
    taken = steps(tran, period, 100)
    np.testing.assert_allclose(taken, 1 / states, rtol=1e-3)  # linear over a fifth of the range, leaks of 1e-8 a step
    # energy of a step at the far end of the range, electrolyte included: q (span + rion i) is less than 10 pJ
    assert card["qmax"] / states * card["span"] < 10e-12
