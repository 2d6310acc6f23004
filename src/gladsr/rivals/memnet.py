"""MemNet (Tai, Yang, Liu and Xu, "MemNet: a persistent memory network for image restoration")."""

import torch
from torch import Tensor, nn

from gladsr.rivals.luminance import LuminanceNetwork

FEATURES = 64
BLOCKS = 6
RECURSIONS = 6


class PreActivated(nn.Sequential):
    """Batch normalisation, ReLU and a convolution without a bias, in this order."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(
            nn.BatchNorm2d(inputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        )


class MemoryBlock(nn.Module):
    """A residual block that is applied repeatedly, and a gate over all of its outputs.

    Args:
        earlier: The number of long-term memories that reach the gate.
    """

    def __init__(self, earlier: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            PreActivated(FEATURES, FEATURES, 3), PreActivated(FEATURES, FEATURES, 3)
        )
        self.gate = PreActivated(FEATURES * (RECURSIONS + earlier), FEATURES, 1)

    def forward(self, memories: list[Tensor]) -> Tensor:
        """Return the next memory, (N, 64, H, W), of the earlier ones, oldest first."""
        state, short_term = memories[-1], list[Tensor]()
        for _ in range(RECURSIONS):
            state = state + self.residual(state)
            short_term.append(state)
        gated: Tensor = self.gate(torch.cat(short_term + memories, 1))
        return gated


class MemNet(LuminanceNetwork):
    """MemNet M6R6 with its multi-supervised output: a weighted mean over the memory blocks."""

    def __init__(self, scale: int) -> None:
        super().__init__(scale)
        self.extract = PreActivated(1, FEATURES, 3)
        self.blocks = nn.ModuleList(MemoryBlock(earlier + 1) for earlier in range(BLOCKS))
        self.reconstruct = PreActivated(FEATURES, 1, 3)
        self.ensemble = nn.Parameter(torch.full((BLOCKS,), 1 / BLOCKS))

    def upscale(self, y: Tensor, y_up: Tensor) -> Tensor:  # noqa: ARG002 - its input is y_up
        """Return the upscaled Y."""
        memories = [self.extract(y_up)]
        for block in self.blocks:
            memories.append(block(memories))
        residual = torch.zeros_like(y_up)
        for weight, memory in zip(self.ensemble, memories[1:], strict=True):
            residual = residual + weight * self.reconstruct(memory)
        return y_up * self.ensemble.sum() + residual
