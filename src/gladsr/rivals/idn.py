"""IDN (Hui, Wang and Gao, "Fast and accurate single image super-resolution via … distillation")."""

from typing import Final

import torch
from torch import Tensor, nn

from gladsr.rivals.luminance import LuminanceNetwork

FEATURES: Final = 64
DIFFERENCE: Final = 16  # d: by how much the layers of a block differ in width
KEPT: Final = FEATURES // 4  # 1/s of the first three layers' output, kept for the block's end
GROUPS: Final = 4  # of the second and the fifth layer
SLOPE: Final = 0.05


def _layer(inputs: int, outputs: int, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, groups=groups),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


class DistillationBlock(nn.Module):
    """DBlock: an enhancement unit of six layers and a compression unit of one."""

    def __init__(self) -> None:
        super().__init__()
        wide, narrow, narrower = FEATURES + DIFFERENCE, FEATURES - DIFFERENCE, FEATURES // 2
        self.short_path = nn.Sequential(
            _layer(FEATURES, narrow), _layer(narrow, narrower, GROUPS), _layer(narrower, FEATURES)
        )
        self.long_path = nn.Sequential(
            _layer(FEATURES - KEPT, FEATURES),
            _layer(FEATURES, narrow, GROUPS),
            _layer(narrow, wide),
        )
        self.compress = nn.Sequential(
            nn.Conv2d(wide, FEATURES, 1), nn.LeakyReLU(SLOPE, inplace=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return features, (N, 64, h, w), of features of the same shape."""
        kept, passed = self.short_path(x).split([KEPT, FEATURES - KEPT], dim=1)
        enhanced = self.long_path(passed) + torch.cat([kept, x], 1)
        compressed: Tensor = self.compress(enhanced)
        return compressed


class Idn(LuminanceNetwork):
    """IDN: two convolutions, four DBlocks, and a deconvolution of 17×17 added to the bicubic."""

    def __init__(self, scale: int) -> None:
        super().__init__(scale)
        self.features = nn.Sequential(
            _layer(1, FEATURES),
            _layer(FEATURES, FEATURES),
            *(DistillationBlock() for _ in range(4)),
        )
        self.deconvolution = nn.ConvTranspose2d(
            FEATURES, 1, 17, stride=scale, padding=8, output_padding=scale - 1
        )

    def upscale(self, y: Tensor, y_up: Tensor) -> Tensor:
        """Return the upscaled Y."""
        residual: Tensor = self.deconvolution(self.features(y))
        return y_up + residual
