"""A network's output on a picture of any size, computed in tiles without visible seams.

Two parts of the network see beyond a tile. The channel weights average over the complete picture
(Eq. 8): they are computed once, for the picture, and set for every tile. The convolutions see their
surroundings: a tile is computed with an overlap around it, which is then cut off. The size and
position of the tiles therefore do not change the output.

A picture of up to `WHOLE` pixels has its own channel weights. A larger one has those of a sample:
bands spread evenly over both axes, whatever the tiles.
"""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from gladsr.engines import ChannelWeights, Engine
from gladsr.errors import OutOfMemoryError
from gladsr.upscaling.pixels import range_of_neighbours, repeat

OVERLAP = 16
"""LR pixels that a tile sees beyond its core on each side (docs/tiles.md)."""

WHOLE = 384 * 384
"""LR pixels up to which the channel weights are those of the complete picture."""

MIN_CORE = 16
"""The side of the smallest tile's core, in LR pixels."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sampling:
    """Which part of a picture its channel weights are computed from.

    Attributes:
        whole: LR pixels up to which it is the complete picture.
        bands: The number of bands along each axis of a larger picture.
        band: The width of a band in LR pixels.
    """

    whole: int = WHOLE
    bands: int = 3
    band: int = 96

    def ranges(self, length: int) -> list[tuple[int, int]]:
        """Return the start and stop of each band of an axis.

        Example:
            >>> Sampling().ranges(100), Sampling().ranges(1200)
            ([(0, 100)], [(152, 248), (552, 648), (952, 1048)])
        """
        if length <= self.bands * self.band:
            return [(0, length)]
        centres = [length * (2 * number + 1) // (2 * self.bands) for number in range(self.bands)]
        return [(centre - self.band // 2, centre + self.band // 2) for centre in centres]


class Region(NamedTuple):
    """A rectangle of pixels; bottom and right are exclusive."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    def cut(self, pixels: NDArray[np.float32], *, out_of: "Region") -> NDArray[np.float32]:
        """Return this region's pixels from those of a region that contains it."""
        return pixels[
            self.top - out_of.top : self.bottom - out_of.top,
            self.left - out_of.left : self.right - out_of.left,
        ]

    def grown(self, margin: int, size: tuple[int, int]) -> "Region":
        """Return the region with a margin around it, clipped to a picture of a size."""
        return Region(
            max(0, self.top - margin),
            min(size[0], self.bottom + margin),
            max(0, self.left - margin),
            min(size[1], self.right + margin),
        )

    def times(self, scale: int) -> "Region":
        """Return the region in the picture upscaled by a scale."""
        return Region(*(scale * side for side in self))

    def over(self, scale: int) -> "Region":
        """Return the region in the picture downscaled by a scale, rounded outwards."""
        return Region(
            self.top // scale,
            -(-self.bottom // scale),
            self.left // scale,
            -(-self.right // scale),
        )


def whole(size: tuple[int, int]) -> Region:
    """Return the region of a complete picture."""
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
    step = math.ceil((stop - start) / count)  # few shapes, since engines prepare for each
    return [*range(start, stop, step), stop]


class Source(Protocol):
    """A picture that can be read part by part."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        ...

    def read(self, region: Region) -> NDArray[np.float32]:
        """Return a part, h×w×C, grey (C = 1) or RGB, in [0, 1] except for a resize's ringing."""
        ...


class NetworkOutput:
    """The output of a network on a picture, of which each part is computed when it is read.

    Args:
        source: The picture. Grey is run as three equal channels, whose outputs are averaged.
        engine: Runs the network.
        scale: The network's scale.
        core: The side of the largest tile in LR pixels, without its overlap. If memory runs out, it
            is halved until it suffices, with a warning in the log.
        draft: Use the network's coarse output.
        bounded: Clip to the range of the surrounding 3×3 pixels of the source, as suits an alpha.
        sampling: What the channel weights are computed from.
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
        sampling: Sampling = Sampling(),
    ) -> None:
        self.size = (scale * source.size[0], scale * source.size[1])
        self._source = source
        self._engine = engine
        self._scale = scale
        self._core = core
        self._draft = draft
        self._bounded = bounded
        self._sampling = sampling
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
                large = self._run(tile, x, seen)
            except OutOfMemoryError:
                if max(tile.size) <= MIN_CORE:
                    raise
                self._core = max(MIN_CORE, max(tile.size) // 2)
                logger.warning("memory ran out; continuing in tiles of %d pixels", self._core)
                waiting = [
                    part
                    for larger in (*waiting, tile)
                    for part in tiles(larger, self._core, self._core)
                ]
            else:
                tile.times(self._scale).cut(y, out_of=y_region)[:] = large
        if self._bounded:
            low, high = (wanted.cut(bound, out_of=seen) for bound in range_of_neighbours(x))
            np.clip(y, repeat(low, self._scale), repeat(high, self._scale), out=y)
        np.clip(y, 0, 1, out=y)
        return region.cut(y, out_of=y_region)

    def _run(self, tile: Region, x: NDArray[np.float32], seen: Region) -> NDArray[np.float32]:
        """Run the network on one tile of ``x``, which is the region ``seen`` of the source."""
        size = self._source.size
        around = tile.grown(OVERLAP, size)
        small = around.cut(x, out_of=seen)
        alone = around == whole(size) and math.prod(size) <= self._sampling.whole
        if self._channel_weights is None and not alone:
            sample = _sample(self._source, self._sampling)
            self._channel_weights = self._engine.channel_weights(_rgb(sample), draft=self._draft)
        large = self._engine.run(
            _rgb(small), draft=self._draft, channel_weights=None if alone else self._channel_weights
        )
        inner = tile.times(self._scale).cut(large, out_of=around.times(self._scale))
        return inner.mean(axis=2, keepdims=True) if x.shape[2] == 1 else inner


def _rgb(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.broadcast_to(x, (*x.shape[:2], 3))


def _sample(source: Source, sampling: Sampling) -> NDArray[np.float32]:
    """Return what the channel weights are computed from, with bands side by side."""
    height, width = source.size
    if height * width <= sampling.whole:
        return source.read(whole(source.size))
    rows, columns = sampling.ranges(height), sampling.ranges(width)
    return np.concatenate(
        [np.concatenate([source.read(Region(*row, *col)) for col in columns], 1) for row in rows]
    )
