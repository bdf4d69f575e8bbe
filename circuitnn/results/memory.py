"""What this machine has: memory, whether what is asked for fits into it, and cores."""

from __future__ import annotations

import os

from circuitnn.errors import UsageError

_GIGABYTE = 1e9


def physical_memory() -> float:
    """Return the machine's memory in bytes, infinite where it cannot be asked."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES")) * float(os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # not a POSIX system: let the allocation itself decide
        return float("inf")


def peak_memory() -> float:
    """Return the most memory that this process has had at a time, in bytes; 0 where it cannot be asked.

    Examples
    --------
    >>> 1e6 < peak_memory() < 1e12
    True
    """
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            # not getrusage, whose figure of a new process begins with that of the process which started it
            return next((1024.0 * float(line.split()[1]) for line in file if line.startswith("VmHWM:")), 0.0)
    except OSError:
        return 0.0


def core_count() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def require_memory(what: str, points: float, columns: int, itemsize: int = 8) -> None:
    """Raise UsageError when a table of results is larger than the machine's memory.

    Parameters
    ----------
    what : str
        What the table is of, for the message.
    points : float
        Rows.
    columns : int
        Vectors.
    itemsize : int
        Bytes of a number.

    Examples
    --------
    >>> require_memory("the sweep", 1e3, 10)
    >>> try:
    ...     require_memory("the sweep", 1e30, 10)
    ... except UsageError as error:
    ...     print(error.message.partition(",")[0])
    the sweep has 1e+30 points of 10 vectors
    """
    needed, there = points * columns * itemsize, physical_memory()
    if not needed <= there:
        raise UsageError(
            f"{what} has {points:.3g} points of {columns} vectors, {needed / _GIGABYTE:.3g} GB, "
            f"and this machine has {there / _GIGABYTE:.3g} GB of memory",
            hint="ask for fewer points, or for fewer vectors by .save",
        )
