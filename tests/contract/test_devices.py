"""What every registered device must fulfil, whatever it models: a new file in ``circuitnn/devices`` is held to it."""

import numpy as np
import pytest

from circuitnn.devices.declare import Device, Environment, Memristor
from circuitnn.devices.load import kernel_of
from circuitnn.registry import catalog

DEVICES = catalog("devices").all()
MEMRISTORS = {name: device for name, device in DEVICES.items() if issubclass(device, Memristor)}
STATEFUL = [name for name, device in DEVICES.items() if device.states]
N = 60
SEED = 20240611

#: Parameters that are zero or absent by default, given so that their equations take part.
GIVEN = {
    "linear_drift": {"p": 2.0},
    "diode": {"rs": 2.0, "tt": 5e-9, "cjo": 2e-12, "bv": 1.2},
    "mos1": {
        "vto": 0.5, "gamma": 0.4, "phi": 0.7, "lambda": 0.03, "tox": 2e-8, "rd": 20.0, "rs": 30.0, "js": 1e-6,
        "ad": 1e-11, "as": 1e-11, "pd": 2e-5, "ps": 2e-5, "cj": 2e-4, "cjsw": 1e-9, "cgso": 1e-10, "cgdo": 1e-10,
        "cgbo": 2e-10,
    },
    "mos2": {
        "vto": 0.5, "gamma": 0.4, "phi": 0.7, "rd": 20.0, "rs": 30.0, "ad": 1e-11, "as": 1e-11, "cj": 2e-4, "l": 2e-6,
        "nsub": 5e15, "tox": 4e-8, "nfs": 2e11, "xj": 0.3e-6, "vmax": 5e4, "delta": 1.0, "uexp": 0.15, "neff": 3.0,
        "w": 5e-6, "ld": 1e-7,
    },
    "mos3": {
        "vto": 0.5, "gamma": 0.4, "phi": 0.7, "rd": 20.0, "rs": 30.0, "ad": 1e-11, "as": 1e-11, "cj": 2e-4, "l": 2e-6,
        "nsub": 5e15, "tox": 4e-8, "nfs": 2e11, "xj": 0.3e-6, "vmax": 5e4, "delta": 1.0, "eta": 0.1, "theta": 0.1,
        "w": 5e-6, "ld": 1e-7,
    },
    "mos6": {
        "vto": 0.5, "gamma": 0.4, "phi": 0.7, "lambda": 0.03, "tox": 2e-8, "rd": 20.0, "rs": 30.0, "nc": 1.3, "nv": 1.2,
        "gamma1": 0.05, "sigma": 0.02, "lambda1": 0.01, "ad": 1e-11, "as": 1e-11, "cj": 2e-4,
    },
}  # fmt: skip

each = pytest.mark.parametrize("name", DEVICES)
each_memristor = pytest.mark.parametrize("name", MEMRISTORS)


def columns(name, rng, n=N):
    """User parameters, random near their defaults and inside their ranges."""
    device, kernel = DEVICES[name], kernel_of(DEVICES[name])
    given = GIVEN.get(name, {})
    found = {}
    for key, param in device.params.items():
        usual = given.get(key, param.default)
        if param.choices:
            found[key] = rng.choice(param.choices, n)
        elif usual is None:
            needed = key == device.positional or (key in kernel.param_names and key not in device.derived)
            found[key] = rng.lognormal(0.0, 0.5, n) if needed else np.full(n, np.nan)
            if needed and param.high is not None:
                found[key] = np.minimum(found[key], param.high)
        else:
            low = -np.inf if param.low is None else param.low
            high = np.inf if param.high is None else param.high
            found[key] = np.clip(usual * rng.uniform(0.85, 1.2, n), low, high)
    for name, (low, high) in device.state_bounds(found).items():
        start = device.states[name].init
        if isinstance(start, str):
            found[start] = np.clip(found[start], low, high)
    return found


def kernel_parameters(name, values):
    kernel = kernel_of(DEVICES[name])
    prepared = DEVICES[name].prepare(values, Environment())
    return np.array([np.broadcast_to(prepared[key], (N,)) for key in kernel.param_names]).reshape(kernel.n_param, N)


def bounds(name, state, values):
    """Low and high of a state, shape (N,) each."""
    return DEVICES[name].state_bounds(values)[state]


def unknowns(name, rng, values):
    device = DEVICES[name]
    u = rng.uniform(-1.5, 1.5, (len(device.locals), N))
    for control in device.controls:
        u[device.locals.index(control)] *= 1e-3  # amperes
    for state, declared in device.states.items():
        row = device.locals.index(state)
        if declared.low is None or declared.high is None:
            u[row] *= declared.scale
        else:
            low, high = bounds(name, state, values)
            u[row] = rng.uniform(low, high)
    return u


