"""Between the pixels of pictures and the floats of the network."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gladsr.pictures import resize, to_depth

_BAND = 256  # rows


def check_shape(shape: tuple[int, ...]) -> None:
    """Refuse a shape that is not a picture's.

    Raises:
        ValueError: There are no pixels, or another number of axes or channels than `to_unit` takes.
    """
    sides = "×".join(map(str, shape))
    if 0 in shape:
        raise ValueError(f"the array is empty: {sides}")
    if len(shape) != 2 and (len(shape) != 3 or shape[2] not in (2, 3, 4)):
        raise ValueError(f"the array is {sides}, not H×W, H×W×2, H×W×3 or H×W×4")


def to_unit(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Return pixels as floats in [0, 1], always with a channel axis.

    Args:
        pixels: H×W, or H×W×C with C of 2 (grey and alpha), 3 or 4; uint8, uint16 or float in
            [0, 1].

    Returns:
        The same pixels, H×W×C with C of 1 to 4.

    Raises:
        TypeError: The pixels are of another kind.
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
        if not (low >= 0 and high <= 1):  # also where one is not a number
            raise ValueError(f"floats must lie in [0, 1], but these are {low:g} to {high:g}")
    return to_depth(pixels, np.float32)


def from_unit(values: NDArray[np.float32], like: NDArray[Any]) -> NDArray[Any]:
    """Return floats as pixels of the kind, depth and number of axes of ``like``, clipped.

    Example:
        >>> values = np.array([[[-0.1], [0.2], [1.3]]], np.float32)
        >>> from_unit(values, like=np.zeros((1, 1), np.uint8))
        array([[  0,  51, 255]], dtype=uint8)
    """
    # Band by band, for large pictures: each step on the way makes another copy.
    bands = np.array_split(values, math.ceil(len(values) / _BAND))
    pixels = np.concatenate([to_depth(np.clip(band, 0, 1), like.dtype) for band in bands])
    return pixels[..., 0] if like.ndim == 2 else pixels


def range_of_neighbours(
    x: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the least and the largest of the 3×3 values around each one, channel by channel.

    An alpha that is clipped to this range after it was upscaled stays flat where it was flat, and
    overshoots at no edge.

    Args:
        x: h×w×C.
    """
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    return windows.min(axis=(3, 4)), windows.max(axis=(3, 4))


def reduced(pixels: NDArray[Any], max_pixels: int) -> NDArray[Any]:
    """Return the pixels of a picture, H×W or H×W×C, made smaller if it has more than so many.

    They are then as many but for a row and a column, of the same aspect.
    """
    height, width = pixels.shape[:2]
    if height * width <= max_pixels:
        return pixels
    return resize(pixels, scale=math.sqrt(max_pixels / (height * width)))


def stretched(masks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return guided masks to look at, each in its own range.

    The 1st percentile of its values becomes 0 and the 99th becomes 1: zero padding makes the
    outermost pixels outliers.

    Args:
        masks: …×h×w in (0, 1).

    Returns:
        As many, clipped to [0, 1].
    """
    low, high = np.percentile(masks, (1, 99), axis=(-2, -1), keepdims=True)
    shown: NDArray[np.float64] = np.clip((masks - low) / np.maximum(high - low, 1e-6), 0, 1)
    return shown


def enlarge(x: NDArray[np.float32], scale: int) -> NDArray[np.float32]:
    """Repeat each of h×w×C pixels ``scale`` times along both axes."""
    return x.repeat(scale, axis=0).repeat(scale, axis=1)
