"""Device equations against closed forms, published numbers and ngspice, at the kernels themselves."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from circuitnn.devices import physics
from circuitnn.devices.cards import CARDS
from circuitnn.devices.declare import Environment
from circuitnn.devices.load import kernel_of
from circuitnn.mapping.conductance import conductance_range
from circuitnn.registry import catalog

VT = 1.38064852e-23 * 300.15 / 1.6021766208e-19
needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")


def prepare(name, celsius=27.0, count=1, **given):
    """Kernel and its parameters (n_param, count); ``is_`` stands for the parameter ``is``."""
    device = catalog("devices").get(name)
    values = {key: np.full(count, np.nan if p.default is None else p.default) for key, p in device.params.items()}
    for key, value in given.items():
        key = key.rstrip("_")
        assert key in values, key
        values[key] = np.broadcast_to(np.asarray(value, dtype=float), (count,)).copy()
    prepared = device.prepare(values, Environment(temp=celsius + 273.15))
    kernel = kernel_of(device)
    rows = [np.broadcast_to(prepared[key], (count,)) for key in kernel.param_names]
    return kernel, np.array(rows).reshape(kernel.n_param, count)


def settle(kernel, u, p):
    lim = np.zeros((kernel.n_limit, u.shape[1]))
    for _ in range(300):
        lim, held = kernel.limit(u, p, lim, acc=lim)
        if held == 0:
            return lim
    raise AssertionError("never settles")


def evaluate(kernel, u, p):
    u = np.asarray(u, dtype=float)
    return kernel.evaluate(u, p, settle(kernel, u, p))


# --------------------------------------------------------------------------------------------------------- passives
def test_resistor_law():
    kernel, p = prepare("resistor", celsius=77.0, resistance=1e3, tc1=1e-3, tc2=2e-6, m=2.0, scale=3.0)
    f, _, _, _ = kernel.evaluate([[2.0], [0.5]], p)
    assert f[0, 0] == pytest.approx(1.5 * 2.0 / (1e3 * 3.0 * (1 + 1e-3 * 50 + 2e-6 * 2500)), rel=1e-14, abs=0.0)


def test_resistor_by_geometry():
    kernel, p = prepare("resistor", rsh=100.0, l=20e-6, w=3e-6, narrow=0.5e-6, short=1e-6)
    assert kernel.evaluate([[1.0], [0.0]], p)[0][0, 0] == pytest.approx(1.0 / (100.0 * 18.0 / 2.0), rel=1e-14, abs=0.0)


def test_capacitor_by_geometry():
    kernel, p = prepare("capacitor", cj=1e-3, cjsw=1e-10, l=10e-6, w=2e-6, m=3.0)
    expected = 3.0 * (1e-3 * 10e-6 * 2e-6 + 2e-10 * 12e-6)
    assert kernel.evaluate([[1.0], [0.0]], p)[1][0, 0] == pytest.approx(expected, rel=1e-14, abs=0.0)


def test_coupled_fluxes():
    """Rows of the inductors' branches: v1 = L1 di1/dt + M di2/dt, so q1 = -L1 i1 - M i2."""
    kernel, p = prepare("mutual", coupling=0.5, mutual=2e-3)
    _, q, _, _ = kernel.evaluate([[3.0], [5.0]], p)
    np.testing.assert_allclose(q[:, 0], [-2e-3 * 5.0, -2e-3 * 3.0], rtol=1e-15)


@pytest.mark.parametrize(
    ("name", "given", "u", "f"),
    [
        ("vcvs", {"gain": 3.0}, [5.0, 1.0, 2.0, 1.5, 0.25], [0.25, -0.25, 0, 0, 5.0 - 1.0 - 1.5]),
        ("vccs", {"gain": 3.0, "m": 2.0}, [5.0, 1.0, 2.0, 1.5], [3.0, -3.0, 0, 0]),
        ("cccs", {"gain": 3.0, "m": 2.0}, [5.0, 1.0, 0.5], [3.0, -3.0, 0]),
        ("ccvs", {"gain": 3.0}, [5.0, 1.0, 0.25, 0.5], [0.25, -0.25, 5.0 - 1.0 - 1.5, 0]),
        ("vsource", {"value": 3.0}, [5.0, 1.0, 0.25], [0.25, -0.25, 1.0]),
        ("isource", {"value": 3.0, "m": 2.0}, [5.0, 1.0], [6.0, -6.0]),
    ],
)
def test_source_equations(name, given, u, f):
    kernel, p = prepare(name, **given)
    np.testing.assert_allclose(kernel.evaluate(np.array(u)[:, None], p)[0][:, 0], f, rtol=1e-15)


