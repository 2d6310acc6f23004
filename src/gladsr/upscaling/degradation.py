"""Estimates of how degraded a picture is, from its pixels: JPEG quality, noise and blur.

They come from a fixed number of small patches, so the cost does not grow with the picture, and the
same pixels always give the same estimates.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gladsr.pictures.compression import libjpeg_table
from gladsr.pictures.depth import to_depth

_Values = NDArray[np.float32]

_BLOCK = 8
_PATCH = 5 * _BLOCK - 1  # four blocks a side, whatever the offset of the grid
_PATCHES = 8  # along each axis
_FEWEST_BLOCKS = 16
_CLIPPED = (1 / 8, 1 / 2)  # the share of a block's pixels that may be black or white, if need be
_NO_POWER = 1e-9

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601, as JPEG weighs it
_OPPONENT = np.array(  # orthonormal: grey, red against blue, green against both
    [[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float32
) / np.sqrt(np.array([[3], [2], [6]], np.float32))

_FREQUENCIES = np.arange(_BLOCK)
_DCT = (  # the orthonormal DCT-II, one row per frequency
    np.cos((2 * _FREQUENCIES + 1) * _FREQUENCIES[:, None] * math.pi / (2 * _BLOCK))
    * np.where(_FREQUENCIES[:, None], 0.5, math.sqrt(1 / _BLOCK))
).astype(np.float32)
_ORDER = np.add.outer(_FREQUENCIES, _FREQUENCIES)  # 0 for the mean, 14 for the finest pattern
_LOW = (_ORDER > 0) & (_ORDER < 4)
_COARSE = (_ORDER >= 3) & (_ORDER <= 4)
_HIGH = _ORDER >= 9
_ZERO = 0.75  # coefficients below it are taken for zeros of the encoder, rounded pixels considered
_STEPS = np.arange(1, 65, dtype=np.float32)
_QUALITIES = range(10, 98)  # above, the steps are too fine to be seen
_TABLES = np.array([libjpeg_table(quality)[_LOW] for quality in _QUALITIES])
_COEFFICIENTS = 4096  # examined at most
_FEWEST_COEFFICIENTS = 30
_EVIDENCE = 0.05  # log likelihood per coefficient; pictures never compressed have less than -0.1
_SPREADS = ((0.3, 0.65), (0.9, 0.3))  # standard deviation around a multiple, and its weight
_ANYWHERE = 0.05  # the weight of coefficients that are not near a multiple

_FLATTEST = 0.1  # the share of the blocks that noise is estimated from


@dataclass(frozen=True)
class _Bands:
    """How noise is distinguished from texture.

    Attributes:
        flat: The frequencies that have the least power in the flattest blocks.
        lower: Frequencies at which the power of texture is measured.
        higher: Frequencies at which the power of noise is measured.
        fall: The power of texture at the higher frequencies, relative to the lower ones.
    """

    flat: NDArray[np.bool_]
    lower: NDArray[np.bool_]
    higher: NDArray[np.bool_]
    fall: float


_FINEST = _Bands(_LOW, (_ORDER >= 4) & (_ORDER <= 6), _HIGH, 0.25)
# Encoders remove the finest detail, and noise with it.
_KEPT = _Bands(_ORDER == 1, (_ORDER >= 2) & (_ORDER <= 3), (_ORDER >= 5) & (_ORDER <= 6), 0.5)


@dataclass(frozen=True)
class Degradation:
    """What a picture's pixels show of its history.

    Attributes:
        quality: The libjpeg quality, 10 to 97, of a JPEG compression at this size; None if there
            is no trace of one.
        noise: Standard deviation of white noise in 8-bit levels, the root mean square over the
            colour channels.
        sharpness: Power of the finest detail relative to coarser detail in dB: about -15 where
            edges are as sharp as pixels allow, below -25 where they are blurred by a pixel.
    """

    quality: int | None
    noise: float
    sharpness: float


def estimate(pixels: NDArray[Any], *, compressed: bool = False) -> Degradation:
    """Estimate the degradation of a picture.

    Args:
        pixels: H×W, H×W×2 with alpha, H×W×3 or H×W×4; uint8, uint16 or float in [0, 1].
        compressed: Whether they come from lossy compression.

    Example:
        >>> estimate(np.full((64, 64, 3), 0.5))
        Degradation(quality=None, noise=0.0, sharpness=0.0)
    """
    if min(pixels.shape[:2]) < 2 * _BLOCK:
        return Degradation(None, 0.0, 0.0)
    colour = _patches(pixels)
    luma = colour[..., 0] if colour.shape[3] == 1 else colour @ _LUMA
    quality = _jpeg_quality(luma)
    noise = _noise(colour, _KEPT if compressed or quality else _FINEST)
    return Degradation(quality, noise, _sharpness(luma))


def _patches(pixels: NDArray[Any]) -> _Values:
    """Return patches spread evenly over the picture, N×side×side×C in 8-bit levels.

    They begin at multiples of 8. What is transparent is black.
    """
    side = min(_PATCH, *pixels.shape[:2])
    tops, lefts = (
        np.unique(
            np.linspace(0, length - side, min(_PATCHES, math.ceil(length / side))).astype(int)
            // _BLOCK
            * _BLOCK
        )
        for length in pixels.shape[:2]
    )
    cut = [pixels[top : top + side, left : left + side] for top in tops for left in lefts]
    patches = to_depth(np.stack(cut), np.float32) * np.float32(255)
    if pixels.ndim == 2:
        return patches[..., np.newaxis]
    if pixels.shape[2] in (2, 4):
        return patches[..., :-1] * (patches[..., -1:] / np.float32(255))
    return patches


def _blocks(patches: _Values, top: int = 0, left: int = 0) -> _Values:
    """Return the 8×8 blocks of N×side×side patches on a grid with some offset."""
    rows, columns = ((patches.shape[1] - offset) // _BLOCK for offset in (top, left))
    cut = patches[:, top : top + rows * _BLOCK, left : left + columns * _BLOCK]
    blocks = cut.reshape(len(cut), rows, _BLOCK, columns, _BLOCK).swapaxes(2, 3)
    return blocks.reshape(-1, _BLOCK, _BLOCK)


def _clipped(blocks: _Values) -> NDArray[np.float64]:
    """Return the share of each block's pixels that are black or white."""
    share: NDArray[np.float64] = np.mean((blocks < 1) | (blocks > 254), axis=(1, 2))
    return share


