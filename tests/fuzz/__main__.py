"""Long runs of the fuzz targets; see ``--help`` and CONTRIBUTING.md."""

from __future__ import annotations

import argparse
from dataclasses import replace

from fuzz import campaign, corpus
from fuzz.targets import DECKS, TARGETS, judged

parser = argparse.ArgumentParser(prog="python -m fuzz", description="Feed a target inputs by chance.")
parser.add_argument("target", choices=[*TARGETS, "mixed", "saved"])
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--first", type=int, default=0, help="number of the first input")
parser.add_argument("--count", type=int, default=10_000)
parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
parser.add_argument("--only", type=int, help="show this one input and judge it in this process, for a debugger")
parser.add_argument("--outcomes", action="store_true", help="list all outcomes with the first input of each")
parser.add_argument("--save", action="store_true", help="add the first deck of each outcome, shortened, to the corpus")
asked = parser.parse_args()


def one(index: int) -> None:
    rng = campaign.rng_of(asked.target, asked.seed, index)
    if asked.target not in DECKS:
        print(judged(asked.target, rng, index))
        return
    deck = DECKS[asked.target](rng)
    print(deck.text)
    print(deck.judged())


def keep(found: campaign.Campaign) -> None:
    decks = corpus.saved()
    for name, index in found.first.items():
        deck = DECKS[asked.target](campaign.rng_of(asked.target, asked.seed, index))
        if name == "broken" or len(deck.text) > corpus.MOST:
            continue
        decks.append(
            corpus.shortest(deck.text, lambda text, deck=deck, name=name: _same(replace(deck, text=text), name))
        )
    corpus.save(decks)


def _same(deck, kept: str) -> bool:
    try:
        return deck.judged() == kept
    except Exception:
        return False


if asked.only is not None:
    with campaign.netlists():
        one(asked.only)
    raise SystemExit(0)
found = campaign.run(asked.target, asked.seed, asked.first, asked.count, asked.jobs)
for what, indices in found.alike().items():
    print(f"--- {len(indices)} times, as in {asked.target} --seed {asked.seed} --only {indices[0]}\n{what}")
if asked.outcomes:
    for name, count in found.outcomes.most_common():
        print(f"{count:8} {found.first[name]:8} {name}")
if asked.save:
    with campaign.netlists():
        keep(found)
print(f"{found.count} inputs, {len(found.broken)} broken, {len(found.outcomes)} outcomes, {found.seconds:.0f} s")
raise SystemExit(bool(found.broken))
