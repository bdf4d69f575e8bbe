"""A crossbar of conductances with resistive wires: its public face, and the choice of how it is solved."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.bias import Bias, make_bias
from circuitnn.crossbar.cells import Cells
from circuitnn.crossbar.checks import accuracy, real, require_finite, stored_conductances
from circuitnn.crossbar.device_reads import DeviceReads
from circuitnn.crossbar.gradient import Gradient, gradient
from circuitnn.crossbar.linear import TRANSFER, LinearArray
from circuitnn.crossbar.nonlinear import CrossbarTransient, DeviceSolver, Waveforms
from circuitnn.crossbar.reads import Reads
from circuitnn.crossbar.solution import CrossbarSolution
from circuitnn.crossbar.spice import write_netlist
from circuitnn.crossbar.wires import make_wires, require_tied
from circuitnn.errors import CrossbarError
from circuitnn.nonidealities.chain import Chain
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.nonidealities.sites import Sites
from circuitnn.units import format_si

Array = NDArray[np.float64]
# A line's low end stays its low end when rows and columns change places.
_TURNED_DRIVE = {"top": "left", "bottom": "right", "both": "both"}
_TURNED_SENSE = {"left": "top", "right": "bottom", "both": "both"}


class Crossbar:
    """A crossbar of cells between word lines (inputs) and bit lines (outputs).

    Word lines run from left to right, bit lines from top to bottom. By default each word line is driven at its left
    end and each bit line is sensed at its lower end (a virtual ground). Factors are kept for all later vectors.

    Parameters
    ----------
    G : array_like, shape (rows, cols), S, or Cells
        Conductances of the cells, finite and not negative; 0 is an open cell. Copied, and read-only. Or devices, such
        as ``Cells("hfo2", (rows, cols))``: ``solve`` then holds their states, ``tran`` moves them.
    r_word, r_bit : float or array_like, ohm
        Resistance of one segment of a word or bit line: one number for all; one a line, shape (rows,) for word and
        (cols,) for bit lines; or one a segment, shape (rows, cols + 1) and (cols, rows + 1), where the first segment
        lies before a line's first cell and the last one behind its last, and infinity is a break. The number 0 makes
        all wires of a side ideal, which is treated exactly.
    r_source, r_sense : float or array_like, ohm
        Output resistance of the sources and input resistance of the sense circuits, one for all or one a line;
        infinity leaves a line floating.
    drive : {"left", "right", "both"}
        The end of word lines at which the sources are.
    sense : {"bottom", "top", "both"}
        The end of bit lines at which the sense circuits are.
    storage : {"double", "single"}
        ``"single"`` keeps cells, node voltages and factors of large arrays as float32, in half the memory; arithmetic
        stays float64. Currents are then right to about 1e-7 of the largest one.
    nonidealities : sequence of Nonideality
        Faults and non-idealities of the cells (see ``circuitnn.nonidealities``). ``G`` holds what becomes of the
        conductances; where effects act on reads, each vector of a batch is a read of its own.
    seed : int, optional
        Of random effects, for which it must be given.
    name : str
        Arrays of different names have different random numbers.
    temp : float, degC
        Temperature of conductances, for effects that depend on it; cells that are devices have their own.

    Raises
    ------
    CrossbarError
        When a conductance or a resistance is negative, infinite, not a number or not real, the array is empty or not a
        matrix, a part of it is tied to nothing, or the equations do not fit in memory.

    Notes
    -----
    Arrays with wires on both sides are solved by lines and a coarse grid, in time proportional to the number of cells
    (see ``lines``); small ones, ideal wires on one side, and arrays on which that converges too slowly by a sparse
    direct factorisation (see ``direct``), whose cost grows with n^3. ``solution.info`` says which and why.

    References
    ----------
    A. Chen, "A comprehensive crossbar array model with solutions for line resistance and nonlinear device
    characteristics", IEEE Trans. Electron Devices 60(4), 1318-1326 (2013), equations (1)-(8).

    Examples
    --------
    >>> xb = Crossbar([[1e-3]], r_word=100.0, r_bit=400.0)      # 1 kohm behind 500 ohm of wire
    >>> xb.solve([1.5]).currents.round(12).tolist()
    [0.001]
    >>> Crossbar([[1e-3, 2e-3]], r_word=0, r_bit=0).transfer_matrix().tolist()
    [[0.001, 0.002]]
    """

    def __init__(
        self,
        G: ArrayLike | Cells,
        r_word: ArrayLike = 1.0,
        r_bit: ArrayLike = 1.0,
        *,
        r_source: ArrayLike = 0.0,
        r_sense: ArrayLike = 0.0,
        drive: str = "left",
        sense: str = "bottom",
        storage: str = "double",
        nonidealities: Iterable[Nonideality] | Nonideality | Chain = (),
        seed: int | None = None,
        name: str = "",
        temp: float = 27.0,
    ) -> None:
        self.shape: tuple[int, int]
        chain = Chain.of(nonidealities, seed, name, temp=temp + 273.15)
        if chain and isinstance(G, Cells):
            G = replace(G, effects=chain.between_reads)
        if isinstance(G, Cells):
            self.shape, joined = G.shape, np.ones(G.shape)
        else:
            stored = stored_conductances(G)
            if chain:
                stored = stored_conductances(chain.written(stored.G))
            self.shape, joined = stored.G.shape, stored.G
        self.wires = make_wires(self.shape, r_word, r_bit, r_source, r_sense, drive, sense)
        require_tied(joined, self.wires)
        if storage not in ("double", "single"):
            raise CrossbarError(f"storage is {storage!r}", expected="'double' or 'single'", names=["storage"])
        self._linear: LinearArray | None = None
        self._devices: DeviceSolver | None = None
        if isinstance(G, Cells):
            self._devices = DeviceSolver(G, self.wires)
        else:
            self._linear = LinearArray(stored, self.wires, single=storage == "single")
        self._reads: Reads | DeviceReads | None = None
        if chain.reads:
            self._read_by(chain, Sites.of_array(self.shape, chain.label))
        self._r = r_word, r_bit
        self._ends: dict[str, Any] = {
            "r_source": r_source, "r_sense": r_sense, "drive": drive, "sense": sense, "storage": storage,
        }  # fmt: skip

    def _read_by(self, chain: Chain, sites: Sites) -> None:
        devices = self._devices
        self._reads = DeviceReads(devices, chain, sites) if devices else Reads(self.G, self.wires, chain, sites)

    def __repr__(self) -> str:
        sides = zip(("r_word", "r_bit"), self._r, strict=True)
        shown = [
            f"{name}={r:g} ohm" if isinstance(r, float | int) else f"{name} of shape {np.shape(r)}" for name, r in sides
        ]
        return f"<Crossbar {self.rows} x {self.cols}: {', '.join(shown)}>"

    @property
    def G(self) -> Array:
        """Conductances, shape (rows, cols), S; not to be written to, for factors and transfer matrix belong to them."""
        return self._conductances().G

    def _conductances(self) -> LinearArray:
        if self._linear is None:
            raise CrossbarError(
                "the cells are devices: they have no conductances of their own",
                hint="linearised(v) is the crossbar of their small-signal conductances at v",
            )
        return self._linear

    def __getstate__(self) -> dict[str, Any]:
        # Kernels cannot travel to another process; cells and states can.
        state = {**self.__dict__, "_devices": self._devices and (self._devices.cells, self.states)}
        return {**state, "_reads": self._reads and (self._reads.chain, self._reads.sites)} if self._devices else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if state["_devices"]:
            cells, states = state["_devices"]
            self._devices = DeviceSolver(cells, self.wires)
            self._devices.set_states(states)
            if state["_reads"]:
                self._read_by(*state["_reads"])

    @property
    def rows(self) -> int:
        """Number of word lines (inputs)."""
        return self.shape[0]

    @property
    def cols(self) -> int:
        """Number of bit lines (outputs)."""
        return self.shape[1]

    @property
    def T(self) -> Crossbar:
        """The transposed read: the bit lines driven where they were sensed, the word lines sensed where driven.

        Its currents for voltages ``e`` on the bit lines are ``e @ transfer_matrix().T``, what a backward pass needs.

        Examples
        --------
        >>> xb = Crossbar([[1e-3, 2e-3]], r_word=5.0, r_bit=7.0, r_source=50.0)
        >>> bool(np.allclose(xb.T.solve([0.1, 0.2]).currents, [0.1, 0.2] @ xb.transfer_matrix().T, atol=0))
        True
        """
        ends = self._ends
        turned = Crossbar(
            self.G.T,
            self._r[1],
            self._r[0],
            r_source=ends["r_sense"],
            r_sense=ends["r_source"],
            drive=_TURNED_DRIVE[ends["sense"]],
            sense=_TURNED_SENSE[ends["drive"]],
            storage=ends["storage"],
        )
        if self._reads:
            turned._read_by(self._reads.chain, self._reads.sites.T)
        known = self._conductances().transfer
        turned._conductances().transfer = None if known is None else known.T
        return turned

    def rewired(self, **ends: ArrayLike | str) -> Crossbar:
        """Return a crossbar of the same cells, states and wires whose ends are tied otherwise.

        Parameters
        ----------
        **ends : r_source, r_sense, drive, sense or storage
            As of ``Crossbar``; what is not given stays.

        Examples
        --------
        >>> xb = Crossbar([[1e-3, 1e-3]], r_word=0.0, r_bit=1.0)
        >>> xb.rewired(r_sense=[0.0, np.inf]).solve([0.1]).currents.round(6).tolist()   # second column floating
        [0.0001, 0.0]
        """
        unknown = set(ends) - set(self._ends)
        if unknown:
            raise CrossbarError(f"a crossbar has no end {min(unknown)!r}", expected=", ".join(self._ends))
        made = Crossbar(self._devices.cells if self._devices else self.G, *self._r, **{**self._ends, **ends})
        if self._devices:
            made.set_states(**self.states)
        if self._reads:
            made._read_by(self._reads.chain, self._reads.sites)
        return made

    def replaced(self, row: ArrayLike, column: ArrayLike, conductance: ArrayLike) -> Crossbar:
        """Return the crossbar with some cells' conductances replaced; a transfer matrix that is known is kept current.

        Parameters
        ----------
        row, column : int or array_like of int, shape (k,)
        conductance : float or array_like, shape (k,), S

        Notes
        -----
        With d_k the unit current through changed cell k, its conductance changed by D_k, and X the node voltages for
        them, T' = T - (B^T X) (diag(1/D) + d^T X)^-1 (C^T X)^T (Sherman, Morrison and Woodbury; Hager, SIAM Review 31,
        221, 1989): one solution a cell. From a quarter of the lines on, T is made anew when it is asked for.

        Examples
        --------
        >>> xb = Crossbar([[1e-3, 2e-3]], r_word=0.0, r_bit=1.0)
        >>> xb.replaced(0, 1, 5e-3).G.tolist()
        [[0.001, 0.005]]
        """
        try:
            cells = np.stack(np.broadcast_arrays(np.atleast_1d(row), np.atleast_1d(column)), axis=1)
            inside = cells.dtype.kind in "iu" and ((cells >= 0) & (cells < self.shape)).all()
            unique = len(np.unique(cells, axis=0)) == len(cells)
        except ValueError:
            inside = unique = False
        if not inside or not unique:
            raise CrossbarError(
                "the cells to replace are no list of different places in the array",
                expected=f"rows below {self.rows}, columns below {self.cols}, each cell once",
            )
        cells = cells.astype(np.intp)
        G = self.G.copy()
        values = real("conductances", conductance)
        if values.shape not in ((), (len(cells),)):
            raise CrossbarError(f"conductances of shape {values.shape} for {len(cells)} cells")
        G[tuple(cells.T)] = values
        made = Crossbar(G, *self._r, **self._ends)
        made._conductances().keep_transfer_of(self._conductances(), cells)
        if self._reads:
            made._read_by(self._reads.chain, self._reads.sites)
        return made

    def at_read(self, number: int) -> Crossbar:
        """Return the crossbar of the conductances that a read finds, which then stay as they are.

        Parameters
        ----------
        number : int
            Of the read, from 0: vector k of a batch of ``solve`` finds those of read ``first_read + k``.
        """
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 0:
            raise CrossbarError(f"read {number!r}", expected="an integer from 0 on")
        G = self._reads.at(int(number)) if self._reads else self.G
        return Crossbar(G, *self._r, **self._ends)

    def _require_fixed(self, what: str) -> None:
        if self._reads:
            raise CrossbarError(
                f"{what} of a crossbar whose cells differ at every read",
                hint="leave out what acts on reads" if self._devices else "at_read(k) is the crossbar at read k",
            )

    def solve(
        self,
        v: ArrayLike | None = None,
        *,
        v_bit: ArrayLike = 0.0,
        i_word: ArrayLike = 0.0,
        i_bit: ArrayLike = 0.0,
        gate: ArrayLike = 0.0,
        tolerance: float = 1e-10,
        first_read: int = 0,
    ) -> CrossbarSolution:
        """Return the currents, and on demand voltages and powers, for what the terminals are held at.

        Parameters
        ----------
        v : array_like, shape (rows,) or (batch, rows), V
            Source voltages of the word lines; zero when not given.
        v_bit : float or array_like, shape (cols,) or (batch, cols), V
            Voltages of the sense circuits.
        i_word, i_bit : float or array_like, A
            Currents fed into the word and bit lines at the ends that are driven or sensed. With an infinite
            ``r_source`` or ``r_sense`` the line is driven by that current alone.
        gate : float or array_like, shape (rows,) or (batch, rows), V
            Of the rows' gate lines, where cells have transistors.
        tolerance : float
            Relative error of the currents (of a thousandth of the largest one for smaller currents).
        first_read : int
            Number of the first vector's read, where non-idealities act on reads.

        Returns
        -------
        CrossbarSolution
            ``currents`` of shape (cols,) or (batch, cols), amperes, positive out of the bit lines.

        Raises
        ------
        CrossbarError
            When voltages or currents are not finite real numbers of that shape.
        ConvergenceError
            When Newton's method fails on device cells.

        Notes
        -----
        A batch of at least ``min(rows, cols)`` vectors goes through the transfer matrix, which then costs less than
        solving for each; so does everything after ``transfer_matrix`` was called.

        Examples
        --------
        >>> sol = Crossbar([[1e-3, 0.0], [1e-3, 1e-3]], r_word=10.0, r_bit=10.0).solve([[1.0, 0.0], [0.0, 1.0]])
        >>> (sol.currents * 1e6).round(3).tolist()
        [[961.446, 0.092], [961.631, 961.446]]
        >>> floating = Crossbar([[1e-3, 2e-3]], r_word=0.0, r_bit=1.0, r_source=np.inf)
        >>> floating.solve(i_word=[3e-3]).currents.round(5).tolist()
        [0.001, 0.002]
        """
        bias = make_bias(self.shape, v, v_bit, i_word, i_bit, gate)
        wanted = accuracy(tolerance)
        reads = self._reads and replace(self._reads, first=first_read)
        array = reads or self._devices or self._conductances()
        try:
            currents, info = array.currents(bias, wanted)
        except MemoryError:
            raise self._out_of_memory(bias) from None
        require_finite(currents)
        return CrossbarSolution(reads or self, bias, currents[0] if bias.single else currents, info, wanted)

    def transfer_matrix(self) -> Array:
        """Return T with ``currents = v @ T``, shape (rows, cols), S; computed once, not to be written to.

        The array is reciprocal, so T comes from ``rows`` solutions for unit sources or from ``cols`` solutions for unit
        voltages on the bit lines, whichever are fewer.

        Examples
        --------
        >>> T = Crossbar([[1e-3, 1e-3]], r_word=1.0, r_bit=0.0).transfer_matrix()
        >>> bool(T[0, 0] > T[0, 1])        # the second cell sees one more segment of wire
        True
        """
        self._require_fixed("the transfer matrix")
        return self._conductances().transfer_matrix()

    def admittance(self) -> Array:
        """Return the currents into all terminals, word lines first, for one volt at each, shape (ports, ports), S.

        Symmetric; ``-admittance()[:rows, rows:]`` is the transfer matrix.

        Examples
        --------
        >>> Crossbar([[1e-3]], r_word=500.0, r_bit=500.0).admittance().round(9).tolist()
        [[0.0005, -0.0005], [-0.0005, 0.0005]]
        """
        self._require_fixed("the admittance")
        return self._conductances().admittance()

    def vjp(self, v: ArrayLike, grad: ArrayLike, *, tolerance: float = 1e-10) -> Gradient:
        """Return the derivatives of a loss by conductances, resistances and voltages, from those by the currents.

        Parameters
        ----------
        v : array_like, shape (rows,) or (batch, rows), V
        grad : array_like, shape (cols,) or (batch, cols)
            Derivative of the loss by each output current.
        tolerance : float
            As of ``solve``, of both solutions.

        Returns
        -------
        Gradient
            Sums over the batch, but for ``v``, which has the shape of ``v``.

        Notes
        -----
        The adjoint of a reciprocal network is the network with ``grad`` volts on its bit lines and the sources at zero,
        so that all derivatives cost one more solution (Tellegen's theorem; Director and Rohrer, IEEE Trans. Circuit
        Theory 16, 318, 1969): minus the product of an element's voltages in the two solutions is the derivative by its
        conductance.

        Examples
        --------
        >>> xb = Crossbar([[1e-3]], r_word=100.0, r_bit=400.0)
        >>> g = xb.vjp([1.5], [1.0])
        >>> float(g.G[0, 0].round(6)), float(g.v[0].round(9))      # v / (1 + 500 G)^2, G / (1 + 500 G)
        (0.666667, 0.000666667)
        """
        self._require_fixed("the gradient")
        return gradient(self, v, grad, accuracy(tolerance))

    # ------------------------------------------------------------------ device cells
    def _cells(self) -> DeviceSolver:
        if self._devices is None:
            raise CrossbarError("the cells are conductances: they have no states", expected="Crossbar(Cells(...))")
        return self._devices

    @property
    def cells(self) -> Cells:
        """What the device cells are."""
        return self._cells().cells

    @property
    def states(self) -> dict[str, Array]:
        """States of device cells, each of shape (rows, cols); a transient leaves them where it ended."""
        return self._cells().states()

    def set_states(self, **values: ArrayLike) -> None:
        """Set states of device cells, numbers or arrays of shape (rows, cols), within their bounds."""
        self._cells().set_states(values)

    def linearised(self, v: ArrayLike | None = None, *, v_bit: ArrayLike = 0.0, gate: ArrayLike = 0.0) -> Crossbar:
        """Return the crossbar of the cells' small-signal conductances at an operating point, states held.

        Of cells with a transistor the conductance is the derivative by the word line's voltage.

        Examples
        --------
        >>> Crossbar(Cells("hfo2", (1, 2), state={"w": [[0.0, 3e-9]]})).linearised().G.round(9).tolist()
        [[0.0001, 1e-06]]
        """
        bias = make_bias(self.shape, v, v_bit, gate=gate)
        return Crossbar(np.maximum(self._cells().at_ports(bias, TRANSFER)[2][0], 0.0), *self._r, **self._ends)

    def ports(self, v: ArrayLike, state: ArrayLike) -> tuple[Array, Array]:
        """Return the currents into all terminals of device cells, and their derivatives by the voltages.

        Parameters
        ----------
        v : array_like, shape (rows + cols,), V
            Of the word lines' terminals, then of the bit lines'.
        state : array_like, shape (states * rows * cols,)
            As ``advance`` returns them.

        Returns
        -------
        currents : ndarray, shape (ports,), A
        admittance : ndarray, shape (ports, ports), S
        """
        volts, _ = self._at_ports(v, state)
        bias = make_bias(self.shape, volts[: self.rows], volts[self.rows :])
        out, word, slopes = self._cells().at_ports(bias, TRANSFER)
        small = Crossbar(np.maximum(slopes[0], 0.0), *self._r, **self._ends)
        return np.concatenate([word, -out]), small.admittance()

    def advance(self, v0: ArrayLike, v1: ArrayLike, h: float, state: ArrayLike) -> Array:
        """Return the states of device cells ``h`` seconds on while the terminals go straight from ``v0`` to ``v1``.

        Voltages and states as of ``ports``.
        """
        start, kept = self._at_ports(v0, state)
        end, _ = self._at_ports(v1, kept)
        levels = np.stack([start, end])
        waves = Waveforms([0.0, h], levels[:, : self.rows], levels[:, self.rows :])
        done = self._cells().tran(waves, max_step=h, tolerance=1e-6, save_states=False)
        return np.concatenate([values.ravel() for values in done.state.values()])

    def _at_ports(self, v: ArrayLike, state: ArrayLike) -> tuple[Array, Array]:
        volts, flat = real("port voltages", v), real("states", state)
        names = list(self.states)
        if volts.shape != (self.rows + self.cols,) or flat.shape != (len(names) * self.rows * self.cols,):
            raise CrossbarError(
                f"port voltages of shape {volts.shape} and states of shape {flat.shape}",
                expected=f"({self.rows + self.cols},) and ({len(names) * self.rows * self.cols},)",
            )
        self.set_states(**dict(zip(names, flat.reshape(len(names), *self.shape), strict=True)))
        return volts, flat

    def tran(
        self,
        waveforms: Waveforms,
        *,
        max_step: float | None = None,
        tolerance: float = 1e-4,
        save_states: bool = False,
    ) -> CrossbarTransient:
        """Integrate the states of device cells while the terminals follow waveforms, the array solved at each step.

        Parameters
        ----------
        waveforms : Waveforms
        max_step : float, optional
            Longest step, s; a fiftieth of the whole time when not given.
        tolerance : float
            Error of a step of a state, relative to the distance of its bounds.
        save_states : bool
            Keep the states at every step.

        Returns
        -------
        CrossbarTransient

        Raises
        ------
        CrossbarError
            For waveforms of a wrong shape, or cells that are conductances.
        ConvergenceError
            When Newton's method or the step control gives up; ``result`` holds what was computed so far.

        Examples
        --------
        >>> xb = Crossbar(Cells("hfo2", (2, 2), state={"w": 3e-9}))       # all cells at 1 Mohm
        >>> done = xb.tran(Waveforms([0, 1e-9, 20e-9, 21e-9], [[0, 0], [-2.0, 0], [-2.0, 0], [0, 0]]))
        >>> (xb.states["w"] < 1e-9).tolist()                             # SET of the first row
        [[True, True], [False, False]]
        """
        self._require_fixed("a transient")
        return self._cells().tran(waveforms, max_step=max_step, tolerance=accuracy(tolerance), save_states=save_states)

    def to_netlist(self, path: str | os.PathLike[str] | None = None, *, v: ArrayLike) -> str | None:
        """Write the array as plain SPICE, with an operating point that prints the currents ``i(vsenseJ)``.

        Parameters
        ----------
        path : path-like, optional
            File to write; without it the text is returned.
        v : array_like, shape (rows,), V
            Source voltages.

        Returns
        -------
        str or None
            The text when there is no ``path``.

        Raises
        ------
        CrossbarError
            When ``v`` is wrong.
        FileError
            When the file cannot be written.

        Examples
        --------
        >>> print(Crossbar([[1e-3]], r_word=0, r_bit=2.0).to_netlist(v=[1.0]))
        * crossbar 1 x 1, circuitnn
        vin0 in0 0 dc 1
        rc0_0 in0 b0_0 1000
        rb1_0 out0 b0_0 2
        vsense0 out0 0 dc 0
        .options reltol=1e-9 abstol=1e-18 vntol=1e-15
        .op
        .print op i(vsense0)
        .end
        <BLANKLINE>
        """
        self._require_fixed("a netlist")
        bias = make_bias(self.shape, v)
        if not bias.single:
            raise CrossbarError(f"a netlist holds one vector, not {len(bias)}", expected=f"v of shape ({self.rows},)")
        return write_netlist(self.G, self.wires, bias.v[0], path)

    def _inside(self, bias: Bias, tolerance: float) -> tuple[Array, Array, Array]:
        """Return word and bit node voltages and the cells' currents, each of shape (batch, rows, cols)."""
        bias.require_unchanged()
        try:
            return (self._devices or self._conductances()).inside(bias, tolerance)
        except MemoryError:
            raise self._out_of_memory(bias) from None

    def _out_of_memory(self, bias: Bias) -> CrossbarError:
        needed = format_si(32.0 * len(bias) * self.rows * self.cols, "B", 3)
        return CrossbarError(
            f"the node voltages of {len(bias)} vectors do not fit in memory: they need about {needed}",
            hint="ask for them in smaller batches; currents alone need much less",
        )
