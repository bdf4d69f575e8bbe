"""Spoken vowels told apart by which of four spin-torque oscillators lock to two tones, after Romera et al. (2018)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from circuitnn.demos.tones import Oscillators
from circuitnn.errors import FileError
from circuitnn.results.atomic import new_folder

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

FILE = "hillenbrand1995_vowdata.dat"
VOWELS = ("ae", "ah", "aw", "er", "ih", "iy", "uw")
#: Places of a tone: at the first of its two oscillators, at the second, beyond both. Tone A is there for oscillators 1
#: and 2, tone B for 3 and 4. A vowel's region is a place of each tone; that beyond all four is nobody's.
FIRST, SECOND, BEYOND = 0, 1, 2
#: Frequencies, Hz, for which the tones are scaled: the middles of ranges of locking, and their spacing.
MIDDLES = np.array([320e6, 331e6, 362e6, 373e6])
SPACING = 11e6
#: A mean frequency this near to a tone is locked to it, Hz.
NEAR = 0.4e6
#: Frequencies at which learning starts, Hz: off by up to more than half the spacing.
START = np.array([327e6, 338e6, 355e6, 380e6])
#: Change of frequency of one update at the first step, Hz, and after how many steps it has halved.
RATE, HALVED = 3e6, 20
#: Penalty on squared weights of standardised formants in the fit of the tones, a token; and how far, in spacings, a
#: tone may be from its place without being called wrong there.
RIDGE, SLACK = 0.01, 0.2
#: Share of tokens or speakers held out.
HELD_OUT = 0.2
#: Number of the first split. Rates and penalties were compared on splits below it, the regions are found anew in each.
REPORTED = 100
#: Resistance of one junction, ohm, of the estimate of energy.
RESISTANCE = 100.0
#: Duration of a presentation, s: settling, and counting of phase.
SETTLE, LISTEN = 1e-6, 2e-6


@dataclass(frozen=True, eq=False)
class Vowels:
    """Tokens of women with all formants measured: 12 formants in Hz (n, 12), number of the vowel and speaker (n,)."""

    formants: Array
    vowel: Integers
    speaker: Integers


@dataclass(frozen=True)
class VowelRow:
    """One kind of split: mean and deviation over splits of the accuracy in percent, in training and held out."""

    label: str
    splits: int
    train: float
    train_spread: float
    test: float
    test_spread: float


@dataclass(frozen=True, eq=False)
class VowelReport:
    """What the demonstration found.

    Attributes
    ----------
    rows : tuple of VowelRow
    before : float
        Accuracy in training, in percent, of the frequencies at which learning starts.
    curve : ndarray (steps,)
        Accuracy in percent on the seven tokens of a step of learning, mean over splits.
    regions : ndarray (splits, 7, 2)
        Places of the two tones for each vowel, when tokens are held out.
    frequencies : ndarray (splits, 4)
        Of free oscillators after learning, Hz.
    energy : float
        Of one presentation, J: power of the direct currents in four junctions times the duration.
    tokens, speakers : int
    files : tuple of Path
    seconds : float
    """

    rows: tuple[VowelRow, ...]
    before: float
    curve: Array
    regions: Integers
    frequencies: Array
    energy: float
    tokens: int
    speakers: int
    files: tuple[Path, ...]
    seconds: float


def find_data(name: str = FILE) -> Path:
    """Return the path of a data file that is not part of the package.

    Raises
    ------
    FileError
        When it is not in the folder that the environment variable CIRCUITNN_DATA names, ``../shared/data`` when unset.
    """
    path = Path(os.environ.get("CIRCUITNN_DATA", "../shared/data")) / name
    if not path.is_file():
        raise FileError(
            f"{name} is not in {str(path.parent)!r}", hint="set CIRCUITNN_DATA to the folder that holds the data"
        )
    return path


def load_vowels(path: str | os.PathLike[str]) -> Vowels:
    """Return the tokens of seven vowels spoken by women, from the table of Hillenbrand et al. (1995).

    Tokens with a formant that could not be measured (a zero) are left out. The formants are F1 to F3 at the steady
    state and at 20, 50 and 80 % of the duration.

    Raises
    ------
    FileError
        When the file cannot be read or has no such tokens.
    """
    try:
        lines = Path(path).read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise FileError(f"cannot read {str(path)!r}: {error}") from error
    formants, vowel, speaker = [], [], []
    for fields in (line.split() for line in lines):
        if len(fields) != 16 or fields[0][0] != "w" or fields[0][3:] not in VOWELS:
            continue
        found = np.array(fields[3:6] + fields[7:16], dtype=np.float64)
        if found.all():
            formants.append(found)
            vowel.append(VOWELS.index(fields[0][3:]))
            speaker.append(int(fields[0][1:3]))
    if not formants:
        raise FileError(f"{str(path)!r} has no vowels of women", hint="the file is Hillenbrand's vowdata.dat")
    return Vowels(np.array(formants), np.array(vowel), np.array(speaker))


def split(vowels: Vowels, seed: int, by_speaker: bool) -> Flags:
    """Return which tokens are held out: a fifth of each vowel's tokens, or all tokens of a fifth of the speakers."""
    random = np.random.default_rng(seed)
    held_out = np.zeros(len(vowels.vowel), dtype=bool)
    if by_speaker:
        speakers = np.unique(vowels.speaker)
        chosen = random.permutation(speakers)[: round(HELD_OUT * len(speakers))]
        return np.isin(vowels.speaker, chosen)
    for k in range(len(VOWELS)):
        tokens = random.permutation(np.flatnonzero(vowels.vowel == k))
        held_out[tokens[: round(HELD_OUT * len(tokens))]] = True
    return held_out


