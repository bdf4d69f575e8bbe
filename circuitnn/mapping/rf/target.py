"""``compile(..., target="rf")``: a trained network onto resonance frequencies and oscillators."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import MappingError, UsageError
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.rf.checks import positive
from circuitnn.mapping.rf.layout import RfLayout, RfMapped
from circuitnn.mapping.rf.network import RfLayer, RfNetwork
from circuitnn.mapping.rf.neurons import Neurons
from circuitnn.mapping.rf.placement import place
from circuitnn.mapping.rf.resonators import Resonators

Array = NDArray[np.float64]
#: Part of the largest weight of a resonator that is used: at the top of its line the slope by frequency vanishes.
USABLE = 0.8


def compile_rf(
    graph: Graph,
    *,
    band: tuple[float, float] = (100e6, 10e9),
    resonators: Resonators | None = None,
    neurons: Neurons | None = None,
    per_input: int = 2,
    power: float = 1e-6,
    overdrive: float = 0.2,
    tolerance: float = 1e-3,
    calibration: ArrayLike | None = None,
) -> RfLayout:
    """Map a network onto chains of spin-diode resonators and spin-torque oscillators.

    Parameters
    ----------
    graph : Graph
        Hidden layers must be ``relu``, which an oscillator's threshold does; the last activation is done in software.
    band : (float, float), Hz
        Where tones may lie. No more of it is used than the tolerance needs.
    resonators : Resonators, optional
    neurons : Neurons, optional
        Their gain is set, layer by layer, so that ``power`` is what the largest output gives.
    per_input : int
        Resonators a tone in each chain: 1, or 2 of opposite sign, which reach twice the weight and disturb less.
    power : float, W
        Of a tone whose input is at the end of its range.
    overdrive : float
        How far the largest output drives an oscillator above threshold, I/I_th - 1. Small values come nearer to
        ``relu``; large ones need less amplification.
    tolerance : float
        Root mean square error of effective weights, relative to a layer's largest.
    calibration : array_like, shape (samples, inputs), optional
        Typical inputs: their range, and the largest output of each layer. Without it inputs range from 0 to 1 and
        outputs to the largest values that weights allow.

    Returns
    -------
    RfLayout

    Raises
    ------
    MappingError
        When a hidden activation is not ``relu``, or tones do not fit into the band.
    UsageError
        When an option is out of range.
    """
    parts, base = resonators or Resonators(), neurons or Neurons()
    dense_layers = graph.dense_layers()
    for dense in dense_layers[:-1]:
        if dense.activation != "relu":
            raise MappingError(
                f"{dense.name} has the activation {dense.activation!r}, which no oscillator gives",
                expected="relu in hidden layers; any in the last one, where it is done in software",
                names=[dense.name],
            )
    power, tolerance, overdrive = (
        positive(n, v) for n, v in (("power", power), ("tolerance", tolerance), ("overdrive", overdrive))
    )
    if per_input not in (1, 2):
        raise UsageError(f"per_input is {per_input!r}", expected="1, or 2 for pairs of opposite sign")
    if overdrive > base.clamp / base.threshold - 1.0:
        raise UsageError(
            f"overdrive is {overdrive:g}",
            expected=f"at most {base.clamp / base.threshold - 1.0:g}, where currents clamp",
        )
    try:
        low, high = (positive("band", f) for f in band)
    except (TypeError, ValueError):
        raise UsageError(f"the band is {band!r}", expected="(lowest, highest) frequency in Hz") from None
    if high <= low:
        raise UsageError(f"the band is {low:g} to {high:g} Hz", expected="one that rises")
    samples = None if calibration is None else np.atleast_2d(graph.check_inputs(calibration))
    x_low, x_high = (0.0, 1.0) if samples is None else (float(samples.min()), float(samples.max()))
    if x_high <= x_low:
        raise UsageError("calibration holds one number only", expected="typical inputs, which differ")

    # One kind of oscillator serves all layers: the largest output is I = (1 + overdrive) I_th and the same power.
    top = (1.0 + overdrive) * base.threshold
    cells = replace(base, gain=base.gain * power / float(base.power(np.array(top))))
    line = _line(cells, top, power)

    layers, mapped = [], []
    for n, dense in enumerate(dense_layers):
        span = x_high - x_low
        weights = dense.weights.T * span  # z for a tone at full power, with the offset below
        offset = dense.bias + x_low * dense.weights.sum(axis=0)
        largest = float(np.abs(weights).max())
        if largest == 0.0:
            raise MappingError(f"all weights of {dense.name} are zero", names=[dense.name])
        scale = USABLE * per_input * parts.sensitivity * power / largest  # volts for one unit of z
        found = place(
            parts, weights * (scale / power), (low, high), per_input=per_input, tolerance=tolerance, name=dense.name
        )
        last = n == len(dense_layers) - 1
        if samples is not None:
            samples = dense(samples)
            peak = float(samples.max())
        else:
            peak = float((np.maximum(weights, 0.0).sum(axis=1) + offset).max())
        peak = peak if peak > 0.0 else 1.0
        unit = scale * peak / overdrive  # volts that carry the threshold current
        bias = offset * scale + (0.0 if last else unit)
        layers.append(RfLayer(found.tones, found.resonances, bias, base.threshold / unit))
        mapped.append(RfMapped(dense, found.order, found.taken, found.trials, scale, x_low, span / power, peak))
        # The next layer's tones: power to relu(z) through the straight line nearest to the oscillator's curve.
        x_low, x_high = 0.0, peak / line
    # Oscillators of a layer stand in the order of the tones that they give to the next.
    for n, after in enumerate(mapped[1:]):
        layer = layers[n]
        layers[n] = replace(layer, resonances=layer.resonances[after.order], bias=layer.bias[after.order])
    return RfLayout(RfNetwork(layers, parts, cells), tuple(mapped), per_input)


def _line(neurons: Neurons, top: float, power: float) -> float:
    """Return the slope of the least-squares line through the threshold, as part of the chord's."""
    u = (np.arange(64) + 0.5) / 64
    p = neurons.power(neurons.threshold + u * (top - neurons.threshold)) / power
    return float((u @ p) / (u @ u))
