"""What belongs to a picture, in formats that hold it in different ways."""

import functools
import io
import logging
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, IptcImagePlugin, PngImagePlugin

from gladsr.errors import PictureError
from gladsr.pictures import Picture, ReadOptions, WriteOptions, read, write
from gladsr.pictures.directories import Layout, read_directory, read_header, read_offset
from gladsr.pictures.exif import corrected_exif, exif_for_tiff, exif_of_tiff
from tests.pictures.samples import GREY, PHOTO, saved, saved_tiff

XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" '
    'tiff:XResolution="72/1" '
    'exif:PixelXDimension="56"><tiff:ImageLength>40</tiff:ImageLength>Ä</rdf:Description>'
    "</x:xmpmeta>"
).encode()


def _exif(order: str = "II") -> Image.Exif:
    """An EXIF block with a camera's, a place's and unknown tags."""
    exif = Image.Exif()
    exif.endian = "<" if order == "II" else ">"
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "Rolleiflex"
    exif[ExifTags.Base.DateTime] = "1955:04:18 01:15:00"
    exif[ExifTags.Base.Copyright] = "nobody"
    camera = exif.get_ifd(ExifTags.IFD.Exif)
    camera[ExifTags.Base.ExposureTime] = 1 / 500
    camera[ExifTags.Base.ISOSpeedRatings] = 400
    camera[ExifTags.Base.ExifImageWidth] = 56
    camera[ExifTags.Base.ExifImageHeight] = 40
    camera[ExifTags.Base.MakerNote] = b"a maker's note"
    camera[0xEEEE] = b"unknown"
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef] = "N"
    place[ExifTags.GPS.GPSLatitude] = (52.0, 31.0, 12.5)
    return exif


def _larger(picture: Picture) -> Picture:
    return replace(picture, pixels=picture.pixels.repeat(2, axis=0).repeat(2, axis=1))


def _all_tags(path: Path) -> dict[str, Any]:
    """The tags as Pillow reads them."""
    with Image.open(path) as image:
        exif = image.getexif()
        tags: dict[int, Any] = {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}
        place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    names = {ExifTags.TAGS.get(tag, str(tag)): value for tag, value in tags.items()}
    return names | {ExifTags.GPSTAGS[tag]: value for tag, value in place.items()}


@pytest.mark.parametrize("target", [".jpg", ".png", ".webp", ".tif", ".avif"])
@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("order", ["II", "MM"])
def test_exif_is_kept_in_every_format_and_corrected(
    tmp_path: Path, source: str, target: str, order: str
) -> None:
    (tmp_path / "a").write_bytes(saved(PHOTO, source, exif=_exif(order).tobytes()))
    write(_larger(read(tmp_path / "a")), tmp_path / f"b{target}")
    tags = _all_tags(tmp_path / f"b{target}")
    assert tags["Make"] == "Rolleiflex"
    assert tags["DateTime"] == "1955:04:18 01:15:00"
    assert tags["Copyright"] == "nobody"
    assert float(tags["ExposureTime"]) == pytest.approx(1 / 500)
    assert tags["ISOSpeedRatings"] == 400
    assert tags["MakerNote"] == b"a maker's note"
    assert tags["GPSLatitudeRef"] == "N"
    assert [float(part) for part in tags["GPSLatitude"]] == [52, 31, 12.5]
    assert tags.get("Orientation", 1) == 1
    assert (tags["ExifImageWidth"], tags["ExifImageHeight"]) == (80, 112)
    if target != ".avif":  # libvips writes it, and drops what it does not know
        assert tags[str(0xEEEE)] == b"unknown"
    again = read(tmp_path / f"b{target}")
    assert again.pixels.shape == (112, 80, 3)
    assert again.exif is not None


def test_a_makers_note_stays_at_its_place_in_the_block() -> None:
    block = _exif().tobytes()
    corrected = corrected_exif(block, (100, 100), (300, 300))
    assert corrected is not None
    place = block.removeprefix(b"Exif\0\0").index(b"a maker's note")
    assert corrected.index(b"a maker's note") == place


