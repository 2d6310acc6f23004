"""TIFF beyond 8-bit strips: tiles, unusual samples, other channels, raws, georeferences."""

import io
import logging
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from gladsr.errors import PictureError, TooLargeError
from gladsr.pictures import (
    Pages,
    Picture,
    ReadOptions,
    measure,
    read,
    read_pages,
    write,
    write_pages,
)
from tests.pictures.samples import CHANNELS, GREY, PHOTO, deep, pages, saved_tiff

ALL_CODECS = ["none", "deflate", "lzw", "packbits", "jpeg", "webp"]


def _image(pixels: NDArray[Any]) -> pyvips.Image:
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels))
    deep_ = pixels.dtype == np.uint16
    grey, rgb = ("grey16", "rgb16") if deep_ else ("b-w", "srgb")
    return image.copy(interpretation=grey if image.bands < 3 else rgb)


def _tiled(pixels: NDArray[Any], compression: str) -> bytes:
    options = {"tile": True, "tile_width": 16, "tile_height": 16, "Q": 95}
    data: bytes = _image(pixels).tiffsave_buffer(compression=compression, **options)
    return data


def _put(folder: Path, content: bytes, name: str = "a.tif") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _with_tag(content: bytes, tag: int, value: int) -> bytes:
    """Overwrite the first value of a short or long tag in the first directory."""
    (at,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        if struct.unpack_from("<H", content, entry)[0] == tag:
            return content[: entry + 8] + struct.pack("<I", value) + content[entry + 12 :]
    raise KeyError(tag)


# Tiles


@pytest.mark.parametrize("compression", ALL_CODECS)
def test_tiles_decode_as_libvips_decodes_them(tmp_path: Path, compression: str) -> None:
    content = _tiled(PHOTO, compression)
    expected = pyvips.Image.tiffload_buffer(content).numpy()
    np.testing.assert_array_equal(read(_put(tmp_path, content)).pixels, expected)


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("is_deep", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiles_of_every_kind_of_channels(
    tmp_path: Path, name: str, is_deep: bool, order: str
) -> None:
    pixels: NDArray[Any] = deep(CHANNELS[name]) if is_deep else CHANNELS[name]
    content = saved_tiff(pixels, tile=(16, 32), byteorder=order, bigtiff=is_deep)
    np.testing.assert_array_equal(read(_put(tmp_path, content)).pixels, pixels)


def test_tiles_with_a_palette_or_an_orientation(tmp_path: Path) -> None:
    palette = Image.fromarray(PHOTO).quantize(16)
    colours = np.zeros((3, 256), np.uint16)
    entries = np.array((palette.getpalette() or [])[:48], np.uint16).reshape(16, 3)
    colours[:, :16] = entries.T * 257
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, np.asarray(palette), photometric="palette", colormap=colours, tile=(16, 16)
    )
    np.testing.assert_array_equal(read(path).pixels, np.asarray(palette.convert("RGB")))
    turned = [(274, 3, 1, 6, True)]
    tifffile.imwrite(path, PHOTO, photometric="rgb", tile=(16, 16), extratags=turned)
    np.testing.assert_array_equal(read(path).pixels, np.rot90(PHOTO, -1))
    assert measure(path, max_pages=1) == [(56, 40)]


@pytest.mark.parametrize("compression", ["deflate", "lzw", "jpeg", "webp"])
def test_a_damaged_tile_is_rejected_wherever_it_is(tmp_path: Path, compression: str) -> None:
    content = _tiled(PHOTO, compression)
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        page = file.pages.first
        tiles = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    for offset, length in tiles:
        noise = bytes(37 * index & 255 for index in range(length - 6))
        damaged = content[: offset + 4] + noise + content[offset + length - 2 :]
        with pytest.raises(PictureError, match=r"a\.tif: it cannot be read"):
            read(_put(tmp_path, damaged))


# ZSTD, LZMA, LERC, JPEG 2000, JPEG XL, the first kind of JPEG, and one that does not exist
@pytest.mark.parametrize("compression", [50000, 34925, 34887, 34712, 33003, 50002, 6, 4711])
@pytest.mark.parametrize("options", [{"tile": (16, 16)}, {}], ids=["tiles", "strips"])
def test_a_compression_that_libvips_lacks_is_rejected(
    tmp_path: Path, compression: int, options: dict[str, Any]
) -> None:
    content = _with_tag(saved_tiff(PHOTO, **options), 259, compression)
    with pytest.raises(PictureError, match=r"a\.tif: it cannot be read"):
        read(_put(tmp_path, content))


@pytest.mark.parametrize("is_deep", [False, True])
def test_planes_in_tiles_are_put_together(tmp_path: Path, is_deep: bool) -> None:
    pixels: NDArray[Any] = deep(PHOTO) if is_deep else PHOTO
    planes = np.ascontiguousarray(np.moveaxis(pixels, 2, 0))
    path = tmp_path / "a.tif"
    options: dict[str, Any] = {"photometric": "rgb", "planarconfig": "separate"}
    tifffile.imwrite(path, planes, tile=(16, 16), **options)
    np.testing.assert_array_equal(read(path).pixels, pixels)


def test_tiles_that_do_not_fit_the_size_are_rejected(tmp_path: Path) -> None:
    content = _with_tag(saved_tiff(PHOTO, tile=(16, 16)), 257, 400)
    with pytest.raises(PictureError, match="the number of its tiles does not fit its size"):
        read(_put(tmp_path, content))


# Samples of other sizes


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.uint32])
@pytest.mark.parametrize("options", [{}, {"tile": (16, 16)}, {"compression": "zlib"}], ids=str)
@pytest.mark.parametrize("shape", [(40, 56), (40, 56, 3)])
def test_signed_and_wide_integers_keep_their_values(
    tmp_path: Path, dtype: Any, options: dict[str, Any], shape: tuple[int, ...]
) -> None:
    limits = np.iinfo(dtype)
    values = np.random.default_rng(0).integers(limits.min, limits.max, shape, dtype, endpoint=True)
    values.flat[:2] = limits.min, limits.max
    photometric = "rgb" if len(shape) == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", values, photometric=photometric, **options)
    picture = read(tmp_path / "a.tif")
    assert picture.float_range == pytest.approx((limits.min, limits.max))
    unit = (values.astype(float) - limits.min) / (float(limits.max) - limits.min)
    np.testing.assert_allclose(picture.pixels, unit, atol=1e-6)
    write(picture, tmp_path / "b.tif")
    back = pyvips.Image.new_from_file(str(tmp_path / "b.tif")).numpy().astype(float)
    np.testing.assert_allclose(back, values, atol=1e-6 * (float(limits.max) - limits.min))
    write(picture, tmp_path / "b.png")
    np.testing.assert_allclose(read(tmp_path / "b.png").pixels / 65535, unit, atol=1e-5)


