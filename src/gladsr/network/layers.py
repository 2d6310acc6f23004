"""The layers of GLADSR, in the paper's order and with its names (Section III).

Shapes are (N, C, h, w) for features at the input's size and (N, C, s·h, s·w) after the upsampler.
All convolutions have a bias and zero padding that keeps the size.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d

from gladsr.network.config import GladsrConfig

RELU_GAIN = math.sqrt(2)
SIGMOID_GATE_GAIN = 2.0


def conv(
    inputs: int, outputs: int, kernel: int, *, dilation: int = 1, gain: float = 1.0
) -> nn.Conv2d:
    """Return a convolution that keeps height and width.

    Its bias is initialised to zero and its weights to a normal distribution with which the output's
    variance is ``gain²`` times the input's mean square (He et al. 2015). ``RELU_GAIN`` compensates
    for a ReLU before the layer, ``SIGMOID_GATE_GAIN`` for a sigmoid gate after it, which initially
    halves its input; without them, hardly any signal reaches the refine net.
    """
    padding = dilation * (kernel // 2)
    layer = nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation)
    nn.init.normal_(layer.weight, std=gain / math.sqrt(inputs * kernel**2))
    layer.bias = nn.Parameter(torch.zeros(outputs))
    return layer


class WideActivationUnit(nn.Sequential):
    """WAU: widen by τ, activate, narrow, then a 3×3 convolution (Section III-C, Fig. 4a)."""

    def __init__(self, config: GladsrConfig, inputs: int) -> None:
        wide = config.expansion * config.growth
        super().__init__()
        self.wide = conv(inputs, wide, 1)
        self.activation = nn.ReLU(inplace=True)
        gate = SIGMOID_GATE_GAIN if config.csu else 1.0
        self.downward = conv(wide, config.growth, 1, gain=RELU_GAIN)
        self.mapping = conv(config.growth, config.growth, 3, gain=gate)


class ChannelSelectiveUnit(nn.Module):
    """CSU: a weight R_c in (0, 1) for each channel, from the channels' means (Eq. 8)."""

    def __init__(self, config: GladsrConfig) -> None:
        super().__init__()
        hidden = config.growth // config.reduction
        self.encode = conv(config.growth, hidden, 1)
        self.activation = nn.LeakyReLU(config.slope, inplace=True)
        self.decode = conv(hidden, config.growth, 1, gain=RELU_GAIN)
        self.sigmoid = nn.Sigmoid()

    def weights(self, u: Tensor) -> Tensor:
        """Return R_c, (N, K, 1, 1), for the WAU's output u, (N, K, h, w)."""
        means = u.mean((2, 3), keepdim=True)
        r_c: Tensor = self.sigmoid(self.decode(self.activation(self.encode(means))))
        return r_c

    def forward(self, u: Tensor) -> Tensor:
        """Return u times R_c."""
        return u * self.weights(u)


class LocalSelectiveBlock(nn.Sequential):
    """LSB: a WAU, then a CSU; (N, ``inputs``, h, w) to (N, K, h, w) (Eq. 6)."""

    def __init__(self, config: GladsrConfig, inputs: int) -> None:
        super().__init__()
        self.wau = WideActivationUnit(config, inputs)
        if config.csu:
            self.csu = ChannelSelectiveUnit(config)


class SpatialGuidedUnit(nn.Sequential):
    """SGU: the guided mask R_s, (N, 1, h, w) in (0, 1), one for all channels (Eq. 9)."""

    def __init__(self, config: GladsrConfig, inputs: int) -> None:
        super().__init__()
        self.trans = conv(inputs, config.growth, 1)
        self.activation = nn.LeakyReLU(config.slope, inplace=True)
        self.mask = conv(config.growth, config.mask_channels, 3, gain=RELU_GAIN)
        self.sigmoid = nn.Sigmoid()


class GlobalGuidedBlock(nn.Module):
    """GGB: compress all features of a GLAM and multiply them by a mask (Eq. 7, Fig. 4b)."""

    def __init__(self, config: GladsrConfig, inputs: int) -> None:
        super().__init__()
        gate = SIGMOID_GATE_GAIN if config.sgu else 1.0
        self.compress = conv(inputs, config.growth, 1, gain=gate)
        self.sgu = SpatialGuidedUnit(config, inputs) if config.sgu else None

    def forward(self, features: Tensor) -> Tensor:
        """Return D_g, (N, K0, h, w), from [W_0 … W_B]."""
        compressed: Tensor = self.compress(features)
        return compressed if self.sgu is None else compressed * self.sgu(features)


