"""Learning under hostile use: bad hyper-parameters, data and checkpoints are refused, whole states are whole."""

import json
from itertools import pairwise

import h5py
import numpy as np
import pytest

import circuitnn as cn
from circuitnn.cli.main import main
from circuitnn.errors import CircuitnnError, ConvergenceError, FileError, SingularMatrixError, UsageError
from circuitnn.learning.resistors import ResistorNetwork
from circuitnn.learning.rule import rule_of
from circuitnn.learning.settings import typed
from circuitnn.learning.synapses.pulsed import Pulsed
from circuitnn.registry import catalog

RULES = catalog("learning.rules").names()
KINDS = catalog("learning.synapses").names()
#: What a rule needs on a network of a few nodes that it does not need on its own.
SMALL = {"equilibrium": {"beta": 0.05}, "eprop": {"steps": 4}}


def data(samples=20, classes=3):
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, samples)
    y[:classes] = np.arange(classes)
    return 0.5 * rng.random((samples, 4)) + 0.5 * np.eye(4)[y], y


def options(name, **more):
    made = catalog("learning.rules").get(name)
    return {"network": (4, *[5] * (len(made.network) - 2), 3), "seed": 5, **SMALL.get(name, {}), **more}


def trained(name, x, y, **more):
    """A training of two epochs whose outputs and costs are finite and whose energies only grow."""
    trainer = cn.Trainer(name, **{"epochs": 2, **options(name, **more)}).fit(x, y)
    assert np.isfinite(trainer.outputs(x)).all()
    for work in trainer.rule.cost.kinds.values():
        assert min(work.count, work.seconds, work.joules) >= 0.0
    rows = trainer.history
    assert np.isfinite([(r.joules, r.pulses, r.seconds) for r in rows]).all()
    assert all(b.joules >= a.joules and b.pulses >= a.pulses for a, b in pairwise(rows))
    return trainer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", RULES)
def test_every_rule_with_every_kind_learns_or_is_refused(name, kind):
    if not hasattr(catalog("learning.rules").get(name), "synapses"):
        pytest.skip("a rule without a choice of synapses")
    try:
        trained(name, *data(), synapses=kind)
    except UsageError as error:
        assert len(error.message) > 5


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(
    "bad",
    [
        {"batch": 10**30},
        {"batch": 10**12},
        {"batch": 2.5},
        {"batch": True},
        {"batch": np.array([1.0, 2.0])},
        {"seed": 10**30},
        {"seed": -1},
        {"network": 3},
        {"network": (4, 10**12, 3)},
        {"network": (4, 2**31 - 1, 3)},
        {"network": (4, 5.5, 3)},
        {"network": (4,)},
    ],
    ids=str,
)
def test_sizes_that_are_none(name, bad):
    with pytest.raises(UsageError):
        cn.Trainer(name, **(options(name) | bad)).fit(*data())


@pytest.mark.parametrize("name", RULES)
def test_fields_of_other_types_are_refused(name):
    """No value but one of the annotated type passes, whatever the rule does with the field."""
    rule = rule_of(name, **options(name))
    for field, value in rule.parameters().items():
        for bad in ({}, 1j, b"x", np.ones((2, 2)), float("nan")):
            with pytest.raises(UsageError, match=field):
                rule_of(name, **(options(name) | {field: bad}))
        if isinstance(value, bool):
            with pytest.raises(UsageError, match=field):
                rule_of(name, **(options(name) | {field: 1}))


def test_numbers_of_numpy_become_plain_ones(tmp_path):
    """They go into checkpoints as JSON, which does not know them."""
    x, y = data()
    given = {"rate": np.float32(0.125), "batch": np.int64(5), "network": (np.int64(4), np.int32(5), np.uint8(3))}
    path = tmp_path / "checkpoint.h5"
    cn.Trainer("backpropagation", epochs=1, **given).fit(x, y, checkpoint=path)
    assert cn.Trainer.load(path).rule.parameters()["rate"] == 0.125
    rule = rule_of("eprop", network=(4, 5, 3), steps=np.int64(4))
    assert type(rule.steps) is int
    typed(rule)


@pytest.mark.parametrize("values", [(0.1, np.nan), ("a",), (0.1, None), (True,)], ids=str)
def test_tuples_of_what_is_no_number(values):
    with pytest.raises(UsageError, match="rates"):
        rule_of("equilibrium", network=(4, 5, 3), beta=0.05, rates=values)


