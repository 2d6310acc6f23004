"""The loss: Eq. 5, and where its bound begins."""

import pytest
import torch

from gladsr.training.loss import stagewise_loss


def _outputs(*errors: float) -> tuple[torch.Tensor, torch.Tensor]:
    target = torch.rand(len(errors), 3, 4, 4)
    return target + torch.tensor(errors).reshape(-1, 1, 1, 1), target


def test_small_errors_do_not_feel_the_bound():
    y, target = _outputs(0.01, -0.05, 0.09)
    bounded = stagewise_loss(y, y, target, 0.3, bound=0.1)
    torch.testing.assert_close(bounded, stagewise_loss(y, y, target, 0.3))


@pytest.mark.parametrize("error", [0.2, 5.0, 200.0])
def test_a_wild_crop_pulls_by_its_logarithm(error: float):
    y, target = _outputs(error)
    y.requires_grad_()
    loss = stagewise_loss(y, y, target, 0.0, bound=0.1)
    loss.backward()
    torch.testing.assert_close(loss, 0.1 + 0.1 * torch.tensor(error / 0.1).log())
    assert y.grad is not None
    torch.testing.assert_close(y.grad.sum(), torch.tensor(0.1 / error))


def test_a_perfect_crop_has_a_finite_gradient():
    y, target = _outputs(0.0)
    y.requires_grad_()
    stagewise_loss(y, y, target, 0.0, bound=0.1).backward()
    assert y.grad is not None
    assert y.grad.isfinite().all()
