"""Matrices of safetensors files on tiles: the numbers of each cell, bounded memory, work that goes on after a kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import FileError, LayoutError, MappingError, UsageError
from circuitnn.mapping import stream
from circuitnn.mapping.tensors import read_tensors
from circuitnn.nonidealities.chain import Chain

LOW, HIGH = 1e-6, 1e-4
OPTIONS = {"tile": (4, 6), "device": (LOW, HIGH)}


def write(path, arrays, dtypes=None):
    """Write a safetensors file from its description, independently of any library."""
    head, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in arrays.items():
        raw = array.tobytes()
        dtype = (dtypes or {}).get(name) or {"<f4": "F32", "<f8": "F64", "<f2": "F16", "<i4": "I32"}[array.dtype.str]
        head[name] = {
            "dtype": dtype,
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(head).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(1)
    return {
        "h.0.weight": rng.normal(size=(10, 7)).astype("<f4"),
        "h.0.bias": rng.normal(size=7).astype("<f4"),
        "out.weight": rng.normal(size=(5, 10)).astype("<f8"),
        "counts": np.arange(6, dtype="<i4").reshape(2, 3),
    }


@pytest.fixture
def source(arrays, tmp_path):
    write(tmp_path / "net.safetensors", arrays)
    return tmp_path / "net.safetensors"


def cells_by_hand(w, largest):
    """Return pairs of conductances as the formula says, in double precision."""
    cells = np.empty((w.shape[0], 2 * w.shape[1]))
    share = w.astype(float) / largest
    cells[:, 0::2] = LOW + (HIGH - LOW) * np.clip(share, 0.0, None)
    cells[:, 1::2] = LOW + (HIGH - LOW) * np.clip(-share, 0.0, None)
    return cells


def test_every_cell_is_what_the_formula_says_and_plain_hdf5_shows_it(source, arrays, tmp_path):
    told = []
    report = cn.compile_weights(
        source, tmp_path / "tiles", transposed="out.*", storage="double", progress=told.append, **OPTIONS
    )
    assert report.plan.tiles == 3 * 3 + 3 * 2 and report.plan.weights == 10 * 7 + 10 * 5
    assert told == sorted(told) and told[-1] == 1.0
    assert report.plan.left_out.keys() == {"h.0.bias", "counts"}
    assert 0.0 < report.seconds_per_tile < 1.0 and 1e7 < report.peak < 1e10
    with h5py.File(tmp_path / "tiles" / "weights.h5") as file:
        assert file.attrs["format"] == "circuitnn-weights" and file.attrs["g_max"] == HIGH
        for number, (name, w) in enumerate((("h.0.weight", arrays["h.0.weight"]), ("out", arrays["out.weight"].T)), 1):
            group = file[f"matrix{number}"]
            assert group.attrs["name"].startswith(name) and group.attrs["tiles"] in (9, 6)
            largest = float(np.abs(w).max())
            # the same operations on the same doubles, but for the order of a product: units in the last place
            np.testing.assert_allclose(group["cells"][()], cells_by_hand(w, largest), rtol=1e-15)
            assert group.attrs["scale"] == pytest.approx(largest / (HIGH - LOW), rel=1e-15)
    x = np.random.default_rng(2).normal(size=(3, 10))
    with cn.TiledWeights(report.folder) as tiles:
        assert tiles.names == ["h.0.weight", "out.weight"] and tiles.shape("out.weight") == (10, 5)
        # rounding of conductances that hold the low end beside the share of the weight
        np.testing.assert_allclose(tiles.multiply("h.0.weight", x), x @ arrays["h.0.weight"], atol=1e-13)
        np.testing.assert_allclose(tiles.multiply("out.weight", x[0]), arrays["out.weight"] @ x[0], atol=1e-13)
        place, g = list(tiles.tiles("h.0.weight"))[-1]
        assert place.inputs.tolist() == [8, 9] and place.outputs.tolist() == [6] and g.shape == (2, 2)
        with pytest.raises(UsageError, match=r"no matrix 'h\.0'"):
            tiles.multiply("h.0", x)
        with pytest.raises(UsageError, match="x has shape"):
            tiles.multiply("h.0.weight", [1.0])


def test_float32_cells_are_right_to_their_precision(source, arrays, tmp_path):
    cn.compile_weights(source, tmp_path / "tiles", "h.0.weight", **OPTIONS)
    w = arrays["h.0.weight"]
    x = np.random.default_rng(2).normal(size=(3, 10))
    with cn.TiledWeights(tmp_path / "tiles") as tiles:
        found = tiles.multiply("h.0.weight", x)
    # each of two cells is off by at most half a unit in the last place of float32, 6e-8 of the largest weight
    assert np.abs(found - x @ w).max() < 2.0 * 6e-8 * np.abs(w).max() * np.abs(x).sum(axis=1).max()
    assert np.abs(found - x @ w).max() > 0.0


@pytest.mark.parametrize("encoding", ["differential", "offset", {"kind": "sliced", "bits": 5, "cell_bits": 2}])
def test_encodings_side_by_side(encoding, source, arrays, tmp_path):
    from circuitnn.mapping.encodings.encoding import encoding_of

    cn.compile_weights(
        source, tmp_path / "t", "h.0.weight", tile=(4, 9), device=(LOW, HIGH), encoding=encoding, storage="double"
    )
    w = arrays["h.0.weight"].astype(float)
    with cn.TiledWeights(tmp_path / "t") as tiles:
        found = tiles.multiply("h.0.weight", np.eye(10))
    expected = encoding_of(encoding).represented(w, float(np.abs(w).max()))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_verified_tiles_tell_what_their_wires_cost(source, arrays, tmp_path):
    report = cn.compile_weights(
        source, tmp_path / "tiles", "h.0.weight", verify=1.0, r_wire=50.0, storage="double", **OPTIONS
    )
    assert [*report.errors] == [("h.0.weight", k) for k in range(1, 10)]
    # tile 5: inputs 4 to 7, outputs 3 to 5, solved by another method: the nodal matrix of its 48 nodes
    w = arrays["h.0.weight"].astype(float)
    largest = np.abs(w).max()
    found = _nodal(cells_by_hand(w[4:8, 3:6], largest), 50.0)
    effective = (found[:, 0::2] - found[:, 1::2]) * largest / (HIGH - LOW)
    expected = np.linalg.norm(effective - w[4:8, 3:6]) / np.linalg.norm(w[4:8, 3:6])
    assert report.errors[("h.0.weight", 5)] == pytest.approx(expected, rel=1e-6) and expected > 1e-3
    assert "9 tiles verified with 50 ohm" in str(report)
    few = cn.compile_weights(source, tmp_path / "few", verify=0.5, seed=1, transposed="out.*", **OPTIONS)
    assert 0 < len(few.errors) < 15 and max(few.errors.values()) < 1e-6  # without wires: float32
    other = cn.compile_weights(source, tmp_path / "other", verify=0.5, seed=2, transposed="out.*", **OPTIONS)
    assert few.errors.keys() != other.errors.keys()


def _nodal(g, r):
    """Return bit-line currents for one volt on each word line: every node's equation, dense."""
    rows, cols = g.shape
    y = np.zeros((2 * rows * cols, 2 * rows * cols))
    drive = np.zeros((2 * rows * cols, rows))

    def join(a, b, value):
        y[a, a] += value
        y[b, b] += value
        y[a, b] -= value
        y[b, a] -= value

    for i in range(rows):
        for j in range(cols):
            word, bit = 2 * (i * cols + j), 2 * (i * cols + j) + 1
            join(word, bit, g[i, j])
            if j:
                join(word, word - 2, 1.0 / r)
            else:
                y[word, word] += 1.0 / r
                drive[word, i] = 1.0 / r
            if i < rows - 1:
                join(bit, bit + 2 * cols, 1.0 / r)
            else:
                y[bit, bit] += 1.0 / r
    voltages = np.linalg.solve(y, drive)
    last = [2 * ((rows - 1) * cols + j) + 1 for j in range(cols)]
    return voltages[last].T / r


