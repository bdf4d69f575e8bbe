"""S4NN: spike times against a plain simulation and circuits, errors, pulses of devices, whole states, digits."""

import itertools
import shutil
import subprocess

import numpy as np
import pytest
from circuitnn.learning.spiking._first import FirstSpikes

from circuitnn.errors import UsageError
from circuitnn.learning.rule import rule_of
from circuitnn.learning.spiking.netlist import crossings, spike_layer, volts


def plain_times(weights, times, steps, threshold):
    """Times of a layer from every potential at every step."""
    spikes = times[:, None] == np.arange(steps)
    over = np.cumsum(weights.T @ spikes, axis=1) > threshold
    return np.where(over.any(axis=1), over.argmax(axis=1) + 1, steps)


def errors_in_time(when, label, steps, margin, most):
    """The paper's errors of outputs, of norm 1, and the steps before which inputs have a part in them."""
    t = when.astype(float)
    first = t.min()
    goal = np.where(t < first + margin, min(first + margin, steps), t)
    goal[label] = first
    if first == steps:
        goal = np.full(len(t), float(steps))
        goal[label] -= margin
    return np.clip(goal - t, -most, most) / steps, t


def errors_in_charge(when, potentials, label, lead, rouse, threshold, steps):
    """What the right output's potential lacks of its lead when the first output has crossed."""
    v = potentials[:, when.min() - 1]
    others = np.delete(v, label)
    error = np.clip((lead - v[label] + others.max()) / lead, 0.0, 1.0)
    errors = np.where((v == others.max()) & (np.arange(len(v)) != label), error, 0.0)
    errors[label] = -error
    if when.min() == steps:
        errors[label] -= rouse * np.clip((threshold - v[label]) / lead, 0.0, 1.0)
    return errors, np.full(len(v), when.min())


def plain_step(weights, times, label, steps, threshold, margin, most, rates, lead=0.0, rouse=0.0, gentle=0.0):
    """Errors of all layers and new weights after one example, in time as the paper's equations say, or in charge."""
    when = [times]
    for w in weights:
        when.append(plain_times(w, when[-1], steps, threshold))
    potentials = np.cumsum(weights[-1].T @ (when[-2][:, None] == np.arange(steps)), axis=1)
    if lead:
        error, end = errors_in_charge(when[-1], potentials, label, lead, rouse, threshold, steps)
    else:
        error, end = errors_in_time(when[-1], label, steps, margin, most)
        error = error / (np.linalg.norm(error) or 1.0)
    errors, until = [error], [end]
    for k in range(len(weights) - 1, 0, -1):
        w, before = weights[k], when[k]
        error = ((before[:, None] < until[0][None, :]) * w) @ errors[0]
        if gentle:
            step = weights[k - 1].T @ (when[k - 1][:, None] == np.arange(steps))
            charge = np.take_along_axis(step, before[:, None] - 1, axis=1)[:, 0]
            error = np.where(charge > gentle, error * gentle / np.where(charge > 0.0, charge, 1.0), error)
        errors.insert(0, error if lead else error / (np.linalg.norm(error) or 1.0))
        until.insert(0, before)
    new = [
        w - rate * e * (before[:, None] < end[None, :])
        for w, rate, e, before, end in zip(weights, rates, errors, when[:-1], until, strict=True)
    ]
    return when[1:], errors, new


def problem(seed, sizes=(20, 13, 9, 4), steps=32):
    rng = np.random.default_rng(seed)
    weights = [rng.uniform(-4.0, 10.0, shape) for shape in itertools.pairwise(sizes)]
    return weights, rng.integers(0, steps + 1, sizes[0]).astype(np.int32), int(rng.integers(sizes[-1]))


