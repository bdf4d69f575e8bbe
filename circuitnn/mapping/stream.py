"""Networks larger than memory: their matrices go from safetensors files to folders of tiles, piece by piece.

A piece is one row (or, where the file stores outputs first, one column) of the tiles of a matrix, so that what it needs
lies together in the file; very long ones are cut. Pieces are numbered and done by processes or a Dask cluster as runs
are (``circuitnn.runs.pool``). The weights are read twice: once for the largest of each matrix, to which its cells are
scaled, and for a checksum, so that work which goes on does so with the same numbers; once to be compiled.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.checks import resistance
from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.devices.cards import Card
from circuitnn.errors import FileError, MappingError, UsageError, nearest
from circuitnn.mapping.conductance import conductance_range
from circuitnn.mapping.encodings.encoding import Encoding, encoding_of
from circuitnn.mapping.matrix import tile_label
from circuitnn.mapping.stream_store import Grid, Kept, Piece, Tiled, decoded, read_done, write_index, write_part
from circuitnn.mapping.tensors import Tensor, read_tensors
from circuitnn.mapping.tiles import check_tile
from circuitnn.netlist.flat import Model
from circuitnn.nonidealities.chain import Chain
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.results.atomic import new_folder
from circuitnn.results.memory import peak_memory
from circuitnn.runs.pool import Job, Progress, require_workers
from circuitnn.runs.store import Store

Array = NDArray[np.float64]
#: Weights of a piece: with their cells, and the file that is made of them in memory, about 40 MB.
_MOST_WEIGHTS = 2**20
_SCAN = 0.05  # of the work, for the progress
_STORAGE: dict[str, np.dtype[Any]] = {"single": np.dtype("<f4"), "double": np.dtype("<f8")}
_MOST_SHOWN = 40


@dataclass(frozen=True)
class Plan:
    """What is to be compiled, and how.

    Attributes
    ----------
    tensors : tuple of Tensor
        The matrices.
    transposed : tuple of bool
        Which of them are stored with outputs first.
    left_out : dict of str to str
        The other tensors, with the reason.
    tile, encoding, device, g_min, g_max, r_wire, storage, effects
        As of ``compile_weights``.
    """

    tensors: tuple[Tensor, ...]
    transposed: tuple[bool, ...]
    left_out: dict[str, str]
    tile: tuple[int, int]
    encoding: Encoding
    device: str
    g_min: float
    g_max: float
    r_wire: float
    storage: str
    effects: Chain

    @cached_property
    def grids(self) -> list[Grid]:
        """How each matrix lies on tiles."""
        shapes = [t.shape[::-1] if turned else t.shape for t, turned in zip(self.tensors, self.transposed, strict=True)]
        return [Grid(shape[0], shape[1], self.tile, self.encoding) for shape in shapes]

    @cached_property
    def pieces(self) -> list[Piece]:
        """All pieces, matrix by matrix."""
        found = []
        for number, (grid, turned) in enumerate(zip(self.grids, self.transposed, strict=True), 1):
            most = max(1, _MOST_WEIGHTS // (self.tile[0] * grid.outputs_each))
            along, across = (grid.rows, grid.columns) if turned else (grid.columns, grid.rows)
            for band in range(across):
                for first in range(0, along, most):
                    part, own = range(first, min(first + most, along)), range(band, band + 1)
                    found.append(Piece(number, part, own) if turned else Piece(number, own, part))
        return found

    @property
    def tiles(self) -> int:
        """How many tiles there are."""
        return sum(grid.rows * grid.columns for grid in self.grids)

    @property
    def weights(self) -> int:
        """How many weights there are."""
        return sum(grid.inputs * grid.outputs for grid in self.grids)

    @property
    def cells(self) -> int:
        """How many cells they take."""
        return sum(grid.inputs * grid.lines for grid in self.grids)

    @property
    def nbytes(self) -> int:
        """Bytes of the cells on disk."""
        return self.cells * _STORAGE[self.storage].itemsize

    def weights_of(self, piece: Piece) -> tuple[bytes, NDArray[Any]]:
        """Return the bytes of a piece's weights as stored, and the weights, shape (inputs, outputs).

        Raises
        ------
        FileError
            When the file cannot be read.
        """
        grid, tensor = self.grids[piece.matrix - 1], self.tensors[piece.matrix - 1]
        inputs = grid.input_range(piece.rows.start, piece.rows.stop)
        outputs = grid.output_range(piece.columns.start, piece.columns.stop)
        rows, columns = (outputs, inputs) if self.transposed[piece.matrix - 1] else (inputs, outputs)
        raw = tensor.raw(rows, columns)
        stored = tensor.numbers(raw, len(rows))
        return raw, stored.T if self.transposed[piece.matrix - 1] else stored

    def __str__(self) -> str:
        lines = []
        for tensor, grid in list(zip(self.tensors, self.grids, strict=True))[:_MOST_SHOWN]:
            tiles = f"{grid.rows} x {grid.columns} tiles"
            lines.append(f"{tensor.name}: {grid.inputs} inputs, {grid.outputs} outputs, {tensor.dtype}, {tiles}")
        if len(self.tensors) > _MOST_SHOWN:
            lines.append(f"... and {len(self.tensors) - _MOST_SHOWN} more")
        return "\n".join(
            [
                *lines,
                f"{self.weights:,} weights of {len(self.tensors)} matrices on {self.tiles:,} tiles, "
                f"{self.cells:,} cells, {self.nbytes / 1e9:.3g} GB",
            ]
        )


@dataclass
class WeightsReport:
    """What ``compile_weights`` did.

    Attributes
    ----------
    plan : Plan
    folder : Path
    seconds : float, s
        That this call took.
    work : float, s
        Of all pieces, also of earlier calls, in the processes that did them.
    peak : float, bytes
        Most memory of any process that did pieces.
    errors : dict of (str, int) to float
        Verified tiles, by matrix and number from 1: the distance of what the circuit, wires included, computes from the
        weights, as a part of these (Frobenius norms).
    """

    plan: Plan
    folder: Path
    seconds: float
    work: float
    peak: float
    errors: dict[tuple[str, int], float] = field(default_factory=dict)

    @property
    def seconds_per_tile(self) -> float:
        """Time of one process for a tile, s, reading and writing included."""
        return self.work / self.plan.tiles

    def __str__(self) -> str:
        lines = [
            str(self.plan),
            f"{1e3 * self.seconds_per_tile:.3g} ms a tile, {self.work:.3g} s in all processes; "
            f"at most {self.peak / 1e6:.0f} MB in one",
        ]
        if self.errors:
            found = np.array([*self.errors.values()])
            worst = max(self.errors, key=self.errors.__getitem__)
            lines.append(
                f"{len(found)} tiles verified with {self.plan.r_wire:g} ohm a segment: relative error "
                f"median {np.median(found):.3g}, largest {found.max():.3g} ({tile_label(*worst)})"
            )
        return "\n".join(lines)


@dataclass
class TileTask:
    """Compile pieces into a folder, and verify some of their tiles."""

    plan: Plan
    largest: list[float]
    folder: str
    verify: float
    seed: int

    def __call__(self, index: int) -> Tiled:
        """Compile a piece, unless its file is there."""
        began = time.monotonic()
        plan, piece = self.plan, self.plan.pieces[index]
        grid, name = plan.grids[piece.matrix - 1], plan.tensors[piece.matrix - 1].name
        _, weights = plan.weights_of(piece)
        lines = grid.line_range(piece.columns.start, piece.columns.stop)
        cells = np.empty((weights.shape[0], len(lines)), _STORAGE[plan.storage])
        chosen = np.random.default_rng([self.seed, index]).random(piece.tiles) < self.verify
        errors, number = [], 0
        for row in piece.rows:
            word = _within(grid.input_range(row, row + 1), row - piece.rows.start, grid.tile[0])
            for column in piece.columns:
                at = column - piece.columns.start
                out = _within(grid.output_range(column, column + 1), at, grid.outputs_each)
                bit = _within(grid.line_range(column, column + 1), at, grid.encoding.lines(grid.outputs_each))
                label = row * grid.columns + column + 1
                own = weights[word, out].astype(np.float64)
                cells[word, bit] = self._programmed(own, piece.matrix, tile_label(name, label))
                if chosen[number]:
                    errors.append((label, self._error(own, cells[word, bit], piece.matrix)))
                number += 1
        full = (grid.tile[0], grid.encoding.lines(grid.outputs_each))
        done = Tiled(index, piece.tiles, time.monotonic() - began, peak_memory(), errors)
        write_part(piece.path(self.folder), cells, full, done)
        return replace(done, seconds=time.monotonic() - began, peak=peak_memory())

    def require_importable(self) -> None:
        """It travels as numbers and names."""

    def _programmed(self, weights: Array, matrix: int, label: str) -> Array:
        plan = self.plan
        cells = plan.encoding.conductances(weights, self.largest[matrix - 1], plan.g_min, plan.g_max)
        return plan.effects.of_array(label).written(cells) if plan.effects else cells

    def _error(self, weights: Array, cells: NDArray[Any], matrix: int) -> float:
        """Return the distance of the circuit's matrix, wires included, from the weights."""
        plan = self.plan
        transfer = Crossbar(cells.astype(np.float64), plan.r_wire, plan.r_wire).transfer_matrix()
        scale = plan.encoding.scale(self.largest[matrix - 1], plan.g_min, plan.g_max)
        found = decoded(transfer, plan.encoding, weights.shape[1]) * scale
        norm = float(np.linalg.norm(weights))
        # a tile of zeros has no relative error: that of its largest possible weights stands for it
        norm = norm or (self.largest[matrix - 1] or 1.0) * float(np.sqrt(weights.size))
        return float(np.linalg.norm(found - weights)) / norm


