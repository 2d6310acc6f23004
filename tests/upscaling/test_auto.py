"""The choice of the model, for pictures whose history the test knows."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from skimage import data

from gladsr.pictures.compression import Compression, stated_compression
from gladsr.upscaling.auto import CLEAN, PHOTO, choose


def _saved(pixels: NDArray[Any], path: Path, quality: int) -> NDArray[Any]:
    Image.fromarray(pixels).save(path, quality=quality)
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "brick", "grass", "text"])
def test_clean_pictures(name: str):
    assert choose(getattr(data, name)()).model == CLEAN


@pytest.mark.parametrize("quality", [10, 30, 50, 71, 84])
@pytest.mark.parametrize("name", ["astronaut", "brick", "grass"])
def test_jpeg_below_quality_85(name: str, quality: int, tmp_path: Path):
    path = tmp_path / "a.jpg"
    pixels = _saved(getattr(data, name)(), path, quality)
    choice = choose(pixels, stated_compression(path))
    assert str(choice) == f"gladsr-photo (JPEG quality {quality})"
    as_png = choose(pixels)
    assert as_png.model == PHOTO
    assert "traces of JPEG" in as_png.reason


@pytest.mark.parametrize("quality", [88, 95, 100])
@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_jpeg_of_high_quality(name: str, quality: int, tmp_path: Path):
    path = tmp_path / "a.jpg"
    pixels = _saved(getattr(data, name)(), path, quality)
    assert choose(pixels, stated_compression(path)).model == CLEAN
    assert choose(pixels).model == CLEAN


def test_low_quality_under_a_high_one(tmp_path: Path):
    path = tmp_path / "a.jpg"
    twice = _saved(_saved(data.chelsea(), path, 50), path, 95)
    choice = choose(twice, stated_compression(path))
    assert choice.model == PHOTO
    assert "traces of JPEG" in choice.reason


@pytest.mark.parametrize(("quality", "model"), [(30, PHOTO), (90, CLEAN)])
def test_webp(quality: int, model: str, tmp_path: Path):
    path = tmp_path / "a.webp"
    assert choose(_saved(data.coffee(), path, quality), stated_compression(path)).model == model


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


def test_files_that_state_no_compression(tmp_path: Path):
    image = Image.fromarray(data.coffee())
    image.save(tmp_path / "a.png")
    image.save(tmp_path / "a.webp", lossless=True)
    (tmp_path / "damaged.jpg").write_bytes(b"\xff\xd8\xff\xe0damaged")
    for name in ("a.png", "a.webp", "damaged.jpg", "missing.jpg"):
        assert stated_compression(tmp_path / name) is None


def test_the_content_tells_the_format_not_the_name(tmp_path: Path):
    path = tmp_path / "a.png"
    Image.fromarray(data.coffee()).save(path, "JPEG", quality=60)
    assert stated_compression(path) == Compression("JPEG", 60)