@pytest.mark.parametrize(("lead", "gentle"), [(0.0, 0.0), (40.0, 0.0), (40.0, 10.0)])
@pytest.mark.parametrize("seed", range(12))
def test_times_errors_and_weights_are_those_of_a_plain_simulation(seed, lead, gentle):
    weights, times, label = problem(seed)
    when, errors, new = plain_step(weights, times, label, 32, 15.0, 3.0, 10.0, [0.03, 0.02, 0.01], lead, 0.4, gentle)
    kernel = FirstSpikes(weights, 15.0, 32, 3.0, 10.0, lead, 0.4, gentle)
    found = kernel.example(times, label)
    for k in range(3):
        np.testing.assert_array_equal(found[0][k], when[k])
        np.testing.assert_allclose(found[1][k], errors[k], rtol=1e-13, atol=1e-14)  # sums of 20 numbers of either order
    kernel.learn(times[None], np.array([label], np.int32), [0.03, 0.02, 0.01])
    for k in range(3):
        np.testing.assert_allclose(weights[k], new[k], atol=1e-13)
        np.testing.assert_array_equal(kernel.fired(k), when[k] < 32)
    assert kernel.events(0) == (2 * (times < 32).sum(), (times < 32).sum())  # example and learn each read


def test_silence_asks_the_right_output_to_fire_before_the_end():
    weights = [np.full((3, 2), 1.0)]
    when, errors = FirstSpikes(weights, 10.0, 16, 4.0, 16.0).example(np.array([0, 5, 16], np.int32), 1)
    assert when[0].tolist() == [16.0, 16.0]
    assert errors[0].tolist() == [0.0, -1.0]  # of norm 1; the other is where it should be


def test_errors_in_charge_are_what_is_lacking_over_the_lead():
    weights = [np.array([[2.0, 3.0, 1.0], [1.0, 3.0, 1.0]])]
    # potentials 3, 6, 2, none above 10: class 0 lacks 8 + 6 - 3 of its lead, at most 1, and 7 / 8 to its threshold
    _, errors = FirstSpikes(weights, 10.0, 16, 4.0, 16.0, 8.0, 0.5).example(np.array([0, 5], np.int32), 0)
    np.testing.assert_allclose(errors[0], [-1.0 - 0.5 * 7.0 / 8.0, 1.0, 0.0], rtol=1e-15)
    # class 1 leads by 3 of 8; class 1 above a threshold of 5 fires in step 6
    _, errors = FirstSpikes(weights, 5.0, 16, 4.0, 16.0, 8.0, 0.5).example(np.array([0, 5], np.int32), 1)
    np.testing.assert_allclose(errors[0], [5.0 / 8.0, -5.0 / 8.0, 0.0], rtol=1e-15)
    _, errors = FirstSpikes(weights, 5.0, 16, 4.0, 16.0, 3.0, 0.5).example(np.array([0, 5], np.int32), 1)
    assert not errors[0].any()  # a lead of 3 is met: nothing is learnt


def test_first_layers_errors_are_the_gradient_where_only_one_neuron_moves():
    """A hidden spike a step earlier raises each later output's potential by its weight for one step: sum of delta w."""
    weights, times, label = problem(3, (20, 13, 4))
    kernel = FirstSpikes(weights, 15.0, 32, 3.0, 10.0)
    when, errors = kernel.example(times, label)
    hidden = np.array(
        [sum(errors[1][k] * weights[1][i, k] for k in range(4) if when[0][i] < when[1][k]) for i in range(13)]
    )
    np.testing.assert_allclose(errors[0], hidden / np.linalg.norm(hidden), atol=1e-14)
    assert abs(np.linalg.norm(errors[1]) - 1.0) < 1e-14


def two_layers():
    rng = np.random.default_rng(1)
    weights = [rng.uniform(-4.0, 6.0, (12, 6)), rng.uniform(-6.0, 12.0, (6, 3))]
    return weights, rng.integers(0, 20, 12).astype(np.int32), 24, 15.0


def in_circuit(run):
    """Times of both layers from circuits, the second driven by what the first's comparators say at clock edges."""
    weights, times, steps, threshold = two_layers()
    found, exact = [], []
    for w in weights:
        time, v = run(spike_layer(w, times), steps, w.shape[1])
        exact.append(crossings(time, v, threshold * volts()) / 10e-9)
        times = np.where(np.isfinite(exact[-1]), np.ceil(exact[-1]), steps).astype(int)
        found.append(times)
    return found, exact


def with_tran(circuit, steps, n):
    r = circuit.tran(stop=steps * 10e-9, max_step=1e-9)
    return np.asarray(r["time"]), np.stack([r[f"v(v{j})"] for j in range(n)], axis=1)


