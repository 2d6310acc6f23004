"""Muon against PyTorch's and the singular value decomposition, and its Adam part."""

import torch
from torch import nn
from torch.optim import Adam

from gladsr.network import Gladsr, GladsrConfig
from gladsr.training.muon import Muon, hidden_convolutions, orthogonal

RATE, BETAS = 1e-2, (0.9, 0.99)


def _network() -> Gladsr:
    torch.manual_seed(0)
    network = Gladsr(GladsrConfig(glams=1, lsbs=2))
    for gating in (network.re_c, network.re_f):
        assert gating is not None
        nn.init.normal_(gating.weight, std=0.03)
    return network


def _with_gradients() -> Gladsr:
    network = _network()
    torch.manual_seed(1)
    network(torch.rand(2, 3, 8, 8))[1].square().mean().backward()
    return network


def test_orthogonal_keeps_the_singular_vectors_and_evens_out_the_values() -> None:
    for rows, columns in ((8, 32), (96, 64), (32, 288)):
        matrix = torch.randn(rows, columns)
        u, s, v = torch.linalg.svd(matrix, full_matrices=False)
        values = u.mT @ orthogonal(matrix[None])[0] @ v.mT
        even = values.diagonal()[s > 0.05 * s.max()]
        assert even.min() > 0.6
        assert even.max() < 1.3
        torch.testing.assert_close(values, values.diagonal().diag(), atol=1e-3, rtol=0)


def test_steps_are_those_of_pytorchs_muon() -> None:
    network = _network()
    ours = list(hidden_convolutions(network))
    theirs = [nn.Parameter(weight.detach().flatten(1).clone()) for weight in ours]
    before = [weight.detach().clone() for weight in theirs]
    by_us = Muon(network, RATE, BETAS, weight_decay=0.5)
    # Twice the rate, for its steps are half as large; then half the decay.
    by_pytorch = torch.optim.Muon(
        theirs, 2 * RATE, weight_decay=0.25, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    for _ in range(5):
        for weight, matrix in zip(ours, theirs, strict=True):
            weight.grad = torch.randn_like(weight)
            matrix.grad = weight.grad.flatten(1).clone()
        by_us.step()
        by_pytorch.step()
    for weight, matrix, old in zip(ours, theirs, before, strict=True):
        error, change = weight.flatten(1) - matrix, matrix - old
        assert error.norm() < 0.03 * change.norm()  # PyTorch makes its matrices orthogonal in bf16


def test_all_other_parameters_take_the_steps_of_adam() -> None:
    by_muon, by_adam = _with_gradients(), _with_gradients()
    Muon(by_muon, RATE, BETAS).step()
    Adam(by_adam.parameters(), RATE, BETAS).step()
    hidden = {id(weight) for weight in hidden_convolutions(by_muon)}
    compared = 0
    for ours, adams in zip(by_muon.parameters(), by_adam.parameters(), strict=True):
        if id(ours) not in hidden:
            torch.testing.assert_close(ours, adams)
            compared += 1
    assert compared == sum(1 for _ in by_muon.parameters()) - len(hidden) > 0


def test_weight_decay_shrinks_the_hidden_convolutions_alone() -> None:
    before, kept, shrunk = _network(), _with_gradients(), _with_gradients()
    Muon(kept, RATE, BETAS).step()
    Muon(shrunk, RATE, BETAS, weight_decay=0.5).step()
    hidden = {id(weight) for weight in hidden_convolutions(shrunk)}
    parameters = zip(before.parameters(), kept.parameters(), shrunk.parameters(), strict=True)
    for old, without, with_decay in parameters:
        lost = 0.5 * RATE * old if id(with_decay) in hidden else torch.zeros_like(old)
        torch.testing.assert_close(with_decay, without - lost)
