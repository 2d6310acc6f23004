"""Reading and writing of whatever can be upscaled: picture files and films."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from gladsr import pictures
from gladsr.films.encoders import Encoding
from gladsr.films.formats import is_film
from gladsr.pictures import Pages, ReadOptions, WriteOptions

if TYPE_CHECKING:
    from gladsr.films.film import Film


@dataclass(frozen=True)
class FilePair:
    """An input file and the output file that is made of it.

    Attributes:
        source: The picture or film to read.
        destination: The picture or film to write.
    """

    source: Path
    destination: Path


def read(pair: FilePair, options: ReadOptions) -> Pages:
    """Open an input: a film if the output is one, otherwise a picture file.

    Raises:
        PictureError: The input cannot be read, or the output cannot hold its number of pages.
        ModuleNotFoundError: The library for films is not installed.
    """
    if is_film(pair.destination):
        from gladsr.films.reading import read_film  # noqa: PLC0415 - needs gladsr[video]

        return read_film(pair.source, options=options)
    folder = pair.destination.parent
    pages = pictures.read_pages(pair.source, options=options, folder=folder)
    pictures.check_pages(pages, pair.destination)
    return pages


def room_for(destination: Path, pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Return an array for an upscaled picture or frame, if the output can hold it.

    A large picture gets a temporary file beside the output (`gladsr.pictures.room_for`). A frame is
    encoded right away, and stays in memory.

    Args:
        destination: The output.
        pixels: The pixels to upscale.
        size: The new height and width.

    Raises:
        PictureError: The output's format cannot hold such a picture, or the disk is too full.
    """
    if is_film(destination):
        return np.empty((*size, *pixels.shape[2:]), pixels.dtype)
    return pictures.room_for(destination, pixels, size)


def write(
    pages: Pages, path: Path, *, options: WriteOptions, encoding: Encoding, overwrite: bool
) -> None:
    """Write an output, a film or a picture file by its name.

    Raises:
        PictureError: The output cannot be written.
        OutputExistsError: The output exists and is not to be overwritten.
    """
    if is_film(path):
        from gladsr.films.writing import write_film  # noqa: PLC0415 - needs gladsr[video]

        film = cast("Film", pages)
        write_film(film, path, options=options, encoding=encoding, overwrite=overwrite)
    else:
        pictures.write_pages(pages, path, options=options, overwrite=overwrite)
