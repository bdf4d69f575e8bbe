"""``circuitnn learn``: lists, trains, goes on, refuses."""

import csv
import json

import numpy as np
import pytest

from circuitnn.cli.main import main
from circuitnn.registry import catalog


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main(["learn", *map(str, arguments)])
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


def test_lists_all_rules(capsys):
    status, out, _ = run(capsys)
    assert status == 0
    for name in (*catalog("learning.rules").names(), *catalog("learning.synapses").names()):
        assert name in out


def test_explains_a_rule(capsys):
    status, out, _ = run(capsys, "backpropagation")
    assert status == 0
    assert "Rumelhart" in out
    assert "rate" in out


def test_trains_and_goes_on(capsys, tmp_path):
    common = ["backpropagation", "--data", "digits", "--network", "64-20-10", "--set", "rate=0.2", "-o", tmp_path]
    status, out, err = run(capsys, *common, "--epochs", 2)
    assert status == 0
    assert "forward reads" in out
    assert "epoch 2" in err
    assert {p.name for p in tmp_path.iterdir()} == {"checkpoint.h5", "history.csv", "progress.png"}
    status, out, err = run(capsys, *common, "--epochs", 3, "--json")
    assert status == 0
    assert "going on" in err
    found = json.loads(out)
    assert [row["epoch"] for row in found["epochs"]] == [1, 2, 3]
    assert found["epochs"][-1]["score"] > 0.9
    assert found["parameters"]["rate"] == 0.2
    with (tmp_path / "history.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 3


def test_data_of_ones_own(capsys, tmp_path):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 50)
    x = (rng.random((50, 2, 3)) * 60 + 150 * y[:, None, None]).astype(np.uint8)
    np.savez(tmp_path / "mine.npz", x=x, y=y)
    status, out, _ = run(capsys, "backpropagation", "--data", tmp_path / "mine.npz", "--epochs", 1, "--json")
    assert status == 0
    assert json.loads(out)["parameters"]["network"] == [6, 100, 2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["backprop", "--data", "digits"], "backprop"),
        (["backpropagation", "--data", "nothing.npz"], "nothing.npz"),
        (["backpropagation", "--data", "digits", "--set", "rate"], "NAME=VALUE"),
        (["backpropagation", "--data", "digits", "--set", "rate=fast"], "rate"),
        (["backpropagation", "--data", "digits", "--network", "64-x"], "--network"),
        (["backpropagation", "--data", "digits", "--network", "63-5-10"], "features"),
        (["backpropagation", "--data", "digits", "--epochs", "-1"], "epochs"),
    ],
)
def test_refusals(capsys, arguments, said):
    status, out, err = run(capsys, *arguments)
    assert status == 2
    assert said in err
    assert "Traceback" not in err
    assert out == ""
