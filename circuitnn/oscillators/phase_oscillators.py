"""Oscillators reduced to their phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from circuitnn.errors import UsageError
from circuitnn.oscillators.drives import Sine
from circuitnn.oscillators.population import Job, Link, Param
from circuitnn.oscillators.run import Array
from circuitnn.oscillators.waves import Turning, kernel


class PhaseOscillators(Turning):
    """da/dt = 2 pi f + Z(a) x + Im[exp(-i a) (F + sum_k K_jk exp(i a_k))] + noise.

    A link with the entry K exp(-i b) is K sin(a_k - a_j - b) (Kuramoto, 1975, and with the lag b Sakaguchi and
    Kuramoto, Prog. Theor. Phys. 76, 576, 1986); x is the drive on ``"input"``, F that on ``"force"``.

    Parameters
    ----------
    n : int
    response : array (2 h + 1,) or (n, 2 h + 1)
        Z as a Fourier series: the mean, h coefficients of cos(k a) and h of sin(k a); 1 when absent, with x in rad/s.
    frame : float
        Hz, of the turning frame in which the equations are integrated: near the oscillators' frequencies, steps need
        not resolve these. Phases are recorded in the frame of the laboratory all the same.
    links : sequence of Linear, Common
    **parameters
        f0, noise.

    Raises
    ------
    UsageError

    Examples
    --------
    Two oscillators 1 MHz apart, with a coupling that is twice what locks them, end a twelfth of a turn apart:

    >>> import numpy as np
    >>> from circuitnn.oscillators.waves import Linear
    >>> k = 2e6 * np.pi
    >>> pop = PhaseOscillators(2, f0=[300e6, 301e6], frame=300e6, links=[Linear([[0, k], [k, 0]])])
    >>> run = pop.run(3e-6, 5e-9, start=0.0)
    >>> round(float(run["phase"][-1, 1] - run["phase"][-1, 0]) / (2 * np.pi), 6)
    0.083333
    """

    f0 = Param(None, "Hz", doc="frequency")
    noise = Param(0.0, "rad^2/s", low=0.0, doc="D: phases spread by 2 D t; the line is D / pi wide, in hertz")

    inputs: ClassVar[Mapping[str, tuple[int, str]]] = {"input": (1, "1"), "force": (2, "rad/s")}
    arrays: ClassVar[Mapping[str, tuple[int, str]]] = {"phase": (1, "rad")}

    def __init__(
        self,
        n: int = 1,
        *,
        response: ArrayLike = (1.0,),
        frame: float = 0.0,
        links: Sequence[Link] = (),
        **parameters: ArrayLike,
    ) -> None:
        series = np.asarray(response, dtype=np.float64)
        if series.ndim not in (1, 2) or series.shape[-1] % 2 == 0 or series.shape[:-1] not in ((), (n,)):
            raise UsageError(f"the response has the shape {series.shape}", expected=f"(2 h + 1,) or ({n}, 2 h + 1)")
        if not np.isfinite(series).all():
            raise UsageError("the response is not finite", expected="finite numbers")
        super().__init__(n, frame=frame, links=links, **parameters)
        self.response = np.array(np.broadcast_to(series, (self.n, series.shape[-1])))

    def tone(self, amplitude: ArrayLike, frequency: ArrayLike) -> list[Sine]:
        """Return drives that are the force F exp(2 pi i f t): a phase gets |F| sin(2 pi f t + arg F - a).

        Parameters
        ----------
        amplitude : complex or array (n,), rad/s
        frequency : float or array (n,), Hz
        """
        force = np.asarray(amplitude, dtype=np.complex128)
        size, angle, none = np.abs(force), np.angle(force), np.zeros(force.shape)
        return [
            Sine(np.stack([size, none], -1), frequency, 0.5 * np.pi + angle, on="force"),
            Sine(np.stack([none, size], -1), frequency, angle, on="force"),
        ]

    def diffusion(self, temp: ArrayLike | None = None) -> Array:
        """Return the strength of the white noise in its first row, (3, n); phases have no temperature."""
        if self._kelvin(temp).any():
            raise UsageError("phases have no temperature", expected="the parameter 'noise'")
        return np.array([self.noise, np.zeros(self.n), np.zeros(self.n)])

    def _integrate(self, job: Job) -> dict[str, float | int | str]:
        table = np.zeros((9, self.n))
        table[0] = 2.0 * np.pi * self.f0
        waves = kernel(self, job, True, table, np.ascontiguousarray(self.response.T))
        turned = 2.0 * np.pi * self.frame
        waves.state[0] = job.state["phase"] - turned * job.first * job.step
        waves.run(job.first, job.steps, job.every, job.records["phase"][1:, :, None])
        times = (job.first + job.every * np.arange(1, len(job.records["phase"]))) * job.step
        job.records["phase"][1:] += (turned * times)[:, None]
        job.state["phase"][:] = waves.state[0] + turned * (job.first + job.steps) * job.step
        return dict(waves.stats)
