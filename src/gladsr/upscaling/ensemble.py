"""The geometric self-ensemble, the paper's "+" (Section IV-E).

Timofte et al., "Seven ways to improve example-based single image super resolution", CVPR 2016.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


def self_ensemble(
    run: Callable[[NDArray[np.float32]], NDArray[np.float32]], x: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Upscale the 8 flips and quarter turns of a picture, turn them back and return their mean.

    Args:
        run: Upscales a picture, h×w×3 to s·h×s·w×3.
        x: The picture, h×w×3.

    Returns:
        The upscaled picture, s·h×s·w×3.
    """
    outputs = []
    for step in (1, -1):  # as it is, and flipped
        for turns in range(4):
            y = run(np.ascontiguousarray(np.rot90(x[:, ::step], turns)))
            outputs.append(np.rot90(y, -turns)[:, ::step])
    mean: NDArray[np.float32] = np.mean(outputs, axis=0, dtype=np.float32)
    return mean
