"""PSNR and SSIM against scikit-image."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import color, data, metrics

from gladsr.scoring.psnr import psnr
from gladsr.scoring.ssim import ssim

astronaut: Callable[[], NDArray[np.uint8]] = data.astronaut
reference_psnr: Callable[..., float] = metrics.peak_signal_noise_ratio
reference_ssim: Callable[..., Any] = metrics.structural_similarity

PHOTO = astronaut()[:120, 150:310]
NOISE = np.random.default_rng(0).normal(0, 12, PHOTO.shape)
NOISY = np.clip(PHOTO + NOISE, 0, 255).round().astype(np.uint8)


def _luminances(border: int) -> list[NDArray[Any]]:
    inside = slice(border, -border or None)
    return [color.rgb2ycbcr(image)[inside, inside, 0] for image in (NOISY, PHOTO)]


@pytest.mark.parametrize("border", [0, 2, 3, 4])
def test_psnr_equals_scikit_image(border: int) -> None:
    noisy, clean = _luminances(border)
    expected = reference_psnr(clean, noisy, data_range=255)
    assert psnr(NOISY, PHOTO, border) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("border", [0, 2, 3, 4])
def test_ssim_equals_scikit_image(border: int) -> None:
    noisy, clean = _luminances(border)
    _, everywhere = reference_ssim(
        clean,
        noisy,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    # scikit-image pads the image; Wang et al. keep to the windows that lie wholly inside.
    expected = everywhere[5:-5, 5:-5].mean()
    assert ssim(NOISY, PHOTO, border) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_a_grey_image_is_its_own_luminance(measure: Any) -> None:
    grey, noisy = PHOTO[..., 0], NOISY[..., 0]
    expected = {
        psnr: reference_psnr(grey, noisy),
        ssim: reference_ssim(
            grey.astype(float),
            noisy.astype(float),
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            full=True,
        )[1][5:-5, 5:-5].mean(),
    }[measure]
    assert measure(noisy, grey) == pytest.approx(expected, abs=1e-9)


def test_grey_as_rgb_would_score_higher() -> None:
    """The range of Y is 219 levels for 255 of grey: the known trap with a one-channel image."""
    grey, noisy = (np.stack([image[..., 0]] * 3, axis=2) for image in (PHOTO, NOISY))
    gain = psnr(noisy, grey) - psnr(noisy[..., 0], grey[..., 0])
    assert gain == pytest.approx(20 * math.log10(255 / 219), abs=1e-6)


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_floats_are_clipped_and_rounded_first(measure: Any) -> None:
    wild = (PHOTO + NOISE) / 255
    assert wild.min() < 0
    assert measure(wild, PHOTO, 2) == measure(NOISY, PHOTO, 2)


def test_equal_images_are_perfect() -> None:
    assert psnr(PHOTO, PHOTO) == math.inf
    assert ssim(PHOTO, PHOTO) == 1


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_the_border_is_ignored(measure: Any) -> None:
    framed = NOISY.copy()
    framed[:3] = framed[-3:] = framed[:, :3] = framed[:, -3:] = 0
    assert measure(framed, PHOTO, 3) == measure(NOISY, PHOTO, 3)
    assert measure(framed, PHOTO, 2) < measure(NOISY, PHOTO, 2)


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_images_that_cannot_be_compared_are_rejected(measure: Any) -> None:
    with pytest.raises(ValueError, match="120×160×3 and 120×159×3"):
        measure(PHOTO, PHOTO[:, :-1])
    with pytest.raises(ValueError, match="a border of 60 pixels leaves nothing"):
        measure(PHOTO, PHOTO, 60)
    with pytest.raises(ValueError, match="H×W×3"):
        measure(PHOTO[..., :2], PHOTO[..., :2])


def test_ssim_needs_a_whole_window() -> None:
    assert ssim(PHOTO[:15, :15], PHOTO[:15, :15], 2) == 1
    with pytest.raises(ValueError, match="11×11 pixels, but 10×11"):
        ssim(PHOTO[:14, :15], PHOTO[:14, :15], 2)
