"""Writes ``generated/devices/NAME.md`` from the declarations of all devices, before Sphinx reads the sources."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from circuitnn.devices.cards import CARDS
from circuitnn.devices.typeset import typeset
from circuitnn.registry import catalog

#: What a sign in a formula means.
_NOTES = (
    (
        r"k_\{\\mathrm\{B\}\}|(?<![\w{])q(?![\w}])",
        "$k_\\mathrm{B}$ is Boltzmann's constant, $q$ the elementary charge.",
    ),
    (r"\]_\{", "$[x]_a^b$ is $x$, but not below $a$ or above $b$."),
    (r"\\mathrm\{d\} T\}", "$T$ is the state `t`."),
)
_GUARDS = (
    "The kernel's Jacobian is derived from these equations. Left out is what only guards its iterations: exponentials "
    "go on as straight lines where their arguments are out of all reason, and states keep to their bounds, where "
    "rates that point outwards stop."
)
_ON = {"both": "", "instance": "element", "model": ".model"}


def _table(head: list[str], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines] + [""]


def _range(param: Any) -> str:
    if param.choices:
        return ", ".join(f"{choice:g}" for choice in param.choices)
    low = "" if param.low is None else f"{'>' if param.exclusive else '≥'} {param.low:g}"
    return ", ".join(part for part in (low, "" if param.high is None else f"≤ {param.high:g}") if part)


def _page(name: str, device: Any) -> list[str]:
    heading = (sys.modules[device.__module__].__doc__ or "").strip().partition("\n\n")[0]
    lines = [f"# {name}", "", heading, "", "```text", *_plain(device.__doc__ or ""), "```", ""]
    form = f"Element `{device.letter.upper()}`, terminals `{' '.join(device.terminals) or 'none'}`"
    lines += [form + (f", model types `{' '.join(device.model_types)}`." if device.model_types else "."), ""]
    found = typeset(device)
    if found.laws:
        of = f", ${found.voltage}$" if found.voltage else ""
        lines += ["## Equations", "", f"Currents flow into the device{of}.", ""]
        lines += _formulas(found.laws)
    if found.parts:
        lines += ["with", "", *_formulas(found.parts)]
    if found.noise:
        lines += ["and noise currents of these spectral densities:", "", *_formulas(found.noise)]
    notes = [note for mark, note in _NOTES if any(re.search(mark, formula) for formula in found.laws + found.parts)]
    if found.laws:
        lines += [" ".join((*notes, _GUARDS)), ""]
    sources: list[str] = []
    rows = []
    for key, param in device.params.items():
        if param.on == "system":
            continue
        if param.source and param.source not in sources:
            sources.append(param.source)
        mark = f"[{1 + sources.index(param.source)}]" if param.source else ""
        default = "" if param.default is None else f"{param.default:g}"
        rows.append((f"`{key}`", param.unit, default, _range(param), _ON[param.on], mark, param.doc))
    if rows:
        lines += ["## Parameters", ""]
        lines += _table(["parameter", "unit", "default", "range", "only on", "source", "meaning"], rows)
    states = [(f"`{key}`", s.unit, f"`{s.init}`", _bounds(s), s.doc) for key, s in device.states.items()]
    if states:
        lines += ["## States", "", *_table(["state", "unit", "initial", "bounds", "meaning"], states)]
    return lines + [f"[{k}] {source}\n" for k, source in enumerate(sources, 1)]


def _formulas(formulas: list[str]) -> list[str]:
    return [line for formula in formulas for line in ("$$", formula, "$$", "")]


def _bounds(state: Any) -> str:
    if state.low is None and state.high is None:
        return "settles" if state.settles else ""
    return f"`{state.low}` to `{state.high}`"


def _plain(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def write(app: Any) -> None:
    """Write the pages; Sphinx calls this when it starts."""
    folder = Path(app.srcdir) / "generated" / "devices"
    folder.mkdir(parents=True, exist_ok=True)
    groups: dict[str, list[str]] = {}
    for name, device in catalog("devices").all().items():
        groups.setdefault(device.__module__.split(".")[-2], []).append(name)
        (folder / f"{name}.md").write_text("\n".join(_page(name, device)), encoding="utf-8")
    lines = ["# Devices", "", "Made from the declarations in `circuitnn/devices`; `circuitnn devices NAME` prints the"]
    lines += ["equations and parameters of one.", "", "## Ready-made cards", ""]
    rows = []
    for key, card in sorted(CARDS.items()):
        rows.append((f"`{key}`", f"`{card.model.type}`", f"{card.g_min:g} to {card.g_max:g}", card.doc, card.source))
    lines += _table(["card", "device", "conductance (S)", "what", "source"], rows)
    for group, names in sorted(groups.items()):
        lines += ["", f"```{{toctree}}\n:caption: {group.capitalize()}\n:maxdepth: 1\n", *sorted(names), "```"]
    (folder / "index.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Join Sphinx."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
