"""Blocks of the periphery, each against its equation or its fast model, here and in ngspice."""

import shutil
import subprocess

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.crossbar.spice import array_lines
from circuitnn.mapping.circuits.activations import V_T, driver, pair, relu, softmax
from circuitnn.mapping.circuits.adcs import flash
from circuitnn.mapping.circuits.blocks import Block, library
from circuitnn.mapping.circuits.dacs import codes, pulse_width, r2r, references
from circuitnn.mapping.circuits.opamps import MacroOpAmp, TwoStageOpAmp
from circuitnn.mapping.circuits.sensing import difference, integrator, noise_current, tia
from circuitnn.mapping.periphery import Periphery, Sense
from circuitnn.mapping.quantise import quantise
from circuitnn.results.rawfile import read_raw

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not installed")

IDEAL = MacroOpAmp(gain=1e8, r_out=1e-3).block()
MACRO = MacroOpAmp().block()
CMOS = TwoStageOpAmp().block()
RAILS = {"vdd": "vdd", "vss": "vss"}
SUPPLIES = ["vdd vdd 0 2.5", "vss vss 0 -2.5", ".options reltol=1e-6 abstol=1e-13 vntol=1e-9"]


def both(blocks, lines, folder):
    """Run a deck here and in ngspice; return both results."""
    text = "\n".join(["* periphery", library(blocks), *SUPPLIES, *lines, ".end", ""])
    deck, raw = folder / "deck.cir", folder / "deck.raw"
    deck.write_text(text, encoding="ascii")
    subprocess.run(["ngspice", "-b", "-r", raw, deck], capture_output=True, timeout=100, check=True)
    return [cn.parse(text).run(), read_raw(raw)]


def stepped(name, values):
    """A source whose voltage is the k-th value for sample = k, from 1."""
    points = ",".join(f"{k},{v!r}" for k, v in enumerate([*values, values[-1]], 1))
    return f"b{name} {name} 0 v=pwl(v(sample),{points})"


def sampled(count):
    return ["vs sample 0 1", f".dc vs 1 {count} 1"]


def test_macro_amplifier(tmp_path):
    """One pole, exactly; the offset shows at the output in full gain."""
    amp = MacroOpAmp(gain=2e3, gbw=3e6, offset=-1e-3, r_out=50.0).block()
    lines = ["v1 in 0 0 ac 1", amp.instance("1", inp="in", inn="0", out="out", **RAILS), ".op", ".ac dec 2 1 1g"]
    for found in both([amp], lines, tmp_path):
        assert found.op["v(out)"] == pytest.approx(-2.0, rel=1e-6)
        f = np.real(found.ac["frequency"])
        np.testing.assert_allclose(found.ac["v(out)"], 2e3 / (1.0 + 1j * f / 1.5e3), rtol=1e-6)


