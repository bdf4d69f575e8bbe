"""Commands that write files, inside the working folder alone: ``write wrdata``."""

from __future__ import annotations

import numpy as np

from circuitnn.measure.expression import split_expressions
from circuitnn.results.atomic import replacing
from circuitnn.results.rawfile import read_raw, write_raw
from circuitnn.results.result import Result, Variable
from circuitnn.results.results import Results
from circuitnn.runs.control.interpreter import Interpreter, split_words
from circuitnn.runs.control.plots import Plot


def write(run: Interpreter, text: str) -> None:
    """``write file [vector ...]``: a raw file; ``set filetype=ascii`` for text, ``set appendwrite`` to add plots."""
    words = split_words(text)
    target = run.file(words[0] if words else "rawspice.raw")
    names = split_expressions(" ".join(words[1:]))
    plots = [run.plots.current]
    if plots[0].result is None and not plots[0].vectors:
        run.fail("write: there is nothing to write")
    results = Results()
    if run.flag("appendwrite") and target.is_file():
        results = read_raw(target)
    for plot in plots:
        results.add(_chosen(run, plot, names))
    write_raw(target, results, ascii=run.variables.get("filetype") == ["ascii"])


def _chosen(run: Interpreter, plot: Plot, names: list[str]) -> Result:
    result = plot.as_result()
    if result is None:
        run.fail(f"write: the plot {plot.name} is no analysis; wrdata writes its vectors")
    if not names or [name.lower() for name in names] == ["all"]:
        return result
    first = [(result.variables[0], np.asarray(result.data[:, 0]))] if result.has_axis else []
    kinds = {variable.name: variable.kind for variable in result.variables}
    columns = []
    for name in names:
        values = np.broadcast_to(run.plots.evaluate(name), (len(result),))
        columns.append((Variable(name.lower(), kinds.get(name.lower(), "notype")), values))
    chosen = [*first, *columns]
    data = np.column_stack([values for _, values in chosen])
    return Result(result.name, result.kind, result.title, [v for v, _ in chosen], data)


def wrdata(run: Interpreter, text: str) -> None:
    """``wrdata file vector ...``: text, a point a line; each vector after the axis.

    ``set wr_singlescale`` writes the axis once, ``set wr_vecnames`` the names above, ``set numdgt`` digits and
    ``set appendwrite`` adds to the file.
    """
    words = split_words(text)
    names = split_expressions(" ".join(words[1:]))
    if not names:
        run.fail("wrdata without vectors", expected="wrdata FILE V ...")
    target = run.file(words[0])
    plot = run.plots.current
    names = [name for word in names for name in (plot.names() if word.lower() == "all" else [word])]
    found = [(name, np.atleast_1d(run.plots.evaluate(name))) for name in names]
    axis = plot.axis
    rows = max(len(values) for _, values in found)
    once = run.flag("wr_singlescale")
    given = run.variables.get("numdgt", [""])[0]
    count = min(max(int(given), 1), 16) if given.isdigit() else 8
    columns: list[tuple[str, np.ndarray]] = []
    for k, (name, values) in enumerate(found):
        # A vector that does not run along the axis is counted.
        along = np.real(axis) if axis is not None and len(axis) == len(values) else np.arange(float(len(values)))
        if k == 0 or not once:
            axis_name = plot.result.variables[0].name if plot.result is not None else plot.axis_name or "index"
            columns.append((axis_name, along))
        parts = (np.real(values), np.imag(values)) if np.iscomplexobj(values) else (values,)
        columns += [(name, part) for part in parts]
    old = target.read_text(encoding="utf-8") if run.flag("appendwrite") and target.is_file() else ""
    width = count + 8
    with replacing(target) as temporary, temporary.open("w", encoding="utf-8") as stream:
        stream.write(old)
        if run.flag("wr_vecnames"):
            stream.write("".join([f" {name:<{width - 1}}" for name, _ in columns]) + "\n")
        for k in range(rows):
            cells = [f"{v[k]: .{count}e}" if k < len(v) else " " * (width - 1) for _, v in columns]
            stream.write(" ".join(cells) + " \n")


EXPORT = {"write": write, "wrdata": wrdata}
