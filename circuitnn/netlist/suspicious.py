"""Numbers that mean something else than they look like: warnings, not errors, for ngspice reads them so."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Letters of elements that are looked at.
SUSPECTED = "rclvi"
_BEHIND_NODES = re.compile(r"\s*(?:\S+\s+){3}")
_MEGA = re.compile(r"(?<![\w.])([\d.]+M)(?!\w)")
_SINE = re.compile(r"(?i:\bsin\s*\(?\s*[^\s,()]+[\s,]+[^\s,()]+[\s,]+)([\d.]+M)(?!\w)")
_ATTO = re.compile(r"(?<![\w.])([\d.]+a[fh]?)(?!\w)", re.IGNORECASE)


def suspicions(raw: str, first: str) -> Iterator[tuple[int, str, str]]:
    """Yield offset, number and what it means, of suspicious numbers on a line.

    Parameters
    ----------
    raw : str
        The line as written: a capital M is suspicious where a small one is not.
    first : str
        The letter of an element, or a directive such as ``.ac``.

    Examples
    --------
    >>> list(suspicions("R1 a b 1M", "r"))
    [(7, '1M', 'milli; write 1Meg for mega')]
    """
    if first in ("r", ".ac", ".noise"):
        patterns = [(_MEGA, "milli; write {}eg for mega")]
    elif first in ("v", "i"):
        patterns = [(_SINE, "milli; write {}eg for mega")]
    else:
        patterns = []
    if first in ("r", "c", "l"):
        patterns.append((_ATTO, "taken without a scale: there is no suffix for atto; write e-18"))
    if not patterns:
        return
    behind = _BEHIND_NODES.match(raw) if first[0] != "." else None
    for pattern, meaning in patterns:
        for found in pattern.finditer(raw, behind.end() if behind and pattern is not _SINE else 0):
            yield found.start(1), found[1], meaning.format(found[1])
