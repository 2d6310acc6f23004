"""The Gaussian window that SSIM and NIQE average in."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray


def gaussian_means(values: NDArray[np.float64], side: int, sigma: float) -> NDArray[np.float64]:
    """Average H×W in every window of side×side that lies completely inside.

    Args:
        values: H×W, both at least ``side``.
        side: The side of the window in pixels; odd.
        sigma: The Gaussian's standard deviation in pixels.

    Returns:
        (H - side + 1)×(W - side + 1).
    """
    offsets = np.arange(side) - side // 2
    weights = np.exp(-(offsets**2) / (2 * sigma**2))
    weights /= weights.sum()
    columns = sliding_window_view(values, side, axis=0) @ weights
    return sliding_window_view(columns, side, axis=1) @ weights
