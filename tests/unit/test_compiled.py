"""Compiled compact models: what the host makes of a library, checked without a peer (tests/peers has ngspice)."""

import threading

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.devices import compiled
from circuitnn.devices.declare import Environment
from circuitnn.devices.load import build
from circuitnn.errors import ConvergenceError, CrossbarError, DeviceError

needs_models = pytest.mark.skipif(
    compiled.folder() is None, reason="the compiled models of the extra 'compact' are not installed"
)
pytestmark = needs_models

BSIM3 = {"tox": 7.6e-9, "vth0": 0.5, "u0": 410.0, "vsat": 1.3e5, "rsh": 4.0, "cgso": 2.5e-10, "cgdo": 2.5e-10}
BSIM4 = {
    "toxe": 2e-9, "vth0": 0.42, "u0": 0.04, "rdsw": 150.0, "rsh": 5.0, "igcmod": 1.0, "igbmod": 1.0, "cgso": 1.1e-10,
    "rgatemod": 3.0, "rbodymod": 1.0, "xrcrg1": 12.0,
}  # fmt: skip
CARDS = {
    "bsim3v3": (8, BSIM3, 0.35e-6, 3.3),
    "bsim3v3 not quasi-static": (8, {**BSIM3, "nqsmod": 1.0}, 0.35e-6, 3.3),
    "bsim4v8": (14, BSIM4, 65e-9, 1.2),
    "bsim4v8 plain": (54, {"toxe": 2e-9, "vth0": 0.42}, 65e-9, 1.2),
    "mos9": (9, {"vto": 0.8, "tox": 20e-9, "nsub": 1e16, "theta": 0.05, "rsh": 20.0}, 2e-6, 5.0),
}


def common_source(level=8, card=BSIM3, kind="nmos", sign=1.0, l=0.35e-6, vg=1.2, vd=1.5, **params):
    circuit = cn.Circuit("common source")
    circuit.model("n", kind, level=level, **card)
    circuit.V("d", "d", 0, dc=sign * vd)
    circuit.V("g", "g", 0, dc=sign * vg)
    circuit.M("1", "d", "g", 0, 0, "n", w=5e-6, l=l, **params)
    return circuit


def built(name, kind, count=3):
    level, card, length, supply = CARDS[name]
    device = compiled.compiled_device(compiled.known("m", kind, level))
    given = {"w": 5e-6, "l": length, "ad": 4e-12, "as": 4e-12, "pd": 6e-6, "ps": 6e-6, "nrd": 1.0, "nrs": 1.0}
    given |= {**card, "type": 1.0 if kind == "nmos" else -1.0, "m": 2.0}
    values = {
        key: np.full(count, given.get(key, np.nan if p.default is None else p.default))
        for key, p in device.params.items()
    }
    return device, build(device, values, Environment(temp=310.0)), supply


@pytest.mark.parametrize("kind", ["nmos", "pmos"])
@pytest.mark.parametrize("name", CARDS)
def test_jacobian_and_balance(name, kind):
    """Slopes against central differences: their error is the curvature times the squared step, and rounding over the
    step; nodes with a step of 1e-5 V leave about 1e-6 of the largest slope.  Terminal currents sum to zero."""
    device, one, supply = built(name, kind)
    kernel, rng = one.kernel, np.random.default_rng(7)
    p = one.values["instance"][None, :]
    u = supply * rng.uniform(-1.0, 1.0, (kernel.n_local, p.shape[1]))
    for local, target, mask in one.merged:
        row = device.locals.index(local)
        u[row] = np.where(mask, 0.0 if target is None else u[device.locals.index(target)], u[row])
    f, _, jf, jq = kernel.evaluate(u, p)
    circuit_nodes = [k for k, n in enumerate(device.locals) if n not in device.flows and not n.startswith("q_")]
    circuit_nodes = [k for k in circuit_nodes if device.locals[k] != "noise_int"]
    scale = np.abs(f).max()
    assert np.abs(f[circuit_nodes].sum(axis=0)).max() <= 1e-12 * scale  # rounding of sums
    step = 1e-5
    for column in range(kernel.n_local):
        low, high = u.copy(), u.copy()
        low[column] -= step
        high[column] += step
        (f0, q0, *_), (f1, q1, *_) = kernel.evaluate(low, p), kernel.evaluate(high, p)
        for slopes, rows, columns, before, after, what in (
            (jf, kernel.jf_row, kernel.jf_col, f0, f1, "f"),
            (jq, kernel.jq_row, kernel.jq_col, q0, q1, "q"),
        ):
            whole = np.zeros_like(f)
            np.add.at(whole, rows[columns == column], slopes[columns == column])
            largest = np.abs(slopes).max(initial=0.0)
            assert np.abs(whole - (after - before) / (2 * step)).max() <= 1e-5 * largest + 1e-18, (what, column)


