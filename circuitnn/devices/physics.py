"""Physical constants and the temperature laws that junctions share, with SPICE3's values."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitnn.devices.declare import Environment, Values, require

BOLTZMANN = 1.38064852e-23
CHARGE = 1.6021766208e-19
PLANCK = 6.62607015e-34
ELECTRON_MASS = 9.1093837015e-31
VACUUM_PERMITTIVITY = 8.8541878128e-12
ZERO_CELSIUS = 273.15
#: Why the units of SPICE's semiconductors are not examined.
UNITLESS = "SPICE's equations, whose constants carry no units"
#: Temperature at which SPICE's silicon constants hold, K.
REFERENCE = 300.15


def ambient(values: Values, env: Environment) -> np.ndarray:
    """Return the temperature around each instance, K, shape (n,), from ``temp`` (degrees Celsius) and ``dtemp``."""
    return np.where(np.isnan(values["temp"]), env.temp + values["dtemp"], values["temp"] + ZERO_CELSIUS)


def temperatures(values: Values, env: Environment) -> tuple[np.ndarray, np.ndarray]:
    """Return the temperature of each instance and that of its parameters, K, each shape (n,).

    Reads the parameters ``temp`` and ``tnom`` (degrees Celsius) and ``dtemp``.
    """
    temp = ambient(values, env)
    tnom = np.where(np.isnan(values["tnom"]), env.tnom, values["tnom"] + ZERO_CELSIUS)
    require(
        (temp > 0.0) & (tnom > 0.0),
        "a temperature is not above absolute zero",
        expected=f"temp and tnom above {-ZERO_CELSIUS} degC",
        hint="temp and tnom are in degrees Celsius, dtemp is a difference",
    )
    return temp, tnom


def thermal_voltage(temp: Any) -> Any:
    """Return kT/q in volts.

    Examples
    --------
    >>> round(float(thermal_voltage(300.15)), 6)
    0.025865
    """
    return temp * (BOLTZMANN / CHARGE)


def band_gap(temp: Any) -> Any:
    """Return silicon's band gap in eV (SPICE3: 1.16 - 7.02e-4 T^2 / (T + 1108))."""
    return 1.16 - 7.02e-4 * temp * temp / (temp + 1108.0)


def _built_in_shift(temp: Any) -> Any:
    vt = thermal_voltage(temp)
    arg = -band_gap(temp) / (2.0 * vt) + 1.1150877 / (2.0 * thermal_voltage(REFERENCE))
    return -2.0 * vt * (1.5 * np.log(temp / REFERENCE) + arg)


def junction_potential(vj: Any, temp: Any, tnom: Any) -> Any:
    """Return a junction potential given at ``tnom`` (K), at ``temp`` (K)."""
    at_reference = (vj - _built_in_shift(tnom)) / (tnom / REFERENCE)
    return temp / REFERENCE * at_reference + _built_in_shift(temp)


def junction_capacitance_factor(vj: Any, mj: Any, temp: Any, tnom: Any) -> Any:
    """Return by how much a depletion capacitance given at ``tnom`` (K) changes at ``temp`` (K)."""
    at_reference = (vj - _built_in_shift(tnom)) / (tnom / REFERENCE)
    old = (vj - at_reference) / at_reference
    factor = 1.0 / (1.0 + mj * (4e-4 * (tnom - REFERENCE) - old))
    new = (junction_potential(vj, temp, tnom) - at_reference) / at_reference
    return factor * (1.0 + mj * (4e-4 * (temp - REFERENCE) - new))
