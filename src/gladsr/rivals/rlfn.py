"""RLFN (Kong et al., "Residual Local Feature Network for Efficient Super-Resolution", 2022).

A newer rival than those of the paper. The names of the modules are those of the authors' release,
so that its weights fit.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d, pixel_shuffle

FEATURES = 52
ATTENTION = 16
SLOPE = 0.05
WHITE = 255.0  # the release was trained on RGB in [0, 255]


class EnhancedSpatialAttention(nn.Module):
    """ESA: a mask for every channel and pixel, from a view at a sixth of the size."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(FEATURES, ATTENTION, 1)
        self.conv_f = nn.Conv2d(ATTENTION, ATTENTION, 1)
        self.conv2 = nn.Conv2d(ATTENTION, ATTENTION, 3, stride=2)
        self.conv3 = nn.Conv2d(ATTENTION, ATTENTION, 3, padding=1)
        self.conv4 = nn.Conv2d(ATTENTION, FEATURES, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return x, (N, 52, h, w), times its mask; h and w of 15 or more."""
        c1 = self.conv1(x)
        pooled = max_pool2d(self.conv2(c1), 7, stride=3)
        wide = interpolate(
            self.conv3(pooled), size=c1.shape[2:], mode="bilinear", align_corners=False
        )
        return x * torch.sigmoid(self.conv4(wide + self.conv_f(c1)))


class ResidualLocalFeatureBlock(nn.Module):
    """RLFB: three convolutions around an identity, a Conv 1×1 and an ESA."""

    def __init__(self) -> None:
        super().__init__()
        self.c1_r = nn.Conv2d(FEATURES, FEATURES, 3, padding=1)
        self.c2_r = nn.Conv2d(FEATURES, FEATURES, 3, padding=1)
        self.c3_r = nn.Conv2d(FEATURES, FEATURES, 3, padding=1)
        self.c5 = nn.Conv2d(FEATURES, FEATURES, 1)
        self.esa = EnhancedSpatialAttention()
        self.activation = nn.LeakyReLU(SLOPE, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return features, (N, 52, h, w), of features of the same shape."""
        features = x
        for layer in (self.c1_r, self.c2_r, self.c3_r):
            features = self.activation(layer(features))
        attended: Tensor = self.esa(self.c5(features + x))
        return attended


class Rlfn(nn.Module):
    """RLFN: six RLFBs with a skip around them, then a sub-pixel convolution."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.conv_1 = nn.Conv2d(3, FEATURES, 3, padding=1)
        for number in range(1, 7):
            self.add_module(f"block_{number}", ResidualLocalFeatureBlock())
        self.conv_2 = nn.Conv2d(FEATURES, FEATURES, 3, padding=1)
        self.upsampler = nn.Sequential(nn.Conv2d(FEATURES, 3 * scale**2, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Upscale RGB in [0, 1], (N, 3, h, w), to (N, 3, s·h, s·w); h and w of 15 or more."""
        shallow = self.conv_1(WHITE * x)
        features = shallow
        for number in range(1, 7):
            features = self.get_submodule(f"block_{number}")(features)
        return pixel_shuffle(self.upsampler(self.conv_2(features) + shallow), self.scale) / WHITE