@pytest.mark.parametrize("target", [".jpg", ".png", ".webp", ".tif", ".avif"])
@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_xmp_is_kept_and_corrected(tmp_path: Path, source: str, target: str) -> None:
    packet = PngImagePlugin.PngInfo()
    packet.add_itxt("XML:com.adobe.xmp", XMP.decode())
    how: dict[str, Any] = {"xmp": XMP}
    if source == "PNG":
        how = {"pnginfo": packet}
    elif source == "TIFF":
        how = {"tiffinfo": {700: XMP, 274: 6}}
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    if source != "TIFF":
        how["exif"] = exif
    (tmp_path / "a").write_bytes(saved(PHOTO, source, **how))
    write(replace(_larger(read(tmp_path / "a")), dpi=(300, 300)), tmp_path / f"b{target}")
    with Image.open(tmp_path / f"b{target}") as image:
        xmp = image.info.get("xmp") or image.info["XML:com.adobe.xmp"].encode()
    assert "Ä".encode() in xmp
    assert b'exif:PixelXDimension="80"' in xmp
    assert b'tiff:XResolution="300000/1000"' in xmp
    assert b"<tiff:ImageLength>112</tiff:ImageLength>" in xmp
    if source != "AVIF":  # which turns its pictures itself
        assert b'tiff:Orientation="1"' in xmp


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif", ".bmp", ".gif"])
def test_no_resolution_is_stated_where_none_is_known(tmp_path: Path, suffix: str) -> None:
    write(Picture(PHOTO), tmp_path / f"a{suffix}")
    assert read(tmp_path / f"a{suffix}").dpi is None
    with Image.open(tmp_path / f"a{suffix}") as image:
        if suffix == ".tif":
            assert not {282, 283} & set(image.tag_v2)  # type: ignore[attr-defined]  # a TIFF has it
        else:
            assert min(image.info.get("dpi", (0, 0))) == 0


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif", ".bmp"])
def test_a_resolution_beyond_all_measure_is_written_as_far_as_the_format_goes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], suffix: str
) -> None:
    png = saved(PHOTO, "PNG")
    resolution = _png_chunk(b"pHYs", struct.pack(">IIB", 2**31 - 1, 2**31 - 1, 1))
    (tmp_path / "a.png").write_bytes(png[:33] + resolution + png[33:])
    picture = read(tmp_path / "a.png")
    assert picture.dpi == pytest.approx((2**31 * 0.0254,) * 2)
    write(replace(picture, dpi=(2**33, 2**33)), tmp_path / f"b{suffix}")
    written = read(tmp_path / f"b{suffix}").dpi
    assert written is not None
    assert min(written) > 60_000
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif", ".bmp"])
def test_a_resolution_is_kept(tmp_path: Path, suffix: str) -> None:
    write(Picture(PHOTO, dpi=(300, 150)), tmp_path / f"a{suffix}")
    assert read(tmp_path / f"a{suffix}").dpi == pytest.approx((300, 150), rel=1e-3)


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_text_of_a_png_is_kept(tmp_path: Path) -> None:
    words = PngImagePlugin.PngInfo()
    words.add_text("parameters", "a cat, steps: 20")
    words.add_text("Künstler", "José Müller")
    words.add_text("Comment", "très long, " * 999, zip=True)
    words.add_itxt("Title", "Ünï 日本")
    words.add_itxt("Description", "日本 " * 999, "ja", zip=True)
    for number in range(99):  # as ImageMagick writes those of EXIF
        words.add_text(f"exif:{number}", str(number))
    png = saved(PHOTO, "PNG", pnginfo=words)
    behind = _png_chunk(b"tEXt", b"Software\0a camera")
    (tmp_path / "a.png").write_bytes(png[:-12] + behind + png[-12:])
    write(read(tmp_path / "a.png"), tmp_path / "b.png")
    with Image.open(tmp_path / "a.png") as image, Image.open(tmp_path / "b.png") as again:
        image.load()
        again.load()
        assert len(image.text) == 105  # type: ignore[attr-defined]  # a PNG has it
        assert again.text == image.text  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (b"zTXt", b"k\0\0no stream"),
        (b"zTXt", b"k\0\0" + zlib.compress(b"words")[:-5]),
        (b"zTXt", b"k\0\0" + zlib.compress(bytes(2**26 + 1))),
        (b"iTXt", b"k\0\0\0nothing more"),
        (b"iTXt", b"k\0\0\0\0\0\xff"),
        (b"iTXt", b"k\0\1\0\0\0no stream"),
    ],
    ids=["no stream", "cut short", "too large", "no language", "no UTF-8", "iTXt no stream"],
)
def test_damaged_or_too_large_text_of_a_png_is_left_out(
    tmp_path: Path, kind: bytes, data: bytes
) -> None:
    png = saved(PHOTO, "PNG")
    others = _png_chunk(b"tEXt", b"good\0words")
    (tmp_path / "a.png").write_bytes(png[:33] + _png_chunk(kind, data) + others + png[33:])
    assert read(tmp_path / "a.png").text == {"good": "words"}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (b"cICP", bytes([9, 16, 0, 1])),
        (b"gAMA", struct.pack(">I", 100_000)),
        (b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)),
    ],
)
def test_colours_that_a_png_states_without_a_profile_are_kept(
    tmp_path: Path, kind: bytes, data: bytes
) -> None:
    png, chunk = saved(PHOTO, "PNG"), _png_chunk(kind, data)
    (tmp_path / "a.png").write_bytes(png[:33] + chunk + png[33:])
    picture = read(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.pixels, PHOTO)
    write(picture.without_metadata(), tmp_path / "b.png")
    assert (tmp_path / "b.png").read_bytes().count(chunk) == 1
    write(replace(picture, icc_profile=_wide_gamut()), tmp_path / "c.png")
    # Code points take precedence over a profile, and a profile over the rest.
    assert (chunk in (tmp_path / "c.png").read_bytes()) == (kind == b"cICP")


