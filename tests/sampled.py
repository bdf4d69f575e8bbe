"""Functions that other processes run: they must be found by import, as the tests themselves are not."""

import os
import signal
import time
from pathlib import Path

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


def killed_once(run):
    """Kill the process that does run 13, the first time; a file tells of each call."""
    folder = Path(os.environ["SAMPLED_FOLDER"])
    first = not list(folder.glob("13-*"))
    (folder / f"{run.index}-{os.getpid()}").touch()
    time.sleep(0.02)
    if run.index == 13 and first and "SAMPLED_SPARED" not in os.environ:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"x": run.rng.normal(), "wave": run.rng.normal(size=3)}


def slow(run):
    time.sleep(0.05)
    return run.rng.normal()


def wordy(run):
    return "text" if run.index == 2 else 1.0


_inside = 0


def together(run):
    """Return how many runs this process does at a time."""
    global _inside
    _inside += 1
    time.sleep(0.01)
    found, _inside = _inside, _inside - 1
    return found
