"""The base of networks for the luminance alone."""

from abc import ABC, abstractmethod

from torch import Tensor, nn
from torch.nn.functional import interpolate

from gladsr.pictures.colour import BLACK, WEIGHTS

# For RGB and Y in [0, 1], which the field trains such networks on.
_WEIGHTS = tuple(weight / 255 for weight in WEIGHTS)
_BLACK = BLACK / 255


def luminance(x: Tensor) -> Tensor:
    """Return Y of BT.601, (N, 1, h, w) in [16/255, 235/255], of RGB in [0, 1], (N, 3, h, w).

    Example:
        >>> import torch
        >>> luminance(torch.ones(1, 3, 1, 1)).mul(255).round().item()
        235.0
    """
    red, green, blue = x[:, 0:1], x[:, 1:2], x[:, 2:3]
    return _BLACK + _WEIGHTS[0] * red + _WEIGHTS[1] * green + _WEIGHTS[2] * blue


class LuminanceNetwork(nn.Module, ABC):
    """A network that upscales Y; the two colour differences are upscaled by bicubic.

    Changing Y alone adds the same to red, green and blue, so there is no need to convert colours.
    """

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    @abstractmethod
    def upscale(self, y: Tensor, y_up: Tensor) -> Tensor:
        """Return the upscaled Y, (N, 1, s·h, s·w), of Y, (N, 1, h, w), and its bicubic upscale."""

    def forward(self, x: Tensor) -> Tensor:
        """Upscale RGB in [0, 1], (N, 3, h, w), to (N, 3, s·h, s·w)."""
        # With `antialias`, PyTorch's bicubic has the kernel of MATLAB's: a = -0.5.
        x_up = interpolate(x, scale_factor=self.scale, mode="bicubic", antialias=True)
        y_up = luminance(x_up)
        return x_up + (self.upscale(luminance(x), y_up) - y_up) / sum(_WEIGHTS)
