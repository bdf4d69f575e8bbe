"""Physical constants and formulas of spin transfer that devices and oscillator networks share, in SI units.

The macrospin obeys, with a unit vector m, field H (A/m), polariser p and torques a, b (A/m), Gilbert's form
dm/dt = -g0 m x H + alpha m x dm/dt - g0 a m x (m x p) - g0 b m x p: a > 0 pushes m towards p, b acts as a field b p.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitnn.devices.physics import BOLTZMANN, CHARGE

MU0 = 4e-7 * np.pi
HBAR = 1.054571817e-34
#: Gyromagnetic ratio of the free electron, rad/(s T).
GAMMA = 1.76085963e11
#: The same per A/m, m/(A s): mu0 GAMMA.
GAMMA0 = MU0 * GAMMA


def spin_torque_field(density: Any, efficiency: Any, ms: Any, thickness: Any) -> Any:
    """Return the amplitude a of the damping-like torque, A/m: hbar eta J / (2 e mu0 Ms t).

    Parameters
    ----------
    density : float or ndarray, A/m^2
        Current density J; positive drives m towards the polariser.
    efficiency : float or ndarray
        eta; OOMMF's and mumax's epsilon is eta / 2.
    ms, thickness : float or ndarray, A/m and m
        Saturation magnetisation and thickness of the free layer.

    Notes
    -----
    Slonczewski, J. Magn. Magn. Mater. 159, L1 (1996).

    Examples
    --------
    >>> round(float(spin_torque_field(1e11, 0.5, 8e5, 2e-9)), 2)
    8184.19
    """
    return HBAR * efficiency * density / (2.0 * CHARGE * MU0 * ms * thickness)


def thermal_field(damping: Any, temp: Any, ms: Any, volume: Any, step: Any, gamma0: Any = GAMMA0) -> Any:
    """Return the deviation of each component of the thermal field held over a time step, A/m.

    sqrt(2 alpha k T / (gamma0 mu0 Ms V dt)) (Brown, Phys. Rev. 130, 1677, 1963), in Stratonovich's sense.

    Parameters
    ----------
    damping, temp, ms, volume, step : float or ndarray
        alpha, T (K), Ms (A/m), V (m^3) and dt (s).
    gamma0 : float or ndarray, m/(A s)

    Examples
    --------
    >>> round(float(thermal_field(0.1, 300.0, 8e5, 6.2832e-25, 1e-12)), -1)
    76990.0
    """
    return np.sqrt(2.0 * damping * BOLTZMANN * temp / (gamma0 * MU0 * ms * volume * step))
