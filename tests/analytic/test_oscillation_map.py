"""Maps of oscillations against a current, a voltage and an inductance."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import UsageError

L, C, LOSS, K = 1e-6, 1e-9, 1e-3, 1e-3
SETTING = {"output": "v(a)", "step": 4e-9, "settle": 1e-4, "measure": 2e-5}


def threshold(cubic=f"{K}*v(a)*v(a)*v(a)", start=1.0):
    """A tank with a loss of 1 mS, and a negative conductance of i1 times 1 A/V."""
    return cn.parse(
        f"threshold\ni1 0 s 0\nr1 s 0 1\nl1 a 0 {L}\nc1 a 0 {C} ic={start}\nb1 a 0 i=({LOSS}-v(s))*v(a)+{cubic}\n.end\n"
    ).circuit()


def test_amplitude_is_the_root_of_what_the_current_exceeds_its_threshold_by():
    """van der Pol: amplitude^2 = 4 (I - I_th) / 3 K to second order in 1 / quality."""
    current = np.array([3.0, 2.0, 1.5, 1.2, 0.8, 0.5]) * 1e-3
    found = cn.oscillation_map(threshold(), "i1", current, **SETTING)
    expected = np.where(current > LOSS, 4.0 * (current - LOSS) / (3.0 * K), 0.0)
    np.testing.assert_array_equal(found["oscillates"], current > LOSS)
    # trapezoids of 50 a period, quality 16 at least; at 1.2 mA exp(-10) of the change is left
    np.testing.assert_allclose(found["fundamental"] ** 2, expected, rtol=2e-3)
    np.testing.assert_allclose(found["amplitude"], found["fundamental"], rtol=0.03)  # the third harmonic
    np.testing.assert_allclose(found["power"], expected / 2.0 / 50.0, rtol=3e-3)
    running = current > LOSS
    np.testing.assert_allclose(found["frequency"][running], 1.0 / (2.0 * np.pi * np.sqrt(L * C)), rtol=3e-3)
    assert (found["frequency"][~running] == 0.0).all() and (found["amplitude"][~running] == 0.0).all()
    assert (found["jitter"][running] < 1e-4 * 200e-9).all()
    np.testing.assert_array_equal(found.axis, current)
    assert [v.unit for v in found.variables] == ["A", "Hz", "V", "V", "V", "", "s", ""]


def test_hysteresis_is_followed():
    """Losses that fall with the swing and rise again: 1 mS - I - A v^2 + B v^4 oscillates on down to
    1 mS - 9 A^2 / 40 B, and starts by itself above 1 mS alone (averages of v^4 and v^6: 3/8 and 5/16 of a power)."""
    a, b = 1e-3, 1e-3
    circuit = threshold(f"v(a)*v(a)*v(a)*({b}*v(a)*v(a)-{a})", start=0.01)
    lower = LOSS - 9.0 * a * a / (40.0 * b)
    current = [0.9 * LOSS, 1.2 * LOSS, 0.9 * LOSS, 0.98 * lower]
    setting = {**SETTING, "settle": 2e-4}  # from exp(-5) of the first value on
    found = cn.oscillation_map(circuit, "i1", current, **setting)
    assert lower < 0.9 * LOSS
    np.testing.assert_array_equal(found["oscillates"], [0.0, 1.0, 1.0, 0.0])
    # each by itself begins at 10 mV, from which only the second grows
    alone = cn.oscillation_map(circuit, "i1", current, **setting, follow=False)
    np.testing.assert_array_equal(alone["oscillates"], [0.0, 1.0, 0.0, 0.0])
    # I - loss + 3/4 A p - 5/8 B p^2 = 0 at amplitude^2 = p
    p = np.roots([-0.625 * b, 0.75 * a, 1.2 * LOSS - LOSS]).max()
    assert found["fundamental"][1] == pytest.approx(np.sqrt(p), rel=1e-3)


def test_any_number_of_the_circuit():
    circuit = threshold()
    circuit.alter(i1=2e-3)
    found = cn.oscillation_map(circuit, "l1", ["1u", "2u"], **SETTING)
    np.testing.assert_allclose(found["frequency"], 1.0 / (2.0 * np.pi * np.sqrt(np.array([1e-6, 2e-6]) * C)), rtol=3e-3)


def test_vo2_neuristor_spikes_at_12_volts_but_not_at_9():
    """What the public code of Zhang et al. does: each 3.04 us, and not (netlists/neurons/vo2_neuristor.cir)."""
    circuit = cn.parse(
        """neuristor
        .options reltol=1e-4
        v1 s 0 12
        r1 s a 12k
        c1 a 0 145.34619293p ic=0
        n1 a 0 film
        .model film vo2_thermal
        .end"""
    ).circuit()
    found = cn.oscillation_map(circuit, "v1", [9.0, 12.0], output="v(a)", step=10e-9, settle=2e-5)
    np.testing.assert_array_equal(found["oscillates"], [0.0, 1.0])
    assert found["frequency"][1] == pytest.approx(1.0 / 3.04e-6, rel=5e-3)


def test_bad_requests_are_refused():
    with pytest.raises(UsageError, match="values"):
        cn.oscillation_map(threshold(), "i1", [], **SETTING)
    with pytest.raises(UsageError, match="step"):
        cn.oscillation_map(threshold(), "i1", [1e-3], **{**SETTING, "step": 0.0})
    circuit = cn.parse("wave\ni2 0 s sin(0 1m 1meg)\nr1 s 0 1\n.end\n").circuit()
    with pytest.raises(UsageError, match="waveform"):
        cn.oscillation_map(circuit, "i2", [1e-3], **{**SETTING, "output": "v(s)"})
