"""The structure of a script: commands, loops and conditions as a tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from circuitnn.errors import NetlistError, Place
from circuitnn.netlist.flat import Command

MAX_DEPTH = 50
_OPENERS = ("if", "while", "dowhile", "repeat", "foreach")
#: Words that continue or close what others open.
MARKS = ("else", "elseif", "end", "endif", "endwhile")


@dataclass(slots=True)
class Block:
    """A command, or a loop or condition with what it encloses.

    ``word`` is the first word, lower case, and ``rest`` what follows; ``otherwise`` is what follows ``else``.
    """

    word: str
    rest: str
    place: Place | None
    body: list[Block] = field(default_factory=list)
    otherwise: list[Block] = field(default_factory=list)


def read_script(commands: Sequence[Command]) -> list[Block]:
    """Return the tree of a script.

    Raises
    ------
    NetlistError
        For a loop without its ``end``, an ``end`` or ``else`` without a beginning, or blocks nested too deeply.

    Examples
    --------
    >>> [block.word for block in read_script([Command("if 1"), Command("op"), Command("end"), Command("quit")])]
    ['if', 'quit']
    """
    top: list[Block] = []
    # Where commands go, the block that is open and whether it ends with its parent's ``end`` (else if).
    stack: list[tuple[list[Block], Block | None, bool]] = [(top, None, False)]
    for command in commands:
        word, _, rest = command.text.partition(" ")
        word, rest = word.lower(), rest.strip()
        into, opened, _ = stack[-1]
        if word in ("else", "elseif"):
            if opened is None or opened.word != "if" or into is opened.otherwise:
                _refuse(command, f"{word} without if")
            stack[-1] = (opened.otherwise, opened, stack[-1][2])
            condition = rest[2:].strip() if rest.lower().startswith("if ") else rest if word == "elseif" else ""
            if condition:
                _open(stack, Block("if", condition, command.place), command, chained=True)
            elif rest:
                _refuse(command, f"{rest!r} after else")
        elif word in ("end", "endif", "endwhile"):
            if opened is None:
                _refuse(command, f"{word} without a loop or if")
            while stack.pop()[2]:
                pass
        elif word in _OPENERS:
            _open(stack, Block(word, rest, command.place), command, chained=False)
        else:
            into.append(Block(word, rest, command.place))
    if len(stack) > 1:
        block = stack[-1][1]
        assert block is not None
        raise NetlistError(f"{block.word} is not closed", place=block.place, expected="end")
    return top


def _open(stack: list[tuple[list[Block], Block | None, bool]], block: Block, command: Command, chained: bool) -> None:
    if len(stack) > MAX_DEPTH:
        raise NetlistError("loops nested too deeply", place=command.place, expected=f"at most {MAX_DEPTH} levels")
    stack[-1][0].append(block)
    stack.append((block.body, block, chained))


def _refuse(command: Command, message: str) -> NoReturn:
    raise NetlistError(message, place=command.place, expected="if, while, dowhile, repeat or foreach ... end")