def test_integers_of_a_small_range_keep_their_precision(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for dtype, offset in ((np.int16, -100), (np.uint32, 10**6)):
        values = (GREY.astype(np.int64) + offset).astype(dtype)
        tifffile.imwrite(tmp_path / "a.tif", values)
        picture = read(tmp_path / "a.tif")
        assert picture.float_range == (values.min(), values.max())
        assert (picture.pixels.min(), picture.pixels.max()) == (0, 1)
        assert "its integers are scaled from the range" in caplog.text
        write(picture, tmp_path / "b.tif")
        back = pyvips.Image.new_from_file(str(tmp_path / "b.tif")).numpy()
        assert np.abs(back - values.astype(float)).max() < 0.1
    tifffile.imwrite(tmp_path / "a.tif", np.full((9, 9), 7, np.int16))
    assert not read(tmp_path / "a.tif").pixels.any()


def test_integers_use_a_range_that_is_given(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.arange(2240, dtype=np.uint32).reshape(40, 56))
    picture = read(tmp_path / "a.tif", options=ReadOptions(float_range=(0, 4095)))
    np.testing.assert_allclose(picture.pixels.ravel(), np.arange(2240) / 4095, atol=1e-6)
    with pytest.raises(PictureError, match="Scale them to the range from 0 to 100"):
        read(tmp_path / "a.tif", options=ReadOptions(float_range=(0, 100)))


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "options",
    [{}, {"tile": (16, 16)}, {"planarconfig": "separate"}, {"compression": "zlib"}],
    ids=str,
)
def test_half_and_double_precision(
    tmp_path: Path, dtype: Any, order: Literal["<", ">"], options: dict[str, Any]
) -> None:
    pixels = (PHOTO / 255).astype(dtype)
    planar = "planarconfig" in options
    stored = np.ascontiguousarray(np.moveaxis(pixels, 2, 0)) if planar else pixels
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored, photometric="rgb", byteorder=order, **options)
    picture = read(path)
    assert picture.pixels.dtype == np.float32
    np.testing.assert_array_equal(picture.pixels, pixels.astype(np.float32))


