"""Compensated, permuted and calibrated layouts, and the fits behind them."""

from dataclasses import replace

import numpy as np
import pytest
from nodal import nodal_transfer, relative

import circuitnn as cn
from circuitnn.errors import MappingError, UsageError
from circuitnn.mapping.compensation.calibration import fit_outputs
from circuitnn.mapping.compensation.permutation import deal
from circuitnn.mapping.encodings.parallel import Parallel
from circuitnn.mapping.encodings.sliced import Sliced
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.operators.convolution import Conv
from circuitnn.mapping.periphery import Periphery, Sense

RNG = np.random.default_rng(11)
NET = [
    (RNG.normal(size=(50, 24)) / 7.0, RNG.normal(size=24) / 5.0, "relu"),
    (RNG.normal(size=(24, 6)) / 5.0, None, "softmax"),
]
X = RNG.uniform(0.0, 1.0, (60, 50)) * RNG.uniform(0.0, 1.0, 50) ** 2
R = 20.0
SMALL = np.random.default_rng(3).normal(size=(12, 5))


def wired(**options):
    return cn.compile(NET, tile=(32, 32), device=(1e-6, 1e-4), r_wire=R, **options)


def distance(layout, x=X):
    """Relative error of the first matrix's products for inputs."""
    matrix = layout.matrices[0]
    wanted = x @ matrix.weights
    return relative(x @ matrix.effective + matrix.offset, wanted)


@pytest.mark.parametrize("encoding", ["differential", "offset", "complementary", Sliced(4, 2), Parallel(2)])
def test_compensated_layouts_compute_what_their_encoding_stands_for(encoding):
    plain = wired(encoding=encoding)
    layout, changes = plain.compensate(tolerance=1e-5)
    for before, matrix in zip(plain.matrices, layout.matrices, strict=True):
        ideal = before.encoding.represented(before.weights, np.abs(before.weights).max())
        total = np.zeros_like(ideal)
        for tile in matrix.tiles:
            n = len(tile.place.outputs)
            found = nodal_transfer(tile.G, R, R) @ matrix.encoding.analogue(n) @ matrix.encoding.digital(n)
            total[np.ix_(tile.place.inputs, tile.place.outputs)] += found
        # 1e-5 of each channel; slices add up to twice that
        assert relative(total * matrix.scale * matrix.gain, ideal) < 3e-5
        assert relative(before.effective, ideal) > 1e-2
        assert all(tile.G.min() >= 1e-6 and tile.G.max() <= 1e-4 for tile in matrix.tiles)
    assert "gain" in str(changes)


def test_compensation_survives_files_and_programming(tmp_path):
    layout, _ = wired().compensate(X)
    layout.save(tmp_path / "net.h5")
    assert np.array_equal(cn.Layout.load(tmp_path / "net.h5")(X), layout(X))
    spread = cn.nonidealities.Variability("g", sigma=0.05)
    chip = layout.with_nonidealities(spread, seed=1)
    tile, target = chip.matrices[0].tiles[0], layout.matrices[0].tiles[0].target
    assert np.array_equal(tile.target, target)
    assert 0.02 < relative(tile.G, target) < 0.1  # programmed towards the compensated cells


def test_converters_see_the_range_of_the_samples():
    plain = wired(adc_bits=8, dac_bits=8, calibration=X)
    for layout in (plain.compensate(X)[0], plain.permute(X)[0], plain.permute(X)[0].compensate(X)[0]):
        reads = layout.reads(X)
        for read in reads:
            for tile, current in zip(read.matrix.tiles, read.currents, strict=True):
                # of exact converters before it, which 8 bits differ from by less than 1 %
                assert np.abs(current).max() == pytest.approx(tile.adc_limit, rel=1e-2)
    assert relative(plain.compensate(X)[0](X), plain.graph(X)) < 0.5 * relative(plain(X), plain.graph(X))


def test_permuted_lines_compute_the_same_without_wires():
    ideal = cn.compile(NET, tile=(32, 32), device=(1e-6, 1e-4))
    plain = wired()
    moved, changes = plain.permute(X)
    assert not np.array_equal(moved.matrices[0].tiles[0].place.inputs, np.arange(32))
    assert relative(moved.with_wires(0.0)(X), ideal(X)) < 1e-12
    assert changes.matrices[0].what == "order of inputs and outputs"
    assert changes.matrices[0].after[1] < 0.75 * changes.matrices[0].before[1]
    assert distance(moved) < 0.75 * distance(plain)
    # What is cured by order alone leaves more gain to the cure by cells.
    gains = [plain.matrices[0].scale / layout.compensate(X)[0].matrices[0].scale for layout in (plain, moved)]
    assert gains[1] > gains[0]


