"""The loss: Eq. 5, its bound, squared errors and the amplitude spectrum."""

import numpy as np
import pytest
import torch

from gladsr.training.loss import stagewise_loss


def _outputs(*errors: float) -> tuple[torch.Tensor, torch.Tensor]:
    target = torch.rand(len(errors), 3, 4, 4)
    return target + torch.tensor(errors).reshape(-1, 1, 1, 1), target


def test_the_bound_does_not_affect_small_errors():
    y, target = _outputs(0.01, -0.05, 0.09)
    bounded = stagewise_loss(y, y, target, 0.3, bound=0.1)
    torch.testing.assert_close(bounded, stagewise_loss(y, y, target, 0.3))


@pytest.mark.parametrize("error", [0.2, 5.0, 200.0])
def test_errors_beyond_the_bound_count_by_their_logarithm(error: float):
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


def test_the_spectrum_of_a_shifted_picture_is_its_own():
    target = torch.rand(2, 3, 8, 8)
    shifted = target.roll((3, 2), (2, 3))
    plain = stagewise_loss(shifted, shifted, target, 0.3)
    torch.testing.assert_close(stagewise_loss(shifted, shifted, target, 0.3, spectrum=0.5), plain)


def test_the_spectrum_adds_the_mean_error_of_the_amplitudes():
    y, target = torch.rand(2, 3, 8, 6), torch.rand(2, 3, 8, 6)
    found = stagewise_loss(y, y, target, 0.3, spectrum=0.05)
    spectra = [np.abs(np.fft.rfft2(images.numpy())) for images in (y, target)]
    expected = (y - target).abs().mean() + 0.05 * np.abs(spectra[0] - spectra[1]).mean()
    torch.testing.assert_close(found, torch.tensor(float(expected)))


@pytest.mark.parametrize("error", [0.05, 3.0])
def test_squared_errors_have_the_square_of_the_bound(error: float):
    y, target = _outputs(error)
    loss = stagewise_loss(y, y, target, 0.3, bound=0.1, squared=True)
    expected = error**2 if error < 0.1 else 0.01 + 0.01 * np.log(error**2 / 0.01)
    torch.testing.assert_close(loss, torch.tensor(float(expected)))
