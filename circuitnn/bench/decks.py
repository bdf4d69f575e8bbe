"""Decks that benchmarks run here and in other simulators."""

from __future__ import annotations

import numpy as np

_DIODE = ".model d1n4007 d (is=76.9p rs=42m bv=1000 ibv=5u cjo=26.5p m=0.333 n=1.45)"


def _forced(steps: int, step: float, refine: int) -> str:
    """Return a transient whose longest step is so short that the error of integration never asks for less."""
    return f".tran {step:g} {steps * step:.12g} 0 {step / refine:g}"


def converged(deck: str) -> str:
    """Return the deck with ``reltol`` at 1e-6."""
    return deck.replace(".end\n", ".options reltol=1e-6\n.end\n")


def rc_pulses(steps: int = 1_000_000, refine: int = 1) -> str:
    """Return an RC low pass under a pulse train for so many us, with forced steps of 1 us over ``refine``."""
    return "\n".join(
        [
            "rc under a pulse train",
            "vs in 0 pulse(0 1 0 1u 1u 1m 2m)",
            "r1 in out 1k",
            "c1 out 0 1u",
            _forced(steps, 1e-6, refine),
            ".end",
            "",
        ]
    )


def bridge(steps: int = 1_000_000, refine: int = 1) -> str:
    """Return a bridge of four diodes with a smoothing capacitor at 50 Hz, steps as in ``rc_pulses``."""
    return "\n".join(
        [
            "diode bridge with smoothing",
            _DIODE,
            "vs inp inn sin(0 20 50)",
            "d1 inp outp d1n4007",
            "d2 outn inp d1n4007",
            "d3 inn outp d1n4007",
            "d4 outn inn d1n4007",
            "cl outp outn 100u",
            "rl outp outn 1k",
            "rg1 inn 0 1meg",
            "rg2 outn 0 1meg",
            ".options method=gear",
            _forced(steps, 1e-6, refine),
            ".end",
            "",
        ]
    )


def multiplier(steps: int = 500_000, refine: int = 1) -> str:
    """Return a voltage multiplier of four diodes at 100 kHz, so many times 10 ns in steps of 10 ns over ``refine``."""
    return "\n".join(
        [
            "voltage multiplier",
            _DIODE,
            "vs a 0 sin(0 50 100k)",
            "r1 a 1 0.01",
            "c1 1 2 100n",
            "d1 0 1 d1n4007",
            "c2 0 10 100n",
            "d2 1 10 d1n4007",
            "c3 1 2 100n",
            "d3 10 2 d1n4007",
            "c4 10 20 100n",
            "d4 2 20 d1n4007",
            ".options method=gear",
            _forced(steps, 1e-8, refine),
            ".end",
            "",
        ]
    )


def rc_ladder(sections: int = 1000, refine: int = 1) -> str:
    """Return an RC ladder driven by a pulse, with steps of at most 0.5 ns over ``refine``."""
    lines = [f"rc ladder of {sections} sections", "v1 n0 0 pulse(0 1 1n 1n 1n 100n 200n)"]
    for k in range(sections):
        lines.append(f"r{k + 1} n{k} n{k + 1} 10")
        lines.append(f"c{k + 1} n{k + 1} 0 1p")
    return "\n".join([*lines, f".tran 0.5n 400n 0 {0.5 / refine:g}n", ".end", ""])


def ring(stages: int = 51, stop: float = 50e-9, analysis: str = "uic", refine: int = 1) -> str:
    """Return a CMOS ring oscillator of level-1 transistors with a load capacitor a stage.

    Parameters
    ----------
    stages : int
        An odd number.
    stop : float, s
        A period takes about 38.5 ps a stage.
    analysis : str
        ``uic`` for a transient from a start that oscillates, ``op`` for the operating point alone.
    refine : int
        The longest step is 10 ps over it.
    """
    lines = [
        f"ring oscillator of {stages} stages",
        ".model mn nmos (level=1 vto=0.7 kp=110u gamma=0.4 lambda=0.04 phi=0.65)",
        ".model mp pmos (level=1 vto=-0.7 kp=50u gamma=0.57 lambda=0.05 phi=0.65)",
        "vdd vdd 0 3",
    ]
    for k in range(stages):
        out, following = f"n{k}", f"n{(k + 1) % stages}"
        lines.append(f"mp{k} {following} {out} vdd vdd mp w=20u l=1u")
        lines.append(f"mn{k} {following} {out} 0 0 mn w=10u l=1u")
        lines.append(f"c{k} {following} 0 20f")
    if analysis == "op":
        return "\n".join([*lines, ".op", ".end", ""])
    # An odd ring alternates except at one place: a start from which it oscillates at once.
    lines += [".ic v(vdd)=3", *(f".ic v(n{k})={3 * (k % 2)}" for k in range(stages))]
    return "\n".join([*lines, f".tran 10p {stop:g} 0 {10 / refine:g}p uic", ".end", ""])


