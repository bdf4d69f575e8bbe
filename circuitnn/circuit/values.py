"""Names and values of elements built by hand, made what a netlist would hold or refused by name."""

from __future__ import annotations

import numbers
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from circuitnn.errors import CircuitError, UsageError, nearest
from circuitnn.netlist.expression import Expression, Probe, substitute
from circuitnn.netlist.flat import GROUND, DataFile, Waveform
from circuitnn.netlist.points import read_points
from circuitnn.netlist.vectors import expand_range
from circuitnn.units import parse_value

Node = str | int
Value = str | float | int

_WAVEFORMS = ("pulse", "sin", "exp", "pwl", "sffm", "am", "trnoise", "trrandom")
#: What would end a name in a netlist's text.
_SEPARATOR = re.compile(r"[\s(){}=,;'\"]")


def node_name(node: Node, element: str) -> str:
    """Return the name of a node, lower case; raise CircuitError for what cannot name one."""
    if (
        isinstance(node, bool)
        or not isinstance(node, str | numbers.Integral)
        or str(node) == ""
        or _SEPARATOR.search(str(node))
    ):
        raise CircuitError(
            f"{element}: {node!r} cannot name a node",
            expected="a number, or text without blanks and ( ) { } = , ;",
            names=(element,),
        )
    return ground(str(node).lower())


def node_vector(what: str, nodes: str | Sequence[Node]) -> list[Node]:
    """Return the nodes of a vector, ranges such as ``r<0:3>`` expanded."""
    words = nodes.split() if isinstance(nodes, str) else []
    found: list[Node] = [node for word in words for node in expand_range(word)] or [*nodes]
    if not found:
        raise UsageError(f"{what} names no nodes", expected="nodes, such as 'r<0:127>' or a list")
    return found


def ground(name: str) -> str:
    """Return a node's name with ``gnd`` as ``0``."""
    return GROUND if name == "gnd" else name


def grounded(tree: Expression) -> Expression:
    """Return an expression whose probes call ground ``0``."""

    def named(probe: Probe) -> Expression:
        return Probe("v", tuple([ground(name) for name in probe.names])) if probe.kind == "v" else probe

    return substitute(tree, lambda _: None, named)


def word_of(what: str, name: Any) -> str:
    """Return a name, lower case; raise UsageError, which says what it should name, for what is none."""
    text = str(name).lower()
    if isinstance(name, bool) or not isinstance(name, str | numbers.Integral) or not text or _SEPARATOR.search(text):
        raise UsageError(
            f"{name!r} cannot name {'an' if what[0] in 'aeiou' else 'a'} {what}", expected="a word such as 'm1'"
        )
    return text


def with_given(params: dict[str, Value], **more: Value | None) -> dict[str, Value]:
    """Return parameters and those of ``more`` that are not None."""
    return {**params, **{k: v for k, v in more.items() if v is not None}}


def numbers_of(owner: str, params: dict[str, Value]) -> dict[str, float]:
    """Return parameters as numbers, under lower-case names; an underscore at the end of a name goes."""
    found = {}
    for name, value in params.items():
        key = name.lower().removesuffix("_")
        found[key] = number_of(f"{owner}: {key}", value)
    return found


def number_of(what: str, value: Any) -> float:
    """Return a value as a finite number; raise UsageError otherwise."""
    try:
        return parse_value(value)
    except UsageError:
        raise UsageError(
            f"{what} = {value!r} is not a finite value",
            expected="a finite number, or text such as '4.7k'",
            names=(what.partition(":")[0],),
        ) from None


def waveform_of(owner: str, waveform: Sequence[Any], repeat: Any, delay: Any) -> Waveform:
    """Return the time function of a source; see ``Circuit.V``."""
    kind = str(waveform[0]).lower() if isinstance(waveform, list | tuple) and len(waveform) > 1 else ""
    if kind == "pwl" and len(waveform) == 2 and isinstance(waveform[1], str | Path):
        waveform = ("pwl", *read_points(DataFile(str(waveform[1]))))
    if kind == "external":
        kind, waveform = "pwl", ("pwl", *_samples(owner, waveform[1:]))
    if kind not in _WAVEFORMS:
        raise UsageError(
            f"{owner}: {waveform!r} is not a waveform",
            expected="a kind and its numbers, such as ('pulse', 0, 1, ...); kinds are " + " ".join(_WAVEFORMS),
            hint=nearest(kind, _WAVEFORMS),
            names=(owner,),
        )
    again = None if repeat is None else number_of(f"{owner}: repeat", repeat)
    return Waveform(
        kind,
        tuple([number_of(f"{owner}: {kind}", value) for value in waveform[1:]]),
        again,
        number_of(f"{owner}: delay", delay),
    )


def _samples(owner: str, arrays: Sequence[Any]) -> list[float]:
    """Return the times and values of two arrays by turns."""
    times, values = (list(array) for array in arrays) if len(arrays) == 2 else ([], [])
    if len(times) < 2 or len(times) != len(values) or any(not a <= b for a, b in pairwise(times)):
        raise UsageError(
            f"{owner}: external takes times that increase and as many values",
            expected="('external', times, values), two arrays of the same length, at least 2",
            names=(owner,),
        )
    return [float(number) for pair in zip(times, values, strict=True) for number in pair]