class GlobalLocalAdjustingModule(nn.Module):
    """GLAM: B densely connected LSBs fused by a GGB (Section III-C)."""

    def __init__(self, config: GladsrConfig, inputs: int) -> None:
        super().__init__()
        growth = config.growth
        self.squeeze = conv(inputs, growth, 1)
        self.lsbs = nn.ModuleList(
            LocalSelectiveBlock(config, growth * d) for d in range(1, config.lsbs + 1)
        )
        self.ggb = GlobalGuidedBlock(config, growth * (config.lsbs + 1))

    def forward(self, features: Tensor) -> Tensor:
        """Return D_g, (N, K0, h, w), from [D_0 … D_(g-1)]."""
        dense = self.squeeze(features)  # W_0
        for lsb in self.lsbs:
            dense = torch.cat([dense, lsb(dense)], 1)  # [W_0 … W_d]
        output: Tensor = self.ggb(dense)
        return output


class NestedDenseGroup(nn.Module):
    """NDG: G GLAMs with nested dense connections and a bottleneck (Section III-B, Fig. 3)."""

    def __init__(self, config: GladsrConfig) -> None:
        super().__init__()
        self.nested_dense = config.nested_dense
        self.bottleneck_sees_input = config.bottleneck_sees_input
        self.residual = config.ndg_residual
        features, growth, glams = config.features, config.growth, config.glams
        self.glams = nn.ModuleList(
            GlobalLocalAdjustingModule(
                config,
                features + growth * g if config.nested_dense or g == 0 else growth,
            )
            for g in range(glams)
        )
        fused = growth * glams + (features if config.bottleneck_sees_input else 0)
        self.bottleneck = conv(fused, features, 1)

    def forward(self, d0: Tensor) -> Tensor:
        """Return F_c or F_f, (N, 64, h, w), from D_0, (N, 64, h, w)."""
        outputs = [d0]
        for glam in self.glams:
            outputs.append(glam(torch.cat(outputs, 1) if self.nested_dense else outputs[-1]))
        seen = outputs if self.bottleneck_sees_input else outputs[1:]
        fused: Tensor = self.bottleneck(torch.cat(seen, 1))
        return fused + d0 if self.residual else fused


DECONVOLUTION_KERNEL = {2: 4, 3: 7, 4: 8}
GROUPS = 4  # ρ of Section III-D
DIMENSION_REDUCTION = 4  # d of Section III-D
SAMPLING_RATES = (2, 4)  # dilations of the pyramid (Section IV-B)


class Deconvolution(nn.Module):
    """A deconvolution whose output has exactly ``scale`` times the height and width.

    The bias is added separately, since with one oneDNN's bfloat16 deconvolution takes ten times as
    long.
    """

    def __init__(self, inputs: int, outputs: int, scale: int, *, groups: int = 1) -> None:
        super().__init__()
        kernel = DECONVOLUTION_KERNEL[scale]
        self.scale = scale
        self.padding = (kernel - scale) // 2
        self.groups = groups
        self.weight = nn.Parameter(torch.empty(inputs, outputs // groups, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        fan_in = inputs // groups * (kernel / scale) ** 2
        nn.init.normal_(self.weight, std=1 / math.sqrt(fan_in))

    def forward(self, x: Tensor) -> Tensor:
        """Upscale (N, ``inputs``, h, w) to (N, ``outputs``, s·h, s·w)."""
        up = conv_transpose2d(
            x, self.weight, stride=self.scale, padding=self.padding, groups=self.groups
        )
        return up + self.bias.to(up.dtype)[:, None, None]


class SeparablePyramidUpsampling(nn.Module):
    """SPU: a grouped deconvolution to fewer channels, then a pyramid of dilated convolutions.

    Section III-D, Fig. 5c.
    """

    def __init__(self, config: GladsrConfig) -> None:
        super().__init__()
        reduced = config.features // DIMENSION_REDUCTION
        self.deconv = Deconvolution(config.features, reduced, config.scale, groups=GROUPS)
        self.pyramid = nn.ModuleList(
            [conv(reduced, reduced // 2, 3, dilation=rate) for rate in SAMPLING_RATES]
            + [conv(reduced, reduced // 2, 1)]
        )

    def forward(self, features: Tensor) -> Tensor:
        """Upscale (N, 64, h, w) to (N, 24, s·h, s·w)."""
        up: Tensor = self.deconv(features)
        return torch.cat([level(up) for level in self.pyramid], 1)


def upsampler(config: GladsrConfig) -> tuple[nn.Module, int]:
    """Return the upsampler of a configuration (Table IV) and the channels of its output."""
    features, scale = config.features, config.scale
    pyramid = (len(SAMPLING_RATES) + 1) * (features // DIMENSION_REDUCTION // 2)
    if config.upsampler == "deconvolution":
        return Deconvolution(features, features, scale), features
    if config.upsampler == "sub-pixel":
        wide = conv(features, pyramid * scale**2, 3)
        return nn.Sequential(wide, nn.PixelShuffle(scale)), pyramid
    if config.upsampler == "separable":
        grouped = Deconvolution(features, features, scale, groups=GROUPS)
        return nn.Sequential(grouped, conv(features, features, 1)), features
    return SeparablePyramidUpsampling(config), pyramid