def crossbar(size: int = 64, seed: int = 0) -> str:
    """Return a crossbar of resistors with wires as a flat deck for one operating point."""
    rng = np.random.default_rng(seed)
    g = 10.0 ** rng.uniform(-6, -4, (size, size))
    lines = [f"crossbar {size} x {size}"]
    for i in range(size):
        lines.append(f"v{i} s{i} 0 {rng.uniform(0, 0.2):.6f}")
        lines.append(f"rs{i} s{i} w{i}_0 1")
        lines += [f"rw{i}_{j} w{i}_{j} w{i}_{j + 1} 1" for j in range(size - 1)]
    for j in range(size):
        lines += [f"rb{i}_{j} b{i}_{j} b{i + 1}_{j} 1" for i in range(size - 1)]
        lines.append(f"rg{j} b{size - 1}_{j} o{j} 1")
        lines.append(f"vo{j} o{j} 0 0")
    lines += [f"rc{i}_{j} w{i}_{j} b{i}_{j} {1.0 / g[i, j]:.9g}" for i in range(size) for j in range(size)]
    return "\n".join([*lines, ".op", ".end", ""])


def memristor(element: bool) -> str:
    """Return the linear-drift memristor under a sine: as our N element, or as a B-source subcircuit for ngspice.

    The state is the charge on a 1 F capacitor in the second form, the usual way in SPICE.
    """
    head = ["memristor under a sine", "v1 a 0 sin(0 1 1)"]
    if element:
        body = [".model hp linear_drift (ron=100 roff=16k d=10n mu=1e-14 x0=0.31446541)", "n1 a 0 hp"]
    else:
        body = [
            "b1 a 0 i=v(a)/(100*v(x)+16000*(1-v(x)))",
            "bx 0 x i=1e-14*100/(10e-9*10e-9)*v(a)/(100*v(x)+16000*(1-v(x)))",
            "cx x 0 1 ic=0.31446541",
            ".ic v(x)=0.31446541",
        ]
    return "\n".join([*head, *body, ".tran 0.2m 10 uic" if not element else ".tran 0.2m 10", ".end", ""])


