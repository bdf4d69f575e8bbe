"""Non-idealities: their statistics, their order, and the same description in circuits, crossbars and layouts."""

import json
import pickle

import numpy as np
import pytest
from scipy import stats

import circuitnn as cn
from circuitnn.errors import CircuitError, CrossbarError, DeviceError, NetlistError, UsageError
from circuitnn.nonidealities import from_dict
from circuitnn.nonidealities.chain import Chain
from circuitnn.registry import catalog

ni = cn.nonidealities
SIDE = 320  # a little more than 1e5 cells
WINDOW = (1e-6, 1e-4)
NET = [([[1.0, -2.0, 0.3], [0.5, 1.0, -0.7]], [0.0, 0.25, 0.1], "relu")]
CARD = {"iv": 1.0, "ron": 10e3, "roff": 1e6, "v_on": -0.6, "v_off": 0.6}


def after(effects, g, seed=1, **more):
    return Chain.of(effects, seed, window=WINDOW, **more).written(np.asarray(g, dtype=float))


def flat(value=5e-5, side=SIDE):
    return np.full((side, side), value)


def require_moments(z, mean, sigma):
    """Within three standard errors: a seed that fails one in a few hundred tests is a seed to change."""
    n = z.size
    assert abs(z.mean() - mean) < 3.0 * sigma / np.sqrt(n)
    kurtosis = stats.kurtosis(z.ravel(), fisher=False)
    assert abs(z.std() - sigma) < 3.0 * sigma * np.sqrt(max(kurtosis - 1.0, 1.0) / (4.0 * n))


# ---------------------------------------------------------------------- statistics
@pytest.mark.parametrize("distribution", ["normal", "lognormal"])
def test_variability_has_the_stated_mean_and_deviation(distribution):
    factors = after(ni.Variability("g", 0.2, distribution), flat()) / 5e-5
    require_moments(factors, 1.0, 0.2)
    assert (factors > 0.0).all()
    z = (factors - 1.0) / 0.2 if distribution == "normal" else np.log(factors)
    # of the right shape: Kolmogorov-Smirnov, 1e5 numbers
    assert stats.kstest(((z - z.mean()) / z.std()).ravel(), "norm").pvalue > 0.001


def test_neighbours_are_independent_without_and_correlated_with_a_length():
    alone = np.log(after(ni.Variability("g", 0.1), flat()))
    alone = (alone - alone.mean()) / alone.std()
    # 1e5 products of independent numbers: standard error 0.003
    for shifted in (np.roll(alone, 1, axis=0), np.roll(alone, 1, axis=1)):
        assert abs((alone * shifted).mean()) < 3.0 / SIDE
    length = 4.0
    field = np.log(after(ni.Variability("g", 0.1, length=length), flat()))
    s = np.sqrt(np.log1p(0.01))
    # the array holds about (SIDE / (2 sqrt(pi) length))^2 independent patches
    patches = (SIDE / (2.0 * np.sqrt(np.pi) * length)) ** 2
    assert abs(field.std() / s - 1.0) < 3.0 / np.sqrt(2.0 * patches)
    field = (field - field.mean()) / field.std()
    for d in (2, 4, 6):
        expected = np.exp(-(d**2) / (2.0 * length**2))
        for found in ((field[d:] * field[:-d]).mean(), (field[:, d:] * field[:, :-d]).mean()):
            assert found == pytest.approx(expected, abs=3.0 / np.sqrt(patches))


def test_a_correlated_field_belongs_to_places_not_to_the_size_of_the_array():
    effect = ni.Variability("g", 0.1, length=2.0)
    large, small = after(effect, flat(side=30)), after(effect, flat(side=12))
    np.testing.assert_allclose(large[:12, :12], small, rtol=1e-12)  # the same sums in another order


def test_stuck_cells_are_as_many_as_stated_and_where_they_were():
    found = after(ni.Stuck(on=0.09, off=0.02, at=0.05, g=2e-5), flat())
    n = found.size
    for value, share in ((WINDOW[1], 0.09), (WINDOW[0], 0.02), (2e-5, 0.05)):
        low, high = stats.binom.interval(0.997, n, share)
        assert low <= (found == value).sum() <= high
    written_again = after([ni.ProgrammingError(), ni.Stuck(on=0.09, off=0.02, at=0.05, g=2e-5)], flat())
    stuck = found != 5e-5
    np.testing.assert_array_equal(written_again[stuck], found[stuck])


