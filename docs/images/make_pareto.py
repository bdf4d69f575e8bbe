"""Draw the picture of the page on compiling: settings of MNIST's 784-128-10 by accuracy, tiles and energy.

CIRCUITNN_DATA=../shared/data python docs/images/make_pareto.py
"""

from __future__ import annotations

from pathlib import Path

import circuitnn as cn
from circuitnn.demos.mnist import mnist_images, mnist_network


def main() -> None:
    x, y = mnist_images()
    found = cn.optimise(
        mnist_network("mlp"),
        x[:4000],
        y[:4000],
        {
            "tile": [(64, 64), (128, 128), (256, 256)],
            "adc_bits": [4, 5, 6, 8],
            "encoding": ["differential", "offset", "sliced:bits=6,cell_bits=1"],
        },
        dac_bits=8,
        r_wire=1.0,
        nonidealities=cn.nonidealities.Variability("g", 0.1),
        seed=1,
        calibration=x[4000:4500],
    )
    print(found)
    print(found.plot(Path(__file__).with_name("pareto.png")))


if __name__ == "__main__":
    main()
