"""The technology stack: resistances and capacitances of segments, files, what is refused."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from circuitnn.errors import FileError, UsageError
from circuitnn.mapping.physical.capacitance import EPSILON_0, by_neighbour, of_line
from circuitnn.mapping.physical.stack import Contact, Metal, PeripheryArea, Stack, read_stack

DOCS = Path(__file__).parents[2] / "docs" / "physical_layout.md"


def test_resistance_of_a_segment_by_hand():
    """A segment of word line is as long as bit lines are apart: 1.2 um / 0.3 um = 4 squares."""
    word = replace(Stack().word, sheet_resistance=0.05, width=0.3)
    bit = replace(Stack().bit, sheet_resistance=0.2, width=0.5)
    stack = replace(Stack(), word=word, bit=bit, pitch_x=1.2, pitch_y=2.0)
    assert stack.r_word == pytest.approx(0.2, rel=1e-12, abs=0.0)  # rounding alone
    assert stack.r_bit == pytest.approx(0.8, rel=1e-12, abs=0.0)


def test_default_stack_is_that_of_its_source():
    """Resistances of the extraction tables of SKY130: 125 mohm a square, 4.5 ohm a via."""
    stack = Stack()
    assert stack.r_word == pytest.approx(0.125 * 0.5 / 0.26, rel=1e-12, abs=0.0)
    assert stack.r_cell == 4.5
    # Published by the process's extraction rules for metal 1: 25.78 aF/um2 and 40.57 aF/um at each side to the
    # substrate. The formula's own error is 6 %, and this line is narrower than its range; 10 % holds both.
    published = (25.78 * 0.26 + 2.0 * 40.57) * 0.5 * 1e-18
    assert stack.c_word.alone == pytest.approx(published, rel=0.10, abs=0.0)


def test_crossing_is_a_plate():
    stack = replace(Stack(), permittivity=4.0)
    gap = 2.0061 - 1.3761 - 0.36
    expected = 8.8541878128e-12 * 4.0 * (0.26e-6) ** 2 / (gap * 1e-6)
    assert stack.c_word.crossing == pytest.approx(expected, rel=1e-9, abs=0.0)
    assert stack.c_bit.crossing == stack.c_word.crossing
    total = stack.c_word
    assert total.total == pytest.approx(total.alone + 2.0 * total.neighbour + total.crossing, rel=1e-15, abs=0.0)


def field_solution(width, thickness, height, spacing, per_height=16, lines=3):
    """Capacitances of the middle one of three lines above a plane, in units of epsilon, by finite differences.

    Five-point Laplacian in a grounded box that is far away; the charge on a line is the flux out of its surface.
    """
    h = height / per_height
    w, t, s, up = (round(v / h) for v in (width, thickness, spacing, height))
    margin = 6 * per_height
    nx, ny = lines * w + (lines - 1) * s + 2 * margin, up + t + margin
    owner = -np.ones((nx + 1, ny + 1), dtype=int)
    for k in range(lines):
        left = margin + k * (w + s)
        owner[left : left + w + 1, up : up + t + 1] = k
    owner[0, :] = owner[-1, :] = owner[:, 0] = owner[:, -1] = lines  # ground
    free = owner < 0
    index = -np.ones(owner.shape, dtype=int)
    index[free] = np.arange(free.sum())
    middle = lines // 2
    rows, cols, rhs = [], [], np.zeros(free.sum())
    charge_of = []
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        near = np.roll(owner, -step, axis=axis)
        at = np.roll(index, -step, axis=axis)
        inside = free & (near < 0)
        rows.append(index[inside])
        cols.append(at[inside])
        rhs += np.bincount(index[free & (near == middle)], minlength=len(rhs))
        for k in range(lines):
            charge_of.append((k, index[free & (near == k)]))
    r, c = np.concatenate(rows), np.concatenate(cols)
    laplacian = sp.coo_matrix((np.ones(len(r)), (r, c)), shape=(len(rhs), len(rhs))).tocsr()
    v = spla.spsolve((4.0 * sp.eye(len(rhs)) - laplacian).tocsc(), rhs)
    charge = np.zeros(lines)
    for k, nodes in charge_of:
        charge[k] += ((1.0 if k == middle else 0.0) - v[nodes]).sum()
    return float(charge.sum()), float(-charge[middle - 1])


@pytest.mark.parametrize(("width", "thickness", "spacing"), [(1.0, 1.0, 1.0), (2.0, 0.5, 1.0), (1.0, 0.5, 2.0)])
def test_capacitance_of_three_lines_against_the_field(width, thickness, spacing):
    """The formula's total for the middle of three lines is good to 10 % by its authors; the grid adds half of one."""
    ground, neighbour = field_solution(width, thickness, 1.0, spacing)
    solved = ground + 2.0 * neighbour
    formula = (
        of_line(width, thickness, 1.0, 1.0) + 2.0 * by_neighbour(width, thickness, 1.0, spacing, 1.0)
    ) / EPSILON_0
    assert formula == pytest.approx(solved, rel=0.10)


