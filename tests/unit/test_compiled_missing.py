"""Without the package of compiled models their cards are refused by name, with what to install."""

import pytest

import circuitnn as cn
from circuitnn.cli.main import main
from circuitnn.devices import compiled
from circuitnn.errors import DeviceError

DECK = "t\nvd d 0 1\nm1 d d 0 0 n w=1u l=1u\n.model n nmos level={level} tox=7n\n.op\n.end\n"


@pytest.fixture
def nothing_installed(monkeypatch):
    monkeypatch.setattr(compiled, "PACKAGE", "no_such_package_of_models")
    compiled.folder.cache_clear()
    compiled.compiled_device.cache_clear()
    yield
    monkeypatch.undo()
    compiled.folder.cache_clear()
    compiled.compiled_device.cache_clear()


@pytest.mark.parametrize(("level", "name"), [(8, "BSIM3v3"), (49, "BSIM3v3"), (14, "BSIM4"), (54, "BSIM4"), (9, "MOS")])
def test_the_extra_is_named(nothing_installed, level, name):
    with pytest.raises(DeviceError, match=name) as caught:
        cn.parse(DECK.format(level=level)).run()
    assert caught.value.place.line == 4
    assert "circuitnn[compact]" in caught.value.hint


def test_devices_are_listed(nothing_installed, capsys):
    with pytest.raises(SystemExit) as end:
        main(["devices"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert "bsim4v8" in out
    assert "not installed" in out


def test_levels_that_nobody_has():
    with pytest.raises(cn.errors.CircuitError, match="level 73, HiSIM_HV, which is not built in"):
        cn.parse(DECK.format(level=73)).run()


def test_no_deck_names_a_library(tmp_path):
    """Native code comes from the package alone: a file of a deck's own choice is no model."""
    (tmp_path / "evil.osdi").write_bytes(b"\x7fELF")
    with pytest.raises(cn.errors.CircuitnnError):
        cn.parse(f"t\nm1 a a 0 0 n\nv1 a 0 1\n.model n {tmp_path}/evil.osdi level=8\n.op\n.end\n").run()