def test_switches_hold_between_their_thresholds():
    kernel, p = prepare("vswitch", vt=1.0, vh=0.25, ron=2.0)
    for control, before, after in ((1.3, 0, 1), (1.2, 0, 0), (1.2, 1, 1), (0.8, 1, 1), (0.7, 1, 0), (0.7, 0, 0)):
        u = np.array([[1.0], [0.0], [control], [0.0]])
        lim, held = kernel.limit(u, p, [[float(before)]], acc=[[float(before)]])
        assert (lim[0, 0], held) == (after, int(after != before))
        # closed 1/ron, open 1/roff = gmin
        assert kernel.evaluate(u, p, lim)[0][0, 0] == pytest.approx(0.5 if after else 1e-12, rel=1e-12, abs=0.0)


# --------------------------------------------------------------------------------------------------------- limiting
def limit_diode(v, old, vt=0.025, vcrit=0.6):
    kernel, p = prepare("diode")
    for key, value in (("nvt", vt), ("vcrit", vcrit)):
        p[kernel.param_names.index(key)] = value
    lim, held = kernel.limit([[0.0], [0.0], [v]], p, [[old]])  # anode, cathode, inner node
    return lim[0, 0], held


@pytest.mark.parametrize(
    ("v", "old", "expected"),
    [
        (0.55, 0.0, 0.55),  # below vcrit: free
        (0.65, 0.62, 0.65),  # within 2 vt: free
        (1.0, 0.6, 0.6 + 0.025 * (2 + np.log(16.0 - 2))),  # forward step of 16 vt becomes its logarithm
        (0.7, 0.9, 0.9 - 0.025 * (2 + np.log(2 + 8.0))),  # and backward
        (1.0, -1.0, 0.025 * np.log(40.0)),  # from reverse: where the current would be the same on a line
        (-5.0, 0.5, -1.5),  # reverse steps: -old - 1
        (-5.0, -1.0, -3.0),  # or 2 old - 1
        (-2.9, -1.0, -2.9),
    ],
)
def test_junction_limiting(v, old, expected):
    """Nagel, UCB/ERL M520 (1975); ngspice's DEVpnjlim with its later rule for reverse steps."""
    got, held = limit_diode(v, old)
    assert got == pytest.approx(expected, rel=1e-13, abs=0.0)
    assert held == int(expected != v)


def test_first_iteration_starts_junctions_at_vcrit():
    kernel, p = prepare("diode", count=2, is_=1e-14, off=[0.0, 1.0])
    lim, _ = kernel.limit(np.zeros((3, 2)), p, np.full((1, 2), 9.0), init=True)
    np.testing.assert_allclose(lim[0], [VT * np.log(VT / (np.sqrt(2.0) * 1e-14)), 0.0], rtol=1e-13)


@pytest.mark.parametrize(
    ("vgs", "old", "expected"),
    [
        # threshold 1 V.  Far on (old >= 4.5): up by |2 (old - vto)| + 2, down by half of it + 2, not below vto + 2
        (30.0, 5.0, 15.0), (14.0, 5.0, 14.0), (4.6, 5.0, 4.6), (5.0, 40.0, 5.0), (-4.0, 40.0, 3.0),
        (0.0, 5.0, 3.0),
        # middle (1 <= old < 4.5): down to vto - 0.5, up to vto + 4
        (-3.0, 2.0, 0.5), (9.0, 2.0, 5.0), (1.5, 2.0, 1.5),
        # off (old < 1): up to vto + 0.5 at first, down by |2 (old - vto)| + 2
        (3.0, 0.0, 1.5), (1.2, 0.0, 1.2), (-9.0, 0.0, -4.0),
    ],
)  # fmt: skip
def test_gate_limiting(vgs, old, expected):
    """DEVfetlim (Nagel 1975, section 3)."""
    kernel, p = prepare("mos1", vto=1.0)
    u = np.zeros((kernel.n_local, 1))
    u[kernel.local_names.index("g")] = vgs
    lim, _ = kernel.limit(u, p, [[old], [0.0], [0.0]])
    assert lim[0, 0] == pytest.approx(expected, rel=1e-14, abs=0.0)


