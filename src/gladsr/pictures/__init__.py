"""Picture files in and out, the resize and the colour of this field. Knows no network."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gladsr.errors import PictureError
from gladsr.pictures.colour import luminance, to_rgb
from gladsr.pictures.depth import to_depth
from gladsr.pictures.formats import SUFFIXES
from gladsr.pictures.options import MAX_PIXELS, ReadOptions, WriteOptions
from gladsr.pictures.picture import Pages, Picture
from gladsr.pictures.resize import mod_crop, resize

if TYPE_CHECKING:
    from gladsr.pictures.reading import measure, read, read_pages
    from gladsr.pictures.writing import check_pages, room_for, write, write_pages

__all__ = [
    "MAX_PIXELS",
    "SUFFIXES",
    "Pages",
    "Picture",
    "PictureError",
    "ReadOptions",
    "WriteOptions",
    "check_pages",
    "luminance",
    "measure",
    "mod_crop",
    "read",
    "read_pages",
    "resize",
    "room_for",
    "to_depth",
    "to_rgb",
    "write",
    "write_pages",
]

_READING = ("measure", "read", "read_pages")
_WRITING = ("check_pages", "room_for", "write", "write_pages")


def __getattr__(name: str) -> Any:
    """Import what needs pyvips when it is first used: training can do without."""
    if name in _READING:
        return getattr(import_module("gladsr.pictures.reading"), name)
    if name in _WRITING:
        return getattr(import_module("gladsr.pictures.writing"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
