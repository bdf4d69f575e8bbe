"""Time of an inference: reads, conversions by shared ADCs, layers as stages of a pipeline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from circuitnn.errors import UsageError
from circuitnn.mapping.cost.technology import Technology
from circuitnn.mapping.cost.work import Work


@dataclass(frozen=True)
class Timing:
    """When a matrix is done.

    Attributes
    ----------
    reads : int
        Of each replica, one after the other.
    stage : float, s
        From one read to the next: the pulse, or the conversions of the one before if they take longer.
    latency : float, s
        From the first pulse of an inference to its last output.
    interval : float, s
        From one inference to the next.
    """

    reads: int
    stage: float
    latency: float
    interval: float


def conversions_a_converter(work: Work, technology: Technology, adc_share: int | None) -> int:
    """Return how many conversions of a read an ADC does: at most ``adc_share``, or what fits into a read when None.

    Raises
    ------
    UsageError
        When an ADC is too slow for even one conversion in a read and ``adc_share`` is None.
    """
    most = max(array.conversions for array in work.arrays)
    if adc_share is not None:
        return min(adc_share, most)
    fit = math.floor(technology.read_time * technology.adc_rate * (1.0 + 1e-12))
    if fit < 1:
        raise UsageError(
            f"an ADC of {technology.adc_rate:g} conversions a second does none in a read of {technology.read_time:g} s",
            hint="give adc_share, the conversions of a read that one ADC does",
        )
    return min(fit, most)


def timing(work: Work, technology: Technology, *, adc_share: int | None = None, replicas: int = 1) -> Timing:
    """Return when a matrix is done.

    While values that were sampled are converted, the next read goes on; with replicas, reads of an inference go on at
    once. Shafiee et al., ISCA 2016, section V, is such a pipeline.

    Examples
    --------
    >>> from circuitnn.crossbar.crossbar import Crossbar
    >>> from circuitnn.mapping.cost.work import ArrayWork
    >>> tile = ArrayWork(Crossbar([[1e-5] * 8], 0.0, 0.0), [[0.2]], conversions=8)
    >>> work = Work("conv", [tile], 1, 8, 8, 8, reads=10)
    >>> slow = Technology(adc_rate=40e6, clock=1e9, digital_cycles=5)          # 8 conversions take 200 ns
    >>> round(timing(work, slow, adc_share=8).latency * 1e9, 6)                # 9 * 200 + 100 + 200 + 5
    2105.0
    >>> timing(work, slow, adc_share=8, replicas=5).reads
    2
    """
    share = conversions_a_converter(work, technology, adc_share)
    converting = share / technology.adc_rate
    stage = max(technology.read_time, converting)
    reads = -(-work.reads // replicas)
    last = technology.read_time + converting + technology.digital_cycles / technology.clock
    return Timing(reads, stage, (reads - 1) * stage + last, reads * stage)


def pipeline(stages: Sequence[str], timings: Sequence[Timing]) -> tuple[float, float]:
    """Return latency and interval of a network, s, whose stages work one after the other, each on its own inference.

    Parameters
    ----------
    stages : sequence of str
        Of each matrix; those of one stage are read at the same time.
    timings : sequence of Timing

    Notes
    -----
    A stage starts when the one before it has all outputs; so no work of one inference overlaps, which a convolution
    that starts with the first rows of an image, or branches of a network, could do.

    Examples
    --------
    >>> gate, last = Timing(1, 1e-7, 3e-7, 1e-7), Timing(1, 1e-7, 2e-7, 4e-7)
    >>> [round(t * 1e9, 6) for t in pipeline(["lstm", "lstm", "fc"], [gate, gate, last])]
    [500.0, 400.0]
    """
    longest: dict[str, float] = {}
    for stage, one in zip(stages, timings, strict=True):
        longest[stage] = max(longest.get(stage, 0.0), one.latency)
    return sum(longest.values()), max(one.interval for one in timings)
