"""From derived equations to a C kernel behind the ABI of ``csrc/cn_kernel.h``.

Cases become real ``if`` blocks with subexpressions of their own: a power or exponential in a case that is not taken
costs nothing and raises no floating-point exception.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from circuitnn.devices.blocks import Block, scalar_printer
from circuitnn.devices.declare import READINGS, Device
from circuitnn.devices.derive import Model, derive
from circuitnn.devices.vectors import VectorBlock, vector_printer, vectorised, with_loads
from circuitnn.registry import catalog

_HEADERS = ("cn_types.h", "cn_kernel.h", "cn_limit.h", "cn_math.h")


def _array(name: str, values: Iterable[int]) -> str:
    text = ", ".join(str(v) for v in values)
    return f"static const cn_idx {name}[] = {{{text or '0'}}};"


def _strings(name: str, values: Iterable[str]) -> str:
    text = ", ".join(f'"{v}"' for v in values)
    return f"static const char *const {name}[] = {{{text or '0'}}};"


def loads(model: Model, block: Block) -> dict[str, str]:
    """Return the statements that read what a block uses, by the names that they set."""
    names = {str(s) for s in block.used}
    rows = [(str(symbol), f"u[{k}*n+i]") for k, symbol in enumerate(model.unknowns)]
    rows += [(f"p_{name}", f"p[{k}*n+i]") for k, name in enumerate(model.params)]
    rows += [(f"lim_{item.name}", f"lim[{k}*n+i]") for k, item in enumerate(model.limits)]
    rows += [("env_gmin", "env[CN_ENV_GMIN]"), ("env_time", "env[CN_ENV_TIME]")]
    return {name: block.load(name, place) for name, place in rows if name in names}


_EVAL = (
    "static void {name}(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,",
    "    const double *env, double *f, double *q, double *jf, double *jq)",
    "{{",
)
_UNUSED = "    (void)self, (void)u, (void)lim, (void)p, (void)env, (void)f, (void)q, (void)jf, (void)jq;"


def outputs(model: Model) -> list[tuple[str, Any]]:
    """Return what an evaluation stores, with its place in the rows."""
    stored = {"f": model.f, "q": model.q, "jf": model.jf.values(), "jq": model.jq.values()}
    return [(f"{name}[{k}*n+i]", e) for name, rows in stored.items() for k, e in enumerate(rows)]


def _eval(model: Model) -> list[str]:
    block = Block(scalar_printer(), [0], "        ", model.definitions, frozenset())
    block.assign(outputs(model))
    return [
        *"\n".join(_EVAL).format(name="eval").splitlines(),
        _UNUSED,
        "    for (cn_idx i = 0; i < n; i++) {",
        *("        " + line for line in loads(model, block).values()),
        *block.lines,
        "    }",
        "}",
    ]


def _eval_vectors(model: Model) -> list[str]:
    """The evaluation on vectors: of the last instances over again where they do not fill one, widened where all don't.

    An instance alone has code of its own, in which a row is one number for all lanes.
    """
    block = VectorBlock(vector_printer(), [0], "    ", model.definitions, frozenset())
    block.assign(outputs(model))
    local, rest = len(model.unknowns), "lim, p, env, f, q, jf, jq"
    given = {"u": local, "lim": len(model.limits), "p": len(model.params)}
    found = {"f": local, "q": local, "jf": len(model.jf), "jq": len(model.jq)}
    given, found = ({name: rows for name, rows in x.items() if rows} for x in (given, found))
    wide = {name: f"wide_{name}" if name in {**given, **found} else name for name in ("u", *rest.split(", "))}
    buffers = ", ".join(f"wide_{name}[{rows} * WIDTH]" for name, rows in {**given, **found}.items())
    return [
        "INLINE void NAME(lanes)(cn_idx count, cn_idx n, cn_idx i, const double *u, const double *lim,",
        "    const double *p, const double *env, double *f, double *q, double *jf, double *jq)",
        "{",
        _UNUSED.replace("(void)self, ", ""),
        *with_loads(block.lines, loads(model, block)),
        "}",
        "",
        *("TARGET " + "\n".join(_EVAL).format(name="NAME(eval)")).splitlines(),
        "    if (n == 1) {",
        f"        NAME(lanes)(1, 1, 0, u, {rest});",
        "        return;",
        "    }",
        "    if (n > 0 && n < WIDTH) {",
        f"        double {buffers};",
        *(f"        V(widen)({rows}, n, {name}, wide_{name});" for name, rows in given.items()),
        f"        NAME(eval)(self, WIDTH, {', '.join(wide.values())});",
        *(f"        V(narrow)({rows}, n, wide_{name}, {name});" for name, rows in found.items()),
        "        return;",
        "    }",
        "    for (cn_idx i = 0; i < n; i += WIDTH)",
        f"        NAME(lanes)(WIDTH, n, i < n - WIDTH ? i : n - WIDTH, u, {rest});",
        "}",
    ]


def _eval_for_all(file: str, evaluate: list[str]) -> tuple[list[str], list[str]]:
    """The evaluation for each processor, by a file that includes itself, and what chooses among them."""
    arguments = "(self, n, u, lim, p, env, f, q, jf, jq);"
    choose = [
        f'#define TEMPLATE "{file}"',
        '#include "cn_vector_targets.h"',
        *"\n".join(_EVAL).format(name="eval").splitlines(),
        "#if defined(__x86_64__) && defined(__GNUC__)",
        '    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))',
        f"        eval_avx2{arguments}",
        "    else",
        "#endif",
        f"        eval_plain{arguments}",
        "}",
    ]
    return ["#ifdef WIDTH", '#include "cn_vector.h"', *evaluate, "#else"], choose


def _limit(model: Model, printer: Any) -> list[str]:
    if not model.limits:
        return []
    import sympy

    block = Block(printer, [0], "        ", model.definitions, frozenset())
    pairs: list[tuple[str, Any]] = []
    for k, item in enumerate(model.limits):
        if item.kind != "jump":
            pairs.append((f"const double raw{k}", sympy.sympify(item.raw, strict=True)))
            pairs += [(f"const double arg{k}_{m}", sympy.sympify(a, strict=True)) for m, a in enumerate(item.args)]
        pairs.append((f"const double start{k}", sympy.sympify(item.start, strict=True)))
    block.assign(pairs)
    for k, item in enumerate(model.limits):
        place = f"lim[{k}*n+i]"
        if item.kind == "switch":
            block.lines += [
                "        if (init != CN_LIMIT_HOLD) {",
                f"            const double position = cn_switch(raw{k}, arg{k}_0, arg{k}_1, acc[{k}*n+i]);",
                f"            if (position != {place}) held = 1;",
                f"            {place} = position;",
                "        }",
            ]
            continue
        if item.kind == "jump":
            block.lines.append(f"        {place} = init == CN_LIMIT_START ? start{k} : acc[{k}*n+i];")
            continue
        if not item.kind:
            continue  # its leader has set it
        args = "".join(f", arg{k}_{m}" for m in range(len(item.args)))
        together = 1 + next(
            (m for m, other in enumerate(model.limits[k + 1 :]) if other.kind), len(model.limits) - k - 1
        )
        if together > 1:
            group = range(k, k + together)
            raws, places = (", ".join(x) for x in ([f"raw{m}" for m in group], [f"&lim[{m}*n+i]" for m in group]))
            block.lines += [
                "        if (init == CN_LIMIT_START) {",
                *[f"            lim[{m}*n+i] = start{m};" for m in group],
                "        } else {",
                f"            cn_limit_{item.kind}({raws}{args}, {places}, &held);",
                "        }",
            ]
            continue
        limited = f"cn_limit_{item.kind}(raw{k}, {place}{args}, &held)"
        block.lines.append(f"        {place} = init == CN_LIMIT_START ? start{k} : {limited};")
    unused = [f"(void)start{k};" for k, item in enumerate(model.limits) if item.kind == "switch"]
    return [
        "",
        "static cn_idx limit(const cn_kernel *self, cn_idx n, const double *u, const double *p, const double *env,",
        "                    const double *acc, double *lim, int init)",
        "{",
        "    cn_idx count = 0;",
        "    (void)self, (void)u, (void)p, (void)env, (void)acc, (void)init;",
        "    for (cn_idx i = 0; i < n; i++) {",
        "        int held = 0;",
        *("        " + line for line in loads(model, block).values()),
        *block.lines,
        *["        " + line for line in unused],
        "        count += held;",
        "    }",
        "    return count;",
        "}",
    ]


def _noise(model: Model, printer: Any) -> list[str]:
    if not model.noise:
        return []
    count = len(model.noise)
    stored = [(f"out[{k}*n+i]", item.density) for k, item in enumerate(model.noise)]
    stored += [(f"out[{count + k}*n+i]", item.exponent) for k, item in enumerate(model.noise)]
    block = Block(printer, [0], "        ", model.definitions, frozenset())
    block.assign(stored)
    places = {"": -1} | {name: k for k, name in enumerate(model.locals)}
    where = [(places[item.plus], places[item.minus]) for item in model.noise]
    return [
        "",
        _array("noise_plus", (plus for plus, _ in where)),
        _array("noise_minus", (minus for _, minus in where)),
        _strings("noise_names", (item.name for item in model.noise)),
        "static void noise(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,",
        "                  const double *env, double *out)",
        "{",
        "    (void)self, (void)u, (void)lim, (void)p, (void)env;",
        "    for (cn_idx i = 0; i < n; i++) {",
        *("        " + line for line in loads(model, block).values()),
        *block.lines,
        "    }",
        "}",
    ]


def _rates(model: Model, printer: Any) -> list[str]:
    jumps = [item for item in model.limits if item.kind == "jump"]
    if not jumps:
        return []
    import sympy

    both = [*(item.args[0] for item in jumps), *(item.args[1] for item in jumps)]
    outputs = [(f"out[{k}*n+i]", sympy.sympify(rate, strict=True)) for k, rate in enumerate(both)]
    block = Block(printer, [0], "        ", model.definitions, frozenset())
    block.assign(outputs)
    return [
        "",
        "static void rates(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,",
        "                  const double *env, double *out)",
        "{",
        "    (void)self, (void)u, (void)lim, (void)p, (void)env;",
        "    for (cn_idx i = 0; i < n; i++) {",
        *("        " + line for line in loads(model, block).values()),
        *block.lines,
        "    }",
        "}",
    ]


def model_of(device: type[Device], variant: str = "") -> Model:
    """Return the equations of a device, of one of its variants or of its readings."""
    return derive(device, device.variants.get(variant), readings=variant == READINGS)


def kernel_source(model: Model, name: str, symbol: str, file: str | None = None) -> str:
    """Return the C source of the kernel ``name`` of a model, exported as ``const cn_kernel symbol``.

    ``file`` is the name of the file in which it will stand, for a kernel that chooses among processors when it runs;
    without, it is for the processor that `target_text` describes.

    Examples
    --------
    >>> from circuitnn.registry import catalog
    >>> "CN_KERNEL_LINEAR" in kernel_source(model_of(catalog("devices").get("resistor")), "resistor", "k")
    True
    """
    printer = scalar_printer()
    noise = "noise_plus, noise_minus, noise_names, noise" if model.noise else "0, 0, 0, 0"
    jumps = sum(item.kind == "jump" for item in model.limits)
    flags = "CN_KERNEL_LINEAR" if model.linear else "CN_KERNEL_TIMED" if model.timed else "0"
    before: list[str] = []
    vectors = vectorised(model)
    evaluate, evaluator = (_eval_vectors if vectors else _eval)(model), "eval"
    if vectors:
        if file is None:
            evaluator = "NAME(eval)"
        else:
            before, evaluate = _eval_for_all(file, evaluate)
    return "\n".join(
        [
            f"/* Generated from the equations of {name}. */",
            *before,
            *(f'#include "{header}"' for header in _HEADERS[1:]),
            "#include <math.h>",
            "",
            _array("jf_row", (i for i, _ in model.jf)),
            _array("jf_col", (j for _, j in model.jf)),
            _array("jq_row", (i for i, _ in model.jq)),
            _array("jq_col", (j for _, j in model.jq)),
            _strings("param_names", model.params),
            _strings("local_names", model.locals),
            "",
            *evaluate,
            *_limit(model, printer),
            *_noise(model, printer),
            *_rates(model, printer),
            "",
            f"extern const cn_kernel {symbol};",
            f"const cn_kernel {symbol} = {{",
            f'    CN_KERNEL_ABI, {flags}, "{name}",',
            f"    {len(model.unknowns)}, {len(model.params)}, {len(model.limits)}, {model.discrete},",
            f"    {len(model.jf)}, {len(model.jq)}, jf_row, jf_col, jq_row, jq_col, param_names, local_names,",
            f"    {evaluator}, {'limit' if model.limits else '0'}, 0,",
            f"    {len(model.noise)}, {noise},",
            f"    {jumps}, {'rates' if jumps else '0'},",
            "};",
            *(["#endif"] if before else []),
            "",
        ]
    )


def header_text(csrc: Path) -> str:
    """Return the kernel ABI's headers as one text, for compiling a user's device away from the source tree."""
    text = "".join((csrc / name).read_text(encoding="utf-8") for name in (*_HEADERS, "cn_vector.h"))
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith('#include "'))


def _write_if_changed(path: Path, text: str) -> Path:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    return path


def _origin(device: type[Device], machinery: str) -> str:
    """Return a first line that tells from which sources a kernel was generated."""
    files = {str(sys.modules[base.__module__].__file__) for base in device.__mro__ if base is not object}
    digest = hashlib.sha256(machinery.encode())
    for name in sorted(files):
        digest.update(Path(name).read_bytes())
    return f"/* sources {digest.hexdigest()} */"


def _machinery() -> str:
    """Return the text of all that turns a declaration into C, beside the declaration's own file."""
    here, entries = Path(__file__).parent, catalog("devices").names()
    return "".join(path.read_text(encoding="utf-8") for path in sorted(here.glob("*.py")) if path.stem not in entries)


