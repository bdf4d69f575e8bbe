"""The crossbar as a function of PyTorch: forward, backward, training through the wires."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.crossbar.autograd import crossbar_currents

torch = pytest.importorskip("torch")


def test_gradients_pass_torchs_own_check():
    rng = np.random.default_rng(0)
    G = torch.tensor(rng.uniform(1e-4, 1e-3, (4, 3)), requires_grad=True)
    v = torch.tensor(rng.uniform(-1, 1, (2, 4)), requires_grad=True)
    r = torch.tensor(rng.uniform(5, 50, 4), requires_grad=True)
    s = torch.tensor(20.0, dtype=torch.float64, requires_grad=True)
    # differences of 1e-6 around 1e-4 S: their error is about 1e-4 of the derivative
    assert torch.autograd.gradcheck(
        lambda *x: 1e3 * crossbar_currents(*x, r_source=10.0), (v, G, r, s), atol=1e-4, rtol=1e-3
    )


def test_single_precision_and_floats_are_welcome():
    out = crossbar_currents(torch.ones(3), torch.full((3, 2), 1e-3), 0.0, 5.0)
    assert out.dtype == torch.float32
    np.testing.assert_allclose(out, cn.Crossbar(np.full((3, 2), 1e-3), 0.0, 5.0).solve(np.ones(3)).currents, rtol=1e-6)


def test_training_through_wires_reaches_a_target():
    rng = np.random.default_rng(1)
    v = torch.tensor(rng.uniform(0, 0.2, (30, 8)))
    wanted = crossbar_currents(v, torch.tensor(rng.uniform(1e-5, 1e-4, (8, 3))), 20.0, 20.0)
    logs = torch.full((8, 3), -10.0, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([logs], lr=0.05)
    losses = []
    for _ in range(150):
        optimiser.zero_grad()
        loss = ((1e5 * (crossbar_currents(v, logs.exp(), 20.0, 20.0) - wanted)) ** 2).mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 1e-2 * losses[0]
