"""Networks that nobody here trained, from packages: a MobileNet that sees text, and a detector of speech."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.mapping.importers.onnx_file import OnnxFile

onnx = pytest.importorskip("onnx")
from onnx_double import run_double  # noqa: E402 - it needs onnx

TEXTS = ("In the beginning", "Kirchhoff 1845", "crossbar array", "3.14159", "Voltage source", "neuron 42", "Ohm's law")


def file_of(package: str, name: str) -> Path:
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        pytest.skip(f"{package} is not installed")
    return Path(found.submodule_search_locations[0]) / name


def in_onnxruntime(path: Path, inputs: dict[str, np.ndarray]) -> np.ndarray:
    runtime = pytest.importorskip("onnxruntime")
    return runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, inputs)[0]


def text_line(text: str, turned: bool) -> np.ndarray:
    """Return a line of text as the classifier takes it: (3, 48, 192), -1 to 1, 0 beyond its end."""
    image = pytest.importorskip("PIL.Image")
    from PIL import ImageDraw, ImageFont

    font = ImageFont.load_default(40)
    line = image.new("RGB", (int(font.getlength(text)) + 16, 48), "white")
    ImageDraw.Draw(line).text((8, 0), text, fill="black", font=font)
    if turned:
        line = line.rotate(180)
    line = line.resize((min(192, line.width), 48), image.Resampling.BILINEAR)
    found = np.zeros((3, 48, 192))
    found[:, :, : line.width] = (np.asarray(line) / 255.0 - 0.5).transpose(2, 0, 1) / 0.5
    return found


@pytest.fixture(scope="module")
def lines():
    """Lines of text upright (class 0) and upside down (class 1)."""
    x = np.array([text_line(text, turned) for text in TEXTS for turned in (False, True)])
    return x, np.tile([0, 1], len(TEXTS))


@pytest.fixture(scope="module")
def direction():
    """The file of RapidOCR's classifier of text direction: depthwise convolutions, squeeze-excite blocks, residuals."""
    return file_of("rapidocr_onnxruntime", "models/ch_ppocr_mobile_v2.0_cls_infer.onnx")


@pytest.fixture(scope="module")
def graph(direction):
    return OnnxFile().read(direction, input_shape=(3, 48, 192))


def test_text_direction_is_that_of_the_operators_in_double_precision(direction, graph, lines):
    x = lines[0][:2]
    wanted = run_double(onnx.load(direction), {"x": x})
    # Both in double precision, but sums in another order through 53 convolutions.
    np.testing.assert_allclose(graph(x), wanted, rtol=1e-9)
    np.testing.assert_allclose(cn.compile(graph, tile=(128, 128))(x), wanted, rtol=1e-9)


def test_text_direction_is_that_of_onnxruntime(direction, graph, lines):
    x, y = lines
    found = graph(x)
    # onnxruntime computes in single precision.
    np.testing.assert_allclose(found, in_onnxruntime(direction, {"x": x.astype(np.float32)}), atol=1e-5)
    assert (found.argmax(axis=1) == y).all()


@pytest.mark.slow
def test_text_direction_survives_short_wires_and_little_spread_but_not_much(graph, lines):
    x, y = lines
    layout = cn.compile(graph, tile=(128, 128), r_wire=1.0)
    little, much = (
        layout.with_nonidealities(cn.nonidealities.Variability("g", sigma=sigma), seed=1) for sigma in (0.02, 0.3)
    )
    assert (little(x).argmax(axis=1) == y).mean() >= 0.9
    assert (much(x).argmax(axis=1) == y).mean() <= 0.7


def test_speech_detector_is_that_of_onnxruntime_and_of_the_operators():
    path = file_of("silero_vad", "data/silero_vad_16k_sequence.onnx")
    state = np.zeros((1, 1, 128))
    graph = OnnxFile().read(path, constants={"h": state, "c": state})
    # A sample is one frame of 36 ms: a vowel's harmonics, and noise.
    t = np.arange(576) / 16e3
    vowel = sum(np.sin(2 * np.pi * 140.0 * k * t) / k for k in range(1, 20)) / 8
    frames = np.array([vowel, 0.1 * np.random.default_rng(0).standard_normal(576)])
    layout = cn.compile(graph)
    for frame in frames:
        wanted = run_double(onnx.load(path), {"input": frame[None], "h": state, "c": state})
        # Against the operators both are in double precision; onnxruntime computes in single precision.
        np.testing.assert_allclose(graph(frame), wanted[0], rtol=1e-9)
        np.testing.assert_allclose(layout(frame), wanted[0], rtol=1e-9)
        single = {"input": frame[None].astype(np.float32)} | dict.fromkeys(("h", "c"), state.astype(np.float32))
        np.testing.assert_allclose(graph(frame), in_onnxruntime(path, single)[0], rtol=1e-4)
