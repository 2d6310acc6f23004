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
STEP_SIZE = 0.4  # root mean square of a step, relative to the learning rate; twice Adam's


class Muon(Adam):
    """Muon for a network's hidden convolutions and Adam for everything else, at one learning rate.

    Adam trains the first and the last layers, the deconvolution, the masks' convolutions to a
    single channel, and all parameters that are not matrices. A step uses up the gradients of the
    hidden convolutions: they are None afterwards.

    Args:
        network: The network to be trained.
        learning_rate: The learning rate of both.
        betas: Adam's β1 and β2.
        weight_decay: Weight decay per step of the hidden convolutions, relative to the learning
            rate.
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
        learning_rate = self.param_groups[1]["lr"]
        weights = [weight for weight in self.param_groups[1]["params"] if weight.grad is not None]
        if weights:
            directions = self._momentum(weights)
            torch._foreach_mul_(weights, 1 - learning_rate * self._weight_decay)
            alike = defaultdict[tuple[int, int], list[int]](list)
            for index, weight in enumerate(weights):
                alike[len(weight), weight[0].numel()].append(index)
            for shape, indices in alike.items():
                matrices = torch.stack([directions[index].reshape(shape) for index in indices])
                size = learning_rate * STEP_SIZE * max(shape) ** 0.5
                for index, matrix in zip(indices, orthogonal(matrices), strict=True):
                    weights[index].sub_(matrix.reshape(weights[index].shape), alpha=size)
            for weight in weights:
                weight.grad = None
        return super().step(closure)  # of the parameters that still have gradients

    def _momentum(self, weights: list[Tensor]) -> list[Tensor]:
        """Return Nesterov's momentum of weights that have gradients."""
        gradients, momenta = [], []
        for weight in weights:
            state = self.state[weight]
            if not state:
                state["step"] = torch.zeros(())  # Adam expects one when a checkpoint is loaded
                state["momentum"] = torch.zeros_like(weight)
            momenta.append(state["momentum"])
            assert weight.grad is not None  # noqa: S101 - for the type checker; `step` has checked
            gradients.append(weight.grad)
        torch._foreach_lerp_(momenta, gradients, 1 - MOMENTUM)
        return list(torch._foreach_lerp(gradients, momenta, MOMENTUM))  # noqa: SLF001 - PyTorch's own name


def hidden_convolutions(network: Gladsr) -> Iterable[Tensor]:
    """Yield the weights of all convolutions within the nested dense groups and the pyramid."""
    for name, module in network.named_modules():
        inside = name.startswith(("ndg_c.", "ndg_f.", "upsampler.pyramid."))
        if isinstance(module, nn.Conv2d) and inside and module.out_channels > 1:
            yield module.weight


def orthogonal(matrices: Tensor) -> Tensor:
    """Return approximately the nearest orthogonal matrix U·Vᵀ of each matrix U·S·Vᵀ.

    Five Newton-Schulz iterations with Jordan's coefficients, which bring the singular values to
    about 0.7 to 1.2.

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
