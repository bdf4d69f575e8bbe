"""Folders of tiles: the conductances of networks that are larger than memory, as HDF5 files that any HDF5 tool reads.

    about.json                   what the folder depends on; another compilation is refused
    matrixN/partRRRRRR-CCCCCC.h5 dataset cells (S) of neighbouring tiles, the first in row R and column C of the
                                 matrix's tiles; dataset errors: number of a verified tile, its error; attributes
                                 tiles, seconds, peak (bytes)
    weights.h5                   when all is done. Attributes format = "circuitnn-weights", version, device, g_min,
                                 g_max (S), r_wire (ohm), tile_rows, tile_cols, encoding, nonidealities (JSON), seed
                                 (-1: none), matrices
    weights.h5/matrixN           attributes name, inputs, outputs, scale (1/S), tiles; dataset cells (S), a view of all
                                 parts: word line i is input i, tile columns stand side by side with lines() bit lines
                                 of the encoding each

A part appears whole or not at all, so what is there is done. Chunks are tiles, with checksums of their own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import FileError, LayoutError, UsageError, nearest
from circuitnn.mapping.encodings.encoding import Encoding, encoding_of
from circuitnn.mapping.tiles import Place, check_tile
from circuitnn.results.atomic import replacing
from circuitnn.results.regular import require_regular

Array = NDArray[np.float64]
FORMAT, VERSION = "circuitnn-weights", 1
INDEX = "weights.h5"
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError)


@dataclass(frozen=True)
class Grid:
    """How a matrix lies on tiles.

    Attributes
    ----------
    inputs, outputs : int
    tile : (int, int)
        Word and bit lines of a full tile.
    encoding : Encoding
    """

    inputs: int
    outputs: int
    tile: tuple[int, int]
    encoding: Encoding

    @property
    def outputs_each(self) -> int:
        """Outputs of a full tile."""
        return self.encoding.outputs(self.tile[1])

    @property
    def rows(self) -> int:
        """Rows of tiles."""
        return -(-self.inputs // self.tile[0])

    @property
    def columns(self) -> int:
        """Columns of tiles."""
        return -(-self.outputs // self.outputs_each)

    def input_range(self, first: int, last: int) -> range:
        """Return the inputs of rows ``first`` to before ``last`` of tiles."""
        return range(first * self.tile[0], min(last * self.tile[0], self.inputs))

    def output_range(self, first: int, last: int) -> range:
        """Return the outputs of columns ``first`` to before ``last`` of tiles."""
        return range(first * self.outputs_each, min(last * self.outputs_each, self.outputs))

    def line_range(self, first: int, last: int) -> range:
        """Return the bit lines of columns ``first`` to before ``last`` of tiles, which stand side by side.

        Examples
        --------
        >>> Grid(5, 5, (2, 4), encoding_of("differential")).line_range(1, 3)
        range(4, 10)
        """
        full = self.encoding.lines(self.outputs_each)
        end = self.output_range(last - 1, last)
        return range(first * full, (last - 1) * full + self.encoding.lines(len(end)))

    @property
    def lines(self) -> int:
        """Bit lines of all columns."""
        return len(self.line_range(0, self.columns))


@dataclass(frozen=True)
class Piece:
    """Neighbouring tiles, compiled and kept together: rows and columns of those of a matrix; matrices count from 1."""

    matrix: int
    rows: range
    columns: range

    @property
    def tiles(self) -> int:
        """How many tiles they are."""
        return len(self.rows) * len(self.columns)

    def path(self, folder: str | os.PathLike[str]) -> Path:
        """Return the file of the piece."""
        return Path(folder) / f"matrix{self.matrix}" / f"part{self.rows.start:06d}-{self.columns.start:06d}.h5"


@dataclass(frozen=True)
class Tiled:
    """What became of a piece.

    Attributes
    ----------
    index : int
        Of the piece.
    tiles : int
    seconds : float, s
    peak : float, bytes
        Most memory that the process had until then.
    errors : list of (int, float)
        Verified tiles, by number from 1, with the distance of what the circuit computes from the weights, as a part of
        these (Frobenius norms).
    """

    index: int
    tiles: int
    seconds: float
    peak: float
    errors: list[tuple[int, float]] = field(default_factory=list)


def write_part(path: Path, cells: NDArray[Any], chunk: tuple[int, int], tiled: Tiled) -> None:
    """Write a piece, whole or not at all; raise FileError when that fails."""
    import h5py

    # In memory first: on a full disk the HDF5 library crashes when it closes its file.
    # Its memory grows in steps of block_size, and is copied at each.
    whole = {"driver": "core", "backing_store": False, "block_size": cells.nbytes + 2**16}
    with h5py.File("part", "w", libver="latest", **whole) as file:
        chunks = (min(chunk[0], cells.shape[0]), min(chunk[1], cells.shape[1]))
        file.create_dataset("cells", data=cells, chunks=chunks, fletcher32=True)
        file["errors"] = np.array(tiled.errors, dtype=float).reshape(-1, 2)
        file.attrs.update({"tiles": tiled.tiles, "seconds": tiled.seconds, "peak": tiled.peak})
        file.flush()
        image = file.id.get_file_image()
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise FileError(f"cannot write {str(path)!r}: {error}", hint="all workers need the same folder") from error
    with replacing(path) as temporary:
        temporary.write_bytes(image)


def read_done(folder: Path, pieces: list[Piece]) -> dict[int, Tiled]:
    """Return the pieces that a folder holds, by index.

    Raises
    ------
    FileError
        When a part is damaged.
    """
    import h5py

    found = {}
    for index, piece in enumerate(pieces):
        path = piece.path(folder)
        if not path.exists():
            continue
        try:
            require_regular(path, "a part that was compiled")
            with h5py.File(path, "r") as file:
                attrs, errors = file.attrs, [(int(k), float(error)) for k, error in file["errors"][()]]
                if attrs["tiles"] != piece.tiles or "cells" not in file:
                    raise ValueError(f"it holds {attrs['tiles']} tiles of {piece.tiles}")
                found[index] = Tiled(index, piece.tiles, float(attrs["seconds"]), float(attrs["peak"]), errors)
        except _DAMAGE as error:
            raise FileError(f"cannot read {str(path)!r}: {error}", hint="delete it: it is compiled anew") from error
    return found


@dataclass(frozen=True)
class Kept:
    """A matrix as the index tells of it: its name, its place on tiles, and the weight of one siemens."""

    name: str
    grid: Grid
    scale: float


def write_index(
    folder: Path, matrices: list[Kept], pieces: list[Piece], attributes: dict[str, Any], dtype: np.dtype[Any]
) -> None:
    """Write the file that shows all parts as whole matrices; raise FileError for one that is missing."""
    import h5py

    with replacing(folder / INDEX) as temporary, h5py.File(temporary, "w", libver="latest") as file:
        file.attrs.update({"format": FORMAT, "version": VERSION, **attributes, "matrices": len(matrices)})
        for number, kept in enumerate(matrices, 1):
            grid = kept.grid
            group = file.create_group(f"matrix{number}")
            group.attrs.update(
                {
                    "name": kept.name,
                    "inputs": grid.inputs,
                    "outputs": grid.outputs,
                    "scale": kept.scale,
                    "tiles": grid.rows * grid.columns,
                }
            )
            view = h5py.VirtualLayout((grid.inputs, grid.lines), dtype)
            for piece in (piece for piece in pieces if piece.matrix == number):
                path = piece.path(folder)
                if not path.exists():
                    raise FileError(f"{str(path)!r} is missing", hint="all workers need the same folder")
                word = grid.input_range(piece.rows.start, piece.rows.stop)
                bit = grid.line_range(piece.columns.start, piece.columns.stop)
                source = h5py.VirtualSource(str(path.relative_to(folder)), "cells", (len(word), len(bit)), dtype)
                view[word.start : word.stop, bit.start : bit.stop] = source
            group.create_virtual_dataset("cells", view, fillvalue=np.nan)


class TiledWeights:
    """A folder that ``compile_weights`` has finished: tiles of matrices, read one by one.

    Parameters
    ----------
    folder : path-like

    Raises
    ------
    FileError
        When it cannot be read, or is not finished.
    LayoutError
        When it is damaged, or of an unknown version.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        import h5py

        path = Path(folder) / INDEX
        try:
            require_regular(path, "a folder that compile_weights has finished")
            file = self._file = h5py.File(path, "r")
            attrs = file.attrs
            if attrs["format"] != FORMAT or attrs["version"] != VERSION:
                raise ValueError(f"it is {attrs['format']} {attrs['version']}")
            self.encoding = encoding_of(json.loads(attrs["encoding"]))
            self.tile = check_tile((int(attrs["tile_rows"]), int(attrs["tile_cols"])), self.encoding)
            self.g_min, self.g_max, self.r_wire = (float(attrs[name]) for name in ("g_min", "g_max", "r_wire"))
            self._kept = dict(self._read(file[f"matrix{n}"]) for n in range(1, int(attrs["matrices"]) + 1))
        except FileNotFoundError as error:
            raise FileError(
                f"{str(folder)!r} has no {INDEX}", hint="the same compilation again goes on, and ends with it"
            ) from error
        except _DAMAGE as error:
            raise LayoutError(
                f"{str(path)!r} is no index of tiles: {error}", hint="compile again: parts stay"
            ) from error

    def __enter__(self) -> TiledWeights:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, group: Any) -> tuple[str, tuple[Grid, float, Any]]:
        attrs = group.attrs
        grid = Grid(int(attrs["inputs"]), int(attrs["outputs"]), self.tile, self.encoding)
        if group["cells"].shape != (grid.inputs, grid.lines):
            raise ValueError(f"{group.name} has cells of shape {group['cells'].shape}")
        return str(attrs["name"]), (grid, float(attrs["scale"]), group["cells"])

    @property
    def names(self) -> list[str]:
        """Names of the matrices, in the order of the folder."""
        return [*self._kept]

    def shape(self, name: str) -> tuple[int, int]:
        """Return how many inputs and outputs a matrix has."""
        grid = self._find(name)[0]
        return grid.inputs, grid.outputs

    def tiles(self, name: str) -> Iterator[tuple[Place, Array]]:
        """Yield the tiles of a matrix, row by row: their inputs and outputs, and the conductances of their cells, S.

        Raises
        ------
        UsageError
            For a matrix that is not there.
        FileError
            When a part is missing or damaged.
        """
        grid, _, cells = self._find(name)
        for row in range(grid.rows):
            word = grid.input_range(row, row + 1)
            for column in range(grid.columns):
                bit, out = grid.line_range(column, column + 1), grid.output_range(column, column + 1)
                try:
                    found = cells[word.start : word.stop, bit.start : bit.stop].astype(np.float64)
                except OSError as error:
                    raise FileError(f"a part of {name!r} cannot be read: {error}", names=(name,)) from error
                if np.isnan(found).any():
                    raise FileError(f"a part of {name!r} is missing", hint="compile again", names=(name,))
                yield Place(np.arange(word.start, word.stop), np.arange(out.start, out.stop)), found

    def multiply(self, name: str, x: ArrayLike) -> Array:
        """Return ``x @ W`` as the cells hold W, without wires and converters, with one tile in memory at a time.

        Parameters
        ----------
        name : str
        x : array_like, shape (inputs,) or (vectors, inputs)

        Raises
        ------
        UsageError, FileError
            As `tiles`; UsageError also for an x that does not fit.
        """
        grid, scale, _ = self._find(name)
        vectors = np.asarray(x, dtype=np.float64)
        if vectors.ndim not in (1, 2) or vectors.shape[-1] != grid.inputs:
            raise UsageError(f"x has shape {vectors.shape}", expected=f"(vectors, {grid.inputs})", names=(name,))
        total = np.zeros((*vectors.shape[:-1], grid.outputs))
        for place, cells in self.tiles(name):
            total[..., place.outputs] += decoded(vectors[..., place.inputs] @ cells, self.encoding, len(place.outputs))
        return total * scale

    def _find(self, name: str) -> tuple[Grid, float, Any]:
        if name not in self._kept:
            raise UsageError(f"there is no matrix {name!r}", hint=nearest(name, self._kept), names=(name,))
        return self._kept[name]


def decoded(currents: Array, encoding: Encoding, outputs: int) -> Array:
    """Return what sense amplifiers and logic make of bit-line currents of shape (..., lines)."""
    return np.asarray(currents @ encoding.analogue(outputs) @ encoding.digital(outputs))