def test_two_stage_amplifier_of_the_book(tmp_path):
    """Allen and Holberg, 2nd ed., example 6.3-1: GB 5 MHz with 10 pF, 95 uA in the second stage; the second pole at
    15 MHz is felt at GB.  By hand the gain is 7696, without the factors 1 + lambda v_ds; here they are in the
    conductances, from the level-1 equations at the voltages found.  A mirror loses 1 %."""
    amp = TwoStageOpAmp(buffered=False).block()
    lines = [
        "v1 in 0 0 ac 1",
        amp.instance("1", inp="in", inn="n", out="out", **RAILS),
        "l1 out n 1g",  # closes the loop for the operating point alone
        "c1 n 0 1",
        "cl out 0 10p",
        ".op",
        ".ac dec 20 1 100meg",
    ]
    found = both([amp], lines, tmp_path)
    for one in found:
        f, gain = np.real(one.ac["frequency"]), np.abs(one.ac["v(out)"])
        d2, tail, bias = (float(one.op[f"v({node})"]) for node in ("x1.d2", "x1.t", "x1.bias"))

        def slopes(k, width, v_gs, v_ds, slope):
            drive = k * width * (v_gs - 0.7)
            return drive * (1.0 + slope * v_ds), slope * drive * (v_gs - 0.7) / 2.0

        gm2, g2 = slopes(110e-6, 3.0, -tail, d2 - tail, 0.04)
        _, g4 = slopes(50e-6, 15.0, 2.5 - d2, 2.5 - d2, 0.05)
        gm6, g6 = slopes(50e-6, 94.0, 2.5 - d2, 2.5, 0.05)
        gm7, g7 = slopes(110e-6, 14.0, bias + 2.5, 2.5, 0.04)
        assert gain[f < 20.0].max() == pytest.approx(gm2 * gm6 / ((g2 + g4) * (g6 + g7)), rel=0.04)
        assert gm7 * (bias + 2.5 - 0.7) / 2.0 == pytest.approx(95e-6, rel=0.1)
        assert gain[f < 1e5][-1] * f[f < 1e5][-1] == pytest.approx(5e6, rel=0.1)
        assert abs(one.op["v(out)"]) < 2e-3  # systematic offset
    np.testing.assert_allclose(found[0].ac["v(out)"], found[1].ac["v(out)"], rtol=1e-4)


def test_transimpedance_amplifier(tmp_path):
    """Gain error, noise gain of the offset, and input resistance, as the module states them; linear, so exact."""
    a, r, g, offset, current = 500.0, 20e3, 2e-4, 3e-3, 5e-6
    block = tia("tia", MacroOpAmp(gain=a, offset=offset, r_out=1e-3).block(), r)
    lines = [f"i1 0 in {current}", f"r1 in 0 {1 / g}", block.instance("1", **{"in": "in"}, out="out", **RAILS), ".op"]
    out = -(r * current - (1.0 + g * r) * offset) * a / (a + 1.0 + g * r)
    for found in both([block], lines, tmp_path):
        assert found.op["v(out)"] == pytest.approx(out, rel=1e-6)
        assert found.op["v(in)"] == pytest.approx(offset - out / a, rel=1e-6)


@pytest.mark.parametrize("opamp", [IDEAL, MACRO, CMOS], ids=["ideal", "macro", "cmos"])
def test_difference(opamp, tmp_path):
    """-R (I+ - I-); errors are 2 (1 + G R) over the gain, of currents that are 4 times their difference, and offset."""
    block = difference("sense", opamp, 10e3)
    plus, minus = np.array([1e-5, 4e-5, 0.0, 3e-5]), np.array([3e-5, 1e-5, 2e-5, 2e-5])
    lines = [*sampled(4), stepped("p", plus.tolist()), stepped("m", minus.tolist())]
    lines += ["gp 0 a p 0 1", "gm 0 b m 0 1", "ra a 0 20k", "rb b 0 20k"]
    lines.append(block.instance("1", plus="a", minus="b", out="out", **RAILS))
    tolerance = 1e-7 if opamp is IDEAL else 1e-4 if opamp is MACRO else 5e-3
    results = both([block], lines, tmp_path)
    for found in results:
        np.testing.assert_allclose(found.dc["v(out)"], -1e4 * (plus - minus), atol=tolerance)
    np.testing.assert_allclose(results[0].dc["v(out)"], results[1].dc["v(out)"], atol=1e-8)


