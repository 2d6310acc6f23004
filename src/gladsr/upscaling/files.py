"""What can be upscaled: picture files and films, each read and written in its own way."""

from pathlib import Path

from gladsr import pictures
from gladsr.films.encoders import Encoding
from gladsr.films.formats import is_film
from gladsr.films.reading import Film, read_film
from gladsr.films.writing import write_film
from gladsr.pictures import Pages

USUAL = Encoding()
"""How films are encoded unless told."""


def read(
    source: Path,
    destination: Path,
    *,
    max_pixels: int = pictures.MAX_PIXELS,
    float_range: tuple[float, float] = (0, 1),
) -> Pages:
    """Read a film if it becomes a film, else a picture file; see `read_film` and `read_pages`.

    Raises:
        PictureError: As there, or the destination cannot hold so many pages.
    """
    if is_film(destination):
        return read_film(source, max_pixels=max_pixels)
    pages = pictures.read_pages(
        source, max_pixels=max_pixels, float_range=float_range, folder=destination.parent
    )
    pictures.check_pages(pages, destination)
    return pages


def write(
    pages: Pages,
    path: Path,
    *,
    quality: int = 95,
    encoding: Encoding = USUAL,
    strip_metadata: bool = False,
) -> None:
    """Write a film or a picture file; see `write_film` and `write_pages`.

    The pages of a picture file are written as they are; their metadata are left out before.
    """
    if isinstance(pages, Film):
        write_film(pages, path, encoding, strip_metadata=strip_metadata)
    else:
        pictures.write_pages(pages, path, quality=quality)
