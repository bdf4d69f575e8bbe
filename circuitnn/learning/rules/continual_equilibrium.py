"""Continual equilibrium propagation: weights move while the network follows its nudge, and no phase is remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from circuitnn.learning.layered import with_ones
from circuitnn.learning.rules.hopfield import Hopfield, pulse, step

Array = NDArray[Any]


@dataclass(kw_only=True, eq=False)
class ContinualEquilibrium(Hopfield):
    r"""Continual equilibrium propagation in a layered Hopfield network.

    In every step of the nudged phase each weight moves by what that step changed at its two ends (Ernoult et al. 2020,
    equation 7):

    .. math:: \Delta W_l(t) = \frac{\eta_l}{\beta} \left[ s_l^\top s_{l+1} |_{t+1} - s_l^\top s_{l+1} |_t \right]

    While weights hardly move, the sum over the phase telescopes to the update of equilibrium propagation; they differ
    in first order of the rates. In the circuit a synapse needs the rates of change of its two ends (a capacitor in
    series with each line), and no memory of the free phase.

    Parameters
    ----------
    rates, beta, free_steps, nudged_steps, batch
        As in ``Hopfield``; the defaults are those of a setting of 784-512-10 that is known to work.
    nudging : {"one-sided", "random-sign", "centred"}
        Centred, the network first follows the nudge ``-beta`` without learning, and learns on its way to ``beta``.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = (rng.random((400, 4)) < 0.5).astype(float)
    >>> t = np.eye(2)[x[:, 0].astype(int)]
    >>> rule = ContinualEquilibrium(network=(4, 8, 2), rates=(0.03,))
    >>> for _ in range(10):
    ...     rule.learn(x, t)
    >>> float((rule.outputs(x).argmax(1) == t.argmax(1)).mean())
    1.0
    """

    rates: tuple[float, ...] = (0.0056, 0.0028)
    beta: float = 0.2

    title: ClassVar[str] = "continual equilibrium propagation in a layered Hopfield network"
    source: ClassVar[str] = "Ernoult et al. 2020"

    def _learn_batch(self, x: Array, t: Array) -> None:
        drive, states = self._free(x)
        beta, way = self.beta * self._sign(), 1.0
        if self.nudging == "centred":
            states, way = self._nudged(drive, states, -beta, t), 2.0
        factors = [rate / (way * beta * len(x)) for rate in self._rates]
        for turn in range(self.nudged_steps):
            after = step(self._arrays, drive, states, turn, beta, t)
            pulse(self._arrays, x, after, states, factors)
            states = after
            drive = self._arrays[0].forward(with_ones(x))


EXPORT = ContinualEquilibrium
