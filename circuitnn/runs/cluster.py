"""A Dask cluster as the processes that do numbered work: one on this machine, or any whose scheduler is reachable.

The task travels once, as a result that the cluster itself can make anew; what follows are parts of the work, lists of
numbers. A worker that dies costs the parts that it had: the scheduler gives them to another. The same numbers give the
same results wherever they are done, so a cluster changes nothing in what comes out.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any

from circuitnn import __version__
from circuitnn.errors import AnalysisError, CircuitnnError, UsageError, missing_extra
from circuitnn.results.memory import core_count
from circuitnn.runs.pool import Part, Task, do

_PATIENCE = 10.0  # seconds that a scheduler has to answer, and to have a worker
_AHEAD = 2  # parts a worker, so that none waits for the next
_one_at_a_time = threading.Lock()
_log = logging.getLogger("distributed.client")


class DaskCrew:
    """The workers of a Dask cluster.

    Parameters
    ----------
    task : Task
    cluster : str
        ``"local"`` starts processes of this machine, which end with this object; else the address of a scheduler,
        which is connected to as Dask's own configuration says (``distributed.comm.tls`` for ``tls://``).
    workers : int, optional
        Of a local cluster; one for each core when absent.
    pieces : int
        How much work there is: no more local workers are started.

    Raises
    ------
    MissingExtraError
        Without Dask.
    UsageError
        For a function that other processes cannot find.
    AnalysisError
        When the cluster does not start, cannot be reached, or has no workers.
    """

    least = 0.1  # a Dask task costs 2 ms

    def __init__(self, task: Task, cluster: str, workers: int | None, pieces: int) -> None:
        try:
            import distributed
        except ImportError:
            raise missing_extra("distributed", "distributed", "a Dask cluster") from None
        task.require_importable()
        self._killed = distributed.scheduler.KilledWorker
        self._name = "the local cluster" if cluster == "local" else f"the cluster at {cluster}"
        self._cluster: Any = None
        self._client: Any = None
        self._asked = -1.0
        self._count = 1
        self._given: dict[Future[Part], Any] = {}
        self._level = _log.level
        _log.setLevel(logging.CRITICAL)  # what it logs of a lost scheduler is told of as an error
        try:
            if cluster == "local":
                self._cluster = _local(min(workers or core_count(), pieces))
            self._client = distributed.Client(
                self._cluster or cluster, timeout=_PATIENCE, set_as_default=False, name="circuitnn"
            )
            self._client.wait_for_workers(1, timeout=_PATIENCE)
            self._held = self._client.submit(_hold, task, __version__, pure=False)
        except (OSError, TimeoutError, ValueError, RuntimeError) as error:
            reached = self._client is not None
            self.close()
            raise AnalysisError(
                f"{self._name} has no workers" if reached else f"cannot reach {self._name}: {error}",
                hint="start some: dask worker ADDRESS --nthreads 1" if reached else _hint(cluster),
            ) from None
        except BaseException:
            self.close()
            raise

    def count(self) -> int:
        """Return how many workers there are, times the parts that each has at hand."""
        now = time.monotonic()
        if self._client is not None and now - self._asked > 1.0:
            self._asked = now
            try:
                self._count = _AHEAD * max(1, len(self._client.nthreads()))
            except (OSError, TimeoutError, CancelledError):
                raise self._lost() from None
        return self._count

    def submit(self, indices: list[int]) -> Future[Part]:
        """Give a part of the work away."""
        if self._client.status in ("closing", "closed"):  # it does so itself when it has lost its scheduler
            raise self._lost()
        mine: Future[Part] = Future()
        theirs = self._client.submit(_do, self._held, tuple(indices), pure=False)
        self._given[mine] = theirs  # Dask drops what nobody holds
        theirs.add_done_callback(partial(self._hand_over, mine, indices))
        return mine

    def close(self) -> None:
        """Take back what is not done, and end what was started here."""
        client, cluster, given = self._client, self._cluster, [*self._given.values()]
        self._client = self._cluster = self._held = None
        self._given.clear()
        if client is not None:
            if given and client.status == "running":
                client.cancel(given, force=True)
            client.close()
        if cluster is not None:
            cluster.close()
        _log.setLevel(self._level)

    def _hand_over(self, mine: Future[Part], indices: list[int], theirs: Any) -> None:
        """Pass on what became of a part, in the thread in which Dask tells of it."""
        self._given.pop(mine, None)
        if not mine.set_running_or_notify_cancel():
            return
        try:
            mine.set_result(theirs.result())
        except BaseException as error:
            mine.set_exception(self._told(error, indices))

    def _told(self, error: BaseException, indices: list[int]) -> CircuitnnError:
        """Return what a part met, as an error of ours that names its runs."""
        runs = f"run {indices[0]}" if len(indices) == 1 else f"runs {indices[0]} .. {indices[-1]}"
        if isinstance(error, CircuitnnError):
            return error
        if isinstance(error, self._killed):
            return AnalysisError(
                f"{runs}: {error.allowed_failures + 1} workers have died of them, one after another",
                hint="they may have run out of memory",
            )
        if isinstance(error, CancelledError | OSError | TimeoutError):
            return self._lost()
        said = str(error).partition("\n")[0]
        return AnalysisError(
            f"{runs}: {self._name} cannot do them: {type(error).__name__}: {said}",
            hint="its workers need the same circuitnn, and the module of the function that is run",
        )

    def _lost(self) -> AnalysisError:
        return AnalysisError(
            f"{self._name} was lost: its scheduler no longer answers", hint="is it running (dask scheduler)?"
        )


def _hint(cluster: str) -> str:
    if cluster == "local":
        return "in a script, the call belongs under if __name__ == '__main__':"
    return "is its scheduler running (dask scheduler), and reachable from here?"


def _local(count: int) -> Any:
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=count,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        # A worker that dies is started again, and what is lost is told of as an error.
        silence_logs=logging.CRITICAL,
        preload=[__name__],
    )


def dask_setup(worker: Any) -> None:
    """Leave interrupts to the process that started a local worker; Dask calls this in each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _hold(task: Task, version: str) -> Task:
    """Make the task a result that lies where it is needed."""
    if version != __version__:
        raise UsageError(
            f"a worker has circuitnn {__version__}, and what it should do comes from {version}",
            hint="install the same version there",
        )
    return task


def _do(task: Task, indices: tuple[int, ...]) -> Part:
    with _one_at_a_time:  # a task keeps its circuit: the threads of a worker take turns
        return do(task, indices)