@pytest.mark.parametrize(
    ("vds", "old", "expected"),
    [
        (30.0, 5.0, 17.0), (10.0, 5.0, 10.0), (1.0, 5.0, 2.0), (4.2, 5.0, 4.2), (9.0, 1.0, 4.0), (-3.0, 1.0, -0.5),
        (-9.0, -1.0, -4.0),
    ],
)  # fmt: skip
def test_drain_limiting(vds, old, expected):
    """DEVlimvds, mirrored for a transistor that conducts backwards."""
    kernel, p = prepare("mos1", vto=1.0)
    u = np.zeros((kernel.n_local, 1))
    for node in ("d", "di"):
        u[kernel.local_names.index(node)] = vds
    lim, _ = kernel.limit(u, p, [[0.0], [old], [0.0]])
    assert lim[1, 0] == pytest.approx(expected, rel=1e-14, abs=0.0)


# ------------------------------------------------------------------------------------------------------- junctions
def diode(v, celsius=27.0, **given):
    """Current (A), charge (C) and capacitance (F) of diodes without series resistance at v (count,)."""
    v = np.asarray(v, dtype=float)
    kernel, p = prepare("diode", celsius, len(v), **given)
    f, q, _, jq = evaluate(kernel, [v, 0 * v, v], p)  # anode, cathode, inner node
    own = [k for k in range(len(jq)) if kernel.jq_row[k] == kernel.jq_col[k] == 2]
    return f[2], q[2], jq[own[0]]


def test_diode_forward_current():
    """I = area m IS (exp(V / (N VT)) - 1) + gmin V."""
    v = np.array([-0.05, 0.1, 0.4, 0.7])
    i, _, _ = diode(v, is_=2e-14, n=1.3, area=2.0, m=3.0)
    np.testing.assert_allclose(i, 6.0 * 2e-14 * np.expm1(v / (1.3 * VT)) + 1e-12 * v, rtol=1e-9)


def test_diode_series_resistance():
    kernel, p = prepare("diode", rs=4.0, area=2.0)
    f, _, _, _ = evaluate(kernel, [[1.0], [0.0], [0.7]], p)
    assert f[0, 0] == pytest.approx(0.3 * 2.0 / 4.0, rel=1e-13, abs=0.0)


def test_diode_current_is_continuous():
    """At -3 N VT and at breakdown the branches meet: 1 nV beside, nothing jumps by more than the slope allows."""
    edge = 3.0 * VT
    i, _, _ = diode([-edge - 1e-9, -edge + 1e-9], is_=1e-9)
    assert abs(i[1] - i[0]) < 1e-9 * 1e-6
    # SPICE's reverse branch ends at -IS; breakdown starts from -IS too
    kernel, p = prepare("diode", is_=1e-9, bv=5.0)
    start = p[kernel.param_names.index("breakdown"), 0]
    i, _, _ = diode([-start - 1e-9, -start + 1e-9], is_=1e-9, bv=5.0)
    assert abs(i[1] - i[0]) < 1e-9 * 1e-3


@pytest.mark.parametrize("area", [1.0, 5.0])
def test_breakdown_current_is_ibv_at_bv(area):
    """IBV belongs to the junction, whatever its area; m of them carry m times as much."""
    i, _, _ = diode([-6.2], is_=1e-14, bv=6.2, ibv=2e-3, area=area, m=3.0)
    # SPICE leaves out the saturation current times 1 - BV/VT, 1e-14 * 240 * 5 of 2e-3
    assert i[0] == pytest.approx(-6e-3, rel=1e-8)


