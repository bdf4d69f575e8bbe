"""Circuit-level simulation of neural-network hardware.

The public names are bound on first use, so ``import circuitnn`` stays cheap and
a user pays only for the layers that are touched.

Examples
--------
>>> import circuitnn as cn
>>> circuit = cn.Circuit("divider")
>>> circuit.V("in", "a", 0, dc=1.0)
>>> circuit.R("1", "a", "b", "1k")
>>> circuit.R("2", "b", 0, "3k")
>>> round(float(circuit.op()["v(b)"]), 9)
0.75
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Checkpoint": "circuitnn.results.checkpoint",
    "Circuit": "circuitnn.circuit.circuit",
    "CircuitnnError": "circuitnn.errors",
    "Cells": "circuitnn.crossbar.cells",
    "Crossbar": "circuitnn.crossbar.crossbar",
    "CrossbarEnsemble": "circuitnn.crossbar.ensemble",
    "Device": "circuitnn.devices.declare",
    "Fit": "circuitnn.fitting.fitted",
    "Loop": "circuitnn.fitting.measured",
    "Layout": "circuitnn.mapping.layout",
    "Memristor": "circuitnn.devices.declare",
    "Model": "circuitnn.netlist.flat",
    "Netlist": "circuitnn.netlist.netlist",
    "Param": "circuitnn.devices.declare",
    "PulseTrain": "circuitnn.fitting.measured",
    "RfLayout": "circuitnn.mapping.rf.layout",
    "Result": "circuitnn.results.result",
    "Results": "circuitnn.results.results",
    "SampleFamily": "circuitnn.results.family",
    "Samples": "circuitnn.results.samples",
    "State": "circuitnn.devices.declare",
    "Subcircuit": "circuitnn.circuit.subcircuit",
    "Waveforms": "circuitnn.crossbar.nonlinear",
    "Trainer": "circuitnn.learning.trainer",
    "TiledWeights": "circuitnn.mapping.stream_store",
    "check": "circuitnn.runs.check",
    "compile": "circuitnn.mapping.compile",
    "compile_weights": "circuitnn.mapping.stream",
    "corners": "circuitnn.runs.corners",
    "fit": "circuitnn.fitting.fit",
    "load": "circuitnn.netlist.netlist",
    "locking_range": "circuitnn.runs.locking",
    "monte_carlo": "circuitnn.runs.montecarlo",
    "monte_carlo_corners": "circuitnn.runs.montecarlo",
    "nonidealities": "circuitnn.nonidealities",
    "optimise": "circuitnn.mapping.optimise",
    "oscillation_map": "circuitnn.runs.oscillation_map",
    "oscillators": "circuitnn.oscillators",
    "parse": "circuitnn.netlist.netlist",
    "phase_diffusion": "circuitnn.measure.linewidth",
    "read_measured": "circuitnn.fitting.measured",
    "register": "circuitnn.devices.load",
    "to_graph": "circuitnn.mapping.importing",
}

__all__ = [*sorted(_HOME), "__version__"]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'circuitnn' has no attribute {name!r}")
    module = _import_module(home)
    value = module if home.endswith(f".{name}") and not hasattr(module, name) else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit as Circuit
    from circuitnn.circuit.subcircuit import Subcircuit as Subcircuit
    from circuitnn.crossbar.cells import Cells as Cells
    from circuitnn.crossbar.crossbar import Crossbar as Crossbar
    from circuitnn.crossbar.ensemble import CrossbarEnsemble as CrossbarEnsemble
    from circuitnn.crossbar.nonlinear import Waveforms as Waveforms
    from circuitnn.devices.declare import Device as Device
    from circuitnn.devices.declare import Memristor as Memristor
    from circuitnn.devices.declare import Param as Param
    from circuitnn.devices.declare import State as State
    from circuitnn.devices.load import register as register
    from circuitnn.errors import CircuitnnError as CircuitnnError
    from circuitnn.fitting.fit import fit as fit
    from circuitnn.fitting.fitted import Fit as Fit
    from circuitnn.fitting.measured import Loop as Loop
    from circuitnn.fitting.measured import PulseTrain as PulseTrain
    from circuitnn.fitting.measured import read_measured as read_measured
    from circuitnn.learning.trainer import Trainer as Trainer
    from circuitnn.mapping.compile import compile as compile
    from circuitnn.mapping.importing import to_graph as to_graph
    from circuitnn.mapping.layout import Layout as Layout
    from circuitnn.mapping.optimise import optimise as optimise
    from circuitnn.mapping.rf.layout import RfLayout as RfLayout
    from circuitnn.mapping.stream import compile_weights as compile_weights
    from circuitnn.mapping.stream_store import TiledWeights as TiledWeights
    from circuitnn.measure.linewidth import phase_diffusion as phase_diffusion
    from circuitnn.netlist.flat import Model as Model
    from circuitnn.netlist.netlist import Netlist as Netlist
    from circuitnn.netlist.netlist import load as load
    from circuitnn.netlist.netlist import parse as parse
    from circuitnn.results.checkpoint import Checkpoint as Checkpoint
    from circuitnn.results.family import SampleFamily as SampleFamily
    from circuitnn.results.result import Result as Result
    from circuitnn.results.results import Results as Results
    from circuitnn.results.samples import Samples as Samples
    from circuitnn.runs.check import check as check
    from circuitnn.runs.corners import corners as corners
    from circuitnn.runs.locking import locking_range as locking_range
    from circuitnn.runs.montecarlo import monte_carlo as monte_carlo
    from circuitnn.runs.montecarlo import monte_carlo_corners as monte_carlo_corners
    from circuitnn.runs.oscillation_map import oscillation_map as oscillation_map
