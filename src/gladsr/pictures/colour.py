"""The luminance in which this field measures its pictures."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gladsr.pictures.depth import levels

# BT.601 in the studio range: what red, green and blue add to a black of 16 at full strength.
WEIGHTS = (65.481, 128.553, 24.966)
BLACK = 16.0


def luminance(image: NDArray[Any]) -> NDArray[np.float64]:
    """The luma Y of BT.601 in 16..235, not rounded, as MATLAB's `rgb2ycbcr` weighs it.

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
