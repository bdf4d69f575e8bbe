"""What PSpice's two switches share: a resistance whose logarithm is a cubic between two values of the control."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Environment, Values, require
from circuitnn.devices.symbolic import clip, exp, quantity


def prepared(values: Values, on: str, off: str, env: Environment) -> Values:
    """Return the parameters with what `conductance` needs.

    Parameters
    ----------
    values : dict of str to ndarray, shape (n,)
    on, off : str
        Names of the two values of the control.
    env : Environment

    Raises
    ------
    DeviceError
        When both are the same.
    """
    width = values[on] - values[off]
    require(width != 0.0, f"{on} and {off} of a switch are the same", expected="two values", hint="use sw or csw")
    return {
        **values,
        "middle": 0.5 * (values[on] + values[off]),
        "per_width": 1.0 / width,
        "mean": 0.5 * np.log(values["ron"] * values["roff"]),
        "ratio": np.log(values["ron"] / values["roff"]),
        "thermal": np.full_like(width, 4.0 * physics.BOLTZMANN * env.temp),
    }


def conductance(device: Any, control: Any) -> Any:
    """Return the conductance: with x from -1/2 (off) to 1/2 (on) ln R is mean + ratio (3/2 x - 2 x^3)."""
    x = clip((control - device.middle) * device.per_width, -0.5, 0.5)
    return quantity(1.0, "S") * exp(-device.mean - device.ratio * (1.5 * x - 2 * x**3))
