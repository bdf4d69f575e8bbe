"""Non-idealities that act in time: noise, wear, relaxation and heat, against the laws that they state."""

import itertools

import numpy as np
import pytest
from scipy import signal, stats
from scipy.integrate import solve_ivp

import circuitnn as cn
from circuitnn.devices.declare import Environment
from circuitnn.devices.load import kernel_of
from circuitnn.errors import CircuitError, CrossbarError, DeviceError, UsageError
from circuitnn.nonidealities.chain import Chain, extended, set_up
from circuitnn.nonidealities.sites import Sites
from circuitnn.registry import catalog

ni = cn.nonidealities
WINDOW = (1e-6, 1e-4)
BOLTZMANN = 8.617333262e-5  # eV/K


def cell(*effects, dc=0.1, model="hfo2", name="1", **params):
    c = cn.Circuit("cell")
    c.V("1", "a", 0, dc=dc)
    c.N(name, "a", 0, model=model, **params)
    if effects:
        c.nonideal("n" + name, *effects)
    return c


# ---------------------------------------------------------------------- noise
@pytest.mark.parametrize(
    ("effect", "name", "density"),
    [
        (ni.ThermalNoise(), "thermal", lambda g, i: 4.0 * 1.380649e-23 * 300.15 * g),
        (ni.ShotNoise(fano=0.5), "shot", lambda g, i: 2.0 * 1.602176634e-19 * 0.5 * i),
        (ni.FlickerNoise(k=1e-6), "flicker", lambda g, i: 1e-6 * i**2 / np.array([1e2, 1e3, 1e4])),
    ],
)
def test_noise_currents_have_the_textbook_density(effect, name, density):
    c = cn.Circuit("noise")
    c.V("1", "a", 0, dc=0.1, ac=1.0)
    c.N("1", "a", "b", model="hfo2")
    c.H("1", "out", 0, "v2", 1.0)
    c.V("2", "b", 0, dc=0.0)  # all of the noise current flows here
    c.nonideal("n1", effect)
    g = 1e-5  # hfo2 half way
    noise = c.noise("v(out)", "v1", 1e2, 1e4, 1, summary=1)
    np.testing.assert_allclose(noise[f"onoise_n1_{name}"] ** 2, density(g, 0.1 * g), rtol=1e-6)  # reltol of the point


def test_reads_of_an_array_have_those_deviations():
    g = np.full((300, 300), 5e-5)
    for effect, variance in (
        (ni.ThermalNoise(1e6, 0.1), 4.0 * 1.380649e-23 * 300.15 * 5e-5 * 1e6 / 0.1**2),
        (ni.ShotNoise(bandwidth=1e6, v_read=0.1), 2.0 * 1.602176634e-19 * 5e-5 * 1e6 / 0.1),
        (ni.FlickerNoise(k=1e-4, t_read=1e-6, t_obs=1e-3), (5e-5) ** 2 * 1e-4 * np.log(2.0**9)),
    ):
        read = Chain.of(effect, 1).read(g, 1234) - g
        # standard errors of 9e4 normal numbers
        assert abs(read.mean()) < 3.0 * np.sqrt(variance / g.size)
        assert abs(read.std() / np.sqrt(variance) - 1.0) < 3.0 / np.sqrt(2.0 * g.size)


def test_flicker_noise_of_reads_falls_with_the_frequency():
    effect = ni.FlickerNoise(k=1e-4, t_read=1e-6, t_obs=0.1)
    chain, g = Chain.of(effect, 3), np.full((8, 16), 1e-5)
    reads = np.array([chain.read(g, k) for k in range(2**12)]).reshape(2**12, -1) / 1e-5 - 1.0
    frequency, density = signal.welch(reads, fs=1e6, nperseg=2**11, axis=0, detrend=False)
    density = density.mean(axis=1)
    band = (frequency > 2e3) & (frequency < 1e5)
    # each octave weighs the same in the fit
    edges = np.geomspace(2e3, 1e5, 9)
    centre, level = [], []
    for low, high in itertools.pairwise(edges):
        inside = band & (frequency >= low) & (frequency < high)
        centre.append(np.log(frequency[inside]).mean())
        level.append(np.log(density[inside]).mean())
    slope, offset = np.polyfit(centre, level, 1)
    assert slope == pytest.approx(-1.0, abs=0.1)
    # and the level is k / f: held numbers leave a ripple of some 20 %
    assert np.exp(offset + slope * np.log(1e4)) == pytest.approx(1e-4 / 1e4, rel=0.3)


