"""The same function as `Gladsr`, rearranged for speed; docs/speed.md has the gains.

Dense connections: a convolution of a concatenation is the sum of convolutions of its parts.
Features are kept in blocks of `BLOCK` channels, which are never copied again.

The upsampler: after the nested dense groups, the network is linear: a deconvolution, a pyramid and
a gating layer. Inside a picture, the three are one convolution of the features, whose outputs are
the s·s phases of the RGB residual. Along the picture's edges they are not, since each of the three
pads its input with zeros, whereas the output of the previous layer would not be zero there. A
narrow border is therefore computed layer by layer.
"""

import copy
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, pixel_shuffle, pixel_unshuffle

from gladsr.network.gladsr import Gladsr
from gladsr.network.layers import (
    DECONVOLUTION_KERNEL,
    SAMPLING_RATES,
    Deconvolution,
    GlobalGuidedBlock,
    GlobalLocalAdjustingModule,
    LocalSelectiveBlock,
    NestedDenseGroup,
    SeparablePyramidUpsampling,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

BLOCK = 64
HR_REACH = max(SAMPLING_RATES) + 1  # of the pyramid and the gating layer together, in HR pixels


def for_speed(network: Gladsr) -> nn.Module:
    """Return a faster module with the same function and the present weights of a network.

    A network with an upsampler other than the SPU is returned unchanged.

    Example:
        >>> from gladsr.network import GladsrConfig
        >>> network, x = Gladsr(GladsrConfig(glams=1, lsbs=2)), torch.rand(1, 3, 5, 7)
        >>> torch.allclose(for_speed(network)(x)[1], network(x)[1], atol=1e-5)
        True
    """
    return FastGladsr(network) if network.config.upsampler == "spu" else network


class FastGladsr(nn.Module):
    """A `Gladsr` with an SPU, for inference."""

    def __init__(self, network: Gladsr) -> None:
        super().__init__()
        self.network = network
        self.end_c = network.re_c and UpsamplingAsConvolution(network, network.re_c)
        self.end_f = UpsamplingAsConvolution(network, network.re_f)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Upscale; see `Gladsr.forward`."""
        network = self.network
        x_up = bicubic(network.alpha * x, network.config.scale)
        f_c = nested_dense_group(network.ndg_c, network.fenet(x))
        f_f = nested_dense_group(network.ndg_f, f_c)
        fine = self.end_f(f_f)
        if self.end_c is None:
            y = x_up + fine.image()
            return y, y
        coarse = self.end_c(f_c)
        return x_up + coarse.image(), x_up + coarse.plus(fine).image()


def conv_of_parts(layer: nn.Conv2d, parts: list[Tensor]) -> Tensor:
    """Return ``layer(torch.cat(parts, 1))`` without the concatenation."""
    first, *others = torch.split(layer.weight, [part.shape[1] for part in parts], 1)
    total = conv2d(parts[0], first, layer.bias)
    for part, weight in zip(parts[1:], others, strict=True):
        total = total + conv2d(part, weight)
    return total


def with_part(parts: list[Tensor], new: Tensor) -> list[Tensor]:
    """Return the parts of a concatenation with a new one, in blocks of `BLOCK` channels."""
    *full, last = parts
    if last.shape[1] >= BLOCK:
        return [*parts, new]
    return [*full, torch.cat([last, new], 1)]


def nested_dense_group(ndg: NestedDenseGroup, d0: Tensor) -> Tensor:
    """Return F_c or F_f, from D_0; see `NestedDenseGroup`."""
    outputs = [d0]
    for glam in cast("Iterable[GlobalLocalAdjustingModule]", ndg.glams):
        outputs.append(glam_of_parts(glam, outputs if ndg.nested_dense else outputs[-1:]))
    seen = outputs if ndg.bottleneck_sees_input else outputs[1:]
    fused = conv_of_parts(ndg.bottleneck, seen)
    return fused + d0 if ndg.residual else fused


def glam_of_parts(glam: GlobalLocalAdjustingModule, features: list[Tensor]) -> Tensor:
    """Return D_g, from the parts of [D_0 … D_(g-1)]; see `GlobalLocalAdjustingModule`."""
    dense = [conv_of_parts(glam.squeeze, features)]
    for lsb in cast("Iterable[LocalSelectiveBlock]", glam.lsbs):
        dense = with_part(dense, lsb_of_parts(lsb, dense))
    return ggb_of_parts(glam.ggb, dense)


def lsb_of_parts(lsb: LocalSelectiveBlock, dense: list[Tensor]) -> Tensor:
    """Return W_d, from the parts of [W_0 … W_(d-1)]; see `LocalSelectiveBlock`."""
    wau = lsb.wau
    u: Tensor = wau.mapping(wau.downward(wau.activation(conv_of_parts(wau.wide, dense))))
    return lsb.csu(u) if hasattr(lsb, "csu") else u


def ggb_of_parts(ggb: GlobalGuidedBlock, dense: list[Tensor]) -> Tensor:
    """Return D_g of the parts of [W_0 … W_B]; see `GlobalGuidedBlock`."""
    compressed = conv_of_parts(ggb.compress, dense)
    sgu = ggb.sgu
    if sgu is None:
        return compressed
    mask: Tensor = sgu.sigmoid(sgu.mask(sgu.activation(conv_of_parts(sgu.trans, dense))))
    return compressed * mask


def bicubic(x: Tensor, scale: int) -> Tensor:
    """Return PyTorch's bicubic upscale, computed as sums of shifted pictures.

    OpenVINO computes these in float32 even where it runs the rest in bfloat16, which is too coarse
    for a picture; its own bicubic resize is slower and does not.
    """
    centres = [(phase + 0.5) / scale - 0.5 for phase in range(scale)]
    taps = [[_cubic(at - centre) for at in range(-2, 3)] for centre in centres]
    height, width = x.shape[2:]
    x = pad(x, [2] * 4, mode="replicate")
    rows = [_weighted_sum(phase, [x.narrow(2, k, height) for k in range(5)]) for phase in taps]
    phases = [
        _weighted_sum(phase, [row.narrow(3, k, width) for k in range(5)])
        for row in rows
        for phase in taps
    ]
    return pixel_shuffle(torch.stack(phases, 2).flatten(1, 2), scale)


def _cubic(distance: float) -> float:
    """Return the weight of a pixel at a distance (Keys 1981, Eq. 4, with a = -0.75)."""
    a, d = -0.75, abs(distance)
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * (d**3 - 5 * d**2 + 8 * d - 4) if d < 2 else 0.0


def _weighted_sum(weights: list[float], pictures: list[Tensor]) -> Tensor:
    first, *others = [w * picture for w, picture in zip(weights, pictures, strict=True) if w]
    return sum(others, first)


class Borders(NamedTuple):
    """The pixels at both ends of an axis, (N, 3, margin, W) or (N, 3, H, margin) each."""

    first: Tensor
    last: Tensor

    def placed_on(self, image: Tensor, axis: int) -> Tensor:
        """Return ``image`` with these borders; where the two overlap, the first counts."""
        margin, size = self.first.shape[axis], image.shape[axis]
        at = torch.arange(size, device=image.device)
        after_first = (at >= margin).long()
        in_last = after_first * (at >= size - margin).long()
        joined = torch.cat([self.first, image, self.last], axis)
        return joined.index_select(axis, at + margin * (after_first + in_last))


class Residual(NamedTuple):
    """A residual image in phases, (N, 3·s·s, h, w), which are valid except at its borders."""

    phases: Tensor
    rows: Borders
    columns: Borders
    scale: int

    def plus(self, other: "Residual") -> "Residual":
        """Return the sum."""
        rows, columns = (
            Borders(one.first + two.first, one.last + two.last)
            for one, two in ((self.rows, other.rows), (self.columns, other.columns))
        )
        return Residual(self.phases + other.phases, rows, columns, self.scale)

    def image(self) -> Tensor:
        """Return the image, (N, 3, s·h, s·w)."""
        return self.columns.placed_on(
            self.rows.placed_on(pixel_shuffle(self.phases, self.scale), 2), 3
        )


def phase_kernel(deconvolution: Deconvolution) -> Tensor:
    """Return the kernel of a 3×3 convolution that yields the s·s phases of a deconvolution.

    Output pixel s·i + p uses tap k of input pixel i + o where k = p + padding - s·o. The kernel,
    padded with zeros to a length of 3·s, thus splits into the phases of the offsets o = 1, 0, -1.
    """
    scale, groups = deconvolution.scale, deconvolution.groups
    weight = pad(deconvolution.weight, [scale - deconvolution.padding] * 4)
    inputs, outputs = weight.shape[:2]
    taps = weight.view(groups, inputs // groups, outputs, 3, scale, 3, scale).flip(3, 5)
    return taps.permute(0, 2, 4, 6, 1, 3, 5).flatten(0, 3)


class UpsamplingAsConvolution(nn.Module):
    """β·re(upsampler(F)), (N, 64, h, w) to a `Residual`.

    Attributes:
        reach: The distance in LR pixels of the farthest input of an output pixel.
        margin: The width of the borders in LR pixels.
    """

    @torch.no_grad()
    def __init__(self, network: Gladsr, gating: nn.Conv2d) -> None:
        super().__init__()
        spu = network.upsampler
        assert isinstance(spu, SeparablePyramidUpsampling)  # noqa: S101 - for the type checker
        deconv, self.scale = spu.deconv, spu.deconv.scale
        self.margin = -(-HR_REACH // self.scale)
        self.reach = (
            HR_REACH + DECONVOLUTION_KERNEL[self.scale] - 1 - deconv.padding
        ) // self.scale
        bias = deconv.bias.repeat_interleave(self.scale**2)
        self.phases = _conv(phase_kernel(deconv), bias, groups=deconv.groups)
        self.pyramid = spu.pyramid
        self.gating = copy.deepcopy(gating)
        for parameter in self.gating.parameters():
            parameter.mul_(network.beta)
        self.whole = _conv(*self._whole())

    def _whole(self) -> tuple[Tensor, Tensor]:
        """Return the kernel and the bias of all layers together, from their impulse response."""
        layers, reach = copy.deepcopy(self).double(), self.reach
        channels = self.phases.in_channels
        impulses = pad(torch.eye(channels).double()[..., None, None], [reach] * 4)
        one = torch.ones(())
        flat = layers.layer_by_layer(torch.zeros_like(impulses[:1]), one)
        response = layers.layer_by_layer(impulses, one) - flat
        kernel = pixel_unshuffle(response, self.scale).transpose(0, 1).flip(2, 3)
        bias = pixel_unshuffle(flat, self.scale)[0, :, reach, reach]
        return kernel.to(self.phases.weight.dtype), bias.to(self.phases.weight.dtype)

    def layer_by_layer(self, features: Tensor, inside: Tensor) -> Tensor:
        """Return the residual image, (N, 3, s·h, s·w), for a part of a picture's features.

        Args:
            features: (N, 64, h, w).
            inside: 1 for HR pixels inside the picture and 0 for those beyond its edges.
        """
        up = pixel_shuffle(self.phases(features), self.scale) * inside
        pyramid = torch.cat([level(up) for level in self.pyramid], 1) * inside
        residual: Tensor = self.gating(pyramid)
        return residual

    def forward(self, features: Tensor) -> Residual:
        """Return the residual image for features, (N, 64, h, w)."""
        rows, columns = self._borders(features, 2), self._borders(features, 3)
        return Residual(self.whole(features), rows, columns, self.scale)

    def _borders(self, features: Tensor, axis: int) -> Borders:
        """Return the residual image's borders, from strips of features padded with zeros."""
        size, depth = features.shape[axis], self.margin + self.reach
        first = torch.arange(depth, device=features.device)
        last = first + (size - depth)
        at_first = first.clamp(max=size - 1)
        at_last = last.clamp(min=0) - last[:1].clamp(min=0)
        strips = torch.cat(
            [
                _slice(features, axis, 0, depth).index_select(axis, at_first),
                _slice(features, axis, -depth, END).index_select(axis, at_last),
            ]
        )
        inside = torch.stack([first < size, last >= 0]).to(features.dtype)
        inside = inside.repeat_interleave(features.shape[0], 0)
        inside = inside[:, None, :, None] if axis == 2 else inside[:, None, None, :]
        hr_inside = inside.repeat_interleave(self.scale, axis)
        first_strip, last_strip = self.layer_by_layer(strips * inside, hr_inside).chunk(2)
        margin, rest = self.margin * self.scale, self.reach * self.scale
        return Borders(first_strip.narrow(axis, 0, margin), last_strip.narrow(axis, rest, margin))


def _conv(weight: Tensor, bias: Tensor, *, groups: int = 1) -> nn.Conv2d:
    outputs, inputs, kernel, _ = weight.shape
    layer = nn.Conv2d(
        inputs * groups, outputs, kernel, padding=kernel // 2, groups=groups, device="meta"
    )
    layer.weight, layer.bias = nn.Parameter(weight), nn.Parameter(bias)
    return layer


END = 2**62


def _slice(x: Tensor, axis: int, start: int, stop: int) -> Tensor:
    """Return ``x[start:stop]`` along an axis, of which ``x`` may have fewer elements.

    PyTorch's exporter would assume that it never has, so ONNX's own slice is exported.
    """
    if not torch.onnx.is_in_onnx_export():
        return x[(slice(None),) * axis + (slice(start, stop),)]
    shape = [*x.shape]
    shape[axis] = abs(start or stop)
    bounds = [torch.tensor([bound]) for bound in (start, stop, axis)]
    return torch.onnx.ops.symbolic("Slice", (x, *bounds), dtype=x.dtype, shape=shape)