def test_single_line_against_the_field():
    """6 % by the formula's authors."""
    solved, _ = field_solution(1.0, 1.0, 1.0, 1.0, lines=1)
    assert of_line(1.0, 1.0, 1.0, 1.0) / EPSILON_0 == pytest.approx(solved, rel=0.06)


def to_toml(stack):
    def table(name, part):
        return [f"[{name}]", *(f"{k} = {list(v) if isinstance(v, tuple) else v}" for k, v in vars(part).items()), ""]

    parts = ("word", "bit", "element", "via", "periphery")
    plain = [
        f'{k} = "{v}"' if isinstance(v, str) else f"{k} = {list(v) if isinstance(v, tuple) else v}"
        for k, v in vars(stack).items()
        if k not in parts
    ]
    return "\n".join([*plain, "", *(line for name in parts for line in table(name, getattr(stack, name)))])


def test_file_round_trip(tmp_path):
    stack = replace(Stack(), pitch_x=0.75, source="made up")
    (tmp_path / "s.toml").write_text(to_toml(stack))
    assert read_stack(tmp_path / "s.toml") == stack


def test_file_in_the_documentation_is_the_default(tmp_path):
    text = DOCS.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    tomllib.loads(text)
    (tmp_path / "s.toml").write_text(text)
    assert replace(read_stack(tmp_path / "s.toml"), source=Stack().source) == Stack()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("pitch_x = 0.5\n", "", "the stack has no pitch_x"),
        ("pitch_x = 0.5\n", "pitch_x = 0.5\npich_y = 2.0\n", "unknown key 'pich_y'"),
        ("pitch_x = 0.5\n", "pitch_x = nan\n", "pitch_x of the stack is nan"),
        ("pitch_x = 0.5\n", "pitch_x = true\n", "pitch_x of the stack is True"),
        ("pitch_x = 0.5\n", "pitch_x = 0.2\n", "bit.width of the stack is 0.26"),
        ("height = 2.0061", "height = 1.7", "bit.height of the stack is 1.7"),
        ("size = 0.15", "size = 0.22", "via.size of the stack is 0.22"),
        ("drawing = [69, 20]", "drawing = [68, 20]", "are both on layer"),
        ("drawing = [69, 20]", "drawing = [69, 70000]", "bit.drawing of the stack is"),
        ("drawing = [69, 20]", "drawing = 69", "bit.drawing of the stack is 69"),
        ("[element]\n", "[elements]\n", "unknown key 'elements'"),
        ("sheet_resistance = 0.125", "sheet_resistance = -1.0", "word.sheet_resistance of the stack is -1.0"),
        ("bit_lines_per_adc = 128", "bit_lines_per_adc = 12.5", "bit_lines_per_adc of the stack is 12.5"),
        ("resistance = 4.5\n", "", r"\[via\] has no resistance"),
    ],
)
def test_what_a_file_may_not_say(tmp_path, old, new, message):
    text = to_toml(Stack())
    assert old in text
    (tmp_path / "s.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(UsageError, match=message):
        read_stack(tmp_path / "s.toml")


def test_files_that_are_none(tmp_path):
    (tmp_path / "s.toml").write_text("pitch_x = ")
    for name in ("s.toml", "absent.toml"):
        with pytest.raises(FileError, match="cannot read the stack"):
            read_stack(tmp_path / name)
    with pytest.raises(UsageError, match="word of the stack is 3"):
        Stack(word=3)
    (tmp_path / "t.toml").write_text(
        to_toml(Stack()).replace("[word]", "[wort]").replace('name = "', 'word = 3\nname = "')
    )
    with pytest.raises(UsageError):
        read_stack(tmp_path / "t.toml")


def test_zero_resistance_is_ideal_wire():
    stack = replace(
        Stack(), word=replace(Stack().word, sheet_resistance=0.0), bit=replace(Stack().bit, sheet_resistance=0.0)
    )
    assert stack.r_word == stack.r_bit == 0.0
    assert isinstance(stack.periphery, PeripheryArea) and isinstance(stack.word, Metal)
    assert isinstance(stack.via, Contact)
