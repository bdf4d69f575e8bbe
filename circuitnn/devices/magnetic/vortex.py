"""Vortex spin-torque oscillator: a core that gyrates in its disk by Thiele's equation."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Device, Environment, Equations, Noise, Param, State, Values
from circuitnn.devices.magnetism import GAMMA0, MU0, spin_torque_field
from circuitnn.devices.symbolic import sqrt, where

_DISK = "disk of FeB of the usual size, round numbers"
_LEFT = "left to the disk"
_ROUND = "a round number"
#: Distance from the centre over the radius, squared, above which the torque fades to nothing at the edge.
_FADE = 0.64


class Vortex(Device):
    """ds/dt = s d w0 (P i/i_th fade(s) - 1 - (zeta + xi) s^2), dphi/dt = P (w0 (1 + zeta s^2) + 2 pi oe c i).

    s and phi are the polar coordinates of the core (x, y) over the radius of the disk, P is the ``polarity``, c the
    ``chirality``: Thiele's equation for a perpendicular polariser at small damping d, with the stiffness rising as
    1 + zeta s^2, damping as 1 + xi s^2 and the Oersted field of the current (Guslienko et al., J. Appl. Phys. 91, 8037,
    2002; Dussaux et al., Phys. Rev. B 86, 014402, 2012). The torque fades between s = 0.8 and 1, so that the core
    stays in the disk; what expels or reverses it is not part of the model. A current also pushes the core, by what the
    in-plane polariser does: force_x and force_y times i, which RF currents injected at w0 act through.

    The conductance is (1 + mr lever c y) / r0: the mean magnetisation lies across the displacement, and is lever times
    it (2/3 of two-vortex cores, recalled from Guslienko).

    Not given, f0, damping, i_th and stiffness are those of a disk: w0 = (5/9pi) gamma0 Ms t/R, d = alpha
    (log(R/2 l_ex)/2 + 3/8), l_ex^2 = 2 A/(mu0 Ms^2), d w0 = gamma0 a_J/2 with the spin torque
    a_J = hbar pol i_th / (2e mu0 Ms t pi R^2), and stiffness (10/9) mu0 Ms^2 t^2 R, which is kappa R^2 (the constant
    3/8 of the damping varies between authors). Noise: that of the resistance, and a force with
    <x^2> = kT / stiffness at rest.
    """

    model_types: ClassVar[tuple[str, ...]] = ("vortex",)
    links = (("p", "n", "resistive"),)
    passive = True
    derived = ("kt",)
    derived_units: ClassVar[dict[str, str]] = {"kt": "J"}

    r0 = Param(100.0, "ohm", low=0.0, exclusive=True, doc="resistance with the core in the middle", source=_ROUND)
    mr = Param(0.3, "1", low=0.0, high=0.95, doc="change of conductance over 1/r0, saturated in plane", source=_ROUND)
    lever = Param(2.0 / 3.0, "1", low=0.0, high=1.0, doc="mean magnetisation by displacement", source="recalled")
    f0 = Param(None, "Hz", low=0.0, exclusive=True, doc="frequency of small gyration", source=_LEFT)
    damping = Param(None, "1", low=0.0, exclusive=True, doc="d, damping over gyrovector", source=_LEFT)
    i_th = Param(None, "A", low=0.0, exclusive=True, doc="threshold current", source=_LEFT)
    stiffness = Param(None, "J", low=0.0, exclusive=True, doc="energy kappa R^2; s^2/2 of it is stored", source=_LEFT)
    zeta = Param(0.25, "1", low=0.0, doc="rise of the stiffness with s^2", source=_ROUND)
    xi = Param(0.5, "1", low=0.0, doc="rise of the damping with s^2", source=_ROUND)
    oe = Param(0.0, "Hz/A", doc="frequency by the Oersted field of the current, for chirality 1")
    polarity = Param(1.0, "1", choices=(-1.0, 1.0), doc="direction of the core")
    chirality = Param(1.0, "1", choices=(-1.0, 1.0), doc="sense of the magnetisation around it")
    force_x = Param(0.0, "1/(A s)", doc="velocity that a current gives the core, along x")
    force_y = Param(0.0, "1/(A s)", doc="the same along y")
    ms = Param(1.28e6, "A/m", low=0.0, exclusive=True, doc="saturation magnetisation of the disk", source=_DISK)
    t = Param(6e-9, "m", low=0.0, exclusive=True, doc="thickness", source=_DISK)
    radius = Param(187.5e-9, "m", low=0.0, exclusive=True, doc="radius", source=_DISK)
    a_ex = Param(1.5e-11, "J/m", low=0.0, exclusive=True, doc="exchange stiffness", source=_DISK)
    alpha = Param(0.005, "1", low=0.0, exclusive=True, doc="Gilbert damping", source=_DISK)
    pol = Param(0.1, "1", low=0.0, exclusive=True, high=1.0, doc="spin efficiency, perpendicular part", source=_ROUND)
    x = State(0.01, "1", doc="position of the core over the radius", scale=0.1)
    y = State(0.0, "1", doc="position of the core over the radius, across", scale=0.1)

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return what was given, and of the rest what the disk says."""
        ms, t, radius = values["ms"], values["t"], values["radius"]
        exchange = np.sqrt(2.0 * values["a_ex"] / MU0) / ms
        f0 = 5.0 / (18.0 * math.pi**2) * GAMMA0 * ms * t / radius
        f0 = np.where(np.isnan(values["f0"]), f0, values["f0"])
        damping = values["alpha"] * (0.5 * np.log(np.maximum(radius / (2.0 * exchange), 1.0)) + 0.375)
        damping = np.where(np.isnan(values["damping"]), damping, values["damping"])
        torque = 0.5 * GAMMA0 * spin_torque_field(1.0 / (math.pi * radius**2), values["pol"], ms, t)
        own = {
            "f0": f0,
            "damping": damping,
            "i_th": 2.0 * math.pi * f0 * damping / torque,
            "stiffness": 10.0 / 9.0 * MU0 * ms**2 * t**2 * radius,
        }
        found = {name: np.where(np.isnan(values[name]), value, values[name]) for name, value in own.items()}
        return {**values, **found, "kt": np.full_like(ms, physics.BOLTZMANN * env.temp)}

    def _conductance(self) -> Any:
        u = self.x**2 + self.y**2
        mean = self.lever * self.chirality * where(u < 1, self.y, self.y / sqrt(u))
        return (1 + self.mr * mean) / self.r0

    def equations(self) -> Equations:
        """Return Ohm's law and Thiele's equation."""
        i = (self.p - self.n) * self._conductance()
        u = self.let("u", self.x**2 + self.y**2)
        z = (u - _FADE) / (1 - _FADE)
        fade = where(u <= _FADE, 1, u < 1, (1 - z) ** 2 * (1 + 2 * z), 0)
        w0 = 2 * math.pi * self.f0
        growth = self.damping * w0 * (self.polarity * i / self.i_th * fade - 1 - (self.zeta + self.xi) * u)
        turn = self.polarity * (w0 * (1 + self.zeta * u) + 2 * math.pi * self.oe * self.chirality * i)
        rows = self.state_rows(
            {
                "x": growth * self.x - turn * self.y + self.force_x * i,
                "y": turn * self.x + growth * self.y + self.force_y * i,
            }
        )
        return Equations(f={"p": i, "n": -i, **rows.f}, q=rows.q)

    def noise(self) -> tuple[Noise, ...]:
        """Return the noise of the resistance and the thermal force on the core."""
        u = self.x**2 + self.y**2
        force = 8 * math.pi * self.f0 * self.damping * (1 + self.xi * u) * self.kt / self.stiffness
        return (
            Noise("thermal", "p", "n", 4 * self.kt * self._conductance()),
            Noise("x", "x", "", force),
            Noise("y", "y", "", force),
        )

    def readings(self) -> Equations:
        """Return the distance of the core from the middle, squared, and the resistance."""
        return Equations(f={"radius2": self.x**2 + self.y**2, "resistance": 1 / self._conductance()})


EXPORT = Vortex
