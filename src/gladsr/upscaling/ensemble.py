"""The geometric self-ensemble, the paper's "+" (Section IV-E).

Timofte et al., "Seven ways to improve example-based single image super resolution", CVPR 2016.
"""

from collections.abc import Callable, Iterator
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from gladsr.engines import ChannelWeights, Engine

Array = NDArray[np.float32]


class SelfEnsemble:
    """An engine that averages another one's outputs over the 8 flips and quarter turns.

    Its channel weights are those of the 8 views, 8×U×K.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def run(
        self, x: Array, *, draft: bool = False, channel_weights: ChannelWeights | None = None
    ) -> Array:
        """Upscale; see `Engine`."""
        own = [None] * 8 if channel_weights is None else list(channel_weights)
        outputs = (
            undo(self._engine.run(view, draft=draft, channel_weights=weights))
            for (view, undo), weights in zip(_views(x), own, strict=True)
        )
        mean: Array = reduce(np.add, outputs) / np.float32(8)
        return mean

    def channel_weights(self, x: Array, *, draft: bool = False) -> ChannelWeights:
        """Compute the channel weights; see `Engine`."""
        return np.stack([self._engine.channel_weights(view, draft=draft) for view, _ in _views(x)])


def _views(x: Array) -> Iterator[tuple[Array, Callable[[Array], Array]]]:
    """Yield each view of a picture with the function that undoes it on the view's output."""
    for step in (1, -1):  # unflipped and flipped
        for turns in range(4):

            def undo(y: Array, step: int = step, turns: int = turns) -> Array:
                return np.rot90(y, -turns)[:, ::step]

            yield np.ascontiguousarray(np.rot90(x[:, ::step], turns)), undo