@pytest.mark.parametrize(
    ("name", "setting", "status"),
    [
        ("equilibrium", "rates=0.1,0.2", 0),
        ("equilibrium", "bias_rates=none", 0),
        ("equilibrium", "differential=yes", 0),
        ("equilibrium", "differential=2", 2),
        ("equilibrium", "rates=0.1,,x", 2),
        ("equilibrium", "rates=nan", 2),
        ("equilibrium", "threads=100000", 2),
        ("backpropagation", "rate=none", 2),
        ("backpropagation", "rate=", 2),
        ("backpropagation", "rate=1e999", 2),
        ("backpropagation", "seed=1", 2),
        ("backpropagation", "network=4-5-3", 2),
        ("backpropagation", "epochs=1", 2),
        ("backpropagation", "synapses=pulsed:steps=-1", 2),
        ("backpropagation", "synapses=pulsed:", 0),
        ("backpropagation", "synapses=:", 2),
        ("boltzmann", "phase=1e30", 2),
        ("binary", "scaled=maybe", 2),
    ],
)
def test_settings_at_the_command_line(name, setting, status, tmp_path, capsys):
    x, y = data()
    np.savez(tmp_path / "data.npz", x=x, y=y)
    more = ["--set", "beta=0.05"] if name == "equilibrium" else []
    with pytest.raises(SystemExit) as end:
        main(["learn", name, "--data", str(tmp_path / "data.npz"), "--network", "4-5-3", "--epochs", "1", *more,
              "--set", setting])  # fmt: skip
    said = capsys.readouterr()
    assert end.value.code == status, said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(
    "change",
    [
        lambda x: 0.0 * x,
        lambda x: 0.0 * x + 1.0,
        lambda x: x.astype(np.float16),
        lambda x: x.astype(">f8"),
        lambda x: x > 0.7,
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    ],
    ids=["zero", "one", "half", "big-endian", "bool", "fortran", "strided"],
)
def test_features_of_any_make(name, change):
    x, y = data()
    trained(name, change(x), y, epochs=1)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("factor", [-10.0, 1e6, 1e200])
def test_features_of_any_size_are_learnt_refused_or_diverge(name, factor):
    x, y = data()
    with np.errstate(all="ignore"):
        try:
            trained(name, factor * x, y, epochs=1)
        except CircuitnnError as error:
            assert error.message


@pytest.mark.parametrize("name", ["backpropagation", "coupled", "equilibrium", "hopfield", "mixed_precision"])
def test_targets_beyond_floats_end_in_an_error_of_ours(name):
    x, _ = data()
    with np.errstate(all="ignore"), pytest.raises(CircuitnnError):
        trained(name, x, 1e200 * np.random.default_rng(1).standard_normal((20, 3)))


def test_divergence_of_any_kind_is_a_convergence_error():
    x, y = data()
    with np.errstate(all="ignore"):
        for name, more in {"s4nn": {"penalty": 1e300}, "coupled": {"volts": 1e200}}.items():
            with pytest.raises(ConvergenceError):
                trained(name, x, y, **more)
        one = Pulsed().build(np.zeros((2, 2), np.float32), np.random.default_rng(0))
        with pytest.raises(ConvergenceError):
            one.update(np.full((1, 2), np.inf), np.ones((1, 2)))


def test_a_change_beyond_all_bounds_ends():
    """Steps that float32 no longer counts down left the kernel going round for ever."""
    one = Pulsed(steps=20, spread=0.0, bound_spread=0.0).build(np.zeros((2, 2), np.float32), np.random.default_rng(0))
    one.change(np.array([[1e30, -1e30], [3e38, 0.0]]))
    assert one.weights[0, 0] > 0.5
    assert one.weights[0, 1] < -0.5


def test_edges_without_conductance_are_singular():
    with pytest.raises(SingularMatrixError):
        ResistorNetwork(3, [(0, 1), (1, 2)]).solve(np.zeros(2), np.array([0, 2]), np.ones((1, 2)))


# ---- checkpoints


def damaged(path, key, value):
    with h5py.File(path, "r+") as file:
        del file[f"state/{key}"]
        if value is not None:
            file[f"state/{key}"] = value


def damages(found):
    yield None
    yield found.ravel()[:0]
    yield np.append(found, found.ravel()[:1])
    yield found[None]
    yield found.astype(np.int16)
    if found.dtype.kind == "f":
        yield np.full_like(found, np.nan)
        yield np.full_like(found, -np.inf)


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, None) for name in RULES]
    + [("backpropagation", kind) for kind in KINDS if kind not in ("potentiometer", "weak_reset")]
    + [("coupled", "potentiometer"), ("pcm_3t1c", "pcm_pair")],
)
def test_no_array_of_a_checkpoint_is_taken_on_trust(name, kind, tmp_path):
    x, y = data()
    path = tmp_path / "checkpoint.h5"
    more = {} if kind is None else {"synapses": kind}
    cn.Trainer(name, **options(name, epochs=1, **more)).fit(x, y, checkpoint=path)
    whole = path.read_bytes()
    with h5py.File(path, "r") as file:
        state = {key: file["state"][key][()] for key in file["state"]}
    for turn, (key, found) in enumerate(state.items()):
        text = key.rpartition(".")[2] in ("rng", "kinds")
        kinds = list(damages(found))
        for k in {0, 1 + turn % (len(kinds) - 1)}:  # each array is left out, and damaged in one of the ways by turns
            value = kinds[k]
            if "sums" in key and value is None and key.endswith("sums0"):
                continue  # an array that has not been read yet has none
            if text and k in (0, 2):
                continue
            path.write_bytes(whole)
            damaged(path, key, value)
            with pytest.raises(FileError):
                cn.Trainer.load(path)
                pytest.fail(f"{key}: damage {k} was taken")