def test_depletion_charge():
    """C = CJO (1 - V/VJ)^-M below FC VJ; linear in V above, in value and slope continuous."""
    cjo, vj, m, fc = 2e-12, 0.8, 0.4, 0.5
    given = {"cjo": cjo, "vj": vj, "mj": m, "fc": fc, "is_": 1e-30}
    v = np.array([-3.0, -0.2, 0.0, 0.3])
    _, q, c = diode(v, **given)
    np.testing.assert_allclose(c, cjo * (1 - v / vj) ** -m, rtol=1e-12)
    np.testing.assert_allclose(q, cjo * vj / (1 - m) * (1 - (1 - v / vj) ** (1 - m)), rtol=1e-12, atol=1e-30)
    above = np.array([0.45, 0.6, 0.75])
    _, q, c = diode(above, **given)
    np.testing.assert_allclose(c, cjo * (1 - fc) ** -(1 + m) * (1 - fc * (1 + m) + m * above / vj), rtol=1e-12)
    edge = fc * vj
    _, q, c = diode([edge - 1e-12, edge + 1e-12], **given)
    assert q[1] == pytest.approx(q[0], rel=1e-10, abs=0.0) and c[1] == pytest.approx(c[0], rel=1e-10, abs=0.0)


def test_diffusion_charge():
    _, q, _ = diode([0.7], tt=1e-8, is_=1e-14)
    i, _, _ = diode([0.7], is_=1e-14)
    assert q[0] == pytest.approx(1e-8 * i[0], rel=1e-13, abs=0.0)


# ------------------------------------------------------------------------------------------------------- transistors
def mos(vd, vg, vs, vb, celsius=27.0, **given):
    """Drain current (A) and small-signal capacitance matrix (4, 4, count) at the terminals d g s b."""
    vd, vg, vs, vb = (np.asarray(x, dtype=float) for x in np.broadcast_arrays(vd, vg, vs, vb))
    kernel, p = prepare("mos1", celsius, vd.size, **given)
    u = np.zeros((kernel.n_local, vd.size))
    for name, v in (("d", vd), ("g", vg), ("s", vs), ("b", vb), ("di", vd), ("si", vs)):
        u[kernel.local_names.index(name)] = v
    f, _, jf, jq = evaluate(kernel, u, p)
    merge = {"d": 0, "di": 0, "g": 1, "s": 2, "si": 2, "b": 3}
    capacitance = np.zeros((4, 4, vd.size))
    slope = {}  # of each Meyer capacitance's y: dq/dv of its row by the nodes
    for k, (row, column) in enumerate(zip(kernel.jq_row, kernel.jq_col, strict=True)):
        row, column = kernel.local_names[row], kernel.local_names[column]
        if row in merge:
            capacitance[merge[row], merge[column]] += jq[k]
        else:
            slope.setdefault(row, []).append((merge[column], jq[k]))
    names = [(kernel.local_names[i], kernel.local_names[j]) for i, j in zip(kernel.jf_row, kernel.jf_col, strict=True)]
    for k, (row, column) in enumerate(names):
        if column in slope and row in merge:
            own = jf[names.index((column, column))]  # the row says own * y + dq/dt = 0
            for node, dq in slope[column]:
                capacitance[merge[row], node] += jf[k] * dq / -own
    return f[kernel.local_names.index("di")] + f[kernel.local_names.index("d")], capacitance


def test_shichman_hodges():
    """The three regions, IEEE J. Solid-State Circuits 3, 285 (1968), eq. 1 to 3, with body effect."""
    kp, vto, lam, gamma, phi, w, l = 50e-6, 0.7, 0.02, 0.5, 0.65, 10e-6, 2e-6
    given = {"kp": kp, "vto": vto, "lambda": lam, "gamma": gamma, "phi": phi, "w": w, "l": l, "is_": 0.0}
    vgs, vds, vsb = np.array([0.5, 2.0, 2.0, 3.0]), np.array([1.0, 3.0, 0.4, 5.0]), np.array([0.0, 0.0, 0.0, 1.5])
    i, _ = mos(vds, vgs, 0 * vgs, -vsb, **given)
    vth = vto + gamma * (np.sqrt(phi + vsb) - np.sqrt(phi))
    over = vgs - vth
    triode = kp * w / l * (1 + lam * vds) * vds * (over - vds / 2)
    saturation = kp * w / (2 * l) * (1 + lam * vds) * over**2
    expected = np.where(over <= 0, 0, np.where(vds >= over, saturation, triode))
    np.testing.assert_allclose(i, expected + 1e-12 * (vds + vsb), rtol=1e-12)


def test_drain_and_source_are_alike():
    given = {"kp": 50e-6, "vto": 0.7, "lambda": 0.02, "gamma": 0.5, "phi": 0.65}
    forward, _ = mos([1.5], [2.0], [0.2], [-0.5], **given)
    back, _ = mos([0.2], [2.0], [1.5], [-0.5], **given)
    # apart from gmin of the junction at the drain, 1e-12 A a volt
    assert back[0] == pytest.approx(-forward[0], abs=5e-12)


