"""Functions that other processes run: they must be found by import, as the tests themselves are not."""

import os

import numpy as np


def area(run):
    if run.index == 2:
        raise ValueError("an unlucky run")
    x = run.rng.normal(10.0, 1.0)
    return {"x": x, "seed": run.seed, "wave": np.array([x, 2.0 * x])}


def dying(run):
    if run.index == 3:
        os._exit(1)
    return 1.0
