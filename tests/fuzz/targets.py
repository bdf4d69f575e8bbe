"""What is fuzzed: for each target, how an input is made from a random generator, and judged."""

from __future__ import annotations

import hashlib
import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from fuzz import grammar, judge
from fuzz.corpus import saved
from fuzz.mutate import NETLISTS, mutant, spoilt_deck

import circuitnn as cn
from circuitnn.results.hdf5 import write_hdf5
from circuitnn.results.rawfile import write_raw
from circuitnn.results.result import Result, Variable
from circuitnn.results.results import Results

Rng = random.Random
Target = Callable[[Rng], str]

#: One deck in so many is simulated as well.
SIMULATED = 10


@dataclass(frozen=True)
class Deck:
    """A deck, the folder of ``netlists/`` that it is read in, and whether it is simulated."""

    text: str
    folder: Path = NETLISTS
    simulate: bool = True

    def judged(self) -> str:
        """Return the class of its outcome."""
        home = Path.cwd()  # a copy of netlists/
        os.chdir(home / self.folder.relative_to(NETLISTS))
        try:
            return judge.deck(self.text, simulate=self.simulate)
        finally:
            os.chdir(home)


def generated(rng: Rng) -> Deck:
    """A deck by grammar."""
    text = grammar.deck(rng)
    return Deck(text, simulate=rng.randrange(SIMULATED) == 0)


def mutated(rng: Rng) -> Deck:
    """A real deck, spoilt."""
    folder, text = spoilt_deck(rng)
    return Deck(text, folder, simulate=rng.randrange(SIMULATED) == 0)


def scripts(rng: Rng) -> Deck:
    """A small circuit with a script, spoilt or not."""
    text = grammar.script(rng)
    return Deck(mutant(rng, text) if rng.random() < 0.3 else text)


DECKS = {"generated": generated, "mutated": mutated, "scripts": scripts}


def numbers(rng: Rng) -> str:
    """A number."""
    word = grammar.Grammar(rng, 0.2).literal()
    return judge.number(mutant(rng, word) if rng.random() < 0.5 else word)


def _formula(rng: Rng) -> str:
    text = grammar.Grammar(rng, rng.choice((0.0, 0.02))).expression(rng.choice((2, 4, 6)))
    return mutant(rng, text) if rng.random() < 0.3 else text


def vectors(rng: Rng) -> str:
    """An expression on vectors."""
    return judge.vectors(_formula(rng))


def expressions(rng: Rng) -> str:
    """An expression of parameters."""
    return judge.expression(_formula(rng))


def points(rng: Rng) -> str:
    """A file of times and values."""
    g = grammar.Grammar(rng, 0.02)
    lines = [f"{k}n{rng.choice((' ', ',', chr(9)))}{g.literal()}" for k in range(rng.randint(0, 9))]
    text = "\n".join([rng.choice(("", "* points", "# points")), *lines])
    text = mutant(rng, text) if rng.random() < 0.5 else text
    return _on_file("points.txt", text.encode("utf-8", "surrogatepass"), judge.points)


def raw(rng: Rng) -> str:
    """A raw file, spoilt."""
    return _on_file("a.raw", _spoilt_bytes(rng, rng.choice(_raw_files())), judge.raw)


def hdf5(rng: Rng) -> str:
    """A file of results in HDF5, spoilt."""
    return _on_file("a.h5", _spoilt_bytes(rng, _hdf5_file()), judge.hdf5)


def layout(rng: Rng) -> str:
    """A file of a layout, spoilt; in half of them the checksum is that of what is spoilt."""
    data = _spoilt_bytes(rng, _layout_file())
    if rng.random() < 0.5:
        head = b"circuitnn-layout sha256 " + hashlib.sha256(data[512:]).hexdigest().encode() + b"\n"
        data = head.ljust(512, b"\0") + data[512:]
    return _on_file("a.cnl", data, judge.layout)


def _on_file(name: str, content: bytes, target: Callable[[Path], str]) -> str:
    path = Path(name)
    path.write_bytes(content)
    return target(path)


def _spoilt_bytes(rng: Rng, data: bytes) -> bytes:
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(6)
        if kind == 0:
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        elif kind == 1:
            data = data[:at]
        elif kind == 2:
            data = data[:at] + data[at + rng.choice((1, 8, 100)) :]
        elif kind == 3:
            data = (
                data[:at]
                + rng.choice((b"\0", b"\xff" * 8, b"\n", b":", b"9", b"Binary:\n", b"Title: x\n", b"-1"))
                + data[at:]
            )
        elif kind == 4:
            data = data[:at] + rng.choice((b"\xff", b"\0", b"\x7f", b"9")) * rng.choice((1, 4, 8)) + data[at + 8 :]
        else:
            data = data[:at] + data[at : at + 64] * 2 + data[at:]
        data = data or b"x"
    return data


@cache
def _results() -> Results:
    axis = np.linspace(0.0, 1.0, 5)
    tran = Result(
        "tran1",
        "tran",
        "waves",
        [Variable("time", "time"), Variable("v(a)", "voltage")],
        np.column_stack([axis, axis**2]),
    )
    ac = Result(
        "ac1",
        "ac",
        "bode",
        [Variable("frequency", "frequency"), Variable("v(b)", "voltage")],
        np.column_stack([axis, 1j * axis]),
    )
    results = Results([tran, ac, Result("op1", "op", "point", [Variable("v(c)", "voltage")], [[0.5]])])
    results.measures["m"] = 1.0
    return results


@cache
def _raw_files() -> tuple[bytes, ...]:
    found = []
    for ascii in (False, True):
        write_raw("made.raw", _results(), ascii=ascii)
        found.append(Path("made.raw").read_bytes())
    return tuple(found)


@cache
def _hdf5_file() -> bytes:
    write_hdf5("made.h5", _results())
    return Path("made.h5").read_bytes()


@cache
def _layout_file() -> bytes:
    cn.compile([(np.array([[0.5, -1.0], [0.25, 0.0]]), None, "relu")]).save("made.cnl")
    return Path("made.cnl").read_bytes()


def corpus(rng: Rng) -> str:
    """A deck of the corpus, spoilt."""
    return Deck(mutant(rng, rng.choice(saved()))).judged()


TARGETS: dict[str, Target] = {
    "generated": lambda rng: generated(rng).judged(), "mutated": lambda rng: mutated(rng).judged(),
    "scripts": lambda rng: scripts(rng).judged(), "numbers": numbers, "vectors": vectors, "expressions": expressions,
    "points": points, "raw": raw, "hdf5": hdf5, "layout": layout, "corpus": corpus,
}  # fmt: skip


def judged(target: str, rng: Rng, index: int) -> str:
    """Make and judge input ``index`` of a target; besides those of `TARGETS` there are

    ``mixed``, any of them, ``saved``, the decks of the corpus in turn, and ``raise``, ``spin`` and ``crash``, whose input
    number 1 fails in these ways.
    """
    if target in TARGETS:
        return TARGETS[target](rng)
    if target == "mixed":
        return TARGETS[rng.choice([*TARGETS])](rng)
    if target == "saved":
        return Deck(saved()[index]).judged()
    while index == 1:
        if target == "raise":
            raise ZeroDivisionError
        if target == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
    return target
