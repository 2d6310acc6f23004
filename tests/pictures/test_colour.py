"""Luminance against scikit-image, which took it from the standard itself."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import color, data

from gladsr.pictures.colour import luminance
from gladsr.pictures.depth import to_depth

astronaut: Callable[[], NDArray[np.uint8]] = data.astronaut


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.float64])
def test_equals_scikit_image(kind: type[np.generic]) -> None:
    picture = astronaut()[:80, :90]
    expected = color.rgb2ycbcr(picture)[..., 0]
    np.testing.assert_allclose(luminance(to_depth(picture, kind)), expected, atol=1e-4)


def test_grey_and_transparency_are_refused() -> None:
    for shape in ((4, 4), (4, 4, 1), (4, 4, 4)):
        with pytest.raises(ValueError, match="H×W×3"):
            luminance(np.zeros(shape))
