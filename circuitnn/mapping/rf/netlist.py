"""RF layers as netlists: chains of ``spin_diode`` elements, and an ``auto_oscillator`` behind each that is a neuron.

All resonators of a chain carry the same current, the sum of its tones. The device's field-like torque is set so that
its dc voltage is that of the fast model: torque_f = 8 a (2 pi f_r) K / mr, for a tone of amplitude sqrt(2 P / r0).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import FileError
from circuitnn.mapping.rf.network import RfNetwork, RfStep
from circuitnn.mapping.rf.neurons import Neurons
from circuitnn.mapping.rf.resonators import Resonators, head_to_tail
from circuitnn.results.atomic import replacing

Array = NDArray[np.float64]
RESISTANCE = 1e3  # ohm, of a resonator: the devices' default


def write_netlists(network: RfNetwork, powers: Array, folder: str | os.PathLike[str]) -> list[Path]:
    """Write ``layer1.cir`` and so on, each driven by the powers that the fast model gives it; return the files.

    Raises
    ------
    FileError
        When the folder or a file cannot be written.
    """
    try:
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError, TypeError) as error:
        raise FileError(f"cannot make the folder {str(folder)!r}: {error}", hint="give a folder to write to") from error
    files = []
    for n, step in enumerate(network.steps(powers), 1):
        files.append(target / f"layer{n}.cir")
        with replacing(files[-1]) as temporary:
            temporary.write_text(layer_netlist(step, network.resonators, network.neurons, n), encoding="utf-8")
    return files


def layer_netlist(step: RfStep, resonators: Resonators, neurons: Neurons, number: int = 1) -> str:
    """Return one layer as a netlist with a ``.tran`` that measures the dc voltage of each chain, ``vdc1`` and so on.

    A chain stands on its bias source; its tones are current sources in parallel. It settles for eight decay times
    1/(2 pi a f_r) of its slowest resonator, and is then averaged over whole beats where the tones allow it.
    """
    layer = step.layer
    tones, powers = layer.tones, step.powers[0]
    settle = float(8.0 / (2.0 * np.pi * resonators.damping * layer.resonances.min()))
    window = average_window(tones, settle)
    lines = [
        f"* RF layer {number}: {layer.inputs} tones, {layer.outputs} chains of {layer.resonances.shape[1]} resonators",
        f".model neuron auto_oscillator (i_th={neurons.threshold!r} q={neurons.q!r} r0={neurons.resistance!r} shift=0)",
    ]
    signs = head_to_tail(layer.resonances.shape[1])
    for j, chain in enumerate(layer.resonances, 1):
        lines.append(f"* chain {j}")
        lines += [
            f"i{j}_{i} 0 c{j}_0 sin(0 {float(np.sqrt(2.0 * p / RESISTANCE))!r} {float(f)!r})"
            for i, (f, p) in enumerate(zip(tones, powers, strict=True), 1)
            if p > 0.0
        ]
        for k, (f, sign) in enumerate(zip(chain, signs, strict=True), 1):
            torque = 8.0 * resonators.damping * 2.0 * np.pi * float(f) * resonators.sensitivity
            lines.append(
                f".model r{j}_{k} spin_diode (r0={RESISTANCE!r} mr=1 f_res={float(f)!r} alpha={resonators.damping!r} "
                f"torque_f={torque!r} polarity={sign:g})"
            )
            lines.append(f"n{j}_{k} c{j}_{k - 1} c{j}_{k} r{j}_{k}")
        lines.append(f"vb{j} c{j}_{len(chain)} 0 {float(layer.bias[j - 1])!r}")
        if step.currents is not None:
            lines += [
                f"rf{j} c{j}_0 d{j} 1meg",
                f"cf{j} d{j} 0 {settle / 8e6!r}",
                f"g{j} 0 o{j} d{j} 0 {layer.transconductance!r}",
                f"no{j} o{j} 0 neuron",
            ]
    # The trapezoidal rule shifts a frequency by (w h)^2/12 of itself: 8e-5, under 1 % of a half line width of 1 %.
    step_size = 1.0 / (200.0 * float(tones.max()))
    lines.append(f".tran {step_size!r} {settle + window!r} 0 {step_size!r}")
    lines += [
        f".meas tran vdc{j} avg v(c{j}_0) from={settle!r} to={settle + window!r}" for j in range(1, layer.outputs + 1)
    ]
    return "\n".join([*lines, ".end", ""])


def average_window(tones: Array, settle: float) -> float:
    """Return a time over which all tones and their beats end whole periods, s; else 4 settling times.

    Examples
    --------
    >>> average_window(np.array([100e6, 110e6]), 1e-7)
    1e-07
    """
    hertz = np.rint(tones).astype(np.int64)
    common = float(np.gcd.reduce(hertz))
    if np.abs(tones - hertz).max() > 0.0 or 1.0 / common > 20.0 * settle:
        return 4.0 * settle
    return 1.0 / common
