"""What the workers do with pictures, each in a process of its own."""

import logging
import signal
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gladsr import pictures
from gladsr.engines import EngineName, Precision
from gladsr.errors import EngineError, OutOfMemoryError, PictureError, TooLargeError
from gladsr.upscaling import Upscaler
from gladsr.upscaling.pixels import reduced, stretched
from gladsr.upscaling.sizes import output_size, parse_size
from gladsr.upscaling.tiling import WHOLE
from gladsr.web.worker import CANCEL, READY, REFUSED

logger = logging.getLogger(__name__)

JobPart = Literal["result", "view", "draft", "bicubic"]
Part = JobPart | Literal["attention"]

DONE, FAILED, PART, PROGRESS, SIZES = "done", "failed", "part", "progress", "sizes"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What runs the network; see `gladsr.Upscaler`."""

    engine: EngineName = "auto"
    precision: Precision = "fp32"
    device: str | None = None
    threads: int | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to upscale; see `gladsr.Upscaler`. Either the scale or the size, in words, is given."""

    model: str = "gladsr"
    scale: float | None = None
    size: str | None = None
    ensemble: bool = False
    draft: bool = False

    def enlarged(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the height and width that a picture of some height and width becomes.

        Raises:
            SizeError: It cannot have the size that is asked for.
        """
        return output_size(size, self.scale, self._box())

    def upscaler(self, like: Upscaler) -> Upscaler:
        """Return the upscaler that another, of the same model, becomes with these settings."""
        return replace(
            like, scale=self.scale, size=self._box(), ensemble=self.ensemble, draft=self.draft
        )

    def _box(self) -> tuple[int | None, int | None] | None:
        return None if self.size is None else parse_size(self.size)


@dataclass(frozen=True, kw_only=True)
class Task:
    """One picture to upscale.

    Attributes:
        source: The picture's file.
        parts: The files to write, in this order: ``result`` is the upscaled picture, ``bicubic``
            the same by interpolation, ``draft`` by the coarse output, and ``view`` the result in
            a format that browsers show. Of several pages or frames, all but the result have the
            first alone. ``attention`` is what the network attends to, its guided masks one below
            the other in grey, each in its own range.
        settings: How to upscale.
        quality: Of JPEG, WebP and AVIF files.
    """

    source: Path
    parts: dict[Part, Path]
    settings: Settings
    quality: int


_CANNOT_RUN = (
    "The service cannot run this model at this scale. Choose another; the service's log says why."
)


class _CancelledError(Exception):
    """Nobody wants the picture any more."""


def inspect(connection: Connection, max_pages: int) -> None:
    """Tell the heights and widths of pictures' pages or frames, from their headers alone."""
    _begin()
    connection.send((READY,))
    for path in _tasks(connection):
        try:
            connection.send((SIZES, pictures.measure(path, max_pages=max_pages)))
        except PictureError as error:
            connection.send((FAILED, str(error).replace(str(path), "The picture")))


def upscale(connection: Connection, machine: Machine) -> None:
    """Upscale pictures, or refuse where the machine has not the engine that it is told."""
    _begin()

    @cache
    def model(name: str) -> Upscaler:
        return Upscaler(name, **vars(machine))

    try:
        model(Settings.model)(np.zeros((16, 16, 3), np.uint8))  # the first picture need not wait
    except EngineError as error:
        connection.send((REFUSED, str(error)))
        return
    connection.send((READY,))
    for task in _tasks(connection):
        try:
            start = perf_counter()
            for part in task.parts:
                _write(part, task, task.settings.upscaler(model(task.settings.model)), connection)
                connection.send((PART, part))
            connection.send((DONE, perf_counter() - start))
        except _CancelledError:
            connection.send((FAILED, "cancelled", ""))
        except (MemoryError, OutOfMemoryError, TooLargeError):
            connection.send((FAILED, "storage", "There is not enough memory for the picture."))
        except PictureError as error:
            kind = "storage" if isinstance(error.__cause__, OSError) else "picture"
            connection.send((FAILED, kind, _without_paths(str(error), task)))
        except EngineError as error:  # of another model or scale than the first
            logger.warning("a picture failed: %s", error)  # its paths are not for the client
            connection.send((FAILED, "internal", _CANNOT_RUN))
        except Exception:
            logger.exception("a picture failed")
            connection.send((FAILED, "internal", "The service failed at this picture."))


def _tasks(connection: Connection) -> Any:
    while True:
        try:
            task = connection.recv()
        except EOFError:  # the service has ended
            return
        if task != CANCEL:  # one that came too late for its task
            yield task


def _begin() -> None:
    """Leave signals to the service, and do not say what names a client's files."""
    logging.getLogger("gladsr.pictures").setLevel(logging.ERROR)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _write(part: Part, task: Task, upscaler: Upscaler, connection: Connection) -> None:
    path = task.parts[part]
    if part == "result":

        def tell(share: float) -> None:
            connection.send((PROGRESS, share))
            if connection.poll() and connection.recv() == CANCEL:
                raise _CancelledError

        write = pictures.WriteOptions(task.quality)
        upscaler.save(task.source, path, write=write, progress=tell)
        return
    pages = pictures.read_pages(task.parts["result"] if part == "view" else task.source)
    picture = next(iter(pages.pictures))
    match part:
        case "draft":
            picture = replace(upscaler, draft=True, ensemble=False).upscale(picture)
        case "bicubic":
            height, width = picture.pixels.shape[:2]
            size = task.settings.enlarged((height, width))
            picture = replace(picture, pixels=pictures.resize(picture.pixels, size=size))
        case "attention":
            picture = _masks(upscaler, pictures.to_depth(picture.pixels, np.uint8))
    pictures.write(picture, path, options=pictures.WriteOptions(task.quality))


def _masks(upscaler: Upscaler, pixels: NDArray[np.uint8]) -> pictures.Picture:
    """Return the guided masks of a picture, which is made smaller if it is large."""
    masks = stretched(upscaler.masks(reduced(pixels, WHOLE)))
    return pictures.Picture(pictures.to_depth(masks.reshape(-1, masks.shape[2]), np.uint8))


def _without_paths(message: str, task: Task) -> str:
    """Return a message with the files called by what they are instead of their names."""
    message = message.replace(str(task.source), "The picture")
    for path in task.parts.values():
        message = message.replace(str(path), "The result")
    return message
