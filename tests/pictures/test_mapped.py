"""Pixels in temporary files: the same results as in memory, and nothing left behind."""

import errno
import gc
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageOps

from gladsr.errors import PictureError, StorageError
from gladsr.pictures import (
    SUFFIXES,
    Pages,
    Picture,
    ReadOptions,
    mapped,
    read_pages,
    reading,
    room_for,
    tiff_writing,
    write,
    write_pages,
)
from gladsr.pictures.decoding import upright
from gladsr.pictures.mapped import Mapped, bands, empty, forget
from tests.pictures.samples import CHANNELS, FRAMES, GREY, PHOTO, SAMPLES, Sample, deep


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def all_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the smallest picture count as a large one."""
    monkeypatch.setattr(mapped, "IN_MEMORY", 0)
    monkeypatch.setattr(mapped, "_BAND", 1000)


def in_file(pixels: np.ndarray[Any, Any], folder: Path) -> np.ndarray[Any, Any]:
    copy = empty(pixels.shape, pixels.dtype, folder)
    assert isinstance(copy, Mapped)
    copy[:] = pixels
    forget(copy)
    return copy


# Reading


@pytest.mark.usefixtures("all_in_files")
@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_every_file_gives_the_same_pixels(tmp_path: Path, sample: Sample) -> None:
    path = tmp_path / sample.name
    path.write_bytes(sample.content)
    (expected,), (picture,) = (
        read_pages(path, folder=folder).pictures for folder in (None, tmp_path)
    )
    np.testing.assert_array_equal(picture.pixels, expected.pixels)
    assert isinstance(picture.pixels, Mapped) == (path.suffix != ".bmp" and path.name != "bits.pbm")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("all_in_files")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_upright(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orientation: int
) -> None:
    monkeypatch.setattr(reading, "upright", partial(upright, side=16))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(PHOTO).save(tmp_path / "a.png", exif=exif.tobytes())
    with Image.open(tmp_path / "a.png") as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    (picture,) = read_pages(tmp_path / "a.png", folder=tmp_path).pictures
    np.testing.assert_array_equal(picture.pixels, expected)


@pytest.mark.usefixtures("all_in_files")
def test_floats_are_brought_to_their_range(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).uniform(-2, 6, (40, 30, 3)).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    (picture,) = read_pages(
        tmp_path / "a.tif", folder=tmp_path, options=ReadOptions(float_range=(-2, 6))
    ).pictures
    np.testing.assert_allclose(picture.pixels, (pixels + 2) / 8, atol=1e-6)
    pixels[35, 20, 1] = 7
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    with pytest.raises(PictureError, match=r"to 7\. Scale them to the range from -2 to 6"):
        next(
            iter(
                read_pages(
                    tmp_path / "a.tif", folder=tmp_path, options=ReadOptions(float_range=(-2, 6))
                ).pictures
            )
        )


def test_a_picture_of_many_bands_is_decoded_from_the_top_to_the_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which, of a sequential file, libvips does but once."""
    monkeypatch.setattr(mapped, "IN_MEMORY", 0)
    monkeypatch.setattr(mapped, "_BAND", 3 * 1200 * 13)
    pixels = np.tile(PHOTO, (30, 22, 1))[:1150, :1200]
    for name in ("a.jpg", "a.png", "a.webp", "a.tif"):
        Image.fromarray(pixels).save(tmp_path / name)
        with Image.open(tmp_path / name) as image:
            expected = np.asarray(image).astype(int)
        (picture,) = read_pages(tmp_path / name, folder=tmp_path).pictures
        assert np.abs(picture.pixels - expected).max() <= 3


# Writing


@pytest.mark.usefixtures("all_in_files")
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("depth", ["8 bits", "16 bits", "floats"])
@pytest.mark.parametrize("channels", CHANNELS)
def test_it_gives_the_same_file(tmp_path: Path, suffix: str, depth: str, channels: str) -> None:
    pixels: Any = CHANNELS[channels]
    if depth != "8 bits":
        pixels = deep(pixels)
    if depth == "floats":
        pixels = (pixels / np.float32(65535)).astype(np.float32)
    if pixels.ndim == 3 and pixels.shape[2] in {2, 4} and suffix in {".jpg", ".jpeg", ".bmp"}:
        pixels[..., -1] = pixels.max()
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Ada"
    picture = Picture(pixels, exif=exif.tobytes(), dpi=(300, 300))
    refusals = []
    for name, each in (("a", picture), ("b", replace(picture, pixels=in_file(pixels, tmp_path)))):
        try:
            write(each, tmp_path / f"{name}{suffix}")
        except PictureError as error:
            refusals.append(str(error).replace(f"{name}{suffix}", ""))
    if refusals:
        assert refusals[0] == refusals[1]
        assert "holds no transparency" in refusals[0]
        assert not list(tmp_path.iterdir())
    else:
        files = [(tmp_path / f"{name}{suffix}").read_bytes() for name in ("a", "b")]
        assert files[0] == files[1]