def test_telegraph_noise_of_reads_is_a_markov_process():
    effect = ni.TelegraphNoise(0.2, spread=0.0, tau_min=4e-6, tau_max=4e-6, t_read=1e-6)
    chain, g = Chain.of(effect, 5), np.full((10, 10), 1e-5)
    caught = np.array([chain.read(g, k) for k in range(600)]).reshape(600, -1) < 0.9e-5
    np.testing.assert_allclose(np.unique(np.array([chain.read(g, k) for k in range(9)]).round(12)), [0.8e-5, 1e-5])
    # correlation of two reads d apart is exp(-d t_read (1/tau_c + 1/tau_e)); 100 cells x 600 reads
    s = caught - 0.5
    decay = np.exp(-0.5)
    samples = caught.size * (1.0 - decay) / (1.0 + decay)  # independent ones
    assert abs(s.mean()) < 3.0 * 0.5 / np.sqrt(samples)
    for d in (1, 2, 4):
        assert (s[d:] * s[:-d]).mean() / 0.25 == pytest.approx(decay**d, abs=3.0 / np.sqrt(samples))
    # dwell times are geometric: the share of reads that differ from the one before
    changes = (caught[1:] != caught[:-1]).mean()
    expected = 0.5 * (1.0 - decay)
    assert abs(changes - expected) < 3.0 * np.sqrt(expected * (1 - expected) / samples)


def test_traps_differ_as_stated():
    effect = ni.TelegraphNoise(0.05, spread=0.5, tau_min=1e-6, tau_max=1e-2)
    sites = Sites.of_array((300, 300), seed=1, stream=effect.stream)
    amplitude, capture, emission = effect.traps(sites)
    # Kolmogorov-Smirnov of 9e4 numbers
    assert stats.kstest((np.log(amplitude / 0.05) / 0.5).ravel(), "norm").pvalue > 0.001
    for tau in (capture, emission):
        assert stats.kstest(np.log(tau / 1e-6).ravel() / np.log(1e4), "uniform").pvalue > 0.001
    assert abs(np.corrcoef(np.log(capture).ravel(), np.log(emission).ravel())[0, 1]) < 3.0 / 300.0


def test_telegraph_noise_of_a_memristor_jumps_at_exponential_times():
    tau = 1e-6
    c = cell(ni.TelegraphNoise(0.2, spread=0.0, tau_min=tau, tau_max=tau))
    run = c.tran(600e-6, max_step=0.2e-6)
    i = -run["i(v1)"] / 1e-6  # 0.1 V over 1e-5 S
    full = i < 0.9
    np.testing.assert_allclose(np.where(full, 0.8, 1.0), i, rtol=1e-6)
    times = run["time"][1:][full[1:] != full[:-1]]
    assert abs(len(times) - 600.0) < 3.0 * np.sqrt(600.0)  # a Poisson count: both rates are alike
    dwell = np.diff(times) / tau
    # two time points within one step make a jump look up to 0.2 tau late: a coarse test of the shape
    assert dwell.mean() == pytest.approx(1.0, abs=3.0 / np.sqrt(len(dwell)))
    assert stats.kstest(dwell, "expon").statistic < 0.1
    np.testing.assert_array_equal(c.tran(600e-6, max_step=0.2e-6)["i(v1)"], run["i(v1)"])
    c.set_options(seed=1)
    assert len(c.tran(60e-6)["time"]) != 0


# ---------------------------------------------------------------------- relaxation, updates, wear
def test_a_memristor_relaxes_with_arrhenius_times():
    effect = ni.Retention(tau=1.0, rest=1.0, activation=0.5, temp_ref=300.15)
    c = cell(effect, dc=0.0)
    c.set_options(temp=27.0 + 20.0, reltol=1e-6)
    run = c.tran(1.0)
    tau = np.exp(0.5 / BOLTZMANN * (1.0 / 320.15 - 1.0 / 300.15))
    # rest is the largest conductance, w = 0
    np.testing.assert_allclose(
        run["@n1[w]"], 1.5e-9 * np.exp(-run["time"] / tau), rtol=1e-3
    )  # reltol of 1e-6 over 100 steps, and a floor of 1e-15
    aged = Chain.of(effect, 1, window=WINDOW, temp=320.15)
    older = ni.Retention(tau=1.0, rest=1.0, activation=0.5, temp_ref=300.15, time=2.0 * tau)
    g = Chain.of(older, 1, window=WINDOW, temp=320.15).written(np.array([[1e-5]]))[0, 0]
    assert aged.written(np.array([[1e-5]]))[0, 0] == 1e-5
    assert g == pytest.approx(1e-4 - (1e-4 - 1e-5) * np.exp(-2.0), rel=1e-12, abs=0.0)
    assert float(-cell(older).op(temp=47.0)["i(v1)"]) == pytest.approx(0.1 * g, rel=1e-9, abs=0.0)


