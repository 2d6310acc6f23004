"""FSRCNN (Dong, Loy and Tang, "Accelerating the super-resolution convolutional neural network")."""

from itertools import chain

from torch import Tensor, nn

from gladsr.rivals.luminance import LuminanceNetwork


class Fsrcnn(LuminanceNetwork):
    """FSRCNN (56, 12, 4): d = 56 features, shrunk to s = 12 for m = 4 mapping layers."""

    def __init__(self, scale: int) -> None:
        super().__init__(scale)
        features, shrunk, mappings = 56, 12, 4
        layers = [
            nn.Conv2d(1, features, 5, padding=2),
            nn.Conv2d(features, shrunk, 1),
            *(nn.Conv2d(shrunk, shrunk, 3, padding=1) for _ in range(mappings)),
            nn.Conv2d(shrunk, features, 1),
        ]
        self.layers = nn.Sequential(
            *chain.from_iterable((layer, nn.PReLU(layer.out_channels)) for layer in layers)
        )
        self.deconvolution = nn.ConvTranspose2d(
            features, 1, 9, stride=scale, padding=4, output_padding=scale - 1
        )

    def upscale(self, y: Tensor, y_up: Tensor) -> Tensor:  # noqa: ARG002 - its input is y
        """Return the upscaled Y."""
        upscaled: Tensor = self.deconvolution(self.layers(y))
        return upscaled
