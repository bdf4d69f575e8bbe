"""The equations of a circuit at many points at once: f, q and their Jacobians with a column for each point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import AnalysisError
from circuitnn.mna._block import BlockKernel
from circuitnn.mna._tape import TapeKernel

if TYPE_CHECKING:
    from circuitnn.mna.plan import Batch
    from circuitnn.mna.system import System

Real = NDArray[np.float64]

#: Rounds after which the voltages that a device limits have reached any point.
_ROUNDS = 50


@dataclass
class Values:
    """What the equations give at P points.

    Parameters
    ----------
    f, q : ndarray, shape (n, P)
    g, c : ndarray, shape (nnz, P)
        df/dx and dq/dx on the plan's pattern.
    """

    f: Real
    q: Real
    g: Real
    c: Real


class Pointwise:
    """Evaluates all devices of a circuit at many points in one call of each kernel.

    Parameters
    ----------
    system : System

    Raises
    ------
    AnalysisError
        For circuits whose equations are not determined by the unknowns at one instant: transmission lines, devices
        that jump at random, blocks that remember.
    """

    def __init__(self, system: System) -> None:
        from scipy.sparse import csc_array, csr_array

        plan = system.plan
        self.system, self.n, self.nnz = system, plan.n, len(plan.ai)
        self.batches = plan.batches
        self._refuse_memory()
        shape = (self.n, self.n)
        self._g0 = csc_array((plan.g0[: self.nnz], plan.ai, plan.ap), shape=shape)
        self._c0 = csc_array((plan.c0[: self.nnz], plan.ai, plan.ap), shape=shape)
        self._g0_values, self._c0_values = plan.g0[: self.nnz, None], plan.c0[: self.nnz, None]

        def gather(rows: NDArray[np.int32], size: int) -> Any:
            flat = rows.ravel()
            return csr_array((np.ones(len(flat)), (flat, np.arange(len(flat)))), shape=(size + 1, len(flat)))

        self._sums = [
            (gather(b.index, self.n), gather(b.jf_slot, self.nnz), gather(b.jq_slot, self.nnz)) for b in self.batches
        ]
        self._limits: list[Real | None] = [None] * len(self.batches)
        self._params: list[Real] = []
        self._points = -1
        self.timed = any(self._is_timed(b) for b in self.batches)
        charged = np.zeros(self.nnz + 1, bool)
        charged[: self.nnz] = self._c0_values[:, 0] != 0.0
        for batch in self.batches:
            charged[batch.jq_slot.ravel()] = True
        #: Slots of the pattern where dq/dx may differ from zero.
        self.charged = np.flatnonzero(charged[: self.nnz])

    def _refuse_memory(self) -> None:
        if len(self.system.plan.delays.td):
            raise AnalysisError(
                "transmission lines remember a stretch of the past: their periodic states are not sought here",
                hint="a ladder of a few inductors and capacitors stands for a line",
            )
        for batch in self.batches:
            kernel = batch.kernel
            if getattr(kernel, "n_jump", 0):
                raise AnalysisError(
                    f"{batch.names[0]} jumps at random, so that no state repeats", names=(batch.names[0],)
                )
            if isinstance(kernel, BlockKernel) and (kernel.memory or kernel.n_discrete):
                raise AnalysisError(
                    f"{batch.names[0]} is a block that remembers: its periodic states are not sought here",
                    names=(batch.names[0],),
                )

    @staticmethod
    def _is_timed(batch: Batch) -> bool:
        return bool(getattr(batch.kernel, "timed", False))

    def switches(self, k: int) -> int:
        """Return how many switch positions an instance of batch ``k`` has."""
        kernel = self.batches[k].kernel
        return 0 if isinstance(kernel, TapeKernel | BlockKernel) else int(kernel.n_discrete - kernel.n_jump)

    def evaluate(self, x: Real, positions: list[Real], times: Real | None = None) -> Values:
        """Return the equations at ``x`` (n, P).

        ``positions`` has for each batch those of its switches, (switches, instances, P); ``times`` (P,), s, is needed
        where devices depend on the time.
        """
        points = x.shape[1]
        if points != self._points:
            self._points = points
            self._limits = [None] * len(self.batches)
            self._params = [np.repeat(b.param, points, axis=1) for b in self.batches]
        whole = np.vstack([x, np.zeros(points)])
        f = np.vstack([self._g0 @ x, np.zeros(points)])
        q = np.vstack([self._c0 @ x, np.zeros(points)])
        g = np.zeros((self.nnz + 1, points))
        c = np.zeros((self.nnz + 1, points))
        g[:-1], c[:-1] = self._g0_values, self._c0_values
        for k, batch in enumerate(self.batches):
            of_f, of_q, of_g, of_c = self._kernel(k, batch, whole, positions[k], times)
            rows, to_g, to_c = self._sums[k]
            f += rows @ of_f.reshape(-1, points)
            q += rows @ of_q.reshape(-1, points)
            g += to_g @ of_g.reshape(-1, points)
            c += to_c @ of_c.reshape(-1, points)
        return Values(f[:-1], q[:-1], g[:-1], c[:-1])

    def _kernel(self, k: int, batch: Batch, whole: Real, positions: Real, times: Real | None) -> tuple[Real, ...]:
        """Return f, q, jf and jq of a batch, each with a row of instances times points."""
        kernel, points = batch.kernel, whole.shape[1]
        u = whole[batch.index.ravel()].reshape(len(batch.index), batch.n * points)
        if self._is_timed(batch):
            assert times is not None
            own = u.reshape(len(batch.index), batch.n, points)
            columns = [self._timed(batch, own[:, :, i], positions[..., i], float(t)) for i, t in enumerate(times)]
            return tuple(np.stack(parts, axis=-1).reshape(len(parts[0]), -1) for parts in zip(*columns, strict=True))
        return self._call(k, kernel, u, self._params[k], positions.reshape(len(positions), u.shape[1]))

    def _timed(self, batch: Batch, u: Real, positions: Real, time: float) -> tuple[Real, ...]:
        env = np.array([self.system.options.gmin, time])
        if isinstance(batch.kernel, TapeKernel):
            return tuple(batch.kernel.evaluate(u, batch.param, env=env))
        limits = np.zeros((batch.kernel.n_limit, batch.n))
        return self._settled(batch.kernel, u, batch.param, limits, positions, env)[1]

    def _call(self, k: int, kernel: Any, u: Real, param: Real, positions: Real) -> tuple[Real, ...]:
        env = np.array([self.system.options.gmin, 0.0])
        if isinstance(kernel, TapeKernel):
            return tuple(kernel.evaluate(u, param, env=env))
        if isinstance(kernel, BlockKernel):
            columns = [kernel.evaluate(u[:, [i]]) for i in range(u.shape[1])]
            return tuple(np.hstack(parts) for parts in zip(*columns, strict=True))
        if kernel.n_limit == 0:
            return tuple(kernel.evaluate(u, param, env=env))
        limits = self._limits[k]
        if limits is None:
            limits = np.zeros((kernel.n_limit, u.shape[1]))
        self._limits[k], found = self._settled(kernel, u, param, limits, positions, env)
        return found

    @staticmethod
    def _settled(
        kernel: Any, u: Real, param: Real, limits: Real, positions: Real, env: Real
    ) -> tuple[Real, tuple[Real, ...]]:
        """Let the limited voltages come to u, with the switches as they are given."""
        first = kernel.n_limit - len(positions)
        for _ in range(_ROUNDS if first else 0):
            limits, held = kernel.limit(u, param, limits, limits, env)
            if not held:
                break
        limits[first:] = positions
        return limits, tuple(kernel.evaluate(u, param, limits, env))

    def noise(self, batch: Batch, x: Real, positions: Real | None) -> tuple[Real, Real]:
        """Return densities at 1 Hz and exponents of a batch's noise at ``x``, each (sources, instances, P)."""
        kernel, points = batch.kernel, x.shape[1]
        whole = np.vstack([x, np.zeros(points)])
        u = whole[batch.index.ravel()].reshape(len(batch.index), batch.n * points)
        param = np.repeat(batch.param, points, axis=1)
        env = np.array([self.system.options.gmin, 0.0])
        limits = np.zeros((kernel.n_limit, u.shape[1]))
        if positions is not None and kernel.n_limit:
            limits, _ = self._settled(kernel, u, param, limits, positions.reshape(len(positions), u.shape[1]), env)
        density, exponent = kernel.noise(u, param, limits, env)
        return density.reshape(-1, batch.n, points), exponent.reshape(-1, batch.n, points)
