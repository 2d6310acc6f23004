"""Crops that are cut in a device's memory, against crops cut by numpy."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gladsr.errors import DataError
from gladsr.pictures import resize
from gladsr.training.data import PairedImages, load_pairs
from gladsr.training.resident import ResidentCrops


@pytest.fixture
def pairs(toy_data: Path, tmp_path: Path) -> PairedImages:
    return load_pairs([toy_data / "train"], 2, tmp_path)


def test_crops_are_those_that_numpy_cuts(pairs: PairedImages) -> None:
    taught = [np.ascontiguousarray(hr[::-1]) for hr in pairs.hr]
    crops = ResidentCrops(pairs, 16, 3, "cpu", taught=taught, shuffle_colours=True)
    starts = {0: 0, pairs.lr[0].shape[0] * pairs.lr[0].shape[1]: 1}
    plan = crops.plan(5, 64)
    cut = crops.cut(plan)
    assert [part.shape[1:] for part in cut] == [(3, 16, 16), (3, 32, 32), (3, 32, 32)]
    assert all(part.is_contiguous(memory_format=torch.channels_last) for part in cut)
    for number, (start, _, top, left, down, across, transposed, *colours) in enumerate(
        plan.tolist()
    ):
        for images, part, scale in zip((pairs.lr, pairs.hr, taught), cut, (1, 2, 2), strict=True):
            image, side = images[starts[start]], 16 * scale
            crop = image[scale * top :, scale * left :][:side, :side][..., colours]
            crop = crop[::-1] if down else crop
            crop = crop[:, ::-1] if across else crop
            crop = crop.transpose(1, 0, 2) if transposed else crop
            expected = crop.transpose(2, 0, 1) / np.float32(255)
            np.testing.assert_array_equal(part[number].numpy(), expected)


def test_lr_is_hr_reduced_whatever_the_symmetry(pairs: PairedImages) -> None:
    crops = ResidentCrops(pairs, 16, 0, "cpu")
    lr, hr = (
        (255 * part).byte().permute(0, 2, 3, 1).numpy() for part in crops.cut(crops.plan(0, 32))
    )
    inside = (slice(3, -3), slice(3, -3))  # away from borders that the crop has and HR had not
    for small, large in zip(lr, hr, strict=True):
        difference = resize(large, scale=0.5)[inside].astype(int) - small[inside]
        assert abs(difference).max() <= 2


def test_a_plan_depends_on_seed_and_step_alone(pairs: PairedImages) -> None:
    first, second = (ResidentCrops(pairs, 8, 1, "cpu") for _ in range(2))
    assert torch.equal(first.plan(7, 9), second.plan(7, 9))
    assert not torch.equal(first.plan(7, 9), first.plan(8, 9))
    assert not torch.equal(first.plan(7, 9), ResidentCrops(pairs, 8, 2, "cpu").plan(7, 9))


def test_all_symmetries_orders_and_offsets_are_drawn(pairs: PairedImages) -> None:
    crops = ResidentCrops(pairs, 40, 0, "cpu", shuffle_colours=True)
    plan = torch.cat([crops.plan(step, 500) for step in range(8)])
    assert len(plan[:, 4:7].unique(dim=0)) == 8
    assert len(plan[:, 7:].unique(dim=0)) == 6
    height, width = pairs.lr[0].shape[:2]
    offsets = plan[plan[:, 0] == 0][:, 2:4]
    assert len(offsets.unique(dim=0)) == (height - 39) * (width - 39)
    assert sorted(plan[0, 7:].tolist()) == [0, 1, 2]


def test_the_share_of_patterns_is_kept_and_their_target_is_bicubic(pairs: PairedImages) -> None:
    crops = ResidentCrops(
        pairs, 16, 0, "cpu", taught=pairs.hr, patterns=0.25, different_patterns=20
    )
    images = sum(lr.shape[0] * lr.shape[1] for lr in pairs.lr)
    plan = crops.plan(0, 4000)
    is_pattern = plan[:, 0] >= images
    assert is_pattern.float().mean() == pytest.approx(0.25, abs=0.03)
    assert len(plan[is_pattern, 0].unique()) == 20
    plain = plan[is_pattern][:8].clone()
    plain[:, 4:7], plain[:, 7:] = 0, torch.arange(3)  # bicubic rounds after each pass: no turns
    lr, hr, taught = (
        (255 * part).round().byte().permute(0, 2, 3, 1).numpy() for part in crops.cut(plain)
    )
    for small, large, other in zip(lr, hr, taught, strict=True):
        np.testing.assert_array_equal(large, resize(np.ascontiguousarray(small), scale=2))
        np.testing.assert_array_equal(other, large)


def test_images_smaller_than_a_crop_are_left_out(pairs: PairedImages) -> None:
    small = PairedImages(["s"], [pairs.hr[0][:16, :16]], [pairs.lr[0][:8, :8]], pairs.folder)
    both = PairedImages(["s", "l"], small.hr + pairs.hr[:1], small.lr + pairs.lr[:1], pairs.folder)
    crops = ResidentCrops(both, 16, 0, "cpu")
    assert crops.left_out == 1
    assert (crops.plan(0, 50)[:, 0] == 0).all()
    with pytest.raises(DataError, match="as large as a crop of 16"):
        ResidentCrops(small, 16, 0, "cpu")