def test_virtual_grounds_of_the_fast_model(tmp_path):
    """An array with wires on amplifiers of gain 50 with an offset: the fast model's input resistance R / (1 + A), and
    the offset that ``Sense`` states.  The first is exact; the second, of lines behind 2 ohm a segment, to 1e-3."""
    rng = np.random.default_rng(9)
    a, r, offset = 50.0, 5e3, 2e-3
    made = cn.compile([(rng.normal(size=(4, 2)), None, "linear")], tile=(4, 4), r_wire=2.0)
    array = made.with_periphery(Periphery(sense=Sense(resistance=r / (1.0 + a)))).matrices[0].crossbar(0)
    volts = rng.uniform(-0.2, 0.2, 4)
    cells = made.matrices[0].crossbar(0)
    ports = (*(f"in{k}" for k in range(4)), *(f"out{k}" for k in range(4)))
    block = Block("array", ports, tuple(array_lines(cells.G, cells.wires)))
    conductance = cells.G.sum(axis=0)
    loop = a / (a + 1.0 + conductance * r)  # what is left of the offset's gain
    for shift in (0.0, offset):
        amplifier = tia("tia", MacroOpAmp(gain=a, offset=shift, r_out=1e-3).block(), r)
        lines = [f"v{k} in{k} 0 {v!r}" for k, v in enumerate(volts.tolist())]
        lines += [block.instance("a", **{port: port for port in ports})]
        lines += [amplifier.instance(f"{k}", **{"in": f"out{k}"}, out=f"y{k}", **RAILS) for k in range(4)]
        for found in both([block, amplifier], [*lines, ".op"], tmp_path):
            y = np.array([float(found.op[f"v(y{k})"]) for k in range(4)])
            if not shift:
                exact = y
                np.testing.assert_allclose(y, -r * a / (1.0 + a) * array.solve(volts).currents, rtol=1e-6)
            else:
                np.testing.assert_allclose((y - exact) / r, (conductance + 1.0 / r) * offset * loop, rtol=2e-3)


def test_noise_of_the_difference(tmp_path):
    """The density of the module's equation, well below the amplifiers' corner; the macro model's inner resistors and a
    loop gain of 1e4 leave some 1e-4."""
    r, plus, minus, volts = 20e3, 3e-4, 1e-4, 8e-9
    block = difference("sense", MacroOpAmp(gbw=1e9, noise=volts).block(), r)
    lines = [f"rp a 0 {1.0 / plus!r}", f"rm b 0 {1.0 / minus!r}", "i1 0 a 0 ac 1"]
    lines += [block.instance("1", plus="a", minus="b", out="out", **RAILS), ".noise v(out) i1 lin 3 1k 3k"]
    for found in both([block], lines, tmp_path):
        density = np.real(np.ravel(found.noise["inoise_spectrum"]))
        np.testing.assert_allclose(density, noise_current(r, plus, minus, volts, 1.0), rtol=1e-3)


@pytest.mark.parametrize(("bits", "signed"), [(3, False), (4, True), (6, True)])
def test_r2r_gives_the_levels_of_the_fast_model(bits, signed, tmp_path):
    """Every level, with macro amplifiers; the switches' resistance is 7e-4 of the references' difference."""
    limit = 0.2
    low, high = references(bits, limit, signed)
    x = np.linspace(-limit if signed else 0.0, limit, 2 ** (bits + 1))
    levels = np.unique(quantise(x, bits, limit, signed=signed).round(12))
    chosen = codes(levels, bits, limit, signed)
    block = r2r("dac", MACRO, bits)
    lines = [*sampled(len(levels)), f"vl low 0 {low!r}", f"vh high 0 {high!r}"]
    lines += [stepped(f"b{k}", np.where(chosen >> k & 1, 2.5, -2.5).tolist()) for k in range(bits)]
    nodes = {f"b{k}": f"b{k}" for k in range(bits)}
    lines.append(block.instance("1", low="low", high="high", out="out", **nodes, **RAILS))
    assert len(levels) == (2**bits - 1 if signed else 2**bits)
    for found in both([block], lines, tmp_path):
        np.testing.assert_allclose(found.dc["v(out)"], levels, atol=7e-4 * (high - low))


