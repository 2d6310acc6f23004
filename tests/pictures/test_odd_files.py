"""Whole kinds of real files that once came out silently wrong, or were rejected for no reason."""

import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them
import tifffile
from PIL import ExifTags, Image

from gladsr.errors import PictureError, StorageError, TooLargeError
from gladsr.pictures import (
    Pages,
    Picture,
    ReadOptions,
    WriteOptions,
    measure,
    read,
    read_pages,
    write,
    write_pages,
)
from gladsr.pictures.source import opened
from gladsr.pictures.xmp import without_attachments
from tests.pictures.samples import FRAMES, GREY, PHOTO, animation, put, saved

# What follows the picture in a JPEG file

_ADOBE = b"http://ns.adobe.com/xap/1.0/\0"
_ULTRA_HDR = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"
xmlns:Container="http://ns.google.com/photos/1.0/container/"
xmlns:Item="http://ns.google.com/photos/1.0/container/item/" xmlns:dc="d" dc:title="kept"
hdrgm:Version="1.0"><Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item
Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li></rdf:Seq></Container:Directory>
</rdf:Description></rdf:RDF></x:xmpmeta>"""
_MOTION = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description dc:title="kept"
GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1" GCamera:MicroVideo="1"
GCamera:MicroVideoOffset="999"/></x:xmpmeta>"""


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 255, marker, len(data) + 2) + data


def _mpo(count: int) -> bytes:
    first, *others = (Image.fromarray(np.roll(PHOTO, 9 * n, 1)) for n in range(count))
    file = io.BytesIO()
    first.save(file, "MPO", save_all=True, append_images=others)
    return file.getvalue()


@pytest.mark.parametrize(
    ("xmp", "name"), [(_ULTRA_HDR, "gain map"), (_MOTION, "film (Motion Photo)")]
)
def test_what_follows_the_picture_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, xmp: bytes, name: str
) -> None:
    jpeg = saved(PHOTO, "JPEG")
    path = put(tmp_path, "a.jpg", jpeg[:2] + _segment(0xE1, _ADOBE + xmp) + jpeg[2:] + jpeg)
    picture = read(path)
    assert f"its {name} is left out" in caplog.text
    assert picture.xmp is not None
    assert b'dc:title="kept"' in picture.xmp
    for announced in (b"hdrgm", b"Container", b"MotionPhoto", b"MicroVideo", b"hdr-gain-map"):
        assert announced not in picture.xmp.replace(b"xmlns:Item", b"").replace(b"/container/", b"")
    np.testing.assert_array_equal(picture.pixels, read(put(tmp_path, "b.jpg", jpeg)).pixels)


@pytest.mark.parametrize(("count", "name"), [(2, "second picture"), (3, "2 other pictures")])
def test_an_mpo_is_its_first_picture(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, count: int, name: str
) -> None:
    path = put(tmp_path, "a.mpo", _mpo(count))
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(read(path).pixels - expected).max() <= 3
    assert f"its {name} is left out" in caplog.text


def test_an_ordinary_jpeg_has_nothing_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    xmp = b'<rdf:Description GCamera:MotionPhoto="0" dc:title="MotionPhoto"/>'
    jpeg = saved(PHOTO, "JPEG")
    jpeg = jpeg[:2] + _segment(0xE1, _ADOBE + xmp) + _segment(0xE2, b"MPF\0no") + jpeg[2:]
    assert read(put(tmp_path, "a.jpg", jpeg)).xmp == xmp
    assert not caplog.records


def test_properties_in_elements_are_taken_out_of_xmp() -> None:
    packet = (
        b"<a><hdrgm:Version>1.0</hdrgm:Version><b/><GCamera:MotionPhoto>1</GCamera:MotionPhoto></a>"
    )
    assert without_attachments(packet) == b"<a><b/></a>"


