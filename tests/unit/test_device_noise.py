"""Noise currents of devices: their kernels against the formulas, and declarations that cannot be right."""

import numpy as np
import pytest

from circuitnn.devices.declare import Device, Environment, Equations, Noise, Param
from circuitnn.devices.derive import derive
from circuitnn.devices.load import kernel_of
from circuitnn.errors import DeviceError
from circuitnn.registry import catalog

K, Q, T = 1.38064852e-23, 1.6021766208e-19, 300.15


def noise_of(name, u, lim=None, **given):
    """Densities and exponents by name, of one instance."""
    device = catalog("devices").get(name)
    kernel = kernel_of(device)
    values = {
        key: np.array([np.nan if p.default is None else p.default], dtype=float) for key, p in device.params.items()
    }
    values |= {key: np.array([value], dtype=float) for key, value in given.items()}
    prepared = device.prepare(values, Environment())
    p = np.array([prepared[key] for key in kernel.param_names])
    density, exponent = kernel.noise(np.array(u, dtype=float)[:, None], p, lim)
    return {
        key: (float(d), float(e)) for key, d, e in zip(kernel.noise_names, density[:, 0], exponent[:, 0], strict=True)
    }


def test_a_resistor_is_as_loud_as_johnson_says():
    found = noise_of("resistor", [2.0, 1.0], resistance=500.0, m=2.0)
    assert found["thermal"] == (pytest.approx(4 * K * T * 2 / 500.0, rel=1e-14, abs=0.0), 0.0)
    assert found["1overf"][0] == 0.0


def test_a_resistor_has_the_temperature_it_is_given():
    cold, hot = (noise_of("resistor", [0.0, 0.0], resistance=1e3, temp=t)["thermal"][0] for t in (27.0, 327.15))
    assert hot / cold == pytest.approx(600.3 / 300.15, rel=1e-12)
    assert noise_of("resistor", [0.0, 0.0], resistance=1e3, noisy=0.0)["thermal"][0] == 0.0


def test_flicker_noise_of_a_resistor_falls_with_its_area():
    given = {"resistance": 1e3, "kf": 1e-12, "af": 1.5, "ef": 1.2, "l": 10e-6, "w": 2e-6, "narrow": 0.1e-6}
    density, exponent = noise_of("resistor", [0.0, 1.0], **given)["1overf"]
    assert density == pytest.approx(1e-12 * 1e-3**1.5 / (10e-6 * 1.8e-6), rel=1e-12, abs=0.0)
    assert exponent == 1.2


def test_a_diode_has_shot_noise_of_its_current():
    lim = np.array([[0.6]])
    found = noise_of("diode", [0.7, 0.0, 0.6], lim, **{"is": 1e-14, "rs": 10.0, "kf": 1e-16, "af": 1.2})
    current = 1e-14 * np.expm1(0.6 / (K * T / Q)) + 1e-12 * 0.6
    assert found["id"][0] == pytest.approx(2 * Q * current, rel=1e-12, abs=0.0)
    assert found["1overf"] == (pytest.approx(1e-16 * current**1.2, rel=1e-12, abs=0.0), 1.0)
    assert found["rs"][0] == pytest.approx(4 * K * T / 10.0, rel=1e-14, abs=0.0)


def test_a_switch_has_the_noise_of_its_position():
    for position, resistance in ((0.0, 1e6), (1.0, 50.0)):
        found = noise_of("vswitch", [1.0, 0.0, 0.0, 0.0], np.array([[position]]), ron=50.0, roff=1e6)
        assert found[""][0] == pytest.approx(4 * K * T / resistance, rel=1e-12, abs=0.0)


class Base(Device):
    g = Param(1.0, "S", doc="conductance")

    def equations(self):
        i = self.g * (self.p - self.n)
        return Equations(f={"p": i, "n": -i})


def test_noise_at_an_unknown_that_is_none_is_refused():
    class Wrong(Base):
        def noise(self):
            return (Noise("thermal", "p", "inner", self.g),)

    with pytest.raises(DeviceError, match="'inner'"):
        derive(Wrong)


def test_noise_of_what_nothing_declares_is_refused():
    class Wrong(Base):
        def noise(self):
            return (Noise("thermal", "p", "n", self.hot),)

    with pytest.raises(DeviceError, match=r"self\.hot"):
        derive(Wrong)


def test_parameters_of_noise_alone_reach_the_kernel():
    class Loud(Base):
        level = Param(1e-20, "A^2/Hz", doc="density")

        def noise(self):
            return (Noise("own", "p", "n", self.level),)

    assert derive(Loud).params == ["g", "level"]
