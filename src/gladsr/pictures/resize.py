"""MATLAB's `imresize` with the bicubic kernel, equal to the bit.

This field makes its low-resolution images with MATLAB, so its scores can only be compared when the
resize is the same one: the cubic kernel with a = -0.5 (Keys, 1981), widened when shrinking so that
it also filters, one dimension after the other. Integer pixels are rounded after each of the two
passes.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KERNEL_WIDTH = 4.0  # pixels that the cubic kernel spans
_BLOCK = 1 << 16  # values computed at a time, so that the running sums stay in the cache


def resize(
    image: NDArray[Any],
    *,
    scale: float | None = None,
    size: tuple[int, int] | None = None,
) -> NDArray[Any]:
    """Resize as MATLAB's `imresize(image, scale_or_size, "bicubic")` does.

    Args:
        image: H×W or H×W×C; uint8, uint16 or floating point.
        scale: The factor for both dimensions; each becomes `ceil(length * scale)` pixels.
        size: The new height and width, instead of a scale.

    Returns:
        The resized image, with the same data type and channels. Floating point is not clipped.

    Raises:
        TypeError: The pixels are of another data type.
        ValueError: The image is empty or has other dimensions, not exactly one of `scale` and
            `size` is given, or it is not positive.

    >>> resize(np.zeros((5, 8, 3), np.uint8), scale=0.5).shape
    (3, 4, 3)
    >>> resize(np.full((2, 2), 0.25), size=(2, 3))
    array([[0.25, 0.25, 0.25],
           [0.25, 0.25, 0.25]])
    """
    _check(image)
    height, width = image.shape[:2]
    if (scale is None) == (size is None):
        raise ValueError("give resize either a scale or a size")
    if size is not None:
        if min(size) < 1:
            raise ValueError(f"the size must be at least 1×1, not {size[0]}×{size[1]}")
        scales = (size[0] / height, size[1] / width)
    else:
        assert scale is not None  # noqa: S101 - tells the type checker what the test above proved
        if not (math.isfinite(scale) and scale > 0):
            raise ValueError(f"the scale must be a positive number, not {scale}")
        scales = (scale, scale)
        size = (math.ceil(height * scale), math.ceil(width * scale))

    for axis in _order(scales):
        image = _resize_axis(
            image, axis, _contributions(image.shape[axis], size[axis], scales[axis])
        )
    return image


def resize_part(
    read: Callable[[slice, slice], NDArray[Any]],
    shape: tuple[int, int],
    *,
    size: tuple[int, int],
    rows: slice,
    columns: slice,
) -> NDArray[Any]:
    """Return `resize(image, size=size)[rows, columns]`, equal to the bit, from a part of the image.

    Args:
        read: Returns the given rows and columns of the image.
        shape: The image's height and width.
        size: The height and width that the whole resized image would have.
        rows: Rows of the resized image, with a start and a stop; at least one.
        columns: Columns of the resized image, in the same way.

    >>> image = np.arange(600.0).reshape(20, 30)
    >>> part = resize_part(lambda *of: image[of], (20, 30), size=(7, 9), rows=slice(2, 4),
    ...                    columns=slice(0, 5))
    >>> np.array_equal(part, resize(image, size=(7, 9))[2:4, 0:5])
    True
    """
    scales = (size[0] / shape[0], size[1] / shape[1])
    seen, parts = [], []
    for axis, wanted in enumerate((rows, columns)):
        weights, indices = _contributions(shape[axis], size[axis], scales[axis])
        first, last = indices[wanted].min(), indices[wanted].max()
        seen.append(slice(int(first), int(last) + 1))
        parts.append((weights[wanted], indices[wanted] - first))
    image = read(seen[0], seen[1])
    for axis in _order(scales):
        image = _resize_axis(image, axis, parts[axis])
    return image


def _order(scales: tuple[float, float]) -> list[int]:
    """Return the axes, the one that shrinks most first; of two equals, the height."""
    return sorted((0, 1), key=scales.__getitem__)


def mod_crop(image: NDArray[Any], scale: int) -> NDArray[Any]:
    """Cut rows and columns off the bottom and the right until `scale` divides both sides.

    >>> mod_crop(np.zeros((7, 9, 3)), 4).shape
    (4, 8, 3)
    """
    height, width = image.shape[:2]
    return image[: height - height % scale, : width - width % scale]


def _check(image: NDArray[Any]) -> None:
    if image.ndim not in {2, 3} or image.size == 0:
        raise ValueError(f"an image is H×W or H×W×C and not empty; this has shape {image.shape}")
    if image.dtype not in {np.dtype(np.uint8), np.dtype(np.uint16)} and image.dtype.kind != "f":
        raise TypeError(f"an image is uint8, uint16 or floating point, not {image.dtype}")


def _resize_axis(
    image: NDArray[Any], axis: int, contributions: tuple[NDArray[np.float64], NDArray[np.intp]]
) -> NDArray[Any]:
    """Resize one axis; integer pixels are rounded half up and clipped."""
    weights, indices = contributions
    length = len(weights)
    source = np.ascontiguousarray(np.moveaxis(image, axis, 0))
    weights = weights.reshape(*weights.shape, *(1,) * (source.ndim - 1))
    result = np.empty((length, *source.shape[1:]), source.dtype)
    rows = max(1, _BLOCK // math.prod(source.shape[1:]))
    for start in range(0, length, rows):
        block = slice(start, start + rows)
        # The taps are added one after the other, as MATLAB does: where a sum lies on a rounding
        # boundary, the order decides.
        total = weights[block, 0] * source[indices[block, 0]]
        for tap in range(1, indices.shape[1]):
            total += weights[block, tap] * source[indices[block, tap]]
        result[block] = _rounded(total, source.dtype)
    return np.ascontiguousarray(np.moveaxis(result, 0, axis))


def _rounded(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[np.float64]:
    if dtype.kind == "f":
        return values
    return np.clip(np.floor(values + 0.5), 0, np.iinfo(dtype).max)


def _contributions(
    length_in: int, length_out: int, scale: float
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the weights of the input pixels in each output pixel, and the indices of these pixels.

    Both are (length_out, taps). Beyond the borders the image is mirrored, the border pixel
    repeated.
    """
    shrink = min(scale, 1.0)
    width = _KERNEL_WIDTH / shrink
    # Where the centre of each output pixel lies in the input, both counted from 1 as in MATLAB:
    # counted from 0, the last bits of the weights would differ.
    centre = np.arange(1, length_out + 1) / scale + 0.5 * (1 - 1 / scale)
    first = np.floor(centre - width / 2)
    positions = first[:, None] + np.arange(math.ceil(width) + 2)
    weights = shrink * _cubic(shrink * (centre[:, None] - positions))
    weights /= weights.sum(axis=1, keepdims=True)

    mirrored = np.concatenate([np.arange(length_in), np.arange(length_in)[::-1]])
    indices = mirrored[(positions.astype(np.intp) - 1) % (2 * length_in)]
    used = weights.any(axis=0)
    return weights[:, used], indices[:, used]


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evaluate the cubic convolution kernel with a = -0.5 (Keys, 1981, Eq. 15)."""
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))
