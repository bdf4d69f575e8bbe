"""Frequency, amplitude and power of an oscillation against a number of its circuit, such as a current."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuitnn.circuit.circuit import Circuit
from circuitnn.errors import UsageError
from circuitnn.measure.phase import oscillation
from circuitnn.results.checkpoint import Checkpoint
from circuitnn.results.result import Result, Variable
from circuitnn.runs.locking import require_source
from circuitnn.units import parse_value

_KINDS = {"V": "voltage", "A": "current"}


def oscillation_map(
    circuit: Circuit,
    source: str,
    values: Sequence[float | str],
    *,
    output: str,
    step: float,
    settle: float,
    measure: float | None = None,
    uic: bool = True,
    follow: bool = True,
    swing: float | None = None,
    load: float = 50.0,
) -> Result:
    """Return what a circuit oscillates like at each value of a source, or of another number.

    Parameters
    ----------
    circuit : Circuit
    source : str
        A dc source; or what else `Circuit.alter` takes: ``"r1"``, ``"n1:area"``, ``"temp"``.
    values : sequence of float
        In the order in which they are gone through.
    output : str
        A vector or expression of transients, real.
    step : float
        Largest time step, s.
    settle, measure : float
        Seconds that pass at each value before the oscillation is looked at, and for how long it is; as long as it
        settles when absent. It must show four periods to count as one.
    uic : bool
        Whether to begin from given initial conditions rather than an operating point.
    follow : bool
        Whether each value goes on from where the one before ended, so that an oscillator with hysteresis shows which
        branch it is on. Otherwise all begin alike. A circuit that rests exactly goes on resting although
        it could oscillate: go from where it oscillates to where it does not, or begin each from initial conditions.
    swing : float, optional
        Largest less lowest value up to which it is at rest; see `circuitnn.measure.phase.oscillation`.
    load : float
        Ohm; for the power.

    Returns
    -------
    Result
        A table over the values, of kind ``dc``: ``frequency`` (Hz), ``amplitude`` (half the swing), ``fundamental``
        (amplitude of the sinusoid in it), ``mean``, ``power`` (mean square without the mean, W into ``load``),
        ``jitter`` (standard deviation of a period, s), ``oscillates`` (1 or 0). At rest all but the mean are 0.

    Raises
    ------
    UsageError
        For a source that has a waveform, or values that are none.
    CircuitnnError
        When a transient fails.

    Examples
    --------
    A tank that loses 1 mS, with a negative conductance of 1 A/V times the current; the squares of its amplitudes are
    4 (I - 1 mA) / 3 mA:

    >>> import circuitnn as cn
    >>> c = cn.Circuit("threshold")
    >>> c.I("1", 0, "s", dc=0.0); c.R("1", "s", 0, 1.0)
    >>> c.L("1", "a", 0, "1u"); c.C("1", "a", 0, "1n", ic=1.0)
    >>> c.B("1", "a", 0, i="(1e-3-v(s))*v(a)+1e-3*v(a)*v(a)*v(a)")
    >>> found = cn.oscillation_map(c, "i1", [2e-3, 0.5e-3], output="v(a)", step=4e-9, settle=6e-5)
    >>> found["oscillates"].tolist(), bool(abs(found["fundamental"][0] - 1.1547) < 1e-3)
    ([1.0, 0.0], True)
    """
    length = settle if measure is None else measure
    numbers = [parse_value(value) for value in values]
    if not (numbers and np.isfinite([*numbers, step, settle, length, load]).all()):
        raise UsageError(f"values {values!r}", expected="finite numbers, one at least")
    if not (step > 0.0 and settle > 0.0 and length > 0.0 and load > 0.0):
        raise UsageError(
            f"step {step:g}, settle {settle:g}, measure {length:g}, load {load:g}", expected="numbers above zero"
        )
    low = source.lower()
    if low in circuit.elements and low[0] in "vi":
        require_source(circuit, source)
    rows, unit = [], ""
    last, state = circuit, None
    for value in numbers:
        one = circuit.copy()
        one.adopt(last)
        one.alter({low: value})
        begins = state.time if state is not None else 0.0
        run = one.tran(stop=begins + settle + length, step=step, max_step=step, uic=uic and state is None, resume=state)
        seen = oscillation(run, output, start=begins + settle, swing=swing)
        unit = seen.unit
        square = seen.rms**2
        power = square * load if unit == "A" else square / load
        rows.append(
            [value, seen.frequency, seen.amplitude, seen.harmonics[0], seen.mean, power, seen.jitter, seen.oscillates]
        )
        last, state = one, _kept(run) if follow else None
    kind = _KINDS.get(unit, "notype")
    columns = [
        _axis(circuit, low),
        Variable("frequency", "frequency"),
        Variable("amplitude", kind),
        Variable("fundamental", kind),
        Variable("mean", kind),
        Variable("power", "notype"),
        Variable("jitter", "time"),
        Variable("oscillates", "notype"),
    ]
    return Result("map1", "dc", circuit.title, columns, np.array(rows, dtype=float))


def _kept(run: Result) -> Checkpoint:
    assert run.checkpoint is not None, "transients leave where they stopped"
    return run.checkpoint


def _axis(circuit: Circuit, name: str) -> Variable:
    """Return the axis, named as that of a dc sweep."""
    if name == "temp":
        return Variable("temp-sweep", "temperature")
    if name in circuit.elements and name[0] in "vi":
        return Variable(f"{name[0]}({name[0]}-sweep)", "voltage" if name[0] == "v" else "current")
    if name in circuit.elements and name[0] == "r":
        return Variable("res-sweep", "resistance")
    return Variable(name, "notype")