@pytest.mark.parametrize("bits", [2, 4])
def test_flash_gives_the_levels_of_the_fast_model(bits, tmp_path):
    """Inputs over and beyond the range, none within 1 mV of a threshold."""
    limit, top = 0.5, 2 ** (bits - 1) - 1
    x = np.linspace(-0.6, 0.6, 61) + 1e-3
    steps = x / limit * top
    x = x[np.abs(steps - np.floor(steps) - 0.5) * limit / top > 1e-3]
    block = flash("adc", bits)
    count = 2**bits - 2
    nodes = {f"t{k}": f"t{k}" for k in range(1, count + 1)}
    lines = [*sampled(len(x)), stepped("a", x.tolist()), f"vl low 0 {-limit}", f"vh high 0 {limit}"]
    lines.append(block.instance("1", **{"in": "a"}, low="low", high="high", **nodes, **RAILS))
    for found in both([block], lines, tmp_path):
        level = sum((found.dc[f"v(t{k})"] > 0.0).astype(int) for k in range(1, count + 1)) - top
        np.testing.assert_allclose(level * limit / top, quantise(x, bits, limit, signed=True), atol=1e-12)


@pytest.mark.parametrize("opamp", [MACRO, CMOS], ids=["macro", "cmos"])
def test_relu(opamp, tmp_path):
    """The diode's 0.6 V over the gain, 2e-5 V or 3e-4 V, and the transistors' offset of 0.1 mV, twice."""
    block, v = relu("relu", opamp), np.linspace(-0.5, 0.5, 21)
    lines = ["va a 0 0", block.instance("1", **{"in": "a"}, out="out", **RAILS), ".dc va -0.5 0.5 0.05"]
    for found in both([block], lines, tmp_path):
        np.testing.assert_allclose(found.dc["v(out)"], np.maximum(-v, 0.0), atol=3e-5 if opamp is MACRO else 1e-3)


@pytest.mark.parametrize("reference", [0.0, 0.1])
def test_pair(reference, tmp_path):
    """tanh, and the sigmoid; the base current of the other transistor is in the equation, so the amplifier's gain
    alone is left."""
    block = pair("pair", MACRO, 0.1, reference)
    lines = ["va a 0 0", block.instance("1", **{"in": "a"}, out="out", **RAILS), ".dc va -0.2 0.2 0.01"]
    v = np.linspace(-0.2, 0.2, 41)
    expected = reference + 0.1 * np.tanh(v / (2.0 * V_T))
    if reference:
        np.testing.assert_allclose(expected, 0.2 / (1.0 + np.exp(-v / V_T)), atol=1e-15)
    for found in both([block], lines, tmp_path):
        np.testing.assert_allclose(found.dc["v(out)"], expected, atol=1e-5)


def test_softmax(tmp_path):
    z = np.random.default_rng(1).normal(scale=3.0, size=(5, 4))
    block = softmax("soft", MACRO, 4, 0.2)
    lines = [*sampled(5), *(stepped(f"z{k}", (V_T * z[:, k]).tolist()) for k in range(4))]
    nodes = {f"in{k}": f"z{k}" for k in range(4)} | {f"out{k}": f"y{k}" for k in range(4)}
    lines.append(block.instance("1", **nodes, **RAILS))
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    for found in both([block], lines, tmp_path):
        y = np.stack([found.dc[f"v(y{k})"] for k in range(4)], axis=1)
        np.testing.assert_allclose(y, 0.2 * expected, atol=1e-5)