@pytest.mark.parametrize(
    ("name", "kind", "key", "value"),
    [
        ("backpropagation", "pulsed", "layer0.state0", 1e30),
        ("backpropagation", "pulsed", "layer0.mean", 1e30),
        ("backpropagation", "pcm_pair", "layer0.state", -1.0),
        ("backpropagation", "gated", "layer0.conductance", -1.0),
        ("backpropagation", "ideal", "pace", -1e30),
        ("backpropagation", "ideal", "layer0.stale", -7),
        ("backpropagation", "ideal", "cost.values", -1.0),
        ("equilibrium", "ideal", "counters", 1e300),
        ("coupled", "potentiometer", "edges.taps", 0),
        ("coupled", "ideal", "edges.weights", -1.0),
        ("boltzmann", "ideal", "neurons.visible.wait", -7),
    ],
)
def test_values_that_no_training_leaves_are_refused(name, kind, key, value, tmp_path):
    x, y = data()
    path = tmp_path / "checkpoint.h5"
    cn.Trainer(name, **options(name, epochs=1, synapses=kind)).fit(x, y, checkpoint=path)
    with h5py.File(path, "r") as file:
        found = file[f"state/{key}"][()]
    damaged(path, key, np.full_like(found, value))
    with pytest.raises(FileError):
        cn.Trainer.load(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("position", json.dumps({"epoch": -1})),
        ("position", json.dumps({"epoch": "x"})),
        ("position", json.dumps({"task": "dreams"})),
        ("position", json.dumps({"data": 3})),
        ("position", json.dumps([1])),
        ("position", "{"),
        ("classes", json.dumps([0, 1])),
        ("classes", json.dumps([0, 1, 1])),
        ("classes", json.dumps([0, 1, "x"])),
        ("classes", json.dumps([[0], [1], [2]])),
        ("classes", json.dumps(None)),
        ("classes", "{"),
        ("classes", 3),
        ("rule", 7),
        ("parameters", json.dumps(3)),
        ("parameters", json.dumps({"network": [4, 10**12, 3]})),
        ("parameters", json.dumps({"network": [4, {}, 3]})),
        ("parameters", json.dumps({"network": [4, 5, 3], "synapses": {"a": 1}})),
        ("parameters", json.dumps({"network": [4, 5, 3], "synapses": "pulsed:steps=nan"})),
        ("parameters", np.arange(5)),
    ],
    ids=str,
)
def test_attributes_of_a_checkpoint(name, value, tmp_path):
    x, y = data()
    path = tmp_path / "checkpoint.h5"
    cn.Trainer("backpropagation", **options("backpropagation", epochs=1)).fit(x, y, checkpoint=path)
    with h5py.File(path, "r+") as file:
        file.attrs[name] = value
    with pytest.raises(FileError):
        cn.Trainer.load(path)


def test_structure_of_a_checkpoint(tmp_path):
    x, y = data()
    path = tmp_path / "checkpoint.h5"
    cn.Trainer("backpropagation", **options("backpropagation", epochs=1)).fit(x, y, checkpoint=path)
    whole = path.read_bytes()

    def refused(change):
        path.write_bytes(whole)
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises(FileError):
            cn.Trainer.load(path)

    def replaced(key, make):
        def change(file):
            del file[key]
            make(file, key)

        return change

    key = "state/layer0.weights"
    refused(replaced(key, lambda file, key: file.create_group(key)))
    refused(replaced(key, lambda file, key: file.create_dataset(key, (6, 5), np.float32, chunks=(6, 5), fillvalue=0)))
    refused(replaced(key, lambda file, key: file.create_dataset(key, (2**20, 2**20), np.float32, chunks=(8, 8))))
    refused(replaced(key, lambda file, key: file.__setitem__(key, h5py.SoftLink("/history"))))
    refused(replaced("state", lambda file, key: file.create_dataset(key, data=np.zeros(3))))
    refused(replaced("history", lambda file, key: file.create_dataset(key, data=np.zeros((1, 5)))))
    refused(replaced("history", lambda file, key: file.create_dataset(key, data=np.full((1, 7), np.inf))))
    refused(replaced("history", lambda file, key: file.create_group(key)))


