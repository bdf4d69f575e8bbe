"""Results: names as SPICE users write them, files whole or refused, frames and plots."""

import builtins
import json

import h5py
import matplotlib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circuitnn.errors import AnalysisError, FileError, MissingExtraError, UsageError
from circuitnn.results.hdf5 import read_hdf5
from circuitnn.results.rawfile import read_raw, write_raw
from circuitnn.results.result import Result, Variable
from circuitnn.results.results import Results

matplotlib.use("Agg")


def make(kind):
    rng = np.random.default_rng(7)
    names = [Variable("v(a)", "voltage"), Variable("v(x1.out)", "voltage"), Variable("i(v1)", "current")]
    axis = {
        "tran": Variable("time", "time"),
        "ac": Variable("frequency", "frequency"),
        "dc": Variable("v(v-sweep)", "voltage"),
    }
    if kind == "op":
        return Result("op1", "op", "a title", names, rng.normal(size=(1, 3)), {"iterations": 4}, ".op")
    values = np.column_stack([np.linspace(1.0, 2.0, 5), rng.normal(size=(5, 4))])
    if kind == "ac":
        values[:, 0] = np.geomspace(10.0, 1e5, 5)
        values = values + 1j * np.column_stack([np.zeros(5), rng.normal(size=(5, 4))])
    return Result(
        "x", kind, "a title", [axis[kind], *names, Variable("@n1[w]", "state")], values, {"steps": 5}, f".{kind}"
    )


@pytest.fixture
def everything():
    results = Results([make("op"), make("tran"), make("tran"), make("ac"), make("dc")])
    results.measures["delay"] = 1.5e-9
    results.warnings.append("node q floats")
    return results


@pytest.mark.parametrize("name", ["v(x1.out)", "V(X1.OUT)", " v( x1.out ) ", "x1.out"])
def test_names_of_voltages(name):
    r = make("tran")
    assert np.array_equal(r[name], r.data[:, 2])
    assert name in r


def test_names_of_currents_states_differences_and_ground():
    r = make("tran")
    assert np.array_equal(r["i(v1)"], r["V1#branch"])
    assert np.array_equal(r["@n1[w]"], r["i(@N1[W])"])
    assert np.array_equal(r["v(a, x1.out)"], r["a"] - r["x1.out"])
    assert np.array_equal(r["v(0,a)"], -r["a"])
    assert not r["v(0)"].any() and not r["gnd"].any()
    assert np.array_equal(r["time"], r.time)
    assert np.array_equal(r.axis, r.time)
    assert isinstance(make("op")["v(a)"], np.float64)


def test_parts_of_complex_voltages():
    r = make("ac")
    z = r["v(a)"]
    assert r.frequency.dtype == np.float64 == r["frequency"].dtype
    np.testing.assert_array_equal(r["vm(a)"], np.abs(z))
    np.testing.assert_array_equal(r["vp(a)"], np.angle(z))  # radians, as ngspice prints them
    np.testing.assert_array_equal(r["vdb(a)"], 20 * np.log10(np.abs(z)))
    np.testing.assert_array_equal(r["vr(a)"] + 1j * r["vi(a)"], z)
    np.testing.assert_array_equal(r["vm(a,x1.out)"], np.abs(z - r["x1.out"]))
    np.testing.assert_array_equal(r["im(v1)"], np.abs(r["i(v1)"]))
    assert r["vdb(0)"][0] == -np.inf


@pytest.mark.parametrize("name", ["v(xx1.out)", "v(a,nosuch)", "vm(a)", "i(r1)", "", "v(", "nosuch", "v()"])
def test_unknown_names_are_refused(name):
    assert name not in make("tran")
    with pytest.raises(AnalysisError, match="has no variable"):
        make("tran")[name]


def test_the_nearest_name_is_offered():
    with pytest.raises(AnalysisError) as caught:
        make("tran")["v(x1.uot)"]
    assert caught.value.hint == "did you mean 'v(x1.out)'?"


