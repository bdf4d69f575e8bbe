"""Measured and fitted currents, and what is left between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from circuitnn.fitting.measured import Loop
from circuitnn.results.axes import COLOURS, finish, style

if TYPE_CHECKING:
    from circuitnn.fitting.fitted import Fit

_LABELS = {"linear": "residual (of rms)", "log": "residual (decades)", "relative": "residual (relative)"}


def plot_fit(fit: Fit) -> Any:
    """Return matplotlib axes, shape (measurements, 2): currents, and residuals in their scale."""
    import matplotlib.pyplot as plt

    count = len(fit.measured)
    with plt.rc_context(style()):
        _, axes = plt.subplots(count, 2, figsize=(9.0, 0.6 + 3.0 * count), squeeze=False)
        for (left, right), measured, current, residuals in zip(
            axes, fit.measured, fit.currents, fit.residuals, strict=True
        ):
            is_loop = isinstance(measured, Loop)
            pulses = np.arange(1.0, len(current) + 1.0)
            x, along = (measured.voltage, measured.time) if isinstance(measured, Loop) else (pulses, pulses)
            left.plot(x, measured.measured, ".", color=COLOURS[0], markersize=3.5, label=f"{measured.name}, measured")
            left.plot(x, current, "-", color=COLOURS[1], label="fitted")
            right.plot(along, residuals, ".", color=COLOURS[0], markersize=3.5)
            right.axhline(0.0, color="0.3", linewidth=0.8)
            for ax, quantity, unit in ((left, "", "V"), (right, "", "s")):
                finish(ax.xaxis, quantity if is_loop else "pulse", unit if is_loop else "", log=False)
            finish(left.yaxis, "", "A", log=False)
            right.set_ylabel(_LABELS[fit.scale])
            left.legend()
        axes[0, 0].set_title(fit.device)
    return axes
