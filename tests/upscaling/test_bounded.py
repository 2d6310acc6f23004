"""Large pictures: the same bytes as small ones would give, in bounded memory, asked for before."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage
from numpy.typing import NDArray
from PIL import Image

from gladsr import Upscaler
from gladsr.engines import ChannelWeights
from gladsr.errors import PictureError
from gladsr.pictures import Picture, mapped, read_pages, write, write_pages
from gladsr.pictures.picture import Pages
from gladsr.upscaling.files import FilePair
from gladsr.upscaling.pipeline import upscale_files
from gladsr.upscaling.upscaled import Upscaled
from tests.upscaling.stand_ins import Array, StandIn

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="it asks Linux about the process")
PHOTO = skimage.data.chelsea()[80:110, 120:160]
SOFT = np.tile(np.linspace(0, 255, 40).astype(np.uint8), (30, 1))


def made(name: str) -> Pages:
    pages: dict[str, list[NDArray[Any]]] = {
        "RGB": [PHOTO],
        "soft alpha": [np.dstack([PHOTO, SOFT])],
        "flat alpha": [np.dstack([PHOTO, np.full_like(SOFT, 200)])],
        "grey, 16 bits": [PHOTO[..., 0] * np.uint16(257) + SOFT],
        "floats": [(PHOTO / np.float32(255)).astype(np.float32)],
        "pages": [PHOTO, PHOTO[:20, :, 0], np.dstack([PHOTO[..., 0], SOFT])],
    }
    return Pages([Picture(pixels) for pixels in pages[name]], len(pages[name]))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("RGB", {"scale": 2}),
        ("RGB", {"scale": 1.5}),
        ("RGB", {"scale": 5, "tile": 20}),
        ("RGB", {"scale": 2, "ensemble": True}),
        ("soft alpha", {"scale": 3, "tile": 16}),
        ("flat alpha", {"scale": 2}),
        ("grey, 16 bits", {"scale": 2.5, "tile": 16}),
        ("floats", {"scale": 2}),
        ("pages", {"scale": 2}),
    ],
    ids=str,
)
def test_a_large_picture_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, options: dict[str, Any]
):
    write_pages(made(name), tmp_path / "in.tif")
    sr = Upscaler("gladsr-l", threads=1, draft=True, **options)
    sr.save(tmp_path / "in.tif", tmp_path / "a.tif")
    monkeypatch.setattr(mapped, "IN_MEMORY", 0)  # now every picture is a large one
    monkeypatch.setattr(mapped, "_BAND", 1000)
    sr.save(tmp_path / "in.tif", tmp_path / "b.tif")
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "b.tif", "in.tif"]


_PEAK = """
import re
import sys
from pathlib import Path
from gladsr import cli, engines
from tests.upscaling.test_bounded import Repeating

