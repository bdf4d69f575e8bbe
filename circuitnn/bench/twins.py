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


def _soft(x: Array, width: Any) -> tuple[Array, Array]:
    """A smooth approach to zero from above, and its slope."""
    root = np.sqrt(x * x + 4.0 * width * width)
    y = np.where(x >= 0.0, (x + root) / 2.0, 2.0 * width * width / (root + np.abs(x)))
    return y, y / root


def _barrier(vs: Array, n: Array, temp: Array, p: Mapping[str, Array]) -> tuple[Array, Array, Array, Array]:
    """The current of JART's barrier, and its derivatives by voltage, concentration and temperature."""
    vt, w00 = KB * temp, p["tunnelling"] * np.sqrt(n)
    psi, steep = _soft(p["phi0"] - p["phi_n"] - vs, p["v_flat"])
    lowered = np.sqrt(np.sqrt(p["lowering"] * n * psi))
    phi, by_low = _soft(p["phi0"] - lowered, 1e-4)
    phi_vs, phi_n = by_low * lowered * steep / (4.0 * psi), -by_low * lowered / (4.0 * n)
    x = w00 / vt
    bent = np.tanh(x)
    flat, x_n, x_t = 1.0 - bent**2, x / (2.0 * n), -x / temp
    less = np.where(x < 0.03, x**3 * (1.0 - 0.4 * x**2 + 17.0 / 105.0 * x**4) / 3.0, x - bent)
    forward = vs >= 0.0
    # the exponents' factors: 1/kT at vs >= 0, 1/W0 and -1/xi below
    w = np.where(forward, 1.0 / vt, bent / w00)
    w_n = np.where(forward, 0.0, flat * x_n / w00 - w / (2.0 * n))
    w_t = np.where(forward, -w / temp, flat * x_t / w00)
    s = np.where(forward, 1.0 / vt, -less / w00)
    s_n = np.where(forward, 0.0, -(bent**2) * x_n / w00 - s / (2.0 * n))
    s_t = np.where(forward, -s / temp, -(bent**2) * x_t / w00)
    under = np.where(forward, 1.0, phi * flat - vs)
    under_vs = np.where(forward, 0.0, phi_vs * flat - 1.0)
    under_n = np.where(forward, 0.0, phi_n * flat - 2.0 * phi * bent * flat * x_n)
    under_t = np.where(forward, 0.0, -2.0 * phi * bent * flat * x_t)
    front = p["section"] * p["richardson"] * temp**2 * np.exp(-phi * w)
    front = np.where(forward, front, -front / vt * np.sqrt(np.pi * w00 * under))
    arg = vs * s
    growth = np.exp(np.minimum(arg, 20.0))
    i = front * (growth * (1.0 + arg - np.minimum(arg, 20.0)) - 1.0)
    inner = front * growth
    by_vs = i * (under_vs / (2.0 * under) - phi_vs * w) + inner * s
    by_n = i * (np.where(forward, 0.0, 0.25 / n) + under_n / (2.0 * under) - phi_n * w - phi * w_n) + inner * vs * s_n
    by_t = i * (np.where(forward, 2.0, 1.0) / temp + under_t / (2.0 * under) - phi * w_t) + inner * vs * s_t
    return i, by_vs, by_n, by_t


