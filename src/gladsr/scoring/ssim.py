"""Structural similarity."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gladsr.scoring.scored import scored_luminances
from gladsr.scoring.window import gaussian_means

WINDOW = 11
"""The side of the window, and of the smallest image with an SSIM."""

_SIGMA = 1.5
_PEAK = 255.0
_C1 = (0.01 * _PEAK) ** 2
_C2 = (0.03 * _PEAK) ** 2


def ssim(image: NDArray[Any], reference: NDArray[Any], border: int = 0) -> float:
    """Return the mean SSIM of an image on the luminance Y, as Wang et al. (2004) define it.

    The window is a Gaussian of 11×11 with a standard deviation of 1.5, K1 = 0.01, K2 = 0.03 and
    L = 255; only windows that lie completely inside are averaged, and nothing is downsampled.

    Args:
        image: H×W×3, or H×W, which is its own luminance. Anything but uint8 is clipped and rounded
            to 8 bits first.
        reference: The same shape, treated in the same way.
        border: The pixels to ignore at each side; this field ignores as many as the scale.

    Returns:
        At most 1, for equal images.

    Raises:
        ValueError: The shapes differ or are not supported, or the border leaves less than 11×11.

    Example:
        >>> ramp = np.tile(np.arange(16, dtype=np.uint8), (16, 1))
        >>> round(ssim(ramp, ramp), 6), round(ssim(ramp, ramp[:, ::-1]), 2)
        (1.0, 0.78)
    """
    x, y = scored_luminances(image, reference, border)
    if min(x.shape) < WINDOW:
        raise ValueError(
            f"SSIM needs {WINDOW}×{WINDOW} pixels, but {x.shape[0]}×{x.shape[1]} are scored"
        )
    windowed = partial(gaussian_means, side=WINDOW, sigma=_SIGMA)
    mean_x, mean_y = windowed(x), windowed(y)
    variance_x = windowed(x * x) - mean_x**2
    variance_y = windowed(y * y) - mean_y**2
    covariance = windowed(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    structure = (2 * covariance + _C2) / (variance_x + variance_y + _C2)
    return float(np.mean(luminance * structure))
