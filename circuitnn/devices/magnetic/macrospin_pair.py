"""Magnetic tunnel junction both of whose layers move: two coupled moments in one stack."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from circuitnn.devices.declare import Environment, Equations, Noise, Param, State, Values
from circuitnn.devices.magnetic.llg import AXES, STIFF, TINY, FreeLayer, Vector, anisotropy, dot, unit_vector
from circuitnn.devices.magnetism import MU0, spin_torque_field
from circuitnn.devices.symbolic import sqrt


class MacrospinPair(FreeLayer):
    """A ``macrospin`` whose fixed layer r moves by an equation of its own, under the opposite torque.

    A current from p to n pushes m towards r, and r away from m with a = hbar reta i / (2 e mu0 rms rt area
    (1 + chi m.r)). The field on m from r is (cx rx, cy ry, cz rz), that on r from m the same times
    ms t/(rms rt), so that both come from one energy: dipolar coupling of thin layers, or exchange. ``pin`` is the
    exchange bias of r along (px, py, pz). Oersted field, voltage and the field-like torque act on m alone.
    """

    model_types: ClassVar[tuple[str, ...]] = ("macrospin_pair",)
    links = (("p", "n", "resistive"),)
    derived: ClassVar[tuple[str, ...]] = (
        *FreeLayer.derived, "rtorque", "rrate", "rstiff", "bxx", "bxy", "bxz", "byy", "byz", "bzz", "msr",
    )  # fmt: skip

    rms = Param(8e5, "A/m", low=0.0, exclusive=True, doc="saturation magnetisation of r", source="a round number")
    rt = Param(4e-9, "m", low=0.0, exclusive=True, doc="thickness of r", source="a round number")
    ralpha = Param(0.02, "1", low=0.0, doc="damping of r", source="a round number")
    rhk = Param(0.0, "A/m", doc="uniaxial anisotropy field of r, along the easy axis of m")
    rnx = Param(0.0, "1", doc="demagnetising factor of r along x", source="thin film")
    rny = Param(0.0, "1", doc="the same along y", source="thin film")
    rnz = Param(1.0, "1", doc="the same along z", source="thin film")
    reta = Param(0.5, "1", doc="efficiency of the torque on r", source="a round number")
    pin = Param(0.0, "A/m", doc="exchange bias of r along the fixed direction")
    cx = Param(0.0, "A/m", doc="field on m of r along x")
    cy = Param(0.0, "A/m", doc="the same along y")
    cz = Param(0.0, "A/m", doc="the same along z")
    rx = State(1.0, "1", doc="direction of r, x (as that of m)", scale=0.1)
    ry = State(0.0, "1", doc="direction of r, y", scale=0.1)
    rz = State(0.0, "1", doc="direction of r, z", scale=0.1)

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return what the free layer has, and the same of the other one."""
        own = super().prepare(values, env)
        ms, t = values["rms"], values["rt"]
        area = own["msv"] / (MU0 * values["ms"] * values["t"])
        k = unit_vector(values, ("kx", "ky", "kz"), "easy axis")
        return {
            **own,
            "rtorque": spin_torque_field(1.0 / area, values["reta"], ms, t),
            "rrate": values["gamma0"] / (1.0 + np.square(values["ralpha"])),
            "rstiff": STIFF * values["gamma0"] * ms,
            "msr": MU0 * ms * area * t,
            **anisotropy("b", values["rhk"], k, ms, [values[f"rn{axis}"] for axis in AXES]),
        }

    def _polariser(self) -> Vector:
        r = (self.rx, self.ry, self.rz)
        scale = 1 / sqrt(dot(r, r) + TINY)
        return r[0] * scale, r[1] * scale, r[2] * scale

    def _other_field(self, p: Vector) -> Vector:
        return self.cx * p[0], self.cy * p[1], self.cz * p[2]

    def _own_field(self, n: Vector) -> Vector:
        """Return the field of shape and easy axis on r."""
        return (
            self.bxx * n[0] + self.bxy * n[1] + self.bxz * n[2],
            self.bxy * n[0] + self.byy * n[1] + self.byz * n[2],
            self.bxz * n[0] + self.byz * n[1] + self.bzz * n[2],
        )

    def _outer_field(self) -> Vector:
        """Return the applied field and exchange bias on r."""
        return self.hx + self.pin * self.qx, self.hy + self.pin * self.qy, self.hz + self.pin * self.qz

    def equations(self) -> Equations:
        """Return Ohm's law and Gilbert's equation of both layers."""
        m, r = (self.mx, self.my, self.mz), (self.rx, self.ry, self.rz)
        n, p = self._unit("", m), self._unit("r", r)
        i, cosine, rates = self._junction(n, p)
        a = self.let("ra", -self.rtorque * i / (1 + self.chi * cosine))
        back = self.let("ratio", self.msv / self.msr)
        outer, own, c = self._outer_field(), self._own_field(p), (self.cx, self.cy, self.cz)
        h = [outer[k] + own[k] + back * c[k] * n[k] for k in range(3)]
        rates += self._turning("r", r, p, h, a, n, (self.ralpha, self.rrate, self.rstiff))
        rows = self.state_rows(dict(zip(self.states, rates, strict=True)))
        return Equations(f={"p": i, "n": -i, **rows.f}, q=rows.q)

    def noise(self) -> tuple[Noise, ...]:
        """Return those of the free layer, and the thermal field on the other."""
        field = 4 * self.rrate * self.ralpha * self.kt / self.msr * (self.rx**2 + self.ry**2 + self.rz**2)
        return (*super().noise(), *(Noise(axis, axis, "", field) for axis in ("rx", "ry", "rz")))

    def readings(self) -> Equations:
        """Return those of the free layer, with the energy of both."""
        found = super().readings()
        p = self._polariser()
        outer, own = self._outer_field(), self._own_field(p)
        found.f["energy"] -= self.msr * dot(p, tuple(outer[k] + own[k] / 2 for k in range(3)))
        return found


EXPORT = MacrospinPair
