"""What engines that stand in for the network have in common."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gladsr.engines import Attention

Array: TypeAlias = NDArray[np.float32]


class StandIn:
    """An engine without a coarse output, whose attention is the mean of the picture."""

    def attention(self, x: Array, *, draft: bool = False) -> Attention:
        assert not draft
        mean: Array = x.mean((0, 1))
        return mean[np.newaxis]
