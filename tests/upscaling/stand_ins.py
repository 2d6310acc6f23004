"""Pictures in memory, and the common part of engines that stand in for the network."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gladsr.engines import ChannelWeights
from gladsr.upscaling.tiling import Region, whole

Array: TypeAlias = NDArray[np.float32]


class StandIn:
    """An engine without a coarse output, whose channel weights are the mean of the picture."""

    def channel_weights(self, x: Array, *, draft: bool = False) -> ChannelWeights:
        assert not draft
        mean: Array = x.mean((0, 1))
        return mean[np.newaxis]


class InMemory:
    """A source in memory that records the regions that are read."""

    def __init__(self, pixels: Array) -> None:
        self.size = (pixels.shape[0], pixels.shape[1])
        self.read_regions: list[Region] = []
        self._pixels = pixels

    def read(self, region: Region) -> Array:
        assert region == region.grown(0, self.size)
        self.read_regions.append(region)
        return region.cut(self._pixels, out_of=whole(self.size))
