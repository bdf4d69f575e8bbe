"""Every deck in netlists/scripts runs its .control script in ngspice and here; numbers and files agree.

Compared are the lines ``name = value`` that ``print`` and ``meas`` write, in their order, and the files of ``wrdata``.
A deck may ask for another tolerance near its top: ``* tolerance 1e-3: why``.
"""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import circuitnn as cn

DECKS = Path(__file__).parents[2] / "netlists" / "scripts"
#: Six digits are printed, and a sign takes one of them.
PRINTED = 1.2e-5
#: Below this part of the largest number of a file or of volts it is rounding.
NOISE = 1e-9

_LINE = re.compile(r"(\S.*?) += +([-+]?[\d.]+e[-+]\d+(?:,[-+]?[\d.]+e[-+]\d+)?)\b")

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")


def numbers(lines: list[str]) -> list[tuple[str, complex]]:
    found = [match for match in map(_LINE.match, lines) if match]
    return [(m[1], complex(*map(float, m[2].split(",")))) for m in found]


@pytest.mark.parametrize("name", sorted(path.stem for path in DECKS.glob("*.cir")))
def test_script(name, tmp_path, monkeypatch):
    deck = DECKS / f"{name}.cir"
    asked = re.search(r"^\* tolerance (\S+): \S", deck.read_text(), re.M)
    tolerance = max(float(asked[1]) if asked else 0.0, PRINTED)
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    theirs.mkdir(), ours.mkdir()
    done = subprocess.run(
        ["ngspice", "-b", str(deck)], cwd=theirs, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    monkeypatch.chdir(ours)
    results = cn.load(deck).run()
    wanted, found = numbers(done.stdout.splitlines()), numbers(results.printed)
    assert [word.lower() for word, _ in found] == [word.lower() for word, _ in wanted], done.stdout + done.stderr
    for (word, a), (_, b) in zip(found, wanted, strict=True):
        assert abs(a - b) <= tolerance * abs(b) + NOISE, (word, a, b)
    files = sorted(path.name for path in theirs.iterdir() if path.name != "bsim4v5.out")
    assert sorted(path.name for path in ours.iterdir()) == files
    for file in files:
        a, b = np.loadtxt(ours / file), np.loadtxt(theirs / file)
        assert a.shape == b.shape, file
        assert np.all(abs(a - b) <= tolerance * abs(b).max(axis=0) + NOISE * abs(b).max()), file
    assert wanted or files
