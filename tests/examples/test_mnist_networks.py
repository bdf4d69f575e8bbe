"""The trained networks that the package ships: the file is what the compiler runs, and it knows MNIST."""

from pathlib import Path

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.demos.mnist import NETWORKS, mnist_images, mnist_network
from circuitnn.errors import FileError, UsageError

onnx = pytest.importorskip("onnx")
from onnx_double import run_double  # noqa: E402 - it needs onnx

#: Share of the 10,000 test images, as training found it in torch.
ACCURACY = {"mlp": 0.9798, "lenet5": 0.9928}


@pytest.fixture(scope="module")
def images():
    try:
        return mnist_images()
    except FileError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", NETWORKS)
def test_ideal_crossbars_compute_the_file_in_double_precision(name):
    x = np.random.default_rng(1).random((3, *NETWORKS[name]))
    wanted = run_double(onnx.load(mnist_network(name)), {"pixels": x})
    layout = cn.compile(mnist_network(name), tile=(128, 128))
    # Sums in another order, and conductances that are scaled to and fro.
    np.testing.assert_allclose(layout.graph(x), wanted, rtol=1e-10)
    np.testing.assert_allclose(layout(x), wanted, rtol=1e-9)


@pytest.mark.parametrize("name", NETWORKS)
def test_training_found_what_the_readme_says(name, images):
    x, y = images
    count = 10_000 if name == "mlp" else 2_000
    found = cn.compile(mnist_network(name)).graph(x[:count].reshape(-1, *NETWORKS[name])).argmax(axis=1)
    right = (found == y[:count]).mean()
    # Four standard deviations of a sample of that many images; all of them give the number itself, but for ties of
    # single precision.
    deviation = np.sqrt(ACCURACY[name] * (1.0 - ACCURACY[name]) / count)
    assert right == pytest.approx(ACCURACY[name], abs=1e-4 if count == 10_000 else 4.0 * deviation)


def test_wires_cost_more_on_larger_tiles(images):
    x, y = images[0][:2000], images[1][:2000]
    wired = [
        cn.compile(mnist_network("mlp"), tile=(n, n), device=(1e-6, 1e-4), r_wire=10.0).evaluate(x, y).accuracy
        for n in (64, 256)
    ]
    # docs/accuracy_study.md, all 10,000 images: 97.69 and 83.23 %.
    assert wired[0] > 0.95 > 0.9 > wired[1]


def test_an_unknown_network_and_missing_images_are_explained(monkeypatch, tmp_path):
    with pytest.raises(UsageError, match="lenet5"):
        mnist_network("lenet")
    monkeypatch.setenv("CIRCUITNN_DATA", str(tmp_path))
    with pytest.raises(FileError, match=r"mnist\.npz"):
        mnist_images()
    for damaged in (b"PK\x03\x04 cut", b"none of it", b""):
        (tmp_path / "mnist.npz").write_bytes(damaged)
        with pytest.raises(FileError, match="cannot read"):
            mnist_images()


def test_both_files_together_are_small():
    assert sum(Path(mnist_network(name)).stat().st_size for name in NETWORKS) < 700_000
