"""Large pictures in tiles that give what the whole gives.

Two things in the network see beyond a tile. The channel weights average over the whole picture
(Eq. 8): they are read once, for the picture, and set for every tile. The convolutions see
their surroundings: a tile is computed with an overlap around it, which is then cut off. So the
tiles' size and place do not change the picture.

A picture of up to `WHOLE` pixels has its own channel weights. A larger one has those of a sample:
lines spread evenly over both axes, the same ones whatever the tiles.
"""

import logging
import math
from collections.abc import Iterator
from itertools import pairwise, product
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from gladsr.engines import ChannelWeights, Engine
from gladsr.errors import OutOfMemoryError
from gladsr.upscaling.pixels import enlarge, range_of_neighbours

OVERLAP = 16
"""How many LR pixels a tile sees beyond its core, on each side (docs/tiles.md)."""

WHOLE = 384 * 384
"""LR pixels up to which the channel weights are read from the whole picture."""

SAMPLE_BANDS, SAMPLE_BAND = 3, 96
"""The sample of a larger picture: so many bands along each axis, of so many LR pixels."""

MIN_CORE = 16

logger = logging.getLogger(__name__)


class Region(NamedTuple):
    """A rectangle of pixels; bottom and right are the first ones outside."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    def cut(self, pixels: NDArray[np.float32], *, out_of: "Region") -> NDArray[np.float32]:
        """Return this region's pixels, given those of a region around it."""
        return pixels[
            self.top - out_of.top : self.bottom - out_of.top,
            self.left - out_of.left : self.right - out_of.left,
        ]

    def grown(self, margin: int, size: tuple[int, int]) -> "Region":
        """Return the region with a margin around it, inside a picture of a size."""
        return Region(
            max(0, self.top - margin),
            min(size[0], self.bottom + margin),
            max(0, self.left - margin),
            min(size[1], self.right + margin),
        )

    def times(self, scale: int) -> "Region":
        """Return the region in a picture so many times larger."""
        return Region(*(scale * side for side in self))

    def over(self, scale: int) -> "Region":
        """Return the region in a picture so many times smaller, rounded outwards."""
        return Region(
            self.top // scale,
            -(-self.bottom // scale),
            self.left // scale,
            -(-self.right // scale),
        )


def whole(size: tuple[int, int]) -> Region:
    """Return the region that is the whole picture."""
    return Region(0, size[0], 0, size[1])


def tiles(region: Region, height: int, width: int) -> Iterator[Region]:
    """Divide a region, row by row, into nearly equal tiles of at most a height and a width.

    Example:
        >>> [(tile.left, tile.right) for tile in tiles(Region(0, 16, 0, 200), 64, 64)]
        [(0, 50), (50, 100), (100, 150), (150, 200)]
    """
    rows = _divided(region.top, region.bottom, height)
    columns = _divided(region.left, region.right, width)
    for (top, bottom), (left, right) in product(pairwise(rows), pairwise(columns)):
        yield Region(top, bottom, left, right)


def _divided(start: int, stop: int, longest: int) -> list[int]:
    count = math.ceil((stop - start) / longest)
    step = math.ceil((stop - start) / count)  # equal but for the last: few shapes for the engine
    return [*range(start, stop, step), stop]


class Source(Protocol):
    """A picture that can be read part by part."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        ...

    def read(self, region: Region) -> NDArray[np.float32]:
        """Return a part, h×w×C, grey (C = 1) or RGB, in [0, 1] but for a resize's ringing."""
        ...


class Enlarged:
    """A picture enlarged by a network, computed where and when it is read.

    Args:
        source: The picture; grey is run as three equal channels and is the mean of what they
            become.
        engine: Runs the network.
        scale: The network's.
        core: The side of the largest tile in LR pixels, without its overlap. If the memory runs
            out, it is halved as often as need be, and a line in the log says so.
        draft: Use the network's coarse output.
        bounded: Clip to the range of the 3×3 pixels around in the source, as suits an alpha.
    """

    def __init__(
        self,
        source: Source,
        engine: Engine,
        scale: int,
        *,
        core: int,
        draft: bool = False,
        bounded: bool = False,
    ) -> None:
        self.size = (scale * source.size[0], scale * source.size[1])
        self._source = source
        self._engine = engine
        self._scale = scale
        self._core = core
        self._draft = draft
        self._bounded = bounded
        self._channel_weights: ChannelWeights | None = None

    def read(self, region: Region) -> NDArray[np.float32]:
        """Return a part; see `Source`."""
        wanted = region.over(self._scale)
        seen = wanted.grown(OVERLAP, self._source.size)
        x = self._source.read(seen)
        y = np.empty((*wanted.times(self._scale).size, x.shape[2]), np.float32)
        y_region = wanted.times(self._scale)
        waiting = list(tiles(wanted, self._core, self._core))
        while waiting:
            tile = waiting.pop()
            try:
                enlarged = self._enlarge(tile, x, seen)
            except OutOfMemoryError:
                if max(tile.size) <= MIN_CORE:
                    raise
                self._core = max(MIN_CORE, max(tile.size) // 2)
                logger.warning("the memory ran out; going on in tiles of %d pixels", self._core)
                waiting = [
                    part
                    for larger in (*waiting, tile)
                    for part in tiles(larger, self._core, self._core)
                ]
            else:
                tile.times(self._scale).cut(y, out_of=y_region)[:] = enlarged
        if self._bounded:
            low, high = (wanted.cut(bound, out_of=seen) for bound in range_of_neighbours(x))
            np.clip(y, enlarge(low, self._scale), enlarge(high, self._scale), out=y)
        np.clip(y, 0, 1, out=y)
        return region.cut(y, out_of=y_region)

    def _enlarge(self, tile: Region, x: NDArray[np.float32], seen: Region) -> NDArray[np.float32]:
        """Run the network on one tile of ``x``, the part of the source that is ``seen``."""
        around = tile.grown(OVERLAP, self._source.size)
        small = around.cut(x, out_of=seen)
        alone = around == whole(self._source.size) and math.prod(self._source.size) <= WHOLE
        if self._channel_weights is None and not alone:
            sample = _sample(self._source)
            self._channel_weights = self._engine.channel_weights(_rgb(sample), draft=self._draft)
        large = self._engine.run(
            _rgb(small), draft=self._draft, channel_weights=None if alone else self._channel_weights
        )
        inner = tile.times(self._scale).cut(large, out_of=around.times(self._scale))
        return inner.mean(axis=2, keepdims=True) if x.shape[2] == 1 else inner


def _rgb(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.broadcast_to(x, (*x.shape[:2], 3))


def _sample(source: Source) -> NDArray[np.float32]:
    """Return what the channel weights are read from: the picture, or bands of it side by side."""
    height, width = source.size
    if height * width <= WHOLE:
        return source.read(whole(source.size))
    return np.concatenate(
        [
            np.concatenate([source.read(Region(*rows, *columns)) for columns in _bands(width)], 1)
            for rows in _bands(height)
        ]
    )


def _bands(length: int) -> list[tuple[int, int]]:
    """Return the parts of an axis that belong to the sample, each its first pixel and its end.

    Example:
        >>> _bands(100), _bands(1200)
        ([(0, 100)], [(152, 248), (552, 648), (952, 1048)])
    """
    if length <= SAMPLE_BANDS * SAMPLE_BAND:
        return [(0, length)]
    centres = [length * (2 * band + 1) // (2 * SAMPLE_BANDS) for band in range(SAMPLE_BANDS)]
    return [(centre - SAMPLE_BAND // 2, centre + SAMPLE_BAND // 2) for centre in centres]
