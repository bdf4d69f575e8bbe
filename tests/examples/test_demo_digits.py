"""The digits demonstration runs, and its figures are those of the documentation."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.demos.digits import load_digits, run_digits
from circuitnn.errors import FileError


def test_quick_run(tmp_path):
    fractions = []
    report = run_digits(tmp_path / "out", progress=fractions.append, quick=True)
    rows = {row.label: row for row in report.rows}
    floating, ideal = rows["network in double precision"], rows["ideal crossbars"]
    assert floating.accuracy == pytest.approx(100.0 * 349 / 360)  # fixed weights, fixed images
    assert ideal.accuracy == floating.accuracy
    # One image in 360 is 0.28 %; small imperfections may move a few of them, in either direction.
    assert abs(rows["DAC and ADC of 8 bits"].accuracy - floating.accuracy) < 1.0
    assert rows["wires of 20 ohm a segment"].accuracy < floating.accuracy
    noisy = [row for row in report.rows if "conductances off" in row.label]
    assert len(noisy) == 3 and all(row.spread > 0.0 for row in noisy)
    assert noisy[2].accuracy < floating.accuracy
    assert report.nodal_difference < 1e-10  # one linear system, solved twice
    assert fractions == sorted(fractions) and fractions[-1] == 1.0

    assert [path.name for path in report.files] == ["layout.h5", "tile.cir", "digits.png"]
    assert report.files[2].read_bytes().startswith(b"\x89PNG")
    assert report.files[1].read_text().startswith("* crossbar 64 x 32")
    digits = load_digits()
    loaded = cn.Layout.load(report.files[0]).evaluate(digits.x_test, digits.y_test)
    assert 100.0 * loaded.accuracy == rows["wires of 1 ohm a segment"].accuracy


def test_split_holds_out_36_of_each_digit():
    digits = load_digits()
    assert np.bincount(digits.y_test).tolist() == [36] * 10
    assert len(digits.x_train) == 1797 - 360
    assert digits.x_test.min() == 0.0 and digits.x_test.max() == 1.0


def test_prints_nothing_and_refuses_a_file_as_folder(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError):
        run_digits(tmp_path / "file")
    assert capsys.readouterr() == ("", "")
