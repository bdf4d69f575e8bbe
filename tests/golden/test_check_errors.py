"""What ``circuitnn check`` says of each mistake, all of a deck at once: compared with ``check_errors.txt``.

A block of that file is a deck, ``-----``, its warnings and its mistakes; ``=====`` separates blocks.
"""

from pathlib import Path

import pytest

import circuitnn as cn

BLOCKS = (Path(__file__).parent / "check_errors.txt").read_text().split("=====\n")


def said(deck):
    report = cn.check(text=deck)
    assert all(error.place is not None for error in report.errors)
    return "".join([*(f"warning: {text}\n" for text in report.warnings), *(f"{error}\n" for error in report.errors)])


@pytest.mark.parametrize("block", BLOCKS, ids=[b.split("\n-----\n")[0].replace("title\n", "")[:40] for b in BLOCKS])
def test_what_check_says(block):
    deck, expected = block.split("-----\n")
    assert said(deck) == expected
