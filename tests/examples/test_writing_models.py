"""What docs/writing_models.md shows runs."""

import re
from pathlib import Path

import pytest

import circuitnn as cn
from circuitnn.registry import catalog

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "writing_models.md").read_text(encoding="utf-8")


@pytest.fixture
def clean_catalog(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    known = set(catalog("devices")._objects)
    yield
    for name in set(catalog("devices")._objects) - known:
        del catalog("devices")._objects[name]


def test_the_deck(clean_catalog):
    (deck, *_) = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
    op = cn.parse(f"t\n{deck}v1 a 0 1\n.op\n").run().op
    assert float(op["i(v1)"]) == pytest.approx(-1 / (120 * 0.1 + 16e3 * 0.9), rel=1e-9, abs=0.0)


def test_the_classes(clean_catalog, capsys):
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict = {"__name__": "shown"}
    exec("\n".join(blocks), names)
    assert float(capsys.readouterr().out) == pytest.approx(-0.01, rel=1e-9)
    cn.register(names["Gated"])


def test_the_messages(clean_catalog):
    deck = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)[0]
    for old, new, message in (
        ("v(p,n)/r\nrate", "v(p,n)*r\nrate", "the current p n: r*(-v(n) + v(p)) is in V^2/A, where A belongs"),
        ("rate x =", "* rate x =", "the state 'x' has no rate"),
        ("rate x =", "rate x = 1/(x - 0.5) *", "the rate x: 1/(x - 0.5) is infinite at x = 0.5"),
        ("let r = ron", "let r = rom", "'rom' is nothing of 'drift'"),
        ("rate x =", "rate x = sqrt(x) *", "its derivative by x is infinite: (x)^(-1/2) has no value at x = 0"),
    ):
        (error,) = cn.check(text=f"t\n{deck.replace(old, new)}v1 a 0 1\n.op\n").errors
        assert message in error.message and message in TEXT
