"""Monte Carlo analyses across processes: the same numbers however many there are, and work that can go on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from circuitnn.errors import AnalysisError, NetlistError, UsageError
from circuitnn.netlist.cards.mc import MAX_RUNS
from circuitnn.netlist.early import seed_of
from circuitnn.netlist.flat import FlatNetlist
from circuitnn.netlist.netlist import Netlist, load
from circuitnn.netlist.scope import Scope
from circuitnn.results.family import SampleFamily
from circuitnn.results.samples import Record, Samples
from circuitnn.runs.pool import Job, Progress, require_workers
from circuitnn.runs.session import Requests, analyses_of, coordinates_of
from circuitnn.runs.step import MAX_POINTS, Steps
from circuitnn.runs.store import RunStore
from circuitnn.runs.tasks import DeckTask, FunctionTask, Run


def monte_carlo(
    target: Netlist | str | Path | Callable[[Run], Any],
    runs: int | None = None,
    seed: int | None = None,
    *,
    workers: int | None = None,
    cluster: str | None = None,
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
    cluster : str, optional
        A Dask cluster does the runs (extra ``distributed``): ``"local"``, ``workers`` processes of this machine, or the
        address of a scheduler, such as ``"tcp://host:8786"``. It runs what it is sent: connect to your own alone.
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
        When all runs fail, a process dies, or a cluster cannot be reached.
    MissingExtraError
        For a cluster without Dask.

    Examples
    --------
    >>> import circuitnn as cn
    >>> deck = cn.parse("divider\\nv1 a 0 1\\nr1 a b 1k dev=5%\\nr2 b 0 1k dev=5%\\n.op\\n")
    >>> samples = monte_carlo(deck, runs=50, seed=1)
    >>> bool(abs(samples.mean("v(b)") - 0.5) < 0.01), len(samples.errors)
    (True, 0)
    """
    _require(runs, seed, workers, points, vectors, cluster)
    chosen = None if vectors is None else tuple(vectors)
    task: DeckTask | FunctionTask
    if callable(target) and not isinstance(target, Netlist):
        if runs is None:
            raise UsageError("how many runs of the function?", expected="runs=...")
        task, title, count = FunctionTask(target, seed or 0, chosen, points), _name(target), runs
        if cluster is not None or (workers is not None and workers > 1):
            task.require_importable()
    else:
        netlist = target if isinstance(target, Netlist) else load(target)
        task, count, steps = _deck_task(netlist, runs, seed, chosen, points)
        title = netlist.title
        if any(steps.values()):
            raise NetlistError(
                f"{_called(netlist)} has {'.corner' if 'corner' in next(iter(steps.values())) else '.step'}",
                expected="a deck with analyses alone",
                hint="monte_carlo_corners() gives the runs of each point",
            )
    done: dict[int, Record] = {}
    try:
        _do(task, done, count, workers, store, progress, cluster)
    except (AnalysisError, KeyboardInterrupt) as error:
        if any(not record.error for record in done.values()):
            vars(error)["result"] = Samples(done.values(), title, task.seed, count)
        raise
    return Samples(done.values(), title, task.seed, count)


