"""NIQE against MATLAB's and another implementation's values, and what it is for."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from gladsr.pictures import luminance, read, resize
from gladsr.scoring import niqe

astronaut: Callable[[], NDArray[np.uint8]] = data.astronaut
coffee: Callable[[], NDArray[np.uint8]] = data.coffee
camera: Callable[[], NDArray[np.uint8]] = data.camera

# What basicsr 1.4.2's own `niqe` gives for these pictures of scikit-image 0.26, made grey by the
# weights of MATLAB's rgb2gray and rounded. Its resize computes in single precision.
BASICSR = {
    "astronaut": 3.0672536373504626,
    "coffee": 4.058465425300609,
    "chelsea": 2.5720841715667597,
    "rocket": 7.035919263593788,
    "camera": 3.09622028525054,
    "brick": 9.4819413655878,
    "grass": 6.492951240330486,
}


@pytest.mark.parametrize("name", BASICSR)
def test_equals_basicsrs(name: str) -> None:
    picture: NDArray[Any] = getattr(data, name)()
    assert niqe(picture) == pytest.approx(BASICSR[name], rel=5e-4)


@pytest.mark.skipif("GLADSR_DATA" not in os.environ, reason="needs the research images")
def test_baboon_has_the_score_of_matlab() -> None:
    """MATLAB R2021a with the authors' release, on Y, gives 5.7296 (noted in BasicSR's tests)."""
    baboon = read(Path(os.environ["GLADSR_DATA"], "test", "Set14", "baboon.png")).pixels
    y = np.rint(luminance(baboon)).astype(np.uint8)
    assert niqe(y) == pytest.approx(5.7296, abs=0.001)


def test_noise_and_blur_are_less_natural() -> None:
    photograph = camera()
    noise = np.random.default_rng(0).normal(0, 25, photograph.shape)
    noisy = (photograph + noise).clip(0, 255).astype(np.uint8)
    blurred = resize(resize(photograph, scale=0.25), scale=4)
    assert niqe(noisy) > niqe(photograph) + 3
    assert niqe(blurred) > niqe(photograph) + 1


def test_depths_and_equal_channels_make_no_difference() -> None:
    grey = camera()[:288, :288]
    assert niqe(np.dstack([grey] * 3)) == niqe(grey)
    assert niqe(grey.astype(np.uint16) * 257) == niqe(grey / 255) == niqe(grey)


def test_pixels_beyond_the_last_whole_block_do_not_count() -> None:
    grey = camera()[:288, :384]
    assert niqe(grey[:200, :300]) == niqe(grey[:192, :288])


def test_pictures_without_a_niqe_are_rejected() -> None:
    with pytest.raises(ValueError, match="NIQE needs 96×96 pixels, but the picture has 95×200"):
        niqe(np.zeros((95, 200), np.uint8))
    with pytest.raises(ValueError, match="fewer than two blocks with detail"):
        niqe(np.full((192, 192), 7, np.uint8))
    with pytest.raises(ValueError, match=r"not for shape \(200, 200, 4\)"):
        niqe(np.zeros((200, 200, 4), np.uint8))


def test_a_flat_block_is_ignored() -> None:
    photograph = camera()[:288, :288].copy()
    photograph[:110, :110] = 50
    assert 2 < niqe(photograph) < 12
