"""Macrospins: magnets whose unit vectors precess, are damped, turned by spin torque and shaken by heat."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.devices.magnetism import GAMMA0, spin_torque_field, thermal_field
from circuitnn.errors import AnalysisError, ConvergenceError, UsageError
from circuitnn.oscillators._spins import LANES, Spins
from circuitnn.oscillators.links import Dipolar, Electrical
from circuitnn.oscillators.population import Job, Param, Population, Vector
from circuitnn.oscillators.run import Array

#: Steps of oscillators between looks at the keyboard.
_SLICE = 1 << 25


class Macrospins(Population):
    """Many macrospins, each a unit vector m that obeys the equation of Landau, Lifshitz, Gilbert and Slonczewski.

    dm/dt = -g0 m x H + alpha m x dm/dt - g0 a m x (m x p) - g0 b m x p, with the field H = H_ext + hk (m.u) u - Ms N m
    + thermal field, a = hbar eta(theta) I / (2 e mu0 Ms V) and b = beta a. A positive current I drives m towards p.
    The efficiency is eta / (1 + chi m.p): chi = P^2 is that of a tunnel junction at constant current (Slonczewski,
    Phys. Rev. B 71, 024411, 2005), chi = (L^2 - 1) / (L^2 + 1) that of a metallic spin valve (Slonczewski, J. Magn.
    Magn. Mater. 247, 324, 2002).

    Parameters
    ----------
    n : int
        Oscillators.
    links : sequence of Link
    **parameters : float or array
        See ``Macrospins.parameters()``; numbers or (n,), vectors (3,) or (n, 3), in SI units.

    Notes
    -----
    Methods: ``rk4``; ``heun``, which with noise converges to Stratonovich's solution, as thermal fields need (Brown,
    Phys. Rev. 130, 1677, 1963; Garcia-Palacios and Lazaro, Phys. Rev. B 58, 14937, 1998); ``midpoint``, implicit, which
    keeps the norm by itself, likewise with noise; ``rk45``, that of Dormand and Prince, each oscillator with steps of
    its own. The three normals of an oscillator in a step come from one block of Philox 4x32: 32 bits stand behind each
    uniform number, and no deviation exceeds 6.7 standard ones. Results depend neither on threads nor on the place
    where an oscillator stands.

    Examples
    --------
    A field along z, 1 ns: the exact end is (-0.336897, 0.027898, 0.941128).

    >>> import numpy as np
    >>> pop = Macrospins(ms=8e5, alpha=0.1, thickness=2e-9, area=3.14e-16, demag=(0, 0, 0), field=(0, 0, 1e5))
    >>> run = pop.run(1e-9, 1e-12, start=[np.sin(2.0), 0.0, np.cos(2.0)], every=500)
    >>> run["m"].shape
    (3, 1, 3)
    >>> run.final["m"][0].round(4)
    array([-0.3369,  0.0279,  0.9411])
    """

    inputs = {"current": (1, "A"), "field": (3, "A/m")}
    arrays = {"m": (3, "1")}
    methods = ("rk4", "heun", "midpoint", "rk45")
    noisy = ("heun", "midpoint")

    ms = Param(None, "A/m", low=0.0, exclusive=True, doc="saturation magnetisation")
    alpha = Param(None, "1", low=0.0, doc="Gilbert damping")
    thickness = Param(None, "m", low=0.0, exclusive=True, doc="thickness of the free layer")
    area = Param(None, "m^2", low=0.0, exclusive=True, doc="area of the free layer")
    demag = Vector((0.0, 0.0, 1.0), "1", doc="demagnetising factors along x, y and z; a thin film by default")
    hk = Param(0.0, "A/m", doc="uniaxial anisotropy field 2 K / (mu0 Ms); negative for an easy plane")
    axis = Vector((0.0, 0.0, 1.0), "1", doc="anisotropy axis", direction=True)
    field = Vector((0.0, 0.0, 0.0), "A/m", doc="external field")
    polariser = Vector((0.0, 0.0, 1.0), "1", doc="direction p of the reference layer", direction=True)
    eta = Param(0.5, "1", doc="spin-torque efficiency at m perpendicular to p")
    chi = Param(0.0, "1", low=-1.0, high=1.0, exclusive=True, doc="its asymmetry, below 1")
    beta = Param(0.0, "1", doc="field-like over damping-like torque")
    current = Param(0.0, "A", doc="direct current; positive drives m towards p")
    r_p = Param(1e3, "ohm", low=0.0, exclusive=True, doc="resistance with m along p")
    tmr = Param(1.0, "1", low=0.0, doc="magnetoresistance (R_ap - R_p) / R_p")
    gamma0 = Param(GAMMA0, "m/(A s)", low=0.0, exclusive=True, doc="gyromagnetic ratio times mu0")

    def _prepare(self) -> None:
        if (self.chi == 1.0).any():
            raise UsageError("the spin-torque efficiency is infinite at m = -p", expected="chi below 1", names=("chi",))

    @property
    def torque(self) -> Array:
        """Amplitude a of the damping-like torque of an ampere at m perpendicular to p, A/m, (n,)."""
        return np.asarray(spin_torque_field(1.0 / self.area, self.eta, self.ms, self.thickness))

    def conductance(self, m: ArrayLike) -> Array:
        """Return the conductance of junctions, S: its mean and half its range times m.p (Slonczewski 1989).

        Parameters
        ----------
        m : array (..., n, 3)
        """
        parallel, opposite = 1.0 / self.r_p, 1.0 / (self.r_p * (1.0 + self.tmr))
        cosine = np.einsum("...ij,ij->...i", np.asarray(m, dtype=np.float64), self.polariser)
        return np.asarray(0.5 * (parallel + opposite) + 0.5 * (parallel - opposite) * cosine)

    def _checked(self, state: dict[str, Array]) -> dict[str, Array]:
        length = np.linalg.norm(state["m"], axis=1)
        if not (length > 0.0).all():
            raise UsageError("a macrospin starts from a vector of length 0", expected="a direction")
        # one that has length 1 already goes on with the same bits
        off = np.abs(length - 1.0) > 1e-3
        state["m"][off] /= length[off, None]
        return state

    def _tensor(self) -> Array:
        """Return K, (n, 3, 3): the field of m alone is K m, A/m."""
        tensor = self.hk[:, None, None] * self.axis[:, :, None] * self.axis[:, None, :]
        for k in range(3):
            tensor[:, k, k] -= self.ms * self.demag[:, k]
        return tensor

    def _constants(self, job: Job) -> Array:
        scale = -self.gamma0 * job.step / (1.0 + self.alpha**2)
        tensor, torque = scale[:, None, None] * self._tensor(), scale * self.torque
        noise = thermal_field(self.alpha, job.temp, self.ms, self.area * self.thickness, job.step, self.gamma0)
        rows = [tensor[:, i, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]
        rows += [*(scale[:, None] * self.field).T, *self.polariser.T, self.alpha, self.chi]
        rows += [torque * (self.beta - self.alpha), torque * (1.0 + self.alpha**2), self.current, scale, scale * noise]
        return _padded(np.array(rows))

    def _couple(self, spins: Spins, job: Job) -> None:
        if job.method not in ("rk4", "heun"):
            raise UsageError(f"the method {job.method} goes with no links", expected="rk4 or heun")
        strings = np.full(self.n, -1, dtype=np.int32)
        circuits: list[tuple[float, float, float, float]] = []
        wide = self.n + -self.n % LANES
        tensor = np.zeros((3, wide, 3, wide)) if any(isinstance(link, Dipolar) for link in self.links) else None
        for link in self.links:
            if isinstance(link, Dipolar):
                tensor[:, : self.n, :, : self.n] += link.bind(self)  # type: ignore[index]
            elif isinstance(link, Electrical):
                members, circuit = link.bind(self)
                strings[members] = len(circuits)
                circuits.append(circuit)
            else:
                raise UsageError(f"{type(link).__name__} is no link of Macrospins", expected="Dipolar, Electrical")
        if sum(len(link.bind(self)[0]) for link in self.links if isinstance(link, Electrical)) > (strings >= 0).sum():
            raise UsageError("an oscillator is in two strings")
        parallel, opposite = 1.0 / self.r_p, 1.0 / (self.r_p * (1.0 + self.tmr))
        spins.couple(
            None if tensor is None else tensor.reshape(3 * wide, 3 * wide),
            strings,
            np.array([0.5 * (parallel + opposite), 0.5 * (parallel - opposite)]),
            np.array(circuits).reshape(-1, 4).T.copy(),
            job.links,
        )

    def _integrate(self, job: Job) -> dict[str, float | int | str]:
        constants = self._constants(job)
        drives = [
            (
                c.input,
                _padded(c.gain),
                _padded(c.frequency),
                _padded(c.turns),
                None if c.samples is None else c.samples if c.samples.shape[1] == 1 else _padded(c.samples),
                c.spacing,
                c.start,
                c.hold,
            )
            for c in job.channels
        ]
        spins = Spins(
            constants, job.state["m"], _padded(self.streams), drives, job.method, job.seed, job.step, job.tolerance,
            bool(job.temp.any()), job.renormalise, not constants[3:6].any(), not self.chi.any(), job.threads,
        )  # fmt: skip
        if self.links:
            self._couple(spins, job)
        piece = max(1, _SLICE // self.n // job.every) * job.every
        for done in range(0, job.steps, piece):
            steps = min(piece, job.steps - done)
            points = slice(1 + done // job.every, 1 + (done + steps) // job.every)
            records = job.records["m"][points], job.link_records[points]
            if not spins.run(job.first + done, steps, job.every, *records):
                raise ConvergenceError(
                    "the equation of a step has no solution found" if job.method == "midpoint" else "steps vanish",
                    hint="a shorter step" if job.method == "midpoint" else "a larger tolerance",
                )
            if not np.isfinite(job.state["m"]).all():
                lost = int(np.flatnonzero(~np.isfinite(job.state["m"]).all(axis=1))[0])
                raise AnalysisError(
                    f"oscillator {lost} is no longer finite at {(job.first + done + steps) * job.step:g} s",
                    hint="a shorter step",
                )
        drift, evaluations, rejected = spins.counts
        return {
            "method": job.method,
            "steps": job.steps,
            "norm drift": drift,
            "evaluations": evaluations,
            "rejected steps": rejected,
        }


def _padded(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array with its last axis a whole number of vectors long; the last oscillator stands there again."""
    missing = -array.shape[-1] % LANES
    return np.ascontiguousarray(np.concatenate([array, np.repeat(array[..., -1:], missing, axis=-1)], axis=-1))
