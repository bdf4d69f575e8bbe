"""Ferroelectric tunnel junction and transistor: switching kinetics, loops, windows and charges in closed form."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import circuitnn as cn
from circuitnn.circuit.options import SimOptions

FINE = SimOptions(reltol=1e-9, vntol=1e-12, abstol=1e-18, chgtol=1e-22)


def merz(v, time, activation):
    return np.exp(-activation / v) / time if v > activation / 300 else 0.0


# ------------------------------------------------------------------------------------------------- tunnel junction
def junction(v, stop, s=0.0, options=FINE, max_step=None, **model):
    """At a constant voltage, or that of a waveform."""
    circuit = cn.Circuit("ftj", options)
    circuit.V("1", "a", 0, dc=v if np.isscalar(v) else 0.0, waveform=None if np.isscalar(v) else v)
    circuit.model("bto", "ftj", **model)
    circuit.N("1", "a", 0, model="bto", s=s)
    return circuit.tran(stop=stop, max_step=max_step)


@pytest.mark.parametrize(("v", "tn", "tp"), [(4.0, 1e-11, 1e3), (4.0, 1e-11, 1e-11), (3.0, 2e-10, 1e-12)])
def test_domains_nucleate_and_grow(v, tn, tp):
    """s = 1 - exp(-t/tn - (t/tp)^2) at a constant voltage; the one alone is 1 - exp(-t/tn)."""
    nucleation, growth = merz(v, tn, 28.0), merz(v, tp, 28.0)
    stop = 4.0 / max(nucleation, growth)
    tran = junction(v, stop, tn0=tn, tp0=tp, max_step=stop / 10000)
    expected = 1 - np.exp(-nucleation * tran.time - (growth * tran.time) ** 2)
    far = expected < 0.999  # the last 1e-4 of a state's range fade, as of every memristor
    # the trapezoidal rule with these steps: (4/10000)^2/12 = 1e-8 of slopes of up to a few
    np.testing.assert_allclose(tran["@n1[s]"][far], expected[far], atol=1e-6)
    back = junction(-v, stop, s=1.0, tn0=tn, tp0=tp, max_step=stop / 10000)
    np.testing.assert_allclose(back["@n1[s]"][far[: len(back)]], 1 - expected[far], atol=1e-6)


def test_switching_time_follows_merz():
    """ln t over 1/v is a straight line of slope va; 10 ns at 4 V (Chanthbouala et al. 2012: 10 ns)."""
    volts, times = (2.0, 2.5, 3.0, 4.0), []
    for v in volts:
        usual = 1e-11 * np.exp(28.0 / v)
        tran = junction(v, 3 * usual, options=SimOptions(reltol=1e-6))
        times.append(np.interp(0.5, tran["@n1[s]"], tran.time))
    slope, _ = np.polyfit(1 / np.array(volts), np.log(times), 1)
    assert slope == pytest.approx(28.0, rel=1e-3)  # reltol over some hundred steps
    assert 3e-9 < times[-1] < 3e-8
    held = junction(0.2, 1e6, s=0.5)["@n1[s]"]
    np.testing.assert_array_equal(held, held[0])  # reading does nothing in a week


def test_ratio_of_the_states():
    """More than two orders of magnitude (abstract of Chanthbouala et al. 2012)."""
    on, off = (-junction(0.1, 1e-6, s=s)["i(v1)"][-1] / 0.1 for s in (1.0, 0.0))
    assert on == pytest.approx((1 + 0.1**2) / 160e3, rel=1e-9, abs=0)
    assert 250 < on / off < 350


def test_quasi_continuous_states():
    """Pulses of one sign add up, those of the other take back: more states the shorter the pulse."""
    up = ("pulse", 0.0, 3.0, 0.0, 1e-9, 1e-9, 10e-9, 50e-9)
    tran = junction(up, 1e-6, options=SimOptions(reltol=1e-6))
    after = np.interp(np.arange(1, 20) * 50e-9 - 1e-9, tran.time, tran["@n1[s]"])
    assert np.all(np.diff(after) > 1e-3) and after[-1] > 0.5


def test_junction_against_an_independent_integration():
    period, top = 200e-9, 3.5
    tran = junction(("sin", 0.0, top, 1 / period), 0.5 * period, s=0.2, max_step=period / 40000)

    def rate(t, y):
        v, s = top * np.sin(2 * np.pi * t / period), min(max(y[0], 0.0), 1 - 1e-12)
        r = merz(v, 1e-11, 28.0)
        return [(1 - s) * r * np.sqrt(1 - 4 * np.log(1 - s)) * min(1.0, (1 - s) / 1e-4)]

    reference = solve_ivp(rate, (0, 0.5 * period), [0.2], method="LSODA", rtol=1e-11, atol=1e-13, max_step=1e-9)
    assert 0.3 < reference.y[0, -1] < 1.0
    assert tran["@n1[s]"][-1] == pytest.approx(reference.y[0, -1], abs=1e-6)


@pytest.mark.parametrize("reltol", [1e-5, 1e-2])
@pytest.mark.parametrize("top", [2.0, 4.0, 8.0])
def test_junction_stays_in_bounds_and_closes_its_loop(reltol, top):
    period = 1e-6
    tran = junction(("sin", 0.0, top, 1 / period), 3 * period, options=SimOptions(reltol=reltol))
    s = tran["@n1[s]"]
    assert s.min() >= -1.001e-6 and s.max() <= 1 + 1.001e-6  # what the engine allows a step to end outside
    assert np.all(tran["v(a)"] * -tran["i(v1)"] >= -1e-18)
    if top > 3 and reltol < 1e-4:
        second, third = (np.interp((k + np.linspace(0.0, 1.0, 101)) * period, tran.time, s) for k in (1, 2))
        np.testing.assert_allclose(second, third, atol=2e-3)  # reltol and the interpolation of edges
        assert s.max() - s.min() > 0.99


# ------------------------------------------------------------------------------------------------------ transistor
def write(height, width=250e-9, p=-1.0, source=0.0, options=None, max_step=None):
    circuit = cn.Circuit("fefet", options or SimOptions())
    circuit.V("g", "g", 0, dc=0.0, waveform=("pulse", 0.0, height, 10e-9, 1e-9, 1e-9, width, 1.0))
    circuit.V("d", "d", 0, dc=source)
    circuit.V("s", "s", 0, dc=source)
    circuit.N("1", "d", "g", "s", 0, model="fefet", p=p)
    return circuit.tran(stop=width + 30e-9, max_step=max_step)


def threshold(p, drain=0.05):
    """Gate voltage of 100 nA w/l at 50 mV (constant-current method)."""
    circuit = cn.Circuit("read")
    circuit.V("g", "g", 0, dc=0.0)
    circuit.V("d", "d", 0, dc=drain)
    circuit.N("1", "d", "g", 0, 0, model="fefet", p=p)
    sweep = circuit.dc("vg", -0.5, 1.5, 0.005)
    return np.interp(np.log(1e-6), np.log(-sweep["i(vd)"]), sweep["v(g)"])


def test_memory_window():
    """1 V after pulses of 3 V and 250 ns either way (Tan et al., IEEE EDL 42, 994, 2021: about 1 V)."""
    up, down = write(3.0), write(-3.0, p=1.0)
    ends = up["@n1[p]"][-1], down["@n1[p]"][-1]
    assert ends[0] > 0.98 and ends[1] < -0.98
    window = threshold(ends[1]) - threshold(ends[0])
    assert window == pytest.approx(1.0, rel=0.02)  # the polarisation is short of 1 by up to 1 % either way
    assert threshold(-1.0) - threshold(1.0) == pytest.approx(1.0, rel=1e-4)  # of mw itself, by the grid of the sweep


def test_single_domain_is_exponential():
    """NLS with one time: the switched part is 1 - exp(-t/tau) at a constant voltage, tau = t0 exp(va/v)."""
    circuit = cn.Circuit("nls", FINE)
    circuit.V("g", "g", 0, dc=3.0)
    circuit.N("1", 0, "g", 0, 0, model="fefet")
    tau = 1e-11 * np.exp(25.0 / 3.0)
    tran = circuit.tran(stop=5 * tau, max_step=tau / 2000)
    part = (tran["@n1[p]"] + 1) / 2
    np.testing.assert_allclose(part, 1 - np.exp(-tran.time / tau), atol=1e-6)  # (1/2000)^2/12 = 2e-8


def test_half_voltage_does_not_disturb():
    """Source and drain at half the write voltage hold a cell of the written row: less than 1 % of its window moves."""
    inhibited = write(3.0, source=1.5)
    selected = write(3.0)
    assert inhibited["@n1[p]"][-1] + 1 < 0.02 < 1.9 < selected["@n1[p]"][-1] + 1


def test_channel_is_level_1_above_the_threshold():
    """n = 1: kp w/l ((vgs - vth) vds - vds^2/2), and half the square of vgs - vth in saturation."""
    circuit = cn.Circuit("channel")
    circuit.V("g", "g", 0, dc=2.5)
    circuit.V("d", "d", 0, dc=1.0)
    circuit.model("fe", "fefet", n=1.0, kp=1e-4, w=1e-6, l=1e-6, vto=0.5, mw=1.0)
    circuit.N("1", "d", "g", 0, 0, model="fe", p=1.0)
    sweep = circuit.dc("vd", 0.5, 4.0, 0.5)
    over, vds = 2.5, sweep["v(d)"]
    expected = 1e-4 * np.where(vds < over, over * vds - vds**2 / 2, over**2 / 2)
    # smooth around pinch-off: within (2 vt)^2 ln(2)^2 kp/2 there, exponentially less away from it
    np.testing.assert_allclose(-sweep["i(vd)"], expected, atol=2 * 1e-4 * 0.02585**2 * np.log(2) ** 2 * 2)
    subthreshold = circuit.dc("vg", -0.4, -0.3, 0.1)
    decades = np.diff(np.log10(-subthreshold["i(vd)"]))[0]
    assert 0.1 / decades == pytest.approx(0.02585 * np.log(10), rel=2e-2)  # 60 mV a decade


def test_charge_is_conserved():
    """What goes into the gate in a write is 2 pr w l, and nothing else: it leaves through drain and source."""
    tran = write(3.0, options=SimOptions(reltol=1e-6), max_step=0.2e-9)
    step = np.diff(tran.time)

    def charge(name):
        i = tran[f"i({name})"]
        return -np.sum(step * (i[1:] + i[:-1]) / 2)

    moved = 0.2 * 1e-13 * (tran["@n1[p]"][-1] - tran["@n1[p]"][0])
    assert charge("vg") == pytest.approx(moved, rel=1e-3, abs=0)  # trapezoids over edges of 1 ns in steps of 0.2 ns
    assert charge("vd") + charge("vs") + charge("vg") == pytest.approx(0.0, abs=1e-6 * moved)


def test_polarisation_loop_is_closed_and_dissipates():
    """Under a sine the loop of charge over voltage closes, and its area is the energy lost in each period."""
    period = 1e-6
    circuit = cn.Circuit("loop", SimOptions(reltol=1e-6))
    circuit.V("g", "g", 0, dc=0.0, waveform=("sin", 0.0, 3.0, 1 / period))
    circuit.N("1", 0, "g", 0, 0, model="fefet")
    tran = circuit.tran(stop=4 * period, max_step=period / 2000)
    one, two = (np.interp((k + np.linspace(0, 1, 401)) * period, tran.time, tran["@n1[p]"]) for k in (2, 3))
    np.testing.assert_allclose(one, two, atol=1e-4)
    assert one.max() - one.min() > 1.8
    v = 3.0 * np.sin(2 * np.pi * np.linspace(0, 1, 401))
    area = np.sum((v[1:] + v[:-1]) / 2 * np.diff(two))
    coercive = np.interp(0.0, two[:200], v[:200])
    assert area == pytest.approx(4 * coercive, rel=0.2)  # a loop with steep sides


@pytest.mark.parametrize("reltol", [1e-5, 1e-2])
@pytest.mark.parametrize("top", [2.0, 5.0, 10.0])
def test_polarisation_stays_in_bounds(reltol, top):
    circuit = cn.Circuit("hard", SimOptions(reltol=reltol))
    circuit.V("g", "g", 0, dc=0.0, waveform=("pulse", -top, top, 0.0, 1e-9, 1e-9, 100e-9, 210e-9))
    circuit.V("d", "d", 0, dc=0.5)
    circuit.N("1", "d", "g", 0, 0, model="fefet", p=0.0)
    tran = circuit.tran(stop=2e-6)
    # the engine takes a step anew that ends further outside than 1e-6 of the range, which is 2
    assert tran["@n1[p]"].min() >= -1 - 2.002e-6 and tran["@n1[p]"].max() <= 1 + 2.002e-6


# --------------------------------------------------------------------------------- transistor with loops within loops
def follow(volts, slope=0.5, per=400):
    """Gate voltages and polarisations along straight pieces between turning points, at ``slope`` V/us.

    At 0.5 V/us parts lag by tau times it, 0.5 mV; the polarisation by that over vw = 0.3 V, 2e-3 at most.
    """
    spans = np.abs(np.diff(volts)) / slope * 1e-6
    times = np.concatenate([[0.0], np.cumsum(spans)])
    points = " ".join(f"{t:.12g} {v:.12g}" for t, v in zip(times, volts, strict=True))
    stop = f"{times[-1]:.12g}"
    tran = (
        cn.parse(
            f"follow\nvg g 0 pwl({points})\nn1 0 g 0 0 fefet_preisach\n.options reltol=1e-6\n.save v(g) @n1[p]\n"
            f".tran {stop} {stop} 0 {times[-1] / 4000:.12g}\n.end"
        )
        .run()
        .tran
    )
    where = [t + np.linspace(0.0, 1.0, per + 1) * span for t, span in zip(times[:-1], spans, strict=True)]
    return [(np.interp(w, tran.time, tran["v(g)"]), np.interp(w, tran.time, tran["@n1[p]"])) for w in where]


LAG = 2e-3
RADII = 1.2 * (
    1 + 0.5 * np.array([-1.2815515655446004, -0.5244005127080407, 0, 0.5244005127080407, 1.2815515655446004])
)


def test_major_loop_is_a_sum_of_tanh():
    """From saturation each part runs along tanh((v -+ r_k)/vw); a loop is closed at its end."""
    _, _, up, down, again = follow([0.0, 4.0, -4.0, 4.0, -4.0, 4.0])
    for (v, p), sign in ((up, 1.0), (down, -1.0)):
        beyond = sign * v > -4.0 + 2 * RADII.max()  # all parts are dragged
        expected = np.tanh((v[:, None] - sign * RADII) / 0.3).mean(axis=1)
        np.testing.assert_allclose(p[beyond], expected[beyond], atol=LAG)
    np.testing.assert_allclose(again[1], up[1], atol=1e-5)  # the same lag: reltol alone


def test_minor_loops_close_and_lie_inside():
    pieces = follow([0.0, 4.0, -4.0, 1.5, -0.5, 1.5, -0.5, 4.0, -4.0])
    (_, first), (v, second), (_, third), (_, last) = pieces[3], pieces[4], pieces[5], pieces[7]
    np.testing.assert_allclose(third, first, atol=LAG)
    assert second[-1] == pytest.approx(first[0], abs=LAG)
    assert first.max() - first.min() > 0.1
    assert np.all(second[1:-1] <= third[::-1][1:-1] + LAG)  # counter-clockwise: lower on the way up
    lower, upper = np.interp(v, *follow([0.0, -4.0, 4.0])[1]), np.interp(v, pieces[7][0][::-1], last[::-1])
    assert np.all((lower - LAG <= second) & (second <= upper + LAG))


def test_minor_loops_between_the_same_voltages_are_congruent():
    """Mayergoyz' property: whatever came before, they differ by a shift in polarisation alone."""
    down = [follow([0.0, *before, 1.6, -0.6, 1.6])[-2:] for before in ([-4.0], [4.0, -0.6], [-4.0, 2.4, -0.6])]
    offsets = []
    for loop in down[1:]:
        for (_, p), (_, reference) in zip(loop, down[0], strict=True):
            shift = p - reference
            assert np.ptp(shift) < 2 * LAG
            offsets.append(shift.mean())
    assert max(np.abs(offsets)) > 0.1  # they are different loops