def test_broken_lines_are_whole_lines():
    found = after(ni.Stuck(rows=0.1, columns=0.05), flat())
    off = found == WINDOW[0]
    rows, columns = off.all(axis=1), off.all(axis=0)
    np.testing.assert_array_equal(off, rows[:, None] | columns[None, :])
    for lines, share in ((rows, 0.1), (columns, 0.05)):
        low, high = stats.binom.interval(0.997, SIDE, share)
        assert low <= lines.sum() <= high


def test_levels_are_the_nearest_ones():
    g = np.random.default_rng(0).uniform(*WINDOW, (SIDE, SIDE))
    found = after(ni.Levels(16), g)
    step = (WINDOW[1] - WINDOW[0]) / 15.0
    assert len(np.unique(found.round(12))) == 16
    error = found - g
    assert np.abs(error).max() <= 0.5 * step * (1.0 + 1e-9)
    require_moments(error, 0.0, step / np.sqrt(12.0))
    logarithmic = after(ni.Levels(3, "log"), g)
    np.testing.assert_allclose(np.unique(logarithmic.round(12)), [1e-6, 1e-5, 1e-4], rtol=1e-9)


@pytest.mark.parametrize(
    ("fit", "g_max", "r", "sigma"),
    [
        # aihwkit's PCM model (Nandakumar et al., ICECS 2019) at g / g_max of 25 uS, uS
        ("nandakumar2019", 25e-6, 1.0, 1.05538),
        ("nandakumar2019", 25e-6, 0.5, 0.952705),
        ("nandakumar2019", 25e-6, 0.1, 0.448249),
        ("nandakumar2019", 25e-6, 0.01, 0.283013),
        # Wan et al. 2022, the sum of the coefficients and the constant one, of 40 uS
        ("wan2022_1s", 40e-6, 1.0, 0.348 + 16.030 - 43.853 + 45.393 - 16.815),
        ("wan2022_1d", 40e-6, 0.0, 0.701),
        ("wan2022_2d", 40e-6, 0.0, 0.782),
    ],
)
def test_programming_errors_are_the_published_ones(fit, g_max, r, sigma):
    effect = ni.ProgrammingError(fit)
    assert float(effect.sigma(r * g_max, g_max)) * 1e6 == pytest.approx(sigma, rel=1e-5)  # six digits are given
    found = Chain.of(effect, 2, window=(0.0, g_max)).written(flat(0.6 * g_max))
    require_moments(found - 0.6 * g_max, 0.0, float(effect.sigma(0.6 * g_max, g_max)))


def test_drift_is_a_power_of_time_of_exactly_the_exponent():
    times = np.geomspace(20.0, 2e6, 6)
    found = [after(ni.Drift(nu=0.05, nu_sigma=0.0, time=t), [[1e-4]])[0, 0] for t in times]
    slope = np.diff(np.log(found)) / np.diff(np.log(times))
    np.testing.assert_allclose(slope, -0.05, rtol=1e-9)  # rounding of log differences
    # aihwkit: factor after a day, t0 = 20 s, t = 86400 + 20 s
    assert after(ni.Drift(nu=0.049, nu_sigma=0.0, time=86420.0), [[1.0]])[0, 0] == pytest.approx(0.66352359, rel=1e-7)
    exponents = -np.log(after(ni.Drift(nu=0.05, nu_sigma=0.008, time=2e3), flat()) / 5e-5) / np.log(100.0)
    require_moments(exponents, 0.05, 0.008)


def test_drift_exponents_of_phase_change_cells_are_the_published_ones():
    # aihwkit's PCM model (Nandakumar et al., ICECS 2019): mean and deviation of nu at r
    for r, mean, sigma in ((1.0, 0.049, 0.008), (0.5, 0.049, 0.008), (0.1, 0.0600901, 0.0228823)):
        found = after(ni.Drift(fit="nandakumar2019", time=2e3), flat(r * WINDOW[1]))
        exponents = -np.log(found / (r * WINDOW[1])) / np.log(100.0)
        folded = stats.foldnorm(mean / sigma, scale=sigma)
        require_moments(exponents, folded.mean(), folded.std())
    with pytest.raises(UsageError, match="fit"):
        ni.Drift(nu=0.1, fit="nandakumar2019")


