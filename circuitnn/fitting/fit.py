"""``cn.fit``: least squares between simulated and measured currents."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device
from circuitnn.errors import AnalysisError, CircuitnnError, UsageError
from circuitnn.fitting.fitted import Fit
from circuitnn.fitting.measured import Loop, Measured, PulseTrain, read_measured
from circuitnn.fitting.profile import Profile
from circuitnn.fitting.scaling import Free, Weighing, free_parameters
from circuitnn.fitting.simulation import Bench, device_and_card
from circuitnn.fitting.uncertainty import uncertainties
from circuitnn.netlist.flat import Model

Vector = NDArray[np.float64]
#: Change of u for slopes, well above what the steps of the simulation leave to chance.
_STEP = 1e-3
#: Points that are looked at for each further try of the solver.
_TRIALS = 10
#: What a failed simulation counts as, against the residuals at the start.
_PENALTY = 10.0


def fit(
    model: str | type[Device] | Model,
    measured: Any,
    parameters: Sequence[str] | Mapping[str, tuple[float, float] | None],
    *,
    start: Mapping[str, float] | None = None,
    scale: str = "linear",
    floor: float = 1e-3,
    starts: int = 1,
    seed: int = 0,
    confidence: float = 0.95,
    max_evaluations: int = 100,
    progress: Callable[[float], None] | None = None,
) -> Fit:
    """Fit parameters of a two-terminal device to measurements, by simulation of the measuring circuit.

    Parameters
    ----------
    model : str, Device class or Model
        A device, a ready-made card or a card; parameters that are not fitted keep its values.
    measured : Loop, PulseTrain, path, (time, voltage, current), or a list of these
        All of them at once, each point with the same weight. Files are read by `read_measured`.
    parameters : sequence of str, or mapping of str to (low, high) or None
        What is fitted. Without bounds, the parameter's own range; where that is open at one end, a millionth to a
        million times the start. A parameter is fitted by its logarithm where its bounds have one sign and lie two
        decades apart.
    start : mapping of str to float, optional
        Other values than the model's, to begin with or, of parameters that are not fitted, to keep.
    scale : {"linear", "log", "relative"}
        Differences of currents count in parts of the rms current, in decades (of asinh(i / floor)), or in parts of the
        measured current.
    floor : float
        Part of the largest current below which currents count little in ``log`` and ``relative``.
    starts : int
        Tries of the solver: from the start, and from the best of ten times as many points that are spread over the
        bounds (a Latin hypercube). The best result counts.
    seed : int
        Of the points.
    confidence : float
        Of the intervals, 0 .. 1.
    max_evaluations : int
        Steps of the solver, a try.
    progress : callable, optional
        Called with a bound of the part that is done, 0 .. 1.

    Returns
    -------
    Fit

    Raises
    ------
    UsageError
        For unknown devices and parameters, bounds that hold nothing, more parameters than points.
    FileError
        For files that cannot be read.
    AnalysisError
        When the simulation fails from the start, or no try ends.

    Notes
    -----
    Levenberg and Marquardt's idea within bounds, as scipy's trust region reflective method does it (Branch, Coleman
    and Li, SIAM J. Sci. Comput. 21, 1, 1999). Slopes are central differences of whole simulations. The covariance is
    s^2 (J^T J)^-1 with s^2 = sum r^2 / (n - p), which takes the noise of all points as equal in the chosen scale and
    independent; intervals are those of Student's distribution, of logarithmic parameters in the logarithm.
    `Fit.interval` gives those of the profile likelihood, which do not take the model as linear.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.linspace(0, 1, 101); v = np.sin(2 * np.pi * t)
    >>> found = fit("linear_drift", (t, v, v / 5e3), {"roff": (1e3, 20e3)}, start={"mu": 0.0, "x0": 0.0})
    >>> round(found.parameters["roff"].value, 3)
    5000.0
    """
    device, card = device_and_card(model)
    for name, value in (start or {}).items():
        if not isinstance(value, int | float):
            raise UsageError(f"start of {name} is {value!r}", expected="a number", names=(name,))
    unknown = [name for name in (start or {}) if name not in device.params]
    if unknown:
        raise UsageError(f"{device.name} has no parameter {unknown[0]!r} to start with", names=unknown)
    base = {**card.params, **{name: float(value) for name, value in (start or {}).items()}}
    asked = parameters if isinstance(parameters, Mapping) else dict.fromkeys(_names(parameters))
    free = free_parameters(device, base, asked)
    for name, number, low in (("starts", starts, 1), ("seed", seed, 0), ("max_evaluations", max_evaluations, 1)):
        if not isinstance(number, int) or number < low:
            raise UsageError(f"{name} = {number!r}", expected=f"a whole number from {low}", names=(name,))
    if not 0.0 < confidence < 1.0:
        raise UsageError(f"confidence = {confidence!r}", expected="between 0 and 1, such as 0.95")
    everything = measurements(measured)
    count = sum(len(one.measured) for one in everything)
    if count <= len(free):
        raise UsageError(f"{count} points for {len(free)} parameters", expected="more points than parameters")
    benches = [Bench(one, device, Model(card.name, card.type, base)) for one in everything]
    weights = [Weighing(one.measured, scale, floor) for one in everything]
    problem = _Problem(base, free, benches, weights, starts * max_evaluations, progress)
    best, evaluations, failures = problem.solve(starts, seed, max_evaluations)
    jacobian = problem.jacobian(best.x)
    values, covariance, correlation, warnings = uncertainties(free, best.x, jacobian, best.fun, confidence)
    if not best.success:
        warnings.insert(0, f"the solver stopped after {max_evaluations} steps; the fit may not be the best one")
    if failures:
        warnings.append(f"{failures} simulations at trial parameters failed and were left aside")
    return Fit(
        device=device.name,
        model=Model("fit", card.type, {**base, **{name: one.value for name, one in values.items()}}),
        parameters=values,
        covariance=covariance,
        correlation=correlation,
        confidence=confidence,
        scale=scale,
        measured=everything,
        currents=problem.currents(best.x),
        residuals=problem.parts(best.fun),
        evaluations=evaluations,
        warnings=warnings,
        profile=Profile(problem, free, best.x, best.fun),
    )


def _names(parameters: Iterable[str]) -> list[str]:
    if isinstance(parameters, str):
        raise UsageError(f"parameters = {parameters!r}", expected="a list of names, or a dict of bounds")
    names = [*parameters]
    if len({*names}) != len(names):
        raise UsageError("a parameter is named twice", names=names)
    return names


def measurements(given: Any) -> list[Measured]:
    """Return measurements as a list: of objects, paths, or arrays (time, voltage, current).

    Raises
    ------
    UsageError
        For anything else.
    """
    if isinstance(given, Loop | PulseTrain):
        return [given]
    if isinstance(given, str | os.PathLike):
        return [read_measured(given)]
    if isinstance(given, Sequence | np.ndarray) and len(given):
        if len(given) == 3 and all(np.ndim(part) == 1 and not isinstance(part, str) for part in given):
            return [Loop(*given)]
        if not isinstance(given, np.ndarray):
            return [one for part in given for one in measurements(part)]
    raise UsageError(
        f"{type(given).__name__} is no measurement",
        expected="a Loop, a PulseTrain, a file, or (time, voltage, current)",
    )


class _Problem:
    """Residuals and slopes by simulation; those of parameters that cannot be simulated are a bounded penalty."""

    def __init__(
        self, base: dict[str, float], free: list[Free], benches: list[Bench], weights: list[Weighing], budget: int,
        progress: Callable[[float], None] | None,
    ) -> None:  # fmt: skip
        self._base, self._free, self._benches, self._weights = base, free, benches, weights
        self._budget, self._progress = budget, progress
        self._steps = self.failures = self.simulations = 0
        self._penalty = math.nan
        self._lengths: list[int] = []

    def currents(self, u: Vector) -> list[Vector]:
        """Return the simulated currents."""
        values = {one.name: one.value(float(x)) for one, x in zip(self._free, u, strict=True)}
        return [bench.current({**self._base, **values}) for bench in self._benches]

    def parts(self, residuals: Vector) -> list[Vector]:
        """Return residuals by measurement."""
        return np.split(residuals, np.cumsum(self._lengths)[:-1])

    def _try(self, u: Vector) -> Vector | None:
        """Return the residuals, or None where the simulation fails."""
        self.simulations += 1
        try:
            currents = self.currents(u)
        except CircuitnnError:
            self.failures += 1
            return None
        found = [weight.residuals(i) for weight, i in zip(self._weights, currents, strict=True)]
        whole = np.concatenate(found)
        return whole if np.isfinite(whole).all() else None

    def residuals(self, u: Vector) -> Vector:
        """Return the residuals; of parameters that fail, all as large as a bad fit has none."""
        self._steps += 1
        if self._progress is not None:
            self._progress(min(1.0, self._steps / self._budget))
        found = self._try(u)
        return np.full(sum(self._lengths), self._penalty) if found is None else found

    def jacobian(self, u: Vector, along: list[int] | None = None) -> Vector:
        """Return central differences along all or some, one-sided at bounds and beside parameters that fail."""
        columns = []
        middle: Vector | None = None
        for k in range(len(self._free)) if along is None else along:
            low, high = self._free[k].box()
            ends: list[tuple[float, Vector]] = []
            for x in (min(u[k] + _STEP, high), max(u[k] - _STEP, low)):
                moved = np.array(u)
                moved[k] = x
                found = self._try(moved) if x != u[k] else None
                if found is not None:
                    ends.append((x, found))
            if len(ends) == 1:
                middle = self._try(u) if middle is None else middle
                if middle is not None:
                    ends.append((float(u[k]), middle))
            if len(ends) == 2:
                columns.append((ends[0][1] - ends[1][1]) / (ends[0][0] - ends[1][0]))
            else:
                columns.append(np.zeros(sum(self._lengths)))
        return np.column_stack(columns)

    def solve(self, starts: int, seed: int, most: int) -> tuple[Any, int, int]:
        """Return the best of several tries, how many simulations it took, and how many of them failed."""
        from scipy.optimize import least_squares

        boxes = np.array([one.box() for one in self._free])
        first = np.array([one.inner(one.start) for one in self._free])
        currents = self.currents(first)  # from the start on it must work
        self._lengths = [len(i) for i in currents]
        begin = self._try(first)
        if begin is None:
            raise AnalysisError("the currents at the start are not finite", hint="choose another start")
        self._penalty = _PENALTY * max(1.0, float(np.abs(begin).max()))
        best: Any = None
        for point in [first, *self._promising(boxes, first, starts - 1, seed)]:
            found = least_squares(
                self.residuals, point, self.jacobian, bounds=(boxes[:, 0], boxes[:, 1]), method="trf", max_nfev=most,
                x_scale="jac", xtol=1e-8, ftol=1e-9, gtol=1e-10,
            )  # fmt: skip
            if best is None or found.cost < best.cost:
                best = found
        return best, self.simulations, self.failures

    def _promising(self, boxes: Vector, first: Vector, count: int, seed: int) -> list[Vector]:
        """Return the best of many points: a simulation is cheap against a fit."""
        tried = [(self._try(point), point) for point in self._spread(boxes, first, _TRIALS * count, seed)]
        sound = [(float(found @ found), k) for k, (found, _) in enumerate(tried) if found is not None]
        return [tried[k][1] for _, k in sorted(sound)[:count]]

    def _spread(self, boxes: Vector, first: Vector, count: int, seed: int) -> list[Vector]:
        if not count:
            return []
        from scipy.stats import qmc

        # Where there are no bounds, around the start by half of it.
        low = np.where(np.isfinite(boxes[:, 0]), boxes[:, 0], first - 0.5)
        high = np.where(np.isfinite(boxes[:, 1]), boxes[:, 1], first + 0.5)
        points = qmc.LatinHypercube(len(first), seed=seed).random(count)
        return [low + point * (high - low) for point in points]
