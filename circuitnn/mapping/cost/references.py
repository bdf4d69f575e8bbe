"""Machines whose energy was measured, and the carbon intensity of electricity, each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from circuitnn.errors import UsageError, nearest

_TINY = "MLPerf Tiny v1.1 (2023), closed division, results"
_INFERENCE = "MLPerf Inference v4.1 (2024), closed division, Offline, results"
_EMBER = "Ember, Yearly Electricity Data, as Our World in Data and Statista print it"
JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True)
class Machine:
    """Energy of an inference, measured on a machine.

    Attributes
    ----------
    name : str
    network : str
        What it computes.
    macs : int
        Multiplications of an inference, counted from the layers' shapes; zeros that a machine leaves out count.
    energy : float, J
        Of an inference.
    scope : str
        Where the energy was measured.
    source : str
    seen : str
        ``source`` (read there), ``quoted`` (read where others quote it), ``no`` (recalled).
    analogue : bool
        Whether it computes in a memory's arrays.
    """

    name: str
    network: str
    macs: int
    energy: float
    scope: str
    source: str
    seen: str
    analogue: bool = False

    @property
    def energy_per_mac(self) -> float:
        """Energy of a multiplication with its addition, J."""
        return self.energy / self.macs


@dataclass(frozen=True)
class Grid:
    """Carbon intensity of electricity, g CO2e a kWh."""

    name: str
    intensity: float
    year: int
    source: str
    seen: str


AUTOENCODER = (640, 128, 128, 128, 128, 8, 128, 128, 128, 128, 640)
"""Layers of MLPerf Tiny's anomaly detector, dense."""
_AUTOENCODER_MACS = sum(a * b for a, b in pairwise(AUTOENCODER))
_RESNET8_MACS = 12_501_632  # 3x3 convolutions of 16, 32, 64 channels at 32x32, 16x16, 8x8; 1x1 ones; 64 x 10
_RESNET50_MACS = 4_089_000_000
_BERT_MACS = 384 * 24 * 12 * 1024**2 + 24 * 2 * 384**2 * 1024  # projections and feed-forward; attention
_BOARD = "microcontroller's supply"
_WALL = "whole server at the wall"

MACHINES: tuple[Machine, ...] = (
    Machine(
        "STM32U575, Cortex-M33", "autoencoder 640-128x4-8-128x4-640, 8 bit", _AUTOENCODER_MACS, 121.446e-6, _BOARD,
        f"{_TINY} of STMicroelectronics, NUCLEO_U575ZI_Q/ad/energy", "source",
    ),
    Machine(
        "STM32H7A3, Cortex-M7", "autoencoder 640-128x4-8-128x4-640, 8 bit", _AUTOENCODER_MACS, 221.217e-6, _BOARD,
        f"{_TINY} of STMicroelectronics, NUCLEO_H7A3ZI_Q/ad/energy", "source",
    ),
    Machine(
        "DNN Engine, 28 nm", "784-256-256-256-10, MNIST (layers recalled)", 334_336, 0.36e-6, "chip",
        "Whatmough et al., IEEE JSSC 53(9), 2018, abstract: 0.36 uJ an inference at 667 MHz, 98.36 %", "source",
    ),
    Machine(
        "STM32U575, Cortex-M33", "ResNet-8, CIFAR-10, 8 bit", _RESNET8_MACS, 3383.822e-6, _BOARD,
        f"{_TINY} of STMicroelectronics, NUCLEO_U575ZI_Q/ic/energy", "source",
    ),
    Machine(
        "Syntiant NDP9120, 0.9 V", "ResNet-8, CIFAR-10, 8 bit", _RESNET8_MACS, 101.833e-6, "chip's supply",
        f"{_TINY} of Syntiant, syntiant_9120_0v9_30mhz/ic/energy", "source",
    ),
    Machine(
        "Eyeriss, 65 nm", "AlexNet, convolutions only, 16 bit", 666_000_000, 0.278 / 35.0, "chip without DRAM",
        "Chen et al., IEEE JSSC 52(1), 2017, abstract: 278 mW at 35 frames/s; ISSCC 2016, abstract: 666 M MACs",
        "source",
    ),
    Machine(
        "8 x H200, most efficient setting", "ResNet-50, ImageNet, 8 bit", _RESNET50_MACS, 4954.03 / 556234.0, _WALL,
        f"{_INFERENCE} of NVIDIA: mean of the wall meter's log over the run, and samples a second", "source",
    ),
    Machine(
        "Untether speedAI240 Slim", "ResNet-50, ImageNet, 8 bit", _RESNET50_MACS, 398.33 / 168720.0, _WALL,
        f"{_INFERENCE} of Untether AI, h13_u3_slim: mean of the wall meter's log, and samples a second", "source",
    ),
    Machine(
        "8 x H200, most efficient setting", "BERT-large, 384 tokens", _BERT_MACS, 5531.25 / 54063.2, _WALL,
        f"{_INFERENCE} of NVIDIA (bert-99): mean of the wall meter's log over the run, and samples a second", "source",
    ),
    Machine(
        "HERMES, PCM, 14 nm", "one MAC, 8 bit in and out, one read phase", 1, 2.0 / 9.76e12, "chip, peak",
        "Le Gallo et al., Nature Electronics 6, 680 (2023), abstract: 9.76 TOPS/W", "source", analogue=True,
    ),
    Machine(
        "HERMES, PCM, 14 nm", "one MAC, 8 bit in and out, four read phases", 1, 2.0 / 2.48e12, "chip, peak",
        "Le Gallo et al., Nature Electronics 6, 680 (2023), abstract: 2.48 TOPS/W", "source", analogue=True,
    ),
)  # fmt: skip
"""Measured machines, small networks first."""