def test_the_pixel_aspect_of_a_png_is_not_a_resolution(tmp_path: Path) -> None:
    png, aspect = saved(PHOTO, "PNG"), _png_chunk(b"pHYs", struct.pack(">IIB", 2000, 4000, 0))
    (tmp_path / "a.png").write_bytes(png[:33] + aspect + png[33:])
    assert read(tmp_path / "a.png").dpi is None


_CAPTION = struct.pack(">BBBH", 0x1C, 2, 120, 19) + b"a street in Potsdam"


def _with_iptc(format_: str) -> bytes:
    """A picture with a caption; in a JPEG file, behind a resource of Photoshop's with a name."""
    if format_ == "TIFF":
        return saved_tiff(PHOTO, extratags=[(33723, 7, len(_CAPTION), _CAPTION, True)])
    resources = b"8BIM" + struct.pack(">H", 0x07D0) + b"\4path\0" + struct.pack(">I", 3) + b"...\0"
    resources += b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(_CAPTION)) + _CAPTION
    data = b"Photoshop 3.0\0" + resources
    jpeg = saved(PHOTO, "JPEG")
    return jpeg[:2] + struct.pack(">BBH", 0xFF, 0xED, len(data) + 2) + data + jpeg[2:]


@pytest.mark.parametrize("target", [".jpg", ".tif"])
@pytest.mark.parametrize("source", ["JPEG", "TIFF"])
def test_iptc_is_kept(tmp_path: Path, source: str, target: str) -> None:
    (tmp_path / "a").write_bytes(_with_iptc(source))
    write(_larger(read(tmp_path / "a")), tmp_path / f"b{target}")
    with Image.open(tmp_path / f"b{target}") as image:
        assert IptcImagePlugin.getiptcinfo(image) == {(2, 120): b"a street in Potsdam"}


def test_iptc_that_is_damaged_is_left_out(tmp_path: Path) -> None:
    whole = _with_iptc("JPEG")
    start = whole.index(b"8BIM")
    for place in range(start, start + 14):
        for value in (0, 127, 255):
            (tmp_path / "a.jpg").write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            assert read(tmp_path / "a.jpg").iptc in {None, _CAPTION}


def test_what_is_too_large_for_a_jpeg_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    exif = _exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = bytes(70_000)
    write(Picture(PHOTO, exif=exif.tobytes(), iptc=bytes(70_000)), tmp_path / "a.jpg")
    assert "its EXIF block is too large for a JPEG" in caplog.text
    assert "its IPTC block is too large for a JPEG" in caplog.text
    again = read(tmp_path / "a.jpg")
    assert (again.exif, again.iptc) == (None, None)


