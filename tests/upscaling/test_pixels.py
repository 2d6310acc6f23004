import numpy as np
import pytest
import skimage
from numpy.typing import DTypeLike

from gladsr.upscaling.pixels import from_unit, range_of_neighbours, reduced, stretched, to_unit


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_level_survives_a_round_trip(dtype: DTypeLike):
    levels = np.arange(np.iinfo(np.dtype(dtype)).max + 1).astype(dtype)[np.newaxis]
    np.testing.assert_array_equal(from_unit(to_unit(levels), like=levels), levels)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1), (2, 3, 2), (2, 3, 3), (2, 3, 4)])
def test_floats_keep_their_depth_and_shape(dtype: DTypeLike, shape: tuple[int, ...]):
    pixels = np.random.default_rng(0).random(shape).astype(dtype)
    assert to_unit(pixels).dtype == np.float32
    assert to_unit(pixels).ndim == 3
    back = from_unit(to_unit(pixels), like=pixels)
    assert back.dtype == dtype
    np.testing.assert_allclose(back, pixels, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_outside_the_range_by_rounding_are_clipped(dtype: DTypeLike):
    pixels = np.array([[-1e-7, 0.5, 1.0000001]], dtype)
    assert pixels.min() < 0
    assert pixels.max() > 1
    assert to_unit(pixels)[0, :, 0].tolist() == [0, 0.5, 1]


def test_overshoot_is_clipped():
    values = np.array([[[-0.5], [1.5]]], np.float32)
    for dtype, white in ((np.uint8, 255), (np.uint16, 65535), (np.float64, 1)):
        assert from_unit(values, like=np.zeros((1, 2), dtype)).tolist() == [[0, white]]


@pytest.mark.parametrize(
    ("pixels", "error", "message"),
    [
        (np.zeros((0, 3), np.uint8), ValueError, "the array is empty: 0×3"),
        (np.zeros(4, np.uint8), ValueError, "the array is 4, not H×W"),
        (np.zeros((2, 2, 5), np.uint8), ValueError, "the array is 2×2×5, not H×W"),
        (np.zeros((2, 2), np.int32), TypeError, "not int32"),
        (np.zeros((2, 2), bool), TypeError, "not bool"),
        (np.full((2, 2), 1.5), ValueError, "these are 1.5 to 1.5"),
        (np.full((2, 2), 1.000002), ValueError, "these are 1.000002 to 1.000002"),
        (np.full((2, 2), -0.1), ValueError, "these are -0.1 to -0.1"),
        (np.full((2, 2), np.nan), ValueError, "these are nan to nan"),
    ],
)
def test_other_arrays_are_rejected(pixels: np.ndarray, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        to_unit(pixels)


def test_ranges_are_those_of_3x3_pixels_in_each_channel():
    x = np.zeros((5, 5, 2), np.float32)
    x[2, 2, 0] = 1
    x[0, 4, 1] = -1
    low, high = range_of_neighbours(x)
    expected = np.zeros((5, 5, 2))
    expected[1:4, 1:4, 0] = 1
    np.testing.assert_array_equal(high, expected)
    expected = np.zeros((5, 5, 2))
    expected[:2, 3:, 1] = -1
    np.testing.assert_array_equal(low, expected)


def test_each_mask_is_shown_in_its_own_range():
    noise = np.random.default_rng(0).random((40, 50), np.float32)
    masks = np.stack([0.9 * noise, 0.5 + 0.02 * noise[::-1]])
    for mask, shown in zip(masks, stretched(masks), strict=True):
        low, high = np.percentile(mask, (1, 99))
        expected = skimage.exposure.rescale_intensity(mask, (low, high), (0.0, 1.0))
        np.testing.assert_allclose(shown, expected, atol=1e-5)
    assert not stretched(np.full((1, 4, 5), 0.5, np.float32)).any()


def test_a_downscaled_picture_keeps_its_aspect_ratio():
    picture = np.zeros((301, 417, 3), np.uint8)
    assert reduced(picture, 301 * 417) is picture
    height, width, _ = reduced(picture, 10_000).shape
    assert (height - 1) * (width - 1) < 10_000 <= height * width
    assert abs(width / height - 417 / 301) < 0.02