def test_strong_lines_stand_near_drivers_and_sense_circuits():
    moved = wired().permute(X)[0]
    size = np.sqrt((X**2).mean(axis=0))
    loads = []
    for tile in moved.matrices[0].tiles:
        currents = size[tile.place.inputs][:, None] * tile.G
        assert (np.diff(currents.sum(axis=1)) > -5e-2 * currents.sum(axis=1).mean()).all()
        pairs = currents.sum(axis=0).reshape(-1, 2).sum(axis=1)
        assert (np.diff(pairs) < 5e-2 * pairs.mean()).all()
        loads.append(currents.sum())
    # tiles 1 and 3, 2 and 4 have the same outputs and different inputs
    assert np.allclose(loads[:2], loads[2:], rtol=0.15)


def test_packed_tiles_keep_their_lines():
    weights = np.kron(np.eye(3), RNG.normal(size=(20, 8)))
    packed = cn.compile([(weights, None, "relu")], tile=(20, 16), device=(1e-6, 1e-4), r_wire=R, packed=True)
    moved = packed.permute()[0]
    assert len(moved.matrices[0].tiles) == len(packed.matrices[0].tiles) < 9
    x = RNG.uniform(size=(5, 60))
    assert relative(moved.with_wires(0.0)(x), packed.graph(x)) < 1e-12


def test_deal_makes_blocks_alike():
    load = RNG.exponential(size=53)
    order = deal(load, 10)
    assert sorted(order.tolist()) == list(range(53))
    sums = [load[order[k : k + 10]].mean() for k in range(0, 50, 10)]
    assert max(sums) < 1.4 * min(sums)


def test_fit_is_the_ridge_regression_that_it_says():
    found = RNG.normal(2.0, 1.0, (7, 3))
    ideal = found * [1.1, 0.9, 1.3] + [0.5, -0.5, 0.0] + RNG.normal(0.0, 0.1, (7, 3))
    done = fit_outputs(found, ideal)
    common = (found * ideal).sum() / (found**2).sum()
    for j in range(3):  # the draw as rows of data: 0.3 samples that say gain = common, offset = 0
        draw = np.sqrt(0.3) * np.diag([np.sqrt((found**2).mean()), 1.0])
        rows = np.vstack([np.stack([found[:, j], np.ones(7)], axis=1), draw])
        goal = np.concatenate([ideal[:, j], draw @ [common, 0.0]])
        assert np.allclose([done.gain[j], done.offset[j]], np.linalg.lstsq(rows, goal, rcond=None)[0], rtol=1e-10)
    assert done.after < done.before
    assert np.allclose(done(found), found * done.gain + done.offset)


def test_calibration_recovers_most_from_few_samples():
    plain = wired()
    rest = [distance(plain.calibrate(X[:n])[0], X[32:]) for n in (2, 8, 32)]
    assert rest[0] < 0.7 * distance(plain, X[32:])  # two samples do no harm
    assert rest[1] < 0.4 * distance(plain, X[32:])
    assert rest[2] <= 1.1 * rest[1]
    again = plain.calibrate(X[:32])[0].calibrate(X[:32])[0]  # on top of a calibration
    assert distance(again, X[32:]) == pytest.approx(rest[2], rel=0.05)


def test_outputs_that_never_move_stay():
    done = fit_outputs(np.zeros((4, 2)), np.zeros((4, 2)))
    assert done.gain.tolist() == [1.0, 1.0]
    assert done.offset.tolist() == [0.0, 0.0]


def test_convolutions_are_compensated():
    graph = Graph([Conv(RNG.normal(size=(8, 2, 3, 3)), name="conv")], (2, 6, 6))
    plain = cn.compile(graph, tile=(32, 32), device=(1e-6, 1e-4), r_wire=R)
    x = RNG.uniform(size=(6, 2, 6, 6))
    for layout in (plain.compensate(x)[0], plain.permute(x)[0].compensate(x)[0]):
        assert relative(layout(x), graph(x)) < 2e-3 < relative(plain(x), graph(x))
    assert relative(plain.calibrate(x)[0](x), graph(x)) < 0.5 * relative(plain(x), graph(x))


