"""What engines that stand in for the network have in common."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gladsr.engines import ChannelWeights

Array: TypeAlias = NDArray[np.float32]


class StandIn:
    """An engine without a coarse output, whose channel weights are the mean of the picture."""

    def channel_weights(self, x: Array, *, draft: bool = False) -> ChannelWeights:
        assert not draft
        mean: Array = x.mean((0, 1))
        return mean[np.newaxis]