def test_programming_is_that_of_each_tile_alone(source, tmp_path):
    """A tile's random numbers follow from its name and the seed, not from the piece in which it was compiled."""
    effects = cn.nonidealities.Variability("g", 0.1)
    cn.compile_weights(source, tmp_path / "a", "h.0.weight", nonidealities=effects, seed=3, storage="double", **OPTIONS)
    with cn.TiledWeights(tmp_path / "a") as tiles:
        _, found = list(tiles.tiles("h.0.weight"))[4]
    w = read_tensors(source)["h.0.weight"]
    weights = w.numbers(w.raw(range(10), range(7)), 10)
    cells = cells_by_hand(weights[4:8, 3:6], float(np.abs(weights).max()))
    alone = Chain.of(effects, 3, "h.0.weight, tile 5", window=(LOW, HIGH)).written(cells)
    assert (found == alone).all() and (found != cells).all()
    with pytest.raises(UsageError, match="seed"):
        cn.compile_weights(source, tmp_path / "b", nonidealities=effects, **OPTIONS)
    with pytest.raises(UsageError, match=r"Complementary\(\) leaves a factor of each output to logic"):
        cn.compile_weights(source, tmp_path / "b", encoding="complementary", **OPTIONS)


def test_tiles_are_those_of_compile(arrays, tmp_path):
    w = arrays["h.0.weight"].astype("<f8")
    effects, options = cn.nonidealities.Variability("g", 0.1), {"encoding": "offset", "seed": 3, **OPTIONS}
    layout = cn.compile([(w, None, "linear")], nonidealities=effects, **options)
    matrix = layout.matrices[0]
    write(tmp_path / "net.safetensors", {matrix.label: w})
    cn.compile_weights(
        tmp_path / "net.safetensors", tmp_path / "tiles", nonidealities=effects, storage="double", **options
    )
    with cn.TiledWeights(tmp_path / "tiles") as tiles:
        for (place, cells), tile in zip(tiles.tiles(matrix.label), matrix.tiles, strict=True):
            assert (place.inputs == tile.place.inputs).all() and (place.outputs == tile.place.outputs).all()
            assert (cells == tile.G).all()


