"""Conversion between RGB and Y, Cb and Cr.

FFmpeg's own scaler rounds down for the full range, which tints a film by a level. It is therefore
only used to bring Y, Cb and Cr to one size and 16 bits; the conversion is done here.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

RGB, BT709, UNSPECIFIED, BT601 = 0, 1, 2, 6
"""Matrix coefficients, as numbered by FFmpeg and ITU-T H.273."""

LIMITED, FULL = 1, 2
"""Ranges, as numbered by FFmpeg."""

_WEIGHTS = {
    BT709: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    BT601: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
"""The weights of red and blue in Y, by matrix (K_R and K_B of H.273, table 4)."""


def to_rgb(yuv: NDArray[Any], matrix: int, *, full: bool, bits: int) -> NDArray[np.uint16]:
    """Return the RGB of Y, Cb and Cr.

    Args:
        yuv: H×W×3, or H×W×4 with alpha: values of ``bits`` bits in the upper bits of 16.
        matrix: The number of the matrix; an unsupported one is taken for BT.601.
        full: Whether the range is full: black and white are 0 and the largest value rather than
            16/255 and 235/255 of it.
        bits: The bit depth of the values.

    Returns:
        The same number of channels, from 0 for black to 65535 for white.

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
    alpha = [yuv[..., 3] / _max_value(bits)] if yuv.shape[2] == 4 else []
    return _stacked(65535 * channel for channel in (r, g, b, *alpha))


def from_rgb(rgb: NDArray[Any], matrix: int, *, full: bool, bits: int) -> NDArray[np.uint16]:
    """Return the Y, Cb and Cr of RGB; the inverse of `to_rgb`.

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
    alpha = [rgb[..., 3] / np.float32(65535) * _max_value(bits)] if rgb.shape[2] == 4 else []
    return _stacked([black + (white - black) * y, cb, cr, *alpha])


def _levels(*, full: bool, bits: int) -> tuple[np.float32, ...]:
    """Return the 16-bit values of black, white and neutral chroma, and the chroma's range."""
    if full:
        return np.float32(0), _max_value(bits), np.float32(128 << 8), _max_value(bits)
    return np.float32(16 << 8), np.float32(235 << 8), np.float32(128 << 8), np.float32(224 << 8)


def _max_value(bits: int) -> np.float32:
    return np.float32((2**bits - 1) << (16 - bits))


def _stacked(channels: Any) -> NDArray[np.uint16]:
    return np.stack(
        [
            np.floor(channel + np.float32(0.5)).clip(0, 65535).astype(np.uint16)
            for channel in channels
        ],
        axis=2,
    )