@pytest.mark.usefixtures("all_in_files")
@pytest.mark.parametrize("suffix", [".webp", ".gif", ".tif"])
def test_pages_and_frames_give_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    times = None if suffix == ".tif" else (40, 50, 60)
    for name, made in (("a", list(FRAMES)), ("b", [in_file(f, tmp_path) for f in FRAMES])):
        if name == "a":
            monkeypatch.setattr(mapped, "IN_MEMORY", 2**25)
        else:
            monkeypatch.setattr(mapped, "IN_MEMORY", 0)
        all_pages = Pages([Picture(pixels) for pixels in made], 3, delays=times)
        write_pages(all_pages, tmp_path / f"{name}{suffix}")
    files = [(tmp_path / f"{name}{suffix}").read_bytes() for name in ("a", "b")]
    assert files[0] == files[1]


# The temporary file


def test_small_pictures_and_those_for_no_file_are_in_memory(tmp_path: Path) -> None:
    assert not isinstance(empty((100, 100, 3), np.uint8, tmp_path), Mapped)
    assert not isinstance(empty((4000, 4000, 3), np.uint8, None), Mapped)


@pytest.mark.usefixtures("all_in_files")
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it may have a name")
def test_it_has_no_name_and_goes_with_the_array(tmp_path: Path) -> None:
    def files() -> int:
        """Count the process's files in the folder, with and without a name."""
        links = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return sum(link.is_relative_to(tmp_path) for link in links)

    pixels = empty((100, 100, 3), np.uint8, tmp_path)
    assert isinstance(pixels, Mapped)
    assert not list(tmp_path.iterdir())
    part = pixels[10:20]
    del pixels
    gc.collect()
    part[:] = 3  # a part keeps the whole
    assert files() == 1
    del part
    gc.collect()
    assert files() == 0


@pytest.mark.usefixtures("all_in_files")
def test_what_is_forgotten_stays_in_the_file(tmp_path: Path) -> None:
    pixels = empty((300, 200, 3), np.uint16, tmp_path)
    for number, band in enumerate(bands(pixels)):
        band[:] = number
    for number, band in enumerate(bands(pixels)):
        assert (band == number).all()


def test_what_is_anothers_is_not_forgotten(tmp_path: Path) -> None:
    """Changes of a private map are nowhere but in memory."""
    (tmp_path / "a").write_bytes(bytes(10_000))
    private = np.memmap(tmp_path / "a", np.uint8, "c")
    private[:] = 5
    forget(private)
    assert (private == 5).all()


@pytest.mark.skipif(sys.platform != "linux", reason="it asks Linux about the process")
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".ppm"])
def test_written_pixels_are_freed_at_once(tmp_path: Path, suffix: str) -> None:
    pixels = empty((5000, 4000, 3), np.uint8, tmp_path)
    assert isinstance(pixels, Mapped)
    for band in bands(pixels):
        band[:] = 90
    write(Picture(pixels), tmp_path / f"a{suffix}")
    assert resident(tmp_path) < pixels.nbytes / 10
    assert (pixels[::1000] == 90).all()
    assert resident(tmp_path) > 0


def resident(folder: Path) -> int:
    """Return how many bytes of a folder's files are mapped and in memory."""
    maps = Path("/proc/self/smaps").read_text(encoding="utf-8")
    found = re.findall(rf"{re.escape(str(folder))}/[^\n]*\n(?:\w+:.*\n)*?Rss:\s+(\d+) kB", maps)
    assert found
    return 1024 * sum(map(int, found))


# A full disk