def tree(folder):
    """Return the cells of all parts by file; times differ between runs."""
    found = {}
    for path in sorted(Path(folder).glob("matrix*/part*.h5")):
        with h5py.File(path) as file:
            found[str(path.relative_to(folder))] = file["cells"][()].tobytes(), file["errors"][()].tobytes()
    return found


def test_parts_of_long_bands_processes_and_clusters_give_the_same(source, tmp_path, monkeypatch):
    options = {"transposed": "out.*", "verify": 0.5, "seed": 1, **OPTIONS}
    cn.compile_weights(source, tmp_path / "one", workers=1, **options)
    cn.compile_weights(source, tmp_path / "two", workers=2, **options)
    assert tree(tmp_path / "one") == tree(tmp_path / "two") and len(tree(tmp_path / "one")) == 3 + 2
    monkeypatch.setattr(stream, "_MOST_WEIGHTS", 12)
    cn.compile_weights(source, tmp_path / "tiny", workers=1, **options)
    assert len(tree(tmp_path / "tiny")) == 15
    with cn.TiledWeights(tmp_path / "one") as one, cn.TiledWeights(tmp_path / "tiny") as tiny:
        for name in one.names:
            for (_, a), (_, b) in zip(one.tiles(name), tiny.tiles(name), strict=True):
                assert a.tobytes() == b.tobytes()


def test_a_dask_cluster_gives_the_same(source, tmp_path):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    options = {"transposed": "out.*", "verify": 0.5, "seed": 1, **OPTIONS}
    cn.compile_weights(source, tmp_path / "one", workers=1, **options)
    made = distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, protocol="tcp://", dashboard_address="127.0.0.1:0"
    )
    with made:
        cn.compile_weights(source, tmp_path / "dask", cluster=made.scheduler_address, **options)
    assert tree(tmp_path / "one") == tree(tmp_path / "dask")


# ---------------------------------------------------------------------- going on
def test_finished_parts_are_gone_on_with(source, arrays, tmp_path):
    options = {"transposed": "out.*", "workers": 1, **OPTIONS}

    def stop(part):
        if part > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cn.compile_weights(source, tmp_path / "tiles", progress=stop, **options)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "tiles").glob("matrix*/part*.h5")}
    assert 0 < len(before) < 5
    with pytest.raises(FileError, match="goes on"):
        cn.TiledWeights(tmp_path / "tiles")
    cn.compile_weights(source, tmp_path / "tiles", **options)
    assert all(path.stat().st_mtime_ns == then for path, then in before.items())
    cn.compile_weights(source, tmp_path / "whole", **options)
    assert tree(tmp_path / "tiles") == tree(tmp_path / "whole")
    # other weights, or another way to compile them, do not mix with what is there
    with pytest.raises(UsageError, match="r_wire"):
        cn.compile_weights(source, tmp_path / "tiles", r_wire=1.0, **options)
    changed = {**arrays, "h.0.weight": arrays["h.0.weight"].copy()}
    changed["h.0.weight"][9, 6] += 1e-3
    write(source, changed)
    with pytest.raises(UsageError, match="weights differ"):
        cn.compile_weights(source, tmp_path / "tiles", **options)