@pytest.mark.parametrize("name", CARDS)
def test_limiting_ends_where_the_voltages_are(name):
    device, one, supply = built(name, "nmos")
    kernel, p = one.kernel, one.values["instance"][None, :]
    u = np.zeros((kernel.n_local, p.shape[1]))
    for local, level in (("d", 1.0), ("g", 0.8), ("d_int", 1.0), ("g_int", 0.8), ("gmid_int", 0.8)):
        if local in device.locals:
            u[device.locals.index(local)] = supply * level
    lim, held = kernel.limit(u, p, np.zeros((kernel.n_limit, p.shape[1])), init=True)
    for _ in range(50):
        if held == 0:
            break
        lim, held = kernel.limit(u, p, lim)
    assert held == 0
    limited = kernel.evaluate(u, p, lim)
    free = kernel.evaluate(u, p)  # what was limited is read once; this is evaluated anew, without limiting
    for ours, theirs in zip(limited, free, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-25)


def test_elements_with_one_card_and_elements_with_others():
    circuit = cn.Circuit("several")
    circuit.model("a", "nmos", level=8, **BSIM3)
    circuit.model("b", "nmos", level=8, **{**BSIM3, "vth0": 0.7})
    circuit.V("d", "d", 0, dc=2.0)
    circuit.V("g", "g", 0, dc=1.5)
    for k, (model, m) in enumerate((("a", 1), ("b", 1), ("a", 2), ("b", 3))):
        circuit.V(f"s{k}", "d", f"d{k}", dc=0.0)
        circuit.M(f"{k}", f"d{k}", "g", 0, 0, model, w=5e-6, l=0.35e-6, m=m)
    op = circuit.op()
    i = [float(op[f"i(vs{k})"]) for k in range(4)]
    assert i[0] > i[1] > 0.0
    assert i[2] == pytest.approx(2 * i[0], rel=1e-9, abs=0.0)
    assert i[3] == pytest.approx(3 * i[1], rel=1e-9, abs=0.0)


def test_p_channel_is_the_mirror_image():
    """Defaults of mobility, saturation velocity and threshold depend on the type: they are given here."""
    n, p = common_source(), common_source(card={**BSIM3, "vth0": -0.5}, kind="pmos", sign=-1.0)
    assert float(p.op()["i(vd)"]) == pytest.approx(-float(n.op()["i(vd)"]), rel=1e-9, abs=0.0)


def test_netlist_round_trip():
    circuit = common_source(level=14, card=BSIM4, l=65e-9, vg=0.8, vd=1.0, nf=2, rgatemod=2, m=2)
    again = cn.parse(circuit.to_netlist()).circuit()
    assert again.to_netlist() == circuit.to_netlist()
    assert float(again.op()["i(vd)"]) == float(circuit.op()["i(vd)"])


def test_temperatures():
    circuit = common_source()
    at_27 = float(circuit.op()["i(vd)"])
    at_100 = float(circuit.op(temp=100)["i(vd)"])
    assert abs(at_100) < abs(at_27)
    for own in ({"temp": 100}, {"dtemp": 73}):
        assert float(common_source(**own).op()["i(vd)"]) == pytest.approx(at_100, rel=1e-9, abs=0.0)


def test_altered_numbers_and_small_signals():
    """The derivative of a current by a parameter, from .sens and from two runs 1e-4 apart: their error is the squared
    step times the curvature, about 1e-7."""
    circuit = common_source()
    slope = circuit.sens("i(vd)")
    for name, key, value in (("m1_w", "m1:w", 5e-6), ("m1:vth0", "n(vth0)", 0.5)):
        high, low = (circuit.copy() for _ in range(2))
        high.alter({key: value * (1 + 1e-4)})
        low.alter({key: value * (1 - 1e-4)})
        difference = float(high.op()["i(vd)"]) - float(low.op()["i(vd)"])
        assert float(slope[name]) == pytest.approx(difference / (2e-4 * value), rel=1e-5)
    assert not any("level" in name or "capmod" in name for name in slope)


def test_readings_follow_small_signals():
    """In ac a reading moves with its bias: that of id by gm, for its circuit's terminals are where it is measured."""
    circuit = common_source()
    circuit.models.clear()
    circuit.model("n", "nmos", level=8, **{**BSIM3, "rsh": 0.0})
    circuit.elements["vg"] = circuit.elements["vg"].with_params(acmag=1.0)
    circuit.save = ["@m1[id]", "@m1[gm]"]
    gm = float(circuit.op()["@m1[gm]"])
    assert complex(circuit.ac(1.0, 1.0, 1, "lin")["@m1[id]"][0]).real == pytest.approx(gm, rel=1e-3)