def test_cells_diffuse_apart_with_the_logarithm_of_time():
    effect = ni.Retention(spread=0.1, time=np.e - 1.0, t_spread=1.0)
    log = np.log(Chain.of(effect, 2, window=WINDOW).written(np.full((320, 320), 1e-5)) / 1e-5)
    assert abs(log.std() / 0.1 - 1.0) < 3.0 / np.sqrt(2.0 * log.size)


@pytest.mark.parametrize(("up", "down"), [(3.0, 3.0), (2.0, -1.0), (0.0, 5.0)])
def test_pulses_move_the_state_along_neurosims_curve(up, down):
    # a memristor whose state goes from 0 to 1 in one second at 1 V; its conductance falls with the state
    params = {
        "ron": 1e4, "roff": 1e6, "w_on": 0.0, "w_off": 1.0, "w0": 0.0, "v_off": 0.5, "v_on": -0.5, "k_off": 1.0,
        "k_on": -1.0, "alpha_on": 1.0, "alpha_off": 1.0,
    }  # fmt: skip
    effect = ni.NonlinearUpdate(alpha_p=up, alpha_d=down)

    def run(dc, w):
        c = cn.Circuit("pulses")
        c.model("line", "vteam", **params)
        c.V("1", "a", 0, dc=dc)
        c.N("1", "a", 0, model="line", w=w)
        c.nonideal("line", effect)
        c.set_options(reltol=1e-5)
        done = c.tran(0.95)
        return done["time"], done["@n1[w]"]

    t, w = run(1.0, 0.0)  # falling conductance
    curve = -np.expm1(-down * t) / -np.expm1(-down) if down else t
    np.testing.assert_allclose(w, curve, atol=2e-3)  # the integrator's tolerance, accumulated
    np.testing.assert_allclose(1.0 - effect.pulsed(np.array(1.0), -t), curve, atol=1e-9)
    t, w = run(-1.0, 1.0)
    curve = -np.expm1(-up * t) / -np.expm1(-up) if up else t
    np.testing.assert_allclose(1.0 - w, curve, atol=2e-3)
    np.testing.assert_allclose(effect.pulsed(np.array(0.0), t), curve, atol=1e-6)
    assert float(effect.pulsed(np.array(0.0), np.array(1.0))) == pytest.approx(1.0, abs=1e-12)


def test_reads_disturb_an_array_and_a_memristor_alike():
    disturb = {"tau": 1e-3, "v0": 0.05, "polarity": -1.0}
    c = cell(ni.ReadDisturb(**disturb), dc=0.1)
    c.set_options(reltol=1e-6)
    run = c.tran(1e-3)
    # positive voltage lowers the conductance: w goes to 3 nm
    speed = np.sinh(2.0) / 1e-3
    np.testing.assert_allclose(run["@n1[w]"], 3e-9 - 1.5e-9 * np.exp(-speed * run["time"]), rtol=1e-4)
    effect = ni.ReadDisturb(**disturb, v_read=0.1, t_read=1e-6)
    read = Chain.of(effect, window=WINDOW).read(np.array([[5e-5]]), 1000)
    assert read[0, 0] == pytest.approx(1e-6 + 49e-6 * np.exp(-speed * 1e-3), rel=1e-12, abs=0.0)


def test_lives_are_weibull_and_the_window_closes():
    effect = ni.Endurance(life=1e6, shape=2.0, cycles=1e5, end=0.0)
    g = Chain.of(effect, 1, window=WINDOW).written(np.full((300, 300), 1e-4))
    lives = -1e5 / np.log((g - 1e-6) / 99e-6)
    assert stats.kstest(lives.ravel() / 1e6, "weibull_min", args=(2.0,)).pvalue > 0.001


