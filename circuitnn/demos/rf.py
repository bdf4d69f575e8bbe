"""Networks of oscillators and resonators trained through their physics: drone signals and digits."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitnn.demos.digits import load_digits
from circuitnn.demos.vowels import find_data
from circuitnn.errors import FileError
from circuitnn.mapping.rf.network import RfNetwork
from circuitnn.mapping.rf.training import Training, initial_network, train

Array = NDArray[np.float64]
MICROWATT = 1e-6


@dataclass(frozen=True, eq=False)
class RfRun:
    """One trained network: shares of right classes, resonators, and mean powers of a test sample, W.

    ``tones`` is the power of all input tones of one chain, ``neurons`` what the oscillators draw.
    """

    network: RfNetwork
    training: float
    held_out: float
    resonators: int
    tones: float
    neurons: float


def drone_data() -> tuple[Array, NDArray[np.int64], Array, NDArray[np.int64]]:
    """Return training and test spectra (0 to 1) and classes of Ross et al. (2023), in their own split.

    The file ``ross2023_drone.h5`` is looked for in the folder CIRCUITNN_DATA, ``../shared/data`` when that is not set.

    Raises
    ------
    FileError
        When it cannot be read.
    """
    import h5py

    path = find_data("ross2023_drone.h5")
    try:
        with h5py.File(path, "r") as file:
            x, y, x_test, y_test = (np.asarray(file[name]) for name in ("X_train", "Y_train", "X_test", "Y_test"))
    except (OSError, KeyError) as error:
        raise FileError(
            f"cannot read {path}: {error}", hint="set CIRCUITNN_DATA to the folder that holds it"
        ) from error
    return x, y, x_test, y_test


def run_drones(seed: int = 0, epochs: int = 80) -> RfRun:
    """Train the two layers of Ross et al. (2023), 256-128-10, through their physics; epochs are fixed beforehand.

    Rate, batch, working point of the oscillators and loudness were chosen by five-fold cross-validation within the
    training set.
    """
    x, y, x_test, y_test = drone_data()
    start = initial_network((x.shape[1], 128, 10), bias=10e-3, transconductance=2e-3, spread=0.1, seed=seed)
    options = Training(epochs=epochs, batch=128, rate=0.015, bias_unit=6.7e-3, loudness=0.2, seed=seed)
    return _run(start, (x, y, x_test, y_test), options)


def drones_mlp(seed: int = 0) -> float | None:
    """Return the held-out share of scikit-learn's MLP of that size, trained for 200 epochs; None without scikit-learn.

    It is software, beside which the network of resonators is judged.
    """
    try:
        from sklearn.neural_network import MLPClassifier
    except ImportError:
        return None
    x, y, x_test, y_test = drone_data()
    model = MLPClassifier((128,), learning_rate_init=0.005, max_iter=200, n_iter_no_change=200, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it could go on
        return float(model.fit(x, y).score(x_test, y_test))


def run_rf_digits(seed: int = 0, epochs: int = 100) -> RfRun:
    """Train one layer of chains, 64-10, on 8 x 8 digits, as Leroux et al. (2021) did; 36 of each digit are held out."""
    digits = load_digits()
    labels = digits.y_train
    start = initial_network((64, 10), (100e6, 1e9), spread=0.1, seed=seed)
    data = digits.x_train, labels, digits.x_test, digits.y_test
    return _run(start, data, Training(epochs=epochs, batch=64, rate=0.02, volts_per_logit=4e-3, seed=seed))


def _run(start: RfNetwork, data: tuple[Array, NDArray[np.int64], Array, NDArray[np.int64]], options: Training) -> RfRun:
    x, y, x_test, y_test = data
    network, _ = train(start, x * MICROWATT, y, options)
    steps = network.steps(x_test * MICROWATT)
    drawn = sum(float(network.neurons.drawn(s.currents).sum(axis=1).mean()) for s in steps if s.currents is not None)
    return RfRun(
        network,
        float((network(x * MICROWATT).argmax(axis=1) == y).mean()),
        float((steps[-1].voltages.argmax(axis=1) == y_test).mean()),
        network.resonator_count(),
        float(steps[0].powers.sum(axis=1).mean()),
        drawn,
    )