def test_pmos_mirrors_nmos():
    given = {"kp": 50e-6, "gamma": 0.5, "phi": 0.65, "ad": 1e-12, "as": 1e-12, "cj": 1e-4, "tox": 1e-8}
    n, cn = mos([1.5], [2.0], [0.2], [-0.5], vto=0.7, polarity=1.0, **given)
    p, cp = mos([-1.5], [-2.0], [-0.2], [0.5], vto=-0.7, polarity=-1.0, **given)
    assert p[0] == pytest.approx(-n[0], rel=1e-14, abs=0.0)
    np.testing.assert_allclose(cp, cn, rtol=1e-12, atol=1e-28)


def test_meyer_capacitances():
    """Meyer, RCA Review 32, 42 (1971): 2/3 Cox in saturation, halves at vds = 0, the bulk's share below threshold."""
    cox = 3.9 * 8.854214871e-12 / 1e-8 * 10e-6 * 2e-6
    given = {"vto": 0.7, "gamma": 0.0, "phi": 0.6, "tox": 1e-8, "w": 10e-6, "l": 2e-6}
    _, c = mos([3.0, 0.0, 0.0], [2.0, 2.0, -2.0], 0.0, 0.0, **given)
    np.testing.assert_allclose([c[1, 2, 0], c[1, 0, 0], c[1, 3, 0]], [-2 / 3 * cox, 0, 0], rtol=1e-12)
    np.testing.assert_allclose([c[1, 2, 1], c[1, 0, 1], c[1, 3, 1]], [-cox / 2, -cox / 2, 0], rtol=1e-12)
    np.testing.assert_allclose([c[1, 2, 2], c[1, 0, 2], c[1, 3, 2]], [0, 0, -cox], rtol=1e-12)


# ---------------------------------------------------------------------------------------------------------- ngspice
def ngspice(deck, vectors):
    """Values that ngspice prints for vectors after a deck's .control lines."""
    script = "\n".join([deck, ".control", "set numdgt=15", "op", *(f"print {v}" for v in vectors), ".endc", ".end", ""])
    done = subprocess.run(["ngspice", "-b"], input=script, capture_output=True, text=True, timeout=60, check=False)
    number = r"=\s+([-+0-9.e]+)"
    found = [re.search(re.escape(v) + r"\s*" + number, done.stdout) for v in vectors]
    assert all(found), done.stdout + done.stderr
    return np.array([float(match[1]) for match in found if match])


#: ngspice's currents come from its solution at reltol = 1e-10 or so of these decks; what is left is abstol.
RTOL, ATOL = 1e-8, 2e-14
OPTIONS = ".options reltol=1e-10 abstol=1e-18 vntol=1e-12"


def model_text(given):
    return " ".join(f"{key.rstrip('_')}={value!r}" for key, value in given.items())


@needs_ngspice
@pytest.mark.parametrize("celsius", [-40.0, 27.0, 85.0])
@pytest.mark.parametrize(
    "given",
    [
        {"is_": 1e-14},
        {"is_": 1e-9, "n": 1.8, "eg": 0.69, "xti": 2.0, "tnom": 50.0},
        {"is_": 1e-14, "bv": 5.0, "ibv": 1e-3, "n": 1.2},
        {"is_": 1e-10, "bv": 3.0, "ibv": 1e-6, "nbv": 1.5},
        {"is_": 1e-6, "bv": 3.0, "ibv": 1e-9},
    ],
)
def test_diode_currents_of_ngspice(given, celsius):
    v = [-6.0, -5.0, -3.2, -3.0, -1.0, -0.3, -0.06, 0.0, 0.2, 0.5, 0.8]
    if "bv" in given:
        v = [x for x in v if x >= -given["bv"] - 0.5]  # beyond, the exponential outruns any tolerance
    deck = ["diode", OPTIONS, f".temp {celsius}", f".model dm d {model_text(given)}"]
    for k, x in enumerate(v):
        deck += [f"v{k} a{k} 0 {x}", f"d{k} a{k} 0 dm area=2 m=3"]
    theirs = -ngspice("\n".join(deck), [f"i(v{k})" for k in range(len(v))])
    ours, _, _ = diode(v, celsius, area=2.0, m=3.0, **given)
    np.testing.assert_allclose(ours, theirs, rtol=RTOL, atol=ATOL)