@pytest.mark.parametrize("behind", [b"", b"more"], ids=["at the end", "amid the block"])
def test_nothing_of_the_old_thumbnail_is_left(behind: bytes) -> None:
    """What was cut off or painted over in the picture may still be seen in it."""
    old = saved(PHOTO, "JPEG")
    block = b"II*\0" + struct.pack("<I", 8)
    block += struct.pack("<HHHI4sI", 1, 271, 2, 4, b"abc\0", 26)  # the first directory
    block += struct.pack("<HHHIIHHIII", 2, 513, 4, 1, 56, 514, 4, 1, len(old), 0)
    assert len(block) == 56
    corrected = corrected_exif(block + old + behind, (9, 9), None)
    assert corrected is not None
    assert old[100:140] not in corrected
    assert behind in corrected


def test_a_broken_block_is_left_out() -> None:
    for block in (b"", b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\0\x01", b"II*\0" + b"\xff" * 90):
        assert corrected_exif(block, (9, 9), None) is None
    block = _exif().tobytes().removeprefix(b"Exif\0\0")
    for length in range(len(block)):
        corrected_exif(block[:length], (9, 9), (72, 72), b"\xff\xd8")
    random = np.random.default_rng(0)
    for _ in range(500):
        damaged = bytearray(block)
        damaged[int(random.integers(8, len(block)))] = int(random.integers(256))
        corrected_exif(bytes(damaged), (9, 9), (72, 72), b"\xff\xd8")


def _described() -> bytes:
    exif = _exif()
    exif[ExifTags.Base.ImageDescription] = "a street in Berlin"
    return exif.tobytes().removeprefix(b"Exif\0\0")


def _with_entry(block: bytes, tag: int, kind: int, number: int, value: int) -> bytes:
    """Change an entry of the first directory of a block of "II"."""
    start = struct.unpack_from("<I", block, 4)[0]
    (count,) = struct.unpack_from("<H", block, start)
    places = range(start + 2, start + 2 + 12 * count, 12)
    (place,) = (at for at in places if struct.unpack_from("<H", block, at)[0] == tag)
    entry = struct.pack("<HHII", tag, kind, number, value)
    return block[:place] + entry + block[place + 12 :]


BAD_ENTRIES = pytest.mark.parametrize(
    ("tag", "kind", "number", "value"),
    [
        *((tag, 0, 1, 0) for tag in (270, 33432, 34853)),  # of no type
        *((tag, 2, 99, 2**32 - 9) for tag in (270, 33432)),  # beyond the end
        *((tag, 2, 0, 0) for tag in (270, 33432, 34853)),  # without values
        *((34853, 4, 1, place) for place in (2**31, 9)),  # a directory that is not there
        (34853, 9, 1, 2**32 - 1),  # at a place below 0
        (34853, 16, 1, 8),  # and one above 2^63
        (34853, 11, 1, 0x7F800000),  # and one at infinity
    ],
)


@BAD_ENTRIES
def test_one_bad_entry_does_not_keep_a_picture_from_becoming_a_tiff(
    tmp_path: Path, tag: int, kind: int, number: int, value: int
) -> None:
    exif = _with_entry(_described(), tag, kind, number, value)
    write(Picture(PHOTO, exif=exif), tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as image:
        assert tag not in image.getexif()
    tags = _all_tags(tmp_path / "a.tif")
    assert (tags["Make"], tags["MakerNote"]) == ("Rolleiflex", b"a maker's note")
    np.testing.assert_array_equal(read(tmp_path / "a.tif").pixels, PHOTO)


@BAD_ENTRIES
def test_one_bad_entry_of_a_tiff_does_not_affect_the_others(
    tag: int, kind: int, number: int, value: int
) -> None:
    file = io.BytesIO(_with_entry(_described(), tag, kind, number, value))
    kept = Image.Exif()
    layout, start = read_header(file)
    entries, _ = read_directory(file, read_offset(file, start, layout), layout)
    kept.load(exif_of_tiff(file, entries, layout) or b"")
    assert tag not in kept
    assert kept[ExifTags.Base.Make] == "Rolleiflex"
    assert kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ISOSpeedRatings] == 400


def test_a_block_with_any_byte_changed_can_go_into_a_tiff() -> None:
    block = _described()
    for place in range(8, len(block)):
        for value in (0, 9, 11, 16, 127, 255):
            damaged = block[:place] + bytes([value]) + block[place + 1 :]
            corrected = corrected_exif(damaged, (9, 9), (72, 72))
            if corrected is not None:
                exif_for_tiff(corrected, io.BytesIO(b"II*\0\0\0\0\0"), Layout("<"))


def test_cmyk_becomes_rgb_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    image = Image.fromarray(PHOTO).convert("CMYK")
    (tmp_path / "a.jpg").write_bytes(saved(image, "JPEG"))
    with caplog.at_level(logging.WARNING):
        picture = read(tmp_path / "a.jpg")
    assert picture.pixels.shape == PHOTO.shape
    assert picture.icc_profile is not None
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'a.jpg'}: its CMYK becomes RGB, in the colour space sRGB"
    ]