def _fit(known: Array, place: Array) -> Array:
    """Return the combinations (13, m) of standardised formants and 1 that bring tones near their places (n, m).

    Ridge regression towards the nearest value that will do, repeated a few times; the oscillators take no part.
    """
    penalty = np.diag(np.append(np.full(known.shape[1] - 1, RIDGE * len(known)), 0.0))
    solve: Array = np.asarray(np.linalg.solve(known.T @ known + penalty, known.T), dtype=np.float64)
    lower, upper = place - SLACK, np.where(place == BEYOND, np.inf, place + SLACK)
    weights = solve @ place
    for _ in range(10):
        weights = solve @ np.clip(known @ weights, lower, upper)
    return np.asarray(weights)


def _standard(formants: Array) -> Array:
    scaled = (formants - formants.mean(axis=0)) / formants.std(axis=0)
    return np.c_[scaled, np.ones(len(formants))]


def choose_regions(formants: Array, vowel: Integers) -> Integers:
    """Return the places (7, 2) of the two tones for each vowel: regions that most of these tokens can be brought to.

    Every way to give each vowel a place is fitted for one tone; pairs of ways that leave each vowel a region of its
    own are compared by how many tokens both tones bring to their places.
    """
    maps = np.array(list(product((FIRST, SECOND, BEYOND), repeat=len(VOWELS))))
    place = maps[:, vowel].T.astype(np.float64)
    known = _standard(formants)
    found = known @ _fit(known, place)
    right = np.where(place == BEYOND, found > place - 0.5, np.abs(found - place) < 0.5).T.astype(np.float32)
    alike = [maps[:, j] == maps[:, k] for j, k in combinations(range(len(VOWELS)), 2)]
    clash = np.column_stack([*alike, maps == BEYOND]).astype(np.float32)
    score = np.where(clash @ clash.T > 0.0, -1.0, right @ right.T)
    return maps[list(np.unravel_index(score.argmax(), score.shape))].T


def fit_tones(formants: Array, place: Integers) -> Array:
    """Return the linear combinations (13, 2) of the formants and 1 that give the tones A and B, Hz.

    A tone shall come near the middle of the range of its place's oscillator, or beyond the ranges.

    Parameters
    ----------
    formants : ndarray (n, 12), Hz
    place : ndarray (n, 2)
        Of each token's vowel.
    """
    combination = _fit(_standard(formants), place.astype(np.float64)) * SPACING
    combination[-1] += MIDDLES[::2]
    combination[:-1] /= formants.std(axis=0)[:, None]
    combination[-1] -= formants.mean(axis=0) @ combination[:-1]
    return combination


def recognised(locked: Flags, places: Integers) -> Integers:
    """Return the vowel in whose region each pattern (..., oscillators, tones) is, -1 where it is in none's.

    Only the oscillators that a tone is there for count.

    Parameters
    ----------
    places : ndarray (..., 7, 2)
        Of the vowels.
    """
    first = np.stack([locked[..., 0, 0], locked[..., 2, 1]], axis=-1)
    second = np.stack([locked[..., 1, 0], locked[..., 3, 1]], axis=-1)
    place = np.where(first & second, -1, np.where(first, FIRST, np.where(second, SECOND, BEYOND)))
    same = (place[..., None, :] == places).all(axis=-1)
    return np.where(same.any(axis=-1), same.argmax(axis=-1), -1)


