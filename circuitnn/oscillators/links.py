"""Couplings of macrospins: by the fields of their moments, and by the current of junctions in series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from circuitnn.errors import UsageError
from circuitnn.oscillators.population import Population
from circuitnn.oscillators.run import Array
from circuitnn.results.memory import require_memory


class Dipolar:
    """Each magnet, as a point dipole, acts with its field on all others.

    H_i = sum over j of Ms_j V_j (3 (m_j.e) e - m_j) / (4 pi r^3), with e and r the direction and the distance between
    i and j (Jackson, Classical Electrodynamics, 5.56). The whole tensor is kept: 72 n^2 bytes.

    Parameters
    ----------
    positions : array (n, 3)
        Metres; no two alike.

    Raises
    ------
    UsageError
        For positions of another shape, that are not finite, or that two share.

    Examples
    --------
    >>> Dipolar([[0, 0, 0], [1e-7, 0, 0]]).positions.shape
    (2, 3)
    """

    def __init__(self, positions: ArrayLike) -> None:
        self.positions = np.asarray(positions, dtype=np.float64)
        if self.positions.ndim != 2 or self.positions.shape[1] != 3 or not np.isfinite(self.positions).all():
            raise UsageError("positions of dipoles are not usable", expected="finite numbers of the shape (n, 3)")

    def states(self) -> int:
        """Return 0: it has no state."""
        return 0

    def bind(self, population: Population) -> Array:
        """Return the field of each component of each m, (3, n, 3, n): of source j at i, A/m."""
        _macrospins(self, population)
        pop: Any = population
        if len(self.positions) != pop.n:
            raise UsageError(f"{len(self.positions)} positions of {pop.n} oscillators", expected="one each")
        require_memory("the dipolar field", float(pop.n), 18 * pop.n)
        apart = self.positions[None, :, :] - self.positions[:, None, :]
        distance = np.linalg.norm(apart, axis=2)
        np.fill_diagonal(distance, 1.0)
        if not (distance > 0.0).all():
            raise UsageError("two oscillators have the same position")
        apart /= distance[:, :, None]
        moment = pop.ms * pop.area * pop.thickness
        strength = moment[:, None] / (4.0 * np.pi * distance**3)
        np.fill_diagonal(strength, 0.0)
        tensor = 3.0 * np.einsum("jia,jib->ajbi", apart, apart)
        for k in range(3):
            tensor[k, :, k, :] -= 1.0
        return np.asarray(tensor * strength[None, :, None, :])

    def observe(self, population: Population, arrays: Mapping[str, Array], states: Array) -> dict[str, Any]:
        """Return nothing."""
        return {}


class Electrical:
    """Junctions in series, fed with direct current through the inductor of a bias tee whose capacitor feeds a load.

    The inductor lets the direct current pass, and no other. With the resistances R of the junctions, the load R_L and
    the voltage v_C of the capacitor the string carries I = (R_L I_dc + v_C) / (R_L + sum R), and C dv_C/dt = I_dc - I:
    an oscillation of one junction changes the current through all (Grollier, Cros and Fert, Phys. Rev. B 73, 060409,
    2006). The capacitor begins with the direct voltage of junctions with m across p. The current adds to the
    ``current`` of the oscillators, and a run has the current (A) and the voltage at the load (V), ``string_current``
    and ``string_output``.

    Parameters
    ----------
    current : float
        I_dc, A.
    load, capacitance : float
        R_L, ohm; C, F. Both above 0.
    members : array of int, optional
        Numbers of the oscillators in the string; all when absent.
    name : str
        Instead of ``string`` in the names of its results.

    Raises
    ------
    UsageError
        For values out of range and members that are not there.

    Examples
    --------
    >>> Electrical(1e-3, 50.0, 1e-10).states()
    1
    """

    def __init__(
        self, current: float, load: float, capacitance: float, members: ArrayLike | None = None, name: str = "string"
    ) -> None:
        if not (np.isfinite([current, load, capacitance]).all() and load > 0.0 and capacitance > 0.0):
            raise UsageError("a string has no such circuit", expected="load and capacitance above 0, all finite")
        self.current, self.load, self.capacitance = float(current), float(load), float(capacitance)
        self.members = None if members is None else np.atleast_1d(np.asarray(members))
        self.name = name

    def states(self) -> int:
        """Return 1: the voltage of the capacitor, above that at which it begins."""
        return 1

    def bind(self, population: Population) -> tuple[Any, tuple[float, float, float, float]]:
        """Return the members, and direct current, load, capacitance and voltage to begin with."""
        _macrospins(self, population)
        members = np.arange(population.n) if self.members is None else self.members
        if members.dtype.kind not in "iu" or members.ndim != 1 or len(np.unique(members)) != len(members):
            raise UsageError("members of a string are not usable", expected="whole numbers, each once")
        if len(members) == 0 or members.min() < 0 or members.max() >= population.n:
            raise UsageError("a string has members that are not there", expected=f"0 to {population.n - 1}")
        return members, (self.current, self.load, self.capacitance, self._rest(population, members))

    def _rest(self, population: Any, members: Any) -> float:
        across = population.conductance(np.zeros((population.n, 3)))
        return float(self.current * (1.0 / across[members]).sum())

    def observe(self, population: Population, arrays: Mapping[str, Array], states: Array) -> dict[str, Any]:
        """Return the current of the string and the voltage at the load."""
        pop: Any = population
        members = self.bind(population)[0]
        resistance = (1.0 / pop.conductance(arrays["m"])[:, members]).sum(axis=1)
        voltage = self._rest(pop, members) + states[:, 0]
        current = (self.load * self.current + voltage) / (self.load + resistance)
        return {
            f"{self.name}_current": (current, "A"),
            f"{self.name}_output": (self.load * (self.current - current), "V"),
        }


def _macrospins(link: object, population: Population) -> None:
    if "m" not in population.arrays:
        raise UsageError(f"{type(link).__name__} goes with Macrospins", expected="oscillators whose state is m")