def test_larger_extrema_wipe_out_smaller_ones():
    short = follow([0.0, -4.0, 2.0, -1.0, 3.0])[-1]
    long = follow([0.0, -4.0, 1.5, 0.0, 1.2, -0.5, 2.0, 0.7, 1.4, -1.0, 3.0])[-1]
    np.testing.assert_allclose(long[1], short[1], atol=LAG)


def test_smaller_extrema_are_remembered():
    """What is not wiped out shows: after different inner turning points different polarisations at one voltage."""
    one, other = (follow([0.0, -4.0, high, -0.5, 0.0])[-1][1][-1] for high in (1.2, 2.0))
    assert other - one > 0.2


def test_plays_against_an_independent_integration():
    period, top = 40e-9, 3.0  # fast beside tau = 1 ns: with its lag
    circuit = cn.Circuit("plays", FINE)
    circuit.V("g", "g", 0, dc=0.0, waveform=("sin", 0.0, top, 1 / period))
    circuit.N("1", 0, "g", 0, 0, model="fefet_preisach", s0=0.3)
    tran = circuit.tran(stop=1.5 * period, max_step=period / 20000)

    def rates(t, y):
        v = top * np.sin(2 * np.pi * t / period)
        return (np.maximum(v / RADII - 1 - y, 0) - np.maximum(y - 1 - v / RADII, 0)) / 1e-9

    reference = solve_ivp(rates, (0, 1.5 * period), np.full(5, 0.3), rtol=1e-10, atol=1e-12, max_step=period / 1000)
    found = np.array([tran[f"@n1[s{k}]"][-1] for k in range(1, 6)])
    np.testing.assert_allclose(found, reference.y[:, -1], atol=1e-6 * np.abs(reference.y).max())


def test_preisach_polarisation_shifts_the_threshold():
    """After +3 V and -3 V the drain current at a read voltage differs by the window that the remanence leaves."""
    edges = []
    for s0 in (-1.0, 1.0):
        circuit = cn.Circuit("read")
        circuit.V("g", "g", 0, dc=0.0)
        circuit.V("d", "d", 0, dc=0.05)
        circuit.N("1", "d", "g", 0, 0, model="fefet_preisach", s0=s0)
        sweep = circuit.dc("vg", -0.5, 1.5, 0.005)
        edges.append(np.interp(np.log(1e-6), np.log(-sweep["i(vd)"]), sweep["v(g)"]))
    remanence = np.tanh(RADII / 0.3).mean()
    assert edges[0] - edges[1] == pytest.approx(remanence, rel=1e-3)  # mw = 1 V, the grid of the sweep
