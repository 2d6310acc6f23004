"""A real service on the loopback, as `gladsr serve` runs it, and how the tests use it."""

import io
import json
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
from time import monotonic, sleep
from typing import Any

import httpx
import numpy as np
import skimage
import uvicorn
from numpy.typing import NDArray
from PIL import Image

from gladsr.web.app import create_app
from gladsr.web.connections import limited_protocol
from gladsr.web.service import Service

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
        url: Its address.
        process: Its process.
        folder: Its folder for temporary files.
        client: An HTTP client of it.
        log: What it has logged since its start; unread, the log would fill a pipe.
        reader: The thread that reads the log.
    """

    url: str
    process: subprocess.Popen[str]
    folder: Path
    client: httpx.Client
    log: list[str]
    reader: Thread

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> str:
        """Send a signal, wait for the end and return the log."""
        self.process.send_signal(with_signal)
        self.process.wait(timeout=60)
        self.reader.join()
        return "".join(self.log)

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
        process = subprocess.Popen(  # noqa: S603 - Python itself
            [*command, *options], stderr=subprocess.PIPE, text=True, env=environment
        )
        assert process.stderr is not None
        first = process.stderr.readline()
        log: list[str] = []
        reader = Thread(target=log.extend, args=(process.stderr,))
        reader.start()
        try:
            address = re.search(r"http://\S+(?=/)", first)
            if not address:
                process.wait(timeout=5)
                reader.join()
            assert address, (first, log)
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            with httpx.Client(base_url=address[0], timeout=60, headers=headers) as client:
                while client.get("/readyz").status_code != 200:
                    sleep(0.1)
                yield Server(address[0], process, Path(folder), client, log, reader)
        finally:
            process.kill()
            process.wait()
            reader.join()
            process.stderr.close()


def several(folder: Path, suffix: str) -> Path:
    """Write a file with three pages or frames."""
    first, *others = (Image.fromarray(np.roll(CHELSEA, 5 * step, axis=1)) for step in range(3))
    path = folder / f"several{suffix}"
    first.save(path, save_all=True, append_images=others)
    return path


def noise(side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return a picture of random pixels."""
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


def png_of(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def png(side: int) -> bytes:
    return png_of(noise(side))


def ask(server: Server, picture: bytes, **options: Any) -> httpx.Response:
    return server.client.post("/v1/upscale", params=options, files={"image": picture})


def assert_problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem.keys() == {"type", "title", "status", "detail"}
    assert problem["type"] == f"/problems#{kind}"
    assert problem["status"] == status
    return problem


def events(server: Server, job: str) -> Iterator[dict[str, Any]]:
    with server.client.stream("GET", f"/v1/jobs/{job}/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for line in response.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def stored(server: Server) -> list[Path]:
    """Return the files of pictures that the service keeps."""
    return [path for path in server.folder.glob("gladsr-serve-*/**/*") if path.is_file()]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    end = monotonic() + 60
    while not condition():
        assert monotonic() < end, "the condition does not hold after a minute"
        sleep(0.05)


def is_ready(server: Server) -> bool:
    return server.client.get("/readyz").status_code == 200


def workers(server: Server) -> list[int]:
    """Return the service's worker processes."""
    lines = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in server.children()}
    return [child for child, line in lines.items() if b"spawn_main" in line]


def ends(
    *words: str, path: Path | None = None, environment: dict[str, str] | None = None
) -> tuple[int, str, list[Path]]:
    """Run a `gladsr serve` that fails; return its exit code, its errors and the files it leaves."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [*([str(path)] if path else []), SOURCE, os.environ.get("PYTHONPATH", "")]
        run = subprocess.run(  # noqa: S603 - Python itself
            [sys.executable, "-m", "gladsr", "serve", "--port", "0", "--threads", "1", *words],
            capture_output=True,
            text=True,
            timeout=60,
            env={
                **os.environ,
                **(environment or {}),
                "TMPDIR": folder,
                "PYTHONPATH": os.pathsep.join(paths),
            },
            check=False,
        )
        return run.returncode, run.stderr, [*Path(folder).glob("gladsr-*")]


@contextmanager
def in_thread(
    service: Service, *, trusted_proxy: str | None = None, wait_for_workers: bool = True
) -> Iterator[httpx.Client]:
    """Run a service in a thread of this process, and yield a client of it."""
    config = uvicorn.Config(
        create_app(service),
        port=0,
        log_config=None,
        http=limited_protocol(service.limits, trusted_proxy),
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started and (service.ready or not wait_for_workers))
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
