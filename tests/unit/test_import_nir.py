"""NIR graphs against their equations, stepped in these tests, and against their solutions in continuous time."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from circuitnn.errors import FileError, MappingError, MissingExtraError
from circuitnn.mapping.compile import compile_crossbar, to_graph

nir = pytest.importorskip("nir")
RNG = np.random.default_rng(5)
START = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def same_numbers_whatever_ran_before():
    RNG.bit_generator.state = START


DT = 1e-3
N = 4


def some(low, high, shape=(N,)):
    return RNG.uniform(low, high, size=shape)


NEURONS = {
    "I": lambda: nir.I(r=some(1, 2)),
    "IF": lambda: nir.IF(r=some(200, 300), v_threshold=some(0.5, 1), v_reset=some(-0.1, 0.1)),
    "LI": lambda: nir.LI(tau=some(5e-3, 2e-2), r=some(1, 2), v_leak=some(-0.2, 0.2)),
    "LIF": lambda: nir.LIF(tau=some(5e-3, 2e-2), r=some(4, 6), v_leak=some(-0.1, 0.1), v_threshold=some(0.5, 1)),
    "CubaLI": lambda: nir.CubaLI(
        tau_syn=some(3e-3, 6e-3), tau_mem=some(5e-3, 2e-2), r=some(1, 2), v_leak=some(-0.2, 0.2), w_in=some(1, 2)
    ),
    "CubaLIF": lambda: nir.CubaLIF(
        tau_syn=some(3e-3, 6e-3), tau_mem=some(5e-3, 2e-2), r=some(5, 6), v_leak=some(-0.2, 0.2),
        v_threshold=some(0.5, 1), v_reset=some(-0.1, 0.1), w_in=some(1, 2),
    ),
    "Threshold": lambda: nir.Threshold(threshold=some(0.2, 0.8)),
}  # fmt: skip


def stepped(node, x):
    """Step the equations of the NIR documentation by forward Euler, the synapse before the membrane."""
    kind = type(node).__name__
    current, v, out = np.zeros(x.shape[1:]), np.zeros(x.shape[1:]), []
    for s in x:
        if kind == "Threshold":
            out.append((s > node.threshold) * 1.0)
            continue
        if kind.startswith("Cuba"):
            current = current + DT / node.tau_syn * (node.w_in * s - current)
        else:
            current = s
        if kind in ("I", "IF"):
            v = v + DT * node.r * current
        else:
            tau = node.tau_mem if kind.startswith("Cuba") else node.tau
            v = v + DT / tau * (node.v_leak - v + node.r * current)
        if kind.endswith("IF"):
            spike = v > node.v_threshold
            v = np.where(spike, node.v_reset, v)
            out.append(spike * 1.0)
        else:
            out.append(v)
    return np.array(out)


@pytest.mark.parametrize("kind", NEURONS)
def test_neurons_step_by_step(kind):
    node = NEURONS[kind]()
    x = RNG.uniform(0, 1, size=(3, 60, N))
    graph = to_graph(nir.NIRGraph.from_list(node), steps=60, dt=DT)
    expected = np.stack([stepped(node, sample) for sample in x])
    np.testing.assert_allclose(graph(x), expected, rtol=1e-9, atol=1e-12)  # coefficients are rounded otherwise
    if kind.endswith("IF"):
        assert 10 < expected.sum() < 700  # they do fire, and not always
    if kind == "I":
        with pytest.raises(MappingError, match="without a leak"):
            graph.nodes[0].bounds((0.0, 1.0))
        return
    low, high = graph.nodes[0].bounds((0.0, 1.0))
    assert low <= expected.min() and expected.max() <= high


@pytest.mark.parametrize("kind", ["LI", "CubaLI"])
def test_exact_steps_follow_the_differential_equation(kind):
    """A step of constant input; the current of a synapse, which changes within a step, makes a first-order error."""
    node = NEURONS[kind]()
    steps = 400
    dt = 1e-4
    graph = to_graph(nir.NIRGraph.from_list(node), steps=steps, dt=dt, method="exact")
    found = graph(np.ones((steps, N)))

    def slope(_t, y):
        i, v = np.split(y, 2)
        if kind == "LI":
            return np.concatenate([0 * i, (node.v_leak - v + node.r) / node.tau])
        return np.concatenate([(node.w_in - i) / node.tau_syn, (node.v_leak - v + node.r * i) / node.tau_mem])

    times = dt * np.arange(1, steps + 1)
    solution = solve_ivp(slope, (0, times[-1]), np.zeros(2 * N), t_eval=times, rtol=1e-10, atol=1e-12)
    # Exactly for LI; half a step of the fastest change of a synapse's current otherwise.
    np.testing.assert_allclose(
        found, solution.y[N:].T, rtol=1e-8 if kind == "LI" else 0.0, atol=1e-8 if kind == "LI" else 0.03
    )


def network():
    return nir.NIRGraph.from_list(
        nir.Input({"input": np.array([2, 8, 8])}),
        nir.Conv2d((8, 8), RNG.normal(size=(4, 2, 3, 3)), (2, 1), 1, 1, 1, RNG.normal(size=4)),
        nir.IF(r=some(300, 400, (4, 4, 8)), v_threshold=np.ones((4, 4, 8))),
        nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        nir.AvgPool2d(np.array([2, 2]), np.array([1, 1]), np.array([1, 1])),
        nir.Flatten({"input": np.array([4, 3, 5])}, 0, -1),
        nir.Affine(RNG.normal(size=(5, 60)), RNG.normal(size=5)),
        nir.LIF(tau=some(5e-3, 2e-2, (5,)), r=np.ones(5), v_leak=np.zeros(5), v_threshold=some(0.2, 0.5, (5,))),
        nir.Linear(RNG.normal(size=(3, 5))),
        nir.Scale(some(1, 2, (3,))),
        nir.LI(tau=some(5e-3, 2e-2, (3,)), r=np.ones(3), v_leak=np.zeros(3)),
    )


def conv(x, w, b, stride):
    """One frame, zeros around, by its definition."""
    p = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    rows, cols = (x.shape[1] - 1) // stride[0] + 1, (x.shape[2] - 1) // stride[1] + 1
    out = np.zeros((len(w), rows, cols))
    for i, j in np.ndindex(rows, cols):
        patch = p[:, i * stride[0] : i * stride[0] + 3, j * stride[1] : j * stride[1] + 3]
        out[:, i, j] = np.tensordot(w, patch, 3) + b
    return out


def test_a_convolutional_network():
    net = network()
    nodes = {type(n).__name__: n for n in net.nodes.values()}
    steps = 12
    x = RNG.uniform(0, 2, size=(steps, 2, 8, 8))
    frames = np.stack([conv(f, nodes["Conv2d"].weight, nodes["Conv2d"].bias, (2, 1)) for f in x])
    spikes = stepped(nodes["IF"], frames)
    sums = spikes.reshape(steps, 4, 2, 2, 4, 2).sum(axis=(3, 5))
    padded = np.pad(sums, ((0, 0), (0, 0), (1, 1), (1, 1)))
    means = sum(padded[:, :, a : a + 3, b : b + 5] for a in (0, 1) for b in (0, 1)) / 4
    hidden = stepped(nodes["LIF"], means.reshape(steps, -1) @ nodes["Affine"].weight.T + nodes["Affine"].bias)
    expected = stepped(nodes["LI"], hidden @ nodes["Linear"].weight.T * nodes["Scale"].scale)
    for folded in (False, True):
        graph = to_graph(net, steps=steps, dt=DT, folded=folded)
        np.testing.assert_allclose(graph(x[None])[0], expected, rtol=1e-9, atol=1e-12)
    assert [n.kind for n in graph.nodes].count("Scale") == 0
    assert graph.matrices["conv2d"].shape == (18, 4)  # time is no part of the matrix
    assert hidden.sum() > 3 and spikes.mean() > 0.05


def test_spiking_networks_on_crossbars():
    net = nir.NIRGraph.from_list(
        nir.Linear(RNG.normal(size=(5, 3))), nir.LIF(some(1e-2, 2e-2, (5,)), 5 * np.ones(5), np.zeros(5), np.ones(5))
    )
    graph = to_graph(net, steps=50, dt=DT)
    x = (RNG.uniform(size=(4, 50, 3)) < 0.5).astype(float)
    layout = compile_crossbar(graph, tile=(4, 8))
    assert layout(x).sum() > 10
    np.testing.assert_array_equal(layout(x), graph(x))  # the same spikes


def test_sums_delays_and_parts():
    inner = nir.NIRGraph.from_list(nir.Scale(np.array([2.0, 3.0])))
    net = nir.NIRGraph(
        {
            "in": nir.Input({"input": np.array([2])}),
            "late": nir.Delay(np.array([2e-3, 2e-3])),
            "part": inner,
            "join": nir.Linear(np.eye(2)),
            "out": nir.Output({"output": np.array([2])}),
        },
        [("in", "late"), ("in", "part"), ("late", "join"), ("part", "join"), ("join", "out")],
    )
    x = RNG.normal(size=(6, 2))
    expected = x * [2.0, 3.0]
    expected[2:] += x[:-2]
    np.testing.assert_allclose(to_graph(net, steps=6, dt=1e-3)(x), expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(to_graph(net, steps=1, dt=1e-3)(x[:1]), x[:1] * [2.0, 3.0], rtol=1e-12)


def test_files(tmp_path):
    net = network()
    path = tmp_path / "net.nir"
    nir.write(path, net)
    x = RNG.uniform(0, 2, size=(3, 2, 8, 8))
    np.testing.assert_array_equal(to_graph(path, steps=3, dt=DT)(x), to_graph(net, steps=3, dt=DT)(x))
    data = path.read_bytes()
    for broken in (b"", data[:100], data[: len(data) // 2], b"not a file"):
        path.write_bytes(broken)
        with pytest.raises(FileError, match="cannot read"):
            to_graph(path)
    with pytest.raises(FileError, match="cannot read"):
        to_graph(str(tmp_path / "absent.nir"))


def test_library_absent(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "nir", None)
    with pytest.raises(MissingExtraError, match=r"circuitnn\[nir\]"):
        to_graph("a.nir")


def test_cycles_are_named():
    net = nir.NIRGraph(
        {"in": nir.Input({"input": np.array([2])}), "w": nir.Linear(np.eye(2)), "n": NEURONS["IF"]().__class__(
            np.ones(2), np.ones(2)), "out": nir.Output({"output": np.array([2])})},
        [("in", "n"), ("n", "w"), ("w", "n"), ("n", "out")],
    )  # fmt: skip
    with pytest.raises(MappingError, match=r"cycle: (n -> w -> n|w -> n -> w)"):
        to_graph(net)


@pytest.mark.parametrize(
    ("options", "word"),
    [({"steps": 0}, "at least one step"), ({"dt": 0.0}, "0.0 s"), ({"method": "rk4"}, "euler exact"),
     ({"dt": 1.0}, r"(?s)longer than the time constant.*exact")],
)  # fmt: skip
def test_wrong_options(options, word):
    with pytest.raises(MappingError, match=word):
        to_graph(nir.NIRGraph.from_list(NEURONS["LI"]()), **options)


def test_wrong_graphs():
    class Strange(nir.ir.node.NIRNode):
        def __init__(self):
            self.input_type, self.output_type = {"input": np.array([2])}, {"output": np.array([2])}

    ends = {"in": nir.Input({"input": np.array([2])}), "out": nir.Output({"output": np.array([2])})}
    chain = [("in", "a"), ("a", "b"), ("b", "out")]
    uneven = nir.Delay(np.array([1e-3, 2e-3]))
    for nodes, edges, word in (
        ({"a": Strange(), "b": uneven}, chain, r"a \(Strange\)"),
        ({"a": uneven, "b": Strange()}, chain, r"a \(Delay\): with different delays.*b \(Strange\)"),
        ({}, [("in", "nobody")], "'nobody'"),
        ({"a": nir.Linear(np.eye(2)), "b": nir.Linear(np.eye(2))}, [("in", "a"), ("a", "out")], r"nothing reaches b"),
        ({"a": nir.Linear(np.eye(3)), "b": nir.Linear(np.eye(2))}, chain, "a takes 3 inputs"),
        ({"more": nir.Input({"input": np.array([2])})}, [("in", "out")], "2 nodes Input"),
    ):
        net = nir.NIRGraph({**ends, **nodes}, edges, type_check=False)
        with pytest.raises(MappingError, match=word):
            to_graph(net, dt=1e-3)
    with pytest.raises(MappingError, match="time constants"):
        to_graph(nir.NIRGraph.from_list(nir.LI(np.zeros(2), np.ones(2), np.zeros(2))))
