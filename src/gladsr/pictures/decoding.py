"""Images of libvips decoded into arrays, row by row, and turned upright."""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them
from numpy.typing import NDArray

from gladsr.pictures.mapped import bands, empty, forget

_DTYPES: dict[str, type[np.number[Any]]] = {
    "uchar": np.uint8,
    "char": np.int8,
    "ushort": np.uint16,
    "short": np.int16,
    "uint": np.uint32,
    "int": np.int32,
    "float": np.float32,
}
_MAX_ROWS = 1024  # that libvips is asked for at a time; its time grows faster than their number
_Turn: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]
# How pixels are turned upright, by the orientation of EXIF.
_TURNS: dict[int, _Turn] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels[::-1].swapaxes(0, 1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: pixels[:, ::-1].swapaxes(0, 1),
}


def depth_of(image: pyvips.Image) -> type[np.number[Any]]:
    """Return the data type into which an image is decoded: uint8, uint16 or float32."""
    dtype = _DTYPES[image.format]
    return dtype if dtype in {np.uint8, np.uint16} else np.float32


def samples(data: Any, image: pyvips.Image) -> NDArray[Any]:
    """Return the samples in what `pyvips.Region.fetch` returned for an image."""
    return np.frombuffer(data, _DTYPES[image.format])


def decode(image: pyvips.Image, folder: Path | None) -> NDArray[Any]:
    """Decode an image from top to bottom, the order in which files store it.

    Args:
        image: The image.
        folder: Where large arrays go, in temporary files; None for memory.

    Returns:
        H×W or H×W×C.

    Raises:
        pyvips.Error: The file is damaged.
        OSError: The folder's disk has no room.
    """
    shape = (image.height, image.width, image.bands)[: 3 if image.bands > 1 else 2]
    pixels = empty(shape, depth_of(image), folder)
    region = pyvips.Region.new(image)
    top = 0
    for band in bands(pixels, max_rows=_MAX_ROWS):
        strip = region.fetch(0, top, image.width, len(band))
        band[:] = samples(strip, image).reshape(band.shape)
        top += len(band)
    return pixels


def upright(
    pixels: NDArray[Any], orientation: int, folder: Path | None, *, side: int = 1024
) -> NDArray[Any]:
    """Turn pixels upright, square by square: a row of the result may be a column of the input.

    Args:
        pixels: H×W or H×W×C.
        orientation: The orientation of EXIF.
        folder: Where large arrays go, in temporary files; None for memory.
        side: The side of the squares.
    """
    if orientation not in _TURNS:
        return pixels
    view = _TURNS[orientation](pixels)
    turned = empty(view.shape, view.dtype, folder)
    for top, left in product(*(range(0, length, side) for length in view.shape[:2])):
        square = slice(top, top + side), slice(left, left + side)
        turned[square] = view[square]
        forget(pixels)
        forget(turned)
    return turned