def correction(frequency: Array, tones: Array, locked: Flags, place: Integers) -> Array:
    """Return directions (..., oscillators) in which learning moves the frequencies after one token.

    An oscillator that should have locked to a tone and did not moves towards it; one that locked and should not have
    moves away; the others stay.

    Parameters
    ----------
    place : ndarray (..., 2)
        Of the token's vowel.
    """
    move = np.zeros(frequency.shape)
    for j in range(4):
        tone, wanted = j // 2, place[..., j // 2] == j % 2
        towards = np.sign(tones[..., tone] - frequency[..., j])
        move[..., j] = towards * (wanted.astype(np.float64) - locked[..., j, tone])
    return move


def learn(
    oscillators: Oscillators,
    tones: Array,
    places: Integers,
    vowel: Integers,
    train: Flags,
    random: np.random.Generator,
    steps: int,
) -> tuple[Array, Array]:
    """Tune the currents on-line: each step presents one token of each vowel, then moves the frequencies.

    Parameters
    ----------
    tones : ndarray (splits, n, 2), Hz
    places : ndarray (splits, 7, 2)
        Of the vowels.
    vowel : ndarray (n,)
    train : ndarray (splits, n) of bool
        Tokens that may be presented.
    random : numpy.random.Generator
        For tokens, phases and noise.

    Returns
    -------
    frequencies : ndarray (splits, 4), Hz
        Of free oscillators; their currents follow from the curve of tuning.
    curve : ndarray (steps, splits)
        Share of the seven tokens that were recognised.
    """
    splits = len(tones)
    frequency = np.tile(START, (splits, 1))
    classes = np.arange(len(VOWELS))
    pools = [[np.flatnonzero(row & (vowel == k)) for k in classes] for row in train]
    curve = np.empty((steps, splits))
    for step in range(steps):
        chosen = np.array([[random.choice(pool) for pool in row] for row in pools])
        sent = np.take_along_axis(tones, chosen[:, :, None], axis=1)
        spread = np.repeat(frequency[:, None, :], len(classes), axis=1)
        locked = (
            np.abs(oscillators.drift(oscillators.current(spread), sent, random, settle=SETTLE, listen=LISTEN)) < NEAR
        )
        curve[step] = (recognised(locked, places[:, None]) == classes).mean(axis=1)
        rate = RATE / (1.0 + step / HALVED)
        frequency = frequency + rate * correction(spread, sent, locked, places).mean(axis=1)
    return frequency, curve


def answers(
    oscillators: Oscillators, frequency: Array, tones: Array, places: Integers, random: np.random.Generator
) -> Integers:
    """Return the vowel recognised for tones (splits, n, 2) by networks of frequencies (splits, 4), -1 for none."""
    spread = np.broadcast_to(frequency[:, None, :], (*tones.shape[:2], 4))
    drift = oscillators.drift(oscillators.current(spread), tones, random, settle=SETTLE, listen=LISTEN)
    return recognised(np.abs(drift) < NEAR, places[:, None])


def network() -> Oscillators:
    """Return the four oscillators: each has its middle frequency at 1.8 times the current of threshold."""
    power = 0.8 / (1.8 + 2.0)
    return Oscillators(tuple(float(f) for f in MIDDLES - 100e6 * power))


