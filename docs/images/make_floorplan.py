"""Makes ``floorplan.svg``: the floorplan in the documentation of physical layouts.

Run it as ``python docs/images/make_floorplan.py``.
"""

from pathlib import Path

import numpy as np

import circuitnn as cn

rng = np.random.default_rng(0)
network = [
    (rng.standard_normal((784, 128)), None, "relu"),
    (rng.standard_normal((128, 10)), None, "softmax"),
]
cn.compile(network, tile=(128, 128)).to_svg(Path(__file__).with_name("floorplan.svg"))
