"""The training loss (Eq. 5)."""

import math

import torch
from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss


def stagewise_loss(
    y_c: Tensor,
    y: Tensor,
    target: Tensor,
    gamma: float,
    bound: float | None = None,
    *,
    squared: bool = False,
    spectrum: float = 0.0,
) -> Tensor:
    """Return γ·L(y_c) + (1 - γ)·L(y), where L is the mean absolute error in Eq. 5.

    Args:
        y_c: Coarse output, (N, 3, H, W).
        y: Final output, of the same shape.
        target: HR images, of the same shape.
        gamma: γ in [0, 1].
        bound: The part of a crop's error e beyond this counts by its logarithm, as bound·ln(e /
            bound), so that crops on which the outputs are far too large do not dominate the
            gradient. None, as in the paper, sets no bound.
        squared: Whether L is the mean squared error, with the square of ``bound``.
        spectrum: Weight of the mean absolute error of the amplitudes of the 2-D Fourier transform
            (not normalised), which is added to the mean absolute error.

    Example:
        >>> zeros, ones = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
        >>> stagewise_loss(zeros, ones, ones, gamma=0.25).item()
        0.25
    """
    coarse, final = (_error(output, target, bound, squared, spectrum) for output in (y_c, y))
    return gamma * coarse + (1 - gamma) * final


def _error(
    y: Tensor, target: Tensor, bound: float | None, squared: bool, spectrum: float
) -> Tensor:
    if squared:
        return _bounded(mse_loss(y, target, reduction="none"), bound and bound**2)
    error = _bounded(l1_loss(y, target, reduction="none"), bound)
    if spectrum:
        amplitudes = l1_loss(_amplitudes(y), _amplitudes(target), reduction="none")
        height, width = y.shape[2:]
        error = error + spectrum * math.sqrt(height * width) * _bounded(amplitudes, bound)
    return error


def _bounded(errors: Tensor, bound: float | None) -> Tensor:
    """Return the mean of errors, (N, …), after the bound has been applied to each crop's mean."""
    if bound is None:
        return errors.mean()
    of_crops = errors.flatten(1).mean(1)
    beyond = bound * (of_crops.clamp(min=bound) / bound).log()
    return (of_crops.clamp(max=bound) + beyond).mean()


def _amplitudes(images: Tensor) -> Tensor:
    """Return the amplitudes, (N, 3, H, W // 2 + 1), whose mean is of the size of the pixels'."""
    amplitudes: Tensor = torch.fft.rfft2(images.float(), norm="ortho").abs()
    return amplitudes
