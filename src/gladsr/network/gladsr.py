"""GLADSR, the global-local adjusting dense network (Section III-A, Fig. 2)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from gladsr.network.config import GladsrConfig
from gladsr.network.layers import NestedDenseGroup, conv, upsampler


class Gladsr(nn.Module):
    """GLADSR and its variants.

    No mean is subtracted from the input: α·x_up carries it, and the mean of the residual images is
    close to zero. Weights are initialised as described in ``layers.conv``, those of the gating
    layers to zero, so that the output of an untrained network is the bicubic upscale.

    Example:
        >>> network = Gladsr(GladsrConfig(scale=3))
        >>> coarse, fine = network(torch.rand(1, 3, 5, 7))
        >>> fine.shape
        torch.Size([1, 3, 15, 21])
    """

    def __init__(self, config: GladsrConfig) -> None:
        super().__init__()
        self.config = config
        self.fenet = conv(3, config.features, 3)
        self.ndg_c = NestedDenseGroup(config)
        self.ndg_f = NestedDenseGroup(config)
        self.upsampler, channels = upsampler(config)  # shared by the basic and the refine net
        self.re_c = conv(channels, 3, 3, gain=0.0) if config.coarse_output else None
        self.re_f = conv(channels, 3, 3, gain=0.0)
        self.alpha = nn.Parameter(torch.ones(()))
        self.beta = nn.Parameter(torch.ones(()))

    def upscale_bicubic(self, x: Tensor) -> Tensor:
        """Return x_up, by PyTorch's bicubic (a = -0.75, half-pixel centres)."""
        return interpolate(x, scale_factor=self.config.scale, mode="bicubic")

    def coarse(self, x: Tensor) -> Tensor:
        """Return y_c alone (Eq. 3), without computing the refine net.

        Args:
            x: LR pictures, (N, 3, h, w), RGB in [0, 1]; h and w of 1 or more.

        Raises:
            ValueError: The network has no coarse output.
        """
        return self._coarse(self.alpha * self.upscale_bicubic(x), self.ndg_c(self.fenet(x)))

    def _coarse(self, x_up: Tensor, f_c: Tensor) -> Tensor:
        if self.re_c is None:
            raise ValueError("GLADSR-nr has no coarse output")
        y_c: Tensor = x_up + self.beta * self.re_c(self.upsampler(f_c))  # Eq. 3
        return y_c

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Upscale.

        Args:
            x: LR pictures, (N, 3, h, w), RGB in [0, 1]; h and w of 1 or more.

        Returns:
            y_c and y, the coarse and the final output (Eq. 3 and 4), each (N, 3, s·h, s·w) and not
            clipped. GLADSR-nr has no coarse output and returns y twice.
        """
        x_up = self.alpha * self.upscale_bicubic(x)
        f_c = self.ndg_c(self.fenet(x))  # Eq. 1
        f_f = self.ndg_f(f_c)  # Eq. 2
        fine = self.beta * self.re_f(self.upsampler(f_f))
        if self.re_c is None:
            y = x_up + fine
            return y, y
        y_c = self._coarse(x_up, f_c)
        return y_c, y_c + fine  # Eq. 4
