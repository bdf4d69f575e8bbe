"""Continual equilibrium propagation in a resistive network: conductances follow the nudge while it rises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.learning.resistive.relaxation import SIDES, Phases
from circuitnn.learning.rules.equilibrium import Equilibrium
from circuitnn.learning.settings import whole
from circuitnn.mapping.cost.technology import Technology

Array = NDArray[Any]


@dataclass(kw_only=True, eq=False)
class ContinualResistive(Equilibrium):
    r"""Equilibrium propagation whose cells learn while the nudge rises, without memory of the free equilibrium.

    Driven: the inputs, and a nudge that rises evenly. Measured at each conductance: its voltage and how fast that
    moves. What follows (the circuit's form of Ernoult et al. 2020, arXiv 2005.04168):

    .. math:: \frac{dG}{dt} = -\frac{\eta}{\beta} \Delta V \frac{d \Delta V}{dt}

    With conductances that hardly move the integral is ``-eta [dV_beta^2 - dV_0^2] / (2 beta)``, the update of two
    equilibria; the difference is of first order in the rates. A cell needs a differentiator and a multiplier.

    Parameters
    ----------
    ramp : int
        Equal steps in which the nudge rises; after each the network settles and conductances move by the midpoint of
        the product, ``dV d(dV) = d(dV^2) / 2`` exactly.
    sides : {"centred", "plus", "minus", "random"}
        Centred: from -beta, which it reaches without learning, to beta; else from 0 to beta or -beta.
    **others
        As of ``Equilibrium``.

    Notes
    -----
    A conductance that moves shifts the voltages, and the cell cannot tell that from the nudge. The loop of both is
    stable while rate / beta times V^2 over the conductance of a node is small: rates are lower, and the nudge is
    stronger, than with two equilibria. Nudges of one side may be strong; negative ones must not outweigh the
    conductance of an output.

    Examples
    --------
    With a small rate it learns what two equilibria teach:

    >>> x, t = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.eye(2)[[0, 1, 1, 0]]
    >>> two, one = (
    ...     made(network=(2, 8, 2), gain=4.0, beta=0.5, rates=(1e-6,), batch=4, precision="double", sides="plus")
    ...     for made in (Equilibrium, ContinualResistive)
    ... )
    >>> first = two.resistive.conductances[1].copy()
    >>> for rule in (two, one):
    ...     rule.learn(x, t)
    ...     rule.synchronise()
    >>> change, other = (rule.resistive.conductances[1] - first for rule in (two, one))
    >>> bool(np.abs(change - other).max() < 1e-3 * np.abs(change).max())
    True
    """

    beta: float = 30.0
    rates: tuple[float, ...] = (0.003,)
    sides: str = "plus"
    ramp: int = 4

    title = "continual equilibrium propagation in a network of resistors and diodes"
    source = "Ernoult et al. 2020, arXiv:2005.04168; Kendall et al. 2020, arXiv:2006.01981"

    def build(self) -> None:
        """Make the network with random conductances, and its synapses."""
        whole("ramp", self.ramp)
        super().build()

    def learn(self, x: Array, t: Array) -> None:
        """Settle freely and follow the nudge, batch by batch."""
        if not len(x):
            return
        rates = tuple(self.pace * rate for rate in self.rates)
        bias_rates = tuple(self.pace * rate for rate in self.bias_rates or ())
        for first in range(0, len(x), self.batch):
            self._step(x[first : first + self.batch], t[first : first + self.batch], rates, bias_rates)
        self._count(x)
        more = len(x) * (self.ramp - 1)  # settlings beside the two or three of phases
        seconds = more * Technology().read_time
        self.cost.add("settlings", more, seconds, seconds * self._watts)

    def synchronise(self) -> None:
        """Make the solver the same as the network, which is ahead: it is updated here, in double precision."""
        self.relaxation.load()

    def _step(self, x: Array, t: Array, rates: tuple[float, ...], bias_rates: tuple[float, ...]) -> None:
        """Learn one minibatch while its nudge rises."""
        sides = self.sides
        if sides == "random":
            sides = SIDES[1 + int(self.rng.integers(2))]
        end = -self.beta if sides == "minus" else self.beta
        begin = -self.beta if sides == "centred" else 0.0
        free = self._settled(x, t, 0.0, None, None)
        before = free if begin == 0.0 else self._settled(x, t, begin, free, free)
        for nudge in np.linspace(begin, end, self.ramp + 1)[1:]:
            after = self._settled(x, t, float(nudge), before, free)
            self._move(x, Phases(free, after, before, end - begin), rates, bias_rates)
            before = after
        self.minibatches += 1

    def _settled(
        self, x: Array, t: Array, nudge: float, start: list[Array] | None, free: list[Array] | None
    ) -> list[Array]:
        # a nudge by currents takes them from the free state, which a conductance does not ask for
        first = free if self.nudging != "exact" else start
        return self.relaxation.solve(x, t, nudge, start=first, nudging=self.nudging, sweeps=self.sweeps, tolerance=0.0)

    def _move(self, x: Array, phases: Phases, rates: tuple[float, ...], bias_rates: tuple[float, ...]) -> None:
        """Move conductances and bias currents by what a step of the ramp changed."""
        conductances, currents = self.relaxation.gradient(x, phases)
        for layer, (gradient, rate) in enumerate(zip(conductances, rates, strict=True)):
            if self.held is not None:
                self.held[layer].change(-rate * gradient)
                continue
            g = self.resistive.conductances[layer]
            np.clip(g - rate * gradient, self.g_min, self.g_max, out=g)
        for current, gradient, rate in zip(self.resistive.currents, currents, bias_rates, strict=True):
            current -= rate * gradient
        if self.held is not None:
            self._read()
        self.relaxation.load()


EXPORT = ContinualResistive
