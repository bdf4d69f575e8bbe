"""Oscillators by their complex amplitude: what auto-oscillators and vortices share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from circuitnn.errors import UsageError
from circuitnn.oscillators.drives import Drive, Sine, channels
from circuitnn.oscillators.population import Job
from circuitnn.oscillators.run import Array, Run
from circuitnn.oscillators.waves import Turning, kernel


class Amplitudes(Turning):
    """dc/dt = -(i w(p) + g(p)) c + f with p = |c|^2, w and g polynomials in p: see `csrc/cn_waves.h`."""

    inputs: ClassVar[Mapping[str, tuple[int, str]]] = {"current": (1, "A"), "force": (2, "1/s")}
    arrays: ClassVar[Mapping[str, tuple[int, str]]] = {"c": (2, "1")}

    @abstractmethod
    def coefficients(self) -> Array:
        """Return the rows w0, w1, w2, g0, g1, g2 and, per ampere, gain, its saturation and frequency, (9, n)."""

    @property
    def power(self) -> Array:
        """p0, (n,): power of the free oscillators, 0 below threshold; UsageError where nothing limits it."""
        _, _, _, g0, g1, g2, *_ = self.coefficients()
        # the smallest p > 0 with g0 + g1 p + g2 p^2 = 0, by the form that has no difference of near numbers
        root = np.sqrt(np.maximum(g1 * g1 - 4.0 * g0 * g2, 0.0))
        below = g1 + root
        if ((g0 < 0.0) & (below <= 0.0)).any():
            raise UsageError("an amplitude grows without bound", hint="damping that grows with the power")
        return np.divide(-2.0 * g0, below, out=np.zeros(self.n), where=g0 < 0.0)

    @property
    def frequency(self) -> Array:
        """Frequency of the free oscillators at `power`, Hz, (n,)."""
        w0, w1, w2, *_ = self.coefficients()
        p = self.power
        return np.asarray((w0 + p * (w1 + p * w2)) / (2.0 * np.pi))

    @property
    def nu(self) -> Array:
        """Nonlinearity of the frequency, (dw/dp) / (dg/dp) at `power`, (n,)."""
        _, w1, w2, _, g1, g2, *_ = self.coefficients()
        p = self.power
        return np.asarray((w1 + 2.0 * p * w2) / (g1 + 2.0 * p * g2))

    def tone(self, amplitude: ArrayLike, frequency: ArrayLike) -> list[Sine]:
        """Return drives that are the force F exp(-2 pi i f t), the same for all or one an oscillator.

        Parameters
        ----------
        amplitude : complex or array (n,), 1/s
        frequency : float or array (n,), Hz
        """
        force = np.asarray(amplitude, dtype=np.complex128)
        size, angle, none = np.abs(force), np.angle(force), np.zeros(force.shape)
        return [
            Sine(np.stack([size, none], -1), frequency, 0.5 * np.pi - angle, on="force"),
            Sine(np.stack([none, -size], -1), frequency, -angle, on="force"),
        ]

    def slope(self, state: ArrayLike, drive: Drive | Sequence[Drive] = (), time: float = 0.0) -> Array:
        """Return the derivatives of free oscillators, without links and noise, in the frame of the laboratory.

        Parameters
        ----------
        state : array (n, 2)
            Real and imaginary parts of the amplitudes.
        drive : Sine, Samples or a sequence of them
        time : float
            Seconds, at which the drive is taken.
        """
        free = copy(self)
        free.frame, free.links = 0.0, ()
        none, grid = np.zeros(self.n), np.zeros((0, 0))
        found = channels(drive, self.inputs, self.n)  # type: ignore[arg-type]
        job = Job("rk4", 1.0, 0, 1, 1, {}, none[:0], {}, grid, found, none, 0, self.streams, 1e-9, False, 1)
        y = np.ascontiguousarray(np.broadcast_to(np.asarray(state, dtype=np.float64), (self.n, 2)).T)
        return np.ascontiguousarray(kernel(free, job, False, self.coefficients()).slope(time, y).T)

    def run(self, *args: Any, **options: Any) -> Run:
        """Integrate until a time, as `Population.run`; amplitudes ``run["c"]`` are complex, (t, n)."""
        found = super().run(*args, **options)
        arrays = {**found.arrays, "c": _complex(found.arrays["c"])}
        final = replace(found.final, arrays={"c": _complex(found.final.arrays["c"])})
        return replace(found, arrays=arrays, final=final)

    def _state(self, name: str, given: Mapping[str, ArrayLike]) -> Array:
        if name in given:
            values = np.asarray(given[name], dtype=np.complex128)
            given = {**given, name: np.stack([values.real, values.imag], -1)}
        return super()._state(name, given)

    def _integrate(self, job: Job) -> dict[str, float | int | str]:
        waves = kernel(self, job, False, self.coefficients())
        waves.state[:] = job.state["c"].T
        _turn(waves.state, self.frame, job.first * job.step)
        waves.run(job.first, job.steps, job.every, job.records["c"][1:])
        times = (job.first + job.every * np.arange(1, len(job.records["c"]))) * job.step
        records = _complex(job.records["c"][1:])
        if self.frame:
            records *= np.exp(-2j * np.pi * np.mod(self.frame * times, 1.0))[:, None]
        _turn(waves.state, -self.frame, (job.first + job.steps) * job.step)
        job.state["c"][:] = waves.state.T
        return dict(waves.stats)


def _turn(state: Array, frame: float, time: float) -> None:
    """Multiply amplitudes (2, n) by exp(2 pi i frame time)."""
    turned = (state[0] + 1j * state[1]) * np.exp(2j * np.pi * (frame * time % 1.0))
    state[:] = turned.real, turned.imag


def _complex(parts: Array) -> Any:
    return np.ascontiguousarray(parts).view(np.complex128)[..., 0]