def test_a_memristor_counts_its_cycles_and_stops_within_what_they_have_left():
    c = cn.Circuit("cycling")
    c.V("1", "a", 0, waveform=("sin", 0.0, 2.0, 1e6))
    c.N("1", "a", 0, model="hfo2")
    c.nonideal("n1", ni.Endurance(life=5.0, shape=100.0, end=0.5, seed=1))
    run = c.tran(10e-6, max_step=1e-8)
    w, worn = run["@n1[w]"] / 3e-9, run["@n1[worn]"]
    # the state goes from end to end once up and once down a period, half a period at first
    assert np.abs(np.diff(w)).sum() / 2.0 == pytest.approx(worn[-1], rel=0.05)  # steps end in a layer at the bound
    assert np.abs(2.0 * w[run["time"] < 1.1e-6] - 1.0).max() > 0.9
    left = np.exp(-worn / 5.0)
    # Weibull of shape 100: lives within some 4 %
    assert (np.abs(2.0 * w - 1.0) <= left**0.94 + 0.02).all()
    late = run["time"] > 9e-6
    assert np.abs(2.0 * w[late] - 1.0).max() == pytest.approx(left[late].mean(), rel=0.1)


# ---------------------------------------------------------------------- heat
def test_self_heating_is_power_times_thermal_resistance():
    c = cell(ni.SelfHeating(r_th=2e6, c_th=1e-15), dc=0.5)
    op = c.op()
    power = -0.5 * float(op["i(v1)"])
    assert power == pytest.approx(0.25 * 1e-5, rel=1e-9, abs=0.0)  # no coefficient: the current of the cold cell
    assert float(op["@n1[temperature]"]) == pytest.approx(300.15 + 2e6 * power, abs=1e-6)
    hot = c.op(temp=77.0)
    assert float(hot["@n1[temperature]"]) == pytest.approx(350.15 + 2e6 * power, abs=1e-6)


def test_self_heating_with_a_coefficient_is_the_quadratics_root():
    tcr, r_th, v, g = 2e-3, 1e7, 0.5, 1e-5
    c = cell(ni.SelfHeating(r_th=r_th, tcr=tcr), dc=v)
    # dT = R v^2 G (1 + tcr dT)
    rise = r_th * v**2 * g / (1.0 - r_th * v**2 * g * tcr)
    op = c.op()
    assert float(op["@n1[temperature]"]) == pytest.approx(300.15 + rise, abs=1e-4)
    assert float(-op["i(v1)"]) == pytest.approx(v * g * (1.0 + tcr * rise), rel=1e-6)


def test_a_cell_warms_up_with_its_time_constant():
    r_th, c_th = 1e6, 1e-15
    c = cn.Circuit("step")
    c.V("1", "a", 0, waveform=("pulse", 0.0, 0.5, 0.0, 1e-15, 1e-15, 1.0))
    c.N("1", "a", 0, model="hfo2")
    c.nonideal("n1", ni.SelfHeating(r_th=r_th, c_th=c_th))
    c.set_options(reltol=1e-6)
    run = c.tran(5e-9)
    expected = 300.15 + 2.5 * -np.expm1(-run["time"] / (r_th * c_th))
    np.testing.assert_allclose(run["@n1[temperature]"], expected, atol=2e-3)


def test_hot_cells_switch_faster_as_arrhenius_says():
    effect = ni.SelfHeating(r_th=1e6, c_th=1e-18, activation=0.6)
    c = cell(effect, dc=-0.7, w=3e-9)
    c.set_options(reltol=1e-6)
    rate = -1e-2 * (0.7 / 0.6 - 1.0) ** 3

    def slope(t, w):
        power = 0.49 / 1e4 * np.exp(-np.log(100.0) * np.clip(w / 3e-9, 0.0, 1.0))
        warm = 300.15 + 1e6 * power
        return rate * np.exp(0.6 / BOLTZMANN * (1.0 / 300.15 - 1.0 / warm))

    t = np.linspace(0.0, 5e-5, 9)
    exact = solve_ivp(slope, (0.0, t[-1]), [3e-9], t_eval=t, rtol=1e-9, atol=1e-18)
    fine = c.tran(5e-5)
    np.testing.assert_allclose(
        np.interp(t, fine["time"], fine["@n1[w]"]), np.maximum(exact.y[0], 0.0), atol=3e-12
    )  # 1e-3 of the range