def ngspice_capacitances(deck, sources):
    """Imaginary current over omega of each source's own 1 V, at omega = 1e6."""
    frequency = 1e6 / (2 * np.pi)
    lines = [deck, ".control", "set numdgt=15", f"ac lin 1 {frequency!r} {frequency!r}"]
    for s in sources:
        lines += [f"let c_{s} = -imag(i({s}))/1e6", f"print c_{s}"]
    done = subprocess.run(
        ["ngspice", "-b"],
        input="\n".join([*lines, ".endc", ".end", ""]),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = [re.search(rf"c_{s} = ([-+0-9.e]+)", done.stdout) for s in sources]
    assert all(found), done.stdout + done.stderr
    return np.array([float(match[1]) for match in found if match])


@needs_ngspice
@pytest.mark.parametrize("celsius", [-20.0, 27.0, 90.0])
def test_diode_capacitances_of_ngspice(celsius):
    given = {"is_": 1e-15, "cjo": 3e-12, "vj": 0.7, "mj": 0.35, "fc": 0.6, "tt": 4e-9}
    v = [-4.0, -0.5, 0.0, 0.3, 0.55, 0.65]
    text = model_text({"m" if key == "mj" else key: value for key, value in given.items()})
    deck = ["diode", OPTIONS, f".temp {celsius}", f".model dm d {text}"]
    for k, x in enumerate(v):
        deck += [f"v{k} a{k} 0 dc {x} ac 1", f"d{k} a{k} 0 dm"]
    theirs = ngspice_capacitances("\n".join(deck), [f"v{k}" for k in range(len(v))])
    _, _, ours = diode(v, celsius, **given)
    # printed with 15 digits; the junction's conductance beside it leaves rounding of 1e-16 g / omega
    np.testing.assert_allclose(ours, theirs, rtol=1e-7)


CARDS_OF_MOS = [
    ("nmos", {"vto": 0.7, "kp": 60e-6, "gamma": 0.45, "phi": 0.65, "lambda": 0.03}),
    ("pmos", {"vto": -0.8, "kp": 20e-6, "gamma": 0.4, "phi": 0.6, "lambda": 0.05, "ld": 0.1e-6}),
    ("nmos", {"tox": 2e-8, "nsub": 4e15, "uo": 550.0}),
    ("pmos", {"tox": 3e-8, "nsub": 1e16, "tpg": -1.0, "nss": 1e10}),
    ("nmos", {"tox": 2e-8, "nsub": 4e15, "tpg": 0.0, "vto": 0.5, "is_": 1e-13, "js": 1e-5, "tnom": 40.0}),
    ("nmos", {"tox": 0.0, "vto": 0.6}),
]
BIAS = [
    (0.05, 1.5, 0.0, 0.0), (2.0, 1.5, 0.0, 0.0), (3.0, 2.5, 0.0, -1.0), (0.3, 3.0, 0.0, -2.0), (2.0, 0.2, 0.0, 0.0),
    (-1.0, 1.5, 0.0, -1.5), (0.0, 2.0, 1.0, -0.5), (1.0, 2.0, 0.0, 0.45), (2.0, 2.0, 1.0, 0.0),
]  # fmt: skip


def mos_deck(kind, given, celsius, ac=False):
    sign = 1.0 if kind == "nmos" else -1.0
    deck = ["mos", OPTIONS, f".temp {celsius}", f".model mm {kind} level=1 {model_text(given)}"]
    for k, bias in enumerate(BIAS):
        for terminal, v in zip("dgsb", bias, strict=True):
            deck.append(f"v{terminal}{k} {terminal}{k} 0 dc {sign * v}" + (" ac 1" if ac == terminal else ""))
        deck.append(f"m{k} d{k} g{k} s{k} b{k} mm w=12u l=2u ad=20p as=30p pd=14u ps=16u m=2")
    return "\n".join(deck)


def our_mos(kind, given, celsius):
    sign = 1.0 if kind == "nmos" else -1.0
    size = {"w": 12e-6, "l": 2e-6, "ad": 20e-12, "as": 30e-12, "pd": 14e-6, "ps": 16e-6, "m": 2.0, "polarity": sign}
    return mos(*(sign * np.array(BIAS)).T, celsius, **size, **given)


@needs_ngspice
@pytest.mark.parametrize("celsius", [27.0, 100.0])
@pytest.mark.parametrize(("kind", "given"), CARDS_OF_MOS)
def test_mos_currents_of_ngspice(kind, given, celsius):
    theirs = -ngspice(mos_deck(kind, given, celsius), [f"i(vd{k})" for k in range(len(BIAS))])
    ours, _ = our_mos(kind, given, celsius)
    np.testing.assert_allclose(ours, theirs, rtol=RTOL, atol=ATOL)


@needs_ngspice
@pytest.mark.parametrize("terminal", ["d", "g", "s", "b"])
@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("nmos", {"vto": 0.7, "gamma": 0.4, "phi": 0.65, "tox": 2e-8, "cgso": 2e-10, "cgdo": 3e-10, "cgbo": 1e-10}),
        ("pmos", {"vto": -0.7, "tox": 2e-8, "cj": 3e-4, "cjsw": 4e-10, "mj": 0.45, "mjsw": 0.3, "pb": 0.75}),
        ("nmos", {"vto": 0.7, "cbd": 2e-14, "cbs": 3e-14, "pb": 0.85, "fc": 0.4, "cgso": 2e-10}),
        ("nmos", {"tox": 2e-8, "nsub": 4e15, "cj": 3e-4, "ld": 0.2e-6}),
    ],
)
def test_mos_capacitances_of_ngspice(kind, given, terminal):
    """Each terminal's own capacitance, in all regions, at 60 degrees."""
    names = [f"v{terminal}{k}" for k in range(len(BIAS))]
    theirs = ngspice_capacitances(mos_deck(kind, given, 60.0, ac=terminal), names)
    _, c = our_mos(kind, given, 60.0)
    k = "dgsb".index(terminal)
    np.testing.assert_allclose(c[k, k], theirs, rtol=1e-6, atol=1e-21)