def write_and_read(rows: int, cols: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return start states (rows, cols), m, and times and word-line voltages (k,), (k, rows) of a SET and a read.

    The upper half of the rows gets -1.4 V for 50 ns, then all rows are read at 0.1 V. No state meets a bound.
    """
    w = np.random.default_rng(0).uniform(1.8e-9, 2.9e-9, (rows, cols))
    times = np.array([0.0, 1e-9, 50e-9, 51e-9, 60e-9, 61e-9, 80e-9])
    levels = np.zeros((len(times), rows))
    levels[1:3, : rows // 2] = -1.4
    levels[5:] = 0.1
    return w, times, levels


def memristor_array(
    w: np.ndarray,
    times: np.ndarray,
    levels: np.ndarray,
    r: float = 1.0,
    max_step: float = 0.5e-9,
    cells: str = "flat",
) -> str:
    """Return a crossbar of ``hfo2`` cells as a deck.

    Nothing stops a state at its bounds in the forms with B sources.

    Parameters
    ----------
    w : ndarray, shape (rows, cols), m
        States at the start; ``v(xI_J)`` is the state over 3 nm, except in elements.
    times, levels : ndarray, shape (k,) and (k, rows)
        Of the word lines' sources, straight in between; bit line J ends in ``voJ``.
    r : float, ohm
        Of a segment of wire.
    max_step : float, s
        Longest step; the program chooses shorter ones by its own error.
    cells : str
        ``flat``: two B sources and a capacitor a cell; ``subcircuits``: an X element a cell with the same inside;
        ``elements``: our N element.
    """
    rows, cols = w.shape
    lines = [f"memristor crossbar {rows} x {cols}", *_CELL_HEADS[cells]]
    for i in range(rows):
        wave = " ".join(f"{t:.12g} {v:.12g}" for t, v in zip(times, levels[:, i], strict=True))
        lines += [f"v{i} s{i} 0 pwl({wave})", f"rs{i} s{i} w{i}_0 {r:g}"]
        lines += [f"rw{i}_{j} w{i}_{j} w{i}_{j + 1} {r:g}" for j in range(cols - 1)]
    for j in range(cols):
        lines += [f"rb{i}_{j} b{i}_{j} b{i + 1}_{j} {r:g}" for i in range(rows - 1)]
        lines += [f"rg{j} b{rows - 1}_{j} o{j} {r:g}", f"vo{j} o{j} 0 0"]
    for (i, j), state in np.ndenumerate(w):
        lines += _cell(cells, f"{i}_{j}", state)
    return "\n".join([*lines, f".tran 0.5n {times[-1]:.12g} 0 {max_step:.12g} uic", ".end", ""])


def _b_sources(name: str, p: str, n: str, x: str, start: str) -> list[str]:
    """Return a cell: its current, and its state as the voltage of a microfarad; 1e-2 m/s over 3 nm."""
    v = f"v({p},{n})"
    set_rate, reset_rate = f"-3.3333333333333335*({v}/-0.6-1)^3", f"3.3333333333333335*({v}/0.6-1)^3"
    return [
        f"bi{name} {p} {n} i={v}*exp(-{np.log(100.0):.17g}*v({x}))*1e-4",
        f"bx{name} 0 {x} i={v} > 0.6 ? {reset_rate} : {v} < -0.6 ? {set_rate} : 0",
        f"cx{name} {x} 0 1u ic={start}",
    ]


_CELL_HEADS = {
    "flat": [],
    "subcircuits": [".subckt cell p n x start=0.5", *_b_sources("", "p", "n", "x", "{start}"), ".ends"],
    "elements": [
        ".model hfo2 vteam (ron=10k roff=1meg v_on=-0.6 v_off=0.6 k_on=-1e-2 k_off=1e-2 alpha_on=3 alpha_off=3",
        "+ w_on=0 w_off=3n w0=1.5n iv=1)",
    ],
}


def _cell(cells: str, at: str, state: float) -> list[str]:
    start = f"{state / 3e-9:.17g}"
    if cells == "flat":
        return _b_sources(at, f"w{at}", f"b{at}", f"x{at}", start)
    if cells == "subcircuits":
        return [f"xc{at} w{at} b{at} x{at} cell start={start}"]
    return [f"n{at} w{at} b{at} hfo2 w0={state:.17g}"]


def flat_lines(count: int = 1_000_000) -> str:
    """Return a deck of so many plain lines, resistors and capacitors of a ladder, with no analysis."""
    lines = [f"{count} lines", "v1 n0 0 1"]
    for k in range((count - 1) // 2):
        lines.append(f"r{k + 1} n{k} n{k + 1} {1 + k % 97}.5k")
        lines.append(f"c{k + 1} n{k + 1} 0 {1 + k % 89}p")
    return "\n".join([*lines, ".end", ""])


def mixed(seed: int = 0) -> str:
    """Return a small deck that uses many parts of the program: a subcircuit, a diode, a B source, op, ac and tran."""
    return "\n".join(
        [
            f"mixed {seed}",
            f".param r={1000 + seed % 7}",
            ".subckt stage a b",
            "r1 a b {r}",
            "c1 b 0 1n",
            ".ends",
            ".model dm d (is=1f)",
            "v1 in 0 dc 1 ac 1 pulse(0 1 0 10n 10n 1u 2u)",
            "x1 in m stage",
            "x2 m out stage",
            "d1 out 0 dm",
            "b1 q 0 v=v(out)*v(in)",
            ".op",
            ".ac dec 2 1k 100k",
            ".tran 0.1u 2u",
            ".end",
            "",
        ]
    )
