"""Equations as LaTeX: every device has them, with balanced braces, in the names of its declaration."""

import pytest

from circuitnn.devices.typeset import LONGEST, equations_latex
from circuitnn.registry import catalog

DEVICES = catalog("devices").all()


@pytest.mark.parametrize("name", DEVICES)
def test_every_device_is_typeset(name):
    formulas = equations_latex(DEVICES[name])
    assert formulas or name == "mutual"
    for text in formulas:
        assert text.count("{") == text.count("}") and text.count(r"\left") == text.count(r"\right"), text
        assert r"\begin{cases}" not in text or text.count(r"\begin{cases}") == text.count(r"\end{cases}")
        for raw in ("u_", "p_", "lim_", "let_", "Cases", "Power"):
            assert f" {raw}" not in text, text
        assert len(text) < 3 * LONGEST


def test_a_drift_reads_as_in_the_paper():
    current, rate = equations_latex(DEVICES["linear_drift"])
    assert current.startswith("i_{p} = -i_{n} = ") and r"\mathrm{roff}" in current
    # what stops the state at its bounds is no part of the formula
    assert rate.startswith(r"\frac{\mathrm{d} x}{\mathrm{d} t} = ") and "0.0001" not in rate
