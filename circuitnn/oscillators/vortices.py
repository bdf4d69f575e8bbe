"""Magnetic vortices by the place of their cores (Thiele's equation)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from circuitnn.devices.magnetism import GAMMA0, MU0, spin_torque_field
from circuitnn.devices.physics import BOLTZMANN
from circuitnn.errors import UsageError
from circuitnn.oscillators.amplitudes import Amplitudes
from circuitnn.oscillators.population import Param
from circuitnn.oscillators.run import Array

_GUSLIENKO = "Guslienko et al., J. Appl. Phys. 91, 8037 (2002)"
_DUSSAUX = "form as in Dussaux et al., Phys. Rev. B 86, 014402 (2012)"


class Vortices(Amplitudes):
    """Cores of vortices in disks that a perpendicular polariser drives, to the third order in their distance.

    With s the distance of the core from the centre over the radius and G = 2 pi L mu0 Ms / g0,

        ds/dt = s (g0 a p_z / 2 - d w0 (1 + (zeta + xi) s^2)),   dphi/dt = w0 (1 + zeta s^2) + 2 pi oersted I,

    w0 = kappa / G, kappa = (10/9) mu0 Ms^2 L^2 / R of the disk, d = alpha (ln(R / 2 l_ex) / 2 + 3/8), l_ex the exchange
    length sqrt(2 A / mu0 Ms^2), and a the amplitude of the torque of the current density I / (pi R^2). The amplitude
    is c = s exp(-i phi).

    Parameters
    ----------
    n : int
    frame : float
        Hz, of the turning frame in which the equations are integrated.
    links : sequence of Linear, Common
    **parameters
        ms, radius, thickness, exchange, alpha, f0, zeta, xi, polariser, efficiency, oersted, current.

    Raises
    ------
    UsageError
        Besides what `Population` refuses: a disk whose radius is so small that d would not be above 0.

    Notes
    -----
    The equation holds well inside of the disk; a core that reaches s = 1 leaves it, which is not in the equation. The
    constant 3/8 in d differs among authors. Thermal noise is the force on the core that keeps kT/2 for each direction:
    D = 2 k T d (1 + xi s^2) / (G R^2).

    Examples
    --------
    >>> pop = Vortices(ms=1.28e6, radius=187.5e-9, thickness=6e-9, exchange=1.5e-11, alpha=0.005, zeta=0.25, xi=0.25)
    >>> round(float(pop.gyration[0]) / 1e6, 3), round(float(pop.critical_torque[0]), 3)
    (255.089, 143.096)
    """

    ms = Param(None, "A/m", low=0.0, exclusive=True, doc="saturation magnetisation")
    radius = Param(None, "m", low=0.0, exclusive=True, doc="radius of the disk")
    thickness = Param(None, "m", low=0.0, exclusive=True, doc="thickness of the free layer")
    exchange = Param(1.5e-11, "J/m", low=0.0, exclusive=True, doc="exchange stiffness", source="a round number")
    alpha = Param(0.01, "1", low=0.0, exclusive=True, doc="Gilbert damping", source="a round number")
    f0 = Param(0.0, "Hz", low=0.0, doc="frequency at the centre as measured; 0: of the disk", source=_GUSLIENKO)
    zeta = Param(0.0, "1", doc="nonlinearity of the stiffness", source=_DUSSAUX)
    xi = Param(0.0, "1", doc="nonlinearity of the damping", source=_DUSSAUX)
    polariser = Param(1.0, "1", low=-1.0, high=1.0, doc="perpendicular component p_z of the polariser")
    efficiency = Param(0.5, "1", doc="eta of the torque, see `spin_torque_field`")
    oersted = Param(0.0, "Hz/A", doc="shift of the frequency by the field of the current")
    current = Param(0.0, "A", doc="constant current")

    def _prepare(self) -> None:
        if not (self.drag > 0.0).all():
            raise UsageError("a disk is so small that its damping would not be above 0",
                             expected=f"a radius above {2 * np.exp(-0.75):.3f} exchange lengths")  # fmt: skip

    @property
    def gyrovector(self) -> Array:
        """G = 2 pi L mu0 Ms / g0, J s/m^2, (n,)."""
        return np.asarray(2.0 * np.pi * self.thickness * MU0 * self.ms / GAMMA0)

    @property
    def gyration(self) -> Array:
        """Frequency of a core near the centre without current, Hz, (n,)."""
        disk = 5.0 / (18.0 * np.pi**2) * GAMMA0 * self.ms * self.thickness / self.radius
        return np.where(self.f0 > 0.0, self.f0, disk)

    @property
    def stiffness(self) -> Array:
        """kappa = G w0, J/m^2, (n,)."""
        return np.asarray(2.0 * np.pi * self.gyration * self.gyrovector)

    @property
    def exchange_length(self) -> Array:
        """sqrt(2 A / mu0 Ms^2), m, (n,)."""
        return np.sqrt(2.0 * self.exchange / (MU0 * self.ms**2))

    @property
    def drag(self) -> Array:
        """d, damping over gyrovector, (n,)."""
        return np.asarray(self.alpha * (0.5 * np.log(self.radius / (2.0 * self.exchange_length)) + 0.375))

    @property
    def critical_torque(self) -> Array:
        """a_Jc = 2 d w0 / g0 for p_z = 1, A/m, (n,)."""
        return np.asarray(4.0 * np.pi * self.drag * self.gyration / GAMMA0)

    @property
    def threshold(self) -> Array:
        """Current at which the centre loses its stability, A, (n,); infinite without torque."""
        gain, rate = self._gain(), 2.0 * np.pi * self.drag * self.gyration
        return np.divide(rate, gain, out=np.full(self.n, np.inf), where=gain != 0.0)

    def _gain(self) -> Array:
        """g0 a p_z / 2 per ampere."""
        density = 1.0 / (np.pi * self.radius**2)
        torque = spin_torque_field(density, self.efficiency, self.ms, self.thickness)
        return np.asarray(0.5 * GAMMA0 * self.polariser * torque)

    def coefficients(self) -> Array:
        """Return the rows w0, w1, w2, g0, g1, g2 and, per ampere, gain, its saturation and frequency, (9, n)."""
        w0, gain, pull, none = 2.0 * np.pi * self.gyration, self._gain(), 2.0 * np.pi * self.oersted, np.zeros(self.n)
        loss = self.drag * w0
        return np.array(
            [w0 + pull * self.current, w0 * self.zeta, none, loss - gain * self.current, loss * (self.zeta + self.xi),
             none, gain, none, pull]
        )  # fmt: skip

    def diffusion(self, temp: ArrayLike | None = None) -> Array:
        """Return the strength of the white noise, (3, n): D0 + D1 p + D2 p^2 at a temperature."""
        thermal = 2.0 * BOLTZMANN * self._kelvin(temp) * self.drag / (self.gyrovector * self.radius**2)
        return np.array([thermal, thermal * self.xi, np.zeros(self.n)])
