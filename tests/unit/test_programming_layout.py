"""Whole layouts programmed, aged and re-calibrated; the command."""

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import circuitnn as cn
from circuitnn.cli.main import cli
from circuitnn.errors import UsageError
from circuitnn.mapping.programming.drift import aged, compensated, over_time
from circuitnn.mapping.programming.engine import alone, states_for
from circuitnn.mapping.programming.of_layout import line_scales, plan_for, program_layout
from circuitnn.mapping.programming.plan import PLANS, Plan, Train, Verify

RNG = np.random.default_rng(3)
NETWORK = [
    (RNG.normal(0.0, 1.0, (5, 4)), RNG.normal(0.0, 0.1, 4), "relu"),
    (RNG.normal(0.0, 1.0, (4, 2)), None, "linear"),
]
X = np.random.default_rng(4).uniform(0.0, 1.0, (30, 5))


def layout(**options):
    return cn.compile(NETWORK, **{"tile": (4, 4), "device": "hfo2", "r_wire": 1.0, "calibration": X, **options})


@pytest.fixture(scope="module")
def programmed():
    return layout().program()


def test_a_programmed_layout_holds_what_cells_reached(programmed):
    done, report = programmed
    plain = layout()
    assert len(report.tiles) == sum(len(matrix.tiles) for matrix in plain.matrices)
    tiles = [tile for matrix in done.matrices for tile in matrix.tiles]
    for tile, of_tile in zip(tiles, report.tiles, strict=True):
        assert np.array_equal(tile.G, of_tile.reached) and np.array_equal(tile.target, of_tile.target)
        assert np.abs(tile.G - tile.target).max() < 1.01 * of_tile.tolerance
    assert report.tiles[0].name == "layer 1, tile 1"
    # outputs are off by what the errors in weights let them: their sum at worst
    wanted, found = plain(X), done(X)
    assert 0.0 < np.abs(found - wanted).max() < 0.1 * np.abs(wanted).max()


def test_errors_in_weights_are_those_of_the_encoding(programmed):
    done, report = programmed
    matrix = done.matrices[0]
    scales = line_scales(matrix, 2)
    assert scales.shape == (4,) and np.all(scales == matrix.scale)  # each line of a pair adds or subtracts one siemens
    errors = np.concatenate([(tile.scale * tile.error).ravel() for tile in report.tiles])
    assert report.rms_weight == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-12, abs=0.0)
    sliced = layout(encoding={"kind": "sliced", "bits": 4, "cell_bits": 2}, tile=(4, 8)).matrices[0]
    assert len(np.unique(line_scales(sliced, 1))) > 1  # lines of higher digits weigh more


def test_states_for_conductances_conduct_so():
    for card, low, high in (("hfo2", 1e-6, 1e-4), ("stanford_rram", 1e-5, 1e-3), ("jart_v1b", 3e-5, 4e-4)):
        G = np.geomspace(low, high, 6).reshape(2, 3)
        cells = cn.Cells(card, (2, 3))
        np.testing.assert_allclose(alone(cells, Verify(), states_for(cells, Verify(), G)), G, rtol=1e-7)


def test_programming_from_what_cells_hold_takes_pulses_only_where_needed(programmed):
    done, _ = programmed
    _, report = done.program(blank=False)
    # a cell at the edge of the tolerance may be read beyond it, the others not
    assert (report.pulses > 0).sum() <= 2
    moved = replace(done.matrices[0].tiles[0], G=done.matrices[0].tiles[0].G * np.where(np.eye(4) > 0, 0.8, 1.0)[:, :4])
    first = replace(done.matrices[0], tiles=(moved, *done.matrices[0].tiles[1:]))
    again, report = program_layout(replace(done, matrices=(first, *done.matrices[1:])), blank=False)
    tile = report.tiles[0]
    off = np.abs(moved.G - moved.target) > 1.1 * tile.tolerance
    assert off.sum() >= 2 and (tile.pulses[off] > 0).all() and (tile.pulses[~off] > 0).sum() <= 2
    assert np.abs(again.matrices[0].tiles[0].G - moved.target).max() < 1.02 * tile.tolerance


def test_cells_may_be_made_by_the_caller():
    access = cn.Model("access", "nmos", {"level": 1.0, "vto": 0.5, "kp": 2e-3, "is": 0.0})
    train = Train(-0.8, 50e-9, step=0.02, most=1.4, gate=3.0)
    plan = Plan(train, replace(train, amplitude=0.8), tolerance=1e-6, verify=Verify(gate=3.0), scheme="inhibit")

    def cells(shape):
        size = {"w": 2e-6, "l": 1e-6}
        return cn.Cells("hfo2", shape, state={"w": 3e-9}, transistor=access, transistor_params=size)

    _, report = layout(device=(1e-6, 8e-5)).program(plan, device=cells)
    assert not report.failures and report.energy.half_selected < 1e-3 * report.energy.selected
    with pytest.raises(UsageError, match="range of conductance alone"):
        layout(device=(1e-6, 8e-5)).program(plan)
    with pytest.raises(UsageError, match="no ready-made plan"):
        layout(device=(1e-6, 8e-5)).program()
    assert plan_for(layout()).tolerance == pytest.approx(0.99e-6, rel=1e-12, abs=0.0)


