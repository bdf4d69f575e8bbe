"""The trainer: scikit-learn's verbs, breaks that leave no trace, checkpoints that refuse what is not theirs."""

import json
import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

import circuitnn as cn
from circuitnn.demos.digits import load_digits
from circuitnn.errors import ConvergenceError, FileError, UsageError
from circuitnn.learning.history import Epoch, draw
from circuitnn.learning.rule import Rule
from circuitnn.registry import catalog

RULES = catalog("learning.rules").names()
#: What a rule needs on a network of a few nodes that it does not need on its own.
SMALL = {"equilibrium": {"beta": 0.05}, "wired_equilibrium": {"beta": 0.02}, "eprop": {"steps": 4}}


def small(seed=0, samples=60, classes=3):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, samples)
    return rng.random((samples, 4)) + 0.8 * np.eye(4)[y], y


class Stopped(Exception):
    pass


def test_fit_predict_score():
    digits = load_digits()
    trainer = cn.Trainer("backpropagation", network=(64, 32, 10), epochs=4, rate=0.2, batch=16)
    trainer.fit(digits.x_train, digits.y_train, validation=(digits.x_test, digits.y_test))
    assert trainer.score(digits.x_test, digits.y_test) > 0.93
    assert trainer.history[-1].score == trainer.score(digits.x_test, digits.y_test)
    assert [row.epoch for row in trainer.history] == [1, 2, 3, 4]
    assert trainer.history[-1].examples == 4 * len(digits.x_train)
    energies = [row.joules for row in trainer.history]
    assert energies == sorted(energies)
    assert energies[0] > 0


def test_labels_of_any_kind():
    x, y = small()
    names = np.array(["ant", "bee", "cat"])[y]
    trainer = cn.Trainer("backpropagation", network=(4, 8, 3), epochs=60, batch=10).fit(x, names)
    assert set(trainer.predict(x)) == {"ant", "bee", "cat"}
    assert trainer.score(x, names) > 0.8


def test_values_instead_of_classes():
    rng = np.random.default_rng(1)
    x = rng.random((80, 3))
    y = np.column_stack([x.sum(axis=1), x[:, 0] - x[:, 1]])
    trainer = cn.Trainer("backpropagation", network=(3, 12, 2), epochs=150, batch=10, loss="squared", rate=0.1)
    assert trainer.fit(x, y).score(x, y) > 0.98
    assert trainer.predict(x).shape == (80, 2)


def test_partial_fit_in_pieces_is_partial_fit_in_one():
    x, y = small()
    one = cn.Trainer("backpropagation", network=(4, 6, 3), batch=10)
    one.partial_fit(x, y)
    pieces = cn.Trainer("backpropagation", network=(4, 6, 3), batch=10)
    for k in range(0, 60, 20):
        pieces.partial_fit(x[k : k + 20], y[k : k + 20], classes=[0, 1, 2])
    np.testing.assert_array_equal(one.outputs(x), pieces.outputs(x))


def test_scikit_learn_knows_it():
    selection = pytest.importorskip("sklearn.model_selection")
    base = pytest.importorskip("sklearn.base")
    x, y = small(samples=90)
    trainer = cn.Trainer("backpropagation", network=(4, 8, 3), epochs=40, batch=10)
    assert base.clone(trainer).get_params() == trainer.get_params()
    folds = selection.KFold(3, shuffle=True, random_state=0)
    assert np.mean(selection.cross_val_score(trainer, x, y, cv=folds)) > 0.7


