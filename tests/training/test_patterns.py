"""Patterns that replace some crops."""

from pathlib import Path

import numpy as np
import skimage

from gladsr.pictures import resize
from gladsr.training.data import Crops, load_pairs
from gladsr.training.patterns import pattern

CROP = skimage.data.astronaut()[40:72, 200:232]


def test_patterns_have_the_size_of_the_crop_and_depend_on_the_seed() -> None:
    for seed in range(60):
        made = pattern(CROP, np.random.default_rng(seed))
        assert made.shape == CROP.shape
        assert made.dtype == np.uint8
        np.testing.assert_array_equal(made, pattern(CROP, np.random.default_rng(seed)))


def test_patterns_have_more_detail_than_photographs() -> None:
    def detail(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> float:
        return float(np.abs(np.diff(pixels.astype(int), axis=1)).mean())

    made = [detail(pattern(CROP, np.random.default_rng(seed))) for seed in range(200)]
    assert np.median(made) > 3 * detail(CROP)
    assert max(made) == 255  # black and white in turn


def test_some_cover_a_part_of_the_crop() -> None:
    made = [pattern(CROP, np.random.default_rng(seed)) for seed in range(200)]
    beside = [np.array_equal(each[:, 0], CROP[:, 0]) for each in made]
    assert 0.15 < np.mean(beside) < 0.4
    assert not any(np.array_equal(each, CROP) for each in made)


def test_their_targets_are_their_bicubic_upscale(toy_data: Path, tmp_path: Path) -> None:
    pairs = load_pairs([toy_data / "train"], 2, tmp_path)
    crops = Crops(pairs, 16, seed=3, taught=pairs.hr, patterns=0.5)
    plain = Crops(pairs, 16, seed=3, taught=pairs.hr)
    replaced = 0
    for n in range(60):
        lr, hr, taught = crops.sample(n)
        if np.array_equal(hr, plain.sample(n)[1]):
            np.testing.assert_array_equal(lr, plain.sample(n)[0])
        else:
            replaced += 1
            np.testing.assert_array_equal(hr, resize(lr, scale=2))
            np.testing.assert_array_equal(taught, hr)
    assert 15 < replaced < 45
