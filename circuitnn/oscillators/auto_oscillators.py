"""Auto-oscillators by their complex amplitude (Slavin and Tiberkevich, IEEE Trans. Magn. 45, 1875, 2009)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from circuitnn.devices.physics import BOLTZMANN
from circuitnn.errors import UsageError
from circuitnn.oscillators.drives import Sine
from circuitnn.oscillators.population import Job, Link, Param, Population
from circuitnn.oscillators.run import Array, Run
from circuitnn.oscillators.waves import METHODS, kernel

_SOURCE = "Slavin and Tiberkevich 2009"


class AutoOscillators(Population):
    """dc/dt + i w(p) c + G+(p) c - G-(p) c = f: w = 2 pi (f0 + N p), G+ = G (1 + Q p), G- = G (1 - p) I / I_th.

    Here p = |c|^2; amplitudes turn as exp(-i w t). Above threshold, z = I / I_th > 1, the power is (z - 1) / (z + Q).

    Parameters
    ----------
    n : int
    frame : float
        Hz, of the turning frame in which the equations are integrated: near the oscillators' frequencies, steps need
        not resolve these. Amplitudes are recorded in the frame of the laboratory all the same.
    links : sequence of Linear, Common
    **parameters
        f0, shift, damping, nonlinear_damping, threshold, current, noise, energy.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> pop = AutoOscillators(f0=300e6, shift=-60e6, damping=5e6, nonlinear_damping=2.0, current=2.0, frame=285e6)
    >>> run = pop.run(400e-9, 1e-9, start=0.1)
    >>> round(float(abs(run["c"][-1, 0]) ** 2), 6)
    0.25
    """

    f0 = Param(None, "Hz", doc="frequency at zero power", source=_SOURCE)
    shift = Param(0.0, "Hz", doc="nonlinear frequency shift, N / 2 pi", source=_SOURCE)
    damping = Param(None, "Hz", low=0.0, exclusive=True, doc="linear damping, Gamma_G / 2 pi", source=_SOURCE)
    nonlinear_damping = Param(0.0, "1", doc="Q", source=_SOURCE)
    threshold = Param(1.0, "A", low=0.0, exclusive=True, doc="threshold current; 1 makes `current` the ratio to it")
    current = Param(0.0, "A", doc="constant current")
    noise = Param(0.0, "1/s", low=0.0, doc="D of a white force with <f f*> = 2 D delta, besides the thermal one")
    energy = Param(0.0, "J", low=0.0, doc="dE/dp, for thermal noise D = G+(p) k T / energy; 0 is not known")

    inputs: ClassVar[Mapping[str, tuple[int, str]]] = {"current": (1, "A"), "force": (2, "1/s")}
    arrays: ClassVar[Mapping[str, tuple[int, str]]] = {"c": (2, "1")}
    methods: ClassVar[tuple[str, ...]] = METHODS
    noisy: ClassVar[tuple[str, ...]] = ("heun",)

    def __init__(self, n: int = 1, *, frame: float = 0.0, links: Sequence[Link] = (), **parameters: ArrayLike) -> None:
        if not np.isfinite(frame):
            raise UsageError(f"a frame of {frame:g} Hz", expected="a finite number")
        self.frame = float(frame)
        super().__init__(n, links=links, **parameters)

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

    @property
    def power(self) -> Array:
        """p0, (n,): power of the free oscillators, 0 below threshold."""
        z = self.current / self.threshold
        return np.where(z > 1.0, (z - 1.0) / (z + self.nonlinear_damping), 0.0)

    @property
    def frequency(self) -> Array:
        """Frequency of the free oscillators at `power`, Hz, (n,)."""
        return np.asarray(self.f0 + self.shift * self.power)

    @property
    def nu(self) -> Array:
        """Nonlinearity of the frequency, N / (G (z + Q)), (n,)."""
        z = self.current / self.threshold
        return np.asarray(self.shift / (self.damping * (z + self.nonlinear_damping)))

    def run(self, *args: Any, **options: Any) -> Run:
        """Integrate until a time, as `Population.run`; amplitudes ``run["c"]`` are complex, (t, n)."""
        if self.noise.any() and options.get("seed") is None:
            raise UsageError("noise needs a seed", expected="seed=, a whole number from 0 on")
        found = super().run(*args, **options)
        arrays = {**found.arrays, "c": _complex(found.arrays["c"])}
        final = replace(found.final, arrays={"c": _complex(found.final.arrays["c"])})
        return replace(found, arrays=arrays, final=final)

    def _state(self, name: str, given: Mapping[str, ArrayLike]) -> Array:
        if name in given:
            values = np.asarray(given[name], dtype=np.complex128)
            given = {**given, name: np.stack([values.real, values.imag], -1)}
        return super()._state(name, given)

    def _method(self, method: str | None, kelvin: Array) -> str:
        return super()._method(method, kelvin + self.noise)

    def _integrate(self, job: Job) -> dict[str, float | int | str]:
        gamma, turns = 2.0 * np.pi * self.damping, 2.0 * np.pi
        gain, none = gamma / self.threshold, np.zeros(self.n)
        pumped = gain * self.current
        table = np.array([turns * self.f0, turns * self.shift, none, gamma - pumped,
                          gamma * self.nonlinear_damping + pumped, none, gain])  # fmt: skip
        noise = None
        if job.temp.any() or self.noise.any():
            if (job.temp[self.energy == 0.0] > 0.0).any():
                raise UsageError("thermal noise needs the parameter 'energy'", expected="dE/dp in joules, above 0")
            thermal = gamma * BOLTZMANN * job.temp / np.where(self.energy > 0.0, self.energy, 1.0)
            noise = np.ascontiguousarray([self.noise + thermal, thermal * self.nonlinear_damping, none])
        waves = kernel(self, job, False, self.frame, table, noise)
        waves.state[:] = (job.state["c"] * 1.0).T
        _turn(waves.state, self.frame, job.first * job.step)
        waves.run(job.first, job.steps, job.every, job.records["c"][1:])
        times = (job.first + job.every * np.arange(1, len(job.records["c"]))) * job.step
        records = job.records["c"][1:].view(np.complex128)[..., 0]
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