def _within(wanted: range, place: int, each: int) -> slice:
    """Return where the lines of a tile lie in its piece."""
    return slice(place * each, place * each + len(wanted))


def plan_weights(
    source: str | os.PathLike[str],
    matrices: Sequence[str] | str = ("*",),
    *,
    transposed: Sequence[str] | str = (),
    tile: tuple[int, int] = (128, 128),
    device: str | Card | Model | tuple[float, float] = "hfo2",
    encoding: str | dict[str, Any] | Encoding = "differential",
    r_wire: float = 0.0,
    storage: str = "single",
    nonidealities: Sequence[Nonideality] | Nonideality = (),
    seed: int | None = None,
) -> Plan:
    """Return what ``compile_weights`` would do, from the files' headers alone; the parameters are its own."""
    coding = encoding_of(encoding)
    if (coding.gains(np.array([[0.5], [1.0]]), 1.0) != 1.0).any():
        raise UsageError(
            f"{coding!r} leaves a factor of each output to logic, and the folder keeps cells",
            expected="an encoding of weights by cells alone",
            names=("encoding",),
        )
    size = check_tile(tile, coding)
    name, g_min, g_max = conductance_range(device)
    wire = resistance("r_wire", r_wire)
    if storage not in _STORAGE:
        raise UsageError(f"storage is {storage!r}", expected="'single' or 'double'", names=("storage",))
    effects = Chain.of(nonidealities, seed, window=(g_min, g_max))
    if effects.reads:
        kinds = [effect.kind for effect in effects.at_reads.effects]
        raise UsageError(
            f"{kinds[0]} acts on reads", expected="what programming does: the folder keeps cells", names=kinds
        )
    found = read_tensors(source)
    chosen, left_out = _choose(found, _patterns("matrices", matrices))
    turning = _patterns("transposed", transposed)
    for pattern in turning:
        if not any(fnmatchcase(tensor.name, pattern) for tensor in chosen):
            raise UsageError(f"no matrix is called {pattern!r}", hint=nearest(pattern, found), names=("transposed",))
    turned = tuple(any(fnmatchcase(tensor.name, pattern) for pattern in turning) for tensor in chosen)
    return Plan(tuple(chosen), turned, left_out, size, coding, name, g_min, g_max, wire, storage, effects)


