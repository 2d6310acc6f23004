"""Channel weights, read and set from outside."""

import torch

from gladsr.network import Gladsr, GladsrConfig
from gladsr.network.gates import read_channel_weights, selective_units, set_channel_weights


def _network() -> Gladsr:
    torch.manual_seed(0)
    network = Gladsr(GladsrConfig(glams=2, lsbs=2)).eval()
    torch.nn.init.normal_(network.re_f.weight, std=0.05)
    return network


@torch.no_grad()
def test_each_unit_is_read() -> None:
    network, x = _network(), torch.rand(2, 3, 9, 8)
    inputs: list[torch.Tensor] = []
    for unit in selective_units(network):
        unit.register_forward_hook(lambda _unit, given, _output: inputs.append(given[0]))
    with read_channel_weights(network) as channel_weights:
        network(x)
    assert len(channel_weights) == len(inputs) == 8
    for unit, u, r_c in zip(selective_units(network), inputs, channel_weights, strict=True):
        torch.testing.assert_close(r_c, unit.weights(u))


@torch.no_grad()
def test_with_channel_weights_set_a_change_has_only_local_effects() -> None:
    network, x = _network(), torch.rand(1, 3, 8, 64)
    changed = x.clone()
    changed[..., 0] = 1 - changed[..., 0]
    far = slice(2 * 40, None)  # beyond all convolutions together
    assert (network(x)[1] != network(changed)[1])[..., far].any()
    with read_channel_weights(network) as channel_weights:
        before = network(x)[1]
    with set_channel_weights(network, channel_weights):
        torch.testing.assert_close(network(x)[1], before)
        torch.testing.assert_close(network(changed)[1][..., far], before[..., far])


@torch.no_grad()
def test_channel_weights_are_set_within_the_context_only() -> None:
    network, x = _network(), torch.rand(1, 3, 5, 6)
    before = network(x)[1]
    zeros = [torch.zeros(1, 32, 1, 1)] * 8
    with set_channel_weights(network, zeros):
        assert (network(x)[1] != before).any()
    torch.testing.assert_close(network(x)[1], before, rtol=0, atol=0)


@torch.no_grad()
def test_with_fewer_channel_weights_the_last_units_keep_their_own() -> None:
    network, x = _network(), torch.rand(1, 3, 5, 6)
    y_c, y = network(x)
    with read_channel_weights(network) as channel_weights:
        network(x)
    with set_channel_weights(network, channel_weights[:4]):
        torch.testing.assert_close(network(x), (y_c, y))
