"""Numbered pieces of work across processes: in parts of fitting size, kept as they end, broken off in good order."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from circuitnn.errors import AnalysisError, CircuitnnError, UsageError
from circuitnn.results.memory import core_count

Progress = Callable[[float], None]
#: Seconds of work that a process gets at a time, and of work left above which more processes are worth their start.
_CHUNK, _WORTH = 0.5, 4.0
_MOST_IN_CHUNK = 1000
MOST_WORKERS = 1024
#: Processes that share the cores have one thread each.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Task(Protocol):
    """What is done with a number, here or in another process."""

    def __call__(self, index: int) -> Any:
        """Return what one number gives; its ``index`` is the number."""

    def require_importable(self) -> None:
        """Raise UsageError when another process could not find what is to be done."""


class Keeper(Protocol):
    """Where what is finished is kept."""

    def add(self, records: Iterable[Any]) -> None:
        """Keep a part."""


@dataclass(frozen=True)
class Part:
    """What another process gave: its records, the seconds that it took, and the error at which it stopped."""

    records: list[Any]
    seconds: float
    error: CircuitnnError | None = None


class Crew(Protocol):
    """Other processes, to which parts of the work are given."""

    #: Seconds of work below which a part is not worth its way there.
    least: float

    def count(self) -> int:
        """Return how many processes there are."""

    def submit(self, indices: list[int]) -> Future[Part]:
        """Give a part of the work away."""

    def close(self) -> None:
        """End them; what runs is waited for where it is near its end."""


def require_workers(workers: int | None, cluster: str | None = None) -> None:
    """Raise UsageError for processes or a cluster that cannot be, or in a process that is one of them."""
    if cluster is not None and cluster != "local":
        scheme, separator, host = cluster.partition("://") if isinstance(cluster, str) else ("", "", "")
        if not (scheme.isalnum() and separator and host):
            raise UsageError(
                f"cluster = {cluster!r}",
                expected="'local', or the address of a Dask scheduler such as 'tcp://host:8786'",
                names=("cluster",),
            )
        if workers is not None:
            raise UsageError(
                f"workers = {workers!r} of {cluster}", expected="the processes that the cluster has", names=("workers",)
            )
    if workers is not None and not (type(workers) is int and 1 <= workers <= MOST_WORKERS):
        raise UsageError(f"workers = {workers!r}", expected=f"a whole number, 1 .. {MOST_WORKERS}", names=("workers",))
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise UsageError(
            "a process that should help with the runs came upon their beginning",
            hint="put the call under: if __name__ == '__main__':",
        )


class Job:
    """Runs that are left, and what becomes of them."""

    def __init__(
        self, task: Task, left: list[int], done: dict[int, Any], store: Keeper | None, progress: Progress | None,
        count: int,
    ) -> None:  # fmt: skip
        self._task, self._left, self._done, self._store = task, left, done, store
        self._progress, self._count = progress, count

    def run(self, workers: int | None, cluster: str | None = None) -> None:
        """Do what is left, here, in other processes or in a Dask cluster."""
        if cluster is not None:
            if self._left:
                from circuitnn.runs.cluster import DaskCrew

                self._share(DaskCrew(self._task, cluster, workers, len(self._left)))
            return
        if workers is None or workers == 1:
            workers = self._alone(workers is None)
        if self._left:
            self._together(workers)

    def _alone(self, may_stop: bool) -> int:
        """Run in this process; return how many processes are worth it for what is left after a while."""
        began = last = time.monotonic()
        cores = core_count()
        if multiprocessing.parent_process() is not None or not self._portable():
            cores = 1
        fresh: list[Any] = []
        finished = 0
        try:
            while self._left:
                fresh.append(self._task(self._left[0]))
                self._done[fresh[-1].index] = fresh[-1]
                del self._left[0]
                finished += 1
                self._tell()
                now = time.monotonic()
                if now - last > _CHUNK:
                    last = now
                    self._keep(fresh)
                    if may_stop and cores > 1 and now - began > 1.0:
                        if (now - began) / finished * len(self._left) > _WORTH:
                            return cores
                        may_stop = False
        finally:
            self._keep(fresh)
        return 1

    def _portable(self) -> bool:
        try:
            self._task.require_importable()
        except UsageError:
            return False
        return True

    def _together(self, workers: int) -> None:
        with _one_thread_each():
            self._share(_Processes(self._task, min(workers, len(self._left))))

    def _share(self, crew: Crew) -> None:
        pending: set[Future[Part]] = set()
        size = 1
        try:
            while self._left or pending:
                while self._left and len(pending) < crew.count() + 1:
                    chunk, self._left = self._left[:size], self._left[size:]
                    pending.add(crew.submit(chunk))
                for future in wait(pending, return_when=FIRST_COMPLETED).done:
                    pending.remove(future)
                    size = self._take(future.result(), crew, size)
        except (KeyboardInterrupt, CircuitnnError, BrokenProcessPool) as error:
            self._progress = None
            for future in pending:
                future.cancel()
            crew.close()
            for future in pending:
                if not future.cancelled() and future.exception() is None:
                    self._note(future.result())
            if isinstance(error, BrokenProcessPool):
                raise AnalysisError(
                    "a process that did runs has died",
                    hint="it may have run out of memory; in a script, the call belongs under "
                    "if __name__ == '__main__':",
                ) from None
            raise
        finally:
            crew.close()

    def _take(self, part: Part, crew: Crew, size: int) -> int:
        """Keep what a process gave, and return how many runs make the next part."""
        count = len(part.records)
        self._note(part)
        if part.error is not None:
            raise part.error
        each = max(part.seconds / count, 1e-6)
        fair = max(1, len(self._left) // (4 * crew.count()), math.ceil(crew.least / each))
        return max(1, min(int(_CHUNK / each), fair, _MOST_IN_CHUNK, 4 * size))

    def _note(self, part: Part) -> None:
        self._done.update({record.index: record for record in part.records})
        self._keep(part.records)
        self._tell()

    def _keep(self, records: list[Any]) -> None:
        if self._store is not None:
            self._store.add(records)
        records.clear()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(len(self._done) / self._count)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes that start meanwhile keep to one thread of linear algebra, unless the user has said how many."""
    added = [name for name in _THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def do(task: Task, indices: Iterable[int]) -> Part:
    """Do a part of the work in a process that is not the one which asked for it; an error names its run."""
    began = time.monotonic()
    records: list[Any] = []
    failed: CircuitnnError | None = None
    for index in indices:
        try:
            records.append(task(index))
        except CircuitnnError as error:
            failed = error
            failed.message = f"run {index}: {error.message}"
        except Exception as error:
            said = str(error).partition("\n")[0]
            failed = AnalysisError(f"run {index}: {type(error).__name__}: {said}".rstrip(": "))
            failed.add_note(traceback.format_exc())  # an exception of any kind might not travel
        if failed is not None:
            break
    return Part(records, time.monotonic() - began, failed)


class _Processes:
    """Processes of this machine that have the task from their start."""

    least = 0.0

    def __init__(self, task: Task, count: int) -> None:
        self._count = count
        self._pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _begin, (task,))

    def count(self) -> int:
        return self._count

    def submit(self, indices: list[int]) -> Future[Part]:
        return self._pool.submit(_work, indices)

    def close(self) -> None:
        # Those that run are waited for: they are short, and what they give is kept.
        self._pool.shutdown(wait=True, cancel_futures=True)


_task: Task | None = None


def _begin(task: Task) -> None:
    """Make a process ready: it leaves interrupts to the one that started it, and ends with it."""
    global _task
    _task = task
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _work(indices: list[int]) -> Part:
    assert _task is not None
    return do(_task, indices)