def test_drift_passes_faster_when_hot_as_arrhenius_says():
    cold, hot = 300.15, 358.15
    speed = np.exp(0.2 / 8.617333262e-5 * (1.0 / cold - 1.0 / hot))
    drift = {"nu": 0.05, "nu_sigma": 0.0}
    quick = after(ni.Drift(time=1e3, activation=0.2, **drift), [[1e-4]], temp=hot)
    slow = after(ni.Drift(time=1e3 * speed, activation=0.2, **drift), [[1e-4]], temp=cold)
    np.testing.assert_allclose(quick, slow, rtol=1e-12)


def test_read_noise_is_new_at_each_read_and_the_same_at_the_same_read():
    g = np.full((4, 3), 5e-5)
    xb = cn.Crossbar(g, 0.0, 0.0, nonidealities=ni.ReadNoise(0.02), seed=1)
    reads = xb.solve(np.full((10_000, 4), 0.1))
    current = reads.currents / (0.1 * 4 * 5e-5) - 1.0
    require_moments(current, 0.0, 0.01)  # four cells: 2 % / sqrt(4)
    np.testing.assert_array_equal(reads.currents[7], xb.solve(np.full(4, 0.1), first_read=7).currents)
    np.testing.assert_array_equal(reads.currents[7], xb.at_read(7).solve(np.full(4, 0.1)).currents)
    wired = cn.Crossbar(g, 1.0, 1.0, nonidealities=ni.ReadNoise(0.02), seed=1)
    two = wired.solve(np.full((2, 4), 0.1), first_read=3)
    np.testing.assert_allclose(two.currents[1], wired.at_read(4).solve(np.full(4, 0.1)).currents, rtol=1e-12)
    np.testing.assert_allclose(two.cell_currents.sum(axis=1), two.currents, rtol=1e-9)  # Kirchhoff, tolerance 1e-10
    np.testing.assert_array_equal(wired.T.at_read(4).G, wired.at_read(4).G.T)
    np.testing.assert_array_equal(wired.rewired(r_sense=1.0).at_read(4).G, wired.at_read(4).G)
    for ask in (wired.transfer_matrix, wired.admittance, lambda: wired.to_netlist(v=np.zeros(4))):
        with pytest.raises(CrossbarError, match="differ at every read"):
            ask()


# ---------------------------------------------------------------------- numbers belong to places
def test_an_effect_more_changes_no_number_of_another():
    g = flat(side=20)
    spread = ni.Variability("g", 0.1)
    alone = after(spread, g)
    beside = after([ni.Stuck(on=0.2), ni.Window(1e-9, 1.0), spread], g)
    free = beside < 1e-4
    np.testing.assert_array_equal(beside[free], alone[free])
    assert free.sum() < g.size
    twice = after([spread, spread], g) / g
    once = alone / g
    assert not np.allclose(twice, once**2)  # the second one draws numbers of its own
    np.testing.assert_array_equal(after(spread, g[:5, :7]), alone[:5, :7])


def test_arrays_and_seeds_differ_and_repeat():
    g, spread = flat(side=8), ni.Variability("g", 0.1)

    def made(seed, name=""):
        return cn.Crossbar(g, nonidealities=spread, seed=seed, name=name).G

    np.testing.assert_array_equal(made(1), made(1))
    own = cn.Crossbar(g, nonidealities=ni.Variability("g", 0.1, seed=1), seed=5).G
    np.testing.assert_array_equal(made(1), own)
    for other in (made(2), made(1, "second")):
        assert abs(np.corrcoef(made(1).ravel(), other.ravel())[0, 1]) < 3.0 / 8.0  # 64 cells


def test_effects_act_in_the_order_of_a_cells_life_whatever_their_order_in_the_list():
    effects = [
        ni.Stuck(on=0.1, off=0.1), ni.Drift(time=1e4), ni.ProgrammingError(), ni.Variability("g", 0.1), ni.Levels(8),
    ]  # fmt: skip
    g = np.random.default_rng(1).uniform(*WINDOW, (9, 9))
    expected = g
    for effect in (effects[3], effects[4], effects[2], effects[1], effects[0]):
        expected = after(effect, expected)
    np.testing.assert_array_equal(after(effects, g), expected)


