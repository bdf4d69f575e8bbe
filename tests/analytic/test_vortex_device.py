"""The vortex oscillator in a circuit against Thiele's equation in normal form."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.devices.declare import Environment
from circuitnn.registry import catalog


def prepared(**given):
    device = catalog("devices").get("vortex")
    usual = {name: np.array([np.nan if p.default is None else p.default]) for name, p in device.params.items()}
    values = device.prepare({**usual, **{k: np.array([v]) for k, v in given.items()}}, Environment())
    return {name: float(value[0]) for name, value in values.items()}


def test_disk():
    """Anchors of an FeB disk: 255.089 MHz, d = 9.87778e-3, a_Jc = 143.096 A/m, 63.16 ns (rounded as given)."""
    v = prepared()
    assert v["f0"] == pytest.approx(255.089e6, rel=2e-6)
    assert v["damping"] == pytest.approx(9.87778e-3, rel=1e-6)
    rate = 2 * np.pi * v["f0"] * v["damping"]
    assert 1 / rate == pytest.approx(63.16e-9, rel=1e-4)
    assert v["stiffness"] == pytest.approx(4.392265e-4 * 187.5e-9**2, rel=1e-6, abs=0.0)
    from circuitnn.devices.magnetism import spin_torque_field

    density = v["i_th"] / (np.pi * 187.5e-9**2)
    assert spin_torque_field(density, 0.1, 1.28e6, 6e-9) == pytest.approx(143.096, rel=1e-5)


@pytest.mark.parametrize("polarity", [1.0, -1.0])
def test_growth_to_the_limit_cycle(polarity):
    """s^2 = s_inf^2/(1 + (s_inf^2/s0^2 - 1) exp(-2 A t)): S19; the core goes around by its polarity."""
    v = prepared()
    c = cn.Circuit("vortex")
    c.I("1", 0, "a", dc=1.3 * v["i_th"] * polarity)
    c.model("m", "vortex", polarity=polarity)
    c.N("1", "a", 0, model="m", x=0.1)
    r = c.tran(stop=300e-9, max_step=1 / v["f0"] / 300)
    rate, bend = 0.3 * 2 * np.pi * v["f0"] * v["damping"], 0.25 + 0.5
    u = 0.3 / bend
    exact = u / (1 + (u / 0.01 - 1) * np.exp(-2 * rate * r.time))
    s2 = r["@n1[x]"] ** 2 + r["@n1[y]"] ** 2
    # reltol 1e-3 of steps; the trapezoidal rule at 300 points shifts the growth by (2 pi/300)^2/4
    np.testing.assert_allclose(s2, exact, rtol=4e-3)
    phase = np.unwrap(np.arctan2(r["@n1[y]"], r["@n1[x]"]))
    turned = np.trapezoid(2 * np.pi * v["f0"] * (1 + 0.25 * exact), r.time)
    assert polarity * phase[-1] == pytest.approx(turned, rel=1e-3)


def test_the_core_stays_in_the_disk():
    v = prepared()
    c = cn.Circuit("vortex")
    c.I("1", 0, "a", dc=10 * v["i_th"])
    c.N("1", "a", 0, model="vortex", x=0.1)
    r = c.tran(stop=100e-9)
    assert 0.8 < np.hypot(r["@n1[x]"], r["@n1[y]"]).max() < 1.0
