"""Degradations of LR, against other libraries' measures of blur, noise and JPEG."""

from pathlib import Path

import numpy as np
import pytest
import skimage
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio

from gladsr.errors import SettingsError
from gladsr.training.data import Crops, load_pairs
from gladsr.training.degradation import degrade
from gladsr.training.settings import DegradationSettings, read_settings

PHOTO = skimage.data.astronaut()[20:116, 170:266]
WEB = DegradationSettings(clean=0.1, blur=0.7, noise=8, jpeg=(30, 95))


def blockiness(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the mean difference of columns from their left neighbours, for each of 8 offsets."""
    steps = np.abs(np.diff(pixels.astype(float).mean(axis=2), axis=1)).mean(axis=0)
    return np.array([steps[start::8].mean() for start in range(8)])


def test_nothing_is_degraded_by_default():
    assert degrade(PHOTO, DegradationSettings(), np.random.default_rng(0)) is PHOTO


def test_the_same_seed_gives_the_same_picture_and_another_does_not():
    first, again, other = (degrade(PHOTO, WEB, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert first.shape == PHOTO.shape
    assert first.dtype == np.uint8


def test_a_share_stays_clean():
    same = [
        np.array_equal(degrade(PHOTO, WEB, np.random.default_rng(n)), PHOTO) for n in range(300)
    ]
    assert 0.05 < np.mean(same) < 0.16


def test_noise_has_at_most_the_given_deviation():
    flat = np.full((96, 96, 3), 120, np.uint8)
    how = DegradationSettings(noise=8)
    deviations = [degrade(flat, how, np.random.default_rng(n)).std() for n in range(40)]
    assert 7 < max(deviations) < 8.5
    assert min(deviations) < 1
    means = [degrade(flat, how, np.random.default_rng(n)).mean() for n in range(40)]
    assert abs(np.mean(means) - 120) < 0.1  # neither darker nor brighter


def test_blur_removes_detail_and_keeps_the_brightness():
    how = DegradationSettings(blur=0.7)
    blurred = [degrade(PHOTO, how, np.random.default_rng(n)) for n in range(20)]
    details = [np.abs(np.diff(picture.astype(int), axis=0)).mean() for picture in blurred]
    assert max(details) <= 1.01 * np.abs(np.diff(PHOTO.astype(int), axis=0)).mean()
    assert min(details) < 0.9 * np.abs(np.diff(PHOTO.astype(int), axis=0)).mean()
    assert all(abs(picture.mean() - PHOTO.mean()) < 1 for picture in blurred)


def test_blocks_of_jpeg_begin_anywhere():
    how = DegradationSettings(jpeg=(10, 10))
    strongest = [
        int(blockiness(degrade(PHOTO, how, np.random.default_rng(n))).argmax()) for n in range(40)
    ]
    assert len(set(strongest)) == 8


def test_jpeg_of_lower_quality_is_worse():
    scores = [
        np.mean(
            [
                peak_signal_noise_ratio(
                    PHOTO,
                    degrade(PHOTO, DegradationSettings(jpeg=(q, q)), np.random.default_rng(n)),
                )
                for n in range(4)
            ]
        )
        for q in (30, 60, 95)
    ]
    assert scores[0] + 1 < scores[1] < scores[2] - 1


def test_crops_are_degraded_and_their_targets_are_not(toy_data: Path, tmp_path: Path):
    pairs = load_pairs([toy_data / "train"], 2, tmp_path)
    for n in range(5):
        plain, hr = Crops(pairs, 16, seed=3).sample(n)
        worse, same_hr = Crops(
            pairs, 16, seed=3, degradation=WEB.model_copy(update={"clean": 0})
        ).sample(n)
        np.testing.assert_array_equal(hr, same_hr)
        assert 0 < np.abs(worse.astype(int) - plain).mean() < 20


@pytest.mark.parametrize("jpeg", ["[95, 30]", "[0, 50]", "[30, 101]"])
def test_wrong_qualities_are_rejected(jpeg: str):
    config = Path(__file__).parents[2] / "configs" / "gladsr-photo-x2.toml"
    with pytest.raises(SettingsError, match=r"degradation\.jpeg.*from 1 to 100, the lower one"):
        read_settings(config, (f"degradation.jpeg={jpeg}",))