def test_axes_that_are_not_there():
    with pytest.raises(AnalysisError, match="no time"):
        _ = make("ac").time
    with pytest.raises(AnalysisError, match="no frequency"):
        _ = make("tran").frequency
    with pytest.raises(AnalysisError, match="has no axis"):
        _ = make("op").axis


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        ("nosuch", [[1.0]], "kind"),
        ("op", [[1.0], [2.0]], "2 points"),
        ("dc", [[1.0, 2.0]], "shape"),
        ("dc", [1.0], "shape"),
    ],
)
def test_ill_fitting_data_are_refused(kind, data, message):
    with pytest.raises(UsageError, match=message):
        Result("x", kind, "t", [Variable("v(a)", "voltage")], data)


@pytest.mark.parametrize(("name", "kind"), [("", "voltage"), ("v(a b)", "voltage"), ("v(a)", "volts")])
def test_ill_formed_variables_are_refused(name, kind):
    with pytest.raises(UsageError):
        Variable(name, kind)


def test_results_by_name_and_kind(everything):
    assert list(everything) == ["op1", "tran1", "tran2", "ac1", "dc1"]
    assert everything.tran is everything["tran1"] is everything["TRAN"]
    assert "tran2" in everything and "dc" in everything and "noise" not in everything
    assert everything["tran2"].name == "tran2"
    assert len(everything) == 5
    assert everything.get("noise") is None and everything.get("op1") is everything.op
    with pytest.raises(AnalysisError, match="'tran3'"):
        everything["tran3"]
    with pytest.raises(AnalysisError, match="no ac result"):
        _ = Results([make("op")]).ac


def same(one, other, kinds=True):
    assert list(one) == list(other)
    for name in one:
        a, b = one[name], other[name]
        assert (a.kind, a.title) == (b.kind, b.title)
        assert a.keys() == b.keys()
        assert a.data.dtype == b.data.dtype
        assert np.array_equal(a.data, b.data)
        if kinds:
            assert a.command == b.command
            assert a.variables == b.variables


def test_hdf5_round_trip(tmp_path, everything):
    everything.add(
        Result("", "dc", "t", [Variable("v(v-sweep)", "voltage")], [[0], [1], [0], [1]], sweeps={"x/v2": [5, 6]})
    )
    everything.save(tmp_path / "all.h5")
    back = read_hdf5(tmp_path / "all.h5")
    same(everything, back)
    assert back.measures == everything.measures
    assert back.warnings == everything.warnings
    assert back.tran.statistics == {"steps": 5}
    assert back["dc2"].sweeps["x/v2"].tolist() == [5.0, 6.0]


@pytest.mark.parametrize("text", [False, True])
def test_raw_round_trip_is_exact(tmp_path, everything, text):
    write_raw(tmp_path / "all.raw", everything, ascii=text)
    same(everything, read_raw(tmp_path / "all.raw"), kinds=False)  # which has no type for states, and no card


