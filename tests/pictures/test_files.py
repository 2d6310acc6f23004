"""Picture files against Pillow and tifffile, and everything that can be wrong with a file."""

import functools
import io
import os
import re
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageOps, PngImagePlugin
from skimage import data

from gladsr.atomic import atomic_write
from gladsr.errors import PictureError
from gladsr.pictures import SUFFIXES, Picture, WriteOptions, read, write

astronaut: Callable[[], NDArray[np.uint8]] = data.astronaut
PHOTO = astronaut()[:60, 180:260]
ALPHA = np.tile(np.linspace(0, 255, 80).astype(np.uint8), (60, 1))[..., None]
CHANNELS = {
    "grey": PHOTO[..., 0],
    "grey and alpha": np.dstack([PHOTO[..., 0], ALPHA]),
    "RGB": PHOTO,
    "RGBA": np.dstack([PHOTO, ALPHA]),
}
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><test/></x:xmpmeta>'


@functools.cache  # a profile holds the second in which it was made
def _profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _directory(
    offset: int, entries: list[tuple[int, int, int, int | bytes]], following: int
) -> bytes:
    """One directory of a little-endian EXIF block: (tag, type, count, value), ... and its data."""
    start = offset + 2 + 12 * len(entries) + 4
    table, values = struct.pack("<H", len(entries)), b""
    for tag, kind, count, value in entries:
        if isinstance(value, bytes):
            table += struct.pack("<HHII", tag, kind, count, start + len(values))
            values += value + b"\0" * (len(value) % 2)
        else:
            table += struct.pack("<HHII", tag, kind, count, value)
    return table + struct.pack("<I", following) + values


def _exif(orientation: int = 1, dpi: int | None = None, thumbnail: bytes = b"") -> bytes:
    """An EXIF block with a name in UTF-8, makers' bytes, unknown tags, sizes and a thumbnail."""
    artist = "Jürgen Åström\0".encode()
    entries: list[tuple[int, int, int, int | bytes]] = [
        (ExifTags.Base.Orientation, 3, 1, orientation),
        (ExifTags.Base.Artist, 2, len(artist), artist),
        (ExifTags.IFD.Exif, 4, 1, 0),
        (ExifTags.Base.PrintImageMatching, 7, 7, b"PrintIM"),
        (0xEEEE, 7, 7, b"unknown"),
    ]
    if dpi:
        entries[1:1] = [
            (ExifTags.Base.XResolution, 5, 1, struct.pack("<II", dpi, 1)),
            (ExifTags.Base.YResolution, 5, 1, struct.pack("<II", 2 * dpi, 1)),
            (ExifTags.Base.ResolutionUnit, 3, 1, 2),
        ]
    place = 8 + len(_directory(8, entries, 0))
    entries[-3] = (ExifTags.IFD.Exif, 4, 1, place)
    camera: list[tuple[int, int, int, int | bytes]] = [
        (ExifTags.IFD.MakerNote, 7, 9, b"maker's  "),
        (ExifTags.Base.ExifImageWidth, 3, 1, 80),
        (ExifTags.Base.ExifImageHeight, 3, 1, 60),
    ]
    second = _directory(place, camera, 0)
    after = place + len(second)
    third = _directory(
        after,
        [
            (ExifTags.Base.Compression, 3, 1, 6),
            (ExifTags.Base.JpegIFOffset, 4, 1, after + 2 + 3 * 12 + 4),
            (ExifTags.Base.JpegIFByteCount, 4, 1, len(thumbnail)),
        ],
        0,
    )
    first = _directory(8, entries, after if thumbnail else 0)
    block = b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + second
    return block + (third + thumbnail if thumbnail else b"")


# Reading what others write


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
@pytest.mark.parametrize("quality", [30, 95])
def test_decodes_lossy_files_as_pillow_does(tmp_path: Path, suffix: str, quality: int) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(PHOTO).save(path, quality=quality)
    decoded = np.asarray(Image.open(path)).astype(int)
    np.testing.assert_allclose(read(path).pixels, decoded, atol=2)


