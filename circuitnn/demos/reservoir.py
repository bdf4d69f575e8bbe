"""One oscillator as a whole reservoir by multiplexing in time, after Torrejon et al. (2017): waveforms and digits."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from circuitnn.demos.digits import load_digits
from circuitnn.devices.physics import BOLTZMANN
from circuitnn.errors import FileError

Array = NDArray[np.float64]
Kind = Literal["oscillator", "static", "linear", "none"]

#: What stands between the masked input and the read-out.
KINDS: dict[Kind, str] = {
    "oscillator": "oscillator",
    "static": "oscillator without memory",
    "linear": "linear low-pass of the same time",
    "none": "no oscillator",
}
#: Duration of one virtual neuron, s.
THETA = 100e-9
#: Virtual neurons of a point of a waveform and of a column of an image.
WAVE_NEURONS, DIGIT_NEURONS = 24, 50
#: Points of a period, and periods in training and held out.
POINTS, PERIODS = 8, 80
#: Penalties of the ridge regressions, of standardised states, a sample.
WAVE_RIDGE, DIGIT_RIDGE = 1e-9, 1e-3
#: Presentations over which the trace of the oscillator is averaged.
AVERAGE = 16
#: Of the junction, ohm, for the estimate of energy.
RESISTANCE = 100.0


@dataclass(frozen=True)
class Envelope:
    """The power of a vortex oscillator's orbit under a current that changes in steps, with thermal noise.

    dp/dt = a p - b p^2 with a = 2 Gamma (I / I_th - 1), b = 2 Gamma (Q + I / I_th): the amplitude of Slavin and
    Tiberkevich (IEEE Trans. Magn. 45, 1875, 2009), whose phase nothing depends on here. While the current is constant
    the solution is known; between such pieces thermal noise kicks both quadratures with the variance Gamma k T / beta a
    second.

    Parameters
    ----------
    damping : float
        Gamma, 1/s.
    q : float
        Nonlinearity of the damping.
    threshold, bias : float
        I_th and the direct current, A.
    swing : float
        Current of an input of 1, A.
    energy : float
        beta, J.
    temp : float
        K.
    resistance_swing : float
        Amplitude of the resistance at p = 1, ohm.
    """

    damping: float = 5e6
    q: float = 2.0
    threshold: float = 4e-3
    bias: float = 5e-3
    swing: float = 2e-3
    energy: float = 7.7e-18
    temp: float = 300.0
    resistance_swing: float = 20.0

    @property
    def relaxation(self) -> float:
        """Time in which a small change of power dies out at the bias, s: 1 / (2 Gamma (I / I_th - 1)).

        Examples
        --------
        >>> round(Envelope().relaxation * 1e9)
        400
        """
        return 1.0 / (2.0 * self.damping * (self.bias / self.threshold - 1.0))

    def rest(self, current: Array) -> Array:
        """Return the power at which it stays under a constant current, without noise: (z - 1) / (z + Q), at least 0."""
        z = current / self.threshold
        return np.asarray(np.maximum(z - 1.0, 0.0) / (z + self.q))

    def powers(self, current: Array, hold: float, random: np.random.Generator, *, pieces: int = 2) -> Array:
        """Return the power at the end of each step of the current.

        Parameters
        ----------
        current : ndarray (..., steps), A
            Each value holds for ``hold`` seconds. Leading axes are independent oscillators.
        hold : float
        random : numpy.random.Generator
        pieces : int
            Kicks of noise in a step.

        Returns
        -------
        ndarray (..., steps)
            The start is at rest at the bias.

        Examples
        --------
        >>> quiet = Envelope(temp=0.0)
        >>> quiet.powers(np.array([8e-3] * 50), 100e-9, np.random.default_rng(0))[-1].round(6)
        np.float64(0.25)
        """
        z = current / self.threshold
        span = hold / pieces
        a, b = 2.0 * self.damping * (z - 1.0), 2.0 * self.damping * (self.q + z)
        x = a * span
        growth = np.expm1(x)
        # (exp(x) - 1) / a, which is the span itself where a vanishes
        integral = span * np.divide(growth, x, out=np.ones_like(x), where=np.abs(x) > 1e-12)
        kick = np.sqrt(self.damping * BOLTZMANN * self.temp / self.energy * span)
        p = np.broadcast_to(self.rest(np.array(self.bias)), z.shape[:-1]).copy()
        found = np.empty(z.shape)
        for k in range(z.shape[-1]):
            for _ in range(pieces):
                p = p * (1.0 + growth[..., k]) / (1.0 + b[..., k] * integral[..., k] * p)
                if kick > 0.0:
                    noise = kick * random.standard_normal((2, *p.shape))
                    p = (np.sqrt(p) + noise[0]) ** 2 + noise[1] ** 2
            found[..., k] = p
        return found

    def states(self, masked: Array, random: np.random.Generator, kind: Kind = "oscillator", average: int = 1) -> Array:
        """Return what the read-out gets for a masked input (..., steps), one value a virtual neuron.

        The oscillator gives the envelope of its voltage, current times amplitude of the resistance. ``"static"`` has
        the power that it would settle to (no memory), ``"linear"`` is a low-pass filter with the time constant of
        small changes (no nonlinearity), ``"none"`` is the masked input itself. Only the oscillator has noise; its
        trace is the mean over ``average`` presentations.
        """
        current = self.bias + self.swing * masked
        if kind == "none":
            return masked
        if kind == "linear":
            keep = np.exp(-THETA / self.relaxation)
            found, value = np.empty(masked.shape), np.zeros(masked.shape[:-1])
            for k in range(masked.shape[-1]):
                value = keep * value + (1.0 - keep) * masked[..., k]
                found[..., k] = value
            return found
        if kind == "static":
            return np.asarray(current * self.resistance_swing * np.sqrt(self.rest(current)))
        total = np.zeros(masked.shape)
        for _ in range(average):
            total += np.sqrt(self.powers(current, THETA, random))
        return np.asarray(current * self.resistance_swing * total / average)


@dataclass(frozen=True)
class ReservoirRow:
    """Accuracy in percent on data not seen in training, mean and deviation over seeds (masks, data order, noise)."""

    task: str
    label: str
    accuracy: float
    spread: float


@dataclass(frozen=True)
class ReservoirReport:
    """What the demonstration found.

    Attributes
    ----------
    rows : tuple of ReservoirRow
    seeds : int
    relaxation : float
        Of the oscillator, s.
    wave_energy, digit_energy : float
        Of one point of a waveform and of one image, J: power of the current times the time.
    files : tuple of Path
    seconds : float
    """

    rows: tuple[ReservoirRow, ...]
    seeds: int
    relaxation: float
    wave_energy: float
    digit_energy: float
    files: tuple[Path, ...]
    seconds: float


def waveform(random: np.random.Generator, periods: int) -> tuple[Array, Array]:
    """Return points of sine and square periods in random order, and for each point whether its period is a square.

    Two of the eight points of a sine have the values of a square: a point alone does not tell.

    Examples
    --------
    >>> points, square = waveform(np.random.default_rng(0), 3)
    >>> points.shape, square.shape
    ((24,), (24,))
    """
    phase = 2.0 * np.pi * np.arange(POINTS) / POINTS
    shapes = np.array([np.sin(phase), np.where(np.arange(POINTS) < POINTS // 2, 1.0, -1.0)])
    square = random.permutation(np.arange(periods) % 2)
    return shapes[square].ravel(), np.repeat(square, POINTS).astype(np.float64)


def readout(states: Array, target: Array, penalty: float) -> Callable[[Array], Array]:
    """Return the linear map of states (n, neurons) to targets (n, outputs), by ridge regression on standardised states.

    Parameters
    ----------
    penalty : float
        On squared weights, a sample.
    """
    middle, scale = states.mean(axis=0), states.std(axis=0)
    scale = np.where(scale > 1e-9 * np.abs(scale).max(), scale, 1.0)  # columns that say nothing stay near zero
    known, offset = (states - middle) / scale, target.mean(axis=0)
    square = known.T @ known + penalty * len(known) * np.eye(known.shape[1])
    weights = np.linalg.solve(square, known.T @ (target - offset))
    return lambda new: np.asarray((new - middle) / scale @ weights + offset)


def waves(device: Envelope, seed: int, kind: Kind, average: int = AVERAGE) -> float:
    """Return the accuracy in percent, point by point, on held-out periods of sine and square."""
    random = np.random.default_rng((1, seed))
    mask = random.choice([-1.0, 1.0], WAVE_NEURONS)
    points, square = waveform(random, 2 * PERIODS)
    states = device.states(np.outer(points, mask).ravel(), random, kind, average).reshape(len(points), WAVE_NEURONS)
    half = len(points) // 2
    read = readout(states[:half], square[:half, None], WAVE_RIDGE)
    found = read(states[half:])[:, 0] > 0.5
    return 100.0 * float((found == (square[half:] > 0.5)).mean())


def images(device: Envelope, seed: int, kind: Kind, average: int = AVERAGE) -> float:
    """Return the accuracy in percent on the held-out digits of the package, presented column by column."""
    random = np.random.default_rng((2, seed))
    digits = load_digits()
    mask = random.choice([-1.0, 1.0], (8, DIGIT_NEURONS)) / 4.0

    def present(x: Array) -> Array:
        columns = x.reshape(-1, 8, 8).transpose(0, 2, 1)
        return device.states((columns @ mask).reshape(len(x), -1), random, kind, average)

    read = readout(present(digits.x_train), np.eye(10)[digits.y_train], DIGIT_RIDGE)
    return 100.0 * float((read(present(digits.x_test)).argmax(axis=1) == digits.y_test).mean())


def run_reservoir(
    out_dir: str | os.PathLike[str], *, progress: Callable[[float], None] | None = None, quick: bool = False
) -> ReservoirReport:
    """Tell sines from squares and read digits with one oscillator, and without what it does, and draw its traces.

    Parameters
    ----------
    out_dir : path-like
        Folder, made when absent, for ``reservoir.png``.
    progress : callable, optional
        Called with the fraction done.
    quick : bool
        Two seeds instead of five.

    Returns
    -------
    ReservoirReport

    Raises
    ------
    FileError
        When the folder or the file cannot be written.
    """
    started = time.perf_counter()
    folder = Path(out_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise FileError(f"cannot make the folder {str(out_dir)!r}: {error}") from error
    device, seeds = Envelope(), 2 if quick else 5
    cold = replace(device, temp=0.0)
    cases: list[tuple[Envelope, Kind, str, int]] = [(device, kind, label, AVERAGE) for kind, label in KINDS.items()]
    cases += [
        (device, "oscillator", "oscillator, one presentation", 1),
        (cold, "oscillator", "oscillator without noise", 1),
    ]
    rows = []
    for task, measure in (("waveforms", waves), ("digits", images)):
        for what, kind, label, average in cases:
            found = [measure(what, seed, kind, average) for seed in range(seeds)]
            rows.append(ReservoirRow(task, label, float(np.mean(found)), float(np.std(found, ddof=1))))
            if progress:
                progress(len(rows) / (2 * len(cases)))
    picture = folder / "reservoir.png"
    _draw(picture, device, rows)
    power = RESISTANCE * (device.bias**2 + device.swing**2)
    wave_energy = power * AVERAGE * WAVE_NEURONS * THETA
    digit_energy = RESISTANCE * device.bias**2 * AVERAGE * 8 * DIGIT_NEURONS * THETA
    return ReservoirReport(
        tuple(rows), seeds, device.relaxation, wave_energy, digit_energy, (picture,), time.perf_counter() - started
    )


def _draw(path: Path, device: Envelope, rows: list[ReservoirRow]) -> None:
    """Draw the masked input and the envelope of one sine and one square, and the accuracies."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from circuitnn.results.atomic import replacing

    random = np.random.default_rng(0)
    mask = random.choice([-1.0, 1.0], WAVE_NEURONS)
    phase = 2.0 * np.pi * np.arange(POINTS) / POINTS
    points = np.r_[np.sin(phase), np.where(np.arange(POINTS) < POINTS // 2, 1.0, -1.0)]
    masked = np.outer(points, mask).ravel()
    micros = 1e6 * THETA * np.arange(1, len(masked) + 1)
    figure = Figure(figsize=(11.0, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1.6, 1.0))
    left.plot(micros, 1e3 * device.states(masked, random), color="C0", lw=0.9, label="envelope, one presentation")
    left.set(
        xlabel="time (µs)", ylabel="envelope of the voltage (mV)", title="a sine and a square through the oscillator"
    )
    second = left.twinx()
    second.step(micros, np.repeat(points, WAVE_NEURONS), color="C1", label="waveform", where="pre")
    second.set(ylabel="waveform", ylim=(-1.2, 4.0))
    left.legend(loc="upper left")
    second.legend(loc="upper right")
    names = list(dict.fromkeys(row.label for row in rows))
    for k, task in enumerate(("waveforms", "digits")):
        mine = {row.label: row for row in rows if row.task == task}
        right.barh(
            np.arange(len(names)) + 0.4 * k, [mine[n].accuracy for n in names], 0.38,
            xerr=[mine[n].spread for n in names], label=task,
        )  # fmt: skip
    right.set_yticks(np.arange(len(names)) + 0.2, names)
    right.invert_yaxis()
    right.set(xlabel="held out, right (%)", xlim=(40, 101), title="accuracy")
    right.legend(loc="lower right", fontsize=8)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