def _patterns(what: str, given: Any) -> list[str]:
    found = [given] if isinstance(given, str) else [*given] if isinstance(given, Iterable) else [given]
    if not all(isinstance(pattern, str) for pattern in found):
        raise UsageError(f"{what} are {given!r}", expected="names or patterns such as 'h.*.weight'", names=(what,))
    return found


def _choose(found: dict[str, Tensor], patterns: list[str]) -> tuple[list[Tensor], dict[str, str]]:
    """Return the matrices that patterns name, and why other tensors are left out."""
    chosen: list[Tensor] = []
    left_out: dict[str, str] = {}
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in found):
            raise UsageError(f"no tensor is called {pattern!r}", hint=nearest(pattern, found), names=("matrices",))
    for name, tensor in found.items():
        if not any(fnmatchcase(name, pattern) for pattern in patterns):
            left_out[name] = "not asked for"
        elif len(tensor.shape) != 2 or 0 in tensor.shape:
            left_out[name] = f"of shape {tensor.shape}, no matrix"
        elif not tensor.readable:
            left_out[name] = f"of type {tensor.dtype}, no floating-point numbers that are read"
        else:
            chosen.append(tensor)
            continue
        if name in patterns:
            raise UsageError(f"{name!r} cannot be compiled: {left_out[name]}", names=(name,))
    if not chosen:
        why = "; ".join(f"{name}: {reason}" for name, reason in [*left_out.items()][:3])
        raise MappingError(f"there is no matrix to compile ({why or 'no tensors'})", names=[*left_out][:3])
    return chosen, left_out


