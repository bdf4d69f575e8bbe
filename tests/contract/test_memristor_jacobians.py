"""Jacobians of memristors over their whole parameter ranges, by complex steps on the symbolic equations.

The equations are evaluated here in complex arithmetic by an interpreter of its own, not by the generated C: f(u + ih)
has df/du in its imaginary part without a difference of nearly equal numbers. Cases are decided by real parts.
"""

import numpy as np
import pytest

from circuitnn.devices.declare import Environment, Memristor
from circuitnn.devices.derive import derive
from circuitnn.devices.load import kernel_of
from circuitnn.errors import DeviceError
from circuitnn.registry import catalog

MEMRISTORS = {name: d for name, d in catalog("devices").all().items() if issubclass(d, Memristor)}
N = 200
SEED = 7
STEP = 1e-100

_FUNCTIONS = {
    "exp": np.exp, "log": np.log, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asin": np.arcsin,
    "asinh": np.arcsinh,
}  # fmt: skip


class Interpreter:
    """Values of sympy expressions of arrays, each subexpression once."""

    def __init__(self, values):
        self._known = dict(values)

    def __call__(self, expr):
        if expr not in self._known:
            self._known[expr] = self._compute(expr)
        return self._known[expr]

    def define(self, symbol, expr):
        self._known[symbol] = self(expr)

    def _compute(self, expr):
        if expr.is_Number or expr.is_NumberSymbol:
            return complex(expr)
        kind = type(expr).__name__
        if kind == "Cases":
            value = self(expr.values[-1])
            for condition, case in reversed(list(zip(expr.conditions, expr.values, strict=False))):
                value = np.where(self._holds(condition), self(case), value)
            return value
        args = [self(arg) for arg in expr.args]
        if expr.is_Add:
            return sum(args)
        if expr.is_Mul:
            return np.prod(np.broadcast_arrays(*args), axis=0) if len(args) > 1 else args[0]
        if kind in ("Pow", "Power"):
            return self._power(*args)
        if kind == "Abs":
            return np.where(np.real(args[0]) < 0, -args[0], args[0])
        return _FUNCTIONS[kind](args[0])

    @staticmethod
    def _power(base, exponent):
        if np.ndim(exponent) == 0 and exponent.real == int(exponent.real) and abs(exponent.real) < 32:
            whole = np.ones_like(base)
            for _ in range(abs(int(exponent.real))):
                whole = whole * base
            return whole if exponent.real >= 0 else 1 / whole
        if np.ndim(exponent) == 0 and exponent == 0.5:
            return np.sqrt(base)
        return np.where(
            base == 0, np.where(exponent == 0, 1, 0), np.exp(exponent * np.log(np.where(base == 0, 1, base)))
        )

    def _holds(self, condition):
        if condition.is_Relational:
            left, right = (np.real(self(side)) for side in condition.args)
            return {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal}[
                condition.rel_op
            ](left, right)
        raise AssertionError(f"a condition of an unknown kind: {condition}")


def spread(param, rng, decades=3.0):
    """A value from the whole range of a parameter, log-uniform where it has no zero inside."""
    if param.choices:
        return rng.choice(param.choices)
    usual = param.default or 0.0
    low = -np.inf if param.low is None else param.low
    high = np.inf if param.high is None else param.high
    if usual == 0.0:
        return usual if rng.uniform() < 0.5 or not np.isfinite(high) else rng.uniform(low, high)
    value = usual * 10.0 ** rng.uniform(-decades, decades)
    if low > 0.0 and np.isfinite(high):
        value = np.exp(rng.uniform(np.log(low), np.log(high)))
    return float(np.clip(value, max(low, low + 1e-300) if param.exclusive else low, high))