def test_temperature_laws_at_the_reference():
    t = np.array(300.15)
    assert physics.band_gap(t) == pytest.approx(1.1150877, rel=1e-6)
    assert physics.junction_potential(0.8, t, t) == pytest.approx(0.8, rel=1e-14, abs=0.0)
    assert physics.junction_capacitance_factor(0.8, 0.5, t, t) == pytest.approx(1.0, rel=1e-14, abs=0.0)


# -------------------------------------------------------------------------------------------------------- memristors
def memristor(name, v, state, **given):
    """Current (A) and rate of the state."""
    v, state = (np.asarray(x, dtype=float) for x in np.broadcast_arrays(np.atleast_1d(v), state))
    kernel, p = prepare(name, count=v.size, **given)
    f, _, _, _ = kernel.evaluate(np.array([v, 0 * v, state]), p)
    return f[0], -f[2]


@pytest.mark.parametrize(
    ("window", "p", "sign", "expected"),
    [
        (0, 1, 1, 1.0), (1, 1, 1, 0.84), (1, 2, 1, 0.9744), (2, 2, 1, 0.9919), (2, 2, -1, 0.7599), (3, 1, 1, 0.21),
        (3, 10, 1, 0.9053172),
    ],
)  # fmt: skip
def test_windows(window, p, sign, expected):
    """At x = 0.3: Joglekar 1 - 0.4^(2p), Biolek 1 - 0.3^(2p) or 1 - 0.7^(2p), Prodromakis 1 - 0.79^p."""
    i, rate = memristor("linear_drift", sign * 1.0, 0.3, window=window, p=p)
    drift = 1e-14 * 100.0 / (10e-9) ** 2 * i
    assert i[0] == pytest.approx(sign / (100.0 * 0.3 + 16e3 * 0.7), rel=1e-14, abs=0.0)
    # the last reference number is printed with seven digits
    assert (rate / drift)[0] == pytest.approx(expected, rel=1e-7)


def test_polarity_turns_the_drift_around():
    _, rate = memristor("linear_drift", 1.0, 0.3, window=2.0, p=2.0, eta=-1.0)
    i, forward = memristor("linear_drift", -1.0, 0.3, window=2.0, p=2.0)
    assert i[0] < 0 and rate[0] == pytest.approx(forward[0], rel=1e-14, abs=0.0) and rate[0] < 0


