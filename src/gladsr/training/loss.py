"""The training loss (Eq. 5)."""

from torch import Tensor
from torch.nn.functional import l1_loss


def stagewise_l1(
    y_c: Tensor, y: Tensor, target: Tensor, gamma: float, bound: float | None = None
) -> Tensor:
    """Return γ·L1(y_c) + (1 - γ)·L1(y), the mean absolute errors of both outputs (Eq. 5).

    Args:
        y_c: coarse output, (N, 3, H, W).
        y: final output, of the same shape.
        target: HR pictures, of the same shape.
        gamma: γ in [0, 1].
        bound: What of a crop's error e goes beyond it counts by its logarithm, as bound·ln(e /
            bound): a crop that the network answers with values far too large then does not rule the
            gradient. Nothing does if None, as in the paper.

    Example:
        >>> import torch
        >>> zeros, ones = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
        >>> stagewise_l1(zeros, ones, ones, gamma=0.25).item()
        0.25
    """
    return gamma * _l1(y_c, target, bound) + (1 - gamma) * _l1(y, target, bound)


def _l1(y: Tensor, target: Tensor, bound: float | None) -> Tensor:
    if bound is None:
        return l1_loss(y, target)
    errors = l1_loss(y, target, reduction="none").mean(dim=(1, 2, 3))
    beyond = bound * (errors.clamp(min=bound) / bound).log()
    return (errors.clamp(max=bound) + beyond).mean()