ZERO = [
    ni.Variability("g", 0.0),
    ni.Window(0.0, 1.0),
    ni.Stuck(),
    [ni.Window(*WINDOW), ni.ProgrammingError(scale=0.0)],
    ni.Drift(nu=0.0, nu_sigma=0.0, time=1e9),
    ni.ReadNoise(0.0),
]


@pytest.mark.parametrize("effect", ZERO, ids=str)
def test_an_effect_of_no_strength_changes_nothing(effect):
    g = np.random.default_rng(2).uniform(*WINDOW, (5, 4))
    v = np.random.default_rng(3).uniform(-0.2, 0.2, (2, 5))
    found = cn.Crossbar(g, nonidealities=effect, seed=1)
    np.testing.assert_array_equal(found.G, g)
    # two small systems of the same numbers, solved alone or as a batch
    np.testing.assert_allclose(found.solve(v).currents, cn.Crossbar(g).solve(v).currents, rtol=1e-12)
    x = np.array([[0.3, -0.4], [0.1, 0.9]])
    layout = cn.compile(NET, nonidealities=effect, seed=1)
    np.testing.assert_allclose(layout(x), cn.compile(NET)(x), rtol=1e-12)


# ---------------------------------------------------------------------- one description in all places
BUILT = [
    [ni.Variability("ron", 0.2)],
    [ni.Variability("g", 0.1, length=1.5)],
    [ni.Variability("w", 0.3, "normal")],
    [ni.Stuck(on=0.3, off=0.3)],
    [ni.Levels(4)],
    [ni.Window(2e-6, 3e-6)],
    [ni.ProgrammingError()],
    [ni.Drift(time=1e5)],
    [ni.Variability("ron", 0.1), ni.Levels(5), ni.ProgrammingError("nandakumar2019"), ni.Drift(), ni.Stuck(on=0.2)],
]


def card_of(effect, target):
    values = effect.to_dict()
    return f".nonideal {target} {values.pop('kind')} " + " ".join(f"{k}={v}" for k, v in values.items())


@pytest.mark.parametrize("effects", BUILT, ids=lambda effects: "+".join(effect.kind for effect in effects))
def test_a_netlist_of_cells_an_array_element_and_a_crossbar_are_the_same(effects):
    v = [0.1, 0.05, -0.1, 0.02]
    xb = cn.Crossbar(cn.Cells(cn.Model("cell", "vteam", CARD), (4, 4)), 2.0, 3.0, nonidealities=effects, seed=7)
    expected = xb.solve(v).currents
    params = " ".join(f"{k}={x}" for k, x in CARD.items())
    cards = "\n".join(card_of(effect, "cell") for effect in effects)
    lines = [f"v{i} in{i} 0 {x}" for i, x in enumerate(v)] + [f"vb{j} out{j} 0 0" for j in range(4)]
    cells, array = list(lines), list(lines)
    for i in range(4):
        for j in range(4):
            cells += [f"n{i}_{j} w{i}_{j} b{i}_{j} cell"]
            cells += [f"rw{i}x{j} {f'w{i}_{j - 1}' if j else f'in{i}'} w{i}_{j} 2"]
            cells += [f"rb{i}x{j} {f'b{i + 1}_{j}' if i < 3 else f'out{j}'} b{i}_{j} 3"]
    array += [
        ".model tile crossbar (rword=2 rbit=3 device=cell)",
        "a [in0 in1 in2 in3] [out0 out1 out2 out3] tile",
    ]
    for body in (cells, array):
        deck = "\n".join(["cells", *body, f".model cell vteam ({params})", cards, ".options seed=7 reltol=1e-9", ".op"])
        op = next(iter(cn.parse(deck + "\n.end\n").run().values()))
        found = [float(op[f"i(vb{j})"]) for j in range(4)]
        # two Newton's methods with tolerances of 1e-9 and 1e-10
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-15)


