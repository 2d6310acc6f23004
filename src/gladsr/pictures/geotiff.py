"""The georeference of a GeoTIFF, corrected for another size (OGC GeoTIFF 1.1, sections 6 and 7)."""

from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gladsr.pictures.directories import Directory, Layout, read_values, write_values

_PIXEL_SCALE, _TIE_POINTS, _TRANSFORMATION, _KEYS = 33550, 33922, 34264, 34735
TAGS = {_PIXEL_SCALE, _TIE_POINTS, _TRANSFORMATION, _KEYS, 34736, 34737, 42112, 42113}
"""The tags of a georeference, with GDAL's metadata."""
_DOUBLE = 12
_RASTER_TYPE, _PIXEL_IS_POINT = 1025, 2


def rescale(
    file: BinaryIO, entries: Directory, layout: Layout, factors: tuple[float, float]
) -> None:
    """Correct the georeference in a directory for a picture that has become larger.

    Args:
        file: The file, to which the new values are appended.
        entries: The directory.
        layout: The layout of the file.
        factors: New by old width, and new by old height.

    Raises:
        ValueError: It is damaged.
    """
    # From old to new raster coordinates: factor × old + offset. Coordinates are those of corners,
    # or of the centres of pixels.
    offset = (np.array(factors) - 1) / 2 if _is_point(file, entries, layout) else np.zeros(2)

    def change(tag: int, values: NDArray[Any]) -> None:
        entries[tag] = write_values(file, _DOUBLE, values, layout)

    if _PIXEL_SCALE in entries:
        size = read_values(file, entries[_PIXEL_SCALE], layout).astype(np.float64)
        size[:2] /= factors
        change(_PIXEL_SCALE, size)
    if _TIE_POINTS in entries:
        points = read_values(file, entries[_TIE_POINTS], layout).astype(np.float64)
        points = points.reshape(-1, 6)
        points[:, :2] = points[:, :2] * factors + offset
        change(_TIE_POINTS, points.ravel())
    if _TRANSFORMATION in entries:
        matrix = read_values(file, entries[_TRANSFORMATION], layout).astype(np.float64)
        matrix = matrix.reshape(4, 4)
        matrix[:, :2] /= factors
        matrix[:, 3] -= matrix[:, :2] @ offset
        change(_TRANSFORMATION, matrix.ravel())


def _is_point(file: BinaryIO, entries: Directory, layout: Layout) -> bool:
    if _KEYS not in entries:
        return False
    keys = read_values(file, entries[_KEYS], layout)
    table = keys[4 : len(keys) // 4 * 4].reshape(-1, 4)
    return any(key[0] == _RASTER_TYPE and key[3] == _PIXEL_IS_POINT for key in table)
