"""Layout files: whole, readable by others, and refused when anything is wrong with them."""

import hashlib
import json

import h5py
import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import FileError, LayoutError

RNG = np.random.default_rng(9)
NET = [(RNG.normal(size=(6, 5)), RNG.normal(size=5), "tanh"), (RNG.normal(size=(5, 3)), None, "softmax")]


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "net.h5"
    cn.compile(
        NET,
        tile=(4, 6),
        r_wire=1.0,
        dac_bits=8,
        adc_bits=8,
        nonidealities=cn.nonidealities.Variability("g", 0.1),
        seed=2,
    ).save(path)
    return path


def sign(path):
    """Make the checksum right again, as one who edits a file on purpose would."""
    data = path.read_bytes()
    line = b"circuitnn-layout sha256 " + hashlib.sha256(data[512:]).hexdigest().encode() + b"\n"
    path.write_bytes(line.ljust(512, b"\0") + data[512:])


def edit(path, change):
    with h5py.File(path, "r+") as file:
        change(file)
    sign(path)


def test_other_programs_read_it(saved):
    layout = cn.Layout.load(saved)
    with h5py.File(saved) as file:
        assert file.attrs["format"] == "circuitnn-layout"
        assert file.attrs["r_word"] == file.attrs["r_bit"] == 1.0
        np.testing.assert_array_equal(file["matrix1/tile2/G"][()], layout.matrices[0].tiles[1].G)
        np.testing.assert_array_equal(file["node2/weights"][()], NET[1][0])


def test_cells_that_are_their_targets_are_stored_once(saved, tmp_path):
    plain = tmp_path / "plain.h5"
    cn.compile(NET, tile=(4, 6)).save(plain)
    for path, same in ((plain, True), (saved, False)):
        tile = cn.Layout.load(path).matrices[0].tiles[0]
        assert (tile.G is tile.target) == same
        with h5py.File(path) as file:
            assert (file["matrix1/tile1/G"] == file["matrix1/tile1/target"]) == same


def test_hdf5_has_checksums_of_its_own(saved):
    """The library's version of the layout, from 2 on, has them: an edit that is damaged cannot send it in circles."""
    assert saved.read_bytes()[512 + 8] >= 2


def test_an_edit_with_a_right_checksum_is_read(saved):
    edit(saved, lambda f: f.attrs.modify("r_bit", 7.0))
    assert cn.Layout.load(saved).r_bit == 7.0


def test_every_truncation_is_refused(saved):
    data = saved.read_bytes()
    for size in [0, 1, 23, 100, 511, 512, 513, 1000, *range(2000, len(data), 997), len(data) - 1]:
        saved.write_bytes(data[:size])
        with pytest.raises(LayoutError):
            cn.Layout.load(saved)


def test_every_flipped_bit_is_refused(saved):
    data = saved.read_bytes()
    ends = len(b"circuitnn-layout sha256 ") + 64
    rng = np.random.default_rng(0)
    for position in [0, 30, ends, *rng.integers(512, len(data), 300).tolist()]:
        broken = bytearray(data)
        broken[position] ^= 1 << int(rng.integers(8))
        saved.write_bytes(broken)
        with pytest.raises(LayoutError):
            cn.Layout.load(saved)


def test_foreign_files(tmp_path):
    path = tmp_path / "x.h5"
    for data in (b"", b"hello", b"\x89HDF\r\n\x1a\n" + bytes(600), bytes(5000)):
        path.write_bytes(data)
        with pytest.raises(LayoutError, match="is not a layout"):
            cn.Layout.load(path)
    with h5py.File(path, "w") as file:
        file["a"] = np.ones(3)
    with pytest.raises(LayoutError, match="is not a layout"):
        cn.Layout.load(path)


def replace(name, value):
    def change(file):
        attributes = dict(file[name].attrs)
        del file[name]
        file[name] = value
        file[name].attrs.update(attributes)

    return change


def attribute(name, value, where="/"):
    def change(file):
        del file[where].attrs[name]
        if value is not None:
            file[where].attrs[name] = value

    return change