@contextmanager
def files_of_at_most(nbytes: int) -> Iterator[None]:
    """Let the system refuse to write more, as it does when a disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_too_little_space_is_reported_with_the_missing_amount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.zeros((5, 5, 3), np.uint8)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(10**12, 0, 10**9))
    with pytest.raises(PictureError) as error:
        room_for(tmp_path / "large.png", pixels, (20_000, 20_000))
    assert str(error.value) == (
        f"{tmp_path}: its disk lacks 1.4 GB: 2.4 GB are needed for temporary and output files, "
        "1.0 GB are free."
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("all_in_files")
def test_too_little_space_for_the_pixels_of_an_input_names_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(PHOTO).save(tmp_path / "a.png")
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(10**12, 0, 10))
    with pytest.raises(StorageError, match=r"its disk lacks 0\.1 GB") as error:
        next(iter(read_pages(tmp_path / "a.png", folder=tmp_path).pictures))
    assert error.value.path == tmp_path


def test_a_disk_that_fills_up_before_space_is_reserved_is_reported(tmp_path: Path) -> None:
    with (
        files_of_at_most(2**20),
        pytest.raises(StorageError, match="a temporary file cannot be written there"),
    ):
        room_for(tmp_path / "large.png", PHOTO, (5000, 5000))
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("all_in_files")
@pytest.mark.parametrize("error", [None, errno.EOPNOTSUPP])
def test_systems_that_cannot_reserve_space_get_zeros(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int | None
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(error, "not here")

    if error is None:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    else:
        monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    pixels = empty((1500, 1000, 3), np.uint8, tmp_path)
    assert isinstance(pixels, Mapped)
    assert not pixels.any()
    with files_of_at_most(2**20), pytest.raises(StorageError, match="too large"):
        empty((1500, 1000, 3), np.uint8, tmp_path)


@pytest.mark.usefixtures("all_in_files")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_disk_that_fills_up_while_writing_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 100, 3), np.uint8)
    pixels = in_file(noise, tmp_path)
    with (
        files_of_at_most(2000),
        pytest.raises(PictureError, match=rf"a{suffix}: it cannot be written: File too large\."),
    ):
        write(Picture(pixels), tmp_path / f"a{suffix}")
    assert not list(tmp_path.iterdir())


_KILLED = """
import sys
from pathlib import Path
import numpy as np
from gladsr.pictures import ReadOptions, room_for
from gladsr.pictures.decoding import upright
from gladsr.pictures.mapped import Mapped
pixels = room_for(Path(sys.argv[1]), np.zeros((9, 9, 3), np.uint8), (5000, 5000))
assert isinstance(pixels, Mapped)
pixels[:100] = 7
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the file may have a name")
def test_a_kill_leaves_nothing(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _KILLED, str(tmp_path / "a.png")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(  # noqa: S603 - our own words
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.kill()
    assert not list(tmp_path.iterdir())


# What a format cannot hold


@pytest.mark.parametrize(
    ("suffix", "most"), [(".jpg", 65500), (".webp", 16383), (".gif", 65535), (".avif", 16384)]
)
def test_the_longest_sides_of_a_format(tmp_path: Path, suffix: str, most: int) -> None:
    path = tmp_path / f"a{suffix}"
    write(Picture(np.zeros((1, most, 3), np.uint8)), path)
    assert next(iter(read_pages(path).pictures)).pixels.shape == (1, most, 3)
    assert room_for(path, PHOTO, (most, 1)).shape == (most, 1, 3)
    with pytest.raises(
        PictureError, match=f"{most + 1} × 1 pixels, and .* holds at most {most} a side"
    ):
        room_for(path, PHOTO, (1, most + 1))


def test_transparency_that_a_format_does_not_hold(tmp_path: Path) -> None:
    opaque = np.dstack([PHOTO, np.full_like(GREY, 255)])
    assert room_for(tmp_path / "a.jpg", opaque, (4, 4)).shape == (4, 4, 4)
    opaque[-1, -1, -1] = 254
    with pytest.raises(PictureError, match=r"a\.jpg: JPEG holds no transparency"):
        room_for(tmp_path / "a.jpg", opaque, (4, 4))


@pytest.mark.usefixtures("all_in_files")
def test_what_may_have_more_than_4_gb_is_a_big_tiff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TIFF 6.0 counts the bytes of a file in 32 bits."""
    assert tiff_writing.needs_big(40_000 * 40_000 * 3)
    assert not tiff_writing.needs_big(30_000 * 40_000 * 3)
    monkeypatch.setattr(tiff_writing, "_CLASSIC", 2 * PHOTO.nbytes - 1)
    for count in (1, 2):
        each = Picture(in_file(PHOTO, tmp_path))
        write_pages(Pages([each] * count, count), tmp_path / f"{count}.tif")
        with tifffile.TiffFile(tmp_path / f"{count}.tif") as file:
            assert file.is_bigtiff == (count == 2)
            assert len(file.pages) == count
            for page in file.pages:
                np.testing.assert_array_equal(page.asarray(), PHOTO)
