"""Several pages, and animations."""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from gladsr.errors import PictureError
from gladsr.pictures import (
    Pages,
    Picture,
    ReadOptions,
    WriteOptions,
    measure,
    read,
    read_pages,
    write_pages,
)
from tests.pictures.samples import CHANNELS, FRAMES, GREY, PHOTO, animation, deep, pages, put, saved


def _twice_as_large(all_pages: Pages) -> Pages:
    larger = (
        replace(picture, pixels=picture.pixels.repeat(2, axis=0).repeat(2, axis=1))
        for picture in all_pages.pictures
    )
    return replace(all_pages, pictures=larger)


def test_pages_of_any_size_and_kind_are_kept(tmp_path: Path) -> None:
    originals: list[Any] = [PHOTO, deep(GREY)[:30, :20], GREY, deep(PHOTO)[:7]]
    path = put(tmp_path, "a.tif", pages(*originals))
    all_pages = read_pages(path)
    assert all_pages.count == 4
    write_pages(_twice_as_large(all_pages), tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as written:
        assert len(written.pages) == 4
        for page, original in zip(written.pages, originals, strict=True):
            np.testing.assert_array_equal(page.asarray(), original.repeat(2, 0).repeat(2, 1))
    again = [picture.pixels for picture in read_pages(tmp_path / "b.tif").pictures]
    for ours, original in zip(again, originals, strict=True):
        np.testing.assert_array_equal(ours, original.repeat(2, 0).repeat(2, 1))


@pytest.mark.parametrize(
    ("others", "big"),
    [([PHOTO], False), ([PHOTO.repeat(2, 0)], True), ([deep(PHOTO)], True), ([], False)],
    ids=["alike", "larger", "deeper", "alone"],
)
def test_pages_of_unknown_size_go_into_a_big_tiff(
    tmp_path: Path, others: list[Any], big: bool
) -> None:
    """What follows a small first page may exceed the 4 GB of TIFF 6.0."""
    path = put(tmp_path, "a.tif", pages(PHOTO, *others))
    write_pages(_twice_as_large(read_pages(path)), tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as written:
        assert written.is_bigtiff == big
        assert len(written.pages) == 1 + len(others)


def test_sizes_of_pages_and_frames_are_measured_without_decoding(tmp_path: Path) -> None:
    several = put(tmp_path, "a.tif", pages(PHOTO, GREY[:30, :20], deep(PHOTO)[:7]))
    assert measure(several, max_pages=3) == [(40, 56), (30, 20), (7, 56)]
    with pytest.raises(PictureError, match=r"a\.tif: it has more pages than the limit of 2\."):
        measure(several, max_pages=2)
    on_its_side = Image.Exif()
    on_its_side[ExifTags.Base.Orientation] = 6
    for name, expected in (
        ("b.jpg", [(56, 40)]),
        ("b.png", [(40, 56)]),
        ("b.bmp", [(40, 56)]),
        ("b.gif", [(40, 56)] * 3),
        ("b.webp", [(40, 56)] * 3),
    ):
        options: dict[str, Any] = {"exif": on_its_side} if name == "b.jpg" else {}
        if len(expected) == 3:
            others = [Image.fromarray(np.roll(PHOTO, step, axis=1)) for step in (1, 2)]
            options = {"save_all": True, "append_images": others}
        Image.fromarray(PHOTO).save(tmp_path / name, **options)
        assert measure(tmp_path / name, max_pages=1) == expected


def test_an_animation_on_its_side_and_its_metadata_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.XResolution] = exif[ExifTags.Base.YResolution] = 300
    exif[ExifTags.Base.ResolutionUnit] = 2
    xmp = b'<rdf:Description tiff:Orientation="6" exif:PixelXDimension="56"/>'
    first, *others = map(Image.fromarray, FRAMES)
    options: dict[str, Any] = {"save_all": True, "append_images": others, "lossless": True}
    first.save(tmp_path / "a.webp", exif=exif, xmp=xmp, **options)
    assert measure(tmp_path / "a.webp", max_pages=1) == [(56, 40)] * 3
    write_pages(
        _twice_as_large(read_pages(tmp_path / "a.webp")),
        tmp_path / "b.webp",
        options=WriteOptions(100),
    )
    with Image.open(tmp_path / "b.webp") as written:
        for number, frame in enumerate(FRAMES):
            written.seek(number)
            upright = np.rot90(frame, -1).repeat(2, 0).repeat(2, 1)
            np.testing.assert_array_equal(np.asarray(written.convert("RGB")), upright)
        again = written.getexif()
        assert again[ExifTags.Base.Orientation] == 1
        assert again[ExifTags.Base.XResolution] == 300
        said = written.info["xmp"]
        assert said == b'<rdf:Description tiff:Orientation="1" exif:PixelXDimension="80"/>'


def test_every_page_keeps_its_own_metadata(tmp_path: Path) -> None:
    pictures = []
    for name, dpi in (("Ada", 300.0), ("Grace", 72.5)):
        exif = Image.Exif()
        exif[ExifTags.Base.Artist] = name
        pictures.append(Picture(GREY, exif=exif.tobytes(), dpi=(dpi, 2 * dpi)))
    write_pages(Pages(pictures, 2), tmp_path / "a.tif")
    first, second = read_pages(tmp_path / "a.tif").pictures
    assert first.dpi == pytest.approx((300, 600))
    assert second.dpi == pytest.approx((72.5, 145))
    with Image.open(tmp_path / "a.tif") as image:
        for page, name in enumerate(("Ada", "Grace")):
            image.seek(page)
            assert image.getexif()[ExifTags.Base.Artist] == name


def test_every_page_of_floats_uses_the_same_range(tmp_path: Path) -> None:
    floats = GREY * np.float32(30) - 1000
    originals: list[Any] = [GREY, floats, deep(GREY), floats]
    all_pages = read_pages(
        put(tmp_path, "a.tif", pages(*originals)), options=ReadOptions(float_range=(-1000, 8000))
    )
    write_pages(all_pages, tmp_path / "b.tif")
    with Image.open(tmp_path / "b.tif") as written:
        for number, original in enumerate(originals):
            written.seek(number)
            np.testing.assert_allclose(np.asarray(written), original, atol=1e-3)


def test_pages_are_read_one_at_a_time(tmp_path: Path) -> None:
    path = put(tmp_path, "a.tif", pages(GREY, GREY, GREY))
    steps: list[str] = []

    def watched() -> Iterator[Picture]:
        for picture in read_pages(path).pictures:
            steps.append("read")
            yield picture
            steps.append("written")

    write_pages(Pages(watched(), 3), tmp_path / "b.tif")
    assert steps == ["read", "written"] * 3


@pytest.mark.parametrize("target", [".gif", ".webp"])
@pytest.mark.parametrize("source", ["GIF", "WEBP"])
def test_an_animation_keeps_every_frame_and_its_timing(
    tmp_path: Path, source: str, target: str
) -> None:
    all_pages = read_pages(put(tmp_path, "a", animation(source)))
    assert (all_pages.count, all_pages.delays) == (3, (100, 200, 300))
    write_pages(_twice_as_large(all_pages), tmp_path / f"b{target}", options=WriteOptions(90))
    again = read_pages(tmp_path / f"b{target}")
    assert (again.count, again.delays, again.plays) == (3, (100, 200, 300), all_pages.plays)
    with Image.open(tmp_path / f"b{target}") as image:
        assert image.n_frames == 3  # type: ignore[attr-defined]  # an animation has it
        for number, frame in enumerate(FRAMES):
            image.seek(number)
            image.load()
            assert image.info["duration"] == 100 * (number + 1)
            shown = np.asarray(image.convert("RGB")).astype(int)
            assert np.abs(shown - frame.repeat(2, 0).repeat(2, 1)).mean() < 12
            loops = 3 if source == "GIF" else 2  # GIF counts what follows the first time
            assert image.info["loop"] == loops - (target == ".gif")


def test_an_animation_keeps_its_transparency(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.roll(CHANNELS["RGBA"], 9 * i, 1)) for i in range(3)]
    content = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    path = put(tmp_path, "a.webp", content)
    write_pages(read_pages(path), tmp_path / "b.webp", options=WriteOptions(100))
    before, after = (list(read_pages(tmp_path / name).pictures) for name in ("a.webp", "b.webp"))
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old.pixels, new.pixels)
        assert new.pixels.shape[2] == 4


