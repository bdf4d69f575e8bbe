"""Programming error: a cell ends near the conductance that it was to have, how near depends on that conductance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Param
from circuitnn.errors import UsageError
from circuitnn.nonidealities.nonideality import Nonideality, Word
from circuitnn.nonidealities.sites import Sites

Array = NDArray[np.float64]

_RERAM = "Wan et al., Nature 608, 504 (2022), coefficients as in aihwkit's reram.py, in uS for g_max = 40 uS"
#: Coefficients of sigma / g_max in powers of g / g_max, by the name of the fit.
FITS = {
    "wan2022_1s": tuple(c / 40.0 for c in (0.348, 16.030, -43.853, 45.393, -16.815)),
    "wan2022_1d": tuple(c / 40.0 for c in (0.701, 22.086, -50.773, 47.095, -16.458)),
    "wan2022_2d": tuple(c / 40.0 for c in (0.782, 20.274, -43.507, 37.062, -11.934)),
    "nandakumar2019": tuple(c / 25.0 for c in (0.26348, 1.9650, -1.1731)),
}


class ProgrammingError(Nonideality):
    """G = max(G + sigma(G) z, 0), z normal, sigma = g_max (c0 + c1 r + c2 r^2 + c3 r^3 + c4 r^4), r = G / g_max.

    ``fit`` takes the coefficients of a published one, scaled to the window's g_max: ``wan2022_1s``, ``_1d``, ``_2d``
    (RRAM, 1 s, 1 day and 2 days after programming) or ``nandakumar2019`` (PCM).

    Examples
    --------
    >>> import circuitnn as cn
    >>> float(cn.nonidealities.ProgrammingError(fit="nandakumar2019").sigma(25e-6, 25e-6).round(11))
    1.05538e-06
    """

    stage = "program"

    fit = Word("wan2022_1s", ("none", *FITS), doc="published coefficients; none: c0 to c4", source=_RERAM)
    c0 = Param(0.0, "1", doc="constant part of sigma / g_max, for fit=none")
    c1 = Param(0.0, "1", doc="coefficient of r, for fit=none")
    c2 = Param(0.0, "1", doc="coefficient of r^2, for fit=none")
    c3 = Param(0.0, "1", doc="coefficient of r^3, for fit=none")
    c4 = Param(0.0, "1", doc="coefficient of r^4, for fit=none")
    scale = Param(1.0, "1", low=0.0, doc="factor of sigma")

    def check(self) -> None:
        """Refuse coefficients beside those of a fit."""
        if self.fit != "none" and any((self.c0, self.c1, self.c2, self.c3, self.c4)):
            raise UsageError(
                f"programming_error has coefficients and the fit {self.fit!r}", expected='fit="none" with coefficients'
            )

    def sigma(self, g: Array | float, g_max: float) -> Array:
        """Return the standard deviation at a conductance, S, never negative."""
        own = (self.c0, self.c1, self.c2, self.c3, self.c4)
        coefficients = FITS.get(str(self.fit), tuple(map(float, own)))
        r = np.clip(np.asarray(g) / g_max, 0.0, 1.0)
        return np.asarray(self.scale * g_max * np.maximum(np.polynomial.polynomial.polyval(r, coefficients), 0.0))

    def change(self, g: Array, sites: Sites) -> Array:
        """Return what the cells are programmed to."""
        _, g_max = sites.require_window(self.kind)
        return np.maximum(g + self.sigma(g, g_max) * sites.normal(), 0.0)


EXPORT = ProgrammingError
