import pytest

from circuitnn.errors import CircuitnnError, UsageError
from circuitnn.registry import Catalog, catalog


def test_analyses_are_found_by_their_files():
    assert {"op", "dc", "ac", "tran"} <= set(catalog("analyses").names())
    assert catalog("analyses").get("op").name == "op"


def test_an_unknown_name_gets_the_nearest_known_one():
    with pytest.raises(UsageError, match="did you mean 'tran'"):
        catalog("analyses").get("trna")


def make_package(folder, name, modules):
    package = folder / name
    for path, text in modules.items():
        file = package / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return package


def test_a_dropped_file_registers_itself(tmp_path, monkeypatch):
    make_package(tmp_path, "cnn_probe_a", {"__init__.py": "", "sub/__init__.py": "", "sub/thing.py": "EXPORT = 42\n"})
    monkeypatch.syspath_prepend(tmp_path)
    found = Catalog("cnn_probe_a", "thing")
    assert found.names() == ["thing"]
    assert found.get("thing") == 42


def test_two_files_of_one_name_are_refused(tmp_path, monkeypatch):
    make_package(
        tmp_path,
        "cnn_probe_b",
        {
            "__init__.py": "",
            "x/__init__.py": "",
            "y/__init__.py": "",
            "x/same.py": "EXPORT = 1",
            "y/same.py": "EXPORT = 2",
        },
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CircuitnnError, match="two files"):
        Catalog("cnn_probe_b", "thing").names()


def test_a_registered_name_cannot_hide_a_file():
    with pytest.raises(UsageError, match="exists already"):
        catalog("analyses").register("op", object())
