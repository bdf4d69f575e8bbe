"""A variant is the whole device with some parameters zero and some unknowns on one another, no other model."""

from __future__ import annotations

import numpy as np
import pytest

from circuitnn.devices.declare import Environment
from circuitnn.devices.load import kernel_of
from circuitnn.registry import catalog

VARIANTS = [(name, v) for name, device in catalog("devices").all().items() for v in device.variants]
N = 40


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_variant_equals_the_whole_device(name, variant):
    """Rows and columns of what falls together add up; what is on ground goes.  Equal but for the order of sums."""
    device = catalog("devices").get(name)
    whole, lean, merged = kernel_of(device), kernel_of(device, variant), device.variants[variant].merged
    rng = np.random.default_rng(3)
    given = {"tox": 20e-9, "nsub": 1e16, "gamma": 0.5, "phi": 0.7, "vto": 0.6, "cj": 1e-4, "lambda": 0.05}
    cards = {
        key: np.full(N, given.get(key, np.nan if p.default is None else p.default)) for key, p in device.params.items()
    }
    cards["ad"] = cards["as"] = np.full(N, 1e-11)
    cards["polarity"] = rng.choice([-1.0, 1.0], N)
    values = {**cards, **device.prepare(cards, Environment(temp=320.0, tnom=300.15, gmin=1e-12))}
    values |= {key: np.zeros(N) for key in device.variants[variant].zero}
    u = {key: rng.uniform(-3.0, 3.0, N) for key in lean.local_names}
    u_whole = {key: u[key] if key in u else np.zeros(N) if merged[key] is None else u[merged[key]]
               for key in whole.local_names}  # fmt: skip

    def evaluated(kernel, unknowns):
        p = np.array([values[key] for key in kernel.param_names])
        x = np.array([unknowns[key] for key in kernel.local_names])
        lim = np.zeros((kernel.n_limit, N))
        for _ in range(3):  # limiting still holds some back
            lim, _ = kernel.limit(x, p, lim)
        return kernel.evaluate(x, p, lim), kernel.noise(x, p, lim)

    def same(got, expected, full):
        """Compare point by point: junctions carry 1e8 A at one of them and nothing at the next."""
        for k in range(N):
            floor = 1e-12 * np.abs(full[:, k]).max(initial=0.0)  # sums of opposite currents are rounded to the larger
            np.testing.assert_allclose(got[..., k], expected[..., k], rtol=1e-9, atol=floor)

    (f, q, jf, jq), (density, exponent) = evaluated(lean, u)
    (wf, wq, wjf, wjq), (whole_density, whole_exponent) = evaluated(whole, u_whole)
    target = [merged.get(key, key) for key in whole.local_names]
    size = len(lean.local_names)
    place = {key: k for k, key in enumerate(lean.local_names)}
    for got, full in ((f, wf), (q, wq)):
        expected = np.zeros((size, N))
        for key, row in zip(target, full, strict=True):
            if key is not None:
                expected[place[key]] += row
        same(got, expected, full)
    for got, rows, cols, full, full_rows, full_cols in (
        (jf, lean.jf_row, lean.jf_col, wjf, whole.jf_row, whole.jf_col),
        (jq, lean.jq_row, lean.jq_col, wjq, whole.jq_row, whole.jq_col),
    ):
        expected, dense = np.zeros((size, size, N)), np.zeros((size, size, N))
        for row, col, entry in zip(full_rows, full_cols, full, strict=True):
            if target[row] is not None and target[col] is not None:
                expected[place[target[row]], place[target[col]]] += entry
        for row, col, entry in zip(rows, cols, got, strict=True):
            dense[row, col] += entry
        same(dense, expected, full)
    for k, noise in enumerate(lean.noise_names):
        other = whole.noise_names.index(noise)
        np.testing.assert_allclose(density[k], whole_density[other], rtol=1e-9)
        np.testing.assert_allclose(exponent[k], whole_exponent[other])
    assert all(not whole_density[k].any() for k, noise in enumerate(whole.noise_names) if noise not in lean.noise_names)