def _packed(pixels: NDArray[Any], bits: int, tile: int | None, photometric: int) -> bytes:
    """Return a TIFF file with samples of some bits, packed from the highest on."""
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    across, down = (-(-n // tile) if tile else 1 for n in (width, height))
    block_width, block_height = (tile, tile) if tile else (width, height)
    padded = np.zeros((down * block_height, across * block_width, channels), np.uint16)
    padded[:height, :width] = pixels.reshape(height, width, channels)
    blocks = []
    for row in range(down):
        for column in range(across):
            top, left = row * block_height, column * block_width
            block = padded[top : top + block_height, left : left + block_width]
            planes = block.reshape(block_height, -1, 1) >> np.arange(bits - 1, -1, -1) & 1
            packed = np.packbits(planes.astype(np.uint8).reshape(block_height, -1), axis=1)
            blocks.append(packed.tobytes())
    offsets = np.cumsum([8, *(len(block) for block in blocks)])
    tags: list[tuple[int, int, Any]] = [
        (256, 3, [width]),
        (257, 3, [height]),
        (258, 3, [bits] * channels),
        (259, 3, [1]),
    ]
    tags += [(262, 3, [photometric])]
    if not tile:
        tags += [(273, 4, offsets[:1]), (277, 3, [channels]), (278, 3, [height])]
        tags += [(279, 4, [len(blocks[0])])]
    else:
        tags += [(277, 3, [channels]), (322, 3, [tile]), (323, 3, [tile])]
        tags += [(324, 4, offsets[:-1]), (325, 4, [len(block) for block in blocks])]
    end = int(offsets[-1])
    table, values = struct.pack("<H", len(tags)), b""
    start = end + 2 + 12 * len(tags) + 4
    for tag, kind, numbers in tags:
        data = np.array(numbers, {3: "<u2", 4: "<u4"}[kind]).tobytes()
        field = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack("<I", start + len(values))
        values += data if len(data) > 4 else b""
        table += struct.pack("<HHI", tag, kind, len(numbers)) + field
    return b"II*\0" + struct.pack("<I", end) + b"".join(blocks) + table + bytes(4) + values


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 7, 9, 10, 12, 14, 15])
@pytest.mark.parametrize("tile", [None, 16])
@pytest.mark.parametrize("name", ["grey", "white is zero", "RGB"])
def test_samples_of_2_to_15_bits(tmp_path: Path, bits: int, tile: int | None, name: str) -> None:
    own = deep(PHOTO if name == "RGB" else GREY) >> (16 - bits)
    white = 255 if bits <= 8 else 65535
    expected: NDArray[Any] = np.floor(own * (white / (2**bits - 1)) + 0.5)
    stored = 2**bits - 1 - own if name == "white is zero" else own
    photometric = {"grey": 1, "white is zero": 0, "RGB": 2}[name]
    pixels = read(_put(tmp_path, _packed(stored, bits, tile, photometric))).pixels
    assert pixels.dtype == (np.uint8 if bits <= 8 else np.uint16)
    np.testing.assert_array_equal(pixels, expected)


def test_packed_samples_of_a_kind_that_cannot_be_undone_are_rejected(tmp_path: Path) -> None:
    content = _packed(deep(GREY) >> 4, 12, None, 1)
    with pytest.raises(PictureError, match=r"its samples have 12 bits, compressed in a way"):
        read(_put(tmp_path, _with_tag(content, 259, 7)))
    with pytest.raises(PictureError, match=r"its samples have 24 bits"):
        read(_put(tmp_path, _with_tag(content, 258, 24)))


