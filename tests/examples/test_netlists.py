"""The decks of netlists/examples, netlists/cells and netlists/memristors run, and show what they say."""

from pathlib import Path

import numpy as np
import pytest

import circuitnn as cn

NETLISTS = Path(__file__).resolve().parents[2] / "netlists"
FOLDER = NETLISTS / "examples"
DECKS = [path for name in ("examples", "cells", "memristors") for path in sorted((NETLISTS / name).glob("*.cir"))]


@pytest.mark.parametrize("path", DECKS, ids=lambda path: path.stem)
def test_deck(path):
    for result in cn.load(path).run().values():
        assert len(result) and np.isfinite(result.data).all()


def test_crossbar_tile():
    results = cn.load(FOLDER / "crossbar_tile.cir").run()
    # All cells 100 uS: ideal wires give -5k * 100u * 0.25 V; 2 ohm a segment beside 10 kohm takes a few parts in 1e3.
    for k in range(3):
        assert results.op[f"v(out{k})"] == pytest.approx(-0.125, rel=5e-3)
        assert abs(results.op[f"v(out{k})"]) < 0.125
    assert results.op["i(a1.bit[0])"] == pytest.approx(results.op["v(out0)"] / 5e3, rel=1e-3)
    settled = results.tran["v(out1)"][np.searchsorted(results.tran.time, 18e-9)]
    assert settled == pytest.approx(results.op["v(out1)"], rel=1e-2)
