"""Transients that go on from where an earlier one stopped."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import FileError, UsageError

METHODS = ("trap", "gear", "gear maxord=5", "trbdf2")
PULSE = "v1 a 0 pulse(0 1 1u 0.1u 0.1u 3u 10u)\n"
CIRCUITS = {
    "rc": PULSE + "r1 a b 1k\nc1 b 0 1n",
    "rlc": PULSE + "r1 a b 50\nl1 b c 10u\nc1 c 0 1n",
    "diode": PULSE + "r1 a b 1k\nd1 b c dm\nc1 c 0 1n\nr2 c 0 10k\n.model dm d(is=1e-14 cjo=2p tt=5n)",
    "switch": PULSE + "r1 a b 1k\nc1 b 0 1n\nv2 d 0 1\nr2 d c 1k\ns1 c 0 b 0 sw\n"
    ".model sw sw(vt=0.5 vh=0.2 ron=1 roff=1meg)",
    "line": PULSE + "r1 a b 20\nt1 b 0 c 0 z0=50 td=0.7u\nr2 c 0 150",
    "memristor": PULSE + "r1 a b 100\nn1 b 0 hp\n.model hp linear_drift(ron=100 roff=16k d=10n)",
    "crossbar": PULSE + "r1 b 0 1k\na1 [a a] [b b] xb\n.model xb crossbar(device=hfo2 rword=1 rbit=1)",
    "inverter": PULSE + "vdd d 0 1.8\nm1 b a 0 0 nm w=2u l=1u\nm2 b a d d pm w=4u l=1u\nc1 b 0 1p\n"
    ".model nm nmos(vto=0.5 kp=1e-4)\n.model pm pmos(vto=-0.5 kp=5e-5)",
}  # fmt: skip


def circuit(name, method="trap"):
    return cn.parse(f"{name}\n{CIRCUITS[name]}\n.options method={method}\n.end\n").circuit()


def halves(name, method, cut, stop=3e-5, through=lambda checkpoint: checkpoint):
    asked = {"step": 1e-7, "max_step": 1e-7}
    whole = circuit(name, method).tran(stop=stop, **asked)
    # A corner is where its source says, to the last bit.
    cut = min([cut, *whole.time.tolist()], key=lambda t: (abs(t - cut) > 1e-13, t == cut))
    first = circuit(name, method).tran(stop=cut, **asked)
    second = circuit(name, method).tran(stop=stop, resume=through(first.checkpoint), **asked)
    return whole, first, second


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["rc", "rlc", "line"])
def test_a_run_cut_at_a_corner_is_the_whole_run_to_rounding(tmp_path, name, method):
    def through(checkpoint):
        checkpoint.save(tmp_path / "a.npz")
        return cn.Checkpoint.load(tmp_path / "a.npz")

    whole, first, second = halves(name, method, 1.1e-5, through=through)
    assert first.checkpoint.time == second.time[0] == first.time[-1] == pytest.approx(1.1e-5)
    np.testing.assert_array_equal(second.data[0], first.data[-1])
    joined = np.vstack([first.data, second.data[1:]])
    assert joined.shape == whole.data.shape
    # The same steps; a factorisation that finds its pivots anew rounds in another way.
    np.testing.assert_allclose(joined, whole.data, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "method"),
    # The states of a crossbar's cells have an integrator of their own.
    [(name, method) for name in CIRCUITS for method in (METHODS[:1] if name == "crossbar" else METHODS)],
)
@pytest.mark.parametrize("cut", [1.1e-5, 7.1234e-6])
def test_a_run_cut_anywhere_is_the_whole_run_to_its_tolerance(name, method, cut):
    whole, first, second = halves(name, method, cut, stop=2e-5)
    for vector in whole.keys()[1:]:
        joined = np.interp(
            whole.time, np.append(first.time, second.time[1:]), np.append(first[vector], second[vector][1:])
        )
        size = np.abs(whole[vector]).max() or 1.0
        # Steps of 0.1 us at reltol 1e-3; between points of different runs a straight line is read off, which at the
        # edges of the pulse of 0.1 us is off by what the curve bends there.
        assert np.median(np.abs(joined - whole[vector])) < 1e-3 * size, vector
        assert abs(second[vector][-1] - whole[vector][-1]) < 2e-3 * size, vector


def test_no_corner_is_made_where_a_run_stops():
    """A sine has no corners: the second half keeps order and step, and takes no more steps than the whole."""
    c = cn.parse(
        "sine\nv1 a 0 sin(0 1 10k)\nr1 a b 1k\nc1 b 0 10n\n.options reltol=1e-6 method=gear maxord=5\n.end"
    ).circuit()
    whole = c.tran(stop=1e-3, max_step=1e-4, step=1e-4)
    first = c.tran(stop=5e-4, max_step=1e-4, step=1e-4)
    second = c.tran(stop=1e-3, max_step=1e-4, step=1e-4, resume=first.checkpoint)
    # A new start would begin with steps a hundred times shorter, which take thirty to grow.
    assert len(first) + len(second) < len(whole) + 8


def test_values_may_change_in_between():
    """A charged capacitor goes on through another resistor."""
    c = cn.Circuit("discharge")
    c.R("1", "a", 0, 1e3)
    c.C("1", "a", 0, 1e-6, ic=1.0)
    first = c.tran(stop=1e-3, uic=True)
    c.alter(r1=2e3)
    second = c.tran(stop=3e-3, resume=first.checkpoint, max_step=1e-5)
    assert second["v(a)"][-1] == pytest.approx(np.exp(-2.0), rel=2e-3)


def test_failed_and_interrupted_runs_have_checkpoints_too():
    deck = "stops\nb1 a 0 v='time < 5u ? time : 1/(5.5u-time)*1e300*1e300'\nr1 a 0 1\nc1 a 0 1n\n.tran 0.1u 10u\n"
    with pytest.raises(cn.CircuitnnError) as caught:
        cn.parse(deck).circuit().tran(stop=1e-5)
    assert 4e-6 < caught.value.result.checkpoint.time < 5.6e-6

    def interrupt(done):
        if done > 0.3:
            raise KeyboardInterrupt

    c = circuit("rc")
    with pytest.raises(KeyboardInterrupt) as stopped:
        c.tran(stop=1e-2, max_step=1e-8, progress=interrupt)
    kept = stopped.value.result
    assert kept.checkpoint.time == kept.time[-1] < 1e-2
    assert c.tran(stop=kept.checkpoint.time + 1e-5, resume=kept.checkpoint).time[0] == kept.time[-1]


def test_streams_go_on_as_well(tmp_path):
    whole, first, _ = halves("rc", "trap", 1.1e-5)
    asked = {"step": 1e-7, "max_step": 1e-7}
    second = circuit("rc").tran(stop=3e-5, resume=first.checkpoint, stream=tmp_path / "b.raw", **asked)
    np.testing.assert_allclose(second.data, whole.data[len(first) - 1 :], rtol=1e-6, atol=1e-9)


def test_checkpoints_of_other_circuits_are_refused():
    point = circuit("rc").tran(stop=1e-5).checkpoint
    with pytest.raises(UsageError, match=r"of another circuit, 'rc'; i\(l1\) is in one of them alone"):
        circuit("rlc").tran(stop=2e-5, resume=point)
    diode = cn.parse(f"t\n{PULSE}r1 a b 1k\nd1 b 0 dm\n.model dm d\n.end").circuit()
    resistor = cn.parse(f"t\n{PULSE}r1 a b 1k\nr2 b 0 1k\n.end").circuit()
    with pytest.raises(UsageError, match="their devices differ"):
        resistor.tran(stop=2e-5, resume=diode.tran(stop=1e-5).checkpoint)


def test_arguments_that_do_not_fit():
    c = circuit("rc")
    point = c.tran(stop=1e-5).checkpoint
    with pytest.raises(UsageError, match="before stop"):
        c.tran(stop=1e-5, resume=point)
    with pytest.raises(UsageError, match="resume or uic"):
        c.tran(stop=2e-5, resume=point, uic=True)
    with pytest.raises(UsageError, match="no checkpoint"):
        c.tran(stop=2e-5, resume="a.npz")


def test_files_that_are_no_checkpoint(tmp_path):
    path = tmp_path / "a.npz"
    circuit("line").tran(stop=1e-5).checkpoint.save(path)
    whole = path.read_bytes()
    for cut in (0, 1, 50, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:cut])
        with pytest.raises(FileError):
            cn.Checkpoint.load(path)
    with pytest.raises(FileError):
        cn.Checkpoint.load(tmp_path / "none.npz")
    np.savez(path, names=np.array(["a"], dtype=object))  # a pickle inside
    with pytest.raises(FileError):
        cn.Checkpoint.load(path)
    np.save(path.with_suffix(".npy"), np.zeros(3))
    with pytest.raises(FileError):
        cn.Checkpoint.load(path.with_suffix(".npy"))
    with pytest.raises(UsageError, match="npz"):
        circuit("rc").tran(stop=1e-5).checkpoint.save(tmp_path / "a.h5")


@pytest.mark.parametrize("name", ["line", "diode"])
def test_damaged_states_are_refused_or_do_no_harm(name):
    """Counts and sizes in a state come from a file; none of them may lead outside the engine's arrays."""
    c = circuit(name)
    point = c.tran(stop=1e-5, max_step=1e-7).checkpoint
    rng = np.random.default_rng(1)
    refused = 0

    def attempt(state):
        nonlocal refused
        try:
            c.tran(
                stop=1.02e-5,
                max_step=1e-7,
                resume=cn.Checkpoint(point.title, point.time, point.names, point.devices, point.values, state),
            )
        except cn.CircuitnnError:
            refused += 1

    for size in (0, 1, len(point.state) - 1, len(point.state) + 1):
        attempt(np.resize(point.state, size))
    assert refused == 4
    for k in [*range(20), *rng.integers(0, len(point.state), 60), *range(len(point.state) - 40, len(point.state))]:
        for value in (np.nan, -1.0, 3.5, 1e300, 255.0):
            state = point.state.copy()
            state[k] = value
            attempt(state)
    assert refused > 100
    # What was refused has left nothing behind.
    np.testing.assert_array_equal(c.tran(stop=1e-5, max_step=1e-7).checkpoint.state, point.state)