# Other colours and channels


@pytest.mark.parametrize("options", [{}, {"tile": (16, 16)}], ids=["strips", "tiles"])
def test_lab_becomes_srgb_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, options: dict[str, Any]
) -> None:
    lab = np.asarray(Image.fromarray(PHOTO).convert("LAB"))
    tifffile.imwrite(tmp_path / "a.tif", lab, photometric="cielab", **options)
    pixels = read(tmp_path / "a.tif").pixels.astype(int)
    assert "CIELAB becomes RGB" in caplog.text
    back = ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
    )
    image = Image.frombytes("LAB", (56, 40), lab.tobytes())
    expected = np.asarray(ImageCms.applyTransform(image, back), int)
    assert np.abs(pixels - expected).mean() < 2
    icc_lab = lab.copy()
    icc_lab[..., 1:] ^= 128
    tifffile.imwrite(tmp_path / "b.tif", icc_lab, photometric="icclab", **options)
    np.testing.assert_array_equal(read(tmp_path / "b.tif").pixels, pixels)


def test_deep_lab(tmp_path: Path) -> None:
    lab = np.asarray(Image.fromarray(PHOTO).convert("LAB"))
    eight = read(_put(tmp_path, _lab(lab)))
    wide = np.empty(lab.shape, np.uint16)
    wide[..., 0] = lab[..., 0] * 257.0
    wide[..., 1:] = (lab[..., 1:].view(np.int8).astype(np.int16) * 256).view(np.uint16)
    sixteen = read(_put(tmp_path, _lab(wide)))
    assert sixteen.pixels.dtype == np.uint16
    assert np.abs(sixteen.pixels / 257 - eight.pixels).max() < 1


def _lab(pixels: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, photometric="cielab")
    return file.getvalue()


