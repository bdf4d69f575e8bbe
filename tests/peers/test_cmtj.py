"""Macrospins against cmtj 1.15 (Mojsiejuk et al., npj Comput. Mater. 9, 54, 2023), where it is installed.

Its constants, read back from its own runs: gamma0 = 220880 m/(A s) and mu0 = 1.2566e-6. It puts the damping-like torque
into the explicit form without the part -alpha a m x p that Gilbert's form has: what it calls a is ours with b = alpha a
and 1 / (1 + alpha^2) of the current.
"""

import numpy as np
import pytest

from circuitnn.devices.magnetism import MU0
from circuitnn.oscillators.macrospins import Macrospins

GYRO, PERMEABILITY, SPAN, ALPHA = 220880.0, 1.2566e-6, 5e-9, 0.01
START = (0.479425538604203, 0.0, 0.8775825618903728)


def peer(density):
    """Return times and m of a film of 1 T and 2 nm with a perpendicular polariser."""
    cmtj = pytest.importorskip("cmtj", reason="cmtj is not installed (pip install cmtj)")
    vector, constant = cmtj.CVector, cmtj.ScalarDriver.getConstantDriver
    layer = cmtj.Layer.createSTTLayer(
        id="free", mag=vector(*START), anis=vector(0, 0, 1), Ms=1.0, thickness=2e-9, cellSurface=1e-14,
        demagTensor=[vector(0, 0, 0), vector(0, 0, 0), vector(0, 0, 1)], damping=ALPHA,
        SlonczewskiSpacerLayerParameter=1.0, beta=0.0, spinPolarisation=0.5,
    )  # fmt: skip
    layer.setReferenceLayer(vector(0, 0, 1))
    junction = cmtj.Junction([layer])
    junction.setLayerCurrentDriver("free", constant(density))
    junction.runSimulation(SPAN, 1e-13, 1e-11, solverMode=cmtj.SolverMode.RK4)
    log = junction.getLog()
    # it records the state after the step that begins at the time it writes
    return np.array(log["time"]) + 1e-13, np.array([log[f"free_m{axis}"] for axis in "xyz"]).T


@pytest.mark.parametrize("density", [0.0, 1e10])
def test_a_film_precesses_alike(density):
    time, expected = peer(density)
    pop = Macrospins(
        ms=1.0 / PERMEABILITY,
        alpha=ALPHA,
        thickness=2e-9,
        area=1e-14,
        eta=0.5,
        beta=ALPHA,
        # its torque divides by 1 T, ours by mu0 Ms
        current=density * 1e-14 * MU0 / PERMEABILITY / (1.0 + ALPHA**2),
        gamma0=GYRO,
    )
    run = pop.run(SPAN, 1e-13, start=START)
    # its constants are known to 1e-9 here, of a phase of some 90 rad
    np.testing.assert_allclose(run["m"][np.rint(time / 1e-13).astype(int), 0], expected, atol=1e-6)