# ---------------------------------------------------------------------------------------------------- time
def test_drift_of_one_exponent_is_a_gain():
    """All cells fall by (t / t0)^-nu alike, and a gain takes that back."""
    plain = layout(r_wire=0.0)
    later = plain.after(86400.0, cn.nonidealities.Drift(nu=0.06, nu_sigma=0.0), seed=1)
    part = (86400.0 / 20.0) ** -0.06
    np.testing.assert_allclose(later.matrices[0].tiles[0].G, part * plain.matrices[0].tiles[0].G, rtol=1e-12)
    for by in ("matrix", "output"):
        back = compensated(later, plain, by)
        np.testing.assert_allclose(back.matrices[0].gain, 1.0 / part, rtol=1e-9)
        np.testing.assert_allclose(back(X), plain(X), rtol=1e-9)


def test_cells_keep_their_exponents():
    plain, drift = layout(), cn.nonidealities.Drift(nu=0.05, nu_sigma=0.02, time=3.0)
    day, year = (aged(plain, t, [drift], seed=7) for t in (86400.0, 3.156e7))
    nus = [
        -np.log(each.matrices[0].tiles[0].G / plain.matrices[0].tiles[0].G) / np.log(t / 20.0)
        for each, t in ((day, 86400.0), (year, 3.156e7))
    ]
    np.testing.assert_allclose(*nus, atol=1e-12)
    assert nus[0].std() > 0.005


def test_retention_leads_to_rest():
    gone = aged(layout(), 1e12, cn.nonidealities.Retention(1e5, activation=0.0), seed=1)
    assert all(np.allclose(tile.G, 1e-6, rtol=1e-12, atol=0.0) for matrix in gone.matrices for tile in matrix.tiles)


def test_what_brings_accuracy_back(programmed):
    done, _ = programmed
    y = done.graph(X).argmax(axis=1)
    drift = cn.nonidealities.Drift(nu=0.1, nu_sigma=0.05)
    hour, years = over_time(done, X, y, drift, (3600.0, 3.156e8), seed=2)
    assert years.report.pulses.sum() > hour.report.pulses.sum() > 0
    assert years.programmed >= years.left and years.programmed > 0.9
    assert years.report.energy.total > 0.0


def test_bad_input_is_refused():
    plain = layout()
    for call, message in (
        (lambda: aged(plain, -1.0, cn.nonidealities.Drift()), "seconds is -1.0"),
        (lambda: aged(plain, 1.0, cn.nonidealities.Levels(4)), "levels is not what time does"),
        (lambda: aged(plain, 1.0, cn.nonidealities.Drift()), "needs a seed"),
        (lambda: compensated(plain, plain, "row"), "by is 'row'"),
        (lambda: compensated(plain, cn.compile(NETWORK[:1], device="hfo2")), "another network"),
    ):
        with pytest.raises(UsageError, match=message):
            call()


def test_the_command(tmp_path):
    path, out = str(tmp_path / "a.h5"), tmp_path / "b.h5"
    cn.compile([(NETWORK[1][0], None, "linear")], tile=(8, 8), device="hfo2").save(path)
    result = CliRunner().invoke(cli, ["program", path, "-o", str(out), "--noise", "10n", "--seed", "2"], obj={})
    assert result.exit_code == 0 and "pulses a cell" in result.output
    reached = cn.Layout.load(out).matrices[0].tiles[0]
    assert 0.0 < np.abs(reached.G - reached.target).max() < 2e-6
    few = ["program", path, "-o", str(tmp_path / "c.h5"), "--tolerance", "10n", "--passes", "1", "--most-failed", "0"]
    assert "out of tolerance" in str(CliRunner().invoke(cli, few, obj={}).exception)
    assert not (tmp_path / "c.h5").exists()
    for name, message in ((tmp_path / "none" / "c.h5", "does not exist"), (tmp_path, "is a folder")):
        result = CliRunner().invoke(cli, ["program", path, "-o", str(name)], obj={})
        assert message in str(result.exception) and result.output == ""  # said before all the work


@pytest.mark.slow
def test_ready_made_plans_reach_their_range():
    from circuitnn.devices.cards import CARDS
    from circuitnn.mapping.programming.write_verify import program

    for name, plan in PLANS.items():
        card = CARDS[name]
        wanted = card.g_min + (card.g_max - card.g_min) * np.array([[0.1, 0.7]])
        done = program(cn.Crossbar(cn.Cells(name, (1, 2)), 1.0, 1.0), wanted, plan)
        assert not done.failures, name
