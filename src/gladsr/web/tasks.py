"""What the workers do with pictures, each in a process of its own."""

import logging
import signal
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from gladsr import pictures
from gladsr.engines import EngineName, Precision
from gladsr.upscaling import Upscaler
from gladsr.web.worker import CANCEL, READY

logger = logging.getLogger(__name__)

Part = Literal["result", "view", "draft", "bicubic"]

DONE, FAILED, PART, PROGRESS, SIZE = "done", "failed", "part", "progress", "size"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What runs the network; see `gladsr.Upscaler`."""

    engine: EngineName = "auto"
    precision: Precision = "fp32"
    device: str | None = None
    threads: int | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to upscale; see `gladsr.Upscaler`."""

    model: str = "gladsr"
    scale: int = 2
    ensemble: bool = False
    draft: bool = False


@dataclass(frozen=True, kw_only=True)
class Task:
    """One picture to upscale.

    Attributes:
        source: The picture's file.
        parts: The files to write, in this order: ``result`` is the upscaled picture, ``bicubic``
            the same by interpolation, ``draft`` by the coarse output, and ``view`` the result in
            a format that browsers show.
        settings: How to upscale.
        quality: Of JPEG and WebP files.
    """

    source: Path
    parts: dict[Part, Path]
    settings: Settings
    quality: int


class _CancelledError(Exception):
    """Nobody wants the picture any more."""


def inspect(connection: Connection) -> None:
    """Tell how many pixels across and down pictures have, from their headers alone."""
    import pyvips  # type: ignore[import-untyped]  # noqa: PLC0415 - only in this process

    _leave_signals_to_the_service()
    connection.send((READY,))
    for path in _tasks(connection):
        try:
            header = pyvips.Image.new_from_file(str(path), access="sequential")
            connection.send((SIZE, header.width, header.height))
        except pyvips.Error:
            connection.send((FAILED, "The picture is damaged, cut short or of a rare kind."))


def upscale(connection: Connection, machine: Machine) -> None:
    """Upscale pictures."""
    _leave_signals_to_the_service()

    @lru_cache(maxsize=8)
    def upscaler(settings: Settings) -> Upscaler:
        return Upscaler(**vars(settings), **vars(machine))

    upscaler(Settings())
    connection.send((READY,))
    for task in _tasks(connection):
        try:
            start = perf_counter()
            for part in task.parts:
                _write(part, task, upscaler, connection)
                connection.send((PART, part))
            connection.send((DONE, perf_counter() - start))
        except _CancelledError:
            connection.send((FAILED, "cancelled", ""))
        except pictures.PictureError as error:
            kind = "storage" if isinstance(error.__cause__, OSError) else "picture"
            connection.send((FAILED, kind, _without_paths(str(error), task)))
        except MemoryError:
            connection.send((FAILED, "storage", "There is not enough memory for the picture."))
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


def _leave_signals_to_the_service() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _write(part: Part, task: Task, upscaler: Any, connection: Connection) -> None:
    path = task.parts[part]
    match part:
        case "result":

            def tell(share: float) -> None:
                connection.send((PROGRESS, share))
                if connection.poll() and connection.recv() == CANCEL:
                    raise _CancelledError

            upscaler(task.settings).save(task.source, path, quality=task.quality, progress=tell)
        case "draft":
            draft = upscaler(replace(task.settings, draft=True, ensemble=False))
            draft.save(task.source, path, quality=task.quality)
        case "bicubic":
            picture = pictures.read(task.source)
            pixels = pictures.resize(picture.pixels, scale=task.settings.scale)
            pictures.write(replace(picture, pixels=pixels), path, quality=task.quality)
        case "view":
            pictures.write(pictures.read(task.parts["result"]), path)


def _without_paths(message: str, task: Task) -> str:
    """Return a message with the files called by what they are instead of their names."""
    message = message.replace(str(task.source), "The picture")
    for path in task.parts.values():
        message = message.replace(str(path), "The result")
    return message