@pytest.mark.parametrize("effect", [ni.Variability("g", 0.2), ni.Stuck(at=0.5, g=3e-5), ni.Drift(time=1e6)])
def test_an_array_element_of_conductances_and_a_crossbar_are_the_same(effect):
    c = cn.Circuit("tile")
    c.model("tile", "crossbar", rword=2.0, rbit=3.0)
    c.A("top", ["a", "b"], ["x", "y"], model="tile", g=[[1e-5, 2e-5], [4e-5, 8e-5]])
    for k, node in enumerate("abxy"):
        c.V(str(k), node, 0, dc=[0.1, 0.2, 0.0, 0.0][k])
    c.nonideal("atop", effect)
    c.set_options(seed=3)
    xb = cn.Crossbar([[1e-5, 2e-5], [4e-5, 8e-5]], 2.0, 3.0, nonidealities=effect, seed=3, name="top")
    op = c.op()
    np.testing.assert_allclose([op["i(v2)"], op["i(v3)"]], xb.solve([0.1, 0.2]).currents, rtol=1e-9)


def test_a_layout_is_made_of_such_crossbars():
    effects = [ni.ProgrammingError(), ni.Drift(time=1e4), ni.ReadNoise(0.02)]
    layout = cn.compile(NET, nonidealities=effects, seed=3, tile=(2, 4))
    ideal = cn.compile(NET, tile=(2, 4))
    for k, tile in enumerate(layout.matrices[0].tiles):
        name = f"{layout.matrices[0].label}, tile {k + 1}"
        expected = Chain.of(effects, 3, name, window=(layout.g_min, layout.g_max))
        target = ideal.matrices[0].tiles[k].G
        np.testing.assert_array_equal(tile.G, expected.written(target))
        np.testing.assert_array_equal(layout.matrices[0].crossbar(k).at_read(5).G, expected.read(tile.G, 5))
    x = np.array([[0.3, -0.4]])
    assert not np.array_equal(*layout(np.repeat(x, 2, axis=0)))  # two samples are two reads
    np.testing.assert_array_equal(layout(x), layout(x))


def test_a_layout_file_keeps_what_reads_need(tmp_path):
    effects = [ni.ProgrammingError(), ni.ReadNoise(0.02)]
    layout = cn.compile(NET, nonidealities=effects, seed=3, temp=85.0)
    layout.save(tmp_path / "a.h5")
    again = cn.Layout.load(tmp_path / "a.h5")
    assert again.effects == layout.effects
    x = np.array([[0.3, -0.4], [0.1, 0.9]])
    np.testing.assert_array_equal(again(x), layout(x))


def test_drift_goes_on_in_a_transient():
    c = cn.Circuit("drift")
    c.V("1", "a", 0, dc=0.1)
    c.N("1", "a", 0, model="hfo2")
    ideal = float(c.op()["i(v1)"])
    c.nonideal("n1", ni.Drift(nu=0.1, nu_sigma=0.0, time=20.0, t0=20.0))
    assert float(c.op()["i(v1)"]) == pytest.approx(ideal, rel=1e-9, abs=0.0)
    run = c.tran(2000.0)
    expected = ideal * ((20.0 + run["time"]) / 20.0) ** -0.1
    np.testing.assert_allclose(run["i(v1)"], expected, rtol=1e-6)  # no state moves below threshold: the law itself


def test_a_stuck_memristor_does_not_move():
    def run(*effects):
        c = cn.Circuit("write")
        c.V("1", "a", 0, dc=-2.0)
        c.N("1", "a", 0, model="hfo2")
        if effects:
            c.nonideal("hfo2", *effects)
        return c.tran(50e-9)["@n1[w]"]

    assert run()[-1] < 0.1e-9  # SET
    np.testing.assert_allclose(run(ni.Stuck(off=1.0)), 3e-9, rtol=1e-12)  # rounding of the state's row
    np.testing.assert_allclose(run(ni.Stuck(at=1.0, g=1e-5)), 1.5e-9, rtol=1e-6)  # half way, of a logarithm


def device_reads(card="hfo2", effects=None, shape=(6, 5), seed=3):
    effects = [ni.ReadNoise(0.05)] if effects is None else effects
    return cn.Crossbar(cn.Cells(card, shape), 1.0, 1.0, nonidealities=effects, seed=seed)


