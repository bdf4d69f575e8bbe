"""Where the tones of a layer go: the narrowest comb on which the wanted weights can be had despite crosstalk."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import MappingError
from circuitnn.mapping.rf.combs import KINDS, comb
from circuitnn.mapping.rf.detuning import alone, tune
from circuitnn.mapping.rf.resonators import Resonators

Array = NDArray[np.float64]
ORDERS = ("as given", "strongest lowest", "strong between weak")
#: Nearer neighbours than this, in half line widths, are not tried.
CLOSEST = 0.5
_FRACTIONS = (0.125, 0.25, 0.5, 1.0)  # of the band, on a logarithmic axis


@dataclass(frozen=True)
class Trial:
    """One arrangement of a layer's tones that was tried.

    Attributes
    ----------
    kind, order : str
        Comb, and order of the inputs along it.
    low, high : float, Hz
    separation : float
        Smallest distance of neighbouring tones, in half line widths a f of the upper one.
    error_alone, error : float
        Root mean square of effective minus wanted weights, relative to the largest wanted one: with detunings that
        know nothing of crosstalk, and corrected.
    """

    kind: str
    order: str
    low: float
    high: float
    separation: float
    error_alone: float
    error: float


@dataclass(frozen=True, eq=False)
class Placement:
    """The arrangement taken: tones (inputs,) and resonances (chains, resonators), Hz, and all that were tried.

    ``order`` holds the inputs by rising tone: resonators of a chain stand in the order of their tones.
    """

    tones: Array
    resonances: Array
    order: NDArray[np.int64]
    taken: Trial
    trials: tuple[Trial, ...]


def separation(tones: Array, damping: float) -> float:
    """Return the smallest distance of neighbours in half line widths; infinite for a single tone.

    Examples
    --------
    >>> separation(np.array([100e6, 110e6]), 0.01).__round__(3)
    9.091
    """
    if len(tones) == 1:
        return float("inf")
    return float((np.diff(tones) / (damping * tones[1:])).min())


def orders(wanted: Array) -> dict[str, NDArray[np.int64]]:
    """Return candidate orders of the inputs along the comb; neighbours disturb each other most.

    A linear comb is widest, in line widths, at its low end, where ``strongest lowest`` puts the largest weights;
    ``strong between weak`` gives each strong input weak neighbours.
    """
    count = wanted.shape[1]
    ranked = np.argsort(-np.linalg.norm(wanted, axis=0), kind="stable")
    woven = np.empty(count, dtype=np.int64)
    woven[0::2], woven[1::2] = ranked[: -(-count // 2)], ranked[-(-count // 2) :]
    return dict(zip(ORDERS, (np.arange(count), ranked, woven), strict=True))


def place(
    resonators: Resonators,
    wanted: Array,
    band: tuple[float, float],
    *,
    per_input: int,
    tolerance: float,
    name: str = "layer",
) -> Placement:
    """Choose comb, order and detunings for weights.

    Bands of a growing part of ``band`` are tried, each with both combs and all orders on the three strongest chains;
    the best of these is tuned in whole. The first band on which its root mean square error is within ``tolerance`` is
    taken; when none is, the arrangement of smallest error, which says so in its ``taken.error``.

    Parameters
    ----------
    resonators : Resonators
    wanted : ndarray, shape (chains, inputs), V/W
    band : (float, float), Hz
        Where tones may lie.
    per_input : int
        Resonators a tone in each chain, 1 or 2.
    tolerance : float
        Relative to the largest weight.
    name : str
        For messages.

    Raises
    ------
    MappingError
        When neighbouring tones would be nearer than half a half-line-width even over the whole band.
    """
    count = wanted.shape[1]
    largest = float(np.abs(wanted).max()) or 1.0
    probes = np.argsort(-np.abs(wanted).sum(axis=1))[:3]
    trials: list[Trial] = []
    best: Placement | None = None
    for fraction in _FRACTIONS if count > 1 else _FRACTIONS[-1:]:
        nearest: tuple[float, str, str] | None = None
        for kind in KINDS:
            tones = comb(kind, count, band[0], band[0] * (band[1] / band[0]) ** fraction)
            if separation(tones, resonators.damping) < CLOSEST:
                continue
            for label, order in orders(wanted).items():
                found = _arrange(resonators, tones, wanted[probes], order, per_input, tolerance, (kind, label), largest)
                trials.append(found.taken)
                if nearest is None or found.taken.error < nearest[0]:
                    nearest = found.taken.error, kind, label
        if nearest is None:
            continue
        _, kind, label = nearest
        tones = comb(kind, count, band[0], band[0] * (band[1] / band[0]) ** fraction)
        whole = _arrange(resonators, tones, wanted, orders(wanted)[label], per_input, tolerance, (kind, label), largest)
        if best is None or whole.taken.error < best.taken.error:
            best = whole
        if best.taken.error <= tolerance:
            break
    if best is None:
        raise MappingError(
            f"{count} tones of {name} do not fit into {band[0]:g} to {band[1]:g} Hz at a damping of "
            f"{resonators.damping:g}: neighbours would be less than a quarter of a line width apart",
            hint="a wider band or a smaller damping",
            names=[name],
        )
    return replace(best, trials=tuple(trials))


def _arrange(
    resonators: Resonators,
    tones: Array,
    wanted: Array,
    order: NDArray[np.int64],
    per_input: int,
    tolerance: float,
    labels: tuple[str, str],
    largest: float,
) -> Placement:
    """Return the tuned arrangement of some chains; its tones and resonators rise, ``order`` tells whose they are."""
    goal = wanted[:, order]
    tuned = tune(resonators, tones, goal, per_input, 0.1 * tolerance * largest)
    plain = np.array([alone(resonators, tones, one, per_input) for one in goal])
    errors = [
        float(np.sqrt(np.mean(np.square(off)))) / largest
        for off in (resonators.weights(tones, plain) - goal, tuned.residual)
    ]
    apart = separation(tones, resonators.damping)
    taken = Trial(*labels, float(tones[0]), float(tones[-1]), apart, *errors)
    return Placement(tones, tuned.resonances, order, taken, ())
