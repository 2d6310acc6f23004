"""Between 8 bits, 16 bits and floating point in [0, 1]."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def to_depth(image: NDArray[Any], depth: DTypeLike) -> NDArray[Any]:
    """Convert pixels to another depth; integers are clipped and rounded half up.

    Args:
        image: Pixels of any shape; uint8, uint16 or floating point in [0, 1].
        depth: The data type to convert to, one of the same.

    >>> to_depth(np.array([-0.2, 0.5, 1.0]), np.uint8)
    array([  0, 128, 255], dtype=uint8)
    >>> to_depth(np.array([0, 255], np.uint8), np.uint16)
    array([    0, 65535], dtype=uint16)
    """
    depth = np.dtype(depth)
    if depth == image.dtype:
        return image
    white, new_white = levels(image.dtype), levels(depth)
    if depth.kind == "f":
        return image.astype(depth) / white
    values = image * (new_white / white)  # a float image in its own precision
    return np.floor(values + 0.5).clip(0, new_white).astype(depth)


def levels(dtype: np.dtype[Any]) -> int:
    """Return the value of white: 255, 65535 or 1.

    >>> levels(np.dtype(np.uint16))
    65535

    Raises:
        TypeError: The data type is not uint8, uint16 or floating point.
    """
    if dtype == np.uint8:
        return 255
    if dtype == np.uint16:
        return 65535
    if dtype.kind == "f":
        return 1
    raise TypeError(f"pixels are uint8, uint16 or floating point, not {dtype}")