def test_asking_changes_nothing():
    x, y = small()
    asked = cn.Trainer("backpropagation", network=(4, 6, 3), epochs=2, batch=10).fit(x, y, validation=(x, y))
    silent = cn.Trainer("backpropagation", network=(4, 6, 3), epochs=2, batch=10).fit(x, y)
    for a, b in zip(asked.rule.arrays().values(), silent.rule.arrays().values(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", RULES)
def test_a_break_leaves_no_trace(name, tmp_path):
    """Every rule's state is whole: training that was broken off ends bit by bit as without a break."""
    x, y = small(samples=24)
    x = x / x.max()
    made = catalog("learning.rules").get(name)
    network = (4, *[5] * (len(made.network) - 2), 3)
    options = {"network": network, "epochs": 3, "seed": 5, **SMALL.get(name, {})}
    whole = cn.Trainer(name, **options).fit(x, y)

    def stop(row):
        if row.epoch == 2:
            raise Stopped

    path = tmp_path / "checkpoint.h5"
    with pytest.raises(Stopped):
        cn.Trainer(name, **options).fit(x, y, checkpoint=path, told=stop)
    again = cn.Trainer(name, **options).fit(x, y, checkpoint=path)
    np.testing.assert_array_equal(whole.outputs(x), again.outputs(x))
    assert whole.rule.arrays().keys() == again.rule.arrays().keys()
    for key, value in whole.rule.arrays().items():
        np.testing.assert_array_equal(value, again.rule.arrays()[key], err_msg=key)
    assert [r.examples for r in again.history] == [r.examples for r in whole.history]
    loaded = cn.Trainer.load(path)
    np.testing.assert_array_equal(loaded.predict(x), whole.predict(x))


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_what_it_is(name):
    made = catalog("learning.rules").get(name)
    assert issubclass(made, Rule)
    assert made.title
    assert made.source
    assert "\n" not in made.title
    rule = made(network=(4, *[5] * (len(made.network) - 2), 3), **SMALL.get(name, {}))
    for key in rule.parameters():
        assert f"{key}" in " ".join(c.__doc__ or "" for c in made.__mro__), f"{key} is not documented"


def test_a_killed_training_goes_on(tmp_path):
    """A process killed in the middle of an epoch; the second one ends as one without a break."""
    script = (
        "import sys, numpy as np, circuitnn as cn\n"
        "import circuitnn.learning.trainer as trainer\n"
        "trainer._PATIENCE = 0.0\n"
        "rng = np.random.default_rng(0); x = rng.random((4000, 30)); y = rng.integers(0, 3, 4000)\n"
        "t = cn.Trainer('backpropagation', network=(30, 40, 3), epochs=6, batch=1)\n"
        "t.fit(x, y, checkpoint=sys.argv[1] if len(sys.argv) > 1 else None)\n"
        "print(repr(float(t.outputs(x).sum())))\n"
    )
    run = [sys.executable, "-c", script]
    path = tmp_path / "checkpoint.h5"
    process = subprocess.Popen([*run, str(path)], cwd=tmp_path, stdout=subprocess.PIPE)
    while process.poll() is None and not path.exists():
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    ends = [
        subprocess.run([*run, *more], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        for more in ([str(path)], [])
    ]
    assert ends[0] == ends[1]


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    x, y = small()
    path = tmp_path / "checkpoint.h5"
    cn.Trainer("backpropagation", network=(4, 6, 3), epochs=1).fit(x, y, checkpoint=path)
    with pytest.raises(UsageError, match="other data"):
        cn.Trainer("backpropagation", network=(4, 6, 3), epochs=2).fit(x + 1, y, checkpoint=path)
    with pytest.raises(UsageError, match="other hyper-parameters"):
        cn.Trainer("backpropagation", network=(4, 6, 3), epochs=2, rate=0.3).fit(x, y, checkpoint=path)
    longer = cn.Trainer("backpropagation", network=(4, 6, 3), epochs=2).fit(x, y, checkpoint=path)
    assert longer.history[-1].epoch == 2


@pytest.mark.parametrize("damage", ["format", "version", "rule", "shape", "link", "parameters", "text", "missing"])
def test_damaged_checkpoints_are_refused(damage, tmp_path):
    x, y = small()
    path = tmp_path / "checkpoint.h5"
    cn.Trainer("backpropagation", network=(4, 6, 3), epochs=1).fit(x, y, checkpoint=path)
    if damage == "missing":
        path = tmp_path / "none.h5"
    elif damage == "text":
        path.write_text("no file of this kind")
    else:
        with h5py.File(path, "r+") as file:
            if damage == "shape":
                del file["state/layer0.weights"]
                file["state/layer0.weights"] = np.zeros((2, 2), np.float32)
            elif damage == "link":
                del file["state/layer0.weights"]
                file["state/layer0.weights"] = h5py.ExternalLink("other.h5", "/x")
            elif damage == "parameters":
                file.attrs["parameters"] = json.dumps({"network": [4, 6, 3], "rate": -1})
            else:
                file.attrs[damage] = "unknown" if damage != "version" else 99
    with pytest.raises(FileError):
        cn.Trainer.load(path)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.ones((3, 4)), np.zeros(3, int)),
        (np.ones((3, 4)), np.array([0, 1])),
        (np.ones(3), np.array([0, 1, 0])),
        (np.full((3, 4), np.nan), np.array([0, 1, 0])),
        (np.ones((3, 4)), np.array([0.5, 1.5, 0.2])),
        (np.ones((0, 4)), np.zeros(0, int)),
        (np.array([["a"] * 4] * 3), np.array([0, 1, 0])),
        (np.ones((3, 5)), np.array([0, 1, 2])),
        (np.ones((4, 4)), np.array([0, 1, 2, 3])),
    ],
)
def test_wrong_data(x, y):
    with pytest.raises(UsageError):
        cn.Trainer("backpropagation", network=(4, 6, 3), epochs=1).fit(x, y)


def test_wrong_use():
    with pytest.raises(UsageError, match="nothing has been learnt"):
        cn.Trainer("backpropagation").predict(np.ones((1, 784)))
    with pytest.raises(UsageError, match="did you mean"):
        cn.Trainer("backpropagatoin")
    with pytest.raises(UsageError, match="rat"):
        cn.Trainer("backpropagation", rat=0.1)
    trainer = cn.Trainer("backpropagation", network=(4, 6, 3)).partial_fit(*small())
    with pytest.raises(UsageError, match="is new"):
        trainer.partial_fit(np.ones((1, 4)), np.array([7]))
    with pytest.raises(UsageError, match="features"):
        trainer.predict(np.ones((1, 5)))


def test_the_picture_has_score_and_energy():
    rows = [Epoch(k, 100 * k, 0.5 + 0.1 * k, 1e-6 * k, 50.0 * k, 1e-3, 0.1) for k in (1, 2, 3)]
    figure = draw(rows, "backpropagation")
    scores = figure.axes[0].lines[0].get_ydata()
    energies = figure.axes[1].lines[0].get_ydata()
    np.testing.assert_allclose(scores, [60, 70, 80])
    np.testing.assert_allclose(energies, [1e-8] * 3)


def test_a_training_that_diverges_says_so_and_keeps_what_there_was(tmp_path):
    x, _ = small()
    trainer = cn.Trainer(
        "backpropagation", network=(4, 6, 2), epochs=50, rate=40.0, loss="squared", activation="relu", batch=5
    )
    path = tmp_path / "checkpoint.h5"
    values = np.column_stack([x[:, 0], x[:, 1]])
    with np.errstate(all="ignore"), pytest.raises(ConvergenceError, match="smaller rate"):
        trainer.fit(10 * x, values, validation=(10 * x, values), checkpoint=path)
    assert trainer.history == (cn.Trainer.load(path).history if path.exists() else [])
