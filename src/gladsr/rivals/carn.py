"""CARN (Ahn, Kang and Sohn, "Fast, accurate, and lightweight … with cascading residual network").

The names of the modules are those of the authors' release, so that its weights fit.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

FEATURES = 64
MEAN = (0.4488, 0.4371, 0.4040)  # of DIV2K, in RGB


class MeanShift(nn.Module):
    """Adds ``sign`` times the mean colour; a frozen convolution, as the release has it."""

    def __init__(self, sign: int) -> None:
        super().__init__()
        self.shifter = nn.Conv2d(3, 3, 1)
        self.shifter.weight.data = torch.eye(3)[:, :, None, None]
        self.shifter.bias = nn.Parameter(sign * torch.tensor(MEAN))
        self.requires_grad_(requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the shifted picture, of the same shape."""
        shifted: Tensor = self.shifter(x)
        return shifted


class ResidualBlock(nn.Module):
    """Two convolutions around an identity, and a ReLU after the sum."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(FEATURES, FEATURES, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(FEATURES, FEATURES, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape."""
        return torch.relu(x + self.body(x))


class Fusion(nn.Module):
    """Conv 1×1 from ``parts`` times 64 channels to 64, and a ReLU."""

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(FEATURES * parts, FEATURES, 1), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, 64, h, w)."""
        fused: Tensor = self.body(x)
        return fused


class Cascade(nn.Module):
    """Three parts, each followed by a Conv 1×1 over the input and all parts' outputs so far."""

    def __init__(self, part: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.b1, self.b2, self.b3 = part(), part(), part()
        self.c1, self.c2, self.c3 = Fusion(2), Fusion(3), Fusion(4)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, 64, h, w) of the same shape."""
        seen = x
        for part, fusion in ((self.b1, self.c1), (self.b2, self.c2), (self.b3, self.c3)):
            seen = torch.cat([seen, part(x)], 1)
            x = fusion(seen)
        return x


class Upsample(nn.Module):
    """The sub-pixel upsamplers of all three scales: CARN is one network for all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.up2 = self._shuffled(2)
        self.up3 = self._shuffled(3)
        self.up4 = self._shuffled(2, 2)

    @staticmethod
    def _shuffled(*factors: int) -> "nn.Module":
        body = list[nn.Module]()
        for factor in factors:
            body += [
                nn.Conv2d(FEATURES, FEATURES * factor**2, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.PixelShuffle(factor),
            ]
        return nn.ModuleDict({"body": nn.Sequential(*body)})

    def forward(self, x: Tensor, scale: int) -> Tensor:
        """Return (N, 64, s·h, s·w) of (N, 64, h, w)."""
        upsampled: Tensor = getattr(self, f"up{scale}")["body"](x)
        return upsampled


class Carn(Cascade):
    """CARN: a cascade of three cascades of three residual blocks."""

    def __init__(self, scale: int) -> None:
        super().__init__(lambda: Cascade(ResidualBlock))
        self.scale = scale
        self.sub_mean = MeanShift(-1)
        self.add_mean = MeanShift(1)
        self.entry = nn.Conv2d(3, FEATURES, 3, padding=1)
        self.upsample = Upsample()
        self.exit = nn.Conv2d(FEATURES, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Upscale RGB in [0, 1], (N, 3, h, w), to (N, 3, s·h, s·w)."""
        features = super().forward(self.entry(self.sub_mean(x)))
        upscaled: Tensor = self.add_mean(self.exit(self.upsample(features, self.scale)))
        return upscaled
