"""Decks that benchmarks run here and in ngspice."""

from __future__ import annotations

import numpy as np


def rc_ladder(sections: int = 1000) -> str:
    """Return an RC ladder driven by a pulse."""
    lines = [f"rc ladder of {sections} sections", "v1 n0 0 pulse(0 1 1n 1n 1n 100n 200n)"]
    for k in range(sections):
        lines.append(f"r{k + 1} n{k} n{k + 1} 10")
        lines.append(f"c{k + 1} n{k + 1} 0 1p")
    return "\n".join([*lines, ".tran 0.5n 400n", ".end", ""])


def ring(stages: int = 51, periods_time: float = 50e-9, uic: bool = True) -> str:
    """Return a CMOS ring oscillator of level-1 transistors with a load capacitor a stage."""
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
    # An odd ring alternates except at one place: a start from which it oscillates at once.
    lines += [f".ic v(n{k})={3 * (k % 2)}" for k in range(stages)]
    return "\n".join([*lines, f".tran 10p {periods_time:g}{' uic' if uic else ''}", ".end", ""])


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
    w: np.ndarray, times: np.ndarray, levels: np.ndarray, r: float = 1.0, max_step: float = 0.5e-9
) -> str:
    """Return a crossbar of ``hfo2`` cells as a flat deck for ngspice: two B sources and a capacitor a cell.

    Nothing stops a state at its bounds.

    Parameters
    ----------
    w : ndarray, shape (rows, cols), m
        States at the start; ``v(xI_J)`` is the state over 3 nm.
    times, levels : ndarray, shape (k,) and (k, rows)
        Of the word lines' sources, straight in between; bit line J ends in ``voJ``.
    r : float, ohm
        Of a segment of wire.
    max_step : float, s
        Longest step of ngspice, which chooses shorter ones by its own error.
    """
    rows, cols = w.shape
    lines = [f"memristor crossbar {rows} x {cols}"]
    for i in range(rows):
        wave = " ".join(f"{t:.12g} {v:.12g}" for t, v in zip(times, levels[:, i], strict=True))
        lines += [f"v{i} s{i} 0 pwl({wave})", f"rs{i} s{i} w{i}_0 {r:g}"]
        lines += [f"rw{i}_{j} w{i}_{j} w{i}_{j + 1} {r:g}" for j in range(cols - 1)]
    for j in range(cols):
        lines += [f"rb{i}_{j} b{i}_{j} b{i + 1}_{j} {r:g}" for i in range(rows - 1)]
        lines += [f"rg{j} b{rows - 1}_{j} o{j} {r:g}", f"vo{j} o{j} 0 0"]
    for i in range(rows):
        for j in range(cols):
            v, x = f"v(w{i}_{j},b{i}_{j})", f"v(x{i}_{j})"
            # 1e-2 m/s over 3 nm, on a microfarad
            set_rate, reset_rate = f"-3.3333333333333335*({v}/-0.6-1)^3", f"3.3333333333333335*({v}/0.6-1)^3"
            lines += [
                f"bi{i}_{j} w{i}_{j} b{i}_{j} i={v}*exp(-{np.log(100.0):.17g}*{x})*1e-4",
                f"bx{i}_{j} 0 x{i}_{j} i={v} > 0.6 ? {reset_rate} : {v} < -0.6 ? {set_rate} : 0",
                f"cx{i}_{j} x{i}_{j} 0 1u ic={w[i, j] / 3e-9:.17g}",
            ]
    return "\n".join([*lines, f".tran 0.5n {times[-1]:.12g} 0 {max_step:.12g} uic", ".end", ""])