def run_vowels(
    out_dir: str | os.PathLike[str], *, progress: Callable[[float], None] | None = None, quick: bool = False
) -> VowelReport:
    """Learn to tell seven vowels, with tokens and with speakers held out, and draw the map of synchronisation.

    Parameters
    ----------
    out_dir : path-like
        Folder, made when absent, for ``vowels.png``.
    progress : callable, optional
        Called with the fraction done.
    quick : bool
        Ten splits of each kind instead of twenty, fewer steps of learning, and a coarser map.

    Returns
    -------
    VowelReport

    Raises
    ------
    FileError
        When the data are absent (see `find_data`) or the folder or file cannot be written.
    """
    started = time.perf_counter()
    vowels = load_vowels(find_data())
    folder = new_folder(out_dir)
    splits, steps = (10, 80) if quick else (20, 120)
    oscillators = network()
    known = np.c_[vowels.formants, np.ones(len(vowels.vowel))]
    rows, curves, found, before = [], [], [], 0.0
    for kind, label in enumerate(("tokens held out", "speakers held out")):
        random = np.random.default_rng(kind)
        held_out = np.array([split(vowels, REPORTED + k, by_speaker=bool(kind)) for k in range(splits)])
        places = np.array([choose_regions(vowels.formants[~out], vowels.vowel[~out]) for out in held_out])
        tones = np.array(
            [
                known @ fit_tones(vowels.formants[~out], place[vowels.vowel[~out]])
                for out, place in zip(held_out, places, strict=True)
            ]
        )
        if kind == 0:
            right = answers(oscillators, np.tile(START, (splits, 1)), tones, places, random) == vowels.vowel
            before = 100.0 * float(right[~held_out].mean())
        frequency, curve = learn(oscillators, tones, places, vowels.vowel, ~held_out, random, steps)
        if progress:
            progress(0.4 * (kind + 1))
        right = answers(oscillators, frequency, tones, places, random) == vowels.vowel
        train = 100.0 * np.array([one[~out].mean() for one, out in zip(right, held_out, strict=True)])
        test = 100.0 * np.array([one[out].mean() for one, out in zip(right, held_out, strict=True)])
        spreads = float(train.std(ddof=1)), float(test.std(ddof=1))
        rows.append(VowelRow(label, splits, float(train.mean()), spreads[0], float(test.mean()), spreads[1]))
        curves.append(curve)
        found.append((frequency, places))
        if kind == 0:
            first = frequency[0], tones[0], places[0]
    curve = 100.0 * np.concatenate(curves, axis=1).mean(axis=1)
    picture = folder / "vowels.png"
    _draw(picture, oscillators, *first, vowels.vowel, curve, 41 if quick else 91)
    if progress:
        progress(1.0)
    current = oscillators.current(found[0][0])
    energy = float(RESISTANCE * (current**2).sum(axis=1).mean() * (SETTLE + LISTEN))
    return VowelReport(
        tuple(rows), before, curve, found[0][1], found[0][0], energy, len(vowels.vowel),
        len(np.unique(vowels.speaker)), (picture,), time.perf_counter() - started,
    )  # fmt: skip


def _draw(
    path: Path,
    oscillators: Oscillators,
    frequency: Array,
    tones: Array,
    places: Integers,
    vowel: Integers,
    curve: Array,
    points: int,
) -> None:
    """Draw which region each pair of tones falls in, with the tokens on it, and the accuracy while learning."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from circuitnn.results.atomic import replacing

    spans = [np.linspace(tones[:, k].min() - 2e6, tones[:, k].max() + 2e6, points) for k in range(2)]
    grid = np.stack(np.meshgrid(*spans), axis=-1).reshape(1, -1, 2)
    region = answers(oscillators, frequency[None], grid, places[None], np.random.default_rng(0))[0]

    figure = Figure(figsize=(11.0, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1.5, 1.0))
    colours = ["#ffffff"] + [f"C{k}" for k in range(len(VOWELS))]
    extent = (1e-6 * spans[0][0], 1e-6 * spans[0][-1], 1e-6 * spans[1][0], 1e-6 * spans[1][-1])
    from matplotlib.colors import ListedColormap

    left.imshow(
        region.reshape(points, points), cmap=ListedColormap(colours), vmin=-1.5, vmax=6.5, origin="lower",
        extent=extent, aspect="auto", alpha=0.35, interpolation="nearest",
    )  # fmt: skip
    for k, name in enumerate(VOWELS):
        mine = 1e-6 * tones[vowel == k]
        locks = [f"{2 * t + places[k, t] + 1}{'AB'[t]}" for t in range(2) if places[k, t] != BEYOND]
        left.plot(
            mine[:, 0], mine[:, 1], "o", ms=3.5, color=f"C{k}", mec="k", mew=0.3, label=f"{name} ({' '.join(locks)})"
        )
    left.set(xlabel="tone A (MHz)", ylabel="tone B (MHz)", title="regions of synchronisation and tokens")
    left.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)
    right.plot(np.arange(1, len(curve) + 1), curve, color="C0")
    right.set(
        xlabel="step of learning (seven tokens)", ylabel="recognised (%)", title="mean over splits", ylim=(0, 101)
    )
    right.grid(alpha=0.3)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
