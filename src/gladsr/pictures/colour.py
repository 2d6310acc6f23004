"""Luminance as this field measures it, and pixels of any kind as 8-bit RGB."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gladsr.pictures.depth import levels, to_depth

# BT.601 in the studio range: what full red, green and blue add to a black of 16.
WEIGHTS = (65.481, 128.553, 24.966)
BLACK = 16.0


def luminance(image: NDArray[Any]) -> NDArray[np.float64]:
    """Return the luma Y of BT.601 in 16..235, not rounded, as MATLAB's `rgb2ycbcr` weighs it.

    Args:
        image: H×W×3; uint8, uint16 or floating point in [0, 1].

    Returns:
        H×W, from 16 for black to 235 for white.

    >>> luminance(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)).round(6)
    array([[ 16., 235.]])
    """
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"luminance is defined for H×W×3, not for shape {image.shape}")
    weights = np.array(WEIGHTS) / levels(image.dtype)
    return BLACK + image @ weights


def to_rgb(pixels: NDArray[Any], *, alpha: Literal["over white", "dropped"]) -> NDArray[np.uint8]:
    """Return pixels of any channels and depth as 8-bit RGB.

    Args:
        pixels: H×W, H×W×2 with alpha, H×W×3 or H×W×4; uint8, uint16 or floating point in [0, 1].
        alpha: Whether transparent pixels are blended with white, or alpha is ignored.

    Returns:
        H×W×3.

    >>> to_rgb(np.array([[[0, 0]]], np.uint8), alpha="over white")
    array([[[255, 255, 255]]], dtype=uint8)
    """
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if channels in {2, 4}:
        opacity = pixels[..., -1:] / levels(pixels.dtype)
        pixels = pixels[..., :-1]
        if alpha == "over white":
            pixels = opacity * to_depth(pixels, np.float64) + 1 - opacity
    pixels = to_depth(pixels, np.uint8)
    return np.dstack([pixels] * 3) if channels < 3 else pixels