def with_ngspice(tmp_path):
    def run(circuit, steps, n):
        names = " ".join(f"v(v{j})" for j in range(n))
        deck = circuit.to_netlist().replace("\n.end", "")
        deck += f"\n.options reltol=1e-5 gmin=1e-15\n.tran 1n {steps * 10}n 0 0.5n uic\n"
        deck += f".print tran {names}\n.control\nrun\n"
        deck += f"set wr_singlescale\nset wr_vecnames\nset numdgt=10\nwrdata out.txt {names}\n.endc\n.end\n"
        (tmp_path / "deck.cir").write_text(deck)
        subprocess.run(["ngspice", "-b", "deck.cir"], cwd=tmp_path, check=True, capture_output=True)
        table = np.loadtxt(tmp_path / "out.txt", skiprows=1)
        return table[:, 0], table[:, 1:]

    return run


@pytest.mark.parametrize("engine", ["tran", "ngspice"])
def test_circuits_fire_when_the_kernel_says(engine, tmp_path):
    if engine == "ngspice" and not shutil.which("ngspice"):
        pytest.skip("ngspice is not installed")
    weights, times, steps, threshold = two_layers()
    kernel = FirstSpikes(weights, threshold, steps, 3.0, 24.0)
    when, _ = kernel.example(times, 0)
    assert all(0 < (w < steps).sum() < len(w) for w in when)
    found, exact = in_circuit(with_tran if engine == "tran" else with_ngspice(tmp_path))
    for k in range(2):
        np.testing.assert_array_equal(found[k], when[k])
    # closed form of the crossings: pulses have edges of a thousandth of a step, potentials the tolerance of the engine
    mine = kernel.crossings(times[None])[0]
    fired = np.isfinite(exact[1])
    np.testing.assert_allclose(exact[1][fired], mine[fired], atol=5e-3)
    assert np.all(mine[~fired] >= steps)


def test_crossings_order_ties_and_the_silent():
    weights = [np.array([[4.0, 8.0, 1.0, 2.0], [8.0, 8.0, 1.0, 2.0]])]
    found = FirstSpikes(weights, 10.0, 8, 3.0, 8.0).crossings(np.array([[1, 4]], np.int32))[0]
    # outputs 0 and 1 cross in step 4: (10 - 4) / 8 and (10 - 8) / 8 of it; 2 and 3 end at 2 and 4 of 10
    np.testing.assert_allclose(found, [4.75, 4.25, 8.8, 8.6], rtol=1e-15)


def rule_and_data(**more):
    rng = np.random.default_rng(5)
    x = rng.random((40, 6))
    t = np.eye(3)[rng.integers(0, 3, 40)]
    numbers = {"errors": "time", "rates": (0.5, 0.2), "low": (0.0, 0.0), "high": (30.0, 20.0), "steps": 32}
    return rule_of("s4nn", network=(6, 8, 3), seed=2, **(numbers | more)), x, t


@pytest.mark.parametrize(("errors", "lead", "rates"), [("time", 0.0, (0.5, 0.2)), ("charge", 20.0, (0.01, 0.1))])
def test_replay_through_synapses_is_the_kernels_change(errors, lead, rates):
    """Rank-one updates at clock steps, which devices get, against the kernel's in place."""
    more = {"errors": errors, "rates": rates}
    ideal, x, t = rule_and_data(**more)
    pulsed, _, _ = rule_and_data(**more)
    pulsed.in_place = False
    pulsed.seen = [w.weights.copy() for w in pulsed.layers]
    pulsed.kernel = FirstSpikes(pulsed.seen, 100.0, 32, 3.0, 20.0, lead, 0.03, 20.0)
    for rule in (ideal, pulsed):
        rule.learn(x, t)
    for a, b in zip(ideal.layers, pulsed.layers, strict=True):
        np.testing.assert_allclose(a.weights, b.weights, atol=1e-10)  # 40 examples, sums of either order
    assert ideal.cost.count("row pulses") == pulsed.cost.count("row pulses") > 0


def test_state_is_whole():
    rule, x, t = rule_and_data(revive=0.9)
    rule.learn(np.tile(x, (3, 1)), np.tile(t, (3, 1)))  # beyond 100, from where there is a mean
    rule.learn(x[:20], t[:20])
    state = {name: value.copy() for name, value in rule.arrays().items()}
    other, _, _ = rule_and_data(revive=0.9)
    other.learn(x[30:], t[30:])
    other.restore(state)
    for one in (rule, other):
        one.learn(x[20:], t[20:])
        one.end_epoch()
        one.learn(x, t)
    for name, value in rule.arrays().items():
        np.testing.assert_array_equal(value, other.arrays()[name], err_msg=name)