def test_a_file_that_changes_meanwhile_is_noticed(source, tmp_path):
    def touch(part):
        os.utime(source, (1.0, 1.0))

    with pytest.raises(FileError, match="has changed meanwhile"):
        cn.compile_weights(source, tmp_path / "tiles", progress=touch, **OPTIONS)
    assert not (tmp_path / "tiles" / "weights.h5").exists()


def test_parts_that_a_worker_wrote_elsewhere_are_missed(source, tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "write_part", lambda *args: None)
    with pytest.raises(FileError, match="all workers need the same folder"):
        cn.compile_weights(source, tmp_path / "tiles", workers=1, **OPTIONS)


def test_a_killed_compilation_goes_on(tmp_path):
    rng, source = np.random.default_rng(3), tmp_path / "net.safetensors"
    write(source, {f"m{k}": rng.normal(size=(128, 512)).astype("<f4") for k in range(4)})
    call = f"cn.compile_weights({str(source)!r}, {str(tmp_path / 'tiles')!r}, tile=(8, 16), workers=1)"
    child = subprocess.Popen([sys.executable, "-c", f"import circuitnn as cn; {call}"], cwd=tmp_path)
    try:
        until = time.monotonic() + 60.0
        while len(list(tmp_path.glob("tiles/matrix*/part*.h5"))) < 10 and time.monotonic() < until:
            time.sleep(0.005)
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.wait()
    left = len(list(tmp_path.glob("tiles/matrix*/part*.h5")))
    assert 10 <= left < 4 * 16 and not (tmp_path / "tiles" / "weights.h5").exists()
    cn.compile_weights(source, tmp_path / "tiles", tile=(8, 16), workers=2)
    cn.compile_weights(source, tmp_path / "whole", tile=(8, 16), workers=1)
    assert tree(tmp_path / "tiles") == tree(tmp_path / "whole") and len(tree(tmp_path / "whole")) == 4 * 16


def test_memory_does_not_grow_with_the_network(tmp_path):
    """84 MB of weights, whose rows of tiles are of 42 MB with cells of 84 MB, in a process that grows by less."""
    tile = np.random.default_rng(4).normal(size=(256, 8192)).astype("<f4")
    write(tmp_path / "net.safetensors", {"m": np.tile(tile, (1, 10))})
    script = (
        "import circuitnn as cn\nfrom circuitnn.results.memory import peak_memory\n"
        "import circuitnn.mapping.stream, h5py\nbefore = peak_memory()\n"
        f"cn.compile_weights({str(tmp_path / 'net.safetensors')!r}, {str(tmp_path / 'tiles')!r}, workers=1)\n"
        "print(peak_memory() - before)\n"
    )
    child = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert sum(path.stat().st_size for path in tmp_path.glob("tiles/matrix*/*.h5")) > 160e6
    if float(child.stdout):
        assert float(child.stdout) < 60e6


# ---------------------------------------------------------------------- bad input
def test_files_of_the_formats_own_library_are_read_alike(tmp_path):
    library = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    rng = np.random.default_rng(5)
    given = {"a": rng.normal(size=(3, 4)).astype(np.float16), "b": rng.normal(size=(2, 5))}
    library.save_file(given, tmp_path / "a.safetensors", metadata={"made": "here"})
    for name, tensor in read_tensors(tmp_path / "a.safetensors").items():
        rows, columns = given[name].shape
        assert (tensor.numbers(tensor.raw(range(rows), range(columns)), rows) == given[name]).all()
        part = tensor.numbers(tensor.raw(range(1, 2), range(1, 3)), 1)
        assert (part == given[name][1:2, 1:3]).all()
    write(tmp_path / "ours.safetensors", {"w": np.ones((2, 3), "<f4")})
    assert (library.load_file(tmp_path / "ours.safetensors")["w"] == 1.0).all()


def test_bfloat16_is_the_upper_half_of_float32(tmp_path):
    values = np.array([[1.0, -2.5], [3.0e-5, -1.0e20]], "<f4")
    upper = (values.view("<u4") >> 16).astype("<u2")
    write(tmp_path / "b.safetensors", {"w": upper}, {"w": "BF16"})
    tensor = read_tensors(tmp_path / "b.safetensors")["w"]
    found = tensor.numbers(tensor.raw(range(2), range(2)), 2)
    assert found.dtype == np.float32 and found[0].tolist() == [1.0, -2.5]
    assert np.abs(found / values - 1.0).max() < 2.0**-7  # eight bits of mantissa


