"""Networks of oscillators: macrospins, auto-oscillators, vortices and phases, thousands at a time, with couplings.

Names are bound on first use, so that each costs only what it needs.

Examples
--------
>>> from circuitnn.oscillators import PhaseOscillators
>>> PhaseOscillators(3, f0=1e9).n
3
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "AutoOscillators": "auto_oscillators",
    "Common": "waves",
    "Dipolar": "links",
    "Electrical": "links",
    "Linear": "waves",
    "Macrospins": "macrospins",
    "PhaseOscillators": "phase_oscillators",
    "Samples": "drives",
    "Sine": "drives",
    "Vortices": "vortices",
    "limit_cycle": "cycles",
    "locked": "synchrony",
    "mean_frequencies": "synchrony",
    "order_parameter": "synchrony",
    "reduce_to_amplitude": "reduction",
    "reduce_to_phase": "reduction",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'circuitnn.oscillators' has no attribute {name!r}")
    value = getattr(_import_module(f"circuitnn.oscillators.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if TYPE_CHECKING:
    from circuitnn.oscillators.auto_oscillators import AutoOscillators as AutoOscillators
    from circuitnn.oscillators.cycles import limit_cycle as limit_cycle
    from circuitnn.oscillators.drives import Samples as Samples
    from circuitnn.oscillators.drives import Sine as Sine
    from circuitnn.oscillators.links import Dipolar as Dipolar
    from circuitnn.oscillators.links import Electrical as Electrical
    from circuitnn.oscillators.macrospins import Macrospins as Macrospins
    from circuitnn.oscillators.phase_oscillators import PhaseOscillators as PhaseOscillators
    from circuitnn.oscillators.reduction import reduce_to_amplitude as reduce_to_amplitude
    from circuitnn.oscillators.reduction import reduce_to_phase as reduce_to_phase
    from circuitnn.oscillators.synchrony import locked as locked
    from circuitnn.oscillators.synchrony import mean_frequencies as mean_frequencies
    from circuitnn.oscillators.synchrony import order_parameter as order_parameter
    from circuitnn.oscillators.vortices import Vortices as Vortices
    from circuitnn.oscillators.waves import Common as Common
    from circuitnn.oscillators.waves import Linear as Linear
