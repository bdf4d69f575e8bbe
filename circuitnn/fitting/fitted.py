"""The result of a fit."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError, nearest
from circuitnn.fitting.measured import Measured
from circuitnn.fitting.profile import Profile
from circuitnn.fitting.uncertainty import Estimate
from circuitnn.netlist.flat import Model
from circuitnn.results.atomic import replacing

Vector = NDArray[np.float64]
_WIDTH = 100


@dataclass(frozen=True, eq=False)
class Fit:
    """A device's parameters from measurements.

    Attributes
    ----------
    device : str
    model : Model
        With the fitted parameters; for ``circuit.models``, or as text by ``card()``.
    parameters : dict of str to Estimate
        Value, standard error and confidence interval of each.
    covariance, correlation : ndarray, shape (parameters, parameters)
        In the order of ``parameters``.
    confidence : float
    scale : str
        Of the residuals.
    measured : list of Loop and PulseTrain
    currents, residuals : list of ndarray
        Simulated currents (A) and weighed differences, a list entry a measurement.
    evaluations : int
        Simulations of all measurements.
    warnings : list of str
    profile : Profile, optional
        What ``interval`` asks.
    """

    device: str
    model: Model
    parameters: dict[str, Estimate]
    covariance: Vector
    correlation: Vector
    confidence: float
    scale: str
    measured: list[Measured]
    currents: list[Vector]
    residuals: list[Vector]
    evaluations: int
    warnings: list[str]
    profile: Profile | None = field(default=None, repr=False)

    def interval(self, name: str, *, method: str = "profile", confidence: float | None = None) -> tuple[float, float]:
        """Return a parameter's confidence interval.

        Parameters
        ----------
        name : str
        method : {"profile", "linear"}
            By the profile likelihood (see `circuitnn.fitting.profile.Profile`), which takes some hundred simulations,
            right also where the valley of good fits is curved, and ends at the parameter's bounds; or from the
            standard error, as that in ``parameters``.
        confidence : float, optional
            That of the fit when absent.

        Raises
        ------
        UsageError
            For another parameter, method or confidence.
        AnalysisError
            When the profile finds better fits than the best.
        """
        if name not in self.parameters:
            raise UsageError(f"{name} was not fitted", hint=nearest(name, self.parameters), names=(name,))
        wanted = self.confidence if confidence is None else confidence
        if not 0.0 < wanted < 1.0:
            raise UsageError(f"confidence = {wanted!r}", expected="between 0 and 1, such as 0.95")
        one = self.parameters[name]
        if method == "profile" and self.profile is not None:
            return self.profile.interval(name, wanted, one.error)
        if method != "linear":
            raise UsageError(f"method = {method!r}", expected="profile, of a fit just made, or linear")
        from scipy.stats import t as student

        spread = float(student.ppf(0.5 + 0.5 * wanted, self.goodness["freedom"])) * one.error
        if not one.log:
            return one.value - spread, one.value + spread
        if not math.isfinite(spread):
            return one.low, one.high
        ends = [one.value * math.exp(sign * min(spread / abs(one.value), 700.0)) for sign in (-1.0, 1.0)]
        return min(ends), max(ends)

    @cached_property
    def goodness(self) -> dict[str, float]:
        """How good the fit is.

        ``points``, ``freedom`` (points less parameters), ``rms`` of the weighed residuals, ``largest`` of them,
        ``r_squared`` of the currents: 1 - sum (i - i_measured)^2 / sum (i_measured - mean)^2.
        """
        weighed = np.concatenate(self.residuals)
        measured = np.concatenate([one.measured for one in self.measured])
        missed = float(np.sum((np.concatenate(self.currents) - measured) ** 2))
        spread = float(np.sum((measured - measured.mean()) ** 2))
        return {
            "points": len(weighed),
            "freedom": len(weighed) - len(self.parameters),
            "rms": float(np.sqrt(np.mean(weighed**2))),
            "largest": float(np.abs(weighed).max()),
            "r_squared": 1.0 - missed / spread if spread > 0.0 else 0.0,
        }

    def card(self, name: str = "fit") -> str:
        """Return the ``.model`` card as text, in lines of at most 100 characters.

        Examples
        --------
        >>> card = Model("fit", "vteam", {"ron": 50.0})
        >>> nothing = np.zeros((0, 0))
        >>> print(Fit("vteam", card, {}, nothing, nothing, 0.95, "linear", [], [], [], 0, []).card("cell"))
        .model cell vteam (ron=50.0)
        """
        if not name.isidentifier():
            raise UsageError(f"{name!r} cannot name a model", expected="letters, digits and _")
        lines = [f".model {name} {self.model.type} ("]
        for k, (key, value) in enumerate(self.model.params.items()):
            word = f"{key}={value!r}"
            if len(lines[-1]) + len(word) >= _WIDTH:
                lines.append("+ " + word)
            else:
                lines[-1] += ("" if k == 0 else " ") + word
        return "\n".join(lines) + ")"

    def report(self) -> str:
        """Return parameters with errors and intervals, goodness, correlations and warnings as text."""
        good = self.goodness
        share = f"{100.0 * self.confidence:g} %"
        rows = [("parameter", "value", "unit", "std. error", f"{share} from", "to", "fitted by")]
        rows += [
            (name, f"{one.value:.6g}", "" if one.unit == "1" else one.unit, f"{one.error:.2g}", f"{one.low:.5g}",
             f"{one.high:.5g}", "logarithm" if one.log else "value")
            for name, one in self.parameters.items()
        ]  # fmt: skip
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        lines = [f"{self.device}: {len(self.parameters)} parameters, {good['points']} points, {self.scale} residuals"]
        lines += [
            "  ".join(f"{word:<{width}}" for word, width in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
        lines.append(f"rms residual {good['rms']:.3g}, largest {good['largest']:.3g}, R^2 {good['r_squared']:.6f}")
        names = list(self.parameters)
        if len(names) > 1:
            lines.append("correlations")
            for k, name in enumerate(names[1:], 1):
                pairs = [f"{names[j]} {self.correlation[k, j]:+.3f}" for j in range(k)]
                lines.append(f"  {name}: {', '.join(pairs)}")
        return "\n".join([*lines, *(f"warning: {text}" for text in self.warnings)])

    def plot(self) -> Any:
        """Draw measured and fitted currents, and their residuals; returns matplotlib axes, a row a measurement."""
        from circuitnn.fitting.picture import plot_fit

        return plot_fit(self)

    def to_json(self) -> str:
        """Return everything but the measurements as JSON; infinite numbers are null."""
        content = {
            "device": self.device,
            "model": {"type": self.model.type, "params": self.model.params},
            "parameters": {name: asdict(one) for name, one in self.parameters.items()},
            "covariance": self.covariance.tolist(),
            "correlation": self.correlation.tolist(),
            "confidence": self.confidence,
            "scale": self.scale,
            "goodness": self.goodness,
            "measurements": [{"name": one.name, "points": len(one.measured)} for one in self.measured],
            "evaluations": self.evaluations,
            "warnings": self.warnings,
        }
        return json.dumps(_finite(content), indent=2)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write ``to_json`` to a file, whole or not at all.

        Raises
        ------
        UsageError
            When the name does not end in ``.json``.
        FileError
            When the file cannot be written.
        """
        if Path(path).suffix.lower() != ".json":
            raise UsageError(f"cannot write a fit to {str(path)!r}", expected="a name that ends in .json")
        with replacing(path) as temporary:
            temporary.write_text(self.to_json() + "\n", encoding="utf-8")


def _finite(value: Any) -> Any:
    """Return a content without infinities, which JSON has no word for."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