@pytest.mark.parametrize("text", [False, True])
def test_every_truncation_of_a_raw_file_is_refused(tmp_path, text):
    write_raw(tmp_path / "a.raw", Results([make("op"), make("ac")]), ascii=text)
    whole = (tmp_path / "a.raw").read_bytes()
    # A file that ends with a whole plot is whole; text may also lose the blanks after its last digit, or that digit.
    first = whole.index(b"Title:", 10)
    tail = len(whole.rstrip()) - (1 if text else 0)
    for cut in range(0, len(whole), 7):
        (tmp_path / "cut.raw").write_bytes(whole[:cut])
        if first - 25 <= cut <= first or cut >= tail - 24:
            continue
        with pytest.raises(FileError):
            read_raw(tmp_path / "cut.raw")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"\0" * 100,
        b"Title: x\n\0\0\n",
        b"hello world\n",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        "Title: x\n".encode("utf-16"),
        b"T\0i\0t\0l\0e\0",
        b"x" * 200_000,
        b"Title: x\nNo. Variables: 99999999999\nNo. Points: 1\nVariables:\n",
        b"Title: x\nNo. Variables: -1\nNo. Points: 1\nVariables:\nBinary:\n",
        b"Title: x\nNo. Variables: 1\nNo. Points: 1\nVariables:\n\t0\tv(a)\nBinary:\n" + b"\0" * 8,
        b"Title: x\nNo. Variables: 0\nNo. Points: 1\nVariables:\nBinary:\n",
        b"Title: x\nNo. Points: 1\nBinary:\n",
        b"Title: x\nNo. Variables: 1\nNo. Points: 1\nVariables:\n\t0\tv(a)\tvoltage\nValues:\n 0\tabc\n",
        b"Title: x\nFlags: real fastaccess\nNo. Variables: 1\nNo. Points: 1\nVariables:\n\t0\ta\tb\nBinary:\n12345678",
        b"Title: x\nNo. Variables: 1\nNo. Points: 1\nVariables:\n\t0\tv(a)\tvoltage\nBinary:\n12345678trailing",
    ],
)
def test_foreign_files_are_refused(tmp_path, content):
    (tmp_path / "a.raw").write_bytes(content)
    with pytest.raises(FileError):
        read_raw(tmp_path / "a.raw")
    with pytest.raises(FileError):
        read_hdf5(tmp_path / "a.raw")


@given(st.integers(0, 10_000), st.integers(0, 255), st.booleans())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_byte_gives_a_result_or_a_file_error(tmp_path, where, byte, text):
    path = tmp_path / f"a{text:d}.raw"
    if not path.exists():
        write_raw(path, Results([make("op"), make("ac")]), ascii=text)
    whole = bytearray(path.read_bytes())
    whole[where % len(whole)] = byte
    (tmp_path / "bad.raw").write_bytes(whole)
    try:
        read_raw(tmp_path / "bad.raw")
    except FileError as error:
        assert "bad.raw" in str(error)


@pytest.mark.parametrize("reader", [read_raw, read_hdf5])
@pytest.mark.parametrize("name", ["none.raw", "a\0b", "."])
def test_unreadable_paths(tmp_path, reader, name):
    with pytest.raises(FileError):
        reader(f"{tmp_path}/{name}")


def test_hdf5_has_checksums(tmp_path, everything):
    """Byte 8 is the version of the layout: from 2 on the library finds damage by itself."""
    everything.save(tmp_path / "a.h5")
    assert (tmp_path / "a.h5").read_bytes()[8] >= 2


def test_hdf5_damage_and_versions(tmp_path, everything):
    path = tmp_path / "a.h5"
    everything.save(path)
    whole = path.read_bytes()
    for cut in (8, 100, len(whole) // 2, len(whole) - 10):
        (tmp_path / "cut.h5").write_bytes(whole[:cut])
        with pytest.raises(FileError):
            read_hdf5(tmp_path / "cut.h5")
    for damage in (
        lambda f: f.attrs.update(version=99),
        lambda f: f.attrs.update(format="other"),
        lambda f: f.attrs.update(measures="{"),
        lambda f: f["tran1"].attrs.update(kind="nosuch"),
        lambda f: f["tran1"].attrs.update(statistics=json.dumps([1])),
        lambda f: f["tran1"].__delitem__("data"),
        lambda f: f["tran1"].__delitem__("variables"),
        lambda f: f.create_dataset("stray", data=[1.0]),
    ):
        path.write_bytes(whole)
        with h5py.File(path, "r+") as file:
            damage(file)
        with pytest.raises(FileError):
            read_hdf5(path)


def test_save_refuses_unknown_formats_and_nothing(tmp_path):
    for act in (Results([make("op")]).save, Results.load):
        with pytest.raises(UsageError, match=r"a\.txt"):
            act(tmp_path / "a.txt")
    with pytest.raises(UsageError, match="no results"):
        Results().save(tmp_path / "a.raw")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["raw", "h5"])
