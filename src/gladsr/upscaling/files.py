"""What can be upscaled: picture files and films, each read and written in its own way."""

from pathlib import Path

from gladsr import pictures
from gladsr.films.encoders import Encoding
from gladsr.films.formats import is_film
from gladsr.films.reading import Film, read_film
from gladsr.films.writing import write_film
from gladsr.pictures import Pages, ReadOptions, WriteOptions

USUAL = Encoding()
"""How films are encoded unless told."""


def read(source: Path, destination: Path, options: ReadOptions = ReadOptions()) -> Pages:
    """Read a film if it becomes a film, else a picture file; see `read_film` and `read_pages`.

    Raises:
        PictureError: As there, or the destination cannot hold so many pages.
    """
    if is_film(destination):
        return read_film(source, max_pixels=options.max_input_pixels)
    pages = pictures.read_pages(source, options=options, folder=destination.parent)
    pictures.check_pages(pages, destination)
    return pages


def write(
    pages: Pages, path: Path, *, options: WriteOptions = WriteOptions(), encoding: Encoding = USUAL
) -> None:
    """Write a film or a picture file; see `write_film` and `write_pages`."""
    if isinstance(pages, Film):
        write_film(pages, path, encoding, strip_metadata=options.strip_metadata)
    else:
        pictures.write_pages(pages, path, options=options)
