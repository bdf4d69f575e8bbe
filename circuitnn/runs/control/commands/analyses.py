"""Commands that compute: analyses, ``run``, ``meas``, ``fourier``, ``linearize``, ``fft``."""

from __future__ import annotations

import re

import numpy as np

from circuitnn.analyses.analysis import MAX_POINTS
from circuitnn.errors import AnalysisError, CircuitnnError, NetlistError
from circuitnn.measure.expression import split_expressions
from circuitnn.measure.fourier import fourier
from circuitnn.measure.reading import measure_of
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.registry import catalog
from circuitnn.runs.control.interpreter import Action, Interpreter, analysis_card, split_words

#: What a measure asks for by a name or an expression instead of a number.
_NAMED = re.compile(r"\b(at|from|to|td|val)\s*=\s*('[^']*'|\{[^{}]*\}|[a-z_]\w*)(?=\s|$)", re.IGNORECASE)


def _analysis(name: str) -> Action:
    def run_one(run: Interpreter, text: str) -> None:
        run.analyse([analysis_card(name, text, run.place)])

    return run_one


def run_all(run: Interpreter, text: str) -> None:
    """``run``: the analyses of the deck's cards."""
    if not run.flat.analyses:
        run.fail("run: the deck has no analysis", hint="add .op, for example, or give the command tran, ac, ...")
    run.analyse(run.flat.analyses, whole=True)


def _number(run: Interpreter, found: re.Match[str]) -> str:
    """Return ``at=name`` with the value of an expression or a vector, where it has one."""
    try:
        return f"{found[1]}={run.number(found[2]):.17g}"
    except CircuitnnError:
        return found[0]


def measure(run: Interpreter, text: str) -> None:
    """``meas analysis name ...``: as ``.measure``, on the current plot; the value is a vector too."""
    try:
        card = measure_of(AnalysisCard("measure", (_NAMED.sub(lambda found: _number(run, found), text),), run.place))
    except NetlistError as error:  # as other commands that cannot be done
        run.fail(f"meas: {error.message}", expected=error.expected)
    plot = run.plots.current
    if plot.result is None or plot.result.kind != card.analysis:
        plots = [p for p in run.plots.all.values() if p.result is not None and p.result.kind == card.analysis]
        if not plots:
            run.fail(f"meas: there is no {card.analysis} analysis to measure")
        plot = plots[-1]
    result = plot.as_result()
    assert result is not None
    known = {name: value for name, value in run.results.measures.items() if isinstance(value, float)}
    run.results.measures.pop(card.name, None)
    try:
        value = card.evaluate(result, known, run.plots.lookup)
    except AnalysisError as error:
        error.place = None
        raise
    run.results.measures[card.name] = value
    run.plots.current.vectors[card.name] = np.asarray(value)
    run.say(f"{card.name:<20}= {value: .6e}")


def fourier_(run: Interpreter, text: str) -> None:
    """``fourier frequency vector ...``: as ``.four``, on the current plot."""
    first, *vectors = split_expressions(text)
    owners = {vector.partition(".")[0] for vector in vectors} & {*run.plots.all}
    plot = run.plots.all[owners.pop()] if len(owners) == 1 else run.plots.current
    vectors = [vector.removeprefix(f"{plot.name}.") for vector in vectors]
    result = plot.as_result()
    if result is None or result.kind != "tran" or not vectors:
        run.fail("fourier wants a transient analysis, a frequency and vectors", expected="fourier FREQUENCY V ...")
    count = int(min(run.number(run.variables.get("nfreqs", ["10"])[0]), 1e9))
    for vector in vectors:
        found = fourier(result, vector, run.number(first), harmonics=count)
        run.results.harmonics.setdefault(result.name, []).append(found)
        run.say(f"Fourier analysis for {vector}: THD: {found.thd:g} %")
        rows = zip(
            found.frequency, found.magnitude, found.phase, found.normalised_magnitude, found.normalised_phase,
            strict=True,
        )  # fmt: skip
        for k, row in enumerate(rows):
            run.say(f" {k}\t" + "\t".join(f"{x:.6g}" for x in row))


def linearize(run: Interpreter, text: str) -> None:
    """``linearize [vector ...]``: a new plot with the vectors at equal steps of the axis."""
    old = run.plots.current
    result = old.as_result()
    if result is None or result.kind != "tran" or len(result) < 2:
        run.fail("linearize wants a transient analysis")
    axis = result.axis
    step = old.step or (axis[-1] - axis[0]) / (len(axis) - 1)
    steps = (axis[-1] - axis[0]) / step * (1 + 1e-9)
    if not steps < MAX_POINTS:
        run.fail(f"linearize would make {steps:.3g} points", expected=f"at most {MAX_POINTS}")
    count = int(steps) + 1
    points = axis[0] + step * np.arange(count)
    names = split_words(text.lower()) or result.keys()[1:]
    found = {name: np.interp(points, axis, np.real(run.plots.evaluate(name))) for name in names}
    plot = run.plots.add("tran", f"{old.title} (linearized)")
    plot.axis_name, plot.step = "time", step
    plot.vectors = {"time": points, **found}


def fft(run: Interpreter, text: str) -> None:
    """``fft vector ...``: a new plot with spectra; window by ``set specwindow=hanning|none|...``."""
    old = run.plots.current
    axis = old.axis
    names = split_expressions(text)
    if axis is None or len(axis) < 4 or not names:
        run.fail("fft wants vectors of a transient analysis", expected="fft V ...", hint="linearize first")
    length = len(axis)
    span = float(np.real(axis[-1] - axis[0]))
    padded = 1 << (length - 1).bit_length()
    window = _window(run, length)
    found = {}
    for name in names:
        values = np.real(run.plots.evaluate(name))
        if len(np.atleast_1d(values)) != length:
            run.fail(f"{name} has not the {length} points of the axis")
        # The scale is ngspice's: amplitudes of the padded vector, the mean twice.
        spectrum = np.fft.rfft(values * window, padded) * (2.0 / padded)
        found[name.lower()] = spectrum
    plot = run.plots.add("sp", "Spectrum")
    plot.axis_name = "frequency"
    plot.vectors = {"frequency": np.arange(padded // 2 + 1) * (length / span / padded), **found}


def _window(run: Interpreter, length: int) -> np.ndarray:
    name = run.variables.get("specwindow", ["hanning"])[0].lower()
    x = 2.0 * np.pi * np.arange(length) / max(length - 1, 1)
    shapes = {
        "none": np.ones(length),
        "rectangular": np.ones(length),
        "hanning": 1.0 - np.cos(x),
        "cosine": 1.0 - np.cos(x),
        "hamming": 1.0 - 0.46 / 0.54 * np.cos(x),
        "triangle": 2.0 - np.abs(2.0 - 2.0 * x / np.pi),
        "bartlet": 2.0 - np.abs(2.0 - 2.0 * x / np.pi),
        "blackman": 1.0 - 0.5 / 0.42 * np.cos(x) + 0.08 / 0.42 * np.cos(2.0 * x),
    }
    if name not in shapes:
        run.fail(f"there is no window {name!r}", expected=", ".join(shapes))
    return shapes[name]


EXPORT: dict[str, Action] = {
    **{name: _analysis(name) for name in catalog("analyses").names()},
    "run": run_all, "meas": measure, "measure": measure, "fourier": fourier_, "linearize": linearize, "fft": fft,
}  # fmt: skip
