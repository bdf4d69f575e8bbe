"""Equilibrium propagation and its continual form, coupled learning, e-prop (docs/learning_physics.md).

    python benchmarks/learning_physics.py pictures     # those of the page, about half a minute
    python benchmarks/learning_physics.py train RULE [--hidden 512] [--epochs 20] [--set NAME=VALUE ...]

``train`` prints the test error on MNIST after each epoch, and what an example takes of the hardware.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

IMAGES = Path(__file__).parents[1] / "docs" / "images"


def train(rule: str, hidden: int, epochs: int, images: int, seed: int, options: dict[str, str]) -> None:
    from circuitnn.demos.mnist import mnist_images
    from circuitnn.learning.trainer import Trainer

    (x, y), test = mnist_images("train"), mnist_images()
    trainer = Trainer(rule, network=(784, hidden, 10), epochs=epochs, seed=seed, **options)
    began, worked = time.perf_counter(), time.process_time()

    def told(row) -> None:
        print(
            f"epoch {row.epoch}: {100 - 100 * row.score:.2f} % error, {time.process_time() - worked:.0f} s on a core,"
            f" {time.perf_counter() - began:.0f} s",
            flush=True,
        )

    trainer.fit(x[:images], y[:images], validation=test, told=told)
    print(trainer.rule.cost.table(trainer.history[-1].examples))


def equivalence(axes) -> None:
    """Draw updates of nudged steps beside gradients through time, and how far apart they are."""
    from circuitnn.learning.arrays import SynapseArray
    from circuitnn.learning.synapses.ideal import Ideal
    from circuitnn.learning.unrolled import equilibrium_updates, time_gradients

    rng, sizes, steps = np.random.default_rng(1), (6, 8, 7, 4), 14
    arrays = [SynapseArray(Ideal().build(rng.uniform(-1, 1, (a + 1, b)) / np.sqrt(a), rng)) for a, b in pairwise(sizes)]
    x, t = rng.random((5, 6)), np.eye(4)[rng.integers(0, 4, 5)]
    wanted = time_gradients(arrays, x, t, free_steps=400, steps=steps)
    found = equilibrium_updates(arrays, x, t, 0.01, free_steps=400, steps=steps, centred=True)
    for layer, colour in enumerate(("C0", "C1", "C2")):
        at = np.unravel_index(np.argmax(np.abs(sum(g[layer] for g in wanted))), wanted[0][layer].shape)
        axes[0].plot([-g[layer][at] for g in wanted], "-", color=colour, label=f"matrix {layer + 1}")
        axes[0].plot([u[layer][at] for u in found], "o", color=colour, mfc="none")
    axes[0].set(xlabel="step t", ylabel="change of a weight", title="nudged steps (o), gradients through time (-)")
    axes[0].legend()
    betas = np.logspace(-4, -0.5, 8)
    for centred, mark in ((False, "o-"), (True, "s-")):
        gaps = [
            max(
                np.abs(u + g).max()
                for at in zip(
                    equilibrium_updates(arrays, x, t, beta, free_steps=400, steps=steps, centred=centred),
                    wanted,
                    strict=True,
                )
                for u, g in zip(*at, strict=True)
            )
            for beta in betas
        ]
        order = np.polyfit(np.log(betas[:5]), np.log(gaps[:5]), 1)[0]
        axes[1].loglog(betas, gaps, mark, label=f"{'centred' if centred else 'one-sided'}: order {order:.2f}")
        print(f"equivalence, centred={centred}: order {order:.3f}")
    axes[1].set(xlabel="nudge", ylabel="largest difference", title="equilibrium propagation and BPTT")
    axes[1].legend()


def continual(axis) -> None:
    """Draw how far continual updates are from those of two phases, over the rate."""
    from circuitnn.learning.rule import rule_of

    rng = np.random.default_rng(0)
    x, t = rng.random((6, 5)), np.eye(3)[rng.integers(0, 3, 6)]
    rates = np.logspace(-5, -2, 7)
    for label, names, settings in (
        (
            "resistors",
            ("equilibrium", "continual_resistive"),
            {"gain": 4.0, "beta": 0.3, "sweeps": 300, "sides": "plus"},
        ),
        ("Hopfield", ("hopfield", "continual_equilibrium"), {"beta": 0.3, "free_steps": 200, "nudged_steps": 10}),
    ):
        gaps = []
        for rate in rates:
            changes = []
            for name in names:
                more = {"precision": "double"}
                rule = rule_of(name, network=(5, 8, 3), batch=6, rates=(rate,), **settings, **more)
                before = _held(rule)
                rule.learn(x, t)
                changes.append([(a - b) / rate for a, b in zip(_held(rule), before, strict=True)])
            gaps.append(max(np.abs(a - b).max() for a, b in zip(*changes, strict=True)))
        size = max(np.abs(a).max() for a in changes[0])
        order = np.polyfit(np.log(rates[:4]), np.log(gaps[:4]), 1)[0]
        axis.loglog(rates, np.array(gaps) / size, "o-", label=f"{label}: order {order:.2f}")
        print(f"continual, {label}: order {order:.3f}")
    axis.set(xlabel="rate", ylabel="relative difference", title="continual and two-phase updates")
    axis.legend()


def _held(rule) -> list[np.ndarray]:
    if hasattr(rule, "resistive"):
        rule.synchronise()
        return [g.copy() for g in rule.resistive.conductances]
    return [a.weights.copy() for a in rule._arrays]


def offsets(axes) -> None:
    """Draw coupled learning with exact edges, with an offset at each edge, and with harder clamps."""
    from circuitnn.learning.rules.coupled import Coupled

    rng = np.random.default_rng(1)
    x = rng.random((100, 2))
    t = 0.3 * x[:, :1] + 0.4 * x[:, 1:] + 0.1
    runs = (
        ("exact edges", 0.2, 0.0, "ideal"),
        ("offset 0.001 V^2", 0.2, 1e-3, "ideal"),
        ("offset, clamps of 2", 2.0, 1e-3, "ideal"),
        ("128 taps, sign only", 1.0, 0.0, "potentiometer"),
    )
    for label, clamp, offset, synapses in runs:
        rule = Coupled(
            network=(2, 4, 1), edges="random:16", rate=clamp, clamp=clamp, offset=offset, synapses=synapses, seed=1
        )
        errors, tracks = [], []
        for _ in range(30):
            rule.learn(x, t)
            errors.append(np.sqrt(np.mean((rule.outputs(x) - t) ** 2)))
            tracks.append(rule.w[:4].copy())
        axes[0].semilogy(np.arange(1, 31), errors, label=label)
        print(f"coupled, {label}: error {errors[-1]:.2e} V")
        if offset and clamp < 1:
            axes[1].plot(np.arange(1, 31), tracks)
    axes[0].set(xlabel="epoch of 100 examples", ylabel="rms error, V", title="16 edges learn a regression")
    axes[0].legend(loc="lower left", fontsize="small")
    axes[1].set(xlabel="epoch of 100 examples", ylabel="conductance", title="four of the edges, with offsets")


def pictures() -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    equivalence(axes[:2])
    continual(axes[2])
    figure.savefig(IMAGES / "learning_physics.png", dpi=90)
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
    offsets(axes)
    figure.savefig(IMAGES / "learning_coupled.png", dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["pictures", "train"])
    parser.add_argument("rule", nargs="?", default="hopfield")
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--images", type=int, default=60000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    if given.what == "pictures":
        pictures()
    else:
        options = dict(pair.split("=", 1) for pair in given.set)
        train(given.rule, given.hidden, given.epochs, given.images, given.seed, options)


if __name__ == "__main__":
    main()