def steps(name, values):
    """A small change of each unknown, in its own size."""
    device = DEVICES[name]
    h = np.full((len(device.locals), N), 1e-6)
    for control in device.controls:
        h[device.locals.index(control)] = 1e-9
    for state, declared in device.states.items():
        row = device.locals.index(state)
        bounded = declared.low is not None and declared.high is not None
        h[row] = 1e-6 * (np.subtract(*bounds(name, state, values)[::-1]) if bounded else declared.scale)
    return h


def settled(kernel, u, p):
    """Limited voltages that have caught up with u."""
    lim = np.zeros((kernel.n_limit, u.shape[1]))
    for _ in range(200):
        lim, held = kernel.limit(u, p, lim, acc=lim)
        if held == 0:
            return lim
    raise AssertionError(f"the limiting of {kernel.name} never lets go")


def case(name, seed=SEED):
    rng = np.random.default_rng(seed)
    values = columns(name, rng)
    return kernel_of(DEVICES[name]), values, kernel_parameters(name, values), unknowns(name, rng, values), rng


def dense(kernel, entries, rows, cols):
    full = np.zeros((kernel.n_local, kernel.n_local, entries.shape[1]))
    full[rows, cols] = entries
    return full


def jacobians(kernel, out):
    return dense(kernel, out[2], kernel.jf_row, kernel.jf_col), dense(kernel, out[3], kernel.jq_row, kernel.jq_col)


# ---------------------------------------------------------------------------------------------------- declarations
@each
def test_declaration_is_complete(name):
    device = DEVICES[name]
    assert device.name == name
    assert device.__doc__ and device.__doc__ != Device.__doc__
    assert device.locals == (
        device.terminals + device.internals + device.branches + tuple(device.states) + device.controls
    )
    for key, param in device.params.items():
        assert param.unit and param.doc and param.on in ("instance", "model", "both", "system"), key
        if param.default is not None:
            param.check(name, key, param.default)
    for a, b, kind in device.links:
        assert {a, b} <= set(device.terminals)
        assert kind in ("resistive", "voltage", "current", "capacitive", "inductive")
    assert not device.positional or device.positional in device.params
    assert set(device.aliases.values()) <= set(device.params)
    assert set(device.auxiliaries) <= set(device.branches)
    assert set(device.type_values) <= set(device.model_types)


@each
def test_kernel_has_the_order_of_the_declaration(name):
    device, kernel = DEVICES[name], kernel_of(DEVICES[name])
    assert kernel.name == name
    assert tuple(kernel.local_names) == device.locals
    assert set(kernel.param_names) <= {*device.params, *device.derived}
    assert set(device.derived) <= set(kernel.param_names), "prepare computes something that no equation uses"


def test_letters_and_model_types_lead_to_one_device():
    seen = {}
    for name, device in DEVICES.items():
        for kind in device.model_types or ("",):
            for level in device.levels or (0,):
                assert (device.letter, kind, level) not in seen, (name, seen)
                seen[device.letter, kind, level] = name
    alone = [d.letter for d in DEVICES.values() if d.letter != "n" and not (d.levels or d.model_types)]
    assert len(alone) == len(set(alone))


def test_memristor_parameters_that_are_published_say_where():
    for name, device in MEMRISTORS.items():
        assert any(param.source for param in device.params.values()), name


# -------------------------------------------------------------------------------------------------------- equations
@each
def test_currents_and_charges_are_conserved(name):
    """Kirchhoff: what flows into a device's nodes adds up to zero, limited or not."""
    device = DEVICES[name]
    kernel, _, p, u, rng = case(name)
    nodes = len(device.terminals) + len(device.internals)
    for lim in (settled(kernel, u, p), rng.uniform(-0.5, 0.5, (kernel.n_limit, N))):
        f, q, _, _ = kernel.evaluate(u, p, lim)
        for row in (f[:nodes], q[:nodes]):
            # rounding only: each term carries at most a few units in the last place of the largest one
            assert np.all(np.abs(row.sum(axis=0)) <= 1e-14 * np.abs(row).sum(axis=0) + 1e-30)


@each
def test_everything_is_finite(name):
    kernel, values, p, u, _ = case(name)
    for scale in (0.0, 1.0, 20.0):
        w = u.copy()
        w[: len(DEVICES[name].terminals)] *= scale
        for out in kernel.evaluate(w, p, np.zeros((kernel.n_limit, N))):
            assert np.isfinite(out).all()
    assert np.isfinite(p).all()
    for start in DEVICES[name].state_init(values).values():
        assert np.isfinite(start).all()