def compile_weights(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    matrices: Sequence[str] | str = ("*",),
    *,
    transposed: Sequence[str] | str = (),
    tile: tuple[int, int] = (128, 128),
    device: str | Card | Model | tuple[float, float] = "hfo2",
    encoding: str | dict[str, Any] | Encoding = "differential",
    r_wire: float = 0.0,
    storage: str = "single",
    nonidealities: Sequence[Nonideality] | Nonideality = (),
    seed: int | None = None,
    verify: float = 0.0,
    workers: int | None = None,
    cluster: str | None = None,
    progress: Progress | None = None,
) -> WeightsReport:
    """Compile the matrices of safetensors files onto tiles, in memory for a few tiles however large they are.

    What is finished stays in the folder when the work is broken off or killed; the same call goes on with it, and ends
    with the same files as one that was not.

    Parameters
    ----------
    source : path-like
        A ``.safetensors`` file, or a folder of them.
    output : path-like
        A folder for the tiles; ``TiledWeights`` reads it, and what it holds is told in ``stream_store``.
    matrices : sequence of str
        Names of tensors, or patterns with ``*`` and ``?``. Those of them that have two dimensions are compiled; biases
        and the like are left out, as the plan says.
    transposed : sequence of str
        Names or patterns of those that are stored as (outputs, inputs), as PyTorch's ``Linear`` does; others are
        (inputs, outputs).
    tile : (int, int)
        Word and bit lines of a crossbar.
    device : str, Card, Model or (float, float)
        As of ``compile``.
    encoding : str, dict or Encoding
        What weights become.
    r_wire : float, ohm
        Resistance of a segment of word or bit line, for the verification.
    storage : str
        ``"single"`` keeps conductances as float32, to 6e-8 of their value; ``"double"`` as float64.
    nonidealities : sequence of Nonideality
        What programming does to the cells.
    seed : int, optional
        Of random effects, for which it must be given, and of the choice of tiles to verify.
    verify : float
        Share of tiles, 0 to 1, whose circuit is solved with its wires and compared with the weights.
    workers, cluster
        Processes, or a Dask cluster, as of ``monte_carlo``. All need the same files and folder.
    progress : callable, optional
        Called with the part that is done, 0 .. 1.

    Returns
    -------
    WeightsReport

    Raises
    ------
    FileError
        When a file is damaged or foreign, a folder cannot be written, or the disk is too small.
    MappingError
        Without a matrix, or for a weight that is not finite.
    UsageError
        For an option that cannot be, a name that is not there, or a folder of other weights.
    AnalysisError
        When a process dies, or a cluster cannot be reached.

    Examples
    --------
    >>> import json, pathlib, tempfile
    >>> from circuitnn.mapping.stream_store import TiledWeights
    >>> w = np.array([[1.0, -2.0], [0.5, 1.0]], dtype="<f4")
    >>> head = json.dumps({"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}).encode()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "net.safetensors")
    ...     _ = path.write_bytes(len(head).to_bytes(8, "little") + head + w.tobytes())
    ...     report = compile_weights(path, pathlib.Path(folder, "tiles"), tile=(1, 4), verify=1.0)
    ...     with TiledWeights(report.folder) as tiles:
    ...         y = tiles.multiply("w", [1.0, 2.0])
    >>> y.round(6).tolist(), len(report.errors), max(report.errors.values()) < 1e-6
    ([2.0, 0.0], 2, True)
    """
    began = time.monotonic()
    require_workers(workers, cluster)
    if not (isinstance(verify, int | float) and 0.0 <= verify <= 1.0):
        raise UsageError(f"verify is {verify!r}", expected="a share of the tiles, 0 to 1", names=("verify",))
    plan = plan_weights(
        source, matrices, transposed=transposed, tile=tile, device=device, encoding=encoding, r_wire=r_wire,
        storage=storage, nonidealities=nonidealities, seed=seed,
    )  # fmt: skip
    folder = new_folder(output).resolve()
    pieces, states = plan.pieces, _states(plan)
    told = progress or (lambda part: None)
    largest, digest = _scanned(plan, told)
    Store(folder, {"weights": digest, **_about(plan), "verify": verify, "seed": seed})
    done = read_done(folder, pieces)
    left = [k for k in range(len(pieces)) if k not in done]
    _require_space(folder, plan, left)
    task = TileTask(plan, largest, str(folder), verify, seed or 0)
    Job(task, left, done, None, lambda part: told(_SCAN + (1.0 - _SCAN) * part), len(pieces)).run(workers, cluster)
    if changed := [path for path, state in _states(plan).items() if state != states[path]]:
        raise FileError(
            f"{changed[0]!r} has changed meanwhile", hint="compile again, into another folder", names=changed
        )
    names = [tensor.name for tensor in plan.tensors]
    kept = [
        Kept(name, grid, plan.encoding.scale(most, plan.g_min, plan.g_max))
        for name, grid, most in zip(names, plan.grids, largest, strict=True)
    ]
    write_index(folder, kept, pieces, _attributes(plan, seed), _STORAGE[plan.storage])
    errors = {(names[pieces[k].matrix - 1], number): error for k in sorted(done) for number, error in done[k].errors}
    work, peak = sum(one.seconds for one in done.values()), max(one.peak for one in done.values())
    return WeightsReport(plan, folder, time.monotonic() - began, work, peak, errors)


