"""Node vectors in brackets: ``[a b r<0:3>]``, where ``r<0:3>`` stands for ``r<0> r<1> r<2> r<3>``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from circuitnn.errors import UsageError
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.expression import shorten

MAX_VECTOR = 100_000
_WORD = re.compile(r"[^\s=(),{}'\"\[\]]+")
_RANGE = re.compile(r"(.+)<(\d{1,9}):(\d{1,9})>")
_MEMBER = re.compile(r"(.+)<(0|[1-9]\d{0,8})>")
_SHORTEST = 3  # members from which a range is shorter than they are


def expand_range(word: str) -> list[str]:
    """Return the nodes that a word of a vector stands for; a range may go up or down.

    Raises
    ------
    UsageError
        When the word has the signs of a range and is none, or stands for more than 100,000 nodes.

    Examples
    --------
    >>> expand_range("r<0:2>"), expand_range("c<1:0>"), expand_range("a")
    (['r<0>', 'r<1>', 'r<2>'], ['c<1>', 'c<0>'], ['a'])
    """
    found = _RANGE.fullmatch(word)
    if found is None:
        if "<" in word and ":" in word[word.index("<") :]:
            raise UsageError(f"{shorten(word)} is no range of nodes", expected="name<first:last>, as in r<0:127>")
        return [word]
    first, last = int(found[2]), int(found[3])
    count = abs(last - first) + 1
    if count > MAX_VECTOR:
        raise UsageError(f"{shorten(word)} stands for {count} nodes", expected=f"at most {MAX_VECTOR}")
    step = 1 if last >= first else -1
    return [f"{found[1]}<{k}>" for k in range(first, last + step, step)]


def read_vector(cursor: Cursor, owner: str, what: str) -> tuple[str, ...]:
    """Read ``[node ...]``, its ranges expanded; ``owner`` and ``what`` name the vector in messages."""
    if cursor.char != "[":
        cursor.error(
            f"{owner}: {cursor.found()} where the [ of its {what} belongs",
            hint="nodes of a vector stand in brackets: [r<0:127>]; XSPICE's code models are not supported",
        )
    start = cursor.pos
    cursor.take("[")
    nodes: list[str] = []
    while not cursor.take("]"):
        found = _WORD.match(cursor.text, cursor.pos)
        if found is None:
            if cursor.done:
                raise cursor.failure(start, f"{owner}: the [ of its {what} is not closed", expected="]")
            cursor.error(f"{owner}: {cursor.char!r} among its {what}", expected="nodes, then ]")
        try:
            nodes += expand_range(found[0])
        except UsageError as error:
            cursor.error(f"{owner}: {error.message}", expected=error.expected)
        cursor.last, cursor.pos = cursor.pos, found.end()
        cursor.skip()
        if len(nodes) > MAX_VECTOR:
            cursor.error(f"{owner}: more than {MAX_VECTOR} {what}", last=True)
    if not nodes:
        raise cursor.failure(start, f"{owner} has no {what}", expected="at least one node in the brackets")
    return tuple(nodes)


def write_vector(nodes: Iterable[str]) -> str:
    """Return a vector as text, runs of numbered nodes as ranges; ``read_vector`` gives the same nodes.

    Examples
    --------
    >>> write_vector(["a", "r<0>", "r<1>", "r<2>", "c<7>"])
    '[a r<0:2> c<7>]'
    """
    words: list[str] = []
    run: list[str] = []
    stem, last, step = "", 0, 0

    def close() -> None:
        if len(run) >= _SHORTEST:
            words.append(f"{run[0][:-1]}:{last}>")
        else:
            words.extend(run)

    for node in nodes:
        found = _MEMBER.fullmatch(node)
        number = int(found[2]) if found else 0
        if found and run and found[1] == stem and abs(number - last) == 1 and step in (0, number - last):
            run.append(node)
            step, last = number - last, number
            continue
        close()
        if found is None:
            words.append(node)
            run = []
        else:
            run, stem, last, step = [node], found[1], number, 0
    close()
    return f"[{' '.join(words)}]"