@each
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_jacobian_against_central_differences(name, seed):
    kernel, values, p, u, _ = case(name, seed)
    out = kernel.evaluate(u, p, settled(kernel, u, p))
    jf, jq = jacobians(kernel, out)
    h = steps(name, values)
    for j in range(kernel.n_local):
        up, down = u.copy(), u.copy()
        up[j] += h[j]
        down[j] -= h[j]
        above = kernel.evaluate(up, p, settled(kernel, up, p))
        below = kernel.evaluate(down, p, settled(kernel, down, p))
        width = up[j] - down[j]
        for which, exact in ((0, jf), (1, jq)):
            difference = (above[which] - below[which]) / width
            # truncation h^2 f'''/6, of an exponential with 25 mV (1e-6 / 0.025)^2 / 6 = 3e-10; cancellation 1e-16 f / h
            # a voltage between two nodes carries the rounding of both, which the slopes turn into currents
            rounding = np.abs(above[which]) + np.einsum("ijn,jn->in", np.abs(exact), np.abs(u))
            tolerance = 1e-6 * np.abs(exact[:, j]) + 1e-15 * rounding / h[j] * 10 + 1e-24
            assert np.all(np.abs(difference - exact[:, j]) <= tolerance), kernel.local_names[j]


@each
def test_limited_model_is_the_tangent(name):
    """Away from the voltages at which it is linearised, f and q run along the tangent: one Newton step is SPICE's."""
    device = DEVICES[name]
    kernel, _, p, u, rng = case(name)
    if kernel.n_limit == kernel.n_discrete:
        return
    lim = settled(kernel, u, p)
    out = kernel.evaluate(u, p, lim)
    jf, jq = jacobians(kernel, out)
    move = np.zeros_like(u)
    nodes = len(device.terminals) + len(device.internals)
    move[:nodes] = rng.uniform(-2.0, 2.0, (nodes, N))
    far = kernel.evaluate(u + move, p, lim)
    for which, jacobian in ((0, jf), (1, jq)):
        along = out[which] + np.einsum("ijn,jn->in", jacobian, move)
        size = np.abs(out[which]) + np.einsum("ijn,jn->in", np.abs(jacobian), np.abs(u) + np.abs(move))
        assert np.all(np.abs(far[which] - along) <= 1e-13 * size + 1e-30)


@each
def test_rates_of_jumps(name):
    """What jumps at random does so at rates from 0 on at any voltage, and is left alone by Newton's method."""
    kernel, _, p, u, _ = case(name)
    if kernel.n_jump == 0:
        return
    first = kernel.n_limit - kernel.n_jump
    for wide in (1.0, 1e3):
        for position in (0.0, 1.0):
            lim = np.full((kernel.n_limit, N), position)
            rates = np.array(kernel.rates(wide * u, p, lim))
            assert np.isfinite(rates).all() and (rates >= 0.0).all()
            kept, _ = kernel.limit(wide * u, p, np.zeros_like(lim), acc=lim)
            assert np.array_equal(kept[first:], lim[first:])
    begun, _ = kernel.limit(u, p, np.full((kernel.n_limit, N), 0.5), init=True)
    assert np.isin(begun[first:], (0.0, 1.0)).all()


@each
def test_linear_flag_tells_the_truth(name):
    """A linear kernel is folded into constant matrices; a false flag would freeze its equations."""
    kernel, _, p, u, _ = case(name)
    if DEVICES[name].waveform:
        p[kernel.param_names.index("value")] = 0.0
    lim = np.zeros((kernel.n_limit, N))
    one, three = kernel.evaluate(u, p, lim), kernel.evaluate(3.0 * u, p, lim, [1.0, 5.0])
    scales = all(np.allclose(3.0 * one[k], three[k], rtol=1e-13, atol=0) for k in (0, 1))
    constant = all(np.array_equal(one[k], three[k]) for k in (2, 3))
    assert kernel.linear == (scales and constant and kernel.n_limit == 0)


