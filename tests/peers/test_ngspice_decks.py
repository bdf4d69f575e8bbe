"""Every deck in netlists/peers runs unchanged in ngspice and here, and the two agree.

A deck may say near its top, with the reason after the colon, what differs from the default comparison:

``* compare tran 3e-3: why``            another tolerance for that analysis
``* compare tran 1e-3 v(in): why``      only these vectors
``* compare period 2e-3 v(a): why``     mean period of a vector instead of the waveforms
``* compare edges 1e-4 v(a): why``      instants of its middle crossings, in parts of the simulated time

ngspice writes noise and sensitivities only from a ``.control`` block, which is added where a deck asks for them.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

import circuitnn as cn
from circuitnn.devices.compiled import folder

DECKS = Path(__file__).parents[2] / "netlists" / "peers"
NAMES = sorted(path.stem for path in DECKS.glob("*.cir"))

#: op, dc: both engines solve the same equations in double precision to the deck's reltol of 1e-9 or so; 1e-6 leaves
#: room for a last Newton step that one of them does not take.  ac: one linear solve, where only the conditioning of the
#: matrix and the operating point are lost.  tran: at reltol = 1e-6 each engine's waveform is within about 1e-4 of its
#: swing; 1e-3 also holds the interpolation between unlike time points.
#: noise, tf: as op.  pz: ngspice searches roots until they move by less than about 1e-6.  sens: ngspice divides the
#: change of a solution by that of the parameter, 1e-6 of it, which leaves about six digits of the derivative at best.
DEFAULT = {
    "op": 1e-6, "dc": 1e-6, "ac": 1e-9, "tran": 1e-3, "noise": 1e-6, "noise_total": 1e-6, "tf": 1e-6, "pz": 1e-5,
    "sens": 1e-4,
}  # fmt: skip
#: Analyses whose vectors have names of their own.
SMALL_SIGNAL = ("noise", "noise_total", "tf", "sens", "pz")
#: A vector that should be zero holds rounding noise: this part of the largest of its kind counts as zero.
NOISE = 1e-9
#: Amperes below this are leakage through gmin and what abstol lets pass; volts below it are rounding.
FLOOR = 1e-12
#: A change of more than this part of the swing between two neighbouring points is an edge.
EDGE = 0.02

_PLOTS = {
    "operating": "op", "dc": "dc", "ac": "ac", "transient": "tran", "noise": "noise", "integrated": "noise_total",
    "transfer": "tf", "sensitivity": "sens", "pole-zero": "pz",
}  # fmt: skip
_COMPARE = re.compile(r"\*\s*compare\s+(\w+)\s+([\d.e+-]+)((?:\s+[^\s:]+(?::\w+)?(?=[\s:]))*)\s*:\s*(\S.*)")

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")


@dataclass(frozen=True)
class Wish:
    tolerance: float
    vectors: tuple[str, ...] = ()


def wishes(text: str) -> dict[str, Wish]:
    found = {kind: Wish(tolerance) for kind, tolerance in DEFAULT.items()}
    asked = {}
    for line in text.splitlines():
        match = _COMPARE.fullmatch(line)
        assert match or not line.startswith("* compare"), f"malformed comparison: {line}"
        if match:
            assert match[1] in (*DEFAULT, "period", "edges"), line
            asked[match[1]] = Wish(float(match[2]), tuple(match[3].split()))
    if asked.keys() & {"period", "edges"} and "tran" not in asked:
        del found["tran"]
    return found | asked


def read_raw(path: Path) -> dict[str, tuple[list[str], np.ndarray]]:
    """Binary raw file to kind -> (names, points by variables); written apart from the product's own reader."""
    data = path.read_bytes()
    plots, at = {}, 0
    while at < len(data):
        end = data.index(b"Binary:\n", at)
        header = data[at:end].decode("latin-1")
        at = end + len(b"Binary:\n")
        fields = dict(re.findall(r"^(Plotname|Flags|No\. Variables|No\. Points):\s*(.*?)\s*$", header, re.M))
        names = re.findall(r"^\t\d+\t(\S+)", header, re.M)
        dtype = np.complex128 if "complex" in fields["Flags"] else np.float64
        shape = int(fields["No. Points"]), int(fields["No. Variables"])
        count = shape[0] * shape[1]
        values = np.frombuffer(data, dtype, count, at).reshape(shape)
        at += count * np.dtype(dtype).itemsize
        kind = _PLOTS[fields["Plotname"].split()[0].lower()]
        rename = own_name if kind in SMALL_SIGNAL else canonical
        plots[kind] = [rename(n) for n in names], values
    return plots


