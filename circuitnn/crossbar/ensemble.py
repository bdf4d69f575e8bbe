"""Many crossbars of one shape with the same wires, solved in one call: variability, Monte Carlo, tiles of a network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.bias import make_bias
from circuitnn.crossbar.checks import accuracy, real, require_finite
from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.crossbar.lines import line_model
from circuitnn.errors import CrossbarError
from circuitnn.results.memory import core_count

Array = NDArray[np.float64]
_TRANSFER = 1e-11


class CrossbarEnsemble:
    """Crossbars of linear cells that differ in their conductances only.

    The arrays are spread over the processor's cores; each is solved by one thread, so that the number of threads
    changes no digit.

    Parameters
    ----------
    G : array_like, shape (count, rows, cols), S
    r_word, r_bit, **ends
        Wires and ends of all of them, as of ``Crossbar``; without wires by segment.

    Raises
    ------
    CrossbarError
        For what ``Crossbar`` refuses, naming the array.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> chips = CrossbarEnsemble(1e-4 * rng.lognormal(0.0, 0.1, (100, 4, 3)), r_word=5.0, r_bit=5.0)
    >>> chips.solve([0.2, 0.2, 0.2, 0.2]).shape
    (100, 3)
    >>> chips.transfer_matrices().shape
    (100, 4, 3)
    """

    def __init__(self, G: ArrayLike, r_word: ArrayLike = 1.0, r_bit: ArrayLike = 1.0, **ends: Any) -> None:
        self.G = real("conductances", G)
        if self.G.ndim != 3 or self.G.size == 0:
            raise CrossbarError(
                f"conductances of shape {self.G.shape}", expected="(count, rows, cols), each at least 1"
            )
        if not (self.G.min() >= 0.0 and self.G.max() < np.inf):
            array, row, column = map(int, np.argwhere(~(np.isfinite(self.G) & (self.G >= 0.0)))[0])
            raise CrossbarError(
                f"the conductance of cell ({row}, {column}) of array {array} is {self.G[array, row, column]:g} S",
                expected="a finite number of siemens, 0 for an open cell",
                names=[f"({array}, {row}, {column})"],
            )
        self.G.setflags(write=False)
        self._made = r_word, r_bit, ends
        mean = Crossbar(self.G.mean(axis=0), r_word, r_bit, **ends)
        self._lines = line_model(self.G.mean(axis=0), mean.wires)

    def __len__(self) -> int:
        return len(self.G)

    def __getitem__(self, k: int) -> Crossbar:
        """Return array ``k``."""
        r_word, r_bit, ends = self._made
        return Crossbar(self.G[k], r_word, r_bit, **ends)

    def __repr__(self) -> str:
        count, rows, cols = self.G.shape
        return f"<CrossbarEnsemble of {count}, {rows} x {cols}>"

    def solve(self, v: ArrayLike, *, tolerance: float = 1e-10) -> Array:
        """Return the currents out of the bit lines.

        Parameters
        ----------
        v : array_like, V
            Source voltages, shape (rows,) or (batch, rows) for all arrays, or (count, batch, rows).
        tolerance : float
            As of ``Crossbar.solve``.

        Returns
        -------
        ndarray, shape (count, cols) or (count, batch, cols), A
        """
        wanted = accuracy(tolerance)
        count, rows, cols = self.G.shape
        drive = real("source voltages", v)
        if drive.ndim == 3:
            if len(drive) != count or drive.shape[2] != rows:
                raise CrossbarError(f"voltages of shape {drive.shape}", expected=f"({count}, batch, {rows})")
            make_bias((rows, cols), drive.reshape(-1, rows))  # refuses what is not finite
            return self._solve(drive, wanted)
        bias = make_bias((rows, cols), drive)
        found = self._solve(np.ascontiguousarray(bias.v)[None], wanted)
        return found[:, 0] if bias.single else found

    def transfer_matrices(self) -> Array:
        """Return T of every array, shape (count, rows, cols), S."""
        return self._solve(np.eye(self.G.shape[1])[None], _TRANSFER)

    def _solve(self, drive: Array, tolerance: float) -> Array:
        if self._lines is None:
            groups = drive if len(drive) > 1 else np.broadcast_to(drive, (len(self), *drive.shape[1:]))
            return np.array([self[k].solve(v, tolerance=tolerance).currents for k, v in enumerate(groups)])
        scale = float(np.abs(drive).max()) or 1.0
        threads = core_count()
        currents, failed = self._lines.solve_arrays(self.G, np.ascontiguousarray(drive / scale), tolerance, threads)
        currents *= scale
        for k in np.flatnonzero(failed).tolist():  # shorts and the like: another method
            currents[k] = self[k].solve(drive[k if len(drive) > 1 else 0], tolerance=tolerance).currents
        require_finite(currents)
        found: Array = currents
        return found
