"""Between the pixels of pictures and the floats of the network."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gladsr.pictures import to_depth

_BAND = 256  # rows


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
    shape = "×".join(map(str, pixels.shape))
    if pixels.size == 0:
        raise ValueError(f"the array is empty: {shape}")
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    elif pixels.ndim != 3 or pixels.shape[2] not in (2, 3, 4):
        raise ValueError(f"the array is {shape}, not H×W, H×W×2, H×W×3 or H×W×4")
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


def limit_to_neighbours(
    upscaled: NDArray[np.float32], x: NDArray[np.float32], scale: int
) -> NDArray[np.float32]:
    """Clip each upscaled value to the range of the 3×3 values around it in ``x``.

    So what is flat in ``x`` stays exactly flat, and no edge overshoots.

    Args:
        upscaled: s·h×s·w.
        x: h×w.
        scale: s.
    """
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, 1, mode="edge"), (3, 3))
    low, high = (
        bound.repeat(scale, axis=0).repeat(scale, axis=1)
        for bound in (windows.min(axis=(2, 3)), windows.max(axis=(2, 3)))
    )
    return np.clip(upscaled, low, high)
