"""What no photograph is like does not make the trained networks answer with anything."""

import numpy as np
import pytest
import skimage
from numpy.typing import NDArray
from PIL import Image
from skimage.filters import gaussian

from gladsr import engines, zoo

ROWS, COLUMNS = np.mgrid[:96, :160]
CAMERA = Image.fromarray(skimage.data.camera()[100:196, 150:310])
PATTERNS = {
    "dithered": np.asarray(CAMERA.convert("1")),
    "noise": np.random.default_rng(0).integers(0, 2, ROWS.shape),
    "checks": (ROWS + COLUMNS) % 2,
    "stripes": COLUMNS % 2,
}


def tone(grey: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return what the eye sees of a pattern from afar."""
    blurred: NDArray[np.float32] = gaussian(grey, sigma, mode="nearest")
    return blurred


@pytest.mark.parametrize("card", zoo.cards(), ids=lambda card: f"{card.name}-x{card.scale}")
def test_patterns_keep_their_tone(card: zoo.Card):
    engine = engines.load(card, threads=1)
    for name, pattern in PATTERNS.items():
        x = np.repeat(pattern[..., np.newaxis], 3, axis=2).astype(np.float32)
        y = engine.run(x)
        assert np.abs(y).max() < 10, name
        before = tone(x[..., 0], 4).repeat(card.scale, 0).repeat(card.scale, 1)
        after = tone(y.clip(0, 1)[..., 0], 4 * card.scale)
        assert np.abs(after - before).max() < 0.2, name
