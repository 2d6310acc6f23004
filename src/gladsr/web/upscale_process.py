"""The process that upscales pictures."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from multiprocessing.connection import Connection
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from gladsr import pictures
from gladsr.errors import EngineError, PictureError
from gladsr.pictures.compression import stated_compression
from gladsr.upscaling import Upscaler
from gladsr.upscaling.auto import AUTO, choose
from gladsr.upscaling.pixels import reduced, stretched
from gladsr.upscaling.tiling import WHOLE
from gladsr.web.failures import failure
from gladsr.web.messages import (
    Cancel,
    Cancelled,
    Done,
    ModelChosen,
    Part,
    PartWritten,
    Progress,
    Ready,
    Unusable,
    UpscaleMessage,
    UpscaleTask,
)
from gladsr.web.settings import EngineSettings, UpscaleSettings
from gladsr.web.worker_process import tasks


class _TaskCancelledError(Exception):
    """The service has sent `Cancel`."""


def run(settings: EngineSettings, connection: Connection) -> None:
    """Do every upscaling task that arrives."""
    serve(connection, settings.load)


def serve(connection: Connection, load: Callable[[str], Upscaler]) -> None:
    """Do every upscaling task that arrives.

    Args:
        connection: Where tasks arrive and messages go.
        load: Returns the upscaler for a model's name.
    """
    model = cache(load)
    try:
        model(UpscaleSettings.model)(np.zeros((16, 16, 3), np.uint8))  # compile it now
    except EngineError as error:
        connection.send(Unusable(str(error)))
        return
    connection.send(Ready())
    for task in tasks(connection):
        connection.send(_do(task, model, connection))


def _do(
    task: UpscaleTask, model: Callable[[str], Upscaler], connection: Connection
) -> UpscaleMessage:
    start = perf_counter()
    try:
        upscaler = _upscaler(task, model, connection)
        for part in task.outputs:
            _write(part, task, upscaler, connection)
            connection.send(PartWritten(part))
        return Done(perf_counter() - start)
    except _TaskCancelledError:
        return Cancelled()
    except Exception as error:  # noqa: BLE001 - a file may break any library in any way
        is_output = isinstance(error, PictureError) and error.path in task.outputs.values()
        return failure(error, "The result" if is_output else "The picture")


def _upscaler(
    task: UpscaleTask, model: Callable[[str], Upscaler], connection: Connection
) -> Upscaler:
    """Return the upscaler for a task, with one model for all its parts."""
    upscaler = task.settings.applied_to(model(task.settings.model))
    if task.settings.model != AUTO:
        return upscaler
    pages = pictures.read_pages(task.source, folder=task.source.parent)
    first = next(iter(pages.pictures))
    choice = choose(first.pixels, stated_compression(task.source))
    connection.send(ModelChosen(choice.model, choice.reason))
    return replace(upscaler, model=choice.model)


def _write(part: Part, task: UpscaleTask, upscaler: Upscaler, connection: Connection) -> None:
    path = task.outputs[part]
    if part == "result":

        def report(share: float) -> None:
            connection.send(Progress(share))
            if connection.poll() and isinstance(connection.recv(), Cancel):
                raise _TaskCancelledError

        write = pictures.WriteOptions(task.quality)
        upscaler.save(task.source, path, write=write, progress=report)
        return
    pages = pictures.read_pages(task.outputs["result"] if part == "view" else task.source)
    picture = next(iter(pages.pictures))
    match part:
        case "draft":
            picture = replace(upscaler, draft=True, ensemble=False).upscale(picture)
        case "bicubic":
            height, width = picture.pixels.shape[:2]
            size = task.settings.output_size((height, width))
            picture = replace(picture, pixels=pictures.resize(picture.pixels, size=size))
        case "masks":
            picture = _masks(upscaler, pictures.to_depth(picture.pixels, np.uint8))
    pictures.write(picture, path, options=pictures.WriteOptions(task.quality))


def _masks(upscaler: Upscaler, pixels: NDArray[np.uint8]) -> pictures.Picture:
    """Return the guided masks of a picture, which is downscaled first if it is large."""
    masks = stretched(upscaler.masks(reduced(pixels, WHOLE)))
    return pictures.Picture(pictures.to_depth(masks.reshape(-1, masks.shape[2]), np.uint8))
