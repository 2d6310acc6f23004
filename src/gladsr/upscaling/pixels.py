"""Conversions between the pixels of pictures and the floats of the network."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gladsr.pictures import resize, to_depth
from gladsr.pictures.depth import levels

_BAND = 256  # rows
_ROUNDING = 1e-6  # how far beyond [0, 1] floats may be


def plain(pixels: ArrayLike) -> NDArray[Any]:
    """Return pixels as an array of NumPy's own class, in the machine's byte order.

    Raises:
        TypeError: They are a masked array, or neither uint8, uint16 nor floating point.

    Example:
        >>> plain(np.array([[1, 2]], ">u2"))
        array([[1, 2]], dtype=uint16)
    """
    if isinstance(pixels, np.ma.MaskedArray):
        raise TypeError("masked arrays are not supported; replace what is masked with filled()")
    array = np.asarray(pixels)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    levels(array.dtype)
    return array


def check_shape(shape: tuple[int, ...]) -> None:
    """Reject a shape that is not a picture's.

    Raises:
        ValueError: There are no pixels, or the number of axes or channels is not one of `to_unit`.
    """
    sides = "×".join(map(str, shape))
    if 0 in shape:
        raise ValueError(f"the array is empty: {sides}")
    if len(shape) != 2 and (len(shape) != 3 or shape[2] not in (1, 2, 3, 4)):
        raise ValueError(f"the array is {sides}, not H×W, H×W×1, H×W×2, H×W×3 or H×W×4")


def to_unit(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Return pixels as floats in [0, 1], always with a channel axis.

    Args:
        pixels: H×W or H×W×C: grey, grey and alpha, RGB or RGBA; uint8, uint16 or float in [0, 1].

    Returns:
        The same pixels, H×W×C with C of 1 to 4. Floats outside [0, 1] by rounding are clipped.

    Raises:
        TypeError: The pixels are of another type.
        ValueError: There are no pixels, another number of axes or channels, or floats outside
            [0, 1].

    Example:
        >>> to_unit(np.array([[0, 51, 255]], np.uint8))[..., 0]
        array([[0. , 0.2, 1. ]], dtype=float32)
    """
    check_shape(pixels.shape)
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    if pixels.dtype.kind == "f":
        low, high = pixels.min(), pixels.max()
        if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # true for NaN, too
            raise ValueError(f"floats must lie in [0, 1], but these are {low:.9g} to {high:.9g}")
        pixels = pixels.clip(0, 1)
    return to_depth(pixels, np.float32)


def from_unit(values: NDArray[np.float32], like: NDArray[Any]) -> NDArray[Any]:
    """Return floats as pixels of the type and the number of axes of ``like``, clipped.

    Example:
        >>> values = np.array([[[-0.1], [0.2], [1.3]]], np.float32)
        >>> from_unit(values, like=np.zeros((1, 1), np.uint8))
        array([[  0,  51, 255]], dtype=uint8)
    """
    # In bands of rows, because each step makes another copy.
    bands = np.array_split(values, math.ceil(len(values) / _BAND))
    pixels = np.concatenate([to_depth(np.clip(band, 0, 1), like.dtype) for band in bands])
    return pixels[..., 0] if like.ndim == 2 else pixels


def range_of_neighbours(
    x: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the minimum and maximum of each value's 3×3 neighbourhood, channel by channel.

    An alpha that is clipped to this range after upscaling stays flat where it was flat, and does
    not overshoot at edges.

    Args:
        x: h×w×C.
    """
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    return windows.min(axis=(3, 4)), windows.max(axis=(3, 4))


def reduced(pixels: NDArray[Any], max_pixels: int) -> NDArray[Any]:
    """Return pixels, H×W or H×W×C, downscaled to at most ``max_pixels`` if there are more.

    The aspect ratio is kept, and the limit may be exceeded by a row and a column.
    """
    height, width = pixels.shape[:2]
    if height * width <= max_pixels:
        return pixels
    return resize(pixels, scale=math.sqrt(max_pixels / (height * width)))


def stretched(masks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Stretch the contrast of guided masks for display, each on its own.

    Its 1st percentile becomes 0 and its 99th becomes 1: zero padding makes the outermost pixels
    outliers.

    Args:
        masks: …×h×w in (0, 1).

    Returns:
        The same shape, clipped to [0, 1].
    """
    low, high = np.percentile(masks, (1, 99), axis=(-2, -1), keepdims=True)
    shown: NDArray[np.float64] = np.clip((masks - low) / np.maximum(high - low, 1e-6), 0, 1)
    return shown


def repeat(x: NDArray[np.float32], scale: int) -> NDArray[np.float32]:
    """Repeat each of h×w×C pixels ``scale`` times along both axes."""
    return x.repeat(scale, axis=0).repeat(scale, axis=1)
