"""Properties of the network that hold for all weights."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gladsr.network import Gladsr, GladsrConfig
from gladsr.network.config import Upsampler

SMALL = GladsrConfig(glams=2, lsbs=2)


def _random(config: GladsrConfig) -> Gladsr:
    """Return a network whose gating layers are not at zero."""
    torch.manual_seed(0)
    network = Gladsr(config).eval()
    for gating in (network.re_c, network.re_f):
        if gating is not None:
            nn.init.normal_(gating.weight, std=0.05)
    return network


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([2, 3, 4]), st.integers(1, 9), st.integers(1, 9), st.integers(1, 2))
def test_the_output_is_exactly_scale_times_the_input(
    scale: int, height: int, width: int, batch: int
) -> None:
    network = _random(replace(SMALL, scale=scale))
    with torch.no_grad():
        y_c, y = network(torch.rand(batch, 3, height, width))
    assert y_c.shape == y.shape == (batch, 3, scale * height, scale * width)
    assert torch.isfinite(y).all()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_untrained_network_is_the_bicubic_upscale(scale: int) -> None:
    x = torch.rand(1, 3, 8, 9)
    bicubic = nn.Upsample(scale_factor=scale, mode="bicubic")(x)
    for output in Gladsr(replace(SMALL, scale=scale))(x):
        torch.testing.assert_close(output, bicubic)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"csu": False},
        {"sgu": False},
        {"nested_dense": False},
        {"csu": False, "sgu": False, "nested_dense": False},
        {"coarse_output": False},
        {"mask_channels": 32},
        {"bottleneck_sees_input": True},
        {"ndg_residual": True},
        {"upsampler": "deconvolution"},
        {"upsampler": "sub-pixel"},
        {"upsampler": "separable"},
    ],
)
def test_every_weight_of_every_variant_matters(changes: dict[str, Any]) -> None:
    network = _random(replace(SMALL, **changes))
    y_c, y = network(torch.rand(1, 3, 6, 5))
    assert y.shape == (1, 3, 12, 10)
    (y_c.square().sum() + y.square().sum()).backward()
    idle = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not idle


def test_without_a_coarse_output_both_outputs_are_the_same() -> None:
    y_c, y = _random(replace(SMALL, coarse_output=False))(torch.rand(1, 3, 4, 4))
    assert y_c is y


def test_the_coarse_output_does_not_depend_on_the_refine_net() -> None:
    network = _random(SMALL)
    network(torch.rand(1, 3, 4, 4))[0].sum().backward()
    assert all(p.grad is None for p in network.ndg_f.parameters())
    assert all(p.grad is not None for p in network.upsampler.parameters())


def test_channel_weights_depend_on_the_whole_picture_and_masks_on_a_neighbourhood() -> None:
    glam: Any = _random(SMALL).ndg_c.glams[0]
    csu, sgu = glam.lsbs[0].csu, glam.ggb.sgu
    u = torch.rand(1, 32, 9, 9)
    changed = u.clone()
    changed[..., 0, 0] += 1
    weights, weights_changed = csu.weights(u), csu.weights(changed)
    assert weights.shape == (1, 32, 1, 1)
    assert ((weights > 0) & (weights < 1)).all()
    assert (weights != weights_changed).any()

    features = torch.rand(1, 96, 9, 9)
    changed = features.clone()
    changed[..., 0, 0] += 1
    mask, mask_changed = sgu(features), sgu(changed)
    assert mask.shape == (1, 1, 9, 9)
    assert ((mask > 0) & (mask < 1)).all()
    torch.testing.assert_close(mask[..., 2:, 2:], mask_changed[..., 2:, 2:])


def test_a_flat_input_has_a_periodic_output_away_from_the_edges() -> None:
    network = _random(SMALL)
    with torch.no_grad():
        _, y = network(torch.full((1, 3, 64, 64), 0.5))
    inside = y[..., 40:-40, 40:-40]
    for phase in (inside[..., i::2, j::2] for i in range(2) for j in range(2)):
        torch.testing.assert_close(phase, phase[..., :1, :1].expand_as(phase), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scale": 5}, "scale"),
        ({"glams": 0}, "glams"),
        ({"mask_channels": 3}, "mask_channels"),
        ({"reduction": 5}, "reduction"),
        ({"features": 40}, "features is 40, but must be a multiple of 16"),
        ({"features": 6, "upsampler": "separable"}, "multiple of 4"),
        ({"features": 4, "upsampler": "sub-pixel"}, "multiple of 8"),
    ],
)
def test_impossible_configurations_are_rejected(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        GladsrConfig(**changes)


@pytest.mark.parametrize(
    ("upsampler", "features"),
    [("spu", 48), ("separable", 4), ("sub-pixel", 8), ("deconvolution", 3)],
)
def test_the_narrowest_configurations_upscale(upsampler: Upsampler, features: int) -> None:
    network = Gladsr(GladsrConfig(glams=1, lsbs=1, features=features, upsampler=upsampler))
    assert network(torch.rand(1, 3, 4, 5))[1].shape == (1, 3, 8, 10)


def test_an_unknown_size_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="gladsr-l"):
        GladsrConfig.named("gladsr-xl")
