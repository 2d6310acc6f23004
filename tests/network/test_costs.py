"""The network's costs against the paper's tables and our reading of its text."""

from dataclasses import replace
from typing import Any

import pytest
from torch import nn

from gladsr.network import Gladsr, GladsrConfig, Upsampler, mult_adds, parameters
from gladsr.network.layers import Deconvolution

TABLE_II = [  # name, scale, parameters, Mult-Adds in G, and the paper's figures for both
    ("gladsr", 2, 801_608, 185.0, 812e3, 187.2),
    ("gladsr", 3, 810_056, 87.1, 821e3, 88.2),
    ("gladsr", 4, 813_896, 51.9, 826e3, 52.6),
    ("gladsr-l", 2, 401_604, 95.5, 400e3, 94.6),
    ("gladsr-l", 3, 410_052, 47.3, 409e3, 47.0),
    ("gladsr-l", 4, 413_892, 29.6, 413e3, 29.4),
]


@pytest.mark.parametrize(
    ("name", "scale", "expected_parameters", "expected_giga", "paper", "paper_giga"), TABLE_II
)
def test_costs_of_table_ii(
    name: str,
    scale: int,
    expected_parameters: int,
    expected_giga: float,
    paper: float,
    paper_giga: float,
) -> None:
    network = Gladsr(GladsrConfig.named(name, scale))
    giga = mult_adds(network, scale) / 1e9
    assert parameters(network) == expected_parameters
    assert round(giga, 1) == expected_giga
    assert parameters(network) == pytest.approx(paper, rel=0.02)
    assert giga == pytest.approx(paper_giga, rel=0.02)


def test_large_network_of_table_iii() -> None:
    network = Gladsr(GladsrConfig.named("gladsr-large"))
    assert parameters(network) == 5_282_640
    assert parameters(network) == pytest.approx(5.4e6, rel=0.022)
    assert round(mult_adds(network, 2) / 1e9, 1) == 1196.2


@pytest.mark.parametrize(
    ("upsampler", "paper_weights", "giga"),
    [
        ("deconvolution", 65_536, 15.1),
        ("sub-pixel", 55_296, 12.7),
        ("separable", 20_480, None),  # the paper counts it without its 1×1 convolution
        ("spu", 6_528, 3.2),
    ],
)
def test_upsamplers_of_table_iv(
    upsampler: Upsampler, paper_weights: int, giga: float | None
) -> None:
    network = Gladsr(GladsrConfig(upsampler=upsampler))
    weights = sum(p.numel() for p in network.upsampler.parameters() if p.ndim > 1)
    assert weights == paper_weights
    if giga is not None:
        bare = _mult_adds_of_upsampler(network, scale=2)
        assert round(bare / 1e9, 1) == giga


def _mult_adds_of_upsampler(network: Gladsr, scale: int) -> int:
    """Count one run at the size of a 960×960 output, by the definition of a convolution."""
    low, total = 960 // scale, 0
    for module in network.upsampler.modules():
        if isinstance(module, Deconvolution):
            total += module.weight.numel() * low**2
        elif isinstance(module, nn.Conv2d):
            side = low if isinstance(network.upsampler, nn.Sequential) else low * scale
            total += module.weight.numel() * side**2
    return total


@pytest.mark.parametrize(("scale", "percent"), [(2, 9.9), (3, 7.5), (4, 7.2)])
def test_reduction_of_equation_10(scale: int, percent: float) -> None:
    def weights(upsampler: Upsampler) -> int:
        network = Gladsr(GladsrConfig(scale=scale, upsampler=upsampler))
        return sum(p.numel() for p in network.upsampler.parameters() if p.ndim > 1)

    # The paper prints 9.9 %; its own equation gives 9.96 %.
    assert 100 * weights("spu") / weights("deconvolution") == pytest.approx(percent, abs=0.07)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"csu": False, "sgu": False, "upsampler": "deconvolution"}, 802),
        ({"csu": False, "sgu": False, "upsampler": "deconvolution", "lsbs": 5}, 1032),
        ({"upsampler": "deconvolution"}, 863),
        ({}, 802),
        ({"csu": False, "sgu": False, "nested_dense": False}, 722),
    ],
)
def test_variants_of_table_vii(changes: dict[str, Any], expected: int) -> None:
    network = Gladsr(replace(GladsrConfig(), **changes))
    assert round(parameters(network) / 1000) == expected


def test_the_residual_has_no_cost() -> None:
    plain, residual = Gladsr(GladsrConfig()), Gladsr(GladsrConfig(ndg_residual=True))
    assert parameters(plain) == parameters(residual)
    assert mult_adds(plain, 2) == mult_adds(residual, 2)