def test_resistances_of_the_periphery_are_made_up_for():
    sense = Sense(resistance=100.0, drive_resistance=50.0)
    plain = wired().with_periphery(Periphery(sense=sense))
    assert plain.matrices[0].r_sense == 100.0
    assert relative(plain.compensate(X)[0](X), plain.graph(X)) < 2e-3 < 0.05 < relative(plain(X), plain.graph(X))


def test_bits_one_by_one_are_calibrated():
    plain = wired(dac_bits=6).with_periphery(Periphery(dac_bits=6, coding="serial"))
    assert relative(plain.calibrate(X)[0](X), plain.graph(X)) < 0.5 * relative(plain(X), plain.graph(X))


def test_random_reads_and_nonlinear_cells_count_by_their_conductances():
    noisy = wired(nonidealities=cn.nonidealities.ReadNoise(0.01), seed=1)
    assert np.array_equal(
        noisy.compensate()[0].matrices[0].tiles[0].target, wired().compensate()[0].matrices[0].tiles[0].target
    )
    assert relative(noisy.compensate(X)[0](X), noisy.graph(X)) < 0.5 * relative(noisy(X), noisy.graph(X))
    assert len(noisy.permute(X)[1].matrices) == len(noisy.calibrate(X)[1]) == 2
    plain = cn.compile([([[1.0, -0.5], [0.5, 1.0]], None, "linear")], tile=(8, 8), device="hfo2", r_wire=50.0)
    devices = plain.with_cells("hfo2").compensate()[0]
    assert devices.matrices[0].cells == "hfo2"
    assert np.array_equal(devices.matrices[0].tiles[0].target, plain.compensate()[0].matrices[0].tiles[0].target)


@pytest.mark.parametrize("encoding", ["differential", "complementary"])
def test_wires_are_made_up_for_once(encoding):
    plain = wired(encoding=encoding)
    once = plain.compensate(X)[0]
    for before in (once, plain.calibrate(X)[0], once.calibrate(X)[0]):
        again = before.compensate(X)[0]
        for a, b in zip(again.matrices, once.matrices, strict=True):
            assert np.array_equal(a.tiles[0].target, b.tiles[0].target)
            assert (a.scale, a.gain.tolist(), a.offset.tolist()) == (b.scale, b.gain.tolist(), b.offset.tolist())
        assert np.array_equal(again(X), once(X))


def test_new_lines_have_the_scale_of_their_cells():
    plain = wired()
    changed = [replace(m, scale=0.8 * m.scale, gain=1.1 * m.gain, offset=m.offset + 0.1) for m in plain.matrices]
    moved = replace(plain, matrices=tuple(changed)).permute(X)[0]
    assert not np.array_equal(moved.matrices[0].tiles[0].place.inputs, plain.matrices[0].tiles[0].place.inputs)
    assert np.array_equal(moved(X), plain.permute(X)[0](X))


@pytest.mark.parametrize("size", [2.0**-1000, 2.0**1000])
def test_the_unit_of_weights_does_not_matter(size):
    """1e-301 and 1e301, whose squares are zero and infinite; powers of two leave every digit as it is."""
    nets = [[(SMALL * factor, None, "linear")] for factor in (1.0, size)]
    plain, other = (cn.compile(net, tile=(16, 32), r_wire=R) for net in nets)
    x = X[:10, :12]
    for a, b in ((plain.compensate(x), other.compensate(x)), (plain.permute(x), other.permute(x))):
        assert np.array_equal(a[0](x) * size, b[0](x))
        assert a[1] == b[1]
    first, second = plain.calibrate(x), other.calibrate(x)
    np.testing.assert_allclose(second[0](x) / size, first[0](x), rtol=1e-12)
    assert second[1]["layer 1"].after == pytest.approx(first[1]["layer 1"].after, rel=1e-12)


def test_bad_samples_are_refused():
    plain = wired()
    for call in (plain.compensate, plain.permute, plain.calibrate):
        with pytest.raises(UsageError, match="no sample"):
            call(np.empty((0, 50)))
        with pytest.raises(UsageError, match="shape"):
            call(np.ones((3, 4)))
    with pytest.raises(MappingError, match="tolerance"):
        plain.compensate(tolerance=2.0)
    with pytest.raises(MappingError, match="both"):
        fit_outputs(np.ones((3, 2)), np.ones((3, 3)))
    with pytest.raises(MappingError, match="finite"):
        fit_outputs([[np.nan]], [[1.0]])
