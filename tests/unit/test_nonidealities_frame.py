"""Effects on devices that write equations of their own: with inner nodes, and with more than two terminals."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.devices.declare import Device, Environment, Equations, Param, State
from circuitnn.devices.load import kernel_of
from circuitnn.errors import CircuitError, DeviceError
from circuitnn.nonidealities.chain import Chain, extended
from circuitnn.nonidealities.sites import Sites
from circuitnn.nonidealities.states import state_map
from circuitnn.registry import catalog

ni = cn.nonidealities
TWO = {"jart": ("a", 0), "simmons": ("a", 0)}
THREE = {"ecram": ("a", "g", 0), "fefet": ("a", "g", 0, 0)}


MODELS = ["jart", "ecram", "fefet"]  # a class of simmons is long in the making: in fewer tests


def cell(model, *effects, dc=0.1, gate=None, **params):
    c = cn.Circuit("cell")
    c.V("1", "a", 0, dc=dc, ac=1.0)
    if model in THREE:
        # an ecram whose gate takes no current, half way
        c.V("g", "g", 0, dc=gate if gate is not None else {"ecram": dc / 2, "fefet": 1.2}[model])
    c.N("1", *{**TWO, **THREE}[model], model=model, **params)
    if effects:
        c.nonideal("n1", *effects)
    c.set_options(seed=1)
    return c


@pytest.mark.parametrize("model", MODELS)
def test_drift_scales_the_current_and_nothing_else(model):
    drift = ni.Drift(nu=0.05, nu_sigma=0.0, time=2000.0)
    ideal, made = cell(model).op(), cell(model, drift).op()
    # the operating point is met to reltol; both by the same iterations
    assert float(made["i(v1)"]) == pytest.approx(100.0**-0.05 * float(ideal["i(v1)"]), rel=1e-6, abs=1e-24)
    if model in THREE:
        assert float(made["i(vg)"]) == pytest.approx(float(ideal["i(vg)"]), abs=1e-18)


@pytest.mark.slow  # classes that are compiled
@pytest.mark.parametrize(("model", "bounds"), [("simmons", ("w_min", "w_max")), ("jart", ("n_min", "n_max"))])
def test_stuck_cells_with_inner_nodes_start_where_they_conduct_most_and_stay(model, bounds):
    # SET and RESET voltages: both would move the state within the run
    state = next(iter(catalog("devices").get(model).states))
    for probability in ({"on": 1.0}, {"off": 1.0}):
        for dc in (-0.8, 0.8):
            run = cell(model, ni.Stuck(**probability), dc=dc).tran(1e-8)
            where = run[f"@n1[{state}]"]
            assert np.ptp(where) <= 1e-12 * where.max()  # rounding
    on, off = (abs(float(cell(model, ni.Stuck(**p)).op()["i(v1)"])) for p in ({"on": 1.0}, {"off": 1.0}))
    device = catalog("devices").get(model)
    ends = [device.params[name].default for name in bounds]
    reads = [abs(float(cell(model, **{state: end}).op()["i(v1)"])) for end in ends]
    assert (on, off) == pytest.approx((max(reads), min(reads)), rel=1e-6, abs=0.0)


@pytest.mark.parametrize(("model", "rs"), [("simmons", 215.0), ("simmons", 0.0), ("jart", None)])
def test_conductances_with_inner_nodes_are_those_of_the_operating_point(model, rs):
    device, n = catalog("devices").get(model), 3
    columns = {k: np.full(n, np.nan if p.default is None else p.default) for k, p in device.params.items()}
    if rs is not None:
        columns["rs"] = np.full(n, rs)
    name, states, _ = state_map(device, columns, Environment(), "test")
    wanted = states.low + np.array([0.1, 0.5, 0.9]) * (states.high - states.low)
    given = {} if rs is None else {"rs": rs}
    g = [-float(cell(model, **{name: x}, **given).op()["i(v1)"]) / 0.1 for x in wanted]
    np.testing.assert_allclose(states.conductance(wanted), g, rtol=1e-6)  # reltol of the operating point
    np.testing.assert_allclose(states.state(states.conductance(wanted)), wanted, rtol=1e-6)


@pytest.mark.slow  # a class that is compiled
def test_heat_of_a_memristor_with_an_inner_node_is_its_whole_power():
    op = cell("simmons", ni.SelfHeating(r_th=1e6), dc=0.2).op()
    power = -float(op["i(v1)"]) * 0.2
    assert power > 1e-6
    assert float(op["@n1[temperature]"]) - 300.15 == pytest.approx(1e6 * power, rel=1e-6)


def test_heat_of_a_transistor_is_that_of_its_channel():
    op = cell("fefet", ni.SelfHeating(r_th=1e6), dc=0.5, gate=2.0).op()
    power = -float(op["i(v1)"]) * 0.5
    assert power > 1e-6
    assert float(op["@n1[temperature]"]) - 300.15 == pytest.approx(1e6 * power, rel=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_read_noise_has_the_density_of_the_current_that_flows(model):
    c = cell(model, ni.ReadNoise(0.02, 1e6))
    c.H("1", "out", 0, "v1", 1.0)  # all of the noise current flows through v1
    noise = c.noise("v(out)", "v1", 1e2, 1e3, 1, summary=1)
    i = float(c.op()["i(v1)"])
    np.testing.assert_allclose(noise["onoise_n1_read"] ** 2, (0.02 * i) ** 2 / 1e6, rtol=1e-5)


@pytest.mark.parametrize("model", THREE)
def test_thermal_noise_of_a_channel_is_that_of_its_conductance_at_equilibrium(model):
    c = cell(model, ni.ThermalNoise(), dc=0.3)
    c.H("1", "out", 0, "v1", 1.0)
    noise = c.noise("v(out)", "v1", 1e2, 1e3, 1, summary=1)
    g = float(cell(model, dc=5e-4).op()["i(v1)"] - cell(model, dc=-5e-4).op()["i(v1)"]) / -1e-3
    # the conductance is taken at 1 mV, which a transistor's bends by less than a percent
    np.testing.assert_allclose(noise["onoise_n1_thermal"] ** 2, 4.0 * 1.380649e-23 * 300.15 * g, rtol=0.01)


def test_a_trap_takes_its_part_of_the_channel_alone():
    c = cell("ecram", ni.TelegraphNoise(0.2, spread=0.0, tau_min=1e-7, tau_max=1e-7), gate=0.0)
    run = c.tran(5e-6, max_step=5e-8)
    ideal = cell("ecram", gate=0.0).tran(5e-6, max_step=5e-8)
    share = run["i(v1)"] / np.interp(run["time"], ideal["time"], ideal["i(v1)"])
    assert share.min() == pytest.approx(0.8, rel=0.02)  # next to the gate's current, which stays
    assert share.max() == pytest.approx(1.0, rel=1e-3)
    np.testing.assert_allclose(
        run["i(vg)"], np.interp(run["time"], ideal["time"], ideal["i(vg)"]), rtol=1e-3, atol=1e-15
    )


EXTENDING = [
    ni.Drift(),
    ni.Endurance(),
    ni.NonlinearUpdate(),
    ni.ReadDisturb(),
    ni.Retention(),
    ni.SelfHeating(tcr=1e-3, activation=0.1),
    ni.Stuck(on=0.1),
    ni.TelegraphNoise(),
]


@pytest.mark.slow  # a class that is compiled
def test_a_device_with_an_inner_node_and_all_effects_has_exact_slopes_and_keeps_charge():
    chain = Chain.of(EXTENDING, 1)
    made = extended(catalog("devices").get("simmons"), chain.effects)
    n, rng, env = 20, np.random.default_rng(8), Environment()
    columns = {k: np.full(n, np.nan if p.default is None else p.default) for k, p in made.params.items()}
    columns = chain.set_up(made, columns, Sites.of_elements([f"n{k}_0" for k in range(n)], seed=1), env)
    kernel, prepared = kernel_of(made), made.prepare(columns, env)
    param = np.array([np.broadcast_to(prepared.get(k, columns.get(k)), n) for k in kernel.param_names], dtype=float)
    u, sizes = rng.uniform(-0.5, 0.5, (kernel.n_local, n)), np.ones(kernel.n_local)
    for name, (low, high) in made.state_bounds(columns).items():
        low, high = {"temperature": (280.0, 320.0), "worn": (1e4, 1e6)}.get(name, (low, high))
        k = made.locals.index(name)
        u[k], sizes[k] = low + (0.05 + 0.9 * rng.random(n)) * (high - low), np.max(high - low)
    lim = np.ones((kernel.n_limit, n))
    f, _, jf, _ = kernel.evaluate(u, param, lim)
    assert np.isfinite(f).all()
    np.testing.assert_allclose(f[:3].sum(axis=0), 0.0, atol=1e-12 * np.abs(f[:3]).max())
    dense = np.zeros((kernel.n_local, kernel.n_local, n))
    dense[kernel.jf_row, kernel.jf_col] = jf
    for k in range(kernel.n_local):
        h = 1e-6 * sizes[k]
        up, down = u.copy(), u.copy()
        up[k] += h
        down[k] -= h
        slope = (kernel.evaluate(up, param, lim)[0] - kernel.evaluate(down, param, lim)[0]) / (2.0 * h)
        allowed = 1e-4 * np.abs(slope).max(axis=1, keepdims=True) + 1e-14 * np.abs(f) / h  # cancellation
        assert (np.abs(dense[:, k] - slope) > allowed).mean() < 0.02


class Closed(Device):
    """A conductance that a gate moves, and whose current no effect is told."""

    terminals = ("d", "gate", "s")
    links = (("d", "s", "resistive"),)
    k = Param(1e-3, "S/(V s)", low=0.0, doc="speed of the conductance")
    g = State(1e-6, "S", low=1e-7, high=1e-5, doc="conductance of the channel", scale=1e-6)

    def equations(self):
        rows = self.state_rows({"g": self.k * (self.gate - self.s)})
        i = self.g * (self.d - self.s)
        return Equations(f={"d": i, "s": -i, **rows.f}, q=rows.q)


@pytest.mark.parametrize(
    ("model", "effect", "message"),
    [
        ("jart", ni.SelfHeating(), "temperature of its own"),
        ("jart", ni.ThermalNoise(), "inner voltages near equilibrium"),
        ("ecram", ni.Retention(), "it has 3 terminals"),
        ("fefet", ni.Stuck(on=0.1), "it has 4 terminals"),
    ],
)
def test_what_does_not_act_says_why(model, effect, message):
    with pytest.raises(CircuitError, match=message):
        cell(model, effect).op()


def test_a_channel_that_is_not_told_is_an_error():
    with pytest.raises(DeviceError, match="channel's current is not known"):
        extended(Closed, [ni.Drift()])
