"""Fixtures: a service, and pictures with what the command makes of them."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageCms
from PIL.Image import Exif

from gladsr import Upscaler
from gladsr.upscaling.sizes import parse_size

from .helpers import CHELSEA, EXIF_ARTIST, SUFFIXES, Server, running


@pytest.fixture(scope="session", autouse=True)
def _sighup_is_not_ignored() -> Iterator[None]:
    """Undo what nohup does to a process and its children."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A service with the default limits, shared by all tests that need nothing else."""
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small photograph in every format, with a colour profile and an artist's name."""
    folder = tmp_path_factory.mktemp("pictures")
    exif = Exif()
    exif[EXIF_ARTIST] = "Stefan"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    paths = {}
    for kind, suffix in SUFFIXES.items():
        paths[kind] = folder / f"a{suffix}"
        Image.fromarray(CHELSEA).save(paths[kind], exif=exif, icc_profile=profile, dpi=(300, 300))
    return paths


@pytest.fixture(scope="session")
def upscaled(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """A function that upscales a file as `gladsr upscale` does."""
    folder = tmp_path_factory.mktemp("upscaled")

    def upscale(path: Path, suffix: str | None = None, **settings: object) -> bytes:
        destination = folder / f"out{suffix or path.suffix}"
        if isinstance(size := settings.get("size"), str):
            settings["size"] = parse_size(size)
        upscaler = Upscaler(threads=1, **settings)  # type: ignore[arg-type]
        upscaler.save(path, destination, overwrite=True)
        return destination.read_bytes()

    return upscale
