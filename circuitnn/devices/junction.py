"""What pn junctions of diodes and transistors share: the diffusion current, the depletion charge and the laws by which
they follow the temperature, with SPICE3's values (Nagel, UCB/ERL M520, 1975; Massobrio and Antognetti, Semiconductor
Device Modeling with SPICE, 1993, chapters 1 and 2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Values, require
from circuitnn.devices.symbolic import exp, where

_FLOOR = 1e-300


def diffusion(v: Any, nvt: Any, saturation: Any) -> Any:
    """Return IS (exp(v/nvt) - 1), beyond -3 nvt the cubic approach to -IS; 0 where there is no saturation current."""
    reverse = (3 * nvt / (v * exp(1))) ** 3
    return where(
        saturation <= 0, 0, v >= -3 * nvt, saturation * (exp(v / nvt) - 1), -saturation * (1 + reverse)
    )  # fmt: skip


def depletion(v: Any, c: Any, pot: Any, grade: Any, edge: Any, k: tuple[Any, Any, Any]) -> Any:
    """Return the depletion charge of a junction of ``c`` farads at 0 V, with its continuation above ``edge`` volts.

    ``k`` are the coefficients that `continuation` gives.
    """
    bent = 1 - v / pot
    return where(
        c <= 0,  # spares the power
        0,
        v < edge,
        c * pot * (1 - bent ** (1 - grade)) / (1 - grade),
        c * (k[2] + v * (k[0] + v * k[1] / 2)),
    )


def beside_one(grade: np.ndarray) -> np.ndarray:
    """Return grading coefficients that are not 1, where the power of the charge's law turns into a logarithm.

    Examples
    --------
    >>> beside_one(np.array([0.5, 1.0, 1.067])).tolist()
    [0.5, 0.99999999, 1.067]
    """
    return np.where(np.abs(1.0 - grade) < 1e-8, 1.0 - 1e-8, grade)


def continuation(suffix: str, fc: np.ndarray, grade: np.ndarray, pot: np.ndarray) -> Values:
    """Return the coefficients of the charge of 1 F beyond fc pot, k3 + v (k1 + v k2 / 2), smooth to the depletion law.

    Examples
    --------
    >>> k = continuation("", np.array(0.5), np.array(0.5), np.array(1.0))
    >>> round(float(k["k3"] + 0.5 * (k["k1"] + 0.25 * k["k2"])), 12) == round(2 * (1 - 0.5**0.5), 12)
    True
    """
    s = (1.0 - fc) ** -grade
    k1 = (1.0 - fc * (1.0 + grade)) * s / (1.0 - fc)
    k2 = grade * s / (1.0 - fc) / pot
    edge = fc * pot
    k3 = pot * (1.0 - (1.0 - fc) * s) / (1.0 - grade) - k2 / 2.0 * edge**2 - edge * k1
    return {f"k1{suffix}": k1, f"k2{suffix}": k2, f"k3{suffix}": k3}


def depletion_at(
    c: np.ndarray,
    pot: np.ndarray,
    grade: np.ndarray,
    temp: np.ndarray,
    tnom: np.ndarray,
    *,
    straight: np.ndarray,
    c_slope: np.ndarray,
    pot_slope: np.ndarray,
    since: np.ndarray,
    owner: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Return capacitance and potential of a junction at ``temp``: by silicon's laws, or by straight lines.

    Parameters
    ----------
    c, pot, grade : ndarray
        At ``tnom``, F, V and 1; all arrays have the shape (n,).
    straight : ndarray of bool
        Where TLEVC = 1: ``c (1 + c_slope dT)`` and ``pot - pot_slope dT`` with dT = temp - ``since``.
    owner : str
        For the message, "a diode".

    Raises
    ------
    DeviceError
        When a potential is not positive at its temperature.
    """
    d = temp - since
    grown = np.where(straight, c * (1.0 + c_slope * d), c * physics.junction_capacitance_factor(pot, grade, temp, tnom))
    moved = np.where(straight, pot - pot_slope * d, physics.junction_potential(pot, temp, tnom))
    require(
        (moved > 0.0) | (c == 0.0),
        f"a junction potential of {owner} is not positive at its temperature",
        expected="a junction potential above 0 V at that temperature",
        hint="lower the temperature or raise the potential",
    )
    return grown, np.where(moved > 0.0, moved, 1.0)


def critical_voltage(nvt: np.ndarray, saturation: np.ndarray) -> np.ndarray:
    """Return the voltage above which limiting sets in; without saturation current it is out of reach."""
    return nvt * np.log(nvt / (np.sqrt(2.0) * np.maximum(saturation, _FLOOR)))


def polynomial(slope: np.ndarray, curve: np.ndarray, dt: np.ndarray) -> np.ndarray:
    """Return 1 + slope dT + curve dT^2."""
    return 1.0 + slope * dt + curve * dt * dt