# File name suffixes and missing end marks


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".mpo", ".JFIF"])
def test_other_suffixes_of_jpeg_are_read_and_written(tmp_path: Path, suffix: str) -> None:
    write(Picture(PHOTO), tmp_path / f"a{suffix}")
    with Image.open(tmp_path / f"a{suffix}") as image:
        assert image.format == "JPEG"
    assert read(tmp_path / f"a{suffix}").pixels.shape == PHOTO.shape


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 100}], ids=str)
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_without_its_end_mark_is_read(
    tmp_path: Path, options: dict[str, Any], missing: int
) -> None:
    jpeg = saved(PHOTO, "JPEG", **options)
    expected = read(put(tmp_path, "a.jpg", jpeg)).pixels
    if missing == 2:
        np.testing.assert_array_equal(
            read(put(tmp_path, "b.jpg", jpeg[:-missing])).pixels, expected
        )
    for cut in (20, 200, len(jpeg) // 2):
        with pytest.raises(PictureError, match=r"b\.jpg: it cannot be read"):
            read(put(tmp_path, "b.jpg", jpeg[:-cut]))


def test_a_gif_without_its_end_mark_is_read(tmp_path: Path) -> None:
    for content in (saved(PHOTO, "GIF"), animation("GIF")):
        expected = [page.pixels for page in read_pages(put(tmp_path, "a.gif", content)).pictures]
        found = [page.pixels for page in read_pages(put(tmp_path, "b.gif", content[:-1])).pictures]
        np.testing.assert_array_equal(found, expected)
        for cut in (2, 20, 200):
            with pytest.raises(PictureError, match="its end is missing"):
                read_pages(put(tmp_path, "b.gif", content[:-cut]))


# GIF, WebP and PNG


def _gif(*frames: tuple[int, int, int], screen: tuple[int, int] = (40, 30)) -> bytes:
    """Return a GIF whose frames are squares of some colour (left, top, index) of 16 pixels."""
    content = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x81, 0, 0)
    content += bytes([10, 20, 30, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    for left, top, index in frames:
        square = Image.new("P", (16, 16), index)
        square.putpalette([0] * 12)
        data = saved(square, "GIF", optimize=False)
        start = data.index(b",\0\0\0\0\x10\0\x10\0")
        coded = data[start + 10 : -1]
        content += b"!\xf9\x04\x04\x0a\0\0\0," + struct.pack("<4HB", left, top, 16, 16, 0) + coded
    return content + b";"


@pytest.mark.parametrize("end", [b"", b";", b";junk behind the end mark, with a ; in it"])
def test_a_gif_that_does_not_cover_its_screen_is_transparent_there(
    tmp_path: Path, end: bytes
) -> None:
    path = put(tmp_path, "a.gif", _gif((10, 5, 1))[:-1] + end)
    expected = np.zeros((30, 40, 4), np.uint8)
    expected[5:21, 10:26] = 255, 0, 0, 255
    np.testing.assert_array_equal(read(path).pixels, expected)


def test_frames_after_one_that_does_not_cover_the_screen(tmp_path: Path) -> None:
    found = read_pages(put(tmp_path, "a.gif", _gif((10, 5, 1), (20, 5, 2))))
    assert (found.count, found.delays) == (2, (100, 100))
    first, second = (frame.pixels for frame in found.pictures)
    assert first[0, 0].tolist() == [0, 0, 0, 0]
    assert second[0, 0].tolist() == [0, 0, 0, 0]
    assert second[10, 12].tolist() == [255, 0, 0, 255]
    assert second[10, 22].tolist() == [0, 255, 0, 255]


def test_a_gif_that_covers_its_screen_has_no_alpha(tmp_path: Path) -> None:
    path = put(tmp_path, "a.gif", _gif((0, 0, 1), screen=(16, 16)))
    assert read(path).pixels.shape == (16, 16, 3)


@pytest.mark.parametrize("delays", [(5, 10, 20, 1000), (0, 1, 11, 12)])
def test_short_delays_of_a_webp_are_kept(tmp_path: Path, delays: tuple[int, ...]) -> None:
    frames = [np.roll(PHOTO, 9 * n, 1) for n in range(4)]
    write_pages(Pages(map(Picture, frames), 4, delays=delays), tmp_path / "a.webp")
    assert read_pages(tmp_path / "a.webp").delays == delays
    with Image.open(tmp_path / "a.webp") as image:
        found = []
        for number in range(4):
            image.seek(number)
            image.load()
            found.append(image.info["duration"])
    assert tuple(found) == delays


def test_equal_frames_of_a_webp_are_shown_as_long(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frames = [PHOTO, PHOTO, np.flipud(PHOTO), PHOTO]
    pages = Pages(map(Picture, frames), 4, delays=(5, 7, 40, 30))
    write_pages(pages, tmp_path / "a.webp", options=WriteOptions(100))
    again = read_pages(tmp_path / "a.webp")
    assert again.delays == (12, 40, 30)
    assert "1 frames equal to the one before are merged" in caplog.text
    for picture, expected in zip(again.pictures, frames[1:], strict=True):
        np.testing.assert_array_equal(picture.pixels, expected)


def test_a_gif_gets_the_shortest_delay_that_it_holds(tmp_path: Path) -> None:
    pages = Pages(map(Picture, FRAMES), 3, delays=(0, 4, 26))
    write_pages(pages, tmp_path / "a.gif")
    assert read_pages(tmp_path / "a.gif").delays == (10, 10, 30)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("compressed", [False, True])
def test_metadata_after_the_pixels_of_a_png_count(tmp_path: Path, compressed: bool) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "Rolleiflex"
    xmp = b'<rdf:Description dc:title="a"/>'
    data = zlib.compress(xmp) if compressed else xmp
    text = b"XML:com.adobe.xmp\0" + bytes([compressed]) + b"\0\0\0" + data
    late = _chunk(b"eXIf", exif.tobytes()[6:]) + _chunk(b"iTXt", text)
    png = saved(PHOTO, "PNG")
    path = put(tmp_path, "a.png", png[:-12] + late + png[-12:])
    picture = read(path)
    np.testing.assert_array_equal(picture.pixels, np.rot90(PHOTO, -1))
    assert measure(path, max_pages=1) == [(56, 40)]
    assert picture.xmp == xmp
    write(picture, tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as image:
        assert image.getexif()[ExifTags.Base.Make] == "Rolleiflex"
        assert image.getexif()[ExifTags.Base.Orientation] == 1


# Rejected formats, reasons and files that change


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"\xff\x0a", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\0\0\0\x18ftypcrx ", "a camera raw file"),
        (b"IIRO\x08\0\0\0", "a camera raw file"),
        (b"IIU\0\x18\0\0\0", "a camera raw file"),
    ],
)
def test_a_known_format_is_rejected_by_name(tmp_path: Path, content: bytes, name: str) -> None:
    with pytest.raises(PictureError) as error:
        read(put(tmp_path, "a.bin", content + bytes(99)))
    assert error.value.reason == f"it is {name}, which is not supported"
    assert error.value.remedy


def test_a_reason_is_the_files_own(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PHOTO, photometric="rgb", compression="zlib")
    content = (tmp_path / "a.tif").read_bytes()
    deflate, lzma = (struct.pack("<HHIH", 259, 3, 1, code) for code in (8, 34925))
    put(tmp_path, "a.tif", content.replace(deflate, lzma))
    with pytest.raises(PictureError, match="LZMA"):
        read(tmp_path / "a.tif")
    with pytest.raises(PictureError) as error:
        read(put(tmp_path, "b.jpg", saved(PHOTO, "JPEG")[:300]))
    assert "LZMA" not in str(error.value)
    pyvips.vips_lib.vips_foreign_find_load(b"/long ago")  # leaves its reason
    with pytest.raises(PictureError) as error:
        read(put(tmp_path, "b.jpg", saved(PHOTO, "JPEG")[:300]))
    assert "long ago" not in str(error.value)


_CUT = """
import os, sys
from pathlib import Path
import pyvips
from gladsr.errors import PictureError
from gladsr.pictures.source import opened
path = Path(sys.argv[1])
try:
    with opened(path) as file:
        image = file.load(**({"n": -1} if path.suffix in {".gif", ".webp"} else {}))
        os.truncate(path, 4096)
        pyvips.Region.new(image).fetch(0, 0, image.width, image.height)
except PictureError as error:
    print(error.reason)
"""


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".avif", ".gif"])
def test_a_file_truncated_while_it_is_read_does_not_kill_the_process(
    tmp_path: Path, suffix: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 500, 3), np.uint8)
    path = tmp_path / f"a{suffix}"
    Image.fromarray(noise).save(path)
    assert path.stat().st_size > 50_000
    command = [sys.executable, "-c", _CUT, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    # Some libraries hold the whole file already; the others find it cut short.
    assert not done.stdout or "it is damaged, cut short" in done.stdout


def test_a_disk_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: int) -> bytes:
        raise OSError(5, "Input/output error")

    path = put(tmp_path, "a.png", saved(PHOTO, "PNG"))
    monkeypatch.setattr(os, "pread", fail)
    with pytest.raises(StorageError, match=r"a\.png: it cannot be read: Input/output error"):
        read(path)


