"""Quality from headers, against what Pillow's encoders were asked for."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from gladsr.pictures.compression import jpeg_quality, webp_quality


def _file(format_: str, pixels: Any = None, **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    Image.fromarray(data.coffee() if pixels is None else pixels).save(file, format_, **options)
    return file


@pytest.mark.parametrize("quality", [*range(30, 98, 4), 98, 100])
def test_jpeg_quality_is_that_of_the_encoder(quality: int):
    assert abs(jpeg_quality(_file("JPEG", quality=quality)) - quality) <= 1


@pytest.mark.parametrize(
    ("preset", "lowest", "highest"),
    [("low", 30, 60), ("web_high", 80, 90), ("web_maximum", 96, 100)],
)
def test_tables_of_other_encoders_are_placed_on_the_same_scale(
    preset: str, lowest: int, highest: int
):
    assert lowest <= jpeg_quality(_file("JPEG", quality=preset)) <= highest


def test_grey_and_progressive_jpeg():
    assert jpeg_quality(_file("JPEG", data.brick(), quality=60)) == 60
    assert jpeg_quality(_file("JPEG", quality=70, progressive=True)) == 70


@pytest.mark.parametrize("quality", [*range(30, 98, 8), 98])
@pytest.mark.parametrize("name", ["chelsea", "astronaut", "brick"])
def test_webp_quality_is_near_that_of_the_encoder(name: str, quality: int):
    assert webp_quality(_file("WEBP", getattr(data, name)(), quality=quality)) == pytest.approx(
        quality, abs=5
    )


def test_webp_with_other_chunks_before_the_frame():
    plain = webp_quality(_file("WEBP", quality=60))
    alpha = np.dstack([data.coffee(), data.coffee()[..., 0]])
    assert webp_quality(_file("WEBP", alpha, quality=60)) == plain
    assert webp_quality(_file("WEBP", quality=60, icc_profile=b"\0" * 301)) == plain


def test_animated_and_lossless_webp():
    frames = {"save_all": True, "append_images": [Image.fromarray(data.coffee()[::-1])]}
    assert webp_quality(_file("WEBP", quality=60, **frames)) == pytest.approx(60, abs=12)
    assert webp_quality(_file("WEBP", lossless=True)) is None


@pytest.mark.parametrize("quality_of", [jpeg_quality, webp_quality])
@pytest.mark.parametrize("length", [0, 3, 20, 40])
def test_damaged_header_is_an_error(quality_of: Any, length: int):
    format_ = "JPEG" if quality_of is jpeg_quality else "WEBP"
    cut = io.BytesIO(_file(format_, quality=80).getvalue()[:length])
    with pytest.raises(OSError):  # noqa: PT011 - the reasons are Pillow's
        quality_of(cut)