@pytest.mark.parametrize("suffix", [".jpg", ".tiff"])
def test_cmyk_becomes_srgb(tmp_path: Path, suffix: str) -> None:
    inks = np.zeros((48, 64, 4), np.uint8)  # white, black, and cyan
    inks[16:32, :, 3] = 255
    inks[32:, :, 0] = 255
    path = tmp_path / f"a{suffix}"
    Image.fromarray(inks, "CMYK").save(path, quality=100)
    picture = read(path)
    assert picture.pixels.shape == (48, 64, 3)
    assert picture.icc_profile is not None
    assert picture.icc_profile[12:20] == b"mntrRGB "
    assert picture.pixels[8, 32].min() > 250
    assert picture.pixels[24, 32].max() < 60
    red, green, blue = picture.pixels[40, 32]
    assert red < 60
    assert 120 < green < blue


# Writing what others read, and reading it again


def test_floating_point_stays_so_in_tiff_and_becomes_the_deepest_elsewhere(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).random((20, 30, 3)).astype(np.float32)
    write(Picture(pixels), tmp_path / "a.tiff")
    np.testing.assert_array_equal(read(tmp_path / "a.tiff").pixels, pixels)
    for suffix, kind, step in ((".png", np.uint16, 1 / 65535), (".webp", np.uint8, 1 / 255)):
        write(Picture(pixels), tmp_path / f"a{suffix}", options=WriteOptions(100))
        again = read(tmp_path / f"a{suffix}").pixels
        assert again.dtype == kind
        np.testing.assert_allclose(again * step, pixels, atol=step * 0.51)


def test_webp_of_quality_100_is_lossless_even_where_it_is_transparent(tmp_path: Path) -> None:
    write(Picture(CHANNELS["RGBA"]), tmp_path / "a.webp", options=WriteOptions(100))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.webp")), CHANNELS["RGBA"])


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_quality_trades_size_for_likeness(tmp_path: Path, suffix: str) -> None:
    errors, sizes = [], []
    for quality in (20, 60, 95):
        write(Picture(PHOTO), tmp_path / f"a{suffix}", options=WriteOptions(quality))
        sizes.append((tmp_path / f"a{suffix}").stat().st_size)
        again = np.asarray(Image.open(tmp_path / f"a{suffix}")).astype(float)
        errors.append(float(np.mean((again - PHOTO) ** 2)))
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 15


def test_jpeg_drops_an_opaque_alpha_and_refuses_another(tmp_path: Path) -> None:
    opaque = np.dstack([PHOTO, np.full_like(ALPHA, 255)])
    write(Picture(opaque), tmp_path / "a.jpg")
    assert read(tmp_path / "a.jpg").pixels.shape == PHOTO.shape
    with pytest.raises(PictureError, match="no transparency"):
        write(Picture(CHANNELS["RGBA"]), tmp_path / "b.jpg")
    assert not (tmp_path / "b.jpg").exists()


def test_the_same_picture_gives_the_same_bytes(tmp_path: Path) -> None:
    picture = Picture(PHOTO, exif=_exif(), icc_profile=_profile(), dpi=(300, 300))
    for suffix in SUFFIXES:
        for name in ("a", "b"):
            write(picture, tmp_path / f"{name}{suffix}")
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