def test_a_card_that_is_no_transistor_is_refused_where_it_stands():
    for card in ("tox=0", "tox=-1n"):
        deck = cn.parse(f"t\nvd d 0 1\nm1 d d 0 0 n w=1u l=1u\nm2 d d 0 0 x w=1u l=1u\n.model n nmos level=8\n"
                        f".model x nmos level=8 {card}\n.op\n.end\n")  # fmt: skip
        with pytest.raises(DeviceError, match="m2: the card of BSIM3v3") as caught:
            deck.run()
        assert caught.value.place.line == 4
    with pytest.raises(DeviceError, match="Effective channel length"):
        common_source(card={"lint": 1e-6}).op()
    with pytest.raises(DeviceError, match="whole number"):
        common_source(card={"capmod": 1.5}).op()


@pytest.mark.parametrize(
    ("level", "card", "said"),
    [
        (8, {"version": 3.24}, "version 3.24 of BSIM3v3 is evaluated as version 3.3"),
        (14, {"version": 4.5}, "version 4.5 of BSIM4 is evaluated as version"),
        (8, {"alpha0": 1e-8}, "alpha0 of BSIM3v3 is left out"),
        (14, {"acnqsmod": 1}, "acnqsmod of BSIM4 is left out"),
        (14, {"tnoimod": 1}, "tnoimod=1"),
        (8, {"nosuch": 1.0}, "has no parameter 'nosuch'"),
        (14, {"nigc": -1.0, "igcmod": 1.0, "bvs": -1.0, "dlcig": -1e-9}, "dlcig"),  # what the model itself says
    ],
)
def test_what_is_not_as_the_card_wishes_is_a_warning(level, card, said):
    circuit = common_source(level=level, card=card)
    circuit.op()
    assert any(said in text for text in circuit.warnings), circuit.warnings


def test_what_is_left_out_changes_nothing():
    assert float(common_source(vd=3.3).op()["i(vd)"]) == float(
        common_source(vd=3.3, card={**BSIM3, "alpha0": 1e-6, "lalpha0": 1e-6}).op()["i(vd)"]
    )


@pytest.mark.parametrize(("text", "number"), [("3.3.0", 3.3), ("3.2.4", 3.24), ("4.8.1", 4.81), ("3.3", 3.3)])
def test_versions_of_three_parts(text, number):
    deck = cn.parse(f"t\nm1 a a 0 0 n\n.model n nmos level=8 version={text} tox=7n\n.end\n")
    assert deck.circuit().models["n"].params["version"] == number


def test_a_model_that_stops_is_named(monkeypatch):
    circuit = common_source()
    system = circuit.system()
    kernel = system.plan.batches[0].kernel
    monkeypatch.setattr(kernel, "_instances", Stopped())
    kernel.raise_fatal()
    with pytest.raises(ConvergenceError, match="m1 could not be evaluated: the model sp_bsim3v3 stopped: too hot"):
        system.fail(4, "no operating point was found")


class Stopped:
    def messages(self):
        return [(5, 0, "too hot")]

    def stopped(self, forget=False):
        return 0


def test_circuits_in_threads():
    """Instances belong to a circuit: many at once give what each gives alone."""
    voltages = np.linspace(0.6, 3.0, 8)
    alone = [float(common_source(vg=float(v)).op()["i(vd)"]) for v in voltages]
    found = [0.0] * len(voltages)

    def run(k):
        for _ in range(5):
            found[k] = float(common_source(vg=float(voltages[k])).op()["i(vd)"])

    threads = [threading.Thread(target=run, args=(k,)) for k in range(len(voltages))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == alone


def test_no_cell_of_a_crossbar():
    card = cn.parse("t\n.model n nmos level=8\n.end\n").circuit().models["n"]
    with pytest.raises(CrossbarError, match="compiled model"):
        cn.Cells("hfo2", (2, 2), transistor=card)


def test_readings_of_level_9_and_their_names():
    assert compiled.known("m", "nmos", 8.0) == "bsim3v3"
    assert compiled.known("m", "njf", 8.0) is None
    assert compiled.known("j", "njf", 3.0) is None
    names = compiled.compiled_device("mos9").reading_names()
    assert {"gm", "gds", "id", "vgs"} <= set(names)


def test_a_transient_may_begin_at_rest():
    """The output starts at the supply exactly: limiting that finds a voltage other than itself by rounding must end.

    The supply starts at zero: its jump moves the output by what the capacitances divide, about 0.1 V.
    """
    circuit = cn.Circuit("inverter")
    circuit.model("n", "nmos", level=8, **{**BSIM3, "rsh": 0.0})
    circuit.model("p", "pmos", level=8, **{**BSIM3, "rsh": 0.0, "vth0": -0.6})
    circuit.V("dd", "vdd", 0, dc=3.3)
    circuit.V("in", "a", 0, dc=0.0)
    circuit.M("n", "y", "a", 0, 0, "n", w=2e-6, l=0.35e-6)
    circuit.M("p", "y", "a", "vdd", "vdd", "p", w=4e-6, l=0.35e-6)
    circuit.ic["y"] = 3.3
    tran = circuit.tran(stop=1e-10, uic=True)
    np.testing.assert_allclose(tran["v(y)"], 3.3, atol=0.15)
