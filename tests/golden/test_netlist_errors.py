"""What a user reads for each mistake: the whole message, compared with ``netlist_errors.txt``.

A block of that file is a deck, ``-----`` and its message; ``=====`` separates blocks.
"""

from pathlib import Path

import pytest

from circuitnn.errors import CircuitnnError
from circuitnn.netlist.netlist import parse

BLOCKS = (Path(__file__).parent / "netlist_errors.txt").read_text().split("=====\n")


@pytest.mark.parametrize("block", BLOCKS, ids=[b.split("\n-----\n")[0].replace("title\n", "")[:40] for b in BLOCKS])
def test_message(block):
    deck, message = block.split("-----\n")
    with pytest.raises(CircuitnnError) as caught:
        parse(deck).expand()
    assert str(caught.value) + "\n" == message
    assert caught.value.place is not None
