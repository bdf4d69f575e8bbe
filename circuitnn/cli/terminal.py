"""What the commands share: tables on standard output, messages and progress on standard error, option types."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from circuitnn.errors import FileError, UsageError
from circuitnn.units import parse_value

if TYPE_CHECKING:
    from circuitnn.results.result import Result

_PIPE_WIDTH = 160  # columns of a table that no terminal limits
_MOST_DIGITS = 9  # of the size of a tile
_PICTURES = (".png", ".pdf", ".svg")
_PATIENCE = 2.0  # seconds before a bar appears


class Quantity(click.ParamType):
    """A number with SPICE suffix: ``4.7k``."""

    name = "value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        try:
            return parse_value(value)
        except UsageError as error:
            self.fail(error.message, param, ctx)


class TileSize(click.ParamType):
    """Rows and columns of a tile: ``128x128``."""

    name = "rowsxcols"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return (rows, columns)."""
        if isinstance(value, tuple):
            return value
        rows, cross, columns = str(value).lower().partition("x")
        short = max(len(rows), len(columns)) <= _MOST_DIGITS
        if not (cross and short and rows.isdecimal() and columns.isdecimal() and int(rows) and int(columns)):
            self.fail(f"{value!r} is not a tile size such as 128x128", param, ctx)
        return int(rows), int(columns)


class Sizes(click.ParamType):
    """Sizes along axes: ``3x224x224``."""

    name = "sizes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return a size an axis."""
        if isinstance(value, tuple):
            return value
        parts = str(value).lower().split("x")
        if not all(part.isdecimal() and len(part) <= _MOST_DIGITS and int(part) for part in parts):
            self.fail(f"{value!r} are no sizes such as 3x224x224", param, ctx)
        return tuple(int(part) for part in parts)


def message(text: str) -> None:
    """Print a message to standard error."""
    click.echo(text, err=True)


def warn(warnings: Iterable[str]) -> None:
    """Print warnings to standard error."""
    for text in warnings:
        message(f"warning: {text}")


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "", numbers: int | None = None
) -> None:
    """Print a table to standard output.

    Parameters
    ----------
    headings : sequence of str
    rows : iterable of sequence of str
    title : str, optional
        Printed above.
    numbers : int, optional
        Index of the first column that is set flush right.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    lines = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for k, heading in enumerate(headings):
        right = numbers is not None and k >= numbers
        lines.add_column(heading, justify="right" if right else "left", overflow="fold")
    for row in rows:
        lines.add_row(*row)
    # Names such as r<0>[w] are text: nothing in them is markup.
    console = Console(
        file=sys.stdout,
        markup=False,
        highlight=False,
        emoji=False,
        width=None if sys.stdout.isatty() else _PIPE_WIDTH,
    )
    with console.capture() as text:
        if title:
            console.print(title, style="bold")
        console.print(lines)
    click.echo("\n".join(line.rstrip() for line in text.get().splitlines()))


@contextmanager
def progress(what: str) -> Iterator[Callable[[float], None]]:
    """Yield a function that takes the fraction done, and shows it when standard error is a terminal.

    The bar appears after two seconds, so that quick work stays quiet.
    """
    if not sys.stderr.isatty():
        # A call into Python now and then also lets an interrupt through to a long loop in C.
        yield lambda fraction: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    layout = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    bar = Progress(*layout, console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=1.0)
    began = time.monotonic()

    def update(fraction: float) -> None:
        if not bar.live.is_started and time.monotonic() - began > _PATIENCE:
            bar.start()
        bar.update(task, completed=min(1.0, max(0.0, float(fraction))))

    try:
        yield update
    finally:
        bar.stop()


def picture_path(path: str | Path) -> Path:
    """Return the path of a picture; raise UsageError when its suffix names no format, FileError without its folder."""
    target = require_folder(path)
    if target.suffix.lower() not in _PICTURES:
        raise UsageError(f"cannot draw to {str(path)!r}", expected=f"a name that ends in {', '.join(_PICTURES)}")
    return target


def picture_paths(names: Sequence[str], target: Path) -> list[Path]:
    """Return a file name for each of several results: ``target`` itself for a single one, else with the name inside.

    Examples
    --------
    >>> [str(path) for path in picture_paths(["ac1", "tran1"], Path("rc.pdf"))]
    ['rc.ac1.pdf', 'rc.tran1.pdf']
    """
    if len(names) == 1:
        return [target]
    return [target.with_name(f"{target.stem}.{name}{target.suffix}") for name in names]


def write_picture(results: Sequence[Result], vectors: Sequence[str], path: Path, **options: Any) -> None:
    """Draw vectors of results of one kind, all voltages by default, and write the picture, whole or not at all."""

    def draw() -> Any:
        from circuitnn.results.plot import plot

        return plot(results, *vectors, **options)

    write_drawn(draw, path)


def write_drawn(draw: Callable[[], Any], path: Path) -> None:
    """Write the picture that a function draws and returns the axes of, whole or not at all."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    from circuitnn.results.atomic import replacing

    figure = None
    try:
        axes = np.atleast_1d(np.asarray(draw(), dtype=object))
        figure = axes[0].figure
        with replacing(path) as temporary:
            figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=200, bbox_inches="tight")
    finally:
        plt.close(figure if figure is not None else "all")


def require_folder(path: str | Path) -> Path:
    """Return a path of a file whose folder exists, so that no long work ends in a name that cannot be written."""
    target = Path(path)
    if not target.parent.is_dir():
        raise FileError(
            f"cannot write {str(path)!r}: the folder {str(target.parent)!r} does not exist", hint="make it first"
        )
    if target.is_dir():
        raise FileError(f"cannot write {str(path)!r}: it is a folder", expected="the name of a file")
    return target
