"""The choice of the model, for pictures whose history the test knows."""

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from skimage import data

from gladsr.pictures.compression import Compression, stated_compression
from gladsr.upscaling.auto import CLEAN, PHOTO, choose


def _saved(pixels: NDArray[Any], format_: str, quality: int) -> tuple[NDArray[Any], Any]:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format_, quality=quality)
    return np.asarray(Image.open(file)), file


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "brick", "grass", "text"])
def test_clean_pictures(name: str):
    assert choose(getattr(data, name)()).model == CLEAN


@pytest.mark.parametrize("quality", [10, 30, 50, 71, 84])
@pytest.mark.parametrize("name", ["astronaut", "brick", "grass"])
def test_jpeg_below_quality_85(name: str, quality: int):
    pixels, file = _saved(getattr(data, name)(), "JPEG", quality)
    choice = choose(pixels, stated_compression(file, "JPEG"))
    assert str(choice) == f"gladsr-photo (JPEG quality {quality})"
    as_png = choose(pixels)
    assert as_png.model == PHOTO
    assert "traces of JPEG" in as_png.reason


@pytest.mark.parametrize("quality", [88, 95, 100])
@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_jpeg_of_high_quality(name: str, quality: int):
    pixels, file = _saved(getattr(data, name)(), "JPEG", quality)
    assert choose(pixels, stated_compression(file, "JPEG")).model == CLEAN
    assert choose(pixels).model == CLEAN


def test_low_quality_under_a_high_one():
    once, _ = _saved(data.chelsea(), "JPEG", 50)
    twice, file = _saved(once, "JPEG", 95)
    choice = choose(twice, stated_compression(file, "JPEG"))
    assert choice.model == PHOTO
    assert "traces of JPEG" in choice.reason


def test_webp():
    for quality, model in ((30, PHOTO), (90, CLEAN)):
        pixels, file = _saved(data.coffee(), "WebP", quality)
        assert choose(pixels, stated_compression(file, "WebP")).model == model


@pytest.mark.parametrize("name", ["coffee", "chelsea", "brick"])
def test_noise(name: str):
    pixels = getattr(data, name)()
    noisy = pixels + np.random.default_rng(0).normal(0, 12, pixels.shape)
    choice = choose(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
    assert choice.model == PHOTO
    assert choice.reason.startswith("noise of 1")


def test_blur():
    blurred = Image.fromarray(data.astronaut()).filter(ImageFilter.GaussianBlur(1))
    assert str(choose(np.asarray(blurred))) == "gladsr-photo (blurred)"


def test_a_lossless_file_states_no_compression():
    file = io.BytesIO()
    Image.fromarray(data.coffee()).save(file, "PNG")
    assert stated_compression(file, "PNG") is None
    assert stated_compression(io.BytesIO(b"\xff\xd8\xff\xe0damaged"), "JPEG") is None
    assert choose(np.zeros((64, 64), np.uint8), Compression("JPEG", 20)).model == PHOTO
