"""Picture files in and out, the resize and the colour of this field. Knows no network."""

from gladsr.pictures.colour import luminance
from gladsr.pictures.depth import to_depth
from gladsr.pictures.files import MAX_PIXELS, SUFFIXES, Picture, PictureError, read, write
from gladsr.pictures.resize import mod_crop, resize

__all__ = [
    "MAX_PIXELS",
    "SUFFIXES",
    "Picture",
    "PictureError",
    "luminance",
    "mod_crop",
    "read",
    "resize",
    "to_depth",
    "write",
]