def monte_carlo_corners(
    target: Netlist | str | Path,
    runs: int | None = None,
    seed: int | None = None,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    store: str | os.PathLike[str] | None = None,
    vectors: Sequence[str] | None = None,
    points: int = 1001,
    progress: Progress | None = None,
) -> SampleFamily:
    """Run a deck many times at each point of its ``.step`` and ``.corner`` cards.

    Run k draws the same numbers at all corners that leave the parameters as they are, so that differences between
    corners are not blurred by chance; other values of parameters draw others, as ``netlist.run()`` does.

    Parameters
    ----------
    target : Netlist or path
    runs, seed, workers, cluster, store, vectors, points, progress
        As of `monte_carlo`; ``runs`` at each point.

    Returns
    -------
    SampleFamily
        The Samples of each point, by the name of its corner and what is stepped. An error or interrupt in between
        carries those that are done as ``result``.

    Raises
    ------
    UsageError, NetlistError, AnalysisError, MissingExtraError
        As `monte_carlo`; AnalysisError also when all runs at one point fail.

    Examples
    --------
    >>> import circuitnn as cn
    >>> deck = cn.parse(
    ...     "divider\\nv1 a 0 1\\nr1 a b 1k dev=5%\\nr2 b 0 1k\\n.op\\n.corner low r2=500\\n.corner high r2=2k\\n"
    ... )
    >>> family = monte_carlo_corners(deck, runs=50, seed=1)
    >>> [(name, round(float(samples.mean("v(b)")), 2)) for name, samples in family.items()]
    [('low', 0.33), ('high', 0.67)]
    """
    _require(runs, seed, workers, points, vectors, cluster)
    netlist = target if isinstance(target, Netlist) else load(target)
    task, count, steps = _deck_task(netlist, runs, seed, None if vectors is None else tuple(vectors), points)
    done: dict[int, Record] = {}
    try:
        _do(task, done, count * len(steps), workers, store, progress, cluster)
    except (AnalysisError, KeyboardInterrupt) as error:
        partial = _family(done, netlist, task.seed, count, steps)
        if partial:
            vars(error)["result"] = partial
        raise
    family = _family(done, netlist, task.seed, count, steps)
    for label, step in zip(steps, steps.values(), strict=True):
        if label not in family:
            said = next(record.error for record in done.values() if record.error)
            failure = AnalysisError(f"all {count} runs failed at {label}; one says: {said}", names=tuple(step))
            vars(failure)["result"] = family
            raise failure
    return family


def _require(
    runs: int | None, seed: int | None, workers: int | None, points: int, vectors: object, cluster: str | None
) -> None:
    for name, value, low, high in (("runs", runs, 1, MAX_RUNS), ("seed", seed, 0, 2**53), ("points", points, 2, 10**7)):
        if value is not None and not (isinstance(value, int) and not isinstance(value, bool) and low <= value <= high):
            raise UsageError(f"{name} = {value!r}", expected=f"a whole number, {low} .. {high:g}", names=(name,))
    if isinstance(vectors, str):
        raise UsageError(f"vectors = {vectors!r}", expected="a list of names")
    require_workers(workers, cluster)


def _do(
    task: DeckTask | FunctionTask, done: dict[int, Record], count: int, workers: int | None,
    store: str | os.PathLike[str] | None, progress: Progress | None, cluster: str | None,
) -> None:  # fmt: skip
    """Do the runs that a store does not hold yet."""
    kept = None if store is None else RunStore(store, task.about())
    if kept is not None:
        done.update({k: record for k, record in kept.load().items() if k < count})
    Job(task, [k for k in range(count) if k not in done], done, kept, progress, count).run(workers, cluster)


def _family(
    done: dict[int, Record], netlist: Netlist, seed: int, count: int, steps: dict[str, dict[str, float]]
) -> SampleFamily:
    """Return the runs by point; a point at which none succeeded is left out."""
    members, kept = {}, []
    for place, (label, step) in enumerate(steps.items()):
        mine = [replace(done[k], index=k // len(steps)) for k in sorted(done) if k % len(steps) == place]
        if any(not record.error for record in mine):
            members[label] = Samples(mine, f"{netlist.title}: {label}", seed, count)
            kept.append(step)
    return SampleFamily(members, kept, netlist.title)


def _called(netlist: Netlist) -> str:
    return str(netlist.path or f"the netlist {netlist.title!r}")


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _deck_task(
    netlist: Netlist, runs: int | None, seed: int | None, vectors: tuple[str, ...] | None, points: int
) -> tuple[DeckTask, int, dict[str, dict[str, float]]]:
    """Return the task of a deck, how many runs there are, and its points; what is wrong with all is raised here."""
    flat = netlist.expand()
    card = flat.monte_carlo
    name = _called(netlist)
    if flat.script:
        raise NetlistError(
            f"{name} has a .control script", expected="a deck with analyses alone", hint="netlist.run() runs both"
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
    steps = Steps(netlist, replace(flat, monte_carlo=None))
    labels: dict[str, dict[str, float]] = {}
    for point in steps.points():
        label = steps.label(point) or netlist.title
        same = sum(other.partition(" #")[0] == label for other in labels) if label in labels else 0
        labels[f"{label} #{same + 1}" if same else label] = coordinates_of(point)
    if count * len(labels) > MAX_POINTS:
        raise UsageError(f"{count} runs at {len(labels)} points", expected=f"at most {MAX_POINTS} in all")
    return DeckTask(netlist.to_text(), str(netlist.path or "<text>"), seed, vectors, points), count, labels
