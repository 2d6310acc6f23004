"""Large pictures in overlapping tiles, cross-faded where they overlap.

A tile's core is its own part of the picture; around it lies an overlap that the network needs to
see, since an output pixel depends on its surroundings. The channel attention averages over the
tile, not over the picture, so neighbouring tiles differ slightly: the cross-fade hides their seam.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

OVERLAP = 32
"""How many LR pixels a tile sees beyond its core, on each side."""


@dataclass(frozen=True)
class Span:
    """What a tile covers along one axis.

    Attributes:
        start: Its first LR pixel.
        stop: The LR pixel after its last.
        weights: Its share in each of its upscaled pixels, float32, in (0, 1].
    """

    start: int
    stop: int
    weights: NDArray[np.float32]


def spans(length: int, core: int, scale: int) -> list[Span]:
    """Divide an axis of ``length`` LR pixels into spans with cores of at most ``core`` pixels.

    The weights fall linearly over the overlaps, and those of all spans sum to 1 at every pixel.

    Example:
        >>> [(span.start, span.stop) for span in spans(200, 64, scale=2)]
        [(0, 82), (18, 132), (68, 182), (118, 200)]
    """
    count = math.ceil(length / core)
    borders = [length * i // count for i in range(count + 1)]
    ramps: list[tuple[int, int, NDArray[np.float32]]] = []
    total = np.zeros(scale * length, np.float32)
    for first, last in pairwise(borders):
        start, stop = max(0, first - OVERLAP), min(length, last + OVERLAP)
        centres = (np.arange(scale * start, scale * stop, dtype=np.float32) + 0.5) / scale
        ramp = np.ones(len(centres), np.float32)
        if start > 0:
            ramp = np.minimum(ramp, (centres - start) / (2 * OVERLAP))
        if stop < length:
            ramp = np.minimum(ramp, (stop - centres) / (2 * OVERLAP))
        ramps.append((start, stop, ramp))
        total[scale * start : scale * stop] += ramp
    return [
        Span(start, stop, ramp / total[scale * start : scale * stop]) for start, stop, ramp in ramps
    ]


def upscale_tiled(
    run: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    x: NDArray[np.float32],
    *,
    scale: int,
    core: int,
    progress: Callable[[float], None],
) -> NDArray[np.float32]:
    """Upscale a picture tile by tile.

    Args:
        run: Upscales a tile, h×w×3 to s·h×s·w×3.
        x: The picture, h×w×3.
        scale: s.
        core: The side of a tile's core in LR pixels.
        progress: Is told the share done, in (0, 1], after each tile.

    Returns:
        The upscaled picture, s·h×s·w×3.
    """
    height, width, channels = x.shape
    y = np.zeros((scale * height, scale * width, channels), np.float32)
    tiles = list(product(spans(height, core, scale), spans(width, core, scale)))
    for done, (rows, columns) in enumerate(tiles, start=1):
        tile = run(x[rows.start : rows.stop, columns.start : columns.stop])
        tile *= rows.weights[:, np.newaxis, np.newaxis]
        tile *= columns.weights[:, np.newaxis]
        y[scale * rows.start : scale * rows.stop, scale * columns.start : scale * columns.stop] += (
            tile
        )
        progress(done / len(tiles))
    return y
