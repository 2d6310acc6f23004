"""The training loss (Eq. 5)."""

from torch import Tensor
from torch.nn.functional import l1_loss


def stagewise_l1(y_c: Tensor, y: Tensor, target: Tensor, gamma: float) -> Tensor:
    """Return γ·L1(y_c) + (1 - γ)·L1(y), the mean absolute errors of both outputs (Eq. 5).

    Args:
        y_c: coarse output, (N, 3, H, W).
        y: final output, of the same shape.
        target: HR pictures, of the same shape.
        gamma: γ in [0, 1].

    Example:
        >>> import torch
        >>> zeros, ones = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
        >>> stagewise_l1(zeros, ones, ones, gamma=0.25).item()
        0.25
    """
    return gamma * l1_loss(y_c, target) + (1 - gamma) * l1_loss(y, target)