def _states(plan: Plan) -> dict[str, tuple[int, int]]:
    """Return the size and time of each file, by which a change between the two readings is seen."""
    found = {}
    for path in {tensor.path for tensor in plan.tensors}:
        try:
            status = Path(path).stat()
        except OSError as error:
            raise FileError(f"cannot read {path!r}: {error}", names=(path,)) from error
        found[path] = status.st_size, status.st_mtime_ns
    return found


def _scanned(plan: Plan, told: Progress) -> tuple[list[float], str]:
    """Return the largest weight of each matrix, and the sum of all bytes: in this process, as fast as they are read."""
    largest, digest = [0.0] * len(plan.tensors), hashlib.sha256()
    for index, piece in enumerate(plan.pieces):
        place, grid = piece.matrix - 1, plan.grids[piece.matrix - 1]
        raw, weights = plan.weights_of(piece)
        digest.update(raw)
        most = float(np.abs(weights).max())
        if not np.isfinite(most):
            name, at = plan.tensors[place].name, np.argwhere(~np.isfinite(weights))[0]
            i = grid.input_range(piece.rows.start, piece.rows.stop)[at[0]]
            j = grid.output_range(piece.columns.start, piece.columns.stop)[at[1]]
            raise MappingError(
                f"{name}: the weight of input {i} and output {j} is {weights[tuple(at)]}", expected="finite weights",
                names=(name,),
            )  # fmt: skip
        largest[place] = max(largest[place], most)
        told(_SCAN * (index + 1) / len(plan.pieces))
    return largest, digest.hexdigest()


