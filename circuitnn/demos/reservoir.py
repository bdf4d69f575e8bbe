"""One oscillator as a whole reservoir by multiplexing in time (Torrejon et al., 2017): waveforms, digits, chaos."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from circuitnn.demos.digits import load_digits
from circuitnn.oscillators.drives import Samples
from circuitnn.oscillators.vortices import Vortices
from circuitnn.results.atomic import new_folder

Array = NDArray[np.float64]
Kind = Literal["oscillator", "static", "linear", "none"]

#: What stands between the masked input and the read-out.
KINDS: dict[Kind, str] = {
    "oscillator": "oscillator",
    "static": "oscillator without memory",
    "linear": "linear low-pass of the same time",
    "none": "no oscillator",
}
#: Virtual neurons of a point of a waveform or of a series, and of a column of an image.
WAVE_NEURONS, DIGIT_NEURONS = 24, 50
#: Points of a period, and periods in training and held out.
POINTS, PERIODS = 8, 80
#: Points of the series of Mackey and Glass, half for training; time between them in its own unit.
SERIES, SPACING = 1200, 3.0
#: Penalties of the ridge regressions, of standardised states, a sample.
WAVE_RIDGE, DIGIT_RIDGE, SERIES_RIDGE = 1e-9, 1e-3, 1e-9
#: Presentations over which the trace of the oscillator is averaged, for each column of the results; None: no noise.
AVERAGES = (None, 16, 1)
#: Time steps of a virtual neuron.
STEPS = 5
#: Of the junction, ohm, for the estimate of energy.
RESISTANCE = 100.0


@dataclass(frozen=True)
class Reservoir:
    """One vortex oscillator whose current follows a masked input; the envelope of its voltage is read.

    It is one of `Vortices`, in a disk 375 nm wide, whose size sets how strong thermal noise is. The nonlinearities of
    stiffness and damping act on the power by their sum only, which here is all in the damping: frequencies, which
    nothing reads, then need not be resolved by the time steps.

    Parameters
    ----------
    bias, swing : float
        Direct current, and change of current for an input of 1, over the current of threshold.
    theta : float
        Duration of one virtual neuron, s.
    temp : float
        K.
    resistance_swing : float
        Amplitude of the resistance for a core at the edge, ohm.
    """

    bias: float = 1.35
    swing: float = 0.3
    theta: float = 25e-9
    temp: float = 300.0
    resistance_swing: float = 20.0

    def population(self, n: int) -> Vortices:
        """Return n copies of the oscillator, without current."""
        disk = Vortices(
            n, ms=1.28e6, radius=187.5e-9, thickness=6e-9, alpha=0.005, xi=0.75, polariser=0.2, efficiency=0.45
        )
        disk.frame = float(disk.gyration[0])
        return disk

    @property
    def relaxation(self) -> float:
        """Time in which a small change of power dies out at the bias, s.

        Examples
        --------
        >>> round(Reservoir().relaxation * 1e9)
        90
        """
        disk = self.population(1)
        return float(1.0 / (4.0 * np.pi * disk.drag[0] * disk.gyration[0] * (self.bias - 1.0)))

    def current(self, masked: Array) -> Array:
        """Return the current for a masked input, A."""
        return np.asarray((self.bias + self.swing * masked) * self.population(1).threshold[0])

    def rest(self, masked: Array) -> Array:
        """Return the power at which it stays under a constant input, without noise."""
        disk = self.population(masked.size)
        disk.current = self.current(masked.ravel())
        return disk.power.reshape(masked.shape)

    def envelope(self, masked: Array, seed: int | None) -> Array:
        """Return the envelope of the voltage, V, at the end of each virtual neuron of masked inputs (n, neurons).

        Parameters
        ----------
        masked : ndarray (n, neurons)
            Each line drives an oscillator of its own from its rest at the bias.
        seed : int or None
            None: without noise.

        Examples
        --------
        >>> Reservoir().envelope(np.zeros((1, 3)), None).round(6).tolist()  # 20 ohm, 6.95 mA, s = 0.683
        [[0.094982, 0.094982, 0.094982]]
        """
        disk, step = self.population(len(masked)), self.theta / STEPS
        current = self.current(masked)
        # The current changes at a step's middle: what is recorded at its start has nothing of the next input.
        drive = Samples(np.ascontiguousarray(current.T), self.theta, start=0.5 * step, hold=True)
        noise = {} if seed is None else {"temp": self.temp, "seed": seed}
        run = disk.run(
            self.theta * masked.shape[1], step, method="heun", drive=drive, every=STEPS,
            start=np.sqrt(self.rest(np.zeros(1))[0]), **noise,
        )  # fmt: skip
        return np.asarray(current * self.resistance_swing * np.abs(run["c"][1:].T))

    def states(self, masked: Array, random: np.random.Generator) -> dict[tuple[Kind, int | None], Array]:
        """Return what the read-out gets for masked inputs (n, neurons), for each kind and each of `AVERAGES`.

        ``"static"`` has the power that it would settle to (no memory), ``"linear"`` is a low-pass filter with the time
        constant of small changes (no nonlinearity), ``"none"`` is the masked input itself. They get the noise that the
        oscillator's trace has, in the same ratio to the signal's deviation.
        """
        kinds = {"oscillator": self.envelope(masked, None), "none": masked, "linear": self._filtered(masked)}
        kinds["static"] = self.current(masked) * self.resistance_swing * np.sqrt(self.rest(masked))
        quiet = kinds["oscillator"]
        found: dict[tuple[Kind, int | None], Array] = {}
        for average in AVERAGES:
            noise = np.zeros(masked.shape)
            for _ in range(average or 0):
                noise += (self.envelope(masked, int(random.integers(2**63))) - quiet) / (average or 1)
            for kind in KINDS:
                found[kind, average] = kinds[kind] + noise * (kinds[kind].std() / quiet.std())
        return found

    def _filtered(self, masked: Array) -> Array:
        keep = np.exp(-self.theta / self.relaxation)
        found, value = np.empty(masked.shape), np.zeros(len(masked))
        for k in range(masked.shape[1]):
            value = keep * value + (1.0 - keep) * masked[:, k]
            found[:, k] = value
        return found


@dataclass(frozen=True)
class ReservoirRow:
    """What one kind of reservoir reaches on data not seen in training, for each of `AVERAGES`.

    Mean and deviation over seeds (masks, order of data, noise): of waveforms and digits the accuracy in percent, of the
    series the root mean square error over the deviation of what is predicted.
    """

    task: str
    label: str
    scores: tuple[float, ...]
    spreads: tuple[float, ...]


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
        Of one presentation of a point of a waveform and of an image, J: power of the current times the time.
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


def chaos(points: int) -> Array:
    """Return points of the equation of Mackey and Glass, x' = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x.

    Science 197, 287 (1977). By Heun's method in steps of 0.1, from x = 1.2 and after 300 units of time.
    """
    delay, each = 170, round(10.0 * SPACING)
    x = np.full(delay + 3000 + points * each + 1, 1.2)
    feed = 0.2 * x / (1.0 + x**10)
    for k in range(delay, len(x) - 1):
        old, new = feed[k - delay], feed[k - delay + 1]
        slope = old - 0.1 * x[k]
        x[k + 1] = x[k] + 0.05 * (slope + new - 0.1 * (x[k] + 0.1 * slope))
        feed[k + 1] = 0.2 * x[k + 1] / (1.0 + x[k + 1] ** 10)
    return x[delay + 3000 :: each][:points]


def waves(device: Reservoir, seed: int) -> dict[tuple[Kind, int | None], float]:
    """Return accuracies in percent, point by point, on held-out periods of sine and square."""
    random = np.random.default_rng((1, seed))
    mask = random.choice([-1.0, 1.0], WAVE_NEURONS)
    points, square = waveform(random, 2 * PERIODS)
    half, scores = len(points) // 2, {}
    for which, states in device.states(np.outer(points, mask).reshape(1, -1), random).items():
        x = states.reshape(len(points), WAVE_NEURONS)
        found = readout(x[:half], square[:half, None], WAVE_RIDGE)(x[half:])[:, 0] > 0.5
        scores[which] = 100.0 * float((found == (square[half:] > 0.5)).mean())
    return scores


def images(device: Reservoir, seed: int) -> dict[tuple[Kind, int | None], float]:
    """Return accuracies in percent on the held-out digits of the package, presented column by column."""
    random = np.random.default_rng((2, seed))
    digits = load_digits()
    mask = random.choice([-1.0, 1.0], (8, DIGIT_NEURONS)) / 4.0
    pixels = np.concatenate([digits.x_train, digits.x_test])
    masked = (pixels.reshape(-1, 8, 8).transpose(0, 2, 1) @ mask).reshape(len(pixels), -1)
    half, scores = len(digits.x_train), {}
    for which, x in device.states(masked, random).items():
        read = readout(x[:half], np.eye(10)[digits.y_train], DIGIT_RIDGE)
        scores[which] = 100.0 * float((read(x[half:]).argmax(axis=1) == digits.y_test).mean())
    return scores


def prediction(device: Reservoir, seed: int) -> dict[tuple[Kind, int | None], float]:
    """Return relative errors of the next point of the chaotic series, which the reservoir gets point by point."""
    random = np.random.default_rng((3, seed))
    mask = random.choice([-1.0, 1.0], WAVE_NEURONS)
    series = chaos(SERIES + 1)
    points = 2.0 * (series - series.min()) / np.ptp(series) - 1.0
    half, scores = SERIES // 2, {}
    for which, states in device.states(np.outer(points[:-1], mask).reshape(1, -1), random).items():
        x = states.reshape(SERIES, WAVE_NEURONS)
        wrong = readout(x[:half], points[1 : half + 1, None], SERIES_RIDGE)(x[half:])[:, 0] - points[half + 1 :]
        scores[which] = float(wrong.std() / points[half + 1 :].std())
    return scores


def run_reservoir(
    out_dir: str | os.PathLike[str], *, progress: Callable[[float], None] | None = None, quick: bool = False
) -> ReservoirReport:
    """Tell waveforms, read digits and predict a series with one oscillator, and without what it does, and draw it.

    The oscillator is also run at a quarter of the distance from its threshold and four times more slowly: without noise
    nearly the same, with noise weaker.

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
    folder = new_folder(out_dir)
    device, seeds = Reservoir(), 2 if quick else 5
    weak = Reservoir(bias=1.0 + 0.25 * (device.bias - 1.0), swing=0.25 * device.swing, theta=4.0 * device.theta)
    rows: list[ReservoirRow] = []
    tasks = (("waveforms", waves), ("digits", images), ("series", prediction))
    for k, (task, measure) in enumerate(tasks):
        found = []
        for seed in range(seeds):
            strong = measure(device, seed)
            found.append((strong, measure(weak, seed)))
            if progress:
                progress((k + (seed + 1) / seeds) / len(tasks))
        for kind, label in KINDS.items():
            rows.append(_row(task, label, [[one[kind, average] for average in AVERAGES] for one, _ in found]))
        slow = [[one["oscillator", average] for average in AVERAGES] for _, one in found]
        rows.append(_row(task, f"oscillator at {weak.bias:.2f} of the threshold", slow))
    picture = folder / "reservoir.png"
    _draw(picture, device, rows)
    threshold = device.population(1).threshold[0]
    power = RESISTANCE * threshold**2
    wave_energy = float(power * (device.bias**2 + device.swing**2) * WAVE_NEURONS * device.theta)
    digit_energy = float(power * device.bias**2 * 8 * DIGIT_NEURONS * device.theta)
    return ReservoirReport(
        tuple(rows), seeds, device.relaxation, wave_energy, digit_energy, (picture,), time.perf_counter() - started
    )