def test_crosstalk_is_the_thermal_network_solved_directly():
    n, r_th, r_side, r_corner = 3, 1e6, 3e6, 8e6
    rng = np.random.default_rng(4)
    v = rng.uniform(0.1, 0.5, (n, n))
    c = cn.Circuit("array")
    for i in range(n):
        for j in range(n):
            c.V(f"{i}_{j}", f"a{i}_{j}", 0, dc=v[i, j])
            c.N(f"{i}_{j}", f"a{i}_{j}", 0, model="hfo2")
    c.nonideal("hfo2", ni.SelfHeating(r_th=r_th, c_th=1e-15), ni.ThermalCrosstalk(r_side, r_corner))
    c.set_options(reltol=1e-6)
    G = np.zeros((n * n, n * n))
    for a in range(n * n):
        for b in range(a):
            gap = abs(a // n - b // n), abs(a % n - b % n)
            g = {(0, 1): 1.0 / r_side, (1, 0): 1.0 / r_side, (1, 1): 1.0 / r_corner}.get(gap, 0.0)
            G[a, b] = G[b, a] = -g
    G += np.diag(-G.sum(axis=1) + 1.0 / r_th)
    power = (v**2 * 1e-5).ravel()
    rise = np.linalg.solve(G, power)
    op = c.op()
    found = [float(op[f"@n{i}_{j}[temperature]"]) - 300.15 for i in range(n) for j in range(n)]
    np.testing.assert_allclose(found, rise, atol=1e-6)
    # in time: the cells start warm (the operating point) and cool when the sources fall to zero together
    step = cn.Circuit("cooling")
    for i in range(n):
        for j in range(n):
            step.V(f"{i}_{j}", f"a{i}_{j}", 0, waveform=("pulse", v[i, j], 0.0, 0.0, 1e-15, 1e-15, 1.0))
            step.N(f"{i}_{j}", f"a{i}_{j}", 0, model="hfo2")
    step.nonideal("hfo2", ni.SelfHeating(r_th=r_th, c_th=1e-15), ni.ThermalCrosstalk(r_side, r_corner))
    step.set_options(reltol=1e-6)
    run = step.tran(3e-9)
    rates, modes = np.linalg.eigh(G / 1e-15)
    expected = (modes * np.exp(-rates * run["time"][:, None, None])) @ modes.T @ rise
    found = np.stack([run[f"@n{i}_{j}[temperature]"] for i in range(n) for j in range(n)], axis=1) - 300.15
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_crossbars_of_devices_wear_heat_and_forget_too():
    effects = [ni.SelfHeating(r_th=1e6), ni.Endurance(life=1e3), ni.NonlinearUpdate(), ni.Retention(), ni.ReadDisturb()]
    read = cn.Crossbar(cn.Cells("hfo2", (2, 2)), nonidealities=effects, seed=1)
    with pytest.raises(UsageError, match="range of conductance"):  # of cells that read_disturb moves; Window says it
        read.solve([0.1, 0.1])
    with pytest.raises(CrossbarError, match="differ at every read"):
        read.tran(cn.Waveforms([0, 1e-9], [0.0, 0.0]))
    xb = cn.Crossbar(cn.Cells("hfo2", (2, 2)), nonidealities=effects[:4], seed=1)
    assert set(xb.states) == {"w", "temperature", "worn"}
    xb.tran(cn.Waveforms([0, 1e-9, 20e-9, 21e-9], [[0, 0], [-2.0, 0], [-2.0, 0], [0, 0]]))
    assert (xb.states["worn"][0] > xb.states["worn"][1]).all()
    assert (xb.states["w"][0] < xb.states["w"][1]).all()


def test_cycles_differ_and_repeat():
    def written(cycle):
        return Chain.of(ni.CycleVariability("g", 0.1, cycle=cycle), 1).written(np.full((50, 50), 1e-5))

    np.testing.assert_array_equal(written(3), written(3))
    assert abs(np.corrcoef(written(3).ravel(), written(4).ravel())[0, 1]) < 3.0 / 50.0


EXTENDING = [effect for effect in catalog("nonidealities").all().values() if effect.has("extend")]


@pytest.mark.parametrize("effect", EXTENDING, ids=lambda effect: effect.kind)
@pytest.mark.parametrize("device", ["vteam", "linear_drift"])
def test_extended_devices_have_exact_slopes_and_give_no_energy(device, effect):
    ideal = catalog("devices").get(device)
    made = extended(ideal, [effect()])
    n, rng, env = 40, np.random.default_rng(8), Environment()
    columns = {k: np.full(n, np.nan if p.default is None else p.default) for k, p in made.params.items()}
    columns["p" if device == "linear_drift" else "alpha_off"] = np.full(n, 2.0)
    columns = set_up(effect(), made, columns, Sites.of_elements([f"n{k}_0" for k in range(n)], seed=1), env)
    kernel, prepared = kernel_of(made), made.prepare(columns, env)
    param = np.array([np.broadcast_to(prepared[name], n) for name in kernel.param_names])
    u = rng.uniform(-1.5, 1.5, (kernel.n_local, n))
    sizes = np.ones(kernel.n_local)
    for k, (name, (low, high)) in enumerate(made.state_bounds(columns).items(), 2):
        low, high = (np.where(np.isfinite(end), end, other) for end, other in ((low, 280.0), (high, 320.0)))
        sizes[k] = (high - low).max()
        u[k] = low + (0.05 + 0.9 * rng.random(n)) * (high - low) if name != "worn" else rng.uniform(1e4, 1e6, n)
    lim = np.ones((kernel.n_limit, n))
    f, _, jf, jq = kernel.evaluate(u, param, lim)
    assert np.isfinite(f).all()
    assert (f[0] * (u[0] - u[1]) >= 0.0).all()
    np.testing.assert_array_equal(f[0], -f[1])
    dense = np.zeros((2, kernel.n_local, kernel.n_local, n))
    for part, values, row, col in ((0, jf, kernel.jf_row, kernel.jf_col), (1, jq, kernel.jq_row, kernel.jq_col)):
        dense[part][row, col] = values
    for k in range(kernel.n_local):
        h = 1e-6 * sizes[k]
        up, down = u.copy(), u.copy()
        up[k] += h
        down[k] -= h
        for part in (0, 1):
            slope = (kernel.evaluate(up, param, lim)[part] - kernel.evaluate(down, param, lim)[part]) / (2.0 * h)
            value = kernel.evaluate(u, param, lim)[part]
            allowed = 1e-5 * np.abs(slope).max(axis=1, keepdims=True) + 1e-14 * np.abs(value) / h  # cancellation
            # differences err by their step where the speed bends, at a threshold that few points are next to
            assert (np.abs(dense[part][:, k] - slope) > allowed).mean() < 0.02


ZERO = [
    ni.CycleVariability("ron", 0.0),
    ni.ThermalNoise(),
    ni.ShotNoise(),
    ni.FlickerNoise(),
    ni.TelegraphNoise(0.0),
    ni.Retention(activation=5.0, temp_ref=500.0),
    ni.NonlinearUpdate(0.0, 0.0),
    ni.ReadDisturb(tau=1e30),
    ni.Endurance(life=1e30),
    ni.SelfHeating(r_th=1e-3),
    ni.ReadNoise(0.0),
    ni.Stuck(),
    ni.Drift(nu=0.0, nu_sigma=0.0),
]


@pytest.mark.parametrize("effect", ZERO, ids=str)
def test_an_effect_of_no_strength_changes_no_transient(effect):
    def run(*effects):
        c = cn.Circuit("write")
        c.V("1", "a", 0, waveform=("pulse", 0.0, -1.0, 1e-9, 1e-9, 1e-9, 1.0))
        c.N("1", "a", 0, model="hfo2")
        if effects:
            c.nonideal("n1", *effects)
        c.set_options(reltol=1e-6)
        done = c.tran(40e-9, max_step=1e-9)
        return np.interp(np.linspace(0, 40e-9, 41), done["time"], done["@n1[w]"])

    # more states take other time steps: the tolerance of the integration, not of the equations
    np.testing.assert_allclose(run(effect), run(), atol=1e-5 * 3e-9)


@pytest.mark.parametrize(
    ("effects", "message"),
    [
        ([ni.ThermalCrosstalk()], "has no temperature"),
        ([ni.SelfHeating(), ni.ThermalCrosstalk()], "where cells lie"),
        ([ni.SelfHeating(), ni.SelfHeating()], "acts twice"),
    ],
)
def test_heat_needs_what_it_needs(effects, message):
    with pytest.raises((CircuitError, DeviceError), match=message):
        cell(*effects).op()


def test_thermal_noise_of_a_current_by_cases():
    c = cell(ni.ThermalNoise(), dc=0.0, model="yakopcic")
    assert np.isfinite(float(c.op()["i(v1)"]))


@pytest.mark.parametrize("effect", [ni.SelfHeating(), ni.ThermalCrosstalk(), ni.NonlinearUpdate()])
def test_what_needs_time_does_not_act_on_conductances(effect):
    with pytest.raises(cn.CircuitnnError, match="does not act on an array of conductances"):
        cn.Crossbar([[1e-5]], nonidealities=effect, seed=1)
