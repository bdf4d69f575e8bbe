"""The code in README's companions runs as printed, in the order of the page."""

import re
from pathlib import Path

import numpy as np
import pytest

import circuitnn as cn

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "docs/quickstart.md",
    "docs/python.md",
    "docs/crossbar.md",
    "docs/compile.md",
    "docs/programming.md",
    "docs/importing.md",
    "docs/periphery.md",
    "docs/physical_layout.md",
    "docs/cost.md",
    "docs/rf_networks.md",
    "docs/spintronic_oscillators.md",
    "docs/memristors.md",
    "docs/memories.md",
    "docs/spintronics.md",
    "docs/statistics.md",
    "docs/fitting.md",
    "docs/nonidealities.md",
    "docs/rf_spectra.md",
    "docs/rf_analyses.md",
    "docs/oscillators.md",
    "docs/scale_out.md",
    "docs/learning_equilibrium.md",
)


def blocks(page, language):
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run_page(page, names):
    code = blocks(page, "python")
    assert code
    for k, block in enumerate(code):
        exec(compile(block, f"{page}, block {k + 1}", "exec"), names)
    return names


@pytest.mark.parametrize("page", PAGES)
def test_page(page, tmp_path, monkeypatch):
    if page.endswith("scale_out.md"):
        pytest.importorskip("distributed", reason="Dask is not installed")
    if page.endswith("importing.md"):
        pytest.importorskip("onnx")
        pytest.importorskip("nir")
    monkeypatch.chdir(tmp_path)
    if page.endswith("physical_layout.md"):
        pytest.importorskip("gdstk", reason="layouts are written by gdstk")
        pytest.importorskip("klayout.db", reason="layouts are checked by klayout")
    names = {}
    (tmp_path / "netlists").symlink_to(ROOT / "netlists")
    if page.endswith("quickstart.md"):
        (tmp_path / "lowpass.cir").write_text(blocks(page, "text")[0], encoding="utf-8")
        rng = np.random.default_rng(1)
        names = {"w1": rng.standard_normal((4, 3)), "b1": np.zeros(3), "w2": rng.standard_normal((3, 2))}
        names |= {"b2": np.zeros(2), "x_test": rng.random((5, 4)), "y_test": np.array([0, 1, 0, 1, 1])}
    run_page(page, names)


def test_low_pass_of_the_quick_start_is_one():
    results = cn.parse(blocks("docs/quickstart.md", "text")[0]).run()
    gain = np.abs(results.ac["v(out)"])
    pole = 1.0 / (2.0 * np.pi * 1e3 * 100e-9)
    np.testing.assert_allclose(gain, 1.0 / np.hypot(1.0, results.ac.frequency / pole), rtol=1e-9)


def test_circuits_in_python_are_what_the_page_says():
    names = run_page("docs/python.md", {})
    found = [float(names["found"][f"v({node})"]) for node in "cdef"]
    assert found == pytest.approx([6.0, 5.0, 0.014, 5.0], abs=1e-9)
    # ln 2 of the time constant, and half of the edge of 1 ns; the tolerance is that of the run
    assert names["half"] == pytest.approx(1e-4 * np.log(2.0) + 0.5e-9, rel=2e-3)
    # three sections of 2k and 4k: the ladder's matrix by hand
    assert names["ladder"].op()["v(n3)"] == pytest.approx(8 / 43, rel=1e-9)
    # in two stages the dc voltage passes
    assert names["stages"].op()["v(c)"] == pytest.approx(1.0, abs=1e-9)
    # 16k dx - 15.9k x dx = 1e4 * 0.5 V dt from x = 0.5; of the change of 0.066, reltol of 1e-3
    end = np.roots([-15.9e3 / 2, 16e3, 15.9e3 / 8 - 16e3 / 2 - 500.0]).min()
    assert names["x"] == pytest.approx(end, abs=7e-5) and names["same"] == pytest.approx(end, abs=7e-5)
    # 2k over 6k beside 10k
    assert names["hand"].op()["v(b)"] == pytest.approx(3.75 / 5.75, rel=1e-9)
    assert names["gain"] == pytest.approx(1.0, abs=1e-9)
    assert len(names["swept"].steps) == 6
    assert "'r9' is neither an argument nor an element" in names["said"]


def test_device_of_the_contributors_page(capsys):
    names = run_page("CONTRIBUTING.md", {"__name__": "contributors_page"})
    # closed form in the text; reltol of 1e-3 of the change of 2005 ohm
    assert names["tran"]["@n1[x]"][-1] == pytest.approx(7005.0, abs=2.0)
    assert float(capsys.readouterr().out) == names["tran"]["@n1[x]"][-1]


def test_memories_are_what_the_page_says(monkeypatch):
    monkeypatch.chdir(ROOT)
    names = run_page("docs/memories.md", {})
    assert len(names["levels"]) == 20 and np.all(np.diff(names["levels"]) < 0)
    # 10 kohm times 201 for glass at 27 degrees; fresh, 0.1 V of 0.19 V z / sinh z = 0.955, transistor of 200 ohm
    assert names["resistance"] == pytest.approx(2e6, rel=0.1)
    # where both conduct 10 nA, one has crossed its threshold 1 V before
    window = [np.interp(np.log(1e-8), np.log(-i), np.linspace(-0.5, 1.5, 201)) for i in (names["low"], names["high"])]
    assert window[1] - window[0] == pytest.approx(1.0, abs=0.02)


def test_memristors_are_what_the_page_says():
    names = run_page("docs/memristors.md", {})
    # 17 ns at 1 V, two digits; at 20 degC and without v_flat it is 22.1 ns, tests/analytic/test_memristor_models.py
    assert names["set_time"] == pytest.approx(17e-9, rel=0.05)
    # columns alike, and half of the lines driven
    assert np.ptp(names["currents"]) < 0.02 * names["currents"].max()
    op = cn.parse(blocks("docs/memristors.md", "text")[0]).run().op
    # vteam a third of the way from 10 k to 100 k is 40 k; beside it a positive current of the JART cell
    assert -op["i(v1)"] > 0.1 / 40e3 and op["@n1[w]"] == pytest.approx(1e-9, rel=1e-6, abs=0.0)


def test_device_in_a_deck_of_the_quick_start():
    tran = cn.parse(blocks("docs/quickstart.md", "text")[1]).run().tran
    # dx/dt = v/(v0 tau) is a charge of flux: the pulse's area over both, edges included; reltol of 1e-3
    assert tran["@n1[x]"][-1] == pytest.approx(0.5 * (1e-6 + 1e-9) / 1e-6, rel=2e-3)


def test_oscillators_are_what_the_page_says():
    names = run_page("docs/oscillators.md", {})
    assert names["run"]["m"].shape == (11, 1000, 3)
    assert names["more"].time[-1] == pytest.approx(2e-9, rel=1e-6, abs=0.0)
    assert names["coupled"]["string_output"].shape == (101,)
    assert names["coupled"].units["string_output"] == "V"
