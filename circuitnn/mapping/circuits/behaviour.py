"""The complete analogue network of `network` as arithmetic: many samples at a time, with the amplifiers' errors.

To the first order in 1/A and the offset, for amplifiers of gain A and offset V at the input (see `sensing`,
`activations`), with v and w the input and output of a stage:

    driver    w = v + V - v / A
    sense     v_m = V - v_1 / A,   v_1 = (1 + R G_m) v_m - R I_m
              v_p = V - w / A,     w = (2 + R G_p) v_p - R I_p - v_1
    relu      w = 2 V - v - (2 / A) (w + V_d) where v < V, else V + V_d / A; V_d = V_T ln(1 + abs(v - V) / (r I_s))
    pair      w = exact + (1 + r_2 / (r_1 + r_l)) (V - exact / A)

What an amplifier loses by its output resistance is left out, which is r_out over its load of the terms in 1/A.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.mapping.circuits.activations import AROUND, DIODE_CURRENT, LOAD, RECTIFIER, V_T, feedback
from circuitnn.mapping.circuits.opamps import MacroOpAmp
from circuitnn.mapping.circuits.stages import Stage, stages_of

if TYPE_CHECKING:
    from circuitnn.mapping.layout import Layout

Array = NDArray[np.float64]


def analogue_outputs(layout: Layout, x: ArrayLike, opamp: MacroOpAmp | None = None) -> Array:
    """Return the outputs of the complete analogue network, as `network.network_deck` has it.

    Parameters
    ----------
    layout : Layout
    x : array_like, shape (inputs,) or (samples, inputs)
    opamp : MacroOpAmp, optional
        Every amplifier; the default one when not given. Its bandwidth and noise play no part at rest.

    Returns
    -------
    ndarray, shape (outputs,) or (samples, outputs)

    Raises
    ------
    UsageError, MappingError
        As ``network_deck`` does.

    Examples
    --------
    >>> import circuitnn as cn
    >>> layout = cn.compile([([[1.0, -1.0]], [0.25, 0.5], "relu")], tile=(8, 8))
    >>> analogue_outputs(layout, [[0.2], [-0.2]]).round(3).tolist()
    [[0.45, 0.3], [0.05, 0.7]]
    >>> analogue_outputs(layout, [0.2], MacroOpAmp(offset=5e-3)).round(3).tolist()
    [0.481, 0.325]
    """
    amplifier = opamp or MacroOpAmp()
    values = layout.graph.check_inputs(x)
    stages = stages_of(layout)
    first = stages[0].matrix
    v = layout.periphery.voltages(np.atleast_2d(values), first.x_limit, first.signed)
    for stage in stages:
        v = _activated(stage, _sensed(stage, v, amplifier), amplifier)
    outputs = v / stages[-1].unit
    return outputs if values.ndim == 2 else outputs[0]


def _sensed(stage: Stage, v: Array, amplifier: MacroOpAmp) -> Array:
    """Return the sense amplifiers' outputs, V, for the voltages before the drivers."""
    matrix, a, offset = stage.matrix, amplifier.gain, amplifier.offset
    word = v + offset - v / a
    biases = np.array([np.maximum(stage.biases, 0.0), np.maximum(-stage.biases, 0.0)])  # of plus and of minus
    currents, g = np.repeat(stage.read_voltage * biases[:, None], len(v), axis=1), biases
    for k, tile in enumerate(matrix.tiles):
        found = word[:, tile.place.inputs] @ matrix.crossbar(k).transfer_matrix()
        for line, (output, positive) in enumerate(stage.ends(k)):
            currents[0 if positive else 1, :, output] += found[:, line]
            g[0 if positive else 1, output] += tile.G[:, line].sum()
    if stage.dense.activation != "relu":  # which inverts, as the sense amplifier does
        currents, g = currents[::-1], g[::-1]
    r = stage.resistors
    v1 = ((1.0 + r * g[1]) * offset - r * currents[1]) / (1.0 + (1.0 + r * g[1]) / a)
    return np.asarray(((2.0 + r * g[0]) * offset - r * currents[0] - v1) / (1.0 + (2.0 + r * g[0]) / a))


def _activated(stage: Stage, v: Array, amplifier: MacroOpAmp) -> Array:
    """Return the voltages after the activation circuits."""
    a, offset, kind, unit = amplifier.gain, amplifier.offset, stage.dense.activation, stage.unit
    if kind == "linear":
        return v
    if kind == "relu":
        diode = V_T * np.log1p(np.abs(v - offset) / (RECTIFIER * DIODE_CURRENT))
        on = 2.0 * offset - v
        return np.where(v < offset, on - (2.0 / a) * (on + diode), offset + diode / a)
    if kind == "softmax":
        e = np.exp((v - v.max(axis=1, keepdims=True)) / V_T)
        exact, swing = unit * e / e.sum(axis=1, keepdims=True), unit
    elif kind == "tanh":
        exact, swing = unit * np.tanh(v / (2.0 * V_T)), unit
    else:
        exact, swing = unit / 2.0 * (1.0 + np.tanh(v / (2.0 * V_T))), unit / 2.0
    return np.asarray(exact + (1.0 + feedback(swing) / (AROUND + LOAD)) * (offset - exact / a))
