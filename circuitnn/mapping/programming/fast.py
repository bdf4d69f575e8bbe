"""Programming with cells integrated one by one behind their lines: whole tiles in seconds.

What the fast engine leaves out, and what for:

- A selected cell sees its word line and its bit line as sources behind resistances. These are exact for the two lines
  as ladders whose other cells are loads to the lines that cross them; currents from unselected line to unselected line
  are left out.
- Cells whose lines do not cross are programmed at once in the computation: those of an anti-diagonal, in whose order
  every cell is met after all the cells before it on its lines. The hardware's order differs only in when a third cell
  is disturbed by two others.
- What other cells' pulses do to a half-selected cell is counted by kind of pulse, and integrated before the cell itself
  is read, and at the end of a pass: the same number of pulses, without their order.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from circuitnn.crossbar.apart import CellsApart, Feed
from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.crossbar.ladders import ladder
from circuitnn.crossbar.schemes import SCHEMES
from circuitnn.errors import UsageError
from circuitnn.mapping.programming.engine import Array, Engine, Index
from circuitnn.mapping.programming.plan import Plan

_STEPS = 10  # of a pulse's top on a selected cell
_DISTURB_STEPS = 2  # of one on cells that are not selected
_READ = 2  # number of the use of lines after those of the two trains


class FastEngine(Engine):
    """See the module."""

    def __init__(self, xb: Crossbar, plan: Plan) -> None:
        super().__init__(xb, plan)
        parts = SCHEMES[plan.scheme]
        if parts is None:
            raise UsageError(
                f"the scheme {plan.scheme} has lines whose voltage depends on all cells",
                expected=", ".join(name for name, found in SCHEMES.items() if found),
                hint="fidelity='exact' solves for them",
            )
        self._rest_word, self._rest_bit = parts
        self._apart = CellsApart(xb.cells)
        for name, values in xb.states.items():
            self._apart.states[name][...] = values
        shape, kinds = xb.shape, len(self.levels)
        count = shape[0] * shape[1]
        self._row_of, self._col_of = np.divmod(np.arange(count), shape[1])
        # Pulses on each line and cell by kind, and how many of them its other cells have felt.
        self._on_row, self._on_col = np.zeros((shape[0], kinds), int), np.zeros((shape[1], kinds), int)
        self._own, self._felt_row, self._felt_col, self._felt_rest = np.zeros((4, count, kinds), np.int32)
        # For the two trains and for reads: conductances of cells as loads, and what cells see of their lines.
        self._load_row, self._load_col, self._open_word, self._open_bit, self._r_word, self._r_bit = np.zeros(
            (6, 3, *shape)
        )
        self._passed = np.zeros(shape)  # part of a cell's current that is sensed
        none, self._alone_word, self._alone_bit = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self._alone_word[...] = ladder(xb.wires.word, slice(None), 0.0, none, 0.0)[1]
        self._alone_bit[...] = ladder(xb.wires.bit, slice(None), 0.0, none.T, 0.0)[1].T
        self._units = np.array([self._unit(use) for use in range(3)])
        self._gates = np.array([*(train.gate for train in plan.trains), plan.verify.gate])
        self._weigh(np.arange(count))
        self._see(np.arange(shape[0]), np.arange(shape[1]))

    # ------------------------------------------------------------------ lines
    def _unit(self, use: int) -> tuple[float, float, float, float]:
        """Return selected and other word line, selected and other bit line of a use, in its magnitude."""
        if use == _READ:
            return float(np.sign(self.plan.verify.voltage)), 0.0, 0.0, 0.0
        sign = float(np.sign(self.plan.trains[use].amplitude))
        lift = self.lift(sign)
        return sign + lift, self._rest_word * sign + lift, lift, self._rest_bit * sign + lift

    def _weigh(self, cells: Index) -> None:
        """Find what cells conduct while they are loads of lines, at the first pulse's size."""
        known: dict[tuple[float, float], Array] = {}
        for use in range(3):
            on = self.plan.verify if use == _READ else self.plan.trains[use]
            size = abs(self.plan.verify.voltage if use == _READ else self.plan.trains[use].amplitude)
            word, other_word, bit, other_bit = (size * part for part in self._unit(use))
            for loads, v, gate, word_side in (
                (self._load_row, word - other_bit, on.gate, other_bit),
                (self._load_col, other_word - bit, 0.0, bit),
            ):
                across = v or self.plan.verify.voltage  # a cell at 0 V: what it would conduct
                key = (across, gate - word_side if self._gated else 0.0)
                if key not in known:
                    feed = Feed(word_side + across, word_side, 0.0, 0.0, gate)
                    known[key] = np.maximum(self._apart.currents(cells, feed) / across, 0.0)
                loads[use].ravel()[cells] = known[key]

    def _see(self, rows: Index, cols: Index) -> None:
        """Find what cells see of some word and bit lines while these are selected."""
        for use in range(3):
            word, other_word, bit, other_bit = self._unit(use)
            load = self._load_row[use, rows]
            load = load / (1.0 + load * self._alone_bit[rows])
            self._open_word[use, rows], self._r_word[use, rows] = ladder(
                self.xb.wires.word, rows, word, load, other_bit
            )
            load = self._load_col[use, :, cols]
            load = load / (1.0 + load * self._alone_word[:, cols].T)
            seen = ladder(self.xb.wires.bit, cols, bit, load, other_word)
            self._open_bit[use, :, cols], self._r_bit[use, :, cols] = seen
            if use == _READ:
                # By reciprocity the voltage that a node would have with one volt at what senses the line.
                self._passed[:, cols] = ladder(self.xb.wires.bit, cols, 1.0, load, 0.0)[0].T

    def _feed(self, cells: Index, use: Index, size: Array, selected: tuple[bool, bool]) -> Feed:
        """Return what cells see while their word or bit line, or both, are selected, each for its use and size."""
        row, col = self._row_of[cells], self._col_of[cells]
        _, other_word, _, other_bit = self._units[use].T
        on_word, on_bit = selected
        return Feed(
            size * (self._open_word[use, row, col] if on_word else other_word),
            size * (self._open_bit[use, row, col] if on_bit else other_bit),
            self._r_word[use, row, col] if on_word else self._alone_word[row, col],
            self._r_bit[use, row, col] if on_bit else self._alone_bit[row, col],
            self._gates[use] if on_word else 0.0,
        )

    # ------------------------------------------------------------------ as an engine
    def batches(self) -> Iterator[Index]:
        """Yield the cells of one anti-diagonal after the other."""
        for diagonal in range(self.rows + self.cols - 1):
            row = np.arange(max(0, diagonal - self.cols + 1), min(self.rows, diagonal + 1))
            yield row * self.cols + (diagonal - row)

    def begin(self, cells: Index) -> None:
        """Let cells feel what happened on their lines, and find what they see of these."""
        self._feel(cells)
        self._see(np.unique(self._row_of[cells]), np.unique(self._col_of[cells]))

    def end(self, cells: Index) -> None:
        """Find what cells are as loads now."""
        self._weigh(cells)

    def settle(self) -> None:
        """Let all cells feel what happened on their lines."""
        cells = np.arange(self.rows * self.cols)
        self._feel(cells)
        self._weigh(cells)
        self.xb.set_states(**self._apart.states)

    def read(self, cells: Index) -> Array:
        """Return the currents of cells, A, (n,)."""
        row, col, verify = self._row_of[cells], self._col_of[cells], self.plan.verify
        use, size = np.full(len(cells), _READ), np.full(len(cells), abs(verify.voltage))
        currents = self._apart.currents(cells, self._feed(cells, use, size, (True, True)))
        drawn = self._load_row[_READ, row] * self._open_word[_READ, row] * size[:, None]
        drawn[np.arange(len(cells)), col] = currents
        self.energy.reads += float(np.abs(verify.voltage * drawn.sum(axis=1)).sum()) * verify.time
        return np.asarray(currents * self._passed[row, col])

    def pulse(self, cells: Index, level: Index) -> None:
        """Apply a pulse to each of some cells; levels (n,)."""
        np.add.at(self._own, (cells, level), 1)
        np.add.at(self._on_row, (self._row_of[cells], level), 1)
        np.add.at(self._on_col, (self._col_of[cells], level), 1)
        kinds = [self.levels[number] for number in level.tolist()]
        for times in sorted({kind.times for kind in kinds}):  # pulses of one duration together
            here = np.array([kind.times == times for kind in kinds])
            use, amplitude = np.array([(kind.train, kind.amplitude) for kind in kinds if kind.times == times]).T
            once = np.ones(len(use))
            self.energy.selected += self._apply(
                cells[here], use.astype(int), np.abs(amplitude), times, (True, True), once, _STEPS
            )

    def _apply(
        self,
        cells: Index,
        use: Index,
        size: Array,
        times: tuple[float, float, float],
        selected: tuple[bool, bool],
        repeat: Array,
        steps: int,
    ) -> float:
        """Apply pulses of one duration, count the wires' energy, and return that of the cells, J."""
        feed = self._feed(cells, use, size, selected)
        own, delivered = self._apart.pulse(cells, feed, times, repeat=repeat, steps=steps)
        word, other_word, bit, other_bit = size * self._units[use].T
        across = (word if selected[0] else other_word) - (bit if selected[1] else other_bit)
        seen = np.asarray(feed.word) - np.asarray(feed.bit)
        # The terminals deliver the same charge as the open-circuit voltages, from a higher voltage.
        higher = np.divide(across, seen, where=seen != 0.0, out=np.ones(len(cells)))
        self.energy.wires += float((delivered * higher - own).sum())
        return float(own.sum())

    def _feel(self, cells: Index) -> None:
        """Integrate the pulses on cells' lines that were not their own."""
        row, col = self._row_of[cells], self._col_of[cells]
        total = self._on_row.sum(axis=0)
        for number, kind in enumerate(self.levels):
            if not total[number]:
                continue
            word, other_word, bit, other_bit = self._unit(kind.train)
            use, size = np.full(len(cells), kind.train), np.full(len(cells), abs(kind.amplitude))
            own = self._own[cells, number]
            on_row, on_col = self._on_row[row, number] - own, self._on_col[col, number] - own
            rest = total[number] - on_row - on_col - own
            for felt, count, selected, across in (
                (self._felt_row, on_row, (True, False), word - other_bit),
                (self._felt_col, on_col, (False, True), other_word - bit),
                (self._felt_rest, rest, (False, False), other_word - other_bit),
            ):
                new = count - felt[cells, number]
                felt[cells, number] = count
                if across and new.any():
                    spent = self._apply(cells, use, size, kind.times, selected, new.astype(float), _DISTURB_STEPS)
                    if selected == (False, False):
                        self.energy.unselected += spent
                    else:
                        self.energy.half_selected += spent