def field(name, value):
    def change(file):
        fields = json.loads(file["node1"].attrs["fields"])
        file["node1"].attrs["fields"] = json.dumps({**fields, name: value})

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (attribute("format", "other"), "not a layout"),
        (attribute("version", 1), "version 1"),
        (attribute("version", None), "not a complete layout"),
        (attribute("tile_cols", 1), "tile is"),
        (attribute("tile_rows", 3), "at most (3, 6)"),
        (attribute("nodes", 3), "not a complete layout"),
        (attribute("nodes", 0), "no layer"),
        (attribute("matrices", 2**60), "not a complete layout"),
        (attribute("g_min", float("nan")), "g_min < g_max"),
        (attribute("g_max", "many"), "siemens"),
        (attribute("r_word", -1.0), "r_word"),
        (attribute("dac_bits", 99), "dac_bits"),
        (attribute("read_voltage", 0.0), "read_voltage"),
        (attribute("nonidealities", "[1]"), "no list of effects"),
        (attribute("nonidealities", "["), "not a complete layout"),
        (attribute("nonidealities", '[{"kind": "rust"}]'), "unknown non-ideality 'rust'"),
        (attribute("nonidealities", '[{"kind": "levels", "count": 1}]'), "'count' of levels is 1"),
        (attribute("seed", -1), "needs a seed"),
        (attribute("temp", -1.0), "temp is -1"),
        (field("activation", "relu6"), "unknown activation 'relu6'"),
        (attribute("fields", "[1]", "node1"), "no object"),
        (field("inputs", ["nowhere"]), "reads 'nowhere'"),
        (field("weight", 1), "not a complete layout"),
        (attribute("kind", "Eval", "node1"), "unknown kind 'Eval'"),
        (attribute("label", "layer 7", "matrix1"), "which the network lacks"),
        (attribute("label", "layer 1", "matrix2"), "gain of layer 1"),
        (attribute("encoding", '{"kind": "morse"}', "matrix1"), "unknown encoding 'morse'"),
        (attribute("encoding", '"sliced"', "matrix1"), "tile is"),
        (replace("matrix1/tile1/inputs", np.array([0, 1, 2, 2])), "no lines of the matrix"),
        (replace("matrix1/tile1/inputs", np.array([0, 1, 2, 6])), "no lines of the matrix"),
        (replace("matrix1/gain", np.full(5, np.inf)), "gain"),
        (attribute("scale", float("inf"), "matrix1"), "scale is inf"),
        (attribute("x_limit", 0.0, "matrix2"), "x_limit is 0"),
        (attribute("tiles", 99, "matrix1"), "not a complete layout"),
        (attribute("adc_limit", -1.0, "matrix1/tile1"), "adc_limit"),
        (replace("matrix1/tile1/G", np.full((4, 6), -1e-6)), "cell (0, 0)"),
        (replace("matrix1/tile1/G", np.full((4, 6), np.nan)), "cell (0, 0)"),
        (replace("node1/weights", np.full((6, 5), np.nan)), "not finite"),
        (replace("node1/weights", np.ones((6, 5), np.float32)), "float32"),
        (replace("node1/weights", np.ones((7, 5))), "expected"),
        (replace("node1/bias", np.ones(4)), "bias"),
        (replace("node1/bias", "text"), "bias"),
        (lambda f: f.__delitem__("matrix2/tile1"), "not a complete layout"),
        (lambda f: (f.__delitem__("node1/weights"), f.create_group("node1/weights")), "not a complete layout"),
    ],
)
def test_edited_files_are_checked(saved, change, words):
    edit(saved, change)
    with pytest.raises(LayoutError) as caught:
        cn.Layout.load(saved)
    assert words in str(caught.value)
    assert "net.h5" in str(caught.value)


def test_every_weight_is_on_one_tile(saved):
    def fewer(file):
        file["matrix1"].attrs.modify("tiles", 3)

    def none(file):
        file["matrix2"].attrs.modify("tiles", 0)

    def twice(file):
        file["matrix1/tile2/outputs"][...] = file["matrix1/tile1/outputs"][()][:2]

    whole = saved.read_bytes()
    for change, words in (
        (fewer, r"weight \[4, 3\] of layer 1 is on 0 tiles"),
        (none, r"weight \[0, 0\] of layer 2 is on 0 tiles"),
        (twice, r"weight \[0, 0\] of layer 1 is on 2 tiles"),
    ):
        saved.write_bytes(whole)
        edit(saved, change)
        with pytest.raises(LayoutError, match=words):
            cn.Layout.load(saved)


@pytest.mark.parametrize("name", ["matrix1/tile1/G", "matrix1/gain", "node1/weights", "node1", "matrix1/tile1"])
@pytest.mark.parametrize("link", [h5py.ExternalLink("other.h5", "/a"), h5py.SoftLink("/a")])
def test_links_into_other_files_are_refused(saved, name, link):
    with h5py.File(saved.with_name("other.h5"), "w") as file:
        file["a"] = np.ones((4, 6))

    def change(file):
        del file[name]
        file[name] = link

    edit(saved, change)
    with pytest.raises(LayoutError, match="is a link"):
        cn.Layout.load(saved)


def test_a_small_file_cannot_ask_for_terabytes(saved):
    def change(file):
        del file["node1/weights"]
        file.create_dataset("node1/weights", shape=(1 << 20, 1 << 20), dtype="f8", chunks=(64, 64))

    edit(saved, change)
    with pytest.raises(LayoutError, match="weights"):
        cn.Layout.load(saved)


def test_missing_and_unwritable(tmp_path):
    with pytest.raises(FileError, match="cannot read"):
        cn.Layout.load(tmp_path / "none.h5")
    with pytest.raises(FileError):
        cn.Layout.load(tmp_path)
    with pytest.raises(FileError):
        cn.compile(NET).save(tmp_path / "no" / "such.h5")


def test_saving_replaces_whole_and_leaves_nothing_behind(saved):
    cn.compile(NET, r_wire=5.0).save(saved)
    assert cn.Layout.load(saved).r_word == 5.0
    assert [p.name for p in saved.parent.iterdir()] == ["net.h5"]
