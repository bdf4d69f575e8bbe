"""Merz's law of ferroelectric switching (Merz, Phys. Rev. 95, 690, 1954)."""

from __future__ import annotations

from typing import Any

from circuitnn.devices.symbolic import exp, where

#: Activation over voltage beyond which nothing switches: the square of exp(-300) is still a number.
_FROZEN = 300.0


def merz(v: Any, time: Any, activation: Any) -> Any:
    """Return the rate exp(-activation/v)/time in 1/s at a positive voltage; zero at others, with all its slopes.

    Voltages in V, ``time`` (that at high voltage) in s; numbers or expressions.

    Examples
    --------
    >>> round(float(1e9 / merz(4.0, 1e-11, 28.0)), 2)  # nanoseconds
    10.97
    >>> merz(0.05, 1e-11, 28.0)
    0
    """
    return where(v * _FROZEN > activation, exp(-activation / v) / time, 0)
