"""Linewidth of noisy transients against the perturbation projection vector of the same circuit."""

import pytest

import circuitnn as cn
from circuitnn.measure.sampling import wave_of


@pytest.mark.parametrize(
    ("gain", "cubic", "seed"),
    [(0.2e-6, 1e-3, 1), (3.2e-6, 32e-3, 2)],
    ids=["sinusoidal", "of quality 1"],
)
def test_brute_force_agrees_with_the_projection_vector(gain, cubic, seed):
    """A tank of 10 mV and 0.1 pF at 27 degrees: its resistor of 10 Mohm makes a line of some 50 Hz at 5 MHz."""
    circuit = cn.parse(
        "tank\n.options abstol=1e-17 vntol=1e-9 reltol=1e-5 gmin=1e-18\nl1 a 0 10m\nc1 a 0 0.1p ic=10m\n"
        f"r1 a 0 10meg\nb1 a 0 i=-{gain!r}*v(a)+{cubic!r}*v(a)*v(a)*v(a)\n.end\n"
    ).circuit()
    orbit = circuit.pss(frequency=5e6, tstab=2e-5, uic=True)
    run = circuit.tran(stop=2e-3, step=8e-9, max_step=8e-9, uic=True, noise_fmax=50e6, noise_seed=seed)
    found = cn.phase_diffusion(wave_of(run, "v(a)", start=2e-5), lag=2e-6)
    assert found.linewidth_error < 0.07 * orbit.linewidth
    # noise between 0.1 us and 2 us is kept; what straight lines between points at 10 ns lose at 5 MHz is 2 %
    assert abs(found.linewidth - orbit.linewidth) < 3.0 * found.linewidth_error + 0.02 * orbit.linewidth
