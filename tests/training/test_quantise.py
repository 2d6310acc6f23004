"""A network in 8-bit integers against the same in fp32."""

from pathlib import Path

import numpy as np
import openvino
import pytest
import skimage
from PIL import Image

from gladsr import zoo
from gladsr.cli import main
from gladsr.engines import Precision
from gladsr.engines.openvino import OpenVINOEngine
from gladsr.errors import PictureError
from gladsr.pictures import Picture, resize, to_depth, write
from gladsr.scoring import psnr
from gladsr.training.quantise import calibration
from gladsr.upscaling.pixels import to_unit

SCALE = 2
CARD = zoo.card("gladsr-l", SCALE)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for name in ("astronaut", "coffee", "rocket"):
        Image.fromarray(getattr(skimage.data, name)()).save(folder / f"{name}.png")
    Image.fromarray(skimage.data.camera()).save(folder / "grey.png")
    return folder


@pytest.fixture(scope="module")
def quantised(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("int8") / "gladsr-l.xml"
    words = ["export", "gladsr-l", "--scale", str(SCALE), "--calibrate", str(photos)]
    assert main([*words, "-o", str(file)]) == 0
    assert {path.name for path in file.parent.iterdir()} == {"gladsr-l.xml", "gladsr-l.bin"}
    return file


def _engine(path: Path, precision: Precision) -> OpenVINOEngine:
    return OpenVINOEngine(path, origin="a test", precision=precision, threads=1)


@pytest.mark.parametrize("draft", [False, True])
def test_a_photograph_loses_little(quantised: Path, draft: bool):
    original = skimage.data.chelsea()[:200, 100:300]
    x = to_unit(resize(original, scale=1 / SCALE))
    exact, fast = (
        psnr(to_depth(engine.run(x, draft=draft), np.uint8), original, SCALE)
        for engine in (_engine(CARD.onnx_path, "fp32"), _engine(quantised, "int8"))
    )
    assert exact > 30
    assert exact - 0.05 < fast < exact + 0.05


def test_the_channel_weights_can_be_read_and_set(quantised: Path):
    x = to_unit(skimage.data.chelsea()[100:140, 100:150])
    engine = _engine(quantised, "int8")
    channel_weights = engine.channel_weights(x)
    np.testing.assert_allclose(
        channel_weights, _engine(CARD.onnx_path, "fp32").channel_weights(x), atol=0.05
    )
    whole, again = engine.run(x), engine.run(x, channel_weights=channel_weights)
    assert np.abs(whole - again).mean() < 1e-3
    assert np.abs(whole - engine.run(x, channel_weights=1 - channel_weights)).mean() > 1e-3


def test_most_of_the_arithmetic_is_in_8_bits_and_the_ends_are_not(quantised: Path):
    model = openvino.Core().read_model(quantised)
    mult_adds = {"i8": 0.0, "f": 0.0}
    ends, upsamplers = [], []
    for operation in model.get_ops():
        if operation.get_type_name() != "Convolution":
            continue
        shape = operation.input(1).get_shape()
        in_8_bits = _weights(operation).get_element_type() == openvino.Type.i8
        if shape[0] == 3 * SCALE**2:  # what was a deconvolution
            upsamplers.append(in_8_bits)
        else:
            mult_adds["i8" if in_8_bits else "f"] += float(np.prod(shape))
        if shape[1] == 3 or shape[0] == 3:
            ends.append(in_8_bits)
    assert mult_adds["i8"] > 0.8 * sum(mult_adds.values())
    assert ends == [False] * 5  # from three channels, or to three
    assert upsamplers == [False] * 2


def _weights(operation: openvino.Node) -> openvino.Output:
    """Return the constant from which a convolution's weights are made."""
    value = operation.input_value(1)
    while value.get_node().get_type_name() != "Constant":
        value = value.get_node().input_value(0)
    return value


def test_calibration_is_by_photographs_in_colour(photos: Path):
    crops = calibration(photos, SCALE)
    assert [crop.shape for crop in crops] == [(1, 3, 64, 64)] * 3
    middle = skimage.data.astronaut()[192:320, 192:320]
    np.testing.assert_allclose(
        crops[0][0].transpose(1, 2, 0), to_unit(resize(middle, scale=1 / 2)), atol=1e-6
    )


def test_calibration_is_spread_evenly_over_the_whole_folder(tmp_path: Path):
    for number in range(95):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number:02}.png")
    chosen = [round(255 * float(crop[0, 0, 0, 0])) for crop in calibration(tmp_path, SCALE)]
    assert len(chosen) == 48
    assert (chosen[0], chosen[-1]) == (0, 93)
    assert set(np.diff(chosen)) == {1, 2}


def test_calibration_takes_floating_point_as_it_takes_8_bits(tmp_path: Path):
    edges = np.zeros((40, 40, 3), np.float32)
    edges[::4] = 1  # beside which the bicubic leaves the range
    for folder, pixels in (("float", edges), ("whole", to_depth(edges, np.uint8))):
        (tmp_path / folder).mkdir()
        write(Picture(pixels), tmp_path / folder / "edges.tif")
    (ours,), (theirs,) = (calibration(tmp_path / folder, SCALE) for folder in ("float", "whole"))
    np.testing.assert_array_equal(ours, theirs)


def test_a_picture_smaller_than_the_scale_is_named(tmp_path: Path):
    Image.new("RGB", (40, 1)).save(tmp_path / "line.png")
    with pytest.raises(PictureError, match=r"line\.png: it is too small: ×2 needs 2 pixels a side"):
        calibration(tmp_path, SCALE)


def test_without_photographs_in_colour_it_is_refused(tmp_path: Path):
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(tmp_path / "grey.png")
    with pytest.raises(PictureError, match="no pictures in colour"):
        calibration(tmp_path, SCALE)


def test_it_is_for_openvino_only(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "out.onnx"
    assert main(["export", "gladsr-l", "--calibrate", str(photos), "-o", str(file)]) == 2
    assert "--calibrate is for OpenVINO IR" in capsys.readouterr().err
    assert not file.exists()