def test_a_failed_write_leaves_the_old_file_alone(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_text("old")

    class Broken(Results):
        def values(self):
            yield self["op1"]
            raise OSError("disk full")

        def items(self):
            yield "op1", self["op1"]
            raise OSError("disk full")

    with pytest.raises(FileError, match="disk full"):
        Broken([make("op")]).save(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_save_into_a_missing_folder_or_over_a_folder(tmp_path):
    (tmp_path / "d.raw").mkdir()
    for path in (tmp_path / "none" / "a.raw", tmp_path / "d.raw", tmp_path / "a\0.raw"):
        with pytest.raises(FileError):
            Results([make("op")]).save(path)


def test_pandas():
    pytest.importorskip("pandas")
    frame = make("tran").to_pandas()
    assert frame.index.name == "time"
    assert list(frame.columns) == ["v(a)", "v(x1.out)", "i(v1)", "@n1[w]"]
    assert np.array_equal(frame["v(a)"].to_numpy(), make("tran")["a"])
    assert make("op").to_pandas().shape == (1, 3)


def test_xarray():
    pytest.importorskip("xarray")
    data = make("ac").to_xarray()
    assert data["v(a)"].dims == ("frequency",)
    assert data["v(a)"].attrs["units"] == "V"
    assert data["frequency"].attrs["units"] == "Hz"
    assert float(make("op").to_xarray()["v(a)"]) == make("op")["a"]
    nested = Result(
        "dc1",
        "dc",
        "t",
        [Variable("v(v-sweep)", "voltage"), Variable("v(o)", "voltage")],
        [[0, 1], [1, 2], [0, 3], [1, 4], [0, 5], [1, 6]],
        sweeps={"v2": [7, 8, 9]},
    )
    grid = nested.to_xarray()
    assert grid["v(o)"].dims == ("v2", "v(v-sweep)")
    assert float(grid["v(o)"].sel({"v2": 9, "v(v-sweep)": 1})) == 6.0
    with pytest.raises(AnalysisError, match="grid"):
        Result("dc1", "dc", "t", nested.variables, nested.data[:5], sweeps=nested.sweeps).grid("o")


@pytest.mark.parametrize(("library", "method"), [("pandas", "to_pandas"), ("xarray", "to_xarray")])
def test_absent_extras_are_named(monkeypatch, library, method):
    real = builtins.__import__

    def absent(name, *rest, **keywords):
        if name == library:
            raise ImportError(name)
        return real(name, *rest, **keywords)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingExtraError, match=library) as caught:
        getattr(make("tran"), method)()
    assert "circuitnn[frames]" in caught.value.hint


@pytest.mark.parametrize("kind", ["op", "tran", "ac", "dc"])
def test_csv_round_trip_is_exact(tmp_path, kind):
    result = make(kind)
    result.save(tmp_path / "a.csv")
    (back,) = Results.load(tmp_path / "a.csv").values()
    assert (back.kind, back.keys()) == (kind, result.keys())
    assert back.data.dtype == result.data.dtype
    assert np.array_equal(back.data, result.data)
    assert [v.kind for v in back.variables[1:]] == [v.kind for v in result.variables[1:]]


def test_csv_of_several_analyses_is_a_file_each(tmp_path, everything):
    everything.save(tmp_path / "a.csv")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "a.ac1.csv", "a.dc1.csv", "a.op1.csv", "a.tran1.csv", "a.tran2.csv",
    ]  # fmt: skip
    assert (tmp_path / "a.ac1.csv").read_text().startswith("frequency,real(v(a)),imag(v(a)),real(v(x1.out))")
    pd = pytest.importorskip("pandas")
    frame = pd.read_csv(tmp_path / "a.tran1.csv")
    np.testing.assert_allclose(frame["v(a)"], everything.tran["v(a)"], rtol=1e-15)  # readers of their own may round


