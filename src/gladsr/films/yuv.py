"""Between RGB and the brightness and colour differences of films, Y, Cb and Cr.

FFmpeg's own scaler rounds down on the way in the full range, which tints a film by a level; so it
is only left to bring Y, Cb and Cr to one size and 16 bits, and what the numbers mean is done here.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BT709, BT601 = 1, 6
"""Matrices, as FFmpeg and ITU-T H.273 number them."""

_WEIGHTS = {
    BT709: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    BT601: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
"""What red and blue add to the brightness, by matrix (H.273, table 4)."""


def to_rgb(yuv: NDArray[Any], matrix: int, *, full: bool, bits: int) -> NDArray[np.uint16]:
    """Return the RGB of Y, Cb and Cr.

    Args:
        yuv: H×W×3, or H×W×4 with alpha: numbers of ``bits`` bits, shifted to the top of 16.
        matrix: The number of the matrix; one that is not known is taken for BT.601.
        full: Whether black and white are the least and the largest number, or 16 and 235 of 255.
        bits: How many bits a number had.

    Returns:
        As many channels, from 0 for black to 65535 for white.

    Example:
        >>> to_rgb(np.uint16([[[235, 128, 128]]]) << 8, BT709, full=False, bits=8)
        array([[[65535, 65535, 65535]]], dtype=uint16)
    """
    black, white, grey, colour = _levels(full=full, bits=bits)
    red, blue = _WEIGHTS.get(matrix, _WEIGHTS[BT601])
    y = (yuv[..., 0] - black) / (white - black)
    r = y + 2 * (1 - red) * (yuv[..., 2] - grey) / colour
    b = y + 2 * (1 - blue) * (yuv[..., 1] - grey) / colour
    g = (y - red * r - blue * b) / (1 - red - blue)
    alpha = [yuv[..., 3] / _largest(bits)] if yuv.shape[2] == 4 else []
    return _stacked(65535 * channel for channel in (r, g, b, *alpha))


def from_rgb(rgb: NDArray[Any], matrix: int, *, full: bool, bits: int) -> NDArray[np.uint16]:
    """Return the Y, Cb and Cr of RGB; the reverse of `to_rgb`.

    Example:
        >>> from_rgb(np.uint16([[[65535, 65535, 65535]]]), BT709, full=False, bits=8) >> 8
        array([[[235, 128, 128]]], dtype=uint16)
    """
    black, white, grey, colour = _levels(full=full, bits=bits)
    red, blue = _WEIGHTS.get(matrix, _WEIGHTS[BT601])
    r, g, b = (rgb[..., channel] / np.float32(65535) for channel in range(3))
    y = red * r + (1 - red - blue) * g + blue * b
    cb = grey + colour * (b - y) / (2 * (1 - blue))
    cr = grey + colour * (r - y) / (2 * (1 - red))
    alpha = [rgb[..., 3] / np.float32(65535) * _largest(bits)] if rgb.shape[2] == 4 else []
    return _stacked([black + (white - black) * y, cb, cr, *alpha])


def _levels(*, full: bool, bits: int) -> tuple[np.float32, ...]:
    """Return the numbers of 16 bits for black, white and no colour, and how far colours reach."""
    if full:
        return np.float32(0), _largest(bits), np.float32(128 << 8), _largest(bits)
    return np.float32(16 << 8), np.float32(235 << 8), np.float32(128 << 8), np.float32(224 << 8)


def _largest(bits: int) -> np.float32:
    return np.float32((2**bits - 1) << (16 - bits))


def _stacked(channels: Any) -> NDArray[np.uint16]:
    return np.stack(
        [
            np.floor(channel + np.float32(0.5)).clip(0, 65535).astype(np.uint16)
            for channel in channels
        ],
        axis=2,
    )