@pytest.mark.parametrize(
    ("v", "rate"), [(0.1, 2.0e-3), (-1.0, -640.0), (0.02, 0.0), (-0.2, 0.0), (0.0, 0.0), (0.019, 0.0)]
)
def test_vteam_speed(v, rate):
    """k_off (v/v_off - 1)^alpha_off and k_on (v/v_on - 1)^alpha_on (Kvatinsky 2015, eq. 3): 5e-4 * 4, -10 * 4^3."""
    _, found = memristor("vteam", v, 1.5e-9)
    assert found[0] == pytest.approx(rate, rel=1e-13, abs=0.0)


def test_vteam_currents():
    """Eq. 4 between ron at w_on and roff at w_off; eq. 5 exponential between the same ends."""
    for iv, middle in ((0.0, 525.0), (1.0, np.sqrt(50.0 * 1000.0))):
        i, _ = memristor("vteam", 2.0, [0.0, 1.5e-9, 3e-9], iv=iv)
        np.testing.assert_allclose(2.0 / i, [50.0, middle, 1000.0], rtol=1e-13)


def test_team_windows():
    """Kvatinsky, TCAS-I 60, 211 (2013), eq. 18 and 19."""
    w = np.array([0.5e-9, 1.5e-9, 2.5e-9])
    _, plain = memristor("vteam", 0.1, w)
    _, off = memristor("vteam", 0.1, w, window=1.0)
    np.testing.assert_allclose(off / plain, np.exp(-np.exp((w - 1.8e-9) / 107e-12)), rtol=1e-12, atol=1e-300)
    _, plain = memristor("vteam", -1.0, w)
    _, on = memristor("vteam", -1.0, w, window=1.0)
    np.testing.assert_allclose(on / plain, np.exp(-np.exp((1.2e-9 - w) / 107e-12)), rtol=1e-12, atol=1e-300)


def test_idle_cell_has_no_slope_in_its_state():
    """Between the thresholds the power of a negative number is never taken."""
    kernel, p = prepare("vteam", alpha_on=2.5, alpha_off=1.5)
    f, _, jf, _ = kernel.evaluate([[0.01], [0.0], [1.5e-9]], p)
    row = [k for k in range(len(kernel.jf_row)) if kernel.jf_row[k] == 2]
    assert f[2, 0] == 0.0 and np.all(jf[row] == 0.0)


def test_slopes_at_the_thresholds():
    """Just above v_off the speed starts with the slope of its power: k/v_off for 1, zero for 2."""
    kernel, p = prepare("vteam", count=2, alpha_off=[1.0, 2.0], v_off=0.5, k_off=1e-3)
    v = np.nextafter(0.5, 1.0)
    _, _, jf, _ = kernel.evaluate(np.array([[v, v], [0, 0], [1.5e-9, 1.5e-9]]), p)
    (k,) = [k for k in range(len(jf)) if (kernel.jf_row[k], kernel.jf_col[k]) == (2, 0)]
    np.testing.assert_allclose(-jf[k], [1e-3 / 0.5, 0.0], rtol=1e-12, atol=1e-15)


# ------------------------------------------------------------------------------------------------------------- cards
#: Cards whose states have no bounds that decide on the conductance, or that have more than two terminals.
WITHOUT_RANGE = {
    "nbo2", "vo2", "pcm", "enode", "ecram", "fefet", "fefet_loops", "stt_mtj", "mtj_in_plane", "mtj_perpendicular",
    "mtj_umn", "sto", "vortex_feb", "rf_synapse",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CARDS))
def test_ready_made_cards(name):
    """A card's parameters are those of its device, and both ends of its range can be reached."""
    found = CARDS[name]
    device = next(d for d in catalog("devices").all().values() if found.model.type in d.model_types)
    for key, value in found.model.params.items():
        device.params[key].check(name, key, value)
    assert found.source and found.doc
    assert 0 < found.g_min < found.g_max
    if name in WITHOUT_RANGE:
        return
    # the range of a linear cell is that of its resistances; others conduct by up to 5 % more at 0.2 V than at 0 V
    _, low, high = conductance_range(found.model, 0.2)
    assert 0 < low * 0.95 <= found.g_min < found.g_max <= high * (1 + 1e-12)
