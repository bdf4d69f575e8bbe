"""Physical constants and the temperature laws that junctions share, with SPICE3's values."""

from __future__ import annotations

from typing import Any

import numpy as np

BOLTZMANN = 1.38064852e-23
CHARGE = 1.6021766208e-19
#: Temperature at which SPICE's silicon constants hold, K.
REFERENCE = 300.15


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
