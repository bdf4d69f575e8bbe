"""Entry point: finds the command, turns every error into a message and an exit status."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback
from collections.abc import Sequence

import click

from circuitnn import __version__
from circuitnn.errors import (
    CircuitError,
    CircuitnnError,
    CrossbarError,
    DeviceError,
    FileError,
    MappingError,
    MissingExtraError,
    NetlistError,
    UsageError,
    nearest,
)
from circuitnn.registry import catalog

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130

_BAD_INPUT = (
    CircuitError,
    CrossbarError,
    DeviceError,
    FileError,
    MappingError,
    MissingExtraError,
    NetlistError,
    UsageError,
)


class Commands(click.Group):
    """The group whose commands are the modules of ``circuitnn.cli.commands``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return catalog("cli.commands").names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command, or return None when there is none of that name."""
        commands = catalog("cli.commands")
        return commands.get(cmd_name) if cmd_name in commands else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; name the nearest one when it is unknown."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            hint = nearest(args[0], self.list_commands(ctx)) if args else None
            if hint is None:
                raise
            raise click.UsageError(f"No such command {args[0]!r}; {hint}", ctx) from error


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="circuitnn", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Print the traceback of an error.")
@click.pass_obj
def cli(settings: dict[str, bool], debug: bool) -> None:
    """Simulate neural-network hardware as the circuit that it is.

    Results go to standard output, messages to standard error. The exit status is 0 when the work was done, 1 when it
    failed, 2 for a wrong command line, deck or input file, 130 when interrupted.
    """
    settings["debug"] = debug


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; ``sys.argv[1:]`` when absent.

    Raises
    ------
    SystemExit
        Always, with the exit status.

    Examples
    --------
    >>> try:
    ...     main(["--version"])
    ... except SystemExit as end:
    ...     print(end.code)
    circuitnn 0.1.0
    0
    """
    settings = {"debug": False}
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a node's name must not fail on a terminal without its letters
    try:
        status = cli.main(args=argv, prog_name="circuitnn", standalone_mode=False, obj=settings)
        if sys.stdout is not None:  # None where the caller closed it
            sys.stdout.flush()
    except BaseException as error:
        if settings["debug"] and not isinstance(error, SystemExit):
            traceback.print_exception(error)
        status = _report(error)
    sys.exit(status if isinstance(status, int) else 0)


def _report(error: BaseException) -> int:
    """Print what an error says and return the exit status that it means."""
    match error:
        case SystemExit():
            return error.code if isinstance(error.code, int) else FAILED
        case click.Abort() | KeyboardInterrupt():
            _say("interrupted")
            return INTERRUPTED
        case click.ClickException():
            with contextlib.suppress(OSError):
                error.show()
            return BAD_INPUT
        case OSError():
            if not isinstance(error, BrokenPipeError):  # a reader that went away needs no message
                _say(f"cannot read or write: {error}")
            # What the interpreter flushes at its end must not fail once more.
            with contextlib.suppress(OSError, ValueError, AttributeError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        case CircuitnnError():
            _say(str(error))
            return BAD_INPUT if isinstance(error, _BAD_INPUT) else FAILED
        case MemoryError():
            _say("out of memory")
            return FAILED
        case _:
            text = f"{type(error).__name__}: {error}".rstrip(": ")
            _say(f"internal error: {text}; please report it, with what 'circuitnn --debug ...' prints")
            return FAILED


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        click.echo(text, err=True)
