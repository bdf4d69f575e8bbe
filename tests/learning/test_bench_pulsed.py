"""The benchmark of training by pulses returns its rows, with and without the peer."""

import numpy as np
import pytest

from circuitnn.bench import learning_pulsed as bench
from circuitnn.errors import UsageError


def test_rows_without_the_peer(monkeypatch):
    monkeypatch.setattr(bench, "installed", lambda: False)
    monkeypatch.setattr(bench, "NETWORK", (20, 6, 10))
    monkeypatch.setattr(bench, "_EXAMPLES", 4)
    rows = bench.pulsed(1)
    assert [row.unit for row in rows] == ["us"] * 4
    assert all(row.value > 0.0 and row.baseline is None for row in rows)
    with pytest.raises(UsageError, match="aihwkit"):
        bench.configuration("ConstantStepDevice")


def test_images_are_as_sparse_as_strokes():
    x, y = bench.strokes(50)
    assert x.shape == (50, 784) and np.mean(x > 0) == pytest.approx(0.19, abs=0.01)
    assert set(y) <= set(range(10))
