"""RF layers as netlists: chains of ``spin_diode`` elements, and an ``auto_oscillator`` behind each that is a neuron.

All resonators of a chain carry the same current, the sum of its tones. The device's field-like torque is set so that
its dc voltage is that of the fast model: torque_f = 8 a (2 pi f_r) K / mr, for a tone of amplitude sqrt(2 P / r0).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.rf.network import RfNetwork, RfStep
from circuitnn.mapping.rf.neurons import Neurons
from circuitnn.mapping.rf.resonators import Resonators, head_to_tail
from circuitnn.results.atomic import new_folder, replacing

Array = NDArray[np.float64]
RESISTANCE = 1e3  # ohm, of a resonator: the devices' default
EMISSION = 0.2  # mr of the oscillators: their voltage at full amplitude over R I


def write_netlists(network: RfNetwork, powers: Array, folder: str | os.PathLike[str]) -> list[Path]:
    """Write ``layer1.cir`` and so on, each driven by the powers that the fast model gives it; return the files.

    Two layers or more are also written in one, ``network.cir``, which only the first layer's powers drive.

    Raises
    ------
    FileError
        When the folder or a file cannot be written.
    """
    target = new_folder(folder)
    steps = network.steps(powers)
    texts = {f"layer{n}": layer_netlist(s, network.resonators, network.neurons, n) for n, s in enumerate(steps, 1)}
    if len(steps) > 1:
        texts["network"] = network_netlist(network, steps[0].powers[0])
    files = []
    for name, text in texts.items():
        files.append(target / f"{name}.cir")
        with replacing(files[-1]) as temporary:
            temporary.write_text(text, encoding="utf-8")
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
    for j, chain in enumerate(layer.resonances, 1):
        lines.append(f"* chain {j}")
        lines += [
            f"i{j}_{i} 0 c{j}_0 sin(0 {float(np.sqrt(2.0 * p / RESISTANCE))!r} {float(f)!r})"
            for i, (f, p) in enumerate(zip(tones, powers, strict=True), 1)
            if p > 0.0
        ]
        lines += _chain(chain, float(layer.bias[j - 1]), resonators, str(j))
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


def network_netlist(network: RfNetwork, powers: Array) -> str:
    """Return a whole network as one circuit that runs its layers at once, driven by powers (inputs,), W.

    Behind each hidden chain a filter takes its dc voltage to a transconductance and an ``auto_oscillator`` of the next
    layer's frequency; it has two poles, or the chain's tones would add to what the oscillator emits. A dc block and an
    amplifier take that to the next chains, as a current: A R I^2 p is an amplitude of sqrt(2 A R / r0) I sqrt(p), and
    the oscillator's own is mr R I sqrt(p), so one gain fits all currents. The last chains' dc voltages are measured as
    ``vdc1`` and so on, after a time in which oscillators settle whose current is a tenth above the threshold or more.
    """
    resonators, neurons = network.resonators, network.neurons
    first = network.layers[0]
    settle = [8.0 / (2.0 * np.pi * resonators.damping * float(x.resonances.min())) for x in network.layers]
    lines = [f"* RF network of {len(network.layers)} layers, {first.inputs} tones"]
    for i, (f, p) in enumerate(zip(first.tones, powers, strict=True), 1):
        lines.append(f"v0_{i} t0_{i} 0 sin(0 {float(np.sqrt(2.0 * p / RESISTANCE))!r} {float(f)!r})")
    ready = 0.0
    for n, layer in enumerate(network.layers, 1):
        last = n == len(network.layers)
        for j in range(1, layer.outputs + 1):
            name = f"{n}_{j}"
            # One volt of a layer's source, or of an oscillator behind its dc block, stands for one ampere in the chain.
            lines += [f"g{name}_{i} 0 c{name}_0 t{n - 1}_{i} 0 1" for i in range(1, layer.inputs + 1)]
            lines += _chain(layer.resonances[j - 1], float(layer.bias[j - 1]), resonators, name)
            if last:
                continue
            tone = float(network.layers[n].tones[j - 1])
            gain = float(np.sqrt(2.0 * neurons.gain * layer.relative_power[j - 1] * neurons.resistance / RESISTANCE))
            gain /= EMISSION * neurons.resistance
            lines += [
                f".model o{name} auto_oscillator (i_th={neurons.threshold!r} q={neurons.q!r} r0={neurons.resistance!r} "
                f"mr={EMISSION!r} f0={tone!r} shift=0 gamma={tone / 20.0!r})",
                f"ra{name} c{name}_0 b{name} 1meg",
                f"ca{name} b{name} 0 {settle[n - 1] / 8e6!r}",
                f"rb{name} b{name} d{name} 100meg",
                f"cb{name} d{name} 0 {settle[n - 1] / 8e8!r}",
                f"go{name} 0 e{name} d{name} 0 {layer.transconductance!r}",
                f"no{name} e{name} 0 o{name}",
                f"ch{name} e{name} h{name} 0.1p",
                f"rh{name} h{name} 0 1meg",
                f"e{name} t{n}_{j} 0 h{name} 0 {gain!r}",
            ]
        ready += settle[n - 1]
        if not last:
            # The filter, the dc block of 0.1 us, and the growth of oscillators a tenth above threshold from 1 %.
            ready += (
                2.0 * settle[n - 1] + 2e-6 + 200.0 / (2.0 * np.pi * float(network.layers[n].tones.min()) / 20.0) / 2
            )
    tones = np.concatenate([layer.tones for layer in network.layers])  # beats of earlier layers reach the last chains
    window = average_window(tones, settle[-1])
    step = 1.0 / (200.0 * float(tones.max()))
    lines.append(f".tran {step!r} {ready + window!r} 0 {step!r}")
    lines += [
        f".meas tran vdc{j} avg v(c{len(network.layers)}_{j}_0) from={ready!r} to={ready + window!r}"
        for j in range(1, network.layers[-1].outputs + 1)
    ]
    return "\n".join([*lines, ".end", ""])


def _chain(resonances: Array, bias: float, resonators: Resonators, name: str) -> list[str]:
    """Return a chain of spin diodes from node ``c<name>_0`` to its bias source."""
    lines = []
    for k, (f, sign) in enumerate(zip(resonances, head_to_tail(len(resonances)), strict=True), 1):
        torque = 8.0 * resonators.damping * 2.0 * np.pi * float(f) * resonators.sensitivity
        lines.append(
            f".model r{name}_{k} spin_diode (r0={RESISTANCE!r} mr=1 f_res={float(f)!r} alpha={resonators.damping!r} "
            f"torque_f={torque!r} polarity={sign:g})"
        )
        lines.append(f"n{name}_{k} c{name}_{k - 1} c{name}_{k} r{name}_{k}")
    return [*lines, f"vb{name} c{name}_{len(resonances)} 0 {bias!r}"]


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
