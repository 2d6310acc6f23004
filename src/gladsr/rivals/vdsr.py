"""VDSR (Kim, Lee and Lee, "Accurate image super-resolution using very deep … networks")."""

from torch import Tensor, nn

from gladsr.rivals.luminance import LuminanceNetwork


class Vdsr(LuminanceNetwork):
    """VDSR: 20 layers of 64 features on the upscaled Y, to which their output is added."""

    def __init__(self, scale: int) -> None:
        super().__init__(scale)
        layers: list[nn.Module] = [nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(18):
            layers += [nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(64, 1, 3, padding=1))

    def upscale(self, y: Tensor, y_up: Tensor) -> Tensor:  # noqa: ARG002 - its input is y_up
        """Return the upscaled Y."""
        residual: Tensor = self.layers(y_up)
        return y_up + residual
