"""The price of pictures in the service's queue against the time that they take; see docs/serve.md.

python measurements/service_price.py

It upscales pictures of many kinds as the service does, with one thread, and compares the processor
time with the price. The prices are scaled by the median ratio first, as the service learns the
speed of its machine.
"""

import statistics
import tempfile
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from PIL import Image

from gladsr.web import header_process, upscale_process
from gladsr.web.messages import Done, Part, PictureHeader, UpscaleTask
from gladsr.web.price import price
from gladsr.web.settings import EngineSettings, UpscaleSettings

KINDS: dict[str, tuple[str, tuple[int, ...], int, dict[str, Any], list[Part]]] = {
    # The suffix, the shape, the number of frames or pages, the settings and the parts of each.
    "JPEG, ×2": (".jpg", (192, 256, 3), 1, {}, ["result"]),
    "JPEG, ×1.5": (".jpg", (192, 256, 3), 1, {"scale": 1.5}, ["result"]),
    "JPEG, ×4": (".jpg", (192, 256, 3), 1, {"scale": 4}, ["result"]),
    "PNG, ×8": (".png", (96, 128, 3), 1, {"scale": 8}, ["result"]),
    "PNG with alpha, ×2": (".png", (192, 256, 4), 1, {}, ["result"]),
    "PNG with alpha, ×8": (".png", (96, 128, 4), 1, {"scale": 8}, ["result"]),
    "PNG, 4×4 pixels": (".png", (4, 4, 3), 1, {}, ["result"]),
    "GIF, 500 frames of 1×1": (".gif", (1, 1, 3), 500, {}, ["result"]),
    "GIF, 20 frames of 64×64": (".gif", (64, 64, 3), 20, {}, ["result"]),
    "TIFF, 10 pages of 96×96": (".tif", (96, 96, 3), 10, {}, ["result"]),
    "gladsr-l, ×4": (".png", (192, 256, 3), 1, {"model": "gladsr-l", "scale": 4}, ["result"]),
    "ensemble": (".png", (96, 96, 3), 1, {"ensemble": True}, ["result"]),
    "draft": (".png", (192, 256, 3), 1, {"draft": True}, ["result"]),
    "preview": (".tif", (128, 128, 3), 1, {}, ["bicubic", "draft", "result", "view"]),
    "masks": (".png", (192, 256, 3), 1, {}, ["masks"]),
}


def make_picture(folder: Path, suffix: str, shape: tuple[int, ...], count: int) -> Path:
    """Write a picture with some pages or frames of random pixels."""
    rng, path = np.random.default_rng(0), folder / f"source{suffix}"
    pages = [Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)) for _ in range(count)]
    several: dict[str, Any] = {"save_all": True, "append_images": pages[1:]} if count > 1 else {}
    pages[0].save(path, **several)
    return path


class Once:
    """A connection on which one task arrives, twice: the first time loads the model."""

    def __init__(self, task: UpscaleTask) -> None:
        self._tasks = [task, task]
        self.seconds: list[float] = []

    def recv(self) -> UpscaleTask:
        """Return the task."""
        if not self._tasks:
            raise EOFError
        for path in self._tasks[0].outputs.values():
            path.unlink(missing_ok=True)
        self.seconds.append(process_time())
        return self._tasks.pop()

    def poll(self) -> bool:
        """Return whether there is a message meanwhile."""
        return False

    def send(self, message: object) -> None:
        """Note the time at the end."""
        if isinstance(message, Done):
            self.seconds.append(process_time())


def measure(name: str) -> tuple[float, float]:
    """Return the price and the seconds of a kind of picture."""
    suffix, shape, count, options, parts = KINDS[name]
    settings = UpscaleSettings(**{"scale": 2, **options})
    with tempfile.TemporaryDirectory() as folder:
        source = make_picture(Path(folder), suffix, shape, count)
        header = header_process.read_header(source, count)
        assert isinstance(header, PictureHeader), header
        outputs = {part: Path(folder) / f"{part}{suffix}" for part in parts}
        task = UpscaleTask(source=source, outputs=outputs, settings=settings, quality=95)
        connection: Any = Once(task)
        upscale_process.serve(connection, EngineSettings(threads=1).load)
    *_, start, end = connection.seconds
    return price(header, settings, outputs), end - start


def main() -> None:
    """Print the table."""
    results = {name: measure(name) for name in KINDS}
    speed = statistics.median(seconds / priced for priced, seconds in results.values())
    print("| picture | seconds | price | price / seconds |\n|---|---|---|---|")
    for name, (priced, seconds) in results.items():
        estimate = priced * speed
        print(f"| {name} | {seconds:.2f} | {estimate:.2f} | {estimate / seconds:.2f} |")


if __name__ == "__main__":
    main()
