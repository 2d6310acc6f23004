"""Muon: momentum made orthogonal, for weights that are matrices (Jordan et al. 2024).

K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; with the size of
a step as in J. Liu et al., "Muon is scalable for LLM training", 2025.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

from gladsr.network import Gladsr

MOMENTUM = 0.95
STEP_SIZE = 0.4  # root mean square of what a step changes, of the learning rate; twice Adam's


class Muon(Adam):
    """Muon for a network's hidden convolutions and Adam for all else, with one learning rate.

    Adam has the first and the last layers, the deconvolution, whose weights map no channels onto
    channels of one kind, the masks' convolutions to a single channel, and all that is no matrix.

    Args:
        network: to be trained.
        learning_rate: of both.
        betas: Adam's β1 and β2.
        weight_decay: what the convolutions lose in a step, in parts of the learning rate.
    """

    def __init__(
        self,
        network: Gladsr,
        learning_rate: float,
        betas: tuple[float, float],
        weight_decay: float = 0.0,
    ) -> None:
        matrices = list(hidden_convolutions(network))
        known = {id(matrix) for matrix in matrices}
        others = [weight for weight in network.parameters() if id(weight) not in known]
        groups: list[dict[str, Any]] = [{"params": others}, {"params": matrices}]
        super().__init__(groups, learning_rate, betas)
        self._weight_decay = weight_decay

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Take one step with the present gradients."""
        matrices = self.param_groups[1]
        alike = defaultdict[tuple[int, int], list[Tensor]](list)
        for weight in matrices["params"]:
            if weight.grad is not None:
                alike[len(weight), weight[0].numel()].append(weight)
        for shape, weights in alike.items():
            self._step_orthogonal(weights, shape, matrices["lr"])
        return super().step(closure)  # of the weights whose gradients are left

    def _step_orthogonal(
        self, weights: list[Tensor], shape: tuple[int, int], learning_rate: float
    ) -> None:
        directions = torch.stack([self._momentum(weight).reshape(shape) for weight in weights])
        size = learning_rate * STEP_SIZE * max(shape) ** 0.5
        for weight, direction in zip(weights, orthogonal(directions), strict=True):
            weight.mul_(1 - learning_rate * self._weight_decay)
            weight.sub_(direction.reshape(weight.shape), alpha=size)
            weight.grad = None

    def _momentum(self, weight: Tensor) -> Tensor:
        """Return Nesterov's momentum."""
        gradient, state = weight.grad, self.state[weight]
        assert gradient is not None  # noqa: S101 - tells the type checker; `step` has looked
        if not state:
            state["step"] = torch.zeros(())  # Adam looks for one when a checkpoint is loaded
            state["momentum"] = torch.zeros_like(weight)
        momentum: Tensor = state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        return gradient.lerp(momentum, MOMENTUM)


def hidden_convolutions(network: Gladsr) -> Iterable[Tensor]:
    """Give the weights of all convolutions within the nested dense groups and the pyramid."""
    for name, module in network.named_modules():
        inside = name.startswith(("ndg_c.", "ndg_f.", "upsampler.pyramid."))
        if isinstance(module, nn.Conv2d) and inside and module.out_channels > 1:
            yield module.weight


def orthogonal(matrices: Tensor) -> Tensor:
    """Return about the nearest orthogonal matrix of each: U·Vᵀ, where U·S·Vᵀ is the matrix.

    Five iterations of Newton and Schulz with Jordan's coefficients, which leave the singular values
    between 0.7 and 1.2 or so, all that is needed here.

    Args:
        matrices: (n, rows, columns).

    Example:
        >>> near = orthogonal(torch.randn(1, 8, 16))[0]
        >>> values = torch.linalg.svdvals(near)
        >>> bool(values.min() > 0.5), bool(values.max() < 1.3)
        (True, True)
    """
    tall = matrices.shape[1] > matrices.shape[2]
    x: Tensor = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.mT if tall else x
