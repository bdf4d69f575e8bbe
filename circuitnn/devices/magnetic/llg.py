"""The free layer of a tunnel junction as one moment: what the macrospin devices share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Device, Environment, Equations, Noise, Param, State, Values, require
from circuitnn.devices.magnetism import GAMMA0, MU0, spin_torque_field
from circuitnn.devices.symbolic import magnitude, sqrt, tanh, where

_ARM = "Arm's MRAM simulation framework"
_ROUND = "a round number"
_UMN = "SPICE model of the University of Minnesota (Kim et al., CICC 2015)"
#: What keeps 1/|m| finite where an iterate of Newton's method passes m = 0.
TINY = 1e-12
#: The restoring rate of |m| over gamma0 Ms.
STIFF = 0.5
AXES = ("x", "y", "z")

Vector = tuple[Any, Any, Any]


def cross(a: Vector, b: Vector) -> Vector:
    """Return a x b.

    Examples
    --------
    >>> cross((1, 0, 0), (0, 1, 0))
    (0, 0, 1)
    """
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def dot(a: Vector, b: Vector) -> Any:
    """Return a . b.

    Examples
    --------
    >>> dot((1, 2, 3), (1, 0, 2))
    7
    """
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def tunnel_conductance(v: Any, cosine: Any, rp: Any, tmr: Any, vh: Any, law: Any) -> Any:
    """Return the conductance of a junction, S: linear in the cosine (``law`` 0), or its inverse is (1).

    tmr falls with the voltage as 1/(1 + (v/vh)^2); both laws give 1/rp at cosine 1 and 1/(rp (1 + tmr)) at -1
    (Slonczewski, Phys. Rev. B 39, 6995, 1989).

    Examples
    --------
    >>> tunnel_conductance(0.0, 0.0, 1.0, 1.0, 1.0, 0.0), round(tunnel_conductance(0.0, 0.0, 1.0, 1.0, 1.0, 1.0), 4)
    (0.75, 0.6667)
    """
    part = (1 - cosine) / 2
    fall = 1 + (v / vh) ** 2
    return (fall + tmr * (1 - law) * (1 - part)) / (fall + tmr * (1 - law + law * part)) / rp


def unit_vector(values: Values, names: Sequence[str], what: str) -> list[np.ndarray]:
    """Return a direction with length 1; parts not given (NaN) are 0, and where none is given it is x.

    Raises
    ------
    DeviceError
        When it has no direction.

    Examples
    --------
    >>> given = {"kx": np.array([np.nan]), "ky": np.array([np.nan]), "kz": np.array([2.0])}
    >>> [float(c[0]) for c in unit_vector(given, ("kx", "ky", "kz"), "axis")]
    [0.0, 0.0, 1.0]
    """
    given = np.array([values[name] for name in names])
    none = np.isnan(given).all(axis=0)
    parts = np.nan_to_num(given)
    parts[0] = np.where(none, 1.0, parts[0])
    length = np.sqrt((parts**2).sum(axis=0))
    require(length > 0.0, f"the {what} has no direction", expected="a vector other than zero", hint=f"set {names[0]}")
    return list(parts / length)


def anisotropy(prefix: str, hk: Any, k: Sequence[Any], ms: Any, factors: Sequence[Any]) -> Values:
    """Return the field of easy axis and shape as a symmetric matrix, A/m: hk k k - Ms N, upper half by name.

    Examples
    --------
    >>> anisotropy("a", 2.0, (1.0, 0.0, 0.0), 3.0, (0.0, 0.0, 1.0))["azz"]
    -3.0
    """
    return {
        f"{prefix}{AXES[i]}{AXES[j]}": hk * k[i] * k[j] - (ms * factors[i] if i == j else 0.0)
        for i in range(3)
        for j in range(i, 3)
    }


class FreeLayer(Device):
    """Parameters, states and equations of a junction with one moment; terminals p and n carry its current."""

    passive = True
    derived: ClassVar[tuple[str, ...]] = (
        "torque", "rate", "stiff", "axx", "axy", "axz", "ayy", "ayz", "azz", "vcma", "msv", "kt", "qx", "qy", "qz",
    )  # fmt: skip

    rp = Param(1e3, "ohm", low=0.0, exclusive=True, doc="resistance, m along the fixed layer, no bias", source=_ROUND)
    tmr = Param(1.0, "1", low=0.0, doc="(rap - rp)/rp at no voltage", source=_ROUND)
    vh = Param(0.65, "V", low=0.0, exclusive=True, doc="voltage at which tmr is halved", source=_UMN)
    law = Param(0.0, "1", choices=(0.0, 1.0), doc="linear in the cosine: 0 conductance, 1 resistance")
    ms = Param(8e5, "A/m", low=0.0, exclusive=True, doc="saturation magnetisation of the free layer", source=_ROUND)
    alpha = Param(0.01, "1", low=0.0, doc="Gilbert damping", source=_ARM)
    gamma0 = Param(GAMMA0, "m/(A s)", low=0.0, exclusive=True, doc="gyromagnetic ratio", source="free electron")
    t = Param(2e-9, "m", low=0.0, exclusive=True, doc="thickness of the free layer", source=_ROUND)
    diameter = Param(100e-9, "m", low=0.0, exclusive=True, doc="diameter, of which the area is made", source=_ROUND)
    area = Param(None, "m^2", low=0.0, exclusive=True, doc="area", source="of the diameter")
    nx = Param(0.0, "1", doc="demagnetising factor along x", source="thin film")
    ny = Param(0.0, "1", doc="the same along y", source="thin film")
    nz = Param(1.0, "1", doc="the same along z, the normal", source="thin film")
    hk = Param(0.0, "A/m", doc="uniaxial anisotropy field, 2 K/(mu0 Ms)")
    kx = Param(None, "1", doc="easy axis, x (of any length; parts not given are 0)", source="x")
    ky = Param(None, "1", doc="the same, y", source="x")
    kz = Param(None, "1", doc="the same, z", source="x")
    ki = Param(0.0, "J/m^2", doc="interfacial perpendicular anisotropy")
    xi = Param(0.0, "J/(V m)", doc="loss of ki by v/tox (voltage-controlled anisotropy)")
    tox = Param(1e-9, "m", low=0.0, exclusive=True, doc="thickness of the barrier", source=_ROUND)
    hx = Param(0.0, "A/m", doc="applied field along x")
    hy = Param(0.0, "A/m", doc="the same along y")
    hz = Param(0.0, "A/m", doc="the same along z")
    px = Param(None, "1", doc="fixed layer, x (of any length; parts not given are 0)", source="x")
    py = Param(None, "1", doc="the same, y", source="x")
    pz = Param(None, "1", doc="the same, z", source="x")
    eta = Param(0.5, "1", doc="efficiency of the torque; twice the epsilon of OOMMF", source=_ROUND)
    chi = Param(0.0, "1", low=-0.95, high=0.95, doc="its dependence on the angle, eta/(1 + chi cos)", source="none")
    beta = Param(0.0, "1", doc="field-like torque over the damping-like one")
    bv = Param(0.0, "A/(V^2 m)", doc="field-like torque with the voltage squared")
    oex = Param(0.0, "1/m", doc="field of the junction's own current, A/m per A along x")
    oey = Param(0.0, "1/m", doc="the same along y")
    oez = Param(0.0, "1/m", doc="the same along z")
    mx = State(1.0, "1", doc="magnetisation, x (of any length at the start; parts not given are 0)", scale=0.1)
    my = State(0.0, "1", doc="magnetisation, y", scale=0.1)
    mz = State(0.0, "1", doc="magnetisation, z", scale=0.1)

    @classmethod
    def state_init(cls, values: Values) -> Values:
        """Return the initial directions with length 1."""
        names = list(cls.states)
        found = [unit_vector(values, names[k : k + 3], "initial magnetisation") for k in range(0, len(names), 3)]
        return dict(zip(names, [part for vector in found for part in vector], strict=True))

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the parameters, directions with length 1, and the anisotropies as one matrix."""
        ms, t, gamma0, alpha = values["ms"], values["t"], values["gamma0"], values["alpha"]
        area = np.where(np.isnan(values["area"]), math.pi / 4.0 * values["diameter"] ** 2, values["area"])
        k = unit_vector(values, ("kx", "ky", "kz"), "easy axis")
        p = unit_vector(values, ("px", "py", "pz"), "fixed layer")
        interface = 2.0 / (MU0 * ms * t)
        own: Values = {
            "torque": spin_torque_field(1.0 / area, values["eta"], ms, t),
            "rate": gamma0 / (1.0 + alpha**2),
            "stiff": STIFF * gamma0 * ms,
            "vcma": values["xi"] / values["tox"] * interface,
            "msv": MU0 * ms * area * t,
            "kt": np.full_like(ms, physics.BOLTZMANN * env.temp),
            "qx": p[0],
            "qy": p[1],
            "qz": p[2],
        }
        own |= anisotropy("a", values["hk"], k, ms, [values[f"n{axis}"] for axis in AXES])
        own["azz"] = own["azz"] + values["ki"] * interface
        return {**values, **own}

    def _direction(self) -> Vector:
        scale = 1 / sqrt(self.mx**2 + self.my**2 + self.mz**2 + TINY)
        return self.mx * scale, self.my * scale, self.mz * scale

    def _conductance(self, cosine: Any) -> Any:
        return tunnel_conductance(self.p - self.n, cosine, self.rp, self.tmr, self.vh, self.law)

    def _anisotropy(self, n: Vector) -> Vector:
        """Return the field that depends on the direction."""
        x, y, z = n
        return (
            self.axx * x + self.axy * y + self.axz * z,
            self.axy * x + self.ayy * y + self.ayz * z,
            self.axz * x + self.ayz * y + (self.azz - self.vcma * (self.p - self.n)) * z,
        )

    def _other_field(self, p: Vector) -> Vector:
        """Return what field comes from elsewhere, A/m, at the direction p of the other layer."""
        return (0, 0, 0)

    def _polariser(self) -> Vector:
        return (self.qx, self.qy, self.qz)

    def _torque(self, i: Any, cosine: Any) -> Any:
        return self.torque * i / (1 + self.chi * cosine)

    def _turning(self, tag: str, m: Vector, n: Vector, h: Sequence[Any], a: Any, p: Vector, own: Vector) -> list[Any]:
        """Return the rates of a layer in a field h under a torque a towards p; own: alpha, rate and stiff."""
        alpha, rate, stiff = own
        field = [self.let(f"{tag}h{x}", h[k]) for k, x in enumerate(AXES)]
        lean = [self.let(f"{tag}lean{x}", alpha * field[k] + a * p[k]) for k, x in enumerate(AXES)]
        turned = cross(n, (lean[0], lean[1], lean[2]))
        g = [self.let(f"{tag}g{x}", field[k] - alpha * a * p[k] + turned[k]) for k, x in enumerate(AXES)]
        turn = cross(m, (g[0], g[1], g[2]))
        back = self.let(f"{tag}back", stiff / 2 * (1 - dot(m, m)))
        return [-rate * turn[k] + back * m[k] for k in range(3)]

    def _unit(self, tag: str, m: Vector) -> Vector:
        """Return m/|m| as intermediate values."""
        scale = self.let(f"{tag}scale", 1 / sqrt(dot(m, m) + TINY))
        return tuple(self.let(f"{tag}n{axis}", part * scale) for axis, part in zip(AXES, m, strict=True))

    def _junction(self, n: Vector, p: Vector) -> tuple[Any, Any, list[Any]]:
        """Return the current, the cosine and the rates of the free layer."""
        cosine = self.let("cosine", dot(n, p))
        i = self.let("i", (self.p - self.n) * self._conductance(cosine))
        a = self.let("a", self._torque(i, cosine))
        b = self.beta * a + self.bv * (self.p - self.n) ** 2
        parts = zip(
            (self.hx, self.hy, self.hz),
            (self.oex, self.oey, self.oez),
            self._anisotropy(n),
            self._other_field(p),
            p,
            strict=True,
        )
        h = [h0 + oe * i + own + other + b * q for h0, oe, own, other, q in parts]
        rates = self._turning("", (self.mx, self.my, self.mz), n, h, a, p, (self.alpha, self.rate, self.stiff))
        return i, cosine, rates

    def equations(self) -> Equations:
        """Return Ohm's law and the explicit form of Gilbert's equation, in a direction of length 1."""
        n = self._unit("", (self.mx, self.my, self.mz))
        i, _, rates = self._junction(n, self._polariser())
        rows = self.state_rows(dict(zip(("mx", "my", "mz"), rates, strict=True)))
        return Equations(f={"p": i, "n": -i, **rows.f}, q=rows.q)

    def noise(self) -> tuple[Noise, ...]:
        """Return the noise of the barrier, and the thermal field as random rates of the magnetisation."""
        v = magnitude(self.p - self.n) * physics.CHARGE / (2 * self.kt)
        rise = where(v < 1e-3, 1 + v**2 / 3, v / tanh(v))
        conductance = self._conductance(dot(self._direction(), self._polariser()))
        # in proportion to |m|, so that the direction diffuses as on the sphere wherever |m| is; radially it is undone
        field = 4 * self.rate * self.alpha * self.kt / self.msv * (self.mx**2 + self.my**2 + self.mz**2)
        return (
            Noise("barrier", "p", "n", 4 * self.kt * conductance * rise),
            *(Noise(axis, axis, "", field) for axis in ("mx", "my", "mz")),
        )

    def readings(self) -> Equations:
        """Return the resistance, the torque as a field and the magnetic energy."""
        n = self._direction()
        p = self._polariser()
        cosine = dot(n, p)
        conductance = self._conductance(cosine)
        h = (self.hx, self.hy, self.hz)
        own, other = self._anisotropy(n), self._other_field(p)
        field = tuple(h[k] + own[k] / 2 + other[k] for k in range(3))
        return Equations(
            f={
                "resistance": 1 / conductance,
                "torque": self._torque((self.p - self.n) * conductance, cosine),
                "energy": -self.msv * dot(n, field),
            }
        )
