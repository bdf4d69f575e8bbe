"""A run whose later analysis cannot be done keeps what the earlier ones gave, whatever kind of error ends it."""

import pytest

from circuitnn.cli.main import main
from circuitnn.results.rawfile import read_raw


@pytest.mark.parametrize(
    ("rest", "cards", "words", "kept"),
    [
        ("r2 b 0 1", ".op\n.dc vx 0 1 0.5", "there is no independent source 'vx'", ["op1"]),
        ("c1 b c 1n\nc2 c 0 1n", ".tran 1u 10u uic\n.op", "no path for direct current", ["tran1"]),
    ],
)
def test_results_before_the_bad_card_are_saved(tmp_path, monkeypatch, capsys, rest, cards, words, kept):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.cir").write_text(f"t\nv1 a 0 1\nr1 a b 1\n{rest}\n{cards}\n")
    with pytest.raises(SystemExit) as end:
        main(["run", "d.cir", "-o", "d.raw"])
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert words in err and "wrote d.raw, which holds what was computed" in err
    assert list(read_raw("d.raw")) == kept


def test_a_deck_that_is_wrong_from_the_start_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.cir").write_text("t\nv1 a 0 1\nv2 a 0 2\n.op\n")
    with pytest.raises(SystemExit) as end:
        main(["run", "d.cir", "-o", "d.raw"])
    assert end.value.code == 2
    assert "loop of voltage sources" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["d.cir"]
