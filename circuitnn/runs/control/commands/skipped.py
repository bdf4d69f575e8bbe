"""Commands that do nothing here: those of windows and of the program's own settings, and those that are refused."""

from __future__ import annotations

from circuitnn.runs.control.interpreter import Action, Interpreter

_QUIET = (
    "version", "rusage", "status", "stop", "delete", "step", "trace", "unalias", "alias", "history", "help",
    "bug", "settype", "setscale", "where", "showmod", "show", "devhelp", "inventory", "memory", "rspice",
    "remzerovec", "oldhelp", "setcirc", "setseed", "state", "check_ifparm", "sysinfo", "mdump", "mrdump", "dump",
    "cutout",
)  # fmt: skip
_PICTURES = ("plot", "gnuplot", "hardcopy", "asciiplot", "iplot")
_REFUSED = (
    "shell", "system", "!", "source", "cd", "load", "aspice", "codemodel", "pre_codemodel", "osdi", "pre_osdi", "edit",
    "pyplot", "snload", "snsave", "circbyline", "removecirc", "remcirc", "use", "pre_set", "bltplot",
    "wrs2p", "wrnodev", "spec", "psd", "cross", "reshape", "deftype", "transpose", "goto",
    "label", "shift", "input", "getcwd", "pwd", "tutorial", "disto", "sp", "resume",
)  # fmt: skip


def _quiet(name: str) -> Action:
    def skip(run: Interpreter, text: str) -> None:
        run.warn(f"{name} does nothing here")

    return skip


def _picture(name: str) -> Action:
    def skip(run: Interpreter, text: str) -> None:
        run.warn(f"{name} opens no window; 'circuitnn run --plot' draws a file an analysis")

    return skip


def _refuse(name: str) -> Action:
    def skip(run: Interpreter, text: str) -> None:
        run.warn(f"{name} is refused and was skipped: it has no place in a script that only simulates")

    return skip


EXPORT: dict[str, Action] = {
    **{name: _quiet(name) for name in _QUIET},
    **{name: _picture(name) for name in _PICTURES},
    **{name: _refuse(name) for name in _REFUSED},
}
