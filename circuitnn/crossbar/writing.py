"""Write pulses on selected device cells: final states, disturb of the others, and where the energy went."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.crossbar.nonlinear import CellArray, CrossbarTransient, Waveforms
from circuitnn.crossbar.schemes import LineBias, Lines, bias_for
from circuitnn.crossbar.solution import side_power
from circuitnn.crossbar.wires import Side, Wires
from circuitnn.errors import CrossbarError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pulse:
    """A trapezoid from 0 V and back.

    Parameters
    ----------
    amplitude : float, V
        From selected word to selected bit lines. Its sign is the polarity: the ready-made cards SET below and RESET
        above 0 V (``hfo2``), or the reverse (``hp``), as their device says.
    width : float, s
        Of the flat top.
    rise, fall : float, s

    Examples
    --------
    >>> Pulse(-2.0, 20e-9, 1e-9, 1e-9).times
    (0.0, 1e-09, 2.1e-08, 2.2e-08)
    """

    amplitude: float
    width: float
    rise: float
    fall: float

    def __post_init__(self) -> None:
        for name in ("amplitude", "width", "rise", "fall"):
            value = getattr(self, name)
            number = isinstance(value, float | int | np.floating | np.integer) and bool(np.isfinite(value))
            if not number or (value == 0.0 if name == "amplitude" else value <= 0.0):
                raise CrossbarError(
                    f"{name} of the pulse is {value!r}",
                    expected="volts, finite and not 0" if name == "amplitude" else "seconds, above 0",
                    names=[name],
                )

    @property
    def times(self) -> tuple[float, float, float, float]:
        """Start, begin and end of the top, and end, s."""
        top = self.rise + self.width
        return 0.0, self.rise, top, top + self.fall


@dataclass(frozen=True)
class Disturb:
    """The cell of a class whose state a write changed most.

    Attributes
    ----------
    cell : tuple of int
    change : float
        Of the state, in its unit, with its sign.
    """

    cell: tuple[int, int]
    change: float


@dataclass(frozen=True, eq=False)
class WriteEnergy:
    """Where the energy of a write went, J.

    Attributes
    ----------
    sources : float
        Delivered by all drivers and sense circuits; the sum of the cells', ``word`` and ``bit``.
    cells : ndarray, shape (rows, columns)
        Dissipated in each cell, its selector or transistor included.
    word, bit : float
        Dissipated in the wires of word and bit lines, with the resistances of what they are tied to.
    selected, half_selected, unselected : float
        Sums of ``cells`` over these classes.
    """

    sources: float
    cells: Array
    word: float
    bit: float
    selected: float
    half_selected: float
    unselected: float


@dataclass(frozen=True, eq=False)
class Write:
    """What a write did.

    Attributes
    ----------
    bias : LineBias
        At the top of the pulse.
    states : dict of str to ndarray, shape (pulses + 1, rows, columns)
        Before the first pulse and after each.
    energy : WriteEnergy
        Of all pulses.
    transients : tuple of CrossbarTransient
        One a pulse.
    """

    bias: LineBias
    states: dict[str, Array]
    energy: WriteEnergy
    transients: tuple[CrossbarTransient, ...]

    def disturb(self, state: str, pulse: int = -1) -> dict[str, Disturb]:
        """Return the worst change of cells that were not to be written.

        Parameters
        ----------
        state : str
            Name of a state.
        pulse : int
            After how many pulses; the last when not given.

        Returns
        -------
        dict of str to Disturb
            By the class of ``LineBias.classes`` (``"row"``, ``"column"``, ``"unselected"``) where it has cells.

        Raises
        ------
        CrossbarError
            For a state that cells have not, or a pulse that was not given.
        """
        if state not in self.states:
            raise CrossbarError(f"cells have no state {state!r}", expected=", ".join(self.states), names=[state])
        history = self.states[state]
        if not -len(history) <= pulse < len(history):
            raise CrossbarError(f"after {pulse} pulses", expected=f"0 to {len(history) - 1}", names=["pulse"])
        change = history[pulse] - history[0]
        found = {}
        for name in ("row", "column", "unselected"):
            of_class = self.bias.classes[name]
            if of_class.any():
                at = np.unravel_index(np.where(of_class, np.abs(change), -1.0).argmax(), change.shape)
                found[name] = Disturb((int(at[0]), int(at[1])), float(change[at]))
        return found


def write(
    xb: Crossbar,
    cells: tuple[Lines, Lines],
    pulse: Pulse,
    scheme: str = "V/2",
    *,
    pulses: int = 1,
    gate: float = 0.0,
    max_step: float | None = None,
    tolerance: float = 1e-4,
) -> Write:
    """Apply a write pulse to selected device cells through a scheme, and move the crossbar's states.

    All line voltages follow the pulse together. Floating lines follow the cells.

    Parameters
    ----------
    xb : Crossbar
        Of device cells. Its states end where the write leaves them.
    cells, scheme
        As of ``bias_for``; all crossings of the given lines are written at once.
    pulse : Pulse
    pulses : int
        How many, one after the other.
    gate : float, V
        On the gate lines of selected rows, during the whole pulse, where cells have transistors; others are at 0.
    max_step, tolerance
        As of ``Crossbar.tran``; the longest step is a fiftieth of a pulse when not given.

    Raises
    ------
    CrossbarError
        For a crossbar of conductances, fewer than one pulse, and for what ``bias_for`` and ``LineBias.tied`` refuse.
    ConvergenceError
        When Newton's method or the step control gives up; states then stay as they were.

    Notes
    -----
    Energies are integrals of powers by the trapezoidal rule over the steps of the transient. Those of the sources come
    from the currents of the terminals, those of cells and wires from the currents inside, so that their agreement tells
    how well the array was solved.

    References
    ----------
    G. W. Burr et al., "Access devices for 3D crosspoint memory", J. Vac. Sci. Technol. B 32, 040802 (2014).

    Examples
    --------
    >>> from circuitnn.crossbar.cells import Cells
    >>> xb = Crossbar(Cells("hfo2", (3, 3), state={"w": 3e-9}))         # all at 1 Mohm
    >>> done = write(xb, (0, 1), Pulse(-1.1, 100e-9, 1e-9, 1e-9), "V/2")
    >>> (xb.states["w"] < 2.9e-9).tolist()                              # 0.55 V is below the threshold of 0.6 V
    [[False, True, False], [False, False, False], [False, False, False]]
    >>> max(abs(d.change) for d in done.disturb("w").values())
    0.0
    """
    bias = bias_for(scheme, xb.shape, cells, pulse.amplitude)
    return write_biased(xb, bias, pulse, pulses=pulses, gate=gate, max_step=max_step, tolerance=tolerance)


def write_biased(
    xb: Crossbar,
    bias: LineBias,
    pulse: Pulse,
    *,
    pulses: int = 1,
    gate: float = 0.0,
    max_step: float | None = None,
    tolerance: float = 1e-4,
) -> Write:
    """Do as ``write`` with lines that are tied as ``bias`` says at the top of the pulse, whose amplitude is in it."""
    if isinstance(pulses, bool) or not isinstance(pulses, int | np.integer) or pulses < 1:
        raise CrossbarError(f"pulses is {pulses!r}", expected="how many, at least 1", names=["pulses"])
    start = xb.states
    tied = bias.tied(xb)
    shape = np.array([0.0, 1.0, 1.0, 0.0])[:, None]
    waveforms = Waveforms(pulse.times, shape * bias.word, shape * bias.bit, bias.gates(gate))
    history = {name: [values] for name, values in start.items()}
    meter = _Meter(tied.wires, xb.shape)
    transients = []
    for _ in range(pulses):
        done = tied._cells().tran(
            waveforms, max_step=max_step, tolerance=tolerance, save_states=False, watch=meter.note
        )
        transients.append(done)
        tied.set_states(**done.state)  # onto their bounds, beside which a transient may leave them
        for name, values in tied.states.items():
            history[name].append(values)
    xb.set_states(**tied.states)
    spent, classes = meter.cells, bias.classes
    half = classes["row"] | classes["column"]
    energy = WriteEnergy(
        sum(done.energy for done in transients),
        spent,
        meter.word,
        meter.bit,
        *(float(spent[mask].sum()) for mask in (classes["selected"], half, classes["unselected"])),
    )
    return Write(bias, {name: np.array(values) for name, values in history.items()}, energy, tuple(transients))


class _Meter:
    """Adds up what cells and wires dissipate during transients."""

    def __init__(self, wires: Wires, shape: tuple[int, int]) -> None:
        self._wires, self._shape = wires, shape
        self.cells = np.zeros(shape)
        self.word = self.bit = 0.0
        self._last: tuple[float, Array, float, float] = (0.0, self.cells, 0.0, 0.0)

    def note(self, t: float, levels: Array, array: CellArray) -> None:
        """Take the powers at an accepted time; time 0 begins anew."""
        rows, cols = self._shape
        (v_word, v_bit), current = array.nodes(), array.cell_currents()
        cells = current * (v_word - v_bit)
        word = self._lost(self._wires.word, current, v_word, levels[:rows])
        bit = self._lost(self._wires.bit, -current.T, v_bit.T, levels[rows : rows + cols])
        if t > 0.0:
            before, cells_before, word_before, bit_before = self._last
            half = 0.5 * float(t - before)
            self.cells = self.cells + half * (cells_before + cells)
            self.word += half * (word_before + word)
            self.bit += half * (bit_before + bit)
        self._last = t, cells, word, bit

    @staticmethod
    def _lost(side: Side, leaving: Array, nodes: Array, v: Array) -> float:
        return float(side_power(side, leaving[None], nodes[None], v[None], np.zeros((1, len(v)))).lost[0])
