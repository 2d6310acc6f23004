"""The gates of a network, read and set from outside: channel weights R_c and guided masks R_s.

Every channel selective unit weighs its channels by their mean over the picture (Eq. 8). To upscale
a picture in tiles without a change to the result, the weights are read once and then set for every
tile: what remains are convolutions, and their receptive field is bounded.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from torch import Tensor, nn

from gladsr.network.layers import ChannelSelectiveUnit, SpatialGuidedUnit


def selective_units(network: nn.Module) -> list[ChannelSelectiveUnit]:
    """Return the CSUs in the order in which they run, those of the coarse output first."""
    return [unit for unit in network.modules() if isinstance(unit, ChannelSelectiveUnit)]


def guided_units(network: nn.Module) -> list[SpatialGuidedUnit]:
    """Return the SGUs in the order in which they run, those of the coarse output first."""
    return [unit for unit in network.modules() if isinstance(unit, SpatialGuidedUnit)]


def read_channel_weights(network: nn.Module) -> AbstractContextManager[list[Tensor]]:
    """Record the weights R_c of every CSU, (N, K, 1, 1) each, as the network runs."""
    return _read(selective_units(network))


def read_masks(network: nn.Module) -> AbstractContextManager[list[Tensor]]:
    """Record the guided mask R_s of every SGU, (N, 1, h, w) each, as the network runs."""
    return _read(guided_units(network))


@contextmanager
def _read(
    units: Sequence[ChannelSelectiveUnit | SpatialGuidedUnit],
) -> Iterator[list[Tensor]]:
    """Record the output of every unit's sigmoid."""
    read: list[Tensor] = []
    with ExitStack() as hooks:
        for unit in units:
            hooks.enter_context(
                unit.sigmoid.register_forward_hook(lambda _unit, _input, gate: read.append(gate))
            )
        yield read


@contextmanager
def set_channel_weights(network: nn.Module, channel_weights: Sequence[Tensor]) -> Iterator[None]:
    """Make the CSUs use the given weights, (N, K, 1, 1) each, instead of their input's.

    If there are fewer of them than CSUs, the last CSUs keep their own.

    Example:
        >>> import torch
        >>> from gladsr.network import Gladsr, GladsrConfig
        >>> network, x = Gladsr(GladsrConfig(glams=1, lsbs=1)), torch.rand(1, 3, 4, 5)
        >>> with read_channel_weights(network) as channel_weights:
        ...     _, y = network(x)
        >>> with set_channel_weights(network, channel_weights):
        ...     _, left = network(x[..., :4])
        >>> len(channel_weights), channel_weights[0].shape
        (2, torch.Size([1, 32, 1, 1]))
    """
    with ExitStack() as hooks:
        for unit, given in zip(selective_units(network), channel_weights, strict=False):
            hooks.enter_context(
                unit.sigmoid.register_forward_hook(lambda _unit, _input, _own, r_c=given: r_c)
            )
        yield