@each
def test_instances_do_not_mix(name):
    """Evaluated alone, an instance gives to the last bit what it gives among others."""
    kernel, _, p, u, _ = case(name)
    lim = settled(kernel, u, p)
    together = kernel.evaluate(u, p, lim)
    for k in (0, N // 2, N - 1):
        alone = kernel.evaluate(u[:, k : k + 1], p[:, k : k + 1], lim[:, k : k + 1])
        for a, b in zip(alone, together, strict=True):
            np.testing.assert_array_equal(a[:, 0], b[:, k])


@each
def test_collapse_names_local_unknowns(name):
    device = DEVICES[name]
    _, values, _, _, _ = case(name)
    bare = {key: np.full(N, np.nan if p.default is None else p.default) for key, p in device.params.items()}
    for given in (values, bare):
        for source, (target, mask) in device.collapse(given).items():
            assert source in device.internals + device.branches
            assert target is None or target in device.locals
            assert np.asarray(mask).shape == (N,) and np.asarray(mask).dtype == bool


@each
def test_collapsed_unknowns_have_no_part_in_the_rest(name):
    """Where an unknown falls onto another, the rows still balance, so nothing is lost by adding them up."""
    device = DEVICES[name]
    rng = np.random.default_rng(SEED)
    bare = {key: np.full(N, np.nan if p.default is None else p.default) for key, p in device.params.items()}
    fallen = {k: v for k, v in device.collapse(bare).items() if v[1].all()}
    if not fallen:
        return
    kernel = kernel_of(device)
    prepared = device.prepare(bare, Environment())
    p = np.array([np.broadcast_to(prepared[key], (N,)) for key in kernel.param_names])
    u = unknowns(name, rng, bare)
    for source, (target, _) in fallen.items():
        u[device.locals.index(source)] = 0.0 if target is None else u[device.locals.index(target)]
    f, q, _, _ = kernel.evaluate(u, p, settled(kernel, u, p))
    assert np.isfinite(f).all() and np.isfinite(q).all()
    for source, (target, _) in fallen.items():
        if target is None:  # its column is dropped: the current that it scales must be zero too
            column = device.locals.index(source)
            jf = dense(kernel, kernel.evaluate(u, p, settled(kernel, u, p))[2], kernel.jf_row, kernel.jf_col)
            gone = {device.locals.index(name) for name, (onto, _) in fallen.items() if onto is None}
            others = [k for k in range(kernel.n_local) if k not in gone]
            assert np.all(jf[others, column] == 0.0)


# ------------------------------------------------------------------------------------------------------- memristors
def balanced(name, u, p):
    """u with the voltages of internal nodes at which their currents balance, by Newton's method from zero."""
    kernel, inner = kernel_of(DEVICES[name]), [DEVICES[name].locals.index(k) for k in DEVICES[name].internals]
    u, lim = u.copy(), np.zeros((kernel.n_limit, u.shape[1]))
    if not inner:
        return u, lim
    u[inner] = 0.0
    for _ in range(100):
        lim, held = kernel.limit(u, p, lim, acc=lim) if kernel.n_limit else (lim, 0)
        out = kernel.evaluate(u, p, lim)
        jf, _ = jacobians(kernel, out)
        step = np.linalg.solve(jf[np.ix_(inner, inner)].transpose(2, 0, 1), out[0][inner].T[:, :, None])[:, :, 0].T
        u[inner] -= step
        if held == 0 and np.all(np.abs(step) <= 1e-12):
            return u, settled(kernel, u, p)
    raise AssertionError(f"the inner nodes of {name} do not balance")


@each_memristor
def test_no_voltage_no_current(name):
    kernel, _, p, u, _ = case(name)
    nodes = len(DEVICES[name].terminals) + len(DEVICES[name].internals)
    u[1:nodes] = u[0]
    f, _, _, _ = kernel.evaluate(u, p, settled(kernel, u, p))
    np.testing.assert_array_equal(f[:nodes], 0.0)


@pytest.mark.parametrize("name", [name for name, device in DEVICES.items() if device.passive])
def test_no_energy_comes_out_of_what_is_declared_passive(name):
    """The power into the terminals is positive at any voltages and states: nothing is stored that could come out."""
    device = DEVICES[name]
    assert not device.branches, "their currents would have to be solved for first"
    kernel, _, p, u, _ = case(name)
    u, lim = balanced(name, u, p)
    f, q, _, _ = kernel.evaluate(u, p, lim)
    ends = len(device.terminals)
    assert np.all(np.einsum("kn,kn->n", u[:ends], f[:ends]) > 0.0)
    assert np.all(q[:ends] == 0.0)


@pytest.mark.parametrize("name", STATEFUL)
@pytest.mark.parametrize("outside", [0.0, 0.01, 5.0])
def test_rates_do_not_point_out_of_the_bounds(name, outside):
    kernel, values, p, u, rng = case(name)
    ends = len(DEVICES[name].terminals)
    for state, declared in DEVICES[name].states.items():
        if declared.low is None or declared.high is None:
            continue
        row = kernel.local_names.index(state)
        low, high = bounds(name, state, values)
        for edge, sign in ((low - outside * (high - low), 1.0), (high + outside * (high - low), -1.0)):
            u[row] = edge
            for v in (-3.0, -0.5, 0.5, 3.0):
                u[:ends] = rng.uniform(-3.0, 3.0, (ends, N))
                u[0], u[1], u[row] = v, 0.0, edge
                u, lim = balanced(name, u, p)
                f, _, jf, _ = kernel.evaluate(u, p, lim)
                assert np.all(sign * -f[row] >= 0.0)
                assert np.isfinite(jf).all()


@pytest.mark.parametrize("name", STATEFUL)
def test_state_row_is_its_rate(name):
    """q = w, so that f + dq/dt = 0 says dw/dt = -f; q = tau w of a state that relaxes."""
    device = DEVICES[name]
    kernel, values, p, u, _ = case(name)
    _, q, _, jq = kernel.evaluate(u, p, settled(kernel, u, p))
    for state in device.states:
        row = kernel.local_names.index(state)
        factor = values[device.relaxing[state]] if state in device.relaxing else np.ones(N)
        np.testing.assert_array_equal(q[row], factor * u[row])
        (entry,) = [k for k, other in enumerate(kernel.jq_row) if other == row]
        assert kernel.jq_col[entry] == row and np.all(jq[entry] == factor)


def bounded(name):
    """States with bounds."""
    return [state for state, d in DEVICES[name].states.items() if d.low is not None and d.high is not None]


def crossing_time(name):
    """The least time in which a state crosses from bound to bound at 3 V, at the speed that it has in the middle."""
    device, kernel = DEVICES[name], kernel_of(DEVICES[name])
    values = {key: np.full(N, np.nan if p.default is None else p.default) for key, p in device.params.items()}
    p = kernel_parameters(name, values)
    u = np.zeros((kernel.n_local, N))
    times = []
    for state in bounded(name):
        row = device.locals.index(state)
        low, high = bounds(name, state, values)
        u[row] = 0.5 * (low + high)
        for v in (3.0, -3.0):
            u[0] = v
            u, lim = balanced(name, u, p)
            with np.errstate(divide="ignore"):  # a state that rests there sets no time
                times.append(((high - low) / np.abs(kernel.evaluate(u, p, lim)[0][row]))[0])
    return max(min(times), 1e-12)


SWITCHING = [name for name, d in MEMRISTORS.items() if all(None not in (s.low, s.high) for s in d.states.values())]


@pytest.mark.parametrize("name", SWITCHING)
def test_state_turns_around_at_its_bounds_in_a_circuit(name):
    """Driven hard both ways through the engine, the state crosses from bound to bound and stays there. (One that has
    temperatures or the like among its states has no time of its own for this.)"""
    import circuitnn as cn

    values = {key: np.full(N, np.nan if p.default is None else p.default) for key, p in DEVICES[name].params.items()}
    period, moved = 4.0 * crossing_time(name), 0.0
    for _ in range(40):
        circuit = cn.Circuit("bounds")
        circuit.V("1", "a", 0, dc=0.0, waveform=("sin", 0.0, 3.0, 1.0 / period))
        circuit.N("1", "a", 0, model=name)
        tran = circuit.tran(stop=3.0 * period, max_step=period / 500)
        for state in bounded(name):
            low, high = (b[0] for b in bounds(name, state, values))
            part = (tran[f"@n1[{state}]"] - low) / (high - low)
            # a step may end outside by what Newton's method leaves open: the engine allows 1e-6 of the range
            assert part.min() >= -1.001e-6 and part.max() <= 1.0 + 1.001e-6
            moved = part.max() - part.min()
        if moved > 0.5:
            break
        period *= 3.0  # slower than in the middle of its range
    assert moved > 0.5
    for _ in bounded(name):
        if not {"ron", "roff"} <= set(values):
            continue
        conductance = -tran["i(v1)"][1:] / tran["v(a)"][1:]
        live = np.abs(tran["v(a)"][1:]) > 0.1
        limits = [1.0 / values[key][0] for key in ("roff", "ron")]
        # Whatever the state does, the resistance does not leave the range of the model: the current is that of Newton's
        # last linearisation, where 1e-6 of the range of the state is up to 1e-6 roff/ron of the least resistance.
        slack = 2e-6 * limits[1] / limits[0]
        assert np.all(conductance[live] >= limits[0] * (1 - slack))
        assert np.all(conductance[live] <= limits[1] * (1 + slack))