# What belongs to a picture


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tiff", ".webp"])
def test_orientation_is_applied_once_and_reset(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(PHOTO).save(tmp_path / f"a{suffix}", exif=exif.tobytes())
    with Image.open(tmp_path / f"a{suffix}") as image:
        upright = np.asarray(ImageOps.exif_transpose(image)).astype(int)
    picture = read(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(picture.pixels, upright, atol=2)

    write(picture, tmp_path / f"b{suffix}")
    with Image.open(tmp_path / f"b{suffix}") as image:
        assert image.getexif().get(ExifTags.Base.Orientation, 1) == 1
        assert image.size == upright.shape[1::-1]
    assert read(tmp_path / f"b{suffix}").pixels.shape == upright.shape


@pytest.mark.parametrize("target", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("source", [".jpg", ".png", ".webp"])
def test_profile_exif_and_xmp_are_kept(tmp_path: Path, source: str, target: str) -> None:
    packet = PngImagePlugin.PngInfo()
    packet.add_itxt("XML:com.adobe.xmp", XMP.decode())
    Image.fromarray(PHOTO).save(
        tmp_path / f"a{source}",
        exif=_exif(6, dpi=240),
        icc_profile=_profile(),
        **({"pnginfo": packet} if source == ".png" else {"xmp": XMP}),
    )
    picture = read(tmp_path / f"a{source}")
    larger = replace(picture, pixels=picture.pixels.repeat(2, 0).repeat(2, 1))
    write(larger, tmp_path / f"b{target}")
    with Image.open(tmp_path / f"b{target}") as image:
        assert image.info["icc_profile"] == _profile()
        assert "Jürgen Åström".encode() in image.info["exif"]
        for kept in (b"PrintIM", b"unknown", b"maker's  "):
            assert kept in image.info["exif"]
        assert XMP in (image.info.get("xmp") or image.info["XML:com.adobe.xmp"].encode())
        sizes = image.getexif().get_ifd(ExifTags.IFD.Exif)
        height, width = larger.pixels.shape[:2]
        assert sizes[ExifTags.Base.ExifImageWidth] == width == 2 * PHOTO.shape[0]
        assert sizes[ExifTags.Base.ExifImageHeight] == height == 2 * PHOTO.shape[1]


def test_tiff_keeps_profile_and_xmp(tmp_path: Path) -> None:
    write(Picture(PHOTO, icc_profile=_profile(), xmp=XMP), tmp_path / "a.tif")
    picture = read(tmp_path / "a.tif")
    assert (picture.icc_profile, picture.xmp) == (_profile(), XMP)


def test_a_thumbnail_is_made_anew(tmp_path: Path) -> None:
    thumbnail = io.BytesIO()
    Image.new("RGB", (16, 12), "red").save(thumbnail, "JPEG")
    exif = _exif(6, thumbnail=thumbnail.getvalue())
    Image.fromarray(PHOTO).save(tmp_path / "a.jpg", exif=exif)
    picture = read(tmp_path / "a.jpg")
    large = replace(picture, pixels=picture.pixels.repeat(4, 0).repeat(4, 1))
    for suffix in (".jpg", ".png", ".webp"):
        write(large, tmp_path / f"b{suffix}")
        written = (tmp_path / f"b{suffix}").read_bytes()
        assert thumbnail.getvalue() not in written
        with Image.open(tmp_path / f"b{suffix}") as image:
            block = image.info["exif"].removeprefix(b"Exif\0\0")
            place = image.getexif().get_ifd(ExifTags.IFD.IFD1)
        start = place[ExifTags.Base.JpegIFOffset]
        new = block[start : start + place[ExifTags.Base.JpegIFByteCount]]
        with Image.open(io.BytesIO(new)) as image:
            assert image.size == (120, 160)
            likeness = np.asarray(Image.fromarray(large.pixels).resize(image.size)).astype(int)
            assert np.abs(np.asarray(image) - likeness).mean() < 5


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_resolution_is_kept_also_against_an_old_exif_block(tmp_path: Path, suffix: str) -> None:
    picture = Picture(PHOTO, exif=_exif(dpi=240), dpi=(300, 150))
    write(picture, tmp_path / f"a{suffix}")
    assert read(tmp_path / f"a{suffix}").dpi == pytest.approx((300, 150), rel=1e-3)
    if suffix != ".webp":
        with Image.open(tmp_path / f"a{suffix}") as image:
            # JPEG has one figure in Pillow's eyes, the one across.
            assert float(image.info["dpi"][0]) == pytest.approx(300, rel=1e-3)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_resolution_is_read_turned_upright_and_none_where_none_is_stated(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(PHOTO).save(path)
    assert read(path).dpi is None
    if suffix == ".tif":
        Image.fromarray(PHOTO).save(path, dpi=(100, 200), tiffinfo={274: 6})
    else:
        Image.fromarray(PHOTO).save(path, exif=_exif(6, dpi=100))
    assert read(path).dpi == pytest.approx((200, 100), rel=1e-3)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\x7f" + b"\xff" * 40]
)
def test_nonsense_in_the_metadata_spoils_no_picture(tmp_path: Path, exif: bytes) -> None:
    Image.fromarray(PHOTO).save(tmp_path / "a.jpg", exif=exif, icc_profile=b"nonsense")
    picture = read(tmp_path / "a.jpg")
    for suffix in SUFFIXES:
        write(picture, tmp_path / f"b{suffix}")
        assert read(tmp_path / f"b{suffix}").pixels.shape == PHOTO.shape


# Names


@pytest.mark.parametrize(
    "name",
    ["a b.png", "ü-日本.png", "x[1].png", "y.png[page=1].png", "n" * 251 + ".png", ".png.PNG"],
)
def test_any_name_is_a_name(tmp_path: Path, name: str) -> None:
    write(Picture(PHOTO), tmp_path / name)
    np.testing.assert_array_equal(read(tmp_path / name).pixels, PHOTO)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_name_without_a_known_ending_cannot_be_written(tmp_path: Path) -> None:
    for name in ("a", "a.psd", "a.png.txt"):
        with pytest.raises(PictureError, match=r"must end in one of .*\.webp"):
            write(Picture(PHOTO), tmp_path / name)
    assert not list(tmp_path.iterdir())


# Files that are not read


def test_other_formats_are_rejected(tmp_path: Path) -> None:
    Image.fromarray(PHOTO).save(tmp_path / "a.jp2")
    with pytest.raises(PictureError, match=r"it is JPEG 2000, which is not supported\. Convert it"):
        read(tmp_path / "a.jp2")


def test_complex_numbers_are_rejected(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 30), np.complex64))
    with pytest.raises(PictureError, match=r"a\.tif: its samples are complex numbers"):
        read(tmp_path / "a.tif")


def test_ycbcr_that_libvips_would_take_for_rgb_is_rejected(tmp_path: Path) -> None:
    ycbcr = Image.fromarray(PHOTO).convert("YCbCr")
    ycbcr.save(tmp_path / "a.tif")
    with pytest.raises(
        PictureError, match=r"a\.tif: its pixels are in YCbCr .*\. Convert it to grey or RGB"
    ):
        read(tmp_path / "a.tif")
    ycbcr.save(tmp_path / "b.tif", compression="jpeg", quality=99)
    assert np.abs(read(tmp_path / "b.tif").pixels.astype(int) - PHOTO).mean() < 3


@pytest.mark.parametrize("value", [-0.1, 1.5, np.nan, np.inf])
def test_floating_point_outside_the_range_is_rejected(tmp_path: Path, value: float) -> None:
    pixels = np.full((20, 30), 0.5, np.float32)
    pixels[3, 4] = value
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    with pytest.raises(PictureError, match="range from 0 to 1"):
        read(tmp_path / "a.tif")


# Writing that fails


def _too_wide_for_webp() -> NDArray[Any]:
    return np.zeros((2, 20_000, 3), np.uint8)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write(Picture(PHOTO), tmp_path / "a.webp")
    before = (tmp_path / "a.webp").read_bytes()
    with pytest.raises(PictureError, match=r"a\.webp: it cannot be written"):
        write(Picture(_too_wide_for_webp()), tmp_path / "a.webp")
    assert (tmp_path / "a.webp").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.webp"]


def test_folders_that_are_missing_or_in_the_way_are_named(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"none/a\.png: it cannot be written: No such file"):
        write(Picture(PHOTO), tmp_path / "none" / "a.png")
    (tmp_path / "a.png").mkdir()
    with pytest.raises(PictureError, match=r"a\.png: it cannot be written: Is a directory"):
        write(Picture(PHOTO), tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_errors_do_not_name_the_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "missing" / "file", tmp_path / "folder"):
        with pytest.raises(OSError, match=f"{re.escape(repr(str(path)))}$"), atomic_write(path):
            pass


def test_the_umask_is_honoured(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(Picture(PHOTO), tmp_path / "a.png")
    finally:
        os.umask(before)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o640
