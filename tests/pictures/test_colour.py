"""Luminance against scikit-image, which took it from the standard itself."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import color, data

from gladsr.pictures.colour import luminance, to_rgb
from gladsr.pictures.depth import to_depth
from tests.pictures.samples import CHANNELS

astronaut: Callable[[], NDArray[np.uint8]] = data.astronaut


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.float64])
def test_equals_scikit_image(kind: type[np.generic]) -> None:
    picture = astronaut()[:80, :90]
    expected = color.rgb2ycbcr(picture)[..., 0]
    np.testing.assert_allclose(luminance(to_depth(picture, kind)), expected, atol=1e-4)


def test_grey_and_transparency_are_rejected() -> None:
    for shape in ((4, 4), (4, 4, 1), (4, 4, 4)):
        with pytest.raises(ValueError, match="H×W×3"):
            luminance(np.zeros(shape))


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("is_deep", [False, True])
def test_any_pixels_become_rgb_as_with_pillow(name: str, is_deep: bool):
    pixels = CHANNELS[name]
    image = Image.fromarray(pixels).convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    given: NDArray[Any] = to_depth(pixels, np.uint16) if is_deep else pixels
    over_white = np.asarray(Image.alpha_composite(white, image).convert("RGB")).astype(int)
    assert np.abs(to_rgb(given, alpha="over white") - over_white).max() <= 1
    np.testing.assert_array_equal(to_rgb(given, alpha="dropped"), np.asarray(image)[..., :3])
