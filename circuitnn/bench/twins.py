"""Memristor models by hand in NumPy, vectorised over instances, with what `circuitnn/bench/c/twins.c` needs.

Each takes the voltages and states (rows, n) and the parameters by name, and returns f and the nonzeros of its Jacobian
by rows, in the order of the device's kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from circuitnn.devices import physics

Array = np.ndarray[Any, np.dtype[np.float64]]
#: kT/q over T, V/K, as the library has it.
KB = physics.BOLTZMANN / physics.CHARGE


def _fading(rate: Array, state: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """The factor that stops a rate at a bound, and its slope."""
    outwards = rate > 0.0
    room, layer = np.where(outwards, high - state, state - low), 1e-4 * (high - low)
    near = room < layer
    return np.where(near, room / layer, 1.0), np.where(near, np.where(outwards, -1.0, 1.0) / layer, 0.0)


def vteam(u: Array, p: Mapping[str, Array]) -> tuple[list[Array], list[Array]]:
    """Return f and df/du of VTEAM, linear in the state, without window."""
    v, w = u[0] - u[1], u[2]
    span, width = p["roff"] - p["ron"], p["w_off"] - p["w_on"]
    s = (w - p["w_on"]) / width
    g = 1.0 / (p["ron"] + span * np.clip(s, 0.0, 1.0))
    i = v * g
    by_w = np.where((s > 0.0) & (s < 1.0), -i * g * span / width, 0.0)
    reset = v > p["v_off"]
    moves = reset | (v < p["v_on"])
    edge = np.where(reset, p["v_off"], p["v_on"])
    k = np.where(reset, p["k_off"], p["k_on"])
    a = np.where(reset, p["alpha_off"], p["alpha_on"])
    over = np.where(moves, v / edge - 1.0, 1.0)
    rate = np.where(moves, k * over**a, 0.0)
    fade, turn = _fading(rate, w, p["w_on"], p["w_off"])
    slope = a * rate / (over * edge) * fade
    return [i, -i, -rate * fade], [g, -g, by_w, -g, g, -by_w, -slope, slope, -rate * turn]


def stanford(u: Array, p: Mapping[str, Array]) -> tuple[list[Array], list[Array]]:
    """Return f and df/du of the Stanford model without a least field."""
    v, gap, rise = u[0] - u[1], u[2], u[3]
    x = np.clip(gap, p["gap_min"], p["gap_max"])
    moves = (gap > p["gap_min"]) & (gap < p["gap_max"])
    arg = v / p["v0"]
    cut = np.clip(arg, -80.0, 80.0)
    scale, cosine = p["i0"] * np.exp(-x / p["g0"]), np.cosh(cut)
    i = scale * (np.sinh(cut) + cosine * (arg - cut))
    by_v, by_gap = scale * cosine / p["v0"], np.where(moves, -i / p["g0"], 0.0)
    vt = KB * (p["surroundings"] + np.clip(rise, 0.0, 1e4))
    nano = x * 1e9
    lift = p["a0"] * (p["gamma0"] - p["beta"] * nano**3) / p["l"]
    forth, back = (lift * v - p["eag"]) / vt, (-lift * v - p["ear"]) / vt
    cut_forth, cut_back = np.minimum(forth, 80.0), np.minimum(back, 80.0)
    e_forth, e_back = np.exp(cut_forth), np.exp(cut_back)
    speed = -p["vel0"] * (e_forth * (1.0 + forth - cut_forth) - e_back * (1.0 + back - cut_back))
    by_push = -p["vel0"] / vt * (e_forth + e_back)
    by_rise = np.where((rise > 0.0) & (rise < 1e4), p["vel0"] * KB / vt * (e_forth * forth - e_back * back), 0.0)
    per = 1.0 / np.sqrt(1.0 + (speed / p["v_sat"]) ** 2)
    rate = speed * per
    fade, turn = _fading(rate, gap, p["gap_min"], p["gap_max"])
    inner = -(per**3) * fade
    push_gap = np.where(moves, -3e9 * p["beta"] * nano**2 * p["a0"] * v / p["l"], 0.0)
    heat = p["r_th"] * (i + v * by_v)
    f = [i, -i, -rate * fade, rise - p["r_th"] * v * i]
    rows = [by_v, -by_v, by_gap, -by_v, by_v, -by_gap]
    rows += [inner * by_push * lift, -inner * by_push * lift, inner * by_push * push_gap - rate * turn, inner * by_rise]
    return f, [*rows, -heat, heat, -p["r_th"] * v * by_gap, np.ones_like(v)]


@dataclass(frozen=True)
class Twin:
    """A model by hand: in NumPy, and the parameters of its C function in their order."""

    numpy: Callable[[Array, Mapping[str, Array]], tuple[list[Array], list[Array]]]
    order: tuple[str, ...]


_VTEAM = ("ron", "roff", "v_on", "v_off", "k_on", "k_off", "alpha_on", "alpha_off", "w_on", "w_off")
_STANFORD = ("i0", "g0", "v0", "vel0", "eag", "ear", "gamma0", "beta", "a0", "l")
_STANFORD += ("v_sat", "r_th", "tau_th", "gap_min", "gap_max", "surroundings")  # type: ignore[assignment]
TWINS = {"vteam": Twin(vteam, _VTEAM), "stanford": Twin(stanford, _STANFORD)}
