"""Monte Carlo analyses across processes: the same numbers however many there are, and work that can go on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from circuitnn.errors import AnalysisError, NetlistError, UsageError
from circuitnn.netlist.cards.mc import MAX_RUNS
from circuitnn.netlist.early import seed_of
from circuitnn.netlist.flat import FlatNetlist
from circuitnn.netlist.netlist import Netlist, load
from circuitnn.netlist.scope import Scope
from circuitnn.results.samples import Record, Samples
from circuitnn.runs.session import Requests, analyses_of
from circuitnn.runs.store import RunStore
from circuitnn.runs.tasks import DeckTask, FunctionTask, Run

Progress = Callable[[float], None]
Task = DeckTask | FunctionTask
#: Seconds of work that a process gets at a time, and of work left above which more processes are worth their start.
_CHUNK, _WORTH = 0.5, 4.0
_MOST_IN_CHUNK = 1000
_MOST_WORKERS = 1024


def monte_carlo(
    target: Netlist | str | Path | Callable[[Run], Any],
    runs: int | None = None,
    seed: int | None = None,
    *,
    workers: int | None = None,
    store: str | os.PathLike[str] | None = None,
    vectors: Sequence[str] | None = None,
    points: int = 1001,
    progress: Progress | None = None,
) -> Samples:
    """Run a deck or a function many times, each time with other random numbers.

    What a run draws follows from ``seed`` and its number alone: results do not depend on how many processes there are,
    in which order runs end, or whether the work was broken off and gone on with.

    Parameters
    ----------
    target : Netlist, path or callable
        A deck: ``agauss`` and the like, ``dev`` and ``lot`` are drawn anew, and the option ``seed``, from which noise
        sources and variable devices draw, is each run's own. Or a function of a `Run`, that returns a number, a dict
        of numbers and one-dimensional arrays, a Result or Results; an error that it raises is that run's failure.
    runs : int, optional
        How many; of a deck those of its ``.mc`` card when absent.
    seed : int, optional
        From 0; of a deck that of its ``.mc`` or its ``.options``, else 0.
    workers : int, optional
        Processes. When absent one for each core, where the work left after the first second is worth it.
    store : path-like, optional
        A folder in which finished runs are kept. Given again it is gone on with, also to more runs.
    vectors : sequence of str, optional
        Vectors and expressions to keep; all of each result when absent.
    points : int
        Of transients, equally spaced in time, linearly interpolated. Other analyses keep their own.
    progress : callable, optional
        Called with the part that is done, 0 .. 1.

    Returns
    -------
    Samples
        An error or interrupt in between carries those that are done as ``result``.

    Raises
    ------
    UsageError
        For a number that is not possible, a function that other processes cannot find, a store of other runs.
    NetlistError
        For a mistake in the deck, one without analyses, or with ``.step``, ``.corner`` or a script.
    AnalysisError
        When all runs fail, or a process dies.

    Examples
    --------
    >>> import circuitnn as cn
    >>> deck = cn.parse("divider\\nv1 a 0 1\\nr1 a b 1k dev=5%\\nr2 b 0 1k dev=5%\\n.op\\n")
    >>> samples = monte_carlo(deck, runs=50, seed=1)
    >>> bool(abs(samples.mean("v(b)") - 0.5) < 0.01), len(samples.errors)
    (True, 0)
    """
    for name, value, low, high in (("runs", runs, 1, MAX_RUNS), ("seed", seed, 0, 2**53), ("points", points, 2, 10**7),
                                   ("workers", workers, 1, _MOST_WORKERS)):  # fmt: skip
        if value is not None and not (isinstance(value, int) and not isinstance(value, bool) and low <= value <= high):
            raise UsageError(f"{name} = {value!r}", expected=f"a whole number, {low} .. {high:g}", names=(name,))
    if isinstance(vectors, str):
        raise UsageError(f"vectors = {vectors!r}", expected="a list of names")
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise UsageError(
            "a process that should help with the runs came upon their beginning",
            hint="put the call under: if __name__ == '__main__':",
        )
    chosen = None if vectors is None else tuple(vectors)
    task: Task
    if callable(target) and not isinstance(target, Netlist):
        if runs is None:
            raise UsageError("how many runs of the function?", expected="runs=...")
        task, title, count = FunctionTask(target, seed or 0, chosen, points), _name(target), runs
        if workers is not None and workers > 1:
            task.require_importable()
    else:
        netlist = target if isinstance(target, Netlist) else load(target)
        task, count = _deck_task(netlist, runs, seed, chosen, points)
        title = netlist.title
    kept = None if store is None else RunStore(store, task.about())
    done = {} if kept is None else {k: record for k, record in kept.load().items() if k < count}
    job = _Job(task, [k for k in range(count) if k not in done], done, kept, progress, count)
    try:
        job.run(workers)
    except (AnalysisError, KeyboardInterrupt) as error:
        if any(not record.error for record in done.values()):
            vars(error)["result"] = Samples(done.values(), title, task.seed, count)
        raise
    return Samples(done.values(), title, task.seed, count)


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _deck_task(
    netlist: Netlist, runs: int | None, seed: int | None, vectors: tuple[str, ...] | None, points: int
) -> tuple[DeckTask, int]:
    """Return the task of a deck and how many runs there are; what is wrong with all of them is raised here."""
    flat = netlist.expand()
    card = flat.monte_carlo
    name = str(netlist.path or f"the netlist {netlist.title!r}")
    for what, present in ((".step", flat.steps), (".corner", flat.corners), ("a .control script", flat.script)):
        if present:
            raise NetlistError(
                f"{name} has {what}", expected="a deck with analyses alone", hint="netlist.run() runs both"
            )
    if not flat.wanted():
        raise NetlistError(f"{name} asks for no analysis" + (" that .mc names" if flat.analyses else ""))
    if runs is None and card is None:
        raise UsageError(f"how many runs of {name}?", expected="runs=..., or .mc RUNS in the deck")
    Requests(flat)
    analyses_of(flat.wanted())
    if seed is None:
        seed = card.seed if card is not None else None
    if seed is None:
        seed = seed_of(netlist.statements, Scope(FlatNetlist(), "", None, {}), {})
    count = runs if runs is not None else card.runs if card is not None else 0
    return DeckTask(netlist.to_text(), str(netlist.path or "<text>"), seed, vectors, points), count


class _Job:
    """Runs that are left, and what becomes of them."""

    def __init__(
        self, task: Task, left: list[int], done: dict[int, Record], store: RunStore | None, progress: Progress | None,
        count: int,
    ) -> None:  # fmt: skip
        self._task, self._left, self._done, self._store = task, left, done, store
        self._progress, self._count = progress, count

    def run(self, workers: int | None) -> None:
        """Do what is left, here or in other processes."""
        if workers is None or workers == 1:
            workers = self._alone(workers is None)
        if self._left:
            self._together(workers)

    def _alone(self, may_stop: bool) -> int:
        """Run in this process; return how many processes are worth it for what is left after a while."""
        began = last = time.monotonic()
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if multiprocessing.parent_process() is not None or not self._portable():
            cores = 1
        fresh: list[Record] = []
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
        if isinstance(self._task, FunctionTask):
            try:
                self._task.require_importable()
            except UsageError:
                return False
        return True

    def _together(self, workers: int) -> None:
        workers = min(workers, len(self._left))
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(workers, context, _begin, (self._task,))
        pending: set[Future[tuple[list[Record], float]]] = set()
        size = 1
        try:
            while self._left or pending:
                while self._left and len(pending) < workers + 1:
                    chunk, self._left = self._left[:size], self._left[size:]
                    pending.add(pool.submit(_work, chunk))
                ready, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in ready:
                    size = self._take(future, workers, size)
        except BrokenProcessPool:
            raise AnalysisError(
                "a process that did runs has died",
                hint="it may have run out of memory; in a script, the call belongs under if __name__ == '__main__':",
            ) from None
        except KeyboardInterrupt:
            self._progress = None
            for future in pending:
                future.cancel()
            # Those that run are waited for: they are short, and what they give is kept.
            pool.shutdown(wait=True, cancel_futures=True)
            for future in pending:
                if not future.cancelled() and future.exception() is None:
                    self._take(future, workers, size)
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _take(self, future: Future[tuple[list[Record], float]], workers: int, size: int) -> int:
        """Keep what a process gave, and return how many runs make the next part."""
        records, seconds = future.result()
        self._done.update({record.index: record for record in records})
        each = max(seconds / len(records), 1e-6)
        self._keep(records)
        self._tell()
        fair = max(1, len(self._left) // (4 * workers))
        return max(1, min(int(_CHUNK / each), fair, _MOST_IN_CHUNK, 4 * size))

    def _keep(self, records: list[Record]) -> None:
        if self._store is not None:
            self._store.add(records)
        records.clear()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(len(self._done) / self._count)


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


def _work(indices: Iterable[int]) -> tuple[list[Record], float]:
    assert _task is not None
    began = time.monotonic()
    return [_task(index) for index in indices], time.monotonic() - began