def draw(device, rng):
    """Parameters of one instance, drawn again and closer where the device refuses them (no barrier, wrong order)."""
    for k in range(100):
        values = {
            key: np.array([np.nan if param.default is None else spread(param, rng, 3.0 * 0.8**k)])
            for key, param in device.params.items()
        }
        for low, high in ((state.low, state.high) for state in device.states.values()):
            # bounds three decades apart in either direction would be in the wrong order half of the time
            if isinstance(low, str) and isinstance(high, str) and values[low] > values[high]:
                values[low], values[high] = values[high], values[low]
        try:
            for param in device.params:
                if not np.isnan(values[param][0]):
                    device.params[param].check(device.name, param, values[param][0])
            device.state_bounds(values)
            with np.errstate(all="ignore"):
                return values, device.prepare(values, Environment(temp=rng.uniform(220.0, 420.0)))
        except DeviceError:
            continue
    raise AssertionError(f"{device.name}: no valid parameters found")


def instances(device, seed):
    rng = np.random.default_rng(seed)
    kernel = kernel_of(device)
    drawn = [draw(device, rng) for _ in range(N)]
    values = {key: np.concatenate([v[key] for v, _ in drawn]) for key in device.params}
    p = np.array([[float(np.ravel(prepared[key])[0]) for _, prepared in drawn] for key in kernel.param_names])
    u = rng.choice([-1.0, 1.0], (kernel.n_local, N)) * 10.0 ** rng.uniform(-3.0, 1.0, (kernel.n_local, N))
    for state, (low, high) in device.state_bounds(values).items():
        row = device.locals.index(state)
        bounded = np.isfinite(low) & np.isfinite(high)
        inside = np.where(bounded, low, 0.0) + rng.uniform(0.0, 1.0, N) * np.where(bounded, high - low, 1e3)
        u[row] = inside
    return kernel, p, u


@pytest.mark.parametrize("name", MEMRISTORS)
def test_jacobian_by_complex_steps(name):
    device = MEMRISTORS[name]
    model = derive(device)
    kernel, p, u = instances(device, SEED)
    f, q, jf, jq = kernel.evaluate(u, p, np.zeros((kernel.n_limit, N)))
    assert kernel.n_limit == 0  # a limited voltage would need its own value here
    assert all(np.isfinite(part).all() for part in (f, q, jf, jq))
    exact = {"f": np.zeros((kernel.n_local, kernel.n_local, N)), "q": np.zeros((kernel.n_local, kernel.n_local, N))}
    known = {model.symbols[key]: p[k].astype(complex) for k, key in enumerate(kernel.param_names)}
    found = {}
    for j in range(kernel.n_local):
        moved = u.astype(complex)
        moved[j] += 1j * STEP * np.abs(u[j])
        with np.errstate(all="ignore"):
            value = Interpreter({**known, **dict(zip(model.unknowns, moved, strict=True))})
            for symbol, definition in model.definitions.items():
                if not str(symbol).startswith("d_"):  # their slopes are what is to be checked
                    value.define(symbol, definition)
            for kind, rows in (("f", model.raw_f), ("q", model.raw_q)):
                for i, row in enumerate(rows):
                    found[kind, i] = np.broadcast_to(value(row), (N,))
                    exact[kind][i, j] = found[kind, i].imag / STEP  # the slope times the size of the unknown
    for kind, values, entries, rows, cols in (
        ("f", f, jf, kernel.jf_row, kernel.jf_col),
        ("q", q, jq, kernel.jq_row, kernel.jq_col),
    ):
        full = np.zeros_like(exact[kind])
        full[rows, cols] = entries
        full *= np.abs(u)
        for i in range(kernel.n_local):
            np.testing.assert_allclose(values[i], found[kind, i].real, rtol=1e-9, atol=1e-300)
        # rounding of large exponents that nearly cancel 1e-6; what cancels or saturates 1e-12 of its row's size; a step
        # of 1e-100 in what is squared on the way below 1e-90 has no double
        size = np.maximum(np.abs(exact[kind]).max(axis=1), np.abs(values))[:, None]
        assert np.all(np.abs(full - exact[kind]) <= 1e-6 * np.abs(exact[kind]) + 1e-12 * size + 1e-90)
