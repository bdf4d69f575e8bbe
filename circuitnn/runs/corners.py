"""A deck at named corners, given in Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from circuitnn.errors import UsageError
from circuitnn.netlist.netlist import Netlist, load
from circuitnn.netlist.statements import Assignment, Directive
from circuitnn.results.results import Results
from circuitnn.units import parse_value


def corners(
    deck: Netlist | str | Path,
    values: Mapping[str, Mapping[str, float | str]],
    *,
    workers: int | None = None,
    cluster: str | None = None,
    store: str | os.PathLike[str] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Results:
    """Run a deck at corners, as if it had a ``.corner`` card for each.

    Parameters
    ----------
    deck : Netlist or path
    values : mapping of str to mapping of str to float
        Name of a corner to what it changes: parameters, ``temp`` (degrees Celsius), elements (``r1``, ``m1:w``),
        parameters of models (``nm.vto``).
    workers : int, optional
        Processes; one when absent. Results are the same.
    cluster : str, optional
        A Dask cluster, as of `monte_carlo`.
    store : path-like, optional
        A folder in which finished corners are kept. Given again it is gone on with.
    progress : callable, optional
        Called with the part that is done, 0 .. 1.

    Returns
    -------
    Results
        ``corners`` are the names; ``steps`` count them from 1, and ``measures`` are arrays over them.

    Raises
    ------
    UsageError
        Without corners, for a name with blanks, a store of other corners.
    NetlistError
        When a corner changes what does not exist.

    Examples
    --------
    >>> import circuitnn as cn
    >>> deck = cn.parse("divider\\nv1 a 0 1\\nr1 a b 1k\\nr2 b 0 1k\\n.op\\n.measure op vb find v(b)\\n")
    >>> found = corners(deck, {"typical": {}, "light": {"r2": "3k"}})
    >>> found.corners, found.measures["vb"].tolist()
    (['typical', 'light'], [0.5, 0.75])
    """
    if not values:
        raise UsageError("there are no corners", expected='{"hot": {"temp": 125}, ...}')
    netlist = deck if isinstance(deck, Netlist) else load(deck)
    cards = []
    for name, changes in values.items():
        for word in (name, *changes):
            if not isinstance(word, str) or len(word.split()) != 1 or set(word) & set("(),={}'\""):
                raise UsageError(f"{word!r} cannot name a corner or what it changes", expected="a word, such as hot")
        words = [Assignment(key.lower(), parse_value(value)) for key, value in changes.items()]
        cards.append(Directive("corner", (name.lower(), *words)))
    made = Netlist(netlist.title, [*netlist.statements, *cards], netlist.path, netlist.warnings)
    return made.run(progress, workers=workers, cluster=cluster, store=store)