def _least_clipped(share: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Return which blocks are clipped least, given the share of clipped pixels of each.

    Returns:
        A mask, or None if almost all blocks are clipped.
    """
    for most in _CLIPPED:
        if np.count_nonzero(share <= most) >= _FEWEST_BLOCKS:
            return share <= most
    return None


def _jpeg_quality(luma: _Values) -> int | None:
    """Return the libjpeg quality that the DCT coefficients of N×side×side patches show.

    In a decoded JPEG, the coefficients of every frequency lie near multiples of the step in the
    quantisation table (Fan and de Queiroz, "Identification of bitmap compression history", IEEE
    Transactions on Image Processing 12, 2003). For each of the nine lowest frequencies, the step is
    the one that makes the coefficients most likely.
    """
    blocks = _blocks(luma, _grid_offset(luma, axis=1), _grid_offset(luma, axis=2))
    blocks = blocks[_clipped(blocks) == 0]
    coefficients = np.abs((_DCT @ blocks @ _DCT.T)[:, _LOW])
    blocks_seen, frequencies = np.nonzero(coefficients > 2 * _ZERO)
    if len(frequencies) < _FEWEST_COEFFICIENTS:
        return None
    some = np.linspace(0, len(frequencies) - 1, min(len(frequencies), _COEFFICIENTS)).astype(int)
    frequencies = frequencies[some]
    likelihood = _step_likelihood(coefficients[blocks_seen[some], frequencies])
    by_frequency = np.stack(
        [likelihood[frequencies == number].sum(axis=0) for number in range(_TABLES.shape[1])]
    )
    steps = by_frequency.argmax(axis=1)
    if by_frequency.max(axis=1).sum() < _EVIDENCE * len(frequencies):
        return None
    found = np.bincount(frequencies, minlength=len(steps))
    distances = np.abs(np.log(_TABLES) - np.log(_STEPS[steps])) @ found
    return _QUALITIES[int(distances.argmin())]


def _grid_offset(luma: _Values, axis: int) -> int:
    """Return the offset of the grid along an axis: there, most fine coefficients are zero."""
    lines = np.moveaxis(luma[:, ::3] if axis == 2 else luma[:, :, ::3], axis, -1)
    count = (lines.shape[-1] - _BLOCK + 1) // _BLOCK
    zeros = []
    for offset in range(_BLOCK):
        cut = lines[..., offset : offset + count * _BLOCK].reshape(-1, _BLOCK)
        zeros.append(np.count_nonzero(np.abs(cut @ _DCT[_BLOCK // 2 :].T) < _ZERO))
    return int(np.argmax(zeros))


def _step_likelihood(coefficients: _Values) -> _Values:
    """Return the log likelihood of each coefficient for each of `_STEPS`, N×64.

    It is relative to that of a picture without quantisation.
    """
    multiples = np.maximum(np.rint(coefficients[:, None] / _STEPS), 1)
    distances = coefficients[:, None] - multiples * _STEPS
    likelihood = np.full(distances.shape, _ANYWHERE, np.float32)
    for spread, weight in _SPREADS:
        factor = np.float32(weight / (spread * math.sqrt(2 * math.pi)))
        likelihood += factor * _STEPS * np.exp(distances**2 * np.float32(-0.5 / spread**2))
    return np.log(likelihood)


def _noise(colour: _Values, bands: _Bands) -> float:
    """Return the standard deviation of white noise in N×side×side×C patches.

    It is the power of high frequencies in the flattest blocks (as in Ponomarenko et al., 2007),
    less what fine texture leaves there: the power of noise is the same at lower frequencies, that
    of texture is several times higher.
    """
    blocks = [_blocks(colour[..., channel]) for channel in range(colour.shape[3])]
    usable = _least_clipped(np.max([_clipped(channel) for channel in blocks], axis=0))
    if usable is None:
        return 0.0
    coefficients = np.stack([_DCT @ channel[usable] @ _DCT.T for channel in blocks])
    if len(coefficients) == 3:
        coefficients = np.einsum("oc,cnuv->onuv", _OPPONENT, coefficients)
    energy = (coefficients[..., bands.flat] ** 2).sum(axis=(0, 2))
    count = max(_FEWEST_BLOCKS, int(_FLATTEST * len(energy)))
    flattest = coefficients[:, np.argsort(energy, kind="stable")[:count]]
    variances = []
    for channel in flattest:
        lower, higher = _power(channel[:, bands.lower]), _power(channel[:, bands.higher])
        variances.append(max(0.0, (higher - bands.fall * lower) / (1 - bands.fall)))
    return math.sqrt(sum(variances) / len(variances))


def _sharpness(luma: _Values) -> float:
    """Return the power of the finest detail relative to coarser detail, in dB.

    It is measured in the quarter of the blocks with the most detail, each of the same weight.
    """
    blocks = _blocks(luma)
    usable = _least_clipped(_clipped(blocks))
    if usable is None:
        return 0.0
    power = (_DCT @ blocks[usable] @ _DCT.T) ** 2
    detail = power[:, _ORDER > 0].sum(axis=1)
    textured = np.argsort(-detail, kind="stable")[: max(8, len(detail) // 4)]
    shares = power[textured] / np.maximum(detail[textured], 1)[:, None, None]
    fine, coarse = (float(shares[:, band].mean()) for band in (_HIGH, _COARSE))
    return 10 * math.log10(fine / coarse) if min(fine, coarse) > _NO_POWER else 0.0


def _power(coefficients: _Values) -> float:
    """Return the variance of N×frequencies coefficients, robust against outliers."""
    deviations = np.median(np.abs(coefficients), axis=0) / 0.6745  # of a normal distribution
    return float(np.median(deviations**2))