def test_bytes_of_a_checkpoint(tmp_path):
    """Whatever bytes are turned over: a training, or FileError."""
    x, y = data()
    path = tmp_path / "checkpoint.h5"
    cn.Trainer("backpropagation", **options("backpropagation", epochs=1)).fit(x, y, checkpoint=path)
    whole = path.read_bytes()
    rng = np.random.default_rng(3)
    for k in range(200):
        broken = bytearray(whole)
        if k % 4 == 0:
            del broken[int(rng.integers(len(whole))) :]
        for _ in range(1 + k % 7):
            if broken:
                broken[int(rng.integers(len(broken)))] = int(rng.integers(256))
        path.write_bytes(bytes(broken))
        try:
            cn.Trainer.load(path)
        except FileError as error:
            assert str(path) in error.message


# ---- whole states, portions, threads

RESUMED = [
    ("backpropagation", "pulsed:steps=50,noise=0.3,spread=0.2,retention=1,pair=opposed"),
    ("backpropagation", "pulsed:steps=50,noise=0.3,pair=alternate,update=deterministic"),
    ("backpropagation", "pcm_pair"),
    ("backpropagation", "pcm_capacitor"),
    ("backpropagation", "gated:stuck_low=0.1"),
    ("backpropagation", "memristor"),
    ("feedback_alignment", "pulsed:noise=0.3"),
    ("direct_feedback_alignment", "gated"),
    ("tiki_taka", "pulsed:asymmetry=0.2,noise=0.3"),
    ("mixed_precision", "pulsed:law=soft,noise=0.5"),
    ("pcm_3t1c", "pcm_pair"),
    ("weak_reset", "weak_reset:soft=0.2,noise=0.5,r_max=8000"),
    ("eprop", "pulsed:noise=0.3"),
    ("surrogate_gradient", "pulsed:noise=0.3"),
    ("s4nn", "gated"),
    ("boltzmann", "pcm_pair"),
    ("hopfield", "memristor"),
    ("coupled", "potentiometer"),
    ("coupled", "pulsed:noise=0.3"),
    ("equilibrium", "pulsed:noise=0.3"),
    ("equilibrium", "potentiometer"),
]


def more_for(name, kind):
    held = {} if kind is None else {"synapses": kind}
    return held | ({"g_min": 0.01, "g_max": 1.0} if name == "equilibrium" and kind else {})


def same(a, b):
    assert a.keys() == b.keys()
    for key, value in a.items():
        np.testing.assert_array_equal(value, b[key], err_msg=key)


@pytest.mark.parametrize(("name", "kind"), RESUMED)
def test_resumed_is_uninterrupted_on_devices(name, kind, tmp_path):
    x, y = data()
    path, more = tmp_path / "checkpoint.h5", more_for(name, kind)
    whole = cn.Trainer(name, **options(name, epochs=3, **more)).fit(x, y)
    cn.Trainer(name, **options(name, epochs=2, **more)).fit(x, y, checkpoint=path)
    again = cn.Trainer(name, **options(name, epochs=3, **more)).fit(x, y, checkpoint=path)
    same(whole.rule.arrays(), again.rule.arrays())
    assert [r.joules for r in whole.history] == [r.joules for r in again.history]


@pytest.mark.parametrize(("name", "kind"), [(name, None) for name in RULES] + RESUMED)
def test_portions_of_whole_batches_are_one_call(name, kind):
    """Costs aside: sums of conductances for energies are taken at other times."""
    x, y = data(samples=24)
    t = np.eye(3)[y]
    given = options(name, **more_for(name, kind))
    if catalog("learning.rules").get(name).batch != 1:
        given["batch"] = 4
    one, two = rule_of(name, **given), rule_of(name, **given)
    one.learn(x, t)
    for first, last in ((0, 8), (8, 12), (12, 24)):
        two.learn(x[first:last], t[first:last])
    np.testing.assert_array_equal(one.outputs(x), two.outputs(x))


@pytest.mark.parametrize("diodes", ["ideal", "exponential"])
def test_threads_change_no_bit(diodes):
    rng = np.random.default_rng(4)
    x, t = rng.random((70, 9)), np.eye(3)[rng.integers(0, 3, 70)]
    found = []
    for threads in (1, 2, 3):
        rule = rule_of("equilibrium", network=(9, 17, 3), beta=0.05, batch=35, diodes=diodes, threads=threads)
        for _ in range(3):
            rule.learn(x, t)
        found.append(rule.outputs(x))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("name", RULES)
def test_evaluation_is_not_counted(name):
    x, y = data()
    trainer = trained(name, x, y, epochs=1)
    before = trainer.rule.cost.to_dict()
    trainer.predict(x)
    trainer.score(x, y)
    assert trainer.rule.cost.to_dict() == before
