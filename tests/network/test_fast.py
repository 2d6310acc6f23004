"""The fast form of the network against the network itself."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from gladsr.network import Gladsr, GladsrConfig
from gladsr.network.fast import FastGladsr, bicubic, for_speed, phase_kernel
from gladsr.network.gates import read_channel_weights, set_channel_weights
from gladsr.network.layers import Deconvolution

SMALL = GladsrConfig(glams=2, lsbs=3)


def _random(config: GladsrConfig) -> Gladsr:
    """Return a network whose biases and gating layers are not at zero."""
    torch.manual_seed(0)
    network = Gladsr(config).eval()
    for parameter in network.parameters():
        if parameter.ndim < 2:
            nn.init.normal_(parameter, mean=0.1, std=0.1)
    for gating in (network.re_c, network.re_f):
        if gating is not None:
            nn.init.normal_(gating.weight, std=0.03)
    return network


NETWORKS = {scale: _random(replace(SMALL, scale=scale)) for scale in (2, 3, 4)}
FAST = {scale: for_speed(network) for scale, network in NETWORKS.items()}


def _assert_same(ours: tuple[Tensor, ...], theirs: tuple[Tensor, ...]) -> None:
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, their, atol=1e-5, rtol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([2, 3, 4]), st.integers(1, 16), st.integers(1, 16), st.integers(1, 2))
@torch.no_grad()
def test_outputs_are_the_same_at_all_sizes(scale: int, height: int, width: int, batch: int) -> None:
    x = torch.rand(batch, 3, height, width)
    _assert_same(FAST[scale](x), NETWORKS[scale](x))


@pytest.mark.parametrize(
    "changes",
    [
        {"lsbs": 1},
        {"glams": 3, "lsbs": 4},
        {"csu": False},
        {"sgu": False},
        {"nested_dense": False},
        {"coarse_output": False},
        {"mask_channels": 32},
        {"bottleneck_sees_input": True},
        {"ndg_residual": True},
        {"features": 32},
        {"growth": 48},
    ],
)
@torch.no_grad()
def test_outputs_are_the_same_for_every_variant(changes: dict[str, Any]) -> None:
    network = _random(replace(SMALL, **changes))
    fast, x = for_speed(network), torch.rand(1, 3, 9, 8)
    assert isinstance(fast, FastGladsr)
    _assert_same(fast(x), network(x))


@pytest.mark.parametrize("upsampler", ["deconvolution", "sub-pixel", "separable"])
def test_networks_with_other_upsamplers_are_returned_unchanged(upsampler: Any) -> None:
    network = _random(replace(SMALL, upsampler=upsampler))
    assert for_speed(network) is network


@torch.no_grad()
def test_channel_weights_are_read_and_set_as_in_the_network() -> None:
    network, fast, x = NETWORKS[2], FAST[2], torch.rand(1, 3, 7, 9)
    with read_channel_weights(network) as ours:
        fast(x)
    with read_channel_weights(network) as theirs:
        network(x)
    _assert_same(tuple(ours), tuple(theirs))
    given_weights = [torch.rand(1, 32, 1, 1) for _ in theirs]
    with set_channel_weights(network, given_weights):
        _assert_same(fast(x), network(x))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("groups", [1, 4])
@torch.no_grad()
def test_the_phase_kernel_computes_a_deconvolution(scale: int, groups: int) -> None:
    deconvolution = Deconvolution(8, 4, scale, groups=groups)
    x = torch.rand(2, 8, 5, 3)
    phases = nn.functional.conv2d(x, phase_kernel(deconvolution), padding=1, groups=groups)
    torch.testing.assert_close(nn.functional.pixel_shuffle(phases, scale), deconvolution(x))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (2, 5), (9, 8)])
def test_bicubic_is_the_same_as_in_pytorch(scale: int, size: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *size)
    expected = nn.functional.interpolate(x, scale_factor=scale, mode="bicubic")
    torch.testing.assert_close(bicubic(x, scale), expected)