def measured(plan: Plan, pieces: int = 4) -> float:
    """Return the time of this process for a tile, s, from a few pieces, as they lie spread over the plan."""
    chosen = sorted({round(k) for k in np.linspace(0, len(plan.pieces) - 1, pieces)})
    with tempfile.TemporaryDirectory() as folder:
        largest = [0.0] * len(plan.tensors)
        for piece in (plan.pieces[index] for index in chosen):
            most = float(np.abs(plan.weights_of(piece)[1]).max())
            largest[piece.matrix - 1] = max(largest[piece.matrix - 1], most)
        task = TileTask(plan, largest, folder, 0.0, 0)
        done = [task(index) for index in chosen]
    return sum(one.seconds for one in done) / sum(one.tiles for one in done)


def _attributes(plan: Plan, seed: int | None) -> dict[str, Any]:
    return {
        "device": plan.device,
        "g_min": plan.g_min,
        "g_max": plan.g_max,
        "r_wire": plan.r_wire,
        "tile_rows": plan.tile[0],
        "tile_cols": plan.tile[1],
        "encoding": json.dumps(plan.encoding.to_dict()),
        "nonidealities": json.dumps([effect.to_dict() for effect in plan.effects.effects]),
        "seed": -1 if seed is None else seed,
    }


def _about(plan: Plan) -> dict[str, Any]:
    """Return what the tiles depend on beside the weights' bytes."""
    turned = [tensor.name for tensor, turned in zip(plan.tensors, plan.transposed, strict=True) if turned]
    shapes = {tensor.name: [tensor.dtype, *tensor.shape] for tensor in plan.tensors}
    return {"matrices": shapes, "transposed": turned, "storage": plan.storage, **_attributes(plan, None)}


def _require_space(folder: Path, plan: Plan, left: list[int]) -> None:
    """Raise FileError when the tiles that are left do not fit on the disk."""
    item = _STORAGE[plan.storage].itemsize
    needed = 0
    for piece in (plan.pieces[k] for k in left):
        grid = plan.grids[piece.matrix - 1]
        words = grid.input_range(piece.rows.start, piece.rows.stop)
        needed += len(words) * len(grid.line_range(piece.columns.start, piece.columns.stop)) * item
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise FileError(f"cannot write to {str(folder)!r}: {error}") from error
    if needed > free:
        raise FileError(
            f"the tiles take {needed / 1e9:.3g} GB, and {str(folder)!r} has {free / 1e9:.3g} GB left",
            hint="storage='single' takes half of 'double'",
        )
