"""Spoilt decks: whatever is wrong is told of with its place, soon, and nothing but our own errors comes out."""

import random
import time
from pathlib import Path

import pytest

import circuitnn as cn
from circuitnn.errors import CircuitnnError

ROOT = Path(__file__).resolve().parents[2] / "netlists"
DECKS = [path.read_text(errors="replace") for path in sorted(ROOT.rglob("*.cir")) if path.stat().st_size < 4000]
PIECES = [
    "{", "}", "'", '"', "=", "(", ")", "\n+ ", " 1x0 ", " nosuch ", "0", " -1 ", "1e999", "{a*b}", " m=0 ",
    "\n.subckt s a b=1\n", "\n.ends\n", "\n.ends t\n", "\nx9 a b s c=2\n", "\n.if (x)\n", "\n.else\n", "\n.endif\n",
    "\n.control\n", "\n.endc\n", "\n.param a={b} b={a}\n", '\n.include "no.inc"\n', "\n.lib s\n", "\n.endl\n",
    "\nk9 l1 l2 2\n", "\n.model m9 d is=x\n", "\nd9 a 0 m9\n", "\n.end\n", "\n.dc v9 1 0 1\n", "\n.print op v(q9)\n",
]  # fmt: skip
#: Seconds that the check of a deck of a few kB may take on a slow machine: it is there for what does not end.
PATIENCE = 30.0


def spoilt(chance):
    """Return a deck with one to eight edits: cuts, pieces put in, lines that change places, pieces of other decks."""
    deck = chance.choice(DECKS)
    for _ in range(chance.randint(1, 8)):
        at, edit = chance.randrange(len(deck) + 1), chance.random()
        if edit < 0.3:
            deck = deck[:at] + deck[at + chance.randint(1, 12) :]
        elif edit < 0.7:
            deck = deck[:at] + chance.choice(PIECES) + deck[at:]
        elif edit < 0.85:
            lines = deck.split("\n")
            a, b = chance.randrange(len(lines)), chance.randrange(len(lines))
            lines[a], lines[b] = lines[b], lines[a]
            deck = "\n".join(lines)
        else:
            other = chance.choice(DECKS)
            start = chance.randrange(len(other))
            deck = deck[:at] + other[start : start + 80] + deck[at:]
    return deck


@pytest.mark.parametrize("seed", range(8))
def test_spoilt_decks_are_told_of_with_places(seed):
    chance = random.Random(seed)
    for _ in range(60):
        deck = spoilt(chance)
        began = time.monotonic()
        try:
            report = cn.check(text=deck)
        except CircuitnnError as error:  # no text at all
            assert "control character" in error.message
            continue
        assert time.monotonic() - began < PATIENCE, deck
        assert all(error.place is not None for error in report.errors), deck
        if not report.errors:
            continue
        # what check refuses in reading and expanding, reading and expanding refuse
        try:
            cn.parse(deck).expand()
        except CircuitnnError as error:
            first = getattr(error, "errors", (error,))
            assert {e.place for e in first} <= {e.place for e in report.errors}, deck