def test_csv_of_steps_is_one_table(tmp_path):
    results = Results()
    for r in (1e3, 2e3):
        one = make("tran")
        one.step = {"r": r, "temp": 27.0}
        results.add(one)
    results.save(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().startswith("r,temp,time,v(a)")
    back = Results.load(tmp_path / "a.csv")
    assert [r.step for r in back.values()] == [{"r": 1e3, "temp": 27.0}, {"r": 2e3, "temp": 27.0}]
    assert all(np.array_equal(r.data, make("tran").data) for r in back.values())


ODD = (
    "v(a,b)",
    "v(a1.word[3,17])",
    "v(r<0>)",
    "v(net-1)",
    "v(\u00fc)",
    "@m.x1.m1[id]",
    "i(v1#x)",
    'v("q")',
    "v(a=b)",
    "v(1e3)",
)


@pytest.mark.parametrize("suffix", ["raw", "h5", "csv"])
def test_odd_names_survive_files(tmp_path, suffix):
    names = [Variable("time", "time"), *(Variable(name, "voltage") for name in ODD)]
    values = np.arange(2.0 * len(names)).reshape(2, -1)
    Result("", "tran", "odd: names", names, values).save(tmp_path / f"a.{suffix}")
    back = Results.load(tmp_path / f"a.{suffix}").tran
    assert back.keys() == ["time", *ODD]
    assert np.array_equal(back.data, values)
    assert all(np.array_equal(back[name], values[:, k]) for k, name in enumerate(ODD, 1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "1,2\n3,4\n",
        "time,v(a)\n0\n",
        "time,v(a)\n0,x\n",
        "time,v(a)\n0,1,2\n",
        "t;v\n1;2\n",
        "\0",
        "a b,\n1,2\n",
    ],
)
def test_tables_that_are_none_are_refused(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(FileError):
        Results.load(tmp_path / "a.csv")


def test_a_table_of_an_instrument(tmp_path):
    (tmp_path / "a.csv").write_bytes("\ufeffTime [s],CH1 (V),CH 2\r\n-1e-6,0.5,1\r\n0,0.25,2\r\n".encode())
    tran = Results.load(tmp_path / "a.csv").tran
    assert tran.keys() == ["time", "ch1", "ch_2"]
    assert tran["ch_2"].tolist() == [1.0, 2.0]


def test_plots_have_units_and_the_right_scales():
    import matplotlib.pyplot as plt

    ax = make("tran").plot("v(a)", "x1.out")
    assert ax.get_xlabel() == "time (s)"
    assert ax.get_ylabel() == "voltage (V)"
    assert [line.get_label() for line in ax.get_lines()] == ["v(a)", "x1.out"]
    assert make("tran").plot("i(v1)").get_ylabel() == "current (A)"
    magnitude, phase = make("ac").plot("a")
    assert magnitude.get_xscale() == "log"
    assert magnitude.get_ylabel() == "magnitude (dB)"
    assert phase.get_ylabel() == "phase (deg)"
    np.testing.assert_allclose(magnitude.get_lines()[0].get_ydata(), make("ac")["vdb(a)"])
    _, mine = plt.subplots()
    assert make("dc").plot("a", ax=mine) is mine
    with pytest.raises(UsageError):
        make("op").plot("a")
    with pytest.raises(AnalysisError):
        make("tran").plot("nosuch")
    plt.close("all")


def test_nested_sweeps_are_drawn_as_separate_curves():
    import matplotlib.pyplot as plt

    axis, out = Variable("v(v-sweep)", "voltage"), Variable("v(o)", "voltage")
    nested = Result("dc1", "dc", "t", [axis, out], [[0, 1], [1, 2], [0, 3], [1, 4]], sweeps={"v2": [0, 1]})
    assert [list(line.get_xdata()) for line in nested.plot("o").get_lines()] == [[0, 1], [0, 1]]
    plt.close("all")