def test_the_position_of_an_opened_file_stays(tmp_path: Path) -> None:
    with opened(put(tmp_path, "a.png", saved(PHOTO, "PNG"))) as file:
        file.file.seek(7)
        pyvips.Region.new(file.load()).fetch(0, 0, 56, 40)
        assert file.file.tell() == 7


# Cost bounded by the size of the file


def _frames_gif() -> bytes:
    frame = b"," + bytes(4) + b"\1\0\1\0\0\2\2D\1\0"
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + frame * 60_000 + b";"


def _frames_webp() -> bytes:
    first, *others = (Image.fromarray(np.roll(PHOTO, 5 * n, 1)) for n in range(9))
    return saved(first, "WEBP", save_all=True, append_images=others)


def _pages_tiff() -> bytes:
    content = bytearray(b"II*\0\x08\0\0\0")
    tags = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 0), (278, 1), (279, 1)]
    for _ in range(9000):
        content += struct.pack("<H", len(tags))
        content += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
        content += struct.pack("<I", len(content) + 4)
    return bytes(content[:-4] + bytes(4))


@pytest.mark.parametrize("make", [_frames_gif, _frames_webp, _pages_tiff])
def test_frames_and_pages_have_a_limit(tmp_path: Path, make: Callable[[], bytes]) -> None:
    path = put(tmp_path, "a", make())
    with pytest.raises(TooLargeError, match="than the limit of 8"):
        read_pages(path, options=ReadOptions(max_pages=8))