def test_folders_hold_shards(arrays, tmp_path):
    (tmp_path / "net").mkdir()
    write(tmp_path / "net" / "a.safetensors", {"h.0.weight": arrays["h.0.weight"]})
    write(tmp_path / "net" / "b.safetensors", {"out.weight": arrays["out.weight"]})
    assert stream.plan_weights(tmp_path / "net").tiles > 0
    assert [*read_tensors(tmp_path / "net")] == ["h.0.weight", "out.weight"]
    write(tmp_path / "net" / "c.safetensors", {"out.weight": arrays["out.weight"]})
    with pytest.raises(FileError, match=r"both hold 'out\.weight'"):
        read_tensors(tmp_path / "net")
    (tmp_path / "none").mkdir()
    with pytest.raises(FileError, match=r"holds no \.safetensors"):
        read_tensors(tmp_path / "none")


def test_every_truncation_and_many_damages_of_a_header_are_refused_or_harmless(source):
    whole = source.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    for size in [*range(0, start, 7), start, start + 5, len(whole) - 1]:
        source.write_bytes(whole[:size])
        with pytest.raises(FileError):
            read_tensors(source)
    rng = np.random.default_rng(6)
    for position in rng.integers(0, start, 200).tolist():
        broken = bytearray(whole)
        broken[position] ^= 1 << int(rng.integers(8))
        source.write_bytes(broken)
        try:
            found = read_tensors(source)
        except FileError:
            continue
        for tensor in found.values():  # what is still read lies within the file
            if len(tensor.shape) == 2 and tensor.readable:
                tensor.raw(range(tensor.shape[0]), range(tensor.shape[1]))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 12]}, "bytes 0 .. 12"),
        ({"dtype": "F32", "shape": [2, 2], "data_offsets": [8, 24]}, "bytes 8 .. 24"),
        ({"dtype": "F32", "shape": [-2, -2], "data_offsets": [0, 16]}, "shape"),
        ({"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 16]}, "shape"),
        ({"dtype": "F33", "shape": [2, 2], "data_offsets": [0, 16]}, "no dtype"),
        ({"dtype": ["F32"], "shape": [2, 2], "data_offsets": [0, 16]}, "no dtype"),
        ({"dtype": "F32", "shape": 4, "data_offsets": [0, 16]}, "no dtype"),
        ({"dtype": "F32", "shape": [2, 2]}, "no dtype"),
        ([1, 2], "no dtype"),
    ],
)
def test_bad_headers(entry, message, tmp_path):
    text = json.dumps({"w": entry}).encode()
    (tmp_path / "w.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(16))
    with pytest.raises(FileError, match=message):
        read_tensors(tmp_path / "w.safetensors")


def test_names_that_stand_twice_and_headers_that_are_no_objects(tmp_path):
    one = '"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}'
    for text in ("{" + one + ", " + one + "}", "[1]", "[" * 100_000, "nul"):
        raw = text.encode()
        (tmp_path / "w.safetensors").write_bytes(len(raw).to_bytes(8, "little") + raw + bytes(16))
        with pytest.raises(FileError):
            read_tensors(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"matrices": "h.1*"}, UsageError, r"no tensor is called 'h\.1\*'"),
        ({"matrices": ["h.0.bias"]}, UsageError, "'h.0.bias' cannot be compiled: of shape"),
        ({"matrices": ["counts"]}, UsageError, "of type I32"),
        ({"matrices": ["count*"]}, MappingError, "no matrix to compile"),
        ({"matrices": 3}, UsageError, "matrices are 3"),
        ({"transposed": [3]}, UsageError, "transposed are"),
        ({"transposed": "x"}, UsageError, "no matrix is called 'x'"),
        ({"storage": "half"}, UsageError, "storage"),
        ({"verify": 2}, UsageError, "verify"),
        ({"nonidealities": cn.nonidealities.ReadNoise(0.1), "seed": 1}, UsageError, "acts on reads"),
        ({"seed": -1}, UsageError, "seed"),
        ({"tile": (4, 1)}, UsageError, "tile"),
        ({"r_wire": -1.0}, cn.CircuitnnError, "r_wire"),
        ({"workers": 0}, UsageError, "workers"),
        ({"cluster": "x"}, UsageError, "cluster"),
    ],
)
def test_bad_requests(options, error, message, source, tmp_path):
    with pytest.raises(error, match=message):
        cn.compile_weights(source, tmp_path / "tiles", **{**OPTIONS, **options})


