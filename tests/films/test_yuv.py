"""Colours against FFmpeg's own scaler, which is off by up to a level, and there and back."""

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from gladsr.films.yuv import from_rgb, to_rgb

COLOURS = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8).repeat(4, 0).repeat(4, 1)


def in_yuv(matrix: int, range_: int) -> NDArray[np.uint8]:
    frame = av.VideoFrame.from_ndarray(COLOURS, "rgb24")
    frame = frame.reformat(
        format="yuv444p",
        dst_colorspace={1: 1, 6: 5, 7: 7, 9: 9, 4: 4}[matrix],
        dst_color_range=range_,
        interpolation="ACCURATE_RND",
    )
    yuv: NDArray[np.uint8] = frame.to_ndarray(channel_last=True)  # type: ignore[assignment]
    return yuv


@pytest.mark.parametrize("matrix", [1, 4, 6, 7, 9])
@pytest.mark.parametrize("range_", [1, 2])
def test_it_agrees_with_ffmpeg(matrix: int, range_: int):
    deep = COLOURS.astype(np.uint16) * 257
    yuv = from_rgb(deep, matrix, full=range_ == 2, bits=8) / 256
    assert np.abs(yuv - in_yuv(matrix, range_)).max() <= 1.6
    back = to_rgb(in_yuv(matrix, range_).astype(np.uint16) << 8, matrix, full=range_ == 2, bits=8)
    assert np.abs(back / 257 - COLOURS).max() <= 4  # of which YUV in 8 bits itself loses 2


@pytest.mark.parametrize("matrix", [1, 6, 9, 99])
@pytest.mark.parametrize(("full", "bits"), [(False, 8), (False, 10), (True, 8), (True, 10)])
@pytest.mark.parametrize("channels", [3, 4])
def test_the_inverse_restores_every_value(matrix: int, full: bool, bits: int, channels: int):
    rgb = np.random.default_rng(0).integers(0, 65536, (32, 32, channels)).astype(np.uint16)
    yuv = from_rgb(rgb, matrix, full=full, bits=bits)
    back = to_rgb(yuv, matrix, full=full, bits=bits)
    assert np.abs(back.astype(int) - rgb).max() <= 4
    levels = yuv[..., :3] >> (16 - bits)
    low, high = (0, 2**bits - 1) if full else (16 << (bits - 8), 240 << (bits - 8))
    assert levels.min() >= low
    assert levels.max() <= high