engines.load = lambda card, *args, **options: Repeating(card.scale)
code = cli.main(["upscale", "--scale", "2", "--model", "gladsr-l", *sys.argv[1:]])
print(re.findall(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[0])
sys.exit(code)
"""


class Repeating(StandIn):
    """An engine that repeats pixels, and notes how many it made at once."""

    def __init__(self, scale: int) -> None:
        self.scale = scale
        self.made: list[int] = []

    def run(
        self, x: Array, *, draft: bool = False, channel_weights: ChannelWeights | None = None
    ) -> Array:
        assert not draft
        assert channel_weights is None or channel_weights.shape == (1, 3)
        y = x.repeat(self.scale, axis=0).repeat(self.scale, axis=1)
        self.made.append(y.shape[0] * y.shape[1])
        return y


def peak_of(inputs: Path, output: Path) -> float:
    """Return the peak memory in MiB of upscaling a folder."""
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", _PEAK, str(inputs), "-o", str(output)],
        check=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return int(done.stdout) / 1024


@LINUX
def test_the_memory_does_not_grow_with_the_picture(tmp_path: Path):
    """One of 52 megapixels takes 156 MB in memory, and three are on their way at a time."""
    peaks = []
    for side in (300, 3600):  # 39 MB: pictures as large as this lie in files before, too
        folder = tmp_path / str(side)
        folder.mkdir()
        for name in ("a.png", "b.tif", "c.jpg"):
            Image.new("RGB", (side, side), "teal").save(folder / name)
        peaks.append(peak_of(folder, tmp_path / f"of {side}"))
        for name in ("a.png", "b.tif", "c.jpg"):
            with Image.open(tmp_path / f"of {side}" / name) as image:
                assert image.size == (2 * side, 2 * side)
    assert peaks[1] < peaks[0] + 100


@pytest.mark.parametrize(("scale", "side"), [(2, 384), (3, 384), (4, 304), (4, 384), (4, 900)])
def test_the_network_computes_few_pixels_at_once(scale: int, side: int):
    engine = Repeating(scale)
    pixels = np.zeros((side, side, 3), np.uint8)
    size = (scale * side, scale * side)
    upscaled = Upscaled(pixels, size, [(scale, engine)], core=None, draft=False)
    for part in upscaled.parts():
        upscaled.read(part)
    assert max(engine.made) <= 1216 * 1216
    assert (len(engine.made) == 1) == (side * scale <= 1216)


@pytest.mark.parametrize("alpha", [0, 77, 255])
def test_a_constant_alpha_needs_no_network(alpha: int):
    def upscaled(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
        engine = Repeating(2)
        large = Upscaled(pixels, (50, 70), [(2, engine)], core=16, draft=False)
        y = np.zeros(large.shape, np.uint8)
        for part in large.parts():
            y[part.top : part.bottom, part.left : part.right] = large.read(part)
        return y, len(engine.made)

    y, runs = upscaled(np.dstack([PHOTO, np.full_like(SOFT, alpha)]))
    expected, expected_runs = upscaled(PHOTO)
    np.testing.assert_array_equal(y[..., :3], expected)
    assert (y[..., 3] == alpha).all()
    assert runs == expected_runs
    assert upscaled(np.dstack([PHOTO, SOFT]))[1] == 2 * runs


def rejections() -> dict[str, tuple[Callable[[Path], None], str, dict[str, Any], str]]:
    """How to make the input, the name of the output, the settings, and the message."""
    tall = np.zeros((9000, 2, 3), np.uint8)
    return {
        "transparency": (
            lambda path: write(Picture(np.dstack([PHOTO, SOFT])), path),
            "a.jpg",
            {"scale": 2},
            "JPEG holds no transparency",
        ),
        "a side": (
            lambda path: write(Picture(tall), path),
            "a.webp",
            {"scale": 2},
            "it would have 4 × 18000 pixels, and WebP holds at most 16383 a side",
        ),
        "pages": (
            lambda path: write_pages(made("pages"), path),
            "a.png",
            {"scale": 2},
            "PNG does not hold 3 pages",
        ),
        "the disk": (
            lambda path: write(Picture(np.zeros((1500, 1500, 3), np.uint8)), path),
            "a.png",
            {"scale": 4},
            r"its disk lacks 0\.2 GB",
        ),
    }


def save(sr: Upscaler, source: Path, destination: Path) -> None:
    sr.save(source, destination)


def upscale_file(sr: Upscaler, source: Path, destination: Path) -> None:
    (outcome,) = upscale_files([FilePair(source, destination)], sr.upscale)
    assert outcome.error
    raise outcome.error


@pytest.mark.parametrize("upscale", [save, upscale_file])
@pytest.mark.parametrize("case", rejections())
def test_outputs_that_cannot_be_written_are_rejected_before_they_are_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, upscale: Any
):
    make, name, options, message = rejections()[case]
    make(tmp_path / "in.tif")
    if case == "the disk":
        usage = type(shutil.disk_usage(tmp_path))(10**12, 10**12 - 50_000_000, 50_000_000)
        monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    monkeypatch.setattr(Upscaled, "read", lambda *_: pytest.fail("it was computed"))
    sr = Upscaler("gladsr-l", threads=1, **options)
    with pytest.raises(PictureError, match=message):
        upscale(sr, tmp_path / "in.tif", tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]


@LINUX
def test_the_temporary_files_of_pages_are_removed_on_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """However many there are, the disk holds few at a time."""
    monkeypatch.setattr(mapped, "IN_MEMORY", 0)
    write_pages(Pages([Picture(PHOTO)] * 12, 12), tmp_path / "in.tif")
    alive: list[int] = []
    before = open_files()
    sr = Upscaler("gladsr-l", threads=1, draft=True)
    sr.save(
        tmp_path / "in.tif",
        tmp_path / "out.tif",
        progress=lambda _share: alive.append(open_files() - before),
    )
    assert read_pages(tmp_path / "out.tif").count == 12
    assert 2 <= max(alive) <= 10  # at most five are between being read and having been written


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
