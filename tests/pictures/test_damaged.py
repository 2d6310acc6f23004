"""Files that are damaged, truncated, not pictures or not files: rejected by name."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from gladsr.errors import PictureError
from gladsr.pictures import ReadOptions, read, read_pages
from gladsr.pictures.formats import SUFFIXES
from tests.pictures.samples import (
    GREY,
    PHOTO,
    SAMPLES,
    animation,
    pages,
    put,
    saved,
    saved_ppm,
    saved_tiff,
)

# One of every way in which a format stores its pixels.
WHOLE: dict[str, bytes] = {
    name: SAMPLES[name].content
    for name in (
        "RGB, 8 bits.png",
        "RGB, 16 bits.png",
        "palette.png",
        "baseline.jpg",
        "progressive.jpg",
        "RGB, 8 bits.tif",
        "RGB, tiled.tif",
        "lzw.tif",
        "jpeg.tif",
        "lossy.webp",
        "lossless.webp",
        "colour.avif",
        "palette.gif",
        "colour.bmp",
        "palette.bmp",
        "rgb to 255.ppm",
        "grey to 1023.ppm",
        "plain.ppm",
        "plain rgb to 1023.ppm",
        "plain grey to 65535.ppm",
        "bits.pbm",
    )
} | {"animation.gif": animation("GIF"), "animation.webp": animation("WEBP")}


def _read_all(path: Path) -> None:
    for picture in read_pages(path).pictures:
        assert picture.pixels.dtype in {np.dtype("u1"), np.dtype("u2"), np.dtype("f4")}


@pytest.mark.parametrize("name", WHOLE)
def test_a_truncated_file_is_rejected_and_nothing_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    whole = WHOLE[name]
    for tenth in range(1, 10):
        path = put(tmp_path, name, whole[: len(whole) * tenth // 10])
        with pytest.raises(PictureError, match=name):
            _read_all(path)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_tiff_without_one_of_its_tiles_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PHOTO, tile=(16, 16))
    with tifffile.TiffFile(path, mode="r+") as file:
        lengths = file.pages.first.tags["TileByteCounts"]
        lengths.overwrite([*lengths.value[:-1], 0])
    with pytest.raises(PictureError, match=r"a\.tif: it cannot be read: .*page 1 is not complete"):
        _read_all(path)


def test_malformed_text_tags_do_not_matter(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    make, copyright_ = (271, 2, 8, b"Canon\0\0\0", True), (33432, 3, 1, 7, True)
    tifffile.imwrite(tmp_path / "a.tif", PHOTO, extratags=[make, copyright_])
    np.testing.assert_array_equal(read(tmp_path / "a.tif").pixels, PHOTO)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", WHOLE)
def test_random_damage_yields_a_picture_or_a_picture_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    """Many formats cannot notice a changed pixel; what matters is that nothing else comes out."""
    random = np.random.default_rng(0)
    whole = WHOLE[name]
    for start in (60, len(whole)):  # where the header is, and anywhere
        for _ in range(20):
            damaged = bytearray(whole)
            for place in random.integers(0, start, 4):
                damaged[place] ^= int(random.integers(1, 256))
            path = put(tmp_path, name, bytes(damaged))
            try:
                _read_all(path)
            except PictureError as error:
                assert name in str(error)  # noqa: PT017 - both ends are right here
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (b"1 2", "too short"),
        (b"1 2 # 3", "too short"),
        (b"1 2 1024", "“1024” is not a number from 0 to 1023"),
        (b"1 -2 3", "“-2” is not a number"),
        (b"1 2_0 3", "“2_0” is not a number"),
        (b"1 2 \xff", "is not a number"),
        (b"1 2 " + b"9" * 9999, "“9{20}” is not a number"),
    ],
)
def test_plain_samples_that_are_not_numbers_are_rejected(
    tmp_path: Path, samples: bytes, reason: str
) -> None:
    path = put(tmp_path, "a.ppm", b"P3 1 1 1023\n" + samples)
    with pytest.raises(PictureError, match=f"a.ppm: it cannot be read.*{reason}"):
        _read_all(path)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("suffix", [".png", ".bmp", ".txt"])
def test_a_wrong_ending_does_not_matter(tmp_path: Path, name: str, suffix: str) -> None:
    _read_all(put(tmp_path, f"a{suffix}", WHOLE[name]))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"only words\n", "not a supported picture"),
        (b"P5 words about pixels\n", "cannot be read"),
        (b"BM, said the bell\n", "cannot be read"),
        (np.random.default_rng(0).bytes(5000), "not a supported picture"),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
            "not a supported picture",
        ),
        (b"\x89PNG\r\n\x1a\n", "cannot be read"),
        (b"\xff\xd8\xff", "cannot be read"),
        (b"II*\0", "cannot be read"),
        (b"GIF89a", "cannot be read"),
    ],
)
def test_other_content_is_rejected(
    tmp_path: Path, suffix: str, content: bytes, reason: str
) -> None:
    path = put(tmp_path, f"a{suffix}", content)
    with pytest.raises(PictureError, match=reason) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_missing_files_folders_and_devices_are_rejected(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(PictureError, match="No such file"):
        read(tmp_path / f"missing{suffix}")
    (tmp_path / f"folder{suffix}").mkdir()
    with pytest.raises(PictureError, match="is a folder"):
        read(tmp_path / f"folder{suffix}")
    os.mkfifo(tmp_path / f"pipe{suffix}")
    with pytest.raises(PictureError, match="or a device"):
        read(tmp_path / f"pipe{suffix}")
    (tmp_path / f"loop{suffix}").symlink_to(tmp_path / f"loop{suffix}")
    with pytest.raises(PictureError, match="loop"):
        read(tmp_path / f"loop{suffix}")
    with pytest.raises(PictureError, match="name too long"):
        read(tmp_path / ("n" * 300 + suffix))


# Dimensions that would fill any memory, in files of a few hundred bytes


def _bomb_png() -> bytes:
    content = bytearray(saved(GREY, "PNG"))
    content[16:24] = struct.pack(">II", 100_000, 90_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


def _bomb_jpeg() -> bytes:
    content = bytearray(saved(GREY, "JPEG"))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", 60_000, 65_000)
    return bytes(content)


def _bomb_tiff() -> bytes:
    content = saved_tiff(GREY)
    for tag, length in ((256, 100_000), (257, 90_000)):
        entry = content.index(struct.pack("<HHI", tag, 4, 1))
        content = content[: entry + 8] + struct.pack("<I", length) + content[entry + 12 :]
    return content


def _bomb_gif() -> bytes:
    content = bytearray(saved(GREY, "GIF"))
    frame = content.index(b",\0\0\0\0") + 5
    content[6:10] = content[frame : frame + 4] = struct.pack("<HH", 60_000, 65_000)
    return bytes(content)


def _bomb_bmp() -> bytes:
    content = bytearray(saved(PHOTO, "BMP"))
    content[18:26] = struct.pack("<ii", 100_000, 90_000)
    return bytes(content)


def _bomb_ppm() -> bytes:
    return saved_ppm(PHOTO, 255).replace(b"56 40", b"100000 90000")


@pytest.mark.parametrize(
    "bomb", [_bomb_png, _bomb_jpeg, _bomb_tiff, _bomb_gif, _bomb_bmp, _bomb_ppm]
)
def test_huge_dimensions_are_rejected_before_decoding(
    tmp_path: Path, bomb: Callable[[], bytes]
) -> None:
    with pytest.raises(PictureError, match=r"more than the limit of 268,435,456"):
        read(put(tmp_path, "bomb", bomb()))


def test_the_limit_of_pixels_can_be_set_and_counts_every_page(tmp_path: Path) -> None:
    path = put(tmp_path, "a.png", saved(GREY, "PNG"))
    assert read(path, options=ReadOptions(GREY.size)).pixels.shape == GREY.shape
    with pytest.raises(PictureError, match="more than the limit of 2,239"):
        read(path, options=ReadOptions(GREY.size - 1))
    path = put(tmp_path, "a.tif", pages(GREY, GREY[::-1]))
    assert read_pages(path, options=ReadOptions(2 * GREY.size)).count == 2
    with pytest.raises(PictureError, match=r"56 × 40 pixels, 4,480 with other pages,"):
        read_pages(path, options=ReadOptions(2 * GREY.size - 1))
    path = put(tmp_path, "b.tif", pages(GREY[:1, :1], GREY, GREY))
    with pytest.raises(
        PictureError, match=r"b\.tif: it has 56 × 40 pixels, 4,481 with other pages,"
    ):
        list(read_pages(path, options=ReadOptions(2 * GREY.size)).pictures)
