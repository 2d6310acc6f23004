"""Peak signal-to-noise ratio."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gladsr.scoring.scored import scored_luminances

_PEAK = 255.0


def psnr(image: NDArray[Any], reference: NDArray[Any], border: int = 0) -> float:
    """Return the PSNR of an image on the luminance Y, in dB; infinite if the two are equal.

    Args:
        image: H×W×3, or H×W, which is its own luminance. Anything but uint8 is clipped and rounded
            to 8 bits first.
        reference: The same shape, treated in the same way.
        border: The pixels to ignore at each side; this field ignores as many as the scale.

    Raises:
        ValueError: The shapes differ or are not supported, or the border leaves nothing.

    Example:
        >>> psnr(np.full((8, 8), 102, np.uint8), np.full((8, 8), 100, np.uint8))
        42.11020369539948
    """
    scored, truth = scored_luminances(image, reference, border)
    error = float(np.mean((scored - truth) ** 2))
    return 10 * math.log10(_PEAK**2 / error) if error else math.inf
