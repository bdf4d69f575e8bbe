"""Transient analysis: the circuit in time."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

import circuitnn.mna._engine as _engine
from circuitnn.analyses.analysis import Analysis, Progress, columns, require_finite, statistics
from circuitnn.errors import AnalysisError, UsageError
from circuitnn.mna.streams import NoiseBand
from circuitnn.mna.system import System
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.results.checkpoint import Checkpoint
from circuitnn.results.memory import require_memory
from circuitnn.results.result import Result, Variable
from circuitnn.results.stream import RawStream
from circuitnn.units import parse_value

#: Steps that a transient is forced to; the fastest circuit takes a day for them.
MAX_STEPS = 1e11
_NOISE_WORDS = {"noisefmax": "noise_fmax", "noisefmin": "noise_fmin", "noiseseed": "noise_seed"}


@dataclass(frozen=True)
class Tran(Analysis):
    """Transient analysis.

    Parameters
    ----------
    stop : float
        Last time, seconds.
    step : float, optional
        SPICE's TSTEP: default of rise times, and a bound of the step as in ``max_step``; ``stop / 100`` when absent.
    start : float
        First time that is recorded.
    max_step : float, optional
        Largest time step; the smaller of ``step`` and ``(stop - start) / 50`` when absent, as in SPICE.
    uic : bool
        Start from the given initial conditions instead of an operating point.
    stream : path-like or RawStream, optional
        A ``.raw`` file that is written while the points are computed: they do not stay in memory. The result reads its
        columns from there.
    noise_fmax : float, optional
        Let the noise currents of all devices act, up to this frequency, Hz (``noisefmax`` in netlists): random samples
        1/(2 noise_fmax) apart, which steps do not pass over, with straight lines in between. What is white has a
        density that falls by 10 % until noise_fmax/4 and by 34 % until noise_fmax/2.
    noise_fmin : float, optional
        Frequency below which flicker noise rises no more, Hz; 1/stop when absent.
    noise_seed : int, optional
        That of ``.options seed=`` when absent. An element's noise depends on it and on the element's name.
    resume : Checkpoint, optional
        Where an earlier run of the same circuit stopped (its ``result.checkpoint``), to go on from there until
        ``stop``. Give the same ``step`` and ``max_step`` for the same time steps.

    Examples
    --------
    >>> import circuitnn as cn, numpy as np
    >>> c = cn.Circuit("discharge")
    >>> c.R("1", "a", 0, "1k"); c.C("1", "a", 0, "1u", ic=1.0)
    >>> run = c.tran(stop=1e-3, uic=True)
    >>> bool(abs(run["v(a)"][-1] - np.exp(-1)) < 1e-3)
    True
    """

    stop: float
    step: float | None = None
    start: float = 0.0
    max_step: float | None = None
    uic: bool = False
    stream: RawStream | str | os.PathLike[str] | None = None
    resume: Checkpoint | None = None
    noise_fmax: float | None = None
    noise_fmin: float | None = None
    noise_seed: int | None = None

    streams: ClassVar[bool] = True
    name: ClassVar[str] = "tran"
    usage: ClassVar[str] = ".tran TSTEP TSTOP [TSTART [TMAX]] [UIC] [NOISEFMAX=F [NOISEFMIN=F] [NOISESEED=N]]"

    @classmethod
    def from_card(cls, card: AnalysisCard) -> Self:
        """Read ``.tran 1n 1u [0 [0.1n]] [uic]``."""
        words = [word for word in card.words if not isinstance(word, str) or "=" not in word]
        noise = cls._noise_words(card)
        uic = bool(words) and str(words[-1]).lower() == "uic"
        count = len(words) - uic
        if not 2 <= count <= 4:
            raise cls.refuse(card, f"{count} number{'s' * (count != 1)} where 2 to 4 belong")
        card = replace(card, words=tuple(words))
        numbers = [cls.number(card, k) for k in range(count)]
        return cls(
            step=numbers[0],
            stop=numbers[1],
            start=numbers[2] if count > 2 else 0.0,
            max_step=numbers[3] if count > 3 and numbers[3] > 0.0 else None,
            uic=uic,
            **noise,
        )

    @classmethod
    def _noise_words(cls, card: AnalysisCard) -> dict[str, Any]:
        """Read ``noisefmax=1g noisefmin=1k noiseseed=3``."""
        found: dict[str, Any] = {}
        for word in card.words:
            name, given, value = word.lower().partition("=") if isinstance(word, str) else ("", "", "")
            if not given:
                continue
            if name not in _NOISE_WORDS:
                raise cls.refuse(card, f"{name!r} is not known", name)
            try:
                number = parse_value(value)
            except UsageError:
                raise cls.refuse(card, f"{word!r} gives no number", name) from None
            if name == "noiseseed" and number != int(number):
                raise cls.refuse(card, f"{word!r} gives no whole number", name)
            found[_NOISE_WORDS[name]] = int(number) if name == "noiseseed" else number
        return found

    def validate(self) -> None:
        """Raise UsageError for times that cannot be meant."""
        stop = self._times()[1]
        self._noise(stop)

    def _noise(self, stop: float) -> NoiseBand | None:
        """Return the band of the noise, None when there is to be none."""
        if self.noise_fmax is None:
            if self.noise_fmin is not None or self.noise_seed is not None:
                raise UsageError("noise_fmin and noise_seed ask for noise", expected="noise_fmax, too")
            return None
        highest = require_finite("noise_fmax", self.noise_fmax, positive=True)
        lowest = 1.0 / stop if self.noise_fmin is None else require_finite("noise_fmin", self.noise_fmin, positive=True)
        if lowest >= highest:
            raise UsageError(
                f"noise from {lowest:g} Hz to {highest:g} Hz has no band", expected="noise_fmin below noise_fmax"
            )
        if 2.0 * highest * stop > MAX_STEPS:
            raise UsageError(
                f"noise up to {highest:g} Hz for {stop:g} s takes {2.0 * highest * stop:.3g} samples",
                expected=f"at most {MAX_STEPS:.0e}",
            )
        seed = self.noise_seed
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0):
            raise UsageError(f"noise_seed is {seed!r}", expected="a whole number from 0 on")
        return NoiseBand(highest, lowest, None if seed is None else int(seed))

    def _times(self) -> tuple[float, float, float, float]:
        """Return start, stop, step and the largest step."""
        stop = require_finite("stop", self.stop, positive=True)
        start = require_finite("start", self.start)
        step = stop / 100.0 if self.step is None else require_finite("step", self.step, positive=True)
        if not 0.0 <= start < stop:
            raise UsageError(f"start = {start:g} s lies outside 0 .. stop = {stop:g} s")
        limit = min(step, (stop - start) / 50.0)
        max_step = limit if self.max_step is None else require_finite("max_step", self.max_step, positive=True)
        max_step = min(max_step, stop)
        if stop / max_step > MAX_STEPS:
            raise UsageError(
                f"a transient of {stop:g} s has {stop / max_step:.3g} steps of at most {max_step:g} s",
                expected=f"at most {MAX_STEPS:.0e} steps",
            )
        return start, stop, step, max_step

    def run(self, system: System, progress: Progress | None = None) -> Result:
        """Return one row an accepted time point."""
        if self.stream is None or isinstance(self.stream, RawStream):
            return self._run(system, self.stream, progress)
        with RawStream(self.stream) as stream:
            return self._run(system, stream, progress)

    def _run(self, system: System, stream: RawStream | None, progress: Progress | None) -> Result:
        start, stop, step, max_step = self._times()
        noise = self._noise(stop)
        system.engine.reset_report()
        system.set_waveforms(step=step, stop=stop)
        chosen, variables = columns(system)
        if stream is None:
            shortest = max_step if noise is None else min(max_step, 0.5 / noise.highest)
            require_memory("the transient", (stop - start) / shortest, len(chosen) + 1)
        x, q = self._beginning(system, stop)
        variables.insert(0, Variable("time", "time"))
        title = system.circuit.title
        if stream is not None:
            stream.begin(self.name, title, variables)

        def result(points: np.ndarray, counts: dict[str, Any], checkpoint: Checkpoint) -> Result:
            data = points if stream is None else stream.end()
            made = Result("tran1", "tran", title, variables, data, statistics(system, **counts))
            made.checkpoint = checkpoint
            return made

        try:
            status, points, counts, stopped = system.transient(
                x,
                q,
                chosen,
                start=0.0 if self.resume is None else self.resume.time,
                stop=stop,
                record_from=start,
                max_step=max_step,
                # Given initial conditions fit no equation: a very short step finds what goes with them.
                first_step=1e-6 * max_step if self.uic else min(0.1 * max_step, 0.01 * stop),
                inconsistent=self.uic,
                noise=noise,
                resume=self.resume,
                sink=None if stream is None else stream.write,
                progress=progress,
            )
        except KeyboardInterrupt as interrupt:
            if hasattr(interrupt, "computed"):
                vars(interrupt)["result"] = result(*interrupt.computed[1:])
            raise
        found = result(points, counts, stopped)
        if status == _engine.CONTINUE:
            raise AnalysisError(
                f"the transient stopped at {found.statistics['time']:.6g} s of {stop:g} s: "
                f"its {len(found)} points of {len(chosen) + 1} vectors fill the memory",
                hint="stream them to a file, record from a later TSTART, or fewer vectors by .save",
                result=found,
            )
        if status != _engine.OK:
            counts = found.statistics
            refused = sum(count for key, count in counts.items() if key.startswith("rejected"))
            tried = f"after {counts['accepted']} steps, {refused} more refused, the last of {counts['step']:.3g} s"
            system.fail(status, f"the transient stopped at {counts['time']:.6g} s of {stop:g} s {tried}", found)
        return found

    def _beginning(self, system: System, stop: float) -> tuple[np.ndarray, np.ndarray]:
        """Return unknowns and charges at the start; a checkpoint brings its own."""
        if self.resume is not None:
            if not isinstance(self.resume, Checkpoint):
                raise UsageError(
                    f"resume = {self.resume!r} is no checkpoint", expected="result.checkpoint of a transient"
                )
            if self.uic:
                raise UsageError(
                    "a transient begins at a checkpoint or at initial conditions", expected="resume or uic"
                )
            if self.resume.time >= stop:
                raise UsageError(
                    f"the checkpoint is at {self.resume.time:g} s", expected=f"a time before stop = {stop:g} s"
                )
            return np.zeros(system.n + 1), np.zeros(system.n + 1)
        if self.uic:
            return system.initial_conditions()
        x = np.append(system.operating_point(at_time_zero=True, use_ic=True), 0.0)
        return x, system.engine.charges(x)


EXPORT = Tran