def test_width_and_charge(tmp_path):
    """Inputs as times, charge integrated: -V T sum x G / C (1 - sum G / (2 pi GBW C)), the last 1.3 %.  A comparator
    takes some ns to turn back, of pulses of 150 ns and more: 5e-3 of the charge."""
    x, g, width, volts = np.array([0.15, 0.5, 0.9]), np.array([2e-5, 5e-5, 1e-5]), 1e-6, 0.2
    modulator, charge, buffer = pulse_width("pwm"), integrator("charge", MACRO, 100e-12), driver("driver", MACRO)
    lines = ["vh high 0 0.2", "vramp ramp 0 pwl(0 1 1u 1 1.001u 0 2.001u 0.2 2.002u 1)"]
    lines += ["vr reset 0 pwl(0 2.5 0.5u 2.5 0.51u -2.5)"]
    for k in range(3):
        lines += [f"vx{k} x{k} 0 {volts * x[k]:.15g}", f"rg{k} w{k} bit {1.0 / g[k]:.15g}"]
        lines.append(
            modulator.instance(f"m{k}", **{"in": f"x{k}"}, ramp="ramp", high="high", low="0", out=f"p{k}", **RAILS)
        )
        lines.append(buffer.instance(f"d{k}", **{"in": f"p{k}"}, out=f"w{k}", **RAILS))
    lines += [charge.instance("c", **{"in": "bit"}, reset="reset", out="out", **RAILS), ".tran 2n 3u 0 2n"]
    charged = volts * width * float(x @ g) / 100e-12 * (1.0 - float(g.sum()) / (2.0 * np.pi * 10e6 * 100e-12))
    for found in both([modulator, charge, buffer], lines, tmp_path):
        assert found.tran["v(out)"][-1] == pytest.approx(-charged, rel=5e-3)


def test_chain_of_converters_and_array(tmp_path):
    """R-2R converters, an array with wires, sense amplifier and flash converter give the levels of the fast model.

    Samples whose current lies within 2 % of a step of a threshold, by the fast model, are left out."""
    rng = np.random.default_rng(6)
    w = rng.normal(size=(3, 2))
    layout = cn.compile([(w, None, "linear")], tile=(4, 4), r_wire=5.0, dac_bits=3, adc_bits=4)
    periphery, layer = layout.periphery, layout.matrices[0]
    x = rng.uniform(-1.0, 1.0, (12, 3))
    volts = periphery.voltages(x, 1.0, True)
    current = layer.currents(volts)[0]
    limit, top = layer.tiles[0].adc_limit, 7
    steps = current / limit * top
    clear = (np.abs(steps - np.floor(steps) - 0.5) > 0.02).all(axis=1)
    assert clear.sum() >= 9
    volts, current = volts[clear], current[clear]
    dac, sense = r2r("dac", MACRO, 3), difference("sense", MACRO, 0.5 / limit)
    adc, array = flash("adc", 4), layer.crossbar(0)
    ports = (*(f"in{k}" for k in range(3)), *(f"out{k}" for k in range(4)))
    cells = Block("array", ports, tuple(array_lines(array.G, array.wires)))
    low, high = references(3, 0.2, True)
    lines = [*sampled(len(volts)), f"vl low 0 {low!r}", f"vh high 0 {high!r}", "val al 0 -0.5", "vah ah 0 0.5"]
    for i in range(3):
        chosen = codes(volts[:, i], 3, 0.2, True)
        lines += [stepped(f"b{i}_{k}", np.where(chosen >> k & 1, 2.5, -2.5).tolist()) for k in range(3)]
        bits = {f"b{k}": f"b{i}_{k}" for k in range(3)}
        lines.append(dac.instance(f"d{i}", **bits, low="low", high="high", out=f"in{i}", **RAILS))
    lines.append(cells.instance("array", **{port: port for port in ports}))
    for j in range(2):
        lines.append(sense.instance(f"s{j}", plus=f"out{2 * j + 1}", minus=f"out{2 * j}", out=f"v{j}", **RAILS))
        taps = {f"t{k}": f"t{j}_{k}" for k in range(1, 15)}
        lines.append(adc.instance(f"a{j}", **{"in": f"v{j}"}, low="al", high="ah", **taps, **RAILS))
    expected = periphery.digitise(current, limit)
    for found in both([dac, cells, sense, adc], lines, tmp_path):
        for j in range(2):
            level = sum((found.dc[f"v(t{j}_{k})"] > 0.0).astype(int) for k in range(1, 15)) - top
            np.testing.assert_allclose(level * limit / top, expected[:, j], atol=1e-9 * limit)
