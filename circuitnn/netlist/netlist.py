"""The netlist as users hold it: what was read, expanded when asked for, run, and written back."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuitnn.errors import Mistakes, NetlistError, UsageError
from circuitnn.netlist.expand import expand
from circuitnn.netlist.flat import FlatNetlist
from circuitnn.netlist.lexer import Source, read_source
from circuitnn.netlist.parser import Parser
from circuitnn.netlist.plain import Statements
from circuitnn.netlist.statements import Statement
from circuitnn.netlist.writer import write_statements
from circuitnn.results.atomic import replacing

if TYPE_CHECKING:
    from circuitnn.results.results import Results
    from circuitnn.runs.check import Report


class Netlist:
    """A netlist: its title and its statements, each with its place.

    Two netlists are equal when titles and statements are; places do not count.

    Attributes
    ----------
    path : Path or None
        The file that it was read from.
    title : str
    statements : sequence of Statement
        With those of included files in the place of the ``.include``.
    warnings : tuple of str
        What was skipped or is likely to be a mistake.

    Examples
    --------
    >>> deck = parse("divider\\nv1 a 0 1\\nr1 a b 1k\\nr2 b 0 {2*1k}\\n.op\\n")
    >>> [element.name for element in deck.expand().elements]
    ['v1', 'r1', 'r2']
    >>> parse(deck.to_text()) == deck
    True
    """

    def __init__(
        self, title: str, statements: Sequence[Statement], path: Path | None = None, warnings: tuple[str, ...] = ()
    ) -> None:
        self.title = title
        self.statements = statements if isinstance(statements, Statements) else Statements(statements)
        self.path = path
        self.warnings = warnings
        self._flat: FlatNetlist | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Netlist):
            return NotImplemented
        return self.title == other.title and self.statements == other.statements

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Netlist {self.title!r}: {len(self.statements)} statements>"

    def expand(
        self,
        params: Mapping[str, float] | None = None,
        temp: float | None = None,
        sample: int = 0,
        *,
        run: int | None = None,
        seed: int | None = None,
        mistakes: Mistakes | None = None,
    ) -> FlatNetlist:
        """Return the flat netlist: subcircuits expanded, expressions evaluated.

        Parameters
        ----------
        params : mapping of str to float, optional
            Other values for ``.param`` parameters of the top level.
        temp : float, optional
            Another temperature, degrees Celsius.
        sample : int
            Which draw of the random numbers (``agauss`` and the like) that ``.options seed=`` makes.
        run : int, optional
            Which run of a Monte Carlo analysis, from 0: expressions and the tolerances ``dev`` and ``lot`` are drawn
            for it, and the option ``seed``, from which the simulation draws, is one of its own. All of it follows from
            the seed and this number alone.
        seed : int, optional
            In place of that of ``.options seed=``.
        mistakes : Mistakes, optional
            Where what is wrong is noted instead of raised; the flat netlist is what is left.

        Raises
        ------
        NetlistError
            See `circuitnn.netlist.expand.expand`.

        Examples
        --------
        >>> deck = parse("divider\\n.param r=1k\\nr1 a 0 {2*r}\\n")
        >>> deck.expand({"r": 3e3}).elements[0].params
        {'resistance': 6000.0}
        """
        if params or temp is not None or sample or run is not None or seed is not None or mistakes is not None:
            return expand(
                self.title, self.statements, self.warnings,
                params=params, temp=temp, sample=sample, run=run, seed=seed, mistakes=mistakes,
            )  # fmt: skip
        if self._flat is None:
            self._flat = expand(self.title, self.statements, self.warnings)
        return self._flat

    def circuit(self, params: Mapping[str, float] | None = None, temp: float | None = None) -> Any:
        """Return the ``circuitnn.Circuit`` that the netlist describes; ``params`` and ``temp`` as in `expand`."""
        # The circuit lies above this layer: it is reached by name, so that imports keep pointing down.
        return importlib.import_module("circuitnn.circuit.circuit").Circuit.from_flat(self.expand(params, temp))

    def check(self) -> Report:
        """Return all mistakes of the netlist without running it; see `circuitnn.check`.

        Examples
        --------
        >>> report = parse("two\\nv1 a 0 {vdd}\\nr1 a b 1k\\nd1 b 0 dx\\n.op\\n").check()
        >>> [error.message for error in report.errors]
        ["undefined parameter 'vdd'", "d1: there is no model 'dx'"]
        """
        # What checks decks lies above: reached by name, so that imports keep pointing down.
        report: Report = importlib.import_module("circuitnn.runs.check").check_netlist(self)
        return report

    def run(
        self,
        progress: Callable[[float], None] | None = None,
        *,
        stream: str | Path | None = None,
        workers: int | None = None,
        cluster: str | None = None,
        store: str | os.PathLike[str] | None = None,
    ) -> Results:
        """Run every analysis of the netlist in order, and measure what ``.measure`` and ``.four`` ask for.

        An error, or an interrupt, carries what was computed until then as ``result``.

        Parameters
        ----------
        progress : callable, optional
            Called with the part of each analysis that is done, 0 .. 1.
        stream : path, optional
            A ``.raw`` file that all results are written to as they are computed. The points of transients stay there,
            not in memory, and are read when they are asked for.
        workers : int, optional
            Processes for the points of ``.step``, ``.corner`` and ``.mc``. With it, ``cluster`` or ``store`` points are
            in memory until the end, and one that fails leaves the others their results.
        cluster : str, optional
            A Dask cluster for them, as of `circuitnn.monte_carlo`.
        store : path, optional
            A folder in which finished points are kept. Given again it is gone on with.

        Raises
        ------
        UsageError
            For workers, a cluster or a store and a deck without points, or with a script.
        NetlistError
            When it names no analysis.
        """
        flat = self.expand()
        if not flat.analyses and not flat.script:
            raise NetlistError(
                f"{self.path or f'the netlist {self.title!r}'} asks for no analysis",
                expected=".op, .dc, .ac or .tran",
                hint="add .op, for example",
            )
        if workers is not None or cluster is not None or store is not None:
            points = importlib.import_module("circuitnn.runs.points")
            shared: Results = points.run_points(self, workers, store, progress, stream, cluster)
            return shared
        done: Results = importlib.import_module("circuitnn.runs.session").run_deck(self, progress, stream)
        return done

    def to_text(self) -> str:
        """Return the netlist as text; ``parse`` of it is equal to the netlist."""
        return write_statements(self.title, self.statements)

    def write(self, path: str | Path) -> None:
        """Write the netlist to a file, included files and all; the file appears whole or not at all.

        Raises
        ------
        FileError
            When the file cannot be written.
        """
        with replacing(path) as temporary:
            temporary.write_text(self.to_text(), encoding="utf-8")


def load(path: str | Path) -> Netlist:
    """Read a netlist file.

    Parameters
    ----------
    path : str or Path
        The file; what it includes is looked for in its folder.

    Raises
    ------
    FileError
        When it or an included file cannot be read or is not text.
    NetlistError
        When it is malformed.
    """
    if not isinstance(path, str | Path):
        raise UsageError(f"{path!r} is not a path", expected="a file name")
    source = read_source(Path(path), str(path))
    return _netlist(source, Path(path))


def parse(text: str, name: str = "<text>") -> Netlist:
    """Read a netlist from text; its first line is the title.

    Parameters
    ----------
    text : str
        The netlist.
    name : str
        What places call it; files that it includes are looked for in the working folder.

    Raises
    ------
    NetlistError
        When it is malformed.
    FileError
        When an included file cannot be read.

    Examples
    --------
    >>> parse("one resistor\\nr1 a 0 4.7k\\n").statements[0].params
    {'resistance': 4700.0}
    """
    if not isinstance(text, str):
        raise UsageError(f"a {type(text).__name__} is not a netlist text", expected="a str", hint="cn.load reads files")
    return _netlist(Source(text, name or "<text>"), None)


def _netlist(source: Source, path: Path | None) -> Netlist:
    mistakes = Mistakes()
    netlist = read(source, path, mistakes)
    mistakes.throw()
    return netlist


def read(source: Source, path: Path | None, mistakes: Mistakes) -> Netlist:
    """Return what can be read of a text, and note what cannot."""
    parser = Parser(source, path.parent if path else Path(), str(path.resolve()) if path else "", mistakes)
    return Netlist(parser.title, parser.statements, path, tuple(parser.warnings))
