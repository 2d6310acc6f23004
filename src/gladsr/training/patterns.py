"""Patterns as in dithered, halftoned or drawn pictures, which photographs lack.

The output of a network trained on photographs alone is undefined for them. It should be that of
bicubic interpolation.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) * 16 + 8


def pattern(crop: Pixels, random: Generator) -> Pixels:
    """Return a pattern that replaces a crop, or a part of it.

    It is noise, checks, stripes, or the crop itself, dithered: in two colours, or in two values of
    each channel.

    Args:
        crop: p×p×3.
        random: The random generator; the same state gives the same pattern.
    """
    make = (_noise, _checks, _stripes, _dithered)[random.integers(4)]
    made = make(crop, random)
    if random.random() < 0.5:
        return made
    begin = random.integers(1, crop.shape[1])
    beside = crop if random.random() < 0.5 else np.full_like(crop, random.integers(0, 256, 3))
    return np.concatenate([beside[:, :begin], made[:, begin:]], axis=1)


def _noise(crop: Pixels, random: Generator) -> Pixels:
    channels = random.choice([1, 3])
    on = random.random((*crop.shape[:2], channels)) < random.random()
    return _in_two_colours(np.broadcast_to(on, crop.shape), random)


def _checks(crop: Pixels, random: Generator) -> Pixels:
    rows, columns = np.indices(crop.shape[:2]) // int(random.integers(1, 4))
    return _in_two_colours(_of_all((rows + columns) % 2 == 1), random)


def _stripes(crop: Pixels, random: Generator) -> Pixels:
    rows, columns = np.indices(crop.shape[:2])
    along = (rows, columns, rows + columns)[random.integers(3)] // int(random.integers(1, 4))
    return _in_two_colours(_of_all(along % 2 == 1), random)


def _dithered(crop: Pixels, random: Generator) -> Pixels:
    height, width = crop.shape[:2]
    if random.random() < 0.5:
        limits = np.tile(_BAYER, (height // 4 + 1, width // 4 + 1))[:height, :width]
    else:
        limits = random.integers(0, 256, (height, width))
    grey = random.random() < 0.5
    values = crop.mean(axis=2, keepdims=True) if grey else crop
    return np.broadcast_to(255 * (values > limits[..., np.newaxis]), crop.shape).astype(np.uint8)


def _of_all(on: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.repeat(on[..., np.newaxis], 3, axis=2)


def _in_two_colours(on: NDArray[np.bool_], random: Generator) -> Pixels:
    black_and_white = random.random() < 0.5
    one, other = ([0] * 3, [255] * 3) if black_and_white else random.integers(0, 256, (2, 3))
    return np.where(on, one, other).astype(np.uint8)