def test_reads_of_device_cells_are_those_of_their_conductances():
    """hfo2 is linear in the voltage: reads find what they find of an array of its conductances, to rounding."""
    effects, v = [ni.ReadNoise(0.05), ni.TelegraphNoise(0.1), ni.FlickerNoise()], np.full((20, 6), 0.1)
    xb = device_reads(effects=effects)
    between = device_reads(effects=[])
    linear = cn.Crossbar(between.linearised(v[0]).G, 1.0, 1.0, nonidealities=effects, seed=3)
    found = xb.solve(v)
    np.testing.assert_allclose(found.currents, linear.solve(v).currents, rtol=1e-9)
    np.testing.assert_allclose(found.v_word, linear.solve(v).v_word, rtol=1e-9)
    np.testing.assert_array_equal(found.currents[7], xb.solve(v[0], first_read=7).currents)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(xb)).solve(v[:2]).currents, found.currents[:2])
    np.testing.assert_array_equal(xb.rewired(r_sense=0.0).solve(v[:2]).currents, found.currents[:2])


def test_reads_of_devices_with_inner_nodes_and_of_gated_cells():
    """One cell alone: a read finds its current times 1 + 0.05 z, whatever else the device does."""
    nmos = cn.Model("access", "nmos", {"vto": 0.5, "kp": 1e-2})
    for cells, gate in ((cn.Cells("tio2_simmons", (1, 1)), 0.0), (cn.Cells("hfo2", (1, 1), transistor=nmos), 3.0)):
        noisy = cn.Crossbar(cells, 1e-3, 1e-3, nonidealities=[ni.ReadNoise(0.05)], seed=1)
        alone = cn.Crossbar(cells, 1e-3, 1e-3).solve([0.1], gate=gate).currents[0]
        z = (noisy.solve(np.full((30, 1), 0.1), gate=gate).currents[:, 0] / alone - 1.0) / 0.05
        expected = (cn.Crossbar([[1e-6]], 0, 0, nonidealities=[ni.ReadNoise(0.05)], seed=1)).solve(np.ones((30, 1)))
        # wires and transistor take a thousandth of the voltage
        np.testing.assert_allclose(z, (expected.currents[:, 0] / 1e-6 - 1.0) / 0.05, atol=1e-2)


def test_read_noise_is_a_current_of_its_density_in_the_noise_analysis():
    c = cn.Circuit("read")
    c.V("1", "a", 0, dc=0.1, ac=1.0)
    c.N("1", "a", "b", model="hfo2")
    c.R("l", "b", 0, 1e3)
    c.nonideal("n1", ni.ReadNoise(0.01, bandwidth=1e6))
    noise = c.noise("v(b)", "v1", 1e3, 1e4, 2, summary=1)
    op = c.op()
    i = float(-op["i(v1)"])
    r = 1.0 / (1e-3 + i / (0.1 - 1e3 * i))  # a cell that conducts in proportion to its voltage
    expected = (0.01 * i) ** 2 / 1e6 * r**2
    np.testing.assert_allclose(np.asarray(noise["onoise_n1_read"]) ** 2, expected, rtol=1e-6)


# ---------------------------------------------------------------------- descriptions
@pytest.mark.parametrize("kind", catalog("nonidealities").names())
def test_every_effect_describes_itself(kind):
    effect = catalog("nonidealities").get(kind)
    made = effect("g") if "parameter" in effect.params else effect()
    again = from_dict(json.loads(json.dumps(made.to_dict())))
    assert again == made
    assert hash(again) == hash(made)
    assert eval(repr(made), {type(made).__name__: effect}) == made
    assert effect.__doc__
    assert all(param.doc for param in effect.params.values())


def test_decks_and_python_describe_the_same():
    text = "\n".join(
        [
            "t", "n1 a 0 hfo2", "v1 a 0 0.1", ".param level=8 ron=5",
            ".nonideal hfo2 levels count={2*level}", ".nonideal n1 variability parameter=ron sigma=10% seed=4",
            ".op", ".end", "",
        ]
    )  # fmt: skip
    c = cn.parse(text).circuit()
    by_hand = cn.Circuit("t")
    by_hand.nonideal("hfo2", ni.Levels(16))
    by_hand.nonideal("n1", ni.Variability("ron", 0.1, seed=4))
    assert [from_dict({"kind": i.kind, **i.params}) for i in c.imperfections] == [
        from_dict({"kind": i.kind, **i.params}) for i in by_hand.imperfections
    ]
    again = cn.parse(c.to_netlist()).circuit()
    assert float(again.op()["i(v1)"]) == float(c.op()["i(v1)"])


