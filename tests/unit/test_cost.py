"""Numbers and their files, pipelines, areas, reports, measured machines."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import FileError, UsageError
from circuitnn.mapping.cost.area import adc_area, area
from circuitnn.mapping.cost.latency import pipeline, timing
from circuitnn.mapping.cost.references import AUTOENCODER, GRIDS, MACHINES, grid_of, machine_table
from circuitnn.mapping.cost.report import cost
from circuitnn.mapping.cost.technology import Technology, technology_of
from circuitnn.mapping.cost.work import ArrayWork, Work


def close(value, rel=1e-9):
    return pytest.approx(value, rel=rel, abs=0.0)  # by itself it takes anything below 1e-12 for the same


def work(label="fc", rows=4, cols=6, conversions=3, reads=1, activation="relu", dac_bits=8, adc_bits=8, r=0.0):
    tile = ArrayWork(cn.Crossbar(np.full((rows, cols), 1e-5), r, r), np.full((2, rows), 0.2), conversions)
    return Work(label, [tile], rows, conversions, dac_bits, adc_bits, activation, reads)


# ---------------------------------------------------------------- technology
def test_every_number_has_unit_source_and_how_far_it_was_checked():
    for q in Technology().quantities():
        assert q.unit and q.what and q.source, q
        assert q.seen in ("source", "quoted", "no"), q
        assert q.name in str(Technology())


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_numbers_from_a_file(tmp_path, suffix):
    path = tmp_path / f"mine{suffix}"
    values = {"adc_fom": 5e-15, "read_time": 2e-8, "c_word": 0}
    path.write_text(json.dumps(values) if suffix == ".json" else "\n".join(f"{k} = {v!r}" for k, v in values.items()))
    found = technology_of(path)
    assert found == Technology(adc_fom=5e-15, read_time=2e-8, c_word=0.0)
    assert technology_of(str(path)) == found
    assert found.quantity("adc_fom").source == "the user" and found.quantity("adc_rate").seen == "source"
    printed = json.loads(json.dumps(found.to_dict()))["c_word"]
    assert (printed["value"], printed["unit"], printed["seen"]) == (0.0, "F", "given")


@pytest.mark.parametrize(
    ("text", "kind", "error", "place", "says"),
    [
        ("adc_fom = 1e-15\nadc_rat = 1e9\n", ".toml", UsageError, "2:1", "adc_rate"),
        ("# adc_rate = 2\n  adc_rate = -1.0\n", ".toml", UsageError, "2:3", "above zero"),
        ("adc_rate = 0\n", ".toml", UsageError, "1:1", "above zero"),
        ("c_word = inf\n", ".toml", UsageError, "1:1", "finite"),
        ("c_word = true\n", ".toml", UsageError, "1:1", "finite"),
        ("c_word = '1'\n", ".toml", UsageError, "1:1", "finite"),
        ("[c_word]\nx = 1\n", ".toml", UsageError, "1:2", "finite"),
        ("a = 1\nb = = 2\n", ".toml", FileError, "2:5", "TOML"),
        ('{"c_word": 1e-16,\n "c_bitt": 1}', ".json", UsageError, "2:3", "c_bit"),
        ('{"c_word": NaN}', ".json", UsageError, "1:3", "finite"),
        ('{"c_word": 1,\n}', ".json", FileError, "2:1", "JSON"),
        ("[1, 2]", ".json", FileError, None, "names"),
        ("[" * 100_000, ".json", FileError, None, "mine"),
        ("c_word = 1" + "0" * 5000, ".toml", FileError, None, "mine"),
        ("c_word = 1" + "0" * 4000, ".toml", UsageError, "1:1", "finite"),
    ],
)
def test_files_that_are_wrong_name_the_place(tmp_path, text, kind, error, place, says):
    path = tmp_path / f"mine{kind}"
    path.write_text(text)
    with pytest.raises(error) as raised:
        Technology.read(path)
    assert says in str(raised.value)
    if place:
        assert str(raised.value.place) == f"{path}:{place}"


def test_files_that_are_no_tables(tmp_path):
    with pytest.raises(FileError, match="cannot read"):
        Technology.read(tmp_path / "absent.toml")
    with pytest.raises(FileError) as raised:
        Technology.read(tmp_path / "numbers.yaml")
    assert ".toml" in raised.value.expected
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="UTF-8"):
        Technology.read(tmp_path / "b.toml")
    (tmp_path / "c.toml").write_text("#" * 1_000_001)
    with pytest.raises(FileError, match="bytes"):
        Technology.read(tmp_path / "c.toml")


@pytest.mark.parametrize("given", [3, ["adc_fom"], {"adc_fmo": 1.0}, {"adc_fom": -1.0}, {"adc_fom": math.nan}])
def test_technologies_that_are_none(given):
    with pytest.raises(UsageError):
        technology_of(given)


def test_documentation_has_the_same_numbers_and_machines():
    page = (Path(__file__).resolve().parents[2] / "docs" / "cost.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")]
    printed = {row[0].strip("`"): row for row in rows if row[0].startswith("`")}
    quantities = Technology().quantities()
    assert list(printed) == [q.name for q in quantities]
    for q in quantities:
        _, value, what, source, seen = printed[q.name]
        assert value.split()[0] == f"{q.value:.4g}" and (what, source, seen) == (q.what, q.source, q.seen)
    for one in MACHINES:
        assert any(row[:2] == [one.name, one.network] and row[5] == one.source for row in rows if len(row) == 6)


# ---------------------------------------------------------------- work
@pytest.mark.parametrize(
    "change",
    [{"dac_bits": None}, {"adc_bits": None}, {"adc_bits": 99}, {"reads": 0}, {"reads": 1.5}, {"conversions": 0}],
)
def test_work_that_is_none(change):
    with pytest.raises(UsageError):
        work(**change)


@pytest.mark.parametrize("volts", [np.ones((2, 3)), np.ones((0, 4)), np.full((1, 4), np.nan), np.ones((1, 2, 4))])
def test_voltages_that_fit_no_array(volts):
    with pytest.raises(UsageError, match="voltages"):
        ArrayWork(cn.Crossbar(np.ones((4, 2)), 0.0, 0.0), volts, 1)


def test_arrays_must_have_as_many_reads():
    tiles = [ArrayWork(cn.Crossbar(np.ones((2, 2)), 0.0, 0.0), np.ones((n, 2)), 1) for n in (1, 2)]
    with pytest.raises(UsageError, match="different numbers"):
        cost([Work("fc", tiles, 4, 1, 8, 8)])
    with pytest.raises(UsageError, match="no array"):
        Work("fc", [], 4, 1, 8, 8)


# ---------------------------------------------------------------- time and area
def test_isaac_converts_128_columns_in_a_read_of_100_ns():
    # Shafiee 2016, section V: 128 sampled currents, one ADC of 1.28 GS/s, 100 ns; 16 reads for 16 bits.
    t = Technology(adc_rate=1.28e9)
    tile = work(rows=128, cols=128, conversions=128, reads=16)
    found = timing(tile, t)
    assert found.stage == close(100e-9)
    assert found.interval == close(1.6e-6)
    assert area(tile, t).converters == 1
    # Fig. 4b: 16 reads, one cycle of conversions, then the logic.
    assert found.latency == close(17 * 100e-9 + 4 / 1.2e9)


def test_shared_converters_slow_a_stage_and_replicas_share_reads():
    t = Technology(adc_rate=1e7)
    slow = timing(work(conversions=3, reads=7), t, adc_share=3)
    assert slow.stage == close(3e-7) and slow.interval == close(7 * 3e-7)
    assert timing(work(conversions=3, reads=7), t, adc_share=1).stage == close(1e-7)
    assert timing(work(conversions=3, reads=7), t, adc_share=3, replicas=2).interval == close(4 * 3e-7)
    latency, interval = pipeline(["conv", "fc"], [slow, timing(work(), t)])
    assert interval == close(slow.interval) and latency > slow.latency
    with pytest.raises(UsageError, match="conversions a second"):
        timing(work(), Technology(adc_rate=1e6))


def test_area_is_counted():
    t = Technology()
    found = area(work(rows=4, cols=6, conversions=3, dac_bits=2, adc_bits=4), t, adc_share=2, replicas=3)
    assert found.cells == close(3 * 24 * 4 * 32e-9**2)
    assert found.drivers == close(3 * 4 * 2 * 0.166e-12)
    assert found.converters == 6
    assert found.adc == close(6 * 1500e-12 * 596 / 1032)
    assert found.buffers == close(3 * 7 * 2 * 0.0021e-6 / 16384)
    assert found.total == close(sum(found.parts().values()))
    assert adc_area(4, t) < adc_area(8, t)


def test_isaac_areas():
    # Shafiee 2016, Table I: 1024 drivers 0.00017 mm2, four shift-and-add units 0.00024 mm2, 2 kB 0.0021 mm2.
    t = Technology()
    assert 1024 * t.driver_area == close(0.00017e-6, rel=0.01)
    assert 4 * t.logic_area == close(0.00024e-6)
    assert 8 * 2048 * t.buffer_area == close(0.0021e-6)
    # Eight arrays of 128 x 128 cells have 0.0002 mm2 there, with one digit; 4 F^2 at 32 nm are 0.00054.
    assert 8 * 128**2 * t.cell_area * t.feature**2 == close(0.00054e-6, rel=0.01)


# ---------------------------------------------------------------- report
def test_cost_adds_up():
    works = [work("conv", reads=9, r=2.0), work("fc", activation="softmax", r=2.0)]
    found = cost(works, {"adc_fom": 1e-14}, replicas={"conv": 3}, grid=100.0)
    assert found.energy == close(sum(found.energies.values()))
    assert found.energy == close(sum(one.energy.total for one in found.matrices))
    assert found.area == close(sum(found.areas.values()))
    assert found.macs == 9 * 12 + 12
    assert found.tops_per_watt == close(2 * found.macs / found.energy / 1e12)
    assert found.inferences_per_second == close(1 / 3e-7)  # nine reads of 100 ns on three replicas
    assert found.power == close(found.energy / 3e-7)
    assert found.kwh_per_million == close(found.energy / 3.6)
    assert found.co2e_per_million == close(100.0 * found.energy / 3.6)
    assert found.length == close(2 / 3 * math.sqrt(found.area))
    assert json.loads(json.dumps(found.to_dict()))["energy"]["total"] == close(found.energy)
    for text in ("conv", "fc", "total", "TOPS/W", "kWh", "adc", "wires"):
        assert text in str(found)


def test_ideal_wires_are_asked_for():
    exact, ideal = cost([work(r=100.0)]), cost([work(r=100.0)], wires=False)
    assert exact.energies["wires"] > 0.0 == ideal.energies["wires"]
    assert exact.energies["cells"] < ideal.energies["cells"]
    assert exact.energies["adc"] == ideal.energies["adc"]


@pytest.mark.parametrize(
    "options",
    [{"replicas": 0}, {"replicas": {"cf": 2}}, {"adc_share": 0}, {"adc_share": True}, {"grid": "wrld"}, {"grid": 0.0}],
)
def test_options_out_of_range(options):
    with pytest.raises(UsageError):
        cost([work()], **options)


def test_no_matrix():
    with pytest.raises(UsageError, match="no matrix"):
        cost([])


# ---------------------------------------------------------------- measured machines
def test_machines_and_grids_have_sources():
    for one in (*MACHINES, *GRIDS.values()):
        assert one.source and one.seen in ("source", "quoted", "no")
    assert grid_of("world") is GRIDS["world"]


def test_machines_count_their_layers():
    macs = {one.network.split(",")[0]: one.macs for one in MACHINES}
    assert macs["autoencoder 640-128x4-8-128x4-640"] == 264_192
    assert len(AUTOENCODER) == 11
    # MLPerf Tiny's ResNet-8: (channels in, out, kernel, side of the output), and its classifier.
    layers = [(3, 16, 3, 32), (16, 16, 3, 32), (16, 16, 3, 32), (16, 32, 3, 16), (32, 32, 3, 16), (16, 32, 1, 16)]
    layers += [(32, 64, 3, 8), (64, 64, 3, 8), (32, 64, 1, 8), (64, 10, 1, 1)]
    assert macs["ResNet-8"] == sum(i * o * k * k * n * n for i, o, k, n in layers)
    # Eyeriss: 278 mW at 35 frames/s.
    eyeriss = next(one for one in MACHINES if one.name.startswith("Eyeriss"))
    assert eyeriss.energy == close(7.94e-3, rel=1e-3)


def test_table_of_machines():
    text = machine_table(grid=grid_of(500.0))
    row = next(line for line in text.splitlines() if "DNN Engine" in line)
    assert " 3.6e-07" in row and " 1e-07" in row and " 5e-05" in row  # 0.36 uJ: 0.1 kWh a 10^12, 50 g
    ours = cost([work()]).compared()
    assert ours.splitlines()[1].startswith("this model: 12 MACs")
    assert len(ours.splitlines()) == len(MACHINES) + 2
