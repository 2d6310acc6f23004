"""Every format, depth and kind of channels: read as it is, and written as any other format."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from gladsr.errors import PictureError
from gladsr.pictures import Picture, WriteOptions, read, write
from gladsr.pictures.formats import FORMATS, Format, by_content
from tests.pictures.samples import SAMPLES

# How far off the lossy ones are on average, in levels of 8 bits, at the highest quality but one.
LOSS = {"JPEG": 2.5, "WebP": 2.5, "AVIF": 2.5, "GIF": 10.0}


def put(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(SAMPLES[name].content)
    return path


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_is_read_as_others_read_it(tmp_path: Path, name: str) -> None:
    expected = SAMPLES[name].pixels
    pixels = read(put(tmp_path, name)).pixels
    assert pixels.dtype == expected.dtype
    assert pixels.shape == expected.shape
    tolerance = SAMPLES[name].tolerance
    np.testing.assert_allclose(pixels.astype(float), expected.astype(float), atol=tolerance)


def _kinds() -> dict[Any, str]:
    """One sample for each kind of pixels."""
    return {(s.pixels.dtype, s.pixels.shape[2:]): name for name, s in SAMPLES.items()}


@pytest.mark.parametrize(
    ("format_", "name"),
    [
        pytest.param(format_, name, id=f"{name} as {format_.name}")
        for format_ in FORMATS
        for name in (_kinds().values() if format_.name == "AVIF" else SAMPLES)  # AVIF is slow
    ],
)
def test_a_larger_picture_is_written_as_what_the_format_holds(
    tmp_path: Path, format_: Format, name: str
) -> None:
    picture = read(put(tmp_path, name))
    larger = replace(picture, pixels=picture.pixels.repeat(2, axis=0).repeat(2, axis=1))
    path = tmp_path / f"larger{format_.suffixes[0]}"
    has_alpha = larger.pixels.ndim == 3 and larger.pixels.shape[2] in {2, 4}
    if has_alpha and not format_.alpha:
        with pytest.raises(PictureError, match=r"holds no transparency\. Choose PNG"):
            write(larger, path)
        assert not path.exists()
        return
    write(larger, path, options=WriteOptions(99))
    assert by_content(path.read_bytes()[:64]) is format_

    expected = _held(larger.pixels, format_)
    written = read(path).pixels
    assert written.dtype == expected.dtype
    assert written.shape == expected.shape
    error = np.abs(_levels(written) - _levels(expected))
    if format_.name in LOSS:
        assert error[_is_seen(expected)].mean() < LOSS[format_.name]
    else:
        assert error.max() == 0
    if expected.dtype != np.float32:  # others have no plain reader
        others = _as_others_read(path, written.shape)
        np.testing.assert_allclose(_visible(others), _visible(written), atol=4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (1, 1, 2), (1, 1, 3), (1, 9, 4)])
@pytest.mark.parametrize("format_", FORMATS, ids=lambda format_: format_.name)
def test_the_smallest_pictures_go_through(
    tmp_path: Path, format_: Format, shape: tuple[int, ...]
) -> None:
    path = tmp_path / f"a{format_.suffixes[0]}"
    pixels = np.full(shape, 255, np.uint8)
    write(Picture(pixels), path)
    again = read(path).pixels
    assert again.shape[:2] == shape[:2]
    if format_.grey and format_.alpha:
        np.testing.assert_array_equal(again, pixels)


def _held(pixels: NDArray[Any], format_: Format) -> NDArray[Any]:
    """What of the pixels the format can hold."""
    if not format_.grey and (pixels.ndim == 2 or pixels.shape[2] == 2):
        grey = pixels if pixels.ndim == 2 else pixels[..., 0]
        rest = [] if pixels.ndim == 2 else [pixels[..., 1]]
        pixels = np.dstack([grey, grey, grey, *rest])
    if pixels.dtype.name in format_.depths:
        return pixels
    white = {"uint8": 255, "uint16": 65535}[format_.depths[-1]]
    old = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
    return np.floor(pixels.astype(float) * (white / old) + 0.5).astype(format_.depths[-1])


def _levels(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Levels of 8 bits."""
    white = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
    return pixels.astype(float) * (255 / white)


def _is_seen(pixels: NDArray[Any]) -> Any:
    has_alpha = pixels.ndim == 3 and pixels.shape[2] == 4
    return _levels(pixels)[..., 3] > 200 if has_alpha else slice(None)


def _visible(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Over black."""
    values = _levels(pixels)
    has_alpha = values.ndim == 3 and values.shape[2] in {2, 4}
    return values[..., :-1] * values[..., -1:] / 255 if has_alpha else values


def _as_others_read(path: Path, shape: tuple[int, ...]) -> NDArray[Any]:
    if path.suffix == ".tif":
        return tifffile.imread(path)
    with Image.open(path) as image:
        image.load()
        if path.suffix == ".gif":
            return np.asarray(image.convert("RGBA" if shape[2] == 4 else "RGB"))
        pixels = np.asarray(image.convert("LA") if shape[2:] == (2,) else image)
        return pixels.astype(np.uint16) if image.mode == "I" else pixels