def _row(task: str, label: str, scores: list[list[float]]) -> ReservoirRow:
    mean, spread = np.mean(scores, axis=0), np.std(scores, axis=0, ddof=1)
    return ReservoirRow(task, label, tuple(map(float, mean)), tuple(map(float, spread)))


def _draw(path: Path, device: Reservoir, rows: list[ReservoirRow]) -> None:
    """Draw the masked input and the envelope of one sine and one square, and the accuracies."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from circuitnn.results.atomic import replacing

    random = np.random.default_rng(0)
    mask = random.choice([-1.0, 1.0], WAVE_NEURONS)
    phase = 2.0 * np.pi * np.arange(POINTS) / POINTS
    points = np.r_[np.sin(phase), np.where(np.arange(POINTS) < POINTS // 2, 1.0, -1.0)]
    masked = np.outer(points, mask).ravel()
    micros = 1e6 * device.theta * np.arange(1, len(masked) + 1)
    figure = Figure(figsize=(11.0, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1.6, 1.0))
    left.plot(micros, 1e3 * device.envelope(masked[None], 0)[0], color="C0", lw=0.9, label="envelope, one presentation")
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
        for average, alpha in ((1, 1.0), (0, 0.35)):
            right.barh(
                np.arange(len(names)) + 0.4 * k, [mine[n].scores[average] for n in names], 0.38, color=f"C{k}",
                alpha=alpha, label=f"{task}, {'16 presentations' if average else 'no noise'}",
            )  # fmt: skip
    right.set_yticks(np.arange(len(names)) + 0.2, names)
    right.invert_yaxis()
    right.set(xlabel="held out, right (%)", xlim=(40, 101), title="accuracy")
    right.legend(loc="lower right", fontsize=7)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