@pytest.mark.parametrize(
    ("content", "suffix", "message"),
    [
        (pages(GREY, GREY), ".png", "PNG does not hold 2 pages. Choose TIFF"),
        (pages(GREY, GREY), ".webp", "WebP does not hold 2 pages. Choose TIFF"),
        (animation("GIF"), ".jpg", "JPEG does not hold 3 frames. Choose WebP or GIF"),
        (animation("GIF"), ".tif", "TIFF does not hold 3 frames. Choose WebP or GIF"),
    ],
)
def test_pages_that_a_format_cannot_hold_are_rejected(
    tmp_path: Path, content: bytes, suffix: str, message: str
) -> None:
    path = put(tmp_path, "a", content)
    with pytest.raises(PictureError, match=message):
        write_pages(read_pages(path), tmp_path / f"b{suffix}")
    with pytest.raises(PictureError, match=r"pages or frames\. Save them as single pictures"):
        read(path)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_animated_png_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"animated PNG\. Convert it to WebP or GIF"):
        read_pages(put(tmp_path, "a.png", animation("PNG")))


def test_an_animated_avif_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"animated AVIF\. Convert it to WebP or GIF"):
        read_pages(put(tmp_path, "a.avif", animation("AVIF")))
    assert read_pages(put(tmp_path, "b.avif", saved(PHOTO, "AVIF"))).count == 1


def test_an_animated_png_is_rejected_whatever_precedes_the_animation(tmp_path: Path) -> None:
    words = b"k\0" + bytes(10_000)
    chunk = struct.pack(">I", len(words)) + b"tEXt" + words
    chunk += struct.pack(">I", zlib.crc32(b"tEXt" + words))
    png = animation("PNG")
    with pytest.raises(PictureError, match=r"animated PNG"):
        read_pages(put(tmp_path, "a.png", png[:33] + chunk + png[33:]))


def test_a_page_that_fails_leaves_no_file(tmp_path: Path) -> None:
    content = pages(PHOTO, PHOTO)
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        second = file.pages[1].dataoffsets[0]
    path = put(tmp_path, "a.tif", content[:second] + content[second + 3000 :])
    with pytest.raises(PictureError, match=r"a\.tif"):
        write_pages(read_pages(path), tmp_path / "b.tif")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
