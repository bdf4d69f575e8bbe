"""Simmons tunnel barrier (Pickett et al., J. Appl. Phys. 106, 074508, 2009; Abdalla and Pickett, ISCAS 2011)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Collapse, Environment, Equations, Memristor, Param, State, Values, require
from circuitnn.devices.symbolic import clip, exp, limexp, limsinh, log, quantity, sqrt, where

_DYNAMICS = "Pickett 2009, as quoted by Kvatinsky et al., IEEE TCAS-I 60, 211 (2013), confirmed there"
_BARRIER = (
    "Abdalla and Pickett 2011, recalled: its constants 0.0998, 0.1261, 0.9183, 10.246 and 0.0617 (nm, V, A) are "
    "Simmons' formula (J. Appl. Phys. 34, 1793 and 2581, 1963) with 0.95 V, kappa = 5 and 100 nm x 100 nm"
)
_ROUND = "round number within which Pickett 2009 switches"
#: e/(2 pi h) times e, A/V: scale of the tunnel current (times area over width squared, times the barrier in volts).
_TUNNEL = physics.CHARGE**2 / (2 * np.pi * physics.PLANCK)
#: 4 pi sqrt(2 m e) / h, 1/(m V^0.5).
_DECAY = 4 * np.pi * np.sqrt(2 * physics.ELECTRON_MASS * physics.CHARGE) / physics.PLANCK
#: e ln 2 / (8 pi eps0), V m: lowering of a barrier by the image force, times its width and permittivity.
_IMAGE = physics.CHARGE * np.log(2.0) / (8 * np.pi * physics.VACUUM_PERMITTIVITY)


def _stands(values: Values, image: np.ndarray, near: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return whether there is a barrier at ``w_min`` and the voltage u, through which the current rises ever more."""
    w, phi0 = values["w_min"], values["phi0"]

    def barrier(u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        far = near + w - 9.2 * image / (3 * phi0 + 4 * image / w - 2 * u)
        d = far - near
        phi = phi0 - u * (near + far) / (2 * w) - 1.15 * image / d * np.log(far * (w - near) / (near * (w - far)))
        forth, back = phi * np.exp(-_DECAY * d * np.sqrt(phi)), (phi + u) * np.exp(-_DECAY * d * np.sqrt(phi + u))
        return far, phi, (forth - back) / d**2

    with np.errstate(all="ignore"):
        far, phi, current = barrier(u)
        there = (3 * phi0 + 4 * image / w > 2 * u) & (w > near) & (far > 1.05 * near) & (phi > 0.05 * phi0)
        # with a slope that does not fall: Newton's method would go to and fro about an inflection
        before, earlier = barrier(0.99 * u)[2], barrier(0.98 * u)[2]
        return there & ((u == 0.0) | (current - before >= before - earlier))


class Simmons(Memristor):
    """A resistance rs in series with a tunnel barrier of width w, which the current i moves.

    With the voltage u = |v| of the barrier alone and lambda = e ln 2 / (8 pi kappa eps0 w): w1 = 1.2 lambda w / phi0,
    w2 = w1 + w (1 - 9.2 lambda / (3 phi0 + 4 lambda - 2 u)), d = w2 - w1,
    phi = phi0 - u (w1 + w2)/(2 w) - 1.15 lambda (w/d) ln(w2 (w - w1) / (w1 (w - w2))),
    |i| = e^2 area / (2 pi h d^2) (phi e^(-B d sqrt(phi)) - (phi + u) e^(-B d sqrt(phi + u))), B = 4 pi sqrt(2 m e)/h;
    above u = v_max, or where at w_min the barrier gives way before, |i| goes on along its tangent.

    dw/dt = f_off sinh(|i|/i_off) exp(-exp((w - a_off)/w_c - |i|/b) - w/w_c) for i > 0,
    dw/dt = -f_on sinh(|i|/i_on) exp(-exp((a_on - w)/w_c - |i|/b) - w/w_c) for i < 0, and no faster than v_sat.
    """

    model_types: ClassVar[tuple[str, ...]] = ("simmons", "pickett")
    internals = ("inner",)
    derived = ("gs", "image", "near", "end", "scale")

    f_off = Param(3.5e-6, "m/s", low=0.0, doc="speed of RESET", source=_DYNAMICS)
    i_off = Param(115e-6, "A", low=1e-12, doc="current scale of RESET", source=_DYNAMICS)
    a_off = Param(1.2e-9, "m", low=0.0, doc="width at which RESET slows down", source=_DYNAMICS)
    f_on = Param(40e-6, "m/s", low=0.0, doc="speed of SET", source=_DYNAMICS)
    i_on = Param(8.9e-6, "A", low=1e-12, doc="current scale of SET", source=_DYNAMICS)
    a_on = Param(1.8e-9, "m", low=0.0, doc="width at which SET slows down", source=_DYNAMICS)
    b = Param(500e-6, "A", low=1e-12, doc="current that shifts those widths", source=_DYNAMICS)
    w_c = Param(107e-12, "m", low=1e-12, doc="scale of the widths", source=_DYNAMICS)
    phi0 = Param(0.95, "V", low=0.1, doc="height of the barrier", source=_BARRIER)
    kappa = Param(5.0, "1", low=1.0, doc="relative permittivity of the barrier", source=_BARRIER)
    area = Param(1e-14, "m^2", low=0.0, exclusive=True, doc="area of the barrier", source=_BARRIER)
    rs = Param(215.0, "ohm", low=0.0, doc="series resistance", source=_BARRIER)
    v_sat = Param(1e3, "m/s", low=1e-3, doc="speed at which the width saturates, 1 nm in 1 ps")
    v_max = Param(1.0, "V", low=0.0, exclusive=True, doc="voltage up to which the tunnel formula is used")
    w_min = Param(1.2e-9, "m", low=0.0, exclusive=True, doc="least width", source=_ROUND)
    w_max = Param(1.9e-9, "m", low=0.0, exclusive=True, doc="largest width", source=_ROUND)
    w0 = Param(1.2e-9, "m", low=0.0, doc="initial width", source=_ROUND)
    w = State("w0", "m", low="w_min", high="w_max", doc="width of the tunnel barrier", scale=1e-11)

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the constants of the barrier; raise DeviceError where it has no height even without a voltage."""
        image = _IMAGE / values["kappa"]
        near = 1.2 * image / values["phi0"]
        # the barrier is weakest at w_min: up to where does it stand there, in parts of v_max?
        parts = np.linspace(0.0, 1.0, 101)
        stands = np.array([_stands(values, image, near, part * values["v_max"]) for part in parts])
        require(
            stands[1],
            "a simmons memristor has no tunnel barrier at its least width",
            expected="a barrier of positive height at w_min",
            hint="raise w_min, phi0 or kappa",
        )
        end = parts[np.logical_and.accumulate(stands).sum(axis=0) - 1] * values["v_max"]
        with np.errstate(divide="ignore"):
            gs = np.where(values["rs"] > 0.0, 1.0 / values["rs"], 0.0)
        return {**values, "gs": gs, "image": image, "near": near, "end": end, "scale": _TUNNEL * values["area"]}

    @classmethod
    def collapse(cls, values: Values) -> Collapse:
        """Without series resistance the barrier lies at the terminal."""
        return {"inner": ("p", values["rs"] == 0.0)}

    def current(self, v: Any) -> Any:
        """Return the current of the barrier alone."""
        import sympy

        u = sympy.Symbol("u", positive=True)
        w = clip(self.w, self.w_min, self.w_max)
        far = self.near + w - 9.2 * self.image / (3 * self.phi0 + 4 * self.image / w - 2 * u)
        d = far - self.near
        ratio = far * (w - self.near) / (self.near * (w - far))
        phi = self.phi0 - u * (self.near + far) / (2 * w) - 1.15 * self.image / d * log(ratio)
        decay = quantity(_DECAY, "1/(m V^(1/2))") * d
        forth, back = phi * exp(-decay * sqrt(phi)), (phi + u) * exp(-decay * sqrt(phi + u))
        tunnel = self.scale / d**2 * (forth - back)
        size = where(v >= 0, v, -v)
        top = tunnel.subs(u, self.end) + sympy.diff(tunnel, u).subs(u, self.end) * (size - self.end)
        return where(v >= 0, 1, -1) * where(size <= self.end, tunnel.subs(u, size), top)

    def speed(self, i: Any) -> Any:
        """Return the speed of the width at a current."""
        w, w_c = self.w, self.w_c
        size = where(i >= 0, i, -i)
        off = limsinh(size / self.i_off) * exp(-limexp((w - self.a_off) / w_c - size / self.b))
        on = limsinh(size / self.i_on) * exp(-limexp((self.a_on - w) / w_c - size / self.b))
        speed = self.let("speed", where(i >= 0, self.f_off * off, -self.f_on * on) * limexp(-w / w_c))
        # far beyond the measured speeds: without it SET at -1 V would run away faster than any step can follow
        return speed / sqrt(1 + (speed / self.v_sat) ** 2)

    def equations(self) -> Equations:
        """Return the barrier behind its series resistance."""
        i = self.let("tunnel", self.current(self.inner - self.n))
        series = self.gs * (self.p - self.inner)
        states = self.state_rows({"w": self.speed(i)})
        return Equations(f={"p": series, "inner": i - series, "n": -i, **states.f}, q=states.q)


EXPORT = Simmons