def _same_bytes_again_and_again() -> bytes:
    count, size = 2000, 30_000
    table = 8 + 2 + 12 + 4
    data = table + 2 + 12 * count + 4
    block = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 34665, 4, 1, table, 0)
    block += struct.pack("<H", count)
    block += b"".join(struct.pack("<HHII", 1000 + n, 7, size, data) for n in range(count))
    return block + bytes(4 + size)


def test_tags_that_share_bytes_do_not_multiply_them(tmp_path: Path) -> None:
    exif = _same_bytes_again_and_again()
    Image.fromarray(GREY).save(tmp_path / "a.jpg", exif=exif)
    picture = read(tmp_path / "a.jpg")
    assert picture.exif
    write(picture, tmp_path / "b.tif")
    assert (tmp_path / "b.tif").stat().st_size < 4 * len(exif)


def test_much_compressed_text_is_bounded(tmp_path: Path) -> None:
    png, bomb = saved(PHOTO, "PNG"), zlib.compress(bytes(2**23))
    chunks = b"".join(_chunk(b"zTXt", b"k%d\0\0" % n + bomb) for n in range(100))
    path = put(tmp_path, "a.png", png[:33] + chunks + png[33:])
    picture = read(path)
    assert sum(map(len, picture.text.values())) <= 2**24
    write(picture, tmp_path / "b.png")
    assert (tmp_path / "b.png").stat().st_size < path.stat().st_size


def test_a_profile_that_inflates_without_measure_is_left_out(tmp_path: Path) -> None:
    png = saved(PHOTO, "PNG")
    profile = _chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(2**23)))
    picture = read(put(tmp_path, "a.png", png[:33] + profile + png[33:]))
    assert picture.icc_profile is None


def _tall_png() -> bytes:
    return saved(np.zeros((400_000, 1), np.uint8), "PNG")


def _many_texts() -> bytes:
    png = saved(PHOTO, "PNG")
    texts = b"".join(_chunk(b"tEXt", b"k%d\0x" % n) for n in range(45_000))
    return png[:33] + texts + png[33:]


def _wide_png() -> bytes:
    return saved(np.zeros((1, 400_000), np.uint8), "PNG")


def _small_tiles() -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((1000, 1000), np.uint8), tile=(16, 16))
    return file.getvalue()


@pytest.mark.parametrize("make", [_tall_png, _wide_png, _many_texts, _small_tiles])
def test_a_small_file_takes_little_time(tmp_path: Path, make: Callable[[], bytes]) -> None:
    path = put(tmp_path, "a", make())
    program = (
        "import sys, time; from gladsr.pictures import read, write; start = time.process_time();"
        "write(read(sys.argv[1]), sys.argv[2]); print(time.process_time() - start)"
    )
    command = [sys.executable, "-c", program, str(path), str(tmp_path / "b.png")]
    assert float(subprocess.check_output(command, text=True)) < 5  # noqa: S603
