"""A real service on the loopback, as `gladsr serve` runs it."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from time import sleep

import httpx
import numpy as np
import pytest
import skimage
from PIL import Image, ImageCms
from PIL.Image import Exif

from gladsr import Upscaler
from gladsr.upscaling.sizes import parse_size

SOURCE = str(Path(__file__).parents[2] / "src")
CHELSEA = skimage.data.chelsea()[80:112, 120:160]
EXIF_ARTIST = 0x013B
SUFFIXES = {
    "png": ".png",
    "jpeg": ".jpg",
    "tiff": ".tif",
    "webp": ".webp",
    "avif": ".avif",
    "gif": ".gif",
}


@dataclass
class Server:
    """A running service.

    Attributes:
        url: Where it is.
        process: What runs it.
        folder: The folder for temporary files that it was told.
        client: Asks it.
        said: What it has printed since its start; the log of a service fills a pipe.
        reader: Reads that.
    """

    url: str
    process: subprocess.Popen[str]
    folder: Path
    client: httpx.Client
    said: list[str]
    reader: Thread

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> str:
        """Send a signal, wait for the end and return what it printed since its start."""
        self.process.send_signal(with_signal)
        self.process.wait(timeout=60)
        self.reader.join()
        return "".join(self.said)

    def children(self) -> list[int]:
        """The processes that it has started."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(child) for child in listed.split()]


@contextmanager
def running(*options: str, token: str | None = None) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TMPDIR": folder, "OMP_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = os.pathsep.join([SOURCE, os.environ.get("PYTHONPATH", "")])
        if token:
            environment["GLADSR_TOKEN"] = token
        command = [sys.executable, "-m", "gladsr", "serve", "--port", "0", "--threads", "1"]
        process = subprocess.Popen(  # noqa: S603 - Python itself, and words of the tests
            [*command, *options], stderr=subprocess.PIPE, text=True, env=environment
        )
        assert process.stderr is not None
        first = process.stderr.readline()
        said: list[str] = []
        reader = Thread(target=said.extend, args=(process.stderr,))
        reader.start()
        try:
            address = re.search(r"http://\S+(?=/)", first)
            if not address:
                process.wait(timeout=5)
                reader.join()
            assert address, (first, said)
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            with httpx.Client(base_url=address[0], timeout=60, headers=headers) as client:
                while client.get("/readyz").status_code != 200:
                    sleep(0.1)
                yield Server(address[0], process, Path(folder), client, said, reader)
        finally:
            process.kill()
            process.wait()
            reader.join()
            process.stderr.close()


@pytest.fixture(scope="session", autouse=True)
def _hears_a_terminal_close() -> Iterator[None]:
    """A process that nohup started ignores SIGHUP, and so does what it starts."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A service with its usual limits, shared by the tests that only ask."""
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


def several(folder: Path, suffix: str) -> Path:
    """A file with three pages or frames."""
    first, *others = (Image.fromarray(np.roll(CHELSEA, 5 * step, axis=1)) for step in range(3))
    path = folder / f"several{suffix}"
    first.save(path, save_all=True, append_images=others)
    return path


@pytest.fixture(scope="session")
def upscaled(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """Return a function that upscales a file as `gladsr upscale` does."""
    folder = tmp_path_factory.mktemp("upscaled")

    def upscale(path: Path, suffix: str | None = None, **settings: object) -> bytes:
        destination = folder / f"out{suffix or path.suffix}"
        if isinstance(size := settings.get("size"), str):
            settings["size"] = parse_size(size)
        upscaler = Upscaler(threads=1, **settings)  # type: ignore[arg-type]  # words of the tests
        upscaler.save(path, destination, overwrite=True)
        return destination.read_bytes()

    return upscale


def noise(side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A picture that takes its time."""
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
