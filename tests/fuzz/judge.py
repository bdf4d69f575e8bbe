"""What every input must end in: finite results, or an error of our own that says where.

Each function here takes one input and returns the class of its outcome, a short text that is the same for inputs that
fail alike. Whatever breaks the promise comes out as an exception: `Broken`, or the stray one itself.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from circuitnn.errors import AnalysisError, CircuitnnError, FileError, LayoutError, Place, TopologyError, UsageError
from circuitnn.mapping.layout_file import read_layout
from circuitnn.measure.expression import evaluate_on, parse_vectors
from circuitnn.netlist.expression import evaluate, parse_expression, to_text
from circuitnn.netlist.flat import DataFile
from circuitnn.netlist.netlist import Netlist, parse
from circuitnn.netlist.points import read_points
from circuitnn.results.hdf5 import read_hdf5
from circuitnn.results.rawfile import read_raw
from circuitnn.results.result import Result, Variable
from circuitnn.results.results import Results
from circuitnn.runs.control.interpreter import checked_script
from circuitnn.runs.session import Requests, analyses_of
from circuitnn.runs.step import Steps
from circuitnn.units import format_si, parse_value

#: CPU seconds that a simulation is given before it is interrupted; an interrupt must leave what was computed.
PATIENCE = 0.25
#: Why a deck may be refused as a whole, without a line to point to.
_WHOLE = ("asks for no analysis", "the circuit has no elements")


class Broken(AssertionError):
    """An input that did not end as it must."""


class Enough(KeyboardInterrupt):
    """Ends a simulation that has gone on for long enough, as a user would."""


def outcome(stage: str, error: CircuitnnError | None = None) -> str:
    """Return the class of an outcome: where it came from and what kind of message it was."""
    if error is None:
        return stage
    words = re.sub(r"'[^']*'|\"[^\"]*\"|[-+]?\d[\w.+-]*|\S*[^\w\s.,:;()'-]\S*", "_", error.message)
    return f"{stage}: {type(error).__name__}: {' '.join(words.split())[:60]}"


def check_error(error: CircuitnnError) -> None:
    """Raise Broken unless an error says what happened and where."""
    str(error)
    if not error.message:
        raise Broken("an error without a message")
    if any(words in error.message for words in _WHOLE):
        return
    if isinstance(error, AnalysisError | TopologyError):
        if not (error.names or error.place or error.hint):
            raise Broken(f"an error of the simulation that names nothing: {error.message}")
    elif error.place is None:
        raise Broken(f"an error without a place: {type(error).__name__}: {error.message}")


def check_results(results: Results) -> None:
    """Raise Broken for results that are not finite."""
    for result in results.values():
        if not np.isfinite(result.data).all():
            bad = [v.name for k, v in enumerate(result.variables) if not np.isfinite(result.data[:, k]).all()]
            raise Broken(f"{result.name} of {result.kind} is not finite: {', '.join(bad[:3])}")
    for name, value in results.measures.items():
        if not np.isfinite(np.ma.filled(np.ma.asarray(value), 0.0)).all():
            raise Broken(f"the measure {name} is not finite")


def _patience() -> Callable[[float], None]:
    end = time.process_time() + PATIENCE

    def progress(done: float) -> None:
        if time.process_time() > end:
            raise Enough

    return progress


def _checked(netlist: Netlist) -> str:
    """Do what ``circuitnn check`` does; return the class of the outcome."""
    flat = netlist.expand()
    analyses = analyses_of(flat.analyses)
    Requests(flat)
    Steps(netlist, flat)
    checked_script(flat.script)
    circuit = netlist.circuit()
    circuit.check()
    system = circuit.system()
    for (analysis, place), _ in zip(analyses, flat.analyses, strict=True):
        try:
            analysis.check(system)
        except CircuitnnError as error:
            error.place = error.place or place
            raise
    return "checked"


def deck(text: str, *, simulate: bool) -> str:
    """Judge a deck: read, expanded, checked, written back, and simulated where asked for."""
    stage = "parse"
    try:
        netlist = parse(text, "deck.cir")
        stage = "write"
        if netlist.to_text() and not simulate:
            again = parse(netlist.to_text(), "deck.cir")
            if again != netlist:
                raise Broken("the deck that was written is not the one that was read")
        stage = "expand"
        netlist.expand()
        stage = "check"
        _checked(netlist)
        if not simulate:
            return "checked"
        stage = "run"
        results = netlist.run(_patience())
    except CircuitnnError as error:
        check_error(error)
        left = getattr(error, "result", None)
        if isinstance(left, Results):
            check_results(left)
        return outcome(stage, error)
    except Enough as interrupt:
        check_results(getattr(interrupt, "result", Results()))
        return "interrupted"
    check_results(results)
    return "done"


def number(text: str) -> str:
    """Judge a number with a suffix."""
    try:
        value = parse_value(text)
    except UsageError as error:
        return outcome("number", error)
    if not np.isfinite(value):
        raise Broken(f"{text!r} is {value}")
    if value and 1e-300 < abs(value) < 1e300:
        format_si(value, "V")
    return "number"


_WAVE = Result(
    "tran1",
    "tran",
    "waves",
    [
        Variable("time", "time"),
        Variable("v(a)", "voltage"),
        Variable("v(out)", "voltage"),
        Variable("i(v1)", "current"),
    ],
    np.column_stack([np.linspace(0.0, 1.0, 7), np.arange(-3.0, 4.0), np.zeros(7), np.geomspace(1e-300, 1e300, 7)]),
)


def vectors(text: str) -> str:
    """Judge an expression on vectors, as ``.measure``, ``.print`` and scripts hold them."""
    try:
        parse_vectors(text)
        found = evaluate_on(_WAVE, text)
    except CircuitnnError as error:
        str(error)
        return outcome("vectors", error)
    # A point without a value (0/0) is not a number, as in ngspice: measures and prints deal with it.
    np.asarray(found)
    return "vectors"


def expression(text: str) -> str:
    """Judge an expression of parameters: its value, and its text, which reads back to the same tree."""
    try:
        tree = parse_expression(text)
        if parse_expression(to_text(tree)) != tree:
            raise Broken(f"{text!r} is written as {to_text(tree)!r}, another expression")
        value = evaluate(tree, lambda name: 2.0)
    except CircuitnnError as error:
        str(error)
        return outcome("expression", error)
    if not np.isfinite(value):
        raise Broken(f"{text!r} is {value}")
    return "expression"


def points(path: Path) -> str:
    """Judge a file of times and values."""
    try:
        found = read_points(DataFile(str(path), place=Place("deck.cir", 1)))
    except CircuitnnError as error:
        check_error(error)
        return outcome("points", error)
    if not np.isfinite(found).all() or len(found) % 2:
        raise Broken("points that are none")
    return "points"


def raw(path: Path) -> str:
    """Judge a raw file."""
    try:
        read_raw(path)
    except FileError as error:
        return outcome("raw", error)
    return "raw"


def hdf5(path: Path) -> str:
    """Judge a file of results in HDF5."""
    try:
        read_hdf5(path)
    except FileError as error:
        return outcome("hdf5", error)
    return "hdf5"


def layout(path: Path) -> str:
    """Judge a file of a layout."""
    try:
        read_layout(path)
    except LayoutError as error:
        return outcome("layout", error)
    return "layout"
