"""Degradation of LR as by cameras and the web: a slight blur, then noise, then JPEG."""

import io

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from gladsr.training.settings import DegradationSettings

Pixels = NDArray[np.uint8]
_BLOCK = 16  # side of the blocks that JPEG codes together with 4:2:0 subsampling


def degrade(lr: Pixels, how: DegradationSettings, random: Generator) -> Pixels:
    """Return a degraded image; the amounts are drawn at random up to the limits.

    Args:
        lr: h×w×3.
        how: The limits.
        random: The random generator; the same state gives the same image.
    """
    if how.nothing or random.random() < how.clean:
        return lr
    blurred = Image.fromarray(lr).filter(ImageFilter.GaussianBlur(random.uniform(0, how.blur)))
    noisy = _with_noise(np.asarray(blurred), random.uniform(0, how.noise), random)
    return noisy if how.jpeg is None else _through_jpeg(noisy, how.jpeg, random)


def _with_noise(pixels: Pixels, deviation: float, random: Generator) -> Pixels:
    """Add noise, part of it equal in the three channels, like grain, and part independent."""
    height, width, channels = pixels.shape
    coloured = random.random()
    noise = np.sqrt(1 - coloured) * random.standard_normal((height, width, 1))
    noise = noise + np.sqrt(coloured) * random.standard_normal((height, width, channels))
    noisy: Pixels = np.clip(pixels + deviation * noise + 0.5, 0, 255).astype(np.uint8)
    return noisy


def _through_jpeg(pixels: Pixels, qualities: tuple[int, int], random: Generator) -> Pixels:
    """Encode as JPEG and decode, with blocks at a random offset."""
    height, width = pixels.shape[:2]
    top, left = random.integers(_BLOCK, size=2)
    around = np.pad(pixels, ((top, 0), (left, 0), (0, 0)), mode="symmetric")
    file = io.BytesIO()
    quality = int(random.integers(qualities[0], qualities[1] + 1))
    halved = "4:2:0" if random.random() < 0.5 else "4:4:4"
    Image.fromarray(around).save(file, "JPEG", quality=quality, subsampling=halved)
    decoded: Pixels = np.asarray(Image.open(file))
    return decoded[top : top + height, left : left + width]