# Colours: a wide gamut keeps its profile, or becomes sRGB where none can be kept


@functools.cache  # a profile holds the second in which it was made
def _wide_gamut() -> bytes:
    """A profile like sRGB with red and green swapped, which no colour survives by chance."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    tags = {bytes(profile[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".avif"])
def test_a_profile_and_its_numbers_stay_where_they_can(tmp_path: Path, suffix: str) -> None:
    write(
        Picture(PHOTO, icc_profile=_wide_gamut()), tmp_path / f"a{suffix}", options=WriteOptions(99)
    )
    again = read(tmp_path / f"a{suffix}")
    assert again.icc_profile == _wide_gamut()
    assert np.abs(again.pixels.astype(int) - PHOTO).mean() < 3


@pytest.mark.parametrize("suffix", [".bmp", ".ppm", ".gif"])
def test_where_no_profile_can_be_kept_the_colours_become_srgb(tmp_path: Path, suffix: str) -> None:
    write(Picture(PHOTO, icc_profile=_wide_gamut()), tmp_path / f"a{suffix}")
    again = read(tmp_path / f"a{suffix}").pixels
    assert np.abs(again.astype(int) - PHOTO[..., [1, 0, 2]]).mean() < 12
    write(Picture(PHOTO, icc_profile=b"nonsense"), tmp_path / f"b{suffix}")
    assert np.abs(read(tmp_path / f"b{suffix}").pixels.astype(int) - PHOTO).mean() < 12


# Floating point


def test_floats_of_another_range_are_read_and_written_by_an_option(tmp_path: Path) -> None:
    values = (GREY.astype(np.float32) * 30 - 1000).astype(np.float32)
    (tmp_path / "a.tif").write_bytes(saved_tiff(values))
    with pytest.raises(
        PictureError, match=r"from -[0-9.]+ to [0-9.]+\. Scale .* or give their range"
    ):
        read(tmp_path / "a.tif")
    picture = read(tmp_path / "a.tif", options=ReadOptions(float_range=(-1000, 8000)))
    assert picture.pixels.min() >= 0
    assert picture.pixels.max() <= 1
    write(_larger(picture), tmp_path / "b.tif")
    again = read(tmp_path / "b.tif", options=ReadOptions(float_range=(-1000, 8000)))
    np.testing.assert_allclose(again.pixels, _larger(picture).pixels, atol=1e-6)
    write(picture, tmp_path / "c.tif")
    with Image.open(tmp_path / "c.tif") as image:
        np.testing.assert_allclose(np.asarray(image), values, atol=1e-3)


@pytest.mark.parametrize(("low", "high"), [(0.1, 0.3), (-2.2, 0.6), (0.2, 1.1), (-0.1, 1.2)])
def test_the_ends_of_a_range_become_0_and_1_in_spite_of_rounding(
    tmp_path: Path, low: float, high: float
) -> None:
    values = np.linspace(low, high, 64, dtype=np.float32).clip(low, high).reshape(8, 8)
    (tmp_path / "a.tif").write_bytes(saved_tiff(values.astype(np.float32)))
    pixels = read(tmp_path / "a.tif", options=ReadOptions(float_range=(low, high))).pixels
    assert 0 <= pixels.min() < 1e-6
    assert 1 - 1e-6 < pixels.max() <= 1


def test_pixels_mapped_from_a_file_are_written(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "raw", np.uint8, "w+", shape=PHOTO.shape)
    mapped[:] = PHOTO
    for suffix in (".png", ".tif", ".ppm"):
        write(Picture(mapped), tmp_path / f"a{suffix}")
        np.testing.assert_array_equal(read(tmp_path / f"a{suffix}").pixels, PHOTO)
