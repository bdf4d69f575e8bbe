"""From a declaration to symbolic f, q and their exact Jacobians."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from circuitnn.devices.declare import Device, Limited, Noise
from circuitnn.errors import DeviceError, nearest


@dataclass
class Model:
    """The derived equations of a device, with sympy expressions.

    ``jf`` and ``jq`` map (row, column) of local unknowns to structurally nonzero derivatives. f and q are already
    corrected for limiting: f(lim) + df/dlim (raw - lim). The densities and exponents of ``noise`` are expressions too.
    """

    device: type[Device]
    params: list[str]
    f: list[Any]
    q: list[Any]
    jf: dict[tuple[int, int], Any]
    jq: dict[tuple[int, int], Any]
    limits: list[Limited]
    linear: bool
    unknowns: list[Any]
    symbols: dict[str, Any]
    raw_f: list[Any]
    raw_q: list[Any]
    noise: list[Noise]


def derive(device: type[Device]) -> Model:
    """Return the equations of a device class.

    Raises
    ------
    DeviceError
        When an equation names a row that is no local unknown, or uses a symbol that nothing declares.

    Examples
    --------
    >>> from circuitnn.registry import catalog
    >>> model = derive(catalog("devices").get("resistor"))
    >>> model.linear, sorted(model.jf)
    (True, [(0, 0), (0, 1), (1, 0), (1, 1)])
    """
    import sympy

    frame: Any = object.__new__(device)
    frame.limits = []
    frame.gmin, frame.time = sympy.Symbol("env_gmin", real=True), sympy.Symbol("env_time", real=True)
    unknowns = [sympy.Symbol(f"u_{name}", real=True) for name in device.locals]
    for name, symbol in zip(device.locals, unknowns, strict=True):
        setattr(frame, name, symbol)
    known = {name: sympy.Symbol(f"p_{name}", real=True) for name in (*device.params, *device.derived)}
    for attribute, name in device.attributes.items():
        setattr(frame, attribute, known[name])
    for name in device.derived:
        setattr(frame, name, known[name])
    try:
        equations = frame.equations()
        limits: list[Limited] = sorted(frame.limits, key=lambda item: item.kind == "switch")
        noise = [_noise(device, item) for item in frame.noise()]
    except AttributeError as error:
        if error.obj is not frame:
            raise
        raise DeviceError(
            f"the equations of {device.name} use self.{error.name}, which is not declared",
            hint=nearest(str(error.name), [*device.locals, *device.attributes, *device.derived]),
        ) from None
    if len(frame.limits) > len(limits):
        raise DeviceError(f"{device.name}: its noise limits a voltage that its equations do not")
    for row in (*equations.f, *equations.q):
        if row not in device.locals:
            raise DeviceError(f"{device.name}: an equation is given for {row!r}, which is no unknown of the device")
    raw_f = [sympy.sympify(equations.f.get(name, 0), strict=True) for name in device.locals]
    raw_q = [sympy.sympify(equations.q.get(name, 0), strict=True) for name in device.locals]
    env = (frame.gmin, frame.time)
    lim = {item.name: sympy.Symbol(f"lim_{item.name}", real=True) for item in limits}
    used = set().union(*(e.free_symbols for e in (*raw_f, *raw_q)), set())
    for item in limits:
        for e in (item.raw, *item.args, item.start):
            used |= sympy.sympify(e, strict=True).free_symbols
    noisy = set().union(*(e.free_symbols for item in noise for e in (item.density, item.exponent)), set())
    undeclared = (used | noisy) - set(unknowns) - set(known.values()) - set(env) - set(lim.values())
    if undeclared:
        raise DeviceError(f"{device.name}: undeclared symbols {sorted(map(str, undeclared))}")
    smooth = [item for item in limits if item.kind != "switch"]
    corrected_f, jf = _differentiate(raw_f, unknowns, smooth, lim)
    corrected_q, jq = _differentiate(raw_q, unknowns, smooth, lim)
    params = [name for name, symbol in known.items() if symbol in used | noisy]
    linear = not limits and not (used & set(env)) and _is_linear(device, raw_f, raw_q, jf, jq, unknowns, known)
    return Model(device, params, corrected_f, corrected_q, jf, jq, limits, linear, unknowns, known, raw_f, raw_q, noise)


def _noise(device: type[Device], item: Noise) -> Noise:
    import sympy

    for name in (item.plus, item.minus):
        if name not in device.locals:
            raise DeviceError(
                f"{device.name}: the noise {item.name!r} is at {name!r}, which is no unknown of the device"
            )
    density, exponent = (sympy.sympify(e, strict=True) for e in (item.density, item.exponent))
    return Noise(item.name, item.plus, item.minus, density, exponent)


def _differentiate(rows: list[Any], unknowns: list[Any], limits: list[Limited], lim: dict[str, Any]) -> Any:
    """Corrected rows and derivatives by unknowns, through the limited voltages by the chain rule."""
    import sympy

    corrected, jacobian = [], {}
    for i, row in enumerate(rows):
        total = row
        slopes = {item.name: sympy.diff(row, lim[item.name]) for item in limits if row.has(lim[item.name])}
        for item in limits:
            if item.name in slopes:
                total = total + slopes[item.name] * (item.raw - lim[item.name])
        corrected.append(total)
        for j, u in enumerate(unknowns):
            derivative = sympy.diff(row, u)
            for item in limits:
                if item.name in slopes:
                    derivative = derivative + slopes[item.name] * sympy.diff(item.raw, u)
            if derivative != 0:
                jacobian[i, j] = derivative
    return corrected, jacobian


def _is_linear(device: type[Device], f: Any, q: Any, jf: Any, jq: Any, unknowns: Any, known: Any) -> bool:
    if any(e.free_symbols & set(unknowns) for e in (*jf.values(), *jq.values())):
        return False
    at_rest = dict.fromkeys(unknowns, 0)
    if device.waveform:
        at_rest[known["value"]] = 0
    return all(e.subs(at_rest) == 0 for e in (*f, *q))
