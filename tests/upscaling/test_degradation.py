"""Estimates from pixels, against the compression and the noise that the test applied."""

import io
import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from gladsr.pictures import resize, to_depth
from gladsr.upscaling.degradation import Degradation, estimate

PHOTOGRAPHS = ["astronaut", "chelsea", "coffee", "camera"]
TEXTURES = ["brick", "grass", "gravel"]


def _jpeg(pixels: NDArray[Any], quality: int) -> NDArray[Any]:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def _noisy(pixels: NDArray[Any], deviation: float, seed: int = 0) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(0, deviation, pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("quality", [30, 45, 60, 75, 85, 90, 92])
@pytest.mark.parametrize("name", [*PHOTOGRAPHS, "brick", "grass"])
def test_former_jpeg_is_recognised_with_its_quality(name: str, quality: int):
    found = estimate(_jpeg(getattr(data, name)(), quality)).quality
    assert found is not None
    assert abs(found - quality) <= 2


@pytest.mark.parametrize("offset", [(0, 3), (5, 0), (7, 1), (4, 4)])
def test_former_jpeg_is_recognised_in_a_crop(offset: tuple[int, int]):
    top, left = offset
    cropped = _jpeg(data.chelsea(), 70)[top:250, left:400]
    assert estimate(cropped).quality == pytest.approx(70, abs=2)


def test_former_jpeg_is_recognised_under_a_better_one():
    twice = _jpeg(_jpeg(data.chelsea(), 50)[3:, 5:], 95)
    assert estimate(twice).quality == pytest.approx(50, abs=3)


@pytest.mark.parametrize("name", [*PHOTOGRAPHS, *TEXTURES, "moon", "text"])
def test_clean_pictures_have_no_jpeg_quality(name: str):
    pixels = getattr(data, name)()
    assert estimate(pixels).quality is None
    assert estimate(resize(pixels, scale=0.5)).quality is None


@pytest.mark.parametrize("deviation", [3, 5, 8, 12, 20])
@pytest.mark.parametrize("name", [*PHOTOGRAPHS, "brick", "moon"])
def test_noise_is_estimated_within_a_fifth(name: str, deviation: int):
    assert estimate(_noisy(getattr(data, name)(), deviation)).noise == pytest.approx(
        deviation, rel=0.2
    )


@pytest.mark.parametrize("deviation", [3, 5, 8, 12, 20])
@pytest.mark.parametrize("shape", [(256, 256), (256, 256, 3), (90, 400, 3)])
def test_noise_of_flat_pictures(shape: tuple[int, ...], deviation: int):
    flat = _noisy(np.full(shape, 120.0), deviation)
    assert estimate(flat).noise == pytest.approx(deviation, rel=0.2)


@pytest.mark.parametrize("name", [*TEXTURES, "chelsea", "coffee", "text", "page"])
def test_clean_texture_is_not_mistaken_for_noise(name: str):
    pixels = getattr(data, name)()
    assert estimate(pixels).noise < 1.5
    assert estimate(resize(pixels, scale=0.5)).noise < 1.5


def test_estimates_do_not_depend_on_depth_or_opaque_alpha():
    pixels = _noisy(data.chelsea(), 6)
    expected = estimate(pixels)
    for depth in (np.uint16, np.float32):
        found = estimate(to_depth(pixels, depth))
        assert found.quality == expected.quality
        assert found.noise == pytest.approx(expected.noise, abs=0.01)
    opaque = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    assert estimate(opaque) == expected


@pytest.mark.parametrize("shape", [(1, 1), (7, 200, 3), (16, 16), (16, 500, 4), (40, 17, 2)])
def test_small_pictures_have_estimates(shape: tuple[int, ...]):
    assert estimate(np.zeros(shape, np.uint8)) == Degradation(None, 0.0, 0.0)


def test_estimates_are_deterministic_and_cheap():
    large = np.tile(_noisy(data.coffee(), 4), (8, 7, 1))  # 13 megapixels
    first, began = estimate(large), time.process_time()
    assert all(estimate(large) == first for _ in range(5))
    assert (time.process_time() - began) / 5 < 0.1