@pytest.mark.parametrize("average", [150.0, 1e6])
def test_outputs_are_those_of_the_mean_however_examples_come(average):
    rule, x, t = rule_and_data(average=average)
    other, _, _ = rule_and_data(average=0.0)
    many, classes = np.tile(x, (20, 1)), np.tile(t, (20, 1))
    mean = [w.weights.copy() for w in other.layers]
    for k in range(8):
        other.learn(many[100 * k : 100 * k + 100], classes[100 * k : 100 * k + 100])
        gain = min(1.0, 100.0 / min(average, 25.0 * (k + 1)))
        mean = [old + gain * (w.weights - old) for old, w in zip(mean, other.layers, strict=True)]
    for part in (slice(0, 130), slice(130, 131), slice(131, 800)):
        rule.learn(many[part], classes[part])
    for a, b in zip(rule.mean, mean, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    for a, b in zip(rule.layers, other.layers, strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)
    for held, w in zip(other.layers, mean, strict=True):
        held.change(w - held.weights)
    np.testing.assert_allclose(rule.outputs(x), other.outputs(x), rtol=1e-9)


def test_epochs_end_shrinks_revives_and_decays():
    rule, x, t = rule_and_data(penalty=1e-3, revive=0.0, decay=0.5)
    rule.learn(x, t)
    before = [w.weights.copy() for w in rule.layers]
    rule.end_epoch()
    for old, w, rate in zip(before, rule.layers, (0.5, 0.2), strict=True):
        np.testing.assert_allclose(w.weights, old * (1.0 - rate * 1e-3) ** 40, rtol=1e-12)
    assert rule.pace == 0.5
    rule, x, t = rule_and_data(revive=1.0)
    rule.layers[0].change(-100.0 * np.eye(8)[[0]].repeat(6, axis=0))  # the first hidden neuron never fires
    rule.learn(x, t)
    assert rule.kernel.fired(0)[0] == 0
    rule.end_epoch()
    assert rule.layers[0].weights[:, 0].min() >= 0.0


@pytest.mark.parametrize(
    ("numbers", "word"),
    [
        ({"batch": 2}, "batch"),
        ({"errors": "both"}, "errors"),
        ({"lead": 0.0}, "lead"),
        ({"rates": (1.0,)}, "rates"),
        ({"steps": 1}, "steps"),
        ({"margin": -1.0}, "margin"),
    ],
)
def test_numbers_out_of_range(numbers, word):
    with pytest.raises(UsageError, match=word):
        rule_and_data(**numbers)


def test_inputs_out_of_range():
    rule, x, t = rule_and_data()
    for wrong in (x - 1.0, x * np.nan, x[:, :5]):
        with pytest.raises(UsageError, match="inputs"):
            rule.learn(wrong, t)
    with pytest.raises(UsageError, match="targets"):
        rule.learn(x, t[:, :2])


DIGITS = {
    "time": {"rates": (3.0, 1.0), "low": (-8.0, -4.0), "high": (16.0, 10.0), "saturation": 10.0, "decay": 0.85},
    "charge": {
        "rates": (0.1, 0.1),
        "low": (-8.0, -2.0),
        "high": (14.0, 4.0),
        "rouse": 0.3,
        "average": 2600.0,
        "decay": 0.9,
    },
}  # fmt: skip


@pytest.mark.parametrize(("errors", "least"), [("time", 0.88), ("charge", 0.87)])
def test_digits(errors, least):
    data = pytest.importorskip("sklearn.datasets").load_digits()
    x, t = data.data / 16.0, np.eye(10)[data.target]
    numbers = {"average": 0.0, "steps": 64} | DIGITS[errors]
    rule = rule_of("s4nn", network=(64, 100, 10), errors=errors, **numbers)
    for _ in range(15):
        order = rule.rng.permutation(1300)
        rule.learn(x[order], t[order])
        rule.end_epoch()
    right = (rule.outputs(x[1300:]).argmax(axis=1) == data.target[1300:]).mean()
    assert right > least  # 0.905 and 0.883 here; a linear classifier has 0.91, guessing 0.1
    assert rule.cost.joules > 0.0
