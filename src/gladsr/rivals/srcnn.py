"""SRCNN (Dong, Loy, He and Tang, "Image super-resolution using deep convolutional networks")."""

from torch import Tensor, nn

from gladsr.rivals.luminance import LuminanceNetwork


class Srcnn(LuminanceNetwork):
    """SRCNN 9-5-5, the setting that its paper scores: n1 = 64, n2 = 32, on the upscaled Y."""

    def __init__(self, scale: int) -> None:
        super().__init__(scale)
        self.layers = nn.Sequential(
            nn.Conv2d(1, 64, 9, padding=4),
            nn.ReLU(inplace=True),
            nn.Conv2d(64, 32, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, 1, 5, padding=2),
        )

    def upscale(self, y: Tensor, y_up: Tensor) -> Tensor:  # noqa: ARG002 - its input is y_up
        """Return the upscaled Y."""
        upscaled: Tensor = self.layers(y_up)
        return upscaled
