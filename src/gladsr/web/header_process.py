"""The process that reads the headers of pictures."""

from multiprocessing.connection import Connection
from pathlib import Path

import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them

from gladsr import pictures
from gladsr.errors import PictureError
from gladsr.web.failures import failure
from gladsr.web.messages import HeaderMessage, PictureHeader, Ready
from gladsr.web.worker_process import tasks


def run(max_pages: int, connection: Connection) -> None:
    """Send the header of every file whose path arrives."""
    connection.send(Ready())
    for path in tasks(connection):
        connection.send(read_header(path, max_pages))


def read_header(path: Path, max_pages: int) -> HeaderMessage:
    """Return what the header of a file declares, or why it cannot be read."""
    try:
        sizes = pictures.measure(path, max_pages=max_pages)
        return PictureHeader(sizes, pyvips.Image.new_from_file(str(path)).hasalpha())
    except PictureError as error:
        return failure(error, "The picture")
    except pyvips.Error:
        return failure(PictureError(path, "its header cannot be read"), "The picture")
