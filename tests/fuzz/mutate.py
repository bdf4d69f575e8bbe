"""Real decks, spoilt: lines, words and characters dropped, doubled, swapped, replaced; numbers driven to extremes."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from fuzz.grammar import ODD_NUMBERS, ODD_WORDS

Rng = random.Random

NETLISTS = Path(__file__).resolve().parents[2] / "netlists"
#: Longer decks are left out: they would take most of the time and say nothing new.
MOST = 6000
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+\.?\d*(?:e[-+]?\d+)?[a-z]*", re.IGNORECASE)


@cache
def seeds() -> tuple[tuple[Path, str], ...]:
    """The decks of ``netlists/``, each with its folder."""
    found = []
    for path in sorted(NETLISTS.rglob("*.cir")):
        text = path.read_bytes().decode("latin-1")
        if len(text) <= MOST:
            found.append((path.parent, text))
    return tuple(found)


def _lines(change: Callable[[Rng, list[str]], None]) -> Callable[[Rng, str], str]:
    def changed(rng: Rng, text: str) -> str:
        lines = text.split("\n")
        change(rng, lines)
        return "\n".join(lines)

    return changed


def _at(rng: Rng, parts: Sequence[str]) -> int:
    return rng.randrange(len(parts)) if parts else 0


def _drop(rng: Rng, lines: list[str]) -> None:
    at = _at(rng, lines)
    del lines[at : at + rng.choice((1, 1, 1, 3, 10))]


def _double(rng: Rng, lines: list[str]) -> None:
    at = _at(rng, lines)
    lines[at:at] = lines[at : at + rng.choice((1, 1, 2, 5))] * rng.choice((1, 1, 2))


def _swap(rng: Rng, lines: list[str]) -> None:
    if lines:
        a, b = _at(rng, lines), _at(rng, lines)
        lines[a], lines[b] = lines[b], lines[a]


def _words(change: Callable[[Rng, list[str]], None]) -> Callable[[Rng, str], str]:
    def changed(rng: Rng, lines: list[str]) -> None:
        if lines:
            at = _at(rng, lines)
            words = lines[at].split(" ")
            change(rng, words)
            lines[at] = " ".join(words)

    return _lines(changed)


def _odd_word(rng: Rng, words: list[str]) -> None:
    words[_at(rng, words)] = rng.choice(ODD_WORDS)


def _characters(rng: Rng, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    kind = rng.randrange(4)
    if kind == 0:
        return text[:at] + text[at + rng.choice((1, 2, 8)) :]
    if kind == 1:
        return (
            text[:at]
            + rng.choice("(){}[]=,'\"+*$;.\t\n\0\x7f\xe9<>:!?&|^%@#~\\/-0e \N{MICRO SIGN}\N{OHM SIGN}")
            + text[at:]
        )
    if kind == 2:
        return (
            text[:at]
            + chr(rng.choice((rng.randrange(128), rng.randrange(0x3000), rng.randrange(0x110000))))
            + text[at + 1 :]
        )
    return text[:at] + text[at : at + rng.choice((1, 2, 30))] * rng.choice((2, 3, 50)) + text[at:]


def _number(rng: Rng, text: str) -> str:
    found = [*_NUMBER.finditer(text)]
    if not found:
        return text
    at = rng.choice(found)
    new = rng.choice(
        (rng.choice(ODD_NUMBERS), "0", "-1", "-" + at[0], at[0] + "e9", "1e-30", "1e30", f"{rng.uniform(-9, 9):.3g}")
    )
    return text[: at.start()] + new + text[at.end() :]


def _braces(rng: Rng, text: str) -> str:
    at = [k for k, c in enumerate(text) if c in "(){}[]'\"=,"]
    if not at:
        return text
    k = rng.choice(at)
    return text[:k] + text[k + 1 :]


def _truncate(rng: Rng, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] if rng.random() < 0.8 else text[at:]


def _splice(rng: Rng, text: str) -> str:
    other = rng.choice(seeds())[1].split("\n")
    lines = text.split("\n")
    a, b = _at(rng, lines), _at(rng, other)
    return "\n".join(lines[:a] + other[b:] if rng.random() < 0.5 else lines[:a] + other[b : b + 6] + lines[a:])


def _ends(rng: Rng, text: str) -> str:
    return text.replace(
        "\n", rng.choice(("\r\n", "\r", "\n\n", "\n+", " ", "\n*", "\x0b", "\u2028")), rng.choice((-1, -1, 1, 3))
    )


def _case(rng: Rng, text: str) -> str:
    return text.upper() if rng.random() < 0.5 else text.swapcase()


MUTATIONS: tuple[Callable[[Rng, str], str], ...] = (
    _lines(_drop), _lines(_double), _lines(_swap), _words(_drop), _words(_double), _words(_swap), _words(_odd_word),
    _words(_odd_word), _characters, _characters, _characters, _number, _number, _number, _braces, _braces, _truncate, _splice,
    _ends, _case,
)  # fmt: skip


def mutant(rng: Rng, text: str) -> str:
    """Return a text with one to four changes."""
    for _ in range(rng.choice((1, 1, 1, 2, 2, 4))):
        text = rng.choice(MUTATIONS)(rng, text)
    return text


def spoilt_deck(rng: Rng) -> tuple[Path, str]:
    """Return a real deck with changes, and the folder that it is of."""
    folder, text = rng.choice(seeds())
    return folder, mutant(rng, text)
