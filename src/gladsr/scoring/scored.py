"""The part of a picture that PSNR and SSIM are computed on."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gladsr.pictures.colour import luminance
from gladsr.pictures.depth import to_depth


def _scored_luminance(image: NDArray[Any], border: int) -> NDArray[np.float64]:
    """Return the luminance of an 8-bit picture without its border, as this field scores it.

    Args:
        image: H×W×3, or H×W, which is its own luminance. Anything but uint8 is clipped and rounded
            to 8 bits first.
        border: The pixels to cut off at each side.

    Returns:
        (H - 2 * border)×(W - 2 * border), in levels of 8 bits, not rounded.

    Raises:
        ValueError: The shape is not supported, or the border leaves nothing.

    Example:
        >>> _scored_luminance(np.ones((5, 6)), border=2)
        array([[255., 255.]])
    """
    if min(image.shape[:2]) <= 2 * border:
        shape = "×".join(map(str, image.shape))
        raise ValueError(f"a border of {border} pixels leaves nothing of an image of {shape}")
    image = to_depth(
        image[border : image.shape[0] - border, border : image.shape[1] - border], "u1"
    )
    return image.astype(np.float64) if image.ndim == 2 else luminance(image)


def scored_luminances(
    image: NDArray[Any], reference: NDArray[Any], border: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scored luminance of both pictures.

    Raises:
        ValueError: Their shapes differ or are not supported, or the border leaves nothing.
    """
    if image.shape != reference.shape:
        shapes = " and ".join("×".join(map(str, a.shape)) for a in (image, reference))
        raise ValueError(f"only images of one shape can be compared, not {shapes}")
    return _scored_luminance(image, border), _scored_luminance(reference, border)
