"""Magnetic tunnel junction whose free layer is one moment, by the Landau-Lifshitz-Gilbert equation."""

from __future__ import annotations

from typing import ClassVar

from circuitnn.devices.magnetic.llg import FreeLayer


class Macrospin(FreeLayer):
    """dm/dt = -gamma0 m x H + alpha m x dm/dt - gamma0 a m x (m x p) - gamma0 b m x p, |m| = 1; i = G(m.p, v) v.

    H is the applied field, hk (m.k) k, -Ms (nx mx, ny my, nz mz), (2 (ki - xi v/tox)/(mu0 Ms t)) mz along z, and
    oe i, the field of the current. A current from p to n pushes m towards the fixed layer p, with
    a = hbar eta i / (2 e mu0 Ms t area (1 + chi m.p)) (Slonczewski, J. Magn. Magn. Mater. 159, L1, 1996): chi = P^2
    and eta = P for a tunnel junction (Slonczewski, Phys. Rev. B 71, 024411, 2005),
    chi = (L^2 - 1)/(L^2 + 1) and eta = 2 P L^2/(L^2 + 1) for a metallic spin valve; b = beta a + bv v^2.

    The conductance is linear in m.p, or with law=1 the resistance is; tmr falls with the voltage as 1/(1 + (v/vh)^2).
    The fields depend on m/|m| alone, and |m| is drawn back to 1 within about 2/(gamma0 Ms), so that no integration
    rule wears it off. Noise: that of a tunnel barrier, and the thermal field (Brown, Phys. Rev. 130, 1677, 1963) as a
    random rate of each component: in the plane across m the two are the same.
    """

    model_types: ClassVar[tuple[str, ...]] = ("macrospin",)
    links = (("p", "n", "resistive"),)


EXPORT = Macrospin