def canonical(name: str) -> str:
    """ngspice's ``i(v.x1.vs)`` is ``i(x1.vs)`` here, and its ``v(@m1[vgs])`` is ``@m1[vgs]``."""
    name = re.sub(r"^[vi]\((@[^()]+)\)$", r"\1", name)
    return re.sub(r"i\(\w\.((?:[^.()]+\.)+)([^.()]+)\)", r"i(\1\2)", name.lower())


def own_name(name: str) -> str:
    """ngspice takes vectors of these analyses for voltages; ``onoise_r.x1.r2`` is ``onoise_x1.r2`` here, and BSIM's
    ``onoise.m1.id`` is ``onoise_m1_id``."""
    name = re.sub(r"[vi]\((.*)\)", r"\1", name.lower())
    if re.match(r"[oi]noise(_total)?\.", name):
        return name.replace(".", "_")
    return re.sub(r"(^|_)[a-z]\.((?:\w+\.)+)", r"\1\2", name)


def is_ours_to_have(name: str) -> bool:
    """Nodes that ngspice invents (in devices, for VALUE, POLY, TABLE, currents) and its helper branches are its own."""
    return name.startswith("v(") and not re.search(r"#|_int\d|_vmeas_\d|\$", name)


@pytest.fixture(scope="module")
def ngspice(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ngspice")

    def run(name: str):
        raw, deck = folder / f"{name}.raw", DECKS / f"{name}.cir"
        asked = ["-r", str(raw)]
        text = deck.read_text(encoding="utf-8", errors="replace")
        plots = [p for card, pair in WRITTEN.items() if re.search(rf"^\.{card}\b", text, re.M) for p in pair]
        if plots:
            deck = folder / f"{name}.cir"
            lines = [*(line for plot in plots for line in (f"setplot {plot}", f"write {raw}"))]
            block = "\n".join([".control", "set appendwrite", "run", *lines, "quit", ".endc", ".end", ""])
            deck.write_text(re.sub(r"^\.end\s*$", "", text, flags=re.M | re.I) + block, encoding="utf-8")
            asked = []
        done = subprocess.run(
            ["ngspice", "-b", *asked, str(deck)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=120,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return read_raw(raw)

    return run


#: Plots that a card makes, in decks with a card that ngspice writes from a control block alone.
WRITTEN = {"noise": ("noise1", "noise2"), "sens": ("sens1",)}


def crossings(time: np.ndarray, wave: np.ndarray, rising_only: bool) -> np.ndarray:
    middle = 0.5 * (wave.max() + wave.min())
    above = wave > middle
    where = np.flatnonzero(~above[:-1] & above[1:] if rising_only else above[:-1] != above[1:])
    part = (middle - wave[where]) / (wave[where + 1] - wave[where])
    return time[where] + part * (time[where + 1] - time[where])


def period(time: np.ndarray, wave: np.ndarray) -> float:
    instants = crossings(time, wave, rising_only=True)
    assert len(instants) >= 4, "it does not oscillate"
    return float(np.diff(instants[1:]).mean())


def steady_difference(names, ours, theirs, tolerance) -> list[str]:
    """Points of op, dc and ac: relative difference, with a floor of noise."""
    failures = []
    for kind in "vi":
        chosen = [n for n in names if n[0] == kind]
        largest = max((np.abs(theirs[n]).max() for n in chosen), default=0.0)
        floor = NOISE * largest + FLOOR
        for n in chosen:
            excess = np.abs(ours[n] - theirs[n]) / (np.abs(theirs[n]) + floor / tolerance)
            k = int(excess.argmax())
            if not excess[k] <= tolerance:
                failures.append(f"{n}[{k}]: {ours[n][k]:.12g} here, {theirs[n][k]:.12g} there ({excess[k]:.2e})")
    return failures


def own_difference(kind, names, ours, theirs, tolerance) -> list[str]:
    """Vectors with names of their own; poles and zeros in whatever order."""
    if kind == "pz":
        for what in ("pole", "zero"):
            here, there = (sorted_roots([s[n][0] for n in s if n.startswith(what)]) for s in (ours, theirs))
            assert len(here) == len(there), f"{len(here)} {what}s here, {len(there)} there"
            floor = NOISE * max(np.abs(there), default=0.0)
            np.testing.assert_allclose(here, there, rtol=tolerance, atol=floor)
        return []
    failures = []
    # a density without a contribution is rounding of the others
    largest = max((np.abs(theirs[n]).max() for n in names if n != "frequency"), default=0.0)
    floor = 0.0 if kind == "sens" else NOISE * largest
    for n in names:
        excess = np.abs(ours[n] - theirs[n]) / (np.abs(theirs[n]) + floor / tolerance + 1e-300)
        k = int(excess.argmax())
        if not excess[k] <= tolerance:
            failures.append(f"{n}[{k}]: {ours[n][k]:.12g} here, {theirs[n][k]:.12g} there ({excess[k]:.2e})")
    return failures


def flat_gain(spectra) -> bool:
    names, values = spectra
    gain = values[:, names.index("onoise_spectrum")] / values[:, names.index("inoise_spectrum")]
    return np.ptp(gain) <= 1e-9 * gain[0]


def sorted_roots(values: list[complex]) -> np.ndarray:
    """Neighbours in magnitude may change places by rounding: order by rounded parts first."""
    return np.array(sorted(values, key=lambda s: (f"{s.real:+.4e}", s.imag)), dtype=complex)


def envelope(time: np.ndarray, wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest value within one typical step of each point, its neighbours included."""
    reach = float(np.median(np.diff(time)))
    first = np.minimum(np.searchsorted(time, time - reach), np.maximum(np.arange(len(time)) - 1, 0))
    last = np.maximum(np.searchsorted(time, time + reach, "right"), np.minimum(np.arange(len(time)) + 2, len(time)))
    windows = [wave[a:b] for a, b in zip(first, last, strict=True)]
    return np.array([w.min() for w in windows]), np.array([w.max() for w in windows])


def waveform_difference(names, ours, theirs, tolerance) -> list[str]:
    """Ours, interpolated to ngspice's times; at an edge any value between the neighbouring points is right.

    Lines between points are right beside corners, monotone cubics where the waveform is smooth: the better one counts.
    """
    failures = []
    time = theirs["time"]
    for kind in "vi":
        chosen = [n for n in names if n[0] == kind]
        largest = max((np.ptp(theirs[n]) for n in chosen), default=0.0)
        for n in chosen:
            wave = theirs[n]
            swing = max(np.ptp(wave), 1e-6 * largest)
            if swing == 0.0:
                swing = max(abs(wave[0]), FLOOR)
            low, high = envelope(time, wave)
            edge = high - low > EDGE * swing
            low, high = np.where(edge, low, wave), np.where(edge, high, wave)
            candidates = np.interp(time, ours["time"], ours[n]), PchipInterpolator(ours["time"], ours[n])(time)
            excess = np.min([np.maximum(np.maximum(c - high, low - c), 0.0) for c in candidates], axis=0) / swing
            k = int(excess.argmax())
            if not excess[k] <= tolerance:
                failures.append(
                    f"{n} at {time[k]:.6g} s: {candidates[0][k]:.9g} here, {wave[k]:.9g} there ({excess[k]:.2e} swings)"
                )
    return failures


@pytest.mark.parametrize("name", NAMES)
def test_deck(name, ngspice):
    if name.startswith(("bsim", "mos9", "jfet2_")) and folder() is None:
        pytest.skip("the compiled models of the extra 'compact' are not installed")
    path = DECKS / f"{name}.cir"
    wish = wishes(path.read_text(encoding="utf-8", errors="replace"))
    peer = ngspice(name)
    results = cn.load(path).run()
    assert {r.kind for r in results.values()} == peer.keys()
    # With uic the first point of ours is what was given, inconsistent; ngspice shows none.
    first = 1 if " uic" in path.read_text(encoding="utf-8", errors="replace") else 0
    failures = []
    for kind, (names, values) in peer.items():
        result = results[kind]
        theirs = {n: values[:, k] for k, n in enumerate(names)}
        ours = {n: np.atleast_1d(result[n])[first if kind == "tran" else 0 :] for n in result}
        if kind in SMALL_SIGNAL:
            chosen = list(wish[kind].vectors) or [n for n in ours if n in theirs]
            if "frequency" in theirs:
                np.testing.assert_allclose(ours["frequency"], theirs["frequency"].real, rtol=1e-9)
            if kind == "noise_total" and not flat_gain(peer["noise"]):
                # ngspice refers a whole interval by the gain at its end: right where the gain is the same everywhere
                chosen = [n for n in chosen if n.startswith("onoise")]
            if kind != "sens":
                assert set(theirs) <= set(ours), set(theirs) - set(ours)
            failures += [f"{kind} {f}" for f in own_difference(kind, chosen, ours, theirs, wish[kind].tolerance)]
            continue
        nodes = {n for n in ours if n.startswith("v(") and "-sweep" not in n}
        assert nodes == {n for n in theirs if is_ours_to_have(n) and "-sweep" not in n}, kind
        common = [n for n in ours if n in theirs and n[0] in "vi@" and "-sweep" not in n]
        assert nodes <= set(common)
        if kind == "tran":
            assert ours["time"][-1] == pytest.approx(theirs["time"][-1], rel=1e-9, abs=0.0)
            for how in wish.keys() & {"tran", "period", "edges"}:
                chosen, tolerance = wish[how].vectors or common, wish[how].tolerance
                if how == "tran":
                    failures += waveform_difference(chosen, ours, theirs, tolerance)
                    continue
                for n in chosen:
                    pair = (ours["time"], ours[n]), (theirs["time"], theirs[n])
                    if how == "period":
                        assert period(*pair[0]) == pytest.approx(period(*pair[1]), rel=tolerance, abs=0.0), n
                    else:
                        here, there = (crossings(*p, rising_only=False) for p in pair)
                        assert len(here) == len(there) > 0, n
                        assert np.abs(here - there).max() <= tolerance * theirs["time"][-1], n
            continue
        for n in (names[0],) if kind != "op" else ():
            axis = ours[next(iter(ours))]
            assert len(axis) == len(theirs[n]), f"{kind}: {len(axis)} points here, {len(theirs[n])} there"
            # ngspice adds the step up again and again: its axis carries the rounding of that sum.
            np.testing.assert_allclose(axis, theirs[n].real, rtol=1e-9, atol=1e-12)
        failures += [
            f"{kind} {f}" for f in steady_difference(wish[kind].vectors or common, ours, theirs, wish[kind].tolerance)
        ]
    assert not failures, "\n".join(failures)


@pytest.mark.skipif(folder() is None, reason="the compiled models of the extra 'compact' are not installed")
@pytest.mark.parametrize("name", ["bsim3_shown", "bsim4_shown"])
def test_readings_of_compiled_models(name, ngspice):
    """Both evaluate the same formulas at one point: six digits leave room for constants of nature and the last step."""
    names, values = ngspice(name)["op"]
    ours = cn.load(DECKS / f"{name}.cir").run().op
    shown = [n for n in names if n.startswith("@")]
    assert len(shown) > 30
    for n in shown:
        assert float(ours[n]) == pytest.approx(values[0, names.index(n)], rel=1e-6, abs=1e-20), n


def test_there_are_enough_decks():
    assert len(NAMES) >= 32