def test_cmyk_with_an_extra_channel(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    inks = np.asarray(Image.fromarray(PHOTO).convert("CMYK"))
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated")
    plain = read(tmp_path / "a.tif").pixels
    spot = np.roll(GREY, 5)
    more = np.dstack([inks, spot])
    for meaning, place in (("unspecified", "extra"), ("unassalpha", "alpha")):
        path = tmp_path / f"{meaning}.tif"
        tifffile.imwrite(path, more, photometric="separated", extrasamples=[meaning])
        picture = read(path)
        np.testing.assert_array_equal(picture.pixels[..., :3], plain)
        found = picture.extra if place == "extra" else picture.pixels[..., 3:]
        assert found is not None
        np.testing.assert_array_equal(found[..., 0], spot)
    assert "CMYK becomes RGB" in caplog.text


@pytest.mark.parametrize("options", [{}, {"tile": (16, 16)}], ids=["strips", "tiles"])
@pytest.mark.parametrize(
    ("name", "meanings"),
    [
        ("grey", ["unspecified"]),
        ("RGB", ["unspecified"]),
        ("RGB", ["unspecified"] * 2),
        ("RGBA", ["unassalpha", "unspecified"]),
    ],
)
def test_channels_that_are_no_alpha_stay_apart(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    options: dict[str, Any],
    name: str,
    meanings: list[str],
) -> None:
    """Infrared and saved selections: the colours below their zeros are not to be lost."""
    pixels = CHANNELS[name]
    infrared = np.where(GREY < 90, 0, 200).astype(np.uint8)
    count = meanings.count("unspecified")
    more = np.dstack([pixels, *[np.roll(infrared, 9 * n) for n in range(count)]])
    kind = "minisblack" if name == "grey" else "rgb"
    tifffile.imwrite(
        tmp_path / "a.tif",
        more,
        photometric=kind,
        extrasamples=meanings,
        planarconfig="contig",
        metadata=None,
        **options,
    )
    picture = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.extra is not None
    np.testing.assert_array_equal(picture.extra, more[..., -count:])
    write(picture, tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        np.testing.assert_array_equal(file.pages.first.asarray(), more)
        expected = {"unspecified": 0, "unassalpha": 2}
        assert file.pages.first.extrasamples == tuple(expected[each] for each in meanings)
    write(picture, tmp_path / "b.png")
    np.testing.assert_array_equal(read(tmp_path / "b.png").pixels, pixels)
    assert f"{count} extra channels are left out" in caplog.text


def test_extra_channels_of_a_large_picture(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1500, 1300, 5), np.uint8)
    write(Picture(pixels[..., :3], extra=pixels[..., 3:]), tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        np.testing.assert_array_equal(file.pages.first.asarray(), pixels)


def test_a_channel_without_a_meaning_is_alpha(tmp_path: Path) -> None:
    content = saved_tiff(CHANNELS["RGBA"])
    without = content.replace(struct.pack("<HHI", 338, 3, 1), struct.pack("<HHI", 65000, 3, 1))
    assert without != content
    np.testing.assert_array_equal(read(_put(tmp_path, without)).pixels, CHANNELS["RGBA"])


# Previews and smaller copies


def _dng(folder: Path) -> Path:
    with tifffile.TiffWriter(folder / "a.tif") as file:
        version = [(50706, 1, 4, (1, 4, 0, 0), True)]
        file.write(PHOTO, photometric="rgb", subfiletype=1, subifds=1, extratags=version)
        file.write(deep(GREY), photometric=32803)
    return folder / "a.tif"


def _nef(folder: Path) -> Path:
    with tifffile.TiffWriter(folder / "a.tif") as file:
        file.write(PHOTO, photometric="rgb", subfiletype=1, subifds=1)
        file.write(deep(GREY), photometric=32803)
    return folder / "a.tif"


def _sony(folder: Path) -> Path:
    return _put(folder, _with_tag(saved_tiff(GREY), 259, 32767))


def _canon(folder: Path) -> Path:
    return _put(folder, b"II*\0\x10\0\0\0CR\x02\0" + bytes(90))


def _fuji(folder: Path) -> Path:
    return _put(folder, b"FUJIFILMCCD-RAW 0201" + bytes(90))


@pytest.mark.parametrize("make", [_dng, _nef, _sony, _canon, _fuji])
def test_a_camera_raw_is_rejected_with_the_way_round_it(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    path = make(tmp_path)
    for call in (read, lambda path: measure(path, max_pages=9)):
        with pytest.raises(PictureError, match="it is a camera raw file") as error:
            call(path)
        assert "raw converter" in error.value.remedy


def test_smaller_copies_of_a_page_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        options: dict[str, Any] = {"photometric": "rgb", "tile": (16, 16), "metadata": None}
        file.write(PHOTO, **options)
        file.write(PHOTO[::2, ::2], subfiletype=1, **options)
        file.write(np.flipud(PHOTO), **options)
        file.write(PHOTO[::4, ::4], subfiletype=1, **options)
    found = read_pages(tmp_path / "a.tif")
    assert (found.count, found.alike) == (2, True)
    first, second = found.pictures
    np.testing.assert_array_equal(first.pixels, PHOTO)
    np.testing.assert_array_equal(second.pixels, np.flipud(PHOTO))
    assert "2 smaller copies or masks of its pages are left out" in caplog.text
    assert measure(tmp_path / "a.tif", max_pages=9) == [(40, 56)] * 2


def test_a_page_that_is_only_a_smaller_copy_is_read(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PHOTO, photometric="rgb", subfiletype=1)
    np.testing.assert_array_equal(read(tmp_path / "a.tif").pixels, PHOTO)


def test_pages_beyond_a_limit_are_rejected(tmp_path: Path) -> None:
    path = _put(tmp_path, pages(GREY, GREY, GREY))
    assert read_pages(path, options=ReadOptions(max_pages=3)).count == 3
    with pytest.raises(TooLargeError, match=r"more pages than the limit of 2"):
        read_pages(path, options=ReadOptions(max_pages=2))


def test_directories_in_a_circle_are_rejected(tmp_path: Path) -> None:
    content = saved_tiff(GREY)
    (at,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, at)
    link = at + 2 + 12 * count
    circle = content[:link] + struct.pack("<I", at) + content[link + 4 :]
    with pytest.raises(PictureError, match="a directory follows itself"):
        read(_put(tmp_path, circle))


# Georeference

_SCALE, _TIES, _MATRIX, _KEYS = 33550, 33922, 34264, 34735


def _geotiff(folder: Path, raster_type: int, use_matrix: bool) -> Path:
    keys = (1, 1, 0, 2, 1024, 0, 1, 1, 1025, 0, 1, raster_type)
    tags: list[Any] = [(_KEYS, 3, len(keys), keys, True), (42113, 2, 5, "-999", True)]
    if use_matrix:
        matrix = (0.5, 0.1, 0, 1000.0, -0.1, -0.5, 0, 2000.0, 0, 0, 0, 0, 0, 0, 0, 1.0)
        tags.append((_MATRIX, 12, 16, matrix, True))
    else:
        tags.append((_SCALE, 12, 3, (0.5, 0.25, 0.0), True))
        tags.append((_TIES, 12, 6, (10.0, 4.0, 0.0, 1000.0, 2000.0, 0.0), True))
    tifffile.imwrite(folder / "a.tif", PHOTO, photometric="rgb", extratags=tags, metadata=None)
    return folder / "a.tif"


def _ground(path: Path, x: float, y: float) -> tuple[float, float]:
    """Return where a corner of pixels, counted from the upper left, is on the ground."""
    with tifffile.TiffFile(path) as file:
        tags = {tag.code: tag.value for tag in file.pages.first.tags}
    if tags[_KEYS][-1] == 2:  # coordinates are those of centres
        x, y = x - 0.5, y - 0.5
    if _MATRIX in tags:
        east, north, _, _ = np.array(tags[_MATRIX]).reshape(4, 4) @ (x, y, 0, 1)
        return float(east), float(north)
    column, row, _, east, north, _ = tags[_TIES]
    return east + (x - column) * tags[_SCALE][0], north - (y - row) * tags[_SCALE][1]


@pytest.mark.parametrize("raster_type", [1, 2], ids=["areas", "points"])
@pytest.mark.parametrize("use_matrix", [False, True])
def test_a_georeference_fits_the_larger_picture(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, raster_type: int, use_matrix: bool
) -> None:
    path = _geotiff(tmp_path, raster_type, use_matrix)
    picture = read(path)
    larger = replace(picture, pixels=PHOTO.repeat(2, 0).repeat(3, 1))
    write(larger, tmp_path / "b.tif")
    for x, y in ((0, 0), (56, 40), (10, 4), (33.3, 7.7)):
        here = _ground(tmp_path / "b.tif", 3 * x, 2 * y)
        assert here == pytest.approx(_ground(path, x, y), rel=1e-12)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages.first.tags[42113].value == "-999"
    assert "gladsr" not in {record.name.partition(".")[0] for record in caplog.records}
    write(larger, tmp_path / "b.jpg")
    assert "its georeference is left out, which only TIFF holds" in caplog.text
    with Image.open(tmp_path / "b.jpg") as image:
        assert not {_SCALE, _TIES, _MATRIX, _KEYS} & set(image.getexif())


def test_a_georeference_of_a_picture_on_its_side_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        tags = [(_SCALE, 12, 3, (0.5, 0.25, 0.0), True), (274, 3, 1, 6, True)]
        tifffile.imwrite(tmp_path / "a.tif", PHOTO, photometric="rgb", extratags=tags)
        write_pages(read_pages(tmp_path / "a.tif"), tmp_path / "b.tif")
    assert "its georeference is left out, since the picture is turned" in caplog.text
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert _SCALE not in file.pages.first.tags


def test_two_pages_of_other_channels(tmp_path: Path) -> None:
    """A page's extra channels do not become those of the next."""
    first = Picture(PHOTO, extra=GREY[..., None])
    write_pages(Pages([first, Picture(PHOTO)], 2), tmp_path / "a.tif")
    one, two = read_pages(tmp_path / "a.tif").pictures
    assert one.extra is not None
    np.testing.assert_array_equal(one.extra[..., 0], GREY)
    assert two.extra is None
