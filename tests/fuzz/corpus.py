"""Saved decks: one, as short as it gets, for each outcome that long runs have met."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("corpus.json")
#: Longer decks are not worth keeping.
MOST = 2000
#: Attempts at shortening one deck.
TRIES = 60


@cache
def saved() -> list[str]:
    """Return the decks."""
    return list(json.loads(FILE.read_text(encoding="utf-8")))


def save(decks: list[str]) -> None:
    """Write the decks, shortest first."""
    FILE.write_text(
        json.dumps(sorted(set(decks), key=lambda text: (len(text), text)), indent=0) + "\n", encoding="utf-8"
    )


def shortest(text: str, same: Callable[[str], bool]) -> str:
    """Return a text of which no line, and no half of its lines, can be left out and ``same`` still hold."""
    lines = text.split("\n")
    size, tries = max(len(lines) // 2, 1), 0
    while True:
        at = 0
        while at < len(lines):
            shorter = lines[:at] + lines[at + size :]
            tries += 1
            if tries > TRIES:
                return "\n".join(lines)
            if shorter and same("\n".join(shorter)):
                lines = shorter
            else:
                at += size
        if size == 1:
            return "\n".join(lines)
        size //= 2