def test_weights_that_are_no_numbers_are_located(arrays, tmp_path):
    bad = {"h.0.weight": arrays["h.0.weight"].copy(), "out.weight": arrays["out.weight"].copy()}
    bad["out.weight"][3, 7] = np.inf
    write(tmp_path / "net.safetensors", bad)
    with pytest.raises(MappingError, match=r"out\.weight: the weight of input 7 and output 3 is inf"):
        cn.compile_weights(tmp_path / "net.safetensors", tmp_path / "tiles", transposed="out.*", **OPTIONS)


def test_damaged_folders(source, tmp_path, monkeypatch):
    folder = tmp_path / "tiles"
    cn.compile_weights(source, folder, "h.0.weight", **OPTIONS)
    part = sorted(folder.glob("matrix1/part*.h5"))[1]
    whole = part.read_bytes()
    at = whole.rfind(np.float32(LOW).tobytes())  # a cell without weight, in a chunk with a checksum
    part.write_bytes(whole[:at] + b"\x01" + whole[at + 1 :])
    with cn.TiledWeights(folder) as tiles, pytest.raises(FileError, match="cannot be read"):
        tiles.multiply("h.0.weight", np.ones(10))
    part.unlink()
    with cn.TiledWeights(folder) as tiles, pytest.raises(FileError, match="is missing"):
        tiles.multiply("h.0.weight", np.ones(10))
    part.write_bytes(b"damaged")
    with pytest.raises(FileError, match="delete it"):
        cn.compile_weights(source, folder, "h.0.weight", **OPTIONS)
    part.unlink()
    cn.compile_weights(source, folder, "h.0.weight", **OPTIONS)
    (folder / "weights.h5").write_bytes(b"foreign")
    with pytest.raises(LayoutError, match="no index of tiles"):
        cn.TiledWeights(folder)
    monkeypatch.setattr(stream.shutil, "disk_usage", lambda path: os.statvfs_result and type("U", (), {"free": 10})())
    with pytest.raises(FileError, match="GB left"):
        cn.compile_weights(source, tmp_path / "full", **OPTIONS)


def test_a_process_that_cannot_write_says_so(source, tmp_path):
    folder = tmp_path / "tiles"
    with pytest.raises(KeyboardInterrupt):
        cn.compile_weights(source, folder, progress=_stop_early, **OPTIONS)
    shutil.rmtree(folder / "matrix1")
    (folder / "matrix1").write_text("in the way")
    with pytest.raises(FileError, match="matrix1"):
        cn.compile_weights(source, folder, **OPTIONS)


def _stop_early(part):
    if part > 0.05:
        raise KeyboardInterrupt


# ---------------------------------------------------------------------- command line
def test_the_command(source, tmp_path, monkeypatch, capsys):
    from circuitnn.cli.main import main

    def run(*words):
        with pytest.raises(SystemExit) as left:
            main(["weights", *words])
        return left.value.code or 0, capsys.readouterr()

    words = (str(source), "--tile", "4x6", "--transposed", "out.*", "--r-wire", "1")
    code, said = run(*words, "--plan")
    assert code == 0 and "120 weights of 2 matrices on 15 tiles, 240 cells" in said.out and "ms a tile" in said.out
    code, said = run(*words, "-o", str(tmp_path / "t"), "--verify", "1", "--workers", "1")
    assert code == 0 and "15 tiles verified with 1 ohm a segment" in said.out and "weights.h5" in said.err
    assert run(*words, "-o", str(tmp_path / "t"), "--verify", "1")[0] == 0
    assert run(*words)[0] == 2
    assert run(*words, "-o", str(tmp_path / "t"), "--tile", "8x8")[0] == 2
    assert run(str(tmp_path / "absent.safetensors"), "--plan")[0] == 2

    with pytest.raises(SystemExit) as left:
        main(["compile", str(source), "-o", str(tmp_path / "v")])
    assert left.value.code == 2 and "circuitnn weights" in capsys.readouterr().err

    def interrupted(*args, **keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr(stream, "compile_weights", interrupted)
    code, said = run(*words, "-o", str(tmp_path / "u"))
    assert code == 130 and "the same command goes on" in said.err