GRIDS: dict[str, Grid] = {
    grid.name: grid
    for grid in (
        Grid("world", 481.0, 2023, _EMBER, "quoted"),
        Grid("china", 582.0, 2023, _EMBER, "quoted"),
        Grid("france", 56.0, 2023, _EMBER, "quoted"),
        Grid("germany", 381.0, 2023, _EMBER, "quoted"),
        Grid("india", 713.0, 2023, _EMBER, "quoted"),
        Grid("norway", 30.0, 2023, _EMBER, "quoted"),
        Grid("usa 2020", 429.0, 2020, "Patterson et al., arXiv:2104.10350 (2021)", "no"),
    )
}
"""Carbon intensities by name."""


def grid_of(given: str | float) -> Grid:
    """Return a known carbon intensity, or one of so many g CO2e a kWh.

    Raises
    ------
    UsageError
        When the name is unknown or the number is not above zero.

    Examples
    --------
    >>> grid_of("world").intensity, grid_of(20.0).source
    (481.0, 'the user')
    """
    if isinstance(given, str):
        if given not in GRIDS:
            raise UsageError(f"unknown grid {given!r}", expected=", ".join(GRIDS), hint=nearest(given, GRIDS))
        return GRIDS[given]
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0.0 < given < 1e5:
        raise UsageError(f"grid is {given!r}", expected=f"g CO2e a kWh, above zero, or one of {', '.join(GRIDS)}")
    return Grid("given", float(given), 0, "the user", "given")


def kwh_per_million(energy: float) -> float:
    """Return the kWh of a million inferences of ``energy`` joules.

    Examples
    --------
    >>> kwh_per_million(3.6)
    1.0
    """
    return energy * 1e6 / JOULES_PER_KWH


def machine_table(machines: tuple[Machine, ...] = MACHINES, grid: Grid = GRIDS["world"]) -> str:
    """Return the machines as a table, with kWh and CO2e of a million inferences."""
    width = max(len(f"{one.name}: {one.network}") for one in machines) + 2
    lines = [f"{'measured':<{width}}{'J/inference':>12}{'pJ/MAC':>9}{'kWh/M':>11}{'g CO2e/M':>11}  where measured"]
    for one in machines:
        kwh = kwh_per_million(one.energy)
        whole = one.macs > 1  # a peak efficiency is of no inference
        cells = (f"{one.energy:>12.3g}", f"{kwh:>11.3g}", f"{kwh * grid.intensity:>11.3g}")
        shown = cells if whole else ("-".rjust(12), "-".rjust(11), "-".rjust(11))
        lines.append(
            f"{f'{one.name}: {one.network}':<{width}}{shown[0]}{one.energy_per_mac * 1e12:>9.3g}{shown[1]}{shown[2]}"
            f"  {one.scope}{', analogue' if one.analogue else ''}"
        )
    return "\n".join(lines)
