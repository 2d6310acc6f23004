"""Worker processes that get stuck, to see how a service recovers from them."""

import shutil
from dataclasses import dataclass
from multiprocessing.connection import Connection
from os import PathLike
from pathlib import Path
from time import sleep
from typing import Any

from PIL import Image

from gladsr import Upscaler
from gladsr.web import header_process, upscale_process
from gladsr.web.messages import Ready
from gladsr.web.settings import EngineSettings
from gladsr.web.worker_process import tasks

PHASES = ("decode", "metadata", "network", "write")
"""Where a picture gets stuck that is as wide as the phase's position, from 1."""

HEADER_WIDTH = len(PHASES) + 1
"""The width of a picture whose header takes for ever to read."""


def _hang() -> None:
    """Block in C, as a decoder may, without a look at messages or signals."""
    sleep(1000)


@dataclass(frozen=True)
class StuckUpscaler(Upscaler):
    """An upscaler that gets stuck in a phase, or copies the file."""

    def __post_init__(self) -> None:
        pass

    def __call__(self, picture: Any) -> Any:
        return picture

    def save(
        self, source: str | PathLike[str], destination: str | PathLike[str], **options: Any
    ) -> None:
        with Image.open(source) as image:
            width = image.width
        phase = PHASES[width - 1] if width <= len(PHASES) else None
        if phase == "decode":
            _hang()
        if phase == "metadata":
            while True:  # parsing, in Python
                pass
        while phase == "network":  # between tiles, messages are read
            sleep(0.1)
            options["progress"](0.5)
        options["progress"](1.0)
        shutil.copy(source, destination)
        if phase == "write":
            Path(destination).write_bytes(bytes(1000))
            _hang()


def upscale(_settings: EngineSettings, connection: Connection) -> None:
    upscale_process.serve(connection, StuckUpscaler)


def read_headers(max_pages: int, connection: Connection) -> None:
    connection.send(Ready())
    for path in tasks(connection):
        with Image.open(path) as image:
            if image.width == HEADER_WIDTH:
                _hang()
        connection.send(header_process.read_header(path, max_pages))