def generate_builtin(folder: Path) -> list[Path]:
    """Write the kernels of all library devices, their table and the embedded headers; return the C files.

    A kernel whose sources have not changed is left as it is: deriving all of them takes half a minute.
    """
    folder.mkdir(parents=True, exist_ok=True)
    devices = catalog("devices").all()
    machinery = _machinery()
    written, names = [], []
    for device in devices.values():
        origin = _origin(device, machinery)
        for variant, name in device.kernel_names().items():
            path = folder / f"{name}.c"
            if not (path.exists() and path.read_text(encoding="utf-8").startswith(origin)):
                source = kernel_source(model_of(device, variant), name, f"cn_kernel_{name}", path.name)
                path.write_text(f"{origin}\n{source}", encoding="utf-8")
            written.append(path)
            names.append(name)
    header = header_text(Path(__file__).resolve().parents[2] / "csrc")
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in header.splitlines())
    quoted = "\n".join(f'    "{line}\\n"' for line in escaped)
    table = [
        '#include "cn_kernel.h"',
        *(f"extern const cn_kernel cn_kernel_{name};" for name in names),
        "extern const cn_kernel *const cn_builtin_kernels[];",
        "extern const cn_idx cn_builtin_count;",
        "extern const char cn_builtin_headers[];",
        "const cn_kernel *const cn_builtin_kernels[] = {" + ", ".join(f"&cn_kernel_{name}" for name in names) + "};",
        f"const cn_idx cn_builtin_count = {len(names)};",
        f"const char cn_builtin_headers[] =\n{quoted};",
        "",
    ]
    written.append(_write_if_changed(folder / "cn_builtin.c", "\n".join(table)))
    return written