def jart(u: Array, p: Mapping[str, Array]) -> tuple[list[Array], list[Array]]:
    """Return f and df/du of JART VCM v1b with lines that warm."""
    vs, vo, v, state, rise = u[0] - u[2], u[2] - u[1], u[0] - u[1], u[3], u[4]
    n, temp = np.clip(state, p["n_min"], p["n_max"]), p["surroundings"] + np.clip(rise, 0.0, 1e4)
    moves = np.where((state > p["n_min"]) & (state < p["n_max"]), 1.0, 0.0)
    warms = np.where((rise > 0.0) & (rise < 1e4), 1.0, 0.0)
    barrier, b_vs, b_n, b_t = _barrier(vs, n, temp, p)
    b_n, b_t = b_n * moves, b_t * warms
    r_disc = p["l_disc"] / (physics.CHARGE * p["z"] * p["mu"] * p["section"]) / n
    less = -r_disc / n * moves
    total, inner = r_disc + p["r_plug"] + p["r_tiox"] + p["r_line"], r_disc + p["r_plug"]
    bent = np.sqrt(p["cubic"] / (3.0 * total))
    i = 2.0 / (3.0 * bent) * np.sinh(np.arcsinh(4.5 * bent * vo / total) / 3.0)
    i_vo = 1.0 / (3.0 * p["cubic"] * i * i + total)
    i_n = -i * less * i_vo
    inside = vs + i * inner
    inside_vo, inside_n = i_vo * inner, i_n * inner + i * less
    reset = v >= 0.0
    field = np.where(reset, inside / p["l_cell"], i * r_disc / p["l_disc"])
    field_vs = np.where(reset, 1.0 / p["l_cell"], 0.0)
    field_vo = np.where(reset, inside_vo / p["l_cell"], i_vo * r_disc / p["l_disc"])
    field_n = np.where(reset, inside_n / p["l_cell"], (i_n * r_disc + i * less) / p["l_disc"])
    per = p["z"] * p["a"] / (np.pi * p["dw_a"])
    g = np.clip(per * field, -0.99, 0.99)
    per = np.where(np.abs(per * field) < 0.99, per, 0.0)
    kt, angle = KB * temp, np.arcsin(g)
    bias, even = p["dw_a"] * g * (np.pi / 2.0) / kt, p["dw_a"] * (np.sqrt(1.0 - g * g) + g * angle) / kt
    sine, few = np.sinh(bias), 2.0 * np.exp(-even)
    hops, both = few * sine, few * np.sqrt(1.0 + sine * sine)
    by_field = p["dw_a"] / kt * (both * (np.pi / 2.0) - hops * angle) * per
    by_t = (hops * even - both * bias) / temp * warms
    part = np.clip(state, p["n_min"] / 2.0, 2.0 * p["n_max"])
    free = np.where((state > p["n_min"] / 2.0) & (state < 2.0 * p["n_max"]), 1.0, 0.0)
    ratio = np.where(reset, p["n_min"] / part, part / p["n_max"])
    missing = np.where(reset, (part - p["n_min"]) / part, (p["n_max"] - part) / p["n_max"])
    second = ratio * ratio
    fourth = second * second
    brake = missing * (1.0 + ratio) * (1.0 + second + fourth * (1.0 + second + fourth))
    brake_n = np.where(reset, 10.0, -10.0) * fourth * fourth * second / part * free
    speed = -0.5 * (p["n_plug"] + n) * p["a"] * p["nu0"] / p["l_disc"]
    to = speed * brake * by_field
    by_n = to * field_n + speed * brake_n * hops - 0.5 * p["a"] * p["nu0"] / p["l_disc"] * moves * brake * hops
    heat = np.where(reset, p["heat_reset"], p["heat_set"])
    heat_vs, heat_vo, heat_n = heat * i, heat * (i_vo * inside + i * inside_vo), heat * (i_n * inside + i * inside_n)
    f = [barrier, -i, i - barrier, -speed * brake * hops, rise - heat * i * inside]
    rows = [b_vs, -b_vs, b_n, b_t, i_vo, -i_vo, -i_n, -b_vs, -i_vo, i_vo + b_vs, i_n - b_n, -b_t]
    rows += [-to * field_vs, to * field_vo, to * (field_vs - field_vo), -by_n, -speed * brake * by_t]
    return f, [*rows, -heat_vs, heat_vo, heat_vs - heat_vo, -heat_n, np.ones_like(v)]


@dataclass(frozen=True)
class Twin:
    """A model by hand: in NumPy, and the parameters of its C function in their order."""

    numpy: Callable[[Array, Mapping[str, Array]], tuple[list[Array], list[Array]]]
    order: tuple[str, ...]


_JART = ("phi0", "phi_n", "v_flat", "mu", "richardson", "z", "n_min", "n_max", "n_plug", "a", "nu0", "dw_a")
_JART += ("tau_th", "l_cell", "l_disc", "r_tiox", "r_line", "surroundings", "section")  # type: ignore[assignment]
_JART += ("lowering", "tunnelling", "r_plug", "cubic", "heat_set", "heat_reset")  # type: ignore[assignment]
_VTEAM = ("ron", "roff", "v_on", "v_off", "k_on", "k_off", "alpha_on", "alpha_off", "w_on", "w_off")
_STANFORD = ("i0", "g0", "v0", "vel0", "eag", "ear", "gamma0", "beta", "a0", "l")
_STANFORD += ("v_sat", "r_th", "tau_th", "gap_min", "gap_max", "surroundings")  # type: ignore[assignment]
TWINS = {"vteam": Twin(vteam, _VTEAM), "stanford": Twin(stanford, _STANFORD), "jart": Twin(jart, _JART)}