def test_effects_belong_to_the_instances_of_a_subcircuit():
    text = """t
.subckt cell a b
.model own vteam
n1 a b own
.nonideal own variability parameter=ron sigma=0.2
.ends
x1 a 0 cell
x2 b 0 cell
n1 c 0 vteam
v1 a 0 0.01
v2 b 0 0.01
v3 c 0 0.01
.op
.end
"""
    op = next(iter(cn.parse(text).run().values()))
    currents = [float(op[f"i(v{k})"]) for k in (1, 2, 3)]
    assert len(set(currents)) == 3
    c = cn.Circuit("t")
    c.V("3", "c", 0, dc=0.01)
    c.N("1", "c", 0, model="vteam")
    assert currents[2] == float(c.op()["i(v3)"])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ni.Variability(), UsageError, "needs 'parameter'"),
        (lambda: ni.Variability("ron", 0.1, "gaussian"), UsageError, "distribution is 'gaussian'"),
        (lambda: ni.Variability("ron", -0.1), DeviceError, "'sigma' of variability is -0.1"),
        (lambda: ni.Variability("ron", "many"), UsageError, "sigma is 'many'"),
        (lambda: ni.Variability("ron", spread=1), UsageError, "no parameter 'spread'"),
        (lambda: ni.Variability("ron", parameter="g"), UsageError, "given twice"),
        (lambda: ni.Window(2e-5, 1e-5), UsageError, "g_min"),
        (lambda: ni.Stuck(on=0.7, off=0.7), UsageError, "more than 1"),
        (lambda: ni.Levels(2.5), DeviceError, "whole number"),
        (lambda: ni.ProgrammingError(c0=0.1), UsageError, "fit"),
        (lambda: setattr(ni.Levels(), "count", 3), UsageError, "does not change"),
        (lambda: ni.Rust, AttributeError, "Rust"),
        (lambda: from_dict({"count": 3}), UsageError, "names no kind"),
        (lambda: cn.Crossbar([[1.0]], nonidealities=ni.Levels()), UsageError, "range of conductance"),
        (lambda: cn.Crossbar([[1.0]], nonidealities=ni.Variability("g")), UsageError, "variability needs a seed"),
        (lambda: cn.Crossbar([[1.0]], nonidealities=ni.Variability("ron"), seed=1), UsageError, "no parameter 'ron'"),
        (lambda: cn.Crossbar([[1.0]], nonidealities=["levels"]), UsageError, "'levels' is no non-ideality"),
        (lambda: device_reads().tran(cn.Waveforms([0, 1e-9], [0.0] * 6)), CrossbarError, "differ at every read"),
        (lambda: device_reads().at_read(3), CrossbarError, "depends on its voltages"),
    ],
)
def test_what_makes_no_sense_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (".nonideal n1 rust", "no effect 'rust'"),
        (".nonideal n1", "does not name"),
        (".nonideal n1 levels 16", "is not name=value"),
        (".nonideal n1 levels count=1", "'count' of levels is 1"),
        (".nonideal n7 levels", "'n7', which is neither an element nor a model"),
        (".nonideal n1 variability parameter=rom", "no parameter 'rom'"),
        (".nonideal r1 drift", "drift does not act on resistor"),
        (".nonideal r1 levels", "levels does not act on resistor"),
        (".nonideal a1 read_noise", "read_noise does not act on a crossbar in a circuit"),
        (".nonideal n1 drift\n.nonideal hfo2 drift", "drift acts twice"),
        (".nonideal n1 variability parameter=w length=2", "where cells lie"),
    ],
)
def test_a_card_that_makes_no_sense_is_refused_with_its_place(card, message):
    deck = f"t\nv1 a 0 0.1\nn1 a 0 hfo2\nr1 a 0 1k\na1 [a] [0] x\n.model x crossbar (g=1m)\n{card}\n.op\n.end\n"
    with pytest.raises((NetlistError, CircuitError), match=message) as caught:
        cn.parse(deck).run()
    assert caught.value.place is not None
    assert caught.value.place.line >= 7
