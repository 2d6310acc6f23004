"""NIQE, the naturalness of a picture without a reference.

Mittal, Soundararajan and Bovik, "Making a 'completely blind' image quality analyzer", IEEE Signal
Processing Letters 20 (2013). `niqe_pristine.npz` holds the authors' own model of pristine
photographs, from their release, which basicsr ships as well; `niqe_pristine.txt` has its licence.
"""

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gladsr.pictures.depth import to_depth
from gladsr.pictures.resize import resize
from gladsr.scoring.window import gaussian_means

BLOCK = 96
"""The side of a block, and of the smallest picture with a NIQE."""

_Values = NDArray[np.float64]
_WINDOW = 7
_SIGMA = 7 / 6
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))  # to the neighbours: right, below, and both diagonals
_SHAPES = np.arange(0.2, 10.001, 0.001)  # of the distributions that are fitted
_GREY = (0.298936021293775, 0.587043074451121, 0.114020904255103)  # of MATLAB's rgb2gray


def niqe(image: NDArray[Any]) -> float:
    """Return the NIQE of a picture: 0 or more, lower is more natural; about 3 for a photograph.

    Args:
        image: H×W×3, or H×W of grey. Anything but uint8 is clipped and rounded to 8 bits first.
            RGB is converted to grey as in the authors' release, by MATLAB's rgb2gray.

    Raises:
        ValueError: The shape is not supported, or the picture is smaller than 96×96 or has almost
            no detail.

    Example:
        >>> noise = np.random.default_rng(0).integers(0, 256, (192, 192), np.uint8)
        >>> niqe(noise) > 20
        True
    """
    grey = _grey(image)
    height, width = (length - length % BLOCK for length in grey.shape)
    if not (height and width):
        shape = "×".join(map(str, image.shape))
        raise ValueError(f"NIQE needs {BLOCK}×{BLOCK} pixels, but the picture has {shape}")
    grey = grey[:height, :width]
    features = np.hstack(
        [
            _features(grey, BLOCK),
            _features(resize(grey, scale=0.5), BLOCK // 2),
        ]
    )
    whole = features[~np.isnan(features).any(axis=1)]
    if len(whole) < 2:
        raise ValueError("NIQE is not defined for a picture of fewer than two blocks with detail")
    mean, covariance = _pristine()
    difference = mean - np.nanmean(features, axis=0)
    pooled = (covariance + np.cov(whole, rowvar=False)) / 2
    return float(math.sqrt(difference @ np.linalg.pinv(pooled) @ difference))


def _grey(image: NDArray[Any]) -> _Values:
    image = to_depth(image, np.uint8)
    if image.ndim == 2:
        return image.astype(np.float64)
    if image.ndim == 3 and image.shape[2] == 3:
        grey: _Values = np.floor(image @ np.array(_GREY) + 0.5)
        return grey
    raise ValueError(f"NIQE is defined for H×W and H×W×3, not for shape {image.shape}")


@cache
def _pristine() -> tuple[_Values, _Values]:
    """Return mean, (36,), and covariance, (36, 36), of the features of pristine photographs."""
    with np.load(Path(__file__).with_name("niqe_pristine.npz")) as saved:
        return saved["mean"], saved["covariance"]


def _features(grey: _Values, block: int) -> _Values:
    """Return the 18 features of every block at one scale, (blocks, 18)."""
    mean = _windowed(grey)
    deviation = np.sqrt(np.abs(_windowed(grey * grey) - mean**2))
    normalised = (grey - mean) / (deviation + 1)  # Eq. 1: MSCN coefficients
    height, width = grey.shape
    blocks = normalised.reshape(height // block, block, width // block, block).swapaxes(1, 2)
    return np.array([_block_features(one) for one in blocks.reshape(-1, block, block)])


def _windowed(values: _Values) -> _Values:
    """Average in a Gaussian window of 7×7, with the border replicated; the shape stays."""
    return gaussian_means(np.pad(values, _WINDOW // 2, mode="edge"), _WINDOW, _SIGMA)


def _block_features(block: _Values) -> list[float]:
    """Return 2 features of the coefficients, and 4 of their products with each of 4 neighbours."""
    shape, left, right = _asymmetric_gaussian(block)
    features = [shape, (left + right) / 2]
    for shift in _SHIFTS:
        shape, left, right = _asymmetric_gaussian(block * np.roll(block, shift, axis=(0, 1)))
        mean = (right - left) * math.gamma(2 / shape) / math.gamma(1 / shape)  # Eq. 8
        features += [shape, mean, left, right]
    return features


def _asymmetric_gaussian(values: _Values) -> tuple[float, float, float]:
    """Return the shape α and the left and right scales β of the best-fitting AGGD (Eq. 7).

    They are NaN if there are no positive or no negative values.
    """
    negative, positive = values[values < 0], values[values > 0]
    if not (len(negative) and len(positive)):
        return math.nan, math.nan, math.nan
    left, right = math.sqrt(np.mean(negative**2)), math.sqrt(np.mean(positive**2))
    ratio = left / right
    moments = np.mean(np.abs(values)) ** 2 / np.mean(values**2)
    moments *= (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shape = float(_SHAPES[np.argmin((_moments() - moments) ** 2)])
    scale = math.sqrt(math.gamma(1 / shape) / math.gamma(3 / shape))
    return shape, left * scale, right * scale


@cache
def _moments() -> _Values:
    """Return the ratio of squared mean magnitude to mean square for each of ``_SHAPES``."""
    one, two, three = (np.array([math.gamma(k / shape) for shape in _SHAPES]) for k in (1, 2, 3))
    moments: _Values = two**2 / (one * three)
    return moments
